//! Forecasts of one series: what is likely next, how sure that is, and when a limit is reached; or a reason why nothing
//! can be said. It computes from points alone: it reads no machine and no store, and prints nothing.

mod backtest;
mod crossing;
mod grid;
mod interval;
pub mod methods;
mod rank;
mod steps;
#[cfg(test)]
mod tests;
mod verdict;
pub mod words;

pub use crossing::{Crossing, Limit, Reached, Side, crossing, days};
pub use grid::{Grid, MOST};
pub use interval::COVERED;
pub use methods::Method;
pub use verdict::Silence;

use jiff::Timestamp;

use self::{backtest::Backtest, interval::Distances};

/// A value of a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: f64,
}

/// How far the values of a forecast are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Means of hours, to look days ahead.
    Hour,
    /// Means of days, to look weeks and months ahead.
    Day,
}

impl Step {
    /// How long it is.
    pub fn seconds(self) -> i64 {
        match self {
            Step::Hour => 3600,
            Step::Day => 86_400,
        }
    }

    /// The seasons that machines have, in steps, shortest first: a day, a week.
    pub fn seasons(self) -> &'static [usize] {
        match self {
            Step::Hour => &[24, 168],
            Step::Day => &[7],
        }
    }

    /// The shortest season.
    pub fn season(self) -> usize {
        self.seasons().first().copied().unwrap_or(1)
    }
}

/// What values a metric can have.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Range {
    /// Not below.
    pub low: Option<f64>,
    /// Not above.
    pub high: Option<f64>,
}

impl Range {
    /// A part of a whole.
    pub const SHARE: Range = Range { low: Some(0.0), high: Some(1.0) };
    /// Bytes, counts, times.
    pub const AMOUNT: Range = Range { low: Some(0.0), high: None };

    /// The nearest value that is possible.
    pub fn clip(self, value: f64) -> f64 {
        let value = self.low.map_or(value, |low| value.max(low));
        self.high.map_or(value, |high| value.min(high))
    }
}

/// What is likely next. The lists have a value for each step.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Forecast {
    /// How far the values are apart.
    pub step: Step,
    /// When the first of the steps begins.
    pub start: Timestamp,
    /// Half of what comes should lie above it.
    pub median: Vec<f64>,
    /// One in ten should lie below it.
    pub low: Vec<f64>,
    /// One in ten should lie above it.
    pub high: Vec<f64>,
    /// The method that counts most.
    pub method: Method,
    /// What the past says about it.
    pub score: Score,
}

/// How good forecasts of the series' own past were.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Score {
    /// How many steps of history something was seen in.
    pub history: usize,
    /// From how many moments of the past it was tried.
    pub moments: usize,
    /// The mean error of such forecasts.
    pub error: f64,
    /// The mean error of saying that all stays as it is, or as it was one season before: the better of the two.
    pub naive: f64,
    /// The part of what came that the interval of the first half of these moments held in the second half.
    pub coverage: Option<f64>,
    /// How much of the trust goes to methods that see a rise or a fall that goes on, from 0 to 1.
    pub rising: f64,
}

impl Forecast {
    /// The moment in the middle of a step.
    pub fn middle(&self, step: usize) -> Option<Timestamp> {
        let seconds = self.step.seconds();
        let ahead = i64::try_from(step).ok()?.checked_mul(seconds)?.checked_add(seconds / 2)?;
        Timestamp::from_second(self.start.as_second().checked_add(ahead)?).ok()
    }
}

/// What is likely in the next `horizon` steps, or why that cannot be said.
///
/// # Errors
///
/// There is too little to look at, the past was not foreseen better than by a simple guess, or the interval is so wide
/// that it says nothing.
pub fn forecast(points: &[Point], step: Step, horizon: usize, range: Range) -> Result<Forecast, Silence> {
    let grid = Grid::new(points, step);
    verdict::enough(&grid, step, horizon)?;
    let forecast = foresee(&grid, step, horizon, range)?;
    verdict::judge(&forecast, &grid)?;
    Ok(forecast)
}

/// The same without asking whether it is good enough to be said: for those who measure that.
///
/// # Errors
///
/// There are less than two values.
pub fn foresee(grid: &Grid, step: Step, horizon: usize, range: Range) -> Result<Forecast, Silence> {
    let apart = step.season().div_ceil(4);
    if grid.count() < 2 {
        return Err(Silence::TooShort { step, have: grid.count(), need: verdict::need(step, horizon) });
    }
    let horizon = horizon.clamp(1, MOST);
    let tried = horizon.min((grid.len() / 2).max(2 * step.season()));
    let test = Backtest::new(grid, step, tried);
    let outcomes = test.outcomes();
    let trust = test.trust();
    let rising = trust.iter().filter(|(method, _)| method.is_line()).map(|(_, weight)| weight).sum::<f64>().min(1.0);
    let today = test.outcomes_of_today();
    let distances = Distances::new(&today, horizon, apart, f64::midpoint(1.0, rising));
    let median = test.foresee(horizon);
    let clipped = |value: f64| range.clip(value);
    let low = median.iter().zip(&distances.below).map(|(value, below)| clipped(value - below)).collect();
    let high = median.iter().zip(&distances.above).map(|(value, above)| clipped(value + above)).collect();
    let (first, second) = today.split_at(today.len() / 2);
    let coverage = (first.len() >= 3).then(|| Distances::new(first, tried, apart, 1.0).covered(second)).flatten();
    let naive = [Method::Last, Method::SeasonalNaive(step.season())].map(|m| verdict::error(&test.outcomes_of(m)));
    let end = i64::try_from(grid.len()).unwrap_or(i64::MAX).saturating_add(grid.first());
    Ok(Forecast {
        step,
        start: Timestamp::from_second(end.saturating_mul(step.seconds())).unwrap_or(Timestamp::MAX),
        median: median.into_iter().map(clipped).collect(),
        low,
        high,
        method: trust.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(Method::Last, |(method, _)| *method),
        score: Score {
            history: grid.count(),
            moments: outcomes.len(),
            error: verdict::error(&outcomes).unwrap_or(0.0),
            naive: naive.into_iter().flatten().min_by(f64::total_cmp).unwrap_or(0.0),
            coverage,
            rising,
        },
    })
}
