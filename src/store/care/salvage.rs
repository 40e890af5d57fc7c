//! Saving what can be read of a damaged file into a new one.
//!
//! A table is read as a whole; where that fails, in ever smaller pieces, down to the 2,048 rows that DuckDB reads at a
//! time. Rows of which only some columns can be read, and rows whose audit or run is gone, go into the schema
//! `lost_found`: nobody takes them for whole, and nobody has to do without them.

use std::{collections::BTreeSet, path::Path};

use duckdb::{AccessMode, Connection};
use serde::{Deserialize, Serialize};

use super::{
    super::{Store, StoreError, known_version, metrics::BIN, schema},
    reading::{BELONGS, TableShape, count, facts, other_counts, quoted, tables, without},
    remove,
};
use crate::facts::{QueryError, Reason};

/// Rows that DuckDB reads at a time.
const VECTOR: u64 = 2048;
/// Where rows are kept that are not whole or belong to nothing.
const ASIDE: &str = "lost_found";
/// What is told of a table that was not read to its end.
const LOST: &str = "a part of it was lost when the history was repaired";
/// What stands for the hash of a list of facts that is not whole: no audit takes it for its own.
const NOT_WHOLE: &str = "not whole";

/// How often values of each size came, in tables of metrics.
const SIZES: [&str; 2] = ["bins", "counts"];

/// What became of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SavedTable {
    /// With its schema, as in `facts.users`.
    pub name: String,
    /// Rows that were saved where they belong.
    pub saved: u64,
    /// Rows that were saved into the schema `lost_found`: not whole, or without their audit or run.
    pub aside: u64,
    /// Rows that are lost.
    pub lost: u64,
    /// Why, in DuckDB's words.
    pub why: Option<String>,
}

/// What was saved.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Salvaged {
    pub(super) tables: Vec<SavedTable>,
    /// Audits of which something is missing.
    pub(super) audits: u64,
    /// Runs of fixes of which something is missing; they cannot be undone any more.
    pub(super) runs: Vec<i64>,
}

/// Rows from the first number up to the one before the second.
type Rows = (u64, u64);

/// Writes what can be read of a file into a new one, which is left with the schema of today.
pub(super) fn salvage(
    source: &Path,
    target: &Path,
    skip: &[String],
    tell: &mut dyn FnMut(&str),
) -> Result<Salvaged, StoreError> {
    remove(target)?;
    let new = Store::at(target).open(AccessMode::ReadWrite)?;
    Store::at(source).attach(&new, "old")?;
    let old = tables(&new, Some("old"))?;
    if !old.iter().any(|t| t.full() == "main.audits") {
        let said = "it holds no audits".to_owned();
        return Err(StoreError::Damaged { path: source.to_owned(), said });
    }
    let found = version_of(&new, source, &old)?;
    for migration in schema::MIGRATIONS.iter().take(found) {
        new.execute_batch(migration)?;
    }
    let declared = tables(&new, None)?;
    let (mut saved, mut holes) = (Vec::new(), Vec::new());
    for table in old.iter().filter(|t| t.full() != "main.schema_version") {
        tell(&table.full());
        let same = declared.iter().find(|t| t.full() == table.full());
        let (row, missing) = copy_table(&new, table, same, skip.contains(&table.full()))?;
        saved.push(row);
        if table.schema == "main" && !missing.bad.is_empty() {
            holes.push((table, missing));
        }
    }
    let (mut audits, mut runs) = (BTreeSet::new(), BTreeSet::new());
    for (table, holes) in &holes {
        audits.extend(touched(&new, table, "audit", holes)?);
        runs.extend(touched(&new, table, "run", holes)?);
    }
    tell("what belongs together");
    let audits = settle_audits(&new, &audits)?;
    let runs = settle_runs(&new, &runs, &mut saved)?;
    settle_orphans(&new, &mut saved)?;
    settle_facts(&new)?;
    new.execute_batch(&format!(
        "detach old; create table schema_version (version bigint); insert into schema_version values ({found});
         checkpoint;"
    ))?;
    drop(new);
    // Brings it to the schema of today.
    Store::at(target).migrate()?;
    Ok(Salvaged { tables: saved, audits, runs })
}

/// The schema version of the old file; where it cannot be read, the newest whose tables are all there.
fn version_of(new: &Connection, source: &Path, old: &[TableShape]) -> Result<usize, StoreError> {
    let known = known_version();
    let said: Result<i64, _> = new.query_row("select max(version) from old.schema_version", [], |r| r.get(0));
    match said {
        Ok(found) if found > known => Err(StoreError::Newer { path: source.to_owned(), found, known }),
        Ok(found) => Ok(usize::try_from(found).unwrap_or(0)),
        Err(_) => {
            let holds = |version: &usize| -> Result<bool, StoreError> {
                let empty = Connection::open_in_memory()?;
                for migration in schema::MIGRATIONS.iter().take(*version) {
                    empty.execute_batch(migration)?;
                }
                let there = |t: &TableShape| {
                    let same = old.iter().find(|o| o.full() == t.full());
                    same.is_some_and(|o| t.columns.iter().all(|c| o.columns.iter().any(|k| k.0 == c.0)))
                };
                Ok(tables(&empty, None)?.iter().all(there))
            };
            for version in (0..=schema::MIGRATIONS.len()).rev() {
                if holds(&version)? {
                    return Ok(version);
                }
            }
            Ok(0)
        }
    }
}

/// Copies the rows of a table that can be read; returns what became of it, and which rows are missing. The new table is
/// the one that is declared, else it is made as the old one is.
fn copy_table(
    new: &Connection,
    table: &TableShape,
    declared: Option<&TableShape>,
    skipped: bool,
) -> Result<(SavedTable, Holes), StoreError> {
    let (name, from) = (table.sql(), format!("old.{}", table.sql()));
    if declared.is_none() {
        make(new, table, &name, true)?;
    }
    let known = |column: &&str| declared.is_none_or(|t| t.columns.iter().any(|c| c.0 == *column));
    let all: Vec<&str> = table.columns.iter().map(|c| c.0.as_str()).filter(known).collect();
    let mut told = SavedTable { name: table.full(), saved: 0, aside: 0, lost: 0, why: None };
    let mut holes = Holes::default();
    if skipped {
        told.lost = count_rows(new, &from).unwrap_or(0);
        told.why = Some("reading it broke the reader off".to_owned());
        holes.bad.push((0, u64::MAX));
        return Ok((told, holes));
    }
    match count(new, &from, all.iter().copied(), "true") {
        Ok(_) => holes.good.push((0, u64::MAX)),
        Err(error) => {
            told.why = Some(super::super::first_line(&QueryError::from(error).to_string()));
            let last: Result<Option<i64>, _> =
                new.query_row(&format!("select max(rowid) from {from}"), [], |r| r.get(0));
            let end = match last {
                Ok(last) => last.map_or(0, |n| u64::try_from(n).unwrap_or(0) + 1),
                Err(_) => count_rows(new, &from).unwrap_or(0),
            };
            search(new, &from, &all, (0, end), &mut holes);
        }
    }
    let columns = list(&all);
    let mut sql = String::from("begin;");
    for rows in &holes.good {
        sql.push_str(&format!("insert into {name} ({columns}) select {columns} from {from} where {};", within(*rows)));
    }
    sql.push_str("commit;");
    if let Err(error) = new.execute_batch(&sql) {
        let _ = new.execute_batch("rollback");
        return Err(error.into());
    }
    told.saved = count_rows(new, &name)?;
    for rows in holes.bad.clone() {
        let readable: Vec<&str> = all
            .iter()
            .copied()
            .filter(|column| count(new, &from, std::iter::once(*column), &within(rows)).is_ok())
            .collect();
        let some = count(new, &from, std::iter::once("rowid"), &within(rows));
        match some {
            Ok(some) if only_sizes_are_lost(table, &all, &readable) => {
                let kept = list(&readable.iter().copied().filter(|c| !SIZES.contains(c)).collect::<Vec<_>>());
                new.execute_batch(&format!(
                    "insert into {name} ({kept}, bins, counts) select {kept}, [{BIN}], [count]
                     from (select {kept}, mean::double as value from {from} where {})",
                    within(rows)
                ))?;
                told.saved += some;
            }
            Ok(some) if !readable.is_empty() => {
                aside(new, table)?;
                let columns = list(&readable);
                new.execute_batch(&format!(
                    "insert into {} ({columns}) select {columns} from {from} where {}",
                    aside_name(table),
                    within(rows)
                ))?;
                told.aside += some;
            }
            Ok(some) => told.lost += some,
            Err(_) => told.lost += rows.1 - rows.0,
        }
    }
    Ok((told, holes))
}

/// Whether of values that were rolled up nothing is lost but how often each size came. DuckDB reads lists of a table all
/// or none; the mean may stand for what was in them.
fn only_sizes_are_lost(table: &TableShape, all: &[&str], readable: &[&str]) -> bool {
    ["main.metric_hours", "main.metric_days"].contains(&table.full().as_str())
        && all.iter().all(|column| SIZES.contains(column) || readable.contains(column))
}

/// Which rows of a table can be read, in order.
#[derive(Debug, Clone, Default)]
struct Holes {
    good: Vec<Rows>,
    bad: Vec<Rows>,
}

/// Finds the rows that can be read, half by half.
fn search(new: &Connection, from: &str, columns: &[&str], rows: Rows, holes: &mut Holes) {
    if rows.0 >= rows.1 {
        return;
    }
    if count(new, from, columns.iter().copied(), &within(rows)).is_ok() {
        holes.good.push(rows);
        return;
    }
    let vectors = (rows.1 - rows.0).div_ceil(VECTOR);
    if vectors <= 1 {
        holes.bad.push(rows);
        return;
    }
    let middle = rows.0 + vectors / 2 * VECTOR;
    search(new, from, columns, (rows.0, middle), holes);
    search(new, from, columns, (middle, rows.1), holes);
}

fn within(rows: Rows) -> String {
    match rows {
        (0, u64::MAX) => "true".to_owned(),
        (from, to) => format!("rowid >= {from} and rowid < {to}"),
    }
}

fn list(columns: &[&str]) -> String {
    columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(", ")
}

fn count_rows(connection: &Connection, table: &str) -> Result<u64, duckdb::Error> {
    let rows: i64 = connection.query_row(&format!("select count(*) from {table}"), [], |r| r.get(0))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Makes a table with the columns of another where it is not there yet.
fn make(new: &Connection, table: &TableShape, name: &str, strict: bool) -> Result<(), StoreError> {
    let column = |(name, ty, nullable): &(String, String, bool)| {
        format!("{} {ty}{}", quoted(name), if *nullable || !strict { "" } else { " not null" })
    };
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    let schema = if strict { quoted(&table.schema) } else { ASIDE.to_owned() };
    new.execute_batch(&format!(
        "create schema if not exists {schema}; create table if not exists {name} ({});",
        columns.join(", ")
    ))?;
    Ok(())
}

fn aside_name(table: &TableShape) -> String {
    match table.schema.as_str() {
        "main" | ASIDE => format!("{ASIDE}.{}", quoted(&table.name)),
        schema => format!("{ASIDE}.{}", quoted(&format!("{schema}_{}", table.name))),
    }
}

fn aside(new: &Connection, table: &TableShape) -> Result<(), StoreError> {
    make(new, table, &aside_name(table), false)
}

/// The audits (or runs) of which rows of this table are missing. Rows are stored in order of their audits, so that where
/// the number itself is lost too, the rows around tell which ones it can be.
fn touched(new: &Connection, table: &TableShape, column: &str, holes: &Holes) -> Result<BTreeSet<i64>, StoreError> {
    let mut ids = BTreeSet::new();
    if !table.columns.iter().any(|c| c.0 == column) {
        return Ok(ids);
    }
    let from = format!("old.{}", table.sql());
    let numbers = |sql: String| -> Result<Vec<i64>, duckdb::Error> {
        let mut statement = new.prepare(&sql)?;
        statement.query_map([], |r| r.get(0))?.collect()
    };
    for hole in &holes.bad {
        if hole.1 != u64::MAX
            && let Ok(exact) = numbers(format!("select distinct {column} from {from} where {}", within(*hole)))
        {
            ids.extend(exact);
            continue;
        }
        let edge = |rows: Option<&Rows>, which: &str| -> Result<Option<i64>, duckdb::Error> {
            let Some(rows) = rows else { return Ok(None) };
            new.query_row(&format!("select {which}({column}) from {from} where {}", within(*rows)), [], |r| r.get(0))
        };
        let before = edge(holes.good.iter().rev().find(|g| g.1 <= hole.0), "max")?.unwrap_or(i64::MIN);
        let after = edge(holes.good.iter().find(|g| g.0 >= hole.1), "min")?.unwrap_or(i64::MAX);
        let parent = if column == "audit" { "audits" } else { "fix_runs" };
        ids.extend(numbers(format!("select id from {parent} where id between {before} and {after}"))?);
    }
    Ok(ids)
}

fn numbers(ids: impl IntoIterator<Item = i64>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
}

fn has(new: &Connection, table: &str) -> Result<bool, StoreError> {
    let sql = "select count(*) > 0 from duckdb_tables()
               where database_name = current_database() and schema_name = 'main' and table_name = ?";
    Ok(new.query_row(sql, [table], |r| r.get(0))?)
}

/// Audits that are not whole say so; returns how many.
fn settle_audits(new: &Connection, ids: &BTreeSet<i64>) -> Result<u64, StoreError> {
    if ids.is_empty() || !has(new, "audits")? {
        return Ok(0);
    }
    let ids = numbers(ids.iter().copied());
    let reason = serde_json::to_string(&Reason::Broken(LOST.to_owned())).unwrap_or_default().replace('\'', "''");
    new.execute_batch(&format!("update audits set complete = false where id in ({ids});"))?;
    if has(new, "gaps")? {
        new.execute_batch(&format!(
            "insert into gaps (audit, check_id, what, source, reason)
             select id, null, 'all that this audit found', 'the history', '{reason}' from audits where id in ({ids});"
        ))?;
    }
    Ok(count_rows(new, &format!("(select id from audits where id in ({ids}))"))?)
}

/// Runs of fixes of which something is missing could only be undone in part: they are put aside whole.
fn settle_runs(new: &Connection, ids: &BTreeSet<i64>, saved: &mut [SavedTable]) -> Result<Vec<i64>, StoreError> {
    if ids.is_empty() || !has(new, "fix_runs")? {
        return Ok(Vec::new());
    }
    let list = numbers(ids.iter().copied());
    for (table, column) in [("fix_changes", "run"), ("fix_steps", "run"), ("fix_runs", "id")] {
        move_aside(new, table, &format!("{column} in ({list})"), saved)?;
    }
    Ok(ids.iter().copied().collect())
}

/// Rows whose audit or run is gone: a new one with its number must not inherit them.
fn settle_orphans(new: &Connection, saved: &mut [SavedTable]) -> Result<(), StoreError> {
    for (table, column, parent, _) in BELONGS {
        if has(new, table)? && has(new, parent)? && *parent != "fact_snapshots" {
            move_aside(new, table, &without(column, parent), saved)?;
        }
    }
    if has(new, "fact_snapshots")? {
        for table in facts(&tables(new, None)?) {
            move_rows(new, table, &without("snapshot", "fact_snapshots"), saved)?;
        }
    }
    Ok(())
}

/// Lists of facts that are not whole, or gone, say so.
fn settle_facts(new: &Connection) -> Result<(), StoreError> {
    if !has(new, "audit_facts")? || !has(new, "fact_snapshots")? {
        return Ok(());
    }
    new.execute_batch(&format!(
        "update audit_facts set snapshot = null, state = 'unread', why = '{LOST}' where {}",
        without("snapshot", "fact_snapshots")
    ))?;
    let shapes = tables(new, None)?;
    for table in facts(&shapes) {
        let wrong = other_counts(&table.sql(), &table.name.replace('\'', "''"));
        new.execute_batch(&format!(
            "create or replace temp table wrong as select * from {wrong};
             update audit_facts set state = 'partial', why = '{LOST}' where snapshot in (select id from wrong);
             update fact_snapshots set hash = '{NOT_WHOLE}', rows = wrong.n from wrong where fact_snapshots.id = wrong.id;
             drop table wrong;"
        ))?;
    }
    Ok(())
}

fn move_aside(new: &Connection, table: &str, condition: &str, saved: &mut [SavedTable]) -> Result<(), StoreError> {
    let shapes = tables(new, None)?;
    match shapes.iter().find(|t| t.schema == "main" && t.name == table) {
        Some(shape) => move_rows(new, shape, condition, saved),
        None => Ok(()),
    }
}

fn move_rows(
    new: &Connection,
    table: &TableShape,
    condition: &str,
    saved: &mut [SavedTable],
) -> Result<(), StoreError> {
    let name = table.sql();
    let rows = count_rows(new, &format!("(select 1 from {name} where {condition})"))?;
    if rows == 0 {
        return Ok(());
    }
    aside(new, table)?;
    let all: Vec<&str> = table.columns.iter().map(|c| c.0.as_str()).collect();
    let columns = list(&all);
    new.execute_batch(&format!(
        "begin; insert into {} ({columns}) select {columns} from {name} where {condition};
         delete from {name} where {condition}; commit;",
        aside_name(table)
    ))?;
    if let Some(told) = saved.iter_mut().find(|t| t.name == table.full()) {
        told.saved = told.saved.saturating_sub(rows);
        told.aside += rows;
    }
    Ok(())
}
