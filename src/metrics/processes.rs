//! Programs: how many there are and what they do, and the few that use most of the processors and of the memory, by name.
//! From `/proc/PID/stat` (proc_pid_stat(5)), read by ourselves: that takes a third of the time that libraries need, which
//! open more files. Command lines are never read.

use std::{collections::HashMap, time::Duration};

use rustix::{
    fd::OwnedFd,
    fs::{Dir, Mode, OFlags, openat},
};

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
    probes::{machine, services::jobs},
};

metrics! {
    /// Programs by what they do: `running`, `sleeping`, `blocked` ones that wait for a disk, `stopped` ones, and `zombie`
    /// ones that ended and were not cleared away. Those of the kernel count too.
    COUNT = "system.process.count", "Programs", "{process}", Kind::Gauge, Neither, 0, by ["process.state"];
    /// Share of all processors that programs of one name used, of the five names that used most.
    CPU = "process.cpu.utilization", "Processor of a program", "1", Kind::Gauge, Neither, 4,
        by ["process.executable.name"];
    /// Memory that programs of one name hold, of the five names that hold most. What they share counts once.
    MEMORY = "process.memory.usage", "Memory of a program", "By", Kind::Gauge, Neither, 0,
        by ["process.executable.name"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "processes",
    about: "how many programs there are, and which use most",
    metrics: METRICS,
    every: Duration::from_secs(30),
    waits: false,
    start: |with| Ok(Box::new(Processes::new(&with.host)?)),
};

/// How many names are told: they come and go, and each is a series.
const TOP: usize = 5;
/// What uses less of the processors than this is not among the top, however little the others use.
const LEAST: f64 = 0.001;
/// Names whose memory is looked at closer.
const CLOSER: usize = 2 * TOP;
/// The most programs of one name that are looked at closer.
const CLOSER_PROGRAMS: usize = 300;
/// The most programs that are looked at.
const MOST: usize = 100_000;
/// What the kernel counts the time of programs in (`USER_HZ`).
const TICKS: f64 = 100.0;
/// PF_KTHREAD of the kernel's sched.h.
const OF_KERNEL: u64 = 0x0020_0000;

/// When each program started, and how long it had run.
type Ran = HashMap<u32, (u64, u64)>;

struct Processes {
    folder: OwnedFd,
    host: Host,
    /// How it was at the last sample, and when that was.
    last: Option<(Ran, Duration)>,
}

/// What programs of one name use.
struct Sum {
    name: String,
    programs: Vec<u32>,
    ticks: u64,
    pages: u64,
}

impl Processes {
    fn new(host: &Host) -> Result<Self, Gap> {
        if let Some(gap) = jobs::hidden(host) {
            return Err(gap);
        }
        let folder = host.open_dir("/proc").map_err(|error| gap(error.reason()))?;
        Ok(Processes { folder, host: host.clone(), last: None })
    }

    /// The first part of a small file of a program; nothing when it ended meanwhile.
    fn read<'a>(&self, pid: u32, file: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = openat(&self.folder, format!("{pid}/{file}"), flags, Mode::empty()).ok()?;
        let length = rustix::io::read(&file, &mut *buffer).ok()?;
        buffer.get(..length)
    }

    /// Memory of some programs, of which each may share a part with the others: that part counts once.
    fn together(&self, sum: &Sum) -> u64 {
        let mut buffer = [0; 256];
        let (mut own, mut shared) = (0_u64, 0_u64);
        for pid in &sum.programs {
            let Some(text) = self.read(*pid, "statm", &mut buffer).and_then(|b| std::str::from_utf8(b).ok()) else {
                continue;
            };
            let mut fields = text.split_ascii_whitespace().skip(1).map(|field| field.parse::<u64>().unwrap_or(0));
            let (all, of_many) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
            own = own.saturating_add(all.saturating_sub(of_many));
            shared = shared.max(of_many);
        }
        own.saturating_add(shared)
    }
}

fn gap(reason: Reason) -> Gap {
    Gap::new("which programs run", "/proc", reason)
}

/// What is needed of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    state: &'static str,
    ticks: u64,
    start: u64,
    pages: u64,
}

impl Stat {
    /// The name may hold anything, also parentheses: the last one ends it.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = memchr::memchr(b'(', text)?;
        let close = memchr::memrchr(b')', text).filter(|close| *close > open)?;
        let name = String::from_utf8_lossy(text.get(open + 1..close)?);
        let mut fields = std::str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace();
        let state = match fields.next()? {
            "R" => "running",
            "D" => "blocked",
            "T" | "t" => "stopped",
            "Z" => "zombie",
            // It is gone in a moment.
            "X" | "x" => return None,
            _ => "sleeping",
        };
        let mut number = |skip| fields.nth(skip)?.parse::<u64>().ok();
        let flags = number(5)?;
        let ticks = number(4)?.saturating_add(number(0)?);
        let (start, pages) = (number(6)?, number(1)?);
        let name = if flags & OF_KERNEL == 0 { name.into_owned() } else { format!("[{}]", kind(&name)) };
        Some(Stat { name, state, ticks, start, pages })
    }
}

/// What kind of work a thread of the kernel does: `kworker/0:1-events` is one of many.
fn kind(name: &str) -> &str {
    name.split(['/', ':']).next().unwrap_or(name)
}

impl Sample for Processes {
    #[allow(clippy::cast_precision_loss)]
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let now = values.now();
        let broken = |error: rustix::io::Errno| gap(Reason::Broken(error.to_string()));
        let mut states = ["running", "sleeping", "blocked", "stopped", "zombie"].map(|state| (state, 0_u32));
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut sums: Vec<Sum> = Vec::new();
        let before = self.last.take();
        let mut known = Ran::with_capacity(before.as_ref().map_or(64, |(known, _)| known.len() + 16));
        let mut buffer = [0; 1024];
        for entry in Dir::read_from(&self.folder).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let Some(pid) = entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Some(stat) = self.read(pid, "stat", &mut buffer).and_then(Stat::parse) else { continue };
            if known.len() >= MOST {
                break;
            }
            states.iter_mut().filter(|(state, _)| *state == stat.state).for_each(|(_, n)| *n += 1);
            known.insert(pid, (stat.start, stat.ticks));
            // Another program may have got the number of one that ended.
            let ran = before.as_ref().and_then(|(known, _)| known.get(&pid)).filter(|(start, _)| *start == stat.start);
            let ticks = stat.ticks.saturating_sub(ran.map_or(0, |(_, ticks)| *ticks));
            let place = match places.get(&stat.name) {
                Some(place) => *place,
                None => {
                    places.insert(stat.name.clone(), sums.len());
                    sums.push(Sum { name: stat.name, programs: Vec::new(), ticks: 0, pages: 0 });
                    sums.len() - 1
                }
            };
            if let Some(sum) = sums.get_mut(place) {
                sum.programs.push(pid);
                sum.ticks = sum.ticks.saturating_add(ticks);
                sum.pages = sum.pages.saturating_add(stat.pages);
            }
        }
        for (state, count) in states {
            values.gauge(&COUNT, &[state], count.into());
        }
        let passed = before.map(|(_, then)| now.saturating_sub(then).as_secs_f64()).filter(|passed| *passed > 0.0);
        if let Some(passed) = passed {
            sums.sort_by(|a, b| b.ticks.cmp(&a.ticks).then_with(|| a.name.cmp(&b.name)));
            let all = processors(&self.host) * passed * TICKS;
            for sum in sums.iter().take(TOP) {
                let share = sum.ticks as f64 / all;
                if share >= LEAST {
                    values.gauge(&CPU, &[&sum.name], share);
                }
            }
        }
        sums.sort_by(|a, b| b.pages.cmp(&a.pages).then_with(|| a.name.cmp(&b.name)));
        sums.truncate(CLOSER);
        for sum in sums.iter_mut().filter(|sum| (2..=CLOSER_PROGRAMS).contains(&sum.programs.len())) {
            sum.pages = self.together(sum);
        }
        sums.sort_by(|a, b| b.pages.cmp(&a.pages).then_with(|| a.name.cmp(&b.name)));
        for sum in sums.iter().take(TOP).filter(|sum| sum.pages > 0) {
            values.gauge(&MEMORY, &[&sum.name], sum.pages as f64 * rustix::param::page_size() as f64);
        }
        self.last = Some((known, now));
        Ok(())
    }
}

/// How many processors are at work.
#[allow(clippy::cast_precision_loss)]
fn processors(host: &Host) -> f64 {
    let ours = || std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
    machine::processors(host).map_or_else(ours, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    /// A program of that name and state, and how long it ran, when it started and how much memory it has.
    fn stat(name: &str, state: &str, ticks: u64, start: u64, pages: u64) -> String {
        format!(
            "7 ({name}) {state} 1 7 7 0 -1 4194560 1 0 0 0 {ticks} 0 0 0 20 0 1 0 {start} 999 {pages} 18446744073709551615"
        )
    }

    fn page() -> f64 {
        u32::try_from(rustix::param::page_size()).unwrap().into()
    }

    #[test]
    fn programs_are_counted_and_those_that_use_most_are_named() {
        let tree = Tree::new(&[
            ("proc/1/stat", &stat("init", "S", 100, 1, 10)),
            ("proc/7/stat", &stat("web", "R", 1000, 5, 300)),
            ("proc/8/stat", &stat("web", "D", 1000, 5, 300)),
            ("proc/9/stat", &stat("a) b (c", "Z", 0, 5, 0)),
            ("proc/7/statm", "900 300 250 1 0 1 0\n"),
            ("proc/8/statm", "900 300 260 1 0 1 0\n"),
            ("proc/self/stat", &stat("link", "R", 0, 0, 9999)),
            ("proc/12/stat", "nonsense"),
            ("sys/devices/system/cpu/online", "0-1,3\n"),
        ]);
        let mut sampler = Processes::new(&tree.host()).unwrap();
        let mut values = Values::default();
        let told = read(&mut sampler, &mut values, 100);
        let count = |state: &str| told[&format!("system.process.count{{{state}}}")];
        assert_eq!(["running", "sleeping", "blocked", "stopped", "zombie"].map(count), [1.0, 1.0, 1.0, 0.0, 1.0]);
        assert!(!told.keys().any(|name| name.contains("cpu")), "nothing to compare with yet: {told:?}");
        // Fifty pages and forty are their own, 260 are the most that they share.
        assert_eq!(told["process.memory.usage{web}"], 350.0 * page());
        assert_eq!(told["process.memory.usage{init}"], 10.0 * page());
        assert!(!told.contains_key("process.memory.usage{a) b (c}"));
        // In thirty seconds of three processors: 900 of 9000 hundredths. Number 8 is another program by now.
        tree.write("proc/7/stat", &stat("web", "R", 1600, 5, 300));
        tree.write("proc/8/stat", &stat("web", "R", 300, 11_000, 300));
        tree.write("proc/1/stat", &stat("init", "S", 101, 1, 10));
        let told = read(&mut sampler, &mut values, 130);
        assert_eq!(told["process.cpu.utilization{web}"], 0.1);
        assert!(!told.contains_key("process.cpu.utilization{init}"), "next to nothing is no news: {told:?}");
    }

    #[test]
    fn only_the_few_that_use_most_are_told() {
        let files: Vec<_> =
            (1..=50_u64).map(|n| (format!("proc/{n}/stat"), stat(&format!("p{n}"), "S", 0, 1, n * 10))).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let tree = Tree::new(&files);
        let mut sampler = Processes::new(&tree.host()).unwrap();
        let mut values = Values::default();
        read(&mut sampler, &mut values, 1);
        for n in 1..=50 {
            tree.write(&format!("proc/{n}/stat"), &stat(&format!("p{n}"), "S", n * 100, 1, n * 10));
        }
        let told = read(&mut sampler, &mut values, 11);
        let named = |metric: &str| told.keys().filter(|name| name.starts_with(metric)).cloned().collect::<Vec<_>>();
        let expected = |metric: &str| (46..=50).map(|n| format!("{metric}{{p{n}}}")).collect::<Vec<_>>();
        for metric in ["process.cpu.utilization", "process.memory.usage"] {
            assert_eq!(named(metric), expected(metric));
        }
    }

    #[test]
    fn threads_of_the_kernel_are_told_by_their_kind() {
        let text =
            "42 (kworker/u8:2-flush) I 2 0 0 0 -1 69238880 0 0 0 0 5 7 0 0 20 0 1 0 12345 0 0 18446744073709551615";
        let stat = Stat::parse(text.as_bytes()).unwrap();
        let expected = Stat { name: "[kworker]".to_owned(), state: "sleeping", ticks: 12, start: 12_345, pages: 0 };
        assert_eq!(stat, expected);
    }

    #[test]
    fn junk_is_no_program() {
        for text in
            ["", "1", "1 (a", "1 )a( R 1", "1 (a) R", "1 (a) R 1 2 3 4 5 x 7", "1 (a) X 1 7 7 0 -1 0 1 0 0 0 1 0"]
        {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Stat::parse(&[b'(', 0xff, b')', b' ', 0xfe]).is_none());
        let tree = Tree::new(&[("sys/devices/system/cpu/online", "9-1,x,\u{0}")]);
        assert!(processors(&tree.host()) >= 1.0);
    }

    #[test]
    fn the_programs_of_this_machine_are_seen() {
        let host = Host::live().unwrap();
        let mut values = Values::default();
        let told = read(&mut Processes::new(&host).unwrap(), &mut values, 1);
        let count: f64 = told.iter().filter(|(name, _)| name.starts_with("system.process.count")).map(|v| v.1).sum();
        assert!(count >= 2.0, "the first one and this test: {told:?}");
        assert!(told.keys().any(|name| name.starts_with("process.memory.usage")));
    }
}
