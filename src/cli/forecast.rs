//! `cleanbill forecast`: what will run out, and what is likely next of a metric.

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Chart, StoreArgs, Writing,
    error::CliError,
    listing::{self, ListFormat},
    look, terminal,
};
use crate::{
    analysis::{
        self,
        outlook::{self, Outlook, Outlooks, metric::MetricOutlook},
        trend::metric,
    },
    config::Length,
    facts::QueryResult,
    metrics::Metric,
    probes, words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill forecast                         all that can run out, the worst first
  cleanbill forecast disk                    when each disk will be full
  cleanbill forecast disk --where system.filesystem.mountpoint=/var
  cleanbill forecast memory --limit 90%      when 90% of the memory will be in use
  cleanbill forecast load --ahead 2d         the next two days, hour by hour
  cleanbill forecast memory --format svg -o memory.svg
  cleanbill forecast --format json | jq '.outlooks[].says'

What comes is told from the days that were measured. Forecasts of that past are tried
first. Where they were no better than a plain guess, nothing is said.")]
pub(super) struct Args {
    /// A metric such as `memory` or `system.filesystem.utilization` [default: all that can run out]
    metric: Option<String>,
    /// Only where a label is this, such as system.device=sda
    #[arg(long = "where", value_name = "LABEL=VALUE", value_parser = super::trend::label, requires = "metric")]
    only: Vec<(String, String)>,
    /// Say when this value is reached, such as 90%, 8GB or 200ms
    #[arg(long, value_name = "VALUE", requires = "metric")]
    limit: Option<String>,
    /// How far to look ahead; up to 7d hour by hour [default: 30d]
    #[arg(long, value_name = "30d", requires = "metric")]
    ahead: Option<String>,
    #[command(flatten)]
    writing: Writing<Chart>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Without another wish, so far ahead is looked.
const USUAL: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Farther ahead nothing is said.
const FURTHEST: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How to begin to measure.
const MEASURE: &str = "Measure with: sudo cleanbill collect, or let the daemon do it: cleanbill config explain metrics";

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.writing.schema {
        let metric = args.metric.is_some();
        let schema = if metric { analysis::schema::<MetricOutlook>() } else { analysis::schema::<Outlooks>() };
        terminal::print(&schema)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match &args.metric {
        None => everything(args)?,
        Some(name) => one(args, metric::meant(name).ok_or_else(|| unknown(name))?)?,
    };
    args.writing.deliver(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn everything(args: &Args) -> Result<String, CliError> {
    let format = args.writing.format(Chart::Text);
    let (id, name) = probes::machine::identity(&look::host(None)?);
    let all = outlook::outlooks(&args.store.store(), &id, Timestamp::now(), &TimeZone::system())?;
    if all.is_empty() && format == Chart::Text {
        return Err(CliError::usage("Nothing that can run out was measured in the last days.", MEASURE));
    }
    match format {
        Chart::Text => Ok(outlook::text::list(&name, &all, terminal::style())),
        Chart::Json => Ok(analysis::json(&Outlooks::new(name, all))),
        Chart::Csv => Ok(sheet(outlook::csv(&all))),
        Chart::Svg => {
            Err(CliError::usage("A picture shows one metric.", "Try: cleanbill forecast memory --format svg"))
        }
    }
}

fn one(args: &Args, metric: &'static Metric) -> Result<String, CliError> {
    let format = args.writing.format(Chart::Text);
    if let Some((label, _)) = args.only.iter().find(|(label, _)| !metric.labels.contains(&label.as_str())) {
        return Err(super::trend::no_label(metric, label));
    }
    let ahead = args.ahead.as_deref().map(ahead).transpose()?.unwrap_or(USUAL);
    let limit = args.limit.as_deref().map(|text| limit(metric, text)).transpose()?;
    let (id, name) = probes::machine::identity(&look::host(None)?);
    let zone = TimeZone::system();
    let asked = outlook::metric::Asked {
        host: (&id, &name),
        metric,
        only: &args.only,
        limit,
        ahead,
        now: Timestamp::now(),
        zone: &zone,
    };
    let found = outlook::metric::metric(&args.store.store(), &asked)?;
    if found.series.is_empty() && matches!(format, Chart::Text | Chart::Svg) {
        return Err(CliError::usage(format!("Nothing of {} was measured in the last days.", metric.name), MEASURE));
    }
    match format {
        Chart::Text => Ok(outlook::text::metric(&found, terminal::style())),
        Chart::Json => Ok(analysis::json(&found)),
        Chart::Csv => Ok(sheet(outlook::points(&found))),
        Chart::Svg => match found.series.as_slice() {
            [one] => one.svg().ok_or_else(|| too_few(one)),
            all => Err(CliError::usage(
                format!("A picture shows one line, and {} has {}.", metric.name, all.len()),
                format!("Choose one: --where LABEL=VALUE, with {}", metric.labels.join(" or ")),
            )),
        },
    }
}

fn sheet((columns, rows): (Vec<&'static str>, Vec<Vec<serde_json::Value>>)) -> String {
    let columns = columns.into_iter().map(str::to_owned).collect();
    listing::text(&QueryResult { columns, rows }, ListFormat::Csv)
}

fn too_few(outlook: &Outlook) -> CliError {
    CliError::usage(format!("There is nothing to draw. {}", outlook.says), MEASURE)
}

fn ahead(text: &str) -> Result<SignedDuration, CliError> {
    let wrong = |why: String| CliError::usage(why, "Try: --ahead 30d, or --ahead 12h");
    let length = Length::parse(text).map_err(wrong)?.signed();
    if length > FURTHEST {
        return Err(wrong("Nobody can look further ahead than 365 days.".to_owned()));
    }
    if length < SignedDuration::from_hours(1) {
        return Err(wrong("What comes within an hour is not foretold.".to_owned()));
    }
    Ok(length)
}

fn limit(metric: &Metric, text: &str) -> Result<f64, CliError> {
    outlook::metric::value(metric, text).ok_or_else(|| {
        let example = match metric.unit.trim_end_matches("/s") {
            "1" => "90%",
            "By" => "8GB",
            "s" => "200ms",
            _ => "100",
        };
        let what = format!("`{}` is no value of {}.", words::harmless(text), metric.name);
        CliError::usage(what, format!("Try: --limit {example}"))
    })
}

fn unknown(name: &str) -> CliError {
    let hint = match words::nearest(name, metric::names()) {
        Some(near) => format!("Did you mean: {near}?"),
        None => "Give a metric from: cleanbill collect --list".to_owned(),
    };
    CliError::usage(format!("No metric is called `{}`.", words::harmless(name)), hint)
}
