//! Gathers, on a thread of its own: asks the samplers and the programs that run at an even pace, and hands over one moment
//! each time. Whoever does not take it misses it: nothing piles up behind a slow line.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::Builder,
    time::Duration,
};

use jiff::Timestamp;

use super::{Chosen, Moment, processes::Processes};
use crate::{
    metrics::{ALL, Collector, Values, Wanted, With, since_start},
    words,
};

/// What machine it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its system, with the version.
    pub system: String,
}

impl Host {
    /// This machine.
    pub fn here(name: &str) -> Self {
        let mut system = sysinfo::System::long_os_version().unwrap_or_default();
        if let Some(rest) = system.strip_prefix("Linux (").and_then(|rest| rest.strip_suffix(')')) {
            system = rest.to_owned();
        }
        Host { name: words::harmless(name), system: words::harmless(&system) }
    }
}

/// What can be asked of who gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Another pace.
    Every(Duration),
    /// Look now.
    Now,
}

/// What gathers.
pub struct Gather {
    collector: Collector,
    processes: Processes,
    chosen: Vec<Chosen>,
    /// The last value of each series, by number, and when it was read: some are read less often than others.
    last: BTreeMap<u32, (f64, Duration)>,
    /// How often each metric is read, by its name.
    paces: BTreeMap<&'static str, Duration>,
    every: Duration,
}

/// The first rates are told after this time: nobody wants to wait for the first picture.
const FIRST: Duration = Duration::from_millis(300);
/// A value that is not read any more is shown for so many paces of it.
const HELD: u32 = 3;

impl Gather {
    /// Gets ready.
    pub fn new(with: &With, chosen: Vec<Chosen>, every: Duration) -> Self {
        let paces = ALL.iter().flat_map(|s| s.metrics.iter().map(|m| (m.name, s.every))).collect();
        Gather {
            collector: Collector::new(with, &Wanted::All),
            processes: Processes::new(),
            chosen,
            last: BTreeMap::new(),
            paces,
            every,
        }
    }

    /// Begins on a thread of its own, and calls `tell` with each moment until that says no.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        with: With,
        chosen: Vec<Chosen>,
        every: Duration,
        mut tell: impl FnMut(Moment) -> bool + Send + 'static,
    ) -> std::io::Result<Sender<Order>> {
        let (order, orders) = channel();
        Builder::new().name("gather".to_owned()).spawn(move || {
            // Nothing here is made before: opening files may hang, too.
            let mut gather = Gather::new(&with, chosen, every);
            gather.moment();
            let mut wait = FIRST.min(every);
            while gather.wait(&orders, wait) && tell(gather.moment()) {
                wait = gather.every;
            }
        })?;
        Ok(order)
    }

    /// Waits until it is time to look; false when nobody wants that any more.
    fn wait(&mut self, orders: &Receiver<Order>, wait: Duration) -> bool {
        let began = since_start();
        let mut wait = wait;
        loop {
            let passed = since_start().saturating_sub(began);
            match orders.recv_timeout(wait.saturating_sub(passed)) {
                Ok(Order::Every(every)) => {
                    self.every = every;
                    wait = every;
                }
                Ok(Order::Now) | Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Takes two looks, one after the other, and waits for what takes long: for a single picture.
    pub fn once(&mut self, between: Duration, patience: Duration) -> Moment {
        self.moment();
        let values = self.collector.wait(patience);
        keep(&mut self.last, values, since_start());
        std::thread::sleep(between);
        self.moment()
    }

    /// How the machine is now.
    pub fn moment(&mut self) -> Moment {
        let now = since_start();
        let values = self.collector.sample(now);
        keep(&mut self.last, values, now);
        let (paces, every) = (&self.paces, self.every);
        self.last.retain(|number, (_, read)| {
            let pace = values.series(*number).and_then(|series| paces.get(series.metric.name)).copied();
            let held = pace.unwrap_or_default().max(every).saturating_mul(HELD).max(Duration::from_secs(1));
            now.saturating_sub(*read) <= held
        });
        let told = self.last.iter().filter_map(|(number, (value, _))| Some((values.series(*number)?, *value)));
        let mut moment = Moment::of(told, &self.chosen);
        moment.at = Timestamp::now();
        moment.uptime = now.as_secs_f64();
        moment.processes = self.processes.read(now);
        let gaps = self.collector.gaps().map(|(_, gap)| gap);
        moment.gaps =
            gaps.map(|gap| words::harmless(&format!("I could not see {}: {}.", gap.what, gap.why()))).collect();
        moment
    }
}

fn keep(last: &mut BTreeMap<u32, (f64, Duration)>, values: &Values, now: Duration) {
    for value in values.values() {
        if let Some(number) = value.value {
            last.insert(value.series, (number, now));
        }
    }
}
