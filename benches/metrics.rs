//! What measuring costs, and what a year of it needs. Run by `benches/metrics.sh`, with one of these arguments:
//!   `sample`                           CPU of each sampler, and how many values it gives
//!   `fill RECORDING STORE DAYS`        a history of so many days, every ten seconds, made from a short recording; prints
//!                                      how many bytes of it are in use
//!   `text RECORDING DAYS FILE UNIT`    the same samples as text for Prometheus, with times in `s` or `ms`

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures and ends where something fails"
)]

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use cleanbill::{
    config,
    host::Host,
    metrics::{ALL, Collector, Sampler, Wanted, With},
    store::{Keep, Store},
};
use duckdb::Connection;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["sample"] => sample(),
        ["fill", recording, store, days] => fill(Path::new(recording), Path::new(store), days.parse().unwrap()),
        ["text", recording, days, file, unit] => {
            text(Path::new(recording), days.parse().unwrap(), Path::new(file), *unit == "ms");
        }
        _ => println!("benches/metrics.sh runs this"),
    }
}

/// How much CPU time each sampler is given.
const ENOUGH: f64 = 1.0;
const WAIT: Duration = Duration::from_secs(15);

fn sample() {
    println!("{:<14} {:>10} {:>8} {:>9}", "sampler", "us", "values", "every s");
    for sampler in ALL {
        let (cost, values) = cost(sampler);
        println!("{:<14} {:>10.1} {:>8} {:>9}", sampler.name, cost * 1e6, values, sampler.every.as_secs().max(10));
    }
}

/// CPU seconds of one call, and how many values it gives.
fn cost(sampler: &Sampler) -> (f64, usize) {
    let with = With::new(Host::live().unwrap(), config::Metrics::default());
    let mut collector = Collector::new(&with, &Wanted::Only(vec![sampler.name.to_owned()]));
    // A clock of ours: each call is due.
    let mut now = Duration::from_secs(1_000_000);
    let mut once = || {
        now += sampler.every.max(Duration::from_secs(10));
        collector.sample(now);
        collector.wait(WAIT).values().len()
    };
    once();
    let mut values = once();
    let (began, mut calls) = (cpu(), 0.0);
    while calls < 20.0 || (cpu() - began < ENOUGH && calls < 20_000.0) {
        values = values.max(once());
        calls += 1.0;
    }
    ((cpu() - began) / calls, values)
}

/// CPU seconds of this process, and of those that it started and that ended.
fn cpu() -> f64 {
    let own = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().skip(13).take(2).map(number).sum();
    own.as_secs_f64() + ticks / 100.0
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// Samples of one day are this far from each other.
const TICKS: i64 = 8640;
/// So many samples in a row are taken from the recording as they are.
const BLOCK: i64 = 30;
/// Series of which a history is made.
const SERIES: i64 = 200;
const DAY: i64 = 86_400;

fn keep() -> Keep {
    Keep::of(&config::Metrics::default())
}

/// Midnight of the day that is so many days ago.
fn midnight(ago: i64) -> i64 {
    (Timestamp::now().as_second().div_euclid(DAY) - ago) * DAY
}

/// Makes `points` (series, idx, value) of the series that were there all the time, beside the recording.
fn points(recording: &Path) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    let file = recording.display();
    let sql = format!(
        "attach '{file}' as rec (read_only);
         create table times as select ts, row_number() over (order by ts) - 1 as idx from
            (select distinct ts from rec.metric_fresh);
         create table whole as select series from rec.metric_fresh group by series
            having count(*) >= 0.95 * (select count(*) from times) order by series;
         create table chosen as
            with numbered as (select series, row_number() over (order by series) - 1 as n, count(*) over () as all_of_them
                              from whole)
            select series, series + copy * 100000 as number, copy from numbered, range(100) c(copy)
            where n + copy * all_of_them < {SERIES};
         create table series as select c.number as id, s.host, s.metric,
               case when copy = 0 then s.key else json_merge_patch(s.key::json, json_object('copy', copy))::varchar end as key
            from chosen c join rec.metric_series s on s.id = c.series;
         create table points as select c.number as series, t.idx, f.value
            from rec.metric_fresh f join times t using (ts) join chosen c on c.series = f.series;
         detach rec;"
    );
    connection.execute_batch(&sql).unwrap();
    connection
}

/// The samples of a day: parts of the recording, one after the other, in an order that differs each day.
fn of_day(start: i64) -> String {
    format!(
        "with ticks as (select range as tick,
                (hash({start} + range // {BLOCK}) % greatest(1, (select max(idx) from points) - {BLOCK}))::bigint
                    + range % {BLOCK} as idx from range({TICKS}))
         select p.series, make_timestamp(({start} + tick * 10) * 1000000) as ts, p.value from ticks join points p using (idx)"
    )
}

fn fill(recording: &Path, path: &Path, days: i64) {
    let store = Store::at(path);
    store.roll_up(Timestamp::from_second(midnight(days)).unwrap(), keep()).unwrap();
    let connection = points(recording);
    let file = path.display();
    let into = |sql: String| {
        let whole = format!("attach '{file}' as h; {sql}; detach h;");
        connection.execute_batch(&whole).unwrap();
    };
    into(
        "insert into h.metric_series select id, host, metric, key, key::json::map(varchar, varchar) from series"
            .to_owned(),
    );
    for ago in (1..=days).rev() {
        let start = midnight(ago);
        into(format!("insert into h.metric_fresh {} order by series, ts", of_day(start)));
        // A minute after midnight, as the daemon does it.
        let then = Timestamp::from_second(start + DAY + 60).unwrap();
        store.roll_up(then, keep()).unwrap();
    }
    let kept = store.kept_samples().unwrap();
    let taken: i64 =
        days * connection.query_row("select count(*) from points", [], |row| row.get::<_, i64>(0)).unwrap() * TICKS
            / connection.query_row("select count(*) from times", [], |row| row.get::<_, i64>(0)).unwrap();
    eprintln!(
        "{} series, about {taken} samples in {days} days; kept: {} samples, {} minutes, {} hours, {} days; the file has {} bytes",
        kept.series,
        kept.samples,
        kept.minutes,
        kept.hours,
        kept.days,
        fs::metadata(path).unwrap().len()
    );
    // What is not in use is filled before the file grows.
    let sql = "select used_blocks * block_size from pragma_database_size()";
    let used: i64 = Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    println!("{used}");
}

fn text(recording: &Path, days: i64, file: &Path, millis: bool) {
    let connection = points(recording);
    let mut names: BTreeMap<i64, (String, String)> = BTreeMap::new();
    let mut statement = connection.prepare("select id, metric, key from series").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let plain = |text: String| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let labels: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&row.get::<_, String>(2).unwrap()).unwrap();
        let labels: Vec<String> = labels
            .into_iter()
            .map(|(name, value)| {
                format!("{}={:?}", plain(name), value.as_str().map_or(value.to_string(), str::to_owned))
            })
            .collect();
        names.insert(row.get(0).unwrap(), (plain(row.get(1).unwrap()), labels.join(",")));
    }
    let parts: Vec<String> = (1..=days).rev().map(|ago| format!("({})", of_day(midnight(ago)))).collect();
    let sql = format!(
        "select a.series, epoch_ms(a.ts), a.value from ({}) a join series s on s.id = a.series order by s.metric, a.series, a.ts",
        parts.join(" union all ")
    );
    let mut out = BufWriter::new(File::create(file).unwrap());
    let mut statement = connection.prepare(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let (mut last, mut count) = (String::new(), 0_u64);
    while let Some(row) = rows.next().unwrap() {
        let (series, at, value): (i64, i64, f64) = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        let (name, labels) = &names[&series];
        if *name != last {
            writeln!(out, "# TYPE {name} gauge").unwrap();
            last.clone_from(name);
        }
        let at = if millis { at.to_string() } else { (at / 1000).to_string() };
        writeln!(out, "{name}{{{labels}}} {value} {at}").unwrap();
        count += 1;
    }
    writeln!(out, "# EOF").unwrap();
    out.flush().unwrap();
    println!("{count}");
}
