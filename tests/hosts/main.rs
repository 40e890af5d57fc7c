//! Throw-away Debian hosts with systemd, broken by hand in known ways: the audit shows exactly those faults.
//!
//! Needs root and builds Debian trees once, so these tests run only when asked for: `make hosts`. What each host must
//! show stands in `tests/hosts/expect/NAME.txt`; `CLEANBILL_EXPECT=write` writes what was seen there, to be read and
//! judged by a person.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod fixes;
mod guard;
mod host;
mod logs;
mod measure;
mod packages;
mod schedule;

use std::{collections::BTreeSet, fmt::Write as _, process::Command};

use host::{Host, scripts};

/// `severity check` of every problem and tip, and `unseen what` for what could not be looked at.
fn told(report: &serde_json::Value) -> BTreeSet<String> {
    let problems = report["problems"].as_array().unwrap().iter();
    let problems = problems.map(|p| format!("{} {}", p["severity"].as_str().unwrap(), p["check"].as_str().unwrap()));
    let unseen = report["not_seen"].as_array().unwrap().iter();
    problems.chain(unseen.map(|n| format!("unseen {}", n["what"].as_str().unwrap()))).collect()
}

fn compare(kind: &str, report: &serde_json::Value) {
    let file = scripts().join(format!("expect/{kind}.txt"));
    let text = std::fs::read_to_string(&file).unwrap();
    let seen = told(report);
    println!("{kind}: grade {}, risk {}", report["grade"], report["risk"]);
    if std::env::var("CLEANBILL_EXPECT").is_ok_and(|v| v == "write") {
        let comments = text.lines().filter(|l| l.starts_with('#') || l.is_empty());
        let mut out = comments.collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n\n";
        let _ = writeln!(out, "grade {}", report["grade"].as_str().unwrap());
        for line in &seen {
            let _ = writeln!(out, "{line}");
        }
        std::fs::write(file, out).unwrap();
        return;
    }
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let grade = lines().find_map(|l| l.strip_prefix("grade "));
    let expected: BTreeSet<String> = lines().filter(|l| !l.starts_with("grade ")).map(str::to_owned).collect();
    let missed: Vec<_> = expected.difference(&seen).collect();
    let extra: Vec<_> = seen.difference(&expected).collect();
    let proof = |id: &str| {
        let mine = report["problems"].as_array().unwrap().iter().find(|p| id.ends_with(p["check"].as_str().unwrap()));
        mine.map_or_else(String::new, |p| p["evidence"].to_string())
    };
    let extra: Vec<_> = extra.iter().map(|id| format!("{id}: {}", proof(id))).collect();
    assert!(missed.is_empty() && extra.is_empty(), "{kind}: missed {missed:?}\n too much {}", extra.join("\n"));
    assert_eq!(report["grade"].as_str(), grade, "{kind}: the grade");
}

/// What a machine outside can connect to is what the audit called exposed.
fn doors_are_as_told(host: &Host) {
    let sql = "select port, bool_or(exposed) as exposed from listening_ports \
               where protocol = 'tcp' and family = 4 and forwards_to is null group by port order by port";
    let told: serde_json::Value =
        serde_json::from_str(&host.exec(&["cleanbill", "query", "--format", "json", sql])).unwrap();
    let told = told.as_array().unwrap();
    assert!(told.len() > 1, "{told:?}");
    for row in told {
        let port = u16::try_from(row["port"].as_i64().unwrap()).unwrap();
        assert_eq!(row["exposed"], host.reached(port), "{}: port {port}", host.name);
    }
}

/// What the programs of a running host say is what we read from its files alone.
fn files_alone_say_the_same(host: &Host, more: &[&str]) {
    let root = host.root();
    let asked = [
        "select keyword, value from sshd_config where context = 'global' and keyword <> 'port' order by all",
        "select name, config_value from system_controls where config_value is not null and name not like '%.conf.%' order by all",
        "select name, unit_file_state from services where unit_file_state in ('enabled', 'masked') order by all",
        "select name, version from packages order by all",
    ];
    for sql in asked.iter().chain(more) {
        let live = host.exec(&["cleanbill", "query", "--format", "csv", sql]);
        let output = Command::new(env!("CARGO_BIN_EXE_cleanbill"))
            .args(["query", "--format", "csv", "--root", &root, sql])
            .output()
            .unwrap();
        let files = String::from_utf8_lossy(&output.stdout);
        assert!(live.lines().count() > 1, "{sql}: {live}");
        let only = |a: &str, b: &str| {
            let there: BTreeSet<&str> = b.lines().collect();
            a.lines().filter(|l| !there.contains(l)).map(str::to_owned).collect::<Vec<_>>()
        };
        let (here, there) = (only(&live, &files), only(&files, &live));
        assert!(here.is_empty() && there.is_empty(), "{sql}\n only live: {here:#?}\n only in the files: {there:#?}");
    }
}

fn audit(kind: &str, tree: &str) -> (Host, serde_json::Value) {
    let host = Host::up(kind, tree, Some(scripts().join(format!("break/{kind}.sh"))));
    let out = host.exec(&["cleanbill", "audit", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    (host, report)
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_minimal_host_shows_its_few_faults() {
    let (host, report) = audit("minimal", "patched");
    compare("minimal", &report);
    doors_are_as_told(&host);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_web_server_with_keys_only_is_in_good_shape() {
    let (host, report) = audit("web", "patched");
    compare("web", &report);
    doors_are_as_told(&host);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_neglected_host_fails() {
    let (host, report) = audit("neglected", "full");
    compare("neglected", &report);
    doors_are_as_told(&host);
    files_alone_say_the_same(&host, &["select name, candidate from updates order by all"]);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_badly_broken_host_shows_exactly_what_was_broken() {
    let (host, report) = audit("broken", "full");
    compare("broken", &report);
    // The same machine as an ordinary user: fewer answers, none of them invented.
    let mine =
        host.exec(&["/sbin/runuser", "-u", "nobody", "--", "cleanbill", "audit", "--no-store", "--format", "json"]);
    let mine: serde_json::Value = serde_json::from_str(&mine).unwrap();
    assert!(!mine["not_seen"].as_array().unwrap().is_empty());
    let as_root: BTreeSet<_> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["result"] == "ok")
        .map(|r| r["check"].clone().to_string())
        .collect();
    for result in mine["results"].as_array().unwrap() {
        if result["result"] == "ok" {
            assert!(as_root.contains(&result["check"].to_string()), "without root {} is called fine", result["check"]);
        }
    }
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_hardened_host_gets_an_a() {
    let (host, report) = audit("hardened", "plus");
    compare("hardened", &report);
    doors_are_as_told(&host);
    files_alone_say_the_same(&host, &[]);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_same_faults_are_seen_in_an_image_that_is_not_running() {
    let host = Host::tree("image", "full", Some(scripts().join("break/broken.sh")));
    let root = host.root();
    let output = Command::new(env!("CARGO_BIN_EXE_cleanbill"))
        .args(["audit", "--no-store", "--format", "json", "--root", &root])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    compare("image", &report);
}
