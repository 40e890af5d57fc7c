//! The line of the risk over the audits, between the lines at which the grades change, with what happened meanwhile.

use super::{
    Drawing, Ink, Stroke, events,
    measure::{self, Room},
    pen::{BODY, SMALL, circle, from_to, line, rect, through},
    says,
    timeline::{Timeline, spread},
    usable,
};
use crate::{
    report::model::{Event, ScorePoint},
    score::Grade,
    words,
};

/// With more audits than this there are no dots on the line.
const DOTS: usize = 26;

const LEFT: f64 = 48.0;
const RIGHT: f64 = 48.0;
const TOP: f64 = 20.0;

/// The chart in this width; none with fewer than two audits. Audits with a date after the last one are left out: the
/// clock was wrong.
pub fn history(points: &[ScorePoint], events: &[Event], name: &str, width: f64) -> Option<Drawing> {
    let points = usable(points);
    let last = points.last().filter(|_| points.len() > 1)?;
    let axis = Timeline::new(points.iter().map(|p| p.started), LEFT + 8.0, width - RIGHT);
    let frame = Frame::new(&points, axis, if width < 480.0 { 150.0 } else { 172.0 });
    let at: Vec<(f64, f64)> = points.iter().enumerate().map(|(n, p)| frame.place(n, points.len(), p)).collect();

    let marks = events::choose(events, &axis, width);
    let base = frame.y(0.0);
    let dates = base + 18.0 + if marks.is_empty() { 0.0 } else { events::ROW };
    let key = dates + 6.0;
    let mut d = Drawing::new(name, "Risk over time", (width, (key + marks.key_height()).ceil()));
    d.words = says::history(&points, events);

    let (left, right) = (at.first()?.0, at.last()?.0);
    let mut ground = vec![(left, base)];
    ground.extend(&at);
    ground.push((right, base));
    d.fill(Ink::Wash, through(&ground));
    frame.grid(&mut d, last.grade);
    marks.draw(&mut d, &axis, base, |x| curve(&at, x));
    d.stroke(Stroke { ink: Ink::Accent, width: 2.25, dash: None, round: true }, through(&at));
    if points.len() <= DOTS {
        at.iter().rev().skip(1).for_each(|p| d.fill(Ink::Accent, circle(*p, 2.75)));
    }
    d.fill(Ink::Paper, circle(*at.last()?, 7.0));
    d.fill(Ink::Accent, circle(*at.last()?, 5.0));
    values(&mut d, &points, &at, base);

    for tick in spread(axis.ticks(), SMALL.size, (LEFT - 4.0, width)) {
        d.text((tick.x, dates), SMALL.middle(), tick.text);
    }
    marks.key(&mut d, key);
    Some(d)
}

/// Where values and times lie on the chart.
struct Frame {
    axis: Timeline,
    top: f64,
    height: f64,
}

impl Frame {
    /// The scale ends where a grade does.
    fn new(points: &[&ScorePoint], axis: Timeline, height: f64) -> Self {
        let most = points.iter().map(|p| p.risk).fold(0.0, f64::max);
        let top = [25.0, 45.0, 70.0].into_iter().find(|t| most <= t - 2.0).unwrap_or(100.0);
        Frame { axis, top, height }
    }

    fn y(&self, risk: f64) -> f64 {
        TOP + self.height - self.height * risk.clamp(0.0, self.top) / self.top
    }

    /// By time; by order where all were made at once.
    fn place(&self, n: usize, count: usize, point: &ScorePoint) -> (f64, f64) {
        let x = if self.axis.span() > 0 {
            self.axis.x(point.started)
        } else {
            self.axis.left + (self.axis.right - self.axis.left) * n as f64 / count.saturating_sub(1).max(1) as f64
        };
        (x, self.y(point.risk))
    }

    /// A line where one grade ends and the next begins, with its number, and the grades between them.
    fn grid(&self, d: &mut Drawing, now: Grade) {
        let bands: Vec<_> = Grade::BANDS.into_iter().filter(|(from, ..)| *from < self.top).collect();
        let bounds: Vec<f64> = bands.iter().map(|(from, ..)| *from).chain([self.top]).collect();
        for risk in &bounds {
            d.stroke(line(Ink::Grid, 1.0), from_to((LEFT, self.y(*risk)), (self.axis.right, self.y(*risk))));
        }
        for risk in &bounds {
            d.text((LEFT - 8.0, self.y(*risk) + 4.0), SMALL.size(11.0).end(), words::whole(*risk));
        }
        for (from, to, grade) in bands {
            let look = if grade == now { SMALL.bold().ink(Ink::Ink) } else { SMALL };
            let middle = self.y(f64::midpoint(from, to));
            d.text((6.0, middle + 4.3), look.middle(), grade.letter());
        }
    }
}

/// Height of the line at `x`.
fn curve(at: &[(f64, f64)], x: f64) -> f64 {
    let next = at.iter().position(|p| p.0 >= x).unwrap_or(at.len().saturating_sub(1));
    match (at.get(next.saturating_sub(1)), at.get(next)) {
        (Some(a), Some(b)) if b.0 - a.0 > 0.01 => a.1 + (b.1 - a.1) * ((x - a.0) / (b.0 - a.0)).clamp(0.0, 1.0),
        // Where the line is upright: its lower end.
        (Some(a), Some(b)) => a.1.max(b.1),
        _ => 0.0,
    }
}

/// The value now, the highest and the first, where they have room.
fn values(d: &mut Drawing, points: &[&ScorePoint], at: &[(f64, f64)], base: f64) {
    let (Some(last), Some(now)) = (points.last(), at.last()) else { return };
    d.text((now.0 + 11.0, now.1.min(base - 4.0) + 5.4), BODY.size(15.0).bold(), words::whole(last.risk));
    let mut taken = vec![Room { left: now.0 - 10.0, top: now.1 - 12.0, right: d.width, bottom: now.1 + 12.0 }];
    let highest = points.iter().enumerate().rev().max_by(|a, b| a.1.risk.total_cmp(&b.1.risk)).map_or(0, |(n, _)| n);
    let falls = points.first().map(|p| p.risk) >= points.get(1).map(|p| p.risk);
    for (n, above) in [(highest, true), (0, falls || highest == 0)] {
        let (Some(point), Some((x, y))) = (points.get(n), at.get(n)) else { continue };
        let text = words::whole(point.risk);
        // The same as now says nothing new.
        if point.risk.round() == last.risk.round() {
            continue;
        }
        let half = measure::width(&text, SMALL.size, true) / 2.0;
        let x = x.max(LEFT + 2.0 + half);
        let y = if above { y - 8.0 } else { y + 17.0 };
        let room = Room { left: x - half - 1.0, top: y - 10.0, right: x + half + 1.0, bottom: y + 1.0 };
        if room.bottom < base && !taken.iter().any(|t| t.meets(&room)) && !crossed(at, &room) {
            if above {
                d.fill(Ink::Paper, rect(room.left, room.top, room.right - room.left, room.bottom - room.top));
            }
            d.text((x, y), SMALL.bold().middle(), text);
            taken.push(room);
        }
    }
}

/// Whether the line runs through this room.
fn crossed(at: &[(f64, f64)], room: &Room) -> bool {
    at.windows(2).any(|pair| match pair {
        [a, b] if a.0.min(b.0) < room.right && a.0.max(b.0) > room.left => {
            // The part of the line above the room.
            let (from, to) = (curve(pair, room.left.max(a.0)), curve(pair, room.right.min(b.0)));
            let (top, bottom) = if b.0 - a.0 > 0.01 { (from, to) } else { (a.1, b.1) };
            top.min(bottom) < room.bottom && top.max(bottom) > room.top
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::tests::{day, event, looks, texts};
    use crate::report::model::EventKind;

    #[test]
    fn one_look_is_no_line() {
        assert_eq!(history(&looks(&[12.0]), &[], "h", 680.0), None);
        assert_eq!(history(&[], &[], "h", 680.0), None);
    }

    #[test]
    fn it_names_the_value_now_and_the_highest() {
        let chart = history(&looks(&[51.0, 60.0, 38.0]), &[], "h", 680.0).unwrap();
        let texts = texts(&chart);
        for text in ["38", "60", "51", "A", "C", "70"] {
            assert!(texts.contains(&text), "{text} in {texts:?}");
        }
        assert!(!texts.contains(&"100"), "the scale ends where the grade does");
    }

    #[test]
    fn an_audit_from_the_future_does_not_squeeze_the_rest() {
        let mut points = looks(&[10.0, 99.0, 20.0, 30.0]);
        points[1].started = jiff::Timestamp::MAX;
        let chart = history(&points, &[], "h", 680.0).unwrap();
        assert!(!texts(&chart).contains(&"99"));
    }

    #[test]
    fn rare_events_are_named_and_many_updates_are_dots() {
        let mut events: Vec<Event> = (0..20).map(|n| event(day(n), EventKind::Updates, "Updates came")).collect();
        events.push(event(day(5), EventKind::Release, "The system became Debian 13"));
        let chart = history(&looks(&[40.0; 21]), &events, "h", 680.0).unwrap();
        let texts = texts(&chart);
        assert!(texts.contains(&"The system became Debian 13"));
        assert_eq!(texts.iter().filter(|t| **t == "Updates came").count(), 5);
        assert!(texts.iter().any(|t| t.contains("15 other times")), "{texts:?}");
    }
}
