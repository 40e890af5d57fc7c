//! A series on a regular grid: means of what falls into a step, gaps filled and remembered. What is filled in is made
//! from its neighbours and is never counted as something that was seen.

use super::{Point, Step, rank::median};

/// The most steps that are looked at, the latest ones: hours of 90 days, days of six years.
pub const MOST: usize = 2160;
/// Gaps up to so many steps are filled with a straight line.
const SHORT: usize = 3;
/// A gap of so many seasons parts two lives of a series: what was before it tells nothing.
const PARTED: usize = 7;
/// Values beyond this are no measurement, and would overflow where they are added up.
const LARGEST: f64 = 1e100;

/// A series on a regular grid.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// The number of the first step since 1970.
    first: i64,
    /// Its values; where nothing was seen, what probably was.
    values: Vec<f64>,
    /// Where something was seen.
    seen: Vec<bool>,
    /// By season: how much each value lies above the median of the season before it.
    deviations: Vec<(usize, Vec<f64>)>,
}

impl Grid {
    /// From points in any order. What is no number is a gap.
    pub fn new(points: &[Point], step: Step) -> Self {
        let length = step.seconds();
        let number = |point: &Point| point.at.as_second().div_euclid(length);
        let sound = |point: &&Point| point.value.is_finite() && point.value.abs() <= LARGEST;
        let Some(last) = points.iter().filter(sound).map(number).max() else { return Grid::default() };
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let oldest = last.saturating_sub(most - 1);
        let Some(first) = points.iter().filter(sound).map(number).filter(|n| *n >= oldest).min() else {
            return Grid::default();
        };
        let index = |n: i64| usize::try_from(n - first).ok();
        let mut sums = vec![(0.0, 0_u32); index(last).map_or(0, |last| last + 1)];
        for point in points.iter().filter(sound) {
            let n = number(point);
            if let Some((sum, count)) = index(n).filter(|_| n >= first).and_then(|i| sums.get_mut(i)) {
                *sum += point.value;
                *count += 1;
            }
        }
        // A step that has only begun says nothing about a whole one.
        let counts: Vec<f64> = sums.iter().filter(|(_, n)| *n > 0).map(|(_, n)| f64::from(*n)).collect();
        if counts.len() > 1 && counts.last().zip(median(&counts)).is_some_and(|(last, usual)| last * 2.0 < usual) {
            sums.pop();
            let end = sums.iter().rposition(|(_, n)| *n > 0).map_or(0, |n| n + 1);
            sums.truncate(end);
        }
        let values = sums.iter().map(|(sum, n)| (*n > 0).then(|| sum / f64::from(*n))).collect();
        Grid::filled(first, values, step.seasons())
    }

    /// Of values without a gap.
    #[cfg(test)]
    pub(super) fn of(values: &[f64], seasons: &[usize]) -> Self {
        Grid::filled(0, values.iter().copied().map(Some).collect(), seasons)
    }

    /// The same steps with other values: what was not seen stays so.
    pub(super) fn with(&self, values: Vec<f64>) -> Self {
        let deviations = self.deviations.iter().map(|(season, _)| (*season, deviations(&values, *season))).collect();
        Grid { first: self.first, values, seen: self.seen.clone(), deviations }
    }

    /// From values of which some are not there.
    fn filled(first: i64, mut known: Vec<Option<f64>>, seasons: &[usize]) -> Self {
        let season = seasons.first().copied().unwrap_or(1).max(1);
        let cut = last_parting(&known, PARTED * season);
        known.drain(..cut);
        let seen: Vec<bool> = known.iter().map(Option::is_some).collect();
        let mut values: Vec<f64> = Vec::with_capacity(known.len());
        for (n, value) in known.iter().enumerate() {
            let value = value.unwrap_or_else(|| fill(&known, &values, n, season));
            values.push(value);
        }
        let deviations = seasons.iter().map(|season| (*season, deviations(&values, *season))).collect();
        Grid { first: first.saturating_add(i64::try_from(cut).unwrap_or(0)), values, seen, deviations }
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of the first step since 1970.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// What lies before a step.
    pub fn before(&self, step: usize) -> &[f64] {
        self.values.get(..step).unwrap_or(&self.values)
    }

    /// What was seen in a step; nothing in a gap.
    pub fn seen(&self, step: usize) -> Option<f64> {
        self.seen.get(step).copied().unwrap_or(false).then(|| self.values.get(step).copied())?
    }

    /// How many steps something was seen in.
    pub fn count(&self) -> usize {
        self.seen.iter().filter(|seen| **seen).count()
    }

    /// How much the values before `origin` lie above the median of the season before each.
    pub(super) fn deviations(&self, season: usize, origin: usize) -> &[f64] {
        let found = self.deviations.iter().find(|(of, _)| *of == season).map(|(_, d)| d.as_slice()).unwrap_or_default();
        found.get(..origin).unwrap_or(found)
    }
}

/// Behind the last gap that is so long.
fn last_parting(known: &[Option<f64>], long: usize) -> usize {
    let (mut cut, mut gap) = (0, 0);
    for (n, value) in known.iter().enumerate() {
        if value.is_some() {
            if gap >= long {
                cut = n;
            }
            gap = 0;
        } else {
            gap += 1;
        }
    }
    cut
}

/// What probably was in a step in which nothing was seen: as one day before in a long gap, else on the line between the
/// neighbours.
#[allow(clippy::cast_precision_loss, reason = "steps of a gap")]
fn fill(known: &[Option<f64>], before: &[f64], n: usize, season: usize) -> f64 {
    let gap_start = known.iter().take(n).rposition(Option::is_some).map_or(0, |n| n + 1);
    let next = known.iter().enumerate().skip(n).find_map(|(n, value)| Some((n, (*value)?)));
    let gap = next.map_or(known.len(), |(n, _)| n) - gap_start;
    if gap > SHORT
        && season >= 12
        && let Some(value) = n.checked_sub(season).and_then(|n| before.get(n))
    {
        return *value;
    }
    let start = gap_start.checked_sub(1).and_then(|n| before.get(n)).copied();
    match (start, next) {
        (Some(a), Some((_, b))) => a + (b - a) * (n + 1 - gap_start) as f64 / (gap + 1) as f64,
        (Some(value), None) | (None, Some((_, value))) => value,
        (None, None) => 0.0,
    }
}

/// How much each value lies above the median of the season before it.
fn deviations(values: &[f64], season: usize) -> Vec<f64> {
    let of = |(n, value): (usize, &f64)| {
        let before = values.get(n.saturating_sub(season)..n).unwrap_or_default();
        value - median(before).unwrap_or(*value)
    };
    values.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn hours(values: &[(i64, f64)]) -> Grid {
        let at = |hour: i64| Timestamp::from_second(1_780_000_000 / 3600 * 3600 + hour * 3600).unwrap();
        let points: Vec<Point> = values.iter().map(|(hour, value)| Point { at: at(*hour), value: *value }).collect();
        Grid::new(&points, Step::Hour)
    }

    #[test]
    fn points_of_one_step_become_their_mean_and_gaps_are_remembered() {
        let grid = hours(&[(5, 4.0), (0, 1.0), (0, 3.0), (1, 3.0), (2, f64::NAN), (3, f64::INFINITY)]);
        assert_eq!(grid.before(99), [2.0, 3.0, 3.25, 3.5, 3.75, 4.0]);
        assert_eq!((grid.seen(1), grid.seen(2), grid.seen(5), grid.seen(6)), (Some(3.0), None, Some(4.0), None));
        assert_eq!((grid.len(), grid.count()), (6, 3));
    }

    #[test]
    fn a_gap_of_hours_is_as_the_day_before_and_a_gap_of_a_week_parts() {
        #[allow(clippy::cast_precision_loss)]
        let day = |n: i64| (n, (n % 24) as f64);
        let grid = hours(&(0..24).chain(40..50).map(day).collect::<Vec<_>>());
        assert_eq!(grid.before(99).get(30), Some(&6.0));
        let grid = hours(&(0..24).chain(24 + 168..240).map(day).collect::<Vec<_>>());
        assert_eq!(grid.len(), 48);
        assert_eq!(grid.first(), 1_780_000_000 / 3600 + 24 + 168);
    }

    #[test]
    fn an_hour_that_has_only_begun_is_left_out() {
        let minutes: Vec<(i64, f64)> = (0..5).flat_map(|hour| vec![(hour, 1.0); 6]).collect();
        let with = |more: usize| hours(&[minutes.as_slice(), &vec![(5, 9.0); more]].concat());
        assert_eq!((with(2).len(), with(3).len()), (5, 6));
    }

    #[test]
    fn only_the_latest_steps_are_looked_at() {
        let grid = hours(&[(-1_000_000, 1.0), (0, 2.0), (1_000_000, 3.0)]);
        assert_eq!(grid.before(9), [3.0]);
        assert!(hours(&[(0, f64::NAN), (1, 1e200)]).is_empty());
        let full: Vec<(i64, f64)> = (0..5000).map(|n| (n, 1.0)).collect();
        assert_eq!(hours(&full).len(), MOST);
    }
}
