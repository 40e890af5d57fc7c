//! A line or a block of lines in a file: there, or not there.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::view::{Refusal, View};

/// Sees to it that lines stand in a file, or do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The file.
    pub path: String,
    /// The line, or the lines of a block.
    pub text: String,
    /// Whether it goes. Then every line that is the same but for blanks around it goes.
    #[serde(default)]
    pub absent: bool,
    /// Whether it stands at the top; else at the end.
    #[serde(default)]
    pub first: bool,
    /// Rights of a new file.
    #[serde(default)]
    pub mode: Option<String>,
}

impl Act for Line {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let path = view.follow(&self.path)?;
        let old = view.text(&path)?;
        let text = old.clone().unwrap_or_default();
        let wanted = self.text.trim_end_matches('\n');
        let new = if self.absent {
            let Some(text) = &old else { return Ok(()) };
            without(text, wanted)
        } else if has(&text, wanted) {
            return Ok(());
        } else if self.first {
            format!("{wanted}\n{text}")
        } else {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{end}{wanted}\n")
        };
        if old.as_deref() == Some(new.as_str()) {
            return Ok(());
        }
        let mode = self.mode.as_deref().map_or(Ok(0o644), super::rights::octal)?;
        view.write(&path, &new, mode)
    }
}

/// Where a block begins among lines.
fn at(lines: &[&str], block: &[&str]) -> Option<usize> {
    lines.windows(block.len().max(1)).position(|w| w.iter().map(|l| l.trim()).eq(block.iter().map(|l| l.trim())))
}

fn has(text: &str, block: &str) -> bool {
    at(&text.lines().collect::<Vec<_>>(), &block.lines().collect::<Vec<_>>()).is_some()
}

fn without(text: &str, block: &str) -> String {
    let block: Vec<&str> = block.lines().collect();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    while let Some(start) = at(&lines, &block) {
        lines.drain(start..(start + block.len().max(1)).min(lines.len()));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_itself_goes() {
        assert_eq!(without("a\n  b \nbb\nb\n", "b"), "a\nbb\n");
        assert_eq!(without("a\nb\nc\n", "a\nb"), "c\n");
        assert!(has("x\n b\t\n", "b") && !has("bb\n", "b"));
    }
}
