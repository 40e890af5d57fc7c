//! How things are: what runs the schedule, how each job went and when it is next, what waits, and what is not as it should
//! be.

use jiff::Timestamp;
use serde::Serialize;

use super::{Card, Here, Installed, Lock, MEASURES, Planned, ScheduleError, Site, Way, card, installed};
use crate::{
    config::{Config, Job, Length, PolicyName, Task},
    store::{JobRun, JobState, Mail, MailState, StoreError},
    words::{self, harmless},
};

/// A job as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Whether it is done at all.
    pub enabled: bool,
    /// What it does, in words.
    pub does: String,
    /// When, as the settings say it.
    pub when: String,
    /// When, in words.
    pub says: String,
    /// When it begins next.
    pub next: Option<Timestamp>,
    /// Its last run.
    pub last: Option<JobRun>,
}

impl Listed {
    /// What is not as it should be, if its last run did not work.
    fn went_wrong(&self) -> Option<String> {
        let last = self.last.as_ref().filter(|run| self.enabled && run.state.is_bad())?;
        Some(format!("`{}` {}: cleanbill schedule history {}", self.name, result(last), self.name))
    }
}

/// How things are.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Who runs the schedule; none when no daemon does.
    pub daemon: Option<Card>,
    /// What was installed to run it.
    pub installed: Option<Installed>,
    /// The jobs.
    pub jobs: Vec<Listed>,
    /// Mail that waits or went wrong, newest first.
    pub mails: Vec<Mail>,
    /// How often this machine is measured; none when nobody does.
    pub measured: Option<Length>,
    /// The file of the history.
    pub store: String,
    /// Its size in bytes; none where there is none yet.
    pub store_size: Option<u64>,
    /// What is not as it should be, in sentences.
    pub wrong: Vec<String>,
}

/// Older mail that went wrong is for `email queue` alone.
const RECENT_DAYS: i64 = 14;

/// How things are.
///
/// # Errors
/// When the history or the times of a job cannot be read.
pub fn status(here: &Here) -> Result<Status, ScheduleError> {
    let daemon = card(here.place());
    let jobs = jobs(here)?;
    let mails = match here.store.mails(&here.id, true, 100) {
        Ok(mails) => mails,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::now();
    let recent =
        |mail: &Mail| mail.state == MailState::Waiting || now.duration_since(mail.made).as_hours() < 24 * RECENT_DAYS;
    let mails: Vec<Mail> = mails.into_iter().filter(recent).collect();
    let installed = installed(here);
    let mut wrong: Vec<String> = here.broken().iter().map(|why| harmless(why)).collect();
    if let Some(card) = &daemon {
        wrong.extend(card.trouble.as_ref().map(|why| format!("The daemon cannot do its work: {}", harmless(why))));
        wrong.extend(card.unmeasured.as_ref().map(|why| harmless(&words::sentence(why))));
    } else if installed.is_none() && jobs.iter().any(|job| job.enabled) {
        wrong.push("Nothing runs the jobs: sudo cleanbill schedule install".to_owned());
    }
    wrong.extend(unmeasured(here, daemon.is_some(), installed.as_ref()));
    wrong.extend(installed.iter().flat_map(|installed| &installed.wrong).map(|why| harmless(why)));
    wrong.extend(jobs.iter().filter_map(Listed::went_wrong));
    let bad = mails.iter().filter(|m| m.state != MailState::Waiting || m.tries > 0).count();
    if bad > 0 {
        let mails = words::count(bad, "mail is", "mails are");
        wrong.push(format!("{} not delivered: cleanbill email queue", words::capital(&mails)));
    }
    Ok(Status {
        daemon,
        installed,
        jobs,
        mails,
        measured: Lock::holder(here.place(), MEASURES).map(|_| here.config().metrics.every.clone()),
        store: here.store.path().display().to_string(),
        store_size: here.store.path().metadata().ok().map(|meta| meta.len()),
        wrong,
    })
}

/// Why nothing is measured although the settings want it, where that is because nobody is there who could.
fn unmeasured(here: &Here, daemon: bool, installed: Option<&Installed>) -> Option<String> {
    if daemon || !here.config().metrics.enabled || Lock::holder(here.place(), MEASURES).is_some() {
        return None;
    }
    let hint = if Site::here().has_systemd() {
        "let the daemon run the schedule: sudo cleanbill schedule install"
    } else {
        "keep this running: cleanbill daemon, or cleanbill collect"
    };
    match installed.map(|installed| installed.way) {
        // That the service does not run is told anyway.
        Some(Way::Service) => None,
        Some(way) => Some(format!("Nothing is measured: {}. To change that, {hint}", only_starts_jobs(way))),
        None => Some(format!("Nothing is measured, because no daemon runs. To change that, {hint}")),
    }
}

/// Why nothing is measured with this way, in words that follow a colon.
pub fn only_starts_jobs(way: Way) -> &'static str {
    match way {
        Way::Service => "the service does not run",
        Way::Timers => "only the daemon can do that, and timers only start jobs",
        Way::Crontab => "only the daemon can do that, and cron only starts jobs",
    }
}

/// All jobs of the settings.
///
/// # Errors
/// When the history or the times of a job cannot be read.
pub fn jobs(here: &Here) -> Result<Vec<Listed>, ScheduleError> {
    let last = match here.store.last_job_runs(&here.id) {
        Ok(runs) => runs,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::now();
    let listed = here.config().schedule.iter().map(|(name, job)| {
        let planned = Planned::new(name, job, &here.zone)?;
        Ok(Listed {
            name: name.clone(),
            enabled: job.enabled,
            does: does(job, here.config()),
            when: job.when.clone(),
            says: planned.when.says(),
            next: planned.next(now, here.delay(&planned)).filter(|_| job.enabled),
            last: last.iter().find(|run| run.job == *name).cloned(),
        })
    });
    listed.collect()
}

/// What a job does, in words.
pub fn does(job: &Job, config: &Config) -> String {
    let machine = || match &job.root {
        Some(root) => harmless(&root.to_string_lossy()),
        None => "this machine".to_owned(),
    };
    match job.task {
        Task::Audit => format!("looks at {}", machine()),
        Task::Report => {
            let formats: Vec<String> = job.formats.iter().map(|f| f.extension().to_uppercase()).collect();
            format!("writes the report on {} as {}", about(job, machine()), words::list(&formats))
        }
        Task::Email => {
            let to = if job.to.is_empty() { &config.mail.to } else { &job.to };
            let to = if to.is_empty() { "nobody yet".to_owned() } else { words::list(to) };
            format!("mails the report on {} to {}", about(job, machine()), harmless(&to))
        }
        Task::Fix if job.policy == PolicyName::Safe => {
            format!("fixes all that can break nothing on {}", machine())
        }
        Task::Fix => format!("fixes what [autofix] allows on {}", machine()),
        Task::Backup => "copies the history".to_owned(),
        Task::Update => "puts newer releases of cleanbill in its place".to_owned(),
        Task::Run => format!("runs: {}", harmless(job.command.as_deref().unwrap_or_default())),
    }
}

fn about(job: &Job, machine: String) -> String {
    job.histories.as_ref().map_or(machine, |folder| format!("all machines in {}", harmless(&folder.to_string_lossy())))
}

/// How a run went.
pub fn result(run: &JobRun) -> String {
    let took = run.ended.map_or_else(String::new, |end| {
        let seconds = end.duration_since(run.started).as_secs_f64();
        if seconds < 90.0 { format!("{seconds:.1} seconds") } else { words::span(run.started, end) }
    });
    match run.state {
        JobState::Running => "at work".to_owned(),
        JobState::Done => format!("done in {took}"),
        JobState::Failed => format!("failed after {took}"),
        JobState::TimedOut => format!("stopped after {took}: it took too long"),
        JobState::CutOff => "cut off".to_owned(),
        JobState::Skipped => "left out".to_owned(),
    }
}
