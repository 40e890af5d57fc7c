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
        let page = |page: Rendered| (page.text.into_bytes(), page.warnings);
        let plain = |text: String| ((text + "\n").into_bytes(), Vec::new());
        Ok(match (self, format) {
            (Made::One(report), Format::Html) => page(html(report, options)?),
            (Made::One(report), Format::Pdf) => (pdf::pdf(report, options)?, Vec::new()),
            (Made::One(report), Format::Md) => page(markdown(report)?),
            (Made::One(report), Format::Json) => plain(json(report)),
            (Made::One(report), Format::Sarif) => plain(sarif(report)),
            (Made::One(report), Format::Junit) => (junit(report).into_bytes(), Vec::new()),
            (Made::One(report), Format::Csv) => (csv(report).into_bytes(), Vec::new()),
            (Made::One(report), Format::Ocsf) => (ocsf(report).into_bytes(), Vec::new()),
            (Made::Many(fleet), Format::Html) => page(fleet::html(fleet, options)?),
            (Made::Many(fleet), Format::Pdf) => (pdf::fleet_pdf(fleet, options)?, Vec::new()),
            (Made::Many(fleet), Format::Md) => page(fleet::markdown(fleet)?),
            (Made::Many(fleet), Format::Json) => plain(fleet::json(fleet)),
            (Made::Many(_), Format::Sarif | Format::Junit | Format::Csv | Format::Ocsf) => {
                return Err(MadeError::OfOne);
            }
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

/// A host name as part of a file name.
pub(super) fn safe(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().take(64).map(safe).collect();
    name.trim_start_matches('.').to_owned()
}
