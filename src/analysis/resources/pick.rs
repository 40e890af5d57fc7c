//! Which of all that is measured a report tells: a short list that is the same on every machine, as far as it was measured.

use std::collections::BTreeMap;

use super::ResourceKind;
use crate::{
    metrics::{self, Metric},
    store::{Point, SeriesRow},
    words::harmless,
};

/// A line of the list, with its hours.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) kind: ResourceKind,
    pub(super) title: String,
    /// What it is of, where there are several: `/var`, `sda`.
    pub(super) subject: String,
    pub(super) metric: &'static Metric,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether it is told as a number a day, though it is measured as one a second.
    pub(super) daily: bool,
    pub(super) points: Vec<Point>,
}

/// One of the metrics that are told: the kind, its name, what its labels have to be, which label tells them apart, how it
/// is called after that, and how many at most.
struct Wanted {
    kind: ResourceKind,
    metric: &'static str,
    only: &'static [(&'static str, &'static str)],
    by: Option<&'static str>,
    title: &'static str,
    most: usize,
}

const fn one(kind: ResourceKind, metric: &'static str, title: &'static str) -> Wanted {
    Wanted { kind, metric, only: &[], by: None, title, most: 1 }
}

const fn each(
    kind: ResourceKind,
    metric: &'static str,
    by: &'static str,
    only: &'static [(&'static str, &'static str)],
    title: &'static str,
    most: usize,
) -> Wanted {
    Wanted { kind, metric, only, by: Some(by), title, most }
}

const fn waiting(resource: &'static [(&'static str, &'static str)], title: &'static str) -> Wanted {
    Wanted { kind: ResourceKind::Waiting, metric: "system.pressure.stall", only: resource, by: None, title, most: 1 }
}

const CPU: &str = "system.cpu.utilization";
const DEVICE: &str = "system.device";
const PLACE: &str = "system.filesystem.mountpoint";
const CARD: &str = "network.interface.name";

/// What is told, in this order. `{}` stands for the label that tells lines apart.
const WANTED: [Wanted; 20] = [
    one(ResourceKind::Load, "system.cpu.load_average.5m", "Load"),
    one(ResourceKind::Memory, "system.memory.utilization", "Memory in use"),
    one(ResourceKind::Swap, "system.paging.utilization", "Swap in use"),
    waiting(&[("system.pressure.resource", "cpu"), ("system.pressure.kind", "some")], "Waiting for the processor"),
    waiting(&[("system.pressure.resource", "memory"), ("system.pressure.kind", "some")], "Waiting for memory"),
    waiting(&[("system.pressure.resource", "io"), ("system.pressure.kind", "some")], "Waiting for a disk"),
    each(ResourceKind::Space, "system.filesystem.utilization", PLACE, &[], "Room in use on {}", 6),
    each(ResourceKind::Files, "system.filesystem.inodes.utilization", PLACE, &[], "Files on {}, of all it can hold", 2),
    each(ResourceKind::DiskAtWork, "system.disk.utilization", DEVICE, &[], "Disk {} at work", 3),
    each(
        ResourceKind::DiskDelay,
        "system.disk.operation_time",
        DEVICE,
        &[DIRECTION[0]],
        "Time for a read on disk {}",
        3,
    ),
    each(
        ResourceKind::DiskDelay,
        "system.disk.operation_time",
        DEVICE,
        &[DIRECTION[1]],
        "Time for a write on disk {}",
        3,
    ),
    each(ResourceKind::Network, "system.network.io", CARD, &[TRAFFIC[0]], "Traffic received on {}", 2),
    each(ResourceKind::Network, "system.network.io", CARD, &[TRAFFIC[1]], "Traffic sent on {}", 2),
    each(ResourceKind::Answers, "http.client.request.duration", "target", &[], "Time to answer of {}", 4),
    each(ResourceKind::Answers, "tcp.connect.duration", "target", &[], "Time to connect to {}", 2),
    each(ResourceKind::Answers, "dns.lookup.duration", "target", &[], "Time for a name from {}", 2),
    Wanted {
        kind: ResourceKind::Errors,
        metric: "log.messages",
        only: &[("log.severity", "error")],
        by: None,
        title: "Errors a day in the logs",
        most: 1,
    },
    each(ResourceKind::Temperature, "hw.temperature", "hw.name", &[], "Temperature of {}", 2),
    // Not told in the list, but looked at for what ran out.
    each(ResourceKind::Answers, UP, "target", &[], "", 0),
    each(ResourceKind::Memory, KILLS, "process.executable.name", &[], "", 0),
];

const DIRECTION: [(&str, &str); 2] = [("disk.io.direction", "read"), ("disk.io.direction", "write")];
const TRAFFIC: [(&str, &str); 2] = [("network.io.direction", "receive"), ("network.io.direction", "transmit")];
/// Whether a target answered.
pub(super) const UP: &str = "target.up";
/// Programs that were ended for lack of memory, by name.
pub(super) const KILLS: &str = "kernel.oom_kills";
/// Pages between memory and disk.
pub(super) const PAGED: &str = "system.paging.operations";
/// Files of which a disk holds less than this are not worth a line.
const FILES: f64 = 0.5;

/// Whether a series is read at all.
pub(super) fn wanted(row: &SeriesRow) -> bool {
    row.metric == CPU || row.metric == PAGED || WANTED.iter().any(|wanted| wanted.fits(row))
}

impl Wanted {
    fn fits(&self, row: &SeriesRow) -> bool {
        row.metric == self.metric
            && self.only.iter().all(|(label, value)| row.labels.get(*label).is_some_and(|of| of == value))
            // Traffic within the machine goes over no network.
            && row.labels.get(CARD).is_none_or(|card| card != "lo")
    }
}

/// What was measured, sorted out.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// What is told.
    pub(super) lines: Vec<Line>,
    /// What is only looked at for what ran out.
    pub(super) silent: Vec<Line>,
    /// How many lines are left out.
    pub(super) left_out: usize,
}

/// Sorts out what was measured.
pub(super) fn pick(measured: Vec<(SeriesRow, Vec<Point>)>) -> Picked {
    let mut picked = Picked::default();
    picked.lines.extend(processor(&measured));
    for wanted in &WANTED {
        let Some(metric) = metrics::metric(wanted.metric) else { continue };
        let mut lines: Vec<Line> = measured
            .iter()
            .filter(|(row, points)| wanted.fits(row) && !points.is_empty())
            .map(|(row, points)| line(wanted, metric, row, points))
            .filter(telling)
            .collect();
        lines.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.subject.cmp(&b.subject)));
        if wanted.most == 0 {
            picked.silent.extend(lines);
            continue;
        }
        // All of them may have run out, whether they are told or not.
        let over = lines.split_off(lines.len().min(wanted.most));
        picked.left_out += over.len();
        picked.silent.extend(over);
        picked.lines.extend(lines);
    }
    if let Some(metric) = metrics::metric(PAGED) {
        let parts: Vec<&Vec<Point>> = measured.iter().filter(|(row, _)| row.metric == PAGED).map(|(_, p)| p).collect();
        if !parts.is_empty() {
            let points = added(&parts);
            let line = Line { points, ..plain(ResourceKind::Swap, String::new(), metric) };
            picked.silent.push(line);
        }
    }
    // Lines of one kind stand together, in the order of the list.
    picked.lines.sort_by_key(|line| line.kind);
    picked
}

fn plain(kind: ResourceKind, title: String, metric: &'static Metric) -> Line {
    Line { kind, title, subject: String::new(), metric, labels: BTreeMap::new(), daily: false, points: Vec::new() }
}

fn line(wanted: &Wanted, metric: &'static Metric, row: &SeriesRow, points: &[Point]) -> Line {
    let subject = wanted.by.and_then(|by| row.labels.get(by)).map(|text| harmless(text)).unwrap_or_default();
    Line {
        title: wanted.title.replace("{}", &subject),
        subject,
        labels: row.labels.clone(),
        daily: wanted.kind == ResourceKind::Errors,
        points: points.to_vec(),
        ..plain(wanted.kind, String::new(), metric)
    }
}

/// Whether a line says anything: swap and waiting that never were, and a few of endless files, do not.
fn telling(line: &Line) -> bool {
    let most = line.points.iter().map(|p| p.max).fold(0.0, f64::max);
    match line.kind {
        ResourceKind::Swap | ResourceKind::Waiting | ResourceKind::DiskDelay => most > 0.0,
        ResourceKind::Files => most >= FILES,
        _ => true,
    }
}

/// Which lines of a kind come first: the largest.
fn weight(line: &Line) -> f64 {
    match line.kind {
        ResourceKind::Temperature | ResourceKind::Space | ResourceKind::Files => {
            line.points.iter().map(|p| p.max).fold(0.0, f64::max)
        }
        ResourceKind::Answers => 0.0,
        _ => line.points.iter().map(|p| p.mean).sum(),
    }
}

/// How much the processors had to do: all but what they were idle, or waited for a disk. The least and the most of a sum are
/// not the sum of the least and the most; what is told is the nearest to be had from both sides.
fn processor(measured: &[(SeriesRow, Vec<Point>)]) -> Option<Line> {
    let metric = metrics::metric(CPU)?;
    let rests = |row: &SeriesRow| row.labels.get("cpu.mode").is_some_and(|mode| mode == "idle" || mode == "iowait");
    let of = |wanted: bool| {
        let mine = measured.iter().filter(|(row, _)| row.metric == CPU && rests(row) == wanted);
        added(&mine.map(|(_, points)| points).collect::<Vec<_>>())
    };
    let (rest, work) = (of(true), of(false));
    let idle = measured.iter().find(|(row, _)| row.metric == CPU && row.labels.values().any(|mode| mode == "idle"));
    let idle: BTreeMap<_, _> = idle.into_iter().flat_map(|(_, points)| points).map(|p| (p.at, *p)).collect();
    let rest: BTreeMap<_, _> = rest.into_iter().map(|p| (p.at, p)).collect();
    let points: Vec<Point> = work
        .into_iter()
        .map(|p| {
            let least = rest.get(&p.at).map_or(0.0, |rest| 1.0 - rest.max);
            let most = idle.get(&p.at).map_or(1.0, |idle| 1.0 - idle.min);
            let share = |value: f64| value.clamp(0.0, 1.0);
            let mean = share(p.mean);
            Point {
                min: share(p.min.max(least)).min(mean),
                mean,
                max: share(p.max.min(most)).max(mean),
                last: share(p.last),
                ..p
            }
        })
        .collect();
    let line = plain(ResourceKind::Processor, "Processor in use".to_owned(), metric);
    (!points.is_empty()).then_some(Line { points, ..line })
}

/// Series added up, hour by hour.
fn added(parts: &[&Vec<Point>]) -> Vec<Point> {
    let mut all: BTreeMap<jiff::Timestamp, Point> = BTreeMap::new();
    for point in parts.iter().flat_map(|points| points.iter()) {
        all.entry(point.at)
            .and_modify(|sum| {
                sum.min += point.min;
                sum.mean += point.mean;
                sum.max += point.max;
                sum.last += point.last;
                sum.count = sum.count.max(point.count);
            })
            .or_insert(*point);
    }
    all.into_values().collect()
}
