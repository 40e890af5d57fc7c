//! `cleanbill history`: which fixes were done, when, by whom, and what became of them.

use std::process::ExitCode;

use super::{
    StoreArgs,
    error::CliError,
    fix::told,
    listing::{self, ListFormat},
    terminal,
};
use crate::{
    facts::QueryResult,
    store::{FixRun, RunState, StoreError},
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill history                  all runs of fixes
  cleanbill history --format json    for programs")]
pub(super) struct Args {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let runs = match args.store.store().fix_runs(None) {
        Err(StoreError::Missing(_)) => Vec::new(),
        runs => runs?,
    };
    let text = match args.format {
        ListFormat::Table => page(&runs),
        ListFormat::Json => serde_json::to_string_pretty(&runs).unwrap_or_default() + "\n",
        format => {
            let columns = ["run", "started", "root", "who", "state", "check", "fix", "result", "why"];
            let row = |run: &FixRun| {
                let run = run.clone();
                run.steps.clone().into_iter().map(move |s| {
                    vec![
                        run.id.into(),
                        run.started.to_string().into(),
                        run.root.clone().into(),
                        run.who.clone().into(),
                        run.state.name().into(),
                        s.check.into(),
                        s.title.into(),
                        s.state.name().into(),
                        s.why.into(),
                    ]
                })
            };
            let rows = runs.iter().flat_map(row).collect();
            listing::text(&QueryResult { columns: columns.map(str::to_owned).to_vec(), rows }, format)
        }
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn page(runs: &[FixRun]) -> String {
    if runs.is_empty() {
        return "Nothing was fixed by cleanbill yet.\n".to_owned();
    }
    let mut text = String::new();
    for run in runs {
        let state = match run.state {
            RunState::Running => "cut off, or under way",
            RunState::Done => "done",
            RunState::RolledBack => "cut off and taken back",
            RunState::Undone => "taken back",
        };
        let place = if run.root == "/" { String::new() } else { format!(" in {}", harmless(&run.root)) };
        let risk = run.risk_after.map_or_else(String::new, |after| {
            format!("; risk {} to {}", words::whole(run.risk_before), words::whole(after))
        });
        let when = run.started.strftime("%-d %B %Y, %H:%M UTC");
        text.push_str(&format!("Run {}  {when}, by {}{place}: {state}{risk}\n", run.id, harmless(&run.who)));
        for step in &run.steps {
            text.push_str(&format!("   {}: {}\n", harmless(&step.title), told::outcome(step)));
        }
    }
    text
}
