//! Takes back what was cut off: a run whose process is gone, because it was killed or the machine went down, is as if it
//! had never been.

use jiff::Timestamp;

use super::{
    apply::back,
    change::Change,
    journal::{Journal, JournalError},
    tree::Tree,
    undo::settle,
};
use crate::store::{RunState, StepState};

/// A run that was taken back.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Its number.
    pub run: i64,
    /// When it had begun.
    pub started: Timestamp,
    /// What could not be taken back, if anything.
    pub left: Option<String>,
}

/// Takes back the runs beneath this root that were cut off. Whoever holds the journal is the only one who fixes, so what
/// is still under way there was cut off.
///
/// # Errors
/// When the journal cannot be read.
pub fn recover(journal: &Journal, tree: &Tree, live: bool) -> Result<Vec<Recovered>, JournalError> {
    journal.sweep()?;
    let root = tree.root().to_string_lossy().into_owned();
    let mut recovered = Vec::new();
    for mut run in journal.unfinished(&root)? {
        let all = journal.changes(&run)?;
        let changes: Vec<&Change> = all.iter().map(|(_, change)| change).collect();
        for change in &changes {
            if let Change::File(file) = change {
                tree.sweep(&file.path);
            }
        }
        let mut left = back(changes.iter().rev().copied(), tree, live).err();
        if live && left.is_none() {
            left = settle(&changes).err();
        }
        run.state = RunState::RolledBack;
        run.ended = Some(Timestamp::now());
        run.confirm_until = None;
        for step in run.steps.iter_mut().filter(|s| s.state == StepState::Planned) {
            step.state = StepState::Failed;
            step.why = Some(match &left {
                None => "The run was cut off, and all of it was taken back.".to_owned(),
                Some(left) => format!("The run was cut off, and not all of it could be taken back: {left}"),
            });
        }
        journal.store().end_fixes(&run)?;
        recovered.push(Recovered { run: run.id, started: run.started, left });
    }
    Ok(recovered)
}
