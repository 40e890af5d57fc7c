//! `key value` or `key = value` lines, the last one counts: `pwquality.conf`, `faillock.conf`, `limits.conf`,
//! `chrony.conf`. Source: pwquality.conf(5), faillock.conf(5), limits.conf(5), chrony.conf(5): `#` begins a comment, at
//! the start of a line also `;`, `!` and `%`.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad_key, bad_value, check_trimmed, eol, lines, one_space, trim, trim_range},
};

/// The format.
pub(super) struct KeyValue;

impl Syntax for KeyValue {
    /// A setting's name is its whole line, so that a key may be its first words.
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if comment(body) {
                continue;
            }
            let end = line.body.find(" #").or_else(|| line.body.find("\t#")).unwrap_or(line.body.len());
            let raw = trim_range(text, line.start..(line.start + end));
            let name = text[raw.clone()].to_owned();
            let whole = line.start..line.end;
            out.push(Setting {
                section: String::new(),
                value: Some(name.clone()),
                name,
                whole,
                raw,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        if comment(edit.key) || edit.key.contains(['=', '#', '"', '\\']) || one_space(edit.key) != edit.key {
            return bad_key(edit.key, "it has characters that a name of this format cannot have");
        }
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        if value.contains('#') || value.starts_with('=') || value.ends_with('\\') {
            return bad_value(edit.key, "it has a # or begins with = or ends with a backslash");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        after(&setting.name, key).is_some()
    }

    fn in_force(&self, hits: &[&Setting], key: &str) -> Option<String> {
        let name = &hits.last()?.name;
        after(name, key).and_then(|at| name.get(at..)).map(ToOwned::to_owned)
    }

    fn written(&self, text: &str, old: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        let at = after(&old.name, key).unwrap_or(old.name.len());
        let head = old.name.get(..at).unwrap_or_default();
        let flag = !head.ends_with(['=', ' ', '\t']);
        let between = if flag && !value.is_empty() { between(text, self, key) } else { "" };
        Ok(trim(&format!("{head}{between}{value}")).to_owned())
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let value = edit.value.unwrap_or_default();
        let between = if value.is_empty() { "" } else { between(text, self, edit.key) };
        Ok((text.len(), format!("{}{between}{value}{}", edit.key, eol(text))))
    }
}

fn comment(body: &str) -> bool {
    body.is_empty() || body.starts_with(['#', ';', '!', '%'])
}

/// Where the value begins in a line that begins with the words of the key.
fn after(line: &str, key: &str) -> Option<usize> {
    let mut rest = line;
    for word in key.split(' ') {
        rest = rest.trim_start_matches([' ', '\t']).strip_prefix(word)?;
        if !rest.is_empty() && !rest.starts_with([' ', '\t', '=']) {
            return None;
        }
    }
    let after = rest.trim_start_matches([' ', '\t']);
    // `=` separates only after the first word: a line of several words has its own meaning of it.
    let after = match after.strip_prefix('=') {
        Some(value) if !key.contains(' ') => value.trim_start_matches([' ', '\t']),
        Some(_) => return None,
        None => after,
    };
    Some(line.len() - after.len())
}

/// What stands between key and value in this file: as in its other lines, else as in its commented examples.
fn between(text: &str, syntax: &KeyValue, key: &str) -> &'static str {
    if key.contains(' ') {
        return " ";
    }
    let equals = |line: &str| {
        let line = trim(line);
        let word = line.find([' ', '\t', '=']).filter(|at| *at > 0);
        word.map(|at| line[at..].trim_start_matches([' ', '\t']).starts_with('='))
    };
    let settings = syntax.settings(text).unwrap_or_default();
    let mut set = settings.iter().filter_map(|setting| equals(&setting.name)).peekable();
    let with = if set.peek().is_some() {
        set.any(|with| with)
    } else {
        // An example is a word and a `=`; a commented sentence has none.
        let examples = lines(text);
        let mut comments = examples.iter().filter_map(|line| line.trimmed().strip_prefix('#')).peekable();
        comments.peek().is_none() || comments.any(|line| equals(line) == Some(true))
    };
    if with { " = " } else { " " }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::KeyValue;
    const PWQUALITY: &str = include_str!("fixtures/pwquality.conf");
    const FAILLOCK: &str = include_str!("fixtures/faillock.conf");
    const CHRONY: &str = include_str!("fixtures/chrony.conf");

    #[test]
    fn the_files_of_debian() {
        assert_eq!(set(F, PWQUALITY, None, "minlen", Some("14")), format!("{PWQUALITY}minlen = 14\n"));
        assert_eq!(set(F, FAILLOCK, None, "deny", Some("5")), format!("{FAILLOCK}deny = 5\n"));
        assert_eq!(set(F, FAILLOCK, None, "even_deny_root", Some("")), format!("{FAILLOCK}even_deny_root\n"));
        assert_eq!(set(F, CHRONY, None, "cmdport", Some("0")), format!("{CHRONY}cmdport 0\n"));
        assert_eq!(set(F, CHRONY, None, "makestep", Some("1 5")), CHRONY.replace("makestep 1 3", "makestep 1 5"));
        for text in [PWQUALITY, FAILLOCK, CHRONY] {
            for key in ["minlen", "makestep", "pool 2.debian.pool.ntp.org"] {
                laws(F, text, None, key, "iburst 4");
                laws(F, text, None, key, "");
                hostile(F, text, None, key);
            }
        }
    }

    #[test]
    fn both_ways_to_write() {
        let text = "a = 1\nb 2 # c\na=3\n* hard core 0\nflag\n";
        assert_eq!(F.get(text, None, "a").as_deref(), Some("3"));
        assert_eq!(F.get(text, None, "b").as_deref(), Some("2"));
        assert_eq!(F.get(text, None, "* hard core").as_deref(), Some("0"));
        assert_eq!(F.get(text, None, "* hard"), Some("core 0".to_owned()));
        assert_eq!(set(F, text, None, "b", Some("4")), text.replace("b 2", "b 4"));
        assert_eq!(set(F, text, None, "flag", Some("x")), text.replace("flag", "flag = x"));
        assert_eq!(set(F, text, None, "a", None), "b 2 # c\n* hard core 0\nflag\n");
        assert_eq!(set(F, text, None, "* soft core", Some("0")), format!("{text}* soft core 0\n"));
        for key in ["a=b", "#a", "a  b", "% a"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "! c", "", "a = 1", " a 2 ", "\tb=3 # c", "flag", "* hard core 0", "server x iburst"];
        let values = "([!\"$-<>-\\[\\]-~]([ -\"$-\\[\\]-~]{0,8}[!\"$-\\[\\]-~])?)?";
        Trial { format: F, pieces, must: "", section: None, keys: &["a", "b", "flag", "* hard core", "new_1"], values }
            .run();
    }
}
