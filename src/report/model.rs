//! The report model: what every renderer shows, and what `--format json` prints.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    analysis::resources::Resources,
    checks::{Evidence, Safety, Severity},
    facts::Reason,
    score::{BySeverity, Grade},
};

/// The version of this shape. A new field does not change it; a field that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// One report about one audit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this shape.
    pub schema_version: u32,
    /// Title of the report: `Health report for web01` unless another was asked for.
    pub title: String,
    /// The machine.
    pub host: Host,
    /// The audit.
    pub audit: AuditInfo,
    /// School grade from A (best) to F.
    pub grade: Grade,
    /// Risk from 0 (nothing known) to 100 (certain trouble).
    pub risk: f64,
    /// Why the grade is worse than the risk alone would give; none when it is not.
    pub grade_note: Option<String>,
    /// The result in one sentence.
    pub summary: String,
    /// What doing the first few brings and takes, in sentences; none when nothing needs doing soon.
    pub plan: Option<String>,
    /// What happens if nothing is done; empty when nothing needs doing soon.
    pub outlook: Vec<Outlook>,
    /// What moved the score since last time, in sentences.
    pub moved: String,
    /// Risk of the last audits of this machine, oldest first, this one last.
    pub history: Vec<ScorePoint>,
    /// What happened to the machine in that time, oldest first.
    pub events: Vec<Event>,
    /// What changed since the audit compared with; none when there is none.
    pub changes: Option<Changes>,
    /// How long it takes until problems are fixed; none while none was.
    pub repair: Option<Repair>,
    /// How much the machine had to do and how much room it had; none where nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Open problems, those first that take off most points.
    pub problems: Vec<Problem>,
    /// A few things that are fine.
    pub good: Vec<Good>,
    /// What could not be looked at, and why.
    pub not_seen: Vec<NotSeen>,
    /// Problems that someone accepted.
    pub waived: Vec<Waived>,
    /// Risk by area, in the order of the report.
    pub areas: Vec<Area>,
    /// How many checks came to which result.
    pub checks: Counts,
    /// How much of each framework was asked.
    pub coverage: Vec<Coverage>,
    /// Every check with its result.
    pub results: Vec<CheckResult>,
}

/// The machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// Stable id of the installation.
    pub id: String,
    /// Operating system.
    pub os: String,
    /// `physical`, `vm`, `system-container`, `container` or `image`.
    pub kind: String,
    /// `server` or `desktop`.
    pub role: String,
    /// Running kernel.
    pub kernel: Option<String>,
    /// The directory looked at, `/` for the machine itself.
    pub root: String,
    /// What it is made of and what runs on it, for the technical part.
    pub details: Vec<Detail>,
}

/// A fact of the machine, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Detail {
    /// What: `Memory`.
    pub name: String,
    /// Its value: `3.8 GB`.
    pub value: String,
}

/// The audit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditInfo {
    /// Number in the store; none when it was not stored.
    pub id: Option<i64>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The same for people, in UTC.
    pub started_text: String,
    /// Seconds it took.
    pub seconds: f64,
    /// `looked at 386,120 files, 31 services and 412 programs in 0.9 seconds`.
    pub looked_at: String,
    /// Version of cleanbill.
    pub version: String,
    /// Whether it ran as root.
    pub privileged: bool,
    /// Whether every check was asked.
    pub complete: bool,
}

/// One point of the score's history.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScorePoint {
    /// Audit number; none for one that was not stored.
    pub audit: Option<i64>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Risk.
    pub risk: f64,
    /// Grade.
    pub grade: Grade,
    /// Open problems that count.
    pub problems: BySeverity,
}

/// What can happen if nothing is done, in a sentence or two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Outlook {
    /// The check whose problem can do this; none where it is about the machine.
    pub check: Option<String>,
    /// The sentences.
    pub text: String,
}

/// Something that happened to the machine between two audits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Event {
    /// When the audit began that saw it first; of an acceptance, when it was made.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The day for people: `9 November`.
    pub day: String,
    /// What kind.
    pub kind: EventKind,
    /// What happened: `14 programs were updated`.
    pub text: String,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Programs were updated.
    Updates,
    /// Another kernel runs.
    Kernel,
    /// Another release of the operating system.
    Release,
    /// Someone accepted a risk.
    Accepted,
    /// cleanbill put something right.
    Fixes,
}

/// What changed since the audit compared with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Changes {
    /// That audit's number.
    pub since: Option<i64>,
    /// When it was, for people: `3 days ago`.
    pub since_text: String,
    /// The same as a day: `16 November 2026`.
    pub since_day: String,
    /// Risk then.
    pub risk_before: f64,
    /// Grade then.
    pub grade_before: Grade,
    /// Problems that were not there, and had never been.
    pub new: Vec<ProblemRef>,
    /// Problems that were not there, but had been before: they came back.
    pub came_back: Vec<ProblemRef>,
    /// Problems that are gone.
    pub fixed: Vec<ProblemRef>,
    /// Problems that were there already.
    pub open: Vec<ProblemRef>,
    /// Problems that were there and that someone accepted since.
    pub accepted: Vec<ProblemRef>,
    /// Problems that were there and that could not be looked at this time.
    pub unseen: Vec<ProblemRef>,
}

/// How long it takes until problems are fixed. Tips are left out, and problems that stand under another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Repair {
    /// How many were fixed in these months.
    pub fixed: usize,
    /// Days from when a problem was first seen until it was seen to be gone: half of them took no longer.
    pub median_days: f64,
    /// The same in a sentence.
    pub text: String,
    /// The last months, oldest first.
    pub months: Vec<RepairMonth>,
    /// By severity, worst first; severities without any are left out.
    pub severities: Vec<RepairSeverity>,
}

/// Problems fixed in one month.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RepairMonth {
    /// The month: `2026-11`.
    pub month: String,
    /// For people: `Nov`.
    pub name: String,
    /// How many were fixed.
    pub fixed: usize,
    /// Days it took, as [`Repair::median_days`]; none when none was fixed.
    pub median_days: Option<f64>,
}

/// Problems of one severity: how fast they go, and how long the open ones have waited.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RepairSeverity {
    /// The severity.
    pub severity: Severity,
    /// How many were fixed.
    pub fixed: usize,
    /// Days it took, as [`Repair::median_days`]; none when none was fixed.
    pub median_days: Option<f64>,
    /// How many are open.
    pub open: usize,
    /// Days for which the oldest of them has been open; none when none is.
    pub oldest_days: Option<i64>,
}

/// A problem by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProblemRef {
    /// The check's id.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad, now or when it was last there.
    pub severity: Severity,
    /// `open for 23 days`, `came back after 3 weeks`, or of a fixed one `after 12 days`; none where that says nothing.
    pub age: Option<String>,
}

/// An open problem.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// The check's id.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Id of the area.
    pub group: String,
    /// Name of the area.
    pub area: String,
    /// Points that solving it takes off the risk, once the problems before it are solved.
    pub points: f64,
    /// The same for people: `9`, `under 1`, or nothing for a tip.
    pub points_text: String,
    /// Minutes a person needs.
    pub minutes: u32,
    /// `5 minutes`, or `a decision`.
    pub effort: String,
    /// What could happen.
    pub why: String,
    /// What to do.
    pub advice: String,
    /// How to fix it by hand, step by step.
    pub steps: Vec<String>,
    /// What putting it right is called.
    pub fix: Option<String>,
    /// Whether putting it right can do harm.
    pub safety: Option<Safety>,
    /// What putting it right may interrupt or break.
    pub effect: Option<String>,
    /// What to type to have it put right; none where only a person can.
    pub command: Option<String>,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// How many pieces of evidence there are in all.
    pub evidence_total: usize,
    /// Since when it has been open.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// `new`, `open for 23 days` or `came back after 3 weeks`; nothing on the first audit.
    pub age: Option<String>,
    /// Whether it had been fixed once and is there again.
    pub came_back: bool,
    /// Problems with the same cause, told under this one.
    pub parts: Vec<Part>,
    /// By framework.
    pub references: Vec<Reference>,
}

/// A problem with the same cause as the one it stands under.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Part {
    /// The check's id.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// How many pieces of evidence there are in all.
    pub evidence_total: usize,
}

/// References of a check in one framework.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reference {
    /// Name of the framework.
    pub framework: String,
    /// Ids in it.
    pub ids: Vec<String>,
}

/// Something that is fine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Good {
    /// The check's id.
    pub check: String,
    /// What is fine.
    pub text: String,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NotSeen {
    /// What, in words that complete "I could not see …".
    pub what: String,
    /// Why, in words.
    pub why: String,
    /// The same as a fixed word with its detail.
    pub reason: Reason,
    /// The file or program concerned.
    pub source: String,
    /// Checks without an answer because of it.
    pub checks: Vec<String>,
}

/// A problem that someone accepted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waived {
    /// The check's id.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    pub who: String,
    /// Until when, `2026-12-31`.
    pub until: String,
    /// The same for people: `31 December, in 5 weeks`.
    pub until_text: String,
    /// Whether it ends within 30 days and then counts again.
    pub ends_soon: bool,
}

/// An area of the machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Area {
    /// Id of the group.
    pub group: String,
    /// Name for people.
    pub title: String,
    /// Risk of its problems alone.
    pub risk: f64,
    /// Its grade.
    pub grade: Grade,
    /// How many checks came to which result.
    pub checks: Counts,
}

impl Area {
    /// Whether all of it was looked at, and nothing was found: not even what someone accepted.
    pub(super) fn is_quiet(&self) -> bool {
        self.checks.problem + self.checks.waived + self.checks.unknown == 0 && self.checks.ok > 0
    }
}

/// Checks by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Found something that counts.
    pub problem: usize,
    /// Found nothing.
    pub ok: usize,
    /// Do not apply to this machine.
    pub not_applicable: usize,
    /// Got no answer.
    pub unknown: usize,
    /// Found something that was accepted.
    pub waived: usize,
    /// All that were asked.
    pub total: usize,
}

/// How much of a framework was asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Coverage {
    /// Name of the framework.
    pub framework: String,
    /// Different ids of it that the checks refer to.
    pub ids: usize,
    /// Of these, ids whose checks all came out fine.
    pub fine: usize,
    /// Of these, ids with a problem.
    pub problem: usize,
}

/// Result of one check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckResult {
    /// The check's id.
    pub check: String,
    /// Its title.
    pub title: String,
    /// Id of the area.
    pub group: String,
    /// Name of the area.
    pub area: String,
    /// `problem`, `ok`, `not_applicable`, `unknown` or `waived`.
    pub result: String,
    /// Why it does not apply or got no answer.
    pub why: Option<String>,
    /// By framework, for events that tell of each check by itself; in JSON they stand with the problems only, or it would be
    /// half as large again.
    #[serde(skip)]
    pub references: Vec<Reference>,
}
