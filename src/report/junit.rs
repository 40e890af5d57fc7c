//! The report as JUnit's XML, for pipelines that show tests: a suite for each area, a case for each check.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{CheckResult, Report};
use crate::{
    checks::{Evidence, Severity},
    words::harmless,
};

/// The report as JUnit: a problem is a failure, a check without an answer an error; one that does not apply, or whose problem
/// was accepted, is skipped.
pub(super) fn junit(report: &Report) -> String {
    let wrong = wrong(report);
    let mut junit = Junit::new("cleanbill");
    junit.set_time(Duration::try_from_secs_f64(report.audit.seconds).unwrap_or_default());
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for result in &report.results {
        let suite = suites.entry(&result.area).or_insert_with(|| {
            let mut suite = TestSuite::new(result.area.as_str());
            suite.add_property(("host", harmless(&report.host.name).as_str()));
            suite
        });
        suite.add_test_case(case(result, wrong.get(result.check.as_str())));
    }
    junit.add_test_suites(suites.into_values());
    junit.to_string().unwrap_or_default()
}

/// What is wrong, as a failure tells it.
struct Wrong<'a> {
    title: &'a str,
    severity: Severity,
    /// What could happen, what to do, what was seen.
    text: String,
}

fn case(result: &CheckResult, wrong: Option<&Wrong<'_>>) -> TestCase {
    let why = result.why.as_deref().unwrap_or_default();
    let skipped = |why: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(harmless(&why));
        status
    };
    let status = match (result.result.as_str(), wrong) {
        ("ok", _) => TestCaseStatus::success(),
        ("problem", Some(wrong)) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(wrong.severity.name());
            status.set_message(harmless(wrong.title));
            status.set_description(wrong.text.as_str());
            status
        }
        ("problem", None) => skipped("A problem, but less bad than was asked for".to_owned()),
        ("unknown", _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("unknown");
            status.set_message(harmless(&format!("No answer: {why}")));
            status
        }
        ("waived", _) => skipped("Accepted".to_owned()),
        _ => skipped(format!("Does not apply: {why}")),
    };
    let mut case = TestCase::new(result.check.as_str(), status);
    case.set_classname(format!("cleanbill.{}", result.group));
    case
}

/// The open problems, with those that stand under another.
fn wrong(report: &Report) -> BTreeMap<&str, Wrong<'_>> {
    let mut wrong = BTreeMap::new();
    for problem in &report.problems {
        let mut text = format!("{} {}", harmless(&problem.why), harmless(&problem.advice));
        seen(&mut text, &problem.evidence, problem.evidence_total);
        if let Some(command) = &problem.command {
            let _ = write!(text, "\nLet it be done: {}", harmless(command));
        }
        wrong.insert(problem.check.as_str(), Wrong { title: &problem.title, severity: problem.severity, text });
        for part in &problem.parts {
            let mut text = format!("The same cause: {}", harmless(&problem.title));
            seen(&mut text, &part.evidence, part.evidence_total);
            wrong.insert(part.check.as_str(), Wrong { title: &part.title, severity: part.severity, text });
        }
    }
    wrong
}

/// What was seen, a line each.
fn seen(text: &mut String, evidence: &[Evidence], total: usize) {
    for one in evidence {
        let place = one.place().map_or_else(String::new, |place| format!(" ({place})"));
        let _ = write!(text, "\n- {}", harmless(&format!("{}{place}", one.text)));
    }
    if total > evidence.len() {
        let _ = write!(text, "\n- and {} more", total - evidence.len());
    }
}
