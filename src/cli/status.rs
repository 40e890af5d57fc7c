//! `cleanbill status`: whether the schedule runs, how its jobs went, what waits.

use std::{fmt::Write as _, process::ExitCode};

use serde::Serialize;

use super::{
    StoreArgs,
    error::CliError,
    schedule::{
        Format, here,
        told::{self, Listed},
    },
    terminal,
};
use crate::{
    config::last_good,
    schedule::{self, Card, Here, Installed, Way},
    store::{Mail, MailState, StoreError},
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

/// How things are.
#[derive(Debug, Serialize)]
struct Status {
    /// Who runs the schedule; none when no daemon does.
    daemon: Option<Card>,
    /// What was installed to run it.
    installed: Option<Installed>,
    /// The jobs.
    jobs: Vec<Listed>,
    /// Mail that waits or went wrong, newest first.
    mails: Vec<Mail>,
    /// The file of the history.
    store: String,
    /// Its size in bytes; none where there is none yet.
    store_size: Option<u64>,
    /// What is not as it should be, in sentences.
    wrong: Vec<String>,
}

/// Older mail that went wrong is for `email queue` alone.
const RECENT_DAYS: i64 = 14;

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut here = here(&args.store);
    let kept = || last_good(here.place());
    if let Some(settings) = Some(()).filter(|()| here.settings.text.is_none()).and_then(|()| kept()) {
        here = Here::new(settings, args.store.db.as_deref());
    }
    let status = look(&here)?;
    match args.format {
        Format::Json => terminal::print(&(serde_json::to_string_pretty(&status).unwrap_or_default() + "\n"))?,
        Format::Text => terminal::print(&told(&status, &here))?,
    }
    Ok(ExitCode::from(u8::from(!status.wrong.is_empty())))
}

fn look(here: &Here) -> Result<Status, CliError> {
    let daemon = schedule::card(here.place());
    let jobs = told::jobs(here)?;
    let mails = match here.store.mails(&here.id, true, 100) {
        Ok(mails) => mails,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let now = jiff::Timestamp::now();
    let recent =
        |mail: &Mail| mail.state == MailState::Waiting || now.duration_since(mail.made).as_hours() < 24 * RECENT_DAYS;
    let mails: Vec<Mail> = mails.into_iter().filter(recent).collect();
    let installed = schedule::installed(here);
    let mut wrong = Vec::new();
    if let Some(card) = &daemon {
        wrong.extend(
            card.broken
                .as_ref()
                .map(|why| format!("The settings are wrong, so the last ones that were right hold: {}", harmless(why))),
        );
        wrong.extend(card.trouble.as_ref().map(|why| format!("The daemon cannot do its work: {}", harmless(why))));
    } else if installed.is_none() && jobs.iter().any(Listed::is_enabled) {
        wrong.push("Nothing runs the jobs: sudo cleanbill schedule install".to_owned());
    }
    wrong.extend(installed.iter().flat_map(|installed| &installed.wrong).map(|why| harmless(why)));
    wrong.extend(jobs.iter().filter_map(Listed::went_wrong));
    let bad = mails.iter().filter(|m| m.state != MailState::Waiting || m.tries > 0).count();
    if bad > 0 {
        let mails = words::count(bad, "mail is", "mails are");
        wrong.push(format!("{} not delivered: cleanbill email queue", words::capital(&mails)));
    }
    Ok(Status {
        daemon,
        installed,
        jobs,
        mails,
        store: here.store.path().display().to_string(),
        store_size: here.store.path().metadata().ok().map(|meta| meta.len()),
        wrong,
    })
}

fn told(status: &Status, here: &Here) -> String {
    let mut out = String::new();
    let _ = match (&status.daemon, &status.installed) {
        (Some(card), Some(Installed { way: Way::Service, .. })) => {
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
        let _ = writeln!(out, "{head:<11}{:width$}  {}", job.name, job.line(here));
    }
    if status.jobs.is_empty() {
        out.push_str("Jobs       none yet: cleanbill init\n");
    }
    let waiting = status.mails.iter().filter(|m| m.state == MailState::Waiting).count();
    let _ = match waiting {
        0 => writeln!(out, "Mail       nothing waits"),
        n => writeln!(out, "Mail       {}", words::count(n, "mail waits", "mails wait")),
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
