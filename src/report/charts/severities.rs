//! How many problems were open at each audit, by severity: a column for each audit, the worst at its foot.

use jiff::Timestamp;

use super::{
    Drawing, Ink, measure,
    pen::{BODY, SMALL, from_to, line, rect},
    says, usable,
};
use crate::{report::model::ScorePoint, score::BySeverity, words};

const TOP: f64 = 24.0;
/// The thin line of paper between two parts of a column.
const GAP: f64 = 1.2;
/// From one label to the next.
const LABEL: f64 = 18.0;

/// The columns of a chart: the worst first, which stands at the foot.
pub(super) fn layers(counts: BySeverity) -> [(Ink, &'static str, usize); 4] {
    [
        (Ink::Critical, "critical", counts.critical),
        (Ink::High, "high", counts.high),
        (Ink::Medium, "medium", counts.medium),
        (Ink::Low, "low", counts.low),
    ]
}

/// How many problems a column holds: tips are not counted.
pub(super) fn open(point: &ScorePoint) -> usize {
    layers(point.problems).iter().fold(0, |sum, (.., n)| sum.saturating_add(*n))
}

/// The chart in this width; none with fewer than two audits, or where no problem was ever open.
pub fn severities(points: &[ScorePoint], name: &str, width: f64) -> Option<Drawing> {
    let points = usable(points);
    let height = if width < 480.0 { 140.0 } else { 160.0 };
    let base = TOP + height;
    // Names of the parts stand at the right of the last column.
    let names: Vec<usize> = (0..4).filter(|n| points.iter().any(|p| layer(p, *n).2 > 0)).collect();
    let now = *points.last()?;
    let label = |n: usize| {
        let (ink, name, count) = layer(now, n);
        (ink, format!("{} {name}", words::thousands(count)))
    };
    let widest = names.iter().map(|n| measure::width(&label(*n).1, BODY.size, false)).fold(0.0, f64::max);
    let right = width - widest - 34.0;
    let (_, top) = scale(points.iter().map(|p| open(p)).max().unwrap_or(0));
    let left = measure::width(&words::thousands(top), 11.0, false).max(22.0) + 12.0;
    let room = ((right - left) / if width < 480.0 { 5.0 } else { 8.0 }).floor().max(2.0) as usize;
    let every = points.len().div_ceil(room).max(1);
    let mut shown: Vec<&ScorePoint> = points.iter().copied().rev().step_by(every).collect();
    shown.reverse();
    let most = shown.iter().map(|p| open(p)).max().filter(|most| *most > 0)?;
    if shown.len() < 2 {
        return None;
    }

    let mut d = Drawing::new(name, "Open problems over time", (width, base + 26.0));
    d.words = says::severities(&points, every);
    let (step, top) = scale(most);
    let y = |count: usize| base - height * count as f64 / top as f64;
    for count in (0..=top).step_by(step) {
        d.text((left - 8.0, y(count) + 4.0), SMALL.size(11.0).end(), words::thousands(count));
    }

    let slot = (right - left) / shown.len() as f64;
    let bar = (slot * 0.72).min(46.0);
    let middle = |n: usize| left + slot * (n as f64 + 0.5);
    let edge = middle(shown.len() - 1) + bar / 2.0;
    for count in (0..=top).step_by(step) {
        d.stroke(line(Ink::Grid, 1.0), from_to((left, y(count)), (edge + 3.0, y(count))));
    }
    for part in 0..4 {
        for (n, point) in shown.iter().enumerate() {
            let below: usize = (0..part).map(|p| layer(point, p).2).fold(0, usize::saturating_add);
            let (ink, _, count) = layer(point, part);
            let (foot, head) = (y(below), y(below.saturating_add(count)));
            let tall = foot - head;
            let gap = if below > 0 { GAP.min(tall * 0.4) } else { 0.0 };
            if count > 0 {
                d.fill(ink, rect(middle(n) - bar / 2.0, head, bar, tall - gap));
            }
        }
    }
    totals(&mut d, &shown, (&middle, bar, (left, right + 6.0)), &y);
    labels(&mut d, &names, now, (edge, right), (&y, base), label);
    dates(&mut d, &shown, &middle, base + 18.0);
    Some(d)
}

fn layer(point: &ScorePoint, n: usize) -> (Ink, &'static str, usize) {
    layers(point.problems).get(n).copied().unwrap_or((Ink::Low, "", 0))
}

/// How many there are at the first audit and now, above the columns that the number spans.
fn totals(
    d: &mut Drawing,
    shown: &[&ScorePoint],
    (middle, bar, (left, right)): (&impl Fn(usize) -> f64, f64, (f64, f64)),
    y: &impl Fn(usize) -> f64,
) {
    let end = shown.len().saturating_sub(1);
    let apart = middle(end) - middle(0);
    let now = (end, BODY.size(15.0).bold().middle());
    for (n, look) in [now, (0, SMALL.bold().middle())].into_iter().take(if apart > 60.0 { 2 } else { 1 }) {
        let Some(point) = shown.get(n) else { continue };
        let text = words::thousands(open(point));
        let half = measure::width(&text, look.size, true) / 2.0;
        let x = middle(n).min(right - half).max(left + half);
        let spanned = shown.iter().enumerate().filter(|(m, _)| (middle(*m) - x).abs() < half + bar / 2.0 + 3.0);
        let foot = spanned.map(|(_, p)| y(open(p))).fold(y(open(point)), f64::min) - 6.0;
        d.fill(Ink::Paper, rect(x - half, foot - look.size * 0.8, half * 2.0, look.size));
        d.text((x, foot), look, text);
    }
}

/// Beside the last column, each as near to its part as the others allow.
fn labels(
    d: &mut Drawing,
    names: &[usize],
    now: &ScorePoint,
    (edge, right): (f64, f64),
    (y, base): (&impl Fn(usize) -> f64, f64),
    label: impl Fn(usize) -> (Ink, String),
) {
    let mut free = base - 6.0;
    let x = right + 10.0;
    let mut texts = Vec::new();
    for n in names {
        let below: usize = (0..*n).map(|p| layer(now, p).2).fold(0, usize::saturating_add);
        let wanted = f64::midpoint(y(below), y(below.saturating_add(layer(now, *n).2)));
        // What is still to come needs room above.
        let place = wanted.min(free);
        free = place - LABEL;
        texts.push((*n, wanted, place));
    }
    // A small stack near the top of the box pushes nothing out: its labels begin at the foot. A tall one may.
    let over = texts.last().map_or(0.0, |(.., place)| (TOP - 10.0 - place).max(0.0));
    for (n, wanted, place) in &mut texts {
        *place += over;
        if layer(now, *n).2 > 0 {
            d.stroke(line(Ink::Grid, 1.0), from_to((edge + 4.0, *wanted), (x - 3.0, *place)));
        }
    }
    for (n, _, place) in &texts {
        d.fill(label(*n).0, rect(x, place - 4.5, 9.0, 9.0));
    }
    for (n, _, place) in &texts {
        let look = if layer(now, *n).2 > 0 { BODY } else { BODY.ink(Ink::Soft) };
        d.text((x + 15.0, place + 4.4), look, label(*n).1);
    }
}

/// Dates below some of the columns, the last always among them.
fn dates(d: &mut Drawing, shown: &[&ScorePoint], middle: &impl Fn(usize) -> f64, y: f64) {
    let times = || shown.iter().map(|p| p.started);
    let seconds = |t: Option<Timestamp>| t.map_or(0, Timestamp::as_second);
    let format = match seconds(times().max()).saturating_sub(seconds(times().min())) {
        ..129_600 => "%H:%M",
        129_600..31_536_000 => "%-d %b",
        _ => "%b %Y",
    };
    let mut free = d.width;
    let mut before = String::new();
    let mut texts = Vec::new();
    for (n, point) in shown.iter().enumerate().rev() {
        let text = point.started.strftime(format).to_string();
        let half = measure::width(&text, SMALL.size, false) / 2.0;
        let x = middle(n).max(half);
        if text != before && x + half <= free {
            free = x - half - 18.0;
            texts.push((x, text.clone()));
            before = text;
        }
    }
    for (x, text) in texts.into_iter().rev() {
        d.text((x, y), SMALL.middle(), text);
    }
}

/// A step that people count in and where the scale ends.
fn scale(most: usize) -> (usize, usize) {
    let mut unit: usize = 1;
    loop {
        for step in [unit, unit.saturating_mul(2), unit.saturating_mul(5)] {
            if most.div_ceil(step) <= 4 {
                return (step, most.div_ceil(step).saturating_mul(step));
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::{
        Shape,
        tests::{looks, texts, with_problems},
    };

    #[test]
    fn nothing_that_was_ever_open_is_no_chart() {
        assert_eq!(severities(&looks(&[0.0, 0.0]), "s", 680.0), None);
        assert_eq!(severities(&with_problems(&[[1, 2, 3, 4]]), "s", 680.0), None);
    }

    #[test]
    fn each_severity_that_ever_was_is_named_once_beside_the_last_column() {
        let chart = severities(&with_problems(&[[1, 2, 3, 0], [0, 1, 9, 0]]), "s", 680.0).unwrap();
        let texts = texts(&chart);
        for text in ["0 critical", "1 high", "9 medium", "10", "6"] {
            assert!(texts.contains(&text), "{text} in {texts:?}");
        }
        assert!(!texts.iter().any(|t| t.ends_with(" low")));
    }

    #[test]
    fn columns_are_as_tall_as_their_counts() {
        let chart = severities(&with_problems(&[[4, 0, 0, 0], [0, 2, 0, 0]]), "s", 680.0).unwrap();
        let tall = |wanted: Ink| {
            let path = chart.shapes.iter().find_map(|s| match s {
                Shape::Path { segments, fill: Some(ink), .. } if *ink == wanted => Some(segments),
                _ => None,
            });
            let ys: Vec<f64> = path
                .unwrap()
                .iter()
                .filter_map(|s| match s {
                    super::super::Segment::Move(_, y) | super::super::Segment::Line(_, y) => Some(*y),
                    _ => None,
                })
                .collect();
            ys.iter().copied().fold(0.0, f64::max) - ys.iter().copied().fold(1e9, f64::min)
        };
        assert!((tall(Ink::Critical) - 2.0 * tall(Ink::High)).abs() < 1e-6);
    }

    #[test]
    fn the_scale_ends_at_a_round_number_above_the_most() {
        assert_eq!(
            [1, 4, 5, 9, 28, 101, 4000].map(scale),
            [(1, 1), (1, 4), (2, 6), (5, 10), (10, 30), (50, 150), (1000, 4000)]
        );
    }
}
