//! From problems to a plan: which fixes, in which order, what each changes, and which cannot be done here and why.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    actions::Action,
    change::{Change, FileChange, Run, When},
    spec::{Ask, text_of},
    tree::Tree,
    view::{Refusal, View},
};
use crate::{
    audit::{Audit, Ranked},
    checks::{Catalogue, Check, Finding, Safety, Severity},
    facts::FactDb,
    host::Host,
    score, words,
};

/// What people answered, by check: name and values.
pub type Answers = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A fix for a problem of this machine.
#[derive(Debug, Clone)]
pub struct PlannedFix {
    /// Its place in the order of the report: what helps most first.
    pub place: usize,
    /// The check.
    pub check: String,
    /// The problem.
    pub problem: String,
    /// What is done, as an instruction.
    pub title: String,
    /// How bad the problem is.
    pub severity: Severity,
    /// Points that it takes off, as the report tells them; empty where a number would mislead.
    pub points: String,
    /// Minutes that a person would need.
    pub minutes: u32,
    /// Whether it can do harm.
    pub safety: Safety,
    /// What it may interrupt, one sentence.
    pub effect: Option<String>,
    /// What the check file wants done, with what was found filled in; nothing where it is refused.
    pub actions: Vec<Action>,
    /// What it changes, in this order; nothing where it is refused.
    pub changes: Vec<Change>,
    /// Why it is not done, and what would make it possible.
    pub refused: Option<String>,
    /// Why part of what was found stays as it is.
    pub left: Vec<String>,
    /// What must be answered first.
    pub asks: Option<Question>,
}

/// A question with its choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name of the answer.
    pub name: String,
    /// The question.
    pub text: String,
    /// Choices with a word on each; any text where there is none.
    pub choices: Vec<(String, String)>,
    /// Whether several may be chosen.
    pub many: bool,
}

/// Fixes in the order in which they are done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The fixes, what helps most first, and those that install something after all others.
    pub fixes: Vec<PlannedFix>,
}

impl PlannedFix {
    /// Why it is not done as things are: it is refused, or needs an answer first.
    pub fn why_not(&self) -> Option<String> {
        let answer = |q: &Question| format!("It needs an answer first (--answer {}=VALUE): {}", self.check, q.text);
        let asked = self.asks.as_ref().map(answer);
        self.refused.clone().or(asked)
    }

    /// Whether it has nothing left to do because the fixes before it do it.
    pub fn is_covered(&self) -> bool {
        self.changes.is_empty() && self.why_not().is_none()
    }
}

impl Plan {
    /// What must be answered before all of it can be done: check and name of the answer.
    pub fn questions(&self) -> Vec<(String, String)> {
        self.fixes.iter().filter_map(|f| Some((f.check.clone(), f.asks.as_ref()?.name.clone()))).collect()
    }

    /// All files that become others, each once, from what they are to what they will be.
    pub fn files(&self) -> Vec<FileChange> {
        let mut merged: Vec<FileChange> = Vec::new();
        for change in self.fixes.iter().flat_map(|f| &f.changes) {
            let Change::File(change) = change else { continue };
            match merged.iter_mut().find(|m| m.path == change.path) {
                Some(known) => known.after.clone_from(&change.after),
                None => merged.push(change.clone()),
            }
        }
        merged.retain(FileChange::is_any);
        merged
    }

    /// All programs that are run, each once, those that wait until all files stand at the end.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for change in self.fixes.iter().flat_map(|f| &f.changes) {
            if let Change::Run(run) = change
                && !runs.contains(run)
            {
                runs.push(run.clone());
            }
        }
        runs.sort_by_key(|r| r.when);
        runs
    }

    /// Whether it changes anything.
    pub fn is_any(&self) -> bool {
        self.fixes.iter().any(|f| !f.changes.is_empty())
    }

    /// Whether it has a fix that could lock someone out.
    pub fn is_guarded(&self) -> bool {
        self.fixes.iter().any(|f| f.safety == Safety::Guarded && !f.changes.is_empty())
    }
}

/// What a plan is made from.
pub struct Basis<'a> {
    /// The machine as it is.
    pub audit: &'a Audit,
    /// Its facts.
    pub db: &'a FactDb,
    /// The checks.
    pub catalogue: &'a Catalogue,
    /// The machine to change.
    pub tree: &'a Tree,
    /// The same to ask.
    pub host: &'a Host,
    /// Who runs this: the person, not root.
    pub user: &'a str,
    /// What people answered.
    pub answers: &'a Answers,
}

/// Plans a fix for each of these problems that has one, what helps most first.
pub fn plan(basis: &Basis<'_>, wanted: impl Fn(&Check) -> bool) -> Plan {
    let ranked = basis.audit.ranked(basis.catalogue);
    let mut problems: Vec<(&Check, &Finding, String)> = Vec::new();
    for Ranked { outcome, finding, before, after } in &ranked {
        if let Some(check) = basis.catalogue.get(&outcome.check).filter(|c| wanted(c)) {
            problems.push((check, finding, score::points_text(*before, *after, finding.severity)));
        }
    }
    // What is told under another problem takes nothing off by itself.
    for outcome in basis.audit.outcomes.iter().filter(|o| !o.waived && o.part_of.is_some()) {
        let (Some(finding), Some(check)) = (outcome.finding(), basis.catalogue.get(&outcome.check)) else { continue };
        if wanted(check) {
            problems.push((check, finding, String::new()));
        }
    }
    problems.sort_by_key(|(_, finding, _)| std::cmp::Reverse(finding.severity));
    let mut problems: Vec<(usize, _)> = problems.into_iter().enumerate().collect();
    // Packages bring files with them and change those of others, so what is known now is done before.
    problems.sort_by_key(|(_, (check, ..))| check.fix.as_ref().is_some_and(|f| f.actions.install()));
    let mut view = View::new(basis.tree, basis.host);
    let fixes = problems.into_iter().filter_map(|(place, (check, finding, points))| {
        let fix = check.fix.as_ref().filter(|f| !f.actions.is_empty())?;
        let rows = basis.rows(&check.query, &check.bindings(None));
        let mut planned = PlannedFix {
            place,
            check: check.id.clone(),
            problem: finding.title.clone(),
            title: fix.headline.as_ref().map_or_else(|| fix.title.clone(), |h| headline(check, h, &rows)),
            severity: finding.severity,
            points,
            minutes: check.minutes,
            safety: fix.safety,
            effect: fix.effect.clone(),
            actions: Vec::new(),
            changes: Vec::new(),
            refused: None,
            left: Vec::new(),
            asks: None,
        };
        let step = rows.clone().and_then(|rows| changes(basis, check, &rows, &mut view));
        let alone =
            || rows.clone().and_then(|rows| changes(basis, check, &rows, &mut View::new(basis.tree, basis.host)));
        let does_something = || matches!(alone(), Ok(Step::Do(made)) if !made.changes.is_empty());
        match step {
            Ok(Step::Do(made)) if made.changes.is_empty() && !does_something() => {
                planned.refused =
                    Some("There is nothing left that this fix could change: the rest needs a person.".to_owned());
            }
            Ok(Step::Do(made)) => {
                (planned.actions, planned.changes) = (made.actions, made.changes);
                planned.left = made.left.iter().map(|why| words::harmless(why.trim_end_matches('.'))).collect();
            }
            Ok(Step::Ask(question)) => planned.asks = Some(question),
            Err(Refusal(why)) => planned.refused = Some(words::harmless(&why)),
        }
        Some(planned)
    });
    Plan { fixes: fixes.collect() }
}

/// What a question found, row by row.
type Rows = Vec<Map<String, Value>>;

impl Basis<'_> {
    fn rows(&self, sql: &str, params: &[(String, Value)]) -> Result<Rows, Refusal> {
        let found = self.db.select(sql, params).map_err(|e| Refusal(format!("a question of the fix failed: {e}")))?;
        Ok(found.into_maps())
    }
}

/// The title of a fix with numbers and names from the rows.
fn headline(check: &Check, template: &str, rows: &Result<Rows, Refusal>) -> String {
    let rows = rows.as_deref().unwrap_or_default();
    let mut context = Map::new();
    context.insert("n".to_owned(), rows.len().into());
    context.insert("first".to_owned(), rows.first().cloned().map_or(Value::Null, Value::Object));
    context.insert("rows".to_owned(), rows.iter().cloned().map(Value::Object).collect());
    filled(template, &context).unwrap_or_else(|_| check.title.clone())
}

enum Step {
    Do(Made),
    Ask(Question),
}

/// What is done, and why not more.
#[derive(Default)]
struct Made {
    actions: Vec<Action>,
    changes: Vec<Change>,
    left: Vec<String>,
}

fn changes(
    basis: &Basis<'_>,
    check: &Check,
    rows: &[Map<String, Value>],
    view: &mut View<'_>,
) -> Result<Step, Refusal> {
    let Some(fix) = &check.fix else { return Ok(Step::Do(Made::default())) };
    let user = [("user".to_owned(), Value::from(basis.user))];
    for refuse in &fix.refuse {
        let params: &[(String, Value)] = if refuse.query.contains("$user") { &user } else { &[] };
        if let Some(row) = basis.rows(&refuse.query, params)?.first() {
            return Err(Refusal(filled(&refuse.why, row)?));
        }
    }
    let none = BTreeMap::new();
    let answers = basis.answers.get(&check.id).unwrap_or(&none);
    for ask in &fix.ask {
        if !answers.contains_key(&ask.name) {
            return Ok(Step::Ask(question(ask, basis)?));
        }
    }
    let before = view.made();
    view.beside(check.folder.as_deref());
    let mut made = Made::default();
    let mut rows = rows.to_vec();
    // What cannot be done for one row does not keep the others from being mended.
    'again: loop {
        let actions = fix.actions.filled(&rows, answers).map_err(Refusal)?;
        for (row, action) in &actions {
            let Err(refusal) = action.act().plan(view) else { continue };
            view.forget(before.clone());
            match row {
                Some(row) if rows.len() > 1 => {
                    rows.remove(*row);
                    if !made.left.contains(&refusal.0) {
                        made.left.push(refusal.0);
                    }
                    continue 'again;
                }
                _ => return Err(refusal),
            }
        }
        made.actions = actions.into_iter().map(|(_, action)| action).collect();
        made.changes = view.take();
        return Ok(Step::Do(made));
    }
}

fn question(ask: &Ask, basis: &Basis<'_>) -> Result<Question, Refusal> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let choices = match &ask.choices {
        None => Vec::new(),
        Some(sql) => {
            let rows = basis.rows(sql, &[])?;
            let pair = |row: &Map<String, Value>| {
                let mut cells = row.values().map(text);
                (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
            };
            rows.iter().map(pair).collect()
        }
    };
    Ok(Question { name: ask.name.clone(), text: ask.question.clone(), choices, many: ask.many })
}

fn filled(template: &str, row: &Map<String, Value>) -> Result<String, Refusal> {
    let mut context = tera::Context::new();
    for (name, value) in row {
        context.insert(name.clone(), value);
    }
    text_of(template, &context).map_err(|e| Refusal(format!("the words of a fix are broken: {e}")))
}

impl When {
    /// Whether it waits until all files stand.
    pub fn is_late(self) -> bool {
        self == When::Late
    }
}
