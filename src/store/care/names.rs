//! Names of backups, of what is kept aside, and of what is being written; nothing with another name is ever touched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::Offset};

use super::BackupFile;

const ENDING: &str = ".duckdb";
const PART: &str = ".part";
/// What stands in the name of a store of an older schema, before its number.
const SCHEMA: &str = "schema-";
/// A minute in a name, UTC. In order of the alphabet they are in order of time.
const MINUTE: &str = "%Y-%m-%dT%H%M";

/// The name of a store without its ending: its backups begin with it.
pub(super) fn stem(store: &Path) -> String {
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(ENDING).unwrap_or(&name).to_owned()
}

/// A minute as it stands in a name.
pub(super) fn minute(now: Timestamp) -> String {
    now.strftime(MINUTE).to_string()
}

/// `cleanbill-2026-11-26T0300.duckdb`; `-2` and so on when that minute has one already.
pub(super) fn backup(folder: &Path, stem: &str, now: Timestamp) -> PathBuf {
    let minute = minute(now);
    let first = folder.join(format!("{stem}-{minute}{ENDING}"));
    free(first, |n| folder.join(format!("{stem}-{minute}-{n}{ENDING}")))
}

/// A backup while it is being written.
pub(super) fn part(folder: &Path, stem: &str, now: Timestamp) -> PathBuf {
    folder.join(format!(".{stem}-{}{ENDING}{PART}", minute(now)))
}

/// Where the file that was there is kept: `cleanbill.duckdb.broken-2026-11-26T0300`.
pub(super) fn aside(store: &Path, why: &str, now: Timestamp) -> PathBuf {
    let name = format!("{}.{why}-{}", store.file_name().unwrap_or_default().to_string_lossy(), minute(now));
    free(store.with_file_name(&name), |n| store.with_file_name(format!("{name}-{n}")))
}

/// Where a store of an older schema is kept before it is brought to that of today:
/// `cleanbill.duckdb.schema-4-2026-11-26T0300`.
pub(super) fn of_schema(store: &Path, schema: i64, now: Timestamp) -> PathBuf {
    aside(store, &format!("{SCHEMA}{schema}"), now)
}

/// What is kept of a store that a program which knows this schema can read, the newest last.
pub(super) fn of_older_schemas(store: &Path, known: i64) -> Vec<PathBuf> {
    let prefix = format!("{}.{SCHEMA}", store.file_name().unwrap_or_default().to_string_lossy());
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(super::folder_of(store)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((schema, minute)) = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('-')) else { continue };
        if schema.parse::<i64>().is_ok_and(|schema| schema <= known) {
            found.push((minute.to_owned(), store.with_file_name(name)));
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

fn free(first: PathBuf, next: impl Fn(u32) -> PathBuf) -> PathBuf {
    let taken = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
    if taken(&first) { (2..).map(next).find(|p| !taken(p)).unwrap_or(first) } else { first }
}

/// When a backup was made, and which one of that minute it is.
fn parse(name: &str, stem: &str) -> Option<(Timestamp, u32)> {
    let rest = name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(ENDING)?;
    let (minute, tail) = rest.split_at_checked("2026-11-26T0300".len())?;
    let made = Offset::UTC.to_timestamp(DateTime::strptime(MINUTE, minute).ok()?).ok()?;
    // Other spellings of the same moment are not ours.
    if self::minute(made) != minute {
        return None;
    }
    match tail.strip_prefix('-') {
        None => tail.is_empty().then_some((made, 1)),
        Some(digits) => digits.parse().ok().filter(|n: &u32| *n > 1 && n.to_string() == digits).map(|n| (made, n)),
    }
}

/// The backups of a store in a folder, the newest first.
pub(super) fn backups(folder: &Path, stem: &str) -> std::io::Result<Vec<BackupFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((made, n)) = name.to_str().and_then(|name| parse(name, stem)) else { continue };
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_file() {
            found.push((made, n, BackupFile { file: entry.path(), made, size: meta.len() }));
        }
    }
    found.sort_by_key(|(made, n, _)| std::cmp::Reverse((*made, *n)));
    Ok(found.into_iter().map(|(_, _, file)| file).collect())
}

/// Removes backups that were cut off while they were written. Only for who holds the folder.
pub(super) fn sweep(folder: &Path, stem: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let whole = name.to_str().and_then(|n| n.strip_prefix('.')).and_then(|n| n.strip_suffix(PART));
        if whole.is_some_and(|whole| parse(whole, stem).is_some()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn only_our_own_names_are_backups() {
        let at: Timestamp = "2026-11-26T03:00:42Z".parse().unwrap();
        let minute: Timestamp = "2026-11-26T03:00:00Z".parse().unwrap();
        assert_eq!(parse("cleanbill-2026-11-26T0300.duckdb", "cleanbill"), Some((minute, 1)));
        assert_eq!(parse("cleanbill-2026-11-26T0300-2.duckdb", "cleanbill"), Some((minute, 2)));
        for other in [
            "cleanbill.duckdb",
            "cleanbill-2026-11-26.duckdb",
            "cleanbill-2026-11-26T0300.duckdb.wal",
            "cleanbill-2026-11-26T0300-1.duckdb",
            "cleanbill-2026-11-26T0300-02.duckdb",
            "cleanbill-2026-13-26T0300.duckdb",
            "cleanbill-mine-2026-11-26T0300.duckdb",
            ".cleanbill-2026-11-26T0300.duckdb.part",
        ] {
            assert_eq!(parse(other, "cleanbill"), None, "{other}");
        }
        let folder = tempfile::tempdir().unwrap();
        for expected in ["", "-2", "-3"] {
            let path = backup(folder.path(), "cleanbill", at);
            assert_eq!(path, folder.path().join(format!("cleanbill-2026-11-26T0300{expected}.duckdb")));
            fs::write(&path, "").unwrap();
        }
        fs::write(part(folder.path(), "cleanbill", at), "").unwrap();
        fs::write(part(folder.path(), "other", at), "").unwrap();
        sweep(folder.path(), "cleanbill");
        let newest = backups(folder.path(), "cleanbill").unwrap();
        assert!(newest[0].file.ends_with("cleanbill-2026-11-26T0300-3.duckdb"), "{newest:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "the part of another store stays");
    }
}
