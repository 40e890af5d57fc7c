//! What a reader may choose of a report: how much it tells, on which paper, under whose logo.

use base64ct::{Base64, Encoding as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a report tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// What matters, with a little proof.
    #[default]
    Owner,
    /// Everything.
    Technician,
}

impl Detail {
    /// How many pieces of evidence of one problem are shown.
    pub fn evidence(self) -> usize {
        match self {
            Detail::Owner => 3,
            Detail::Technician => 20,
        }
    }
}

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One self-contained page.
    Html,
    /// For the file and for paper.
    Pdf,
    /// Markdown.
    #[value(alias = "markdown")]
    Md,
    /// The report model.
    Json,
    /// SARIF 2.1.0, for what collects the findings of many tools.
    Sarif,
    /// JUnit's XML, for pipelines that show tests.
    #[value(alias = "xml")]
    Junit,
    /// A line for each problem, for a spreadsheet.
    Csv,
    /// OCSF Compliance Findings, one event a line, for what collects security events.
    #[value(alias = "jsonl", alias = "ndjson")]
    Ocsf,
}

impl Format {
    /// How the file ends.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Pdf => "pdf",
            Format::Md => "md",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Junit => "xml",
            Format::Csv => "csv",
            Format::Ocsf => "jsonl",
        }
    }

    /// Whether an overview of many machines can be written so.
    pub fn is_of_many(self) -> bool {
        !matches!(self, Format::Sarif | Format::Junit | Format::Csv | Format::Ocsf)
    }

    /// Whether a terminal can show it.
    pub fn is_text(self) -> bool {
        !matches!(self, Format::Html | Format::Pdf)
    }
}

/// The paper a PDF is made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Paper {
    /// 210 × 297 mm.
    #[default]
    A4,
    /// 8.5 × 11 inches.
    Letter,
}

impl Paper {
    /// The paper that people of this locale use, such as `en_US.UTF-8`.
    pub fn of_locale(locale: &str) -> Self {
        // The countries whose paper is 216 × 279 mm in glibc's locales.
        const LETTER: [&str; 13] = ["US", "CA", "MX", "PR", "PH", "CL", "CO", "VE", "CR", "GT", "NI", "PA", "SV"];
        let name = locale.split(['.', '@']).next().unwrap_or_default();
        let country = name.split_once('_').map_or("", |(_, country)| country);
        if LETTER.contains(&country) { Paper::Letter } else { Paper::A4 }
    }
}

/// A picture at the head of the report: checked, and harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/png` or `image/svg+xml`: what a page embeds.
    pub mime: &'static str,
    /// The file as it was given.
    pub bytes: Vec<u8>,
    /// The same as a PNG, for paper and mail.
    pub png: Vec<u8>,
    /// Width and height of the PNG in pixels.
    pub size: (u32, u32),
}

impl Logo {
    /// The address by which a page holds it in itself.
    pub(super) fn address(&self) -> String {
        format!("data:{};base64,{}", self.mime, Base64::encode_string(&self.bytes))
    }
}

/// What a reader chose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How much it tells.
    pub detail: Detail,
    /// The paper of a PDF.
    pub paper: Paper,
    /// The picture at its head.
    pub logo: Option<Logo>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_follows_the_country_of_the_locale() {
        for (locale, paper) in [
            ("en_US.UTF-8", Paper::Letter),
            ("es_MX@euro", Paper::Letter),
            ("en_GB.UTF-8", Paper::A4),
            ("C.UTF-8", Paper::A4),
            ("US", Paper::A4),
            ("", Paper::A4),
        ] {
            assert_eq!(Paper::of_locale(locale), paper, "{locale}");
        }
    }
}
