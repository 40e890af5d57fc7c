//! Reading files beneath the host's root: regular files only, bounded, never blocking, symlinks resolved inside.

use std::{
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use globset::GlobBuilder;
use jiff::Timestamp;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

use super::Host;
use crate::facts::Reason;

/// Largest configuration file that is read, in bytes.
const TEXT_LIMIT: u64 = 16 << 20;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing is there.
    #[error("there is no {0}")]
    NotFound(String),
    /// Not allowed.
    #[error("only root may read {0}")]
    Denied(String),
    /// A directory, a FIFO, a device, a socket.
    #[error("{path} is a {kind}, not a file")]
    NotAFile {
        /// Its path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Larger than the limit.
    #[error("{path} is larger than {limit} bytes")]
    TooBig {
        /// Its path.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Holds NUL bytes where text was expected.
    #[error("{0} is not text")]
    NotText(String),
    /// Anything else the system said.
    #[error("{path} cannot be read: {error}")]
    Io {
        /// Its path.
        path: String,
        /// What the system said.
        error: String,
    },
}

impl ReadError {
    fn from_errno(path: &str, error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => ReadError::NotFound(path.to_owned()),
            Errno::ACCESS | Errno::PERM => ReadError::Denied(path.to_owned()),
            Errno::NOSYS => ReadError::Io {
                path: path.to_owned(),
                error: "this kernel is too old (openat2 needs Linux 5.6)".to_owned(),
            },
            Errno::LOOP => ReadError::Io { path: path.to_owned(), error: "its links go round in a circle".to_owned() },
            other => ReadError::Io { path: path.to_owned(), error: other.to_string() },
        }
    }

    /// Whether nothing is there, as opposed to something that cannot be read.
    pub fn is_not_found(&self) -> bool {
        matches!(self, ReadError::NotFound(_))
    }

    /// The reason to report in a [`Gap`](crate::facts::Gap).
    pub fn reason(&self) -> Reason {
        match self {
            ReadError::Denied(_) => Reason::NeedsRoot,
            other => Reason::Broken(other.to_string()),
        }
    }
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A FIFO, socket or device.
    Other,
}

/// Facts about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Device and inode.
    pub id: (u64, u64),
}

impl Metadata {
    /// From what `stat` said.
    #[allow(clippy::unnecessary_cast, reason = "the width of these fields differs between architectures")]
    pub fn from_stat(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        Metadata {
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: Timestamp::from_second(stat.st_mtime as i64).unwrap_or_default(),
            id: (stat.st_dev as u64, stat.st_ino as u64),
        }
    }
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// Whole path on the host, `/etc/ssh/sshd_config`.
    pub path: String,
    /// What it is, links not followed.
    pub kind: Kind,
}

impl Host {
    /// Opens a path beneath the root, links resolved inside it.
    fn open_at(&self, path: &str, flags: OFlags) -> Result<OwnedFd, ReadError> {
        let relative = path.trim_start_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        match rustix::fs::openat2(&self.inner.root_fd, relative, flags, Mode::empty(), resolve) {
            Ok(fd) => Ok(fd),
            // Old kernels and strict containers have no openat2; for the machine itself a plain open does.
            Err(Errno::NOSYS | Errno::PERM) if self.inner.reach == Path::new("/") => {
                rustix::fs::openat(&self.inner.root_fd, relative, flags, Mode::empty())
                    .map_err(|error| ReadError::from_errno(path, error))
            }
            Err(error) => Err(ReadError::from_errno(path, error)),
        }
    }

    /// What is at `path`, links followed.
    ///
    /// # Errors
    /// When nothing is there or it may not be reached.
    pub fn metadata(&self, path: &str) -> Result<Metadata, ReadError> {
        self.stat(path, OFlags::PATH)
    }

    /// What is at `path` itself: a link is not followed.
    ///
    /// # Errors
    /// When nothing is there or it may not be reached.
    pub fn symlink_metadata(&self, path: &str) -> Result<Metadata, ReadError> {
        self.stat(path, OFlags::PATH | OFlags::NOFOLLOW)
    }

    fn stat(&self, path: &str, flags: OFlags) -> Result<Metadata, ReadError> {
        let fd = self.open_at(path, flags)?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| ReadError::from_errno(path, error))?;
        Ok(Metadata::from_stat(&stat))
    }

    /// Whether something is at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.metadata(path).is_ok()
    }

    /// Where the link at `path` points, as written.
    ///
    /// # Errors
    /// When it is no link or cannot be read.
    pub fn read_link(&self, path: &str) -> Result<String, ReadError> {
        let fd = self.open_at(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        let target = rustix::fs::readlinkat(&fd, "", Vec::new()).map_err(|e| ReadError::from_errno(path, e))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// Up to `limit` bytes of a regular file; more is an error.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong.
    pub fn read_bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (file, size) = self.open_file(path)?;
        if size > limit {
            return Err(ReadError::TooBig { path: path.to_owned(), limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
        match file.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > limit => Err(ReadError::TooBig { path: path.to_owned(), limit }),
            Ok(_) => Ok(bytes),
            Err(error) => Err(io_error(path, &error)),
        }
    }

    /// A text file up to 16 MiB; bytes that are no UTF-8 are replaced, NUL bytes are an error.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong.
    pub fn read_text(&self, path: &str) -> Result<String, ReadError> {
        let bytes = self.read_bytes(path, TEXT_LIMIT)?;
        // /proc separates with NULs on purpose.
        if bytes.contains(&0) && !path.starts_with("/proc/") {
            return Err(ReadError::NotText(path.to_owned()));
        }
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The last `limit` bytes of a file of any size, whole lines: for logs.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong.
    pub fn read_tail(&self, path: &str, limit: u64) -> Result<String, ReadError> {
        use std::io::{Seek as _, SeekFrom};
        let (mut file, size) = self.open_file(path)?;
        let start = size.saturating_sub(limit);
        file.seek(SeekFrom::Start(start)).map_err(|e| io_error(path, &e))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(|e| io_error(path, &e))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(match text.split_once('\n') {
            Some((_, rest)) if start > 0 => rest.to_owned(),
            _ => text,
        })
    }

    /// A regular file opened for reading and its size, for parsers that stream. Never a FIFO or a device.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong.
    pub fn open_file(&self, path: &str) -> Result<(std::fs::File, u64), ReadError> {
        // Looked at before it is opened: opening some devices has effects (a tape rewinds, a watchdog starts).
        let meta = self.metadata(path)?;
        match meta.kind {
            Kind::File => {}
            Kind::Directory => return Err(ReadError::NotAFile { path: path.to_owned(), kind: "directory" }),
            _ => return Err(ReadError::NotAFile { path: path.to_owned(), kind: "device, pipe or socket" }),
        }
        let fd = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        Ok((std::fs::File::from(fd), meta.size))
    }

    /// The names in a directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// When it is no directory or may not be read.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, ReadError> {
        let fd = self.open_dir(path)?;
        let base = path.trim_end_matches('/');
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&fd).map_err(|e| ReadError::from_errno(path, e))? {
            let entry = entry.map_err(|e| ReadError::from_errno(path, e))?;
            let bytes = entry.file_name().to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            let name = String::from_utf8_lossy(bytes).into_owned();
            let kind = match entry.file_type() {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Directory,
                FileType::Symlink => Kind::Link,
                FileType::Unknown => rustix::fs::statat(&fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(Kind::Other, |s| Metadata::from_stat(&s).kind),
                _ => Kind::Other,
            };
            entries.push(Entry { path: format!("{base}/{name}"), name, kind });
        }
        entries.sort();
        Ok(entries)
    }

    /// A directory opened for walking.
    ///
    /// # Errors
    /// When it is no directory or may not be read.
    pub fn open_dir(&self, path: &str) -> Result<OwnedFd, ReadError> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK)
    }

    /// The paths that match a shell pattern such as `/etc/ssh/sshd_config.d/*.conf`, sorted. Wildcards may stand in
    /// any component; a leading dot is matched only by a dot. What cannot be listed matches nothing.
    pub fn glob(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|p| !p.is_empty()) {
            let wild = part.contains(['*', '?', '[']);
            let matcher = wild
                .then(|| GlobBuilder::new(part).literal_separator(true).build().ok())
                .flatten()
                .map(|g| g.compile_matcher());
            let mut next = Vec::new();
            for base in found {
                match &matcher {
                    Some(matcher) => {
                        let dir = if base.is_empty() { "/" } else { &base };
                        for entry in self.list(dir).unwrap_or_default() {
                            if (!entry.name.starts_with('.') || part.starts_with('.')) && matcher.is_match(&entry.name)
                            {
                                next.push(format!("{base}/{}", entry.name));
                            }
                        }
                    }
                    None => next.push(format!("{base}/{part}")),
                }
            }
            found = next;
        }
        found.retain(|path| self.symlink_metadata(path).is_ok());
        found
    }
}

fn io_error(path: &str, error: &std::io::Error) -> ReadError {
    match error.raw_os_error() {
        Some(code) => ReadError::from_errno(path, Errno::from_raw_os_error(code)),
        None => ReadError::Io { path: path.to_owned(), error: error.to_string() },
    }
}

/// Why a file or folder of settings of our own is not used: others than its owner may write to it.
pub(crate) fn distrusted(meta: &std::fs::Metadata) -> Option<&'static str> {
    if meta.uid() != 0 && meta.uid() != rustix::process::geteuid().as_raw() {
        return Some("it belongs to someone else, so it is not trusted: run chown root on it");
    }
    let open = meta.mode() & 0o022 != 0;
    open.then_some("others may change it, so it is not trusted: run chmod go-w on it")
}

/// A path's bytes as text, for names that are no UTF-8.
pub(crate) fn lossy(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}
