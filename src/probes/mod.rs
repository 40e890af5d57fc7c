//! Probes: each reads one part of the machine and fills one or more fact tables. Read-only.
//!
//! A probe is one file here and one line in [`ALL`]. It says what it could not read as a [`Gap`]; it never decides
//! what is good or bad: that is what checks are for.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::time::ClockId;

use crate::metrics::tables;
use crate::{
    facts::{Facts, Gap, Reason, Table},
    host::{Host, ReadError, RunError},
};

pub mod accounts;
pub mod apt;
pub mod backups;
pub mod boot;
pub mod certificates;
pub mod containers;
pub mod cron;
pub mod databases;
pub mod disks;
pub mod homes;
pub mod important_files;
pub mod kernel;
pub mod logging;
pub mod login_limits;
pub mod login_settings;
pub mod logins;
pub mod machine;
pub mod mail;
pub mod memory;
pub mod mounts;
pub mod network;
pub mod packages;
pub mod pam;
pub mod plain_secrets;
pub mod processes;
pub mod release;
pub mod restart;
pub(crate) mod rights;
mod servers;
pub mod services;
pub mod ssh_client;
pub mod ssh_server;
pub mod sudoers;
pub mod sysctl;
pub mod time;
pub mod walk;
pub mod web;

/// Every probe.
pub const ALL: &[Probe] = &[
    accounts::PROBE,
    apt::PROBE,
    backups::PROBE,
    boot::PROBE,
    certificates::PROBE,
    containers::PROBE,
    cron::PROBE,
    databases::PROBE,
    disks::PROBE,
    homes::PROBE,
    important_files::PROBE,
    kernel::PROBE,
    logging::PROBE,
    login_limits::PROBE,
    login_settings::PROBE,
    logins::PROBE,
    machine::PROBE,
    mail::PROBE,
    memory::PROBE,
    mounts::PROBE,
    network::PROBE,
    packages::PROBE,
    pam::PROBE,
    plain_secrets::PROBE,
    processes::PROBE,
    release::PROBE,
    restart::PROBE,
    services::PROBE,
    ssh_client::PROBE,
    ssh_server::PROBE,
    sudoers::PROBE,
    sysctl::PROBE,
    time::PROBE,
    walk::PROBE,
    web::PROBE,
];

/// One reader of the machine.
#[derive(Clone, Copy)]
pub struct Probe {
    /// Short name: the file's.
    pub name: &'static str,
    /// What it looks at, in plain words that complete "I could not see …".
    pub about: &'static str,
    /// The tables it fills.
    pub tables: &'static [&'static Table],
    /// How long it may take.
    pub limit: Duration,
    /// Reads the host and pushes rows.
    pub run: fn(&Host, &mut Facts) -> Result<(), ProbeError>,
}

/// The limit of most probes.
pub const USUAL_LIMIT: Duration = Duration::from_secs(10);

/// Why a whole probe failed. What can be said about one table is a [`Gap`] instead.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A file it cannot do without.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A program it cannot do without.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl ProbeError {
    fn reason(&self) -> Reason {
        match self {
            ProbeError::Read(error) => error.reason(),
            ProbeError::Run(error) => error.reason(),
        }
    }
}

/// What happens while probes run, for whoever shows progress.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A probe ended after so long.
    Done {
        /// Its name.
        probe: &'static str,
        /// How long it took.
        took: Duration,
        /// Processor time of its own thread.
        cpu: Duration,
    },
}

/// All tables of all probes, by registry order, and those of metrics, which come from the history.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    ALL.iter().chain([&METRICS]).flat_map(|p| p.tables.iter().copied())
}

/// Stands for what is measured all the time: an audit reads it from the history.
pub const METRICS: Probe = Probe {
    name: "metrics",
    about: "how the machine felt of late, where it is measured",
    tables: &tables::ALL,
    limit: USUAL_LIMIT,
    run: |_, _| Ok(()),
};

/// The table of that name and the probe that fills it.
pub fn table(name: &str) -> Option<(&'static Table, &'static Probe)> {
    ALL.iter().chain([&METRICS]).find_map(|p| p.tables.iter().find(|t| t.name == name).map(|t| (*t, p)))
}

/// Runs `probes` side by side, each within its own time limit, and tells `listen` when one ends.
///
/// A probe that fails, panics or hangs leaves a gap in its tables and nothing else: one that hangs in the kernel
/// is left behind, not waited for.
pub fn run(probes: &[Probe], host: &Host, mut listen: impl FnMut(Event)) -> Facts {
    let start = Instant::now();
    let (send, receive) = mpsc::channel();
    let supervised = host.clone();
    let supervised_probes = probes.to_vec();
    // The scope that joins the probes lives on a thread of its own, so that the audit can go on without a hung one.
    thread::spawn(move || {
        thread::scope(|scope| {
            for (index, probe) in supervised_probes.iter().enumerate() {
                let send = send.clone();
                let host = supervised.until(start + probe.limit);
                let body = move || {
                    let facts = run_one(probe, &host);
                    let _ = send.send((index, facts, cpu_time(ClockId::ThreadCPUTime)));
                };
                let _ = thread::Builder::new().name(probe.name.to_owned()).spawn_scoped(scope, body);
            }
        });
    });
    let mut facts = Facts::new();
    let mut open: Vec<bool> = vec![true; probes.len()];
    // Programs are stopped at the limit; the grace lets a probe report what it has by then.
    let grace = Duration::from_millis(500);
    while open.contains(&true) {
        let next = probes.iter().zip(&open).filter(|(_, open)| **open).map(|(p, _)| start + p.limit + grace).min();
        let wait = next.map_or(grace, |end| end.saturating_duration_since(Instant::now()));
        match receive.recv_timeout(wait) {
            Ok((index, found, cpu)) => {
                facts.merge(found);
                let first = open.get_mut(index).is_some_and(|open| std::mem::replace(open, false));
                if let Some(probe) = probes.get(index).filter(|_| first) {
                    listen(Event::Done { probe: probe.name, took: start.elapsed(), cpu });
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                for (probe, open) in probes.iter().zip(&mut open) {
                    if *open && Instant::now() >= start + probe.limit + grace {
                        *open = false;
                        lost(probe, &mut facts, Reason::TimedOut);
                    }
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                for (probe, open) in probes.iter().zip(&open) {
                    if *open {
                        lost(probe, &mut facts, Reason::Broken("the probe could not be started".to_owned()));
                    }
                }
                break;
            }
        }
    }
    facts
}

/// Processor time used so far by this thread or this process.
pub(crate) fn cpu_time(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs one probe and settles the state of its tables.
pub fn run_one(probe: &Probe, host: &Host) -> Facts {
    let mut facts = Facts::new();
    if host.is_live() || probe.tables.iter().any(|t| t.offline) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (probe.run)(host, &mut facts)));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => unread(probe, &mut facts, &error.reason(), &error.to_string()),
            Err(_) => {
                let reason = Reason::Broken("cleanbill made a mistake here".to_owned());
                unread(probe, &mut facts, &reason, probe.name);
            }
        }
    }
    for table in probe.tables {
        if !host.is_live() && !table.offline {
            facts.absent_table(table, "only a running machine can tell".to_owned());
        }
        facts.finish(table);
    }
    facts
}

fn unread(probe: &Probe, facts: &mut Facts, reason: &Reason, source: &str) {
    for table in probe.tables {
        if !matches!(facts.state(table.name), crate::facts::State::Absent(_)) {
            facts.unread_table(table, Gap::new(probe.about, source, reason.clone()));
        }
    }
}

fn lost(probe: &Probe, facts: &mut Facts, reason: Reason) {
    for table in probe.tables {
        facts.unread_table(table, Gap::new(probe.about, probe.name, reason.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up system: a folder with `etc`, `usr` and these files.
    pub(super) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["etc", "usr"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    /// The same; `<NAME` stands for what is in the file of that name in `tests/fixtures/FOLDER`.
    pub(super) fn tree_with(folder: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
        let text = |text: &str| match text.strip_prefix('<').filter(|name| !name.contains('\n')) {
            Some(name) => std::fs::read_to_string(fixtures.join(name)).unwrap(),
            None => text.to_owned(),
        };
        let texts: Vec<_> = files.iter().map(|(path, given)| (*path, text(given))).collect();
        tree(&texts.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>())
    }

    #[test]
    fn every_table_is_declared_once_and_described() {
        let mut names = std::collections::BTreeSet::new();
        for table in tables() {
            assert!(names.insert(table.name), "{} is declared twice", table.name);
            assert!(table.about.ends_with('.'), "{}: one sentence, please", table.name);
            // What is measured comes from the kernel, and says so by the name of its metric.
            let told = crate::metrics::tables::is_one(table.name) || table.columns.iter().any(|c| c.name == "source");
            assert!(told, "{} has no source column", table.name);
            for column in table.columns {
                assert!(column.about.ends_with('.'), "{}.{}: one sentence, please", table.name, column.name);
            }
            assert!(!table.examples.is_empty(), "{} has no example", table.name);
        }
    }

    #[test]
    fn every_example_query_runs() {
        let db = crate::facts::FactDb::new(tables(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        db.seal().unwrap();
        for table in tables() {
            let columns: Vec<_> = table.columns.iter().map(|c| c.name).collect();
            let all = format!("select {} from {}", columns.join(", "), table.name);
            for sql in table.examples.iter().copied().chain([all.as_str()]) {
                assert!(db.select(sql, &[]).is_ok(), "{}: {sql}: {:?}", table.name, db.select(sql, &[]).err());
            }
        }
    }

    #[test]
    fn a_probe_that_hangs_or_panics_is_a_gap_and_nothing_more() {
        crate::fact_table! {
            /// Never filled.
            "nothing" => Nothing {
                /// Nothing.
                source: String,
            }
            offline: true,
            examples: [],
        }
        fn hang(_: &Host, _: &mut Facts) -> Result<(), ProbeError> {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        fn fail(_: &Host, _: &mut Facts) -> Result<(), ProbeError> {
            std::panic::resume_unwind(Box::new("boom"))
        }
        const HANG: Probe = Probe {
            name: "hang",
            about: "how it hangs",
            tables: &[<Nothing as crate::facts::Row>::TABLE],
            limit: Duration::from_millis(10),
            run: hang,
        };
        const FAIL: Probe = Probe { name: "fail", run: fail, limit: USUAL_LIMIT, ..HANG };
        let host = Host::live().unwrap();
        let facts = run(&[HANG], &host, |_| {});
        assert_eq!(facts.gaps(), [&Gap::new("how it hangs", "hang", Reason::TimedOut)]);
        let facts = run(&[FAIL], &host, |_| {});
        assert!(matches!(&facts.gaps()[..], [Gap { reason: Reason::Broken(_), .. }]));
    }
}

#[cfg(test)]
mod testing {
    use super::{Probe, run_one};
    use crate::{facts::Facts, host::Host};

    /// What a probe sees in an image with these files.
    pub fn facts(probe: &'static Probe, files: &[(&str, &str)]) -> Facts {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("usr/x", ""), ("etc/x", "")].iter().chain(files) {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        run_one(probe, &Host::image(dir.path()).unwrap())
    }

    /// The rows of a table, each as one line of these columns.
    pub fn list(facts: &Facts, table: &str, columns: &[&str]) -> Vec<String> {
        let show = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        facts.rows(table).iter().map(|r| columns.iter().map(|c| show(&r[*c])).collect::<Vec<_>>().join(" ")).collect()
    }
}
