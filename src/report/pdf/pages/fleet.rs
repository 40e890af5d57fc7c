//! The pages of the overview of many machines: all at a glance, then a part for each.

use std::rc::Rc;

use super::{
    super::{
        block::{Block, Column, Link, List, Mark, Table, Text, bold, link, place, plain, soft},
        flow::Flow,
        fonts::Face,
        picture::Picture,
        tags::Role,
        theme::{Style, colour},
    },
    cell, first, paragraph, part, place_of, when,
};
use crate::report::{
    charts,
    fleet::{Fleet, FleetChange, FleetHost, HostProblem},
};

/// Problems in the table of all.
const PROBLEMS: usize = 200;
/// Lines of what came or went.
const CHANGES: usize = 40;

/// Lays the overview out.
pub(in crate::report::pdf) fn lay(flow: &mut Flow, fleet: &Fleet, picture: Option<&Picture>) {
    flow.open();
    first::brand(flow, picture);
    flow.add(&Block::Text(Text::heading(Role::H1, Style::TITLE, vec![plain(&fleet.title)]).bookmark(0)));
    let newest = format!("Newest look: {}", fleet.newest_text);
    flow.add(&Block::Text(Text::new(Style::SMALL.space(0.0, 14.0), vec![plain(&newest)])));
    let mut words = vec![
        Block::Text(Text::heading(Role::H2, Style::LEAD, vec![plain(&fleet.summary)])),
        paragraph(vec![plain(&fleet.moved)]),
    ];
    words.extend(fleet.plan.iter().map(|plan| paragraph(vec![bold(plan)])));
    match charts::grades(&fleet.grades, "grades", 300.0) {
        Some(chart) => {
            let chart = Block::Chart(Rc::new(chart), flow.width * 0.4);
            flow.add(&Block::Columns(vec![(0.56, words), (0.44, vec![chart])]));
        }
        None => words.iter().for_each(|block| flow.add(block)),
    }
    flow.add(&part("Machines, worst first"));
    flow.add(&machines(&fleet.hosts));
    flow.close();
    if !fleet.problems.is_empty() {
        flow.add(&part("Problems and where they are, the most urgent first"));
        flow.add(&problems(fleet));
        if let Some(more) = super::more(fleet.problems.len(), PROBLEMS) {
            flow.add(&Block::Text(Text::new(Style::SMALL, vec![soft(&crate::words::capital(&more))])));
        }
    }
    if !(fleet.came.is_empty() && fleet.went.is_empty()) {
        flow.add(&part("What changed since the previous look"));
        changes(flow, "Fixed", &fleet.went);
        changes(flow, "New", &fleet.came);
    }
    for (n, host) in fleet.hosts.iter().enumerate() {
        machine(flow, n, host);
    }
    if !fleet.skipped.is_empty() {
        flow.add(&part("What could not be read"));
        let item =
            |s: &crate::report::fleet::Skipped| Text::new(Style::BODY, vec![place(&s.file), plain(" "), plain(&s.why)]);
        flow.add(&Block::List(List { mark: Mark::Bullet, items: fleet.skipped.iter().map(item).collect() }));
    }
}

fn machines(hosts: &[FleetHost]) -> Block {
    let rows = hosts.iter().enumerate().map(|(n, host)| {
        let before = host.grade_before.filter(|before| *before != host.grade);
        let mut grade = vec![bold(host.grade.letter())];
        grade.extend(before.map(|before| soft(&format!("  was {}", before.letter()))));
        let mut looked = if host.stale { bold(&host.looked_text) } else { plain(&host.looked_text) };
        if host.stale {
            looked.ink = Some(colour::WARN);
        }
        vec![
            cell(vec![link(&host.name, Link::Inside(place_of(n)))]),
            cell(grade),
            cell(vec![plain(&host.risk_text)]),
            cell(vec![plain(&host.problems_text)]),
            cell(vec![looked]),
        ]
    });
    Block::Table(Table {
        columns: vec![
            Column::new("Machine").share(0.26),
            Column::new("Grade").share(0.13),
            Column::new("Risk").share(0.07).right(),
            Column::new("Problems"),
            Column::new("Looked at").share(0.15),
        ],
        rows: rows.collect(),
    })
}

fn problems(fleet: &Fleet) -> Block {
    let rows = fleet.problems.iter().take(PROBLEMS).map(|p| {
        vec![
            vec![Text::new(Style::CELL, vec![plain(&p.title)]), Text::new(Style::CELL, vec![place(&p.check)])],
            cell(vec![when(p.severity)]),
            cell(vec![plain(&p.effort)]),
            vec![
                Text::new(Style::CELL.face(Face::Bold), vec![plain(&p.hosts_text)]),
                Text::new(Style::CELL, vec![soft(&p.hosts_named)]),
            ],
        ]
    });
    Block::Table(Table {
        columns: vec![
            Column::new("Problem").share(0.38),
            Column::new("When").share(0.15),
            Column::new("You need").share(0.12),
            Column::new("Machines"),
        ],
        rows: rows.collect(),
    })
}

fn changes(flow: &mut Flow, title: &str, changes: &[FleetChange]) {
    if changes.is_empty() {
        return;
    }
    flow.add(&Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(&format!("{title} ({})", changes.len()))])));
    let mut items: Vec<Text> = changes
        .iter()
        .take(CHANGES)
        .map(|c| Text::new(Style::BODY.space(0.0, 1.0), vec![plain(&c.title), plain("  "), soft(&c.hosts_named)]))
        .collect();
    items.extend(
        super::more(changes.len(), CHANGES)
            .map(|text| Text::new(Style::BODY, vec![soft(&crate::words::capital(&text))])),
    );
    flow.add(&Block::List(List { mark: Mark::Bullet, items }));
}

/// The page of one machine.
fn machine(flow: &mut Flow, n: usize, host: &FleetHost) {
    flow.add(&Block::Turn(0.0));
    let heading = Text::heading(Role::H2, Style::H2, vec![plain(&host.name)]).bookmark(0).anchor(place_of(n));
    flow.add(&Block::Text(heading));
    let about = format!("{} · looked at on {}", host.os, host.looked_text);
    flow.add(&Block::Text(Text::new(Style::SMALL.space(0.0, 10.0), vec![plain(&about)]).keep()));
    let mut words =
        vec![Block::Text(Text::new(Style::LEAD, vec![plain(&host.summary)])), paragraph(vec![plain(&host.moved)])];
    if let Some(chart) = charts::history(&host.history, &[], &format!("history-{n}"), 460.0) {
        words.push(Block::Gap(4.0));
        words.push(Block::Chart(Rc::new(chart), flow.width * 0.635));
    }
    let gauge = Rc::new(charts::gauge(host.risk, host.grade));
    flow.add(&Block::Columns(vec![(0.32, vec![Block::Chart(gauge, flow.width * 0.29)]), (0.68, words)]));
    if !host.first.is_empty() {
        let title = if host.first.len() == 1 { "Do this first" } else { "Do these first" };
        flow.add(&Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(title)])));
        flow.add(&first_problems(&host.first));
    }
    if let Some(more) = &host.more_text {
        flow.add(&Block::Text(Text::new(Style::SMALL.space(4.0, 0.0), vec![plain(more)])));
    }
    let outlook: Vec<(Option<usize>, &str)> = host.outlook.iter().map(|o| (None, o.text.as_str())).collect();
    let takes: Vec<&str> = host.plan.iter().map(String::as_str).collect();
    first::beside(flow, &outlook, &takes, Role::H3);
}

fn first_problems(problems: &[HostProblem]) -> Block {
    let rows = problems.iter().map(|p| {
        let mut what = vec![Text::new(Style::CELL.face(Face::Bold), vec![plain(&p.title)])];
        what.extend(p.age.iter().map(|age| Text::new(Style::CELL, vec![soft(age)])));
        let points = p.points.as_deref().unwrap_or("–");
        vec![what, cell(vec![when(p.severity)]), cell(vec![plain(&p.effort)]), cell(vec![plain(points)])]
    });
    Block::Table(Table {
        columns: vec![
            Column::new("What is wrong"),
            Column::new("When").share(0.155),
            Column::new("You need").share(0.115),
            Column::new("Takes off").share(0.105).right(),
        ],
        rows: rows.collect(),
    })
}
