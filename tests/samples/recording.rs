//! A recorded host: what its checks found from when until when, what was seen of it, and what people accepted.
//!
//! A recording holds the rows that a check's query returned on real hosts, under other names. Titles and evidence are
//! made of them by the check's own templates, so a recording never has words of its own.

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{Deserialize, Deserializer, de::Error as _};

/// The recorded hosts.
pub const HOSTS: [&str; 5] = ["healthy", "typical", "dreadful", "first", "weeks"];

/// One recorded host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    pub host: Machine,
    pub audits: Audits,
    /// Keys of `absent` in `common.toml`: what is not on this machine.
    #[serde(default)]
    pub without: Vec<String>,
    #[serde(default)]
    pub problem: Vec<Problem>,
    #[serde(default)]
    pub unseen: Vec<Unseen>,
    #[serde(default)]
    pub waiver: Vec<Waiver>,
    #[serde(default)]
    pub facts: BTreeMap<String, Vec<Rows>>,
    /// Versions of programs by the day from which they are installed.
    #[serde(default)]
    pub packages: BTreeMap<String, BTreeMap<Date, String>>,
}

/// The machine, and how much of it is looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    pub name: String,
    pub id: String,
    pub os: String,
    pub kind: String,
    /// Release of the kernel by the day from which it runs.
    pub kernel: BTreeMap<Date, String>,
    /// A curve, as in [`Rows`].
    pub files: Vec<toml::Value>,
    pub services: u64,
    pub programs: u64,
    pub seconds: f64,
}

/// When the machine was looked at: every week, and sometimes in between.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audits {
    #[serde(deserialize_with = "moment")]
    pub last: Timestamp,
    pub weeks: i64,
    #[serde(default, deserialize_with = "moments")]
    pub also: Vec<Timestamp>,
}

/// Rows that the query of a check returned while the problem was open. A list in a cell is a curve, as in [`Rows`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub check: String,
    #[serde(default)]
    pub open: Periods,
    pub rows: Vec<toml::Table>,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unseen {
    pub tables: Vec<String>,
    pub what: String,
    pub source: String,
    pub reason: cleanbill::facts::Reason,
    /// Whether nothing of these tables was read.
    #[serde(default)]
    pub whole: bool,
    #[serde(default)]
    pub open: Periods,
}

/// An accepted risk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    pub check: String,
    pub reason: String,
    pub who: String,
    #[serde(deserialize_with = "moment")]
    pub made: Timestamp,
    #[serde(deserialize_with = "moment")]
    pub until: Date,
}

/// Rows of a fact table while they were there. A list in a cell is a curve over all audits, by equal steps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    #[serde(default)]
    pub open: Periods,
    pub rows: Vec<toml::Table>,
}

/// What hosts have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// What may be missing on a machine: tables without a subject, and how a probe says so.
    pub absent: BTreeMap<String, Absent>,
    /// Usual cells of a row, by table.
    pub cells: BTreeMap<String, toml::Table>,
}

/// A subject that is not on a machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    pub why: String,
    pub tables: Vec<String>,
}

/// Days in words such as `2026-06-22..2026-07-13`: from the first day on, no more on the last. No end, or no
/// beginning, is none in sight; no periods at all is always.
#[derive(Debug, Clone, Default)]
pub struct Periods(Vec<(Option<Date>, Option<Date>)>);

impl Periods {
    pub fn hold(&self, day: Date) -> bool {
        let inside = |(from, until): &(Option<Date>, Option<Date>)| {
            from.is_none_or(|f| f <= day) && until.is_none_or(|u| day < u)
        };
        self.0.is_empty() || self.0.iter().any(inside)
    }

    pub fn new(from: Option<Date>, until: Option<Date>) -> Self {
        Periods(vec![(from, until)])
    }
}

impl<'de> Deserialize<'de> for Periods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut periods = Vec::new();
        for text in Vec::<String>::deserialize(deserializer)? {
            let Some((from, until)) = text.split_once("..") else {
                return Err(D::Error::custom(format!("`{text}` has no two dots")));
            };
            let day = |s: &str| (!s.is_empty()).then(|| s.parse::<Date>().map_err(D::Error::custom)).transpose();
            periods.push((day(from)?, day(until)?));
        }
        Ok(Periods(periods))
    }
}

/// A day or a time as TOML writes it.
fn moment<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    toml::value::Datetime::deserialize(deserializer)?.to_string().parse().map_err(D::Error::custom)
}

fn moments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Timestamp>, D::Error> {
    let written = Vec::<toml::value::Datetime>::deserialize(deserializer)?;
    written.iter().map(|d| d.to_string().parse().map_err(D::Error::custom)).collect()
}

/// The day of a moment, UTC.
pub fn day(moment: Timestamp) -> Date {
    Offset::UTC.to_datetime(moment).date()
}

impl Recording {
    /// When the machine was looked at, oldest first.
    pub fn moments(&self) -> Vec<Timestamp> {
        let week = |n: i64| self.audits.last - jiff::SignedDuration::from_hours(24 * 7 * n);
        let mut moments: Vec<Timestamp> = (0..self.audits.weeks).map(week).chain(self.audits.also.clone()).collect();
        moments.sort();
        moments
    }
}

/// Where the recordings lie.
pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let file = folder().join(name).with_extension("toml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    toml::from_str(&text).unwrap_or_else(|e: toml::de::Error| panic!("{}: {e}", file.display()))
}

/// The recording of that name.
pub fn host(name: &str) -> Recording {
    read(name)
}

/// What hosts have in common.
pub fn common() -> Common {
    read("common")
}
