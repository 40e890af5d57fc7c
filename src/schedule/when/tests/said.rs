//! What people read.

use jiff::tz::TimeZone;

use super::{super::When, when};

/// Schedules of all kinds; those that begin with `-` are said in words that are for reading only.
pub(super) const SCHEDULES: &str = include_str!("schedules.txt");

pub(super) fn schedules() -> impl Iterator<Item = &'static str> {
    SCHEDULES
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| l.trim_start_matches("- "))
}

#[test]
fn every_schedule_is_said_back() {
    let lines: Vec<String> = schedules().map(|text| format!("{text:<52} {}", when(text).says())).collect();
    assert!(lines.len() >= 60, "{}", lines.len());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_said_means_the_same_when_it_is_read() {
    for line in SCHEDULES.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let text = line.trim_start_matches("- ");
        let (known, said) = (when(text), when(text).says());
        match When::parse(&said, &TimeZone::UTC) {
            Ok(read) => assert_eq!(read, known, "{text}: {said}"),
            Err(e) => assert!(line.starts_with("- "), "{text}: {said}: {e}"),
        }
    }
}

#[test]
fn every_mistake_is_explained() {
    let wrong = include_str!("mistakes.txt").lines().filter(|l| !l.trim().is_empty());
    let lines: Vec<String> = wrong
        .map(|text| match When::parse(text, &TimeZone::UTC) {
            Ok(read) => panic!("{text} was read as {}", read.says()),
            Err(e) => format!("{text}\n    {e}"),
        })
        .collect();
    assert!(lines.len() >= 30, "{}", lines.len());
    insta::assert_snapshot!(lines.join("\n"));
}
