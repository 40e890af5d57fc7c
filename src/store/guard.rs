//! Taking what was written into the file, so that a process that is killed meanwhile harms nothing.
//!
//! DuckDB writes a transaction beside the file first, and takes it into the file when it closes. For that it writes over
//! blocks that are in use: a kill in that moment leaves a block that is half new, and a file that nobody can read. So a
//! copy lies beside it while that happens; whoever finds such a copy puts it into the place of the file, and what was
//! written beside the file is taken in again. It is not synced, which would take long: what a machine that lost its power
//! left of it is read to its last row before it is used.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use duckdb::Connection;

use super::care;

/// How the copy ends.
const ENDING: &str = ".guard";
/// How it ends until it is whole.
const PART: &str = ".part";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// What DuckDB would do by itself when it closes is left to [`settle`].
pub(super) fn begin(connection: &Connection) -> Result<(), duckdb::Error> {
    connection.execute_batch("pragma disable_checkpoint_on_shutdown")
}

/// Takes what was written beside the file into it, and closes it. Where that cannot be done, it stays beside it, and the
/// next one does it.
pub(super) fn settle(connection: Connection, path: &Path) {
    if !care::waits(path) {
        return;
    }
    // The lock of a file goes with the first descriptor of it that the process closes: ours must be the last.
    let Ok(source) = File::open(path) else { return };
    let guard = beside(path, ENDING);
    if copy(&source, &guard).is_ok() && connection.execute_batch("checkpoint").is_ok() {
        // Where it failed, the copy stays for the next one who opens the file.
        let _ = fs::remove_file(&guard);
    }
    drop(connection);
    drop(source);
}

fn copy(mut source: &File, to: &Path) -> io::Result<()> {
    let part = beside(to, PART);
    let _ = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    let copied = io::copy(&mut source, &mut file).and_then(|_| fs::rename(&part, to));
    copied.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// Sees to a copy that was left: where what was written beside the file still is there, taking it in was cut off, and the
/// copy takes the place of the file; else it came to its end. To be called while this process has the file not open.
pub(super) fn recover(path: &Path) {
    let guard = beside(path, ENDING);
    if !guard.exists() {
        return;
    }
    // Whoever takes something in just now is waited for: then there is no copy any more.
    let Ok(_held) = care::alone(path) else { return };
    if !guard.exists() {
        return;
    }
    if care::waits(path) && care::readable(&guard) {
        let _ = fs::rename(&guard, path);
    } else {
        let _ = fs::remove_file(&guard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

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

    #[test]
    fn what_was_cut_off_while_it_was_taken_in_is_taken_in_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.duckdb");
        let store = Store::at(&path);
        store.transaction(|c| note(c, 1)).unwrap();
        // Written, and not taken in yet.
        let connection = store.write().unwrap();
        note(&connection, 2).unwrap();
        drop(connection);
        assert!(care::waits(&path));
        fs::copy(&path, beside(&path, ENDING)).unwrap();
        // A block that is half new.
        let mut damaged = fs::read(&path).unwrap();
        let middle = 12_288 + 4096;
        damaged[middle..middle + 8192].fill(0xa5);
        fs::write(&path, damaged).unwrap();
        assert_eq!(notes(&store), [1, 2]);
        store.transaction(|c| note(c, 3)).unwrap();
        assert_eq!(notes(&store), [1, 2, 3]);
        // Of a copy that is damaged itself nothing is believed.
        let connection = store.write().unwrap();
        note(&connection, 4).unwrap();
        drop(connection);
        fs::write(beside(&path, ENDING), "old").unwrap();
        assert_eq!(notes(&store), [1, 2, 3, 4]);
        // One that was left after its work is of a time before.
        store.transaction(|c| note(c, 5)).unwrap();
        fs::write(beside(&path, ENDING), "old").unwrap();
        assert_eq!(notes(&store), [1, 2, 3, 4, 5]);
        // One that was not written whole is not used.
        fs::write(beside(&beside(&path, ENDING), PART), "half").unwrap();
        store.transaction(|c| note(c, 6)).unwrap();
        assert_eq!(notes(&store), [1, 2, 3, 4, 5, 6]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
