//! `cleanbill undo`: takes a run of fixes back.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use dialoguer::{Confirm, theme::ColorfulTheme};
use jiff::Timestamp;

use super::{
    StoreArgs,
    error::CliError,
    fix::{Place, open, prove},
    look,
};
use crate::{
    fixes::{self, UndoError},
    store::{FixRun, RunState, StoreError},
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill undo                     the last run of fixes
  sudo cleanbill undo 3                   that run
  sudo cleanbill undo ssh-root-login      one fix of the last run
  sudo cleanbill undo 3 --force           also where someone changed the files since; the newer ones are kept aside")]
pub(super) struct Args {
    /// The run, as `cleanbill history` numbers it, or one problem of the last run
    #[arg(value_name = "RUN|ID")]
    what: Option<String>,
    /// The image that was fixed
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Also where files were changed since; their newer copies are kept aside
    #[arg(long)]
    force: bool,
    /// Do nothing where someone confirmed the run
    #[arg(long, hide = true)]
    unless_confirmed: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let place = Place::open(args.root.as_ref())?;
    if place.is_live() && !place.host.is_root() {
        return Err(CliError::usage("Only root may change this machine", "Run it with sudo"));
    }
    let journal = open(&store, &place)?;
    let number = args.what.as_deref().and_then(|w| w.parse::<i64>().ok());
    let only = args.what.as_deref().filter(|_| number.is_none());
    let found = match store.fix_run(number, &place.root()) {
        Err(StoreError::Missing(_)) => None,
        found => found?,
    };
    let Some(mut run) = found else {
        let what = number.map_or_else(|| "no run of fixes stands".to_owned(), |n| format!("there is no run {n}"));
        return Err(CliError::usage(
            format!("There is nothing to take back: {what}"),
            "See them with: cleanbill history",
        ));
    };
    if run.root != place.root() {
        return Err(CliError::usage(
            format!("Run {} changed {}", run.id, harmless(&run.root)),
            format!("Give it with: cleanbill undo {} --root {}", run.id, harmless(&run.root)),
        ));
    }
    if args.unless_confirmed && (run.confirm_until.is_none() || run.state != RunState::Done) {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed(&run, only)? {
        anstream::println!("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let undone = fixes::undo(&journal, &place.tree, place.is_live(), &mut run, only, args.force)?;
    fixes::Guard::disarm(run.id);
    let catalogue = look::catalogue()?;
    let proof = prove(&[], &place, &catalogue, &store);
    let what = words::count(undone.files, "change of a file", "changes of files");
    anstream::println!("{what} taken back, as it was before {}.", words::date(run.started));
    for (path, copy) in &undone.kept {
        anstream::println!("The newer {} lies in {} now.", harmless(path), copy.display());
    }
    for stays in &undone.stays {
        anstream::println!("{}", harmless(stays));
    }
    if let Some(risk) = proof.risk {
        anstream::println!("The risk is {} now.", words::whole(risk));
    }
    Ok(ExitCode::SUCCESS)
}

fn agreed(run: &FixRun, only: Option<&str>) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("Nobody is here to say yes, so nothing was changed", "Give --yes"));
    }
    let what = match only {
        Some(check) => format!("Take {check} of run {} back?", run.id),
        None => format!("Take run {} of {} back?", run.id, words::ago(run.started, Timestamp::now())),
    };
    Ok(Confirm::with_theme(&ColorfulTheme::default()).with_prompt(what).default(true).interact().unwrap_or(false))
}

impl From<UndoError> for CliError {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::Journal(error) => error.into(),
            UndoError::Changed(blocked) => {
                for file in &blocked {
                    anstream::eprintln!("{}", file.diff);
                }
                CliError::failed(
                    format!("Nothing was taken back: {}", UndoError::Changed(blocked)),
                    "With --force it goes back all the same, and the newer files are kept aside",
                )
            }
            UndoError::Left(_) => CliError::failed(error.to_string(), "See the run with: cleanbill history"),
            error => CliError::usage(error.to_string(), "See them with: cleanbill history"),
        }
    }
}
