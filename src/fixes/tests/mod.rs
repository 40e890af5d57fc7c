//! The engine on small trees.
mod properties;
mod runs;
mod trees;

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use jiff::Timestamp;

use super::{
    Change, Plan, PlannedFix,
    change::FileChange,
    tree::{State, Tree},
};
use crate::{
    checks::{Safety, Severity},
    store::{FixRun, RunState},
    testing::{can, is_root},
};

/// A tree in a folder of its own.
pub(super) struct Small {
    dir: tempfile::TempDir,
}

impl Small {
    pub(super) fn new() -> Self {
        let small = Small { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(small.root()).unwrap();
        small.folder("etc");
        small
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("root")
    }

    pub(super) fn beside(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    pub(super) fn folder(&self, path: &str) {
        std::fs::create_dir_all(self.at(path)).unwrap();
        std::fs::set_permissions(self.at(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn file(&self, path: &str, text: &str, mode: u32) {
        if let Some(folder) = self.at(path).parent() {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(self.at(path), text).unwrap();
        std::fs::set_permissions(self.at(path), std::fs::Permissions::from_mode(mode)).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 123_456_789);
        std::fs::File::open(self.at(path)).unwrap().set_modified(old).unwrap();
    }

    pub(super) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap()
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::open(&self.root()).unwrap()
    }

    /// All that is there: what it is, its rights, owner, attributes and, but for folders, when it was written.
    pub(super) fn seen(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        see(&self.root(), "", &mut all);
        all
    }

    /// Names that a change leaves only where it is cut off.
    pub(super) fn leftovers(&self) -> Vec<String> {
        self.seen().into_keys().filter(|p| p.contains(".cleanbill-")).collect()
    }
}

fn see(folder: &Path, above: &str, all: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{above}/{}", entry.file_name().to_string_lossy());
        let meta = entry.path().symlink_metadata().unwrap();
        let mut xattrs: Vec<String> = Vec::new();
        if !meta.is_symlink() {
            for name in xattr::list(entry.path()).into_iter().flatten() {
                xattrs.push(format!("{name:?}={:?}", xattr::get(entry.path(), &name).unwrap()));
            }
        }
        xattrs.sort();
        let what = if meta.is_symlink() {
            format!("link to {} {}", std::fs::read_link(entry.path()).unwrap().display(), stamp(&meta))
        } else if meta.is_dir() {
            "folder".to_owned()
        } else {
            format!("{:?} {}", String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()), stamp(&meta))
        };
        all.insert(path.clone(), format!("{what} {:o} {}:{} {xattrs:?}", meta.mode(), meta.uid(), meta.gid()));
        if meta.is_dir() {
            see(&entry.path(), &path, all);
        }
    }
}

fn stamp(meta: &std::fs::Metadata) -> String {
    format!("{}.{}", meta.mtime(), meta.mtime_nsec())
}

/// A disk in memory that is mounted on a folder, and gone with this value.
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// One with so much room; none where nothing can be mounted.
    pub(super) fn on(folder: PathBuf, room: &str) -> Option<Self> {
        if !is_root() {
            return None;
        }
        std::fs::create_dir_all(&folder).unwrap();
        let options = format!("size={room},mode=755");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "x"]).arg(&folder).output().unwrap();
        can(done.status.success(), "no disk can be mounted here").then_some(Disk { folder })
    }

    /// From now on it can only be read.
    pub(super) fn shut(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.folder).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// How many bytes still go on it.
    pub(super) fn free(&self) -> usize {
        let free = rustix::fs::statvfs(&self.folder).unwrap();
        usize::try_from(free.f_bavail * free.f_frsize).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that fails may still have a file of it open.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// A file of whoever runs the tests.
pub(super) fn mine(text: &str, mode: u32) -> State {
    State {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        ..State::file(text, mode)
    }
}

/// A run beneath this root that has just begun.
pub(super) fn a_run(root: &str) -> FixRun {
    FixRun {
        id: 0,
        host: "h".to_owned(),
        hostname: "h".to_owned(),
        root: root.to_owned(),
        started: Timestamp::now(),
        ended: None,
        state: RunState::Running,
        who: "me".to_owned(),
        version: "0".to_owned(),
        folder: String::new(),
        confirm_until: None,
        risk_before: 1.0,
        risk_after: None,
        steps: Vec::new(),
    }
}

/// A fix with these changes.
pub(super) fn fix(check: &str, changes: Vec<Change>) -> PlannedFix {
    PlannedFix {
        actions: Vec::new(),
        check: check.to_owned(),
        problem: format!("{check} is wrong"),
        title: format!("Mend {check}"),
        severity: Severity::High,
        points: String::new(),
        minutes: 1,
        safety: Safety::Safe,
        effect: None,
        changes,
        refused: None,
        left: Vec::new(),
        asks: None,
        place: 0,
    }
}

pub(super) fn plan(fixes: Vec<PlannedFix>) -> Plan {
    Plan { fixes }
}

/// A change of a file from what it is now.
pub(super) fn change(tree: &Tree, path: &str, after: Option<State>) -> Change {
    Change::File(FileChange { path: path.to_owned(), before: tree.read(path).unwrap(), after })
}
