//! Who could log in: accounts with their shell and whether they have a password. Never keeps a hash.

use std::collections::BTreeMap;

use crate::{
    host::{Host, ReadError},
    probes::accounts::{Passwd, members, passwords, users},
};

/// Accounts, and the state of their passwords where it could be read.
#[derive(Debug)]
pub(super) struct People {
    pub accounts: Vec<Passwd>,
    pub passwords: Result<BTreeMap<String, &'static str>, ReadError>,
    /// Names of root's groups.
    pub root_groups: Vec<String>,
}

pub(super) fn read(host: &Host) -> People {
    let accounts = users(host);
    let groups = members(host, &accounts).into_iter();
    let root_groups = groups.filter(|(_, members)| members.iter().any(|m| m == "root")).map(|(name, _)| name);
    People { passwords: passwords(host, &accounts), root_groups: root_groups.collect(), accounts }
}

impl People {
    /// Whether root has a password that works, be it an empty one.
    pub fn root_has_password(&self) -> Option<bool> {
        let passwords = self.passwords.as_ref().ok()?;
        Some(passwords.get("root").is_some_and(|state| matches!(*state, "set" | "empty")))
    }

    /// Accounts with a password and a shell.
    pub fn with_password(&self, root: bool) -> Option<i64> {
        let passwords = self.passwords.as_ref().ok()?;
        let usable = |a: &&Passwd| a.login_shell() && (root || a.uid != 0) && passwords.get(&a.name) == Some(&"set");
        i64::try_from(self.accounts.iter().filter(usable).count()).ok()
    }
}
