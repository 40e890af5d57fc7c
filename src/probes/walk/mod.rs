//! Every file once: which programs lend the rights of their owner, what everyone may write, what belongs to nobody.
//! One walk over the local file systems; never over the network, never over what the kernel makes up.

mod capabilities;
mod judge;
mod packages;
mod tree;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use judge::{Hit, Place, Rules, Why};
use tree::Tally;

use super::{Probe, ProbeError, mounts, rights::People};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Command, Host},
};

fact_table! {
    /// Files and directories whose rights are worth a look, one row for each reason; up to 500 for one reason.
    "files" => File {
        /// Where the walk started that found it.
        source: String,
        /// Its path.
        path: String,
        /// `suid`, `sgid`, `world_writable`, `world_writable_dir_no_sticky`, `unowned`, `capabilities`, `device_outside_dev` or `hidden_executable`.
        why: String,
        /// `file`, `directory`, `character device` or `block device`.
        kind: String,
        /// Permission bits in octal, such as `4755`.
        mode: String,
        /// Number of its owner.
        uid: i64,
        /// Number of its group.
        gid: i64,
        /// Name of its owner; null when there is none.
        username: Option<String>,
        /// Name of its group; null when there is none.
        groupname: Option<String>,
        /// Bytes.
        size: i64,
        /// Last change of its content.
        mtime: Timestamp,
        /// Whether everyone may pass through every directory on the way to it.
        reachable: bool,
        /// Debian package it came with; null when it came with none, or its reason does not ask for it.
        package: Option<String>,
        /// Whether the packages could be asked.
        package_known: bool,
        /// Shell or interpreter of which it is a copy, for a `suid` file that came with no package.
        copy_of: Option<String>,
        /// Who besides root can change it or put another in its place, for `suid`, `sgid` and `capabilities`; null when nobody.
        changeable_by: Option<String>,
        /// Privileges attached to it, such as `cap_net_raw`; only for `capabilities`.
        capabilities: Option<String>,
        /// Major and minor number; only for devices.
        device: Option<String>,
    }
    offline: true,
    examples: [
        "select path, mode, username, package from files where why = 'suid'",
        "select why, count(*) as n from files group by why",
    ],
}

fact_table! {
    /// What the walk over all files saw, one row.
    "file_walk" => FileWalk {
        /// Where it started, separated by spaces.
        source: String,
        /// Regular files it looked at.
        files: i64,
        /// Directories.
        directories: i64,
        /// Links, sockets, pipes and devices.
        others: i64,
        /// Directories that could not be read.
        unreadable: i64,
        /// Directories that only root may enter, which were not: nobody else can use what is in them.
        closed: i64,
        /// Files that belong to nobody, listed or not.
        unowned: i64,
        /// Places that were left out on purpose, with the reason, separated by semicolons.
        skipped: Option<String>,
        /// Seconds it took.
        seconds: f64,
        /// Whether it came to its end.
        complete: bool,
    }
    offline: true,
    examples: ["select files, directories, seconds from file_walk"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "walk",
    about: "the rights of all files",
    tables: &[File::TABLE, FileWalk::TABLE],
    limit: Duration::from_secs(90),
    run,
};

/// File systems of a local disk that keep owners and modes.
const WITH_RIGHTS: &[&str] =
    &["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "nilfs2"];
/// Places for temporary files, which are walked even where they live in memory.
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// Programs that give a shell or any file to whoever starts them with another's rights: a copy of one of them with
/// the SUID bit is a back door.
const SHELLS: &[&str] = &[
    "/bin/bash",
    "/bin/dash",
    "/bin/sh",
    "/bin/zsh",
    "/bin/ksh",
    "/bin/busybox",
    "/usr/bin/bash",
    "/usr/bin/dash",
    "/usr/bin/env",
    "/usr/bin/find",
    "/usr/bin/perl",
    "/usr/bin/python3",
    "/usr/bin/vim",
    "/usr/bin/cp",
    "/usr/bin/cat",
    "/usr/bin/awk",
    "/usr/bin/zsh",
    "/usr/bin/ruby",
    "/usr/bin/php",
    "/usr/bin/nmap",
    "/usr/bin/node",
];

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let start = Instant::now();
    let people = People::read(host);
    let (uids, gids) = (people.users.ids(), people.groups.ids());
    let ranges = passing_owners(host);
    let root = host.reach().to_owned();
    let capabilities = move |path: &str| capabilities::of(&root, path);
    let rules = Rules { uids: &uids, gids: &gids, ranges: &ranges, capabilities: &capabilities };
    let mut tally = Tally::default();
    let mut complete = true;
    let starts = starts(host);
    let mut hits: Vec<(String, Hit)> = Vec::new();
    for path in &starts {
        let fd = match host.open_dir(path) {
            Ok(fd) => fd,
            Err(error) => {
                facts.partial::<File>(Gap::new(format!("the files in {path}"), path.as_str(), error.reason()));
                complete = false;
                continue;
            }
        };
        let place = Place {
            reachable: reachable(host, path),
            temporary: TEMPORARY.contains(&path.as_str()),
            top: TEMPORARY.contains(&path.as_str()),
            ..Place::default()
        };
        let (mut part, late) = tree::walk(host, &rules, &fd, path, place);
        hits.extend(part.found.hits.drain(..).map(|hit| (path.clone(), hit)));
        tally.add(part);
        if late {
            complete = false;
            facts.partial::<File>(Gap::new("the rights of all files", path.as_str(), Reason::TimedOut));
        }
    }
    if let Some(first) = &tally.denied_first {
        complete = false;
        let count = crate::words::count(usize::try_from(tally.denied).unwrap_or(0), "folder", "folders");
        facts.partial::<File>(Gap::new(format!("the files in {count}"), first.as_str(), Reason::NeedsRoot));
    }
    if let Some((path, error)) = &tally.broken {
        complete = false;
        facts.partial::<File>(Gap::new(format!("the files in {path}"), path.as_str(), Reason::Broken(error.clone())));
    }
    hits.sort_by(|a, b| (a.1.why, &a.1.path).cmp(&(b.1.why, &b.1.path)));
    let elsewhere = known_elsewhere(host, &people, &hits);
    hits.retain(|(_, hit)| hit.why != Why::Unowned || !elsewhere.owned(&people, hit));
    push(host, &people, hits, facts);
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let skipped: Vec<String> = tally.skipped.iter().take(50).map(|(path, why)| format!("{path}: {why}")).collect();
    facts.push(FileWalk {
        source: starts.join(" "),
        files: number(tally.files),
        directories: number(tally.directories),
        others: number(tally.others),
        unreadable: number(tally.denied),
        closed: number(tally.closed),
        unowned: number(tally.found.total(Why::Unowned)),
        skipped: (!skipped.is_empty()).then(|| skipped.join("; ")),
        seconds: (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        complete,
    });
    Ok(())
}

/// Where walks start: the root, every other local disk that keeps rights, and places for temporary files in memory.
fn starts(host: &Host) -> Vec<String> {
    let mut starts = vec!["/".to_owned()];
    if !host.is_live() {
        return starts;
    }
    let mounts = mounts::mounted(host).unwrap_or_default();
    let root = mounts.iter().rev().find(|m| m.path == "/").map(|m| (m.number.clone(), m.root.clone()));
    let mut walked: Vec<(String, String)> = root.into_iter().collect();
    // The whole of a disk before parts of it that are bound elsewhere.
    let mut others: Vec<_> = mounts.iter().filter(|m| m.path != "/").collect();
    others.sort_by_key(|m| m.root.len());
    for mount in others {
        let hidden = mounts.iter().rev().find(|m| m.path == mount.path) != Some(mount);
        let wanted = WITH_RIGHTS.contains(&mount.fstype.as_str())
            || (mount.fstype == "tmpfs" && TEMPORARY.contains(&mount.path.as_str()));
        let twice = walked.iter().any(|(number, root)| *number == mount.number && within(&mount.root, root));
        let layer = ["/var/lib/docker/", "/var/lib/containers/", "/var/lib/containerd/", "/var/lib/kubelet/", "/snap/"];
        if hidden || !wanted || twice || layer.iter().any(|l| mount.path.starts_with(l)) {
            continue;
        }
        if host.metadata(&mount.path).is_ok_and(|m| m.kind == crate::host::Kind::Directory) {
            walked.push((mount.number.clone(), mount.root.clone()));
            starts.push(mount.path.clone());
        }
    }
    starts
}

/// Whether the path `inner` is `outer` or lies in it.
fn within(inner: &str, outer: &str) -> bool {
    let outer = outer.trim_end_matches('/');
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether everyone may pass through every directory above `path`.
fn reachable(host: &Host, path: &str) -> bool {
    let above = path.match_indices('/').map(|(at, _)| path.get(..at.max(1)).unwrap_or("/"));
    above.into_iter().all(|dir| host.metadata(dir).is_ok_and(|m| m.mode & 0o001 != 0))
}

/// Owners that are in no list because they come and go: users inside containers (subuid(5), subgid(5)) and services
/// that get a user of the moment (systemd's DynamicUser), and the user who stands for nobody.
fn passing_owners(host: &Host) -> Vec<(u32, u32)> {
    let mut ranges = vec![(61_184, 65_519), (65_534, 65_534)];
    for path in ["/etc/subuid", "/etc/subgid"] {
        for line in host.read_text(path).unwrap_or_default().lines() {
            let mut fields = line.split(':').skip(1).map(|n| n.trim().parse::<u32>().ok());
            let (Some(Some(first)), Some(Some(count @ 1..))) = (fields.next(), fields.next()) else { continue };
            ranges.push((first, first.saturating_add(count - 1)));
        }
    }
    ranges.sort_unstable();
    ranges.dedup();
    ranges
}

/// Users and groups that a directory service knows though no file lists them.
#[derive(Default)]
struct Elsewhere {
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
}

impl Elsewhere {
    fn owned(&self, people: &People, hit: &Hit) -> bool {
        (people.users.get(hit.uid).is_some() || self.uids.contains(&hit.uid))
            && (people.groups.get(hit.gid).is_some() || self.gids.contains(&hit.gid))
    }
}

fn known_elsewhere(host: &Host, people: &People, hits: &[(String, Hit)]) -> Elsewhere {
    let mut found = Elsewhere::default();
    let switch = host.read_text("/etc/nsswitch.conf").unwrap_or_default();
    let more = |database: &str| {
        switch.lines().filter_map(|l| l.trim().strip_prefix(database)).any(|sources| {
            sources
                .split_ascii_whitespace()
                .any(|s| !["files", "compat", "systemd"].contains(&s) && !s.starts_with('['))
        })
    };
    if !host.is_live() || !(more("passwd:") || more("group:")) {
        return found;
    }
    let unowned = || hits.iter().map(|(_, hit)| hit).filter(|hit| hit.why == Why::Unowned);
    let uids: BTreeSet<u32> = unowned().map(|h| h.uid).filter(|id| people.users.get(*id).is_none()).take(50).collect();
    let gids: BTreeSet<u32> = unowned().map(|h| h.gid).filter(|id| people.groups.get(*id).is_none()).take(50).collect();
    for (database, ids, known) in [("passwd", uids, &mut found.uids), ("group", gids, &mut found.gids)] {
        if ids.is_empty() {
            continue;
        }
        let args = std::iter::once(database.to_owned()).chain(ids.iter().map(u32::to_string));
        let output = host.run(&Command::new(&["/usr/bin/getent"]).args(args)).unwrap_or_default();
        let lines = output.stdout.lines().filter_map(|l| l.split(':').nth(2)?.parse::<u32>().ok());
        known.extend(lines.filter(|id| ids.contains(id)));
    }
    found
}

fn push(host: &Host, people: &People, hits: Vec<(String, Hit)>, facts: &mut Facts) {
    let asks = |why: Why| matches!(why, Why::Suid | Why::Sgid | Why::Capabilities | Why::WorldWritable | Why::Device);
    let paths: BTreeSet<&str> = hits.iter().filter(|(_, h)| asks(h.why)).map(|(_, h)| h.path.as_str()).collect();
    let packages = packages::owners(host, &paths);
    let owner = |path: &str| packages.as_ref().and_then(|p| p.get(path).cloned());
    for (start, hit) in hits {
        let package = owner(&hit.path);
        let powerful = matches!(hit.why, Why::Suid | Why::Sgid | Why::Capabilities);
        facts.push(File {
            source: format!("walk of {start}"),
            why: hit.why.name().to_owned(),
            kind: hit.kind.to_owned(),
            mode: format!("{:04o}", hit.mode),
            uid: hit.uid.into(),
            gid: hit.gid.into(),
            username: people.users.get(hit.uid).map(str::to_owned),
            groupname: people.groups.get(hit.gid).map(str::to_owned),
            size: i64::try_from(hit.size).unwrap_or(i64::MAX),
            mtime: Timestamp::from_second(hit.modified).unwrap_or_default(),
            reachable: hit.reachable,
            copy_of: (hit.why == Why::Suid && package.is_none()).then(|| copy_of(host, &hit)).flatten(),
            changeable_by: powerful
                .then(|| people.changeable(host, &hit.path, 0))
                .flatten()
                .map(|(who, at)| if at == hit.path { who } else { format!("{who}, through {at}") }),
            package_known: packages.is_some() && asks(hit.why),
            package,
            path: hit.path,
            capabilities: hit.capabilities,
            device: hit.device,
        });
    }
}

/// The shell or interpreter with the same content.
fn copy_of(host: &Host, hit: &Hit) -> Option<String> {
    let mut content: Option<Vec<u8>> = None;
    for shell in SHELLS {
        let Ok(meta) = host.metadata(shell) else { continue };
        if meta.size != hit.size
            || hit.size == 0
            || hit.size > 64 << 20
            || host.symlink_metadata(&hit.path).is_ok_and(|m| m.id == meta.id)
        {
            continue;
        }
        if content.is_none() {
            content = host.read_bytes(&hit.path, 64 << 20).ok();
        }
        if content.is_some() && host.read_bytes(shell, 64 << 20).ok() == content {
            return Some((*shell).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests;
