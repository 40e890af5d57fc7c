//! Facts in an in-memory DuckDB, sealed: queries can read the fact tables and nothing else.
//!
//! After [`FactDb::seal`] there are no files, no network, no extensions and no settings, memory, threads and
//! time are bounded, and only a single SELECT is accepted.

use std::{
    fmt::Write as _,
    sync::mpsc,
    time::{Duration, Instant},
};

use duckdb::{
    AccessMode, Config, Connection, appender_params_from_iter,
    types::{TimeUnit, ValueRef},
};
use jiff::Timestamp;

use super::{Facts, Table, Value};

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// DuckDB refused it; its first line says why.
    #[error("{0}")]
    Sql(String),
    /// It is not one SELECT.
    #[error("only one SELECT is allowed here")]
    NotASelect,
    /// It ran longer than allowed.
    #[error("the query took longer than {0} seconds and was stopped")]
    TimedOut(u64),
}

impl From<duckdb::Error> for QueryError {
    fn from(error: duckdb::Error) -> Self {
        let text = match error {
            duckdb::Error::DuckDBFailure(_, Some(text)) => text,
            other => other.to_string(),
        };
        QueryError::Sql(text.trim().to_owned())
    }
}

/// The rows of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// Column names in order.
    pub columns: Vec<String>,
    /// Rows in column order.
    pub rows: Vec<Vec<serde_json::Value>>,
}

impl QueryResult {
    /// Rows as maps from column name to value, in column order.
    pub fn into_maps(self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let columns = self.columns;
        self.rows.into_iter().map(|row| columns.iter().cloned().zip(row).collect()).collect()
    }

    /// The same of anything that serialises to a flat object, with the columns in order.
    pub fn of<T: serde::Serialize>(columns: &[&str], items: &[T]) -> Self {
        let row = |item: &T| {
            let value = serde_json::to_value(item).unwrap_or_default();
            columns.iter().map(|c| value.get(*c).cloned().unwrap_or_default()).collect()
        };
        QueryResult {
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            rows: items.iter().map(row).collect(),
        }
    }

    /// As CSV (RFC 4180); a cell that a spreadsheet would take for a formula gets an apostrophe before it.
    pub fn csv(&self) -> String {
        let mut out = String::new();
        let quoted = |text: &str| {
            let text = text.replace('\0', "\u{fffd}");
            if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
        };
        out.push_str(&self.columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
        for row in &self.rows {
            let cells = row.iter().map(|value| {
                let text = cell(value);
                let formula = value.is_string() && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                quoted(&if formula { format!("'{text}") } else { text })
            });
            out.push_str(&cells.collect::<Vec<_>>().join(","));
            out.push_str("\r\n");
        }
        out
    }
}

/// A value as the text of a cell.
pub(crate) fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

/// An in-memory DuckDB with the fact tables of one audit.
pub struct FactDb {
    connection: Connection,
}

/// How long one query may run.
const QUERY_LIMIT: Duration = Duration::from_secs(20);

impl FactDb {
    /// An empty database with all `tables` made, in which `audit_time()` is the moment `now`.
    ///
    /// # Errors
    /// When DuckDB cannot be started.
    pub fn new<'a>(tables: impl IntoIterator<Item = &'a Table>, now: Timestamp) -> Result<Self, QueryError> {
        let config = Config::default()
            .access_mode(AccessMode::Automatic)?
            .max_memory("512MB")?
            .threads(1)?
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")?
            .with("temp_directory", "")?;
        let connection = Connection::open_in_memory_with_flags(config)?;
        let mut ddl = format!("create macro audit_time() as make_timestamp({});", now.as_microsecond());
        for table in tables {
            ddl.push_str(&create_table(table, ""));
        }
        connection.execute_batch(&ddl)?;
        Ok(FactDb { connection })
    }

    /// A sealed database with these facts.
    ///
    /// # Errors
    /// When DuckDB refuses the rows.
    pub fn load<'a>(
        tables: impl IntoIterator<Item = &'a Table>,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<Self, QueryError> {
        let db = FactDb::filled(tables, facts, now)?;
        db.seal()?;
        Ok(db)
    }

    /// A database with these facts that is not sealed yet: the history may add to it.
    ///
    /// # Errors
    /// When DuckDB refuses the rows.
    pub(crate) fn filled<'a>(
        tables: impl IntoIterator<Item = &'a Table>,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<Self, QueryError> {
        let db = FactDb::new(tables, now)?;
        for data in facts.tables().filter(|d| !d.rows.is_empty()) {
            append(&db.connection, "main", data.table.name, &data.rows, &[])?;
        }
        Ok(db)
    }

    /// The connection, for the store to copy a past audit into before sealing.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Shuts every way out: files, network, settings.
    ///
    /// # Errors
    /// When DuckDB refuses to lock its configuration.
    pub fn seal(&self) -> Result<(), QueryError> {
        self.connection.execute_batch("set enable_external_access = false; set lock_configuration = true;")?;
        Ok(())
    }

    /// Runs one SELECT with `$name` parameters.
    ///
    /// # Errors
    /// [`QueryError`] when it is not a SELECT, is refused, or runs too long.
    pub fn select(&self, sql: &str, params: &[(String, serde_json::Value)]) -> Result<QueryResult, QueryError> {
        self.select_within(sql, params, QUERY_LIMIT)
    }

    fn select_within(
        &self,
        sql: &str,
        params: &[(String, serde_json::Value)],
        limit: Duration,
    ) -> Result<QueryResult, QueryError> {
        let sql = single_select(sql)?;
        let watchdog = Watchdog::start(&self.connection, limit);
        let answer = self.run(&sql, params);
        if watchdog.fired() && answer.is_err() {
            return Err(QueryError::TimedOut(limit.as_secs()));
        }
        answer
    }

    fn run(&self, sql: &str, params: &[(String, serde_json::Value)]) -> Result<QueryResult, QueryError> {
        let mut statement = self.connection.prepare(sql)?;
        for index in 1..=statement.parameter_count() {
            let name = statement.parameter_name(index)?;
            let value = params.iter().find(|(n, _)| *n == name).map(|(_, v)| v);
            let Some(value) = value else {
                return Err(QueryError::Sql(format!("the query uses ${name}, but there is no such parameter")));
            };
            statement.raw_bind_parameter(index, bound(value))?;
        }
        statement.raw_execute()?;
        let columns = statement.column_names();
        let mut rows = statement.raw_query();
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let mut cells = Vec::with_capacity(columns.len());
            for index in 0..columns.len() {
                cells.push(json(row.get_ref(index)?));
            }
            out.push(cells);
        }
        Ok(QueryResult { columns, rows: out })
    }
}

/// `create table` for a declaration, with `extra` columns (such as `, snapshot BIGINT`) at the end.
pub(crate) fn create_table(table: &Table, extra: &str) -> String {
    let mut sql = format!("create table if not exists {} (", table.name);
    for (n, column) in table.columns.iter().enumerate() {
        let _ = write!(sql, "{}{} {}", if n == 0 { "" } else { ", " }, column.name, column.ty.sql());
    }
    let _ = writeln!(sql, "{extra});");
    sql
}

/// Appends rows, each followed by the values of `tail`.
pub(crate) fn append(
    connection: &Connection,
    schema: &str,
    table: &str,
    rows: &[Vec<Value>],
    tail: &[Value],
) -> Result<(), QueryError> {
    let mut appender = connection.appender_to_db(table, schema)?;
    for row in rows {
        appender.append_row(appender_params_from_iter(row.iter().chain(tail).map(Value::to_duckdb)))?;
    }
    appender.flush()?;
    Ok(())
}

impl Value {
    /// As DuckDB's own value type.
    pub(crate) fn to_duckdb(&self) -> duckdb::types::Value {
        use duckdb::types::Value as Duck;
        match self {
            Value::Null => Duck::Null,
            Value::Text(s) => Duck::Text(s.replace('\0', "\u{fffd}")),
            Value::Integer(n) => Duck::BigInt(*n),
            Value::Real(x) => Duck::Double(*x),
            Value::Boolean(b) => Duck::Boolean(*b),
            Value::Timestamp(t) => Duck::Timestamp(TimeUnit::Microsecond, t.as_microsecond()),
        }
    }
}

fn bound(value: &serde_json::Value) -> duckdb::types::Value {
    use duckdb::types::Value as Duck;
    match value {
        serde_json::Value::Null => Duck::Null,
        serde_json::Value::Bool(b) => Duck::Boolean(*b),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(n) => Duck::BigInt(n),
            None => Duck::Double(n.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(s) => Duck::Text(s.clone()),
        other => Duck::Text(other.to_string()),
    }
}

/// A DuckDB value as JSON; moments in RFC 3339, what has no counterpart as DuckDB writes it.
pub(crate) fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Boolean(b) => b.into(),
        ValueRef::TinyInt(n) => n.into(),
        ValueRef::SmallInt(n) => n.into(),
        ValueRef::Int(n) => n.into(),
        ValueRef::BigInt(n) => n.into(),
        ValueRef::HugeInt(n) => i64::try_from(n).map_or_else(|_| n.to_string().into(), Into::into),
        ValueRef::UTinyInt(n) => n.into(),
        ValueRef::USmallInt(n) => n.into(),
        ValueRef::UInt(n) => n.into(),
        ValueRef::UBigInt(n) => n.into(),
        ValueRef::Float(x) => f64::from(x).into(),
        ValueRef::Double(x) => x.into(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        ValueRef::Timestamp(unit, n) => {
            Timestamp::from_microsecond(unit.to_micros(n)).map_or(serde_json::Value::Null, |t| t.to_string().into())
        }
        ValueRef::Date32(days) => {
            let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
            day.map_or(serde_json::Value::Null, |d| d.to_string().into())
        }
        ValueRef::Decimal(d) => d.to_string().parse::<f64>().map_or(serde_json::Value::Null, Into::into),
        other => plain(&other.to_owned()),
    }
}

fn plain(value: &duckdb::types::Value) -> serde_json::Value {
    use duckdb::types::Value as Duck;
    match value {
        Duck::List(items) | Duck::Array(items) => items.iter().map(plain).collect(),
        Duck::Text(s) | Duck::Enum(s) => s.clone().into(),
        Duck::BigInt(n) => (*n).into(),
        Duck::Int(n) => (*n).into(),
        Duck::Null => serde_json::Value::Null,
        Duck::Map(entries) => {
            let name = |key: &Duck| plain(key).as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            entries.iter().map(|(key, value)| (name(key), plain(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => format!("{other:?}").into(),
    }
}

/// Accepts one `select` or `with … select` and wraps it, so that nothing else can follow or hide in it.
fn single_select(sql: &str) -> Result<String, QueryError> {
    let trimmed = sql.trim().trim_end_matches(';').trim_end();
    let first = without_comments(trimmed);
    let word: String = first.trim_start().chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    let known = ["select", "with", "from", "values", "describe", "show", "summarize"];
    if !known.contains(&word.to_ascii_lowercase().as_str()) || !balanced(&first) {
        return Err(QueryError::NotASelect);
    }
    // As a subquery only a query is grammatical, so a second statement is a syntax error.
    Ok(format!("select * from (\n{trimmed}\n)"))
}

/// The text with comments and the inside of quotes blanked.
fn without_comments(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|c| *c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.next();
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '\'' | '"' => {
                out.push(c);
                for inner in chars.by_ref() {
                    if inner == c {
                        break;
                    }
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Whether parentheses never close more than was opened and no semicolon stands between statements.
fn balanced(sql: &str) -> bool {
    let mut depth = 0_i32;
    for c in sql.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ';' => return false,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// Interrupts a query that runs too long. Dropping it ends the watch.
struct Watchdog {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<bool>>,
}

impl Watchdog {
    /// Watches from now on. A thread is started only when the query is still running after a moment would cost
    /// as much as the query itself, so the watch is lazy: the thread sleeps on a channel.
    fn start(connection: &Connection, limit: Duration) -> Self {
        let (stop, stopped) = mpsc::channel();
        let handle = connection.interrupt_handle();
        let end = Instant::now() + limit;
        let thread = std::thread::spawn(move || {
            let late = stopped.recv_timeout(end.saturating_duration_since(Instant::now()))
                == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                handle.interrupt();
            }
            late
        });
        Watchdog { stop: Some(stop), thread: Some(thread) }
    }

    fn fired(mut self) -> bool {
        self.stop.take();
        self.thread.take().is_some_and(|t| t.join().unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn db() -> FactDb {
        let db = FactDb::new([], Timestamp::UNIX_EPOCH).unwrap();
        db.connection.execute_batch("create table t as select range as n from range(5)").unwrap();
        db.seal().unwrap();
        db
    }

    #[test]
    fn csv_quotes_and_defuses_formulas() {
        let list = QueryResult {
            columns: vec!["name".into(), "n".into()],
            rows: vec![
                vec![serde_json::json!("=cmd()"), serde_json::json!(-5)],
                vec![serde_json::json!("a,\"b\"\x1b[31m"), serde_json::json!(12)],
            ],
        };
        assert_eq!(list.csv(), "name,n\r\n'=cmd(),-5\r\n\"a,\"\"b\"\"\x1b[31m\",12\r\n");
    }

    #[test]
    fn a_select_answers_with_columns_and_rows() {
        let answer = db().select("select n, 'x' as word from t where n > $low -- end", &[("low".into(), 3.into())]);
        let answer = answer.unwrap();
        assert_eq!(answer.columns, ["n", "word"]);
        assert_eq!(answer.rows, [[serde_json::json!(4), serde_json::json!("x")]]);
    }

    #[test]
    fn nothing_but_the_fact_tables_can_be_reached() {
        let db = db();
        for sql in [
            "select * from read_csv('/etc/passwd')",
            "select * from read_text('/etc/passwd')",
            "select * from '/etc/passwd'",
            "from glob('/*')",
            "select * from read_parquet('http://127.0.0.1/x')",
            "attach '/tmp/x.db'",
            "copy t to '/tmp/x.csv'",
            "set threads = 8",
            "select 1; drop table t",
            "select 1) ; drop table t; select * from (select 1",
            "insert into t values (9)",
            "drop table t",
            "install httpfs",
            "load httpfs",
            "pragma database_list",
            "export database '/tmp/x'",
            "call pragma_version()",
            "with x as (delete from t returning *) select * from x",
        ] {
            assert!(db.select(sql, &[]).is_err(), "{sql} was answered");
        }
        assert_eq!(db.select("select count(*) as n from t", &[]).unwrap().rows, [[serde_json::json!(5)]]);
    }

    #[test]
    fn a_query_without_end_is_stopped() {
        let sql = "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r";
        let error = db().select_within(sql, &[], Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, QueryError::TimedOut(_)), "{error}");
    }
}
