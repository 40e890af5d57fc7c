//! The sentences for rows that differ, by subject. Each function gets one row and all the others, and says nothing where
//! another sentence already tells it.

pub(super) mod accounts;
pub(super) mod disks;
pub(super) mod files;
pub(super) mod network;
pub(super) mod programs;
pub(super) mod rights;
pub(super) mod servers;
pub(super) mod services;
pub(super) mod settings;
pub(super) mod ssh;

use super::{
    model::Weight,
    row::{All, Kind, Row},
    told::{Told, lower},
};

/// `(a)`, or nothing.
fn bracket(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// A setting by its name in words that begin a sentence, such as `The kernel setting 'x'`.
fn setting(row: Row<'_>, subject: &str, value: &str, weight: Weight, phrase: &str, item: &str) -> Told {
    let text = match row.kind() {
        Kind::Added => format!("{subject} is now set: {}.", row.now(value)),
        Kind::Removed => format!("{subject} is no longer set (was: {}).", row.was(value)),
        Kind::Changed => format!("{subject} is now {} (was: {}).", row.now(value), row.was(value)),
    };
    let item = match row.kind() {
        Kind::Added => format!("{item} {}", row.now(value)),
        Kind::Removed => format!("{item} (gone)"),
        Kind::Changed => format!("{item} {} → {}", row.was(value), row.now(value)),
    };
    Told::weighed(weight, text).many(phrase, item)
}
