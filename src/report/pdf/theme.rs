//! How the PDF looks: paper, sizes of type, colours. All lengths are points (1/72 inch).

use super::fonts::Face;
use crate::{checks::Severity, report::Paper};

/// Colours, `0xRRGGBB`: the same as on the page in a browser.
pub(super) mod colour {
    pub(in crate::report::pdf) const INK: u32 = 0x1c_21_26;
    pub(in crate::report::pdf) const SOFT: u32 = 0x0055_5c64;
    pub(in crate::report::pdf) const LINE: u32 = 0xdf_db_d2;
    pub(in crate::report::pdf) const ACCENT: u32 = 0x1f_5f_a8;
    pub(in crate::report::pdf) const BAD: u32 = 0xa3_23_1a;
    pub(in crate::report::pdf) const WARN: u32 = 0x8a_5a_00;
    pub(in crate::report::pdf) const CODE: u32 = 0xf0_ed_e6;
    pub(in crate::report::pdf) const PANEL: u32 = 0xfa_f8_f4;
    pub(in crate::report::pdf) const GOOD: u32 = 0x2d_6a_3f;
    /// Behind characters that no font has.
    pub(in crate::report::pdf) const MARKED: u32 = 0xfb_e7_c6;
}

/// Where things stand on the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) top: f32,
    pub(super) bottom: f32,
}

impl Sheet {
    pub(super) fn of(paper: Paper) -> Self {
        // Letter is shorter, and holds the same first page.
        let (width, height, edge) = match paper {
            Paper::A4 => (595.28, 841.89, 58.0),
            Paper::Letter => (612.0, 792.0, 44.0),
        };
        Sheet { width, height, left: 56.0, right: 56.0, top: edge, bottom: edge }
    }

    pub(super) fn text_width(&self) -> f32 {
        self.width - self.left - self.right
    }

    pub(super) fn text_height(&self) -> f32 {
        self.height - self.top - self.bottom
    }
}

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub(super) face: Face,
    pub(super) size: f32,
    pub(super) leading: f32,
    pub(super) ink: u32,
    /// Space above; the larger of it and the one below the text before counts.
    pub(super) before: f32,
    pub(super) after: f32,
}

impl Style {
    const fn new(face: Face, size: f32, leading: f32, ink: u32, before: f32, after: f32) -> Self {
        Style { face, size, leading, ink, before, after }
    }

    pub(super) const TITLE: Style = Style::new(Face::Bold, 25.0, 30.0, colour::INK, 0.0, 3.0);
    pub(super) const LEAD: Style = Style::new(Face::Bold, 14.0, 19.0, colour::INK, 0.0, 5.0);
    pub(super) const H2: Style = Style::new(Face::Bold, 14.5, 19.0, colour::INK, 22.0, 7.0);
    pub(super) const H3: Style = Style::new(Face::Bold, 10.75, 14.5, colour::INK, 11.0, 3.0);
    pub(super) const LABEL: Style = Style::new(Face::Bold, 8.75, 12.5, colour::INK, 6.0, 1.5);
    pub(super) const BODY: Style = Style::new(Face::Regular, 9.5, 14.0, colour::INK, 0.0, 5.0);
    pub(super) const SMALL: Style = Style::new(Face::Regular, 8.5, 12.0, colour::SOFT, 0.0, 3.0);
    pub(super) const CELL: Style = Style::new(Face::Regular, 8.75, 12.25, colour::INK, 0.0, 0.0);
    pub(super) const HEAD: Style = Style::new(Face::Bold, 8.0, 11.0, colour::SOFT, 0.0, 0.0);
    pub(super) const EDGE: Style = Style::new(Face::Regular, 7.75, 10.0, colour::SOFT, 0.0, 0.0);

    pub(super) const fn ink(mut self, ink: u32) -> Self {
        self.ink = ink;
        self
    }

    pub(super) const fn face(mut self, face: Face) -> Self {
        self.face = face;
        self
    }

    pub(super) const fn space(mut self, before: f32, after: f32) -> Self {
        self.before = before;
        self.after = after;
        self
    }
}

/// The colour of a severity's edge and words.
pub(super) fn severity_colour(severity: Severity) -> u32 {
    match severity {
        Severity::Critical | Severity::High => colour::BAD,
        Severity::Medium => colour::WARN,
        Severity::Low | Severity::Info => colour::SOFT,
    }
}
