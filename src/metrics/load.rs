//! Load averages, as the `sysinfo` library has them, and how many threads there are (proc_loadavg(5)).

use super::{
    Sample, Sampler, Values,
    again::Again,
    declare::{Kind, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Threads that ran or waited, on average over one minute.
    ONE = "system.cpu.load_average.1m", "Load, one minute", "{thread}", Kind::Gauge, Less, 2;
    /// Threads that ran or waited, on average over five minutes.
    FIVE = "system.cpu.load_average.5m", "Load, five minutes", "{thread}", Kind::Gauge, Less, 2;
    /// Threads that ran or waited, on average over fifteen minutes.
    FIFTEEN = "system.cpu.load_average.15m", "Load, fifteen minutes", "{thread}", Kind::Gauge, Less, 2;
    /// Threads of all programs.
    THREADS = "system.thread.count", "Threads", "{thread}", Kind::Gauge, Neither, 0;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "load",
    about: "how many programs want to run",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Load::new(&with.host)?)),
};

struct Load {
    file: Again,
    /// Whether it is the machine that the library looks at.
    real: bool,
}

impl Load {
    fn new(host: &Host) -> Result<Self, Gap> {
        let file = Again::open(host, "/proc/loadavg", "the load")?;
        Ok(Load { file, real: host.root() == std::path::Path::new("/") })
    }
}

impl Sample for Load {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let text = self.file.read()?;
        let mut fields = text.split_ascii_whitespace();
        let mut averages = [0.0; 3];
        for average in &mut averages {
            *average = fields.next().and_then(|field| field.parse().ok()).unwrap_or(f64::NAN);
        }
        if self.real
            && let Ok(load) = sysinfo::System::load_average()
        {
            averages = [load.one, load.five, load.fifteen];
        }
        for (metric, value) in [&ONE, &FIVE, &FIFTEEN].into_iter().zip(averages) {
            values.gauge(metric, &[], value);
        }
        let threads = fields.next().and_then(|field| field.split_once('/')?.1.parse().ok());
        threads.into_iter().for_each(|n: f64| values.gauge(&THREADS, &[], n));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    #[test]
    fn averages_and_threads_are_read() {
        let tree = Tree::new(&[("proc/loadavg", "0.52 1.25 2.00 3/412 99\n")]);
        let told = read(&mut Load::new(&tree.host()).unwrap(), &mut Values::default(), 1);
        let expected = [
            ("system.cpu.load_average.15m", 2.0),
            ("system.cpu.load_average.1m", 0.52),
            ("system.cpu.load_average.5m", 1.25),
            ("system.thread.count", 412.0),
        ];
        assert_eq!(told.into_iter().collect::<Vec<_>>(), expected.map(|(n, v)| (n.to_owned(), v)));
    }
}
