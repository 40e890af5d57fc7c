//! Which urgent problems were told, and when: so that each is told once, and once more when that says something new.

use duckdb::{Connection, params};
use jiff::Timestamp;

use super::{NewMail, Store, StoreError, load::time, mails};
use crate::checks::Severity;

/// An urgent problem that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The check.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad it was when it was told last.
    pub severity: Severity,
    /// How much of it there was when it was told last.
    pub count: usize,
    /// When it was told first.
    pub opened: Timestamp,
    /// When it was told last.
    pub told: Timestamp,
    /// When it was seen to be over; none while it is there.
    pub closed: Option<Timestamp>,
}

impl Store {
    /// The problems that were told and are not over.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_alerts(&self, host: &str) -> Result<Vec<Alert>, StoreError> {
        let connection = self.read()?;
        let mut statement = connection.prepare(
            "select check_id, title, severity, count, epoch_us(opened), epoch_us(told) from alerts
             where host = ? and closed is null order by check_id",
        )?;
        let rows = statement.query_map(params![host], |row| {
            Ok(Alert {
                check: row.get(0)?,
                title: row.get(1)?,
                severity: Severity::parse(&row.get::<_, String>(2)?).unwrap_or(Severity::Critical),
                count: usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                opened: time(row.get(4)?),
                told: time(row.get(5)?),
                closed: None,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what is told now of one machine, and puts the messages into the queue of another, which sends them:
    /// both or neither. Returns the numbers of the messages that are new.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn tell_alerts(
        &self,
        (about, by): (&str, &str),
        alerts: &[Alert],
        messages: &[NewMail],
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        self.transaction(|connection| {
            for alert in alerts {
                write(connection, about, alert)?;
            }
            mails::queue(connection, by, messages, now)
        })
    }
}

fn write(connection: &Connection, host: &str, alert: &Alert) -> Result<(), StoreError> {
    let sql = "delete from alerts where host = ? and check_id = ? and closed is null";
    connection.execute(sql, params![host, alert.check])?;
    connection.execute(
        "insert into alerts values (?, ?, ?, ?, ?, make_timestamp(?), make_timestamp(?), make_timestamp(?))",
        params![
            host,
            alert.check,
            alert.title,
            alert.severity.name(),
            i64::try_from(alert.count).unwrap_or(i64::MAX),
            alert.opened.as_microsecond(),
            alert.told.as_microsecond(),
            alert.closed.map(Timestamp::as_microsecond),
        ],
    )?;
    Ok(())
}
