//! The model of the overview: what every renderer shows, and what `--format json` prints.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    checks::Severity,
    report::{Outlook, ScorePoint},
    score::{BySeverity, Grade},
};

/// An overview of many machines.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fleet {
    /// Version of this shape, as that of the report.
    pub schema_version: u32,
    /// Title of the overview.
    pub title: String,
    /// When the newest of the audits began.
    #[schemars(with = "String")]
    pub newest: Timestamp,
    /// The same for people.
    pub newest_text: String,
    /// The result in one or two sentences.
    pub summary: String,
    /// What changed since the audits before, in a sentence.
    pub moved: String,
    /// What to do first: what helps most machines most, in a sentence; none when nothing needs doing soon.
    pub plan: Option<String>,
    /// How many machines have each grade, from A to F.
    pub grades: Vec<GradeCount>,
    /// The machines, worst first.
    pub hosts: Vec<FleetHost>,
    /// Problems by how many machines have them, what weighs most in all first.
    pub problems: Vec<FleetProblem>,
    /// Problems that came on some machine since the audit before.
    pub came: Vec<FleetChange>,
    /// Problems that went.
    pub went: Vec<FleetChange>,
    /// Histories that could not be used, and why.
    pub skipped: Vec<Skipped>,
    /// Version of cleanbill.
    pub version: String,
}

/// Machines of one grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GradeCount {
    /// The grade.
    pub grade: Grade,
    /// How many machines.
    pub hosts: usize,
}

/// One machine in the overview.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetHost {
    /// Its name; told apart by part of its id where another has the same.
    pub name: String,
    /// Stable id of the installation.
    pub id: String,
    /// Operating system.
    pub os: String,
    /// Grade.
    pub grade: Grade,
    /// Risk.
    pub risk: f64,
    /// The same for people.
    pub risk_text: String,
    /// Grade before; none on the first audit.
    pub grade_before: Option<Grade>,
    /// What moved, in sentences.
    pub moved: String,
    /// The result in one sentence.
    pub summary: String,
    /// What doing the first few brings and takes.
    pub plan: Option<String>,
    /// What happens there if nothing is done.
    pub outlook: Vec<Outlook>,
    /// The score of its audits, oldest first.
    pub history: Vec<ScorePoint>,
    /// Open problems that count.
    pub problems: BySeverity,
    /// `1 critical, 3 high` or `nothing`: the counts in words.
    pub problems_text: String,
    /// The first few problems.
    pub first: Vec<HostProblem>,
    /// How many more problems and tips there are.
    pub more: usize,
    /// The same for people: `and 19 more`; none where that is all.
    pub more_text: Option<String>,
    /// When it was looked at.
    #[schemars(with = "String")]
    pub looked: Timestamp,
    /// The same for people: `23 November`.
    pub looked_text: String,
    /// Whether that is more than two weeks before the newest audit of all.
    pub stale: bool,
}

/// A problem of one machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostProblem {
    /// The check's id.
    pub check: String,
    /// What is wrong.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// `do this week`, as the report says it.
    pub when: String,
    /// `9 points`; none where a number would mislead.
    pub points: Option<String>,
    /// Time it takes.
    pub effort: String,
    /// How old it is.
    pub age: Option<String>,
}

/// A problem and the machines that have it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetProblem {
    /// The check's id.
    pub check: String,
    /// What is wrong, as the check says it for any machine.
    pub title: String,
    /// The worst it is on any of them.
    pub severity: Severity,
    /// `do this week`, for that severity.
    pub when: String,
    /// Name of the area.
    pub area: String,
    /// The machines, by name.
    pub hosts: Vec<String>,
    /// The same in words, the first few: `web01, web02 and 12 more`.
    pub hosts_named: String,
    /// `12 of 40 machines`.
    pub hosts_text: String,
    /// Time it takes on one machine.
    pub effort: String,
}

/// A problem that came or went, and where.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetChange {
    /// The check's id.
    pub check: String,
    /// What is or was wrong.
    pub title: String,
    /// How bad, at worst.
    pub severity: Severity,
    /// The machines, by name.
    pub hosts: Vec<String>,
    /// The same in words, the first few.
    pub hosts_named: String,
}

/// A history that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// Why.
    pub why: String,
}
