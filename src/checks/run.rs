//! Asks the checks: from fact tables and their states to one verdict for each check.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Map;
use tera::{Context, Tera};

use super::{Check, Severity};
use crate::facts::{FactDb, Facts, Gap, QueryError, State};

/// How many pieces of evidence of one problem are kept.
pub const EVIDENCE_LIMIT: usize = 100;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// One line, made by the check's evidence template.
    pub text: String,
    /// File or program the fact came from.
    pub source: Option<String>,
    /// Line in that file, from 1.
    pub line: Option<i64>,
}

impl Evidence {
    /// File and line, or the program: `/etc/passwd:3`.
    pub fn spot(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        Some(self.line.map_or_else(|| source.clone(), |line| format!("{source}:{line}")))
    }

    /// What the text does not already say of where it was seen: `/etc/passwd:3`, `/etc/passwd`, or `line 3` where the
    /// text names the file alone.
    pub fn place(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        if !names(&self.text, source) {
            return self.spot();
        }
        let line = self.line?;
        let said = ["line ", ":"].into_iter().any(|before| {
            let number = format!("{before}{line}");
            let ends = self.text.match_indices(&number).map(|(at, _)| self.text.get(at + number.len()..));
            ends.flatten().any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        (!said).then(|| format!("line {line}"))
    }
}

/// Whether a text names this file, and not one whose name only begins or ends so.
fn names(text: &str, file: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "/_-+~@".contains(c);
    text.match_indices(file).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let mut after = text.get(at + file.len()..).unwrap_or_default().chars();
        let goes_on = match after.next() {
            // Also the end of a sentence.
            Some('.') => after.next().is_some_and(part),
            next => next.is_some_and(part),
        };
        !goes_on && !before.is_some_and(|c| part(c) || c == '.')
    })
}

/// A problem that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The title, with numbers from the rows where the check has a headline.
    pub title: String,
    /// How bad it is here.
    pub severity: Severity,
    /// How many rows the query returned.
    pub count: usize,
    /// Up to [`EVIDENCE_LIMIT`] of them.
    pub evidence: Vec<Evidence>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It found something.
    Problem(Finding),
    /// It found nothing, and could see all it needs.
    Ok,
    /// Its subject is not here; why.
    NotApplicable(String),
    /// What it needs could not be read.
    Unknown(Vec<Gap>),
}

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The check's id.
    pub check: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Someone accepted this problem; it costs nothing.
    pub waived: bool,
    /// The problem under which this one is told, as it has the same cause; it costs nothing of its own.
    pub part_of: Option<String>,
}

impl Outcome {
    /// An outcome nobody waived and that stands on its own.
    pub fn new(check: impl Into<String>, verdict: Verdict) -> Self {
        Outcome { check: check.into(), verdict, waived: false, part_of: None }
    }

    /// The finding, if it is a problem.
    pub fn finding(&self) -> Option<&Finding> {
        match &self.verdict {
            Verdict::Problem(finding) => Some(finding),
            _ => None,
        }
    }

    /// The finding, if it counts: a problem that is not waived and is no part of another.
    pub fn counted(&self) -> Option<&Finding> {
        self.finding().filter(|_| !self.waived && self.part_of.is_none())
    }
}

/// Asks `checks` over a sealed database, and tells `listen` after each.
pub fn run<'a>(
    checks: impl IntoIterator<Item = &'a Check>,
    db: &FactDb,
    facts: &Facts,
    params: &BTreeMap<String, toml::Table>,
    mut listen: impl FnMut(&Check),
) -> Vec<Outcome> {
    let machine = facts.rows("machine");
    let kind = machine.first().and_then(|m| m.get("kind")).and_then(|k| k.as_str()).unwrap_or("physical");
    let mut outcomes = Vec::new();
    for check in checks {
        let verdict = check.verdict(facts, kind, || find(check, db, params.get(&check.id)));
        outcomes.push(Outcome::new(&check.id, verdict));
        listen(check);
    }
    outcomes
}

/// Runs the query of a check; none when it returns no rows.
pub(super) fn find(check: &Check, db: &FactDb, params: Option<&toml::Table>) -> Result<Option<Finding>, QueryError> {
    check.finding(&db.select(&check.query, &check.bindings(params))?.into_maps())
}

impl Check {
    /// What comes of this check on a machine of this kind where so much is known; `find` is called only when it
    /// applies and what it needs could be read.
    pub fn verdict(
        &self,
        facts: &Facts,
        kind: &str,
        find: impl FnOnce() -> Result<Option<Finding>, QueryError>,
    ) -> Verdict {
        if !self.only_on.is_empty() && !self.only_on.iter().any(|k| k == kind) {
            let what = match kind {
                "container" | "system-container" => "a container has no say in this",
                "image" => "only a running machine can tell",
                _ => "this does not concern this kind of machine",
            };
            return Verdict::NotApplicable(what.to_owned());
        }
        let days = self.measured_within;
        if !self.measures.is_empty() && !self.measures.iter().any(|metric| facts.measures(metric, days)) {
            return Verdict::NotApplicable(facts.unmeasured(days).to_owned());
        }
        let mut gaps = Vec::new();
        let mut unreadable = false;
        for need in &self.needs {
            match facts.state(need) {
                State::Read => {}
                State::Absent(why) => return Verdict::NotApplicable(why),
                State::Partial(found) => gaps.extend(found),
                State::Unread(found) => {
                    unreadable = true;
                    gaps.extend(found);
                }
                State::NotAsked => return Verdict::NotApplicable("this was not looked at".to_owned()),
            }
        }
        if unreadable || (self.needs_all_rows && !gaps.is_empty()) {
            return Verdict::Unknown(gaps);
        }
        match find() {
            Ok(Some(finding)) => Verdict::Problem(finding),
            Ok(None) if gaps.is_empty() => Verdict::Ok,
            Ok(None) => Verdict::Unknown(gaps),
            Err(error) => {
                let reason = crate::facts::Reason::Broken(error.to_string());
                Verdict::Unknown(vec![Gap::new("the answer to one question", format!("the check {}", self.id), reason)])
            }
        }
    }

    /// The problem that rows of this check's query stand for, in the check's own words; none when there are no rows.
    ///
    /// # Errors
    /// When a template asks for a column that the rows do not have.
    pub fn finding(&self, rows: &[Map<String, serde_json::Value>]) -> Result<Option<Finding>, QueryError> {
        let Some(first) = rows.first() else { return Ok(None) };
        let severity = rows
            .iter()
            .filter_map(|row| row.get("severity").and_then(|s| s.as_str()).and_then(Severity::parse))
            .max()
            .unwrap_or(self.severity);
        let mut tera = Tera::new();
        let mut failed = |error: tera::Error| {
            QueryError::Sql(format!("a template of the check {} fails: {}", self.id, chain(&error)))
        };
        tera.add_raw_template("evidence", &self.evidence).map_err(&mut failed)?;
        let mut evidence = Vec::new();
        for row in rows.iter().take(EVIDENCE_LIMIT) {
            let mut context = Context::new();
            for (name, value) in row {
                context.insert(name.clone(), value);
            }
            evidence.push(Evidence {
                text: tera.render("evidence", &context).map_err(&mut failed)?.trim().to_owned(),
                source: row.get("source").and_then(|s| s.as_str()).map(str::to_owned),
                line: row.get("line").and_then(serde_json::Value::as_i64),
            });
        }
        let title = match &self.headline {
            Some(headline) => {
                tera.add_raw_template("headline", headline).map_err(&mut failed)?;
                let mut context = Context::new();
                context.insert("n", &rows.len());
                context.insert("first", first);
                context.insert("rows", &rows);
                tera.render("headline", &context).map_err(&mut failed)?.trim().to_owned()
            }
            None => self.title.clone(),
        };
        Ok(Some(Finding { title, severity, count: rows.len(), evidence }))
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Evidence;

    fn place(text: &str, source: &str, line: Option<i64>) -> Option<String> {
        Evidence { text: text.to_owned(), source: Some(source.to_owned()), line }.place()
    }

    #[test]
    fn the_place_of_evidence_says_what_its_text_does_not() {
        let file = "/etc/passwd";
        for (text, line, expected) in [
            ("anna has no password", Some(3), Some("/etc/passwd:3")),
            ("anna has no password", None, Some("/etc/passwd")),
            ("/etc/passwd: anna has no password", None, None),
            ("/etc/passwd: anna has no password", Some(3), Some("line 3")),
            ("/etc/passwd line 3: anna has no password", Some(3), None),
            ("anna has no password (/etc/passwd:3)", Some(3), None),
            ("/etc/passwd line 31 looks like line 32", Some(3), Some("line 3")),
            ("port :33 in /etc/passwd", Some(3), Some("line 3")),
            ("line 3 of something", Some(3), Some("/etc/passwd:3")),
        ] {
            assert_eq!(place(text, file, line).as_deref(), expected, "{text}");
        }
        assert_eq!(Evidence { text: "x".to_owned(), source: None, line: Some(3) }.place(), None);
    }

    #[test]
    fn a_name_that_only_begins_or_ends_like_the_file_is_another_one() {
        let file = "/etc/passwd";
        for other in
            ["/etc/passwd-", "/etc/passwd.bak", "/etc/passwd/x", "/etc/passwdé", "/srv/etc/passwd", "./etc/passwd"]
        {
            assert_eq!(place(&format!("{other} has mode 0644"), file, None).as_deref(), Some(file), "{other}");
        }
        for same in
            ["`/etc/passwd`", "/etc/passwd.", "(/etc/passwd)", "/etc/passwd, too", "/etc/passwd- and /etc/passwd"]
        {
            assert_eq!(place(&format!("see {same}"), file, None), None, "{same}");
        }
    }
}
