//! Reading samples back: at any width, from the finest values that are kept of that time, with what is still in the spool.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use duckdb::{Connection, params};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{blocks::unpacked, roll::quantile, take::can_be_kept};
use crate::{
    metrics::spool,
    store::{Store, StoreError, load::time},
};

/// A series of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesRow {
    /// Its number in the history; none when it is only in the spool yet.
    #[serde(skip)]
    pub id: Option<i32>,
    /// The machine.
    pub host: String,
    /// The metric.
    pub metric: String,
    /// What its labels say.
    pub labels: BTreeMap<String, String>,
}

/// What was measured in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// When it began.
    pub at: Timestamp,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
    /// The last.
    pub last: f64,
    /// How many samples.
    pub count: u64,
}

/// What a series was like over a whole time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
    /// What 95 of 100 samples stayed below, to 5 %.
    pub p95: f64,
    /// The last.
    pub last: f64,
    /// How many samples.
    pub count: u64,
}

/// A time from one moment on, until before another.
pub type Time = (Timestamp, Timestamp);

/// Values of whole hours and days that are kept, the finest first: the table, its width in seconds.
const LEVELS: [(&str, i64); 2] = [("metric_hours", 3600), ("metric_days", 86_400)];

impl Store {
    /// The series of a machine, of one metric or of all; with those that are only in the spool yet.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn series(&self, host: &str, metric: Option<&str>, spool: Option<&Path>) -> Result<Vec<SeriesRow>, StoreError> {
        series(&self.read()?, host, metric, spool)
    }

    /// Points of series over a time, one for each stretch of `width`, as far as anything was measured in it. Older times are
    /// told by what is kept of them, which may be coarser.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn points(
        &self,
        series: &[SeriesRow],
        time: Time,
        width: SignedDuration,
        spool: Option<&Path>,
    ) -> Result<Vec<Vec<Point>>, StoreError> {
        points(&self.read()?, series, time, width, spool)
    }

    /// All series of a metric with their points: both at once, for someone who waits.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn measured(
        &self,
        (host, metric): (&str, &str),
        time: Time,
        width: SignedDuration,
        spool: Option<&Path>,
    ) -> Result<Vec<(SeriesRow, Vec<Point>)>, StoreError> {
        let connection = self.read()?;
        let series = series(&connection, host, Some(metric), spool)?;
        let points = points(&connection, &series, time, width, spool)?;
        Ok(series.into_iter().zip(points).collect())
    }

    /// The series of a machine that are wanted, each with its points.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn measured_of(
        &self,
        host: &str,
        wanted: impl Fn(&SeriesRow) -> bool,
        time: Time,
        width: SignedDuration,
        spool: Option<&Path>,
    ) -> Result<Vec<(SeriesRow, Vec<Point>)>, StoreError> {
        let connection = self.read()?;
        let mut series = series(&connection, host, None, spool)?;
        series.retain(wanted);
        if series.is_empty() {
            return Ok(Vec::new());
        }
        let points = points(&connection, &series, time, width, spool)?;
        Ok(series.into_iter().zip(points).collect())
    }

    /// What series were like over a time; none where nothing was measured.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn summaries(&self, series: &[SeriesRow], time: Time) -> Result<Vec<Option<Summary>>, StoreError> {
        let connection = self.read()?;
        let of = |row: &SeriesRow| row.id.map_or(Ok(None), |id| summary(&connection, id, time));
        series.iter().map(of).collect()
    }
}

fn series(
    connection: &Connection,
    host: &str,
    metric: Option<&str>,
    spool: Option<&Path>,
) -> Result<Vec<SeriesRow>, StoreError> {
    let mut statement = connection.prepare(
        "select id, metric, key from metric_series where host = $1 and ($2 is null or metric = $2) order by metric, id",
    )?;
    let rows = statement.query_map(params![host, metric], |row| {
        Ok(SeriesRow {
            id: row.get(0)?,
            host: host.to_owned(),
            metric: row.get(1)?,
            labels: labels(&row.get::<_, String>(2)?),
        })
    })?;
    let mut series: Vec<SeriesRow> = rows.collect::<Result<_, _>>()?;
    let Some(folder) = spool else { return Ok(series) };
    let mut new: Vec<Key> = waiting(folder, &[]).into_keys().collect();
    new.retain(|(of, name, _)| of == host && metric.is_none_or(|metric| metric == name));
    new.sort();
    for (_, metric, json) in new {
        let labels = labels(&json);
        if !series.iter().any(|known| known.metric == metric && known.labels == labels) {
            series.push(SeriesRow { id: None, host: host.to_owned(), metric, labels });
        }
    }
    Ok(series)
}

fn points(
    connection: &Connection,
    series: &[SeriesRow],
    (from, to): Time,
    width: SignedDuration,
    spool: Option<&Path>,
) -> Result<Vec<Vec<Point>>, StoreError> {
    let mut all: Vec<Vec<Point>> = series.iter().map(|_| Vec::new()).collect();
    let places: HashMap<i32, usize> = series.iter().enumerate().filter_map(|(n, row)| Some((row.id?, n))).collect();
    if !places.is_empty() {
        let ids: Vec<String> = places.keys().map(ToString::to_string).collect();
        let micros = width.as_micros().max(1);
        let sql = format!(
            "select series, epoch_us(ts) // {micros} * {micros} as began, min(min)::double,
                    sum(mean::double * count) / sum(count), max(max)::double, arg_max(last, ts)::double, sum(count)::ubigint
             from ({}) group by series, began order by series, began",
            sources(connection, width, &ids.join(", "), (from, to))?
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let list = places.get(&row.get(0)?).and_then(|place| all.get_mut(*place));
            list.into_iter().try_for_each(|list| -> Result<(), StoreError> {
                list.push(Point {
                    at: time(row.get(1)?),
                    min: row.get(2)?,
                    mean: row.get(3)?,
                    max: row.get(4)?,
                    last: row.get(5)?,
                    count: row.get(6)?,
                });
                Ok(())
            })?;
        }
    }
    if let Some(folder) = spool {
        for ((host, metric, json), values) in waiting(folder, &taken(connection)?) {
            let labels = labels(&json);
            let place = series.iter().position(|s| s.host == host && s.metric == metric && s.labels == labels);
            if let Some(points) = place.and_then(|place| all.get_mut(place)) {
                add(points, &values, (from, to), width);
            }
        }
    }
    Ok(all)
}

/// The files of the spool that are in the history.
fn taken(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("select segment from metric_taken")?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

/// From which table which time is told: whole stretches come from values that are no wider.
fn sources(connection: &Connection, width: SignedDuration, ids: &str, time: Time) -> Result<String, StoreError> {
    let [from, to] = [time.0, time.1].map(|moment| format!("make_timestamp({})", moment.as_microsecond()));
    let within = format!("series in ({ids}) and ts >= {from} and ts < {to}");
    let samples = |of: &str| {
        format!(
            "select series, ts, value as min, value as mean, value as max, value as last, 1 as count from {of} where {within}"
        )
    };
    let mut parts = vec![samples("metric_fresh")];
    let level = LEVELS.iter().rposition(|(_, seconds)| *seconds <= width.as_secs());
    // Before the first value of a level, the next coarser one has to do.
    let mut before: Option<i64> = None;
    if level.is_none() {
        let packed = unpacked("metric_blocks", &format!("series in ({ids}) and until >= {from} and ts < {to}"));
        parts.push(samples(&packed));
        // Minutes are there of the time of which there are no samples any more.
        let [first, end] = [time.0, time.1].map(|moment| moment.as_second().div_euclid(60));
        parts.push(format!(
            "select * from (
                select series, make_timestamp(minute * 60000000::bigint) as ts, min, mean, max, last, count
                from metric_minutes where series in ({ids}) and minute between {first} and {end}) where {within}"
        ));
        let first = "select epoch_us(min(ts)) from (select min(ts) as ts from metric_blocks union all
                     select make_timestamp(min(minute) * 60000000::bigint) from metric_minutes)";
        before = connection.query_row(first, [], |row| row.get(0))?;
    }
    for (table, _) in LEVELS.iter().skip(level.unwrap_or(0)) {
        let until = before.map_or_else(String::new, |before| format!(" and ts < make_timestamp({before})"));
        parts.push(format!("select series, ts, min, mean, max, last, count from {table} where {within}{until}"));
        let first = format!("select epoch_us(min(ts)) from {table}");
        let first: Option<i64> = connection.query_row(&first, [], |row| row.get(0))?;
        before = match (before, first) {
            (Some(before), Some(first)) => Some(before.min(first)),
            (None, first) => first,
            (before, None) => before,
        };
    }
    Ok(parts.join(" union all "))
}

/// From hours where whole hours are kept, with what is fresh.
fn summary(connection: &Connection, id: i32, (from, to): Time) -> Result<Option<Summary>, StoreError> {
    let within = format!(
        "series = {id} and ts >= make_timestamp({}) and ts < make_timestamp({})",
        from.as_microsecond(),
        to.as_microsecond()
    );
    let bin = super::roll::BIN;
    let hours = "select epoch_us(min(ts)) from metric_hours";
    let oldest: Option<i64> = connection.query_row(hours, [], |row| row.get(0))?;
    let days = oldest.map_or_else(String::new, |oldest| {
        format!(
            "union all select ts, min, mean, max, last, count, bins, counts from metric_days
             where {within} and ts < make_timestamp({oldest})"
        )
    });
    let sql = format!(
        "with parts as (
            select ts, min::double as min, mean::double as mean, max::double as max, last::double as last, count, bins, counts
            from metric_hours where {within} {days}
            union all select ts, value, value, value, value, 1, [{bin}], [1] from metric_fresh where {within}),
         sized as (select 0 as one, unnest(bins) as bin, unnest(counts) as n from parts),
         sizes as (select one, bin, sum(n) as n from sized group by all),
         p95 as ({})
         select min(min), sum(mean * count) / sum(count), max(max), (select p95 from p95), arg_max(last, ts),
                sum(count)::ubigint from parts having sum(count) > 0",
        quantile("sizes", "one")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query_map([], |row| {
        let (min, max): (f64, f64) = (row.get(0)?, row.get(2)?);
        let p95: f64 = row.get(3)?;
        let (mean, last, count) = (row.get(1)?, row.get(4)?, row.get(5)?);
        Ok(Summary { min, mean, max, p95: p95.clamp(min, max), last, count })
    })?;
    Ok(rows.next().transpose()?)
}

fn labels(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// A series as the spool names it: machine, metric, labels as JSON.
type Key = (String, String, String);

/// What the spool holds and the history does not.
fn waiting(folder: &Path, taken: &[String]) -> HashMap<Key, Vec<(i64, f64)>> {
    let mut found: HashMap<Key, usize> = HashMap::new();
    let mut values: Vec<Vec<(i64, f64)>> = Vec::new();
    for mut segment in spool::segments(folder).unwrap_or_default() {
        if taken.contains(&segment.name()) {
            continue;
        }
        let mut host = String::new();
        let mut here: HashMap<u32, usize> = HashMap::new();
        for frame in segment.frames().unwrap_or_default() {
            if let Some(name) = frame.host {
                host = name;
            }
            for (number, metric, labels) in frame.series {
                let place = *found.entry((host.clone(), metric, labels)).or_insert(values.len());
                if place == values.len() {
                    values.push(Vec::new());
                }
                here.insert(number, place);
            }
            for (number, value) in frame.values.into_iter().filter(|(_, value)| can_be_kept(*value)) {
                if let Some(list) = here.get(&number).and_then(|place| values.get_mut(*place)) {
                    list.push((frame.at, value));
                }
            }
        }
    }
    found.into_iter().filter_map(|(key, place)| Some((key, std::mem::take(values.get_mut(place)?)))).collect()
}

/// Adds values to points, in the stretches they fall into.
fn add(points: &mut Vec<Point>, values: &[(i64, f64)], (from, to): Time, width: SignedDuration) {
    let width = i64::try_from(width.as_micros()).unwrap_or(i64::MAX).max(1);
    let within = |at: i64| (from.as_microsecond()..to.as_microsecond()).contains(&at);
    for (at, value) in values.iter().copied().filter(|(at, _)| within(*at)) {
        let at = time(at.div_euclid(width) * width);
        let place = points.binary_search_by_key(&at, |point| point.at);
        match place.map(|place| points.get_mut(place)) {
            Ok(Some(point)) => {
                point.min = point.min.min(value);
                point.max = point.max.max(value);
                #[allow(clippy::cast_precision_loss)]
                let count = point.count as f64;
                point.mean = (point.mean * count + value) / (count + 1.0);
                point.last = value;
                point.count += 1;
            }
            Ok(None) => {}
            Err(place) => {
                points.insert(place, Point { at, min: value, mean: value, max: value, last: value, count: 1 })
            }
        }
    }
}
