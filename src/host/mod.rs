//! The one door to the machine: a root directory, a way to run programs, a clock.
//!
//! Probes see the machine only through [`Host`], so a test can give them a directory and canned answers, and
//! `--root` can give them a mounted image whose symlinks never lead outside it. This room changes nothing.

mod command;
mod files;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

pub use command::{Command, Output, RunError};
pub use files::{Entry, Kind, Metadata, ReadError};
pub(crate) use files::{distrusted, lossy};
use jiff::Timestamp;

/// The machine, or an image of one.
#[derive(Debug, Clone)]
pub struct Host {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// By which path this process gets there.
    reach: PathBuf,
    root_fd: rustix::fd::OwnedFd,
    live: bool,
    privileged: bool,
    now: Timestamp,
    /// Answers that stand in for programs, for tests: by program and arguments, joined with spaces.
    canned: Option<BTreeMap<String, Output>>,
}

/// Set by the units that keep us from writing to the machine. They do that by showing us a tree of our own, in which some
/// folders are empty; the machine itself is then looked at as its first process sees it.
pub(crate) const CONFINED: &str = "CLEANBILL_CONFINED";

/// Whether we are kept from writing to the machine.
pub(crate) fn confined() -> bool {
    std::env::var_os(CONFINED).is_some_and(|value| value == "1")
}

/// The tree of the first process.
const FIRST: &str = "/proc/1/root";

/// Why a `--root` cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It cannot be opened.
    #[error("cannot open {path}: {error}")]
    Open {
        /// The directory asked for.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It has no `/etc` and `/usr`.
    #[error("{0} does not look like the root of a Linux system: it has no etc and usr directories")]
    NotASystem(PathBuf),
}

impl Host {
    /// The running machine.
    ///
    /// # Errors
    /// When `/` cannot be opened.
    pub fn live() -> Result<Self, RootError> {
        let reach = Path::new(if confined() { FIRST } else { "/" });
        Self::open(Path::new("/"), reach, true, Timestamp::now(), None)
    }

    /// A mounted image or container tree: files only, no programs are run.
    ///
    /// # Errors
    /// When it cannot be opened or is no system.
    pub fn image(root: &Path) -> Result<Self, RootError> {
        let host = Self::open(root, root, false, Timestamp::now(), None)?;
        if host.metadata("/etc").is_err() || host.metadata("/usr").is_err() {
            return Err(RootError::NotASystem(root.to_owned()));
        }
        Ok(host)
    }

    /// A directory that stands for a running machine, with canned answers of programs (`"/usr/sbin/sshd -T"`):
    /// how probes are tested.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn fake(root: &Path, now: Timestamp, canned: BTreeMap<String, Output>) -> Result<Self, RootError> {
        Self::open(root, root, true, now, Some(canned))
    }

    fn open(
        root: &Path,
        reach: &Path,
        live: bool,
        now: Timestamp,
        canned: Option<BTreeMap<String, Output>>,
    ) -> Result<Self, RootError> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_fd = rustix::fs::open(reach, flags, Mode::empty())
            .map_err(|error| RootError::Open { path: reach.to_owned(), error: error.into() })?;
        let privileged = canned.is_some() || rustix::process::geteuid().is_root();
        Ok(Host {
            inner: Arc::new(Inner {
                root: root.to_owned(),
                reach: reach.to_owned(),
                root_fd,
                live,
                privileged,
                now,
                canned,
            }),
            deadline: None,
        })
    }

    /// The same host with an end of time: programs are stopped then, and long walks should ask [`Host::late`].
    pub fn until(&self, deadline: Instant) -> Self {
        Host { inner: Arc::clone(&self.inner), deadline: Some(deadline) }
    }

    /// Whether the time limit has passed.
    pub fn late(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }

    fn remaining(&self) -> Duration {
        self.deadline.map_or(Duration::from_secs(3600), |end| end.saturating_duration_since(Instant::now()))
    }

    /// The directory that stands for `/`.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// The path by which this process gets to that directory, for system calls that take no open file.
    pub(crate) fn reach(&self) -> &Path {
        &self.inner.reach
    }

    /// The table of what is mounted in that directory.
    pub(crate) fn mount_table(&self) -> &'static str {
        if self.inner.reach == Path::new(FIRST) { "/proc/1/mountinfo" } else { "/proc/self/mountinfo" }
    }

    /// Whether this is a running machine, whose `/proc`, `/sys` and programs may be asked.
    pub fn is_live(&self) -> bool {
        self.inner.live
    }

    /// Whether we run as root.
    pub fn is_root(&self) -> bool {
        self.inner.privileged
    }

    /// The moment of the audit.
    pub fn now(&self) -> Timestamp {
        self.inner.now
    }
}
