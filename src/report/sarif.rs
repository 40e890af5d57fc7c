//! The report as SARIF 2.1.0, for code hosts and archives that collect what many tools find.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::{Problem, Report, Waived, add, finding_id, made::safe};
use crate::{
    checks::{Evidence, Severity},
    words::harmless,
};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Where paths begin: the root of the machine or image.
const ROOT: &str = "ROOT";

/// The report as SARIF: each open or accepted problem a result, what could not be seen a notification.
pub(super) fn sarif(report: &Report) -> String {
    let mut found = Found { report, rules: Vec::new(), results: Vec::new(), known: BTreeSet::new() };
    for problem in &report.problems {
        found.problem(problem);
    }
    for waived in &report.waived {
        found.waived(waived);
    }
    let Found { rules, results, .. } = found;
    let root = Url::from_directory_path(&report.host.root).map_or_else(|()| "file:///".to_owned(), String::from);
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "cleanbill",
                "version": report.audit.version,
                "semanticVersion": report.audit.version,
                "rules": rules,
            }},
            "automationDetails": {"id": format!("cleanbill/{}/", harmless(&report.host.name))},
            "originalUriBaseIds": {ROOT: {
                "uri": root,
                "description": {"text": text(&format!("The files of {}", report.host.name))},
            }},
            "invocations": [{
                "executionSuccessful": true,
                "startTimeUtc": report.audit.started.to_string(),
                "machine": harmless(&report.host.name),
                "toolExecutionNotifications": report.not_seen.iter().map(|gap| json!({
                    "level": "warning",
                    "message": {"text": text(&format!("I could not see {}: {}.", gap.what, gap.why))},
                })).collect::<Vec<_>>(),
            }],
            "results": results,
            "properties": {"grade": report.grade.letter(), "risk": report.risk},
        }],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default()
}

/// Rules and results, as they come.
struct Found<'a> {
    report: &'a Report,
    rules: Vec<Value>,
    results: Vec<Value>,
    known: BTreeSet<String>,
}

impl Found<'_> {
    fn problem(&mut self, problem: &Problem) {
        let tags: Vec<String> = std::iter::once(problem.area.clone())
            .chain(problem.references.iter().flat_map(|of| of.ids.iter().map(|id| format!("{} {id}", of.framework))))
            .collect();
        let steps: String = (1..).zip(&problem.steps).map(|(n, step)| format!("\n{n}. {step}")).collect();
        let command = problem.command.as_deref().map_or_else(String::new, |c| format!("\nLet it be done: {c}"));
        let words = json!({
            "fullDescription": {"text": text(&problem.why)},
            "help": {"text": format!("{}{}{}", text(&problem.advice), lines(&steps), lines(&command))},
        });
        self.rule(&problem.check, &problem.title, problem.severity, &tags, words);
        let mut result = self.result(&problem.check, &problem.title, problem.severity, &problem.evidence);
        add(
            &mut result,
            json!({
                "rank": problem.points.clamp(0.0, 100.0),
                "properties": {"minutes": problem.minutes, "since": problem.since.map(|since| since.to_string())},
            }),
        );
        self.results.push(result);
        for part in &problem.parts {
            self.rule(&part.check, &part.title, part.severity, &tags[..1], json!({}));
            let result = self.result(&part.check, &part.title, part.severity, &part.evidence);
            self.results.push(result);
        }
    }

    fn waived(&mut self, waived: &Waived) {
        self.rule(&waived.check, &waived.title, waived.severity, &[], json!({}));
        let mut result = self.result(&waived.check, &waived.title, waived.severity, &[]);
        let why = format!("{} ({}, until {})", waived.reason, waived.who, waived.until);
        add(
            &mut result,
            json!({
                "suppressions": [{"kind": "external", "status": "accepted", "justification": harmless(&why)}],
            }),
        );
        self.results.push(result);
    }

    fn rule(&mut self, check: &str, title: &str, severity: Severity, tags: &[String], words: Value) {
        if !self.known.insert(check.to_owned()) {
            return;
        }
        let mut rule = json!({
            "id": check,
            "shortDescription": {"text": text(title)},
            "defaultConfiguration": {"level": level(severity)},
            "properties": {"tags": tags, "problem.severity": severity.name(), "security-severity": score(severity)},
        });
        add(&mut rule, words);
        self.rules.push(rule);
    }

    fn result(&self, check: &str, title: &str, severity: Severity, evidence: &[Evidence]) -> Value {
        let seen: String = evidence.iter().map(|seen| format!("\n- {}", seen.text.replace('\n', " "))).collect();
        let host = harmless(&self.report.host.name);
        let machine = json!([{"name": host, "fullyQualifiedName": host, "kind": "resource"}]);
        let mut locations: Vec<Value> = evidence
            .iter()
            .filter_map(|seen| {
                // What came from a program is in no file.
                let file = Url::from_file_path(seen.source.as_deref()?).ok()?;
                let below = file.path().trim_start_matches('/');
                let mut place = json!({"artifactLocation": {"uri": below, "uriBaseId": ROOT}});
                if let Some(line) = seen.line.filter(|line| *line > 0) {
                    add(&mut place, json!({"region": {"startLine": line}}));
                }
                Some(json!({"physicalLocation": place, "logicalLocations": machine}))
            })
            .collect();
        // What is in no file is of the machine. Code hosts refuse all results when one is at no place that has an address,
        // so it is at the name of the machine, which is below no root.
        if locations.is_empty() {
            let place = json!({"artifactLocation": {"uri": address(&self.report.host.name)}});
            locations.push(json!({"physicalLocation": place, "logicalLocations": machine}));
        }
        let mut same = BTreeSet::new();
        locations.retain(|location| same.insert(location.to_string()));
        let print = finding_id(&self.report.host.id, check);
        json!({
            "ruleId": check,
            "kind": "fail",
            "level": level(severity),
            "message": {"text": format!("{}{}", text(title), lines(&seen))},
            "locations": locations,
            "partialFingerprints": {"hostAndCheck/v1": print},
        })
    }
}

/// A host name as a relative address.
fn address(name: &str) -> String {
    let name = safe(name);
    if name.is_empty() { "machine".to_owned() } else { name }
}

/// Text that is shown as it is: a square bracket would begin a link.
fn text(plain: &str) -> String {
    harmless(plain).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

/// Lines of it.
fn lines(plain: &str) -> String {
    plain.split('\n').map(text).collect::<Vec<_>>().join("\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of the CVSS scores that are called so; a tip has none.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}
