//! Whether a job is due: pure, from its times and what is known of its past.

use jiff::{SignedDuration, Timestamp};

use super::Planned;
use crate::store::{Cause, JobPast};

/// From when on a run counts as made up for.
const LATE: SignedDuration = SignedDuration::from_mins(10);
/// More missed times are not counted.
const MOST: usize = 1000;

/// What is to be done about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It begins now.
    Now {
        /// The time that is seen to.
        due: Timestamp,
        /// Whether it is made up for.
        cause: Cause,
        /// How many times before it nothing ran.
        missed: i64,
    },
    /// Its time is past and is not made up for.
    Pass {
        /// The time.
        due: Timestamp,
        /// How many times nothing ran, this one among them.
        missed: i64,
    },
    /// Nothing until then; never again where there is no time.
    Wait(Option<Timestamp>),
}

/// What is to be done about a job now. Of several times that were missed, only the last is made up for.
pub fn due(job: &Planned, past: &JobPast, delay: SignedDuration, now: Timestamp) -> Due {
    let wait = || Due::Wait(job.next(now, delay));
    let Some(due) = now.checked_sub(delay).ok().and_then(|t| job.when.latest_until(t)) else { return wait() };
    let seen = past.last_due.map_or(past.since, |last| last.max(past.since));
    if due <= seen {
        return wait();
    }
    let between = job.when.between(seen, due).take(MOST).filter(|t| *t < due).count();
    let missed = i64::try_from(between).unwrap_or(0);
    let late = now.duration_since(due) > delay.checked_add(LATE).unwrap_or(LATE);
    match (late, job.job.catch_up) {
        (true, false) => Due::Pass { due, missed: missed + 1 },
        (true, true) => Due::Now { due, cause: Cause::Late, missed },
        (false, _) => Due::Now { due, cause: Cause::Schedule, missed },
    }
}
