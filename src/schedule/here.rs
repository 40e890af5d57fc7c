//! This machine as its schedule sees it: its settings, its history, and how a program of ours is called for it.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{ScheduleError, When};
use crate::{
    config::{Config, Job, Settings},
    host::Host,
    probes,
    store::{JobPast, Store},
};

/// How the folder is called in which the schedule keeps its locks, beside the history.
const FOLDER: &str = ".schedule";

/// This machine, its settings and its history.
#[derive(Debug, Clone)]
pub struct Here {
    /// What holds.
    pub settings: Settings,
    /// The history.
    pub store: Store,
    /// How the history names this machine.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where it stands: times without a zone are meant so.
    pub zone: TimeZone,
    folder: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Here {
    /// This machine. `db` is the history that was named with the command, if one was.
    pub fn new(settings: Settings, db: Option<&Path>) -> Self {
        let base = db.map_or_else(Store::default_path, Path::to_owned);
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut environment: Vec<(&'static str, PathBuf)> = Vec::new();
        if settings.text.is_some() {
            environment.push(("CLEANBILL_CONFIG", absolute(&settings.file)));
        }
        if let Some(db) = db {
            environment.push(("CLEANBILL_DB", absolute(db)));
        }
        let mut folder = absolute(&base).into_os_string();
        folder.push(FOLDER);
        let file = db.map(Path::to_owned).or_else(|| settings.config.store.file.clone());
        let (id, name) = Host::live()
            .map_or_else(|_| ("unnamed".to_owned(), "unnamed".to_owned()), |host| probes::machine::identity(&host));
        Here {
            store: Store::at(file.unwrap_or(base)),
            settings,
            id,
            name,
            zone: TimeZone::system(),
            folder: folder.into(),
            environment,
        }
    }

    /// What holds.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// The folder of locks and of the last settings that were right; made where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> Result<&Path, ScheduleError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|e| ScheduleError::Folder(self.folder.clone(), e))?;
        Ok(&self.folder)
    }

    /// Where that folder is, whether it is there or not.
    pub fn place(&self) -> &Path {
        &self.folder
    }

    /// The same machine with other settings.
    #[must_use]
    pub fn with(&self, settings: Settings) -> Self {
        let db = self.environment.iter().find(|(name, _)| *name == "CLEANBILL_DB").map(|(_, path)| path.clone());
        Here::new(settings, db.as_deref())
    }

    /// The variables by which a program of ours finds these settings and this history.
    pub(super) fn environment(&self) -> &[(&'static str, PathBuf)] {
        &self.environment
    }

    /// This program, called for this machine.
    ///
    /// # Errors
    /// When it cannot be found.
    pub fn program(&self, command: &[&str]) -> Result<Command, ScheduleError> {
        let mut program = Command::new(program().map_err(ScheduleError::Program)?);
        program.args(command).envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(program)
    }

    /// Why settings hold that were kept, where those of the file are wrong.
    pub fn broken(&self) -> Option<String> {
        let file = self.settings.copied_from()?;
        let why = match Settings::load(&file) {
            Ok(settings) if settings.text.is_some() => return None,
            Ok(_) => format!("{} is gone", file.display()),
            Err(error) => error.to_string(),
        };
        Some(format!("The settings cannot be used, so the last ones that were right hold: {why}."))
    }

    /// The jobs that are done, in the order of their names.
    ///
    /// # Errors
    /// When the times of one cannot be read.
    pub fn jobs(&self) -> Result<Vec<Planned>, ScheduleError> {
        let enabled = self.config().schedule.iter().filter(|(_, job)| job.enabled);
        enabled.map(|(name, job)| Planned::new(name, job, &self.zone)).collect()
    }

    /// What the history knows of jobs, in their order; one that it does not know is known from now on.
    ///
    /// # Errors
    /// When the history cannot be used.
    pub fn pasts(&self, jobs: &[Planned], now: Timestamp) -> Result<Vec<JobPast>, ScheduleError> {
        let texts: Vec<String> = jobs.iter().map(Planned::times).collect();
        let asked: Vec<(&str, &str)> = jobs.iter().zip(&texts).map(|(j, t)| (j.name.as_str(), t.as_str())).collect();
        Ok(self.store.meet_jobs(&self.id, &asked, now)?)
    }

    /// A job by its name.
    ///
    /// # Errors
    /// When there is none, or its times cannot be read.
    pub fn job(&self, name: &str) -> Result<Planned, ScheduleError> {
        let job = self.config().schedule.get(name).ok_or_else(|| ScheduleError::NoJob {
            name: name.to_owned(),
            near: crate::words::nearest(name, self.config().schedule.keys().map(String::as_str)).map(str::to_owned),
        })?;
        Planned::new(name, job, &self.zone)
    }

    /// How much later than its time a job begins on this machine: always the same, and not that of other machines.
    pub fn delay(&self, job: &Planned) -> SignedDuration {
        let most = job.job.jitter.duration().as_secs();
        let hash = blake3::hash(format!("{}\n{}", self.id, job.name).as_bytes());
        let number = hash.as_bytes().iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let seconds = most.checked_add(1).map_or(0, |n| number % n);
        // Times are read by people: whole minutes, where there is room for them.
        let seconds = if most >= 600 { seconds / 60 * 60 } else { seconds };
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0))
    }
}

/// The file of this program; of one that was replaced while it ran, the new one. The part that waits is a program of its
/// own, and lies beside it.
pub(super) fn program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let text = path.to_string_lossy();
    let path = text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from);
    Ok(if path.ends_with("cleanbill-daemon") { path.with_file_name("cleanbill") } else { path })
}

/// A job with its times.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// What it does.
    pub job: Job,
    /// When.
    pub when: When,
}

impl Planned {
    /// Reads its times.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(name: &str, job: &Job, home: &TimeZone) -> Result<Self, ScheduleError> {
        let when = When::parse(&times(job), home).map_err(|e| ScheduleError::Times(name.to_owned(), e))?;
        Ok(Planned { name: name.to_owned(), job: job.clone(), when })
    }

    /// The text of its times: when it changes, what lies before is not made up for.
    pub fn times(&self) -> String {
        times(&self.job)
    }

    /// The first time after `now` at which it begins.
    pub fn next(&self, now: Timestamp, delay: SignedDuration) -> Option<Timestamp> {
        let next = self.when.next_after(now.checked_sub(delay).ok()?)?;
        next.checked_add(delay).ok()
    }
}

/// When a job is done, with its zone.
pub(crate) fn times(job: &Job) -> String {
    match &job.zone {
        Some(zone) => format!("TZ={} {}", zone.trim(), job.when.trim()),
        None => job.when.trim().to_owned(),
    }
}
