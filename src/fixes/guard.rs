//! The way back for changes that could lock someone out: a timer of its own, set before anything is changed, that takes
//! the run back unless someone who still gets in confirms it.

use std::{
    fs::File,
    io::Write as _,
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::run::run;

/// How long someone has to confirm.
pub const WINDOW: Duration = Duration::from_secs(300);

/// How the timer is called.
const UNIT: &str = "cleanbill-undo";
/// Where units of this machine stand; those that start with it have a link in the second.
const UNITS: &str = "/etc/systemd/system";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants";
const SYSTEMD: &str = "/run/systemd/system";

/// Sets and takes away the timer of a run.
#[derive(Debug, Clone)]
pub struct Guard {
    program: PathBuf,
    store: PathBuf,
    window: Duration,
}

impl Guard {
    /// A guard that calls this program with this store.
    pub fn new(program: PathBuf, store: &Path, window: Duration) -> Self {
        let store = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
        Guard { program, store, window }
    }

    /// Sets the timer of a run.
    ///
    /// # Errors
    /// When neither systemd nor a helper of our own can be started: then nothing must be changed.
    pub fn arm(&self, id: i64) -> Result<(), String> {
        if Path::new(SYSTEMD).is_dir() && self.by_systemd(id).is_ok() {
            // A timer does not outlive a restart of the machine, which is what many do who are locked out. It has its
            // effect without this too, so that a folder which cannot be written to does not hinder the fix.
            let _ = self.over_restart(id);
            return Ok(());
        }
        self.by_helper(id)
    }

    fn command(&self, program: &Path, id: i64) -> Vec<String> {
        let text = |p: &Path| p.to_string_lossy().into_owned();
        vec![
            text(program),
            "undo".to_owned(),
            id.to_string(),
            "--unless-confirmed".to_owned(),
            "--yes".to_owned(),
            "--db".to_owned(),
            text(&self.store),
        ]
    }

    fn by_systemd(&self, id: i64) -> Result<(), String> {
        let mut command = vec![
            "/usr/bin/systemd-run".to_owned(),
            format!("--unit={UNIT}-{id}"),
            format!("--on-active={}", self.window.as_secs()),
            "--timer-property=AccuracySec=1s".to_owned(),
            "--collect".to_owned(),
            "--quiet".to_owned(),
        ];
        command.extend(self.command(&self.program, id));
        run(&command, 20).map(|_| ()).map_err(|e| e.to_string())
    }

    /// A service that does the same when the machine was started again meanwhile.
    fn over_restart(&self, id: i64) -> std::io::Result<()> {
        let command = self.command(&self.program, id);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.+".contains(c);
        if !command.iter().all(|part| part.chars().all(plain)) {
            return Ok(());
        }
        let text = format!(
            "[Unit]\nDescription=Takes the unconfirmed run {id} of cleanbill back\nAfter=local-fs.target\n\
             ConditionPathExists={}\n\n[Service]\nExecStart={}\n",
            self.program.display(),
            command.join(" ")
        );
        let unit = unit(id);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&unit)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let linked = written
            .and_then(|()| std::fs::DirBuilder::new().recursive(true).mode(0o755).create(WANTED))
            .and_then(|()| symlink(&unit, wanted(id)))
            .and_then(|()| File::open(WANTED)?.sync_all())
            .and_then(|()| File::open(UNITS)?.sync_all());
        if linked.is_err() {
            let _ = std::fs::remove_file(&unit);
        }
        linked
    }

    /// A process of its own session, which outlives the terminal it was started from. It is this very program, which is
    /// there then also when its file is replaced in between.
    fn by_helper(&self, id: i64) -> Result<(), String> {
        let command = self.command(&self.program, id);
        let [_, arguments @ ..] = command.as_slice() else { return Err("no program".to_owned()) };
        let mut helper = Command::new("/usr/bin/setsid")
            .arg(&self.program)
            .args(arguments)
            .args(["--after", &self.window.as_secs().to_string()])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("/usr/bin/setsid cannot be started: {e}"))?;
        // It waits in a process of its own; what ends at once with an error does not.
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            match helper.try_wait() {
                Ok(Some(status)) if !status.success() => return Err("the helper that waits ended at once".to_owned()),
                Ok(Some(_)) => break,
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(())
    }

    /// Takes all away that would take a run back, as someone confirmed it: also a service that waits since a restart.
    pub fn confirmed(id: i64) {
        Guard::disarm(id);
        if Path::new(SYSTEMD).is_dir() {
            let service = format!("{UNIT}-{id}-after-restart.service");
            let _ = run(&["/usr/bin/systemctl".to_owned(), "stop".to_owned(), service], 20);
        }
    }

    /// Takes the timer of a run away; that it is confirmed stands in the journal, so a helper that still wakes does
    /// nothing.
    pub fn disarm(id: i64) {
        let _ = std::fs::remove_file(wanted(id));
        let _ = std::fs::remove_file(unit(id));
        if Path::new(SYSTEMD).is_dir() {
            let timer = format!("{UNIT}-{id}.timer");
            let _ = run(&["/usr/bin/systemctl".to_owned(), "stop".to_owned(), timer], 20);
        }
    }
}

fn unit(id: i64) -> PathBuf {
    Path::new(UNITS).join(format!("{UNIT}-{id}-after-restart.service"))
}

fn wanted(id: i64) -> PathBuf {
    Path::new(WANTED).join(format!("{UNIT}-{id}-after-restart.service"))
}
