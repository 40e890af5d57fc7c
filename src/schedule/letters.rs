//! From what a mail says to what is put into the queue: sender, recipients, ids, and the way it goes.

use std::str::FromStr;

use jiff::Timestamp;

use super::{Here, ScheduleError};
use crate::{
    config::{self, Config},
    mail::{Address, Attachment, Mailbox, Message, MessageId, Names, Picture, Security, Server, Unsubscribe, Way},
    report::email,
    store::{MailKind, NewMail},
    words,
};

/// Who mail of this machine comes from.
#[derive(Debug, Clone)]
pub struct Sender {
    from: Mailbox,
    domain: String,
    contact: Option<Mailbox>,
    /// Whether a mail server of the network takes the mail: then every recipient needs a domain.
    far: bool,
}

/// What a mail is about, beside what it says.
#[derive(Debug, Clone)]
pub(super) struct Occasion<'a> {
    /// What it is.
    pub(super) kind: MailKind,
    /// The job that sends it.
    pub(super) job: Option<&'a str>,
    /// What it is about: with the recipient, the same is never sent twice.
    pub(super) name: String,
    /// The moment it was written.
    pub(super) at: Timestamp,
}

impl Sender {
    /// The sender that the settings name, or that this machine's full name gives.
    ///
    /// # Errors
    /// When there is none, or an address cannot be used.
    pub fn new(here: &Here) -> Result<Self, ScheduleError> {
        let mail = &here.config().mail;
        let from = match &mail.from {
            Some(from) => mailbox(from)?,
            None => {
                let full = Names::read().full().ok_or_else(|| {
                    ScheduleError::Mail(
                        "This machine has no full name (such as web01.example.org) that mail could come from. Name a \
                         sender: `from` in [mail]"
                            .to_owned(),
                    )
                })?;
                let address = format!("cleanbill@{full}").parse().map_err(wrong)?;
                Mailbox { name: Some(format!("cleanbill on {}", words::harmless(&here.name))), address }
            }
        };
        let domain = from.address.domain().map(str::to_owned).ok_or_else(|| {
            ScheduleError::Mail(format!("The sender `{}` needs a domain, as in cleanbill@example.org", from.address))
        })?;
        let contact = mail.contact.as_deref().map(mailbox).transpose()?;
        Ok(Sender { from, domain, contact, far: mail.server.is_some() })
    }

    /// The people who are named, or those of `[mail]` where nobody is.
    ///
    /// # Errors
    /// When nobody is named at all, or an address cannot be used.
    pub fn recipients(&self, named: &[String], config: &Config) -> Result<Vec<Mailbox>, ScheduleError> {
        let named = if named.is_empty() { &config.mail.to } else { named };
        let mut people: Vec<Mailbox> = Vec::new();
        for text in named {
            let mut person = mailbox(text)?;
            if self.far {
                person.address = person.address.at(&self.domain);
            }
            if !people.iter().any(|p| p.address == person.address) {
                people.push(person);
            }
        }
        if people.is_empty() {
            return Err(ScheduleError::Mail(
                "Nobody is named who gets the mail: say it with `to` in [mail]".to_owned(),
            ));
        }
        Ok(people)
    }

    /// The mail for one recipient, ready for the queue. The same occasion gives the same id, whoever asks again.
    ///
    /// # Errors
    /// When no mail can be made of it.
    pub(super) fn letter(
        &self,
        here: &Here,
        mail: &email::Mail,
        attachments: &[Attachment],
        to: &Mailbox,
        occasion: &Occasion<'_>,
    ) -> Result<NewMail, ScheduleError> {
        let person = to.address.to_string();
        let asks = self.contact.as_ref().unwrap_or(&self.from).address.clone();
        let id = MessageId::new(&format!("{}\n{}\n{person}", here.id, occasion.name), &self.domain);
        // One thread for each machine: mail programs put what refers to the same mail together.
        let thread = MessageId::new(&format!("cleanbill.{}", here.id), &self.domain);
        let message = Message {
            from: self.from.clone(),
            to: to.clone(),
            reply_to: self.contact.clone(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: Some(mail.html.clone()),
            pictures: mail.pictures.iter().map(|p| Picture { cid: p.cid.clone(), png: p.png.clone() }).collect(),
            attachments: attachments.to_vec(),
            date: occasion.at,
            id,
            thread: Some(thread),
            unsubscribe: Some(Unsubscribe { mail: Some(asks), web: None }),
            list: None,
        };
        let letter = message.build().map_err(|e| ScheduleError::Mail(e.to_string()))?;
        Ok(NewMail {
            job: occasion.job.map(str::to_owned),
            kind: occasion.kind,
            occasion: occasion.name.clone(),
            recipient: person,
            sender: self.from.address.to_string(),
            subject: mail.subject.clone(),
            message: letter.bytes,
        })
    }
}

/// The way mail goes, as the settings say.
///
/// # Errors
/// When the password cannot be had.
pub(super) fn way(config: &config::Mail) -> Result<Way, ScheduleError> {
    let timeout = config.timeout.duration();
    let Some(host) = &config.server else {
        return Ok(Way::Sendmail { program: config.sendmail.clone(), timeout });
    };
    let password = config.password().map_err(ScheduleError::Mail)?;
    Ok(Way::Smtp(Server {
        host: host.clone(),
        port: config.port,
        security: match config.security {
            config::Security::StartTls => Security::StartTls,
            config::Security::Tls => Security::Tls,
            config::Security::None => Security::None,
        },
        login: config.user.clone().zip(password),
        ca_file: config.ca_file.clone(),
        hello: config.hello.clone().or_else(|| Names::read().full()),
        timeout,
    }))
}

fn mailbox(text: &str) -> Result<Mailbox, ScheduleError> {
    Mailbox::from_str(text).map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> ScheduleError {
    ScheduleError::Mail(error.to_string())
}

/// An address of the queue.
pub(super) fn address(text: &str) -> Result<Address, ScheduleError> {
    text.parse().map_err(wrong)
}
