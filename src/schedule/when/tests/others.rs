//! What systemd and cron make of a schedule that is written for them.

use std::process::Command;

use jiff::{Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::{
    super::When,
    at,
    oracle::{difference, expression, fires, place},
    said::schedules,
    when, zone,
};

const SYSTEMD: &str = "/usr/bin/systemd-analyze";

/// Whether systemd is there to be asked; where all tests are wanted it must be.
fn systemd() -> bool {
    let there = std::path::Path::new(SYSTEMD).exists();
    assert!(there || std::env::var_os("CLEANBILL_ALL_TESTS").is_none(), "{SYSTEMD} is missing");
    there
}

/// The first `n` times after `base` of lines for `OnCalendar=`, as systemd counts them.
fn asked(lines: &[String], base: Timestamp, n: usize) -> Vec<Timestamp> {
    let out = Command::new(SYSTEMD)
        .env_clear()
        .envs([("TZ", "UTC"), ("LC_ALL", "C")])
        .args(["calendar", &format!("--iterations={n}"), &format!("--base-time=@{}", base.as_second())])
        .args(lines)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{lines:?}: {}", String::from_utf8_lossy(&out.stderr));
    let line = |line: &str| {
        let (key, value) = line.trim().split_once(": ")?;
        let mut words = value.split_whitespace().skip(1);
        let time = (key.starts_with("Next elapse") || key.starts_with("Iter")).then(|| words.next().zip(words.next()));
        let (day, time) = time??;
        TimeZone::UTC.to_timestamp(format!("{day}T{time}").parse::<DateTime>().unwrap()).ok()
    };
    let mut times: Vec<Timestamp> = text.lines().filter_map(line).collect();
    times.sort_unstable();
    times.dedup();
    times.truncate(n);
    times
}

fn check(text: &str, when: &When, base: Timestamp, n: usize) {
    let ours: Vec<Timestamp> = when.between(base, Timestamp::MAX).take(n).collect();
    assert!(!ours.is_empty() || when.latest_until(base).is_some(), "{text}");
    assert_eq!(asked(&when.calendar(), base, n), ours, "{text}: {:?}", when.calendar());
}

#[test]
fn systemd_counts_the_same_times() {
    if !systemd() {
        return;
    }
    for text in schedules() {
        for base in ["2026-11-26T06:00:00Z", "2027-12-28T23:00:10Z", "2028-02-26T12:00:00Z"] {
            check(text, &when(text), at(base), 8);
        }
    }
}

#[test]
fn systemd_keeps_to_the_clock_of_a_named_zone() {
    if !systemd() {
        return;
    }
    // Over both changes of the clocks, away from the hours that are changed.
    for text in
        ["every day 7:00 Europe/Berlin", "TZ=America/New_York 0 12 * * 0", "every day 12:00 Australia/Lord_Howe"]
    {
        check(text, &when(text), at("2026-03-01T00:00:00Z"), 300);
    }
    // What flows does so through a repeated hour, and an hour that is left out.
    for text in ["every hour Europe/Berlin", "*/15 * * * * America/New_York", "*/30 * * * * Australia/Lord_Howe"] {
        for base in ["2026-03-07T20:00:00Z", "2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z", "2026-11-01T01:00:00Z"] {
            check(text, &when(text), at(base), 60);
        }
    }
}

#[test]
fn lines_for_systemd() {
    let lines = |text: &str| When::parse(text, &zone("Europe/Berlin")).unwrap().calendar();
    assert_eq!(lines("every monday 7:00"), ["Mon *-*-* 07:00:00"]);
    assert_eq!(lines("last friday of the month 17:00"), ["Fri *-*~07/1 17:00:00"]);
    assert_eq!(lines("first sunday of the month 3:00 Asia/Tokyo"), ["Sun *-*-01..07 03:00:00 Asia/Tokyo"]);
    assert_eq!(lines("last day of the month 23:30"), ["*-*~01 23:30:00"]);
    assert_eq!(lines("0 6 1,15 * 5"), ["*-*-01,15 06:00:00", "Fri *-*-* 06:00:00"]);
    assert_eq!(lines("every hour"), ["*-*-* *:00:00 UTC"]);
}

#[test]
fn lines_for_cron() {
    let lines = |text: &str| -> Vec<String> {
        let when = When::parse(text, &zone("Europe/Berlin")).unwrap();
        when.crontab().iter().map(|l| format!("{}{}", l.fields, if l.exact { "" } else { " +" })).collect()
    };
    assert_eq!(lines("every monday 7:00"), ["0 7 * * 1"]);
    assert_eq!(lines("every day at 7:00 and 19:30"), ["0 7 * * *", "30 19 * * *"]);
    assert_eq!(lines("0 6 1,15 * 5"), ["0 6 1,15 * 5"]);
    assert_eq!(lines("0 6 */2 * 5"), ["0 6 */2 * 5"]);
    assert_eq!(lines("every 15 minutes"), ["*/15 * * * *"]);
    assert_eq!(lines("0 0-23 * * *"), ["0 0-23 * * *"]);
    assert_eq!(lines("first sunday of the month 3:00"), ["0 3 1-7 * */7"]);
    assert_eq!(lines("first monday of the month 3:00"), ["0 3 * * 1 +"]);
    assert_eq!(lines("last friday of the month 17:00"), ["0 17 * * 5 +"]);
    assert_eq!(lines("last day of the month 23:30"), ["30 23 28-31 * * +"]);
    assert_eq!(lines("every 90 minutes"), ["0 0,3,6,9,12,15,18,21 * * *", "30 1,4,7,10,13,16,19,22 * * *"]);
    assert_eq!(lines("every 24 hours"), ["0 0 * * *"]);
    assert_eq!(lines("every 30 seconds"), ["* * * * * +"]);
    assert_eq!(lines("0 0 7 * * * 2030"), ["0 7 * * * +"]);
    assert_eq!(lines("every day 7:00 America/New_York"), ["0 * * * * +"]);
    assert_eq!(lines("every day 7:20 America/New_York"), ["0,20 * * * * +"]);
    assert_eq!(lines("every day 7:30 Asia/Kolkata"), ["*/15 * * * * +"]);
    assert_eq!(lines("every day 7:20 Asia/Kolkata"), ["* * * * * +"]);
}

/// Cron runs at each time of a schedule by one of its lines, and where they are exact at no other.
fn check_cron(when: &When, home: &TimeZone, from: Timestamp) -> Result<(), TestCaseError> {
    let to = from + 120.hours();
    let lines = when.crontab();
    let mut cron: Vec<Timestamp> = lines.iter().flat_map(|l| fires(&l.fields, home, from, to, 60)).collect();
    cron.sort_unstable();
    cron.dedup();
    let minute = |t: Timestamp| if t.as_second() % 60 == 0 { t } else { t + (60 - t.as_second() % 60).seconds() };
    let ours: Vec<Timestamp> = when.between(from, to).map(minute).filter(|t| *t <= to).collect();
    if lines.iter().all(|l| l.exact) {
        prop_assert_eq!(difference(&cron, &ours), None, "{:?}", lines);
    } else {
        for t in ours {
            prop_assert!(cron.binary_search(&t).is_ok(), "{} is not among the times of {:?}", t, lines);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn cron_runs_at_every_time(text in expression(), (home, from) in place()) {
        if let Ok(when) = When::parse(&text, &home) {
            check_cron(&when, &home, from)?;
        }
    }

    #[test]
    fn cron_of_another_zone_runs_at_every_time(text in expression(), (home, from) in place(), (other, _) in place()) {
        let text = format!("TZ={} {text}", other.iana_name().unwrap());
        if let Ok(when) = When::parse(&text, &home) {
            check_cron(&when, &home, from)?;
        }
    }

    #[test]
    fn cron_runs_at_every_time_of_plain_words(
        text in proptest::sample::select(schedules().collect::<Vec<_>>()),
        (home, from) in place(),
    ) {
        check_cron(&When::parse(text, &home).unwrap(), &home, from)?;
    }
}
