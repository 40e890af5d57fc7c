//! The check file: its shape, and what is refused with file, line and what to change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    facts::{Table, Type},
    fixes::{Actions, Ask, Refuse},
    metrics::tables,
};

/// What a careful expert would tell a friend about a problem.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; costs no points.
    Info,
    /// Tidy up some day.
    Low,
    /// Put it on this month's list.
    Medium,
    /// Do it this week.
    High,
    /// Do it today.
    Critical,
}

impl Severity {
    /// Lower-case name, as in check files and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// From its lower-case name.
    pub fn parse(name: &str) -> Option<Self> {
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// Whether a fix can do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Breaks nothing; a service may restart for a moment, which its effect says.
    Safe,
    /// Could lock you out: needs care, or a way back.
    Guarded,
    /// Needs a decision that only a person can take.
    Manual,
}

/// What putting it right is called and how careful one must be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// What it does, as an instruction that says enough on its own: `Turn off root login over SSH`.
    pub title: String,
    /// The title with numbers and names from the rows: a template that sees `n`, `first` and `rows`.
    #[serde(default)]
    pub headline: Option<String>,
    /// Whether it can do harm.
    pub safety: Safety,
    /// What it may interrupt or break, one sentence; none when nothing.
    #[serde(default)]
    pub effect: Option<String>,
    /// What is done, in this order; nothing where only a person can do it.
    #[serde(default, skip_serializing_if = "Actions::is_empty")]
    pub actions: Actions,
    /// When it must not be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuse: Vec<Refuse>,
    /// What must be answered first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<Ask>,
}

/// A test of a check: given these facts, it finds so many.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Rows by table; columns left out are null. `audit_time()` is 2026-01-15 12:00 UTC. Of what is measured, `ago` in place
    /// of `ts` stands for a row before that so many steps of the table (minutes, hours, days), `[1, 5]` for five of them.
    #[serde(default)]
    pub given: BTreeMap<String, Vec<toml::Table>>,
    /// Parameters that differ from the default.
    #[serde(default)]
    pub params: toml::Table,
    /// How many rows the query returns.
    pub finds: usize,
    /// Severity of the finding, where the query sets it.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// The evidence lines, where the test is about their words.
    #[serde(default)]
    pub evidence: Option<Vec<String>>,
    /// The title, where the test is about its words.
    #[serde(default)]
    pub title: Option<String>,
    /// What the fix does, where the test is about it: each action as one line of JSON.
    #[serde(default)]
    pub actions: Option<Vec<String>>,
}

/// A check, as its file says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Stable id, the file's name.
    pub id: String,
    /// What is wrong, one plain sentence without its full stop, true whatever the rows are.
    pub title: String,
    /// The title with numbers and names from the rows: a template that sees `n`, `first` and `rows`.
    #[serde(default)]
    pub headline: Option<String>,
    /// The group, the folder's name.
    pub group: String,
    /// How bad it is; a `severity` column of the query raises or lowers it row by row, the worst row counts.
    pub severity: Severity,
    /// What could happen.
    pub why: String,
    /// What to do, in a sentence or two.
    pub advice: String,
    /// How to fix it by hand, step by step; a step may hold a command in backquotes.
    #[serde(default)]
    pub steps: Vec<String>,
    /// Minutes a person needs.
    pub minutes: u32,
    /// What is fine when it finds nothing, one plain sentence: `The disk has room.`
    #[serde(default)]
    pub good: Option<String>,
    /// Fact tables it asks. When one is absent the check does not apply; when one could not be read it is unknown.
    pub needs: Vec<String>,
    /// Metrics it asks about, by name. When none of them is measured the check does not apply.
    #[serde(default)]
    pub measures: Vec<String>,
    /// For how many days it still applies when they are not measured any more: one, as long as it does not ask about that.
    #[serde(default = "a_day")]
    pub measured_within: u32,
    /// Set where the query finds what is *missing*: then a table read only in part makes it unknown.
    #[serde(default)]
    pub needs_all_rows: bool,
    /// Kinds of machine the question makes sense on (`physical`, `vm`, `system-container`, `container`, `image`); all when empty.
    #[serde(default)]
    pub only_on: Vec<String>,
    /// Ids of checks with the same cause: when one of them is a problem too, this one is shown under it and costs
    /// nothing of its own.
    #[serde(default)]
    pub part_of: Vec<String>,
    /// A SELECT; each row is one piece of evidence.
    pub query: String,
    /// One line for a row: a template that sees its columns.
    pub evidence: String,
    /// Thresholds a user may change, bound as `$name`.
    #[serde(default)]
    pub params: toml::Table,
    /// What putting it right is called.
    #[serde(default)]
    pub fix: Option<Fix>,
    /// By framework: `cis_debian12`, `nist_800_53`, `attack`, `lynis`, `ssg`, `url`.
    #[serde(default)]
    pub references: BTreeMap<String, Vec<String>>,
    /// At least one that finds and one that does not.
    #[serde(rename = "test")]
    pub tests: Vec<Test>,
    /// The folder `ID.d` beside the file, where an administrator made one: scripts of its fix lie there.
    #[serde(skip)]
    pub folder: Option<std::path::PathBuf>,
}

fn a_day() -> u32 {
    1
}

/// A mistake in a check file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct CheckError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to change.
    pub what: String,
}

/// Frameworks a reference may name.
const FRAMEWORKS: &[&str] = &["cis_debian12", "nist_800_53", "attack", "lynis", "ssg", "url"];
/// Kinds of machine (see the `machine` table).
const KINDS: &[&str] = &["physical", "vm", "system-container", "container", "image"];

impl Check {
    /// Reads and validates one file against the declared tables.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse<'a>(
        file: &str,
        text: &str,
        table: impl Fn(&str) -> Option<&'a Table>,
        known: impl Fn() -> Vec<&'a str>,
    ) -> Result<Check, CheckError> {
        let check: Check = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            let mut what = error.message().to_owned();
            if let Some(field) = what.strip_prefix("unknown field `").and_then(|w| w.split('`').next()) {
                what = format!("there is no key `{field}` here{}", hint(field, KEYS));
            } else if let Some(field) = what.strip_prefix("missing field `").and_then(|w| w.split('`').next()) {
                what = format!("the key `{field}` is missing: add it");
            }
            CheckError { file: file.to_owned(), line, what }
        })?;
        check.validate(file, text, table, known)?;
        Ok(check)
    }

    fn validate<'a>(
        &self,
        file: &str,
        text: &str,
        table: impl Fn(&str) -> Option<&'a Table>,
        known: impl Fn() -> Vec<&'a str>,
    ) -> Result<(), CheckError> {
        let fail = |key: &str, what: String| Err(CheckError { file: file.to_owned(), line: line_of(text, key), what });
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".toml");
        if stem != self.id {
            return fail("id", format!("the id `{}` must be the file's name, `{stem}`", self.id));
        }
        if self.id.is_empty() || !self.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return fail("id", "an id has only a-z, 0-9 and -".to_owned());
        }
        for (key, value) in [("title", &self.title), ("why", &self.why), ("advice", &self.advice)] {
            if value.trim().is_empty() {
                return fail(key, format!("`{key}` is empty: say it in a plain sentence"));
            }
        }
        if self.title.ends_with('.') {
            return fail("title", "a title has no full stop at its end".to_owned());
        }
        if self.needs.is_empty() {
            return fail("needs", "name at least one fact table".to_owned());
        }
        for name in &self.needs {
            if table(name).is_none() {
                return fail("needs", format!("there is no fact table `{name}`{}", hint(name, &known())));
            }
        }
        if let Some(name) = self.measures.iter().find(|name| crate::metrics::metric(name).is_none()) {
            let names: Vec<_> = crate::metrics::metrics().map(|metric| metric.name).collect();
            return fail("measures", format!("there is no metric `{name}`{}", hint(name, &names)));
        }
        if let Some(kind) = self.only_on.iter().find(|k| !KINDS.contains(&k.as_str())) {
            return fail("only_on", format!("`{kind}` is no kind of machine: use {}", KINDS.join(", ")));
        }
        if let Some(Err(what)) = self.fix.as_ref().map(|f| f.actions.check()) {
            return fail("actions", format!("an action of the fix is not understood: {what}"));
        }
        if let Some(name) = self.references.keys().find(|k| !FRAMEWORKS.contains(&k.as_str())) {
            return fail(name, format!("`{name}` is no known framework{}", hint(name, FRAMEWORKS)));
        }
        if !self.tests.iter().any(|t| t.finds > 0) || !self.tests.iter().any(|t| t.finds == 0) {
            return fail("[[test]]", "a check needs a test that finds something and one that finds nothing".to_owned());
        }
        for test in &self.tests {
            let at = line_of(text, &test.name);
            let fail = |what: String| Err(CheckError { file: file.to_owned(), line: at, what });
            for (name, rows) in &test.given {
                let Some(table) = table(name) else {
                    return fail(format!(
                        "test `{}`: there is no fact table `{name}`{}",
                        test.name,
                        hint(name, &known())
                    ));
                };
                for (column, value) in rows.iter().flatten() {
                    if column == AGO && tables::is_one(name) {
                        if ago(value).is_none() {
                            let what = "a number, or the first and last of some: `ago = [1, 5]`";
                            return fail(format!("test `{}`: {name}.{AGO} is {what}", test.name));
                        }
                        continue;
                    }
                    let Some(declared) = table.columns.iter().find(|c| c.name == column) else {
                        let names: Vec<_> = table.columns.iter().map(|c| c.name).collect();
                        return fail(format!(
                            "test `{}`: {name} has no column `{column}`{}",
                            test.name,
                            hint(column, &names)
                        ));
                    };
                    if !fits(value, declared.ty) {
                        return fail(format!("test `{}`: {name}.{column} is {}", test.name, declared.ty.sql()));
                    }
                }
            }
            if let Some(name) = test.params.keys().find(|k| !self.params.contains_key(k.as_str())) {
                return fail(format!("test `{}`: there is no parameter `{name}`", test.name));
            }
        }
        Ok(())
    }

    /// Whether a program can put it right, perhaps once a question is answered.
    pub fn is_fixable(&self) -> bool {
        self.fix.as_ref().is_some_and(|f| !f.actions.is_empty())
    }

    /// The parameters as the query binds them, with `overrides` on top.
    pub fn bindings(&self, overrides: Option<&toml::Table>) -> Vec<(String, serde_json::Value)> {
        let mut out: Vec<(String, serde_json::Value)> = Vec::new();
        for (name, value) in &self.params {
            let value = overrides.and_then(|o| o.get(name)).unwrap_or(value);
            out.push((name.clone(), serde_json::to_value(value).unwrap_or_default()));
        }
        out
    }
}

const KEYS: &[&str] = &[
    "id",
    "title",
    "headline",
    "group",
    "severity",
    "why",
    "advice",
    "steps",
    "minutes",
    "good",
    "needs",
    "measures",
    "measured_within",
    "needs_all_rows",
    "only_on",
    "part_of",
    "query",
    "evidence",
    "params",
    "fix",
    "references",
    "test",
    "safety",
    "effect",
    "name",
    "given",
    "finds",
];

fn fits(value: &toml::Value, ty: Type) -> bool {
    match ty {
        Type::Text => value.is_str(),
        Type::Integer => value.is_integer(),
        Type::Real => value.is_float() || value.is_integer(),
        Type::Boolean => value.is_bool(),
        Type::Timestamp => value.is_str() || value.is_datetime(),
        Type::Labels => value.as_table().is_some_and(|labels| labels.values().all(toml::Value::is_str)),
    }
}

/// In a test, in place of the time of a row: before how many steps of its table it was measured.
pub(super) const AGO: &str = "ago";

/// The first and the last of such steps.
pub(super) fn ago(value: &toml::Value) -> Option<(i64, i64)> {
    let step = |value: &toml::Value| value.as_integer().filter(|n| (0..=10_000).contains(n));
    match value {
        toml::Value::Array(both) => match both.as_slice() {
            [first, last] => Some((step(first)?, step(last)?)).filter(|(first, last)| first <= last),
            _ => None,
        },
        one => step(one).map(|n| (n, n)),
    }
}

/// `; did you mean …?` for a near miss.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    crate::words::nearest(word, known.iter().copied())
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count().saturating_add(1)
}

/// The line where a key or a text first stands.
fn line_of(text: &str, key: &str) -> usize {
    let starts = text.lines().position(|l| l.trim_start().starts_with(key));
    starts.or_else(|| text.lines().position(|l| l.contains(key))).map_or(1, |n| n + 1)
}
