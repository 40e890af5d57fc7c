//! Which files are worth a row: the rules that the walk asks about every file it passes, cheapest first.

use std::{cell::Cell, ffi::CStr};

use rustix::fs::{FileType, Stat, Statx};

use super::tree::Node;

/// Files listed for one reason; more are only counted.
const LIST_LIMIT: usize = 500;

/// Directories with the layers of containers and virtual machines: their files are judged inside them.
const LAYERS: &[&str] = &[
    "/var/lib/docker/overlay2",
    "/var/lib/docker/vfs",
    "/var/lib/docker/btrfs",
    "/var/lib/docker/containerd",
    "/var/lib/containers/storage/overlay",
    "/var/lib/containers/storage/vfs",
    "/var/lib/containerd",
    "/var/lib/machines",
    "/var/lib/lxc",
    "/var/lib/lxd/storage-pools",
    "/var/lib/incus/storage-pools",
    "/var/lib/kubelet/pods",
    "/.local/share/containers/storage/overlay",
    "/.local/share/docker/overlay2",
];

/// What holds for everything below a directory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Everyone may pass through every directory on the way.
    pub reachable: bool,
    /// Below `/tmp`, `/var/tmp` or `/dev/shm`.
    pub temporary: bool,
    /// Such a place itself.
    pub top: bool,
    /// Below a directory whose name starts with a dot, right in such a place. Deeper ones are everyday things.
    pub hidden: bool,
    /// The directory is one for programs: `bin`, `sbin`, `libexec`.
    pub programs: bool,
    /// Its owner or group is unknown and was told: what is below is only counted.
    pub unowned: bool,
}

/// Why a file is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Why {
    Suid,
    Sgid,
    WorldWritable,
    OpenDirectory,
    Unowned,
    Capabilities,
    Device,
    Hidden,
}

impl Why {
    /// All, in order.
    pub const ALL: [Why; 8] = [
        Why::Suid,
        Why::Sgid,
        Why::WorldWritable,
        Why::OpenDirectory,
        Why::Unowned,
        Why::Capabilities,
        Why::Device,
        Why::Hidden,
    ];

    /// The word in the `why` column.
    pub fn name(self) -> &'static str {
        match self {
            Why::Suid => "suid",
            Why::Sgid => "sgid",
            Why::WorldWritable => "world_writable",
            Why::OpenDirectory => "world_writable_dir_no_sticky",
            Why::Unowned => "unowned",
            Why::Capabilities => "capabilities",
            Why::Device => "device_outside_dev",
            Why::Hidden => "hidden_executable",
        }
    }
}

/// A file worth telling.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub path: String,
    pub kind: &'static str,
    pub why: Why,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub modified: i64,
    pub device: Option<String>,
    pub reachable: bool,
    pub capabilities: Option<String>,
}

/// Hits, bounded, with the true counts.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub hits: Vec<Hit>,
    pub counts: [u64; Why::ALL.len()],
}

impl Found {
    fn push(&mut self, why: Why, hit: impl FnOnce() -> Hit) {
        if let Some(count) = self.counts.get_mut(why as usize) {
            *count += 1;
            if *count <= LIST_LIMIT as u64 {
                self.hits.push(hit());
            }
        }
    }

    fn count(&mut self, why: Why) {
        if let Some(count) = self.counts.get_mut(why as usize) {
            *count += 1;
        }
    }

    /// Takes over what another thread or another file system gave.
    pub fn add(&mut self, other: Found) {
        self.hits.extend(other.hits);
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }

    /// How many there are of a kind, listed or not.
    pub fn total(&self, why: Why) -> u64 {
        self.counts.get(why as usize).copied().unwrap_or(0)
    }
}

/// Who exists, and how to ask for what `stat` does not tell.
pub(super) struct Rules<'a> {
    /// Numbers of known users, sorted.
    pub uids: &'a [u32],
    /// Numbers of known groups, sorted.
    pub gids: &'a [u32],
    /// Ranges whose owners come and go: containers' users, services with users of the moment.
    pub ranges: &'a [(u32, u32)],
    /// Privileges attached to the program at a path.
    pub capabilities: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

thread_local! {
    /// The owner that was found to be known last: nearly always the next one too.
    static LAST: Cell<(u32, u32)> = const { Cell::new((u32::MAX, u32::MAX)) };
}

impl Rules<'_> {
    /// The first directory of a walk.
    pub fn enter(&self, place: Place, stat: &Statx) -> Place {
        Place { reachable: place.reachable && stat.stx_mode & 0o001 != 0, ..place }
    }

    /// A directory in a directory.
    pub fn below(&self, node: &Node, name: &CStr, stat: &Statx) -> Place {
        let name = name.to_bytes();
        let parent = &node.place;
        Place {
            reachable: parent.reachable && stat.stx_mode & 0o001 != 0,
            temporary: parent.temporary || (name == b"tmp" && matches!(node.path().as_str(), "/" | "/var")),
            hidden: parent.hidden || (parent.temporary && parent.top && name.first() == Some(&b'.')),
            top: !parent.temporary && name == b"tmp",
            programs: matches!(name, b"bin" | b"sbin" | b"libexec"),
            unowned: parent.unowned || !self.owned(stat.stx_uid, stat.stx_gid),
        }
    }

    /// Whether only root may enter a directory: then nobody else can use anything below it, whatever its rights.
    /// Not so in places for temporary files, where such a directory is itself a sign.
    pub fn closed(stat: &Statx, place: &Place) -> bool {
        stat.stx_uid == 0 && stat.stx_mode & 0o077 == 0 && !place.temporary
    }

    /// Why a directory is not entered.
    pub fn skips(&self, node: &Node) -> Option<&'static str> {
        let name = node.name();
        let candidate = LAYERS.iter().any(|l| l.as_bytes().rsplit(|b| *b == b'/').next() == Some(name));
        (candidate && LAYERS.iter().any(|l| node.path().ends_with(l)))
            .then_some("the files of containers and virtual machines are judged inside them")
    }

    fn owned(&self, uid: u32, gid: u32) -> bool {
        if LAST.get() == (uid, gid) {
            return true;
        }
        let passing = |id: u32| self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&id));
        let known = (self.uids.binary_search(&uid).is_ok() || passing(uid))
            && (self.gids.binary_search(&gid).is_ok() || passing(gid));
        if known {
            LAST.set((uid, gid));
        }
        known
    }

    /// Whether a file needs a closer look: this is asked for every one.
    #[inline]
    pub fn wants(&self, place: &Place, stat: &Stat) -> bool {
        stat.st_mode & 0o6002 != 0
            || ((place.programs || place.temporary) && stat.st_mode & 0o111 != 0)
            || !self.owned(stat.st_uid, stat.st_gid)
    }

    /// A closer look at a file.
    pub fn file(&self, node: &Node, name: &CStr, stat: &Stat, found: &mut Found) {
        let hit = |why: Why| hit(node, name, stat, why, "file");
        let runs = stat.st_mode & 0o111 != 0;
        if stat.st_mode & 0o4000 != 0 && runs {
            found.push(Why::Suid, || hit(Why::Suid));
        }
        // Without the right to run it, this bit means mandatory locking.
        if stat.st_mode & 0o2000 != 0 && stat.st_mode & 0o010 != 0 {
            found.push(Why::Sgid, || hit(Why::Sgid));
        }
        if stat.st_mode & 0o002 != 0 {
            found.push(Why::WorldWritable, || hit(Why::WorldWritable));
        }
        if !self.owned(stat.st_uid, stat.st_gid) {
            if node.place.unowned {
                found.count(Why::Unowned);
            } else {
                found.push(Why::Unowned, || hit(Why::Unowned));
            }
        }
        if runs && node.place.temporary && (node.place.hidden || name.to_bytes().first() == Some(&b'.')) {
            found.push(Why::Hidden, || hit(Why::Hidden));
        }
        let attached = (runs && node.place.programs).then(|| (self.capabilities)(&node.child(name))).flatten();
        if attached.is_some() {
            found.push(Why::Capabilities, || Hit { capabilities: attached, ..hit(Why::Capabilities) });
        }
    }

    /// A look at a directory, from its own `stat`.
    pub fn directory(&self, node: &Node, stat: &Statx, found: &mut Found) {
        let hit = |why: Why| Hit {
            path: node.path(),
            kind: "directory",
            why,
            mode: u32::from(stat.stx_mode) & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            size: stat.stx_size,
            modified: stat.stx_mtime.tv_sec,
            device: None,
            reachable: node.way_in(),
            capabilities: None,
        };
        if stat.stx_mode & 0o1002 == 0o0002 {
            found.push(Why::OpenDirectory, || hit(Why::OpenDirectory));
        }
        if node.place.unowned && !self.owned(stat.stx_uid, stat.stx_gid) {
            if node.parent_unowned() {
                found.count(Why::Unowned);
            } else {
                found.push(Why::Unowned, || hit(Why::Unowned));
            }
        }
    }

    /// A device: those of overlays' deleted files (0:0) are none.
    pub fn device(&self, node: &Node, name: &CStr, stat: &Stat, found: &mut Found) {
        if stat.st_rdev == 0 {
            return;
        }
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice => "character device",
            _ => "block device",
        };
        let number = format!("{}:{}", rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
        let hit = || Hit { device: Some(number), ..hit(node, name, stat, Why::Device, kind) };
        let outside = node.top() != b"dev";
        if outside {
            found.push(Why::Device, hit);
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "the width of these fields differs between architectures")]
fn hit(node: &Node, name: &CStr, stat: &Stat, why: Why, kind: &'static str) -> Hit {
    Hit {
        path: node.child(name),
        kind,
        why,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime as i64,
        device: None,
        reachable: node.place.reachable,
        capabilities: None,
    }
}
