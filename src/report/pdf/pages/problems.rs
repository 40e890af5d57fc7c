//! Every open problem: what it is, why it matters, how to fix it, what was seen and where.

use super::{
    super::{
        block::{Block, Card, Link, List, Mark, Span, Text, code, link, place, plain, prose, soft},
        flow::Flow,
        fonts::Face,
        tags::Role,
        theme::{Style, colour, severity_colour},
    },
    MANY, more, paragraph, part, place_of, when,
};
use crate::{
    checks::{Evidence, Severity},
    report::{Detail, Problem, Report, text::SHOWN, view},
};

/// How many pieces of evidence are shown where problems are many.
const FEW: usize = 2;

pub(super) fn lay(flow: &mut Flow, report: &Report, detail: Detail) {
    let urgent = report.problems.iter().filter(|p| p.severity >= Severity::Medium).count();
    let small = report.problems.iter().filter(|p| p.severity == Severity::Low).count();
    let first = urgent.min(SHOWN);
    let ends = [first, urgent, urgent + small, report.problems.len()];
    let titles = ["The first problems, step by step", "Then", "Smaller problems", "Tips"];
    let mut start = 0;
    for (title, end) in titles.into_iter().zip(ends) {
        let some = report.problems.get(start..end).unwrap_or_default();
        if !some.is_empty() {
            flow.open();
            flow.add(&part(title));
            if start < MANY && end > MANY {
                let words =
                    format!("There are many problems. The steps of the first {MANY} stand here; of the others, ");
                let command = code("sudo cleanbill show NAME");
                flow.add(&paragraph(vec![plain(&words), command, plain(" tells them.")]));
            }
            for (n, problem) in (start..).zip(some) {
                flow.add(&card(n, problem, detail, start == 0 && first > 0));
            }
            flow.close();
        }
        start = end;
    }
}

fn card(n: usize, p: &Problem, detail: Detail, numbered: bool) -> Block {
    let ink = severity_colour(p.severity);
    let heading = Text::heading(Role::H3, Style::H3.space(0.0, 1.5), vec![plain(&p.title)]);
    let mut body = vec![Block::Text(heading.anchor(place_of(n)).bookmark(1))];
    body.push(Block::Text(Text::new(Style::SMALL.space(0.0, 5.0), facts(p)).keep()));
    let mut advice: Vec<Span> = prose(&p.advice);
    for span in &mut advice {
        span.face.get_or_insert(Face::Bold);
    }
    if let Some(effect) = &p.effect {
        advice.push(plain(" "));
        advice.extend(prose(effect));
    }
    let mut why = prose(&p.why);
    let said = Style::BODY.space(0.0, 4.0);
    if p.severity >= Severity::Medium && !why.is_empty() {
        body.push(Block::Text(Text::new(said, why)));
    } else {
        // What is small is told in fewer lines.
        why.push(plain(" "));
        why.append(&mut advice);
        advice = why;
    }
    body.push(Block::Text(Text::new(said, advice)));
    // An owner who takes a tip lets it be done, or asks for more.
    let brief = p.severity == Severity::Info && detail == Detail::Owner;
    let told = n < MANY && !brief;
    if told && !p.steps.is_empty() {
        body.push(label("Step by step"));
        let items = p.steps.iter().map(|step| Text::new(step_style(), prose(step))).collect();
        body.push(Block::List(List { mark: Mark::Number, items }));
    }
    let shown = if told { detail.evidence() } else { FEW };
    if !brief && !p.evidence.is_empty() {
        body.push(label("What was seen"));
        body.push(seen(&p.evidence, p.evidence_total, shown));
    }
    for part in p.parts.iter().filter(|p| !brief && !p.evidence.is_empty()) {
        body.push(label(&format!("Same cause: {}", part.title)));
        body.push(seen(&part.evidence, part.evidence_total, shown));
    }
    let mut last = Vec::new();
    if let Some(fix) = &p.command {
        last.extend([soft("Let it be done: "), code(&format!("sudo {fix}")), plain("   ")]);
    }
    last.extend([soft("More: "), code(&format!("sudo cleanbill show {}", p.check))]);
    for reference in &p.references {
        let addresses = reference.ids.iter().all(|id| id.starts_with("https://"));
        if addresses {
            last.push(soft(&format!("  ·  {}: ", reference.framework)));
            for (n, address) in reference.ids.iter().enumerate() {
                if n > 0 {
                    last.push(soft(", "));
                }
                last.push(link(address, Link::Outside(address.clone())));
            }
        } else if detail == Detail::Technician {
            last.push(soft(&format!("  ·  {}: {}", reference.framework, reference.ids.join(", "))));
        }
    }
    body.push(Block::Text(Text::new(Style::SMALL.space(5.0, 0.0), last)));
    let ground = (p.severity >= Severity::Medium).then_some(colour::PANEL);
    Block::Card(Card { edge: ink, ground, number: numbered.then(|| (n + 1).to_string()), body })
}

/// How urgent it is, what it takes, how long it has been there.
fn facts(p: &Problem) -> Vec<Span> {
    let mut rest: Vec<String> = p.takes_off().map(|points| format!("takes off {points}")).into_iter().collect();
    rest.push(format!("you need {}", p.effort));
    rest.extend(p.age.clone());
    if !p.area.is_empty() {
        rest.push(p.area.clone());
    }
    vec![when(p.severity), soft(&format!("  ·  {}", rest.join("  ·  ")))]
}

fn label(text: &str) -> Block {
    Block::Text(Text::heading(Role::P, Style::LABEL, vec![plain(text)]))
}

fn step_style() -> Style {
    Style { size: 9.0, leading: 13.0, after: 1.5, ..Style::BODY }
}

/// What was seen, with its place once for several lines of the same place.
fn seen(all: &[Evidence], total: usize, shown: usize) -> Block {
    let shown = all.len().min(shown);
    let mut items: Vec<Text> = view::once(all.get(..shown).unwrap_or_default())
        .map(|(e, at)| {
            let mut spans = vec![plain(&e.text)];
            if let Some(at) = at {
                spans.extend([plain("  "), place(&at)]);
            }
            Text::new(step_style(), spans)
        })
        .collect();
    let rest = more(total.max(all.len()), shown);
    items.extend(rest.map(|more| Text::new(step_style(), vec![soft(&crate::words::capital(&more))])));
    Block::List(List { mark: Mark::Bullet, items })
}
