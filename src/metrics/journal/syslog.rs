//! The log file of a machine without a journal. It does not say how bad a message is, so only what the kernel says can be
//! counted. Anyone who may write messages can pretend to be the kernel in it.

use super::{Counts, WHAT};
use crate::{
    facts::{Gap, Reason},
    host::Host,
    metrics::follow::Follow,
};

/// Where it may be.
const PLACES: [&str; 2] = ["/var/log/syslog", "/var/log/messages"];
/// How much of it is read at once, in bytes.
const MOST: u64 = 16 << 20;

/// The log file.
#[derive(Debug)]
pub(super) struct Syslog(Follow);

impl Syslog {
    /// The file from now on.
    ///
    /// # Errors
    /// When there is none, or it may not be read.
    pub fn new(host: &Host) -> Result<Self, Gap> {
        let Some(path) = PLACES.iter().find(|path| host.exists(path)) else {
            let none = "there is neither a journal of systemd nor a log file".to_owned();
            return Err(Gap::new(WHAT, PLACES[0], Reason::Broken(none)));
        };
        let follow = Follow::from_now(host, path).map_err(|error| Gap::new(WHAT, *path, error.reason()))?;
        Ok(Syslog(follow))
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// When it cannot be read, or more is new than is read.
    pub fn read(&mut self, host: &Host, counts: &mut Counts) -> Result<(), Gap> {
        let mut line = |line: &[u8]| {
            if let Some(message) = kernel(line) {
                counts.kernel(&String::from_utf8_lossy(message), false);
            }
        };
        let path = self.0.path().to_owned();
        let news = self.0.read(host, MOST, &mut Vec::new(), &mut line);
        let news = news.map_err(|error| Gap::new(WHAT, &path, error.reason()))?;
        if news.read < news.new {
            let what = "more than 16 MB were written in a minute, and only a part of it was read".to_owned();
            return Err(Gap::new("all that the logs of this machine say", path, Reason::Broken(what)));
        }
        Ok(())
    }
}

/// What the kernel said, where a line is of the kernel: `Nov  6 11:02:37 HOST kernel: [   12.5] MESSAGE` (RFC 3164), or
/// with a time as `2026-11-06T11:02:37.123456+01:00` (RFC 3339).
fn kernel(line: &[u8]) -> Option<&[u8]> {
    let rest = match line.first()? {
        b'0'..=b'9' => {
            let (time, rest) = split(line)?;
            (time.get(10) == Some(&b'T') && time.len() >= 19).then_some(rest)?
        }
        _ => {
            let (time, rest) = line.split_at_checked(16)?;
            let colons = [time.get(9), time.get(12)].iter().all(|b| *b == Some(&b':'));
            (colons && time.last() == Some(&b' ')).then_some(rest)?
        }
    };
    let (_, rest) = split(rest)?;
    let message = rest.strip_prefix(b"kernel: ")?;
    let Some(stamped) = message.strip_prefix(b"[") else { return Some(message) };
    match memchr::memmem::find(stamped, b"] ") {
        Some(end) if stamped.iter().take(end).all(|b| b.is_ascii_digit() || b" .".contains(b)) => {
            stamped.get(end + 2..)
        }
        _ => Some(message),
    }
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', line)?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_the_kernel_are_told_from_others() {
        let told = |line: &str| kernel(line.as_bytes()).map(|m| String::from_utf8_lossy(m).into_owned());
        for (line, expected) in [
            ("Nov 26 11:02:37 web01 kernel: [    1.234567] usb 1-1: new", Some("usb 1-1: new")),
            ("Nov  6 11:02:37 web01 kernel: [x] y", Some("[x] y")),
            ("Nov  6 11:02:37 web01 kernel: ", Some("")),
            ("2026-11-26T11:02:37+01:00 web01 kernel: usb", Some("usb")),
            ("2026-11-26T11:02:37.123456Z web01 kernel: [1.0] usb", Some("usb")),
            ("2026-11-26 11:02:37 web01 kernel: usb", None),
            ("Nov 26 11:02:37 web01 sshd[1]: kernel: usb", None),
            ("Nov 26 11:02:37 kernel: usb", None),
            ("kernel: usb", None),
            ("", None),
        ] {
            assert_eq!(told(line).as_deref(), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_stumble(line in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = kernel(&line);
        }
    }
}
