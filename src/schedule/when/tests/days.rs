//! Days that cron has no field for, and the edges of years.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
    tz::TimeZone,
};

use super::{super::WhenError, at, when};

/// All days of the calendar of cron.
fn all() -> impl Iterator<Item = Date> {
    std::iter::successors(Some(date(1970, 1, 1)), |day| day.tomorrow().ok()).take_while(|day| day.year() <= 2100)
}

/// Checks a schedule at 12:00 against each day in turn.
fn check(text: &str, is: impl Fn(Date) -> bool) {
    let when = when(text);
    let expected: Vec<_> = all().filter(|day| is(*day)).collect();
    let noon = |day: &Date| TimeZone::UTC.to_timestamp(day.at(12, 0, 0, 0)).unwrap();
    let (start, end) = (at("1969-12-31T00:00:00Z"), at("2101-01-01T00:00:00Z"));
    let expected: Vec<_> = expected.iter().map(noon).collect();
    assert_eq!(when.between(start, end).collect::<Vec<_>>(), expected, "{text}");
    // And backwards.
    let mut back: Vec<_> =
        std::iter::successors(when.latest_until(end), |t| when.latest_until(*t - 1.second())).collect();
    back.reverse();
    assert_eq!(back, expected, "{text}, backwards");
}

fn later(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap()
}

#[test]
fn days_by_their_definition() {
    let weekday = |day: Date| day.weekday().to_monday_one_offset();
    check("last friday of the month 12:00", |d| weekday(d) == 5 && later(d, 7).month() != d.month());
    check("last day of the month 12:00", |d| later(d, 1).month() != d.month());
    check("first sunday of the month 12:00", |d| weekday(d) == 7 && d.day() <= 7);
    check("fifth monday of the month 12:00", |d| weekday(d) == 1 && d.day() >= 29);
    check("second and last tuesday of the month 12:00", |d| {
        weekday(d) == 2 && ((8..=14).contains(&d.day()) || later(d, 7).month() != d.month())
    });
    check("last day of february at noon", |d| d.month() == 2 && later(d, 1).month() == 3);
    check("29 february 12:00", |d| d.month() == 2 && d.day() == 29);
    check("every friday that is day 13 of the month at noon", |d| weekday(d) == 5 && d.day() == 13);
    check("every friday and on day 1 of the month at noon", |d| weekday(d) == 5 || d.day() == 1);
    check("0 12 1 * 5", |d| weekday(d) == 5 || d.day() == 1);
    check("0 12 */2 * 5", |d| weekday(d) == 5 && d.day() % 2 == 1);
    check("0 12 * * fri-mon", |d| [5, 6, 7, 1].contains(&weekday(d)));
    check("every quarter at 12:00", |d| d.day() == 1 && [1, 4, 7, 10].contains(&d.month()));
}

#[test]
fn over_the_end_of_a_year() {
    let when = when("59 23 31 12 *");
    assert_eq!(when.next_after(at("2026-12-31T23:59:00Z")), Some(at("2027-12-31T23:59:00Z")));
    assert_eq!(when.latest_until(at("2027-12-31T23:58:59Z")), Some(at("2026-12-31T23:59:00Z")));
}

#[test]
fn leap_days() {
    let when = when("0 9 29 2 *");
    let next = |t: &str| when.next_after(at(t)).map(|t| t.to_string());
    assert_eq!(next("1996-03-01T00:00:00Z").unwrap(), "2000-02-29T09:00:00Z");
    assert_eq!(next("2026-01-01T00:00:00Z").unwrap(), "2028-02-29T09:00:00Z");
    assert_eq!(next("2096-03-01T00:00:00Z"), None);
    // Cron's years begin in 1970.
    assert_eq!(next("1899-01-01T00:00:00Z").unwrap(), "1972-02-29T09:00:00Z");
}

#[test]
fn what_is_over_says_when_it_was() {
    let when = when("on 1 january 2020 at 6:00");
    assert_eq!(when.first_after(at("2019-06-01T00:00:00Z")), Ok(at("2020-01-01T06:00:00Z")));
    let Err(WhenError::Never(why)) = when.first_after(at("2026-06-01T00:00:00Z")) else { panic!("not refused") };
    assert_eq!(why, "This would never run again: its last time was Wednesday 1 January 2020, 06:00.");
}

#[test]
fn rare_times_are_found_at_once() {
    let start = std::time::Instant::now();
    let rare = [
        "0 0 29 2 *",
        "* * * * * * 2099",
        "*/5 3 29 2 *",
        "every minute on the last day of february",
        "TZ=Europe/Berlin * * * * * * 2099",
        "TZ=Europe/Berlin */5 3 29 2 *",
        "every second on the last day of the month",
    ];

    for text in rare {
        let when = when(text);

        for t in ["2026-11-26T00:00:00Z", "2100-01-01T00:00:00Z", "1971-01-01T00:00:00Z"] {
            let (_, _) = (when.next_after(at(t)), when.latest_until(at(t)));
        }
    }

    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
}
