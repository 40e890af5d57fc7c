//! Which audit someone means by a number, `last`, `30d` or a day.

use duckdb::{Connection, OptionalExt as _, params};
use jiff::{Timestamp, civil::Date};

use super::{Store, StoreError};
use crate::audit::{Audit, MachineInfo};

/// Which audit someone means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Moment {
    /// The newest.
    Last,
    /// The one before the newest of the same machine.
    #[default]
    Previous,
    /// This one.
    Audit(i64),
    /// The last one that was at least so many days before the newest; the oldest where none is.
    Days(u32),
    /// The last one up to the end of this day, UTC; the oldest where none is.
    Day(Date),
}

impl Moment {
    /// The latest start, in microseconds, of an audit that is meant, seen from one that began at `from`.
    fn upto(self, from: i64) -> Option<i64> {
        match self {
            Moment::Last | Moment::Previous | Moment::Audit(_) => None,
            Moment::Days(days) => Some(from.saturating_sub(i64::from(days).saturating_mul(86_400_000_000))),
            Moment::Day(day) => {
                let end = day.tomorrow().ok().and_then(|d| jiff::tz::Offset::UTC.to_timestamp(d.at(0, 0, 0, 0)).ok());
                Some(end.unwrap_or(Timestamp::MAX).as_microsecond().saturating_sub(1))
            }
        }
    }
}

impl Store {
    /// The number of the audit of the machine of `of` that someone means; none when there is none.
    ///
    /// # Errors
    /// When the store cannot be read, or no audit has this number.
    pub fn find(&self, moment: Moment, of: &Audit) -> Result<Option<i64>, StoreError> {
        let connection = self.read()?;
        if let Moment::Audit(id) = moment {
            return is_of(&connection, id, &of.machine)?.map(|_| Some(id)).ok_or(StoreError::NoSuchAudit(id));
        }
        let sql = "select id, epoch_us(started) from audits where host = ? and root = ? order by id desc limit 1";
        let machine = params![of.machine.host, of.machine.root];
        let newest: Option<(i64, i64)> =
            connection.query_row(sql, machine, |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let Some((last, started)) = newest else { return Ok(None) };
        let upto = moment.upto(started);
        if moment == Moment::Last || (matches!(moment, Moment::Day(_)) && upto.is_some_and(|end| started <= end)) {
            return Ok(Some(last));
        }
        earlier(&connection, &of.machine, Some(last), upto, false)
    }
}

/// The number of the audit that the report of `audit` is compared with: a complete one before it, of the same machine.
pub(super) fn before(connection: &Connection, audit: &Audit, moment: Moment) -> Result<Option<i64>, StoreError> {
    if let Moment::Audit(id) = moment {
        return match is_of(connection, id, &audit.machine)? {
            Some(true) => Ok(Some(id)),
            Some(false) => Err(StoreError::OtherMachine(id)),
            None => Err(StoreError::NoSuchAudit(id)),
        };
    }
    earlier(connection, &audit.machine, audit.id, moment.upto(audit.started.as_microsecond()), true)
}

/// Whether an audit is of this machine; none when there is no such audit.
fn is_of(connection: &Connection, id: i64, machine: &MachineInfo) -> Result<Option<bool>, StoreError> {
    let sql = "select host = ? and root = ? from audits where id = ?";
    Ok(connection.query_row(sql, params![machine.host, machine.root, id], |r| r.get(0)).optional()?)
}

/// The last audit of a machine with a number below `below` that began up to `upto`, complete ones first; the oldest
/// where none is so old.
fn earlier(
    connection: &Connection,
    machine: &MachineInfo,
    below: Option<i64>,
    upto: Option<i64>,
    only_complete: bool,
) -> Result<Option<i64>, StoreError> {
    let sql = "select id from audits
               where host = ? and root = ? and (?::bigint is null or id < ?) and (complete or not ?)
               order by (?::bigint is null or epoch_us(started) <= ?) desc, complete desc,
                        case when ?::bigint is null or epoch_us(started) <= ? then -id else id end limit 1";
    let values = params![machine.host, machine.root, below, below, only_complete, upto, upto, upto, upto];
    Ok(connection.query_row(sql, values, |r| r.get(0)).optional()?)
}
