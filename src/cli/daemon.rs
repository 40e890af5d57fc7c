//! `cleanbill daemon`: runs the schedule.

use std::{
    fs::Metadata,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::{StoreArgs, error::CliError, settings};
use crate::{
    host::distrusted,
    schedule::{Daemon, End, Note},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It stays in the foreground and tells on stderr what it does. SIGTERM ends it once what is at work has ended, SIGHUP lets
it read the settings anew. As a service: sudo cleanbill schedule install")]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

/// The program that waits in little memory, beside this one.
const SMALL: &str = "cleanbill-daemon";
/// Says that this program has to wait by itself.
const WHOLE: &str = "CLEANBILL_DAEMON_WHOLE";
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<ExitCode, CliError> {
    let (file, db) = (settings::path(config), args.store.db.as_deref());
    if let Some(small) = small().filter(|_| std::env::var_os(WHOLE).is_none()) {
        let mut command = Command::new(small);
        command.arg(VERSION).env("CLEANBILL_CONFIG", &file);
        if let Some(db) = db {
            command.env("CLEANBILL_DB", db);
        }
        // It comes back only when it cannot become that program; then it waits by itself.
        let _ = command.exec();
    }
    wait(&file, db)
}

/// The small program, where it is there and nobody else can change it.
fn small() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(SMALL);
    let meta = path.metadata().ok().filter(Metadata::is_file)?;
    distrusted(&meta).is_none().then_some(path)
}

/// The small program, called by one of this version; from another one, it gives back to that.
pub(super) fn small_main(caller: Option<&str>) -> ExitCode {
    if caller.is_some_and(|version| version != VERSION)
        && let Ok(own) = std::env::current_exe()
    {
        let _ = Command::new(own.with_file_name("cleanbill")).arg("daemon").env(WHOLE, "1").exec();
    }
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let done = wait(&settings::path(named("CLEANBILL_CONFIG").as_deref()), named("CLEANBILL_DB").as_deref());
    done.unwrap_or_else(CliError::print)
}

fn wait(file: &Path, db: Option<&Path>) -> Result<ExitCode, CliError> {
    let daemon = Daemon::start(file, db)?;
    daemon.run(&mut |note| anstream::eprintln!("{}", words::harmless(&told(&note))))?;
    Ok(ExitCode::SUCCESS)
}

fn told(note: &Note<'_>) -> String {
    match note {
        Note::Waiting(jobs, next) => {
            let next = next.map_or_else(String::new, |(name, at)| format!("; next is `{name}`, at {at}"));
            format!("Waiting, with {}{next}.", words::count(*jobs, "job", "jobs"))
        }
        Note::Reloaded => "The settings changed and hold from now on.".to_owned(),
        Note::Broken(why) => format!("The settings are wrong, so the last ones that were right hold: {why}"),
        Note::Begins(name) => format!("`{name}` begins."),
        Note::Ended(name, end) => match end {
            End::Done => format!("`{name}` ended."),
            End::Beside => format!("`{name}` ended; how it went: cleanbill schedule history {name}"),
            End::NotWell => format!("`{name}` did not work: cleanbill schedule history {name}"),
            End::Undone(why) => format!("`{name}` could not do its work, and is tried again: {why}"),
        },
        Note::Trouble(why) => format!("{} It is tried again.", words::sentence(why)),
        Note::Stopping(jobs) => format!("Stopping; {} still at work.", words::count(*jobs, "job is", "jobs are")),
    }
}
