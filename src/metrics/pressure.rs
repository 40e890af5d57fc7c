//! Pressure: for which share of the time something had to wait for a processor, memory or a disk (PSI, from
//! `/proc/pressure`). Unlike load it says how much work was lost.

use super::{
    Sample, Sampler, Values,
    again::Again,
    declare::{counter, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
};

metrics! {
    /// Share of the time in which some thread (`some`), or all that had work to do (`full`), waited for it.
    STALL = "system.pressure.stall", "Waiting", "1", counter("system.pressure.stall_time", "s"), Less, 5,
        by ["system.pressure.resource", "system.pressure.kind"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "pressure",
    about: "how long programs wait for processor, memory and disks",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Pressure::new(&with.host)?)),
};

const RESOURCES: [&str; 3] = ["cpu", "io", "memory"];

struct Pressure(Vec<(&'static str, Again)>);

impl Pressure {
    fn new(host: &Host) -> Result<Self, Gap> {
        let what = "how long programs wait";
        let open = |name| Some((name, Again::open(host, &format!("/proc/pressure/{name}"), what).ok()?));
        let files: Vec<_> = RESOURCES.into_iter().filter_map(open).collect();
        if files.is_empty() {
            let why = Reason::Tool("this kernel does not measure it (PSI)".to_owned());
            return Err(Gap::new(what, "/proc/pressure", why));
        }
        Ok(Pressure(files))
    }
}

impl Sample for Pressure {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        for (resource, file) in &mut self.0 {
            for line in file.read()?.lines() {
                let Some((kind, rest)) = line.split_once(' ') else { continue };
                let total = rest.rsplit_once("total=").and_then(|(_, n)| n.parse().ok());
                // Of the processor, `full` is always nothing for a whole machine.
                if let Some(total) = total.filter(|_| !(*resource == "cpu" && kind == "full")) {
                    values.counter(&STALL, &[resource, kind], total, 1e-6);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    #[test]
    fn waiting_is_a_share_of_the_time() {
        let line = |kind: &str, total: u64| format!("{kind} avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
        let both = |some, full| line("some", some) + &line("full", full);
        let tree = Tree::new(&[("proc/pressure/memory", &both(1_000_000, 0)), ("proc/pressure/cpu", &both(0, 0))]);
        let mut pressure = Pressure::new(&tree.host()).unwrap();
        let mut values = Values::default();
        assert_eq!(read(&mut pressure, &mut values, 1).len(), 0);
        tree.write("proc/pressure/memory", &both(3_500_000, 1_000_000));
        let told = read(&mut pressure, &mut values, 11);
        assert_eq!(told["system.pressure.stall{memory,some}"], 0.25);
        assert_eq!(told["system.pressure.stall{memory,full}"], 0.1);
        assert_eq!(told["system.pressure.stall{cpu,some}"], 0.0);
        assert!(!told.contains_key("system.pressure.stall{cpu,full}"));
        assert!(Pressure::new(&Tree::new(&[("proc/x", "")]).host()).is_err());
    }
}
