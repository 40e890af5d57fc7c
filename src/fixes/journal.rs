//! Writes every run down before anything is changed: the changes into the store, what was there and what will be there
//! into files beside it, all synced, and how far it came, before each change. From this a run that was cut off is taken
//! back, and any run undone.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::{Change, FileChange, Run},
    tree::{Content, State, Time},
};
use crate::store::{FixChange, FixRun, RunState, StepState, Store, StoreError};

/// How the folder of all backups ends, beside the store whose name it bears: two stores in one folder do not meet.
const FOLDER: &str = ".fixes";
/// How the folder of a run ends until it is written whole.
const PART: &str = ".part";
/// Where it stands how far a run came: one letter for each change.
const PROGRESS: &str = "progress";
/// How long one who fixes waits for another who does.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The folder or the store could be another's work.
    #[error("{path} {why}, so what stands in it is not trusted")]
    Foreign {
        /// What is not trusted.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A run before this one is neither done nor taken back.
    #[error("run {0} was cut off and is not wholly taken back yet")]
    HalfDone(i64, String),
    /// A run before this one takes itself back unless it is confirmed.
    #[error("run {0} still waits to be confirmed")]
    Waiting(i64, String),
    /// What is written there is not understood.
    #[error("change {0} of the journal cannot be read: {1}")]
    Broken(i64, String),
}

/// The journal of a store.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    folder: PathBuf,
    patience: Duration,
}

/// Keeps others out while it lives.
#[derive(Debug)]
pub struct Held {
    _lock: File,
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Not begun.
    Untouched,
    /// Begun, and perhaps done in part.
    Begun,
    /// Done.
    Done,
    /// Taken back.
    Back,
}

impl Mark {
    fn letter(self) -> u8 {
        match self {
            Mark::Untouched => b'.',
            Mark::Begun => b'b',
            Mark::Done => b'd',
            Mark::Back => b'u',
        }
    }

    fn parse(letter: u8) -> Self {
        match letter {
            b'.' => Mark::Untouched,
            b'd' => Mark::Done,
            b'u' => Mark::Back,
            _ => Mark::Begun,
        }
    }
}

/// A change with its place in the journal.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    /// Its place in the run, from 0.
    pub(super) n: u64,
    /// The step that it belongs to.
    pub(super) step: i64,
    /// How far it came.
    pub(super) mark: Mark,
    /// What is changed.
    pub(super) change: Change,
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
    /// Opens the journal beside a store.
    ///
    /// # Errors
    /// When the folder cannot be made, or is another's.
    pub fn open(store: &Store) -> Result<Self, JournalError> {
        let folder = beside(store);
        let failed = |e: std::io::Error| backup(&folder, &e);
        let above = above(&folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(above).map_err(failed)?;
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => synced(above).map_err(failed)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        // What stands there is run and written as whoever runs this.
        trusted(&folder, true)?;
        if fs::symlink_metadata(store.path()).is_ok() {
            trusted(store.path(), false)?;
        }
        Ok(Journal { store: store.clone(), folder, patience: PATIENCE })
    }

    /// The journal beside a store, where there is one; nothing is made.
    pub fn there(store: &Store) -> Option<Self> {
        if store.path().exists() && beside(store).is_dir() { Journal::open(store).ok() } else { None }
    }

    /// Waits so long for another who fixes.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Journal { patience, ..self }
    }

    /// Keeps others out until the value goes. Nobody holds it while a person is asked.
    ///
    /// # Errors
    /// When another one fixes something for too long.
    pub fn hold(&self) -> Result<Held, JournalError> {
        let path = self.folder.join("lock");
        let failed = |e: std::io::Error| backup(&path, &e);
        let lock = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(&path)
            .map_err(failed)?;
        let start = Instant::now();
        loop {
            match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Held { _lock: lock }),
                Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < self.patience => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::Busy),
                Err(error) => return Err(backup(&path, &error.into())),
            }
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether a new run may begin in a root.
    ///
    /// # Errors
    /// When another one was cut off there, or still waits to be confirmed.
    pub fn ready(&self, root: &str) -> Result<(), JournalError> {
        if let Some(cut) = self.unfinished(root)?.first() {
            return Err(JournalError::HalfDone(cut.id, root.to_owned()));
        }
        match self.waiting(root)?.first() {
            Some(waiting) => Err(JournalError::Waiting(waiting.id, root.to_owned())),
            None => Ok(()),
        }
    }

    /// Writes a run with its changes, by step, down. After this, and not before, anything may be changed.
    ///
    /// # Errors
    /// When it could not be written whole: then nothing must be changed.
    pub fn begin(&self, run: &mut FixRun, changes: &[(i64, &Change)]) -> Result<(), JournalError> {
        run.folder = name(run.started);
        let folder = self.folder.join(&run.folder);
        // It gets its name when it is whole: one without it is swept away by the next start.
        let part = self.folder.join(format!("{}{PART}", run.folder));
        fs::DirBuilder::new().mode(0o700).create(&part).map_err(|e| backup(&part, &e))?;
        let written = self.write(run, &part, changes);
        if written.is_err() {
            let _ = fs::remove_dir_all(&part);
            return written;
        }
        let named = fs::rename(&part, &folder).and_then(|()| synced(&self.folder));
        if let Err(error) = named {
            // The store has it already, and nothing was changed.
            run.state = RunState::RolledBack;
            let _ = self.store.end_fixes(run);
            return Err(backup(&folder, &error));
        }
        Ok(())
    }

    fn write(&self, run: &mut FixRun, folder: &Path, changes: &[(i64, &Change)]) -> Result<(), JournalError> {
        let kept = (1..).zip(changes).map(|(n, (step, change))| kept(n, *step, change, folder));
        let kept = kept.collect::<Result<Vec<_>, _>>()?;
        let progress = folder.join(PROGRESS);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&progress);
        let letters = vec![Mark::Untouched.letter(); changes.len()];
        let written = file.as_mut().map_err(|e| std::io::Error::from(e.kind()));
        written.and_then(|f| f.write_all(&letters).and_then(|()| f.sync_all())).map_err(|e| backup(&progress, &e))?;
        for folder in [folder, &self.folder] {
            synced(folder).map_err(|e| backup(folder, &e))?;
        }
        self.store.begin_fixes(run, &kept)?;
        // The store may be new, and its name must last too.
        let above = above(&self.folder);
        synced(above).map_err(|e| backup(above, &e))
    }

    /// Adds what programs of a run made of files beside what was planned, as done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(
        &self,
        run: &FixRun,
        changes: &mut Vec<Logged>,
        more: Vec<(i64, FileChange)>,
    ) -> Result<(), JournalError> {
        let folder = self.folder.join(&run.folder);
        let more: Vec<Logged> = (changes.len() as u64..)
            .zip(more)
            .map(|(n, (step, file))| Logged { n, step, mark: Mark::Done, change: Change::File(file) })
            .collect();
        let row = |logged: &Logged| {
            let n = i64::try_from(logged.n + 1).unwrap_or(i64::MAX);
            kept(n, logged.step, &logged.change, &folder)
        };
        let rows = more.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        for logged in &more {
            self.mark(&run.folder, logged.n, Mark::Done)?;
        }
        synced(&folder).map_err(|e| backup(&folder, &e))?;
        self.store.add_fix_changes(run.id, &rows)?;
        changes.extend(more);
        Ok(())
    }

    /// Writes down how far a change came: in its place, so that a full disk does not hinder it.
    ///
    /// # Errors
    /// When it cannot be written: then the change must not begin.
    pub(super) fn mark(&self, folder: &str, n: u64, mark: Mark) -> Result<(), JournalError> {
        let path = self.folder.join(folder).join(PROGRESS);
        let file = fs::OpenOptions::new().write(true).open(&path).map_err(|e| backup(&path, &e))?;
        file.write_all_at(&[mark.letter()], n).and_then(|()| file.sync_data()).map_err(|e| backup(&path, &e))
    }

    /// The changes of a run in their order, with what was there, what was to be there, and how far each came.
    ///
    /// # Errors
    /// When the journal or a backup cannot be read.
    pub(super) fn changes(&self, run: &FixRun) -> Result<Vec<Logged>, JournalError> {
        let folder = self.folder.join(&run.folder);
        if !folder.exists() && self.folder.join(format!("{}{PART}", run.folder)).exists() {
            // It was cut off before its first change.
            return Ok(Vec::new());
        }
        let letters = fs::read(folder.join(PROGRESS)).unwrap_or_default();
        let mut changes = Vec::new();
        for (n, kept) in (0_u64..).zip(self.store.fix_changes(run.id)?) {
            let broken = |e: String| JournalError::Broken(kept.n, e);
            let change: Kept = serde_json::from_str(&kept.change).map_err(|e| broken(e.to_string()))?;
            let change = match change {
                Kept::File { path, before, after } => {
                    let bring = |state: Option<KeptState>| state.map(|s| bring(s, &folder, kept.n)).transpose();
                    Change::File(FileChange { path, before: bring(before)?, after: bring(after)? })
                }
                Kept::Run(run) => Change::Run(run),
            };
            let letter = usize::try_from(n).ok().and_then(|n| letters.get(n));
            let mark = letter.map_or(Mark::Begun, |l| Mark::parse(*l));
            changes.push(Logged { n, step: kept.step, mark, change });
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
        synced(&folder).map_err(|e| backup(&folder, &e))?;
        Ok(folder.join(name))
    }

    /// Runs of this root that were cut off, or whose taking back was, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unfinished(&self, root: &str) -> Result<Vec<FixRun>, JournalError> {
        let cut = |r: &FixRun| r.state == RunState::Running || r.steps.iter().any(|s| s.state == StepState::Undoing);
        Ok(self.runs(root)?.into_iter().filter(cut).collect())
    }

    /// Runs of this root that take themselves back unless someone confirms them, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self, root: &str) -> Result<Vec<FixRun>, JournalError> {
        let waits = |r: &FixRun| r.state == RunState::Done && r.confirm_until.is_some();
        Ok(self.runs(root)?.into_iter().filter(waits).collect())
    }

    /// All runs of this root, the newest first.
    pub(super) fn runs(&self, root: &str) -> Result<Vec<FixRun>, JournalError> {
        match self.store.fix_runs(Some(root)) {
            Err(StoreError::Missing(_)) => Ok(Vec::new()),
            runs => Ok(runs?),
        }
    }

    /// Removes folders of backups that were cut off while they were written, before anything was changed. Only for who
    /// holds the journal.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("run-") && name.ends_with(PART) && entry.file_type().is_ok_and(|t| t.is_dir()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Fails where others could have written something.
fn trusted(path: &Path, folder: bool) -> Result<(), JournalError> {
    let foreign = |why| JournalError::Foreign { path: path.to_owned(), why };
    let meta = fs::symlink_metadata(path).map_err(|e| backup(path, &e))?;
    if folder && !meta.is_dir() {
        return Err(foreign("is no folder"));
    }
    let meta = if folder { meta } else { fs::metadata(path).map_err(|e| backup(path, &e))? };
    if meta.uid() != 0 && meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(foreign("belongs to someone else"));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(foreign("may be written to by others"));
    }
    Ok(())
}

/// The folder of all backups of a store.
fn beside(store: &Store) -> PathBuf {
    let mut name = store.path().file_name().unwrap_or_default().to_owned();
    name.push(FOLDER);
    store.path().with_file_name(name)
}

/// The folder in which another lies.
fn above(folder: &Path) -> &Path {
    folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A change as the store keeps it; contents of files go into the folder of the run.
fn kept(n: i64, step: i64, change: &Change, folder: &Path) -> Result<FixChange, JournalError> {
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
    Ok(FixChange { step, n, what, change })
}

/// Writes down which names a folder has.
fn synced(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
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
