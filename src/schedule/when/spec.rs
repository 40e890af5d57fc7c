//! What a schedule asks for, before it is counted: days, months, years and times of day.

use std::collections::{BTreeMap, BTreeSet};

use super::set::Set;

/// A schedule as it was read.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) days: Days,
    /// 1 to 12.
    pub(super) months: Set,
    /// Every year where there is none.
    pub(super) years: Option<BTreeSet<u32>>,
    pub(super) clocks: Vec<Clock>,
    /// Whether it goes by the time that really passes: it runs in both of two repeated hours, and not for an hour that is
    /// left out. As with cron, this is so where the minute or the hour is a `*`.
    pub(super) flowing: bool,
}

/// Which days of the months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Days {
    Every,
    /// 1 to 31.
    OfMonth(Set),
    /// Sunday is 0.
    OfWeek(Set),
    /// Days of the month, and these weekdays besides.
    Either(Set, Set),
    /// Days of the month where they are one of these weekdays.
    Both(Set, Set),
    /// The first to fifth (1 to 5) or last (0) of these weekdays.
    Nth(Set, Set),
    LastDay,
}

/// Each second of each minute of each hour of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hours: Set,
    pub(super) minutes: Set,
    pub(super) seconds: Set,
}

impl Days {
    /// The days on which the first (1) to fifth of each weekday falls.
    pub(super) fn nth(n: u32) -> Set {
        Set::steps(n * 7 - 6, (n * 7).min(31), 1)
    }

    /// The days that cron means by its two fields; `all` where both must agree.
    pub(super) fn of(month: Set, week: Set, all: bool) -> Days {
        match (month == Set::DAYS, week == Set::WEEKDAYS) {
            (true, true) => Days::Every,
            (true, false) if all => Days::OfWeek(week),
            (false, true) if all => Days::OfMonth(month),
            (false, false) if all => match (1..=5).find(|n| Days::nth(*n) == month) {
                Some(n) => Days::Nth(Set::one(n), week),
                None => Days::Both(month, week),
            },
            (false, false) => Days::Either(month, week),
            _ => Days::Every,
        }
    }
}

impl Clock {
    /// The fewest clocks that give these times of day, in seconds after midnight.
    pub(super) fn of(times: impl Iterator<Item = u32>) -> Vec<Clock> {
        let mut hours: BTreeMap<(u32, u32), Set> = BTreeMap::new();
        for time in times {
            hours.entry((time % 60, time / 3600)).or_default().insert(time / 60 % 60);
        }
        let mut clocks: Vec<Clock> = Vec::new();
        for ((second, hour), minutes) in hours {
            let seconds = Set::one(second);
            match clocks.iter_mut().find(|c| c.seconds == seconds && c.minutes == minutes) {
                Some(clock) => clock.hours.insert(hour),
                None => clocks.push(Clock { hours: Set::one(hour), minutes, seconds }),
            }
        }
        clocks
    }

    /// Its times of day in seconds after midnight.
    fn times(&self) -> impl Iterator<Item = u32> {
        let minutes = |hour| self.minutes.iter().map(move |m| hour * 3600 + m * 60);
        self.hours.iter().flat_map(minutes).flat_map(|minute| self.seconds.iter().map(move |s| minute + s))
    }
}

impl Spec {
    /// All times of day, in seconds after midnight, rising.
    pub(super) fn times(&self) -> Vec<u32> {
        let all: BTreeSet<u32> = self.clocks.iter().flat_map(Clock::times).collect();
        all.into_iter().collect()
    }

    /// Whether every hour of every day is the same.
    pub(super) fn every_hour(&self) -> bool {
        self.days == Days::Every
            && self.months == Set::MONTHS
            && self.years.is_none()
            && self.clocks.iter().all(|c| c.hours == Set::HOURS)
    }
}

impl PartialEq for Spec {
    /// Whether they mean the same, however it was written.
    fn eq(&self, other: &Spec) -> bool {
        self.days == other.days
            && self.months == other.months
            && self.years == other.years
            && self.flowing == other.flowing
            && (self.clocks == other.clocks || self.times() == other.times())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_put_together_and_come_apart_again() {
        let times = [7 * 3600, 7 * 3600 + 1800, 19 * 3600, 19 * 3600 + 1800, 20 * 3600, 20 * 3600 + 5];
        let clocks = Clock::of(times.into_iter());
        assert_eq!(clocks.len(), 3);
        let mut back: Vec<u32> = clocks.iter().flat_map(Clock::times).collect();
        back.sort_unstable();
        assert_eq!(back, times);
    }

    #[test]
    fn a_field_that_says_all_adds_nothing() {
        let monday = Set::one(1);
        assert_eq!(Days::of(Set::DAYS, monday, false), Days::Every);
        assert_eq!(Days::of(Set::DAYS, monday, true), Days::OfWeek(monday));
        assert_eq!(Days::of(Set::one(1), monday, false), Days::Either(Set::one(1), monday));
        assert_eq!(Days::of(Set::steps(8, 14, 1), monday, true), Days::Nth(Set::one(2), monday));
    }
}
