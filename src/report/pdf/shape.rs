//! From words to glyphs: each word is shaped once and kept. Which line it goes to is no matter of this room.

use std::{collections::HashMap, rc::Rc};

use rustybuzz::{Direction, Feature, Script, ShapePlan, UnicodeBuffer, ttf_parser::Tag};

use super::fonts::{FACES, Face, Used, thousandths};

/// A shaped word; lengths are thousandths of the size.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) runs: Vec<Run>,
    pub(super) width: i32,
}

/// Glyphs of one face, in the order they stand on the page.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) face: usize,
    pub(super) glyphs: Vec<Glyph>,
}

/// A glyph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    pub(super) code: u16,
    /// How far the pen moves.
    pub(super) advance: i16,
    /// How much of that is not the glyph's own width.
    pub(super) kern: i16,
    pub(super) x: i16,
    pub(super) y: i16,
}

/// Longer words are shaped each time: a hash or a path seldom comes twice.
const KEPT_LENGTH: usize = 40;
/// How many words are kept.
const KEPT: usize = 20_000;

/// Shapes words and remembers them, and what of each face was used.
pub(super) struct Shaper {
    faces: Vec<rustybuzz::Face<'static>>,
    plans: Vec<((usize, Direction, Script), ShapePlan)>,
    kept: HashMap<(Face, bool), HashMap<Box<str>, Rc<Word>>>,
    used: [Used; FACES.len()],
    buffer: UnicodeBuffer,
    kern: bool,
}

impl Shaper {
    /// Without `kern` letters keep their own width, which makes long documents smaller and quicker. None when a face that
    /// is compiled in cannot be read, which a test rules out.
    pub(super) fn new(kern: bool) -> Option<Self> {
        let faces: Option<Vec<_>> = FACES.iter().map(|f| rustybuzz::Face::from_slice(f.data(), 0)).collect();
        Some(Shaper {
            faces: faces?,
            plans: Vec::new(),
            kept: HashMap::new(),
            used: Default::default(),
            buffer: UnicodeBuffer::new(),
            kern,
        })
    }

    pub(super) fn face(&self, face: usize) -> Option<&rustybuzz::Face<'static>> {
        self.faces.get(face)
    }

    pub(super) fn used(&self) -> &[Used] {
        &self.used
    }

    /// Whether some face has a character.
    pub(super) fn has(&self, face: Face, c: char) -> bool {
        c.is_ascii_graphic() || c == ' ' || self.holder(face, c).is_some()
    }

    /// The face that shows a character: the wanted one, else the one with more scripts.
    fn holder(&self, face: Face, c: char) -> Option<usize> {
        [face.number(), Face::Other.number()].into_iter().find(|n| self.covers(*n, c))
    }

    fn covers(&self, face: usize, c: char) -> bool {
        self.faces.get(face).is_some_and(|f| f.glyph_index(c).is_some_and(|g| g.0 != 0))
    }

    /// The glyphs of a word.
    pub(super) fn word(&mut self, face: Face, rtl: bool, text: &str) -> Rc<Word> {
        if let Some(word) = self.kept.get(&(face, rtl)).and_then(|kept| kept.get(text)) {
            return Rc::clone(word);
        }
        let word = Rc::new(self.shape(face, rtl, text));
        let kept = self.kept.entry((face, rtl)).or_default();
        if text.len() <= KEPT_LENGTH && kept.len() < KEPT {
            kept.insert(text.into(), Rc::clone(&word));
        }
        word
    }

    fn shape(&mut self, face: Face, rtl: bool, text: &str) -> Word {
        let mut word = Word::default();
        let mut start = 0;
        let mut holder = None;
        // Parts of one face; a mark stays with the letter before it where that face has it.
        let mut parts: Vec<(usize, &str)> = Vec::new();
        for (at, c) in text.char_indices() {
            let next = self.holder(face, c).unwrap_or(face.number());
            match holder {
                Some(now) if now == next => {}
                Some(now) if is_mark(c) && self.covers(now, c) => {}
                Some(now) => {
                    parts.push((now, text.get(start..at).unwrap_or_default()));
                    (start, holder) = (at, Some(next));
                }
                None => holder = Some(next),
            }
        }
        if let Some(now) = holder {
            parts.push((now, text.get(start..).unwrap_or_default()));
        }
        if rtl {
            parts.reverse();
        }
        for (face, part) in parts {
            let glyphs = self.glyphs(face, rtl, part);
            word.width += glyphs.iter().map(|g| i32::from(g.advance)).sum::<i32>();
            word.runs.push(Run { face, glyphs });
        }
        word
    }

    fn glyphs(&mut self, number: usize, rtl: bool, text: &str) -> Vec<Glyph> {
        let (Some(face), Some(used)) = (self.faces.get(number), self.used.get_mut(number)) else { return Vec::new() };
        let mut buffer = std::mem::replace(&mut self.buffer, UnicodeBuffer::new());
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
        let key = (number, buffer.direction(), buffer.script());
        let at = self.plans.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
            let plan = ShapePlan::new(face, key.1, Some(key.2), None, &features(number, self.kern));
            self.plans.push((key, plan));
            self.plans.len() - 1
        });
        let Some((_, plan)) = self.plans.get(at) else { return Vec::new() };
        let shaped = rustybuzz::shape_with_plan(face, plan, buffer);
        let infos = shaped.glyph_infos();
        let mut starts: Vec<usize> = infos.iter().map(|i| i.cluster as usize).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut before = None;
        let mut out = Vec::with_capacity(infos.len());
        for (info, place) in infos.iter().zip(shaped.glyph_positions()) {
            let from = info.cluster as usize;
            // The first glyph of a cluster stands for its text, the others for nothing.
            let stands_for = if before == Some(from) {
                ""
            } else {
                let end = starts.get(starts.partition_point(|s| *s <= from)).copied().unwrap_or(text.len());
                text.get(from..end).unwrap_or_default()
            };
            before = Some(from);
            let glyph = u16::try_from(info.glyph_id).unwrap_or(0);
            let code = used.code(face, glyph, stands_for);
            let advance = small(place.x_advance, face);
            out.push(Glyph {
                code,
                advance,
                kern: advance.saturating_sub(i16::try_from(used.width(code)).unwrap_or(i16::MAX)),
                x: small(place.x_offset, face),
                y: small(place.y_offset, face),
            });
        }
        self.buffer = shaped.clear();
        out
    }
}

#[allow(clippy::cast_precision_loss, reason = "some thousands at most")]
fn small(units: i32, face: &rustybuzz::Face<'_>) -> i16 {
    i16::try_from(thousandths(units as f32, face)).unwrap_or(0)
}

/// Figures of equal width, and no ligature that would make an arrow of `->` in a command.
fn features(face: usize, kern: bool) -> Vec<Feature> {
    let off = |tag: &[u8; 4]| Feature::new(Tag::from_bytes(tag), 0, ..);
    if face == Face::Other.number() {
        return vec![off(b"liga")];
    }
    let mut features = vec![off(b"liga"), off(b"clig"), off(b"calt")];
    if !kern && face == Face::Regular.number() {
        features.push(off(b"kern"));
    }
    if face != Face::Mono.number() {
        features.push(Feature::new(Tag::from_bytes(b"tnum"), 1, ..));
    }
    features
}

/// Marks that stand on or under the letter before them.
pub(super) fn is_mark(c: char) -> bool {
    unicode_width::UnicodeWidthChar::width(c) == Some(0)
}
