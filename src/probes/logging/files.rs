//! The files that records are kept in: how big, how old, and who may change them.

use jiff::Timestamp;

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::{Host, Kind},
};

fact_table! {
    /// Files of records beneath /var/log: those at its top, the well-known ones and all above a megabyte; the journal is one row.
    "log_files" => LogFile {
        /// The file or folder.
        source: String,
        /// `file`, or `journal` for the whole folder of systemd's journal.
        log_type: String,
        /// Bytes.
        size: i64,
        /// When something was last written.
        modified: Timestamp,
        /// Rights, such as `0640`.
        mode: String,
        /// Number of its owner.
        uid: i64,
        /// Whether anyone may read it.
        world_readable: bool,
        /// Whether anyone may change it.
        world_writable: bool,
    }
    offline: true,
    examples: ["select source, size / 1048576 as megabytes from log_files order by size desc limit 10"],
}

const MAIN: &[&str] = &[
    "syslog",
    "messages",
    "auth.log",
    "secure",
    "kern.log",
    "mail.log",
    "cron.log",
    "audit.log",
    "wtmp",
    "btmp",
    "lastlog",
    "faillog",
    "dpkg.log",
];
/// Smaller ones in folders below are counted only when well known.
const BIG: u64 = 1 << 20;
/// Most entries looked at, and how deep.
const MOST: usize = 5_000;
const DEEPEST: usize = 4;

pub(super) fn read(host: &Host, facts: &mut Facts) {
    let mut left = MOST;
    folder(host, "/var/log", 0, &mut left, facts);
    for path in ["/var/log/journal", "/run/log/journal"] {
        if path.starts_with("/run/") && !host.is_live() {
            continue;
        }
        if let Ok(meta) = host.metadata(path) {
            let (mut size, mut modified) = (0_u64, meta.modified);
            for file in host.glob(&format!("{path}/*/*.journal*")).into_iter().take(MOST) {
                if let Ok(meta) = host.symlink_metadata(&file) {
                    size = size.saturating_add(meta.size);
                    modified = modified.max(meta.modified);
                }
            }
            push(path, "journal", size, modified, &meta, facts);
        }
    }
}

fn folder(host: &Host, path: &str, depth: usize, left: &mut usize, facts: &mut Facts) {
    if depth > DEEPEST || path == "/var/log/journal" {
        return;
    }
    let entries = match host.list(path) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return,
        Err(error) => return facts.partial::<LogFile>(Gap::new("some files of records", path, error.reason())),
    };
    for entry in entries {
        *left = left.saturating_sub(1);
        if *left == 0 {
            let reason = crate::facts::Reason::Broken(format!("it holds more than {MOST} files"));
            return facts.partial::<LogFile>(Gap::new("all files of records", "/var/log", reason));
        }
        match entry.kind {
            Kind::Directory => folder(host, &entry.path, depth.saturating_add(1), left, facts),
            Kind::File => {
                let Ok(meta) = host.symlink_metadata(&entry.path) else { continue };
                // lastlog has holes: its size says nothing.
                let size = if entry.name == "lastlog" || entry.name == "faillog" { 0 } else { meta.size };
                if size >= BIG || depth == 0 || MAIN.contains(&entry.name.as_str()) || meta.mode & 0o002 != 0 {
                    push(&entry.path, "file", size, meta.modified, &meta, facts);
                }
            }
            _ => {}
        }
    }
}

fn push(path: &str, log_type: &str, size: u64, modified: Timestamp, meta: &crate::host::Metadata, facts: &mut Facts) {
    facts.push(LogFile {
        source: path.to_owned(),
        log_type: log_type.to_owned(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        modified,
        mode: format!("{:04o}", meta.mode),
        uid: meta.uid.into(),
        world_readable: meta.mode & 0o004 != 0,
        world_writable: meta.mode & 0o002 != 0,
    });
}
