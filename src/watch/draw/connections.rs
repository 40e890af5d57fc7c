//! Connections, and what goes wrong with them.

use ratatui::text::Line;

use super::look::{Look, Tone, per_second};
use crate::{watch::Moment, words::whole};

pub(super) fn lines(moment: &Moment, look: Look) -> Vec<Line<'static>> {
    let all = &moment.connections;
    let Some(open) = all.open else { return Vec::new() };
    let mut spans =
        vec![look.span(
            format!("{} open, {} ended, {} new", whole(open), whole(all.ended), per_second(all.new)),
            Tone::Plain,
        )];
    for (n, what) in [(all.again, "packets sent again"), (all.cut, "cut"), (all.not_taken, "not taken")] {
        if n > 0.0 {
            spans.push(look.span(format!(", {} {what}", per_second(n)), Tone::Warn));
        }
    }
    vec![look.row("Connections", spans)]
}
