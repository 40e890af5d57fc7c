//! The store: what changed, what was accepted, several at once, past facts.

use crate::support::{Machine, program};

#[test]
fn a_second_audit_says_what_came_and_went() {
    let machine = Machine::debian();
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n");
    let first = machine.run(&["audit", "--format", "json"]).json();
    assert!(first["changes"].is_null());
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    let second = machine.run(&["audit", "--format", "json"]).json();
    let fixed: Vec<_> = second["changes"]["fixed"].as_array().unwrap().iter().map(|p| p["check"].clone()).collect();
    assert!(!fixed.is_empty(), "{}", second["changes"]);
    assert_eq!(second["history"].as_array().unwrap().len(), 2);
    let third = machine.run(&["audit", "--format", "json"]).json();
    assert!(third["changes"]["fixed"].as_array().unwrap().is_empty());
    assert!(third["changes"]["new"].as_array().unwrap().is_empty());
}

#[test]
fn an_unchanged_fact_table_is_stored_once() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    machine.run(&["audit"]);
    let db = duckdb::Connection::open(machine.db()).unwrap();
    let users: i64 = db.query_row("select count(distinct snapshot) from facts.users", [], |r| r.get(0)).unwrap();
    assert_eq!(users, 1);
    let seen: i64 = db
        .query_row("select count(*) from audit_facts where table_name = 'users' and snapshot is not null", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(seen, 2);
}

#[test]
fn past_facts_can_be_queried_and_nothing_else() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n");
    machine.run(&["audit"]);
    let names = |id: &str| {
        machine.run(&["query", "--audit", id, "--format", "csv", "select username from users order by 1"]).out
    };
    assert_eq!(names("1"), "username\r\nroot\r\n");
    assert_eq!(names("2"), "username\r\nanna\r\nroot\r\n");
    let past = machine.run(&["query", "--audit", "1", "select * from past.audits"]);
    assert_eq!(past.code, 2, "{}", past.out);
    let none = machine.run(&["query", "--audit", "9", "select 1"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("cleanbill audits"), "{}", none.err);
}

#[test]
fn an_accepted_problem_costs_nothing_and_is_listed() {
    let machine = Machine::debian();
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n");
    let before = machine.run(&["audit", "--format", "json"]).json();
    let check = before["problems"][0]["check"].as_str().unwrap().to_owned();
    let said = machine.run(&["waive", &check, "--reason", "known", "--until", "2099-01-01", "--by", "anna"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let after = machine.run(&["audit", "--format", "json"]).json();
    assert!(after["risk"].as_f64() < before["risk"].as_f64());
    assert_eq!(after["waived"][0]["check"], check.as_str());
    assert_eq!(after["waived"][0]["who"], "anna");
    assert_eq!(machine.run(&["unwaive", &check]).code, 0);
    let back = machine.run(&["audit", "--format", "json"]).json();
    assert_eq!(back["risk"], before["risk"]);
    assert_eq!(machine.run(&["waive", &check, "--reason", "x", "--until", "2001-01-01"]).code, 2);
}

#[test]
fn several_at_once_all_succeed() {
    // Making the history is the moment in which they are most in each other's way.
    for _ in 0..4 {
        let machine = Machine::debian();
        let children: Vec<_> = (0..6)
            .map(|_| {
                program()
                    .args(["audit", "--format", "json", "--only", "kernel", "--root"])
                    .arg(machine.root())
                    .arg("--db")
                    .arg(machine.db())
                    .stdout(std::process::Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let audits = machine.run(&["audits", "--format", "json"]).json();
        let mut ids: Vec<_> = audits.as_array().unwrap().iter().map(|a| a["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn nobody_else_may_read_the_history() {
    use std::os::unix::fs::PermissionsExt as _;
    let machine = Machine::debian();
    machine.run(&["audit"]);
    let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&machine.db()), 0o600);
    assert_eq!(mode(machine.db().parent().unwrap()), 0o700);
}
