//! Whether a forecast is good enough to be said: what the back-test shows decides, and the reason is told.

use super::{Forecast, Step, backtest::Outcome, grid::Grid, rank::quantile};

/// A forecast that errs more than this part of a plain guess is not worth saying.
const WORTH: f64 = 0.95;
/// An interval wider than so many times what is usual says nothing.
const WIDE: f64 = 1.5;
/// How many seasons tell what is usual.
const USUAL: usize = 28;

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Silence {
    /// There is too little to look at.
    #[error("{}", super::words::too_short(*.step, *.have, *.need))]
    TooShort {
        /// What history is counted in.
        step: Step,
        /// How much there is.
        have: usize,
        /// How much is needed.
        need: usize,
    },
    /// The past was not foreseen better than by saying that all stays as it is, or as it was a season before.
    #[error("its past could not be foreseen better than by a plain guess")]
    NoBetter,
    /// Too much is possible.
    #[error("it goes up and down so much that almost anything can come")]
    TooWide,
}

/// How many steps of history are needed to look so far ahead.
pub(super) fn need(step: Step, horizon: usize) -> usize {
    match step {
        Step::Hour => 168.max(horizon.saturating_mul(2)).min(super::MOST),
        Step::Day => 14,
    }
}

/// Whether there is enough to look at: steps in which something was seen, not gaps.
pub(super) fn enough(grid: &Grid, step: Step, horizon: usize) -> Result<(), Silence> {
    let (have, need) = (grid.count(), need(step, horizon));
    // A few that are missing among many are no matter.
    if have + need / 14 < need { Err(Silence::TooShort { step, have, need }) } else { Ok(()) }
}

/// Whether the past was foreseen well enough to speak of what comes.
pub(super) fn judge(forecast: &Forecast, grid: &Grid) -> Result<(), Silence> {
    better(forecast)?;
    let values = grid.before(grid.len());
    let usual = values.len().saturating_sub(USUAL * forecast.step.season());
    let mut recent = values.get(usual..).unwrap_or(values).to_vec();
    let (low, high) = (quantile(&mut recent, 0.1).unwrap_or(0.0), quantile(&mut recent, 0.9).unwrap_or(0.0));
    let widths = forecast.high.iter().zip(&forecast.low).map(|(high, low)| high - low);
    #[allow(clippy::cast_precision_loss, reason = "steps of a horizon")]
    let width = widths.sum::<f64>() / forecast.median.len().max(1) as f64;
    if high > low && width > WIDE * (high - low) { Err(Silence::TooWide) } else { Ok(()) }
}

/// Whether the past was foreseen better than by a plain guess.
pub(super) fn better(forecast: &Forecast) -> Result<(), Silence> {
    let score = forecast.score;
    if score.error > WORTH * score.naive { Err(Silence::NoBetter) } else { Ok(()) }
}

/// The mean error; nothing where nothing came.
#[allow(clippy::cast_precision_loss, reason = "values of a history")]
pub(super) fn error(outcomes: &[Outcome]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for outcome in outcomes {
        for (came, foreseen) in outcome.came.iter().zip(&outcome.foreseen) {
            let Some(came) = came else { continue };
            sum += (came - foreseen).abs();
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f64)
}
