//! Events as small numbered marks below a time axis, with a key that says what each was. Where there are more than the
//! key has room for, those that happen often stay as dots.

use std::cmp::Reverse;

use super::{
    Drawing, Ink, Stroke, measure,
    pen::{BODY, SMALL, circle, from_to, line},
    says,
    timeline::Timeline,
};
use crate::{
    report::model::{Event, EventKind},
    words::harmless,
};

/// Height of the row of marks.
pub(super) const ROW: f64 = 24.0;
const MARK: f64 = 8.0;
/// From the middle of one mark to the next.
const APART: f64 = 2.0 * MARK + 3.0;
const DOT: f64 = 2.0;
const KEY_ROW: f64 = 19.5;
/// From one line of the same text to the next.
const KEY_LINE: f64 = 15.5;
/// Between two columns of the key.
const GUTTER: f64 = 20.0;
/// Where the dates of the key begin.
const START: f64 = 2.0 * MARK + 9.0;

/// The events that a chart shows.
pub(super) struct Marks<'a> {
    /// Those with a number, in the order of time.
    named: Vec<Named<'a>>,
    /// Those that are only dots.
    dots: Vec<&'a Event>,
    columns: usize,
    /// Width of the dates in the key.
    days: f64,
    /// Width of a column of the key.
    column: f64,
}

/// An event with a number and its words in the key.
struct Named<'a> {
    number: usize,
    event: &'a Event,
    day: String,
    lines: Vec<String>,
}

/// Chooses what gets a number: all, or the rarest and latest.
pub(super) fn choose<'a>(events: &'a [Event], axis: &Timeline, width: f64) -> Marks<'a> {
    let narrow = width < 480.0;
    let mut ranked: Vec<&Event> = events.iter().filter(|e| axis.holds(e.at)).collect();
    ranked.sort_by_key(|e| (rank(e.kind), Reverse(e.at)));
    let dots = ranked.split_off(ranked.len().min(if narrow { 4 } else { 6 }));
    ranked.sort_by_key(|e| e.at);

    let format = if axis.span() > 300 * 86_400 { "%b %Y" } else { "%-d %b" };
    let day = |e: &Event| e.at.strftime(format).to_string();
    let days = ranked.iter().map(|e| measure::width(&day(e), SMALL.size, false)).fold(0.0, f64::max);
    // Two columns where every text has room in one line.
    let half = (width - GUTTER) / 2.0;
    let fits = |e: &&Event| measure::width(&harmless(&e.text), BODY.size, false) <= half - indent(days);
    let columns = if narrow || !ranked.iter().all(fits) { 1 } else { 2 };
    let column = if columns == 1 { width } else { half };

    let (mut number, mut before) = (0, None);
    let named = ranked.into_iter().map(|event| {
        if before != Some(event.at) {
            number += 1;
            before = Some(event.at);
        }
        let lines = measure::wrap(&harmless(&event.text), BODY.size, column - indent(days), 2);
        Named { number, event, day: day(event), lines }
    });
    Marks { named: named.collect(), dots, columns, days, column }
}

/// Where the words of the key begin.
fn indent(days: f64) -> f64 {
    START + days + 10.0
}

/// What is rare is told first.
fn rank(kind: EventKind) -> u8 {
    match kind {
        EventKind::Release => 0,
        EventKind::Fixes => 1,
        EventKind::Kernel => 2,
        EventKind::Accepted => 3,
        EventKind::Updates => 4,
    }
}

impl Named<'_> {
    fn height(&self) -> f64 {
        KEY_ROW + KEY_LINE * self.lines.len().saturating_sub(1) as f64
    }
}

impl Marks<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// How many stand below each other.
    fn rows(&self) -> usize {
        self.named.len().div_ceil(self.columns).max(1)
    }

    /// Height of the named rows: those of two columns have one line each.
    fn rows_height(&self) -> f64 {
        self.named.iter().take(self.rows()).map(Named::height).sum()
    }

    /// Height of the key.
    pub(super) fn key_height(&self) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        self.rows_height() + if self.dots.is_empty() { 0.0 } else { KEY_ROW } + 12.0
    }

    /// The marks in their row below `base`; each has a fine line up to the curve, whose height `curve` tells.
    pub(super) fn draw(&self, d: &mut Drawing, axis: &Timeline, base: f64, curve: impl Fn(f64) -> f64) {
        let middle = base + ROW / 2.0 + 2.0;
        let mut marks: Vec<(usize, f64)> = self.named.iter().map(|n| (n.number, axis.x(n.event.at))).collect();
        marks.dedup_by_key(|(n, _)| *n);
        let places = apart(&marks.iter().map(|(_, x)| *x).collect::<Vec<_>>(), (axis.left - 4.0, axis.right + 4.0));
        for x in self.dots.iter().map(|e| axis.x(e.at)) {
            // A dot that a mark would half cover only blurs it.
            if !places.iter().any(|place| (place - x).abs() < MARK + DOT + 1.0) {
                d.fill(Ink::Soft, circle((x, middle), DOT));
            }
        }
        let rule = Stroke { dash: Some((1.5, 2.5)), ..line(Ink::Soft, 0.8) };
        for (_, x) in marks.iter().filter(|(_, x)| base - curve(*x) > 8.0) {
            d.stroke(rule, from_to((*x, curve(*x) + 5.0), (*x, base)));
        }
        for ((_, x), place) in marks.iter().zip(&places) {
            d.stroke(line(Ink::Soft, 0.8), from_to((*x, base), (*place, middle - MARK)));
        }
        let spots: Vec<(usize, (f64, f64))> = marks.iter().zip(&places).map(|((n, _), x)| (*n, (*x, middle))).collect();
        numbered(d, &spots);
    }

    /// What the numbers mean.
    pub(super) fn key(&self, d: &mut Drawing, top: f64) {
        let (mut spots, mut days, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (n, column) in self.named.chunks(self.rows()).enumerate() {
            let x = n as f64 * (self.column + GUTTER);
            let mut y = top + 16.0;
            let mut before = 0;
            for named in column {
                // What happened at one time has one number.
                if named.number != before {
                    spots.push((named.number, (x + MARK + 1.0, y)));
                    days.push(((x + START, y + 4.2), named.day.as_str()));
                    before = named.number;
                }
                for (n, line) in named.lines.iter().enumerate() {
                    texts.push(((x + indent(self.days), y + 4.2 + KEY_LINE * n as f64), line.as_str()));
                }
                y += named.height();
            }
        }
        numbered(d, &spots);
        days.into_iter().for_each(|(at, day)| d.text(at, SMALL, day));
        texts.into_iter().for_each(|(at, line)| d.text(at, BODY, line));
        if !self.is_empty() && !self.dots.is_empty() {
            let y = top + 16.0 + self.rows_height();
            d.fill(Ink::Soft, circle((MARK + 1.0, y), DOT));
            d.text((START, y + 4.2), SMALL, measure::fit(&says::dots(&self.dots), SMALL.size, false, d.width - START));
        }
    }
}

fn numbered(d: &mut Drawing, spots: &[(usize, (f64, f64))]) {
    for (_, at) in spots {
        d.fill(Ink::Paper, circle(*at, MARK));
    }
    for (_, at) in spots {
        d.stroke(line(Ink::Soft, 1.0), circle(*at, MARK));
    }
    for (n, (x, y)) in spots {
        d.text((*x, y + 3.7), SMALL.size(10.5).bold().ink(Ink::Ink).middle(), n.to_string());
    }
}

/// Places as near as possible to those wanted, in the same order, without touching, between two ends.
fn apart(wanted: &[f64], (left, right): (f64, f64)) -> Vec<f64> {
    let mut free = left;
    let mut places: Vec<f64> = Vec::new();
    for x in wanted {
        places.push(x.max(free));
        free = x.max(free) + APART;
    }
    let mut free = right;
    for x in places.iter_mut().rev() {
        *x = x.min(free);
        free = *x - APART;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_one_day_stand_side_by_side() {
        let places = apart(&[10.0, 10.0, 11.0, 200.0, 200.0], (0.0, 200.0));
        assert!(places.windows(2).all(|w| w[1] - w[0] >= APART - 1e-9), "{places:?}");
        assert!(places.iter().all(|x| (0.0..=200.0).contains(x)), "{places:?}");
        assert!((apart(&[50.0], (0.0, 100.0))[0] - 50.0).abs() < 1e-9);
    }
}
