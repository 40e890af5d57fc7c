//! `apache2.conf`: directives in any case, the last one counts, containers `<Directory /x>`, a backslash at the end of a
//! line goes on. Source: the Apache manual, "Configuration Files"; what stands in `<IfModule x>` counts around it.

use super::{
    Edit, EditError,
    lines::{
        Setting, Syntax, bad, bad_key, bad_section, bad_value, check_trimmed, eol, header, joined, new_section,
        one_space, trim, trim_range,
    },
};

/// The format.
pub(super) struct Apache;

impl Syntax for Apache {
    /// A setting's name is its whole line, so that a key may be its first words; its section all containers around.
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        let mut open: Vec<String> = Vec::new();
        for line in joined(text)? {
            let body = unfolded(&text[line.first.start..line.body_end]);
            let whole = line.first.start..line.end;
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            if let Some(name) = body.strip_prefix("</") {
                let name = trim(name.trim_end_matches('>'));
                let of = |container: &String| container.split([' ', '>']).next().unwrap_or_default().to_owned();
                let closes =
                    open.pop().is_some_and(|last| of(&last).trim_start_matches('<').eq_ignore_ascii_case(name));
                if !closes {
                    return bad(text, line.first.start, "a container ends that was not begun");
                }
                continue;
            }
            if body.starts_with('<') {
                if !body.ends_with('>') {
                    return bad(text, line.first.start, "a container has no > at its end");
                }
                open.push(container(&body));
                out.push(header(&open.join(" "), whole));
                continue;
            }
            if !closed(&body) {
                return bad(text, line.first.start, "a quote is not closed");
            }
            let raw = trim_range(text, line.first.start..line.body_end);
            let (section, value) = (open.join(" "), Some(body.clone()));
            out.push(Setting { section, name: body, value, whole, raw, kept: String::new() });
        }
        if open.is_empty() { Ok(out) } else { bad(text, text.len(), "a container is not closed") }
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let plain = |word: &str| !word.is_empty() && !word.contains(['<', '>', '"', '\'', '\\', '#', '\t']);
        if !edit.key.split(' ').all(plain) || !edit.key.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return bad_key(edit.key, "it is no name of a directive");
        }
        if let Some(section) = edit.section {
            let one = |part: &str| part.starts_with('<') && part.ends_with('>') && part.len() > 2 && closed(part);
            if !parts(section).iter().all(|part| one(part))
                || section.contains(['\\', '#'])
                || section.starts_with("</")
            {
                return bad_section(section, "it is no container such as <Directory /var/www/>");
            }
        }
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        if !closed(value) || value.ends_with('\\') || value.starts_with('#') {
            return bad_value(edit.key, "a quote is not closed, it ends with a backslash or looks like a comment");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        within(&setting.section, section) && after(&setting.name, key).is_some()
    }

    fn in_force(&self, hits: &[&Setting], key: &str) -> Option<String> {
        let name = &hits.last()?.name;
        after(name, key).map(ToOwned::to_owned)
    }

    fn plain(&self, _: &str, value: &str) -> Result<String, EditError> {
        Ok(folded(value))
    }

    fn written(&self, text: &str, old: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        // The words of the key stay as they are spelled.
        let raw = &text[old.raw.clone()];
        let mut rest = raw;
        for _ in key.split(' ') {
            rest = skip_blanks(rest);
            rest = &rest[rest.find([' ', '\t', '\\', '\r', '\n']).unwrap_or(rest.len())..];
        }
        let gap = rest.len() - skip_blanks(rest).len();
        let between = if value.is_empty() {
            ""
        } else if gap == 0 || rest[..gap].contains('\n') {
            " "
        } else {
            &rest[..gap]
        };
        Ok(format!("{}{between}{value}", &raw[..raw.len() - rest.len()]))
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let value = edit.value.unwrap_or_default();
        let line = trim(&format!("{} {value}", edit.key)).to_owned();
        let Some(section) = edit.section else { return Ok((text.len(), format!("{line}{}", eol(text)))) };
        let inside: Vec<&Setting> = settings.iter().filter(|setting| within(&setting.section, Some(section))).collect();
        // The last container of that name; a new line goes after its last directive, or after its first line.
        let Some(start) = inside.iter().rposition(|setting| setting.name.is_empty()) else {
            return match parts(section).as_slice() {
                [one] => {
                    let name = one.trim_start_matches('<').split([' ', '>']).next().unwrap_or_default();
                    let eol = eol(text);
                    let body = format!("    {line}{eol}</{name}>");
                    Ok(new_section(text, one, &body))
                }
                _ => bad_section(section, "there is no such container"),
            };
        };
        let last = inside.iter().skip(start).rfind(|setting| !setting.name.is_empty());
        let place = last.or(inside.get(start)).map_or(text.len(), |setting| setting.whole.end);
        let near = last.or(inside.get(start)).map_or("", |setting| &text[setting.whole.clone()]);
        let indent = &near[..near.len() - near.trim_start_matches([' ', '\t']).len()];
        let deeper = if last.is_some() { "" } else { "    " };
        Ok((place, format!("{indent}{deeper}{line}{}", eol(text))))
    }
}

/// The containers that a section names, each from `<` to `>`.
fn parts(section: &str) -> Vec<&str> {
    section.split_inclusive('>').map(trim).filter(|part| !part.is_empty()).collect()
}

/// A container as it is compared: its kind in lower case, one space between words, no quotes.
fn container(line: &str) -> String {
    let line = one_space(line).replace('"', "").replace("< ", "<").replace(" >", ">");
    match line.split_once(' ') {
        Some((kind, rest)) => format!("{} {rest}", kind.to_ascii_lowercase()),
        None => line.to_ascii_lowercase(),
    }
}

/// Whether containers are those that are named, conditions left out unless named.
fn within(have: &str, want: Option<&str>) -> bool {
    let condition = |part: &str| {
        ["<ifmodule ", "<ifdefine ", "<ifversion ", "<iffile ", "<ifdirective ", "<ifsection "]
            .iter()
            .any(|kind| part.strip_prefix(kind).is_some_and(|rest| !rest.starts_with('!')))
    };
    let want: Vec<String> = parts(want.unwrap_or_default()).into_iter().map(container).collect();
    let named = want.iter().any(|part| part.starts_with("<if"));
    let have = parts(have).into_iter().filter(|part| named || !condition(part));
    have.eq(want.iter().map(String::as_str))
}

/// The rest of a directive after the words of the key.
fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = line;
    for word in key.split(' ') {
        let (head, tail) = (rest.get(..word.len())?, rest.get(word.len()..)?);
        if !head.eq_ignore_ascii_case(word) || !(tail.is_empty() || tail.starts_with(' ')) {
            return None;
        }
        rest = tail.strip_prefix(' ').unwrap_or(tail);
    }
    Some(rest)
}

/// Lines joined, blanks outside quotes as one space.
fn unfolded(raw: &str) -> String {
    folded(trim(&raw.replace("\\\r\n", "").replace("\\\n", "")))
}

fn folded(text: &str) -> String {
    let (mut out, mut quote, mut escaped) = (String::new(), None, false);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) if !escaped => quote = Some(c),
            (c, Some(open)) if c == open && !escaped => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        let gap = quote.is_none() && (c == ' ' || c == '\t');
        match gap {
            true if out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(c),
        }
    }
    out
}

/// Blanks and line ends within a directive.
fn skip_blanks(text: &str) -> &str {
    let mut rest = text;
    loop {
        let next = rest.trim_start_matches([' ', '\t']);
        let next = next.strip_prefix("\\\r\n").or_else(|| next.strip_prefix("\\\n")).unwrap_or(next);
        if next.len() == rest.len() {
            return rest;
        }
        rest = next;
    }
}

/// Whether all double quotes are closed. A single quote within a word is a letter to Apache.
fn closed(text: &str) -> bool {
    let (mut open, mut escaped) = (None, false);
    let mut before = ' ';
    for c in text.chars() {
        match (c, open) {
            ('"', None) if !escaped => open = Some(c),
            ('\'', None) if before == ' ' => open = Some(c),
            (c, Some(quote)) if c == quote && !escaped => open = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        before = if c == '\t' { ' ' } else { c };
    }
    open.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Apache;
    const MAIN: &str = include_str!("fixtures/apache2.conf");
    const SECURITY: &str = include_str!("fixtures/apache-security.conf");
    const SSL: &str = include_str!("fixtures/ssl.conf");

    #[test]
    fn the_files_of_debian() {
        assert_eq!(
            set(F, SECURITY, None, "servertokens", Some("Prod")),
            SECURITY.replace("\nServerTokens OS", "\nServerTokens Prod")
        );
        let www = Some("<Directory /var/www/>");
        let new = set(F, MAIN, www, "Options", Some("-Indexes"));
        assert_eq!(new.lines().filter(|line| line.trim() == "Options -Indexes").count(), 1);
        assert!(
            set(F, MAIN, www, "LimitRequestBody", Some("1"))
                .contains("Require all granted\n\tLimitRequestBody 1\n</Dir")
        );
        for (text, section, key, value) in [
            (SSL, None, "SSLProtocol", "-all +TLSv1.2"),
            (SSL, Some("<IfModule mod_ssl.c>"), "SSLProtocol", "all"),
            (MAIN, www, "AllowOverride", "None"),
            (MAIN, Some("<Directory /srv>"), "Require", "all denied"),
            (MAIN, None, "Header always set X-Frame-Options", "\"DENY\""),
        ] {
            laws(F, text, section, key, value);
            hostile(F, text, section, key);
        }
    }

    #[test]
    fn containers_and_lines_that_go_on() {
        let text = "A 1\n<VirtualHost *:80>\n  A 2\n  <Directory \"/x\">\n    A 3 \\\n      4\n  </Directory>\n</VirtualHost>\n<IfModule !x>\nA 5\n</IfModule>\n<IfModule y>\n a 6\n</IfModule>\n";
        assert_eq!(F.get(text, None, "A").as_deref(), Some("6"));
        assert_eq!(F.get(text, Some("<virtualhost *:80>"), "a").as_deref(), Some("2"));
        let deep = Some("<VirtualHost *:80> <Directory /x>");
        assert_eq!(F.get(text, deep, "A").as_deref(), Some("3 4"));
        assert_eq!(set(F, text, deep, "A", Some("9")), text.replace("A 3 \\\n      4", "A 9"));
        assert_eq!(set(F, text, None, "A", Some("9")), text.replace("a 6", "a 9"));
        assert_eq!(set(F, "", Some("<Files x>"), "A", Some("1")), "<Files x>\n    A 1\n</Files>\n");
        for text in ["<A>\n", "</A>\n", "<A>\n</B>\n", "<A\n</A>\n", "A \"x\n", "A \\\n"] {
            refused(F, text, None, "B", Some("1"));
        }
        for key in ["<A>", "#A", "A\"", "A\\", "</A"] {
            refused(F, text, None, key, Some("1"));
        }
        for section in ["Directory /x", "<A", "</A>", "<A> x"] {
            refused(F, text, Some(section), "B", Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# c",
            "# c \\\n still",
            "",
            "A 1",
            "\ta  \"x  y\" 2 ",
            "<Directory /x>\n  A 2\n</Directory>",
            "<IfModule z>\nB 1\n</IfModule>",
            "B \\\n  2",
            "Header set A 1",
            "Header set B 2",
        ];
        let values = "([!$-&(-\\[\\]-~]([!#-&(-\\[\\]-~]{0,8}[!#-&(-\\[\\]-~])?)?";
        for section in [None, Some("<Directory /x>"), Some("<Files \"a b\">")] {
            Trial { format: F, pieces, must: "", section, keys: &["A", "B", "Header set a", "New"], values }.run();
        }
    }
}
