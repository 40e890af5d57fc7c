//! How much room text takes, before anything draws it. An estimate on the wide side, since a page uses the reader's own
//! typeface; it never asks a font.

use unicode_width::UnicodeWidthChar as _;

/// How wide Inter draws the printable characters of ASCII, in thousandths of the size of the type.
const ADVANCE: [u16; 95] = [
    281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, // space to /
    631, 407, 610, 618, 646, 593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511, // 0 to ?
    966, 690, 654, 730, 722, 601, 590, 746, 743, 269, 571, 672, 565, 903, 753, 765, // @ to O
    639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471, 456, // P to _
    323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600, // ` to o
    612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662, // p to ~
];

/// Other typefaces without serifs are up to this much wider.
const MARGIN: f64 = 1.08;
/// Bold type.
const BOLD: f64 = 1.05;

/// Width of a line of text, in the unit of its size.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let thousandths: f64 = text.chars().map(advance).sum();
    thousandths / 1000.0 * size * MARGIN * if bold { BOLD } else { 1.0 }
}

fn advance(c: char) -> f64 {
    let ascii = u32::from(c).checked_sub(0x20).and_then(|n| ADVANCE.get(n as usize));
    match (ascii, c) {
        (Some(width), _) => f64::from(*width),
        (None, '…' | '—') => 1000.0,
        (None, c) => match c.width() {
            Some(2) => 1050.0,
            Some(0) => 0.0,
            _ => 720.0,
        },
    }
}

/// The text if it fits, or its beginning with an ellipsis; nothing where not even that has room.
pub(super) fn fit(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out, size, bold) + width("…", size, bold) > room {
            out.pop();
            break;
        }
    }
    let kept = out.trim_end_matches([' ', ',', ':', ';', '-']);
    if kept.is_empty() { String::new() } else { format!("{kept}…") }
}

/// The text in at most so many lines, broken between words; the last is cut to fit.
pub(super) fn wrap(text: &str, size: f64, room: f64, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while out.len() + 1 < lines && words.peek().is_some() {
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() { (*word).to_owned() } else { format!("{line} {word}") };
            if width(&longer, size, false) > room {
                break;
            }
            line = longer;
            words.next();
        }
        if line.is_empty() {
            break;
        }
        out.push(line);
    }
    let rest = words.collect::<Vec<_>>().join(" ");
    if !rest.is_empty() {
        out.push(fit(&rest, size, false, room));
    }
    out
}

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Room {
    /// Whether two have a part in common.
    pub(super) fn meets(&self, other: &Room) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_has_room_stays_and_other_text_is_cut_to_fit() {
        assert_eq!(fit("Updates", 12.0, false, 200.0), "Updates");
        let cut = fit("Fourteen programs were updated", 12.0, false, 100.0);
        assert!(cut.ends_with('…') && cut.starts_with("Four"), "{cut}");
        assert!(width(&cut, 12.0, false) <= 100.0);
        assert_eq!(fit("Updates", 12.0, false, 5.0), "");
    }

    #[test]
    fn text_is_broken_between_words_and_cut_where_the_lines_end() {
        let lines = wrap("It was restarted with the new kernel", 12.0, 130.0, 2);
        assert_eq!(lines, ["It was restarted with", "the new kernel"]);
        assert_eq!(wrap("It was", 12.0, 130.0, 2), ["It was"]);
        assert!(wrap("It was restarted with the new kernel", 12.0, 60.0, 2)[1].ends_with('…'));
        assert!(wrap("Unbreakableword", 12.0, 50.0, 2)[0].ends_with('…'));
    }

    #[test]
    fn wide_characters_take_more_room_and_marks_none() {
        assert!(width("日本", 10.0, false) > width("ii", 10.0, false) * 2.0);
        assert!((width("e\u{301}", 10.0, false) - width("e", 10.0, false)).abs() < 1e-9);
        assert!(width("Risk", 10.0, true) > width("Risk", 10.0, false));
    }
}
