//! From a text to lines of a width: where lines may end, which words stand on which, and in which order. Pages are no
//! matter of this room.

use std::{ops::Range, rc::Rc};

use unicode_bidi::{BidiInfo, Level};
use unicode_linebreak::{BreakOpportunity, linebreaks};

use super::{
    block::{Link, Span, Text},
    fonts::Face,
    shape::{Shaper, Word, is_mark},
    tags::{ARTIFACT, Role, Tag, Tags},
    theme::colour,
};

/// How a word looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) size: f32,
    pub(super) ink: u32,
    pub(super) ground: Option<u32>,
    /// Its own element, where the paragraph holds links; else that of the line.
    pub(super) tag: Tag,
    /// The link it belongs to, by its number.
    pub(super) link: Option<u32>,
}

/// A word at its place on a line.
#[derive(Debug, Clone)]
pub(super) struct Atom {
    pub(super) x: f32,
    pub(super) word: Rc<Word>,
    /// Shared by all words of a span: a long report has millions of words.
    pub(super) look: Rc<Look>,
}

/// A line.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) atoms: Vec<Atom>,
    pub(super) width: f32,
}

/// A part of the text that a line may not break, with the space behind it.
struct Unit {
    pieces: Vec<Piece>,
    width: f32,
    space: f32,
    /// The line ends behind it in any case.
    ends: bool,
}

/// A word or a space of one look and one direction.
#[derive(Clone)]
struct Piece {
    range: Range<usize>,
    word: Rc<Word>,
    look: Rc<Look>,
    face: Face,
    level: Level,
    space: bool,
}

impl Piece {
    fn width(&self) -> f32 {
        wide(&self.word, self.look.size)
    }
}

#[allow(clippy::cast_precision_loss, reason = "some thousands at most")]
pub(super) fn wide(word: &Word, size: f32) -> f32 {
    word.width as f32 * size / 1000.0
}

/// Type for machines looks larger than text of the same size.
const MONO: f32 = 0.9;

/// The text with its looks, ready to be broken.
struct Prepared {
    text: String,
    looks: Vec<(Range<usize>, Face, Rc<Look>)>,
}

/// Breaks a text into lines. `tag` is the element it belongs to; links get elements of their own below it.
pub(super) fn lines(
    text: &Text,
    width: f32,
    shaper: &mut Shaper,
    tags: &mut Tags,
    tag: Tag,
    links: &mut Vec<Link>,
) -> Vec<Line> {
    let prepared = prepare(text, shaper, tags, tag, links);
    let levels = levels(&prepared.text);
    let units = units(&prepared, levels.as_deref(), shaper);
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    let mut row: Vec<Piece> = Vec::new();
    let mut used = 0.0;
    for unit in units {
        if used + unit.width > width + 0.01 && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            used = 0.0;
        }
        if unit.width > width + 0.01 {
            // What is too long for any line: it is cut where the line ends.
            for piece in unit.pieces {
                for part in cut(&piece, &prepared.text, width, shaper) {
                    if used + part.width() > width + 0.01 && !row.is_empty() && !part.space {
                        rows.push(std::mem::take(&mut row));
                        used = 0.0;
                    }
                    used += part.width();
                    row.push(part);
                }
            }
        } else {
            used += unit.width + unit.space;
            row.extend(unit.pieces);
        }
        if unit.ends {
            rows.push(std::mem::take(&mut row));
            used = 0.0;
        }
    }
    rows.into_iter().map(|row| set(row, levels.is_some())).filter(|l| !l.atoms.is_empty()).collect()
}

/// The widest word and the widest line of a text.
pub(super) fn measure(text: &Text, shaper: &mut Shaper) -> (f32, f32) {
    let prepared = prepare(text, shaper, &mut Tags::new(), ARTIFACT, &mut Vec::new());
    let units = units(&prepared, levels(&prepared.text).as_deref(), shaper);
    let word = units.iter().map(|u| u.width).fold(0.0, f32::max);
    (word, units.iter().map(|u| u.width + u.space).sum())
}

/// Puts the spans into one text; what no face has is marked by its number.
fn prepare(text: &Text, shaper: &Shaper, tags: &mut Tags, tag: Tag, links: &mut Vec<Link>) -> Prepared {
    let mut out = Prepared { text: String::new(), looks: Vec::new() };
    let linked = text.spans.iter().any(|s| s.link.is_some());
    for span in &text.spans {
        let face = span.face.unwrap_or(text.style.face);
        let size =
            if face == Face::Mono && text.style.face != Face::Mono { text.style.size * MONO } else { text.style.size };
        let mut look =
            Look { size, ink: span.ink.unwrap_or(text.style.ink), ground: span.ground, tag: ARTIFACT, link: None };
        if let Some(link) = &span.link {
            look.tag = tags.add(tag, Role::Link);
            look.link = u32::try_from(links.len()).ok();
            links.push(link.clone());
        } else if linked {
            look.tag = tags.add(tag, Role::Span);
        }
        put(&mut out, span, face, look, shaper);
    }
    out
}

fn put(out: &mut Prepared, span: &Span, face: Face, look: Look, shaper: &Shaper) {
    let mut start = out.text.len();
    let mut missing = false;
    let mark = Look { ground: Some(colour::MARKED), ..look };
    let close = |out: &mut Prepared, start: &mut usize, face: Face, look: Look| {
        if out.text.len() > *start {
            out.looks.push((*start..out.text.len(), face, Rc::new(look)));
            *start = out.text.len();
        }
    };
    for c in span.text.chars() {
        if matches!(c, '\u{fe00}'..='\u{fe0f}') {
            // Only says how the character before it is drawn.
            continue;
        }
        let lost = !shaper.has(face, c);
        if lost && missing {
            out.text.push(' ');
        } else if lost {
            close(out, &mut start, face, look);
            out.text.push('⟨');
        } else if missing {
            out.text.push('⟩');
            close(out, &mut start, Face::Mono, mark);
        }
        if lost {
            out.text.push_str(&format!("U+{:04X}", u32::from(c)));
        } else {
            out.text.push(c);
        }
        missing = lost;
    }
    if missing {
        out.text.push('⟩');
        close(out, &mut start, Face::Mono, mark);
    } else {
        close(out, &mut start, face, look);
    }
}

/// Which direction each byte belongs to; none where everything runs from left to right.
fn levels(text: &str) -> Option<Vec<Level>> {
    let rtl = |c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    text.chars().any(rtl).then(|| BidiInfo::new(text, Some(Level::ltr())).levels)
}

fn units(prepared: &Prepared, levels: Option<&[Level]>, shaper: &mut Shaper) -> Vec<Unit> {
    let text = &prepared.text;
    let mut units = Vec::new();
    let mut start = 0;
    let mut looks = prepared.looks.iter().peekable();
    for (end, opportunity) in linebreaks(text) {
        if end < text.len() && opportunity == BreakOpportunity::Allowed && is_option(prepared, start..end) {
            continue;
        }
        let mut unit =
            Unit { pieces: Vec::new(), width: 0.0, space: 0.0, ends: opportunity == BreakOpportunity::Mandatory };
        let mut at = start;
        while at < end {
            while looks.peek().is_some_and(|(range, ..)| range.end <= at) {
                looks.next();
            }
            let Some((range, face, look)) = looks.peek() else { break };
            let stop = end.min(range.end);
            pieces(text, at..stop, *face, look, levels, shaper, &mut unit);
            at = stop;
        }
        start = end;
        units.push(unit);
    }
    units
}

/// Whether a break would part the dash of an option or of a name from what follows: `--no|-x`, `apt-|get`.
fn is_option(prepared: &Prepared, range: Range<usize>) -> bool {
    let end = range.end;
    let Some(word) = prepared.text.get(range) else { return false };
    let place = prepared.looks.partition_point(|(range, ..)| range.end < end);
    let mono = prepared.looks.get(place).is_some_and(|(_, face, _)| *face == Face::Mono);
    word.ends_with('-') && (mono || word.trim_start().starts_with('-'))
}

/// Cuts a part of a unit into words and spaces of one direction.
fn pieces(
    text: &str,
    range: Range<usize>,
    face: Face,
    look: &Rc<Look>,
    levels: Option<&[Level]>,
    shaper: &mut Shaper,
    unit: &mut Unit,
) {
    let level = |at: usize| levels.and_then(|l| l.get(at)).copied().unwrap_or_else(Level::ltr);
    let Some(part) = text.get(range.clone()) else { return };
    let mut start = range.start;
    let mut chars = part.char_indices().map(|(at, c)| (range.start + at, c)).peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(range.end, |(at, _)| *at);
        let goes_on = chars.peek().is_some_and(|(at2, c2)| (*c2 == ' ') == (c == ' ') && level(*at2) == level(at));
        if goes_on {
            continue;
        }
        let level = level(start);
        let word = shaper.word(face, level.is_rtl(), text.get(start..next).unwrap_or_default());
        let space = c == ' ';
        let width = wide(&word, look.size);
        if space {
            unit.space += width;
        } else {
            unit.width += unit.space + width;
            unit.space = 0.0;
        }
        unit.pieces.push(Piece { range: start..next, word, look: Rc::clone(look), face, level, space });
        start = next;
    }
}

/// Cuts a piece that is wider than any line into parts that fit.
fn cut(piece: &Piece, text: &str, width: f32, shaper: &mut Shaper) -> Vec<Piece> {
    if piece.width() <= width || piece.space {
        return vec![piece.clone()];
    }
    let mut parts = Vec::new();
    let word = text.get(piece.range.clone()).unwrap_or_default();
    let mut start = 0;
    let mut used = 0.0;
    let mut push = |from: usize, to: usize, shaper: &mut Shaper| {
        let shaped = shaper.word(piece.face, piece.level.is_rtl(), word.get(from..to).unwrap_or_default());
        let range = piece.range.start + from..piece.range.start + to;
        parts.push(Piece { range, word: shaped, ..piece.clone() });
    };
    for (at, c) in word.char_indices() {
        let mut buffer = [0; 4];
        let one = shaper.word(piece.face, piece.level.is_rtl(), c.encode_utf8(&mut buffer));
        let one = wide(&one, piece.look.size);
        // A little room for letters that are wider together than alone.
        if used + one > width * 0.97 && at > start && !is_mark(c) {
            push(start, at, shaper);
            (start, used) = (at, 0.0);
        }
        used += one;
    }
    push(start, word.len(), shaper);
    parts
}

/// Gives the words of a line their places: no space at either end, right-to-left parts in their order.
fn set(mut row: Vec<Piece>, bidi: bool) -> Line {
    while row.last().is_some_and(|p| p.space) {
        row.pop();
    }
    let lead = row.iter().take_while(|p| p.space).count();
    row.drain(..lead);
    if bidi {
        let levels: Vec<Level> = row.iter().map(|p| p.level).collect();
        row = BidiInfo::reorder_visual(&levels).into_iter().filter_map(|n| row.get(n).cloned()).collect();
    }
    let mut line = Line::default();
    for piece in row {
        let width = piece.width();
        line.atoms.push(Atom { x: line.width, word: piece.word, look: piece.look });
        line.width += width;
    }
    line
}
