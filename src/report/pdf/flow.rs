//! From blocks to a long ribbon of strips, each as high as a line, a row or a chart, with what holds it to the next. Where
//! pages begin is no matter of this room.

use std::rc::Rc;

use super::{
    block::{Align, Block, Card, Link, List, Mark, Text, plain},
    fonts::Face,
    shape::Shaper,
    table,
    tags::{ARTIFACT, ROOT, Role, Tag, Tags},
    theme::{Style, colour},
    wrap::{Line, lines},
};
use crate::report::charts::Drawing;

/// Whether a page may end between a strip and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Glue {
    Free,
    /// Only where much paper would stay empty otherwise.
    Soft,
    Hard,
}

/// What stands on a strip.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A line of text; `y` is its baseline.
    Line(Line),
    /// A rectangle: width, height, colour.
    Rect(f32, f32, u32),
    /// A chart and its scale.
    Chart(Rc<Drawing>, f32),
    /// The picture: width and height.
    Picture(f32, f32),
    /// A place that links lead to.
    Anchor(u32),
}

/// Something at its place on a strip, measured from the upper left of the ribbon and of the strip.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) tag: Tag,
    pub(super) what: What,
}

/// The frame of a card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) number: u32,
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) edge: u32,
    pub(super) ground: Option<u32>,
}

/// A part of the ribbon that no page breaks.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    pub(super) height: f32,
    /// Space above, which falls away at the top of a page.
    pub(super) before: f32,
    pub(super) items: Vec<Item>,
    pub(super) glue: Glue,
    pub(super) frame: Option<Frame>,
    /// What is repeated above it when it begins a page: the head of its table.
    pub(super) head: Option<Rc<Strip>>,
    /// A new page begins here when more than this share of the page is used.
    pub(super) turn: Option<f32>,
}

impl Strip {
    pub(super) fn new(height: f32, before: f32) -> Self {
        Strip { height, before, items: Vec::new(), glue: Glue::Free, frame: None, head: None, turn: None }
    }
}

/// A ribbon that grows.
#[derive(Debug, Default)]
pub(super) struct Ribbon {
    pub(super) strips: Vec<Strip>,
    /// Space that the last block wants below it.
    pub(super) after: f32,
    /// What the next strip has as [`Strip::turn`].
    turn: Option<f32>,
}

impl Ribbon {
    pub(super) fn push(&mut self, mut strip: Strip) {
        strip.before = strip.before.max(self.after);
        self.after = 0.0;
        strip.turn = self.turn.take();
        self.strips.push(strip);
    }

    pub(super) fn height(&self) -> f32 {
        let gaps: f32 = self.strips.iter().skip(1).map(|s| s.before).sum();
        gaps + self.strips.iter().map(|s| s.height).sum::<f32>()
    }

    /// Everything in one strip that no page breaks.
    pub(super) fn merge(self) -> Strip {
        let mut out = Strip::new(0.0, self.strips.first().map_or(0.0, |s| s.before));
        for (n, strip) in self.strips.into_iter().enumerate() {
            let top = out.height + if n > 0 { strip.before } else { 0.0 };
            out.items.extend(strip.items.into_iter().map(|i| Item { y: i.y + top, ..i }));
            out.height = top + strip.height;
        }
        out
    }
}

/// A line of the list of bookmarks.
#[derive(Debug, Clone)]
pub(super) struct Bookmark {
    pub(super) title: String,
    pub(super) level: u8,
    pub(super) anchor: u32,
}

/// Places that only bookmarks lead to have numbers from here.
const BOOKMARKS: u32 = 0x8000_0000;
/// Left of the text of a card, and of one with a number.
const CARD: f32 = 14.0;
const NUMBERED: f32 = 34.0;
/// Above and below the text of a card.
const CARD_PAD: f32 = 9.0;
/// Left of the text of a list's items.
const INDENT: f32 = 16.0;
/// The same where numbers have two places.
const WIDE_INDENT: f32 = 24.0;

/// Lays blocks out, one after the other.
pub(super) struct Flow {
    pub(super) shaper: Shaper,
    pub(super) tags: Tags,
    pub(super) ribbon: Ribbon,
    pub(super) links: Vec<Link>,
    pub(super) bookmarks: Vec<Bookmark>,
    pub(super) width: f32,
    /// Height of a page's text.
    pub(super) page: f32,
    parents: Vec<Tag>,
    frames: u32,
}

impl Flow {
    pub(super) fn new(shaper: Shaper, width: f32, page: f32) -> Self {
        Flow {
            shaper,
            tags: Tags::new(),
            ribbon: Ribbon::default(),
            links: Vec::new(),
            bookmarks: Vec::new(),
            width,
            page,
            parents: Vec::new(),
            frames: 0,
        }
    }

    /// What follows belongs to a new section.
    pub(super) fn open(&mut self) {
        let tag = self.tags.add(self.parent(), Role::Sect);
        self.parents.push(tag);
    }

    /// The section is over.
    pub(super) fn close(&mut self) {
        self.parents.pop();
    }

    pub(super) fn parent(&self) -> Tag {
        self.parents.last().copied().unwrap_or(ROOT)
    }

    /// What is laid out inside belongs to `tag`.
    pub(super) fn within<T>(&mut self, tag: Tag, lay: impl FnOnce(&mut Self) -> T) -> T {
        self.parents.push(tag);
        let out = lay(self);
        self.parents.pop();
        out
    }

    /// Adds a block at the end of the document.
    pub(super) fn add(&mut self, block: &Block) {
        let mut ribbon = std::mem::take(&mut self.ribbon);
        self.lay(block, 0.0, self.width, &mut ribbon);
        self.ribbon = ribbon;
    }

    /// Lays a block out at the end of a ribbon.
    pub(super) fn lay(&mut self, block: &Block, x: f32, width: f32, out: &mut Ribbon) {
        match block {
            Block::Text(text) => self.text(text, x, width, out),
            Block::List(list) => self.list(list, x, width, out),
            Block::Table(table) => table::lay(self, table, x, width, out),
            Block::Card(card) => self.card(card, x, width, out),
            Block::Columns(columns) => self.columns(columns, x, width, out),
            Block::Chart(drawing, wide) => self.chart(drawing, *wide, x, out),
            Block::Picture(w, h, alt) => {
                let tag = self.tags.add(self.parent(), Role::Figure);
                self.say(tag, alt);
                let mut strip = Strip::new(*h, 0.0);
                strip.items.push(Item { x, y: 0.0, tag, what: What::Picture(*w, *h) });
                out.push(strip);
            }
            Block::Gap(gap) => out.after = out.after.max(*gap),
            Block::Turn(share) => out.turn = Some(*share),
        }
    }

    fn text(&mut self, text: &Text, x: f32, width: f32, out: &mut Ribbon) {
        let tag = self.tags.add(self.parent(), text.role);
        let anchor = self.mark(text);
        self.set(text, tag, x, width, anchor, out);
    }

    /// The places that lead to a text.
    fn mark(&mut self, text: &Text) -> Vec<u32> {
        let mut anchors: Vec<u32> = text.anchor.into_iter().collect();
        if let Some(level) = text.bookmark {
            let anchor = BOOKMARKS.saturating_add(u32::try_from(self.bookmarks.len()).unwrap_or(0));
            let title = text.spans.iter().map(|s| s.text.as_str()).collect::<String>();
            self.bookmarks.push(Bookmark { title, level, anchor });
            anchors.push(anchor);
        }
        anchors
    }

    /// Sets the lines of a text that belongs to `tag`.
    pub(super) fn set(&mut self, text: &Text, tag: Tag, x: f32, width: f32, anchors: Vec<u32>, out: &mut Ribbon) {
        let set = lines(text, width, &mut self.shaper, &mut self.tags, tag, &mut self.links);
        let count = set.len();
        let style = text.style;
        // The letters stand in the middle of their line.
        let baseline = (style.leading - style.size) / 2.0 + style.size * 0.86;
        for (n, line) in set.into_iter().enumerate() {
            let mut strip = Strip::new(style.leading, if n == 0 { style.before } else { 0.0 });
            if n == 0 {
                let place = |anchor: &u32| Item { x, y: 0.0, tag: ARTIFACT, what: What::Anchor(*anchor) };
                strip.items.extend(anchors.iter().map(place));
            }
            let shift = if text.align == Align::Right { (width - line.width).max(0.0) } else { 0.0 };
            strip.items.push(Item { x: x + shift, y: baseline, tag, what: What::Line(line) });
            // At least two lines on each side of a page's end.
            let last = n + 1 == count;
            strip.glue = match (last, n == 0 || n + 2 == count || text.keep) {
                (true, _) if text.keep => Glue::Hard,
                (false, true) => Glue::Hard,
                _ => Glue::Free,
            };
            out.push(strip);
        }
        if count > 0 {
            out.after = out.after.max(style.after);
        }
    }

    fn list(&mut self, list: &List, x: f32, width: f32, out: &mut Ribbon) {
        // A reader would hear of a list of nothing.
        if list.items.is_empty() {
            return;
        }
        let indent = if list.mark == Mark::Number && list.items.len() > 9 { WIDE_INDENT } else { INDENT };
        let tag = self.tags.add(self.parent(), Role::L);
        let count = list.items.len();
        for (n, item) in list.items.iter().enumerate() {
            let entry = self.tags.add(tag, Role::LI);
            let label = self.tags.add(entry, Role::Lbl);
            let body = self.tags.add(entry, Role::LBody);
            let (mark, ink, face) = match list.mark {
                Mark::Bullet => ("•".to_owned(), colour::SOFT, Face::Regular),
                Mark::Number => (format!("{}.", n + 1), colour::SOFT, Face::Regular),
                Mark::Tick => ("✓".to_owned(), colour::GOOD, Face::Other),
            };
            let start = out.strips.len();
            self.set(item, body, x + indent, width - indent, Vec::new(), out);
            let size = item.style.size;
            let style = item.style.ink(ink).face(face);
            let mut side = Ribbon::default();
            let mut sign = Text::new(style, vec![plain(&mark)]);
            if list.mark == Mark::Number {
                sign = sign.right();
            }
            self.set(&sign, label, x, indent - size * 0.55, Vec::new(), &mut side);
            if let (Some(strip), Some(sign)) = (out.strips.get_mut(start), side.strips.into_iter().next()) {
                // Before the text, so that it is read first.
                strip.items.splice(0..0, sign.items);
            }
            // No item stands alone at the top or at the foot of a page.
            let lonely = n + 2 == count || (n == 0 && count > 2);
            if let Some(last) = out.strips.get_mut(start..).and_then(|s| s.last_mut()).filter(|_| lonely) {
                last.glue = Glue::Hard;
            }
        }
    }

    fn card(&mut self, card: &Card, x: f32, width: f32, out: &mut Ribbon) {
        self.frames = self.frames.saturating_add(1);
        let frame = Frame { number: self.frames, x, width, edge: card.edge, ground: card.ground };
        let left = if card.number.is_some() { NUMBERED } else { CARD };
        let mut inner = Ribbon::default();
        let section = self.tags.add(self.parent(), Role::Sect);
        let number = card.number.as_ref().map(|number| {
            let style = Style { size: 15.0, leading: 16.0, ink: colour::SOFT, ..Style::LEAD };
            let mut side = Ribbon::default();
            let text = Text::new(style.space(0.0, 0.0), vec![plain(number)]);
            self.within(section, |flow| flow.text(&text, x + CARD, NUMBERED - CARD, &mut side));
            side
        });
        self.within(section, |flow| {
            for block in &card.body {
                flow.lay(block, x + left, width - left - CARD, &mut inner);
            }
        });
        inner.after = 0.0;
        let small = inner.height() < self.page * 0.42;
        if let (Some(first), Some(number)) = (inner.strips.first_mut(), number) {
            first.items.splice(0..0, number.strips.into_iter().flat_map(|s| s.items));
        }
        let mut pad = Strip::new(CARD_PAD, 8.0);
        pad.glue = Glue::Hard;
        pad.frame = Some(frame);
        out.push(pad);
        let count = inner.strips.len();
        for (n, mut strip) in inner.strips.into_iter().enumerate() {
            strip.frame = Some(frame);
            // The last lines go together: none stands alone on the next page.
            if n + 3 >= count {
                strip.glue = Glue::Hard;
            } else if small {
                strip.glue = strip.glue.max(Glue::Soft);
            }
            if n == 0 {
                strip.before = 0.0;
            }
            out.push(strip);
        }
        let mut pad = Strip::new(CARD_PAD, 0.0);
        pad.frame = Some(frame);
        out.push(pad);
        out.after = 8.0;
    }

    fn columns(&mut self, columns: &[(f32, Vec<Block>)], x: f32, width: f32, out: &mut Ribbon) {
        const BETWEEN: f32 = 22.0;
        #[allow(clippy::cast_precision_loss, reason = "a few columns")]
        let room = width - BETWEEN * columns.len().saturating_sub(1) as f32;
        let all: f32 = columns.iter().map(|(share, _)| share).sum();
        let mut strip = Strip::new(0.0, 0.0);
        let mut left = x;
        for (share, blocks) in columns {
            let wide = room * share / all;
            let mut ribbon = Ribbon::default();
            for block in blocks {
                self.lay(block, left, wide, &mut ribbon);
            }
            let part = ribbon.merge();
            strip.before = strip.before.max(part.before);
            strip.height = strip.height.max(part.height);
            strip.items.extend(part.items);
            left += wide + BETWEEN;
        }
        out.push(strip);
        out.after = 6.0;
    }

    fn chart(&mut self, drawing: &Rc<Drawing>, wide: f32, x: f32, out: &mut Ribbon) {
        let tag = self.tags.add(self.parent(), Role::Figure);
        self.say(tag, &drawing.words);
        #[allow(clippy::cast_possible_truncation, reason = "a chart is some hundred units wide")]
        let (width, height) = (drawing.width.max(1.0) as f32, drawing.height as f32);
        let scale = wide / width;
        let mut strip = Strip::new(height * scale, 0.0);
        strip.items.push(Item { x, y: 0.0, tag, what: What::Chart(Rc::clone(drawing), scale) });
        out.push(strip);
        out.after = 4.0;
    }

    fn say(&mut self, tag: Tag, alt: &str) {
        if let Some(element) = self.tags.get_mut(tag) {
            element.alt = Some(crate::words::harmless(alt).into());
        }
    }
}
