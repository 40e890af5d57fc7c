//! Templates: those compiled in, and a folder that may replace them file by file. A mistake in that folder never costs
//! the report: the built-in page is used, and the caller is told what is wrong.

mod mistake;
mod own;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    path::Path,
};

use tera::{Context, Tera};

use self::own::Own;
use crate::embedded::TEMPLATE_FILES;

/// Where a machine's own templates live.
pub const OVERRIDE_DIR: &str = "/etc/cleanbill/report-templates";

/// No page is larger; a loop in a machine's own template ends here.
const LARGEST_PAGE: usize = 32 << 20;

/// A template that cannot be used; says which file and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// A page, and what whoever asked for it should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The page.
    pub text: String,
    /// Sentences about the machine's own templates that could not be used; for stderr.
    pub warnings: Vec<String>,
}

/// Renders `name` (such as `html/report.html`) with the templates in `own` where they work; `prepare` tells the engine
/// what this kind of page needs.
///
/// # Errors
/// When the built-in template does not work.
pub(super) fn render(
    own: &Path,
    name: &str,
    view: &serde_json::Value,
    prepare: fn(&mut Tera),
) -> Result<Rendered, TemplateError> {
    let kind = name.split('/').next().unwrap_or(name);
    let built_in: Vec<(&str, &str)> = TEMPLATE_FILES
        .iter()
        .map(|(path, text)| (path.trim_start_matches("report-templates/"), *text))
        // A page sees the files of its own folder only.
        .filter(|(file, _)| file.split('/').next() == Some(kind))
        .collect();
    let context = Context::from_serialize(view).map_err(|e| TemplateError(e.to_string()))?;
    let mut warnings = Vec::new();
    match Own::read(own, kind) {
        Ok(files) if files.is_empty() => {}
        Ok(files) => {
            let replaced: Vec<(&str, &str)> =
                built_in.iter().filter(|(file, _)| files.get(file).is_none()).copied().chain(files.iter()).collect();
            match render_with(&replaced, name, &context, prepare) {
                Ok(text) => return Ok(Rendered { text, warnings }),
                Err(error) => warnings.push(mistake::sentence(&error, own, &files, view)),
            }
        }
        Err(unusable) => warnings.push(unusable),
    }
    for warning in &mut warnings {
        warning.push_str(" The built-in page is used.");
    }
    let text = render_with(&built_in, name, &context, prepare)
        .map_err(|error| TemplateError(mistake::sentence(&error, Path::new("built-in"), &Own::default(), view)))?;
    Ok(Rendered { text, warnings })
}

fn render_with(
    files: &[(&str, &str)],
    name: &str,
    context: &Context,
    prepare: fn(&mut Tera),
) -> Result<String, tera::Error> {
    let mut tera = Tera::new();
    prepare(&mut tera);
    tera.autoescape_on(vec![".html", ".svg"]);
    tera.add_raw_templates(files.iter().copied())?;
    let mut page = Page(Vec::new());
    tera.render_to(name, context, &mut page)?;
    String::from_utf8(page.0).map_err(|e| tera::Error::message(e.to_string()))
}

/// What is written, up to [`LARGEST_PAGE`].
struct Page(Vec<u8>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_PAGE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
