//! Reading audits back.

use std::{collections::BTreeMap, path::Path, time::Duration};

use duckdb::{Connection, params};
use jiff::Timestamp;
use serde::Serialize;

use super::{Store, StoreError, Waiver, waivers};
use crate::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Gap, Reason},
};

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditSummary {
    /// Its number.
    pub id: i64,
    /// Stable id of the machine.
    #[serde(skip)]
    pub host: String,
    /// Host name.
    pub hostname: String,
    /// The directory looked at.
    pub root: String,
    /// When it began.
    pub started: Timestamp,
    /// Risk from 0 to 100.
    pub risk: f64,
    /// The grade's letter.
    pub grade: String,
    /// Open problems that count.
    pub problems: i64,
    /// Checks without an answer.
    pub unknown: i64,
    /// Whether every check was asked.
    pub complete: bool,
    /// Whether it ran as root.
    pub privileged: bool,
}

/// What a report knows beside its audit: the past, and what people accepted.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The audit before, of the same machine.
    pub previous: Option<Audit>,
    /// Earlier audits of the same machine, newest first.
    pub audits: Vec<AuditSummary>,
    /// Since when problems have been open without a break, by check.
    pub since: BTreeMap<String, Timestamp>,
    /// Accepted risks that hold on the day of the audit.
    pub waivers: Vec<Waiver>,
}

/// How many earlier audits a report looks back on.
const LOOK_BACK: usize = 60;

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

impl Store {
    /// The newest `limit` audits, newest first; of one host and root when given.
    ///
    /// # Errors
    /// When there is no store or it cannot be read.
    pub fn audits(&self, of: Option<(&str, &str)>, limit: usize) -> Result<Vec<AuditSummary>, StoreError> {
        audits(&self.read()?, of, limit)
    }
    /// An audit by its number; the latest when none is given.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub fn audit(&self, id: Option<i64>) -> Result<Audit, StoreError> {
        audit(&self.read()?, id, &self.path)
    }

    /// What is known of the machine of `audit` beside it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, audit: &Audit) -> Result<History, StoreError> {
        history(&self.read()?, audit, &self.path)
    }
}

/// What is known of the machine of `audit` beside it.
pub(super) fn history(connection: &Connection, of: &Audit, path: &Path) -> Result<History, StoreError> {
    let machine = &of.machine;
    let before = previous(connection, of)?;
    Ok(History {
        previous: before.map(|id| audit(connection, Some(id), path)).transpose()?,
        audits: audits(connection, Some((&machine.host, &machine.root)), LOOK_BACK)?,
        since: open_since(connection, of)?,
        waivers: waivers::list(connection, &machine.host, waivers::day(of.started))?,
    })
}

fn audits(connection: &Connection, of: Option<(&str, &str)>, limit: usize) -> Result<Vec<AuditSummary>, StoreError> {
    let mut statement = connection.prepare(
        "select a.id, a.host, a.hostname, a.root, epoch_us(a.started), a.risk, a.grade, a.complete, a.privileged,
                    count(*) filter (verdict = 'problem' and not waived and part_of is null),
                    count(*) filter (verdict = 'unknown')
             from audits a left join findings f on f.audit = a.id
             where (?::varchar is null or (a.host = ? and a.root = ?))
             group by all order by a.id desc limit ?",
    )?;
    let (host, root) = of.map_or((None, None), |(h, r)| (Some(h), Some(r)));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![host, host, root, limit], |row| {
        Ok(AuditSummary {
            id: row.get(0)?,
            host: row.get(1)?,
            hostname: row.get(2)?,
            root: row.get(3)?,
            started: time(row.get(4)?),
            risk: row.get(5)?,
            grade: row.get(6)?,
            complete: row.get(7)?,
            privileged: row.get(8)?,
            problems: row.get(9)?,
            unknown: row.get(10)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn audit(connection: &Connection, id: Option<i64>, path: &Path) -> Result<Audit, StoreError> {
    let id = match id {
        Some(id) => id,
        None => {
            let latest: Option<i64> = connection.query_row("select max(id) from audits", [], |r| r.get(0))?;
            latest.ok_or_else(|| StoreError::Missing(path.to_owned()))?
        }
    };
    let audit = connection.query_row(
        "select host, hostname, os, kind, role, root, kernel, epoch_us(started), took_ms, version, privileged,
                    complete, files, services, programs from audits where id = ?",
        params![id],
        |row| {
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            Ok(Audit {
                id: Some(id),
                machine: MachineInfo {
                    host: row.get(0)?,
                    hostname: row.get(1)?,
                    os: row.get(2)?,
                    kind: row.get(3)?,
                    role: row.get(4)?,
                    root: row.get(5)?,
                    kernel: row.get(6)?,
                },
                started: time(row.get(7)?),
                took: Duration::from_millis(number(row.get(8)?)),
                version: row.get(9)?,
                privileged: row.get(10)?,
                complete: row.get(11)?,
                outcomes: Vec::new(),
                gaps: Vec::new(),
                looked_at: LookedAt {
                    files: number(row.get(12)?),
                    services: number(row.get(13)?),
                    programs: number(row.get(14)?),
                },
            })
        },
    );
    let mut audit = match audit {
        Err(duckdb::Error::QueryReturnedNoRows) => return Err(StoreError::NoSuchAudit(id)),
        other => other?,
    };
    let (own, mut by_check) = gaps(connection, id)?;
    audit.gaps = own;
    audit.outcomes = outcomes(connection, id, &mut by_check)?;
    Ok(audit)
}

/// The number of the complete audit of the same machine and root before `audit`.
fn previous(connection: &Connection, audit: &Audit) -> Result<Option<i64>, StoreError> {
    Ok(connection.query_row(
        "select max(id) from audits where host = ? and root = ? and complete and (?::bigint is null or id < ?)",
        params![audit.machine.host, audit.machine.root, audit.id, audit.id],
        |row| row.get(0),
    )?)
}

/// Since when each problem of an audit has been open without a break, by check.
fn open_since(connection: &Connection, audit: &Audit) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let mut statement = connection.prepare(
        "with mine as (
                 select a.id, a.started, f.check_id, f.verdict = 'problem' as open
                 from audits a join findings f on f.audit = a.id
                 where a.host = ? and a.root = ? and f.verdict in ('problem', 'ok', 'not_applicable')
                   and (?::bigint is null or a.id <= ?)),
             last_fine as (select check_id, max(id) as id from mine where not open group by check_id)
             select m.check_id, epoch_us(min(m.started))
             from mine m left join last_fine l using (check_id)
             where m.open and m.id > coalesce(l.id, 0)
             group by m.check_id",
    )?;
    let rows = statement.query_map(params![audit.machine.host, audit.machine.root, audit.id, audit.id], |row| {
        Ok((row.get(0)?, time(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

type GapsByCheck = BTreeMap<String, Vec<Gap>>;

fn gaps(connection: &Connection, audit: i64) -> Result<(Vec<Gap>, GapsByCheck), StoreError> {
    let mut own = Vec::new();
    let mut by_check = GapsByCheck::new();
    let mut statement = connection.prepare("select check_id, what, source, reason from gaps where audit = ?")?;
    let mut rows = statement.query(params![audit])?;
    while let Some(row) = rows.next()? {
        let reason: String = row.get(3)?;
        let reason = serde_json::from_str(&reason).unwrap_or(Reason::Broken(reason));
        let gap = Gap { what: row.get(1)?, source: row.get(2)?, reason };
        match row.get::<_, Option<String>>(0)? {
            Some(check) => by_check.entry(check).or_default().push(gap),
            None => own.push(gap),
        }
    }
    Ok((own, by_check))
}

fn outcomes(connection: &Connection, audit: i64, gaps: &mut GapsByCheck) -> Result<Vec<Outcome>, StoreError> {
    let mut evidence: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    let sql = "select check_id, text, source, line from evidence where audit = ? order by check_id, n";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![audit])?;
    while let Some(row) = rows.next()? {
        let item = Evidence { text: row.get(1)?, source: row.get(2)?, line: row.get(3)? };
        evidence.entry(row.get(0)?).or_default().push(item);
    }
    let mut outcomes = Vec::new();
    let sql = "select check_id, verdict, severity, title, count, why, waived, part_of from findings where audit = ?
               order by check_id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![audit])?;
    while let Some(row) = rows.next()? {
        let check: String = row.get(0)?;
        let verdict: String = row.get(1)?;
        let verdict = match verdict.as_str() {
            "problem" => {
                let severity: String = row.get(2)?;
                let count: i64 = row.get(4)?;
                Verdict::Problem(Finding {
                    title: row.get(3)?,
                    severity: Severity::parse(&severity).unwrap_or(Severity::Medium),
                    count: usize::try_from(count).unwrap_or(0),
                    evidence: evidence.remove(&check).unwrap_or_default(),
                })
            }
            "ok" => Verdict::Ok,
            "not_applicable" => Verdict::NotApplicable(row.get::<_, Option<String>>(5)?.unwrap_or_default()),
            _ => Verdict::Unknown(gaps.remove(&check).unwrap_or_default()),
        };
        outcomes.push(Outcome { check, verdict, waived: row.get(6)?, part_of: row.get(7)? });
    }
    Ok(outcomes)
}
