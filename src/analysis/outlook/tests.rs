//! What will run out on machines whose past is made up.

#![allow(clippy::cast_precision_loss, reason = "days")]

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Kind, Outlook, State, csv, fill,
    metric::{self, Asked, MetricOutlook, metric},
    outlooks, points, text,
};
use crate::{
    facts::FactDb,
    metrics::{
        spool::{Frame, Writer},
        tables,
    },
    report::Style,
    store::Store,
};

const DAY: i64 = 86_400;
/// Midnight of 1 January 2026, UTC.
const START: i64 = 1_767_225_600;
/// The day on which the past of the tests ends, at 18:00.
const TODAY: u32 = 90;

/// What was measured of a series at a moment, in days since the start; nothing where it was not.
type Value = Box<dyn Fn(f64) -> Option<f64>>;

/// A series of a made-up machine.
struct Made {
    metric: &'static str,
    labels: String,
    value: Value,
}

fn made(metric: &'static str, labels: &str, value: impl Fn(f64) -> Option<f64> + 'static) -> Made {
    Made { metric, labels: labels.to_owned(), value: Box::new(value) }
}

fn disk(path: &str, value: impl Fn(f64) -> Option<f64> + 'static) -> Made {
    let path = serde_json::Value::from(path);
    made(
        "system.filesystem.utilization",
        &format!(r#"{{"system.device":"/dev/sda1","system.filesystem.mountpoint":{path}}}"#),
        value,
    )
}

/// Noise that is the same in each run, from -1 to 1.
fn noise(n: f64) -> f64 {
    let wild = (n * 12.9898).sin() * 43_758.545_3;
    2.0 * (wild - wild.floor()) - 1.0
}

fn at(day: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation)]
    Timestamp::from_second(START + (day * DAY as f64) as i64).unwrap()
}

fn now() -> Timestamp {
    at(f64::from(TODAY) + 0.75)
}

/// A history in which they were measured every six hours until today, 18:00.
fn store(folder: &Path, all: &[Made]) -> Store {
    let store = Store::at(folder.join("h.duckdb"));
    let mut writer = Writer::new(&store.spool()).unwrap();
    for step in 0..=4 * TODAY + 3 {
        let day = f64::from(step) / 4.0;
        let (mut host, mut series) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some("h1".to_owned());
            series = (0..).zip(all).map(|(n, m)| (n, m.metric.to_owned(), m.labels.clone())).collect();
        }
        let values = (0..).zip(all).filter_map(|(n, made)| Some((n, (made.value)(day)?))).collect();
        writer.add(&Frame { at: at(day).as_microsecond(), host, series, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    store
}

fn told(all: &[Made]) -> Vec<Outlook> {
    let folder = tempfile::tempdir().unwrap();
    outlooks(&store(folder.path(), all), "h1", now(), &TimeZone::UTC).unwrap()
}

fn one(made: Made) -> Outlook {
    told(&[made]).pop().unwrap()
}

/// A machine with all that can run out, and things that cannot.
fn machine() -> Vec<Made> {
    let program = |name: &str, value: fn(f64) -> Option<f64>| {
        made("process.memory.usage", &format!(r#"{{"process.executable.name":"{name}"}}"#), value)
    };
    let target = |name: &str, value: fn(f64) -> Option<f64>| {
        made("tls.certificate.days_left", &format!(r#"{{"target":"{name}"}}"#), value)
    };
    vec![
        // Full on day 100.
        disk("/var", |d| Some(0.1 + 0.009 * d + 0.002 * noise(d))),
        disk("/", |_| Some(0.42)),
        disk("/home", |d| Some(0.5 + 0.05 * noise(d))),
        // A month in which 6 percent come each day and go at its end.
        disk("/log", |d| Some(0.3 + 0.06 * (d % 10.0))),
        disk("/new", |d| (d >= 85.0).then_some(0.02 * d - 1.6)),
        disk("/clean", |d| Some(if d < 60.0 { 0.2 + 0.012 * d } else { 0.3 + 0.0001 * noise(d) })),
        disk("/gone", |d| (d < 70.0).then_some(0.01 * d)),
        disk("/full", |d| Some((0.012 * d).min(1.0))),
        disk("/e\u{1b}[31mvil'", |_| Some(0.1)),
        made(
            "system.filesystem.inodes.utilization",
            r#"{"system.device":"/dev/sda1","system.filesystem.mountpoint":"/mail"}"#,
            |d| Some(0.005 * d + 0.001 * noise(d)),
        ),
        made("system.memory.utilization", "{}", |d| Some(0.3 + 0.005 * d + 0.01 * noise(d))),
        made("system.memory.linux.available", "{}", |d| Some(8e9 * (0.7 - 0.005 * d - 0.01 * noise(d)))),
        made("system.paging.utilization", "{}", |_| Some(0.0)),
        program("leaky", |d| Some(1e8 + 4e7 * d + 1e6 * noise(d))),
        program("calm", |d| Some(5e8 + 1e7 * noise(d))),
        program("small", |_| Some(1e6)),
        target("shop", |d| Some(100.0 - d)),
        target("renewed", |d| Some(if d < 60.0 { 90.0 - d } else { 150.0 - d })),
        target("late", |d| Some(if d < 30.0 { 60.0 - d } else { 105.0 - d })),
        target("ended", |d| Some(80.0 - d)),
    ]
}

#[test]
fn all_that_can_run_out_is_told_the_worst_first() {
    let mut text = String::new();
    for outlook in told(&machine()) {
        let days = outlook.days_left.map_or("-".to_owned(), |days| format!("{days:.1}"));
        let _ = writeln!(text, "{:11} {:8} {days:>5}  {}", outlook.kind.name(), outlook.state.name(), outlook.says);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_words_are_easy() {
    let all: Vec<String> = told(&machine()).into_iter().map(|outlook| outlook.says).collect();
    let grade = crate::checks::reading_grade(&all.join(" "));
    assert!(grade <= 8.0, "grade {grade:.1}");
}

#[test]
fn the_day_lies_within_what_is_said_of_it() {
    let told = one(disk("/var", |d| Some(0.1 + 0.009 * d + 0.002 * noise(d))));
    let full = at(100.0);
    assert_eq!((told.kind, &told.state), (Kind::Disk, &State::Foretold));
    assert!(told.earliest.unwrap() <= full && full <= told.latest.unwrap(), "{}", told.says);
    assert!((told.days_left.unwrap() - 9.25).abs() < 1.5, "{:?}", told.days_left);
    assert!((told.now - 0.91).abs() < 0.01 && told.limit == Some(1.0));
    // The chart goes on where the past ends, and beyond the limit.
    let (last, first) = (told.history.last().unwrap(), told.forecast.first().unwrap());
    assert!((last.value - first.value).abs() < 0.02 && last.at < first.at);
    assert!(told.forecast.last().unwrap().value >= 1.0);
    assert!(told.forecast.iter().all(|a| a.low <= a.value && a.value <= a.high));
    assert_eq!(told.trust.unwrap().days, told.history.len());
}

#[test]
fn old_growth_and_a_rhythm_foretell_nothing() {
    let cleaned = one(disk("/", |d| Some(if d < 60.0 { 0.2 + 0.012 * d } else { 0.3 })));
    assert!(!cleaned.is_foretold(), "{}", cleaned.says);
    let rotated = one(disk("/", |d| Some(0.3 + 0.09 * (d % 7.0))));
    assert!(!rotated.is_foretold(), "{}", rotated.says);
    let noisy = one(disk("/", |d| Some(0.5 + 0.2 * noise(d))));
    assert!(!noisy.is_foretold(), "{}", noisy.says);
}

#[test]
fn what_began_yesterday_is_not_called_quiet() {
    let runaway = one(disk("/", |d| Some(0.3 + 0.001 * noise(d) + 0.2 * (d - 89.0).max(0.0))));
    assert_eq!(runaway.state.name(), "unsaid", "{}", runaway.says);
    assert_eq!(runaway.says, "Nothing can be said of the disk /: it rose faster in the last days than ever before.");
    assert!(runaway.forecast.is_empty() && runaway.days_left.is_none());
    // What it did before, or what is far from the limit, frightens nobody.
    let habit = one(disk("/", |d| Some(0.3 + 0.001 * noise(d) + 0.2 * (d.rem_euclid(30.0) - 28.0).max(0.0))));
    assert_ne!(habit.state.name(), "unsaid", "{}", habit.says);
    let little = one(disk("/", |d| Some(0.3 + 0.0001 * noise(d) + 0.002 * (d - 89.0).max(0.0))));
    assert_eq!(little.state.name(), "steady", "{}", little.says);
}

#[test]
fn of_a_little_past_the_reason_is_told() {
    let short = one(disk("/", |d| (d >= 86.0).then_some(0.1 * (d - 86.0))));
    let State::Unsaid { because } = &short.state else { panic!("{}", short.says) };
    assert!(because.contains("about 14 are needed"), "{because}");
    assert!(short.forecast.is_empty() && short.at.is_none() && !short.history.is_empty());
}

#[test]
fn what_is_gone_is_not_told() {
    assert!(told(&[disk("/gone", |d| (d < 80.0).then_some(0.01 * d))]).is_empty());
    assert!(told(&[]).is_empty());
    let folder = tempfile::tempdir().unwrap();
    let none = outlooks(&Store::at(folder.path().join("none")), "h1", now(), &TimeZone::UTC);
    assert!(matches!(none, Err(crate::store::StoreError::Missing(_))));
}

#[test]
fn checks_and_queries_get_a_row_each() {
    let all = told(&machine());
    let db = FactDb::new(tables::ALL, now()).unwrap();
    fill(&db, &all).unwrap();
    fill(&db, &[]).unwrap();
    db.seal().unwrap();
    let ask = |sql: &str| db.select(sql, &[]).unwrap().rows;
    assert_eq!(ask("select count(*) from forecasts"), [[serde_json::json!(all.len())]]);
    let rows =
        ask("select labels['system.filesystem.mountpoint'], round(days_left), earliest <= around and around <= latest,
                    metric, days, error < plain_error
                    from forecasts where kind = 'disk' and state = 'foretold' order by around");
    assert_eq!(
        rows,
        [[
            serde_json::json!("/var"),
            serde_json::json!(9.0),
            serde_json::json!(true),
            serde_json::json!("system.filesystem.utilization"),
            serde_json::json!(91),
            serde_json::json!(true)
        ]]
    );
    let evil = ask("select labels['system.filesystem.mountpoint'], what from forecasts where contains(what, 'vil')");
    assert_eq!(evil, [["/e\u{1b}[31mvil'", "The disk /e\u{fffd}[31mvil'"]]);
}

#[test]
fn programs_get_all_of_it_in_one_shape() {
    let all = told(&machine());
    let json = serde_json::to_value(&all).unwrap();
    let schema = serde_json::to_value(schemars::schema_for!(Vec<Outlook>)).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&json));
    let states: BTreeSet<&str> = all.iter().map(|outlook| outlook.state.name()).collect();
    assert_eq!(states.len(), 6, "{states:?}");
    for (outlook, json) in all.iter().zip(json.as_array().unwrap()) {
        assert_eq!(json["kind"], outlook.kind.name());
        assert_eq!(json["state"]["is"], outlook.state.name());
    }
}

fn style(unicode: bool) -> Style {
    Style { width: 80, colour: false, unicode }
}

/// What is likely next of a metric of that machine.
fn next(all: &[Made], name: &str, only: &[(&str, &str)], limit: Option<f64>, hours: i64) -> MetricOutlook {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), all);
    let only: Vec<_> = only.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let asked = Asked {
        host: ("h1", "shop01"),
        metric: crate::metrics::metric(name).unwrap(),
        only: &only,
        limit,
        ahead: SignedDuration::from_hours(hours),
        now: now(),
        zone: &TimeZone::UTC,
    };
    metric(&store, &asked).unwrap()
}

const MONTH: i64 = 30 * 24;
const DISK: &str = "system.filesystem.utilization";
const MOUNT: &str = "system.filesystem.mountpoint";

#[test]
fn all_of_it_is_a_page() {
    let page = text::list("shop01", &told(&machine()), style(true));
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn the_first_line_of_it_counts() {
    let first = |all: &[Made]| text::list("a", &told(all), style(true)).lines().nth(1).unwrap().to_owned();
    let new = || disk("/new", |d| (d >= 85.0).then_some(0.5));
    assert_eq!(first(&[new()]), "  a: nothing can be said of 1 thing yet.");
    let two = first(&[new(), disk("/", |_| Some(0.1))]);
    assert_eq!(two, "  a: none of 2 things will run out, as far as can be told. Of 1 nothing can be");
}

#[test]
fn what_cannot_be_told_for_one_reason_is_one_sentence() {
    let new = |path| disk(path, |d| (d >= 85.0).then_some(0.5));
    let page = text::list("a", &told(&[new("/a\u{1b}[31m"), new("/b"), new("/c")]), style(true));
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "Nothing can be said of the disk /a\u{fffd}[31m, the disk /b and the disk /c yet: 6 days of history are too few, \
                about 14 are needed.";
    assert!(words.contains(said) && page.matches("too few").count() == 1, "{page}");
}

#[test]
fn what_memory_holds_is_no_disk_that_fills_up() {
    let of = |device: &str, path: &str| {
        let labels = format!(r#"{{"system.device":"{device}","system.filesystem.mountpoint":"{path}"}}"#);
        made("system.filesystem.utilization", &labels, |d| Some(0.1 + 0.009 * d))
    };
    let held = [("tmpfs", "/tmp"), ("tmpfs", "/run/user/1000"), ("shm", "/dev/shm"), ("none", "/run/credentials/a")];
    assert!(told(&held.map(|(device, path)| of(device, path))).is_empty());
    for (device, path) in [("/dev/sdb1", "/run/media/me/stick"), ("tank", "/srv"), ("server:/x", "/mnt")] {
        assert_eq!(told(&[of(device, path)]).len(), 1, "{path}");
    }
}

#[test]
fn one_line_is_a_chart_that_goes_on() {
    let var = next(&machine(), DISK, &[(MOUNT, "/var")], None, MONTH);
    insta::assert_snapshot!(text::metric(&var, style(true)));
    insta::assert_snapshot!("one_line_in_ascii", text::metric(&var, style(false)));
    let svg = var.series[0].svg().unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("The disk /var will be full around"), "{svg}");
    let log = next(&machine(), DISK, &[(MOUNT, "/log")], None, MONTH);
    insta::assert_snapshot!("nothing_is_said", text::metric(&log, style(true)));
}

#[test]
fn several_lines_are_a_sentence_each() {
    insta::assert_snapshot!(text::metric(&next(&machine(), DISK, &[], None, MONTH), style(true)));
}

#[test]
fn a_limit_of_ones_own_and_none() {
    let half = next(&machine(), DISK, &[(MOUNT, "/var")], Some(0.95), MONTH);
    let leaky = next(&machine(), "process.memory.usage", &[("process.executable.name", "leaky")], None, MONTH);
    let left = next(&machine(), "system.memory.linux.available", &[], Some(1e9), 365 * 24);
    let all = [&half, &leaky, &left].map(|found| found.series[0].says.as_str());
    insta::assert_snapshot!(all.join("\n"));
    assert_eq!(leaky.series[0].state, State::Likely);
    // 91 more days come to an end at about 4.8 GB.
    assert!((leaky.series[0].forecast.last().unwrap().value - 4.86e9).abs() < 1e8);
}

#[test]
fn up_to_a_week_hours_are_looked_at() {
    // Every hour, up and down each day.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("h.duckdb"));
    let mut writer = Writer::new(&store.spool()).unwrap();
    let value = |hour: f64| 2.0 + (hour * std::f64::consts::TAU / 24.0).sin() + 0.05 * noise(hour);
    for hour in 0..24 * 20 {
        let (mut host, mut series) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some("h1".to_owned());
            series = vec![(0, "system.cpu.load_average.5m".to_owned(), "{}".to_owned())];
        }
        let values = vec![(0, value(f64::from(hour)))];
        writer.add(&Frame { at: at(f64::from(hour) / 24.0).as_microsecond(), host, series, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    let asked = Asked {
        host: ("h1", "shop01"),
        metric: crate::metrics::metric("system.cpu.load_average.5m").unwrap(),
        only: &[],
        limit: None,
        ahead: SignedDuration::from_hours(48),
        now: at(20.0),
        zone: &TimeZone::UTC,
    };
    let found = metric(&store, &asked).unwrap();
    let series = &found.series[0];
    assert_eq!((found.step, series.forecast.len(), &series.state), (3600, 48, &State::Likely), "{}", series.says);
    for (hour, ahead) in (480..).zip(&series.forecast) {
        assert!((ahead.value - value(f64::from(hour))).abs() < 0.25, "{hour}: {ahead:?}");
    }
    insta::assert_snapshot!(text::metric(&found, style(true)));
}

#[test]
fn programs_get_every_point_of_a_metric() {
    let found = next(&machine(), DISK, &[(MOUNT, "/var")], None, 24 * 10);
    let json: serde_json::Value = serde_json::from_str(&crate::analysis::json(&found)).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&crate::analysis::schema::<MetricOutlook>()).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&json));
    let (columns, rows) = points(&found);
    let measured = rows.iter().filter(|row| !row[3].is_null()).count();
    let likely = rows.iter().filter(|row| !row[5].is_null()).count();
    assert_eq!((columns.len(), measured, likely), (7, 91, 10), "{rows:?}");
    assert_eq!(rows[0][2], "system.device=/dev/sda1 system.filesystem.mountpoint=/var");
    let (columns, rows) = csv(&found.series);
    assert_eq!((columns.len(), rows.len(), rows[0].len()), (12, 1, 12));
}

#[test]
fn values_are_read_as_people_write_them() {
    let value = |name: &str, text: &str| metric::value(crate::metrics::metric(name).unwrap(), text);
    for (name, text, expected) in [
        (DISK, "90%", Some(0.9)),
        (DISK, " 0.9", Some(0.9)),
        (DISK, "9 GB", None),
        ("process.memory.usage", "8GB", Some(8e9)),
        ("system.network.io", "1.5 MB/s", Some(1.5e6)),
        ("http.client.request.duration", "200ms", Some(0.2)),
        ("hw.temperature", "-4", Some(-4.0)),
        (DISK, "much", None),
        (DISK, "", None),
        (DISK, "1e999", None),
        (DISK, "9é", None),
    ] {
        let found = value(name, text);
        assert_eq!(found.map(|v| (v * 1e6).round()), expected.map(|v: f64| (v * 1e6).round()), "{text}");
    }
}
