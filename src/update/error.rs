//! Why there is no update, as sentences. After each of them the program that was there is there.

use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;

use crate::words;

/// Why nothing was updated.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Nothing to check signatures with.
    #[error("this program holds no key to check releases with, so it takes none")]
    NoKeys,
    /// Nowhere to ask.
    #[error("no server of releases is named in the settings, and this program was built without one")]
    NoServer,
    /// Something in the settings is wrong.
    #[error("{0}")]
    Settings(String),
    /// The server could not be asked; a whole sentence.
    #[error("{0}")]
    Fetch(String),
    /// It is not there.
    #[error("{server} has no {what}")]
    NotThere {
        /// The server.
        server: String,
        /// What was asked for.
        what: String,
    },
    /// The manifest has no right signature.
    #[error("what the server says about its releases was not signed by us, or it was changed on the way")]
    UnsignedManifest,
    /// It is signed, and makes no sense.
    #[error("what the server says about its releases cannot be read: {0}")]
    Manifest(String),
    /// Of a later time.
    #[error("what the server says about its releases is for a newer cleanbill than this one")]
    Format,
    /// Of another channel than was asked for.
    #[error("the server was asked for the channel `{asked}`, and answered with `{found}`")]
    OtherChannel {
        /// What was asked for.
        asked: String,
        /// What came.
        found: String,
    },
    /// It was the newest once.
    #[error(
        "the server says that {version} is the newest release, but that held only until {}. It is out of date, or someone keeps newer ones from you",
        words::date(*.expired)
    )]
    Expired {
        /// What it says.
        version: Version,
        /// Until when.
        expired: Timestamp,
    },
    /// A newer one was seen before.
    #[error(
        "the server says that {version} is the newest release, but {seen} was there before. Someone may be keeping newer ones from you"
    )]
    Replayed {
        /// What it says.
        version: Version,
        /// What was seen.
        seen: Version,
    },
    /// Another release than was asked for.
    #[error("the server was asked for {asked}, and answered with {found}")]
    OtherRelease {
        /// What was asked for.
        asked: Version,
        /// What came.
        found: Version,
    },
    /// None for this platform.
    #[error("cleanbill {version} does not come for this kind of machine ({target})")]
    Platform {
        /// The release.
        version: Version,
        /// This platform.
        target: String,
    },
    /// Older than this one.
    #[error("{version} is older than this cleanbill ({current})")]
    Downgrade {
        /// The one that was found.
        version: Version,
        /// This one.
        current: Version,
    },
    /// Not what it should be.
    #[error("the archive {file} {why}, so it is not used")]
    Archive {
        /// Its name.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not there any more.
    #[error("this program was exchanged while it ran; call it again")]
    Moved,
    /// A package manager looks after this program.
    #[error("this cleanbill came from {0}, which updates it")]
    Owned(String, String),
    /// It does not work here.
    #[error("cleanbill {version} was tried before it took the place of this one, and does not work here: {why}")]
    Trial {
        /// The new one.
        version: Version,
        /// What happened.
        why: String,
    },
    /// It took the place of the former one, did not work there, and the former one is back.
    #[error("cleanbill {version} did not work in its place: {why}. The former one is back")]
    Back {
        /// The new one.
        version: Version,
        /// What happened.
        why: String,
    },
    /// A file or folder cannot be used.
    #[error("{path} cannot be used: {said}")]
    Place {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        said: String,
    },
    /// The disk is full.
    #[error("the disk of {0} is full")]
    Full(PathBuf),
    /// Another update is at work.
    #[error("another cleanbill is being updated in {0}")]
    Busy(PathBuf),
    /// There is no former program.
    #[error("no former cleanbill is kept in {0}")]
    NoFormer(PathBuf),
    /// The history could not be copied.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

impl UpdateError {
    /// What to type or do next.
    pub fn hint(&self) -> String {
        match self {
            UpdateError::NoServer => {
                "Name it as `url` in [update], or give an archive: cleanbill self-update --from FILE".to_owned()
            }
            UpdateError::Settings(_) => "What can be said: cleanbill config explain update".to_owned(),
            UpdateError::Fetch(_) | UpdateError::NotThere { .. } => {
                "Nothing was changed. Without the network: cleanbill self-update --from FILE".to_owned()
            }
            UpdateError::Downgrade { version, .. } => {
                format!("If you want it all the same: cleanbill self-update --to {version} --allow-downgrade")
            }
            UpdateError::Owned(_, command) => format!("Update it with: {command}"),
            UpdateError::Place { .. } => "Run with sudo, or as the user to whom cleanbill belongs".to_owned(),
            UpdateError::Full(_) => "Make room, and try again".to_owned(),
            UpdateError::Busy(_) => "Wait until that has ended, then try again".to_owned(),
            UpdateError::NoFormer(_) => {
                "Take a release by its number: cleanbill self-update --to VERSION --allow-downgrade".to_owned()
            }
            UpdateError::Format => "Take the archive of a newer release: cleanbill self-update --from FILE".to_owned(),
            UpdateError::Store(error) => error.hint(),
            _ => "Nothing was changed: the cleanbill that was there is there".to_owned(),
        }
    }

    pub(super) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded) {
            return UpdateError::Full(path.to_owned());
        }
        UpdateError::Place { path: path.to_owned(), said: error.to_string() }
    }

    pub(super) fn archive(file: &str, why: impl Into<String>) -> Self {
        UpdateError::Archive { file: file.to_owned(), why: why.into() }
    }
}
