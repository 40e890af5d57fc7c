//! How the machine feels: samplers read the kernel's counts and what else tells it, again and again, at a cost that nobody
//! notices. This room reads and never judges; what it read goes into a spool beside the history, and from there into it.

mod access_log;
mod again;
mod clock;
mod collector;
mod cpu;
mod declare;
mod disk;
pub mod export;
mod few;
mod filesystem;
mod follow;
mod journal;
mod load;
mod memory;
mod network;
mod own;
mod pressure;
mod processes;
mod recorder;
pub mod said;
mod series;
mod service;
mod services;
pub mod spool;
pub(crate) mod tables;
pub(crate) mod targets;
mod tcp;
mod temperature;
#[cfg(test)]
mod testing;
mod updates;
mod uptime;

use std::time::Duration;

pub use collector::{Collector, Wanted, since_start};
pub use declare::{Better, Kind, Metric, Total};
pub use own::Own;
pub use recorder::{Shared, TakeIn};
pub use series::{Series, Value, Values};
pub use service::{Progress, Service, Setup};

use crate::{config, facts::Gap, host::Host};

/// A part of the machine that is measured: one file each in this room.
pub struct Sampler {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tells, in words that complete "it measures …".
    pub about: &'static str,
    /// What it measures.
    pub metrics: &'static [&'static Metric],
    /// How often at most: what changes slowly, or costs more, is read less often.
    pub every: Duration,
    /// Whether it may have to wait for something. Then it has a thread of its own, and delays nobody.
    pub waits: bool,
    /// Makes it ready.
    pub start: fn(&With) -> Result<Box<dyn Sample>, Gap>,
}

/// Each time that samples are taken.
const ALWAYS: Duration = Duration::ZERO;

/// What reads one part of the machine.
pub trait Sample: Send {
    /// Reads it.
    ///
    /// # Errors
    /// What could not be read, and why. What was read until then counts.
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap>;
}

/// What samplers are made with.
#[derive(Debug, Clone)]
pub struct With {
    /// The machine.
    pub host: Host,
    /// What is to be measured beside the machine itself.
    pub settings: config::Metrics,
    /// How writing goes, where what is measured is written.
    pub own: Own,
}

impl With {
    /// That machine with these settings.
    pub fn new(host: Host, settings: config::Metrics) -> Self {
        With { host, settings, own: Own::default() }
    }
}

/// All samplers, in the order in which they are shown.
pub static ALL: &[&Sampler] = &[
    &cpu::SAMPLER,
    &load::SAMPLER,
    &memory::SAMPLER,
    &pressure::SAMPLER,
    &disk::SAMPLER,
    &network::SAMPLER,
    &tcp::SAMPLER,
    &targets::SAMPLER,
    &journal::SAMPLER,
    &access_log::SAMPLER,
    &filesystem::SAMPLER,
    &processes::SAMPLER,
    &temperature::SAMPLER,
    &services::SAMPLER,
    &updates::SAMPLER,
    &clock::SAMPLER,
    &uptime::SAMPLER,
    &own::SAMPLER,
];

/// All metrics that any of them measures.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    ALL.iter().flat_map(|sampler| sampler.metrics).copied()
}

/// The metric of that name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    metrics().find(|metric| metric.name == name)
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_is_declared_once_and_told_in_words() {
        let mut names = BTreeSet::new();
        for metric in metrics() {
            assert!(names.insert(metric.name), "{} is declared twice", metric.name);
            assert!(metric.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c)));
            assert!(metric.about.ends_with('.') && metric.about.len() > 20, "{}: {}", metric.name, metric.about);
            assert!(metric.title.starts_with(char::is_uppercase), "{}", metric.title);
            assert!(metric.labels.len() <= 3, "{}", metric.name);
            if let Kind::Counter(total) = metric.kind {
                let per_second = format!("{}/s", total.unit);
                // The growth of a time is a share, or a number of things at once.
                assert!(
                    metric.unit == per_second || total.unit == "s",
                    "{}: {} of {}",
                    metric.name,
                    metric.unit,
                    total.unit
                );
            }
        }
        let samplers: BTreeSet<&str> = ALL.iter().map(|s| s.name).collect();
        assert_eq!(samplers.len(), ALL.len());
    }

    /// All metrics as the documentation lists them.
    fn listed() -> String {
        let mut out = String::new();
        for sampler in ALL {
            out.push_str(&format!("\n### {}\n\n| metric | unit | by | |\n|---|---|---|---|\n", sampler.name));
            for metric in sampler.metrics {
                let by: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
                let Metric { name, unit, about, .. } = metric;
                out.push_str(&format!("| `{name}` | {unit} | {} | {about} |\n", by.join(", ")));
            }
        }
        out
    }

    #[test]
    fn the_documentation_lists_what_is_measured() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, list) = text.split_once("has the same.\n").unwrap();
        if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
            std::fs::write(&file, format!("{before}has the same.\n{}", listed())).unwrap();
            return;
        }
        assert_eq!(list, listed(), "INSTA_UPDATE=always writes it anew");
    }
}
