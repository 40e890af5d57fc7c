//! `cleanbill schedule`: what happens by itself, and when.

mod add;
pub(super) mod install;
pub(super) mod told;

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;

use super::{StoreArgs, error::CliError, settings, terminal};
use crate::{
    config::{Edit, EditError},
    schedule::{self, Asked, Ended, Here, Known, ScheduleError, When},
    words::harmless,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill schedule add monday-mail 'every monday 7:00' --email owner@example.org
  sudo cleanbill schedule add nightly 'every day 2:30' --audit
  sudo cleanbill schedule add fixes 'sat,sun 3:00' --fix safe
  cleanbill schedule next 'first sunday of the month 3:00'    when that is
  cleanbill schedule list                                     what is done when, and how it went
  sudo cleanbill schedule install                             let it run by itself

When: plain words, or a cron expression of 5, 6 or 7 fields.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a job: what is done, and when
    Add(Box<add::Args>),
    /// List the jobs with their times and how they went
    List {
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Show one job whole
    Show {
        /// Its name
        name: String,
    },
    /// Take a job out
    Remove {
        /// Its name
        name: String,
    },
    /// Run a job now
    Run {
        /// Its name
        name: String,
        /// Only if it is due and did not run yet: what the daemon, timers and crontabs call
        #[arg(long)]
        if_due: bool,
        /// Wait first for the delay of its own that a job with `jitter` has: what timers and crontabs call
        #[arg(long, requires = "if_due")]
        wait: bool,
    },
    /// Say when jobs run next; or what a time means, before it is used
    Next {
        /// A job, or a time such as 'every monday 7:00'; all jobs when none is named
        what: Option<String>,
        /// How many times
        #[arg(short = 'n', value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
    },
    /// List what ran: when, for how long, with what result, and what it said
    History {
        /// Of one job
        name: Option<String>,
        /// How many runs
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Let it run by itself: a service, timers or a crontab
    Install(install::Args),
    /// Stop what runs it, and take it away; settings and history stay
    Uninstall(install::UninstallArgs),
    /// Do the work of a run that is on record
    #[command(hide = true)]
    Work {
        name: String,
        #[arg(long)]
        run: i64,
    },
    /// Tell what the history knows of the jobs, for the daemon
    #[command(hide = true)]
    Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Args {
    /// Whether it takes away what was installed.
    pub(super) fn takes_away(&self) -> bool {
        matches!(self.command, Command::Uninstall(_))
    }

    /// Whether it adds a job, to a file that may not be there yet.
    pub(super) fn adds(&self) -> bool {
        matches!(self.command, Command::Add(_))
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let here = here(&args.store);
    match &args.command {
        Command::Add(add) => return add::run(add, &here),
        Command::List { format } => return list(&here, *format),
        Command::Show { name } => terminal::print(&told::job(&here, name)?)?,
        Command::Remove { name } => remove(&here, name)?,
        Command::Run { name, if_due, wait } => return run_job(&here, name, *if_due, *wait),
        Command::Next { what, count } => next(&here, what.as_deref(), *count)?,
        Command::History { name, limit, format } => history(&here, name.as_deref(), *limit, *format)?,
        Command::Install(args) => return install::run(args, &here),
        Command::Uninstall(args) => return install::uninstall(args, &here),
        Command::Work { name, run } => return work(&here, name, *run),
        Command::Known => known(&here)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// This machine with the settings of this call.
pub(super) fn here(store: &StoreArgs) -> Here {
    Here::new(settings::get().clone(), store.db.as_deref())
}

/// What came of a job that someone asked for.
fn run_job(here: &Here, name: &str, if_due: bool, wait: bool) -> Result<ExitCode, CliError> {
    let asked = if if_due { Asked::IfDue } else { Asked::ByHand };
    if wait {
        schedule::wait_for_delay(here, name)?;
    }
    let someone = !if_due || std::io::IsTerminal::is_terminal(&std::io::stderr());
    let ended = schedule::run(here, name, asked);
    if if_due {
        told_at_once(here, ended.as_ref().err());
    }
    Ok(match ended? {
        Ended::NotDue(next) => {
            if someone {
                let next = next.map_or_else(String::new, |at| format!(" It is {}.", told::time(here, at)));
                anstream::eprintln!("`{name}` is not due.{next}");
            }
            ExitCode::SUCCESS
        }
        Ended::AtWork => {
            if someone {
                anstream::eprintln!("`{name}` is at work already.");
            }
            ExitCode::SUCCESS
        }
        Ended::Ran(run) => {
            terminal::print(&told::ended(&run))?;
            ExitCode::from(u8::from(run.state.is_bad()))
        }
    })
}

fn work(here: &Here, name: &str, run: i64) -> Result<ExitCode, CliError> {
    let said = schedule::work(here, name, run)?;
    terminal::print(&format!("{said}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Where nobody looks on, that the history cannot be used is told by mail.
fn told_at_once(here: &Here, error: Option<&ScheduleError>) {
    let Some(ScheduleError::Store(error)) = error else { return };
    match schedule::cry(here, error) {
        Ok(true) => anstream::eprintln!("A mail tells of it."),
        Ok(false) => {}
        Err(error) => anstream::eprintln!("No mail can tell of it: {}", harmless(&error.to_string())),
    }
}

fn known(here: &Here) -> Result<(), CliError> {
    let known = schedule::known(here);
    told_at_once(here, known.as_ref().err());
    let known: Known = known?;
    terminal::print(&format!("{}\n", serde_json::to_string(&known).unwrap_or_default()))
}

fn list(here: &Here, format: Format) -> Result<ExitCode, CliError> {
    let jobs = schedule::jobs(here)?;
    match format {
        Format::Json => terminal::print(&(serde_json::to_string_pretty(&jobs).unwrap_or_default() + "\n"))?,
        Format::Text => terminal::print(&told::list(&jobs, here))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(here: &Here, name: &str) -> Result<(), CliError> {
    here.config().schedule.get(name).ok_or_else(|| no_job(here, name))?;
    let mut edit = Edit::open(&here.settings.file)?;
    edit.remove_job(name);
    let settings = edit.save()?;
    anstream::println!("`{name}` is done no more. What it did stays in the history.");
    install::follow(&here.with(settings));
    Ok(())
}

fn no_job(here: &Here, name: &str) -> CliError {
    match here.job(name) {
        Err(error) => error.into(),
        Ok(_) => {
            CliError::usage(format!("there is no job called `{}`", harmless(name)), "See: cleanbill schedule list")
        }
    }
}

/// The next times of jobs, or of a time that is given.
fn next(here: &Here, what: Option<&str>, count: u16) -> Result<(), CliError> {
    let count = usize::from(count);
    let mut out = String::new();
    match what {
        Some(name) if here.config().schedule.contains_key(name) => {
            let job = here.job(name)?;
            let times = std::iter::successors(job.next(Timestamp::now(), here.delay(&job)), |at| {
                job.next(*at, here.delay(&job))
            });
            out.push_str(&told::times(&job.when, times.take(count), &here.zone));
        }
        Some(text) => {
            let when = When::parse(text, &here.zone).map_err(|e| CliError::usage(e.to_string(), EXAMPLES))?;
            when.first_after(Timestamp::now()).map_err(|e| CliError::usage(e.to_string(), EXAMPLES))?;
            out.push_str(&told::next(&when, count, &here.zone));
        }
        None => {
            let mut times = Vec::new();
            for job in here.jobs()? {
                let delay = here.delay(&job);
                let next = std::iter::successors(job.next(Timestamp::now(), delay), |at| job.next(*at, delay));
                times.extend(next.take(count).map(|at| (at, job.name.clone())));
            }
            if times.is_empty() {
                return Err(CliError::usage("there is no job yet", "Add one: cleanbill schedule add --help"));
            }
            times.sort();
            for (at, name) in times.into_iter().take(count) {
                out.push_str(&format!("{name:<20} {}\n", told::time(here, at)));
            }
        }
    }
    terminal::print(&out)
}

const EXAMPLES: &str = "Write it as in 'every monday 7:00', 'first sunday of the month 3:00' or '0 7 * * mon'";

fn history(here: &Here, name: Option<&str>, limit: usize, format: Format) -> Result<(), CliError> {
    let runs = here.store.job_runs(&here.id, name, limit)?;
    if format == Format::Json {
        return terminal::print(&(serde_json::to_string_pretty(&runs).unwrap_or_default() + "\n"));
    }
    if runs.is_empty() {
        anstream::eprintln!("Nothing ran yet.");
        return Ok(());
    }
    terminal::print(&told::history(&runs, &here.zone))
}

impl From<ScheduleError> for CliError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Store(error) => error.into(),
            ScheduleError::Config(error) => error.into(),
            ScheduleError::NoJob { ref near, .. } => {
                let hint = near.as_ref().map_or_else(
                    || "See them with: cleanbill schedule list".to_owned(),
                    |near| format!("Did you mean: {near}?"),
                );
                CliError::usage(error.to_string(), hint)
            }
            ScheduleError::Times(..) => CliError::usage(error.to_string(), EXAMPLES),
            ScheduleError::Mail(_) => {
                CliError::usage(error.to_string(), "What a key means: cleanbill config explain mail")
            }
            ScheduleError::SecondDaemon(_) => CliError::usage(error.to_string(), "See how it is: cleanbill status"),
            ScheduleError::AtWork(_) => CliError::failed(error.to_string(), "Wait until it has ended"),
            ScheduleError::Folder(..) => {
                CliError::failed(error.to_string(), "Run it with sudo, or give another history with --db FILE")
            }
            ScheduleError::Install { ref hint, .. } => {
                let hint = hint.clone();
                CliError::failed(error.to_string(), hint)
            }
            ScheduleError::Program(_) | ScheduleError::Other(_) => {
                CliError::failed(error.to_string(), "See what ran: cleanbill schedule history")
            }
        }
    }
}

impl From<EditError> for CliError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Wrong(error) => error.into(),
            EditError::Write(..) => {
                CliError::failed(error.to_string(), "Run it with sudo, or name another file with --config FILE")
            }
        }
    }
}
