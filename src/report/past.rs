//! What the report tells from the machine's history: when problems came and went, what happened in between, how long
//! repairs take, and what comes next if nothing is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use super::{model::*, sentences};
use crate::{
    audit::Audit,
    checks::{Catalogue, Outcome, Severity, Verdict},
    score::{BySeverity, Grade},
    store::{History, Turn, Waiver},
    words,
};

/// Months that the time to fix looks back on.
const MONTHS: i32 = 6;
/// Days before its end at which an acceptance is said to end soon.
const SOON: i64 = 30;

/// Where a problem of the audit stands in its history.
pub(super) struct Standing {
    /// Since when it has been open without a break.
    pub(super) since: Timestamp,
    /// When it had last gone, if it had been there before.
    pub(super) gone: Option<Timestamp>,
}

/// Where the open problem `check` of `audit` stands.
pub(super) fn standing(audit: &Audit, history: &History, check: &str) -> Standing {
    let turns = history.turns.get(check).map_or(&[][..], Vec::as_slice);
    match turns {
        // An audit that is not stored is not among the turns.
        [.., last] if !last.open => Standing { since: audit.started, gone: Some(last.at) },
        [before @ .., last] => Standing { since: last.at, gone: before.last().map(|t| t.at) },
        [] => Standing { since: audit.started, gone: None },
    }
}

/// Whether a problem that stands like this came back since `before`.
pub(super) fn came_back(standing: &Standing, before: Option<&Audit>) -> bool {
    standing.gone.is_some() && before.is_some_and(|p| standing.since > p.started)
}

/// How old a problem is, in words; none on the first audit.
pub(super) fn age(standing: &Standing, audit: &Audit, previous: Option<&Audit>) -> Option<String> {
    let previous = previous?;
    Some(match standing.gone {
        Some(gone) if came_back(standing, Some(previous)) => {
            format!("came back after {}", words::span(gone, standing.since))
        }
        _ if standing.since > previous.started => "new".to_owned(),
        _ => sentences::open_for(standing.since, audit.started),
    })
}

/// The score of the audits up to this one, oldest first.
pub(crate) fn points(audit: &Audit, history: &History, problems: BySeverity) -> Vec<ScorePoint> {
    let mut points: Vec<ScorePoint> = history
        .audits
        .iter()
        .filter(|h| h.complete && audit.id.is_none_or(|id| h.id < id))
        .map(|h| ScorePoint {
            audit: Some(h.id),
            started: h.started,
            risk: words::tenth(h.risk),
            grade: Grade::parse(&h.grade).unwrap_or(Grade::F),
            problems: h.by_severity,
        })
        .collect();
    points.reverse();
    points.push(ScorePoint {
        audit: audit.id,
        started: audit.started,
        risk: words::tenth(audit.risk()),
        grade: audit.grade(),
        problems,
    });
    points
}

/// What happened between the first audit told and this one.
pub(crate) fn events(audit: &Audit, history: &History, catalogue: &Catalogue) -> Vec<Event> {
    let mut events = Vec::new();
    let mut tell = |at: Timestamp, kind: EventKind, text: String| {
        events.push(Event { at, day: words::day(at, audit.started), kind, text });
    };
    for change in &history.changes {
        if let Some(os) = &change.os {
            tell(change.at, EventKind::Release, format!("The system became {os}"));
        }
        if let Some(kernel) = &change.kernel {
            tell(change.at, EventKind::Kernel, format!("It was restarted with the new kernel {kernel}"));
        }
        if change.updated > 0 {
            let updated = words::count(change.updated, "program was updated", "programs were updated");
            tell(change.at, EventKind::Updates, updated);
        }
    }
    for (at, fixed) in &history.fixes {
        let done = words::count(*fixed, "problem was put right by cleanbill", "problems were put right by cleanbill");
        tell(*at, EventKind::Fixes, done);
    }
    for waiver in history.waivers.iter().filter(|w| w.made <= audit.started) {
        let risk = catalogue.get(&waiver.check).map_or(waiver.check.as_str(), |c| &c.title);
        tell(waiver.made, EventKind::Accepted, format!("A risk was accepted: {risk}"));
    }
    events.sort_by_key(|e| e.at);
    events
}

/// What changed since the audit compared with.
pub(super) fn changes(audit: &Audit, previous: &Audit, catalogue: &Catalogue, history: &History) -> Changes {
    let counted = |a: &'_ Audit| -> BTreeMap<String, Severity> {
        a.outcomes.iter().filter_map(|o| Some((o.check.clone(), o.counted()?.severity))).collect()
    };
    let (before, now) = (counted(previous), counted(audit));
    let of = |a: &Audit, keep: &dyn Fn(&Outcome) -> bool| -> BTreeSet<String> {
        a.outcomes.iter().filter(|o| keep(o)).map(|o| o.check.clone()).collect()
    };
    // Fixed means asked again and found fine; what was not asked or not seen this time is not fixed.
    let fine = of(audit, &|o| matches!(o.verdict, Verdict::Ok | Verdict::NotApplicable(_)));
    let unknown = of(audit, &|o| matches!(o.verdict, Verdict::Unknown(_)));
    let waived = of(audit, &|o| o.waived && o.finding().is_some());
    let there = of(previous, &|o| o.finding().is_some());
    let title = |a: &Audit, check: &str| {
        let outcome = a.outcomes.iter().find(|o| o.check == check);
        outcome.map_or_else(|| check.to_owned(), |o| super::build::title(o, catalogue))
    };
    // One that the audit before could not see had been there if it was open until then.
    let open_before = |check: &str| {
        let last = history.turns.get(check).and_then(|turns| turns.last());
        last.is_some_and(|turn| turn.open && turn.at <= previous.started)
    };
    let came = |check: &str| now.contains_key(check) && !there.contains(check) && !open_before(check);
    let back = |check: &str| came(check) && standing(audit, history, check).gone.is_some();
    let open = |keep: &dyn Fn(&str) -> bool| {
        let kept = now.iter().filter(|(check, _)| keep(check));
        let told = kept.map(|(check, severity)| ProblemRef {
            check: check.clone(),
            title: title(audit, check),
            severity: *severity,
            age: age(&standing(audit, history, check), audit, Some(previous)).filter(|a| a != "new"),
        });
        worst_first(told.collect())
    };
    let gone = |keep: &dyn Fn(&str) -> bool, age: &dyn Fn(&str) -> Option<String>| {
        let kept = before.iter().filter(|(check, _)| keep(check));
        let told = kept.map(|(check, severity)| ProblemRef {
            check: check.clone(),
            title: title(previous, check),
            severity: *severity,
            age: age(check),
        });
        worst_first(told.collect())
    };
    Changes {
        since: previous.id,
        since_text: words::ago(previous.started, audit.started),
        since_day: words::date(previous.started),
        risk_before: words::tenth(previous.risk()),
        grade_before: previous.grade(),
        new: open(&|c| came(c) && !back(c)),
        came_back: open(&back),
        open: open(&|c| !came(c)),
        fixed: gone(&|c| fine.contains(c), &|c| lasted(history, c, audit.started).map(|s| format!("solved after {s}"))),
        accepted: gone(&|c| waived.contains(c), &|_| None),
        unseen: gone(&|c| unknown.contains(c), &|_| None),
    }
}

fn worst_first(mut problems: Vec<ProblemRef>) -> Vec<ProblemRef> {
    problems.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
    problems
}

/// How long a problem that is gone had been there.
fn lasted(history: &History, check: &str, now: Timestamp) -> Option<String> {
    match history.turns.get(check)?.as_slice() {
        [.., came, went] if came.open && !went.open => Some(words::span(came.at, went.at)),
        [.., came] if came.open => Some(words::span(came.at, now)),
        _ => None,
    }
}

/// How long repairs took in the last months, and how long what is open has waited.
pub(super) fn repair(audit: &Audit, history: &History) -> Option<Repair> {
    let today = words::utc(audit.started).date();
    let first = today.first_of_month().checked_sub(jiff::Span::new().months(MONTHS - 1)).ok()?;
    // Of the time before the first look nothing is known.
    let began = history.audits.last().map(|a| words::utc(a.started).date()).filter(|began| *began > first);
    let first = began.map_or(first, Date::first_of_month);
    let mut done: Vec<(Date, Severity, f64)> = Vec::new();
    for turns in history.turns.values() {
        for (came, went) in turns.iter().zip(turns.iter().skip(1)).filter(|(came, went)| came.open && !went.open) {
            let day = words::utc(went.at).date();
            let Some(severity) = counts(came).filter(|_| day >= first) else { continue };
            let days = words::days_between(came.at, went.at);
            done.push((day, severity, days));
        }
    }
    if done.is_empty() {
        return None;
    }
    let median = |keep: &dyn Fn(Date, Severity) -> bool| {
        let mut days: Vec<f64> = done.iter().filter(|(d, s, _)| keep(*d, *s)).map(|(.., days)| *days).collect();
        days.sort_by(f64::total_cmp);
        let (low, high) = (days.get(days.len().saturating_sub(1) / 2), days.get(days.len() / 2));
        (days.len(), low.zip(high).map(|(low, high)| words::tenth(f64::midpoint(*low, *high))))
    };
    let months = (0..MONTHS).filter_map(|n| {
        let month = first.checked_add(jiff::Span::new().months(n)).ok().filter(|month| *month <= today)?;
        let (fixed, median_days) = median(&|d, _| d.year() == month.year() && d.month() == month.month());
        Some(RepairMonth {
            month: month.strftime("%Y-%m").to_string(),
            name: month.strftime("%b").to_string(),
            fixed,
            median_days,
        })
    });
    let open: Vec<(Severity, i64)> = audit
        .outcomes
        .iter()
        .filter_map(|o| {
            let severity = o.counted()?.severity;
            let since = standing(audit, history, &o.check).since;
            Some((severity, audit.started.as_second().saturating_sub(since.as_second()) / 86_400))
        })
        .collect();
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low].into_iter();
    let severities = severities.filter_map(|severity| {
        let (fixed, median_days) = median(&|_, s| s == severity);
        let mine: Vec<i64> = open.iter().filter(|(s, _)| *s == severity).map(|(_, days)| *days).collect();
        (fixed > 0 || !mine.is_empty()).then(|| RepairSeverity {
            severity,
            fixed,
            median_days,
            open: mine.len(),
            oldest_days: mine.iter().copied().max(),
        })
    });
    let (fixed, median_days) = median(&|_, _| true);
    let median_days = median_days.unwrap_or_default();
    let oldest = open.iter().filter(|(s, _)| *s > Severity::Info).map(|(_, days)| *days).max();
    Some(Repair {
        fixed,
        median_days,
        text: sentences::repair(fixed, &sentences::lately(began, MONTHS), median_days, oldest),
        months: months.collect(),
        severities: severities.collect(),
    })
}

/// The severity of a problem that came, if its repair counts.
fn counts(came: &Turn) -> Option<Severity> {
    came.severity.filter(|s| *s > Severity::Info && !came.part)
}

/// The problems that someone accepted, those that end first in front.
pub(super) fn waived(audit: &Audit, catalogue: &Catalogue, waivers: &[Waiver]) -> Vec<Waived> {
    let today = words::utc(audit.started).date();
    let mut waived: Vec<Waived> = audit
        .outcomes
        .iter()
        .filter(|o| o.waived)
        .filter_map(|o| {
            let finding = o.finding()?;
            let waiver = waivers.iter().find(|w| w.check == o.check);
            let days = waiver.map(|w| sentences::days_between(today, w.until));
            Some(Waived {
                check: o.check.clone(),
                title: super::build::title(o, catalogue),
                severity: finding.severity,
                reason: waiver.map_or_else(String::new, |w| w.reason.clone()),
                who: waiver.map_or_else(String::new, |w| w.who.clone()),
                until: waiver.map_or_else(String::new, |w| w.until.to_string()),
                until_text: waiver.map_or_else(String::new, |w| sentences::until(w.until, today)),
                ends_soon: days.is_some_and(|d| d <= SOON),
            })
        })
        .collect();
    waived.sort_by(|a, b| a.until.cmp(&b.until).then_with(|| a.check.cmp(&b.check)));
    waived
}

/// What happens if nothing is done: what the worst problems can do, and what the past says of waiting.
pub(super) fn outlook(problems: &[Problem], waived: &[Waived], points: &[ScorePoint], risk: f64) -> Vec<Outlook> {
    // One of each area, the worst first: different troubles, not one three times.
    let mut areas = BTreeSet::new();
    let urgent = problems.iter().filter(|p| p.severity >= Severity::Medium && !p.why.is_empty());
    let worst = urgent.filter(|p| areas.insert(p.group.as_str())).take(3);
    let mut told: Vec<Outlook> = worst.map(|p| Outlook { check: Some(p.check.clone()), text: p.why.clone() }).collect();
    let returning: Vec<&Waived> = waived.iter().filter(|w| w.ends_soon && w.severity > Severity::Info).collect();
    let returns = returning.first().map(|first| sentences::returning(returning.len(), &first.until_text));
    let of_machine = sentences::drift(points, risk).into_iter().chain(returns);
    told.extend(of_machine.map(|text| Outlook { check: None, text }));
    told
}
