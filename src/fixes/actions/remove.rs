//! Removes a file or link; what it held is kept in the journal, so that it can come back.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    tree::Content,
    view::{Refusal, View},
};

/// Removes a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Its path; a link itself goes, not what it leads to.
    pub path: String,
}

impl Act for Remove {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let Some(before) = view.file(&self.path)? else { return Ok(()) };
        match before.content {
            Content::File(_) | Content::Link(_) => {
                view.put(&self.path, Some(before), None);
                Ok(())
            }
            _ => Err(Refusal::new(format!("{} is no file, so it is left to a person", self.path))),
        }
    }
}
