//! A trend in the terminal: a sentence, then a chart of characters. It fits 80 columns.

use anstyle::{AnsiColor, Style as Ansi};
use jiff::Timestamp;

use super::{
    chart::{self, Columns},
    model::{CheckTrend, Figures, Points, Trend},
};
use crate::{
    report::{BOLD, COMMAND, DIM, Page, ScorePoint, Style},
    score::Grade,
    words::harmless,
};

/// Columns left of the chart: room for a number.
const LEFT: usize = 7;
/// Columns right of it: room for a grade.
const RIGHT: usize = 4;

/// The trend as a page of text.
pub fn text(trend: &Trend, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let place = if trend.root == "/" { String::new() } else { format!(" in {}", harmless(&trend.root)) };
    let (what, title) = match &trend.figures {
        Figures::Score(_) => ("risk", None),
        Figures::Problems(_) => ("open problems", None),
        Figures::Check(check) => {
            ("one problem", Some(format!("{} ({})", harmless(&check.title), harmless(&check.check))))
        }
    };
    let name = page.paint(BOLD, &harmless(&trend.host));
    page.wrapped_whole(&format!("{name}{place}: {}", title.as_deref().unwrap_or(what)), "  ", "  ");
    page.wrapped_whole(&trend.sentence, "  ", "  ");
    match &trend.figures {
        Figures::Score(points) => score(&mut page, &points.points),
        Figures::Problems(points) => problems(&mut page, points),
        Figures::Check(check) => one(&mut page, check),
    }
    page.finish()
}

fn width(page: &Page) -> usize {
    page.style.width.saturating_sub(LEFT + RIGHT)
}

fn moments(points: &[ScorePoint]) -> Vec<Timestamp> {
    points.iter().map(|p| p.started).collect()
}

fn axis(page: &mut Page, columns: &Columns, moments: &[Timestamp]) {
    let line = if page.style.unicode { "─" } else { "-" }.repeat(width(page));
    let corner = if page.style.unicode { "└" } else { "+" };
    page.line(&format!("{:>pad$} {corner}{line}", 0, pad = LEFT - 2));
    if let (Some(first), Some(last)) = (moments.first(), moments.last()) {
        let dates = page.paint(DIM, &columns.dates(*first, *last));
        page.line(&format!("{:LEFT$}{dates}", ""));
    }
}

fn score(page: &mut Page, points: &[ScorePoint]) {
    if points.len() < 2 {
        return;
    }
    page.blank();
    let most = points.iter().map(|p| p.risk).fold(0.0, f64::max);
    let top = Grade::BANDS.iter().map(|(_, to, _)| *to).find(|to| most <= to - 2.0 && *to >= 20.0).unwrap_or(100.0);
    let moments = moments(points);
    let columns = Columns::new(&moments, width(page));
    let risk = |n: usize| points.get(n).map_or(0.0, |p| p.risk);
    let values: Vec<f64> = columns.fill(&moments, &|a, b| risk(a) > risk(b)).into_iter().map(risk).collect();
    let rows = chart::area(&values, top, page.style.unicode);
    let bar = if page.style.unicode { "│" } else { "|" };
    let count = rows.len();
    let mut before = None;
    for (n, row) in rows.iter().enumerate() {
        // The value in the middle of the row.
        #[allow(clippy::cast_precision_loss, reason = "ten rows")]
        let (upper, middle) =
            (top * (count - n) as f64 / count as f64, top * ((count - n) as f64 - 0.5) / count as f64);
        let label = if n == 0 || n == count / 2 { format!("{upper:.0}") } else { String::new() };
        let grade = Grade::by_risk(middle);
        let letter = if before == Some(grade) { "" } else { grade.letter() };
        before = Some(grade);
        let row = page.paint(AnsiColor::Blue.on_default(), row);
        let letter = page.paint(DIM, letter);
        page.line(&format!("{label:>pad$} {bar}{row} {letter}", pad = LEFT - 2));
    }
    axis(page, &columns, &moments);
    let note = page.paint(DIM, "The letters are grades. With a critical problem open it is D or worse.");
    page.line(&format!("  {note}"));
}

/// What a layer of problems is drawn with: Unicode, ASCII, colour, name.
const LAYERS: [(char, char, AnsiColor, &str); 4] = [
    ('█', '#', AnsiColor::Red, "critical"),
    ('▓', '=', AnsiColor::Magenta, "high"),
    ('▒', '+', AnsiColor::Yellow, "medium"),
    ('░', '.', AnsiColor::Cyan, "low"),
];

fn problems(page: &mut Page, points: &Points) {
    let points = &points.points;
    if points.is_empty() {
        return;
    }
    page.blank();
    let moments = moments(points);
    let columns = Columns::new(&moments, width(page));
    let counts = |n: usize| {
        points.get(n).map_or([0; 4], |p| [p.problems.critical, p.problems.high, p.problems.medium, p.problems.low])
    };
    let shown: Vec<[usize; 4]> =
        columns.fill(&moments, &|a, b| counts(a) > counts(b)).into_iter().map(counts).collect();
    let (rows, unit) = chart::stacked(&shown);
    let bar = if page.style.unicode { "│" } else { "|" };
    let count = rows.len();
    for (n, row) in rows.iter().enumerate() {
        let value = (count - n) * unit;
        let label = if n == 0 || (count > 5 && n == count / 2) { value.to_string() } else { String::new() };
        let mut line = String::new();
        for run in row.chunk_by(|a, b| a == b) {
            let layer = run.first().copied().flatten().and_then(|l| LAYERS.get(l));
            let mark = layer.map_or(' ', |(unicode, ascii, ..)| if page.style.unicode { *unicode } else { *ascii });
            let text: String = std::iter::repeat_n(mark, run.len()).collect();
            line.push_str(&match layer {
                Some((_, _, colour, _)) => page.paint(colour.on_default(), &text),
                None => text,
            });
        }
        page.line(&format!("{label:>pad$} {bar}{line}", pad = LEFT - 2));
    }
    axis(page, &columns, &moments);
    let legend: Vec<String> = LAYERS
        .iter()
        .enumerate()
        .filter(|(n, _)| shown.iter().any(|c| c.get(*n).is_some_and(|x| *x > 0)))
        .map(|(_, (unicode, ascii, colour, name))| {
            let mark = if page.style.unicode { unicode } else { ascii };
            format!("{} {name}", page.paint(colour.on_default(), &mark.to_string()))
        })
        .collect();
    let unit = if unit > 1 { format!("A row is {unit} problems. ") } else { String::new() };
    page.line(&format!("{:LEFT$}{}", "", legend.join("   ")));
    let note = page.paint(DIM, &format!("{unit}Tips and accepted problems are not counted."));
    page.line(&format!("  {note}"));
}

fn one(page: &mut Page, check: &CheckTrend) {
    if check.looks.len() > 1 {
        page.blank();
        strip(page, check);
    }
    if !check.spells.is_empty() {
        page.blank();
        page.heading("WHEN IT WAS THERE");
        for spell in &check.spells {
            let how = spell.severity.map_or_else(String::new, |s| format!(" ({})", s.name()));
            page.wrapped_whole(&format!("{}{how}", spell.text), "  - ", "    ");
        }
    }
    page.blank();
    let show = page.paint(COMMAND, &format!("cleanbill show {}", harmless(&check.check)));
    page.line(&format!("  More about it:  {show}"));
}

fn strip(page: &mut Page, check: &CheckTrend) {
    let moments: Vec<Timestamp> = check.looks.iter().map(|l| l.started).collect();
    let columns = Columns::new(&moments, width(page));
    let result = |n: usize| check.looks.get(n).map_or("", |l| l.result.as_str());
    let rank =
        |n: usize| ["", "not_applicable", "ok", "unknown", "waived", "problem"].iter().position(|r| *r == result(n));
    let unicode = page.style.unicode;
    let mark = |result: &str| match (result, unicode) {
        ("problem", true) => '█',
        ("problem", false) => '#',
        ("waived", true) => '▒',
        ("waived", false) => '+',
        ("unknown", _) => '?',
        (_, true) => '·',
        (_, false) => '.',
    };
    let shown: Vec<&str> = columns.fill(&moments, &|a, b| rank(a) > rank(b)).into_iter().map(result).collect();
    let mut line = String::new();
    for run in shown.chunk_by(|a, b| a == b) {
        let result = run.first().copied().unwrap_or_default();
        let text: String = run.iter().map(|r| mark(r)).collect();
        let colour = match result {
            "problem" => AnsiColor::Red.on_default(),
            "waived" | "unknown" => AnsiColor::Yellow.on_default(),
            _ => Ansi::new().dimmed(),
        };
        line.push_str(&page.paint(colour, &text));
    }
    page.line(&format!("{:LEFT$}{line}", ""));
    if let (Some(first), Some(last)) = (moments.first(), moments.last()) {
        let dates = page.paint(DIM, &columns.dates(*first, *last));
        page.line(&format!("{:LEFT$}{dates}", ""));
    }
    let words = [
        ("problem", "there"),
        ("waived", "there, accepted"),
        ("ok", "not there"),
        ("not_applicable", "not there"),
        ("unknown", "could not tell"),
    ];
    let mut legend: Vec<String> = Vec::new();
    for (result, word) in words.into_iter().filter(|(r, _)| shown.contains(r)) {
        let text = format!("{} {word}", mark(result));
        if !legend.contains(&text) {
            legend.push(text);
        }
    }
    page.line(&format!("{:LEFT$}{}", "", legend.join("   ")));
}
