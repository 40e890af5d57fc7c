//! Trying a program before it takes the place of this one: it says its version, opens a copy of the history as it will
//! have to, reads the settings, and looks at this machine once.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use semver::Version;

use super::UpdateError;
use crate::{
    child::{Running, Waited},
    store::Store,
    words::said,
};

/// The command of every release by which it tries itself. It stays as it is: older releases call it.
const COMMAND: &str = "self-test";
/// How long saying its version may take, and trying itself.
const QUICK: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(600);

/// What a program is tried with.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    /// The history; a copy of it is used.
    pub(super) store: &'a Store,
    /// The file of the settings.
    pub(super) settings: &'a Path,
    /// Where the copy can be put.
    pub(super) folder: &'a Path,
}

impl Trial<'_> {
    /// Whether a program works here, and is the one that it should be.
    pub(super) fn run(&self, program: &Path, version: &Version) -> Result<(), UpdateError> {
        let failed = |why: String| UpdateError::Trial { version: version.clone(), why };
        let found = says_version(program).map_err(failed)?;
        if found != *version {
            return Err(failed(format!("it says that it is cleanbill {found}")));
        }
        let copy = self.copy()?;
        let mut command = Command::new(program);
        command.arg(COMMAND).arg("--db").arg(&copy).env_remove("CLEANBILL_DB").env_remove("CLEANBILL_CONFIG");
        if self.settings.exists() {
            command.env("CLEANBILL_CONFIG", self.settings);
        }
        ask(command, LONG).map_err(failed)?;
        Ok(())
    }

    fn copy(&self) -> Result<PathBuf, UpdateError> {
        let copy = self.folder.join("history.duckdb");
        let _ = std::fs::remove_file(&copy);
        if self.store.path().exists() {
            self.store.copy_to(&copy)?;
        }
        Ok(copy)
    }
}

/// The version of a program, by itself.
pub(super) fn says_version(program: &Path) -> Result<Version, String> {
    let mut command = Command::new(program);
    command.arg("--version");
    let text = ask(command, QUICK)?;
    let version = text.trim().strip_prefix("cleanbill ").and_then(|v| Version::parse(v.trim()).ok());
    version.ok_or_else(|| format!("it is no cleanbill: it says `{}`", said(&text)))
}

/// What a program says; the reason where it does not end well.
fn ask(mut command: Command, limit: Duration) -> Result<String, String> {
    command.stdin(Stdio::null());
    let mut running = Running::start(command, 64 << 10).map_err(|e| format!("it cannot be started ({e})"))?;
    match running.wait(limit, || false) {
        Ok(Waited::Ended(status)) if status.success() => Ok(running.said()),
        Ok(Waited::Ended(_)) => {
            let text = running.said();
            // The first line of what it says is the sentence; a loader or a crash says one too.
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it ended without a word");
            Err(said(first).trim_end_matches('.').to_owned())
        }
        _ => {
            running.end(Duration::from_secs(2));
            Err("it did not come to an end".to_owned())
        }
    }
}
