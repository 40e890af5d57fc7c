//! The report for a spreadsheet: a line for each problem, open or accepted.

use jiff::Timestamp;
use serde::Serialize;

use super::Report;
use crate::{
    checks::{Evidence, Severity},
    facts::QueryResult,
};

const COLUMNS: [&str; 13] = [
    "state", "severity", "check", "title", "area", "points", "minutes", "since", "cause", "why", "advice", "command",
    "evidence",
];

#[derive(Default, Serialize)]
struct Line<'a> {
    /// `open` or `accepted`.
    state: &'static str,
    severity: Option<Severity>,
    check: &'a str,
    title: &'a str,
    area: &'a str,
    points: Option<f64>,
    minutes: Option<u32>,
    since: Option<Timestamp>,
    /// The problem with the same cause, with which this one goes.
    cause: Option<&'a str>,
    /// Of an accepted one, why it is accepted.
    why: &'a str,
    advice: &'a str,
    command: Option<&'a str>,
    evidence: String,
}

/// The report as CSV, the worst problem first.
pub(super) fn csv(report: &Report) -> String {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for problem in &report.problems {
        lines.push(Line {
            state: "open",
            severity: Some(problem.severity),
            check: &problem.check,
            title: &problem.title,
            area: &problem.area,
            points: Some((problem.points * 10.0).round() / 10.0),
            minutes: Some(problem.minutes),
            since: problem.since,
            cause: None,
            why: &problem.why,
            advice: &problem.advice,
            command: problem.command.as_deref(),
            evidence: seen(&problem.evidence, problem.evidence_total),
        });
        lines.extend(problem.parts.iter().map(|part| Line {
            state: "open",
            severity: Some(part.severity),
            check: &part.check,
            title: &part.title,
            area: &problem.area,
            cause: Some(&problem.check),
            evidence: seen(&part.evidence, part.evidence_total),
            ..Line::default()
        }));
    }
    lines.extend(report.waived.iter().map(|waived| Line {
        state: "accepted",
        severity: Some(waived.severity),
        check: &waived.check,
        title: &waived.title,
        why: &waived.reason,
        ..Line::default()
    }));
    QueryResult::of(&COLUMNS, &lines).csv()
}

/// What was seen, in one cell.
fn seen(evidence: &[Evidence], total: usize) -> String {
    let mut all: Vec<String> = evidence
        .iter()
        .map(|one| one.place().map_or_else(|| one.text.clone(), |place| format!("{} ({place})", one.text)))
        .collect();
    if total > evidence.len() {
        all.push(format!("and {} more", total - evidence.len()));
    }
    all.join("\n")
}
