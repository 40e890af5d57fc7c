//! From a view to a mail: its templates, its styles written into its elements, its size.

use std::path::Path;

use css_inline::CSSInliner;
use serde_json::{Map, Value, json};
use tera::{Kwargs, State, Tera};

use super::{
    clean,
    pictures::{Shown, legend},
    wrap::wrap,
};
use crate::report::{Rendered, TemplateError, html, templates::render, view::walk};

/// Gmail cuts a page of more than 102 kB; the parts around it take some.
const LARGEST: usize = 88_000;
/// Letters of the line that a list of mails shows beside the subject.
const PREHEADER: usize = 140;

/// A mail, ready to be put into an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line without control characters.
    pub subject: String,
    /// What lists of mails show beside the subject; the page has it too, hidden.
    pub preheader: String,
    /// The plain text, in lines of 72 columns.
    pub text: String,
    /// The page, below 90 kB.
    pub html: String,
    /// What the page shows by `cid:`.
    pub pictures: Vec<Picture>,
    /// Sentences about templates of the machine that could not be used, and pictures that could not be drawn.
    pub warnings: Vec<String>,
}

/// A picture in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its Content-ID without brackets, by which the page shows it.
    pub cid: String,
    /// What it shows, in words.
    pub alt: String,
    /// The PNG, two pixels for each unit of the page.
    pub png: Vec<u8>,
}

/// How much a mail may tell. The first that makes the mail small enough is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Letters of one text.
    pub(super) letters: usize,
    /// Lines of the list of everything.
    pub(super) all: usize,
    /// Lines of any other list.
    pub(super) few: usize,
    /// Pieces of evidence of a problem.
    pub(super) evidence: usize,
}

const LIMITS: [Limits; 4] = [
    Limits { letters: 240, all: 60, few: 8, evidence: 3 },
    Limits { letters: 120, all: 20, few: 5, evidence: 2 },
    Limits { letters: 60, all: 10, few: 4, evidence: 1 },
    Limits { letters: 40, all: 5, few: 3, evidence: 0 },
];

/// What a mail is made of.
pub(super) struct Draft<'a> {
    /// Its templates: `weekly` for `email/weekly.html` and `email/weekly.txt`.
    pub(super) name: &'a str,
    pub(super) subject: String,
    pub(super) preheader: String,
    pub(super) shown: Vec<Shown>,
}

/// Makes the mail; `view` gives what its templates see for so much room.
///
/// # Errors
/// When a built-in template does not work.
pub(super) fn made(own: &Path, draft: Draft<'_>, view: &dyn Fn(Limits) -> Value) -> Result<Mail, TemplateError> {
    let mut warnings: Vec<String> = draft.shown.iter().filter_map(|s| s.warning.clone()).collect();
    let preheader = clean::text(&draft.preheader, PREHEADER);
    let page = format!("email/{}.html", draft.name);
    let whole = |limits: Limits| -> Value {
        let mut view = view(limits);
        walk(&mut view, &mut Vec::new(), &|place, text| match place {
            [.., "command" | "undo"] => clean::command(text),
            _ => clean::text(text, limits.letters),
        });
        if let Value::Object(map) = &mut view {
            map.insert("subject".to_owned(), json!(draft.subject));
            map.insert("preheader".to_owned(), json!(preheader));
            let (title, note) = legend(&draft.shown);
            map.insert("charts_title".to_owned(), json!(title));
            map.insert("chart_note".to_owned(), json!(note));
            map.insert("charts".to_owned(), draft.shown.iter().map(Shown::view).collect());
        }
        view
    };
    let (html, limits) = match fitting(own, &page, &whole, &mut warnings)? {
        Some(made) => made,
        // A template of the machine that makes too much of everything.
        None => fitting(Path::new("/dev/null"), &page, &whole, &mut warnings)?
            .ok_or_else(|| TemplateError(format!("{page}: it is larger than {LARGEST} bytes.")))?,
    };
    let text = render(own, &format!("email/{}.txt", draft.name), &whole(limits), plain)?;
    warnings.extend(text.warnings);
    let mut told: Vec<String> = Vec::new();
    for warning in warnings {
        if !told.contains(&warning) {
            told.push(warning);
        }
    }
    let pictures = draft.shown.into_iter().filter_map(|s| s.picture).filter(|p| html.contains(&p.cid)).collect();
    Ok(Mail { subject: draft.subject, preheader, text: wrap(&text.text), html, pictures, warnings: told })
}

/// The page with as much as fits into it; none where the least is too much, or its styles cannot be read.
fn fitting(
    own: &Path,
    name: &str,
    view: &dyn Fn(Limits) -> Value,
    warnings: &mut Vec<String>,
) -> Result<Option<(String, Limits)>, TemplateError> {
    let file = own.join(name).display().to_string();
    for limits in LIMITS {
        let Rendered { text, warnings: told } = render(own, name, &view(limits), html::prepare)?;
        warnings.extend(told);
        match inlined(&text) {
            Ok(page) if page.len() <= LARGEST => return Ok(Some((page, limits))),
            Ok(_) => {}
            Err(why) => {
                warnings.push(format!("{file}: its styles cannot be used ({why}). The built-in page is used."));
                return Ok(None);
            }
        }
    }
    warnings.push(format!("{file}: the page is larger than {LARGEST} bytes. The built-in page is used."));
    Ok(None)
}

/// The page with each element's style in itself; what only a style sheet can say stays in one.
fn inlined(page: &str) -> Result<String, String> {
    let inliner = CSSInliner::options().load_remote_stylesheets(false).minify_css(true).build();
    let page = inliner.inline(page).map_err(|e| e.to_string())?;
    let page = page.replace(" data-css-inline=\"keep\"", "");
    // A line does not begin with a dot.
    let page = page.replace(" · ", "&nbsp;· ");
    // Templates leave empty lines and indents behind.
    let lines: Vec<&str> = page.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Ok(lines.join("\n") + "\n")
}

/// The same filters as a page has, where there is no markup.
fn plain(tera: &mut Tera) {
    tera.register_filter("prose", |text: &str, _: Kwargs, _: &State<'_>| tera::Value::safe_string(text));
}

/// A list cut to so many, and what is left out: `and 3 more`. One that is left out alone is not.
pub(super) fn few(mut list: Vec<Value>, most: usize) -> Value {
    let over = list.len().saturating_sub(most);
    if over > 1 {
        list.truncate(most);
    }
    json!({ "list": list, "over": crate::report::view::more(if over > 1 { over } else { 0 }) })
}

/// Puts the fields of one object into another.
pub(super) fn add(view: &mut Value, more: Value) {
    if let (Value::Object(view), Value::Object(more)) = (view, more) {
        let more: Map<String, Value> = more;
        view.extend(more);
    }
}
