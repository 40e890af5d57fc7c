//! Samples on their way: in once, rolled up as a slow reckoning of them says, read at every width.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::{SignedDuration, Timestamp};

use super::{Keep, SeriesRow};
use crate::{
    metrics::spool::{Frame, Writer, closed},
    store::Store,
};

const DAY: i64 = 86_400;
const KEEP: Keep = Keep {
    samples: SignedDuration::from_hours(48),
    minutes: SignedDuration::from_hours(24 * 30),
    hours: SignedDuration::from_hours(24 * 730),
};

/// A day that is long over.
fn day(n: i64) -> i64 {
    20_000 * DAY + n * DAY
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A value that looks like measured: it goes up and down, is nothing at times, and below nothing at others.
fn value(series: u32, second: i64) -> f64 {
    let x = f64::from(u32::try_from((second / 10 * 7919 + i64::from(series) * 104_729).rem_euclid(10_007)).unwrap());
    match second / 10 % 9 {
        0 => 0.0,
        1 => -x / 100.0,
        _ => (x * f64::from(series)).sqrt() / 10.0,
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> Store {
        Store::at(self.0.path().join("h.duckdb"))
    }

    fn spool(&self) -> std::path::PathBuf {
        self.0.path().join("spool")
    }

    /// Writes samples of two series, every ten seconds, into one file.
    fn write(&self, seconds: impl Iterator<Item = i64>) {
        let mut writer = Writer::new(&self.spool()).unwrap();
        for second in seconds {
            let (mut host, mut series) = (None, Vec::new());
            if writer.is_fresh() {
                host = Some("h1".to_owned());
                series = vec![(7, "a.b".to_owned(), "{}".to_owned()), (9, "a.c".to_owned(), r#"{"k":"v"}"#.to_owned())];
            }
            let values = vec![(7, value(1, second)), (9, value(2, second)), (8, 1.0), (7, f64::NAN), (9, 1e300)];
            writer.add(&Frame { at: second * 1_000_000, host, series, values }).unwrap();
        }
    }
}

fn series(store: &Store, spool: Option<&Path>) -> Vec<SeriesRow> {
    store.series("h1", None, spool).unwrap()
}

fn rows(store: &Store, sql: &str) -> Vec<Vec<f64>> {
    let connection = store.read().unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut out = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let width = row.as_ref().column_count();
        out.push((0..width).map(|n| row.get(n).unwrap()).collect());
    }
    out
}

#[test]
fn a_file_of_the_spool_is_taken_in_once() {
    let place = Place::new();
    let store = place.store();
    place.write((0..60).map(|n| day(0) + n * 10));
    let file = closed(&place.spool()).unwrap().remove(0).path;
    let copy = fs::read(&file).unwrap();
    let taken = store.take_samples(&place.spool()).unwrap();
    assert_eq!((taken.files, taken.samples, taken.values, taken.day_over), (1, 60, 120, true));
    assert!(!file.exists());
    // As after a kill between the history and the removal.
    fs::write(&file, copy).unwrap();
    let again = store.take_samples(&place.spool()).unwrap();
    assert_eq!((again.files, again.samples, again.values), (1, 0, 0));
    assert_eq!(rows(&store, "select count(*)::double from samples"), [[120.0]]);
    let labels: BTreeMap<_, _> = [("k".to_owned(), "v".to_owned())].into();
    assert_eq!(series(&store, None)[1].labels, labels);
    assert_eq!(store.take_samples(&place.0.path().join("none")).unwrap().files, 0);
}

#[test]
fn a_moment_that_was_measured_twice_is_there_once() {
    let place = Place::new();
    let store = place.store();
    let seconds: Vec<i64> = (0..120).map(|n| day(0) + n * 10).collect();
    // Two measure the same moments in one batch, and a third in another, after a clock that was set back.
    place.write(seconds[..60].iter().copied());
    place.write(seconds[50..70].iter().copied());
    let taken = store.take_samples(&place.spool()).unwrap();
    assert_eq!((taken.samples, taken.values), (80, 140));
    place.write(seconds[30..96].iter().copied());
    assert_eq!(store.take_samples(&place.spool()).unwrap().values, 52);
    store.roll_up(at(day(1)), KEEP).unwrap();
    place.write(seconds[90..].iter().copied());
    assert_eq!(store.take_samples(&place.spool()).unwrap().values, 48, "also where the day is over");
    store.roll_up(at(day(1)), KEEP).unwrap();
    compare(&store, &seconds, [0.05, 0.05, 0.05]);
    assert_eq!(rows(&store, "select count(*)::double from samples"), [[240.0]]);
}

/// The same by plain counting: least, mean, most, 95th percentile, last, count.
fn reckoned(series: u32, seconds: &[i64]) -> [f64; 6] {
    let mut values: Vec<f64> = seconds.iter().map(|s| value(series, *s)).collect();
    let last = *values.last().unwrap();
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    values.sort_by(f64::total_cmp);
    let p95 = values[((n as f64 * 0.95).ceil() as usize).max(1) - 1];
    [values[0], mean, values[n - 1], p95, last, n as f64]
}

fn near(told: &[f64], expected: &[f64; 6], p95: f64) {
    let largest = expected[0].abs().max(expected[2].abs());
    for (place, (told, expected)) in told.iter().zip(expected).enumerate() {
        let tolerance = if place == 3 { p95 } else { 1e-6 };
        // Of values that nearly make up for each other, the mean is as exact as they are.
        let scale = if place == 1 { largest } else { expected.abs() };
        let off = (told - expected).abs() / scale.max(1e-3);
        assert!(off <= tolerance, "value {place} is {told}, should be {expected}");
    }
}

fn compare(store: &Store, seconds: &[i64], p95: [f64; 3]) {
    for ((table, width), p95) in [("samples_1m", 60), ("samples_1h", 3600), ("samples_1d", DAY)].into_iter().zip(p95) {
        for (number, metric) in [(1, "a.b"), (2, "a.c")] {
            let sql = format!(
                "select min, mean, max, p95, last, count::double, epoch(ts) from {table} where metric = '{metric}' order by ts"
            );
            let mut parts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            seconds.iter().for_each(|s| parts.entry(s / width * width).or_default().push(*s));
            let told = rows(store, &sql);
            assert_eq!(told.len(), parts.len(), "{table}");
            for (told, (began, part)) in told.iter().zip(&parts) {
                assert_eq!(told[6] as i64, *began);
                near(&told[..6], &reckoned(number, part), p95);
            }
        }
    }
}

#[test]
fn a_day_that_is_over_is_rolled_up_as_plain_counting_says() {
    let place = Place::new();
    let store = place.store();
    let seconds: Vec<i64> = (0..2 * DAY / 10).map(|n| day(0) + n * 10).collect();
    place.write(seconds.iter().copied());
    store.take_samples(&place.spool()).unwrap();
    let rolled = store.roll_up(at(day(2) + 60), KEEP).unwrap();
    assert_eq!((rolled.days, rolled.samples, rolled.removed), (2, 4 * 8640, 0));
    compare(&store, &seconds, [1e-6; 3]);
    assert_eq!(rows(&store, "select count(*)::double from metric_fresh"), [[0.0]]);
    assert_eq!(rows(&store, "select count(*)::double from samples"), [[4.0 * 8640.0]]);
    assert_eq!(store.roll_up(at(day(2) + 90), KEEP).unwrap().days, 0);
}

#[test]
fn what_comes_late_for_a_day_is_put_together_with_it() {
    let place = Place::new();
    let store = place.store();
    let seconds: Vec<i64> = (0..DAY / 10).map(|n| day(0) + n * 10).collect();
    // Twice half of the samples of each minute, the later half late: as after a clock that stood wrong.
    for part in 0..2 {
        place.write(seconds.iter().copied().filter(|s| i64::from(s / 10 % 6 >= 3) == part));
        store.take_samples(&place.spool()).unwrap();
        store.roll_up(at(day(1)), KEEP).unwrap();
    }
    compare(&store, &seconds, [1e-6, 0.05, 0.05]);
    assert_eq!(rows(&store, "select count(*)::double from samples"), [[2.0 * 8640.0]]);
}

#[test]
fn what_comes_late_for_a_day_whose_samples_are_gone_is_put_together_with_its_minutes() {
    let place = Place::new();
    let store = place.store();
    let seconds: Vec<i64> = (0..DAY / 10).map(|n| day(0) + n * 10).collect();
    let keep = Keep { samples: SignedDuration::ZERO, ..KEEP };
    for part in 0..2 {
        place.write(seconds.iter().copied().filter(|s| i64::from(s / 10 % 6 >= 3) == part));
        store.take_samples(&place.spool()).unwrap();
        let rolled = store.roll_up(at(day(1)), keep).unwrap();
        assert_eq!((rolled.samples, rolled.removed), (8640, 8640));
    }
    assert_eq!(rows(&store, "select count(*)::double from metric_minutes"), [[2.0 * 1440.0]]);
    compare(&store, &seconds, [0.05; 3]);
    assert_eq!(rows(&store, "select count(*)::double from samples"), [[0.0]]);
}

#[test]
fn samples_come_out_of_their_blocks_as_they_went_in() {
    let place = Place::new();
    let store = place.store();
    store.roll_up(at(0), KEEP).unwrap();
    // One alone, at equal steps, at unequal ones, in microseconds, all the same, some the
    // same, and over the end of an hour.
    let sql = "
        create table went_in as
            select 1::integer as series, timestamp '2024-10-04 10:00:00' as ts, 5.5::double as value
            union all select 2, timestamp '2024-10-04 10:00:00' + n * interval 10 seconds, sqrt(n) from range(720) t(n)
            union all select 3, timestamp '2024-10-04 10:00:00' + n * n * interval 7 milliseconds, -n from range(900) t(n)
            union all select 4, timestamp '2024-10-04 10:59:59.999999' + n * interval 1 microsecond, n % 2 from range(3) t(n)
            union all select 5, timestamp '2024-10-04 10:00:00' + n * interval 9 seconds, 7 from range(50) t(n)
            union all select 6, timestamp '2024-10-04 10:00:00' + (n * 1000 + n % 3) * interval 1 millisecond, 0 from range(50) t(n)
            union all select 7, timestamp '2024-10-04 10:00:00' + (n + n // 7) * interval 10 seconds, (n // 30) % 3 + n // 299
                from range(300) t(n)
            union all select 8, timestamp '2024-10-04 10:00:00' + n * interval 10 seconds, (n // 2 - 90) * 4096 from range(361) t(n)
            union all select 9, timestamp '2024-10-04 10:00:00' + n * interval 10 seconds, n * 1e37 from range(3) t(n)
            union all select 10, timestamp '2024-10-04 10:00:00' + n * interval 10 seconds, -8 - n / 8 from range(3) t(n);
        insert into metric_series select distinct series, 'h1', 'a.b', series::varchar, map {} from went_in;
        insert into metric_fresh select series, ts, value from went_in order by hash(ts, series);";
    store.open(duckdb::AccessMode::ReadWrite).unwrap().execute_batch(sql).unwrap();
    assert_eq!(store.roll_up(at(day(365)), KEEP).unwrap().samples, 1 + 720 + 900 + 3 + 50 + 50 + 300 + 361 + 6);
    let kept =
        "select count(*)::double, count(places)::double, count(runs)::double, count(*) filter (len(vals) = 1)::double,
                       count(*) filter (unit = 4096)::double, sum(count)::double from metric_blocks";
    assert_eq!(rows(&store, kept), [[14.0, 4.0, 2.0, 5.0, 1.0, 2391.0]]);
    let others = "select count(*)::double from (
        (select * from metric_samples except all select * from went_in) union all
        (select * from went_in except all select * from metric_samples))";
    assert_eq!(rows(&store, others), [[0.0]]);
}

#[test]
fn what_is_too_old_goes_and_the_coarser_values_stay() {
    let place = Place::new();
    let store = place.store();
    place.write((0..5 * 24).map(|hour| day(0) + hour * 3600));
    store.take_samples(&place.spool()).unwrap();
    store.roll_up(at(day(5) + 10), KEEP).unwrap();
    let kept = store.kept_samples().unwrap();
    assert_eq!((kept.samples, kept.minutes, kept.hours, kept.days, kept.series), (2 * 48, 2 * 72, 240, 10, 2));
    place.write(std::iter::once(day(40)));
    store.take_samples(&place.spool()).unwrap();
    store.roll_up(at(day(41)), KEEP).unwrap();
    let kept = store.kept_samples().unwrap();
    assert_eq!((kept.samples, kept.minutes, kept.hours, kept.days), (2, 0, 242, 12));
}

#[test]
fn a_time_is_told_at_every_width_by_what_is_kept_of_it() {
    let place = Place::new();
    let store = place.store();
    let seconds: Vec<i64> = (0..3 * DAY / 10).map(|n| day(0) + n * 10).collect();
    place.write(seconds.iter().copied().take_while(|s| *s < day(2)));
    store.take_samples(&place.spool()).unwrap();
    store.roll_up(at(day(2)), KEEP).unwrap();
    // The third day is fresh in the history, and its end in the spool.
    place.write(seconds.iter().copied().filter(|s| (day(2)..day(2) + 40_000).contains(s)));
    store.take_samples(&place.spool()).unwrap();
    place.write(seconds.iter().copied().filter(|s| *s >= day(2) + 40_000));
    let spool = place.spool();
    let all = series(&store, Some(&spool));
    let compare = |widths: &[i64], spool| {
        for width in widths.iter().copied() {
            let told = store.points(&all, (at(day(0)), at(day(3))), SignedDuration::from_secs(width), spool).unwrap();
            let mut parts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            seconds.iter().for_each(|s| parts.entry(s.div_euclid(width) * width).or_default().push(*s));
            for (number, told) in (1..).zip(&told) {
                assert_eq!(told.len(), parts.len(), "width {width}");
                for (point, (began, part)) in told.iter().zip(&parts) {
                    assert_eq!(point.at.as_second(), *began);
                    let [min, mean, max, _, last, count] = reckoned(number, part);
                    let told = [point.min, point.mean, point.max, 0.0, point.last, point.count as f64];
                    near(&told, &[min, mean, max, 0.0, last, count], 0.0);
                }
            }
        }
    };
    compare(&[10, 60, 3600, 7 * 3600, DAY], Some(&*spool));
    // Only a part of the time.
    let hour = (at(day(1)), at(day(1) + 3600));
    let told = store.points(&all[..1], hour, SignedDuration::from_secs(60), None).unwrap();
    assert_eq!((told[0].len(), told[0][0].at), (60, hour.0));
    let summary = store.summaries(&all[..1], (at(day(0)), at(day(2)))).unwrap()[0].unwrap();
    let part: Vec<i64> = seconds.iter().copied().filter(|s| *s < day(2)).collect();
    let told = [summary.min, summary.mean, summary.max, summary.p95, summary.last, summary.count as f64];
    near(&told, &reckoned(1, &part), 0.05);
    assert_eq!(store.summaries(&all, (at(0), at(10))).unwrap(), [None, None]);
    // When the samples of two days are gone, minutes tell of them.
    store.take_samples(&spool).unwrap();
    let rolled = store.roll_up(at(day(3)), Keep { samples: SignedDuration::from_hours(24), ..KEEP }).unwrap();
    assert_eq!((rolled.days, rolled.removed), (1, 4 * 8640));
    compare(&[60, 300, 3600, 7 * 3600, DAY], None);
    let told = store.points(&all[..1], (at(day(1)), at(day(2) + 20)), SignedDuration::from_secs(1), None).unwrap();
    assert_eq!((told[0].len(), told[0].iter().map(|point| point.count).sum()), (1440 + 2, 8640 + 2));
}

#[test]
fn before_the_first_minute_that_is_kept_hours_are_told() {
    let place = Place::new();
    let store = place.store();
    place.write((0..40 * 24).map(|hour| day(0) + hour * 3600));
    store.take_samples(&place.spool()).unwrap();
    store.roll_up(at(day(40)), KEEP).unwrap();
    let all = series(&store, None);
    let told = store.points(&all[..1], (at(day(0)), at(day(40))), SignedDuration::from_secs(1), None).unwrap();
    // One value an hour was measured, so that each is told once, from whatever is kept of it.
    assert_eq!(told[0].len(), 40 * 24);
    assert!(told[0].iter().all(|point| point.count == 1));
}

#[test]
fn a_clock_that_is_years_ahead_makes_nothing_old() {
    let place = Place::new();
    let store = place.store();
    let count = |table: &str| rows(&store, &format!("select count(*)::double from {table}"))[0][0];
    let day_of = |n: i64| (0..24).map(move |hour| day(n) + hour * 3600);
    for n in [0, 1, 2] {
        place.write(day_of(n));
        store.take_samples(&place.spool()).unwrap();
        store.roll_up(at(day(n + 1)), KEEP).unwrap();
    }
    // While the third day is measured the clock is ahead by ten years, for an hour, and right again.
    place.write(day_of(3).take(12));
    place.write((0..360).map(|n| day(3650) + n * 10));
    store.take_samples(&place.spool()).unwrap();
    let rolled = store.roll_up(at(day(3650) + 3600), KEEP).unwrap();
    assert_eq!((rolled.days, rolled.removed), (1, 48), "as on any other day: the samples of the first one");
    assert_eq!((count("samples_1m"), count("metric_days")), (168.0 + 120.0, 8.0));
    place.write(day_of(3).skip(12));
    store.take_samples(&place.spool()).unwrap();
    store.roll_up(at(day(4)), KEEP).unwrap();
    assert_eq!(count("samples_1m"), 192.0 + 120.0);
    for (number, told) in (1..).zip(rows(
        &store,
        &format!(
            "select min, mean, max, p95, last, count from metric_days where ts = make_timestamp({}) order by series",
            day(3) * 1_000_000
        ),
    )) {
        near(&told, &reckoned(number, &day_of(3).collect::<Vec<_>>()), 0.05);
    }
}
