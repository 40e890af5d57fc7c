//! The walk itself: one pass over a file system by a few threads, one `stat` for each file, no path built unless a
//! file is worth telling. Directories that only root may enter are not entered: nobody else can use what is in them.
//! Links are never followed, other file systems never entered; memory is bounded by the directories that wait and by
//! the limit on hits.

use std::{
    ffi::{CStr, CString},
    mem::MaybeUninit,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, FileType, Mode, OFlags, RawDir, Statx, StatxAttributes, StatxFlags},
    io::Errno,
};

use super::judge::{Found, Place, Rules};
use crate::host::Host;

/// Deepest directory that is entered: nothing sane is deeper, and a trap would be.
const DEPTH_LIMIT: u32 = 2000;
/// Open directories that wait for their children; beyond it a directory is opened again from the top.
const OPEN_LIMIT: usize = 300;

/// What the walk counted and found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Links, sockets, pipes and devices.
    pub others: u64,
    /// Directories that only root may read.
    pub denied: u64,
    /// The first of them.
    pub denied_first: Option<String>,
    /// Directories that only root may enter, and so were not entered.
    pub closed: u64,
    /// Directories that could not be read for another reason; the first with its error.
    pub broken: Option<(String, String)>,
    /// Directories left out on purpose, and why.
    pub skipped: Vec<(String, &'static str)>,
    /// Files worth telling.
    pub found: Found,
}

impl Tally {
    /// Takes over what another thread or another file system gave.
    pub fn add(&mut self, other: Tally) {
        self.files += other.files;
        self.directories += other.directories;
        self.others += other.others;
        self.denied += other.denied;
        self.closed += other.closed;
        self.denied_first = self.denied_first.take().or(other.denied_first);
        self.broken = self.broken.take().or(other.broken);
        self.skipped.extend(other.skipped);
        self.found.add(other.found);
    }
}

/// A directory whose children are still to be looked at.
pub(super) struct Node {
    parent: Option<Arc<Node>>,
    name: CString,
    depth: u32,
    /// What is known about everything below it.
    pub place: Place,
}

impl Node {
    /// The whole path on the host.
    pub fn path(&self) -> String {
        let mut names = Vec::new();
        let mut node = Some(self);
        while let Some(n) = node {
            names.push(n.name.as_c_str().to_string_lossy());
            node = n.parent.as_deref();
        }
        names.reverse();
        let path = names.join("/");
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Its own name.
    pub fn name(&self) -> &[u8] {
        self.name.to_bytes()
    }

    /// The first directory of its path: `dev` for `/dev/shm/x`.
    pub fn top(&self) -> Vec<u8> {
        let path = self.path();
        path.trim_start_matches('/').split('/').next().unwrap_or_default().as_bytes().to_vec()
    }

    /// Whether everyone may come as far as this directory.
    pub fn way_in(&self) -> bool {
        self.parent.as_deref().is_none_or(|p| p.place.reachable)
    }

    /// Whether the directory it lies in was already told as one without an owner.
    pub fn parent_unowned(&self) -> bool {
        self.parent.as_deref().is_some_and(|p| p.place.unowned)
    }

    /// The whole path of something in this directory.
    pub fn child(&self, name: &CStr) -> String {
        let base = self.path();
        format!("{}/{}", base.trim_end_matches('/'), name.to_string_lossy())
    }
}

/// A directory to be opened.
struct Item {
    parent: Arc<Node>,
    /// The parent, still open; null when too many were.
    fd: Option<Arc<Held>>,
    name: CString,
}

/// An open directory that is counted.
struct Held {
    fd: OwnedFd,
    count: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Queue {
    items: Vec<Item>,
    idle: usize,
    done: bool,
}

struct Shared<'a> {
    host: &'a Host,
    rules: &'a Rules<'a>,
    /// The file system that is walked.
    device: (u32, u32),
    root: &'a OwnedFd,
    threads: usize,
    queue: Mutex<Queue>,
    wake: Condvar,
    hungry: AtomicUsize,
    late: AtomicBool,
    held: Arc<AtomicUsize>,
}

/// Walks the file system at `start`, an open directory whose path is `path` (`/`, `/home`).
/// The second value says whether time ran out.
pub(super) fn walk(host: &Host, rules: &Rules<'_>, start: &OwnedFd, path: &str, place: Place) -> (Tally, bool) {
    let Ok(stat) = stat(start) else { return (Tally::default(), false) };
    let name = CString::new(path.trim_end_matches('/')).unwrap_or_default();
    let node = Node { parent: None, name, depth: 0, place: rules.enter(place, &stat) };
    let shared = Shared {
        host,
        rules,
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        root: start,
        threads: std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 4),
        queue: Mutex::default(),
        wake: Condvar::new(),
        hungry: AtomicUsize::new(0),
        late: AtomicBool::new(false),
        held: Arc::default(),
    };
    let mut first = Worker::new(&shared);
    // A second view of the directory: reading moves the position of the first.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(start, c".", flags, Mode::empty()) {
        Ok(fd) => {
            first.tally.directories += 1;
            rules.directory(&node, &stat, &mut first.tally.found);
            first.read(node, fd);
        }
        Err(error) => first.failed(error, || path.to_owned()),
    }
    let tallies = std::thread::scope(|scope| {
        let mut helpers = Vec::new();
        for _ in 1..shared.threads {
            let run = || Worker::new(&shared).run();
            if let Ok(helper) = std::thread::Builder::new().name("walk".to_owned()).spawn_scoped(scope, run) {
                helpers.push(helper);
            } else {
                shared.lock().idle += 1;
            }
        }
        let mut tally = first.run();
        for helper in helpers {
            if let Ok(other) = helper.join() {
                tally.add(other);
            }
        }
        tally
    });
    (tallies, shared.late.load(Ordering::Relaxed))
}

fn stat(fd: impl AsFd) -> Result<Statx, Errno> {
    rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

impl Shared<'_> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work for a thread that has none; nothing when all is done.
    fn take(&self) -> Option<Item> {
        let mut queue = self.lock();
        loop {
            if queue.done {
                return None;
            }
            if let Some(item) = queue.items.pop() {
                return Some(item);
            }
            queue.idle += 1;
            if queue.idle >= self.threads {
                queue.done = true;
                self.wake.notify_all();
                return None;
            }
            self.hungry.store(queue.idle, Ordering::Relaxed);
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            self.hungry.store(queue.idle, Ordering::Relaxed);
        }
    }

    /// Gives away the older half of a thread's work: the biggest subtrees.
    fn give(&self, stack: &mut Vec<Item>) {
        let half = stack.len() / 2;
        self.lock().items.extend(stack.drain(..half));
        self.wake.notify_all();
    }
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    stack: Vec<Item>,
    names: Vec<CString>,
    buffer: Vec<MaybeUninit<u8>>,
    tally: Tally,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        Worker {
            shared,
            stack: Vec::new(),
            names: Vec::new(),
            buffer: vec![MaybeUninit::uninit(); 64 << 10],
            tally: Tally::default(),
        }
    }

    fn run(mut self) -> Tally {
        loop {
            let Some(item) = self.stack.pop().or_else(|| self.shared.take()) else { return self.tally };
            if self.shared.late.load(Ordering::Relaxed) {
                self.stack.clear();
                continue;
            }
            if self.tally.directories.is_multiple_of(64) && self.shared.host.late() {
                self.shared.late.store(true, Ordering::Relaxed);
            }
            self.open(item);
            if self.stack.len() > 1 && self.shared.hungry.load(Ordering::Relaxed) > 0 {
                self.shared.give(&mut self.stack);
            }
        }
    }

    fn failed(&mut self, error: Errno, path: impl FnOnce() -> String) {
        match error {
            // It vanished, or was replaced by something else, since its name was read.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => {}
            Errno::ACCESS | Errno::PERM => {
                self.tally.denied += 1;
                self.tally.denied_first.get_or_insert_with(path);
            }
            other if self.tally.broken.is_none() => self.tally.broken = Some((path(), other.to_string())),
            _ => {}
        }
    }

    fn open(&mut self, item: Item) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match &item.fd {
            Some(held) => rustix::fs::openat(&held.fd, &item.name, flags, Mode::empty()),
            None => self.reopen(&item.parent).and_then(|fd| rustix::fs::openat(fd, &item.name, flags, Mode::empty())),
        };
        let Item { parent, fd: held, name } = item;
        let (node, fd, stat) = match opened.and_then(|fd| Ok((stat(&fd)?, fd))) {
            Ok((stat, fd)) => {
                // Another file system, or the same one bound here a second time, is not entered.
                let bound = (stat.stx_attributes & stat.stx_attributes_mask).contains(StatxAttributes::MOUNT_ROOT);
                if bound || (stat.stx_dev_major, stat.stx_dev_minor) != self.shared.device {
                    if !self.shared.host.is_live() {
                        self.tally.skipped.push((parent.child(&name), "another disk is mounted there"));
                    }
                    return;
                }
                let place = self.shared.rules.below(&parent, &name, &stat);
                (Node { depth: parent.depth + 1, parent: Some(parent), name, place }, fd, stat)
            }
            Err(error) => {
                // It cannot be entered, but what it is can still be seen.
                let seen = held
                    .as_ref()
                    .map(|h| rustix::fs::statx(&h.fd, &name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS));
                let seen = seen.and_then(Result::ok).map(|stat| (stat, self.shared.rules.below(&parent, &name, &stat)));
                if seen.as_ref().is_some_and(|(stat, place)| Rules::closed(stat, place)) {
                    self.tally.closed += 1;
                } else {
                    self.failed(error, || parent.child(&name));
                }
                if let Some((stat, place)) = seen {
                    self.tally.directories += 1;
                    let node = Node { depth: 0, parent: Some(parent), name, place };
                    self.shared.rules.directory(&node, &stat, &mut self.tally.found);
                }
                return;
            }
        };
        drop(held);
        self.tally.directories += 1;
        self.shared.rules.directory(&node, &stat, &mut self.tally.found);
        if Rules::closed(&stat, &node.place) {
            self.tally.closed += 1;
        } else if let Some(why) = self.shared.rules.skips(&node) {
            self.tally.skipped.push((node.path(), why));
        } else if node.depth >= DEPTH_LIMIT {
            self.tally.skipped.push((node.path(), "it is nested too deep"));
        } else {
            self.read(node, fd);
        }
    }

    /// Opens a directory again from the start of the walk, step by step: its path may be too long for one call.
    fn reopen(&self, node: &Node) -> Result<OwnedFd, Errno> {
        let mut names = Vec::new();
        let mut at = Some(node);
        while let Some(n) = at {
            if n.parent.is_some() {
                names.push(&n.name);
            }
            at = n.parent.as_deref();
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut fd = rustix::fs::openat(self.shared.root, c".", flags, Mode::empty())?;
        for name in names.into_iter().rev() {
            fd = rustix::fs::openat(&fd, name, flags, Mode::empty())?;
        }
        Ok(fd)
    }

    /// Looks at everything in a directory; its directories go on the stack.
    fn read(&mut self, node: Node, fd: OwnedFd) {
        self.names.clear();
        let rules = self.shared.rules;
        let mut entries = RawDir::new(&fd, &mut self.buffer);
        let mut error = None;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    error = Some(e);
                    break;
                }
            };
            let name = entry.file_name();
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                // Some file systems do not say; the usual `stat` below is not spent on directories and links then.
                kind = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |s| FileType::from_raw_mode(s.st_mode));
            }
            match kind {
                FileType::RegularFile => {
                    self.tally.files += 1;
                    match rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) if rules.wants(&node.place, &stat) => {
                            rules.file(&node, name, &stat, &mut self.tally.found);
                        }
                        // Nothing about it, or it vanished.
                        _ => {}
                    }
                }
                FileType::Directory if name != c"." && name != c".." => self.names.push(name.to_owned()),
                FileType::Directory => {}
                FileType::CharacterDevice | FileType::BlockDevice => {
                    self.tally.others += 1;
                    if let Ok(stat) = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                        rules.device(&node, name, &stat, &mut self.tally.found);
                    }
                }
                _ => self.tally.others += 1,
            }
        }
        if let Some(error) = error {
            self.failed(error, || node.path());
        }
        if self.names.is_empty() {
            return;
        }
        let parent = Arc::new(node);
        let count = &self.shared.held;
        let held = (count.load(Ordering::Relaxed) < OPEN_LIMIT).then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            Arc::new(Held { fd, count: Arc::clone(count) })
        });
        for name in self.names.drain(..) {
            self.stack.push(Item { parent: Arc::clone(&parent), fd: held.clone(), name });
        }
    }
}
