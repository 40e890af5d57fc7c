//! Jobs that make backups: lines of crontabs, scripts in cron.daily and the like, timers, programs with a plan of
//! their own.

use serde_json::Value;

use super::BackupJob;
use crate::{
    facts::{Facts, Gap, Reason},
    host::{Host, Kind},
    probes::{
        cron,
        servers::number,
        services::{
            scan::{self, Units},
            unit,
        },
    },
};

const JOBS: usize = 500;
const SCRIPT: u64 = 256 << 10;
const WHAT: &str = "whether there are backups";

/// Programs by name: what they back up.
const TOOLS: [(&str, &str); 47] = [
    ("restic", "files"),
    ("resticprofile", "files"),
    ("autorestic", "files"),
    ("rustic", "files"),
    ("borg", "files"),
    ("borgmatic", "files"),
    ("borgbackup", "files"),
    ("rsnapshot", "files"),
    ("duplicity", "files"),
    ("duply", "files"),
    ("duplicati-cli", "files"),
    ("rdiff-backup", "files"),
    ("rclone", "files"),
    ("kopia", "files"),
    ("bup", "files"),
    ("burp", "files"),
    ("tarsnap", "files"),
    ("attic", "files"),
    ("backup2l", "files"),
    ("backup-manager", "files"),
    ("backupninja", "files"),
    ("dirvish-runall", "files"),
    ("storebackup", "files"),
    ("bareos-fd", "files"),
    ("proxmox-backup-client", "files"),
    ("vzdump", "files"),
    ("pbs-client", "files"),
    ("pg_dump", "database"),
    ("pg_dumpall", "database"),
    ("pg_basebackup", "database"),
    ("pg_backupcluster", "database"),
    ("pgbackrest", "database"),
    ("barman", "database"),
    ("wal-g", "database"),
    ("mysqldump", "database"),
    ("mariadb-dump", "database"),
    ("mariabackup", "database"),
    ("mariadb-backup", "database"),
    ("xtrabackup", "database"),
    ("mydumper", "database"),
    ("mongodump", "database"),
    ("autopostgresqlbackup", "database"),
    ("automysqlbackup", "database"),
    ("timeshift", "snapshot"),
    ("snapper", "snapshot"),
    ("zfs-auto-snapshot", "snapshot"),
    ("sanoid", "snapshot"),
];

/// All jobs, without the time when they last ran.
pub(super) fn read(host: &Host, facts: &mut Facts) -> Vec<BackupJob> {
    let mut jobs = Vec::new();
    crontabs(host, facts, &mut jobs);
    for period in ["hourly", "daily", "weekly", "monthly"] {
        for path in host.glob(&format!("/etc/cron.{period}/*")) {
            // run-parts passes over names with a dot, and files that are no programs.
            let name = path.rsplit('/').next().unwrap_or_default();
            let runs =
                cron::is_plain(name) && host.metadata(&path).is_ok_and(|m| m.kind == Kind::File && m.mode & 0o111 != 0);
            let found = if runs { script(host, &path) } else { None };
            if let Some((tool, kind, line, command)) = found {
                push(&mut jobs, &path, Some(line), tool, kind, period, Some(true), &command);
            }
        }
    }
    let units = Units::scan(host);
    timers(host, &units, facts, &mut jobs);
    own_plans(host, &units, &mut jobs);
    if jobs.len() > JOBS {
        let reason = Reason::Broken(format!("there are more than {JOBS} jobs"));
        facts.partial::<BackupJob>(Gap::new(WHAT, "/etc/crontab", reason));
        jobs.truncate(JOBS);
    }
    jobs
}

#[allow(clippy::too_many_arguments, reason = "one row, written where each value is known")]
fn push(
    jobs: &mut Vec<BackupJob>,
    source: &str,
    line: Option<i64>,
    tool: &str,
    kind: &str,
    schedule: &str,
    enabled: Option<bool>,
    command: &str,
) {
    let remote = command.split_whitespace().any(|w| {
        w.contains("ssh://")
            || w.contains("sftp:")
            || w.contains("s3:")
            || w.contains("b2:")
            || w.contains("rest:")
            || w.contains("://") && !w.contains("file://")
            || (w.contains('@') && w.contains(':'))
            || w.contains("::") && w.contains('@')
    });
    let elsewhere = match (remote, kind, tool) {
        (true, ..) => "yes",
        (_, "snapshot", _) => "no",
        (_, _, "tar" | "rsync" | "cp") => "no",
        (_, "database", t) if !["pgbackrest", "barman", "wal-g"].contains(&t) => "no",
        _ => "unknown",
    };
    jobs.push(BackupJob {
        source: source.to_owned(),
        line,
        tool: tool.to_owned(),
        kind: kind.to_owned(),
        schedule: schedule.to_owned(),
        enabled,
        elsewhere: elsewhere.to_owned(),
        last_run: None,
        trace: None,
    });
}

fn crontabs(host: &Host, facts: &mut Facts, jobs: &mut Vec<BackupJob>) {
    let mut files = vec![("/etc/crontab".to_owned(), true)];
    for entry in host.list("/etc/cron.d").unwrap_or_default() {
        if cron::is_plain(&entry.name) {
            files.push((entry.path, true));
        }
    }
    match host.list(cron::SPOOL) {
        Ok(entries) => files.extend(entries.into_iter().filter(|e| e.kind == Kind::File).map(|e| (e.path, false))),
        Err(error) if error.is_not_found() => {}
        Err(error) => facts.partial::<BackupJob>(Gap::new(WHAT, cron::SPOOL, error.reason())),
    }
    for (path, names_user) in files {
        let text = match host.read_text(&path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                facts.partial::<BackupJob>(Gap::new(WHAT, path, error.reason()));
                continue;
            }
        };
        for (index, line) in text.lines().enumerate() {
            let Some((when, _, command)) = cron::entry(line, names_user) else { continue };
            if let Some((tool, kind)) = tool_in_job(host, command) {
                push(jobs, &path, Some(number(index + 1)), tool, kind, &when, Some(true), command);
            }
        }
    }
}

/// The tool that a command runs, itself or in the script it names.
fn tool_in_job(host: &Host, command: &str) -> Option<(&'static str, &'static str)> {
    if let Some(found) = tool(command) {
        return Some(found);
    }
    let path = command.split_whitespace().find(|w| {
        w.starts_with('/') && !w.starts_with("/dev/") && !w.starts_with("/bin/") && !w.starts_with("/usr/bin/")
    })?;
    let (tool, kind, ..) = script(host, path.trim_end_matches([';', '&', ')', '"', '\'']))?;
    Some((tool, kind))
}

/// The first backup tool that a script runs, with its line.
fn script(host: &Host, path: &str) -> Option<(&'static str, &'static str, i64, String)> {
    let bytes = host.read_bytes(path, SCRIPT).ok()?;
    if bytes.starts_with(b"\x7fELF") {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes);
    text.lines().enumerate().find_map(|(index, line)| {
        let (tool, kind) = tool(line)?;
        Some((tool, kind, number(index + 1), line.trim().to_owned()))
    })
}

/// The backup tool that a command line runs.
fn tool(command: &str) -> Option<(&'static str, &'static str)> {
    let command = command.trim();
    if command.starts_with('#') {
        return None;
    }
    let command = command.split(" #").next().unwrap_or(command);
    let separators = |c: char| c.is_whitespace() || [';', '|', '&', '(', ')', '`', '"', '\'', '='].contains(&c);
    let mut previous = "";
    for word in command.split(separators).filter(|w| !w.is_empty()) {
        let name = word.rsplit('/').next().unwrap_or(word);
        // Where a program is only looked for, nothing is backed up.
        let asked = ["-x", "-f", "-e", "-d", "which", "command", "-v", "echo", "man", "install", "killall", "pkill"]
            .contains(&previous);
        let is_path =
            word.starts_with('/') && !word.contains("/bin/") && !word.contains("/sbin/") && !word.contains("/libexec/");
        if let Some((tool, kind)) = TOOLS.iter().find(|(tool, _)| *tool == name).filter(|_| !asked && !is_path) {
            return Some((tool, kind));
        }
        let lower = command.to_ascii_lowercase();
        let to_backup = lower.contains("backup") || lower.contains("/mnt/") || lower.contains("/media/");
        match name {
            "rsync"
                if !asked && (to_backup || command.split_whitespace().any(|w| w.contains('@') && w.contains(':'))) =>
            {
                return Some(("rsync", "files"));
            }
            "tar"
                if !asked
                    && to_backup
                    && command
                        .split_whitespace()
                        .any(|w| w == "--create" || (w.len() < 8 && w.trim_start_matches('-').starts_with('c'))) =>
            {
                return Some(("tar", "files"));
            }
            _ => {}
        }
        previous = word;
    }
    None
}

/// Timers whose service runs a backup tool.
fn timers(host: &Host, units: &Units, facts: &mut Facts, jobs: &mut Vec<BackupJob>) {
    let mut gaps = Vec::new();
    for name in units.names("timer") {
        let Some(timer) = units.unit(host, &name, &mut gaps) else { continue };
        let Some(path) = timer.path else { continue };
        let value = |key: &str| unit::last(&timer.settings, "Timer", key).map(|s| s.value.clone());
        let service = value("Unit").unwrap_or_else(|| format!("{}.service", name.trim_end_matches(".timer")));
        let Some(service) = units.unit(host, &service, &mut gaps) else { continue };
        let found = unit::all(&service.settings, "Service", "ExecStart").into_iter().find_map(|s| {
            let command = s.value.trim_start_matches(['-', '@', '+', '!', ':']);
            tool_in_job(host, command).map(|found| (found, command))
        });
        let Some(((tool, kind), command)) = found else { continue };
        let schedule = value("OnCalendar").or_else(|| value("OnUnitActiveSec")).unwrap_or_default();
        let enabled = !timer.wanted_by.is_empty() && !timer.state.starts_with("masked");
        push(jobs, &path, None, tool, kind, &schedule, Some(enabled), command);
    }
    for gap in gaps {
        facts.partial::<BackupJob>(Gap::new(WHAT, gap.source, gap.reason));
    }
}

/// Programs that plan by themselves.
fn own_plans(host: &Host, units: &Units, jobs: &mut Vec<BackupJob>) {
    let enabled = |name: &str| scan::is_on(host, units, &format!("{name}.service"));
    for (tool, program, config, service) in [
        ("bacula", "/usr/sbin/bacula-fd", "/etc/bacula/bacula-fd.conf", "bacula-fd"),
        ("bareos", "/usr/sbin/bareos-fd", "/etc/bareos/bareos-fd.conf", "bareos-fd"),
        ("urbackup", "/usr/local/sbin/urbackupclientbackend", "/etc/default/urbackupclient", "urbackupclientbackend"),
        ("veeam", "/usr/sbin/veeamservice", "/etc/veeam/veeam.ini", "veeamservice"),
        ("amanda", "/usr/lib/amanda/amandad", "/etc/amanda", "amanda"),
    ] {
        if host.exists(program) {
            push(
                jobs,
                config,
                None,
                tool,
                "files",
                "planned by its server",
                Some(enabled(service) || tool == "amanda"),
                "ssh://server",
            );
        }
    }
    const TIMESHIFT: &str = "/etc/timeshift/timeshift.json";
    if host.exists("/usr/bin/timeshift")
        && let Some(json) = host.read_text(TIMESHIFT).ok().and_then(|t| serde_json::from_str::<Value>(&t).ok())
    {
        let on = |period: &&str| json.get(format!("schedule_{period}")).and_then(Value::as_str) == Some("true");
        let on: Vec<&str> = ["monthly", "weekly", "daily", "hourly", "boot"].into_iter().filter(on).collect();
        if !on.is_empty() {
            push(jobs, TIMESHIFT, None, "timeshift", "snapshot", &on.join(" "), Some(true), "");
        }
    }
    if host.exists("/usr/bin/snapper") {
        for path in host.glob("/etc/snapper/configs/*") {
            let text = host.read_text(&path).unwrap_or_default();
            if text.lines().any(|l| l.trim() == "TIMELINE_CREATE=\"yes\"") {
                push(jobs, &path, None, "snapper", "snapshot", "hourly", Some(true), "");
            }
        }
    }
    if let Ok(text) = host.read_text("/etc/pve/jobs.cfg")
        && let Some(index) = text.lines().position(|l| l.starts_with("vzdump:"))
    {
        push(jobs, "/etc/pve/jobs.cfg", Some(number(index + 1)), "vzdump", "files", "", Some(true), "");
    }
}

#[cfg(test)]
mod tests {
    use super::tool;

    #[test]
    fn a_tool_is_known_where_it_runs_and_not_where_it_is_looked_for() {
        let name = |c: &str| tool(c).map(|(t, _)| t);
        assert_eq!(name("/usr/bin/restic backup /home >/dev/null"), Some("restic"));
        assert_eq!(name("[ -x /usr/bin/borg ] && exit"), None);
        assert_eq!(
            name("test -x /usr/sbin/autopostgresqlbackup && /usr/sbin/autopostgresqlbackup"),
            Some("autopostgresqlbackup")
        );
        assert_eq!(name("cd / && tar czf /backup/etc.tgz etc"), Some("tar"));
        assert_eq!(name("tar xzf /backup/etc.tgz"), None);
        assert_eq!(name("rsync -a /srv/ backup@nas:/srv/"), Some("rsync"));
        assert_eq!(name("rsync -a /a /b"), None);
        assert_eq!(name("su postgres -c 'pg_dumpall | gzip > /x'"), Some("pg_dumpall"));
        assert_eq!(name("# restic backup"), None);
        assert_eq!(name("/usr/libexec/dpkg/dpkg-db-backup"), None);
    }
}
