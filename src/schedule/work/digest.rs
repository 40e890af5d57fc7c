//! The overview of many machines, from a folder with their histories.

use std::path::{Path, PathBuf};

use super::{ScheduleError, Work, email::Letters, other};
use crate::{
    report::{
        self, Made,
        email::Digest,
        fleet::{self, Fleet},
    },
    store::{JobRun, MailKind, Moment, histories},
};

impl Work<'_> {
    /// The overview, compared with a week ago.
    pub(super) fn overview(&self, folder: &Path) -> Result<Fleet, ScheduleError> {
        let files: Vec<PathBuf> = histories(&[folder.to_owned()]).map_err(other)?;
        let (reports, skipped) = fleet::gather(&files, Moment::Days(7), &self.catalogue);
        let title = self.here.config().report.title.as_deref();
        fleet::fleet(&reports, skipped, &self.catalogue, title).ok_or_else(|| {
            ScheduleError::Other(format!("None of the histories in {} could be used.", folder.display()))
        })
    }

    /// The mail about many machines.
    pub(super) fn digest(&self, folder: &Path) -> Result<String, ScheduleError> {
        let people = self.people()?;
        let before = self.last_mail()?;
        let (fleet, mail, news) = self.digested(folder, before.as_ref())?;
        if let Some(why) = self.nothing_new(news, before.as_ref()) {
            return Ok(format!("{} {why}", fleet.summary));
        }
        let said = fleet.summary.clone();
        let made = Made::Many(Box::new(fleet));
        self.send(&said, &Letters { mail: &mail, made: &made, kind: MailKind::Digest, people: &people })
    }

    /// What the mail tells, and whether anything is new.
    pub(super) fn digested(
        &self,
        folder: &Path,
        before: Option<&JobRun>,
    ) -> Result<(Fleet, report::email::Mail, bool), ScheduleError> {
        let fleet = self.overview(folder)?;
        let trouble = self.trouble(before.map(|run| run.started))?;
        let digest = Digest {
            fleet: &fleet,
            silent: Vec::new(),
            trouble: trouble.clone(),
            next_mail: self.next(),
            detail: self.reader(),
            zone: self.here.zone.clone(),
            attached: self.job.job.pdf,
        };
        let mail = report::email::digest(&digest, Path::new(report::TEMPLATES)).map_err(other)?;
        let news = !fleet.came.is_empty() || !fleet.went.is_empty() || !trouble.is_empty() || !fleet.skipped.is_empty();
        Ok((fleet, mail, news))
    }
}
