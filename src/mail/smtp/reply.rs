//! Answers of a mail server: a code of three digits and words, over one or more lines.

use super::super::outcome::said;

/// The longest line of an answer. RFC 5321 allows 512 bytes; some servers write more.
pub(super) const LINE: usize = 4096;
/// The most lines of an answer.
pub(super) const LINES: usize = 200;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    /// The words of each line, without the code.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2xx.
    pub fn is_yes(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4xx: not now.
    pub fn is_later(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5xx: no.
    pub fn is_no(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// The enhanced status code (RFC 2034), `5.7.8`, if there is one: class, subject.
    pub fn status(&self) -> Option<(u16, u16)> {
        let first = self.lines.first()?.split_ascii_whitespace().next()?;
        let mut parts = first.split('.').map(|p| p.parse::<u16>().ok());
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(class)), Some(Some(subject)), Some(Some(_)), None) => Some((class, subject)),
            _ => None,
        }
    }

    /// For a sentence: `(it said: 550 5.1.1 No such user)`.
    pub fn said(&self) -> String {
        format!("(it said: {})", said(&format!("{} {}", self.code, self.lines.join(" "))))
    }
}

/// One line of an answer without its end: the code, whether more lines follow, the words.
pub(super) fn line(bytes: &[u8]) -> Option<(u16, bool, String)> {
    let digits = bytes.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0_u16, |n, d| n * 10 + u16::from(d - b'0'));
    let more = match bytes.get(3) {
        None | Some(b' ') => false,
        Some(b'-') => true,
        Some(_) => return None,
    };
    let words = String::from_utf8_lossy(bytes.get(4..).unwrap_or_default()).into_owned();
    (200..600).contains(&code).then_some((code, more, words))
}

/// What a server can do, from its answer to EHLO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub starttls: bool,
    /// Ways to log in, in capitals.
    pub auth: Vec<String>,
    /// The largest mail in bytes; 0 when it names no limit; none when it does not speak of sizes.
    pub size: Option<u64>,
    pub utf8: bool,
    pub eight_bit: bool,
}

impl Offers {
    pub fn read(reply: &Reply) -> Self {
        let mut offers = Offers::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.trim().to_ascii_uppercase();
            let (word, rest) = line.split_once([' ', '=']).unwrap_or((&line, ""));
            match word {
                "STARTTLS" => offers.starttls = true,
                "AUTH" => offers.auth.extend(rest.split_ascii_whitespace().map(str::to_owned)),
                "SIZE" => offers.size = Some(rest.trim().parse().unwrap_or(0)),
                "SMTPUTF8" => offers.utf8 = true,
                "8BITMIME" => offers.eight_bit = true,
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_or_refused() {
        assert_eq!(line(b"250-SIZE 1000"), Some((250, true, "SIZE 1000".to_owned())));
        assert_eq!(line(b"354"), Some((354, false, String::new())));
        assert_eq!(line(b"250 \xff ok"), Some((250, false, "\u{fffd} ok".to_owned())));
        for wrong in [&b""[..], b"25", b"2500", b"abc ok", b"199 x", b"600 x", b"250_x", b"\xff\xff\xff ok"] {
            assert_eq!(line(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn offers_are_read() {
        let lines =
            ["mail.example.org", "size 1000", "AUTH plain Login", "AUTH=CRAM-MD5", "StartTLS", "8BITMIME", "HELP"];
        let offers = Offers::read(&Reply { code: 250, lines: lines.map(str::to_owned).to_vec() });
        assert_eq!(offers.auth, ["PLAIN", "LOGIN", "CRAM-MD5"]);
        assert!(offers.starttls && offers.eight_bit && !offers.utf8 && offers.size == Some(1000));
        let named_so = Offers::read(&Reply { code: 250, lines: vec!["STARTTLS".to_owned()] });
        assert!(!named_so.starttls, "the first line is the server's name");
    }

    #[test]
    fn the_status_is_read() {
        let status = |words: &str| Reply { code: 550, lines: vec![words.to_owned()] }.status();
        assert_eq!(status("5.7.1 Relaying denied"), Some((5, 7)));
        assert_eq!([status("no"), status("5.7"), status("1.2.3.4 is listed"), status("")], [None; 4]);
    }
}
