//! The pages of the report, from the first minute to the proof. Every number and sentence comes from the model.

mod appendix;
mod changes;
mod first;
pub(super) mod fleet;
mod problems;
mod resources;
mod rest;

use super::{
    block::{Block, Link, Span, Text, bold, plain},
    flow::Flow,
    picture::Picture,
    shape::Shaper,
    tags::{ARTIFACT, Role, Tags},
    theme::{Sheet, Style, severity_colour},
    wrap::{Line, lines},
    write::About,
};
use crate::{
    checks::Severity,
    report::{Detail, Options, Report, fleet::Fleet, text::severity_words, view},
    words::harmless,
};

/// With more problems than this, the report tells the later ones in fewer words.
pub(super) const MANY: usize = 300;

/// The place of a problem by its number in the report, or of a machine in the overview.
fn place_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

/// When something should be done, in the colour of its severity.
fn when(severity: Severity) -> Span {
    Span { ink: Some(severity_colour(severity)), ..bold(severity_words(severity)) }
}

/// The link to a problem, where the report tells it.
fn problem_link(report: &Report, check: &str) -> Option<Link> {
    report.problems.iter().position(|p| p.check == check).map(|n| Link::Inside(place_of(n)))
}

/// Lays the whole report out.
pub(super) fn lay(flow: &mut Flow, report: &Report, options: &Options, picture: Option<&Picture>) {
    first::lay(flow, report, picture);
    if !report.problems.is_empty() {
        // Whatever comes after the page for the first minute begins on a page of its own, unless that page is short.
        flow.add(&Block::Turn(0.6));
    }
    changes::glance(flow, report);
    changes::lay(flow, report, options.detail);
    resources::lay(flow, report, options.detail);
    problems::lay(flow, report, options.detail);
    rest::lay(flow, report);
    if options.detail == Detail::Technician {
        appendix::lay(flow, report);
    } else {
        appendix::short(flow, report);
    }
}

/// What the document says about itself.
pub(super) fn about(report: &Report) -> About {
    About {
        title: harmless(&report.title),
        subject: format!("{}, {}", harmless(&report.host.name), report.audit.started_text),
        version: harmless(&report.audit.version),
        day: report.audit.started_text.clone(),
        made: report.audit.started,
    }
}

/// The same of an overview.
pub(super) fn about_many(fleet: &Fleet) -> About {
    About {
        title: harmless(&fleet.title),
        subject: harmless(&fleet.summary),
        version: harmless(&fleet.version),
        day: fleet.newest_text.clone(),
        made: fleet.newest,
    }
}

/// The lines at the head and foot of a page: the machine and the day, and which page it is.
pub(super) fn edges(about: &About, sheet: Sheet, n: usize, count: usize, shaper: &mut Shaper) -> Vec<(f32, f32, Line)> {
    let right = sheet.width - sheet.right;
    let mut line = |text: &str, room: f32| {
        let text = Text::new(Style::EDGE, vec![plain(text)]);
        let mut all = lines(&text, room, shaper, &mut Tags::new(), ARTIFACT, &mut Vec::new()).into_iter();
        // A name that needs more than the line stands whole on the first page.
        all.next().unwrap_or_default()
    };
    let mut edges = Vec::new();
    let day = line(&about.day, sheet.text_width() * 0.45);
    if n > 0 {
        let y = sheet.top - 24.0;
        edges.push((sheet.left, y, line(&about.title, sheet.text_width() * 0.5)));
        edges.push((right - day.width, y, day));
    }
    let y = sheet.height - sheet.bottom + 28.0;
    let made = line(&format!("cleanbill {}", about.version), sheet.text_width() * 0.5);
    let page = line(&format!("page {} of {count}", n + 1), sheet.text_width() * 0.4);
    edges.push((sheet.left, y, made));
    edges.push((right - page.width, y, page));
    edges
}

/// A heading of a part of the report.
fn part(title: &str) -> Block {
    Block::Text(Text::heading(Role::H2, Style::H2, vec![plain(title)]).bookmark(0))
}

/// A paragraph.
fn paragraph(spans: Vec<Span>) -> Block {
    Block::Text(Text::new(Style::BODY, spans))
}

/// A cell of a table.
fn cell(spans: Vec<Span>) -> Vec<Text> {
    vec![Text::new(Style::CELL, spans)]
}

/// `and 12 more`, where a list is cut.
fn more(all: usize, shown: usize) -> Option<String> {
    view::more(all.saturating_sub(shown))
}
