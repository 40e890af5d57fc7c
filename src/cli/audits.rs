//! `cleanbill audits`: the history.

use std::process::ExitCode;

use super::{
    StoreArgs,
    error::CliError,
    listing::{self, ListFormat},
};
use crate::facts::QueryResult;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill audits
  cleanbill audits --last 5 --format json")]
pub(super) struct Args {
    /// How many, newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut audits = args.store.store().audits(args.last)?;
    for audit in &mut audits {
        audit.risk = (audit.risk * 10.0).round() / 10.0;
    }
    let columns =
        ["id", "started", "hostname", "root", "grade", "risk", "problems", "unknown", "complete", "privileged"];
    let mut list = QueryResult::of(&columns, &audits);
    if args.format == ListFormat::Table {
        // A second is exact enough for people.
        for cell in list.rows.iter_mut().filter_map(|row| row.get_mut(1)) {
            if let Some(short) = cell.as_str().and_then(|s| s.get(..19)) {
                *cell = short.replace('T', " ").into();
            }
        }
    }
    listing::print(&list, args.format)?;
    Ok(ExitCode::SUCCESS)
}
