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
    fs::{Access, OFlags, access},
    process::{Pid, Signal},
};

use super::{Cause, Letter, Outcome, outcome::said};

/// Where it may be.
const PLACES: [&str; 2] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];
/// How much of its words is kept, in bytes.
const WORDS: usize = 16 << 10;
/// The longest time for it, whatever is asked.
const LONGEST: Duration = Duration::from_secs(86_400);
/// How long it may take to be gone once it is killed.
const DYING: Duration = Duration::from_secs(2);
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
    if !program.is_file() || access(program, Access::EXEC_OK).is_err() {
        let why = format!("The mail program {name} is not there or is no program; install one, or name a mail server");
        return Outcome::never(Cause::Settings, why);
    }
    // Before it runs: a program that is started and then gets nothing might send an empty mail.
    if let Err(e) = before_body() {
        return Outcome::later(format!(
            "It could not be written down that the mail goes out, so it was not sent ({})",
            said(&e)
        ));
    }
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
        Ok(child) => Running { child, name, words: Vec::new(), end: Instant::now() + limit.min(LONGEST), gone: false }
            .feed(letter),
        Err(e) => Outcome::later(format!("The mail program {name} could not be started ({})", said(&e.to_string()))),
    }
}

struct Running {
    child: Child,
    name: String,
    /// What it wrote to its standard output and error.
    words: Vec<u8>,
    end: Instant,
    /// Its end has been seen: its number may be another's by now.
    gone: bool,
}

/// How the feeding ended.
enum Fed {
    /// It has all of it and the end.
    Whole,
    /// It went away before.
    Part(ExitStatus),
    /// It took too long, or cannot be fed, and was stopped.
    Not(String),
    /// It took too long and could not be stopped: it may take the end of the pipe for the end of the mail.
    Loose,
}

impl Running {
    fn feed(mut self, letter: &Letter) -> Outcome {
        let Some(stdin) = self.child.stdin.take() else {
            let _ = self.kill();
            return Outcome::later(self.line("could not be fed"));
        };
        // As sendmail reads it: lines end as they do on this machine.
        let bytes = String::from_utf8_lossy(&letter.bytes).replace("\r\n", "\n").into_bytes();
        let again = "It may have been sent, so it is not sent again";
        match self.write(stdin, &bytes) {
            Fed::Not(why) => Outcome::later(self.line(&why)),
            Fed::Loose => {
                Outcome::unsure(self.line(&format!("did not read the mail in time and could not be stopped. {again}")))
            }
            Fed::Part(status) if status.success() => {
                Outcome::unsure(self.line(&format!("ended well before it had read the whole mail. {again}")))
            }
            Fed::Part(status) => self.judge(status),
            Fed::Whole => match self.wait() {
                Some(status) => self.judge(status),
                None => Outcome::unsure(self.line(&format!("got the whole mail but did not end in time. {again}"))),
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
            return self.stop(stdin, &format!("could not be fed ({})", said(&e.to_string())));
        }
        while !bytes.is_empty() {
            if Instant::now() >= self.end {
                return self.stop(stdin, "did not read the mail in time and was stopped");
            }
            self.rest(Some(&stdin));
            self.listen();
            match stdin.write(bytes) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => {
                    // It reads no more: its end says why.
                    return match self.wait() {
                        Some(status) => Fed::Part(status),
                        None => self.stop(stdin, "stopped reading the mail and was stopped"),
                    };
                }
            }
        }
        Fed::Whole
    }

    /// Stopped first, then let go: it must not take the end of the pipe for the end of the mail.
    fn stop(&mut self, stdin: ChildStdin, why: &str) -> Fed {
        let stopped = self.kill();
        drop(stdin);
        if stopped { Fed::Not(why.to_owned()) } else { Fed::Loose }
    }

    /// Waits for its end; kills it when the time is over.
    fn wait(&mut self) -> Option<ExitStatus> {
        loop {
            self.listen();
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.gone = true;
                    self.listen();
                    return Some(status);
                }
                Ok(None) if Instant::now() < self.end => self.rest(None),
                _ => {
                    let _ = self.kill();
                    return None;
                }
            }
        }
    }

    /// Sleeps until there is something to read or room to write, a moment at most.
    fn rest(&self, stdin: Option<&ChildStdin>) {
        let (out, err) = (self.child.stdout.as_ref(), self.child.stderr.as_ref());
        let mut fds: Vec<_> = stdin.into_iter().map(|s| PollFd::new(s, PollFlags::OUT)).collect();
        fds.extend(out.into_iter().map(|s| PollFd::new(s, PollFlags::IN)));
        fds.extend(err.into_iter().map(|s| PollFd::new(s, PollFlags::IN)));
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
        // With nothing left to look at it is a sleep.
        let _ = rustix::event::poll(&mut fds, Some(&wait));
    }

    /// Takes what it has said so far; keeps the start.
    fn listen(&mut self) {
        hear(&mut self.child.stdout, &mut self.words);
        hear(&mut self.child.stderr, &mut self.words);
    }

    /// Kills it and all that it started; whether it is gone. One that runs as somebody else may live on.
    fn kill(&mut self) -> bool {
        if self.gone {
            return true;
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let end = Instant::now() + DYING;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                self.gone = true;
                return true;
            }
            std::thread::sleep(LOOK / 10);
        }
        false
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

/// Reads what is there; lets go of a stream that has ended.
fn hear<S: Read>(stream: &mut Option<S>, words: &mut Vec<u8>) {
    let mut buffer = [0_u8; 4096];
    // Bounded: a program that never stops talking must not keep us here.
    for _ in 0..64 {
        let Some(open) = stream else { return };
        match open.read(&mut buffer) {
            Ok(0) => *stream = None,
            Ok(n) => words.extend_from_slice(&buffer[..WORDS.saturating_sub(words.len()).min(n)]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn never_wait(stream: rustix::fd::BorrowedFd<'_>) -> rustix::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(stream)?;
    rustix::fs::fcntl_setfl(stream, flags | OFlags::NONBLOCK)
}
