//! How full each real file system is. One that does not answer, such as a dead network disk, is left behind.

use std::{
    collections::BTreeSet,
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{MOUNTINFO, Mounted, Space, mask_device};
use crate::{
    facts::{Facts, Gap, Reason},
    host::Host,
};

/// How long one file system may take to say how full it is.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Whether a container's manager shows a part of its host there; how full the host's disk is, it must not be asked.
/// Single files are bound too, which are told by being no folders.
fn is_lent(path: &str) -> bool {
    // As systemd's container interface has it.
    path.strip_prefix("/run/host").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Asks every real file system how full it is, each on a thread of its own that may be left behind.
pub(super) fn read(host: &Host, mounts: &[Mounted], facts: &mut Facts) {
    if !host.is_live() {
        return;
    }
    let mut seen = BTreeSet::new();
    let mut asked = Vec::new();
    // The last mount on a path hides the ones before; a file system bound twice is told once, by its shortest root.
    let mut list: Vec<&Mounted> =
        mounts.iter().rev().filter(|m| matches!(m.category(), "disk" | "network" | "memory")).collect();
    list.sort_by_key(|m| (m.root.len(), m.path.len()));
    for mount in list {
        let no_folder = mount.category() != "network"
            && host.metadata(&mount.path).is_ok_and(|m| m.kind != crate::host::Kind::Directory);
        if no_folder || is_lent(&mount.path) {
            continue;
        }
        if mounts.iter().rev().find(|m| m.path == mount.path) == Some(mount) && seen.insert(&mount.number) {
            asked.push(mount);
        }
    }
    let (send, receive) = mpsc::channel();
    let ask = |host: &Host, path: &str| {
        use rustix::fs::{Mode, OFlags};
        // `/proc/mounts` names paths of the running machine; a plain O_PATH open does not touch the file system's data.
        let full = host.reach().join(path.trim_start_matches('/'));
        let fd = rustix::fs::open(&full, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        rustix::fs::fstatvfs(&fd)
    };
    let mut answers = Vec::new();
    for (index, mount) in asked.iter().enumerate() {
        if mount.category() == "network" {
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
