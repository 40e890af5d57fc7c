//! The report as one self-contained HTML page. It asks for nothing outside itself, and runs nothing but its own script,
//! without which all of it can be read.

mod page;
mod seal;
#[cfg(test)]
mod tests;

use std::{io::Write, path::Path};

use serde_json::Value as Json;
use tera::{Kwargs, State, Tera, Value};

use super::{
    Options, Rendered, Report, TemplateError, charts,
    templates::{OVERRIDE_DIR, render},
    view::{Place, view},
};
use crate::words::harmless;

/// Letters of one text that a page shows; evidence may be a whole file.
const LONGEST: usize = 600;

/// The page.
///
/// # Errors
/// When the built-in template does not work.
pub fn html(report: &Report, options: &Options) -> Result<Rendered, TemplateError> {
    html_with(Path::new(OVERRIDE_DIR), report, options)
}

/// The page, with the templates in `own` instead of those of this machine.
///
/// # Errors
/// When the built-in template does not work.
pub fn html_with(own: &Path, report: &Report, options: &Options) -> Result<Rendered, TemplateError> {
    let mut view = view(report, page::limits(options.detail), clean);
    if let Json::Object(map) = &mut view {
        let mut beside = page::beside(report, options);
        super::view::walk(&mut beside, &mut Vec::new(), &clean);
        if let Json::Object(beside) = beside {
            map.extend(beside);
        }
        page::pictures(report, options, map);
        page::cap(map);
    }
    Ok(sealed(render(own, "html/report.html", &view, prepare)?))
}

/// The page with the rule by which a browser uses nothing beyond it.
pub(super) fn sealed(page: Rendered) -> Rendered {
    Rendered { text: seal::seal(&page.text), ..page }
}

pub(super) fn clean(_: &Place<'_>, text: &str) -> String {
    let mut text = harmless(text);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What pages need of the template engine.
pub(super) fn prepare(tera: &mut Tera) {
    tera.set_escape_fn(|text: &str, out: &mut dyn Write| out.write_all(charts::escape(text).as_bytes()));
    tera.register_filter("prose", |text: &str, _: Kwargs, _: &State<'_>| Value::safe_string(&prose(text)));
}

/// Text of the catalogue: what stands in backquotes becomes code.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('`').peekable();
    let mut code = false;
    while let Some(part) = parts.next() {
        // A backquote that is never closed is only a backquote.
        let closed = parts.peek().is_some();
        match (code, closed) {
            (true, true) => out.push_str(&format!("<code>{}</code>", charts::escape(part))),
            (true, false) => out.push_str(&format!("&#96;{}", charts::escape(part))),
            (false, _) => out.push_str(&charts::escape(part)),
        }
        code = !code;
    }
    out
}
