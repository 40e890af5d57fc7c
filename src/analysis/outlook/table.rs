//! What will run out as rows of the table `forecasts`, for checks and queries.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;

use super::{Kind, Outlook, State};
use crate::{
    facts::{FactDb, QueryError},
    metrics::tables::FORECASTS,
};

/// Puts them into a database that is not sealed yet.
///
/// # Errors
/// When DuckDB refuses the rows.
pub fn fill(db: &FactDb, all: &[Outlook]) -> Result<(), QueryError> {
    let Some((first, rest)) = all.split_first() else { return Ok(()) };
    let mut sql = format!("insert into {} values ({})", FORECASTS.name, row(first));
    for outlook in rest {
        let _ = write!(sql, ", ({})", row(outlook));
    }
    db.connection().execute_batch(&sql)?;
    Ok(())
}

impl Kind {
    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Disk => "disk",
            Kind::Inodes => "inodes",
            Kind::Memory => "memory",
            Kind::Program => "program",
            Kind::Swap => "swap",
            Kind::Certificate => "certificate",
            Kind::Other => "other",
        }
    }
}

impl State {
    /// Its name in tables and files.
    pub fn name(&self) -> &'static str {
        match self {
            State::RunOut => "run_out",
            State::Foretold => "foretold",
            State::Late => "late",
            State::Later => "later",
            State::Steady => "steady",
            State::Likely => "likely",
            State::Unsaid { .. } => "unsaid",
        }
    }
}

/// The values of a row in the order of the columns.
fn row(outlook: &Outlook) -> String {
    let values = [
        text(outlook.kind.name()),
        text(&outlook.what),
        text(&outlook.metric),
        labels(&outlook.labels),
        real(Some(outlook.now)),
        real(outlook.limit),
        text(outlook.state.name()),
        moment(outlook.at),
        moment(outlook.earliest),
        moment(outlook.latest),
        real(outlook.days_left),
        text(&outlook.says),
        outlook.history.len().to_string(),
        real(outlook.trust.map(|trust| trust.error)),
        real(outlook.trust.map(|trust| trust.plain_error)),
    ];
    values.join(", ")
}

/// A text as SQL reads it back, whatever is in it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', "''"))
}

fn real(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "null".to_owned(), |value| format!("{value:e}::double"))
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "null".to_owned(), |at| format!("make_timestamp({})", at.as_microsecond()))
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let list = |of: Vec<&String>| of.into_iter().map(|t| text(t)).collect::<Vec<_>>().join(", ");
    format!("map([{}]::varchar[], [{}]::varchar[])", list(labels.keys().collect()), list(labels.values().collect()))
}
