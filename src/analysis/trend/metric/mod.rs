//! How one metric went over time: its series side by side or put together by a label. It reads the store and the spool, and
//! nothing else.

mod output;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeMap, path::Path};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

pub use output::{csv_rows, svg};
pub use text::text;

use crate::{
    metrics::{self, Metric, said},
    store::{Point, Store, StoreError},
    words,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// How the history names the machine, and its name for people.
    pub host: (&'a str, &'a str),
    /// The metric.
    pub metric: &'static Metric,
    /// From when on, until before when.
    pub time: (Timestamp, Timestamp),
    /// The label by which series are put together; none leaves each on its own.
    pub by: Option<&'a str>,
    /// What labels have to be.
    pub only: &'a [(String, String)],
    /// How many points at most.
    pub points: usize,
}

/// How a metric went.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricTrend {
    /// Version of this shape.
    pub schema_version: u32,
    /// Host name.
    pub host: String,
    /// The metric.
    pub metric: String,
    /// What people call it.
    pub title: String,
    /// Its unit, as OpenTelemetry writes it.
    pub unit: String,
    /// What it shows, in sentences.
    pub sentence: String,
    /// When it begins.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// When it ends.
    #[schemars(with = "String")]
    pub to: Timestamp,
    /// How long the stretch of time of a point is, in seconds.
    pub width: i64,
    /// The lines, the largest first.
    pub lines: Vec<Line>,
    /// What each is told in.
    #[serde(skip)]
    pub(super) told: &'static Metric,
}

/// One line: a series, or several that were put together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Line {
    /// What its labels say, in words: `sda read`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The least value of all.
    pub min: f64,
    /// The mean of all samples.
    pub mean: f64,
    /// The largest value of all.
    pub max: f64,
    /// The last value.
    pub last: f64,
    /// The points, oldest first; a time in which nothing was measured has none.
    pub points: Vec<TrendPoint>,
}

/// What was measured in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct TrendPoint {
    /// When it began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
}

/// The version of the shape.
const SCHEMA_VERSION: u32 = 1;
/// How long stretches of time may be, in seconds: people think in these.
const WIDTHS: [i64; 14] = [1, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800];
/// What people call the metrics that they ask for most.
const SHORT: [(&str, &str); 9] = [
    ("cpu", "system.cpu.utilization"),
    ("load", "system.cpu.load_average.5m"),
    ("memory", "system.memory.utilization"),
    ("swap", "system.paging.utilization"),
    ("disk", "system.filesystem.utilization"),
    ("io", "system.disk.io"),
    ("network", "system.network.io"),
    ("pressure", "system.pressure.stall"),
    ("temperature", "hw.temperature"),
];

/// The metric that someone means, by its name or its short one.
pub fn meant(name: &str) -> Option<&'static Metric> {
    let whole = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, whole)| whole);
    metrics::metric(whole)
}

/// All names by which a metric may be meant.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHORT.iter().map(|(short, _)| *short).chain(metrics::metrics().map(|metric| metric.name))
}

/// How it went.
///
/// # Errors
/// When the store cannot be read.
pub fn trend(store: &Store, asked: &Asked<'_>) -> Result<MetricTrend, StoreError> {
    let (from, to) = asked.time;
    let width = width(asked.time, asked.points);
    let spool = store.spool();
    let found = store.measured(
        (asked.host.0, asked.metric.name),
        asked.time,
        SignedDuration::from_secs(width),
        Some(Path::new(&spool)),
    )?;
    let fits = |labels: &BTreeMap<String, String>| {
        asked.only.iter().all(|(name, value)| labels.get(name).is_some_and(|label| label == value))
    };
    let mut groups: BTreeMap<Vec<(String, String)>, Vec<Vec<Point>>> = BTreeMap::new();
    for (series, points) in found.into_iter().filter(|(series, points)| fits(&series.labels) && !points.is_empty()) {
        let mut labels: Vec<(String, String)> = series.labels.into_iter().collect();
        if let Some(by) = asked.by {
            labels.retain(|(name, _)| name == by);
        }
        groups.entry(labels).or_default().push(points);
    }
    let adds = adds_up(asked.metric);
    let mut lines: Vec<Line> =
        groups.into_iter().filter_map(|(labels, parts)| line(asked.metric, labels, together(parts, adds))).collect();
    lines.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.name.cmp(&b.name)));
    Ok(MetricTrend {
        schema_version: SCHEMA_VERSION,
        host: asked.host.1.to_owned(),
        metric: asked.metric.name.to_owned(),
        title: asked.metric.title.to_owned(),
        unit: asked.metric.unit.to_owned(),
        sentence: sentence(asked, &lines),
        from,
        to,
        width,
        lines,
        told: asked.metric,
    })
}

/// How long a point is, so that there are not more than so many.
fn width((from, to): (Timestamp, Timestamp), points: usize) -> i64 {
    let span = to.duration_since(from).as_secs().max(1);
    let least = span / i64::try_from(points.max(1)).unwrap_or(i64::MAX);
    WIDTHS.into_iter().find(|width| *width >= least).unwrap_or(least)
}

/// Whether series of a metric make a whole: bytes of two disks do; their temperatures do not. The shares of the time of one
/// processor do, those of several devices do not.
fn adds_up(metric: &Metric) -> bool {
    match metric.unit {
        "1" => metric.labels.iter().any(|label| label.ends_with(".mode") || label.ends_with(".state")),
        "s" | "Cel" | "d" => false,
        _ => true,
    }
}

/// Points of several series, put together: added up, or their mean.
fn together(parts: Vec<Vec<Point>>, adds: bool) -> Vec<Point> {
    if let [_] = parts.as_slice() {
        return parts.into_iter().next().unwrap_or_default();
    }
    let mut all: BTreeMap<Timestamp, Vec<Point>> = BTreeMap::new();
    for point in parts.into_iter().flatten() {
        all.entry(point.at).or_default().push(point);
    }
    let merged = all.into_iter().map(|(at, points)| {
        #[allow(clippy::cast_precision_loss)]
        let divisor = if adds { 1.0 } else { points.len() as f64 };
        let sum = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / divisor;
        Point {
            at,
            // Of a sum, the least that it can have been and the most.
            min: sum(|p| p.min),
            mean: sum(|p| p.mean),
            max: sum(|p| p.max),
            last: sum(|p| p.last),
            count: points.iter().map(|p| p.count).max().unwrap_or(0),
        }
    });
    merged.collect()
}

fn line(metric: &Metric, labels: Vec<(String, String)>, points: Vec<Point>) -> Option<Line> {
    let last = points.last()?.last;
    let count: u64 = points.iter().map(|p| p.count).sum();
    #[allow(clippy::cast_precision_loss)]
    let mean = points.iter().map(|p| p.mean * p.count as f64).sum::<f64>() / count.max(1) as f64;
    let order = |name: &str| metric.labels.iter().position(|label| *label == name);
    let mut named = labels.clone();
    named.sort_by_key(|(name, _)| order(name));
    Some(Line {
        name: named.iter().map(|(_, value)| words::harmless(value)).collect::<Vec<_>>().join(" "),
        labels: labels.into_iter().collect(),
        min: points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min),
        mean,
        max: points.iter().map(|p| p.max).fold(f64::NEG_INFINITY, f64::max),
        last,
        points: points.iter().map(|p| TrendPoint { at: p.at, min: p.min, mean: p.mean, max: p.max }).collect(),
    })
}

/// How long a time is told, `these 24 hours`: where its beginning was not measured, it begins later.
fn over((from, to): (Timestamp, Timestamp), lines: &[Line]) -> String {
    let first = lines.iter().filter_map(|line| Some(line.points.first()?.at)).min().unwrap_or(from);
    let late = first.duration_since(from) > to.duration_since(from) / 10;
    let length = said::length(if late { first } else { from }, to);
    length.strip_prefix("1 ").map_or_else(|| format!("these {length}"), |one| format!("this {one}"))
}

fn sentence(asked: &Asked<'_>, lines: &[Line]) -> String {
    let value = |v: f64| said::value(asked.metric, v);
    let mean = |v: f64| said::mean(asked.metric, v);
    let over = over(asked.time, lines);
    match lines {
        [] => format!("Nothing was measured in {over}."),
        [one] => {
            let name = if one.name.is_empty() { String::new() } else { format!(" of {}", one.name) };
            if asked.metric.says.is_some() {
                let now = value(one.last);
                return format!("{}{name}: {} over {over}. Now it {now}.", asked.metric.title, mean(one.mean));
            }
            format!(
                "{}{name}: {} on average over {over}, between {} and {}. Now it is {}.",
                asked.metric.title,
                value(one.mean),
                value(one.min),
                value(one.max),
                value(one.last)
            )
        }
        [first, ..] if asked.metric.says.is_some() => format!(
            "{} over {over}, {}. The most: {}, {}.",
            asked.metric.title,
            words::count(lines.len(), "line", "lines"),
            first.name,
            mean(first.mean)
        ),
        [first, ..] => format!(
            "{} over {over}, {}. The largest: {}, {} on average, at most {}.",
            asked.metric.title,
            words::count(lines.len(), "line", "lines"),
            first.name,
            value(first.mean),
            value(first.max)
        ),
    }
}
