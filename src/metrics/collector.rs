//! Takes samples: asks each sampler when it is its time. Those that may have to wait run beside, and what they read joins
//! the next sample; one that hangs delays nobody.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::Builder,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{ALL, Sample, Sampler, Series, Values, With};
use crate::facts::{Gap, Reason};

/// Which samplers are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that there are.
    All,
    /// Those with these names.
    Only(Vec<String>),
}

impl Wanted {
    fn has(&self, sampler: &Sampler) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Only(names) => names.iter().any(|name| name == sampler.name),
        }
    }
}

/// What takes samples.
pub struct Collector {
    quick: Vec<Quick>,
    slow: Vec<Slow>,
    values: Values,
    with: With,
    absent: Vec<(&'static Sampler, Gap)>,
    /// When those are looked for again.
    again: Option<Duration>,
}

/// A sampler that is asked on the spot.
struct Quick {
    sampler: &'static Sampler,
    sample: Box<dyn Sample>,
    next: Duration,
    gap: Option<Gap>,
}

/// One with a thread of its own.
struct Slow {
    sampler: &'static Sampler,
    ask: Sender<()>,
    answers: Receiver<Answer>,
    next: Duration,
    /// Since when an answer is waited for.
    asked: Option<Duration>,
    gap: Option<Gap>,
}

/// What one with a thread of its own read.
struct Answer {
    readings: Vec<Reading>,
    gap: Option<Gap>,
}

/// A value with its series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) series: Series,
    pub(super) value: Option<f64>,
    pub(super) total: Option<f64>,
}

/// A sampler that does not answer is told after this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often series that are gone are looked for.
const TIDY: Duration = Duration::from_secs(600);
/// How often what was not there is looked for again: a web server may be installed meanwhile, a sensor plugged in.
const AGAIN: Duration = Duration::from_secs(600);

/// The time since the machine started, with the time it slept: a clock that never jumps.
pub fn since_start() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

impl Collector {
    /// Gets the samplers ready. One whose part the machine does not have is left out.
    pub fn new(with: &With, wanted: &Wanted) -> Self {
        let mut collector = Collector {
            quick: Vec::new(),
            slow: Vec::new(),
            values: Values::default(),
            with: with.clone(),
            absent: Vec::new(),
            again: None,
        };
        ALL.iter().copied().filter(|sampler| wanted.has(sampler)).for_each(|sampler| collector.start(sampler));
        collector
    }

    fn start(&mut self, sampler: &'static Sampler) {
        match (sampler.start)(&self.with) {
            Err(gap) => self.absent.push((sampler, gap)),
            Ok(sample) if !sampler.waits => {
                self.quick.push(Quick { sampler, sample, next: Duration::ZERO, gap: None });
            }
            Ok(sample) => match Slow::start(sampler, sample) {
                Ok(slow) => self.slow.push(slow),
                Err(gap) => self.absent.push((sampler, gap)),
            },
        }
    }

    /// Looks again for what was not there.
    fn look_again(&mut self, now: Duration) {
        if self.again.is_some_and(|again| now < again) {
            return;
        }
        if self.again.replace(now + AGAIN).is_some() {
            std::mem::take(&mut self.absent).into_iter().for_each(|(sampler, _)| self.start(sampler));
        }
    }

    /// Takes a sample of what is due by that clock. What takes long joins a later one.
    pub fn sample(&mut self, now: Duration) -> &Values {
        self.look_again(now);
        if now.as_secs() / TIDY.as_secs() != self.values.now().as_secs() / TIDY.as_secs() {
            self.values.forget();
        }
        self.values.begin(now);
        for quick in self.quick.iter_mut().filter(|quick| quick.next <= now) {
            quick.next = next(quick.next, quick.sampler.every, now);
            quick.gap = quick.sample.sample(&mut self.values).err();
        }
        for slow in &mut self.slow {
            slow.take(&mut self.values, now);
            slow.ask(now);
        }
        &self.values
    }

    /// Waits until those beside have answered, at most so long: for someone who wants all of it at once.
    pub fn wait(&mut self, most: Duration) -> &Values {
        let end = since_start() + most;
        for slow in &mut self.slow {
            if slow.asked.is_some() {
                slow.wait(&mut self.values, end.saturating_sub(since_start()));
            }
        }
        &self.values
    }

    /// What was read last.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// What could not be read the last time, with the name of its sampler.
    pub fn gaps(&self) -> impl Iterator<Item = (&'static str, &Gap)> {
        let quick = self.quick.iter().filter_map(|q| Some((q.sampler.name, q.gap.as_ref()?)));
        let slow = self.slow.iter().filter_map(|s| Some((s.sampler.name, s.gap.as_ref()?)));
        quick.chain(slow)
    }

    /// How many do not answer for too long.
    pub(super) fn late(&self, now: Duration) -> usize {
        self.slow.iter().filter(|slow| slow.is_late(now)).count()
    }

    /// What this machine does not have or does not tell.
    pub fn absent(&self) -> impl Iterator<Item = (&'static str, &Gap)> {
        self.absent.iter().map(|(sampler, gap)| (sampler.name, gap))
    }
}

/// When it is asked again: at the same pace, and not twice to make up for a time when nobody asked.
fn next(last: Duration, every: Duration, now: Duration) -> Duration {
    let usual = last + every;
    if usual + every < now { now + every } else { usual }
}

impl Slow {
    fn start(sampler: &'static Sampler, mut sample: Box<dyn Sample>) -> Result<Self, Gap> {
        let (ask, asked) = channel::<()>();
        let (answer, answers) = channel();
        // It ends when nobody asks any more. One that hangs in the kernel is left behind.
        let thread = Builder::new().name(sampler.name.to_owned()).stack_size(256 << 10).spawn(move || {
            let mut values = Values::default();
            while asked.recv().is_ok() {
                values.begin(since_start());
                values.forget();
                let gap = sample.sample(&mut values).err();
                if answer.send(Answer { readings: values.readings(), gap }).is_err() {
                    return;
                }
            }
        });
        match thread {
            Ok(_) => Ok(Slow { sampler, ask, answers, next: Duration::ZERO, asked: None, gap: None }),
            Err(error) => {
                Err(Gap::new(sampler.about, sampler.name, Reason::Tool(format!("no thread can be started: {error}"))))
            }
        }
    }

    fn ask(&mut self, now: Duration) {
        if self.asked.is_none() && self.next <= now && self.ask.send(()).is_ok() {
            self.next = next(self.next, self.sampler.every, now);
            self.asked = Some(now);
        }
    }

    fn take(&mut self, values: &mut Values, now: Duration) {
        if let Ok(answer) = self.answers.try_recv() {
            self.took(answer, values);
        } else if self.is_late(now) {
            self.gap = Some(Gap::new(self.sampler.about, self.sampler.name, Reason::TimedOut));
        }
    }

    fn is_late(&self, now: Duration) -> bool {
        self.asked.is_some_and(|asked| now.saturating_sub(asked) > PATIENCE)
    }

    fn wait(&mut self, values: &mut Values, most: Duration) {
        match self.answers.recv_timeout(most) {
            Ok(answer) => self.took(answer, values),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.gap = Some(Gap::new(self.sampler.about, self.sampler.name, Reason::TimedOut));
            }
        }
    }

    fn took(&mut self, answer: Answer, values: &mut Values) {
        self.asked = None;
        self.gap = answer.gap;
        answer.readings.into_iter().for_each(|reading| values.put(&reading));
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("values", &self.values).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Metrics,
        host::Host,
        metrics::{Better, Kind, Metric, testing::Tree},
    };

    static SEEN: Metric = Metric {
        name: "a.seen",
        title: "Seen",
        unit: "1",
        kind: Kind::Gauge,
        about: "",
        labels: &[],
        decimals: 0,
        better: Better::Neither,
        says: None,
    };

    struct Hangs(Duration);

    impl Sample for Hangs {
        fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
            std::thread::sleep(self.0);
            values.gauge(&SEEN, &[], 1.0);
            Ok(())
        }
    }

    static SLOW: Sampler = Sampler {
        name: "slow",
        about: "what takes long",
        metrics: &[&SEEN],
        every: Duration::from_secs(60),
        waits: true,
        start: |_| Ok(Box::new(Hangs(Duration::from_millis(300)))),
    };

    fn collector(sleeps: Duration) -> Collector {
        let slow = Slow::start(&SLOW, Box::new(Hangs(sleeps))).unwrap();
        let with = With::new(Host::live().unwrap(), Metrics::default());
        Collector { slow: vec![slow], ..Collector::new(&with, &Wanted::Only(Vec::new())) }
    }

    #[test]
    fn what_was_not_there_at_first_is_measured_once_it_is() {
        let tree = Tree::new(&[("proc/x", "")]);
        let with = With::new(tree.host(), Metrics::default());
        let mut collector = Collector::new(&with, &Wanted::Only(vec!["load".to_owned()]));
        let at = Duration::from_secs;
        assert_eq!(collector.sample(at(10)).values().len(), 0);
        assert_eq!(collector.absent().map(|(name, _)| name).collect::<Vec<_>>(), ["load"]);
        tree.write("proc/loadavg", "0.5 0.4 0.3 1/100 42\n");
        assert_eq!(collector.sample(at(20)).values().len(), 0);
        assert!(!collector.sample(at(700)).values().is_empty());
        assert_eq!(collector.absent().count(), 0);
    }

    #[test]
    fn what_takes_long_joins_a_later_sample() {
        let mut collector = collector(Duration::from_millis(300));
        let at = Duration::from_secs;
        assert_eq!(collector.sample(at(10)).values().len(), 0);
        assert_eq!(collector.wait(at(20)).values().len(), 1);
        // It is asked once in its time, however often samples are taken.
        assert_eq!(collector.sample(at(20)).values().len(), 0);
        assert!(collector.slow[0].asked.is_none());
        collector.sample(at(75));
        assert!(collector.slow[0].asked.is_some());
    }

    #[test]
    fn one_that_hangs_is_told_and_delays_nobody() {
        let mut collector = collector(Duration::from_secs(3600));
        let at = Duration::from_secs;
        collector.sample(at(10));
        collector.sample(at(20));
        assert_eq!(collector.gaps().count(), 0);
        collector.sample(at(41));
        let gaps: Vec<_> = collector.gaps().collect();
        assert_eq!((gaps.len(), &gaps[0].1.reason), (1, &Reason::TimedOut));
        assert_eq!((collector.late(at(20)), collector.late(at(41))), (0, 1));
    }

    #[test]
    fn a_pace_is_kept_and_nothing_is_made_up_for() {
        let at = Duration::from_secs;
        assert_eq!(next(at(100), at(60), at(100)), at(160));
        assert_eq!(next(at(100), at(60), at(163)), at(160));
        assert_eq!(next(at(100), at(60), at(9000)), at(9060));
        assert_eq!(next(at(0), Duration::ZERO, at(9000)), at(9000));
    }
}
