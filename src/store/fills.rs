//! How full disks and memory were at each audit.

use duckdb::{Connection, params};
use jiff::{SignedDuration, Timestamp};

use super::{Store, StoreError, load::time};
use crate::audit::Audit;

/// How full something was.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// When the audit began.
    pub at: Timestamp,
    /// The path of the disk; none of the memory.
    pub path: Option<String>,
    /// How much was used, in percent.
    pub used_percent: f64,
    /// How large it is, in bytes.
    pub size: f64,
    /// How much of it was free, in bytes.
    pub free: f64,
}

impl Store {
    /// How full the disks and the memory of the machine of `of` were, up to it and so far back, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fills(&self, of: &Audit, back: SignedDuration) -> Result<Vec<Filled>, StoreError> {
        let connection = self.read()?;
        let disks = "select a.started, d.path, d.used_percent::double, d.size::double, d.available::double
                     from mine a join facts.disk_space d on d.snapshot = a.snapshot
                     where a.table_name = 'disk_space' and not d.read_only and d.size > 0";
        let memory = "select a.started, null, 100 - m.available_percent::double, m.memory_total::double,
                             m.memory_available::double
                      from mine a join facts.memory_info m on m.snapshot = a.snapshot
                      where a.table_name = 'memory_info'";
        let mut asked = Vec::new();
        for (table, select) in [("disk_space", disks), ("memory_info", memory)] {
            if has(&connection, table)? {
                asked.push(select);
            }
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "with mine as (
                 select a.started, f.table_name, f.snapshot from audits a join audit_facts f on f.audit = a.id
                 where a.host = ? and a.root = ? and (?::bigint is null or a.id <= ?) and a.started >= make_timestamp(?))
             select epoch_us(started), * exclude (started) from ({}) order by 1, 2",
            asked.join(" union all ")
        );
        let since = of.started.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH).as_microsecond();
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![of.machine.host, of.machine.root, of.id, of.id, since], |row| {
            Ok(Filled {
                at: time(row.get(0)?),
                path: row.get(1)?,
                used_percent: row.get(2)?,
                size: row.get(3)?,
                free: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn has(connection: &Connection, table: &str) -> Result<bool, StoreError> {
    let sql = "select count(*) > 0 from duckdb_tables() where schema_name = 'facts' and table_name = ?";
    Ok(connection.query_row(sql, params![table], |row| row.get(0))?)
}
