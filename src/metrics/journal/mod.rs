//! What the machine complains about: errors and warnings of its programs, what the kernel says, programs that were ended
//! for lack of memory, services that are started again. From the journal of systemd where there is one, else from the log
//! file of the system, which tells less. No message is kept.

mod entry;
mod journald;
mod kernel;
mod syslog;

use std::time::Duration;

use self::{entry::Entry, journald::Journald, syslog::Syslog};
use super::{
    Sample, Sampler, Values, With,
    declare::{counter, metrics},
    few::Few,
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Messages of programs and the kernel: `error` (also worse: critical, alert, emergency) and `warning`.
    MESSAGES = "log.messages", "Errors and warnings", "{message}/s", counter("log.messages", "{message}"), Less, 4,
        by ["log.severity"];
    /// Errors by the service that told them; `kernel` for the kernel, `other` for all that are few.
    ERRORS = "log.errors", "Errors by service", "{message}/s", counter("log.errors", "{message}"), Less, 4,
        by ["systemd.unit.name"];
    /// Messages of the kernel, of any kind.
    KERNEL = "kernel.messages", "Messages of the kernel", "{message}/s", counter("kernel.messages", "{message}"), Neither, 4;
    /// Errors that the kernel told, such as a disk that cannot be read.
    KERNEL_ERRORS = "kernel.errors", "Errors of the kernel", "{message}/s", counter("kernel.errors", "{message}"), Less, 4;
    /// Programs that the kernel ended because there was no memory left, by their name.
    KILLS = "kernel.oom_kills", "Programs ended for lack of memory", "{process}/s", counter("kernel.oom_kills", "{process}"),
        Less, 4, by ["process.executable.name"];
    /// Services that ended and were started again by themselves.
    RESTARTS = "systemd.service.restarts", "Services started again", "{restart}/s",
        counter("systemd.service.restarts", "{restart}"), Less, 4, by ["systemd.unit.name"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "journal",
    about: "what the machine complains about in its logs",
    metrics: METRICS,
    every: Duration::from_secs(60),
    waits: true,
    start: |with| Ok(Box::new(Journal::new(with)?)),
};

/// Names with a series of their own.
const NAMES: usize = 20;
/// What cannot be seen.
const WHAT: &str = "what the logs of this machine say";

struct Journal {
    host: Host,
    source: Source,
    counts: Counts,
    /// When it was told last, by the clock of samples.
    last: Option<Duration>,
}

enum Source {
    Journald(Journald),
    Syslog(Syslog),
}

/// What was counted.
struct Counts {
    /// Whether how bad messages are is known.
    graded: bool,
    errors: Total,
    warnings: Total,
    kernel: Total,
    kernel_errors: Total,
    units: Few,
    kills: Few,
    restarts: Few,
}

/// A count, and how much of it is new.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    all: u64,
    new: u64,
}

impl Total {
    fn add(&mut self) {
        self.all += 1;
        self.new += 1;
    }
}

impl Journal {
    fn new(with: &With) -> Result<Self, Gap> {
        let host = &with.host;
        let source = match Journald::new(host)? {
            Some(journald) => Source::Journald(journald),
            None => Source::Syslog(Syslog::new(host)?),
        };
        let counts = Counts::new(matches!(source, Source::Journald(_)));
        Ok(Journal { host: host.clone(), source, counts, last: None })
    }
}

impl Counts {
    fn new(graded: bool) -> Self {
        let [errors, warnings, kernel, kernel_errors] = [Total::default(); 4];
        let [units, kills, restarts] = [NAMES; 3].map(Few::new);
        Counts { graded, errors, warnings, kernel, kernel_errors, units, kills, restarts }
    }

    fn add(&mut self, entry: &Entry<'_>) {
        match entry.priority {
            Some(..=3) => {
                self.errors.add();
                self.units.add(&entry.source());
            }
            Some(4) => self.warnings.add(),
            _ => {}
        }
        if entry.kernel {
            self.kernel(&entry.message, entry.priority.is_some_and(|priority| priority <= 3));
        }
        if let Some(unit) = entry.restarted() {
            self.restarts.add(unit);
        }
    }

    fn kernel(&mut self, message: &str, error: bool) {
        self.kernel.add();
        if error {
            self.kernel_errors.add();
        }
        if let Some(program) = kernel::killed(message) {
            self.kills.add(program);
        }
    }

    fn tell(&mut self, values: &mut Values, since: Duration) {
        let mut one = |metric, labels: &[&str], total: &mut Total| {
            values.counted_here(metric, labels, total.all, std::mem::take(&mut total.new), since);
        };
        one(&KERNEL, &[], &mut self.kernel);
        if self.graded {
            one(&MESSAGES, &["error"], &mut self.errors);
            one(&MESSAGES, &["warning"], &mut self.warnings);
            one(&KERNEL_ERRORS, &[], &mut self.kernel_errors);
        }
        let now = values.now();
        for (metric, few) in [(&ERRORS, &mut self.units), (&KILLS, &mut self.kills), (&RESTARTS, &mut self.restarts)] {
            few.tell(now, |name, total, new| values.counted_here(metric, &[name], total, new, since));
        }
    }
}

impl Sample for Journal {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let now = values.now();
        // The first time it only begins to count.
        let since = self.last.replace(now).unwrap_or(now);
        let result = match &mut self.source {
            Source::Journald(journald) => journald.read(&self.host, &mut self.counts),
            Source::Syslog(syslog) => syslog.read(&self.host, &mut self.counts),
        };
        // What was read until something went wrong counts.
        self.counts.tell(values, since);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        config,
        host::Output,
        metrics::testing::{Tree, read, told},
    };

    fn with(host: Host) -> With {
        With::new(host, config::Metrics::default())
    }

    /// A machine whose journal says this, minute after minute; `{n}` is where the cursor stands.
    fn machine(tree: &Tree, minutes: &[(&str, &str)]) -> Host {
        tree.write("var/log/journal/0123/system.journal", "");
        let mut canned = BTreeMap::new();
        canned.insert(
            "/usr/bin/journalctl --quiet --no-pager --lines=0 --show-cursor".to_owned(),
            Output::ok("-- cursor: s=1;i=1\n"),
        );
        for (cursor, said) in minutes {
            canned.insert(format!("/usr/bin/journalctl {}", journald::read(cursor).join(" ")), Output::ok(*said));
        }
        Host::fake(tree.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap()
    }

    const FIRST: &str = r#"{"__CURSOR":"s=1;i=1","PRIORITY":"3","_SYSTEMD_UNIT":"nginx.service","MESSAGE":"read before"}
{"__CURSOR":"s=1;i=2","PRIORITY":"3","_SYSTEMD_UNIT":"nginx.service","MESSAGE":"no"}
{"__CURSOR":"s=1;i=3","PRIORITY":"2","_SYSTEMD_UNIT":"session-3.scope","SYSLOG_IDENTIFIER":"su"}
{"__CURSOR":"s=1;i=4","PRIORITY":"4","_SYSTEMD_UNIT":"nginx.service"}
not json
{"__CURSOR":"s=1;i=5","PRIORITY":"3","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"Out of memory: Killed process 4242 (mysqld) total-vm:1kB"}
{"__CURSOR":"s=1;i=6","PRIORITY":"6","_TRANSPORT":"kernel","MESSAGE":[79,255,10]}
{"__CURSOR":"s=1;i=7","PRIORITY":"6","MESSAGE_ID":"5eb03494b6584870a536b337290809b3","_SYSTEMD_UNIT":"init.scope","UNIT":"shop.service"}
{"__CURSOR":"s=1;i=8","PRIORITY":"6","MESSAGE_ID":"5eb03494b6584870a536b337290809b3","_SYSTEMD_UNIT":"evil.service","UNIT":"ssh.service"}
{"__CURSOR":"s=1;i=9","PRIORITY":"3","_SYSTEMD_UNIT":"init.scope","UNIT":"shop.service","MESSAGE":null}
"#;

    #[test]
    fn what_the_journal_says_is_counted() {
        let tree = Tree::new(&[]);
        let host = machine(&tree, &[("s=1;i=1", FIRST), ("s=1;i=9", "")]);
        let mut journal = Journal::new(&with(host)).unwrap();
        let mut values = Values::default();
        assert_eq!(read(&mut journal, &mut values, 60).len(), 0, "it only began");
        let told = read(&mut journal, &mut values, 120);
        let per_minute = |n: f64| (n / 60.0 * 10_000.0).round() / 10_000.0;
        for (name, n) in [
            ("log.messages{error}", 4.0),
            ("log.messages{warning}", 1.0),
            ("log.errors{nginx.service}", 1.0),
            ("log.errors{su}", 1.0),
            ("log.errors{kernel}", 1.0),
            ("log.errors{shop.service}", 1.0),
            ("kernel.messages", 2.0),
            ("kernel.errors", 1.0),
            ("kernel.oom_kills{mysqld}", 1.0),
            ("systemd.service.restarts{shop.service}", 1.0),
        ] {
            assert_eq!(told[name], per_minute(n), "{name}");
        }
        assert_eq!(told.len(), 10, "{told:?}");
        let told = read(&mut journal, &mut values, 180);
        assert!(told.len() == 10 && told.values().all(|value| *value == 0.0), "{told:?}");
    }

    #[test]
    fn a_flood_is_cut_off_and_told() {
        let tree = Tree::new(&[]);
        let flood: String = (0..journald::MOST)
            .map(|n| format!("{{\"__CURSOR\":\"s=1;i=x{n}\",\"PRIORITY\":\"3\",\"_SYSTEMD_UNIT\":\"a.service\"}}\n"))
            .collect();
        let mut journal = Journal::new(&with(machine(&tree, &[("s=1;i=1", &flood)]))).unwrap();
        let mut values = Values::default();
        read(&mut journal, &mut values, 60);
        values.begin(Duration::from_secs(120));
        let gap = journal.sample(&mut values).unwrap_err();
        assert!(gap.why().contains("more than 5,000"), "{gap:?}");
        assert!(told(&values)["log.messages{error}"] > 80.0);
        // It goes on with what comes from then on, not with the rest of the flood.
        values.begin(Duration::from_secs(180));
        let gap = journal.sample(&mut values).unwrap_err();
        assert!(gap.why().contains("more than 5,000"), "it began where the journal stands now: {gap:?}");
    }

    #[test]
    fn without_a_journal_the_log_file_tells_of_the_kernel() {
        let tree = Tree::new(&[("var/log/syslog", "Nov 26 11:00:00 web01 kernel: [1.0] old\n")]);
        let mut journal = Journal::new(&with(tree.host())).unwrap();
        let mut values = Values::default();
        read(&mut journal, &mut values, 60);
        let log = tree.path().join("var/log/syslog");
        let text = std::fs::read_to_string(&log).unwrap();
        tree.write(
            "var/log/syslog",
            &format!(
                "{text}Nov 26 11:00:01 web01 kernel: [  12.5] Out of memory: Killed process 7 (php-fpm) total-vm:1kB\n\
                 2026-11-26T11:00:02.123456+01:00 web01 kernel: usb 1-1: new device\n\
                 Nov 26 11:00:03 web01 sshd[12]: kernel: Out of memory: Killed process 8 (x)\n\u{fffd}\n"
            ),
        );
        let told = read(&mut journal, &mut values, 120);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["kernel.messages", "kernel.oom_kills{php-fpm}"]);
        assert_eq!(told["kernel.messages"], 0.0333);
        // Without any log at all it says so.
        assert!(Journal::new(&with(Tree::new(&[]).host())).is_err());
    }
}
