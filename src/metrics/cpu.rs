//! Processors: what their time goes to, all together and each, and how often they change from one program to another.
//! From `/proc/stat` (proc_stat(5)).

use super::{
    Sample, Sampler, Values,
    again::{Again, number},
    declare::{Kind, counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Share of the time of all processors together, by what it went to; the shares add up to 1.
    UTILIZATION = "system.cpu.utilization", "Processor", "1", counter("system.cpu.time", "s"), Neither, 4,
        by ["cpu.mode"];
    /// Share of the time of one processor, by what it went to.
    CORE = "system.cpu.core.utilization", "One processor", "1", counter("system.cpu.core.time", "s"), Neither, 4,
        by ["cpu.logical_number", "cpu.mode"];
    /// Changes from one program to another.
    SWITCHES = "system.cpu.context_switches", "Changes between programs", "{switch}/s",
        counter("system.cpu.context_switches", "{switch}"), Neither, 1;
    /// Interrupts by devices.
    INTERRUPTS = "system.cpu.interrupts", "Interrupts", "{interrupt}/s",
        counter("system.cpu.interrupts", "{interrupt}"), Neither, 1;
    /// Programs and threads that were started.
    CREATED = "system.process.created", "Started programs", "{process}/s",
        counter("system.process.created", "{process}"), Neither, 2;
    /// Threads that run or wait for a processor (`running`), or wait for a disk (`blocked`).
    STATUS = "system.process.waiting", "Threads that run or wait", "{thread}", Kind::Gauge, Less, 0, by ["process.state"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "cpu",
    about: "what the time of the processors goes to",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Cpu::new(&with.host)?)),
};

/// What the kernel counts in: hundredths of a second on every machine of today (`USER_HZ`).
const TICK: f64 = 0.01;
/// The modes, and for each the fields of a line that it is made of. Time of guests stands in `user` and `nice`, too.
const MODES: [(&str, &[usize]); 7] = [
    ("user", &[0]),
    ("nice", &[1]),
    ("system", &[2]),
    ("idle", &[3]),
    ("iowait", &[4]),
    ("interrupt", &[5, 6]),
    ("steal", &[7]),
];

/// The most processors that are told apart.
const MOST: usize = 4096;

struct Cpu {
    stat: Again,
    /// Of each processor and mode, the most that was counted: the kernel lets idle time and waiting go back a little.
    most: Vec<[u64; MODES.len()]>,
}

impl Cpu {
    fn new(host: &Host) -> Result<Self, Gap> {
        Ok(Cpu { stat: Again::open(host, "/proc/stat", "what the processors do")?, most: Vec::new() })
    }
}

impl Sample for Cpu {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let text = self.stat.read()?;
        let processors = text.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace();
            let name = fields.next().unwrap_or_default();
            if let Some(processor) = name.strip_prefix("cpu") {
                let mut counts = [0_u64; 8];
                for (count, field) in counts.iter_mut().zip(fields) {
                    *count = field.parse().unwrap_or(0);
                }
                let place = processor.parse::<usize>().map_or(0, |n| n.saturating_add(1));
                if place > MOST {
                    continue;
                }
                if place >= self.most.len() {
                    self.most.resize(place + 1, [0; MODES.len()]);
                }
                for ((mode, parts), most) in MODES.iter().zip(self.most.get_mut(place).into_iter().flatten()) {
                    let count = parts.iter().filter_map(|part| counts.get(*part)).sum::<u64>();
                    *most = forward(*most, count);
                    if processor.is_empty() {
                        #[allow(clippy::cast_precision_loss)]
                        values.counter(&UTILIZATION, &[mode], *most, TICK / processors.max(1) as f64);
                    } else {
                        values.counter(&CORE, &[processor, mode], *most, TICK);
                    }
                }
                continue;
            }
            let mut value = || number(&mut fields);
            match name {
                "intr" => value().into_iter().for_each(|n| values.counter(&INTERRUPTS, &[], n, 1.0)),
                "ctxt" => value().into_iter().for_each(|n| values.counter(&SWITCHES, &[], n, 1.0)),
                "processes" => value().into_iter().for_each(|n| values.counter(&CREATED, &[], n, 1.0)),
                "procs_running" => value().into_iter().for_each(|n| gauge(values, "running", n)),
                "procs_blocked" => value().into_iter().for_each(|n| gauge(values, "blocked", n)),
                _ => {}
            }
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss)]
fn gauge(values: &mut Values, status: &str, n: u64) {
    values.gauge(&STATUS, &[status], n as f64);
}

/// Idle time that went back a little stands still; much less means that a processor was taken out and put in again.
fn forward(most: u64, count: u64) -> u64 {
    if count < most && most - count < 1000 { most } else { count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    const BEFORE: &str = "cpu  1000 10 500 8000 100 5 15 0 0 0\ncpu0 500 5 250 4000 50 5 10 0 0 0\ncpu1 500 5 250 4000 50 0 5 0 0 0\nintr 10000 5 3\nctxt 5000\nbtime 1\nprocesses 700\nprocs_running 2\nprocs_blocked 0\nsoftirq 9\n";

    #[test]
    fn time_becomes_shares_that_add_up() {
        let tree = Tree::new(&[("proc/stat", BEFORE)]);
        let mut cpu = Cpu::new(&tree.host()).unwrap();
        let mut values = Values::default();
        assert_eq!(read(&mut cpu, &mut values, 100).len(), 2, "only what is not counted");
        tree.write(
            "proc/stat",
            "cpu  1300 10 600 9500 170 5 30 15 0 0\ncpu0 800 5 350 4480 120 5 25 15 0 0\ncpu1 500 5 250 5020 49 0 5 0 0 0\nintr 10500\nctxt 5100\nprocesses 701\nprocs_running 3\nprocs_blocked 1\n",
        );
        let told = read(&mut cpu, &mut values, 110);
        assert_eq!(told["system.cpu.utilization{user}"], 0.15);
        assert_eq!(told["system.cpu.utilization{steal}"], 0.0075);
        assert_eq!(told["system.cpu.core.utilization{0,user}"], 0.3);
        assert_eq!(told["system.cpu.core.utilization{0,interrupt}"], 0.015);
        assert_eq!(told["system.cpu.core.utilization{1,iowait}"], 0.0, "the kernel went back by one");
        let all: f64 = told.iter().filter(|(name, _)| name.starts_with("system.cpu.utilization")).map(|v| v.1).sum();
        assert!((all - 1.0).abs() < 0.002, "{all}");
        assert_eq!(told["system.cpu.context_switches"], 10.0);
        assert_eq!(told["system.process.created"], 0.1);
        assert_eq!(told["system.process.waiting{blocked}"], 1.0);
    }

    #[test]
    fn a_processor_that_comes_and_goes_harms_nothing() {
        let tree = Tree::new(&[("proc/stat", BEFORE)]);
        let mut cpu = Cpu::new(&tree.host()).unwrap();
        let mut values = Values::default();
        read(&mut cpu, &mut values, 1);
        tree.write("proc/stat", "cpu 1000 10 500 8100 100 5 15 0\ncpu1 0 0 0 100 0 0 0 0\n");
        assert!(read(&mut cpu, &mut values, 2).contains_key("system.cpu.core.utilization{1,user}"));
        tree.write("proc/stat", "");
        assert_eq!(read(&mut cpu, &mut values, 3).len(), 0);
    }
}
