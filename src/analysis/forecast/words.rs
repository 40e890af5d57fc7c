//! What a forecast says, in words: a day as exact as it is sure, or why none is named.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Crossing, Reached, Silence, Step};
use crate::words::{self, harmless};

/// From so many days on between the earliest and the latest, a day is no longer named, only a part of a month.
const VAGUE: i32 = 60;

/// How a limit is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saying<'a> {
    /// What it is about: `The disk /var`.
    pub subject: &'a str,
    /// What will happen: `be full`.
    pub reach: &'a str,
    /// What is so when it has happened: `is full`.
    pub reached: &'a str,
    /// What is so when nothing of it happens: `is not filling up`.
    pub rests: &'a str,
}

impl<'a> Saying<'a> {
    /// A disk that fills up.
    pub fn disk(subject: &'a str) -> Self {
        Saying { subject, reach: "be full", reached: "is full", rests: "is not filling up" }
    }

    /// Something that runs out: memory, room for new files.
    pub fn supply(subject: &'a str) -> Self {
        Saying { subject, reach: "run out", reached: "has run out", rests: "is not running out" }
    }
}

/// When a limit is reached, or why that cannot be said. `now` and the time zone are those of the reader.
pub fn crossing(found: &Result<Crossing, Silence>, saying: Saying<'_>, now: Timestamp, zone: &TimeZone) -> String {
    let subject = harmless(saying.subject);
    let today = day(now, zone);
    let date = |at: Timestamp| named(day(at, zone), today, true);
    match found {
        Ok(Crossing::Already) => format!("{subject} {}.", saying.reached),
        Ok(Crossing::Reached(reached)) => {
            format!("{subject} will {} {}.", saying.reach, when(*reached, now, zone))
        }
        Ok(Crossing::NotBefore { early }) => format!("{subject} will hardly {} before {}.", saying.reach, date(*early)),
        Ok(Crossing::NotUntil { nearer: false, .. }) => format!("{subject} {}.", saying.rests),
        Ok(Crossing::NotUntil { until, nearer: true }) => {
            format!("{subject} will not {} within the next {}.", saying.reach, words::span(now, *until))
        }
        Err(silence) => unsaid(*silence),
    }
}

/// Why nothing is said.
pub fn unsaid(silence: Silence) -> String {
    match silence {
        Silence::TooShort { .. } => format!("Nothing can be said about it yet: {silence}."),
        Silence::NoBetter | Silence::TooWide => format!("Nothing can be said about it: {silence}."),
    }
}

/// `3 days of history are too few, about 14 are needed`.
pub(super) fn too_short(step: Step, have: usize, need: usize) -> String {
    let count = |steps: usize, up: bool| match step {
        Step::Day => steps,
        Step::Hour if up => steps.div_ceil(24),
        Step::Hour => steps / 24,
    };
    match (count(have, false), count(need, true)) {
        (0, need) => format!("there is not one day of history, and about {need} are needed"),
        (1, need) => format!("one day of history is too little, about {need} are needed"),
        (have, need) => format!("{have} days of history are too few, about {need} are needed"),
    }
}

/// `around 14 March (between 9 and 22 March)`, as exact as it is sure.
fn when(reached: Reached, now: Timestamp, zone: &TimeZone) -> String {
    let today = day(now, zone);
    let [around, early] = [reached.around, reached.early].map(|at| day(at, zone));
    let Some(late) = reached.late.map(|at| day(at, zone)) else {
        let exact = between(early, around) * 2 < VAGUE;
        return format!("around {}, not before {}", named(around, today, exact), named(early, today, exact));
    };
    let spread = between(early, late);
    if spread == 0 {
        return near(around, today).unwrap_or_else(|| format!("on {}", named(around, today, true)));
    }
    let exact = spread < VAGUE;
    let around = near(around, today).unwrap_or_else(|| format!("around {}", named(around, today, exact)));
    let (first, last) = (named(early, today, exact), named(late, today, exact));
    if first == last {
        return around;
    }
    let same = (early.month(), early.year()) == (late.month(), late.year());
    let first = if exact && same { early.day().to_string() } else { first };
    format!("{around} (between {first} and {last})")
}

/// A day that is so near that it has a name.
fn near(date: Date, today: Date) -> Option<String> {
    match between(today, date) {
        ..=0 => Some("today".to_owned()),
        1 => Some("tomorrow".to_owned()),
        _ => None,
    }
}

/// `14 March`, or where that would be too exact, `the middle of March`; with the year where it is another one.
fn named(date: Date, today: Date, exact: bool) -> String {
    let year = if date.year() == today.year() { "" } else { " %Y" };
    if exact {
        return date.strftime(&format!("%-d %B{year}")).to_string();
    }
    let part = match date.day() {
        ..=10 => "the beginning",
        11..=20 => "the middle",
        _ => "the end",
    };
    format!("{part} of {}", date.strftime(&format!("%B{year}")))
}

fn day(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// The days from one to another.
fn between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Easy to read: all together, since some months have long names.
    fn easy(all: &[String]) {
        let grade = crate::checks::reading_grade(&all.join(" "));
        assert!(grade <= 8.0, "grade {grade:.1}");
    }

    fn say(around: &str, early: &str, late: Option<&str>) -> String {
        let reached = Reached { around: at(around), early: at(early), late: late.map(at) };
        let now = at("2026-02-20T12:00:00Z");
        crossing(&Ok(Crossing::Reached(reached)), Saying::disk("The disk /var"), now, &TimeZone::UTC)
    }

    #[test]
    fn a_day_is_as_exact_as_it_is_sure() {
        let (march, text) = ("2026-03-14T10:00:00Z", |s: &str| format!("2026-{s}T10:00:00Z"));
        let all = [
            say(march, &text("03-09"), Some(&text("03-22"))),
            say(march, &text("02-27"), Some(&text("04-02"))),
            say(march, &text("03-14"), Some(march)),
            say(march, &text("03-03"), None),
            say(&text("06-14"), &text("05-02"), Some(&text("08-29"))),
            say(&text("12-30"), &text("12-20"), Some("2027-01-09T00:00:00Z")),
            say("2027-02-11T00:00:00Z", &text("12-28"), Some("2027-04-03T00:00:00Z")),
            say(&text("02-21"), &text("02-20"), Some(&text("02-22"))),
            say(&text("02-20"), &text("02-20"), Some(&text("02-20"))),
        ];
        easy(&all);
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn what_is_not_to_come_is_said_as_plainly() {
        let now = at("2026-02-20T12:00:00Z");
        let until = at("2026-11-20T12:00:00Z");
        let say = |found| crossing(&found, Saying::disk("The disk /"), now, &TimeZone::UTC);
        let all = [
            say(Ok(Crossing::Already)),
            say(Ok(Crossing::NotUntil { until, nearer: false })),
            say(Ok(Crossing::NotUntil { until, nearer: true })),
            say(Ok(Crossing::NotBefore { early: at("2026-05-03T00:00:00Z") })),
            say(Err(Silence::TooShort { step: Step::Day, have: 3, need: 14 })),
            say(Err(Silence::TooShort { step: Step::Day, have: 1, need: 14 })),
            say(Err(Silence::TooShort { step: Step::Hour, have: 5, need: 168 })),
            say(Err(Silence::NoBetter)),
            say(Err(Silence::TooWide)),
            crossing(
                &Ok(Crossing::NotUntil { until, nearer: false }),
                Saying::supply("The memory"),
                now,
                &TimeZone::UTC,
            ),
        ];
        easy(&all);
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn the_day_is_that_of_the_reader_and_a_name_does_no_harm() {
        let zone = TimeZone::fixed(jiff::tz::offset(14));
        let late = at("2026-03-13T20:00:00Z");
        let reached = Ok(Crossing::Reached(Reached { around: late, early: late, late: Some(late) }));
        let text = crossing(&reached, Saying::disk("The disk /a\u{1b}[31m"), at("2026-02-20T12:00:00Z"), &zone);
        assert_eq!(text, "The disk /a\u{fffd}[31m will be full on 14 March.");
    }
}
