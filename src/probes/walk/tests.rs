use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::probes::run_one;

fn tree(files: &[(&str, u32)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    for folder in ["etc", "usr/bin", "tmp", "dev"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("etc/passwd"), format!("root:x:0:0::/:/bin/sh\nme:x:{uid}:{gid}::/:/bin/sh\n"))
        .unwrap();
    std::fs::write(dir.path().join("etc/group"), format!("root:x:0:\nme:x:{gid}:\n")).unwrap();
    set(dir.path(), 0o755);
    set(&dir.path().join("tmp"), 0o1777);
    for (path, mode) in files {
        let full = dir.path().join(path.trim_end_matches('/'));
        if path.ends_with('/') {
            std::fs::create_dir_all(&full).unwrap();
        } else {
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(&full, path).unwrap();
        }
        set(&full, *mode);
    }
    let host = Host::image(dir.path()).unwrap();
    (dir, host)
}

fn set(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn found(host: &Host) -> Vec<(String, String)> {
    let facts = run_one(&PROBE, host);
    let text = |row: &serde_json::Map<String, serde_json::Value>, key: &str| row[key].as_str().unwrap().to_owned();
    facts.rows("files").iter().map(|r| (text(r, "why"), text(r, "path"))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn each_reason_is_found_once_and_nothing_else() {
    let (dir, host) = tree(&[
        ("usr/bin/fine", 0o755),
        ("usr/bin/lends", 0o4755),
        ("usr/bin/group", 0o2755),
        ("usr/bin/no-program", 0o4644),
        ("srv/open", 0o666),
        ("srv/drop/", 0o777),
        ("srv/sticky/", 0o1777),
        ("tmp/.x", 0o755),
        ("tmp/.dir/y", 0o755),
        ("tmp/z", 0o755),
        ("tmp/project/.git/hooks/commit-msg", 0o755),
    ]);
    symlink("/etc/passwd", dir.path().join("srv/link")).unwrap();
    let expected = [
        ("suid", "/usr/bin/lends"),
        ("sgid", "/usr/bin/group"),
        ("world_writable", "/srv/open"),
        ("world_writable_dir_no_sticky", "/srv/drop"),
        ("hidden_executable", "/tmp/.dir/y"),
        ("hidden_executable", "/tmp/.x"),
    ];
    assert_eq!(found(&host), pairs(&expected));
}

#[test]
fn what_nobody_can_reach_is_marked() {
    let (_dir, host) = tree(&[("srv/open/", 0o750), ("srv/open/file", 0o666), ("srv/door/file", 0o666)]);
    let rows = run_one(&PROBE, &host).rows("files");
    let reach: Vec<_> = rows.iter().map(|r| (r["path"].as_str().unwrap(), r["reachable"].as_bool().unwrap())).collect();
    assert_eq!(reach, [("/srv/door/file", true), ("/srv/open/file", false)]);
}

#[test]
fn an_ownerless_tree_is_one_row() {
    let (dir, host) = tree(&[("srv/lost/a/b", 0o644), ("srv/lost/c", 0o644)]);
    let ids = |n| (Some(rustix::fs::Uid::from_raw(n)), Some(rustix::fs::Gid::from_raw(n)));
    let (uid, gid) = ids(4711);
    for path in ["srv/lost/a/b", "srv/lost/a", "srv/lost/c", "srv/lost"] {
        if rustix::fs::chown(dir.path().join(path), uid, gid).is_err() {
            return; // Only root may give files away.
        }
    }
    assert_eq!(found(&host), pairs(&[("unowned", "/srv/lost")]));
    let walk = run_one(&PROBE, &host).rows("file_walk");
    assert_eq!(walk[0]["unowned"], 4);
}

#[test]
fn layers_of_containers_are_left_out_and_said_so() {
    let (_dir, host) = tree(&[("var/lib/docker/overlay2/1/diff/bin/su", 0o4755), ("srv/overlay2/su", 0o4755)]);
    assert_eq!(found(&host), pairs(&[("suid", "/srv/overlay2/su")]));
    let walk = run_one(&PROBE, &host).rows("file_walk");
    assert_eq!(
        walk[0]["skipped"],
        "/var/lib/docker/overlay2: the files of containers and virtual machines are judged inside them"
    );
}

#[test]
fn very_deep_trees_and_strange_names_are_walked() {
    use std::os::unix::ffi::OsStrExt as _;
    let (dir, host) = tree(&[]);
    let name = "n".repeat(200);
    let mut fd = rustix::fs::open(dir.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    // Deeper than a path can be long, and two directories on every level.
    for _ in 0..400 {
        rustix::fs::mkdirat(&fd, "other", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        rustix::fs::mkdirat(&fd, &name, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        let flags = rustix::fs::OFlags::PATH;
        fd = rustix::fs::openat(&fd, &name, flags, rustix::fs::Mode::empty()).unwrap();
    }
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let file = std::ffi::OsStr::from_bytes(b"\xff\x1b[31m");
    let file = rustix::fs::openat(&fd, file, flags, rustix::fs::Mode::empty()).unwrap();
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o4755)).unwrap();
    let facts = run_one(&PROBE, &host);
    let rows = facts.rows("files");
    assert_eq!(rows.len(), 1);
    assert!(rows[0]["path"].as_str().unwrap().ends_with("\u{fffd}\u{1b}[31m"));
    assert_eq!(facts.rows("file_walk")[0]["complete"], true);
    assert!(facts.gaps().is_empty(), "{:?}", facts.gaps());
}

#[test]
fn attached_privileges_are_named() {
    // As on /usr/bin/ping: cap_net_raw=ep, version 2.
    let ping = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(capabilities::parse(&ping).as_deref(), Some("cap_net_raw"));
    assert_eq!(capabilities::parse(&[1, 0]), None);
}

#[test]
fn packages_are_found_by_old_and_new_names() {
    let (dir, host) = tree(&[]);
    let info = dir.path().join("var/lib/dpkg/info");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("mount.list"), "/.\n/bin\n/bin/mount\n").unwrap();
    std::fs::write(info.join("odd:amd64.list"), "/.\n/usr/lib/x/helper\n").unwrap();
    let paths = BTreeSet::from(["/usr/bin/mount", "/usr/lib/x/helper", "/usr/local/bin/own"]);
    let found = packages::owners(&host, &paths).unwrap();
    assert_eq!(found.get("/usr/bin/mount").map(String::as_str), Some("mount"));
    assert_eq!(found.get("/usr/lib/x/helper").map(String::as_str), Some("odd"));
    assert_eq!(found.len(), 2);
}

/// Nobody else can come there, so nothing in it is of use to anyone; in a place for temporary files it is a sign.
#[test]
fn what_only_root_may_enter_is_left_alone_but_not_in_tmp() {
    if !crate::testing::is_root() {
        return;
    }
    let (_dir, host) = tree(&[
        ("srv/mine/", 0o700),
        ("srv/mine/shell", 0o4755),
        ("srv/group/", 0o750),
        ("srv/group/shell", 0o4755),
        ("tmp/.x/", 0o700),
        ("tmp/.x/shell", 0o4755),
    ]);
    let suid: Vec<_> = found(&host).into_iter().filter(|(why, _)| why == "suid").collect();
    assert_eq!(suid, pairs(&[("suid", "/srv/group/shell"), ("suid", "/tmp/.x/shell")]));
    let walk = &run_one(&PROBE, &host).rows("file_walk")[0];
    assert_eq!((&walk["closed"], &walk["complete"]), (&1.into(), &true.into()));
}
