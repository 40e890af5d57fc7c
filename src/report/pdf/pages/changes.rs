//! The problems at a glance, what happened meanwhile, what changed since the audit compared with, and which accepted risks
//! end soon.

use std::rc::Rc;

use super::{
    super::{
        block::{Block, List, Mark, Span, Text, link, plain, soft},
        flow::Flow,
        tags::Role,
        theme::Style,
    },
    more, paragraph, part, problem_link,
};
use crate::{
    checks::Severity,
    report::{
        Detail, ProblemRef, Report, Waived,
        charts::{self, Drawing},
    },
};

/// Units of a chart that takes half the width.
const HALF: f64 = 330.0;
/// Units of a chart that takes the whole width.
const WHOLE: f64 = 680.0;
/// How many of each kind an owner reads.
const SHOWN: usize = 8;
/// How many a technician reads.
const ALL: usize = 200;

pub(super) fn lay(flow: &mut Flow, report: &Report, detail: Detail) {
    let shown = if detail == Detail::Owner { SHOWN } else { ALL };
    ending(flow, report, shown);
    let Some(changes) = &report.changes else { return };
    flow.open();
    flow.add(&part(&format!("What changed since {}", changes.since_day)));
    flow.add(&paragraph(vec![plain(&report.moved)]));
    // A tip may stay open for ever.
    let open: Vec<ProblemRef> = changes.open.iter().filter(|p| p.severity > Severity::Info).cloned().collect();
    for (title, list) in [
        ("Came back after it had been fixed", &changes.came_back),
        ("New", &changes.new),
        ("Fixed", &changes.fixed),
        ("Accepted since then", &changes.accepted),
        ("Could not be looked at this time", &changes.unseen),
        ("Still open", &open),
    ] {
        group(flow, report, title, list, shown);
    }
    flow.close();
}

/// Accepted risks that end soon and then count again.
fn ending(flow: &mut Flow, report: &Report, shown: usize) {
    let soon: Vec<&Waived> = report.waived.iter().filter(|w| w.ends_soon).collect();
    if soon.is_empty() {
        return;
    }
    flow.open();
    flow.add(&part("Accepted risks that end soon"));
    let line = |w: &&Waived| item(vec![plain(&w.title), soft(&format!(", until {}", w.until_text))]);
    let mut items: Vec<Text> = soon.iter().take(shown).map(line).collect();
    items.extend(more(soon.len(), shown).map(|more| item(vec![soft(&crate::words::capital(&more))])));
    flow.add(&Block::List(List { mark: Mark::Bullet, items }));
    flow.close();
}

/// Where the problems are, beside how many were open and how many were fixed over time.
pub(super) fn glance(flow: &mut Flow, report: &Report) {
    let wide = flow.width * 0.475;
    let show = |title: &str, chart: Drawing| [heading(title), Block::Chart(Rc::new(chart), wide)];
    let risky = report.areas.iter().any(|a| a.checks.problem > 0);
    let areas = risky.then(|| charts::areas(&report.areas, "areas", HALF)).flatten();
    let open = charts::severities(&report.history, "severities", HALF);
    let fixed = report.repair.as_ref().and_then(|repair| charts::fixed(repair, "fixed", HALF));
    let mut left: Vec<Block> = areas.into_iter().flat_map(|chart| show("Risk by area", chart)).collect();
    let mut right: Vec<Block> = open.into_iter().flat_map(|chart| show("Open problems over time", chart)).collect();
    let said = report.repair.as_ref().map(|r| Block::Text(Text::new(Style::SMALL, vec![plain(&r.text)])));
    let fixed = fixed.into_iter().flat_map(|chart| show("Days until problems were fixed", chart)).chain(said);
    if left.is_empty() {
        left.extend(fixed)
    } else {
        right.extend(fixed)
    }
    if !(left.is_empty() && right.is_empty()) {
        flow.open();
        flow.add(&part("The problems at a glance"));
        flow.add(&Block::Columns(vec![(0.5, left), (0.5, right)]));
        flow.close();
    }
    // The first page shows the line alone; here it stands with what happened meanwhile.
    let told = (!report.events.is_empty()).then(|| charts::history(&report.history, &report.events, "events", WHOLE));
    if let Some(chart) = told.flatten() {
        flow.open();
        flow.add(&heading("What happened meanwhile"));
        flow.add(&Block::Chart(Rc::new(chart), flow.width));
        flow.close();
    }
}

fn heading(title: &str) -> Block {
    Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(title)]))
}

fn item(spans: Vec<Span>) -> Text {
    Text::new(Style::BODY.space(0.0, 1.5), spans)
}

fn group(flow: &mut Flow, report: &Report, title: &str, list: &[ProblemRef], shown: usize) {
    if list.is_empty() {
        return;
    }
    flow.add(&heading(title));
    let mut items: Vec<Text> = list
        .iter()
        .take(shown)
        .map(|p| {
            let name = match problem_link(report, &p.check) {
                Some(to) => link(&p.title, to),
                None => plain(&p.title),
            };
            let age = p.age.as_deref().filter(|age| *age != "new").map(|age| soft(&format!(", {age}")));
            item(std::iter::once(name).chain(age).collect())
        })
        .collect();
    items.extend(more(list.len(), shown).map(|more| item(vec![soft(&crate::words::capital(&more))])));
    flow.add(&Block::List(List { mark: Mark::Bullet, items }));
}
