//! What crosses from gathering to drawing once a tick: how the machine is at one moment, as plain structs made of the values
//! of samplers, by the names of their metrics. What is not measured is not there.

use jiff::Timestamp;

use super::{Chosen, Process};
use crate::metrics::Series;

/// How the machine is at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// For how many seconds the machine runs.
    pub uptime: f64,
    /// Load over one, five and fifteen minutes.
    pub load: [Option<f64>; 3],
    /// What all processors do.
    pub processor: Option<Shares>,
    /// What each processor does, by its number.
    pub cores: Vec<(u32, Shares)>,
    /// Memory.
    pub memory: Memory,
    /// How long programs wait, by what they wait for.
    pub pressure: Vec<(String, Stall)>,
    /// Disks at work.
    pub disks: Vec<(String, Disk)>,
    /// Network cards.
    pub cards: Vec<(String, Card)>,
    /// Connections.
    pub connections: Connections,
    /// File systems, by where they are.
    pub space: Vec<(String, Space)>,
    /// Services that failed.
    pub failed: Option<f64>,
    /// Errors in the logs a second, by who tells them.
    pub errors: Vec<(String, f64)>,
    /// Errors of the kernel a second.
    pub kernel_errors: Option<f64>,
    /// Programs that ended and were not cleared away.
    pub zombies: Option<f64>,
    /// Programs.
    pub processes: Vec<Process>,
    /// The value of each metric that was chosen.
    pub chosen: Vec<Option<f64>>,
    /// What could not be seen, in sentences.
    pub gaps: Vec<String>,
}

/// What the time of a processor went to, in shares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shares {
    /// Programs.
    pub user: f64,
    /// The kernel.
    pub system: f64,
    /// It waited for a disk.
    pub waiting: f64,
    /// Other machines on the same hardware had it.
    pub stolen: f64,
}

impl Shares {
    /// The share at work.
    pub fn busy(&self) -> f64 {
        self.user + self.system + self.stolen
    }
}

/// Memory and swap.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Memory {
    /// All of it, in bytes.
    pub total: f64,
    /// Share that programs can no longer get.
    pub used: Option<f64>,
    /// What programs can still get, in bytes.
    pub left: Option<f64>,
    /// Copies of files, in bytes.
    pub cached: Option<f64>,
    /// Share of the swap in use; none without swap.
    pub swapped: Option<f64>,
    /// All swap, in bytes.
    pub swap: f64,
    /// Pages a second that come from the swap and go to it.
    pub paging: f64,
    /// Programs a second that the kernel ended for lack of memory.
    pub kills: f64,
}

/// Shares of the time in which programs waited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stall {
    /// Some of them.
    pub some: f64,
    /// All that had work to do.
    pub full: Option<f64>,
}

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Disk {
    /// Share of the time at work.
    pub busy: f64,
    /// Bytes a second that are read.
    pub read: f64,
    /// Bytes a second that are written.
    pub written: f64,
    /// Seconds that a read takes.
    pub read_time: Option<f64>,
    /// Seconds that a write takes.
    pub write_time: Option<f64>,
}

/// A network card.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Card {
    /// Bytes a second that come in.
    pub received: f64,
    /// Bytes a second that go out.
    pub sent: f64,
    /// Broken and dropped packets a second.
    pub lost: f64,
}

/// Connections.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Connections {
    /// Open ones; none where it is not known.
    pub open: Option<f64>,
    /// Ones that ended a moment ago.
    pub ended: f64,
    /// New ones a second.
    pub new: f64,
    /// Packets a second that were sent again.
    pub again: f64,
    /// Cut ones a second.
    pub cut: f64,
    /// Ones a second that nobody took.
    pub not_taken: f64,
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Space {
    /// Share in use.
    pub used: f64,
    /// Bytes that are left.
    pub left: Option<f64>,
    /// Share of the files that it can hold.
    pub files: Option<f64>,
}

impl Moment {
    /// From values with their series.
    pub fn of<'a>(values: impl Iterator<Item = (&'a Series, f64)>, chosen: &[Chosen]) -> Self {
        let mut moment = Moment { chosen: vec![None; chosen.len()], ..Moment::default() };
        for (series, value) in values.filter(|(_, value)| value.is_finite()) {
            let labels: Vec<&str> = series.labels.iter().map(String::as_str).collect();
            moment.take(series.metric.name, &labels, value);
            for (chosen, held) in chosen.iter().zip(&mut moment.chosen) {
                chosen.add(series.metric, &labels, value, held);
            }
        }
        moment.cores.sort_by_key(|core| core.0);
        moment.disks.sort_by(|a, b| a.0.cmp(&b.0));
        // What only the machine hears itself comes last.
        moment.cards.sort_by(|a, b| (a.0 == "lo").cmp(&(b.0 == "lo")).then_with(|| a.0.cmp(&b.0)));
        moment.space.sort_by(|a, b| a.0.cmp(&b.0));
        moment.errors.retain(|(_, rate)| *rate > 0.0);
        moment.errors.sort_by(|a, b| b.1.total_cmp(&a.1));
        moment
    }

    fn take(&mut self, metric: &str, labels: &[&str], value: f64) {
        let label = |n: usize| labels.get(n).copied().unwrap_or_default();
        match metric {
            "system.cpu.load_average.1m" => set(&mut self.load, 0, value),
            "system.cpu.load_average.5m" => set(&mut self.load, 1, value),
            "system.cpu.load_average.15m" => set(&mut self.load, 2, value),
            "system.cpu.utilization" => self.processor.get_or_insert_default().add(label(0), value),
            "system.cpu.core.utilization" => {
                if let Ok(number) = label(0).parse::<u32>() {
                    of(&mut self.cores, &number).add(label(1), value);
                }
            }
            "system.memory.usage" => {
                self.memory.total += value;
                if label(0) == "cached" {
                    self.memory.cached = Some(value);
                }
            }
            "system.memory.utilization" => self.memory.used = Some(value),
            "system.memory.linux.available" => self.memory.left = Some(value),
            "system.paging.usage" => self.memory.swap += value,
            "system.paging.utilization" => self.memory.swapped = Some(value),
            "system.paging.operations" => self.memory.paging += value,
            "system.memory.oom_kills" => self.memory.kills = value,
            "system.pressure.stall" => {
                let stall = of(&mut self.pressure, label(0));
                if label(1) == "full" { stall.full = Some(value) } else { stall.some = value }
            }
            "system.disk.utilization" => of(&mut self.disks, label(0)).busy = value,
            "system.disk.io" if label(1) == "read" => of(&mut self.disks, label(0)).read = value,
            "system.disk.io" => of(&mut self.disks, label(0)).written = value,
            "system.disk.operation_time" if label(1) == "read" => {
                of(&mut self.disks, label(0)).read_time = Some(value);
            }
            "system.disk.operation_time" => of(&mut self.disks, label(0)).write_time = Some(value),
            "system.network.io" if label(1) == "receive" => of(&mut self.cards, label(0)).received = value,
            "system.network.io" => of(&mut self.cards, label(0)).sent = value,
            "system.network.errors" | "system.network.packet.dropped" => of(&mut self.cards, label(0)).lost += value,
            "system.network.connection.count" if label(0) == "established" => self.connections.open = Some(value),
            "system.network.connection.count" if label(0) == "time_wait" => self.connections.ended = value,
            "system.network.tcp.opened" => self.connections.new += value,
            "system.network.tcp.retransmits" => self.connections.again = value,
            "system.network.tcp.resets" => self.connections.cut += value,
            "system.network.tcp.listen_drops" => self.connections.not_taken = value,
            "system.filesystem.utilization" => of(&mut self.space, label(1)).used = value,
            "system.filesystem.inodes.utilization" => of(&mut self.space, label(1)).files = Some(value),
            "system.filesystem.usage" if label(2) == "free" => of(&mut self.space, label(1)).left = Some(value),
            "systemd.unit.failed" => self.failed = Some(value),
            "log.errors" => self.errors.push((label(0).to_owned(), value)),
            "kernel.errors" => self.kernel_errors = Some(value),
            "system.process.count" if label(0) == "zombie" => self.zombies = Some(value),
            _ => {}
        }
    }
}

impl Shares {
    fn add(&mut self, mode: &str, share: f64) {
        match mode {
            "user" | "nice" => self.user += share,
            "system" | "interrupt" => self.system += share,
            "iowait" => self.waiting += share,
            "steal" => self.stolen += share,
            _ => {}
        }
    }
}

fn set(load: &mut [Option<f64>; 3], place: usize, value: f64) {
    if let Some(held) = load.get_mut(place) {
        *held = Some(value);
    }
}

/// The entry of that name, made where it is not there.
fn of<'a, K: PartialEq + ToOwned<Owned = O> + ?Sized, O: std::borrow::Borrow<K>, V: Default>(
    list: &'a mut Vec<(O, V)>,
    key: &K,
) -> &'a mut V {
    let place = list.iter().position(|(known, _)| known.borrow() == key).unwrap_or(list.len());
    if place == list.len() {
        list.push((key.to_owned(), V::default()));
    }
    match list.get_mut(place) {
        Some((_, value)) => value,
        None => unreachable!("it was put there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::metric;

    fn series(name: &str, labels: &[&str]) -> Series {
        Series { metric: metric(name).unwrap(), labels: labels.iter().map(|l| (*l).to_owned()).collect() }
    }

    #[test]
    fn values_find_their_place_by_the_names_of_their_metrics() {
        let told = [
            (series("system.cpu.utilization", &["user"]), 0.2),
            (series("system.cpu.utilization", &["nice"]), 0.1),
            (series("system.cpu.utilization", &["idle"]), 0.6),
            (series("system.cpu.core.utilization", &["1", "system"]), 0.5),
            (series("system.cpu.core.utilization", &["0", "iowait"]), 0.25),
            (series("system.network.io", &["lo", "receive"]), 9.0),
            (series("system.network.io", &["eth0", "transmit"]), 7.0),
            (series("system.pressure.stall", &["memory", "full"]), 0.5),
            (series("system.disk.operation_time", &["sda", "write"]), 0.004),
            (series("system.disk.io", &["sda", "read"]), f64::NAN),
        ];
        let chosen = [Chosen::parse("system.cpu.utilization").unwrap(), Chosen::parse("system.network.io").unwrap()];
        let moment = Moment::of(told.iter().map(|(series, value)| (series, *value)), &chosen);
        assert!((moment.processor.unwrap().user - 0.3).abs() < 1e-9);
        assert_eq!(moment.cores[0], (0, Shares { waiting: 0.25, ..Shares::default() }));
        assert_eq!(moment.cores[1].1.system, 0.5);
        assert_eq!(
            moment.cards,
            [
                ("eth0".to_owned(), Card { sent: 7.0, ..Card::default() }),
                ("lo".to_owned(), Card { received: 9.0, ..Card::default() })
            ]
        );
        assert_eq!(moment.pressure[0].1.full, Some(0.5));
        assert_eq!(moment.disks[0].1.write_time, Some(0.004));
        assert_eq!(moment.disks[0].1.read, 0.0);
        assert!((moment.chosen[0].unwrap() - 0.3).abs() < 1e-9, "idle time is no work");
        assert_eq!(moment.chosen[1], Some(7.0), "what a machine tells itself is no traffic");
    }
}
