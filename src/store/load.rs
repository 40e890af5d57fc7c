//! Reading audits back.

use std::{collections::BTreeMap, path::Path, time::Duration};

use duckdb::{Connection, params};
use jiff::Timestamp;
use serde::Serialize;

use super::{Store, StoreError};
use crate::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Gap, Reason},
    score::BySeverity,
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
    /// Open problems that count, by severity.
    pub by_severity: BySeverity,
}

/// Which audits are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// So many of the newest.
    Newest(usize),
    /// So many of the newest, and before them the last one of each day up to this many.
    Daily(usize, usize),
}

pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

impl Store {
    /// The newest `limit` audits, newest first.
    ///
    /// # Errors
    /// When there is no store or it cannot be read.
    pub fn audits(&self, limit: usize) -> Result<Vec<AuditSummary>, StoreError> {
        audits(&self.read()?, None, None, Keep::Newest(limit))
    }

    /// The numbers of the latest complete audit of each machine and root, oldest first.
    ///
    /// # Errors
    /// When there is no store or it cannot be read.
    pub fn machines(&self) -> Result<Vec<i64>, StoreError> {
        let connection = self.read()?;
        let sql = "select max(id) as id from audits where complete group by host, root order by id";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An audit by its number; the latest when none is given.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub fn audit(&self, id: Option<i64>) -> Result<Audit, StoreError> {
        audit(&self.read()?, id, &self.path)
    }
}

/// Audits, newest first: of one machine, and up to one number, where they are given.
pub(super) fn audits(
    connection: &Connection,
    of: Option<&MachineInfo>,
    upto: Option<i64>,
    keep: Keep,
) -> Result<Vec<AuditSummary>, StoreError> {
    let (host, root) = of.map(|m| (m.host.as_str(), m.root.as_str())).unzip();
    let (newest, days) = match keep {
        Keep::Newest(n) => (n, 0),
        Keep::Daily(n, days) => (n, days),
    };
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(
        "with mine as (
             select *, row_number() over (order by id desc) as newest,
                    row_number() over (partition by started::date order by id desc) as of_day
             from audits
             where (?::varchar is null or (host = ? and root = ?)) and (?::bigint is null or id <= ?)),
         kept as (
             select * from mine where newest <= ?
             union all
             (select * from mine where newest > ? and of_day = 1 order by id desc limit ?)),
         counted as (
             select audit,
                    count(*) filter (verdict = 'unknown') as unknown,
                    count(*) filter (open and severity = 'critical') as critical,
                    count(*) filter (open and severity = 'high') as high,
                    count(*) filter (open and severity = 'medium') as medium,
                    count(*) filter (open and severity = 'low') as low,
                    count(*) filter (open and severity = 'info') as info
             from (select *, verdict = 'problem' and not waived and part_of is null as open from findings)
             where audit in (select id from kept) group by audit)
         select k.id, k.host, k.hostname, k.root, epoch_us(k.started), k.risk, k.grade, k.complete, k.privileged,
                coalesce(c.unknown, 0), coalesce(c.critical, 0), coalesce(c.high, 0), coalesce(c.medium, 0),
                coalesce(c.low, 0), coalesce(c.info, 0)
         from kept k left join counted c on c.audit = k.id order by k.id desc",
    )?;
    let (newest, days) = (number(newest), number(days));
    let rows = statement.query_map(params![host, host, root, upto, upto, newest, newest, days], |row| {
        let count = |column: usize| Ok::<_, duckdb::Error>(usize::try_from(row.get::<_, i64>(column)?).unwrap_or(0));
        let by_severity = BySeverity {
            critical: count(10)?,
            high: count(11)?,
            medium: count(12)?,
            low: count(13)?,
            info: count(14)?,
        };
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
            problems: number(by_severity.total()),
            unknown: row.get(9)?,
            by_severity,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn audit(connection: &Connection, id: Option<i64>, path: &Path) -> Result<Audit, StoreError> {
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
                    details: Vec::new(),
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
    audit.machine.details = details(connection, id)?;
    let (own, mut by_check) = gaps(connection, id)?;
    audit.gaps = own;
    audit.outcomes = outcomes(connection, id, &mut by_check)?;
    Ok(audit)
}

fn details(connection: &Connection, audit: i64) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = connection.prepare("select name, value from audit_details where audit = ? order by n")?;
    let rows = statement.query_map(params![audit], |row| Ok((row.get(0)?, row.get(1)?)))?;
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
