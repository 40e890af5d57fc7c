//! How full file systems are, the fullest first.

use ratatui::text::Line;

use super::look::{LABEL, Look, Tone, cut, percent, tone};
use crate::{
    watch::{Moment, Space},
    words::{self, harmless},
};

pub(super) fn lines(moment: &Moment, look: Look, width: usize, most: usize) -> Vec<Line<'static>> {
    let mut all: Vec<&(String, Space)> = moment.space.iter().collect();
    all.sort_by(|a, b| b.1.used.total_cmp(&a.1.used));
    let bar = width.saturating_sub(LABEL + 60).clamp(8, 30);
    let line = |(n, (place, space)): (usize, &&(String, Space))| {
        let mut spans = vec![look.span(format!("{:<20} ", cut(&harmless(place), 20)), Tone::Strong)];
        spans.extend(look.bar(bar, &[(space.used, Tone::First)]));
        spans.push(look.span(format!(" {}", percent(space.used)), tone(space.used, 0.8, 0.9)));
        if let Some(left) = space.left {
            spans.push(look.span(format!("  {} left", words::size(left)), Tone::Plain));
        }
        if let Some(files) = space.files.filter(|files| *files >= 0.5) {
            spans.push(look.span(format!("  files {}", percent(files)), tone(files, 0.8, 0.9)));
        }
        look.row(if n == 0 { "Space" } else { "" }, spans)
    };
    all.iter().enumerate().take(most).map(line).collect()
}
