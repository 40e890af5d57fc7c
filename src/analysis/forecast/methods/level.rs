//! Levels: what a series returns to. Medians, since one peak must not move them.

use super::super::rank::median;

/// The median of the last so many steps.
pub(super) fn recent(past: &[f64], steps: usize) -> f64 {
    median(last(past, steps)).unwrap_or(0.0)
}

/// The last so many of them.
pub(super) fn last(past: &[f64], steps: usize) -> &[f64] {
    past.get(past.len().saturating_sub(steps)..).unwrap_or(past)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_steps_count() {
        assert_eq!(recent(&[9.0, 1.0, 2.0, 3.0], 3), 2.0);
        assert_eq!(recent(&[5.0], 30), 5.0);
    }
}
