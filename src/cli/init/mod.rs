//! `cleanbill init`: a few questions, and from then on the machine is looked after by itself.

mod ask;

use std::{
    fs,
    io::IsTerminal as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{StoreArgs, email, error::CliError, schedule::install, settings, terminal};
use crate::{
    config::{Config, Edit, Security, Settings, Setup},
    files::write_whole,
    mail::{Mailbox, find_sendmail},
    report::Detail,
    schedule::{self, Here, Plan, ScheduleError, Site, Way, When},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill init                       asks a few questions, then does it
  sudo cleanbill init --dry-run             asks, and only shows what it would do
  sudo cleanbill init --yes --email owner@example.org --server smtp.example.org --user web01 \\
       --password-file /etc/cleanbill/mail-password --fix safe

Take it back with: sudo cleanbill schedule uninstall")]
pub(super) struct Args {
    /// What this machine is for, in a few words
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Who hears how it is; several with commas
    #[arg(long, value_name = "TO", value_delimiter = ',')]
    email: Vec<String>,
    /// Send no mail
    #[arg(long, conflicts_with_all = ["email", "server"])]
    no_email: bool,
    /// The mail server; without it the mail program of this machine takes the mail
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// Its port [default: 587 with starttls, 465 with tls, 25 with none]
    #[arg(long, value_name = "PORT", requires = "server")]
    port: Option<u16>,
    /// How the line to it is protected
    #[arg(long, value_name = "HOW", requires = "server")]
    security: Option<Security>,
    /// The name to log in with
    #[arg(long, value_name = "NAME", requires = "server", requires = "password_file")]
    user: Option<String>,
    /// The file that holds the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// The sender of the mail [default: cleanbill at the full name of this machine]
    #[arg(long, value_name = "FROM")]
    from: Option<String>,
    /// Who reads the report
    #[arg(long = "for", value_name = "READER")]
    reader: Option<Detail>,
    /// When the report comes [default: every monday 7:00]
    #[arg(long, value_name = "WHEN")]
    when: Option<String>,
    /// When it looks in between [default: every day 2:30]
    #[arg(long, value_name = "WHEN")]
    look: Option<String>,
    /// What it may fix by itself [default: nothing]
    #[arg(long, value_name = "WHAT")]
    fix: Option<MayFix>,
    /// Measure how the machine runs, too: processors, memory, disks, network [default: where a service runs the jobs]
    #[arg(long)]
    measure: bool,
    /// Measure nothing
    #[arg(long, conflicts_with = "measure")]
    no_measure: bool,
    /// What runs the schedule [default: a service where there is systemd, else a crontab]
    #[arg(long, value_name = "WHAT")]
    run_by: Option<RunBy>,
    /// Send no test mail
    #[arg(long)]
    no_test: bool,
    /// Do not ask; what is not said stays as it is, or at its default
    #[arg(long, short)]
    yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// What may be fixed without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MayFix {
    /// Nothing: it only tells.
    Nothing,
    /// What can break nothing.
    Safe,
}

/// What runs the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RunBy {
    /// A service of systemd.
    Service,
    /// A timer of systemd for each job.
    SystemdTimers,
    /// Lines for cron.
    Crontab,
    /// Nothing is installed.
    Nothing,
}

impl RunBy {
    fn way(self) -> Option<Way> {
        match self {
            RunBy::Service => Some(Way::Service),
            RunBy::SystemdTimers => Some(Way::Timers),
            RunBy::Crontab => Some(Way::Crontab),
            RunBy::Nothing => None,
        }
    }
}

/// A password that was typed; never shown.
#[derive(Clone, PartialEq, Eq)]
struct Typed(String);

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let now = settings::get();
    let talks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !args.yes;
    if !talks && !args.yes && !args.dry_run {
        return Err(CliError::usage(
            "Nobody is here to answer, so nothing was done",
            "Give the answers as options and --yes; see: cleanbill init --help",
        ));
    }
    let way = match args.run_by {
        Some(by) => by.way(),
        None => Some(Way::usual(&Site::here())?),
    };
    let mut edit = Edit::open(&now.file)?;
    let mut setup = begun(args, &now.config)?;
    // A service measures unless someone said that it shall not; nobody else can.
    let first = now.config.schedule.is_empty() && !edit.has("metrics.enabled");
    setup.measures |= way == Some(Way::Service) && first && !args.no_measure;
    let typed = if talks { ask::all(&mut setup, args)? } else { None };
    if !setup.to.is_empty() && setup.server.is_none() && find_sendmail().is_none() {
        return Err(CliError::usage(
            "this machine has no mail program, so mail needs a mail server",
            "Name one with --server HOST, or leave mail out with --no-email",
        ));
    }
    setup.write(&mut edit)?;
    let new = edit.settings()?;
    let here = Here::new(new, args.store.db.as_deref());
    let installs =
        way.map(|way| Ok((way, Plan::new(&here, &Site::here(), way, &schedule::own_program()?)?))).transpose();
    terminal::print(&plan(&setup, way, &here, &edit)?)?;
    if let Ok(Some((way, plan))) = &installs {
        anstream::println!("  And {} the jobs:\n", install::runs(*way));
        anstream::print!("{}", install::changes(plan));
        install::notes(plan);
        anstream::println!();
    }
    // What keeps it from being installed is told before anything is done, and after all that would be.
    let installs = installs.map_err(|error: ScheduleError| CliError::from(error))?;
    if args.dry_run {
        anstream::println!("Nothing was done.");
        return Ok(ExitCode::SUCCESS);
    }
    if talks && !ask::agree()? {
        anstream::println!("Nothing was done.");
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(password), Some(file)) = (&typed, &setup.password_file) {
        keep_password(file, password)?;
    }
    let mut failed = false;
    if !setup.to.is_empty() && !args.no_test {
        failed = email::test(&here, &[])? != ExitCode::SUCCESS;
        if failed && talks && !ask::all_the_same()? {
            anstream::println!("Nothing else was done. Try again with: sudo cleanbill init");
            return Ok(ExitCode::from(1));
        }
    }
    let settings = edit.save()?;
    anstream::println!("The settings are in {}.", settings.file.display());
    let here = Here::new(settings, args.store.db.as_deref());
    if let Some((_, plan)) = installs {
        plan.apply(&here, false)?;
    }
    anstream::print!("{}", done(&here, way));
    Ok(ExitCode::from(u8::from(failed)))
}

/// What was said with the command, else what holds now, else what is usual.
fn begun(args: &Args, now: &Config) -> Result<Setup, CliError> {
    let mut setup = Setup::of(now);
    if args.no_email {
        setup.to.clear();
    } else if !args.email.is_empty() {
        setup.to.clone_from(&args.email);
    }
    if let Some(server) = &args.server {
        let held = if setup.server.as_ref() == Some(server) { setup.security } else { Security::default() };
        setup.goes_by(server.clone(), args.security.unwrap_or(held));
        setup.port = args.port.or(setup.port);
        if args.user.is_some() {
            (setup.user, setup.password_file) = (args.user.clone(), args.password_file.clone());
        }
    }
    let either = |said: &Option<String>, held: &mut Option<String>| {
        if said.is_some() {
            held.clone_from(said);
        }
    };
    either(&args.purpose, &mut setup.purpose);
    either(&args.from, &mut setup.from);
    setup.reader = args.reader.unwrap_or(setup.reader);
    setup.fixes = args.fix.map_or(setup.fixes, |fix| fix == MayFix::Safe);
    setup.measures = (setup.measures || args.measure) && !args.no_measure;
    if let Some(when) = &args.when {
        setup.when.clone_from(when);
    }
    if let Some(look) = &args.look {
        setup.look.clone_from(look);
    }
    for person in setup.to.iter().chain(&setup.from) {
        address(person).map_err(|why| CliError::usage(why, "Write it as in owner@example.org"))?;
    }
    for when in [&setup.when, &setup.look] {
        time(when).map_err(|why| CliError::usage(why, "Write it as in 'every monday 7:00'"))?;
    }
    Ok(setup)
}

/// Whether this is an address; else why not.
fn address(text: &str) -> Result<(), String> {
    text.parse::<Mailbox>().map(|_| ()).map_err(|e| e.to_string())
}

/// What a time means; else why it is none.
fn time(text: &str) -> Result<When, String> {
    let when = When::parse(text, &TimeZone::system()).map_err(|e| e.to_string())?;
    when.first_after(Timestamp::now()).map_err(|e| e.to_string())?;
    Ok(when)
}

/// What will be done.
fn plan(setup: &Setup, way: Option<Way>, here: &Here, edit: &Edit) -> Result<String, CliError> {
    let mut out = String::from("\nThis is what will be done:\n\n");
    for job in here.jobs()? {
        let what = schedule::does(&job.job, here.config());
        out.push_str(&format!("  {}: {}\n", words::capital(&job.when.says()), what));
    }
    out.push_str(&measures(way, here));
    let by = match &setup.server {
        Some(server) => format!("by the mail server {}", words::harmless(server)),
        None => format!("by the mail program of this machine, {}", here.config().mail.sendmail.display()),
    };
    if setup.to.is_empty() {
        out.push_str("\n  Nobody gets mail. To change that: cleanbill init --email TO\n");
    } else {
        out.push_str(&format!("\n  Mail goes {by}.\n"));
        out.push_str("  Something that cannot wait is told at once, and that it is solved.\n");
    }
    if edit.is_changed() {
        out.push_str(&format!("\n  {} will say:\n\n", here.settings.file.display()));
        let lines: Vec<String> = edit.text().lines().map(words::harmless).collect();
        out.push_str(&textwrap::indent(&lines.join("\n"), "    │ "));
        out.push('\n');
    }
    out.push('\n');
    Ok(out)
}

/// What is measured, and by whom.
fn measures(way: Option<Way>, here: &Here) -> String {
    let metrics = &here.config().metrics;
    if !metrics.enabled {
        return String::new();
    }
    let every = metrics.every.says();
    match way {
        Some(Way::Service) => format!("  Every {every}: measures how this machine runs\n"),
        Some(way) => {
            let it = schedule::only_starts_jobs(way);
            format!("\n  Nothing is measured: {it}. To measure, keep the daemon running, or: cleanbill collect\n")
        }
        None => {
            format!(
                "\n  While `cleanbill daemon` or `cleanbill collect` runs, it measures how this machine runs, every {every}.\n"
            )
        }
    }
}

fn keep_password(file: &Path, password: &Typed) -> Result<(), CliError> {
    let failed =
        |e: std::io::Error| CliError::failed(format!("{} cannot be written: {e}", file.display()), "Run it with sudo");
    if let Some(folder) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed)?;
    }
    // One that was there may have had other rights.
    let _ = fs::remove_file(file);
    write_whole(file, format!("{}\n", password.0).as_bytes(), 0o600).map_err(failed)
}

/// What is so now, and how to take it back.
fn done(here: &Here, way: Option<Way>) -> String {
    let mut out = String::new();
    if let Ok(jobs) = here.jobs() {
        let next = jobs.iter().filter_map(|job| Some((job.next(Timestamp::now(), here.delay(job))?, job)));
        if let Some((at, job)) = next.min_by_key(|(at, _)| *at) {
            let when = super::schedule::told::time(here, at);
            out.push_str(&format!("\nThe next thing that happens by itself: `{}`, {when}.\n", job.name));
        }
    }
    out.push_str("\nHow it is:          cleanbill status\n");
    out.push_str("The first look now: sudo cleanbill schedule run look\n");
    if here.config().metrics.enabled && way == Some(Way::Service) {
        out.push_str("What is measured:   cleanbill watch\n");
    }
    out.push_str("Change it:          sudo cleanbill init, or edit the settings\n");
    let back = if way.is_some() { "sudo cleanbill schedule uninstall" } else { "take the jobs out of the settings" };
    out.push_str(&format!("Take it back:       {back}\n"));
    out
}

/// Where the password is kept that someone types.
fn password_place(settings: &Settings) -> PathBuf {
    settings.file.with_file_name("mail-password")
}
