//! `cleanbill audit`: look, say, remember.

use std::{path::PathBuf, process::ExitCode};

use clap::{ValueEnum, builder::PossibleValue};

use super::{
    StoreArgs,
    error::CliError,
    look::{self, Look},
    terminal,
};
use crate::{
    audit::Stopwatch,
    checks::{Selection, Severity},
    report,
};

#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill audit                          everything, in plain words
  sudo cleanbill audit --all                    also the small things
  sudo cleanbill audit --only 'ssh-*' updates   some checks or areas
  cleanbill audit --root /mnt/image --no-store  a mounted image
  sudo cleanbill audit --format json | jq '.problems[] | .title'
  sudo cleanbill audit -o web01.jsonl           OCSF events for a SIEM; also .sarif, .xml (JUnit), .csv, .md, .json
  sudo cleanbill audit --fail-on high           exit with 1 when something is high or critical")]
pub(super) struct Args {
    /// Look at a mounted image or container tree instead of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Ask only these checks or areas; * and ? stand for anything
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    only: Vec<String>,
    /// Leave these checks or areas out
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    skip: Vec<String>,
    /// Show only problems that are at least this bad
    #[arg(long, value_name = "LEVEL")]
    severity: Option<Severity>,
    /// Show every problem and everything that could not be seen
    #[arg(long)]
    all: bool,
    /// How to print the result [default: as the name of the file ends, else text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 when a problem is at least this bad
    #[arg(long, value_name = "LEVEL")]
    fail_on: Option<Severity>,
    /// Do not put this audit into the history
    #[arg(long)]
    no_store: bool,
    /// Say on stderr where the time went
    #[arg(long)]
    timings: bool,
    #[command(flatten)]
    store: StoreArgsOption,
}

impl Args {
    /// All options at their defaults but the place of the history.
    pub(super) fn stored(store: StoreArgs) -> Self {
        Args { store: StoreArgsOption { args: Some(store) }, ..Args::default() }
    }
}

/// [`StoreArgs`] that can be defaulted.
#[derive(Debug, Default, clap::Args)]
struct StoreArgsOption {
    #[command(flatten)]
    args: Option<StoreArgs>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A page for people.
    Text,
    /// What a report can be, too.
    Report(report::Format),
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        use report::Format::{Csv, Json, Junit, Md, Ocsf, Sarif};
        &[
            Format::Text,
            Format::Report(Json),
            Format::Report(Md),
            Format::Report(Sarif),
            Format::Report(Junit),
            Format::Report(Csv),
            Format::Report(Ocsf),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Format::Text => Some(PossibleValue::new("text").help("A page for people")),
            Format::Report(format) => format.to_possible_value(),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let format = terminal::format(args.format, args.output.as_deref(), Format::Text);
    let catalogue = look::catalogue()?;
    let selection = Selection::new(&args.only, &args.skip, &catalogue)
        .map_err(|what| CliError::usage(what, "See all checks with: cleanbill checks list"))?;
    let store = args.store.args.clone().unwrap_or(StoreArgs { db: None });
    let mut seen =
        look::look(&catalogue, Look { root: args.root.as_ref(), selection, store: &store, keep: !args.no_store })?;
    let worst = seen.report.problems.iter().map(|p| p.severity).max();
    if let Some(least) = args.severity {
        seen.report.problems.retain(|p| p.severity >= least);
    }
    let text = match format {
        Format::Text => {
            let mut style = terminal::style();
            if args.output.is_some() {
                style.colour = false;
            }
            report::page(&seen.report, style, args.all)
        }
        Format::Report(format) => {
            let (bytes, warnings) = report::one(&seen.report, format, &report::Options::default())?;
            for warning in warnings {
                anstream::eprintln!("{warning}");
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    terminal::deliver(args.output.as_deref(), &text)?;
    if args.timings {
        anstream::eprintln!("{:<28} {:>10} {:>10}", "part", "CPU ms", "wall ms");
        let mut watch = Stopwatch::start();
        let options = report::Options::default();
        report::html(&seen.report, &options)?;
        let html = watch.lap("HTML page");
        report::pdf(&seen.report, &options)?;
        let pdf = watch.lap("PDF");
        for timing in seen.timings.iter().chain([&html, &pdf]) {
            let ms = |d: std::time::Duration| d.as_secs_f64() * 1000.0;
            anstream::eprintln!("{:<28} {:>10.1} {:>10.1}", timing.part, ms(timing.cpu), ms(timing.wall));
        }
    }
    let failed = args.fail_on.is_some_and(|least| worst.is_some_and(|w| w >= least));
    if let Some(error) = seen.unstored {
        anstream::eprintln!("This audit could not be put into the history: {error}.\n{}", error.hint());
        return Ok(ExitCode::from(3));
    }
    Ok(ExitCode::from(u8::from(failed)))
}
