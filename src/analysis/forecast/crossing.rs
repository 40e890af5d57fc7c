//! When a series reaches a limit: a disk that is full, memory that runs out. The day is where the middle of the forecast
//! reaches it; the earliest and the latest day are where its edges do.

use jiff::Timestamp;

use super::{
    Forecast, Grid, Point, Range, Silence, Step, foresee,
    steps::{self, Steps},
    verdict,
};

/// As many days as this at most.
const FURTHEST: usize = 365;
/// As many times the history as this at most.
const TIMES: usize = 3;
/// Between the earliest and the latest day at most so many times what is left until the day itself.
const WIDE: f64 = 1.5;
/// Two days are always near enough.
const NEAR: f64 = 2.0;

/// A value that a series shall not reach.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Limit {
    /// The value.
    pub value: f64,
    /// From where it is reached.
    pub side: Side,
}

/// From where a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The series rises to it.
    Rising,
    /// The series falls to it.
    Falling,
}

impl Limit {
    /// Whether a value has reached it.
    pub fn reached(self, value: f64) -> bool {
        match self.side {
            Side::Rising => value >= self.value,
            Side::Falling => value <= self.value,
        }
    }
}

/// Whether and when a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "crossing")]
pub enum Crossing {
    /// It is reached now.
    Already,
    /// It will be reached.
    Reached(Reached),
    /// It could be reached, but hardly before this moment.
    NotBefore {
        /// One in ten reach it before.
        early: Timestamp,
    },
    /// It will not be reached until then, which is as far as can be looked.
    NotUntil {
        /// How far was looked.
        until: Timestamp,
        /// Whether the series moves towards the limit at all.
        nearer: bool,
    },
}

/// When a limit will be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reached {
    /// As likely before as after it.
    pub around: Timestamp,
    /// One in ten are earlier.
    pub early: Timestamp,
    /// One in ten are later; nothing where that is further than can be looked.
    pub late: Option<Timestamp>,
}

/// When a series reaches a limit, from its days: at most a year ahead, and at most three times what was seen.
///
/// # Errors
///
/// There is too little to look at, or no day can be named with honour.
pub fn crossing(points: &[Point], limit: Limit, range: Range) -> Result<Crossing, Silence> {
    let grid = Grid::new(points, Step::Day);
    let latest = points.iter().filter(|point| point.value.is_finite()).max_by_key(|point| point.at);
    if latest.is_some_and(|point| limit.reached(point.value)) {
        return Ok(Crossing::Already);
    }
    foreseen(&grid, range)?.crossing(limit)
}

/// What comes on the days ahead, as far as can be looked: where [`crossing`] looks for the limit.
///
/// # Errors
///
/// There is too little to look at.
pub fn days(points: &[Point], range: Range) -> Result<Forecast, Silence> {
    foreseen(&Grid::new(points, Step::Day), range)
}

fn foreseen(grid: &Grid, range: Range) -> Result<Forecast, Silence> {
    verdict::enough(grid, Step::Day, 1)?;
    let grid = match steps::take_out(grid) {
        Steps::Without(grid) => grid,
        Steps::Unclear(need) => return Err(Silence::TooShort { step: Step::Day, have: grid.count(), need }),
    };
    let horizon = FURTHEST.min(TIMES * grid.len());
    foresee(&grid, Step::Day, horizon, range)
}

impl Forecast {
    /// When it reaches a limit.
    ///
    /// # Errors
    ///
    /// No day can be named with honour.
    pub fn crossing(&self, limit: Limit) -> Result<Crossing, Silence> {
        let (first, last) = match limit.side {
            Side::Rising => (&self.high, &self.low),
            Side::Falling => (&self.low, &self.high),
        };
        let until = self.middle(self.median.len().saturating_sub(1)).unwrap_or(Timestamp::MAX);
        let Some(early) = self.reaches(first, limit) else {
            return Ok(Crossing::NotUntil { until, nearer: self.nearer(limit) });
        };
        let days = |at: Timestamp| crate::words::days_between(self.start, at);
        let Some(around) = self.reaches(&self.median, limit) else {
            // Where the edge comes near so soon that the middle means nothing, so does the day.
            let soon = days(early) < days(until) / 4.0;
            return if soon { Err(Silence::TooWide) } else { Ok(Crossing::NotBefore { early }) };
        };
        verdict::better(self)?;
        let late = self.reaches(last, limit);
        let wide = match late {
            Some(late) => days(late) - days(early) > (WIDE * days(around)).max(NEAR),
            // It may be that it is never reached.
            None => days(around) < days(until) / 2.0,
        };
        if wide { Err(Silence::TooWide) } else { Ok(Crossing::Reached(Reached { around, early, late })) }
    }

    /// When a path first reaches the limit, between the middles of two steps.
    fn reaches(&self, path: &[f64], limit: Limit) -> Option<Timestamp> {
        let step = path.iter().position(|value| limit.reached(*value))?;
        let at = self.middle(step)?;
        let Some((before, value)) = step.checked_sub(1).and_then(|n| path.get(n)).zip(path.get(step)) else {
            return Some(at);
        };
        let part = (limit.value - before) / (value - before);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a part of a day")]
        let back = ((1.0 - part.clamp(0.0, 1.0)) * self.step.seconds() as f64) as i64;
        Timestamp::from_second(at.as_second().checked_sub(back)?).ok()
    }

    /// Whether it moves towards the limit by more than it may err.
    fn nearer(&self, limit: Limit) -> bool {
        let (Some(first), Some(last)) = (self.median.first(), self.median.last()) else { return false };
        let (Some(low), Some(high)) = (self.low.last(), self.high.last()) else { return false };
        match limit.side {
            Side::Rising => last - first > last - low,
            Side::Falling => first - last > high - last,
        }
    }
}
