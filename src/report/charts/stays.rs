//! When one problem was there: a bar for each time on a line of looks.

use jiff::Timestamp;

use super::{
    Drawing, Ink, measure,
    pen::{BODY, SMALL, circle, line, rect},
    timeline::{Timeline, spread},
};
use crate::{checks::Severity, words};

const LEFT: f64 = 16.0;
const RIGHT: f64 = 16.0;
/// Upper edge and height of the bars.
const TOP: f64 = 26.0;
const BAR: f64 = 26.0;
/// What is shorter than this would not be seen.
const LEAST: f64 = 3.0;

/// A time in which a problem was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Stay {
    /// The first look that saw it.
    pub from: Timestamp,
    /// The first look that no longer saw it; none while it is there.
    pub to: Option<Timestamp>,
    /// How bad it was.
    pub severity: Option<Severity>,
}

/// A look at the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// When.
    pub at: Timestamp,
    /// Whether it could tell.
    pub told: bool,
}

/// The chart in this width with a title and words that say what it shows; none with fewer than two looks.
pub fn stays(stays: &[Stay], looks: &[Looked], (title, says): (&str, &str), name: &str, width: f64) -> Option<Drawing> {
    let last = looks.last().filter(|_| looks.len() > 1)?.at;
    let axis = Timeline::new(looks.iter().map(|l| l.at), LEFT, width - RIGHT);
    let base = TOP + BAR;
    let mut d = Drawing::new(name, title, (width, base + 56.0));
    d.words = says.to_owned();
    d.fill(Ink::Track, rect(axis.left, base - 2.0, axis.right - axis.left, 2.0));
    let mut free = 0.0;
    for stay in stays {
        let (from, to) = (axis.x(stay.from).max(axis.left), axis.x(stay.to.unwrap_or(last)).min(axis.right));
        let long = (to - from).max(LEAST);
        // One that is shorter than a hair still stands within the chart.
        let from = from.min(axis.right - long);
        d.fill(ink(stay.severity), rect(from, TOP, long, BAR));
        let text = words::span(stay.from, stay.to.unwrap_or(last));
        let wide = measure::width(&text, SMALL.size, false);
        let x = from.min(axis.right - wide);
        if x >= free {
            d.text((x, TOP - 8.0), SMALL, text);
            free = x + wide + 10.0;
        }
    }
    // A look that could not tell is a ring, the others are dots.
    for look in looks.iter().filter(|_| looks.len() <= 120) {
        let at = (axis.x(look.at), base + 9.0);
        if look.told {
            d.fill(Ink::Soft, circle(at, 1.75));
        } else {
            d.stroke(line(Ink::Soft, 1.0), circle(at, 2.5));
        }
    }
    for tick in spread(axis.ticks(), SMALL.size, (0.0, width)) {
        d.text((tick.x, base + 28.0), SMALL.middle(), tick.text);
    }
    let unsure = looks.iter().any(|l| !l.told);
    let key = if unsure {
        "A bar: it was there. A dot: a look. A ring: a look that could not tell."
    } else {
        "A bar: it was there. A dot: a look."
    };
    d.text((axis.left, base + 48.0), BODY.ink(Ink::Soft), measure::fit(key, BODY.size, false, width - LEFT - RIGHT));
    Some(d)
}

fn ink(severity: Option<Severity>) -> Ink {
    match severity {
        Some(Severity::Critical) => Ink::Critical,
        Some(Severity::High) | None => Ink::High,
        Some(Severity::Medium) => Ink::Medium,
        Some(Severity::Low | Severity::Info) => Ink::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::svg;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + day * 86_400).unwrap()
    }

    #[test]
    fn each_time_is_a_bar_and_what_could_not_be_told_is_a_ring() {
        let looks: Vec<Looked> = (0..5).map(|n| Looked { at: at(n * 7), told: n != 2 }).collect();
        let times =
            [Stay { from: at(0), to: Some(at(7)), severity: None }, Stay { from: at(21), to: None, severity: None }];
        let picture = svg(&stays(&times, &looks, ("t", "w"), "n", 720.0).unwrap());
        assert!(picture.contains("7 days") && picture.contains("could not tell") && !picture.contains("NaN"));
        assert_eq!(stays(&times, &looks[..1], ("t", "w"), "n", 720.0), None);
    }

    #[test]
    fn wild_times_are_still_a_picture() {
        let looks = [Looked { at: Timestamp::MIN, told: true }, Looked { at: Timestamp::MAX, told: true }];
        let times = [Stay { from: Timestamp::MAX, to: Some(Timestamp::MIN), severity: Some(Severity::Low) }];
        assert!(!svg(&stays(&times, &looks, ("t", "w"), "n", 300.0).unwrap()).contains("NaN"));
    }
}
