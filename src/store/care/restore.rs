//! Bringing a backup back: it is copied, looked at, and only then put in the place of the file that is there.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use duckdb::AccessMode;
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{Store, StoreError, load::time},
    CareError, damage_of, foreign,
    reading::Reading,
    swap::{self, Swap},
    worker::Worker,
};

/// Which backup someone means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Latest,
    /// The newest of a day, UTC.
    Day(Date),
    /// This file, or the one with this name in the folder.
    File(PathBuf),
}

impl FromStr for Which {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "latest" | "last" => Which::Latest,
            other => other.parse().map_or_else(|_| Which::File(PathBuf::from(other)), Which::Day),
        })
    }
}

/// A backup that was looked at and can be put in place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Restore {
    /// The store.
    pub file: PathBuf,
    /// The backup.
    pub backup: PathBuf,
    /// Audits in it.
    pub audits: u64,
    /// Machines that they are of.
    pub machines: u64,
    /// When the first of them began.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// When the last of them began.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Audits of the store of now that are not in it; none when the store cannot be read or is not there.
    pub lost_audits: Option<u64>,
    /// Runs of fixes of the store of now that are not in it and cannot be undone from then on.
    pub lost_runs: Vec<i64>,
    /// Runs of fixes that were under way, or waited to be confirmed, when it was made. They are taken for done, so that
    /// nothing is taken back by itself.
    pub settled_runs: Vec<i64>,
    /// Whether there is a store now.
    pub replaces: bool,
    /// Where the file that was there is kept, once the backup is in its place.
    pub kept: Option<PathBuf>,
    #[serde(skip)]
    swap: Option<Swap>,
}

impl Restore {
    /// Puts the copy of the backup in the place of the store, whose file is kept aside.
    ///
    /// # Errors
    /// When the store has changed since, is in use, or the folder cannot be written to. Then it stays as it is.
    pub fn place(&mut self, now: Timestamp) -> Result<(), CareError> {
        if let Some(swap) = self.swap.take() {
            self.kept = swap.place(swap::REPLACED, now)?;
        }
        Ok(())
    }
}

impl Store {
    /// The file of a backup that someone means.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_backup(&self, which: &Which, folder: &Path) -> Result<PathBuf, CareError> {
        let none = |asked: String| CareError::NoSuchBackup { asked, folder: folder.to_owned() };
        match which {
            Which::File(file) if file.is_file() => Ok(file.clone()),
            Which::File(file) => {
                let inside = folder.join(file);
                if inside.is_file() { Ok(inside) } else { Err(none(file.display().to_string())) }
            }
            Which::Latest => {
                let newest = self.backups(folder).into_iter().next();
                newest.map(|b| b.file).ok_or_else(|| CareError::NoBackup(folder.to_owned()))
            }
            Which::Day(day) => {
                let mut backups = self.backups(folder).into_iter();
                let of_day = backups.find(|b| crate::words::utc(b.made).date() == *day);
                of_day.map(|b| b.file).ok_or_else(|| none(day.to_string()))
            }
        }
    }

    /// Copies a backup beside the store and reads all of it. Nothing else is changed until it is placed.
    ///
    /// # Errors
    /// When it is damaged, of a newer program, could have been written by others, or cannot be copied.
    pub fn restore(&self, backup: &Path) -> Result<Restore, CareError> {
        let failed = |e: std::io::Error| CareError::io(backup, &e);
        let mut source = fs::File::open(backup).map_err(failed)?;
        let meta = source.metadata().map_err(failed)?;
        // Whoever can write into a history can have undo run what he likes.
        if let Some(why) = foreign(&meta) {
            return Err(CareError::Foreign { path: backup.to_owned(), why });
        }
        let bad = |said: String| CareError::BadBackup { path: backup.to_owned(), said };
        let swap = Swap::begin(self)?;
        let copy = swap.new_file();
        let written = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy)?;
            std::io::copy(&mut source, &mut file)?;
            file.sync_all()
        })();
        written.map_err(|e| CareError::io(self.path(), &e))?;
        let held = Worker::read(&copy, true).map_err(|error| match damage_of(error) {
            Ok(said) => bad(said),
            Err(StoreError::Newer { found, known, .. }) => {
                StoreError::Newer { path: backup.to_owned(), found, known }.into()
            }
            Err(other) => other.into(),
        })?;
        if !held.is_history {
            return Err(bad("it holds no audits".to_owned()));
        }
        if let Some(said) = held.damage() {
            return Err(bad(said));
        }
        settle_runs(&copy, &held.open_runs)?;
        let replaces = self.path().exists();
        let now = if replaces { Worker::read(self.path(), false) } else { Ok(Reading::default()) };
        if let Err(StoreError::Busy(path)) = now {
            return Err(StoreError::Busy(path).into());
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(0);
        let missing = |now: &[(i64, i64)], then: &[(i64, i64)]| -> Vec<i64> {
            now.iter().filter(|a| !then.contains(a)).map(|a| a.0).collect()
        };
        Ok(Restore {
            file: self.path().to_owned(),
            backup: backup.to_owned(),
            audits: count(held.audits.len()),
            machines: held.machines,
            since: held.audits.iter().map(|a| time(a.1)).min(),
            last: held.audits.iter().map(|a| time(a.1)).max(),
            lost_audits: now.as_ref().ok().map(|n| count(missing(&n.audits, &held.audits).len())),
            lost_runs: now.as_ref().map_or_else(|_| Vec::new(), |n| missing(&n.runs, &held.runs)),
            settled_runs: held.open_runs,
            replaces,
            kept: None,
            swap: Some(swap),
        })
    }
}

/// A run that was under way when the backup was made has ended since, and one that waited was confirmed or taken back.
/// Left as they are, the next start would take them back.
fn settle_runs(copy: &Path, open: &[i64]) -> Result<(), StoreError> {
    if open.is_empty() {
        return Ok(());
    }
    let runs = open.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let connection = Store::at(copy).open(AccessMode::ReadWrite)?;
    connection.execute_batch(&format!(
        "begin;
         update fix_steps set state = 'unproven' where state = 'planned' and run in ({runs});
         update fix_runs set state = 'done', confirm_until = null where id in ({runs});
         commit; checkpoint;"
    ))?;
    Ok(())
}
