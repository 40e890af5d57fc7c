//! What one check found at each look at a machine.

use duckdb::params;
use jiff::Timestamp;

use super::{Store, StoreError, load::time};
use crate::{audit::Audit, checks::Severity};

/// What a check found at one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Number of the audit.
    pub audit: i64,
    /// When it began.
    pub started: Timestamp,
    /// `problem`, `ok`, `not_applicable`, `unknown`, as the audit recorded it.
    pub verdict: String,
    /// How bad it was; of a problem alone.
    pub severity: Option<Severity>,
    /// What it was called; of a problem alone.
    pub title: Option<String>,
    /// How many rows the check returned; of a problem alone.
    pub count: usize,
    /// Whether someone had accepted it.
    pub waived: bool,
}

impl Store {
    /// What `check` found at each look at the machine of `audit` up to it, oldest first; looks that did not ask are left
    /// out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn answers(&self, audit: &Audit, check: &str) -> Result<Vec<Answer>, StoreError> {
        let connection = self.read()?;
        let mut statement = connection.prepare(
            "select a.id, epoch_us(a.started), f.verdict, f.severity, f.title, coalesce(f.count, 0), f.waived
             from audits a join findings f on f.audit = a.id
             where a.host = ? and a.root = ? and (?::bigint is null or a.id <= ?) and f.check_id = ? order by a.id",
        )?;
        let machine = &audit.machine;
        let rows = statement.query_map(params![machine.host, machine.root, audit.id, audit.id, check], |row| {
            Ok(Answer {
                audit: row.get(0)?,
                started: time(row.get(1)?),
                verdict: row.get(2)?,
                severity: row.get::<_, Option<String>>(3)?.as_deref().and_then(Severity::parse),
                title: row.get(4)?,
                count: usize::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
                waived: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every check that was ever asked of any machine.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn asked(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.read()?;
        let mut statement = connection.prepare("select distinct check_id from findings order by 1")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
