//! What cannot wait for the next report, as short mails.

use std::path::Path;

use super::{ScheduleError, Work, email, other};
use crate::{
    alerts::{self, Why},
    audit::Audit,
    mail::Mailbox,
    report::{
        self, Report,
        email::{Alert, Kind, News, Solved},
    },
    schedule::{Sender, letters::Occasion},
    store::{MailKind, NewMail},
};

impl Work<'_> {
    /// Puts short mails into the queue for what cannot wait, and notes what was told. `covered` are people who get a mail
    /// of this very audit anyway.
    pub(super) fn urgent(
        &self,
        audit: &Audit,
        report: &Report,
        covered: &[Mailbox],
    ) -> Result<Vec<String>, ScheduleError> {
        let here = self.here;
        let settings = &here.config().alerts;
        let Some(id) = audit.id.filter(|_| settings.enabled) else { return Ok(Vec::new()) };
        // What is told of an image is not told of this machine.
        let machine = &audit.machine;
        let about =
            if machine.root == "/" { machine.host.clone() } else { format!("{} {}", machine.host, machine.root) };
        let told = alerts::told(audit, &here.store.open_alerts(&about)?, settings);
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let to = if settings.to.is_empty() { &here.config().mail.to } else { &settings.to };
        // Nobody asked for mail: then the history alone keeps it.
        let people = if to.is_empty() {
            Vec::new()
        } else {
            let mut people = Sender::new(here)?.recipients(to, here.config())?;
            people.retain(|p| !covered.iter().any(|c| c.address == p.address));
            people
        };
        let mut said = Vec::new();
        let mut mails: Vec<NewMail> = Vec::new();
        let purpose = &here.config().machine.purpose;
        if !told.news.is_empty() {
            let news = told.news.iter().map(|(alert, why)| News {
                check: alert.check.clone(),
                title: alert.title.clone(),
                kind: match why {
                    Why::Found => Kind::Found,
                    Why::Worse => Kind::Worse,
                    Why::StillThere => Kind::StillOpen,
                },
            });
            let mail = report::email::alert(
                &Alert {
                    report,
                    news: news.collect(),
                    detail: self.reader(),
                    purpose: purpose.clone(),
                    zone: here.zone.clone(),
                    contact: here.config().mail.contact.clone(),
                },
                Path::new(report::TEMPLATES),
            );
            mails.extend(self.short(&mail.map_err(other)?, &people, format!("alert.{id}"))?);
            let titles: Vec<String> = told.news.iter().map(|(alert, _)| alert.title.clone()).collect();
            said.push(format!("Told at once: {}.", crate::words::list(&titles)));
        }
        if !told.solved.is_empty() && settings.solved {
            let since = told.solved.iter().map(|a| a.opened).min().unwrap_or(audit.started);
            let fixed = self.fixed_by(audit, since)?;
            let solved = told.solved.iter().map(|alert| email::who_fixed(&fixed, &alert.check, &alert.title, audit));
            let mail = report::email::solved(
                &Solved { report, solved: solved.collect(), purpose: purpose.clone(), zone: here.zone.clone() },
                Path::new(report::TEMPLATES),
            );
            mails.extend(self.short(&mail.map_err(other)?, &people, format!("solved.{id}"))?);
            let titles: Vec<String> = told.solved.iter().map(|alert| alert.title.clone()).collect();
            said.push(format!("Told that it is solved: {}.", crate::words::list(&titles)));
        }
        here.store.tell_alerts((&about, &here.id), &told.kept(), &mails, jiff::Timestamp::now())?;
        Ok(said)
    }

    /// A short mail for everyone who should hear of it.
    pub(super) fn short(
        &self,
        mail: &report::email::Mail,
        people: &[Mailbox],
        name: String,
    ) -> Result<Vec<NewMail>, ScheduleError> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let sender = Sender::new(self.here)?;
        let occasion = Occasion { kind: MailKind::Alert, job: Some(&self.job.name), name, at: jiff::Timestamp::now() };
        people.iter().map(|to| sender.letter(self.here, mail, &[], to, &occasion)).collect()
    }
}
