//! The archive of a release: believed by its signature, and even then only where all that is in it is plain files below
//! one folder.

use std::{
    fs::{self, File},
    io::Read,
    path::{Component, Path, PathBuf},
};

use self_update::{ArchiveKind, Compression, Extract};
use sha2::{Digest as _, Sha256};

use super::{Keys, UpdateError, manifest};
use crate::words::{hex, said};

/// All files of a release together are no larger.
const LARGEST: u64 = 1 << 30;
/// There are no more of them.
const MOST: usize = 10_000;
/// The programs of a release, the one that people type first.
pub(super) const PROGRAMS: [&str; 2] = ["cleanbill", "cleanbill-daemon"];

/// Whether an archive has this size and this sum.
pub(super) fn is_whole(path: &Path, bytes: u64, sha256: &str) -> Result<(), UpdateError> {
    let name = name(path);
    let io = |e: std::io::Error| UpdateError::io(path, &e);
    let found = fs::metadata(path).map_err(io)?.len();
    if found != bytes {
        return Err(UpdateError::archive(&name, format!("has {found} bytes, and {bytes} were announced")));
    }
    let mut file = File::open(path).map_err(io)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut piece).map_err(io)? {
            0 => break,
            n => hash.update(piece.get(..n).unwrap_or_default()),
        }
    }
    if hex(&hash.finalize()) == sha256.to_ascii_lowercase() {
        Ok(())
    } else {
        Err(UpdateError::archive(&name, "is not the one that was announced"))
    }
}

/// Whether one of the keys signed it, under its name.
pub(super) fn is_signed(path: &Path, keys: &Keys) -> Result<(), UpdateError> {
    let name = name(path);
    self_update::verify_signature(path, keys.all()).map_err(|error| match error {
        self_update::Error::Io(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => UpdateError::io(path, &e),
        _ => UpdateError::archive(&name, "was not signed by us under this name, or it was changed"),
    })
}

/// Puts the files of a release into a folder; where they are then.
pub(super) fn unpack(path: &Path, into: &Path) -> Result<PathBuf, UpdateError> {
    let name = name(path);
    let top = name.strip_suffix(".tar.gz").unwrap_or(&name).to_owned();
    fits(path, &top).map_err(|why| UpdateError::archive(&name, why))?;
    let mut extract = Extract::from_source(path);
    extract.archive(ArchiveKind::Tar(Some(Compression::Gz)));
    extract.extract_into(into).map_err(|error| match error {
        self_update::Error::Io(e) => UpdateError::io(into, &e),
        other => UpdateError::archive(&name, format!("cannot be unpacked ({other})")),
    })?;
    let top = into.join(top);
    for program in PROGRAMS {
        let is = fs::symlink_metadata(top.join("bin").join(program)).is_ok_and(|meta| meta.is_file());
        if !is {
            return Err(UpdateError::archive(&name, format!("holds no {program}")));
        }
    }
    Ok(top)
}

/// Looks at all that is in it before anything is written.
fn fits(path: &Path, top: &str) -> Result<(), String> {
    let damaged = |e: std::io::Error| format!("is damaged ({e})");
    let file = File::open(path).map_err(damaged)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file).take(LARGEST + (64 << 20)));
    let (mut all, mut count) = (0u64, 0);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let inside = entry.path().map_err(damaged)?.into_owned();
        let shown = said(&inside.display().to_string());
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_dir()) {
            return Err(format!("holds something that is neither a file nor a folder ({shown})"));
        }
        let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || !inside.starts_with(top) {
            return Err(format!("holds a file that belongs elsewhere ({shown})"));
        }
        all = all.saturating_add(entry.size());
        count += 1;
        if all > LARGEST || count > MOST {
            return Err("holds more than any release does".to_owned());
        }
    }
    Ok(())
}

/// The version of an archive for this platform, by its name.
pub(super) fn version(path: &Path, target: &str) -> Result<semver::Version, UpdateError> {
    let name = name(path);
    manifest::version_of(&name, target).ok_or_else(|| {
        let like = format!("has no name of a release for this machine, such as cleanbill-1.2.3-{target}.tar.gz");
        UpdateError::archive(&name, like)
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
