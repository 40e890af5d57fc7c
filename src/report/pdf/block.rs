//! What a page is made of, before anything has a place: texts, lists, tables, cards, charts. Nothing here is measured.

use std::rc::Rc;

use super::{
    fonts::Face,
    tags::Role,
    theme::{Style, colour},
};
use crate::{report::charts::Drawing, words::harmless};

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// A place in the document.
    Inside(u32),
    /// An address.
    Outside(String),
}

/// A piece of text of one look.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) face: Option<Face>,
    pub(super) ink: Option<u32>,
    /// The ground behind it.
    pub(super) ground: Option<u32>,
    pub(super) link: Option<Link>,
}

/// Text as it is; whatever is in it becomes harmless.
pub(super) fn plain(text: &str) -> Span {
    Span { text: harmless(text), face: None, ink: None, ground: None, link: None }
}

/// Bold text.
pub(super) fn bold(text: &str) -> Span {
    Span { face: Some(Face::Bold), ..plain(text) }
}

/// Text that matters less.
pub(super) fn soft(text: &str) -> Span {
    Span { ink: Some(colour::SOFT), ..plain(text) }
}

/// A command, a path or a name.
pub(super) fn code(text: &str) -> Span {
    Span { face: Some(Face::Mono), ground: Some(colour::CODE), ..plain(text) }
}

/// A file or a program that something came from.
pub(super) fn place(text: &str) -> Span {
    Span { face: Some(Face::Mono), ink: Some(colour::SOFT), ..plain(text) }
}

/// Text that leads somewhere.
pub(super) fn link(text: &str, to: Link) -> Span {
    Span { ink: Some(colour::ACCENT), link: Some(to), ..plain(text) }
}

/// Text of the catalogue: what stands in backquotes is code.
pub(super) fn prose(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut parts = text.split('`').peekable();
    let mut inside = false;
    while let Some(part) = parts.next() {
        // A backquote that is never closed is only a backquote.
        match (inside, parts.peek().is_some()) {
            (true, true) => spans.push(code(part)),
            (true, false) => spans.push(plain(&format!("`{part}"))),
            (false, _) => spans.push(plain(part)),
        }
        inside = !inside;
    }
    spans.retain(|s| !s.text.is_empty());
    spans
}

/// Which edge the lines of a text stand at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Align {
    #[default]
    Left,
    Right,
}

/// A paragraph or a heading.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) spans: Vec<Span>,
    pub(super) style: Style,
    pub(super) align: Align,
    pub(super) role: Role,
    /// Other places lead here.
    pub(super) anchor: Option<u32>,
    /// Its level in the list of bookmarks, from 0.
    pub(super) bookmark: Option<u8>,
    /// Stays on the page of what follows.
    pub(super) keep: bool,
}

impl Text {
    pub(super) fn new(style: Style, spans: Vec<Span>) -> Self {
        Text { spans, style, align: Align::Left, role: Role::P, anchor: None, bookmark: None, keep: false }
    }

    pub(super) fn heading(level: Role, style: Style, spans: Vec<Span>) -> Self {
        Text { role: level, keep: true, ..Text::new(style, spans) }
    }

    pub(super) fn anchor(mut self, anchor: u32) -> Self {
        self.anchor = Some(anchor);
        self
    }

    pub(super) fn bookmark(mut self, level: u8) -> Self {
        self.bookmark = Some(level);
        self
    }

    pub(super) fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    pub(super) fn right(mut self) -> Self {
        self.align = Align::Right;
        self
    }
}

/// What stands before the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Bullet,
    Number,
    Tick,
}

/// A list.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) mark: Mark,
    pub(super) items: Vec<Text>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) align: Align,
    /// Share of the width; by content where none is given.
    pub(super) share: Option<f32>,
}

impl Column {
    pub(super) fn new(head: &'static str) -> Self {
        Column { head, align: Align::Left, share: None }
    }

    pub(super) fn share(mut self, share: f32) -> Self {
        self.share = Some(share);
        self
    }

    pub(super) fn right(mut self) -> Self {
        self.align = Align::Right;
        self
    }
}

/// A table; the first cell of a row names it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Vec<Text>>>,
}

/// A box with a coloured edge on its left.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) edge: u32,
    pub(super) ground: Option<u32>,
    /// A large number on its left.
    pub(super) number: Option<String>,
    pub(super) body: Vec<Block>,
}

/// What a page is made of.
#[derive(Debug, Clone)]
pub(super) enum Block {
    Text(Text),
    List(List),
    Table(Table),
    Card(Card),
    /// Side by side, each with its share of the width; never broken.
    Columns(Vec<(f32, Vec<Block>)>),
    /// A chart as wide as given.
    Chart(Rc<Drawing>, f32),
    /// The picture of the document, as large as given, with its alternative text.
    Picture(f32, f32, &'static str),
    Gap(f32),
    /// Here a new page begins when more than this share of the page is used.
    Turn(f32),
}
