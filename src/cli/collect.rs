//! `cleanbill collect`: measures how the machine feels, in the foreground or once.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    StoreArgs,
    error::CliError,
    listing::{self, ListFormat},
    settings,
};
use crate::{
    config::{self, Length},
    facts::QueryResult,
    host::Host,
    metrics::{self, Collector, Service, Setup, TakeIn, Values, Wanted, With, said, since_start},
    schedule::{Here, Lock, MEASURES},
    store::{Keep, Store},
    words::{self, harmless},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill collect --once                     all values as they are now
  cleanbill collect --once --only cpu,disk     only some
  cleanbill collect --list                     what can be measured, and what it means
  sudo cleanbill collect --every 1s --for 10m  closely for a while, into the history
  cleanbill collect --prometheus 127.0.0.1:9469

By itself it measures when [metrics] in cleanbill.toml says so: cleanbill config explain metrics")]
pub(super) struct Args {
    /// How often [default: as the settings say, else 10s]
    #[arg(long, value_name = "TIME", value_parser = Length::parse)]
    every: Option<Length>,
    /// Show all values as they are now, and end
    #[arg(long, conflicts_with_all = ["every", "for", "prometheus"])]
    once: bool,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = Length::parse)]
    r#for: Option<Length>,
    /// Only these, such as cpu,disk
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Where the last values stand for Prometheus: a file that ends in .prom, or an address such as 127.0.0.1:9469
    #[arg(long, value_name = "FILE|ADDR")]
    prometheus: Option<String>,
    /// List what can be measured, and end
    #[arg(long, conflicts_with_all = ["every", "for", "prometheus", "once"])]
    list: bool,
    /// How to print values and lists
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,
    /// Put what waits into the history, and end
    #[arg(long, hide = true)]
    take_in: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// How long a first value takes where it says how fast something grows.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long what has to wait for something may take, where all is wanted at once.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.list {
        return list(args.format);
    }
    if args.take_in {
        return take_in_once(&args.store.store(), &settings::config().metrics);
    }
    let mut wanted = settings::config().metrics.clone();
    if let Some(every) = &args.every {
        wanted.every = every.clone();
    }
    if !args.only.is_empty() {
        wanted.only.clone_from(&args.only);
    }
    if args.prometheus.is_some() {
        wanted.prometheus.clone_from(&args.prometheus);
    }
    let only = wanted_samplers(&wanted.only)?;
    let host = Host::live().map_err(|e| CliError::usage(e.to_string(), "Run it on a Linux machine"))?;
    let with = With::new(host, wanted);
    if args.once { once(&with, &only, args.format) } else { keep_on(args, with, only) }
}

/// The samplers that are wanted; a name that is none is told.
fn wanted_samplers(names: &[String]) -> Result<Wanted, CliError> {
    if names.is_empty() {
        return Ok(Wanted::All);
    }
    for name in names {
        if !metrics::ALL.iter().any(|sampler| sampler.name == name) {
            let hint = match words::nearest(name, metrics::ALL.iter().map(|sampler| sampler.name)) {
                Some(near) => format!("Did you mean: {near}?"),
                None => "See what there is with: cleanbill collect --list".to_owned(),
            };
            return Err(CliError::usage(format!("Nothing that can be measured is called `{}`.", harmless(name)), hint));
        }
    }
    Ok(Wanted::Only(names.to_vec()))
}

fn list(format: ListFormat) -> Result<ExitCode, CliError> {
    let columns = ["sampler", "metric", "unit", "by", "tells"].map(str::to_owned).to_vec();
    let row = |sampler: &str, metric: &metrics::Metric| -> Vec<serde_json::Value> {
        let by = metric.labels.join(", ");
        [sampler, metric.name, metric.unit, &by, metric.about].map(Into::into).to_vec()
    };
    let rows = metrics::ALL.iter().flat_map(|s| s.metrics.iter().map(|m| row(s.name, m))).collect();
    listing::print(&QueryResult { columns, rows }, format)?;
    Ok(ExitCode::SUCCESS)
}

fn once(with: &With, wanted: &Wanted, format: ListFormat) -> Result<ExitCode, CliError> {
    let mut collector = Collector::new(with, wanted);
    collector.sample(since_start());
    collector.wait(PATIENCE);
    std::thread::sleep(BETWEEN);
    let mut seen = Seen::default();
    seen.take(collector.values());
    seen.take(collector.sample(since_start()));
    let columns = ["metric", "labels", "value", "unit"].map(str::to_owned).to_vec();
    listing::print(&QueryResult { columns, rows: seen.rows(format) }, format)?;
    // What this machine does not have is of interest only to who asked for it.
    let absent = collector.absent().filter(|_| *wanted != Wanted::All);
    for (name, gap) in collector.gaps().chain(absent) {
        anstream::eprintln!("I could not see {} ({name}): {}.", harmless(&gap.what), harmless(&gap.why()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The last value of each series.
#[derive(Default)]
struct Seen(std::collections::BTreeMap<(&'static str, String), (&'static metrics::Metric, f64)>);

impl Seen {
    fn take(&mut self, values: &Values) {
        for value in values.values() {
            let (Some(number), Some(series)) = (value.value, values.series(value.series)) else { continue };
            let labels = series.metric.labels.iter().zip(&series.labels);
            let labels: Vec<String> = labels.map(|(name, text)| format!("{name}={text}")).collect();
            self.0.insert((series.metric.name, labels.join(" ")), (series.metric, number));
        }
    }

    fn rows(self, format: ListFormat) -> Vec<Vec<serde_json::Value>> {
        let row = |((name, labels), (metric, value)): ((&str, String), (&metrics::Metric, f64))| {
            let told = if format == ListFormat::Table { said::value(metric, value).into() } else { value.into() };
            vec![name.into(), labels.into(), told, metric.unit.into()]
        };
        self.0.into_iter().map(row).collect()
    }
}

fn keep_on(args: &Args, with: With, wanted: Wanted) -> Result<ExitCode, CliError> {
    let here = Here::new(settings::get().clone(), args.store.db.as_deref());
    let Some(mut lock) = Lock::take(here.folder()?, MEASURES)? else {
        let holder = Lock::holder(here.place(), MEASURES).unwrap_or_default();
        return Err(CliError::usage(
            format!("This machine is measured already, by process {}.", harmless(holder.trim())),
            "See how it goes with: cleanbill status",
        ));
    };
    lock.note(&std::process::id().to_string());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        let hear = signal_hook::flag::register(signal, Arc::clone(&stop));
        hear.map_err(|e| CliError::usage(format!("signals cannot be heard: {e}"), "Try again"))?;
    }
    let every = with.settings.every.clone();
    let setup = Setup {
        take_in: taking(here.store.clone(), with.settings.clone()),
        with,
        wanted,
        host: here.id.clone(),
        spool: here.store.spool(),
    };
    let mut service = Service::start(setup).map_err(|e| {
        CliError::usage(
            format!("nothing can be measured: {e}"),
            "Run it with sudo, or give another history with --db FILE",
        )
    })?;
    anstream::eprintln!("Measuring every {every}, into {}. Ctrl-C ends it.", here.store.path().display());
    let end = args.r#for.as_ref().map(|length| Instant::now() + length.duration());
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| Instant::now() < end) {
        std::thread::sleep(Duration::from_millis(50));
        service.progress();
    }
    let done = service.stop();
    let samples = words::count(usize::try_from(done.samples).unwrap_or(usize::MAX), "sample", "samples");
    anstream::eprintln!("Took {samples}; the last one has {}.", words::count(done.values, "value", "values"));
    for (name, gap) in &done.gaps {
        anstream::eprintln!("I could not see {} ({name}): {}.", harmless(&gap.what), harmless(&gap.why()));
    }
    let wrong = [done.recorder.spool, done.recorder.history].into_iter().flatten();
    let mut failed = false;
    for why in wrong {
        failed = true;
        anstream::eprintln!("{}", harmless(&words::sentence(&why)));
    }
    Ok(ExitCode::from(if failed { 3 } else { 0 }))
}

/// What puts samples into the history, in this process.
fn taking(store: Store, settings: config::Metrics) -> TakeIn {
    Box::new(move || take_in(&store, &settings).map_err(|e| e.to_string()))
}

/// Puts them in; how many there were.
fn take_in(store: &Store, settings: &config::Metrics) -> Result<usize, crate::store::StoreError> {
    let taken = store.take_samples(&store.spool())?;
    if taken.day_over {
        store.roll_up(jiff::Timestamp::now(), Keep::of(settings))?;
    }
    Ok(taken.samples)
}

/// The same for the daemon, which reads the number.
fn take_in_once(store: &Store, settings: &config::Metrics) -> Result<ExitCode, CliError> {
    anstream::println!("{}", take_in(store, settings)?);
    Ok(ExitCode::SUCCESS)
}
