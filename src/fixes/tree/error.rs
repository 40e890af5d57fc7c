//! Why something could not be changed, in words for people.

use rustix::io::Errno;

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
    pub(super) fn new(path: &str, error: Errno) -> Self {
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
    pub(super) fn io(path: &str, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(code) if Errno::from_raw_os_error(code) == Errno::NOENT => {
                TreeError::Io(path.to_owned(), "/proc is not mounted".to_owned())
            }
            Some(code) => TreeError::new(path, Errno::from_raw_os_error(code)),
            None => TreeError::Io(path.to_owned(), error.to_string()),
        }
    }
}
