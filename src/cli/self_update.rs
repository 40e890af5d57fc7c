//! `cleanbill self-update` and, for releases that try a newer one, `cleanbill self-test`.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use anstream::println;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use super::{StoreArgs, error::CliError, settings, terminal};
use crate::{
    audit::perform,
    checks::{Catalogue, Selection},
    config::Channel,
    host::Host,
    schedule,
    update::{Found, Step, UpdateError, Updater, VERSION, Wanted},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill self-update --check            say whether there is a newer release
  sudo cleanbill self-update               fetch it, try it, and put it in the place of this one
  sudo cleanbill self-update --rollback    bring the former one back
  sudo cleanbill self-update --from cleanbill-1.2.3-x86_64-unknown-linux-gnu.tar.gz

Only what was signed is taken. A new release is tried on a copy of the history before it takes the place of this one.
Exit codes: 0 it is the newest, 1 with --check: there is a newer one, 2 wrong usage, 3 it could not be done.")]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Only say whether there is a newer release
    #[arg(long, conflicts_with_all = ["from", "rollback", "allow_downgrade"])]
    check: bool,
    /// Take this release, and not the newest
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["from", "rollback", "channel"])]
    to: Option<Version>,
    /// Which releases are meant [default: as [update] says, else stable]
    #[arg(long, value_enum, conflicts_with_all = ["from", "rollback"])]
    channel: Option<Channel>,
    /// Take this archive of a release, without the network
    #[arg(long, value_name = "FILE", conflicts_with = "rollback")]
    from: Option<PathBuf>,
    /// Bring the former program back
    #[arg(long)]
    rollback: bool,
    /// Take an older release too
    #[arg(long, conflicts_with = "rollback")]
    allow_downgrade: bool,
    /// The server of releases, in the place of that in [update]
    #[arg(long, value_name = "URL", conflicts_with_all = ["from", "rollback"])]
    url: Option<String>,
    /// How the answer of --check is written
    #[arg(long, value_enum, default_value = "text", requires = "check")]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CheckFormat {
    /// A sentence.
    Text,
    /// For programs.
    Json,
}

/// What --check says.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    current: &'a str,
    channel: &'a str,
    newest: String,
    released: Timestamp,
    newer: bool,
    notes: Option<&'a str>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let updater = Updater::here(store, settings::get().file.clone())?;
    if !args.check {
        updater.may_change()?;
    }
    if args.rollback {
        let back = updater.back()?;
        println!(
            "cleanbill is {} again. What was there until now is kept: the same command brings it back.",
            back.version
        );
        if let Some(kept) = back.history {
            println!("It cannot read the history that the newer one wrote. To go on with the history of before:");
            println!("  sudo cleanbill store restore {}", words::shell(&kept.to_string_lossy()));
        }
        restarted();
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &args.from {
        let bar = Bar::start();
        let version = updater.bring(file, args.allow_downgrade, &mut |step| bar.on(step))?;
        bar.end();
        done(&version);
        return Ok(ExitCode::SUCCESS);
    }
    let section = &settings::config().update;
    let source = section.source(args.url.as_deref())?;
    let channel = args.channel.unwrap_or(section.channel);
    let wanted = match &args.to {
        Some(version) => Wanted::Version(version.clone()),
        None => Wanted::Newest(channel.name().to_owned()),
    };
    let found = updater.find(&source, &wanted)?;
    if args.check {
        return check(args.format, channel, &found);
    }
    let version = &found.manifest.version;
    if args.to.is_none() && !found.newer {
        println!("{}", nothing(&found));
        return Ok(ExitCode::SUCCESS);
    }
    updater.no_downgrade(version, args.allow_downgrade)?;
    println!("{}", told(&found));
    let bar = Bar::start();
    updater.fetch(&source, &found, args.allow_downgrade, &mut |step| bar.on(step))?;
    bar.end();
    done(version);
    Ok(ExitCode::SUCCESS)
}

fn check(format: CheckFormat, channel: Channel, found: &Found) -> Result<ExitCode, CliError> {
    let manifest = &found.manifest;
    match format {
        CheckFormat::Text if found.newer => {
            println!("{}", told(found));
            println!("Take it with: sudo cleanbill self-update");
        }
        CheckFormat::Text => println!("{}", nothing(found)),
        CheckFormat::Json => {
            let checked = Checked {
                current: VERSION,
                channel: channel.name(),
                newest: manifest.version.to_string(),
                released: manifest.released,
                newer: found.newer,
                notes: manifest.notes.as_deref(),
            };
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&checked).unwrap_or_default()))?;
        }
    }
    Ok(ExitCode::from(u8::from(found.newer)))
}

fn told(found: &Found) -> String {
    let manifest = &found.manifest;
    let notes = manifest.notes.as_deref().map_or_else(String::new, |notes| format!(" {}", words::said(notes)));
    format!("cleanbill {} is out since {}; this is {VERSION}.{notes}", manifest.version, words::date(manifest.released))
}

fn nothing(found: &Found) -> String {
    if found.manifest.version.to_string() == VERSION {
        format!("This is the newest cleanbill ({VERSION}).")
    } else {
        format!("This cleanbill ({VERSION}) is newer than the newest release ({}).", found.manifest.version)
    }
}

fn done(version: &Version) {
    println!("It was tried on a copy of the history, and works. cleanbill is {version} now.");
    println!("The former one is kept. Bring it back with: sudo cleanbill self-update --rollback");
    restarted();
}

/// The service goes on with the program that it was started from, so it is started anew.
fn restarted() {
    if schedule::restart_service() {
        println!("The service of cleanbill is being started anew.");
    }
}

/// How far it is, on a terminal.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
        if let Ok(style) = ProgressStyle::with_template("  {msg:<34} {bar:30.cyan} {bytes}/{total_bytes}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Bar(Some(bar))
    }

    fn on(&self, step: Step) {
        let Some(bar) = &self.0 else { return };
        match step {
            Step::Fetched(came, all) => {
                bar.set_message("Fetching the release");
                bar.set_length(all);
                bar.set_position(came);
            }
            Step::Signed | Step::Works => {}
            Step::Trying => {
                if let Ok(style) = ProgressStyle::with_template("  {spinner:.cyan} {msg}") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(Duration::from_millis(120));
                bar.set_message("Trying it on a copy of the history");
            }
        }
    }

    fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

impl From<UpdateError> for CliError {
    fn from(error: UpdateError) -> Self {
        let usage = matches!(
            error,
            UpdateError::NoServer
                | UpdateError::Settings(_)
                | UpdateError::Owned(..)
                | UpdateError::Downgrade { .. }
                | UpdateError::NoFormer(_)
        );
        let hint = error.hint();
        if usage { CliError::usage(error.to_string(), hint) } else { CliError::failed(error.to_string(), hint) }
    }
}

/// What an older release asks of this one before this one takes its place.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct TestArgs {
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn test(args: &TestArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let catalogue = Catalogue::of_this_machine()?;
    let host = Host::live()?;
    // Whoever asks the history brings it to the schema of this release first.
    let there = store.path().exists();
    let limits = &settings::config().checks;
    let mut performed = perform(&host, &catalogue, &Selection::default(), limits, there.then_some(&store), |_| {})?;
    store.record(&mut performed.audit, &performed.facts, &catalogue)?;
    let asked = words::count(performed.audit.outcomes.len(), "question", "questions");
    println!("cleanbill {VERSION} works here: {asked} got an answer.");
    Ok(ExitCode::SUCCESS)
}
