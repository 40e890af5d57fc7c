//! Reading package lists at the speed of memory: a list has tens of thousands of records, and only those of
//! installed packages are looked into.

use std::{
    collections::HashMap,
    io::{Error, ErrorKind, Read, Result},
};

use memchr::memmem::Finder;

/// A version that a list offers of an installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// Which installed package.
    pub package: usize,
    /// Architecture of the offer.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// How much of the machines get it now, in percent, when it is handed out in steps.
    pub phased: Option<i64>,
}

const CHUNK: usize = 256 << 10;
/// A record longer than this is no record.
const RECORD_LIMIT: usize = 8 << 20;

/// Reads a list and calls `found` for every record of an installed package; returns how many records there are.
/// `installed` gives for a name the places of the packages so called.
pub(super) fn scan(
    mut list: impl Read,
    installed: &HashMap<&[u8], Vec<usize>>,
    mut found: impl FnMut(Offer),
) -> Result<u64> {
    let blank = Finder::new(b"\n\n");
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0_usize;
    let mut count = 0_u64;
    loop {
        if filled == buffer.len() {
            if filled >= RECORD_LIMIT {
                return Err(Error::new(ErrorKind::InvalidData, "a record in it has no end"));
            }
            buffer.resize(filled.saturating_mul(2), 0);
        }
        let read = match list.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled = filled.saturating_add(read);
        let data = buffer.get(..filled).unwrap_or_default();
        let mut start = 0;
        for end in blank.find_iter(data) {
            let record = data.get(start..end).unwrap_or_default();
            count = count.saturating_add(u64::from(look(record, installed, &mut found)));
            start = end.saturating_add(2);
        }
        if read == 0 {
            let record = data.get(start..).unwrap_or_default();
            count = count.saturating_add(u64::from(look(record, installed, &mut found)));
            return Ok(count);
        }
        buffer.copy_within(start..filled, 0);
        filled = filled.saturating_sub(start);
    }
}

/// Looks at one record; whether it is one.
fn look(record: &[u8], installed: &HashMap<&[u8], Vec<usize>>, found: &mut impl FnMut(Offer)) -> bool {
    let record = record.trim_ascii_start();
    // Archives begin a record with its name; others may not.
    let (name, rest) = match record.strip_prefix(b"Package: ") {
        Some(rest) => {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            rest.split_at(end)
        }
        None => match field(record, b"Package") {
            Some(name) => (name, record),
            None => return false,
        },
    };
    let Some(packages) = installed.get(name.trim_ascii()) else { return true };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(version) = field(rest, b"Version") {
        let arch = field(rest, b"Architecture").map(text).unwrap_or_default();
        let phased = field(rest, b"Phased-Update-Percentage").and_then(|p| text(p).parse().ok());
        for package in packages {
            found(Offer { package: *package, arch: arch.clone(), version: text(version), phased });
        }
    }
    true
}

/// The value of a field on one line.
fn field<'a>(record: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let lines = record.split(|c| *c == b'\n');
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(b":"));
    values.next().map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(text: &[u8], step: usize) -> (u64, Vec<(usize, String, String)>) {
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, into: &mut [u8]) -> Result<usize> {
                let n = self.1.min(into.len()).min(self.0.len());
                into[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let installed = HashMap::from([(&b"a"[..], vec![0]), (&b"b"[..], vec![1, 2])]);
        let mut seen = Vec::new();
        let count = scan(Slow(text, step), &installed, |o| seen.push((o.package, o.arch, o.version))).unwrap();
        (count, seen)
    }

    #[test]
    fn only_installed_packages_are_looked_into_wherever_the_chunks_end() {
        let text = b"Package: a\nVersion: 1\nArchitecture: all\n\nPackage: aa\nVersion: 9\n\nPackage: b\nArchitecture: amd64\nVersion: 2:3-1\nDescription: x\n Version: 7\n\n\nVersion: 5\nPackage: a\n";
        for step in [1, 2, 3, 7, 1000] {
            let (count, seen) = offers(text, step);
            assert_eq!(count, 4, "step {step}");
            let expect = [(0, "all", "1"), (1, "amd64", "2:3-1"), (2, "amd64", "2:3-1"), (0, "", "5")];
            let expect: Vec<_> = expect.iter().map(|(p, a, v)| (*p, (*a).to_owned(), (*v).to_owned())).collect();
            assert_eq!(seen, expect, "step {step}");
        }
    }

    #[test]
    fn junk_is_no_package() {
        assert_eq!(offers(b"", 9).0, 0);
        assert_eq!(offers(&[0; 5000], 999).0, 0);
        assert_eq!(offers(b"\n\n\n\n\n", 2).0, 0);
    }
}
