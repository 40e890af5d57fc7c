//! The keys: all of them where they were asked for, a few in the last line.

use ratatui::text::Line;

use super::look::{Tone, cut};
use crate::{
    metrics::said,
    watch::{State, keys::KEYS},
    words,
};

pub(super) fn lines(state: &State, width: u16, height: u16) -> Vec<Line<'static>> {
    let look = state.look;
    let mut lines: Vec<Line<'static>> = KEYS
        .iter()
        .map(|(keys, does)| {
            Line::from(vec![look.span(format!("{keys:<24}"), Tone::Label), look.span(*does, Tone::Plain)])
        })
        .collect();
    if height >= 4 {
        lines.truncate(usize::from(height) - 2);
    }
    let written = state
        .written
        .map_or_else(String::new, |bytes| format!(" It sends about {} over the line.", said::in_unit("By/s", bytes)));
    let says = format!("It looks every {}.{written}", said::in_unit("s", state.every.as_secs_f64()));
    lines.push(Line::default());
    lines.push(Line::from(look.span(cut(&says, usize::from(width)), Tone::Plain)));
    lines
}

/// The last line.
pub(super) fn foot(state: &State) -> Line<'static> {
    let look = state.look;
    if state.view.typing.is_some() {
        let says =
            format!("Show programs with: {}_   (Enter keeps it, Esc does not)", words::harmless(&state.view.filter));
        return Line::from(look.span(says, Tone::Strong));
    }
    if let Some(note) = &state.note {
        return Line::from(look.span(words::harmless(note), Tone::Strong));
    }
    let every = said::in_unit("s", state.every.as_secs_f64());
    let says = format!("q leave  ? keys  P M sort  / filter  + - pace ({every})");
    Line::from(look.span(says, Tone::Faint))
}
