//! What can run out, and how each is spoken of: which metric tells of it, and at which value nothing is left.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Ahead, Kind, Outlook, Seen, State, Trust};
use crate::{
    analysis::forecast::{self, Crossing, Forecast, Limit, Range, Side, Silence, Step, words::Saying},
    metrics::{self, Metric},
    store::{Point, SeriesRow, Store, StoreError},
    words::{self, harmless},
};

/// So many days of history are looked at.
pub(super) const PAST: i64 = 200;
/// What was not measured for so many days is gone: a disk that was taken out, a program that is no more.
const GONE: i64 = 2;
/// The most things of one kind, those that are nearest to their limit.
const MOST: usize = 64;
/// The most programs, those that hold most memory.
const PROGRAMS: usize = 5;
/// A program that holds less of the memory than this when it is all used up is not the one that leaks.
const SHARE: f64 = 0.02;
/// Where memory has run out: the last of it is never free.
const NO_MEMORY: f64 = 0.98;
/// A rise within two days that is so many times the largest before is something new.
const NEW: f64 = 1.5;
/// Which matters where so many more of it reach the limit.
const SOON: f64 = 7.0;
/// Days ahead that are kept beyond what is told of.
const BEYOND: usize = 14;
/// Days ahead that are kept where no day is told.
const AHEAD: usize = 60;

/// Something that can run out.
pub(super) struct Thing {
    kind: Kind,
    metric: &'static str,
    pub(super) limit: f64,
    range: Range,
    pub(super) what: fn(&BTreeMap<String, String>) -> String,
    pub(super) words: fn(&str) -> Saying<'_>,
}

/// What can run out, as far as a metric tells of it.
pub(super) fn known(metric: &str) -> Option<&'static Thing> {
    THINGS.iter().find(|thing| thing.metric == metric)
}

fn of(labels: &BTreeMap<String, String>, label: &str) -> String {
    harmless(labels.get(label).map_or("", String::as_str))
}

const MOUNT: &str = "system.filesystem.mountpoint";

/// Whether it is a file system in memory: it is made to be filled, and empty after the next start.
fn in_memory(labels: &BTreeMap<String, String>) -> bool {
    let label = |name| labels.get(name).map_or("", String::as_str);
    let (device, path) = (label("system.device"), label(MOUNT));
    // A disk that someone plugged in is mounted below /run, too; that has a device with a path.
    ["tmpfs", "ramfs", "devtmpfs", "udev", "shm"].contains(&device)
        || !device.contains('/') && ["/dev/", "/run/"].iter().any(|of| path.starts_with(of))
}

/// All but programs, whose limit is what the others leave them.
const THINGS: [Thing; 4] = [
    Thing {
        kind: Kind::Disk,
        metric: "system.filesystem.utilization",
        limit: 1.0,
        range: Range::SHARE,
        what: |labels| format!("The disk {}", of(labels, MOUNT)),
        words: |what| Saying::disk(what),
    },
    Thing {
        kind: Kind::Inodes,
        metric: "system.filesystem.inodes.utilization",
        limit: 1.0,
        range: Range::SHARE,
        what: |labels| format!("The room for new files on {}", of(labels, MOUNT)),
        words: |what| Saying::supply(what),
    },
    Thing {
        kind: Kind::Memory,
        metric: "system.memory.utilization",
        limit: NO_MEMORY,
        range: Range::SHARE,
        what: |_| "The memory".to_owned(),
        words: |what| Saying::supply(what),
    },
    Thing {
        kind: Kind::Swap,
        metric: "system.paging.utilization",
        limit: 1.0,
        range: Range::SHARE,
        what: |_| "The swap".to_owned(),
        words: |what| Saying::supply(what),
    },
];

const PROGRAM: &str = "process.memory.usage";
const LEFT: &str = "system.memory.linux.available";

/// What is read once and asked again and again.
pub(super) struct Reader<'a> {
    store: &'a Store,
    host: &'a str,
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
    measured: Vec<(SeriesRow, Vec<Point>)>,
}

/// A series that is still measured, with its days.
pub(super) struct Alive<'a> {
    pub(super) metric: &'static Metric,
    pub(super) series: &'a SeriesRow,
    pub(super) points: &'a [Point],
    pub(super) now: f64,
}

/// The outlooks of all things that are measured, in no order.
pub(super) fn outlooks(reader: &Reader<'_>) -> Vec<Outlook> {
    let mut all = Vec::new();
    for thing in &THINGS {
        let mut alive = reader.alive(thing.metric);
        alive.retain(|alive| !in_memory(&alive.series.labels));
        alive.sort_by(|a, b| b.now.total_cmp(&a.now));
        let told = |alive: Alive<'_>| {
            let what = (thing.what)(&alive.series.labels);
            let saying = (thing.words)(&what);
            reader.outlook(thing.kind, &alive, thing.limit, thing.range, saying)
        };
        all.extend(alive.into_iter().take(MOST).map(told));
    }
    all.extend(reader.programs());
    all
}

/// The metrics that tell of them.
pub(super) fn metrics() -> impl Iterator<Item = &'static str> {
    THINGS.iter().map(|thing| thing.metric).chain([PROGRAM, LEFT])
}

impl<'a> Reader<'a> {
    /// Reads these metrics over so many days, at points so many hours wide.
    pub(super) fn new(
        store: &'a Store,
        host: &'a str,
        (now, zone): (Timestamp, &'a TimeZone),
        names: &[&str],
        (days, hours): (i64, i64),
    ) -> Result<Self, StoreError> {
        let mut reader = Reader { store, host, now, zone, measured: vec![] };
        reader.measured = reader.measure(names, days, hours)?;
        Ok(reader)
    }

    /// The series of a metric that were measured of late.
    pub(super) fn alive<'b>(&'b self, name: &str) -> Vec<Alive<'b>> {
        let Some(metric) = metrics::metric(name) else { return vec![] };
        let gone = self.back(GONE);
        let alive = |(series, points): &'b (SeriesRow, Vec<Point>)| {
            let last = points.last()?;
            (series.metric == name && last.at >= gone).then_some(Alive { metric, now: last.last, series, points })
        };
        self.measured.iter().filter_map(alive).collect()
    }

    /// The hours of late of all series of a metric.
    pub(super) fn hours(&self, name: &str) -> Result<Vec<(SeriesRow, Vec<Point>)>, StoreError> {
        self.measure(&[name], GONE + 1, 1)
    }

    fn measure(&self, names: &[&str], days: i64, hours: i64) -> Result<Vec<(SeriesRow, Vec<Point>)>, StoreError> {
        let until = self.now.checked_add(SignedDuration::from_secs(1)).unwrap_or(self.now);
        let (time, width) = ((self.back(days), until), SignedDuration::from_hours(hours));
        let wanted = |series: &SeriesRow| names.contains(&series.metric.as_str());
        self.store.measured_of(self.host, wanted, time, width, Some(&self.store.spool()))
    }

    /// So many days before now.
    fn back(&self, days: i64) -> Timestamp {
        self.now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Programs that take more and more memory: each may have what is left of it.
    fn programs(&self) -> Vec<Outlook> {
        let Some(left) = self.alive(LEFT).first().map(|alive| alive.now) else { return vec![] };
        let mut programs = self.alive(PROGRAM);
        programs.retain(|alive| alive.now > SHARE * (alive.now + left));
        programs.sort_by(|a, b| b.now.total_cmp(&a.now));
        let told = |alive: Alive<'_>| {
            let what = format!("The program {}", of(&alive.series.labels, "process.executable.name"));
            let saying = Saying {
                subject: &what,
                reach: "use up all memory",
                reached: "has used up all memory",
                rests: "is not taking more and more memory",
            };
            self.outlook(Kind::Program, &alive, alive.now + left, Range::AMOUNT, saying)
        };
        programs.into_iter().take(PROGRAMS).map(told).collect()
    }

    fn outlook(&self, kind: Kind, alive: &Alive<'_>, limit: f64, range: Range, saying: Saying<'_>) -> Outlook {
        let limit = Limit { value: limit, side: Side::Rising };
        let history = whole(alive.points, self.now, Step::Day);
        let found = foreseen(&history, alive.now, limit, range);
        let mut told = self.told(kind, (alive, &history), (limit, saying), found, (AHEAD, range));
        if matches!(told.state, State::Steady | State::Later) && is_new(&history, alive.now, limit.value) {
            let because = "it rose faster in the last days than ever before".to_owned();
            told.says = format!("Nothing can be said of {}: {because}.", within(saying.subject));
            told.state = State::Unsaid { because };
            told.earliest = None;
            told.forecast.clear();
        }
        told
    }

    /// What was foreseen of a thing, in words. Where no moment is told, so many steps ahead are kept.
    pub(super) fn told(
        &self,
        kind: Kind,
        (alive, history): (&Alive<'_>, &[forecast::Point]),
        (limit, saying): (Limit, Saying<'_>),
        (forecast, found): (Option<Forecast>, Result<Crossing, Silence>),
        (ahead, range): (usize, Range),
    ) -> Outlook {
        let (state, [at, earliest, latest]) = state(&found, self.now);
        let trust = forecast.as_ref().map(trust);
        let forecast = forecast.filter(|_| found.is_ok());
        Outlook {
            kind,
            what: saying.subject.to_owned(),
            metric: alive.metric.name.to_owned(),
            labels: alive.series.labels.clone(),
            unit: alive.metric.unit.to_owned(),
            now: alive.now,
            limit: Some(limit.value),
            state,
            at,
            earliest,
            latest,
            days_left: at.map(|at| words::days_between(self.now, at)),
            says: match &found {
                Err(silence) => unsaid(saying.subject, *silence),
                found => forecast::words::crossing(found, saying, self.now, self.zone),
            },
            trust,
            history: seen(history),
            forecast: forecast.map(|f| kept(&f, latest.or(at), self.now, ahead, range)).unwrap_or_default(),
        }
    }
}

/// That nothing is said of a thing, and why.
pub(super) fn unsaid(what: &str, silence: Silence) -> String {
    let yet = if matches!(silence, Silence::TooShort { .. }) { " yet" } else { "" };
    format!("Nothing can be said of {}{yet}: {silence}.", within(what))
}

/// A subject within a sentence.
pub(super) fn within(what: &str) -> String {
    what.strip_prefix("The ").map_or_else(|| what.to_owned(), |rest| format!("the {rest}"))
}

/// Whether it rises as it never did, and would reach the limit soon if that went on: days of the past know nothing of that.
fn is_new(history: &[forecast::Point], now: f64, limit: f64) -> bool {
    let values: Vec<f64> = history.iter().map(|point| point.value).collect();
    let Some((past, [before, _])) = values.split_last_chunk::<2>() else { return false };
    let rises = past.iter().zip(past.iter().skip(2)).map(|(a, b)| b - a);
    let most = rises.fold(0.0, f64::max);
    let rise = now - before;
    rise > NEW * most && rise * SOON > limit - now
}

/// The means of steps. One that has only begun says nothing about a whole one.
pub(super) fn whole(points: &[Point], now: Timestamp, step: Step) -> Vec<forecast::Point> {
    let half = SignedDuration::from_secs(step.seconds() / 2);
    let begun = |point: &&Point| now.duration_since(point.at) < half;
    let skip = usize::from(points.len() > 1 && points.last().as_ref().is_some_and(begun));
    let whole = points.iter().take(points.len() - skip);
    whole.map(|point| forecast::Point { at: point.at, value: point.mean }).collect()
}

pub(super) fn seen(history: &[forecast::Point]) -> Vec<Seen> {
    history.iter().map(|point| Seen { at: point.at, value: point.value }).collect()
}

/// What is likely, and when it reaches the limit.
pub(super) fn foreseen(
    history: &[forecast::Point],
    now: f64,
    limit: Limit,
    range: Range,
) -> (Option<Forecast>, Result<Crossing, Silence>) {
    if limit.reached(now) {
        return (None, Ok(Crossing::Already));
    }
    // Where values end at the limit nobody sees at which hour of a day it was reached.
    match forecast::days(history, Range { high: None, ..range }) {
        Ok(forecast) => {
            let found = forecast.crossing(limit);
            (Some(forecast), found)
        }
        Err(silence) => (None, Err(silence)),
    }
}

/// What is said, and around when, the earliest and the latest.
pub(super) fn state(found: &Result<Crossing, Silence>, now: Timestamp) -> (State, [Option<Timestamp>; 3]) {
    match found {
        Ok(Crossing::Already) => (State::RunOut, [Some(now), Some(now), Some(now)]),
        Ok(Crossing::Reached(reached)) => (State::Foretold, [Some(reached.around), Some(reached.early), reached.late]),
        Ok(Crossing::NotBefore { early }) => (State::Later, [None, Some(*early), None]),
        Ok(Crossing::NotUntil { .. }) => (State::Steady, [None; 3]),
        Err(silence) => (State::Unsaid { because: silence.to_string() }, [None; 3]),
    }
}

pub(super) fn trust(forecast: &Forecast) -> Trust {
    let score = forecast.score;
    Trust {
        days: score.history * usize::try_from(forecast.step.seconds()).unwrap_or(0) / 86_400,
        tries: score.moments,
        error: score.error,
        plain_error: score.naive,
        held: score.coverage,
    }
}

/// The steps ahead, until a while after the last moment that is told of.
fn kept(forecast: &Forecast, until: Option<Timestamp>, now: Timestamp, ahead: usize, range: Range) -> Vec<Ahead> {
    #[allow(clippy::cast_precision_loss, reason = "seconds of a step")]
    let per_day = 86_400.0 / forecast.step.seconds() as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "steps, not below 0")]
    let told = until.map_or(ahead, |until| (words::days_between(now, until).max(0.0) * per_day) as usize + BEYOND);
    let clip = |a: Ahead| Ahead { low: range.clip(a.low), value: range.clip(a.value), high: range.clip(a.high), ..a };
    steps(forecast).take(told.max(BEYOND)).map(clip).collect()
}

/// All steps of a forecast.
pub(super) fn steps(forecast: &Forecast) -> impl Iterator<Item = Ahead> {
    let bands = forecast.low.iter().zip(&forecast.median).zip(&forecast.high).enumerate();
    bands.map_while(|(n, ((low, value), high))| {
        Some(Ahead { at: forecast.middle(n)?, low: *low, value: *value, high: *high })
    })
}
