//! Moments that people name by what happened then: the last update, a run of fixes, a day.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    store::{Moment, Store, StoreError},
    words,
};

/// The moment that a word means, with its name; none when it means none.
///
/// # Errors
/// When the store cannot be read.
pub fn event(store: &Store, text: &str, zone: &TimeZone) -> Result<Option<(String, Timestamp)>, StoreError> {
    let named = |what: &str, at: Timestamp| Some((format!("{what} of {}", words::moment(at, zone)), at));
    if text == "update" {
        let (_, history) = store.recall(None, Moment::Previous)?;
        let last = history.changes.iter().rev().find(|c| c.updated > 0 || c.kernel.is_some() || c.os.is_some());
        return Ok(last.and_then(|change| named("the updates", change.at)));
    }
    if let Some(rest) = text.strip_prefix("fix") {
        let runs = store.fix_runs(Some("/"))?;
        let wanted = rest.trim_start_matches([':', '-', ' ']);
        let run = if wanted.is_empty() {
            runs.iter().max_by_key(|run| run.started)
        } else {
            wanted.parse().ok().and_then(|id: i64| runs.iter().find(|run| run.id == id))
        };
        return Ok(run.and_then(|run| named("the fixes", run.ended.unwrap_or(run.started))));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let at = zone.to_timestamp(day.at(0, 0, 0, 0)).ok();
        return Ok(at.map(|at| (day.strftime("%-d %B %Y").to_string(), at)));
    }
    if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
        return Ok(zone.to_timestamp(at).ok().map(|at| (words::moment(at, zone), at)));
    }
    Ok(text.parse::<Timestamp>().ok().map(|at| (words::moment(at, zone), at)))
}
