//! Processors: all together, and each.

use ratatui::text::Line;

use super::look::{LABEL, Look, Tone, percent, tone};
use crate::watch::{Moment, Shares};

pub(super) fn lines(moment: &Moment, look: Look, width: usize, cores: bool, most: usize) -> Vec<Line<'static>> {
    let Some(shares) = &moment.processor else { return Vec::new() };
    let bar = width.saturating_sub(LABEL + 58).clamp(8, 40);
    let mut spans = look.bar(bar, &parts(shares));
    spans.push(look.span(format!(" {}", percent(shares.busy())), tone(shares.busy(), 0.8, 0.95)));
    let mut says = format!("  user {} system {}", percent(shares.user), percent(shares.system));
    for (what, share) in [("waiting", shares.waiting), ("stolen", shares.stolen)] {
        if share >= 0.005 || width >= 100 {
            says.push_str(&format!(" {what} {}", percent(share)));
        }
    }
    spans.push(look.span(says, Tone::Plain));
    let mut lines = vec![look.row("Processor", spans)];
    if cores && moment.cores.len() > 1 {
        let wide = 24;
        let in_line = (width.saturating_sub(LABEL) / wide).max(1);
        for row in moment.cores.chunks(in_line).take(most) {
            let mut spans = Vec::new();
            for (number, shares) in row {
                spans.push(look.span(format!("{number:>3} "), Tone::Faint));
                spans.extend(look.bar(wide - 12, &parts(shares)));
                spans.push(look.span(format!(" {}  ", percent(shares.busy())), tone(shares.busy(), 0.8, 0.95)));
            }
            lines.push(look.row("", spans));
        }
    }
    lines
}

fn parts(shares: &Shares) -> [(f64, Tone); 4] {
    [
        (shares.user, Tone::First),
        (shares.system, Tone::Second),
        (shares.waiting, Tone::Faint),
        (shares.stolen, Tone::Third),
    ]
}
