//! Small sets of numbers: the minutes, hours, days that a schedule names.

/// Numbers from 0 to 63.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Set(u64);

impl Set {
    pub(super) const EMPTY: Set = Set(0);
    pub(super) const MINUTES: Set = Set((1 << 60) - 1);
    pub(super) const HOURS: Set = Set((1 << 24) - 1);
    pub(super) const DAYS: Set = Set(((1 << 31) - 1) << 1);
    pub(super) const MONTHS: Set = Set(((1 << 12) - 1) << 1);
    /// Sunday is 0.
    pub(super) const WEEKDAYS: Set = Set((1 << 7) - 1);
    pub(super) const WORKDAYS: Set = Set(0b011_1110);
    pub(super) const WEEKEND: Set = Set(0b100_0001);

    pub(super) fn one(n: u32) -> Set {
        Set(if n < 64 { 1 << n } else { 0 })
    }

    /// `low`, `low + step` and so on, up to `high`.
    pub(super) fn steps(low: u32, high: u32, step: u32) -> Set {
        (low..=high.min(63)).step_by(usize::try_from(step.max(1)).unwrap_or(1)).collect()
    }

    pub(super) fn insert(&mut self, n: u32) {
        *self = self.or(Set::one(n));
    }

    pub(super) fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    pub(super) fn has(self, n: u32) -> bool {
        n < 64 && self.0 >> n & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |n| self.has(*n))
    }

    pub(super) fn first(self) -> Option<u32> {
        self.iter().next()
    }

    /// The step where it is what `*/step` means in a field from `low` to `high`; 1 for all of them.
    pub(super) fn star_step(self, low: u32, high: u32) -> Option<u32> {
        (1..=high).find(|step| Set::steps(low, high, *step) == self)
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Set {
        numbers.into_iter().fold(Set::EMPTY, |set, n| set.or(Set::one(n)))
    }
}

/// Rising numbers as runs: 1, 2, 3, 7 is 1 to 3, and 7. Two neighbours are no run.
pub(super) fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for &n in numbers {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => found.push((n, n)),
        }
    }
    let split = |(a, b): (u32, u32)| if a + 1 == b { vec![(a, a), (b, b)] } else { vec![(a, b)] };
    found.into_iter().flat_map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Set::steps(5, 59, 20);
        assert_eq!(set.iter().collect::<Vec<_>>(), [5, 25, 45]);
        assert!(set.has(25) && !set.has(26) && !set.has(64));
        assert_eq!((Set::DAYS.first(), Set::DAYS.len(), Set::one(64)), (Some(1), 31, Set::EMPTY));
    }

    #[test]
    fn a_step_is_recognised() {
        assert_eq!(Set::steps(0, 59, 15).star_step(0, 59), Some(15));
        assert_eq!(Set::HOURS.star_step(0, 23), Some(1));
        assert_eq!(Set::steps(1, 59, 15).star_step(0, 59), None);
    }

    #[test]
    fn runs_are_of_three_or_more() {
        assert_eq!(runs(&[1, 2, 3, 7, 8]), [(1, 3), (7, 7), (8, 8)]);
        assert_eq!(runs(&[]), []);
    }
}
