//! What every format must keep: the laws of editing, tried on real files, made-up files and hostile values.

#![allow(clippy::panic, reason = "a test that fails")]

use proptest::prelude::*;

use super::{
    Edit, EditError, Format,
    lines::{lines, trim},
};

/// Values that try to become a second setting.
const HOSTILE: &[&str] = &[
    "x\nEvil yes",
    "x\r\nEvil yes",
    "x\rEvil yes",
    "x\0",
    "x\u{85}Evil",
    "\n",
    "\n[Evil]\nx=y",
    "x\x0bEvil",
    "x\x0cEvil",
    "x\x1b[2J",
];

/// Values that close what they stand in. They may be written if they stay within the one setting.
const SLY: &[&str] = &[
    "x; evil on",
    "x; } evil { y z;",
    "x\"; evil \"y",
    "\"; evil \"y",
    "x' evil='y",
    "x # gone",
    "x // gone",
    "x /* gone",
    "x */ gone",
    "x\\",
    "\\",
    "x \\\\",
    "\"",
    "'",
    "`id`",
    "$(id)",
    "${x}",
    "x=y",
    "x = y",
    "x,evil",
    "x, !evil",
    "yes, evil=no",
    "{",
    "}",
    "[x",
    "]",
    "<x>",
    "#x",
    ";x",
    "x;",
    "//x",
    "!x",
    "-x",
    "a b",
    " x",
    "x ",
    "",
    "\t",
    "é",
    "\u{a0}",
    "\u{2028}x",
    "{\"a\": 1, \"b\": 2}",
    "1, \"evil\": 2",
    "''",
    "'; evil = 'x",
    "x\\' evil = 1 #'",
];

/// The text with one change, or panics with the error.
pub(crate) fn set(format: Format, text: &str, section: Option<&str>, key: &str, value: Option<&str>) -> String {
    match format.edit(text, &Edit { section, key, value }) {
        Ok(new) => new,
        Err(error) => panic!("{format:?} {section:?} {key} {value:?}: {error}\n{text}"),
    }
}

/// Why the change is refused.
pub(crate) fn refused(format: Format, text: &str, section: Option<&str>, key: &str, value: Option<&str>) -> EditError {
    match format.edit(text, &Edit { section, key, value }) {
        Ok(new) => panic!("{format:?} {key} {value:?} was not refused:\n{new}"),
        Err(error) => error,
    }
}

/// The laws for one change of one text; the change must be possible.
pub(crate) fn laws(format: Format, text: &str, section: Option<&str>, key: &str, value: &str) {
    let new = set(format, text, section, key, Some(value));
    assert_eq!(format.get(&new, section, key).as_deref(), Some(value), "{format:?} {key} in\n{new}");
    assert_eq!(set(format, &new, section, key, Some(value)), new, "{format:?} {key}: twice");
    if format.get(text, section, key).as_deref() == Some(value) {
        assert_eq!(new, text, "{format:?} {key}: had it already");
    }
    stays(format, text, &new);
    removal(format, text, section, key);
    removal(format, &new, section, key);
}

fn removal(format: Format, text: &str, section: Option<&str>, key: &str) {
    let gone = set(format, text, section, key, None);
    assert_eq!(format.get(&gone, section, key), None, "{format:?} {key} is still in\n{gone}");
    assert_eq!(set(format, &gone, section, key, None), gone, "{format:?} {key}: removed twice");
    let mut left = lines(text).into_iter().map(|line| line.body).collect::<Vec<_>>().into_iter();
    for line in lines(&gone) {
        let same = left.any(|old| old == line.body);
        assert!(same || shrunk(format), "{format:?} {key}: the line {:?} is new in\n{gone}", line.body);
    }
}

/// Formats in which a setting may share its line with others.
fn shrunk(format: Format) -> bool {
    matches!(
        format,
        Format::Apt
            | Format::Pam
            | Format::Sudoers
            | Format::Fstab
            | Format::Grub
            | Format::Json
            | Format::Nginx
            | Format::Shell
    )
}

/// Comments and blank lines stay, and the line endings.
fn stays(format: Format, text: &str, new: &str) {
    // To the shell a line that begins with a semicolon is a command.
    let marks: &[&str] = if matches!(format, Format::Shell | Format::Grub) { &["#"] } else { &["#", ";", "//"] };
    let comments = |text: &str| -> Vec<String> {
        let comment = |line: &str| marks.iter().any(|mark| trim(line).starts_with(mark));
        text.split_inclusive('\n').filter(|line| comment(line)).map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(comments(text), comments(new), "comments changed:\n{text}\n--\n{new}");
    let all_crlf = |text: &str| text.matches("\r\n").count() == text.matches('\n').count();
    if text.contains('\n') && all_crlf(text) {
        assert!(all_crlf(new), "line endings changed: {new:?}");
    }
    if !text.contains('\r') {
        assert!(!new.contains('\r'));
    }
}

/// Hostile values are refused or stay values; nothing panics.
pub(crate) fn hostile(format: Format, text: &str, section: Option<&str>, key: &str) {
    for value in HOSTILE {
        refused(format, text, section, key, Some(value));
        assert!(
            format.edit(text, &Edit { section, key: value, value: Some("x") }).is_err(),
            "{format:?} key {value:?}"
        );
        if !matches!(format, Format::Json) {
            assert!(
                format.edit(text, &Edit { section: Some(value), key, value: Some("x") }).is_err(),
                "{format:?} section {value:?}"
            );
        }
    }
    for value in SLY {
        either(format, text, section, key, value);
        let _ = format.edit(text, &Edit { section, key: value, value: Some("x") });
        let _ = format.edit(text, &Edit { section: Some(value), key, value: Some("x") });
    }
    for broken in ["\0", "x\0y = z\n", "\u{feff}a = b\n", "a = \x0b\n"] {
        refused(format, broken, section, key, Some("x"));
        assert_eq!(format.get(broken, section, key), None);
    }
}

/// The change is refused, or the line count says that no second setting came with it.
fn either(format: Format, text: &str, section: Option<&str>, key: &str, value: &str) {
    if let Ok(new) = format.edit(text, &Edit { section, key, value: Some(value) }) {
        assert!(format.get(&new, section, key).is_some(), "{format:?} {key} {value:?}:\n{new}");
        assert_eq!(format.get(&new, section, "evil"), None, "{format:?} {key} {value:?}:\n{new}");
        assert_eq!(format.get(&new, None, "evil"), None, "{format:?} {key} {value:?}:\n{new}");
        let again = set(format, &new, section, key, Some(value));
        assert_eq!(again, new);
        stays(format, text, &new);
    }
}

/// What to try on made-up files.
pub(crate) struct Trial {
    pub format: Format,
    /// Pieces of files: whole lines without ending, or several lines.
    pub pieces: &'static [&'static str],
    /// What stands in every file; a value cannot be set where nothing is.
    pub must: &'static str,
    pub section: Option<&'static str>,
    pub keys: &'static [&'static str],
    /// A pattern of good values.
    pub values: &'static str,
}

impl Trial {
    /// Tries the laws on made-up files with good values, and any values and any text for panics and injections.
    pub fn run(&self) {
        let file = proptest::collection::vec(proptest::sample::select(self.pieces), 0..8);
        let key = proptest::sample::select(self.keys);
        let good = (file, any::<bool>(), any::<bool>(), key, self.values, ".*");
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 200,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(&good, |(pieces, crlf, ends, key, value, any)| {
            let mut text = std::iter::once(self.must).chain(pieces).collect::<Vec<_>>().join("\n");
            if self.must.is_empty() {
                text = text.trim_start_matches('\n').to_owned();
            }
            if ends && !text.is_empty() {
                text.push('\n');
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            laws(self.format, &text, self.section, key, &value);
            either(self.format, &text, self.section, key, &any);
            let _ = self.format.edit(&text, &Edit { section: self.section, key: &any, value: Some(&value) });
            let _ = self.format.edit(&text, &Edit { section: Some(&any), key, value: Some(&value) });
            let cut = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            for wild in [any.as_str(), &text[..cut], &text[cut..], &format!("{}{any}", &text[..cut])] {
                either(self.format, wild, self.section, key, &value);
                let _ = self.format.edit(wild, &Edit { section: self.section, key, value: None });
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{:?}: {error}", self.format);
        }
    }
}
