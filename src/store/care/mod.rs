//! Care for the file of the history: look whether it is whole, keep copies, save what can be saved, bring a copy back.
//!
//! Whatever reads a file that may be damaged does so in a process of its own (see [`Worker`]): should DuckDB break off on
//! it, the person still gets a sentence. Nothing here ever deletes a history; the file that was there is kept aside.

mod backup;
mod check;
mod copy;
mod hold;
mod names;
mod reading;
mod repair;
mod restore;
mod salvage;
mod swap;
mod worker;

use std::path::{Path, PathBuf};

pub use backup::{Backup, BackupFile};
pub use check::{Health, Remedy, Trouble};
pub use repair::{Better, Repair, Tail};
pub use restore::{Restore, Which};
pub use salvage::SavedTable;
pub use worker::{Task, Worker};

use super::{StoreError, at_db};
use crate::words;

/// Why the history could not be cared for. Then everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder or file cannot be used.
    #[error("the place {path} cannot be used: {said}")]
    Place {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        said: String,
    },
    /// The disk is full.
    #[error("the disk of {0} is full, so nothing was written there")]
    Full(PathBuf),
    /// A damaged history is no backup.
    #[error("the history {path} is damaged, so no backup was made of it, and the older ones stay: {said}")]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong.
        said: String,
    },
    /// A backup is damaged.
    #[error("the backup {path} is damaged: {said}")]
    BadBackup {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        said: String,
    },
    /// Someone else cares for it at this moment.
    #[error("another cleanbill is at work in {0}")]
    Busy(PathBuf),
    /// It became another while a person was asked.
    #[error("the history {0} has changed in the meantime, so nothing was done")]
    Changed(PathBuf),
    /// What stands in it could be another's work; undo runs what stands there.
    #[error("the file {path} {why}, so what stands in it is not trusted")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// There is none.
    #[error("there is no backup in {0}")]
    NoBackup(PathBuf),
    /// None is meant by this.
    #[error("no backup in {folder} is called `{asked}`")]
    NoSuchBackup {
        /// What was asked for.
        asked: String,
        /// Where was looked.
        folder: PathBuf,
    },
    /// Nothing in it can be read.
    #[error("nothing in {path} can be read, so nothing could be saved: {said}")]
    Nothing {
        /// The store.
        path: PathBuf,
        /// What DuckDB said.
        said: String,
        /// The backup to take instead.
        newest: Option<PathBuf>,
    },
}

impl CareError {
    /// What to type or do next.
    pub fn hint(&self) -> String {
        match self {
            CareError::Store(error) => error.hint(),
            CareError::Place { .. } => "Run with sudo, or give another place".to_owned(),
            CareError::Full(_) => {
                "Make room there and try again; a backup can go to another disk with --to DIR".to_owned()
            }
            CareError::Damaged { path, .. } => {
                format!("See what is wrong with: cleanbill store check{}", at_db(path))
            }
            CareError::BadBackup { .. } => "Take another one; see them with: cleanbill store restore --list".to_owned(),
            CareError::Busy(_) => "Wait until it has ended, then try again".to_owned(),
            CareError::Changed(_) => "Try again".to_owned(),
            CareError::Foreign { path, .. } => {
                let path = words::shell(&path.display().to_string());
                format!("If you trust it: chown root {path} && chmod 600 {path}")
            }
            CareError::NoBackup(_) => {
                "Make one with: cleanbill store backup, or name the folder with --from".to_owned()
            }
            CareError::NoSuchBackup { .. } => "See them with: cleanbill store restore --list".to_owned(),
            CareError::Nothing { path, newest, .. } => {
                let db = at_db(path);
                match newest {
                    Some(_) => format!("Take the newest backup with: cleanbill store restore latest{db}"),
                    None => {
                        let path = words::shell(&path.display().to_string());
                        format!("There is no backup. Start a new history: mv {path} {path}.broken; cleanbill audit{db}")
                    }
                }
            }
        }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded) {
            return CareError::Full(folder_of(path).to_owned());
        }
        CareError::Place { path: path.to_owned(), said: error.to_string() }
    }
}

/// The folder in which a file lies.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file in which DuckDB keeps what is not in the main file yet.
fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".wal");
    PathBuf::from(name)
}

/// Whether anything was written beside a store that is not in it yet.
pub(super) fn waits(path: &Path) -> bool {
    wal_size(path).is_some_and(|size| size > 0)
}

/// Keeps everyone out of a store until the file goes.
pub(super) fn alone(path: &Path) -> Result<std::fs::File, StoreError> {
    hold::alone(path)
}

/// Keeps a copy of a store of an older schema, before it is brought to that of today.
pub(super) fn keep_for_older(store: &Path, schema: i64) -> Result<(), StoreError> {
    let copy = names::of_schema(store, schema, jiff::Timestamp::now());
    copy::copy(store, &copy).map(|_| ()).inspect_err(|_| {
        let _ = std::fs::remove_file(&copy);
    })
}

/// The newest copy of a store that a program which knows this schema can read.
pub(super) fn kept_for_older(store: &Path, known: i64) -> Option<PathBuf> {
    names::of_older_schemas(store, known).pop()
}

/// Keeps other processes of this program from making or exchanging a store, until the file goes; none where its folder
/// cannot be kept.
pub(super) fn alone_beside(store: &Path) -> Result<Option<std::fs::File>, StoreError> {
    match hold::folder(folder_of(store)) {
        Ok(held) => Ok(Some(held)),
        Err(CareError::Busy(_)) => Err(StoreError::Busy(store.to_owned())),
        Err(_) => Ok(None),
    }
}

/// Bytes in the file beside, which DuckDB has not taken into the main one yet; none when there is none.
fn wal_size(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(wal_of(path)).ok().map(|m| m.len())
}

/// Removes a file of DuckDB and what lies beside it, where they are there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    for file in [path.to_owned(), wal_of(path)] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(copy::failed(&file, &error)),
            _ => {}
        }
    }
    Ok(())
}

/// Writes down which names a folder has.
fn synced(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Whether DuckDB says that the machine has not what it needs: no word about the file.
fn is_of_machine(said: &str) -> bool {
    ["Out of Memory", "out of memory", "annot allocate", "No space left", "Too many open files"]
        .iter()
        .any(|sign| said.contains(sign))
}

/// What is wrong with the file, by what DuckDB said; the error itself where it is no word about the file.
fn damage_of(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Damaged { said, .. } | StoreError::Sql(said) if !is_of_machine(&said) => Ok(said),
        other => Err(other),
    }
}

/// Why a file is not trusted: others own it or could have written into it.
fn foreign(meta: &std::fs::Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    if meta.uid() != 0 && meta.uid() != rustix::process::geteuid().as_raw() {
        return Some("belongs to someone else");
    }
    (meta.mode() & 0o022 != 0).then_some("may be written to by others")
}
