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
    for wait in [5, 20, 40, 60, 80, 100, 120, 150] {
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
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let _ = child.wait();
    }
    let audits = machine.run(&["audits", "--format", "json"]).json();
    for audit in audits.as_array().unwrap() {
        let id = audit["id"].to_string();
        assert_eq!(machine.run(&["report", "--audit", &id, "--format", "json"]).code, 0);
    }
    assert_eq!(machine.run(&["audit"]).code, 0);
}
