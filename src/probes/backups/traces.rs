//! When a backup last ran, from what its program leaves behind.

use jiff::Timestamp;

use super::{BackupFile, BackupJob};
use crate::host::Host;

/// Adds the newest trace to a job.
pub(super) fn add(host: &Host, job: &mut BackupJob, files: &[BackupFile]) {
    let mut newest: Option<(Timestamp, String)> = None;
    // A timer with Persistent= leaves a stamp, but the stamp is written when it starts, not when it succeeds: what
    // the program itself leaves is better.
    let patterns: &[&str] = match job.tool.as_str() {
        // Written with each archive.
        "borg" | "borgmatic" | "borgbackup" => {
            &["/root/.config/borg/security/*/manifest-timestamp", "/root/.cache/borg/*/chunks"]
        }
        "restic" | "resticprofile" | "autorestic" => {
            &["/root/.cache/restic/*/snapshots/*", "/root/.cache/restic/*/snapshots"]
        }
        "duplicity" | "duply" => &["/root/.cache/duplicity/*/*"],
        "autopostgresqlbackup" => &["/var/lib/autopostgresqlbackup/*/*/*", "/var/lib/autopostgresqlbackup/*/*"],
        "automysqlbackup" => &["/var/lib/automysqlbackup/*/*/*"],
        "timeshift" => &["/timeshift/snapshots/*", "/run/timeshift/backup/timeshift/snapshots/*"],
        "snapper" => &["/.snapshots/*/info.xml"],
        "bareos" | "bacula" => &["/var/lib/bareos/bareos-fd.*.state", "/var/lib/bacula/bacula-fd.*.state"],
        _ => &[],
    };
    for pattern in patterns {
        for path in host.glob(pattern).into_iter().take(5_000) {
            see(host, &mut newest, path);
        }
    }
    if job.tool == "rsnapshot" {
        let text = host.read_text("/etc/rsnapshot.conf").unwrap_or_default();
        let root = text
            .lines()
            .find_map(|l| l.strip_prefix("snapshot_root").map(|r| r.trim().trim_end_matches('/').to_owned()));
        if let Some(root) = root.filter(|r| r.starts_with('/')) {
            for path in host.glob(&format!("{root}/*.0")) {
                see(host, &mut newest, path);
            }
        }
    }
    if newest.is_none()
        && let Some(name) = job.source.rsplit('/').next().filter(|n| n.ends_with(".timer"))
    {
        see(host, &mut newest, format!("/var/lib/systemd/timers/stamp-{name}"));
    }
    // What tar, rsync and dumps leave is the file itself, where it goes to a usual place.
    if newest.is_none() && ["tar", "rsync"].contains(&job.tool.as_str()) || (newest.is_none() && job.kind == "database")
    {
        let wanted = if job.kind == "database" { "database" } else { "" };
        let best =
            files.iter().filter(|f| f.newest && (wanted.is_empty() || f.kind == wanted)).max_by_key(|f| f.modified);
        newest = best.map(|f| (f.modified, f.source.clone()));
    }
    if let Some((then, path)) = newest {
        job.last_run = Some(then);
        job.trace = Some(path);
    }
}

fn see(host: &Host, newest: &mut Option<(Timestamp, String)>, path: String) {
    if let Ok(meta) = host.metadata(&path)
        && newest.as_ref().is_none_or(|(then, _)| *then < meta.modified)
    {
        *newest = Some((meta.modified, path));
    }
}
