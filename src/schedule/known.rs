//! What the history knows of the jobs, for a daemon that does not open it itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Here, ScheduleError, outbox};

/// What the history knows of the jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Since when each job has its times, and the last one that was seen to, by name.
    pub jobs: BTreeMap<String, (Timestamp, Option<Timestamp>)>,
    /// When the next mail is tried.
    pub next_mail: Option<Timestamp>,
}

/// Asks the history; a job that it does not know is known from now on.
///
/// # Errors
/// When the history or the times of a job cannot be read.
pub fn known(here: &Here) -> Result<Known, ScheduleError> {
    let jobs = here.jobs()?;
    let pasts = here.pasts(&jobs, Timestamp::now())?;
    let jobs = jobs.iter().zip(pasts).map(|(job, past)| (job.name.clone(), (past.since, past.last_due))).collect();
    Ok(Known { jobs, next_mail: outbox::next(here)? })
}
