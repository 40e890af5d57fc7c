//! The machine as it will be: the tree with the planned changes on top, so that a second fix of the same file builds on
//! the first one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    change::{Change, FileChange, Run},
    tree::{Content, State, Tree, TreeError},
};
use crate::host::Host;

/// Why an action cannot be done here, as a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<TreeError> for Refusal {
    fn from(error: TreeError) -> Self {
        Refusal(error.to_string())
    }
}

/// What an ordinary user puts into an image of their own is theirs, as the rest of it: only root can give it to root.
fn ours(before: Option<&State>, after: State) -> State {
    let me = rustix::process::geteuid();
    if me.is_root() || after.uid != 0 || before.is_some_and(|b| b.uid == 0) {
        return after;
    }
    State { uid: me.as_raw(), gid: rustix::process::getegid().as_raw(), ..after }
}

impl Refusal {
    /// From a sentence.
    pub fn new(why: impl Into<String>) -> Self {
        Refusal(why.into())
    }
}

/// What a plan is made over.
#[derive(Debug)]
pub struct View<'a> {
    tree: &'a Tree,
    host: &'a Host,
    /// What the fixes before this one made, by path.
    made: BTreeMap<String, Option<State>>,
    /// What this fix changes.
    changes: Vec<Change>,
    /// The folder of the check whose fix it is, where it has one of its own.
    folder: Option<PathBuf>,
}

impl<'a> View<'a> {
    /// Nothing is planned yet.
    pub fn new(tree: &'a Tree, host: &'a Host) -> Self {
        View { tree, host, made: BTreeMap::new(), changes: Vec::new(), folder: None }
    }

    /// The machine as probes see it: without what is planned.
    pub fn host(&self) -> &'a Host {
        self.host
    }

    /// The folder that lies beside the check whose fix is planned, where there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// From here on the fix of a check with this folder is planned.
    pub(super) fn beside(&mut self, folder: Option<&Path>) {
        self.folder = folder.map(Path::to_owned);
    }

    /// Whether programs may be run.
    pub fn is_live(&self) -> bool {
        self.host.is_live()
    }

    /// A path behind its links, which nobody but root may have set.
    ///
    /// # Errors
    /// When others can turn a link on the way.
    pub fn follow(&self, path: &str) -> Result<String, Refusal> {
        Ok(self.tree.follow(path)?)
    }

    /// What will lie at a path, with its content.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file(&self, path: &str) -> Result<Option<State>, Refusal> {
        match self.made.get(path) {
            Some(state) => match state {
                Some(State { content: Content::Opaque(..), .. }) => {
                    let read = self.tree.read(path)?;
                    // The rights that it will have, with the content that it has.
                    Ok(read.zip(state.clone()).map(|(read, state)| State { content: read.content, ..state }))
                }
                state => Ok(state.clone()),
            },
            None => Ok(self.tree.read(path)?),
        }
    }

    /// The text that will stand in a file; nothing when there is none.
    ///
    /// # Errors
    /// When it is no text, or cannot be read.
    pub fn text(&self, path: &str) -> Result<Option<String>, Refusal> {
        let Some(state) = self.file(path)? else { return Ok(None) };
        match state.text() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Refusal(format!("{path} is no text file"))),
        }
    }

    /// The rights that what lies at a path will have.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn rights(&self, path: &str) -> Result<Option<State>, Refusal> {
        match self.made.get(path) {
            Some(state) => Ok(state.clone()),
            None => Ok(self.tree.rights(path)?),
        }
    }

    /// Plans that something at a path, which is `before` now, becomes `after`.
    pub fn put(&mut self, path: &str, before: Option<State>, after: Option<State>) {
        let after = after.map(State::agreed).map(|state| ours(before.as_ref(), state));
        let same = |c: &&mut Change| matches!(c, Change::File(f) if f.path == path);
        // Rights of a unit are nothing that systemd reads.
        let unit = path.starts_with("/etc/systemd/system/")
            && before.as_ref().map(|s| &s.content) != after.as_ref().map(|s| &s.content);
        // What is left as it is keeps the time at which it was written.
        let settled = match self.changes.iter_mut().rev().find(same) {
            Some(Change::File(change)) => {
                // Where only the rights were known before, the content is known now.
                if let (Some(old), Some(new)) = (&mut change.before, &before)
                    && matches!(old.content, Content::Opaque(..))
                {
                    old.content = new.content.clone();
                }
                change.after.clone_from(&after);
                if change.is_any() { after } else { change.before.clone() }
            }
            _ => {
                let change = FileChange { path: path.to_owned(), before: before.clone(), after: after.clone() };
                if change.is_any() {
                    self.changes.push(Change::File(change));
                    after
                } else {
                    before
                }
            }
        };
        self.made.insert(path.to_owned(), settled);
        if unit {
            let systemctl = "/usr/bin/systemctl";
            self.run(Run::new("systemd reads its units anew", &[systemctl, "daemon-reload"]).late());
        }
    }

    /// Plans a text for a file: with its rights as they are, or as a new file of root with these.
    ///
    /// # Errors
    /// When it is something else than a file.
    pub fn write(&mut self, path: &str, text: &str, mode: u32) -> Result<(), Refusal> {
        let before = self.file(path)?;
        let after = match &before {
            Some(State { content: Content::File(_), .. }) | None => {
                let old = before.clone().unwrap_or_else(|| State::file("", mode));
                State { content: Content::File(text.as_bytes().to_vec()), modified: Default::default(), ..old }
            }
            Some(_) => return Err(Refusal(format!("{path} is no file"))),
        };
        if before.is_none() {
            self.folder_of(path)?;
        }
        self.put(path, before, Some(after));
        Ok(())
    }

    /// Plans a link of root.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), Refusal> {
        let before = self.file(path)?;
        if before.is_none() {
            self.folder_of(path)?;
        }
        self.put(path, before, Some(State::new(Content::Link(target.as_bytes().to_vec()), 0o777)));
        Ok(())
    }

    /// Plans the folders above a path, where they are missing.
    fn folder_of(&mut self, path: &str) -> Result<(), Refusal> {
        let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) else { return Ok(()) };
        let folder = self.follow(folder)?;
        if self.rights(&folder)?.is_none() {
            self.folder_of(&folder)?;
            self.put(&folder, None, Some(State::new(Content::Directory, 0o755)));
        }
        Ok(())
    }

    /// Plans that a program is run; nothing on an image.
    pub fn run(&mut self, run: Run) {
        let known = |c: &Change| matches!(c, Change::Run(r) if *r == run);
        if self.is_live() && !self.changes.iter().any(known) {
            self.changes.push(Change::Run(run));
        }
    }

    /// What was planned since the last call.
    pub(super) fn take(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|c| !matches!(c, Change::File(f) if !f.is_any()));
        changes
    }

    /// Forgets what was planned since the last call, as it cannot be done.
    pub(super) fn forget(&mut self, made: BTreeMap<String, Option<State>>) {
        self.changes.clear();
        self.made = made;
    }

    /// What the fixes so far make.
    pub(super) fn made(&self) -> BTreeMap<String, Option<State>> {
        self.made.clone()
    }
}
