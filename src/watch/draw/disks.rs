//! Disks at work, the busiest first.

use ratatui::text::Line;

use super::look::{LABEL, Look, Tone, cut, percent, rate, tone};
use crate::{metrics::said, watch::Moment};

pub(super) fn lines(moment: &Moment, look: Look, width: usize, most: usize) -> Vec<Line<'static>> {
    let mut disks: Vec<_> = moment.disks.iter().collect();
    // In steps, so that lines do not change places all the time.
    let step = |busy: f64| (busy.clamp(0.0, 1.0) * 4.0).round();
    disks.sort_by(|a, b| step(b.1.busy).total_cmp(&step(a.1.busy)));
    let line = |(n, (name, disk)): (usize, &&(String, crate::watch::Disk))| {
        let mut spans = vec![
            look.span(format!("{:<10}", cut(name, 10)), Tone::Strong),
            look.span(format!("busy {}", percent(disk.busy.min(1.0))), tone(disk.busy, 0.8, 0.95)),
            look.span(format!("  reads{} writes{}", rate(disk.read), rate(disk.written)), Tone::Plain),
        ];
        if width >= LABEL + 70 {
            let times = [("a read", disk.read_time), ("a write", disk.write_time)];
            let times: Vec<String> = times
                .iter()
                .filter_map(|(what, time)| Some(format!("{what} {}", said::in_unit("s", (*time)?))))
                .collect();
            spans.push(look.span(format!("  {}", times.join(", ")), Tone::Faint));
        }
        look.row(if n == 0 { "Disks" } else { "" }, spans)
    };
    disks.iter().enumerate().take(most).map(line).collect()
}
