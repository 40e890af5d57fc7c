//! What was measured on two of the recorded hosts: made up by a draw that always comes out the same, with the rhythm of
//! days, so that reports and mails have something to tell.

use std::path::Path;

use cleanbill::{
    metrics::spool::{Frame, Writer},
    store::{Keep, Store},
};
use jiff::SignedDuration;

use crate::recording::Recording;

/// Days that were measured, and how often.
const DAYS: i64 = 49;
const EVERY: i64 = 900;

/// A number from 0 to 1 that looks drawn by chance (SplitMix64).
fn chance(seed: u64, n: i64) -> f64 {
    let z = (n.unsigned_abs() ^ (seed << 40)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// How a value goes: where it begins and ends, how much of it comes and goes with the day, and by chance, and what it
/// has more in the last week.
struct Way {
    metric: &'static str,
    labels: &'static str,
    from: f64,
    to: f64,
    day: f64,
    noise: f64,
    lately: f64,
}

const fn way(
    metric: &'static str,
    labels: &'static str,
    (from, to): (f64, f64),
    day: f64,
    noise: f64,
    lately: f64,
) -> Way {
    Way { metric, labels, from, to, day, noise, lately }
}

const SHOP: &[Way] = &[
    way("system.cpu.utilization", r#"{"cpu.mode":"user"}"#, (0.12, 0.13), 0.6, 0.3, 0.5),
    way("system.cpu.utilization", r#"{"cpu.mode":"system"}"#, (0.03, 0.03), 0.4, 0.3, 0.4),
    way("system.cpu.utilization", r#"{"cpu.mode":"iowait"}"#, (0.01, 0.01), 0.3, 0.8, 0.0),
    way("system.cpu.load_average.5m", "{}", (0.5, 0.55), 0.6, 0.5, 0.4),
    way("system.memory.utilization", "{}", (0.49, 0.51), 0.04, 0.04, 0.01),
    way("system.paging.utilization", "{}", (0.06, 0.07), 0.0, 0.02, 0.0),
    way(
        "system.pressure.stall",
        r#"{"system.pressure.kind":"some","system.pressure.resource":"cpu"}"#,
        (0.02, 0.02),
        0.7,
        0.6,
        0.5,
    ),
    way(
        "system.pressure.stall",
        r#"{"system.pressure.kind":"some","system.pressure.resource":"io"}"#,
        (0.01, 0.01),
        0.3,
        0.8,
        0.0,
    ),
    way(
        "system.filesystem.utilization",
        r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#,
        (0.52, 0.55),
        0.0,
        0.002,
        0.0,
    ),
    way(
        "system.filesystem.utilization",
        r#"{"system.device":"/dev/vdb1","system.filesystem.mountpoint":"/srv"}"#,
        (0.60, 0.83),
        0.0,
        0.004,
        0.0,
    ),
    way("system.disk.utilization", r#"{"system.device":"vda"}"#, (0.06, 0.06), 0.5, 0.6, 0.0),
    way(
        "system.disk.operation_time",
        r#"{"disk.io.direction":"read","system.device":"vda"}"#,
        (0.0011, 0.0011),
        0.1,
        0.6,
        0.0,
    ),
    way(
        "system.disk.operation_time",
        r#"{"disk.io.direction":"write","system.device":"vda"}"#,
        (0.0023, 0.0023),
        0.1,
        0.6,
        0.0,
    ),
    way(
        "system.network.io",
        r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#,
        (120_000.0, 130_000.0),
        0.7,
        0.5,
        0.5,
    ),
    way(
        "system.network.io",
        r#"{"network.interface.name":"eth0","network.io.direction":"transmit"}"#,
        (900_000.0, 950_000.0),
        0.7,
        0.5,
        0.6,
    ),
    way("http.client.request.duration", r#"{"target":"shop"}"#, (0.16, 0.17), 0.15, 0.3, 0.25),
    way("target.up", r#"{"target":"shop"}"#, (1.0, 1.0), 0.0, 0.0, 0.0),
    way("log.messages", r#"{"log.severity":"error"}"#, (0.0008, 0.0008), 0.0, 1.8, 0.0),
];

const MAIL: &[Way] = &[
    way("system.cpu.utilization", r#"{"cpu.mode":"user"}"#, (0.03, 0.03), 0.2, 0.4, 0.0),
    way("system.cpu.utilization", r#"{"cpu.mode":"system"}"#, (0.01, 0.01), 0.2, 0.4, 0.0),
    way("system.cpu.load_average.5m", "{}", (0.08, 0.08), 0.2, 0.6, 0.0),
    way("system.memory.utilization", "{}", (0.40, 0.40), 0.01, 0.03, 0.0),
    way(
        "system.filesystem.utilization",
        r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#,
        (0.338, 0.340),
        0.0,
        0.002,
        0.0,
    ),
    way("system.disk.utilization", r#"{"system.device":"vda"}"#, (0.01, 0.01), 0.1, 0.7, 0.0),
    way(
        "system.network.io",
        r#"{"network.interface.name":"eth0","network.io.direction":"transmit"}"#,
        (14_000.0, 14_000.0),
        0.4,
        0.5,
        0.0,
    ),
];

/// The machine was restarted on a Thursday morning, and its shop came back late: minutes before the end of the sample.
const RESTART: std::ops::Range<i64> = 5820..5851;

impl Way {
    fn at(&self, n: i64, seed: u64) -> f64 {
        let left = DAYS * 86_400 - n * EVERY;
        let progress = 1.0 - left as f64 / (DAYS * 86_400) as f64;
        // Most is asked of it in the evening.
        let hour = (n * EVERY + 6 * 3600).rem_euclid(86_400) as f64 / 86_400.0;
        let day = (std::f64::consts::TAU * (hour - 0.5)).sin();
        let week = if left < 7 * 86_400 { 1.0 + self.lately } else { 1.0 };
        // An hour is alike in itself, and days are not alike.
        let drawn = 0.4 * chance(seed, n) + 0.6 * chance(seed + 50, n / 4);
        let noise = 1.0 + self.noise * (drawn - 0.5);
        let day = day * (0.6 + 0.8 * chance(seed + 100, n / 96));
        (self.from + (self.to - self.from) * progress) * (1.0 + self.day * day) * noise * week
    }
}

/// Puts what was measured on this host into its store; nothing for hosts on which nothing was.
pub fn record(recording: &Recording, file: &Path) {
    let ways = match recording.host.name.as_str() {
        "shop01" => SHOP,
        "mail" => MAIL,
        _ => return,
    };
    let store = Store::at(file);
    let end = recording.audits.last.as_second();
    let mut writer = Writer::new(&store.spool()).unwrap();
    for n in 0..DAYS * 86_400 / EVERY {
        let left = (DAYS * 86_400 - n * EVERY) / 60;
        let (mut host, mut series) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some(recording.host.id.clone());
            series = ways.iter().zip(0..).map(|(w, n)| (n, w.metric.to_owned(), w.labels.to_owned())).collect();
            series.push((1000, "system.cpu.utilization".to_owned(), r#"{"cpu.mode":"idle"}"#.to_owned()));
        }
        let down = ways.len() == SHOP.len() && RESTART.contains(&left);
        let mut values: Vec<(u32, f64)> = Vec::new();
        let mut busy = 0.0;
        for (way, number) in ways.iter().zip(0_u32..) {
            let value = match way.metric {
                "target.up" => f64::from(u8::from(!down)),
                "http.client.request.duration" if down => continue,
                _ => (way.at(n, u64::from(number) + 1) * 1e5).round() / 1e5,
            };
            busy += if way.metric == "system.cpu.utilization" { value } else { 0.0 };
            values.push((number, value));
        }
        values.push((1000, 1.0 - busy));
        let at = (end - DAYS * 86_400 + n * EVERY) * 1_000_000;
        writer.add(&Frame { at, host, series, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    let keep = Keep {
        samples: SignedDuration::from_hours(48),
        minutes: SignedDuration::from_hours(24 * 30),
        hours: SignedDuration::from_hours(24 * 730),
    };
    store.roll_up(recording.audits.last, keep).unwrap();
    std::fs::remove_dir_all(store.spool()).unwrap();
}
