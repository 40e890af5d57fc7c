//! JSON files such as `daemon.json`: the key is a path of names with dots between, and only the text of the one value
//! is changed. Source: RFC 8259; of two equal names the last one counts, comments are no JSON.
//!
//! A value that is JSON is written as it is (`true`, `10`, `["a"]`), any other as a string; `get` tells a string
//! without quotes unless it would then read as something else.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, eol},
};

/// How deep values may nest.
const DEPTH: usize = 64;

/// The format.
pub(super) struct Json;

impl Syntax for Json {
    /// The names of all values that are no objects, as paths; for the check that others stay as they are.
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        if let Some(root) = document(text)? {
            collect(text, &root, "", &mut out);
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        if edit.key.split('.').any(str::is_empty) {
            return bad_key(edit.key, "a part between dots is empty");
        }
        match edit.section {
            Some(section) => super::lines::bad_section(section, "JSON has no sections"),
            None => Ok(()),
        }
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        // An object that is replaced takes all below it along, and a new value the emptiness of what is around it.
        setting.name == key
            || setting.name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
            || (setting.value.as_deref() == Some("{}")
                && key.strip_prefix(setting.name.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }

    fn insertion(&self, text: &str, _: &[Setting], _: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), String::new()))
    }

    fn get(&self, text: &str, _: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let Some(root) = document(text)? else { return Ok(None) };
        let mut node = &root;
        for name in key.split('.') {
            let Some(member) = node.last(name) else { return Ok(None) };
            node = &member.value;
        }
        Ok(Some(told(text, node)))
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let root = document(text)?;
        let Some(value) = edit.value else {
            return Ok(root.map_or_else(|| text.to_owned(), |root| removed(text, root, edit.key)));
        };
        let new = if parse(value).is_ok_and(|node| node.is_some()) { value.to_owned() } else { encoded(value) };
        let same = parse(&new)?.map(|node| told(&new, &node));
        if root.is_some() && self.get(text, None, edit.key)? == same {
            return Ok(text.to_owned());
        }
        // An empty file begins as an empty object.
        let (text, root) = match root {
            Some(root) => (text.to_owned(), root),
            None => {
                let start = format!("{{}}{}", eol(text));
                let Some(root) = document(&start)? else { return Ok(text.to_owned()) };
                (start, root)
            }
        };
        let names: Vec<&str> = edit.key.split('.').collect();
        let mut node = &root;
        for (depth, name) in names.iter().enumerate() {
            if node.members.is_none() {
                return bad_key(edit.key, "a part before the last is no object");
            }
            let Some(member) = node.last(name) else {
                return Ok(put(&text, &root, node, names.get(depth..).unwrap_or_default(), &new));
            };
            node = &member.value;
        }
        Ok(super::lines::spliced(&text, &[(node.range.clone(), new.trim())]))
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
struct Node {
    range: Range<usize>,
    /// The members of an object.
    members: Option<Vec<Member>>,
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// Where the name begins.
    start: usize,
    value: Node,
}

impl Node {
    fn last(&self, name: &str) -> Option<&Member> {
        self.members.iter().flatten().rfind(|member| member.name == name)
    }
}

fn collect(text: &str, node: &Node, path: &str, out: &mut Vec<Setting>) {
    for member in node.members.iter().flatten() {
        let name = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
        if member.value.members.as_ref().is_some_and(|members| !members.is_empty()) {
            collect(text, &member.value, &name, out);
        } else {
            let value = Some(compact(&text[member.value.range.clone()]));
            let range = member.start..member.value.range.end;
            out.push(Setting {
                section: String::new(),
                name,
                value,
                whole: range.clone(),
                raw: range,
                kept: String::new(),
            });
        }
    }
}

/// The object that the text is; none when it is empty.
fn document(text: &str) -> Result<Option<Node>, EditError> {
    match parse(text)? {
        Some(root) if root.members.is_none() => bad(text, root.range.start, "the file is no JSON object"),
        root => Ok(root),
    }
}

fn parse(text: &str) -> Result<Option<Node>, EditError> {
    let mut parser = Parser { text, at: 0 };
    parser.space();
    if parser.at == text.len() {
        return Ok(None);
    }
    let node = parser.value(0)?;
    parser.space();
    if parser.at == text.len() {
        Ok(Some(node))
    } else {
        bad(text, parser.at, "something stands after the end of the JSON")
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, EditError> {
        let start = self.at;
        let mut members = None;
        match self.next() {
            _ if depth > DEPTH => return bad(self.text, start, "values are nested too deep"),
            Some(b'"') => drop(self.string()?),
            Some(b'{') => members = Some(self.members(depth)?),
            Some(b'[') => self.list(b']', |parser| parser.value(depth + 1).map(drop))?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => {
                let words = ["true", "false", "null"];
                let Some(word) = words.iter().find(|word| self.text[start..].starts_with(**word)) else {
                    return bad(
                        self.text,
                        start,
                        if self.text[start..].starts_with('/') {
                            "JSON has no comments"
                        } else {
                            "there is no JSON value here"
                        },
                    );
                };
                self.at += word.len();
            }
        }
        Ok(Node { range: start..self.at, members })
    }

    /// A list of things in brackets, commas between.
    fn list(&mut self, close: u8, mut one: impl FnMut(&mut Self) -> Result<(), EditError>) -> Result<(), EditError> {
        self.at += 1;
        self.space();
        if self.next() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            one(self)?;
            self.space();
            match self.next() {
                Some(b',') => self.at += 1,
                Some(c) if c == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return bad(self.text, self.at, "a , or a closing bracket is missing"),
            }
            self.space();
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member>, EditError> {
        let mut members = Vec::new();
        self.list(b'}', |parser| {
            let start = parser.at;
            if parser.next() != Some(b'"') {
                return bad(
                    parser.text,
                    start,
                    if parser.text[start..].starts_with('/') {
                        "JSON has no comments"
                    } else {
                        "a name in quotes is missing"
                    },
                );
            }
            let name = parser.string()?;
            parser.space();
            if parser.next() != Some(b':') {
                return bad(parser.text, parser.at, "a : is missing");
            }
            parser.at += 1;
            parser.space();
            members.push(Member { name, start, value: parser.value(depth + 1)? });
            Ok(())
        })?;
        Ok(members)
    }

    fn string(&mut self) -> Result<String, EditError> {
        let start = self.at;
        let mut rest = self.text[start + 1..].char_indices();
        while let Some((at, c)) = rest.next() {
            match c {
                '"' => {
                    self.at = start + at + 2;
                    let Some(decoded) = decoded(&self.text[start + 1..self.at - 1]) else {
                        return bad(self.text, start, "a \\ in a string has no meaning");
                    };
                    return Ok(decoded);
                }
                '\\' => drop(rest.next()),
                c if c < ' ' => break,
                _ => {}
            }
        }
        bad(self.text, start, "a string is not closed")
    }

    fn number(&mut self) -> Result<(), EditError> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while matches!(parser.next(), Some(b'0'..=b'9')) {
                parser.at += 1;
            }
            parser.at > from
        };
        self.at += usize::from(self.next() == Some(b'-'));
        let zero = self.next() == Some(b'0');
        let whole = self.at;
        let mut good = digits(self) && (!zero || self.at == whole + 1);
        if self.next() == Some(b'.') {
            self.at += 1;
            good &= digits(self);
        }
        if matches!(self.next(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.next(), Some(b'+' | b'-')));
            good &= digits(self);
        }
        if good { Ok(()) } else { bad(self.text, start, "a number is not written as JSON has it") }
    }
}

fn decoded(raw: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = raw.chars();
    let hex = |rest: &mut std::str::Chars<'_>| {
        let four = rest.as_str().get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *rest = rest.as_str().get(4..)?.chars();
        u16::from_str_radix(four, 16).ok()
    };
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next()? {
            c @ ('"' | '\\' | '/') => out.push(c),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let first = hex(&mut rest)?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) && rest.as_str().starts_with("\\u") {
                    rest = rest.as_str().get(2..)?.chars();
                    units.push(hex(&mut rest)?);
                }
                out.push_str(&String::from_utf16(&units).ok()?);
            }
            _ => return None,
        }
    }
    Some(out)
}

fn encoded(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Without white space outside strings.
fn compact(raw: &str) -> String {
    let (mut quote, mut escaped) = (false, false);
    let keep = |c: &char| {
        let inside = quote;
        quote ^= *c == '"' && !escaped;
        escaped = *c == '\\' && quote && !escaped;
        inside || !matches!(c, ' ' | '\t' | '\r' | '\n')
    };
    raw.chars().filter(keep).collect()
}

/// A value as `get` tells it.
fn told(text: &str, node: &Node) -> String {
    let raw = &text[node.range.clone()];
    match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).and_then(decoded) {
        // A string that would read as other JSON, or does not fit one line, is told in quotes.
        Some(plain) if parse(&plain).is_ok_and(|node| node.is_some()) || plain.contains(char::is_control) => {
            encoded(&plain)
        }
        Some(plain) => plain,
        None => compact(raw),
    }
}

/// The text without all members of this path.
fn removed(text: &str, root: Node, key: &str) -> String {
    let mut gone = Vec::new();
    find_gone(&root, key, &mut gone);
    let parts: Vec<_> = gone.into_iter().map(|range| (range, "")).collect();
    super::lines::spliced(text, &parts)
}

fn find_gone(node: &Node, key: &str, gone: &mut Vec<Range<usize>>) {
    let members = node.members.as_deref().unwrap_or_default();
    let (name, below) = key.split_once('.').map_or((key, None), |(name, below)| (name, Some(below)));
    if let Some(below) = below {
        members.iter().filter(|member| member.name == name).for_each(|member| find_gone(&member.value, below, gone));
        return;
    }
    let is_gone = |member: &Member| member.name == name;
    if members.iter().any(is_gone) && members.iter().all(is_gone) {
        gone.push((node.range.start + 1)..(node.range.end - 1));
        return;
    }
    // Each goes with the comma and the white space before the next, the last ones with those before them.
    for (at, member) in members.iter().enumerate().filter(|(_, member)| is_gone(member)) {
        let next = members.iter().skip(at + 1).find(|member| !is_gone(member));
        let start = match (next, members.iter().take(at).rfind(|member| !is_gone(member))) {
            (None, Some(before)) => before.value.range.end,
            _ => member.start,
        };
        let end = match (next, members.get(at + 1)) {
            (Some(_), Some(after)) => after.start,
            _ => member.value.range.end,
        };
        // Of several at the end, one range covers all.
        if gone.last().is_none_or(|last| last.end <= start) {
            gone.push(start..end);
        } else if let Some(last) = gone.last_mut() {
            last.end = end;
        }
    }
}

/// The text with a new member; missing objects around it come with it.
fn put(text: &str, root: &Node, node: &Node, names: &[&str], value: &str) -> String {
    let members = node.members.as_deref().unwrap_or_default();
    let eol = eol(text);
    let indent_of = |at: usize| {
        let line = &text[text[..at].rfind('\n').map_or(0, |at| at + 1)..at];
        line.chars().all(|c| c == ' ' || c == '\t').then(|| line.to_owned())
    };
    let step =
        root.members.iter().flatten().next().and_then(|member| indent_of(member.start)).filter(|step| !step.is_empty());
    let step = step.unwrap_or_else(|| "  ".to_owned());
    let line_indent = || {
        let line = &text[text[..node.range.start].rfind('\n').map_or(0, |at| at + 1)..node.range.start];
        line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned()
    };
    match members {
        [.., last] => match indent_of(last.start) {
            Some(indent) => {
                let new = format!(",{eol}{indent}{}", nested(names, value, &indent, &step, eol));
                super::lines::spliced(text, &[(last.value.range.end..last.value.range.end, &new)])
            }
            None => {
                let one_line = format!(", {}", flat(names, value));
                super::lines::spliced(text, &[(last.value.range.end..last.value.range.end, &one_line)])
            }
        },
        [] => {
            let outer = line_indent();
            let inner = format!("{outer}{step}");
            let new = format!("{{{eol}{inner}{}{eol}{outer}}}", nested(names, value, &inner, &step, eol));
            super::lines::spliced(text, &[(node.range.clone(), &new)])
        }
    }
}

fn nested(names: &[&str], value: &str, indent: &str, step: &str, eol: &str) -> String {
    match names {
        [] => value.to_owned(),
        [name] => format!("{}: {}", encoded(name), value.trim()),
        [name, below @ ..] => {
            let inner = format!("{indent}{step}");
            format!("{}: {{{eol}{inner}{}{eol}{indent}}}", encoded(name), nested(below, value, &inner, step, eol))
        }
    }
}

fn flat(names: &[&str], value: &str) -> String {
    match names {
        [] => value.to_owned(),
        [name] => format!("{}: {}", encoded(name), value.trim()),
        [name, below @ ..] => format!("{}: {{ {} }}", encoded(name), flat(below, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Json;
    const DAEMON: &str = "{\n    \"log-driver\": \"json-file\",\n    \"log-opts\": {\n        \"max-size\": \"10m\"\n    },\n    \"n\": 1.50e1,\n    \"list\": [ 1, 2 ]\n}\n";

    #[test]
    fn a_daemon_json() {
        assert_eq!(set(F, DAEMON, None, "log-driver", Some("journald")), DAEMON.replace("json-file", "journald"));
        assert_eq!(
            set(F, DAEMON, None, "log-opts.max-file", Some("\"3\"")),
            DAEMON.replace("\"10m\"\n", "\"10m\",\n        \"max-file\": \"3\"\n")
        );
        assert_eq!(
            set(F, DAEMON, None, "a.b", Some("true")),
            DAEMON.replace("2 ]\n", "2 ],\n    \"a\": {\n        \"b\": true\n    }\n")
        );
        assert_eq!(F.get(DAEMON, None, "n").as_deref(), Some("1.50e1"));
        assert_eq!(F.get(DAEMON, None, "list").as_deref(), Some("[1,2]"));
        for key in ["log-driver", "log-opts", "log-opts.max-size", "list", "new.a.b", "icc"] {
            for value in ["false", "journald", "\"3\"", "[\"a b\",1]", "{\"a\":{}}", "a \\ \" b", "12", "{x"] {
                laws(F, DAEMON, None, key, value);
            }
            hostile(F, DAEMON, None, key);
        }
        assert_eq!(set(F, DAEMON, None, "list", None), DAEMON.replace(",\n    \"list\": [ 1, 2 ]", ""));
        assert_eq!(
            set(F, DAEMON, None, "log-opts.max-size", None),
            DAEMON.replace("{\n        \"max-size\": \"10m\"\n    }", "{}")
        );
    }

    #[test]
    fn small_files() {
        assert_eq!(set(F, "", None, "a", Some("true")), "{\n  \"a\": true\n}\n");
        assert_eq!(set(F, "\n", None, "a.b", Some("x")), "{\n  \"a\": {\n    \"b\": \"x\"\n  }\n}\n");
        assert_eq!(set(F, "{}", None, "a", Some("1")), "{\n  \"a\": 1\n}");
        assert_eq!(set(F, "{\"a\":1}", None, "b.c", Some("2")), "{\"a\":1, \"b\": { \"c\": 2 }}");
        assert_eq!(set(F, "{\"a\":1,\"a\":2,\"b\":3,\"a\":4}", None, "a", None), "{\"b\":3}");
        assert_eq!(set(F, "{\"b\":3,\"a\":1,\"a\":2}", None, "a", None), "{\"b\":3}");
        assert_eq!(F.get("{\"a\":1,\"a\":\"\\u00e9\\ud83d\\ude00\"}", None, "a").as_deref(), Some("é😀"));
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "{",
            "[]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "// c\n{}",
            "{ /* c */ }",
            "{\"a\":01}",
            "{\"a\":\"\\x\"}",
            "{}{}",
            "{a:1}",
        ] {
            refused(F, text, None, "b", Some("1"));
        }
        refused(F, &"[".repeat(100_000), None, "b", Some("1"));
        refused(F, "{\"a\":1}", None, "a.b", Some("1"));
        for key in [".a", "a.", "a..b"] {
            refused(F, "{}", None, key, Some("1"));
        }
        refused(F, "{}", Some("x"), "a", Some("1"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &["{", "}", "\"a\": 1", "\"b\": {\"c\": \"x\"}", ",", "[1]", "\"a\"", " "];
        let whole =
            &["{\"a\": 1, \"b\": {\"c\": [1, {\"a\": 2}]}}", "{\n\t\"b\": {\n\t},\n\t\"z\": \"\\\"\"\n}", "", "{ }"];
        for text in whole {
            for crlf in [false, true] {
                let text = if crlf { text.replace('\n', "\r\n") } else { (*text).to_owned() };
                for key in ["a", "b", "b.c", "z", "new.x.y"] {
                    if key == "b.c" || !text.is_empty() {
                        laws(F, &text, None, key, "some \"value\"");
                    }
                }
            }
        }
        let member = proptest::sample::select(&[
            "\"a\": 1",
            "\"a\" : \"x\\\"y\"",
            "\"b\": {\"c\": [1, {\"a\": 2}]}",
            "\"b\": {\n}",
            "\"z\":1.50E+3",
        ]);
        let file = proptest::collection::vec(member, 0..5);
        let between = proptest::sample::select(&[",", ", ", ",\n    ", "\n\t,\r\n"]);
        let key = proptest::sample::select(&["a", "b", "b.c", "z", "new.x.y"]);
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let done = runner.run(&(file, between, key, "[ -~é]{0,12}"), |(members, between, key, value)| {
            let start = between.split_once(',').map_or("", |(_, after)| after);
            let text = format!("{{{start}{}{start}}}", members.join(between));
            // As `get` tells it.
            let value = F.get(&set(F, "", None, "a", Some(&value)), None, "a").unwrap_or_default();
            laws(F, &text, None, key, &value);
            Ok(())
        });
        assert!(done.is_ok(), "{done:?}");
        let any = proptest::collection::vec(proptest::sample::select(pieces), 0..12);
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let done = runner.run(&(any, ".*"), |(pieces, value)| {
            let text = pieces.concat();
            let edit = super::Edit { section: None, key: "b.c", value: Some(&value) };
            if let Ok(new) = F.edit(&text, &edit) {
                assert!(serde_json::from_str::<serde_json::Value>(&new).is_ok(), "{new}");
            }
            let valid = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
            assert_eq!(valid, super::document(&text).is_ok_and(|node| node.is_some()), "{text}");
            Ok(())
        });
        assert!(done.is_ok(), "{done:?}");
    }
}
