//! The one door through which a machine is changed: beneath a root, a link followed only where nobody but root can turn
//! it, a file replaced whole or not at all, and never one that is no longer as it was when the change was planned.

mod error;
mod look;
mod state;
mod write;

use std::path::{Path, PathBuf};

use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, FileType, Mode, OFlags},
};

use super::change::Touched;
use crate::probes::rights::normal;
use look::{hold, state};
use write::{between, create, remove, replace, rights, wear};

pub use error::TreeError;
pub(super) use state::{ACL, is_label, is_list};
pub use state::{Content, State, Time, alike, same};
pub(super) use write::temporary_name;

/// Largest file whose content is changed, in bytes.
const LIMIT: u64 = 16 << 20;
/// How many links a path may have.
const LINKS: usize = 40;
/// How a file is called until it stands in its place.
pub(super) const TEMPORARY: &str = ".cleanbill-";

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

    /// Gives a file that a program wrote anew its time back, where it is as it was before.
    pub(super) fn redate(&self, touched: &Touched) {
        let path = touched.path.as_str();
        let Ok(place) = self.place(path) else { return };
        let Ok(Some(fd)) = hold(path, &place) else { return };
        let same = |state: State| Touched::of(path, &state).is_some_and(|now| now.hash == touched.hash);
        if look::state_of(path, &fd, true).is_ok_and(same) {
            let _ = write::date(path, std::os::fd::AsFd::as_fd(&fd), touched.modified);
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
            path = normal(&String::from_utf8(whole).map_err(|_| TreeError::Path(path))?);
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
