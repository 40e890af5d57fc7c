//! From an audit and its history to the report model.

use std::collections::{BTreeMap, BTreeSet};

use super::{model::*, past, sentences, text::SHOWN};
use crate::{
    audit::{Audit, Ranked},
    checks::{Catalogue, Check, Outcome, Safety, Severity, Verdict},
    facts::Gap,
    score::{self, Grade},
    store::History,
    words,
};

/// How many things that are fine are told.
const GOOD_SHOWN: usize = 6;

/// The effort of a problem that only needs someone to decide.
const DECISION: &str = "a decision";

/// Names of the frameworks, in the order they are shown.
const FRAMEWORKS: &[(&str, &str)] = &[
    ("cis_debian12", "CIS Debian 12"),
    ("nist_800_53", "NIST SP 800-53"),
    ("attack", "MITRE ATT&CK"),
    ("lynis", "Lynis"),
    ("ssg", "SCAP Security Guide"),
    ("url", "Read more"),
];

/// Builds the report of `audit`.
pub fn build(audit: &Audit, catalogue: &Catalogue, history: &History) -> Report {
    // What is told is what is computed with, so that the same figure reads the same everywhere.
    let risk = words::tenth(audit.risk());
    let grade = audit.grade();
    let problems = problems(audit, catalogue, history);
    let severities: Vec<_> = problems.iter().map(|p| p.severity).collect();
    let counts = counts(audit.outcomes.iter());
    let changes = history.previous.as_ref().map(|previous| past::changes(audit, previous, catalogue, history));
    let waived = past::waived(audit, catalogue, &history.waivers);
    let points = past::points(audit, history, severities.iter().copied().collect());
    let moved = match &changes {
        // The risk of a part is not that of the machine.
        Some(_) if !audit.complete => "Only a part of the questions was asked, so the risk is not compared.".to_owned(),
        Some(c) => {
            // Tips come and go without being told here.
            let count = |list: &[ProblemRef]| list.iter().filter(|p| p.severity > Severity::Info).count();
            sentences::moved((c.risk_before, risk), &c.since_text, count(&c.fixed), count(&c.new), count(&c.came_back))
        }
        None => "This is the first look.".to_owned(),
    };
    let seconds = audit.took.as_secs_f64();
    Report {
        schema_version: SCHEMA_VERSION,
        title: format!("Health report for {}", audit.machine.hostname),
        host: Host {
            name: audit.machine.hostname.clone(),
            id: audit.machine.host.clone(),
            os: audit.machine.os.clone(),
            kind: audit.machine.kind.clone(),
            role: audit.machine.role.clone(),
            kernel: audit.machine.kernel.clone(),
            root: audit.machine.root.clone(),
            details: audit
                .machine
                .details
                .iter()
                .map(|(name, value)| Detail { name: name.clone(), value: value.clone() })
                .collect(),
        },
        audit: AuditInfo {
            id: audit.id,
            started: audit.started,
            started_text: audit.started.strftime("%A %-d %B %Y, %H:%M UTC").to_string(),
            seconds: words::tenth(seconds * 10.0) / 10.0,
            looked_at: sentences::looked_at(audit.looked_at, seconds),
            version: audit.version.clone(),
            privileged: audit.privileged,
            complete: audit.complete,
        },
        grade,
        risk,
        grade_note: (grade != Grade::by_risk(risk)).then(|| {
            let open = if grade == Grade::D { "a critical problem" } else { "a problem for this month's list" };
            format!(
                "By its risk alone it would be {}, but with {open} open it cannot be better than {}.",
                Grade::by_risk(risk).named(),
                grade.letter()
            )
        }),
        summary: sentences::summary(grade, &severities, counts.unknown, audit.complete),
        plan: plan(&problems, risk, grade),
        outlook: past::outlook(&problems, &waived, &points, risk),
        moved,
        history: points,
        events: past::events(audit, history, catalogue),
        changes,
        repair: past::repair(audit, history),
        resources: None,
        good: good(audit, catalogue),
        not_seen: not_seen(audit),
        waived,
        areas: areas(audit, catalogue),
        checks: counts,
        coverage: coverage(audit, catalogue),
        results: audit.outcomes.iter().map(|o| result(o, catalogue)).collect(),
        problems,
    }
}

/// What solving the problems that the page shows first brings, and how long it takes.
fn plan(problems: &[Problem], risk: f64, grade: Grade) -> Option<String> {
    let soon = problems.iter().filter(|p| p.severity >= Severity::Medium).count();
    let effort = |n: usize| Some(effort(problems.get(..n)?, problems.get(n..)?));
    let first = effort(soon.min(SHOWN)).filter(|_| soon > 0)?;
    let steps: Vec<usize> = (SHOWN..=soon).collect();
    let better = |n: usize| effort(n).is_some_and(|e| e.after.1 < grade);
    let turn = steps.get(steps.partition_point(|n| !better(*n))).and_then(|n| effort(*n));
    // Tips are no part of the work.
    let rest = problems.get(soon.min(SHOWN)..problems.partition_point(|p| p.severity > Severity::Info))?;
    let small = rest.iter().all(|p| p.severity < Severity::Medium);
    Some(sentences::plan(first, (risk, grade), turn, (self::effort(rest, &[]), small)))
}

/// What solving these problems takes, and where it leads when `rest` is left.
pub(super) fn effort(part: &[Problem], rest: &[Problem]) -> sentences::Effort {
    let after = words::tenth(score::risk(rest.iter().map(|p| p.severity)));
    sentences::Effort {
        problems: part.len(),
        minutes: part.iter().filter(|p| p.effort != DECISION).fold(0, |sum, p| sum.saturating_add(p.minutes.max(1))),
        decisions: part.iter().filter(|p| p.effort == DECISION).count(),
        after: (after, Grade::of(after, rest.iter().map(|p| p.severity).max())),
    }
}

pub(super) fn title(outcome: &Outcome, catalogue: &Catalogue) -> String {
    let known = || catalogue.get(&outcome.check).map(|c| c.title.clone());
    outcome.finding().map(|f| f.title.clone()).or_else(known).unwrap_or_else(|| outcome.check.clone())
}

fn problems(audit: &Audit, catalogue: &Catalogue, history: &History) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for Ranked { outcome, finding, before: risk, after: rest } in audit.ranked(catalogue) {
        let check = catalogue.get(&outcome.check);
        let minutes = check.map_or(0, |c| c.minutes);
        let safety = check.and_then(|c| c.fix.as_ref()).map(|f| f.safety);
        let before = history.previous.as_ref();
        let standing = past::standing(audit, history, &outcome.check);
        problems.push(Problem {
            check: outcome.check.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            group: check.map_or_else(String::new, |c| c.group.clone()),
            area: check.map_or_else(String::new, |c| catalogue.group_title(&c.group).to_owned()),
            points: words::tenth(risk - rest),
            points_text: score::points_text(risk, rest, finding.severity),
            minutes,
            effort: if safety == Some(Safety::Manual) && minutes == 0 {
                DECISION.to_owned()
            } else {
                words::minutes(minutes.max(1))
            },
            why: check.map_or_else(String::new, |c| c.why.clone()),
            advice: check.map_or_else(
                || "This question is no longer part of cleanbill, so there is no advice.".to_owned(),
                |c| c.advice.clone(),
            ),
            steps: check.map_or_else(Vec::new, |c| c.steps.clone()),
            fix: check.and_then(|c| c.fix.as_ref()).map(|f| f.title.clone()),
            safety,
            effect: check.and_then(|c| c.fix.as_ref()).and_then(|f| f.effect.clone()),
            command: check.filter(|c| c.is_fixable()).map(|c| command(&c.id, &audit.machine.root)),
            evidence: finding.evidence.clone(),
            evidence_total: finding.count,
            since: before.map(|_| standing.since),
            age: past::age(&standing, audit, before),
            came_back: past::came_back(&standing, before),
            parts: parts(audit, &outcome.check),
            references: check.map_or_else(Vec::new, references),
        });
    }
    problems
}

/// What to type to have a problem put right.
fn command(check: &str, root: &str) -> String {
    format!("cleanbill fix {check}{}", words::at_root(root))
}

fn parts(audit: &Audit, leader: &str) -> Vec<Part> {
    let mine = audit.outcomes.iter().filter(|o| !o.waived && o.part_of.as_deref() == Some(leader));
    mine.filter_map(|o| {
        let finding = o.finding()?;
        Some(Part {
            check: o.check.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            evidence: finding.evidence.clone(),
            evidence_total: finding.count,
        })
    })
    .collect()
}

fn references(check: &Check) -> Vec<Reference> {
    FRAMEWORKS
        .iter()
        .filter_map(|(key, name)| {
            let ids = check.references.get(*key)?.clone();
            (!ids.is_empty()).then(|| Reference { framework: (*name).to_owned(), ids })
        })
        .collect()
}

/// The fine things that matter most: from each area, in the order of the report, what would have been worst.
fn good(audit: &Audit, catalogue: &Catalogue) -> Vec<Good> {
    let mut fine: Vec<&Check> = audit
        .outcomes
        .iter()
        .filter(|o| o.verdict == Verdict::Ok)
        .filter_map(|o| catalogue.get(&o.check))
        .filter(|c| c.good.is_some())
        .collect();
    // Praise beside a problem of the same area would read as a contradiction.
    let troubled: BTreeSet<&str> = audit
        .outcomes
        .iter()
        .filter(|o| o.finding().is_some_and(|f| f.severity >= Severity::Medium))
        .filter_map(|o| Some(catalogue.get(&o.check)?.group.as_str()))
        .collect();
    fine.retain(|c| !troubled.contains(c.group.as_str()));
    let area = |check: &Check| catalogue.groups().iter().position(|g| g.id == check.group);
    fine.sort_by(|a, b| area(a).cmp(&area(b)).then_with(|| b.severity.cmp(&a.severity)).then_with(|| a.id.cmp(&b.id)));
    let mut areas = BTreeSet::new();
    fine.retain(|c| areas.insert(c.group.clone()));
    fine.into_iter()
        .take(GOOD_SHOWN)
        .map(|c| Good { check: c.id.clone(), text: c.good.clone().unwrap_or_default() })
        .collect()
}

fn not_seen(audit: &Audit) -> Vec<NotSeen> {
    let mut all: Vec<(&Gap, Vec<String>)> = audit.gaps.iter().map(|g| (g, Vec::new())).collect();
    for outcome in &audit.outcomes {
        let Verdict::Unknown(gaps) = &outcome.verdict else { continue };
        for gap in gaps {
            match all.iter_mut().find(|(g, _)| *g == gap) {
                Some((_, checks)) => checks.push(outcome.check.clone()),
                None => all.push((gap, vec![outcome.check.clone()])),
            }
        }
    }
    all.into_iter()
        .map(|(gap, checks)| NotSeen {
            what: gap.what.clone(),
            why: gap.why(),
            reason: gap.reason.clone(),
            source: gap.source.clone(),
            checks,
        })
        .collect()
}

fn counts<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Counts {
    let mut counts = Counts::default();
    for outcome in outcomes {
        counts.total += 1;
        match &outcome.verdict {
            Verdict::Problem(_) if outcome.waived => counts.waived += 1,
            Verdict::Problem(_) => counts.problem += 1,
            Verdict::Ok => counts.ok += 1,
            Verdict::NotApplicable(_) => counts.not_applicable += 1,
            Verdict::Unknown(_) => counts.unknown += 1,
        }
    }
    counts
}

fn areas(audit: &Audit, catalogue: &Catalogue) -> Vec<Area> {
    catalogue
        .groups()
        .iter()
        .filter_map(|group| {
            let mine = || {
                let in_group = |o: &&Outcome| catalogue.get(&o.check).is_some_and(|c| c.group == group.id);
                audit.outcomes.iter().filter(in_group)
            };
            let counts = counts(mine());
            let severities: Vec<Severity> = mine().filter_map(Outcome::counted).map(|f| f.severity).collect();
            let risk = score::risk(severities.iter().copied());
            let asked = counts.total > counts.not_applicable;
            asked.then(|| Area {
                group: group.id.clone(),
                title: group.title.clone(),
                risk: words::tenth(risk),
                grade: Grade::of(risk, severities.iter().copied().max()),
                checks: counts,
            })
        })
        .collect()
}

fn coverage(audit: &Audit, catalogue: &Catalogue) -> Vec<Coverage> {
    let mut out = Vec::new();
    for (key, name) in FRAMEWORKS.iter().filter(|(key, _)| *key != "url") {
        // Per id: whether any of its checks is a problem, and whether all are fine.
        let mut ids: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for outcome in &audit.outcomes {
            let Some(check) = catalogue.get(&outcome.check) else { continue };
            for id in check.references.get(*key).into_iter().flatten() {
                let entry = ids.entry(id).or_insert((false, true));
                entry.0 |= outcome.finding().is_some();
                entry.1 &= outcome.verdict == Verdict::Ok;
            }
        }
        if !ids.is_empty() {
            out.push(Coverage {
                framework: (*name).to_owned(),
                ids: ids.len(),
                fine: ids.values().filter(|(_, fine)| *fine).count(),
                problem: ids.values().filter(|(problem, _)| *problem).count(),
            });
        }
    }
    out
}

fn result(outcome: &Outcome, catalogue: &Catalogue) -> CheckResult {
    let (result, why) = match &outcome.verdict {
        Verdict::Problem(_) if outcome.waived => ("waived", None),
        Verdict::Problem(_) => {
            ("problem", outcome.part_of.as_ref().map(|leader| format!("has the same cause as {leader}")))
        }
        Verdict::Ok => ("ok", None),
        Verdict::NotApplicable(why) => ("not_applicable", Some(why.clone())),
        Verdict::Unknown(gaps) => {
            let mut whys: Vec<String> =
                gaps.iter().map(|g| format!("I could not see {}: {}", g.what, g.why())).collect();
            whys.dedup();
            ("unknown", Some(whys.join("; ")))
        }
    };
    CheckResult {
        check: outcome.check.clone(),
        title: title(outcome, catalogue),
        group: catalogue.get(&outcome.check).map_or_else(String::new, |c| c.group.clone()),
        area: catalogue.get(&outcome.check).map_or_else(String::new, |c| catalogue.group_title(&c.group).to_owned()),
        result: result.to_owned(),
        why,
        references: catalogue.get(&outcome.check).map_or_else(Vec::new, references),
    }
}
