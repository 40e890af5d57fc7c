//! `cleanbill trend`: how a machine went over time.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;

use super::{
    StoreArgs,
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    analysis::trend::{self, About, Figures, Since},
    facts::QueryResult,
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill trend                            the risk over all audits
  cleanbill trend problems --since 90d       open problems of the last 90 days
  cleanbill trend ssh-root-login             when this problem came and went
  cleanbill trend score --format svg -o risk.svg
  cleanbill trend problems --format csv > problems.csv")]
pub(super) struct Args {
    /// `score`, `problems`, or the id of a check
    #[arg(value_name = "score|problems|ID", default_value = "score")]
    about: String,
    /// Only looks of so many days before the newest, or from a day on
    #[arg(long, value_name = "30d|DATE", value_parser = since)]
    since: Option<Since>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// File to write to, - for stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the JSON Schema of the trend and end
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A chart of characters.
    Text,
    /// A picture.
    Svg,
    /// One line a look.
    Csv,
    /// Everything, for programs.
    Json,
}

fn since(text: &str) -> Result<Since, String> {
    match look::days_or_day(text) {
        Some(look::When::Days(days)) => Ok(Since::Days(days)),
        Some(look::When::Day(day)) => Ok(Since::Day(day)),
        None => Err("write days such as 30d, weeks such as 12w, or a day such as 2026-11-16".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.schema {
        terminal::print(&trend::schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    let catalogue = look::catalogue()?;
    let store = args.store.store();
    let about = match args.about.as_str() {
        "score" => About::Score,
        "problems" => About::Problems,
        id => {
            // A check that is gone from the catalogue still has its past.
            if catalogue.get(id).is_none() && !store.asked()?.iter().any(|c| c == id) {
                return Err(unknown(id, &catalogue));
            }
            About::Check(id)
        }
    };
    let audit = store.audit(None)?;
    let trend = trend::trend(&store, &audit, about, args.since, &catalogue)?;
    let looks = match &trend.figures {
        Figures::Score(p) | Figures::Problems(p) => p.points.len(),
        Figures::Check(c) => c.looks.len(),
    };
    let text = match args.format {
        Format::Text => trend::text(&trend, terminal::style()),
        Format::Json => trend::json(&trend),
        Format::Csv => {
            let (columns, rows) = trend::csv_rows(&trend);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
        Format::Svg => trend::svg(&trend).ok_or_else(|| {
            CliError::usage(
                match looks {
                    0 => "There is no look in that time, so there is nothing to draw.",
                    1 => "There is only one look in that time, so there is no line to draw.",
                    _ => "No problem was open in that time, so there is nothing to draw.",
                },
                if looks < 2 { "Make another look with: cleanbill audit" } else { "Try: cleanbill trend score" },
            )
        })?,
    };
    terminal::deliver(args.output.as_deref(), &text)?;
    Ok(ExitCode::SUCCESS)
}

fn unknown(id: &str, catalogue: &crate::checks::Catalogue) -> CliError {
    let known = catalogue.checks().map(|c| c.id.as_str()).chain(["score", "problems"]);
    let hint = match words::nearest(id, known) {
        Some(near) => format!("Did you mean: {near}?"),
        None => "Give score, problems, or an id from: cleanbill checks list".to_owned(),
    };
    CliError::usage(format!("There is no check called `{}`.", words::harmless(id)), hint)
}
