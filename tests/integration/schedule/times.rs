//! Days on which clocks are turned, the year's end, a day that comes every four years: what really ran.

use jiff::{Timestamp, ToSpan as _};

use super::{Site, text};

/// Goes through the time in half hours, as a timer would, and returns when the job ran, in local time.
fn dues(zone: &'static str, when: &str, from: &str, hours: i64) -> Option<Vec<String>> {
    let mut site = Site::new(&format!("[schedule.tick]\nwhen = '{when}'\ndo = 'run'\ncommand = 'true'\n"))?;
    site.zone = zone;
    let start: Timestamp = from.parse().unwrap();
    site.moment(start);
    site.ok(&["schedule", "run", "tick", "--if-due"]);
    for step in 1..=hours * 2 {
        site.moment(start.checked_add((30 * step).minutes()).unwrap());
        site.ok(&["schedule", "run", "tick", "--if-due"]);
    }
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let local = |run: &serde_json::Value| {
        let due: Timestamp = text(run, "due").parse().unwrap();
        due.to_zoned_datetime(zone.clone()).strftime("%a %d %H:%M %Z").to_string()
    };
    Some(site.runs("tick").iter().map(local).collect())
}

#[test]
fn a_job_of_the_night_runs_once_in_every_night() {
    // The hour from 2 to 3 is skipped on 29 March and comes twice on 25 October.
    let Some(spring) = dues("Europe/Berlin", "every day 2:30", "2026-03-28T12:00:00Z", 36) else { return };
    assert_eq!(spring, ["Sun 29 03:00 CEST"]);
    let autumn = dues("Europe/Berlin", "every day 2:30", "2026-10-24T12:00:00Z", 40).unwrap();
    assert_eq!(autumn, ["Sun 25 02:30 CEST", "Mon 26 02:30 CET"]);
    let autumn = dues("America/New_York", "every day 1:30", "2026-10-31T12:00:00Z", 44).unwrap();
    assert_eq!(autumn, ["Sun 01 01:30 EDT", "Mon 02 01:30 EST"]);
    // Clocks go by half an hour there.
    let autumn = dues("Australia/Lord_Howe", "every day 1:45", "2026-04-04T02:00:00Z", 40).unwrap();
    assert_eq!(autumn, ["Sun 05 01:45 +11", "Mon 06 01:45 +1030"]);
}

#[test]
fn a_job_of_every_hour_runs_in_every_hour() {
    let Some(autumn) = dues("Europe/Berlin", "every hour", "2026-10-24T22:10:00Z", 5) else { return };
    assert_eq!(
        autumn,
        ["Sun 25 01:00 CEST", "Sun 25 02:00 CEST", "Sun 25 02:00 CET", "Sun 25 03:00 CET", "Sun 25 04:00 CET"]
    );
}

#[test]
fn the_end_of_the_year_and_the_twenty_ninth_of_february() {
    let Some(end) = dues("UTC", "every month on the 1st at 00:00", "2026-12-31T22:10:00Z", 4) else { return };
    assert_eq!(end, ["Fri 01 00:00 UTC"]);
    let leap = dues("UTC", "29 february 9:00", "2028-02-29T08:10:00Z", 2).unwrap();
    assert_eq!(leap, ["Tue 29 09:00 UTC"]);
    let last = dues("UTC", "last day of the month 23:30", "2027-02-28T22:10:00Z", 3).unwrap();
    assert_eq!(last, ["Sun 28 23:30 UTC"]);
}
