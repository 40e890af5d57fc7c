//! The trend of a metric in the terminal: one line as a chart of characters, several as a row each. It fits 80 columns.

use anstyle::AnsiColor;

use super::{Line, MetricTrend};
use crate::{
    analysis::trend::chart::{self, Columns},
    metrics::said,
    report::{BOLD, DIM, Page, Style},
    words::{self, harmless},
};

/// Columns left of the chart: room for a value.
const LEFT: usize = 12;
/// Rows that are told; the rest by count.
const LINES: usize = 12;
/// Columns of a row for its name, and for each value.
const NAME: usize = 22;
const VALUE: usize = 10;

/// The trend as a page of text.
pub fn text(trend: &MetricTrend, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let name = page.paint(BOLD, &harmless(&trend.host));
    page.wrapped_whole(&format!("{name}: {} ({})", trend.title.to_lowercase(), trend.metric), "  ", "  ");
    page.wrapped_whole(&trend.sentence, "  ", "  ");
    match trend.lines.as_slice() {
        [] => {}
        [one] => big(&mut page, trend, one),
        many => rows(&mut page, trend, many),
    }
    page.finish()
}

/// One value for each column: the largest mean in it; nothing where nothing was measured.
fn fill(trend: &MetricTrend, line: &Line, count: usize) -> Vec<Option<f64>> {
    let (from, to) = (trend.from.as_microsecond(), trend.to.as_microsecond());
    let span = i128::from(to.saturating_sub(from).max(1));
    let mut cells: Vec<Option<f64>> = vec![None; count];
    // A point that is wider than a column fills all that it covers.
    let width = i128::from(trend.width) * 1_000_000;
    let column = |at: i128| usize::try_from(at.clamp(0, span - 1) * count as i128 / span).unwrap_or(0);
    for point in &line.points {
        let at = i128::from(point.at.as_microsecond().saturating_sub(from));
        for cell in column(at)..=column(at + width - 1).max(column(at)) {
            if let Some(cell) = cells.get_mut(cell) {
                *cell = Some(cell.map_or(point.mean, |known| known.max(point.mean)));
            }
        }
    }
    cells
}

fn big(page: &mut Page, trend: &MetricTrend, line: &Line) {
    if line.points.len() < 2 {
        return;
    }
    page.blank();
    let width = page.style.width.saturating_sub(LEFT + 1);
    let unicode = page.style.unicode;
    let cells = fill(trend, line, width);
    let most = cells.iter().flatten().copied().fold(0.0, f64::max);
    let top = chart::top(most);
    let values: Vec<f64> = cells.iter().map(|cell| cell.unwrap_or(0.0)).collect();
    let bar = if unicode { "│" } else { "|" };
    let rows = chart::area(&values, top, unicode);
    let count = rows.len();
    for (n, row) in rows.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "ten rows")]
        let upper = top * (count - n) as f64 / count as f64;
        let label = if n == 0 || n == count / 2 { said::scale(trend.told, upper) } else { String::new() };
        let row = page.paint(AnsiColor::Blue.on_default(), row);
        page.line(&format!("{label:>pad$} {bar}{row}", pad = LEFT - 2));
    }
    let corner = if unicode { "└" } else { "+" };
    let axis = if unicode { "─" } else { "-" }.repeat(width);
    page.line(&format!("{:>pad$} {corner}{axis}", said::scale(trend.told, 0.0), pad = LEFT - 2));
    dates(page, trend, width, LEFT);
    if cells.iter().any(Option::is_none) {
        let note = page.paint(DIM, "Where the line is missing nothing was measured.");
        page.line(&format!("  {note}"));
    }
}

fn dates(page: &mut Page, trend: &MetricTrend, width: usize, left: usize) {
    let columns = Columns::new(&[trend.from, trend.to], width);
    let dates = page.paint(DIM, &columns.dates(trend.from, trend.to));
    page.line(&format!("{:left$}{dates}", ""));
}

fn rows(page: &mut Page, trend: &MetricTrend, lines: &[Line]) {
    page.blank();
    let width = page.style.width.saturating_sub(2 + NAME + 3 * (VALUE + 1) + 1);
    let head = format!("{:NAME$} {:>VALUE$} {:>VALUE$} {:>VALUE$}", "", "mean", "most", "now");
    let head = page.paint(DIM, &head);
    page.line(&format!("  {head}"));
    for line in lines.iter().take(LINES) {
        let name = shortened(&line.name, NAME);
        let value = |v: f64| said::scale(trend.told, v);
        let values = format!("{:>VALUE$} {:>VALUE$} {:>VALUE$}", value(line.mean), value(line.max), value(line.last));
        let marks = marks(&fill(trend, line, width), page.style.unicode);
        let marks = page.paint(AnsiColor::Blue.on_default(), &marks);
        page.line(&format!("  {name:NAME$} {values} {marks}"));
    }
    dates(page, trend, width, 2 + NAME + 3 * (VALUE + 1) + 1);
    let note = "Each row has a scale of its own, from nothing to its most.".to_owned();
    let note = match lines.len().saturating_sub(LINES) {
        0 => note,
        left => format!("{note} {} more: --format csv", words::thousands(left)),
    };
    let note = page.paint(DIM, &note);
    page.line(&format!("  {note}"));
}

fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most - 1).chain(['…']).collect() }
}

/// A row of marks, higher for larger values.
fn marks(cells: &[Option<f64>], unicode: bool) -> String {
    let most = cells.iter().flatten().copied().fold(0.0, f64::max);
    let levels: &[char] = if unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '+', '*', '#', '@']
    };
    let mark = |cell: &Option<f64>| {
        let Some(value) = cell else { return ' ' };
        let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let level = (share * 7.0).round() as usize;
        levels.get(level).copied().unwrap_or(' ')
    };
    cells.iter().map(mark).collect()
}
