//! What the jobs do, each in a process of its own. What it returns is what it said, for the record.

mod audit;
mod digest;
mod email;
mod fills;
mod fix;
mod preview;
mod report;
mod trouble;
mod update;
mod urgent;

use std::time::Duration;

use jiff::Timestamp;

pub(super) use preview::send_now;
pub use preview::{Preview, Tried, preview, test_mail};

use super::{Here, Planned, ScheduleError};
use crate::{
    audit::{Audit, Performed, perform},
    checks::{Catalogue, Selection},
    config::Task,
    fixes::{self, Guard, Journal, Place},
    host::Host,
    report::{Detail, Logo, Options, Paper},
    store::{History, JobRun},
    words,
};

/// A job at work.
struct Work<'a> {
    here: &'a Here,
    job: Planned,
    run: JobRun,
    catalogue: Catalogue,
}

/// Does what a job does, as the run with this number.
///
/// # Errors
/// Why it failed, as a sentence.
pub fn work(here: &Here, name: &str, run: i64) -> Result<String, ScheduleError> {
    let job = here.job(name)?;
    let found = here.store.job_run(&here.id, run)?.filter(|r| r.job == name && r.ended.is_none());
    let run = found.ok_or_else(|| ScheduleError::Other(format!("Run {run} of `{name}` is not at work.")))?;
    // Whoever sits at the machine comes first.
    let _ = rustix::process::nice(10);
    let catalogue = Catalogue::of_this_machine().map_err(|e| ScheduleError::Other(e.to_string()))?;
    let work = Work { here, job, run, catalogue };
    match work.job.job.task {
        Task::Audit => work.audit(),
        Task::Report => work.report(),
        Task::Email => work.email(),
        Task::Fix => work.fix(),
        Task::Backup => work.backup(),
        Task::Update => work.update(),
        Task::Run => Err(ScheduleError::Other("A command is run as it is.".to_owned())),
    }
}

impl Work<'_> {
    /// Looks at this machine and puts that into the history.
    fn look(&self) -> Result<(Audit, History), ScheduleError> {
        let host = self.host()?;
        // Where we are kept from changing the machine, whoever fixes next takes back what was cut off.
        let may = (host.is_root() || !host.is_live()) && !crate::host::confined();
        if may && Journal::there(&self.here.store).is_some() {
            // Another one may be fixing just now: then it is looked at all the same.
            let place = Place::of(host.clone()).map_err(other)?;
            let _ = self.mend(&place, Duration::ZERO);
        }
        let (performed, history) = self.look_at(&host)?;
        Ok((performed.audit, history))
    }

    /// What this job is about: this machine, or an image.
    fn host(&self) -> Result<Host, ScheduleError> {
        match &self.job.job.root {
            Some(root) => Host::image(root).map_err(other),
            None => Host::live().map_err(other),
        }
    }

    /// Looks at a host and puts that into the history.
    fn look_at(&self, host: &Host) -> Result<(Performed, History), ScheduleError> {
        let limits = &self.here.config().checks;
        let mut performed =
            perform(host, &self.catalogue, &Selection::default(), limits, Some(&self.here.store), |_| {})
                .map_err(other)?;
        let history = self.here.store.record(&mut performed.audit, &performed.facts, &self.catalogue)?;
        if let Some(id) = performed.audit.id {
            self.here.store.note_job_audit(self.run.id, id)?;
        }
        Ok((performed, history))
    }

    /// Fixes that were cut off are no state to be looked at, and nothing is fixed upon them: they are taken back first.
    fn mend(&self, place: &Place, patience: Duration) -> Result<Journal, fixes::JournalError> {
        let journal = Journal::open(&self.here.store)?.patient(patience);
        for run in fixes::recover(&journal, &place.tree, place.is_live())?.iter().filter(|found| !found.open) {
            Guard::disarm(run.run);
        }
        Ok(journal)
    }

    /// How a report of this job looks.
    fn options(&self) -> Result<Options, ScheduleError> {
        let look = &self.here.config().report;
        let logo = look.logo.as_ref().map(|file| {
            let bytes = std::fs::read(file).map_err(|e| ScheduleError::Other(format!("{}: {e}", file.display())))?;
            Logo::new(bytes).map_err(other)
        });
        Ok(Options {
            detail: self.reader(),
            paper: look.paper.unwrap_or_else(|| Paper::of_locale(&locale())),
            logo: logo.transpose()?,
        })
    }

    /// Who reads what this job makes.
    fn reader(&self) -> Detail {
        self.job.job.reader.unwrap_or(self.here.config().report.reader)
    }

    /// When this job is done next, in words.
    fn next(&self) -> Option<String> {
        let next = self.job.next(self.run.due.max(Timestamp::now()), self.here.delay(&self.job))?;
        Some(words::moment(next, &self.here.zone))
    }

    fn backup(&self) -> Result<String, ScheduleError> {
        let backup = &self.here.config().backup;
        let folder = backup.folder.clone().unwrap_or_else(|| self.here.store.backup_folder());
        let made = self.here.store.backup(&folder, backup.keep, Timestamp::now()).map_err(other)?;
        Ok(format!("The history was copied to {} ({}).", made.file.display(), words::size(made.size as f64)))
    }
}

fn other(error: impl std::fmt::Display) -> ScheduleError {
    ScheduleError::Other(error.to_string())
}

/// The locale that says what paper people use here; a service has none of its own, so the machine's is asked.
fn locale() -> String {
    let named =
        ["LC_ALL", "LC_PAPER", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    named.unwrap_or_else(|| {
        let files = ["/etc/locale.conf", "/etc/default/locale"];
        let text: String = files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect();
        let value = |key: &str| {
            text.lines().find_map(|line| {
                line.trim().strip_prefix(key)?.strip_prefix('=').map(|v| v.trim_matches('"').to_owned())
            })
        };
        value("LC_PAPER").or_else(|| value("LANG")).unwrap_or_default()
    })
}
