//! Backups: which jobs make them, when they last did, and what lies in the usual places. A machine that is backed up
//! from outside cannot know it, and no backup is opened.

mod jobs;
mod places;
#[cfg(test)]
mod tests;
mod traces;

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Row as _},
    host::Host,
};

fact_table! {
    /// Jobs that make backups, found in planned jobs, timers and the settings of backup programs.
    "backup_jobs" => BackupJob {
        /// File that starts it.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// Program that makes it, such as `restic` or `pg_dump`.
        tool: String,
        /// `files`, `database`, or `snapshot` (an earlier state on the same disk).
        kind: String,
        /// When it runs, as written: five fields of cron, a word such as `daily`, or a timer's calendar.
        schedule: String,
        /// Whether it is switched on; null when that cannot be told.
        enabled: Option<bool>,
        /// Whether the backup goes to another machine: `yes`, `no`, `unknown`.
        elsewhere: String,
        /// When it last ran, as far as a trace of it tells.
        last_run: Option<Timestamp>,
        /// The trace that tells so.
        trace: Option<String>,
    }
    offline: true,
    examples: ["select tool, kind, schedule, last_run from backup_jobs order by last_run"],
}

fact_table! {
    /// Files in the places where backups usually lie: the newest of each place, and those that everyone may read.
    "backup_files" => BackupFile {
        /// The file.
        source: String,
        /// The place.
        place: String,
        /// Whether it is the newest of its place.
        newest: bool,
        /// When it was written.
        modified: Timestamp,
        /// Bytes.
        size: i64,
        /// Rights, four octal digits.
        mode: String,
        /// `database`, `archive` or `other`.
        kind: String,
        /// Whether everyone on this machine can read it, the folders above included.
        readable_by_all: bool,
        /// Whether it lies on the same disk as the system.
        same_disk: bool,
    }
    offline: true,
    examples: ["select source, modified, size from backup_files where newest order by modified"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "backups",
    about: "whether there are backups",
    tables: &[BackupJob::TABLE, BackupFile::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let found = places::read(host, facts);
    let mut all = jobs::read(host, facts);
    for job in &mut all {
        traces::add(host, job, &found);
    }
    for job in all {
        facts.push(job);
    }
    for file in found {
        facts.push(file);
    }
    Ok(())
}
