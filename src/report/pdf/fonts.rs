//! The faces that are compiled in: which of them has a character, and what of each goes into the file.

use std::collections::HashMap;

use rustybuzz::ttf_parser::GlyphId;

/// A face by its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Face {
    /// Running text.
    Regular,
    /// Headings and what matters.
    Bold,
    /// Commands, paths, names.
    Mono,
    /// What the others have not: Arabic, Hebrew, Armenian, Georgian, symbols.
    Other,
}

/// All faces, in the order of their numbers.
pub(super) const FACES: [Face; 4] = [Face::Regular, Face::Bold, Face::Mono, Face::Other];

impl Face {
    pub(super) fn number(self) -> usize {
        match self {
            Face::Regular => 0,
            Face::Bold => 1,
            Face::Mono => 2,
            Face::Other => 3,
        }
    }

    /// Its name in the PDF.
    pub(super) fn name(self) -> &'static str {
        match self {
            Face::Regular => "Inter-Regular",
            Face::Bold => "Inter-SemiBold",
            Face::Mono => "JetBrainsMono-Regular",
            Face::Other => "DejaVuSans",
        }
    }

    pub(super) fn data(self) -> &'static [u8] {
        match self {
            Face::Regular => include_bytes!("../../../assets/fonts/Inter-Regular.ttf"),
            Face::Bold => include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf"),
            Face::Mono => include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf"),
            Face::Other => include_bytes!("../../../assets/fonts/DejaVuSans.ttf"),
        }
    }
}

/// What of a face the document uses. A code stands for one glyph and one text, so that copying gives back exactly what was
/// written even where one glyph serves two characters.
#[derive(Default)]
pub(super) struct Used {
    known: HashMap<(u16, Box<str>), u16>,
    /// By code: the glyph, its width in thousandths of the size, the text it stands for.
    codes: Vec<(u16, i32, Box<str>)>,
}

impl Used {
    /// The code for a glyph and the text it stands for.
    pub(super) fn code(&mut self, face: &rustybuzz::Face<'_>, glyph: u16, text: &str) -> u16 {
        if self.codes.is_empty() {
            self.codes.push((0, 0, Box::default()));
        }
        if let Some(code) = self.known.get(&(glyph, Box::from(text))) {
            return *code;
        }
        // Past 65,535 pairs of a glyph and a text, a glyph keeps its look and loses its own text.
        let Ok(code) = u16::try_from(self.codes.len()) else {
            let any = self.codes.iter().position(|(g, ..)| *g == glyph);
            return any.and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
        };
        let width = f32::from(face.glyph_hor_advance(GlyphId(glyph)).unwrap_or(0));
        self.codes.push((glyph, thousandths(width, face), text.into()));
        self.known.insert((glyph, text.into()), code);
        code
    }

    /// Width of a code in thousandths of the size.
    pub(super) fn width(&self, code: u16) -> i32 {
        self.codes.get(usize::from(code)).map_or(0, |(_, width, _)| *width)
    }

    /// Glyph, width and text of all codes in their order; none when the face is not used.
    pub(super) fn codes(&self) -> &[(u16, i32, Box<str>)] {
        &self.codes
    }
}

/// A length in units of the face as thousandths of the size.
#[allow(clippy::cast_possible_truncation, reason = "some thousands at most")]
pub(super) fn thousandths(units: f32, face: &rustybuzz::Face<'_>) -> i32 {
    #[allow(clippy::cast_precision_loss, reason = "1000 or 2048")]
    let em = face.units_per_em().max(1) as f32;
    (units * 1000.0 / em).round() as i32
}
