//! The trend of a metric as people and programs read it, from a history that is made for it.

use std::{fs, path::Path};

use jiff::Timestamp;

use super::{Asked, MetricTrend, csv_rows, meant, svg, text, trend};
use crate::{
    metrics::spool::{Frame, Writer},
    report::Style,
    store::Store,
};

const START: i64 = 1_790_000_000 / 86_400 * 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

/// Memory that fills up and two disks, every minute for six hours, with an hour in which nothing was measured.
fn store(folder: &Path) -> Store {
    let store = Store::at(folder.join("h.duckdb"));
    let mut writer = Writer::new(&store.spool()).unwrap();
    for minute in (0..360).filter(|minute| !(120..180).contains(minute)) {
        let disk =
            |name: &str, direction: &str| format!(r#"{{"system.device":"{name}","disk.io.direction":"{direction}"}}"#);
        let (mut host, mut series) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some("h1".to_owned());
            series.push((0, "system.memory.utilization".to_owned(), "{}".to_owned()));
            let disks = [("sda", "read"), ("sda", "write"), ("sdb", "read"), ("s\u{1b}[31mdc", "read")];
            series.extend(
                (1..)
                    .zip(disks)
                    .map(|(n, (d, w))| (n, "system.disk.io".to_owned(), disk(d, w).replace('\u{1b}', "\\u001b"))),
            );
        }
        let x = f64::from(minute);
        let wave = (x / 40.0).sin() + 1.0;
        let values = vec![(0, 0.2 + x / 1000.0), (1, 1e6 * wave), (2, 4e6), (3, 2e5 * x), (4, 0.0)];
        writer.add(&Frame { at: (START + i64::from(minute) * 60) * 1_000_000, host, series, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    store
}

fn style(unicode: bool) -> Style {
    Style { width: 80, colour: false, unicode }
}

fn asked(metric: &str, by: Option<&str>, only: &[(String, String)]) -> MetricTrend {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let metric = meant(metric).unwrap();
    let asked = Asked { host: ("h1", "shop01"), metric, time: (at(0), at(6 * 3600)), by, only, points: 160 };
    let trend = trend(&store, &asked).unwrap();
    assert!(fs::read_dir(store.spool()).unwrap().next().is_none());
    trend
}

#[test]
fn one_line_is_a_chart_with_its_gap() {
    let trend = asked("memory", None, &[]);
    insta::assert_snapshot!(text(&trend, style(true)));
    insta::assert_snapshot!("one_line_in_ascii", text(&trend, style(false)));
}

#[test]
fn several_lines_are_a_row_each() {
    insta::assert_snapshot!(text(&asked("io", None, &[]), style(true)));
    let put_together = asked("io", Some("system.device"), &[]);
    let names: Vec<&str> = put_together.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["sdb", "sda", "s\u{fffd}[31mdc"]);
    assert!(put_together.lines[1].mean > 4e6, "reads and writes are added up");
    let only = [("system.device".to_owned(), "sda".to_owned())];
    assert_eq!(asked("io", None, &only).lines.len(), 2);
}

#[test]
fn programs_get_every_point() {
    let trend = asked("memory", None, &[]);
    let (columns, rows) = csv_rows(&trend);
    assert_eq!((columns.len(), rows.len()), (6, trend.lines[0].points.len()));
    let value: serde_json::Value = serde_json::from_str(&crate::analysis::json(&trend)).unwrap();
    let validator =
        jsonschema::validator_for(&serde_json::from_str(&crate::analysis::schema::<MetricTrend>()).unwrap()).unwrap();
    assert!(
        validator.is_valid(&value),
        "{:?}",
        validator.iter_errors(&value).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    assert!(svg(&trend).unwrap().starts_with("<svg"));
}

#[test]
fn where_less_was_measured_than_was_asked_for_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let over = |from: i64| {
        let time = (at(from), at(6 * 3600));
        let asked =
            Asked { host: ("h1", "a"), metric: meant("memory").unwrap(), time, by: None, only: &[], points: 160 };
        trend(&store, &asked).unwrap().sentence
    };
    let week = over(-7 * 24 * 3600);
    assert!(week.contains("6 hours") && !week.contains("day"), "{week}");
    // The last value alone: a minute before its end.
    let last = over(6 * 3600 - 60);
    assert!(last.contains(" this minute"), "{last}");
    // A part that hardly counts is none.
    assert_eq!(over(-600), over(0));
}

#[test]
fn nothing_measured_is_said() {
    let trend = asked("load", None, &[]);
    assert!(trend.lines.is_empty() && trend.sentence.starts_with("Nothing was measured"), "{}", trend.sentence);
    assert_eq!(svg(&trend), None);
}
