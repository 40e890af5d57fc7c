//! apt's own settings (apt.conf(5)): nested scopes, lists, comments, `#include` and `#clear`, read in apt's order.
//! It keeps only what files say, not apt's built-in defaults, and never a password in an address.

use super::{hide_password, parts};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason},
    host::Host,
};

fact_table! {
    /// One row for each effective setting of apt that a file makes.
    "apt_config" => AptConfig {
        /// File that sets it.
        source: String,
        /// Line in that file.
        line: i64,
        /// Full name with its scopes, such as `APT::Periodic::Unattended-Upgrade`; the items of a list end in `::`.
        name: String,
        /// Its value; passwords in addresses are left out.
        value: String,
    }
    offline: true,
    examples: [
        "select name, value, source, line from apt_config where name ilike 'APT::Periodic::%'",
        "select value from apt_config where name ilike 'Unattended-Upgrade::Origins-Pattern::'",
    ],
}

const MAX_FILES: usize = 500;
const MAX_DEPTH: usize = 10;
const MAX_SETTINGS: usize = 20_000;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub name: String,
    pub value: String,
    pub source: String,
    pub line: i64,
}

/// All settings, the last one of a name winning.
#[derive(Debug, Default)]
pub(super) struct Config {
    settings: Vec<Setting>,
    files: usize,
}

impl Config {
    /// Reads apt.conf.d and apt.conf.
    pub fn read(host: &Host, facts: &mut Facts) -> Config {
        let mut config = Config::default();
        let ok = |name: &str| !name.contains('.') || name.ends_with(".conf");
        for path in parts(host, "/etc/apt/apt.conf.d", ok) {
            config.file(host, &path, 0, facts);
        }
        if host.exists("/etc/apt/apt.conf") {
            config.file(host, "/etc/apt/apt.conf", 0, facts);
        }
        config
    }

    fn file(&mut self, host: &Host, path: &str, depth: usize, facts: &mut Facts) {
        let gap = |reason| Gap::new("all settings of the program that installs updates", path, reason);
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            let reason = Reason::Broken("its files include each other without end".to_owned());
            facts.partial::<AptConfig>(gap(reason));
            return;
        }
        let text = match host.read_text(path) {
            Ok(text) => text,
            Err(error) => {
                facts.partial::<AptConfig>(gap(error.reason()));
                return;
            }
        };
        let mut includes = Vec::new();
        if !self.text(path, &text, &mut includes) {
            let reason = Reason::Broken("its brackets do not match".to_owned());
            facts.partial::<AptConfig>(gap(reason));
        }
        for include in includes {
            let dir = include.ends_with('/') || host.list(&include).is_ok();
            let files = if dir { parts(host, &include, |_| true) } else { vec![include] };
            for file in files {
                self.file(host, &file, depth.saturating_add(1), facts);
            }
        }
    }

    /// Reads one file's text; false when its brackets do not match.
    fn text(&mut self, source: &str, text: &str, includes: &mut Vec<String>) -> bool {
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<(String, i64)> = Vec::new();
        let mut balanced = true;
        tokens(text, |token, line| match token {
            Token::Word(word) => words.push((word, line)),
            Token::Semicolon => self.statement(source, &scopes, &mut words, includes),
            Token::Open => {
                let tag = words.first().map(|(tag, _)| tag.clone()).unwrap_or_default();
                if words.len() > 1 {
                    self.statement(source, &scopes, &mut words, includes);
                }
                words.clear();
                if scopes.len() < 100 {
                    scopes.push(join(scopes.last(), &tag));
                } else {
                    balanced = false;
                }
            }
            Token::Close => {
                self.statement(source, &scopes, &mut words, includes);
                balanced &= scopes.pop().is_some();
            }
        });
        self.statement(source, &scopes, &mut words, includes);
        balanced && scopes.is_empty()
    }

    fn statement(
        &mut self,
        source: &str,
        scopes: &[String],
        words: &mut Vec<(String, i64)>,
        includes: &mut Vec<String>,
    ) {
        let taken = std::mem::take(words);
        let mut rest = taken.into_iter();
        let Some((tag, line)) = rest.next() else { return };
        let value: Vec<String> = rest.map(|(word, _)| word).collect();
        let parent = scopes.last();
        match (tag.as_str(), value.is_empty()) {
            ("#include", _) => includes.extend(value),
            ("#clear", _) => value.iter().for_each(|name| self.clear(&join(parent, name))),
            (_, true) => {
                // A lone word inside a scope is an item of a list.
                if let Some(scope) = parent {
                    self.set(format!("{scope}::"), tag, source, line);
                }
            }
            (_, false) => self.set(join(parent, &tag), value.join(" "), source, line),
        }
    }

    fn set(&mut self, name: String, value: String, source: &str, line: i64) {
        if self.settings.len() >= MAX_SETTINGS {
            return;
        }
        let setting = Setting { name, value, source: source.to_owned(), line };
        let old = self.settings.iter_mut().find(|s| s.name.eq_ignore_ascii_case(&setting.name));
        match old {
            Some(old) if !setting.name.ends_with("::") => *old = setting,
            _ => self.settings.push(setting),
        }
    }

    fn clear(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let scope = format!("{}::", name.trim_end_matches("::"));
        self.settings.retain(|s| {
            let own = s.name.to_ascii_lowercase();
            own != name && !own.starts_with(&scope)
        });
    }

    /// The setting of that name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|s| s.name.eq_ignore_ascii_case(name))
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|s| s.value.trim())
    }

    /// Whether it is switched on, as apt reads truth.
    pub fn on(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?.to_ascii_lowercase();
        match value.as_str() {
            "yes" | "true" | "with" | "on" | "enable" => Some(true),
            "no" | "false" | "without" | "off" | "disable" => Some(false),
            number => number.parse::<i64>().ok().map(|n| n != 0),
        }
    }

    /// The items of a list.
    pub fn list(&self, name: &str) -> Vec<&Setting> {
        let item = format!("{name}::");
        let starts = |s: &Setting| s.name.get(..item.len()).is_some_and(|head| head.eq_ignore_ascii_case(&item));
        self.settings.iter().filter(|s| starts(s)).collect()
    }

    /// Pushes the table.
    pub fn tell(&self, facts: &mut Facts) {
        for s in &self.settings {
            facts.push(AptConfig {
                source: s.source.clone(),
                line: s.line,
                name: s.name.clone(),
                value: hide_password(&s.value),
            });
        }
    }
}

fn join(parent: Option<&String>, tag: &str) -> String {
    match parent {
        Some(parent) => format!("{}::{tag}", parent.trim_end_matches("::")),
        None => tag.to_owned(),
    }
}

enum Token {
    Word(String),
    Open,
    Close,
    Semicolon,
}

/// Splits apt.conf into words and marks; comments are `//`, `/* */`, and `#` unless it is a directive.
fn tokens(text: &str, mut each: impl FnMut(Token, i64)) {
    let mut rest = text.chars().peekable();
    let mut line = 1_i64;
    let skip_line = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        while rest.next_if(|c| *c != '\n').is_some() {}
    };
    while let Some(c) = rest.next() {
        match c {
            '\n' => line = line.saturating_add(1),
            '{' => each(Token::Open, line),
            '}' => each(Token::Close, line),
            ';' => each(Token::Semicolon, line),
            '"' => {
                let start = line;
                let mut word = String::new();
                for c in rest.by_ref() {
                    match c {
                        '"' => break,
                        '\n' => line = line.saturating_add(1),
                        c => word.push(c),
                    }
                }
                each(Token::Word(word), start);
            }
            '/' if rest.peek() == Some(&'/') => skip_line(&mut rest),
            '/' if rest.peek() == Some(&'*') => {
                let mut last = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if c == '\n' {
                        line = line.saturating_add(1);
                    }
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                while let Some(next) = rest.next_if(|c| !c.is_whitespace() && !"{};\"".contains(*c)) {
                    word.push(next);
                }
                match word.as_str() {
                    "#clear" | "#include" => each(Token::Word(word), line),
                    w if w.starts_with('#') => skip_line(&mut rest),
                    _ => each(Token::Word(word), line),
                }
            }
        }
    }
}
