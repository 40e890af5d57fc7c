//! Work on files that may be damaged, in a process of its own: one that breaks off takes nobody with it.
//!
//! The process is this program again, with a hidden command; it writes one line of JSON for each table that it begins
//! with, and one at the end. Where it breaks off, it is started again without the table that broke it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{super::StoreError, copy, reading, remove, salvage};

/// As long nothing may be heard of it: one table takes seconds.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// The program that is started, and the arguments before those of a task; none where a task is done on the spot.
static PROGRAM: OnceLock<(PathBuf, &'static [&'static str])> = OnceLock::new();

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Task {
    /// Read all of it.
    Read,
    /// Read which audits it holds.
    Outline,
    /// Copy it as it is between two transactions.
    Copy,
    /// Write what can be read of it into a new file.
    Salvage,
}

/// What the process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Begins(String),
    Done(serde_json::Value),
    Failed(Failure),
}

/// A [`StoreError`] on its way between two processes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    Missing(PathBuf),
    Damaged(PathBuf, String),
    Newer(PathBuf, i64, i64),
    Busy(PathBuf),
    Denied(PathBuf, String),
    Full(PathBuf),
    Other(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(path) | StoreError::Lost(path) => Failure::Missing(path),
            StoreError::Damaged { path, said } => Failure::Damaged(path, said),
            StoreError::Newer { path, found, known } => Failure::Newer(path, found, known),
            StoreError::Busy(path) => Failure::Busy(path),
            StoreError::Denied { path, said } => Failure::Denied(path, said),
            StoreError::Full(path) => Failure::Full(path),
            StoreError::Sql(said) => Failure::Other(said),
            other => Failure::Other(other.to_string()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing(path) => StoreError::Missing(path),
            Failure::Damaged(path, said) => StoreError::Damaged { path, said },
            Failure::Newer(path, found, known) => StoreError::Newer { path, found, known },
            Failure::Busy(path) => StoreError::Busy(path),
            Failure::Denied(path, said) => StoreError::Denied { path, said },
            Failure::Full(path) => StoreError::Full(path),
            Failure::Other(said) => StoreError::Sql(said),
        }
    }
}

/// Where work on files is done.
#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// From now on tasks are done by this program with these arguments before those of a task, which must lead to
    /// [`Worker::serve`]. Without this they are done on the spot, and a process that has the store open in another
    /// thread must not ask for a copy.
    pub fn is(program: PathBuf, arguments: &'static [&'static str]) {
        let _ = PROGRAM.set((program, arguments));
    }

    /// Does a task and writes about it: what the started process does.
    pub fn serve(task: Task, source: &Path, target: Option<&Path>, skip: &[String], out: &mut impl std::io::Write) {
        // Nobody waits for it when the one who asked is gone.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        let mut say = |line: &Line| {
            let text = serde_json::to_string(line).unwrap_or_default();
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        };
        let done = perform(task, source, target, skip, &mut |table| say(&Line::Begins(table.to_owned())));
        say(&done.map_or_else(|e| Line::Failed(e.into()), Line::Done));
    }

    /// Reads a whole file, or only its outline.
    pub(super) fn read(path: &Path, deep: bool) -> Result<reading::Reading, StoreError> {
        ask(if deep { Task::Read } else { Task::Outline }, path, None)
    }

    pub(super) fn copy(source: &Path, target: &Path) -> Result<copy::Copied, StoreError> {
        ask(Task::Copy, source, Some(target))
    }

    pub(super) fn salvage(source: &Path, target: &Path) -> Result<salvage::Salvaged, StoreError> {
        ask(Task::Salvage, source, Some(target))
    }
}

fn perform(
    task: Task,
    source: &Path,
    target: Option<&Path>,
    skip: &[String],
    tell: &mut dyn FnMut(&str),
) -> Result<serde_json::Value, StoreError> {
    let json = |value: Result<serde_json::Value, serde_json::Error>| value.map_err(|e| StoreError::Sql(e.to_string()));
    let target = || target.ok_or_else(|| StoreError::Sql("no target was named".to_owned()));
    match task {
        Task::Read => json(serde_json::to_value(reading::read(source, true, skip, tell)?)),
        Task::Outline => json(serde_json::to_value(reading::read(source, false, skip, tell)?)),
        Task::Copy => json(serde_json::to_value(copy::copy(source, target()?)?)),
        Task::Salvage => json(serde_json::to_value(salvage::salvage(source, target()?, skip, tell)?)),
    }
}

fn ask<T: DeserializeOwned>(task: Task, source: &Path, target: Option<&Path>) -> Result<T, StoreError> {
    asked_of(PROGRAM.get(), task, source, target)
}

fn asked_of<T: DeserializeOwned>(
    program: Option<&(PathBuf, &'static [&'static str])>,
    task: Task,
    source: &Path,
    target: Option<&Path>,
) -> Result<T, StoreError> {
    let broken = |said: &str| StoreError::Damaged { path: source.to_owned(), said: said.to_owned() };
    let mut skip: Vec<String> = Vec::new();
    let value = loop {
        let Some((program, arguments)) = program else {
            break perform(task, source, target, &skip, &mut |_| {})?;
        };
        let mut command = Command::new(program);
        command
            .args(*arguments)
            .arg(clap::ValueEnum::to_possible_value(&task).map_or_else(String::new, |v| v.get_name().to_owned()));
        command.arg(source).args(target).args(skip.iter().map(|table| format!("--skip={table}")));
        match listen(command)? {
            (_, Some(Line::Done(value))) => break value,
            (_, Some(Line::Failed(failure))) => return Err(failure.into()),
            (Some(table), _) if !skip.contains(&table) => skip.push(table),
            _ => return Err(broken("reading it broke the reader off")),
        }
        if let Some(target) = target {
            let _ = remove(target);
        }
    };
    serde_json::from_value(value).map_err(|e| broken(&e.to_string()))
}

/// The last table that the process began with, and its last word, if it said one.
fn listen(mut command: Command) -> Result<(Option<String>, Option<Line>), StoreError> {
    let failed = |e: std::io::Error| StoreError::Sql(format!("the reader cannot be started: {e}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Ended(command.spawn().map_err(failed)?);
    let Some(out) = child.0.stdout.take() else { return Ok((None, None)) };
    let (send, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut begun = None;
    while let Ok(line) = hear.recv_timeout(SILENCE) {
        match serde_json::from_str(&line) {
            Ok(Line::Begins(table)) => begun = Some(table),
            Ok(last) => return Ok((begun, Some(last))),
            Err(_) => break,
        }
    }
    Ok((begun, None))
}

/// A process that does not outlive the wait for it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod unit {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program in whose place DuckDB breaks off.
    fn program(folder: &Path, script: &str) -> (PathBuf, &'static [&'static str]) {
        let path = folder.join("reader");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (path, &["store", "reader"])
    }

    #[test]
    fn one_that_breaks_off_is_started_again_without_the_table_that_broke_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"
            case "$*" in
                "store reader salvage source target") echo '{"begins":"main.audits"}'; : > target ;;
                "store reader salvage source target --skip=main.audits") echo '{"begins":"facts.users"}' ;;
                *) echo "{\"done\":\"$*\"}"; exit ;;
            esac
            kill -SEGV $$"#;
        let program = program(folder.path(), script);
        let (source, target) = (Path::new("source"), Path::new("target"));
        let said: String = asked_of(Some(&program), Task::Salvage, source, Some(target)).unwrap();
        assert_eq!(said, "store reader salvage source target --skip=main.audits --skip=facts.users");
        assert!(!target.exists(), "what was begun is removed");
    }

    #[test]
    fn one_that_breaks_off_before_any_table_is_told_as_damage() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "kill -ABRT $$");
        let said = asked_of::<String>(Some(&program), Task::Read, Path::new("source"), None).unwrap_err();
        assert!(
            matches!(&said, StoreError::Damaged { said, .. } if said == "reading it broke the reader off"),
            "{said}"
        );
    }

    #[test]
    fn an_error_is_the_same_on_the_other_side() {
        let path = || PathBuf::from("/a");
        for error in [
            StoreError::Missing(path()),
            StoreError::Damaged { path: path(), said: "no".to_owned() },
            StoreError::Newer { path: path(), found: 9, known: 3 },
            StoreError::Busy(path()),
            StoreError::Denied { path: path(), said: "no".to_owned() },
            StoreError::Full(path()),
            StoreError::Sql("no".to_owned()),
        ] {
            let told = error.to_string();
            let line = serde_json::to_string(&Line::Failed(error.into())).unwrap();
            let Ok(Line::Failed(failure)) = serde_json::from_str(&line) else { panic!("{line}") };
            assert_eq!(StoreError::from(failure).to_string(), told);
        }
    }
}
