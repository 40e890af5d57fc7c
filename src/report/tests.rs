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
    for (name, out) in [("html", &page), ("md", &md), ("text", &text)] {
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{name} lets control characters through");
        assert!(!out.contains("490049"), "{name} ran a template from the machine");
    }
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>alert"));
    assert!(!md.replace("\\<script", "").contains("<script") && !md.contains("[l](") && !md.contains("**b**"), "{md}");
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
