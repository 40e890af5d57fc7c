//! `cleanbill daemon`: runs the schedule.

use std::{path::Path, process::ExitCode};

use super::{StoreArgs, error::CliError, settings};
use crate::{
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

pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<ExitCode, CliError> {
    let daemon = Daemon::start(&settings::path(config), args.store.db.as_deref())?;
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
