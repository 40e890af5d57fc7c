//! The programs that use most, in a table.

use ratatui::text::Line;

use super::look::{Tone, cut};
use crate::{
    watch::{Process, Sort, State},
    words,
};

pub(super) fn lines(state: &State, width: usize, height: usize) -> Vec<Line<'static>> {
    let look = state.look;
    let all = state.processes();
    let rows = height.saturating_sub(1);
    let skip = state.view.skip.min(all.len().saturating_sub(rows.max(1)));
    let small = width < 60;
    let mark = |sort: Sort, title: &str| if state.view.sort == sort { format!("{title}*") } else { title.to_owned() };
    let mut title = if small {
        format!(
            "{:>7} {:>6} {:>8} ",
            mark(Sort::Number, "NUMBER"),
            mark(Sort::Processor, "CPU"),
            mark(Sort::Memory, "MEMORY")
        )
    } else {
        format!(
            "{:>7} {:<10} {:<7} {:>6} {:>8} {:>9} ",
            mark(Sort::Number, "NUMBER"),
            "USER",
            "DOES",
            mark(Sort::Processor, "CPU"),
            mark(Sort::Memory, "MEMORY"),
            mark(Sort::Time, "TIME")
        )
    };
    title.push_str(&format!("PROGRAM ({})", words::thousands(all.len())));
    if !state.view.filter.is_empty() {
        title.push_str(&format!(" with \"{}\"", words::harmless(&state.view.filter)));
    }
    let mut lines = vec![Line::from(look.span(cut(&title, width), Tone::Label))];
    lines.extend(all.iter().skip(skip).take(rows).map(|process| line(state, process, width, small)));
    lines
}

fn line(state: &State, process: &Process, width: usize, small: bool) -> Line<'static> {
    let look = state.look;
    let cpu = format!("{:.1}%", (process.cpu * 100.0).clamp(0.0, 99_999.0));
    #[allow(clippy::cast_precision_loss)]
    let memory = words::size(process.memory as f64);
    let memory = if process.memory == 0 { "-".to_owned() } else { memory };
    let start = if small {
        format!("{:>7} {cpu:>6} {memory:>8} ", process.pid)
    } else {
        format!(
            "{:>7} {:<10} {:<7} {cpu:>6} {memory:>8} {:>9} ",
            process.pid,
            cut(&process.user, 10),
            process.state,
            time(process.time)
        )
    };
    let name = if state.view.commands { &process.command } else { &process.name };
    let name = cut(name, width.saturating_sub(start.chars().count()));
    let tone = match process.state {
        "zombie" => Tone::Bad,
        "disk" => Tone::Warn,
        _ if process.cpu >= 0.5 => Tone::Strong,
        _ => Tone::Plain,
    };
    Line::from(vec![look.span(start, Tone::Plain), look.span(name, tone)])
}

/// Time as top writes it: `3:07`, `12:00:05`, `5 days`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn time(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e12) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..100 => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{} days", hours / 24),
    }
}
