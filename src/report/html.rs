//! The report as one self-contained HTML page.

use std::io::Write;

use base64ct::{Base64, Encoding as _};
use sha2::{Digest, Sha256};
use tera::{Kwargs, State, Tera, Value};

use super::{Report, TemplateError, charts, templates::render, view::view};
use crate::words::harmless;

/// Stands in the template where the hash of its style sheet goes.
const STYLE_HASH: &str = "STYLE_HASH";

/// The page; nothing in it asks for anything outside it.
///
/// # Errors
/// When the template does not work.
pub fn html(report: &Report) -> Result<String, TemplateError> {
    let mut view = view(report, |_, text| harmless(text));
    if let serde_json::Value::Object(map) = &mut view {
        map.insert("gauge".to_owned(), charts::gauge(report.risk, report.grade).into());
        map.insert("chart_wide".to_owned(), charts::history(&report.history, "wide", 680.0).into());
        map.insert("chart_narrow".to_owned(), charts::history(&report.history, "narrow", 320.0).into());
    }
    Ok(seal(&render("html/report.html", &view, prepare)?))
}

/// What pages need of the template engine.
fn prepare(tera: &mut Tera) {
    tera.set_escape_fn(|text: &str, out: &mut dyn Write| {
        let mut done = 0;
        for (at, c) in text.char_indices() {
            if let Some(entity) = charts::entity(c) {
                out.write_all(text.get(done..at).unwrap_or_default().as_bytes())?;
                out.write_all(entity.as_bytes())?;
                done = at + c.len_utf8();
            }
        }
        out.write_all(text.get(done..).unwrap_or_default().as_bytes())
    });
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

/// Lets the browser use this style sheet and no other.
fn seal(page: &str) -> String {
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = style.map_or_else(String::new, |(css, _)| Base64::encode_string(&Sha256::digest(css.as_bytes())));
    page.replacen(STYLE_HASH, &hash, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_steps_become_code_and_nothing_else_becomes_markup() {
        assert_eq!(
            prose("Run `a <b> && c`, then `d`."),
            "Run <code>a &lt;b&gt; &amp;&amp; c</code>, then <code>d</code>."
        );
        assert_eq!(prose("an odd ` <i>"), "an odd &#96; &lt;i&gt;");
    }

    #[test]
    fn the_hash_is_of_the_style_sheet() {
        let hash = Base64::encode_string(&Sha256::digest(b"p{}"));
        assert_eq!(
            seal("x STYLE_HASH <style>p{}</style> STYLE_HASH"),
            format!("x {hash} <style>p{{}}</style> STYLE_HASH")
        );
    }
}
