//! The last settings that were right: kept beside the history, so that a mistake in the file stops nothing.

use std::path::{Path, PathBuf};

use super::Settings;
use crate::files::write_whole;

/// What the copy is called.
const FILE: &str = "last-good.toml";
/// How its first line begins.
const HEAD: &str = "# The last settings that were right, copied from ";

/// Keeps a copy of settings that are right. That it cannot be kept costs nothing.
pub fn keep_last_good(folder: &Path, settings: &Settings) {
    let Some(text) = &settings.text else { return };
    let copy = format!("{HEAD}{}\n{text}", settings.file.display().to_string().replace('\n', " "));
    let path = folder.join(FILE);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == copy) {
        return;
    }
    let _ = write_whole(&path, copy.as_bytes(), 0o600);
}

/// The copy, if there is one that can be used.
pub fn last_good(folder: &Path) -> Option<Settings> {
    Settings::load(&folder.join(FILE)).ok().filter(|settings| settings.text.is_some())
}

impl Settings {
    /// Of a copy that was kept: the file that it is a copy of.
    pub fn copied_from(&self) -> Option<PathBuf> {
        let first = self.text.as_deref()?.lines().next()?;
        self.file.ends_with(FILE).then(|| first.strip_prefix(HEAD).map(PathBuf::from)).flatten()
    }
}
