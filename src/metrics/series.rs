//! From what samplers read to values: which series each belongs to, and how fast counts grew.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState},
    time::Duration,
};

use super::{Kind, Metric, collector::Reading};

/// Series of one metric beyond this number are left out: a machine with ten thousand containers must not fill the disk.
const MOST: usize = 1000;
/// The longest label, in bytes.
const LONGEST: usize = 120;
/// A series that was not seen for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// One of the lines of a metric: what its labels say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The metric.
    pub metric: &'static Metric,
    /// The labels, in the order of the metric.
    pub labels: Vec<String>,
}

/// A value of one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The series, by its number in [`Values`].
    pub series: u32,
    /// The value, in the unit of the metric; none when there is nothing to compare a count with yet.
    pub value: Option<f64>,
    /// Of a counter, the count itself.
    pub total: Option<f64>,
}

/// What samplers read, made values of.
#[derive(Debug, Default)]
pub struct Values {
    hasher: RandomState,
    numbers: HashMap<u64, u32>,
    series: Vec<Known>,
    free: Vec<u32>,
    counts: HashMap<&'static str, usize>,
    now: Duration,
    values: Vec<Value>,
    dropped: u64,
}

#[derive(Debug)]
struct Known {
    series: Series,
    key: u64,
    /// What was counted last: the count, of a ratio both counts, and when.
    last: Option<(u64, u64, Duration)>,
    seen: Duration,
}

impl Values {
    /// Begins the readings of a moment, which is told by a clock that never jumps.
    pub fn begin(&mut self, now: Duration) {
        self.now = now;
        self.values.clear();
    }

    /// The moment of the readings.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// What was read, with its series: to be handed to another.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let reading =
            |v: &Value| Some(Reading { series: self.series(v.series)?.clone(), value: v.value, total: v.total });
        self.values.iter().filter_map(reading).collect()
    }

    /// Takes what was read elsewhere.
    pub(super) fn put(&mut self, reading: &Reading) {
        let labels: Vec<&str> = reading.series.labels.iter().map(String::as_str).collect();
        if let Some(series) = self.number(reading.series.metric, &labels) {
            self.values.push(Value { series, value: reading.value, total: reading.total });
        }
    }

    /// What was read since then.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// A series by its number.
    pub fn series(&self, number: u32) -> Option<&Series> {
        self.series.get(index(number)).map(|known| &known.series)
    }

    /// How many series there are.
    pub fn count(&self) -> usize {
        self.series.len() - self.free.len()
    }

    /// How many readings were left out because there are too many series.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A value as it is.
    pub fn gauge(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        let Some(series) = self.number(metric, labels) else { return };
        if value.is_finite() {
            self.values.push(Value { series, value: Some(metric.rounded(value)), total: None });
        }
    }

    /// A count that only grows; `unit` is what one of it is in the unit of the metric.
    pub fn counter(&mut self, metric: &'static Metric, labels: &[&str], count: u64, unit: f64) {
        self.counted(metric, labels, count, unit, u64::MAX);
    }

    /// A count that the kernel keeps in 32 bits, and that begins anew when they are full.
    pub fn counter32(&mut self, metric: &'static Metric, labels: &[&str], count: u64, unit: f64) {
        self.counted(metric, labels, count, unit, u64::from(u32::MAX));
    }

    /// What was counted here and not by the kernel: how many in all, and how many of them since that moment. So the first
    /// ones count, too, and one that was not told for a while begins anew without harm.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn counted_here(
        &mut self,
        metric: &'static Metric,
        labels: &[&str],
        total: u64,
        new: u64,
        since: Duration,
    ) {
        let Some(series) = self.number(metric, labels) else { return };
        let seconds = self.now.saturating_sub(since).as_secs_f64();
        let value = (seconds > 0.0).then(|| metric.rounded(new as f64 / seconds));
        self.values.push(Value { series, value, total: Some(total as f64) });
    }

    #[allow(clippy::cast_precision_loss)]
    fn counted(&mut self, metric: &'static Metric, labels: &[&str], count: u64, unit: f64, most: u64) {
        let Some(series) = self.number(metric, labels) else { return };
        let now = self.now;
        let Some(known) = self.series.get_mut(index(series)) else { return };
        let before = known.last.replace((count, 0, now));
        let value = before.and_then(|(last, _, at)| {
            let seconds = now.saturating_sub(at).as_secs_f64();
            (seconds > 0.0).then(|| Some(grown(last, count, most)? as f64 * unit / seconds))?
        });
        let total = Some(count as f64 * unit);
        self.values.push(Value { series, value: value.map(|v| metric.rounded(v)), total });
    }

    /// How much `amount` grew for each that `times` did; nothing when that did not happen. Both may be kept in 32 bits.
    #[allow(clippy::cast_precision_loss)]
    pub fn ratio(&mut self, metric: &'static Metric, labels: &[&str], amount: u64, times: u64, unit: f64) {
        debug_assert_eq!(metric.kind, Kind::Ratio);
        let Some(series) = self.number(metric, labels) else { return };
        let now = self.now;
        let Some(known) = self.series.get_mut(index(series)) else { return };
        let Some((last_amount, last_times, _)) = known.last.replace((amount, times, now)) else { return };
        let most = u64::from(u32::MAX);
        let (Some(amount), Some(times @ 1..)) = (grown(last_amount, amount, most), grown(last_times, times, u64::MAX))
        else {
            return;
        };
        let value = metric.rounded(amount as f64 * unit / times as f64);
        self.values.push(Value { series, value: Some(value), total: None });
    }

    /// Forgets series that were not seen for long.
    pub fn forget(&mut self) {
        for (number, known) in self.series.iter_mut().enumerate() {
            if known.key != GONE && self.now.saturating_sub(known.seen) > FORGOTTEN {
                self.numbers.remove(&known.key);
                known.key = GONE;
                known.last = None;
                if let Some(count) = self.counts.get_mut(known.series.metric.name) {
                    *count = count.saturating_sub(1);
                }
                self.free.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
    }

    /// The number of a series, which is made known when it is new.
    fn number(&mut self, metric: &'static Metric, labels: &[&str]) -> Option<u32> {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let mut hasher = self.hasher.build_hasher();
        metric.name.hash(&mut hasher);
        labels.iter().for_each(|label| short(label).hash(&mut hasher));
        let mut key = hasher.finish().max(GONE + 1);
        while let Some(number) = self.numbers.get(&key).copied() {
            let known = self.series.get_mut(index(number))?;
            let same = known.series.metric == metric
                && known.series.labels.iter().zip(labels).all(|(known, label)| known == short(label));
            if same {
                known.seen = self.now;
                return Some(number);
            }
            key = key.wrapping_add(1);
        }
        let count = self.counts.entry(metric.name).or_insert(0);
        if *count >= MOST {
            self.dropped += 1;
            return None;
        }
        *count += 1;
        let labels = labels.iter().map(|label| short(label).to_owned()).collect();
        let known = Known { series: Series { metric, labels }, key, last: None, seen: self.now };
        let number = match self.free.pop() {
            Some(number) => {
                *self.series.get_mut(index(number))? = known;
                number
            }
            None => {
                self.series.push(known);
                u32::try_from(self.series.len() - 1).ok()?
            }
        };
        self.numbers.insert(key, number);
        Some(number)
    }
}

/// The key of a number that is free.
const GONE: u64 = 0;

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A label that is not too long.
fn short(label: &str) -> &str {
    label.get(..label.floor_char_boundary(LONGEST)).unwrap_or_default()
}

/// How much a count grew; none when it began anew. One that is full begins at nothing: then it stood near its end.
fn grown(last: u64, now: u64, most: u64) -> Option<u64> {
    if now >= last {
        return Some(now - last);
    }
    let near_end = most < u64::MAX && last <= most && last > most / 4 * 3 && now < most / 4;
    near_end.then(|| most - last + now + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Better, Total};

    static COUNT: Metric = Metric {
        name: "a.count",
        title: "Counts",
        unit: "By/s",
        kind: Kind::Counter(Total { name: "a", unit: "By" }),
        about: "",
        labels: &["device"],
        decimals: 1,
        better: Better::Neither,
        says: None,
    };
    static MEAN: Metric = Metric {
        name: "a.mean",
        title: "Mean",
        unit: "s",
        kind: Kind::Ratio,
        about: "",
        labels: &[],
        decimals: 6,
        better: Better::Less,
        says: None,
    };

    fn at(values: &mut Values, seconds: u64) {
        values.begin(Duration::from_secs(seconds));
    }

    fn read(values: &Values) -> Vec<Option<f64>> {
        values.values().iter().map(|v| v.value).collect()
    }

    #[test]
    fn a_count_becomes_how_fast_it_grows() {
        let mut values = Values::default();
        at(&mut values, 10);
        values.counter(&COUNT, &["sda"], 1000, 512.0);
        assert_eq!((read(&values), values.values()[0].total), (vec![None], Some(512_000.0)));
        at(&mut values, 20);
        values.counter(&COUNT, &["sda"], 1010, 512.0);
        assert_eq!(read(&values), [Some(512.0)]);
        // It began anew: how much it grew is not known, and is not made up.
        at(&mut values, 30);
        values.counter(&COUNT, &["sda"], 5, 512.0);
        assert_eq!(read(&values), [None]);
        at(&mut values, 40);
        values.counter(&COUNT, &["sda"], 15, 512.0);
        assert_eq!(read(&values), [Some(512.0)]);
    }

    #[test]
    fn a_count_of_32_bits_that_is_full_goes_on() {
        let full = u64::from(u32::MAX);
        assert_eq!(grown(full - 5, 4, full), Some(10));
        assert_eq!(grown(5000, 4, full), None);
        assert_eq!(grown(u64::MAX - 5, 4, u64::MAX), None);
        let mut values = Values::default();
        at(&mut values, 1);
        values.counter32(&COUNT, &["sda"], full - 9, 1.0);
        at(&mut values, 2);
        values.counter32(&COUNT, &["sda"], 10, 1.0);
        assert_eq!(read(&values), [Some(20.0)]);
    }

    #[test]
    fn what_is_counted_here_counts_from_the_first() {
        let mut values = Values::default();
        at(&mut values, 100);
        values.counted_here(&COUNT, &["a"], 0, 0, Duration::from_secs(100));
        assert_eq!(read(&values), [None], "no time has passed");
        at(&mut values, 160);
        values.counted_here(&COUNT, &["b"], 30, 30, Duration::from_secs(100));
        assert_eq!((read(&values), values.values()[0].total), (vec![Some(0.5)], Some(30.0)));
        // It was forgotten meanwhile and counts from nothing.
        at(&mut values, 220);
        values.counted_here(&COUNT, &["b"], 6, 6, Duration::from_secs(160));
        assert_eq!(read(&values), [Some(0.1)]);
    }

    #[test]
    fn a_ratio_is_told_only_when_something_happened() {
        let mut values = Values::default();
        for (second, amount, times, expected) in
            [(1, 100, 10, vec![]), (2, 160, 40, vec![Some(0.002)]), (3, 160, 40, vec![]), (4, 3, 2, vec![])]
        {
            at(&mut values, second);
            values.ratio(&MEAN, &[], amount, times, 0.001);
            assert_eq!(read(&values), expected, "second {second}");
        }
    }

    #[test]
    fn a_flood_of_series_is_bounded_and_old_ones_are_forgotten() {
        let mut values = Values::default();
        at(&mut values, 1);
        for n in 0..MOST + 50 {
            values.counter(&COUNT, &[&format!("veth{n}")], 1, 1.0);
        }
        assert_eq!((values.count(), values.dropped()), (MOST, 50));
        at(&mut values, 2 + FORGOTTEN.as_secs());
        values.counter(&COUNT, &["veth0"], 2, 1.0);
        values.forget();
        assert_eq!(values.count(), 1);
        values.counter(&COUNT, &[&"ä".repeat(500)], 1, 1.0);
        assert_eq!(values.count(), 2);
        let last = values.values().last().unwrap();
        assert_eq!(values.series(last.series).unwrap().labels[0].len(), LONGEST);
        // The same long name is the same series.
        values.counter(&COUNT, &[&"ä".repeat(500)], 1, 1.0);
        assert_eq!(values.count(), 2);
    }
}
