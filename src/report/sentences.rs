//! The sentences of a report that are computed from facts.

use jiff::{Timestamp, civil::Date};

use super::model::ScorePoint;
use crate::{audit::LookedAt, checks::Severity, score::Grade, words};

/// `looked at 386,120 files, 31 services and 412 programs in 0.9 seconds`.
pub(super) fn looked_at(looked: LookedAt, seconds: f64) -> String {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    for (n, one, many) in [
        (looked.files, "file", "files"),
        (looked.services, "service", "services"),
        (looked.programs, "program", "programs"),
    ] {
        if n > 0 {
            parts.push(words::count(size(n), one, many));
        }
    }
    if parts.is_empty() {
        return format!("looked for {seconds:.1} seconds");
    }
    format!("looked at {} in {seconds:.1} seconds", words::list(&parts))
}

/// The result in one sentence.
pub(super) fn summary(grade: Grade, severities: &[Severity], unknown: usize, complete: bool) -> String {
    let count = |s: Severity| severities.iter().filter(|x| **x == s).count();
    let (critical, high, medium) = (count(Severity::Critical), count(Severity::High), count(Severity::Medium));
    let urgent = critical + high;
    let text = if critical > 0 {
        let today = words::capital(&some(critical, "problem", "problems"));
        match high {
            0 => format!("{today} should be dealt with today."),
            more => format!("{today} should be dealt with today, {} more this week.", words::number(more)),
        }
    } else if high > 0 {
        format!("{} should be dealt with this week.", words::capital(&some(high, "problem", "problems")))
    } else if medium > 0 {
        format!(
            "Nothing has to be done today. {} should be dealt with this month.",
            words::capital(&some(medium, "problem", "problems"))
        )
    } else if !complete {
        // What was not asked for may be bad all the same.
        match severities.contains(&Severity::Low) {
            true => "In the part that was asked for, only small problems were found.".to_owned(),
            false => "No problem was found in the part that was asked for.".to_owned(),
        }
    } else if severities.contains(&Severity::Low) {
        "This machine is in good shape. What is left is small.".to_owned()
    } else if unknown > 0 && grade == Grade::A {
        "No problem was found in what could be looked at.".to_owned()
    } else {
        "This machine is in good shape. There is nothing to do.".to_owned()
    };
    if urgent > 0 && medium > 0 {
        format!("{text} {} can wait a little.", words::capital(&words::number(medium)))
    } else {
        text
    }
}

/// What moved since the audit before.
pub(super) fn moved((before, now): (f64, f64), when: &str, fixed: usize, new: usize, back: usize) -> String {
    let (before, now) = (before.round(), now.round());
    let mut text = if (before - now).abs() < 0.5 {
        format!("The risk is the same as {when}.")
    } else {
        format!("{} the risk was {}.", words::capital(when), words::whole(before))
    };
    if fixed > 0 {
        text.push_str(&format!(" {} fixed.", was(fixed)));
    }
    let mut came = Vec::new();
    if new > 0 {
        came.push(format!("{} {} new", some(new, "problem", "problems"), if new == 1 { "is" } else { "are" }));
    }
    if back > 0 {
        let who = if new > 0 { words::number(back) } else { some(back, "problem", "problems") };
        came.push(format!("{who} came back"));
    }
    if !came.is_empty() {
        text.push_str(&format!(" {}.", words::capital(&words::list(&came))));
    }
    if fixed + new + back == 0 {
        text.push_str(" No problem came or went.");
    }
    text
}

/// What solving some problems brings and takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// How many problems.
    pub(super) problems: usize,
    /// Minutes of work.
    pub(super) minutes: u32,
    /// How many of them need someone to decide.
    pub(super) decisions: usize,
    /// Risk and grade afterwards.
    pub(super) after: (f64, Grade),
}

/// What solving the first few problems brings and takes; `turn` is what it takes until the grade gets better, where
/// the first few do not suffice for that; `rest` is what remains after the first few, and whether all of it is small.
pub(super) fn plan(
    first: Effort,
    (risk, grade): (f64, Grade),
    turn: Option<Effort>,
    (rest, small): (Effort, bool),
) -> String {
    let which = match first.problems {
        1 => "Solve it".to_owned(),
        n => format!("Solve the first {}", words::number(n)),
    };
    let (after, grade_after) = first.after;
    if risk.round() - after.round() < 1.0 {
        let mut text = format!("{which} before all else: you need {}.", needs(first));
        if let Some(turn) = turn {
            text.push_str(&format!(
                " So much is wrong that the grade moves from {} to {} only after {} are solved, which takes {} in all.",
                grade.letter(),
                turn.after.1.letter(),
                words::number(turn.problems),
                needs(turn)
            ));
        }
        return text;
    }
    let mut text = format!("{which}: the risk falls from {} to {}", words::whole(risk), words::whole(after));
    if grade_after < grade {
        text.push_str(&format!(", and the grade goes from {} to {}", grade.letter(), grade_after.letter()));
    }
    text.push_str(&format!(". You need {}.", needs(first)));
    if rest.problems > 0 {
        let (who, remain) = match (rest.problems, small) {
            (1, true) => ("one smaller problem".to_owned(), "remains"),
            (1, false) => ("one more problem".to_owned(), "remains"),
            (n, true) => (format!("{} smaller problems", words::number(n)), "remain"),
            (n, false) => (format!("{} more problems", words::number(n)), "remain"),
        };
        text.push_str(&format!(" {} {remain}, for {}.", words::capital(&who), needs(rest)));
    }
    text
}

/// What a person needs: `about 45 minutes and one decision`.
pub(super) fn needs(effort: Effort) -> String {
    let mut needs = Vec::new();
    if effort.minutes > 0 {
        needs.push(format!("about {}", words::minutes(effort.minutes)));
    }
    if effort.decisions > 0 {
        needs.push(some(effort.decisions, "decision", "decisions"));
    }
    words::list(&needs)
}

/// What work brings: `Risk falls from 31 to 6, the grade from C to A`; none where the risk stays.
pub(super) fn brings((risk, grade): (f64, Grade), (after, grade_after): (f64, Grade)) -> Option<String> {
    if after.round() >= risk.round() {
        return None;
    }
    let mut text = format!("Risk falls from {} to {}", words::whole(risk), words::whole(after));
    if grade_after < grade {
        text.push_str(&format!(", the grade from {} to {}", grade.letter(), grade_after.letter()));
    }
    Some(text)
}

fn was(n: usize) -> String {
    if n == 1 { "One problem was".to_owned() } else { format!("{} problems were", words::capital(&words::number(n))) }
}

pub(super) fn some(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", words::number(n), if n == 1 { one } else { many })
}

/// `open for 23 days`.
pub(super) fn open_for(since: Timestamp, now: Timestamp) -> String {
    if now.as_second().saturating_sub(since.as_second()) < 86_400 {
        return "open since today".to_owned();
    }
    format!("open for {}", words::span(since, now))
}

/// Days from one day to another.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.until((jiff::Unit::Day, to)).map_or(0, |span| i64::from(span.get_days()))
}

/// `31 December, in 5 weeks`: the last day of something.
pub(super) fn until(end: Date, today: Date) -> String {
    let day = end.strftime(if end.year() == today.year() { "%-d %B" } else { "%-d %B %Y" });
    match days_between(today, end) {
        ..0 => day.to_string(),
        0 => format!("{day}, today"),
        1 => format!("{day}, tomorrow"),
        days @ 2..=20 => format!("{day}, in {days} days"),
        days @ 21..=69 => format!("{day}, in {} weeks", (days + 3) / 7),
        days => format!("{day}, in {} months", (days + 15) / 30),
    }
}

/// The time that repairs are told of: since the first look where that was lately.
pub(super) fn lately(began: Option<Date>, months: i32) -> String {
    match began {
        Some(day) => format!("Since {}", day.strftime("%-d %B %Y")),
        None => format!("In the last {} months", words::number(usize::try_from(months).unwrap_or(0))),
    }
}

/// How fast problems were fixed.
pub(super) fn repair(fixed: usize, lately: &str, median_days: f64, oldest: Option<i64>) -> String {
    let took = words::days(median_days);
    let mut text = match fixed {
        1 => format!("{lately} one problem was fixed. It took {took}."),
        // Of two, the middle is between them.
        2 => format!("{lately} two problems were fixed, which took {took} on average."),
        3 => format!("{lately} three problems were fixed. Two of them took {took} or less."),
        n => format!("{lately} {} problems were fixed. Half of them took {took} or less.", words::number(n)),
    };
    #[allow(clippy::cast_precision_loss, reason = "days of a few years")]
    if let Some(days) = oldest.filter(|d| *d > 0) {
        text.push_str(&format!(" The oldest open one has waited {}.", words::days(days as f64)));
    }
    text
}

/// Where the risk has been going in the last three months, if it climbed from its lowest and is at its highest.
pub(super) fn drift(points: &[ScorePoint], risk: f64) -> Option<String> {
    let last = points.last()?;
    let start = last.started.as_second().saturating_sub(92 * 86_400);
    let recent = points.iter().filter(|p| p.started.as_second() >= start);
    let lowest = recent.clone().min_by(|a, b| a.risk.total_cmp(&b.risk))?;
    let highest = recent.map(|p| p.risk).fold(0.0, f64::max);
    let weeks = last.started.as_second().saturating_sub(lowest.started.as_second()) / (7 * 86_400);
    let (before, now) = (lowest.risk.round(), risk.round());
    (weeks >= 2 && now - before >= 3.0 && highest - risk < 1.0).then(|| {
        format!(
            "The risk grows again: on {} it was down to {}, now it is {}.",
            words::day(lowest.started, last.started),
            words::whole(before),
            words::whole(now)
        )
    })
}

/// Accepted risks that end soon.
pub(super) fn returning(n: usize, first_end: &str) -> String {
    match n {
        1 => format!("One accepted risk counts again after {first_end}."),
        n => format!(
            "{} accepted risks will count again, the first after {first_end}.",
            words::capital(&words::number(n))
        ),
    }
}
