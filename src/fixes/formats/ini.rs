//! `php.ini`, `my.cnf` and the like: `[section]` and `key = value`, the last value within a section counts, `;` and `#`
//! begin comments. Source: the PHP manual, "The configuration file", and the MySQL manual, "Using Option Files".

use super::{
    Edit, EditError,
    lines::{
        Line, Setting, Syntax, bad, bad_key, bad_section, bad_value, bracketed, check_trimmed, eol, header, lines,
        new_section, one_space, trim, trim_range,
    },
};

/// The format.
pub(super) struct Ini;

impl Syntax for Ini {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let (mut out, mut section) = (Vec::<Setting>::new(), String::new());
        // The last setting's indentation: a deeper line without `=` goes on with its value, as fail2ban has it.
        let mut deeper_than = None;
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with([';', '#', '!']) {
                continue;
            }
            if body.starts_with('[') {
                let end = body.find([';', '#']).unwrap_or(body.len());
                let Some(name) = bracketed(trim(&body[..end])).or_else(|| bracketed(body)) else {
                    return bad(text, line.start, "a [ is not closed");
                };
                section = trim(name).to_owned();
                deeper_than = None;
                out.push(header(&section, line.start..line.end));
                continue;
            }
            // A part before `=` that is no name is none: `%(x)s[a="b"]` goes on with the value before.
            let name =
                |at: &usize| trim(&line.body[..*at]).chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
            let deeper = deeper_than.is_some_and(|indent| line.indent().len() > indent);
            let equals = line.body.find('=').filter(|at| !deeper || name(at));
            if let (None, true, Some(last)) = (equals, deeper, out.last_mut()) {
                last.raw.end = line.start + line.body.trim_end_matches([' ', '\t']).len();
                last.whole.end = line.end;
                let (comments, rest) = comments_apart(&text[last.raw.start..line.end]);
                (last.value, last.kept) = (Some(one_space(&rest)), comments);
                continue;
            }
            deeper_than = equals.map(|_| line.indent().len());
            out.push(one(text, &line, equals, &section)?);
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        if edit.key.contains([
            '=', ';', '#', '[', ']', '"', '\'', '{', '}', '|', '&', '~', '!', '(', ')', '^', ' ', '\t', '$', '\\',
        ]) {
            return bad_key(edit.key, "it has characters that a name of this format cannot have");
        }
        if let Some(section) = edit.section.filter(|name| name.is_empty() || name.contains(['[', ']', ';', '#'])) {
            return bad_section(section, "it has brackets or signs of a comment, or is empty");
        }
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        if value.contains(['"', '\\', '$']) {
            return bad_value(
                edit.key,
                "it has a double quote, a backslash or a $, which programs read in different ways",
            );
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        let here = section.map_or(!apart(&setting.section), |section| section == setting.section);
        // MySQL takes `-` and `_` for the same; no PHP setting has a `-`.
        here && setting.name == key.replace('-', "_")
    }

    fn written(&self, text: &str, old: &Setting, _: &str, value: &str) -> Result<String, EditError> {
        let before = text[..old.raw.start].trim_end_matches([' ', '\t']);
        Ok(if before.ends_with('=') { quoted(value) } else { format!(" = {}", quoted(value)) })
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let line = trim(&format!("{} = {}", edit.key, quoted(edit.value.unwrap_or_default()))).to_owned();
        let last = match edit.section {
            Some(section) => settings.iter().rfind(|setting| setting.section == section),
            None => settings.iter().take_while(|setting| !apart(&setting.section)).last(),
        };
        match (last, edit.section) {
            (Some(last), _) => Ok((last.whole.end, format!("{line}{}", eol(text)))),
            (None, Some(section)) => Ok(new_section(text, &format!("[{section}]"), &line)),
            (None, None) => {
                Ok((settings.first().map_or(text.len(), |apart| apart.whole.start), format!("{line}{}", eol(text))))
            }
        }
    }
}

/// Sections of PHP that hold for one host or folder only; all others are a matter of order alone.
fn apart(section: &str) -> bool {
    section.starts_with("HOST=") || section.starts_with("PATH=")
}

fn one(text: &str, line: &Line<'_>, equals: Option<usize>, section: &str) -> Result<Setting, EditError> {
    let comment = |part: &str| part.find(['#', ';']).unwrap_or(part.len());
    let Some(equals) = equals else {
        // A name alone is a flag of MySQL.
        let end = line.start + comment(line.body);
        let name = trim_range(text, line.start..end);
        return Ok(setting(section, &text[name.clone()], Some(String::new()), line, name.end..name.end));
    };
    let after = trim_range(text, (line.start + equals + 1)..line.body_end());
    let rest = &text[after.clone()];
    let name = trim(&line.body[..equals]);
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let Some(close) = rest[1..].find(quote) else { return bad(text, line.start, "a quote is not closed") };
        let tail = trim(&rest[close + 2..]);
        if tail.is_empty() || tail.starts_with([';', '#']) {
            let value = rest[1..=close].to_owned();
            return Ok(setting(section, name, Some(value), line, after.start..(after.start + close + 2)));
        }
    }
    // `;` ends a value everywhere, `#` only after a blank: PHP has colours such as `#FF8000`.
    let mut end = rest.find(';').unwrap_or(rest.len());
    end = rest[..end].find(" #").or_else(|| rest[..end].find("\t#")).unwrap_or(end);
    let raw = trim_range(text, after.start..(after.start + end));
    Ok(setting(section, name, Some(text[raw.clone()].to_owned()), line, raw))
}

fn setting(section: &str, name: &str, value: Option<String>, line: &Line<'_>, raw: std::ops::Range<usize>) -> Setting {
    let (section, name) = (section.to_owned(), name.replace('-', "_"));
    Setting { section, name, value, whole: line.start..line.end, raw, kept: String::new() }
}

/// The comment lines, and all others.
fn comments_apart(text: &str) -> (String, String) {
    text.split_inclusive('\n').partition(|line| trim(line).starts_with(['#', ';']))
}

/// In double quotes when a program would end the value early or PHP could not read it as it is. Others stay bare:
/// fail2ban takes quotes for a part of the value.
fn quoted(value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t']).collect();
    let word = |word: &str| ["null", "yes", "no", "true", "false", "on", "off", "none"].contains(&word);
    let reserved = words.len() > 1 && words.iter().any(|one| word(&one.to_ascii_lowercase()));
    let odd = value.contains([';', '#', '=', '\'', '[', ']', '{', '}', '?']) || value.starts_with('@');
    let operators = value.contains(['&', '|', '~', '^', '(', ')', '!']) && !expression(&words);
    if odd || operators || reserved { format!("\"{value}\"") } else { value.to_owned() }
}

/// Constants with operators between, such as `E_ALL & ~E_NOTICE`: PHP reckons with them only without quotes.
fn expression(words: &[&str]) -> bool {
    let constant = |word: &str| {
        let name = word.strip_prefix('~').unwrap_or(word);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let fits = |(at, word): (usize, &&str)| if at % 2 == 0 { constant(word) } else { matches!(*word, "&" | "|" | "^") };
    words.len() % 2 == 1 && words.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Ini;
    const PHP: &str = include_str!("fixtures/php.ini");
    const MARIA: &str = include_str!("fixtures/50-server.cnf");

    #[test]
    fn the_files_of_debian() {
        for (key, value) in [
            ("expose_php", "Off"),
            ("disable_functions", "exec,passthru"),
            ("error_reporting", "E_ALL & ~E_DEPRECATED"),
            ("session.cookie_secure", "1"),
            ("session.save_path", "2;/var/lib/php"),
        ] {
            laws(F, PHP, None, key, value);
            laws(F, PHP, Some("PHP"), key, value);
            laws(F, PHP, Some("New"), key, value);
            hostile(F, PHP, None, key);
        }
        assert_eq!(set(F, MARIA, Some("mysqld"), "bind_address", Some("::1")), MARIA.replace("127.0.0.1", "::1"));
        laws(F, MARIA, Some("mysqld"), "local-infile", "0");
        hostile(F, MARIA, Some("mysqld"), "bind-address");
    }

    #[test]
    fn sections_and_the_last_value() {
        let text = "a=1\n[x]\na = 2 ; c\nA=9\n[y]\na=\"3;\" # c\n[x]\n;a=8\na='4'\n[HOST=z]\na=5\n";
        assert_eq!(F.get(text, Some("x"), "a").as_deref(), Some("4"));
        assert_eq!(F.get(text, Some("x"), "A").as_deref(), Some("9"));
        assert_eq!(F.get(text, Some("y"), "a").as_deref(), Some("3;"));
        assert_eq!(F.get(text, None, "a").as_deref(), Some("4"));
        assert_eq!(set(F, text, Some("y"), "a", Some("b")), text.replace("\"3;\"", "b"));
        assert!(set(F, text, None, "n", Some("1")).contains("a='4'\nn = 1\n[HOST=z]"));
        assert_eq!(set(F, text, Some("x"), "a", None), "a=1\n[x]\nA=9\n[y]\na=\"3;\" # c\n[x]\n;a=8\n[HOST=z]\na=5\n");
    }

    #[test]
    fn flags_and_lines_that_go_on() {
        let text = "[mysqld]\nskip-networking\nignoreip = a\n  # c\n   b\nx=1\n";
        assert_eq!(F.get(text, Some("mysqld"), "skip_networking").as_deref(), Some(""));
        assert_eq!(F.get(text, Some("mysqld"), "ignoreip").as_deref(), Some("a b"));
        let new = set(F, text, Some("mysqld"), "ignoreip", Some("z"));
        assert_eq!(new, "[mysqld]\nskip-networking\nignoreip = z\n  # c\nx=1\n");
        assert!(set(F, text, Some("mysqld"), "skip-networking", Some("ON")).contains("skip-networking = ON\n"));
        let jail = "[DEFAULT]\nact = %(a)s\n      %(m)s[x=\"y\"]\n  b = 1\n";
        assert_eq!(F.get(jail, Some("DEFAULT"), "act").as_deref(), Some("%(a)s %(m)s[x=\"y\"]"));
        assert_eq!(F.get(jail, Some("DEFAULT"), "b").as_deref(), Some("1"));
        assert_eq!(set(F, "", None, "a", Some("E_ALL & ~E_NOTICE")), "a = E_ALL & ~E_NOTICE\n");
        assert_eq!(set(F, "", None, "a", Some("x(y")), "a = \"x(y\"\n");
        assert_eq!(set(F, "", None, "a", Some("E_ALL &")), "a = \"E_ALL &\"\n");
        refused(F, "[x\n", Some("x"), "a", Some("1"));
        refused(F, "a = \"b\n", None, "a", Some("1"));
        for key in ["a b", "a=b", "[a]", ";a", "#a"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "; c",
            "# c",
            "",
            "[A]",
            "[B] ; c",
            "k = 1",
            " k=\"x;y\" ; c",
            "K=2",
            "flag",
            "l = a\n   b\n  # c\n   d",
            "m='' ",
            "!include x",
            "[HOST=h]",
        ];
        let values = "([!#%-\\[\\]-~]([ !#%-\\[\\]-~]{0,8}[!#%-\\[\\]-~])?)?";
        for section in [None, Some("A"), Some("New One")] {
            Trial { format: F, pieces, must: "", section, keys: &["k", "l", "m", "flag", "new-1"], values }.run();
        }
    }
}
