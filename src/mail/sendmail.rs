//! Mail by the mail program of this machine (`sendmail`, which Postfix, Exim, msmtp and others bring).

use std::{
    io::{self, Read, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fd::AsFd,
    fs::OFlags,
    process::{Pid, Signal},
};

use super::{Cause, Letter, Outcome, outcome::said};

/// Where it may be.
const PLACES: [&str; 2] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];
/// How much of its words is kept, in bytes.
const WORDS: usize = 16 << 10;
/// How often it is looked at when it says nothing.
const LOOK: Duration = Duration::from_millis(50);

/// The mail program of this machine, if it has one.
pub fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|p| p.is_file())
}

/// Sends one mail by a program that is called as sendmail is.
pub(super) fn send(
    program: &Path,
    letter: &Letter,
    limit: Duration,
    before_body: &mut dyn FnMut() -> Result<(), String>,
) -> Outcome {
    let name = said(&program.display().to_string());
    if !program.is_absolute() {
        return Outcome::never(
            Cause::Settings,
            format!("The mail program must be named by its whole path, not '{name}'"),
        );
    }
    if letter.to.needs_utf8() || letter.from.needs_utf8() || !letter.bytes.is_ascii() {
        let why = format!(
            "The mail program {name} is not asked to send to {}: only a mail server can tell whether it takes such letters before the @",
            letter.to
        );
        return Outcome::never(Cause::Recipient, why);
    }
    let start = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Outcome::never(
            Cause::Settings,
            format!(
                "The mail program {name} cannot be started ({}); install one, or name a mail server",
                said(&error.to_string())
            ),
        ),
        _ => Outcome::later(format!("The mail program {name} could not be started ({})", said(&error.to_string()))),
    };
    let child = Command::new(program)
        .args(["-i", "-f"])
        .arg(letter.from.to_string())
        .arg("--")
        .arg(letter.to.to_string())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    match child {
        Ok(child) => Running { child, name: name.clone(), words: Vec::new(), end: Instant::now() + limit }
            .feed(letter, before_body),
        Err(error) => start(error),
    }
}

struct Running {
    child: Child,
    name: String,
    /// What it wrote to its standard output and error.
    words: Vec<u8>,
    end: Instant,
}

/// How the feeding ended.
enum Fed {
    /// It has all of it and the end.
    Whole,
    /// It went away before.
    Part(ExitStatus),
    /// It took too long, or cannot be fed.
    Not(String),
}

impl Running {
    fn feed(mut self, letter: &Letter, before_body: &mut dyn FnMut() -> Result<(), String>) -> Outcome {
        if let Err(e) = before_body() {
            self.kill();
            return Outcome::later(format!(
                "It could not be written down that the mail goes out, so it was not sent ({})",
                said(&e)
            ));
        }
        let Some(stdin) = self.child.stdin.take() else {
            self.kill();
            return Outcome::later(self.line("could not be fed"));
        };
        // As sendmail reads it: lines end as they do on this machine.
        let bytes = String::from_utf8_lossy(&letter.bytes).replace("\r\n", "\n").into_bytes();
        match self.write(stdin, &bytes) {
            Fed::Not(why) => Outcome::later(self.line(&why)),
            Fed::Part(status) if status.success() => Outcome::unsure(self.line(
                "ended well before it had read the whole mail. It may have been sent, so it is not sent again",
            )),
            Fed::Part(status) => self.judge(status),
            Fed::Whole => match self.wait() {
                Some(status) => self.judge(status),
                None => Outcome::unsure(self.line(
                    "got the whole mail but did not end in time and was stopped. It may have been sent, so it is not sent again",
                )),
            },
        }
    }

    fn line(&self, what: &str) -> String {
        format!("The mail program {} {what}", self.name)
    }

    /// Writes without ever waiting for a program that itself waits for us to read.
    fn write(&mut self, mut stdin: ChildStdin, mut bytes: &[u8]) -> Fed {
        let (out, err) = (self.child.stdout.as_ref().map(AsFd::as_fd), self.child.stderr.as_ref().map(AsFd::as_fd));
        let ready = [Some(stdin.as_fd()), out, err].into_iter().flatten().try_for_each(never_wait);
        if let Err(e) = ready {
            self.kill();
            return Fed::Not(format!("could not be fed ({})", said(&e.to_string())));
        }
        while !bytes.is_empty() {
            if Instant::now() >= self.end {
                // Stopped first, then let go: it must not take the end of the pipe for the end of the mail.
                self.kill();
                drop(stdin);
                return Fed::Not("did not read the mail in time and was stopped".to_owned());
            }
            self.rest(Some(&stdin));
            self.listen();
            match stdin.write(bytes) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => {
                    // It reads no more: its end says why.
                    let status = self.wait();
                    drop(stdin);
                    return status
                        .map_or_else(|| Fed::Not("stopped reading the mail and was stopped".to_owned()), Fed::Part);
                }
            }
        }
        Fed::Whole
    }

    /// Waits for its end; kills it when the time is over.
    fn wait(&mut self) -> Option<ExitStatus> {
        loop {
            self.listen();
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.listen();
                    return Some(status);
                }
                Ok(None) if Instant::now() < self.end => self.rest(None),
                _ => {
                    self.kill();
                    return None;
                }
            }
        }
    }

    /// Sleeps until there is something to do, a moment at most.
    fn rest(&self, stdin: Option<&ChildStdin>) {
        let Some(stdin) = stdin else {
            return std::thread::sleep(LOOK.min(self.end.saturating_duration_since(Instant::now())));
        };
        let mut fds = [PollFd::new(stdin, PollFlags::OUT)];
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
        let _ = rustix::event::poll(&mut fds, Some(&wait));
    }

    /// Takes what it has said so far; keeps the start.
    fn listen(&mut self) {
        let mut buffer = [0_u8; 4096];
        let (out, err) = (&mut self.child.stdout, &mut self.child.stderr);
        let streams = [out.as_mut().map(|s| s as &mut dyn Read), err.as_mut().map(|s| s as &mut dyn Read)];
        for stream in streams.into_iter().flatten() {
            // Bounded: a program that never stops talking must not keep us here.
            for _ in 0..64 {
                match stream.read(&mut buffer) {
                    Ok(n) if n > 0 => {
                        let room = WORDS.saturating_sub(self.words.len()).min(n);
                        self.words.extend_from_slice(&buffer[..room]);
                    }
                    _ => break,
                }
            }
        }
    }

    fn kill(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }

    /// What its exit code means (`sysexits.h`).
    fn judge(&self, status: ExitStatus) -> Outcome {
        let words = String::from_utf8_lossy(&self.words);
        let words = if words.trim().is_empty() { String::new() } else { format!(" (it said: {})", said(&words)) };
        let no = |cause, what: &str| Outcome::never(cause, self.line(&format!("{what}{words}")));
        let Some(code) = status.code() else {
            let signal = status.signal().unwrap_or_default();
            return Outcome::unsure(self.line(&format!(
                "was stopped by signal {signal} before it said whether it took the mail{words}. It may have been sent, so it is not sent again"
            )));
        };
        match code {
            0 => Outcome::Sent { said: self.line(&format!("took the mail{words}")) },
            65 => no(Cause::Message, "did not take the mail"),
            67 | 68 => no(Cause::Recipient, "does not know the recipient"),
            64 | 69 | 70 | 72 | 77 | 78 | 126 | 127 => {
                no(Cause::Settings, &format!("does not work as it is set up (it ended with {code})"))
            }
            75 => Outcome::later(self.line(&format!("asks to try again later{words}"))),
            _ => Outcome::later(self.line(&format!("ended with {code}{words}"))),
        }
    }
}

fn never_wait(stream: rustix::fd::BorrowedFd<'_>) -> rustix::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(stream)?;
    rustix::fs::fcntl_setfl(stream, flags | OFlags::NONBLOCK)
}
