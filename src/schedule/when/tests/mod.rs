//! Whole schedules: read, counted, said back, written for others.

mod clocks;
mod days;
mod never_panics;
mod oracle;
mod others;
mod said;

use jiff::{Timestamp, tz::TimeZone};

use super::When;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn when(text: &str) -> When {
    When::parse(text, &TimeZone::UTC).unwrap_or_else(|e| panic!("{text}: {e}"))
}
