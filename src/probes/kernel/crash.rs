//! What becomes of a program's memory when it crashes (core(5), coredump.conf(5)).

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::{Host, Kind},
    probes::services::unit,
};

fact_table! {
    /// What becomes of the memory of a program that crashes, one row.
    "core_dumps" => CoreDumps {
        /// File that decides it.
        source: String,
        /// Line in it.
        line: Option<i64>,
        /// `nothing`, `file` beside the program, `systemd-coredump`, `apport`, or another `program`.
        handler: String,
        /// What the kernel is told to do with it; null in an image.
        pattern: Option<String>,
        /// systemd-coredump: `external`, `journal` or `none`; null when it is not used.
        storage: Option<String>,
        /// Whether programs with special rights leave their memory too: 0 no, 1 yes, 2 for root only; null in an image.
        suid_dumpable: Option<i64>,
        /// How many are kept by systemd-coredump now.
        kept: i64,
        /// Bytes that these take.
        kept_bytes: i64,
    }
    offline: true,
    examples: ["select handler, storage, kept from core_dumps"],
}

const FOLDER: &str = "/var/lib/systemd/coredump";

pub(super) fn read(host: &Host, facts: &mut Facts) {
    const PATTERN: &str = "/proc/sys/kernel/core_pattern";
    let first = |path: &str| host.read_text(path).ok().map(|t| t.trim().to_owned());
    let pattern = if host.is_live() { first(PATTERN) } else { None };
    let installed =
        ["/usr/lib/systemd/systemd-coredump", "/lib/systemd/systemd-coredump"].iter().any(|p| host.exists(p));
    let handler = match &pattern {
        Some(p) if p.contains("systemd-coredump") => "systemd-coredump",
        Some(p) if p.contains("apport") => "apport",
        Some(p) if p.is_empty() || p.starts_with("|/bin/false") || p.starts_with("|/bin/true") => "nothing",
        Some(p) if p.starts_with('|') => "program",
        Some(_) => "file",
        None if installed => "systemd-coredump",
        None => "file",
    };
    let (mut source, mut line, mut storage) = (PATTERN.to_owned(), None, None);
    if handler == "systemd-coredump" {
        let (settings, gaps) = unit::config(host, "coredump.conf");
        for gap in gaps {
            facts.partial::<CoreDumps>(gap);
        }
        storage = Some("external".to_owned());
        if let Some(setting) = unit::last(&settings, "Coredump", "Storage") {
            storage = Some(setting.value.to_ascii_lowercase());
            source.clone_from(&setting.source);
            line = Some(setting.line);
        }
    }
    let (mut kept, mut kept_bytes) = (0_i64, 0_i64);
    match host.list(FOLDER) {
        Ok(entries) => {
            for entry in entries.iter().filter(|e| e.kind == Kind::File) {
                kept = kept.saturating_add(1);
                let size = host.symlink_metadata(&entry.path).map_or(0, |m| m.size);
                kept_bytes = kept_bytes.saturating_add(i64::try_from(size).unwrap_or(0));
            }
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => facts.partial::<CoreDumps>(Gap::new("the kept crashes", FOLDER, error.reason())),
    }
    facts.push(CoreDumps {
        source,
        line,
        handler: handler.to_owned(),
        pattern,
        storage,
        suid_dumpable: host.is_live().then(|| first("/proc/sys/fs/suid_dumpable")?.parse().ok()).flatten(),
        kept,
        kept_bytes,
    });
}
