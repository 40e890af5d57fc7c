//! What is wrong with a settings file: where, what, and what would be right.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use crate::words;

/// Something wrong in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The line; none where it is about what is missing.
    pub line: Option<usize>,
    /// The key, where one is meant.
    pub key: Option<String>,
    /// What is wrong and what would be right, in sentences.
    pub what: String,
}

impl Mistake {
    /// About a key; the line is found by whoever has the file.
    pub(super) fn at(key: impl Into<String>, what: impl Into<String>) -> Self {
        Mistake { line: None, key: Some(key.into()), what: what.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&words::harmless(&self.what))
    }
}

/// A settings file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// All that is wrong, in the order of the file.
    pub mistakes: Vec<Mistake>,
}

impl ConfigError {
    pub(super) fn whole(file: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        ConfigError { file: file.into(), mistakes: vec![Mistake { line: None, key: None, what: what.into() }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = words::harmless(&self.file.to_string_lossy());
        match self.mistakes.as_slice() {
            [one] => write!(f, "{file}: {one}"),
            many => {
                write!(f, "{file}: {} mistakes", many.len())?;
                many.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}
