//! From a page to the operations that draw it, each marked with the element it belongs to. Nothing is moved or measured here
//! any more.

use printpdf::{
    Color, CurTransMat, DictItem, FontId, Line as Stroked, LineCapStyle, LineDashPattern, LineJoinStyle, LinePoint, Op,
    PaintMode, PdfDocument, PdfFontHandle, PdfPage, PdfSaveOptions, Point, Polygon, PolygonRing, Pt, Rgb, TextMatrix,
    WindingOrder,
};

use super::{
    block::{Text, plain},
    flow::{Frame, Item, Strip, What},
    fonts::Face,
    paginate::{Page, Placed},
    shape::{Shaper, Word},
    tags::{ARTIFACT, Kid, Tag, Tags},
    theme::{Sheet, Style},
    wrap::{Atom, Line, lines, wide},
};
use crate::report::charts::{Anchor, Drawing, Segment, Shape};

/// A link's area on a page.
#[derive(Debug, Clone)]
pub(super) struct Area {
    pub(super) link: u32,
    pub(super) tag: Tag,
    /// Left, bottom, right, top.
    pub(super) rect: [f32; 4],
}

/// What came of a page.
#[derive(Debug, Default)]
pub(super) struct Painted {
    pub(super) content: Vec<u8>,
    /// The element of each marked content, by its number.
    pub(super) owners: Vec<Tag>,
    pub(super) areas: Vec<Area>,
}

/// Names of the faces in the file, by number.
pub(super) const NAMES: [&str; 4] = ["R", "B", "M", "O"];
/// Name of the picture in the file.
pub(super) const PICTURE: &str = "Picture";

/// Draws pages.
pub(super) struct Painter<'a> {
    pub(super) sheet: Sheet,
    pub(super) shaper: &'a mut Shaper,
    pub(super) tags: &'a mut Tags,
    /// Number of the page, from 0.
    page: u32,
    /// Links so far, in the whole document.
    annotations: u32,
    ops: Vec<Op>,
    painted: Painted,
    open: Option<Tag>,
    ink: Option<u32>,
    font: Option<(usize, f32)>,
}

impl<'a> Painter<'a> {
    pub(super) fn new(sheet: Sheet, shaper: &'a mut Shaper, tags: &'a mut Tags) -> Self {
        Painter {
            sheet,
            shaper,
            tags,
            page: 0,
            annotations: 0,
            ops: Vec::new(),
            painted: Painted::default(),
            open: None,
            ink: None,
            font: None,
        }
    }

    /// Draws one page; `edges` are the lines at its head and foot, with their places on the paper.
    pub(super) fn page(&mut self, number: u32, page: &Page, strips: &[Strip], edges: &[(f32, f32, Line)]) -> Painted {
        self.page = number;
        (self.ink, self.font) = (None, None);
        self.frames(page, strips);
        for placed in &page.placed {
            let (strip, top) = match placed {
                Placed::Strip(n, top) => (strips.get(*n), *top),
                Placed::Head(strip, top) => (Some(strip.as_ref()), *top),
            };
            for item in strip.into_iter().flat_map(|s| &s.items) {
                self.item(item, top);
            }
        }
        for (x, y, line) in edges {
            self.line(line, *x, self.sheet.height - y, ARTIFACT);
        }
        self.end();
        let mut painted = std::mem::take(&mut self.painted);
        painted.content = content(std::mem::take(&mut self.ops));
        painted
    }

    /// From the page's text downwards to the paper's lower left upwards.
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.sheet.left + x, self.sheet.height - self.sheet.top - y)
    }

    fn item(&mut self, item: &Item, top: f32) {
        let (x, y) = self.at(item.x, item.y + top);
        match &item.what {
            What::Line(line) => self.line(line, x, y, item.tag),
            What::Rect(width, height, ink) => {
                self.begin(item.tag);
                self.rect(x, y - height, *width, *height, 0.0, *ink);
            }
            What::Chart(drawing, scale) => self.chart(drawing, *scale, x, y, item.tag),
            What::Picture(width, height) => {
                self.place(item.tag, [x, y - height, x + width, y]);
                self.begin(item.tag);
                self.ops.push(Op::SaveGraphicsState);
                let matrix = [*width, 0.0, 0.0, *height, round(x), round(y - height)];
                self.ops.push(Op::SetTransformationMatrix { matrix: CurTransMat::Raw(matrix) });
                let name = DictItem::Name(PICTURE.into());
                self.ops.push(Op::Unknown { key: "Do".to_owned(), value: vec![name] });
                self.ops.push(Op::RestoreGraphicsState);
            }
            What::Anchor(_) => {}
        }
    }

    fn place(&mut self, tag: Tag, rect: [f32; 4]) {
        if let Some(element) = self.tags.get_mut(tag) {
            element.place = Some(rect);
        }
    }

    /// What is drawn from here on belongs to an element.
    fn begin(&mut self, tag: Tag) {
        if self.open == Some(tag) {
            return;
        }
        self.end();
        self.open = Some(tag);
        if tag == ARTIFACT {
            self.ops.push(Op::BeginMarkedContent { tag: "Artifact".to_owned() });
            return;
        }
        let number = u32::try_from(self.painted.owners.len()).unwrap_or(u32::MAX);
        self.painted.owners.push(tag);
        self.tags.kid(tag, Kid::Content(self.page, number));
        let role = self.tags.get(tag).map_or("P", |e| e.role.name());
        let map = [("MCID".to_owned(), DictItem::Int(i64::from(number)))].into();
        self.ops
            .push(Op::BeginMarkedContentWithProperties { tag: role.to_owned(), properties: DictItem::Dict { map } });
    }

    fn end(&mut self) {
        if self.open.take().is_some() {
            self.ops.push(Op::EndMarkedContent);
        }
    }

    fn fill(&mut self, ink: u32) {
        if self.ink != Some(ink) {
            self.ink = Some(ink);
            self.ops.push(Op::SetFillColor { col: color(ink) });
        }
    }

    /// The grounds and edges of the cards on a page.
    fn frames(&mut self, page: &Page, strips: &[Strip]) {
        // Where a page breaks a card, its ground goes on a little beyond the text.
        const BEYOND: f32 = 6.0;
        let mut open: Option<(Frame, f32, f32)> = None;
        let mut done = Vec::new();
        for placed in &page.placed {
            let (strip, top, head) = match placed {
                Placed::Strip(n, top) => (strips.get(*n), *top, false),
                Placed::Head(strip, top) => (Some(strip.as_ref()), *top, true),
            };
            let Some(strip) = strip else { continue };
            let beyond = if strip.items.is_empty() { 0.0 } else { BEYOND };
            let bottom = top + strip.height + beyond;
            match (strip.frame, &mut open) {
                (Some(frame), Some((now, _, end))) if frame.number == now.number => *end = bottom,
                (frame, _) if !head => {
                    done.extend(open.take());
                    open = frame.map(|f| (f, top - beyond, bottom));
                }
                _ => {}
            }
        }
        done.extend(open);
        for (frame, top, bottom) in done {
            self.begin(ARTIFACT);
            let (x, y) = self.at(frame.x, bottom);
            if let Some(ground) = frame.ground {
                self.rect(x, y, frame.width, bottom - top, 4.0, ground);
            }
            self.rect(x, y, 3.0, bottom - top, 1.5, frame.edge);
        }
    }

    /// A filled rectangle by its lower left corner, with round corners.
    fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, round: f32, ink: u32) {
        self.fill(ink);
        let (r, b) = (x + width, y + height);
        let points = if round <= 0.0 {
            vec![corner(x, y), corner(r, y), corner(r, b), corner(x, b)]
        } else {
            let round = round.min(width / 2.0).min(height / 2.0);
            // How far a control point lies from the corner for a quarter of a circle.
            let k = round * 0.448;
            vec![
                corner(x + round, y),
                corner(r - round, y),
                handle(r - k, y),
                handle(r, y + k),
                corner(r, y + round),
                corner(r, b - round),
                handle(r, b - k),
                handle(r - k, b),
                corner(r - round, b),
                corner(x + round, b),
                handle(x + k, b),
                handle(x, b - k),
                corner(x, b - round),
                corner(x, y + round),
                handle(x, y + k),
                handle(x + k, y),
                corner(x + round, y),
            ]
        };
        self.polygon(vec![points]);
    }

    fn polygon(&mut self, rings: Vec<Vec<LinePoint>>) {
        let rings = rings.into_iter().map(|points| PolygonRing { points }).collect();
        let polygon = Polygon { rings, mode: PaintMode::Fill, winding_order: WindingOrder::NonZero };
        self.ops.push(Op::DrawPolygon { polygon });
    }

    /// A line of text; `y` is its baseline.
    fn line(&mut self, line: &Line, x: f32, y: f32, tag: Tag) {
        self.grounds(line, x, y);
        let owner = |atom: &Atom| if atom.look.tag == ARTIFACT { tag } else { atom.look.tag };
        for part in line.atoms.chunk_by(|a, b| owner(a) == owner(b) && a.look.link == b.look.link) {
            let Some(first) = part.first() else { continue };
            let owner = owner(first);
            self.begin(owner);
            self.ops.push(Op::StartTextSection);
            let mut pen = Pen::default();
            for atom in part {
                self.fill_in_text(atom.look.ink, &mut pen);
                self.word(&atom.word, x + atom.x, y, atom.look.size, &mut pen);
            }
            pen.flush(&mut self.ops);
            self.ops.push(Op::EndTextSection);
            if let Some(link) = first.look.link {
                let right = part.iter().map(|a| a.x + wide(&a.word, a.look.size)).fold(first.x, f32::max);
                let (low, high) = (y - first.look.size * 0.28, y + first.look.size * 0.86);
                self.painted.areas.push(Area { link, tag: owner, rect: [x + first.x, low, x + right, high] });
                self.tags.kid(owner, Kid::Annotation(self.annotations));
                self.annotations = self.annotations.saturating_add(1);
            }
        }
    }

    fn fill_in_text(&mut self, ink: u32, pen: &mut Pen) {
        if self.ink != Some(ink) {
            pen.flush(&mut self.ops);
            self.fill(ink);
        }
    }

    /// The grounds behind code and marked characters.
    fn grounds(&mut self, line: &Line, x: f32, y: f32) {
        for part in line.atoms.chunk_by(|a, b| a.look.ground == b.look.ground) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let Some(ground) = first.look.ground else { continue };
            let size = first.look.size;
            let right = last.x + wide(&last.word, size);
            self.begin(ARTIFACT);
            self.rect(x + first.x - 1.2, y - size * 0.3, right - first.x + 2.4, size * 1.28, 2.0, ground);
        }
    }

    fn word(&mut self, word: &Word, x: f32, y: f32, size: f32, pen: &mut Pen) {
        let mut x = x;
        for run in &word.runs {
            if self.font != Some((run.face, size)) {
                pen.flush(&mut self.ops);
                self.font = Some((run.face, size));
                let name = NAMES.get(run.face).copied().unwrap_or("R");
                let font = PdfFontHandle::External(FontId(name.to_owned()));
                self.ops.push(Op::SetFont { font, size: Pt(size) });
            }
            for glyph in &run.glyphs {
                let step = f32::from(glyph.advance) * size / 1000.0;
                if glyph.x == 0 && glyph.y == 0 {
                    pen.to(x, y, &mut self.ops);
                    pen.show(glyph.code, glyph.kern);
                    pen.x = x + step;
                } else {
                    let (dx, dy) = (f32::from(glyph.x) * size / 1000.0, f32::from(glyph.y) * size / 1000.0);
                    pen.flush(&mut self.ops);
                    pen.to(x + dx, y + dy, &mut self.ops);
                    pen.show(glyph.code, 0);
                    pen.flush(&mut self.ops);
                }
                x += step;
            }
        }
    }

    /// A chart with its upper left corner at a place.
    fn chart(&mut self, drawing: &Drawing, scale: f32, x: f32, y: f32, tag: Tag) {
        let to = |px: f64, py: f64| (x + single(px) * scale, y - single(py) * scale);
        let (right, bottom) = to(drawing.width, drawing.height);
        self.place(tag, [x, bottom, right, y]);
        self.begin(tag);
        self.ops.push(Op::SaveGraphicsState);
        for shape in &drawing.shapes {
            match shape {
                Shape::Path { segments, fill, stroke } => {
                    let rings = rings(segments, to);
                    if let Some(fill) = fill {
                        self.fill(fill.rgb());
                        self.polygon(rings.iter().map(|(points, _)| points.clone()).collect());
                    }
                    if let Some(stroke) = stroke {
                        self.ops.push(Op::SetOutlineColor { col: color(stroke.ink.rgb()) });
                        self.ops.push(Op::SetOutlineThickness { pt: Pt(round(single(stroke.width) * scale)) });
                        let dash = stroke.dash.map(|(on, off)| [single(on) * scale, single(off) * scale].map(round));
                        let pattern = dash.into_iter().flatten().collect();
                        self.ops.push(Op::SetLineDashPattern { dash: LineDashPattern { offset: 0.0, pattern } });
                        let (cap, join) = if stroke.round {
                            (LineCapStyle::Round, LineJoinStyle::Round)
                        } else {
                            (LineCapStyle::Butt, LineJoinStyle::Miter)
                        };
                        self.ops.push(Op::SetLineCapStyle { cap });
                        self.ops.push(Op::SetLineJoinStyle { join });
                        for (points, is_closed) in rings {
                            self.ops.push(Op::DrawLine { line: Stroked { points, is_closed } });
                        }
                    }
                }
                Shape::Text { .. } => {}
            }
        }
        self.ops.push(Op::RestoreGraphicsState);
        // What was set inside is gone.
        (self.ink, self.font) = (None, None);
        for shape in &drawing.shapes {
            let Shape::Text { x: tx, y: ty, size, anchor, bold, ink, text } = shape else { continue };
            let face = if *bold { Face::Bold } else { Face::Regular };
            let style = Style { size: single(*size) * scale, ..Style::BODY.face(face).ink(ink.rgb()) };
            // The same way as all other text: what no face has is marked, and the right order is kept.
            let text = Text::new(style, vec![plain(text)]);
            let set = lines(&text, f32::MAX, self.shaper, &mut Tags::new(), ARTIFACT, &mut Vec::new());
            let Some(line) = set.first() else { continue };
            let (left, base) = to(*tx, *ty);
            let shift = match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => line.width / 2.0,
                Anchor::End => line.width,
            };
            self.line(line, left - shift, base, tag);
        }
    }
}

/// Glyphs that wait to be written in one go.
#[derive(Default)]
struct Pen {
    x: f32,
    y: f32,
    items: Vec<DictItem>,
    codes: Vec<u8>,
}

impl Pen {
    /// Goes to a place; nothing to do where it is already.
    fn to(&mut self, x: f32, y: f32, ops: &mut Vec<Op>) {
        let waits = !self.codes.is_empty() || !self.items.is_empty();
        if waits && (self.x - x).abs() < 0.02 && (self.y - y).abs() < 0.001 {
            return;
        }
        self.flush(ops);
        ops.push(Op::SetTextMatrix { matrix: TextMatrix::Translate(Pt(round(x)), Pt(round(y))) });
        (self.x, self.y) = (x, y);
    }

    fn show(&mut self, code: u16, kern: i16) {
        self.codes.extend_from_slice(&code.to_be_bytes());
        if kern != 0 {
            self.items.push(DictItem::String { data: std::mem::take(&mut self.codes), literal: true });
            self.items.push(DictItem::Int(-i64::from(kern)));
        }
    }

    fn flush(&mut self, ops: &mut Vec<Op>) {
        if !self.codes.is_empty() {
            self.items.push(DictItem::String { data: std::mem::take(&mut self.codes), literal: true });
        }
        if !self.items.is_empty() {
            let items = DictItem::Array(std::mem::take(&mut self.items));
            ops.push(Op::Unknown { key: "TJ".to_owned(), value: vec![items] });
        }
    }
}

fn rings(segments: &[Segment], to: impl Fn(f64, f64) -> (f32, f32)) -> Vec<(Vec<LinePoint>, bool)> {
    let mut rings: Vec<(Vec<LinePoint>, bool)> = Vec::new();
    for segment in segments {
        if let Segment::Move(x, y) = segment {
            let (x, y) = to(*x, *y);
            rings.push((vec![corner(x, y)], false));
            continue;
        }
        let Some((points, closed)) = rings.last_mut() else { continue };
        match segment {
            Segment::Line(x, y) => {
                let (x, y) = to(*x, *y);
                points.push(corner(x, y));
            }
            Segment::Curve(ax, ay, bx, by, x, y) => {
                let ((ax, ay), (bx, by), (x, y)) = (to(*ax, *ay), to(*bx, *by), to(*x, *y));
                points.extend([handle(ax, ay), handle(bx, by), corner(x, y)]);
            }
            Segment::Close => *closed = true,
            Segment::Move(..) => {}
        }
    }
    rings
}

fn corner(x: f32, y: f32) -> LinePoint {
    LinePoint { p: Point { x: Pt(round(x)), y: Pt(round(y)) }, bezier: false }
}

fn handle(x: f32, y: f32) -> LinePoint {
    LinePoint { bezier: true, ..corner(x, y) }
}

/// Hundredths of a point are finer than any printer.
pub(super) fn round(x: f32) -> f32 {
    (x * 100.0).round() / 100.0
}

#[allow(clippy::cast_possible_truncation, reason = "lengths on paper")]
fn single(x: f64) -> f32 {
    x as f32
}

fn color(ink: u32) -> Color {
    let part = |shift: u32| {
        let byte = u8::try_from((ink >> shift) & 0xff).unwrap_or(0);
        (f32::from(byte) / 255.0 * 1000.0).round() / 1000.0
    };
    Color::Rgb(Rgb { r: part(16), g: part(8), b: part(0), icc_profile: None })
}

/// The operations as text of a page.
fn content(ops: Vec<Op>) -> Vec<u8> {
    let mut document = PdfDocument::new("");
    let zero = printpdf::Mm(0.0);
    document.pages.push(PdfPage::new(zero, zero, ops));
    // Glyphs are written as they are, through an operation that printpdf counts as unknown.
    let options = PdfSaveOptions { optimize: false, subset_fonts: false, secure: false, image_optimization: None };
    let written = document.to_lopdf_document(&options, &mut Vec::new());
    let page = written.get_pages().into_values().next();
    page.map(|page| written.get_page_content(page)).unwrap_or_default()
}
