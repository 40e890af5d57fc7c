//! `postgresql.conf`: `key = value` or `key value`, names in any case, the last one counts, values in single quotes
//! with `''` for a quote. Source: the PostgreSQL manual, "Setting Parameters", and `guc-file.l`.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, check_key, eol, lines},
};

/// The format.
pub(super) struct Postgres;

impl Syntax for Postgres {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let key = body.find([' ', '\t', '=', '\'', '#']).unwrap_or(body.len());
            let name = body[..key].to_ascii_lowercase();
            let rest = body[key..].trim_start_matches([' ', '\t']);
            let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start_matches([' ', '\t']);
            let long = match rest.strip_prefix('\'') {
                Some(inner) => match close(inner) {
                    Some(at) => at + 2,
                    None => return bad(text, line.start, "a quote is not closed"),
                },
                None => rest.find([' ', '\t', '#', '\'']).unwrap_or(rest.len()),
            };
            let tail = rest[long..].trim_start_matches([' ', '\t']);
            if name.is_empty() || long == 0 || !(tail.is_empty() || tail.starts_with('#')) {
                return bad(text, line.start, "the line is no name with one value");
            }
            let end = line.start + line.indent().len() + body.len();
            let raw = (end - rest.len())..(end - rest.len() + long);
            let value = Some(unquoted(&text[raw.clone()]));
            out.push(Setting {
                section: String::new(),
                name,
                value,
                whole: line.start..line.end,
                raw,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "_.")?;
        let lower = edit.key.to_ascii_lowercase();
        if edit.key.starts_with(|c: char| c.is_ascii_digit() || c == '.') || lower.starts_with("include") {
            return bad_key(edit.key, "it is no name of a setting");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name.eq_ignore_ascii_case(key)
    }

    fn written(&self, text: &str, old: &Setting, _: &str, value: &str) -> Result<String, EditError> {
        let was_quoted = text[old.raw.clone()].starts_with('\'');
        let needs_gap = text[..old.raw.start].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let new = if was_quoted { quoted(value) } else { bare_or_quoted(value) };
        Ok(if needs_gap { format!(" {new}") } else { new })
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let value = bare_or_quoted(edit.value.unwrap_or_default());
        Ok((text.len(), format!("{} = {value}{}", edit.key, eol(text))))
    }
}

/// Where the quote closes.
fn close(inner: &str) -> Option<usize> {
    let mut rest = inner.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '\'' if rest.next_if(|(_, next)| *next == '\'').is_none() => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquoted(raw: &str) -> String {
    let Some(inner) = raw.strip_prefix('\'').and_then(|raw| raw.strip_suffix('\'')) else { return raw.to_owned() };
    let mut out = String::new();
    let mut rest = inner.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' => {
                rest.next_if_eq(&'\'');
                out.push('\'');
            }
            '\\' => match rest.next() {
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(first @ '0'..='7') => {
                    let mut code = u32::from(first) - 48;
                    for _ in 0..2 {
                        if let Some(digit) = rest.next_if(|c| ('0'..='7').contains(c)) {
                            code = code * 8 + u32::from(digit) - 48;
                        }
                    }
                    out.extend(char::from_u32(code));
                }
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    out
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// Numbers with a unit and plain words need no quotes.
fn bare_or_quoted(value: &str) -> String {
    let word = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-._:/".contains(c));
    let digits = value.strip_prefix('-').unwrap_or(value);
    let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = unit.len() < digits.len() && unit.chars().all(|c| c.is_ascii_alphabetic());
    if word || number { value.to_owned() } else { quoted(value) }
}

/// A word of `pg_hba.conf` style text in double quotes or between blanks; an error when a quote is not closed.
pub(super) fn fields(text: &str, range: Range<usize>) -> Result<Vec<Range<usize>>, EditError> {
    let (mut out, mut start, mut quote) = (Vec::new(), None, false);
    for (at, c) in text[range.clone()].char_indices() {
        let at = range.start + at;
        let ends = !quote
            && (matches!(c, ' ' | '\t' | '\n' | '\r' | '#') || (c == '\\' && text[at + 1..].starts_with(['\r', '\n'])));
        match (ends, start) {
            (true, Some(from)) => {
                out.push(from..at);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
        quote ^= c == '"';
        if ends && c == '#' {
            return Ok(out);
        }
    }
    if quote {
        return bad(text, range.start, "a quote is not closed");
    }
    out.extend(start.map(|from| from..range.end));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Postgres;
    const DEBIAN: &str = include_str!("fixtures/postgresql.conf");

    #[test]
    fn the_file_of_debian() {
        assert_eq!(set(F, DEBIAN, None, "SSL", Some("off")), DEBIAN.replace("ssl = on", "ssl = off"));
        for (key, value) in
            [("port", "5433"), ("listen_addresses", "a, b"), ("log_line_prefix", "%m [%p] it's \\ "), ("x.y", "")]
        {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn quotes_and_the_last_value() {
        let text = "a 1\nA='it''s \\'x\\' \\101' # c\nb = 'x'# c\n";
        assert_eq!(F.get(text, None, "a").as_deref(), Some("it's 'x' A"));
        assert_eq!(set(F, text, None, "b", Some("y z")), text.replace("'x'#", "'y z'#"));
        assert_eq!(set(F, text, None, "a", None), "b = 'x'# c\n");
        for text in ["a\n", "a = \n", "a = 'x\n", "a = 1 2\n", "= 1\n"] {
            refused(F, text, None, "b", Some("1"));
        }
        for key in ["include", "a b", "a=b", "1a", "a'"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "", "a = 1", " A 'x' # c", "b='it''s'", "c=on# c", "include 'x'"];
        Trial {
            format: F, pieces, must: "", section: None, keys: &["a", "b", "C", "new.x_1"], values: "[ -~é]{0,10}"
        }
        .run();
    }
}
