//! Looks at what lies at a place, and holds it meanwhile.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::PathBuf};

use rustix::{
    fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    fs::{FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::{
    LIMIT, Place, TreeError,
    state::{Content, RECKONED, State, Time},
};

/// The way to an open file that also works for what cannot be opened for reading.
pub(super) fn link_of(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Holds what lies at a place, whatever becomes of its name.
pub(super) fn hold(path: &str, place: &Place) -> Result<Option<OwnedFd>, TreeError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&place.folder, place.name.as_slice(), flags, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        fd => fd.map(Some).map_err(|e| TreeError::new(path, e)),
    }
}

pub(super) fn state(path: &str, place: &Place, content: bool) -> Result<Option<State>, TreeError> {
    hold(path, place)?.map(|fd| state_of(path, &fd, content)).transpose()
}

pub(super) fn state_of(path: &str, fd: &OwnedFd, content: bool) -> Result<State, TreeError> {
    let stat = rustix::fs::fstat(fd).map_err(|e| TreeError::new(path, e))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let content = match kind {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(fd, "", Vec::new()).map_err(|e| TreeError::new(path, e))?;
            Content::Link(target.into_bytes())
        }
        FileType::Directory if content => Content::Directory,
        FileType::RegularFile if content => Content::File(bytes(path, fd, &stat)?),
        kind => Content::Opaque(number(stat.st_dev), number(stat.st_ino), kind == FileType::Directory),
    };
    let xattrs = if kind == FileType::Symlink { BTreeMap::new() } else { xattrs(path, fd.as_fd())? };
    Ok(State {
        content,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        xattrs,
        modified: time(&stat),
    })
}

/// The width of these fields differs between architectures.
pub(super) fn number(n: impl TryInto<u64>) -> u64 {
    n.try_into().unwrap_or(0)
}

#[allow(clippy::useless_conversion, reason = "the width of these fields differs between architectures")]
fn time(stat: &Stat) -> Time {
    Time { seconds: stat.st_mtime.try_into().unwrap_or(0), nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

fn bytes(path: &str, fd: &OwnedFd, stat: &Stat) -> Result<Vec<u8>, TreeError> {
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > LIMIT {
        return Err(TreeError::TooBig(path.to_owned()));
    }
    let file = File::open(link_of(fd.as_fd())).map_err(|e| TreeError::io(path, &e))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|e| TreeError::io(path, &e))?;
    if bytes.len() as u64 > LIMIT {
        return Err(TreeError::TooBig(path.to_owned()));
    }
    Ok(bytes)
}

pub(super) fn xattrs(path: &str, fd: BorrowedFd<'_>) -> Result<BTreeMap<String, Vec<u8>>, TreeError> {
    let link = link_of(fd);
    let unsupported = |e: &std::io::Error| e.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error());
    let names = match xattr::list_deref(&link) {
        Err(error) if unsupported(&error) => return Ok(BTreeMap::new()),
        names => names.map_err(|e| TreeError::io(path, &e))?,
    };
    let mut found = BTreeMap::new();
    for name in names {
        // Some file systems list names that have no value, and none of these is ours to pass on.
        let Some(text) = name.to_str().filter(|n| !RECKONED.contains(n)) else { continue };
        match xattr::get_deref(&link, &name) {
            Ok(Some(value)) => {
                found.insert(text.to_owned(), value);
            }
            Ok(None) => {}
            Err(error) if unsupported(&error) => {}
            Err(error) => return Err(TreeError::io(path, &error)),
        }
    }
    Ok(found)
}

/// Fails where something else lies at a place than what was looked at.
pub(super) fn expect(path: &str, place: &Place, before: &State) -> Result<(), TreeError> {
    let content = !matches!(before.content, Content::Opaque(..));
    match state(path, place, content)? {
        Some(now) if now.same(before) => Ok(()),
        _ => Err(TreeError::Changed(path.to_owned())),
    }
}
