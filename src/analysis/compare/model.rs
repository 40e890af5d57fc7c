//! The comparison of two audits: what every renderer shows, and what `--format json` prints.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::sentences;
use crate::{report::ProblemRef, score::Grade};

/// The version of this shape. A new field does not change it; a field that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// Two audits side by side.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Comparison {
    /// Version of this shape.
    pub schema_version: u32,
    /// What is compared: `web01: 16 November 2026 compared with 23 November 2026`.
    pub title: String,
    /// Whether both are of the same machine.
    pub same_machine: bool,
    /// The first audit, the earlier one where both are of the same machine.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// The result, in sentences.
    pub summary: String,
    /// What to know before reading on, in sentences: that the two audits could not see the same things.
    pub notes: Vec<String>,
    /// Problems of both.
    pub problems: Problems,
    /// What is different on the machine, by subject, those with the most dangerous change first.
    pub changes: Vec<Group>,
    /// Parts that could not be compared, or not wholly.
    pub not_compared: Vec<NotCompared>,
    /// Other tables with different rows, without words for them.
    pub other: Vec<Other>,
}

/// One of the two audits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Side {
    /// Number in the store.
    pub audit: Option<i64>,
    /// Host name.
    pub host: String,
    /// The directory looked at, `/` for the machine itself.
    pub root: String,
    /// Operating system.
    pub os: String,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The same for people, in UTC: `23 November 2026, 06:00`.
    pub started_text: String,
    /// Risk from 0 to 100.
    pub risk: f64,
    /// Grade.
    pub grade: Grade,
    /// Version of cleanbill that made it.
    pub version: String,
    /// Whether it ran as root.
    pub privileged: bool,
    /// Whether every check was asked.
    pub complete: bool,
}

/// Problems of both audits. Of two machines, `new` are those of the second alone, `fixed` those of the first alone.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Problems {
    /// They were not there, and had never been.
    pub new: Vec<ProblemRef>,
    /// They were not there, but had been before.
    pub came_back: Vec<ProblemRef>,
    /// They are gone.
    pub fixed: Vec<ProblemRef>,
    /// They were there, and nobody could see this time whether they still are.
    pub unseen: Vec<ProblemRef>,
    /// They were there, and someone accepted them since.
    pub accepted: Vec<ProblemRef>,
    /// They are there in both.
    pub open: Vec<ProblemRef>,
}

/// Changes of one subject.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Group {
    /// The subject: `access`, `network`, `services`, `programs`, `settings`, `files`, `disks`.
    pub id: String,
    /// The same for people.
    pub title: String,
    /// The changes, the most dangerous first.
    pub changes: Vec<Change>,
}

/// How much a change deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It may make the machine less safe.
    Danger,
    /// Someone should know of it.
    Notable,
    /// It happens in daily work.
    Routine,
    /// It makes the machine safer.
    Safer,
}

/// Something that is different.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Change {
    /// The fact table that shows it.
    pub table: String,
    /// How much it deserves a look.
    pub weight: Weight,
    /// What is different, in a sentence; long lists are cut: `and 12 more`.
    pub text: String,
    /// All that the sentence lists; nothing when it tells one thing.
    pub items: Vec<String>,
    /// The same sentence with the whole list.
    pub full_text: String,
    /// The rows behind it.
    pub rows: Vec<Pair>,
}

/// A row of a fact table in both audits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Pair {
    /// As it was; none when it was not there.
    pub before: Option<Map<String, Value>>,
    /// As it is; none when it is not there.
    pub after: Option<Map<String, Value>>,
}

/// Something that could not be compared, or not wholly.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NotCompared {
    /// The fact tables.
    pub tables: Vec<String>,
    /// What could not be compared and why, in sentences.
    pub text: String,
}

/// A table with different rows, without words for them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Other {
    /// The fact table.
    pub table: String,
    /// Rows that are new or say something else.
    pub added: usize,
    /// Rows that are gone or said something else.
    pub removed: usize,
    /// The same in a sentence.
    pub text: String,
    /// What to type to see the rows of the second audit.
    pub query: String,
}

/// Problems of one kind, as every renderer lists them.
pub(super) struct Listed<'a> {
    /// The kind, for programs: `new`, `came_back`, `fixed`, `unseen`, `accepted`, `open`.
    pub(super) id: &'static str,
    /// The same for people.
    pub(super) title: String,
    /// How much they ask for a look.
    pub(super) mark: Mark,
    /// The problems; those in both only where all is wanted.
    pub(super) problems: &'a [ProblemRef],
}

/// How much a list of problems asks for a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// They came.
    Came,
    /// They are gone, or someone accepted them: nothing is to be done.
    Done,
    /// Nobody knows.
    Unsure,
    /// They stayed.
    Same,
}

impl Comparison {
    /// The problems by kind, in the order in which they are told; `all` also has those in both.
    pub(super) fn lists(&self, all: bool) -> [Listed<'_>; 6] {
        let titles = sentences::titles(&self.before, &self.after, self.same_machine);
        let problems = &self.problems;
        let lists: [(&str, Mark, &[ProblemRef]); 6] = [
            ("new", Mark::Came, &problems.new),
            ("came_back", Mark::Came, &problems.came_back),
            ("fixed", Mark::Done, &problems.fixed),
            ("unseen", Mark::Unsure, &problems.unseen),
            ("accepted", Mark::Done, &problems.accepted),
            ("open", Mark::Same, if all { &problems.open } else { &[] }),
        ];
        let mut titles = titles.into_iter();
        lists.map(|(id, mark, problems)| Listed { id, title: titles.next().unwrap_or_default(), mark, problems })
    }
}
