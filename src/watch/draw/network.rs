//! Network cards, those with traffic first.

use ratatui::text::Line;

use super::look::{Look, Tone, cut, per_second, rate};
use crate::watch::{Card, Moment};

pub(super) fn lines(moment: &Moment, look: Look, most: usize) -> Vec<Line<'static>> {
    let mut cards: Vec<&(String, Card)> = moment.cards.iter().collect();
    cards.sort_by_key(|(name, card)| (name == "lo", card.received + card.sent <= 0.0));
    let line = |(n, (name, card)): (usize, &&(String, Card))| {
        let mut spans = vec![
            look.span(format!("{:<10}", cut(name, 10)), Tone::Strong),
            look.span(format!("receives{} sends{}", rate(card.received), rate(card.sent)), Tone::Plain),
        ];
        if card.lost > 0.0 {
            spans.push(look.span(format!("  {} packets lost", per_second(card.lost)), Tone::Warn));
        }
        look.row(if n == 0 { "Network" } else { "" }, spans)
    };
    cards.iter().enumerate().take(most).map(line).collect()
}
