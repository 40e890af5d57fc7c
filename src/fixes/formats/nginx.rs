//! `nginx.conf`: `directive arguments;` in blocks of braces, each block a place of its own. Source: the nginx manual,
//! "Beginner's Guide", and `ngx_conf_read_token`: quotes, `\` and `${name}` within words, `#` only before a word.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, after_head, bad, bad_key, bad_section, bad_value, check_trimmed, eol, header, statement},
};

/// How deep blocks may nest.
const DEPTH: usize = 64;

/// The format.
pub(super) struct Nginx;

impl Syntax for Nginx {
    /// A setting's name is all its words, so that a key may be the first of them; its section the path with numbers.
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        // A place for each block that is open: its path, and how many blocks of each name were in it.
        let mut open: Vec<(String, Vec<String>)> = vec![(String::new(), Vec::new())];
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while let Some(token) = token(text, &mut at)? {
            let depth = open.len();
            let Some((path, names)) = open.last_mut() else { return bad(text, at, "a } has no {") };
            let first = words.first().map_or(token.range().start, |word| word.start);
            match token {
                Token::Word(range) => words.push(range),
                Token::End(end) => {
                    let Some(last) = words.last() else { return bad(text, end, "a ; stands alone") };
                    let raw = first..last.end;
                    let name = words.iter().map(|word| &text[word.clone()]).collect::<Vec<_>>().join(" ");
                    let whole = statement(text, first..(end + 1));
                    let value = Some(name.clone());
                    out.push(Setting { section: path.clone(), name, value, whole, raw, kept: String::new() });
                    words.clear();
                }
                Token::Open(brace) => {
                    let Some(name) = words.first().map(|word| &text[word.clone()]) else {
                        return bad(text, brace, "a { stands alone");
                    };
                    if name.ends_with("_by_lua_block") || depth > DEPTH {
                        return bad(text, first, "the block holds another language or is nested too deep");
                    }
                    let before = names.iter().filter(|other| *other == name).count();
                    names.push(name.to_owned());
                    let between = if path.is_empty() { "" } else { "/" };
                    let path = format!("{path}{between}{name}[{before}]");
                    out.push(header(&path, first..(brace + 1)));
                    open.push((path, Vec::new()));
                    words.clear();
                }
                Token::Close(brace) => {
                    if !words.is_empty() {
                        return bad(text, first, "a ; is missing");
                    }
                    open.pop();
                    if open.is_empty() {
                        return bad(text, brace, "a } has no {");
                    }
                }
            }
        }
        match (open.len(), words.first()) {
            (1, None) => Ok(out),
            (_, Some(word)) => bad(text, word.start, "a ; is missing"),
            _ => bad(text, text.len(), "a { is not closed"),
        }
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let plain = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/$*+=~@".contains(c))
        };
        if !edit.key.split(' ').all(plain) || !edit.key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return bad_key(edit.key, "it is no name of a directive");
        }
        let part = |part: &str| {
            let (name, number) = part.split_once('[').unwrap_or((part, "0]"));
            let number = number.strip_suffix(']').is_some_and(|number| number.parse::<u16>().is_ok());
            number && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let Some(section) = edit.section.filter(|section| !section.is_empty() && !section.split('/').all(part)) {
            return bad_section(section, "it is no path of blocks such as http/server[0]");
        }
        let Some(value) = edit.value else { return Ok(()) };
        check_trimmed(edit.key, value)?;
        // Read alone, key and value must be one directive and nothing else.
        let alone = format!("{} {value};", edit.key);
        match self.settings(&alone).as_deref() {
            Ok([one])
                if one.section.is_empty()
                    && !one.name.is_empty()
                    && one.raw.end == alone.trim_end_matches([';', ' ']).len() =>
            {
                Ok(())
            }
            _ => bad_value(edit.key, "it is not only the arguments of one directive"),
        }
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        setting.section == numbered(section) && after(&setting.name, key).is_some()
    }

    fn in_force(&self, hits: &[&Setting], key: &str) -> Option<String> {
        after(&hits.last()?.name, key).map(ToOwned::to_owned)
    }

    fn plain(&self, key: &str, value: &str) -> Result<String, EditError> {
        let alone = format!("{key} {value};");
        let one = self.settings(&alone)?;
        Ok(one.first().and_then(|one| after(&one.name, key)).unwrap_or_default().to_owned())
    }

    fn written(&self, text: &str, old: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        // Name and first arguments stay as they are spelled and spaced.
        let raw = &text[old.raw.clone()];
        let mut rest = raw;
        for word in key.split(' ') {
            rest = rest.trim_start();
            rest = rest.get(word.len()..).unwrap_or_default();
        }
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let between = if value.is_empty() {
            ""
        } else if gap == 0 {
            " "
        } else {
            &rest[..gap]
        };
        Ok(format!("{}{between}{value}", &raw[..raw.len() - rest.len()]))
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let eol = eol(text);
        let statement = format!("{};", one_space_end(&format!("{} {}", edit.key, edit.value.unwrap_or_default())));
        let path = numbered(edit.section);
        if path.is_empty() {
            return Ok((after_head(text, |line| line.starts_with('#')), format!("{statement}{eol}")));
        }
        let Some(block) = settings.iter().find(|setting| setting.section == path && setting.name.is_empty()) else {
            return bad_section(edit.section.unwrap_or_default(), "there is no such block");
        };
        let start = block.whole.end;
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
        let on_line = text[start..line_end].trim();
        if !on_line.is_empty() && !on_line.starts_with('#') {
            return Ok((start, format!(" {statement}")));
        }
        let indent = |at: usize| {
            let line = &text[text[..at].rfind('\n').map_or(0, |at| at + 1)..at];
            &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
        };
        // As the first thing in the block is indented, or one step deeper than the block.
        let inside = |setting: &&Setting| {
            setting.section == path && !setting.name.is_empty()
                || setting.name.is_empty()
                    && setting.section.strip_prefix(&path).is_some_and(|rest| rest.starts_with('/'))
        };
        let first = settings
            .iter()
            .find(inside)
            .map(|setting| if setting.name.is_empty() { setting.whole.start } else { setting.raw.start });
        let indent = match first {
            Some(at) if at >= line_end => indent(at).to_owned(),
            _ => format!("{}    ", indent(block.whole.start)),
        };
        Ok((line_end, format!("{indent}{statement}{eol}")))
    }

    fn get(&self, text: &str, section: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let settings = self.settings(text)?;
        unambiguous(&settings, section)?;
        Ok(self.in_force(&self.hits(&settings, section, key), key))
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let settings = self.settings(text)?;
        unambiguous(&settings, edit.section)?;
        let hits = self.hits(&settings, edit.section, edit.key);
        let Some(value) = edit.value else { return Ok(super::lines::without(text, &hits)) };
        let value = self.plain(edit.key, value)?;
        match hits.as_slice() {
            [] => {
                let (at, new) = self.insertion(text, &settings, &Edit { value: Some(&value), ..*edit })?;
                Ok(super::lines::inserted(text, at, &new))
            }
            [one] if self.in_force(&[one], edit.key).as_deref() == Some(&value) => Ok(text.to_owned()),
            [one] => {
                let new = self.written(text, one, edit.key, &value)?;
                Ok(super::lines::spliced(text, &[(one.raw.clone(), &new)]))
            }
            _ => bad_key(edit.key, "it stands more than once in the block; name it with its first argument"),
        }
    }
}

fn one_space_end(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// The path with a number at each part; the first block when none is given.
fn numbered(section: Option<&str>) -> String {
    let part = |part: &str| if part.ends_with(']') || part.is_empty() { part.to_owned() } else { format!("{part}[0]") };
    section.unwrap_or_default().split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A part without number must be the only block of that name.
fn unambiguous(settings: &[Setting], section: Option<&str>) -> Result<(), EditError> {
    let parts: Vec<&str> = section.unwrap_or_default().split('/').collect();
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| !part.ends_with(']') && !part.is_empty()) {
        let before = numbered(Some(&parts[..at].join("/")));
        let second = format!("{before}{}{part}[1]", if before.is_empty() { "" } else { "/" });
        if settings.iter().any(|setting| setting.section == second) {
            return bad_section(section.unwrap_or_default(), "there is more than one such block; give its number");
        }
    }
    Ok(())
}

/// The rest of a directive after the words of the key.
fn after<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    let rest = words.strip_prefix(key)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

enum Token {
    Word(Range<usize>),
    End(usize),
    Open(usize),
    Close(usize),
}

impl Token {
    fn range(&self) -> Range<usize> {
        match self {
            Token::Word(range) => range.clone(),
            Token::End(at) | Token::Open(at) | Token::Close(at) => *at..(at + 1),
        }
    }
}

/// The next token from `at` on.
fn token(text: &str, at: &mut usize) -> Result<Option<Token>, EditError> {
    let start = loop {
        let rest = &text[*at..];
        match rest.chars().next() {
            None => return Ok(None),
            Some(' ' | '\t' | '\r' | '\n') => *at += 1,
            Some('#') => *at += rest.find('\n').unwrap_or(rest.len()),
            Some(_) => break *at,
        }
    };
    let mut rest = text[start..].char_indices().map(|(at, c)| (start + at, c));
    let Some((_, first)) = rest.next() else { return Ok(None) };
    *at = start + first.len_utf8();
    match first {
        ';' => return Ok(Some(Token::End(start))),
        '{' => return Ok(Some(Token::Open(start))),
        '}' => return Ok(Some(Token::Close(start))),
        _ => {}
    }
    let quote = matches!(first, '"' | '\'').then_some(first);
    let (mut escaped, mut variable) = (first == '\\', first == '$');
    for (here, c) in rest {
        if escaped {
            escaped = false;
            continue;
        }
        match (c, quote) {
            ('\\', _) => escaped = true,
            (c, Some(open)) if c == open => {
                *at = here + 1;
                if text[*at..].chars().next().is_some_and(|c| !matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '{' | ')'))
                {
                    return bad(text, start, "something follows a quote at once");
                }
                return Ok(Some(Token::Word(start..*at)));
            }
            ('{', None) if variable => {}
            (' ' | '\t' | '\r' | '\n' | ';' | '{', None) => {
                *at = here;
                return Ok(Some(Token::Word(start..here)));
            }
            _ => {}
        }
        variable = c == '$';
    }
    if quote.is_some() || escaped {
        return bad(text, start, "a quote is not closed");
    }
    *at = text.len();
    Ok(Some(Token::Word(start..text.len())))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Nginx;
    const MAIN: &str = include_str!("fixtures/nginx.conf");
    const SITE: &str = include_str!("fixtures/nginx-site");

    #[test]
    fn the_files_of_debian() {
        let http = Some("http");
        assert_eq!(
            set(F, MAIN, http, "ssl_protocols", Some("TLSv1.2 TLSv1.3")),
            MAIN.replace("TLSv1 TLSv1.1 TLSv1.2", "TLSv1.2")
        );
        assert_eq!(
            set(F, MAIN, http, "server_tokens", Some("off")),
            MAIN.replace("http {\n", "http {\n\tserver_tokens off;\n")
        );
        for (text, section, key, value) in [
            (MAIN, http, "server_tokens", "off"),
            (MAIN, None, "user", "nobody"),
            (MAIN, None, "worker_rlimit_nofile", "1"),
            (MAIN, Some("events"), "worker_connections", "1"),
            (SITE, Some("server"), "root", "\"/a b\""),
            (SITE, Some("server[0]/location[0]"), "add_header X-Frame-Options", "DENY always"),
        ] {
            laws(F, text, section, key, value);
            hostile(F, text, section, key);
        }
    }

    #[test]
    fn blocks() {
        let text = "http { server { listen 80; a \"x;}\" ${b}c; } server {\n    listen 443 ssl; # c\n    if ($x ~ \"}\") { return 1; }\n  }\n}\n";
        assert_eq!(F.get(text, Some("http/server[1]"), "listen").as_deref(), Some("443 ssl"));
        assert_eq!(F.get(text, Some("http/server[0]"), "a").as_deref(), Some("\"x;}\" ${b}c"));
        assert_eq!(F.get(text, Some("http/server"), "listen"), None);
        refused(F, text, Some("http/server"), "listen", Some("1"));
        assert_eq!(
            set(F, text, Some("http/server[0]"), "b", Some("1")),
            text.replace("{ listen 80", "{ b 1; listen 80")
        );
        assert_eq!(
            set(F, text, Some("http/server[1]"), "b", Some("1")),
            text.replace("server {\n", "server {\n    b 1;\n")
        );
        assert_eq!(
            set(F, text, Some("http/server[1]"), "listen", None),
            text.replace("    listen 443 ssl; # c", "    # c")
        );
        refused(F, "a 1;\na 2;\n", None, "a", Some("3"));
        refused(F, text, Some("http/server[2]"), "b", Some("1"));
        for text in [
            "a {\n",
            "}\n",
            "a 1\n",
            "a \"x;\n",
            "a 'x'y;\n",
            ";\n",
            "{ }\n",
            "content_by_lua_block { x }\n",
            "a { b }\n",
        ] {
            refused(F, text, None, "c", Some("1"));
        }
        for value in ["1; b 2", "1 {", "}", "1;", "\"", "# x", "1 # x", "1 {}"] {
            refused(F, "", None, "c", Some(value));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces =
            &["# c", "", "x 1; # c", "y\n  {\n  k 3;\n  z { k 4; }\n}", "z { }", "w { # c\n}", "v \"a b\"\n  c;"];
        let values = "[a-z0-9/.:=-]{1,9}( (\"[ ;{}a-z]{0,5}\"|[a-z][a-z#}]{0,4}[$][{]x[}]))?";
        let keys = &["k", "q k", "new_1"];
        Trial { format: F, pieces, must: "", section: None, keys, values: "[a-z0-9/.:=-]{1,9}" }.run();
        for (section, must) in [("y[0]", "y {\n\tk 1;\n}"), ("y[0]/z", "y{z{k 2;}}"), ("u", "u # c\n{ # c\n# c\n}")] {
            Trial { format: F, pieces, must, section: Some(section), keys, values }.run();
        }
        for (section, text) in
            [("y", "y\n  {\n  k 3;\n  z { k 4; }\n}\nk 5;"), ("y/z", "y { z { k 4; }\n}\r\n"), ("w", "w { # c\n}")]
        {
            for key in ["k", "new"] {
                laws(F, text, Some(section), key, "a \"b c\" ${d}");
            }
        }
    }
}
