//! How a machine went over time: what every renderer shows, and what `--format json` prints.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    checks::Severity,
    report::{Event, ScorePoint},
};

/// The version of this shape. A new field does not change it; a field that goes or changes its meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// What was asked for, of one machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Trend {
    /// Version of this shape.
    pub schema_version: u32,
    /// Host name.
    pub host: String,
    /// The directory looked at, `/` for the machine itself.
    pub root: String,
    /// What it shows, in sentences.
    pub sentence: String,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of a trend.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "about", rename_all = "lowercase")]
pub enum Figures {
    /// The risk at each look.
    Score(Points),
    /// The open problems at each look, by severity.
    Problems(Points),
    /// One check: when its problem came and went.
    Check(CheckTrend),
}

/// Looks at the machine, oldest first: the last few, and before them one a day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Points {
    /// The looks.
    pub points: Vec<ScorePoint>,
    /// What happened to the machine in that time.
    pub events: Vec<Event>,
}

/// One check over time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckTrend {
    /// The check's id.
    pub check: String,
    /// What it asks, as a statement that is true when there is a problem.
    pub title: String,
    /// Whether the problem is there; none when the last look could not tell.
    pub open: Option<bool>,
    /// When the problem was there, oldest first.
    pub spells: Vec<Spell>,
    /// What each look found, oldest first.
    pub looks: Vec<Look>,
}

/// A time in which the problem was there.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Spell {
    /// The first look that saw it.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// The first look that no longer saw it; none while it is there.
    #[schemars(with = "Option<String>")]
    pub to: Option<Timestamp>,
    /// How bad it was at worst.
    pub severity: Option<Severity>,
    /// The same in words: `from 1 June to 15 June 2026, 14 days`.
    pub text: String,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Look {
    /// Number of the audit.
    pub audit: i64,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// `problem`, `waived`, `ok`, `not_applicable` or `unknown`.
    pub result: String,
    /// How bad; of a problem alone.
    pub severity: Option<Severity>,
    /// How many pieces of evidence.
    pub count: usize,
}

/// Moments from which on looks are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So many days before the newest look.
    Days(u32),
    /// The beginning of this day, UTC.
    Day(jiff::civil::Date),
}

impl Since {
    /// The moment, for a history that ends at `last`.
    pub(super) fn moment(self, last: Timestamp) -> Timestamp {
        match self {
            Since::Days(days) => {
                let back = i64::from(days).saturating_mul(86_400);
                Timestamp::from_second(last.as_second().saturating_sub(back)).unwrap_or(Timestamp::MIN)
            }
            Since::Day(day) => jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MIN),
        }
    }
}
