use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::probes::run_one;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        std::fs::set_permissions(tree.0.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        tree.add("usr/sbin/cron", "", 0o755);
        tree.add("etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n", 0o644);
        tree.add("etc/group", "root:x:0:\nbob:x:1000:\n", 0o644);
        tree
    }

    fn add(&self, path: &str, text: &str, mode: u32) {
        let full = self.0.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, text).unwrap();
        std::fs::set_permissions(&full, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn facts(&self) -> Facts {
        let host = Host::fake(self.0.path(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        run_one(&PROBE, &host)
    }

    fn rows(&self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        self.facts().rows("crontab")
    }
}

/// Debian's own /etc/crontab.
const DEBIAN: &str = include_str!("../../../tests/fixtures/cron/crontab");

#[test]
fn debians_own_crontab_has_four_jobs_of_root() {
    let tree = Tree::new();
    tree.add("etc/crontab", DEBIAN, 0o644);
    let rows = tree.rows();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0]["schedule"], "17 * * * *");
    assert_eq!(rows[0]["username"], "root");
    assert_eq!(rows[0]["command"], "cd / && run-parts --report /etc/cron.hourly");
    assert!(rows.iter().all(|r| r["changeable_by"].is_null() && r["has_secret"] == false));
}

#[test]
fn a_job_of_root_that_runs_a_file_everyone_may_change_is_found() {
    let tree = Tree::new();
    tree.add("opt/job.sh", "", 0o777);
    tree.add("etc/cron.d/job", "MAILTO=root\n* * * * * root /opt/job.sh --token=abc\n@reboot bob /opt/job.sh\n", 0o644);
    let rows = tree.rows();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["changeable_by"], "everyone");
    assert_eq!(rows[0]["changeable_path"], "/opt/job.sh");
    assert_eq!(rows[0]["line"], 2);
    assert_eq!(rows[0]["command"], "/opt/job.sh --token=***");
    assert_eq!(rows[0]["has_secret"], true);
    assert_eq!(rows[1]["schedule"], "@reboot");
    assert_eq!(rows[1]["username"], "bob");
}

#[test]
fn what_cron_passes_over_is_marked() {
    let tree = Tree::new();
    tree.add("etc/cron.d/job.bak", "* * * * * root /opt/a\n", 0o644);
    tree.add("etc/cron.d/loose", "* * * * * root /opt/a\n", 0o666);
    tree.add("etc/cron.daily/plain", "", 0o755);
    tree.add("etc/cron.daily/not-a-program", "", 0o644);
    tree.add("etc/cron.daily/.placeholder", "", 0o644);
    let rows = tree.rows();
    let seen: Vec<_> = rows.iter().map(|r| (r["source"].as_str().unwrap(), r["active"] == true)).collect();
    let expected = [
        ("/etc/cron.d/job.bak", false),
        ("/etc/cron.d/loose", false),
        ("/etc/cron.daily/not-a-program", false),
        ("/etc/cron.daily/plain", true),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn jobs_of_users_and_one_time_jobs_are_read_without_their_content() {
    let tree = Tree::new();
    tree.add("var/spool/cron/crontabs/bob", "# note\n30 2 * * 1-5 backup --to=x\n", 0o600);
    tree.add("var/spool/cron/atjobs/a0000101c2a1f0", "#!/bin/sh\nPASSWORD=hunter2\n", 0o700);
    tree.add("etc/anacrontab", "SHELL=/bin/sh\n1\t5\tcron.daily\trun-parts --report /etc/cron.daily\n", 0o644);
    tree.add("etc/cron.allow", "root\n# none\nbob\n", 0o640);
    let facts = tree.facts();
    let rows = facts.rows("crontab");
    let seen: Vec<_> = rows.iter().map(|r| (r["kind"].as_str().unwrap(), r["schedule"].as_str().unwrap())).collect();
    assert_eq!(seen, [("anacron", "every 1 days"), ("cron", "30 2 * * 1-5"), ("at", "2026-02-24T18:56:00Z")]);
    assert_eq!(rows[1]["username"], "bob");
    assert!(!format!("{rows:?}").contains("hunter2"));
    assert_eq!(facts.rows("cron_access")[0]["usernames"], "root,bob");
}

#[test]
fn without_cron_there_are_no_jobs() {
    let tree = Tree::new();
    std::fs::remove_file(tree.0.path().join("usr/sbin/cron")).unwrap();
    assert!(matches!(tree.facts().state("crontab"), crate::facts::State::Absent(_)));
}

#[test]
fn junk_is_no_job_and_no_crash() {
    let tree = Tree::new();
    tree.add("etc/crontab", "\u{1b}[31m\n= =\n* * *\n@\n@daily\n* * * * * \n%%%\n\t\t\n1 2 3 4 5 root\n", 0o644);
    std::fs::create_dir_all(tree.0.path().join("etc/cron.d/folder")).unwrap();
    assert!(tree.rows().is_empty());
}
