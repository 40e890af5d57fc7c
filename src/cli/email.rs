//! `cleanbill email`: tries the way, shows a mail before it is sent, and looks after the queue.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use jiff::Timestamp;

use super::{
    StoreArgs,
    error::CliError,
    schedule::{Format, here, told},
    terminal,
};
use crate::{
    schedule::{self, Here, Preview},
    store::{Mail, MailState, StoreError},
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill email test                     send a mail now, to see whether it arrives
  sudo cleanbill email test anna@example.org    to someone else
  sudo cleanbill email preview                  the next report as a mail: its text, and the page in a file
  sudo cleanbill email queue                    mail that waits, and mail that went wrong
  sudo cleanbill email queue --retry 12         try this one again")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a mail now that says that mail works
    Test {
        /// Who gets it [default: those of [mail] to]
        to: Vec<String>,
    },
    /// Show the mail of a job as it would be sent now, and send nothing
    Preview {
        /// The job [default: the only one that sends mail]
        job: Option<String>,
        /// Write the mail there: NAME.html for a browser, NAME.eml for a mail program, - for its text
        #[arg(long, short, value_name = "FILE|-")]
        output: Option<PathBuf>,
    },
    /// List mail that waits or went wrong
    Queue {
        /// Also mail that was delivered
        #[arg(long)]
        all: bool,
        /// Hand over now what waits
        #[arg(long)]
        send: bool,
        /// Try this mail again, also where it may have arrived
        #[arg(long, value_name = "ID")]
        retry: Option<i64>,
        /// Take this mail out
        #[arg(long, value_name = "ID", conflicts_with = "retry")]
        drop: Option<i64>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let here = here(&args.store);
    match &args.command {
        Command::Test { to } => test(&here, to),
        Command::Preview { job, output } => preview(&here, job.as_deref(), output.as_deref()),
        Command::Queue { send: true, .. } => send(&here),
        Command::Queue { retry: Some(id), .. } => {
            if !here.store.retry_mail(&here.id, *id, Timestamp::now())? {
                return Err(no_mail(*id));
            }
            send(&here)
        }
        Command::Queue { drop: Some(id), .. } => {
            if !here.store.drop_mail(&here.id, *id, Timestamp::now())? {
                return Err(no_mail(*id));
            }
            anstream::println!("Mail {id} is out of the queue and will not be sent.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Queue { all, limit, format, .. } => queue(&here, *all, *limit, *format),
    }
}

fn no_mail(id: i64) -> CliError {
    CliError::usage(format!("no mail {id} waits or went wrong"), "See which there are with: cleanbill email queue")
}

/// Sends the mail that tries the way, and says what the mail server said.
pub(super) fn test(here: &Here, to: &[String]) -> Result<ExitCode, CliError> {
    let mut failed = false;
    for tried in schedule::test_mail(here, to, &super::fix::user())? {
        let person = harmless(&tried.to);
        match tried.said {
            Ok(said) => anstream::println!("Sent to {person}. {}", harmless(&said)),
            Err(why) => {
                failed = true;
                anstream::eprintln!("Not sent to {person}: {}", harmless(&words::sentence(&why)));
            }
        }
    }
    if failed {
        anstream::eprintln!("What a key means: cleanbill config explain mail");
    } else {
        anstream::println!("Look whether it arrived, also among unwanted mail.");
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn preview(here: &Here, job: Option<&str>, output: Option<&Path>) -> Result<ExitCode, CliError> {
    let Preview { subject, to, text, html, message } = schedule::preview(here, job)?;
    match output {
        Some(path) if path == Path::new("-") => terminal::print(&text)?,
        Some(path) => {
            let is_mail = path.extension().is_some_and(|e| e == "eml");
            terminal::write_file(path, if is_mail { &message } else { html.as_bytes() })?;
            anstream::eprintln!("The mail is in {}", path.display());
        }
        None => {
            let to: Vec<String> = to.iter().map(|t| harmless(t)).collect();
            anstream::println!("To:      {}\nSubject: {}\n", words::list(&to), harmless(&subject));
            let lines: Vec<String> = text.lines().map(harmless).collect();
            terminal::print(&(lines.join("\n") + "\n"))?;
            anstream::eprintln!(
                "Nothing was sent. As it looks in a mail program: cleanbill email preview -o mail.html"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn send(here: &Here) -> Result<ExitCode, CliError> {
    let done = schedule::deliver(here, &|| false)?;
    for wrong in &done.wrong {
        anstream::eprintln!("{}", harmless(wrong));
    }
    if done.sent > 0 {
        anstream::println!("{} delivered.", words::count(done.sent, "mail", "mails"));
    }
    Ok(ExitCode::from(u8::from(!done.wrong.is_empty())))
}

fn queue(here: &Here, all: bool, limit: usize, format: Format) -> Result<ExitCode, CliError> {
    let mails = match here.store.mails(&here.id, !all, limit) {
        Ok(mails) => mails,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if format == Format::Json {
        terminal::print(&(serde_json::to_string_pretty(&mails).unwrap_or_default() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if mails.is_empty() {
        let said = if all { "No mail was sent yet." } else { "No mail waits, and none went wrong." };
        anstream::println!("{said}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = String::new();
    for mail in &mails {
        let _ = writeln!(out, "{:>4}  {}  {}", mail.id, told::at(mail.made, &here.zone), harmless(&mail.recipient));
        let _ = writeln!(out, "      {}", harmless(&mail.subject));
        let _ = writeln!(out, "      {}", state(here, mail));
        if let Some(said) = mail.said.as_deref().filter(|_| mail.state != MailState::Sent) {
            let _ = writeln!(out, "      {}", harmless(said));
        }
    }
    terminal::print(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn state(here: &Here, mail: &Mail) -> String {
    match mail.state {
        MailState::Waiting if mail.tries == 0 => "waits to be sent".to_owned(),
        MailState::Waiting => format!(
            "waits; tried {}, next {}",
            words::count(usize::try_from(mail.tries).unwrap_or(0), "time", "times"),
            told::time(here, mail.next_try)
        ),
        MailState::HandingOver => "is being handed over".to_owned(),
        MailState::Sent => "delivered".to_owned(),
        MailState::Unsure => {
            format!(
                "may have arrived or not, so it is not sent again; to send it all the same: cleanbill email queue --retry {}",
                mail.id
            )
        }
        MailState::GivenUp => format!("not delivered; to try again: cleanbill email queue --retry {}", mail.id),
    }
}
