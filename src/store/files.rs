//! Histories that were collected from many machines, by file and by folder.

use std::path::{Path, PathBuf};

/// How the file of a history ends.
const ENDING: &str = "duckdb";

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A folder cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A folder holds none.
    #[error("there is no history in {0}: a history is a file that ends in .{ENDING}")]
    None(PathBuf),
}

/// The files that are named, and those in the folders that are named, each folder's by name.
///
/// # Errors
/// When a folder cannot be read, or holds no history.
pub fn histories(named: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            files.extend(inside(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let unreadable = |error| FilesError::Unreadable(folder.to_owned(), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|e| e == ENDING) {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(FilesError::None(folder.to_owned()));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_as_named_and_folders_give_their_histories_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.duckdb", "a.duckdb", "a.duckdb.wal", "notes.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        let named = [PathBuf::from("z.duckdb"), folder.path().to_owned()];
        assert_eq!(histories(&named).unwrap(), [PathBuf::from("z.duckdb"), at("a.duckdb"), at("b.duckdb")]);
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(histories(&[empty.path().to_owned()]), Err(FilesError::None(_))));
    }
}
