//! How long the machine has been running, and whether its clock jumped meanwhile: a clock that was set is told apart from
//! one that runs fast or slow by another that nobody can set.

use std::time::{Duration, SystemTime};

use super::{
    Sample, Sampler, Values,
    collector::since_start,
    declare::{Kind, metrics},
};
use crate::facts::Gap;

metrics! {
    /// How long the machine has been running.
    UPTIME = "system.uptime", "Running for", "s", Kind::Gauge, Neither, 0;
    /// By how much the clock was set forward, or back when below zero, since the last sample; only when it was more than
    /// a second.
    JUMP = "system.clock.jump", "Clock was set", "s", Kind::Gauge, Neither, 3;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "uptime",
    about: "how long the machine has been running, and whether its clock was set",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |_| Ok(Box::new(Uptime::default())),
};

/// What is no jump: a leap second, and the moment between two looks.
const LEAST: f64 = 1.0;

#[derive(Default)]
struct Uptime {
    /// When the machine started, as the clock had it last.
    started: Option<f64>,
}

impl Uptime {
    /// Takes what both clocks say: that on the wall, and that which runs since the start.
    fn take(&mut self, values: &mut Values, wall: f64, running: f64) {
        values.gauge(&UPTIME, &[], running);
        let started = wall - running;
        if let Some(before) = self.started.replace(started)
            && (started - before).abs() > LEAST
        {
            values.gauge(&JUMP, &[], started - before);
        }
    }
}

/// The clock on the wall, in seconds since 1970; it can stand before that.
fn wall() -> f64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

impl Sample for Uptime {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let mut running = since_start();
        let mut wall = wall();
        // Who is kept from running between the two looks would take that for a jump.
        for _ in 0..10 {
            let (before, again) = (running, since_start());
            if again - before < Duration::from_millis(100) {
                break;
            }
            (running, wall) = (again, self::wall());
        }
        self.take(values, wall, running.as_secs_f64());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{read, told};

    #[test]
    fn a_clock_that_is_set_is_told_once() {
        let mut uptime = Uptime::default();
        let mut values = Values::default();
        let mut jump = |wall: f64, running: f64| {
            values.begin(Duration::from_secs(1));
            uptime.take(&mut values, wall, running);
            let told = told(&values);
            assert!((told["system.uptime"] - running).abs() <= 0.5, "{told:?}");
            told.get("system.clock.jump").copied()
        };
        assert_eq!(jump(1_000_000.0, 100.0), None);
        // It runs a little fast.
        assert_eq!(jump(1_000_010.4, 110.0), None);
        assert_eq!(jump(1_003_620.4, 120.0), Some(3600.0));
        assert_eq!(jump(1_003_630.4, 130.0), None);
        // The machine slept for an hour, which both clocks know.
        assert_eq!(jump(1_007_230.4, 3730.0), None);
        assert_eq!(jump(-5.0, 3740.0), Some(-1_007_245.4));
    }

    #[test]
    fn this_machine_runs_and_its_clock_stands_not_still() {
        let told = read(&mut Uptime::default(), &mut Values::default(), 1);
        let kernel = std::fs::read_to_string("/proc/uptime").unwrap();
        let kernel: f64 = kernel.split(' ').next().unwrap().parse().unwrap();
        assert!(told["system.uptime"] > 0.0 && told["system.uptime"] <= kernel + 1.0, "{told:?}, {kernel}");
    }
}
