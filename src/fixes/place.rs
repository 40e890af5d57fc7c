//! The machine or image that is fixed: how it is looked at, and how it is changed.

use std::path::Path;

use super::tree::{Tree, TreeError};
use crate::host::Host;

/// The machine or image that is fixed.
pub struct Place {
    /// How it is looked at.
    pub host: Host,
    /// How it is changed.
    pub tree: Tree,
}

impl Place {
    /// Where this host lies.
    ///
    /// # Errors
    /// When its tree cannot be opened.
    pub fn of(host: Host) -> Result<Self, TreeError> {
        // One name for one place, so that the journal finds it again.
        let whole = std::fs::canonicalize(host.root()).unwrap_or_else(|_| host.root().to_owned());
        let tree = Tree::open(&whole)?;
        Ok(Place { host, tree })
    }

    /// Whether it runs.
    pub fn is_live(&self) -> bool {
        self.host.is_live()
    }

    /// Its root, as the journal names it.
    pub fn root(&self) -> String {
        self.tree.root().to_string_lossy().into_owned()
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.tree.root()
    }
}
