//! The job that writes the report into a folder: always under the same name, so that the newest is easy to find.

use std::{fs, path::Path};

use jiff::tz::TimeZone;

use super::{ScheduleError, Work, audit::summary, other};
use crate::{
    files::write_whole,
    report::{self, Made, Report},
};

impl Work<'_> {
    pub(super) fn report(&self) -> Result<String, ScheduleError> {
        let job = &self.job.job;
        let folder = &job.folder.clone().unwrap_or_else(|| self.here.store.path().with_file_name("reports"));
        let options = self.options()?;
        let (made, mut said) = match &job.histories {
            Some(histories) => {
                let fleet = self.overview(histories)?;
                let said = vec![fleet.summary.clone()];
                (Made::Many(Box::new(fleet)), said)
            }
            None => {
                let (audit, history) = self.look()?;
                let mut report = report::build(&audit, &self.catalogue, &history);
                report::measure(&mut report, &self.here.store, &TimeZone::UTC)?;
                self.entitle(&mut report);
                let mut said = summary(&report);
                said.extend(self.urgent(&audit, &report, &[])?);
                (Made::One(Box::new(report)), said)
            }
        };
        fs::create_dir_all(folder).map_err(|e| cannot(folder, &e))?;
        for format in &job.formats {
            let (bytes, warnings) = made.render(*format, &options).map_err(other)?;
            let file = folder.join(made.file_name(*format));
            // What is wrong with a machine is nobody else's business.
            write_whole(&file, &bytes, 0o600).map_err(|e| cannot(&file, &e))?;
            said.push(format!("Written: {}", file.display()));
            said.extend(warnings);
        }
        Ok(said.join("\n"))
    }

    /// The title that the settings give.
    pub(super) fn entitle(&self, report: &mut Report) {
        if let Some(title) = &self.here.config().report.title {
            report.title.clone_from(title);
        }
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> ScheduleError {
    ScheduleError::Other(format!("{} cannot be written: {error}.", path.display()))
}
