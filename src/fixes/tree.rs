//! The one door through which a machine is changed: beneath a root, a link followed only where nobody but root can turn
//! it, a file replaced whole or not at all, and never one that is no longer as it was when the change was planned.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, Uid},
    io::Errno,
};
use serde::{Deserialize, Serialize};

/// Largest file whose content is changed, in bytes.
const LIMIT: u64 = 16 << 20;
/// How many links a path may have.
const LINKS: usize = 40;
/// How a file is called until it stands in its place.
pub(super) const TEMPORARY: &str = ".cleanbill-";

/// Access rules beside the rights.
const ACL: &str = "system.posix_acl_access";
/// What the system itself keeps of a file and gives to a new one: it is passed on where that is possible, and no
/// difference.
const LABELS: [&str; 2] = ["security.selinux", "security.SMACK64"];
/// What the system reckons from the file itself, so that it must not be passed on.
const RECKONED: [&str; 2] = ["security.ima", "security.evm"];

fn is_label(name: &str) -> bool {
    LABELS.contains(&name)
}

/// Writes the rights into access rules: a version, then entries of a tag, what it may, and whom it is for.
fn set_acl(rules: &mut [u8], mode: u32) {
    let [_, _, _, _, entries @ ..] = rules else { return };
    let tag = |entry: &[u8]| entry.first().copied().unwrap_or(0);
    let masked = entries.chunks_exact(8).any(|e| tag(e) == 0x10);
    for entry in entries.chunks_exact_mut(8) {
        let bits = match tag(entry) {
            0x01 => mode >> 6,
            0x04 if !masked => mode >> 3,
            0x10 => mode >> 3,
            0x20 => mode,
            _ => continue,
        };
        if let Some(may) = entry.get_mut(2) {
            *may = u8::try_from(bits & 7).unwrap_or(0);
        }
    }
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it is.
    pub content: Content,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes by name: access control lists, capabilities, labels.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// Last change of its content.
    pub modified: Time,
}

/// A moment as the file system keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: u32,
}

impl Default for Time {
    /// Whenever it is written; 1970 itself is a time that files of some images have.
    fn default() -> Self {
        Time { seconds: i64::MIN, nanoseconds: 0 }
    }
}

/// What a path is, with its content where that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A link, and where it leads.
    Link(Vec<u8>),
    /// A directory.
    Directory,
    /// Something of which only the rights are looked at: its device, its number there, and whether it is a directory.
    Opaque(u64, u64, bool),
}

impl State {
    /// A file of root.
    pub fn file(text: impl Into<Vec<u8>>, mode: u32) -> Self {
        State::new(Content::File(text.into()), mode)
    }

    /// Something of root.
    pub fn new(content: Content, mode: u32) -> Self {
        State { content, mode, uid: 0, gid: 0, xattrs: BTreeMap::new(), modified: Time::default() }
    }

    /// Whether two are the same, whenever they were written.
    pub fn same(&self, other: &State) -> bool {
        match (&self.content, &other.content) {
            (Content::Link(a), Content::Link(b)) => a == b,
            (a, b) => a == b && self.same_rights(other),
        }
    }

    /// The same for what stays changed for long: where only rights were changed, it may be another file by now, as a
    /// program that writes a file anew makes it one.
    pub fn alike(&self, other: &State) -> bool {
        match (&self.content, &other.content) {
            (Content::Opaque(.., a), Content::Opaque(.., b)) => a == b && self.same_rights(other),
            _ => self.same(other),
        }
    }

    fn same_rights(&self, other: &State) -> bool {
        let compared = |state: &State| -> Vec<(String, Vec<u8>)> {
            state.xattrs.iter().filter(|(n, _)| !is_label(n)).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        (self.uid, self.gid, self.mode & 0o7777) == (other.uid, other.gid, other.mode & 0o7777)
            && (self.xattrs == other.xattrs || compared(self) == compared(other))
    }

    /// The rights and the access rules in step, as the system keeps them: what the rights say of the owner, of others
    /// and of the most that rules may give stands in the rules too.
    pub fn agreed(mut self) -> Self {
        if let Some(rules) = self.xattrs.get_mut(ACL)
            && !matches!(self.content, Content::Link(_))
        {
            set_acl(rules, self.mode);
        }
        self
    }

    /// The text of a file; none when it is no file or not UTF-8.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::File(bytes) => std::str::from_utf8(bytes).ok().filter(|t| !t.contains('\0')),
            _ => None,
        }
    }
}

/// Whether two states are the same, one that is not there among them.
pub fn same(a: Option<&State>, b: Option<&State>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    }
}

/// The same for what stays changed for long, see [`State::alike`].
pub fn alike(a: Option<&State>, b: Option<&State>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.alike(b),
        _ => false,
    }
}

/// Why something could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A part of the path is not there.
    #[error("there is no {0}")]
    NotThere(String),
    /// Someone else could make the path lead elsewhere.
    #[error("{0} is a link that others can turn, so nothing is changed behind it")]
    Link(String),
    /// Changing it would change another file too.
    #[error("{0} has a second name somewhere else, so changing it could change another file")]
    SecondName(String),
    /// It is not what was expected.
    #[error("{0} changed in the meantime")]
    Changed(String),
    /// It is a device, a socket or the like.
    #[error("{0} is neither a file nor a link")]
    Kind(String),
    /// A folder that should go holds something.
    #[error("the folder {0} is not empty")]
    NotEmpty(String),
    /// Something is mounted on it.
    #[error("{0} is a mount of its own, as containers have them, and cannot be replaced")]
    Mounted(String),
    /// Larger than what is changed.
    #[error("{0} is too large to be changed safely")]
    TooBig(String),
    /// The disk is full.
    #[error("the disk is full: {0} could not be written")]
    Full(String),
    /// The file system cannot be written to.
    #[error("{0} lies on a disk that can only be read")]
    ReadOnly(String),
    /// Not allowed.
    #[error("only root may change {0}")]
    Denied(String),
    /// It may not be changed by anyone.
    #[error("not even root may change {0}: it is marked as unchangeable (see `lsattr`), or a container forbids it")]
    Immutable(String),
    /// The path makes no sense.
    #[error("{0:?} is no whole path without dots")]
    Path(String),
    /// Anything else the system said.
    #[error("{0} cannot be changed: {1}")]
    Io(String, String),
}

impl TreeError {
    fn new(path: &str, error: Errno) -> Self {
        let path = path.to_owned();
        match error {
            Errno::NOENT | Errno::NOTDIR => TreeError::NotThere(path),
            Errno::NOSPC | Errno::DQUOT => TreeError::Full(path),
            Errno::ROFS => TreeError::ReadOnly(path),
            Errno::BUSY => TreeError::Mounted(path),
            Errno::PERM if rustix::process::geteuid().is_root() => TreeError::Immutable(path),
            Errno::ACCESS | Errno::PERM => TreeError::Denied(path),
            other => TreeError::Io(path, std::io::Error::from(other).to_string()),
        }
    }

    /// Whether it may go another time: the disk has room again, or can be written to.
    pub fn may_pass(&self) -> bool {
        matches!(self, TreeError::Full(_) | TreeError::ReadOnly(_) | TreeError::Denied(_) | TreeError::Immutable(_))
            || matches!(self, TreeError::Io(..) | TreeError::Mounted(_))
    }

    /// What the way through `/proc` to an open file said.
    fn io(path: &str, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(code) if Errno::from_raw_os_error(code) == Errno::NOENT => {
                TreeError::Io(path.to_owned(), "/proc is not mounted".to_owned())
            }
            Some(code) => TreeError::new(path, Errno::from_raw_os_error(code)),
            None => TreeError::Io(path.to_owned(), error.to_string()),
        }
    }
}

/// A root directory beneath which things are changed.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    fd: OwnedFd,
}

/// A place: its folder, held open, and its name there.
struct Place {
    folder: OwnedFd,
    name: Vec<u8>,
    /// The path of the folder behind all links, without a slash at its end.
    real: Vec<u8>,
    /// Whether someone other than root owns or may write to a folder on the way.
    shared: bool,
}

impl Tree {
    /// The tree beneath `root`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Path) -> Result<Self, TreeError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let name = root.to_string_lossy();
        let fd = rustix::fs::open(root, flags, Mode::empty()).map_err(|e| TreeError::new(&name, e))?;
        Ok(Tree { root: root.to_owned(), fd })
    }

    /// The directory that stands for `/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What lies at a path, with its content; none when nothing does. A link is not followed.
    ///
    /// # Errors
    /// When it may not be reached, or is too large.
    pub fn read(&self, path: &str) -> Result<Option<State>, TreeError> {
        self.state(path, true)
    }

    /// The rights of what lies at a path, whatever it is and however large.
    ///
    /// # Errors
    /// When it may not be reached.
    pub fn rights(&self, path: &str) -> Result<Option<State>, TreeError> {
        self.state(path, false)
    }

    /// What lies at a path, looked at as closely as `like` was.
    ///
    /// # Errors
    /// When it may not be reached, or is too large.
    pub fn read_like(&self, path: &str, like: Option<&State>) -> Result<Option<State>, TreeError> {
        self.state(path, !matches!(like.map(|s| &s.content), Some(Content::Opaque(..))))
    }

    /// Removes what a change that was cut off left beside a path. `known` says whether the content of a file is one that
    /// the change itself wrote or took away; `keep` puts a copy of any other aside, and such a one stays where that fails.
    pub fn sweep(&self, path: &str, known: &dyn Fn(&Content) -> bool, keep: &mut dyn FnMut(&State) -> bool) {
        let Ok(place) = self.place(path) else { return };
        // The folder is held by its path alone, and cannot be read so.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&place.folder, ".", flags, Mode::empty());
        let Ok(entries) = folder.and_then(rustix::fs::Dir::new) else { return };
        let names = entries.flatten().map(|entry| entry.file_name().to_bytes().to_vec());
        for name in names.filter(|name| name.starts_with(TEMPORARY.as_bytes())).collect::<Vec<_>>() {
            let Ok(folder) = place.folder.try_clone() else { return };
            let beside = Place { folder, name, real: place.real.clone(), shared: place.shared };
            let Ok(Some(state)) = state(path, &beside, true) else { continue };
            let gone = match &state.content {
                Content::Directory => AtFlags::REMOVEDIR,
                content if known(content) || keep(&state) => AtFlags::empty(),
                _ => continue,
            };
            let _ = rustix::fs::unlinkat(&beside.folder, beside.name.as_slice(), gone);
        }
    }

    fn state(&self, path: &str, content: bool) -> Result<Option<State>, TreeError> {
        match self.place(path) {
            Ok(place) => state(path, &place, content),
            Err(TreeError::NotThere(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `after` of what lies at a path, if that is still `before`. When this fails, nothing was changed.
    ///
    /// # Errors
    /// When it is another, or the system refuses.
    pub fn put(&self, path: &str, before: Option<&State>, after: Option<&State>) -> Result<(), TreeError> {
        let place = self.place(path)?;
        match (before, after) {
            (None, None) => Ok(()),
            (None, Some(after)) => create(path, &place, after),
            (Some(before), Some(after)) if before.content == after.content => rights(path, &place, before, after),
            // It could not be made again.
            (Some(State { content: Content::Opaque(..), .. }), _) => Err(TreeError::Kind(path.to_owned())),
            (Some(before), None) => remove(path, &place, before),
            (Some(before), Some(after)) => replace(path, &place, before, after),
        }
    }

    /// Makes `before` of what lies at a path, if that is what `change` made of it, wholly or, where it was cut off, in
    /// part. True where nothing was left to do.
    ///
    /// # Errors
    /// When it is something else by now, or the system refuses.
    pub fn take_back(
        &self,
        path: &str,
        before: Option<&State>,
        after: Option<&State>,
        cut_off: bool,
    ) -> Result<(), TreeError> {
        let now = match self.read_like(path, after.or(before)) {
            Err(TreeError::NotThere(_)) => None,
            now => now?,
        };
        match (&now, before, after) {
            (None, None, _) => Ok(()),
            (Some(now), Some(before), _) if now.alike(before) => Ok(()),
            (Some(now), Some(before), Some(after)) if !now.alike(after) && cut_off && between(now, before, after) => {
                let place = self.place(path)?;
                let fd = hold(path, &place)?.ok_or_else(|| TreeError::Changed(path.to_owned()))?;
                wear(path, &place, &fd, now, before)
            }
            (Some(now), Some(State { content: Content::Opaque(..), .. }), Some(after)) if now.alike(after) => {
                // The file may be another by now, with the same rights.
                let like = before.map(|b| State { content: now.content.clone(), ..b.clone() });
                self.put(path, Some(now), like.as_ref())
            }
            _ => self.put(path, after, before),
        }
    }

    /// What a link in this tree leads to, as a path of the tree; the path itself where it is none.
    ///
    /// # Errors
    /// When it may not be reached, or others can turn it.
    pub fn follow(&self, path: &str) -> Result<String, TreeError> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let place = match self.place(&path) {
                Err(TreeError::NotThere(_)) => return Ok(path),
                place => place?,
            };
            let Some(State { content: Content::Link(target), uid, .. }) = state(&path, &place, true)? else {
                return Ok(path);
            };
            if place.shared || !trusted(uid) {
                return Err(TreeError::Link(path));
            }
            // It leads on from where its folder really is.
            let beside = || [&place.real, b"/".as_slice(), &target].concat();
            let whole = if target.first() == Some(&b'/') { target.clone() } else { beside() };
            path = clean(&String::from_utf8(whole).map_err(|_| TreeError::Path(path))?);
        }
        Err(TreeError::Link(path))
    }

    /// Finds the folder of a path without leaving the root.
    fn place(&self, path: &str) -> Result<Place, TreeError> {
        let bad = || TreeError::Path(path.to_owned());
        let relative = path.strip_prefix('/').ok_or_else(bad)?;
        let mut left: Vec<Vec<u8>> = relative.split('/').rev().map(|p| p.as_bytes().to_vec()).collect();
        if left.iter().any(|p| matches!(p.as_slice(), b"" | b"." | b"..")) || path.contains('\0') {
            return Err(bad());
        }
        let name = left.remove(0);
        let mut folders: Vec<OwnedFd> = vec![self.fd.try_clone().map_err(|e| TreeError::io(path, &e))?];
        let mut names: Vec<Vec<u8>> = Vec::new();
        let top = rustix::fs::fstat(&self.fd).map_err(|e| TreeError::new(path, e))?;
        let (mut shared, mut links) = (!trusted(top.st_uid) || top.st_mode & 0o022 != 0, 0);
        while let Some(part) = left.pop() {
            let here = folders.last().ok_or_else(bad)?;
            match part.as_slice() {
                b"" | b"." => continue,
                // Above the root is the root.
                b".." => {
                    if folders.len() > 1 {
                        folders.pop();
                        names.pop();
                    }
                    continue;
                }
                _ => {}
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let next =
                rustix::fs::openat(here, part.as_slice(), flags, Mode::empty()).map_err(|e| TreeError::new(path, e))?;
            let stat = rustix::fs::fstat(&next).map_err(|e| TreeError::new(path, e))?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    shared |= !trusted(stat.st_uid) || stat.st_mode & 0o022 != 0;
                    folders.push(next);
                    names.push(part);
                }
                FileType::Symlink => {
                    links += 1;
                    // In a folder with the sticky bit only its owner can turn a link.
                    let folder = rustix::fs::fstat(here).map_err(|e| TreeError::new(path, e))?;
                    let closed =
                        trusted(folder.st_uid) && (folder.st_mode & 0o022 == 0 || folder.st_mode & 0o1000 != 0);
                    if !trusted(stat.st_uid) || !closed || links > LINKS {
                        return Err(TreeError::Link(path.to_owned()));
                    }
                    let target = rustix::fs::readlinkat(here, part.as_slice(), Vec::new())
                        .map_err(|e| TreeError::new(path, e))?;
                    let target = target.as_bytes();
                    if target.first() == Some(&b'/') {
                        folders.truncate(1);
                        names.clear();
                    }
                    left.extend(target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
                }
                _ => return Err(TreeError::NotThere(path.to_owned())),
            }
        }
        let folder = folders.pop().ok_or_else(bad)?;
        let real = names.iter().flat_map(|name| [b"/".as_slice(), name]).collect::<Vec<_>>().concat();
        Ok(Place { folder, name, real, shared })
    }
}

/// Whether a user is one of those who may decide over the machine: root, or whoever runs this.
fn trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// A path without `.` and `..`; above the root is the root.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The way to an open file that also works for what cannot be opened for reading.
fn link_of(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Holds what lies at a place, whatever becomes of its name.
fn hold(path: &str, place: &Place) -> Result<Option<OwnedFd>, TreeError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&place.folder, place.name.as_slice(), flags, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        fd => fd.map(Some).map_err(|e| TreeError::new(path, e)),
    }
}

fn state(path: &str, place: &Place, content: bool) -> Result<Option<State>, TreeError> {
    hold(path, place)?.map(|fd| state_of(path, &fd, content)).transpose()
}

fn state_of(path: &str, fd: &OwnedFd, content: bool) -> Result<State, TreeError> {
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
fn number(n: impl TryInto<u64>) -> u64 {
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

fn xattrs(path: &str, fd: BorrowedFd<'_>) -> Result<BTreeMap<String, Vec<u8>>, TreeError> {
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
fn date(path: &str, fd: BorrowedFd<'_>, at: Time) -> Result<(), TreeError> {
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
    /// Which one it is.
    number: u64,
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
pub(super) fn temporary_name() -> Result<Vec<u8>, std::io::Error> {
    let mut random = [0_u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let hex: String = random.iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("{TEMPORARY}{hex}").into_bytes())
}

/// Writes `after` beside its place, whole and synced.
fn beside<'a>(path: &str, place: &'a Place, after: &State) -> Result<Temporary<'a>, TreeError> {
    let name = temporary_name().map_err(|e| TreeError::io(path, &e))?;
    let failed = |e: Errno| TreeError::new(path, e);
    let folder = after.content == Content::Directory;
    let mut temporary = Temporary { place, name, folder, number: 0 };
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
    let stat = match &after.content {
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
            stat
        }
        Content::Directory => {
            rustix::fs::mkdirat(&place.folder, at, Mode::RWXU).map_err(failed)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&place.folder, at, flags, Mode::empty()).map_err(failed)?;
            let stat = ours(&fd, FileType::Directory)?;
            dress(path, fd.as_fd(), (stat.st_uid, stat.st_gid), after)?;
            date(path, fd.as_fd(), after.modified)?;
            sync_rights(path, &fd)?;
            stat
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
            stat
        }
        Content::Opaque(..) => return Err(TreeError::Changed(path.to_owned())),
    };
    temporary.number = number(stat.st_ino);
    Ok(temporary)
}

fn create(path: &str, place: &Place, after: &State) -> Result<(), TreeError> {
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

fn remove(path: &str, place: &Place, before: &State) -> Result<(), TreeError> {
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

fn replace(path: &str, place: &Place, before: &State, after: &State) -> Result<(), TreeError> {
    expect(path, place, before)?;
    let temporary = beside(path, place, after)?;
    match rename(place, &temporary.name, &place.name, RenameFlags::EXCHANGE) {
        // A file system that knows no exchange.
        Err(Errno::INVAL | Errno::NOSYS) => {
            expect(path, place, before)?;
            rename(place, &temporary.name, &place.name, RenameFlags::empty()).map_err(|e| TreeError::new(path, e))?;
        }
        swapped => {
            swapped.map_err(|e| TreeError::new(path, e))?;
            let old = temporary.place(path)?;
            if let Err(error) = expect(path, &old, before) {
                let swap = || rename(place, &temporary.name, &place.name, RenameFlags::EXCHANGE);
                if swap().is_ok() {
                    let fd = hold(path, &old).ok().flatten();
                    let back = fd.and_then(|fd| rustix::fs::fstat(&fd).ok()).map(|stat| number(stat.st_ino));
                    // A third one was put in the place of ours meanwhile: it is the newest, and stays.
                    if back.is_some_and(|n| n != temporary.number) {
                        let _ = swap();
                    }
                }
                return Err(error);
            }
        }
    }
    sync(path, place)
}

fn rights(path: &str, place: &Place, before: &State, after: &State) -> Result<(), TreeError> {
    let fd = hold(path, place)?.ok_or_else(|| TreeError::Changed(path.to_owned()))?;
    let now = state_of(path, &fd, !matches!(before.content, Content::Opaque(..)))?;
    if !now.same(before) {
        return Err(TreeError::Changed(path.to_owned()));
    }
    wear(path, place, &fd, &now, after)
}

/// Gives what is held other rights, or leaves it as it was.
fn wear(path: &str, place: &Place, fd: &OwnedFd, now: &State, after: &State) -> Result<(), TreeError> {
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
fn between(now: &State, a: &State, b: &State) -> bool {
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

/// Fails where something else lies at a place than what was looked at.
fn expect(path: &str, place: &Place, before: &State) -> Result<(), TreeError> {
    let content = !matches!(before.content, Content::Opaque(..));
    match state(path, place, content)? {
        Some(now) if now.same(before) => Ok(()),
        _ => Err(TreeError::Changed(path.to_owned())),
    }
}
