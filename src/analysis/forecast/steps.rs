//! Sudden steps of a series of days: a clean-up that freed much, a big new file. Nobody foresees the next one, so that
//! one or two of them are taken out and the rest is looked at as if it had always been where it is now. More of them are
//! a habit, and stay in; within few weeks nobody can tell.

use super::{grid::Grid, rank::median};

/// So many times the usual change of a day.
const FAR: f64 = 8.0;
/// How many steps in one direction are still chance.
const CHANCE: usize = 2;
/// With less than so many days for each nobody can tell whether they are chance.
const MONTH: usize = 30;
/// How many days on each side tell where a series lay.
const SIDE: usize = 3;
/// The smallest part of all that was between the lowest and the highest value.
const PART: f64 = 0.05;

/// A sudden step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sudden {
    /// The first day after it.
    day: usize,
    /// How much.
    size: f64,
}

/// What was done about sudden steps.
#[derive(Debug)]
pub enum Steps {
    /// The series without those that are no habit, moved to where it is now.
    Without(Grid),
    /// So many days are needed to tell whether they are a habit.
    Unclear(usize),
}

/// Takes out the steps that are no habit.
pub fn take_out(grid: &Grid) -> Steps {
    let mut found = find(grid.before(grid.len()));
    for up in [true, false] {
        let count = found.iter().filter(|step| (step.size > 0.0) == up).count();
        if count > CHANCE {
            found.retain(|step| (step.size > 0.0) != up);
        } else if grid.len() < MONTH * count {
            return Steps::Unclear(MONTH * count);
        }
    }
    let moved = |(day, value): (usize, &f64)| {
        let later: f64 = found.iter().filter(|step| step.day > day).map(|step| step.size).sum();
        value + later
    };
    Steps::Without(grid.with(grid.before(grid.len()).iter().enumerate().map(moved).collect()))
}

/// All sudden steps that lasted, oldest first.
fn find(values: &[f64]) -> Vec<Sudden> {
    let changes: Vec<f64> = values.iter().zip(values.iter().skip(1)).map(|(a, b)| b - a).collect();
    let Some(usual) = median(&changes) else { return vec![] };
    let spread = median(&changes.iter().map(|c| (c - usual).abs()).collect::<Vec<_>>()).unwrap_or(0.0);
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let least = (FAR * spread).max(PART * (high - low));
    let mut found: Vec<Sudden> = vec![];
    for (n, change) in changes.iter().enumerate() {
        if (change - usual).abs() <= least {
            continue;
        }
        // A mean of the day of the step lies between: the next change belongs to it.
        let size = lasting(values, n + 1, usual);
        let follows = found.last().is_some_and(|last| last.day >= n);
        if size.abs() > least && size.signum() == change.signum() && !follows {
            found.push(Sudden { day: n + 1, size });
        } else if follows && let Some(last) = found.last_mut() {
            last.size = lasting_between(values, last.day, n + 1, usual);
        }
    }
    found
}

/// How much higher it lies after `day` than before, but for its usual change.
fn lasting(values: &[f64], day: usize, usual: f64) -> f64 {
    lasting_between(values, day, day, usual)
}

/// The same for a step that began on one day and ended on another.
#[allow(clippy::cast_precision_loss, reason = "a few days")]
fn lasting_between(values: &[f64], first: usize, last: usize, usual: f64) -> f64 {
    let before = values.get(first.saturating_sub(SIDE)..first).unwrap_or_default();
    let after: &[f64] = values.get(last..).map(|rest| rest.get(..SIDE).unwrap_or(rest)).unwrap_or_default();
    let (Some(a), Some(b)) = (median(before), median(after)) else { return 0.0 };
    let days = (last - first) as f64 + (before.len() + after.len()) as f64 / 2.0;
    b - a - usual * days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::cast_precision_loss)]
    fn grid(days: usize, value: impl Fn(f64) -> f64) -> Grid {
        Grid::of(&(0..days).map(|n| value(n as f64)).collect::<Vec<_>>(), &[7])
    }

    fn rest(grid: &Grid) -> Vec<f64> {
        match take_out(grid) {
            Steps::Without(rest) => rest.before(grid.len()).to_vec(),
            Steps::Unclear(days) => panic!("{days} days are needed"),
        }
    }

    #[test]
    fn a_clean_up_is_taken_out() {
        let rest = rest(&grid(60, |n| 100.0 + n - if n >= 40.0 { 40.0 } else { 0.0 }));
        for (n, value) in rest.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)]
            let expected = 60.0 + n as f64;
            assert!((value - expected).abs() < 1e-6, "{n}: {value} for {expected}");
        }
    }

    #[test]
    fn a_clean_up_in_the_middle_of_a_day_is_one_step() {
        let freed = |n: f64| match n {
            n if n > 40.0 => 40.0,
            40.0 => 15.0,
            _ => 0.0,
        };
        let rest = rest(&grid(60, |n| 100.0 + n - freed(n)));
        assert!((rest[0] - 60.0).abs() < 3.0, "{rest:?}");
    }

    #[test]
    fn a_habit_and_a_short_peak_stay_in() {
        for series in [
            grid(60, |n| 100.0 + n % 10.0),
            grid(60, |n| if n == 30.0 { 500.0 } else { 100.0 + n }),
            grid(60, |_| 5.0),
            grid(0, |n| n),
        ] {
            assert_eq!(rest(&series), series.before(60));
        }
    }

    #[test]
    fn within_few_weeks_nobody_can_tell() {
        let series = grid(21, |n| 100.0 + n - if n >= 12.0 { 40.0 } else { 0.0 });
        assert!(matches!(take_out(&series), Steps::Unclear(30)), "{:?}", take_out(&series));
    }
}
