//! Samples that the daemon takes while it waits. They go into the spool here, and a program of ours puts them into the
//! history, so that the daemon stays small.

use std::{process::Stdio, time::Duration};

use super::{Here, Lock, ScheduleError};
use crate::{
    child::{Running, Waited},
    config,
    host::Host,
    metrics::{Progress, Service, Setup, TakeIn, Wanted, With},
};

/// The lock of whoever measures.
pub const MEASURES: &str = "collect";
/// How long it may take to put samples into the history: a day that is over takes seconds, weeks that waited a little longer.
const PATIENCE: Duration = Duration::from_secs(600);
/// How much of what that program says is kept.
const KEPT: usize = 4 << 10;

/// What takes samples.
#[derive(Debug)]
pub(super) struct Measuring {
    service: Service,
    settings: config::Metrics,
    _lock: Lock,
}

impl Measuring {
    /// Begins, where the settings want it.
    ///
    /// # Errors
    /// Why nothing can be measured, as a sentence.
    pub(super) fn start(here: &Here) -> Result<Option<Self>, String> {
        let settings = here.config().metrics.clone();
        if !settings.enabled {
            return Ok(None);
        }
        let lock = here.folder().and_then(|folder| Lock::take(folder, MEASURES));
        let mut lock = lock.map_err(|e| e.to_string())?.ok_or_else(|| {
            let other = Lock::holder(here.place(), MEASURES).unwrap_or_default();
            format!("This machine is measured already, by process {}.", other.trim())
        })?;
        lock.note(&std::process::id().to_string());
        let host = Host::live().map_err(|e| e.to_string())?;
        let wanted = if settings.only.is_empty() { Wanted::All } else { Wanted::Only(settings.only.clone()) };
        let setup = Setup {
            with: With::new(host, settings.clone()),
            wanted,
            host: here.id.clone(),
            spool: here.store.spool(),
            take_in: taking(here.clone()),
        };
        let service = Service::start(setup).map_err(|e| format!("Nothing can be measured: {e}."))?;
        Ok(Some(Measuring { service, settings, _lock: lock }))
    }

    /// Whether it measures what these settings want.
    pub(super) fn fits(&self, here: &Here) -> bool {
        self.settings == here.config().metrics
    }

    /// What goes wrong, if anything does.
    pub(super) fn trouble(&mut self) -> Option<String> {
        let Progress { recorder, .. } = self.service.progress();
        recorder.spool.clone().or_else(|| recorder.history.clone())
    }

    /// Ends it.
    pub(super) fn stop(self) {
        self.service.stop();
    }
}

fn taking(here: Here) -> TakeIn {
    Box::new(move || match take_in(&here) {
        Ok(samples) => Ok(samples),
        Err(why) => Err(format!("what was measured cannot be put into the history: {why}")),
    })
}

/// Has samples put into the history; how many there were.
fn take_in(here: &Here) -> Result<usize, String> {
    let mut command = here.program(&["collect", "--take-in"]).map_err(|e: ScheduleError| e.to_string())?;
    command.stdin(Stdio::null());
    let mut running = Running::start(command, KEPT).map_err(|e| e.to_string())?;
    match running.wait(PATIENCE, || false) {
        Ok(Waited::Ended(status)) if status.success() => {
            Ok(running.said().lines().find_map(|line| line.parse().ok()).unwrap_or(0))
        }
        Ok(Waited::Ended(_)) => Err(running.said().split_whitespace().collect::<Vec<_>>().join(" ")),
        Ok(_) => {
            running.end(Duration::from_secs(5));
            Err("it takes too long".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
