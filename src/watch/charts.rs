//! The metrics that were chosen: one value a moment out of their series, and the last minutes of it.

use std::collections::VecDeque;

use crate::metrics::{Kind, Metric};

/// A metric that was chosen, perhaps with labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The metric.
    pub metric: &'static Metric,
    /// What labels of a series must be among; nothing means all of them.
    pub labels: Vec<String>,
}

impl Chosen {
    /// Reads `system.network.io` or `system.network.io{eth0,receive}`; none when there is no such metric.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('{').map_or((text, ""), |(name, rest)| (name, rest));
        let labels = rest.trim_end_matches('}').split(',').map(str::trim).filter(|label| !label.is_empty());
        Some(Chosen { metric: crate::metrics::metric(name)?, labels: labels.map(str::to_owned).collect() })
    }

    /// What it is called.
    pub fn title(&self) -> String {
        match self.labels.as_slice() {
            [] => self.metric.title.to_owned(),
            labels => format!("{} {}", self.metric.title, labels.join(" ")),
        }
    }

    /// Adds a series to what is held: amounts add up; of shares and times, the largest counts.
    pub fn add(&self, metric: &'static Metric, labels: &[&str], value: f64, held: &mut Option<f64>) {
        if metric != self.metric || !self.labels.iter().all(|label| labels.contains(&label.as_str())) {
            return;
        }
        let modes = metric.labels.last() == Some(&"cpu.mode");
        if self.labels.is_empty() {
            let idle = modes && labels.last().is_some_and(|mode| matches!(*mode, "idle" | "iowait"));
            let own = metric.name.starts_with("system.network.") && labels.first() == Some(&"lo");
            if idle || own {
                return;
            }
        }
        let largest = !modes && (matches!(metric.unit, "1" | "s" | "Cel") || metric.kind == Kind::Ratio);
        *held = Some(match *held {
            None => value,
            Some(before) if largest => before.max(value),
            Some(before) => before + value,
        });
    }
}

/// The most values that are kept of a metric.
const MOST: usize = 4000;

/// The last minutes of a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ring {
    /// Moments in microseconds, and values.
    values: VecDeque<(i64, f64)>,
}

impl Ring {
    /// Adds a value.
    pub fn push(&mut self, at: i64, value: f64) {
        // A clock that was set back begins anew.
        while self.values.back().is_some_and(|(last, _)| *last > at) {
            self.values.pop_back();
        }
        self.values.push_back((at, value));
        if self.values.len() > MOST {
            self.values.pop_front();
        }
    }

    /// Puts what was known before in front.
    pub fn before(&mut self, mut past: Vec<(i64, f64)>) {
        past.sort_by_key(|(at, _)| *at);
        let first = self.values.front().map_or(i64::MAX, |(at, _)| *at);
        for value in past.into_iter().rev().filter(|(at, _)| *at < first) {
            if self.values.len() < MOST {
                self.values.push_front(value);
            }
        }
    }

    /// The mean of each of so many stretches of `width` microseconds, the last one that which holds `now`. They begin at
    /// whole multiples, so that a picture of them moves only when a stretch is over. A short time without values holds the
    /// last one.
    pub fn columns(&self, now: i64, width: i64, count: usize) -> Vec<Option<f64>> {
        let width = width.max(1);
        let last = now.div_euclid(width);
        let count = i64::try_from(count).unwrap_or(0);
        let first = last.saturating_sub(count).saturating_add(1);
        let mut sums = vec![(0.0, 0_u32); usize::try_from(count).unwrap_or(0)];
        let mut before = None;
        for (at, value) in &self.values {
            let column = at.div_euclid(width);
            if column < first {
                before = Some((column, *value));
            } else if let Some((sum, n)) = usize::try_from(column - first).ok().and_then(|place| sums.get_mut(place)) {
                *sum += value;
                *n += 1;
            }
        }
        let mut held = before;
        let column = |(place, (sum, n)): (i64, &(f64, u32))| {
            if *n > 0 {
                held = Some((place, sum / f64::from(*n)));
            }
            held.filter(|(at, _)| place.saturating_sub(*at).saturating_mul(width) <= HELD).map(|(_, value)| value)
        };
        (first..).zip(&sums).map(column).collect()
    }
}

/// For so long a value is shown when none follows: the history may hold one in ten seconds.
const HELD: i64 = 15_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_moves_only_when_a_stretch_is_over() {
        let mut ring = Ring::default();
        for second in 100..110 {
            ring.push(second * 1_000_000, second as f64);
        }
        let columns = |now: i64| ring.columns(now * 1_000_000, 5_000_000, 3);
        assert_eq!(columns(109), [None, Some(102.0), Some(107.0)]);
        assert_eq!(columns(105), columns(109));
        // Without new values the last one is held for a while.
        assert_eq!(columns(124), [Some(109.0), Some(109.0), Some(109.0)]);
        assert_eq!(columns(130), [Some(109.0), None, None]);
        ring.before(vec![(95_000_000, 1.0), (200_000_000, 9.0)]);
        assert_eq!(ring.columns(109_000_000, 5_000_000, 3), [Some(1.0), Some(102.0), Some(107.0)]);
        // The clock was set back.
        ring.push(101_000_000, 7.0);
        assert_eq!(ring.columns(109_000_000, 5_000_000, 2), [Some((100.0 + 101.0 + 7.0) / 3.0); 2]);
    }

    #[test]
    fn a_chosen_metric_may_name_labels() {
        let chosen = Chosen::parse("system.network.io{ lo, receive}").unwrap();
        assert_eq!((chosen.metric.name, chosen.title().as_str()), ("system.network.io", "Network traffic lo receive"));
        let mut held = None;
        chosen.add(chosen.metric, &["lo", "receive"], 5.0, &mut held);
        chosen.add(chosen.metric, &["lo", "transmit"], 7.0, &mut held);
        assert_eq!(held, Some(5.0));
        assert_eq!(Chosen::parse("system.nothing"), None);
        let busy = Chosen::parse("system.disk.utilization").unwrap();
        let mut held = None;
        busy.add(busy.metric, &["sda"], 0.5, &mut held);
        busy.add(busy.metric, &["sdb"], 0.2, &mut held);
        assert_eq!(held, Some(0.5), "two disks at work are not more than one whole");
    }
}
