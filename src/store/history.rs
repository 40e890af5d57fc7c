//! What is known of a machine beside one audit: the audits before it, when problems came and went, what was updated,
//! what people accepted.

use std::{collections::BTreeMap, path::Path};

use duckdb::{Connection, params};
use jiff::Timestamp;

use super::{
    AuditSummary, Moment, Store, StoreError, Waiver,
    load::{self, Keep, time},
    moment, waivers,
};
use crate::{audit::Audit, checks::Severity, words};

/// What a report knows beside its audit: the past, and what people accepted.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The audit to compare with, of the same machine.
    pub previous: Option<Audit>,
    /// Earlier audits of the same machine, newest first: the last few, and before them one a day.
    pub audits: Vec<AuditSummary>,
    /// By check, when a problem came and when it went, oldest first.
    pub turns: BTreeMap<String, Vec<Turn>>,
    /// Changes of the system between audits, oldest first.
    pub changes: Vec<SystemChange>,
    /// Accepted risks that hold on the day of the audit.
    pub waivers: Vec<Waiver>,
    /// When cleanbill fixed something that stands, and how much, oldest first.
    pub fixes: Vec<(Timestamp, usize)>,
}

/// A problem came or went.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// When the audit began that saw it.
    pub at: Timestamp,
    /// Whether the problem was there from then on.
    pub open: bool,
    /// How bad it was; of one that went, none.
    pub severity: Option<Severity>,
    /// Whether it stood under another problem with the same cause.
    pub part: bool,
}

/// The system became another between two audits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemChange {
    /// When the audit began that saw it first.
    pub at: Timestamp,
    /// How many programs have another version.
    pub updated: usize,
    /// The kernel that runs now, if it is another one.
    pub kernel: Option<String>,
    /// The operating system, if it is another release.
    pub os: Option<String>,
}

/// How many of the newest audits are all told.
const RECENT: usize = 12;
/// For how many days before them one a day is told.
const DAYS: usize = 400;

impl Store {
    /// A stored audit, the latest when no number is given, and what is known of the machine beside it.
    ///
    /// # Errors
    /// When there is none, the store cannot be read, or the audit to compare with is not there or is of another machine.
    pub fn recall(&self, id: Option<i64>, against: Moment) -> Result<(Audit, History), StoreError> {
        let connection = self.read()?;
        let audit = load::audit(&connection, id, &self.path)?;
        let history = history(&connection, &audit, against, &self.path)?;
        Ok((audit, history))
    }

    /// What is known of the machine of `audit` beside it.
    ///
    /// # Errors
    /// When the store cannot be read, or the audit to compare with is not there or is of another machine.
    pub fn history(&self, audit: &Audit, against: Moment) -> Result<History, StoreError> {
        history(&self.read()?, audit, against, &self.path)
    }
}

/// What is known of the machine of `audit` beside it.
pub(super) fn history(
    connection: &Connection,
    of: &Audit,
    against: Moment,
    path: &Path,
) -> Result<History, StoreError> {
    let machine = &of.machine;
    let before = moment::before(connection, of, against)?;
    Ok(History {
        previous: before.map(|id| load::audit(connection, Some(id), path)).transpose()?,
        audits: load::audits(connection, Some(machine), of.id, Keep::Daily(RECENT, DAYS))?,
        turns: turns(connection, of)?,
        changes: changes(connection, of)?,
        waivers: waivers::list(connection, &machine.host, words::utc(of.started).date())?,
        fixes: fixes(connection, of)?,
    })
}

/// When problems came and went, up to `audit`.
fn turns(connection: &Connection, audit: &Audit) -> Result<BTreeMap<String, Vec<Turn>>, StoreError> {
    let mut statement = connection.prepare(
        "with mine as (
             select f.check_id, a.id, a.started, f.verdict = 'problem' as open, f.severity, f.part_of is not null as part,
                    lag(f.verdict = 'problem') over (partition by f.check_id order by a.id) as before
             from audits a join findings f on f.audit = a.id
             where a.host = ? and a.root = ? and (?::bigint is null or a.id <= ?)
               and f.verdict in ('problem', 'ok', 'not_applicable'))
         select check_id, epoch_us(started), open, severity, part from mine
         where open is distinct from before and (open or before is not null)
         order by check_id, id",
    )?;
    let mut rows = statement.query(params![audit.machine.host, audit.machine.root, audit.id, audit.id])?;
    let mut turns: BTreeMap<String, Vec<Turn>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let severity: Option<String> = row.get(3)?;
        let turn = Turn {
            at: time(row.get(1)?),
            open: row.get(2)?,
            severity: severity.as_deref().and_then(Severity::parse),
            part: row.get(4)?,
        };
        turns.entry(row.get(0)?).or_default().push(turn);
    }
    Ok(turns)
}

/// When cleanbill fixed something on the machine of `audit` before it.
fn fixes(connection: &Connection, audit: &Audit) -> Result<Vec<(Timestamp, usize)>, StoreError> {
    let mut statement = connection.prepare(
        "select epoch_us(r.started), count(*) from fix_runs r join fix_steps s on s.run = r.id
         where r.host = ? and r.root = ? and r.state = 'done' and s.state = 'fixed'
           and r.started <= make_timestamp(?)
         group by r.id, r.started order by r.started",
    )?;
    let machine = &audit.machine;
    let rows = statement.query_map(params![machine.host, machine.root, audit.started.as_microsecond()], |row| {
        Ok((time(row.get(0)?), usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What became another between the audits up to `audit`.
fn changes(connection: &Connection, audit: &Audit) -> Result<Vec<SystemChange>, StoreError> {
    let has_packages: bool = connection.query_row(
        "select count(*) = 4 from duckdb_columns() where schema_name = 'facts' and table_name = 'packages'
           and column_name in ('name', 'arch', 'version', 'snapshot')",
        [],
        |r| r.get(0),
    )?;
    let updated = if has_packages {
        "(select p.id, count(*) as n from pairs p
            join facts.packages n on n.snapshot = p.snapshot
            join facts.packages o on o.snapshot = p.before and o.name = n.name and o.arch = n.arch
          where o.version <> n.version group by p.id)"
    } else {
        "(select null::bigint as id, 0 as n where false)"
    };
    let sql = format!(
        "with mine as (
             select a.id, a.started, a.kernel, a.os, f.snapshot,
                    lag(a.kernel) over w as old_kernel, lag(a.os) over w as old_os,
                    lag(f.snapshot ignore nulls) over w as before
             from audits a left join audit_facts f on f.audit = a.id and f.table_name = 'packages'
             where a.host = ? and a.root = ? and (?::bigint is null or a.id <= ?)
             window w as (order by a.id)),
         pairs as (select * from mine where snapshot <> before),
         updated as {updated}
         select epoch_us(m.started), coalesce(u.n, 0),
                case when m.kernel <> m.old_kernel then m.kernel end, case when m.os <> m.old_os then m.os end
         from mine m left join updated u on u.id = m.id
         where u.n > 0 or m.kernel <> m.old_kernel or m.os <> m.old_os
         order by m.id"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params![audit.machine.host, audit.machine.root, audit.id, audit.id], |row| {
        Ok(SystemChange {
            at: time(row.get(0)?),
            updated: usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            kernel: row.get(2)?,
            os: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
