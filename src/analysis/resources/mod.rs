//! How much a machine had to do and how much room it had, over the time that a report tells, beside the time before; and
//! what ran out. It reads the hours it needs from the store and the spool, and nothing else.

mod model;
mod pick;
mod sentences;
mod short;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub use model::*;

use self::pick::Line;
use super::{
    outlook,
    periods::{self, Moved, Verdict},
};
use crate::{
    metrics::said,
    store::{Point, Store, StoreError},
};

/// Without a report to compare with, and with one that is too near or too far, so much is told.
const WEEK: i64 = 7 * 24;
/// Hours of a time that can be told: less says little, and more is asked of `cleanbill trend`.
const LENGTHS: std::ops::RangeInclusive<i64> = 3 * 24..=35 * 24;
/// Points of a course at most.
const POINTS: i64 = 84;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// How the history names the machine.
    pub host: &'a str,
    /// When the time ends.
    pub to: Timestamp,
    /// When the report was made that is compared with; the time begins then, where that makes a time that can be told.
    pub since: Option<Timestamp>,
    /// Where the reader lives.
    pub zone: &'a TimeZone,
}

/// What was measured in that time and the time before; none where nothing was.
///
/// # Errors
/// When the store cannot be read.
pub fn resources(store: &Store, asked: Asked<'_>) -> Result<Option<Resources>, StoreError> {
    let to = asked.to.as_second();
    let length = asked.since.map(|since| (to.saturating_sub(since.as_second()) + 1800).div_euclid(3600));
    let length = length.filter(|hours| LENGTHS.contains(hours)).unwrap_or(WEEK);
    let hour = |seconds: i64| Timestamp::from_second(seconds.div_euclid(3600) * 3600).unwrap_or(asked.to);
    let from = hour(to.saturating_sub(length * 3600));
    let before = hour(from.as_second().saturating_sub(length * 3600));
    let spool = store.spool();
    let width = SignedDuration::from_hours(1);
    let measured = store.measured_of(asked.host, pick::wanted, (before, asked.to), width, Some(&spool))?;
    let (mut now, mut past) = (Vec::new(), Vec::new());
    for (row, points) in measured {
        let points: Vec<Point> = points.into_iter().filter(sane).collect();
        let (old, new): (Vec<Point>, Vec<Point>) = points.into_iter().partition(|point| point.at < from);
        past.push((row.clone(), old));
        now.push((row, new));
    }
    let hours_in = |all: &[(_, Vec<Point>)]| {
        let hours: BTreeSet<Timestamp> = all.iter().flat_map(|(_, points)| points).map(|p| p.at).collect();
        hours.len()
    };
    let (measured, measured_before) = (hours_in(&now), hours_in(&past));
    if measured == 0 {
        return Ok(None);
    }
    let hours = usize::try_from((to - from.as_second() + 3599) / 3600).unwrap_or(0);
    // What was left out of the time before may be in this one, and the other way round: both are sorted out alike.
    let picked = pick::pick(now);
    let past = pick::pick(past);
    let before_of = |line: &Line| {
        let mut all = past.lines.iter().chain(&past.silent);
        all.find(|old| old.title == line.title && old.labels == line.labels).map_or(&[][..], |old| &old.points)
    };
    let lines = picked.lines.iter();
    let moved = periods::moved(&lines.map(|l| (l.metric.unit, before_of(l), l.points.as_slice())).collect::<Vec<_>>());
    let list: Vec<Resource> = picked
        .lines
        .iter()
        .zip(moved)
        .filter_map(|(line, moved)| resource(line, before_of(line), moved, (from, hours)))
        .collect();
    let shortages = short::shortages(&picked, &short::Seen { to: asked.to, zone: asked.zone });
    let over = said::length(from, asked.to);
    let gaps = sentences::gaps(measured, hours);
    Ok(Some(Resources {
        from,
        to: asked.to,
        period: sentences::period(from, asked.to, asked.zone),
        before: (measured_before > 0).then(|| format!("the {over} before")),
        hours,
        measured,
        summary: sentences::summary(&list, &shortages, &over, gaps.is_some()),
        gaps,
        shortages,
        changes: sentences::changes(&list),
        forecasts: forecasts(store, asked)?,
        list,
        left_out: picked.left_out,
    }))
}

/// How many forecasts are told.
const FORECASTS: usize = 12;

/// What will run out. What has already is told with what ran short.
fn forecasts(store: &Store, asked: Asked<'_>) -> Result<Vec<Foreseen>, StoreError> {
    let all = outlook::outlooks(store, asked.host, asked.to, asked.zone)?;
    let told = all.into_iter().filter(|o| o.state == outlook::State::Foretold).take(FORECASTS);
    Ok(told
        .map(|o| Foreseen { what: o.what, at: o.at, earliest: o.earliest, latest: o.latest, text: o.says })
        .collect())
}

/// Whether a point has values that can be.
fn sane(point: &Point) -> bool {
    point.min.is_finite() && point.mean.is_finite() && point.max.is_finite()
}

/// Room that moved by less than this is as before.
const ROOM: f64 = 0.02;

/// Whether room differs. It is kept, not used anew each hour: a test for noise would take a disk that fills up for one that
/// merely stays as full as an hour ago.
fn room(before: &Stretch, now: &Stretch) -> Moved {
    let shift = now.mean - before.mean;
    if shift.abs() < ROOM { Moved::Same } else { Moved::By(shift) }
}

fn resource(line: &Line, before: &[Point], moved: Moved, (from, hours): (Timestamp, usize)) -> Option<Resource> {
    let now = stretch(line, &line.points, from)?;
    let before = stretch(line, before, from);
    let moved = match (line.kind, &before) {
        (ResourceKind::Space | ResourceKind::Files, Some(before)) => room(before, &now),
        _ => moved,
    };
    let change = match moved {
        Moved::TooFew => None,
        Moved::Same => Some(Change::Same),
        Moved::By(shift) if shift > 0.0 => Some(Change::More),
        Moved::By(_) => Some(Change::Less),
    };
    Some(Resource {
        kind: line.kind,
        title: line.title.clone(),
        metric: line.metric.name.to_owned(),
        labels: line.labels.clone(),
        unit: if line.daily { "{message}/d".to_owned() } else { line.metric.unit.to_owned() },
        hours: line.points.len(),
        now,
        change,
        change_text: sentences::change(change, before.is_some()).to_owned(),
        before,
        verdict: match moved {
            Moved::By(shift) => Verdict::of(line.metric.better, shift > 0.0),
            _ => Verdict::Neither,
        },
        course: course(line, (from, hours)),
    })
}

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// What a line was like; none where nothing was measured. What is told by the day has a least and a most day.
fn stretch(line: &Line, points: &[Point], from: Timestamp) -> Option<Stretch> {
    let level = if line.daily {
        let day = |p: &Point| p.at.as_second().saturating_sub(from.as_second()).div_euclid(86_400);
        let days = points.chunk_by(|a, b| day(a) == day(b)).filter_map(periods::level).map(|level| level.mean * DAY);
        let days: Vec<f64> = days.collect();
        periods::Level {
            min: days.iter().copied().fold(f64::INFINITY, f64::min),
            mean: periods::level(points)?.mean * DAY,
            max: days.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    } else {
        periods::level(points)?
    };
    let rounded = |value: f64| round(line, value);
    let text = |value: f64| sentences::value(line, value);
    Some(Stretch {
        min: rounded(level.min),
        mean: rounded(level.mean),
        max: rounded(level.max),
        min_text: text(rounded(level.min)),
        mean_text: text(rounded(level.mean)),
        max_text: text(rounded(level.max)),
    })
}

fn round(line: &Line, value: f64) -> f64 {
    // Things that are counted by the day are whole.
    if line.daily { value.round() + 0.0 } else { line.metric.rounded(value) }
}

/// How a line went, in not too many points.
fn course(line: &Line, (from, hours): (Timestamp, usize)) -> Course {
    let hours = i64::try_from(hours).unwrap_or(i64::MAX).max(1);
    let step_hours = (hours + POINTS - 1) / POINTS;
    let count = usize::try_from((hours + step_hours - 1) / step_hours).unwrap_or(0);
    let mut parts: Vec<Vec<Point>> = vec![Vec::new(); count];
    for point in &line.points {
        let place = (point.at.as_second() - from.as_second()).div_euclid(3600 * step_hours);
        if let Some(part) = usize::try_from(place).ok().and_then(|place| parts.get_mut(place)) {
            part.push(*point);
        }
    }
    let scale = if line.daily { DAY } else { 1.0 };
    let levels: Vec<Option<periods::Level>> = parts.iter().map(|part| periods::level(part)).collect();
    // The most of a minute, told by the day, would be no number that anyone counts in.
    let of = |pick: fn(&periods::Level) -> f64| {
        let value = |l: &periods::Level| if line.daily { l.mean } else { pick(l) };
        levels.iter().map(|level| level.as_ref().map(|l| round(line, value(l) * scale))).collect()
    };
    Course { step_hours, min: of(|l| l.min), mean: of(|l| l.mean), max: of(|l| l.max) }
}
