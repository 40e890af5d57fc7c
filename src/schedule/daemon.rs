//! The process that waits: it knows when each job is due next, starts it then, and holds nothing open meanwhile. All that
//! needs the history is done by programs of ours that it starts, so that it stays small and nothing can bring it down.

use std::{
    collections::BTreeMap,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use jiff::{Timestamp, tz::TimeZone};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    flag, low_level,
};

use super::{
    Due, Here, Known, Lock, Planned, ScheduleError, due,
    measure::Measuring,
    start::{End, Started},
};
use crate::{
    child::{Running, Waited},
    config::{Settings, keep_last_good, last_good},
    store::JobPast,
};

/// What the daemon tells of itself, for the log.
#[derive(Debug)]
pub enum Note<'a> {
    /// It waits, with so many jobs; when the next one begins.
    Waiting(usize, Option<(&'a str, Timestamp)>),
    /// The settings changed, and hold from now on.
    Reloaded,
    /// The settings are wrong, so the last ones that were right hold.
    Broken(&'a str),
    /// A job begins.
    Begins(&'a str),
    /// A program that it started ended.
    Ended(&'a str, &'a End),
    /// Something could not be done, and is tried again.
    Trouble(&'a str),
    /// It was asked to stop, and waits for so many jobs.
    Stopping(usize),
}

/// What whoever asks who runs the schedule is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The process.
    pub pid: u32,
    /// Since when it runs.
    pub since: Timestamp,
    /// Why the last settings that were right hold, if so.
    pub broken: Option<String>,
    /// What keeps it from its work, if anything.
    pub trouble: Option<String>,
    /// What keeps it from measuring, if anything.
    #[serde(default)]
    pub unmeasured: Option<String>,
}

/// The process that waits.
#[derive(Debug)]
pub struct Daemon {
    file: PathBuf,
    db: Option<PathBuf>,
    here: Here,
    jobs: Vec<Planned>,
    lock: Lock,
    card: Card,
    /// When the file was changed last, as far as is known.
    changed: Option<SystemTime>,
    known: Option<Known>,
    running: Vec<(String, Started)>,
    /// The time that each was started for last, and when that was.
    begun: BTreeMap<String, (Timestamp, Instant)>,
    measuring: Option<Measuring>,
    /// What did not even begin, by name: how often, and when it may be tried again.
    failed: BTreeMap<String, (u32, Instant)>,
}

/// The lock that says that one runs.
pub const LOCK: &str = "daemon";
/// The name under which mail is handed over.
const MAIL: &str = "mail queue";
/// What it waits at most before it looks at the clock again: clocks jump, and machines sleep.
const TICK: Duration = Duration::from_secs(30);
/// More jobs do not run at the same time.
const MOST: usize = 4;
/// How long reading the history may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long jobs may take to end when it stops.
const GRACE: Duration = Duration::from_secs(170);
/// The names under which it keeps how often the history could not be read, and nothing be measured.
const HISTORY: &str = "";
const SAMPLES: &str = " samples";

/// What asks for attention while it waits.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    woken: UnixStream,
}

impl Signals {
    fn hear() -> std::io::Result<Self> {
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGTERM, SIGINT] {
            flag::register(signal, Arc::clone(&stop))?;
        }
        flag::register(SIGHUP, Arc::clone(&reload))?;
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] {
            low_level::pipe::register(signal, wake.try_clone()?)?;
        }
        Ok(Signals { stop, reload, woken })
    }

    /// Waits for a signal, at most so long.
    fn wait(&self, most: Duration) {
        let limit = Timespec::try_from(most).ok();
        let _ = poll(&mut [PollFd::new(&self.woken, PollFlags::IN)], limit.as_ref());
        let mut heard = [0; 64];
        while std::io::Read::read(&mut &self.woken, &mut heard).is_ok_and(|n| n > 0) {}
    }
}

impl Daemon {
    /// Gets ready: alone, with settings that are right or the last ones that were.
    ///
    /// # Errors
    /// When another one runs, or no settings can be used.
    pub fn start(file: &Path, db: Option<&Path>) -> Result<Self, ScheduleError> {
        let empty = Here::new(Settings::none(file), db);
        let folder = empty.folder()?.to_owned();
        let Some(lock) = Lock::take(&folder, LOCK)? else {
            return Err(ScheduleError::SecondDaemon(card(&folder).map(|card| card.pid.to_string())));
        };
        let changed = modified(file);
        let (settings, broken) = match load(file) {
            Ok(settings) => (settings, None),
            Err(error) => match last_good(&folder) {
                Some(settings) => (settings, Some(error.to_string())),
                None => return Err(error),
            },
        };
        let here = Here::new(settings, db);
        let jobs = here.jobs()?;
        let card = Card { pid: std::process::id(), since: Timestamp::now(), broken, trouble: None, unmeasured: None };
        let mut daemon = Daemon {
            file: file.to_owned(),
            db: db.map(Path::to_owned),
            here,
            jobs,
            lock,
            card,
            changed,
            known: None,
            running: Vec::new(),
            begun: BTreeMap::new(),
            measuring: None,
            failed: BTreeMap::new(),
        };
        daemon.remember();
        daemon.show();
        Ok(daemon)
    }

    /// Works until it is asked to stop.
    ///
    /// # Errors
    /// When the system lacks what it needs to wait.
    pub fn run(mut self, tell: &mut dyn FnMut(Note<'_>)) -> Result<(), ScheduleError> {
        let signals = Signals::hear().map_err(ScheduleError::Program)?;
        let watch = sd_notify::watchdog_enabled();
        let tick = watch.map_or(TICK, |limit| TICK.min(limit / 3));
        if let Some(broken) = &self.card.broken {
            tell(Note::Broken(broken));
        }
        let mut first = true;
        while !signals.stop.load(Ordering::Relaxed) {
            if signals.reload.swap(false, Ordering::Relaxed) || modified(&self.file) != self.changed {
                self.reload(tell);
            }
            if self.reap(tell) {
                self.known = None;
            }
            if self.known.is_none() {
                self.ask(tell);
            }
            self.measure(tell);
            let wait = self.begin(tell).min(tick);
            if first {
                let next = self.next();
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
                tell(Note::Waiting(self.jobs.len(), next.as_ref().map(|(name, at)| (name.as_str(), *at))));
                first = false;
            }
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            signals.wait(wait);
        }
        self.stop(tell);
        Ok(())
    }

    /// Reads the settings anew. Where they are wrong, those that hold go on.
    fn reload(&mut self, tell: &mut dyn FnMut(Note<'_>)) {
        self.changed = modified(&self.file);
        let loaded = load(&self.file).and_then(|settings| {
            let here = Here::new(settings, self.db.as_deref());
            Ok((here.jobs()?, here))
        });
        match loaded {
            Ok((jobs, here)) => {
                let mended = self.card.broken.take().is_some();
                if mended || here.settings.text != self.here.settings.text {
                    tell(Note::Reloaded);
                }
                (self.jobs, self.here, self.known) = (jobs, here, None);
                self.failed.clear();
                self.remember();
            }
            Err(error) => {
                let error = error.to_string();
                tell(Note::Broken(&error));
                if let Ok(Some(settings)) = self.here.folder().map(last_good) {
                    self.here = Here::new(settings, self.db.as_deref());
                }
                self.card.broken = Some(error);
            }
        }
        self.show();
    }

    /// Keeps the settings that hold, for a time when they are wrong.
    fn remember(&self) {
        if self.card.broken.is_none()
            && let Ok(folder) = self.here.folder()
        {
            keep_last_good(folder, &self.here.settings);
        }
    }

    /// Asks a program of ours what the history knows.
    fn ask(&mut self, tell: &mut dyn FnMut(Note<'_>)) {
        if self.too_soon(HISTORY) {
            return;
        }
        // The machine may stand elsewhere now.
        let zone = TimeZone::system();
        if zone != self.here.zone {
            self.here.zone = zone;
            if let Ok(jobs) = self.here.jobs() {
                self.jobs = jobs;
            }
        }
        match self.asked() {
            Ok(known) => {
                self.failed.remove(HISTORY);
                self.card.trouble = None;
                self.known = Some(known);
            }
            Err(why) => {
                self.put_off(HISTORY);
                tell(Note::Trouble(&why));
                self.card.trouble = Some(why);
            }
        }
        self.show();
    }

    fn asked(&self) -> Result<Known, String> {
        let mut command = self.here.program(&["schedule", "known"]).map_err(|e| e.to_string())?;
        command.stdin(Stdio::null());
        let mut running = Running::start(command, 1 << 20).map_err(|e| e.to_string())?;
        match running.wait(PATIENCE, || false) {
            Ok(Waited::Ended(status)) => {
                let said = running.said();
                let known =
                    said.lines().find(|line| line.starts_with('{')).and_then(|line| serde_json::from_str(line).ok());
                match known {
                    Some(known) if status.success() => Ok(known),
                    _ => Err(said.split_whitespace().collect::<Vec<_>>().join(" ")),
                }
            }
            Ok(_) => {
                running.end(Duration::from_secs(1));
                Err("The history could not be read in time.".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Begins what is due; returns how long nothing will be.
    fn begin(&mut self, tell: &mut dyn FnMut(Note<'_>)) -> Duration {
        let now = Timestamp::now();
        let Some(known) = self.known.clone() else { return TICK };
        let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
        let mut wait = TICK;
        let mut ready: Vec<(Timestamp, Planned)> = Vec::new();
        for job in &self.jobs {
            let Some(past) = known.jobs.get(&job.name) else { continue };
            match due(job, &JobPast { since: past.0, last_due: past.1 }, self.here.delay(job), now) {
                Due::Now { due, .. } | Due::Pass { due, .. } => ready.push((due, job.clone())),
                Due::Wait(next) => wait = next.map_or(wait, |next| wait.min(until(next))),
            }
        }
        ready.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
        for (due, job) in ready {
            let busy = self.is_running(&job.name) || self.too_soon(&job.name) || self.running.len() >= MOST;
            if busy || !self.is_first_try(&job.name, due) {
                continue;
            }
            tell(Note::Begins(&job.name));
            self.started(&job.name, Started::job(&self.here, &job), tell);
        }
        match known.next_mail {
            Some(at) if at <= now && !self.is_running(MAIL) && !self.too_soon(MAIL) && self.is_first_try(MAIL, at) => {
                self.started(MAIL, Started::mail(&self.here), tell);
            }
            Some(at) if at > now => wait = wait.min(until(at)),
            _ => {}
        }
        // A clock without fractions must not make it run in circles.
        wait.max(Duration::from_millis(20))
    }

    /// Measures where the settings want it, and tells what keeps it from that.
    fn measure(&mut self, tell: &mut dyn FnMut(Note<'_>)) {
        if let Some(measuring) = self.measuring.take_if(|measuring| !measuring.fits(&self.here)) {
            measuring.stop();
            self.failed.remove(SAMPLES);
        }
        let mut trouble = self.measuring.as_mut().and_then(Measuring::trouble);
        if self.measuring.is_none() && self.here.config().metrics.enabled {
            trouble = self.card.unmeasured.clone();
            if !self.too_soon(SAMPLES) {
                match Measuring::start(&self.here) {
                    Ok(measuring) => (self.measuring, trouble) = (measuring, None),
                    Err(why) => {
                        self.put_off(SAMPLES);
                        trouble = Some(why);
                    }
                }
            }
        }
        if trouble != self.card.unmeasured {
            if let Some(why) = &trouble {
                tell(Note::Trouble(why));
            }
            self.card.unmeasured = trouble;
            self.show();
        }
    }

    fn started(&mut self, name: &str, started: Result<Started, String>, tell: &mut dyn FnMut(Note<'_>)) {
        match started {
            Ok(started) => self.running.push((name.to_owned(), started)),
            Err(why) => {
                self.put_off(name);
                tell(Note::Trouble(&why));
            }
        }
    }

    /// Takes note of what ended; whether anything did.
    fn reap(&mut self, tell: &mut dyn FnMut(Note<'_>)) -> bool {
        let mut ended = Vec::new();
        self.running.retain_mut(|(name, started)| match started.ended() {
            Ok(Some(end)) => {
                ended.push((name.clone(), end));
                false
            }
            Ok(None) => true,
            Err(_) => false,
        });
        for (name, end) in &ended {
            tell(Note::Ended(name, end));
            // What could not even be written down is due still: it is not tried again and again.
            if matches!(end, End::Undone(_)) {
                self.put_off(name);
            } else {
                self.failed.remove(name);
            }
        }
        !ended.is_empty()
    }

    fn is_running(&self, name: &str) -> bool {
        self.running.iter().any(|(running, _)| running == name)
    }

    /// Whether something was not started for the same time just now: where another process sees to it, ours ends at once
    /// and it is due still.
    fn is_first_try(&mut self, name: &str, due: Timestamp) -> bool {
        let now = Instant::now();
        let again = self.begun.get(name).is_some_and(|(last, at)| *last == due && now.duration_since(*at) < TICK);
        if !again {
            self.begun.insert(name.to_owned(), (due, now));
        }
        !again
    }

    fn too_soon(&self, name: &str) -> bool {
        self.failed.get(name).is_some_and(|(_, until)| Instant::now() < *until)
    }

    /// The next try comes later than the last: half a minute, a minute, two, up to an hour.
    fn put_off(&mut self, name: &str) {
        let (times, until) = self.failed.entry(name.to_owned()).or_insert((0, Instant::now()));
        let pause = Duration::from_secs(30 << (*times).min(7)).min(Duration::from_secs(3600));
        *times = times.saturating_add(1);
        *until = Instant::now() + pause;
    }

    /// The job that begins next.
    fn next(&self) -> Option<(String, Timestamp)> {
        let now = Timestamp::now();
        let times = self.jobs.iter().filter_map(|job| Some((job.next(now, self.here.delay(job))?, job.name.clone())));
        times.min().map(|(at, name)| (name, at))
    }

    /// Says on its lock who it is and how it is.
    fn show(&mut self) {
        let card = serde_json::to_string(&self.card).unwrap_or_default();
        // Whoever asks while the disk is full is told what was so before.
        let _ = self.lock.note(&card);
    }

    /// Ends the jobs at work, each in its way, and waits for them.
    fn stop(&mut self, tell: &mut dyn FnMut(Note<'_>)) {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        let end = Instant::now() + GRACE;
        if !self.running.is_empty() {
            tell(Note::Stopping(self.running.len()));
        }
        for (_, started) in &self.running {
            started.stop();
        }
        if let Some(measuring) = self.measuring.take() {
            measuring.stop();
        }
        while !self.running.is_empty() && Instant::now() < end {
            self.reap(tell);
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The settings; that there are none is an error here.
fn load(file: &Path) -> Result<Settings, ScheduleError> {
    let settings = Settings::load(file)?;
    if settings.text.is_none() {
        return Err(ScheduleError::Other(format!("there are no settings in {}", file.display())));
    }
    Ok(settings)
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|meta| meta.modified()).ok()
}

/// Who runs the schedule, if anyone does.
pub fn card(folder: &Path) -> Option<Card> {
    let note = Lock::holder(folder, LOCK)?;
    let unknown = || Card { pid: 0, since: Timestamp::UNIX_EPOCH, broken: None, trouble: None, unmeasured: None };
    Some(serde_json::from_str(&note).unwrap_or_else(|_| unknown()))
}
