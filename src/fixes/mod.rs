//! Fixes: what a check file wants done becomes a plan of changes that is shown, backed up, made, proven by asking the
//! check again, and can be taken back. Nothing here prints or decides what is good or bad.

pub mod actions;
mod apply;
mod change;
mod diff;
pub mod export;
pub mod formats;
mod guard;
mod journal;
mod place;
mod plan;
pub mod policy;
mod recover;
mod run;
mod spec;
#[cfg(test)]
mod tests;
pub mod tree;
mod undo;
mod validate;
mod view;

pub use apply::{Arm, Event, Job, Proof, apply};
pub use change::{Change, FileChange, Run, When};
pub use diff::diff;
pub use guard::{Guard, WINDOW};
pub use journal::{Held, Journal, JournalError};
pub use place::Place;
pub use plan::{Answers, Basis, Plan, PlannedFix, Question, plan};
pub use recover::{Found, Recovered, recover};
pub use spec::{Actions, Ask, Refuse};
pub use undo::{Blocked, UndoError, Undone, confirm, undo, undo_unconfirmed};

/// Who asks for fixes that are done by the schedule.
pub const ITSELF: &str = "cleanbill";
