//! The weekly mail: the grade, what needs a person, how it went, what was fixed, what did not work.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    Fill, FixedBy, clean,
    fixed::Fixed,
    mail::{self, Draft, Limits, Mail, add, few},
    pictures, subject,
};
use crate::{
    analysis::resources::Resources,
    checks::{Safety, Severity},
    report::{
        Changes, EventKind, Problem, ProblemRef, Report, TemplateError,
        options::Detail,
        resources,
        text::{SHOWN, severity_words},
        view,
    },
    words,
};

/// What happened to the machine that is told.
const EVENTS: usize = 4;

/// What the weekly mail is made of.
#[derive(Debug, Clone)]
pub struct Week<'a> {
    /// The newest audit, compared with the one that the last mail told; without changes where this is the first mail.
    pub report: &'a Report,
    /// What was fixed since the last mail.
    pub fixed_by: Vec<FixedBy>,
    /// What cleanbill wanted to fix by itself but did not.
    pub not_fixed: Vec<NotFixed>,
    /// What did not go as planned, in sentences: a run that was missed, a mail that was not delivered.
    pub trouble: Vec<String>,
    /// The disk that matters most.
    pub disk: Option<Fill>,
    /// The memory.
    pub memory: Option<Fill>,
    /// When the next mail comes: `Monday 30 November at 07:00`.
    pub next_mail: Option<String>,
    /// For whom it is.
    pub detail: Detail,
    /// What the machine is for: `Web shop`.
    pub purpose: Option<String>,
    /// Where its reader lives.
    pub zone: TimeZone,
    /// Whom to ask, by name.
    pub contact: Option<String>,
    /// Whether the full report is attached as PDF.
    pub attached: bool,
}

/// Something that cleanbill did not fix although it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFixed {
    /// What is wrong.
    pub title: String,
    /// Why it was left alone, as a sentence.
    pub why: String,
}

/// The weekly mail, with the templates in `own` (its folder `email`) where they work.
///
/// # Errors
/// When a built-in template does not work.
pub fn weekly(week: &Week<'_>, own: &Path) -> Result<Mail, TemplateError> {
    let report = week.report;
    let gone = report.changes.as_ref().map_or(&[][..], |c| &c.fixed);
    let fixed = Fixed::new(&week.fixed_by, gone, &report.problems, report.audit.started);
    let counted = |list: &[ProblemRef]| list.iter().filter(|p| p.severity > Severity::Info).count();
    let changes = report.changes.as_ref();
    let counts = subject::Counts {
        fixed: fixed.count(),
        new: changes.map_or(0, |c| counted(&c.new)),
        back: changes.map_or(0, |c| counted(&c.came_back)),
        needs: report.problems.iter().filter(|p| subject::needs_someone(p)).count(),
        trouble: week.trouble.len(),
        unknown: report.checks.unknown,
    };
    let was = changes.map(|c| c.grade_before);
    let draft = Draft {
        name: "weekly",
        subject: subject::weekly(&report.host.name, report.grade, was, counts),
        preheader: preheader(week),
        shown: pictures::shown(report, week.disk.as_ref(), week.memory.as_ref(), &week.zone),
    };
    mail::made(own, draft, &|limits| view(week, &fixed, limits))
}

/// What stands beside the subject: first what did not work, then the one thing to do.
fn preheader(week: &Week<'_>) -> String {
    let first = week.report.problems.first().filter(|p| subject::needs_someone(p));
    match (week.trouble.first(), first) {
        (Some(trouble), _) => trouble.clone(),
        (None, Some(p)) => format!("First: {} You need {}.", sentence(&p.title), p.effort),
        (None, None) => week.report.summary.clone(),
    }
}

/// What the machine used, in a sentence and a few lines.
fn used(resources: &Resources) -> Value {
    let told = resources::told(resources, Detail::Owner);
    let (short, forecasts) = (told.short.into_iter().take(2), told.forecasts.into_iter().take(2));
    let lines: Vec<&str> = short.chain(forecasts).chain(told.changes.into_iter().take(2)).take(5).collect();
    let text = match &resources.gaps {
        Some(gaps) => format!("{} {gaps}", resources.summary),
        None => resources.summary.clone(),
    };
    json!({ "text": text, "lines": lines })
}

/// A title as a sentence.
pub(super) fn sentence(title: &str) -> String {
    let title = title.trim_end();
    if title.ends_with(['.', '?', '!']) { title.to_owned() } else { format!("{title}.") }
}

fn view(week: &Week<'_>, fixed: &Fixed<'_>, limits: Limits) -> Value {
    let report = week.report;
    let technician = week.detail == Detail::Technician;
    let evidence = view::Limits { each: limits.evidence, all: 40 };
    let mut view = view::view(report, evidence, |_, text| text.to_owned());
    let told: Vec<&Problem> = report.problems.iter().filter(|p| subject::needs_someone(p)).take(SHOWN).collect();
    let whole = view.get("problems").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut first = whole.get(..told.len()).unwrap_or_default().to_vec();
    for (value, problem) in first.iter_mut().zip(&told) {
        add(value, beside(problem));
    }
    let rest = rest(report, told.len());
    add(&mut view, machine(report, week.purpose.as_deref(), &week.zone));
    add(
        &mut view,
        json!({
            "technician": technician,
            "first_mail": report.changes.is_none(),
            "was": report.changes.as_ref().map(|c| c.grade_before),
            "todo": first,
            "rest_title": rest.title,
            "rest_text": rest.text,
            "trouble": few(week.trouble.iter().map(|t| json!(sentence(t))).collect(), limits.few),
            "used": report.resources.as_ref().map(used),
            "fixed": fixed.view(limits.few, &week.zone),
            "fixed_count": fixed.count(),
            "left": few(week.not_fixed.iter().map(left).collect(), limits.few),
            "ends": few(report.waived.iter().filter(|w| w.ends_soon).map(|w| {
                json!({ "title": w.title, "until": w.until_text })
            }).collect(), limits.few),
            "changed": changed(report, &told, limits),
            "unseen": unseen(report, limits),
            "all": if technician { all(report, limits) } else { Value::Null },
            "next_mail": week.next_mail,
            "contact": week.contact,
            "attached": week.attached,
        }),
    );
    // Long lists that no mail has room for.
    if let Value::Object(map) = &mut view {
        for long in [
            "events",
            "results",
            "coverage",
            "areas",
            "history",
            "problems",
            "waived",
            "not_seen",
            "repair",
            "resources",
        ] {
            map.remove(long);
        }
    }
    view
}

/// What every mail says of its machine.
pub(super) fn machine(report: &Report, purpose: Option<&str>, zone: &TimeZone) -> Value {
    let mut about: Vec<&str> = purpose.map(str::trim).filter(|p| !p.is_empty()).into_iter().collect();
    about.push(&report.host.os);
    if report.host.root != "/" {
        about.push(&report.host.root);
    }
    json!({
        "name": clean::name(&report.host.name),
        "about": about.join(" · "),
        "day": local(report.audit.started, zone, "%A %-d %B %Y"),
        "looked": moment(report.audit.started, zone),
    })
}

/// `Monday 23 November at 07:00 CET`.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let zone_name = zone.to_offset_info(at).abbreviation().to_owned();
    format!("{} {zone_name}", local(at, zone, "%A %-d %B at %H:%M"))
}

pub(super) fn local(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    zone.to_datetime(at).strftime(format).to_string()
}

/// What to type for a problem, and what that does.
pub(super) fn beside(p: &Problem) -> Value {
    let command = match &p.command {
        Some(command) => format!("sudo {command}"),
        None => format!("sudo cleanbill show {}", p.check),
    };
    let mut meta = vec![format!("you need {}", p.effort)];
    meta.extend(p.takes_off().map(|points| format!("takes off {points}")));
    meta.extend(p.age.clone());
    json!({
        "title": sentence(&p.title),
        "command": command,
        "fixable": p.command.is_some(),
        "guarded": p.safety == Some(Safety::Guarded),
        "meta": meta.join(" · "),
        "more": (!p.parts.is_empty()).then(|| {
            words::count(p.parts.len(), "more problem has the same cause", "more problems have the same cause")
        }),
    })
}

fn left(not_fixed: &NotFixed) -> Value {
    json!({ "title": sentence(&not_fixed.title), "why": words::capital(&sentence(&not_fixed.why)) })
}

/// What is not named, by count; none where that is all.
struct Rest {
    /// A heading over it, and over what is named only by title; none where all is told, or only tips are left.
    title: Option<&'static str>,
    /// `Besides, there are 3 smaller problems and 11 tips.`
    text: Option<String>,
}

fn rest(report: &Report, told: usize) -> Rest {
    let count = |keep: &dyn Fn(Severity) -> bool| report.problems.iter().filter(|p| keep(p.severity)).count();
    let (small, tips) = (count(&|s| s == Severity::Low), count(&|s| s == Severity::Info));
    let names = if told == 0 { ("small problem", "small problems") } else { ("smaller problem", "smaller problems") };
    let parts = [
        (count(&|s| s >= Severity::Medium) - told, "more like these", "more like these"),
        (small, names.0, names.1),
        (tips, "tip", "tips"),
    ];
    let parts = parts.into_iter().filter(|(n, ..)| *n > 0);
    let first = parts.clone().map(|(n, ..)| n).next();
    let parts: Vec<String> = parts.map(|(n, one, many)| words::count(n, one, many)).collect();
    let is = if first == Some(1) { "is" } else { "are" };
    let start = if told > 1 { "Besides, there" } else { "There" };
    let title = match told {
        0 if small == 0 => None,
        0 => Some("What is left is small"),
        1 => first.map(|_| "The rest can wait"),
        _ => Some("Then"),
    };
    Rest { title, text: first.map(|_| format!("{start} {is} {}.", words::list(&parts))) }
}

/// What is different since the last mail and not told elsewhere in it.
fn changed(report: &Report, told: &[&Problem], limits: Limits) -> Value {
    let Some(changes) = &report.changes else { return Value::Null };
    let Changes { new, came_back, fixed, accepted, unseen, .. } = changes;
    let untold = |p: &&ProblemRef| p.severity > Severity::Info && !told.iter().any(|t| t.check == p.check);
    let groups: Vec<Value> = [("New", new), ("Came back", came_back), ("Accepted", accepted), ("Not seen", unseen)]
        .into_iter()
        .filter_map(|(title, list)| {
            let lines: Vec<Value> = list.iter().filter(untold).map(|p| json!(sentence(&p.title))).collect();
            (!lines.is_empty()).then(|| json!({ "title": title, "items": few(lines, limits.few) }))
        })
        .collect();
    let count = |list: &[ProblemRef]| list.iter().filter(|p| p.severity > Severity::Info).count();
    let any = [new, came_back, fixed, accepted, unseen].into_iter().map(|l| count(l)).sum::<usize>() > 0;
    let events = events(report);
    json!({
        "title": if any { "What else changed" } else { "What changed" },
        "groups": groups,
        "nothing": if any || !events.is_empty() {
            "Nothing else changed.".to_owned()
        } else {
            format!("Nothing changed since {}.", changes.since_day)
        },
        "events": events,
    })
}

/// What happened to the machine since the last mail, beside what the mail says already.
fn events(report: &Report) -> Vec<Value> {
    let since = report.changes.as_ref().and_then(|c| c.since);
    let Some(before) = report.history.iter().find(|p| p.audit.is_some() && p.audit == since) else {
        return Vec::new();
    };
    let mine = |e: &&crate::report::Event| {
        e.at > before.started && matches!(e.kind, EventKind::Updates | EventKind::Kernel | EventKind::Release)
    };
    let mut told: Vec<Value> =
        report.events.iter().rev().filter(mine).take(EVENTS).map(|e| json!({ "day": e.day, "text": e.text })).collect();
    told.reverse();
    told
}

/// What could not be looked at.
fn unseen(report: &Report, limits: Limits) -> Value {
    let gaps = view::gap_words(report);
    let mut lines: Vec<Value> =
        gaps.root.iter().map(|what| json!(format!("I could not see {what}: only root may read it."))).collect();
    lines.extend(gaps.other.iter().map(|(text, _)| json!(text)));
    json!({ "items": few(lines, limits.few), "questions": gaps.questions })
}

/// Every problem in one line, as many as there is room for.
fn all(report: &Report, limits: Limits) -> Value {
    let line = |p: &Problem| json!({ "title": sentence(&p.title), "check": p.check, "when": severity_words(p.severity), "effort": p.effort, "age": p.age });
    few(report.problems.iter().map(line).collect(), limits.all)
}
