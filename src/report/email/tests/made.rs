//! Made-up weeks.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    audit::Audit,
    checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Gap, Reason},
    report::{
        Changes, Event, EventKind, ProblemRef, Report, ScorePoint, Waived,
        email::*,
        fleet::{self, Fleet},
        options::Detail,
        tests as made,
    },
    score::{BySeverity, Grade},
    store::History,
};

pub(super) fn nowhere() -> &'static Path {
    Path::new("/nonexistent")
}

/// Monday 23 November 2026, 07:00 in Berlin.
pub(super) fn now() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - days * 86_400).unwrap()
}

/// What the catalogue would say of a machine with these problems.
pub(super) fn report(name: &str, checks: &[&str]) -> Report {
    report_of(name, checks.iter().map(|id| found(id)).collect())
}

pub(super) fn report_of(name: &str, outcomes: Vec<Outcome>) -> Report {
    let catalogue = Catalogue::builtin().unwrap();
    let audit = Audit { started: now(), ..made::audit(outcomes, name) };
    let mut report = crate::report::build(&audit, &catalogue, &History::default());
    report.audit.id = Some(26);
    report
}

fn found(id: &str) -> Outcome {
    let catalogue = Catalogue::builtin().unwrap();
    let check = catalogue.get(id).unwrap_or_else(|| panic!("no check {id}"));
    let evidence = (1..=5).map(|n| Evidence {
        text: format!("Piece {n} of what was seen."),
        source: Some("/etc/app/settings.conf".to_owned()),
        line: Some(n * 7),
    });
    let finding =
        Finding { title: check.title.clone(), severity: check.severity, count: 5, evidence: evidence.collect() };
    Outcome::new(id, Verdict::Problem(finding))
}

pub(super) fn named(id: &str, severity: Severity) -> ProblemRef {
    let title = Catalogue::builtin().unwrap().get(id).unwrap_or_else(|| panic!("no check {id}")).title.clone();
    ProblemRef { check: id.to_owned(), title, severity, age: None }
}

/// The report with a week before it: the risk and the grade of then, and 26 weeks of history.
pub(super) fn compared(mut report: Report, risk: f64) -> Report {
    let problems = BySeverity::default();
    let point = |n: i64| {
        let risk = if n == 1 { risk } else { (risk + 14.0 - n as f64 * 0.7).clamp(0.0, 100.0) };
        ScorePoint { audit: Some(26 - n), started: days_ago(7 * n), risk, grade: Grade::by_risk(risk), problems }
    };
    let last = report.history.pop().unwrap();
    report.history = (1..26).rev().map(point).chain([last]).collect();
    report.changes = Some(Changes {
        since: Some(25),
        since_text: "7 days ago".to_owned(),
        since_day: "16 November 2026".to_owned(),
        risk_before: risk,
        grade_before: Grade::by_risk(risk),
        new: Vec::new(),
        came_back: Vec::new(),
        fixed: Vec::new(),
        open: Vec::new(),
        accepted: Vec::new(),
        unseen: Vec::new(),
    });
    report.moved = "The risk is the same as 7 days ago. No problem came or went.".to_owned();
    report
}

pub(super) fn fill(name: &str, percent: f64, text: &str) -> Fill {
    let point = |n: i64| (days_ago(7 * (25 - n)), percent - 8.0 + n as f64 * 0.32);
    Fill { name: name.to_owned(), used_percent: percent, points: (0..26).map(point).collect(), text: text.to_owned() }
}

pub(super) fn week(report: &Report) -> Week<'_> {
    Week {
        report,
        fixed_by: Vec::new(),
        not_fixed: Vec::new(),
        trouble: Vec::new(),
        disk: Some(fill("Disk /", 78.4, "full about 14 March if it goes on like this")),
        memory: Some(fill("Memory", 51.0, "")),
        next_mail: Some("Monday 30 November at 07:00".to_owned()),
        detail: Detail::Owner,
        purpose: Some("Web shop".to_owned()),
        zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        contact: None,
        attached: true,
    }
}

pub(super) fn mail(week: &Week<'_>) -> Mail {
    let mail = weekly(week, nowhere()).unwrap();
    assert_eq!(mail.warnings, Vec::<String>::new());
    mail
}

/// A quiet week of a healthy machine.
pub(super) fn quiet() -> Report {
    compared(report("web01", &[]), 0.0)
}

/// Two were fixed, one is left.
pub(super) fn better() -> Report {
    let mut report = compared(report("web01", &["no-firewall", "ssh-password-login"]), 38.0);
    let changes = report.changes.as_mut().unwrap();
    changes.fixed = vec![named("updates-security", Severity::High), named("database-open-to-all", Severity::High)];
    changes.fixed[0].age = Some("solved after 2 days".to_owned());
    report.moved = "7 days ago the risk was 38. Two problems were fixed.".to_owned();
    report.events = vec![
        Event { at: days_ago(30), day: "24 October".to_owned(), kind: EventKind::Updates, text: "x".to_owned() },
        Event {
            at: days_ago(3),
            day: "20 November".to_owned(),
            kind: EventKind::Updates,
            text: "14 programs were updated".to_owned(),
        },
    ];
    report
}

/// Who fixed the two.
pub(super) fn fixed() -> Vec<FixedBy> {
    let by = |id: &str, who, run, days| FixedBy {
        title: named(id, Severity::High).title,
        check: id.to_owned(),
        who,
        when: days_ago(days),
        run,
    };
    vec![
        by("updates-security", Who::Itself, Some(12), 6),
        by("updates-other", Who::Itself, Some(12), 6),
        by("database-open-to-all", Who::Person("root".to_owned()), Some(13), 4),
        by("ssh-tries-by-default", Who::Person("root".to_owned()), Some(13), 4),
    ]
}

/// More is wrong than before, one of it came back.
pub(super) fn worse() -> Report {
    let all = [
        "redis-open-no-password",
        "ssh-root-login",
        "updates-security",
        "database-open-to-all",
        "no-firewall",
        "disk-nearly-full",
        "no-backup-found",
        "certificate-ends-soon",
        "ssh-tries-by-default",
    ];
    let mut report = compared(report("web01", &all), 20.0);
    let changes = report.changes.as_mut().unwrap();
    changes.new =
        vec![named("redis-open-no-password", Severity::Critical), named("certificate-ends-soon", Severity::Low)];
    changes.came_back = vec![named("ssh-root-login", Severity::High)];
    changes.accepted = vec![named("clock-not-kept", Severity::Low)];
    report.moved = "7 days ago the risk was 20. Two problems are new and one came back.".to_owned();
    for problem in &mut report.problems {
        let age = match problem.check.as_str() {
            "redis-open-no-password" => "new",
            "ssh-root-login" => "came back after 3 weeks",
            _ => "open for 23 days",
        };
        problem.age = Some(age.to_owned());
    }
    report.waived = vec![Waived {
        check: "clock-not-kept".to_owned(),
        title: named("clock-not-kept", Severity::Low).title,
        severity: Severity::Low,
        reason: "soon replaced".to_owned(),
        who: "anna".to_owned(),
        until: "2026-12-04".to_owned(),
        until_text: "4 December, in 11 days".to_owned(),
        ends_soon: true,
    }];
    report
}

/// A machine that only root could have looked at, whose audit was not root's.
pub(super) fn unseen() -> Report {
    let gap = |what: &str, reason| Gap::new(what, "/etc/shadow", reason);
    let outcomes = vec![
        Outcome::new(
            "account-without-password",
            Verdict::Unknown(vec![gap("the list of passwords", Reason::NeedsRoot)]),
        ),
        Outcome::new("disk-nearly-full", Verdict::Unknown(vec![gap("the state of the disks", Reason::TimedOut)])),
    ];
    compared(report_of("web01", outcomes), 0.0)
}

/// A report with so many problems, each text of them `text`.
pub(super) fn flood(count: usize, name: &str, text: &str) -> Report {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let outcomes = (0..count).map(|n| made::problem(&format!("check-{n}"), severities[n % 5], text)).collect();
    let mut report = compared(report_of(name, outcomes), 20.0);
    report.host.os = text.to_owned();
    report.summary = text.to_owned();
    report.moved = text.to_owned();
    report.plan = Some(text.to_owned());
    report.grade_note = Some(text.to_owned());
    for p in &mut report.problems {
        p.title = text.to_owned();
        p.why = text.to_owned();
        p.advice = text.to_owned();
        p.effect = Some(text.to_owned());
        p.effort = text.to_owned();
        p.age = Some(text.to_owned());
        p.command = Some(format!("cleanbill fix {}", p.check));
        p.evidence = vec![Evidence { text: text.to_owned(), source: Some(format!("/{text}")), line: Some(3) }; 9];
        p.evidence_total = 900;
    }
    let refs = |n: usize| -> Vec<ProblemRef> {
        let one = |n: usize| ProblemRef {
            check: format!("other-{n}"),
            title: text.to_owned(),
            severity: Severity::High,
            age: Some(text.to_owned()),
        };
        (0..n).map(one).collect()
    };
    let changes = report.changes.as_mut().unwrap();
    (changes.new, changes.came_back, changes.fixed) = (refs(90), refs(90), refs(90));
    (changes.accepted, changes.unseen) = (refs(40), refs(40));
    report
}

/// A week in which every list is long and every text is `text`.
pub(super) fn full<'a>(report: &'a Report, text: &str) -> Week<'a> {
    let by = |n: i64| FixedBy {
        title: text.to_owned(),
        check: format!("fixed-{n}"),
        who: if n % 2 == 0 { Who::Itself } else { Who::Person(text.to_owned()) },
        when: now(),
        run: Some(n / 10),
    };
    Week {
        fixed_by: (0..80).map(by).collect(),
        not_fixed: vec![NotFixed { title: text.to_owned(), why: text.to_owned() }; 40],
        trouble: vec![text.to_owned(); 40],
        disk: Some(Fill { name: text.to_owned(), text: text.to_owned(), ..fill("", 95.0, "") }),
        next_mail: Some(text.to_owned()),
        purpose: Some(text.to_owned()),
        contact: Some(text.to_owned()),
        detail: Detail::Technician,
        ..week(report)
    }
}

/// Twelve machines.
pub(super) fn twelve() -> Fleet {
    let kinds: [&[&str]; 4] =
        [&[], &["ssh-password-login"], &["no-firewall"], &["redis-open-no-password", "updates-security"]];
    let mut reports: Vec<Report> = (0..12)
        .map(|n| compared(report(&format!("app{n:02}"), kinds[if n < 8 { n % 2 } else { n % 4 }]), 20.0))
        .collect();
    for (n, r) in reports.iter_mut().enumerate() {
        r.host.id = format!("id{n}");
    }
    reports[3].audit.started = days_ago(20);
    reports[11].changes.as_mut().unwrap().new = vec![named("redis-open-no-password", Severity::Critical)];
    reports[2].changes.as_mut().unwrap().fixed = vec![named("updates-security", Severity::High)];
    fleet::fleet(&reports, Vec::new(), &Catalogue::builtin().unwrap(), None).unwrap()
}

pub(super) fn overview(fleet: &Fleet) -> Digest<'_> {
    Digest {
        fleet,
        silent: vec![("mail01".to_owned(), "last heard of on 2 November".to_owned())],
        trouble: Vec::new(),
        next_mail: Some("Monday 30 November at 07:00".to_owned()),
        detail: Detail::Owner,
        zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        attached: false,
    }
}

pub(super) fn news<'a>(report: &'a Report, kind: Kind, checks: &[&str]) -> Alert<'a> {
    let one = |id: &&str| News { check: (*id).to_owned(), title: "Gone meanwhile".to_owned(), kind };
    Alert {
        report,
        news: checks.iter().map(one).collect(),
        detail: Detail::Owner,
        purpose: Some("Web shop".to_owned()),
        zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        contact: Some("Anna".to_owned()),
    }
}
