//! Running the programs that own a file (`sshd -T`, `nft -j`): by absolute path, with a clean environment, a time
//! limit and a limit on output.

use std::{
    io::Read,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    fs::OFlags,
    process::{Pid, Signal},
};

use super::Host;
use crate::facts::Reason;

/// A program to run, read-only by promise of the caller.
#[derive(Debug, Clone)]
pub struct Command {
    /// Where it may be, in order; the first that exists is run.
    programs: Vec<&'static str>,
    args: Vec<String>,
    limit: Duration,
    max_output: usize,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Exit code; 128 + signal when it was killed.
    pub code: i32,
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Output {
    /// A successful answer: for tests.
    pub fn ok(stdout: impl Into<String>) -> Self {
        Output { code: 0, stdout: stdout.into(), stderr: String::new() }
    }

    /// Standard output of a program that ended with 0.
    ///
    /// # Errors
    /// [`RunError::Failed`] with the first line of standard error.
    pub fn success(self, program: &str) -> Result<String, RunError> {
        if self.code == 0 {
            return Ok(self.stdout);
        }
        let said = self.stderr.lines().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
        Err(RunError::Failed { program: program.to_owned(), code: self.code, said })
    }
}

/// Why a program gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Not installed.
    #[error("{0} is not installed")]
    Missing(String),
    /// The host is an image: nothing is run.
    #[error("programs are not run on an image")]
    NotLive,
    /// It took too long.
    #[error("{0} took too long and was stopped")]
    TimedOut(String),
    /// It wrote too much.
    #[error("{0} wrote more than was expected and was stopped")]
    TooMuch(String),
    /// It ended with an error.
    #[error("{program} ended with {code}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit code.
        code: i32,
        /// The first line it said.
        said: String,
    },
    /// It could not be started.
    #[error("{program} could not be started: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        error: String,
    },
}

impl RunError {
    /// The reason to report in a [`Gap`](crate::facts::Gap).
    pub fn reason(&self) -> Reason {
        match self {
            RunError::TimedOut(_) => Reason::TimedOut,
            other => Reason::Tool(other.to_string()),
        }
    }
}

impl Command {
    /// A program by the absolute paths where it may be.
    pub fn new(programs: &[&'static str]) -> Self {
        Command { programs: programs.to_vec(), args: Vec::new(), limit: Duration::from_secs(5), max_output: 32 << 20 }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the time limit (5 seconds unless told).
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the limit on output in bytes (32 MiB unless told).
    #[must_use]
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    fn line(&self, program: &str) -> String {
        let mut line = program.to_owned();
        for arg in &self.args {
            line.push(' ');
            line.push_str(arg);
        }
        line
    }
}

impl Host {
    /// Whether one of a command's programs is there and may be run.
    pub fn has(&self, command: &Command) -> bool {
        match &self.inner.canned {
            Some(canned) => command.programs.iter().any(|p| canned.contains_key(&command.line(p))),
            None => self.is_live() && command.programs.iter().any(|p| self.exists(p)),
        }
    }

    /// Runs a program and waits for its end, within its limit and the host's.
    ///
    /// # Errors
    /// [`RunError`] when it gave no answer; an exit code other than 0 is an answer.
    pub fn run(&self, command: &Command) -> Result<Output, RunError> {
        let name = command.programs.first().copied().unwrap_or_default();
        let short = name.rsplit('/').next().unwrap_or(name).to_owned();
        if let Some(canned) = &self.inner.canned {
            let found = command.programs.iter().find_map(|p| canned.get(&command.line(p)));
            return found.cloned().ok_or(RunError::Missing(short));
        }
        if !self.is_live() {
            return Err(RunError::NotLive);
        }
        let program = command.programs.iter().find(|p| self.exists(p)).ok_or(RunError::Missing(short.clone()))?;
        let limit = command.limit.min(self.remaining());
        let start = |error: std::io::Error| RunError::Start { program: short.clone(), error: error.to_string() };
        let mut child = std::process::Command::new(program)
            .args(&command.args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", "/nonexistent")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let answer = collect(&mut child, &short, Instant::now() + limit, command.max_output);
        if answer.is_err() {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
            let _ = child.wait();
        }
        answer
    }
}

/// Reads both streams until they close, then waits for the program: one thread, one poll loop.
fn collect(child: &mut Child, name: &str, end: Instant, max: usize) -> Result<Output, RunError> {
    let failed = |error: &dyn std::fmt::Display| RunError::Start { program: name.to_owned(), error: error.to_string() };
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(&"no pipes"));
    };
    for fd in [rustix::fd::AsFd::as_fd(&out), rustix::fd::AsFd::as_fd(&err)] {
        let flags = rustix::fs::fcntl_getfl(fd).map_err(|e| failed(&e))?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK).map_err(|e| failed(&e))?;
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    let mut buffer = vec![0_u8; 64 << 10];
    while out_open || err_open {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RunError::TimedOut(name.to_owned()));
        }
        let mut fds = Vec::with_capacity(2);
        if out_open {
            fds.push(PollFd::new(&out, PollFlags::IN));
        }
        if err_open {
            fds.push(PollFd::new(&err, PollFlags::IN));
        }
        let wait = rustix::time::Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(3600),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match rustix::event::poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(&error)),
        }
        drop(fds);
        out_open = out_open && drain(&mut out, &mut stdout, &mut buffer);
        err_open = err_open && drain(&mut err, &mut stderr, &mut buffer);
        if stdout.len().saturating_add(stderr.len()) > max {
            return Err(RunError::TooMuch(name.to_owned()));
        }
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let code = status.code().unwrap_or_else(|| 128_i32.saturating_add(status.signal().unwrap_or(0)));
                return Ok(Output { code, stdout: text(stdout), stderr: text(stderr) });
            }
            Ok(None) if Instant::now() >= end => return Err(RunError::TimedOut(name.to_owned())),
            Ok(None) => std::thread::sleep(Duration::from_micros(200)),
            Err(error) => return Err(failed(&error)),
        }
    }
}

/// Takes what is there; false when the stream has ended.
fn drain(stream: &mut impl Read, into: &mut Vec<u8>, buffer: &mut [u8]) -> bool {
    loop {
        match stream.read(buffer) {
            Ok(0) => return false,
            Ok(n) => into.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
        if into.len() > 256 << 20 {
            return true;
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let host = Host::live().unwrap();
        let sleep = Command::new(&["/bin/sleep"]).args(["20"]).limit(Duration::from_millis(50));
        assert_eq!(host.run(&sleep), Err(RunError::TimedOut("sleep".to_owned())));
    }

    #[test]
    fn a_program_that_talks_without_end_is_stopped() {
        let host = Host::live().unwrap();
        let yes = Command::new(&["/usr/bin/yes"]).max_output(1 << 20);
        assert_eq!(host.run(&yes), Err(RunError::TooMuch("yes".to_owned())));
    }

    #[test]
    fn a_program_sees_a_clean_environment() {
        let host = Host::live().unwrap();
        let env = host.run(&Command::new(&["/usr/bin/env"])).unwrap().stdout;
        let mut names: Vec<_> = env.lines().filter_map(|l| l.split_once('=')).map(|(n, _)| n).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH", "TZ"]);
    }
}
