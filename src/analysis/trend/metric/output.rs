//! The trend of a metric for programs and pages: one line a point for a spreadsheet, a picture.

use serde_json::Value;

use super::MetricTrend;
use crate::report::charts::{self, Course};

/// Width of the picture.
const WIDTH: f64 = 720.0;
/// Lines that a picture has at most.
const LINES: usize = 6;

/// Columns and rows, one a point, oldest first in each line.
pub fn csv_rows(trend: &MetricTrend) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    let rows = trend.lines.iter().flat_map(|line| {
        let labels: Vec<String> = line.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let labels = labels.join(" ");
        line.points.iter().map(move |point| {
            vec![
                point.at.to_string().into(),
                trend.metric.clone().into(),
                labels.clone().into(),
                point.min.into(),
                point.mean.into(),
                point.max.into(),
            ]
        })
    });
    (vec!["at", "metric", "labels", "min", "mean", "max"], rows.collect())
}

/// The trend as a picture in SVG; none where there are too few points for one.
pub fn svg(trend: &MetricTrend) -> Option<String> {
    let course = |line: &super::Line| Course {
        name: line.name.clone(),
        points: line.points.iter().map(|p| (p.at, p.min, p.mean, p.max)).collect(),
    };
    let courses: Vec<Course> = trend.lines.iter().take(LINES).map(course).collect();
    let title = (trend.title.as_str(), trend.sentence.as_str());
    charts::lines(&courses, trend.told, (trend.from, trend.to), title, "trend-metric", (WIDTH, charts::TALL))
        .map(|drawing| charts::svg(&drawing) + "\n")
}
