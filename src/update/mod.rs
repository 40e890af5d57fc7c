//! Updating this program: what a server of releases says is signed, what it gives is signed, and nothing that was not
//! tried takes the place of what works.
//!
//! The order is what makes it safe. Everything is fetched and made beside the program; the new one is tried on a copy of
//! the history; then one rename puts it in its place, the former one being kept under a second name.

mod archive;
mod error;
mod fetch;
mod keys;
mod manifest;
mod owner;
mod place;
mod seen;
mod trial;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use semver::Version;

pub use error::UpdateError;
pub use fetch::{Patience, Source, address};
pub use keys::{Key, Keys};
pub use manifest::{Archive, Manifest, Seen};
pub use owner::{Owner, owner};
pub use place::Place;

use crate::store::Store;
use fetch::Server;
use seen::Memory;
use trial::Trial;

/// This version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where this program was built to look for releases, if anywhere.
pub const SERVER: Option<&str> = option_env!("CLEANBILL_RELEASES");
/// The platform of this program, as releases name it.
pub const TARGET: &str = env!("CLEANBILL_PLATFORM");

/// All that an update needs.
#[derive(Debug)]
pub struct Updater {
    /// Whose releases are taken.
    pub keys: Keys,
    /// Where the program lies.
    pub place: Place,
    /// The version that is there.
    pub current: Version,
    /// The platform.
    pub target: String,
    /// The history.
    pub store: Store,
    /// The file of the settings.
    pub settings: PathBuf,
    /// What time it is.
    pub now: Timestamp,
}

/// Which release is wanted.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The newest one of a channel.
    Newest(String),
    /// This one.
    Version(Version),
}

/// A release that could be put here.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Whether it is newer than what is here.
    pub newer: bool,
}

/// The former program, back in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Its version.
    pub version: Version,
    /// Where the history cannot be read by it any more: the copy that was kept for it.
    pub history: Option<PathBuf>,
}

/// What is done, as it is done.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// So many bytes of so many came.
    Fetched(u64, u64),
    /// All came, and is signed.
    Signed,
    /// The new one is being tried.
    Trying,
    /// It works.
    Works,
}

impl Updater {
    /// For the program that runs.
    ///
    /// # Errors
    /// When it is not where it was started from any more.
    pub fn here(store: Store, settings: PathBuf) -> Result<Self, UpdateError> {
        let program = std::env::current_exe().map_err(|e| UpdateError::io(Path::new("/proc/self/exe"), &e))?;
        if !program.exists() {
            return Err(UpdateError::Moved);
        }
        Ok(Updater {
            keys: Keys::compiled_in()?,
            place: Place::of(&program),
            current: Version::parse(VERSION).map_err(|e| UpdateError::Manifest(e.to_string()))?,
            target: TARGET.to_owned(),
            store,
            settings,
            now: Timestamp::now(),
        })
    }

    /// Whether this program may be exchanged.
    ///
    /// # Errors
    /// When a package manager looks after it, or this user may not.
    pub fn may_change(&self) -> Result<(), UpdateError> {
        if let Some(owner) = owner(&self.place.program(), Path::new("/")) {
            return Err(UpdateError::Owned(owner.what, owner.command));
        }
        self.place.may_change()
    }

    /// Asks the server which release there is.
    ///
    /// # Errors
    /// When it cannot be asked, or its answer is not to be believed.
    pub fn find(&self, source: &Source, wanted: &Wanted) -> Result<Found, UpdateError> {
        let server = Server::new(source)?;
        let path = match wanted {
            Wanted::Newest(channel) => format!("{channel}.json"),
            Wanted::Version(version) => format!("{version}/manifest.json"),
        };
        let bytes = server.small(&path)?;
        let signature = server.small(&format!("{path}.sig"))?;
        let manifest = Manifest::read(&bytes, &signature, &self.keys)?;
        match wanted {
            Wanted::Newest(channel) => {
                let mut memory = self.memory();
                manifest.current(channel, self.now, memory.of(channel))?;
                memory.keep(&manifest);
            }
            // Who asks for a release by its number wants that one, however old.
            Wanted::Version(version) if manifest.version != *version => {
                return Err(UpdateError::OtherRelease { asked: version.clone(), found: manifest.version });
            }
            Wanted::Version(_) => {}
        }
        Ok(Found { newer: manifest.version > self.current, manifest })
    }

    /// Fetches a release and puts it in the place of this program.
    ///
    /// # Errors
    /// When anything is wrong with it. Then the program that was there is there.
    pub fn fetch(
        &self,
        source: &Source,
        found: &Found,
        downgrade: bool,
        told: &mut dyn FnMut(Step),
    ) -> Result<(), UpdateError> {
        let version = &found.manifest.version;
        self.no_downgrade(version, downgrade)?;
        let announced = found.manifest.archive(&self.target)?;
        let work = self.place.work()?;
        let file = work.folder.join(announced.file());
        let mut to = File::create_new(&file).map_err(|e| UpdateError::io(&file, &e))?;
        let path = format!("{version}/{}", announced.file());
        Server::new(source)?
            .get(&path, announced.bytes, &mut to, &mut |came| told(Step::Fetched(came, announced.bytes)))?;
        drop(to);
        archive::is_whole(&file, announced.bytes, &announced.sha256)?;
        self.take(&work.folder, &file, version, told)
    }

    /// The same with an archive that was brought here.
    ///
    /// # Errors
    /// When anything is wrong with it. Then the program that was there is there.
    pub fn bring(&self, from: &Path, downgrade: bool, told: &mut dyn FnMut(Step)) -> Result<Version, UpdateError> {
        let version = archive::version(from, &self.target)?;
        self.no_downgrade(&version, downgrade)?;
        let io = |e: std::io::Error| UpdateError::io(from, &e);
        let size = fs::metadata(from).map_err(io)?.len();
        if size > manifest::LARGEST {
            return Err(UpdateError::archive(&from.to_string_lossy(), "is larger than any release"));
        }
        let work = self.place.work()?;
        // A copy of our own: whoever can write to the other could exchange it between the look and the use.
        let file = work.folder.join(from.file_name().unwrap_or_default());
        fs::copy(from, &file).map_err(io)?;
        self.take(&work.folder, &file, &version, told)?;
        Ok(version)
    }

    /// Brings the former program back; it is tried first, as any other.
    ///
    /// # Errors
    /// When there is none, or it does not work any more.
    pub fn back(&self) -> Result<Back, UpdateError> {
        let former = self.place.former_program()?;
        let work = self.place.work()?;
        let unknown = |why| UpdateError::Trial { version: self.current.clone(), why };
        let version = trial::says_version(&former).map_err(unknown)?;
        let history = match self.trial(&work.folder).run(&former, &version) {
            Ok(()) => None,
            // This one brought the history to a newer schema; what it was before is kept for that one.
            Err(UpdateError::Trial { why, .. }) if why.contains("was written by a newer cleanbill") => {
                let kept = self.store.kept_for_older();
                let kept = kept.ok_or_else(|| UpdateError::Trial { version: version.clone(), why })?;
                let trial = Trial { store: &Store::at(&kept), ..self.trial(&work.folder) };
                trial.run(&former, &version)?;
                Some(kept)
            }
            Err(other) => return Err(other),
        };
        self.place.back()?;
        Ok(Back { version, history })
    }

    fn take(&self, work: &Path, file: &Path, version: &Version, told: &mut dyn FnMut(Step)) -> Result<(), UpdateError> {
        archive::is_signed(file, &self.keys)?;
        told(Step::Signed);
        let new = archive::unpack(file, work)?;
        told(Step::Trying);
        self.trial(work).run(&new.join("bin/cleanbill"), version)?;
        told(Step::Works);
        self.place.put(&new)?;
        // In its place it has to work too: another file system may forbid to run it, another name lead elsewhere.
        if let Err(why) = self.is_there(version) {
            self.place.take_back(&archive::PROGRAMS)?;
            return Err(UpdateError::Back { version: version.clone(), why });
        }
        self.place.companions(&new);
        Ok(())
    }

    fn is_there(&self, version: &Version) -> Result<(), String> {
        let found = trial::says_version(&self.place.program())?;
        if found == *version { Ok(()) } else { Err(format!("it says that it is cleanbill {found}")) }
    }

    /// Whether a release may take this place by its version.
    ///
    /// # Errors
    /// When it is older, and nobody asked for that.
    pub fn no_downgrade(&self, version: &Version, asked: bool) -> Result<(), UpdateError> {
        if *version < self.current && !asked {
            return Err(UpdateError::Downgrade { version: version.clone(), current: self.current.clone() });
        }
        Ok(())
    }

    fn trial<'a>(&'a self, folder: &'a Path) -> Trial<'a> {
        Trial { store: &self.store, settings: &self.settings, folder }
    }

    fn memory(&self) -> Memory {
        Memory::in_folder(self.store.path().parent().unwrap_or(Path::new(".")))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use base64ct::{Base64, Encoding as _};
    use ed25519_dalek::SigningKey;
    use sha2::{Digest as _, Sha256};

    use super::{Keys, keys::ED25519};

    /// The public keys of made-up secret ones.
    pub(crate) fn keys(secrets: &[u8]) -> Keys {
        let pems: Vec<String> = secrets
            .iter()
            .map(|secret| {
                let public = SigningKey::from_bytes(&[*secret; 32]).verifying_key().to_bytes();
                let der = [ED25519.as_slice(), &public].concat();
                format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", Base64::encode_string(&der))
            })
            .collect();
        Keys::of(&pems.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    }

    /// What a release with this archive says of itself.
    pub(crate) fn manifest_text(version: &str, target: &str, archive: &[u8]) -> String {
        let sum = crate::words::hex(&Sha256::digest(archive));
        format!(
            r#"{{"format":1,"channel":"stable","version":"{version}","released":"2026-11-26T00:00:00Z","expires":"2027-05-25T00:00:00Z","archives":[{{"target":"{target}","file":"cleanbill-{version}-{target}.tar.gz","bytes":{},"sha256":"{sum}"}}]}}"#,
            archive.len()
        )
    }
}
