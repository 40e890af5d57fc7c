//! Charts as SVG text: geometry only, no files and no state, so that every renderer can use the same picture.
//!
//! Colours are presentation attributes, readable in grey and by colour-blind people; a page may restyle them through
//! the classes.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::model::ScorePoint;
use crate::score::Grade;

/// How many of the last audits the line shows.
const POINTS: usize = 120;

/// Text as it may stand in an element or an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

/// Characters that could form markup here, or an instruction for a template engine the page is pasted into.
pub(super) fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '`' => Some("&#96;"),
        '{' => Some("&#123;"),
        '}' => Some("&#125;"),
        _ => None,
    }
}

/// A dial from 0 to 100 with the ranges of the grades around it and the grade in its middle.
pub(super) fn gauge(risk: f64, grade: Grade) -> String {
    let risk = risk.clamp(0.0, 100.0);
    let mut svg = opening("gauge", 240.0, 216.0, "Risk", &gauge_words(risk, grade));
    for (from, to, band) in Grade::BANDS {
        // A small gap shows where one grade ends and the next begins.
        let (start, end) = (from + 0.55, to - 0.55);
        let _ = write!(svg, r##"<path class="track" d="{}" fill="none" stroke="#dcd8d0"/>"##, arc(start, end));
        if risk > start {
            let _ = write!(
                svg,
                r##"<path class="fill" d="{}" fill="none" stroke="#7a5c12"/>"##,
                arc(start, end.min(risk).max(start + 0.01))
            );
        }
        let (x, y) = on_dial(f64::midpoint(from, to), 109.0);
        let class = if band == grade { "band on" } else { "band" };
        let _ = write!(
            svg,
            r#"<text class="{class}" x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="12">{}</text>"#,
            y + 4.2,
            band.letter()
        );
    }
    let (x, y) = on_dial(risk, 88.0);
    let _ = write!(svg, r##"<circle class="needle" cx="{x:.1}" cy="{y:.1}" r="9" fill="#1c2126"/>"##);
    let _ = write!(
        svg,
        r#"<text class="letter" x="120" y="137" text-anchor="middle" font-size="76" font-weight="700">{}</text>"#,
        grade.letter()
    );
    let _ = write!(
        svg,
        r#"<text class="small" x="120" y="171" text-anchor="middle" font-size="15">Risk {risk:.0} of 100</text></svg>"#
    );
    svg
}

fn gauge_words(risk: f64, grade: Grade) -> String {
    format!(
        "Grade {}. The risk is {risk:.0} on a scale from 0, nothing known, to 100, certain trouble.",
        grade.letter()
    )
}

/// A point of the dial: 0 at the lower left, 100 at the lower right, clockwise.
fn on_dial(value: f64, radius: f64) -> (f64, f64) {
    let angle = (135.0 + 2.7 * value).to_radians();
    (120.0 + radius * angle.cos(), 122.0 + radius * angle.sin())
}

fn arc(from: f64, to: f64) -> String {
    let ((x1, y1), (x2, y2)) = (on_dial(from, 88.0), on_dial(to, 88.0));
    let large = u8::from((to - from) * 2.7 > 180.0);
    format!("M{x1:.1} {y1:.1}A88 88 0 {large} 1 {x2:.1} {y2:.1}")
}

/// The line of the risk over the audits, oldest first; none with fewer than two.
///
/// `name` makes the ids unique where a page holds the chart in two widths.
pub(super) fn history(points: &[ScorePoint], name: &str, width: f64) -> Option<String> {
    let points = points.get(points.len().saturating_sub(POINTS)..)?;
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < 2 {
        return None;
    }
    let frame = Frame::new(points, width);
    let mut svg = opening(name, width, HEIGHT, "Risk over time", &history_words(points));
    frame.grid(&mut svg);
    frame.dates(&mut svg, first.started, last.started);
    let at: Vec<(f64, f64)> = points.iter().enumerate().map(|(n, p)| frame.place(n, p)).collect();
    let line = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect::<Vec<_>>().join("L");
    let (left, right) = (at.first()?.0, at.last()?.0);
    let floor = frame.y(0.0);
    let _ = write!(
        svg,
        r##"<path class="area" d="M{left:.1} {floor:.1}L{line}L{right:.1} {floor:.1}Z" fill="#1f5fa8" fill-opacity=".1"/><path class="line" d="M{line}" fill="none" stroke="#1f5fa8" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"/>"##
    );
    if points.len() <= 24 {
        for (x, y) in at.iter().rev().skip(1) {
            let _ = write!(svg, r##"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="3" fill="#1f5fa8"/>"##);
        }
    }
    let (x, y) = *at.last()?;
    let _ = write!(
        svg,
        r##"<circle class="now" cx="{x:.1}" cy="{y:.1}" r="5.5" fill="#1f5fa8"/><text class="value" x="{x:.1}" y="{:.1}" text-anchor="end" font-size="15" font-weight="700">{:.0}</text></svg>"##,
        (y - 12.0).max(14.0),
        last.risk
    );
    Some(svg)
}

/// Height of the chart.
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 32.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 30.0;

/// Where values and times lie on the chart.
struct Frame {
    width: f64,
    top: f64,
    count: usize,
    start: i64,
    span: i64,
}

impl Frame {
    fn new(points: &[ScorePoint], width: f64) -> Self {
        let most = points.iter().map(|p| p.risk).fold(0.0, f64::max);
        let top = [25.0, 45.0, 70.0].into_iter().find(|t| most <= t - 2.0).unwrap_or(100.0);
        let start = points.first().map_or(0, |p| p.started.as_second());
        let end = points.last().map_or(0, |p| p.started.as_second());
        Frame { width, top, count: points.len(), start, span: end.saturating_sub(start) }
    }

    fn y(&self, risk: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * risk.clamp(0.0, self.top) / self.top
    }

    fn x(&self, share: f64) -> f64 {
        LEFT + 8.0 + (self.width - LEFT - RIGHT - 16.0) * share.clamp(0.0, 1.0)
    }

    /// By time; by order where all were made at once.
    fn place(&self, n: usize, point: &ScorePoint) -> (f64, f64) {
        #[allow(clippy::cast_precision_loss, reason = "seconds of a few years")]
        let share = if self.span > 0 {
            point.started.as_second().saturating_sub(self.start) as f64 / self.span as f64
        } else {
            n as f64 / self.count.saturating_sub(1).max(1) as f64
        };
        (self.x(share), self.y(point.risk))
    }

    /// A line where one grade ends and the next begins, its number on the left and the grades on the right.
    fn grid(&self, svg: &mut String) {
        let end = self.width - RIGHT;
        for (from, to, grade) in Grade::BANDS.into_iter().filter(|(from, ..)| *from < self.top) {
            let y = self.y(from);
            let _ = write!(
                svg,
                r##"<path class="grid" d="M{LEFT} {y:.1}H{end:.1}" stroke="#dcd8d0"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end" font-size="12">{from:.0}</text>"##,
                LEFT - 8.0,
                y + 4.2
            );
            let middle = f64::midpoint(y, self.y(to));
            let _ = write!(
                svg,
                r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle" font-size="12">{}</text>"#,
                end + 16.0,
                middle + 4.2,
                grade.letter()
            );
        }
        let y = self.y(self.top);
        let _ = write!(
            svg,
            r##"<path class="grid" d="M{LEFT} {y:.1}H{end:.1}" stroke="#dcd8d0"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end" font-size="12">{:.0}</text>"##,
            LEFT - 8.0,
            y + 4.2,
            self.top
        );
    }

    fn dates(&self, svg: &mut String, first: Timestamp, last: Timestamp) {
        let hours = self.span / 3600;
        let format = match hours {
            ..36 => "%H:%M",
            36..7200 => "%-d %b",
            _ => "%b %Y",
        };
        let steps: i64 = if self.width < 480.0 { 2 } else { 4 };
        let mut before = String::new();
        for step in 0..=steps {
            let at = match step {
                0 => first,
                s if s == steps => last,
                s => Timestamp::from_second(self.start.saturating_add(self.span / steps * s)).unwrap_or(last),
            };
            let text = at.strftime(format).to_string();
            if text == before {
                continue;
            }
            let anchor = match step {
                0 => "start",
                s if s == steps => "end",
                _ => "middle",
            };
            #[allow(clippy::cast_precision_loss, reason = "at most 4")]
            let x = match step {
                0 => LEFT,
                s if s == steps => self.width - RIGHT,
                s => self.x(s as f64 / steps as f64),
            };
            let _ = write!(
                svg,
                r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="{anchor}" font-size="12">{}</text>"#,
                HEIGHT - 8.0,
                escape(&text)
            );
            before = text;
        }
    }
}

fn history_words(points: &[ScorePoint]) -> String {
    let day = |p: &ScorePoint| p.started.strftime("%-d %B %Y").to_string();
    let say = |p: &ScorePoint| format!("{:.0} on {}", p.risk, day(p));
    let by_risk = |a: &&ScorePoint, b: &&ScorePoint| a.risk.total_cmp(&b.risk);
    let (Some(first), Some(last), Some(most), Some(least)) =
        (points.first(), points.last(), points.iter().max_by(by_risk), points.iter().min_by(by_risk))
    else {
        return String::new();
    };
    format!(
        "A line of the risk over the last {} looks. It was {} and is {}. The highest was {}, the lowest {}.",
        points.len(),
        say(first),
        say(last),
        say(most),
        say(least)
    )
}

fn opening(name: &str, width: f64, height: f64, title: &str, words: &str) -> String {
    let name = escape(name);
    format!(
        r#"<svg class="chart {name}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg"><title id="{name}-title">{}</title><desc id="{name}-desc">{}</desc>"#,
        escape(title),
        escape(words)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(risks: &[f64]) -> Vec<ScorePoint> {
        let day = |n: usize| Timestamp::from_second(1_760_000_000 + i64::try_from(n).unwrap() * 604_800).unwrap();
        let point = |(n, risk): (usize, &f64)| ScorePoint {
            audit: None,
            started: day(n),
            risk: *risk,
            grade: Grade::by_risk(*risk),
        };
        risks.iter().enumerate().map(point).collect()
    }

    #[test]
    fn one_look_is_no_line() {
        assert_eq!(history(&looks(&[12.0]), "h", 640.0), None);
        assert_eq!(history(&[], "h", 640.0), None);
    }

    #[test]
    fn the_line_says_in_words_what_it_shows() {
        let svg = history(&looks(&[51.0, 60.0, 38.0]), "h", 640.0).unwrap();
        assert!(svg.contains("It was 51 on 9 October 2025 and is 38 on 23 October 2025. The highest was 60"));
        assert!(svg.contains("9 Oct<") && svg.contains("23 Oct<"));
    }

    #[test]
    fn looks_at_the_same_second_or_at_wild_times_are_still_a_picture() {
        let mut points = looks(&[0.0, 100.0, 50.0]);
        for p in &mut points {
            p.started = Timestamp::MAX;
        }
        assert!(!history(&points, "h", 300.0).unwrap().contains("NaN"));
        points[0].started = Timestamp::MIN;
        assert!(!history(&points, "h", 300.0).unwrap().contains("NaN"));
        points[0].risk = f64::NAN;
        let _ = history(&points, "h", 300.0);
    }

    #[test]
    fn the_dial_marks_the_grade_even_where_a_critical_problem_caps_it() {
        let svg = gauge(40.0, Grade::D);
        assert!(svg.contains(r#"class="band on" "#) && svg.contains(">D</text>"));
        assert!(svg.contains("Grade D. The risk is 40"));
        assert!(!gauge(0.0, Grade::A).contains(r#"class="fill""#));
    }
}
