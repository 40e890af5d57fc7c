//! What a terminal can show, and the small things that pictures are made of: tones, bars, lines of little columns.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use crate::{metrics::said, words};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Colours.
    pub colour: bool,
    /// More than ASCII.
    pub unicode: bool,
}

/// What a text is, not how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Label,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    /// Parts of a bar.
    First,
    Second,
    Third,
}

/// How wide the name of a panel is.
pub(super) const LABEL: usize = 13;

impl Look {
    pub(super) fn style(self, tone: Tone) -> Style {
        let plain = Style::default();
        if !self.colour {
            return match tone {
                Tone::Strong | Tone::Bad | Tone::Warn | Tone::Label => plain.add_modifier(Modifier::BOLD),
                _ => plain,
            };
        }
        // The sixteen colours of every terminal, which people have set as they can read them.
        match tone {
            Tone::Plain => plain,
            Tone::Label => plain.fg(Color::Cyan),
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Faint => plain.fg(Color::DarkGray),
            Tone::Good | Tone::First => plain.fg(Color::Green),
            Tone::Warn | Tone::Third => plain.fg(Color::Yellow),
            Tone::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Second => plain.fg(Color::Blue),
        }
    }

    pub(super) fn span(self, text: impl Into<String>, tone: Tone) -> Span<'static> {
        // Nothing that comes from the machine may do anything here.
        Span::styled(words::harmless(&text.into()), self.style(tone))
    }

    /// A line that begins with a name.
    pub(super) fn row(self, label: &str, spans: Vec<Span<'static>>) -> Line<'static> {
        let mut all = vec![self.span(format!("{label:<LABEL$}"), Tone::Label)];
        all.extend(spans);
        Line::from(all)
    }

    /// A bar of parts, each a share of the whole.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub(super) fn bar(self, width: usize, parts: &[(f64, Tone)]) -> Vec<Span<'static>> {
        let signs = ["█", "▓", "░", "▒"];
        let inner = width.saturating_sub(2);
        let mut spans = vec![self.span("[", Tone::Faint)];
        let (mut sum, mut filled) = (0.0_f64, 0_usize);
        for (n, (share, tone)) in parts.iter().enumerate() {
            sum += share.clamp(0.0, 1.0);
            let end = ((sum.min(1.0) * inner as f64).round() as usize).min(inner);
            let sign = signs.get(n.min(signs.len() - 1)).copied().unwrap_or("█");
            spans.push(self.span(sign.repeat(end.saturating_sub(filled)), *tone));
            filled = filled.max(end);
        }
        spans.push(self.span(" ".repeat(inner - filled), Tone::Plain));
        spans.push(self.span("]", Tone::Faint));
        spans
    }

    /// A line of little columns, from nothing to `top`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn columns(self, values: &[Option<f64>], top: f64) -> Span<'static> {
        let signs = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let sign = |value: &Option<f64>| match value {
            None => ' ',
            Some(value) if top <= 0.0 || *value <= 0.0 => '▁',
            Some(value) => {
                let place = (value / top * 8.0).ceil().clamp(1.0, 8.0) as usize;
                signs.get(place.saturating_sub(1)).copied().unwrap_or('█')
            }
        };
        self.span(values.iter().map(sign).collect::<String>(), Tone::First)
    }
}

/// How bad a share is that should be small.
pub(super) fn tone(share: f64, warn: f64, bad: f64) -> Tone {
    if share >= bad {
        Tone::Bad
    } else if share >= warn {
        Tone::Warn
    } else {
        Tone::Plain
    }
}

/// ` 34 %`, always as wide.
pub(super) fn percent(share: f64) -> String {
    format!("{:>3} %", words::whole((share * 100.0).clamp(0.0, 999.0)))
}

/// Bytes a second, always as wide.
pub(super) fn rate(bytes: f64) -> String {
    let text = if bytes < 0.5 { "-".to_owned() } else { said::in_unit("By/s", bytes) };
    format!("{text:>10}")
}

/// A number a second.
pub(super) fn per_second(n: f64) -> String {
    said::in_unit("{x}/s", n)
}

/// Text of at most so many columns; what is cut off is told.
pub(super) fn cut(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

/// Takes out all that is not ASCII.
pub(super) fn plain(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let sign = match cell.symbol() {
                "█" => "|",
                "░" => ".",
                "▓" => "#",
                "▒" => "+",
                "▁" => "_",
                "▂" => ".",
                "▃" => ":",
                "▄" => "-",
                "▅" => "=",
                "▆" => "+",
                "▇" => "*",
                "−" | "–" | "─" => "-",
                "│" => "|",
                "µ" => "u",
                "°" => "'",
                "…" => "~",
                "·" => ",",
                "’" => "'",
                _ => "?",
            };
            cell.set_symbol(sign);
        }
    }
}
