//! The last minutes of the metrics that were chosen.

use ratatui::text::Line;

use super::look::{LABEL, Tone, cut};
use crate::{metrics::said, watch::State};

/// What is shown at least, in microseconds.
const MINUTES: i64 = 600_000_000;
/// The most columns of a chart.
const WIDEST: usize = 120;

pub(super) fn lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let look = state.look;
    let name = if width >= 100 { 26 } else { 18 };
    // `does not answer` needs more room than a number.
    let value = if state.chosen.iter().any(|chosen| chosen.metric.says.is_some()) { 15 } else { 12 };
    let columns = width.saturating_sub(LABEL + name + value + 1).min(WIDEST);
    let now = state.now().as_microsecond();
    let every = i64::try_from(state.every.as_micros()).unwrap_or(MINUTES);
    let span = MINUTES.max(every.saturating_mul(60));
    let stretch = span / i64::try_from(columns.max(1)).unwrap_or(1);
    let line = |(n, (chosen, ring)): (usize, (&crate::watch::Chosen, &crate::watch::Ring))| {
        let values = ring.columns(now, stretch, columns);
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        // A share is one of the whole.
        let top = if chosen.metric.unit == "1" { most.max(1.0) } else { most };
        let last = state.moment.as_ref().and_then(|moment| moment.chosen.get(n).copied().flatten());
        let says = last.map_or_else(|| "-".to_owned(), |value| said::value(chosen.metric, value));
        let spans = vec![
            look.span(format!("{:<name$}", cut(&chosen.title(), name - 1)), Tone::Strong),
            look.span(format!("{:>value$} ", cut(&says, value)), Tone::Plain),
            look.columns(&values, top),
        ];
        look.row(if n == 0 { "Last minutes" } else { "" }, spans)
    };
    state.chosen.iter().zip(&state.rings).enumerate().map(line).collect()
}
