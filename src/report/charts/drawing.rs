//! A chart as geometry: shapes in a box with its origin at the upper left, y downwards. The SVG, the PDF and the picture
//! for mail are drawn from this same list.

use crate::score::Grade;

/// A chart: what is drawn, and what it says in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Name of the chart, unique on a page: `gauge`, `history-wide`.
    pub name: String,
    /// Width in units of the drawing; text sizes are in the same units.
    pub width: f64,
    /// Height in the same units.
    pub height: f64,
    /// A short title.
    pub title: String,
    /// What the chart shows, in a sentence: also its alternative text.
    pub words: String,
    /// What is drawn, from back to front.
    pub shapes: Vec<Shape>,
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// An outline, filled, stroked or both.
    Path {
        /// Its parts.
        segments: Vec<Segment>,
        /// What fills it.
        fill: Option<Ink>,
        /// What its line is drawn with.
        stroke: Option<Stroke>,
    },
    /// A line of text.
    Text {
        /// Where it is anchored, horizontally.
        x: f64,
        /// Its baseline.
        y: f64,
        /// Size of the type.
        size: f64,
        /// Which end stands at `x`.
        anchor: Anchor,
        /// Bold type.
        bold: bool,
        /// Its colour.
        ink: Ink,
        /// The text; harmless, not escaped.
        text: String,
    },
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Its width.
    pub width: f64,
    /// Length of its dashes and of the gaps between them; none for a whole line.
    pub dash: Option<(f64, f64)>,
    /// Round ends and corners.
    pub round: bool,
}

/// A part of an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Segment {
    /// Begins a new part.
    Move(f64, f64),
    /// A straight line.
    Line(f64, f64),
    /// A cubic Bézier curve: two control points and the end.
    Curve(f64, f64, f64, f64, f64, f64),
    /// Back to where the part began.
    Close,
}

/// Which end of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// What a shape is drawn with, by its part in the chart: a page may restyle it, so that the same chart is right on paper,
/// on a bright screen and on a dark one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ink {
    /// Text and marks that matter.
    Ink,
    /// Text that matters less.
    Soft,
    /// Lines of a grid.
    Grid,
    /// The empty part of a dial or a bar.
    Track,
    /// The full part of a dial or a bar.
    Fill,
    /// The same where all is well.
    Good,
    /// The line of a chart.
    Accent,
    /// The ground below it.
    Wash,
    /// A critical problem.
    Critical,
    /// A high one.
    High,
    /// A medium one.
    Medium,
    /// A low one.
    Low,
    /// The page behind everything.
    Paper,
}

impl Ink {
    /// What stands for a grade.
    pub fn of(grade: Grade) -> Self {
        match grade {
            Grade::A | Grade::B => Ink::Good,
            Grade::C => Ink::Fill,
            Grade::D | Grade::F => Ink::High,
        }
    }

    /// Its colour on white paper, `0xRRGGBB`. The four severities differ in lightness, so that they can be told apart in
    /// grey and by colour-blind people.
    pub fn rgb(self) -> u32 {
        match self {
            Ink::Ink => 0x1c2126,
            Ink::Soft => 0x555c64,
            Ink::Grid => 0xdcd8d0,
            Ink::Track => 0xe4e0d7,
            Ink::Fill => 0x7a5c12,
            Ink::Good => 0x23703f,
            Ink::Accent => 0x1f5fa8,
            Ink::Wash => 0xe8eff7,
            Ink::Critical => 0x5c100b,
            Ink::High => 0xb23a1f,
            Ink::Medium => 0xd98b2b,
            Ink::Low => 0xefd59b,
            Ink::Paper => 0xffffff,
        }
    }

    /// The class by which a page may restyle it.
    pub fn class(self) -> &'static str {
        match self {
            Ink::Ink => "ink",
            Ink::Soft => "soft",
            Ink::Grid => "grid",
            Ink::Track => "track",
            Ink::Fill => "fill",
            Ink::Good => "good",
            Ink::Accent => "accent",
            Ink::Wash => "wash",
            Ink::Critical => "critical",
            Ink::High => "high",
            Ink::Medium => "medium",
            Ink::Low => "low",
            Ink::Paper => "paper",
        }
    }
}
