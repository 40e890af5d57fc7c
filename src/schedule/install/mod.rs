//! What runs the schedule: a service, timers or a crontab.

use super::Here;

/// What runs the jobs of this machine where no daemon does, in words.
pub fn installed(_here: &Here) -> Option<String> {
    None
}
