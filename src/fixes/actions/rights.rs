//! Rights, owner and access rules of a file or folder; its content is not touched.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::{
    fixes::{
        tree::{ACL, Content, State, is_list},
        view::{Refusal, View},
    },
    host::Kind,
};

/// Gives a file or folder other rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Its path.
    pub path: String,
    /// The rights, in octal: `0600`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Rights that are taken away, in octal: `022`.
    #[serde(default)]
    pub clear: Option<String>,
    /// Rights that are given, in octal: `1000`.
    #[serde(default)]
    pub set: Option<String>,
}

/// Gives a file or folder another owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Its path.
    pub path: String,
    /// The user, by name or number.
    #[serde(default)]
    pub user: Option<String>,
    /// The group, by name or number.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether all below a folder that has the same owner goes along; a program that lends its owner's rights does not.
    #[serde(default)]
    pub below: bool,
}

/// How many things below a folder go along at most.
const MOST: usize = 20_000;

/// Takes the access rules of single people away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveAcl {
    /// Its path.
    pub path: String,
}

/// Takes the lent privileges of a program away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveCapabilities {
    /// Its path.
    pub path: String,
}

/// Rights from their octal digits.
pub(super) fn octal(text: &str) -> Result<u32, Refusal> {
    let digits = text.trim().trim_start_matches("0o");
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| Refusal::new(format!("`{text}` is no mode: write it in octal digits such as 0640")))
}

/// Plans other rights for what lies at a path.
pub(super) fn change(view: &mut View<'_>, path: &str, make: impl FnOnce(&mut State)) -> Result<(), Refusal> {
    // Of a link the rights do not count; what it leads to is meant.
    let path = view.follow(path)?;
    let Some(before) = view.rights(&path)? else { return Ok(()) };
    let mut after = before.clone();
    make(&mut after);
    if !after.same(&before) {
        view.put(&path, Some(before), Some(after));
    }
    Ok(())
}

impl Act for Mode {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let part = |text: &Option<String>| text.as_deref().map(octal).transpose();
        let (mode, clear, set) = (part(&self.mode)?, part(&self.clear)?, part(&self.set)?);
        if mode.is_none() && clear.is_none() && set.is_none() {
            return Err(Refusal::new("a change of rights needs `mode`, `clear` or `set`"));
        }
        change(view, &self.path, |state| {
            state.mode = (mode.unwrap_or(state.mode) & !clear.unwrap_or(0)) | set.unwrap_or(0);
        })
    }
}

impl Act for Owner {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let number = |name: &Option<String>, file: &str| {
            name.as_deref().filter(|n| !n.is_empty()).map(|name| id(view, name, file)).transpose()
        };
        let (user, group) = (number(&self.user, "/etc/passwd")?, number(&self.group, "/etc/group")?);
        let path = view.follow(&self.path)?;
        let Some(old) = view.rights(&path)? else { return Ok(()) };
        let paths = if self.below { below(view, &path)? } else { Vec::new() };
        for path in std::iter::once(path).chain(paths) {
            let Some(before) = view.rights(&path)? else { continue };
            let mut after = before.clone();
            if before.uid == old.uid {
                after.uid = user.unwrap_or(old.uid);
            }
            if before.gid == old.gid {
                after.gid = group.unwrap_or(old.gid);
            }
            let lends =
                self.below && before.mode & 0o6000 != 0 && !matches!(before.content, Content::Opaque(_, _, true));
            if !lends && !after.same(&before) {
                view.put(&path, Some(before), Some(after));
            }
        }
        Ok(())
    }
}

/// All files and folders below a folder, links left out.
fn below(view: &View<'_>, path: &str) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in view.host().list(&folder).unwrap_or_default() {
            let at = format!("{}/{}", folder.trim_end_matches('/'), entry.name);
            match entry.kind {
                Kind::Directory => folders.push(at.clone()),
                Kind::File => {}
                _ => continue,
            }
            found.push(at);
            if found.len() > MOST {
                return Err(Refusal::new(format!("there are more than {MOST} files below {path}")));
            }
        }
    }
    Ok(found)
}

impl Act for RemoveAcl {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        change(view, &self.path, |state| {
            if state.xattrs.contains_key(ACL) {
                // With such rules the middle digit is the most that any of them may, not what the group may.
                state.mode &= !0o070;
            }
            state.xattrs.retain(|name, _| !is_list(name));
        })
    }
}

impl Act for RemoveCapabilities {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        change(view, &self.path, |state| {
            state.xattrs.remove("security.capability");
        })
    }
}

/// The number of a user or group of this machine.
pub(super) fn id(view: &View<'_>, name: &str, file: &str) -> Result<u32, Refusal> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = view.text(file)?.unwrap_or_default();
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1).and_then(|n| n.parse().ok())).flatten()
    });
    found.ok_or_else(|| Refusal::new(format!("there is no {name} in {file}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_octal_digits() {
        assert_eq!(octal("0640"), Ok(0o640));
        assert_eq!(octal("4755"), Ok(0o4755));
        assert!(octal("u+x").is_err() && octal("17777").is_err());
    }

    #[test]
    fn what_lies_below_goes_along_where_it_has_the_same_owner() {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("srv/old/deep")).unwrap();
        for name in ["srv/old/a", "srv/old/deep/b", "srv/old/lends", "srv/old/other"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        if !crate::testing::is_root() {
            return;
        }
        for name in ["srv/old", "srv/old/deep", "srv/old/a", "srv/old/deep/b", "srv/old/lends"] {
            chown(root.path().join(name), Some(4711), Some(4711)).unwrap();
        }
        std::fs::set_permissions(root.path().join("srv/old/lends"), std::fs::Permissions::from_mode(0o4755)).unwrap();
        let tree = crate::fixes::tree::Tree::open(root.path()).unwrap();
        for name in ["etc", "usr"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let host = crate::host::Host::image(root.path()).unwrap();
        let mut view = View::new(&tree, &host);
        let owner = Owner {
            path: "/srv/old".to_owned(),
            user: Some("1000".to_owned()),
            group: Some("0".to_owned()),
            below: true,
        };
        owner.plan(&mut view).unwrap();
        let now = |name: &str| view.rights(name).unwrap().map(|s| (s.uid, s.gid)).unwrap();
        for name in ["/srv/old", "/srv/old/deep", "/srv/old/a", "/srv/old/deep/b"] {
            assert_eq!(now(name), (1000, 0), "{name}");
        }
        assert_eq!(now("/srv/old/lends"), (4711, 4711));
        assert_eq!(now("/srv/old/other"), (0, 0));
    }
}
