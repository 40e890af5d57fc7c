//! Runs a program that changes something: by absolute path, with a clean environment, a time limit, and its last words
//! kept for whoever must know why it failed.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::child::{Running, Waited};

/// How much of what a program says is kept, in bytes: its last words, as they say why it failed.
const KEPT: usize = 8 << 20;

/// How long a program that is stopped may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// What programs find in their environment: settings of whoever calls must not change what they do.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LC_ALL", "C.UTF-8"),
    ("HOME", "/root"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("NEEDRESTART_MODE", "l"),
    ("SYSTEMD_PAGER", ""),
];

/// Why a program did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It is not there, or cannot be started.
    #[error("{0} cannot be started: {1}")]
    Start(String, String),
    /// It ended with an error.
    #[error("{program} failed ({status}){}", after_colon(said))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// Its last line that says something.
        said: String,
    },
    /// It took too long.
    #[error("{0} did not end within {1} seconds and was stopped")]
    Late(String, u64),
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Runs a program to its end; returns what it printed.
///
/// # Errors
/// When it cannot be started, fails or takes too long.
pub fn run(command: &[String], seconds: u64) -> Result<String, RunError> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| RunError::Start(String::new(), "no name".to_owned()))?;
    if !program.starts_with('/') {
        return Err(RunError::Start(program.clone(), "its path is not whole".to_owned()));
    }
    let failed = |e: std::io::Error| RunError::Start(program.clone(), e.to_string());
    let mut started = Command::new(program);
    started.args(arguments).env_clear().envs(ENVIRONMENT).current_dir("/").stdin(Stdio::null());
    // What it makes has the usual rights, whoever calls.
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let running = Running::start(started, KEPT);
    rustix::process::umask(mask);
    let mut running = running.map_err(failed)?;
    let status = match running.wait(Duration::from_secs(seconds), || false).map_err(failed)? {
        Waited::Ended(status) => status,
        Waited::Late | Waited::Stopped => {
            running.end(GRACE);
            return Err(RunError::Late(program.clone(), seconds));
        }
    };
    let text = running.said();
    if status.success() {
        return Ok(text);
    }
    let told = text.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let said: String = crate::words::harmless(told).chars().take(300).collect();
    Err(RunError::Failed { program: program.clone(), status: status.to_string(), said })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, seconds: u64) -> Result<String, RunError> {
        run(&["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()], seconds)
    }

    #[test]
    fn what_a_program_says_is_kept_and_its_failure_told() {
        assert_eq!(sh("echo yes", 5).unwrap(), "yes\n");
        let error = sh("echo begun; echo 'no such thing' >&2; exit 3", 5).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): no such thing");
        assert!(matches!(run(&["sh".to_owned()], 1), Err(RunError::Start(..))));
    }

    #[test]
    fn the_last_words_are_kept_also_of_one_that_says_very_much_or_leaves_a_child_behind() {
        let said = sh("yes | head -c 40000000; echo last", 60).unwrap();
        assert!(said.len() <= 2 * KEPT && said.ends_with("y\nlast\n"), "{}", said.len());
        let error = sh("sleep 30 & echo why >&2; exit 1", 5).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 1): why");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        assert_eq!(sh("sleep 30 & sleep 30", 1), Err(RunError::Late("/bin/sh".to_owned(), 1)));
    }

    #[test]
    fn nothing_of_the_callers_environment_reaches_it() {
        assert_eq!(sh("echo ${CARGO_MANIFEST_DIR-none}", 5).unwrap(), "none\n");
    }
}
