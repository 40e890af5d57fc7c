//! The way back for changes that could lock someone out: a timer of its own, set before anything is changed, that takes
//! the run back unless someone who still gets in confirms it.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::run::run;

/// How long someone has to confirm.
pub const WINDOW: Duration = Duration::from_secs(300);

/// How the timer is called.
const UNIT: &str = "cleanbill-undo";

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
        if Path::new("/run/systemd/system").is_dir() && self.by_systemd(id).is_ok() {
            return Ok(());
        }
        self.by_helper(id)
    }

    fn command(&self, id: i64) -> Vec<String> {
        let text = |p: &Path| p.to_string_lossy().into_owned();
        vec![
            text(&self.program),
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
        command.extend(self.command(id));
        run(&command, 20).map(|_| ()).map_err(|e| e.to_string())
    }

    /// A process of its own session, which outlives the terminal it was started from.
    fn by_helper(&self, id: i64) -> Result<(), String> {
        // What is run later must be there then, also when the program is replaced in between.
        let [program, arguments @ ..] = &self.command(id)[..] else { return Err("no program".to_owned()) };
        Command::new("/usr/bin/setsid")
            .args(["/bin/sh", "-c", r#"sleep "$1"; shift; exec "$@""#, "sh"])
            .arg(self.window.as_secs().to_string())
            .arg(program)
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    /// Takes the timer of a run away; that it is confirmed stands in the journal, so a helper that still wakes does
    /// nothing.
    pub fn disarm(id: i64) {
        if Path::new("/run/systemd/system").is_dir() {
            let unit = format!("{UNIT}-{id}.timer");
            let _ = run(&["/usr/bin/systemctl".to_owned(), "stop".to_owned(), unit], 20);
        }
    }
}
