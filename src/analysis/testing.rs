//! Small hand-made histories for the tests of this room.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
    facts::{Facts, State, Table, TableData, Type, Value},
    probes,
    store::Store,
};

/// Text that would do harm if it came out as it went in.
pub(crate) const EVIL: &str = "<b>\u{1b}[31m\u{202e}gpj\n{{ 7*7 }} `x` =cmd() '; drop table users";

/// A history in a folder of its own.
pub(crate) struct Past {
    folder: tempfile::TempDir,
    pub(crate) catalogue: Catalogue,
    /// Seconds between the looks.
    pub(crate) pace: i64,
    audits: i64,
}

/// What one look saw.
pub(crate) struct Seen {
    pub(crate) host: &'static str,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) tables: BTreeMap<&'static str, (State, Vec<Json>)>,
    pub(crate) version: &'static str,
    pub(crate) privileged: bool,
    pub(crate) complete: bool,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Seen {
            host: "web01",
            outcomes: Vec::new(),
            tables: BTreeMap::new(),
            version: "0.1.0",
            privileged: true,
            complete: true,
        }
    }

    /// With a table that was read whole.
    pub(crate) fn table(self, name: &'static str, rows: impl IntoIterator<Item = Json>) -> Self {
        self.state(name, State::Read, rows)
    }

    pub(crate) fn state(mut self, name: &'static str, state: State, rows: impl IntoIterator<Item = Json>) -> Self {
        self.tables.insert(name, (state, rows.into_iter().collect()));
        self
    }

    pub(crate) fn problem(mut self, check: &str, severity: Severity, title: &str) -> Self {
        let evidence = vec![Evidence { text: title.to_owned(), source: None, line: None }];
        let finding = Finding { title: title.to_owned(), severity, count: 1, evidence };
        self.outcomes.push(Outcome::new(check, Verdict::Problem(finding)));
        self
    }

    pub(crate) fn fine(mut self, check: &str) -> Self {
        self.outcomes.push(Outcome::new(check, Verdict::Ok));
        self
    }

    pub(crate) fn unsure(mut self, check: &str) -> Self {
        self.outcomes.push(Outcome::new(check, Verdict::Unknown(Vec::new())));
        self
    }
}

impl Past {
    pub(crate) fn new() -> Self {
        Past {
            folder: tempfile::tempdir().unwrap(),
            catalogue: Catalogue::builtin().unwrap(),
            pace: 7 * 86_400,
            audits: 0,
        }
    }

    pub(crate) fn store(&self) -> Store {
        Store::at(self.folder.path().join("h.duckdb"))
    }

    /// A look, a week after the one before unless the pace is another.
    pub(crate) fn look(&mut self, seen: Seen) -> Audit {
        let mut facts = Facts::new();
        for (name, (state, rows)) in &seen.tables {
            let table = probes::table(name).unwrap().0;
            facts.insert(TableData { table, rows: rows.iter().map(|r| row(table, r)).collect(), state: state.clone() });
        }
        let start: Timestamp = "2026-11-02T06:00:00Z".parse().unwrap();
        let mut audit = Audit {
            id: None,
            machine: MachineInfo {
                host: seen.host.to_owned(),
                hostname: seen.host.to_owned(),
                os: "Debian 12".to_owned(),
                kind: "vm".to_owned(),
                role: "server".to_owned(),
                root: "/".to_owned(),
                kernel: Some("6.1.0".to_owned()),
                details: Vec::new(),
            },
            started: Timestamp::from_second(start.as_second() + self.audits * self.pace).unwrap(),
            took: Duration::from_millis(900),
            version: seen.version.to_owned(),
            privileged: seen.privileged,
            complete: seen.complete,
            outcomes: seen.outcomes,
            gaps: Vec::new(),
            looked_at: LookedAt { files: 1, services: 1, programs: 1 },
        };
        self.audits += 1;
        self.store().record(&mut audit, &facts, &self.catalogue).unwrap();
        audit
    }
}

/// A row of a table from what matters in a test; the other columns are empty.
fn row(table: &Table, cells: &Json) -> Vec<Value> {
    for column in cells.as_object().unwrap().keys() {
        assert!(table.columns.iter().any(|c| c.name == column), "{} has no column {column}", table.name);
    }
    table
        .columns
        .iter()
        .map(|column| match (&cells[column.name], column.ty) {
            (Json::Null, _) if column.nullable => Value::Null,
            (value, Type::Text) => Value::Text(value.as_str().unwrap_or_default().to_owned()),
            (value, Type::Integer) => Value::Integer(value.as_i64().unwrap_or_default()),
            (value, Type::Real) => Value::Real(value.as_f64().unwrap_or_default()),
            (value, Type::Boolean) => Value::Boolean(value.as_bool().unwrap_or_default()),
            (value, Type::Timestamp) => {
                Value::Timestamp(value.as_str().map_or(Timestamp::UNIX_EPOCH, |t| t.parse().unwrap()))
            }
            (_, Type::Labels) => unreachable!("no probe has such a column"),
        })
        .collect()
}

/// A row in which every column says something: `n` makes it another row.
pub(crate) fn full(table: &Table, columns: &[&str], text: &str, n: i64) -> Json {
    let cell = |column: &&str| {
        let ty = table.columns.iter().find(|c| c.name == *column).unwrap().ty;
        let value = match ty {
            Type::Text => json!(format!("{text}{n}")),
            Type::Integer => json!(n),
            #[allow(clippy::cast_precision_loss)]
            Type::Real => json!(n as f64 * 40.0),
            Type::Boolean => json!(n % 2 == 1),
            Type::Timestamp => json!(format!("2026-01-{:02}T00:00:00Z", n + 1)),
            Type::Labels => json!({}),
        };
        ((*column).to_owned(), value)
    };
    Json::Object(columns.iter().map(cell).collect::<Map<_, _>>())
}
