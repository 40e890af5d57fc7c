//! A rule of sudo: it asks for a password, or it goes. The rest of its file stays byte for byte.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    formats::{Edit, Format},
    view::{Refusal, View},
};

/// Changes a rule of sudo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SudoRule {
    /// The file.
    pub path: String,
    /// The rule as it is written there; blanks do not matter.
    pub rule: String,
    /// What is done with it.
    #[serde(rename = "do")]
    pub what: What,
}

/// What is done with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It asks for a password from now on.
    Ask,
    /// It goes.
    Remove,
}

impl Act for SudoRule {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let path = view.follow(&self.path)?;
        let Some(old) = view.text(&path)? else { return Ok(()) };
        let edit = Edit { section: Some("rule"), key: &self.rule, value: None };
        if Format::Sudoers.get(&old, edit.section, edit.key).is_none() {
            return Err(Refusal::new(format!("{path} has no line `{}` of its own", self.rule)));
        }
        let without =
            Format::Sudoers.edit(&old, &edit).map_err(|e| Refusal::new(format!("{path} could not be changed: {e}")))?;
        let new = match self.what {
            What::Remove => without,
            What::Ask => asking(&old, &self.rule),
        };
        if new == old { Ok(()) } else { view.write(&path, &new, 0o440) }
    }
}

/// The text with that rule asking for a password.
fn asking(text: &str, rule: &str) -> String {
    let same = |line: &str| line.split_whitespace().eq(rule.split_whitespace());
    let mut new = String::with_capacity(text.len());
    let mut open = String::new();
    for line in text.split_inclusive('\n') {
        open.push_str(line);
        // A backslash at the end joins the next line to this one.
        let comment = open.trim_start().strip_prefix('#').is_some_and(|c| !c.starts_with(|c: char| c.is_ascii_digit()));
        if line.trim_end().ends_with('\\') && !comment {
            continue;
        }
        let whole = open.replace("\\\r\n", " ").replace("\\\n", " ");
        new.push_str(&if same(&whole) { without_tag(&open) } else { std::mem::take(&mut open) });
        open.clear();
    }
    new + &open
}

/// A rule without the word that keeps it from asking.
fn without_tag(rule: &str) -> String {
    const TAG: &str = "NOPASSWD";
    let mut left = String::with_capacity(rule.len());
    let mut rest = rule;
    while let Some((before, after)) = rest.split_once(TAG) {
        let word = before.chars().next_back().is_none_or(|c| " \t):,=\n".contains(c));
        left.push_str(before);
        match after.trim_start_matches([' ', '\t']).strip_prefix(':').filter(|_| word) {
            Some(after) => rest = after.trim_start_matches([' ', '\t']),
            None => {
                left.push_str(TAG);
                rest = after;
            }
        }
    }
    left + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_asks_again_and_the_others_stay() {
        let text = "# x \\\nann ALL=(ALL) NOPASSWD: ALL\nbob\tALL=(ALL:ALL)  NOPASSWD:ALL # bob\ncat ALL = \\\n  (ALL) NOPASSWD : /bin/a, NOPASSWD: /bin/b\n";
        assert_eq!(
            asking(text, "ann ALL=(ALL) NOPASSWD: ALL"),
            text.replace("ann ALL=(ALL) NOPASSWD: ALL", "ann ALL=(ALL) ALL")
        );
        assert_eq!(
            asking(text, "cat ALL = (ALL) NOPASSWD : /bin/a, NOPASSWD: /bin/b"),
            text.replace("NOPASSWD : /bin/a, NOPASSWD: /bin/b", "/bin/a, /bin/b")
        );
        assert_eq!(asking(text, "dan ALL=(ALL) NOPASSWD: ALL"), text);
    }

    #[test]
    fn only_the_whole_word_goes() {
        assert_eq!(
            without_tag("ann ALL=(ALL) /bin/NOPASSWD:x, X_NOPASSWD: y"),
            "ann ALL=(ALL) /bin/NOPASSWD:x, X_NOPASSWD: y"
        );
        assert_eq!(without_tag("ann ALL=(ALL) SETENV:NOPASSWD: ALL\n"), "ann ALL=(ALL) SETENV:ALL\n");
    }
}
