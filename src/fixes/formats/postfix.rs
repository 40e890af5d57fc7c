//! `main.cf`: `name = value`, the last one counts, a line that begins with white space goes on, also past comments and
//! blank lines. Source: postconf(5); `$name` in a value is kept as it is written.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, check_key, check_trimmed, eol, lines, one_space, trim, trim_range},
};

/// The format.
pub(super) struct Postfix;

impl Syntax for Postfix {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out: Vec<Setting> = Vec::new();
        // Comments and blank lines that may turn out to stand within a value.
        let mut waits = String::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with('#') {
                waits.push_str(&text[line.start..line.end]);
                continue;
            }
            if !line.indent().is_empty() {
                let Some(last) = out.last_mut() else {
                    return bad(text, line.start, "the first line begins with white space");
                };
                last.kept.push_str(&std::mem::take(&mut waits));
                last.raw.end = line.start + line.body.trim_end_matches([' ', '\t']).len();
                last.whole.end = line.end;
                let value = last.value.take().unwrap_or_default();
                last.value = Some(trim(&format!("{value} {}", one_space(body))).to_owned());
                continue;
            }
            waits.clear();
            let Some(equals) = line.body.find('=') else {
                return bad(text, line.start, "there is no = after the name");
            };
            let raw = trim_range(text, (line.start + equals + 1)..line.body_end());
            out.push(Setting {
                section: String::new(),
                name: trim(&line.body[..equals]).to_owned(),
                value: Some(text[raw.clone()].to_owned()),
                whole: line.start..line.end,
                raw,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "_-.")?;
        check_trimmed(edit.key, edit.value.unwrap_or_default())
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{} = {}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Postfix;
    const DEBIAN: &str = include_str!("fixtures/main.cf");

    #[test]
    fn the_file_of_debian() {
        let new = set(F, DEBIAN, None, "inet_interfaces", Some("loopback-only"));
        assert_eq!(new, DEBIAN.replace("inet_interfaces = all", "inet_interfaces = loopback-only"));
        for (key, value) in [
            ("smtpd_banner", "$myhostname ESMTP"),
            ("disable_vrfy_command", "yes"),
            ("relayhost", ""),
            ("relayhost", "[a]:25"),
        ] {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn lines_that_go_on() {
        let text = "a = 1\na = x,\n# c\n\n   y # no comment\nb =\n  z\n";
        assert_eq!(F.get(text, None, "a").as_deref(), Some("x, y # no comment"));
        assert_eq!(F.get(text, None, "b").as_deref(), Some("z"));
        assert_eq!(set(F, text, None, "a", Some("2")), "a = 1\na = 2\n# c\n\nb =\n  z\n");
        assert_eq!(set(F, text, None, "a", None), "# c\n\nb =\n  z\n");
        assert_eq!(F.get(&set(F, text, None, "b", Some("q")), None, "b").as_deref(), Some("q"));
        refused(F, " a = 1\n", None, "b", Some("1"));
        refused(F, "what\n", None, "b", Some("1"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "  # c", "", "a = 1", "a=$b,\n  c", "b =\n# c\n\n\tx y", "c="];
        let values = "([!-~]([ -~]{0,8}[!-~])?)?";
        Trial { format: F, pieces, must: "", section: None, keys: &["a", "b", "c", "new_1"], values }.run();
    }
}
