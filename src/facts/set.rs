//! What the probes of one audit brought home: rows, and for every table whether it was read whole.

use std::collections::BTreeMap;

use super::{Row, Table, Value};
use crate::metrics::tables;

/// Why samples are absent.
const UNMEASURED: &str = "nothing is measured here";
/// Why some of them are.
const PART_UNMEASURED: &str = "this is not measured here";
/// What is measured of late, in hours.
const LATELY: u32 = 24;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Only root may read it, and this is not root.
    NeedsRoot,
    /// It took longer than its limit.
    TimedOut,
    /// It is there but broken, too big, or not what it should be; the text says what.
    Broken(String),
    /// The program that knows the answer is not installed or failed; the text says which.
    Tool(String),
}

/// Something that could not be looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Gap {
    /// What could not be seen, in plain words that complete "I could not see …", such as `the list of passwords`.
    pub what: String,
    /// The file, directory or program concerned.
    pub source: String,
    /// Why.
    pub reason: Reason,
}

impl Gap {
    /// A gap with its three parts.
    pub fn new(what: impl Into<String>, source: impl Into<String>, reason: Reason) -> Self {
        Gap { what: what.into(), source: source.into(), reason }
    }

    /// Why, in words: `only root may read /etc/shadow`.
    pub fn why(&self) -> String {
        match &self.reason {
            Reason::NeedsRoot => format!("only root may read {}", self.source),
            Reason::TimedOut => "it took too long".to_owned(),
            Reason::Broken(what) | Reason::Tool(what) => what.clone(),
        }
    }
}

/// How well a table is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// No probe ran that fills it.
    #[default]
    NotAsked,
    /// Read whole; no rows means there are none.
    Read,
    /// Some rows are missing: what is there is true, what is absent proves nothing.
    Partial(Vec<Gap>),
    /// Nothing could be read.
    Unread(Vec<Gap>),
    /// Its subject is not on this machine; the text says so in plain words.
    Absent(String),
}

/// The rows of one table and how well it is known.
#[derive(Debug, Clone)]
pub struct TableData {
    /// The declaration.
    pub table: &'static Table,
    /// Rows in column order.
    pub rows: Vec<Vec<Value>>,
    /// How well it is known.
    pub state: State,
}

/// Fact tables by name.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    tables: BTreeMap<&'static str, TableData>,
    /// The metrics that were measured, and how many hours ago that was last. Their samples stand in the history.
    measured: BTreeMap<String, u32>,
    /// Why that cannot be told, if so.
    unmeasured: Option<Gap>,
}

impl Facts {
    /// No facts yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn entry(&mut self, table: &'static Table) -> &mut TableData {
        self.tables.entry(table.name).or_insert_with(|| TableData { table, rows: Vec::new(), state: State::NotAsked })
    }

    /// Takes a table as it is, in place of what was known of it.
    pub fn insert(&mut self, data: TableData) {
        self.tables.insert(data.table.name, data);
    }

    /// Adds a row.
    pub fn push<R: Row>(&mut self, row: R) {
        self.entry(R::TABLE).rows.push(row.into_values());
    }

    /// Says that the table's subject is not on this machine, in words that complete a sentence on their own:
    /// `no OpenSSH server is installed`. Checks that need the table do not apply then.
    pub fn absent<R: Row>(&mut self, why: impl Into<String>) {
        self.absent_table(R::TABLE, why.into());
    }

    /// Says the same when the probe has ended, found nothing, and could read everything.
    pub fn absent_when_empty<R: Row>(&mut self, why: impl Into<String>) {
        let entry = self.entry(R::TABLE);
        if entry.rows.is_empty() && entry.state == State::NotAsked {
            entry.state = State::Absent(why.into());
        }
    }

    pub(crate) fn absent_table(&mut self, table: &'static Table, why: String) {
        self.entry(table).state = State::Absent(why);
    }

    /// Says that some rows of the table could not be read. What was pushed stays true.
    pub fn partial<R: Row>(&mut self, gap: Gap) {
        match &mut self.entry(R::TABLE).state {
            State::Partial(gaps) | State::Unread(gaps) => {
                if !gaps.contains(&gap) {
                    gaps.push(gap);
                }
            }
            state => *state = State::Partial(vec![gap]),
        }
    }

    /// Says that nothing of the table could be read.
    pub fn unread<R: Row>(&mut self, gap: Gap) {
        self.unread_table(R::TABLE, gap);
    }

    pub(crate) fn unread_table(&mut self, table: &'static Table, gap: Gap) {
        let state = &mut self.entry(table).state;
        let mut gaps = match state {
            State::Unread(gaps) | State::Partial(gaps) => std::mem::take(gaps),
            _ => Vec::new(),
        };
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
        *state = State::Unread(gaps);
    }

    /// Marks the table as read whole unless its probe said otherwise.
    pub(crate) fn finish(&mut self, table: &'static Table) {
        let entry = self.entry(table);
        if entry.state == State::NotAsked {
            entry.state = State::Read;
        }
    }

    /// Takes over all tables of `other`.
    pub(crate) fn merge(&mut self, other: Facts) {
        self.tables.extend(other.tables);
    }

    /// The table of that name, if a probe spoke of it.
    pub fn get(&self, name: &str) -> Option<&TableData> {
        self.tables.get(name)
    }

    /// Says which metrics were measured, and how many hours ago that was last.
    pub fn set_measured(&mut self, metrics: BTreeMap<String, u32>) {
        self.measured = metrics;
    }

    /// Says that these were measured of late too.
    pub fn add_measured(&mut self, metrics: impl IntoIterator<Item = String>) {
        metrics.into_iter().for_each(|metric| {
            self.measured.entry(metric).or_insert(0);
        });
    }

    /// Says that the history does not tell what was measured.
    pub fn set_unmeasured(&mut self, gap: Gap) {
        self.unmeasured = Some(gap);
    }

    /// Whether a metric was measured in the last days.
    pub fn measures(&self, metric: &str, days: u32) -> bool {
        let hours = days.saturating_mul(24);
        self.unmeasured.is_some() || self.measured.get(metric).is_some_and(|ago| *ago <= hours)
    }

    /// Why a metric was not measured in the last days.
    pub fn unmeasured(&self, days: u32) -> &'static str {
        let hours = days.saturating_mul(24);
        if self.measured.values().any(|ago| *ago <= hours) { PART_UNMEASURED } else { UNMEASURED }
    }

    /// How well the table of that name is known.
    pub fn state(&self, name: &str) -> State {
        if tables::is_one(name) {
            if let Some(gap) = &self.unmeasured {
                return State::Unread(vec![gap.clone()]);
            }
            let hours = if tables::is_of_late(name) { LATELY } else { u32::MAX };
            let measured = self.measured.values().any(|ago| *ago <= hours);
            return if measured { State::Read } else { State::Absent(UNMEASURED.to_owned()) };
        }
        self.get(name).map_or(State::NotAsked, |t| t.state.clone())
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = &TableData> {
        self.tables.values()
    }

    /// How many rows a table has.
    pub fn count<R: Row>(&self) -> usize {
        self.get(R::TABLE.name).map_or(0, |t| t.rows.len())
    }

    /// The rows of a table as maps from column to JSON value: what tests and snapshots look at.
    pub fn rows(&self, name: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let Some(data) = self.get(name) else { return Vec::new() };
        data.rows
            .iter()
            .map(|row| data.table.columns.iter().zip(row).map(|(c, v)| (c.name.to_owned(), v.to_json())).collect())
            .collect()
    }

    /// Every gap that a probe reported, once each.
    pub fn gaps(&self) -> Vec<&Gap> {
        let mut gaps: Vec<&Gap> = self.unmeasured.iter().collect();
        for data in self.tables() {
            if let State::Partial(found) | State::Unread(found) = &data.state {
                for gap in found {
                    if !gaps.contains(&gap) {
                        gaps.push(gap);
                    }
                }
            }
        }
        gaps
    }
}

impl Value {
    /// As JSON; moments in RFC 3339.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Text(s) => s.clone().into(),
            Value::Integer(n) => (*n).into(),
            Value::Real(x) => (*x).into(),
            Value::Boolean(b) => (*b).into(),
            Value::Timestamp(t) => t.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::fact_table! {
        /// Something.
        "somethings" => Something {
            /// Where from.
            source: String,
        }
        offline: true,
        examples: ["select source from somethings"],
    }

    #[test]
    fn what_was_partly_unseen_is_still_told_when_nothing_could_be_read() {
        let gap = |source: &str| Gap::new("all somethings", source, Reason::TimedOut);
        let mut facts = Facts::new();
        facts.partial::<Something>(gap("a"));
        facts.unread::<Something>(gap("b"));
        facts.unread::<Something>(gap("b"));
        facts.partial::<Something>(gap("c"));
        assert_eq!(facts.state("somethings"), State::Unread(["a", "b", "c"].map(gap).to_vec()));
    }
}
