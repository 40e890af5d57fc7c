//! What will run out, and what is likely next, in the terminal. It fits 80 columns.

use anstyle::AnsiColor;
use jiff::Timestamp;

use super::{Outlook, State, metric::MetricOutlook, things};
use crate::{
    analysis::trend::chart::{self, Columns},
    metrics::said,
    report::{BOLD, DIM, Page, Style},
    words::{self, harmless},
};

/// Columns left of the chart: room for a value.
const LEFT: usize = 12;
/// The past that is drawn is at most so many times as long as what comes.
const PAST: i64 = 2;
/// A limit is drawn when the values come up to this part of it.
const NEAR: f64 = 0.2;

/// All that can run out, the worst first: a sentence each, and how sure it is.
pub fn list(host: &str, all: &[Outlook], style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let name = page.paint(BOLD, &harmless(host));
    page.wrapped_whole(&format!("{name}: {}", summary(all)), "  ", "  ");
    let mut last = None;
    let mut rest = all;
    while let Some(outlook) = rest.first() {
        let group = group(&outlook.state);
        if last.replace(group) != Some(group) {
            page.blank();
        }
        let alike = rest.iter().take_while(|other| group == 1 && other.state == outlook.state).count().max(1);
        let (now, later) = rest.split_at(alike);
        if now.len() > 1 {
            let what: Vec<String> = now.iter().map(|outlook| things::within(&outlook.what)).collect();
            let says = outlook.says.replacen(&things::within(&outlook.what), &words::list(&what), 1);
            page.wrapped_whole(&harmless(&says), "  ", "    ");
        } else {
            tell(&mut page, outlook);
        }
        rest = later;
    }
    page.finish()
}

/// What stands together: what runs out, what nothing is known of, what does not run out.
fn group(state: &State) -> u8 {
    match state {
        State::RunOut | State::Foretold | State::Late | State::Later => 0,
        State::Unsaid { .. } => 1,
        State::Steady | State::Likely => 2,
    }
}

fn summary(all: &[Outlook]) -> String {
    let foretold = all.iter().filter(|outlook| outlook.is_foretold()).count();
    let unsaid = all.iter().filter(|outlook| matches!(outlook.state, State::Unsaid { .. })).count();
    let things = words::count(all.len(), "thing", "things");
    match (foretold, unsaid) {
        (0, unsaid) if unsaid == all.len() => format!("nothing can be said of {things} yet."),
        (0, 0) => format!("none of {things} will run out, as far as can be told."),
        (0, unsaid) => {
            format!("none of {things} will run out, as far as can be told. Of {unsaid} nothing can be said.")
        }
        (n, 0) => format!("{n} of {things} will run out or did, as far as can be told."),
        (n, unsaid) => {
            format!("{n} of {things} will run out or did, as far as can be told. Of {unsaid} nothing can be said.")
        }
    }
}

fn tell(page: &mut Page, outlook: &Outlook) {
    let says = match outlook.state {
        _ if outlook.is_foretold() => page.paint(BOLD, &outlook.says),
        _ => outlook.says.clone(),
    };
    page.wrapped_whole(&says, "  ", "    ");
    if let Some(sure) = sure(outlook).filter(|_| group(&outlook.state) == 0) {
        let sure = page.paint(DIM, &sure);
        page.wrapped_whole(&sure, "    ", "    ");
    }
}

/// How good such forecasts were, and where it stands now.
fn sure(outlook: &Outlook) -> Option<String> {
    let trust = outlook.trust?;
    let value = |value: f64| said::in_unit(&outlook.unit, value);
    Some(format!(
        "Now {}. {} measured. So far such forecasts were off by {}, a plain guess by {}.",
        value(outlook.now),
        words::count(trust.days, "day was", "days were"),
        value(trust.error),
        value(trust.plain_error),
    ))
}

/// What is likely next of a metric: of one series a chart, of several a sentence each.
pub fn metric(found: &MetricOutlook, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    let name = page.paint(BOLD, &harmless(&found.host));
    page.wrapped_whole(&format!("{name}: {} ({})", found.title.to_lowercase(), found.metric), "  ", "  ");
    match found.series.as_slice() {
        [] => page.wrapped_whole("Nothing of it was measured in the last days.", "  ", "  "),
        [one] => {
            tell(&mut page, one);
            if group(&one.state) != 0
                && let Some(sure) = sure(one)
            {
                let sure = page.paint(DIM, &sure);
                page.wrapped_whole(&sure, "    ", "    ");
            }
            picture(&mut page, found, one);
        }
        many => {
            page.blank();
            many.iter().for_each(|outlook| tell(&mut page, outlook));
            page.blank();
            let more = match found.left_out {
                0 => String::new(),
                n => format!(" {} more are left out.", words::thousands(n)),
            };
            let note = format!("For a chart choose one: --where LABEL=VALUE.{more}");
            let note = page.paint(DIM, &note);
            page.wrapped_whole(&note, "  ", "  ");
        }
    }
    page.finish()
}

/// What stands in a column: what was measured, or what is likely.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    Empty,
    Past(f64),
    Next(f64, f64, f64),
}

/// From when until when is drawn.
fn time(found: &MetricOutlook, outlook: &Outlook) -> Option<(Timestamp, Timestamp)> {
    let (first, last) = (outlook.history.first()?.at, outlook.history.last()?.at);
    let last_ahead = outlook.forecast.iter().map(|a| a.at).take_while(|at| *at <= found.until).last();
    let end = last_ahead.unwrap_or(found.now).max(found.now);
    let from = found.now.as_second().saturating_sub(PAST * (end.as_second() - found.now.as_second()).max(86_400));
    // Where nothing is said, all that was measured is shown.
    let from = if outlook.forecast.is_empty() { first } else { Timestamp::from_second(from).ok()?.max(first) };
    (last > from).then_some((from, end))
}

fn cells(outlook: &Outlook, (from, to): (Timestamp, Timestamp), step: i64, count: usize) -> Vec<Cell> {
    let span = i128::from(to.as_second().saturating_sub(from.as_second()).max(1));
    let column = |at: i64| {
        let at = i128::from(at.saturating_sub(from.as_second())).clamp(0, span - 1);
        usize::try_from(at * i128::try_from(count).unwrap_or(1) / span).unwrap_or(0)
    };
    let mut cells = vec![Cell::Empty; count];
    let mut put = |from: i64, to: i64, value: Cell| {
        for cell in cells.iter_mut().take(column(to) + 1).skip(column(from)) {
            *cell = value;
        }
    };
    let within = |at: i64| at >= from.as_second() && at <= to.as_second();
    for seen in outlook.history.iter().filter(|seen| within(seen.at.as_second())) {
        let at = seen.at.as_second();
        put(at, at + step - 1, Cell::Past(seen.value));
    }
    for a in outlook.forecast.iter().filter(|a| within(a.at.as_second())) {
        let at = a.at.as_second();
        put(at - step / 2, at + step / 2 - 1, Cell::Next(a.low, a.value, a.high));
    }
    cells
}

#[allow(clippy::cast_precision_loss, reason = "ten rows")]
fn picture(page: &mut Page, found: &MetricOutlook, outlook: &Outlook) {
    let Some((from, to)) = time(found, outlook) else { return };
    page.blank();
    let width = page.style.width.saturating_sub(LEFT + 1);
    let unicode = page.style.unicode;
    let cells = cells(outlook, (from, to), found.step, width);
    let most = cells.iter().fold(0.0_f64, |most, cell| match cell {
        Cell::Empty => most,
        Cell::Past(value) => most.max(*value),
        Cell::Next(_, _, high) => most.max(*high),
    });
    let limit = outlook.limit.filter(|limit| *limit > 0.0 && most >= limit * NEAR);
    let top = chart::top(most.max(limit.unwrap_or(0.0)));
    let past: Vec<f64> =
        cells.iter().map(|cell| if let Cell::Past(value) = cell { value.max(0.0) } else { 0.0 }).collect();
    let rows = chart::area(&past, top, unicode);
    let count = rows.len();
    let row_of = |value: f64| {
        let from_bottom = (value.clamp(0.0, top) / top * count as f64).ceil().max(1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ten rows")]
        let row = from_bottom as usize;
        count - row.min(count)
    };
    let limit_row = limit.map(row_of);
    let [bar, line, band, edge] = if unicode { ['│', '━', '░', '┄'] } else { ['|', '=', ':', '-'] };
    for (n, row) in rows.iter().enumerate() {
        let upper = top * (count - n) as f64 / count as f64;
        let label = if n == 0 || n == count / 2 { said::in_unit(&outlook.unit, upper) } else { String::new() };
        let mut runs: Vec<(AnsiColor, String)> = Vec::new();
        for (mark, cell) in row.chars().zip(&cells) {
            let (mark, colour) = match *cell {
                Cell::Next(_, value, _) if row_of(value) == n => (line, AnsiColor::Cyan),
                Cell::Next(low, _, high) if (row_of(high)..=row_of(low)).contains(&n) => (band, AnsiColor::Cyan),
                _ if mark == ' ' && limit_row == Some(n) => (edge, AnsiColor::Red),
                _ => (mark, AnsiColor::Blue),
            };
            match runs.last_mut() {
                Some((same, run)) if *same == colour => run.push(mark),
                _ => runs.push((colour, mark.to_string())),
            }
        }
        let text: String = runs.iter().map(|(colour, run)| page.paint(colour.on_default(), run)).collect();
        page.line(&format!("{label:>pad$} {bar}{text}", pad = LEFT - 2));
    }
    let corner = if unicode { "└" } else { "+" };
    let axis = if unicode { "─" } else { "-" }.repeat(width);
    page.line(&format!("{:>pad$} {corner}{axis}", said::in_unit(&outlook.unit, 0.0), pad = LEFT - 2));
    let dates = Columns::new(&[from, to], width).dates(from, to);
    let dates = page.paint(DIM, &dates);
    page.line(&format!("{:LEFT$}{dates}", ""));
    if outlook.forecast.is_empty() {
        return;
    }
    let mut note = format!("{line} what is likely  {band} where eight of ten values should lie");
    if limit_row.is_some() {
        note.push_str(&format!("  {edge} the limit"));
    }
    let note = page.paint(DIM, &note);
    page.line(&format!("  {note}"));
}
