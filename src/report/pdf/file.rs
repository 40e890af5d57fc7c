//! The file itself: numbered objects, compressed, most of them in object streams. What the objects mean is no matter of
//! this room, and equal objects give equal bytes.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

/// Number of an object.
pub(super) type Id = u32;

/// Where an object stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Unwritten,
    /// At this byte of the file.
    At(u32),
    /// In an object stream, with its place there.
    In(Id, u32),
}

/// How much text an object stream holds.
const STREAM: usize = 48 << 10;
/// How many objects it holds.
const OBJECTS: usize = 500;

/// A PDF file being written.
pub(super) struct File {
    out: Vec<u8>,
    places: Vec<Place>,
    waiting: Vec<(Id, u32)>,
    text: Vec<u8>,
    compression: Compression,
}

impl File {
    /// A file whose streams are made as small as can be, or quickly.
    pub(super) fn new(small: bool) -> Self {
        // The bytes of the second line tell programs that this is no text.
        let out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        File {
            out,
            places: vec![Place::Unwritten],
            waiting: Vec::new(),
            text: Vec::new(),
            compression: Compression::new(if small { 9 } else { 3 }),
        }
    }

    /// A number for an object that comes later.
    pub(super) fn reserve(&mut self) -> Id {
        self.places.push(Place::Unwritten);
        number(self.places.len().saturating_sub(1))
    }

    /// Writes an object without a stream.
    pub(super) fn object(&mut self, id: Id, object: &[u8]) {
        self.waiting.push((id, number(self.text.len())));
        self.text.extend_from_slice(object);
        self.text.push(b'\n');
        if self.text.len() > STREAM || self.waiting.len() >= OBJECTS {
            self.flush();
        }
    }

    /// Writes a new object without a stream.
    pub(super) fn add(&mut self, object: &[u8]) -> Id {
        let id = self.reserve();
        self.object(id, object);
        id
    }

    /// Writes a new stream; `entries` go into its dictionary.
    pub(super) fn stream(&mut self, entries: &str, data: &[u8]) -> Id {
        let id = self.reserve();
        let data = self.squeeze(data);
        self.put(id, &format!("{entries}/Filter/FlateDecode"), &data);
        id
    }

    /// Writes a new stream as it is.
    pub(super) fn raw_stream(&mut self, entries: &str, data: &[u8]) -> Id {
        let id = self.reserve();
        self.put(id, entries, data);
        id
    }

    fn squeeze(&self, data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(data.len() / 3), self.compression);
        // Writing to memory cannot fail.
        let _ = encoder.write_all(data);
        encoder.finish().unwrap_or_default()
    }

    fn put(&mut self, id: Id, entries: &str, data: &[u8]) {
        let at = number(self.out.len());
        self.place(id, Place::At(at));
        let head = format!("{id} 0 obj\n<<{entries}/Length {}>>\nstream\n", data.len());
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(data);
        self.out.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn place(&mut self, id: Id, place: Place) {
        if let Some(slot) = self.places.get_mut(id as usize) {
            *slot = place;
        }
    }

    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let id = self.reserve();
        let waiting = std::mem::take(&mut self.waiting);
        let mut data = Vec::with_capacity(self.text.len());
        for (n, (object, at)) in waiting.iter().enumerate() {
            self.place(*object, Place::In(id, number(n)));
            data.extend_from_slice(format!("{object} {at} ").as_bytes());
        }
        let first = data.len();
        data.append(&mut self.text);
        let entries = format!("/Type/ObjStm/N {}/First {first}/Filter/FlateDecode", waiting.len());
        let data = self.squeeze(&data);
        self.put(id, &entries, &data);
    }

    /// The finished file.
    pub(super) fn finish(mut self, root: Id, info: Id) -> Vec<u8> {
        self.flush();
        let id = self.reserve();
        let at = number(self.out.len());
        self.place(id, Place::At(at));
        let mut table: Vec<u8> = Vec::new();
        for (n, place) in self.places.iter().enumerate() {
            let (kind, a, b): (u8, u32, u16) = match place {
                Place::Unwritten => (0, 0, if n == 0 { u16::MAX } else { 0 }),
                Place::At(at) => (1, *at, 0),
                Place::In(stream, place) => (2, *stream, u16::try_from(*place).unwrap_or(0)),
            };
            table.push(kind);
            table.extend_from_slice(&a.to_be_bytes());
            table.extend_from_slice(&b.to_be_bytes());
        }
        // Named after what is in it: the same report gives the same file.
        let hash = blake3::hash(&self.out).to_hex();
        let name = hash.get(..32).unwrap_or_default();
        let entries = format!(
            "/Type/XRef/Size {}/W[1 4 2]/Root {root} 0 R/Info {info} 0 R/ID[<{name}><{name}>]/Filter/FlateDecode",
            self.places.len()
        );
        let table = self.squeeze(&table);
        self.put(id, &entries, &table);
        self.out.extend_from_slice(format!("startxref\n{at}\n%%EOF\n").as_bytes());
        self.out
    }
}

/// A file of 4 GB cannot come about: a report has some thousand pages at most.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A text as a PDF string; nothing in it can end the string.
pub(super) fn string(text: &str) -> String {
    let simple = |c: char| matches!(c, ' '..='~') && !matches!(c, '(' | ')' | '\\');
    if text.chars().all(simple) {
        return format!("({text})");
    }
    let mut out = String::from("<FEFF");
    for unit in text.encode_utf16() {
        out.push_str(&format!("{unit:04X}"));
    }
    out.push('>');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_string() {
        assert_eq!(string("web01"), "(web01)");
        assert_eq!(string(")("), "<FEFF00290028>");
        assert_eq!(string("\\"), "<FEFF005C>");
        assert_eq!(string("ü😀"), "<FEFF00FCD83DDE00>");
    }

    #[test]
    fn equal_objects_give_equal_bytes() {
        let file = || {
            let mut file = File::new(true);
            let id = file.reserve();
            file.object(id, b"<</Type/Catalog>>");
            file.stream("", b"0 0 m");
            file.finish(id, id)
        };
        assert_eq!(file(), file());
    }
}
