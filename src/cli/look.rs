//! What several commands begin with: the catalogue, the host, an audit with its history.

use std::path::{Path, PathBuf};

use jiff::{civil::Date, tz::TimeZone};

use super::{StoreArgs, error::CliError, fix, progress::Bar, settings};
use crate::{
    audit::{self, Audit, Performed, Stopwatch, Timing},
    checks::{Catalogue, Selection},
    host::Host,
    report::{self, Report},
    store::{History, Moment, Store, StoreError},
    words,
};

/// The checks of this machine.
pub(super) fn catalogue() -> Result<Catalogue, CliError> {
    Ok(Catalogue::of_this_machine()?)
}

/// The machine, or an image.
pub(super) fn host(root: Option<&PathBuf>) -> Result<Host, CliError> {
    Ok(match root {
        Some(root) if root != Path::new("/") => Host::image(root)?,
        _ => Host::live()?,
    })
}

/// A time as people type it.
pub(super) enum When {
    /// So many days back.
    Days(u32),
    /// A day.
    Day(Date),
}

/// `30d`, `12w` or `2026-11-16`.
pub(super) fn days_or_day(text: &str) -> Option<When> {
    let number = |digits: &str| digits.parse::<u32>().ok().filter(|n| *n > 0);
    if let Some(days) = text.strip_suffix('d').and_then(number) {
        return Some(When::Days(days));
    }
    if let Some(weeks) = text.strip_suffix('w').and_then(number) {
        return Some(When::Days(weeks.checked_mul(7)?));
    }
    text.parse().ok().map(When::Day)
}

/// An audit as people name it: its number, `last`, `previous`, `30d`, `12w` or a day.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    match text {
        "last" | "latest" => return Ok(Moment::Last),
        "previous" => return Ok(Moment::Previous),
        _ => {}
    }
    match (text.parse(), days_or_day(text)) {
        (Ok(id), _) => Ok(Moment::Audit(id)),
        (_, Some(When::Days(days))) => Ok(Moment::Days(days)),
        (_, Some(When::Day(day))) => Ok(Moment::Day(day)),
        _ => Err("name an audit: its number, last, previous, 30d, or a day such as 2026-11-16".to_owned()),
    }
}

/// What an audit is made with.
pub(super) struct Look<'a> {
    pub(super) root: Option<&'a PathBuf>,
    pub(super) selection: Selection,
    pub(super) store: &'a StoreArgs,
    /// Whether it goes into the history.
    pub(super) keep: bool,
}

/// The report of an audit, and why it could not be stored, if it could not.
pub(super) struct Seen {
    pub(super) report: Report,
    pub(super) unstored: Option<StoreError>,
    pub(super) timings: Vec<Timing>,
}

/// Makes an audit and puts it into the history.
pub(super) fn look(catalogue: &Catalogue, look: Look<'_>) -> Result<Seen, CliError> {
    if look.keep {
        let store = look.store.store();
        if store.is_lost() {
            let hint = StoreError::Lost(store.path().to_owned()).hint();
            anstream::eprintln!("The history is gone, so a new one begins now. {}", words::harmless(&hint));
        }
        fix::mend_first(look.root, &store);
    }
    let Performed { mut audit, facts, mut timings, .. } =
        perform(&host(look.root)?, catalogue, &look.selection, &look.store.store())?;
    let mut watch = Stopwatch::start();
    let store = look.store.store();
    let mut unstored = None;
    let history = if look.keep {
        store.record(&mut audit, &facts, catalogue).unwrap_or_else(|error| {
            unstored = Some(error);
            past(&store, &mut audit, catalogue)
        })
    } else {
        past(&store, &mut audit, catalogue)
    };
    timings.push(watch.lap("history"));
    let report = report::build(&audit, catalogue, &history);
    timings.push(watch.lap("report model"));
    Ok(Seen { report, unstored, timings })
}

/// Makes an audit, with a bar for whoever waits.
pub(super) fn perform(
    host: &Host,
    catalogue: &Catalogue,
    selection: &Selection,
    store: &Store,
) -> Result<Performed, CliError> {
    let bar = Bar::start();
    let performed =
        audit::perform(host, catalogue, selection, &settings::config().checks, Some(store), |event| bar.on(event));
    bar.end();
    performed.map_err(|error| {
        CliError::failed(format!("the audit could not be completed: {error}"), "Try again; if it stays, report it.")
    })
}

/// What the history knows, for an audit that is not put into it; nothing when there is none.
pub(super) fn past(store: &Store, audit: &mut Audit, catalogue: &Catalogue) -> History {
    let history = store.history(audit, Moment::Previous).unwrap_or_default();
    audit::settle(&mut audit.outcomes, catalogue, &history.waivers.iter().map(|w| w.check.clone()).collect());
    history
}

/// The report of a stored audit; the latest when none is named.
pub(super) fn stored(
    store: &Store,
    id: Option<i64>,
    against: Moment,
    catalogue: &Catalogue,
) -> Result<Report, StoreError> {
    let (audit, history) = store.recall(id, against)?;
    Ok(report::build(&audit, catalogue, &history))
}

/// The same with what was measured in that time. All times in a report are those of UTC.
pub(super) fn stored_and_measured(
    store: &Store,
    id: Option<i64>,
    against: Moment,
    catalogue: &Catalogue,
) -> Result<Report, StoreError> {
    let mut report = stored(store, id, against, catalogue)?;
    report::measure(&mut report, store, &TimeZone::UTC)?;
    Ok(report)
}
