//! Lines of what was measured over a time, with a band between the least and the most where there is one line alone.

use jiff::Timestamp;

use super::{
    Drawing, Ink, Stroke, measure,
    pen::{SMALL, from_to, line, through},
    timeline::{Timeline, spread},
};
use crate::metrics::{Metric, said};

/// What was measured along one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// What it is.
    pub name: String,
    /// When, the least, the mean, the most; oldest first.
    pub points: Vec<(Timestamp, f64, f64, f64)>,
}

const TOP: f64 = 14.0;
const HEIGHT: f64 = 160.0;
const RIGHT: f64 = 14.0;
/// A time without a point that is this many times as long as between two others is a gap.
const GAP: i64 = 3;
/// How lines are told apart, also without colours.
const LOOKS: [(Ink, Option<(f64, f64)>); 6] = [
    (Ink::Accent, None),
    (Ink::Ink, Some((6.0, 3.0))),
    (Ink::Good, None),
    (Ink::Soft, Some((2.0, 3.0))),
    (Ink::Accent, Some((8.0, 4.0))),
    (Ink::Good, Some((2.0, 3.0))),
];

/// The chart; none where no line has two points. `title` is its title and what it says in a sentence.
pub fn lines(
    courses: &[Course],
    metric: &Metric,
    (from, to): (Timestamp, Timestamp),
    (title, says): (&str, &str),
    name: &str,
    width: f64,
) -> Option<Drawing> {
    let courses: Vec<&Course> = courses.iter().filter(|course| course.points.len() > 1).take(LOOKS.len()).collect();
    let band = courses.len() == 1;
    let values = courses.iter().flat_map(|c| &c.points).map(|p| if band { p.3 } else { p.2 });
    let most = values.filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let lows = courses.iter().flat_map(|c| &c.points).map(|p| if band { p.1 } else { p.2 });
    let least = lows.filter(|v| v.is_finite()).fold(0.0, f64::min);
    if courses.is_empty() || !most.is_finite() {
        return None;
    }
    let ticks = ticks(least, most);
    let (bottom, top) = (*ticks.first()?, *ticks.last()?);
    let labels: Vec<String> = ticks.iter().map(|tick| said::scale(metric, *tick)).collect();
    let left = labels.iter().map(|label| measure::width(label, SMALL.size, false)).fold(0.0, f64::max) + 14.0;
    let axis = Timeline::new([from, to].into_iter(), left, width - RIGHT);
    let y = |value: f64| {
        TOP + HEIGHT - HEIGHT * (value.clamp(bottom, top) - bottom) / (top - bottom).max(f64::MIN_POSITIVE)
    };
    let base = TOP + HEIGHT;
    let keys = if band { 0 } else { courses.len() };
    let mut d = Drawing::new(name, title, (width, (base + 26.0 + KEY * keys as f64).ceil()));
    says.clone_into(&mut d.words);
    for (tick, label) in ticks.iter().zip(labels) {
        d.stroke(line(Ink::Grid, 1.0), from_to((left, y(*tick)), (width - RIGHT, y(*tick))));
        d.text((left - 8.0, y(*tick) + 4.0), SMALL.size(11.0).end(), label);
    }
    for (course, (ink, dash)) in courses.iter().zip(LOOKS) {
        for part in parts(&course.points) {
            if band {
                let upper = part.iter().map(|p| (axis.x(p.0), y(p.3)));
                let lower = part.iter().rev().map(|p| (axis.x(p.0), y(p.1)));
                d.fill(Ink::Wash, through(&upper.chain(lower).collect::<Vec<_>>()));
            }
            let at: Vec<(f64, f64)> = part.iter().map(|p| (axis.x(p.0), y(p.2))).collect();
            d.stroke(Stroke { ink, width: 1.75, dash, round: dash.is_none() }, through(&at));
        }
    }
    for tick in spread(axis.ticks(), SMALL.size, (left - 4.0, width)) {
        d.text((tick.x, base + 18.0), SMALL.middle(), tick.text);
    }
    if keys > 0 {
        for (n, (course, (ink, dash))) in courses.iter().zip(LOOKS).enumerate() {
            let middle = base + 26.0 + KEY * (n as f64 + 0.5);
            let stroke = Stroke { ink, width: 1.75, dash, round: false };
            d.stroke(stroke, from_to((left, middle), (left + 28.0, middle)));
            let text = measure::fit(&course.name, SMALL.size, false, width - left - 36.0 - RIGHT);
            d.text((left + 36.0, middle + 4.0), SMALL.ink(Ink::Ink), text);
        }
    }
    Some(d)
}

/// Height of a line of the key.
const KEY: f64 = 18.0;

/// Values at which there is a line across: round ones, from at most the least to at least the most.
pub(super) fn ticks(least: f64, most: f64) -> Vec<f64> {
    let span = (most - least).max(f64::MIN_POSITIVE);
    let span = if most <= 0.0 && least >= 0.0 { 1.0 } else { span };
    let power = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| span / s <= 4.0).unwrap_or(span);
    let first = (least / step).floor();
    let mut ticks: Vec<f64> = (0..=8).map(|n| (first + f64::from(n)) * step).collect();
    let end = ticks.iter().position(|tick| *tick >= most && *tick > least).unwrap_or(ticks.len().saturating_sub(1));
    ticks.truncate((end + 1).max(2));
    ticks
}

/// What was measured without a gap.
pub(super) fn parts(points: &[(Timestamp, f64, f64, f64)]) -> Vec<Vec<(Timestamp, f64, f64, f64)>> {
    let mut between: Vec<i64> =
        points.windows(2).filter_map(|w| Some(w.last()?.0.as_second() - w.first()?.0.as_second())).collect();
    between.sort_unstable();
    let usual = between.get(between.len() / 2).copied().unwrap_or(1).max(1);
    let mut parts: Vec<Vec<(Timestamp, f64, f64, f64)>> = Vec::new();
    for point in points.iter().filter(|p| p.1.is_finite() && p.2.is_finite() && p.3.is_finite()) {
        let gap = |last: &(Timestamp, f64, f64, f64)| point.0.as_second() - last.0.as_second() > usual * GAP;
        match parts.last_mut() {
            Some(part) if part.last().is_some_and(|last| !gap(last)) => part.push(*point),
            _ => parts.push(vec![*point]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::tests::texts;

    fn course(name: &str, values: &[f64]) -> Course {
        let at = |n: usize| Timestamp::from_second(1_790_000_000 + n as i64 * 3600).unwrap();
        Course {
            name: name.to_owned(),
            points: values.iter().enumerate().map(|(n, v)| (at(n), v * 0.9, *v, v * 1.1)).collect(),
        }
    }

    fn drawn(courses: &[Course]) -> Option<Drawing> {
        let time = (Timestamp::from_second(1_790_000_000).unwrap(), Timestamp::from_second(1_790_100_000).unwrap());
        let metric = crate::metrics::metric("system.memory.utilization").unwrap();
        lines(courses, metric, time, ("Memory", "Memory was used."), "m", 720.0)
    }

    #[test]
    fn values_are_read_from_round_lines_in_their_unit() {
        let chart = drawn(&[course("", &[0.1, 0.42, 0.3])]).unwrap();
        let texts = texts(&chart);
        for text in ["0%", "20%", "40%"] {
            assert!(texts.contains(&text), "{text} in {texts:?}");
        }
        assert_eq!(chart.words, "Memory was used.");
    }

    #[test]
    fn several_lines_have_a_key_and_too_few_points_no_chart() {
        let chart =
            drawn(&[course("sda read", &[0.1, 0.2]), course("sdb", &[0.3, 0.1]), course("one", &[1.0])]).unwrap();
        let texts = texts(&chart);
        assert!(texts.contains(&"sda read") && texts.contains(&"sdb") && !texts.contains(&"one"));
        assert_eq!(drawn(&[course("a", &[1.0])]), None);
        assert_eq!(drawn(&[]), None);
        assert_eq!(drawn(&[course("a", &[f64::NAN, f64::INFINITY])]), None);
    }

    #[test]
    fn round_lines_hold_all_values() {
        for (least, most) in
            [(0.0, 0.0), (0.0, 1.0), (0.0, 0.000_37), (-3.0, 4.0), (0.0, 1e15), (0.0, 99.0), (-5.0, -1.0)]
        {
            let ticks = ticks(least, most);
            assert!(ticks[0] <= least && *ticks.last().unwrap() >= most, "{least} to {most}: {ticks:?}");
            assert!((2..=9).contains(&ticks.len()), "{ticks:?}");
        }
    }

    #[test]
    fn a_time_without_values_is_a_gap() {
        let mut course = course("", &[1.0; 10]);
        course.points.drain(3..8);
        assert_eq!(parts(&course.points).iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    }
}
