//! Takes samples at an even pace, as long as it runs: at whole multiples of the pace, so that all machines and all runs
//! share the same moments.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Collector, Own, Wanted, With,
    collector::since_start,
    export::Export,
    recorder::{Recorder, Shared, TakeIn},
};
use crate::facts::Gap;

/// What is measured where.
pub struct Setup {
    /// What samplers are made with.
    pub with: With,
    /// Which are wanted.
    pub wanted: Wanted,
    /// How the history names this machine.
    pub host: String,
    /// The folder in which samples wait for the history.
    pub spool: PathBuf,
    /// What puts them into it.
    pub take_in: TakeIn,
}

/// How it goes, for whoever asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Samples that were taken.
    pub samples: u64,
    /// Values in the last one.
    pub values: usize,
    /// What could not be read the last time: the sampler, and why.
    pub gaps: Vec<(&'static str, Gap)>,
    /// How writing goes.
    pub recorder: Shared,
}

/// What takes samples, on a thread of its own.
#[derive(Debug)]
pub struct Service {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Progress>>,
    progress: Receiver<Progress>,
    last: Progress,
}

/// How long the end may take: what was measured is put into the history.
const GRACE: Duration = Duration::from_secs(60);
/// No pace is faster.
const FASTEST: Duration = Duration::from_millis(100);

impl Service {
    /// Begins.
    ///
    /// # Errors
    /// When nothing can be written, or the last values cannot be shown where they should be.
    pub fn start(setup: Setup) -> std::io::Result<Self> {
        let settings = &setup.with.settings;
        let every = settings.every.duration().max(FASTEST);
        let recorder = Recorder::start(&setup.spool, &setup.host, settings.batch.duration(), setup.take_in)?;
        let export = settings.prometheus.as_deref().map(Export::start).transpose()?;
        let (stop, stopped) = channel();
        let (tell, progress) = channel();
        let (with, wanted) = (setup.with, setup.wanted);
        let thread = Builder::new().name("samples".to_owned()).stack_size(1 << 20).spawn(move || {
            let collector = Collector::new(&with, &wanted);
            let mut run = Run { collector, recorder, export, own: with.own, every, samples: 0 };
            run.run(&stopped, &tell);
            run.end()
        })?;
        Ok(Service { stop: Some(stop), thread: Some(thread), progress, last: Progress::default() })
    }

    /// How it goes.
    pub fn progress(&mut self) -> &Progress {
        while let Ok(progress) = self.progress.try_recv() {
            self.last = progress;
        }
        &self.last
    }

    /// Ends it: what was measured is put into the history.
    pub fn stop(mut self) -> Progress {
        self.stop = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

struct Run {
    collector: Collector,
    recorder: Recorder,
    export: Option<Export>,
    own: Own,
    every: Duration,
    samples: u64,
}

impl Run {
    fn run(&mut self, stopped: &Receiver<()>, tell: &Sender<Progress>) {
        let mut last = None;
        loop {
            let (at, wait) = moment(Timestamp::now(), self.every);
            // Woken a little too early, it is the same moment still; a clock that was set back makes it another one.
            if last != Some(at) {
                last = Some(at);
                self.sample(at);
                if tell.send(self.progress()).is_err() {
                    return;
                }
            }
            match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn sample(&mut self, at: Timestamp) {
        let now = since_start();
        self.own.tell(self.recorder.state(), self.collector.late(now));
        let values = self.collector.sample(now);
        self.recorder.record(at, values);
        self.samples += 1;
        if let Some(export) = &mut self.export {
            export.show(values);
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            samples: self.samples,
            values: self.collector.values().values().len(),
            gaps: self.collector.gaps().map(|(name, gap)| (name, gap.clone())).collect(),
            recorder: self.recorder.state(),
        }
    }

    fn end(self) -> Progress {
        let mut progress = self.progress();
        progress.recorder = self.recorder.stop(GRACE);
        progress
    }
}

/// The moment that a sample taken now belongs to, and how long it is until the next one.
fn moment(now: Timestamp, every: Duration) -> (Timestamp, Duration) {
    let step = i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1);
    let micros = now.as_microsecond();
    let began = micros.div_euclid(step) * step;
    let left = u64::try_from(began.saturating_add(step).saturating_sub(micros)).unwrap_or(0);
    (Timestamp::from_microsecond(began).unwrap_or(now), Duration::from_micros(left.max(1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_belong_to_whole_multiples_of_the_pace() {
        let now: Timestamp = "2026-11-26T10:00:07.25Z".parse().unwrap();
        let (at, wait) = moment(now, Duration::from_secs(10));
        assert_eq!((at.to_string(), wait), ("2026-11-26T10:00:00Z".to_owned(), Duration::from_millis(2750)));
        let (at, wait) = moment(at, Duration::from_secs(10));
        assert_eq!((at.to_string(), wait), ("2026-11-26T10:00:00Z".to_owned(), Duration::from_secs(10)));
        let (at, _) = moment(Timestamp::from_second(-5).unwrap(), Duration::from_secs(10));
        assert_eq!(at.as_second(), -10);
    }
}
