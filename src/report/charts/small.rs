//! A line that stands beside its number in a mail: no text in it, since a picture cannot follow the reader's size of type
//! and colours. What its edges and ends mean is said beside it and in its words.

use jiff::Timestamp;

use super::{
    Drawing, Ink, POINTS, Stroke,
    pen::{circle, from_to, line, through},
    says,
    timeline::Timeline,
    usable,
};
use crate::{report::model::ScorePoint, score::Grade};

/// Room for the end of the line.
const EDGE: f64 = 6.0;
/// From here on the line of something that fills has the colour of trouble, in percent.
const FULL: f64 = 90.0;

/// The risk over time, with a line where each grade ends; none with fewer than two audits.
pub fn small_risk(points: &[ScorePoint], name: &str, size: (f64, f64)) -> Option<Drawing> {
    let points = usable(points);
    let most = points.iter().map(|p| p.risk).fold(0.0, f64::max);
    let top = [25.0, 45.0, 70.0].into_iter().find(|t| most <= t - 2.0).unwrap_or(100.0);
    let mut edges: Vec<f64> = Grade::BANDS.into_iter().map(|(from, ..)| from).filter(|from| *from < top).collect();
    edges.push(top);
    let values: Vec<(Timestamp, f64)> = points.iter().map(|p| (p.started, p.risk)).collect();
    let mut d = Drawing::new(name, "Risk over time", size);
    d.words = says::history(&points, &[]);
    drawn(d, &values, &edges, Ink::Accent)
}

/// How full something was over time, in percent, from empty to full; none with fewer than two values. Values that cannot
/// be, and those with a time after the last one's, are left out.
pub fn fill(what: &str, points: &[(Timestamp, f64)], name: &str, size: (f64, f64)) -> Option<Drawing> {
    let values = filled(points);
    let now = values.last()?.1;
    let mut d = Drawing::new(name, &format!("{what}: percent used"), size);
    d.words = says::fill(&values);
    drawn(d, &values, &[0.0, 50.0, 100.0], if now >= FULL { Ink::High } else { Ink::Accent })
}

/// The last values in the order of time, without those that cannot be.
fn filled(points: &[(Timestamp, f64)]) -> Vec<(Timestamp, f64)> {
    let end = points.last().map(|p| p.0);
    let mut values: Vec<(Timestamp, f64)> =
        points.iter().copied().filter(|(at, v)| (0.0..=100.0).contains(v) && Some(*at) <= end).collect();
    values.sort_by_key(|(at, _)| *at);
    values.split_off(values.len().saturating_sub(POINTS))
}

/// The line of these values, from the first of the edges to the last.
fn drawn(mut d: Drawing, values: &[(Timestamp, f64)], edges: &[f64], ink: Ink) -> Option<Drawing> {
    let (low, high) = (edges.first()?, edges.last()?);
    if values.len() < 2 {
        return None;
    }
    let axis = Timeline::new(values.iter().map(|(at, _)| *at), 1.5, d.width - EDGE);
    let y = |v: f64| d.height - EDGE - (d.height - 2.0 * EDGE) * (v.clamp(*low, *high) - low) / (high - low);
    let last = values.len() - 1;
    let x = |(n, at): (usize, Timestamp)| match axis.span() {
        0 => axis.left + (axis.right - axis.left) * n as f64 / last as f64,
        _ => axis.x(at),
    };
    let at: Vec<(f64, f64)> = values.iter().enumerate().map(|(n, (at, v))| (x((n, *at)), y(*v))).collect();
    let (from, to, end) = (at.first()?.0, at.last()?.0, *at.last()?);
    let base = y(*low);
    let lines: Vec<f64> = edges.iter().map(|v| y(*v)).collect();

    let mut ground = vec![(from, base)];
    ground.extend(&at);
    ground.push((to, base));
    d.fill(Ink::Wash, through(&ground));
    for y in lines {
        d.stroke(line(Ink::Grid, 1.0), from_to((axis.left, y), (axis.right, y)));
    }
    d.stroke(Stroke { ink, width: 2.0, dash: None, round: true }, through(&at));
    d.fill(ink, circle(end, 4.0));
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::{
        Shape,
        tests::{day, looks, texts},
    };

    #[test]
    fn one_value_is_no_line_and_what_cannot_be_is_left_out() {
        assert_eq!(small_risk(&looks(&[12.0]), "r", (200.0, 50.0)), None);
        let values = [(day(0), 20.0), (day(1), f64::NAN), (day(2), 180.0), (day(9), 50.0), (day(3), 30.0)];
        assert_eq!(filled(&values), [(day(0), 20.0), (day(3), 30.0)]);
        assert_eq!(fill("Disk", &values[..3], "f", (200.0, 50.0)), None);
    }

    #[test]
    fn it_has_no_text_in_it_and_trouble_has_its_colour() {
        let ink = |now: f64| {
            let chart = fill("Disk", &[(day(0), 20.0), (day(3), now)], "f", (200.0, 50.0)).unwrap();
            assert!(texts(&chart).is_empty());
            match chart.shapes.last() {
                Some(Shape::Path { fill: Some(ink), .. }) => *ink,
                other => panic!("no end: {other:?}"),
            }
        };
        assert_eq!((ink(89.0), ink(90.0)), (Ink::Accent, Ink::High));
    }
}
