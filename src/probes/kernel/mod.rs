//! The core of the system: loaded modules and which may load, weak spots of the processor, who keeps programs in
//! bounds, and what becomes of a crash.

mod crash;
mod lsm;
mod modprobe;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Parts that the kernel has loaded.
    "kernel_modules" => Module {
        /// File it was read from.
        source: String,
        /// Line in it.
        line: i64,
        /// Name, with `_` for `-`.
        name: String,
        /// Bytes of memory.
        size: Option<i64>,
        /// Modules that need it, by commas; empty when none does.
        used_by: String,
        /// How many things use it.
        uses: Option<i64>,
        /// `Live`, `Loading` or `Unloading`.
        status: String,
        /// Why it taints the kernel: P not free, O built elsewhere, E not signed, C unfinished; null when it does not.
        taint: Option<String>,
    }
    offline: false,
    examples: ["select name, taint from kernel_modules where taint is not null"],
}

fact_table! {
    /// Weak spots in the design of processors, and what the kernel does about each.
    "cpu_vulnerabilities" => CpuVulnerability {
        /// File it was read from.
        source: String,
        /// Its name in the kernel, such as `spectre_v2`.
        name: String,
        /// What the kernel says about it.
        state: String,
        /// `ok` when this processor does not have it, `mitigated`, `vulnerable`, or `unknown`.
        status: String,
    }
    offline: false,
    examples: ["select name, state from cpu_vulnerabilities where status = 'vulnerable'"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "kernel",
    about: "the core of the system",
    tables: &[
        Module::TABLE,
        CpuVulnerability::TABLE,
        modprobe::ModprobeConfig::TABLE,
        lsm::SecurityModule::TABLE,
        crash::CoreDumps::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    if host.is_live() {
        modules(host, facts);
        vulnerabilities(host, facts);
        lsm::read(host, facts);
    }
    modprobe::read(host, facts);
    crash::read(host, facts);
    Ok(())
}

fn modules(host: &Host, facts: &mut Facts) {
    const FILE: &str = "/proc/modules";
    match host.read_text(FILE) {
        Ok(text) => {
            for (line, text) in (1_i64..).zip(text.lines()) {
                if let Some(module) = module(text, line) {
                    facts.push(module);
                }
            }
        }
        Err(error) if error.is_not_found() => facts.absent::<Module>("this kernel loads no parts"),
        Err(error) => facts.unread::<Module>(Gap::new("which parts the kernel loaded", FILE, error.reason())),
    }
}

/// `nf_nat 57344 1 nft_chain_nat, Live 0xffff (OE)`.
fn module(text: &str, line: i64) -> Option<Module> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_owned();
    let size = words.next()?.parse().ok();
    let uses = words.next()?.parse().ok();
    let used_by = words.next().unwrap_or("-").trim_end_matches(',').replace(',', ", ");
    let status = words.next().unwrap_or_default().to_owned();
    let taint = words.last().and_then(|w| w.strip_prefix('(')?.strip_suffix(')')).map(str::to_owned);
    let used_by = if used_by == "-" { String::new() } else { used_by };
    Some(Module { source: "/proc/modules".to_owned(), line, name, size, used_by, uses, status, taint })
}

fn vulnerabilities(host: &Host, facts: &mut Facts) {
    const FOLDER: &str = "/sys/devices/system/cpu/vulnerabilities";
    let files = match host.list(FOLDER) {
        Ok(files) => files,
        Err(error) if error.is_not_found() => {
            return facts.absent::<CpuVulnerability>("this kernel does not tell the weak spots of its processor");
        }
        Err(error) => {
            let gap = Gap::new("the weak spots of the processor", FOLDER, error.reason());
            return facts.unread::<CpuVulnerability>(gap);
        }
    };
    for file in files {
        match host.read_text(&file.path) {
            Ok(text) => {
                let state = text.trim().to_owned();
                let status = status(&state).to_owned();
                facts.push(CpuVulnerability { source: file.path, name: file.name, state, status });
            }
            Err(error) => {
                facts.partial::<CpuVulnerability>(Gap::new("a weak spot of the processor", file.path, error.reason()))
            }
        }
    }
}

/// Documentation/admin-guide/hw-vuln of the kernel gives the texts.
fn status(state: &str) -> &'static str {
    let state = state.strip_prefix("KVM: ").unwrap_or(state);
    if state.starts_with("Not affected") {
        "ok"
    } else if state.starts_with("Mitigation") {
        "mitigated"
    } else if state.starts_with("Vulnerable") || state.starts_with("Processor vulnerable") {
        "vulnerable"
    } else {
        "unknown"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probes::run_one;

    #[test]
    fn a_module_line_tells_who_uses_it_and_why_it_taints() {
        let row = module("nvidia 56823808 2 nvidia_modeset,nvidia_uvm, Live 0xffffffffc1000000 (POE)", 3).unwrap();
        assert_eq!((row.name.as_str(), row.used_by.as_str()), ("nvidia", "nvidia_modeset, nvidia_uvm"));
        assert_eq!((row.taint.as_deref(), row.uses, row.line), (Some("POE"), Some(2), 3));
        let row = module("loop 32768 0 - Live 0x0000000000000000", 1).unwrap();
        assert_eq!((row.used_by.as_str(), row.taint), ("", None));
        assert_eq!(module("", 1), None);
    }

    #[test]
    fn the_words_of_the_kernel_are_understood() {
        for (state, expected) in [
            ("Not affected", "ok"),
            ("Mitigation: Retpolines; IBPB: conditional; STIBP: disabled", "mitigated"),
            ("KVM: Mitigation: VMX disabled", "mitigated"),
            ("KVM: Vulnerable", "vulnerable"),
            ("Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown", "vulnerable"),
            ("Processor vulnerable", "vulnerable"),
            ("Unknown: No mitigations", "unknown"),
        ] {
            assert_eq!(status(state), expected, "{state}");
        }
    }

    #[test]
    fn a_kernel_that_loads_no_parts_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        let facts = run_one(&PROBE, &host);
        assert!(matches!(facts.state("kernel_modules"), crate::facts::State::Absent(_)));
        assert!(facts.gaps().is_empty());
    }
}
