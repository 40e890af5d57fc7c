//! Copies of the history that are kept: made while others read and write, looked at before they get their name, the
//! oldest removed, and never one that holds what the new one does not.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{Store, StoreError, load::time},
    CareError, damage_of, folder_of, hold, names,
    reading::Reading,
    synced,
    worker::Worker,
};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Backup {
    /// The file.
    pub file: PathBuf,
    /// When it was made.
    #[schemars(with = "String")]
    pub made: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// Audits in it.
    pub audits: u64,
    /// Machines that they are of.
    pub machines: u64,
    /// When the first of them began.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
    /// Older ones beyond the number to keep that stay: they hold a history that the new one does not, or cannot be read.
    pub kept: Vec<PathBuf>,
}

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackupFile {
    /// The file.
    pub file: PathBuf,
    /// When it was made, to the minute, by its name.
    #[schemars(with = "String")]
    pub made: Timestamp,
    /// Its size in bytes.
    pub size: u64,
}

impl Store {
    /// Where its backups are kept unless told otherwise: the folder `backups` beside it.
    pub fn backup_folder(&self) -> PathBuf {
        folder_of(self.path()).join("backups")
    }

    /// The backups of this store in a folder, the newest first; none when there is no such folder.
    pub fn backups(&self, folder: &Path) -> Vec<BackupFile> {
        names::backups(folder, &names::stem(self.path())).unwrap_or_default()
    }

    /// Whether it is not there, and yet there are backups of it.
    pub fn is_lost(&self) -> bool {
        !self.path().exists() && !self.backups(&self.backup_folder()).is_empty()
    }

    /// Copies the history into a folder, which is made when it is not there, and keeps so many of the newest copies, at
    /// least one. Others may read and write meanwhile; writers wait while the file is copied.
    ///
    /// The backups of fixes (`NAME.fixes`) are not in it: they are of the machine, belong to its disk, and stay where
    /// they are when a history is brought back.
    ///
    /// # Errors
    /// When the store cannot be read to the last row, or the copy not be written. Then older copies are as they were.
    pub fn backup(&self, folder: &Path, keep: usize, now: Timestamp) -> Result<Backup, CareError> {
        if !self.path().exists() {
            return Err(self.missing().into());
        }
        let failed = |e: std::io::Error| CareError::io(folder, &e);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let _held = hold::folder(folder)?;
        let stem = names::stem(self.path());
        names::sweep(folder, &stem);
        let part = names::part(folder, &stem, now);
        let made = self.copy_whole(&part).and_then(|reading| {
            let file = names::backup(folder, &stem, now);
            fs::rename(&part, &file).and_then(|()| synced(folder)).map_err(failed)?;
            Ok((file, reading))
        });
        let (file, reading) = made.inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })?;
        let size = fs::metadata(&file).map_or(0, |m| m.len());
        let (removed, kept) = self.rotate(folder, keep.max(1), &file, &reading);
        Ok(Backup {
            file,
            made: now,
            size,
            audits: u64::try_from(reading.audits.len()).unwrap_or(0),
            machines: reading.machines,
            since: reading.audits.iter().map(|(_, started)| time(*started)).min(),
            removed,
            kept,
        })
    }

    /// The newest copy that was kept for older releases, when the history was brought to a newer schema.
    pub fn kept_for_older(&self) -> Option<PathBuf> {
        super::kept_for_older(self.path(), i64::MAX)
    }

    /// Copies the history as it is, to try something with it.
    ///
    /// # Errors
    /// When it cannot be read or the copy not be written.
    pub fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        Worker::copy(self.path(), target).map(|_| ())
    }

    /// A copy of which every row was read.
    fn copy_whole(&self, part: &Path) -> Result<Reading, CareError> {
        let damaged = |said: String| CareError::Damaged { path: self.path().to_owned(), said };
        let explained = |error: StoreError| match damage_of(error) {
            Ok(said) => damaged(said),
            Err(StoreError::Full(_)) => CareError::Full(folder_of(part).to_owned()),
            Err(other) => CareError::Store(other),
        };
        let copied = Worker::copy(self.path(), part).map_err(explained)?;
        let reading = Worker::read(part, true).map_err(explained)?;
        if !reading.is_history {
            return Err(damaged("it holds no audits".to_owned()));
        }
        if let Some(said) = reading.damage() {
            return Err(damaged(said));
        }
        let audits = u64::try_from(reading.audits.len()).unwrap_or(0);
        if audits != copied.audits {
            return Err(damaged(format!("it has {} audits and its copy {audits}", copied.audits)));
        }
        Ok(reading)
    }

    /// Removes the oldest copies beyond those to keep, if what they hold is in the new one: a history that began anew
    /// does not drive out the one that was lost.
    fn rotate(&self, folder: &Path, keep: usize, new: &Path, reading: &Reading) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut removed, mut kept) = (Vec::new(), Vec::new());
        let others = self.backups(folder).into_iter().filter(|b| b.file != new);
        for old in others.skip(keep - 1) {
            let held = Worker::read(&old.file, false);
            let in_new = held.is_ok_and(|o| o.audits.last().is_none_or(|a| reading.audits.contains(a)));
            if in_new && fs::remove_file(&old.file).is_ok() {
                removed.push(old.file);
            } else {
                kept.push(old.file);
            }
        }
        if !removed.is_empty() {
            let _ = synced(folder);
        }
        (removed, kept)
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn without_a_program_to_start_it_is_done_on_the_spot() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("mine.duckdb"));
        let now = || "2026-11-26T03:00:42Z".parse().unwrap();
        assert!(matches!(
            store.backup(&store.backup_folder(), 7, now()),
            Err(CareError::Store(StoreError::Missing(_)))
        ));
        store.migrate().unwrap();
        let backup = store.backup(&store.backup_folder(), 7, now()).unwrap();
        assert_eq!(backup.file, folder.path().join("backups/mine-2026-11-26T0300.duckdb"));
        assert_eq!((backup.audits, backup.since), (0, None));
        assert_eq!(store.backups(&store.backup_folder()).len(), 1);
        assert!(store.check().unwrap().fine && !store.is_lost());
        fs::remove_file(store.path()).unwrap();
        assert!(matches!(store.check(), Err(CareError::Store(StoreError::Lost(_)))));
        store.restore(&backup.file).unwrap().place(now()).unwrap();
        assert_eq!(fs::read(store.path()).unwrap(), fs::read(backup.file).unwrap());
    }
}
