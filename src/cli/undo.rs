//! `cleanbill undo`: takes a run of fixes back.

use std::{fmt::Write as _, io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use dialoguer::{Confirm, theme::ColorfulTheme};
use jiff::Timestamp;

use super::{
    StoreArgs,
    error::CliError,
    fix::{PATIENCE, open, place, prove},
    look,
};
use crate::{
    fixes::{self, Place, UndoError, Undone},
    store::{FixRun, FixStep, Store, StoreError},
    words::{self, harmless},
};

/// As long as a timer waits for another who fixes.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// Do nothing where someone confirmed the run, and wait as long as someone can
    #[arg(long, hide = true)]
    unless_confirmed: bool,
    /// Seconds to wait before
    #[arg(long, hide = true, default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let place = place(args.root.as_ref())?;
    if place.is_live() && !place.host.is_root() {
        return Err(CliError::usage("Only root may change this machine", "Run it with sudo"));
    }
    let number = args.what.as_deref().and_then(|w| w.parse::<i64>().ok());
    if let Some(id) = number.filter(|_| args.unless_confirmed) {
        std::thread::sleep(Duration::from_secs(args.after));
        return unconfirmed(&store, &place, id);
    }
    let journal = open(&store, &place, PATIENCE)?;
    let only = args.what.as_deref().filter(|_| number.is_none());
    let found = match number.map_or_else(|| store.last_fix_run(&place.root()), |id| store.fix_run(id)) {
        Err(StoreError::Missing(_)) => None,
        found => found?,
    };
    let Some(mut run) = found else {
        let what = number.map_or_else(|| "no run of fixes stands".to_owned(), |n| format!("there is no run {n}"));
        return Err(CliError::usage(
            format!("There is nothing to take back: {what}"),
            "See all runs with: cleanbill history",
        ));
    };
    if run.root != place.root() {
        return Err(CliError::usage(
            format!("Run {} changed {}", run.id, harmless(&run.root)),
            format!("Take it back with: cleanbill undo {}{}", run.id, words::at_root(&run.root)),
        ));
    }
    if !args.yes && !agreed(&run, only)? {
        anstream::println!("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let undone = fixes::undo(&journal, &place.tree, place.is_live(), &mut run, only, args.force)?;
    told(&run, &undone, &place, &store)?;
    Ok(ExitCode::SUCCESS)
}

/// What the timer of a run does: waits while someone fixes or can still confirm, then takes the run back.
fn unconfirmed(store: &Store, place: &Place, id: i64) -> Result<ExitCode, CliError> {
    let mut waited = None;
    loop {
        let journal = open(store, place, DAY)?;
        match fixes::undo_unconfirmed(&journal, &place.tree, place.is_live(), id, waited) {
            Err(UndoError::TooEarly(_, until)) => {
                drop(journal);
                let left = until.duration_since(Timestamp::now());
                std::thread::sleep(Duration::try_from(left).unwrap_or_default().min(DAY));
                waited = Some(until);
            }
            Ok(None) => {
                fixes::Guard::disarm(id);
                return Ok(ExitCode::SUCCESS);
            }
            Ok(Some((run, undone))) => {
                told(&run, &undone, place, store)?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says what was taken back, and asks all checks again for the history.
fn told(run: &FixRun, undone: &Undone, place: &Place, store: &Store) -> Result<(), CliError> {
    if place.is_live() && run.confirm_until.is_none() {
        fixes::Guard::disarm(run.id);
    }
    let catalogue = look::catalogue()?;
    let (proof, _) = prove(&[], place, &catalogue, store);
    anstream::print!("{}", page(run, undone, proof.risk));
    Ok(())
}

fn page(run: &FixRun, undone: &Undone, risk: Option<f64>) -> String {
    let when = words::date(run.started);
    let mut text = match undone.files {
        0 if undone.programs == 0 && undone.stays.is_empty() => {
            format!("Run {} left nothing behind that could be taken back.\n", run.id)
        }
        0 => format!("Run {} was taken back.\n", run.id),
        n => format!("{} as before the run of {when}.\n", words::count(n, "file is", "files are")),
    };
    for (path, copy) in &undone.kept {
        let _ = writeln!(text, "The newer {} lies in {} now.", harmless(path), copy.display());
    }
    for stays in &undone.stays {
        let _ = writeln!(text, "{}", harmless(stays));
    }
    if let Some(untold) = &undone.untold {
        let _ = writeln!(text, "Not every program could be told: {}.", harmless(untold.trim_end_matches('.')));
    }
    if let Some(risk) = risk {
        let _ = writeln!(text, "The risk is {} now.", words::whole(risk));
    }
    text
}

/// What would be taken back.
fn asked(run: &FixRun, only: Option<&str>) -> String {
    let meant = |s: &&FixStep| s.state.stands() && only.is_none_or(|check| s.check == check);
    run.steps.iter().filter(meant).map(|s| format!("  {}\n", harmless(&s.title))).collect()
}

fn agreed(run: &FixRun, only: Option<&str>) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("Nobody is here to say yes, so nothing was changed", "Give --yes"));
    }
    anstream::print!("{}", asked(run, only));
    let when = words::ago(run.started, Timestamp::now());
    let what = match only {
        Some(check) => format!("Take back {check} from run {} ({when})?", run.id),
        None => format!("Take back run {} ({when})?", run.id),
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
            UndoError::Later { ref command, .. } => {
                let hint = format!("Take back first what came later, with: {command}");
                CliError::failed(format!("Nothing was taken back: {error}"), hint)
            }
            UndoError::Left(_) => CliError::failed(error.to_string(), "See the run with: cleanbill history"),
            error => CliError::usage(error.to_string(), "See all runs with: cleanbill history"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{RunState, StepState};

    fn run() -> FixRun {
        let step = |n: i64, title: &str, state| FixStep {
            n,
            check: format!("check-{n}"),
            title: title.to_owned(),
            state,
            why: None,
        };
        FixRun {
            id: 3,
            host: String::new(),
            hostname: String::new(),
            root: "/".to_owned(),
            started: "2026-01-15T12:00:00Z".parse().unwrap(),
            ended: None,
            state: RunState::Done,
            who: "ann".to_owned(),
            version: String::new(),
            folder: String::new(),
            confirm_until: None,
            risk_before: 0.0,
            risk_after: None,
            steps: vec![
                step(1, "Turn off root login over SSH", StepState::Fixed),
                step(2, "Close the file", StepState::StillOpen),
                step(3, "Add a firewall", StepState::Refused),
            ],
        }
    }

    #[test]
    fn what_was_taken_back_reads_well() {
        let all = Undone {
            programs: 1,
            files: 3,
            kept: vec![(
                "/etc/a".to_owned(),
                PathBuf::from("/var/lib/cleanbill/cleanbill.duckdb.fixes/run-1/newer-1-a"),
            )],
            stays: vec!["The folder /etc/d stays: something else lies in it now.".to_owned()],
            untold: Some("/usr/bin/systemctl failed (exit status: 1)".to_owned()),
        };
        let texts = [
            page(&run(), &Undone { files: 1, ..Undone::default() }, Some(31.4)),
            page(&run(), &Undone::default(), None),
            page(&run(), &Undone { programs: 1, ..Undone::default() }, None),
            page(&run(), &all, Some(12.0)),
            asked(&run(), None),
            asked(&run(), Some("check-2")),
        ];
        insta::assert_snapshot!(texts.join("---\n"));
    }

    #[test]
    fn why_it_was_not_taken_back_reads_well() {
        let later = |later: &str, command: &str| UndoError::Later {
            path: "/etc/a".to_owned(),
            later: later.to_owned(),
            command: command.to_owned(),
        };
        let errors = [
            UndoError::Already(3),
            UndoError::NoSuchFix(3, "updates-open".to_owned()),
            later("the fix of check-2", "cleanbill undo 3"),
            later("run 4", "cleanbill undo 4"),
            UndoError::Left("the disk is full: /etc/a could not be written".to_owned()),
            UndoError::Changed(vec![fixes::Blocked { path: "/etc/a".to_owned(), diff: String::new() }]),
        ];
        let told: Vec<String> = errors.into_iter().map(|e| format!("{:?}", CliError::from(e))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
