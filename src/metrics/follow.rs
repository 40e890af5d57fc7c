//! A log file that others write to: what is new in it since the last time, whole lines only. It may be rotated, cut to
//! nothing, gone or never have been there. Never more is read at once than is asked for; nothing is ever locked.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use rustix::fs::fstat;

use crate::host::{Host, Metadata, ReadError};

/// How much is read at once.
const BLOCK: usize = 128 << 10;
/// No line is longer; one that is, is passed over.
const LONGEST: usize = 128 << 10;

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Follow {
    path: String,
    open: Option<Open>,
    /// The one that had its name before: who writes may hold on to it for a while.
    previous: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    id: (u64, u64),
    /// Up to where it was read.
    offset: u64,
    /// Whether that is in the middle of a line that is passed over.
    passing: bool,
}

/// What was new in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    /// Bytes that were new.
    pub new: u64,
    /// Bytes of them that were read: fewer where there was too much.
    pub read: u64,
}

impl News {
    /// How many lines each one that was read stands for.
    #[allow(clippy::cast_precision_loss)]
    pub fn each(self) -> f64 {
        if self.read == 0 { 1.0 } else { self.new as f64 / self.read as f64 }
    }
}

impl Follow {
    /// Follows it from now on: what is already in it does not count. It need not be there yet; then all of it will count.
    ///
    /// # Errors
    /// When it is there and may not be read.
    pub fn from_now(host: &Host, path: &str) -> Result<Self, ReadError> {
        let open = match Open::new(host, path) {
            Ok((mut open, size)) => {
                open.offset = size;
                let mut last = [b'\n'];
                // The rest of a line that is being written means nothing.
                let read = size.checked_sub(1).map(|at| open.file.read_at(&mut last, at));
                open.passing = matches!(read, Some(Ok(1))) && last != [b'\n'];
                Some(open)
            }
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        Ok(Follow { path: path.to_owned(), open, previous: None })
    }

    /// The file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads what is new, of it about `most` bytes at most, evenly spread where there is more; `buffer` is room to read
    /// into. Each whole line is handed on without its end.
    ///
    /// # Errors
    /// When it may not be read any more.
    pub fn read(
        &mut self,
        host: &Host,
        most: u64,
        buffer: &mut Vec<u8>,
        line: &mut dyn FnMut(&[u8]),
    ) -> Result<News, ReadError> {
        let mut news = News::default();
        let mut add = |open: &mut Open| -> io::Result<()> {
            let part = open.read(most, buffer, line)?;
            news.new += part.new;
            news.read += part.read;
            Ok(())
        };
        let unreadable = |e: io::Error| ReadError::Io { path: self.path.clone(), error: e.to_string() };
        // The last lines that were written to one that was put aside since.
        if let Some(mut previous) = self.previous.take() {
            add(&mut previous).map_err(unreadable)?;
        }
        if let Some(open) = &mut self.open {
            add(open).map_err(unreadable)?;
        }
        match Open::new(host, &self.path) {
            Ok((mut now, _)) if self.open.as_ref().is_none_or(|open| open.id != now.id) => {
                add(&mut now).map_err(unreadable)?;
                self.previous = self.open.replace(now);
            }
            Ok(_) => {}
            // Between two names; who writes goes on in the old one.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        Ok(news)
    }
}

impl Open {
    fn new(host: &Host, path: &str) -> Result<(Self, u64), ReadError> {
        let (file, _) = host.open_file(path)?;
        let wrong = |error: &dyn std::fmt::Display| ReadError::Io { path: path.to_owned(), error: error.to_string() };
        let meta = Metadata::from_stat(&fstat(&file).map_err(|e| wrong(&e))?);
        Ok((Open { file, id: meta.id, offset: 0, passing: false }, meta.size))
    }

    fn read(&mut self, most: u64, buffer: &mut Vec<u8>, line: &mut dyn FnMut(&[u8])) -> io::Result<News> {
        let size = Metadata::from_stat(&fstat(&self.file)?).size;
        if size < self.offset {
            // It was cut to nothing and is written anew.
            self.offset = 0;
            self.passing = false;
        }
        let new = size - self.offset;
        if new <= most {
            let read = self.block(size, buffer, line)?;
            return Ok(News { new: read, read });
        }
        // Too much: blocks at even distances stand for all of it.
        let block = BLOCK as u64;
        let blocks = (most / block).max(1);
        let step = new / blocks;
        let begin = self.offset;
        let mut read = 0;
        for n in 0..blocks {
            self.offset = begin + n * step;
            let end = (self.offset + block.min(step)).min(size);
            self.passing |= n > 0;
            read += self.block(end, buffer, line)?;
        }
        self.offset = size;
        self.line_start(begin)?;
        Ok(News { new, read })
    }

    /// Reads whole lines until `end`, and stands behind the last of them. Tells how many bytes they had.
    fn block(&mut self, end: u64, buffer: &mut Vec<u8>, line: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        let begin = self.offset;
        let mut kept = 0;
        let mut at = self.offset;
        while at < end {
            let room = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
            buffer.resize(kept + room, 0);
            let read = match self.file.read_at(buffer.get_mut(kept..).unwrap_or_default(), at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            at += read as u64;
            let bytes = buffer.get(..kept + read).unwrap_or_default();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', bytes) {
                if !std::mem::take(&mut self.passing) {
                    line(bytes.get(start..end).unwrap_or_default());
                }
                start = end + 1;
            }
            kept = bytes.len() - start;
            self.offset = at - kept as u64;
            buffer.copy_within(start..start + kept, 0);
            if self.passing || kept > LONGEST {
                kept = 0;
                self.offset = at;
                self.passing = true;
            }
        }
        Ok(self.offset - begin)
    }

    /// Goes back to where the line begins that is not whole yet, not before `begin`.
    fn line_start(&mut self, begin: u64) -> io::Result<()> {
        let from = self.offset.saturating_sub(LONGEST as u64).max(begin);
        let mut tail = vec![0; usize::try_from(self.offset - from).unwrap_or(0)];
        let mut read = 0;
        while let Some(room) = tail.get_mut(read..).filter(|room| !room.is_empty()) {
            match self.file.read_at(room, from + read as u64)? {
                0 => break,
                n => read += n,
            }
        }
        let last = memchr::memrchr(b'\n', tail.get(..read).unwrap_or_default());
        self.passing = last.is_none();
        self.offset = last.map_or(self.offset, |last| from + last as u64 + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::metrics::testing::Tree;

    struct Log {
        tree: Tree,
        host: Host,
        follow: Follow,
        buffer: Vec<u8>,
    }

    impl Log {
        fn new(before: Option<&str>) -> Self {
            let tree = Tree::new(&[]);
            fs::create_dir(tree.path().join("log")).unwrap();
            before.into_iter().for_each(|text| tree.write("log/a", text));
            let host = tree.host();
            let follow = Follow::from_now(&host, "/log/a").unwrap();
            Log { tree, host, follow, buffer: Vec::new() }
        }

        fn path(&self) -> PathBuf {
            self.tree.path().join("log/a")
        }

        fn add(&self, text: &str) {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn read(&mut self, most: u64) -> (Vec<String>, News) {
            let mut lines = Vec::new();
            let mut line = |bytes: &[u8]| lines.push(String::from_utf8_lossy(bytes).into_owned());
            let news = self.follow.read(&self.host, most, &mut self.buffer, &mut line).unwrap();
            (lines, news)
        }

        fn lines(&mut self) -> Vec<String> {
            self.read(u64::MAX).0
        }
    }

    #[test]
    fn only_whole_lines_that_are_new_are_read() {
        let mut log = Log::new(Some("old\nhalf"));
        assert_eq!(log.lines(), [""; 0]);
        log.add(" of it\none\ntw");
        assert_eq!(log.lines(), ["one"]);
        log.add("o");
        assert_eq!(log.lines(), [""; 0]);
        log.add("\n\nthree\n");
        assert_eq!(log.lines(), ["two", "", "three"]);
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_start() {
        let mut log = Log::new(Some("old\n"));
        log.add("one\n");
        let aside = log.path().with_extension("1");
        fs::rename(log.path(), &aside).unwrap();
        assert_eq!(log.lines(), ["one"], "there is no new one yet");
        let mut late = fs::OpenOptions::new().append(true).open(&aside).unwrap();
        late.write_all(b"two\n").unwrap();
        log.add("three\n");
        assert_eq!(log.lines(), ["two", "three"]);
        // Who writes did not notice yet.
        late.write_all(b"four\n").unwrap();
        log.add("five\n");
        assert_eq!(log.lines(), ["four", "five"]);
        late.write_all(b"too late\n").unwrap();
        assert_eq!(log.lines(), [""; 0]);
        fs::remove_file(log.path()).unwrap();
        assert_eq!(log.lines(), [""; 0]);
        log.add("six\n");
        assert_eq!(log.lines(), ["six"]);
    }

    #[test]
    fn a_file_that_is_cut_to_nothing_or_comes_later_is_read_from_its_start() {
        let mut log = Log::new(None);
        assert_eq!(log.lines(), [""; 0]);
        log.add("one\ntwo\n");
        assert_eq!(log.lines(), ["one", "two"]);
        fs::write(log.path(), "x\n").unwrap();
        assert_eq!(log.lines(), ["x"]);
        fs::remove_file(log.path()).unwrap();
        std::os::unix::fs::symlink("/dev/zero", log.path()).unwrap();
        assert_eq!(log.lines(), [""; 0], "it leads nowhere in there");
        fs::remove_file(log.path()).unwrap();
        fs::create_dir(log.path()).unwrap();
        let mut nothing = |_: &[u8]| ();
        let wrong = log.follow.read(&log.host, 1000, &mut Vec::new(), &mut nothing).unwrap_err();
        assert!(wrong.to_string().contains("a directory, not a file"), "{wrong}");
    }

    #[test]
    fn of_a_flood_a_part_stands_for_all() {
        let mut log = Log::new(Some(""));
        let many: String = (0..400_000).map(|n| format!("line number {n:07}\n")).collect();
        log.add(&many);
        log.add("half");
        let (lines, news) = log.read(2 << 20);
        assert!(news.new > many.len() as u64 && news.read <= 2 << 20 && news.read > 1 << 20, "{news:?}");
        assert!(lines.iter().all(|line| line.len() == 19), "only whole lines");
        let all = lines.len() as f64 * news.each();
        assert!((all - 400_000.0).abs() < 200.0, "{all}");
        log.add(" of it\n");
        assert_eq!(log.lines(), ["half of it"]);
        // A line without an end uses up neither memory nor time.
        log.add(&"x".repeat(3 << 20));
        assert_eq!(log.lines(), [""; 0]);
        assert!(log.buffer.capacity() < 2 << 20, "{}", log.buffer.capacity());
        log.add("\nnext\n");
        assert_eq!(log.lines(), ["next"]);
        log.add(&"x".repeat(3 << 20));
        assert_eq!(log.read(1 << 20).0, [""; 0]);
        log.add("\nnext\n");
        assert_eq!(log.lines(), ["next"]);
    }

    proptest! {
        #[test]
        fn whatever_is_written_in_whatever_pieces_is_read_once(
            pieces in proptest::collection::vec("[a-c\n]{0,12}", 0..30),
            reads in proptest::collection::vec(any::<bool>(), 30),
        ) {
            let mut log = Log::new(Some(""));
            let mut read = Vec::new();
            for (piece, now) in pieces.iter().zip(reads) {
                log.add(piece);
                if now {
                    read.extend(log.lines());
                }
            }
            read.extend(log.lines());
            let all = pieces.concat();
            let whole = all.rfind('\n').map_or("", |at| &all[..at + 1]);
            let expected: Vec<&str> = whole.split_terminator('\n').collect();
            prop_assert_eq!(read, expected);
        }
    }
}
