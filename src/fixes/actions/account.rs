//! An account of this machine: locked, expired, or with a password that must be renewed. The stored password itself
//! stays, so that all of it can be taken back.

use serde::{Deserialize, Serialize};

use super::{Act, entry::each_line};
use crate::fixes::view::{Refusal, View};

/// Locks or expires an account, or sets how long its password holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Locks its password, or opens it again.
    #[serde(default)]
    pub locked: Option<bool>,
    /// Whether nobody may log in with it any more, not even with a key; or may again.
    #[serde(default)]
    pub expired: Option<bool>,
    /// Days until its password must be another.
    #[serde(default)]
    pub max_days: Option<u32>,
    /// Days before it may be another.
    #[serde(default)]
    pub min_days: Option<u32>,
    /// Days of warning before.
    #[serde(default)]
    pub warn_days: Option<u32>,
    /// Moves its password from the open list of users to the closed one; without one there it is locked.
    #[serde(default)]
    pub hidden: bool,
    /// The program that starts when someone logs in.
    #[serde(default)]
    pub shell: Option<String>,
}

const SHADOW: &str = "/etc/shadow";
const PASSWD: &str = "/etc/passwd";
/// Fields of a line in shadow(5), from 0.
const PASSWORD: usize = 1;
const MIN: usize = 3;
const MAX: usize = 4;
const WARN: usize = 5;
const EXPIRES: usize = 7;
/// The shell in a line of passwd(5).
const SHELL: usize = 6;

impl Act for Account {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if self.hidden {
            hide(view, &self.name)?;
        }
        let mut shadow: Vec<(usize, String)> = Vec::new();
        let now = fields(view, SHADOW, &self.name)?;
        let old = |n: usize| now.get(n).map_or("", String::as_str);
        let password = old(PASSWORD);
        match self.locked {
            Some(true) if !password.starts_with(['!', '*']) => shadow.push((PASSWORD, format!("!{password}"))),
            // Without the lock an account that never had a password would be open.
            Some(false) if password.starts_with('!') && !password.trim_start_matches('!').is_empty() => {
                shadow.push((PASSWORD, password.trim_start_matches('!').to_owned()));
            }
            _ => {}
        }
        match self.expired {
            Some(true) => shadow.push((EXPIRES, "1".to_owned())),
            Some(false) => shadow.push((EXPIRES, String::new())),
            None => {}
        }
        for (n, days) in [(MAX, self.max_days), (MIN, self.min_days), (WARN, self.warn_days)] {
            shadow.extend(days.map(|days| (n, days.to_string())));
        }
        set(view, SHADOW, &self.name, &shadow)?;
        if let Some(shell) = &self.shell {
            if !view.host().exists(shell) {
                return Err(Refusal::new(format!("there is no {shell}")));
            }
            set(view, PASSWD, &self.name, &[(SHELL, shell.clone())])?;
        }
        Ok(())
    }
}

fn fields(view: &View<'_>, path: &str, name: &str) -> Result<Vec<String>, Refusal> {
    let text = view.text(path)?.unwrap_or_default();
    let line = text.lines().find(|l| l.split(':').next() == Some(name));
    let line = line.ok_or_else(|| Refusal::new(format!("there is no account {name} in {path}")))?;
    Ok(line.split(':').map(str::to_owned).collect())
}

/// Moves the password of an account from the list of users to the closed list.
fn hide(view: &mut View<'_>, name: &str) -> Result<(), Refusal> {
    let open = fields(view, PASSWD, name)?.get(PASSWORD).cloned().unwrap_or_default();
    if fields(view, SHADOW, name).is_err() {
        let text = view.text(SHADOW)?.unwrap_or_default();
        // Without a day of its last change nobody is asked to change it at once.
        view.write(SHADOW, &super::appended(&text, &format!("{name}:!::0:99999:7:::")), 0o640)?;
    }
    if open != "x" {
        let hash = if open.is_empty() { "!".to_owned() } else { open };
        set(view, SHADOW, name, &[(PASSWORD, hash)])?;
        set(view, PASSWD, name, &[(PASSWORD, "x".to_owned())])?;
    }
    Ok(())
}

/// Sets fields of the line of an account.
fn set(view: &mut View<'_>, path: &str, name: &str, values: &[(usize, String)]) -> Result<(), Refusal> {
    if values.iter().any(|(_, v)| v.contains([':', '\n', '\0'])) {
        return Err(Refusal::new(format!("a value for {path} has a colon or a line break")));
    }
    let text = view.text(path)?.unwrap_or_default();
    let changed = each_line(&text, |line| {
        let mut fields: Vec<&str> = line.split(':').collect();
        for (n, value) in values.iter().filter(|_| line.split(':').next() == Some(name)) {
            if let Some(field) = fields.get_mut(*n) {
                *field = value;
            }
        }
        Some(fields.join(":"))
    });
    if changed == text { Ok(()) } else { view.write(path, &changed, 0o640) }
}
