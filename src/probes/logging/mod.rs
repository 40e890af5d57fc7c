//! How the machine keeps a record: which programs do, what they are told, whether old records make room for new
//! ones, and how big they are. What the records say is read elsewhere.

mod audit;
mod files;
mod rotate;
mod syslog;

use super::{
    Probe, ProbeError, USUAL_LIMIT,
    services::{jobs, scan, unit},
};
use crate::{
    fact_table,
    facts::{Facts, Row as _},
    host::Host,
};

fact_table! {
    /// Programs that keep a record of what happens.
    "log_services" => LogService {
        /// Main settings file.
        source: String,
        /// `journald`, `rsyslog`, `syslog-ng`, `busybox-syslogd` or `auditd`.
        name: String,
        /// Whether its program is installed.
        installed: bool,
        /// Whether it starts with the machine, as `systemctl` says; null when systemd has no such unit.
        unit_file_state: Option<String>,
        /// Whether it runs; null in an image.
        running: Option<bool>,
        /// Where its record is kept: `disk`, `memory` or `nowhere`; null when it is not installed.
        keeps: Option<String>,
    }
    offline: true,
    examples: ["select name, running, keeps from log_services where installed"],
}

fact_table! {
    /// Effective settings of systemd's journal.
    "journald_config" => JournaldConfig {
        /// File that sets it; `built in` for a default.
        source: String,
        /// Line in it.
        line: Option<i64>,
        /// Key, such as `Storage`.
        name: String,
        /// Value.
        value: String,
        /// Whether nobody set it.
        is_default: bool,
    }
    offline: true,
    examples: ["select name, value, source from journald_config where not is_default"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "logging",
    about: "how the machine keeps a record",
    tables: &[
        LogService::TABLE,
        JournaldConfig::TABLE,
        syslog::SyslogConfig::TABLE,
        audit::AuditRule::TABLE,
        audit::AuditCoverage::TABLE,
        audit::AuditdConfig::TABLE,
        rotate::Logrotate::TABLE,
        rotate::LogrotateSetting::TABLE,
        files::LogFile::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

/// Name, programs, unit, process names (cut at 15 characters), settings file.
type Known = (&'static str, &'static [&'static str], &'static str, &'static [&'static str], &'static str);

const KNOWN: &[Known] = &[
    (
        "journald",
        &["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"],
        "systemd-journald.service",
        &["systemd-journal"],
        "/etc/systemd/journald.conf",
    ),
    ("rsyslog", &["/usr/sbin/rsyslogd"], "rsyslog.service", &["rsyslogd"], "/etc/rsyslog.conf"),
    ("syslog-ng", &["/usr/sbin/syslog-ng"], "syslog-ng.service", &["syslog-ng"], "/etc/syslog-ng/syslog-ng.conf"),
    (
        "busybox-syslogd",
        &["/usr/sbin/syslogd", "/sbin/syslogd"],
        "busybox-syslogd.service",
        &["syslogd"],
        "/etc/syslog.conf",
    ),
    ("auditd", &["/usr/sbin/auditd", "/sbin/auditd"], "auditd.service", &["auditd"], "/etc/audit/auditd.conf"),
];

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let units = scan::Units::scan(host);
    let processes = jobs::processes(host);
    if let Some(gap) = jobs::hidden(host) {
        facts.partial::<LogService>(gap);
    }
    let storage = journald(host, facts);
    for (name, programs, unit, comms, source) in KNOWN {
        let installed = programs.iter().any(|p| host.exists(p));
        let running = processes.as_ref().map(|p| jobs::runs(host, p, comms));
        let keeps = match (*name, storage.as_deref()) {
            _ if !installed => None,
            ("journald", Some("none")) => Some("nowhere"),
            ("journald", Some("volatile")) => Some("memory"),
            ("journald", Some("persistent")) => Some("disk"),
            ("journald", _) if host.exists("/var/log/journal") => Some("disk"),
            ("journald", _) => Some("memory"),
            _ => Some("disk"),
        };
        facts.push(LogService {
            source: (*source).to_owned(),
            name: (*name).to_owned(),
            installed,
            unit_file_state: scan::state_of(host, &units, unit).map(str::to_owned),
            running,
            keeps: keeps.map(str::to_owned),
        });
    }
    syslog::read(host, facts);
    audit::read(host, facts);
    rotate::read(host, &units, facts);
    files::read(host, facts);
    Ok(())
}

/// Keys of journald.conf(5) whose defaults matter to people, with these.
const DEFAULTS: &[(&str, &str)] = &[("Storage", "auto"), ("Compress", "yes"), ("Seal", "yes")];

/// Pushes the settings; returns `Storage`.
fn journald(host: &Host, facts: &mut Facts) -> Option<String> {
    if !["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"].iter().any(|p| host.exists(p)) {
        facts.absent::<JournaldConfig>("systemd's journal is not installed");
        return None;
    }
    let (settings, gaps) = unit::config(host, "journald.conf");
    for gap in gaps {
        facts.partial::<JournaldConfig>(gap);
    }
    let mut names: std::collections::BTreeSet<&str> = DEFAULTS.iter().map(|(name, _)| *name).collect();
    names.extend(settings.iter().filter(|s| s.section == "Journal").map(|s| s.key.as_str()));
    let mut storage = None;
    for name in names {
        let set = unit::last(&settings, "Journal", name);
        let default = DEFAULTS.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let Some(value) = set.map(|s| s.value.as_str()).or(default) else { continue };
        if name == "Storage" {
            storage = Some(value.to_ascii_lowercase());
        }
        facts.push(JournaldConfig {
            source: set.map_or_else(|| "built in".to_owned(), |s| s.source.clone()),
            line: set.map(|s| s.line),
            name: name.to_owned(),
            value: value.to_owned(),
            is_default: set.is_none(),
        });
    }
    storage
}

#[cfg(test)]
mod tests;
