//! Who may change a file: its owner, its mode, and the same of every directory above it. Used by probes that tell
//! whether a program which runs with someone's rights can be replaced by someone else.

use std::collections::BTreeMap;

use crate::host::{Host, Kind, Metadata};

/// Names of users or groups by number, from passwd(5) or group(5).
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    by_id: BTreeMap<u32, String>,
    members: BTreeMap<u32, Vec<String>>,
    /// First group of each user, by name; only for users.
    first_group: Vec<(String, u32)>,
}

impl Names {
    /// From `/etc/passwd`.
    pub fn users(host: &Host) -> Self {
        Self::read(host, "/etc/passwd")
    }

    /// From `/etc/group`.
    pub fn groups(host: &Host) -> Self {
        Self::read(host, "/etc/group")
    }

    fn read(host: &Host, path: &str) -> Self {
        let mut names = Names::default();
        for line in host.read_text(path).unwrap_or_default().lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(id)) = (fields.next(), fields.nth(1).and_then(|id| id.parse::<u32>().ok())) else {
                continue;
            };
            let members = fields.next().unwrap_or_default();
            if let (true, Ok(group)) = (path == "/etc/passwd", members.parse::<u32>()) {
                names.first_group.push((name.to_owned(), group));
            }
            names.by_id.entry(id).or_insert_with(|| name.to_owned());
            let members = members.split(',').map(str::trim).filter(|m| !m.is_empty()).map(str::to_owned);
            names.members.entry(id).or_default().extend(members);
        }
        names
    }

    /// The name of a number.
    pub fn get(&self, id: u32) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// The number of a name.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.by_id.iter().find(|(_, n)| *n == name).map(|(id, _)| *id)
    }

    /// All numbers, sorted.
    pub fn ids(&self) -> Vec<u32> {
        self.by_id.keys().copied().collect()
    }

    /// The name, or the number where there is none.
    pub fn show(&self, id: u32) -> String {
        self.get(id).map_or_else(|| id.to_string(), str::to_owned)
    }
}

/// Users and groups of a host.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    /// Users.
    pub users: Names,
    /// Groups.
    pub groups: Names,
}

impl People {
    /// From the host's files.
    pub fn read(host: &Host) -> Self {
        People { users: Names::users(host), groups: Names::groups(host) }
    }

    /// Who besides root and `owner` may change what is at `path`, by writing to it or by putting something else in
    /// its place; and which path lets them. Nothing when nobody may or nothing is there.
    pub fn changeable(&self, host: &Host, path: &str, owner: u32) -> Option<(String, String)> {
        if !path.starts_with('/') {
            return None;
        }
        let real = resolve(host, path);
        let mut worst: Option<(u8, String, String)> = None;
        let mut at = real.as_str();
        let mut below: Option<Metadata> = None;
        loop {
            let here = if at.is_empty() { "/" } else { at };
            if let Ok(meta) = host.symlink_metadata(here) {
                match self.writer(&meta, below.as_ref(), owner) {
                    Some((rank, who)) if worst.as_ref().is_none_or(|(r, ..)| rank > *r) => {
                        worst = Some((rank, who, here.to_owned()));
                    }
                    _ => {}
                }
                below = Some(meta);
            }
            match at.rfind('/') {
                Some(end) => at = at.get(..end).unwrap_or_default(),
                None => break,
            }
        }
        worst.map(|(_, who, at)| (who, at))
    }

    /// Who else may write to a file, or swap what lies in a directory.
    fn writer(&self, meta: &Metadata, below: Option<&Metadata>, owner: u32) -> Option<(u8, String)> {
        let trusted = |uid: u32| uid == 0 || uid == owner;
        // In a sticky directory only the owners of a thing and of the directory may take it away.
        let sticky = meta.kind == Kind::Directory && meta.mode & 0o1000 != 0;
        let safe = sticky && below.is_some_and(|b| trusted(b.uid));
        if meta.kind == Kind::Link {
            return None;
        }
        if meta.mode & 0o002 != 0 && !safe {
            return Some((3, "everyone".to_owned()));
        }
        if meta.mode & 0o020 != 0 && meta.gid != 0 && !safe && !self.private(meta.gid, owner) {
            return Some((2, format!("the group {}", self.groups.show(meta.gid))));
        }
        if !trusted(meta.uid) {
            return Some((1, self.users.show(meta.uid)));
        }
        None
    }

    /// A group that has nobody but `owner` or root in it.
    pub(crate) fn private(&self, gid: u32, owner: u32) -> bool {
        // What nobody knows about a group may be anybody.
        if self.groups.get(gid).is_none() {
            return false;
        }
        let owner_name = self.users.get(owner);
        let members = self.groups.members.get(&gid).map(Vec::as_slice).unwrap_or_default();
        let first = self.users.first_group.iter().filter(|(_, g)| *g == gid).map(|(name, _)| name);
        members.iter().chain(first).all(|m| Some(m.as_str()) == owner_name || m == "root")
    }
}

/// Whether every folder above what lies at `path` has one of these bits: `0o001` lets all users get to it by name.
pub(crate) fn passable(host: &Host, path: &str, bits: u32) -> bool {
    let real = resolve(host, path);
    let mut folder = real.as_str();
    while let Some(at) = folder.rfind('/').filter(|at| *at > 0) {
        folder = folder.get(..at).unwrap_or_default();
        if !host.metadata(folder).is_ok_and(|m| m.mode & bits != 0) {
            return false;
        }
    }
    true
}

/// Follows the links of a path, inside the host, a bounded number of times.
pub(crate) fn resolve(host: &Host, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..16 {
        let mut replaced = None;
        let mut at = 0;
        loop {
            let end = path.get(at + 1..).and_then(|rest| rest.find('/')).map_or(path.len(), |n| at + 1 + n);
            let prefix = path.get(..end).unwrap_or_default();
            if host.symlink_metadata(prefix).is_ok_and(|m| m.kind == Kind::Link) {
                if let Ok(target) = host.read_link(prefix) {
                    let parent = prefix.get(..at).unwrap_or_default();
                    let joined = if target.starts_with('/') { target } else { format!("{parent}/{target}") };
                    replaced = Some(format!("{}{}", normal(&joined), path.get(end..).unwrap_or_default()));
                }
                break;
            }
            if end >= path.len() {
                break;
            }
            at = end;
        }
        match replaced {
            Some(next) => path = next,
            None => break,
        }
    }
    path
}

/// Without `.`, `..` and doubled slashes.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn host() -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        std::fs::write(dir.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n")
            .unwrap();
        std::fs::write(dir.path().join("etc/group"), "root:x:0:\nbob:x:1000:\nstaff:x:50:bob,eve\n").unwrap();
        std::fs::write(dir.path().join("usr/bin/job"), "x").unwrap();
        for path in ["", "etc", "usr", "usr/bin", "usr/bin/job"] {
            mode(dir.path().join(path).as_path(), 0o755);
        }
        let host = Host::image(dir.path()).unwrap();
        (dir, host)
    }

    fn mode(path: &std::path::Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn a_program_only_root_may_write_is_fine() {
        let (_dir, host) = host();
        assert_eq!(People::read(&host).changeable(&host, "/usr/bin/job", me()), None);
    }

    #[test]
    fn a_folder_above_that_everyone_may_write_is_found_through_a_link() {
        let (dir, host) = host();
        symlink("usr/bin", dir.path().join("bin")).unwrap();
        mode(&dir.path().join("usr"), 0o777);
        let found = People::read(&host).changeable(&host, "/bin/job", me());
        assert_eq!(found, Some(("everyone".to_owned(), "/usr".to_owned())));
    }

    #[test]
    fn a_sticky_folder_protects_what_lies_in_it() {
        let (dir, host) = host();
        mode(&dir.path().join("usr"), 0o1777);
        assert_eq!(People::read(&host).changeable(&host, "/usr/bin/job", me()), None);
    }

    #[test]
    fn a_group_without_people_is_nobody() {
        let (dir, host) = host();
        let passwd = "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n";
        std::fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(dir.path().join("etc/group"), "root:x:0:\nbob:x:1000:\nempty:x:51:\nfull:x:52:eve\n").unwrap();
        let people = People::read(&host);
        let can = |gid: u32, owner: u32| !people.private(gid, owner);
        assert_eq!(
            (can(51, 0), can(52, 0), can(1000, 0), can(1000, 1000), can(77, 0)),
            (false, true, true, false, true)
        );
    }

    #[test]
    fn links_in_a_circle_end() {
        let (dir, host) = host();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert_eq!(People::read(&host).changeable(&host, "/a/x", me()), None);
    }
}
