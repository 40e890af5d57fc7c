//! A time axis: where a time lies on it, and which dates to write below it.

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::measure;

/// A stretch of time on a stretch of the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeline {
    start: i64,
    end: i64,
    pub left: f64,
    pub right: f64,
}

/// A date on the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub x: f64,
    pub text: String,
}

/// What lies between two ticks.
#[derive(Debug, Clone, Copy)]
enum Step {
    Seconds(i64),
    Days(i64),
    Months(i64),
}

const DAY: i64 = 86_400;

/// Steps that people think in, the smallest first.
const STEPS: [Step; 22] = [
    Step::Seconds(60),
    Step::Seconds(300),
    Step::Seconds(900),
    Step::Seconds(1800),
    Step::Seconds(3600),
    Step::Seconds(3 * 3600),
    Step::Seconds(6 * 3600),
    Step::Seconds(12 * 3600),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(1200),
    Step::Months(60_000),
];

/// Room from one label to the next.
const APART: f64 = 66.0;

impl Step {
    fn seconds(self) -> i64 {
        match self {
            Step::Seconds(n) => n,
            Step::Days(n) => n * DAY,
            Step::Months(n) => n * 30 * DAY,
        }
    }
}

impl Timeline {
    /// From the first of these times to the last.
    pub(super) fn new(times: impl Iterator<Item = Timestamp> + Clone, left: f64, right: f64) -> Self {
        let seconds = times.map(Timestamp::as_second);
        let (start, end) = (seconds.clone().min().unwrap_or(0), seconds.max().unwrap_or(0));
        Timeline { start, end, left, right }
    }

    /// Seconds it covers.
    pub(super) fn span(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether a time lies on it.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        (self.start..=self.end).contains(&at.as_second())
    }

    /// Where a time lies. Where all times are the same: at the end.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        self.place(at.as_second())
    }

    fn place(&self, second: i64) -> f64 {
        if self.span() == 0 {
            return self.right;
        }
        let share = second.saturating_sub(self.start) as f64 / self.span() as f64;
        self.left + (self.right - self.left) * share.clamp(0.0, 1.0)
    }

    /// Dates that people know, as many as have room; the first and the last time where there are fewer than two.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let room = ((self.right - self.left) / APART).floor().max(2.0);
        let fits = |step: &&Step| self.span() as f64 / step.seconds() as f64 <= room + 0.5;
        let step = STEPS.iter().find(fits).copied().unwrap_or(Step::Months(60_000));
        let ticks = match step {
            Step::Seconds(n) => self.regular(n, 0),
            // Weeks begin on Monday; day 0 was a Thursday.
            Step::Days(n) => self.regular(n * DAY, if n % 7 == 0 { 4 * DAY } else { 0 }),
            Step::Months(n) => self.months(n),
        };
        if ticks.len() < 2 { self.ends() } else { ticks }
    }

    fn regular(&self, step: i64, offset: i64) -> Vec<Tick> {
        let behind = self.start.saturating_sub(offset).rem_euclid(step);
        let first = if behind == 0 { self.start } else { self.start.saturating_add(step - behind) };
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= self.end {
            let format = if step % DAY == 0 || at.rem_euclid(DAY) == 0 { "%-d %b" } else { "%H:%M" };
            ticks.push(Tick { x: self.place(at), text: text(at, format) });
            at = at.saturating_add(step);
        }
        ticks
    }

    fn months(&self, step: i64) -> Vec<Tick> {
        let Ok(start) = Timestamp::from_second(self.start) else { return Vec::new() };
        let date = Offset::UTC.to_datetime(start).date();
        let mut month = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1).div_euclid(step) * step;
        let mut ticks = Vec::new();
        while let Some(at) = first_of(month).filter(|at| *at <= self.end) {
            if at >= self.start {
                let format = match step {
                    12.. => "%Y",
                    _ if ticks.is_empty() || month.rem_euclid(12) == 0 => "%b %Y",
                    _ => "%b",
                };
                ticks.push(Tick { x: self.place(at), text: text(at, format) });
            }
            month += step;
        }
        ticks
    }

    fn ends(&self) -> Vec<Tick> {
        let format = match self.span() {
            ..129_600 => "%-d %b, %H:%M",
            129_600..31_536_000 => "%-d %b",
            _ => "%b %Y",
        };
        let mut ends: Vec<Tick> =
            [self.start, self.end].map(|at| Tick { x: self.place(at), text: text(at, format) }).to_vec();
        ends.dedup_by(|a, b| a.text == b.text);
        ends
    }
}

/// The first second of a month, counted from the year 0; none outside the calendar.
fn first_of(month: i64) -> Option<i64> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    // Steps may begin before the calendar does.
    let date = Date::new(year.max(-9998), month, 1).ok()?;
    Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(Timestamp::as_second)
}

fn text(second: i64, format: &str) -> String {
    Timestamp::from_second(second).map_or_else(|_| String::new(), |at| at.strftime(format).to_string())
}

/// Where labels stand that are centred on these places: none leaves the space between two ends, none touches the one
/// before it. Those without room are left out.
pub(super) fn spread(ticks: Vec<Tick>, size: f64, (left, right): (f64, f64)) -> Vec<Tick> {
    let mut free = left;
    let mut out = Vec::new();
    for tick in ticks {
        let half = measure::width(&tick.text, size, false) / 2.0;
        let x = tick.x.clamp(left + half, (right - half).max(left + half));
        if x - half >= free && x + half <= right && !tick.text.is_empty() {
            free = x + half + 10.0;
            out.push(Tick { x, ..tick });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(from: &str, to: &str, width: f64) -> Vec<String> {
        let times: Vec<Timestamp> = vec![from.parse().unwrap(), to.parse().unwrap()];
        Timeline::new(times.into_iter(), 0.0, width).ticks().into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn the_dates_are_those_that_people_know() {
        assert_eq!(
            line("2026-05-27T03:00:00Z", "2026-11-25T03:00:00Z", 600.0),
            ["Jun 2026", "Jul", "Aug", "Sep", "Oct", "Nov"]
        );
        assert_eq!(
            line("2026-10-01T03:00:00Z", "2027-03-02T03:00:00Z", 600.0),
            ["Nov 2026", "Dec", "Jan 2027", "Feb", "Mar"]
        );
        assert_eq!(line("2023-11-20T03:00:00Z", "2026-11-25T03:00:00Z", 260.0), ["2024", "2025", "2026"]);
        // Mondays.
        assert_eq!(line("2026-11-01T03:00:00Z", "2026-11-25T03:00:00Z", 400.0), ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]);
        assert_eq!(
            line("2026-11-24T20:30:00Z", "2026-11-25T09:00:00Z", 400.0),
            ["21:00", "25 Nov", "03:00", "06:00", "09:00"]
        );
        assert_eq!(line("2026-11-24T20:30:00Z", "2026-11-24T20:30:30Z", 400.0), ["24 Nov, 20:30"]);
    }

    proptest! {
        #[test]
        fn any_span_has_few_labels_and_all_lie_on_it(a in any::<i64>(), span in 0_i64..1 << 40, width in 150.0..700.0_f64) {
            let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
            let start = a.rem_euclid(max - min) + min;
            let times = [start, start.saturating_add(span).min(max)].map(|s| Timestamp::from_second(s).unwrap());
            let ticks = Timeline::new(times.into_iter(), 10.0, width).ticks();
            prop_assert!((1..=12).contains(&ticks.len()), "{ticks:?}");
            prop_assert!(ticks.iter().all(|t| (10.0..=width).contains(&t.x) && !t.text.is_empty()), "{ticks:?}");
        }
    }
}
