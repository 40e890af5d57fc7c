//! `redis.conf`: `directive arguments`, names in any case, the last one counts, `#` only begins a comment at the start
//! of a line. Source: redis.conf itself and `sdssplitargs`, which reads quotes; `save` adds up.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, check_trimmed, eol, lines, one_space},
};

/// The format.
pub(super) struct Redis;

/// Directives that are one setting for each first argument.
const NAMED: &[&str] = &["rename-command", "user", "client-output-buffer-limit", "loadmodule", "include"];

impl Syntax for Redis {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            if !closed(body) {
                return bad(text, line.start, "a quote is not closed");
            }
            let mut at = body.find([' ', '\t']).unwrap_or(body.len());
            let mut name = body[..at].to_ascii_lowercase();
            let gap = |at: usize| body.len() - body[at..].trim_start_matches([' ', '\t']).len();
            if NAMED.contains(&name.as_str()) {
                let from = gap(at);
                at = body[from..].find([' ', '\t']).map_or(body.len(), |long| from + long);
                name = named(&name, &body[from..at]);
            }
            let start = line.start + line.indent().len();
            let raw = (start + gap(at))..(start + body.len());
            let value = Some(text[raw.clone()].to_owned());
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
        let word =
            |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/|".contains(c)) && !word.is_empty();
        let mut words = edit.key.split(' ');
        let directive = words.next().unwrap_or_default().to_ascii_lowercase();
        let first = words.next();
        if !word(&directive) || first.is_some_and(|first| !word(first)) || words.next().is_some() {
            return bad_key(edit.key, "it has characters that a directive cannot have");
        }
        if NAMED.contains(&directive.as_str()) != first.is_some() || directive == "include" {
            return bad_key(edit.key, "this directive is named with its first argument, others are not");
        }
        let Some(value) = edit.value else { return Ok(()) };
        check_trimmed(edit.key, value)?;
        if value.is_empty() || !closed(value) {
            return bad_value(edit.key, "it is empty or a quote is not closed");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        let (directive, first) = key.split_once(' ').unwrap_or((key, ""));
        setting.name == named(&directive.to_ascii_lowercase(), first)
    }

    /// `save ""` forgets the points before it, all others add up.
    fn in_force(&self, hits: &[&Setting], key: &str) -> Option<String> {
        let last = hits.last()?.value.clone();
        if !key.eq_ignore_ascii_case("save") {
            return last;
        }
        let nothing = |hit: &&Setting| matches!(hit.value.as_deref(), Some("\"\"" | "''"));
        let from = hits.iter().rposition(nothing).map_or(0, |at| if at + 1 == hits.len() { at } else { at + 1 });
        let points: Vec<&str> = hits.iter().skip(from).filter_map(|hit| hit.value.as_deref()).collect();
        Some(points.join(" "))
    }

    fn adds_up(&self, key: &str) -> Option<&'static str> {
        key.eq_ignore_ascii_case("save").then_some(" ")
    }

    fn plain(&self, key: &str, value: &str) -> Result<String, EditError> {
        Ok(if key.eq_ignore_ascii_case("save") { one_space(value) } else { value.to_owned() })
    }

    fn written(&self, text: &str, old: &Setting, _: &str, value: &str) -> Result<String, EditError> {
        let gap = if text[..old.raw.start].ends_with([' ', '\t']) { "" } else { " " };
        Ok(format!("{gap}{value}"))
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{} {}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

fn named(directive: &str, first: &str) -> String {
    // Names of commands have no case; names of users have.
    let first = if directive == "user" { first.to_owned() } else { first.to_ascii_lowercase() };
    if first.is_empty() { directive.to_owned() } else { format!("{directive} {first}") }
}

/// Whether all quotes are closed, and closed before a blank, as Redis wants it.
fn closed(text: &str) -> bool {
    let mut quote = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, quote) {
            ('\\', Some('"')) => drop(rest.next()),
            ('\\', Some('\'')) => drop(rest.next_if_eq(&'\'')),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => {
                quote = None;
                if rest.peek().is_some_and(|next| !matches!(next, ' ' | '\t')) {
                    return false;
                }
            }
            _ => {}
        }
    }
    quote.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Redis;
    const DEBIAN: &str = include_str!("fixtures/redis.conf");

    #[test]
    fn the_file_of_debian() {
        for (key, value) in [
            ("bind", "127.0.0.1"),
            ("PROTECTED-MODE", "no"),
            ("requirepass", "\"a #b\""),
            ("save", "60 1"),
            ("rename-command CONFIG", "\"\""),
        ] {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn lists_and_the_last_value() {
        let text = "save 1 2\nSAVE \"\"\nsave 3 4\nsave 5 6\nmaxmemory 1\nmaxmemory   2\nrename-command A B\n";
        assert_eq!(F.get(text, None, "save").as_deref(), Some("3 4 5 6"));
        assert_eq!(set(F, text, None, "maxmemory", Some("3")), text.replace("   2", "   3"));
        assert!(set(F, text, None, "save", Some("\"\"")).starts_with("save \"\"\nmaxmemory"));
        assert_eq!(F.get(text, None, "rename-command a").as_deref(), Some("B"));
        refused(F, "requirepass \"x\n", None, "bind", Some("::1"));
        for key in ["a b", "rename-command", "include /x", "#a", "a\"b"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces =
            &["# c", "", "bind 1 2", " BIND\t3 ", "save 1 2", "save \"\"", "user a on >x", "user b off", "alone"];
        let values = "[!#-&(-~]([ !#-&(-~]{0,8}[!#-&(-~])?";
        Trial { format: F, pieces, must: "", section: None, keys: &["bind", "user a", "new-1", "alone"], values }.run();
    }
}
