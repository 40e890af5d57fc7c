//! `cleanbill report`: what it compares, where it writes, and many histories in one.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Machine, Said, cleanbill, program};

const ONE_ROOT: &str = "root:x:0:0:root:/root:/bin/bash\n";
const TWO_ROOTS: &str = "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n";

/// A machine that was looked at once with each of these lists of users.
fn machine(looks: &[&str]) -> Machine {
    let machine = Machine::debian();
    for users in looks {
        machine.file("etc/passwd", users);
        assert_eq!(machine.run(&["audit"]).code, 0);
    }
    machine
}

fn ids(list: &serde_json::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|p| p["check"].as_str().unwrap()).collect()
}

fn changes(machine: &Machine, compare: &str) -> serde_json::Value {
    machine.run(&["report", "--format", "json", "--compare", compare]).json()["changes"].clone()
}

#[test]
fn a_problem_that_was_fixed_once_and_is_there_again_came_back() {
    let machine = machine(&[TWO_ROOTS, ONE_ROOT, TWO_ROOTS]);
    let changed = changes(&machine, "last");
    let back = ids(&changed["came_back"]);
    assert!(!back.is_empty() && ids(&changed["new"]).iter().all(|id| !back.contains(id)), "{changed}");
    assert!(changed["came_back"][0]["age"].as_str().unwrap().starts_with("came back after"));
    let report = machine.run(&["report", "--format", "json"]).json();
    let problems = report["problems"].as_array().unwrap();
    assert!(problems.iter().any(|p| p["check"] == back[0] && p["came_back"] == true));
    assert!(report["moved"].as_str().unwrap().contains("came back."), "{}", report["moved"]);
    // Tips are no repairs.
    let real = changed["came_back"].as_array().unwrap().iter().filter(|p| p["severity"] != "info").count();
    assert_eq!((report["repair"]["fixed"].as_u64().unwrap() as usize, real > 0), (real, true));
}

#[test]
fn the_report_compares_with_the_audit_that_was_asked_for() {
    let machine = machine(&[TWO_ROOTS, ONE_ROOT, ONE_ROOT]);
    assert!(ids(&changes(&machine, "last")["fixed"]).is_empty());
    for (compare, since) in [("1", 1), ("2", 2), ("30d", 1), ("2001-01-01", 1), ("2200-01-01", 2)] {
        let changed = changes(&machine, compare);
        assert_eq!(changed["since"], since, "--compare {compare}");
        assert_eq!(ids(&changed["fixed"]).is_empty(), since == 2, "--compare {compare}");
    }
}

#[test]
fn an_audit_that_cannot_be_compared_with_is_refused_in_a_sentence() {
    let machine = machine(&[ONE_ROOT]);
    let missing = machine.run(&["report", "--format", "json", "--compare", "99"]);
    assert_eq!((missing.code, missing.err.contains("no audit 99")), (2, true), "{}", missing.err);
    machine.file("etc/machine-id", "fedcba9876543210fedcba9876543210\n");
    machine.run(&["audit"]);
    let other = machine.run(&["report", "--format", "json", "--compare", "1"]);
    assert_eq!((other.code, other.err.contains("of another machine")), (2, true), "{}", other.err);
    for wrong in ["yesterday", "30x", "-1d"] {
        let said = machine.run(&["report", &format!("--compare={wrong}")]);
        assert_eq!(said.code, 2, "--compare={wrong}: {}", said.err);
    }
}

#[test]
fn several_formats_go_into_one_folder_and_never_into_one_file() {
    let machine = machine(&[ONE_ROOT]);
    let folder = machine.beside().join("out");
    fs::create_dir(&folder).unwrap();
    let said = machine.run(&["report", "--format", "html,pdf,md,json", "--output", folder.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["cleanbill-web01.html", "cleanbill-web01.json", "cleanbill-web01.md", "cleanbill-web01.pdf"]);
    assert!(fs::read(folder.join("cleanbill-web01.pdf")).unwrap().starts_with(b"%PDF-"));
    for output in ["-", "one-file.html"] {
        let said = machine.run(&["report", "--format", "html,md", "--output", output]);
        assert_eq!(said.code, 2, "{output}: {}", said.err);
    }
}

#[test]
fn the_name_of_the_file_says_what_is_written_unless_a_format_is_named() {
    let machine = machine(&[ONE_ROOT]);
    let written = |name: &str, more: &[&str]| {
        let file = machine.beside().join(name);
        let said = machine.run(&[&["report", "-o", file.to_str().unwrap()], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        fs::read(file).unwrap()
    };
    assert!(written("a.PDF", &[]).starts_with(b"%PDF-"));
    let model: serde_json::Value = serde_json::from_slice(&written("a.json", &[])).unwrap();
    assert!(written("a.pdf", &["--format", "html"]).starts_with(b"<!DOCTYPE"));
    assert!(written("a.xml", &[]).starts_with(b"<?xml"));
    let sarif: serde_json::Value = serde_json::from_slice(&written("a.sarif", &[])).unwrap();
    let first = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    assert_eq!(first(&sarif["runs"][0]["results"][0]["ruleId"]), first(&model["problems"][0]["check"]));
    let lines = String::from_utf8(written("a.jsonl", &[])).unwrap();
    assert_eq!(lines.as_bytes(), written("a.ocsf", &[]));
    let failed = |event: &serde_json::Value| event["compliance"]["status"] == "Fail";
    let events = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let worst = first(&model["problems"][0]["check"]);
    assert!(events.filter(failed).any(|event| event["metadata"]["event_code"] == *worst), "{worst}");
    for other in ["a.html", "a.old", "a"] {
        assert!(written(other, &[]).starts_with(b"<!DOCTYPE"), "{other}");
    }
}

#[test]
fn a_place_that_cannot_be_written_keeps_what_was_there() {
    let machine = machine(&[ONE_ROOT]);
    let said = machine.run(&["report", "--output", "/nonexistent/folder/report.html"]);
    assert_eq!((said.code, said.err.contains("cannot be written")), (3, true), "{}", said.err);
    // A full disk: the old report stays, and no half of a new one lies beside it.
    let folder = machine.beside().join("out");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("report.pdf");
    fs::write(&file, "the old one").unwrap();
    let limited = format!(
        "ulimit -f 1; exec {} report --format pdf --db {} --output {}",
        env!("CARGO_BIN_EXE_cleanbill"),
        machine.db().display(),
        file.display()
    );
    let said: Said =
        std::process::Command::new("sh").args(["-c", &format!("trap '' XFSZ; {limited}")]).output().unwrap().into();
    assert_eq!((said.code, said.err.contains("cannot be written")), (3, true), "{}", said.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "the old one");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_title_is_shown_as_it_is_and_runs_nothing() {
    let machine = machine(&[ONE_ROOT]);
    let title = "Für <b>Anna</b> {{ 70007*7 }}";
    let page = machine.run(&["report", "--title", title, "--output", "-"]).out;
    assert!(page.contains("Für &lt;b&gt;Anna&lt;/b&gt;") && !page.contains("<b>Anna"));
    assert!(!page.contains("490049"), "a title ran as a template");
}

#[test]
fn a_folder_of_histories_becomes_an_overview_and_a_broken_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, users) in [("good", ONE_ROOT), ("bad", TWO_ROOTS)] {
        let machine = Machine::debian();
        machine.file("etc/hostname", format!("{name}\n"));
        machine.file("etc/machine-id", format!("{name}0000\n"));
        machine.file("etc/passwd", users);
        machine.run(&["audit"]);
        fs::copy(machine.db(), folder.path().join(format!("{name}.duckdb"))).unwrap();
    }
    fs::write(folder.path().join("broken.duckdb"), "not a history").unwrap();
    fs::write(folder.path().join("notes.txt"), "no history either").unwrap();
    let db = folder.path().to_str().unwrap();
    let said = cleanbill(&["report", "--db", db, "--format", "json"]);
    let fleet = said.json();
    assert!(said.err.contains("broken.duckdb"), "{}", said.err);
    let worst = &fleet["hosts"][0]["name"];
    assert!(worst.as_str().unwrap().starts_with("bad in /"), "{worst}");
    assert_eq!(fleet["hosts"].as_array().unwrap().len(), 2);
    assert_eq!(fleet["skipped"].as_array().unwrap().len(), 1);
    let two = fleet["problems"].as_array().unwrap().iter().find(|p| p["hosts"] == serde_json::json!([worst]));
    assert!(two.is_some_and(|p| p["hosts_text"] == "1 of 2 machines"), "{}", fleet["problems"]);
    let schema = cleanbill(&["report", "--schema", "--db", db]).json();
    let wrong: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&fleet).map(|e| e.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    // Each by its name is the same overview.
    let [good, bad] = ["good", "bad"].map(|n| folder.path().join(format!("{n}.duckdb")));
    let named =
        cleanbill(&["report", "--db", good.to_str().unwrap(), "--db", bad.to_str().unwrap(), "--format", "json"]);
    assert_eq!(named.json()["hosts"], fleet["hosts"]);
    for format in ["html", "pdf", "md"] {
        let said = program().args(["report", "--db", db, "--format", format, "-o", "-"]).output().unwrap();
        assert!(said.status.success() && !said.stdout.is_empty(), "{format}");
    }
    for format in ["sarif", "junit", "csv", "ocsf"] {
        let said = cleanbill(&["report", "--db", db, "--format", format]);
        assert_eq!((said.code, said.err.contains("of one machine")), (2, true), "{format}: {}", said.err);
    }
}

#[test]
fn an_overview_of_nothing_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().to_str().unwrap();
    let empty = cleanbill(&["report", "--db", db]);
    assert_eq!((empty.code, empty.err.contains("no history in")), (2, true), "{}", empty.err);
    fs::write(folder.path().join("broken.duckdb"), "not a history").unwrap();
    let broken = cleanbill(&["report", "--db", db]);
    assert_eq!((broken.code, broken.err.contains("histories could be used")), (3, true), "{}", broken.err);
    let machine = machine(&[ONE_ROOT]);
    fs::copy(machine.db(), folder.path().join("one.duckdb")).unwrap();
    let numbered = cleanbill(&["report", "--db", db, "--audit", "1"]);
    assert_eq!(numbered.code, 2, "{}", numbered.err);
}

#[test]
fn a_broken_or_huge_logo_is_refused_before_anything_is_written() {
    let machine = machine(&[ONE_ROOT]);
    let logo = machine.beside().join("logo");
    let out = machine.beside().join("out.html");
    let huge = [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 6 << 20]].concat();
    let bomb = "<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='1e9'><rect width='9' height='9'/></svg>";
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("text", b"no picture".to_vec()),
        ("cut off", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("huge", huge),
        ("wide", bomb.as_bytes().to_vec()),
    ] {
        fs::write(&logo, bytes).unwrap();
        let said = machine.run(&["report", "--logo", logo.to_str().unwrap(), "--output", out.to_str().unwrap()]);
        assert_eq!(said.code, 2, "{name}: {}", said.err);
        assert!(said.err.contains("logo"), "{name}: {}", said.err);
        assert!(!out.exists(), "{name}");
    }
    fs::set_permissions(&logo, fs::Permissions::from_mode(0o644)).unwrap();
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='20'><rect width='80' height='20'/></svg>";
    fs::write(&logo, svg).unwrap();
    for format in ["html", "pdf"] {
        let said = machine.run(&["report", "--format", format, "--logo", logo.to_str().unwrap(), "-o", "-"]);
        assert_eq!(said.code, 0, "{format}: {}", said.err);
    }
}

#[test]
fn a_look_at_a_part_does_not_praise_the_whole() {
    let machine = Machine::debian();
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n");
    let whole = machine.run(&["audit", "--format", "json"]).json();
    assert!(whole["risk"].as_f64().unwrap() > 0.0);
    let part = machine.run(&["audit", "--only", "time", "--format", "json"]).json();
    assert_eq!(part["summary"], "No problem was found in the part that was asked for.");
    let page = machine.run(&["audit", "--only", "time"]).out;
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("Only a part of the questions was asked, so the risk is not compared."), "{page}");
}
