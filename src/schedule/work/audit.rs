//! The job that looks, and tells at once what cannot wait.

use super::{ScheduleError, Work};
use crate::report;

impl Work<'_> {
    pub(super) fn audit(&self) -> Result<String, ScheduleError> {
        let (audit, history) = self.look()?;
        let report = report::build(&audit, &self.catalogue, &history);
        let mut said = summary(&report);
        said.extend(self.urgent(&audit, &report, &[])?);
        Ok(said.join("\n"))
    }
}

/// What an audit found, in a line.
pub(super) fn summary(report: &report::Report) -> Vec<String> {
    vec![format!(
        "Grade {}, risk {} of 100. {}",
        report.grade.letter(),
        crate::words::whole(report.risk),
        report.summary
    )]
}
