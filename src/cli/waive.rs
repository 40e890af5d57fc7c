//! `cleanbill waive`, `unwaive`, `waivers`: accepted risks.

use std::process::ExitCode;

use jiff::{Timestamp, civil::Date};

use super::{
    StoreArgs,
    error::CliError,
    fix,
    listing::{self, ListFormat},
    look,
};
use crate::{facts::QueryResult, store::Waiver};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill waive ssh-password-login --reason \"only reachable by VPN\" --until 2027-03-31")]
pub(super) struct Args {
    /// The problem's id, as the audit prints it
    id: String,
    /// Why it is accepted
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The last day on which it is accepted, as YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// Who accepts it [default: the user who runs this]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct UnwaiveArgs {
    /// The problem's id
    id: String,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    store: StoreArgs,
}

fn today() -> Date {
    jiff::tz::Offset::UTC.to_datetime(Timestamp::now()).date()
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let catalogue = look::catalogue()?;
    catalogue.get(&args.id).ok_or_else(|| CliError::no_such_check(&args.id, &catalogue))?;
    if args.reason.trim().is_empty() {
        return Err(CliError::usage(
            "A reason is needed.",
            "Say it in a few words: --reason \"only reachable by VPN\"",
        ));
    }
    if args.until < today() {
        return Err(CliError::usage(
            format!("{} is in the past.", args.until),
            "Give a day to come: --until YYYY-MM-DD",
        ));
    }
    let store = args.store.store();
    let machine = store.audit(None)?.machine;
    let waiver = Waiver {
        check: args.id.clone(),
        reason: args.reason.trim().to_owned(),
        who: args.by.clone().unwrap_or_else(fix::user),
        made: Timestamp::now(),
        until: args.until,
    };
    store.waive(&machine.host, &waiver)?;
    anstream::eprintln!("Accepted until {}. It counts no points until then, and reports list it.", args.until);
    anstream::eprintln!("Take it back with: cleanbill unwaive {}", args.id);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unwaive(args: &UnwaiveArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let machine = store.audit(None)?.machine;
    let withdrawn = store.unwaive(&machine.host, &args.id, Timestamp::now())?;
    if withdrawn == 0 {
        return Err(CliError::usage(
            format!("`{}` is not accepted, so there is nothing to take back.", args.id),
            "See what is with: cleanbill waivers",
        ));
    }
    anstream::eprintln!("It counts again from the next audit on.");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn list(args: &ListArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let machine = store.audit(None)?.machine;
    let waivers = store.waivers(&machine.host, today())?;
    if waivers.is_empty() && args.format == ListFormat::Table {
        anstream::eprintln!("Nothing is accepted.");
        return Ok(ExitCode::SUCCESS);
    }
    listing::print(&QueryResult::of(&["check", "until", "who", "reason", "made"], &waivers), args.format)?;
    Ok(ExitCode::SUCCESS)
}
