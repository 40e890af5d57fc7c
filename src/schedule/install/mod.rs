//! What runs the schedule while nobody looks: a service of systemd, timers of systemd, or lines of a crontab. All of them
//! are shown before they are written, follow the jobs, and can be taken back.

mod crontab;
mod mark;
mod needs;
mod plan;
mod program;
mod quote;
mod site;
mod state;
#[cfg(test)]
mod tests;
mod units;
mod walls;

pub use plan::{Change, Plan, by_hand, turn_off_packaged, uninstall};
pub use site::Site;
pub use state::{Installed, installed};

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Here, ScheduleError, known};

/// What runs the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A service of systemd in which the daemon waits.
    Service,
    /// A timer of systemd for each job.
    Timers,
    /// Lines of a crontab.
    Crontab,
}

impl Way {
    /// The way that suits this machine.
    ///
    /// # Errors
    /// When it has neither systemd nor cron.
    pub fn usual(site: &Site) -> Result<Self, ScheduleError> {
        if site.has_systemd() {
            return Ok(Way::Service);
        }
        if site.has_cron() {
            return Ok(Way::Crontab);
        }
        let daemon = program::own().map_or_else(|_| "cleanbill".to_owned(), |p| p.display().to_string());
        Err(ScheduleError::Install {
            what: "Neither systemd nor cron runs here, so nothing can be installed.".to_owned(),
            hint: format!("Let what looks after your programs keep this one running: {daemon} daemon"),
        })
    }
}

/// Lets what is installed follow the settings as they are now. Returns what was done about it, or must be, in a sentence.
///
/// # Errors
/// When it cannot be written or started.
pub fn follow(here: &Here) -> Result<Option<String>, ScheduleError> {
    let site = Site::here();
    let Some((way, _, plan)) = state::found_way(here, &site) else { return Ok(None) };
    let plan = plan?;
    if plan.is_done() {
        if way != Way::Service && site.may_write() {
            let _ = known(here)?;
        }
        return Ok(None);
    }
    if plan.edited(false).next().is_some() || !site.may_write() {
        let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
        return Ok(Some(format!("What runs the schedule must follow: {sudo}cleanbill schedule install")));
    }
    plan.apply(here, false)?;
    Ok(Some("What runs the schedule was adapted.".to_owned()))
}

/// The program that is installed: the one that runs, if it lies where a service may start it from.
///
/// # Errors
/// When it may not, with what to do.
pub fn own_program() -> Result<PathBuf, ScheduleError> {
    let own = program::own().map_err(ScheduleError::Program)?;
    program::fit(&own).map_err(|what| ScheduleError::Install { what, hint: program::hint(&own) })?;
    Ok(own)
}

fn cannot(path: &Path, error: &std::io::Error) -> ScheduleError {
    ScheduleError::Install {
        what: format!("{} cannot be written: {error}", path.display()),
        hint: "Run it with sudo, or see what it would write: cleanbill schedule install --dry-run".to_owned(),
    }
}
