//! Keeping others out: of a folder while its backups change, of a store while its file is copied or exchanged.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::io::Errno;

use super::{
    super::{PATIENCE, StoreError},
    CareError,
};

/// Keeps other processes of this program out of a folder until it goes.
pub(super) fn folder(folder: &Path) -> Result<File, CareError> {
    let held = File::open(folder).map_err(|e| CareError::io(folder, &e))?;
    match wait(PATIENCE, || flock(&held, FlockOperation::NonBlockingLockExclusive)) {
        Ok(true) => Ok(held),
        Ok(false) => Err(CareError::Busy(folder.to_owned())),
        // Some network disks know no locks of folders; two at once are rarer than such a disk.
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK | Errno::INVAL | Errno::BADF) => Ok(held),
        Err(error) => Err(CareError::io(folder, &error.into())),
    }
}

/// Lets others read a store and nobody write, until the file goes.
///
/// DuckDB locks its file as a whole with the same call. Such a lock belongs to the process and goes with the first
/// descriptor of that file that the process closes: whoever holds one must not have it open by DuckDB too.
pub(super) fn to_read(store: &Path) -> Result<File, StoreError> {
    hold(store, fs::OpenOptions::new().read(true), FlockOperation::NonBlockingLockShared)
}

/// Keeps everyone out of a store until the file goes.
pub(super) fn alone(store: &Path) -> Result<File, StoreError> {
    hold(store, fs::OpenOptions::new().read(true).write(true), FlockOperation::NonBlockingLockExclusive)
}

fn hold(store: &Path, how: &fs::OpenOptions, lock: FlockOperation) -> Result<File, StoreError> {
    let denied = |e: std::io::Error| StoreError::Denied { path: store.to_owned(), said: e.to_string() };
    let start = Instant::now();
    loop {
        let file = how.open(store).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => StoreError::Missing(store.to_owned()),
            _ => denied(e),
        })?;
        let left = PATIENCE.saturating_sub(start.elapsed());
        if !wait(left, || fcntl_lock(&file, lock)).map_err(|e| denied(e.into()))? {
            return Err(StoreError::Busy(store.to_owned()));
        }
        // The name may mean another file by now.
        if same(&file.metadata().map_err(denied)?, store) {
            return Ok(file);
        }
    }
}

/// Whether a path means this very file.
pub(super) fn same(meta: &fs::Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).is_ok_and(|m| m.ino() == meta.ino() && m.dev() == meta.dev())
}

fn wait(patience: Duration, lock: impl Fn() -> Result<(), Errno>) -> Result<bool, Errno> {
    let start = Instant::now();
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::ACCESS) if start.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(Errno::WOULDBLOCK | Errno::ACCESS) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
