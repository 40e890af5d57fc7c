//! The first lines: which machine, how long it runs, its load; the last audit and what to do first; what is wrong now.

use ratatui::text::{Line, Span};

use super::look::{Tone, cut};
use crate::{
    metrics::said,
    watch::{LastAudit, State, worries::worries},
    words::{self, whole},
};

/// The lines, as many as fit a terminal of that size.
pub(super) fn lines(state: &State, width: u16, height: u16) -> Vec<Line<'static>> {
    let look = state.look;
    let width = usize::from(width);
    let mut lines = vec![machine(state, width)];
    if height >= 4 {
        lines.push(audit(state, width));
    }
    let most = match height {
        0..6 => 0,
        6..16 => 1,
        16..40 => 2,
        _ => 5,
    };
    let worries = state.moment.as_ref().map(worries).unwrap_or_default();
    let left = worries.len().saturating_sub(most);
    for (n, says) in worries.into_iter().take(most).enumerate() {
        let more =
            if left > 0 && n + 1 == most { format!(" And {} more.", words::number(left)) } else { String::new() };
        lines.push(Line::from(look.span(cut(&format!("{says}{more}"), width), Tone::Bad)));
    }
    lines
}

fn machine(state: &State, width: usize) -> Line<'static> {
    let look = state.look;
    let mut spans = vec![look.span(cut(&state.about.name, width.min(40)), Tone::Strong)];
    let mut left = width.saturating_sub(spans.first().map_or(0, Span::width));
    let mut add = |text: String, tone: Tone| {
        let text = format!("  {text}");
        let wide = console::measure_text_width(&text);
        if wide <= left {
            left -= wide;
            spans.push(look.span(text, tone));
        }
    };
    let moment = state.moment.as_ref();
    if let Some(moment) = moment {
        add(state.zone.to_datetime(moment.at).strftime("%H:%M:%S").to_string(), Tone::Plain);
        let load = moment.load.iter().flatten().map(|load| format!("{:.2}", load.clamp(0.0, 99_999.0)));
        let load: Vec<String> = load.collect();
        if !load.is_empty() {
            add(format!("load {}", load.join(" ")), Tone::Plain);
        }
        add(format!("up {}", said::in_unit("s", moment.uptime.floor())), Tone::Plain);
    }
    if !state.about.system.is_empty() {
        add(state.about.system.clone(), Tone::Faint);
    }
    let measured = state.past.as_ref().and_then(|past| past.measured.as_ref());
    match (&state.past, measured) {
        (_, Some(every)) => add(format!("measured every {every}"), Tone::Faint),
        (Some(_), None) => add("not measured by the daemon".to_owned(), Tone::Faint),
        (None, None) => {}
    }
    Line::from(spans)
}

fn audit(state: &State, width: usize) -> Line<'static> {
    let look = state.look;
    let Some(past) = &state.past else { return Line::from(look.span("Asking the history …", Tone::Faint)) };
    if let Some(trouble) = &past.trouble {
        return Line::from(look.span(cut(trouble, width), Tone::Warn));
    }
    let Some(LastAudit { at, grade, risk, problems, first }) = &past.audit else {
        return Line::from(look.span(cut("No audit yet: sudo cleanbill audit", width), Tone::Warn));
    };
    let tone = match grade.as_str() {
        "A" | "B" => Tone::Good,
        "C" | "D" => Tone::Warn,
        _ => Tone::Bad,
    };
    let says = format!(
        "  risk {} of 100, {}, {}",
        whole(*risk),
        words::count(*problems, "problem", "problems"),
        words::ago(*at, state.now())
    );
    let grade = format!("Grade {grade}");
    let first = first.as_ref().map_or_else(String::new, |first| format!("  First: {first}"));
    let left = width.saturating_sub(console::measure_text_width(&grade));
    let says = cut(&says, left);
    let left = left.saturating_sub(console::measure_text_width(&says));
    let first = if left > 20 { cut(&first, left) } else { String::new() };
    Line::from(vec![look.span(grade, tone), look.span(says, Tone::Plain), look.span(first, Tone::Strong)])
}
