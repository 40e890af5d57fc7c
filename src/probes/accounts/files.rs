//! passwd(5), group(5) and shadow(5) line by line: what is no proper entry is told, not guessed.

use std::collections::BTreeMap;

use super::password::{self, Ageing};
use crate::host::{Host, ReadError};

/// The list of users.
pub(crate) const PASSWD: &str = "/etc/passwd";
/// Where their passwords are kept.
pub(super) const SHADOW: &str = "/etc/shadow";

/// One account of passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passwd {
    /// Line, from 1.
    pub line: i64,
    /// Name.
    pub name: String,
    /// The password field: `x` when it is in shadow.
    pub(super) password: String,
    /// Number.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Full name and more.
    pub description: String,
    /// Home.
    pub directory: String,
    /// Shell as written; empty means /bin/sh.
    pub shell: String,
}

impl Passwd {
    /// `root`, `system` or `person`.
    pub fn kind(&self, uid_min: u32) -> &'static str {
        match self.uid {
            0 => "root",
            65_534 | 65_535 | u32::MAX => "system",
            // Numbers that systemd hands out for as long as a service runs.
            61_184..=65_519 => "system",
            uid if uid >= uid_min => "person",
            _ => "system",
        }
    }

    /// Whether the shell lets someone work.
    pub fn login_shell(&self) -> bool {
        let name = self.shell.rsplit('/').next().unwrap_or_default().trim();
        !["nologin", "false", "true", "sync", "shutdown", "halt", "git-shell"].contains(&name)
    }
}

/// One group of group(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub line: i64,
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// One line of shadow(5).
#[derive(Debug, Clone)]
pub(super) struct Shadow {
    pub line: i64,
    pub name: String,
    pub password: String,
    pub ageing: Ageing,
}

/// A line that is no proper entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    pub line: i64,
    pub name: String,
    pub problem: &'static str,
}

/// The accounts of a host; none when the file cannot be read.
pub(crate) fn users(host: &Host) -> Vec<Passwd> {
    passwd(&host.read_text(PASSWD).unwrap_or_default()).0
}

/// Names of the users in each group, by its name: those listed in it and those whose first group it is.
pub(crate) fn members(host: &Host, users: &[Passwd]) -> BTreeMap<String, Vec<String>> {
    let (groups, _) = group(&host.read_text("/etc/group").unwrap_or_default());
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in groups {
        let first = users.iter().filter(|u| u.gid == group.gid).map(|u| u.name.clone());
        let all = first.chain(group.members).collect::<Vec<_>>();
        members.entry(group.name).or_default().extend(all);
    }
    members
}

/// Whether each account has a password: `set`, `empty`, `locked` or `not_set`, by name. What stands in the list of
/// users itself counts instead of what stands in shadow.
pub(crate) fn passwords(host: &Host, users: &[Passwd]) -> Result<BTreeMap<String, &'static str>, ReadError> {
    let text = match host.read_text(SHADOW) {
        Err(error) if error.is_not_found() => String::new(),
        other => other?,
    };
    let kept = shadow(&text).0.into_iter().map(|s| (s.name, password::classify(&s.password).status));
    let own = users.iter().filter(|u| u.password != "x");
    let own = own.map(|u| (u.name.clone(), password::classify(&u.password).status));
    Ok(kept.chain(own).collect())
}

/// The number where people begin: `UID_MIN` of login.defs, else 1000.
pub(crate) fn uid_min(host: &Host) -> u32 {
    let text = host.read_text("/etc/login.defs").unwrap_or_default();
    let said = text.lines().rev().find_map(|l| {
        let mut words = l.split_whitespace();
        (words.next() == Some("UID_MIN")).then(|| words.next()?.parse().ok()).flatten()
    });
    said.unwrap_or(1000)
}

/// What is wrong with the start of a line, if anything. Empty lines and comments are let pass by all readers.
fn wrong_name(line: &str, name: &str) -> Option<&'static str> {
    if line.starts_with(['+', '-']) {
        return Some("plus");
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | ',' | '\u{fffd}');
    (name.is_empty() || name.chars().any(odd)).then_some("name")
}

/// Lines that are neither empty nor comments, with their number.
fn lines(text: &str) -> impl Iterator<Item = (i64, &str)> {
    (1_i64..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
}

fn bad(line: i64, name: &str, problem: &'static str) -> Bad {
    Bad { line, name: name.chars().take(64).collect(), problem }
}

/// Entries of passwd(5).
pub(super) fn passwd(text: &str) -> (Vec<Passwd>, Vec<Bad>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in lines(text) {
        let fields: Vec<&str> = line.split(':').collect();
        let name = fields.first().copied().unwrap_or_default();
        if let Some(problem) = wrong_name(line, name) {
            errors.push(bad(number, name, problem));
            // A name that is only odd still is an account.
            if problem == "plus" || name.is_empty() {
                continue;
            }
        }
        let [_, password, uid, gid, description, directory, rest @ ..] = fields.as_slice() else {
            errors.push(bad(number, name, "fields"));
            continue;
        };
        let (Ok(uid), Ok(gid)) = (uid.trim().parse(), gid.trim().parse()) else {
            errors.push(bad(number, name, "number"));
            continue;
        };
        entries.push(Passwd {
            line: number,
            name: name.to_owned(),
            password: (*password).to_owned(),
            uid,
            gid,
            description: (*description).to_owned(),
            directory: (*directory).to_owned(),
            shell: rest.first().copied().unwrap_or_default().to_owned(),
        });
    }
    (entries, errors)
}

/// Entries of group(5).
pub(super) fn group(text: &str) -> (Vec<Group>, Vec<Bad>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in lines(text) {
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        if let Some(problem) = wrong_name(line, name) {
            errors.push(bad(number, name, problem));
            if problem == "plus" || name.is_empty() {
                continue;
            }
        }
        let Some(gid) = fields.nth(1) else {
            errors.push(bad(number, name, "fields"));
            continue;
        };
        let Ok(gid) = gid.trim().parse() else {
            errors.push(bad(number, name, "number"));
            continue;
        };
        let members = fields.next().unwrap_or_default().split(',').map(str::trim);
        entries.push(Group {
            line: number,
            name: name.to_owned(),
            gid,
            members: members.filter(|m| !m.is_empty()).map(str::to_owned).collect(),
        });
    }
    (entries, errors)
}

/// Entries of shadow(5).
pub(super) fn shadow(text: &str) -> (Vec<Shadow>, Vec<Bad>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in lines(text) {
        let fields: Vec<&str> = line.split(':').collect();
        let name = fields.first().copied().unwrap_or_default();
        if let Some(problem) = wrong_name(line, name) {
            errors.push(bad(number, name, problem));
            if problem == "plus" || name.is_empty() {
                continue;
            }
        }
        let Some(password) = fields.get(1) else {
            errors.push(bad(number, name, "fields"));
            continue;
        };
        // Negative numbers turn a rule off, as an empty field does.
        let days = |n: usize| fields.get(n).and_then(|f| f.trim().parse::<i64>().ok()).filter(|n| *n >= 0);
        entries.push(Shadow {
            line: number,
            name: name.to_owned(),
            password: (*password).to_owned(),
            ageing: Ageing {
                changed: days(2),
                min: days(3),
                max: days(4),
                warning: days(5),
                inactive: days(6),
                expire: days(7),
            },
        });
    }
    (entries, errors)
}
