//! Counts by a name that anyone may choose: the few that count most have a series of their own, the rest are told
//! together. So no flood of names becomes a flood of series.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::words::harmless;

/// What the rest is told as.
pub(super) const OTHER: &str = "other";
/// A name with nothing to count for so long makes room for another.
const SILENT: Duration = Duration::from_secs(3600);
/// The most names that are told apart between two samples.
const NAMES: usize = 1000;
/// The longest name, in bytes.
const LONGEST: usize = 120;

/// Counts by name.
#[derive(Debug)]
pub(super) struct Few {
    most: usize,
    kept: BTreeMap<String, Count>,
    other: u64,
    /// What was counted since the last sample.
    new: HashMap<String, u64>,
    new_other: u64,
}

#[derive(Debug)]
struct Count {
    total: u64,
    /// When it last grew.
    grew: Duration,
}

impl Few {
    /// At most so many names have their own count.
    pub fn new(most: usize) -> Self {
        Few { most, kept: BTreeMap::new(), other: 0, new: HashMap::new(), new_other: 0 }
    }

    /// Counts one.
    pub fn add(&mut self, name: &str) {
        let name = name.get(..name.floor_char_boundary(LONGEST)).unwrap_or_default();
        if let Some(count) = self.new.get_mut(name) {
            *count += 1;
        } else if self.new.len() < NAMES {
            self.new.insert(name.to_owned(), 1);
        } else {
            self.new_other += 1;
        }
    }

    /// Tells of each name how many there were in all, and how many of them since the last time.
    pub fn tell(&mut self, now: Duration, mut tell: impl FnMut(&str, u64, u64)) {
        let mut new: Vec<(String, u64)> = std::mem::take(&mut self.new).into_iter().collect();
        // Those that count most come first, and find room.
        new.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        let mut other = std::mem::take(&mut self.new_other);
        let mut grown = BTreeMap::new();
        self.kept.retain(|_, count| now.saturating_sub(count.grew) < SILENT);
        for (name, count) in new {
            let name = harmless(&name);
            if !self.kept.contains_key(&name) && self.kept.len() >= self.most {
                other += count;
                continue;
            }
            let kept = self.kept.entry(name.clone()).or_insert(Count { total: 0, grew: now });
            kept.total += count;
            kept.grew = now;
            *grown.entry(name).or_insert(0) += count;
        }
        for (name, count) in &self.kept {
            tell(name, count.total, grown.get(name).copied().unwrap_or(0));
        }
        self.other += other;
        if self.other > 0 {
            tell(OTHER, self.other, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(few: &mut Few, seconds: u64) -> Vec<(String, u64, u64)> {
        let mut told = Vec::new();
        few.tell(Duration::from_secs(seconds), |name, total, new| told.push((name.to_owned(), total, new)));
        told
    }

    fn add(few: &mut Few, counts: &[(&str, u64)]) {
        counts.iter().for_each(|(name, n)| (0..*n).for_each(|_| few.add(name)));
    }

    #[test]
    fn the_few_that_count_most_are_told_apart() {
        let mut few = Few::new(2);
        assert_eq!(told(&mut few, 0), []);
        add(&mut few, &[("a", 1), ("b", 5), ("c", 2), ("d", 1)]);
        let of = |name: &str, total, new| (name.to_owned(), total, new);
        assert_eq!(told(&mut few, 60), [of("b", 5, 5), of("c", 2, 2), of(OTHER, 2, 2)]);
        add(&mut few, &[("c", 1), ("a", 9)]);
        assert_eq!(told(&mut few, 120), [of("b", 5, 0), of("c", 3, 1), of(OTHER, 11, 9)]);
        // After an hour of silence one makes room.
        add(&mut few, &[("a", 1), ("c", 1)]);
        assert_eq!(told(&mut few, 3700), [of("a", 1, 1), of("c", 4, 1), of(OTHER, 11, 0)]);
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_harmless() {
        let mut few = Few::new(3);
        (0..5000).for_each(|n| few.add(&format!("n{n}")));
        add(&mut few, &[("\u{1b}[31m", 0)]);
        let all = told(&mut few, 60);
        assert_eq!(all.len(), 4);
        assert_eq!(all.iter().map(|(_, total, _)| total).sum::<u64>(), 5000);
        let mut few = Few::new(3);
        few.add("a\u{1b}[31m");
        few.add(&"ä".repeat(5000));
        assert!(told(&mut few, 60).iter().all(|(name, ..)| !name.contains('\u{1b}') && name.len() <= LONGEST));
    }
}
