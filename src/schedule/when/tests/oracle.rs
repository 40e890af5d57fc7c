//! A slow cron, written from the definition of its fields: it looks at every minute or second of a time in turn.

use jiff::{Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::{super::When, at, zone};

/// Whether a field of numbers (no names) has a value; `low` and `high` are what its star means.
fn has(field: &str, value: i32, low: i32, high: i32) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').map_or((part, 1), |(r, s)| (r, s.parse().unwrap()));
        let (a, b) = match range.split_once('-') {
            Some((a, b)) => (a.parse().unwrap(), b.parse().unwrap()),
            None if range == "*" => (low, high),
            None if part.contains('/') => (range.parse().unwrap(), high),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        value >= a && value <= b && (value - a) % step == 0
    })
}

/// Whether a time of the calendar fits an expression of 5, 6 or 7 fields.
pub(super) fn fits(text: &str, time: DateTime) -> bool {
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    if fields.len() == 6 {
        fields.push("*");
    }
    let week = time.weekday().to_sunday_zero_offset();
    let day = || has(fields[3], time.day().into(), 1, 31);
    let of_week = || has(fields[5], week.into(), 0, 7) || (week == 0 && has(fields[5], 7, 0, 7));
    has(fields[0], time.second().into(), 0, 59)
        && has(fields[1], time.minute().into(), 0, 59)
        && has(fields[2], time.hour().into(), 0, 23)
        && has(fields[4], time.month().into(), 1, 12)
        && has(fields[6], time.year().into(), 1970, 2100)
        && if fields[3].starts_with('*') || fields[5].starts_with('*') {
            day() && of_week()
        } else {
            day() || of_week()
        }
}

/// The moments after `from` up to `to` at which cron would start a job, looking every `step` seconds.
pub(super) fn fires(text: &str, zone: &TimeZone, from: Timestamp, to: Timestamp, step: i64) -> Vec<Timestamp> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let minute = if fields.len() == 5 { 0 } else { 1 };
    let wild = fields[minute].starts_with('*') || fields[minute + 1].starts_with('*');
    // Where the clock has been; it begins before, so that a change just before is seen.
    let mut t = from - 3.hours();
    let mut reached = zone.to_datetime(t - step.seconds());
    let mut found = Vec::new();
    while t <= to {
        let now = zone.to_datetime(t);
        let due = if wild {
            fits(text, now)
        } else {
            let mut due = false;
            while reached < now {
                reached += step.seconds();
                due |= fits(text, reached);
            }
            due
        };
        if due && t > from {
            found.push(t);
        }
        t += step.seconds();
    }
    found
}

/// A field: mostly a star or a single number.
fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let n = low..=high;
    let range = (n.clone(), n.clone()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let part = prop_oneof![
        4 => n.clone().prop_map(|n| n.to_string()),
        1 => range.clone().prop_map(|(a, b)| format!("{a}-{b}")),
        1 => (range, 1..=high).prop_map(|((a, b), step)| format!("{a}-{b}/{step}")),
        1 => (n, 1..=high).prop_map(|(a, step)| format!("{a}/{step}")),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (1..=high).prop_map(|step| format!("*/{step}")),
        4 => part.clone(),
        2 => proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(",")),
    ]
}

/// Expressions whose fields of the day are open more often than not.
pub(super) fn expression() -> impl Strategy<Value = String> {
    let open = |low, high| prop_oneof![3 => Just("*".to_owned()), 2 => field(low, high)];
    (field(0, 59), field(0, 23), open(1, 31), open(1, 12), open(0, 7)).prop_map(|f| [f.0, f.1, f.2, f.3, f.4].join(" "))
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/St_Johns",
];

/// A zone, and a moment near which its clocks are changed, if they ever are.
pub(super) fn place() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    // Since 2012, clocks of these zones are changed at whole quarters of an hour.
    (proptest::sample::select(ZONES.as_slice()), 1_330_000_000_i64..2_100_000_000, -4_000_i64..4_000, any::<bool>())
        .prop_map(|(name, second, minutes, near)| {
            let zone = zone(name);
            let t = Timestamp::from_second(second - second % 60).unwrap();
            let change = zone.following(t).next().map(|change| change.timestamp().as_second());
            let change = change.map(|s| Timestamp::from_second(s - s % 60 + minutes * 60).unwrap());
            (zone, change.filter(|_| near).unwrap_or(t))
        })
}

/// Where two lists of times part: what stands in the one, and in the other.
pub(super) fn difference(one: &[Timestamp], other: &[Timestamp]) -> Option<[Option<Timestamp>; 2]> {
    let n = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let parts = [one.get(n).copied(), other.get(n).copied()];
    (parts != [None, None]).then_some(parts)
}

fn read(text: &str, zone: &TimeZone) -> Option<When> {
    When::parse(text, zone).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn times_are_those_of_a_slow_cron(text in expression(), (zone, from) in place()) {
        let Some(when) = read(&text, &zone) else { return Ok(()) };
        let to = from + 120.hours();
        let expected = fires(&text, &zone, from, to, 60);
        prop_assert_eq!(difference(&when.between(from, to).collect::<Vec<_>>(), &expected), None);
        for moment in expected {
            prop_assert_eq!(when.latest_until(moment), Some(moment));
            prop_assert_eq!(when.next_after(moment - 1.nanosecond()), Some(moment));
        }
    }

    #[test]
    fn around_a_change_of_the_clocks(
        minute in field(0, 59),
        hour in field(0, 3),
        name in proptest::sample::select(&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][..]),
        second in 1_330_000_000_i64..2_100_000_000,
        ahead in 0_i64..600,
    ) {
        let text = format!("{minute} {hour} * * *");
        let zone = zone(name);
        let change = zone.following(Timestamp::from_second(second).unwrap()).next().unwrap().timestamp();
        let minute = Timestamp::from_second(change.as_second() / 60 * 60).unwrap();
        let from = minute - ahead.minutes();
        let when = When::parse(&text, &zone).unwrap();
        let times: Vec<_> = when.between(from, from + 14.hours()).collect();
        prop_assert_eq!(difference(&times, &fires(&text, &zone, from, from + 14.hours(), 60)), None);
        // Looked at in the middle, it is the same list.
        let middle = minute + (ahead / 8).minutes();
        let latest = times.iter().copied().rfind(|t| *t <= middle);
        prop_assert!(latest.is_none() || when.latest_until(middle) == latest, "{:?}", latest);
        prop_assert_eq!(when.next_after(middle), when.between(from, Timestamp::MAX).find(|t| *t > middle));
    }

    #[test]
    fn seconds_too(second in field(0, 59), text in expression(), (zone, from) in place()) {
        let text = format!("{second} {text}");
        let Some(when) = read(&text, &zone) else { return Ok(()) };
        let to = from + 3.hours();
        let times: Vec<_> = when.between(from, to).collect();
        prop_assert_eq!(difference(&times, &fires(&text, &zone, from, to, 1)), None);
    }

    #[test]
    fn the_latest_is_the_one_before_the_next(text in expression(), (zone, t) in place(), nano in 0_i64..2) {
        let Some(when) = read(&text, &zone) else { return Ok(()) };
        let t = t + nano.nanoseconds();
        let next = when.next_after(t);
        prop_assert!(next.is_none_or(|next| next > t));
        let Some(latest) = when.latest_until(t) else { return Ok(()) };
        prop_assert!(latest <= t);
        prop_assert_eq!(when.next_after(latest), next);
        prop_assert_eq!(when.next_after(latest - 1.second()), Some(latest));
    }

    #[test]
    fn days_of_fifteen_years(day in field(1, 31), month in field(1, 12), week in field(0, 7), year in 1970_i16..2085) {
        let text = format!("30 6 {day} {month} {week}");
        let Some(when) = read(&text, &TimeZone::UTC) else { return Ok(()) };
        let start = jiff::civil::date(year, 1, 1);
        let days = (0..5479).map(|n| (start + jiff::Span::new().days(n)).at(6, 30, 0, 0));
        let expected: Vec<Timestamp> =
            days.filter(|time| fits(&text, *time)).map(|time| TimeZone::UTC.to_timestamp(time).unwrap()).collect();
        let first = TimeZone::UTC.to_timestamp(start.at(0, 0, 0, 0)).unwrap();
        let times: Vec<_> = when.between(first, first + (5479 * 24).hours()).collect();
        prop_assert_eq!(difference(&times, &expected), None);
    }
}

#[test]
fn the_slow_cron_knows_the_manual() {
    let at = |text: &str| text.parse::<DateTime>().unwrap();
    // From crontab(5): 4:30 on the 1st and 15th of each month, plus every Friday.
    let text = "30 4 1,15 * 5";
    assert!(fits(text, at("2026-11-01T04:30:00")) && fits(text, at("2026-11-27T04:30:00")));
    assert!(!fits(text, at("2026-11-28T04:30:00")) && !fits(text, at("2026-11-27T04:31:00")));
    assert!(fits("0 0-23/2 * * 7", at("2026-11-29T22:00:00")));
}

#[test]
fn years_are_kept() {
    // 1970, 1974 and so on.
    let Err(why) = When::parse("0 0 12 29 2 * */4", &TimeZone::UTC) else { panic!("not refused") };
    assert_eq!(why.to_string(), "There is no 29 February in these years: none of them is a leap year.");
    let when = super::when("0 0 12 31 12 * 2024,2031");
    assert_eq!(when.latest_until(at("2030-06-01T00:00:00Z")), Some(at("2024-12-31T12:00:00Z")));
    assert_eq!(when.next_after(at("2024-12-31T12:00:00Z")), Some(at("2031-12-31T12:00:00Z")));
}
