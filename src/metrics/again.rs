//! A file of the kernel that is read again and again: it stays open, which saves most of the work.

use std::{fs::File, os::unix::fs::FileExt as _};

use crate::{
    facts::{Gap, Reason},
    host::Host,
};

/// The most that is read of one.
const MOST: usize = 4 << 20;

/// An open file and what it said last.
#[derive(Debug)]
pub(super) struct Again {
    file: File,
    path: String,
    what: &'static str,
    text: Vec<u8>,
}

impl Again {
    /// Opens it; `what` completes "I could not see …".
    pub(super) fn open(host: &Host, path: &str, what: &'static str) -> Result<Self, Gap> {
        let (file, _) = host.open_file(path).map_err(|error| Gap::new(what, path, error.reason()))?;
        Ok(Again { file, path: path.to_owned(), what, text: vec![0; 4096] })
    }

    /// What it says now.
    pub(super) fn read(&mut self) -> Result<&str, Gap> {
        let mut length = 0;
        loop {
            let Some(room) = self.text.get_mut(length..).filter(|room| !room.is_empty()) else {
                if self.text.len() >= MOST {
                    return Err(self.gap("it is too long".to_owned()));
                }
                self.text.resize(self.text.len() * 2, 0);
                continue;
            };
            match self.file.read_at(room, length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.gap(error.to_string())),
            }
        }
        match std::str::from_utf8(self.text.get(..length).unwrap_or_default()) {
            Ok(text) => Ok(text),
            Err(_) => Err(self.gap("it is no text".to_owned())),
        }
    }

    /// Says that it does not say what it should.
    pub(super) fn gap(&self, why: String) -> Gap {
        Gap::new(self.what, &self.path, Reason::Broken(why))
    }
}

/// The next field of a line, as a number.
pub(super) fn number<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Option<u64> {
    fields.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::Tree;

    #[test]
    fn a_file_is_read_as_it_is_each_time() {
        let tree = Tree::new(&[("proc/loadavg", "1 2\n")]);
        let mut file = Again::open(&tree.host(), "/proc/loadavg", "the load").unwrap();
        assert_eq!(file.read().unwrap(), "1 2\n");
        let long = "0 ".repeat(50_000);
        tree.write("proc/loadavg", &long);
        assert_eq!(file.read().unwrap(), long);
        tree.write("proc/loadavg", "3\n");
        assert_eq!(file.read().unwrap(), "3\n");
        assert_eq!(Again::open(&tree.host(), "/proc/none", "it").unwrap_err().source, "/proc/none");
    }
}
