//! What the history knows: the last audit and what to do first, jobs and fixes, whether the daemon measures, and the last
//! minutes of the chosen metrics. Asked on a thread of its own, and only when the file changed.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::Builder,
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};

use super::Chosen;
use crate::{
    checks::Catalogue,
    config::Settings,
    schedule::{Here, Lock, MEASURES, card},
    store::{AuditSummary, JobState, RunState, StepState, Store},
    words::{self, harmless},
};

/// What the history knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// The last audit.
    pub audit: Option<LastAudit>,
    /// How often the daemon measures; none when nobody does.
    pub measured: Option<String>,
    /// Whether a daemon waits for the times of jobs.
    pub daemon: bool,
    /// Jobs that run, and what was done last, newest first.
    pub lines: Vec<Line>,
    /// Why the history cannot be read, if so.
    pub trouble: Option<String>,
}

/// The last audit.
#[derive(Debug, Clone, PartialEq)]
pub struct LastAudit {
    /// When it began.
    pub at: Timestamp,
    /// Its grade.
    pub grade: String,
    /// Its risk, from 0 to 100.
    pub risk: f64,
    /// Open problems.
    pub problems: usize,
    /// What to do first.
    pub first: Option<String>,
}

/// Something that happens, or happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When it began.
    pub at: Timestamp,
    /// Whether it still goes on.
    pub running: bool,
    /// Whether it went wrong.
    pub bad: bool,
    /// What it is.
    pub says: String,
}

/// What is found on that thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Asks {
    /// How things are.
    Past(Box<Past>),
    /// What is known of each chosen metric: moments in microseconds, and values.
    Minutes(Vec<Vec<(i64, f64)>>),
}

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Audits that are looked through for one of this machine.
const AUDITS: usize = 50;
/// Jobs and fixes that are told.
const LINES: usize = 8;
/// How far back values are shown.
const MINUTES: SignedDuration = SignedDuration::from_mins(15);

impl Past {
    /// Asks now.
    pub fn ask(here: &Here) -> Self {
        let mut past = Past::default();
        past.refresh(here);
        if here.store.path().exists()
            && let Err(error) = past.read(here)
        {
            past.trouble = Some(harmless(&words::sentence(&error.to_string())));
        }
        past
    }

    /// What can be told without the history.
    fn refresh(&mut self, here: &Here) {
        let holder = Lock::holder(here.place(), MEASURES);
        self.measured = holder.map(|_| here.config().metrics.every.to_string());
        self.daemon = card(here.place()).is_some();
    }

    fn read(&mut self, here: &Here) -> Result<(), crate::store::StoreError> {
        let mine = |audit: &AuditSummary| audit.host == here.id && audit.root == "/" && audit.complete;
        if let Some(last) = here.store.audits(AUDITS)?.into_iter().find(mine) {
            let audit = here.store.audit(Some(last.id))?;
            let catalogue = Catalogue::of_this_machine().ok();
            let ranked = catalogue.map(|catalogue| {
                let ranked = audit.ranked(&catalogue);
                ranked.first().and_then(|first| catalogue.get(&first.outcome.check)).map(|c| harmless(&c.title))
            });
            self.audit = Some(LastAudit {
                at: last.started,
                grade: harmless(&last.grade),
                risk: last.risk,
                problems: usize::try_from(last.problems).unwrap_or(0),
                first: ranked.flatten(),
            });
        }
        for run in here.store.job_runs(&here.id, None, LINES)? {
            let running = run.state == JobState::Running;
            let says = match run.state {
                JobState::Running => format!("The job {} runs", run.job),
                JobState::Done => format!("The job {} was done", run.job),
                JobState::Failed => format!("The job {} failed", run.job),
                JobState::TimedOut => format!("The job {} took too long and was stopped", run.job),
                JobState::CutOff => format!("The job {} was cut off", run.job),
                JobState::Skipped => format!("The job {} was left out", run.job),
            };
            self.lines.push(Line { at: run.started, running, bad: run.state.is_bad(), says: harmless(&says) });
        }
        for run in here.store.fix_runs(Some("/"))?.into_iter().take(LINES) {
            let fixed = run.steps.iter().filter(|step| step.state == StepState::Fixed).count();
            let fixes = words::count(fixed, "problem", "problems");
            let says = match run.state {
                RunState::Running => "Fixes are being made".to_owned(),
                RunState::Done => format!("{fixes} fixed by {}", harmless(&run.who)),
                RunState::RolledBack => "Fixes were cut off, and taken back".to_owned(),
                RunState::Undone => "Fixes were taken back".to_owned(),
            };
            let (running, bad) = (run.state == RunState::Running, run.state == RunState::RolledBack);
            self.lines.push(Line { at: run.started, running, bad, says });
        }
        self.lines.sort_by(|a, b| b.running.cmp(&a.running).then(b.at.cmp(&a.at)));
        self.lines.truncate(LINES);
        Ok(())
    }

    /// What is known of the last minutes of the chosen metrics.
    pub fn minutes(here: &Here, chosen: &[Chosen]) -> Asks {
        Asks::Minutes(minutes(&here.store, &here.id, chosen, Timestamp::now()))
    }

    /// Begins to ask on a thread of its own, and calls `tell` with what is new, until the sender is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        settings: Settings,
        db: Option<PathBuf>,
        chosen: Vec<Chosen>,
        mut tell: impl FnMut(Asks) -> bool + Send + 'static,
    ) -> std::io::Result<Sender<()>> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
        Builder::new().name("history".to_owned()).spawn(move || {
            let here = Here::new(settings, db.as_deref());
            if !tell(Past::minutes(&here, &chosen)) {
                return;
            }
            let mut seen = None;
            let mut past = Past::default();
            let mut told = false;
            loop {
                let changed = changed(&here.store);
                let before = past.clone();
                if seen == Some(changed) {
                    past.refresh(&here);
                } else {
                    seen = Some(changed);
                    past = Past::ask(&here);
                }
                if (!told || past != before) && !tell(Asks::Past(Box::new(past.clone()))) {
                    return;
                }
                told = true;
                match stopped.recv_timeout(LOOK) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(stop)
    }
}

/// When the history was changed last, and its size.
fn changed(store: &Store) -> Option<(SystemTime, u64)> {
    let meta = store.path().metadata().ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// What is known of the last minutes of each chosen metric; that it cannot be read costs nothing.
fn minutes(store: &Store, host: &str, chosen: &[Chosen], now: Timestamp) -> Vec<Vec<(i64, f64)>> {
    let from = now.checked_sub(MINUTES).unwrap_or(now);
    let spool = store.spool();
    let one = |chosen: &Chosen| -> Vec<(i64, f64)> {
        let Ok(series) = store.series(host, Some(chosen.metric.name), Some(&spool)) else { return Vec::new() };
        let width = SignedDuration::from_secs(10);
        let Ok(points) = store.points(&series, (from, now), width, Some(&spool)) else { return Vec::new() };
        let mut held = std::collections::BTreeMap::new();
        for (row, points) in series.iter().zip(points) {
            let label = |name: &&str| row.labels.get(*name).map_or("", String::as_str);
            let labels: Vec<&str> = chosen.metric.labels.iter().map(label).collect();
            for point in points {
                let value = held.entry(point.at.as_microsecond()).or_default();
                chosen.add(chosen.metric, &labels, point.mean, value);
            }
        }
        held.into_iter().filter_map(|(at, value)| Some((at, value?))).collect()
    };
    if store.path().exists() { chosen.iter().map(one).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_history_nothing_is_known_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("none/history.duckdb");
        let here = Here::new(Settings::none("/nonexistent"), Some(&db));
        assert_eq!(Past::ask(&here), Past::default());
        let chosen = [Chosen::parse("system.cpu.utilization").unwrap()];
        assert!(minutes(&here.store, &here.id, &chosen, Timestamp::now()).is_empty());
        assert!(!db.parent().unwrap().exists());
        std::fs::create_dir(folder.path().join("none")).unwrap();
        std::fs::write(&db, "this is no history").unwrap();
        assert!(Past::ask(&here).trouble.is_some());
    }
}
