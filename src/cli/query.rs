//! `cleanbill query`: SQL over the facts.

use std::{path::PathBuf, process::ExitCode};

use jiff::tz::TimeZone;

use super::{
    StoreArgs,
    error::CliError,
    listing::{self, ListFormat},
    look,
};
use crate::{
    analysis::outlook,
    facts::{FactDb, Table},
    host::Host,
    metrics::tables::FORECASTS,
    probes::{self, Probe},
    store::{Metrics, StoreError},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill query \"select name, port, process from listening_ports where reach = 'any'\"
  cleanbill query --audit 12 --format csv \"select name, version from packages\"
  cleanbill query --root /mnt/image \"select * from users where uid = 0\"

Only the fact tables can be read: no files, no network, no settings.")]
pub(super) struct Args {
    /// A SELECT over the fact tables
    sql: String,
    /// Ask the facts of a past audit
    #[arg(long, value_name = "ID", conflicts_with = "root")]
    audit: Option<i64>,
    /// Look at a mounted image or container tree instead of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let db = match args.audit {
        Some(id) => args.store.store().facts(id)?,
        None => {
            let host = look::host(args.root.as_ref())?;
            let facts = probes::run(&needed(&args.sql), &host, |_| {});
            for gap in facts.gaps() {
                let what = format!("I could not see {} ({}).", gap.what, gap.source);
                anstream::eprintln!("{}", words::harmless(&what));
            }
            let db = FactDb::filled(probes::tables(), &facts, host.now())?;
            if host.is_live() && names_table_of(&args.sql, &probes::METRICS, |_| true) {
                match measured(args, &host, &db) {
                    // Without a history nothing was measured: that is an answer.
                    Err(error @ (StoreError::Missing(_) | StoreError::Lost(_))) => {
                        anstream::eprintln!("Nothing was measured: {}", words::harmless(&error.to_string()));
                    }
                    done => done?,
                }
            }
            db.seal()?;
            db
        }
    };
    listing::print(&db.select(&args.sql, &[]).map_err(|error| explain(error, &args.sql))?, args.format)?;
    Ok(ExitCode::SUCCESS)
}

/// Fills the tables of metrics that the query names.
fn measured(args: &Args, host: &Host, db: &FactDb) -> Result<(), StoreError> {
    let id = probes::machine::identity(host).0;
    let store = args.store.store();
    let names = |wanted: fn(&Table) -> bool| names_table_of(&args.sql, &probes::METRICS, wanted);
    if names(|table| table.name != FORECASTS.name) {
        store.load_samples(db, &id, &Metrics::All)?;
    }
    if names(|table| table.name == FORECASTS.name) {
        outlook::fill(db, &outlook::outlooks(&store, &id, host.now(), &TimeZone::system())?)?;
    }
    Ok(())
}

/// The probes whose tables the query names, so that a small question is answered at once.
fn needed(sql: &str) -> Vec<Probe> {
    probes::ALL.iter().filter(|probe| names_table_of(sql, probe, |_| true)).copied().collect()
}

/// Whether it names a table of the probe that is wanted.
fn names_table_of(sql: &str, probe: &Probe, wanted: impl Fn(&Table) -> bool) -> bool {
    let mut words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| probe.tables.iter().any(|table| wanted(table) && word.eq_ignore_ascii_case(table.name)))
}

/// Names the nearest table when one is misspelt.
fn explain(error: crate::facts::QueryError, sql: &str) -> CliError {
    let text = error.to_string();
    let missing = text.split("Table with name ").nth(1).and_then(|t| t.split_whitespace().next());
    if let Some(near) = missing.and_then(|m| words::nearest(m, probes::tables().map(|t| t.name))) {
        return CliError::usage(text.lines().next().unwrap_or(sql), format!("Did you mean: {near}?"));
    }
    error.into()
}
