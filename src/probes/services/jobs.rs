//! Programs that run jobs by the clock (cron, anacron, at), whether they run, and whether jobs wait for them.

use crate::{
    fact_table,
    facts::{Facts, Gap, Reason},
    host::{Host, Kind},
};

fact_table! {
    /// Programs that run jobs by the clock: cron, anacron and at.
    "job_runners" => JobRunner {
        /// Folder with the jobs.
        source: String,
        /// `cron`, `anacron` or `at`.
        name: String,
        /// Whether its program is installed.
        installed: bool,
        /// Whether it runs; null in an image, and for anacron, which does not stay.
        running: Option<bool>,
        /// How many jobs wait for it; jobs that leave their work to systemd do not count.
        jobs: i64,
    }
    offline: true,
    examples: ["select name, jobs from job_runners where not running and jobs > 0"],
}

pub(super) fn read(host: &Host, facts: &mut Facts) {
    let found = processes(host);
    if let Some(gap) = hidden(host) {
        facts.partial::<JobRunner>(gap);
    }
    let running = |names: &[&str]| found.as_ref().map(|found| runs(host, found, names));
    let installed = |paths: &[&str]| paths.iter().any(|p| host.exists(p));
    let mut jobs = 0_i64;
    for folder in ["/var/spool/cron/crontabs", "/var/spool/cron", "/etc/cron.d"] {
        match host.list(folder) {
            Ok(entries) => {
                for entry in entries {
                    if entry.kind == Kind::File && !entry.name.starts_with('.') {
                        jobs = jobs.saturating_add(lines(host, &entry.path, facts));
                    }
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                facts.partial::<JobRunner>(Gap::new("the jobs that people have set up", folder, error.reason()))
            }
        }
    }
    facts.push(JobRunner {
        source: "/var/spool/cron".to_owned(),
        name: "cron".to_owned(),
        installed: installed(&["/usr/sbin/cron", "/usr/sbin/crond", "/usr/bin/crond", "/usr/sbin/cronie"]),
        running: running(&["cron", "crond", "systemd-cron", "fcron", "bcron-start"]),
        jobs,
    });
    let at = ["/var/spool/cron/atjobs", "/var/spool/at"];
    let waiting = at.iter().flat_map(|d| host.list(d).unwrap_or_default());
    let waiting = waiting.filter(|e| e.kind == Kind::File && !e.name.starts_with('.')).count();
    facts.push(JobRunner {
        source: "/var/spool/cron/atjobs".to_owned(),
        name: "at".to_owned(),
        installed: installed(&["/usr/sbin/atd"]),
        running: running(&["atd"]),
        jobs: i64::try_from(waiting).unwrap_or(i64::MAX),
    });
    facts.push(JobRunner {
        source: "/etc/anacrontab".to_owned(),
        name: "anacron".to_owned(),
        installed: installed(&["/usr/sbin/anacron"]),
        running: None,
        jobs: 0,
    });
}

/// Jobs of a crontab: lines that are no comment, no setting, and do nothing under systemd.
fn lines(host: &Host, path: &str, facts: &mut Facts) -> i64 {
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(error) => {
            facts.partial::<JobRunner>(Gap::new("the jobs that people have set up", path, error.reason()));
            return 0;
        }
    };
    let job = |line: &&str| {
        let line = line.trim();
        let setting = line.split_once('=').is_some_and(|(key, _)| !key.trim().contains([' ', '\t', '*', '@']));
        !line.is_empty() && !line.starts_with('#') && !setting && !line.contains("/run/systemd/system")
    };
    i64::try_from(text.lines().filter(job).count()).unwrap_or(i64::MAX)
}

/// Whether one of these programs runs on this machine itself. Names are cut at 15 characters by the kernel.
pub(crate) fn runs(host: &Host, processes: &[(String, String)], names: &[&str]) -> bool {
    own(host, processes, names).next().is_some()
}

/// The processes of these names that run on this machine itself, not in a container that it runs.
pub(crate) fn own<'a>(
    host: &'a Host,
    processes: &'a [(String, String)],
    names: &'a [&str],
) -> impl Iterator<Item = &'a (String, String)> {
    // A process of a container has a second number, the one that it has in there (proc_pid_status(5)).
    let contained = |path: &str| {
        let status = host.read_text(&format!("{path}/status")).unwrap_or_default();
        status.lines().any(|l| l.strip_prefix("NSpid:").is_some_and(|ids| ids.split_whitespace().count() > 1))
    };
    processes.iter().filter(move |(path, comm)| names.contains(&comm.as_str()) && !contained(path))
}

/// All processes: their folder in /proc and their name. None in an image, and where others' processes are hidden
/// from us: then a table says so with [`hidden`].
pub(crate) fn processes(host: &Host) -> Option<Vec<(String, String)>> {
    let name = |path: &str| host.read_text(&format!("{path}/comm")).ok().map(|comm| comm.trim().to_owned());
    if !host.is_live() || hidden(host).is_some() {
        return None;
    }
    let numbered = |e: &crate::host::Entry| e.name.bytes().all(|b| b.is_ascii_digit());
    let entries = host.list("/proc").unwrap_or_default().into_iter().filter(numbered);
    Some(entries.filter_map(|e| Some((name(&e.path)?, e.path))).map(|(n, p)| (p, n)).collect())
}

/// Whether /proc shows us only our own processes (the mount option hidepid).
pub(crate) fn hidden(host: &Host) -> Option<Gap> {
    let first = host.is_live() && !host.is_root() && host.read_text("/proc/1/comm").is_err();
    first.then(|| Gap::new("which programs run", "/proc", Reason::NeedsRoot))
}
