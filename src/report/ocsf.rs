//! The report as OCSF Compliance Findings, one event a line, for what collects the events of many machines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CheckResult, Part, Problem, Reference, Report, Waived, add, finding_id, short_id};
use crate::{
    checks::{Evidence, Severity},
    words::harmless,
};

/// The schema that the events follow. What older ones do not have, from 1.4 on, is left out.
const VERSION: &str = "1.8.0";
const CLASS: i64 = 2003;
/// Frameworks that name what must be so; the others name programs that look, or attacks.
const STANDARDS: [&str; 2] = ["CIS Debian 12", "NIST SP 800-53"];
const ATTACKS: &str = "MITRE ATT&CK";
const PAGES: &str = "Read more";

/// An open problem, or one that stands under another with the same cause.
enum Open<'a> {
    Leader(&'a Problem),
    Part(&'a Problem, &'a Part),
}

/// What is done with a finding: the numbers and words of the schema.
#[derive(Clone, Copy)]
enum Activity {
    Create,
    Update,
    Close,
}

impl Activity {
    fn named(self) -> (i64, &'static str) {
        match self {
            Activity::Create => (1, "Create"),
            Activity::Update => (2, "Update"),
            Activity::Close => (3, "Close"),
        }
    }
}

/// What stands in an event beside what all events of a report have.
struct Told<'a> {
    activity: Activity,
    severity: (i64, &'static str),
    /// Of the finding: whether someone must still look at it.
    status: Option<(i64, &'static str)>,
    /// Of the question: whether it is fine.
    outcome: (i64, &'static str),
    /// Why there is no answer, or why it is accepted.
    why: Option<String>,
    title: &'a str,
    message: String,
    /// What only some events have.
    more: Value,
    finding: Value,
}

/// The report as JSON Lines: each problem, open or accepted, each question that is fine, each without an answer.
pub(super) fn ocsf(report: &Report) -> String {
    let mut open: BTreeMap<&str, Open<'_>> = BTreeMap::new();
    for problem in &report.problems {
        open.insert(&problem.check, Open::Leader(problem));
        open.extend(problem.parts.iter().map(|part| (part.check.as_str(), Open::Part(problem, part))));
    }
    let accepted: BTreeMap<&str, &Waived> =
        report.waived.iter().map(|waived| (waived.check.as_str(), waived)).collect();
    let machine = Machine::of(report);
    let mut out = String::new();
    for result in &report.results {
        let check = result.check.as_str();
        let told = match result.result.as_str() {
            "problem" => open.get(check).map(|open| problem(report, open)),
            "waived" => accepted.get(check).map(|waived| waived_problem(report, waived)),
            "ok" => Some(fine(report, result)),
            "unknown" => Some(unknown(result)),
            // What does not apply says nothing about this machine.
            _ => None,
        };
        if let Some(told) = told {
            out.push_str(&machine.event(result, told).to_string());
            out.push('\n');
        }
    }
    out
}

fn problem<'a>(report: &Report, open: &Open<'a>) -> Told<'a> {
    let (leader, title, severity, evidence, total) = match open {
        Open::Leader(one) => (*one, &one.title, one.severity, &one.evidence, one.evidence_total),
        Open::Part(leader, part) => (*leader, &part.title, part.severity, &part.evidence, part.evidence_total),
    };
    let since = leader.since.unwrap_or(report.audit.started);
    let mut told = Told {
        activity: if since >= report.audit.started { Activity::Create } else { Activity::Update },
        severity: level(severity),
        status: Some((1, "New")),
        outcome: (3, "Fail"),
        why: None,
        title,
        message: message(title, evidence, total),
        more: json!({"evidences": evidences(evidence)}),
        finding: json!({"last_seen_time": report.audit.started.as_millisecond()}),
    };
    match open {
        Open::Leader(one) => {
            let first = since.as_millisecond();
            add(&mut told.finding, json!({"desc": harmless(&one.why), "first_seen_time": first}));
            let minutes = json!({"points": one.points, "minutes": one.minutes});
            add(&mut told.more, json!({"remediation": remediation(one), "unmapped": minutes}));
        }
        Open::Part(leader, _) => {
            let desc = format!("The same cause: {}", leader.title);
            let uid = finding_id(&report.host.id, &leader.check);
            add(&mut told.finding, json!({"desc": harmless(&desc), "related_events": [{"uid": uid}]}));
            add(&mut told.more, json!({"remediation": remediation(leader)}));
        }
    }
    told
}

fn waived_problem<'a>(report: &Report, waived: &'a Waived) -> Told<'a> {
    let why = format!("Accepted by {} until {}: {}", waived.who, waived.until, waived.reason);
    Told {
        activity: Activity::Update,
        severity: level(waived.severity),
        status: Some((3, "Suppressed")),
        outcome: (3, "Fail"),
        title: &waived.title,
        message: message(&waived.title, &[], 0),
        more: json!({"comment": harmless(&why)}),
        finding: json!({"last_seen_time": report.audit.started.as_millisecond()}),
        why: Some(why),
    }
}

fn fine<'a>(report: &Report, result: &'a CheckResult) -> Told<'a> {
    let gone = report.changes.as_ref().is_some_and(|c| c.fixed.iter().any(|fixed| fixed.check == result.check));
    Told {
        activity: if gone { Activity::Close } else { Activity::Create },
        severity: (1, "Informational"),
        status: gone.then_some((4, "Resolved")),
        outcome: (1, "Pass"),
        why: None,
        title: &result.title,
        message: format!("Looked for, not found: {}", result.title),
        more: json!({}),
        finding: json!({}),
    }
}

fn unknown(result: &CheckResult) -> Told<'_> {
    Told {
        activity: Activity::Create,
        severity: (0, "Unknown"),
        status: Some((0, "Unknown")),
        // In the words of the schema: no result, because something is missing.
        outcome: (2, "Warning"),
        message: format!("No answer to: {}", result.title),
        title: &result.title,
        why: result.why.clone(),
        more: json!({}),
        finding: json!({}),
    }
}

/// What all events of one report say.
struct Machine<'a> {
    report: &'a Report,
    time: i64,
    device: Value,
    resource: Value,
    metadata: Value,
}

impl<'a> Machine<'a> {
    fn of(report: &'a Report) -> Self {
        let host = &report.host;
        let name = harmless(&host.name);
        let (type_id, kind) = match (host.kind.as_str(), host.role.as_str()) {
            ("vm", _) => (6, "Virtual"),
            ("physical", "desktop") => (2, "Desktop"),
            ("physical", _) => (1, "Server"),
            (other, _) => (99, other),
        };
        let mut os = json!({"name": harmless(&host.os), "type": "Linux", "type_id": 200});
        if let Some(kernel) = &host.kernel {
            add(&mut os, json!({"kernel_release": harmless(kernel)}));
        }
        let mut device = json!({
            "uid": harmless(&host.id), "name": name, "os": os, "type_id": type_id, "type": harmless(kind),
        });
        let mut resource = json!({
            "uid": harmless(&host.id), "name": name, "type": harmless(&host.kind),
            "data": {"root": harmless(&host.root), "grade": report.grade.letter(), "risk": report.risk},
        });
        // The schema is strict about what may stand there.
        if is_hostname(&host.name) {
            add(&mut device, json!({"hostname": name}));
            add(&mut resource, json!({"hostname": name}));
        }
        let metadata = json!({
            "version": VERSION,
            "profiles": ["host"],
            "product": {"name": "cleanbill", "vendor_name": "cleanbill", "version": report.audit.version},
            "original_time": report.audit.started.to_string(),
            // The same in all events of one audit.
            "correlation_uid": short_id(&[&host.id, &report.audit.started.to_string()]),
        });
        Machine { report, time: report.audit.started.as_millisecond(), device, resource, metadata }
    }

    fn event(&self, result: &CheckResult, told: Told<'_>) -> Value {
        let (activity_id, activity) = told.activity.named();
        let uid = finding_id(&self.report.host.id, &result.check);
        let (standards, requirements) = standards(&result.references);
        let mut metadata = self.metadata.clone();
        let started = self.report.audit.started.to_string();
        add(&mut metadata, json!({"uid": short_id(&[&uid, &started]), "event_code": harmless(&result.check)}));
        let mut compliance = json!({
            "control": harmless(&result.check),
            "standards": standards,
            "requirements": requirements,
            "status_id": told.outcome.0,
            "status": told.outcome.1,
            "status_code": harmless(&result.result),
        });
        if let Some(why) = &told.why {
            add(&mut compliance, json!({"status_details": [harmless(why)]}));
        }
        let mut finding = json!({
            "uid": uid,
            "title": harmless(told.title),
            "types": [harmless(&result.area)],
            "analytic": {
                "uid": harmless(&result.check), "name": harmless(&result.title), "category": harmless(&result.group),
                "type_id": 1, "type": "Rule",
            },
        });
        let attacks: Vec<Value> =
            ids(&result.references, |f| f == ATTACKS).map(|(_, id)| json!({"technique": {"uid": id}})).collect();
        let others: Vec<Value> = result
            .references
            .iter()
            .filter(|of| {
                !STANDARDS.contains(&of.framework.as_str()) && ![ATTACKS, PAGES].contains(&of.framework.as_str())
            })
            .map(|of| json!({"name": of.framework, "values": of.ids}))
            .collect();
        for (name, list) in [("attacks", attacks), ("tags", others)] {
            if !list.is_empty() {
                add(&mut finding, json!({name: list}));
            }
        }
        add(&mut finding, told.finding);
        let mut event = json!({
            "category_uid": 2, "category_name": "Findings",
            "class_uid": CLASS, "class_name": "Compliance Finding",
            "activity_id": activity_id, "activity_name": activity,
            "type_uid": CLASS * 100 + activity_id, "type_name": format!("Compliance Finding: {activity}"),
            "severity_id": told.severity.0, "severity": told.severity.1,
            "time": self.time,
            "message": harmless(&told.message),
            "metadata": metadata,
            "finding_info": finding,
            "compliance": compliance,
            "device": self.device,
            "resources": [self.resource],
        });
        if let Some((id, name)) = told.status {
            add(&mut event, json!({"status_id": id, "status": name}));
        }
        add(&mut event, told.more);
        event
    }
}

/// The ids of those frameworks, each with the name of its own.
fn ids<'a>(of: &'a [Reference], which: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = (&'a str, &'a str)> {
    of.iter()
        .filter(move |of| which(&of.framework))
        .flat_map(|of| of.ids.iter().map(|id| (of.framework.as_str(), id.as_str())))
}

/// The standards that ask for it, and what they call it.
fn standards(references: &[Reference]) -> (Vec<&str>, Vec<String>) {
    let names = references.iter().map(|of| of.framework.as_str()).filter(|name| STANDARDS.contains(name)).collect();
    let asked = ids(references, |name| STANDARDS.contains(&name)).map(|(name, id)| format!("{name} {id}")).collect();
    (names, asked)
}

fn remediation(problem: &Problem) -> Value {
    let mut desc = harmless(&problem.advice);
    for (n, step) in (1..).zip(&problem.steps) {
        desc.push_str(&format!("\n{n}. {}", harmless(step)));
    }
    if let Some(command) = &problem.command {
        desc.push_str(&format!("\nLet it be done: {}", harmless(command)));
    }
    let mut remediation = json!({"desc": desc});
    let pages: Vec<&str> = ids(&problem.references, |name| name == PAGES).map(|(_, page)| page).collect();
    if !pages.is_empty() {
        add(&mut remediation, json!({"references": pages}));
    }
    remediation
}

/// What is wrong, with what was seen of it.
fn message(title: &str, evidence: &[Evidence], total: usize) -> String {
    let mut seen: Vec<&str> = evidence.iter().map(|seen| seen.text.as_str()).collect();
    let more = format!("and {} more", total.saturating_sub(evidence.len()));
    if total > evidence.len() && !evidence.is_empty() {
        seen.push(&more);
    }
    if seen.is_empty() { title.to_owned() } else { format!("{title}: {}", seen.join("; ")) }
}

fn evidences(evidence: &[Evidence]) -> Vec<Value> {
    let told = |seen: &Evidence| {
        let mut data = json!({"text": harmless(&seen.text)});
        if let Some(source) = &seen.source {
            add(&mut data, json!({"source": harmless(source)}));
        }
        if let Some(line) = seen.line.filter(|line| *line > 0) {
            add(&mut data, json!({"line": line}));
        }
        let mut told = json!({"data": data});
        // What came from a program is in no file.
        let path = seen.source.as_deref().filter(|source| source.starts_with('/'));
        if let Some((path, name)) = path.and_then(|path| Some((path, path.rsplit('/').find(|part| !part.is_empty())?)))
        {
            add(&mut told, json!({"file": {"path": harmless(path), "name": harmless(name), "type_id": 0}}));
        }
        told
    };
    evidence.iter().map(told).collect()
}

fn level(severity: Severity) -> (i64, &'static str) {
    match severity {
        Severity::Critical => (5, "Critical"),
        Severity::High => (4, "High"),
        Severity::Medium => (3, "Medium"),
        Severity::Low => (2, "Low"),
        Severity::Info => (1, "Informational"),
    }
}

/// Whether it is a name as RFC 1123 wants it.
fn is_hostname(name: &str) -> bool {
    let part = |part: &str| {
        let inner = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (1..=63).contains(&part.len()) && inner && !part.starts_with('-') && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(part)
}
