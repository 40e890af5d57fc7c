//! From a recording to audits in a store, as cleanbill itself would have made them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use cleanbill::{
    audit::{self, Audit, LookedAt, MachineInfo},
    checks::{Catalogue, Check, Outcome, Severity},
    facts::{FactDb, Facts, Gap, State, Table, TableData, Type, Value},
    probes,
    store::{History, Store, Waiver},
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value as Json};

use crate::recording::{Common, Problem, Recording, day};

/// The version that stands in the samples, whichever wrote them: a new one alone makes none of them stale.
pub const VERSION: &str = "0.1.0";

/// Everything that turns recordings into audits.
pub struct Workshop {
    pub catalogue: Catalogue,
    common: Common,
    /// No facts at all: it only tells which columns a query has.
    empty: FactDb,
    columns: RefCell<BTreeMap<String, Vec<String>>>,
}

impl Workshop {
    pub fn open() -> Self {
        let empty = FactDb::new(probes::tables(), Timestamp::UNIX_EPOCH).unwrap();
        empty.seal().unwrap();
        Workshop {
            catalogue: Catalogue::builtin().unwrap(),
            common: crate::recording::common(),
            empty,
            columns: RefCell::default(),
        }
    }

    /// The columns that the query of a check returns.
    fn columns(&self, check: &Check) -> Vec<String> {
        let columns = |check: &Check| self.empty.select(&check.query, &check.bindings(None)).unwrap().columns;
        self.columns.borrow_mut().entry(check.id.clone()).or_insert_with(|| columns(check)).clone()
    }

    /// A recorded row as the query of the check would return it at that point of the history.
    fn row(&self, check: &Check, row: &toml::Table, progress: f64) -> Map<String, Json> {
        let columns = self.columns(check);
        for name in row.keys() {
            assert!(columns.contains(name), "{}: the query has no column `{name}`, only {columns:?}", check.id);
        }
        columns
            .into_iter()
            .map(|name| (name.clone(), row.get(&name).map_or(Json::Null, |v| json(v, progress))))
            .collect()
    }

    /// How bad a recorded problem is.
    pub fn severity(&self, problem: &Problem) -> Severity {
        let check = self.check(&problem.check);
        let rows: Vec<_> = problem.rows.iter().map(|row| self.row(check, row, 1.0)).collect();
        check.finding(&rows).unwrap().unwrap().severity
    }

    /// Whether a check has a subject on a machine.
    pub fn applies(&self, recording: &Recording, check: &str) -> bool {
        let missing = |table: &str| {
            let absent = recording.without.iter().filter_map(|w| self.common.absent.get(w));
            let unseen = recording.unseen.iter().flat_map(|u| &u.tables);
            absent.flat_map(|a| &a.tables).chain(unseen).any(|t| t == table)
        };
        !self.check(check).needs.iter().any(|need| missing(need))
    }

    fn check(&self, id: &str) -> &Check {
        self.catalogue.get(id).unwrap_or_else(|| panic!("no check is called {id}"))
    }

    /// What the checks came to at that moment.
    fn outcomes(&self, recording: &Recording, facts: &Facts, moment: Timestamp, progress: f64) -> Vec<Outcome> {
        let mut rows: BTreeMap<&str, Vec<Map<String, Json>>> = BTreeMap::new();
        for problem in recording.problem.iter().filter(|p| p.open.hold(day(moment))) {
            let check = self.catalogue.get(&problem.check);
            let check =
                check.unwrap_or_else(|| panic!("{}: no check is called {}", recording.host.name, problem.check));
            let rows = rows.entry(check.id.as_str()).or_default();
            rows.extend(problem.rows.iter().map(|row| self.row(check, row, progress)));
        }
        let mut outcomes = Vec::new();
        for check in self.catalogue.checks() {
            let rows = rows.remove(check.id.as_str()).unwrap_or_default();
            let verdict = check.verdict(facts, &recording.host.kind, || {
                let found = check.finding(&rows);
                Ok(found.unwrap_or_else(|e| panic!("{}: {e}", recording.host.name)))
            });
            let found = Outcome::new(&check.id, verdict);
            assert!(
                rows.is_empty() || found.finding().is_some(),
                "{}: {} has rows, but {:?}",
                recording.host.name,
                check.id,
                found.verdict
            );
            outcomes.push(found);
        }
        outcomes
    }

    /// What was seen of the machine at that moment: `progress` is 0 at the first audit and 1 at the last.
    fn facts(&self, recording: &Recording, moment: Timestamp, progress: f64) -> Facts {
        let absent = |table: &str| {
            let missing = recording.without.iter().map(|w| {
                self.common.absent.get(w).unwrap_or_else(|| panic!("{}: nothing is called {w}", recording.host.name))
            });
            missing.filter(|a| a.tables.iter().any(|t| t == table)).map(|a| a.why.clone()).next()
        };
        let mut facts = Facts::new();
        for table in probes::tables() {
            let unseen = recording.unseen.iter().filter(|u| u.open.hold(day(moment)));
            let unseen: Vec<_> = unseen.filter(|u| u.tables.iter().any(|t| t == table.name)).collect();
            let gaps: Vec<Gap> = unseen.iter().map(|u| Gap::new(&u.what, &u.source, u.reason.clone())).collect();
            let state = match absent(table.name) {
                Some(why) => State::Absent(why),
                None if gaps.is_empty() => State::Read,
                None if unseen.iter().any(|u| u.whole) => State::Unread(gaps),
                None => State::Partial(gaps),
            };
            let groups = recording.facts.get(table.name).into_iter().flatten();
            let rows = groups.filter(|g| g.open.hold(day(moment))).flat_map(|g| &g.rows);
            let usual = self.common.cells.get(table.name);
            let mut rows: Vec<_> = rows.map(|row| cells(table, row, usual, progress)).collect();
            if table.name == "packages" {
                rows.extend(packages(recording, day(moment)).iter().map(|row| cells(table, row, usual, progress)));
            }
            facts.insert(TableData { table, rows, state });
        }
        let known: Vec<_> = probes::tables().map(|t| t.name).collect();
        for name in recording.facts.keys().chain(recording.unseen.iter().flat_map(|u| &u.tables)) {
            assert!(known.contains(&name.as_str()), "{}: there is no table {name}", recording.host.name);
        }
        facts
    }

    fn judged(&self, recording: &Recording, facts: &Facts, moment: Timestamp, progress: f64) -> Audit {
        let host = &recording.host;
        let kernel = host.kernel.range(..=day(moment)).next_back().map(|(_, kernel)| kernel.clone());
        // A little more or less each time, always the same for one day.
        let jitter = f64::from(u8::try_from(moment.as_second() / 86_400 % 7).unwrap_or(0)) / 50.0;
        Audit {
            id: None,
            machine: MachineInfo {
                host: host.id.clone(),
                hostname: host.name.clone(),
                os: host.os.clone(),
                kind: host.kind.clone(),
                role: "server".to_owned(),
                root: "/".to_owned(),
                kernel,
                details: if moment == recording.audits.last { details(facts, moment) } else { Vec::new() },
            },
            started: moment,
            took: Duration::from_secs_f64(host.seconds * (1.0 + jitter)),
            version: VERSION.to_owned(),
            privileged: true,
            complete: true,
            outcomes: self.outcomes(recording, facts, moment, progress),
            gaps: facts.gaps().into_iter().cloned().collect(),
            looked_at: LookedAt {
                files: u64::try_from(along(&host.files, progress).as_integer().unwrap()).unwrap(),
                services: host.services,
                programs: host.programs,
            },
        }
    }

    /// Writes the store of a recording; returns the last audit as it was stored, and what is known beside it.
    pub fn record(&self, recording: &Recording, file: &Path) -> (Audit, History) {
        let store = Store::at(file);
        let mut waivers = recording.waiver.clone();
        waivers.sort_by_key(|w| w.made);
        let mut waivers = waivers.into_iter().peekable();
        let mut newest = None;
        for moment in recording.moments() {
            while let Some(w) = waivers.next_if(|w| w.made <= moment) {
                self.check(&w.check);
                let waiver = Waiver { check: w.check, reason: w.reason, who: w.who, made: w.made, until: w.until };
                store.waive(&recording.host.id, &waiver).unwrap();
            }
            let (mut audit, facts) = self.seen(recording, moment);
            newest = Some(store.record(&mut audit, &facts, &self.catalogue).map(|history| (audit, history)).unwrap());
        }
        assert!(waivers.next().is_none(), "{}: a waiver is made after the last audit", recording.host.name);
        newest.unwrap()
    }

    /// The audit of that moment as it is before it is stored.
    pub fn audit(&self, recording: &Recording, moment: Timestamp) -> Audit {
        let (mut audit, _) = self.seen(recording, moment);
        audit::settle(&mut audit.outcomes, &self.catalogue, &BTreeSet::new());
        audit
    }

    /// A number of a fact table at each audit, from its first row in which a column reads `is`.
    pub fn numbers(
        &self,
        recording: &Recording,
        table: &str,
        (key, is): (&str, &str),
        column: &str,
    ) -> Vec<(Timestamp, f64)> {
        let moments = recording.moments();
        let span = recording.audits.last.duration_since(moments[0]).as_secs_f64().max(1.0);
        let number = |at: &Timestamp| {
            let facts = self.facts(recording, *at, at.duration_since(moments[0]).as_secs_f64() / span);
            let data = facts.tables().find(|t| t.table.name == table)?;
            let place = |name: &str| data.table.columns.iter().position(|c| c.name == name).unwrap();
            let row = data.rows.iter().find(|r| key.is_empty() || r[place(key)] == Value::Text(is.to_owned()))?;
            match &row[place(column)] {
                Value::Real(x) => Some((*at, *x)),
                _ => None,
            }
        };
        moments.iter().filter_map(number).collect()
    }

    /// The audit of that moment, and the facts that say something: a hundred empty tables would only make the store big
    /// and slow.
    fn seen(&self, recording: &Recording, moment: Timestamp) -> (Audit, Facts) {
        let first = recording.moments()[0];
        let span = recording.audits.last.duration_since(first).as_secs_f64().max(1.0);
        let progress = moment.duration_since(first).as_secs_f64() / span;
        let facts = self.facts(recording, moment, progress);
        let mut told = Facts::new();
        for data in facts.tables().filter(|d| !d.rows.is_empty() || d.state != State::Read) {
            told.insert(data.clone());
        }
        (self.judged(recording, &facts, moment, progress), told)
    }
}

/// What a report of that audit tells of the machine. Nobody asks it of older ones, and it takes the longest.
fn details(facts: &Facts, moment: Timestamp) -> Vec<(String, String)> {
    audit::details(&FactDb::load(probes::tables(), facts, moment).unwrap())
}

/// The programs that are installed on that day.
fn packages(recording: &Recording, day: Date) -> Vec<toml::Table> {
    let mut rows = Vec::new();
    for (name, versions) in &recording.packages {
        let Some((_, version)) = versions.range(..=day).next_back() else { continue };
        let cells = [("name", name), ("version", version), ("source_package", name), ("source_version", version)];
        rows.push(cells.into_iter().map(|(column, text)| (column.to_owned(), text.clone().into())).collect());
    }
    rows
}

/// A row of a fact table in column order.
fn cells(table: &'static Table, row: &toml::Table, usual: Option<&toml::Table>, progress: f64) -> Vec<Value> {
    for name in row.keys().chain(usual.into_iter().flat_map(|u| u.keys())) {
        assert!(table.columns.iter().any(|c| c.name == name), "{} has no column `{name}`", table.name);
    }
    let cell = |name: &str| row.get(name).or_else(|| usual?.get(name));
    table.columns.iter().map(|c| cell(c.name).map_or(Value::Null, |v| value(v, c.ty, progress))).collect()
}

fn value(value: &toml::Value, ty: Type, progress: f64) -> Value {
    match (ty, value) {
        (_, toml::Value::Array(curve)) => self::value(&along(curve, progress), ty, progress),
        (Type::Text, toml::Value::String(s)) => Value::Text(s.clone()),
        (Type::Boolean, toml::Value::Boolean(b)) => Value::Boolean(*b),
        (Type::Integer, toml::Value::Integer(n)) => Value::Integer(*n),
        (Type::Real, toml::Value::Float(x)) => Value::Real(*x),
        (Type::Timestamp, toml::Value::Datetime(d)) => Value::Timestamp(d.to_string().parse().unwrap()),
        _ => panic!("{value} is no {}", ty.sql()),
    }
}

fn json(value: &toml::Value, progress: f64) -> Json {
    match value {
        toml::Value::Array(curve) => json(&along(curve, progress), progress),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The height of a curve of equal steps; whole where its points are, else with one decimal.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn along(curve: &[toml::Value], progress: f64) -> toml::Value {
    let height = |n: usize| match curve.get(n) {
        Some(toml::Value::Integer(n)) => *n as f64,
        Some(toml::Value::Float(x)) => *x,
        other => panic!("{other:?} is no point of a curve"),
    };
    let last = curve.len() - 1;
    let at = progress * last as f64;
    let left = (at.floor() as usize).min(last);
    let height = height(left) + (height((left + 1).min(last)) - height(left)) * (at - left as f64);
    let whole = curve.iter().all(toml::Value::is_integer);
    if whole { toml::Value::Integer(height.round() as i64) } else { toml::Value::Float((height * 10.0).round() / 10.0) }
}
