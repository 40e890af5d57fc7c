//! The job that sends the report: what changed since the mail before, what was fixed and by whom, what went wrong.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{ScheduleError, Work, audit::summary, other};
use crate::{
    audit::Audit,
    fixes,
    mail::{Attachment, Mailbox},
    report::{
        self, Format, Made, Report,
        email::{FixedBy, NotFixed, Week, Who},
    },
    schedule::{Sender, letters::Occasion},
    store::{Cause, FixStep, History, JobRun, JobState, MailKind, Moment, NewMail, RunState, StepState, StoreError},
};

/// In this time a mail is sent, whether anything is new or not: silence must not look like health.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_hours(24 * 27);

/// A mail that is made, and who gets it.
pub(super) struct Letters<'a> {
    pub(super) mail: &'a report::email::Mail,
    pub(super) made: &'a Made,
    pub(super) kind: MailKind,
    pub(super) people: &'a [Mailbox],
}

/// What a mail tells.
pub(super) struct Told {
    pub(super) report: Report,
    pub(super) mail: report::email::Mail,
    /// Whether there is anything that the mail before did not tell.
    pub(super) news: bool,
    /// The run of the mail before.
    before: Option<JobRun>,
}

impl Work<'_> {
    pub(super) fn email(&self) -> Result<String, ScheduleError> {
        if let Some(folder) = &self.job.job.histories {
            return self.digest(folder);
        }
        let people = self.people()?;
        let (audit, _) = self.look()?;
        let Told { report, mail, news, before } = self.told(&audit)?;
        let said = summary(&report).join("\n");
        // Who gets this mail needs no short one of the same audit; but only where it really goes.
        let (told, covered) = match self.nothing_new(news, before.as_ref()) {
            Some(why) => (format!("{said}\n{why}"), &[][..]),
            None => {
                let made = Made::One(Box::new(report.clone()));
                let letters = Letters { mail: &mail, made: &made, kind: MailKind::Weekly, people: &people };
                (self.send(&said, &letters)?, &people[..])
            }
        };
        let urgent = self.urgent(&audit, &report, covered)?;
        Ok([vec![told], urgent].concat().join("\n"))
    }

    /// What the mail tells of an audit.
    pub(super) fn told(&self, audit: &Audit) -> Result<Told, ScheduleError> {
        let before = self.last_mail()?;
        let since = before.as_ref().map(|run| run.started);
        let history = self.since(audit, before.as_ref())?;
        let mut report = report::build(audit, &self.catalogue, &history);
        report::measure(&mut report, &self.here.store, &self.here.zone)?;
        self.entitle(&mut report);
        let (disk, memory) = self.fills(audit)?;
        let week = Week {
            report: &report,
            fixed_by: self.fixed_by(audit, since.unwrap_or(Timestamp::UNIX_EPOCH))?,
            not_fixed: self.not_fixed(audit, since.unwrap_or(Timestamp::UNIX_EPOCH))?,
            trouble: self.trouble(since)?,
            disk,
            memory,
            next_mail: self.next(),
            detail: self.reader(),
            purpose: self.here.config().machine.purpose.clone(),
            zone: self.here.zone.clone(),
            contact: self.here.config().mail.contact.clone(),
            attached: self.job.job.pdf,
        };
        let mail = report::email::weekly(&week, Path::new(report::TEMPLATES)).map_err(other)?;
        let news = is_news(&week);
        Ok(Told { report, mail, news, before })
    }

    /// Who gets the mail of this job.
    pub(super) fn people(&self) -> Result<Vec<Mailbox>, ScheduleError> {
        Sender::new(self.here)?.recipients(&self.job.job.to, self.here.config())
    }

    /// Puts the mail into the queue, for everyone once.
    pub(super) fn send(&self, said: &str, letters: &Letters<'_>) -> Result<String, ScheduleError> {
        let mut told = vec![said.to_owned()];
        let mails = self.letters(letters)?;
        let new = self.here.store.queue_mails(&self.here.id, &mails, Timestamp::now())?;
        let names: Vec<String> = mails.iter().map(|m| m.recipient.clone()).collect();
        told.push(if new.is_empty() {
            format!("This mail to {} was made before.", crate::words::list(&names))
        } else {
            format!("Mail \"{}\" to {}.", letters.mail.subject, crate::words::list(&names))
        });
        told.extend(letters.mail.warnings.iter().cloned());
        Ok(told.join("\n"))
    }

    /// The mails, one for each recipient.
    pub(super) fn letters(&self, letters: &Letters<'_>) -> Result<Vec<NewMail>, ScheduleError> {
        let mut attachments = Vec::new();
        if self.job.job.pdf {
            let (bytes, _) = letters.made.render(Format::Pdf, &self.options()?).map_err(other)?;
            let day = self.here.zone.to_datetime(self.run.due).date();
            let name = letters.made.file_name(Format::Pdf).replace(".pdf", &format!("-{day}.pdf"));
            attachments.push(Attachment { name, kind: "application/pdf".to_owned(), bytes });
        }
        let sender = Sender::new(self.here)?;
        let name = self.occasion(self.run.due);
        let occasion = Occasion { kind: letters.kind, job: Some(&self.job.name), name, at: Timestamp::now() };
        letters.people.iter().map(|to| sender.letter(self.here, letters.mail, &attachments, to, &occasion)).collect()
    }

    /// What the mail of a run is about: the same for every try to see to the same time.
    fn occasion(&self, due: Timestamp) -> String {
        format!("{}.{due}", self.job.name)
    }

    /// The run whose mail was the last that arrived before this one: what nobody got is told again.
    pub(super) fn last_mail(&self) -> Result<Option<JobRun>, ScheduleError> {
        let (store, id) = (&self.here.store, &self.here.id);
        let Some(mail) = store.last_mail_of(id, &self.job.name, &self.occasion(self.run.due))? else { return Ok(None) };
        let runs = store.job_runs(id, Some(&self.job.name), 1000)?;
        Ok(runs.into_iter().find(|run| self.occasion(run.due) == mail.occasion && run.id < self.run.id))
    }

    /// The past, seen from the mail before; nothing to compare with where this is the first.
    fn since(&self, audit: &Audit, before: Option<&JobRun>) -> Result<History, ScheduleError> {
        let store = &self.here.store;
        let Some(before) = before else {
            return Ok(History { previous: None, ..store.history(audit, Moment::Previous)? });
        };
        match before.audit.map(|id| store.history(audit, Moment::Audit(id))) {
            Some(Ok(history)) => Ok(history),
            // That audit is gone, or the machine has another identity now.
            None | Some(Err(StoreError::NoSuchAudit(_) | StoreError::OtherMachine(_))) => {
                Ok(store.history(audit, Moment::Days(7))?)
            }
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Why no mail is sent this time, where the settings want none without news.
    pub(super) fn nothing_new(&self, news: bool, before: Option<&JobRun>) -> Option<String> {
        if news || !self.job.job.only_when_changed || self.run.cause == Cause::ByHand {
            return None;
        }
        let lately = before.is_some_and(|run| self.run.due.duration_since(run.due).abs() < SIGN_OF_LIFE);
        lately.then(|| "Nothing is new, so no mail was sent.".to_owned())
    }

    /// What was fixed since then and stands, and by whom.
    pub(super) fn fixed_by(&self, of: &Audit, since: Timestamp) -> Result<Vec<FixedBy>, ScheduleError> {
        self.steps(of, since, |run, step| {
            let who = if run.who == fixes::ITSELF { Who::Itself } else { Who::Person(run.who.clone()) };
            (run.state == RunState::Done && step.state == StepState::Fixed).then(|| FixedBy {
                title: self.title(step),
                check: step.check.clone(),
                who,
                when: run.ended.unwrap_or(run.started),
                run: Some(run.id),
            })
        })
    }

    /// What cleanbill wanted to fix by itself since then and did not.
    fn not_fixed(&self, of: &Audit, since: Timestamp) -> Result<Vec<NotFixed>, ScheduleError> {
        let bad =
            |state| matches!(state, StepState::Failed | StepState::StillOpen | StepState::Undoing | StepState::Undone);
        self.steps(of, since, |run, step| {
            let why = || step.why.clone().unwrap_or_else(|| "It was taken back.".to_owned());
            let mine = run.who == fixes::ITSELF && bad(step.state);
            mine.then(|| NotFixed { title: self.title(step), why: why() })
        })
    }

    fn steps<T>(
        &self,
        of: &Audit,
        since: Timestamp,
        pick: impl Fn(&crate::store::FixRun, &FixStep) -> Option<T>,
    ) -> Result<Vec<T>, ScheduleError> {
        let mut runs = self.here.store.fix_runs(Some(&of.machine.root))?;
        runs.retain(|run| run.started > since && run.host == of.machine.host);
        runs.reverse();
        Ok(runs
            .iter()
            .flat_map(|run| run.steps.iter().filter_map(|step| pick(run, step)).collect::<Vec<_>>())
            .collect())
    }

    /// What was wrong, where a step says what was done.
    fn title(&self, step: &FixStep) -> String {
        self.catalogue.get(&step.check).map_or_else(|| step.title.clone(), |check| check.title.clone())
    }
}

/// Whether there is anything that the mail before did not tell.
fn is_news(week: &Week<'_>) -> bool {
    let report: &Report = week.report;
    let Some(changes) = &report.changes else { return true };
    let lists = [&changes.new, &changes.came_back, &changes.fixed, &changes.accepted, &changes.unseen];
    changes.grade_before != report.grade
        || lists.iter().any(|list| !list.is_empty())
        || !week.fixed_by.is_empty()
        || !week.not_fixed.is_empty()
        || !week.trouble.is_empty()
        || report.waived.iter().any(|w| w.ends_soon)
}

/// Who solved a problem that was told.
pub(super) fn who_fixed(fixed: &[FixedBy], check: &str, title: &str, seen: &Audit) -> FixedBy {
    let known = fixed.iter().rev().find(|f| f.check == check);
    let title = title.to_owned();
    match known {
        Some(known) => FixedBy { title, ..known.clone() },
        None => FixedBy { title, check: check.to_owned(), who: Who::Unknown, when: seen.started, run: None },
    }
}

/// Whether a run did what it should, as far as is known.
pub(super) fn went_wrong(run: &JobRun) -> bool {
    run.state.is_bad() || (run.state == JobState::Skipped && run.cause == Cause::Schedule)
}
