//! Locks: one run of a job at a time, one daemon, one who hands over mail. A lock goes with its process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::ScheduleError;

/// A lock that is held while it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes a lock; none when another process holds it.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn take(folder: &Path, name: &str) -> Result<Option<Self>, ScheduleError> {
        let path = folder.join(format!("{name}.lock"));
        let failed = |e| ScheduleError::Folder(path.clone(), e);
        let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow);
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether some process holds a lock, and what it noted in it; none when nobody holds it.
    pub fn holder(folder: &Path, name: &str) -> Option<String> {
        let mut file = File::open(folder.join(format!("{name}.lock"))).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut note = String::new();
                let _ = Read::by_ref(&mut file).take(4096).read_to_string(&mut note);
                Some(note)
            }
            _ => None,
        }
    }

    /// Notes something for whoever asks who holds it, in the place of what was noted before; whether it stands there.
    pub fn note(&mut self, text: &str) -> bool {
        let written = self.file.rewind().and_then(|()| self.file.write_all(text.as_bytes()));
        written.and_then(|()| self.file.set_len(u64::try_from(text.len()).unwrap_or(0))).is_ok()
    }

    /// What was noted last.
    pub fn read(&mut self) -> String {
        let mut note = String::new();
        let _ = self.file.rewind();
        let _ = Read::by_ref(&mut self.file).take(4096).read_to_string(&mut note);
        note
    }
}
