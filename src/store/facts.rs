//! Facts by audit: each distinct content of a table is one snapshot, stored once.

use std::collections::BTreeMap;

use duckdb::{Connection, params};
use jiff::Timestamp;

use super::{Store, StoreError};
use crate::{
    facts::{FactDb, Facts, Gap, State, Table, TableData, Value, append, create_table},
    probes,
};

/// Writes the facts of an audit.
pub(super) fn save(connection: &Connection, audit: i64, facts: &Facts) -> Result<(), StoreError> {
    let mut next: i64 =
        connection.query_row("select coalesce(max(id), 0) + 1 from fact_snapshots", [], |r| r.get(0))?;
    let mut known: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut statement = connection.prepare("select table_name, hash, id from fact_snapshots")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        known.insert((row.get(0)?, row.get(1)?), row.get(2)?);
    }
    sync_tables(connection, facts)?;
    let mut snapshots = Vec::new();
    let mut seen = Vec::new();
    for data in facts.tables() {
        let (state, why) = state(&data.state);
        let snapshot = if matches!(data.state, State::Read | State::Partial(_)) {
            let hash = hash(data);
            let key = (data.table.name.to_owned(), hash.clone());
            if let Some(id) = known.get(&key) {
                Some(*id)
            } else {
                let id = next;
                next += 1;
                append(connection, "facts", data.table.name, &data.rows, &[Value::Integer(id)])?;
                let rows = i64::try_from(data.rows.len()).unwrap_or(i64::MAX);
                snapshots.push(vec![
                    Value::Integer(id),
                    Value::Text(data.table.name.to_owned()),
                    Value::Text(hash),
                    Value::Integer(rows),
                ]);
                Some(id)
            }
        } else {
            None
        };
        seen.push(vec![
            Value::Integer(audit),
            Value::Text(data.table.name.to_owned()),
            snapshot.map_or(Value::Null, Value::Integer),
            Value::Text(state.to_owned()),
            why.map_or(Value::Null, Value::Text),
        ]);
    }
    append(connection, "main", "fact_snapshots", &snapshots, &[])?;
    append(connection, "main", "audit_facts", &seen, &[])?;
    Ok(())
}

fn state(state: &State) -> (&'static str, Option<String>) {
    match state {
        State::Read => ("read", None),
        State::Partial(gaps) => ("partial", gaps.first().map(Gap::why)),
        State::Unread(gaps) => ("unread", gaps.first().map(Gap::why)),
        State::Absent(why) => ("absent", Some(why.clone())),
        State::NotAsked => ("not_asked", None),
    }
}

/// Makes the tables that are missing, and the columns that a newer declaration added.
fn sync_tables(connection: &Connection, facts: &Facts) -> Result<(), StoreError> {
    let mut have: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let sql = "select table_name, column_name from duckdb_columns() where schema_name = 'facts' order by column_index";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        have.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    let mut ddl = String::new();
    for table in facts.tables().map(|d| d.table) {
        let expected: Vec<&str> = table.columns.iter().map(|c| c.name).chain(["snapshot"]).collect();
        match have.get(table.name) {
            None => ddl.push_str(&qualified(&create_table(table, ", snapshot BIGINT"))),
            Some(columns) if columns.iter().map(String::as_str).eq(expected.iter().copied()) => {}
            Some(columns) => ddl.push_str(&rebuilt(table, columns)),
        }
    }
    connection.execute_batch(&ddl)?;
    Ok(())
}

/// The table in its declared shape, with the rows it had; columns that are gone go, new ones are null.
fn rebuilt(table: &Table, have: &[String]) -> String {
    let name = table.name;
    let shared: Vec<&str> =
        table.columns.iter().map(|c| c.name).chain(["snapshot"]).filter(|c| have.iter().any(|h| h == c)).collect();
    let shared = shared.join(", ");
    format!(
        "alter table facts.{name} rename to {name}__old; {} insert into facts.{name} ({shared}) select {shared} from \
         facts.{name}__old; drop table facts.{name}__old;",
        qualified(&create_table(table, ", snapshot BIGINT"))
    )
}

fn qualified(ddl: &str) -> String {
    ddl.replacen("if not exists ", "if not exists facts.", 1)
}

/// A hash of the rows, whatever their order.
fn hash(data: &TableData) -> String {
    let mut rows: Vec<[u8; 32]> = data
        .rows
        .iter()
        .map(|row| {
            let mut hasher = blake3::Hasher::new();
            for value in row {
                match value {
                    Value::Null => hasher.update(b"n"),
                    Value::Text(s) => hasher.update(b"t").update(&s.len().to_le_bytes()).update(s.as_bytes()),
                    Value::Integer(n) => hasher.update(b"i").update(&n.to_le_bytes()),
                    Value::Real(x) => hasher.update(b"r").update(&x.to_bits().to_le_bytes()),
                    Value::Boolean(b) => hasher.update(if *b { b"1" } else { b"0" }),
                    Value::Timestamp(t) => hasher.update(b"s").update(&t.as_microsecond().to_le_bytes()),
                };
            }
            *hasher.finalize().as_bytes()
        })
        .collect();
    rows.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for column in data.table.columns {
        hasher.update(column.name.as_bytes()).update(column.ty.sql().as_bytes());
    }
    for row in rows {
        hasher.update(&row);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

impl Store {
    /// The facts of a past audit, sealed for queries.
    ///
    /// # Errors
    /// When there is no such audit or the file cannot be read.
    pub fn facts(&self, audit: i64) -> Result<FactDb, StoreError> {
        let started: i64 = {
            let connection = self.read()?;
            let sql = "select epoch_us(started) from audits where id = ?";
            connection.query_row(sql, params![audit], |r| r.get(0)).map_err(|_| StoreError::NoSuchAudit(audit))?
        };
        let now = Timestamp::from_microsecond(started).unwrap_or_default();
        let db = FactDb::new(probes::tables(), now)?;
        self.attach(db.connection(), "past")?;
        let mut have: Vec<(String, String)> = Vec::new();
        {
            let sql = "select table_name, column_name from duckdb_columns()
                       where database_name = 'past' and schema_name = 'facts'";
            let mut statement = db.connection().prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                have.push((row.get(0)?, row.get(1)?));
            }
        }
        let mut sql = String::new();
        for table in probes::tables() {
            let columns: Vec<&str> = table
                .columns
                .iter()
                .map(|c| c.name)
                .filter(|c| have.iter().any(|(t, h)| t == table.name && h == c))
                .collect();
            if columns.is_empty() {
                continue;
            }
            let columns = columns.join(", ");
            sql.push_str(&format!(
                "insert into {0} ({columns}) select {columns} from past.facts.{0} where snapshot = (select snapshot from \
                 past.audit_facts where audit = {audit} and table_name = '{0}');",
                table.name
            ));
        }
        sql.push_str("detach past;");
        db.connection().execute_batch(&sql)?;
        db.seal()?;
        Ok(db)
    }
}
