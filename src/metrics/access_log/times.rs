//! How long answers took: mean, longest, and what 95 of 100 did not exceed, at a fixed cost however many there are.

/// Each step is by so much longer than the one before, which is how exact the 95 of 100 are.
const STEP: f64 = 1.02;
/// Shorter times are all the same, in seconds.
const SHORTEST: f64 = 0.000_01;
/// Steps up to more than a day.
const STEPS: usize = 1200;

/// Times of a minute.
#[derive(Debug, Default)]
pub(super) struct Times {
    steps: Vec<u32>,
    count: u32,
    sum: f64,
    most: f64,
}

impl Times {
    /// One answer took so many seconds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of steps")]
    pub fn add(&mut self, seconds: f64) {
        self.steps.resize(STEPS, 0);
        let step = ((seconds / SHORTEST).ln() / STEP.ln()).ceil().clamp(0.0, STEPS as f64 - 1.0) as usize;
        if let Some(step) = self.steps.get_mut(step) {
            *step = step.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum += seconds;
        self.most = self.most.max(seconds);
    }

    /// The mean, what 95 of 100 did not exceed, and the most; none where there were no answers.
    pub fn told(&self) -> Option<[(&'static str, f64); 3]> {
        if self.count == 0 {
            return None;
        }
        let wanted = f64::from(self.count) * 0.95;
        let mut before = 0.0;
        let step = self.steps.iter().position(|count| {
            before += f64::from(*count);
            before >= wanted
        })?;
        // In the middle of the step.
        let p95 = SHORTEST * STEP.powf(step as f64 - 0.5);
        Some([("mean", self.sum / f64::from(self.count)), ("p95", p95.min(self.most)), ("max", self.most)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seconds: impl IntoIterator<Item = f64>) -> Option<[f64; 3]> {
        let mut times = Times::default();
        seconds.into_iter().for_each(|s| times.add(s));
        times.told().map(|told| told.map(|(_, value)| value))
    }

    #[test]
    fn mean_p95_and_most_are_told() {
        assert_eq!(told([]), None);
        assert_eq!(told([0.0]), Some([0.0; 3]));
        let [mean, p95, most] = told((1..=1000).map(|ms| f64::from(ms) / 1000.0)).unwrap();
        assert!((mean - 0.5005).abs() < 1e-9 && (most - 1.0).abs() < 1e-9);
        assert!((p95 / 0.95 - 1.0).abs() < 0.011, "{p95}");
        let [_, p95, most] = told([0.003, 5000.0, 1e9, 1e9]).unwrap();
        assert!(p95 > 80_000.0 && p95 <= most && most == 1e9);
    }
}
