//! What a report says of a machine's resources: the part of its model that is about them. It holds words and numbers, and
//! computes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::periods::Verdict;

/// How much the machine had to do in a time, and how much room it had, beside the same length of time before.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Resources {
    /// When the time begins.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// When it ends.
    #[schemars(with = "String")]
    pub to: Timestamp,
    /// What people call it: `the 7 days until 23 November`.
    pub period: String,
    /// What the time before is called: `the 7 days before`; none where nothing was measured then.
    pub before: Option<String>,
    /// How many hours it has.
    pub hours: usize,
    /// In how many of them something was measured.
    pub measured: usize,
    /// What that means, in a sentence; none where nearly all of it was measured.
    pub gaps: Option<String>,
    /// What it comes to, in a sentence.
    pub summary: String,
    /// What ran out or nearly did, what matters most first.
    pub shortages: Vec<Shortage>,
    /// What changed by more than the usual noise, in sentences, what matters most first.
    pub changes: Vec<String>,
    /// What will run out, as far as its past can tell, the first in front.
    pub forecasts: Vec<Foreseen>,
    /// What was measured.
    pub list: Vec<Resource>,
    /// How many lines of the same kinds are left out.
    pub left_out: usize,
}

/// What ran out, or nearly did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Shortage {
    /// Of what.
    pub kind: ResourceKind,
    /// Whether it ran out; else it nearly did.
    pub ran_out: bool,
    /// Whether it still was so when the time ended.
    pub lasts: bool,
    /// When the first hour of it began.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// When the last hour of it ended.
    #[schemars(with = "String")]
    pub to: Timestamp,
    /// In how many hours it was seen.
    pub hours: usize,
    /// The same in a sentence.
    pub text: String,
}

/// What will run out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Foreseen {
    /// What: `The disk /var`.
    pub what: String,
    /// Around when; none where only a day is known before which it hardly will.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Hardly before this moment.
    #[schemars(with = "Option<String>")]
    pub earliest: Option<Timestamp>,
    /// Hardly after it; none where that is too far away to tell.
    #[schemars(with = "Option<String>")]
    pub latest: Option<Timestamp>,
    /// The same in a sentence: `The disk /var will be full around 14 March (between 9 and 22 March).`
    pub text: String,
}

/// Kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The processors.
    Processor,
    /// Programs that run or wait to.
    Load,
    /// The memory.
    Memory,
    /// Memory that was moved to a disk.
    Swap,
    /// Programs that waited for something.
    Waiting,
    /// Room on a disk.
    Space,
    /// Files that a disk can hold.
    Files,
    /// How busy a disk was.
    DiskAtWork,
    /// How long it took a disk to read or write.
    DiskDelay,
    /// The network.
    Network,
    /// What should answer.
    Answers,
    /// Errors in the logs.
    Errors,
    /// Temperatures.
    Temperature,
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Resource {
    /// What kind.
    pub kind: ResourceKind,
    /// What people call it: `Disk /var, space in use`.
    pub title: String,
    /// The metric that tells it.
    pub metric: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The unit of the numbers, as OpenTelemetry writes it.
    pub unit: String,
    /// In how many hours it was measured.
    pub hours: usize,
    /// What it was like.
    pub now: Stretch,
    /// What it was like in the time before; none where it was not measured.
    pub before: Option<Stretch>,
    /// Whether it differs from the time before by more than the usual noise; none where there is too little to tell.
    pub change: Option<Change>,
    /// The same in words: `more than before`.
    pub change_text: String,
    /// What a change means for the machine.
    pub verdict: Verdict,
    /// How it went.
    pub course: Course,
}

/// Whether something is more or less than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// More.
    More,
    /// Less.
    Less,
    /// No more than noise.
    Same,
}

/// What something was like in a time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Stretch {
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
    /// The least, for people: `12.3%`.
    pub min_text: String,
    /// The mean, for people.
    pub mean_text: String,
    /// The most, for people.
    pub max_text: String,
}

/// How something went: stretches of equal length, the first at the beginning of the time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Course {
    /// How many hours each has.
    pub step_hours: i64,
    /// The least in each; none where nothing was measured.
    pub min: Vec<Option<f64>>,
    /// The mean.
    pub mean: Vec<Option<f64>>,
    /// The most.
    pub max: Vec<Option<f64>>,
}
