//! Takes a run back: every file byte for byte as it was, every service as it stood. What someone changed since is not
//! overwritten unless that is asked for, and then kept aside.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    apply::Way,
    change::{Change, FileChange},
    diff::diff,
    journal::{Journal, JournalError, Logged, Mark},
    run,
    tree::{Content, State, Tree, TreeError, alike},
    validate,
};
use crate::{
    signals::Signals,
    store::{FixRun, RunState, StepState},
    words::at_root,
};

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
    /// A later fix changed the same file.
    #[error("{path} was changed again by {later}")]
    Later {
        /// The file.
        path: String,
        /// Which fix, in words.
        later: String,
        /// What takes that one back.
        command: String,
    },
    /// It was taken back before.
    #[error("nothing of run {0} stands any more")]
    Already(i64),
    /// It still waits to be confirmed.
    #[error("run {0} can still be confirmed")]
    TooEarly(i64, Timestamp),
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
    /// How many steps of programs were taken back.
    pub programs: usize,
    /// Newer copies that were kept aside: the file, and where its newer copy lies.
    pub kept: Vec<(String, PathBuf)>,
    /// What cannot be taken back: an installed update.
    pub stays: Vec<String>,
    /// Programs that could not be told of it.
    pub untold: Option<String>,
}

/// Takes a run back, or one fix of it. What is cut off here is ended by the next start.
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
    let _held = journal.hold()?;
    // Someone else may have done it meanwhile.
    *run = fresh(journal, run.id)?;
    held(journal, tree, live, run, only, force)
}

/// Takes a run back that nobody confirmed in time, also where files changed since; none where it was confirmed, or taken
/// back otherwise.
///
/// # Errors
/// [`UndoError::TooEarly`] where it can still be confirmed, unless the time until then was `waited` for, whatever the clock
/// did meanwhile; else as [`undo`].
pub fn undo_unconfirmed(
    journal: &Journal,
    tree: &Tree,
    live: bool,
    id: i64,
    waited: Option<Timestamp>,
) -> Result<Option<(FixRun, Undone)>, UndoError> {
    let _held = journal.hold()?;
    let mut run = fresh(journal, id)?;
    let Some(until) = run.confirm_until.filter(|_| run.state == RunState::Done) else { return Ok(None) };
    if until > Timestamp::now() && waited != Some(until) {
        return Err(UndoError::TooEarly(id, until));
    }
    let undone = held(journal, tree, live, &mut run, None, true)?;
    Ok(Some((run, undone)))
}

/// Keeps the runs of a root that would otherwise take themselves back.
///
/// # Errors
/// When the journal cannot be written.
pub fn confirm(journal: &Journal, root: &str) -> Result<Vec<FixRun>, JournalError> {
    let _held = journal.hold()?;
    let mut waiting = journal.waiting(root)?;
    for run in &mut waiting {
        run.confirm_until = None;
        journal.store().end_fixes(run)?;
    }
    Ok(waiting)
}

fn fresh(journal: &Journal, id: i64) -> Result<FixRun, UndoError> {
    let run = journal.store().fix_run(id).map_err(JournalError::from)?;
    run.ok_or(UndoError::Already(id))
}

/// The same for who holds the journal.
pub(super) fn held(
    journal: &Journal,
    tree: &Tree,
    live: bool,
    run: &mut FixRun,
    only: Option<&str>,
    force: bool,
) -> Result<Undone, UndoError> {
    let _signals = Signals::hear();
    if run.state == RunState::Running || run.steps.iter().any(|s| s.state == StepState::Undoing) {
        return given_up(journal, run, force);
    }
    if let Some(check) = only
        && !run.steps.iter().any(|s| s.check == check)
    {
        return Err(UndoError::NoSuchFix(run.id, check.to_owned()));
    }
    let meant = |check: &str, state: StepState| only.is_none_or(|only| check == only) && state.stands();
    let steps: Vec<i64> = run.steps.iter().filter(|s| meant(&s.check, s.state)).map(|s| s.n).collect();
    if run.state != RunState::Done || steps.is_empty() {
        return Err(UndoError::Already(run.id));
    }
    let mut all = journal.changes(run)?;
    let mine = |l: &Logged| steps.contains(&l.step) && l.mark != Mark::Back;
    if !force {
        later(journal, run, &all, &mine)?;
    }
    let mut undone = Undone::default();
    let newer = changed_since(all.iter().filter(|l| mine(l)), tree)?;
    if !newer.is_empty() && !force {
        return Err(UndoError::Changed(newer.into_iter().map(|(b, _)| b).collect()));
    }
    for (blocked, change) in &newer {
        if let Some(now) = change.before.as_ref().filter(|now| matches!(now.content, Content::File(_))) {
            undone.kept.push((blocked.path.clone(), journal.keep_aside(run, &blocked.path, now)?));
        }
    }
    // From here on it is under way, and the next start goes on with it.
    for step in run.steps.iter_mut().filter(|s| steps.contains(&s.n)) {
        step.state = StepState::Undoing;
        step.why = None;
    }
    journal.store().end_fixes(run).map_err(JournalError::from)?;
    for (_, change) in &newer {
        make_way(tree, change).map_err(|e| UndoError::Left(e.to_string()))?;
    }
    let way = Way { journal, tree, live, folder: run.folder.clone() };
    let left = way.back(&mut all, mine);
    if !left.again.is_empty() {
        return Err(UndoError::Left(left.said().unwrap_or_default()));
    }
    if live {
        undone.untold = settle(all.iter().filter(|l| steps.contains(&l.step))).err();
    }
    let mut files: Vec<&str> = Vec::new();
    for logged in all.iter().filter(|l| steps.contains(&l.step)) {
        match &logged.change {
            Change::File(file) if !files.contains(&file.path.as_str()) => files.push(&file.path),
            Change::File(_) => {}
            Change::Run(run) => {
                undone.programs += usize::from(!run.undo.is_empty());
                undone.stays.extend(run.stays.clone().filter(|s| !undone.stays.contains(s)));
            }
        }
    }
    undone.files = files.len();
    undone.stays.extend(left.stays.iter().cloned());
    let said = left.said();
    for step in run.steps.iter_mut().filter(|s| steps.contains(&s.n)) {
        step.state = StepState::Undone;
        step.why = said.as_ref().map(|said| format!("Not all of it could be taken back: {said}."));
    }
    // While another fix of the run stands, its timer stays too.
    if !run.steps.iter().any(|s| s.state.stands()) {
        run.state = RunState::Undone;
        run.confirm_until = None;
    }
    run.ended = Some(Timestamp::now());
    journal.store().end_fixes(run).map_err(JournalError::from)?;
    match said {
        None => Ok(undone),
        Some(said) => Err(UndoError::Left(said)),
    }
}

/// A run that was cut off and cannot be taken back: whoever insists ends the waiting for it.
fn given_up(journal: &Journal, run: &mut FixRun, force: bool) -> Result<Undone, UndoError> {
    if !force {
        return Err(UndoError::Left(format!("run {} was cut off, and the disk does not take it back", run.id)));
    }
    let why = "It was cut off, and what could not be taken back was left as it is.";
    for step in run.steps.iter_mut().filter(|s| matches!(s.state, StepState::Planned | StepState::Undoing)) {
        step.state = StepState::Failed;
        step.why = Some(why.to_owned());
    }
    run.state = if run.steps.iter().any(|s| s.state.stands()) { RunState::Done } else { RunState::RolledBack };
    run.confirm_until = None;
    journal.store().end_fixes(run).map_err(JournalError::from)?;
    Ok(Undone { stays: vec![why.to_owned()], ..Undone::default() })
}

/// Fails where a later fix that stands changed one of these files again.
fn later(journal: &Journal, run: &FixRun, all: &[Logged], mine: &dyn Fn(&Logged) -> bool) -> Result<(), UndoError> {
    let stands = |run: &FixRun, n: i64| run.steps.iter().any(|s| s.n == n && s.state.stands());
    for logged in all.iter().filter(|l| mine(l)) {
        let Some(path) = logged.path() else { continue };
        let after = |l: &&Logged| l.n > logged.n && !mine(l) && l.path() == Some(path) && stands(run, l.step);
        let step = all.iter().find(after).and_then(|l| run.steps.iter().find(|s| s.n == l.step));
        if let Some(step) = step {
            return Err(UndoError::Later {
                path: path.to_owned(),
                later: format!("the fix of {}", step.check),
                command: format!("cleanbill undo {}{}", run.id, at_root(&run.root)),
            });
        }
    }
    let paths: Vec<&str> = all.iter().filter(|l| mine(l)).filter_map(Logged::path).collect();
    for other in journal.runs(&run.root)?.iter().filter(|r| r.id > run.id && r.state == RunState::Done).rev() {
        let changes = journal.store().fix_changes(other.id).map_err(JournalError::from)?;
        let again = changes.iter().find(|c| paths.contains(&c.what.as_str()) && stands(other, c.step));
        if let Some(again) = again {
            return Err(UndoError::Later {
                path: again.what.clone(),
                later: format!("run {}", other.id),
                command: format!("cleanbill undo {}{}", other.id, at_root(&other.root)),
            });
        }
    }
    Ok(())
}

/// Puts what the run had left in the place of what someone made of it since, so that all goes back the same way.
fn make_way(tree: &Tree, change: &FileChange) -> Result<(), TreeError> {
    let (now, left) = (change.before.as_ref(), change.after.as_ref());
    match (now, left) {
        // Only its rights were changed, and it is gone or another kind of thing by now: there is nothing to put back.
        (None, Some(State { content: Content::Opaque(..), .. })) => Ok(()),
        (Some(now), Some(left)) if matches!(left.content, Content::Opaque(..)) => {
            tree.put(&change.path, Some(now), Some(&State { content: now.content.clone(), ..left.clone() }))
        }
        _ => tree.put(&change.path, now, left),
    }
}

/// The last state that these changes leave at each path, and what lies there now where that is another.
fn changed_since<'a>(
    changes: impl Iterator<Item = &'a Logged>,
    tree: &Tree,
) -> Result<Vec<(Blocked, FileChange)>, UndoError> {
    let mut last: Vec<&FileChange> = Vec::new();
    for logged in changes {
        if let Change::File(change) = &logged.change {
            last.retain(|c| c.path != change.path);
            last.push(change);
        }
    }
    let mut newer = Vec::new();
    for change in last {
        let now = match tree.read_like(&change.path, change.after.as_ref().or(change.before.as_ref())) {
            Err(TreeError::NotThere(_)) => None,
            now => now.map_err(|e| UndoError::Left(e.to_string()))?,
        };
        if !alike(now.as_ref(), change.after.as_ref()) && !alike(now.as_ref(), change.before.as_ref()) {
            let since = FileChange { path: change.path.clone(), before: now, after: change.after.clone() };
            let shown = FileChange { before: since.after.clone(), after: since.before.clone(), ..since.clone() };
            newer.push((Blocked { path: change.path.clone(), diff: diff(&shown) }, since));
        }
    }
    Ok(newer)
}

/// Lets services read what stands now, where their own programs take it.
pub(super) fn settle<'a>(changes: impl Iterator<Item = &'a Logged> + Clone) -> Result<(), String> {
    validate::after(changes.clone().filter_map(Logged::path))?;
    let mut left = Vec::new();
    let mut told: Vec<&[String]> = Vec::new();
    for logged in changes {
        let Change::Run(late) = &logged.change else { continue };
        if late.when.is_late() && !told.contains(&late.command.as_slice()) {
            told.push(&late.command);
            left.extend(run::run(&late.command, late.seconds).err().map(|e| e.to_string()));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
}
