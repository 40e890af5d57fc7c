//! From the spool into the history: each file once, whatever happens in between.

use std::{collections::HashMap, fs, path::Path};

use duckdb::{Connection, params};
use jiff::Timestamp;

use super::blocks::unpacked;
use crate::{
    metrics::spool::{self, Frame, Segment},
    store::{Store, StoreError},
};

/// What was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Files.
    pub files: usize,
    /// Samples: moments at which something was measured.
    pub samples: usize,
    /// Values.
    pub values: usize,
    /// Whether there are samples of a day that is over and was not rolled up.
    pub day_over: bool,
}

/// Values that one transaction takes at most, about: what waited for weeks must not fill the memory.
const MOST: usize = 2_000_000;

type Row = (i32, i64, f64);

impl Store {
    /// Takes in all files of the spool that nobody writes to any more, and removes them.
    ///
    /// # Errors
    /// When the history cannot be used; then they stay.
    pub fn take_samples(&self, folder: &Path) -> Result<Taken, StoreError> {
        let denied = |e: std::io::Error| StoreError::Denied { path: folder.to_owned(), said: e.to_string() };
        let mut taken = Taken::default();
        let mut segments = spool::closed(folder).map_err(denied)?.into_iter().peekable();
        while segments.peek().is_some() {
            let mut part: Vec<(Segment, Vec<Frame>)> = Vec::new();
            let mut size = 0;
            while size < MOST
                && let Some(mut segment) = segments.next()
            {
                let frames = segment.frames().map_err(denied)?;
                size += frames.iter().map(|frame| frame.values.len()).sum::<usize>();
                part.push((segment, frames));
            }
            let ((samples, values), day_over) =
                self.transaction(|connection| Ok((take(connection, &part)?, day_over(connection)?)))?;
            taken.samples += samples;
            taken.values += values;
            taken.day_over = day_over;
            for (segment, _) in part {
                // One that stays is known to be in the history, and is removed by the next.
                let _ = fs::remove_file(&segment.path);
                taken.files += 1;
            }
        }
        Ok(taken)
    }
}

/// Takes in some files; how many samples and values there were.
fn take(connection: &Connection, part: &[(Segment, Vec<Frame>)]) -> Result<(usize, usize), StoreError> {
    let mut numbers = Numbers::read(connection)?;
    let mut samples = 0;
    let mut rows: Vec<Row> = Vec::new();
    for (segment, frames) in part {
        let known = "select count(*) > 0 from metric_taken where segment = ?";
        if connection.query_row(known, params![segment.name()], |row| row.get::<_, bool>(0))? {
            continue;
        }
        connection.execute(
            "insert into metric_taken values (?, make_timestamp(?))",
            params![segment.name(), Timestamp::now().as_microsecond()],
        )?;
        of_frames(connection, frames, &mut numbers, &mut rows)?;
        samples += frames.len();
    }
    // Series by series they need far less room.
    rows.sort_by_key(|row| (row.0, row.1));
    // One that began right after another was ended may have measured the same moment: the first value counts.
    rows.dedup_by_key(|row| (row.0, row.1));
    let values = add(connection, &rows)?;
    // The names of files that are long gone are of no use.
    connection.execute_batch("delete from metric_taken where taken < now()::timestamp - interval 30 days")?;
    Ok((samples, values))
}

/// Adds values, of each moment of a series one; how many were new.
fn add(connection: &Connection, rows: &[Row]) -> Result<usize, StoreError> {
    let Some(oldest) = rows.iter().map(|row| row.1).min() else { return Ok(0) };
    let newest = "select epoch_us(max(ts)) from (select max(ts) as ts from metric_fresh union all
                  select max(until) from metric_blocks)";
    let newest: Option<i64> = connection.query_row(newest, [], |row| row.get(0))?;
    if newest.is_none_or(|newest| newest < oldest) {
        append(connection, "metric_fresh", rows)?;
        return Ok(rows.len());
    }
    // Clocks are set back, too: only now it has to be looked whether that moment is there.
    connection.execute_batch("create or replace temp table incoming (series integer, ts timestamp, value double)")?;
    append(connection, "incoming", rows)?;
    let there = |table: &str| {
        format!(
            "not exists (select 1 from {table} t where t.ts >= make_timestamp({oldest}) and t.series = i.series and t.ts = i.ts)"
        )
    };
    let packed = unpacked("metric_blocks", &format!("until >= make_timestamp({oldest})"));
    let new = connection.execute(
        &format!(
            "insert into metric_fresh select * from incoming i where {} and {} order by series, ts",
            there("metric_fresh"),
            there(&packed)
        ),
        [],
    )?;
    connection.execute_batch("drop table incoming")?;
    Ok(new)
}

fn append(connection: &Connection, table: &str, rows: &[Row]) -> Result<(), StoreError> {
    let mut appender = connection.appender(table)?;
    for (series, at, value) in rows {
        let at = duckdb::types::Value::Timestamp(duckdb::types::TimeUnit::Microsecond, *at);
        appender.append_row(params![series, at, value])?;
    }
    Ok(appender.flush()?)
}

fn day_over(connection: &Connection) -> Result<bool, StoreError> {
    let today = Timestamp::now().as_microsecond();
    let sql = "select count(*) > 0 from metric_fresh where ts < date_trunc('day', make_timestamp(?))";
    Ok(connection.query_row(sql, params![today], |row| row.get(0))?)
}

fn of_frames(
    connection: &Connection,
    frames: &[Frame],
    numbers: &mut Numbers,
    rows: &mut Vec<Row>,
) -> Result<(), StoreError> {
    let mut host = String::new();
    let mut here: HashMap<u32, i32> = HashMap::new();
    for frame in frames {
        if let Some(name) = &frame.host {
            host.clone_from(name);
        }
        for (number, metric, labels) in &frame.series {
            here.insert(*number, numbers.of(connection, &host, metric, labels)?);
        }
        let values = frame.values.iter().filter(|(_, value)| can_be_kept(*value));
        rows.extend(values.filter_map(|(number, value)| Some((*here.get(number)?, frame.at, *value))));
    }
    Ok(())
}

/// Whether a value has a place in the history, rolled up too: nothing that a machine measures is larger than a `float`.
pub(super) fn can_be_kept(value: f64) -> bool {
    value.abs() <= f64::from(f32::MAX)
}

/// The numbers of series in the history.
struct Numbers {
    known: HashMap<(String, String, String), i32>,
    next: i32,
}

impl Numbers {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("select id, host, metric, key from metric_series")?;
        let rows =
            statement.query_map([], |row| Ok(((row.get(1)?, row.get(2)?, row.get(3)?), row.get::<_, i32>(0)?)))?;
        let known: HashMap<_, i32> = rows.collect::<Result<_, _>>()?;
        let next = known.values().max().map_or(1, |last| last.saturating_add(1));
        Ok(Numbers { known, next })
    }

    fn of(&mut self, connection: &Connection, host: &str, metric: &str, labels: &str) -> Result<i32, StoreError> {
        let key = (host.to_owned(), metric.to_owned(), labels.to_owned());
        if let Some(number) = self.known.get(&key) {
            return Ok(*number);
        }
        let number = self.next;
        let sql = "insert into metric_series values (?, ?, ?, ?, ?::json::map(varchar, varchar))";
        connection.execute(sql, params![number, host, metric, labels, labels])?;
        self.next += 1;
        self.known.insert(key, number);
        Ok(number)
    }
}
