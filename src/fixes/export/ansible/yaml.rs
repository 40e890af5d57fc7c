//! Tasks as YAML: every value is a quoted scalar, and those with braces are marked as no template.

use std::fmt::Write as _;

use crate::words::{capital, harmless};

/// A task: a name, a module, its arguments, and what else it has. Values are YAML already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) module: &'static str,
    arguments: Vec<(&'static str, Value)>,
    pub(super) more: Vec<(&'static str, Value)>,
}

/// A value of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// On one line.
    Word(String),
    /// A list.
    List(Vec<String>),
    /// Lines of text.
    Lines(String),
}

impl Task {
    pub(super) fn new(name: impl Into<String>, module: &'static str) -> Self {
        Task { name: name.into(), module, arguments: Vec::new(), more: Vec::new() }
    }

    pub(super) fn set(&mut self, name: &'static str, value: Value) {
        self.arguments.push((name, value));
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, Value::Word(value.into())));
        self
    }

    pub(super) fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, Value::Word(value.into())));
        self
    }

    pub(super) fn print(&self, indent: usize, text: &mut String) {
        let pad = " ".repeat(indent);
        let _ = writeln!(text, "{pad}- name: {}\n{pad}  {}:", quote(&self.name), self.module);
        if self.arguments.is_empty() {
            text.pop();
            text.push_str(" {}\n");
        }
        for (values, indent) in [(&self.arguments, indent + 4), (&self.more, indent + 2)] {
            let pad = " ".repeat(indent);
            for (name, value) in values {
                match value {
                    Value::Word(word) => {
                        let _ = writeln!(text, "{pad}{name}: {word}");
                    }
                    Value::List(items) => {
                        let _ = writeln!(text, "{pad}{name}:");
                        for item in items {
                            let _ = writeln!(text, "{pad}  - {item}");
                        }
                    }
                    Value::Lines(lines) => {
                        let mark = if is_template(lines) { "!unsafe " } else { "" };
                        let keep = if lines.ends_with("\n\n") { "+" } else { "" };
                        let _ = writeln!(text, "{pad}{name}: {mark}|2{keep}");
                        for line in lines.lines() {
                            // Indented by two, as the number says.
                            let _ = writeln!(
                                text,
                                "{}",
                                if line.is_empty() { String::new() } else { format!("{pad}  {line}") }
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Whether Ansible would take it for a template.
fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|t| text.contains(t))
}

/// A scalar in double quotes that YAML 1.1 and 1.2 read alike.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric() => out.push(c),
            c => {
                let _ = match u32::from(c) {
                    n @ 0..=0xff => write!(out, "\\x{n:02x}"),
                    n @ 0x100..=0xffff => write!(out, "\\u{n:04x}"),
                    n => write!(out, "\\U{n:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// The same as a value that is no template.
pub(super) fn literal(text: &str) -> String {
    let mark = if is_template(text) { "!unsafe " } else { "" };
    format!("{mark}{}", quote(text))
}

pub(super) fn text_value(text: &str) -> Value {
    Value::Word(literal(text))
}

/// A name for people: no template, with a capital letter.
pub(super) fn name_of(text: &str) -> String {
    capital(&harmless(text).replace(['{', '}'], "?"))
}

/// A name for a sentence: what is odd in it is left out.
pub(super) fn words_of(text: &str) -> String {
    harmless(text).replace(['{', '}'], "?").chars().take(120).collect()
}

/// A part of the name of a variable.
pub(super) fn variable(check: &str) -> String {
    check.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
