//! Reading LZ4 frames, in which apt keeps its lists on container images (lz4_Frame_format.md). Checksums are not
//! verified: the lists were verified when they were downloaded, and nothing here is trusted anyway.

use std::io::{Error, ErrorKind, Read, Result};

/// A frame opened for reading; concatenated frames are read one after another.
pub(super) struct Lz4<R> {
    inner: R,
    /// What was unpacked, up to `end`, of which `given` bytes were handed out. Its last 64 KiB are what later blocks
    /// refer to. Behind `end` there is always room for a block and [`SLACK`].
    out: Vec<u8>,
    end: usize,
    given: usize,
    block: Vec<u8>,
    frame: Option<Frame>,
}

#[derive(Clone, Copy)]
struct Frame {
    block_checksum: bool,
    content_checksum: bool,
    block_limit: usize,
}

const WINDOW: usize = 64 << 10;
/// Short copies are made 16 bytes at a time and may write that far too much.
const SLACK: usize = 32;
/// Blocks of the usual size that fit before the window must be moved to the front.
const BATCH: usize = 512 << 10;

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not a sound LZ4 file: {what}"))
}

impl<R: Read> Lz4<R> {
    pub fn new(inner: R) -> Self {
        Lz4 { inner, out: Vec::new(), end: 0, given: 0, block: Vec::new(), frame: None }
    }

    fn u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.inner.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Reads a frame's header; false at the end of the file.
    fn header(&mut self) -> Result<bool> {
        loop {
            let mut magic = [0; 4];
            let mut have = 0;
            while let Some(rest) = magic.get_mut(have..).filter(|r| !r.is_empty()) {
                match self.inner.read(rest)? {
                    0 if have == 0 => return Ok(false),
                    0 => return Err(bad("it ends early")),
                    n => have = have.saturating_add(n),
                }
            }
            match u32::from_le_bytes(magic) {
                0x184D_2204 => break,
                skip if (0x184D_2A50..=0x184D_2A5F).contains(&skip) => {
                    let size = self.u32()?;
                    std::io::copy(&mut (&mut self.inner).take(size.into()), &mut std::io::sink())?;
                }
                _ => return Err(bad("its first bytes are others")),
            }
        }
        let mut flags = [0; 2];
        self.inner.read_exact(&mut flags)?;
        let [flags, size] = flags;
        if flags >> 6 != 1 || flags & 1 != 0 {
            return Err(bad("a version or dictionary that is not known"));
        }
        let mut rest = [0; 9];
        // The size of the content, when there, and the header's checksum.
        let length = if flags & 8 != 0 { 9 } else { 1 };
        self.inner.read_exact(rest.get_mut(..length).unwrap_or_default())?;
        let block_limit = match (size >> 4) & 7 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(bad("an unknown size of blocks")),
        };
        let (block_checksum, content_checksum) = (flags & 16 != 0, flags & 4 != 0);
        self.frame = Some(Frame { block_checksum, content_checksum, block_limit });
        Ok(true)
    }

    /// Makes room for a block behind `end`, keeping the window.
    fn make_room(&mut self, block: usize) {
        if self.end + block + SLACK > self.out.len() {
            let start = self.end.saturating_sub(WINDOW);
            self.out.copy_within(start..self.end, 0);
            self.end -= start;
            self.given = self.end;
            let wanted = WINDOW + block.max(BATCH) + SLACK;
            if self.out.len() < wanted {
                self.out.resize(wanted, 0);
            }
        }
    }

    /// Unpacks the next block; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let Some(frame) = self.frame else {
                if self.header()? {
                    continue;
                }
                return Ok(false);
            };
            let word = self.u32()?;
            if word == 0 {
                if frame.content_checksum {
                    self.u32()?;
                }
                self.frame = None;
                continue;
            }
            let size = usize::try_from(word & 0x7fff_ffff).unwrap_or(usize::MAX);
            if size > frame.block_limit {
                return Err(bad("a block that is too big"));
            }
            self.make_room(frame.block_limit);
            self.block.resize(size, 0);
            self.inner.read_exact(&mut self.block)?;
            let limit = self.end + frame.block_limit;
            self.end = if word >> 31 != 0 {
                let to = self.out.get_mut(self.end..self.end + size).ok_or_else(|| bad("a block that is too big"))?;
                to.copy_from_slice(&self.block);
                self.end + size
            } else {
                unpack(&self.block, &mut self.out, self.end, limit).ok_or_else(|| bad("a block that makes no sense"))?
            };
            if frame.block_checksum {
                self.u32()?;
            }
            return Ok(true);
        }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.given >= self.end {
            if !self.advance()? {
                return Ok(0);
            }
        }
        let ready = self.out.get(self.given..self.end).unwrap_or_default();
        let n = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(n);
        Ok(n)
    }
}

/// A length: four bits, and more bytes while they are 255.
fn length(nibble: u8, block: &[u8], at: &mut usize) -> Option<usize> {
    let mut n = usize::from(nibble);
    if nibble == 15 {
        loop {
            let byte = *block.get(*at)?;
            *at += 1;
            n += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
    }
    Some(n)
}

fn sixteen(from: &[u8], at: usize) -> Option<[u8; 16]> {
    from.get(at..at + 16)?.try_into().ok()
}

/// Unpacks a block into `out` from `end` on, not beyond `limit`; returns where it ends. No sum here can overflow: a
/// block has at most 4 MiB.
fn unpack(block: &[u8], out: &mut [u8], mut end: usize, limit: usize) -> Option<usize> {
    let mut at = 0;
    while at < block.len() {
        let token = *block.get(at)?;
        at += 1;
        let literals = length(token >> 4, block, &mut at)?;
        if end + literals > limit {
            return None;
        }
        match sixteen(block, at).filter(|_| literals <= 16) {
            Some(bytes) => out.get_mut(end..end + 16)?.copy_from_slice(&bytes),
            None => out.get_mut(end..end + literals)?.copy_from_slice(block.get(at..at + literals)?),
        }
        at += literals;
        end += literals;
        if at == block.len() {
            break;
        }
        let offset = usize::from(u16::from_le_bytes([*block.get(at)?, *block.get(at + 1)?]));
        at += 2;
        let matched = length(token & 15, block, &mut at)? + 4;
        let start = end.checked_sub(offset)?;
        if offset == 0 || end + matched > limit {
            return None;
        }
        if offset >= 16 && matched <= 32 {
            let bytes = sixteen(out, start)?;
            out.get_mut(end..end + 16)?.copy_from_slice(&bytes);
            if matched > 16 {
                let bytes = sixteen(out, start + 16)?;
                out.get_mut(end + 16..end + 32)?.copy_from_slice(&bytes);
            }
        } else {
            // A match may run into what it is writing: then it repeats.
            let mut done = 0;
            while done < matched {
                let n = (matched - done).min(offset + done);
                out.copy_within(start..start + n, end + done);
                done += n;
            }
        }
        end += matched;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `lz4 -1` of "cleanbill " 40 times and a line break.
    const PACKED: &[u8] = include_bytes!("../../../tests/fixtures/apt/repeat.lz4");

    #[test]
    fn what_lz4_packed_comes_out_whole() {
        let mut text = String::new();
        Lz4::new(PACKED).read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("{}\n", "cleanbill ".repeat(40)));
    }

    /// Literals, long matches, matches that overlap and blocks that refer to earlier ones, against the program lz4.
    #[test]
    fn the_program_lz4_and_this_agree() {
        use std::io::Write as _;
        let mut text = Vec::new();
        for n in 0..60_000_u32 {
            let word = n.wrapping_mul(2_654_435_761) >> (n % 29);
            text.extend(format!("Package: p{word}\nVersion: {}\n", n % 7).bytes());
            text.extend(std::iter::repeat_n(b'x', usize::try_from(n % 53).unwrap()));
        }
        for level in ["-1", "-9", "-1BD", "-1B7"] {
            let spawned = std::process::Command::new("lz4")
                .args([level, "-c"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn();
            // Where the program is not installed there is nothing to compare with.
            let Ok(mut child) = spawned else { return };
            let mut input = child.stdin.take().unwrap();
            let copy = text.clone();
            let writer = std::thread::spawn(move || input.write_all(&copy));
            let packed = child.wait_with_output().unwrap().stdout;
            writer.join().unwrap().unwrap();
            let mut back = Vec::new();
            Lz4::new(&packed[..]).read_to_end(&mut back).unwrap();
            assert!(back == text, "{level}");
        }
    }

    #[test]
    fn broken_frames_are_errors_and_never_more() {
        for cut in 0..PACKED.len() {
            let _ = Lz4::new(&PACKED[..cut]).read_to_end(&mut Vec::new());
            let mut bent = PACKED.to_vec();
            bent[cut] ^= 0xff;
            let _ = Lz4::new(&bent[..]).read_to_end(&mut Vec::new());
        }
        assert!(Lz4::new(&b"not lz4"[..]).read_to_end(&mut Vec::new()).is_err());
    }
}
