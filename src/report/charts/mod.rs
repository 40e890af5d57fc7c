//! Charts: each is computed once, as shapes in a box with a sentence that says what they show, and then drawn as SVG
//! for a page, as PNG for a mail and by the PDF's own renderer. Nothing here reads a file or keeps a state.

mod ahead;
mod areas;
mod drawing;
mod events;
mod fixed;
mod gauge;
mod grades;
mod history;
mod lines;
mod measure;
mod pen;
mod png;
mod says;
mod severities;
mod small;
mod spark;
mod stays;
mod svg;
#[cfg(test)]
mod tests;
mod timeline;

pub use ahead::{Expected, ahead};
pub use areas::areas;
pub use drawing::{Anchor, Drawing, Ink, Segment, Shape, Stroke};
pub use fixed::fixed;
pub use gauge::gauge;
pub use grades::grades;
pub use history::history;
pub use lines::{Course, TALL, lines};
pub(in crate::report) use png::fonts;
pub use png::{PngError, png, png_clear};
pub use severities::severities;
pub use small::{fill, small_risk};
pub use spark::{course, spark};
pub use stays::{Looked, Stay, stays};
pub use svg::{entity, escape, svg};

use super::model::ScorePoint;

/// How many of the last audits a chart shows.
const POINTS: usize = 120;

/// A risk that can be drawn. One that is no number is not taken for a low one.
fn risk_or_worst(risk: f64) -> f64 {
    if risk.is_nan() { 100.0 } else { risk.clamp(0.0, 100.0) }
}

/// The last audits in the order of time, without those whose time or risk cannot be.
fn usable(points: &[ScorePoint]) -> Vec<&ScorePoint> {
    let end = points.last().map(|p| p.started);
    let mut points: Vec<&ScorePoint> =
        points.iter().filter(|p| (0.0..=100.0).contains(&p.risk) && Some(p.started) <= end).collect();
    points.sort_by_key(|p| p.started);
    points.split_off(points.len().saturating_sub(POINTS))
}
