//! One mail for many machines: which need someone, how all are, what changed, which were not heard of.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    clean,
    mail::{self, Draft, Limits, Mail, add, few},
    week::{local, sentence},
};
use crate::{
    report::{
        TemplateError,
        fleet::{Fleet, FleetChange, FleetHost},
        options::Detail,
    },
    score::Grade,
    words,
};

/// Machines without trouble that are named.
const NAMED: usize = 12;

/// What the mail is made of.
#[derive(Debug, Clone)]
pub struct Digest<'a> {
    /// The overview, each machine compared with what the last mail told.
    pub fleet: &'a Fleet,
    /// Machines that should have been heard of and were not, beside those that the overview knows to be stale: the name,
    /// and since when or why, as in `last heard of on 9 November`.
    pub silent: Vec<(String, String)>,
    /// What did not go as planned, in sentences.
    pub trouble: Vec<String>,
    /// When the next mail comes.
    pub next_mail: Option<String>,
    /// For whom it is.
    pub detail: Detail,
    /// Where its reader lives.
    pub zone: TimeZone,
    /// Whether the full overview is attached as PDF.
    pub attached: bool,
}

/// The mail.
///
/// # Errors
/// When a built-in template does not work.
pub fn digest(digest: &Digest<'_>, own: &Path) -> Result<Mail, TemplateError> {
    let fleet = digest.fleet;
    let (need, mut fine): (Vec<&FleetHost>, Vec<&FleetHost>) = fleet.hosts.iter().partition(|h| needs_someone(h));
    // How one is that was not heard of, nobody knows.
    fine.retain(|h| !h.stale && !digest.silent.iter().any(|(name, _)| *name == h.name));
    let silent = silent(digest);
    let draft = Draft {
        name: "digest",
        subject: subject(&need, fleet.hosts.len(), silent.len(), digest.trouble.len()),
        preheader: digest.trouble.first().unwrap_or(&fleet.summary).clone(),
        shown: Vec::new(),
    };
    mail::made(own, draft, &|limits| {
        let mut view = json!({
            "day": local(fleet.newest, &digest.zone, "%A %-d %B %Y"),
            "machines": words::count(fleet.hosts.len(), "machine", "machines"),
            "summary": fleet.summary,
            "moved": fleet.moved,
            "plan": fleet.plan,
            "version": fleet.version,
        });
        add(
            &mut view,
            json!({
                "grades": fleet.grades.iter().map(|g| json!({
                    "grade": g.grade, "hosts": g.hosts, "look": look(g.grade),
                })).collect::<Vec<_>>(),
                "grades_text": grades_text(fleet),
                "need": few(need.iter().map(|h| host(h)).collect(), limits.all.min(25)),
                "fine": fine_text(&fine),
                "silent": few(silent.clone(), limits.few),
                "trouble": few(digest.trouble.iter().map(|t| json!(sentence(t))).collect(), limits.few),
                "went": few(fleet.went.iter().map(change).collect(), limits.few),
                "came": few(fleet.came.iter().map(change).collect(), limits.few),
                "all": if digest.detail == Detail::Technician { problems(fleet, limits) } else { Value::Null },
                "next_mail": digest.next_mail,
                "attached": digest.attached,
            }),
        );
        view
    })
}

fn needs_someone(host: &FleetHost) -> bool {
    host.problems.critical + host.problems.high + host.problems.medium > 0
}

/// `3 of 12 machines need you, db04 first`.
fn subject(need: &[&FleetHost], all: usize, silent: usize, trouble: usize) -> String {
    let machines = words::count(all, "machine", "machines");
    let mut text = match need {
        [] if all == 1 => "The machine is fine: nothing needs you".to_owned(),
        [] if silent == 0 && trouble == 0 => format!("All {machines} are fine: nothing needs you"),
        [] => format!("{machines}: nothing needs you"),
        [one] => format!("1 of {machines} needs you: {} is {}", clean::name(&one.name), one.grade.named()),
        [first, ..] => {
            format!("{} of {machines} need you: {} is {}", need.len(), clean::name(&first.name), first.grade.named())
        }
    };
    match (silent, trouble) {
        (0, 0) => {}
        (0, 1) => text.push_str(", but one thing went wrong"),
        (0, n) => text.push_str(&format!(", but {n} things went wrong")),
        (n, _) => text.push_str(&format!(", {n} {} silent", if n == 1 { "is" } else { "are" })),
    }
    text
}

/// Machines that nobody heard of.
fn silent(digest: &Digest<'_>) -> Vec<Value> {
    let told = digest.silent.iter().map(|(name, text)| json!({ "name": name, "text": text }));
    let known = |name: &str| digest.silent.iter().any(|(n, _)| n == name);
    let stale = digest.fleet.hosts.iter().filter(|h| h.stale && !known(&h.name));
    let stale = stale.map(|h| json!({ "name": h.name, "text": format!("last looked at on {}", h.looked_text) }));
    let skipped = digest.fleet.skipped.iter().map(|s| json!({ "name": s.file, "text": s.why }));
    told.chain(stale).chain(skipped).collect()
}

fn look(grade: Grade) -> &'static str {
    match grade {
        Grade::A | Grade::B => "good",
        Grade::C => "fair",
        Grade::D | Grade::F => "poor",
    }
}

fn host(host: &FleetHost) -> Value {
    let first = host.first.first();
    json!({
        "name": clean::name(&host.name),
        "grade": host.grade,
        "named": host.grade.named(),
        "look": look(host.grade),
        "was": host.grade_before.filter(|g| *g != host.grade),
        "count": host.problems_text,
        "title": first.map(|p| sentence(&p.title)),
        "when": first.map(|p| p.when.clone()),
        "severity": first.map(|p| p.severity),
        "effort": first.map(|p| p.effort.clone()),
        "age": first.and_then(|p| p.age.clone()),
    })
}

/// `Ten with an A, one with a B and one with a D.`
fn grades_text(fleet: &Fleet) -> String {
    let some = fleet.grades.iter().filter(|g| g.hosts > 0);
    let parts: Vec<String> = some.map(|g| format!("{} with {}", words::number(g.hosts), g.grade.named())).collect();
    words::capital(&format!("{}.", words::list(&parts)))
}

fn fine_text(fine: &[&FleetHost]) -> Option<String> {
    let mut names: Vec<String> = fine.iter().map(|h| clean::name(&h.name)).collect();
    names.sort();
    let over = names.len().saturating_sub(NAMED);
    if over > 1 {
        names.truncate(NAMED);
        names.push(format!("{over} more"));
    }
    (!names.is_empty()).then(|| words::list(&names))
}

fn change(change: &FleetChange) -> Value {
    json!({ "title": sentence(&change.title), "hosts": change.hosts_named })
}

fn problems(fleet: &Fleet, limits: Limits) -> Value {
    let line = |p: &crate::report::fleet::FleetProblem| json!({ "title": sentence(&p.title), "when": p.when, "hosts": p.hosts_text, "named": p.hosts_named, "check": p.check });
    few(fleet.problems.iter().map(line).collect(), limits.all)
}
