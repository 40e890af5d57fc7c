//! Asks every target at its own pace. Each is asked in a thread of its own that ends with the answer, so that none waits
//! for another; one whose name is looked up without end keeps its one thread, and is told as late each time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::Builder,
    time::{Duration, Instant},
};

use super::{
    answer::{Answer, Failure, Kind},
    ask::{LOOKING, Target, ask},
};

/// How much longer than its time a target is waited for: what is at work gets to its end by itself.
const GRACE: Duration = Duration::from_millis(500);
/// Stack of a thread that asks: the system's look-up of names takes most of it.
const STACK: usize = 512 << 10;
/// Nothing is due for longer than this.
const IDLE: Duration = Duration::from_secs(3600);

/// What asks targets.
#[derive(Debug)]
pub(super) struct Pace {
    tell: Sender<Event>,
    told: Arc<Told>,
}

/// What is told about targets until it is fetched.
#[derive(Debug)]
struct Told {
    news: Mutex<Vec<News>>,
    changed: Condvar,
}

/// What is known of one.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    /// The worst answer since it was last fetched.
    pub answer: Option<Answer>,
    /// What was wrong the last time.
    pub failure: Option<Failure>,
    /// How often what went wrong since it was last fetched.
    pub failures: BTreeMap<Kind, u64>,
    /// Whether it ever answered or failed.
    asked: bool,
}

enum Event {
    Answer(usize, Answer),
    End,
}

/// When a target is due, and what it is at.
struct Slot {
    target: Arc<Target>,
    next: Instant,
    asked: Option<Asked>,
}

struct Asked {
    late_at: Instant,
    /// Whether it was told that it is late: then what comes of it does not count any more.
    late: bool,
}

impl Pace {
    /// Starts asking.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub fn start(targets: Vec<Target>) -> std::io::Result<Self> {
        Self::with(targets, ask)
    }

    fn with(targets: Vec<Target>, ask: Ask) -> std::io::Result<Self> {
        let (tell, events) = channel();
        let news = Mutex::new(vec![News::default(); targets.len()]);
        let told = Arc::new(Told { news, changed: Condvar::new() });
        let now = Instant::now();
        let slot = |target| Slot { target: Arc::new(target), next: now, asked: None };
        let slots = targets.into_iter().map(slot).collect();
        let keeper = Keeper { slots, told: Arc::clone(&told), tell: tell.clone(), ask };
        Builder::new().name("targets-pace".to_owned()).stack_size(STACK).spawn(move || keeper.run(&events))?;
        Ok(Pace { tell, told })
    }

    /// Waits until every target was asked once, at most so long.
    pub fn first(&self, most: Duration) {
        let wait = |news: &mut Vec<News>| news.iter().any(|n| !n.asked);
        let _ = self.told.changed.wait_timeout_while(self.told.news(), most, wait);
    }

    /// What came since the last time, in the order of the targets.
    pub fn fetch(&self) -> Vec<News> {
        let mut news = self.told.news();
        let fetched = news.clone();
        for one in news.iter_mut() {
            one.answer = None;
            one.failures.clear();
        }
        fetched
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        let _ = self.tell.send(Event::End);
    }
}

impl Told {
    fn news(&self) -> MutexGuard<'_, Vec<News>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, place: usize, answer: Answer) {
        if let Some(news) = self.news().get_mut(place) {
            news.asked = true;
            news.failure.clone_from(&answer.failure);
            if let Some(failure) = &answer.failure {
                *news.failures.entry(failure.kind).or_insert(0) += 1;
            }
            news.answer = Some(match news.answer.take() {
                Some(before) => before.worse(answer),
                None => answer,
            });
        }
        self.changed.notify_all();
    }
}

/// What keeps the pace, in a thread of its own.
struct Keeper {
    slots: Vec<Slot>,
    told: Arc<Told>,
    tell: Sender<Event>,
    ask: Ask,
}

/// Asks a target once.
type Ask = fn(&Target, Instant) -> Answer;

impl Keeper {
    fn run(mut self, events: &Receiver<Event>) {
        loop {
            let now = Instant::now();
            for place in 0..self.slots.len() {
                self.see_to(place, now);
            }
            let next = self.slots.iter().map(Slot::wakes).min();
            let wait = next.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
            match events.recv_timeout(wait) {
                Ok(Event::Answer(place, answer)) => self.answered(place, answer),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Asks a target that is due, and tells of one that is late.
    fn see_to(&mut self, place: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let due = slot.next <= now;
        if due {
            // At the same pace, and not twice to make up for a time when nobody asked.
            slot.next = (slot.next + slot.target.every).max(now + slot.target.every / 2);
        }
        match &mut slot.asked {
            Some(asked) => {
                let late = now >= asked.late_at;
                if late && (due || !asked.late) {
                    asked.late = true;
                    let failure = Some(Failure::late(LOOKING));
                    self.told.add(place, Answer { failure, ..Answer::default() });
                }
            }
            None if due => {
                slot.asked = Some(Asked { late_at: now + slot.target.timeout + GRACE, late: false });
                let sent = Sent { place, answer: None, tell: self.tell.clone() };
                let (target, ask) = (Arc::clone(&slot.target), self.ask);
                let thread = Builder::new().name("target".to_owned()).stack_size(STACK);
                // Without a thread the closure is dropped, and that is told.
                let _ = thread.spawn(move || sent.with(ask(&target, now)));
            }
            None => {}
        }
    }

    fn answered(&mut self, place: usize, answer: Answer) {
        let asked = self.slots.get_mut(place).and_then(|slot| slot.asked.take());
        if asked.is_some_and(|asked| !asked.late) {
            self.told.add(place, answer);
        }
    }
}

impl Slot {
    /// When it has to be seen to.
    fn wakes(&self) -> Instant {
        match &self.asked {
            Some(asked) if !asked.late => asked.late_at.min(self.next),
            _ => self.next,
        }
    }
}

/// Tells what came of asking, whatever happens to the thread.
struct Sent {
    place: usize,
    answer: Option<Answer>,
    tell: Sender<Event>,
}

impl Sent {
    fn with(mut self, answer: Answer) {
        self.answer = Some(answer);
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or_else(|| {
            let failure = Failure::new(Kind::Internal, "could not be asked (no thread can be started)");
            Answer { failure: Some(failure), ..Answer::default() }
        });
        let _ = self.tell.send(Event::Answer(self.place, answer));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{
        super::{address::Address, trust::Trust},
        *,
    };

    fn target(name: &str) -> Target {
        Target {
            name: name.to_owned(),
            address: Address::parse("tcp://localhost:1").unwrap(),
            every: Duration::from_millis(50),
            timeout: Duration::from_millis(20),
            status: None,
            trust: Arc::new(Trust::new(None)),
        }
    }

    /// Waits until it is so; each test is about what comes, not when.
    fn until(pace: &Pace, mut is: impl FnMut(&[News]) -> bool) {
        for _ in 0..2000 {
            if is(&pace.fetch()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it never came");
    }

    #[test]
    fn one_whose_name_is_looked_up_without_end_keeps_one_thread_and_delays_nobody() {
        static HANGING: AtomicUsize = AtomicUsize::new(0);
        fn ask(target: &Target, _: Instant) -> Answer {
            if target.name == "hangs" {
                HANGING.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_secs(60));
            }
            Answer { whole: Some(Duration::ZERO), ..Answer::default() }
        }
        let pace = Pace::with(vec![target("hangs"), target("good")], ask).unwrap();
        pace.first(Duration::from_secs(60));
        let (mut late, mut answers) = (0, 0);
        until(&pace, |news| {
            assert!(news[1].failure.is_none());
            answers += usize::from(news[1].answer.is_some());
            late += usize::from(news[0].answer.as_ref().is_some_and(|a| a.failure.is_some()));
            late >= 4 && answers >= 4
        });
        assert_eq!(HANGING.load(Ordering::Relaxed), 1);
        let failure = pace.fetch()[0].failure.clone().unwrap();
        assert_eq!((failure.kind, failure.why.contains("looked up")), (Kind::Timeout, true));
    }

    #[test]
    fn one_that_answers_after_its_time_is_asked_again() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        fn ask(_: &Target, _: Instant) -> Answer {
            if ASKED.fetch_add(1, Ordering::Relaxed) == 0 {
                std::thread::sleep(Duration::from_millis(20) + GRACE * 2);
                // Nobody waits for this any more.
                return Answer { failure: Some(Failure::closed("never")), ..Answer::default() };
            }
            Answer::default()
        }
        let pace = Pace::with(vec![target("slow")], ask).unwrap();
        let mut late = false;
        until(&pace, |news| {
            let why = news[0].failure.as_ref().map(|failure| failure.why.as_str());
            assert!(why.is_none_or(|why| why.contains("looked up")), "{why:?}");
            late |= why.is_some();
            late && why.is_none()
        });
    }

    #[test]
    fn what_goes_wrong_in_here_is_told_and_the_pace_is_kept() {
        fn ask(target: &Target, _: Instant) -> Answer {
            assert!(target.name != "breaks", "on purpose");
            Answer::default()
        }
        let pace = Pace::with(vec![target("breaks"), target("good")], ask).unwrap();
        let mut failures = 0;
        until(&pace, |news| {
            failures += news[0].failures.get(&Kind::Internal).copied().unwrap_or(0);
            failures > 2 && news[1].answer.is_some()
        });
    }
}
