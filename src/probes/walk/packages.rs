//! Which Debian package a file came with, for the few files that matter: dpkg's own lists, the likely ones first, so
//! that usually a dozen small files are read and not all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::Host;

const INFO: &str = "/var/lib/dpkg/info";

/// Packages whose name is not part of their files' paths.
const LIKELY: &[&str] = &[
    "at",
    "bsdextrautils",
    "bsdutils",
    "chromium-sandbox",
    "cifs-utils",
    "cockpit-ws",
    "cron",
    "dbus",
    "exim4-daemon-light",
    "fuse",
    "fuse3",
    "iputils-ping",
    "liblockfile-bin",
    "libpam-modules-bin",
    "libutempter0",
    "login",
    "mount",
    "mtr-tiny",
    "nfs-common",
    "ntfs-3g",
    "openssh-client",
    "passwd",
    "pkexec",
    "plocate",
    "policykit-1",
    "polkitd",
    "postfix",
    "ppp",
    "screen",
    "snapd",
    "sudo",
    "systemd",
    "uidmap",
    "util-linux",
    "wireshark-common",
    "xserver-xorg-legacy",
];

/// The package of each of `paths` that came with one; nothing when this system has no dpkg.
pub(super) fn owners(host: &Host, paths: &BTreeSet<&str>) -> Option<BTreeMap<String, String>> {
    let lists = host.list(INFO).ok()?;
    let mut found = BTreeMap::new();
    // A merged /usr is listed by its old names too: /bin/mount is /usr/bin/mount.
    let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
    for path in paths {
        wanted.insert(path, path);
        if let Some(old) =
            path.strip_prefix("/usr").filter(|p| ["/bin/", "/sbin/", "/lib"].iter().any(|d| p.starts_with(d)))
        {
            wanted.insert(old, path);
        }
    }
    let mut left = paths.len();
    let mut rest = Vec::new();
    let mut first = Vec::new();
    for entry in &lists {
        let Some(stem) = entry.name.strip_suffix(".list") else { continue };
        let name = stem.split(':').next().unwrap_or(stem);
        let likely = LIKELY.contains(&name) || paths.iter().any(|p| p.rsplit('/').next() == Some(name));
        if likely { first.push((name, &entry.path)) } else { rest.push((name, &entry.path)) }
    }
    for (name, list) in first.into_iter().chain(rest) {
        if left == 0 || host.late() {
            break;
        }
        let Ok(text) = host.read_text(list) else { continue };
        for line in text.lines() {
            let Some(path) = wanted.get(line) else { continue };
            if found.insert((*path).to_owned(), name.to_owned()).is_none() {
                left -= 1;
            }
        }
    }
    Some(found)
}
