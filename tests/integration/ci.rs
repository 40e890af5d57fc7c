//! What pipelines run: the action of GitHub, the template of GitLab, the role of Ansible, each as its runner does it.

mod ansible;
mod github;
mod gitlab;
mod images;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    support::{Said, program},
    testing::can,
};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository, as other programs read YAML; none where Python has no reader of it.
fn yaml(file: &str) -> Option<Value> {
    // `on` is a name in a workflow, and a word for true in YAML.
    const READ: &str = "import json, sys, yaml\n\
        told = yaml.safe_load(open(sys.argv[1], encoding='utf-8'))\n\
        json.dump({'on' if key is True else key: value for key, value in told.items()}, sys.stdout)";
    let known = Command::new("python3").args(["-c", "import yaml"]).output().is_ok_and(|o| o.status.success());
    if !can(known, "Python cannot read YAML here") {
        return None;
    }
    let said: Said = Command::new("python3").args(["-c", READ]).arg(repository().join(file)).output().unwrap().into();
    assert_eq!(said.code, 0, "{file}: {}", said.err);
    Some(said.json())
}

/// The schema of those who read such a file has nothing to say.
fn valid(schema: &str, file: &str) {
    let Some(told) = yaml(file) else { return };
    let schema = std::fs::read_to_string(repository().join("tests/fixtures/ci").join(schema)).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&told).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{file}");
}

/// The folder of the program that is tested.
fn folder() -> PathBuf {
    Path::new(program().get_program()).parent().unwrap().to_owned()
}

/// The programs of this machine, with these folders before them.
fn path(first: &[&Path]) -> OsString {
    let usual = std::env::var_os("PATH").unwrap();
    std::env::join_paths(first.iter().map(|p| p.to_path_buf()).chain(std::env::split_paths(&usual))).unwrap()
}

/// A program of our own in that folder.
fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Results as others read them: SARIF by its schema, JUnit by a reader of it, the report by its fields.
fn results(folder: &Path) -> Value {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let schema = include_str!("../fixtures/sarif/sarif-schema-2.1.0.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let sarif: Value = serde_json::from_str(&read("cleanbill.sarif")).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&sarif).map(|e| e.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    let report: Value = serde_json::from_str(&read("cleanbill.json")).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let parts = problems.iter().map(|p| p["parts"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), problems.len() + parts);
    let junit = quick_junit::Report::deserialize_from_str(&read("cleanbill.xml")).unwrap();
    assert_eq!(junit.tests, report["results"].as_array().unwrap().len());
    let failures: usize = junit.test_suites.iter().map(|suite| suite.failures).sum();
    assert_eq!(failures, problems.len() + parts);
    assert!(read("cleanbill.html").contains("<html") && read("cleanbill.md").starts_with("# Health report"));
    assert!(read("cleanbill.jsonl").lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    report
}

#[test]
fn every_file_that_the_guide_names_is_there_and_its_examples_are_true() {
    let guide = std::fs::read_to_string(repository().join("docs/ci/README.md")).unwrap();
    let there = |name: &str| repository().join("docs/ci").join(name).exists() || repository().join(name).exists();
    let files = guide.split('`').skip(1).step_by(2).filter(|name| {
        // What is of the reader, not of this repository.
        let own = ["rootfs", "history.duckdb", "ci/", "cleanbill-results", "OWNER", ".gitlab-ci", "before.", "fixes."];
        name.contains(['.', '/'])
            && !name.contains(' ')
            && !own.iter().any(|own| name.contains(own))
            && (!name.starts_with("cleanbill.") || name.ends_with(".sh"))
    });
    let gone: Vec<&str> = files.filter(|name| !there(name)).collect();
    assert_eq!(gone, Vec::<&str>::new());
    // Inputs, variables and options of the examples are those of the files.
    let action = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let script = std::fs::read_to_string(repository().join("docs/ci/cleanbill.sh")).unwrap();
    let role = std::fs::read_to_string(repository().join("docs/ci/ansible/roles/cleanbill/defaults/main.yml")).unwrap();
    let mut seen = [0; 3];
    let mut inputs = false;
    for line in guide.lines().map(str::trim) {
        let key = line.split([':', '=', ' ']).next().unwrap_or_default();
        inputs = line == "with:" || (inputs && line.contains(": "));
        if inputs && line != "with:" {
            assert!(action.contains(&format!("\n  {key}:\n")), "{line}");
            seen[0] += 1;
        }
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if word.starts_with("CLEANBILL_") && word != "CLEANBILL_DISABLED" {
                assert!(script.contains(&format!("\n#   {word} ")), "{word}");
                seen[1] += 1;
            } else if word.starts_with("cleanbill_") && !word.starts_with("cleanbill_0") {
                assert!(role.contains(&format!("\n{word}: ")), "{word}");
                seen[2] += 1;
            }
        }
    }
    assert!(seen.iter().all(|n| *n >= 3), "{seen:?}");
}
