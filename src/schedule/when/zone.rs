//! From times on the calendar to moments, over clocks that are put forward and back.
//!
//! As with cron, a job at a set time of day that falls into an hour that is left out runs right after the change, and
//! one in a repeated hour runs the first time only. A job that flows, as every hour or every 15 minutes does, runs
//! whenever the clock shows one of its times.

use jiff::{
    Timestamp, ToSpan as _,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::walk::{self, Part};

/// Clocks are never put back by more seconds than this. So where the calendar holds no more times, none come again
/// by a change that is further away.
const REPEATED: i64 = 2 * 86_400;

/// A schedule's times in a zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) parts: &'a [Part],
    pub(super) zone: &'a TimeZone,
    pub(super) flowing: bool,
}

impl Walk<'_> {
    /// The first moment after `t`.
    pub(super) fn next(self, t: Timestamp) -> Option<Timestamp> {
        if self.flowing { self.next_flowing(t) } else { self.next_set(t) }
    }

    /// The last moment up to `t`.
    pub(super) fn latest(self, t: Timestamp) -> Option<Timestamp> {
        if self.flowing { self.latest_flowing(t) } else { self.latest_set(t) }
    }

    fn next_set(self, t: Timestamp) -> Option<Timestamp> {
        let mut civil = self.reached(t);
        loop {
            civil = walk::next(self.parts, civil)?;
            let moment = moment(self.zone, civil)?;
            if moment > t {
                return Some(moment);
            }
        }
    }

    fn latest_set(self, t: Timestamp) -> Option<Timestamp> {
        let mut civil = self.reached(t);
        loop {
            civil = walk::last(self.parts, civil)?;
            let moment = moment(self.zone, civil)?;
            if moment <= t {
                return Some(moment);
            }
            civil = civil.checked_sub(1.second()).ok()?;
        }
    }

    /// The latest time that clocks have shown up to `t`. Where they were put back just before, that is later than what
    /// they show now.
    fn reached(self, t: Timestamp) -> DateTime {
        let now = self.zone.to_datetime(t);
        let before = change_upto(self.zone, t).map(|change| {
            let end = change.before.to_datetime(change.at);
            end.checked_sub(1.second()).unwrap_or(end)
        });
        before.map_or(now, |before| before.max(now))
    }

    fn next_flowing(self, t: Timestamp) -> Option<Timestamp> {
        let mut from = t;
        let mut civil = self.zone.to_datetime(t);
        loop {
            // Between two changes, clock and time go side by side.
            let offset = self.zone.to_offset(from);
            let end = self.zone.following(from).next().map(|change| change.timestamp());
            let found = walk::next(self.parts, civil).and_then(|c| offset.to_timestamp(c).ok());
            match (found, end) {
                (Some(found), None) => return Some(found),
                (Some(found), Some(end)) if found < end => return Some(found),
                (None, end) if end.is_none_or(|end| seconds(from, end) > REPEATED) => return None,
                (_, end) => {
                    from = end?;
                    civil = self.zone.to_datetime(from).checked_sub(1.second()).ok()?;
                }
            }
        }
    }

    fn latest_flowing(self, t: Timestamp) -> Option<Timestamp> {
        let mut upto = t;
        loop {
            let offset = self.zone.to_offset(upto);
            let start = change_before(self.zone, upto);
            let found = walk::last(self.parts, offset.to_datetime(upto)).and_then(|c| offset.to_timestamp(c).ok());
            match (found, start) {
                (Some(found), None) => return Some(found),
                (Some(found), Some(start)) if found >= start => return Some(found),
                (None, start) if start.is_none_or(|start| seconds(start, upto) > REPEATED) => return None,
                (_, start) => upto = start?.checked_sub(1.nanosecond()).ok()?,
            }
        }
    }
}

/// The moment at which a time of the calendar comes: the first of two, and right after the change where it is left out.
fn moment(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            let after = before.to_timestamp(civil).ok()?;
            Some(change_upto(zone, after).map_or(after, |change| change.at))
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second())
}

/// Clocks put forward or back.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: Timestamp,
    before: Offset,
}

/// The last change of the clocks up to `t`.
fn change_upto(zone: &TimeZone, t: Timestamp) -> Option<Change> {
    let after = t.checked_add(1.nanosecond()).ok()?;
    zone.preceding(after).find_map(|change| {
        let at = change.timestamp();
        let before = zone.to_offset(at.checked_sub(1.nanosecond()).ok()?);
        (before != change.offset()).then_some(Change { at, before })
    })
}

/// The start of the time up to `t` in which clocks were not changed.
fn change_before(zone: &TimeZone, t: Timestamp) -> Option<Timestamp> {
    let after = t.checked_add(1.nanosecond()).ok()?;
    zone.preceding(after).next().map(|change| change.timestamp())
}

/// How far clocks of a zone are from UTC, in minutes, from 2020 to 2100; each once.
pub(super) fn distances(zone: &TimeZone) -> Vec<i32> {
    let Ok(start) = Timestamp::from_second(1_577_836_800) else { return Vec::new() };
    let end = 4_102_444_800;
    let later = zone.following(start).take_while(|change| change.timestamp().as_second() < end);
    let mut found: Vec<i32> = later.map(|change| change.offset().seconds() / 60).collect();
    found.push(zone.to_offset(start).seconds() / 60);
    found.sort_unstable();
    found.dedup();
    found
}
