//! The command line: one file a command, each parses, calls the library and prints. No logic lives here.
//!
//! Data goes to stdout, progress and messages to stderr. Exit codes: 0 nothing at or above `--fail-on`, 1 problems at
//! or above it, 2 wrong usage or configuration, 3 the audit could not be completed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the room that prints")]

mod audit;
mod audits;
mod checks;
mod collect;
mod compare;
mod config;
mod daemon;
mod email;
mod error;
mod facts;
mod fix;
mod forecast;
mod generate;
mod history;
mod init;
mod listing;
mod look;
mod menu;
mod progress;
mod query;
mod report;
mod schedule;
mod self_update;
mod settings;
mod show;
mod status;
mod store;
mod terminal;
mod trend;
mod undo;
mod waive;
mod watch;

use std::{ffi::OsString, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::store::{Store, Worker};
use error::CliError;

const EXAMPLES: &str = "\
Examples:
  sudo cleanbill                      look at this machine and say what to do first
  sudo cleanbill show ssh-root-login  one problem whole: why, how to fix it, what was seen
  sudo cleanbill report               write the report as a page
  cleanbill audit --root /mnt/image   look at a mounted image
  cleanbill query \"select name, version from packages\"

Exit codes: 0 nothing at or above --fail-on, 1 problems at or above it, 2 wrong usage, 3 the audit failed.";

/// Gives a Linux machine a clean bill of health: what is wrong, what could happen, what to do first.
#[derive(Debug, Parser)]
#[command(name = "cleanbill", version, after_help = EXAMPLES, propagate_version = true, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    store: StoreArgs,
    /// File of the settings [default: /etc/cleanbill/cleanbill.toml for root, else in your configuration folder]
    #[arg(long, value_name = "FILE", env = "CLEANBILL_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at this machine, say what is wrong and what to do first, and remember it
    Audit(audit::Args),
    /// Show one problem whole: why it matters, how to fix it, what was seen
    Show(show::Args),
    /// Write the report: a page for a browser, a PDF, Markdown or JSON
    Report(report::Args),
    /// List the audits that were made
    Audits(audits::Args),
    /// Compare two audits: problems, score, and what changed on the machine
    Compare(compare::Args),
    /// Show how the risk, the open problems or one check went over time
    Trend(trend::Args),
    /// Say what will run out and when: disks, memory, certificates; and where a metric goes
    Forecast(forecast::Args),
    /// Fix problems: choose, see what changes, do it, prove it
    Fix(fix::Args),
    /// Take a run of fixes back
    Undo(undo::Args),
    /// List the fixes that were done
    History(history::Args),
    /// List, show, test and write checks
    Checks(checks::Args),
    /// List fact tables and what their columns mean
    Facts(facts::Args),
    /// Ask the facts of this machine in SQL
    Query(query::Args),
    /// Accept a problem for a while, with a reason
    Waive(waive::Args),
    /// Take an acceptance back
    Unwaive(waive::UnwaiveArgs),
    /// List accepted problems
    Waivers(waive::ListArgs),
    /// Set all up: a few questions, and the machine is looked after by itself
    Init(Box<init::Args>),
    /// Show, check and explain the settings
    Config(config::Args),
    /// Check, back up, repair or bring back the file of the history
    Store(store::Args),
    /// Add, list, run and install what happens by itself
    Schedule(schedule::Args),
    /// Say whether the schedule runs, how its jobs went, and what mail waits
    Status(status::Args),
    /// Try mail, look at it before it is sent, and look after what waits
    Email(email::Args),
    /// Measure how the machine feels: processor, memory, disks, network and what you name
    Collect(collect::Args),
    /// Watch this machine live: what it does now, the last audit, the programs that use most
    Watch(watch::Args),
    /// Run the schedule: waits, and starts each job when it is time
    Daemon(daemon::Args),
    /// Put a newer release in the place of this program: fetched, signed, tried first
    SelfUpdate(self_update::Args),
    /// Try this program, as a release before it does
    #[command(hide = true)]
    SelfTest(self_update::TestArgs),
    /// Print shell completions
    Completions(generate::CompletionsArgs),
    /// Print the manual page
    Man(generate::ManArgs),
}

/// Where the history is.
#[derive(Debug, Clone, clap::Args)]
struct StoreArgs {
    /// File of the history [default: /var/lib/cleanbill/cleanbill.duckdb for root, else in your data folder]
    #[arg(long, value_name = "FILE", env = "CLEANBILL_DB")]
    db: Option<PathBuf>,
}

impl StoreArgs {
    fn store(&self) -> Store {
        let named = self.db.as_ref().or(settings::config().store.file.as_ref());
        Store::at(named.cloned().unwrap_or_else(Store::default_path))
    }
}

/// How an answer is written, and where to.
#[derive(Debug, Clone, clap::Args)]
struct Writing<F: ValueEnum + Send + Sync + 'static> {
    /// How to write it [default: as the name of the file ends, else text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<F>,
    /// File to write to, - for stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the JSON Schema of the answer and end
    #[arg(long)]
    schema: bool,
}

impl<F: ValueEnum + Send + Sync + 'static> Writing<F> {
    fn format(&self, usual: F) -> F {
        terminal::format(self.format.clone(), self.output.as_deref(), usual)
    }

    fn deliver(&self, text: &str) -> Result<(), CliError> {
        terminal::deliver(self.output.as_deref(), text)
    }
}

/// How something is written that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Chart {
    /// Sentences, and a chart of characters.
    Text,
    /// A picture.
    Svg,
    /// One line a thing, a look or a point.
    Csv,
    /// Everything, for programs.
    Json,
}

/// Runs the program that waits, `cleanbill-daemon`.
pub fn daemon_main() -> ExitCode {
    daemon::small_main(std::env::args().nth(1).as_deref())
}

/// Runs the program.
pub fn main() -> ExitCode {
    // Also when a newer program lies where this one was started from.
    let own = PathBuf::from("/proc/self/exe");
    if let Some(own) = Some(own).filter(|p| p.exists()).or_else(|| std::env::current_exe().ok()) {
        Worker::is(own, store::READER);
    }
    run(std::env::args_os().collect())
}

/// The command line as it is parsed, for what is written from it.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if let Err(error) = settings::read(cli.config.as_deref(), strict(cli.command.as_ref())) {
        return error.print();
    }
    let result = match cli.command {
        None if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() => menu::run(&cli.store),
        None => audit::run(&audit::Args::stored(cli.store)),
        Some(Command::Audit(args)) => audit::run(&args),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Audits(args)) => audits::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Trend(args)) => trend::run(&args),
        Some(Command::Forecast(args)) => forecast::run(&args),
        Some(Command::Fix(args)) => fix::run(&args),
        Some(Command::Undo(args)) => undo::run(&args),
        Some(Command::History(args)) => history::run(&args),
        Some(Command::Checks(args)) => checks::run(args),
        Some(Command::Facts(args)) => facts::run(args),
        Some(Command::Query(args)) => query::run(&args),
        Some(Command::Waive(args)) => waive::run(&args),
        Some(Command::Unwaive(args)) => waive::unwaive(&args),
        Some(Command::Waivers(args)) => waive::list(&args),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Config(args)) => config::run(&args, cli.config.as_deref()),
        Some(Command::Store(args)) => store::run(&args),
        Some(Command::Schedule(args)) => schedule::run(&args),
        Some(Command::Status(args)) => status::run(&args),
        Some(Command::Email(args)) => email::run(&args),
        Some(Command::Collect(args)) => collect::run(&args),
        Some(Command::Watch(args)) => watch::run(&args),
        Some(Command::Daemon(args)) => daemon::run(&args, cli.config.as_deref()),
        Some(Command::SelfUpdate(args)) => self_update::run(&args),
        Some(Command::SelfTest(args)) => self_update::test(&args),
        Some(Command::Completions(args)) => generate::completions(&args, &mut Cli::command()),
        Some(Command::Man(args)) => generate::man(&args, &Cli::command()),
    };
    result.unwrap_or_else(|error| error.print())
}

/// What a mistake in the settings does to a command.
fn strict(command: Option<&Command>) -> settings::Strict {
    match command {
        Some(Command::Config(_) | Command::Daemon(_) | Command::Completions(_) | Command::Man(_)) => {
            settings::Strict::Own
        }
        Some(Command::Init(_)) => settings::Strict::Makes,
        Some(Command::Schedule(args)) if args.adds() => settings::Strict::Makes,
        Some(Command::Schedule(args)) if args.takes_away() => settings::Strict::No,
        Some(
            Command::Undo(_) | Command::History(_) | Command::Status(_) | Command::Store(_) | Command::SelfUpdate(_),
        ) => settings::Strict::No,
        _ => settings::Strict::Yes,
    }
}
