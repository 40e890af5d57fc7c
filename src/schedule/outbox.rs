//! Hands over the mail that waits. One process does it at a time. What was being handed over when everything stopped is
//! never handed over again; what nobody took is tried again, ever more rarely, until its time is over.

use jiff::{SignedDuration, Timestamp};

use super::{
    Here, Lock, ScheduleError,
    letters::{address, way},
};
use crate::{
    mail::{self, Cause, Letter, Outcome},
    store::{Mail, MailState, StoreError},
};

/// What was done with the mail that waited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// How many were handed over.
    pub sent: usize,
    /// How many will be tried again.
    pub waiting: usize,
    /// What went wrong, in sentences.
    pub wrong: Vec<String>,
}

/// The lock.
const LOCK: &str = "mail";
/// Minutes until a mail is tried again, by how often it was tried.
const PAUSES: [i64; 6] = [2, 5, 15, 60, 120, 240];
/// How many in a row may fail before the others wait too: then it is the server, not the mail.
const ENOUGH: usize = 2;

/// Hands over what is due. `stop` is asked between two mails.
///
/// # Errors
/// When the history cannot be used; then nothing more is handed over.
pub fn deliver(here: &Here, stop: &dyn Fn() -> bool) -> Result<Delivered, ScheduleError> {
    let mut delivered = Delivered::default();
    if !here.store.path().exists() {
        return Ok(delivered);
    }
    // Another one is at it: it will see to all of them.
    let Some(_lock) = Lock::take(here.folder()?, LOCK)? else { return Ok(delivered) };
    here.store.settle_mails(&here.id, Timestamp::now())?;
    let due = here.store.due_mails(&here.id, Timestamp::now())?;
    if due.is_empty() {
        return Ok(delivered);
    }
    let way = way(&here.config().mail);
    let mut failed = 0;
    for mut mail in due {
        if stop() {
            break;
        }
        if failed >= ENOUGH {
            mail.next_try = after(Timestamp::now(), pause(mail.tries));
            here.store.end_mail(&mail)?;
            delivered.waiting += 1;
            continue;
        }
        let outcome = match &way {
            Ok(way) => hand_over(here, way, &mail)?,
            Err(error) => Outcome::Never { why: error.to_string(), cause: Cause::Settings },
        };
        settle(&mut mail, &outcome, here.config().mail.give_up_after.signed(), Timestamp::now());
        here.store.end_mail(&mail)?;
        match mail.state {
            MailState::Sent => {
                delivered.sent += 1;
                failed = 0;
                continue;
            }
            MailState::Waiting => {
                delivered.waiting += 1;
                failed += 1;
            }
            _ => {}
        }
        let told = format!("The mail to {} {}: {}", mail.recipient, said(mail.state), outcome.sentence());
        delivered.wrong.push(told);
    }
    Ok(delivered)
}

fn said(state: MailState) -> &'static str {
    match state {
        MailState::Unsure => "may have arrived or not",
        MailState::GivenUp => "was not delivered",
        _ => "will be tried again",
    }
}

/// Hands one mail over. Before its first byte goes, that is written down.
fn hand_over(here: &Here, way: &mail::Way, mail: &Mail) -> Result<Outcome, ScheduleError> {
    let Some(bytes) = here.store.mail_message(&here.id, mail.id)? else {
        let why = "its text is gone".to_owned();
        return Ok(Outcome::Never { why, cause: Cause::Message });
    };
    let letter = Letter { from: address(&mail.sender)?, to: address(&mail.recipient)?, bytes };
    Ok(mail::send(way, &letter, &mut || match here.store.hand_over_mail(mail.id) {
        Ok(true) => Ok(()),
        Ok(false) => Err("it waits no more".to_owned()),
        Err(error) => Err(error.to_string()),
    }))
}

/// What becomes of a mail after a try.
fn settle(mail: &mut Mail, outcome: &Outcome, patience: SignedDuration, now: Timestamp) {
    mail.said = Some(outcome.sentence().to_owned());
    mail.tries += 1;
    let over = now.duration_since(mail.made) > patience;
    mail.state = match outcome {
        Outcome::Sent { .. } => MailState::Sent,
        Outcome::Unsure { .. } => MailState::Unsure,
        Outcome::Never { cause: Cause::Recipient | Cause::Message, .. } => MailState::GivenUp,
        // Once a person has mended the settings, it goes.
        Outcome::Never { cause: Cause::Settings, .. } | Outcome::Later { .. } if !over => MailState::Waiting,
        Outcome::Never { .. } | Outcome::Later { .. } => MailState::GivenUp,
    };
    mail.next_try = after(now, pause(mail.tries - 1));
    mail.ended = (mail.state != MailState::Waiting).then_some(now);
}

fn pause(tries: i64) -> SignedDuration {
    let place = usize::try_from(tries).unwrap_or(0).min(PAUSES.len() - 1);
    SignedDuration::from_mins(PAUSES.get(place).copied().unwrap_or(240))
}

fn after(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.checked_add(pause).unwrap_or(now)
}

/// When the next mail is tried; none when none waits or there is no history yet.
pub(super) fn next(here: &Here) -> Result<Option<Timestamp>, ScheduleError> {
    match here.store.next_mail(&here.id) {
        Ok(next) => Ok(next),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MailKind;

    #[test]
    fn a_mail_is_tried_again_ever_more_rarely_until_its_time_is_over() {
        let now: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
        let mut mail = Mail {
            id: 1,
            job: None,
            kind: MailKind::Weekly,
            occasion: String::new(),
            recipient: String::new(),
            sender: String::new(),
            subject: String::new(),
            state: MailState::Waiting,
            made: now,
            next_try: now,
            tries: 0,
            ended: None,
            said: None,
        };
        let patience = SignedDuration::from_hours(24);
        let later = Outcome::Later { why: "no route".to_owned() };
        let mut minutes = Vec::new();
        while mail.state == MailState::Waiting {
            let at = mail.next_try;
            settle(&mut mail, &later, patience, at);
            minutes.push(mail.next_try.duration_since(at).as_mins());
        }
        assert_eq!(minutes[..8], [2, 5, 15, 60, 120, 240, 240, 240]);
        assert_eq!(mail.state, MailState::GivenUp);
        let lasted = mail.ended.unwrap().duration_since(now);
        assert!(lasted > patience && mail.tries < 15, "{lasted}, {} tries", mail.tries);
        for (outcome, state) in [
            (Outcome::Sent { said: String::new() }, MailState::Sent),
            (Outcome::Unsure { why: String::new() }, MailState::Unsure),
            (Outcome::Never { why: String::new(), cause: Cause::Recipient }, MailState::GivenUp),
            (Outcome::Never { why: String::new(), cause: Cause::Settings }, MailState::Waiting),
        ] {
            settle(&mut mail, &outcome, patience, now);
            assert_eq!((mail.state, mail.ended.is_some()), (state, state != MailState::Waiting));
        }
    }
}
