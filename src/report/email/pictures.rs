//! The small charts of a mail: a number, a sentence, and a line without text that is right on bright and dark ground.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{clean, mail::Picture, week::sentence};
use crate::{
    report::{
        Report,
        charts::{self, Drawing},
    },
    words,
};

/// Width and height on the page.
const SIZE: (f64, f64) = (220.0, 56.0);
/// Pixels for each of these.
const SHARP: f64 = 2.0;
/// Letters of a text that stands beside a number.
const TEXT: usize = 120;

/// How full something is: a disk, the memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// What it is called: `Disk /var`, `Memory`.
    pub name: String,
    /// How much of it is used, in percent.
    pub used_percent: f64,
    /// The same over time, oldest first.
    pub points: Vec<(Timestamp, f64)>,
    /// What else is to say: `full about 14 March if it goes on like this`; may be empty.
    pub text: String,
}

/// A chart with what stands beside it.
pub(super) struct Shown {
    title: String,
    number: String,
    /// What the number counts: `of 100`.
    unit: &'static str,
    text: String,
    /// All of it in sentences, for a reader without pictures.
    said: String,
    /// The first and the last day of the line.
    ends: Option<(String, String)>,
    pub(super) picture: Option<Picture>,
    /// Why there is no picture although there is a line to draw.
    pub(super) warning: Option<String>,
}

impl Shown {
    fn new(title: String, number: String, unit: &'static str, text: String, drawing: Option<Drawing>) -> Self {
        let start = format!("{title}: {number} {unit}.");
        let mut shown = Shown { said: start, title, number, unit, text, ends: None, picture: None, warning: None };
        if let Some(drawing) = drawing {
            shown.said.push_str(&format!(" {}", drawing.words));
            match charts::png_clear(&drawing, SHARP) {
                Ok(png) => {
                    // Mail programs are not to be trusted with these in an attribute.
                    let alt =
                        clean::text(&format!("{}. {}", drawing.title, drawing.words), 400).replace(['<', '>'], "");
                    shown.picture = Some(Picture { cid: format!("{}@cleanbill", drawing.name), alt, png });
                }
                Err(error) => shown.warning = Some(error.to_string()),
            }
        }
        if !shown.text.is_empty() {
            shown.said.push_str(&format!(" {}", sentence(&words::capital(&shown.text))));
        }
        shown
    }

    /// The days at which the line begins and ends, where the reader lives.
    fn between(mut self, first: Timestamp, last: Timestamp, zone: &TimeZone) -> Self {
        let (first, last) = (zone.to_datetime(first), zone.to_datetime(last));
        let format = if first.year() == last.year() { "%-d %b" } else { "%-d %b %Y" };
        let day = |at: &jiff::civil::DateTime| at.strftime(format).to_string();
        self.ends = Some((day(&first), day(&last)));
        self
    }

    pub(super) fn view(&self) -> Value {
        let ends = self.ends.as_ref().filter(|_| self.picture.is_some());
        let picture = self.picture.as_ref().map(|p| {
            json!({
                "cid": p.cid, "alt": p.alt, "width": SIZE.0, "height": SIZE.1,
                "from": ends.map(|e| &e.0), "to": ends.map(|e| &e.1),
            })
        });
        json!({ "title": self.title, "number": self.number, "unit": self.unit, "text": self.text, "said": self.said, "picture": picture })
    }
}

/// What stands over the charts, and what their edges mean.
pub(super) fn legend(shown: &[Shown]) -> (&'static str, Option<&'static str>) {
    let drawn = |s: &&Shown| s.picture.is_some();
    match (shown.iter().filter(drawn).count(), shown.first().filter(drawn)) {
        (0, _) => ("How it is", None),
        (1, Some(_)) => ("How it went", Some("A line across is where one grade ends and the next begins.")),
        (_, None) => ("How it went", Some("The top means full.")),
        _ => ("How it went", Some("Risk: a line across is where a grade ends. Elsewhere the top means full.")),
    }
}

/// The charts of one machine: its risk, a disk, the memory.
pub(super) fn shown(report: &Report, disk: Option<&Fill>, memory: Option<&Fill>, zone: &TimeZone) -> Vec<Shown> {
    let mut all = vec![risk(report, zone)];
    all.extend(disk.into_iter().filter_map(|fill| filled(fill, "disk", zone)));
    all.extend(memory.into_iter().filter_map(|fill| filled(fill, "memory", zone)));
    all
}

fn risk(report: &Report, zone: &TimeZone) -> Shown {
    let drawing = charts::small_risk(&report.history, "risk", SIZE);
    let shown = Shown::new("Risk".to_owned(), words::whole(report.risk), "of 100", String::new(), drawing);
    match (report.history.first(), report.history.last()) {
        (Some(first), Some(last)) => shown.between(first.started, last.started, zone),
        _ => shown,
    }
}

/// None where the number cannot be.
fn filled(fill: &Fill, name: &str, zone: &TimeZone) -> Option<Shown> {
    if !(0.0..=100.0).contains(&fill.used_percent) {
        return None;
    }
    let title = clean::text(&fill.name, 40);
    let drawing = charts::fill(&title, &fill.points, name, SIZE);
    let number = format!("{} %", words::whole(fill.used_percent));
    let shown = Shown::new(title, number, "used", clean::text(&fill.text, TEXT), drawing);
    Some(match (fill.points.first(), fill.points.last()) {
        (Some(first), Some(last)) => shown.between(first.0, last.0, zone),
        _ => shown,
    })
}
