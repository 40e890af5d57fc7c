//! What is mounted and what should be: the kernel's list of mounts, `/etc/fstab` line by line, and how full each
//! real file system is. A file system that does not answer (a dead network disk) is a gap, not a hang.

pub(crate) mod space;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// One row for each mounted file system, as the running kernel has it.
    "mounts" => Mount {
        /// File the row was read from.
        source: String,
        /// What is mounted, such as `/dev/sda1` or `tmpfs`.
        device: String,
        /// Where it is mounted.
        path: String,
        /// Its file system, such as `ext4`.
        fstype: String,
        /// All options in force, separated by commas.
        flags: String,
        /// Whether nothing can be written to it here.
        read_only: bool,
        /// Whether the file system as a whole is read-only, wherever it is mounted.
        disk_read_only: bool,
        /// Whether programs on it get no more rights than who starts them.
        nosuid: bool,
        /// Whether device files on it are dead.
        nodev: bool,
        /// Whether programs on it cannot be started.
        noexec: bool,
        /// `disk`, `memory`, `network` or `virtual`.
        category: String,
        /// Part of the file system that is mounted here; `/` unless it is bound.
        root: String,
    }
    offline: false,
    examples: ["select path, device, fstype, flags from mounts where category = 'disk'"],
}

fact_table! {
    /// One row for each line of fstab.
    "fstab" => Entry {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// What is to be mounted, as written; a password in it is masked.
        device: String,
        /// Where; `none` for swap.
        path: String,
        /// File system, as written.
        fstype: String,
        /// Options, as written, separated by commas; passwords are masked.
        options: String,
        /// Whether it is mounted at start (no `noauto`, no automount).
        auto: bool,
        /// Whether it is optional (`nofail`).
        nofail: bool,
        /// Whether it is mounted now, or in use as swap; null in an image and where that cannot be told.
        mounted: Option<bool>,
        /// Safety options of the line that are not in force now, separated by commas; null when none.
        missing_options: Option<String>,
        /// Whether a password stands in the line in plain text.
        has_password: bool,
    }
    offline: true,
    examples: ["select line, path, options from fstab where not mounted"],
}

fact_table! {
    /// How full each real file system is.
    "disk_space" => Space {
        /// What was asked.
        source: String,
        /// What is mounted.
        device: String,
        /// Where.
        path: String,
        /// File system.
        fstype: String,
        /// Whether nothing can be written to it.
        read_only: bool,
        /// Bytes in all.
        size: i64,
        /// Bytes nobody uses.
        free: i64,
        /// Bytes that a normal user may still fill.
        available: i64,
        /// Share in use of what normal users may fill, in percent.
        used_percent: f64,
        /// Files it can hold; null where the file system has no limit.
        inodes: Option<i64>,
        /// Files it can still take.
        inodes_free: Option<i64>,
        /// Share of files in use, in percent.
        inodes_used_percent: Option<f64>,
    }
    offline: false,
    examples: ["select path, used_percent, available // 1048576 as available_mb from disk_space order by 2 desc"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "mounts",
    about: "which disks are in use and how full they are",
    tables: &[Mount::TABLE, Entry::TABLE, Space::TABLE],
    limit: USUAL_LIMIT,
    run,
};

const MOUNTINFO: &str = "/proc/self/mountinfo";
const FSTAB: &str = "/etc/fstab";

/// A line of mountinfo (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Major and minor number of the device.
    pub number: String,
    /// What is mounted.
    pub device: String,
    /// Where.
    pub path: String,
    /// File system.
    pub fstype: String,
    /// Options of the mount, then of the file system, each once.
    pub flags: Vec<String>,
    /// The part of it that is mounted.
    pub root: String,
    /// Whether the file system itself is read-only.
    pub disk_read_only: bool,
}

impl Mounted {
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    /// `disk`, `memory`, `network` or `virtual`.
    pub fn category(&self) -> &'static str {
        category(&self.fstype, &self.device)
    }
}

fn category(fstype: &str, device: &str) -> &'static str {
    match fstype {
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "9p" | "afs" | "ceph" | "glusterfs" | "lustre" | "ncpfs"
        | "gfs2" | "ocfs2" | "orangefs" | "beegfs" | "virtiofs" => "network",
        "fuse.sshfs" | "fuse.glusterfs" | "fuse.s3fs" | "fuse.rclone" | "fuse.ceph" | "fuse.davfs" | "davfs" => {
            "network"
        }
        "tmpfs" | "ramfs" | "zram" => "memory",
        "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "zfs" | "f2fs" | "jfs" | "reiserfs" | "bcachefs" | "nilfs2"
        | "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" | "hfs" | "hfsplus" | "udf" | "iso9660" | "squashfs"
        | "erofs" | "ufs" | "minix" | "overlay" => "disk",
        "fuseblk" => "disk",
        _ if device.starts_with("/dev/") && fstype != "devtmpfs" => "disk",
        _ => "virtual",
    }
}

/// All mounts, in the order they were made.
pub(crate) fn mounted(host: &Host) -> Result<Vec<Mounted>, crate::host::ReadError> {
    Ok(host.read_text(host.mount_table())?.lines().filter_map(parse_mount).collect())
}

fn parse_mount(line: &str) -> Option<Mounted> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let number = left.nth(2)?.to_owned();
    let root = unescape(left.next()?);
    let path = unescape(left.next()?);
    let mut flags: Vec<String> = left.next()?.split(',').map(str::to_owned).collect();
    let mut right = right.split(' ');
    let fstype = right.next()?.to_owned();
    let device = unescape(right.next()?);
    let of_disk = right.next().unwrap_or_default();
    let disk_read_only = of_disk.split(',').any(|f| f == "ro" || f == "emergency_ro");
    for flag in of_disk.split(',').filter(|f| !f.is_empty()) {
        // `rw` of a file system does not undo `ro` of the mount.
        if !flags.iter().any(|f| f == flag) && flag != "rw" {
            flags.push(flag.to_owned());
        }
    }
    Some(Mounted { number, device, path, fstype, flags, root, disk_read_only })
}

/// Undoes the octal escapes of mountinfo and fstab: `\040` is a space.
fn unescape(field: &str) -> String {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, tail) {
            out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Options with what follows `password=` and the like masked; and whether there was one.
pub(crate) fn mask_options(options: &str) -> (String, bool) {
    let mut found = false;
    let masked: Vec<String> = options
        .split(',')
        .map(|option| match option.split_once('=') {
            Some((key, value))
                if !value.is_empty()
                    && ["password", "pass", "passwd", "password2"].contains(&key.to_ascii_lowercase().as_str()) =>
            {
                found = true;
                format!("{key}=***")
            }
            _ => option.to_owned(),
        })
        .collect();
    (masked.join(","), found)
}

/// `//user:secret@host/share` without the secret.
pub(crate) fn mask_device(device: &str) -> (String, bool) {
    let Some((scheme, rest)) = device.split_once("//") else { return (device.to_owned(), false) };
    let Some((user, host)) = rest.split_once('@') else { return (device.to_owned(), false) };
    match user.split_once(':') {
        Some((name, secret)) if !secret.is_empty() && !name.contains('/') => {
            (format!("{scheme}//{name}:***@{host}"), true)
        }
        _ => (device.to_owned(), false),
    }
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let mut mounts = Vec::new();
    if host.is_live() {
        match mounted(host) {
            Ok(list) => mounts = list,
            Err(error) => {
                let gap = Gap::new("which disks are in use", MOUNTINFO, error.reason());
                facts.unread::<Mount>(gap.clone());
                facts.unread::<Space>(gap);
            }
        }
    }
    for mount in &mounts {
        let (flags, _) = mask_options(&mount.flags.join(","));
        facts.push(Mount {
            source: MOUNTINFO.to_owned(),
            device: mask_device(&mount.device).0,
            path: mount.path.clone(),
            fstype: mount.fstype.clone(),
            read_only: mount.has("ro"),
            disk_read_only: mount.disk_read_only,
            nosuid: mount.has("nosuid"),
            nodev: mount.has("nodev"),
            noexec: mount.has("noexec"),
            flags,
            category: mount.category().to_owned(),
            root: mount.root.clone(),
        });
    }
    fstab(host, &mounts, facts);
    space::read(host, &mounts, facts);
    Ok(())
}

fn fstab(host: &Host, mounts: &[Mounted], facts: &mut Facts) {
    let text = match host.read_text(FSTAB) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => {
            return facts.absent::<Entry>("there is no list of disks to mount at start");
        }
        Err(error) => {
            return facts.unread::<Entry>(Gap::new("which disks are mounted at start", FSTAB, error.reason()));
        }
    };
    let swaps = host.is_live().then(|| host.read_text("/proc/swaps").ok()).flatten();
    for (number, line) in (1_i64..).zip(text.lines()) {
        let line = line.trim();
        let mut fields = line.split_ascii_whitespace();
        let (Some(device), Some(path), Some(fstype)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if device.starts_with('#') {
            continue;
        }
        let options = fields.next().unwrap_or("defaults");
        let device = unescape(device);
        let path = unescape(path);
        let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
        let (masked, option_password) = mask_options(&unescape(options));
        let (shown, device_password) = mask_device(&device);
        let list: Vec<&str> = options.split(',').collect();
        let has = |option: &str| list.contains(&option);
        let is_swap = fstype == "swap";
        let mount = mounts.iter().rev().find(|m| m.path == path);
        let mounted = if !host.is_live() || mounts.is_empty() {
            None
        } else if is_swap {
            swaps.as_deref().map(|s| swap_in_use(host, s, &device))
        } else if fstype == "ignore" || !path.starts_with('/') {
            None
        } else {
            Some(mount.is_some())
        };
        let missing: Vec<&str> = match mount {
            Some(mount) => {
                ["nosuid", "nodev", "noexec", "ro"].into_iter().filter(|o| has(o) && !mount.has(o)).collect()
            }
            None => Vec::new(),
        };
        facts.push(Entry {
            source: FSTAB.to_owned(),
            line: number,
            device: shown,
            path,
            fstype: fstype.to_owned(),
            options: masked,
            auto: !has("noauto")
                && !list.iter().any(|o| o.starts_with("x-systemd.automount") || *o == "comment=systemd.automount"),
            nofail: has("nofail"),
            mounted,
            missing_options: (!missing.is_empty()).then(|| missing.join(",")),
            has_password: option_password || device_password,
        });
    }
}

/// Whether a swap line of fstab is in use: a file by its path, a device by its links.
fn swap_in_use(host: &Host, swaps: &str, device: &str) -> bool {
    let link = match device.split_once('=') {
        Some(("UUID", id)) => format!("/dev/disk/by-uuid/{}", id.trim_matches('"')),
        Some(("LABEL", id)) => format!("/dev/disk/by-label/{}", id.trim_matches('"')),
        Some(("PARTUUID", id)) => format!("/dev/disk/by-partuuid/{}", id.trim_matches('"')),
        Some(("PARTLABEL", id)) => format!("/dev/disk/by-partlabel/{}", id.trim_matches('"')),
        _ => device.to_owned(),
    };
    let target = host.read_link(&link).ok().and_then(|t| t.rsplit('/').next().map(str::to_owned));
    let wanted = link.rsplit('/').next().unwrap_or_default();
    swaps.lines().skip(1).filter_map(|l| l.split_ascii_whitespace().next()).any(|used| {
        let used_name = used.rsplit('/').next().unwrap_or_default();
        used == link || used_name == wanted || target.as_deref() == Some(used_name)
    })
}

#[cfg(test)]
mod tests;
