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
        let Some(new) = changed(&old, &self.rule, self.what) else {
            return Err(Refusal::new(format!("{path} has no line `{}` of its own", self.rule)));
        };
        // Read again as sudo reads it, so that a broken file is not made worse.
        let readable = |text: &str| {
            let edit = Edit { section: Some("rule"), key: "nobody ALL=ALL", value: None };
            Format::Sudoers.edit(text, &edit).map_err(|e| Refusal::new(format!("{path} could not be changed: {e}")))
        };
        readable(&old)?;
        readable(&new)?;
        if new == old { Ok(()) } else { view.write(&path, &new, 0o440) }
    }
}

/// The text with that rule changed; none where it has no such line.
fn changed(text: &str, rule: &str, what: What) -> Option<String> {
    let mut new = String::with_capacity(text.len());
    let mut found = false;
    let mut open = String::new();
    for line in text.split_inclusive('\n') {
        open.push_str(line);
        // A backslash at the end joins the next line to this one.
        if line.trim_end().ends_with('\\') && !comment(open.trim_start()) {
            continue;
        }
        let whole = open.replace("\\\r\n", " ").replace("\\\n", " ");
        if without_comment(&whole).split_whitespace().eq(rule.split_whitespace()) {
            found = true;
            if what == What::Ask {
                new.push_str(&without_tag(&open));
            }
        } else {
            new.push_str(&open);
        }
        open.clear();
    }
    found.then(|| new + &open)
}

/// Whether a word begins a comment: `#1000` is the number of a user.
fn comment(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}

/// A rule without the comment behind it.
fn without_comment(rule: &str) -> &str {
    let mut starts = rule.match_indices('#').map(|(at, _)| at);
    let end = starts.find(|at| {
        let before = rule.get(..*at).unwrap_or_default();
        comment(rule.get(*at..).unwrap_or_default()) && !before.ends_with(['\\', '%'])
    });
    end.and_then(|end| rule.get(..end)).unwrap_or(rule)
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
        let asking = |rule: &str| changed(text, rule, What::Ask);
        assert_eq!(
            asking("ann ALL=(ALL) NOPASSWD: ALL"),
            Some(text.replace("ann ALL=(ALL) NOPASSWD: ALL", "ann ALL=(ALL) ALL"))
        );
        assert_eq!(
            asking("bob ALL=(ALL:ALL) NOPASSWD:ALL"),
            Some(text.replace("(ALL:ALL)  NOPASSWD:ALL # bob", "(ALL:ALL)  ALL # bob"))
        );
        assert_eq!(
            asking("cat ALL = (ALL) NOPASSWD : /bin/a, NOPASSWD: /bin/b"),
            Some(text.replace("NOPASSWD : /bin/a, NOPASSWD: /bin/b", "/bin/a, /bin/b"))
        );
        assert_eq!(asking("dan ALL=(ALL) NOPASSWD: ALL"), None);
        assert_eq!(asking("x \\ ann ALL=(ALL) NOPASSWD: ALL"), None);
    }

    #[test]
    fn a_rule_goes_with_its_comment() {
        let text = "#1000 ALL=(ALL) \\\n  ALL # her\n%#27 ALL=ALL\nann ALL=ALL";
        let without = |rule: &str| changed(text, rule, What::Remove);
        assert_eq!(without("#1000 ALL=(ALL) ALL").as_deref(), Some("%#27 ALL=ALL\nann ALL=ALL"));
        assert_eq!(without("%#27 ALL=ALL").as_deref(), Some("#1000 ALL=(ALL) \\\n  ALL # her\nann ALL=ALL"));
        assert_eq!(without("ann ALL=ALL").as_deref(), text.strip_suffix("ann ALL=ALL"));
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
