//! The report as one self-contained HTML page.

use super::{Report, TemplateError, templates::render};

/// The page; nothing in it asks for anything outside it.
///
/// # Errors
/// When the template does not work.
pub fn html(report: &Report) -> Result<String, TemplateError> {
    render("html/report.html", report, &[])
}
