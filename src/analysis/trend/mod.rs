//! How a machine went over time: its risk, its open problems, or one check. It reads the store and nothing else; the
//! renderers beside it compute nothing.

pub(in crate::analysis) mod chart;
pub mod metric;
mod model;
mod output;
mod sentences;
#[cfg(test)]
mod tests;
mod text;

pub use model::*;
pub use output::{csv_rows, svg};
pub use text::text;

use crate::{
    audit::Audit,
    checks::{Catalogue, Severity},
    report,
    store::{Answer, Moment, Store, StoreError},
};

/// What a trend is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// The risk.
    Score,
    /// Open problems by severity.
    Problems,
    /// One check by its id.
    Check(&'a str),
}

/// How the machine of `audit` went up to it.
///
/// # Errors
/// When the store cannot be read.
pub fn trend(
    store: &Store,
    audit: &Audit,
    about: About<'_>,
    since: Option<Since>,
    catalogue: &Catalogue,
) -> Result<Trend, StoreError> {
    let from = since.map(|s| s.moment(audit.started));
    let inside = |at: jiff::Timestamp| from.is_none_or(|from| at >= from);
    let (sentence, figures) = match about {
        About::Check(id) => {
            let answers = store.answers(audit, id)?;
            let check = check(id, &answers, &inside, audit, catalogue);
            (sentences::check(&check, audit.started), Figures::Check(check))
        }
        About::Score | About::Problems => {
            let history = store.history(audit, Moment::Previous)?;
            let open = audit.outcomes.iter().filter_map(|o| o.counted()).map(|f| f.severity).collect();
            let mut points = report::points(audit, &history, open);
            points.retain(|p| inside(p.started));
            // One that asked only a part says nothing of the whole.
            let last = points.pop_if(|_| !audit.complete);
            let first = points.first().map_or(audit.started, |p| p.started);
            let events = report::events(audit, &history, catalogue).into_iter().filter(|e| e.at >= first).collect();
            let points = Points { points, events };
            let (mut sentence, figures) = match about {
                About::Score => (sentences::score(&points.points), Figures::Score(points)),
                _ => (sentences::problems(&points.points), Figures::Problems(points)),
            };
            if last.is_some() {
                sentence.push_str(&sentences::incomplete(audit.started));
            }
            (sentence, figures)
        }
    };
    Ok(Trend {
        schema_version: SCHEMA_VERSION,
        host: audit.machine.hostname.clone(),
        root: audit.machine.root.clone(),
        sentence,
        figures,
    })
}

fn check(
    id: &str,
    answers: &[Answer],
    inside: &dyn Fn(jiff::Timestamp) -> bool,
    audit: &Audit,
    catalogue: &Catalogue,
) -> CheckTrend {
    let title = || answers.iter().rev().find_map(|a| a.title.clone());
    let looks = answers.iter().filter(|a| inside(a.started)).map(|a| Look {
        audit: a.audit,
        started: a.started,
        result: if a.waived && a.verdict == "problem" { "waived".to_owned() } else { a.verdict.clone() },
        severity: a.severity,
        count: a.count,
    });
    // A spell that began before the first look told is told whole.
    let spells = spells(answers, audit.started).into_iter().filter(|s| s.to.is_none_or(inside));
    CheckTrend {
        check: id.to_owned(),
        title: title().or_else(|| catalogue.get(id).map(|c| c.title.clone())).unwrap_or_else(|| id.to_owned()),
        open: answers.last().and_then(|a| open(&a.verdict)),
        spells: spells.collect(),
        looks: looks.collect(),
    }
}

/// Whether a verdict means that the problem is there; none when it does not tell.
fn open(verdict: &str) -> Option<bool> {
    match verdict {
        "problem" => Some(true),
        "ok" | "not_applicable" => Some(false),
        _ => None,
    }
}

/// When the problem was there. A look that could not tell neither begins nor ends anything.
fn spells(answers: &[Answer], now: jiff::Timestamp) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    let mut running: Option<(jiff::Timestamp, Option<Severity>)> = None;
    for answer in answers {
        match (open(&answer.verdict), running) {
            (Some(true), None) => running = Some((answer.started, answer.severity)),
            (Some(true), Some((from, worst))) => running = Some((from, worst.max(answer.severity))),
            (Some(false), Some((from, worst))) => {
                spells.push(spell(from, Some(answer.started), worst, now));
                running = None;
            }
            _ => {}
        }
    }
    spells.extend(running.map(|(from, worst)| spell(from, None, worst, now)));
    spells
}

fn spell(
    from: jiff::Timestamp,
    to: Option<jiff::Timestamp>,
    severity: Option<Severity>,
    now: jiff::Timestamp,
) -> Spell {
    Spell { from, to, severity, text: sentences::spell(from, to, now) }
}
