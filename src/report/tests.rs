//! Pages of made-up reports: nothing hostile gets through, nothing grows too large, the words stay.

use std::time::Duration;

use super::*;
use crate::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Gap, Reason},
    store::History,
};

pub(super) const EVIL: &str =
    "<script>alert(1)</script> \u{1b}[31m \u{202e}gpj {{ 70007*7 }} `x` | **b** [l](http://e) '; drop table users";

pub(super) fn audit(outcomes: Vec<Outcome>, name: &str) -> Audit {
    Audit {
        id: Some(7),
        machine: MachineInfo {
            host: "0123".to_owned(),
            hostname: name.to_owned(),
            os: "Debian 12".to_owned(),
            kind: "vm".to_owned(),
            role: "server".to_owned(),
            root: "/".to_owned(),
            kernel: Some("6.1.0".to_owned()),
            details: Vec::new(),
        },
        started: "2026-01-15T12:00:00Z".parse().unwrap(),
        took: Duration::from_millis(900),
        version: "0.0.0".to_owned(),
        privileged: true,
        complete: true,
        outcomes,
        gaps: Vec::new(),
        looked_at: LookedAt { files: 386_120, services: 31, programs: 412 },
    }
}

pub(super) fn problem(check: &str, severity: Severity, text: &str) -> Outcome {
    let evidence = vec![Evidence { text: text.to_owned(), source: Some("/etc/x".to_owned()), line: Some(3) }];
    Outcome::new(check, Verdict::Problem(Finding { title: text.to_owned(), severity, count: 1, evidence }))
}

/// A small report.
pub(super) fn small() -> Report {
    built(&audit(vec![problem("not-restarted-for-long", Severity::Medium, "x")], "web01"))
}

pub(super) fn built(audit: &Audit) -> Report {
    build(audit, &Catalogue::builtin().unwrap(), &History::default())
}

#[test]
fn hostile_text_is_harmless_in_every_form() {
    let mut outcomes =
        vec![problem("not-restarted-for-long", Severity::High, EVIL), problem("gone", Severity::Low, EVIL)];
    let gap = Gap::new(EVIL, EVIL, Reason::Broken(EVIL.to_owned()));
    outcomes.push(Outcome::new("also-gone", Verdict::Unknown(vec![gap])));
    let report = built(&audit(outcomes, EVIL));
    let page = html(&report, &Options::default()).unwrap().text;
    let md = markdown(&report).unwrap().text;
    let text = super::page(&report, Style::default(), true);
    let (sarif, junit) = (sarif(&report), junit(&report));
    for (name, out) in [("html", &page), ("md", &md), ("text", &text), ("sarif", &sarif), ("junit", &junit)] {
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{name} lets control characters through");
        assert!(!out.contains("490049"), "{name} ran a template from the machine");
    }
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>alert"));
    assert!(!md.replace("\\<script", "").contains("<script") && !md.contains("[l](") && !md.contains("**b**"), "{md}");
}

#[test]
fn sarif_is_valid_whatever_is_in_it() {
    let schema = include_str!("../../tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let of = |outcomes: Vec<Outcome>, host: &str| -> serde_json::Value {
        let log = serde_json::from_str(&sarif(&built(&audit(outcomes, host)))).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        log
    };
    let run = &of(Vec::new(), "web01")["runs"][0];
    assert_eq!((&run["results"], &run["tool"]["driver"]["rules"]), (&serde_json::json!([]), &serde_json::json!([])));

    let mut evil = problem("not-restarted-for-long", Severity::Critical, EVIL);
    let Verdict::Problem(finding) = &mut evil.verdict else { unreachable!() };
    finding.evidence = [
        ("/etc/a b/ü%[x]", Some(3)),
        ("/etc/a b/ü%[x]", Some(3)),
        ("/etc/b", None),
        ("ss -tlnp", None),
        ("/etc/c", Some(-1)),
    ]
    .map(|(source, line)| Evidence { text: EVIL.to_owned(), source: Some(source.to_owned()), line })
    .into();
    let mut accepted = problem("accepted", Severity::Low, "Accepted");
    accepted.waived = true;
    let gap = Outcome::new("unknown", Verdict::Unknown(vec![Gap::new(EVIL, EVIL, Reason::Broken(EVIL.to_owned()))]));
    let run = &of(vec![evil, problem("gone", Severity::Info, "Small"), accepted, gap], EVIL)["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let told: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert_eq!(told, rules);
    let worst = results.iter().find(|result| result["ruleId"] == "not-restarted-for-long").unwrap();
    assert_eq!(worst["level"], "error");
    let places: Vec<(&str, Option<i64>)> = worst["locations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| &at["physicalLocation"])
        .map(|at| (at["artifactLocation"]["uri"].as_str().unwrap(), at["region"]["startLine"].as_i64()))
        .collect();
    assert_eq!(places, [("etc/a%20b/%C3%BC%25[x]", Some(3)), ("etc/b", None), ("etc/c", None)]);
    let text = worst["message"]["text"].as_str().unwrap();
    assert!(text.contains("\\[l\\](http") && !text.contains(" [l]("), "no link comes from the machine: {text}");
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 1);
}

#[test]
fn a_problem_in_sarif_is_the_same_whatever_is_seen_of_it() {
    let print = |check: &str, text: &str, host: &str| {
        let report = built(&audit(vec![problem(check, Severity::Low, text)], host));
        let log: serde_json::Value = serde_json::from_str(&sarif(&report)).unwrap();
        log["runs"][0]["results"][0]["partialFingerprints"]["hostAndCheck/v1"].as_str().unwrap().to_owned()
    };
    let one = print("gone", "three", "a");
    assert_eq!(one.len(), 32);
    assert_eq!(one, print("gone", "four", "renamed"));
    assert_ne!(one, print("not-restarted-for-long", "three", "a"));
}

#[test]
fn a_spreadsheet_gets_a_line_for_each_problem() {
    let mut accepted = problem("accepted", Severity::Low, "Accepted");
    accepted.waived = true;
    let outcomes = vec![problem("not-restarted-for-long", Severity::High, "=1+1"), accepted];
    let out = csv(&built(&audit(outcomes, "web01")));
    let lines: Vec<&str> = out.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].starts_with("state,severity,check,title,area,points,minutes,since,cause,"));
    assert!(
        lines[1].starts_with("open,high,not-restarted-for-long,'=1+1,") && lines[1].ends_with(",'=1+1 (/etc/x:3)"),
        "{out}"
    );
    assert!(lines[2].starts_with("accepted,low,accepted,Accepted,"), "{out}");
}

#[test]
fn junit_tells_each_check() {
    let gap = Outcome::new("unknown", Verdict::Unknown(vec![Gap::new("x", "y", Reason::Broken("z".to_owned()))]));
    let outcomes =
        vec![problem("not-restarted-for-long", Severity::High, EVIL), Outcome::new("empty-password", Verdict::Ok), gap];
    let mut report = built(&audit(outcomes, "web01"));
    let read = |report: &Report| quick_junit::Report::deserialize_from_str(&junit(report)).unwrap();
    let all = read(&report);
    let (failures, errors): (usize, usize) =
        all.test_suites.iter().fold((0, 0), |sum, suite| (sum.0 + suite.failures, sum.1 + suite.errors));
    assert_eq!((failures, errors, all.tests), (1, 1, report.results.len()));
    // A problem that was not asked for is not told as none.
    report.problems.clear();
    let less = read(&report);
    let cases = less.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let skipped = |case: &&quick_junit::TestCase| matches!(case.status, quick_junit::TestCaseStatus::Skipped { .. });
    assert_eq!((cases.filter(skipped).count(), less.failures), (1, 0));
}

#[test]
fn the_markdown_reads_well() {
    let outcomes = vec![
        problem("not-restarted-for-long", Severity::Medium, "This machine has not been restarted for 731 days"),
        problem("gone", Severity::Low, "Something small"),
    ];
    insta::assert_snapshot!(markdown(&built(&audit(outcomes, "web01"))).unwrap().text);
}

#[test]
fn the_terminal_page_reads_well() {
    let outcomes = vec![
        problem("not-restarted-for-long", Severity::Medium, "This machine has not been restarted for 731 days"),
        problem("gone", Severity::Low, "Something small"),
    ];
    insta::assert_snapshot!(page(&built(&audit(outcomes, "web01")), Style::default(), false));
}
