//! What is to be changed: a file from one state to another, or a program that is run, with what takes it back.

use serde::{Deserialize, Serialize};

use super::tree::{Content, State, Time};

/// One step of a fix.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A file, link or directory.
    File(FileChange),
    /// A program.
    Run(Run),
}

/// Something in the tree that becomes another.
#[derive(Debug, Clone, PartialEq)]
pub struct FileChange {
    /// Its path beneath the root.
    pub path: String,
    /// As it was when this was planned; none when it is not there.
    pub before: Option<State>,
    /// As it will be; none when it goes.
    pub after: Option<State>,
}

/// When a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// In its place among the changes of its fix.
    Now,
    /// Once, when the files of all fixes stand: a service reads its settings anew. Taken back, it runs once more over the
    /// old files; what would undo it never runs.
    Late,
}

/// A program that is run on a running machine; an image is changed by its files alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What it does, in plain words: `nginx reads its settings anew`.
    pub what: String,
    /// Program by absolute path, and its arguments.
    pub command: Vec<String>,
    /// What takes it back, in this order; nothing where it leaves nothing behind.
    pub undo: Vec<Vec<String>>,
    /// When it runs.
    pub when: When,
    /// Longest time it may take, in seconds.
    pub seconds: u64,
    /// What it leaves behind that cannot be taken back.
    pub stays: Option<String>,
    /// What it may print that is shown before: the simulation of an installation.
    pub preview: Option<String>,
    /// Files that it writes anew, also those in which nothing changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touched>,
    /// Whether it may make accounts, which go again with what it installs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accounts: bool,
}

/// A file that a program writes, as it was before. Where it is so again, it gets the time back that it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Its path.
    pub path: String,
    /// The hash of its content.
    pub hash: String,
    /// When it was written.
    pub modified: Time,
}

impl Touched {
    /// Of a file as it is; none of anything else.
    pub fn of(path: &str, state: &State) -> Option<Self> {
        let Content::File(bytes) = &state.content else { return None };
        let hash = blake3::hash(bytes).to_hex().to_string();
        Some(Touched { path: path.to_owned(), hash, modified: state.modified })
    }
}

impl Run {
    /// A program that leaves nothing behind.
    pub fn new(what: impl Into<String>, command: &[&str]) -> Self {
        Run {
            what: what.into(),
            command: command.iter().map(|a| (*a).to_owned()).collect(),
            undo: Vec::new(),
            when: When::Now,
            seconds: 60,
            stays: None,
            preview: None,
            touches: Vec::new(),
            accounts: false,
        }
    }

    /// Once, when all files stand.
    pub fn late(mut self) -> Self {
        self.when = When::Late;
        self
    }

    /// With what takes it back.
    pub fn undone_by(mut self, command: &[&str]) -> Self {
        self.undo.push(command.iter().map(|a| (*a).to_owned()).collect());
        self
    }

    /// The command as someone would type it.
    pub fn line(&self) -> String {
        self.command.iter().map(|a| crate::words::shell(a)).collect::<Vec<_>>().join(" ")
    }
}

impl FileChange {
    /// Whether anything becomes another.
    pub fn is_any(&self) -> bool {
        !super::tree::same(self.before.as_ref(), self.after.as_ref())
    }

    /// What happens to it, in plain words: `/etc/shadow: rights from 0644 to 0640`.
    pub fn what(&self) -> String {
        let path = &self.path;
        match (&self.before, &self.after) {
            (None, None) => format!("{path}: stays away"),
            (None, Some(after)) => match &after.content {
                Content::Directory => format!("{path}: a new folder"),
                Content::Link(target) => format!("{path}: a new link to {}", String::from_utf8_lossy(target)),
                _ => format!("{path}: a new file"),
            },
            (Some(_), None) => format!("{path}: goes (a copy is kept)"),
            (Some(before), Some(after)) => {
                let mut parts = Vec::new();
                if before.content != after.content {
                    parts.push("another content".to_owned());
                }
                if (before.uid, before.gid) != (after.uid, after.gid) {
                    parts.push(format!("owner from {}:{} to {}:{}", before.uid, before.gid, after.uid, after.gid));
                }
                if before.mode != after.mode {
                    parts.push(format!("rights from {:04o} to {:04o}", before.mode, after.mode));
                }
                if before.xattrs != after.xattrs {
                    parts.push("other access rules".to_owned());
                }
                format!("{path}: {}", crate::words::list(&parts))
            }
        }
    }
}
