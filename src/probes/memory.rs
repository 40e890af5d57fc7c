//! Memory: how much there is, how much is left, and whether the kernel had to end programs for lack of it.

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::Host,
};

fact_table! {
    /// The memory of the machine, one row; in a container with a limit, the container's.
    "memory_info" => Memory {
        /// File the row was read from.
        source: String,
        /// Bytes of memory.
        memory_total: i64,
        /// Bytes that programs can still get without swapping.
        memory_available: i64,
        /// Share that is left, in percent.
        available_percent: f64,
        /// Bytes of swap.
        swap_total: i64,
        /// Bytes of swap not in use.
        swap_free: i64,
        /// Programs the kernel ended for lack of memory since it started; null where it does not say.
        oom_kills: Option<i64>,
    }
    offline: false,
    examples: ["select available_percent, oom_kills from memory_info"],
}

/// The probe.
pub const PROBE: Probe =
    Probe { name: "memory", about: "how much memory is left", tables: &[Memory::TABLE], limit: USUAL_LIMIT, run };

const MEMINFO: &str = "/proc/meminfo";

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let (total, available, swap_total, swap_free) = match library(host) {
        Some(values) => values,
        None => {
            let text = host.read_text(MEMINFO)?;
            let field = |key: &str| meminfo(&text, key).unwrap_or(0);
            (field("MemTotal"), field("MemAvailable"), field("SwapTotal"), field("SwapFree"))
        }
    };
    if total == 0 {
        let reason = Reason::Broken("the kernel does not say how much memory there is".to_owned());
        facts.unread::<Memory>(Gap::new("how much memory is left", MEMINFO, reason));
        return Ok(());
    }
    let vmstat = host.read_text("/proc/vmstat").unwrap_or_default();
    let kills = vmstat.lines().find_map(|l| l.strip_prefix("oom_kill ")).and_then(|n| n.trim().parse().ok());
    let bytes = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    facts.push(Memory {
        source: MEMINFO.to_owned(),
        memory_total: bytes(total),
        memory_available: bytes(available),
        available_percent: percent(available, total),
        swap_total: bytes(swap_total),
        swap_free: bytes(swap_free),
        oom_kills: kills,
    });
    Ok(())
}

/// Memory, what is left of it, swap, and what is left of that: as the container's limit has it where there is one.
fn library(host: &Host) -> Option<(u64, u64, u64, u64)> {
    if host.root() != std::path::Path::new("/") {
        return None;
    }
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let whole = system.total_memory();
    let limit = system.cgroup_limits().filter(|l| l.total_memory > 0 && l.total_memory < whole);
    let (total, left) =
        limit.map_or((whole, system.available_memory()), |l| (l.total_memory, l.total_memory.saturating_sub(l.rss)));
    Some((total, left, system.total_swap(), system.free_swap()))
}

/// Bytes of a field of meminfo.
fn meminfo(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
    value.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: u64, whole: u64) -> f64 {
    (part.min(whole) as f64 * 1000.0 / whole as f64).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::run_one;

    #[test]
    fn memory_and_kills_are_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let text = "MemTotal:       24684508 kB\nMemFree:         9000000 kB\nMemAvailable:   12342254 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
        std::fs::write(dir.path().join("proc/meminfo"), text).unwrap();
        std::fs::write(dir.path().join("proc/vmstat"), "nr_free_pages 1\noom_kill 3\n").unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, Default::default()).unwrap();
        let rows = run_one(&PROBE, &host).rows("memory_info");
        assert_eq!(rows[0]["available_percent"], 50.0);
        assert_eq!(rows[0]["oom_kills"], 3);
        assert_eq!(rows[0]["memory_total"], 24_684_508_i64 * 1024);
    }

    #[test]
    fn our_reading_and_the_library_agree_on_this_machine() {
        let host = Host::live().unwrap();
        let text = host.read_text(MEMINFO).unwrap();
        let mut system = sysinfo::System::new().unwrap();
        system.refresh_memory();
        assert_eq!(meminfo(&text, "MemTotal"), Some(system.total_memory()));
        assert_eq!(meminfo(&text, "SwapTotal"), Some(system.total_swap()));
    }
}
