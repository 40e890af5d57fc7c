//! What was the newest release once: a small file beside the history, so that a server that shows an older one later is
//! found out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::manifest::{Manifest, Seen};
use crate::files::write_whole;

/// By channel.
#[derive(Debug)]
pub(super) struct Memory {
    file: PathBuf,
    channels: BTreeMap<String, Seen>,
}

impl Memory {
    /// What is remembered in a folder. A file that cannot be read is as good as none.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let file = folder.join("releases-seen.json");
        let channels = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Memory { file, channels }
    }

    pub(super) fn of(&self, channel: &str) -> Option<&Seen> {
        self.channels.get(channel)
    }

    /// Remembers one that holds. Where that cannot be written, the date in the next one still tells.
    pub(super) fn keep(&mut self, manifest: &Manifest) {
        let seen = Seen { version: manifest.version.clone(), released: manifest.released };
        if self.channels.get(&manifest.channel) == Some(&seen) {
            return;
        }
        self.channels.insert(manifest.channel.clone(), seen);
        let Ok(text) = serde_json::to_vec_pretty(&self.channels) else { return };
        let _ = self.file.parent().map(fs::create_dir_all);
        let _ = write_whole(&self.file, &text, 0o600);
    }
}
