//! Planned jobs: every crontab, the scripts of each hour, day, week and month, anacron and at; whose rights they run
//! with, and whether somebody else can change what they run. Secrets on their command lines are masked.

mod command;

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT, processes, rights::People};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind},
};

fact_table! {
    /// One row for each planned job.
    "crontab" => Job {
        /// File the job stands in, or the script itself.
        source: String,
        /// Line in that file; null for scripts and one-time jobs.
        line: Option<i64>,
        /// `cron`, `script` (cron.daily and the like), `anacron` or `at`.
        kind: String,
        /// When it runs, as written: `0 3 * * *`, `@reboot`, `daily`, or a date for a one-time job.
        schedule: String,
        /// User whose rights it has.
        username: String,
        /// What it runs, with secrets masked; null for a one-time job.
        command: Option<String>,
        /// First program file that it runs, where it can be told.
        program: Option<String>,
        /// Whether cron really runs it: a file with a dot in its name or with loose rights is passed over.
        active: bool,
        /// Who besides root and that user can change a program that it runs; null when nobody.
        changeable_by: Option<String>,
        /// The program, or the folder above it, that they can change.
        changeable_path: Option<String>,
        /// Who besides root and that user can change the file the job stands in; null when nobody.
        source_changeable_by: Option<String>,
        /// Whether a password or another secret stands in the command.
        has_secret: bool,
    }
    offline: true,
    examples: [
        "select username, schedule, command, source, line from crontab where active",
        "select program, changeable_by from crontab where changeable_by is not null",
    ],
}

fact_table! {
    /// The files that say who may plan jobs: one row for each that exists.
    "cron_access" => Access {
        /// The file.
        source: String,
        /// `cron` or `at`.
        service: String,
        /// `allow` or `deny`.
        list: String,
        /// Users in it, separated by commas.
        usernames: String,
    }
    offline: true,
    examples: ["select service, list, usernames from cron_access"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "cron",
    about: "which jobs are planned",
    tables: &[Job::TABLE, Access::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Programs that run planned jobs.
const RUNNERS: &[&str] = &[
    "/usr/sbin/cron",
    "/usr/sbin/crond",
    "/usr/sbin/anacron",
    "/usr/sbin/atd",
    "/usr/sbin/fcron",
    "/usr/lib/systemd/system-generators/systemd-crontab-generator",
];
/// Jobs that are kept.
const JOB_LIMIT: usize = 5000;
pub(crate) const SPOOL: &str = "/var/spool/cron/crontabs";
const AT: &str = "/var/spool/cron/atjobs";

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    for (service, list) in [("cron", "allow"), ("cron", "deny"), ("at", "allow"), ("at", "deny")] {
        let path = format!("/etc/{service}.{list}");
        match host.read_text(&path) {
            Ok(text) => {
                let names: Vec<&str> =
                    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
                let usernames = names.join(",");
                facts.push(Access { source: path, service: service.to_owned(), list: list.to_owned(), usernames });
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => facts.partial::<Access>(Gap::new("who may plan jobs", path.as_str(), error.reason())),
        }
    }
    if !RUNNERS.iter().any(|r| host.exists(r)) {
        facts.absent::<Job>("nothing is installed that runs planned jobs");
        return Ok(());
    }
    let mut reader = Reader { host, people: People::read(host), facts, left: JOB_LIMIT, dropped: false };
    reader.table("/etc/crontab", Owner::Named);
    for entry in host.list("/etc/cron.d").unwrap_or_default() {
        reader.table(&entry.path, Owner::Named);
    }
    for period in ["hourly", "daily", "weekly", "monthly", "yearly"] {
        reader.scripts(&format!("/etc/cron.{period}"), period);
    }
    reader.anacron("/etc/anacrontab");
    reader.spool();
    reader.at();
    if reader.dropped {
        let reason = Reason::Broken(format!("there are more than {JOB_LIMIT}"));
        reader.facts.partial::<Job>(Gap::new("all planned jobs", "/etc/crontab", reason));
    }
    Ok(())
}

/// Where the user of a job stands.
#[derive(Clone, Copy)]
enum Owner<'a> {
    /// In the sixth field.
    Named,
    /// It is the file's.
    User(&'a str),
}

struct Reader<'a> {
    host: &'a Host,
    people: People,
    facts: &'a mut Facts,
    left: usize,
    dropped: bool,
}

impl Reader<'_> {
    fn unread(&mut self, path: &str, error: &crate::host::ReadError) {
        if !error.is_not_found() {
            self.facts.partial::<Job>(Gap::new("some planned jobs", path, error.reason()));
        }
    }

    /// A crontab(5).
    fn table(&mut self, path: &str, owner: Owner<'_>) {
        let name = path.rsplit('/').next().unwrap_or_default();
        let text = match self.host.read_text(path) {
            Ok(text) => text,
            Err(error) => return self.unread(path, &error),
        };
        let in_etc = matches!(owner, Owner::Named);
        let active = if in_etc {
            // Debian's cron passes over odd names in cron.d, and over files that others may write.
            let named = path == "/etc/crontab" || is_plain(name);
            named && self.host.metadata(path).is_ok_and(|m| m.uid == 0 && m.mode & 0o022 == 0)
        } else {
            true
        };
        let mut search = "/usr/bin:/bin".to_owned();
        for (number, line) in (1_i64..).zip(text.lines()) {
            if let Some((name, value)) = variable(line) {
                if name == "PATH" {
                    search = value.to_owned();
                }
                continue;
            }
            let Some((schedule, named, command)) = entry(line, in_etc) else { continue };
            let user = match owner {
                Owner::User(user) => user,
                Owner::Named => named,
            };
            let base = Base { source: path, line: Some(number), kind: "cron", schedule, user, active };
            self.job(&base, command, &search);
        }
    }

    /// Scripts that run-parts(8) starts.
    fn scripts(&mut self, dir: &str, period: &str) {
        let entries = match self.host.list(dir) {
            Ok(entries) => entries,
            Err(error) => return self.unread(dir, &error),
        };
        for entry in entries {
            if entry.name.starts_with('.') || matches!(entry.kind, Kind::Directory | Kind::Other) {
                continue;
            }
            let runs = self.host.metadata(&entry.path).is_ok_and(|m| m.kind == Kind::File && m.mode & 0o111 != 0);
            let active = runs && is_plain(&entry.name);
            let base = Base {
                source: &entry.path,
                line: None,
                kind: "script",
                schedule: period.to_owned(),
                user: "root",
                active,
            };
            self.job(&base, &entry.path, "/usr/sbin:/usr/bin:/sbin:/bin");
        }
    }

    /// anacrontab(5): period, delay, name, command.
    fn anacron(&mut self, path: &str) {
        let text = match self.host.read_text(path) {
            Ok(text) => text,
            Err(error) => return self.unread(path, &error),
        };
        let mut search = "/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        for (number, line) in (1_i64..).zip(text.lines()) {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((name, value)) = variable(line) {
                if name == "PATH" {
                    search = value.to_owned();
                }
                continue;
            }
            let mut rest = line;
            let mut fields = Vec::new();
            while fields.len() < 3 {
                let Some((field, tail)) = rest.split_once([' ', '\t']) else { break };
                fields.push(field);
                rest = tail.trim_start();
            }
            let [period, _, _] = fields.as_slice() else { continue };
            let schedule = if period.starts_with('@') { (*period).to_owned() } else { format!("every {period} days") };
            let base = Base { source: path, line: Some(number), kind: "anacron", schedule, user: "root", active: true };
            self.job(&base, rest, &search);
        }
    }

    /// Crontabs of users.
    fn spool(&mut self) {
        let entries = match self.host.list(SPOOL) {
            Ok(entries) => entries,
            Err(error) => return self.unread(SPOOL, &error),
        };
        for entry in entries {
            if entry.kind == Kind::File && !entry.name.starts_with("tmp.") {
                self.table(&entry.path, Owner::User(&entry.name));
            }
        }
    }

    /// One-time jobs: their names hold when they run (queue, number, minutes since 1970).
    fn at(&mut self) {
        let entries = match self.host.list(AT) {
            Ok(entries) => entries,
            Err(error) => return self.unread(AT, &error),
        };
        for entry in entries {
            let Some(minutes) = entry.name.get(6..14).and_then(|m| i64::from_str_radix(m, 16).ok()) else { continue };
            let Ok(meta) = self.host.symlink_metadata(&entry.path) else { continue };
            let when = minutes.checked_mul(60).and_then(|s| Timestamp::from_second(s).ok());
            let user = self.people.users.show(meta.uid);
            let changeable = self.people.changeable(self.host, &entry.path, meta.uid).map(|(who, _)| who);
            if meta.kind == Kind::File && self.take() {
                self.facts.push(Job {
                    source: entry.path.clone(),
                    line: None,
                    kind: "at".to_owned(),
                    schedule: when.map_or_else(|| "once".to_owned(), |t| t.to_string()),
                    username: user,
                    command: None,
                    program: None,
                    active: true,
                    changeable_by: None,
                    changeable_path: None,
                    // Its folder belongs to the service that runs it.
                    source_changeable_by: changeable.filter(|who| who != "daemon" && who != "the group daemon"),
                    has_secret: false,
                });
            }
        }
    }

    fn take(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.dropped |= !some;
        some
    }

    fn job(&mut self, base: &Base<'_>, command: &str, search: &str) {
        if !self.take() {
            return;
        }
        let uid = self.people.users.id(base.user).unwrap_or(0);
        let programs = command::programs(self.host, command, search);
        let changeable = programs.iter().find_map(|program| self.people.changeable(self.host, program, uid));
        let spool = base.source.starts_with(SPOOL);
        let source_changeable = self.people.changeable(self.host, base.source, uid).map(|(who, _)| who);
        let words: Vec<&str> = command.split_ascii_whitespace().collect();
        let masked = processes::mask(&words);
        self.facts.push(Job {
            source: base.source.to_owned(),
            line: base.line,
            kind: base.kind.to_owned(),
            schedule: base.schedule.clone(),
            username: base.user.to_owned(),
            has_secret: masked.iter().zip(&words).any(|(m, w)| m != w),
            command: Some(masked.join(" ").chars().take(500).collect()),
            program: programs.into_iter().next(),
            active: base.active,
            changeable_by: changeable.as_ref().map(|(who, _)| who.clone()),
            changeable_path: changeable.map(|(_, at)| at),
            // The spool lets its own group add files; cron checks who owns each.
            source_changeable_by: source_changeable.filter(|_| !spool),
        });
    }
}

struct Base<'a> {
    source: &'a str,
    line: Option<i64>,
    kind: &'static str,
    schedule: String,
    user: &'a str,
    active: bool,
}

/// A name that cron and run-parts accept on Debian.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A job of crontab(5): when, whose rights (empty unless the line names them), and what. None for other lines.
pub(crate) fn entry(line: &str, names_user: bool) -> Option<(String, &str, &str)> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') || variable(line).is_some() {
        return None;
    }
    let (schedule, rest) = schedule(line)?;
    let (user, command) = if names_user { rest.split_once([' ', '\t'])? } else { ("", rest) };
    Some((schedule, user, command.trim_start()))
}

/// `NAME = value`, as crontab(5) allows it.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_matches(|c| c == '"' || c == '\'');
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let plain = plain && !name.as_bytes().first().is_some_and(u8::is_ascii_digit);
    plain.then(|| (name, value.trim().trim_matches(|c| c == '"' || c == '\'')))
}

/// When, and the rest of the line.
fn schedule(line: &str) -> Option<(String, &str)> {
    let count = if line.starts_with('@') { 1 } else { 5 };
    let mut fields = Vec::new();
    let mut rest = line;
    for _ in 0..count {
        let (field, tail) = rest.split_once([' ', '\t'])?;
        fields.push(field);
        rest = tail.trim_start();
    }
    (!rest.is_empty()).then(|| (fields.join(" "), rest))
}

#[cfg(test)]
mod tests;
