//! Where samples wait until they are put into the history: files that are only added to, each with a check sum on every
//! sample. What a crash cuts off is the sample that was being written; all before it stays.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What every file of it begins with.
const HEAD: &[u8; 16] = b"cleanbill spool1";
/// How they end.
const ENDING: &str = ".samples";
/// A sample larger than this is none.
const LARGEST: usize = 4 << 20;
/// The most that waits in memory while the disk is full, in bytes.
const PATIENT: usize = 1 << 20;
/// What was written reaches the disk after this time at most.
const SYNC: Duration = Duration::from_secs(1);

/// One sample: what was read at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The machine, at the beginning of a file.
    pub host: Option<String>,
    /// Series that are new in this file: number, metric, labels as JSON.
    pub series: Vec<(u32, String, String)>,
    /// Values by the number of their series.
    pub values: Vec<(u32, f64)>,
}

/// Whoever writes samples.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    file: Option<Open>,
    /// Frames that could not be written yet.
    waiting: Vec<Vec<u8>>,
    lost: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    length: u64,
    synced: Instant,
    dirty: bool,
}

impl Writer {
    /// Writes into this folder, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Writer { folder: folder.to_owned(), file: None, waiting: Vec::new(), lost: 0 })
    }

    /// Whether the next frame begins a file: then it has to name the machine and all its series.
    pub fn is_fresh(&self) -> bool {
        self.file.is_none() && self.waiting.is_empty()
    }

    /// Adds a frame. While the disk is full it waits in memory, and the oldest go when that is full.
    ///
    /// # Errors
    /// When it could not be written yet; the next try comes with the next frame.
    pub fn add(&mut self, frame: &Frame) -> io::Result<()> {
        self.waiting.push(packed(frame)?);
        let mut held: usize = self.waiting.iter().map(Vec::len).sum();
        while held > PATIENT && self.waiting.len() > 1 {
            // The first one names the series that the others mean.
            held -= self.waiting.remove(1.min(self.waiting.len() - 1)).len();
            self.lost += 1;
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(Open::new(&self.folder)?);
        }
        let Some(open) = &mut self.file else { return Ok(()) };
        let mut done = 0;
        let written: io::Result<()> = self.waiting.iter().try_for_each(|frame| {
            open.append(frame)?;
            done += 1;
            Ok(())
        });
        self.waiting.drain(..done);
        written?;
        if open.synced.elapsed() >= SYNC { open.sync() } else { Ok(()) }
    }

    /// Sees to it that what was written is on the disk.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Open::sync)
    }

    /// Closes the file, so that it may be put into the history. The next frame begins another.
    ///
    /// # Errors
    /// When the disk does not take what waits; then it goes on.
    pub fn close(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        self.sync()?;
        self.file = None;
        Ok(())
    }

    /// Where it writes.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many samples were lost because the disk was full.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl Open {
    fn new(folder: &Path) -> io::Result<Self> {
        let now = Timestamp::now().as_microsecond();
        // A clock that was set back must not make an old name again.
        let chance = RandomState::new().hash_one(now);
        let path = folder.join(format!("{now:020}-{chance:016x}{ENDING}"));
        let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        let begun = file.write_all(HEAD).and_then(|()| file.try_lock().map_err(io::Error::from));
        if let Err(error) = begun {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        // The name must last, too.
        File::open(folder)?.sync_all()?;
        let long_ago = Instant::now().checked_sub(SYNC).unwrap_or_else(Instant::now);
        Ok(Open { file, path, length: HEAD.len() as u64, synced: long_ago, dirty: true })
    }

    /// Adds bytes whole or not at all.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // Half a frame would hide all that follow.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.dirty = true;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.sync_data()?;
            self.dirty = false;
            self.synced = Instant::now();
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // One without a frame is of no use to anyone.
        if self.length <= HEAD.len() as u64 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A frame as it stands in a file: length, check sum, content.
fn packed(frame: &Frame) -> io::Result<Vec<u8>> {
    let mut bytes = postcard::to_extend(frame, vec![0; 8]).map_err(io::Error::other)?;
    let content = bytes.get(8..).unwrap_or_default();
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    let sum = crc32fast::hash(content);
    if let Some(head) = bytes.first_chunk_mut::<8>() {
        *head = [length.to_le_bytes(), sum.to_le_bytes()].concat().try_into().unwrap_or_default();
    }
    Ok(bytes)
}

/// A file of the spool that can be read.
#[derive(Debug)]
pub struct Segment {
    /// Where it is.
    pub path: PathBuf,
    file: File,
}

impl Segment {
    /// The name by which the history knows that it has it.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its frames, until the first that was cut off.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn frames(&mut self) -> io::Result<Vec<Frame>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let Some(mut rest) = bytes.strip_prefix(HEAD.as_slice()) else { return Ok(Vec::new()) };
        let mut frames = Vec::new();
        while let Some((frame, after)) = first(rest) {
            frames.push(frame);
            rest = after;
        }
        Ok(frames)
    }
}

fn first(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|n| *n <= LARGEST)?;
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = crc32fast::hash(content) == u32::from_le_bytes(*sum);
    let frame = whole.then(|| postcard::from_bytes(content).ok())??;
    Some((frame, rest))
}

/// The files that nobody writes to any more, the oldest first.
///
/// # Errors
/// When the folder cannot be read; that it is not there is none.
pub fn closed(folder: &Path) -> io::Result<Vec<Segment>> {
    let all = segments(folder)?;
    Ok(all.into_iter().filter(|segment| segment.file.try_lock_shared().is_ok()).collect())
}

/// All files, with the one that is being written: for someone who looks.
///
/// # Errors
/// When the folder cannot be read; that it is not there is none.
pub fn segments(folder: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_str().is_some_and(|path| path.ends_with(ENDING)));
    paths.sort();
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let open = |path: PathBuf| {
        let file = OpenOptions::new().read(true).custom_flags(nofollow).open(&path).ok()?;
        file.metadata().ok()?.is_file().then_some(Segment { path, file })
    };
    Ok(paths.into_iter().filter_map(open).collect())
}

/// How long all files together are, in bytes.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn length(folder: &Path) -> io::Result<u64> {
    let files =
        fs::read_dir(folder)?.flatten().filter(|entry| entry.path().to_str().is_some_and(|p| p.ends_with(ENDING)));
    Ok(files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at: i64) -> Frame {
        let series = vec![(1, "a.b".to_owned(), "{}".to_owned())];
        Frame { at, host: Some("h".to_owned()), series, values: vec![(1, 0.5)] }
    }

    fn all(folder: &Path) -> Vec<i64> {
        let mut segments = closed(folder).unwrap();
        segments.iter_mut().flat_map(|s| s.frames().unwrap()).map(|f| f.at).collect()
    }

    #[test]
    fn what_was_written_is_read_once_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(folder.path()).unwrap();
        assert!(writer.is_fresh() && closed(folder.path()).unwrap().is_empty());
        writer.add(&frame(1)).unwrap();
        writer.add(&frame(2)).unwrap();
        assert!(!writer.is_fresh());
        assert_eq!(all(folder.path()), [0_i64; 0], "it is still written to");
        assert_eq!(segments(folder.path()).unwrap().len(), 1);
        writer.close().unwrap();
        writer.add(&frame(3)).unwrap();
        assert_eq!(all(folder.path()), [1, 2]);
        drop(writer);
        assert_eq!(all(folder.path()), [1, 2, 3]);
    }

    #[test]
    fn what_was_cut_off_or_is_no_sample_harms_nothing_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(folder.path()).unwrap();
        writer.add(&frame(1)).unwrap();
        writer.add(&frame(2)).unwrap();
        drop(writer);
        let path = segments(folder.path()).unwrap().remove(0).path;
        let whole = fs::read(&path).unwrap();
        let second = HEAD.len() + (whole.len() - HEAD.len()) / 2;
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let expected: &[i64] = if length >= second { &[1] } else { &[] };
            assert_eq!(all(folder.path()), expected, "{length} bytes");
        }
        for place in second..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(all(folder.path()), [1], "a bit at {place}");
        }
        fs::write(&path, [0xff; 100_000]).unwrap();
        assert_eq!(all(folder.path()), [0_i64; 0]);
        std::os::unix::fs::symlink("/dev/zero", folder.path().join(format!("x{ENDING}"))).unwrap();
        assert_eq!(all(folder.path()), [0_i64; 0]);
    }

    #[test]
    fn while_it_cannot_be_written_it_waits_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(folder.path()).unwrap();
        fs::remove_dir(folder.path()).unwrap();
        writer.add(&frame(1)).unwrap_err();
        writer.add(&frame(2)).unwrap_err();
        fs::create_dir(folder.path()).unwrap();
        writer.add(&frame(3)).unwrap();
        drop(writer);
        assert_eq!(all(folder.path()), [1, 2, 3]);
        let mut writer = Writer::new(folder.path()).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        let large = Frame { values: vec![(1, 0.1); 40_000], ..frame(9) };
        writer.add(&frame(4)).unwrap_err();
        for _ in 0..6 {
            writer.add(&large).unwrap_err();
        }
        assert!(writer.lost() > 0);
        assert!(writer.waiting.iter().map(Vec::len).sum::<usize>() <= PATIENT);
        fs::create_dir(folder.path()).unwrap();
        writer.close().unwrap();
        assert_eq!(all(folder.path())[0], 4, "the one that names the series stays");
    }
}
