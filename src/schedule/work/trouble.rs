//! What did not go as it should since the last mail: runs that failed or never came, mail that did not arrive, settings
//! that are wrong. It stands in the next mail, since silence must never look like health.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{ScheduleError, Work, email::went_wrong};
use crate::{
    schedule::{Due, due},
    store::{Cause, JobRun, JobState, Mail, MailState},
    words::{self, count, harmless},
};

/// How many of the last runs and mails are looked through.
const MOST: usize = 5000;
/// A mail that waits for so long is told.
const LONG: SignedDuration = SignedDuration::from_hours(24);
/// A job that should have begun so long ago, beside the time it may take, did not run.
const OVERDUE: SignedDuration = SignedDuration::from_hours(2);

impl Work<'_> {
    /// What went wrong since then, in sentences, what matters most first.
    pub(super) fn trouble(&self, since: Option<Timestamp>) -> Result<Vec<String>, ScheduleError> {
        let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
        let here = self.here;
        let mut told: Vec<String> = here.broken().into_iter().collect();
        if self.run.cause == Cause::Late {
            told.push(format!(
                "This mail should have come on {}, but cleanbill did not run then.",
                self.day(self.run.due)
            ));
        }
        if self.run.missed > 0 {
            let mails = count(usize::try_from(self.run.missed).unwrap_or(0), "mail before it", "mails before it");
            told.push(format!("{mails} did not come: this machine was off, or cleanbill did not run."));
        }
        let mut runs = here.store.job_runs(&here.id, None, MOST)?;
        // Whoever asks for a run sees how it goes.
        runs.retain(|run| run.started > since && run.id != self.run.id && run.cause != Cause::ByHand);
        told.extend(self.of_runs(&runs));
        told.extend(self.overdue()?);
        let mut mails = here.store.mails(&here.id, true, MOST)?;
        mails.retain(|mail| match mail.state {
            MailState::Unsure | MailState::GivenUp => mail.ended.is_some_and(|end| end > since) && mail.said.is_some(),
            MailState::Waiting => Timestamp::now().duration_since(mail.made) > LONG,
            _ => false,
        });
        told.extend(mails.iter().map(|mail| self.of_mail(mail)));
        Ok(told)
    }

    fn of_runs(&self, runs: &[JobRun]) -> Vec<String> {
        let mut by_job: BTreeMap<&str, Vec<&JobRun>> = BTreeMap::new();
        for run in runs {
            by_job.entry(&run.job).or_default().push(run);
        }
        let mut told = Vec::new();
        for (job, runs) in by_job {
            let job = harmless(job);
            // One that was cut off and then came to its end did what it should.
            let done = |run: &JobRun| runs.iter().any(|r| r.due == run.due && r.state == JobState::Done);
            let bad: Vec<&&JobRun> = runs.iter().filter(|run| went_wrong(run) && !done(run)).collect();
            if let Some(last) = bad.first() {
                let times = if bad.len() == 1 { String::new() } else { format!(" {} times, last", bad.len()) };
                let why = why(last);
                told.push(format!("The job `{job}` did not work{times} on {}{why}", self.day(last.due)));
            }
            let missed: i64 = runs.iter().map(|run| run.missed).sum();
            if missed > 0 {
                let times = count(usize::try_from(missed).unwrap_or(0), "of its times", "of its times");
                told.push(format!(
                    "The job `{job}` did not run at {times}: this machine was off, or cleanbill did not run."
                ));
            }
        }
        told
    }

    /// Jobs that should have begun long ago, and nobody began them.
    fn overdue(&self) -> Result<Vec<String>, ScheduleError> {
        let here = self.here;
        let now = Timestamp::now();
        let jobs = here.jobs()?;
        let pasts = here.pasts(&jobs, now)?;
        let others = jobs.iter().zip(&pasts).filter(|(job, _)| job.name != self.job.name);
        let late = others.filter_map(|(job, past)| {
            let Due::Now { due, .. } = due(job, past, here.delay(job), now) else { return None };
            let patience = OVERDUE.checked_add(job.job.limit.signed())?;
            (now.duration_since(due) > patience).then(|| {
                format!("The job `{}` should have run on {}, and did not.", harmless(&job.name), self.day(due))
            })
        });
        Ok(late.collect())
    }

    fn of_mail(&self, mail: &Mail) -> String {
        let to = harmless(&mail.recipient);
        let day = self.day(mail.made);
        let said = mail.said.as_deref().map_or_else(|| ".".to_owned(), |said| format!(": {}", harmless(said)));
        match mail.state {
            MailState::Unsure => format!("The mail of {day} to {to} may not have arrived{said}"),
            MailState::Waiting => format!("The mail of {day} to {to} is still not delivered{said}"),
            _ => format!("The mail of {day} to {to} was not delivered{said}"),
        }
    }

    fn day(&self, at: Timestamp) -> String {
        words::moment(at, &self.here.zone)
    }
}

/// Why a run did not work, as the end of a sentence.
fn why(run: &JobRun) -> String {
    let said = run.said.as_deref().unwrap_or_default().lines().map(str::trim).find(|line| !line.is_empty());
    match (said, run.state) {
        (_, JobState::CutOff) => ": it was cut off.".to_owned(),
        (Some(said), _) => format!(": {}", crate::words::sentence(said)),
        (None, _) => ".".to_owned(),
    }
}
