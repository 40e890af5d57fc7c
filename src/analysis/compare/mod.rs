//! Two audits side by side: problems, score, and what is different on the machine, in plain English. It reads the store
//! and nothing else; the renderers beside it compute nothing.

mod markdown;
mod model;
mod pick;
mod row;
mod rows;
mod sentences;
mod tables;
mod tell;
#[cfg(test)]
mod tests;
mod text;
mod told;

use std::collections::BTreeMap;

pub use markdown::markdown;
pub use model::*;
pub use pick::{PickError, Picked, pick};
pub use rows::csv_rows;
pub use text::text;

use self::{
    row::{All, Row},
    tables::{RESTLESS, SPECS, Spec, Subject},
};
use crate::{
    audit::Audit,
    checks::Catalogue,
    facts::{Table, Type},
    probes, report,
    store::{Moment, Store, StoreError, TableDiff, Wanted},
    words,
};

/// Compares two audits. Of one machine, the earlier one comes first, whichever was named first.
///
/// # Errors
/// When the store cannot be read.
pub fn compare(store: &Store, picked: Picked, catalogue: &Catalogue) -> Result<Comparison, StoreError> {
    let Picked { one, other, mut notes } = picked;
    let same = same_machine(&one, &other);
    let (before, after) = if same && one.started > other.started { (other, one) } else { (one, other) };
    let (Some(first), Some(second)) = (before.id, after.id) else {
        return Err(StoreError::Sql("only audits in the history can be compared".to_owned()));
    };
    let all: Vec<Wanted> = SPECS.iter().filter_map(wanted).chain(uncurated().map(whole)).collect();
    let diffs = store.differences(first, second, &all)?;
    let curated = |diff: &TableDiff| SPECS.iter().any(|s| s.table == diff.table);
    let (diffs, other): (Vec<_>, Vec<_>) = diffs.into_iter().partition(curated);
    let problems = problems(store, &before, &after, same, catalogue)?;
    let changes = groups(&diffs, same);
    let not_compared = not_compared(&diffs);
    let (before, after) = (side(&before), side(&after));
    notes.extend(sentences::notes(&before, &after, same));
    Ok(Comparison {
        schema_version: SCHEMA_VERSION,
        title: sentences::title(&before, &after, same),
        same_machine: same,
        summary: sentences::summary(&before, &after, same, &problems, &changes),
        notes,
        problems,
        changes,
        not_compared,
        other: other.iter().filter_map(|d| counted(d, second)).collect(),
        before,
        after,
    })
}

/// Whether both audits looked at the same place of the same machine.
fn same_machine(a: &Audit, b: &Audit) -> bool {
    a.machine.host == b.machine.host && a.machine.root == b.machine.root
}

fn wanted(spec: &Spec) -> Option<Wanted> {
    Some(Wanted {
        table: probes::table(spec.table)?.0,
        key: spec.key.to_vec(),
        watch: spec.watch.to_vec(),
        show: spec.show.to_vec(),
        keep: spec.keep,
    })
}

/// Tables without words that do not change all the time.
fn uncurated() -> impl Iterator<Item = &'static Table> {
    probes::tables().filter(|t| !SPECS.iter().any(|s| s.table == t.name) && !RESTLESS.contains(&t.name))
}

/// A table by all that it says, whenever and wherever it stands: its rows are only counted.
fn whole(table: &'static Table) -> Wanted {
    let says = table.columns.iter().filter(|c| c.name != "line" && c.ty != Type::Timestamp).map(|c| c.name);
    Wanted { table, key: Vec::new(), watch: says.collect(), show: Vec::new(), keep: None }
}

fn side(audit: &Audit) -> Side {
    Side {
        audit: audit.id,
        host: audit.machine.hostname.clone(),
        root: audit.machine.root.clone(),
        os: audit.machine.os.clone(),
        started: audit.started,
        started_text: audit.started.strftime("%-d %B %Y, %H:%M").to_string(),
        risk: words::tenth(audit.risk()),
        grade: audit.grade(),
        version: audit.version.clone(),
        privileged: audit.privileged,
        complete: audit.complete,
    }
}

/// The problems of both, as the report tells them.
fn problems(
    store: &Store,
    before: &Audit,
    after: &Audit,
    same: bool,
    catalogue: &Catalogue,
) -> Result<Problems, StoreError> {
    let mut history = store.history(after, Moment::Previous)?;
    if !same {
        // What another machine had in the past says nothing here.
        history.turns.clear();
    }
    history.previous = Some(before.clone());
    let built = report::build(after, catalogue, &history);
    let Some(changes) = built.changes else { return Ok(Problems::default()) };
    let asked = |check: &str| after.outcomes.iter().any(|o| o.check == check);
    let mut unseen = changes.unseen;
    for outcome in before.outcomes.iter().filter(|o| !asked(&o.check)) {
        if let Some(finding) = outcome.counted() {
            let age = Some(if same { "not asked this time" } else { "not asked there" }.to_owned());
            let title = finding.title.clone();
            unseen.push(report::ProblemRef { check: outcome.check.clone(), title, severity: finding.severity, age });
        }
    }
    unseen.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
    let mut problems = Problems {
        new: changes.new,
        came_back: changes.came_back,
        fixed: changes.fixed,
        unseen,
        accepted: changes.accepted,
        open: changes.open,
    };
    if !same {
        // Ages count from one audit to the next of one machine.
        let lists = [&mut problems.new, &mut problems.fixed, &mut problems.open, &mut problems.accepted];
        for problem in lists.into_iter().flatten() {
            problem.age = None;
        }
    }
    Ok(problems)
}

/// The sentences by subject, the most dangerous first.
fn groups(diffs: &[TableDiff], same: bool) -> Vec<Group> {
    let all = All::new(diffs, same);
    let mut by_subject: BTreeMap<Subject, Vec<Change>> = BTreeMap::new();
    for (spec, diff) in diffs.iter().filter_map(|d| Some((SPECS.iter().find(|s| s.table == d.table)?, d))) {
        let rows = diff.rows.iter().map(Row::new);
        let told = rows.flat_map(|row| spec.tell.say(row, all).into_iter().map(move |told| (told, row)));
        by_subject.entry(spec.subject).or_default().extend(told::put_together(spec.table, told.collect()));
    }
    let mut groups: Vec<Group> = Subject::ALL
        .into_iter()
        .filter_map(|subject| {
            let mut changes = by_subject.remove(&subject).filter(|c| !c.is_empty())?;
            changes.sort_by_key(|c| c.weight);
            Some(Group { id: subject.id().to_owned(), title: subject.title().to_owned(), changes })
        })
        .collect();
    groups.sort_by_key(|g| g.changes.iter().map(|c| c.weight).min());
    groups
}

/// What could not be compared, what has the same reason in one sentence.
fn not_compared(diffs: &[TableDiff]) -> Vec<NotCompared> {
    let mut by_reason: BTreeMap<sentences::Reason, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for diff in diffs {
        let Some(spec) = SPECS.iter().find(|s| s.table == diff.table) else { continue };
        let Some(reason) = sentences::uncompared(diff) else { continue };
        let entry = by_reason.entry(reason).or_default();
        entry.0.push(spec.table.to_owned());
        entry.1.push(spec.what.to_owned());
    }
    by_reason
        .into_iter()
        .map(|(reason, (tables, what))| NotCompared { tables, text: sentences::not_compared(&what, &reason) })
        .collect()
}

/// Different rows of a table without words.
fn counted(diff: &TableDiff, audit: i64) -> Option<Other> {
    let added = diff.rows.iter().filter(|r| r.after.is_some()).count();
    let removed = diff.rows.iter().filter(|r| r.before.is_some()).count();
    if added + removed == 0 {
        return None;
    }
    let rows = words::count(added.max(removed), "row", "rows");
    Some(Other {
        table: diff.table.to_owned(),
        added,
        removed,
        text: format!("{rows} of {} changed.", diff.table),
        query: format!("cleanbill query --audit {audit} \"select * from {}\"", diff.table),
    })
}
