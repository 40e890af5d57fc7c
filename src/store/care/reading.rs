//! Reading a whole file: every column of every row, and whether what belongs together is there.

use std::path::Path;

use duckdb::{AccessMode, Connection};
use serde::{Deserialize, Serialize};

use super::{
    super::{Store, StoreError, known_version, version},
    is_of_machine,
};
use crate::facts::QueryError;

/// What refers to what: table, column, the table where it must be found, and what to call the rows.
pub(super) const BELONGS: &[(&str, &str, &str, &str)] = &[
    ("findings", "audit", "audits", "results of audits that are not there"),
    ("evidence", "audit", "audits", "pieces of proof of audits that are not there"),
    ("gaps", "audit", "audits", "gaps of audits that are not there"),
    ("audit_details", "audit", "audits", "details of audits that are not there"),
    ("audit_facts", "audit", "audits", "facts of audits that are not there"),
    ("audit_facts", "snapshot", "fact_snapshots", "audits whose facts are not there"),
    ("fix_steps", "run", "fix_runs", "fixes of runs that are not there"),
    ("fix_changes", "run", "fix_runs", "changes of runs that are not there"),
    ("metric_fresh", "series", "metric_series", "samples of today whose names are not there"),
    ("metric_blocks", "series", "metric_series", "hours of samples whose names are not there"),
    ("metric_minutes", "series", "metric_series", "values a minute whose names are not there"),
    ("metric_hours", "series", "metric_series", "values an hour whose names are not there"),
    ("metric_days", "series", "metric_series", "values a day whose names are not there"),
];

/// Of the keys of a table, so many are looked up by its index.
const LOOK_UPS: i64 = 256;

/// What a file holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reading {
    /// Its schema version.
    pub(super) schema: i64,
    /// Whether it has the table of audits at all.
    pub(super) is_history: bool,
    /// Its tables; only where it was read to the last row.
    pub(super) tables: Vec<TableRead>,
    /// Number and start, in microseconds, of each audit, by number.
    pub(super) audits: Vec<(i64, i64)>,
    /// Of so many machines.
    pub(super) machines: u64,
    /// Number and start of each run of fixes.
    pub(super) runs: Vec<(i64, i64)>,
    /// Runs of fixes that were under way or waited to be confirmed.
    pub(super) open_runs: Vec<i64>,
    /// What does not belong to anything: what it is, and how many rows.
    pub(super) orphans: Vec<(String, u64)>,
}

/// A table that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TableRead {
    /// With its schema, as in `facts.users`.
    pub(super) name: String,
    /// Its rows; none when it could not be read.
    pub(super) rows: Option<u64>,
    /// Why it could not be read.
    pub(super) error: Option<String>,
}

impl Reading {
    /// The first table that could not be read, and why.
    pub(super) fn damage(&self) -> Option<String> {
        let table = self.tables.iter().find(|t| t.error.is_some())?;
        Some(format!("{} cannot be read ({})", table.name, table.error.as_deref().unwrap_or_default()))
    }
}

/// Reads a file, without changing it. `deep` reads all of it; else only which audits there are.
pub(super) fn read(
    path: &Path,
    deep: bool,
    skip: &[String],
    tell: &mut dyn FnMut(&str),
) -> Result<Reading, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let connection = Store::at(path).open(AccessMode::ReadOnly)?;
    let tables = tables(&connection, None)?;
    let has = |name: &str| tables.iter().any(|t| t.schema == "main" && t.name == name);
    let mut reading = Reading { is_history: has("audits"), ..Reading::default() };
    if has("schema_version") {
        reading.schema = match version(&connection) {
            Ok(version) => version,
            // A deep look tells which tables cannot be read, and this is one of them.
            Err(_) if deep => 0,
            Err(error) => return Err(error),
        };
    }
    let known = known_version();
    if reading.schema > known {
        return Err(StoreError::Newer { path: path.to_owned(), found: reading.schema, known });
    }
    if deep {
        for table in &tables {
            let name = table.full();
            let read = if skip.contains(&name) {
                Err("reading it broke the reader off".to_owned())
            } else {
                tell(&name);
                all_rows(&connection, table)
            };
            let (rows, error) = match read {
                Ok(rows) => (Some(rows), None),
                Err(error) if is_of_machine(&error) => return Err(StoreError::Sql(error)),
                Err(error) => (None, Some(error)),
            };
            reading.tables.push(TableRead { name, rows, error });
        }
    }
    let unread = |name: &str| reading.tables.iter().any(|t| t.name == name && t.error.is_some());
    let numbered = |sql: &str| -> Result<Vec<(i64, i64)>, duckdb::Error> {
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
    };
    if has("audits") && !unread("main.audits") {
        reading.audits = numbered("select id, epoch_us(started) from audits order by id")?;
        let machines: i64 =
            connection.query_row("select count(*) from (select distinct host, root from audits)", [], |r| r.get(0))?;
        reading.machines = u64::try_from(machines).unwrap_or(0);
    }
    if has("fix_runs") && !unread("main.fix_runs") {
        reading.runs = numbered("select id, epoch_us(started) from fix_runs order by id")?;
        let open = "select id, 0::bigint from fix_runs where state = 'running'
                    or state = 'done' and confirm_until is not null order by id";
        reading.open_runs = numbered(open)?.into_iter().map(|(id, _)| id).collect();
    }
    if deep {
        tell("what belongs together");
        reading.orphans = orphans(&connection, &tables, &reading.tables)?;
    }
    Ok(reading)
}

/// A table and its columns.
#[derive(Debug, Clone)]
pub(super) struct TableShape {
    pub(super) schema: String,
    pub(super) name: String,
    /// Name, type, and whether it may be null.
    pub(super) columns: Vec<(String, String, bool)>,
    /// The column of its key, where it is one number.
    pub(super) key: Option<String>,
}

impl TableShape {
    /// With its schema, for people.
    pub(super) fn full(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// With its schema, for SQL.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// A name as SQL takes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The tables of a database; of the file that was opened when none is named.
pub(super) fn tables(connection: &Connection, database: Option<&str>) -> Result<Vec<TableShape>, StoreError> {
    let of = match database {
        Some(name) => format!("'{name}'"),
        None => "current_database()".to_owned(),
    };
    let mut tables: Vec<TableShape> = Vec::new();
    let sql = format!(
        "select c.schema_name, c.table_name, c.column_name, c.data_type, c.is_nullable
         from duckdb_columns() c join duckdb_tables() t using (database_name, schema_name, table_name)
         where c.database_name = {of} and not t.internal and not t.temporary
         order by c.schema_name desc, c.table_name, c.column_index"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (schema, name): (String, String) = (row.get(0)?, row.get(1)?);
        let column = (row.get(2)?, row.get(3)?, row.get(4)?);
        match tables.last_mut() {
            Some(last) if last.schema == schema && last.name == name => last.columns.push(column),
            _ => tables.push(TableShape { schema, name, columns: vec![column], key: None }),
        }
    }
    let sql = format!(
        "select schema_name, table_name, constraint_column_names[1] from duckdb_constraints()
         where database_name = {of} and constraint_type = 'PRIMARY KEY' and len(constraint_column_names) = 1"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (schema, name): (String, String) = (row.get(0)?, row.get(1)?);
        let key: String = row.get(2)?;
        if let Some(table) = tables.iter_mut().find(|t| t.schema == schema && t.name == name) {
            table.key = Some(key)
                .filter(|k| table.columns.iter().any(|c| c.0 == *k && ["BIGINT", "INTEGER"].contains(&c.1.as_str())));
        }
    }
    Ok(tables)
}

/// Reads all columns of all rows, and keys by their index; says how many rows there are, or what is wrong.
fn all_rows(connection: &Connection, table: &TableShape) -> Result<u64, String> {
    let read = || -> Result<(u64, Option<i64>), duckdb::Error> {
        let rows = count(connection, &table.sql(), table.columns.iter().map(|c| c.0.as_str()), "true")?;
        let lost = match &table.key {
            Some(key) => not_found(connection, &quoted(key), &table.sql())?,
            None => None,
        };
        Ok((rows, lost))
    };
    match read() {
        Ok((rows, None)) => Ok(rows),
        Ok((_, Some(key))) => Err(format!("its index does not find number {key}")),
        Err(error) => Err(super::super::first_line(&QueryError::from(error).to_string())),
    }
}

/// A key that the index of a table does not lead to, of as many as make it read all of its index.
fn not_found(connection: &Connection, key: &str, table: &str) -> Result<Option<i64>, duckdb::Error> {
    let sql = format!(
        "select {key}::bigint from {table} where {key} % greatest(1, (select count(*) // {LOOK_UPS} from {table})) = 0"
    );
    let mut statement = connection.prepare(&sql)?;
    let keys = statement.query_map([], |r| r.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut look_up = connection.prepare(&format!("select count(*) from {table} where {key} = ?"))?;
    for wanted in keys {
        if look_up.query_row([wanted], |r| r.get::<_, i64>(0))? != 1 {
            return Ok(Some(wanted));
        }
    }
    Ok(None)
}

/// Reads some columns of some rows, and says how many rows they are.
pub(super) fn count<'a>(
    connection: &Connection,
    table: &str,
    columns: impl Iterator<Item = &'a str>,
    condition: &str,
) -> Result<u64, duckdb::Error> {
    let columns: Vec<String> = columns.map(quoted).collect();
    let sql = format!("select count(*), bit_xor(hash({})) from {table} where {condition}", columns.join(", "));
    let rows: i64 = connection.query_row(&sql, [], |r| r.get(0))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn orphans(
    connection: &Connection,
    shapes: &[TableShape],
    read: &[TableRead],
) -> Result<Vec<(String, u64)>, StoreError> {
    let has = |name: &str, column: &str| {
        let full = format!("main.{name}");
        let whole = read.iter().any(|t| t.name == full && t.error.is_none());
        whole && shapes.iter().any(|t| t.full() == full && t.columns.iter().any(|c| c.0 == column))
    };
    let number = |sql: &str| -> Result<u64, StoreError> {
        let rows: i64 = connection.query_row(sql, [], |r| r.get(0))?;
        Ok(u64::try_from(rows).unwrap_or(0))
    };
    let mut found = Vec::new();
    for (table, column, parent, what) in BELONGS {
        if has(table, column) && has(parent, "id") {
            let rows = number(&format!("select count(*) from {table} where {}", without(column, parent)))?;
            found.push(((*what).to_owned(), rows));
        }
    }
    if has("fact_snapshots", "rows") {
        let (mut lone, mut wrong) = (0, 0);
        for table in facts(shapes).filter(|t| read.iter().any(|r| r.name == t.full() && r.error.is_none())) {
            let (name, text) = (table.sql(), table.name.replace('\'', "''"));
            let condition = without("snapshot", "fact_snapshots");
            lone += number(&format!("select count(*) from {name} where {condition}"))?;
            wrong += number(&format!("select count(*) from {}", other_counts(&name, &text)))?;
        }
        found.push(("facts that no audit saw".to_owned(), lone));
        found.push(("lists of facts with rows missing".to_owned(), wrong));
    }
    found.retain(|(_, rows)| *rows > 0);
    Ok(found)
}

/// The condition on rows that belong to nothing.
pub(super) fn without(column: &str, parent: &str) -> String {
    format!("{column} is not null and {column} not in (select id from {parent})")
}

/// The fact tables among tables.
pub(super) fn facts(shapes: &[TableShape]) -> impl Iterator<Item = &TableShape> {
    shapes.iter().filter(|t| t.schema == "facts" && t.columns.iter().any(|c| c.0 == "snapshot"))
}

/// Number and rows of the snapshots of a fact table that have not as many rows as they should.
pub(super) fn other_counts(table: &str, name: &str) -> String {
    format!(
        "(select s.id, coalesce(f.n, 0) as n from fact_snapshots s
          left join (select snapshot, count(*) as n from {table} group by snapshot) f on f.snapshot = s.id
          where s.table_name = '{name}' and s.rows <> coalesce(f.n, 0))"
    )
}
