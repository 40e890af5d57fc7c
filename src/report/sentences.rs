//! The sentences of a report that are computed from facts.

use jiff::Timestamp;

use crate::{
    audit::LookedAt,
    checks::Severity,
    facts::{Gap, Reason},
    score::Grade,
    words,
};

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
pub(super) fn summary(grade: Grade, severities: &[Severity], unknown: usize) -> String {
    let count = |s: Severity| severities.iter().filter(|x| **x == s).count();
    let (critical, high, medium) = (count(Severity::Critical), count(Severity::High), count(Severity::Medium));
    let urgent = critical + high;
    let text = if critical > 0 {
        let today = capital(&some(critical, "problem", "problems"));
        match high {
            0 => format!("{today} should be dealt with today."),
            more => format!("{today} should be dealt with today, {} more this week.", words::number(more)),
        }
    } else if high > 0 {
        format!("{} should be dealt with this week.", capital(&some(high, "problem", "problems")))
    } else if medium > 0 {
        format!("Nothing is urgent. {} can go on this month's list.", capital(&some(medium, "thing", "things")))
    } else if severities.contains(&Severity::Low) {
        "This machine is in good shape. What is left is small.".to_owned()
    } else if unknown > 0 && grade == Grade::A {
        "No problem was found in what could be looked at.".to_owned()
    } else {
        "This machine is in good shape. There is nothing to do.".to_owned()
    };
    if urgent > 0 && medium > 0 {
        format!("{text} {} can wait a little.", capital(&words::number(medium)))
    } else {
        text
    }
}

/// What moved since the audit before.
pub(super) fn moved(before: f64, now: f64, when: &str, fixed: usize, new: usize) -> String {
    let (before, now) = (before.round(), now.round());
    let mut text = if (before - now).abs() < 0.5 {
        format!("The same as {when}.")
    } else {
        format!("{} it was {before:.0}.", capital(when))
    };
    match (fixed, new) {
        (0, 0) => text.push_str(" No problem came or went."),
        (0, new) => text.push_str(&format!(" {} new.", verb(new))),
        (fixed, 0) => text.push_str(&format!(" {} fixed.", was(fixed))),
        (fixed, new) => text.push_str(&format!(" {} fixed. {} new.", was(fixed), verb(new))),
    }
    text
}

/// What solving the first few problems brings and takes.
pub(super) fn plan(
    n: usize,
    (risk, grade): (f64, Grade),
    (after, grade_after): (f64, Grade),
    minutes: u32,
    decisions: usize,
) -> String {
    let which = if n == 1 { "Solve the first one".to_owned() } else { format!("Solve the first {}", words::number(n)) };
    let mut text = format!("{which}: the risk falls from {risk:.0} to {after:.0}");
    if grade_after < grade {
        text.push_str(&format!(", and the grade goes from {} to {}", grade.letter(), grade_after.letter()));
    }
    let mut needs = Vec::new();
    if minutes > 0 {
        needs.push(format!("about {}", words::minutes(minutes)));
    }
    if decisions > 0 {
        needs.push(some(decisions, "decision", "decisions"));
    }
    text.push_str(&format!(". You need {}.", words::list(&needs)));
    text
}

fn was(n: usize) -> String {
    if n == 1 { "One problem was".to_owned() } else { format!("{} problems were", capital(&words::number(n))) }
}

fn verb(n: usize) -> String {
    if n == 1 { "One is".to_owned() } else { format!("{} are", capital(&words::number(n))) }
}

fn some(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", words::number(n), if n == 1 { one } else { many })
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// `new`, `open for 23 days`.
pub(super) fn age(since: Timestamp, now: Timestamp, first_seen_now: bool) -> String {
    if first_seen_now {
        return "new".to_owned();
    }
    let days = now.as_second().saturating_sub(since.as_second()) / 86_400;
    match days {
        ..1 => "open since today".to_owned(),
        1 => "open for a day".to_owned(),
        2..60 => format!("open for {days} days"),
        _ => format!("open for {} months", days / 30),
    }
}

/// Why something could not be seen.
pub(super) fn why(gap: &Gap) -> String {
    match &gap.reason {
        Reason::NeedsRoot => format!("only root may read {}", gap.source),
        Reason::TimedOut => "it took too long".to_owned(),
        Reason::Broken(what) | Reason::Tool(what) => what.clone(),
    }
}

/// Points for people; empty where a number would mislead: on a machine with much wrong, solving one serious problem
/// alone changes little.
pub(super) fn points(points: f64, severity: Severity) -> String {
    match points {
        p if p < 0.95 && severity >= Severity::Medium => String::new(),
        p if p < 0.005 => String::new(),
        p if p < 0.95 => "under 1".to_owned(),
        p => format!("{p:.0}"),
    }
}
