//! From the reports of single machines to the overview.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::*;
use crate::{
    checks::{Catalogue, Severity},
    report::{
        Outlook, Problem, ProblemRef, Report, SCHEMA_VERSION,
        text::{SHOWN, severity_words},
    },
    score::{self, BySeverity, Grade},
    words,
};

/// Days after which a machine counts as not looked at lately.
const STALE: i64 = 14;
/// Machines of a problem that are named.
const NAMED: usize = 12;
/// Looks of which a machine's line is drawn.
const LOOKS: usize = 26;

/// Builds the overview of these machines; none when there is no machine.
pub fn fleet(reports: &[Report], skipped: Vec<Skipped>, catalogue: &Catalogue, title: Option<&str>) -> Option<Fleet> {
    let newest = reports.iter().map(|r| r.audit.started).max()?;
    let names = names(reports);
    let mut hosts: Vec<FleetHost> = reports.iter().zip(&names).map(|(r, name)| host(r, name, newest)).collect();
    hosts.sort_by(|a, b| b.grade.cmp(&a.grade).then(b.risk.total_cmp(&a.risk)).then_with(|| a.name.cmp(&b.name)));
    let grades = [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F]
        .map(|grade| GradeCount { grade, hosts: hosts.iter().filter(|h| h.grade == grade).count() })
        .to_vec();
    let problems = problems(reports, &names, catalogue);
    let changes = |of: &dyn Fn(&Report) -> Vec<ProblemRef>| changes(reports, &names, catalogue, of);
    let came =
        changes(&|r| r.changes.as_ref().map_or_else(Vec::new, |c| c.new.iter().chain(&c.came_back).cloned().collect()));
    let went = changes(&|r| r.changes.as_ref().map_or_else(Vec::new, |c| c.fixed.clone()));
    Some(Fleet {
        schema_version: SCHEMA_VERSION,
        title: title.map_or_else(
            || format!("Health report for {}", words::count(hosts.len(), "machine", "machines")),
            str::to_owned,
        ),
        newest,
        newest_text: newest.strftime("%A %-d %B %Y, %H:%M UTC").to_string(),
        summary: summary(&hosts),
        moved: moved(&hosts, came.len(), went.len()),
        plan: plan(&problems, hosts.len()),
        grades,
        hosts,
        problems,
        came,
        went,
        skipped,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Names that tell the machines apart.
fn names(reports: &[Report]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for report in reports {
        *seen.entry(&report.host.name).or_default() += 1;
    }
    let name = |r: &Report| {
        let mut name = r.host.name.clone();
        if seen.get(name.as_str()).is_some_and(|n| *n > 1) {
            name.push_str(&format!(" ({})", r.host.id.chars().take(8).collect::<String>()));
        }
        if r.host.root != "/" {
            name.push_str(&format!(" in {}", r.host.root));
        }
        name
    };
    reports.iter().map(name).collect()
}

/// `web01, web02 and 12 more`.
fn named(names: &[String]) -> String {
    match names.len().checked_sub(NAMED) {
        Some(over) if over > 1 => {
            let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            format!("{} and {} more", shown.join(", "), words::thousands(over))
        }
        _ => words::list(names),
    }
}

fn host(report: &Report, name: &str, newest: Timestamp) -> FleetHost {
    let severities: BySeverity = report.problems.iter().map(|p| p.severity).collect();
    let first: Vec<HostProblem> =
        report.problems.iter().filter(|p| p.severity >= Severity::Low).take(SHOWN).map(problem).collect();
    let age = newest.as_second().saturating_sub(report.audit.started.as_second()) / 86_400;
    FleetHost {
        name: name.to_owned(),
        id: report.host.id.clone(),
        os: report.host.os.clone(),
        grade: report.grade,
        risk: report.risk,
        risk_text: words::whole(report.risk),
        grade_before: report.changes.as_ref().map(|c| c.grade_before),
        moved: report.moved.clone(),
        summary: report.summary.clone(),
        plan: report.plan.clone(),
        outlook: outlook(report),
        history: report.history.iter().skip(report.history.len().saturating_sub(LOOKS)).cloned().collect(),
        problems: severities,
        problems_text: counts(severities),
        more: report.problems.len() - first.len(),
        more_text: rest(report, first.len()),
        first,
        looked: report.audit.started,
        looked_text: words::day(report.audit.started, newest),
        stale: age > STALE,
    }
}

/// What happens if nothing is done, each with its problem, as no list stands beside it that has them all.
fn outlook(report: &Report) -> Vec<Outlook> {
    let title = |check: &str| report.problems.iter().find(|p| p.check == check).map(|p| p.title.trim_end_matches('.'));
    let told = report.outlook.iter().map(|o| match o.check.as_deref().and_then(title) {
        Some(title) => Outlook { check: o.check.clone(), text: format!("{title}. {}", o.text) },
        None => o.clone(),
    });
    told.collect()
}

/// What is not listed of a machine: `and 3 more problems and 9 tips`.
fn rest(report: &Report, listed: usize) -> Option<String> {
    let tips = report.problems.iter().filter(|p| p.severity == Severity::Info).count();
    let problems = report.problems.len() - listed - tips;
    let mut parts = Vec::new();
    if problems > 0 {
        parts.push(words::count(problems, "more problem", "more problems"));
    }
    if tips > 0 {
        parts.push(words::count(tips, "tip", "tips"));
    }
    let and = if listed > 0 { "and " } else { "" };
    (!parts.is_empty()).then(|| format!("{and}{}", words::list(&parts)))
}

fn problem(p: &Problem) -> HostProblem {
    HostProblem {
        check: p.check.clone(),
        title: p.title.clone(),
        severity: p.severity,
        when: severity_words(p.severity).to_owned(),
        points: p.takes_off(),
        effort: p.effort.clone(),
        age: p.age.clone(),
    }
}

fn counts(of: BySeverity) -> String {
    let named = [(of.critical, "critical"), (of.high, "high"), (of.medium, "medium"), (of.low, "low")];
    let told: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// The check's words for any machine; those of the machine where the check is gone.
fn general(check: &str, catalogue: &Catalogue, title: &str) -> String {
    catalogue.get(check).map_or_else(|| title.to_owned(), |c| c.title.clone())
}

fn problems(reports: &[Report], names: &[String], catalogue: &Catalogue) -> Vec<FleetProblem> {
    let mut by_check: BTreeMap<&str, FleetProblem> = BTreeMap::new();
    for (report, name) in reports.iter().zip(names) {
        for p in report.problems.iter().filter(|p| p.severity > Severity::Info) {
            let entry = by_check.entry(&p.check).or_insert_with(|| FleetProblem {
                check: p.check.clone(),
                title: general(&p.check, catalogue, &p.title),
                severity: p.severity,
                when: String::new(),
                area: p.area.clone(),
                hosts: Vec::new(),
                hosts_named: String::new(),
                hosts_text: String::new(),
                effort: p.effort.clone(),
            });
            entry.severity = entry.severity.max(p.severity);
            entry.hosts.push(name.clone());
        }
    }
    let mut all: Vec<FleetProblem> = by_check.into_values().collect();
    all.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.hosts.len().cmp(&a.hosts.len())).then_with(|| a.check.cmp(&b.check))
    });
    for p in &mut all {
        p.hosts.sort();
        p.hosts_named = named(&p.hosts);
        p.when = severity_words(p.severity).to_owned();
        p.hosts_text = of_machines(p.hosts.len(), reports.len());
    }
    all
}

fn of_machines(n: usize, all: usize) -> String {
    if n == all && all > 1 {
        return format!("all {}", words::count(all, "machine", "machines"));
    }
    format!("{n} of {}", words::count(all, "machine", "machines"))
}

fn changes(
    reports: &[Report],
    names: &[String],
    catalogue: &Catalogue,
    of: &dyn Fn(&Report) -> Vec<ProblemRef>,
) -> Vec<FleetChange> {
    let mut by_check: BTreeMap<String, FleetChange> = BTreeMap::new();
    for (report, name) in reports.iter().zip(names) {
        for p in of(report).into_iter().filter(|p| p.severity > Severity::Info) {
            let change = by_check.entry(p.check.clone()).or_insert_with(|| FleetChange {
                title: general(&p.check, catalogue, &p.title),
                check: p.check,
                severity: p.severity,
                hosts: Vec::new(),
                hosts_named: String::new(),
            });
            change.severity = change.severity.max(p.severity);
            change.hosts.push(name.clone());
        }
    }
    let mut all: Vec<FleetChange> = by_check.into_values().collect();
    for change in &mut all {
        change.hosts.sort();
        change.hosts_named = named(&change.hosts);
    }
    all.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.hosts.len().cmp(&a.hosts.len())).then_with(|| a.check.cmp(&b.check))
    });
    all
}

fn summary(hosts: &[FleetHost]) -> String {
    let count = |keep: &dyn Fn(&FleetHost) -> bool| hosts.iter().filter(|h| keep(h)).count();
    let all = hosts.len();
    let good = count(&|h| h.grade <= Grade::B);
    let today = count(&|h| h.problems.critical > 0);
    let week = count(&|h| h.problems.critical == 0 && h.problems.high > 0);
    let mut text = match good {
        n if n == all && all == 1 => "The machine is in good shape.".to_owned(),
        n if n == all => format!("All {} machines are in good shape.", words::number(all)),
        0 => "None of the machines is in good shape.".to_owned(),
        n => {
            format!("{} of {} machines {} in good shape.", words::capital(&words::number(n)), words::number(all), is(n))
        }
    };
    if today > 0 {
        text.push_str(&format!(" {} {} care today.", words::capital(&words::number(today)), needs(today)));
    }
    if week > 0 {
        text.push_str(&format!(" {} {} care this week.", words::capital(&words::number(week)), needs(week)));
    }
    let stale = count(&|h| h.stale);
    if stale > 0 {
        text.push_str(&format!(
            " {} {} not been looked at for more than two weeks.",
            words::capital(&words::number(stale)),
            if stale == 1 { "has" } else { "have" }
        ));
    }
    text
}

fn is(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

fn needs(n: usize) -> &'static str {
    if n == 1 { "needs" } else { "need" }
}

fn moved(hosts: &[FleetHost], came: usize, went: usize) -> String {
    let count = |keep: &dyn Fn(Grade, Grade) -> bool| {
        hosts.iter().filter(|h| h.grade_before.is_some_and(|before| keep(h.grade, before))).count()
    };
    if count(&|_, _| true) == 0 {
        return "This is the first look.".to_owned();
    }
    let machines = |n: usize| words::count(n, "machine", "machines");
    let mut text = match (count(&|now, before| now < before), count(&|now, before| now > before)) {
        (0, 0) => "Since the previous look, no grade changed.".to_owned(),
        (better, 0) => format!("Since the previous look, {} got a better grade.", machines(better)),
        (0, worse) => format!("Since the previous look, {} got a worse grade.", machines(worse)),
        (better, worse) => {
            format!(
                "Since the previous look, {} got a better grade and {} a worse one.",
                machines(better),
                machines(worse)
            )
        }
    };
    for (n, what) in [(went, "went away"), (came, "came")] {
        if n > 0 {
            text.push_str(&format!(" {} {what}.", words::count(n, "kind of problem", "kinds of problems")));
        }
    }
    text
}

/// What helps most machines most; of what helps as much, what stands first.
fn plan(problems: &[FleetProblem], all: usize) -> Option<String> {
    #[allow(clippy::cast_precision_loss, reason = "some thousands of machines")]
    let weight = |p: &FleetProblem| score::weight(p.severity) * p.hosts.len() as f64;
    let urgent = problems.iter().rev().filter(|p| p.severity >= Severity::Medium);
    let first = urgent.max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
    Some(format!(
        "What helps most is to solve this, on {1}: “{0}”. It takes {2} on each.",
        first.title.trim_end_matches('.'),
        of_machines(first.hosts.len(), all),
        first.effort
    ))
}
