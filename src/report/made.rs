//! A report of one machine or of many, in the format that is asked for.

use super::{
    Format, Options, PdfError, Rendered, Report, TemplateError, csv, fleet, fleet::Fleet, html, json, junit, markdown,
    ocsf, pdf, sarif,
};

/// The report of one machine, or of many.
#[derive(Debug, Clone)]
pub enum Made {
    /// Of one.
    One(Box<Report>),
    /// Of many.
    Many(Box<Fleet>),
}

/// Why it could not be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum MadeError {
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The PDF.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// What tells of one machine was asked of many.
    #[error(
        "SARIF, JUnit, CSV and OCSF tell of one machine, and this is an overview of many: name one history with --db FILE"
    )]
    OfOne,
}

impl Made {
    /// The file, and what is wrong with the machine's own templates.
    ///
    /// # Errors
    /// When the format cannot be made.
    pub fn render(&self, format: Format, options: &Options) -> Result<(Vec<u8>, Vec<String>), MadeError> {
        let fleet = match self {
            Made::One(report) => return one(report, format, options),
            Made::Many(fleet) => fleet,
        };
        Ok(match format {
            Format::Html => page(fleet::html(fleet, options)?),
            Format::Pdf => (pdf::fleet_pdf(fleet, options)?, Vec::new()),
            Format::Md => page(fleet::markdown(fleet)?),
            Format::Json => plain(fleet::json(fleet) + "\n"),
            Format::Sarif | Format::Junit | Format::Csv | Format::Ocsf => return Err(MadeError::OfOne),
        })
    }

    /// What its file is called.
    pub fn file_name(&self, format: Format) -> String {
        let name = match self {
            Made::One(report) => safe(&report.host.name),
            Made::Many(_) => "overview".to_owned(),
        };
        format!("cleanbill-{name}.{}", format.extension())
    }

    /// The result in a sentence or two.
    pub fn summary(&self) -> &str {
        match self {
            Made::One(report) => &report.summary,
            Made::Many(fleet) => &fleet.summary,
        }
    }
}

/// The report of one machine in a format, and what is wrong with the machine's own templates.
///
/// # Errors
/// When the format cannot be made.
pub fn one(report: &Report, format: Format, options: &Options) -> Result<(Vec<u8>, Vec<String>), MadeError> {
    Ok(match format {
        Format::Html => page(html(report, options)?),
        Format::Pdf => (pdf::pdf(report, options)?, Vec::new()),
        Format::Md => page(markdown(report)?),
        Format::Json => plain(json(report) + "\n"),
        Format::Sarif => plain(sarif(report) + "\n"),
        Format::Junit => plain(junit(report)),
        Format::Csv => plain(csv(report)),
        Format::Ocsf => plain(ocsf(report)),
    })
}

fn page(page: Rendered) -> (Vec<u8>, Vec<String>) {
    (page.text.into_bytes(), page.warnings)
}

fn plain(text: String) -> (Vec<u8>, Vec<String>) {
    (text.into_bytes(), Vec::new())
}

/// A host name as part of a file name.
pub(super) fn safe(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().take(64).map(safe).collect();
    name.trim_start_matches('.').to_owned()
}
