//! Two times side by side: what of all that is measured changed, by how much, and whether that is more than the usual noise.
//! It reads the store and the spool, and nothing else.

mod event;
mod noise;
mod output;
mod pick;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

pub use event::event;
pub use output::{csv_rows, markdown};
pub use pick::{NAMES, Period};
pub use text::text;

use crate::{
    metrics::{self, Better, Metric, said},
    store::{Point, SeriesRow, Store, StoreError},
    words,
};

/// A mean of one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// Hours since 1970.
    at: i64,
    mean: f64,
}

/// Two times side by side.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Comparison {
    /// Version of this shape.
    pub schema_version: u32,
    /// Host name.
    pub host: String,
    /// The first time.
    pub before: Time,
    /// The second.
    pub after: Time,
    /// What it says, in a sentence.
    pub sentence: String,
    /// What changed by more than the usual noise, what matters most first.
    pub changes: Vec<Change>,
    /// What did not.
    pub same: Vec<Change>,
    /// How many series had too few hours in one of the times.
    pub too_few: usize,
    /// How it was told from noise.
    pub test: String,
}

/// A time that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Time {
    /// What people call it.
    pub name: String,
    /// From when on.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// Until before when.
    #[schemars(with = "String")]
    pub to: Timestamp,
}

/// One series in both times.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Change {
    /// The metric.
    pub metric: String,
    /// What people call it.
    pub title: String,
    /// Its unit, as OpenTelemetry writes it.
    pub unit: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it was before.
    pub before: Level,
    /// What it was after.
    pub after: Level,
    /// By how much it is more after, without its daily rhythm.
    pub shift: f64,
    /// How likely such a difference is by chance alone.
    pub p: Option<f64>,
    /// Whether that is better, worse or neither.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
}

/// What a series was like in a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Level {
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
}

/// What a change means for the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better than before.
    Better,
    /// Worse than before.
    Worse,
    /// Neither by itself.
    Neither,
}

impl Verdict {
    /// Of a rise or a fall, where this direction is better.
    pub(crate) fn of(better: Better, rose: bool) -> Self {
        match (better, rose) {
            (Better::Neither, _) => Verdict::Neither,
            (Better::Less, true) | (Better::More, false) => Verdict::Worse,
            (Better::Less, false) | (Better::More, true) => Verdict::Better,
        }
    }
}

/// The version of the shape.
const SCHEMA_VERSION: u32 = 1;
const TEST: &str = "A change is told when it is more than noise by the rank test of Mann and Whitney over hourly means, without \
                    their daily rhythm and made stricter by how much an hour resembles the one before; of the changes told, \
                    one in twenty at most is chance (Benjamini and Hochberg). What moved by less than 5% is not told.";
/// What moved by less than this share is not told, however sure it is.
const LEAST: f64 = 0.05;
/// A share of a whole that moved by less than this is not told.
const LEAST_SHARE: f64 = 0.005;

/// Compares two times.
///
/// # Errors
/// When the store cannot be read.
pub fn compare(store: &Store, host: (&str, &str), before: &Period, after: &Period) -> Result<Comparison, StoreError> {
    let spool = store.spool();
    let series = store.series(host.0, None, Some(&spool))?;
    let known: Vec<(&'static Metric, &SeriesRow)> =
        series.iter().filter_map(|row| Some((metrics::metric(&row.metric)?, row))).collect();
    let hour = SignedDuration::from_hours(1);
    let points = |period: &Period| store.points(&series, (period.from, period.to), hour, Some(&spool));
    let (first, second) = (points(before)?, points(after)?);
    let of = |all: &'_ [Vec<Point>], row: &SeriesRow| {
        series.iter().position(|known| known == row).and_then(|place| all.get(place).cloned()).unwrap_or_default()
    };
    let mut found = Vec::new();
    let mut too_few = 0;
    for (metric, row) in known {
        let (a, b) = (of(&first, row), of(&second, row));
        match change(metric, row, &a, &b) {
            Some(change) if change.p.is_some() => found.push(change),
            _ => too_few += 1,
        }
    }
    let told = noise::telling(&found.iter().map(|change| change.p).collect::<Vec<_>>());
    let (mut changes, mut same) = (Vec::new(), Vec::new());
    for (mut change, told) in found.into_iter().zip(told) {
        if told && change.matters() {
            changes.push(change);
        } else {
            change.sentence = change.steady();
            same.push(change);
        }
    }
    changes.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
    let time = |period: &Period| Time { name: period.name.clone(), from: period.from, to: period.to };
    Ok(Comparison {
        schema_version: SCHEMA_VERSION,
        host: host.1.to_owned(),
        sentence: sentence(&changes, &same, before, after),
        before: time(before),
        after: time(after),
        changes,
        same,
        too_few,
        test: TEST.to_owned(),
    })
}

fn hours(points: &[Point]) -> Vec<Hour> {
    points.iter().map(|p| Hour { at: p.at.as_second().div_euclid(3600), mean: p.mean }).collect()
}

/// How a series differs between two stretches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moved {
    /// There are too few hours to tell.
    TooFew,
    /// No more than the usual noise, or too little to matter.
    Same,
    /// By so much, beyond noise.
    By(f64),
}

/// How series differ between two stretches of hours: of each its unit, and the hours before and after.
pub(crate) fn moved(series: &[(&str, &[Point], &[Point])]) -> Vec<Moved> {
    let judged: Vec<noise::Judgement> =
        series.iter().map(|(_, before, after)| noise::judge(&hours(before), &hours(after))).collect();
    let told = noise::telling(&judged.iter().map(|j| j.p).collect::<Vec<_>>());
    let each = series.iter().zip(judged).zip(told);
    each.map(|(((unit, before, after), judged), told)| match (judged.p, level(before), level(after)) {
        (Some(_), Some(before), Some(after)) if told && matters(unit, before.mean, after.mean, judged.shift) => {
            Moved::By(judged.shift)
        }
        (Some(_), ..) => Moved::Same,
        (None, ..) => Moved::TooFew,
    })
    .collect()
}

/// Whether a difference is large enough to be told.
fn matters(unit: &str, before: f64, after: f64, shift: f64) -> bool {
    let size = before.abs().max(after.abs());
    let share = unit != "1" || shift.abs() >= LEAST_SHARE;
    size > 0.0 && shift.abs() >= size * LEAST && share
}

/// The least, the mean and the most; none where nothing was measured.
pub(crate) fn level(points: &[Point]) -> Option<Level> {
    let count: u64 = points.iter().map(|p| p.count).sum();
    #[allow(clippy::cast_precision_loss)]
    let mean = points.iter().map(|p| p.mean * p.count as f64).sum::<f64>() / count as f64;
    (count > 0).then(|| Level {
        min: points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min),
        mean,
        max: points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max),
    })
}

fn change(metric: &'static Metric, row: &SeriesRow, before: &[Point], after: &[Point]) -> Option<Change> {
    let (first, second) = (level(before)?, level(after)?);
    let judged = noise::judge(&hours(before), &hours(after));
    let verdict = Verdict::of(metric.better, judged.shift > 0.0);
    Some(Change {
        metric: metric.name.to_owned(),
        title: metric.title.to_owned(),
        unit: metric.unit.to_owned(),
        sentence: told(metric, row, first.mean, second.mean),
        labels: row.labels.clone(),
        before: first,
        after: second,
        shift: judged.shift,
        p: judged.p,
        verdict,
    })
}

/// What a series is called: `Read and written (sda, read)`.
fn name(metric: &Metric, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> =
        metric.labels.iter().filter_map(|label| labels.get(*label)).map(|text| words::harmless(text)).collect();
    if labels.is_empty() { metric.title.to_owned() } else { format!("{} ({})", metric.title, labels.join(", ")) }
}

/// `Memory in use rose from 41% to 52%`.
fn told(metric: &Metric, row: &SeriesRow, before: f64, after: f64) -> String {
    let name = name(metric, &row.labels);
    let verb = if after > before { "rose" } else { "fell" };
    let value = |v: f64| said::scale(metric, v);
    let times = match after / before {
        times if times >= 2.0 && times.is_finite() => format!(", {} times as much", said::times(times)),
        _ => String::new(),
    };
    let time = if metric.says.is_some() { " of the time" } else { "" };
    format!("{name} {verb} from {} to {}{time}{times}", value(before), value(after))
}

impl Change {
    /// Whether it is large enough to be told.
    fn matters(&self) -> bool {
        matters(&self.unit, self.before.mean, self.after.mean, self.shift)
    }

    /// The same where it is no more than noise: `Memory in use: 41%, then 41.2%`.
    fn steady(&self) -> String {
        let value = |v: f64| said::in_unit(&self.unit, v);
        let name =
            metrics::metric(&self.metric).map_or_else(|| self.title.clone(), |metric| name(metric, &self.labels));
        format!("{name}: {}, then {}", value(self.before.mean), value(self.after.mean))
    }

    /// What is worse comes first, then what moved most.
    fn weight(&self) -> f64 {
        let size = self.before.mean.abs().max(self.after.mean.abs()).max(f64::MIN_POSITIVE);
        let worse = match self.verdict {
            Verdict::Worse => 2.0,
            Verdict::Better => 1.0,
            Verdict::Neither => 0.0,
        };
        worse + (self.shift.abs() / size).min(0.999)
    }
}

fn sentence(changes: &[Change], same: &[Change], before: &Period, after: &Period) -> String {
    let all = changes.len() + same.len();
    if all == 0 {
        return format!("Too little was measured in {} or {} to compare them.", before.name, after.name);
    }
    let lines = words::count(all, "thing that is measured", "things that are measured");
    let count = |verdict: Verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    match (changes.len(), count(Verdict::Worse), count(Verdict::Better)) {
        (0, ..) => format!("Of {lines}, none changed by more than the usual noise."),
        (changed, 0, 0) => format!("Of {lines}, {changed} changed by more than the usual noise."),
        (changed, worse, better) => format!(
            "Of {lines}, {changed} changed by more than the usual noise: {worse} for the worse, {better} for the better."
        ),
    }
}
