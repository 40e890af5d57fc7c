//! What lies at a path: content, owner, rights, attributes and times, and when two are the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Access rules beside the rights.
pub(in super::super) const ACL: &str = "system.posix_acl_access";
/// What the system itself keeps of a file and gives to a new one: it is passed on where that is possible, and no
/// difference.
const LABELS: [&str; 2] = ["security.selinux", "security.SMACK64"];
/// What the system reckons from the file itself, so that it must not be passed on.
pub(super) const RECKONED: [&str; 2] = ["security.ima", "security.evm"];

pub(in super::super) fn is_label(name: &str) -> bool {
    LABELS.contains(&name)
}

/// Whether an attribute holds access rules, of what it is or of what is made in it.
pub(in super::super) fn is_list(name: &str) -> bool {
    name.starts_with("system.posix_acl_")
}

/// Writes the rights into access rules: a version, then entries of a tag, what it may, and whom it is for.
pub(super) fn set_acl(rules: &mut [u8], mode: u32) {
    let [_, _, _, _, entries @ ..] = rules else { return };
    let tag = |entry: &[u8]| entry.first().copied().unwrap_or(0);
    let masked = entries.chunks_exact(8).any(|e| tag(e) == 0x10);
    for entry in entries.chunks_exact_mut(8) {
        let bits = match tag(entry) {
            0x01 => mode >> 6,
            0x04 if !masked => mode >> 3,
            0x10 => mode >> 3,
            0x20 => mode,
            _ => continue,
        };
        if let Some(may) = entry.get_mut(2) {
            *may = u8::try_from(bits & 7).unwrap_or(0);
        }
    }
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it is.
    pub content: Content,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes by name: access control lists, capabilities, labels.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// Last change of its content.
    pub modified: Time,
}

/// A moment as the file system keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: u32,
}

impl Default for Time {
    /// Whenever it is written; 1970 itself is a time that files of some images have.
    fn default() -> Self {
        Time { seconds: i64::MIN, nanoseconds: 0 }
    }
}

/// What a path is, with its content where that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A link, and where it leads.
    Link(Vec<u8>),
    /// A directory.
    Directory,
    /// Something of which only the rights are looked at: its device, its number there, and whether it is a directory.
    Opaque(u64, u64, bool),
}

impl State {
    /// A file of root.
    pub fn file(text: impl Into<Vec<u8>>, mode: u32) -> Self {
        State::new(Content::File(text.into()), mode)
    }

    /// Something of root.
    pub fn new(content: Content, mode: u32) -> Self {
        State { content, mode, uid: 0, gid: 0, xattrs: BTreeMap::new(), modified: Time::default() }
    }

    /// Whether two are the same, whenever they were written.
    pub fn same(&self, other: &State) -> bool {
        match (&self.content, &other.content) {
            (Content::Link(a), Content::Link(b)) => a == b,
            (a, b) => a == b && self.same_rights(other),
        }
    }

    /// The same for what stays changed for long: where only rights were changed, it may be another file by now, as a
    /// program that writes a file anew makes it one.
    pub fn alike(&self, other: &State) -> bool {
        match (&self.content, &other.content) {
            (Content::Opaque(.., a), Content::Opaque(.., b)) => a == b && self.same_rights(other),
            _ => self.same(other),
        }
    }

    pub(super) fn same_rights(&self, other: &State) -> bool {
        let compared = |state: &State| -> Vec<(String, Vec<u8>)> {
            state.xattrs.iter().filter(|(n, _)| !is_label(n)).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        (self.uid, self.gid, self.mode & 0o7777) == (other.uid, other.gid, other.mode & 0o7777)
            && (self.xattrs == other.xattrs || compared(self) == compared(other))
    }

    /// The rights and the access rules in step, as the system keeps them: what the rights say of the owner, of others
    /// and of the most that rules may give stands in the rules too.
    pub fn agreed(mut self) -> Self {
        if let Some(rules) = self.xattrs.get_mut(ACL)
            && !matches!(self.content, Content::Link(_))
        {
            set_acl(rules, self.mode);
        }
        self
    }

    /// Whether it has access rules for single people.
    pub fn has_list(&self) -> bool {
        self.xattrs.keys().any(|name| is_list(name))
    }

    /// The text of a file; none when it is no file or not UTF-8.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::File(bytes) => std::str::from_utf8(bytes).ok().filter(|t| !t.contains('\0')),
            _ => None,
        }
    }
}

/// Whether two states are the same, one that is not there among them.
pub fn same(a: Option<&State>, b: Option<&State>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    }
}

/// The same for what stays changed for long, see [`State::alike`].
pub fn alike(a: Option<&State>, b: Option<&State>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.alike(b),
        _ => false,
    }
}
