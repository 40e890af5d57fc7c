//! Writes every run down before anything is changed: the changes into the store, what was there and what will be there
//! into files beside it, all synced. From this a run that was cut off is taken back, and any run undone.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::{Change, FileChange, Run},
    tree::{Content, State, Time},
};
use crate::store::{FixChange, FixRun, RunState, Store, StoreError};

/// Folder of all backups, beside the store.
const FOLDER: &str = "fixes";

/// Why the journal could not be written or read. Then nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A backup.
    #[error("the backup {path} cannot be used: {said}")]
    Backup {
        /// The file.
        path: PathBuf,
        /// What the system said.
        said: String,
    },
    /// Another run is under way.
    #[error("another cleanbill is fixing something at this moment")]
    Busy,
    /// What is written there is not understood.
    #[error("change {0} of the journal cannot be read: {1}")]
    Broken(i64, String),
}

/// The journal of a store, held by one process at a time.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    folder: PathBuf,
    /// Held while this value lives.
    _lock: File,
}

/// A change as the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kept {
    File { path: String, before: Option<KeptState>, after: Option<KeptState> },
    Run(Run),
}

/// A state as the journal keeps it; the content of a file lies beside it.
#[derive(Debug, Serialize, Deserialize)]
struct KeptState {
    is: Is,
    mode: u32,
    uid: u32,
    gid: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    modified: Time,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Is {
    /// A file, and the name of its content in the folder of the run.
    File(String),
    /// A link, and where it leads, as base64.
    Link(String),
    Folder,
    Opaque(u64, u64, bool),
}

impl Journal {
    /// Opens the journal beside a store, and keeps others out until this value goes.
    ///
    /// # Errors
    /// When another process holds it, or the folder cannot be made.
    pub fn open(store: &Store) -> Result<Self, JournalError> {
        let beside = store.path().parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = beside.join(FOLDER);
        let failed = |e: std::io::Error| backup(&folder, &e);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))
            .map_err(failed)?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::Busy),
            Err(error) => return Err(backup(&folder, &error.into())),
        }
        Ok(Journal { store: store.clone(), folder, _lock: lock })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes a run with its changes, by step, down. After this, and not before, anything may be changed.
    ///
    /// # Errors
    /// When it could not be written whole: then nothing must be changed.
    pub fn begin(&self, run: &mut FixRun, changes: &[(i64, &Change)]) -> Result<(), JournalError> {
        run.folder = name(run.started);
        let folder = self.folder.join(&run.folder);
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|e| backup(&folder, &e))?;
        let written = self.write(run, &folder, changes);
        if written.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        written
    }

    fn write(&self, run: &mut FixRun, folder: &Path, changes: &[(i64, &Change)]) -> Result<(), JournalError> {
        let mut kept = Vec::new();
        for (n, (step, change)) in (1..).zip(changes) {
            let (what, change) = match change {
                Change::File(change) => {
                    let keep = |state: &Option<State>, when: &str| -> Result<Option<KeptState>, JournalError> {
                        state.as_ref().map(|state| keep(state, folder, &format!("{n}.{when}"))).transpose()
                    };
                    let (before, after) = (keep(&change.before, "before")?, keep(&change.after, "after")?);
                    (change.path.clone(), Kept::File { path: change.path.clone(), before, after })
                }
                Change::Run(run) => (run.line(), Kept::Run(run.clone())),
            };
            let change = serde_json::to_string(&change).map_err(|e| JournalError::Broken(n, e.to_string()))?;
            kept.push(FixChange { step: *step, n, what, change });
        }
        for folder in [folder, &self.folder] {
            File::open(folder).and_then(|f| f.sync_all()).map_err(|e| backup(folder, &e))?;
        }
        Ok(self.store.begin_fixes(run, &kept)?)
    }

    /// The changes of a run by step, in their order, with what was there and what was to be there.
    ///
    /// # Errors
    /// When the journal or a backup cannot be read.
    pub fn changes(&self, run: &FixRun) -> Result<Vec<(i64, Change)>, JournalError> {
        let folder = self.folder.join(&run.folder);
        let mut changes = Vec::new();
        for kept in self.store.fix_changes(run.id)? {
            let broken = |e: String| JournalError::Broken(kept.n, e);
            let change: Kept = serde_json::from_str(&kept.change).map_err(|e| broken(e.to_string()))?;
            let change = match change {
                Kept::File { path, before, after } => {
                    let bring = |state: Option<KeptState>| state.map(|s| bring(s, &folder, kept.n)).transpose();
                    Change::File(FileChange { path, before: bring(before)?, after: bring(after)? })
                }
                Kept::Run(run) => Change::Run(run),
            };
            changes.push((kept.step, change));
        }
        Ok(changes)
    }

    /// Keeps a copy of what was changed by someone else since, so that nothing is lost where it is overwritten.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_aside(&self, run: &FixRun, path: &str, state: &State) -> Result<PathBuf, JournalError> {
        let folder = self.folder.join(&run.folder);
        let name = path.rsplit('/').next().unwrap_or("file");
        let name = (1..).map(|n| format!("newer-{n}-{name}")).find(|name| !folder.join(name).exists());
        let name = name.unwrap_or_default();
        keep(state, &folder, &name)?;
        Ok(folder.join(name))
    }

    /// Runs of this root that were cut off, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unfinished(&self, root: &str) -> Result<Vec<FixRun>, JournalError> {
        match self.store.fix_runs(Some(root)) {
            Err(StoreError::Missing(_)) => Ok(Vec::new()),
            runs => Ok(runs?.into_iter().filter(|r| r.state == RunState::Running).collect()),
        }
    }

    /// Removes folders of backups that no run knows: the machine went down while they were written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sweep(&self) -> Result<(), JournalError> {
        let known: Vec<String> = match self.store.fix_runs(None) {
            Err(StoreError::Missing(_)) => Vec::new(),
            runs => runs?.into_iter().map(|r| r.folder).collect(),
        };
        let Ok(entries) = fs::read_dir(&self.folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("run-") && !known.contains(&name) && entry.path().is_dir() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

/// A name for the folder of a run.
fn name(started: Timestamp) -> String {
    format!("run-{}-{}", started.strftime("%Y%m%d-%H%M%S-%3f"), std::process::id())
}

fn backup(path: &Path, error: &std::io::Error) -> JournalError {
    JournalError::Backup { path: path.to_owned(), said: error.to_string() }
}

fn keep(state: &State, folder: &Path, name: &str) -> Result<KeptState, JournalError> {
    let is = match &state.content {
        Content::File(bytes) => {
            let path = folder.join(name);
            let failed = |e: std::io::Error| backup(&path, &e);
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
            Is::File(name.to_owned())
        }
        Content::Link(target) => Is::Link(Base64::encode_string(target)),
        Content::Directory => Is::Folder,
        Content::Opaque(device, number, folder) => Is::Opaque(*device, *number, *folder),
    };
    Ok(KeptState {
        is,
        mode: state.mode,
        uid: state.uid,
        gid: state.gid,
        xattrs: state.xattrs.iter().map(|(name, value)| (name.clone(), Base64::encode_string(value))).collect(),
        modified: state.modified,
    })
}

fn bring(kept: KeptState, folder: &Path, n: i64) -> Result<State, JournalError> {
    let broken = || JournalError::Broken(n, "it is not base64".to_owned());
    let content = match kept.is {
        Is::File(name) => {
            let path = folder.join(&name);
            Content::File(fs::read(&path).map_err(|e| backup(&path, &e))?)
        }
        Is::Link(target) => Content::Link(Base64::decode_vec(&target).map_err(|_| broken())?),
        Is::Folder => Content::Directory,
        Is::Opaque(device, number, folder) => Content::Opaque(device, number, folder),
    };
    let mut xattrs = BTreeMap::new();
    for (name, value) in kept.xattrs {
        xattrs.insert(name, Base64::decode_vec(&value).map_err(|_| broken())?);
    }
    Ok(State { content, mode: kept.mode, uid: kept.uid, gid: kept.gid, xattrs, modified: kept.modified })
}
