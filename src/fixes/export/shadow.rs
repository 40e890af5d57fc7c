//! A change of the list of passwords as what it means for each account: locked, expired, other days. So nothing of the
//! list itself is written down.

use super::super::{change::FileChange, tree::State};

/// The list.
pub(super) const SHADOW: &str = "/etc/shadow";

/// What becomes of a field of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// The account.
    pub(super) name: String,
    /// Which.
    pub(super) kind: Kind,
    /// Its value before; `open` or `locked` for a password; nothing where it had none.
    pub(super) before: String,
    /// Its value afterwards.
    pub(super) after: String,
    /// The day of its last change, where it had no password at all: what opens it again would set it anew.
    pub(super) bare: Option<String>,
}

/// A field of shadow(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether the password is locked.
    Password,
    /// Days before it may be another.
    Min,
    /// Days until it must be another.
    Max,
    /// Days of warning before.
    Warn,
    /// The day on which the account ends.
    Expires,
}

impl Kind {
    /// Its number in a line, from 1.
    pub(super) fn number(self) -> usize {
        match self {
            Kind::Password => 2,
            Kind::Min => 4,
            Kind::Max => 5,
            Kind::Warn => 6,
            Kind::Expires => 8,
        }
    }

    /// The letter by which `chage` knows it.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Kind::Password => "",
            Kind::Min => "-m",
            Kind::Max => "-M",
            Kind::Warn => "-W",
            Kind::Expires => "-E",
        }
    }
}

/// What a change of the list means; none where it is more than that.
pub(super) fn fields(change: &FileChange) -> Option<Vec<Field>> {
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    let rights = |s: &State| (s.mode, s.uid, s.gid);
    if rights(before) != rights(after) || before.xattrs != after.xattrs {
        return None;
    }
    let (before, after) = (before.text()?, after.text()?);
    if before.lines().count() != after.lines().count() {
        return None;
    }
    let mut found = Vec::new();
    for (old, new) in before.lines().zip(after.lines()).filter(|(old, new)| old != new) {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.split(':').collect(), new.split(':').collect());
        let name = old.first().filter(|name| new.first() == Some(name) && !name.is_empty())?;
        if old.len() != new.len() {
            return None;
        }
        for (n, (was, is)) in (1..).zip(old.iter().zip(&new)).filter(|(_, (was, is))| was != is) {
            let kinds = [Kind::Password, Kind::Min, Kind::Max, Kind::Warn, Kind::Expires];
            let kind = kinds.into_iter().find(|k| k.number() == n)?;
            let (before, after) = match kind {
                Kind::Password if *is == format!("!{was}") => ("open", "locked"),
                Kind::Password if *was == format!("!{is}") => ("locked", "open"),
                Kind::Password => return None,
                _ if [was, is].iter().all(|v| v.chars().all(|c| c.is_ascii_digit() || c == '-')) => (*was, *is),
                _ => return None,
            };
            let bare = kind == Kind::Password && was.is_empty();
            let bare = bare.then(|| old.get(2).copied().unwrap_or_default().to_owned());
            found.push(Field { name: (*name).to_owned(), kind, before: before.into(), after: after.into(), bare });
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> Option<Vec<(Kind, String, String)>> {
        let state = |text: &str| Some(State::file(text, 0o640));
        let change = FileChange { path: SHADOW.to_owned(), before: state(before), after: state(after) };
        Some(fields(&change)?.into_iter().map(|f| (f.kind, f.before, f.after)).collect())
    }

    #[test]
    fn a_lock_and_days_are_told_and_nothing_else() {
        let lock = (Kind::Password, "open".to_owned(), "locked".to_owned());
        let days = (Kind::Max, "99999".to_owned(), "365".to_owned());
        assert_eq!(told("a:$6$x:1:0:99999:7:::\n", "a:!$6$x:1:0:365:7:::\n"), Some(vec![lock, days]));
        assert_eq!(told("a:$6$x:1:0:9:7:::\n", "a:$6$y:1:0:9:7:::\n"), None);
        assert_eq!(told("a:$6$x:1:0:9:7:::\n", "a:$6$x:1:0:9:7:::\nb:::::::\n"), None);
    }
}
