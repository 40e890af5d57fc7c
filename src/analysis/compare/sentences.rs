//! The sentences of a comparison that are not about one row.

use std::cmp::Ordering;

use super::model::{Group, Problems, Side, Weight};
use crate::{report::capital, store::Known, words};

/// How one of the two is called.
fn name(side: &Side) -> String {
    let host = words::harmless(&side.host);
    if side.root == "/" { host } else { format!("{host} in {}", words::harmless(&side.root)) }
}

/// Names of the two; where both have the same, with their day.
fn names(before: &Side, after: &Side) -> (String, String) {
    let (a, b) = (name(before), name(after));
    if a != b {
        return (a, b);
    }
    let dated = |side: &Side, n: String| format!("{n} ({})", words::date(side.started));
    (dated(before, a), dated(after, b))
}

pub(super) fn title(before: &Side, after: &Side, same: bool) -> String {
    if same {
        return format!("{}: {} compared with {}", name(after), after.started_text, before.started_text);
    }
    let (a, b) = names(before, after);
    format!("{a} compared with {b}")
}

/// The result.
pub(super) fn summary(before: &Side, after: &Side, same: bool, problems: &Problems, groups: &[Group]) -> String {
    let mut told = Vec::new();
    let (was, now) = (before.risk.round(), after.risk.round());
    if same {
        let graded = match after.grade == before.grade {
            true => format!("the grade is still {}", after.grade.letter()),
            false => format!("the grade went from {} to {}", before.grade.letter(), after.grade.letter()),
        };
        told.push(match now.partial_cmp(&was) {
            Some(Ordering::Less) => format!("The risk fell from {was:.0} to {now:.0}, and {graded}."),
            Some(Ordering::Greater) => format!("The risk rose from {was:.0} to {now:.0}, and {graded}."),
            _ => format!("The risk is {now:.0} as before, and {graded}."),
        });
    } else {
        let (a, b) = names(before, after);
        let of = |side: &Side, risk: f64| format!("{risk:.0} (grade {})", side.grade.letter());
        told.push(format!("The risk of {a} is {}, that of {b} {}.", of(before, was), of(after, now)));
    }
    told.push(moved(before, after, same, problems));
    let all: Vec<Weight> = groups.iter().flat_map(|g| g.changes.iter().map(|c| c.weight)).collect();
    let dangerous = all.iter().filter(|w| **w == Weight::Danger).count();
    let what = if same { "changed on the machine" } else { "are different on the machines" };
    told.push(match (all.len(), dangerous) {
        (0, _) if same => "Nothing else that matters changed on the machine.".to_owned(),
        (0, _) => "Nothing else that matters is different.".to_owned(),
        (1, _) if same => "One thing changed on the machine.".to_owned(),
        (1, _) => "One thing is different on the machines.".to_owned(),
        (n, _) => format!("{} things {what}.", capital(&words::number(n))),
    });
    if dangerous > 0 && same {
        told.push(match dangerous {
            1 if all.len() == 1 => "It may make the machine less safe.".to_owned(),
            1 => "One of them may make it less safe.".to_owned(),
            n => format!("{} of them may make it less safe.", capital(&words::number(n))),
        });
    }
    told.join(" ")
}

/// Which problems came and went.
fn moved(before: &Side, after: &Side, same: bool, problems: &Problems) -> String {
    let some = |n: usize| if n == 1 { "one problem".to_owned() } else { format!("{} problems", words::number(n)) };
    let (new, fixed, back) = (problems.new.len(), problems.fixed.len(), problems.came_back.len());
    if !same {
        let (a, b) = names(before, after);
        let new = new + back;
        if new + fixed == 0 {
            return "Both have the same problems.".to_owned();
        }
        return capital(&format!(
            "{} only {a} has, {} only {b} has, {} both have.",
            some(fixed),
            some(new),
            some(problems.open.len())
        ));
    }
    let mut parts = Vec::new();
    if new > 0 {
        parts.push(format!("{} {} new", some(new), are(new)));
    }
    if back > 0 {
        parts.push(format!("{} came back", some(back)));
    }
    if fixed > 0 {
        parts.push(format!("{} {} fixed", some(fixed), if fixed == 1 { "was" } else { "were" }));
    }
    if problems.accepted.is_empty() && parts.is_empty() {
        return "No problem came or went.".to_owned();
    }
    if !problems.accepted.is_empty() {
        let n = problems.accepted.len();
        parts.push(format!("{} {} accepted", some(n), if n == 1 { "was" } else { "were" }));
    }
    format!("{}.", capital(&words::list(&parts)))
}

fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// What to know before reading on.
pub(super) fn notes(before: &Side, after: &Side, same: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !same {
        let (a, b) = names(before, after);
        notes.push(format!(
            "These are different machines: read 'added' and 'now' as 'only on {b}', and 'removed' and 'was' as 'only on {a}'."
        ));
    }
    let which = |side: &Side| match side.audit {
        Some(id) => format!("Audit {id}"),
        None => "One audit".to_owned(),
    };
    match (before.privileged, after.privileged) {
        (true, false) => notes.push(format!("{} was made without root, so it could see less.", which(after))),
        (false, true) => notes.push(format!("{} was made without root, so it could see less.", which(before))),
        _ => {}
    }
    for side in [before, after] {
        if !side.complete {
            notes.push(format!("{} asked only some of the questions.", which(side)));
        }
    }
    if before.version != after.version {
        let (a, b) = (words::harmless(&before.version), words::harmless(&after.version));
        notes.push(format!("Different versions of cleanbill made them ({a} and {b}), which may see different things."));
    }
    notes
}

/// Why a table could not be compared, or not wholly; none where it could. Words that come after "because".
pub(super) fn uncompared(before: &Known, after: &Known) -> Option<String> {
    let why = |why: &Option<String>| why.as_deref().map(words::harmless).filter(|w| !w.is_empty());
    let side = |first: bool| if first { "the first audit" } else { "the second audit" };
    let unread = |first: bool, reason: &Option<String>| match why(reason) {
        Some(reason) => format!("{} could not read it: {reason}", side(first)),
        None => format!("{} could not read it", side(first)),
    };
    let part = |who: &str, reason: &Option<String>| match why(reason) {
        Some(reason) => format!("{who} could read only a part: {reason}"),
        None => format!("{who} could read only a part"),
    };
    Some(match (before, after) {
        (Known::Whole, Known::Whole) | (Known::NotAsked, Known::NotAsked) => return None,
        (Known::Unread(reason), Known::Unread(_)) => match why(reason) {
            Some(reason) => format!("no audit could read it: {reason}"),
            None => "no audit could read it".to_owned(),
        },
        (Known::Unread(reason), _) => unread(true, reason),
        (_, Known::Unread(reason)) => unread(false, reason),
        (Known::NotAsked, _) => format!("{} did not look at it", side(true)),
        (_, Known::NotAsked) => format!("{} did not look at it", side(false)),
        (Known::Part(reason), Known::Part(_)) => part("both", reason),
        (Known::Part(reason), Known::Whole) => part(side(true), reason),
        (Known::Whole, Known::Part(reason)) => part(side(false), reason),
    })
}

/// What could not be compared, and why.
pub(super) fn not_compared(what: &[String], reason: &str) -> String {
    let list = capital(&words::list(what));
    let reason = if what.len() > 1 { reason.replace(" it", " them") } else { reason.to_owned() };
    let reason = reason.trim_end_matches('.');
    if reason.contains("only a part") {
        return format!("{list}: not wholly compared, because {reason}.");
    }
    format!("{list}: not compared, because {reason}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_whole_both_times_needs_no_word() {
        assert_eq!(uncompared(&Known::Whole, &Known::Whole), None);
        let why = Some("only root may read /etc/shadow".to_owned());
        let reason = uncompared(&Known::Whole, &Known::Unread(why)).unwrap();
        assert_eq!(
            not_compared(&["the passwords".to_owned()], &reason),
            "The passwords: not compared, because the second audit could not read it: only root may read /etc/shadow."
        );
    }
}
