//! The clock: whether a service keeps it right, and how far it is off by what that service says. The service is asked
//! through its own program, seldom, since each answer starts one; the clock is never set.

use std::time::Duration;

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::{Command, Host},
    probes::time::keeper,
};

metrics! {
    /// By how much the clock is ahead of the right time, or behind it when below zero, as the service says that keeps it.
    OFFSET = "system.clock.offset", "Clock is off", "s", Kind::Gauge, Neither, 6;
    /// Whether the clock is kept right: 1 when the service found the right time, 0 when it did not.
    SYNCHRONIZED = "system.clock.synchronized", "Clock is kept right", "1", Kind::Gauge, More, 0,
        says ("is kept right", "is not kept right");
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "clock",
    about: "whether the clock is right",
    metrics: METRICS,
    every: Duration::from_secs(600),
    waits: true,
    start: |with| Ok(Box::new(Clock(with.host.clone()))),
};

struct Clock(Host);

const WHAT: &str = "whether the clock is right";
const TIMEDATECTL: &[&str] = &["/usr/bin/timedatectl", "/bin/timedatectl"];

impl Sample for Clock {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let Some(keeper) = keeper(&self.0)? else {
            return Err(Gap::new(WHAT, "/proc", Reason::Tool("no service that keeps the clock right runs".to_owned())));
        };
        let synchronised = match keeper.synchronised {
            Some(known) => known,
            None => kernel(&self.0)?,
        };
        values.gauge(&SYNCHRONIZED, &[], f64::from(u8::from(synchronised)));
        let offset = match keeper.offset_seconds {
            None if synchronised && keeper.name == "systemd-timesyncd" => timesyncd(&self.0)?,
            known => known,
        };
        if let Some(offset) = offset {
            values.gauge(&OFFSET, &[], offset);
        }
        Ok(())
    }
}

fn answer(host: &Host, args: &[&str]) -> Result<String, Gap> {
    let answer = host.run(&Command::new(TIMEDATECTL).args(args.iter().copied()).max_output(1 << 20));
    answer
        .and_then(|output| output.success("timedatectl"))
        .map_err(|error| Gap::new(WHAT, "timedatectl", error.reason()))
}

/// Whether the kernel was told that the clock is right, by a service that says nothing itself.
fn kernel(host: &Host) -> Result<bool, Gap> {
    Ok(answer(host, &["show", "--property=NTPSynchronized", "--value"])?.trim() == "yes")
}

/// How far the clock is ahead. Of the server's time, which is what it says, it is the other way round.
fn timesyncd(host: &Host) -> Result<Option<f64>, Gap> {
    let text = answer(host, &["timesync-status", "--no-pager"])?;
    let offset = text.lines().find_map(|line| line.trim().strip_prefix("Offset:"));
    Ok(offset.and_then(|offset| span(offset.trim())).map(|behind| -behind))
}

/// A length of time as systemd writes it, in seconds: `-1min 2.5s` (systemd.time(7)).
fn span(text: &str) -> Option<f64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0.0;
    for part in text.split_ascii_whitespace() {
        let unit = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
        let (number, unit) = part.split_at_checked(unit)?;
        let length = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "month" => 2_629_800.0,
            "y" => 31_557_600.0,
            "" if number == "0" => 0.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * length;
    }
    (!text.is_empty()).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        host::Output,
        metrics::testing::{Tree, read},
    };

    const TIMESYNCD: [(&str, &str); 2] =
        [("usr/lib/systemd/systemd-timesyncd", ""), ("proc/9/comm", "systemd-timesyn\n")];

    fn host(tree: &Tree, said: &[(&str, &str)]) -> Host {
        let canned: BTreeMap<_, _> = said.iter().map(|(c, out)| ((*c).to_owned(), Output::ok(*out))).collect();
        Host::fake(tree.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap()
    }

    fn told(files: &[(&str, &str)], said: &[(&str, &str)]) -> Vec<(String, f64)> {
        let tree = Tree::new(files);
        read(&mut Clock(host(&tree, said)), &mut Values::default(), 1).into_iter().collect()
    }

    #[test]
    fn chrony_says_how_far_it_is_off() {
        let files = [("usr/sbin/chronyd", ""), ("proc/7/comm", "chronyd\n")];
        let ask = "/usr/bin/chronyc -c tracking";
        let said = "C0248F97,192.36.143.151,2,1731000000.1,-0.000412345,0.1,0.2,-1.5,0.0,0.1,0.01,0.001,64.2,Normal\n";
        let expected = [("system.clock.offset".to_owned(), -0.000_412), ("system.clock.synchronized".to_owned(), 1.0)];
        assert_eq!(told(&files, &[(ask, said)]), expected);
        let said = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";
        assert_eq!(told(&files, &[(ask, said)]), [("system.clock.synchronized".to_owned(), 0.0)]);
    }

    #[test]
    fn timesyncd_is_asked_when_it_has_set_the_clock() {
        assert_eq!(told(&TIMESYNCD, &[]), [("system.clock.synchronized".to_owned(), 0.0)]);
        let files = [TIMESYNCD[0], TIMESYNCD[1], ("run/systemd/timesync/synchronized", "")];
        let said = "       Server: 192.0.2.1 (ntp.example.org)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n         Leap: normal\n      Version: 4\n      Stratum: 2\n    Reference: C0A80101\n    Precision: 1us (-23)\nRoot distance: 12.345ms (max: 5s)\n       Offset: -6.293ms\n        Delay: 13.1ms\n       Jitter: 1.2ms\n Packet count: 24\n    Frequency: -4.7ppm\n";
        let ask = "/usr/bin/timedatectl timesync-status --no-pager";
        let expected = [("system.clock.offset".to_owned(), 0.006_293), ("system.clock.synchronized".to_owned(), 1.0)];
        assert_eq!(told(&files, &[(ask, said)]), expected);
    }

    #[test]
    fn of_a_service_that_says_nothing_the_kernel_knows() {
        let files = [("usr/sbin/ntpctl", ""), ("proc/9/comm", "ntpd\n")];
        let ask = "/usr/bin/timedatectl show --property=NTPSynchronized --value";
        assert_eq!(told(&files, &[(ask, "yes\n")]), [("system.clock.synchronized".to_owned(), 1.0)]);
    }

    #[test]
    fn what_nobody_knows_is_not_made_up() {
        let fails = |files: &[(&str, &str)], said: &[(&str, &str)]| {
            let tree = Tree::new(files);
            Clock(host(&tree, said)).sample(&mut Values::default()).unwrap_err().why()
        };
        assert_eq!(fails(&[("proc/7/comm", "sh\n")], &[]), "no service that keeps the clock right runs");
        assert_eq!(fails(&[("usr/sbin/chronyd", ""), ("proc/7/comm", "chronyd\n")], &[]), "chronyc is not installed");
    }

    #[test]
    fn lengths_are_read_as_systemd_writes_them() {
        for (text, seconds) in [
            ("+234us", 0.000_234),
            ("-6.293ms", -0.006_293),
            ("+1min 2.5s", 62.5),
            ("-1y 1month", -34_187_400.0),
            ("0", 0.0),
        ] {
            assert!((span(text).unwrap() - seconds).abs() < 1e-9, "{text}");
        }
        for junk in ["", "-", "n/a", "5", "s", "1x", "1 s", "\u{1b}[31m1s", "1e400parsec"] {
            assert_eq!(span(junk), None, "{junk}");
        }
    }
}
