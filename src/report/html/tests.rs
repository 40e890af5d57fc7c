//! The page as a browser reads it: its elements, their attributes, the rule it is under.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use sha2::{Digest, Sha256};

use super::{super::tests as made, *};
use crate::{
    checks::{Evidence, Outcome, Severity, Verdict},
    facts::Reason,
    report::{
        Area, Changes, CheckResult, Coverage, Detail, Event, EventKind, Good, Logo, NotSeen, Part, ProblemRef,
        Reference, Repair, RepairMonth, RepairSeverity, ScorePoint, Waived, model::Detail as Fact,
    },
    score::Grade,
};

/// Breaks out of every place of a page that does not escape it.
const BREAKOUT: &str =
    "\"'`><img src=x onerror=alert(1)><script>alert(2)</script><style>*{}</style>{{ 70007*7 }}{% raw %}";

fn nowhere() -> &'static Path {
    Path::new("/nonexistent")
}

fn page(report: &Report, options: &Options) -> String {
    let page = html_with(nowhere(), report, options).unwrap();
    assert_eq!(page.warnings, Vec::<String>::new());
    page.text
}

/// Both kinds of pages of a report.
fn pages(report: &Report) -> [String; 2] {
    [Detail::Owner, Detail::Technician].map(|detail| page(report, &Options { detail, ..Options::default() }))
}

/// A report that has everything a report can have, with `text` wherever a text may stand.
fn full(text: &str) -> Report {
    let t = || text.to_owned();
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let outcomes = (0..20_usize).map(|n| made::problem(&format!("{text}{n}"), severities[n % 5], text)).collect();
    let mut report = made::built(&made::audit(outcomes, text));
    let refs = |many: usize| -> Vec<ProblemRef> {
        let one = |n: usize| ProblemRef {
            check: format!("{text}{n}"),
            title: t(),
            severity: severities[n % 5],
            age: Some(t()),
        };
        (0..many).map(one).collect()
    };
    report.title = t();
    report.summary = t();
    report.plan = Some(t());
    report.grade_note = Some(t());
    report.outlook = [Some(format!("{text}0")), None].map(|check| crate::report::Outlook { check, text: t() }).to_vec();
    report.moved = t();
    report.audit.started_text = t();
    report.audit.looked_at = t();
    report.audit.version = t();
    report.host.os = t();
    report.host.root = t();
    report.host.details = vec![Fact { name: t(), value: t() }];
    let point = |day: i64| ScorePoint {
        audit: Some(day),
        started: jiff::Timestamp::from_second(1_760_000_000 + day * 86_400).unwrap(),
        risk: 30.0,
        grade: Grade::C,
        problems: severities.into_iter().collect(),
    };
    report.history = (0..9).map(point).collect();
    let event = |kind| Event { at: point(3).started, day: t(), kind, text: t() };
    report.events = vec![event(EventKind::Updates), event(EventKind::Kernel), event(EventKind::Accepted)];
    report.changes = Some(Changes {
        since: Some(1),
        since_text: t(),
        since_day: t(),
        risk_before: 50.0,
        grade_before: Grade::D,
        new: refs(1),
        came_back: refs(2),
        fixed: refs(12),
        open: refs(240),
        accepted: refs(1),
        unseen: refs(1),
    });
    report.repair = Some(Repair {
        fixed: 3,
        median_days: 4.0,
        text: t(),
        months: vec![RepairMonth { month: t(), name: t(), fixed: 3, median_days: Some(4.0) }],
        severities: vec![RepairSeverity {
            severity: Severity::High,
            fixed: 3,
            median_days: Some(4.0),
            open: 2,
            oldest_days: Some(9),
        }],
    });
    for problem in &mut report.problems {
        problem.group = t();
        problem.area = t();
        problem.effort = t();
        problem.points_text = t();
        problem.why = t();
        problem.advice = t();
        problem.steps = vec![t()];
        problem.effect = Some(t());
        problem.command = Some(t());
        problem.age = Some(t());
        problem.came_back = true;
        problem.evidence = vec![Evidence { text: t(), source: Some(format!("/{text}/")), line: Some(3) }; 4];
        problem.parts = vec![Part {
            check: t(),
            title: t(),
            severity: Severity::Low,
            evidence: vec![Evidence { text: t(), source: None, line: None }; 4],
            evidence_total: 4,
        }];
        problem.references = vec![Reference { framework: t(), ids: vec![t()] }];
    }
    report.good = vec![Good { check: t(), text: t() }];
    let gap = |reason| NotSeen { what: t(), why: t(), reason, source: format!("{text}!"), checks: vec![t()] };
    report.not_seen = vec![gap(Reason::NeedsRoot), gap(Reason::TimedOut)];
    let waived = |ends_soon| Waived {
        check: t(),
        title: t(),
        severity: Severity::Low,
        reason: t(),
        who: t(),
        until: t(),
        until_text: t(),
        ends_soon,
    };
    report.waived = vec![waived(true), waived(false)];
    let area = |risk, problem| {
        let checks = crate::report::Counts { problem, total: 9, ..Default::default() };
        Area { group: t(), title: t(), risk, grade: Grade::C, checks }
    };
    report.resources = Some(crate::analysis::resources::testing::made(text, 40));
    report.areas = vec![area(30.0, 4), area(0.0, 0)];
    report.coverage = vec![Coverage { framework: t(), ids: 3, fine: 2, problem: 1 }];
    report.results = vec![CheckResult {
        check: t(),
        title: t(),
        group: t(),
        area: t(),
        result: "unknown".to_owned(),
        why: Some(t()),
        references: Vec::new(),
    }];
    report
}

/// An element as it begins: its name and its attributes.
#[derive(Debug, Clone, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of a page in their order. What stands in the style and the script is no element.
fn elements(page: &str) -> Vec<Element> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        rest = &rest[name.len()..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            if let Some(after) = rest.strip_prefix('/') {
                rest = after;
                continue;
            }
            let key: String = rest.chars().take_while(|c| !c.is_whitespace() && !"=/>".contains(*c)).collect();
            assert!(!key.is_empty(), "no end of <{name} at {:.60}", rest);
            rest = &rest[key.len()..];
            let value = match rest.strip_prefix("=\"") {
                Some(after) => {
                    let (value, after) = after.split_once('"').unwrap();
                    rest = after;
                    value
                }
                None => "",
            };
            attributes.push((key, value.to_owned()));
        }
        if name == "style" || name == "script" {
            rest = rest.split_once(&format!("</{name}>")).unwrap().1;
        }
        found.push(Element { name, attributes });
    }
    found
}

fn logo() -> Option<Logo> {
    let bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    Some(Logo { mime: "image/png", png: bytes.clone(), bytes, size: (1, 1) })
}

#[test]
fn commands_in_steps_become_code_and_nothing_else_becomes_markup() {
    assert_eq!(prose("Run `a <b> && c`, then `d`."), "Run <code>a &lt;b&gt; &amp;&amp; c</code>, then <code>d</code>.");
    assert_eq!(prose("an odd ` <i>"), "an odd &#96; &lt;i&gt;");
}

#[test]
fn hostile_text_in_every_place_makes_the_same_page_as_harmless_text() {
    let shape = |text: &str, detail| -> Vec<(String, Vec<String>)> {
        let page = page(&full(text), &Options { detail, logo: logo(), ..Options::default() });
        for wrong in ["490049", "\u{1b}", "\u{202e}"] {
            let at = page.find(wrong).map(|at| page.get(at.saturating_sub(80)..).unwrap_or_default());
            assert_eq!(at.map(|near| near.chars().take(200).collect::<String>()), None, "{wrong:?}");
        }
        let names = |e: Element| (e.name, e.attributes.into_iter().map(|(name, _)| name).collect());
        // A chart leaves out a label that does not fit, so the number of its shapes follows the length of a text.
        let (shapes, rest): (Vec<Element>, Vec<Element>) =
            elements(&page).into_iter().partition(|e| matches!(e.name.as_str(), "g" | "path" | "text"));
        let plain = |name: &str| matches!(name, "class" | "color" | "fill" | "d" | "x" | "y") || name.contains('-');
        assert!(shapes.iter().flat_map(|e| &e.attributes).all(|(name, _)| plain(name) || name.starts_with("stroke")));
        // A command in backquotes is code, which a harmless text has none of.
        rest.into_iter().filter(|e| e.name != "code").map(names).collect()
    };
    for detail in [Detail::Owner, Detail::Technician] {
        let tame = shape("a harmless text", detail);
        assert!(tame.len() > 500);
        for text in [BREAKOUT, made::EVIL, "</script></style></title></svg>", "javascript:alert(1)", "CONTENT_POLICY"] {
            assert_eq!(shape(text, detail), tame, "{text}");
        }
    }
}

#[test]
fn nothing_outside_the_page_is_asked_for_and_no_attribute_runs_or_styles() {
    for options in [Options::default(), Options { detail: Detail::Technician, logo: logo(), ..Options::default() }] {
        let page = page(&full("x"), &options);
        let known: BTreeSet<String> =
            elements(&page).iter().filter_map(|e| e.get("id").map(|id| format!("#{id}"))).collect();
        for element in elements(&page) {
            assert!(!["link", "iframe", "object", "embed", "base", "form"].contains(&element.name.as_str()));
            for (name, value) in &element.attributes {
                assert!(!name.starts_with("on") && name != "style" && name != "srcset", "{element:?}");
                match name.as_str() {
                    "href" => assert!(known.contains(value), "{element:?} leads nowhere"),
                    "src" => assert!(value.starts_with("data:image/png;base64,"), "{element:?}"),
                    _ => {}
                }
            }
        }
        assert!(!page.contains("url(") && !page.contains("@import"));
        let rule = elements(&page)
            .iter()
            .find_map(|e| e.get("content").filter(|c| c.contains("default-src")).map(str::to_owned));
        let image = if options.logo.is_some() { "img-src data:;" } else { "img-src 'none';" };
        assert!(rule.is_some_and(|rule| rule.starts_with("default-src 'none';") && rule.contains(image)));
    }
}

#[test]
fn the_rule_lets_the_style_and_the_script_of_the_page_work() {
    let page = page(&full("x"), &Options::default());
    for element in ["style", "script"] {
        let text = page.split(&format!("<{element}>")).nth(1).unwrap().split(&format!("</{element}>")).next().unwrap();
        let hash = Base64::encode_string(&Sha256::digest(text.as_bytes()));
        assert!(text.len() > 500 && page.contains(&format!("{element}-src 'sha256-{hash}'")), "{element}");
    }
}

#[test]
fn ids_are_there_once_and_what_refers_to_them_finds_them() {
    for page in pages(&full("x")) {
        let elements = elements(&page);
        let ids: Vec<&str> = elements.iter().filter_map(|e| e.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len(), "an id is there twice");
        for element in &elements {
            for name in ["aria-labelledby", "aria-describedby", "for"] {
                for id in element.get(name).into_iter().flat_map(str::split_whitespace) {
                    assert!(unique.contains(id), "{element:?} refers to no element");
                }
            }
        }
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for report in [full("x"), made::small()] {
        for page in pages(&report) {
            let level = |e: &Element| e.name.strip_prefix('h').and_then(|n| n.parse::<usize>().ok());
            let levels: Vec<usize> = elements(&page).iter().filter_map(level).collect();
            assert_eq!(levels.iter().filter(|l| **l == 1).count(), 1);
            assert_eq!(levels.first(), Some(&1));
            for (before, after) in levels.iter().zip(levels.iter().skip(1)) {
                assert!(*after <= before + 1, "h{before} is followed by h{after}");
            }
        }
    }
}

#[test]
fn a_hundred_problems_with_evidence_fit_in_300_kb() {
    let why = "Someone who knows a password from another place can log in here, and then do what that person may do.";
    let mut report = full("x");
    let one = report.problems[0].clone();
    let problem = |n: usize| crate::report::Problem {
        check: format!("problem-{n}"),
        title: format!("Problem number {n}"),
        why: why.to_owned(),
        advice: why.to_owned(),
        steps: vec![why.to_owned(); 4],
        evidence: vec![Evidence { text: why.to_owned(), source: Some("/etc/ssh/x".to_owned()), line: Some(3) }; 8],
        evidence_total: 8,
        ..one.clone()
    };
    report.problems = (0..100).map(problem).collect();
    let page = page(&report, &Options::default());
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.contains("Problem number 99"));
}

#[test]
fn a_flood_of_evidence_is_cut_and_the_page_says_where_the_rest_is() {
    let mut report = full("x");
    for problem in &mut report.problems {
        problem.evidence = vec![Evidence { text: "y".repeat(700), source: None, line: None }; 80];
        problem.evidence_total = 5000;
    }
    let many = report.problems.iter().cycle().take(400).cloned().collect();
    report.problems = many;
    for page in pages(&report) {
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
        assert!(page.contains("And 100 more are in the JSON report"));
        assert!(page.contains("and 4,997 more") || page.contains("and 4,980 more"));
        assert!(page.contains("Long lists are cut short here"));
    }
}

#[test]
fn a_healthy_machine_has_a_short_page_of_praise() {
    let report = made::built(&made::audit(vec![Outcome::new("not-restarted-for-long", Verdict::Ok)], "web01"));
    let page = page(&report, &Options::default());
    for word in
        ["Do these first", "What was not looked at", "What was found", "How long it takes", "For the technician"]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("There is nothing to do."));
    let style: usize = ["style", "script"]
        .iter()
        .map(|e| page.split(&format!("<{e}>")).nth(1).unwrap().split(&format!("</{e}>")).next().unwrap().len())
        .sum();
    assert!(page.len() - style < 8_000, "{} bytes", page.len() - style);
}

#[test]
fn an_owner_sees_three_pieces_of_evidence_and_a_technician_all() {
    let mut report = made::small();
    report.problems[0].evidence =
        (1..=9).map(|n| Evidence { text: format!("Piece {n}."), source: None, line: None }).collect();
    report.problems[0].evidence_total = 9;
    let [owner, technician] = pages(&report);
    assert!(owner.contains("Piece 3.") && !owner.contains("Piece 4.") && owner.contains("and 6 more"));
    assert!(technician.contains("Piece 9.") && !technician.contains("more</li>"));
    assert!(!owner.contains("Every question and its answer") && technician.contains("Every question and its answer"));
}

#[test]
fn a_mistake_in_a_template_of_the_machine_costs_a_sentence_and_not_the_page() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("html")).unwrap();
    let file = dir.path().join("html/report.html");
    std::fs::write(&file, "<p>\n{{ grad }}</p>").unwrap();
    let page = html_with(dir.path(), &made::small(), &Options::default()).unwrap();
    let told = format!(
        "{}, line 2: there is no variable `grad` (did you mean `grade`?). The built-in page is used.",
        file.display()
    );
    assert_eq!(page.warnings, [told]);
    assert!(page.text.contains("<h1>Health report for web01</h1>"));
}
