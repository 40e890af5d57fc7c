//! Clocks that are put forward and back, by hand.

use super::{super::When, at, zone};

fn times(text: &str, place: &str, from: &str, to: &str) -> Vec<String> {
    let when = When::parse(text, &zone(place)).unwrap();
    when.between(at(from), at(to)).map(|t| t.to_string()).collect()
}

#[test]
fn a_set_time_that_is_left_out_comes_right_after() {
    // 02:00 to 03:00 is left out on 29 March 2026: the change is at 01:00 UTC.
    let day = |text: &str| times(text, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(day("30 2 * * *"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(day("0,15,30 2 * * *"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(day("0 1,2,3,4 * * *"), ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
    let day = |text: &str| times(text, "America/New_York", "2026-03-07T22:00:00Z", "2026-03-08T22:00:00Z");
    assert_eq!(day("every day at 2:59"), ["2026-03-08T07:00:00Z"]);
    // 02:00 to 02:30 in the only place that goes by half an hour.
    let day = |text: &str| times(text, "Australia/Lord_Howe", "2026-10-03T10:00:00Z", "2026-10-04T10:00:00Z");
    assert_eq!(day("15 2 * * *"), ["2026-10-03T15:30:00Z"]);
    assert_eq!(day("45 2 * * *"), ["2026-10-03T15:45:00Z"]);
}

#[test]
fn a_set_time_that_is_repeated_comes_the_first_time() {
    let day = |text: &str| times(text, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(day("30 2 * * *"), ["2026-10-25T00:30:00Z"]);
    assert_eq!(day("0 2,3 * * *"), ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]);
    // In the repeated hour, what came in the first one was the latest.
    let when = When::parse("30 2 * * *", &zone("Europe/Berlin")).unwrap();
    assert_eq!(when.latest_until(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T00:30:00Z")));
    assert_eq!(when.next_after(at("2026-10-25T01:10:00Z")), Some(at("2026-10-26T01:30:00Z")));
    let day = |text: &str| times(text, "Australia/Lord_Howe", "2026-04-04T06:00:00Z", "2026-04-05T06:00:00Z");
    assert_eq!(day("45 1 * * *"), ["2026-04-04T14:45:00Z"]);
}

#[test]
fn what_flows_goes_by_the_time_that_passes() {
    let hours = |from, to| times("every hour", "Europe/Berlin", from, to).len();
    assert_eq!(hours("2026-03-28T22:59:00Z", "2026-03-29T21:59:00Z"), 23);
    assert_eq!(hours("2026-10-24T21:59:00Z", "2026-10-25T22:59:00Z"), 25);
    let quarters = times("*/15 * * * *", "America/New_York", "2026-11-01T05:29:00Z", "2026-11-01T07:00:00Z");
    assert_eq!(quarters.len(), 7);
    assert_eq!(quarters.first().unwrap(), "2026-11-01T05:30:00Z");
    let half = times("*/30 * * * *", "Australia/Lord_Howe", "2026-10-03T14:59:00Z", "2026-10-03T17:00:00Z");
    assert_eq!(
        half,
        [15, 16]
            .map(|h| [0, 30].map(|m| format!("2026-10-03T{h}:{m:02}:00Z")))
            .concat()
            .into_iter()
            .chain(["2026-10-03T17:00:00Z".to_owned()])
            .collect::<Vec<_>>()
    );
    // Only in the hour that is left out: nothing that day.
    assert!(times("*/15 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T22:00:00Z").is_empty());
}

#[test]
fn the_last_times_of_a_year_that_fall_into_a_repeated_hour() {
    let when = When::parse("0 30 * 25 10 * 2026", &zone("Europe/Berlin")).unwrap();
    let all: Vec<_> = when.between(at("2026-10-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).collect();
    assert_eq!(all.len(), 25);
    let when = When::parse("0 */30 2 25 10 * 2026", &zone("Europe/Berlin")).unwrap();
    assert_eq!(when.next_after(at("2026-10-25T00:45:00Z")), Some(at("2026-10-25T01:00:00Z")));
    assert_eq!(when.latest_until(at("2026-10-25T01:15:00Z")), Some(at("2026-10-25T01:00:00Z")));
    assert_eq!(when.next_after(at("2026-10-25T01:30:00Z")), None);
    let when = When::parse("0 30/30 2 25 10 * 2026", &zone("Europe/Berlin")).unwrap();
    assert_eq!(when.latest_until(at("2026-10-25T01:15:00Z")), Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn a_day_that_was_left_out() {
    // Samoa went from 29 to 31 December 2011: midnight of the 31st is 10:00 UTC of the 30th.
    let day = |text: &str| times(text, "Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-01T12:00:00Z");
    assert_eq!(
        day("0 7 * * *"),
        ["2011-12-29T17:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T17:00:00Z", "2011-12-31T17:00:00Z"]
    );
    assert_eq!(day("every friday 7:00"), ["2011-12-30T10:00:00Z"]);
    assert_eq!(
        day("0 */12 * * *"),
        [
            "2011-12-29T22:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T22:00:00Z",
            "2011-12-31T10:00:00Z",
            "2011-12-31T22:00:00Z",
            "2012-01-01T10:00:00Z"
        ]
    );
    let when = When::parse("every friday 7:00", &zone("Pacific/Apia")).unwrap();
    assert_eq!(when.latest_until(at("2011-12-30T20:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
    assert_eq!(when.next_after(at("2011-12-30T10:00:00Z")), Some(at("2012-01-05T17:00:00Z")));
}

#[test]
fn a_zone_in_the_text_is_the_one_that_counts() {
    let next = |text: &str| When::parse(text, &zone("Asia/Tokyo")).unwrap().next_after(at("2026-11-26T00:00:00Z"));
    assert_eq!(next("0 7 * * *"), Some(at("2026-11-26T22:00:00Z")));
    assert_eq!(next("TZ=Europe/Berlin 0 7 * * *"), Some(at("2026-11-26T06:00:00Z")));
    assert_eq!(next("CRON_TZ=\"europe/berlin\" every day 7:00"), Some(at("2026-11-26T06:00:00Z")));
    assert_eq!(next("every day 7:00 UTC"), Some(at("2026-11-26T07:00:00Z")));
    assert_eq!(next("0 7 * * * America/Argentina/Buenos_Aires"), Some(at("2026-11-26T10:00:00Z")));
}
