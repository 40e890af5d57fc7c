//! A copy of the file in one moment, while others read and write.
//!
//! The file is copied, not read and written anew by `COPY FROM DATABASE`: measured with a store of 203 MB that took 3.3
//! seconds against 0.2, nobody can write meanwhile, and a copy is the same to the last byte, types, keys and all. The
//! other way made files that are a fifth to a half smaller, which the rarer writing of a backup does not need.

use std::{fs, io::Seek as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use duckdb::AccessMode;
use serde::{Deserialize, Serialize};

use super::{
    super::{Store, StoreError, known_version, version},
    hold, reading, wal_size,
};

/// How often it is tried where others are cut off at the same time.
const TRIES: usize = 5;

/// What was copied.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Copied {
    /// Audits in it.
    pub(super) audits: u64,
}

/// Copies a store into a file that is not there yet, as it is between two transactions.
pub(super) fn copy(source: &Path, target: &Path) -> Result<Copied, StoreError> {
    let store = Store::at(source);
    for _ in 0..TRIES {
        if wal_size(source).is_some() {
            // Someone was cut off, or writes now. What is beside the file must be in it before it is copied.
            let connection = store.open(AccessMode::ReadWrite)?;
            refuse_newer(source, version(&connection)?)?;
            connection.execute_batch("checkpoint")?;
        }
        let mut held = hold::to_read(source)?;
        if wal_size(source).is_some() {
            continue;
        }
        let written = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
            held.rewind()?;
            std::io::copy(&mut held, &mut file)?;
            Ok(file)
        })();
        let file = written.map_err(|e| failed(target, &e))?;
        // Still held, so that the numbers are of the same moment. From here on DuckDB holds it: closing ours would end
        // its lock too, so ours goes last.
        let connection = store.open(AccessMode::ReadOnly)?;
        refuse_newer(source, version(&connection)?)?;
        if !reading::tables(&connection, None)?.iter().any(|t| t.full() == "main.audits") {
            return Err(StoreError::Damaged { path: source.to_owned(), said: "it holds no audits".to_owned() });
        }
        let audits = connection.query_row("select count(*) from audits", [], |r| r.get::<_, i64>(0));
        drop(connection);
        drop(held);
        file.sync_all().map_err(|e| failed(target, &e))?;
        return Ok(Copied { audits: u64::try_from(audits?).unwrap_or(0) });
    }
    Err(StoreError::Busy(source.to_owned()))
}

fn refuse_newer(path: &Path, found: i64) -> Result<(), StoreError> {
    let known = known_version();
    if found > known { Err(StoreError::Newer { path: path.to_owned(), found, known }) } else { Ok(()) }
}

pub(super) fn failed(target: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full(target.to_owned()),
        _ => StoreError::Denied { path: target.to_owned(), said: error.to_string() },
    }
}
