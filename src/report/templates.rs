//! Templates: those compiled in, and a folder that may replace them file by file.

use std::path::Path;

use tera::{Context, Tera};

use super::Report;
use crate::embedded::TEMPLATE_FILES;

/// Where a machine's own templates live.
const OVERRIDE_DIR: &str = "/etc/cleanbill/report-templates";

/// A template that cannot be used; says which file and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// Renders `name` (such as `html/report.html`) with `context` on top of the report's fields.
///
/// # Errors
/// When neither the machine's own template nor the built-in one works.
pub(super) fn render(name: &str, report: &Report, extra: &[(&'static str, String)]) -> Result<String, TemplateError> {
    let mut context = Context::from_serialize(report).map_err(|e| TemplateError(explain(&e)))?;
    for (key, value) in extra {
        context.insert(*key, value);
    }
    let own = Path::new(OVERRIDE_DIR);
    if own.is_dir() {
        // A mistake in a machine's own template never costs the report: the built-in one is used.
        if let Ok(text) =
            engine(Some(own)).and_then(|t| t.render(name, &context).map_err(|e| TemplateError(explain(&e))))
        {
            return Ok(text);
        }
    }
    engine(None)?.render(name, &context).map_err(|e| TemplateError(explain(&e)))
}

fn engine(own: Option<&Path>) -> Result<Tera, TemplateError> {
    let mut tera = Tera::new();
    tera.autoescape_on(vec![".html", ".svg"]);
    let mut files: Vec<(String, String)> = Vec::new();
    for (path, text) in TEMPLATE_FILES {
        let name = path.trim_start_matches("report-templates/");
        let replaced = own.and_then(|dir| std::fs::read_to_string(dir.join(name)).ok());
        files.push((name.to_owned(), replaced.unwrap_or_else(|| (*text).to_owned())));
    }
    tera.add_raw_templates(files.iter().map(|(n, t)| (n.as_str(), t.as_str())))
        .map_err(|e| TemplateError(explain(&e)))?;
    Ok(tera)
}

fn explain(error: &tera::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
