//! Straight lines: how fast a series rises or falls. Medians again, since a clean-up or a new file is no trend.

use super::{
    super::rank::{median, median_of},
    level::last,
};

/// Pairs of which the slope is the median; more say nothing new.
const PAIRS: usize = 1000;

/// How much it rises in a step, over the last so many steps: the median of pairs that lie whole seasons apart, so that a
/// season is no slope, and about a third of the way apart, so that one step is none.
pub(super) fn slope(past: &[f64], season: usize, steps: usize) -> f64 {
    let window = last(past, steps);
    let season = season.max(1);
    let apart = (window.len() / 3 / season * season).max(season.min(window.len() / 2)).max(1);
    let count = window.len().saturating_sub(apart);
    #[allow(clippy::cast_precision_loss, reason = "steps of a history")]
    let distance = apart as f64;
    let mut slopes: Vec<f64> = window
        .iter()
        .zip(window.iter().skip(apart))
        .step_by(count.div_ceil(PAIRS).max(1))
        .map(|(from, to)| (to - from) / distance)
        .collect();
    median_of(&mut slopes).unwrap_or(0.0)
}

/// Where a line of this slope ends that lies in the middle of the last steps.
pub(super) fn end(rest: &[f64], slope: f64) -> f64 {
    let recent = last(rest, 5);
    let count = u32::try_from(recent.len()).unwrap_or(0);
    let moved: Vec<f64> = recent.iter().zip(0..count).map(|(v, n)| v + slope * f64::from(count - 1 - n)).collect();
    median(&moved).unwrap_or(0.0)
}
