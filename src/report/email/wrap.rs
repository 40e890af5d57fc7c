//! The plain text of a mail: lines of 72 columns. What a reader types or copies stands on a line of its own and is never
//! broken.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns of a line; a quoted reply still fits a screen of 80.
const COLUMNS: usize = 72;
/// What is indented by this is a command.
const COMMAND: &str = "    ";

/// The text with its long lines broken, no more than one empty line in a row, and none between the items of a list.
pub(super) fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    // Whether the last line was empty, and whether the last that was not belongs to a list.
    let (mut empty, mut listed) = (true, false);
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            empty = true;
            continue;
        }
        let item = line.starts_with("- ");
        if empty && !out.is_empty() && !(item && listed) {
            out.push('\n');
        }
        (empty, listed) = (false, item);
        if line.starts_with(COMMAND) {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let options = Options::new(COLUMNS)
            .subsequent_indent(hanging(line))
            .break_words(true)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(line, options) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// How the further lines of an item begin.
fn hanging(line: &str) -> &'static str {
    let numbered = line.as_bytes().first().is_some_and(u8::is_ascii_digit) && line.get(1..3) == Some(". ");
    if line.starts_with("- ") {
        "  "
    } else if numbered || line.starts_with("   ") {
        "   "
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_and_commands_are_not() {
        let command = format!("    sudo cleanbill fix {}", "a".repeat(90));
        let text = format!("\n\n- {}\n\n\n\n{command}\n", "word ".repeat(20));
        let wrapped = wrap(&text);
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[0].starts_with("- word") && lines[1].starts_with("  word") && lines[2].is_empty());
        assert_eq!(lines[3], command);
        assert_eq!(wrap("A\n\n- b\n\n- c\n\nD\n"), "A\n\n- b\n- c\n\nD\n");
        assert!(wrap(&"x".repeat(300)).lines().all(|l| l.len() <= COLUMNS));
    }
}
