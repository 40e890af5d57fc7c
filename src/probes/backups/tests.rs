use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, SystemTime},
};

use super::*;
use crate::probes::run_one;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = crate::probes::tests::tree(files);
    for (path, _) in files.iter().filter(|(path, _)| path.contains("cron.daily")) {
        let path = dir.path().join(path.trim_start_matches('/'));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

fn read(files: &[(&str, &str)]) -> Facts {
    let dir = tree(files);
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

fn tools(facts: &Facts) -> Vec<String> {
    facts.rows("backup_jobs").iter().map(|r| r["tool"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn jobs_are_found_in_crontabs_scripts_and_timers() {
    let facts = read(&[
        ("/etc/crontab", "SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts /etc/cron.hourly\n"),
        ("/etc/cron.d/pg", "30 2 * * * postgres pg_dumpall | gzip > /backup/all.sql.gz\n"),
        ("/etc/cron.d/old.dpkg-old", "30 2 * * * root restic backup /\n"),
        ("/var/spool/cron/crontabs/root", "@daily /usr/local/bin/save.sh >/dev/null\n"),
        ("/usr/local/bin/save.sh", "#!/bin/sh\n# borg create\nrestic -r sftp:u@h:/r backup /srv\n"),
        ("/etc/cron.daily/dump", "#!/bin/sh\nmysqldump --all-databases > /backup/my.sql\n"),
        ("/etc/cron.daily/dpkg", "#!/bin/sh\n# keep copies\ncp /var/lib/dpkg/status /var/backups/dpkg.status\n"),
        ("/usr/lib/systemd/system/borgmatic.timer", "[Timer]\nOnCalendar=daily\nPersistent=true\n"),
        (
            "/usr/lib/systemd/system/borgmatic.service",
            "[Service]\nExecStart=systemd-inhibit /usr/bin/borgmatic --syslog-verbosity 1\n",
        ),
        ("/etc/systemd/system/timers.target.wants/borgmatic.timer", ""),
        ("/var/lib/systemd/timers/stamp-borgmatic.timer", ""),
    ]);
    assert_eq!(tools(&facts), ["pg_dumpall", "restic", "mysqldump", "borgmatic"]);
    let rows = facts.rows("backup_jobs");
    assert_eq!(
        (&rows[0]["schedule"], &rows[0]["line"], &rows[0]["kind"]),
        (&"30 2 * * *".into(), &1.into(), &"database".into())
    );
    assert_eq!((&rows[3]["enabled"], &rows[3]["schedule"]), (&true.into(), &"daily".into()));
    assert_eq!(rows[3]["trace"], "/var/lib/systemd/timers/stamp-borgmatic.timer");
}

#[test]
fn a_fresh_debian_has_no_backup_though_it_has_var_backups() {
    let facts = read(&[
        ("/var/backups/dpkg.status.0", ""),
        ("/var/backups/apt.extended_states.0", ""),
        ("/var/backups/alternatives.tar.0", ""),
        ("/usr/lib/systemd/system/dpkg-db-backup.timer", "[Timer]\nOnCalendar=daily\n"),
        ("/usr/lib/systemd/system/dpkg-db-backup.service", "[Service]\nExecStart=/usr/libexec/dpkg/dpkg-db-backup\n"),
    ]);
    assert!(tools(&facts).is_empty());
    assert!(facts.rows("backup_files").is_empty());
    assert!(facts.gaps().is_empty());
}

#[test]
fn the_newest_file_and_those_everyone_may_read_are_told() {
    let dir = tree(&[("/backup/old.sql.gz", "x"), ("/backup/new.tar", "y"), ("/backup/private/p.sql", "z")]);
    let at = |name: &str| dir.path().join("backup").join(name);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    fs::File::open(at("old.sql.gz")).unwrap().set_modified(old).unwrap();
    fs::File::open(at("private/p.sql")).unwrap().set_modified(old).unwrap();
    fs::set_permissions(at("old.sql.gz"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(at("new.tar"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(at("private/p.sql"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(at("private"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(dir.path().join("backup"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let rows = run_one(&PROBE, &Host::image(dir.path()).unwrap()).rows("backup_files");
    let told: Vec<_> = rows
        .iter()
        .map(|r| (r["source"].as_str().unwrap(), r["newest"] == true, r["readable_by_all"] == true))
        .collect();
    assert_eq!(told, [("/backup/new.tar", true, false), ("/backup/old.sql.gz", false, true)]);
    assert_eq!(rows[1]["kind"], "database");
    assert_eq!(rows[1]["modified"], "2020-09-13T12:26:40Z");
}

#[test]
fn junk_in_place_of_jobs_is_a_gap() {
    let facts = read(&[("/etc/crontab", "\0\0"), ("/etc/cron.daily/x", "\0\0tar")]);
    assert_eq!(facts.gaps().len(), 1);
}
