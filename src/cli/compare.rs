//! `cleanbill compare`: two audits side by side.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;

use super::{
    StoreArgs,
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    analysis::compare::{self, PickError},
    facts::QueryResult,
    store::Moment,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill compare                 the last two audits of this machine
  cleanbill compare 30d             the last one with the one 30 days before it
  cleanbill compare 2026-11-16      the last one with that day's
  cleanbill compare 11 14 --all     audits 11 and 14, nothing cut
  cleanbill compare previous last --format md > changes.md

An audit is named by its number (see: cleanbill audits), as last or previous, by days such as 30d,
or by a day such as 2026-11-16. Audits of two machines may be compared, too.")]
pub(super) struct Args {
    /// One audit [default: the one before the last]
    #[arg(value_name = "A", value_parser = look::moment)]
    one: Option<Moment>,
    /// The other [default: the last of the same machine]
    #[arg(value_name = "B", value_parser = look::moment)]
    other: Option<Moment>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Cut no list, and tell problems that stayed and facts without words
    #[arg(long)]
    all: bool,
    /// File to write to, - for stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the JSON Schema of the comparison and end
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page of text.
    Text,
    /// Everything, for programs.
    Json,
    /// Markdown, for a ticket.
    Md,
    /// One line a change.
    Csv,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.schema {
        terminal::print(&compare::schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    let catalogue = look::catalogue()?;
    let store = args.store.store();
    let picked = compare::pick(&store, args.one, args.other).map_err(explain)?;
    let comparison = compare::compare(&store, picked, &catalogue)?;
    let text = match args.format {
        Format::Text => compare::text(&comparison, terminal::style(), args.all),
        Format::Json => compare::json(&comparison),
        Format::Md => compare::markdown(&comparison, args.all),
        Format::Csv => {
            let (columns, rows) = compare::csv_rows(&comparison, args.all);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
    };
    terminal::deliver(args.output.as_deref(), &text)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(error: PickError) -> CliError {
    let said = error.to_string();
    match error {
        PickError::Store(error) => error.into(),
        PickError::Same(_) => CliError::usage(said, "See which there are with: cleanbill audits"),
        PickError::Alone(_) => CliError::usage(said, "Make another with: cleanbill audit"),
    }
}
