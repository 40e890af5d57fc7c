//! `cleanbill` alone on a terminal: the audit, then a menu for people who do not like commands.

use std::{path::PathBuf, process::ExitCode};

use dialoguer::{Select, theme::ColorfulTheme};

use super::{
    StoreArgs,
    error::CliError,
    look::{self, Look},
    terminal,
};
use crate::{
    checks::Selection,
    report::{self, Format, Made},
    words::harmless,
};

pub(super) fn run(store: &StoreArgs) -> Result<ExitCode, CliError> {
    let catalogue = look::catalogue()?;
    let look = Look { root: None, selection: Selection::default(), store, keep: true };
    let seen = look::look(&catalogue, look)?;
    let style = terminal::style();
    terminal::print(&report::page(&seen.report, style, false))?;
    if let Some(error) = &seen.unstored {
        anstream::eprintln!("This audit could not be put into the history: {error}.\n{}", error.hint());
    }
    let report = &seen.report;
    loop {
        let mut items: Vec<String> = report
            .problems
            .iter()
            .take(5)
            .map(|p| format!("Tell me about: {}", console::truncate_str(&harmless(&p.title), 60, "…")))
            .collect();
        let problems = items.len();
        items.push("Fix what can be fixed: I choose, and see first what changes".to_owned());
        items.push("Show everything, also the small things".to_owned());
        items.push("Write the report as a page".to_owned());
        items.push("Leave".to_owned());
        println!();
        let choice = Select::with_theme(&ColorfulTheme::default())
            .with_prompt("What now? (arrow keys, enter; q leaves)")
            .items(&items)
            .default(items.len() - 1)
            .interact_opt();
        match choice {
            Ok(Some(n)) if n < problems => {
                if let Some(problem) = report.problems.get(n) {
                    terminal::print(&report::problem_page(problem, style))?;
                }
            }
            Ok(Some(n)) if n == problems => return super::fix::run(&super::fix::Args::chosen(store)),
            Ok(Some(n)) if n == problems + 1 => terminal::print(&report::page(report, style, true))?,
            Ok(Some(n)) if n == problems + 2 => {
                let page = terminal::told(report::html(report, &report::Options::default())?);
                let path = PathBuf::from(Made::One(Box::new(report.clone())).file_name(Format::Html));
                terminal::write_file(&path, page.as_bytes())?;
                println!("The report is in {}", path.display());
            }
            // Leave, q, Esc, or the terminal went away.
            _ => break,
        }
    }
    Ok(ExitCode::from(if seen.unstored.is_some() { 3 } else { 0 }))
}
