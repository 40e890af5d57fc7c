//! The subjects: what a person knows who only sees the list of mails.

use super::clean;
use crate::{checks::Severity, report::Problem, score::Grade};

/// Letters of a subject that are seen in a list of mails.
const SEEN: usize = 68;
/// Letters of a title that still say something.
const TITLE: usize = 28;

/// What is counted in the subject of the weekly mail.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) fixed: usize,
    pub(super) new: usize,
    pub(super) back: usize,
    /// Problems that need a person.
    pub(super) needs: usize,
    /// What did not go as planned.
    pub(super) trouble: usize,
    /// Questions without an answer.
    pub(super) unknown: usize,
}

/// `web01 is a B this week (was C): 2 fixed, 1 needs you`.
pub(super) fn weekly(name: &str, grade: Grade, was: Option<Grade>, c: Counts) -> String {
    let name = clean::name(name);
    let now = grade.named();
    let start = match was {
        None => format!("{name} is {now} at the first look"),
        Some(was) if was == grade => format!("{name} is still {now}"),
        Some(was) => format!("{name} is {now} this week (was {})", was.letter()),
    };
    // Health must not be claimed where something may hide it.
    if c.needs == 0 && c.trouble > 0 {
        return match c.trouble {
            1 => format!("{start}, but one thing went wrong"),
            n => format!("{start}, but {n} things went wrong"),
        };
    }
    let mut parts = Vec::new();
    for (n, what) in [(c.fixed, "fixed"), (c.new, "new"), (c.back, "back")] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    parts.push(match c.needs {
        0 if c.unknown > 0 => "not all could be seen".to_owned(),
        0 => "nothing needs you".to_owned(),
        1 => "1 needs you".to_owned(),
        n => format!("{n} need you"),
    });
    format!("{start}: {}", parts.join(", "))
}

/// A few words before a title, or before how many there are.
pub(super) fn told(start: &str, titles: &[&str], many: &str) -> String {
    let room = SEEN.saturating_sub(start.chars().count() + 2).max(TITLE);
    match titles {
        [one] => format!("{start}: {}", clean::text(one, room).trim_end_matches('.')),
        all => format!("{start}: {} {many}", all.len()),
    }
}

/// Problems that a person should deal with within the month: those that the report puts first.
pub(super) fn needs_someone(p: &Problem) -> bool {
    p.severity >= Severity::Medium
}
