//! `cleanbill audit` and `report`: what they say, and in which form.

use crate::support::{Machine, cleanbill};

#[test]
fn the_json_of_audit_and_report_fits_its_own_schema() {
    let machine = Machine::debian();
    let schema = cleanbill(&["report", "--schema"]).json();
    let audit = machine.run(&["audit", "--format", "json"]).json();
    let report = machine.run(&["report", "--format", "json"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, value) in [("audit", &audit), ("report", &report)] {
        let errors: Vec<_> = validator.iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert_eq!(value["schema_version"], 1);
    }
    assert_eq!(audit["problems"], report["problems"]);
    assert_eq!(audit["risk"], report["risk"]);
}

#[test]
fn an_image_is_not_asked_what_only_a_running_machine_knows() {
    let machine = Machine::debian();
    let report = machine.run(&["audit", "--format", "json"]).json();
    assert_eq!(report["host"]["kind"], "image");
    let running = report["results"].as_array().unwrap().iter().find(|r| r["check"] == "not-restarted-for-long");
    assert_eq!(running.unwrap()["result"], "not_applicable");
}

#[test]
fn fail_on_decides_the_exit_code() {
    let machine = Machine::debian();
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/bash\n");
    assert_eq!(machine.run(&["audit", "--no-store"]).code, 0);
    assert_eq!(machine.run(&["audit", "--no-store", "--fail-on", "high"]).code, 1);
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    assert_eq!(machine.run(&["audit", "--no-store", "--fail-on", "critical"]).code, 0);
}

#[test]
fn only_and_skip_choose_checks_and_areas() {
    let machine = Machine::debian();
    let asked = |args: &[&str]| -> Vec<String> {
        let mut all = vec!["audit", "--no-store", "--format", "json"];
        all.extend(args);
        let json = machine.run(&all).json();
        json["results"].as_array().unwrap().iter().map(|r| r["group"].as_str().unwrap().to_owned()).collect()
    };
    assert!(asked(&["--only", "kernel"]).iter().all(|g| g == "kernel"));
    assert!(!asked(&["--skip", "kernel"]).contains(&"kernel".to_owned()));
    let wrong = machine.run(&["audit", "--only", "kernle"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean `kernel`"), "{}", wrong.err);
}

#[test]
fn a_file_gets_the_same_words_as_stdout_and_no_colours() {
    let machine = Machine::debian();
    let path = machine.beside().join("page.txt");
    let said = machine.run(&["audit", "--no-store", "--output", path.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains("Grade"), "{page}");
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn the_page_fits_a_terminal_of_80_columns_and_30_lines() {
    let machine = Machine::debian();
    let page = machine.run(&["audit", "--no-store"]).out;
    assert!(page.lines().count() <= 30, "{page}");
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
