//! A schedule said back in plain words.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    names::{month_name, place_name, weekday_name},
    set::{Set, runs},
    spec::{Days, Spec},
};
use crate::words;

/// The most times of a day that are named one by one.
const MOST: usize = 12;
const HOUR: u32 = 3600;

/// `every Monday at 07:00`.
pub(super) fn says(spec: &Spec) -> String {
    let times = spec.times();
    match how_often(spec, &times) {
        Some(often) => [often, days(spec, false)].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "),
        None => {
            let times: Vec<String> = times.iter().map(|t| clock(*t)).collect();
            format!("{} at {}", days(spec, true), words::list(&times))
        }
    }
}

/// `every 15 minutes from 08:00 to 18:00`; none where the times are named one by one.
fn how_often(spec: &Spec, times: &[u32]) -> Option<String> {
    let (first, last) = (*times.first()?, *times.last()?);
    let even = distance(times);
    let whole_hours = even.is_some_and(|d| d % HOUR == 0);
    if spec.flowing {
        if let Some(d) = even.filter(|d| first == 0 && last + d == 86_400) {
            return Some(every(d));
        }
        if let [clock] = spec.clocks.as_slice()
            && clock.hours == Set::HOURS
        {
            if clock.seconds == Set::one(0) {
                return Some(format!("every hour at minute {}", numbers(clock.minutes)));
            }
            if clock.minutes == Set::MINUTES {
                return Some(format!("every minute at second {}", numbers(clock.seconds)));
            }
        }
    }
    // Said of a schedule that does not flow, the others would be read as if it did.
    let odd = even.is_some_and(|d| d > HOUR && d % HOUR != 0);
    let as_read = spec.flowing || odd || (whole_hours && Set::from_iter(hours(times)).star_step(0, 23).is_none());
    if let Some(d) = even.filter(|d| odd && first == 0 && last + d == 86_400) {
        return Some(every(d));
    }
    if !spec.flowing && times.len() <= MOST {
        return None;
    }
    match even {
        Some(d) if as_read && d % 60 == 0 => Some(format!("{} from {} to {}", every(d), clock(first), clock(last))),
        _ => {
            let each: Vec<String> = spec.clocks.iter().map(|clock| pattern(clock, spec.flowing)).collect();
            Some(each.join(", and "))
        }
    }
}

fn hours(times: &[u32]) -> impl Iterator<Item = u32> {
    times.iter().map(|t| t / HOUR)
}

/// The time between any two neighbours, where it is always the same.
fn distance(times: &[u32]) -> Option<u32> {
    let mut all = times.windows(2).filter_map(|pair| pair.get(1)?.checked_sub(*pair.first()?));
    let first = all.next()?;
    all.all(|d| d == first).then_some(first)
}

/// `every 15 minutes`, of seconds.
fn every(seconds: u32) -> String {
    let (n, unit) = match seconds {
        s if s % HOUR == 0 => (s / HOUR, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    if n == 1 { format!("every {unit}") } else { format!("every {n} {unit}s") }
}

/// `at minute 0 and 7 of the hours 8 to 17`.
fn pattern(clock: &super::spec::Clock, flowing: bool) -> String {
    let part = |unit: &str, set: Set, all: Set| match set {
        set if set == all => format!("every {unit}"),
        set if set.len() == 1 => format!("{unit} {}", numbers(set)),
        set => format!("{unit}s {}", numbers(set)),
    };
    let seconds = if clock.seconds == Set::one(0) {
        String::new()
    } else {
        format!("{} of ", part("second", clock.seconds, Set::MINUTES))
    };
    let minutes = part("minute", clock.minutes, Set::MINUTES);
    // Said of a schedule that does not flow, every hour would be read as if it did.
    let hours = part("hour", clock.hours, if flowing { Set::HOURS } else { Set::EMPTY });
    format!("at {seconds}{minutes} of {hours}")
}

/// The days, months and years; with `always` also where they are all of them.
fn days(spec: &Spec, always: bool) -> String {
    let months = (spec.months != Set::MONTHS).then(|| list(spec.months, month_name));
    let of = months.clone().unwrap_or_else(|| "the month".to_owned());
    let within = months.map_or_else(String::new, |months| within(&months));
    let years = spec.years.as_ref().map(|years| {
        let years: Vec<u32> = years.iter().copied().collect();
        words::list(&spans(&years, |n| n.to_string()))
    });
    let one_date = match spec.days {
        Days::OfMonth(days) if days.len() == 1 && spec.months.len() == 1 => days.first().zip(spec.months.first()),
        _ => None,
    };
    if let Some((day, month)) = one_date {
        let date = format!("{day} {}", month_name(month));
        return match years {
            Some(years) if spec.years.as_ref().is_some_and(|y| y.len() == 1) => format!("on {date} {years}"),
            Some(years) => format!("on {date}{}", self::within(&years)),
            None if (day, month) == (29, 2) => format!("every leap year on {date}"),
            None => format!("every year on {date}"),
        };
    }
    let days = match spec.days {
        Days::Every if always || !within.is_empty() || years.is_some() => format!("every day{within}"),
        Days::Every => String::new(),
        Days::OfWeek(week) => format!("{}{within}", weekdays(week)),
        Days::OfMonth(days) => format!("on {} of {of}", month_days(days)),
        Days::Either(days, week) => format!("on {} of {of} and {}{within}", month_days(days), weekdays_too(week)),
        Days::Both(days, week) => {
            let days = month_days(days).replace("odd days", "an odd day").replace("even days", "an even day");
            format!("{} that is {days} of {of}", weekdays(week))
        }
        Days::Nth(places, week) => {
            // `last` is 0, and comes at the end.
            let mut places: Vec<u32> = places.iter().collect();
            places.sort_by_key(|n| if *n == 0 { 9 } else { *n });
            let places: Vec<String> = places.into_iter().map(place_name).collect();
            let names: Vec<String> = from_monday(week).into_iter().map(weekday_name).collect();
            format!("on the {} {} of {of}", words::list(&places), words::list(&names))
        }
        Days::LastDay => format!("on the last day of {of}"),
    };
    match years {
        Some(years) => format!("{days}{}", self::within(&years)),
        None => days,
    }
}

/// ` in June and July`, ` from June to August`.
fn within(span: &str) -> String {
    let from = span.contains(" to ") && !span.contains([',']) && !span.contains(" and ");
    format!(" {} {span}", if from { "from" } else { "in" })
}

/// `every Monday`, `on Monday to Friday`.
fn weekdays(week: Set) -> String {
    let numbers = from_monday(week);
    // Monday is 1 here, and Sunday 7.
    let counted: Vec<u32> = numbers.iter().map(|n| if *n == 0 { 7 } else { *n }).collect();
    match runs(&counted).as_slice() {
        [(first, last)] if first != last => format!("on {} to {}", weekday_name(*first), weekday_name(last % 7)),
        _ => {
            let names: Vec<String> = numbers.into_iter().map(weekday_name).collect();
            format!("every {}", words::list(&names))
        }
    }
}

/// The same after an `and`.
fn weekdays_too(week: Set) -> String {
    let said = weekdays(week);
    if said.starts_with("on ") { said } else { format!("on {said}") }
}

fn from_monday(week: Set) -> Vec<u32> {
    let mut numbers: Vec<u32> = week.iter().collect();
    numbers.sort_by_key(|n| if *n == 0 { 7 } else { *n });
    numbers
}

/// `day 1 and 15`, `odd days`.
fn month_days(days: Set) -> String {
    if days == Set::steps(1, 31, 2) {
        "odd days".to_owned()
    } else if days == Set::steps(2, 31, 2) {
        "even days".to_owned()
    } else {
        format!("day {}", numbers(days))
    }
}

/// `1, 3 to 7 and 9`.
fn numbers(set: Set) -> String {
    list(set, |n| n.to_string())
}

fn list(set: Set, name: impl Fn(u32) -> String) -> String {
    let numbers: Vec<u32> = set.iter().collect();
    words::list(&spans(&numbers, name))
}

fn spans(numbers: &[u32], name: impl Fn(u32) -> String) -> Vec<String> {
    let span = |(a, b): (u32, u32)| if a == b { name(a) } else { format!("{} to {}", name(a), name(b)) };
    runs(numbers).into_iter().map(span).collect()
}

/// `07:00`, with seconds only where there are some.
fn clock(time: u32) -> String {
    let seconds = if time.is_multiple_of(60) { String::new() } else { format!(":{:02}", time % 60) };
    format!("{:02}:{:02}{seconds}", time / HOUR, time / 60 % 60)
}

/// `Monday 30 November 2026, 07:00`.
pub(super) fn moment(t: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(t).strftime("%A %-d %B %Y, %H:%M").to_string()
}

/// A time of a schedule for people: `Monday 30 November, 07:00, in 4 days`; the year only where it is another one than
/// that of `now`.
pub fn says_time(t: Timestamp, zone: &TimeZone, now: Timestamp) -> String {
    let (then, today) = (zone.to_datetime(t), zone.to_datetime(now));
    let year = if then.year() == today.year() { "" } else { " %Y" };
    let seconds = if then.second() == 0 { "" } else { ":%S" };
    let told = then.strftime(&format!("%A %-d %B{year}, %H:%M{seconds}")).to_string();
    format!("{told}, {}", until(t, zone, now))
}

/// `in 5 minutes`, `in 3 hours`, `tomorrow`, `in 4 days`; `2 days ago` of what is past.
fn until(t: Timestamp, zone: &TimeZone, now: Timestamp) -> String {
    let seconds = t.as_second().saturating_sub(now.as_second());
    let whole = |n: i64| usize::try_from(n).unwrap_or(0);
    let date = |t: Timestamp| zone.to_datetime(t).date();
    let days = date(t).duration_since(date(now)).as_hours() / 24;
    match (seconds, days) {
        (..0, _) => words::ago(t, now),
        (0..90, _) => "in a minute".to_owned(),
        (90..5400, _) => format!("in {}", words::count(whole((seconds + 30) / 60), "minute", "minutes")),
        (_, 0) | (5400..43_200, _) => format!("in {}", words::count(whole((seconds + 1800) / 3600), "hour", "hours")),
        (_, 1) => "tomorrow".to_owned(),
        (_, 2..60) => format!("in {days} days"),
        (_, 60..730) => format!("in {} months", (days * 100 + 1522) / 3044),
        (_, days) => format!("in {} years", (days * 100 + 18_262) / 36_525),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_seen_from_now() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-26T06:00:00Z");
        let said = |t: &str| says_time(at(t), &zone, now);
        assert_eq!(said("2026-11-30T06:00:00Z"), "Monday 30 November, 07:00, in 4 days");
        assert_eq!(said("2026-11-26T06:00:20Z"), "Thursday 26 November, 07:00:20, in a minute");
        assert_eq!(said("2026-11-26T06:15:00Z"), "Thursday 26 November, 07:15, in 15 minutes");
        assert_eq!(said("2026-11-26T20:00:00Z"), "Thursday 26 November, 21:00, in 14 hours");
        assert_eq!(said("2026-11-27T20:00:00Z"), "Friday 27 November, 21:00, tomorrow");
        assert_eq!(said("2027-02-28T06:00:00Z"), "Sunday 28 February 2027, 07:00, in 3 months");
        assert_eq!(said("2032-02-29T06:00:00Z"), "Sunday 29 February 2032, 07:00, in 5 years");
        assert_eq!(said("2026-11-23T06:00:00Z"), "Monday 23 November, 07:00, 3 days ago");
    }
}
