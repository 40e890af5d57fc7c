//! Taking what was written into the file, so that a process that is killed meanwhile harms nothing.
//!
//! DuckDB writes a transaction beside the file first, and takes it into the file when it closes. Rows go to blocks that
//! nobody uses then; but blocks that say where everything is are written over while they are in use: a kill in that moment
//! leaves one that is half new, and a file that nobody can read. So these few are kept beside the file meanwhile. Whoever
//! finds them there puts them back, and what was written beside the file is taken in again.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use duckdb::Connection;

use super::care;

/// How the file of what is kept ends.
const ENDING: &str = ".guard";
/// What it begins with.
const HEAD: &[u8; 16] = b"cleanbill guard1";
/// Length of the check sum at its end.
const SUM: usize = 32;
/// The head of a file of DuckDB: three parts, of which one is written over each time.
const DUCK_HEAD: u64 = 3 * 4096;
/// No part of a file is larger, and there are no more of them: what says so is no guard of ours.
const LARGEST: usize = 4 << 20;

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ENDING);
    name.into()
}

/// What DuckDB would do by itself, when it closes or much was written, is left to [`settle`].
pub(super) fn begin(connection: &Connection) -> Result<(), duckdb::Error> {
    connection.execute_batch("pragma disable_checkpoint_on_shutdown; set checkpoint_threshold = '1TB'")
}

/// Takes what was written beside the file into it, and closes it. Where that cannot be done, it stays beside it, and the
/// next one does it.
pub(super) fn settle(connection: Connection, path: &Path) {
    if !care::waits(path) {
        return;
    }
    // The lock of a file goes with the first descriptor of it that the process closes: ours must be the last.
    let Ok(source) = File::open(path) else { return };
    let guard = beside(path);
    if keep(&connection, &source, &guard).is_ok() && connection.execute_batch("checkpoint").is_ok() {
        // Where it failed, it stays for the next one who opens the file.
        let _ = fs::remove_file(&guard);
    }
    drop(connection);
    drop(source);
}

/// Keeps the parts of a file that are written over while they are in use. They are on the disk before that begins.
fn keep(connection: &Connection, file: &File, guard: &Path) -> Result<(), KeepError> {
    let size: u64 = connection.query_row("select block_size from pragma_database_size()", [], |row| row.get(0))?;
    let mut statement = connection.prepare("select distinct block_id from pragma_metadata_info()")?;
    let blocks = statement.query_map([], |row| row.get::<_, u64>(0))?.collect::<Result<Vec<u64>, _>>()?;
    let mut parts = vec![(0, DUCK_HEAD)];
    parts.extend(blocks.iter().map(|block| (DUCK_HEAD + block * size, size)));
    let mut bytes = HEAD.to_vec();
    for (place, length) in parts {
        let mut part = vec![0; usize::try_from(length).unwrap_or(0)];
        let mut read = 0;
        while let Some(rest) = part.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, place + read as u64)? {
                // A block that has its number already and was never written.
                0 => break,
                n => read += n,
            }
        }
        bytes.extend(place.to_le_bytes());
        bytes.extend((read as u64).to_le_bytes());
        bytes.extend(part.get(..read).unwrap_or_default());
    }
    bytes.extend(blake3::hash(&bytes).as_bytes());
    let _ = fs::remove_file(guard);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(guard)?;
    let written = io::Write::write_all(&mut file, &bytes).and_then(|()| file.sync_data());
    written.inspect_err(|_| {
        let _ = fs::remove_file(guard);
    })?;
    Ok(())
}

/// Why nothing was kept; then nothing is taken in.
#[derive(Debug)]
struct KeepError;

impl From<duckdb::Error> for KeepError {
    fn from(_: duckdb::Error) -> Self {
        KeepError
    }
}

impl From<io::Error> for KeepError {
    fn from(_: io::Error) -> Self {
        KeepError
    }
}

/// Sees to what was kept and left: where what was written beside the file still is there, taking it in was cut off, and
/// what was kept is put back; else it came to its end. To be called while this process has the file not open.
pub(super) fn recover(path: &Path) {
    let guard = beside(path);
    if !guard.exists() {
        return;
    }
    // Whoever takes something in just now is waited for: then there is nothing any more.
    let Ok(held) = care::alone(path) else { return };
    if !guard.exists() {
        return;
    }
    if care::waits(path) {
        let Ok(bytes) = fs::read(&guard) else { return };
        // One that is not whole was cut off before anything was written over.
        let parts = parts(&bytes).unwrap_or_default();
        let put = parts.iter().try_for_each(|(place, part)| held.write_all_at(part, *place));
        if put.and_then(|()| held.sync_data()).is_err() {
            return;
        }
    }
    let _ = fs::remove_file(&guard);
}

/// What was kept, with its place in the file; none when it is not whole.
fn parts(bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    let mut rest = content.strip_prefix(HEAD.as_slice())?;
    if blake3::hash(content).as_bytes() != sum {
        return None;
    }
    let mut parts = Vec::new();
    while let Some((place, after)) = rest.split_first_chunk() {
        let (length, after) = after.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|n| *n <= LARGEST)?;
        let (part, after) = after.split_at_checked(length)?;
        parts.push((u64::from_le_bytes(*place), part));
        rest = after;
    }
    rest.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// What stands in all tables.
    fn told(connection: &Connection) -> Vec<String> {
        let mut names = connection.prepare("select table_name from duckdb_tables() order by 1").unwrap();
        let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let sum = |name: &String| {
            let sql = format!("select count(*) || ' ' || coalesce(sum(hash(t)), 0) from {name} t");
            format!("{name} {}", connection.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap())
        };
        names.iter().map(sum).collect()
    }

    fn wal(path: &Path) -> PathBuf {
        PathBuf::from(format!("{}.wal", path.display()))
    }

    /// The heart of it: only what is kept is written over. Should another version of DuckDB write over more, this fails.
    #[test]
    fn what_is_kept_is_all_that_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.duckdb");
        let open = |path: &Path| {
            recover(path);
            let connection = Connection::open(path).unwrap();
            begin(&connection).unwrap();
            connection
        };
        let connection = open(&path);
        for n in 0..40 {
            let sql = format!("create table t{n} as select i a, 'x' || i b from range({}) t(i)", n * 100);
            connection.execute_batch(&sql).unwrap();
        }
        settle(connection, &path);
        let cut = folder.path().join("cut.duckdb");
        for round in 0..16 {
            let connection = open(&path);
            let sql = match round % 8 {
                0 => format!("insert into t{round} select i, 'y' from range(130000) t(i)"),
                1 => format!("delete from t{} where a % 3 = 0", (round + 21) % 40),
                2 => format!("update t{round} set b = 'z' || a where a % 2 = 0"),
                3 => format!("drop table t{round}"),
                4 => format!("create table n{round} as select range a, [range, 2] b, random() c from range(130000)"),
                5 => format!("delete from t{}", round - 5),
                6 => format!("insert into n{} select range, [3], 0 from range(10)", round - 2),
                _ => format!("alter table t{round} add column c integer default 7"),
            };
            connection.execute_batch(&sql).unwrap();
            let expected = told(&connection);
            fs::copy(wal(&path), wal(&cut)).unwrap();
            let source = File::open(&path).unwrap();
            keep(&connection, &source, &beside(&cut)).unwrap();
            connection.execute_batch("checkpoint").unwrap();
            fs::copy(&path, &cut).unwrap();
            drop(connection);
            drop(source);
            // All that was kept is half new: that is the worst that a kill leaves.
            let kept = fs::read(beside(&cut)).unwrap();
            let torn = OpenOptions::new().write(true).open(&cut).unwrap();
            for (place, part) in parts(&kept).unwrap() {
                torn.write_all_at(&vec![0xa5; part.len() / 2], place + part.len() as u64 / 4).unwrap();
            }
            assert!(Connection::open(&cut).is_err(), "round {round} tears nothing");
            let again = open(&cut);
            assert_eq!(told(&again), expected, "round {round}: {sql}");
            settle(again, &cut);
            assert!(!beside(&cut).exists() && !care::waits(&cut));
            assert_eq!(told(&open(&cut)), expected, "round {round}, taken in again");
        }
    }

    /// What is noted in a store, in its order.
    fn notes(store: &Store) -> Vec<i64> {
        let connection = store.read().unwrap();
        let mut statement = connection.prepare("select id from job_runs order by id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn note(connection: &Connection, id: i64) -> Result<(), crate::store::StoreError> {
        let sql = format!(
            "insert into job_runs values ({id}, 'h', 'j', 'run', 'late', now()::timestamp, now()::timestamp, null, 'done', 0, null, null)"
        );
        Ok(connection.execute_batch(&sql)?)
    }

    /// Whoever makes a history may be killed while doing so, and a file may be gone while what lay beside it stays.
    #[test]
    fn what_lies_beside_a_file_that_is_not_there_does_not_get_into_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.duckdb");
        let store = Store::at(&path);
        let connection = store.write().unwrap();
        note(&connection, 1).unwrap();
        keep(&connection, &File::open(&path).unwrap(), &beside(&path)).unwrap();
        drop(connection);
        assert!(care::waits(&path) && beside(&path).exists());
        fs::remove_file(&path).unwrap();
        for half in ["h.duckdb.new", "h.duckdb.new.wal"] {
            fs::write(folder.path().join(half), [0; 5000]).unwrap();
        }
        store.transaction(|c| note(c, 7)).unwrap();
        assert_eq!(notes(&store), [7]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_left_is_used_only_where_it_is_whole_and_something_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.duckdb");
        let store = Store::at(&path);
        store.transaction(|c| note(c, 1)).unwrap();
        // Written, and not taken in yet; and one who was killed while it was kept.
        let connection = store.write().unwrap();
        note(&connection, 2).unwrap();
        keep(&connection, &File::open(&path).unwrap(), &beside(&path)).unwrap();
        drop(connection);
        assert!(care::waits(&path));
        let whole = fs::read(beside(&path)).unwrap();
        for length in [0, 10, whole.len() / 2, whole.len() - 1] {
            assert!(parts(&whole[..length]).is_none());
        }
        fs::write(beside(&path), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(notes(&store), [1, 2]);
        // One that was left after its work is of a time before.
        store.transaction(|c| note(c, 3)).unwrap();
        fs::write(beside(&path), &whole).unwrap();
        store.transaction(|c| note(c, 4)).unwrap();
        assert_eq!(notes(&store), [1, 2, 3, 4]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
