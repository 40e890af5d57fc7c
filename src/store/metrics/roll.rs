//! When a day is over: its samples are sorted, and a value for each minute, each hour and the day is made of them. What
//! comes in late for a day that was rolled up is put together with what is there. And what is too old goes.

use duckdb::{Connection, params};
use jiff::{SignedDuration, Timestamp};

use crate::store::{Store, StoreError};

/// For how long what is kept. One value a day is kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Every sample.
    pub samples: SignedDuration,
    /// One value a minute.
    pub minutes: SignedDuration,
    /// One value an hour.
    pub hours: SignedDuration,
}

impl Keep {
    /// As the settings say.
    pub fn of(settings: &crate::config::Metrics) -> Self {
        Keep {
            samples: settings.keep_samples.signed(),
            minutes: settings.keep_minutes.signed(),
            hours: settings.keep_hours.signed(),
        }
    }
}

/// What was rolled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rolled {
    /// Days that were over.
    pub days: usize,
    /// Samples of them.
    pub samples: usize,
    /// Rows that were too old.
    pub removed: usize,
}

/// What is kept of the metrics, for whoever asks how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Series.
    pub series: u64,
    /// Samples.
    pub samples: u64,
    /// Values a minute.
    pub minutes: u64,
    /// Values an hour.
    pub hours: u64,
    /// Values a day.
    pub days: u64,
}

/// By how much one size of [`BIN`] is larger than the one before.
pub(super) const GROWTH: f64 = 1.1;
/// The size of a value: 0 for nothing, else the logarithm, moved so that larger values have larger numbers and those below
/// nothing are below 0. A value is known by it to 5 %.
pub(in crate::store) const BIN: &str = "(case when value = 0 then 0 else
    sign(value) * (4000 + greatest(-3900, least(3900, ceil(ln(abs(value)) / ln(1.1))))) end)::smallint";

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// A table of values that were rolled up.
struct Level {
    table: &'static str,
    width: &'static str,
    /// Whether it keeps how often values of each size came.
    sizes: bool,
}

const LEVELS: [Level; 3] = [
    Level { table: "metric_minutes", width: "1 minute", sizes: false },
    Level { table: "metric_hours", width: "1 hour", sizes: true },
    Level { table: "metric_days", width: "1 day", sizes: true },
];

impl Store {
    /// Rolls up the days that are over, and removes what is too old. Where no day is over it does nothing.
    ///
    /// # Errors
    /// When the history cannot be used; then all is as before.
    pub fn roll_up(&self, now: Timestamp, keep: Keep) -> Result<Rolled, StoreError> {
        self.transaction(|connection| {
            let mut rolled = Rolled::default();
            let mut days = connection.prepare(
                "select distinct epoch_us(date_trunc('day', ts)) from metric_fresh
                 where ts < date_trunc('day', make_timestamp(?)) order by 1",
            )?;
            let days = days.query_map(params![now.as_microsecond()], |row| row.get::<_, i64>(0))?;
            let days = days.collect::<Result<Vec<i64>, _>>()?;
            for day in &days {
                rolled.samples += day_over(connection, *day)?;
                rolled.days += 1;
            }
            let Some(last) = days.last() else { return Ok(rolled) };
            // A clock that is years ahead for a while makes nothing old: what counts is the last day that was measured.
            let now = Timestamp::from_microsecond(last.saturating_add(DAY)).map_or(now, |end| end.min(now));
            for (table, time) in
                [("metric_samples", keep.samples), ("metric_minutes", keep.minutes), ("metric_hours", keep.hours)]
            {
                let oldest = now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH).as_microsecond();
                // Whole days go: that is less work, and nothing is told of half a day.
                let sql = format!("delete from {table} where ts < date_trunc('day', make_timestamp(?))");
                rolled.removed += connection.execute(&sql, params![oldest])?;
            }
            Ok(rolled)
        })
    }

    /// How much of the metrics is kept.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn kept_samples(&self) -> Result<Kept, StoreError> {
        let connection = self.read()?;
        let count = |table: &str| -> Result<u64, StoreError> {
            Ok(connection.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0))?)
        };
        Ok(Kept {
            series: count("metric_series")?,
            samples: count("metric_fresh")? + count("metric_samples")?,
            minutes: count("metric_minutes")?,
            hours: count("metric_hours")?,
            days: count("metric_days")?,
        })
    }
}

/// Sorts and rolls up one day.
fn day_over(connection: &Connection, day: i64) -> Result<usize, StoreError> {
    let within = format!("ts >= make_timestamp({day}) and ts < make_timestamp({day}) + interval 1 day");
    for level in &LEVELS {
        roll(connection, level, &within)?;
    }
    let moved = connection.execute(
        &format!(
            "insert into metric_samples select series, ts, value from metric_fresh where {within} order by series, ts"
        ),
        [],
    )?;
    connection.execute_batch(&format!("delete from metric_fresh where {within}"))?;
    Ok(moved)
}

/// Puts the fresh samples of a day into one level, together with what is there of that day.
fn roll(connection: &Connection, level: &Level, within: &str) -> Result<(), StoreError> {
    let Level { table, width, sizes } = level;
    let bucket = format!("time_bucket(interval {width}, ts)");
    let rolled = format!(
        "select series, {bucket} as ts, min(value)::float as min, avg(value)::float as mean, max(value)::float as max,
                quantile_disc(value, 0.95)::float as p95, arg_max(value, ts)::float as last, count(*)::integer as count
         from metric_fresh where {within} group by series, {bucket}"
    );
    let with_sizes = format!(
        "with sized as (select series, {bucket} as ts, {BIN} as bin, count(*)::integer as n
                        from metric_fresh where {within} group by all),
              sizes as (select series, ts, list(bin order by bin) as bins, list(n order by bin) as counts
                        from sized group by series, ts)
         select r.*, s.bins, s.counts from ({rolled}) r join sizes s using (series, ts)"
    );
    let rolled = if *sizes { with_sizes } else { rolled };
    let there: bool =
        connection.query_row(&format!("select count(*) > 0 from {table} where {within}"), [], |row| row.get(0))?;
    if !there {
        connection.execute_batch(&format!("insert into {table} {rolled} order by series, ts"))?;
        return Ok(());
    }
    connection.execute_batch(&format!(
        "create or replace temp table both_parts as
            select *, true as late from ({rolled}) union all by name select *, false as late from {table} where {within};
         delete from {table} where {within};"
    ))?;
    let together = "series, ts, min(min) as min, sum(mean::double * count) / sum(count) as mean, max(max) as max,
                    max(p95) as p95, arg_max(last, late) as last, sum(count) as count";
    let sql = if *sizes {
        format!(
            "insert into {table}
             with sized as (select series, ts, unnest(bins) as bin, unnest(counts) as n from both_parts),
                  summed as (select series, ts, bin, sum(n)::integer as n from sized group by all),
                  sizes as (select series, ts, list(bin order by bin) as bins, list(n order by bin) as counts
                            from summed group by series, ts),
                  p95 as ({})
             select r.* replace (least(r.max, greatest(r.min, p.p95)) as p95), s.bins, s.counts from
                (select {together} from both_parts group by series, ts) r join sizes s using (series, ts)
                join p95 p using (series, ts) order by series, ts",
            quantile("summed", "series, ts")
        )
    } else {
        // Of a minute, with its few samples, the larger one is near enough.
        format!("insert into {table} select {together} from both_parts group by series, ts order by series, ts")
    };
    connection.execute_batch(&format!("{sql}; drop table both_parts;"))?;
    Ok(())
}

/// The 95th percentile out of how often values of each size came: a table with `bin` and `n`.
pub(super) fn quantile(table: &str, by: &str) -> String {
    let half = 2.0 / (1.0 + GROWTH);
    format!(
        "select {by}, arg_min(case when bin = 0 then 0 else sign(bin) * {half} * pow({GROWTH}, abs(bin) - 4000) end, bin)
                filter (so_far >= 0.95 * whole) as p95
         from (select {by}, bin, sum(n) over (partition by {by} order by bin) as so_far,
                      sum(n) over (partition by {by}) as whole from {table})
         group by {by}"
    )
}
