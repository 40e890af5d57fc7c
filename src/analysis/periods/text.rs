//! A comparison of two times in the terminal: a sentence, what changed, and how it was told from noise. It fits 80 columns.

use anstyle::AnsiColor;
use jiff::{Timestamp, tz::TimeZone};

use super::{Change, Comparison, Time, Verdict};
use crate::{
    report::{BOLD, DIM, Page, Style},
    words::{self, harmless},
};

/// Changes that are told; the rest by count.
const MOST: usize = 12;

/// The comparison as a page of text.
pub fn text(comparison: &Comparison, style: Style, all: bool, zone: &TimeZone) -> String {
    let mut page = Page::new(style);
    page.blank();
    let name = page.paint(BOLD, &harmless(&comparison.host));
    let (before, after) = (time(&comparison.before, zone), time(&comparison.after, zone));
    page.wrapped_whole(&format!("{name}: {before}, and {after}"), "  ", "  ");
    page.wrapped_whole(&comparison.sentence, "  ", "  ");
    let most = if all { usize::MAX } else { MOST };
    for (heading, verdict) in [("WORSE", Verdict::Worse), ("BETTER", Verdict::Better), ("DIFFERENT", Verdict::Neither)]
    {
        let list: Vec<&Change> = comparison.changes.iter().filter(|change| change.verdict == verdict).collect();
        section(&mut page, heading, &list, most);
    }
    if all {
        section(&mut page, "NO MORE THAN NOISE", &comparison.same.iter().collect::<Vec<_>>(), most);
    }
    page.blank();
    if comparison.too_few > 0 {
        let series = words::count(comparison.too_few, "series has", "series have");
        let note = format!("{series} too few hours in one of the times, and say nothing: eight are needed.");
        page.wrapped_whole(&note, "  ", "  ");
    }
    let note = page.paint(DIM, &comparison.test);
    page.wrapped_whole(&note, "  ", "  ");
    page.finish()
}

fn section(page: &mut Page, heading: &str, list: &[&Change], most: usize) {
    if list.is_empty() {
        return;
    }
    page.blank();
    page.heading(heading);
    for change in list.iter().take(most) {
        let ink = match change.verdict {
            Verdict::Worse => AnsiColor::Red.on_default(),
            Verdict::Better => AnsiColor::Green.on_default(),
            Verdict::Neither => DIM,
        };
        let mark = if page.style.unicode {
            if change.shift > 0.0 { "▲" } else { "▼" }
        } else if change.shift > 0.0 {
            "+"
        } else {
            "-"
        };
        let mark = page.paint(ink, mark);
        page.wrapped_whole(&change.sentence, &format!("  {mark} "), "    ");
    }
    if let Some(left @ 1..) = list.len().checked_sub(most) {
        page.line(&format!("    and {} more: --all", words::thousands(left)));
    }
}

/// `last week (16 November to 22 November)`.
fn time(time: &Time, zone: &TimeZone) -> String {
    let say = |at: Timestamp| zone.to_datetime(at).strftime("%-d %B %H:%M").to_string();
    format!("{} ({} to {})", harmless(&time.name), say(time.from), say(time.to))
}
