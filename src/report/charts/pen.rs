//! Short names for the shapes that charts are made of.

use super::{Anchor, Drawing, Ink, Segment, Shape, Stroke};
use crate::words::harmless;

impl Drawing {
    /// An empty one.
    pub(super) fn new(name: &str, title: &str, (width, height): (f64, f64)) -> Self {
        Drawing {
            name: name.to_owned(),
            width,
            height,
            title: title.to_owned(),
            words: String::new(),
            shapes: Vec::new(),
        }
    }

    /// Adds an outline that is filled.
    pub(super) fn fill(&mut self, ink: Ink, segments: Vec<Segment>) {
        self.shapes.push(Shape::Path { segments, fill: Some(ink), stroke: None });
    }

    /// Adds a line.
    pub(super) fn stroke(&mut self, stroke: Stroke, segments: Vec<Segment>) {
        self.shapes.push(Shape::Path { segments, fill: None, stroke: Some(stroke) });
    }

    /// Adds a line of text, which begins at `at`.
    pub(super) fn text(&mut self, at: (f64, f64), look: Type, text: impl Into<String>) {
        let Type { size, anchor, bold, ink } = look;
        self.shapes.push(Shape::Text { x: at.0, y: at.1, size, anchor, bold, ink, text: harmless(&text.into()) });
    }
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub size: f64,
    pub anchor: Anchor,
    pub bold: bool,
    pub ink: Ink,
}

/// Small text on axes.
pub(super) const SMALL: Type = Type { size: 12.0, anchor: Anchor::Start, bold: false, ink: Ink::Soft };
/// Text that is read.
pub(super) const BODY: Type = Type { size: 12.5, anchor: Anchor::Start, bold: false, ink: Ink::Ink };

impl Type {
    /// Centred on its place.
    pub(super) fn middle(self) -> Self {
        Type { anchor: Anchor::Middle, ..self }
    }

    /// Ends at its place.
    pub(super) fn end(self) -> Self {
        Type { anchor: Anchor::End, ..self }
    }

    pub(super) fn bold(self) -> Self {
        Type { bold: true, ..self }
    }

    pub(super) fn ink(self, ink: Ink) -> Self {
        Type { ink, ..self }
    }

    pub(super) fn size(self, size: f64) -> Self {
        Type { size, ..self }
    }
}

/// A plain line.
pub(super) fn line(ink: Ink, width: f64) -> Stroke {
    Stroke { ink, width, dash: None, round: false }
}

/// From one point to another.
pub(super) fn from_to(from: (f64, f64), to: (f64, f64)) -> Vec<Segment> {
    vec![Segment::Move(from.0, from.1), Segment::Line(to.0, to.1)]
}

/// Straight lines through all points.
pub(super) fn through(points: &[(f64, f64)]) -> Vec<Segment> {
    let segment = |(n, (x, y)): (usize, &(f64, f64))| match n {
        0 => Segment::Move(*x, *y),
        _ => Segment::Line(*x, *y),
    };
    points.iter().enumerate().map(segment).collect()
}

/// A rectangle.
pub(super) fn rect(x: f64, y: f64, width: f64, height: f64) -> Vec<Segment> {
    vec![
        Segment::Move(x, y),
        Segment::Line(x + width, y),
        Segment::Line(x + width, y + height),
        Segment::Line(x, y + height),
        Segment::Close,
    ]
}

/// A circle.
pub(super) fn circle((x, y): (f64, f64), r: f64) -> Vec<Segment> {
    let mut segments = arc((x, y), r, 0.0, 360.0);
    segments.push(Segment::Close);
    segments
}

/// A part of a circle, clockwise between two angles in degrees; 0 is on the right.
pub(super) fn arc(centre: (f64, f64), r: f64, from: f64, to: f64) -> Vec<Segment> {
    // Four curves a turn keep within a thousandth of the radius.
    let parts = ((to - from) / 90.0).ceil().clamp(1.0, 4.0);
    let step = (to - from) / parts;
    let reach = r * 4.0 / 3.0 * (step.to_radians() / 4.0).tan();
    let at = |angle: f64| {
        let (sin, cos) = angle.to_radians().sin_cos();
        ((centre.0 + r * cos, centre.1 + r * sin), (-sin * reach, cos * reach))
    };
    let (mut before, mut out) = (at(from), Vec::new());
    out.push(Segment::Move(before.0.0, before.0.1));
    let mut angle = from;
    for _ in 0..parts as u32 {
        angle += step;
        let next = at(angle);
        let ((x1, y1), (dx1, dy1)) = before;
        let ((x2, y2), (dx2, dy2)) = next;
        out.push(Segment::Curve(x1 + dx1, y1 + dy1, x2 - dx2, y2 - dy2, x2, y2));
        before = next;
    }
    out
}
