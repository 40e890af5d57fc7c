//! A program in a group of its own: what it says is kept, bounded, and it is ended together with all that it started.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// A program that was started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    heard: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

/// How waiting ended.
#[derive(Debug)]
pub(crate) enum Waited {
    /// The program ended.
    Ended(ExitStatus),
    /// It takes too long.
    Late,
    /// Whoever waits has better things to do.
    Stopped,
}

impl Running {
    /// Starts it; of what it says, on both its outputs, the last `kept` bytes at least are kept.
    pub(crate) fn start(mut command: Command, kept: usize) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let second = writer.try_clone()?;
        let child = command.stdout(second).stderr(writer).process_group(0).spawn()?;
        // The command holds the ends for writing; without it the pipe ends with the program.
        drop(command);
        // Read beside it, so that a program that says much is not stopped by a full pipe.
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = std::thread::spawn({
            let heard = Arc::clone(&heard);
            move || listen(reader, &heard, kept)
        });
        Ok(Running { child, heard, listener })
    }

    /// Waits until it ended, at most so long, and no longer than `stop` says no.
    pub(crate) fn wait(&mut self, limit: Duration, stop: impl Fn() -> bool) -> io::Result<Waited> {
        let end = Instant::now() + limit;
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Waited::Ended(status));
            }
            if Instant::now() >= end {
                return Ok(Waited::Late);
            }
            if stop() {
                return Ok(Waited::Stopped);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Ends it and all that it started: politely, and after `grace` for good.
    pub(crate) fn end(&mut self, grace: Duration) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM);
            let _ = self.wait(grace, || false);
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }

    /// What it said until now. A service that it started may hold the pipe open: then what was said is enough.
    pub(crate) fn said(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(2);
        while !self.listener.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.heard.lock().map(|heard| String::from_utf8_lossy(&heard).into_owned()).unwrap_or_default()
    }
}

/// Keeps what is said, the newest where it is very much.
fn listen(mut reader: impl Read, heard: &Mutex<Vec<u8>>, kept: usize) {
    let mut piece = [0; 16 << 10];
    loop {
        let n = match reader.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        let Ok(mut heard) = heard.lock() else { return };
        heard.extend_from_slice(piece.get(..n).unwrap_or_default());
        if heard.len() > 2 * kept {
            let old = heard.len() - kept;
            heard.drain(..old);
        }
    }
}
