//! One setting of a file: everything else in it stays as it is.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    formats::{Edit, Format},
    view::{Refusal, View},
};

/// Sets or removes one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// How the file is written.
    pub format: Format,
    /// The file.
    pub path: String,
    /// The section, where the format has such.
    #[serde(default)]
    pub section: Option<String>,
    /// The setting.
    pub key: String,
    /// Its value; none removes it.
    #[serde(default)]
    pub value: Option<String>,
    /// Rights of a new file.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whether nothing is done where there is no such file.
    #[serde(default)]
    pub only_if_there: bool,
}

impl Act for SetConfig {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let path = view.follow(&self.path)?;
        let old = view.text(&path)?;
        if old.is_none() && (self.only_if_there || self.value.is_none()) {
            return Ok(());
        }
        let edit = Edit { section: self.section.as_deref(), key: &self.key, value: self.value.as_deref() };
        let new = self
            .format
            .edit(old.as_deref().unwrap_or_default(), &edit)
            .map_err(|e| Refusal::new(format!("{path} could not be changed: {e}")))?;
        if old.as_deref() == Some(new.as_str()) {
            return Ok(());
        }
        let mode = self.mode.as_deref().map_or(Ok(0o644), super::rights::octal)?;
        view.write(&path, &new, mode)
    }
}
