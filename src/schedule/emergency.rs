//! What is said when the history itself cannot be used: then there is no queue and no report, and silence would look like
//! health. A short mail goes at once, past the queue, at most once a day.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Here, Lock, ScheduleError, work::send_now};
use crate::{
    report::{
        TEMPLATES,
        email::{self, Stuck},
    },
    store::StoreError,
    words,
};

/// The lock, in which it stands when it was said last.
const LOCK: &str = "emergency";
/// It is said again after this time.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Tells those who hear what cannot wait that the history cannot be used; whether anything was sent. What lasts a moment
/// only is not told.
///
/// # Errors
/// When nobody can be told.
pub fn cry(here: &Here, error: &StoreError) -> Result<bool, ScheduleError> {
    let config = here.config();
    let to = if config.alerts.to.is_empty() { &config.mail.to } else { &config.alerts.to };
    if to.is_empty() || matches!(error, StoreError::Busy(_) | StoreError::Missing(_)) {
        return Ok(false);
    }
    let Some(mut lock) = Lock::take(here.folder()?, LOCK)? else { return Ok(false) };
    let now = Timestamp::now();
    let last = lock.read().trim().parse::<Timestamp>().ok();
    // A clock that was wrong must not silence it for long.
    if last.is_some_and(|last| now.duration_since(last).abs() < AGAIN) {
        return Ok(false);
    }
    // Written down first: better once too seldom than again and again.
    if !lock.note(&now.to_string()) {
        return Ok(false);
    }
    let stuck = Stuck {
        host: here.name.clone(),
        purpose: config.machine.purpose.clone(),
        why: words::sentence(&error.to_string()),
        hint: words::sentence(&error.hint()),
        at: now,
        zone: here.zone.clone(),
    };
    let mail = email::stuck(&stuck, Path::new(TEMPLATES)).map_err(|e| ScheduleError::Other(e.to_string()))?;
    let sent = send_now(here, &mail, to, &format!("stuck.{now}"), now)?;
    Ok(sent.iter().any(|tried| tried.said.is_ok()))
}
