//! One run of a job: on record before it begins, alone, bounded in time, and with what came of it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Due, Here, Lock, Planned, ScheduleError, due, outbox, start};
use crate::{
    child::{Running, Waited},
    config::Task,
    signals::Signals,
    store::{Cause, JobRun, JobState},
};

/// Why a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// If it is due.
    IfDue,
    /// Whatever the time.
    ByHand,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is not due before then.
    NotDue(Option<Timestamp>),
    /// Someone else sees to just this time.
    AtWork,
    /// It ran, or was skipped.
    Ran(JobRun),
}

/// How much of what a job says is kept, in bytes.
const KEPT: usize = 16 << 10;
/// How much of it is written down, in characters.
const SAID: usize = 2000;
/// How long a job that is stopped may take to end by itself.
const GRACE: Duration = Duration::from_secs(20);
/// The same of one that fixes: it ends with the fix that it is at.
const GRACE_OF_FIXES: Duration = Duration::from_secs(150);
/// What it sleeps at most while it waits.
const LONGEST_NAP: Duration = Duration::from_secs(30);
/// How much too early a timer may be.
const EARLY: SignedDuration = SignedDuration::from_secs(5);

/// Waits until the delay of its own is over that a job has after its time, where its time has come. Timers and crontabs
/// know the time alone.
///
/// # Errors
/// When there is no such job.
pub fn wait_for_delay(here: &Here, name: &str) -> Result<(), ScheduleError> {
    let job = here.job(name)?;
    let delay = here.delay(&job);
    while let Some(left) = delay_left(&job, delay, Timestamp::now()) {
        // In small steps: clocks are set, and machines sleep.
        std::thread::sleep(left.min(LONGEST_NAP));
    }
    Ok(())
}

/// How long the delay still takes; none while its time has not come, and when the delay is over.
fn delay_left(job: &Planned, delay: SignedDuration, now: Timestamp) -> Option<Duration> {
    let begins = job.next(now, delay)?;
    let left = begins.duration_since(now);
    // Some timers wake a little before the time.
    (left.is_positive() && left <= delay.checked_add(EARLY)?).then(|| Duration::try_from(left).ok())?
}

/// Runs a job.
///
/// # Errors
/// When it may not begin: no such job, or it cannot be written down.
pub fn run(here: &Here, name: &str, asked: Asked) -> Result<Ended, ScheduleError> {
    let job = here.job(name)?;
    let lock = Lock::take(here.folder()?, &format!("job-{name}"))?;
    let now = Timestamp::now();
    let mut run = JobRun::by_hand(name, job.job.task.name(), now);
    if asked == Asked::IfDue {
        let past = here.pasts(std::slice::from_ref(&job), now)?;
        let Some(past) = past.first() else { return Ok(Ended::NotDue(None)) };
        match due(&job, past, here.delay(&job), now) {
            Due::Wait(next) => return Ok(Ended::NotDue(next)),
            Due::Pass { due, missed } => {
                let why = "It was missed, and is not made up for.";
                return skip(here, JobRun { due, missed: missed - 1, cause: Cause::Late, ..run }, why);
            }
            Due::Now { due, cause, missed } => run = JobRun { due, cause, missed, ..run },
        }
    }
    let Some(lock) = lock else {
        if asked == Asked::ByHand {
            return Err(ScheduleError::AtWork(name.to_owned()));
        }
        let at_work = here.store.job_runs(&here.id, Some(name), 1)?;
        if at_work.first().is_some_and(|r| r.state == JobState::Running && r.due == run.due) {
            return Ok(Ended::AtWork);
        }
        return skip(here, run, "Its former run was still at work.");
    };
    let signals = Signals::hear();
    here.store.begin_job(&here.id, &mut run)?;
    let (state, said) = carry_out(here, &job, &run, &signals);
    run.state = state;
    run.said = Some(shortened(&said)).filter(|s| !s.is_empty());
    run.ended = Some(Timestamp::now().max(run.started));
    here.store.end_job(&run)?;
    drop(lock);
    if job.job.task == Task::Run {
        // It puts no mail into the queue.
    } else if start::mail_goes_beside(here) {
        start::mail_beside();
    } else {
        // What it put into the queue goes at once; what is not taken now is tried again later.
        let delivered = outbox::deliver(here, &|| signals.asked())?;
        if !delivered.wrong.is_empty() {
            let told: Vec<&str> =
                run.said.as_deref().into_iter().chain(delivered.wrong.iter().map(String::as_str)).collect();
            run.said = Some(shortened(&told.join("\n")));
            here.store.end_job(&run)?;
        }
    }
    Ok(Ended::Ran(run))
}

/// Writes down a time at which nothing was done, and why.
fn skip(here: &Here, run: JobRun, why: &str) -> Result<Ended, ScheduleError> {
    let mut run = JobRun { state: JobState::Skipped, ended: Some(run.started), said: Some(why.to_owned()), ..run };
    here.store.skip_job(&here.id, &mut run)?;
    Ok(Ended::Ran(run))
}

/// Does the work in a process of its own: whatever becomes of it, someone is left who writes it down.
fn carry_out(here: &Here, job: &Planned, run: &JobRun, signals: &Signals) -> (JobState, String) {
    let command = match (&job.job.task, &job.job.command) {
        (Task::Run, Some(command)) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(command).current_dir("/");
            shell.env("CLEANBILL_JOB", &job.name).env("CLEANBILL_DUE", run.due.to_string());
            Ok(shell)
        }
        _ => here.program(&["schedule", "work", &job.name, "--run", &run.id.to_string()]),
    };
    let started = command.map_err(|e| e.to_string()).and_then(|mut command| {
        command.stdin(Stdio::null());
        Running::start(command, KEPT).map_err(|e| e.to_string())
    });
    let mut running = match started {
        Ok(running) => running,
        Err(error) => return (JobState::Failed, format!("It could not be started: {error}.")),
    };
    let limit = &job.job.limit;
    let grace = if job.job.task == Task::Fix { GRACE_OF_FIXES } else { GRACE };
    match running.wait(limit.duration(), || signals.asked()) {
        Ok(Waited::Ended(status)) if status.success() => (JobState::Done, running.said()),
        Ok(Waited::Ended(status)) => {
            let said = running.said();
            let how = status
                .code()
                .map_or_else(|| format!("It was ended ({status})."), |code| format!("It ended with {code}."));
            // Our own work says in a sentence what went wrong; of a command, the number tells something.
            let own = job.job.task != Task::Run && !said.trim().is_empty();
            (JobState::Failed, if own { said } else { format!("{how}\n{said}") })
        }
        Ok(Waited::Late) => {
            running.end(grace);
            (JobState::TimedOut, format!("It took longer than {limit} and was stopped.\n{}", running.said()))
        }
        Ok(Waited::Stopped) => {
            running.end(grace);
            (JobState::CutOff, "It was asked to stop in the middle.".to_owned())
        }
        Err(error) => {
            running.end(grace);
            (JobState::Failed, format!("It could not be watched: {error}."))
        }
    }
}

/// The end of what was said, as a few harmless lines.
fn shortened(said: &str) -> String {
    let lines: Vec<String> = said.lines().map(crate::words::harmless).collect();
    let text = lines.join("\n");
    let text = text.trim();
    let length = text.chars().count();
    if length <= SAID {
        text.to_owned()
    } else {
        format!("…{}", text.chars().skip(length - SAID).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::config::Job;

    #[test]
    fn whoever_is_woken_at_the_time_waits_for_the_delay_and_nobody_else() {
        let job = Planned::new("a", &Job::new(Task::Audit, "every day 7:00"), &TimeZone::UTC).unwrap();
        let delay = SignedDuration::from_mins(20);
        let left = |now: &str| delay_left(&job, delay, now.parse().unwrap()).map(|d| d.as_secs());
        assert_eq!(left("2026-03-02T06:30:00Z"), None, "its time has not come");
        assert_eq!(left("2026-03-02T06:59:58Z"), Some(1202), "a timer may be early");
        assert_eq!(left("2026-03-02T07:00:00Z"), Some(1200));
        assert_eq!(left("2026-03-02T07:19:59Z"), Some(1));
        assert_eq!(left("2026-03-02T07:20:00Z"), None, "it begins");
        assert_eq!(left("2026-03-02T12:00:00Z"), None, "what was missed is made up for at once");
        let none = |now: &str| delay_left(&job, SignedDuration::ZERO, now.parse().unwrap()).map(|d| d.as_secs());
        assert_eq!((none("2026-03-02T06:59:59Z"), none("2026-03-02T07:00:00Z")), (Some(1), None));
    }
}
