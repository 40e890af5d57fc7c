//! A dial from 0 to 100 with the ranges of the grades around it and the grade in its middle.

use super::{
    Drawing, Ink, Stroke,
    pen::{SMALL, arc, from_to, line},
    risk_or_worst, says,
};
use crate::{score::Grade, words};

const CENTRE: (f64, f64) = (120.0, 122.0);
const RADIUS: f64 = 88.0;
const THICK: f64 = 16.0;

/// The dial.
pub fn gauge(risk: f64, grade: Grade) -> Drawing {
    let risk = risk_or_worst(risk);
    let mut dial = Drawing::new("gauge", "Grade and risk", (240.0, 212.0));
    dial.words = says::gauge(risk, grade);
    // A small gap shows where one grade ends and the next begins.
    let bands = || Grade::BANDS.into_iter().map(|(from, to, _)| (from + 0.55, to - 0.55));
    for (start, end) in bands() {
        dial.stroke(line(Ink::Track, THICK), part(start, end));
    }
    let full = Ink::of(grade);
    for (start, end) in bands().filter(|(start, _)| risk > *start) {
        dial.stroke(line(full, THICK), part(start, end.min(risk).max(start + 0.01)));
    }
    for (from, to, band) in Grade::BANDS {
        let (x, y) = on_dial(f64::midpoint(from, to), RADIUS + 21.0);
        let look = if band == grade { SMALL.size(13.0).bold().ink(Ink::Ink) } else { SMALL };
        dial.text((x, y + 4.3), look.middle(), band.letter());
    }
    let mark = |reach: f64| from_to(on_dial(risk, RADIUS - reach), on_dial(risk, RADIUS + reach));
    for (ink, width) in [(Ink::Paper, 10.0), (Ink::Ink, 5.0)] {
        dial.stroke(Stroke { ink, width, dash: None, round: true }, mark(THICK / 2.0 + 1.5));
    }
    dial.text((CENTRE.0, 139.0), SMALL.size(78.0).bold().ink(Ink::Ink).middle(), grade.letter());
    dial.text((CENTRE.0, 168.0), SMALL.size(14.5).middle(), format!("Risk {} of 100", words::whole(risk)));
    for (value, text) in [(0.0, "0"), (100.0, "100")] {
        let (x, _) = on_dial(value, RADIUS);
        dial.text((x, 207.0), SMALL.size(11.0).middle(), text);
    }
    dial
}

/// A point of the dial: 0 at the lower left, 100 at the lower right, clockwise.
fn on_dial(value: f64, radius: f64) -> (f64, f64) {
    let (sin, cos) = angle(value).to_radians().sin_cos();
    (CENTRE.0 + radius * cos, CENTRE.1 + radius * sin)
}

fn angle(value: f64) -> f64 {
    135.0 + 2.7 * value
}

fn part(from: f64, to: f64) -> Vec<super::Segment> {
    arc(CENTRE, RADIUS, angle(from), angle(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::{Shape, tests::texts};

    #[test]
    fn the_dial_marks_the_grade_even_where_a_critical_problem_caps_it() {
        let dial = gauge(40.0, Grade::D);
        let bold = |s: &Shape| matches!(s, Shape::Text { bold: true, text, .. } if text == "D");
        assert_eq!(dial.shapes.iter().filter(|s| bold(s)).count(), 2, "on the dial and in its middle");
        assert!(texts(&dial).contains(&"Risk 40 of 100"));
    }

    #[test]
    fn no_risk_fills_nothing_and_an_unknown_one_is_not_taken_for_none() {
        let filled = |d: &Drawing| {
            let full = [Ink::Good, Ink::Fill, Ink::High];
            d.shapes.iter().any(|s| matches!(s, Shape::Path { stroke: Some(s), .. } if full.contains(&s.ink)))
        };
        assert!(!filled(&gauge(0.0, Grade::A)));
        assert!(filled(&gauge(1.0, Grade::A)));
        assert!(texts(&gauge(f64::NAN, Grade::F)).contains(&"Risk 100 of 100"));
    }
}
