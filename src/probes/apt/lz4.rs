//! Reading LZ4 frames, in which apt keeps its lists on container images (lz4_Frame_format.md). Checksums are not
//! verified: the lists were verified when they were downloaded, and nothing here is trusted anyway.

use std::io::{Error, ErrorKind, Read, Result};

/// A frame opened for reading; concatenated frames are read one after another.
pub(super) struct Lz4<R> {
    inner: R,
    /// What was unpacked, and how much of it was handed out. Its last 64 KiB are what later blocks refer to.
    out: Vec<u8>,
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

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not a sound LZ4 file: {what}"))
}

impl<R: Read> Lz4<R> {
    pub fn new(inner: R) -> Self {
        Lz4 { inner, out: Vec::new(), given: 0, block: Vec::new(), frame: None }
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
            let keep = self.out.len().saturating_sub(WINDOW);
            self.out.drain(..keep);
            self.given = self.out.len();
            self.block.resize(size, 0);
            self.inner.read_exact(&mut self.block)?;
            if word >> 31 != 0 {
                self.out.extend_from_slice(&self.block);
            } else {
                let limit = self.out.len().saturating_add(frame.block_limit);
                unpack(&self.block, &mut self.out, limit).ok_or_else(|| bad("a block that makes no sense"))?;
            }
            if frame.block_checksum {
                self.u32()?;
            }
            return Ok(true);
        }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.given >= self.out.len() {
            if !self.advance()? {
                return Ok(0);
            }
        }
        let ready = self.out.get(self.given..).unwrap_or_default();
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
            *at = at.checked_add(1)?;
            n = n.checked_add(byte.into())?;
            if byte != 255 {
                break;
            }
        }
    }
    Some(n)
}

fn unpack(block: &[u8], out: &mut Vec<u8>, limit: usize) -> Option<()> {
    let mut at = 0;
    while at < block.len() {
        let token = *block.get(at)?;
        at = at.checked_add(1)?;
        let literals = length(token >> 4, block, &mut at)?;
        let end = at.checked_add(literals)?;
        out.extend_from_slice(block.get(at..end)?);
        at = end;
        if out.len() > limit {
            return None;
        }
        if at == block.len() {
            break;
        }
        let offset = usize::from(u16::from_le_bytes([*block.get(at)?, *block.get(at.checked_add(1)?)?]));
        at = at.checked_add(2)?;
        let mut left = length(token & 15, block, &mut at)?.checked_add(4)?;
        if out.len().checked_add(left)? > limit {
            return None;
        }
        let mut start = out.len().checked_sub(offset)?;
        if offset == 0 {
            return None;
        }
        // A match may run into what it is writing: then it repeats.
        while left > 0 {
            let n = left.min(out.len().checked_sub(start)?);
            out.extend_from_within(start..start.checked_add(n)?);
            start = start.checked_add(n)?;
            left = left.checked_sub(n)?;
        }
    }
    Some(())
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
