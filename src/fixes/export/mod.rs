//! A plan as something that works without cleanbill: a shell script or an Ansible playbook. What only root may read is
//! never written into either, and nothing that comes from the machine is ever obeyed by what reads them.

mod ansible;
mod parts;
mod script;
mod shadow;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    change::{Change, FileChange, Run},
    plan::{Plan, PlannedFix},
    tree::{Content, State, Tree, is_label, is_list},
};
use crate::words::harmless;

pub use ansible::playbook;
pub use script::script;

/// For whom it is written.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The name of the machine or image.
    pub machine: &'a str,
    /// When the plan was made.
    pub made: Timestamp,
    /// The tree that it was made for.
    pub tree: &'a Tree,
    /// Whether that is the running machine.
    pub live: bool,
}

/// A plan as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// How many fixes it does.
    pub fixes: usize,
    /// The fixes that are not in it: check, and why.
    pub left: Vec<(String, String)>,
}

/// A fix with its changes, as they are written down.
struct Written<'a, T> {
    fix: &'a PlannedFix,
    steps: Vec<T>,
}

/// What an exporter makes of a fix, or why it cannot.
type Made<T> = Result<Vec<T>, String>;

/// Writes fix by fix. A fix that needs something of a fix that was left out is left out too.
fn each<'a, T>(
    plan: &'a Plan,
    mut make: impl FnMut(&'a PlannedFix, &Later<'a>) -> Made<T>,
) -> (Vec<Written<'a, T>>, Vec<(String, String)>) {
    let (mut done, mut left): (Vec<Written<'a, T>>, Vec<(String, String)>) = Default::default();
    let mut missing: BTreeMap<&str, &str> = BTreeMap::new();
    for (n, fix) in plan.fixes.iter().enumerate() {
        let why = fix.why_not();
        let files = || fix.changes.iter().filter_map(file);
        let beneath =
            |path: &str, above: &str| path.strip_prefix(above).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        let first = |f: &FileChange| missing.iter().find(|(path, _)| beneath(&f.path, path)).map(|(_, check)| *check);
        let needs = files()
            .find_map(first)
            .map(|check| format!("It builds on what the fix of {check} changes first, and that one is not in here."));
        let made = match why.or(needs) {
            Some(why) => Err(why),
            None => make(fix, &Later(plan.fixes.get(n + 1..).unwrap_or_default())),
        };
        match made {
            Ok(steps) if steps.is_empty() => {}
            Ok(steps) => {
                left.extend(fix.left.iter().map(|why| (fix.check.clone(), harmless(why))));
                done.push(Written { fix, steps });
            }
            Err(why) => {
                missing.extend(files().map(|f| (f.path.as_str(), fix.check.as_str())));
                left.push((fix.check.clone(), harmless(&why)));
            }
        }
    }
    (done, left)
}

/// The fixes that come after one.
struct Later<'a>(&'a [PlannedFix]);

impl<'a> Later<'a> {
    /// What becomes of a path afterwards.
    fn of(&self, path: &str) -> impl Iterator<Item = &'a FileChange> {
        let path = path.to_owned();
        self.0.iter().flat_map(|f| &f.changes).filter_map(file).filter(move |f| f.path == path)
    }
}

fn file(change: &Change) -> Option<&FileChange> {
    match change {
        Change::File(file) => Some(file),
        Change::Run(_) => None,
    }
}

/// Files with scrambled passwords.
const PASSWORDS: [&str; 5] = ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/security/opasswd"];

/// Whether what is in a file is no business of whoever reads the export.
fn is_secret(change: &FileChange) -> bool {
    let closed = |state: &State| state.mode & 0o004 == 0;
    let key = |state: &State| matches!(&state.content, Content::File(b) if memchr::memmem::find(b, b"PRIVATE KEY-----").is_some());
    let name = change.path.ends_with(".key") || PASSWORDS.contains(&change.path.as_str());
    let states = || change.before.iter().chain(&change.after);
    // A new file that is closed holds what the check file says, which is no secret.
    name || states().any(key) || change.before.is_some() && states().any(closed)
}

/// SHA-256 in hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    crate::words::hex(&Sha256::digest(bytes))
}

/// Whether access rules for single people are taken away with a change of rights; an error where it cannot be told.
fn lists_go(path: &str, old: &State, new: &State) -> Result<bool, String> {
    let same_others = {
        let [old, new] = [old, new].map(|state| state.xattrs.iter().filter(|(name, _)| !is_list(name)));
        old.eq(new)
    };
    let moves = (old.uid, old.gid) != (new.uid, new.gid);
    if !same_others || moves && old.xattrs.contains_key("security.capability") {
        return Err(format!("{path} has attributes that cannot be kept so."));
    }
    if old.xattrs == new.xattrs {
        // With such a list the middle digit of the rights is another thing.
        return if old.has_list() { Err(format!("{path} has access rules for single people.")) } else { Ok(false) };
    }
    if new.has_list() { Err(format!("{path} would get access rules.")) } else { Ok(true) }
}

/// Attributes of a file that an export cannot keep when it writes the file anew.
fn odd_attributes(state: &State) -> bool {
    state.xattrs.keys().any(|name| !is_label(name))
}

/// The day and time of a plan.
fn moment(head: &Head<'_>) -> String {
    format!("{}, {}", crate::words::date(head.made), crate::words::utc(head.made).strftime("%H:%M UTC"))
}

/// The same path without links on the way, as the machine has them now.
fn resolved(tree: &Tree, path: &str) -> String {
    let Some((folder, name)) = path.rsplit_once('/') else { return path.to_owned() };
    let mut whole = String::new();
    for part in folder.split('/').filter(|p| !p.is_empty()) {
        whole = tree.follow(&format!("{whole}/{part}")).unwrap_or_else(|_| format!("{whole}/{part}"));
    }
    format!("{}/{name}", whole.trim_end_matches('/'))
}

/// All late programs of fixes, each once, in the order of the plan.
fn late<'a>(fixes: impl Iterator<Item = &'a PlannedFix>) -> Vec<&'a Run> {
    let mut all: Vec<&Run> = Vec::new();
    for change in fixes.flat_map(|f| &f.changes) {
        if let Change::Run(run) = change
            && run.when.is_late()
            && !all.contains(&run)
        {
            all.push(run);
        }
    }
    all
}

/// Text that can stand as it is, line by line: nothing invisible, nothing that a terminal obeys, no endless line.
fn is_plain(text: &str) -> bool {
    let plain = |line: &str| line.len() <= 400 && harmless(line) == line.replace('\t', " ");
    text.ends_with('\n') && !text.contains('\r') && text.lines().all(plain)
}

/// What is said of a fix before it: its title, what it solves, what it may interrupt.
fn told(fix: &PlannedFix) -> Vec<String> {
    let mut lines = vec![format!("Against: {} ({}, {})", harmless(&fix.problem), fix.check, fix.severity.name())];
    if let Some(effect) = &fix.effect {
        lines.push(format!("It may interrupt: {}", harmless(effect)));
    }
    if fix.safety == crate::checks::Safety::Guarded {
        lines.push("It could lock you out: stay logged in, and try a second login before you leave.".to_owned());
    }
    for change in &fix.changes {
        if let Change::Run(Run { stays: Some(stays), .. }) = change {
            lines.push(format!("Not undone: {}", harmless(stays)));
        }
    }
    lines
}
