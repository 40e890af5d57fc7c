//! Whether two stretches of measurements differ by more than the usual noise. The rank test of Mann and Whitney, over hourly
//! means without their daily rhythm, made stricter by how much an hour resembles the one before: measurements that follow
//! each other are no independent ones, and a plain test would cry wolf.

use super::Hour;

/// What a comparison of two stretches says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// By how much the second is above the first: the middle of all differences (Hodges and Lehmann).
    pub shift: f64,
    /// How likely such a difference is by chance alone; none where there is too little to tell.
    pub p: Option<f64>,
}

/// Fewer hours than this tell nothing.
const LEAST: usize = 8;
/// With fewer days than this there is no rhythm to see.
const DAYS: usize = 3;
/// More pairs are not looked at for the shift: beyond it, every so many-th hour has to do.
const MOST: usize = 400;

/// Compares two stretches of hourly means.
pub fn judge(before: &[Hour], after: &[Hour]) -> Judgement {
    let (before, after) = without_rhythm(before, after);
    let shift = shift(&before, &after);
    if before.len() < LEAST || after.len() < LEAST {
        return Judgement { shift, p: None };
    }
    Judgement { shift, p: Some(rank_test(&before, &after)) }
}

/// The values without what each hour of the day usually adds, where both stretches are long enough to tell that.
fn without_rhythm(before: &[Hour], after: &[Hour]) -> (Vec<f64>, Vec<f64>) {
    let of_day = |hour: &Hour| hour.at.rem_euclid(24);
    let (mut sums, mut counts) = ([0.0; 24], [0.0; 24]);
    let long = |hours: &[Hour]| {
        let days: std::collections::BTreeSet<i64> = hours.iter().map(|hour| hour.at.div_euclid(24)).collect();
        days.len() >= DAYS
    };
    let values = |hours: &[Hour]| hours.iter().map(|hour| hour.mean).collect::<Vec<f64>>();
    if !long(before) || !long(after) {
        return (values(before), values(after));
    }
    // Each stretch against its own mean: a difference between the two is no rhythm.
    for hours in [before, after] {
        let mean = mean(&values(hours));
        for hour in hours {
            let place = usize::try_from(of_day(hour)).unwrap_or(0);
            if let (Some(sum), Some(count)) = (sums.get_mut(place), counts.get_mut(place)) {
                *sum += hour.mean - mean;
                *count += 1.0;
            }
        }
    }
    let usual = |hour: &Hour| {
        let place = usize::try_from(of_day(hour)).unwrap_or(0);
        let (sum, count) = (sums.get(place).copied().unwrap_or(0.0), counts.get(place).copied().unwrap_or(0.0));
        if count > 0.0 { sum / count } else { 0.0 }
    };
    let without = |hours: &[Hour]| hours.iter().map(|hour| hour.mean - usual(hour)).collect();
    (without(before), without(after))
}

/// The middle of all differences between the two.
fn shift(before: &[f64], after: &[f64]) -> f64 {
    let thin = |values: &[f64]| {
        let step = values.len().div_ceil(MOST).max(1);
        values.iter().step_by(step).copied().collect::<Vec<f64>>()
    };
    let (before, after) = (thin(before), thin(after));
    let mut differences: Vec<f64> = after.iter().flat_map(|b| before.iter().map(move |a| b - a)).collect();
    if differences.is_empty() {
        return 0.0;
    }
    let middle = differences.len() / 2;
    *differences.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Two-sided probability of such ranks by chance.
#[allow(clippy::cast_precision_loss)]
fn rank_test(before: &[f64], after: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        before.iter().map(|v| (*v, false)).chain(after.iter().map(|v| (*v, true))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n, m) = (before.len() as f64, after.len() as f64);
    let total = n + m;
    let (mut ranks, mut ties, mut place) = (0.0, 0.0, 1.0);
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let length = same.len() as f64;
        let rank = place + (length - 1.0) / 2.0;
        ranks += rank * same.iter().filter(|(_, second)| *second).count() as f64;
        ties += length.powi(3) - length;
        place += length;
    }
    let u = ranks - m * (m + 1.0) / 2.0;
    let variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    let alike = likeness(before, after);
    2.0 * upper_tail(z * ((1.0 - alike) / (1.0 + alike)).sqrt())
}

/// How much an hour resembles the one before, beyond the mean of its stretch: from 0 to nearly 1.
#[allow(clippy::cast_precision_loss)]
fn likeness(before: &[f64], after: &[f64]) -> f64 {
    let (mut together, mut whole, mut count) = (0.0, 0.0, 0.0);
    for values in [before, after] {
        let mean = mean(values);
        whole += values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        together += values.windows(2).filter_map(|w| Some((w.first()? - mean) * (w.last()? - mean))).sum::<f64>();
        count += values.len() as f64;
    }
    if whole <= 0.0 {
        return 0.0;
    }
    // A short stretch makes it look smaller than it is.
    let alike = together / whole;
    (alike + (1.0 + 4.0 * alike) / count).clamp(0.0, 0.99)
}

#[allow(clippy::cast_precision_loss)]
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// How much of a normal distribution lies above (Abramowitz and Stegun 26.2.17).
fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, part| (sum + part) * t);
    (sum * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()).clamp(0.0, 0.5)
}

/// Of many comparisons, which count: so that of those told, one in twenty at most is chance (Benjamini and Hochberg).
#[allow(clippy::cast_precision_loss)]
pub fn telling(chances: &[Option<f64>]) -> Vec<bool> {
    const SHARE: f64 = 0.05;
    let mut known: Vec<f64> = chances.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    let count = known.len() as f64;
    let limit = (1..).zip(&known).filter(|(rank, p)| **p <= SHARE * f64::from(*rank) / count).map(|(_, p)| *p).last();
    chances.iter().map(|p| p.is_some_and(|p| limit.is_some_and(|limit| p <= limit))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine's noise: each hour like the one before, with a daily rhythm. Always the same for the same seed.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            // Twelve uniform ones make a normal one, nearly.
            let uniform = |seed: &mut u64| {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (*seed >> 11) as f64 / (1_u64 << 53) as f64
            };
            (0..12).map(|_| uniform(&mut self.0)).sum::<f64>() - 6.0
        }

        fn week(&mut self, start: i64, alike: f64, rhythm: f64, shift: f64) -> Vec<Hour> {
            let mut state = self.next();
            let hour = |at: i64| {
                state = alike * state + (1.0 - alike * alike).sqrt() * self.next();
                let day = (at as f64 * std::f64::consts::TAU / 24.0).sin();
                Hour { at, mean: 50.0 + shift + rhythm * day + state }
            };
            (start..start + 168).map(hour).collect()
        }
    }

    fn found(alike: f64, rhythm: f64, shift: f64) -> f64 {
        let mut noise = Noise(7);
        let rounds = 400;
        let hit = |_| {
            let (a, b) = (noise.week(0, alike, rhythm, 0.0), noise.week(168, alike, rhythm, shift));
            judge(&a, &b).p.unwrap() < 0.05
        };
        (0..rounds).map(hit).filter(|hit| *hit).count() as f64 / f64::from(rounds)
    }

    #[test]
    fn noise_alone_is_seldom_taken_for_a_change_and_a_change_is_seen() {
        for (alike, rhythm) in [(0.0, 0.0), (0.6, 0.0), (0.6, 5.0), (0.9, 2.0)] {
            let wrong = found(alike, rhythm, 0.0);
            assert!(wrong <= 0.085, "{wrong} of weeks without a change, {alike} alike, rhythm {rhythm}");
        }
        assert!(found(0.6, 5.0, 1.5) > 0.95);
        assert!(found(0.9, 2.0, 3.0) > 0.9);
    }

    #[test]
    fn the_shift_is_told_in_the_unit_of_the_values() {
        let mut noise = Noise(3);
        let (a, b) = (noise.week(0, 0.3, 4.0, 0.0), noise.week(168, 0.3, 4.0, 10.0));
        let judged = judge(&a, &b);
        assert!((judged.shift - 10.0).abs() < 0.5 && judged.p.unwrap() < 1e-6, "{judged:?}");
        let same = [Hour { at: 0, mean: 1.0 }; 30];
        assert_eq!(judge(&same, &same), Judgement { shift: 0.0, p: Some(1.0) });
        assert_eq!(judge(&same[..3], &same).p, None);
        assert_eq!(judge(&[], &[]), Judgement { shift: 0.0, p: None });
    }

    #[test]
    fn the_tail_is_that_of_the_books() {
        for (z, expected) in [(0.0, 0.5), (1.0, 0.158_655), (1.96, 0.024_998), (4.0, 3.167e-5)] {
            assert!((upper_tail(z) - expected).abs() < 1e-6, "{z}");
        }
    }

    #[test]
    fn of_many_comparisons_the_chance_ones_are_left_out() {
        let chances: Vec<Option<f64>> = (1..=100).map(|n| Some(f64::from(n) / 100.0)).collect();
        assert!(telling(&chances).iter().all(|told| !told));
        let mut chances = chances;
        chances[40] = Some(1e-9);
        chances[60] = None;
        let told = telling(&chances);
        assert!(told[40] && told.iter().filter(|told| **told).count() == 1);
        assert_eq!(telling(&[]), Vec::<bool>::new());
    }
}
