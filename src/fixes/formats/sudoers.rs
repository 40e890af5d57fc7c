//! `sudoers`: `Defaults name`, `Defaults !name`, `Defaults name=value` with commas between, the last one counts, lines
//! ending in a backslash go on. Source: sudoers(5); `Defaults:user` and the like and all rules are left alone.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{
        Setting, Syntax, after_head, bad, bad_key, bad_section, bad_value, check_key, check_trimmed, eol, one_space,
        trim,
    },
};

/// The section of whole rules.
const RULE: &str = "rule";

/// The format.
pub(super) struct Sudoers;

impl Syntax for Sudoers {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in logical(text)? {
            let body = &text[line.clone()];
            let start = line.start + body.len() - body.trim_start_matches([' ', '\t']).len();
            let told = one_space(&body.replace("\\\r\n", " ").replace("\\\n", " "));
            if told.is_empty() || comment(&told) {
                continue;
            }
            match told.strip_prefix("Defaults") {
                Some(rest) if rest.starts_with(' ') => {
                    let end = line.start + body.trim_end_matches(['\r', '\n']).len();
                    parameters(text, (start + "Defaults".len())..end, &line, &mut out)?;
                }
                // Rules, aliases, includes and `Defaults:user`: as they are.
                _ => out.push(Setting {
                    section: RULE.to_owned(),
                    value: Some(told.clone()),
                    name: told,
                    whole: line.clone(),
                    raw: line,
                    kept: String::new(),
                }),
            }
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        match edit.section {
            None => {}
            Some(RULE) => {
                let first = edit.key.split([' ', '\t', ':', '@', '!', '>']).next().unwrap_or_default();
                let include = edit.key.starts_with(['@', '#'])
                    && !edit.key.starts_with("#-")
                    && !edit.key[1..].starts_with(|c: char| c.is_ascii_digit());
                let frame = first == "Defaults" || first.ends_with("_Alias") || include || !edit.key.contains('=');
                return match edit.value {
                    Some(_) => bad_value(edit.key, "a rule can only be removed"),
                    None if frame => bad_key(edit.key, "it is no rule"),
                    None => Ok(()),
                };
            }
            Some(section) => return bad_section(section, "sudoers has no sections but rule"),
        }
        check_key(edit.key, "_")?;
        let Some(value) = edit.value else { return Ok(()) };
        check_trimmed(edit.key, value)?;
        if value.is_empty() || value.contains(['"', '\\']) {
            return bad_value(edit.key, "it is empty or has a quote or a backslash");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        match section {
            Some(RULE) => setting.section == RULE && setting.name == one_space(key),
            Some(_) => false,
            None => setting.section != RULE && setting.name == key,
        }
    }

    /// `+=` and `-=` change the list before them.
    fn in_force(&self, hits: &[&Setting], _: &str) -> Option<String> {
        let mut now: Option<String> = None;
        for hit in hits {
            let value = hit.value.as_deref().unwrap_or_default();
            let words =
                |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>();
            let before = words(now.as_deref().unwrap_or_default());
            now = Some(match hit.section.as_str() {
                "+" => [before, words(value)].concat().join(" "),
                "-" => before.into_iter().filter(|word| !words(value).contains(word)).collect::<Vec<_>>().join(" "),
                _ => value.to_owned(),
            });
        }
        now
    }

    fn written(&self, _: &str, _: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        Ok(parameter(key, value))
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let comment = |line: &str| comment(line);
        let last = settings.iter().rfind(|setting| setting.section != RULE);
        let at = match last {
            Some(last) => logical(text)?
                .into_iter()
                .find(|line| line.contains(&last.raw.start))
                .map_or(text.len(), |line| line.end),
            None => after_head(text, comment),
        };
        Ok((at, format!("Defaults\t{}{}", parameter(edit.key, edit.value.unwrap_or_default()), eol(text))))
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let settings = self.settings(text)?;
        let hits = self.hits(&settings, edit.section, edit.key);
        let Some(value) = edit.value else { return Ok(super::lines::without(text, &hits)) };
        let lists = hits.iter().any(|hit| !hit.section.is_empty());
        match hits.last() {
            // A list that is put together in several places becomes one value in one place.
            _ if lists => {
                let bare = super::lines::without(text, &hits);
                let (at, new) = self.insertion(&bare, &self.settings(&bare)?, edit)?;
                Ok(super::lines::inserted(&bare, at, &new))
            }
            Some(last) if last.value.as_deref() == Some(value) => Ok(text.to_owned()),
            Some(last) => Ok(super::lines::spliced(text, &[(last.raw.clone(), &parameter(edit.key, value))])),
            None => {
                let (at, new) = self.insertion(text, &settings, edit)?;
                Ok(super::lines::inserted(text, at, &new))
            }
        }
    }
}

/// `#` begins a comment, but `#1000` is a user and `#include` an instruction.
fn comment(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| {
        let user = rest.strip_prefix('-').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit());
        !user && !rest.starts_with("include")
    })
}

/// Lines with those that go on, line endings with them. The backslash may have blanks after it.
fn logical(text: &str) -> Result<Vec<Range<usize>>, EditError> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut goes_on = false;
    for line in super::lines::lines(text) {
        match out.last_mut() {
            Some(last) if goes_on => last.end = line.end,
            _ => out.push(line.start..line.end),
        }
        let first = &text[out.last().map_or(line.start, |range| range.start)..line.body_end()];
        goes_on = line.body.trim_end_matches([' ', '\t']).ends_with('\\') && !comment(trim(first));
    }
    match out.last() {
        Some(last) if goes_on => bad(text, last.start, "the last line ends with a backslash"),
        _ => Ok(out),
    }
}

/// The parameters of one `Defaults` line; their section is the list operator, if there is one.
fn parameters(text: &str, range: Range<usize>, line: &Range<usize>, out: &mut Vec<Setting>) -> Result<(), EditError> {
    let mut found: Vec<Setting> = Vec::new();
    let mut at = range.start;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    loop {
        at = gap(text, at, range.end);
        let start = at;
        let mut no = false;
        while text[at..range.end].starts_with('!') {
            no = !no;
            at = gap(text, at + 1, range.end);
        }
        let long = text[at..range.end].find(|c| !word(c)).unwrap_or(range.end - at);
        let name = text[at..at + long].to_owned();
        if name.is_empty() {
            return bad(text, at, "a name of a parameter is missing");
        }
        at += long;
        let after = gap(text, at, range.end);
        let rest = &text[after..range.end];
        let list = rest.strip_prefix(['+', '-']).and_then(|tail| tail.strip_prefix('=')).and_then(|_| rest.get(..1));
        let mut value = if no { "no" } else { "yes" }.to_owned();
        if list.is_some() || rest.starts_with('=') {
            at = gap(text, after + list.map_or(1, |_| 2), range.end);
            let (end, plain) = one_value(text, at, range.end)?;
            at = end;
            // `!name=value` is read as `!name`.
            value = if no { value } else { plain };
        }
        found.push(Setting {
            section: list.unwrap_or_default().to_owned(),
            name,
            value: Some(value),
            whole: line.clone(),
            raw: start..at,
            kept: String::new(),
        });
        at = gap(text, at, range.end);
        match text[at..range.end].chars().next() {
            None | Some('#') => break,
            Some(',') => at += 1,
            Some(_) => return bad(text, at, "a comma is missing"),
        }
    }
    // One of several goes with the comma before or after it.
    if found.len() > 1 {
        let ends: Vec<Range<usize>> = found.iter().map(|setting| setting.raw.clone()).collect();
        for (at, setting) in found.iter_mut().enumerate() {
            setting.whole = match (ends.get(at + 1), at.checked_sub(1).and_then(|at| ends.get(at))) {
                (Some(next), _) => setting.raw.start..next.start,
                (None, Some(before)) => before.end..setting.raw.end,
                (None, None) => line.clone(),
            };
        }
    }
    out.append(&mut found);
    Ok(())
}

/// After blanks and backslashes at ends of lines.
fn gap(text: &str, from: usize, end: usize) -> usize {
    let mut at = from;
    loop {
        let rest = &text[at..end];
        let next = rest.trim_start_matches([' ', '\t']);
        let folded = next
            .strip_prefix('\\')
            .map(|tail| tail.trim_start_matches([' ', '\t', '\r']))
            .and_then(|tail| tail.strip_prefix('\n'));
        let next = folded.unwrap_or(next);
        if next.len() == rest.len() {
            return at;
        }
        at = end - next.len();
    }
}

/// Where a value ends, and what it is without quotes and backslashes.
fn one_value(text: &str, from: usize, end: usize) -> Result<(usize, String), EditError> {
    let rest = &text[from..end];
    let quoted = rest.starts_with('"');
    let mut plain = String::new();
    let mut chars = rest.char_indices().skip(usize::from(quoted)).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted => return Ok((from + at + 1, plain)),
            ',' | ' ' | '\t' | '\r' | '\n' | '#' if !quoted => return finish(text, from, from + at, plain),
            '"' => return bad(text, from + at, "a quote stands within a word"),
            '\\' => match chars.next() {
                Some((_, '\r' | '\n')) => {
                    while chars.next_if(|(_, c)| matches!(c, ' ' | '\t' | '\r' | '\n')).is_some() {}
                }
                Some((_, c @ '"')) => plain.push(c),
                Some((_, c)) if !quoted => plain.push(c),
                Some((_, c)) => plain.extend(['\\', c]),
                None => return bad(text, from, "a value ends with a backslash"),
            },
            c => plain.push(c),
        }
    }
    if quoted { bad(text, from, "a quote is not closed") } else { finish(text, from, end, plain) }
}

fn finish(text: &str, from: usize, end: usize, plain: String) -> Result<(usize, String), EditError> {
    if end == from { bad(text, from, "a value is missing") } else { Ok((end, plain)) }
}

/// A parameter as it is written.
fn parameter(key: &str, value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    match value {
        "yes" => key.to_owned(),
        "no" => format!("!{key}"),
        value if value.chars().all(bare) => format!("{key}={value}"),
        value => format!("{key}=\"{value}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Sudoers;
    const DEBIAN: &str = include_str!("fixtures/sudoers");

    #[test]
    fn the_file_of_debian() {
        assert_eq!(
            set(F, DEBIAN, None, "use_pty", Some("no")),
            DEBIAN.replace("Defaults\tuse_pty", "Defaults\t!use_pty")
        );
        assert_eq!(
            set(F, DEBIAN, None, "logfile", Some("/var/log/sudo.log")),
            DEBIAN.replace("Defaults\tuse_pty\n", "Defaults\tuse_pty\nDefaults\tlogfile=/var/log/sudo.log\n")
        );
        for (key, value) in [
            ("secure_path", "/bin:/sbin"),
            ("timestamp_timeout", "5"),
            ("passprompt", "a, b = c #d"),
            ("requiretty", "yes"),
        ] {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
        let rule = "%sudo ALL=(ALL:ALL) ALL";
        assert_eq!(F.get(DEBIAN, Some("rule"), rule).as_deref(), Some(rule));
        assert_eq!(set(F, DEBIAN, Some("rule"), rule, None), DEBIAN.replace("%sudo\tALL=(ALL:ALL) ALL\n", ""));
    }

    #[test]
    fn parameters_lists_and_lines_that_go_on() {
        let text = "Defaults a, !b , c=\"x, \\\"y\" # z\nDefaults:bob a=1\nDefaults env_keep = \"A B\"\nDefaults env_keep += C, env_keep -= \\\n  A\n#1000 ALL=(ALL) \\\n  NOPASSWD: ALL\n#include /x\n";
        assert_eq!(F.get(text, None, "b").as_deref(), Some("no"));
        assert_eq!(F.get(text, None, "c").as_deref(), Some("x, \"y"));
        assert_eq!(F.get(text, None, "env_keep").as_deref(), Some("B C"));
        assert_eq!(set(F, text, None, "b", None), text.replace("!b , ", ""));
        assert_eq!(set(F, text, None, "c", None), text.replace(" , c=\"x, \\\"y\"", ""));
        assert_eq!(set(F, text, None, "a", Some("no")), text.replace("Defaults a", "Defaults !a"));
        assert_eq!(
            F.get(&set(F, "Defaults env_keep += A\n", None, "env_keep", Some("B")), None, "env_keep").as_deref(),
            Some("B")
        );
        assert_eq!(
            set(F, text, Some("rule"), "#1000 ALL=(ALL) NOPASSWD: ALL", None),
            text.replace("#1000 ALL=(ALL) \\\n  NOPASSWD: ALL\n", "")
        );
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "Defaults a=\"x\n",
            "Defaults a b\n",
            "Defaults a,\n",
            "Defaults a=\n",
            "x ALL=ALL \\\n",
            "Defaults a=x\"y\n",
        ] {
            refused(F, text, None, "q", Some("yes"));
        }
        for key in ["Defaults env_reset", "@includedir /etc/sudoers.d", "User_Alias X = y", "#include /x"] {
            refused(F, DEBIAN, Some("rule"), key, None);
        }
        refused(F, DEBIAN, Some("rule"), "bob ALL=(ALL) ALL", Some("x"));
        refused(F, DEBIAN, Some("other"), "a", Some("x"));
        for key in ["a b", "!a", "a=b", "a,b"] {
            refused(F, DEBIAN, None, key, Some("yes"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# c \\",
            "",
            "Defaults a",
            "Defaults\t!b, c=1 # x",
            "Defaults d=\"x, y\", \\\n    e",
            "Defaults:bob a",
            "Defaults!/bin/x a=2",
            "root ALL=(ALL:ALL) ALL",
            "User_Alias X = a, \\\n b",
            "@includedir /etc/sudoers.d",
            "#1000 ALL=ALL",
        ];
        let values = "[!#-\\[\\]-~]([ !#-\\[\\]-~]{0,8}[!#-\\[\\]-~])?";
        Trial { format: F, pieces, must: "", section: None, keys: &["a", "b", "d", "new_1"], values }.run();
    }
}
