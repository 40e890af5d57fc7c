//! What will run out, and what is likely next, for programs and pages: their JSON, lines for a spreadsheet, a picture.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Outlook, metric::MetricOutlook};
use crate::report::charts::{self, Drawing, Expected};

/// Width of the picture.
const WIDTH: f64 = 720.0;
/// The past that is drawn is at most so many times as long as what comes.
const PAST: i64 = 3;

/// All that can run out on a machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Outlooks {
    /// Version of this shape.
    pub schema_version: u32,
    /// Host name.
    pub host: String,
    /// What can run out, the worst first.
    pub outlooks: Vec<Outlook>,
}

impl Outlooks {
    /// Those of a machine.
    pub fn new(host: impl Into<String>, outlooks: Vec<Outlook>) -> Self {
        Outlooks { schema_version: 1, host: host.into(), outlooks }
    }
}

/// Columns and rows, one a thing, the worst first.
pub fn csv(all: &[Outlook]) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    let columns = vec![
        "kind",
        "what",
        "metric",
        "labels",
        "value",
        "limit",
        "state",
        "around",
        "earliest",
        "latest",
        "days_left",
        "says",
    ];
    let row = |o: &Outlook| {
        let moment = |at: Option<jiff::Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
        vec![
            o.kind.name().into(),
            o.what.clone().into(),
            o.metric.clone().into(),
            labels(o).into(),
            o.now.into(),
            o.limit.into(),
            o.state.name().into(),
            moment(o.at),
            moment(o.earliest),
            moment(o.latest),
            o.days_left.into(),
            o.says.clone().into(),
        ]
    };
    (columns, all.iter().map(row).collect())
}

/// Columns and rows, one a point: what was measured and what is likely, oldest first in each series.
pub fn points(found: &MetricOutlook) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    let mut rows = Vec::new();
    for series in &found.series {
        let labels = labels(series);
        let mut row = |at: jiff::Timestamp, values: [Option<f64>; 4]| {
            let mut cells: Vec<Value> =
                vec![at.to_string().into(), series.metric.clone().into(), labels.clone().into()];
            cells.extend(values.map(Value::from));
            rows.push(cells);
        };
        for seen in &series.history {
            row(seen.at, [Some(seen.value), None, None, None]);
        }
        for a in series.forecast.iter().filter(|a| a.at <= found.until) {
            row(a.at, [None, Some(a.low), Some(a.value), Some(a.high)]);
        }
    }
    (vec!["at", "metric", "labels", "measured", "low", "likely", "high"], rows)
}

fn labels(outlook: &Outlook) -> String {
    let labels: Vec<String> = outlook.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    labels.join(" ")
}

impl Outlook {
    /// Past and future as a chart; none where there are too few points for one.
    pub fn drawing(&self, name: &str, width: f64) -> Option<Drawing> {
        let last = self.history.last().map(|seen| seen.at.as_second());
        let end = self.forecast.last().map(|a| a.at.as_second());
        // A long past would press what comes into a corner.
        let from = last.zip(end).map_or(i64::MIN, |(last, end)| last.saturating_sub(PAST * (end - last)));
        let expected = Expected {
            past: self.history.iter().filter(|s| s.at.as_second() >= from).map(|s| (s.at, s.value)).collect(),
            next: self.forecast.iter().map(|a| (a.at, a.low, a.value, a.high)).collect(),
            limit: self.limit,
            unit: self.unit.clone(),
        };
        charts::ahead(&expected, (&self.what, &self.says), name, width)
    }

    /// The same as a picture in SVG.
    pub fn svg(&self) -> Option<String> {
        self.drawing("forecast", WIDTH).map(|drawing| charts::svg(&drawing) + "\n")
    }
}
