//! The report: one model, several renderers. A renderer computes nothing: numbers, dates and sentences stand ready in
//! the model, so terminal, HTML, Markdown and JSON can never disagree.

mod build;
mod charts;
mod html;
mod markdown;
mod model;
mod sentences;
mod templates;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use build::build;
pub use html::html;
pub use markdown::markdown;
pub use model::*;
pub use templates::TemplateError;
pub use text::{Style, page, problem_page, quiet_page};

/// The report as JSON: the model itself.
pub fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// The JSON Schema of the model.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default()
}
