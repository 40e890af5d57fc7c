//! `cleanbill report`: the report as a page, Markdown or JSON.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;

use super::{
    StoreArgs,
    error::CliError,
    look::{self, Look},
    terminal,
};
use crate::{checks::Selection, report, store::StoreError};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill report                          write cleanbill-HOST.html beside you
  sudo cleanbill report --format md --output -   print Markdown
  cleanbill report --audit 12 --format json -o report.json
  cleanbill report --schema                      the JSON Schema of the report")]
pub(super) struct Args {
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    format: Format,
    /// File or folder to write to, - for stdout [default: cleanbill-HOST.html here; stdout for md and json]
    #[arg(long, short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// The audit to report [default: the latest; a new one when there is none]
    #[arg(long, value_name = "ID")]
    audit: Option<i64>,
    /// Print the JSON Schema of the report and end
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One self-contained page.
    Html,
    /// Markdown.
    Md,
    /// The report model.
    Json,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Md => "md",
            Format::Json => "json",
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.schema {
        terminal::print(&(report::schema() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let catalogue = look::catalogue()?;
    let report = match look::stored(&args.store.store(), args.audit, &catalogue) {
        Ok(report) => report,
        Err(_) if args.audit.is_none() && matches!(args.store.store().audit(None), Err(StoreError::Missing(_))) => {
            let whole = Selection::default();
            look::look(&catalogue, Look { root: None, selection: whole, store: &args.store, keep: true })?.report
        }
        Err(error) => return Err(error),
    };
    let text = match args.format {
        Format::Html => report::html(&report)?,
        Format::Md => report::markdown(&report)?,
        Format::Json => report::json(&report) + "\n",
    };
    let folder = match &args.output {
        None if args.format == Format::Html => Some(PathBuf::new()),
        Some(path) if path.is_dir() => Some(path.clone()),
        _ => None,
    };
    if let Some(folder) = folder {
        let path = folder.join(default_path(&report)).with_extension(args.format.extension());
        terminal::write_file(&path, &text)?;
        anstream::eprintln!("The report is in {}", path.display());
    } else {
        terminal::deliver(args.output.as_deref(), &text)?;
        let named = args.output.as_deref().filter(|p| *p != Path::new("-") && std::io::stderr().is_terminal());
        if let Some(path) = named {
            anstream::eprintln!("The report is in {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the page goes unless told otherwise.
pub(super) fn default_path(report: &report::Report) -> PathBuf {
    PathBuf::from(format!("cleanbill-{}.html", file_name(&report.host.name)))
}

/// A host name as part of a file name.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().take(64).map(safe).collect();
    name.trim_start_matches('.').to_owned()
}
