//! Entries of `/etc/passwd`, `/etc/group` and their closed lists: a group gains or loses someone, an entry goes. Lines
//! of others stay byte for byte.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::view::{Refusal, View};

/// Changes who is in a group, or takes its password away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Who joins it.
    #[serde(default)]
    pub add: Option<String>,
    /// Who leaves it.
    #[serde(default)]
    pub remove: Option<String>,
    /// Whether its password goes, so that only its members have its rights.
    #[serde(default)]
    pub no_password: bool,
    /// Whether it is made, without members, where there is none.
    #[serde(default)]
    pub make: bool,
}

/// Takes an entry out of a list of users, groups or passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveEntry {
    /// The list.
    pub path: String,
    /// The name at the start of its line.
    pub name: String,
}

const GROUP: &str = "/etc/group";
const GSHADOW: &str = "/etc/gshadow";
/// Where the password and the members stand in both lists, from 0.
const PASSWORD: usize = 1;
const MEMBERS: usize = 3;

impl Act for Group {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        for name in [&self.add, &self.remove].into_iter().flatten() {
            if name.is_empty() || name.contains([':', ',', '\n', '\0']) {
                return Err(Refusal::new(format!("`{name}` is no name of an account")));
            }
        }
        let group = view.text(GROUP)?.unwrap_or_default();
        if self.make && !group.lines().any(|l| name_of(l) == self.name) {
            self.made(view, &group)?;
        }
        let group = view.text(GROUP)?.unwrap_or_default();
        if !group.lines().any(|l| name_of(l) == self.name) {
            return Err(Refusal::new(format!("there is no group {} in {GROUP}", self.name)));
        }
        for path in [GROUP, GSHADOW] {
            let Some(text) = view.text(path)? else { continue };
            let new = each_line(&text, |line| self.line(path, line));
            if new != text {
                view.write(path, &new, 0o644)?;
            }
        }
        Ok(())
    }
}

impl Group {
    /// Writes its entries, with the highest number for groups of the system that is free, as `groupadd -r` does.
    fn made(&self, view: &mut View<'_>, group: &str) -> Result<(), Refusal> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        if !self.name.starts_with(|c: char| c.is_ascii_lowercase()) || !self.name.chars().all(good) {
            return Err(Refusal::new(format!("`{}` is no name of a group", self.name)));
        }
        let number = free(group).ok_or_else(|| Refusal::new("no number for a group of the system is free"))?;
        view.write(GROUP, &super::appended(group, &format!("{}:x:{number}:", self.name)), 0o644)?;
        if let Some(closed) = view.text(GSHADOW)? {
            let without = each_line(&closed, |line| (name_of(line) != self.name).then(|| line.to_owned()));
            view.write(GSHADOW, &super::appended(&without, &format!("{}:!::", self.name)), 0o640)?;
        }
        Ok(())
    }

    fn line(&self, path: &str, line: &str) -> Option<String> {
        if name_of(line) != self.name {
            return Some(line.to_owned());
        }
        let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
        if let Some(members) = fields.get_mut(MEMBERS) {
            let mut names: Vec<&str> = members.split(',').filter(|m| Some(*m) != self.remove.as_deref()).collect();
            if let Some(add) = self.add.as_deref().filter(|add| !names.contains(add)) {
                names.retain(|n| !n.is_empty());
                names.push(add);
            }
            *members = names.join(",");
        }
        if let Some(password) = fields.get_mut(PASSWORD).filter(|_| self.no_password) {
            match (path, password.as_str()) {
                (GSHADOW, "" | "!" | "*") | (GROUP, "" | "x" | "!" | "*") => {}
                (GSHADOW, _) => "!".clone_into(password),
                _ => "x".clone_into(password),
            }
        }
        Some(fields.join(":"))
    }
}

impl Act for RemoveEntry {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let Some(text) = view.text(&self.path)? else { return Ok(()) };
        let new = each_line(&text, |line| (name_of(line) != self.name).then(|| line.to_owned()));
        if new == text { Ok(()) } else { view.write(&self.path, &new, 0o640) }
    }
}

/// The highest number from 999 down to 100 that no group has.
fn free(group: &str) -> Option<u32> {
    let used: Vec<&str> = group.lines().filter_map(|l| l.split(':').nth(2)).collect();
    (100..1000).rev().find(|n| !used.contains(&n.to_string().as_str()))
}

fn name_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim()
}

/// The text with each of its lines changed or left out.
pub(super) fn each_line(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut new = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        if let Some(changed) = change(body) {
            new.push_str(&changed);
            new.push_str(line.get(body.len()..).unwrap_or_default());
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixes::tree::Tree, host::Host};

    fn changed(group: &Group, path: &str, text: &str) -> String {
        each_line(text, |line| group.line(path, line))
    }

    #[test]
    fn members_come_and_go() {
        let text = "root:x:0:\nsudo:x:27:ann,ghost,bob\nsudoers:x:28:ghost\n";
        let group = |add: Option<&str>, remove: Option<&str>| Group {
            name: "sudo".to_owned(),
            add: add.map(str::to_owned),
            remove: remove.map(str::to_owned),
            no_password: false,
            make: false,
        };
        assert_eq!(changed(&group(None, Some("ghost")), GROUP, text), text.replace("ann,ghost,bob", "ann,bob"));
        assert_eq!(changed(&group(Some("cat"), None), GROUP, text), text.replace("ghost,bob", "ghost,bob,cat"));
        assert_eq!(changed(&group(Some("bob"), None), GROUP, text), text);
        assert_eq!(changed(&group(Some("ann"), None), GROUP, "sudo:x:27:\n"), "sudo:x:27:ann\n");
    }

    #[test]
    fn the_password_of_a_group_goes() {
        let group = Group { name: "staff".to_owned(), add: None, remove: None, no_password: true, make: false };
        assert_eq!(changed(&group, GSHADOW, "a:$6$b::\nstaff:$6$x::ann\n"), "a:$6$b::\nstaff:!::ann\n");
        assert_eq!(changed(&group, GROUP, "staff:x:50:ann\n"), "staff:x:50:ann\n");
        assert_eq!(changed(&group, GSHADOW, "staff:*::\n"), "staff:*::\n");
    }

    #[test]
    fn a_group_is_made_once_with_a_free_number() {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc");
        std::fs::create_dir_all(dir.path().join("usr")).unwrap();
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::write(etc.join("group"), "root:x:0:\nx:x:999:\ny:x:998:ann").unwrap();
        std::fs::write(etc.join("gshadow"), "root:*::\n").unwrap();
        let (tree, host) = (Tree::open(dir.path()).unwrap(), Host::image(dir.path()).unwrap());
        let mut view = View::new(&tree, &host);
        let make =
            |name: &str| Group { name: name.to_owned(), add: None, remove: None, no_password: false, make: true };
        make("sugroup").plan(&mut view).unwrap();
        make("sugroup").plan(&mut view).unwrap();
        make("x").plan(&mut view).unwrap();
        let text = |path: &str| view.text(path).unwrap().unwrap();
        assert_eq!(text(GROUP), "root:x:0:\nx:x:999:\ny:x:998:ann\nsugroup:x:997:\n");
        assert_eq!(text(GSHADOW), "root:*::\nsugroup:!::\n");
        assert!(make("a:b").plan(&mut view).is_err() && make("Su").plan(&mut view).is_err());
    }

    #[test]
    fn only_the_entry_of_that_name_goes() {
        let gone = |text: &str| each_line(text, |line| (name_of(line) != "+").then(|| line.to_owned()));
        assert_eq!(gone("root:x:0:0\n+::::::\n+ann::::::\n+"), "root:x:0:0\n+ann::::::\n");
    }
}
