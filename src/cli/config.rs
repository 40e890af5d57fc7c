//! `cleanbill config`: shows, checks and explains the settings.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{error::CliError, settings, terminal};
use crate::{
    config::{self, Key, NAME, Settings},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill config show                  what is set on this machine
  cleanbill config show --all            every key, with its sentence and what holds
  cleanbill config explain mail.server   one key
  cleanbill config check                 whether everything in the file is right

The file: /etc/cleanbill/cleanbill.toml for root, else in your configuration folder.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the settings that hold
    Show {
        /// Every key with its sentence, also those that are not set
        #[arg(long)]
        all: bool,
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "toml")]
        format: Format,
    },
    /// Say whether everything in the file is right
    Check,
    /// Say what a key means, what it takes and what holds without it
    Explain {
        /// The key, such as mail.server; a section, such as mail; all sections when none is named
        key: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As the file has it.
    Toml,
    /// For programs.
    Json,
}

pub(super) fn run(args: &Args, file: Option<&std::path::Path>) -> Result<ExitCode, CliError> {
    let file = settings::path(file);
    match &args.command {
        Command::Show { all, format } => show(&Settings::load(&file)?, *all, *format)?,
        Command::Check => check(&Settings::load(&file)?),
        Command::Explain { key } => {
            // A key is explained also while the file is wrong: that is when one asks.
            let settings = Settings::load(&file).unwrap_or_else(|_| Settings::none(&file));
            terminal::print(&explain(key.as_deref(), &settings)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(settings: &Settings, all: bool, format: Format) -> Result<(), CliError> {
    if format == Format::Json {
        let json = json!({ "file": settings.file, "there": settings.text.is_some(), "settings": settings.config });
        return terminal::print(&(serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"));
    }
    if all {
        return terminal::print(&config::reference_with(&settings.config));
    }
    match &settings.text {
        Some(text) => {
            let shown: Vec<String> = text.lines().map(words::harmless).collect();
            terminal::print(&format!("# {}\n{}\n", settings.file.display(), shown.join("\n")))
        }
        None => {
            anstream::eprintln!("There is no {}, so the defaults hold.", settings.file.display());
            anstream::eprintln!("Make one with: cleanbill init     See all keys with: cleanbill config show --all");
            Ok(())
        }
    }
}

fn check(settings: &Settings) {
    let file = settings.file.display();
    if settings.text.is_none() {
        anstream::println!("There is no {file}, so the defaults hold.");
        return;
    }
    anstream::println!("{file} is right.");
    let config = &settings.config;
    let jobs = words::count(config.schedule.len(), "job", "jobs");
    let to = match config.mail.to.as_slice() {
        [] => "nobody".to_owned(),
        people => words::harmless(&words::list(people)),
    };
    anstream::println!("{jobs}; mail goes to {to}.");
}

fn explain(asked: Option<&str>, settings: &Settings) -> Result<String, CliError> {
    let keys = config::keys();
    let Some(asked) = asked else {
        let mut out = String::new();
        for section in keys.iter().filter(|k| k.is_section()) {
            let first = section.says.split_inclusive(". ").next().unwrap_or_default().trim_end();
            out.push_str(&format!("{:<10} {first}\n", section.path));
        }
        return Ok(out + "\nThe keys of a section: cleanbill config explain SECTION\n");
    };
    let general = config::general(asked.trim_matches(['[', ']']));
    let Some(key) = keys.iter().find(|k| k.path == general) else {
        let short = keys.iter().find(|k| k.name() == general).map(|k| k.path.as_str());
        let near = short.or_else(|| words::nearest(&general, keys.iter().map(|k| k.path.as_str())));
        let hint = near.map_or_else(
            || "See the sections with: cleanbill config explain".to_owned(),
            |near| format!("Did you mean: {near}?"),
        );
        return Err(CliError::usage(format!("There is no key called `{}`", words::harmless(asked)), hint));
    };
    if !key.is_section() {
        return Ok(one(key, asked, settings));
    }
    let mut out = format!("[{}]\n{}\n\n", key.path, key.says);
    let inside = |k: &&Key| k.path.strip_prefix(&key.path).is_some_and(|rest| rest.starts_with('.'));
    for key in keys.iter().filter(inside) {
        let name = key.path.replace(&format!(".{NAME}."), ".NAME.");
        out.push_str(&format!("{name}\n{}\n", textwrap::indent(&textwrap::fill(&key.says, 76), "    ")));
    }
    Ok(out)
}

fn one(key: &Key, asked: &str, settings: &Settings) -> String {
    let mut out = format!("{}\n{}\n\n", key.path, textwrap::fill(&key.says, 80));
    if key.choices.iter().any(|c| !c.says.is_empty()) {
        let width = key.choices.iter().map(|c| c.word.len()).max().unwrap_or(0);
        for choice in &key.choices {
            out.push_str(&format!("  {:width$}  {}\n", choice.word, choice.says));
        }
        out.push('\n');
    } else if let Some(takes) = &key.takes {
        out.push_str(&format!("It takes {takes}.\n"));
    }
    out.push_str(&match key.default_text() {
        Some(value) => format!("Without it: {value}\n"),
        None if key.required => "It must be there.\n".to_owned(),
        None => String::new(),
    });
    let json = serde_json::to_value(&settings.config).unwrap_or_default();
    let now = asked.split('.').try_fold(&json, |value, part| value.get(part)).filter(|v| !v.is_null());
    if let Some(now) = now.and_then(|now| toml::Value::try_from(now).ok()).filter(|_| settings.text.is_some()) {
        out.push_str(&format!("On this machine: {}\n", words::harmless(&now.to_string())));
    }
    out
}
