//! Bad input: each a clear sentence and the right exit code, and the history whole.

use std::os::unix::fs::symlink;

use crate::support::{Machine, cleanbill, program};

#[test]
fn a_root_that_is_no_system_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let said = cleanbill(&["audit", "--no-store", "--root", empty.path().to_str().unwrap()]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("does not look like the root of a Linux system"), "{}", said.err);
    let said = cleanbill(&["audit", "--no-store", "--root", "/no/such/folder"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("Cannot open"), "{}", said.err);
}

#[test]
fn links_of_an_image_never_lead_outside_it() {
    let machine = Machine::debian();
    let secret = machine.beside().join("secret-passwd");
    std::fs::write(&secret, "mallory::0:0::/:/bin/sh\n").unwrap();
    let passwd = machine.root().join("etc/passwd");
    std::fs::remove_file(&passwd).unwrap();
    symlink(&secret, &passwd).unwrap();
    let said = machine.run(&["query", "--format", "csv", "select username from users"]);
    assert!(!said.out.contains("mallory"), "{}", said.out);
    std::fs::remove_file(&passwd).unwrap();
    symlink("../../../../secret-passwd", &passwd).unwrap();
    let said = machine.run(&["query", "--format", "csv", "select username from users"]);
    assert!(!said.out.contains("mallory"), "{}", said.out);
}

#[test]
fn fifos_binary_junk_and_link_loops_are_said_and_do_not_stop_the_audit() {
    let machine = Machine::debian();
    let etc = machine.root().join("etc");
    std::fs::remove_file(etc.join("passwd")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        etc.join("passwd"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    std::fs::create_dir_all(etc.join("ssh")).unwrap();
    std::fs::write(etc.join("ssh/sshd_config"), [0_u8, 159, 146, 150, 10, 0, 255]).unwrap();
    std::fs::remove_file(etc.join("group")).unwrap();
    symlink("group", etc.join("group")).unwrap();
    let report = machine.run(&["audit", "--format", "json", "--no-store"]).json();
    let not_seen = report["not_seen"].to_string();
    assert!(not_seen.contains("/etc/passwd is a device, pipe or socket"), "{not_seen}");
    assert!(report["checks"]["unknown"].as_u64().unwrap() > 0);
}

#[test]
fn names_with_markup_escapes_and_sql_are_harmless_everywhere() {
    let machine = Machine::debian();
    let evil = "x\u{1b}[31m<script>alert(1)</script>'; drop table users; --{{ 70007*7 }}\u{202e}gpj";
    machine.file("etc/hostname", format!("{evil}\n"));
    machine.file("etc/passwd", format!("root:x:0:0:root:/root:/bin/bash\n{evil}:x:0:0::/:/bin/sh\n"));
    let page = machine.run(&["audit", "--all"]).out;
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "{page}");
    let html = machine.run(&["report", "--output", "-"]).out;
    assert!(html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("<script>alert") && !html.contains('\u{1b}') && !html.contains('\u{202e}'));
    assert!(!html.contains("490049"), "a template in a name was run");
    let md = machine.run(&["report", "--format", "md", "--output", "-"]).out;
    assert!(!md.contains("<script>") && !md.contains('\u{1b}') && !md.contains('\u{202e}'), "{md}");
    let rows = machine.run(&["query", "--audit", "1", "--format", "json", "select count(*) as n from users"]).json();
    assert_eq!(rows[0]["n"], 2);
}

#[test]
fn a_file_that_is_no_history_is_left_as_it_is() {
    let machine = Machine::debian();
    std::fs::create_dir_all(machine.db().parent().unwrap()).unwrap();
    std::fs::write(machine.db(), "this is no database\n".repeat(1000)).unwrap();
    let said = machine.run(&["audit"]);
    assert_eq!(said.code, 3);
    assert!(said.out.contains("Grade"), "the audit itself is shown: {}", said.out);
    assert!(said.err.contains("not a cleanbill history, or it is damaged"), "{}", said.err);
    assert_eq!(std::fs::read(machine.db()).unwrap().len(), 20_000);
}

#[test]
fn a_history_of_a_newer_version_is_refused() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    {
        let db = duckdb::Connection::open(machine.db()).unwrap();
        db.execute_batch("update schema_version set version = 999").unwrap();
    }
    let said = machine.run(&["audit"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("newer cleanbill"), "{}", said.err);
    assert_eq!(machine.run(&["audits"]).code, 3);
}

#[test]
fn a_place_that_cannot_be_written_leaves_nothing_behind() {
    let machine = Machine::debian();
    let said = machine.run(&["audit", "--no-store", "--output", "/proc/nothing/page.txt"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("cannot be written"), "{}", said.err);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let machine = Machine::debian();
    let mut child = program()
        .args(["checks", "list", "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    drop(machine);
}

#[test]
fn interrupting_an_audit_leaves_the_history_whole() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    for (round, wait) in [5, 20, 40, 60, 80, 100, 120, 150].into_iter().enumerate() {
        // Ctrl-C, and worse.
        let signal = [rustix::process::Signal::INT, rustix::process::Signal::KILL][round % 2];
        let mut child = program()
            .args(["audit", "--root"])
            .arg(machine.root())
            .arg("--db")
            .arg(machine.db())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let pid = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(pid, signal);
        let _ = child.wait();
    }
    let audits = machine.run(&["audits", "--format", "json"]).json();
    for audit in audits.as_array().unwrap() {
        let id = audit["id"].to_string();
        assert_eq!(machine.run(&["report", "--audit", &id, "--format", "json"]).code, 0);
    }
    assert_eq!(machine.run(&["audit"]).code, 0);
}

/// A small disk of its own, full but for a few kilobytes, in a mount namespace that goes with the test.
#[test]
fn a_full_disk_while_storing_loses_nothing() {
    if !crate::testing::is_root() {
        return;
    }
    let machine = Machine::debian();
    let disk = machine.beside().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let script = r#"
        set -u
        mount -t tmpfs -o size=64m tmpfs "$1"
        look() { "$3" audit --root "$2" --db "$1/h.duckdb" >"$4.out" 2>"$4.err"; echo "$?"; }
        echo "first $(look "$1" "$2" "$3" "$4.1")"
        echo changed >>"$2/etc/motd"; printf 'eve:x:1005:1005::/home/eve:/bin/sh\n' >>"$2/etc/passwd"
        dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null
        echo "full $(look "$1" "$2" "$3" "$4.2")"
        rm "$1/ballast"
        echo "kept $("$3" audits --db "$1/h.duckdb" --format json | grep -c '"id"')"
        echo "again $(look "$1" "$2" "$3" "$4.3")"
        echo "then $("$3" audits --db "$1/h.duckdb" --format json | grep -c '"id"')"
    "#;
    let output = std::process::Command::new("unshare")
        .args(["--mount", "/bin/sh", "-c", script, "sh"])
        .args([&disk, &machine.root(), std::path::Path::new(program().get_program()), &machine.beside().join("said")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "first 0\nfull 3\nkept 1\nagain 0\nthen 2\n", "{}", String::from_utf8_lossy(&output.stderr));
    let err = std::fs::read_to_string(machine.beside().join("said.2.err")).unwrap();
    assert!(err.contains("the disk is full"), "{err}");
    let out = std::fs::read_to_string(machine.beside().join("said.2.out")).unwrap();
    assert!(out.contains("Grade"), "the audit itself is shown: {out}");
}

#[test]
fn a_log_of_a_gigabyte_and_a_machine_without_packages_are_no_trouble() {
    let machine = Machine::debian();
    machine.file("var/log/syslog", "");
    let log = std::fs::File::options().write(true).open(machine.root().join("var/log/syslog")).unwrap();
    log.set_len((1 << 30) + 1).unwrap();
    let _ = std::fs::remove_dir_all(machine.root().join("var/lib/dpkg"));
    let said = machine.run(&["audit", "--format", "json", "--no-store"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let results = said.json()["results"].clone();
    let result = |id: &str| results.as_array().unwrap().iter().find(|r| r["check"] == id).unwrap()["result"].clone();
    assert_eq!(result("record-very-big"), "problem");
    assert_ne!(result("updates-security"), "ok", "nobody knows whether updates are waiting");
}
