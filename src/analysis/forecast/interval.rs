//! How sure a forecast is: the errors that the same mixture made on the series' own past, nothing else. No bell curve is
//! assumed, and what lies further ahead is never said to be surer.

use super::{backtest::Outcome, rank::quantile};

/// The part of all values that shall lie between the low and the high one.
pub const COVERED: f64 = 0.8;
/// Few looks back show few of the things that happen: so much wider for one, less for many.
const FEW: f64 = 0.3;
/// The widest that is asked of the errors.
const WIDEST: f64 = 0.98;
/// So many moments must tell about a step ahead; beyond it the width is carried on.
const MOMENTS: usize = 3;
/// The most steps around a step whose errors are taken together.
const TOGETHER: usize = 9;

/// How far below and above the forecast the value may lie, by step ahead.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distances {
    /// How far below.
    pub below: Vec<f64>,
    /// How far above.
    pub above: Vec<f64>,
}

impl Distances {
    /// From what came and what had been foreseen at moments that lie `apart` steps from each other. Beyond what was tried
    /// the distances grow with this power of the time.
    pub fn new(outcomes: &[Outcome], horizon: usize, apart: usize, growth: f64) -> Self {
        let known = |ahead: usize| outcomes.iter().filter(|o| matches!(o.came.get(ahead), Some(Some(_)))).count();
        let tried = outcomes.first().map_or(0, |outcome| outcome.came.len()).min(horizon);
        let tried = (0..tried).take_while(|ahead| known(*ahead) >= MOMENTS.min(outcomes.len())).count();
        let mut distances = Distances::default();
        let mut errors = Vec::new();
        for ahead in 0..tried {
            around(outcomes, ahead, apart, &mut errors);
            let level = level(known(ahead), ahead, apart);
            let below = quantile(&mut errors, (1.0 - level) / 2.0).unwrap_or(0.0);
            let above = quantile(&mut errors, f64::midpoint(1.0, level)).unwrap_or(0.0);
            push(&mut distances.below, -below);
            push(&mut distances.above, above);
        }
        for ahead in tried..horizon {
            #[allow(clippy::cast_precision_loss, reason = "steps of a horizon")]
            let factor = ((ahead + 1) as f64 / tried.max(1) as f64).powf(growth);
            for side in [&mut distances.below, &mut distances.above] {
                let last = tried.checked_sub(1).and_then(|last| side.get(last)).copied().unwrap_or(0.0);
                push(side, last * factor);
            }
        }
        distances
    }

    /// The part of what came that lies within these distances; nothing where nothing came.
    #[allow(clippy::cast_precision_loss, reason = "values of a history")]
    pub fn covered(&self, outcomes: &[Outcome]) -> Option<f64> {
        let (mut within, mut all) = (0_usize, 0_usize);
        for outcome in outcomes {
            let pairs = outcome.came.iter().zip(&outcome.foreseen).zip(self.below.iter().zip(&self.above));
            for ((came, foreseen), (below, above)) in pairs {
                let Some(came) = came else { continue };
                all += 1;
                // What differs in the last digits is the same.
                let hair = came.abs() * 1e-9;
                within += usize::from(*came >= foreseen - below - hair && *came <= foreseen + above + hair);
            }
        }
        (all > 0).then(|| within as f64 / all as f64)
    }
}

/// A distance that is not smaller than the one before it.
fn push(side: &mut Vec<f64>, distance: f64) {
    let before = side.last().copied().unwrap_or(0.0);
    side.push(distance.max(before));
}

/// The errors of the steps around one: half as many on each side as lie before it.
fn around(outcomes: &[Outcome], ahead: usize, apart: usize, errors: &mut Vec<f64>) {
    let near = (ahead / 2).max(apart);
    let range = ahead.saturating_sub(near)..ahead + near + 1;
    let skip = range.len().div_ceil(TOGETHER).max(1);
    errors.clear();
    for outcome in outcomes {
        let pairs = outcome.came.iter().zip(&outcome.foreseen).take(range.end).skip(range.start).step_by(skip);
        errors.extend(pairs.filter_map(|(came, foreseen)| Some((*came)? - foreseen)));
    }
}

/// How much the errors must span: looks back that overlap say the same thing twice, and few of them little.
#[allow(clippy::cast_precision_loss, reason = "steps of a history")]
fn level(moments: usize, ahead: usize, apart: usize) -> f64 {
    let apart = apart.max(1);
    let looks = (moments * apart) as f64 / (ahead + apart) as f64;
    (COVERED * (1.0 + FEW / looks.max(1.0))).min(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(errors: &[f64], horizon: usize) -> Vec<Outcome> {
        let one = |error: &f64| Outcome { foreseen: vec![10.0; horizon], came: vec![Some(10.0 + error); horizon] };
        errors.iter().map(one).collect()
    }

    #[test]
    fn each_side_has_its_own_distance() {
        let errors: Vec<f64> = (0..100).map(|n| if n % 4 == 0 { 8.0 } else { -f64::from(n % 3) }).collect();
        let past = outcomes(&errors, 4);
        let distances = Distances::new(&past, 4, 1, 1.0);
        assert_eq!((distances.below[0], distances.above[0]), (2.0, 8.0));
        assert_eq!(distances.covered(&past), Some(1.0));
    }

    #[test]
    fn what_was_not_tried_is_less_sure() {
        let distances = Distances::new(&outcomes(&[-1.0, 1.0, 2.0], 2), 8, 1, 1.0);
        assert_eq!(distances.above, [2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(Distances::new(&[], 3, 1, 1.0).above, [0.0; 3]);
        assert_eq!(distances.covered(&[]), None);
    }

    #[test]
    fn few_looks_make_it_wider() {
        assert!(level(2, 10, 1) > level(50, 10, 1));
        assert!(level(10_000, 0, 1) < 0.801 && level(1, 1000, 1) <= WIDEST);
    }
}
