//! The sentences that say what a trend shows.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::model::CheckTrend;
use crate::{
    report::ScorePoint,
    score::BySeverity,
    words::{self, whole},
};

/// Where the risk went.
pub(super) fn score(points: &[ScorePoint]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return "There is no look at this machine in that time.".to_owned();
    };
    if points.len() == 1 {
        return format!(
            "There is only one look to show: the risk was {}, grade {}.",
            whole(last.risk),
            last.grade.letter()
        );
    }
    let (was, now) = (whole(first.risk), whole(last.risk));
    let span = words::span(first.started, last.started);
    let moved = match last.risk.round().total_cmp(&first.risk.round()) {
        Ordering::Less => format!("In {span} the risk fell from {was} to {now}"),
        Ordering::Greater => format!("In {span} the risk rose from {was} to {now}"),
        Ordering::Equal => format!("The risk is {now}, as it was {}", ago(first.started, last.started)),
    };
    let graded = if first.grade == last.grade {
        format!("the grade is {}", last.grade.letter())
    } else {
        format!("the grade went from {} to {}", first.grade.letter(), last.grade.letter())
    };
    let mut text = format!("{moved}, and {graded}.");
    let by_risk = |a: &&ScorePoint, b: &&ScorePoint| a.risk.total_cmp(&b.risk);
    if let (Some(most), Some(least)) = (points.iter().max_by(by_risk), points.iter().min_by(by_risk)) {
        let when = |p: &ScorePoint| when(p.started, first.started, last.started);
        if whole(most.risk) != whole(least.risk) {
            text.push_str(&format!(
                " It was worst {} ({}) and best {} ({}).",
                when(most),
                whole(most.risk),
                when(least),
                whole(least.risk)
            ));
        } else {
            text.push_str(" It hardly moved.");
        }
    }
    text
}

/// A moment between two others: the hour where all lie in one day.
fn when(at: Timestamp, first: Timestamp, last: Timestamp) -> String {
    if words::date(first) == words::date(last) {
        return at.strftime("at %H:%M UTC").to_string();
    }
    format!("on {}", words::day(at, last))
}

/// When the first look was, seen from the last.
fn ago(first: Timestamp, last: Timestamp) -> String {
    match words::days_between(first, last) {
        days if days < 0.95 => when(first, first, last),
        _ => format!("{} ago", words::span(first, last)),
    }
}

/// That the last look is left out.
pub(super) fn incomplete(at: Timestamp) -> String {
    format!(" The last look, of {}, asked only a part of the questions and is left out.", words::date(at))
}

/// Open problems that count; tips are left out.
pub(super) fn open(counts: &BySeverity) -> usize {
    counts.critical + counts.high + counts.medium + counts.low
}

/// Where the number of problems went.
pub(super) fn problems(points: &[ScorePoint]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return "There is no look at this machine in that time.".to_owned();
    };
    let (was, now) = (open(&first.problems), open(&last.problems));
    let problems = |n: usize| match n {
        0 => "No problem is open".to_owned(),
        n => words::count(n, "problem is open", "problems are open"),
    };
    let pressing = pressing(now, last.problems.critical, last.problems.high);
    if points.len() == 1 {
        return format!("{}.{pressing}", problems(now));
    }
    let ago = ago(first.started, last.started);
    let moved = match now.cmp(&was) {
        Ordering::Less => format!("{} fewer than {ago}", was - now),
        Ordering::Greater => format!("{} more than {ago}", now - was),
        Ordering::Equal if now == 0 => format!("and none was {ago}"),
        Ordering::Equal => format!("as many as {ago}"),
    };
    let by_open = |p: &&ScorePoint| open(&p.problems);
    let peak = points.iter().max_by_key(by_open).filter(|p| open(&p.problems) > now.max(was));
    let peak = peak.map_or_else(String::new, |p| {
        format!(" There were most {}: {}.", when(p.started, first.started, last.started), open(&p.problems))
    });
    format!("{}, {moved}.{pressing}{peak}", problems(now))
}

/// How soon the open problems want someone.
fn pressing(open: usize, critical: usize, high: usize) -> String {
    let some = |n: usize| match n {
        _ if open == 1 => "It".to_owned(),
        n if n == open => "All of them".to_owned(),
        n => format!("{} of them", words::capital(&words::number(n))),
    };
    match (critical, high) {
        _ if open == 0 => String::new(),
        (0, 0) if open == 1 => " It is not urgent.".to_owned(),
        (0, 0) => " None of them is urgent.".to_owned(),
        (0, n) => format!(" {} should be dealt with this week.", some(n)),
        (n, 0) => format!(" {} should be dealt with today.", some(n)),
        (n, more) => format!(" {} should be dealt with today, {} this week.", some(n), words::number(more)),
    }
}

/// `from 1 June 2026 to 15 June 2026, 14 days`.
pub(super) fn spell(from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> String {
    match to {
        Some(to) => format!("from {} to {}, {}", words::day(from, to), words::date(to), words::span(from, to)),
        None => format!("since {}, {}", words::date(from), words::span(from, now)),
    }
}

/// Since when, and how often.
pub(super) fn check(check: &CheckTrend, now: Timestamp) -> String {
    let (looks, spells) = (check.looks.len(), check.spells.len());
    if looks == 0 {
        return "No look in that time asked this.".to_owned();
    }
    let often = |n: usize| match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", words::number(n)),
    };
    let seen = words::count(looks, "look", "looks");
    let whole = check.looks.iter().all(|l| l.result == "problem" || l.result == "waived");
    let last = check.looks.last();
    let accepted = if last.is_some_and(|l| l.result == "waived") { " Someone accepted it." } else { "" };
    let text = match (check.open, check.spells.last()) {
        (Some(true), Some(_)) if whole && looks > 1 => format!("Open at all {seen}, at least {}.", since(check, now)),
        (Some(true), Some(_)) if spells > 1 => {
            let gone = spells - 1;
            format!("Open {}. It had been gone {} before that.", since(check, now), often(gone))
        }
        (Some(true), Some(_)) => format!("Open {}.", since(check, now)),
        (Some(false), Some(spell)) => {
            let gone = spell.to.map_or_else(String::new, words::date);
            let times = if spells > 1 { format!(" It came and went {}.", often(spells)) } else { String::new() };
            format!("Not there now: it was gone on {gone}.{times}")
        }
        (Some(false), None) if last.is_some_and(|l| l.result == "not_applicable") => {
            format!("Never there in {seen}. The question does not concern this machine.")
        }
        (Some(false), None) => format!("Never there in {seen}."),
        (None, Some(spell)) if spell.to.is_none() => {
            format!("The last look could not tell. It was open before, {}.", since(check, now))
        }
        (None, Some(spell)) => {
            let gone = spell.to.map_or_else(String::new, words::date);
            format!("The last look could not tell. Before, it was gone on {gone}.")
        }
        _ => format!("The last look could not tell. It was not seen in {seen}."),
    };
    format!("{text}{accepted}")
}

fn since(check: &CheckTrend, now: Timestamp) -> String {
    check.spells.last().map_or_else(String::new, |s| {
        let span = words::span(s.from, now);
        format!("since {} ({span})", words::day(s.from, now))
    })
}
