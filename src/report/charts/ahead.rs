//! What was measured and what is likely next: a line that goes on as a dashed one, a band around it where eight in ten
//! values should lie, and the limit.

use jiff::Timestamp;

use super::{
    Drawing, Ink, Stroke,
    lines::{parts, ticks},
    measure,
    pen::{SMALL, from_to, line, through},
    timeline::{Timeline, spread},
};
use crate::metrics::said;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// What was measured, oldest first.
    pub past: Vec<(Timestamp, f64)>,
    /// What is likely: when, the low value, the middle one, the high one.
    pub next: Vec<(Timestamp, f64, f64, f64)>,
    /// The value that shall not be reached.
    pub limit: Option<f64>,
    /// The unit of all values, as OpenTelemetry writes it.
    pub unit: String,
}

const TOP: f64 = 14.0;
const HEIGHT: f64 = 160.0;
const RIGHT: f64 = 14.0;
/// A limit is drawn when the values come up to this part of it: else they would be a flat line at the bottom.
const NEAR: f64 = 0.2;

/// The chart; none where there are less than two points. `title` is its title and what it says in a sentence.
pub fn ahead(expected: &Expected, (title, says): (&str, &str), name: &str, width: f64) -> Option<Drawing> {
    let past: Vec<_> = expected.past.iter().filter(|p| p.1.is_finite()).copied().collect();
    let next: Vec<_> =
        expected.next.iter().filter(|p| [p.1, p.2, p.3].iter().all(|v| v.is_finite())).copied().collect();
    let moments = past.iter().map(|p| p.0).chain(next.iter().map(|p| p.0));
    let (from, to) = (moments.clone().min()?, moments.max()?);
    if past.len() + next.len() < 2 || from >= to {
        return None;
    }
    let values = past.iter().map(|p| p.1).chain(next.iter().flat_map(|p| [p.1, p.3]));
    let (least, most) = values.fold((0.0_f64, f64::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)));
    let limit = expected.limit.filter(|limit| limit.is_finite() && most >= limit * NEAR);
    let ticks = ticks(least.min(limit.unwrap_or(least)), most.max(limit.unwrap_or(most)));
    let (bottom, top) = (*ticks.first()?, *ticks.last()?);
    let labels: Vec<String> = ticks.iter().map(|tick| said::in_unit(&expected.unit, *tick)).collect();
    let left = labels.iter().map(|label| measure::width(label, SMALL.size, false)).fold(0.0, f64::max) + 14.0;
    let axis = Timeline::new([from, to].into_iter(), left, width - RIGHT);
    let y = |value: f64| {
        TOP + HEIGHT - HEIGHT * (value.clamp(bottom, top) - bottom) / (top - bottom).max(f64::MIN_POSITIVE)
    };
    let base = TOP + HEIGHT;
    let mut d = Drawing::new(name, title, (width, base + 26.0));
    says.clone_into(&mut d.words);
    for (tick, label) in ticks.iter().zip(labels) {
        d.stroke(line(Ink::Grid, 1.0), from_to((left, y(*tick)), (width - RIGHT, y(*tick))));
        d.text((left - 8.0, y(*tick) + 4.0), SMALL.size(11.0).end(), label);
    }
    if next.len() > 1 {
        let upper = next.iter().map(|p| (axis.x(p.0), y(p.3)));
        let lower = next.iter().rev().map(|p| (axis.x(p.0), y(p.1)));
        d.fill(Ink::Wash, through(&upper.chain(lower).collect::<Vec<_>>()));
    }
    if let Some(limit) = limit {
        let stroke = Stroke { ink: Ink::High, width: 1.25, dash: Some((2.0, 3.0)), round: false };
        d.stroke(stroke, from_to((left, y(limit)), (width - RIGHT, y(limit))));
    }
    let quads: Vec<_> = past.iter().map(|p| (p.0, p.1, p.1, p.1)).collect();
    for part in parts(&quads) {
        let at: Vec<(f64, f64)> = part.iter().map(|p| (axis.x(p.0), y(p.2))).collect();
        d.stroke(Stroke { ink: Ink::Accent, width: 1.75, dash: None, round: true }, through(&at));
    }
    // It goes on where the past ends.
    let joint = past.last().map(|p| (axis.x(p.0), y(p.1)));
    let at: Vec<(f64, f64)> = joint.into_iter().chain(next.iter().map(|p| (axis.x(p.0), y(p.2)))).collect();
    if !next.is_empty() && at.len() > 1 {
        d.stroke(Stroke { ink: Ink::Accent, width: 1.75, dash: Some((5.0, 4.0)), round: false }, through(&at));
    }
    for tick in spread(axis.ticks(), SMALL.size, (left - 4.0, width)) {
        d.text((tick.x, base + 18.0), SMALL.middle(), tick.text);
    }
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::{Shape, tests::texts};

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
    }

    fn expected(limit: Option<f64>) -> Expected {
        #[allow(clippy::cast_precision_loss)]
        let value = |n: i64| 0.3 + 0.01 * n as f64;
        let next = |n: i64| (at(n), value(n) - 0.05, value(n), value(n) + 0.05);
        Expected {
            past: (0..30).map(|n| (at(n), value(n))).collect(),
            next: (30..60).map(next).collect(),
            limit,
            unit: "1".to_owned(),
        }
    }

    fn strokes(drawing: &Drawing) -> Vec<Stroke> {
        let stroke = |shape: &Shape| match shape {
            Shape::Path { stroke, .. } => *stroke,
            Shape::Text { .. } => None,
        };
        drawing.shapes.iter().filter_map(stroke).collect()
    }

    #[test]
    fn the_past_is_a_line_the_rest_a_dashed_one_with_its_band() {
        let drawing = ahead(&expected(Some(1.0)), ("Disk", "It fills."), "a", 720.0).unwrap();
        let strokes = strokes(&drawing);
        assert_eq!(strokes.iter().filter(|s| s.ink == Ink::Accent && s.dash.is_none()).count(), 1);
        assert_eq!(strokes.iter().filter(|s| s.ink == Ink::Accent && s.dash.is_some()).count(), 1);
        assert_eq!(strokes.iter().filter(|s| s.ink == Ink::High).count(), 1, "the limit");
        let filled = |shape: &&Shape| matches!(shape, Shape::Path { fill: Some(Ink::Wash), .. });
        assert_eq!(drawing.shapes.iter().filter(filled).count(), 1);
        assert!(texts(&drawing).contains(&"100%"), "{:?}", texts(&drawing));
        assert_eq!(drawing.words, "It fills.");
    }

    #[test]
    fn a_limit_far_away_does_not_flatten_the_line() {
        let drawing = ahead(&expected(Some(50.0)), ("Disk", ""), "a", 720.0).unwrap();
        assert!(strokes(&drawing).iter().all(|s| s.ink != Ink::High));
        let nothing = Expected { past: vec![], next: vec![], limit: None, unit: "1".to_owned() };
        assert_eq!(ahead(&nothing, ("", ""), "a", 720.0), None);
        let wild = Expected { past: vec![(at(0), f64::NAN), (at(1), f64::INFINITY)], ..nothing };
        assert_eq!(ahead(&wild, ("", ""), "a", 720.0), None);
    }

    #[test]
    fn without_a_forecast_the_past_is_drawn() {
        let expected = Expected { next: vec![], ..expected(None) };
        let drawing = ahead(&expected, ("Disk", ""), "a", 300.0).unwrap();
        assert!(strokes(&drawing).iter().all(|s| s.dash.is_none()));
    }
}
