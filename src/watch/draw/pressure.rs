//! Pressure: how long programs had to wait, and for what.

use ratatui::text::Line;

use super::look::{LABEL, Look, Tone, percent, tone};
use crate::watch::Moment;

pub(super) fn lines(moment: &Moment, look: Look, width: usize) -> Vec<Line<'static>> {
    if moment.pressure.is_empty() {
        return Vec::new();
    }
    let mut spans = Vec::new();
    for (what, stall) in moment.pressure.iter().take(8) {
        let what = match what.as_str() {
            "cpu" => "processor",
            "io" => "disks",
            other => other,
        };
        spans.push(look.span(format!("{what} {} ", percent(stall.some)), tone(stall.some, 0.1, 0.4)));
        if let Some(full) = stall.full.filter(|_| width >= LABEL + 70) {
            spans.push(look.span(format!("(all of them {}) ", percent(full)), Tone::Faint));
        }
        spans.push(look.span(" ", Tone::Plain));
    }
    vec![look.row("Waiting for", spans)]
}
