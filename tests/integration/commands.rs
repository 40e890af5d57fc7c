//! The other commands: help that helps, lists in every format, errors that say what to type next.

use crate::support::{Machine, cleanbill};

#[test]
fn every_command_has_help_with_examples() {
    for command in [
        vec![],
        vec!["audit"],
        vec!["show"],
        vec!["report"],
        vec!["audits"],
        vec!["checks"],
        vec!["facts"],
        vec!["query"],
        vec!["waive"],
        vec!["forecast"],
        vec!["watch"],
        vec!["completions"],
        vec!["man"],
    ] {
        let mut args = command.clone();
        args.push("--help");
        let said = cleanbill(&args);
        assert_eq!(said.code, 0);
        assert!(said.out.contains("Examples:"), "{command:?} has no examples");
    }
}

#[test]
fn mistypes_get_a_suggestion() {
    for (args, expected) in [
        (vec!["audti"], "audit"),
        (vec!["audit", "--formt", "json"], "--format"),
        (vec!["show", "not-restarted-for-lnog"], "not-restarted-for-long"),
        (vec!["facts", "show", "machin"], "machine"),
        (vec!["query", "select * from machin"], "machine"),
        (vec!["audit", "--fail-on", "hihg"], "high"),
    ] {
        let said = cleanbill(&args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.err);
        assert!(said.err.contains(expected), "{args:?}: {}", said.err);
    }
}

#[test]
fn lists_come_as_table_json_and_csv() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    for args in [vec!["audits"], vec!["checks", "list"], vec!["facts", "list"], vec!["facts", "show", "machine"]] {
        let with = |format: &str| {
            let mut args = args.clone();
            args.extend(["--format", format]);
            if args[0] == "audits" { machine.run(&args) } else { cleanbill(&args) }
        };
        assert!(with("json").json().is_array() || with("json").json().is_object());
        assert!(with("csv").out.contains("\r\n"), "{args:?}");
        assert!(with("table").out.lines().count() > 2, "{args:?}");
    }
}

#[test]
fn a_new_check_passes_its_tests_and_a_mistake_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("my-check.toml");
    let path = path.to_str().unwrap();
    assert_eq!(cleanbill(&["checks", "new", "my-check", "--output", path]).code, 0);
    let said = cleanbill(&["checks", "test", path]);
    assert_eq!(said.code, 0, "{}", said.err);
    let text = std::fs::read_to_string(path).unwrap();
    for (from, to, expected) in [
        ("severity =", "sevrity =", "no key `sevrity` here; did you mean `severity`?"),
        ("needs    = [\"packages\"]", "needs    = [\"package\"]", "did you mean `packages`?"),
        ("name = \"telnetd\", version", "nam = \"telnetd\", version", "packages has no column `nam`"),
        ("finds = 1", "finds = 3", "it should find 3 but finds 1"),
        ("where status", "where statsu", "statsu"),
    ] {
        std::fs::write(path, text.replace(from, to)).unwrap();
        let said = cleanbill(&["checks", "test", path]);
        assert_ne!(said.code, 0, "{to}");
        assert!(said.err.contains(expected), "{to}: {}", said.err);
        if !expected.contains("finds") && !expected.contains("statsu") {
            assert!(said.err.contains("my-check.toml:"), "{}", said.err);
        }
    }
}

#[test]
fn queries_read_the_facts_and_nothing_else() {
    let machine = Machine::debian();
    let rows = machine.run(&["query", "--format", "json", "select os_id, kind from machine"]).json();
    assert_eq!(rows, serde_json::json!([{ "os_id": "debian", "kind": "image" }]));
    for sql in [
        "select * from read_text('/etc/passwd')",
        "copy machine to '/tmp/x'",
        "attach '/tmp/x.db'",
        "set threads = 1",
        "select 1; select 2",
        "drop table machine",
    ] {
        let said = machine.run(&["query", sql]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{sql}");
    }
}

#[test]
fn completions_and_manual_are_printed() {
    assert!(cleanbill(&["completions", "bash"]).out.contains("_cleanbill"));
    assert!(cleanbill(&["man"]).out.starts_with(".ie"));
}

#[test]
fn a_report_goes_into_a_folder_under_its_own_name() {
    let machine = Machine::debian();
    machine.run(&["audit"]);
    let folder = machine.beside().to_str().unwrap();
    for (format, ending) in [("html", "html"), ("md", "md"), ("json", "json")] {
        let said = machine.run(&["report", "--format", format, "--output", folder]);
        assert_eq!(said.code, 0, "{}", said.err);
        let path = said.err.trim().rsplit(' ').next().unwrap();
        assert!(path.starts_with(folder) && path.ends_with(ending), "{path}");
        assert!(std::fs::metadata(path).unwrap().len() > 500, "{path}");
    }
}
