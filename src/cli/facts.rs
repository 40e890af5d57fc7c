//! `cleanbill facts`: which tables there are and what their columns mean.

use std::process::ExitCode;

use super::{
    error::CliError,
    listing::{self, ListFormat},
    terminal,
};
use crate::{facts::QueryResult, probes, words};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill facts list
  cleanbill facts show listening_ports")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List all fact tables
    List {
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Show one table: its columns with their meaning, and examples
    Show {
        /// Name of the table
        table: String,
        /// How to print it
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
}

pub(super) fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::List { format } => {
            let mut rows = Vec::new();
            for probe in probes::ALL.iter().chain([&probes::METRICS]) {
                for table in probe.tables {
                    let root = if table.offline { "yes" } else { "no" };
                    let about = first_sentence(table.about);
                    rows.push(vec![table.name.into(), probe.name.into(), root.into(), about.into()]);
                }
            }
            rows.sort_by(|a: &Vec<serde_json::Value>, b| {
                a.first().map(ToString::to_string).cmp(&b.first().map(ToString::to_string))
            });
            let columns = ["table", "probe", "root", "about"].map(str::to_owned).to_vec();
            listing::print(&QueryResult { columns, rows }, format)?;
        }
        Command::Show { table: name, format } => {
            let (table, probe) = probes::table(&name).ok_or_else(|| no_such_table(&name))?;
            if format != ListFormat::Table {
                if format == ListFormat::Json {
                    terminal::print(&(serde_json::to_string_pretty(table).unwrap_or_default() + "\n"))?;
                } else {
                    listing::print(&QueryResult::of(&["name", "type", "nullable", "about"], table.columns), format)?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            let mut text = format!("{}\n{}\n\n", table.name, table.about);
            let root = if table.offline { "works on --root" } else { "needs the running machine" };
            text.push_str(&format!("Filled by the probe {}, {root}.\n\n", probe.name));
            let width = table.columns.iter().map(|c| c.name.len()).max().unwrap_or(0);
            for column in table.columns {
                let null = if column.nullable { "null" } else { "" };
                text.push_str(&format!(
                    "  {:<width$}  {:<9}  {null:<4}  {}\n",
                    column.name,
                    column.ty.sql().to_lowercase(),
                    column.about
                ));
            }
            text.push_str("\nExamples:\n");
            for example in table.examples {
                text.push_str(&format!("  cleanbill query \"{example}\"\n"));
            }
            terminal::print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn first_sentence(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

fn no_such_table(name: &str) -> CliError {
    let near = words::nearest(name, probes::tables().map(|t| t.name));
    let hint = near.map_or_else(
        || "See all of them with: cleanbill facts list".to_owned(),
        |near| format!("Did you mean: {near}?"),
    );
    CliError::usage(format!("There is no fact table called `{name}`."), hint)
}
