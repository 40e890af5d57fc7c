//! Collectors that are killed at any moment, and clocks that jump while they measure.

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::BuildHasher as _,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    FAKETIME,
    place::{Place, Watcher, long, moments, nothing_is_lost},
};
use crate::testing::can;

/// How long a machine runs, as the scrape of a moment says.
fn uptime(scrape: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(scrape).ok()?;
    text.lines().find_map(|line| line.strip_prefix("system_uptime_seconds ")?.parse().ok())
}

#[test]
fn a_collector_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let place = Place::new("[metrics]\nevery = '100ms'\nbatch = '300ms'\n");
    let scrape = place.path("last.prom");
    let watcher = Watcher::start(place.spool());
    let mut scraped = BTreeSet::new();
    let (begun, length) = (Instant::now(), long(60, 8));
    let mut killed = 0_u64;
    while begun.elapsed() < length {
        let args =
            ["collect", "--every", "100ms", "--only", "load,memory,uptime", "--prometheus", scrape.to_str().unwrap()];
        let collector = place.start(place.command(&args));
        std::thread::sleep(Duration::from_millis(100 + RandomState::new().hash_one(killed) % 900));
        collector.kill();
        scraped.extend(uptime(&scrape).map(|seconds| seconds.to_string()));
        killed += 1;
    }
    // What was left is put into the history by the next one.
    place.ok(&["collect", "--every", "100ms", "--only", "load,memory,uptime", "--for", "1s"]);
    let (seen, samples) = (watcher.stop(), place.samples());
    let count = moments(&seen, "system.uptime").len();
    eprintln!("killed {killed} times, {count} samples with {} values seen, {} kept", seen.len(), samples.len());
    assert!(killed > 5 && count > 20);
    nothing_is_lost(&seen, &samples);
    // Of what was shown, the last second at most is gone.
    let kept: BTreeSet<String> =
        samples.iter().filter(|(key, _)| key.1 == "system.uptime").map(|(_, seconds)| seconds.to_string()).collect();
    assert!(scraped.len() > 2);
    for shown in &scraped {
        let before = (shown.parse::<f64>().unwrap() - 1.0).to_string();
        assert!(kept.contains(shown) || kept.contains(&before), "{shown}: {kept:?}");
    }
    assert_eq!(std::fs::read_dir(place.spool()).unwrap().count(), 0, "nothing is left behind");
    place.ok(&["store", "check"]);
}

#[test]
fn a_clock_that_jumps_doubles_nothing_and_rolls_up_all() {
    if !can(Path::new(FAKETIME).exists(), "libfaketime is not installed") {
        return;
    }
    let place = Place::new("[metrics]\nevery = '100ms'\nbatch = '300ms'\nkeep_samples = '30d'\n");
    let file = place.path("time");
    let set = |offset: &str| std::fs::write(&file, offset).unwrap();
    set("+0");
    let collect = |more: &[&str]| {
        let args = [&["collect", "--every", "100ms", "--only", "load,uptime"], more].concat();
        let mut command = place.command(&args);
        command
            .env("LD_PRELOAD", FAKETIME)
            .env("FAKETIME_TIMESTAMP_FILE", &file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        place.start(command)
    };
    let watcher = Watcher::start(place.spool());
    let collector = collect(&[]);
    for offset in ["+0", "-3600", "+86400", "+0"] {
        set(offset);
        std::thread::sleep(Duration::from_secs(2));
    }
    assert_eq!(collector.stop(), 0, "{}", place.log());
    // The days come, and with them what was measured too early.
    for offset in ["+86400", "+172800"] {
        set(offset);
        let mut collector = collect(&["--for", "1s"]);
        assert!(collector.0.wait().unwrap().success(), "{}", place.log());
    }
    let (seen, samples) = (watcher.stop(), place.samples());
    assert!(moments(&seen, "system.uptime").len() > 40);
    nothing_is_lost(&seen, &samples);
    // By how much it was set is told each time.
    let told: Vec<f64> = samples.iter().filter(|(key, _)| key.1 == "system.clock.jump").map(|(_, by)| *by).collect();
    let mut hours: Vec<i64> = told.iter().map(|by| (by / 3600.0).round() as i64).collect();
    hours.sort_unstable();
    assert_eq!(hours, [-24, -1, 25], "{told:?}");
    let history = place.history();
    for (table, width) in [("metric_hours", "hour"), ("metric_days", "day")] {
        let sql = format!(
            "with reckoned as (
                select series, date_trunc('{width}', ts) as ts, min(value)::float as min, max(value)::float as max,
                       avg(value) as mean, count(*)::integer as count from metric_samples
                where date_trunc('day', ts) in (select ts from metric_days) group by all),
             wrong as (
                select 1 from reckoned full join {table} t using (series, ts)
                where t.min is distinct from reckoned.min or t.max is distinct from reckoned.max
                   or t.count is distinct from reckoned.count or not abs(t.mean - reckoned.mean) <= 1e-5 * (1 + abs(t.max)))
             select (select count(*) from wrong), (select count(*) from {table})"
        );
        let (wrong, all): (i64, i64) = history.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert!(wrong == 0 && all >= 8, "{table}: {wrong} of {all} are wrong");
    }
    let days = "select count(distinct ts) from metric_days";
    let days: i64 = history.query_row(days, [], |row| row.get(0)).unwrap();
    assert!((2..=3).contains(&days), "{days}");
    drop(history);
    place.ok(&["store", "check"]);
}
