//! Times as people name them: `last-week`, `yesterday`, `2026-11-16`, `2026-11-01..2026-11-08`, or before and after a
//! moment.

use jiff::{Span, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

/// A time with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// What people call it: `last week`.
    pub name: String,
    /// From when on.
    pub from: Timestamp,
    /// Until before when.
    pub to: Timestamp,
}

/// The names that are known.
pub const NAMES: [&str; 6] = ["today", "yesterday", "this-week", "last-week", "this-month", "last-month"];

impl Period {
    /// The time that a word means; none when it means none.
    pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let days = |from: Date, to: Date| Some((begins(from, zone)?, begins(to, zone)?.min(now)));
        let today = zone.to_datetime(now).date();
        let week =
            today.checked_sub(Span::new().try_days(i64::from(today.weekday().to_monday_zero_offset())).ok()?).ok()?;
        let month = today.first_of_month();
        let tomorrow = today.checked_add(1.day()).ok()?;
        let (from, to) = match text {
            "today" => days(today, tomorrow)?,
            "yesterday" => days(today.checked_sub(1.day()).ok()?, today)?,
            "this-week" => days(week, tomorrow)?,
            "last-week" => days(week.checked_sub(7.days()).ok()?, week)?,
            "this-month" => days(month, tomorrow)?,
            "last-month" => days(month.checked_sub(1.month()).ok()?, month)?,
            text => {
                let (from, to) = text.split_once("..")?;
                let (from, to): (Date, Date) = (from.parse().ok()?, to.parse().ok()?);
                // The last day counts.
                days(from, to.checked_add(1.day()).ok()?)?
            }
        };
        let name = if NAMES.contains(&text) { text.replace('-', " ") } else { text.replace("..", " to ") };
        (from < to).then_some(Period { name, from, to })
    }

    /// What it is compared with where nothing else is named: of this week the last one, of any other time the same length
    /// before it.
    pub fn before(&self, now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let whole = [("today", "yesterday"), ("this week", "last-week"), ("this month", "last-month")];
        if let Some((_, before)) = whole.iter().find(|(name, _)| *name == self.name) {
            return Period::parse(before, now, zone);
        }
        let length = self.to.duration_since(self.from);
        let from = self.from.checked_sub(length).ok()?;
        let name = format!("the {} before", crate::metrics::said::length(from, self.from));
        Some(Period { name, from, to: self.from })
    }

    /// The times before and after a moment: as long as each other, at most `most`.
    pub fn around(name: &str, moment: Timestamp, now: Timestamp, most: jiff::SignedDuration) -> Option<(Self, Self)> {
        let long = now.duration_since(moment).min(most);
        let from = moment.checked_sub(long).ok()?;
        let to = moment.checked_add(long).ok()?;
        let period = |word: &str, from, to| Period { name: format!("{word} {name}"), from, to };
        (from < moment && moment < to).then(|| (period("before", from, moment), period("after", moment, to)))
    }
}

fn begins(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, String)> {
        // A Thursday, in a week in which clocks change.
        let now: Timestamp = "2026-10-29T14:30:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let period = Period::parse(text, now, &zone)?;
        let say = |at: Timestamp| zone.to_datetime(at).strftime("%m-%d %H:%M").to_string();
        Some((say(period.from), say(period.to)))
    }

    #[test]
    fn a_time_alone_is_compared_with_the_one_before() {
        let now: Timestamp = "2026-10-29T14:30:00Z".parse().unwrap();
        let zone = TimeZone::UTC;
        let before = |text: &str| Period::parse(text, now, &zone).unwrap().before(now, &zone).unwrap();
        assert_eq!(before("this-week"), Period::parse("last-week", now, &zone).unwrap());
        assert_eq!(before("today"), Period::parse("yesterday", now, &zone).unwrap());
        let days = before("2026-10-06..2026-10-07");
        assert_eq!((days.name.as_str(), days.to), ("the 48 hours before", "2026-10-06T00:00:00Z".parse().unwrap()));
        assert_eq!(days.from, "2026-10-04T00:00:00Z".parse().unwrap());
        assert_eq!(before("last-week").name, "the 7 days before");
    }

    #[test]
    fn words_mean_times() {
        let at = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(told("today"), at("10-29 00:00", "10-29 15:30"));
        assert_eq!(told("yesterday"), at("10-28 00:00", "10-29 00:00"));
        assert_eq!(told("this-week"), at("10-26 00:00", "10-29 15:30"));
        assert_eq!(told("last-week"), at("10-19 00:00", "10-26 00:00"));
        assert_eq!(told("last-month"), at("09-01 00:00", "10-01 00:00"));
        assert_eq!(told("2026-10-01..2026-10-07"), at("10-01 00:00", "10-08 00:00"));
        for wrong in ["", "7", "last", "2026-10-07..2026-10-01", "2030-01-01..2030-01-02", "..", "next-week"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn before_and_after_are_as_long_as_each_other() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let week = jiff::SignedDuration::from_hours(168);
        let (before, after) =
            Period::around("the update", at("2026-11-20T00:00:00Z"), at("2026-11-23T00:00:00Z"), week).unwrap();
        assert_eq!((before.from, before.to), (at("2026-11-17T00:00:00Z"), at("2026-11-20T00:00:00Z")));
        assert_eq!((after.to, after.name.as_str()), (at("2026-11-23T00:00:00Z"), "after the update"));
        let (before, _) = Period::around("it", at("2026-01-20T00:00:00Z"), at("2026-11-23T00:00:00Z"), week).unwrap();
        assert_eq!(before.from, at("2026-01-13T00:00:00Z"));
        assert_eq!(Period::around("it", at("2026-12-20T00:00:00Z"), at("2026-11-23T00:00:00Z"), week), None);
    }
}
