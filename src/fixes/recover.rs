//! Takes back what was cut off: a run whose process is gone, because it was killed or the machine went down, is as if it
//! had never been. The taking back of a run that was cut off itself is ended, and what nobody confirmed in time goes.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    apply::Way,
    change::{Change, FileChange},
    journal::{Journal, JournalError, Logged},
    tree::{Content, State, Tree},
    undo::{self, UndoError, settle},
    validate,
};
use crate::signals::Signals;
use crate::store::{FixRun, RunState, StepState};

/// A run that was found half done.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Its number.
    pub run: i64,
    /// When it had begun.
    pub started: Timestamp,
    /// What was wrong with it.
    pub what: Found,
    /// What could not be taken back, if anything.
    pub left: Option<String>,
    /// Whether the next start tries again, and nothing is fixed until then.
    pub open: bool,
    /// Files that nobody planned for, of which copies were kept: a person's, in the moment of the cut.
    pub kept: Vec<PathBuf>,
}

/// How a run was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was cut off.
    CutOff,
    /// It was being taken back, and that was cut off.
    UndoCutOff,
    /// Nobody confirmed it in time.
    Expired,
}

/// Takes back the runs beneath this root that were cut off. Whoever holds the journal is the only one who fixes, so what
/// is still under way there was cut off.
///
/// # Errors
/// When the journal cannot be read, or another process holds it.
pub fn recover(journal: &Journal, tree: &Tree, live: bool) -> Result<Vec<Recovered>, JournalError> {
    let _held = journal.hold()?;
    let root = tree.root().to_string_lossy().into_owned();
    let mut recovered = Vec::new();
    for mut run in journal.unfinished(&root)? {
        let _signals = Signals::hear();
        recovered.push(end(journal, tree, live, &mut run)?);
    }
    // Only now: a folder that is not whole shows that its run was cut off before its first change.
    if recovered.iter().all(|found| !found.open) {
        journal.sweep();
    }
    for mut run in journal.waiting(&root)? {
        if run.confirm_until.is_some_and(|until| until <= Timestamp::now()) {
            let left = match undo::held(journal, tree, live, &mut run, None, true) {
                Err(UndoError::Journal(error)) => return Err(error),
                done => done.err().map(|e| e.to_string()),
            };
            let open = run.steps.iter().any(|s| s.state == StepState::Undoing);
            let (run, started) = (run.id, run.started);
            recovered.push(Recovered { run, started, what: Found::Expired, left, open, kept: Vec::new() });
        }
    }
    Ok(recovered)
}

fn end(journal: &Journal, tree: &Tree, live: bool, run: &mut FixRun) -> Result<Recovered, JournalError> {
    let mut changes = journal.changes(run)?;
    let kept = sweep(journal, tree, run, &changes);
    if live {
        validate::sweep();
    }
    let whole = run.state == RunState::Running;
    let half: Vec<i64> = run.steps.iter().filter(|s| s.state == StepState::Undoing).map(|s| s.n).collect();
    let meant = |l: &Logged| whole || half.contains(&l.step);
    let way = Way { journal, tree, live, folder: run.folder.clone() };
    let mut left = way.back(&mut changes, meant);
    if live && left.said().is_none() {
        left.lost.extend(settle(changes.iter().filter(|l| meant(l))).err());
    }
    let what = if whole { Found::CutOff } else { Found::UndoCutOff };
    let (said, open) = (left.said(), !left.again.is_empty());
    let found = Recovered { run: run.id, started: run.started, what, left: said.clone(), open, kept };
    if open {
        return Ok(found);
    }
    for step in &mut run.steps {
        match step.state {
            StepState::Planned if whole => {
                step.state = StepState::Failed;
                step.why = Some(match &said {
                    None => "The run was cut off, and all of it was taken back.".to_owned(),
                    Some(said) => format!("The run was cut off, and not all of it could be taken back: {said}."),
                });
            }
            // It failed, and could not be taken back at once.
            StepState::Undoing if step.why.is_some() => step.state = StepState::Failed,
            StepState::Undoing => {
                step.state = StepState::Undone;
                step.why = said.as_ref().map(|said| format!("Not all of it could be taken back: {said}."));
            }
            _ => {}
        }
    }
    if whole {
        run.state = RunState::RolledBack;
    } else if !run.steps.iter().any(|s| s.state.stands()) {
        run.state = RunState::Undone;
    }
    if run.state != RunState::Done {
        run.confirm_until = None;
    }
    run.ended = Some(Timestamp::now());
    journal.store().end_fixes(run)?;
    Ok(found)
}

/// Removes what was left beside the files of a run. What the run neither wrote nor took away was put there by a person
/// in that very moment, and a copy of it is kept.
fn sweep(journal: &Journal, tree: &Tree, run: &FixRun, changes: &[Logged]) -> Vec<PathBuf> {
    let files = || {
        changes.iter().filter_map(|l| match &l.change {
            Change::File(file) => Some(file),
            Change::Run(_) => None,
        })
    };
    let states = |f: &FileChange| [f.before.clone(), f.after.clone()];
    let contents: Vec<Content> = files().flat_map(states).flatten().map(|s| s.content).collect();
    // One that was being written is the beginning of it.
    let known = |found: &Content| {
        contents.iter().any(|content| match (found, content) {
            (Content::File(part), Content::File(whole)) => whole.starts_with(part),
            (a, b) => a == b,
        })
    };
    let mut kept = Vec::new();
    let mut swept: Vec<&str> = Vec::new();
    for file in files() {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if swept.contains(&folder) {
            continue;
        }
        swept.push(folder);
        let mut keep = |state: &State| {
            let copy = match state.content {
                Content::File(_) => journal.keep_aside(run, &file.path, state).ok(),
                _ => None,
            };
            let done = copy.is_some();
            kept.extend(copy);
            done
        };
        tree.sweep(&file.path, &known, &mut keep);
    }
    kept
}
