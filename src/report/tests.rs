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
    let (sarif, junit, ocsf) = (sarif(&report), junit(&report), ocsf(&report));
    let plain = [("text", &text), ("sarif", &sarif), ("junit", &junit), ("ocsf", &ocsf)];
    for (name, out) in [("html", &page), ("md", &md)].into_iter().chain(plain) {
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
    // Code hosts refuse the whole file when a result has no address, or one that is no place in a repository.
    for result in results {
        for at in result["locations"].as_array().unwrap() {
            let uri = at["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.starts_with(['/', '.']) && !uri.contains(':'), "{result:#}");
        }
    }
    let accepted = results.iter().find(|result| result["ruleId"] == "accepted").unwrap();
    let place = &accepted["locations"][0]["physicalLocation"]["artifactLocation"];
    assert!(place["uriBaseId"].is_null() && place["uri"].as_str().unwrap().starts_with("_script_alert"), "{place}");
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

/// The events of a report, each checked against the schema that it names, and the oldest that it still fits.
fn events(report: &Report) -> Vec<serde_json::Value> {
    let schemas = [
        include_str!("../../tests/fixtures/ocsf/compliance_finding-1.8.0.json"),
        include_str!("../../tests/fixtures/ocsf/compliance_finding-1.4.0.json"),
    ];
    let schemas = schemas.map(|schema| jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap());
    let out = ocsf(report);
    assert!(out.is_empty() || out.ends_with('\n'));
    let events: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (event, schema) in events.iter().flat_map(|event| schemas.iter().map(move |schema| (event, schema))) {
        let wrong: Vec<String> = schema.iter_errors(event).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{event:#}");
    }
    events
}

#[test]
fn ocsf_tells_each_answer_as_an_event_of_the_schema() {
    assert_eq!(ocsf(&built(&audit(Vec::new(), "web01"))), "");
    let mut accepted = problem("gone", Severity::Low, "Accepted");
    accepted.waived = true;
    let mut part = problem("part", Severity::Low, "The same door");
    part.part_of = Some("ssh-root-login".to_owned());
    let outcomes = vec![
        problem("ssh-root-login", Severity::Critical, "Root may log in"),
        part,
        accepted,
        Outcome::new("empty-password", Verdict::Ok),
        Outcome::new("unknown", Verdict::Unknown(vec![Gap::new("x", "y", Reason::Broken("z".to_owned()))])),
        Outcome::new("elsewhere", Verdict::NotApplicable("No such thing here".to_owned())),
    ];
    let report = built(&audit(outcomes, "web01"));
    let told = events(&report);
    let codes: Vec<(&str, &str, Option<&str>, i64)> = told
        .iter()
        .map(|event| {
            let compliance = &event["compliance"];
            let code = compliance["status_code"].as_str().unwrap();
            let severity = event["severity_id"].as_i64().unwrap();
            (code, compliance["status"].as_str().unwrap(), event["status"].as_str(), severity)
        })
        .collect();
    assert_eq!(
        codes,
        [
            ("problem", "Fail", Some("New"), 5),
            ("problem", "Fail", Some("New"), 2),
            ("waived", "Fail", Some("Suppressed"), 2),
            ("ok", "Pass", None, 1),
            ("unknown", "Warning", Some("Unknown"), 0),
        ]
    );
    let worst = &told[0];
    assert_eq!(worst["time"], 1_768_478_400_000_i64);
    assert_eq!(worst["finding_info"]["first_seen_time"], worst["time"]);
    assert_eq!((&worst["activity_id"], &worst["type_uid"]), (&serde_json::json!(1), &serde_json::json!(200_301)));
    assert_eq!((&worst["device"]["hostname"], &worst["device"]["type"]), (&"web01".into(), &"Virtual".into()));
    let seen = serde_json::json!([{
        "data": {"text": "Root may log in", "source": "/etc/x", "line": 3},
        "file": {"path": "/etc/x", "name": "x", "type_id": 0},
    }]);
    assert_eq!(worst["evidences"], seen);
    let asked = worst["compliance"]["requirements"].as_array().unwrap();
    assert!(asked.contains(&"CIS Debian 12 5.1.20".into()), "{asked:?}");
    assert_eq!(worst["compliance"]["standards"], serde_json::json!(["CIS Debian 12", "NIST SP 800-53"]));
    let attacks = worst["finding_info"]["attacks"].as_array().unwrap();
    assert!(attacks.contains(&serde_json::json!({"technique": {"uid": "T1110"}})), "{attacks:?}");
    let fix = worst["remediation"]["desc"].as_str().unwrap();
    assert!(fix.contains("\n1. ") && fix.ends_with("\nLet it be done: cleanbill fix ssh-root-login"), "{fix}");
    assert_eq!(told[1]["finding_info"]["related_events"][0]["uid"], worst["finding_info"]["uid"]);
    assert!(told[4]["compliance"]["status_details"][0].as_str().unwrap().contains("I could not see x"));
    // Each event has a name of its own, and the whole audit one.
    let names =
        |of: &str| told.iter().map(|e| e["metadata"][of].to_string()).collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!((names("uid"), names("correlation_uid")), (told.len(), 1));
}

#[test]
fn a_finding_in_ocsf_keeps_its_name_is_updated_and_is_closed() {
    let log = |started: &str| {
        let mut audit = audit(vec![problem("empty-password", Severity::High, "x")], "web01");
        audit.started = started.parse().unwrap();
        audit
    };
    let name = |event: &serde_json::Value| event["finding_info"]["uid"].as_str().unwrap().to_owned();
    let mut report = built(&log("2026-01-15T12:00:00Z"));
    let first = events(&report).remove(0);
    report.audit.started = "2026-01-16T12:00:00Z".parse().unwrap();
    report.problems[0].since = Some("2026-01-15T12:00:00Z".parse().unwrap());
    let second = events(&report).remove(0);
    assert_eq!((name(&first).len(), name(&first)), (32, name(&second)));
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    assert_eq!((&first["activity_name"], &second["activity_name"]), (&"Create".into(), &"Update".into()));
    assert_eq!(second["finding_info"]["first_seen_time"], first["time"]);
    // Gone since the audit before.
    let before = log("2026-01-15T12:00:00Z");
    let mut now = log("2026-01-17T12:00:00Z");
    now.outcomes = vec![Outcome::new("empty-password", Verdict::Ok)];
    let history = History { previous: Some(before), ..History::default() };
    let third = events(&build(&now, &Catalogue::builtin().unwrap(), &history)).remove(0);
    assert_eq!((&third["activity_name"], &third["status"]), (&"Close".into(), &"Resolved".into()));
    assert_eq!((&third["compliance"]["status"], name(&third)), (&"Pass".into(), name(&first)));
}

#[test]
fn ocsf_is_valid_whatever_is_in_it() {
    let mut evil = problem("gone", Severity::Critical, EVIL);
    let Verdict::Problem(finding) = &mut evil.verdict else { unreachable!() };
    finding.count = 9;
    finding.evidence = [("/etc/a\u{1b}b/", Some(3)), ("//", None), ("ss -tlnp", None), ("/etc/c", Some(-1))]
        .map(|(source, line)| Evidence { text: EVIL.to_owned(), source: Some(source.to_owned()), line })
        .into();
    let evil_host = format!("{EVIL}\n\u{85}\u{2028}");
    let mut audit = audit(vec![evil], &evil_host);
    audit.machine.os = EVIL.to_owned();
    audit.machine.kind = EVIL.to_owned();
    audit.machine.kernel = Some(EVIL.to_owned());
    audit.machine.host = EVIL.to_owned();
    let report = built(&audit);
    let told = events(&report);
    assert_eq!(told.len(), 1);
    let event = &told[0];
    assert!(event["device"]["hostname"].is_null(), "no name that a host can have: {}", event["device"]);
    let files: Vec<&str> =
        event["evidences"].as_array().unwrap().iter().filter_map(|seen| seen["file"]["name"].as_str()).collect();
    assert_eq!(files, ["a\u{fffd}b", "c"]);
    assert!(event["message"].as_str().unwrap().ends_with("and 5 more"));
    // Whoever takes other marks than a line feed for the end of a line reads the same lines.
    let out = ocsf(&report);
    assert!(!out.trim_end().chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{out}");
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
