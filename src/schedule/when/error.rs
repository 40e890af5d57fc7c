//! What is wrong with the text of a schedule, as a sentence for its owner.

use crate::words;

/// Why a text is no schedule. The sentence names the part that is wrong and says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// It cannot be read.
    #[error("{0}")]
    Wrong(String),
    /// It can be read, but there is no such time, or none any more.
    #[error("{0}")]
    Never(String),
}

/// The error that says this.
pub(super) fn wrong<T>(sentence: impl Into<String>) -> Result<T, WhenError> {
    Err(WhenError::Wrong(sentence.into()))
}

/// A part of someone's text between marks, harmless and not too long.
pub(super) fn quoted(text: &str) -> String {
    let shown = words::harmless(text).replace('`', "'");
    match shown.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", shown.get(..end).unwrap_or_default()),
        None => format!("`{shown}`"),
    }
}

/// ` Did you mean ...?` for a near miss.
pub(super) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    words::nearest(word, known).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"))
}
