//! Risks that someone accepted: with a reason, a name and an end.

use duckdb::{Connection, params};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{Store, StoreError};

/// An accepted risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// The check.
    pub check: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    pub who: String,
    /// When.
    pub made: Timestamp,
    /// The last day on which it holds.
    pub until: Date,
}

impl Store {
    /// The waivers of a machine that hold on `day`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waivers(&self, host: &str, day: Date) -> Result<Vec<Waiver>, StoreError> {
        list(&self.read()?, host, day)
    }

    /// Accepts a risk on a machine.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn waive(&self, host: &str, waiver: &Waiver) -> Result<(), StoreError> {
        self.transaction(|connection| {
            connection.execute(
                "insert into waivers values (?, ?, ?, ?, make_timestamp(?), ?::date, null)",
                params![
                    waiver.check,
                    host,
                    waiver.reason,
                    waiver.who,
                    waiver.made.as_microsecond(),
                    waiver.until.to_string()
                ],
            )?;
            Ok(())
        })
    }

    /// Takes an acceptance back; returns how many were withdrawn.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn unwaive(&self, host: &str, check: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.transaction(|connection| {
            Ok(connection.execute(
                "update waivers set withdrawn = make_timestamp(?) where host = ? and check_id = ? and withdrawn is null",
                params![now.as_microsecond(), host, check],
            )?)
        })
    }
}

/// The waivers of a machine that hold on `day`.
pub(super) fn list(connection: &Connection, host: &str, day: Date) -> Result<Vec<Waiver>, StoreError> {
    let mut statement = connection.prepare(
        "select check_id, reason, who, epoch_us(made), until::varchar from waivers
             where host = ? and withdrawn is null and until >= ?::date
             qualify row_number() over (partition by check_id order by made desc) = 1
             order by check_id",
    )?;
    let rows = statement.query_map(params![host, day.to_string()], |row| {
        let until: String = row.get(4)?;
        Ok(Waiver {
            check: row.get(0)?,
            reason: row.get(1)?,
            who: row.get(2)?,
            made: Timestamp::from_microsecond(row.get(3)?).unwrap_or_default(),
            until: until.parse().unwrap_or(day),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
