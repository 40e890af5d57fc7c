//! Programs that run, from `/proc/PID/stat` (proc_pid_stat(5)): what each uses. Files stay open from one look to the next,
//! which costs a tenth of the system calls of a library that reads all. Names are made harmless here, once.

use std::{
    collections::HashMap,
    fs::{File, read_dir},
    io::Read as _,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    time::Duration,
};

use sysinfo::{Uid, Users};

use crate::words::harmless;

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Its command line; its name where it has none.
    pub command: String,
    /// Processors that it uses: 1 is one whole.
    pub cpu: f64,
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time since it began.
    pub time: f64,
    /// What it does, in a word.
    pub state: &'static str,
}

/// Reads them again and again.
pub(super) struct Processes {
    users: Option<Users>,
    known: HashMap<u32, Known>,
    page: u64,
    /// Which look it is, to tell who was not seen in it.
    look: u64,
    last: Option<Duration>,
}

/// What is known of a program from one look to the next.
struct Known {
    /// Open as long as there are not too many.
    stat: Option<File>,
    began: u64,
    /// The name as it was read: a program may change it.
    raw: Vec<u8>,
    ticks: u64,
    user: String,
    name: String,
    command: String,
    look: u64,
}

/// The most that are looked at.
const MOST: usize = 20_000;
/// The most that are told.
const TOLD: usize = 5000;
/// The most files that stay open: a process may have about 1000 by default.
const OPEN: usize = 600;
/// The longest command line, in bytes.
const LONGEST: u64 = 400;
/// What the kernel counts time in (`USER_HZ`).
const TICK: f64 = 0.01;

/// What is needed of the file.
struct Stat<'a> {
    name: &'a [u8],
    state: &'static str,
    ticks: u64,
    began: u64,
    pages: u64,
}

impl<'a> Stat<'a> {
    /// The name may hold anything, also parentheses: the last one ends it.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let open = memchr::memchr(b'(', text)?;
        let close = memchr::memrchr(b')', text).filter(|close| *close > open)?;
        let mut fields = std::str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace();
        let state = match fields.next()? {
            "R" => "runs",
            "D" => "disk",
            "T" | "t" => "stopped",
            "Z" | "X" | "x" => "zombie",
            _ => "sleeps",
        };
        let mut number = |skip| fields.nth(skip)?.parse::<u64>().ok();
        let ticks = number(10)?.saturating_add(number(0)?);
        let (began, pages) = (number(6)?, number(1)?);
        Some(Stat { name: text.get(open + 1..close)?, state, ticks, began, pages })
    }
}

impl Processes {
    pub(super) fn new() -> Self {
        Processes {
            users: Users::new_with_refreshed_list().ok(),
            known: HashMap::new(),
            page: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
            look: 0,
            last: None,
        }
    }

    /// How they are at that moment, which is told by a clock that never jumps.
    pub(super) fn read(&mut self, now: Duration) -> Vec<Process> {
        let Ok(entries) = read_dir("/proc") else { return Vec::new() };
        self.look += 1;
        let passed = self.last.replace(now).map(|last| now.saturating_sub(last).as_secs_f64());
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let mut all = Vec::with_capacity(self.known.len() + 16);
        for pid in pids.take(MOST) {
            all.extend(self.one(pid, passed.filter(|passed| *passed > 0.0)));
        }
        let look = self.look;
        self.known.retain(|_, known| known.look == look);
        if all.len() > TOLD {
            all.sort_by(|a: &Process, b| b.cpu.total_cmp(&a.cpu).then(b.memory.cmp(&a.memory)));
            all.truncate(TOLD);
        }
        all
    }

    #[allow(clippy::cast_precision_loss)]
    fn one(&mut self, pid: u32, passed: Option<f64>) -> Option<Process> {
        let mut buffer = [0; 1024];
        // Of a program that ended, an open file says nothing, also when another has its number by now.
        let held = self.known.get(&pid).and_then(|known| known.stat.as_ref()?.read_at(&mut buffer, 0).ok());
        let mut opened = None;
        let length = match held {
            Some(length) => length,
            None => {
                let file = File::open(format!("/proc/{pid}/stat")).ok()?;
                let length = file.read_at(&mut buffer, 0).ok()?;
                opened = Some(file);
                length
            }
        };
        let stat = Stat::parse(buffer.get(..length)?)?;
        let same = self.known.get(&pid).is_some_and(|known| known.began == stat.began && known.raw == stat.name);
        if !same {
            let ticks = self.known.get(&pid).filter(|known| known.began == stat.began).map(|known| known.ticks);
            let new = self.meet(pid, &stat, ticks);
            self.known.insert(pid, new);
        }
        let may_hold = self.known.len() <= OPEN;
        let known = self.known.get_mut(&pid)?;
        if let Some(file) = opened.filter(|_| may_hold) {
            known.stat = Some(file);
        }
        known.look = self.look;
        let ran = stat.ticks.saturating_sub(std::mem::replace(&mut known.ticks, stat.ticks));
        Some(Process {
            pid,
            user: known.user.clone(),
            name: known.name.clone(),
            command: known.command.clone(),
            cpu: passed.map_or(0.0, |passed| ran as f64 * TICK / passed),
            memory: stat.pages.saturating_mul(self.page),
            time: stat.ticks as f64 * TICK,
            state: stat.state,
        })
    }

    /// Reads what does not change while a program runs.
    fn meet(&self, pid: u32, stat: &Stat<'_>, ticks: Option<u64>) -> Known {
        let name = harmless(&String::from_utf8_lossy(stat.name));
        let mut line = Vec::new();
        if let Ok(file) = File::open(format!("/proc/{pid}/cmdline")) {
            // What cannot be read is not shown.
            let _ = file.take(LONGEST).read_to_end(&mut line);
        }
        line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        let command = harmless(String::from_utf8_lossy(&line).trim_end());
        // Threads of the kernel have no command line.
        let command = if command.is_empty() { format!("[{name}]") } else { command };
        let owner = std::fs::metadata(format!("/proc/{pid}")).ok().map(|meta| meta.uid());
        let user = owner.map_or_else(String::new, |id| {
            let found = Uid::try_from(usize::try_from(id).unwrap_or(usize::MAX)).ok();
            let user = found.and_then(|id| self.users.as_ref()?.get_user_by_id(&id).map(|user| harmless(user.name())));
            user.unwrap_or_else(|| id.to_string())
        });
        // Of one that began before the first look it is not known how fast it ran.
        let ticks = ticks.unwrap_or(stat.ticks);
        Known { stat: None, began: stat.began, raw: stat.name.to_vec(), ticks, user, name, command, look: self.look }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_among_those_that_run() {
        let mut processes = Processes::new();
        processes.read(Duration::from_secs(1));
        let spin = (0..60_000_000_u64).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
        let all = processes.read(Duration::from_secs(2));
        let own = all.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert!(own.memory > 1 << 20 && own.cpu > 0.0 && own.time > 0.0, "{own:?} {spin}");
        assert!(!own.name.is_empty() && own.command.contains(&own.name[..own.name.len().min(8)]), "{own:?}");
        assert!(all.iter().all(|process| !process.command.contains(char::is_control)));
        assert!(processes.known.len() <= all.len());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"12 (a) R (b \xff) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 0 1900 100 25 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.name, stat.state, stat.ticks), (&b"a) R (b \xff"[..], "sleeps", 11 + 12));
        assert_eq!((stat.began, stat.pages), (1900, 25));
        for bad in [&b""[..], b"12 (a", b"12 (a)", b") (", b"1 (a) S 1 2", b"1 (a) S \xff"] {
            assert!(Stat::parse(bad).is_none());
        }
    }
}
