//! Changes the file as a careful person would: comments, order and everything else stay.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};

use super::{ConfigError, Job, Mistake, Settings, keys, load};
use crate::files::write_whole;

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What is there, or would be there, is wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigError),
    /// It cannot be written.
    #[error("{0} cannot be written: {1}")]
    Write(PathBuf, std::io::Error),
}

/// A settings file that is being changed.
#[derive(Debug)]
pub struct Edit {
    file: PathBuf,
    head: String,
    document: DocumentMut,
    was: Option<String>,
}

const HEAD: &str = "\
# Settings of cleanbill. What each key means: cleanbill config explain
# After a change by hand:                     cleanbill config check
";

impl Edit {
    /// Begins with what is there; it may be nothing.
    ///
    /// # Errors
    /// When it cannot be read, or what is there is wrong.
    pub fn open(file: &Path) -> Result<Self, EditError> {
        let settings = Settings::load(file)?;
        let text = settings.text.clone().unwrap_or_else(|| HEAD.to_owned());
        // Of a file that says nothing, the comments stay in front.
        let says_nothing = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let (head, text) = if says_nothing { (text, String::new()) } else { (String::new(), text) };
        let document = text.parse().map_err(|e: toml_edit::TomlError| {
            let what = e.message().to_owned();
            ConfigError { file: file.to_owned(), mistakes: vec![Mistake { line: None, key: None, what }] }
        })?;
        Ok(Edit { file: file.to_owned(), head, document, was: settings.text })
    }

    /// Sets a key such as `mail.server`, in a section that is made where it is not there.
    pub fn set(&mut self, path: &str, to: impl Into<Value>) {
        let Some((section, key)) = path.rsplit_once('.') else { return };
        let table = self.section(section);
        let to = to.into();
        match table.get_mut(key).and_then(Item::as_value_mut) {
            // What stands behind it on its line stays there.
            Some(old) if same(old, &to) => {}
            Some(old) => {
                let decor = old.decor().clone();
                *old = to;
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(key, value(to));
            }
        }
    }

    /// Sets a key, or takes it out where there is nothing to set.
    pub fn put(&mut self, path: &str, to: Option<impl Into<Value>>) {
        match to {
            Some(to) => self.set(path, to),
            None => {
                self.unset(path);
            }
        }
    }

    /// Whether a key is set.
    pub fn has(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// What a key is set to.
    fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self.document.as_item(), |item, part| item.get(part))?.as_value()
    }

    /// Takes a key out, so that its default holds; whether it was there.
    pub fn unset(&mut self, path: &str) -> bool {
        let Some((section, key)) = path.rsplit_once('.') else { return false };
        let found = section
            .split('.')
            .try_fold(self.document.as_table_mut(), |table, part| table.get_mut(part).and_then(Item::as_table_mut));
        found.is_some_and(|table| table.remove(key).is_some())
    }

    /// Writes a job, in the place of one of the same name; of its keys, those that differ from the defaults.
    pub fn job(&mut self, name: &str, job: &Job) {
        let plain = toml::Table::try_from(Job::new(job.task, &*job.when)).unwrap_or_default();
        let mut wanted = toml::Table::try_from(job).unwrap_or_default();
        let schedule = self.section("schedule");
        schedule.set_implicit(true);
        if !schedule.get(name).is_some_and(Item::is_table) {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            schedule.insert(name, Item::Table(table));
        }
        for key in keys::names_in(&keys::keys(), &format!("schedule.{}", keys::NAME)) {
            let path = format!("schedule.{name}.{key}");
            let needed = matches!(key.as_str(), "when" | "do") || plain.get(&key) != wanted.get(&key);
            match wanted.remove(&key).map(edited) {
                Some(to) if needed || self.get(&path).is_some_and(|now| same(now, &to)) => self.set(&path, to),
                _ => {
                    self.unset(&path);
                }
            }
        }
    }

    /// Takes a job out; whether it was there.
    pub fn remove_job(&mut self, name: &str) -> bool {
        let schedule = self.document.get_mut("schedule").and_then(Item::as_table_like_mut);
        schedule.is_some_and(|jobs| jobs.remove(name).is_some())
    }

    /// A section, made with its sentence where it is not there.
    fn section(&mut self, path: &str) -> &mut Table {
        let mut table = self.document.as_table_mut();
        for part in path.split('.') {
            let item = table.entry(part).or_insert_with(|| {
                let mut new = Table::new();
                let says = keys::keys().into_iter().find(|k| k.path == path).map(|k| k.says);
                let says = says.filter(|_| path != "schedule").map(|s| format!("\n# {s}\n"));
                new.decor_mut().set_prefix(says.unwrap_or_else(|| "\n".to_owned()));
                Item::Table(new)
            });
            // One that was written as `{ a = 1 }` becomes a section of its own.
            if let Some(inline) = item.as_inline_table() {
                *item = Item::Table(inline.clone().into_table());
            }
            if !item.is_table() {
                *item = Item::Table(Table::new());
            }
            // Just made so, above.
            table = match item {
                Item::Table(inner) => inner,
                _ => unreachable!("it was made a table"),
            };
        }
        table
    }

    /// The text as it would be written.
    pub fn text(&self) -> String {
        format!("{}{}", self.head, self.document)
    }

    /// Whether it says something else than the file.
    pub fn is_changed(&self) -> bool {
        self.was.as_deref() != Some(self.text().as_str())
    }

    /// What the text would mean.
    ///
    /// # Errors
    /// All that would be wrong with it.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let text = self.text();
        let config = load::parse(&text).map_err(|mistakes| ConfigError { file: self.file.clone(), mistakes })?;
        Ok(Settings { config, file: self.file.clone(), text: Some(text) })
    }

    /// Writes the file, whole or not at all, once it is known to be right.
    ///
    /// # Errors
    /// When it would be wrong, or cannot be written.
    pub fn save(&self) -> Result<Settings, EditError> {
        let settings = self.settings()?;
        let failed = |e| EditError::Write(self.file.clone(), e);
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        if let Some(folder) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed)?;
        }
        write_whole(&file, self.text().as_bytes(), 0o644).map_err(failed)?;
        Ok(settings)
    }
}

/// The same value, to be written.
fn edited(from: toml::Value) -> Value {
    match from {
        toml::Value::String(s) => s.into(),
        toml::Value::Integer(i) => i.into(),
        toml::Value::Float(f) => f.into(),
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(d) => Value::from(d.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(edited).collect()),
        toml::Value::Table(table) => {
            Value::InlineTable(table.into_iter().map(|(k, v)| (k, edited(v))).collect::<InlineTable>())
        }
    }
}

/// Whether two values mean the same, however they are written.
fn same(a: &Value, b: &Value) -> bool {
    let plain = |value: &Value| format!("v = {value}").parse::<toml::Table>().ok();
    plain(a).is_some_and(|one| plain(b) == Some(one))
}
