//! A file with the last values, written whole each time, as node_exporter's textfile collector wants it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Format, Values, text::Last};
use crate::files::write_whole;

/// The file.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    last: Last,
}

impl Written {
    /// Writes it for the first time, without values.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        if path.extension().is_none_or(|ending| ending != "prom") {
            let why = format!("{} must end in .prom, or node_exporter does not read it", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        write_whole(path, b"", 0o644)?;
        Ok(Written { path: path.to_owned(), last: Last::default() })
    }

    /// Writes it anew. Where that fails, the values of before stay, and their age shows it.
    pub(super) fn show(&mut self, values: &Values) {
        self.last.take(values);
        let _ = write_whole(&self.path, self.last.text(Format::Prometheus).as_bytes(), 0o644);
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Old values must not be taken for new ones.
        let _ = std::fs::remove_file(&self.path);
    }
}
