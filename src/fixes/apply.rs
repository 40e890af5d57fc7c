//! Does a plan: writes it down, changes, asks the programs concerned, and asks the checks again. A fix that fails is
//! taken back at once, the others go on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    change::{Change, FileChange, Run},
    journal::{Journal, JournalError},
    plan::{Plan, PlannedFix},
    run,
    tree::{Content, State, Tree},
    validate,
};
use crate::store::{FixRun, FixStep, RunState, StepState};

/// What happens, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A fix begins.
    Begins(&'a PlannedFix),
    /// A fix ended; proof comes later.
    Ended(&'a PlannedFix, bool),
    /// The checks are asked again.
    Proving,
}

/// What the checks say afterwards.
#[derive(Debug, Default)]
pub struct Proof {
    /// The risk now; none when nobody looked.
    pub risk: Option<f64>,
    /// The answers by check: none where it finds nothing any more, else what it still finds.
    pub answers: BTreeMap<String, Option<String>>,
}

/// Sets the timer that takes a run back, before anything is changed; or says why it cannot.
pub type Arm<'a> = &'a dyn Fn(&FixRun) -> Result<(), String>;

/// What a run needs beside its plan.
pub struct Job<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The machine to change.
    pub tree: &'a Tree,
    /// Whether it runs, so that its programs are asked and told.
    pub live: bool,
    /// The journal.
    pub journal: &'a Journal,
    /// The run: who, where, and the risk before.
    pub run: FixRun,
    /// The timer that takes the run back unless someone confirms it.
    pub arm: Option<Arm<'a>>,
}

/// Does a plan. Refused fixes stay as they are.
///
/// # Errors
/// When the journal cannot be written: then nothing was changed, or the next start takes it back.
pub fn apply(
    job: Job<'_>,
    listen: &mut dyn FnMut(Event<'_>),
    prove: impl FnOnce(&[&str]) -> Proof,
) -> Result<FixRun, JournalError> {
    let Job { plan, tree, live, journal, mut run, arm } = job;
    run.steps = (1..).zip(&plan.fixes).map(|(n, fix)| step(n, fix)).collect();
    let changes: Vec<(i64, &Change)> =
        (1..).zip(&plan.fixes).flat_map(|(n, fix)| fix.changes.iter().map(move |c| (n, c))).collect();
    journal.begin(&mut run, &changes)?;
    if let Some(Err(why)) = arm.map(|arm| arm(&run)) {
        for step in run.steps.iter_mut().filter(|s| s.state == StepState::Planned) {
            step.state = StepState::Refused;
            step.why = Some(format!("The timer that would take it back could not be set: {why}"));
        }
        run.confirm_until = None;
        return end(journal, run, None);
    }
    let mut late: Vec<(Run, Vec<usize>)> = Vec::new();
    for (n, fix) in plan.fixes.iter().enumerate().filter(|(_, fix)| !fix.changes.is_empty()) {
        listen(Event::Begins(fix));
        let done = one(fix, tree, live);
        listen(Event::Ended(fix, done.is_ok()));
        match done {
            Ok(()) => {
                for run in fix.changes.iter().filter_map(late_run) {
                    match late.iter_mut().find(|(known, _)| known == run) {
                        Some((_, asked)) => asked.push(n),
                        None => late.push((run.clone(), vec![n])),
                    }
                }
            }
            Err(why) => fail(&mut run, n, why),
        }
    }
    for (command, asked) in &late {
        let stands = |n: &usize| run.steps.get(*n).is_some_and(|s| s.state == StepState::Planned);
        if !asked.iter().any(stands) {
            continue;
        }
        if let Err(error) = run::run(&command.command, command.seconds) {
            for n in asked.iter().rev().filter(|n| stands(n)).copied().collect::<Vec<_>>() {
                if let Some(fix) = plan.fixes.get(n) {
                    let back = back(fix.changes.iter().rev(), tree, live);
                    fail(&mut run, n, with(error.to_string(), back));
                }
            }
            // With the old files it starts as before.
            let _ = run::run(&command.command, command.seconds);
        }
    }
    listen(Event::Proving);
    let standing: Vec<&str> =
        run.steps.iter().filter(|s| s.state == StepState::Planned).map(|s| s.check.as_str()).collect();
    let proof = if standing.is_empty() { Proof::default() } else { prove(&standing) };
    for step in run.steps.iter_mut().filter(|s| s.state == StepState::Planned) {
        (step.state, step.why) = match proof.answers.get(&step.check) {
            Some(None) => (StepState::Fixed, None),
            Some(Some(why)) => (StepState::StillOpen, Some(why.clone())),
            None => (StepState::Unproven, Some("The question could not be asked again.".to_owned())),
        };
    }
    end(journal, run, proof.risk)
}

fn end(journal: &Journal, mut run: FixRun, risk: Option<f64>) -> Result<FixRun, JournalError> {
    run.state = RunState::Done;
    run.ended = Some(Timestamp::now());
    run.risk_after = risk;
    journal.store().end_fixes(&run)?;
    Ok(run)
}

fn step(n: i64, fix: &PlannedFix) -> FixStep {
    let asked = fix.asks.as_ref().map(|q| format!("It needs an answer first: {}", q.text));
    let why = fix.refused.clone().or(asked);
    let state = if fix.changes.is_empty() { StepState::Refused } else { StepState::Planned };
    FixStep { n, check: fix.check.clone(), title: fix.title.clone(), state, why }
}

fn fail(run: &mut FixRun, n: usize, why: String) {
    if let Some(step) = run.steps.get_mut(n) {
        step.state = StepState::Failed;
        step.why = Some(why);
    }
}

fn late_run(change: &Change) -> Option<&Run> {
    match change {
        Change::Run(run) if run.when.is_late() => Some(run),
        _ => None,
    }
}

/// Does one fix, or takes it back.
fn one(fix: &PlannedFix, tree: &Tree, live: bool) -> Result<(), String> {
    let mut done: Vec<&Change> = Vec::new();
    let mut fresh: Vec<&FileChange> = Vec::new();
    let mut go = || -> Result<(), String> {
        for change in &fix.changes {
            match change {
                Change::File(file) => {
                    if live {
                        validate::before(file)?;
                    }
                    tree.put(&file.path, file.before.as_ref(), file.after.as_ref()).map_err(|e| e.to_string())?;
                    done.push(change);
                    fresh.push(file);
                }
                Change::Run(run) if !run.when.is_late() => {
                    if live {
                        validate::after(fresh.drain(..))?;
                    }
                    // What fails half way is taken back too.
                    done.push(change);
                    run::run(&run.command, run.seconds).map_err(|e| e.to_string())?;
                }
                Change::Run(_) => {}
            }
        }
        if live { validate::after(fresh.drain(..)) } else { Ok(()) }
    };
    go().map_err(|why| with(why, back(done.into_iter().rev(), tree, live)))
}

/// A reason, and what could not be taken back after it.
fn with(why: String, back: Result<(), String>) -> String {
    let why = why.trim_end_matches('.');
    match back {
        Ok(()) => format!("{why}. All of it was taken back."),
        Err(left) => format!("{why}. Not all of it could be taken back: {left}"),
    }
}

/// Takes changes back, in the order given; goes on where one fails.
pub(super) fn back<'a>(changes: impl Iterator<Item = &'a Change>, tree: &Tree, live: bool) -> Result<(), String> {
    let mut left = Vec::new();
    let mut renewed: BTreeSet<&str> = BTreeSet::new();
    for change in changes {
        match change {
            Change::File(file) => {
                let path: &'a str = &file.path;
                // What was just put back here is a new file, with another number than the one whose rights were changed.
                let file = if renewed.contains(path) { &renumbered(file, tree) } else { file };
                let stands = tree.read_like(path, file.after.as_ref());
                let done = match stands {
                    Ok(now) if super::tree::same(now.as_ref(), file.before.as_ref()) => Ok(()),
                    Ok(_) => tree.put(path, file.after.as_ref(), file.before.as_ref()),
                    Err(error) => Err(error),
                };
                if done.is_ok() && !is_opaque(file.before.as_ref()) {
                    renewed.insert(path);
                }
                left.extend(done.err().map(|e| e.to_string()));
            }
            Change::Run(run) if live => {
                for command in &run.undo {
                    left.extend(run::run(command, run.seconds).err().map(|e| e.to_string()));
                }
            }
            Change::Run(_) => {}
        }
    }
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
}

fn is_opaque(state: Option<&State>) -> bool {
    matches!(state.map(|s| &s.content), Some(Content::Opaque(..)))
}

/// A change of rights with the number that its file has now; any other change as it is.
fn renumbered(change: &FileChange, tree: &Tree) -> FileChange {
    let mut change = change.clone();
    if is_opaque(change.before.as_ref())
        && is_opaque(change.after.as_ref())
        && let Ok(Some(now)) = tree.rights(&change.path)
    {
        for state in [&mut change.before, &mut change.after].into_iter().flatten() {
            state.content = now.content.clone();
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_go_back_also_where_the_file_was_written_anew_in_between() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/list"), "old").unwrap();
        let tree = Tree::open(root.path()).unwrap();
        let path = "/etc/list";
        let first = tree.read(path).unwrap().unwrap();
        let open = tree.rights(path).unwrap().unwrap();
        let closed = State { mode: 0o600, ..open.clone() };
        tree.put(path, Some(&open), Some(&closed)).unwrap();
        let before = tree.read(path).unwrap().unwrap();
        let after = State { content: Content::File(b"new".to_vec()), ..before.clone() };
        tree.put(path, Some(&before), Some(&after)).unwrap();
        let change = |before, after| {
            Change::File(FileChange { path: path.to_owned(), before: Some(before), after: Some(after) })
        };
        let changes = [change(open, closed), change(before, after)];
        assert_eq!(back(changes.iter().rev(), &tree, false), Ok(()));
        assert!(tree.read(path).unwrap().unwrap().same(&first));
    }
}
