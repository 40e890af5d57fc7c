//! Makes of what lies at a place something else: whole or not at all, and only what it was looked at as.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use rustix::{
    fd::{AsFd as _, BorrowedFd, OwnedFd},
    fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, Uid},
    io::Errno,
};

use super::{
    Place, TEMPORARY, TreeError,
    look::{expect, hold, link_of, number, state_of, xattrs},
    state::{ACL, Content, State, Time, is_label},
};

/// Gives an open file the owner, rights and attributes of `after`, and looks whether it has them.
fn dress(path: &str, fd: BorrowedFd<'_>, owner: (u32, u32), after: &State) -> Result<(), TreeError> {
    let link = link_of(fd);
    let io = |e: std::io::Error| TreeError::io(path, &e);
    // A new owner takes special rights and capabilities away, so these come last.
    if owner != (after.uid, after.gid) {
        std::os::unix::fs::chown(&link, Some(after.uid), Some(after.gid)).map_err(io)?;
    }
    let now = xattrs(path, fd)?;
    for name in now.keys().filter(|name| !after.xattrs.contains_key(*name) && !is_label(name)) {
        xattr::remove_deref(&link, name).map_err(io)?;
    }
    for (name, value) in after.xattrs.iter().filter(|(name, value)| now.get(*name) != Some(value)) {
        let set = xattr::set_deref(&link, OsStr::new(name), value);
        if !is_label(name) {
            set.map_err(io)?;
        }
    }
    std::fs::set_permissions(&link, std::fs::Permissions::from_mode(after.mode & 0o7777)).map_err(io)?;
    // Some are dropped without a word: rights of a group that is not ours, attributes on a disk that has none.
    let stat = rustix::fs::fstat(fd).map_err(|e| TreeError::new(path, e))?;
    let has = State {
        content: after.content.clone(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        xattrs: xattrs(path, fd)?,
        modified: after.modified,
    };
    if has.same_rights(after) {
        Ok(())
    } else {
        Err(TreeError::Io(path.to_owned(), "its disk does not take these rights".to_owned()))
    }
}

/// Gives a file the moment of its last change.
pub(super) fn date(path: &str, fd: BorrowedFd<'_>, at: Time) -> Result<(), TreeError> {
    if at == Time::default() {
        return Ok(());
    }
    let moment = Timespec { tv_sec: at.seconds, tv_nsec: at.nanoseconds.into() };
    let omit = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let times = Timestamps { last_access: omit, last_modification: moment };
    rustix::fs::utimensat(rustix::fs::CWD, link_of(fd), &times, AtFlags::empty()).map_err(|e| TreeError::new(path, e))
}

/// Writes rights down to the disk. What is neither file nor folder is not opened for that: it may do something then.
fn sync_rights(path: &str, fd: &OwnedFd) -> Result<(), TreeError> {
    let stat = rustix::fs::fstat(fd).map_err(|e| TreeError::new(path, e))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory => {
            match File::open(link_of(fd.as_fd())) {
                Ok(file) => file.sync_all().map_err(|e| TreeError::io(path, &e)),
                // An owner who is not root may have lost the right to read it just now.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
                Err(error) => Err(TreeError::io(path, &error)),
            }
        }
        _ => Ok(()),
    }
}

fn sync(path: &str, place: &Place) -> Result<(), TreeError> {
    let folder = File::open(link_of(place.folder.as_fd())).map_err(|e| TreeError::io(path, &e))?;
    folder.sync_all().map_err(|e| TreeError::io(path, &e))
}

/// Something that stands beside its place under a name of its own, and goes with this value.
struct Temporary<'a> {
    place: &'a Place,
    name: Vec<u8>,
    folder: bool,
}

impl Temporary<'_> {
    /// What lies there now: ours, or after an exchange the old one.
    fn place(&self, path: &str) -> Result<Place, TreeError> {
        let folder = self.place.folder.try_clone().map_err(|e| TreeError::io(path, &e))?;
        Ok(Place { folder, name: self.name.clone(), real: self.place.real.clone(), shared: self.place.shared })
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let flags = if self.folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let _ = rustix::fs::unlinkat(&self.place.folder, self.name.as_slice(), flags);
    }
}

/// A name that nobody can foretell.
pub(in super::super) fn temporary_name() -> Result<Vec<u8>, std::io::Error> {
    let mut random = [0_u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(format!("{TEMPORARY}{}", crate::words::hex(&random)).into_bytes())
}

/// Writes `after` beside its place, whole and synced.
fn beside<'a>(path: &str, place: &'a Place, after: &State) -> Result<Temporary<'a>, TreeError> {
    let name = temporary_name().map_err(|e| TreeError::io(path, &e))?;
    let failed = |e: Errno| TreeError::new(path, e);
    let folder = after.content == Content::Directory;
    let temporary = Temporary { place, name, folder };
    let at = temporary.name.as_slice();
    // Whoever may write to the folder could put something else there: what is dressed is what was made.
    let ours = |fd: &OwnedFd, kind: FileType| -> Result<Stat, TreeError> {
        let stat = rustix::fs::fstat(fd).map_err(failed)?;
        let mine = stat.st_uid == rustix::process::geteuid().as_raw() && FileType::from_raw_mode(stat.st_mode) == kind;
        if mine && (kind == FileType::Directory || number(stat.st_nlink) == 1) {
            Ok(stat)
        } else {
            Err(TreeError::Changed(path.to_owned()))
        }
    };
    match &after.content {
        Content::Link(target) => {
            rustix::fs::symlinkat(target.as_slice(), &place.folder, at).map_err(failed)?;
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&place.folder, at, flags, Mode::empty()).map_err(failed)?;
            let stat = ours(&fd, FileType::Symlink)?;
            if (stat.st_uid, stat.st_gid) != (after.uid, after.gid) {
                let owner = (Some(Uid::from_raw(after.uid)), Some(Gid::from_raw(after.gid)));
                rustix::fs::chownat(&fd, "", owner.0, owner.1, AtFlags::EMPTY_PATH).map_err(failed)?;
            }
            date(path, fd.as_fd(), after.modified)?;
        }
        Content::Directory => {
            rustix::fs::mkdirat(&place.folder, at, Mode::RWXU).map_err(failed)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&place.folder, at, flags, Mode::empty()).map_err(failed)?;
            let stat = ours(&fd, FileType::Directory)?;
            dress(path, fd.as_fd(), (stat.st_uid, stat.st_gid), after)?;
            date(path, fd.as_fd(), after.modified)?;
            sync_rights(path, &fd)?;
        }
        Content::File(bytes) => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::RUSR | Mode::WUSR;
            let fd = rustix::fs::openat(&place.folder, at, flags, mode).map_err(failed)?;
            let stat = rustix::fs::fstat(&fd).map_err(failed)?;
            let mut file = File::from(fd);
            file.write_all(bytes).map_err(|e| TreeError::io(path, &e))?;
            dress(path, file.as_fd(), (stat.st_uid, stat.st_gid), after)?;
            date(path, file.as_fd(), after.modified)?;
            file.sync_all().map_err(|e| TreeError::io(path, &e))?;
        }
        Content::Opaque(..) => return Err(TreeError::Changed(path.to_owned())),
    }
    Ok(temporary)
}

pub(super) fn create(path: &str, place: &Place, after: &State) -> Result<(), TreeError> {
    let temporary = beside(path, place, after)?;
    match rename(place, &temporary.name, &place.name, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => return Err(TreeError::Changed(path.to_owned())),
        // A file system that knows no such renaming. A second name for a file fails where one is there, and a folder
        // takes no other place than that of an empty folder.
        Err(Errno::INVAL | Errno::NOSYS) if !temporary.folder => {
            let (from, to) = (temporary.name.as_slice(), place.name.as_slice());
            rustix::fs::linkat(&place.folder, from, &place.folder, to, AtFlags::empty()).map_err(|e| match e {
                Errno::EXIST => TreeError::Changed(path.to_owned()),
                other => TreeError::new(path, other),
            })?;
        }
        Err(Errno::INVAL | Errno::NOSYS) => {
            if hold(path, place)?.is_some() {
                return Err(TreeError::Changed(path.to_owned()));
            }
            rename(place, &temporary.name, &place.name, RenameFlags::empty()).map_err(|e| TreeError::new(path, e))?;
        }
        moved => moved.map_err(|e| TreeError::new(path, e))?,
    }
    sync(path, place)
}

fn rename(place: &Place, from: &[u8], to: &[u8], flags: RenameFlags) -> Result<(), Errno> {
    rustix::fs::renameat_with(&place.folder, from, &place.folder, to, flags)
}

pub(super) fn remove(path: &str, place: &Place, before: &State) -> Result<(), TreeError> {
    let failed = |e: Errno| TreeError::new(path, e);
    expect(path, place, before)?;
    if before.content == Content::Directory {
        let flags = AtFlags::REMOVEDIR;
        rustix::fs::unlinkat(&place.folder, place.name.as_slice(), flags).map_err(|e| match e {
            Errno::NOTEMPTY | Errno::EXIST => TreeError::NotEmpty(path.to_owned()),
            other => TreeError::new(path, other),
        })?;
        return sync(path, place);
    }
    // Moved aside first, so that what is removed is what was looked at.
    let name = temporary_name().map_err(|e| TreeError::io(path, &e))?;
    rename(place, &place.name, &name, RenameFlags::empty()).map_err(failed)?;
    let aside = Place {
        folder: place.folder.try_clone().map_err(|e| TreeError::io(path, &e))?,
        name,
        real: place.real.clone(),
        shared: place.shared,
    };
    let gone = expect(path, &aside, before)
        .and_then(|()| rustix::fs::unlinkat(&place.folder, aside.name.as_slice(), AtFlags::empty()).map_err(failed));
    if let Err(error) = gone {
        let _ = rename(place, &aside.name, &place.name, RenameFlags::NOREPLACE);
        return Err(error);
    }
    sync(path, place)
}

pub(super) fn replace(path: &str, place: &Place, before: &State, after: &State) -> Result<(), TreeError> {
    expect(path, place, before)?;
    let temporary = beside(path, place, after)?;
    let aside = temporary.place(path)?;
    let ours = hold(path, &aside)?.ok_or_else(|| TreeError::Changed(path.to_owned()))?;
    match exchange(place, &aside) {
        // A file system that knows no exchange.
        Err(Errno::INVAL | Errno::NOSYS) => {
            expect(path, place, before)?;
            rename(place, &temporary.name, &place.name, RenameFlags::empty()).map_err(|e| TreeError::new(path, e))?;
        }
        swapped => {
            swapped.map_err(|e| TreeError::new(path, e))?;
            if let Err(error) = expect(path, &aside, before) {
                give_back(path, place, &aside, ours);
                return Err(error);
            }
        }
    }
    sync(path, place)
}

fn exchange(place: &Place, aside: &Place) -> Result<(), Errno> {
    rename(place, &aside.name, &place.name, RenameFlags::EXCHANGE)
}

/// Puts back what stood in the place of `ours` and lies beside it now: someone else had written it. Whatever comes out then
/// and is not what was left there is newer still, and goes back in its turn. What was left is held open, so that no new file
/// gets its number.
fn give_back(path: &str, place: &Place, aside: &Place, ours: OwnedFd) {
    let mut left = ours;
    loop {
        let newest = hold(path, aside);
        if exchange(place, aside).is_err() {
            return;
        }
        match (newest, hold(path, aside)) {
            (Ok(Some(newest)), Ok(Some(out))) if !same_file(&out, &left) => left = newest,
            _ => return,
        }
    }
}

/// Whether both are the same file; one that cannot be told is taken for another.
fn same_file(a: &OwnedFd, b: &OwnedFd) -> bool {
    let which = |fd: &OwnedFd| rustix::fs::fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino));
    which(a).is_some_and(|one| which(b) == Some(one))
}

pub(super) fn rights(path: &str, place: &Place, before: &State, after: &State) -> Result<(), TreeError> {
    let fd = hold(path, place)?.ok_or_else(|| TreeError::Changed(path.to_owned()))?;
    let now = state_of(path, &fd, !matches!(before.content, Content::Opaque(..)))?;
    if !now.same(before) {
        return Err(TreeError::Changed(path.to_owned()));
    }
    wear(path, place, &fd, &now, after)
}

/// Gives what is held other rights, or leaves it as it was.
pub(super) fn wear(path: &str, place: &Place, fd: &OwnedFd, now: &State, after: &State) -> Result<(), TreeError> {
    let stat = rustix::fs::fstat(fd).map_err(|e| TreeError::new(path, e))?;
    let file = FileType::from_raw_mode(stat.st_mode) != FileType::Directory;
    if place.shared && file && number(stat.st_nlink) > 1 {
        return Err(TreeError::SecondName(path.to_owned()));
    }
    if matches!(now.content, Content::Link(_)) {
        return Ok(());
    }
    let dressed = dress(path, fd.as_fd(), (now.uid, now.gid), after).and_then(|()| sync_rights(path, fd));
    if let Err(error) = dressed {
        let _ = dress(path, fd.as_fd(), (u32::MAX, u32::MAX), now);
        return Err(error);
    }
    Ok(())
}

/// Whether rights are on the way between two: owner, rights and rules are set one after the other, and a new owner takes
/// special rights away.
pub(super) fn between(now: &State, a: &State, b: &State) -> bool {
    let same = match (&now.content, &a.content) {
        (Content::Opaque(.., x), Content::Opaque(.., y)) => x == y,
        (x, y) => x == y,
    };
    let acl = [now, a, b].iter().any(|s| s.xattrs.contains_key(ACL));
    let part = |bits: u32| now.mode & bits == a.mode & bits || now.mode & bits == b.mode & bits;
    same && (now.uid == a.uid || now.uid == b.uid)
        && (now.gid == a.gid || now.gid == b.gid)
        && part(0o707)
        && (acl || part(0o070))
        && (now.mode & 0o7000 == 0 || part(0o7000))
}
