//! From one time to the next: the cron crate counts on the calendar, without time zones.

use std::{collections::BTreeSet, str::FromStr as _};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use cron::Schedule;
use jiff::civil::DateTime;

use super::{
    error::{WhenError, wrong},
    fields::YEARS,
    set::Set,
    spec::{Clock, Days, Spec},
};

/// One schedule of the cron crate, and what it cannot say.
#[derive(Debug, Clone)]
pub(super) struct Part {
    schedule: Schedule,
    years: Option<BTreeSet<u32>>,
    /// Only among the last so many days of the month.
    last: Option<u32>,
}

/// The parts whose times are those of a schedule. The cron crate wants both fields of the day to agree, so where one of
/// them is enough there are two parts.
///
/// # Errors
/// Never for fields that were read by this room.
pub(super) fn parts(spec: &Spec) -> Result<Vec<Part>, WhenError> {
    let days: Vec<(Set, Set, Option<u32>)> = match spec.days {
        Days::Every => vec![(Set::DAYS, Set::WEEKDAYS, None)],
        Days::OfMonth(days) => vec![(days, Set::WEEKDAYS, None)],
        Days::OfWeek(days) => vec![(Set::DAYS, days, None)],
        Days::Either(month, week) => vec![(month, Set::WEEKDAYS, None), (Set::DAYS, week, None)],
        Days::Both(month, week) => vec![(month, week, None)],
        Days::LastDay => vec![(Set::steps(28, 31, 1), Set::WEEKDAYS, Some(1))],
        Days::Nth(places, week) => places
            .iter()
            .map(|n| match n {
                0 => (Set::steps(22, 31, 1), week, Some(7)),
                n => (Days::nth(n), week, None),
            })
            .collect(),
    };
    let mut found = Vec::new();
    for (month, week, last) in days {
        for clock in &spec.clocks {
            let schedule = schedule(spec, clock, month, week)?;
            found.push(Part { schedule, years: spec.years.clone(), last });
        }
    }
    Ok(found)
}

fn schedule(spec: &Spec, clock: &Clock, month: Set, week: Set) -> Result<Schedule, WhenError> {
    let list = |set: Set, all: Set, shift: u32| {
        let numbers: Vec<String> = set.iter().map(|n| (n + shift).to_string()).collect();
        if set == all { "*".to_owned() } else { numbers.join(",") }
    };
    let years: Vec<String> = spec.years.iter().flatten().map(ToString::to_string).collect();
    let text = format!(
        "{} {} {} {} {} {} {}",
        list(clock.seconds, Set::MINUTES, 0),
        list(clock.minutes, Set::MINUTES, 0),
        list(clock.hours, Set::HOURS, 0),
        list(month, Set::DAYS, 0),
        list(spec.months, Set::MONTHS, 0),
        // Its Sunday is 1.
        list(week, Set::WEEKDAYS, 1),
        if spec.years.is_some() { years.join(",") } else { "*".to_owned() },
    );
    Schedule::from_str(&text).or_else(|e| wrong(format!("This schedule cannot be counted: {e}.")))
}

/// The first time on the calendar after `from`.
pub(super) fn next(parts: &[Part], from: DateTime) -> Option<DateTime> {
    parts.iter().filter_map(|part| part.next(from)).min()
}

/// The last time on the calendar up to `upto`.
pub(super) fn last(parts: &[Part], upto: DateTime) -> Option<DateTime> {
    parts.iter().filter_map(|part| part.last(upto)).max()
}

impl Part {
    fn next(&self, from: DateTime) -> Option<DateTime> {
        let mut from = calendar(from)?;
        loop {
            let found = self.schedule.after(&from.and_utc()).next()?.naive_utc();
            if self.has_day(found) {
                return civil(found);
            }
            from = found.date().and_hms_opt(23, 59, 59)?;
        }
    }

    fn last(&self, upto: DateTime) -> Option<DateTime> {
        let mut upto = calendar(upto)?;
        loop {
            upto = self.in_years(upto)?;
            // The crate looks before a time, and this asks up to it.
            let before = upto.checked_add_signed(chrono::Duration::seconds(1))?;
            let found = self.schedule.after(&before.and_utc()).next_back()?.naive_utc();
            if self.has_day(found) {
                return civil(found);
            }
            upto = found.date().pred_opt()?.and_hms_opt(23, 59, 59)?;
        }
    }

    fn has_day(&self, time: NaiveDateTime) -> bool {
        let length = u32::from(time.date().num_days_in_month());
        self.last.is_none_or(|last| time.day() + last > length)
    }

    /// This time, or the end of the last of the years before it: going back, the crate takes the first year that it
    /// comes to for the one it began in.
    fn in_years(&self, upto: NaiveDateTime) -> Option<NaiveDateTime> {
        let year = u32::try_from(upto.year()).ok()?;
        let wanted = match &self.years {
            Some(years) => *years.range(..=year).next_back()?,
            None => year.min(*YEARS.end()),
        };
        if wanted == year { Some(upto) } else { end_of(wanted) }
    }
}

fn end_of(year: u32) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 12, 31)?.and_hms_opt(23, 59, 59)
}

/// In the crate's terms; no earlier than just before the first year that can be counted.
fn calendar(time: DateTime) -> Option<NaiveDateTime> {
    let n = |n: i8| u32::try_from(n).ok();
    let date = NaiveDate::from_ymd_opt(i32::from(time.year()), n(time.month())?, n(time.day())?)?;
    let time = date.and_hms_opt(n(time.hour())?, n(time.minute())?, n(time.second())?)?;
    Some(time.max(end_of(YEARS.start() - 1)?))
}

fn civil(time: NaiveDateTime) -> Option<DateTime> {
    let n = |n: u32| i8::try_from(n).ok();
    DateTime::new(
        i16::try_from(time.year()).ok()?,
        n(time.month())?,
        n(time.day())?,
        n(time.hour())?,
        n(time.minute())?,
        n(time.second())?,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Part> {
        parts(&super::super::fields::parse(text).unwrap()).unwrap()
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn backwards_over_a_year_that_is_left_out() {
        let parts = of("0 0 7 * * * 2020,2030");
        assert_eq!(last(&parts, at("2025-03-01T00:00:00")), Some(at("2020-12-31T07:00:00")));
        assert_eq!(last(&parts, at("2019-03-01T00:00:00")), None);
    }

    #[test]
    fn the_edges_of_what_can_be_counted() {
        let parts = of("0 0 * * *");
        assert_eq!(next(&parts, at("0001-01-01T00:00:00")), Some(at("1970-01-01T00:00:00")));
        assert_eq!(next(&parts, at("2100-12-31T00:00:00")), None);
        assert_eq!(last(&parts, at("9999-12-31T00:00:00")), Some(at("2100-12-31T00:00:00")));
        assert_eq!(last(&parts, at("1969-12-31T23:59:59")), None);
        assert_eq!(last(&parts, at("-000044-03-15T00:00:00")), None);
    }

    #[test]
    fn leap_days_by_the_rule_of_centuries() {
        let parts = of("0 0 29 2 *");
        assert_eq!(next(&parts, at("1996-03-01T00:00:00")), Some(at("2000-02-29T00:00:00")));
        assert_eq!(last(&parts, at("2004-02-28T00:00:00")), Some(at("2000-02-29T00:00:00")));
        // 2100 is no leap year, and 2104 is beyond the crate's calendar.
        assert_eq!(next(&parts, at("2096-03-01T00:00:00")), None);
        assert_eq!(last(&parts, at("2100-12-31T00:00:00")), Some(at("2096-02-29T00:00:00")));
    }
}
