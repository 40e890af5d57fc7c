//! What measuring itself costs, and how it goes: the time, the memory and the room that this program takes, and what it
//! could not keep. It asks the kernel for one small file, and whoever writes samples for the rest.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    Sample, Sampler, Shared, Values,
    again::{Again, number},
    declare::{Kind, counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Share of one processor that cleanbill takes: `own` is what measures, `started` are the programs that it started and
    /// that ended, such as audits.
    CPU = "cleanbill.process.cpu.utilization", "Processor cleanbill takes", "1",
        counter("cleanbill.process.cpu.time", "s"), Less, 5, by ["cleanbill.process"];
    /// Memory that the part of cleanbill holds that measures.
    MEMORY = "cleanbill.process.memory.usage", "Memory cleanbill takes", "By", Kind::Gauge, Less, 0;
    /// How long it took the last time to put what was measured into the history.
    BATCH_TIME = "cleanbill.batch.duration", "Time to put samples into the history", "s", Kind::Gauge, Less, 3;
    /// Samples that were put into the history the last time.
    BATCH = "cleanbill.batch.samples", "Samples put into the history", "{sample}", Kind::Gauge, Neither, 0;
    /// Room that samples take on the disk which are not in the history yet.
    SPOOL = "cleanbill.spool.size", "Samples that wait", "By", Kind::Gauge, Less, 0;
    /// Parts of the machine that are not told, because what reads them still waits for an answer.
    LATE = "cleanbill.samplers.late", "What does not answer", "{sampler}", Kind::Gauge, Less, 0;
    /// Samples that were lost, because nothing could be written for too long.
    LOST = "cleanbill.samples.lost", "Lost samples", "{sample}/s", counter("cleanbill.samples.lost", "{sample}"), Less, 4;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "own",
    about: "what cleanbill itself takes while it measures",
    metrics: METRICS,
    every: Duration::from_secs(30),
    waits: false,
    start: |with| Ok(Box::new(Taking::new(&with.host, &with.own)?)),
};

/// How writing goes, told by those who write and read by the sampler.
#[derive(Debug, Clone, Default)]
pub struct Own(Arc<Mutex<Option<Told>>>);

#[derive(Debug, Clone)]
struct Told {
    recorder: Shared,
    late: usize,
}

impl Own {
    /// Tells how writing goes, and how many samplers do not answer.
    pub(super) fn tell(&self, recorder: Shared, late: usize) {
        if let Ok(mut told) = self.0.lock() {
            *told = Some(Told { recorder, late });
        }
    }
}

/// What the kernel counts the time of ended programs in (`USER_HZ`).
const TICK: f64 = 0.01;
/// What the clock of this program counts in.
const NANOSECOND: f64 = 1e-9;

struct Taking {
    stat: Again,
    own: Own,
}

impl Taking {
    fn new(host: &Host, own: &Own) -> Result<Self, Gap> {
        let path = format!("/proc/{}/stat", std::process::id());
        Ok(Taking { stat: Again::open(host, &path, "what cleanbill itself takes")?, own: own.clone() })
    }
}

/// The time of programs that ended, and pages in memory, from `/proc/PID/stat` (proc_pid_stat(5)).
fn parsed(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().skip(13);
    let ended = number(&mut fields)?.saturating_add(number(&mut fields)?);
    Some((ended, number(&mut fields.skip(6))?))
}

impl Sample for Taking {
    #[allow(clippy::cast_precision_loss)]
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        if let Ok(Some(Told { recorder, late })) = self.own.0.lock().as_deref() {
            // Before the first time there is nothing to tell of it.
            if recorder.batches > 0 {
                values.gauge(&BATCH_TIME, &[], recorder.took.as_secs_f64());
                values.gauge(&BATCH, &[], recorder.taken as f64);
            }
            values.gauge(&SPOOL, &[], recorder.waiting as f64);
            values.gauge(&LATE, &[], *late as f64);
            values.counter(&LOST, &[], recorder.lost, 1.0);
        }
        let time = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
        values.counter(&CPU, &["own"], u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), NANOSECOND);
        let found = parsed(self.stat.read()?);
        let (ended, pages) = found.ok_or_else(|| self.stat.gap("it says something else".to_owned()))?;
        values.counter(&CPU, &["started"], ended, TICK);
        values.gauge(&MEMORY, &[], pages as f64 * rustix::param::page_size() as f64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read, told};

    #[test]
    fn what_it_takes_is_told_with_how_writing_goes() {
        let file = format!("proc/{}/stat", std::process::id());
        let stat = |ended: u64, pages: u64| {
            format!(
                "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 30 5 {ended} 7 20 0 1 0 500 999 {pages} 18446744073709551615"
            )
        };
        let tree = Tree::new(&[(&file, &stat(100, 10))]);
        let own = Own::default();
        let mut sampler = Taking::new(&tree.host(), &own).unwrap();
        let mut values = Values::default();
        let first = read(&mut sampler, &mut values, 10);
        assert_eq!(first.keys().collect::<Vec<_>>(), ["cleanbill.process.memory.usage"], "nobody writes");
        own.tell(Shared { waiting: 777, ..Shared::default() }, 0);
        read(&mut sampler, &mut values, 20);
        let took = Duration::from_millis(1250);
        own.tell(Shared { lost: 30, took, taken: 60, batches: 2, waiting: 4000, ..Shared::default() }, 3);
        // It works meanwhile.
        let begun = clock_gettime(ClockId::ProcessCPUTime);
        while Duration::try_from(clock_gettime(ClockId::ProcessCPUTime) - begun).unwrap() < Duration::from_millis(20) {}
        tree.write(&file, &stat(150, 20));
        let told = read(&mut sampler, &mut values, 30);
        let page = f64::from(u32::try_from(rustix::param::page_size()).unwrap());
        for (name, expected) in [
            ("cleanbill.process.memory.usage", 20.0 * page),
            ("cleanbill.process.cpu.utilization{started}", 0.05),
            ("cleanbill.batch.duration", 1.25),
            ("cleanbill.batch.samples", 60.0),
            ("cleanbill.spool.size", 4000.0),
            ("cleanbill.samplers.late", 3.0),
            ("cleanbill.samples.lost", 3.0),
        ] {
            assert_eq!(told[name], expected, "{name}");
        }
        assert!(told["cleanbill.process.cpu.utilization{own}"] >= 0.002, "{told:?}");
        assert_eq!(told.len(), 8);
    }

    #[test]
    fn a_kernel_that_says_something_else_is_told() {
        for text in ["", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4194560 1 0 0 0 30 5 x 7 20 0 1 0 500 999 1 0"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        let tree = Tree::new(&[(&format!("proc/{}/stat", std::process::id()), "7 (a) S 1 2")]);
        let mut values = Values::default();
        let mut sampler = Taking::new(&tree.host(), &Own::default()).unwrap();
        let gap = sampler.sample(&mut values).unwrap_err();
        assert_eq!(gap.what, "what cleanbill itself takes");
        assert!(told(&values).is_empty());
    }

    #[test]
    fn this_program_has_memory() {
        let mut sampler = Taking::new(&Host::live().unwrap(), &Own::default()).unwrap();
        let told = read(&mut sampler, &mut Values::default(), 1);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kernel: f64 = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0;
        let ours = told["cleanbill.process.memory.usage"];
        assert!(ours > kernel / 2.0 && ours < kernel * 2.0, "{ours}, {kernel}");
    }
}
