//! Pages of made-up reports: nothing hostile gets through, nothing grows too large, the words stay.

use std::time::Duration;

use super::*;
use crate::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Gap, Reason},
    store::History,
};

const EVIL: &str =
    "<script>alert(1)</script> \u{1b}[31m \u{202e}gpj {{ 70007*7 }} `x` | **b** [l](http://e) '; drop table users";

fn audit(outcomes: Vec<Outcome>, name: &str) -> Audit {
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

fn problem(check: &str, severity: Severity, text: &str) -> Outcome {
    let evidence = vec![Evidence { text: text.to_owned(), source: Some("/etc/x".to_owned()), line: Some(3) }];
    Outcome::new(check, Verdict::Problem(Finding { title: text.to_owned(), severity, count: 1, evidence }))
}

fn built(audit: &Audit) -> Report {
    build(audit, &Catalogue::builtin().unwrap(), &History::default())
}

#[test]
fn hostile_text_is_harmless_in_every_form() {
    let mut outcomes =
        vec![problem("not-restarted-for-long", Severity::High, EVIL), problem("gone", Severity::Low, EVIL)];
    let gap = Gap::new(EVIL, EVIL, Reason::Broken(EVIL.to_owned()));
    outcomes.push(Outcome::new("also-gone", Verdict::Unknown(vec![gap])));
    let report = built(&audit(outcomes, EVIL));
    let page = html(&report).unwrap();
    let md = markdown(&report).unwrap();
    let text = super::page(&report, Style::default(), true);
    for (name, out) in [("html", &page), ("md", &md), ("text", &text)] {
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{name} lets control characters through");
        assert!(!out.contains("490049"), "{name} ran a template from the machine");
    }
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
    assert!(!md.replace("\\<script", "").contains("<script") && !md.contains("[l](") && !md.contains("**b**"), "{md}");
}

#[test]
fn the_page_asks_for_nothing_outside_it_and_runs_nothing() {
    let report = built(&audit(vec![problem("not-restarted-for-long", Severity::High, "x")], "web01"));
    let page = html(&report).unwrap();
    for word in [" src=", "href=\"http", "url(", "@import", "<script", "onload=", "style=\""] {
        assert!(!page.contains(word), "the page has {word}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("STYLE_HASH"));
}

#[test]
fn a_hundred_problems_fit_in_300_kb_and_a_healthy_page_is_short() {
    let many: Vec<_> =
        (0..100).map(|n| problem("not-restarted-for-long", Severity::Medium, &format!("Problem number {n}"))).collect();
    let page = html(&built(&audit(many, "web01"))).unwrap();
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.contains("Problem number 99"));
    let healthy = html(&built(&audit(vec![Outcome::new("not-restarted-for-long", Verdict::Ok)], "web01"))).unwrap();
    assert!(!healthy.contains("Do these first") && !healthy.contains("What was not looked at"));
    assert!(healthy.len() < 30_000, "{} bytes", healthy.len());
}

#[test]
fn the_markdown_reads_well() {
    let outcomes = vec![
        problem("not-restarted-for-long", Severity::Medium, "This machine has not been restarted for 731 days"),
        problem("gone", Severity::Low, "Something small"),
    ];
    insta::assert_snapshot!(markdown(&built(&audit(outcomes, "web01"))).unwrap());
}

#[test]
fn the_terminal_page_reads_well() {
    let outcomes = vec![
        problem("not-restarted-for-long", Severity::Medium, "This machine has not been restarted for 731 days"),
        problem("gone", Severity::Low, "Something small"),
    ];
    insta::assert_snapshot!(page(&built(&audit(outcomes, "web01")), Style::default(), false));
}
