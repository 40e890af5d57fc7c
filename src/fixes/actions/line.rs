//! A line or a block of lines in a file: there, or not there; or words of one line that become others.

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
    /// Whether the file holds this text and nothing else.
    #[serde(default)]
    pub whole: bool,
    /// Words of a line that become `text`, or with `absent` the line that has them; blanks between them do not count.
    #[serde(default)]
    pub find: Option<String>,
    /// The number of that line. Where it has no such words any more, the only line that has them is meant.
    #[serde(default)]
    pub number: Option<String>,
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
        let new = if self.whole {
            format!("{wanted}\n")
        } else if let Some(words) = &self.find {
            let Some(text) = &old else { return Ok(()) };
            let number = self.number.as_deref().and_then(|n| n.trim().parse().ok());
            let with = (!self.absent).then_some(wanted);
            replaced(text, words, number, with)
                .ok_or_else(|| Refusal::new(format!("{path} has no line any more with `{words}`")))?
        } else if self.absent {
            let Some(text) = &old else { return Ok(()) };
            without(text, wanted)
        } else if has(&text, wanted) {
            return Ok(());
        } else if self.first {
            format!("{wanted}\n{text}")
        } else {
            super::appended(&text, wanted)
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

/// Where words stand in a line, whole and with any blanks between them.
fn find(line: &str, words: &str) -> Option<std::ops::Range<usize>> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let first = words.first()?;
    line.match_indices(first).map(|(start, _)| start).find_map(|start| {
        let mut end = start + first.len();
        for word in words.iter().skip(1) {
            let rest = line.get(end..)?;
            let next = rest.trim_start_matches([' ', '\t']);
            if next.len() == rest.len() || !next.starts_with(word) {
                return None;
            }
            end = line.len() - next.len() + word.len();
        }
        let part = |c: char| c.is_alphanumeric() || "-_./".contains(c);
        let whole = !line.get(..start)?.ends_with(part) && !line.get(end..)?.starts_with(part);
        whole.then_some(start..end)
    })
}

/// The text with words of one line become others, or without that line. The same text when it says so already; none
/// when there is no such line, or several are meant by no number.
fn replaced(text: &str, words: &str, number: Option<usize>, with: Option<&str>) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let done = |line: &str| with.is_some_and(|with| with.contains(words) && line.contains(with));
    let there = |at: usize| lines.get(at).is_some_and(|line| find(line, words).is_some() && !done(line));
    let numbered = number.and_then(|n| n.checked_sub(1));
    let at = numbered.filter(|at| there(*at)).or_else(|| {
        let mut all = (0..lines.len()).filter(|at| there(*at));
        all.next().filter(|_| all.next().is_none())
    });
    let Some(at) = at else {
        let is_done = match with {
            Some(with) => (0..lines.len())
                .filter(|at| numbered.is_none_or(|n| n == *at))
                .any(|at| lines.get(at).is_some_and(|line| find(line, with.lines().next().unwrap_or(with)).is_some())),
            None => !lines.iter().any(|line| find(line, words).is_some()),
        };
        return is_done.then(|| text.to_owned());
    };
    let line = lines.get(at)?;
    let new = match with {
        None => String::new(),
        Some(with) => {
            let place = find(line, words)?;
            format!("{}{with}{}", line.get(..place.start)?, line.get(place.end..)?)
        }
    };
    Some(lines.iter().enumerate().map(|(i, line)| if i == at { new.as_str() } else { line }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixes::tree::Tree, host::Host};

    #[test]
    fn only_the_line_itself_goes() {
        assert_eq!(without("a\n  b \nbb\nb\n", "b"), "a\nbb\n");
        assert_eq!(without("a\nb\nc\n", "a\nb"), "c\n");
        assert!(has("x\n b\t\n", "b") && !has("bb\n", "b"));
    }

    #[test]
    fn a_whole_text_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::create_dir_all(dir.path().join("usr")).unwrap();
        std::fs::write(dir.path().join("etc/issue"), "Debian 12\n\n").unwrap();
        let (tree, host) = (Tree::open(dir.path()).unwrap(), Host::image(dir.path()).unwrap());
        let mut view = View::new(&tree, &host);
        let line: Line = toml::from_str("path = '/etc/issue'\ntext = \"a\\nb\"\nwhole = true").unwrap();
        line.plan(&mut view).unwrap();
        assert_eq!(view.text("/etc/issue").unwrap().as_deref(), Some("a\nb\n"));
        assert_eq!(view.take().len(), 1);
        line.plan(&mut view).unwrap();
        assert!(view.take().is_empty(), "once only");
    }

    #[test]
    fn words_of_one_line_become_others() {
        let text = "location /a {\n  autoindex   on;\n}\nlocation /b {\n  autoindex on;\n}\n";
        let new = replaced(text, "autoindex on", Some(2), Some("autoindex off"));
        let new = new.unwrap_or_default();
        assert_eq!(new, text.replace("autoindex   on", "autoindex off"));
        // The line has it already, and now only one other is left.
        assert_eq!(replaced(&new, "autoindex on", Some(5), None), Some(new.replace("  autoindex on;\n", "")));
        assert_eq!(replaced(text, "autoindex on", None, None), None, "two lines, and no number");
        assert_eq!(replaced(text, "autoindex maybe", Some(2), Some("x")), None);
        let suites = "deb http://x/stable oldstable stable-updates stable main\n";
        assert_eq!(
            replaced(suites, "stable", Some(1), Some("trixie")),
            Some(suites.replace("stable main", "trixie main"))
        );
        let with = Some("deny all; stub_status");
        let once = replaced(" stub_status;\n", "stub_status", Some(1), with).unwrap_or_default();
        assert_eq!(once, " deny all; stub_status;\n");
        assert_eq!(replaced(&once, "stub_status", Some(1), with), Some(once.clone()), "once only");
    }
}
