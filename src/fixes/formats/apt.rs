//! `apt.conf`: `A::B "value";` and `A { B "value"; };` in any case, the last one counts, `#clear` forgets. Source:
//! apt.conf(5); `//` and `#` begin comments that end with the line, `/*` one that ends with `*/`.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, check_key, eol, statement},
};

/// The format.
pub(super) struct Apt;

impl Syntax for Apt {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let tokens = tokens(text)?;
        let mut out: Vec<Setting> = Vec::new();
        let mut scopes: Vec<String> = Vec::new();
        let mut rest = tokens.iter().peekable();
        while let Some(token) = rest.next() {
            match token.kind {
                Kind::Close => {
                    if scopes.pop().is_none() {
                        return bad(text, token.range.start, "a } has no {");
                    }
                }
                Kind::End => {}
                Kind::Open => scopes.push(scopes.last().cloned().unwrap_or_default()),
                Kind::Clear => {
                    let below = |name: &str, cleared: &str| {
                        name == cleared || name.strip_prefix(cleared).is_some_and(|rest| rest.starts_with("::"))
                    };
                    while let Some(token) = rest.next_if(|token| token.kind == Kind::Word) {
                        let cleared = text[token.range.clone()].to_ascii_lowercase();
                        // What is forgotten is no setting any more.
                        out.retain(|setting| !below(&setting.name, cleared.trim_end_matches("::")));
                    }
                    if rest.next().is_none_or(|token| token.kind != Kind::End) {
                        return bad(text, token.range.start, "a ; is missing");
                    }
                }
                Kind::Word | Kind::Text => {
                    // `Name "value";`, `Name { …`, `Name "value" { …` or, in a list, `"value";`.
                    let name = (token.kind == Kind::Word).then(|| text[token.range.clone()].to_ascii_lowercase());
                    let value = match &name {
                        None => Some(token),
                        Some(_) => rest.next_if(|next| matches!(next.kind, Kind::Word | Kind::Text)),
                    };
                    let scope = scopes.last().map_or("", String::as_str);
                    let between = if scope.is_empty() { "" } else { "::" };
                    let full = format!("{scope}{between}{}", name.as_deref().unwrap_or_default());
                    let opens = match rest.next() {
                        Some(next) if next.kind == Kind::Open => true,
                        Some(next) if next.kind == Kind::End => false,
                        // `"value" }` ends a list as well.
                        Some(_) | None => return bad(text, token.range.start, "a ; is missing"),
                    };
                    if let Some(value) = value {
                        let end = if opens { value.range.end } else { end_of(text, value.range.end) };
                        let from = if opens { value.range.start } else { token.range.start };
                        out.push(Setting {
                            section: String::new(),
                            name: full.clone(),
                            value: Some(text[value.range.clone()].trim_matches('"').to_owned()),
                            whole: statement(text, from..end),
                            raw: value.range.clone(),
                            kept: String::new(),
                        });
                    }
                    if opens {
                        scopes.push(full);
                    }
                }
            }
        }
        if scopes.is_empty() { Ok(out) } else { bad(text, text.len(), "a { is not closed") }
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "/-:._+")?;
        let empty_part = edit.key.split("::").any(str::is_empty);
        if empty_part
            || edit.key.starts_with('/')
            || edit.key.contains("//")
            || edit.key.split("::").any(|part| part.contains(':'))
        {
            return bad_key(edit.key, "it is no name such as APT::Get::Assume-Yes");
        }
        if edit.value.is_some_and(|value| value.contains(['"', '\\'])) {
            return bad_value(edit.key, "it has a quote or a backslash, which this format cannot hold");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name.eq_ignore_ascii_case(key)
    }

    fn written(&self, _: &str, _: &Setting, _: &str, value: &str) -> Result<String, EditError> {
        Ok(format!("\"{value}\""))
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{} \"{}\";{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

/// After the `;` of the statement, when only blanks stand before it.
fn end_of(text: &str, value_end: usize) -> usize {
    let rest = &text[value_end..];
    let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    value_end + if rest[gap..].starts_with(';') { gap + 1 } else { 0 }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Open,
    Close,
    End,
    Clear,
}

struct Token {
    kind: Kind,
    range: Range<usize>,
}

fn tokens(text: &str) -> Result<Vec<Token>, EditError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let line = rest.find('\n').unwrap_or(rest.len());
        let (kind, long) = match c {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            '#' if rest.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("#clear")) => (Kind::Clear, 6),
            '#' if rest.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("#include")) => {
                return bad(text, at, "#include brings settings from elsewhere");
            }
            '#' => {
                at += line;
                continue;
            }
            '/' if rest.starts_with("//") => {
                at += line;
                continue;
            }
            '/' if rest.starts_with("/*") => {
                let Some(end) = rest[2..].find("*/") else { return bad(text, at, "a comment is not closed") };
                at += end + 4;
                continue;
            }
            '{' => (Kind::Open, 1),
            '}' => (Kind::Close, 1),
            ';' => (Kind::End, 1),
            '"' => match rest[1..line].find('"') {
                Some(close) => (Kind::Text, close + 2),
                None => return bad(text, at, "a quote is not closed"),
            },
            _ => (Kind::Word, rest.find([' ', '\t', '\r', '\n', '{', '}', ';', '"', '#']).unwrap_or(rest.len())),
        };
        out.push(Token { kind, range: at..(at + long) });
        at += long;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Apt;
    const AUTO: &str = include_str!("fixtures/20auto-upgrades");
    const UNATTENDED: &str = include_str!("fixtures/50unattended-upgrades");

    #[test]
    fn the_files_of_debian() {
        let key = "apt::periodic::unattended-upgrade";
        assert_eq!(set(F, AUTO, None, key, Some("0")), AUTO.replace("Upgrade \"1\"", "Upgrade \"0\""));
        for text in [AUTO, UNATTENDED] {
            for key in [key, "Unattended-Upgrade::Automatic-Reboot", "Unattended-Upgrade::Mail"] {
                laws(F, text, None, key, "a b;}//x");
                hostile(F, text, None, key);
            }
        }
    }

    #[test]
    fn scopes_lists_and_the_last_value() {
        let text = "A::B \"1\";\na { b \"2\"; C { \"x\"; \"y\"; }; }; // c\n/* A::B \"9\"; */ A::D 3; # A::B \"8\";\nA \"v\" { E \"4\"; };\n";
        let get = |key| F.get(text, None, key);
        assert_eq!(get("A::B").as_deref(), Some("2"));
        assert_eq!(get("a::d").as_deref(), Some("3"));
        assert_eq!(get("a").as_deref(), Some("v"));
        assert_eq!(get("a::e").as_deref(), Some("4"));
        assert_eq!(set(F, text, None, "A::B", Some("z")), text.replace("b \"2\"", "b \"z\""));
        assert_eq!(set(F, text, None, "A::B", None), text.replace("A::B \"1\";\n", "").replace(" b \"2\";", ""));
        assert_eq!(F.get("A::B \"1\";\n#clear A;\n", None, "A::B"), None);
        assert_eq!(set(F, "A::B \"1\";\n#clear A;", None, "A::B", Some("1")), "A::B \"1\";\n#clear A;\nA::B \"1\";\n");
    }

    #[test]
    fn what_is_refused() {
        for text in ["A {\n", "}\n", "A \"1\n", "/* x\n", "A \"1\"\n", "#include \"/x\";\n", "A { \"x\" }\n"] {
            refused(F, text, None, "B", Some("1"));
        }
        for key in ["A B", "A::", "::A", "A:B", "A{", "//A", "A//B"] {
            refused(F, AUTO, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "// c",
            "# c",
            "/* A::B \"0\";\n*/",
            "",
            "A::B \"1\";",
            "a { B \"2\"; C \"3\"; };",
            "A\n{\n  C {\n    \"x\";\n    \"y\";\n  };\n  B \"\"; // c\n};",
            "#clear A::B;",
            "D { E::F \"x//y\"; }",
        ];
        Trial {
            format: F,
            pieces,
            must: "",
            section: None,
            keys: &["A::B", "a::c", "D::E::F", "New::Key-1"],
            values: "[ !#-\\[\\]-~é]{0,12}",
        }
        .run();
    }
}
