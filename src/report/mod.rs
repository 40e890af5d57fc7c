//! The report: one model, several renderers. A renderer computes nothing: numbers, dates and sentences stand ready in
//! the model, so terminal, HTML, Markdown and JSON can never disagree.

mod brief;
mod build;
pub mod charts;
mod csv;
pub mod email;
pub mod fleet;
mod html;
mod junit;
mod logo;
mod made;
mod markdown;
mod model;
mod ocsf;
mod options;
mod past;
mod pdf;
mod resources;
mod sarif;
mod sentences;
mod templates;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use build::build;
pub use html::{html, html_with};
pub use logo::LogoError;
pub use made::{Made, MadeError, one};
pub use markdown::markdown;
pub(crate) use markdown::{id as markdown_id, text as markdown_text};
pub use model::*;
pub use options::{Detail, Format, Logo, Options, Paper};
pub(crate) use past::{events, points};
pub use pdf::{PdfError, fleet_pdf, pdf};
pub use resources::measure;
pub use templates::{OVERRIDE_DIR as TEMPLATES, Rendered, TemplateError};
pub(crate) use text::{BOLD, COMMAND, DIM, Page, severity_words};
pub use text::{Style, page, problem_page, quiet_page};

/// The report as JSON: the model itself.
pub fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// The report for a spreadsheet.
pub fn csv(report: &Report) -> String {
    csv::csv(report)
}

/// The report as SARIF 2.1.0.
pub fn sarif(report: &Report) -> String {
    sarif::sarif(report)
}

/// The report as JUnit's XML.
pub fn junit(report: &Report) -> String {
    junit::junit(report)
}

/// The report as OCSF Compliance Findings, one event a line.
pub fn ocsf(report: &Report) -> String {
    ocsf::ocsf(report)
}

/// A short name for a problem of a machine: the same, whatever is seen of it today.
fn finding_id(host: &str, check: &str) -> String {
    short_id(&[host, check])
}

/// A short name for these together.
fn short_id(of: &[&str]) -> String {
    blake3::hash(of.join("\n").as_bytes()).to_hex().chars().take(32).collect()
}

/// Adds what one object has to another.
fn add(to: &mut serde_json::Value, more: serde_json::Value) {
    if let (serde_json::Value::Object(to), serde_json::Value::Object(more)) = (to, more) {
        to.extend(more);
    }
}

/// The JSON Schema of the model.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default()
}
