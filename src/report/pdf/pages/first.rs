//! The first page: how bad it is, what to do first, what happens if nothing is done, how long it takes.

use std::rc::Rc;

use super::{
    super::{
        block::{Block, Column, Link, Table, Text, bold, link, plain, prose, soft},
        flow::Flow,
        fonts::Face,
        picture::Picture,
        tags::Role,
        theme::{Style, colour},
    },
    cell, paragraph, part, place_of, when,
};
use crate::{
    checks::Severity,
    report::{Problem, Report, charts, text::SHOWN},
};

/// Units of the chart beside the grade.
const CHART: f64 = 520.0;
/// A logo is at most this wide and high.
const LOGO: (f32, f32) = (150.0, 42.0);

pub(super) fn lay(flow: &mut Flow, report: &Report, picture: Option<&Picture>) {
    flow.open();
    brand(flow, picture);
    flow.add(&Block::Text(Text::heading(Role::H1, Style::TITLE, vec![plain(&report.title)]).bookmark(0)));
    let mut about = vec![report.host.name.as_str(), &report.host.os, &report.audit.started_text];
    if report.title.contains(&report.host.name) {
        about.remove(0);
    }
    if report.host.root != "/" {
        about.push(&report.host.root);
    }
    flow.add(&Block::Text(Text::new(Style::SMALL.space(0.0, 14.0), vec![plain(&about.join(" · "))])));
    result(flow, report);
    let urgent: Vec<(usize, &Problem)> =
        report.problems.iter().enumerate().filter(|(_, p)| p.severity >= Severity::Medium).take(SHOWN).collect();
    if !urgent.is_empty() {
        flow.add(&part(if urgent.len() == 1 { "Do this first" } else { "Do these first" }));
        flow.add(&first(&urgent));
    }
    ahead(flow, report);
    flow.close();
}

/// The logo, or the name of the program.
pub(super) fn brand(flow: &mut Flow, picture: Option<&Picture>) {
    if let Some(picture) = picture {
        let (width, height) = fit(picture);
        flow.add(&Block::Picture(width, height, "Logo"));
        flow.add(&Block::Gap(10.0));
    } else {
        let style = Style::LABEL.ink(colour::ACCENT).space(0.0, 2.0);
        flow.add(&Block::Text(Text::new(style, vec![plain("cleanbill")])));
    }
}

#[allow(clippy::cast_precision_loss, reason = "a logo")]
fn fit(picture: &Picture) -> (f32, f32) {
    let (width, height) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
    let scale = (LOGO.0 / width).min(LOGO.1 / height).min(0.75);
    (width * scale, height * scale)
}

/// The grade beside what it means.
fn result(flow: &mut Flow, report: &Report) {
    let mut words = vec![
        Block::Gap(6.0),
        Block::Text(Text::heading(Role::H2, Style::LEAD, vec![plain(&report.summary)])),
        paragraph(vec![plain(&report.moved)]),
    ];
    words.extend(report.grade_note.iter().map(|note| paragraph(vec![plain(note)])));
    if report.problems.is_empty() || report.plan.is_none() {
        words.push(Block::Text(Text::new(Style::SMALL, vec![plain(&looked(report))])));
    }
    if let Some(chart) = charts::history(&report.history, &[], "history", CHART) {
        words.push(Block::Text(Text::new(
            Style::LABEL.ink(colour::SOFT),
            vec![plain("The risk so far: lower is better")],
        )));
        words.push(Block::Chart(Rc::new(chart), flow.width * 0.635));
    }
    let gauge = Rc::new(charts::gauge(report.risk, report.grade));
    flow.add(&Block::Columns(vec![
        (0.32, vec![Block::Gap(4.0), Block::Chart(gauge, flow.width * 0.29)]),
        (0.68, words),
    ]));
}

fn looked(report: &Report) -> String {
    format!("I {}.", report.audit.looked_at)
}

/// The problems that matter most.
fn first(urgent: &[(usize, &Problem)]) -> Block {
    // On a machine with much wrong, solving one problem alone takes off nothing that can be said.
    let points = urgent.iter().any(|(_, p)| !p.points_text.is_empty());
    let rows = urgent.iter().enumerate().map(|(row, (n, p))| {
        let title = Text::new(Style::CELL.face(Face::Bold), vec![link(&p.title, Link::Inside(place_of(*n)))]);
        let takes = p.takes_off().unwrap_or_else(|| "–".to_owned());
        let mut cells = vec![
            cell(vec![soft(&format!("{}", row + 1))]),
            vec![title, Text::new(Style::CELL, prose(&p.advice))],
            cell(vec![when(p.severity)]),
            cell(vec![plain(&p.effort)]),
            cell(vec![plain(&takes)]),
        ];
        cells.truncate(if points { 5 } else { 4 });
        cells
    });
    let mut columns = vec![
        Column::new("").share(0.025),
        Column::new("What to do"),
        Column::new("When").share(0.155),
        Column::new("You need").share(0.115),
        Column::new("Takes off").share(0.105).right(),
    ];
    let rows = rows.collect();
    columns.truncate(if points { 5 } else { 4 });
    Block::Table(Table { columns, rows })
}

/// What happens if nothing is done, and how long it takes to do it.
fn ahead(flow: &mut Flow, report: &Report) {
    let place = |check: &str| report.problems.iter().position(|p| p.check == check).map(|n| n + 1);
    let told: Vec<_> = report.outlook.iter().map(|o| (o.check.as_deref().and_then(place), o.text.as_str())).collect();
    let takes: Vec<&str> = report.plan.iter().map(String::as_str).collect();
    beside(flow, &told, &takes, Role::H2);
}

/// Two columns of sentences, those on the left with the number of their problem; small type, so that the first page
/// holds them.
pub(super) fn beside(flow: &mut Flow, outlook: &[(Option<usize>, &str)], takes: &[&str], level: Role) {
    let heading = |title: &str| Block::Text(Text::heading(level, Style::H2.space(10.0, 4.0), vec![plain(title)]));
    let sentence = |spans| Block::Text(Text::new(Style::CELL.space(0.0, 4.0), spans));
    let mut sides = Vec::new();
    if !outlook.is_empty() {
        let told = outlook.iter().map(|(n, text)| {
            let number = n.map(|n| bold(&format!("{n}  ")));
            sentence(number.into_iter().chain([plain(text)]).collect())
        });
        sides.push((0.6, std::iter::once(heading("If nothing is done")).chain(told).collect()));
    }
    if !takes.is_empty() {
        let told = takes.iter().map(|text| sentence(vec![plain(text)]));
        sides.push((0.4, std::iter::once(heading("How long it takes")).chain(told).collect()));
    }
    if !sides.is_empty() {
        flow.add(&Block::Columns(sides));
    }
}
