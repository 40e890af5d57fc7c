//! The sentences about resources.

use jiff::{Timestamp, tz::TimeZone};

use super::{Change, Resource, ResourceKind, Shortage, pick::Line};
use crate::{analysis::periods::Verdict, metrics::said, words};

/// How many changes are told.
const CHANGES: usize = 6;

/// A value of a line, for people. Parts of a percent that change from minute to minute are left out.
pub(super) fn value(line: &Line, value: f64) -> String {
    let size = (value * 100.0).abs();
    match line.metric.unit {
        _ if line.daily => said::in_unit("{message}", value),
        "1" if size >= 10.0 => said::in_unit("1", (value * 100.0).round() / 100.0),
        "1" if size >= 1.0 => said::in_unit("1", (value * 1000.0).round() / 1000.0),
        "1" => said::in_unit("1", (value * 10_000.0).round() / 10_000.0),
        _ => said::value(line.metric, value),
    }
}

/// `the 7 days until 23 November`.
pub(super) fn period(from: Timestamp, to: Timestamp, zone: &TimeZone) -> String {
    format!("the {} until {}", said::length(from, to), zone.to_datetime(to).strftime("%-d %B"))
}

/// How much of the time was measured, where much is missing.
pub(super) fn gaps(measured: usize, hours: usize) -> Option<String> {
    // An hour or two are lost at every restart.
    let much = measured * 100 < hours * 95;
    much.then(|| {
        let hours = words::count(hours, "hour", "hours");
        format!("It was measured for {} of {hours}. Of the rest nothing is known.", words::thousands(measured))
    })
}

/// What it comes to.
pub(super) fn summary(list: &[Resource], shortages: &[Shortage], over: &str, gaps: bool) -> String {
    let seen = if gaps { ", as far as was measured" } else { "" };
    match shortages {
        [] => format!("It had enough of everything in these {over}{seen}: {}.", words::list(&usual(list))),
        many => {
            let out = many.iter().filter(|s| s.ran_out).count();
            let (n, what) = if out > 0 { (out, "failed or ran short") } else { (many.len(), "nearly ran short") };
            let things = if n == 1 { "one thing".to_owned() } else { format!("{} things", words::number(n)) };
            format!("{} {what} in these {over}{seen}.", words::capital(&things))
        }
    }
}

/// What is told where all is well: the processor, the memory, the fullest disk.
fn usual(list: &[Resource]) -> Vec<String> {
    let of = |kind| list.iter().find(|r: &&Resource| r.kind == kind);
    let mut parts = Vec::new();
    if let Some(r) = of(ResourceKind::Processor) {
        parts.push(format!("the processor was in use for {} of the time", r.now.mean_text));
    }
    if let Some(r) = of(ResourceKind::Memory) {
        parts.push(format!("memory reached {} at most", r.now.max_text));
    }
    if let Some(r) = of(ResourceKind::Space) {
        let place = r.labels.get("system.filesystem.mountpoint").map(|p| words::harmless(p)).unwrap_or_default();
        parts.push(format!("the fullest disk ({place}) {}", r.now.max_text));
    }
    if parts.is_empty() {
        parts.push(format!("{} looked at", words::count(list.len(), "thing was", "things were")));
    }
    parts
}

/// How it differs from the time before.
pub(super) fn change(change: Option<Change>, before: bool) -> &'static str {
    match change {
        Some(Change::More) => "more than before",
        Some(Change::Less) => "less than before",
        Some(Change::Same) => "as before",
        None if before => "too little to tell",
        None => "not measured before",
    }
}

/// What is told of as one: whatever comes first in the list tells for what comes with it.
fn family(kind: ResourceKind) -> ResourceKind {
    match kind {
        ResourceKind::Load | ResourceKind::Waiting => ResourceKind::Processor,
        ResourceKind::Swap => ResourceKind::Memory,
        ResourceKind::DiskDelay => ResourceKind::DiskAtWork,
        other => other,
    }
}

/// What changed by more than noise, in sentences: what is worse first, then what moved most; of things that go together only
/// one.
pub(super) fn changes(list: &[Resource]) -> Vec<String> {
    let weight = |r: &Resource, before: f64| {
        let size = r.now.mean.abs().max(before.abs()).max(f64::MIN_POSITIVE);
        let worse = match r.verdict {
            Verdict::Worse => 2.0,
            Verdict::Better => 1.0,
            Verdict::Neither => 0.0,
        };
        worse + ((r.now.mean - before).abs() / size).min(0.999)
    };
    let mut told: Vec<(ResourceKind, f64, String)> = Vec::new();
    for r in list {
        let Some(before) = &r.before else { continue };
        let verb = match r.change {
            Some(Change::More) => "rose",
            Some(Change::Less) => "fell",
            Some(Change::Same) | None => continue,
        };
        // Two means that read the same say nothing.
        let (from, to) = (&before.mean_text, &r.now.mean_text);
        let kind = family(r.kind);
        // Two disks are two things.
        let with = |of: ResourceKind| of == kind && !matches!(kind, ResourceKind::Space | ResourceKind::Answers);
        if from == to || told.iter().any(|(of, ..)| with(*of)) {
            continue;
        }
        told.push((kind, weight(r, before.mean), format!("{} {verb} from {from} to {to} on average.", r.title)));
    }
    told.sort_by(|a, b| b.1.total_cmp(&a.1));
    told.into_iter().map(|(.., text)| text).take(CHANGES).collect()
}
