//! Who could log in: accounts with their home, shell and whether they have a password. Never keeps a hash.

use std::collections::BTreeMap;

use crate::{
    host::Host,
    probes::accounts::{Passwd, users},
};

/// What an account's password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Password {
    /// None works: locked.
    Locked,
    /// None is needed.
    Empty,
    /// One is set.
    Set,
}

/// Accounts, and passwords where they could be read.
#[derive(Debug, Default)]
pub(super) struct People {
    pub accounts: Vec<Passwd>,
    /// Null when the file could not be read.
    pub passwords: Option<BTreeMap<String, Password>>,
    /// Names of root's groups.
    pub root_groups: Vec<String>,
}

pub(super) fn read(host: &Host) -> People {
    let password = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let hash = rest.split(':').next().unwrap_or_default();
        let kind = match hash {
            "" => Password::Empty,
            h if h.starts_with(['!', '*']) || h == "x" || h.len() < 11 => Password::Locked,
            _ => Password::Set,
        };
        Some((name.to_owned(), kind))
    };
    let passwords = host.read_text("/etc/shadow").ok().map(|text| text.lines().filter_map(password).collect());
    let groups = host.read_text("/etc/group").unwrap_or_default();
    let root_groups = groups.lines().filter_map(|line| {
        let parts: Vec<&str> = line.split(':').collect();
        let &[name, _, gid, members, ..] = parts.as_slice() else { return None };
        (gid == "0" || members.split(',').any(|m| m.trim() == "root")).then(|| name.to_owned())
    });
    People { accounts: users(host), passwords, root_groups: root_groups.collect() }
}

impl People {
    /// Whether root has a password that works.
    pub fn root_has_password(&self) -> Option<bool> {
        let passwords = self.passwords.as_ref()?;
        Some(passwords.get("root").is_some_and(|p| *p != Password::Locked))
    }

    /// Accounts with a password and a shell.
    pub fn with_password(&self, root: bool) -> Option<i64> {
        let passwords = self.passwords.as_ref()?;
        let usable = |a: &&Passwd| {
            a.login_shell() && (root || a.uid != 0) && passwords.get(&a.name).is_some_and(|p| *p == Password::Set)
        };
        i64::try_from(self.accounts.iter().filter(usable).count()).ok()
    }
}
