//! What a release says of itself: a small signed file with its version, until when it counts as the newest one, and its
//! archives. A server that shows an old one to keep a machine from being updated is found out by that date, and by what
//! the machine saw before.

use jiff::Timestamp;
use semver::Version;
use serde::Deserialize;

use super::{Keys, UpdateError};

/// The format that this program reads.
const FORMAT: u32 = 1;
/// No archive of ours is larger.
pub(super) const LARGEST: u64 = 512 << 20;

/// What a release says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    format: u32,
    /// `stable` or `beta`.
    pub channel: String,
    /// Its version.
    pub version: Version,
    /// When it was made.
    pub released: Timestamp,
    /// Until when it counts as the newest of its channel; it is signed anew before.
    pub expires: Timestamp,
    /// What is new, in a sentence.
    pub notes: Option<String>,
    archives: Vec<Archive>,
}

/// One archive of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Archive {
    target: String,
    file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Reads one that is signed.
    ///
    /// # Errors
    /// When nobody whom we trust signed it, or it says what this program cannot read.
    pub fn read(bytes: &[u8], signature: &[u8], keys: &Keys) -> Result<Self, UpdateError> {
        if !keys.signed(bytes, signature) {
            return Err(UpdateError::UnsignedManifest);
        }
        // The number of the format comes first: a later one may hold anything.
        #[derive(Deserialize)]
        struct Only {
            format: u32,
        }
        let unread = |e: serde_json::Error| UpdateError::Manifest(e.to_string());
        let Only { format } = serde_json::from_slice(bytes).map_err(unread)?;
        if format != FORMAT {
            return Err(UpdateError::Format);
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(unread)?;
        for archive in &manifest.archives {
            let name = archive_name(&manifest.version, &archive.target);
            if archive.file != name {
                return Err(UpdateError::Manifest(format!("an archive is called `{}` and not `{name}`", archive.file)));
            }
            if archive.bytes > LARGEST {
                return Err(UpdateError::Manifest(format!("an archive has {} bytes", archive.bytes)));
            }
        }
        Ok(manifest)
    }

    /// The archive for this platform.
    ///
    /// # Errors
    /// When there is none.
    pub fn archive(&self, target: &str) -> Result<&Archive, UpdateError> {
        let found = self.archives.iter().find(|archive| archive.target == target);
        found.ok_or_else(|| UpdateError::Platform { version: self.version.clone(), target: target.to_owned() })
    }

    /// Whether it may count as the newest of a channel, after `seen` was the newest once.
    ///
    /// # Errors
    /// When it is of another channel, too old, or older than what was seen.
    pub fn current(&self, channel: &str, now: Timestamp, seen: Option<&Seen>) -> Result<(), UpdateError> {
        if self.channel != channel {
            return Err(UpdateError::OtherChannel { asked: channel.to_owned(), found: self.channel.clone() });
        }
        if self.expires < now {
            return Err(UpdateError::Expired { version: self.version.clone(), expired: self.expires });
        }
        match seen {
            Some(seen) if self.released < seen.released => {
                Err(UpdateError::Replayed { version: self.version.clone(), seen: seen.version.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl Archive {
    /// The name of its file.
    pub fn file(&self) -> &str {
        &self.file
    }
}

/// The newest release of a channel that was seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Seen {
    /// Its version.
    pub version: Version,
    /// When it was made.
    pub released: Timestamp,
}

/// What an archive is called. Its signature holds for this name only, so that none can stand for another.
pub(super) fn archive_name(version: &Version, target: &str) -> String {
    format!("cleanbill-{version}-{target}.tar.gz")
}

/// The version of an archive for this platform, by its name.
pub(super) fn version_of(name: &str, target: &str) -> Option<Version> {
    let version = name.strip_prefix("cleanbill-")?.strip_suffix(".tar.gz")?.strip_suffix(target)?.strip_suffix('-')?;
    Version::parse(version).ok()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;
    use crate::update::testing::{keys, manifest_text};

    const X86: &str = "x86_64-unknown-linux-gnu";

    fn read(text: &str) -> Result<Manifest, UpdateError> {
        let signature = SigningKey::from_bytes(&[7; 32]).sign(text.as_bytes()).to_bytes();
        Manifest::read(text.as_bytes(), &signature, &keys(&[7]))
    }

    #[test]
    fn only_what_is_signed_is_read() {
        let text = manifest_text("0.2.0", X86, b"abc");
        let whole = read(&text).unwrap();
        assert_eq!(whole.version, Version::new(0, 2, 0));
        assert_eq!(whole.archive(X86).unwrap().bytes, 3);
        assert!(matches!(whole.archive("aarch64-unknown-linux-gnu"), Err(UpdateError::Platform { .. })));
        let signature = SigningKey::from_bytes(&[7; 32]).sign(text.as_bytes()).to_bytes();
        let unsigned = |text: &[u8], signature: &[u8], keys: &Keys| {
            assert!(matches!(Manifest::read(text, signature, keys), Err(UpdateError::UnsignedManifest)));
        };
        unsigned(text.as_bytes(), &signature, &keys(&[8]));
        unsigned(text.as_bytes(), &[], &keys(&[7]));
        unsigned(text.as_bytes(), &signature[..63], &keys(&[7]));
        for bit in 0..text.len() * 8 {
            let mut other = text.clone().into_bytes();
            other[bit / 8] ^= 1 << (bit % 8);
            unsigned(&other, &signature, &keys(&[7]));
        }
        // The key before and the key after: any of those that are trusted will do.
        assert!(Manifest::read(text.as_bytes(), &signature, &keys(&[8, 7])).is_ok());
    }

    #[test]
    fn what_it_says_must_make_sense() {
        let text = manifest_text("0.2.0", X86, b"abc");
        let wrong = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            read(&text.replace(from, to)).unwrap_err().to_string()
        };
        assert!(matches!(read(&text.replace("\"format\":1", "\"format\":2")), Err(UpdateError::Format)));
        assert!(wrong("cleanbill-0.2.0-", "../../bin/cleanbill-0.2.0-").contains("is called"));
        assert!(wrong("\"bytes\":3", "\"bytes\":99999999999").contains("99999999999"));
        assert!(wrong("\"bytes\":3", "\"bytes\":-3").contains("cannot be read"));
        assert!(wrong("\"version\":\"0.2.0\"", "\"version\":\"new\"").contains("cannot be read"));
        assert!(read("[]").is_err() && read("").is_err());
    }

    #[test]
    fn an_old_one_does_not_pass_for_the_newest() {
        let manifest = read(&manifest_text("0.2.0", X86, b"abc")).unwrap();
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let seen = |version: &str, released: &str| Seen {
            version: version.parse().unwrap(),
            released: released.parse().unwrap(),
        };
        assert!(manifest.current("stable", now, None).is_ok());
        assert!(manifest.current("stable", now, Some(&seen("0.2.0", "2026-11-26T00:00:00Z"))).is_ok());
        assert!(manifest.current("stable", now, Some(&seen("0.1.9", "2026-11-01T00:00:00Z"))).is_ok());
        let newer = seen("0.3.0", "2026-11-27T00:00:00Z");
        assert!(matches!(manifest.current("stable", now, Some(&newer)), Err(UpdateError::Replayed { .. })));
        assert!(matches!(manifest.current("beta", now, None), Err(UpdateError::OtherChannel { .. })));
        let later: Timestamp = "2027-12-01T00:00:00Z".parse().unwrap();
        assert!(matches!(manifest.current("stable", later, None), Err(UpdateError::Expired { .. })));
    }

    #[test]
    fn names_of_archives_are_read_back() {
        for version in ["0.2.0", "1.0.0-beta.3", "1.0.0-x86-build+7"] {
            let version: Version = version.parse().unwrap();
            let name = archive_name(&version, X86);
            assert_eq!(version_of(&name, X86), Some(version), "{name}");
            assert_eq!(version_of(&name, "aarch64-unknown-linux-gnu"), None);
        }
        for other in ["cleanbill.tar.gz", "cleanbill-0.2.0.tar.gz", "cleanbill-0.2.0-x86_64-unknown-linux-gnu.zip"] {
            assert_eq!(version_of(other, X86), None, "{other}");
        }
    }
}
