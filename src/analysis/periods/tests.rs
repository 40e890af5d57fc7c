//! Two weeks that are made up, compared: what changed is told, noise is not.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Comparison, Period, compare, csv_rows, markdown, text};
use crate::{
    metrics::spool::{Frame, Writer},
    report::Style,
    store::Store,
};

const START: i64 = 1_789_948_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

/// Two weeks, a value an hour: memory is higher in the second, retransmits are gone, the load is noise.
fn compared() -> Comparison {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("h.duckdb"));
    let mut writer = Writer::new(&store.spool()).unwrap();
    for hour in 0..336_i64 {
        let noise = |seed: i64| ((hour * 7919 + seed * 104_729) % 1009) as f64 / 1009.0;
        let second = if hour < 168 { 0.0 } else { 1.0 };
        let (mut host, mut series) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some("h1".to_owned());
            let device = r#"{"system.device":"sda"}"#;
            series = [
                ("system.memory.utilization", "{}"),
                ("system.network.tcp.retransmits", "{}"),
                ("system.cpu.load_average.5m", "{}"),
                ("system.disk.utilization", device),
                ("system.network.io", r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#),
            ]
            .into_iter()
            .zip(0..)
            .map(|((metric, labels), n)| (n, metric.to_owned(), labels.to_owned()))
            .collect();
        }
        let values = vec![
            (0, 0.40 + 0.02 * noise(1) + 0.11 * second),
            (1, (3.0 + noise(2)) * (1.0 - second)),
            (2, 1.0 + noise(3)),
            // Surely different, and too little to matter.
            (3, 0.300 + 0.001 * noise(4) + 0.002 * second),
            (4, 1e6 + 1e4 * noise(5) + 2.5e6 * second),
        ];
        writer.add(&Frame { at: (START + hour * 3600) * 1_000_000, host, series, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    let week = SignedDuration::from_hours(168);
    let (before, after) = Period::around("the update", at(168 * 3600), at(336 * 3600), week).unwrap();
    compare(&store, ("h1", "shop01"), &before, &after).unwrap()
}

#[test]
fn what_changed_is_told_and_noise_is_not() {
    let comparison = compared();
    let style = Style { width: 80, colour: false, unicode: true };
    insta::assert_snapshot!(text(&comparison, style, false, &TimeZone::UTC));
    insta::assert_snapshot!("two_weeks_in_markdown", markdown(&comparison, true));
    assert_eq!(comparison.same.len(), 2);
    let (_, rows) = csv_rows(&comparison, true);
    assert_eq!(rows.len(), 5);
    let value: serde_json::Value = serde_json::from_str(&crate::analysis::json(&comparison)).unwrap();
    let validator =
        jsonschema::validator_for(&serde_json::from_str(&crate::analysis::schema::<Comparison>()).unwrap()).unwrap();
    assert!(validator.is_valid(&value));
}
