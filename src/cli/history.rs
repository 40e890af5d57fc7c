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
    store::{FixRun, RunState, StepState, StoreError},
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
    for (n, run) in runs.iter().enumerate() {
        let place = if run.root == "/" { String::new() } else { format!(" in {}", harmless(&run.root)) };
        let risk = run.risk_after.map_or_else(String::new, |after| {
            format!("; risk {} to {}", words::whole(run.risk_before), words::whole(after))
        });
        let when = run.started.strftime("%-d %B %Y, %H:%M UTC");
        let gap = if n == 0 { "" } else { "\n" };
        text.push_str(&format!(
            "{gap}Run {}  {when}, by {}{place}: {}{risk}\n",
            run.id,
            harmless(&run.who),
            state(run)
        ));
        for step in &run.steps {
            text.push_str(&format!("   {}: {}\n", harmless(&step.title), told::outcome(step)));
        }
        if let Some(until) = run.confirm_until.filter(|_| run.state == RunState::Done) {
            let until = until.strftime("%H:%M:%S UTC");
            text.push_str(&format!("   It is taken back at {until} unless you type: cleanbill fix confirm\n"));
        }
    }
    text
}

/// How a run stands, in a few words.
fn state(run: &FixRun) -> &'static str {
    let stands = run.steps.iter().any(|s| s.state.stands());
    match run.state {
        RunState::Running => "under way, or cut off; then the next fix, undo or audit takes it back",
        RunState::Done if run.steps.iter().any(|s| s.state == StepState::Undoing) => "not wholly taken back yet",
        RunState::Done if stands => "done",
        RunState::Done => "nothing was changed",
        RunState::RolledBack => "cut off and taken back",
        RunState::Undone => "taken back",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixes::{Found, Recovered},
        store::FixStep,
    };

    fn run(id: i64, state: RunState, steps: &[(&str, StepState, Option<&str>)]) -> FixRun {
        let step = |(n, (title, state, why)): (i64, &(&str, StepState, Option<&str>))| FixStep {
            n,
            check: "ssh-root-login".to_owned(),
            title: (*title).to_owned(),
            state: *state,
            why: why.map(str::to_owned),
        };
        FixRun {
            id,
            host: String::new(),
            hostname: "web01".to_owned(),
            root: "/".to_owned(),
            started: "2026-01-15T12:00:00Z".parse().unwrap(),
            ended: None,
            state,
            who: "ann".to_owned(),
            version: String::new(),
            folder: String::new(),
            confirm_until: None,
            risk_before: 31.4,
            risk_after: None,
            steps: (1..).zip(steps).map(step).collect(),
        }
    }

    #[test]
    fn what_was_done_reads_well() {
        let login = "Turn off root login over SSH";
        let close = "Close the file";
        let failed = "sshd failed (exit status: 255): bad option. All of it was taken back.";
        let runs = [
            FixRun {
                confirm_until: Some("2026-01-15T12:05:00Z".parse().unwrap()),
                risk_after: Some(12.2),
                ..run(
                    6,
                    RunState::Done,
                    &[
                        (login, StepState::Fixed, None),
                        (close, StepState::StillOpen, Some("It is still seen: /etc/shadow.")),
                    ],
                )
            },
            run(5, RunState::Running, &[(login, StepState::Planned, None)]),
            run(4, RunState::Done, &[(login, StepState::Failed, Some(failed))]),
            run(
                3,
                RunState::RolledBack,
                &[(login, StepState::Failed, Some("The run was cut off, and all of it was taken back."))],
            ),
            FixRun { root: "/mnt/image".to_owned(), ..run(2, RunState::Undone, &[(login, StepState::Undone, None)]) },
            run(
                1,
                RunState::Done,
                &[
                    (login, StepState::Undoing, None),
                    (close, StepState::Unproven, None),
                    ("Add a firewall", StepState::Refused, Some("There is no nft.")),
                ],
            ),
        ];
        insta::assert_snapshot!(page(&runs));
        assert_eq!(page(&[]), "Nothing was fixed by cleanbill yet.\n");
    }

    #[test]
    fn what_was_found_half_done_reads_well() {
        let found = |what, left: Option<&str>, open| Recovered {
            run: 3,
            started: "2026-01-15T12:00:00Z".parse().unwrap(),
            what,
            left: left.map(str::to_owned),
            open,
            kept: Vec::new(),
        };
        let full = Some("the disk is full: /etc/a could not be written");
        let kept = vec![std::path::PathBuf::from("/var/lib/cleanbill/cleanbill.duckdb.fixes/run-1/newer-1-a")];
        let told: Vec<String> = [
            found(Found::CutOff, None, false),
            found(Found::UndoCutOff, None, false),
            found(Found::Expired, None, false),
            found(Found::CutOff, full, true),
            found(Found::UndoCutOff, Some("/etc/a changed in the meantime"), false),
            Recovered { kept, ..found(Found::CutOff, None, false) },
        ]
        .iter()
        .map(told::recovered)
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
