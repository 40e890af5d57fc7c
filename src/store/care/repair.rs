//! Repairing a damaged history: what can be read of it goes into a new file, and the old one is kept aside.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{Store, StoreError, load::time},
    BackupFile, CareError, damage_of, folder_of, foreign,
    salvage::{Salvaged, SavedTable},
    swap::{self, Swap},
    wal_of, wal_size,
    worker::Worker,
};

/// What became of what was written last and lay beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// There was nothing.
    None,
    /// It is in the new file.
    TakenIn,
    /// The first part of it is in the new file, the rest cannot be read.
    InPart,
    /// It cannot be read.
    LeftOut,
}

/// What was saved.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Repair {
    /// The store.
    pub file: PathBuf,
    /// What became of each table.
    pub tables: Vec<SavedTable>,
    /// Audits that were saved.
    pub audits: u64,
    /// Of them, those of which something is missing; they say so.
    pub incomplete: u64,
    /// When the first of them began.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// When the last of them began.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Runs of fixes that lost something, so that they cannot be undone any more.
    pub runs_lost: Vec<i64>,
    /// What became of what was written last.
    pub tail: Tail,
    /// The newest backup, where it holds audits that could not be saved.
    pub better: Option<Better>,
    /// Where the damaged file is kept, once the new one is in its place.
    pub kept: Option<PathBuf>,
    #[serde(skip)]
    swap: Option<Swap>,
}

/// A backup that holds more than could be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Better {
    /// The backup.
    #[serde(flatten)]
    pub backup: BackupFile,
    /// Audits in it.
    pub audits: u64,
    /// Of them, those that could not be saved.
    pub more: u64,
}

impl Repair {
    /// Rows that were saved, those that were put aside, and those that are lost.
    pub fn rows(&self) -> (u64, u64, u64) {
        let sum = |of: fn(&SavedTable) -> u64| self.tables.iter().map(of).sum();
        (sum(|t| t.saved), sum(|t| t.aside), sum(|t| t.lost))
    }

    /// Puts the new file in the place of the damaged one, which is kept aside.
    ///
    /// # Errors
    /// When the damaged one has changed since, is in use, or the folder cannot be written to. Then it stays as it is.
    pub fn place(&mut self, now: Timestamp) -> Result<(), CareError> {
        if let Some(swap) = self.swap.take() {
            self.kept = swap.place(swap::BROKEN, now)?;
        }
        Ok(())
    }
}

impl Store {
    /// Saves what can be read of the history into a new file beside it. Nothing else is changed until it is placed.
    ///
    /// # Errors
    /// When nothing in it can be read, others could have written it, or the disk is full.
    pub fn repair(&self) -> Result<Repair, CareError> {
        let path = self.path();
        let meta = fs::metadata(path).map_err(|_| self.missing())?;
        if let Some(why) = foreign(&meta) {
            return Err(CareError::Foreign { path: path.to_owned(), why });
        }
        let newest = || self.backups(&self.backup_folder()).into_iter().next();
        let swap = Swap::begin(self)?;
        let nothing = |said| CareError::Nothing { path: path.to_owned(), said, newest: newest().map(|b| b.file) };
        let (saved, tail) = attempts(path, &swap).map_err(|error| match error {
            CareError::Store(StoreError::Full(_)) => CareError::Full(folder_of(path).to_owned()),
            CareError::Store(error) => damage_of(error).map_or_else(CareError::Store, nothing),
            other => other,
        })?;
        let reading = Worker::read(&swap.new_file(), true)?;
        if let Some(said) = reading.damage() {
            return Err(nothing(said));
        }
        let better = newest().and_then(|backup| {
            let held = Worker::read(&backup.file, false).ok()?;
            let count = |n: usize| u64::try_from(n).unwrap_or(0);
            let more = count(held.audits.iter().filter(|a| !reading.audits.contains(a)).count());
            (more > 0).then_some(Better { backup, audits: count(held.audits.len()), more })
        });
        Ok(Repair {
            file: path.to_owned(),
            tables: saved.tables,
            audits: u64::try_from(reading.audits.len()).unwrap_or(0),
            incomplete: saved.audits,
            since: reading.audits.iter().map(|a| time(a.1)).min(),
            last: reading.audits.iter().map(|a| time(a.1)).max(),
            runs_lost: saved.runs,
            tail,
            better,
            kept: None,
            swap: Some(swap),
        })
    }
}

/// Reads the file with what lies beside it; with as much of that as can be read; without it.
fn attempts(path: &Path, swap: &Swap) -> Result<(Salvaged, Tail), CareError> {
    let (old, new) = (swap.old_file()?, swap.new_file());
    let beside = wal_of(&old);
    if wal_size(path).is_none() {
        return Ok((Worker::salvage(&old, &new)?, Tail::None));
    }
    fs::copy(wal_of(path), &beside).map_err(|e| CareError::io(&beside, &e))?;
    let mut tail = Tail::TakenIn;
    loop {
        let error = match Worker::salvage(&old, &new) {
            Ok(saved) => return Ok((saved, tail)),
            Err(error) => error,
        };
        let Some(length) = wal_size(&old) else { return Err(error.into()) };
        let said = damage_of(error)?;
        // Up to the entry that is damaged it can be read: what comes after it was committed later.
        match position(&said).filter(|position| *position > 0 && *position < length) {
            Some(position) => {
                let cut = fs::OpenOptions::new().write(true).open(&beside).and_then(|f| f.set_len(position));
                cut.map_err(|e| CareError::io(&beside, &e))?;
                tail = Tail::InPart;
            }
            None => {
                fs::remove_file(&beside).map_err(|e| CareError::io(&beside, &e))?;
                tail = Tail::LeftOut;
            }
        }
    }
}

/// Where the damaged entry begins, as DuckDB says it.
fn position(said: &str) -> Option<u64> {
    let rest = said.split("entry at byte position ").nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
