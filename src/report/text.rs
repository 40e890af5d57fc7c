//! The page in the terminal, and one problem whole. Both fit 80 columns.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use textwrap::Options;

use super::model::*;
use crate::{
    checks::{Check, Severity},
    facts::Reason,
    words::{self, harmless},
};

/// How the page is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Colours and bold.
    pub colour: bool,
    /// Symbols beyond ASCII.
    pub unicode: bool,
    /// Columns, from 60 to 100.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Style { colour: false, unicode: true, width: 80 }
    }
}

pub(crate) const BOLD: Ansi = Ansi::new().bold();
pub(crate) const DIM: Ansi = Ansi::new().dimmed();
pub(crate) const COMMAND: Ansi = AnsiColor::Cyan.on_default();

/// A page of text being written, for the pages of other rooms too.
pub(crate) struct Page {
    out: String,
    pub(crate) style: Style,
}

impl Page {
    pub(crate) fn new(style: Style) -> Self {
        let width = style.width.clamp(60, 100);
        Page { out: String::new(), style: Style { width, ..style } }
    }

    pub(crate) fn paint(&self, ansi: Ansi, text: &str) -> String {
        if self.style.colour { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    pub(crate) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(crate) fn heading(&mut self, text: &str) {
        let text = self.paint(BOLD, text);
        self.line(&format!("  {text}"));
    }

    /// The same with nothing broken at a hyphen, for text with ids, versions and paths.
    pub(crate) fn wrapped_whole(&mut self, text: &str, first: &str, rest: &str) {
        let options = Options::new(self.style.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .break_words(true)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.line(&line);
        }
    }

    /// Text wrapped with a first and a further indent.
    pub(crate) fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let options = Options::new(self.style.width).initial_indent(first).subsequent_indent(rest).break_words(true);
        for line in textwrap::wrap(text, options) {
            self.line(&line);
        }
    }

    /// A labelled line such as `  GOOD      …`.
    pub(crate) fn labelled(&mut self, label: &str, text: &str) {
        let first = format!("  {label:<10}");
        let options =
            Options::new(self.style.width).initial_indent(&first).subsequent_indent("            ").break_words(true);
        let lines: Vec<String> = textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect();
        for (n, line) in lines.iter().enumerate() {
            if n == 0 {
                let painted = self.paint(BOLD, label);
                let body = line.get(first.len()..).unwrap_or_default();
                self.line(&format!("  {painted}{:pad$}{body}", "", pad = 10_usize.saturating_sub(label.len())));
            } else {
                self.line(line);
            }
        }
    }

    pub(crate) fn finish(self) -> String {
        if self.style.unicode { self.out } else { ascii(&self.out) }
    }
}

/// The page that `cleanbill` shows; `all` lists everything instead of the first few.
pub fn page(report: &Report, style: Style, all: bool) -> String {
    let mut page = Page::new(style);
    header(&mut page, report);
    score(&mut page, report);
    let (first, later): (Vec<&Problem>, Vec<&Problem>) =
        report.problems.iter().partition(|p| p.severity >= Severity::Medium);
    if all {
        everything(&mut page, report);
    } else {
        shortlist(&mut page, &first, &later);
    }
    closing(&mut page, report, all);
    page.finish()
}

fn header(page: &mut Page, report: &Report) {
    let name = harmless(&report.host.name);
    let os = harmless(&report.host.os);
    let place = if report.host.root == "/" { String::new() } else { format!("in {}   ", harmless(&report.host.root)) };
    let plain = format!("  {name}   {os}   {place}{}", report.audit.looked_at);
    page.blank();
    let bold = page.paint(BOLD, &name);
    if textwrap::core::display_width(&plain) <= page.style.width {
        page.line(&format!("  {bold}   {os}   {place}{}", report.audit.looked_at));
    } else {
        page.line(&format!("  {bold}   {os}"));
        page.wrapped(&format!("{place}{}", report.audit.looked_at), "  ", "  ");
    }
    page.blank();
}

fn score(page: &mut Page, report: &Report) {
    let colour = match report.grade.letter() {
        "A" | "B" => AnsiColor::Green,
        "C" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let letter = page.paint(colour.on_default().bold(), report.grade.letter());
    let risk = format!("Risk {} of 100", words::whole(report.risk));
    let mut line = format!("  Grade  {letter}        {risk}");
    let mut width = 18 + risk.len();
    let recent: Vec<f64> = report.history.iter().rev().take(5).rev().map(|p| p.risk).collect();
    if recent.len() > 1 && page.style.unicode {
        let looks = format!("   {}  last {} looks", sparkline(&recent), words::number(recent.len()));
        width += textwrap::core::display_width(&looks);
        line.push_str(&looks);
    }
    let scale = scale(report.risk);
    let room = page.style.width.saturating_sub(width + textwrap::core::display_width(&scale));
    if room >= 3 {
        let _ = write!(line, "{:room$}{scale}", "");
    }
    page.line(&line);
    let text = match (&report.changes, &report.grade_note) {
        (_, Some(note)) => format!("{} {note}", report.moved),
        (None, None) => format!("{} {}", report.moved, report.summary),
        (Some(_), None) if report.problems.is_empty() => format!("{} {}", report.moved, report.summary),
        (Some(_), None) => report.moved.clone(),
    };
    page.wrapped(&text, "                  ", "                  ");
    page.blank();
}

/// `worst ◀───●──▶ best`.
fn scale(risk: f64) -> String {
    const STEPS: usize = 6;
    // A float in 0..=6 always fits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = ((100.0 - risk.clamp(0.0, 100.0)) / 100.0 * STEPS as f64).round() as usize;
    let bar: String = (0..=STEPS).map(|n| if n == at { '●' } else { '─' }).collect();
    format!("worst ◀{bar}▶ best")
}

fn sparkline(values: &[f64]) -> String {
    let bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = |v: f64| (v.clamp(0.0, 100.0) / 100.0 * 7.0).round() as usize;
    values.iter().filter_map(|v| bars.get(index(*v))).collect()
}

/// How many problems the first page shows.
pub(super) const SHOWN: usize = 5;

fn shortlist(page: &mut Page, first: &[&Problem], later: &[&Problem]) {
    let shown = first.len().min(SHOWN);
    if shown > 0 {
        table_head(page, if shown == 1 { "DO THIS FIRST" } else { "DO THESE FIRST" });
        for (n, problem) in first.iter().take(shown).enumerate() {
            row(page, n + 1, problem);
        }
        page.blank();
    }
    let rest = first.len() - shown;
    let low = later.iter().filter(|p| p.severity == Severity::Low).count();
    let tips = later.iter().filter(|p| p.severity == Severity::Info).count();
    let mut parts = Vec::new();
    if rest > 0 {
        parts.push(words::count(rest, "more like these", "more like these"));
    }
    if low > 0 {
        parts.push(words::count(low, "smaller problem", "smaller problems"));
    }
    if tips > 0 {
        parts.push(words::count(tips, "tip", "tips"));
    }
    if !parts.is_empty() {
        let label = if shown > 0 { "THEN" } else { "LATER" };
        let command = page.paint(COMMAND, "cleanbill audit --all");
        let bold = page.paint(BOLD, label);
        let parts = words::list(&parts);
        let line = format!("  {bold}{:pad$}{parts}", "", pad = 10 - label.len());
        if 12 + parts.len() + COMMAND_GAP.len() + "cleanbill audit --all".len() <= page.style.width {
            page.line(&format!("{line}{COMMAND_GAP}{command}"));
        } else {
            page.line(&line);
            page.line(&format!("            {command}"));
        }
    }
}

fn everything(page: &mut Page, report: &Report) {
    for (severity, title) in [
        (Severity::Critical, "DO TODAY"),
        (Severity::High, "DO THIS WEEK"),
        (Severity::Medium, "DO THIS MONTH"),
        (Severity::Low, "SMALLER PROBLEMS"),
        (Severity::Info, "TIPS"),
    ] {
        let mine: Vec<_> = report.problems.iter().filter(|p| p.severity == severity).collect();
        if mine.is_empty() {
            continue;
        }
        table_head(page, title);
        for (n, problem) in mine.iter().enumerate() {
            row(page, n + 1, problem);
        }
        page.blank();
    }
}

/// Between a sentence and the command that tells more.
const COMMAND_GAP: &str = "          ";
/// Columns of the points and of the effort, from the right edge.
const EFFORT_WIDTH: usize = 11;
const POINTS_WIDTH: usize = 9;

fn table_head(page: &mut Page, title: &str) {
    let left = page.style.width - EFFORT_WIDTH - POINTS_WIDTH - 4;
    let bold = page.paint(BOLD, title);
    let dim = page.paint(DIM, &format!("{:>POINTS_WIDTH$}   {:<EFFORT_WIDTH$}", "takes off", "you need"));
    page.line(&format!("  {bold}{:pad$}{dim}", "", pad = left.saturating_sub(title.len() + 1)));
}

fn row(page: &mut Page, n: usize, problem: &Problem) {
    let left = page.style.width - EFFORT_WIDTH - POINTS_WIDTH - 4;
    let first = format!("  {n:>2}  ");
    let mut title = harmless(&problem.title);
    if !title.ends_with(['.', '?', '!']) {
        title.push('.');
    }
    if let Some(severity) = problem.parts.len().checked_sub(1) {
        let more = severity + 1;
        let _ = write!(title, " ({} with the same cause)", words::count(more, "more problem", "more problems"));
    }
    let options = Options::new(left).initial_indent(&first).subsequent_indent("      ").break_words(true);
    let lines = textwrap::wrap(&title, options);
    for (i, line) in lines.iter().enumerate() {
        if i + 1 == lines.len() {
            let points = match problem.points_text.as_str() {
                "" => String::new(),
                "under 1" => "−<1".to_owned(),
                text => format!("−{text}"),
            };
            let pad = (left + 1).saturating_sub(textwrap::core::display_width(line));
            page.line(&format!("{line}{:pad$}{points:>POINTS_WIDTH$}   {}", "", problem.effort));
        } else {
            page.line(line);
        }
    }
    match &problem.command {
        Some(fix) => {
            let fix = page.paint(COMMAND, &harmless(fix));
            let guarded = problem.safety == Some(crate::checks::Safety::Guarded);
            let mind = "   takes itself back if it locks you out";
            let room = page.style.width.saturating_sub(15 + mind.len());
            let fits = guarded && textwrap::core::display_width(problem.command.as_deref().unwrap_or_default()) <= room;
            page.line(&format!("      Fix it:  {fix}{}", page.paint(DIM, if fits { mind } else { "" })));
        }
        None => {
            let command = page.paint(COMMAND, &format!("cleanbill show {}", problem.check));
            page.line(&format!("      How:  {command}"));
        }
    }
}

fn closing(page: &mut Page, report: &Report, all: bool) {
    let shown = if all { usize::MAX } else { 3 };
    let mut good = String::new();
    for item in report.good.iter().take(shown) {
        // On the first page good news gets two lines at most.
        if !all && textwrap::core::display_width(&good) + item.text.len() > 130 {
            break;
        }
        good.push_str(&harmless(&item.text));
        good.push(' ');
    }
    if !good.is_empty() {
        page.labelled("GOOD", good.trim_end());
    }
    if !report.waived.is_empty() {
        let count = words::count(report.waived.len(), "problem was", "problems were");
        page.labelled("ACCEPTED", &format!("{count} accepted by someone: cleanbill waivers"));
    }
    page.labelled("NOT SEEN", &not_seen(report, all));
    page.blank();
    let command = |page: &Page, text: &str| page.paint(COMMAND, text);
    let full = command(page, "cleanbill report");
    // Tips alone are no reason to change much at once.
    let safe = |p: &Problem| {
        p.severity > Severity::Info && p.command.is_some() && p.safety == Some(crate::checks::Safety::Safe)
    };
    if report.problems.iter().any(safe) {
        let all = harmless(&format!("cleanbill fix --safe-only{}", words::at_root(&report.host.root)));
        let (text, shown) = ("  Fix all safe ones at once:", command(page, &all));
        // A long folder gets a line of its own.
        if text.len() + 2 + textwrap::core::display_width(&all) <= page.style.width {
            page.line(&format!("{text}  {shown}"));
        } else {
            page.line(text);
            page.line(&format!("    {shown}"));
        }
    }
    let ask = command(page, "cleanbill show ID");
    match report.problems.first() {
        Some(_) if !all => {
            page.line(&format!("  The full report:  {full}      One problem whole:  {ask}"));
        }
        _ => page.line(&format!("  The full report:  {full}")),
    }
}

fn not_seen(report: &Report, all: bool) -> String {
    if report.not_seen.is_empty() {
        return if report.audit.complete {
            "Nothing was skipped.".to_owned()
        } else {
            "Only a part was asked for.".to_owned()
        };
    }
    let mut text = String::new();
    let root: Vec<String> =
        report.not_seen.iter().filter(|n| n.reason == Reason::NeedsRoot).map(|n| harmless(&n.what)).collect();
    let mut root: Vec<String> = root.into_iter().fold(Vec::new(), |mut seen, what| {
        if !seen.contains(&what) {
            seen.push(what);
        }
        seen
    });
    if !root.is_empty() {
        let total = root.len();
        if !all && total > 4 {
            root.truncate(3);
            root.push(words::count(total - 3, "more thing", "more things"));
        }
        let _ = write!(text, "Without root I could not see {}. Run it with sudo to see all. ", words::list(&root));
    }
    let other: Vec<_> = report.not_seen.iter().filter(|n| n.reason != Reason::NeedsRoot).collect();
    let limit = if all { usize::MAX } else { 2 };
    for item in other.iter().take(limit) {
        let _ = write!(text, "I could not see {}: {}. ", harmless(&item.what), harmless(&item.why));
    }
    if other.len() > limit {
        let _ = write!(text, "And {} more: cleanbill audit --all. ", words::number(other.len() - limit));
    }
    let unknown = report.checks.unknown;
    if unknown > 0 {
        let _ = write!(text, "So {} got no answer.", words::count(unknown, "question", "questions"));
    }
    text.trim_end().to_owned()
}

/// One problem whole: what, why, how, proof.
pub fn problem_page(problem: &Problem, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let title = page.paint(BOLD, &harmless(&problem.title));
    page.wrapped(&title, "  ", "  ");
    let mut line = format!("  {}", severity_words(problem.severity));
    if let Some(points) = problem.takes_off() {
        let _ = write!(line, "   takes off {points} of the risk");
    }
    let _ = write!(line, "   you need {}", problem.effort);
    if let Some(age) = &problem.age {
        let _ = write!(line, "   {age}");
    }
    page.line(&line);
    page.blank();
    page.heading("WHAT COULD HAPPEN");
    page.wrapped(&problem.why, "  ", "  ");
    page.blank();
    page.heading("WHAT TO DO");
    page.wrapped(&problem.advice, "  ", "  ");
    if let Some(effect) = &problem.effect {
        page.wrapped(&format!("Mind: {effect}"), "  ", "  ");
    }
    if !problem.steps.is_empty() {
        page.blank();
        page.heading("STEP BY STEP");
        for (n, step) in problem.steps.iter().enumerate() {
            page.wrapped(step, &format!("  {:>2}  ", n + 1), "      ");
        }
    }
    page.blank();
    if let Some(fix) = &problem.command {
        page.heading("OR LET IT BE DONE");
        let fix = page.paint(COMMAND, &format!("sudo {}", harmless(fix)));
        page.line(&format!("  {fix}"));
        page.wrapped("It shows what changes first, asks again afterwards, and can be taken back.", "  ", "  ");
        page.blank();
    }
    page.heading("WHAT WAS SEEN");
    evidence(&mut page, &problem.evidence, problem.evidence_total);
    for part in &problem.parts {
        page.blank();
        page.wrapped(&format!("Same cause: {} ({})", harmless(&part.title), part.check), "  ", "  ");
        evidence(&mut page, &part.evidence, part.evidence.len());
    }
    if !problem.references.is_empty() {
        page.blank();
        page.heading("WHERE THIS IS WRITTEN DOWN");
        for reference in &problem.references {
            page.wrapped(&format!("{}: {}", reference.framework, reference.ids.join(", ")), "  ", "      ");
        }
    }
    page.blank();
    let accept = page.paint(COMMAND, &format!("cleanbill waive {} --reason \"…\" --until DATE", problem.check));
    page.line(&format!("  Accept it for a while:  {accept}"));
    let sql = page.paint(COMMAND, &format!("cleanbill checks show {}", problem.check));
    page.line(&format!("  How this was asked:     {sql}"));
    page.finish()
}

fn evidence(page: &mut Page, items: &[crate::checks::Evidence], total: usize) {
    const LINES: usize = 20;
    let shown = items.len().min(LINES);
    // By file and line: line 3 of one file is not line 3 of another.
    let untold = items.iter().take(LINES).filter(|item| item.place().is_some());
    let mut places: Vec<String> = untold.filter_map(crate::checks::Evidence::spot).collect();
    places.sort();
    places.dedup();
    let each = places.len() == shown;
    for item in items.iter().take(LINES) {
        page.wrapped(&harmless(&item.text), "  - ", "    ");
        if let Some(place) = item.place().filter(|_| each) {
            page.wrapped(&harmless(&place), "    ", "    ");
        }
    }
    if total > shown {
        page.line(&format!("  and {} more", words::thousands(total - shown)));
    }
    if !each {
        for (n, place) in places.iter().enumerate() {
            page.wrapped(&harmless(place), if n == 0 { "  in " } else { "     " }, "     ");
        }
    }
}

/// A check that found nothing, in the words of `show`.
pub fn quiet_page(check: &Check, result: &CheckResult, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let title = match result.result.as_str() {
        "ok" => check.good.clone().unwrap_or_else(|| "This is fine.".to_owned()),
        "not_applicable" => "This question does not concern this machine.".to_owned(),
        _ => "This question got no answer.".to_owned(),
    };
    let title = page.paint(BOLD, &title);
    page.wrapped(&title, "  ", "  ");
    if let Some(why) = &result.why {
        page.wrapped(&words::capital(&harmless(why)), "  ", "  ");
    }
    page.blank();
    page.heading("WHAT WAS ASKED");
    page.wrapped(&format!("Is it so: {}?", check.title), "  ", "  ");
    page.blank();
    page.heading("WHY IT MATTERS");
    page.wrapped(&check.why, "  ", "  ");
    page.blank();
    let sql = page.paint(COMMAND, &format!("cleanbill checks show {}", check.id));
    page.line(&format!("  How this was asked:  {sql}"));
    page.finish()
}

pub(crate) fn severity_words(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Do today",
        Severity::High => "Do this week",
        Severity::Medium => "Do this month",
        Severity::Low => "A smaller problem",
        Severity::Info => "A tip",
    }
}

impl Problem {
    /// `9 points`: what solving it takes off; none where a number would mislead.
    pub(super) fn takes_off(&self) -> Option<String> {
        Some(match self.points_text.as_str() {
            "" => return None,
            "1" => "1 point".to_owned(),
            "under 1" => "less than a point".to_owned(),
            n => format!("{n} points"),
        })
    }
}

/// The page for terminals that know only ASCII.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '−' | '─' | '–' => out.push('-'),
            '●' => out.push('o'),
            '·' => out.push('-'),
            '◀' => out.push('<'),
            '▶' => out.push('>'),
            '→' => out.push_str("->"),
            '…' => out.push_str("..."),
            '’' | '‘' => out.push('\''),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}
