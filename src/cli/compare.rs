//! `cleanbill compare`: two audits side by side.

use std::process::ExitCode;

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    StoreArgs, Writing,
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    analysis::{
        self,
        compare::{self, PickError},
        periods::{self, Period},
    },
    config::Length,
    facts::QueryResult,
    probes,
    store::Moment,
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill compare                 the last two audits of this machine
  cleanbill compare 30d             the last one with the one 30 days before it
  cleanbill compare 2026-11-16      the last one with that day's
  cleanbill compare 11 14 --all     audits 11 and 14, nothing cut
  cleanbill compare previous last --format md > changes.md
  cleanbill compare last-week this-week     how the machine felt: what is measured, in two times
  cleanbill compare yesterday               the same, with the day before
  cleanbill compare --around update         the same before and after the last updates

An audit is named by its number (see: cleanbill audits), as last or previous, by days such as 30d,
or by a day such as 2026-11-16. Audits of two machines may be compared, too.
A time is today, yesterday, this-week, last-week, this-month, last-month, or 2026-11-01..2026-11-07.")]
pub(super) struct Args {
    /// One audit [default: the one before the last], or a time
    #[arg(value_name = "A", value_parser = side)]
    one: Option<Side>,
    /// The other [default: the last of the same machine], or a time
    #[arg(value_name = "B", value_parser = side)]
    other: Option<Side>,
    /// Compare the times before and after a moment: update, fix, fix:12, or a day such as 2026-11-16
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["one", "other"])]
    around: Option<String>,
    /// How long the times around it are at most
    #[arg(long, value_name = "TIME", value_parser = Length::parse, default_value = "7d", requires = "around")]
    span: Length,
    /// Cut no list, and tell problems that stayed and facts without words
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    writing: Writing<Format>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page of text.
    Text,
    /// Everything, for programs.
    Json,
    /// Markdown, for a ticket.
    Md,
    /// One line a change.
    Csv,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
enum Side {
    /// An audit.
    Audit(Moment),
    /// A time.
    Time(Period),
}

fn side(text: &str) -> Result<Side, String> {
    match Period::parse(text, Timestamp::now(), &TimeZone::system()) {
        Some(period) => Ok(Side::Time(period)),
        None => look::moment(text).map(Side::Audit).map_err(|why| format!("{why}; or a time such as last-week")),
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let format = args.writing.format(Format::Text);
    let (one, other) = match (&args.one, &args.other) {
        (Some(Side::Time(before)), Some(Side::Time(after))) => return times(args, before, after),
        (Some(Side::Time(time)), None) => {
            let before = time.before(Timestamp::now(), &TimeZone::system());
            let before = before.ok_or_else(|| CliError::usage("There is no time before that.", "Name a later one"))?;
            return times(args, &before, time);
        }
        (Some(Side::Time(_)), _) | (_, Some(Side::Time(_))) => {
            return Err(CliError::usage(
                "A time is compared with another time.",
                "Try: cleanbill compare last-week this-week",
            ));
        }
        (one, other) => (one.as_ref().and_then(Side::audit), other.as_ref().and_then(Side::audit)),
    };
    if let Some(event) = &args.around {
        let (before, after) = around(args, event)?;
        return times(args, &before, &after);
    }
    if args.writing.schema {
        terminal::print(&analysis::schema::<compare::Comparison>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let catalogue = look::catalogue()?;
    let store = args.store.store();
    let picked = compare::pick(&store, one, other).map_err(explain)?;
    let comparison = compare::compare(&store, picked, &catalogue)?;
    let text = match format {
        Format::Text => compare::text(&comparison, terminal::style(), args.all),
        Format::Json => analysis::json(&comparison),
        Format::Md => compare::markdown(&comparison, args.all),
        Format::Csv => {
            let (columns, rows) = compare::csv_rows(&comparison, args.all);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
    };
    args.writing.deliver(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Side {
    fn audit(&self) -> Option<Moment> {
        match self {
            Side::Audit(moment) => Some(*moment),
            Side::Time(_) => None,
        }
    }
}

fn around(args: &Args, event: &str) -> Result<(Period, Period), CliError> {
    let zone = TimeZone::system();
    let (name, moment) = periods::event(&args.store.store(), event, &zone)?.ok_or_else(|| {
        CliError::usage(
            format!("No moment is called `{}` here.", words::harmless(event)),
            "Give update, fix, fix:12, or a day such as 2026-11-16",
        )
    })?;
    Period::around(&name, moment, Timestamp::now(), args.span.signed())
        .ok_or_else(|| CliError::usage("That moment is still to come.", "Give one that is over"))
}

/// Compares what was measured in two times.
fn times(args: &Args, before: &Period, after: &Period) -> Result<ExitCode, CliError> {
    let format = args.writing.format(Format::Text);
    if args.writing.schema {
        terminal::print(&analysis::schema::<periods::Comparison>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let (id, name) = probes::machine::identity(&look::host(None)?);
    let comparison = periods::compare(&args.store.store(), (&id, &name), before, after)?;
    let text = match format {
        Format::Text => periods::text(&comparison, terminal::style(), args.all, &TimeZone::system()),
        Format::Json => analysis::json(&comparison),
        Format::Md => periods::markdown(&comparison, args.all),
        Format::Csv => {
            let (columns, rows) = periods::csv_rows(&comparison, args.all);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
    };
    args.writing.deliver(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn explain(error: PickError) -> CliError {
    let said = error.to_string();
    match error {
        PickError::Store(error) => error.into(),
        PickError::Same(_) => CliError::usage(said, "See which there are with: cleanbill audits"),
        PickError::Alone(_) => CliError::usage(said, "Make another with: cleanbill audit"),
    }
}
