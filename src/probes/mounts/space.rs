//! How full each real file system is. One that does not answer, such as a dead network disk, is left behind.

use std::{
    collections::{BTreeSet, HashMap},
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{MOUNTINFO, Mounted, Space, mask_device};
use crate::{
    facts::{Facts, Gap, Reason},
    host::Host,
};

/// How long one file system may take to say how full it is.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Whether a container's manager shows a part of its host there; how full the host's disk is, it must not be asked.
/// Single files are bound too, which are told by being no folders.
fn is_lent(path: &str) -> bool {
    // As systemd's container interface has it.
    path.strip_prefix("/run/host").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether someone else has to answer for it, who may never do so: another machine, or a program. The way to what lies
/// beneath leads through it.
pub(crate) fn may_hang(mount: &Mounted, mounts: &[Mounted]) -> bool {
    let others = |m: &Mounted| m.category() == "network" || m.fstype.starts_with("fuse");
    let beneath = |m: &Mounted| mount.path.strip_prefix(&m.path).is_some_and(|p| m.path == "/" || p.starts_with('/'));
    others(mount) || mounts.iter().any(|m| others(m) && beneath(m))
}

/// The file systems that have room of their own, each once. Those of which only files are bound, or which the manager of a
/// container lends, are left out.
pub(crate) fn real<'a>(host: &Host, mounts: &'a [Mounted]) -> Vec<&'a Mounted> {
    // The last mount on a path hides the ones before; a file system bound twice is told once, by its shortest root.
    let on_top: HashMap<&str, &Mounted> = mounts.iter().map(|mount| (mount.path.as_str(), mount)).collect();
    let mut list: Vec<&Mounted> =
        mounts.iter().rev().filter(|m| matches!(m.category(), "disk" | "network" | "memory")).collect();
    list.sort_by_key(|m| (m.root.len(), m.path.len()));
    let mut seen = BTreeSet::new();
    list.retain(|mount| {
        let no_folder = !may_hang(mount, mounts)
            && host.metadata(&mount.path).is_ok_and(|m| m.kind != crate::host::Kind::Directory);
        !no_folder
            && !is_lent(&mount.path)
            && on_top.get(mount.path.as_str()) == Some(mount)
            && seen.insert(&mount.number)
    });
    list
}

/// Asks the file system at a path how full it is. That of another machine or of a program may never answer.
pub(crate) fn ask(host: &Host, path: &str) -> rustix::io::Result<rustix::fs::StatVfs> {
    use rustix::fs::{Mode, OFlags};
    // The table of mounts names paths of the running machine; a plain O_PATH open does not touch the file system's data.
    let full = host.reach().join(path.trim_start_matches('/'));
    let fd = rustix::fs::open(&full, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    rustix::fs::fstatvfs(&fd)
}

/// Asks every real file system how full it is, each that may hang on a thread of its own that may be left behind.
pub(super) fn read(host: &Host, mounts: &[Mounted], facts: &mut Facts) {
    if !host.is_live() {
        return;
    }
    let asked = real(host, mounts);
    let (send, receive) = mpsc::channel();
    let mut answers = Vec::new();
    for (index, mount) in asked.iter().enumerate() {
        if may_hang(mount, mounts) {
            let (send, host, path) = (send.clone(), host.clone(), mount.path.clone());
            let body = move || {
                let _ = send.send((index, ask(&host, &path)));
            };
            let _ = std::thread::Builder::new().name("statvfs".to_owned()).spawn(body);
        } else {
            answers.push((index, ask(host, &mount.path)));
        }
    }
    drop(send);
    let end = Instant::now() + ANSWER_LIMIT;
    while let Ok(answer) = receive.recv_timeout(end.saturating_duration_since(Instant::now())) {
        answers.push(answer);
    }
    answers.sort_by_key(|(index, _)| *index);
    for (index, mount) in asked.iter().enumerate() {
        let what = || format!("how full {} is", mount.path);
        match answers.iter().find(|(i, _)| *i == index).map(|(_, a)| a) {
            Some(Ok(stat)) => push_space(mount, stat, facts),
            Some(Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM)) => {
                let what = "how full some disks are that are mounted in closed folders";
                facts.partial::<Space>(Gap::new(what, MOUNTINFO, Reason::NeedsRoot));
            }
            Some(Err(error)) => {
                facts.partial::<Space>(Gap::new(what(), mount.path.as_str(), Reason::Broken(error.to_string())));
            }
            None => facts.partial::<Space>(Gap::new(what(), mount.path.as_str(), Reason::TimedOut)),
        }
    }
}

fn push_space(mount: &Mounted, stat: &rustix::fs::StatVfs, facts: &mut Facts) {
    if stat.f_blocks == 0 {
        return;
    }
    let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(stat.f_frsize)).unwrap_or(i64::MAX);
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let inodes = stat.f_files > 0;
    facts.push(Space {
        source: mount.path.clone(),
        device: mask_device(&mount.device).0,
        path: mount.path.clone(),
        fstype: mount.fstype.clone(),
        read_only: mount.has("ro"),
        size: bytes(stat.f_blocks),
        free: bytes(stat.f_bfree),
        available: bytes(stat.f_bavail),
        used_percent: percent(used, used.saturating_add(stat.f_bavail)),
        inodes: inodes.then(|| count(stat.f_files)),
        inodes_free: inodes.then(|| count(stat.f_ffree)),
        inodes_used_percent: inodes.then(|| percent(stat.f_files.saturating_sub(stat.f_ffree), stat.f_files)),
    });
}

/// A share in percent, rounded to a tenth, as df(1) counts it.
#[allow(clippy::cast_precision_loss)]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1000.0 / whole as f64).round() / 10.0 }
}
