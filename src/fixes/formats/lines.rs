//! What the formats share: lines with their places in the text, one setting as a stretch of text, and the rule for
//! changing a setting that holds for most of them. Everything works on byte ranges of the text as it is, so what is
//! not changed stays byte for byte.

use std::ops::Range;

use super::{Edit, EditError};

/// A line of the text, without its ending.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Where it begins.
    pub start: usize,
    /// The line without its ending.
    pub body: &'a str,
    /// Where the next line begins.
    pub end: usize,
}

impl Line<'_> {
    /// Where the line ends, before `\n` or `\r\n`.
    pub fn body_end(&self) -> usize {
        self.start + self.body.len()
    }

    /// How the line begins: blanks before the first character.
    pub fn indent(&self) -> &str {
        let rest = self.body.trim_start_matches(blank);
        &self.body[..self.body.len() - rest.len()]
    }

    /// The line without blanks around.
    pub fn trimmed(&self) -> &str {
        trim(self.body)
    }
}

/// Cuts a text into lines.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut end = 0;
    let one = |whole: &'_ str| {
        let start = end;
        end += whole.len();
        (start, end)
    };
    let line = |(start, end): (usize, usize)| {
        let body = &text[start..end];
        let body = body.strip_suffix('\n').unwrap_or(body);
        Line { start, body: body.strip_suffix('\r').unwrap_or(body), end }
    };
    text.split_inclusive('\n').map(one).map(line).collect()
}

/// Space and tab: the blanks of every format here. Other white space is a part of words to most programs.
pub(super) fn blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// The text without blanks around.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(blank)
}

/// The range without blanks around.
pub(super) fn trim_range(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start_matches(blank).len();
    start..(start + trim(part).len())
}

/// Words between blanks, with one space between them.
pub(super) fn one_space(text: &str) -> String {
    text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The line ending of the text: that of its first line.
pub(super) fn eol(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The number of the line that holds the byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// The text cannot be understood from this byte on.
pub(super) fn bad<T>(text: &str, at: usize, why: &'static str) -> Result<T, EditError> {
    Err(EditError::Text { line: line_of(text, at), why })
}

/// The value cannot be written.
pub(super) fn bad_value<T>(key: &str, why: &'static str) -> Result<T, EditError> {
    Err(EditError::Value { key: shown(key), why })
}

/// The key cannot be written.
pub(super) fn bad_key<T>(key: &str, why: &'static str) -> Result<T, EditError> {
    Err(EditError::Key { key: shown(key), why })
}

/// The section cannot be found or written.
pub(super) fn bad_section<T>(section: &str, why: &'static str) -> Result<T, EditError> {
    Err(EditError::Section { section: shown(section), why })
}

/// A name for a message, without characters that could do harm on a terminal.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(100).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Refuses a text that no program here reads as we do.
pub(super) fn check_text(text: &str) -> Result<(), EditError> {
    if text.starts_with('\u{feff}') {
        return bad(text, 0, "the file begins with a byte order mark");
    }
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\n' | '\t' => {}
            '\r' if rest.peek().is_some_and(|(_, next)| *next == '\n') => {}
            c if c.is_ascii_control() => return bad(text, at, "there is a control character"),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses what would leave its line or begin with blanks that no program keeps.
pub(super) fn check_edit(edit: &Edit<'_>) -> Result<(), EditError> {
    let odd = |text: &str| text.chars().any(|c| c.is_control() && c != '\t');
    if edit.key.is_empty() || odd(edit.key) || trim(edit.key) != edit.key {
        return bad_key(edit.key, "it is empty, has blanks around or a line break or control character within");
    }
    if let Some(section) = edit.section.filter(|section| odd(section) || trim(section) != *section) {
        return bad_section(section, "it has blanks around or a line break or control character within");
    }
    if edit.value.is_some_and(odd) {
        return bad_value(edit.key, "it has a line break or control character");
    }
    Ok(())
}

/// Refuses a key with characters outside `more`, ASCII letters and digits.
pub(super) fn check_key(key: &str, more: &str) -> Result<(), EditError> {
    if key.is_empty() || key.chars().any(|c| !c.is_ascii_alphanumeric() && !more.contains(c)) {
        return bad_key(key, "it has characters that a name of this format cannot have");
    }
    Ok(())
}

/// Refuses a value with blanks around, which programs take away.
pub(super) fn check_trimmed(key: &str, value: &str) -> Result<(), EditError> {
    if trim(value) != value {
        return bad_value(key, "it has blanks around");
    }
    Ok(())
}

/// One setting as it stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The section it stands in; empty outside all.
    pub section: String,
    /// Its name as the program compares it.
    pub name: String,
    /// The value that the program reads; none when only the running program could tell.
    pub value: Option<String>,
    /// What goes when the setting is removed: whole lines with their endings.
    pub whole: Range<usize>,
    /// What is replaced when the value changes.
    pub raw: Range<usize>,
    /// Comment lines within `whole` that stay.
    pub kept: String,
}

/// The line that begins a section: a setting without name, so that a section is found that has no other.
pub(super) fn header(section: &str, whole: Range<usize>) -> Setting {
    let raw = whole.end..whole.end;
    Setting { section: section.to_owned(), name: String::new(), value: None, whole, raw, kept: String::new() }
}

/// A format as the program that owns it reads and we change it.
pub(super) trait Syntax {
    /// All settings in the order of the text.
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError>;

    /// Refuses keys, sections and values that the format cannot hold.
    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError>;

    /// Where a new setting goes and the text of it, with its line ending.
    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError>;

    /// Whether the setting is the one of this section and key.
    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        setting.section == section.unwrap_or_default() && setting.name == key
    }

    /// Whether the first of several values counts and not the last.
    fn first_wins(&self) -> bool {
        false
    }

    /// For a setting whose values add up: what stands between them when they are told as one.
    fn adds_up(&self, _key: &str) -> Option<&'static str> {
        None
    }

    /// The value as `get` tells it.
    fn plain(&self, _key: &str, value: &str) -> Result<String, EditError> {
        Ok(value.to_owned())
    }

    /// The value as it is written in place of an old one.
    fn written(&self, _text: &str, _old: &Setting, _key: &str, value: &str) -> Result<String, EditError> {
        Ok(value.to_owned())
    }

    /// The value in force.
    fn get(&self, text: &str, section: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let settings = self.settings(text)?;
        Ok(self.in_force(&self.hits(&settings, section, key), key))
    }

    /// The text after the change.
    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let settings = self.settings(text)?;
        let hits = self.hits(&settings, edit.section, edit.key);
        let Some(value) = edit.value else {
            return Ok(without(text, &hits));
        };
        let value = self.plain(edit.key, value)?;
        let effective = if self.first_wins() { hits.first() } else { hits.last() };
        match effective {
            Some(_) if self.in_force(&hits, edit.key).as_deref() == Some(value.as_str()) => Ok(text.to_owned()),
            Some(old) => {
                let new = self.written(text, old, edit.key, &value)?;
                let others = if self.adds_up(edit.key).is_some() {
                    hits.iter().filter(|hit| hit != &old).copied().collect()
                } else {
                    Vec::new()
                };
                Ok(replaced(text, old, &new, &others))
            }
            None => {
                let (at, new) = self.insertion(
                    text,
                    &settings,
                    &Edit { section: edit.section, key: edit.key, value: Some(&value) },
                )?;
                Ok(inserted(text, at, &new))
            }
        }
    }

    /// The settings that are meant.
    fn hits<'a>(&self, settings: &'a [Setting], section: Option<&str>, key: &str) -> Vec<&'a Setting> {
        settings.iter().filter(|setting| self.is(setting, section, key)).collect()
    }

    /// The value that these settings have together.
    fn in_force(&self, hits: &[&Setting], key: &str) -> Option<String> {
        if let (Some(between), [_, ..]) = (self.adds_up(key), hits) {
            let reset = hits.iter().rposition(|hit| hit.value.as_deref() == Some("")).map_or(0, |at| at + 1);
            let values: Vec<&str> = hits.iter().skip(reset).filter_map(|hit| hit.value.as_deref()).collect();
            return Some(values.join(between));
        }
        let effective = if self.first_wins() { hits.first() } else { hits.last() };
        effective.and_then(|hit| hit.value.clone())
    }
}

/// The text without these settings.
pub(super) fn without(text: &str, gone: &[&Setting]) -> String {
    let mut gone: Vec<_> = gone.iter().map(|setting| (setting.whole.clone(), setting.kept.as_str())).collect();
    gone.sort_by_key(|(range, _)| range.start);
    spliced(text, &gone)
}

/// The text with a new value in place of an old one, and without the `others`.
fn replaced(text: &str, old: &Setting, new: &str, others: &[&Setting]) -> String {
    let mut parts: Vec<_> = others.iter().map(|setting| (setting.whole.clone(), setting.kept.as_str())).collect();
    parts.push((old.raw.clone(), new));
    parts.push((old.whole.end..old.whole.end, old.kept.as_str()));
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    spliced(text, &parts)
}

/// The text with each range replaced; ranges in order and apart.
pub(super) fn spliced(text: &str, parts: &[(Range<usize>, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for (range, new) in parts {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        if !new.is_empty() && range.start == range.end && !out.is_empty() && new.ends_with('\n') && !out.ends_with('\n')
        {
            out.push_str(eol(text));
        }
        out.push_str(new);
        done = done.max(range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// The text with whole lines put in; a last line without ending gets one first.
pub(super) fn inserted(text: &str, at: usize, new: &str) -> String {
    spliced(text, &[(at..at, new)])
}

/// What goes with a statement that may share its line: the whole line when it stands alone there, otherwise the
/// statement and the blanks before it.
pub(super) fn statement(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let before = &text[start..range.start];
    let after = text[range.end..end].trim_end_matches(['\r', '\n']);
    match (before.chars().all(blank), after.chars().all(blank)) {
        (true, true) => start..end,
        (true, false) => range.start..(range.end + after.len() - after.trim_start_matches(blank).len()),
        (false, _) => (start + before.trim_end_matches(blank).len())..range.end,
    }
}

/// Where a new first setting goes: after the comments at the head of the file, but before those that belong to the
/// line after them.
pub(super) fn after_head(text: &str, is_comment: impl Fn(&str) -> bool) -> usize {
    let mut after_blank = None;
    for line in lines(text) {
        if line.trimmed().is_empty() {
            after_blank = Some(line.end);
        } else if !is_comment(line.trimmed()) {
            return after_blank.unwrap_or(line.start);
        }
    }
    text.len()
}

/// A new section at the end of the text, a blank line before it.
pub(super) fn new_section(text: &str, header: &str, line: &str) -> (usize, String) {
    let eol = eol(text);
    let last_is_blank = lines(text).last().is_none_or(|line| line.trimmed().is_empty());
    let gap = if last_is_blank { "" } else { eol };
    (text.len(), format!("{gap}{header}{eol}{line}{eol}"))
}

/// A run of lines that the program joins to one: each ends with a backslash but the last.
pub(super) struct Joined<'a> {
    /// The first line.
    pub first: Line<'a>,
    /// Where the last line ends, before its line ending.
    pub body_end: usize,
    /// Where the next line begins.
    pub end: usize,
}

/// Joins lines that end with a backslash, comments too.
pub(super) fn joined(text: &str) -> Result<Vec<Joined<'_>>, EditError> {
    let mut out = Vec::new();
    let mut rest = lines(text).into_iter();
    while let Some(first) = rest.next() {
        let mut last = first;
        while last.body.ends_with('\\') {
            match rest.next() {
                Some(next) => last = next,
                None => return bad(text, first.start, "the last line ends with a backslash"),
            }
        }
        out.push(Joined { first, body_end: last.body_end(), end: last.end });
    }
    Ok(out)
}

/// A section name like `[name]`.
pub(super) fn bracketed(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}
