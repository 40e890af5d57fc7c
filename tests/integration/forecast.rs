//! `cleanbill forecast`: what will run out, from a history that is made up for the machine that the tests run on.

use std::path::{Path, PathBuf};

use cleanbill::{
    metrics::spool::{Frame, Writer},
    store::Store,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{Said, cleanbill, program};

const MOUNT: &str = "system.filesystem.mountpoint";
/// Days of the past.
const DAYS: u32 = 60;

/// A history, until it is dropped.
struct Past {
    folder: tempfile::TempDir,
}

/// What was measured of a series so many days before today; nothing where it was not.
type Made = (&'static str, String, fn(f64) -> Option<f64>);

fn disk(path: &str, value: fn(f64) -> Option<f64>) -> Made {
    let labels = format!(r#"{{"system.device":"/dev/sda1","{MOUNT}":"{path}"}}"#);
    ("system.filesystem.utilization", labels, value)
}

/// Noise that is the same in each run, from -1 to 1.
fn noise(n: f64) -> f64 {
    let wild = (n * 12.9898).sin() * 43_758.545_3;
    2.0 * (wild - wild.floor()) - 1.0
}

impl Past {
    /// Every six hours until now.
    fn new(all: &[Made]) -> Self {
        let past = Past { folder: tempfile::tempdir().unwrap() };
        let store = Store::at(past.db());
        let id = machine();
        let mut writer = Writer::new(&store.spool()).unwrap();
        let now = Timestamp::now();
        for step in (0..4 * DAYS).rev() {
            let ago = f64::from(step) / 4.0;
            let at = now.checked_sub(SignedDuration::from_hours(6 * i64::from(step))).unwrap();
            let (mut host, mut series) = (None, Vec::new());
            if writer.is_fresh() {
                host = Some(id.clone());
                series =
                    (0..).zip(all).map(|(n, (metric, labels, _))| (n, (*metric).to_owned(), labels.clone())).collect();
            }
            let values = (0..).zip(all).filter_map(|(n, (_, _, value))| Some((n, value(-ago)?))).collect();
            writer.add(&Frame { at: at.as_microsecond(), host, series, values }).unwrap();
        }
        drop(writer);
        store.take_samples(&store.spool()).unwrap();
        past
    }

    fn db(&self) -> PathBuf {
        self.folder.path().join("h.duckdb")
    }

    fn run(&self, args: &[&str]) -> Said {
        run(args, &self.db())
    }
}

/// How the history names the machine that the tests run on.
fn machine() -> String {
    let said = cleanbill(&["query", "select coalesce(machine_id, hostname) as id from machine", "--format", "json"]);
    said.json()[0]["id"].as_str().unwrap_or("unnamed").to_owned()
}

fn run(args: &[&str], db: &Path) -> Said {
    program().args(args).arg("--db").arg(db).env("TZ", "UTC").output().unwrap().into()
}

/// Full in ten days, emptied by its owner a month ago, rotated each week, wild, new, gone, and a leak.
fn restless() -> Past {
    Past::new(&[
        disk("/fills", |d| Some(1.0 + 0.008 * (d - 10.0) + 0.002 * noise(d))),
        disk("/rests", |_| Some(0.42)),
        disk("/cleaned", |d| Some(if d < -30.0 { 1.2 + 0.01 * d } else { 0.3 + 0.0001 * noise(d) })),
        disk("/rotated", |d| Some(0.2 + 0.1 * (d + 70.0).rem_euclid(7.0))),
        disk("/wild", |d| Some(0.5 + 0.3 * noise(d))),
        disk("/new", |d| (d > -4.0).then_some(0.9 + 0.02 * d)),
        disk("/gone", |d| (d < -9.0).then_some(1.0 + 0.008 * d)),
        ("system.memory.utilization", "{}".to_owned(), |d| Some(0.7 + 0.01 * d + 0.003 * noise(d))),
    ])
}

/// What is said of one of them.
fn of<'a>(all: &'a serde_json::Value, what: &str) -> &'a serde_json::Value {
    let found = all["outlooks"].as_array().unwrap().iter().find(|outlook| outlook["what"] == what);
    found.unwrap_or_else(|| panic!("{what} in {all}"))
}

#[test]
fn what_will_run_out_is_told_and_the_rest_is_not_feared() {
    let past = restless();
    let all = past.run(&["forecast", "--format", "json"]).json();
    let schema = past.run(&["forecast", "--schema"]).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&all));
    let fills = of(&all, "The disk /fills");
    assert_eq!(fills["state"]["is"], "foretold", "{fills}");
    let left = fills["days_left"].as_f64().unwrap();
    assert!((8.5..11.5).contains(&left), "{left}");
    let moment = |name: &str| fills[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(moment("earliest") <= moment("at") && moment("at") <= moment("latest"));
    let memory = of(&all, "The memory");
    assert!((25.0..32.0).contains(&memory["days_left"].as_f64().unwrap()), "{memory}");
    for quiet in ["/rests", "/cleaned", "/rotated", "/wild", "/new"] {
        let quiet = of(&all, &format!("The disk {quiet}"));
        assert!(quiet["days_left"].is_null() && quiet["at"].is_null(), "{quiet}");
    }
    let new = of(&all, "The disk /new")["says"].as_str().unwrap();
    assert!(new.contains("about 14 are needed"), "{new}");
    assert!(!all.to_string().contains("/gone"));
    // The worst first, in every format.
    let first = all["outlooks"][0]["what"].as_str().unwrap();
    assert_eq!(first, "The disk /fills");
    let text = past.run(&["forecast"]);
    assert_eq!(text.code, 0, "{}", text.err);
    let sentence = fills["says"].as_str().unwrap();
    assert!(text.out.replace("\n    ", " ").contains(sentence), "{}", text.out);
    assert!(text.out.lines().all(|line| line.chars().count() <= 80), "{}", text.out);
    let csv = past.run(&["forecast", "--format", "csv"]).out;
    assert!(csv.starts_with("kind,what,metric,labels,value,limit,state,") && csv.contains(sentence), "{csv}");
}

#[test]
fn a_metric_is_drawn_with_what_comes() {
    let past = restless();
    let only = format!("{MOUNT}=/fills");
    let one = past.run(&["forecast", "disk", "--where", &only]);
    assert_eq!(one.code, 0, "{}", one.err);
    assert!(one.out.contains('█') && one.out.contains('━') && one.out.contains("the limit"), "{}", one.out);
    let wild = past.run(&["forecast", "disk", "--where", &format!("{MOUNT}=/new")]);
    assert!(wild.out.contains("Nothing can be said of the disk /new yet"), "{}", wild.out);
    let limit = past.run(&["forecast", "memory", "--limit", "80%", "--format", "json"]).json();
    let left = limit["series"][0]["days_left"].as_f64().unwrap();
    assert!((8.0..12.0).contains(&left), "{limit}");
    let schema = past.run(&["forecast", "memory", "--schema"]).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&limit));
    let file = past.folder.path().join("memory.svg");
    let said = past.run(&["forecast", "memory", "--format", "svg", "-o", file.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    assert!(std::fs::read_to_string(file).unwrap().starts_with("<svg "));
    let csv = past.run(&["forecast", "memory", "--ahead", "20d", "--format", "csv"]).out;
    assert!(csv.starts_with("at,metric,labels,measured,low,likely,high\r\n"), "{csv}");
    assert!((75..=82).contains(&csv.lines().count()), "{csv}");
}

#[test]
fn checks_and_queries_ask_for_it() {
    let past = restless();
    let query = "select what, round(days_left) as days from forecasts where kind = 'disk' and state = 'foretold'";
    let rows = past.run(&["query", query, "--format", "json"]).json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(rows[0]["what"], "The disk /fills");
    let audit =
        past.run(&["audit", "--only", "disk-will-be-full", "--only", "memory-will-run-out", "--format", "json"]);
    let audit = audit.json();
    let text = audit.to_string();
    assert!(text.contains("The disk /fills will be full"), "{audit}");
    assert!(text.contains("The memory will run out"), "{audit}");
    // Where nothing was measured they do not apply.
    let empty = Past::new(&[]);
    let audit = empty.run(&["audit", "--only", "disk-will-be-full", "--format", "json"]).json();
    assert!(audit.to_string().contains("is measured here"), "{audit}");
    assert_eq!(empty.run(&["query", "select count(*) as n from forecasts", "--format", "json"]).json()[0]["n"], 0);
}

#[test]
fn what_cannot_be_told_is_said_with_what_to_do() {
    let past = restless();
    for (args, expected) in [
        (vec!["forecast", "memry"], "Did you mean: memory?"),
        (vec!["forecast", "memory", "--limit", "much"], "--limit 90%"),
        (vec!["forecast", "memory", "--ahead", "900d"], "365 days"),
        (vec!["forecast", "memory", "--ahead", "soon"], "--ahead 30d"),
        (vec!["forecast", "memory", "--where", "a=b"], "no label `a`"),
        (vec!["forecast", "disk", "--format", "svg"], "Choose one: --where LABEL=VALUE"),
        (vec!["forecast", "--format", "svg"], "cleanbill forecast memory --format svg"),
        (vec!["forecast", "swap"], "was measured in the last days"),
        (vec!["forecast", "--limit", "90%"], "METRIC"),
    ] {
        let said = past.run(&args);
        assert_eq!(said.code, 2, "{args:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(expected), "{args:?}: {}", said.err);
    }
    let nothing = run(&["forecast"], &past.folder.path().join("none.duckdb"));
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("There is no history yet"), "{}", nothing.err);
}
