//! What is fine, what was not looked at, which risks someone accepted.

use super::{
    super::{
        block::{Block, Column, List, Mark, Table, Text, bold, code, place, plain, soft},
        flow::Flow,
        theme::Style,
    },
    cell, paragraph, part,
};
use crate::report::{
    Report,
    text::severity_words,
    view::{self, gap_words},
};

pub(super) fn lay(flow: &mut Flow, report: &Report) {
    good(flow, report);
    unseen(flow, report);
    waived(flow, report);
}

fn items(mark: Mark, texts: Vec<Vec<super::super::block::Span>>) -> Block {
    let items = texts.into_iter().map(|spans| Text::new(Style::BODY.space(0.0, 2.0), spans)).collect();
    Block::List(List { mark, items })
}

fn good(flow: &mut Flow, report: &Report) {
    let quiet = view::quiet_areas(report);
    if report.good.is_empty() && quiet.is_none() {
        return;
    }
    flow.open();
    flow.add(&part("What is fine"));
    flow.add(&items(Mark::Tick, report.good.iter().map(|g| vec![plain(&g.text)]).collect()));
    if let Some(quiet) = quiet {
        flow.add(&Block::Gap(6.0));
        flow.add(&paragraph(vec![plain(&format!("Nothing was found in: {quiet}."))]));
    }
    flow.close();
}

fn unseen(flow: &mut Flow, report: &Report) {
    let gaps = gap_words(report);
    if report.not_seen.is_empty() {
        return;
    }
    flow.open();
    flow.add(&part("What was not looked at"));
    if !gaps.root.is_empty() {
        let words = vec![plain("Only root may read these. "), code("sudo cleanbill"), plain(" would see them:")];
        flow.add(&Block::Text(Text::new(Style::BODY, words).keep()));
        flow.add(&items(Mark::Bullet, gaps.root.iter().map(|what| vec![plain(what)]).collect()));
    }
    let other = gaps.other.iter().map(|(text, source)| {
        let mut spans = vec![plain(text)];
        if let Some(source) = source {
            spans.extend([plain("  "), place(source)]);
        }
        spans
    });
    flow.add(&items(Mark::Bullet, other.collect()));
    if let Some(questions) = &gaps.questions {
        let text = format!("So {questions} no answer. That is never counted as fine.");
        flow.add(&Block::Text(Text::new(Style::BODY.space(5.0, 4.0), vec![plain(&text)])));
    }
    flow.close();
}

fn waived(flow: &mut Flow, report: &Report) {
    if report.waived.is_empty() {
        return;
    }
    flow.open();
    flow.add(&part("Accepted risks"));
    let rows = report.waived.iter().map(|w| {
        let title = vec![
            Text::new(Style::CELL, vec![plain(&w.title)]),
            Text::new(Style::CELL, vec![soft(severity_words(w.severity))]),
        ];
        let until = if w.ends_soon { bold(&w.until_text) } else { plain(&w.until_text) };
        vec![title, cell(vec![plain(&w.reason)]), cell(vec![plain(&w.who)]), cell(vec![until])]
    });
    flow.add(&Block::Table(Table {
        columns: vec![
            Column::new("Problem").share(0.36),
            Column::new("Why it is accepted"),
            Column::new("Who").share(0.13),
            Column::new("Until").share(0.17),
        ],
        rows: rows.collect(),
    }));
    flow.close();
}
