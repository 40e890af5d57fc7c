//! What each chart shows, in sentences: they stand beside it and are its text for people who cannot see it.

use jiff::Timestamp;

use super::severities::{layers, open};
use crate::{
    report::model::{Area, Event, EventKind, Repair, RepairMonth, ScorePoint},
    score::Grade,
    words::{self, harmless},
};

pub(super) fn gauge(risk: f64, grade: Grade) -> String {
    format!(
        "Grade {}. The risk is {} on a scale from 0, nothing known, to 100, certain trouble.",
        grade.letter(),
        words::whole(risk)
    )
}

/// `The risk fell from 51 in May to 38 now. It was highest in July, at 62. Updates were installed three times.`
pub(super) fn history(points: &[&ScorePoint], events: &[Event]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let when = |at: Timestamp| moment(at, first.started, last.started);
    let (then, now) = (first.risk.round(), last.risk.round());
    let start = when(first.started);
    let mut text = match () {
        () if now < then => format!("The risk fell from {} {start} to {} now.", words::whole(then), words::whole(now)),
        () if now > then => format!("The risk rose from {} {start} to {} now.", words::whole(then), words::whole(now)),
        () => format!("The risk is {}, the same as {start}.", words::whole(now)),
    };
    let by_risk = |a: &&&ScorePoint, b: &&&ScorePoint| a.risk.total_cmp(&b.risk);
    let (most, least) = (points.iter().max_by(by_risk), points.iter().min_by(by_risk));
    let most = most.filter(|p| p.risk.round() > then.max(now));
    let least = least.filter(|p| p.risk.round() < then.min(now));
    let say = |p: &ScorePoint| format!("{}, at {}", when(p.started), words::whole(p.risk));
    match (most, least) {
        (Some(most), Some(least)) => {
            text.push_str(&format!(" It was highest {}, and lowest {}.", say(most), say(least)));
        }
        (Some(most), None) => text.push_str(&format!(" It was highest {}.", say(most))),
        (None, Some(least)) => text.push_str(&format!(" It was lowest {}.", say(least))),
        (None, None) if points.len() > 2 && points.iter().all(|p| (p.risk - first.risk).abs() < 0.5) => {
            text.push_str(" It did not change in between.");
        }
        (None, None) => {}
    }
    let told = |kind: EventKind| {
        let mut times: Vec<Timestamp> = events
            .iter()
            .filter(|e| e.kind == kind && (first.started..=last.started).contains(&e.at))
            .map(|e| e.at)
            .collect();
        times.dedup();
        times.len()
    };
    for (kind, what) in [
        (EventKind::Updates, "Updates were installed"),
        (EventKind::Kernel, "A new kernel was started"),
        (EventKind::Release, "The system moved to a new release"),
        (EventKind::Accepted, "A risk was accepted"),
    ] {
        let n = told(kind);
        if n > 0 {
            text.push_str(&format!(" {what} {}.", times(n)));
        }
    }
    text
}

/// `In May it was 61 percent, now it is 78. It was fullest in October, at 80 percent.`
pub(super) fn fill(values: &[(Timestamp, f64)]) -> String {
    let (Some((start, then)), Some((end, now))) = (values.first(), values.last()) else { return String::new() };
    let when = |at: Timestamp| moment(at, *start, *end);
    let before = words::capital(&when(*start));
    let (then_text, now_text) = (words::whole(*then), words::whole(*now));
    let mut text = if then_text == now_text {
        format!("{before} it was {then_text} percent, the same as now.")
    } else {
        format!("{before} it was {then_text} percent, now it is {now_text}.")
    };
    let most = values.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((at, most)) = most.filter(|(_, v)| v.round() > then.max(*now).round()) {
        text.push_str(&format!(" It was fullest {}, at {} percent.", when(*at), words::whole(*most)));
    }
    text
}

/// What the dots below the line are, which have no number.
pub(super) fn dots(events: &[&Event]) -> String {
    let n = words::number(events.len());
    let times = if events.len() == 1 { "time" } else { "times" };
    if events.iter().all(|e| e.kind == EventKind::Updates) {
        format!("Updates at {n} other {times}")
    } else {
        format!("Other changes, {n} {times}")
    }
}

pub(super) fn severities(points: &[&ScorePoint], every: usize) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let (then, now) = (open(first), open(last));
    let problems = |n: usize| match n {
        0 => "No problem is open now".to_owned(),
        1 => "One problem is open now".to_owned(),
        n => format!("{} problems are open now", words::capital(&words::number(n))),
    };
    let layers = layers(last.problems).into_iter().filter(|(.., n)| *n > 0);
    let parts: Vec<(&str, usize)> = layers.map(|(_, name, n)| (name, n)).collect();
    let mut text = problems(now);
    match parts.as_slice() {
        [] => text.push('.'),
        [(only, _)] if now == 1 => text.push_str(&format!(". It is {only}.")),
        [(only, _)] => text.push_str(&format!(", all {only}.")),
        parts => {
            let parts: Vec<String> = parts.iter().map(|(name, n)| format!("{} {name}", words::number(*n))).collect();
            text.push_str(&format!(": {}.", words::list(&parts)));
        }
    }
    let start = words::capital(&moment(first.started, first.started, last.started));
    let before = match then {
        0 if now == 0 => "there was none either".to_owned(),
        0 => "there was none".to_owned(),
        1 if now == 1 => "there was one, too".to_owned(),
        1 => "there was one".to_owned(),
        n if n == now => "there were as many".to_owned(),
        n => format!("there were {}", words::number(n)),
    };
    text.push_str(&format!(" {start} {before}."));
    if every > 1 {
        let which = match every {
            2 => "Every second look is drawn.".to_owned(),
            3 => "Every third look is drawn.".to_owned(),
            n => format!("One look in {} is drawn.", words::number(n)),
        };
        text.push_str(&format!(" {which}"));
    }
    text
}

/// `The risk is highest in “Updates”: 64, grade D. Then come “Logging in” and “Files”. No risk was found in nine other areas.`
pub(super) fn areas(worst_first: &[&Area], quiet: usize) -> String {
    let Some((worst, rest)) = worst_first.split_first() else { return String::new() };
    let name = |a: &Area| format!("“{}”", harmless(&a.title));
    let mut text = format!(
        "The risk is highest in {}: {}, grade {}.",
        name(worst),
        words::whole(super::risk_or_worst(worst.risk)),
        worst.grade.letter()
    );
    let next: Vec<String> = rest.iter().take(2).map(|a| name(a)).collect();
    match next.len() {
        0 => {}
        1 => text.push_str(&format!(" Then comes {}.", words::list(&next))),
        _ => text.push_str(&format!(" Then come {}.", words::list(&next))),
    }
    if let Some(more) = other_areas(rest.len().saturating_sub(2), quiet) {
        text.push_str(&format!(" {more}"));
    }
    text
}

/// The areas that are not drawn: how many have problems, and how many none.
pub(super) fn other_areas(loud: usize, quiet: usize) -> Option<String> {
    let areas = |n: usize| format!("{} other {}", words::number(n), if n == 1 { "area" } else { "areas" });
    match (loud, quiet) {
        (0, 0) => None,
        (0, quiet) => Some(format!("No risk was found in {}.", areas(quiet))),
        (loud, quiet) => {
            let some =
                format!("{} {} some risk, too", words::capital(&areas(loud)), if loud == 1 { "has" } else { "have" });
            Some(match quiet {
                0 => format!("{some}."),
                quiet => format!("{some}, and no risk was found in {}.", words::number(quiet)),
            })
        }
    }
}

pub(super) fn spark(first: f64, last: f64) -> String {
    if words::whole(first) == words::whole(last) {
        format!("{}, as at the start.", words::whole(last))
    } else {
        format!("From {} to {}.", words::whole(first), words::whole(last))
    }
}

/// The sentence of the model, with the months that say most.
pub(super) fn fixed(repair: &Repair) -> String {
    let mut text = harmless(&repair.text);
    let name = |m: &RepairMonth| {
        let day = format!("{}-01", m.month).parse::<jiff::civil::Date>();
        day.map_or_else(|_| m.name.clone(), |day| day.strftime("%B").to_string())
    };
    let known: Vec<(String, f64)> =
        repair.months.iter().filter_map(|m| Some((name(m), m.median_days.filter(|d| d.is_finite())?))).collect();
    if let [(first, before), .., (last, now)] = known.as_slice() {
        let (before, now) = (days(*before), days(*now));
        let text_of_months = if before == now {
            format!(" In {last} it took {now}, the same as in {first}.")
        } else {
            format!(" In {first} it took {before}, in {last} {now}.")
        };
        text.push_str(&harmless(&text_of_months));
    }
    text
}

/// `12 days`, `under a day`.
pub(super) fn days(days: f64) -> String {
    match days {
        d if d < 0.95 => "under a day".to_owned(),
        d if d < 1.5 => "1 day".to_owned(),
        d => format!("{} days", words::whole(d)),
    }
}

/// The same without its unit.
pub(super) fn few(days: f64) -> String {
    if days < 0.95 { "<1".to_owned() } else { words::whole(days) }
}

fn times(n: usize) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", words::number(n)),
    }
}

/// A time within a stretch of time, as exactly as one would say it: `at 14:05`, `on 9 October`, `in May`, `in May 2024`.
fn moment(at: Timestamp, first: Timestamp, last: Timestamp) -> String {
    let days = last.as_second().saturating_sub(first.as_second()) / 86_400;
    let year = |t: Timestamp| t.strftime("%Y").to_string();
    let format = match days {
        ..1 => "at %H:%M",
        1..60 => "on %-d %B",
        _ if year(at) == year(last) => "in %B",
        _ => "in %B %Y",
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::{
        self,
        tests::{area, day, event, looks, repair, with_problems},
    };

    fn history_says(risks: &[f64], events: &[Event]) -> String {
        charts::history(&looks(risks), events, "h", 680.0).unwrap().words
    }

    fn fill(values: &[f64]) -> String {
        let values: Vec<_> = (0..).map(|n| day(n * 9)).zip(values.iter().copied()).collect();
        charts::fill("Disk /", &values, "f", (200.0, 50.0)).unwrap().words
    }

    #[test]
    fn the_charts_say_what_they_show() {
        let mut events: Vec<Event> = (1..4).map(|n| event(day(n * 5), EventKind::Updates, "x")).collect();
        events.push(event(day(9), EventKind::Kernel, "x"));
        events.push(event(day(99), EventKind::Release, "after the last look"));
        let half_a_year: Vec<f64> = (0..20).map(|n| if n == 9 { 62.4 } else { 51.0 - f64::from(n) * 0.7 }).collect();
        let many: Vec<[usize; 4]> = (0..120).map(|n| [0, n / 30, 4, 120 - n]).collect();
        let lines = [
            history_says(&[51.0, 60.0, 38.0], &[]),
            history_says(&half_a_year, &events),
            history_says(&[20.0, 12.0, 31.0, 20.2], &events[..1]),
            history_says(&[20.0, 20.0, 20.0], &[]),
            history_says(&[12.0, 51.0], &[]),
            charts::gauge(38.4, Grade::C).words,
            charts::severities(&with_problems(&[[2, 5, 9, 12], [0, 1, 3, 4]]), "s", 680.0).unwrap().words,
            charts::severities(&with_problems(&[[0, 0, 0, 0], [0, 0, 1, 0]]), "s", 680.0).unwrap().words,
            charts::severities(&with_problems(&[[0, 1, 0, 0], [0, 0, 3, 0]]), "s", 680.0).unwrap().words,
            charts::severities(&with_problems(&[[0, 1, 0, 0], [0, 0, 0, 0]]), "s", 680.0).unwrap().words,
            charts::severities(&with_problems(&many), "s", 680.0).unwrap().words,
            charts::areas(&[area("Updates", 64.0), area("Files", 3.0), area("Disks", 0.0)], "a", 680.0).unwrap().words,
            charts::areas(&(0..24).map(|n| area("Disks", f64::from(n))).collect::<Vec<_>>(), "a", 680.0).unwrap().words,
            charts::fixed(&repair(&[Some(30.0), None, Some(0.2)]), "f", 680.0).unwrap().words,
            charts::spark(&[20.0, 50.0, 20.1], "s", (90.0, 20.0)).unwrap().words,
            charts::small_risk(&looks(&[51.0, 60.0, 38.0]), "r", (200.0, 50.0)).unwrap().words,
            fill(&[61.0, 80.4, 78.0]),
            fill(&[61.0, 60.0, 61.2]),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
