//! Jobs, their times and their runs, as people read them.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use super::CliError;
use crate::{
    config::Length,
    schedule::{self, Here, Listed, Planned, When, does, result, says_time},
    store::{Cause, JobRun, StoreError},
    words::{self, harmless},
};

/// The last and the next run of a job, in a line.
pub(in crate::cli) fn line(job: &Listed, here: &Here) -> String {
    let last = match &job.last {
        Some(run) => format!("{}, {}", result(run), words::ago(run.started, Timestamp::now())),
        None => "did not run yet".to_owned(),
    };
    match job.next {
        Some(next) => format!("{last}; next {}", time(here, next)),
        None if job.enabled => format!("{last}; never again"),
        None => "turned off".to_owned(),
    }
}

/// The list of jobs.
pub(super) fn list(jobs: &[Listed], here: &Here) -> String {
    if jobs.is_empty() {
        return "There is no job yet. Set all up in two minutes: cleanbill init     Or add one: cleanbill schedule add --help\n"
            .to_owned();
    }
    let mut out = String::new();
    for job in jobs {
        let _ = writeln!(out, "{}   {}", job.name, job.does);
        let _ = writeln!(out, "    When   {}", job.says);
        match job.next {
            Some(next) => {
                let _ = writeln!(out, "    Next   {}", time(here, next));
            }
            None => {
                let why = if job.enabled { "never again" } else { "it is turned off" };
                let _ = writeln!(out, "    Next   {why}");
            }
        }
        if let Some(last) = &job.last {
            let _ = writeln!(out, "    Last   {}: {}", at(last.started, &here.zone), result(last));
        }
        out.push('\n');
    }
    out.push_str(&runner(here));
    out
}

/// One job whole.
pub(super) fn job(here: &Here, name: &str) -> Result<String, CliError> {
    let job = here.config().schedule.get(name);
    let Some(job) = job else { return Err(super::no_job(here, name)) };
    let planned = Planned::new(name, job, &here.zone)?;
    let mut out = format!("{name}   {}\n", does(job, here.config()));
    let _ = writeln!(out, "\n  When      {}   ({})", planned.when.says(), harmless(&job.when));
    let delay = here.delay(&planned);
    if !delay.is_zero() {
        let _ = writeln!(
            out,
            "  Delay     up to {} later; on this machine always by {}",
            job.jitter,
            Length::seconds(delay.as_secs().unsigned_abs() / 60 * 60)
        );
    }
    let _ = writeln!(out, "  Limit     {}", job.limit);
    let _ = writeln!(out, "  If missed {}", if job.catch_up { "made up for once" } else { "left out" });
    if !job.enabled {
        let _ = writeln!(out, "  It is turned off: enabled = false");
    }
    out.push('\n');
    let now = Timestamp::now();
    let times = std::iter::successors(planned.next(now, delay), |at| planned.next(*at, delay));
    for next in times.take(3) {
        let _ = writeln!(out, "  Next      {}", time(here, next));
    }
    let runs = match here.store.job_runs(&here.id, Some(name), 5) {
        Ok(runs) => runs,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if !runs.is_empty() {
        out.push_str("\n  Last runs\n");
        out.push_str(&textwrap::indent(&history(&runs, &here.zone), "    "));
    }
    Ok(out)
}

/// What a time means, and when it is next.
pub(super) fn next(when: &When, count: usize, zone: &TimeZone) -> String {
    let times = std::iter::successors(when.next_after(Timestamp::now()), |at| when.next_after(*at));
    self::times(when, times.take(count), zone)
}

pub(super) fn times(when: &When, next: impl Iterator<Item = Timestamp>, zone: &TimeZone) -> String {
    let mut out = format!("{}\n", words::capital(&when.says()));
    for at in next {
        let _ = writeln!(out, "  {}", says_time(at, zone, Timestamp::now()));
    }
    out
}

/// A time that is to come.
pub(in crate::cli) fn time(here: &Here, at: Timestamp) -> String {
    says_time(at, &here.zone, Timestamp::now())
}

/// A time that is past.
pub(in crate::cli) fn at(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// Runs, newest first.
pub(super) fn history(runs: &[JobRun], zone: &TimeZone) -> String {
    let width = runs.iter().map(|run| run.job.len()).max().unwrap_or(0);
    let mut out = String::new();
    for run in runs {
        let why = match run.cause {
            Cause::Schedule => "",
            Cause::Late => " (late)",
            Cause::ByHand => " (by hand)",
        };
        let _ = writeln!(out, "{}  {:width$}  {}{why}", at(run.started, zone), run.job, result(run));
        if run.missed > 0 {
            let times = words::count(usize::try_from(run.missed).unwrap_or(0), "time", "times");
            let _ = writeln!(out, "    Before it, nothing ran at {times}.");
        }
        for line in run.said.as_deref().unwrap_or_default().lines() {
            let _ = writeln!(out, "    {}", harmless(line));
        }
    }
    out
}

/// What a run that just ended says.
pub(super) fn ended(run: &JobRun) -> String {
    let mut out = format!("`{}` {}.\n", run.job, result(run));
    for line in run.said.as_deref().unwrap_or_default().lines() {
        let _ = writeln!(out, "  {}", harmless(line));
    }
    out
}

/// Who runs the jobs, and what to do when nobody does.
pub(in crate::cli) fn runner(here: &Here) -> String {
    match schedule::card(here.place()) {
        Some(card) => {
            let mut out =
                format!("The daemon runs them (process {}, since {}).\n", card.pid, at(card.since, &here.zone));
            if let Some(broken) = card.broken {
                let _ = writeln!(
                    out,
                    "The settings are wrong, so the last ones that were right hold:\n  {}",
                    harmless(&broken)
                );
            }
            if let Some(trouble) = card.trouble {
                let _ = writeln!(out, "It cannot do its work: {}", harmless(&trouble));
            }
            out
        }
        None => super::install::without_daemon(schedule::installed(here).as_ref()),
    }
}

/// Lets a daemon know that the settings changed.
pub(super) fn reloaded(here: &Here) {
    let Some(card) = schedule::card(here.place()) else { return };
    if let Some(pid) = i32::try_from(card.pid).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::HUP);
    }
}
