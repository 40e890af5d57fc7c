//! What the settings ask of whoever runs the schedule: which jobs there are, what they write to, what they must reach.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{ScheduleError, Site};
use crate::{
    config::Task,
    metrics::export::is_file,
    schedule::{Here, Planned, start},
};

/// The folder that systemd makes for us.
const STATE: &str = "/var/lib/cleanbill";

/// What the settings ask for.
#[derive(Debug)]
pub(super) struct Needs {
    /// The program that is started.
    pub(super) program: PathBuf,
    /// Variables it needs.
    pub(super) environment: Vec<(&'static str, PathBuf)>,
    /// The jobs that are done.
    pub(super) jobs: Vec<Planned>,
    /// Whether it belongs to one user, and not to the machine.
    pub(super) user: bool,
    /// Whether the history is where systemd makes a folder for it.
    pub(super) state: bool,
    /// Other folders that are written to.
    pub(super) writable: Vec<PathBuf>,
    /// What has to be reached in the homes of people.
    pub(super) in_homes: Vec<PathBuf>,
    /// What has to be reached in folders that everybody may write to.
    pub(super) in_tmp: Vec<PathBuf>,
    /// The mail program of this machine, where it takes the mail.
    pub(super) sendmail: Option<PathBuf>,
    /// The credential with the password of the mail server, and whether it is kept locked.
    pub(super) credential: Option<(String, bool)>,
    /// The variable that should hold the password of the mail server.
    pub(super) password_env: Option<String>,
}

impl Needs {
    /// What the settings ask for, with this program.
    ///
    /// # Errors
    /// When there are no settings, or the times of a job cannot be read.
    pub(super) fn new(here: &Here, site: &Site, program: &Path) -> Result<Self, ScheduleError> {
        let settings = here.settings.copied_from().unwrap_or_else(|| here.settings.file.clone());
        if here.settings.text.is_none() {
            return Err(ScheduleError::Install {
                what: format!("There are no settings in {} yet, so nothing could be run.", settings.display()),
                hint: "Make them with: cleanbill init".to_owned(),
            });
        }
        let config = here.config();
        let jobs = here.jobs()?;
        let user = site.is_of_user();
        let usual = |name: &str, path: &Path| {
            !user
                && match name {
                    "CLEANBILL_CONFIG" => path == Path::new("/etc/cleanbill/cleanbill.toml"),
                    _ => path == Path::new("/var/lib/cleanbill/cleanbill.duckdb"),
                }
        };
        let environment: Vec<_> =
            here.environment().iter().filter(|(name, path)| !usual(name, path)).cloned().collect();

        let folder = |file: &Path| file.parent().map(Path::to_owned);
        let mut writes: BTreeSet<PathBuf> =
            [folder(&absolute(here.store.path())), folder(here.place())].into_iter().flatten().collect();
        for job in &jobs {
            match job.job.task {
                Task::Report => writes.extend(job.job.folder.as_deref().map(absolute)),
                Task::Backup => writes.extend(config.backup.folder.as_deref().map(absolute)),
                _ => {}
            }
        }
        let measured = Some(&config.metrics).filter(|metrics| metrics.enabled);
        let shown = measured.and_then(|metrics| metrics.prometheus.as_deref()).filter(|place| is_file(place));
        writes.extend(shown.and_then(|file| folder(&absolute(Path::new(file)))));
        let mut reads: Vec<PathBuf> = vec![program.to_owned(), settings];
        reads.extend(writes.iter().cloned());
        // Logs are looked at as the first process sees them; these are read as they are.
        reads.extend(measured.iter().flat_map(|metrics| metrics.targets.values()).filter_map(|t| t.ca_file.clone()));
        reads.extend(
            [&config.mail.password_file, &config.mail.ca_file, &config.report.logo].into_iter().flatten().cloned(),
        );
        reads.extend(jobs.iter().filter_map(|job| job.job.histories.clone()));
        reads.extend(jobs.iter().filter_map(|job| job.job.root.clone()));
        let reads: Vec<PathBuf> = reads.iter().map(|path| absolute(path)).collect();
        let within = |folders: &[&str]| -> Vec<PathBuf> {
            let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let is = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
            reads.iter().filter(|path| is(path) || is(&real(path))).cloned().collect()
        };
        let state = writes.iter().any(|path| path.starts_with(STATE));
        let all: Vec<PathBuf> = writes.into_iter().filter(|path| !path.starts_with(STATE)).collect();
        let above = |path: &Path| all.iter().any(|other| other != path && path.starts_with(other));
        let kept = Path::new("/etc/credstore.encrypted");
        Ok(Needs {
            program: program.to_owned(),
            environment,
            user,
            state,
            writable: all.iter().filter(|path| !above(path)).cloned().collect(),
            in_homes: within(&["/home", "/root", "/run/user"]),
            in_tmp: within(&["/tmp", "/var/tmp"]),
            sendmail: config.mail.server.is_none().then(|| config.mail.sendmail.clone()),
            credential: config.mail.password_credential.as_ref().map(|name| (name.clone(), kept.join(name).exists())),
            password_env: config.mail.password_env.clone(),
            jobs,
        })
    }

    /// The jobs that change the machine.
    pub(super) fn changing(&self) -> impl Iterator<Item = &Planned> {
        self.jobs.iter().filter(|job| start::changes(job.job.task))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
