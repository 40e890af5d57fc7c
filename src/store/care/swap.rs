//! Putting a new file in the place of a store: at no moment is there none, and the one that was there is kept aside.

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    super::{Store, StoreError},
    CareError, folder_of, hold, names, synced, wal_of,
};

/// How the folder ends in which the new file is made, beside the store.
const WORK: &str = ".care";
/// What a file that was there is called then.
pub(super) const BROKEN: &str = "broken";
pub(super) const REPLACED: &str = "replaced";
/// One who opened the old file just before its name went to the new one finds it held for so long, and looks again.
const GRACE: Duration = Duration::from_millis(100);

/// A new file in the making. When it goes, all that was made goes with it, unless it was put in its place.
#[derive(Debug)]
pub(super) struct Swap {
    store: PathBuf,
    work: PathBuf,
    before: Option<Seen>,
    _held: File,
}

/// By what one sees that a file is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    file: Mark,
    wal: Option<Mark>,
}

type Mark = (u64, u64, u64, i64, i64);

impl Seen {
    fn now(store: &Path) -> Option<Self> {
        let mark = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
        };
        Some(Seen { file: mark(store)?, wal: mark(&wal_of(store)) })
    }
}

impl Swap {
    /// Begins; only one can at a time.
    pub(super) fn begin(store: &Store) -> Result<Self, CareError> {
        // Of a link, what it points to is exchanged, and the link stays.
        let store = fs::canonicalize(store.path()).unwrap_or_else(|_| store.path().to_owned());
        let folder = folder_of(&store);
        let failed = |e: std::io::Error| CareError::io(folder, &e);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let held = hold::folder(folder)?;
        let name = store.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let work = store.with_file_name(format!(".{name}{WORK}"));
        // What one who was cut off left behind.
        if fs::symlink_metadata(&work).is_ok() {
            fs::remove_dir_all(&work).map_err(|e| CareError::io(&work, &e))?;
        }
        unlink_twins(&store, &name);
        fs::DirBuilder::new().mode(0o700).create(&work).map_err(|e| CareError::io(&work, &e))?;
        let before = Seen::now(&store);
        Ok(Swap { store, work, before, _held: held })
    }

    /// Where the new file is made.
    pub(super) fn new_file(&self) -> PathBuf {
        self.work.join("new.duckdb")
    }

    /// The old file under another name, so that DuckDB does not find what lies beside it.
    pub(super) fn old_file(&self) -> Result<PathBuf, CareError> {
        let old = self.work.join("old.duckdb");
        if fs::hard_link(&self.store, &old).is_err() {
            fs::copy(&self.store, &old).map_err(|e| CareError::io(&old, &e))?;
        }
        Ok(old)
    }

    /// Puts the new file in the place of the store; says where the old one is now.
    pub(super) fn place(self, why: &str, now: Timestamp) -> Result<Option<PathBuf>, CareError> {
        let (new, store, folder) = (self.new_file(), &self.store, folder_of(&self.store));
        let failed = |e: std::io::Error| CareError::io(store, &e);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        File::open(&new).and_then(|f| f.sync_all()).map_err(failed)?;
        let held = match hold::alone(store) {
            Ok(held) => Some(held),
            Err(StoreError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        // Someone who waited for us may have written in between.
        if Seen::now(store) != self.before {
            return Err(CareError::Changed(store.clone()));
        }
        let aside = held.as_ref().map(|_| names::aside(store, why, now));
        let wal = wal_of(store);
        if let Some(aside) = &aside
            && fs::hard_link(store, aside).is_err()
        {
            // A disk without such links: a copy does as well.
            fs::copy(store, aside).map_err(failed)?;
            File::open(aside).and_then(|f| f.sync_all()).map_err(failed)?;
        }
        if fs::symlink_metadata(&wal).is_ok() {
            // It belongs to the old file and must not be taken for one of the new.
            match &aside {
                Some(aside) => fs::rename(&wal, wal_of(aside)).map_err(failed)?,
                None => fs::rename(&wal, wal_of(&names::aside(store, why, now))).map_err(failed)?,
            }
        }
        fs::rename(&new, store).map_err(failed)?;
        synced(folder).map_err(failed)?;
        if held.is_some() {
            std::thread::sleep(GRACE);
        }
        Ok(aside)
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.work);
    }
}

/// One who was cut off between giving the store a second name and giving its first one away left both: the second goes.
fn unlink_twins(store: &Path, name: &str) {
    let (Ok(meta), Ok(entries)) = (fs::metadata(store), fs::read_dir(folder_of(store))) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let twin = entry
            .file_name()
            .to_str()
            .is_some_and(|other| [BROKEN, REPLACED].iter().any(|why| other.starts_with(&format!("{name}.{why}-"))));
        if twin && hold::same(&meta, &path) {
            let (ours, theirs) = (wal_of(store), wal_of(&path));
            if fs::symlink_metadata(&theirs).is_ok() && fs::symlink_metadata(&ours).is_err() {
                let _ = fs::rename(&theirs, &ours);
            }
            let _ = fs::remove_file(&path);
        }
    }
}
