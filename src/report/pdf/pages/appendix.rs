//! The technical part: the machine, the versions, the frameworks, every question with its answer.

use super::{
    super::{
        block::{Block, Column, Table, Text, place, plain, prose, soft},
        flow::Flow,
        tags::Role,
        theme::Style,
    },
    cell, paragraph, part,
};
use crate::report::{
    Report,
    resources::BEGIN,
    view::{self, answers, result_words},
};

/// What an owner reads about the audit itself.
pub(super) fn short(flow: &mut Flow, report: &Report) {
    flow.open();
    flow.add(&part("About this report"));
    flow.add(&paragraph(vec![plain(&format!("I {}. {}", report.audit.looked_at, answers(report)))]));
    flow.close();
}

pub(super) fn lay(flow: &mut Flow, report: &Report) {
    flow.open();
    flow.add(&part("For the technician"));
    flow.add(&paragraph(vec![plain(&answers(report))]));
    if report.resources.is_none() {
        flow.add(&paragraph(prose(BEGIN)));
    }
    machine(flow, report);
    frameworks(flow, report);
    looks(flow, report);
    questions(flow, report);
    flow.close();
}

fn heading(title: &str) -> Block {
    Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(title)]).bookmark(1))
}

fn machine(flow: &mut Flow, report: &Report) {
    let host = &report.host;
    let mut facts: Vec<(&str, String)> = vec![
        ("Machine", format!("{} ({})", host.name, host.id)),
        ("System", format!("{}, {}, {}", host.os, host.kind, host.role)),
    ];
    facts.extend(host.kernel.iter().map(|kernel| ("Kernel", kernel.clone())));
    facts.extend(host.details.iter().map(|d| (d.name.as_str(), d.value.clone())));
    let mut audit = report.audit.id.map_or_else(String::new, |id| format!("Number {id}, "));
    audit.push_str(&report.audit.looked_at);
    if !report.audit.privileged {
        audit.push_str(", without root");
    }
    if !report.audit.complete {
        audit.push_str(", only a part of the questions");
    }
    facts.push(("This audit", crate::words::capital(&audit)));
    facts.push(("Made by", format!("cleanbill {}", report.audit.version)));
    flow.add(&heading("The machine"));
    let rows = facts.iter().map(|(name, value)| vec![cell(vec![soft(name)]), cell(vec![plain(value)])]).collect();
    let columns = vec![Column::new("").share(0.24), Column::new("")];
    flow.add(&Block::Table(Table { columns, rows }));
}

fn frameworks(flow: &mut Flow, report: &Report) {
    if report.coverage.is_empty() {
        return;
    }
    flow.add(&heading("By framework"));
    let number = |n: usize| cell(vec![plain(&n.to_string())]);
    let rows = report
        .coverage
        .iter()
        .map(|c| vec![cell(vec![plain(&c.framework)]), number(c.ids), number(c.fine), number(c.problem)])
        .collect();
    let share = |head| Column::new(head).share(0.18).right();
    let columns = vec![Column::new("Framework"), share("Items asked"), share("All fine"), share("With a problem")];
    flow.add(&Block::Table(Table { columns, rows }));
}

fn looks(flow: &mut Flow, report: &Report) {
    if report.history.len() < 2 {
        return;
    }
    flow.add(&heading("The last looks"));
    let line = |l: view::LookWords| [&l.when, l.grade.letter(), &l.risk].map(|text| cell(vec![plain(text)])).to_vec();
    let rows = view::looks(report).map(line).collect();
    let columns =
        vec![Column::new("When (UTC)"), Column::new("Grade").share(0.2), Column::new("Risk").share(0.2).right()];
    flow.add(&Block::Table(Table { columns, rows }));
}

fn questions(flow: &mut Flow, report: &Report) {
    if report.results.is_empty() {
        return;
    }
    flow.add(&heading("Every question and its answer"));
    let rows = report
        .results
        .iter()
        .map(|r| {
            let mut answer = cell(vec![plain(result_words(&r.result))]);
            let why = r.why.as_deref().map(|why| Text::new(Style::CELL, vec![soft(&crate::words::capital(why))]));
            answer.extend(why);
            let name = Text::new(Style::CELL, vec![place(&r.check)]);
            vec![vec![Text::new(Style::CELL, vec![plain(&r.title)]), name], cell(vec![plain(&r.area)]), answer]
        })
        .collect();
    let columns = vec![Column::new("Looked for").share(0.5), Column::new("Area").share(0.17), Column::new("Answer")];
    flow.add(&Block::Table(Table { columns, rows }));
}
