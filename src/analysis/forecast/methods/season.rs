//! Seasons: a day, a week. What a series does at the same time of each of them.

use super::{
    super::{
        grid::Grid,
        rank::{median, median_of},
    },
    level::last,
};

/// How many seasons are asked what is usual at a time of it.
const ASKED: usize = 7;

/// What the last season was, again and again.
pub(super) fn naive(past: &[f64], season: usize, horizon: usize) -> Vec<f64> {
    let season = last(past, season);
    season.iter().copied().cycle().take(horizon).collect()
}

/// For each time of the season the median of the last seasons.
pub(super) fn profile(past: &[f64], season: usize, asked: usize, horizon: usize) -> Vec<f64> {
    let of = |phase: usize| {
        let mut values: Vec<f64> = same_time(past, season, phase).take(asked).collect();
        median_of(&mut values).or_else(|| median(past)).unwrap_or(0.0)
    };
    let one: Vec<f64> = (0..season.min(horizon)).map(of).collect();
    one.iter().copied().cycle().take(horizon).collect()
}

/// What was at the time that is `phase` steps into the next season, the latest first.
fn same_time(past: &[f64], season: usize, phase: usize) -> impl Iterator<Item = f64> + '_ {
    let back = season.max(1) - phase.min(season.max(1) - 1);
    past.iter().rev().skip(back - 1).step_by(season.max(1)).copied()
}

/// How much each time of the season lies above or below what is usual around it.
#[derive(Debug, Clone)]
pub(super) struct Offsets<'a> {
    past: &'a [f64],
    /// From the next step on, one season.
    offsets: Vec<f64>,
}

impl<'a> Offsets<'a> {
    /// As seen from step `origin`; nothing where less than two seasons lie before it.
    pub(super) fn new(grid: &'a Grid, season: usize, origin: usize) -> Self {
        let past = grid.before(origin);
        if season < 2 || past.len() < 2 * season {
            return Offsets { past, offsets: vec![] };
        }
        let deviations = grid.deviations(season, origin);
        let of = |phase| {
            let mut values: Vec<f64> = same_time(deviations, season, phase).take(ASKED).collect();
            median_of(&mut values).unwrap_or(0.0)
        };
        let mut offsets: Vec<f64> = (0..season).map(of).collect();
        #[allow(clippy::cast_precision_loss, reason = "steps of a season")]
        let mean = offsets.iter().map(|offset| offset / season as f64).sum::<f64>();
        offsets.iter_mut().for_each(|offset| *offset -= mean);
        Offsets { past, offsets }
    }

    /// The season around the level that `level` finds in what is left without the season.
    pub(super) fn around(&self, horizon: usize, level: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let Some(season) = Some(self.offsets.len()).filter(|season| *season > 0) else {
            return vec![level(self.past); horizon];
        };
        let recent = last(self.past, 7 * season);
        let start = season - recent.len() % season;
        let phases = || self.offsets.iter().copied().cycle();
        let rest: Vec<f64> = recent.iter().zip(phases().skip(start % season)).map(|(value, o)| value - o).collect();
        let level = level(&rest);
        phases().take(horizon).map(|offset| level + offset).collect()
    }
}
