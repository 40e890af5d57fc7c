//! Text from the machine as a mail may show it: harmless, short, and no address that a mail program would turn into a
//! link of its own.

use crate::words::harmless;

/// Letters of a machine's name; one that is longer is hardly a name.
const NAME: usize = 32;
/// Letters of a command. A longer one could not be typed.
const COMMAND: usize = 300;

/// A text of so many letters at most.
pub(super) fn text(text: &str, letters: usize) -> String {
    let flat = harmless(text).replace("://", ": //");
    let flat = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&flat, letters)
}

/// The name of a machine: in a subject, a heading, a sentence.
pub(super) fn name(name: &str) -> String {
    let name = text(name, NAME);
    if name.is_empty() { "this machine".to_owned() } else { name }
}

/// A command, which stays as it is or is left out.
pub(super) fn command(command: &str) -> String {
    let command = harmless(command);
    if command.chars().count() > COMMAND { "cleanbill".to_owned() } else { command }
}

/// At most so many letters, the last an ellipsis where some are gone.
pub(super) fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches([' ', ',', ':', ';', '-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_on_one_line() {
        assert_eq!(name("web01"), "web01");
        assert_eq!(name("a\r\nBcc: x@y\u{202e}"), "a Bcc: x@y\u{fffd}");
        assert_eq!(name(" \n "), "this machine");
        assert_eq!(name(&"x".repeat(300)).chars().count(), NAME);
    }

    #[test]
    fn an_address_is_no_link() {
        assert_eq!(text("go to http://evil.example/x", 99), "go to http: //evil.example/x");
        assert_eq!(text("one, two three", 5), "one…");
    }
}
