//! The last values for Prometheus and whoever reads its format: in a file for node_exporter's textfile collector, or by an
//! address of this machine that answers a scrape.

mod file;
mod serve;
mod text;

use std::path::Path;

pub use text::{Format, text};

use super::Values;

/// Where the last values stand.
#[derive(Debug)]
pub enum Export {
    /// A file that is written anew each time.
    File(file::Written),
    /// An address that answers.
    Address(serve::Served),
}

impl Export {
    /// Begins: a path that begins with `/` or `.` is a file, all else an address.
    ///
    /// # Errors
    /// When the file cannot be written, or the address not be taken.
    pub fn start(place: &str) -> std::io::Result<Self> {
        if is_file(place) {
            Ok(Export::File(file::Written::new(Path::new(place))?))
        } else {
            Ok(Export::Address(serve::Served::start(place)?))
        }
    }

    /// Shows these values from now on.
    pub fn show(&mut self, values: &Values) {
        match self {
            Export::File(written) => written.show(values),
            Export::Address(served) => served.show(values),
        }
    }
}

/// Whether a place for the last values is a file.
pub fn is_file(place: &str) -> bool {
    place.starts_with(['/', '.'])
}
