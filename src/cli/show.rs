//! `cleanbill show`: one problem whole.

use std::process::ExitCode;

use super::{
    StoreArgs,
    error::CliError,
    listing::ListFormat,
    look::{self, Look},
    terminal,
};
use crate::{
    checks::Selection,
    report,
    store::{Moment, StoreError},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill show ssh-root-login             from the last audit
  cleanbill show ssh-root-login --audit 12  from that audit
  cleanbill show ssh-root-login --now       look again first")]
pub(super) struct Args {
    /// The problem's id, as the audit prints it
    id: String,
    /// The audit to read it from [default: the latest]
    #[arg(long, value_name = "ID", conflicts_with = "now")]
    audit: Option<i64>,
    /// Look again instead of reading the last audit
    #[arg(long)]
    now: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let catalogue = look::catalogue()?;
    let check = catalogue.get(&args.id).ok_or_else(|| CliError::no_such_check(&args.id, &catalogue))?;
    let fresh = || {
        let selection = Selection::new(std::slice::from_ref(&args.id), &[], &catalogue).unwrap_or_default();
        look::look(&catalogue, Look { root: None, selection, store: &args.store, keep: false }).map(|seen| seen.report)
    };
    let report = if args.now {
        fresh()?
    } else {
        match look::stored(&args.store.store(), args.audit, Moment::Previous, &catalogue) {
            Err(StoreError::Missing(_)) => fresh()?,
            Err(error) => return Err(error.into()),
            Ok(report) if !report.results.iter().any(|r| r.check == args.id) => fresh()?,
            Ok(report) => report,
        }
    };
    let style = terminal::style();
    // A problem told under another is shown there, where it can be solved.
    let mine = |p: &&report::Problem| p.check == args.id || p.parts.iter().any(|part| part.check == args.id);
    let text = match (report.problems.iter().find(mine), args.format) {
        (Some(problem), ListFormat::Table) => report::problem_page(problem, style),
        (Some(problem), _) => serde_json::to_string_pretty(problem).unwrap_or_default() + "\n",
        (None, format) => {
            let result = report.results.iter().find(|r| r.check == args.id);
            match (result, format) {
                (Some(result), ListFormat::Table) => report::quiet_page(check, result, style),
                (result, _) => serde_json::to_string_pretty(&result).unwrap_or_default() + "\n",
            }
        }
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
