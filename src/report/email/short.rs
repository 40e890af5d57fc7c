//! Short mails between the weekly ones: something critical, something solved, and the mail that tries the way.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    FixedBy, clean,
    fixed::Fixed,
    mail::{self, Draft, Limits, Mail, add, few},
    subject,
    week::{beside, local, machine, moment, sentence},
};
use crate::{
    checks::Severity,
    report::{Problem, Report, TemplateError, options::Detail, view},
    words,
};

/// Something that cannot wait for the weekly mail.
#[derive(Debug, Clone)]
pub struct Alert<'a> {
    /// The audit that found it.
    pub report: &'a Report,
    /// What is told; each at most once in a mail.
    pub news: Vec<News>,
    /// For whom it is.
    pub detail: Detail,
    /// What the machine is for.
    pub purpose: Option<String>,
    /// Where its reader lives.
    pub zone: TimeZone,
    /// Whom to ask, by name.
    pub contact: Option<String>,
}

/// A problem and why it is told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The check's id.
    pub check: String,
    /// What is wrong, for one that the report no longer holds.
    pub title: String,
    /// Why it is told now.
    pub kind: Kind,
}

/// Why a problem is told between two weekly mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is still open a week after it was told.
    StillOpen,
    /// It was told, and is worse now.
    Worse,
    /// It was not there before.
    Found,
}

/// Something that was told is solved.
#[derive(Debug, Clone)]
pub struct Solved<'a> {
    /// The audit that saw it to be gone.
    pub report: &'a Report,
    /// What is solved, and by whom.
    pub solved: Vec<FixedBy>,
    /// What the machine is for.
    pub purpose: Option<String>,
    /// Where its reader lives.
    pub zone: TimeZone,
}

/// The mail that tries whether mail arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMail {
    /// Name of the machine.
    pub host: String,
    /// What it is for.
    pub purpose: Option<String>,
    /// Who set it up: the name of a user.
    pub who: Option<String>,
    /// When the mail is sent.
    pub at: Timestamp,
    /// What will come when, in sentences: `Every Monday at 07:00: how the machine is.`
    pub plan: Vec<String>,
    /// Where its reader lives.
    pub zone: TimeZone,
}

/// Fixes that were done without asking, and that take themselves back unless someone keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// Name of the machine.
    pub host: String,
    /// What it is for.
    pub purpose: Option<String>,
    /// What was done, as instructions: `Turn off root login over SSH`.
    pub fixed: Vec<String>,
    /// When they were done.
    pub at: Timestamp,
    /// When they take themselves back.
    pub until: Timestamp,
    /// Where its reader lives.
    pub zone: TimeZone,
}

/// The history of a machine cannot be used, so it is not looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Name of the machine.
    pub host: String,
    /// What it is for.
    pub purpose: Option<String>,
    /// Why, as a sentence.
    pub why: String,
    /// What to do, as a sentence.
    pub hint: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Where its reader lives.
    pub zone: TimeZone,
}

/// Tells of critical problems, as soon as an audit finds them.
///
/// # Errors
/// When a built-in template does not work.
pub fn alert(alert: &Alert<'_>, own: &Path) -> Result<Mail, TemplateError> {
    let report = alert.report;
    let mut told: Vec<(&News, Option<usize>)> = alert.news.iter().map(|n| (n, place(report, &n.check))).collect();
    // The report has the worst first.
    told.sort_by_key(|(_, place)| place.unwrap_or(usize::MAX));
    // A problem may stand for another with the same cause.
    told.dedup_by(|a, b| a.1.is_some() && a.1 == b.1);
    let problem = |place: Option<usize>| place.and_then(|n| report.problems.get(n));
    let titles: Vec<&str> =
        told.iter().map(|(news, at)| problem(*at).map_or(news.title.as_str(), |p| p.title.as_str())).collect();
    let name = clean::name(&report.host.name);
    let urgent = |severity: Option<Severity>| match severity {
        Some(Severity::Critical) => "today",
        Some(Severity::High) => "this week",
        _ => "soon",
    };
    let severities = || told.iter().map(|(_, at)| problem(*at).map(|p| p.severity));
    let urgency = urgent(severities().flatten().max());
    let alike = severities().all(|s| urgent(s) == urgency);
    let kind = told.iter().map(|(news, _)| news.kind).max().unwrap_or(Kind::Found);
    let start = match kind {
        Kind::Found => format!("{name} needs you {urgency}"),
        Kind::Worse => format!("{name} got worse"),
        Kind::StillOpen => format!("{name} still needs you"),
    };
    let draft = Draft {
        name: "alert",
        subject: subject::told(&start, &titles, "problems"),
        preheader: told.iter().find_map(|(_, at)| problem(*at)).map_or_else(String::new, |p| p.why.clone()),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits| {
        let evidence = view::Limits { each: limits.evidence, all: 40 };
        let mut view = view::view(report, evidence, |_, text| text.to_owned());
        let whole = view.get("problems").and_then(Value::as_array).cloned().unwrap_or_default();
        let items = told.iter().map(|(news, at)| {
            let mut item = at.and_then(|n| whole.get(n)).cloned().unwrap_or_else(|| json!({}));
            match problem(*at) {
                Some(p) => add(&mut item, beside(p)),
                None => add(&mut item, json!({ "title": sentence(&news.title), "command": null })),
            }
            add(&mut item, json!({ "why_now": why_now(news.kind, problem(*at)) }));
            item
        });
        let items = few(items.collect(), limits.few);
        add(&mut view, machine(report, alert.purpose.as_deref(), &alert.zone));
        add(
            &mut view,
            json!({
                "lead": lead(&name, kind, told.len(), (urgency, alike)),
                "news": items,
                "technician": alert.detail == Detail::Technician,
                "contact": alert.contact,
                "left": null,
            }),
        );
        bare(&mut view);
        view
    })
}

/// Where a problem, or the one it stands under, is in the report.
fn place(report: &Report, check: &str) -> Option<usize> {
    report.problems.iter().position(|p| p.check == check || p.parts.iter().any(|part| part.check == check))
}

fn lead(name: &str, kind: Kind, count: usize, (urgency, alike): (&str, bool)) -> String {
    match (kind, count) {
        (Kind::Found, 1) => format!("A problem on {name} should be dealt with {urgency}."),
        (Kind::Found, n) => {
            let first = if alike { "" } else { ", the first" };
            format!("{} problems on {name} should be dealt with{first} {urgency}.", words::capital(&words::number(n)))
        }
        (Kind::Worse, 1) => format!("A problem on {name} got worse."),
        (Kind::Worse, n) => format!("{} problems on {name} got worse.", words::capital(&words::number(n))),
        (Kind::StillOpen, 1) => format!("A problem on {name} is still open after a week."),
        (Kind::StillOpen, n) => {
            format!("{} problems on {name} are still open after a week.", words::capital(&words::number(n)))
        }
    }
}

fn why_now(kind: Kind, problem: Option<&Problem>) -> String {
    let age = problem.and_then(|p| p.age.as_deref()).filter(|age| age.starts_with("open for"));
    match (kind, age) {
        (Kind::Found, _) => "New".to_owned(),
        (Kind::Worse, _) => "Worse than before".to_owned(),
        (Kind::StillOpen, Some(age)) => words::capital(age),
        (Kind::StillOpen, None) => "Still open".to_owned(),
    }
}

/// Leaves out the long lists of the model, which no short mail shows.
fn bare(view: &mut Value) {
    if let Value::Object(map) = view {
        for long in
            ["results", "coverage", "areas", "history", "problems", "waived", "not_seen", "repair", "events", "changes"]
        {
            map.remove(long);
        }
    }
}

/// Tells that something is solved.
///
/// # Errors
/// When a built-in template does not work.
pub fn solved(solved: &Solved<'_>, own: &Path) -> Result<Mail, TemplateError> {
    let report = solved.report;
    let name = clean::name(&report.host.name);
    let titles: Vec<&str> = solved.solved.iter().map(|s| s.title.as_str()).collect();
    let fixed = Fixed::new(&solved.solved, &[], &[], report.audit.started);
    let now = format!("{name} is {} now, with a risk of {} of 100.", report.grade.named(), words::whole(report.risk));
    let draft = Draft {
        name: "solved",
        subject: subject::told(&format!("Solved on {name}"), &titles, "problems"),
        preheader: format!("{now} {}", report.summary),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits: Limits| {
        let mut view = view::view(report, view::Limits { each: 0, all: 0 }, |_, text| text.to_owned());
        add(&mut view, machine(report, solved.purpose.as_deref(), &solved.zone));
        let lead = if titles.len() == 1 { "This is solved".to_owned() } else { "These are solved".to_owned() };
        add(&mut view, json!({ "lead": lead, "fixed": fixed.view(limits.few, &solved.zone), "now": now }));
        bare(&mut view);
        view
    })
}

/// Tells that a machine is not looked after.
///
/// # Errors
/// When a built-in template does not work.
pub fn stuck(stuck: &Stuck, own: &Path) -> Result<Mail, TemplateError> {
    let name = clean::name(&stuck.host);
    let draft = Draft {
        name: "stuck",
        subject: format!("{name} is not looked after: its history cannot be used"),
        preheader: stuck.why.clone(),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits: Limits| {
        json!({
            "name": name,
            "about": stuck.purpose,
            "day": local(stuck.at, &stuck.zone, "%A %-d %B %Y"),
            "at": moment(stuck.at, &stuck.zone),
            "why": clean::text(&stuck.why, limits.letters * 4),
            "hint": clean::text(&stuck.hint, limits.letters * 4),
        })
    })
}

/// Tells of fixes that wait to be kept.
///
/// # Errors
/// When a built-in template does not work.
pub fn confirm(confirm: &Confirm, own: &Path) -> Result<Mail, TemplateError> {
    let name = clean::name(&confirm.host);
    let until = moment(confirm.until, &confirm.zone);
    let draft = Draft {
        name: "confirm",
        subject: format!("{name} was fixed: keep it, or it takes itself back"),
        preheader: format!("Log in as you always do. If that works, keep it before {until}."),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits: Limits| {
        json!({
            "name": name,
            "about": confirm.purpose,
            "day": local(confirm.at, &confirm.zone, "%A %-d %B %Y"),
            "at": moment(confirm.at, &confirm.zone),
            "until": until,
            "fixed": few(confirm.fixed.iter().map(|f| json!(sentence(f))).collect(), limits.few),
        })
    })
}

/// Tells that mail works, and what will come.
///
/// # Errors
/// When a built-in template does not work.
pub fn test_mail(test: &TestMail, own: &Path) -> Result<Mail, TemplateError> {
    let name = clean::name(&test.host);
    let draft = Draft {
        name: "test",
        subject: format!("Mail from {name} works"),
        preheader: format!("You will hear from {name} by mail. There is nothing to do now."),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits: Limits| {
        json!({
            "name": name,
            "about": test.purpose,
            "day": local(test.at, &test.zone, "%A %-d %B %Y"),
            "at": moment(test.at, &test.zone),
            "who": test.who,
            "plan": few(test.plan.iter().map(|p| json!(sentence(p))).collect(), limits.few),
        })
    })
}
