//! Runs a program that changes something: by absolute path, with a clean environment, a time limit, and its last words
//! kept for whoever must know why it failed.

use std::{
    io::Read,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How much of what a program says is kept, in bytes: its last words, as they say why it failed.
const KEPT: usize = 8 << 20;

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
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let second = writer.try_clone().map_err(failed)?;
    // What it makes has the usual rights, whoever calls.
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(second)
        .stderr(writer)
        .process_group(0)
        .spawn();
    rustix::process::umask(mask);
    let mut child = child.map_err(failed)?;
    // Read beside it, so that a program that says much is not stopped by a full pipe.
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = std::thread::spawn({
        let heard = Arc::clone(&heard);
        move || listen(reader, &heard)
    });
    let status = wait(&mut child, Duration::from_secs(seconds));
    let status = match status {
        Some(status) => status.map_err(failed)?,
        None => {
            stop(&mut child);
            return Err(RunError::Late(program.clone(), seconds));
        }
    };
    // A service that it started may hold the pipe open: what was said until now is enough.
    let deadline = Instant::now() + Duration::from_secs(2);
    while !listener.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = heard.lock().map(|heard| String::from_utf8_lossy(&heard).into_owned()).unwrap_or_default();
    if status.success() {
        return Ok(text);
    }
    let told = text.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let said: String = crate::words::harmless(told).chars().take(300).collect();
    Err(RunError::Failed { program: program.clone(), status: status.to_string(), said })
}

/// Keeps what is said, the newest where it is very much.
fn listen(mut reader: impl Read, heard: &Mutex<Vec<u8>>) {
    let mut piece = [0; 16 << 10];
    loop {
        let n = match reader.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        let Ok(mut heard) = heard.lock() else { return };
        heard.extend_from_slice(piece.get(..n).unwrap_or_default());
        if heard.len() > 2 * KEPT {
            let old = heard.len() - KEPT;
            heard.drain(..old);
        }
    }
}

fn wait(child: &mut Child, limit: Duration) -> Option<std::io::Result<std::process::ExitStatus>> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(Ok(status)),
            Ok(None) if Instant::now() >= end => return None,
            Ok(None) => std::thread::sleep(pause),
            Err(error) => return Some(Err(error)),
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Ends a program and all that it started.
fn stop(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        std::thread::sleep(Duration::from_millis(500));
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
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
