//! Mails before they are sent: as they would be now, and the one that tries the way.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;

use super::{ScheduleError, Work, email::Letters, other};
use crate::{
    audit::{Audit, perform},
    checks::{Catalogue, Selection},
    config::Task,
    mail::{self, Letter, Outcome},
    probes::machine::identity,
    report::{
        self, Made,
        email::{Mail, TestMail},
    },
    schedule::{
        Here, Planned, Sender,
        letters::{Occasion, address, way},
    },
    store::{JobRun, MailKind, StoreError},
    words,
};

/// A mail as it would be sent now.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Its subject.
    pub subject: String,
    /// Who would get it.
    pub to: Vec<String>,
    /// Its text.
    pub text: String,
    /// Its page, with the pictures in it.
    pub html: String,
    /// The whole mail to the first recipient.
    pub message: Vec<u8>,
}

/// The mail of a job, over the latest audit; over a new one, which is not kept, where there is none. Nothing is sent.
///
/// # Errors
/// When no job sends mail, it is not said which of several, or the mail cannot be made.
pub fn preview(here: &Here, name: Option<&str>) -> Result<Preview, ScheduleError> {
    let name = match name {
        Some(name) => name,
        None => only(here)?,
    };
    let now = Timestamp::now();
    let job = here.job(name)?;
    if job.job.task != Task::Email {
        return Err(ScheduleError::Mail(format!("The job `{name}` sends no mail.")));
    }
    // Above all numbers, so that everything that ran counts as before it.
    let run = JobRun { id: i64::MAX, ..JobRun::by_hand(name, job.job.task.name(), now) };
    let catalogue = Catalogue::of_this_machine().map_err(other)?;
    let work = Work { here, job, run, catalogue };
    let (mail, made, kind) = match &work.job.job.histories {
        Some(folder) => {
            let (fleet, mail, _) = work.digested(folder, work.last_mail()?.as_ref())?;
            (mail, Made::Many(Box::new(fleet)), MailKind::Digest)
        }
        None => {
            let audit = work.latest()?;
            let told = work.told(&audit)?;
            (told.mail, Made::One(Box::new(told.report)), MailKind::Weekly)
        }
    };
    let letters = work.letters(&Letters { mail: &mail, made: &made, kind, people: &work.people()? })?;
    Ok(Preview {
        subject: mail.subject.clone(),
        to: letters.iter().map(|l| l.recipient.clone()).collect(),
        text: mail.text.clone(),
        html: whole(&mail),
        message: letters.into_iter().next().map(|l| l.message).unwrap_or_default(),
    })
}

impl Work<'_> {
    /// The latest audit of what this job is about; a new one, which is not kept, where there is none.
    fn latest(&self) -> Result<Audit, ScheduleError> {
        let host = self.host()?;
        let (id, _) = identity(&host);
        let root = host.root().to_string_lossy();
        let audits = match self.here.store.audits(1000) {
            Ok(audits) => audits,
            Err(StoreError::Missing(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        match audits.iter().find(|a| a.host == id && a.root == root && a.complete) {
            Some(found) => Ok(self.here.store.audit(Some(found.id))?),
            None => {
                let limits = &self.here.config().checks;
                Ok(perform(&host, &self.catalogue, &Selection::default(), limits, Some(&self.here.store), |_| {})
                    .map_err(other)?
                    .audit)
            }
        }
    }
}

/// The only job that sends mail.
fn only(here: &Here) -> Result<&str, ScheduleError> {
    let jobs = here.config().schedule.iter().filter(|(_, job)| job.task == Task::Email);
    let names: Vec<&str> = jobs.map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [one] => Ok(one),
        [] => Err(ScheduleError::Mail(
            "No job sends mail yet. Add one: cleanbill schedule add monday-mail 'every monday 7:00' --email TO"
                .to_owned(),
        )),
        many => Err(ScheduleError::Mail(format!("Several jobs send mail: name one of {}.", many.join(", ")))),
    }
}

/// The page with its pictures in it, for a browser.
fn whole(mail: &Mail) -> String {
    mail.pictures.iter().fold(mail.html.clone(), |html, picture| {
        let data = format!("data:image/png;base64,{}", Base64::encode_string(&picture.png));
        html.replace(&format!("cid:{}", picture.cid), &data)
    })
}

/// What became of a mail that tries the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Who should get it.
    pub to: String,
    /// What the mail server said, or why it did not go.
    pub said: Result<String, String>,
}

/// Sends the mail that tries the way, past the queue, to each recipient.
///
/// # Errors
/// When no such mail can be made.
pub fn test_mail(here: &Here, to: &[String], who: &str) -> Result<Vec<Tried>, ScheduleError> {
    let now = Timestamp::now();
    let plan = here.jobs()?.iter().filter(|job| job.job.task == Task::Email).map(plan).collect();
    let test = TestMail {
        host: here.name.clone(),
        purpose: here.config().machine.purpose.clone(),
        who: Some(who.to_owned()),
        at: now,
        plan,
        zone: here.zone.clone(),
    };
    let mail = report::email::test_mail(&test, Path::new(report::TEMPLATES)).map_err(other)?;
    send_now(here, &mail, to, &format!("test.{now}"), now)
}

/// Sends a mail past the queue, to each of these people, or those of `[mail]`.
pub(in crate::schedule) fn send_now(
    here: &Here,
    mail: &Mail,
    to: &[String],
    name: &str,
    now: Timestamp,
) -> Result<Vec<Tried>, ScheduleError> {
    let sender = Sender::new(here)?;
    let people = sender.recipients(to, here.config())?;
    let way = way(&here.config().mail)?;
    let mut told = Vec::new();
    for to in &people {
        let occasion = Occasion { kind: MailKind::Test, job: None, name: name.to_owned(), at: now };
        let made = sender.letter(here, mail, &[], to, &occasion)?;
        let letter = Letter { from: address(&made.sender)?, to: address(&made.recipient)?, bytes: made.message };
        let outcome = mail::send::<&str>(&way, &letter, &mut || Ok(()));
        let said = outcome.sentence().to_owned();
        let said = if matches!(outcome, Outcome::Sent { .. }) { Ok(said) } else { Err(said) };
        told.push(Tried { to: made.recipient, said });
    }
    Ok(told)
}

fn plan(job: &Planned) -> String {
    let what = if job.job.histories.is_some() { "how your machines are" } else { "how this machine is" };
    format!("{}: {what}.", words::capital(&job.when.says()))
}
