//! What will run out on a machine: disks, room for new files, memory, swap, certificates. It reads the days of the history
//! and asks the forecasts; it never reads the machine and prints nothing.

mod ends;
pub mod metric;
mod output;
mod table;
#[cfg(test)]
mod tests;
pub mod text;
mod things;

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::Serialize;

pub use output::{Outlooks, csv, points};
pub use table::fill;

use crate::store::{Store, StoreError};

/// What is likely to become of one thing that can run out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Outlook {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is, for people: `The disk /var`. Nothing in it does harm.
    pub what: String,
    /// The metric that tells of it.
    pub metric: String,
    /// The labels of its series.
    pub labels: BTreeMap<String, String>,
    /// The unit of the values, as OpenTelemetry writes it.
    pub unit: String,
    /// The last value.
    pub now: f64,
    /// The value at which it has run out.
    pub limit: Option<f64>,
    /// What can be said of it.
    pub state: State,
    /// Around when it runs out: as likely before as after it.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// One in ten such forecasts end before this moment.
    #[schemars(with = "Option<String>")]
    pub earliest: Option<Timestamp>,
    /// One in ten end after it; nothing where that is further than can be looked.
    #[schemars(with = "Option<String>")]
    pub latest: Option<Timestamp>,
    /// Days from now until `at`, below 0 when that is past.
    pub days_left: Option<f64>,
    /// All of this as one sentence: `The disk /var will be full around 14 March (between 9 and 22 March).`
    pub says: String,
    /// How good forecasts of its own past were; nothing where none was needed or none could be made.
    pub trust: Option<Trust>,
    /// What was measured, a mean a day, oldest first.
    pub history: Vec<Seen>,
    /// What is likely next, a day each; empty where nothing is said.
    pub forecast: Vec<Ahead>,
}

/// What kind of thing runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Room of a file system.
    Disk,
    /// Room for new files of a file system.
    Inodes,
    /// Memory of the machine.
    Memory,
    /// Memory that one program takes more and more of.
    Program,
    /// Swap.
    Swap,
    /// The time of a certificate that a server shows.
    Certificate,
    /// Anything else that was asked for.
    Other,
}

/// What can be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It has run out.
    RunOut,
    /// It will run out around the moment in `at`.
    Foretold,
    /// It will end then, and a new one is late: so far each came sooner before the end.
    Late,
    /// It could run out, but hardly before the moment in `earliest`.
    Later,
    /// It will not run out as far as can be looked.
    Steady,
    /// What is likely is told; there is no limit that could be reached.
    Likely,
    /// Nothing can be said.
    Unsaid {
        /// Why, in words: `3 days of history are too few, about 14 are needed`.
        because: String,
    },
}

/// How good forecasts of a thing's own past were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Trust {
    /// Days of history in which something was measured.
    pub days: usize,
    /// From how many moments of the past it was tried.
    pub tries: usize,
    /// How far such forecasts were off on average, in the unit of the values.
    pub error: f64,
    /// How far a plain guess was off: that all stays as it is, or as it was a week before.
    pub plain_error: f64,
    /// The part of what came that lay between the least and the most that were foreseen, where that was tried.
    pub held: Option<f64>,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Seen {
    /// When the day or hour began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The mean.
    pub value: f64,
}

/// What is likely.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Ahead {
    /// The middle of the day or hour.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// One in ten values should lie below it.
    pub low: f64,
    /// Half of the values should lie above it.
    pub value: f64,
    /// One in ten values should lie above it.
    pub high: f64,
}

/// All that can run out on a machine, the worst first. `now` and the time zone are those of the reader.
///
/// # Errors
/// When the history cannot be read.
pub fn outlooks(store: &Store, host: &str, now: Timestamp, zone: &TimeZone) -> Result<Vec<Outlook>, StoreError> {
    let metrics: Vec<&str> = things::metrics().chain([ends::METRIC]).collect();
    let reader = things::Reader::new(store, host, (now, zone), &metrics, (things::PAST, 24))?;
    let mut all = things::outlooks(&reader);
    all.extend(ends::outlooks(&reader)?);
    all.sort_by(|a, b| a.order().cmp(&b.order()).then_with(|| a.what.cmp(&b.what)));
    Ok(all)
}

impl Outlook {
    /// What has run out, then what is foretold by its day, then what could; then what nothing can be said of.
    fn order(&self) -> (u8, Option<Timestamp>) {
        match self.state {
            State::RunOut => (0, self.at),
            State::Foretold | State::Late => (1, self.at),
            State::Later => (2, self.earliest),
            State::Unsaid { .. } => (3, None),
            State::Steady | State::Likely => (4, None),
        }
    }

    /// Whether it has run out or a day is named for it.
    pub fn is_foretold(&self) -> bool {
        matches!(self.state, State::RunOut | State::Foretold | State::Late)
    }
}
