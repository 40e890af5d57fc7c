//! Storing an audit: one transaction.

use duckdb::{Connection, params};

use super::{History, Moment, Store, StoreError, history, waivers};
use crate::{
    audit::{Audit, settle},
    checks::{Catalogue, Outcome, Verdict},
    facts::{Facts, Gap, Value, append},
    words,
};

impl Store {
    /// Puts an audit into the history with its facts, once what people accepted is marked in it; gives it its number
    /// and returns what is known of the machine beside it.
    ///
    /// # Errors
    /// When the file cannot be used; then it is as it was before.
    pub fn record(&self, audit: &mut Audit, facts: &Facts, catalogue: &Catalogue) -> Result<History, StoreError> {
        self.transaction(|connection| {
            let held = waivers::list(connection, &audit.machine.host, words::utc(audit.started).date())?;
            settle(&mut audit.outcomes, catalogue, &held.into_iter().map(|w| w.check).collect());
            audit.id = Some(save(connection, audit, facts)?);
            history::history(connection, audit, Moment::Previous, &self.path)
        })
    }
}

/// Writes all rows of an audit; returns its number.
fn save(connection: &Connection, audit: &Audit, facts: &Facts) -> Result<i64, StoreError> {
    let id: i64 = connection.query_row("select coalesce(max(id), 0) + 1 from audits", [], |r| r.get(0))?;
    let machine = &audit.machine;
    let looked = audit.looked_at;
    connection.execute(
        "insert into audits values (?, ?, ?, ?, ?, ?, ?, ?, make_timestamp(?), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            id,
            machine.host,
            machine.hostname,
            machine.os,
            machine.kind,
            machine.role,
            machine.root,
            machine.kernel,
            audit.started.as_microsecond(),
            i64::try_from(audit.took.as_millis()).unwrap_or(i64::MAX),
            audit.version,
            audit.privileged,
            audit.complete,
            audit.risk(),
            audit.grade().letter(),
            i64::try_from(looked.files).unwrap_or(i64::MAX),
            i64::try_from(looked.services).unwrap_or(i64::MAX),
            i64::try_from(looked.programs).unwrap_or(i64::MAX),
        ],
    )?;
    let details = (0_i64..).zip(&machine.details).map(|(n, (name, value))| {
        vec![Value::Integer(id), Value::Integer(n), Value::Text(name.clone()), Value::Text(value.clone())]
    });
    append(connection, "main", "audit_details", &details.collect::<Vec<_>>(), &[])?;
    let mut findings = Vec::new();
    let mut evidence = Vec::new();
    let mut gaps: Vec<_> = audit.gaps.iter().map(|g| gap_row(id, None, g)).collect();
    for outcome in &audit.outcomes {
        findings.push(finding_row(id, outcome));
        match &outcome.verdict {
            Verdict::Problem(finding) => {
                for (n, item) in (0_i64..).zip(&finding.evidence) {
                    evidence.push(vec![
                        Value::Integer(id),
                        Value::Text(outcome.check.clone()),
                        Value::Integer(n),
                        Value::Text(item.text.clone()),
                        item.source.clone().map_or(Value::Null, Value::Text),
                        item.line.map_or(Value::Null, Value::Integer),
                    ]);
                }
            }
            Verdict::Unknown(found) => gaps.extend(found.iter().map(|g| gap_row(id, Some(&outcome.check), g))),
            Verdict::Ok | Verdict::NotApplicable(_) => {}
        }
    }
    append(connection, "main", "findings", &findings, &[])?;
    append(connection, "main", "evidence", &evidence, &[])?;
    append(connection, "main", "gaps", &gaps, &[])?;
    super::facts::save(connection, id, facts)?;
    Ok(id)
}

fn finding_row(audit: i64, outcome: &Outcome) -> Vec<Value> {
    let text = |s: &str| Value::Text(s.to_owned());
    let (verdict, severity, title, count, why) = match &outcome.verdict {
        Verdict::Problem(f) => (
            "problem",
            text(f.severity.name()),
            text(&f.title),
            Value::Integer(i64::try_from(f.count).unwrap_or(i64::MAX)),
            Value::Null,
        ),
        Verdict::Ok => ("ok", Value::Null, Value::Null, Value::Null, Value::Null),
        Verdict::NotApplicable(why) => ("not_applicable", Value::Null, Value::Null, Value::Null, text(why)),
        Verdict::Unknown(_) => ("unknown", Value::Null, Value::Null, Value::Null, Value::Null),
    };
    vec![
        Value::Integer(audit),
        text(&outcome.check),
        text(verdict),
        severity,
        title,
        count,
        why,
        Value::Boolean(outcome.waived),
        outcome.part_of.as_deref().map_or(Value::Null, text),
    ]
}

fn gap_row(audit: i64, check: Option<&str>, gap: &Gap) -> Vec<Value> {
    vec![
        Value::Integer(audit),
        check.map_or(Value::Null, |c| Value::Text(c.to_owned())),
        Value::Text(gap.what.clone()),
        Value::Text(gap.source.clone()),
        Value::Text(serde_json::to_string(&gap.reason).unwrap_or_default()),
    ]
}
