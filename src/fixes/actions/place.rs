//! Files, folders and links as a whole: another name, a new folder, a link that leads elsewhere.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    tree::{Content, State},
    view::{Refusal, View},
};

/// Gives a file another name in its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Its path.
    pub path: String,
    /// Its new path.
    pub to: String,
}

/// Makes a folder; one that is there stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// Its rights, in octal.
    pub mode: String,
    /// Its user, by name or number; root where it is left out.
    #[serde(default)]
    pub user: Option<String>,
    /// Its group, by name or number; that of root where it is left out.
    #[serde(default)]
    pub group: Option<String>,
}

/// Lets a link lead elsewhere, or makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where the link is.
    pub path: String,
    /// Where it leads; it must be there.
    pub to: String,
}

impl Act for Rename {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let Some(before) = view.file(&self.path)? else { return Ok(()) };
        if !matches!(before.content, Content::File(_)) {
            return Err(Refusal::new(format!("{} is no file, so it is left to a person", self.path)));
        }
        if view.file(&self.to)?.is_some() {
            return Err(Refusal::new(format!("there is a file {} already", self.to)));
        }
        view.put(&self.to, None, Some(before.clone()));
        view.put(&self.path, Some(before), None);
        Ok(())
    }
}

impl Act for Folder {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if view.rights(&self.path)?.is_some() {
            return Ok(());
        }
        let mut state = State::new(Content::Directory, super::rights::octal(&self.mode)?);
        if let Some(user) = &self.user {
            state.uid = super::rights::id(view, user, "/etc/passwd")?;
        }
        if let Some(group) = &self.group {
            state.gid = super::rights::id(view, group, "/etc/group")?;
        }
        let above = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !above.is_empty() && view.rights(above)?.is_none() {
            return Err(Refusal::new(format!("there is no folder {above}")));
        }
        view.put(&self.path, None, Some(state));
        Ok(())
    }
}

impl Act for Link {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if !view.host().exists(&self.to) {
            return Err(Refusal::new(format!("there is no {}", self.to)));
        }
        match view.file(&self.path)?.map(|s| s.content) {
            Some(Content::Link(now)) if now == self.to.as_bytes() => Ok(()),
            Some(Content::Directory) => Err(Refusal::new(format!("{} is a folder", self.path))),
            _ => view.link(&self.path, &self.to),
        }
    }
}
