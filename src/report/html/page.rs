//! What the HTML page shows beside the model and the [`view`](super::super::view) of it: lists cut to what a page can
//! hold, links, pictures. Numbers and sentences come from the model.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    super::{
        Options, Report, brief,
        charts::{self, Drawing},
        model::{Changes, EventKind, ProblemRef, Waived},
        options::Detail,
        resources,
        text::severity_words,
        view::{Limits, more},
    },
    clean,
};
use crate::{checks::Severity, score::Grade, words};

/// Problems that came, went or stayed which are named at once; the others are folded.
const NAMED: usize = 5;
/// The same of problems that are simply still open.
const OPEN_NAMED: usize = 3;
/// Lines of a folded list.
const FOLDED: usize = 100;
/// Events that are told.
const EVENTS: usize = 30;
/// Pieces of evidence of all problems.
const EVIDENCE: usize = 1000;
/// Problems that are drawn.
const PROBLEMS: usize = 300;
/// Width of a chart of what was used, and the height between its outermost lines.
const USED: (f64, f64) = (340.0, 88.0);
/// Width and height of such a line in a table.
const TINY: (f64, f64) = (120.0, 26.0);
/// From so many problems on, finding one by eye is work.
const FILTERED: usize = 7;

/// How much evidence a page shows.
pub(super) fn limits(detail: Detail) -> Limits {
    Limits { each: detail.evidence(), all: EVIDENCE }
}

/// Leaves out problems that a page cannot hold, and says so.
pub(super) fn cap(map: &mut Map<String, Value>) {
    let Some(problems) = map.get_mut("problems").and_then(Value::as_array_mut) else { return };
    let over = problems.len().saturating_sub(PROBLEMS);
    problems.truncate(PROBLEMS);
    let cut = problems.iter().any(|p| {
        let parts = p.get("parts").and_then(Value::as_array).into_iter().flatten();
        parts.chain([p]).any(|p| p.get("unseen").is_some_and(Value::is_string))
    });
    map.insert("problems_over".to_owned(), json!(more(over).as_deref().map(words::capital)));
    map.insert("evidence_cut".to_owned(), json!(cut));
}

/// The words and lists of the page.
pub(super) fn beside(report: &Report, options: &Options) -> Value {
    let places = places(report);
    let link = |check: &str| places.get(check).copied();
    let outlook = report.outlook.iter().map(|o| {
        let problem = o.check.as_deref().and_then(|check| report.problems.iter().find(|p| p.check == check));
        json!({ "title": problem.map(|p| &p.title), "n": o.check.as_deref().and_then(link), "text": o.text })
    });
    let work = brief::work(report);
    let work = work.iter().map(|part| {
        let place = match part.least {
            Severity::Low | Severity::Info => "h-rest",
            _ => "h-then",
        };
        json!({ "what": part.what, "needs": part.needs, "brings": part.brings, "place": place })
    });
    let used = report.resources.as_ref();
    let told = used.map(|r| resources::told(r, options.detail)).unwrap_or_default();
    json!({
        "technician": options.detail == Detail::Technician,
        "outlook": outlook.collect::<Vec<_>>(),
        "work": work.collect::<Vec<_>>(),
        "busy": report.problems.iter().any(|p| p.severity > Severity::Info),
        "went": report.changes.as_ref().map(|c| went(c, report)),
        "groups": report.changes.as_ref().map(|c| groups(c, &link)).unwrap_or_default(),
        "returning": report.waived.iter().filter(|w| w.ends_soon).map(returning).collect::<Vec<_>>(),
        "told": events(report),
        "told_over": more(report.events.len().saturating_sub(EVENTS)).as_deref().map(words::capital),
        "events_text": words::count(report.events.len(), "thing happened to the machine", "things happened to the machine"),
        "fixing": fixing(report),
        "filter": filter(report),
        "grades_text": grades(),
        "used_begin": resources::BEGIN,
        "used_short": told.short,
        "used_forecasts": told.forecasts,
        "used_changes": told.changes,
        "used_from": used.map(|r| words::date(r.from)),
        "used_to": used.map(|r| words::date(r.to)),
        "used_over": used.and_then(|r| left_out(r.left_out)),
    })
}

/// How many lines of the same kinds are not told.
fn left_out(n: usize) -> Option<String> {
    (n > 0).then(|| {
        format!(
            "{} of the same kinds {} left out.",
            words::count(n, "line", "lines"),
            if n == 1 { "is" } else { "are" }
        )
    })
}

/// Numbers of the problems on the page, by check.
fn places(report: &Report) -> BTreeMap<&str, usize> {
    report.problems.iter().take(PROBLEMS).enumerate().map(|(n, p)| (p.check.as_str(), n + 1)).collect()
}

/// Grade and risk before and now.
fn went(changes: &Changes, report: &Report) -> String {
    let (before, now) = (words::whole(changes.risk_before), words::whole(report.risk));
    let risk = if before == now {
        format!("The risk is {now} as before")
    } else {
        format!("The risk went from {before} to {now}")
    };
    if changes.grade_before == report.grade {
        return format!("{risk}, and the grade is still {}.", report.grade.letter());
    }
    format!("{risk}, and the grade from {} to {}.", changes.grade_before.letter(), report.grade.letter())
}

/// The groups of what changed, those that ask for something first.
fn groups(changes: &Changes, link: &dyn Fn(&str) -> Option<usize>) -> Vec<Value> {
    // A tip may stay open for ever.
    let open: Vec<ProblemRef> = changes.open.iter().filter(|p| p.severity > Severity::Info).cloned().collect();
    let groups: [(&str, &str, &[ProblemRef], usize); 6] = [
        ("back", "Came back after it had been fixed", &changes.came_back, NAMED),
        ("new", "New", &changes.new, NAMED),
        ("fixed", "Fixed", &changes.fixed, NAMED),
        ("accepted", "Accepted since then", &changes.accepted, NAMED),
        ("unseen", "Could not be looked at this time", &changes.unseen, NAMED),
        ("open", "Still open", &open, OPEN_NAMED),
    ];
    groups
        .into_iter()
        .filter(|(.., list, _)| !list.is_empty())
        .map(|(kind, title, list, named)| {
            // One folded line would save nothing.
            let named = if list.len() == named + 1 { list.len() } else { named };
            let line = |p: &ProblemRef| {
                let n = if kind == "fixed" { None } else { link(&p.check) };
                json!({ "n": n, "title": p.title, "age": p.age, "severity": p.severity, "when": severity_words(p.severity) })
            };
            let folded = list.len().saturating_sub(named);
            json!({
                "kind": kind,
                "title": title,
                "count": list.len(),
                "named": list.iter().take(named).map(line).collect::<Vec<_>>(),
                "folded": list.iter().skip(named).take(FOLDED).map(line).collect::<Vec<_>>(),
                "folded_text": more(folded).as_deref().map(words::capital),
                "over": more(folded.saturating_sub(FOLDED)).as_deref().map(words::capital),
            })
        })
        .collect()
}

fn returning(waived: &Waived) -> Value {
    json!({ "title": waived.title, "until": waived.until_text })
}

/// What happened to the machine, the last first.
fn events(report: &Report) -> Value {
    let line = |e: &super::super::model::Event| {
        let kind = match e.kind {
            EventKind::Updates => "updates",
            EventKind::Kernel | EventKind::Release => "system",
            EventKind::Accepted => "accepted",
            EventKind::Fixes => "fixes",
        };
        json!({ "day": e.day, "at": e.at.strftime("%Y-%m-%d").to_string(), "kind": kind, "text": e.text })
    };
    report.events.iter().rev().take(EVENTS).map(line).collect()
}

/// How long repairs took, as a table.
fn fixing(report: &Report) -> Value {
    let Some(repair) = &report.repair else { return Value::Null };
    let took = |days: Option<f64>| days.map(words::days);
    let months: Vec<Value> = repair
        .months
        .iter()
        .map(|m| json!({ "name": m.name, "fixed": m.fixed, "took": took(m.median_days) }))
        .collect();
    let severities: Vec<Value> = repair
        .severities
        .iter()
        .map(|s| {
            #[allow(clippy::cast_precision_loss, reason = "days of a few years")]
            let oldest = s.oldest_days.map(|days| words::days(days as f64));
            json!({
                "name": severity_words(s.severity), "severity": s.severity, "fixed": s.fixed,
                "took": took(s.median_days), "open": s.open, "oldest": oldest,
            })
        })
        .collect();
    json!({ "text": repair.text, "months": months, "severities": severities })
}

/// What the problems can be filtered by; null where there are few.
fn filter(report: &Report) -> Value {
    if report.problems.len() < FILTERED {
        return Value::Null;
    }
    let mut whens: Vec<Severity> = report.problems.iter().map(|p| p.severity).collect();
    whens.sort_by(|a, b| b.cmp(a));
    whens.dedup();
    let (one, many) = match (whens.first(), whens.last()) {
        (Some(Severity::Info), _) => ("tip", "tips"),
        (_, Some(Severity::Info)) => ("problem or tip", "problems and tips"),
        _ => ("problem", "problems"),
    };
    let mut areas: Vec<(&str, &str)> = Vec::new();
    for area in &report.areas {
        if report.problems.iter().any(|p| p.group == area.group) {
            areas.push((&area.group, &area.title));
        }
    }
    json!({
        "count": words::count(report.problems.len().min(PROBLEMS), one, many),
        "whens": whens.iter().map(|s| json!({ "value": s, "name": severity_words(*s) })).collect::<Vec<_>>(),
        "areas": areas.iter().map(|(value, name)| json!({ "value": value, "name": name })).collect::<Vec<_>>(),
    })
}

/// What each grade means.
fn grades() -> String {
    let bands = Grade::BANDS.iter().map(|(_, end, grade)| match grade {
        Grade::F => format!("{} above", grade.letter()),
        _ => format!("{} up to {end:.0}", grade.letter()),
    });
    format!(
        "Grades: {}. With a problem that should be dealt with today, D is the best grade.",
        words::list(&bands.collect::<Vec<_>>())
    )
}

/// Pictures as markup, after all texts were made harmless.
pub(super) fn pictures(report: &Report, options: &Options, map: &mut Map<String, Value>) {
    let mut put = |name: &str, drawing: Option<Drawing>| {
        map.insert(name.to_owned(), drawing.as_ref().map(charts::svg).into());
    };
    put("gauge", Some(charts::gauge(report.risk, report.grade)));
    put("trend", charts::history(&report.history, &[], "trend", 380.0));
    for (size, width) in [("wide", 800.0), ("narrow", 340.0)] {
        let name = |chart: &str| format!("{chart}-{size}");
        let key = |chart: &str| format!("{chart}_{size}");
        put(&key("history"), charts::history(&report.history, &report.events, &name("history"), width));
        put(&key("severities"), charts::severities(&report.history, &name("severities"), width));
        put(&key("areas"), charts::areas(&report.areas, &name("areas"), width));
        let fixed = report.repair.as_ref().and_then(|repair| charts::fixed(repair, &name("fixed"), width));
        put(&key("fixed"), fixed);
    }
    let used = report.resources.as_ref();
    let used_charts = used.map(|r| resources::charts(r, "used", USED)).unwrap_or_default();
    let used_charts = used_charts.iter().map(|(title, d)| json!({ "title": clean(&[], title), "svg": charts::svg(d) }));
    map.insert("used_charts".to_owned(), used_charts.collect());
    let list = map.get_mut("resources").and_then(|r| r.get_mut("list")).and_then(Value::as_array_mut);
    let technician = options.detail == Detail::Technician;
    for (n, (value, r)) in list.into_iter().flatten().zip(used.iter().flat_map(|r| &r.list)).enumerate() {
        let line = if technician { resources::tiny(r, &format!("line-{}", n + 1), TINY) } else { None };
        if let Value::Object(value) = value {
            value.remove("course");
            value.insert("line".to_owned(), line.as_ref().map(charts::svg).into());
        }
    }
    let logo = options.logo.as_ref().map(|logo| json!({ "address": logo.address() }));
    map.insert("logo".to_owned(), json!(logo));
}
