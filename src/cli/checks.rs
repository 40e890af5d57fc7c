//! `cleanbill checks`: list, show, test and write checks.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use super::{
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    checks::{self, Check, OVERRIDE_DIR, Selection},
    facts::QueryResult,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill checks list
  cleanbill checks show ssh-root-login      its question in SQL, its tests, its references
  cleanbill checks new my-check             a file to start from
  cleanbill checks test my-check.toml       run the tests that stand in it")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List all checks
    List {
        /// Only these checks or areas
        patterns: Vec<String>,
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Show one check: its question in SQL, its tests, its references
    Show {
        /// The check's id
        id: String,
        /// How to print it
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Run the tests that stand in the check files
    Test {
        /// Files, ids or areas [default: all]
        what: Vec<String>,
    },
    /// Write a check file to start from
    New {
        /// Its id
        id: String,
        /// Where to write it [default: ID.toml here]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::List { patterns, format } => list(&patterns, format),
        Command::Show { id, format } => show(&id, format),
        Command::Test { what } => test(&what),
        Command::New { id, output } => new(&id, output),
    }
}

fn list(patterns: &[String], format: ListFormat) -> Result<ExitCode, CliError> {
    let catalogue = look::catalogue()?;
    let selection = Selection::new(patterns, &[], &catalogue)
        .map_err(|what| CliError::usage(what, "See all of them with: cleanbill checks list"))?;
    let rows = catalogue
        .checks()
        .filter(|c| selection.wants(c))
        .map(|c| vec![c.id.clone().into(), c.group.clone().into(), c.severity.name().into(), c.title.clone().into()])
        .collect();
    let columns = ["check", "group", "severity", "title"].map(str::to_owned).to_vec();
    listing::print(&QueryResult { columns, rows }, format)?;
    Ok(ExitCode::SUCCESS)
}

fn show(id: &str, format: ListFormat) -> Result<ExitCode, CliError> {
    let catalogue = look::catalogue()?;
    let check = catalogue.get(id).ok_or_else(|| CliError::no_such_check(id, &catalogue))?;
    if format != ListFormat::Table {
        terminal::print(&(serde_json::to_string_pretty(check).unwrap_or_default() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{}\n{}\n\n", check.id, check.title);
    let _ = writeln!(text, "Severity  {}", check.severity.name());
    let _ = writeln!(text, "Area      {}", catalogue.group_title(&check.group));
    let _ = writeln!(text, "Asks      {}", check.needs.join(", "));
    if !check.only_on.is_empty() {
        let _ = writeln!(text, "Only on   {}", check.only_on.join(", "));
    }
    if !check.part_of.is_empty() {
        let _ = writeln!(text, "Told with {}", check.part_of.join(", "));
    }
    for (name, value) in &check.params {
        let _ = writeln!(text, "Setting   {name} = {value}");
    }
    let _ = writeln!(text, "\nWhy:      {}\nAdvice:   {}\n\n{}\n", check.why, check.advice, check.query.trim());
    text.push_str("Tests:\n");
    for test in &check.tests {
        let _ = writeln!(text, "  {} (finds {})", test.name, test.finds);
    }
    if !check.references.is_empty() {
        text.push_str("\nReferences:\n");
        for (name, ids) in &check.references {
            let _ = writeln!(text, "  {name}: {}", ids.join(", "));
        }
    }
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn test(what: &[String]) -> Result<ExitCode, CliError> {
    let mut catalogue = look::catalogue()?;
    let mut patterns = Vec::new();
    for item in what {
        if item.ends_with(".toml") {
            let text = std::fs::read_to_string(item).map_err(|e| {
                CliError::usage(format!("{item} cannot be read: {e}"), "Give the path of a check file.")
            })?;
            patterns.push(catalogue.add(item, &text)?.id.clone());
        } else {
            patterns.push(item.clone());
        }
    }
    let selection = Selection::new(&patterns, &[], &catalogue)
        .map_err(|what| CliError::usage(what, "See all of them with: cleanbill checks list"))?;
    let wanted: Vec<&Check> = catalogue.checks().filter(|c| selection.wants(c)).collect();
    let count = wanted.len();
    let (ran, failures) = checks::self_test(wanted)?;
    for failure in &failures {
        anstream::eprintln!("{failure}");
    }
    let checks = crate::words::count(count, "check", "checks");
    anstream::eprintln!("{checks}: {} passed, {} failed", ran - failures.len(), failures.len());
    Ok(ExitCode::from(u8::from(!failures.is_empty())))
}

fn new(id: &str, output: Option<PathBuf>) -> Result<ExitCode, CliError> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(CliError::usage(format!("`{id}` cannot be an id."), "Use only a-z, 0-9 and -, such as: my-check"));
    }
    let path = output.unwrap_or_else(|| PathBuf::from(format!("{id}.toml")));
    if path.exists() {
        return Err(CliError::usage(
            format!("{} is already there.", path.display()),
            "Give another place: --output FILE",
        ));
    }
    terminal::write_file(&path, TEMPLATE.replace("@ID@", id).as_bytes())?;
    anstream::eprintln!("Wrote {}. Try it with: cleanbill checks test {0}", path.display());
    anstream::eprintln!("When it passes, put it into {OVERRIDE_DIR}/ and it is asked from then on.");
    Ok(ExitCode::SUCCESS)
}

/// What a new check starts from: it passes its tests as it stands.
const TEMPLATE: &str = r#"id       = "@ID@"
title    = "A program that should not be here is installed"
group    = "services"
severity = "low"                # critical, high, medium, low or info
why      = "Say what could happen, in short sentences."
advice   = "Say what to do."
steps    = ["Run `apt-get remove telnetd`."]
minutes  = 5
good     = "No program is installed that should not be."
needs    = ["packages"]         # fact tables it asks: cleanbill facts list
query    = """
select name, version, source, line from packages
where status = 'installed' and name in ('telnetd', 'rsh-server')
"""
evidence = "{{ name }} {{ version }} is installed"

[references]
url = ["https://example.org/our-policy"]

[[test]]
name  = "telnet is installed"
given = { packages = [{ name = "telnetd", version = "1", status = "installed" }] }
finds = 1

[[test]]
name  = "removed, only its settings are left"
given = { packages = [{ name = "telnetd", version = "1", status = "config-files" }] }
finds = 0
"#;
