//! A trend for programs and pages: one line a look for a spreadsheet, a picture.

use serde_json::Value;

use super::model::{Figures, Look, Spell, Trend};
use crate::{
    report::charts::{self, Looked, Stay},
    words::harmless,
};

/// Width of the picture.
const WIDTH: f64 = 720.0;

/// Columns and rows, one a look, oldest first.
pub fn csv_rows(trend: &Trend) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    match &trend.figures {
        Figures::Score(points) | Figures::Problems(points) => (
            vec!["audit", "started", "risk", "grade", "critical", "high", "medium", "low", "info"],
            points
                .points
                .iter()
                .map(|p| {
                    let n = p.problems;
                    vec![
                        p.audit.into(),
                        p.started.to_string().into(),
                        p.risk.into(),
                        p.grade.letter().into(),
                        n.critical.into(),
                        n.high.into(),
                        n.medium.into(),
                        n.low.into(),
                        n.info.into(),
                    ]
                })
                .collect(),
        ),
        Figures::Check(check) => (
            vec!["audit", "started", "check", "result", "severity", "count"],
            check
                .looks
                .iter()
                .map(|l| {
                    vec![
                        l.audit.into(),
                        l.started.to_string().into(),
                        check.check.clone().into(),
                        l.result.clone().into(),
                        l.severity.map(|s| s.name()).into(),
                        l.count.into(),
                    ]
                })
                .collect(),
        ),
    }
}

/// The trend as a picture in SVG; none where there are too few looks for one, or no problem was ever open.
pub fn svg(trend: &Trend) -> Option<String> {
    let drawing = match &trend.figures {
        Figures::Score(points) => charts::history(&points.points, &points.events, "trend-score", WIDTH),
        Figures::Problems(points) => charts::severities(&points.points, "trend-problems", WIDTH),
        Figures::Check(check) => {
            let looked = |l: &Look| Looked { at: l.started, told: l.result != "unknown" };
            let looks: Vec<Looked> = check.looks.iter().map(looked).collect();
            let stay = |s: &Spell| Stay { from: s.from, to: s.to, severity: s.severity };
            let stays: Vec<Stay> = check.spells.iter().map(stay).collect();
            let title = harmless(&check.title);
            charts::stays(&stays, &looks, (&title, &trend.sentence), "trend-check", WIDTH)
        }
    };
    drawing.map(|d| charts::svg(&d) + "\n")
}
