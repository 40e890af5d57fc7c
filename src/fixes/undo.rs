//! Takes a run back: every file byte for byte as it was, every service as it stood. What someone changed since is not
//! overwritten unless that is asked for, and then kept aside.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    apply::back,
    change::{Change, FileChange},
    diff::diff,
    journal::{Journal, JournalError},
    run,
    tree::{Tree, TreeError, same},
    validate,
};
use crate::store::{FixRun, RunState, StepState};

/// A file that is no longer as the run left it.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// Its path.
    pub path: String,
    /// What was changed since.
    pub diff: String,
}

/// Why a run could not be taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Files changed since; nothing was taken back.
    #[error("someone changed {} since", crate::words::list(&.0.iter().map(|b| b.path.clone()).collect::<Vec<_>>()))]
    Changed(Vec<Blocked>),
    /// It was taken back before.
    #[error("run {0} was taken back already")]
    Already(i64),
    /// The run has no such fix.
    #[error("run {0} has no fix called {1}")]
    NoSuchFix(i64, String),
    /// Something could not be restored.
    #[error("not all of it could be taken back: {0}")]
    Left(String),
}

/// What was taken back.
#[derive(Debug, Default)]
pub struct Undone {
    /// How many files are as they were.
    pub files: usize,
    /// Newer copies that were kept aside: the file, and where its newer copy lies.
    pub kept: Vec<(String, PathBuf)>,
    /// What cannot be taken back: an installed update.
    pub stays: Vec<String>,
}

/// Takes a run back, or one fix of it.
///
/// # Errors
/// When files changed since (then nothing is touched, unless `force`), or something cannot be restored.
pub fn undo(
    journal: &Journal,
    tree: &Tree,
    live: bool,
    run: &mut FixRun,
    only: Option<&str>,
    force: bool,
) -> Result<Undone, UndoError> {
    let stands = |state: StepState| !matches!(state, StepState::Refused | StepState::Failed | StepState::Undone);
    let steps: Vec<i64> = run
        .steps
        .iter()
        .filter(|s| only.is_none_or(|check| s.check == check) && stands(s.state))
        .map(|s| s.n)
        .collect();
    if let Some(check) = only
        && !run.steps.iter().any(|s| s.check == check)
    {
        return Err(UndoError::NoSuchFix(run.id, check.to_owned()));
    }
    if run.state != RunState::Done || steps.is_empty() {
        return Err(UndoError::Already(run.id));
    }
    let all = journal.changes(run)?;
    let mine: Vec<&Change> = all.iter().filter(|(step, _)| steps.contains(step)).map(|(_, c)| c).collect();
    let mut undone = Undone::default();
    let newer = changed_since(&mine, tree)?;
    if !newer.is_empty() && !force {
        return Err(UndoError::Changed(newer.into_iter().map(|(b, _)| b).collect()));
    }
    for (blocked, change) in &newer {
        if let Some(now) = &change.before {
            undone.kept.push((blocked.path.clone(), journal.keep_aside(run, &blocked.path, now)?));
        }
        // The newer one makes way for what the run had left, so that all goes back the same way.
        tree.put(&change.path, change.before.as_ref(), change.after.as_ref())
            .map_err(|e| UndoError::Left(e.to_string()))?;
    }
    back(mine.iter().rev().copied(), tree, live).map_err(UndoError::Left)?;
    if live {
        settle(&mine).map_err(UndoError::Left)?;
    }
    for change in &mine {
        match change {
            Change::File(_) => undone.files += 1,
            Change::Run(run) => undone.stays.extend(run.stays.clone().filter(|s| !undone.stays.contains(s))),
        }
    }
    for step in run.steps.iter_mut().filter(|s| steps.contains(&s.n)) {
        step.state = StepState::Undone;
    }
    if !run.steps.iter().any(|s| stands(s.state)) {
        run.state = RunState::Undone;
    }
    run.ended = Some(Timestamp::now());
    run.confirm_until = None;
    journal.store().end_fixes(run).map_err(JournalError::from)?;
    Ok(undone)
}

/// The last state that these changes leave at each path, and what lies there now where that is another.
fn changed_since(changes: &[&Change], tree: &Tree) -> Result<Vec<(Blocked, FileChange)>, UndoError> {
    let mut last: Vec<&FileChange> = Vec::new();
    for change in changes {
        if let Change::File(change) = change {
            last.retain(|c| c.path != change.path);
            last.push(change);
        }
    }
    let mut newer = Vec::new();
    for change in last {
        let now = match tree.read_like(&change.path, change.after.as_ref()) {
            Err(TreeError::NotThere(_)) => None,
            now => now.map_err(|e| UndoError::Left(e.to_string()))?,
        };
        if !same(now.as_ref(), change.after.as_ref()) && !same(now.as_ref(), change.before.as_ref()) {
            let since = FileChange { path: change.path.clone(), before: now, after: change.after.clone() };
            let shown = FileChange { before: since.after.clone(), after: since.before.clone(), ..since.clone() };
            newer.push((Blocked { path: change.path.clone(), diff: diff(&shown) }, since));
        }
    }
    Ok(newer)
}

/// Lets services read what stands now.
pub(super) fn settle(changes: &[&Change]) -> Result<(), String> {
    let files = changes.iter().filter_map(|c| if let Change::File(file) = c { Some(file) } else { None });
    let mut left: Vec<String> = validate::after(files).err().into_iter().collect();
    let mut told: Vec<&[String]> = Vec::new();
    for change in changes {
        let Change::Run(late) = change else { continue };
        if late.when.is_late() && !told.contains(&late.command.as_slice()) {
            told.push(&late.command);
            left.extend(run::run(&late.command, late.seconds).err().map(|e| e.to_string()));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
}
