//! Reads the file: what is unknown, of the wrong kind or makes no sense is told, all of it at once, each with its line.

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use toml_edit::{Document, Item, TableLike};

use super::{
    Config, ConfigError, Mistake,
    keys::{self, Key},
    meaning,
};
use crate::{host::distrusted, words};

/// No settings file is larger.
const LARGEST: u64 = 1 << 20;

/// Settings as they were read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What holds.
    pub config: Config,
    /// The file, whether it is there or not.
    pub file: PathBuf,
    /// The text of the file; none where there is none and the defaults hold.
    pub text: Option<String>,
}

impl Settings {
    /// Where the settings are unless told otherwise: `/etc/cleanbill` for root, else the user's configuration folder.
    pub fn default_path() -> PathBuf {
        if rustix::process::geteuid().is_root() {
            return PathBuf::from("/etc/cleanbill/cleanbill.toml");
        }
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".config"));
        config.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("cleanbill/cleanbill.toml")
    }

    /// The defaults.
    pub fn none(file: impl Into<PathBuf>) -> Self {
        Settings { config: Config::default(), file: file.into(), text: None }
    }

    /// Reads a file; without one the defaults hold.
    ///
    /// # Errors
    /// When it cannot be read, is not trusted, or something in it is wrong.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let Some(text) = read(file)? else { return Ok(Self::none(file)) };
        let config = parse(&text).map_err(|mistakes| ConfigError { file: file.to_owned(), mistakes })?;
        Ok(Settings { config, file: file.to_owned(), text: Some(text) })
    }
}

/// The text of the file; none where there is none.
pub(super) fn read(file: &Path) -> Result<Option<String>, ConfigError> {
    let wrong = |what: String| ConfigError::whole(file, what);
    let unreadable = |error: &std::io::Error| wrong(format!("it cannot be read: {error}"));
    // Opening a pipe would wait without end, so it is looked at first.
    let meta = match file.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| unreadable(&e))?,
    };
    if !meta.is_file() {
        return Err(wrong("it is not a file".to_owned()));
    }
    let opened = File::open(file).map_err(|e| unreadable(&e))?;
    // Whoever can write it can have commands run.
    let meta = opened.metadata().map_err(|e| unreadable(&e))?;
    if let Some(why) = distrusted(&meta) {
        return Err(wrong(why.to_owned()));
    }
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong("it is larger than 1 MB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = line_of_byte(e.as_bytes(), e.utf8_error().valid_up_to());
        wrong(format!("line {line} is not UTF-8 text"))
    })?;
    Ok(Some(text))
}

/// What a text says, or all that is wrong with it.
pub(super) fn parse(text: &str) -> Result<Config, Vec<Mistake>> {
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map(|span| line_of_byte(text.as_bytes(), span.start));
        let what = words::capital(error.message().lines().next().unwrap_or("it is no TOML"));
        vec![Mistake { line, key: None, what: format!("{what}.") }]
    })?;
    let keys = keys::keys();
    let mut mistakes = Vec::new();
    let place = Place { text, keys: &keys };
    place.table("", document.as_table(), &mut mistakes);
    if mistakes.is_empty() {
        match toml::from_str::<Config>(text) {
            Ok(config) => {
                let mut found = meaning::mistakes(&config);
                if found.is_empty() {
                    return Ok(config);
                }
                for mistake in &mut found {
                    mistake.line = mistake.key.as_deref().and_then(|key| place.line(&document, key));
                }
                mistakes = found;
            }
            Err(error) => mistakes.push(place.wrong_kind(&document, &error)),
        }
    }
    mistakes.sort_by_key(|m| m.line);
    Err(mistakes)
}

/// Finds the way between keys and lines.
struct Place<'a> {
    text: &'a str,
    keys: &'a [Key],
}

impl Place<'_> {
    /// Tells the keys of a table that nobody knows.
    fn table(&self, path: &str, table: &dyn TableLike, mistakes: &mut Vec<Mistake>) {
        let general = keys::general(path);
        // Limits of checks are the checks' own; their names are compared with the catalogue.
        if general == "checks" {
            return;
        }
        let known = keys::names_in(self.keys, &general);
        // Here people choose the names.
        let free = keys::NAMED.contains(&path);
        for (name, item) in table.iter() {
            let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if !free && !known.iter().any(|k| k == name) {
                let line = table.get_key_value(name).and_then(|(key, _)| key.span()).map(|s| self.line_at(s.start));
                mistakes.push(Mistake { line, key: Some(full.clone()), what: self.unknown(path, name, &known) });
                continue;
            }
            if let Some(inner) = item.as_table_like() {
                self.table(&full, inner, mistakes);
            }
        }
    }

    fn unknown(&self, section: &str, name: &str, known: &[String]) -> String {
        let shown = words::harmless(name);
        if name == "password" || name == "passwd" {
            return "A password does not belong in this file. Put it into a file that only root may read, and name that \
                    file: `password_file = \"/etc/cleanbill/mail-password\"`."
                .to_owned();
        }
        let place = if section.is_empty() { "the settings".to_owned() } else { format!("[{section}]") };
        let place = words::harmless(&place);
        if let Some(near) = words::nearest(name, known.iter().map(String::as_str)) {
            return format!("`{shown}` is not known in {place}. Did you mean `{near}`?");
        }
        // Perhaps it stands in the wrong section.
        match self.keys.iter().find(|k| k.name() == name && !k.path.contains(keys::NAME)) {
            Some(other) => format!("`{shown}` is not known in {place}. There is a `{}`.", other.path),
            None => format!("`{shown}` is not known in {place}. These are: {}.", known.join(", ")),
        }
    }

    fn line_at(&self, byte: usize) -> usize {
        line_of_byte(self.text.as_bytes(), byte)
    }

    /// The line of a key; of one that is missing, that of its section.
    fn line(&self, document: &Document<&str>, key: &str) -> Option<usize> {
        let mut table: &dyn TableLike = document.as_table();
        let mut line = None;
        let mut rest = key;
        while !rest.is_empty() {
            // A name may hold dots: the longest that is there is meant.
            let (found, item, left) = split(rest).find_map(|(head, left)| {
                let (key, item) = table.get_key_value(head)?;
                Some((key.span().or_else(|| item.span()), item, left))
            })?;
            line = found.map(|span| self.line_at(span.start)).or(line);
            rest = left;
            match item.as_table_like() {
                Some(inner) => table = inner,
                None => break,
            }
            if !rest.is_empty() && !split(rest).any(|(head, _)| table.contains_key(head)) {
                break;
            }
        }
        line
    }

    /// A value of the wrong kind, by the key it belongs to.
    fn wrong_kind(&self, document: &Document<&str>, error: &toml::de::Error) -> Mistake {
        let span = error.span().unwrap_or(0..0);
        let line = error.span().map(|s| self.line_at(s.start));
        let path = holder(document.as_table(), span.start);
        let key = path.as_deref().and_then(|p| self.keys.iter().find(|k| k.path == keys::general(p)));
        let said = error.message().lines().next().unwrap_or_default();
        let what = match (&path, key) {
            (Some(path), Some(key)) if key.is_section() => match said.strip_prefix("missing field ") {
                Some(field) => format!("[{path}] lacks {field}."),
                None => format!("`{path}` is a section: write `[{path}]` on a line of its own."),
            },
            (Some(path), Some(key)) => {
                let written = self.text.get(span).unwrap_or_default().lines().next().unwrap_or_default();
                // What a reader of ours says is a sentence already.
                let ours = said.starts_with('`');
                let near = key.choices.iter().map(|c| c.word.as_str());
                let near = words::nearest(written.trim_matches(['"', '\'']), near);
                match near {
                    _ if ours => format!("`{path}`: {said}."),
                    Some(near) => format!("`{path}` cannot be {written}. Did you mean \"{near}\"?"),
                    None => {
                        format!("`{path}` takes {}, not {written}.", key.takes.as_deref().unwrap_or("something else"))
                    }
                }
            }
            _ => format!("{}.", words::capital(said)),
        };
        Mistake { line, key: path, what }
    }
}

/// The ways to take a name off the front of a path, the longest first.
fn split(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots = path.rmatch_indices('.').map(|(at, _)| at);
    std::iter::once((path, "")).chain(dots.filter_map(|at| Some((path.get(..at)?, path.get(at + 1..)?))))
}

/// The path of the key whose value lies at a byte.
fn holder(table: &dyn TableLike, byte: usize) -> Option<String> {
    for (name, item) in table.iter() {
        if let Some(inner) = item.as_table_like()
            && let Some(path) = holder(inner, byte)
        {
            return Some(format!("{name}.{path}"));
        }
        // Of a section that is written in lines, its name is all that is its own.
        let named = || table.get_key_value(name).and_then(|(key, _)| key.span()).is_some_and(|s| s.contains(&byte));
        let holds = |item: &Item| item.span().is_some_and(|s| s.contains(&byte));
        if holds(item) || named() {
            return Some(name.to_owned());
        }
    }
    None
}

fn line_of_byte(text: &[u8], byte: usize) -> usize {
    text.get(..byte.min(text.len())).unwrap_or_default().iter().filter(|b| **b == b'\n').count() + 1
}
