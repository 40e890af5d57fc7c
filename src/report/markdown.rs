//! The report as Markdown, for tickets and wikis.

use std::path::Path;

use super::{
    Rendered, Report, TemplateError,
    templates::{OVERRIDE_DIR, render},
    view::{Limits, Place, view},
};
use crate::words::harmless;

/// The report as Markdown; text from the machine cannot form markup.
///
/// # Errors
/// When the built-in template does not work.
pub fn markdown(report: &Report) -> Result<Rendered, TemplateError> {
    let view = view(report, Limits::PLAIN, clean);
    Ok(tidied(render(Path::new(OVERRIDE_DIR), "markdown/report.md", &view, |_| {})?))
}

/// The page without the empty lines that a template leaves behind.
pub(super) fn tidied(page: Rendered) -> Rendered {
    Rendered { text: tidy(&page.text), ..page }
}

pub(super) fn clean(place: &Place<'_>, text: &str) -> String {
    match place {
        // The catalogue's own words, where backquotes mean code.
        ["problems", "why" | "advice" | "steps" | "fix" | "effect"] => prose(&harmless(text)),
        [.., "check" | "checks"] => id(text),
        // Numbers with their unit, which cleanbill wrote.
        ["resources", .., "min_text" | "mean_text" | "max_text"] => harmless(text),
        // The same for a command.
        [.., "command"] => harmless(text).replace('`', "\u{fffd}"),
        _ => escape(&harmless(text)),
    }
}

/// Text from the machine as it may stand anywhere in Markdown.
pub(crate) fn text(text: &str) -> String {
    escape(&harmless(text))
}

/// An id, which stands in code, where nothing can be escaped.
pub(crate) fn id(text: &str) -> String {
    text.chars().map(|c| if is_id(c) { c } else { '\u{fffd}' }).collect()
}

fn is_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Text that shows as it is, wherever Markdown puts it: in a line, at its start, in a table, in a list.
fn escape(text: &str) -> String {
    let text = text.trim();
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    // `1.` and `1)` at the start would begin a list.
    let number = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    for (n, &c) in chars.iter().enumerate() {
        let (before, after) = (n.checked_sub(1).and_then(|n| chars.get(n)), chars.get(n + 1));
        let word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '{' | '}' => true,
            // Within a word it is only a line: /etc/sudo_users.
            '_' => !(word(before) && word(after)),
            '#' | '+' | '-' | '=' => n == 0,
            // Bare addresses would become links.
            ':' => after == Some(&'/'),
            '.' | ')' if n > 0 && n == number => true,
            '.' => www(&chars, n),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn www(chars: &[char], dot: usize) -> bool {
    let three = dot.checked_sub(3).and_then(|from| chars.get(from..dot));
    three.is_some_and(|w| w.iter().all(|c| c.eq_ignore_ascii_case(&'w')))
}

/// The same with code where the text has it in backquotes.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, code, after)) =
        rest.split_once('`').and_then(|(before, tail)| tail.split_once('`').map(|(code, after)| (before, code, after)))
    {
        spaced(&mut out, before);
        out.push('`');
        out.push_str(code);
        out.push('`');
        rest = after;
    }
    spaced(&mut out, rest);
    out
}

/// Escapes a piece of a line and keeps the spaces at its ends.
fn spaced(out: &mut String, piece: &str) {
    if piece.starts_with(' ') && !out.is_empty() {
        out.push(' ');
    }
    let escaped = escape(piece);
    // Only the start of a line needs its first character escaped.
    match escaped.strip_prefix('\\').filter(|rest| !out.is_empty() && rest.starts_with(['#', '+', '-', '='])) {
        Some(rest) => out.push_str(rest),
        None => out.push_str(&escaped),
    }
    if piece.ends_with(' ') && !piece.trim().is_empty() {
        out.push(' ');
    }
}

/// No more than one empty line in a row, and no spaces at the ends of lines.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_machine_forms_markup() {
        assert_eq!(escape("# a *b* `c` <d> |e|"), r"\# a \*b\* \`c\` \<d\> \|e\|");
        assert_eq!(escape("1. one"), r"1\. one");
        assert_eq!(escape("12) two"), r"12\) two");
        assert_eq!(escape("    indented"), "indented");
        assert_eq!(escape("[x](http://evil)"), r"\[x\](http\://evil)");
        assert_eq!(escape("www.evil.example"), r"www\.evil.example");
        assert_eq!(escape("&lt; _x_ ~~y~~ {{ 7*7 }}"), r"\&lt; \_x\_ \~\~y\~\~ \{\{ 7\*7 \}\}");
    }

    #[test]
    fn paths_and_numbers_stay_readable() {
        assert_eq!(escape("/etc/ssh/sshd_config:12 has 10.0.0.1"), "/etc/ssh/sshd_config:12 has 10.0.0.1");
    }

    #[test]
    fn commands_stay_as_they_are() {
        assert_eq!(prose("Run `ls -l <x> | wc`, then look."), "Run `ls -l <x> | wc`, then look.");
        assert_eq!(prose("`a` - `b` and *c*"), r"`a` - `b` and \*c\*");
        assert_eq!(prose("an odd ` and <i>"), r"an odd \` and \<i\>");
    }
}
