//! The ways to foresee a series, each so simple that it can be tried on every day of the past. They see only what lies
//! before the moment from which they look ahead, and know nothing of each other.

mod level;
mod line;
mod season;

use self::season::Offsets;
use super::{Step, grid::Grid};

/// A way to foresee a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// It stays as it is.
    Last,
    /// It goes back to its median over so many steps.
    Level(usize),
    /// It does what it did one season before.
    SeasonalNaive(usize),
    /// It does what it mostly did at this time of the season: the season, and how many of them are asked.
    Profile(usize, usize),
    /// The season around the last value.
    SeasonLast(usize),
    /// The season around the median over so many steps: the season, the steps.
    SeasonLevel(usize, usize),
    /// It goes on as it went over so many steps, with its season: the season, the steps.
    Line(usize, usize),
}

impl Method {
    /// The methods that suit a series of so many steps.
    pub fn all(step: Step, history: usize) -> Vec<Method> {
        let seasons = step.seasons();
        let first = seasons.first().copied().unwrap_or(1);
        let several = |steps: &usize| *steps > 1;
        let mut all = vec![Method::Last];
        all.extend([first / 4, first, 7 * first].into_iter().filter(several).map(Method::Level));
        for (n, season) in seasons.iter().copied().enumerate() {
            all.push(Method::SeasonalNaive(season));
            let asked: &[usize] = if n == 0 { &[3, 7] } else { &[4] };
            all.extend(asked.iter().map(|asked| Method::Profile(season, *asked)));
            all.push(Method::SeasonLast(season));
            all.extend([first / 4, first].into_iter().filter(several).map(|steps| Method::SeasonLevel(season, steps)));
        }
        let lines: &[usize] = match step {
            Step::Hour => &[7],
            Step::Day => &[2, 4, 12],
        };
        all.extend(lines.iter().map(|seasons| Method::Line(first, seasons * first)));
        all.retain(|method| method.needs() <= history);
        all
    }

    /// How many steps must lie before the moment from which it looks ahead.
    pub fn needs(self) -> usize {
        match self {
            Method::Last => 1,
            Method::Level(steps) => steps.min(24),
            Method::SeasonalNaive(season) => season,
            Method::Profile(season, _) | Method::SeasonLast(season) | Method::SeasonLevel(season, _) => 2 * season,
            Method::Line(season, steps) => (steps / 2).max(season + season / 2),
        }
    }

    /// Whether it looks for a rise or a fall that goes on.
    pub fn is_line(self) -> bool {
        matches!(self, Method::Line(..))
    }

    /// What it foresees from step `origin` on: `horizon` values.
    pub fn foresee(self, grid: &Grid, origin: usize, horizon: usize) -> Vec<f64> {
        let past = grid.before(origin);
        let end = |rest: &[f64]| rest.last().copied().unwrap_or(0.0);
        match self {
            Method::Last => vec![end(past); horizon],
            Method::Level(steps) => vec![level::recent(past, steps); horizon],
            Method::SeasonalNaive(season) => season::naive(past, season, horizon),
            Method::Profile(season, asked) => season::profile(past, season, asked, horizon),
            Method::SeasonLast(season) => Offsets::new(grid, season, origin).around(horizon, end),
            Method::SeasonLevel(season, steps) => {
                Offsets::new(grid, season, origin).around(horizon, |rest| level::recent(rest, steps))
            }
            Method::Line(season, steps) => {
                let slope = line::slope(past, season, steps);
                let mut path = Offsets::new(grid, season, origin).around(horizon, |rest| line::end(rest, slope));
                path.iter_mut().zip(1_u32..).for_each(|(value, ahead)| *value += slope * f64::from(ahead));
                path
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foresee(method: Method, values: &[f64], horizon: usize) -> Vec<f64> {
        let grid = Grid::of(values, &[4]);
        method.foresee(&grid, values.len(), horizon)
    }

    #[test]
    fn each_foresees_what_its_name_says() {
        let days = [1.0, 2.0, 9.0, 2.0, 1.0, 2.0, 9.0, 2.0, 1.0, 4.0, 9.0, 2.0, 1.0];
        assert_eq!(foresee(Method::Last, &days, 2), [1.0, 1.0]);
        assert_eq!(foresee(Method::Level(4), &days, 2), [3.0, 3.0]);
        assert_eq!(foresee(Method::SeasonalNaive(4), &days, 5), [4.0, 9.0, 2.0, 1.0, 4.0]);
        assert_eq!(foresee(Method::Profile(4, 3), &days, 5), [2.0, 9.0, 2.0, 1.0, 2.0]);
        let around = foresee(Method::SeasonLast(4), &days, 4);
        assert!(around[1] - around[0] > 5.0 && (around[3] - 1.0).abs() < 1.0, "{around:?}");
    }

    #[test]
    fn a_line_goes_on_whatever_its_season() {
        #[allow(clippy::cast_precision_loss)]
        let rising: Vec<f64> = (0..40).map(|n| 100.0 + n as f64 + [0.0, 3.0, -3.0, 1.0][n % 4]).collect();
        let path = foresee(Method::Line(4, 24), &rising, 8);
        for (n, value) in path.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)]
            let expected = 140.0 + n as f64 + [0.0, 3.0, -3.0, 1.0][n % 4];
            assert!((value - expected).abs() < 1.5, "{n}: {value} for {expected}");
        }
    }

    #[test]
    fn a_method_sees_nothing_of_what_comes_later() {
        #[allow(clippy::cast_precision_loss)]
        let values: Vec<f64> = (0..200).map(|n| ((n * 7919) % 101) as f64).collect();
        let mut other = values.clone();
        other[120..].iter_mut().for_each(|value| *value = 1e6);
        let (a, b) = (Grid::of(&values, &[7]), Grid::of(&other, &[7]));
        for method in Method::all(Step::Day, 200) {
            assert_eq!(method.foresee(&a, 120, 30), method.foresee(&b, 120, 30), "{method:?}");
        }
    }
}
