//! `cleanbill trend`: how a machine went over time.

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};

use super::{
    Chart, StoreArgs, Writing,
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    analysis::{
        self,
        trend::{self, About, Figures, Since, metric},
    },
    config::Length,
    facts::QueryResult,
    metrics::Metric,
    probes, words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill trend                            the risk over all audits
  cleanbill trend problems --since 90d       open problems of the last 90 days
  cleanbill trend ssh-root-login             when this problem came and went
  cleanbill trend memory --since 24h         how much memory was in use
  cleanbill trend network --by network.interface.name --since 30d
  cleanbill trend score --format svg -o risk.svg
  cleanbill trend problems --format csv > problems.csv")]
pub(super) struct Args {
    /// `score`, `problems`, the id of a check, or a metric such as `memory` or `system.disk.io`
    #[arg(value_name = "score|problems|ID|METRIC", default_value = "score")]
    about: String,
    /// Only so many days (of a metric, also hours: 24h) until now, or from a day on
    #[arg(long, value_name = "30d|DATE")]
    since: Option<String>,
    /// Of a metric: put together what has the same label, such as system.device
    #[arg(long, value_name = "LABEL")]
    by: Option<String>,
    /// Of a metric: only where a label is this, such as system.device=sda
    #[arg(long = "where", value_name = "LABEL=VALUE", value_parser = label)]
    only: Vec<(String, String)>,
    #[command(flatten)]
    writing: Writing<Chart>,
    #[command(flatten)]
    store: StoreArgs,
}

fn since(text: &str) -> Result<Since, String> {
    match look::days_or_day(text) {
        Some(look::When::Days(days)) => Ok(Since::Days(days)),
        Some(look::When::Day(day)) => Ok(Since::Day(day)),
        None => Err("write days such as 30d, weeks such as 12w, or a day such as 2026-11-16".to_owned()),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let wrong = || "write it as in system.device=sda".to_owned();
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let format = args.writing.format(Chart::Text);
    let metric = metric::meant(&args.about);
    if args.writing.schema {
        terminal::print(&if metric.is_some() {
            analysis::schema::<metric::MetricTrend>()
        } else {
            analysis::schema::<trend::Trend>()
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(metric) = metric {
        return measured(args, metric);
    }
    let from = args.since.as_deref().map(since).transpose().map_err(|why| {
        CliError::usage(
            format!("`{}` is no time: {why}.", words::harmless(args.since.as_deref().unwrap_or_default())),
            "Try: --since 30d",
        )
    })?;
    let catalogue = look::catalogue()?;
    let store = args.store.store();
    let about = match args.about.as_str() {
        "score" => About::Score,
        "problems" => About::Problems,
        id => {
            // A check that is gone from the catalogue still has its past.
            if catalogue.get(id).is_none() && !store.asked()?.iter().any(|c| c == id) {
                return Err(unknown(id, &catalogue));
            }
            About::Check(id)
        }
    };
    let audit = store.audit(None)?;
    let trend = trend::trend(&store, &audit, about, from, &catalogue)?;
    let looks = match &trend.figures {
        Figures::Score(p) | Figures::Problems(p) => p.points.len(),
        Figures::Check(c) => c.looks.len(),
    };
    let text = match format {
        Chart::Text => trend::text(&trend, terminal::style()),
        Chart::Json => analysis::json(&trend),
        Chart::Csv => {
            let (columns, rows) = trend::csv_rows(&trend);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
        Chart::Svg => trend::svg(&trend).ok_or_else(|| {
            CliError::usage(
                match looks {
                    0 => "There is no look in that time, so there is nothing to draw.",
                    1 => "There is only one look in that time, so there is no line to draw.",
                    _ => "No problem was open in that time, so there is nothing to draw.",
                },
                if looks < 2 { "Make another look with: cleanbill audit" } else { "Try: cleanbill trend score" },
            )
        })?,
    };
    args.writing.deliver(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Without another wish, a metric is told for so long.
const USUAL: SignedDuration = SignedDuration::from_hours(7 * 24);

fn measured(args: &Args, metric: &'static Metric) -> Result<ExitCode, CliError> {
    let format = args.writing.format(Chart::Text);
    let now = Timestamp::now();
    let from = match &args.since {
        None => now.checked_sub(USUAL).unwrap_or(Timestamp::UNIX_EPOCH),
        Some(text) => moment(text, now).map_err(|why| CliError::usage(why, "Try: --since 24h, or --since 30d"))?,
    };
    if let Some(by) = args.by.as_deref().filter(|by| !metric.labels.contains(by)) {
        return Err(no_label(metric, by));
    }
    let host = look::host(None)?;
    let (id, name) = probes::machine::identity(&host);
    let points = match format {
        Chart::Text => 160,
        Chart::Svg => 360,
        Chart::Csv | Chart::Json => 2000,
    };
    let asked = metric::Asked {
        host: (&id, &name),
        metric,
        time: (from, now),
        by: args.by.as_deref(),
        only: &args.only,
        points,
    };
    let trend = metric::trend(&args.store.store(), &asked)?;
    if trend.lines.is_empty() && matches!(format, Chart::Text | Chart::Svg) {
        return Err(CliError::usage(
            trend.sentence,
            "Measure with: sudo cleanbill collect, or let the daemon do it: cleanbill config explain metrics",
        ));
    }
    let text = match format {
        Chart::Text => metric::text(&trend, terminal::style()),
        Chart::Json => analysis::json(&trend),
        Chart::Csv => {
            let (columns, rows) = metric::csv_rows(&trend);
            let columns = columns.into_iter().map(str::to_owned).collect();
            listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
        }
        Chart::Svg => metric::svg(&trend).ok_or_else(|| {
            CliError::usage(
                "There is only one value in that time, so there is no line to draw.",
                "Try a longer time: --since 30d",
            )
        })?,
    };
    args.writing.deliver(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// That a metric has no such label.
pub(super) fn no_label(metric: &Metric, label: &str) -> CliError {
    let hint = match metric.labels {
        [] => format!("{} is one line, so there is nothing to choose or put together", metric.name),
        labels => format!("It has: {}", labels.join(", ")),
    };
    CliError::usage(format!("{} has no label `{}`.", metric.name, words::harmless(label)), hint)
}

/// `24h`, `30d` or a day, as a moment.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let begins = jiff::tz::TimeZone::system().to_timestamp(day.at(0, 0, 0, 0));
        return begins.map_err(|e| e.to_string());
    }
    let back = Length::parse(text)?;
    Ok(now.checked_sub(back.signed()).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn unknown(id: &str, catalogue: &crate::checks::Catalogue) -> CliError {
    let known = catalogue
        .checks()
        .map(|c| c.id.as_str())
        .chain(["score", "problems"])
        .chain(metric::names().map(|name| -> &str { name }));
    let hint = match words::nearest(id, known) {
        Some(near) => format!("Did you mean: {near}?"),
        None => "Give score, problems, an id from: cleanbill checks list, or a metric from: cleanbill collect --list"
            .to_owned(),
    };
    CliError::usage(format!("No check and no metric is called `{}`.", words::harmless(id)), hint)
}
