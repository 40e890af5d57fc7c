//! The back-test: every method looks ahead from many moments of the series' own past, and what came then tells how much
//! each is to be trusted. At each of these moments only what was known by then counts, so that the errors of the mixture
//! are as honest as those of a single method.

use super::{Step, grid::Grid, methods::Method};

/// The most moments from which the past is foreseen.
const MOMENTS: usize = 112;
/// How strongly a method with smaller errors is preferred.
const PREFERENCE: i32 = 4;
/// Added to the error of each, as a part of the mean of all: the best of few trials is not as good as it looks.
const DOUBT: f64 = 0.05;
/// How good the mixture is, is not asked at moments of the first part of the history: one of so many.
const EARLY: usize = 6;

/// What happened when the past was foreseen.
#[derive(Debug)]
pub struct Backtest<'a> {
    grid: &'a Grid,
    methods: Vec<Method>,
    horizon: usize,
    /// The ends of stretches of the horizon; each has weights of its own.
    bands: Vec<usize>,
    /// After so many steps an error counts half.
    half_life: f64,
    /// Oldest first.
    trials: Vec<Trial>,
}

/// One look ahead from a moment of the past.
#[derive(Debug)]
struct Trial {
    origin: usize,
    /// What each method foresaw; nothing where it had too little to look at.
    paths: Vec<Option<Vec<f64>>>,
    /// By method: sums of absolute errors up to each step of the horizon.
    errors: Vec<Option<Vec<f64>>>,
    /// The mean of these sums.
    mean: Vec<f64>,
}

/// What the mixture would have said at a moment of the past, and what came.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was foreseen.
    pub foreseen: Vec<f64>,
    /// What came; nothing where nothing was seen.
    pub came: Vec<Option<f64>>,
}

impl<'a> Backtest<'a> {
    /// Foresees the past of a series, up to `horizon` steps ahead.
    pub fn new(grid: &'a Grid, step: Step, horizon: usize) -> Self {
        let methods = Method::all(step, grid.len());
        let season = step.season();
        let mut bands = vec![season.div_ceil(4), season, 7 * season];
        bands.retain(|end| *end < horizon);
        bands.push(horizon);
        let apart = season.div_ceil(4).max(1);
        let origins = (1..=MOMENTS).map_while(|n| grid.len().checked_sub(n * apart)).filter(|origin| *origin >= season);
        let mut trials: Vec<Trial> = origins
            .filter(|origin| origin.checked_sub(1).is_some_and(|last| grid.seen(last).is_some()))
            .map(|origin| Trial::new(grid, &methods, origin, horizon))
            .collect();
        trials.reverse();
        #[allow(clippy::cast_precision_loss, reason = "steps of a season")]
        let half_life = 7.0 * season as f64;
        Backtest { grid, methods, horizon, bands, half_life, trials }
    }

    /// What the mixture says at the end of the series, for so many steps: beyond what was tried the last weights hold.
    pub fn foresee(&self, horizon: usize) -> Vec<f64> {
        let now = self.grid.len();
        let paths: Vec<_> = self.methods.iter().map(|m| Some(m.foresee(self.grid, now, horizon))).collect();
        self.mix(&paths, &self.weights(now), horizon)
    }

    /// The methods and how much each counts at the end of the series, in the last stretch of the horizon.
    pub fn trust(&self) -> Vec<(Method, f64)> {
        let weights = self.weights(self.grid.len());
        self.methods.iter().copied().zip(weights.last().cloned().unwrap_or_default()).collect()
    }

    /// What the mixture would have said at each moment of the past, oldest first, with what was known by then: how good
    /// such forecasts are.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.mixed(|trial| self.weights(trial.origin))
    }

    /// What the mixture of today would have said at each of these moments: how far it goes astray.
    pub fn outcomes_of_today(&self) -> Vec<Outcome> {
        let weights = self.weights(self.grid.len());
        self.mixed(|_| weights.clone())
    }

    fn mixed(&self, weights: impl Fn(&Trial) -> Vec<Vec<f64>>) -> Vec<Outcome> {
        let foreseen = |trial: &Trial| self.mix(&trial.paths, &weights(trial), self.horizon);
        let of = |trial: &Trial| Outcome { foreseen: foreseen(trial), came: self.came(trial) };
        self.telling().map(of).collect()
    }

    /// The same moments with one method alone.
    pub fn outcomes_of(&self, method: Method) -> Vec<Outcome> {
        let number = self.methods.iter().position(|other| *other == method);
        let path = |trial: &Trial| trial.paths.get(number?).cloned().flatten();
        let of = |trial: &Trial| Some(Outcome { foreseen: path(trial)?, came: self.came(trial) });
        self.telling().filter_map(of).collect()
    }

    /// The moments at which not much less was known than now, and at which the methods that are trusted today had enough
    /// to look at.
    fn telling(&self) -> impl Iterator<Item = &Trial> {
        let first = self.grid.len() / EARLY;
        let trust = self.weights(self.grid.len()).pop().unwrap_or_default();
        let spoke = move |trial: &&Trial| {
            let spoken = trial.paths.iter().zip(&trust).filter(|(path, _)| path.is_some());
            trial.origin >= first && spoken.map(|(_, weight)| weight).sum::<f64>() >= 0.5
        };
        self.trials.iter().filter(spoke)
    }

    fn came(&self, trial: &Trial) -> Vec<Option<f64>> {
        (0..self.horizon).map(|ahead| self.grid.seen(trial.origin + ahead)).collect()
    }

    /// Weights of the methods for each band, by what was known before step `origin`.
    fn weights(&self, origin: usize) -> Vec<Vec<f64>> {
        let of = |end: &usize| {
            // By method: its errors, and those of all methods in the trials in which it said something.
            let mut sums = vec![(0.0, 0.0); self.methods.len()];
            for trial in self.trials.iter().take_while(|trial| trial.origin < origin) {
                let Some(last) = (origin - trial.origin).min(*end).checked_sub(1) else { continue };
                #[allow(clippy::cast_precision_loss, reason = "steps of a history")]
                let weight = 0.5_f64.powf((origin - trial.origin) as f64 / self.half_life);
                let all = weight * trial.mean.get(last).copied().unwrap_or(0.0);
                for (sum, errors) in sums.iter_mut().zip(&trial.errors) {
                    if let Some(error) = errors.as_ref().and_then(|errors| errors.get(last)) {
                        *sum = (sum.0 + weight * error, sum.1 + all);
                    }
                }
            }
            shares(&sums)
        };
        self.bands.iter().map(of).collect()
    }

    /// Of each step the weighted median of the paths: a method that goes astray does not drag the others along.
    fn mix(&self, paths: &[Option<Vec<f64>>], weights: &[Vec<f64>], horizon: usize) -> Vec<f64> {
        let mut values: Vec<(f64, f64)> = Vec::with_capacity(paths.len());
        let mut one = |ahead: usize| {
            let band = self.bands.iter().position(|end| ahead < *end).unwrap_or(self.bands.len() - 1);
            values.clear();
            let weights = weights.get(band).map(Vec::as_slice).unwrap_or_default();
            let pairs =
                paths.iter().zip(weights).filter_map(|(path, weight)| Some((*path.as_ref()?.get(ahead)?, *weight)));
            values.extend(pairs);
            weighted_median(&mut values)
        };
        (0..horizon).map(&mut one).collect()
    }
}

impl Trial {
    fn new(grid: &Grid, methods: &[Method], origin: usize, horizon: usize) -> Self {
        let came: Vec<Option<f64>> = (0..horizon).map(|ahead| grid.seen(origin + ahead)).collect();
        let speaks = |method: &Method| method.needs() <= origin;
        let paths: Vec<_> = methods.iter().map(|m| speaks(m).then(|| m.foresee(grid, origin, horizon))).collect();
        let error = |(foreseen, came): (&f64, &Option<f64>)| came.map_or(0.0, |came| (foreseen - came).abs());
        let known = |path: &Vec<f64>| running(path.iter().zip(&came).map(error));
        let errors: Vec<Option<Vec<f64>>> = paths.iter().map(|path| path.as_ref().map(known)).collect();
        let mean = mean_of(errors.iter().flatten(), horizon);
        Trial { origin, paths, errors, mean }
    }
}

/// Sums up to each.
fn running(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let add = |sum: &mut f64, value: f64| {
        *sum += value;
        Some(*sum)
    };
    values.scan(0.0, add).collect()
}

/// The mean of several, step by step.
#[allow(clippy::cast_precision_loss, reason = "a dozen methods")]
fn mean_of<'a>(several: impl Iterator<Item = &'a Vec<f64>> + Clone, length: usize) -> Vec<f64> {
    let count = several.clone().count().max(1) as f64;
    let mut mean = vec![0.0; length];
    for one in several {
        mean.iter_mut().zip(one).for_each(|(mean, value)| *mean += value / count);
    }
    mean
}

/// Weights that add up to one, from the errors of each and those of all in the same trials: all the same where nothing is
/// known.
#[allow(clippy::cast_precision_loss, reason = "a dozen methods")]
fn shares(sums: &[(f64, f64)]) -> Vec<f64> {
    let part = |(own, all): &(f64, f64)| if *all > 0.0 && own.is_finite() { own / all } else { 1.0 };
    let raw: Vec<f64> = sums.iter().map(|sum| (part(sum) + DOUBT).powi(-PREFERENCE)).collect();
    let all: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / all).collect()
}

/// The value with half of the weight below it, between its two neighbours where the half falls between them.
fn weighted_median(values: &mut [(f64, f64)]) -> f64 {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    let found = values.iter().find(|(_, weight)| {
        sum += weight;
        sum >= half
    });
    found.or(values.last()).map_or(0.0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_that_fits_is_trusted() {
        #[allow(clippy::cast_precision_loss)]
        let rising: Vec<f64> = (0..90).map(|n| 10.0 + n as f64).collect();
        let grid = Grid::of(&rising, &[7]);
        let test = Backtest::new(&grid, Step::Day, 30);
        let lines: f64 = test.trust().iter().filter(|(method, _)| method.is_line()).map(|(_, weight)| weight).sum();
        assert!(lines > 0.99, "{lines}");
        let path = test.foresee(40);
        assert!((path[39] - 139.0).abs() < 1e-6, "{path:?}");
    }

    #[test]
    fn a_moment_of_the_past_knows_nothing_of_what_came() {
        #[allow(clippy::cast_precision_loss)]
        let values: Vec<f64> = (0..120).map(|n| ((n * 7919) % 101) as f64).collect();
        let mut other = values.clone();
        // The last look ahead of which all is the same begins 20 steps before.
        other[100..].iter_mut().for_each(|value| *value = -1e6);
        let (a, b) = (Grid::of(&values, &[7]), Grid::of(&other, &[7]));
        let foreseen = |grid| -> Vec<Vec<f64>> {
            let test = Backtest::new(grid, Step::Day, 14);
            let mix = |trial: &Trial| test.mix(&trial.paths, &test.weights(trial.origin), 14);
            test.trials.iter().filter(|trial| trial.origin <= 100).map(mix).collect()
        };
        assert!(foreseen(&a).len() > 30);
        assert_eq!(foreseen(&a), foreseen(&b));
    }

    #[test]
    fn the_middle_of_the_weight_is_found() {
        assert_eq!(weighted_median(&mut [(3.0, 0.2), (1.0, 0.5), (2.0, 0.3)]), 1.0);
        assert_eq!(weighted_median(&mut [(3.0, 0.4), (1.0, 0.3), (2.0, 0.3)]), 2.0);
        assert_eq!(weighted_median(&mut []), 0.0);
        assert_eq!(shares(&[(0.0, 0.0), (0.0, 0.0)]), [0.5, 0.5]);
        assert!(shares(&[(1.0, 2.0), (2.0, 2.0)])[0] > 0.9);
    }
}
