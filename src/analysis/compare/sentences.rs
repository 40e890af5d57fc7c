//! The sentences of a comparison that are not about one row.

use std::cmp::Ordering;

use super::model::{Group, Problems, Side, Weight};
use crate::{
    store::{Known, TableDiff},
    words::{self, whole},
};

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
            Some(Ordering::Less) => format!("The risk fell from {} to {}, and {graded}.", whole(was), whole(now)),
            Some(Ordering::Greater) => format!("The risk rose from {} to {}, and {graded}.", whole(was), whole(now)),
            _ => format!("The risk is {} as before, and {graded}.", whole(now)),
        });
    } else {
        let (a, b) = names(before, after);
        let of = |side: &Side, risk: f64| format!("{} (grade {})", whole(risk), side.grade.letter());
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
        (n, _) => format!("{} things {what}.", words::capital(&words::number(n))),
    });
    if dangerous > 0 && same {
        told.push(match dangerous {
            1 if all.len() == 1 => "It may make the machine less safe.".to_owned(),
            1 => "One of them may make it less safe.".to_owned(),
            n => format!("{} of them may make it less safe.", words::capital(&words::number(n))),
        });
    }
    told.join(" ")
}

/// Which problems came and went.
fn moved(before: &Side, after: &Side, same: bool, problems: &Problems) -> String {
    let some = |n: usize| if n == 1 { "one problem".to_owned() } else { format!("{} problems", words::number(n)) };
    let (new, fixed, back) = (problems.new.len(), problems.fixed.len(), problems.came_back.len());
    let (unseen, accepted) = (problems.unseen.len(), problems.accepted.len());
    let mut parts = Vec::new();
    let mut tell = |n: usize, text: String| {
        if n > 0 {
            parts.push(text);
        }
    };
    if same {
        tell(new, format!("{} {} new", some(new), are(new)));
        tell(back, format!("{} came back", some(back)));
        tell(fixed, format!("{} {} fixed", some(fixed), were(fixed)));
        tell(accepted, format!("{} {} accepted", some(accepted), were(accepted)));
        tell(unseen, format!("nobody could see whether {} {} still there", some(unseen), are(unseen)));
        if parts.is_empty() {
            return "No problem came or went.".to_owned();
        }
    } else {
        let (a, b) = names(before, after);
        let (new, open) = (new + back, problems.open.len());
        if new + fixed + unseen + accepted == 0 {
            return if open == 0 { "Neither has a problem." } else { "Both have the same problems." }.to_owned();
        }
        tell(fixed, format!("{} only {a} has", some(fixed)));
        tell(new, format!("{} only {b} has", some(new)));
        tell(open, format!("{} both have", some(open)));
        tell(accepted, format!("{} of {a} {} accepted on {b}", some(accepted), are(accepted)));
        tell(unseen, format!("{} of {a} may also be on {b}", some(unseen)));
    }
    format!("{}.", words::capital(&words::list(&parts)))
}

fn were(n: usize) -> &'static str {
    if n == 1 { "was" } else { "were" }
}

/// What the lists of problems are called: new, came back, fixed, unseen, accepted, in both.
pub(super) fn titles(before: &Side, after: &Side, same: bool) -> [String; 6] {
    if same {
        return [
            "New problems",
            "Came back",
            "Fixed",
            "No longer seen: perhaps still there",
            "Accepted since",
            "In both",
        ]
        .map(str::to_owned);
    }
    let (a, b) = names(before, after);
    let only = |side: &str| format!("Problems of {side} alone");
    [
        only(&b),
        // Of two machines nothing comes back.
        "Came back".to_owned(),
        only(&a),
        format!("Perhaps also on {b}"),
        format!("Accepted on {b}"),
        "In both".to_owned(),
    ]
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

/// Why a table could not be compared, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reason {
    who: &'static str,
    did: Did,
    /// What the machine said of it.
    why: Option<String>,
}

/// What an audit did with a table that could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Did {
    Unread,
    Part,
    NotAsked,
    Less,
}

/// Why a table could not be compared, or not wholly; none where it could.
pub(super) fn uncompared(diff: &TableDiff) -> Option<Reason> {
    let (first, second, both) = ("the first audit", "the second audit", "both");
    let said = |who, did, why: &Option<String>| {
        let why = why.as_deref().map(|w| words::harmless(w).trim_end_matches('.').to_owned());
        Some(Reason { who, did, why: why.filter(|w| !w.is_empty()) })
    };
    match (&diff.before, &diff.after) {
        (Known::Whole, Known::Whole) if !diff.blind.is_empty() => said("one of the two audits", Did::Less, &None),
        (Known::Whole, Known::Whole) | (Known::NotAsked, Known::NotAsked) => None,
        (Known::Unread(why), Known::Unread(_)) => said("no audit", Did::Unread, why),
        (Known::Unread(why), _) => said(first, Did::Unread, why),
        (_, Known::Unread(why)) => said(second, Did::Unread, why),
        (Known::NotAsked, _) => said(first, Did::NotAsked, &None),
        (_, Known::NotAsked) => said(second, Did::NotAsked, &None),
        (Known::Part(why), Known::Part(_)) => said(both, Did::Part, why),
        (Known::Part(why), Known::Whole) => said(first, Did::Part, why),
        (Known::Whole, Known::Part(why)) => said(second, Did::Part, why),
    }
}

/// What could not be compared, and why.
pub(super) fn not_compared(what: &[String], reason: &Reason) -> String {
    let list = words::capital(&words::list(what));
    let it = if what.len() > 1 { "them" } else { "it" };
    let who = reason.who;
    let (how, did) = match reason.did {
        Did::Unread if who == "no audit" => ("not compared", format!("no audit could read {it}")),
        Did::Unread => ("not compared", format!("{who} could not read {it}")),
        Did::NotAsked => ("not compared", format!("{who} did not look at {it}")),
        Did::Part => ("not wholly compared", format!("{who} could read only a part")),
        Did::Less => ("not wholly compared", format!("{who} recorded less of {it}")),
    };
    let why = reason.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    format!("{list}: {how}, because {did}{why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: Known, after: Known) -> TableDiff {
        TableDiff { table: "shadow", before, after, rows_before: 0, rows_after: 0, rows: Vec::new(), blind: Vec::new() }
    }

    #[test]
    fn what_was_read_whole_both_times_needs_no_word() {
        assert_eq!(uncompared(&diff(Known::Whole, Known::Whole)), None);
        let why = Some("only root may read /etc/shadow".to_owned());
        let reason = uncompared(&diff(Known::Whole, Known::Unread(why))).unwrap();
        assert_eq!(
            not_compared(&["the passwords".to_owned()], &reason),
            "The passwords: not compared, because the second audit could not read it: only root may read /etc/shadow."
        );
    }

    #[test]
    fn what_the_machine_said_stays_as_it_is() {
        let why = Some("after 9 seconds it had read only a part".to_owned());
        let reason = uncompared(&diff(Known::Unread(why), Known::Whole)).unwrap();
        assert_eq!(
            not_compared(&["the users".to_owned(), "the groups".to_owned()], &reason),
            "The users and the groups: not compared, because the first audit could not read them: after 9 seconds it had \
             read only a part."
        );
    }
}
