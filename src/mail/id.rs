//! Message ids: what makes a mail one of a kind, and a thread of several.

use std::{fmt, str::FromStr};

/// A valid message id, `<weekly.2026-11-16.anna@web01.example.org>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

/// A text that is no message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("This is no message id; it has the form <words@domain>")]
pub struct NoMessageId;

/// The longest side of a message id: both fit in one line of a header.
const SIDE: usize = 120;

impl MessageId {
    /// From any two texts. The same texts give the same id, other texts another one: where letters had to go, a hash of
    /// the text takes their place.
    pub fn new(what: &str, domain: &str) -> Self {
        MessageId(format!("<{}@{}>", side(what), side(domain)))
    }
}

fn side(text: &str) -> String {
    if is_side(text) {
        return text.to_owned();
    }
    let kept: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(SIDE / 2)
        .collect::<String>()
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let hash = &blake3::hash(text.as_bytes()).to_hex()[..24];
    if kept.is_empty() { hash.to_owned() } else { format!("{kept}.{hash}") }
}

/// Words of letters, digits and a few signs, with single dots between them.
fn is_side(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"-_+=".contains(&b);
    text.len() <= SIDE && text.split('.').all(|word| !word.is_empty() && word.bytes().all(sign))
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MessageId {
    type Err = NoMessageId;

    fn from_str(text: &str) -> Result<Self, NoMessageId> {
        let inside = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).ok_or(NoMessageId)?;
        match inside.split_once('@') {
            Some((left, right)) if is_side(left) && is_side(right) => Ok(MessageId(text.to_owned())),
            _ => Err(NoMessageId),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::MessageId;

    #[test]
    fn any_text_gives_a_valid_id_of_its_own() {
        assert_eq!(
            MessageId::new("weekly.2026-11-16", "web01.example.org").to_string(),
            "<weekly.2026-11-16@web01.example.org>"
        );
        let long = "x".repeat(10_000);
        let texts = ["", "a b", "a-b", "a\r\nBcc: eve", "<script>", "ä", "é", ".", "a..b", "a@b", &long, &long[1..]];
        let ids: BTreeSet<_> = texts.iter().map(|t| MessageId::new(t, t).to_string()).collect();
        assert_eq!(ids.len(), texts.len(), "{ids:?}");
        for id in ids {
            assert!(id.parse::<MessageId>().is_ok() && id.len() < 250, "{id}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "a@b", "<a>", "<a@b", "<a@b@c>", "<a b@c>", "<a@b>\r\nBcc: eve", "<a@b.>"] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
