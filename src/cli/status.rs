//! `cleanbill status`: whether the schedule runs, how its jobs went, what waits.

use std::{fmt::Write as _, process::ExitCode};

use super::{
    StoreArgs,
    error::CliError,
    schedule::{Format, here, told},
    terminal,
};
use crate::{
    config::last_good,
    schedule::{self, Here, Installed, Status, Way},
    store::MailState,
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all is as it should be, 1 something is not, 2 wrong usage, 3 it cannot be told.")]
pub(super) struct Args {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut here = here(&args.store);
    let kept = || last_good(here.place());
    if let Some(settings) = Some(()).filter(|()| here.settings.text.is_none()).and_then(|()| kept()) {
        here = Here::new(settings, args.store.db.as_deref());
    }
    let status = schedule::status(&here)?;
    match args.format {
        Format::Json => terminal::print(&(serde_json::to_string_pretty(&status).unwrap_or_default() + "\n"))?,
        Format::Text => terminal::print(&told(&status, &here))?,
    }
    Ok(ExitCode::from(u8::from(!status.wrong.is_empty())))
}

fn told(status: &Status, here: &Here) -> String {
    let mut out = String::new();
    let _ = match (&status.daemon, &status.installed) {
        // A package brings a service too, which nobody needs to install.
        (Some(card), installed)
            if matches!(installed, Some(Installed { way: Way::Service, .. })) || !schedule::by_hand(here) =>
        {
            writeln!(out, "Schedule   the daemon runs it as a service, since {}", told::at(card.since, &here.zone))
        }
        (Some(card), _) => {
            writeln!(out, "Schedule   a daemon started by hand runs it, since {}", told::at(card.since, &here.zone))
        }
        (None, Some(installed)) if installed.active => writeln!(out, "Schedule   by {}", installed.says()),
        (None, Some(installed)) => writeln!(out, "Schedule   {} should run it, and does not", installed.says()),
        (None, None) => writeln!(out, "Schedule   nothing runs it"),
    };
    let width = status.jobs.iter().map(|job| job.name.len()).max().unwrap_or(0);
    for (n, job) in status.jobs.iter().enumerate() {
        let head = if n == 0 { "Jobs" } else { "" };
        let _ = writeln!(out, "{head:<11}{:width$}  {}", job.name, told::line(job, here));
    }
    if status.jobs.is_empty() {
        out.push_str("Jobs       none yet: cleanbill init\n");
    }
    let waiting = status.mails.iter().filter(|m| m.state == MailState::Waiting).count();
    let _ = match waiting {
        0 => writeln!(out, "Mail       nothing waits"),
        n => writeln!(out, "Mail       {}", words::count(n, "mail waits", "mails wait")),
    };
    let _ = match &status.measured {
        Some(every) => writeln!(out, "Measured   every {every}"),
        None if here.config().metrics.enabled => writeln!(out, "Measured   not at the moment"),
        None => Ok(()),
    };
    let _ = match status.store_size {
        Some(size) => writeln!(out, "History    {}, {}", words::size(size as f64), harmless(&status.store)),
        None => writeln!(out, "History    none yet"),
    };
    if status.wrong.is_empty() {
        out.push_str("\nAll is as it should be.\n");
    } else {
        out.push_str("\nNot as it should be:\n");
        for wrong in &status.wrong {
            let _ = writeln!(out, "  {wrong}");
        }
    }
    out
}
