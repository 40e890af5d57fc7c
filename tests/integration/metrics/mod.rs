//! What is measured, on the machine that the tests run on: real disks, networks and programs, and what others say of them.
#![allow(clippy::print_stderr, reason = "what was compared and what could not be tried is said")]

mod care;
mod comes_and_goes;
mod cut_off;
mod disks;
mod load;
mod peers;
mod place;
mod states;
mod targets;
mod together;

use std::{collections::BTreeMap, process::Command, time::Duration};

use cleanbill::{
    config,
    host::Host,
    metrics::{Collector, Values, Wanted, With},
};

/// The library that makes programs believe in another time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Values by metric and labels: `system.disk.io{vda,read}`.
type Numbers = BTreeMap<String, f64>;

/// Those samplers, on this machine.
fn collector(samplers: &[&str]) -> Collector {
    let with = With::new(Host::live().unwrap(), config::Metrics::default());
    Collector::new(&with, &Wanted::Only(samplers.iter().map(|name| (*name).to_owned()).collect()))
}

/// The values that were read.
fn told(values: &Values) -> Numbers {
    values.values().iter().filter_map(|v| Some((name(values, v.series), v.value?))).collect()
}

/// The name of a series.
fn name(values: &Values, series: u32) -> String {
    let series = values.series(series).unwrap();
    let labels = if series.labels.is_empty() { String::new() } else { format!("{{{}}}", series.labels.join(",")) };
    format!("{}{labels}", series.metric.name)
}

/// All values of that second, with those of samplers that take long.
fn at(collector: &mut Collector, second: u64) -> Numbers {
    collector.sample(Duration::from_secs(second));
    told(collector.wait(Duration::from_secs(30)))
}

/// Runs a program; what it prints, when it ends well.
fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("{program}: {}", text(&output.stderr))) }
}
