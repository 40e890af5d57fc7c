//! Disks at work: what is read and written, how long it takes, how busy they are. From `/proc/diskstats`
//! (Documentation/admin-guide/iostats.rst); whole disks only, and what is built on them.

use std::collections::HashMap;

use super::{
    Sample, Sampler, Values,
    again::{Again, number},
    declare::{Kind, counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// What was read and written.
    IO = "system.disk.io", "Read and written", "By/s", counter("system.disk.io", "By"), Neither, 0,
        by ["system.device", "disk.io.direction"];
    /// How often it was read and written.
    OPERATIONS = "system.disk.operations", "Reads and writes", "{operation}/s",
        counter("system.disk.operations", "{operation}"), Neither, 1, by ["system.device", "disk.io.direction"];
    /// How long a read or a write took, on average, with waiting.
    LATENCY = "system.disk.operation_time", "Time for a read or write", "s", Kind::Ratio, Less, 5,
        by ["system.device", "disk.io.direction"];
    /// Share of the time in which the disk was at work.
    BUSY = "system.disk.utilization", "Disk at work", "1", counter("system.disk.io_time", "s"), Less, 4,
        by ["system.device"];
    /// Reads and writes that waited or were at work, on average.
    QUEUE = "system.disk.queue", "Queue of the disk", "{operation}", counter("system.disk.weighted_io_time", "s"), Less, 3,
        by ["system.device"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "disk",
    about: "what disks read and write, and how long it takes",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Disk::new(&with.host)?)),
};

/// A sector in these files, whatever the disk has.
const SECTOR: f64 = 512.0;

struct Disk {
    stats: Again,
    host: Host,
    /// Whether a name is a whole disk.
    known: HashMap<String, bool>,
}

impl Disk {
    fn new(host: &Host) -> Result<Self, Gap> {
        let stats = Again::open(host, "/proc/diskstats", "what disks do")?;
        Ok(Disk { stats, host: host.clone(), known: HashMap::new() })
    }
}

/// Whether it is a disk and no part of one. Without a folder in /sys, as in some containers, the name has to tell.
fn is_whole(host: &Host, name: &str) -> bool {
    // The kernel writes a slash in a name as an exclamation mark there.
    let folder = format!("/sys/block/{}", name.replace('/', "!"));
    if host.exists("/sys/block") { host.exists(&folder) } else { !name.ends_with(|c: char| c.is_ascii_digit()) }
}

impl Sample for Disk {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        for line in self.stats.read()?.lines() {
            let mut fields = line.split_ascii_whitespace().skip(2);
            let Some(name) = fields.next() else { continue };
            let mut counts = [0_u64; 11];
            for count in &mut counts {
                *count = number(&mut fields).unwrap_or(0);
            }
            let [reads, _, sectors_in, time_in, writes, _, sectors_out, time_out, _, busy, weighted] = counts;
            // Empty loop and memory disks, of which there are many, never did anything.
            if reads == 0 && writes == 0 {
                continue;
            }
            let whole = match self.known.get(name) {
                Some(whole) => *whole,
                None => {
                    let whole = is_whole(&self.host, name);
                    // Disks come and go: what is known of names stays bounded.
                    if self.known.len() > 1000 {
                        self.known.clear();
                    }
                    self.known.insert(name.to_owned(), whole);
                    whole
                }
            };
            if !whole {
                continue;
            }
            for (direction, times, sectors, milliseconds) in
                [("read", reads, sectors_in, time_in), ("write", writes, sectors_out, time_out)]
            {
                let labels = [name, direction];
                values.counter(&IO, &labels, sectors, SECTOR);
                values.counter(&OPERATIONS, &labels, times, 1.0);
                values.ratio(&LATENCY, &labels, milliseconds, times, 0.001);
            }
            values.counter32(&BUSY, &[name], busy, 0.001);
            values.counter32(&QUEUE, &[name], weighted, 0.001);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    fn stats(reads: u64, busy: u64) -> String {
        format!(
            " 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 254 0 vda {reads} 0 {} {} 10 0 80 40 0 {busy} {busy} 0 0 0 0 0 0\n 254 1 vda1 {reads} 0 8 0 10 0 80 40 0 1 1\n",
            reads * 8,
            reads * 2
        )
    }

    #[test]
    fn a_disk_at_work_is_told_with_its_pace() {
        let tree = Tree::new(&[("proc/diskstats", &stats(100, 1000)), ("sys/block/vda/size", "1")]);
        let mut disk = Disk::new(&tree.host()).unwrap();
        let mut values = Values::default();
        assert_eq!(read(&mut disk, &mut values, 1).len(), 0);
        tree.write("proc/diskstats", &stats(200, 3500));
        let told = read(&mut disk, &mut values, 11);
        assert_eq!(told["system.disk.io{vda,read}"], 40_960.0);
        assert_eq!(told["system.disk.operations{vda,read}"], 10.0);
        assert_eq!(told["system.disk.operation_time{vda,read}"], 0.002);
        assert!(!told.contains_key("system.disk.operation_time{vda,write}"), "nothing was written");
        assert_eq!(told["system.disk.utilization{vda}"], 0.25);
        assert!(told.keys().all(|name| name.contains("vda,") || name.contains("vda}")), "{told:?}");
        // After 50 days at work, the kernel's count of milliseconds is full and begins anew.
        tree.write("proc/diskstats", &stats(200, u64::from(u32::MAX) - 499));
        read(&mut disk, &mut values, 21);
        tree.write("proc/diskstats", &stats(200, 500));
        assert_eq!(read(&mut disk, &mut values, 31)["system.disk.utilization{vda}"], 0.1);
    }
}
