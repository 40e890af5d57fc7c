//! Where it is installed: on this machine for all, for one user, or in a folder that stands for a machine.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::ScheduleError;
use crate::{
    child::{Running, Waited},
    schedule::start,
};

/// How long systemd may take: a stop waits for jobs that come to an end.
const PATIENCE: Duration = Duration::from_secs(240);
/// How much of what a program says is kept.
const KEPT: usize = 64 << 10;
/// Where cron may be, by what kinds of it are called.
const CRONS: [&str; 4] = ["/usr/sbin/cron", "/usr/sbin/crond", "/usr/bin/crond", "/usr/sbin/busybox-crond"];
const CRONTAB: &str = "/usr/bin/crontab";

/// A place to install to.
#[derive(Debug, Clone)]
pub struct Site {
    root: PathBuf,
    /// The folder of settings of a user, who is not root.
    user: Option<PathBuf>,
    /// Whether it is this machine.
    real: bool,
}

impl Site {
    /// This machine: for root, all of it; else what belongs to the user.
    pub fn here() -> Self {
        let user = (!rustix::process::geteuid().is_root()).then(|| {
            let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
            let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".config");
            config.unwrap_or_else(home)
        });
        Site { root: PathBuf::from("/"), user, real: true }
    }

    /// A folder that stands for a machine with systemd and cron: files are written there, and nothing is started.
    pub fn folder(folder: &Path) -> Self {
        let root = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Site { root, user: None, real: false }
    }

    /// Whether it is installed for one user.
    pub fn is_of_user(&self) -> bool {
        self.user.is_some()
    }

    /// Whether programs of this machine are to be started.
    pub(super) fn is_real(&self) -> bool {
        self.real
    }

    /// The folder of units.
    pub(super) fn units(&self) -> PathBuf {
        match &self.user {
            Some(config) => config.join("systemd/user"),
            None => self.root.join("etc/systemd/system"),
        }
    }

    /// Where systemd notes when a timer last went off.
    pub(super) fn stamp(&self, timer: &str) -> PathBuf {
        match &self.user {
            Some(_) => {
                let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
                let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".local/share");
                data.unwrap_or_else(home).join(format!("systemd/timers/stamp-{timer}"))
            }
            None => self.root.join(format!("var/lib/systemd/timers/stamp-{timer}")),
        }
    }

    /// The file of cron, which only root has.
    pub(super) fn cron_file(&self) -> Option<PathBuf> {
        self.user.is_none().then(|| self.root.join("etc/cron.d/cleanbill"))
    }

    /// Whether systemd runs there.
    pub fn has_systemd(&self) -> bool {
        match (&self.user, self.real) {
            (_, false) => true,
            (None, true) => Path::new("/run/systemd/system").is_dir(),
            (Some(_), true) => {
                let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
                runtime.is_some_and(|folder| folder.join("systemd/private").exists())
            }
        }
    }

    /// Whether cron is installed there.
    pub fn has_cron(&self) -> bool {
        let there = CRONS.iter().any(|path| Path::new(path).exists());
        match (&self.user, self.real) {
            (_, false) => true,
            (None, true) => there && Path::new("/etc/cron.d").is_dir(),
            (Some(_), true) => there && Path::new(CRONTAB).exists(),
        }
    }

    /// Whether cron runs.
    pub(super) fn cron_runs(&self) -> bool {
        let is = |process: &fs::DirEntry| {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            matches!(name.trim(), "cron" | "crond" | "busybox-crond")
        };
        !self.real || fs::read_dir("/proc").is_ok_and(|list| list.flatten().any(|process| is(&process)))
    }

    /// Whether its files may be written by whoever runs this program.
    pub(super) fn may_write(&self) -> bool {
        self.user.is_some() || !self.real || rustix::process::geteuid().is_root()
    }

    /// How systemctl is called by a person.
    pub(super) fn systemctl_line(&self) -> &'static str {
        match (&self.user, rustix::process::geteuid().is_root()) {
            (Some(_), _) => "systemctl --user",
            (None, true) => "systemctl",
            (None, false) => "sudo systemctl",
        }
    }

    /// Asks systemd for something; what it said, and whether it was done.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn systemctl(&self, args: &[&str]) -> Result<(bool, String), ScheduleError> {
        if !self.real {
            return Ok((true, String::new()));
        }
        let user: &[&str] = if self.user.is_some() { &["--user"] } else { &[] };
        ask(start::systemctl(&[user, args].concat()), "systemctl")
    }

    /// The crontab of the user.
    ///
    /// # Errors
    /// When it cannot be read; that there is none is none.
    pub(super) fn crontab(&self) -> Result<String, ScheduleError> {
        if self.user.is_none() || !self.real || !Path::new(CRONTAB).exists() {
            return Ok(String::new());
        }
        let mut command = Command::new(CRONTAB);
        command.arg("-l").stdin(Stdio::null()).env("LC_ALL", "C").stderr(Stdio::null());
        let output = command.output().map_err(|e| failed("crontab", &e.to_string()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Takes a crontab for the user's; an empty one takes it away.
    ///
    /// # Errors
    /// When cron does not take it.
    pub(super) fn set_crontab(&self, text: &str) -> Result<(), ScheduleError> {
        if !self.real {
            return Ok(());
        }
        let mut command = Command::new(CRONTAB);
        command.arg(if text.trim().is_empty() { "-r" } else { "-" });
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed("crontab", &e.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read it says why at its end.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().map_err(|e| failed("crontab", &e.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed("crontab", &String::from_utf8_lossy(&output.stderr)))
    }
}

fn ask(command: Command, name: &str) -> Result<(bool, String), ScheduleError> {
    let mut running = Running::start(command, KEPT).map_err(|e| failed(name, &e.to_string()))?;
    match running.wait(PATIENCE, || false) {
        Ok(Waited::Ended(status)) => Ok((status.success(), running.said())),
        Ok(_) => {
            running.end(Duration::from_secs(1));
            Err(failed(name, "it did not answer in time"))
        }
        Err(error) => Err(failed(name, &error.to_string())),
    }
}

fn failed(program: &str, said: &str) -> ScheduleError {
    ScheduleError::Install {
        what: format!("{program} did not do what it was asked for: {}", said.trim()),
        hint: "Mend that and install again; what is there: cleanbill status".to_owned(),
    }
}
