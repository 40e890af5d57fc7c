//! What the machine used: what ran short, what changed, a few charts; for a technician the whole table.

use std::rc::Rc;

use super::{
    super::{
        block::{Block, Column, List, Mark, Table, Text, plain, soft},
        flow::Flow,
        tags::Role,
        theme::Style,
    },
    cell, paragraph, part,
};
use crate::{
    analysis::resources::Resources,
    report::{Detail, Report, resources},
};

/// Units of a chart that takes half the width, and of the height between its outermost lines.
const HALF: (f64, f64) = (330.0, 84.0);

pub(super) fn lay(flow: &mut Flow, report: &Report, detail: Detail) {
    let Some(used) = &report.resources else { return };
    let told = resources::told(used, detail);
    flow.open();
    flow.add(&part("What the machine used"));
    let summary = match &used.gaps {
        Some(gaps) => format!("{} {gaps}", used.summary),
        None => used.summary.clone(),
    };
    flow.add(&paragraph(vec![plain(&summary)]));
    list(flow, "What failed or ran short", &told.short);
    list(flow, "What will run out", &told.forecasts);
    if let Some(before) = &used.before {
        list(flow, &format!("What changed against {before}"), &told.changes);
    }
    charts(flow, used);
    if detail == Detail::Technician {
        table(flow, used);
    }
    flow.close();
}

fn heading(title: &str) -> Block {
    Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(title)]))
}

fn list(flow: &mut Flow, title: &str, lines: &[&str]) {
    if lines.is_empty() {
        return;
    }
    flow.add(&heading(title));
    let items = lines.iter().map(|line| Text::new(Style::BODY.space(0.0, 1.5), vec![plain(line)])).collect();
    flow.add(&Block::List(List { mark: Mark::Bullet, items }));
}

fn charts(flow: &mut Flow, used: &Resources) {
    let charts = resources::charts(used, "used", HALF);
    let wide = flow.width * 0.475;
    let show = |(title, chart): &(String, crate::report::charts::Drawing)| {
        vec![heading(title), Block::Chart(Rc::new(chart.clone()), wide)]
    };
    for pair in charts.chunks(2) {
        let columns = pair.iter().map(|chart| (0.5, show(chart))).collect();
        flow.add(&Block::Columns(columns));
    }
    if !charts.is_empty() {
        let text = "The line is the mean, the ground behind it reaches from the least to the most.";
        flow.add(&Block::Text(Text::new(Style::SMALL.space(4.0, 3.0), vec![plain(text)])));
    }
}

fn table(flow: &mut Flow, used: &Resources) {
    flow.add(&heading("All that was measured"));
    let number = |text: &str| vec![Text::new(Style::CELL, vec![plain(text)]).right()];
    let rows = used.list.iter().map(|r| {
        let before = r.before.as_ref().map_or("–", |before| before.mean_text.as_str());
        let now = &r.now;
        let mut row = vec![cell(vec![plain(&r.title)])];
        row.extend([&now.mean_text, &now.min_text, &now.max_text].map(|text| number(text)));
        row.extend([number(before), cell(vec![soft(&r.change_text)])]);
        row
    });
    let share = |head| Column::new(head).share(0.12).right();
    flow.add(&Block::Table(Table {
        columns: vec![
            Column::new("What").share(0.32),
            share("Mean"),
            share("Least"),
            share("Most"),
            share("Mean before"),
            Column::new("Change"),
        ],
        rows: rows.collect(),
    }));
}
