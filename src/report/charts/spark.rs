//! A line so small that it stands in a table or a sentence: no axis, only how it went and where it is now.

use super::{
    Drawing, Ink, Stroke,
    pen::{circle, through},
    says,
};

/// The line of these risks, oldest first; none with fewer than two. All have one scale, so that two can be compared.
pub fn spark(risks: &[f64], name: &str, (width, height): (f64, f64)) -> Option<Drawing> {
    let values: Vec<f64> = risks.iter().copied().filter(|v| v.is_finite()).map(|v| v.clamp(0.0, 100.0)).collect();
    let (first, last) = (values.first()?, values.last()?);
    if values.len() < 2 {
        return None;
    }
    let mut d = Drawing::new(name, "How it went", (width, height));
    d.words = says::spark(*first, *last);
    let edge = 3.5;
    let at = |(n, v): (usize, &f64)| {
        let x = edge + (width - 2.0 * edge) * n as f64 / (values.len() - 1) as f64;
        (x, height - edge - (height - 2.0 * edge) * v / 100.0)
    };
    let line: Vec<(f64, f64)> = values.iter().enumerate().map(at).collect();
    d.stroke(Stroke { ink: Ink::Accent, width: 1.5, dash: None, round: true }, through(&line));
    d.fill(Ink::Accent, circle(*line.last()?, 2.75));
    Some(d)
}

/// A course from nothing to its most; where there is no value the line is broken. None where no two values are.
pub fn course(values: &[Option<f64>], words: &str, name: &str, (width, height): (f64, f64)) -> Option<Drawing> {
    let known = || values.iter().flatten().copied().filter(|v| v.is_finite());
    let (least, most) = (known().fold(0.0, f64::min), known().fold(0.0, f64::max));
    if known().count() < 2 {
        return None;
    }
    let mut d = Drawing::new(name, "How it went", (width, height));
    words.clone_into(&mut d.words);
    let edge = 3.5;
    let span = (most - least).max(f64::MIN_POSITIVE);
    let place = |n: usize, v: f64| {
        let x = edge + (width - 2.0 * edge) * n as f64 / (values.len() - 1) as f64;
        (x, height - edge - (height - 2.0 * edge) * (v - least) / span)
    };
    let at = |(n, v): (usize, &Option<f64>)| v.filter(|v| v.is_finite()).map(|v| place(n, v));
    let all: Vec<Option<(f64, f64)>> = values.iter().enumerate().map(at).collect();
    for part in all.split(Option::is_none) {
        let part: Vec<(f64, f64)> = part.iter().flatten().copied().collect();
        if part.len() > 1 {
            d.stroke(Stroke { ink: Ink::Accent, width: 1.25, dash: None, round: true }, through(&part));
        }
    }
    d.fill(Ink::Accent, circle(*all.iter().flatten().last()?, 2.25));
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::Shape;

    #[test]
    fn it_says_where_it_began_and_where_it_is() {
        assert_eq!(spark(&[51.0, f64::NAN, 38.0], "s", (90.0, 20.0)).unwrap().words, "From 51 to 38.");
        assert_eq!(spark(&[51.0], "s", (90.0, 20.0)), None);
    }

    #[test]
    fn a_course_breaks_where_nothing_was_measured() {
        let lines = |values: &[Option<f64>]| {
            let drawing = course(values, "It rose.", "c", (90.0, 20.0))?;
            Some(drawing.shapes.iter().filter(|s| matches!(s, Shape::Path { stroke: Some(_), .. })).count())
        };
        assert_eq!(lines(&[Some(1.0), Some(2.0), None, Some(3.0), Some(1.0)]), Some(2));
        assert_eq!(lines(&[Some(0.0), Some(0.0)]), Some(1), "nothing is a value, too");
        assert_eq!(lines(&[Some(1.0), None, Some(f64::NAN)]), None);
        assert_eq!(lines(&[]), None);
    }
}
