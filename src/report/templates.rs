//! Templates: those compiled in, and a folder that may replace them file by file.

use std::path::Path;

use tera::{Context, Tera};

use crate::embedded::TEMPLATE_FILES;

/// Where a machine's own templates live.
const OVERRIDE_DIR: &str = "/etc/cleanbill/report-templates";

/// A template that cannot be used; says which file and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// Renders `name` (such as `html/report.html`); `prepare` tells the engine what this kind of page needs.
///
/// # Errors
/// When neither the machine's own template nor the built-in one works.
pub(super) fn render(name: &str, view: &serde_json::Value, prepare: fn(&mut Tera)) -> Result<String, TemplateError> {
    let context = Context::from_serialize(view).map_err(|e| TemplateError(explain(&e)))?;
    let own = Path::new(OVERRIDE_DIR);
    if own.is_dir() {
        // A mistake in a machine's own template never costs the report: the built-in one is used.
        if let Ok(text) = render_with(Some(own), name, &context, prepare) {
            return Ok(text);
        }
    }
    render_with(None, name, &context, prepare)
}

fn render_with(
    own: Option<&Path>,
    name: &str,
    context: &Context,
    prepare: fn(&mut Tera),
) -> Result<String, TemplateError> {
    engine(own, name, prepare)?.render(name, context).map_err(|e| TemplateError(explain(&e)))
}

fn engine(own: Option<&Path>, page: &str, prepare: fn(&mut Tera)) -> Result<Tera, TemplateError> {
    let mut tera = Tera::new();
    prepare(&mut tera);
    tera.autoescape_on(vec![".html", ".svg"]);
    let mut files: Vec<(String, String)> = Vec::new();
    for (path, text) in TEMPLATE_FILES {
        let name = path.trim_start_matches("report-templates/");
        // A page sees the files of its own folder only.
        if name.split('/').next() != page.split('/').next() {
            continue;
        }
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
