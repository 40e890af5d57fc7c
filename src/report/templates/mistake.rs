//! A mistake in a template in one sentence: which file, which line, what is wrong there.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use tera::{Error, ErrorKind};

use super::own::Own;
use crate::words::{harmless, nearest};

/// The sentence. `own` holds the files of the machine in `dir`; `view` says which variables there are.
pub(super) fn sentence(error: &Error, dir: &Path, own: &Own, view: &Value) -> String {
    let place = |file: &str| {
        let path = dir.join(file).display().to_string();
        if own.is_empty() || own.get(file).is_some() { path } else { format!("built-in {file}") }
    };
    let text = match error.kind() {
        ErrorKind::SyntaxError(at) | ErrorKind::RenderingError(at) => {
            let wrong = wrong(at.message(), error, view);
            format!("{}, line {}: {wrong}.", place(at.filename()), at.span().start_line)
        }
        ErrorKind::CircularInclude { tpl, .. } | ErrorKind::CircularExtend { tpl, .. } => {
            format!("{}: it includes itself without end.", place(tpl))
        }
        ErrorKind::MissingParent { current, parent } => {
            format!("{}: it extends `{parent}`, which is not there.", place(current))
        }
        ErrorKind::Io(_) => format!("{}: the page grows without end.", dir.display()),
        _ => {
            let message = error.to_string();
            match drawn(&message) {
                Some((wrong_there, file, line)) => {
                    format!("{}, line {line}: {}.", place(file), wrong(wrong_there, error, view))
                }
                None => format!("{}: {}.", dir.display(), shorter(&message)),
            }
        }
    };
    harmless(&text)
}

/// What, where and in which line, of a mistake that comes as a drawing for a terminal only.
fn drawn(message: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = message.split_once("error: ")?;
    let (wrong, rest) = rest.split_once('\n')?;
    let place = rest.lines().next()?.trim_start().strip_prefix("--> ")?;
    let (rest, _column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((wrong, file, line))
}

fn wrong(message: &str, error: &Error, view: &Value) -> String {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let undefined = [("Variable `", "variable"), ("Field `", "field")];
    if let Some((_, what)) = undefined.iter().find(|(start, _)| message.starts_with(start)) {
        let mut names = BTreeSet::new();
        if *what == "variable" {
            names.extend(view.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str)));
        } else {
            fields(view, &mut names);
        }
        let meant = nearest(quoted, names.into_iter());
        let meant = meant.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
        return format!("there is no {what} `{quoted}`{meant}");
    }
    if message.starts_with("Unknown template `") {
        return format!("it includes `{quoted}`, which is not there");
    }
    if let Some(rest) = message.strip_prefix("Unknown ") {
        return format!("there is no {rest}");
    }
    // What a filter or function said is more than that it failed.
    let deeper = std::error::Error::source(error).map(ToString::to_string);
    shorter(&deeper.unwrap_or_else(|| message.to_owned()))
}

/// All names in it; those of a list are the same in each of its items.
fn fields<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name);
            fields(value, names);
        }),
        Value::Array(items) => items.iter().take(1).for_each(|item| fields(item, names)),
        _ => {}
    }
}

/// The first line, as the end of a sentence.
fn shorter(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    let mut chars = line.chars().take(200);
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
