//! Memory and swap.

use ratatui::text::Line;

use super::look::{LABEL, Look, Tone, per_second, percent, tone};
use crate::{watch::Moment, words};

pub(super) fn lines(moment: &Moment, look: Look, width: usize) -> Vec<Line<'static>> {
    let memory = &moment.memory;
    let bar = width.saturating_sub(LABEL + 58).clamp(8, 40);
    let mut lines = Vec::new();
    if let Some(used) = memory.used {
        let mut spans = look.bar(bar, &[(used, Tone::First)]);
        spans.push(look.span(format!(" {}", percent(used)), tone(used, 0.8, 0.9)));
        let mut says = String::new();
        if let Some(left) = memory.left {
            says.push_str(&format!("  {} left of {}", words::size(left), words::size(memory.total)));
        }
        if let Some(cached) = memory.cached.filter(|_| width >= 90) {
            says.push_str(&format!(", {} of files", words::size(cached)));
        }
        spans.push(look.span(says, Tone::Plain));
        lines.push(look.row("Memory", spans));
    }
    if let Some(swapped) = memory.swapped {
        let mut spans = look.bar(bar, &[(swapped, Tone::Second)]);
        spans.push(look.span(format!(" {}", percent(swapped)), tone(swapped, 0.5, 0.8)));
        let mut says = format!("  of {}", words::size(memory.swap));
        if memory.paging > 0.0 {
            says.push_str(&format!(", {} pages in and out", per_second(memory.paging)));
        }
        spans.push(look.span(says, Tone::Plain));
        lines.push(look.row("Swap", spans));
    }
    lines
}
