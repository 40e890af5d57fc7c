//! The report as Markdown, for tickets and wikis.

use super::{Report, TemplateError, templates::render};

/// The report as Markdown; text from the machine cannot form markup.
///
/// # Errors
/// When the template does not work.
pub fn markdown(report: &Report) -> Result<String, TemplateError> {
    render("markdown/report.md", report, &[])
}
