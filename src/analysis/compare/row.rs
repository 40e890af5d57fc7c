//! One row that differs, as the sentences see it: text from the machine comes out harmless and short.

use serde_json::Value;

use crate::{
    store::{RowDiff, TableDiff},
    words::harmless,
};

/// Most characters of a value that a sentence repeats.
const LONG: usize = 90;

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It says something else.
    Changed,
}

/// A row that differs.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    diff: &'a RowDiff,
}

impl<'a> Row<'a> {
    pub(super) fn new(diff: &'a RowDiff) -> Self {
        Row { diff }
    }

    pub(super) fn kind(self) -> Kind {
        match (&self.diff.before, &self.diff.after) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            _ => Kind::Changed,
        }
    }

    fn old(self, column: &str) -> Option<&'a Value> {
        self.diff.before.as_ref()?.get(column).filter(|v| !v.is_null())
    }

    fn new_value(self, column: &str) -> Option<&'a Value> {
        self.diff.after.as_ref()?.get(column).filter(|v| !v.is_null())
    }

    /// The value as it is, or as it was of a row that is gone.
    fn value(self, column: &str) -> Option<&'a Value> {
        if self.diff.after.is_some() { self.new_value(column) } else { self.old(column) }
    }

    /// The value as text, as it is or was last; empty where there is none.
    pub(super) fn text(self, column: &str) -> String {
        self.value(column).map(said).unwrap_or_default()
    }

    /// The same, none where there is none or it is empty.
    pub(super) fn some(self, column: &str) -> Option<String> {
        Some(self.text(column)).filter(|t| !t.is_empty())
    }

    /// As it is, as the machine wrote it: for comparing, never for showing.
    pub(super) fn raw(self, column: &str) -> &'a str {
        self.value(column).and_then(Value::as_str).unwrap_or_default()
    }

    /// As it was, as the machine wrote it.
    pub(super) fn raw_was(self, column: &str) -> &'a str {
        self.old(column).and_then(Value::as_str).unwrap_or_default()
    }

    /// As it was, for showing: `nothing` where it was empty.
    pub(super) fn was(self, column: &str) -> String {
        or_nothing(self.old(column))
    }

    /// As it is, for showing: `nothing` where it is empty.
    pub(super) fn now(self, column: &str) -> String {
        or_nothing(self.new_value(column))
    }

    /// Whether the value is another.
    pub(super) fn changed(self, column: &str) -> bool {
        self.kind() == Kind::Changed && self.old(column) != self.new_value(column)
    }

    /// Whether it is true, as it is or was last.
    pub(super) fn yes(self, column: &str) -> bool {
        self.value(column).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether it was true.
    pub(super) fn yes_was(self, column: &str) -> bool {
        self.old(column).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether it is true or false, where that is known.
    pub(super) fn known(self, column: &str) -> Option<bool> {
        self.value(column).and_then(Value::as_bool)
    }

    /// Whether it was true or false, where that is known.
    pub(super) fn known_was(self, column: &str) -> Option<bool> {
        self.old(column).and_then(Value::as_bool)
    }

    /// Whether it became true: in a row that is new, whether it is.
    pub(super) fn on(self, column: &str) -> bool {
        self.kind() != Kind::Removed && self.yes(column) && !self.yes_was(column)
    }

    /// Whether it became false in a row that is still there.
    pub(super) fn off(self, column: &str) -> bool {
        self.changed(column) && self.yes_was(column) && self.known(column) == Some(false)
    }

    /// Whether there is something now that was not, or is another: `changeable_by`.
    pub(super) fn gained(self, column: &str) -> bool {
        self.kind() != Kind::Removed && self.new_value(column).is_some() && self.old(column) != self.new_value(column)
    }

    /// Whether another row with the same key is there: where this one came or went, its subject did not.
    pub(super) fn beside(self) -> bool {
        self.diff.beside
    }

    /// A number, as it is or was last.
    pub(super) fn number(self, column: &str) -> Option<f64> {
        self.value(column).and_then(Value::as_f64)
    }

    /// A number as it was.
    pub(super) fn number_was(self, column: &str) -> Option<f64> {
        self.old(column).and_then(Value::as_f64)
    }

    /// The row as it was and is, for programs.
    pub(super) fn halves(self) -> &'a RowDiff {
        self.diff
    }
}

fn said(value: &Value) -> String {
    let text = match value {
        Value::String(s) => harmless(s),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    short(text.trim())
}

fn or_nothing(value: Option<&Value>) -> String {
    value.map(said).filter(|t| !t.is_empty()).unwrap_or_else(|| "nothing".to_owned())
}

/// Cut to what a sentence can hold.
fn short(text: &str) -> String {
    if text.chars().nth(LONG).is_none() {
        return text.to_owned();
    }
    text.chars().take(LONG - 1).chain(['…']).collect()
}

/// All tables that differ, so that what belongs together is told once.
#[derive(Clone, Copy)]
pub(super) struct All<'a> {
    diffs: &'a [TableDiff],
    same_machine: bool,
}

impl<'a> All<'a> {
    pub(super) fn new(diffs: &'a [TableDiff], same_machine: bool) -> Self {
        All { diffs, same_machine }
    }

    /// Whether both audits are of one machine.
    pub(super) fn same_machine(self) -> bool {
        self.same_machine
    }

    fn of(self, table: &str) -> Option<&'a TableDiff> {
        self.diffs.iter().find(|d| d.table == table)
    }

    /// Rows of a table that came, went or changed.
    pub(super) fn rows(self, table: &str, kind: Kind) -> impl Iterator<Item = Row<'a>> {
        let rows = self.of(table).map_or(&[][..], |d| d.rows.as_slice());
        rows.iter().map(Row::new).filter(move |r| r.kind() == kind)
    }

    /// Whether a row came (went, changed) whose column holds this.
    pub(super) fn has(self, table: &str, kind: Kind, column: &str, value: &str) -> bool {
        self.rows(table, kind).any(|r| r.raw(column) == value)
    }

    /// Whether the table began or ended with nothing: then its subject came or went as a whole, and its rows say no more.
    pub(super) fn whole(self, table: &str) -> bool {
        self.of(table).is_some_and(|d| d.rows_before == 0 || d.rows_after == 0)
    }

    /// Whether the second audit has rows of a table.
    pub(super) fn left(self, table: &str) -> bool {
        self.of(table).is_some_and(|d| d.rows_after > 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_the_machine_come_out_harmless_and_short() {
        let long = "x".repeat(500);
        let after = json!({"name": "a\u{1b}[31m\u{202e}b\nc", "long": long}).as_object().cloned();
        let diff = RowDiff { before: None, after, beside: false };
        let row = Row::new(&diff);
        assert_eq!(row.text("name"), "a\u{fffd}[31m\u{fffd}b c");
        assert_eq!(row.text("long").chars().count(), LONG);
        assert_eq!(row.was("name"), "nothing");
    }
}
