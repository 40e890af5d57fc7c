//! Memory and swap: how much is in use and for what, from `/proc/meminfo` (proc_meminfo(5)), and how much moves between
//! memory and disk, from `/proc/vmstat`. A container with a limit has its own.

use super::{
    Sample, Sampler, Values,
    again::Again,
    declare::{Kind, counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Memory by what it is used for; the parts add up to all that the machine has.
    USAGE = "system.memory.usage", "Memory", "By", Kind::Gauge, Neither, 0, by ["system.memory.state"];
    /// Share of the memory that programs can no longer get without swapping.
    UTILIZATION = "system.memory.utilization", "Memory in use", "1", Kind::Gauge, Less, 4;
    /// Memory that programs can still get without swapping.
    AVAILABLE = "system.memory.linux.available", "Memory left", "By", Kind::Gauge, More, 0;
    /// Memory that is promised to programs, whether they use it or not.
    COMMITTED = "system.memory.linux.committed", "Promised memory", "By", Kind::Gauge, Neither, 0;
    /// Memory that was written to and still has to go to a disk.
    DIRTY = "system.memory.linux.dirty", "Waiting to be written", "By", Kind::Gauge, Neither, 0;
    /// Swap that is in use, and swap that is left.
    SWAP = "system.paging.usage", "Swap", "By", Kind::Gauge, Neither, 0, by ["system.paging.state"];
    /// Share of the swap in use.
    SWAPPED = "system.paging.utilization", "Swap in use", "1", Kind::Gauge, Less, 4;
    /// Pages that went between memory and swap.
    PAGED = "system.paging.operations", "Swapping", "{page}/s", counter("system.paging.operations", "{page}"), Less, 1,
        by ["system.paging.direction"];
    /// Times at which a program waited for a page of memory: `major` ones came from a disk.
    FAULTS = "system.paging.faults", "Page faults", "{fault}/s", counter("system.paging.faults", "{fault}"), Neither, 1,
        by ["system.paging.fault.type"];
    /// Programs that the kernel ended for lack of memory.
    KILLS = "system.memory.oom_kills", "Ended for lack of memory", "{process}/s",
        counter("system.memory.oom_kills", "{process}"), Less, 4;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "memory",
    about: "how much memory is in use, and for what",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Memory::new(&with.host)?)),
};

struct Memory {
    info: Again,
    vmstat: Again,
    /// sysinfo knows the limits of a container.
    system: Option<sysinfo::System>,
}

impl Memory {
    fn new(host: &Host) -> Result<Self, Gap> {
        let real = host.root() == std::path::Path::new("/");
        let limited = |system: &sysinfo::System| system.cgroup_limits().is_some_and(|l| l.total_memory > 0);
        let system = real.then(sysinfo::System::new).and_then(Result::ok).and_then(|mut system| {
            system.refresh_memory();
            let whole = system.total_memory();
            (limited(&system) && system.cgroup_limits().is_some_and(|l| l.total_memory < whole)).then_some(system)
        });
        Ok(Memory {
            info: Again::open(host, "/proc/meminfo", "how much memory is in use")?,
            vmstat: Again::open(host, "/proc/vmstat", "what is swapped")?,
            system,
        })
    }
}

/// What is asked of meminfo, in the order of [`Info`].
const FIELDS: [&str; 10] = [
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SReclaimable",
    "SwapTotal",
    "SwapFree",
    "Dirty",
    "Committed_AS",
];

impl Sample for Memory {
    #[allow(clippy::cast_precision_loss)]
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let text = self.info.read()?;
        let mut bytes = [0.0; FIELDS.len()];
        let mut wanted = bytes.len();
        for line in text.lines() {
            let Some((name, rest)) = line.split_once(':') else { continue };
            let Some(place) = FIELDS.iter().position(|field| *field == name) else { continue };
            let kilobytes = rest.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok());
            if let (Some(cell), Some(n)) = (bytes.get_mut(place), kilobytes) {
                *cell = n as f64 * 1024.0;
                wanted -= 1;
            }
            if wanted == 0 {
                break;
            }
        }
        let [total, free, available, buffers, cached, slab, swap, swap_free, dirty, committed] = bytes;
        if total <= 0.0 {
            return Err(self.info.gap("the kernel does not say how much memory there is".to_owned()));
        }
        let cache = cached + slab;
        for (state, value) in [
            ("used", (total - free - buffers - cache).max(0.0)),
            ("free", free),
            ("buffers", buffers),
            ("cached", cache),
        ] {
            values.gauge(&USAGE, &[state], value);
        }
        let (total, available) = self.limit().unwrap_or((total, available));
        values.gauge(&UTILIZATION, &[], 1.0 - available / total);
        values.gauge(&AVAILABLE, &[], available);
        values.gauge(&COMMITTED, &[], committed);
        values.gauge(&DIRTY, &[], dirty);
        if swap > 0.0 {
            values.gauge(&SWAP, &["used"], swap - swap_free);
            values.gauge(&SWAP, &["free"], swap_free);
            values.gauge(&SWAPPED, &[], 1.0 - swap_free / swap);
        }
        let (mut all, mut major) = (None, None);
        for line in self.vmstat.read()?.lines() {
            let Some((name, count)) = line.split_once(' ') else { continue };
            let count = || count.parse::<u64>().ok();
            match name {
                "pswpin" => count().into_iter().for_each(|n| values.counter(&PAGED, &["in"], n, 1.0)),
                "pswpout" => count().into_iter().for_each(|n| values.counter(&PAGED, &["out"], n, 1.0)),
                "pgfault" => all = count(),
                "pgmajfault" => major = count(),
                "oom_kill" => count().into_iter().for_each(|n| values.counter(&KILLS, &[], n, 1.0)),
                _ => {}
            }
        }
        if let (Some(all), Some(major)) = (all, major) {
            values.counter(&FAULTS, &["minor"], all.saturating_sub(major), 1.0);
            values.counter(&FAULTS, &["major"], major, 1.0);
        }
        Ok(())
    }
}

impl Memory {
    /// What a container may use, and what is left of it.
    #[allow(clippy::cast_precision_loss)]
    fn limit(&mut self) -> Option<(f64, f64)> {
        let limits = self.system.as_ref()?.cgroup_limits()?;
        let (total, used) = (limits.total_memory, limits.rss);
        (total > 0).then_some((total as f64, total.saturating_sub(used) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    const INFO: &str = "MemTotal:       1000 kB\nMemFree:         200 kB\nMemAvailable:    400 kB\nBuffers:          50 kB\nCached:          250 kB\nSwapCached: 0 kB\nDirty: 3 kB\nSReclaimable: 10 kB\nCommitted_AS: 900 kB\nSwapTotal: 100 kB\nSwapFree: 75 kB\n";

    #[test]
    fn memory_is_told_by_use_and_the_uses_add_up() {
        let tree = Tree::new(&[
            ("proc/meminfo", INFO),
            ("proc/vmstat", "pgfault 1000\npgmajfault 10\npswpin 0\npswpout 5\noom_kill 0\n"),
        ]);
        let mut memory = Memory::new(&tree.host()).unwrap();
        let mut values = Values::default();
        let told = read(&mut memory, &mut values, 1);
        let parts = ["used", "free", "buffers", "cached"].map(|s| told[&format!("system.memory.usage{{{s}}}")]);
        assert_eq!(parts, [490.0 * 1024.0, 200.0 * 1024.0, 50.0 * 1024.0, 260.0 * 1024.0]);
        assert_eq!(parts.iter().sum::<f64>(), 1000.0 * 1024.0);
        assert_eq!(told["system.memory.utilization"], 0.6);
        assert_eq!(told["system.paging.utilization"], 0.25);
        tree.write("proc/vmstat", "pgfault 1100\npgmajfault 30\npswpin 0\npswpout 105\noom_kill 1\n");
        let told = read(&mut memory, &mut values, 11);
        assert_eq!(told["system.paging.operations{out}"], 10.0);
        assert_eq!(told["system.paging.faults{major}"], 2.0);
        assert_eq!(told["system.paging.faults{minor}"], 8.0);
        assert_eq!(told["system.memory.oom_kills"], 0.1);
    }

    #[test]
    fn a_kernel_that_does_not_say_is_a_gap() {
        let tree = Tree::new(&[("proc/meminfo", "nonsense\n"), ("proc/vmstat", "")]);
        assert!(Memory::new(&tree.host()).unwrap().sample(&mut Values::default()).is_err());
    }
}
