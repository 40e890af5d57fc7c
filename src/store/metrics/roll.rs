//! When a day is over: its samples are packed, and a value for each hour and the day is made of them. What comes in late for
//! a day that was rolled up is put together with what is there. And what is too old goes; of samples that go, a value for
//! each minute stays. (While they are there it would be kept twice.)

use duckdb::{Connection, params};
use jiff::{SignedDuration, Timestamp};

use super::blocks::{packed, unpacked};
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

/// A minute in microseconds.
const MINUTE: i64 = 60_000_000;
/// A day in microseconds.
const DAY: i64 = 86_400_000_000;
/// So many samples are dealt with at once, about, so that those of many series fit into the memory. (So few in tests that a
/// day of two series is more.)
const AT_ONCE: usize = if cfg!(test) { 10_000 } else { 2_000_000 };

/// Tables of values that are made when a day is over, and their widths.
const LEVELS: [(&str, &str); 2] = [("metric_hours", "1 hour"), ("metric_days", "1 day")];

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
            // Whole days go: that is less work, and nothing is told of half a day.
            let oldest = |time| midnight(now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH));
            rolled.removed += samples_go(connection, oldest(keep.samples))?;
            let minute = oldest(keep.minutes) / MINUTE;
            rolled.removed += connection.execute("delete from metric_minutes where minute < ?", params![minute])?;
            let hour = oldest(keep.hours);
            rolled.removed +=
                connection.execute("delete from metric_hours where ts < make_timestamp(?)", params![hour])?;
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
        let packed = "select coalesce(sum(count), 0)::ubigint from metric_blocks";
        let packed: u64 = connection.query_row(packed, [], |row| row.get(0))?;
        Ok(Kept {
            series: count("metric_series")?,
            samples: count("metric_fresh")? + packed,
            minutes: count("metric_minutes")?,
            hours: count("metric_hours")?,
            days: count("metric_days")?,
        })
    }
}

fn midnight(of: Timestamp) -> i64 {
    of.as_microsecond().div_euclid(DAY) * DAY
}

/// Packs and rolls up one day.
fn day_over(connection: &Connection, day: i64) -> Result<usize, StoreError> {
    let of_day = within(day);
    let counts =
        format!("select series, count(*)::bigint from metric_fresh where {of_day} group by series order by series");
    let mut samples = 0;
    for (some, count) in parts(connection, &counts)? {
        let of_part = format!("{some} and {of_day}");
        for (table, width) in LEVELS {
            roll(connection, table, width, &of_part)?;
        }
        let fresh = format!("(from metric_fresh where {of_part})");
        connection.execute_batch(&format!("insert into metric_blocks {}", packed(&fresh)))?;
        samples += count;
    }
    connection.execute_batch(&format!("delete from metric_fresh where {of_day}"))?;
    Ok(samples)
}

/// The condition on what is of a day.
fn within(day: i64) -> String {
    format!("ts >= make_timestamp({day}) and ts < make_timestamp({})", day + DAY)
}

/// Series that are dealt with at once: the condition on them, and how many samples they have. `counts` tells those of each.
fn parts(connection: &Connection, counts: &str) -> Result<Vec<(String, usize)>, StoreError> {
    let mut statement = connection.prepare(counts)?;
    let counts = statement.query_map([], |row| Ok((row.get::<_, i32>(0)?, row.get::<_, usize>(1)?)))?;
    let mut parts: Vec<(i32, i32, usize)> = Vec::new();
    for row in counts {
        let (series, count) = row?;
        match parts.last_mut() {
            Some((_, last, size)) if *size + count <= AT_ONCE => (*last, *size) = (series, *size + count),
            _ => parts.push((series, series, count)),
        }
    }
    Ok(parts.into_iter().map(|(first, last, size)| (format!("series between {first} and {last}"), size)).collect())
}

/// Puts the fresh samples of a day into the values of a width, together with what is there of that day.
fn roll(connection: &Connection, table: &str, width: &str, within: &str) -> Result<(), StoreError> {
    let bucket = format!("time_bucket(interval {width}, ts)");
    let rolled = format!(
        "with sized as (select series, {bucket} as ts, {BIN} as bin, count(*)::integer as n
                        from metric_fresh where {within} group by all),
              sizes as (select series, ts, list(bin order by bin) as bins, list(n order by bin) as counts
                        from sized group by series, ts)
         select r.*, s.bins, s.counts from
            (select series, {bucket} as ts, min(value)::float as min, avg(value)::float as mean, max(value)::float as max,
                    quantile_disc(value, 0.95)::float as p95, arg_max(value, ts)::float as last, count(*)::integer as count
             from metric_fresh where {within} group by series, {bucket}) r join sizes s using (series, ts)"
    );
    let together = format!(
        "with sized as (select series, ts, unnest(bins) as bin, unnest(counts) as n from both_parts),
              summed as (select series, ts, bin, sum(n)::integer as n from sized group by all),
              sizes as (select series, ts, list(bin order by bin) as bins, list(n order by bin) as counts
                        from summed group by series, ts),
              p95 as ({})
         select r.* replace (least(r.max, greatest(r.min, p.p95)) as p95), s.bins, s.counts from
            (select series, ts, {TOGETHER} from both_parts group by series, ts) r join sizes s using (series, ts)
            join p95 p using (series, ts)",
        quantile("summed", "series, ts")
    );
    put(connection, table, within, &rolled, &together, "series, ts")
}

/// What two parts of the same stretch are together.
const TOGETHER: &str =
    "min(min) as min, sum(mean::double * count) / sum(count) as mean, max(max) as max, max(p95) as p95,
    arg_max(last, late) as last, sum(count) as count";

/// Puts rows into a table: as they are, or together with those that are there.
fn put(
    connection: &Connection,
    table: &str,
    within: &str,
    rows: &str,
    together: &str,
    order: &str,
) -> Result<(), StoreError> {
    let there = format!("select count(*) > 0 from {table} where {within}");
    let there: bool = connection.query_row(&there, [], |row| row.get(0))?;
    let sql = if there {
        format!(
            "create or replace temp table both_parts as
                select *, true as late from ({rows}) union all by name select *, false as late from {table} where {within};
             delete from {table} where {within};
             insert into {table} from ({together}) order by {order};
             drop table both_parts;"
        )
    } else {
        format!("insert into {table} from ({rows}) order by {order}")
    };
    Ok(connection.execute_batch(&sql)?)
}

/// Makes minutes of samples before a moment, and lets those go; how many they were.
fn samples_go(connection: &Connection, before: i64) -> Result<usize, StoreError> {
    let mut days = connection.prepare(
        "select distinct epoch_us(date_trunc('day', ts)) from metric_blocks where ts < make_timestamp(?) order by 1",
    )?;
    let days = days.query_map(params![before], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    for day in days {
        let of_day = within(day);
        let counts = format!(
            "select series, sum(count)::bigint from metric_blocks where {of_day} group by series order by series"
        );
        for (some, _) in parts(connection, &counts)? {
            minutes(connection, day, &some)?;
        }
    }
    let gone = "select coalesce(sum(count), 0)::bigint from metric_blocks where ts < make_timestamp(?)";
    let gone: i64 = connection.query_row(gone, params![before], |row| row.get(0))?;
    connection.execute("delete from metric_blocks where ts < make_timestamp(?)", params![before])?;
    Ok(usize::try_from(gone).unwrap_or(0))
}

/// Makes minutes of samples of a day.
fn minutes(connection: &Connection, day: i64, some: &str) -> Result<(), StoreError> {
    let rolled = format!(
        "select series, (epoch_us(ts) // {MINUTE})::integer as minute, min(value)::float as min,
                avg(value)::float as mean, max(value)::float as max,
                nullif(quantile_disc(value, 0.95), max(value))::float as p95, arg_max(value, ts)::float as last,
                count(*)::integer as count
         from {} group by series, minute",
        unpacked("metric_blocks", &format!("{some} and {}", within(day)))
    );
    // Of a minute, with its few samples, the larger one is near enough.
    let together = format!(
        "select * replace (nullif(p95, max) as p95) from (
            select series, minute, {TOGETHER}
            from (select * replace (coalesce(p95, max) as p95) from both_parts) group by series, minute)"
    );
    let first = day / MINUTE;
    let within = format!("{some} and minute >= {first} and minute < {}", first + DAY / MINUTE);
    // To and fro, so that from one row to the next the time never goes far.
    let order = "series, case when series % 2 = 0 then minute else -minute end";
    put(connection, "metric_minutes", &within, &rolled, &together, order)
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
