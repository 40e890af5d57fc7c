//! The comparison in the terminal; it fits 80 columns.

use super::{
    model::{Change, Comparison, Mark, Weight},
    told::lower,
};
use crate::{
    report::{BOLD, COMMAND, DIM, Page, ProblemRef, Style, severity_words},
    words::harmless,
};

/// How many problems of one kind are named unless all are wanted.
const SHOWN: usize = 8;

/// The comparison as a page of text; `all` cuts nothing.
pub fn text(comparison: &Comparison, style: Style, all: bool) -> String {
    let mut page = Page::new(style);
    page.blank();
    let title = page.paint(BOLD, &harmless(&comparison.title));
    page.wrapped_whole(&title, "  ", "  ");
    page.blank();
    page.wrapped_whole(&comparison.summary, "  ", "  ");
    for note in &comparison.notes {
        page.wrapped_whole(note, "  ", "  ");
    }
    problems(&mut page, comparison, all);
    changes(&mut page, comparison, all);
    if !comparison.not_compared.is_empty() {
        page.blank();
        page.heading("NOT COMPARED");
        for part in &comparison.not_compared {
            page.wrapped_whole(&part.text, "  - ", "    ");
        }
    }
    if all && !comparison.other.is_empty() {
        page.blank();
        page.heading("OTHER FACTS");
        for other in &comparison.other {
            page.wrapped_whole(&format!("{} See: {}", other.text, other.query), "  - ", "    ");
        }
    }
    closing(&mut page, comparison, all);
    page.finish()
}

fn problems(page: &mut Page, comparison: &Comparison, all: bool) {
    for listed in comparison.lists(all) {
        let list = listed.problems;
        let mark = match listed.mark {
            Mark::Came => "!",
            Mark::Done => "-",
            Mark::Unsure => "?",
            Mark::Same => "·",
        };
        let whole = all || list.len() <= SHOWN + 1;
        let shown = if whole { list.len() } else { SHOWN };
        if list.is_empty() {
            continue;
        }
        page.blank();
        page.heading(&listed.title.to_uppercase());
        for problem in list.iter().take(shown) {
            let text = format!("{} ({})", harmless(&problem.title), aside(problem, listed.mark));
            page.wrapped_whole(&text, &format!("  {mark} "), "    ");
        }
        if list.len() > shown {
            page.line(&format!("    and {} more", list.len() - shown));
        }
    }
}

/// What stands beside a title: how urgent it is, unless it is gone, its age, and what to type.
fn aside(problem: &ProblemRef, mark: Mark) -> String {
    let urgent = Some(lower(severity_words(problem.severity))).filter(|_| mark != Mark::Done);
    let parts: Vec<String> = urgent.into_iter().chain(problem.age.clone()).chain([harmless(&problem.check)]).collect();
    parts.join("; ")
}

fn changes(page: &mut Page, comparison: &Comparison, all: bool) {
    if comparison.changes.is_empty() {
        return;
    }
    page.blank();
    page.heading(if comparison.same_machine { "WHAT CHANGED ON THE MACHINE" } else { "WHAT IS DIFFERENT" });
    for (n, group) in comparison.changes.iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        page.line(&format!("  {}", group.title));
        for change in &group.changes {
            told(page, change, all);
        }
    }
}

fn told(page: &mut Page, change: &Change, all: bool) {
    let mark = match change.weight {
        Weight::Danger => "!",
        Weight::Safer => "+",
        _ => "-",
    };
    let text = if all { &change.full_text } else { &change.text };
    page.wrapped_whole(text, &format!("  {mark} "), "    ");
}

fn closing(page: &mut Page, comparison: &Comparison, all: bool) {
    let weights = || comparison.changes.iter().flat_map(|g| g.changes.iter().map(|c| c.weight));
    let (danger, safer) = (weights().any(|w| w == Weight::Danger), weights().any(|w| w == Weight::Safer));
    page.blank();
    if danger || safer {
        let less =
            if comparison.same_machine { "! may make it less safe: was it you?" } else { "! may be less safe there" };
        let more = if comparison.same_machine { "+ makes it safer" } else { "+ is safer there" };
        let marks = match (danger, safer) {
            (true, true) => format!("{less}   {more}"),
            (true, false) => less.to_owned(),
            _ => more.to_owned(),
        };
        let marks = page.paint(DIM, &marks);
        page.line(&format!("  {marks}"));
    }
    if let (Some(a), Some(b), false) = (comparison.before.audit, comparison.after.audit, all) {
        let command = page.paint(COMMAND, &format!("cleanbill compare {a} {b} --all"));
        page.line(&format!("  Everything, nothing cut:  {command}"));
    }
}
