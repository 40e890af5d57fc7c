//! What ran out or nearly did, and when: hours of the time that is told, put together to spells. It computes from hourly
//! values; an hour in which it happened is told as a whole one.

use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use super::{
    ResourceKind, Shortage,
    pick::{KILLS, Line, PAGED, Picked, UP},
};
use crate::{metrics::said, store::Point, words};

/// From here on a disk, or its files, have nearly run out, and from here on they have.
const NEARLY: f64 = 0.90;
const OUT: f64 = 0.95;
/// From here on there is hardly any memory left, or a processor or disk is at work without a break.
const ALL: f64 = 0.95;
/// So many pages a second between memory and disk, over a whole hour, are a storm.
const STORM: f64 = 200.0;
/// What did not answer for less than so many minutes is not worth a line.
const MINUTES: f64 = 5.0;
/// How many are told.
const MOST: usize = 12;

/// The time that is told, and where its reader lives.
pub(super) struct Seen<'a> {
    pub(super) to: Timestamp,
    pub(super) zone: &'a TimeZone,
}

/// What ran out or nearly did, what matters most first.
pub(super) fn shortages(picked: &Picked, seen: &Seen<'_>) -> Vec<Shortage> {
    let mut all: Vec<Shortage> =
        picked.lines.iter().chain(&picked.silent).filter_map(|line| shortage(line, seen)).collect();
    all.sort_by_key(|s| (!s.ran_out, !s.lasts, std::cmp::Reverse(s.hours)));
    all.truncate(MOST);
    all
}

fn shortage(line: &Line, seen: &Seen<'_>) -> Option<Shortage> {
    let of = &line.subject;
    let most = line.points.iter().map(|p| p.max).fold(0.0, f64::max);
    let spells = |found: &dyn Fn(&Point) -> bool| Spells::new(&line.points, found, seen);
    match (line.kind, line.metric.name) {
        (ResourceKind::Space, _) if most >= NEARLY => {
            let (limit, share) = if most >= OUT { (OUT, "95%") } else { (NEARLY, "90%") };
            let spells = spells(&|p| p.max >= limit)?;
            let text = spells.told(&format!("The disk {of}"), ("was", "has been"), &format!("more than {share} full"));
            Some(spells.shortage(line.kind, most >= OUT, at_most(text, most)))
        }
        (ResourceKind::Files, _) if most >= NEARLY => {
            let spells = spells(&|p| p.max >= NEARLY)?;
            let text = spells.told(&format!("The disk {of}"), ("held", "has held"), "nearly all the files it can");
            Some(spells.shortage(line.kind, most >= OUT, at_most(text, most)))
        }
        (ResourceKind::Memory, KILLS) => killed(line, seen),
        (ResourceKind::Memory, _) => {
            let spells = spells(&|p| p.max >= ALL)?;
            let text = spells.told("Less than 5% of the memory", ("was", "has been"), "left");
            Some(spells.shortage(line.kind, true, text))
        }
        (ResourceKind::Swap, PAGED) => {
            let spells = spells(&|p| p.mean >= STORM)?;
            let what = "moved to the disk and back all the time (swapping)";
            let text = spells.told("Memory was so short that it", ("was", "has been"), what);
            Some(spells.shortage(line.kind, true, text))
        }
        (ResourceKind::Processor, _) => {
            let spells = spells(&|p| p.mean >= ALL)?;
            let text = spells.told("The processor", ("was", "has been"), "at work nearly without a break");
            Some(spells.shortage(line.kind, true, text))
        }
        (ResourceKind::DiskAtWork, _) => {
            let spells = spells(&|p| p.mean >= ALL)?;
            let text = spells.told(&format!("The disk {of}"), ("was", "has been"), "at work nearly without a break");
            Some(spells.shortage(line.kind, true, text))
        }
        (ResourceKind::Answers, UP) => silent(line, seen),
        _ => None,
    }
}

fn at_most(text: String, most: f64) -> String {
    format!("{text} At most it was {}.", said::in_unit("1", most))
}

/// Programs that the kernel ended.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
fn killed(line: &Line, seen: &Seen<'_>) -> Option<Shortage> {
    let spells = Spells::new(&line.points, &|p| p.max > 0.0, seen)?;
    let count: f64 = line.points.iter().map(|p| p.mean * measured(&line.points, p)).sum();
    let times = match count.round().max(1.0) as usize {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", words::thousands(n)),
    };
    // It is over as soon as it happened.
    let text = format!("The kernel ended {} {times} for lack of memory, {}.", line.subject, spells.past());
    Some(Shortage { lasts: false, ..spells.shortage(line.kind, true, text) })
}

/// A target that did not answer.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of weeks")]
fn silent(line: &Line, seen: &Seen<'_>) -> Option<Shortage> {
    let spells = Spells::new(&line.points, &|p| p.mean < 1.0, seen)?;
    let minutes: f64 =
        line.points.iter().map(|p| (1.0 - p.mean).clamp(0.0, 1.0) * measured(&line.points, p) / 60.0).sum();
    let down = line.points.last().is_some_and(|p| p.last < 1.0);
    if minutes < MINUTES && !down {
        return None;
    }
    let text = if down {
        format!(
            "The target {} gives no right answer{}.",
            line.subject,
            spells.since().map_or_else(String::new, |s| format!(" {s}"))
        )
    } else {
        let long = words::minutes(minutes.round() as u32);
        format!("The target {} gave no right answer for about {long}, {}.", line.subject, spells.past())
    };
    Some(Shortage { lasts: down, ..spells.shortage(line.kind, true, text) })
}

/// The seconds of an hour in which something was measured, told by how many samples other hours have.
#[allow(clippy::cast_precision_loss)]
fn measured(points: &[Point], point: &Point) -> f64 {
    let whole = points.iter().map(|p| p.count).max().unwrap_or(1).max(1);
    3600.0 * point.count as f64 / whole as f64
}

/// The hours in which something was so.
struct Spells<'a> {
    /// Each with its first hour and the hour after its last.
    spells: Vec<(i64, i64)>,
    /// The first hour that was measured: what was so in it began then or before.
    first: i64,
    lasts: bool,
    zone: &'a TimeZone,
    to: Timestamp,
}

impl<'a> Spells<'a> {
    fn new(points: &[Point], found: &dyn Fn(&Point) -> bool, seen: &Seen<'a>) -> Option<Self> {
        let hour = |p: &Point| p.at.as_second().div_euclid(3600);
        let mut spells: Vec<(i64, i64)> = Vec::new();
        for at in points.iter().filter(|p| found(p)).map(hour) {
            match spells.last_mut() {
                Some((_, end)) if *end == at => *end += 1,
                _ => spells.push((at, at + 1)),
            }
        }
        let last = spells.last()?.1;
        // Of an end that nobody saw nothing is known.
        let now = seen.to.as_second().div_euclid(3600);
        let first = points.first().map_or(0, hour);
        Some(Spells { spells, first, lasts: last >= now, zone: seen.zone, to: seen.to })
    }

    fn shortage(&self, kind: ResourceKind, ran_out: bool, text: String) -> Shortage {
        let hours: i64 = self.spells.iter().map(|(from, to)| to - from).sum();
        let at = |hour: Option<i64>| hour.and_then(|h| Timestamp::from_second(h * 3600).ok()).unwrap_or(self.to);
        Shortage {
            kind,
            ran_out,
            lasts: self.lasts,
            from: at(self.spells.first().map(|s| s.0)),
            to: at(self.spells.last().map(|s| s.1)),
            hours: usize::try_from(hours).unwrap_or(0),
            text,
        }
    }

    /// `The disk /var has been more than 95% full since 20 November, 03:00.`
    fn told(&self, subject: &str, (was, has_been): (&str, &str), what: &str) -> String {
        match self.since().filter(|_| self.lasts) {
            Some(since) => format!("{subject} {has_been} {what} {since}."),
            None => format!("{subject} {was} {what} {}.", self.past()),
        }
    }

    fn local(&self, hour: i64) -> Option<DateTime> {
        Some(self.zone.to_datetime(Timestamp::from_second(hour.checked_mul(3600)?).ok()?))
    }

    /// What clocks are called where the reader lives: `CET`.
    fn clock(&self) -> String {
        self.zone.to_offset_info(self.to).abbreviation().to_owned()
    }

    /// `since 20 November, 03:00 CET`.
    fn since(&self) -> Option<String> {
        let began = self.spells.last()?.0;
        let from = self.local(began)?;
        if began == self.first {
            return Some(from.strftime("since %-d %B or before").to_string());
        }
        Some(format!("{} {}", from.strftime("since %-d %B, %H:%M"), self.clock()))
    }

    /// `on 17 November between 02:00 and 05:00 UTC`, `for 12 hours in all, last on 18 November`.
    fn past(&self) -> String {
        let Some((from, to)) = self.spells.last().and_then(|(from, to)| self.local(*from).zip(self.local(*to))) else {
            return "in this time".to_owned();
        };
        let hours: i64 = self.spells.iter().map(|(from, to)| to - from).sum();
        let midnight = to.time() == Time::midnight();
        let last_day = if midnight { to.date().yesterday().unwrap_or(to.date()) } else { to.date() };
        let end = if midnight { "24:00".to_owned() } else { to.strftime("%H:%M").to_string() };
        let zone = self.clock();
        let last = if from.date() == last_day {
            format!("on {} and {end} {zone}", from.strftime("%-d %B between %H:%M"))
        } else {
            format!("from {} to {}, {end} {zone}", from.strftime("%-d %B, %H:%M"), last_day.strftime("%-d %B"))
        };
        match self.spells.len() {
            1 => last,
            n => format!("in {hours} hours on {} occasions, the last {last}", words::number(n)),
        }
    }
}
