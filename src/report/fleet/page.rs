//! The overview as a page and as Markdown, from the same templates' folder as the report of one machine.

use std::path::Path;

use serde_json::{Value, json};

use super::Fleet;
use crate::report::{
    Options, Rendered, TemplateError, charts, html as page, markdown as text,
    templates::{OVERRIDE_DIR, render},
    view::{more, walk},
};

/// Lines of what came or went.
const CHANGES: usize = 40;

/// The overview as one self-contained page.
///
/// # Errors
/// When the built-in template does not work.
pub fn html(fleet: &Fleet, options: &Options) -> Result<Rendered, TemplateError> {
    let mut view = view(fleet);
    walk(&mut view, &mut Vec::new(), &page::clean);
    // Pictures are markup already.
    if let Some(hosts) = view.get_mut("hosts").and_then(Value::as_array_mut) {
        for (n, (value, host)) in hosts.iter_mut().zip(&fleet.hosts).enumerate() {
            let risks: Vec<f64> = host.history.iter().map(|p| p.risk).collect();
            let spark = charts::spark(&risks, &format!("spark-{n}"), (96.0, 22.0));
            if let (Value::Object(map), Some(spark)) = (value, spark) {
                map.insert("spark".to_owned(), charts::svg(&spark).into());
            }
        }
    }
    if let Value::Object(map) = &mut view {
        let chart = charts::grades(&fleet.grades, "grades", 360.0).map(|d| charts::svg(&d));
        map.insert("chart".to_owned(), json!(chart));
        let logo = options.logo.as_ref().map(|logo| json!({ "address": logo.address() }));
        map.insert("logo".to_owned(), json!(logo));
    }
    Ok(page::sealed(render(Path::new(OVERRIDE_DIR), "html/fleet.html", &view, page::prepare)?))
}

/// The overview as Markdown.
///
/// # Errors
/// When the built-in template does not work.
pub fn markdown(fleet: &Fleet) -> Result<Rendered, TemplateError> {
    let mut view = view(fleet);
    walk(&mut view, &mut Vec::new(), &text::clean);
    Ok(text::tidied(render(Path::new(OVERRIDE_DIR), "markdown/fleet.md", &view, |_| {})?))
}

/// The model with the few words beside it that only a page needs.
fn view(fleet: &Fleet) -> Value {
    let mut view = serde_json::to_value(fleet).unwrap_or_default();
    let Value::Object(map) = &mut view else { return view };
    for list in ["came", "went"] {
        if let Some(changes) = map.get_mut(list).and_then(Value::as_array_mut) {
            let count = changes.len();
            changes.truncate(CHANGES);
            map.insert(format!("{list}_count"), json!(count));
            map.insert(format!("{list}_over"), json!(more(count.saturating_sub(CHANGES))));
        }
    }
    for (n, entry) in map.get_mut("hosts").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        if let Value::Object(entry) = entry {
            entry.insert("n".to_owned(), json!(n + 1));
            entry.insert("spark".to_owned(), Value::Null);
        }
    }
    view
}
