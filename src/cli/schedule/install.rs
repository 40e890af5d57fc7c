//! `cleanbill schedule install` and `uninstall`.

use std::{fmt::Write as _, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use dialoguer::{Confirm, theme::ColorfulTheme};

use super::{CliError, told};
use crate::{
    schedule::{self, Change, Here, Installed, Plan, Site, Way},
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill schedule install                     a service in which cleanbill waits (systemd)
  sudo cleanbill schedule install --systemd-timers    no program waits: systemd wakes each job
  sudo cleanbill schedule install --crontab           the same by cron
  cleanbill schedule install --dry-run                show every file whole, and write nothing
  sudo cleanbill schedule uninstall                   take it away; settings and history stay

Without root it is installed for you alone.")]
pub(super) struct Args {
    /// A timer of systemd for each job, and no program that waits
    #[arg(long, conflicts_with = "crontab")]
    systemd_timers: bool,
    /// Lines for cron: /etc/cron.d/cleanbill for root, else your own crontab
    #[arg(long)]
    crontab: bool,
    /// Show every file whole, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Write files anew that someone changed by hand
    #[arg(long)]
    force: bool,
    /// Write beneath this folder, and start nothing
    #[arg(long, value_name = "DIR", hide = true)]
    into: Option<PathBuf>,
    /// The program that is to be started
    #[arg(long, value_name = "FILE", hide = true, requires = "into")]
    program: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct UninstallArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Take files away too that someone changed by hand
    #[arg(long)]
    force: bool,
    /// Take away what lies beneath this folder, and stop nothing
    #[arg(long, value_name = "DIR", hide = true)]
    into: Option<PathBuf>,
}

pub(super) fn run(args: &Args, here: &Here) -> Result<ExitCode, CliError> {
    let site = args.into.as_deref().map_or_else(Site::here, Site::folder);
    let way = match args {
        Args { systemd_timers: true, .. } => Way::Timers,
        Args { crontab: true, .. } => Way::Crontab,
        _ => Way::usual(&site)?,
    };
    let program = match &args.program {
        Some(program) => program.clone(),
        None => schedule::own_program()?,
    };
    let plan = Plan::new(here, &site, way, &program)?;
    if args.dry_run {
        anstream::print!("{}{}", plan.text(), changes(&plan));
        notes(&plan);
        anstream::println!("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    if plan.edited(args.force).next().is_none() && !plan.is_done() && !args.yes {
        anstream::print!("{}", changes(&plan));
        notes(&plan);
        anstream::println!("To see the files whole: cleanbill schedule install --dry-run");
        if !asked("Install this?")? {
            anstream::println!("Nothing was changed.");
            return Ok(ExitCode::SUCCESS);
        }
    }
    let (was_done, what) = (plan.is_done(), changes(&plan));
    plan.apply(here, args.force)?;
    if was_done {
        anstream::println!("All is in place already: {} run the jobs.", what_runs(way));
    } else {
        if args.yes {
            anstream::print!("{what}");
            notes(&plan);
        }
        anstream::println!("Done: {} the jobs now, and after every start of the machine.", runs(way));
    }
    let sudo = if site.is_of_user() { "" } else { "sudo " };
    anstream::println!("How it goes: cleanbill status     Take it back: {sudo}cleanbill schedule uninstall");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn uninstall(args: &UninstallArgs, here: &Here) -> Result<ExitCode, CliError> {
    let site = args.into.as_deref().map_or_else(Site::here, Site::folder);
    if !args.yes && args.into.is_none() {
        match schedule::installed(here) {
            Some(installed) => anstream::println!("{} the jobs now.", words::capital(runs(installed.way))),
            None => anstream::println!("Nothing that runs the jobs was installed."),
        }
        if !asked("Stop it, and take it away? Settings and history stay.")? {
            anstream::println!("Nothing was changed.");
            return Ok(ExitCode::SUCCESS);
        }
    }
    let (gone, kept) = schedule::uninstall(&site, args.force)?;
    for path in &gone {
        anstream::println!("Taken away: {}", path.display());
    }
    for path in &kept {
        anstream::println!("Left, because someone changed it: {}     To take it away too: --force", path.display());
    }
    let off = schedule::turn_off_packaged(&site)?;
    if off {
        anstream::println!("Turned off: the service of the package");
    }
    if gone.is_empty() && kept.is_empty() && !off {
        anstream::println!("There was nothing to take away.");
    }
    anstream::println!(
        "The settings ({}) and the history ({}) are as they were.",
        here.settings.file.display(),
        here.store.path().display()
    );
    Ok(ExitCode::from(u8::from(!kept.is_empty())))
}

fn asked(what: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("Nobody is here to say yes, so nothing was changed", "Give --yes, or --dry-run"));
    }
    Ok(Confirm::with_theme(&ColorfulTheme::default()).with_prompt(what).default(true).interact().unwrap_or(false))
}

/// What becomes of each file, in a line.
pub(in crate::cli) fn changes(plan: &Plan) -> String {
    let mut out = String::new();
    for folder in plan.folders() {
        let _ = writeln!(out, "  new        {}/", folder.display());
    }
    for change in plan.changes() {
        let (what, path) = match change {
            Change::New(path) => ("new", path),
            Change::Anew(path) => ("anew", path),
            Change::Gone(path) => ("taken away", path),
            Change::Same(path) => ("as it is", path),
            Change::Changed(path) => ("by hand", path),
            Change::Others(path) => ("not ours", path),
        };
        let _ = writeln!(out, "  {what:<10} {}", path.display());
    }
    for unit in plan.turned_on() {
        let _ = writeln!(out, "  turned on  {unit}");
    }
    let _ = writeln!(out, "  It starts  {}", plan.program().display());
    out
}

pub(in crate::cli) fn notes(plan: &Plan) {
    for note in plan.notes() {
        anstream::println!("{note}");
    }
}

fn what_runs(way: Way) -> &'static str {
    match way {
        Way::Service => "a service of systemd and its daemon",
        Way::Timers => "timers of systemd",
        Way::Crontab => "lines for cron",
    }
}

pub(in crate::cli) fn runs(way: Way) -> &'static str {
    match way {
        Way::Service => "a service of systemd runs",
        Way::Timers => "timers of systemd run",
        Way::Crontab => "cron runs",
    }
}

/// Lets what is installed follow the settings that were just changed, and says so where something was done.
pub(super) fn follow(here: &Here) {
    match schedule::follow(here) {
        Ok(Some(done)) => anstream::println!("{done}"),
        Ok(None) => {}
        Err(error) => anstream::eprintln!(
            "What runs the schedule could not follow: {}\nTry it again: sudo cleanbill schedule install",
            harmless(&error.to_string())
        ),
    }
    told::reloaded(here);
}

/// Who runs the jobs where no daemon does, and what to do when nobody does.
pub(super) fn without_daemon(installed: Option<&Installed>) -> String {
    let Some(installed) = installed else {
        return "Nothing runs the jobs yet: sudo cleanbill schedule install\n".to_owned();
    };
    let mut out = match installed.way {
        Way::Service => "The service that should run them does not run.\n".to_owned(),
        way => format!("{} them.\n", words::capital(runs(way))),
    };
    for wrong in &installed.wrong {
        let _ = writeln!(out, "{}", harmless(wrong));
    }
    out
}
