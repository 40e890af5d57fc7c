//! A history that is filled by real collectors, and someone who sees all that passes through the spool beside it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use cleanbill::{metrics::spool, store::Store};

use crate::support::{Said, program};

/// A value by its moment in microseconds, its metric and its labels.
pub type Seen = BTreeMap<(i64, String, String), f64>;

/// How long something goes on: a minute, or some seconds where not all must be tried.
pub fn long(all: u64, few: u64) -> Duration {
    Duration::from_secs(if std::env::var_os("CLEANBILL_ALL_TESTS").is_some() { all } else { few })
}

/// A folder with settings and a history.
pub struct Place {
    pub dir: tempfile::TempDir,
    db: PathBuf,
}

impl Place {
    pub fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { db: dir.path().join("history/h.duckdb"), dir };
        place.settings(settings);
        place
    }

    /// The same with the history on another disk.
    pub fn with_history(settings: &str, db: PathBuf) -> Self {
        Place { db, ..Place::new(settings) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn settings(&self, text: &str) {
        fs::write(self.path("cleanbill.toml"), text).unwrap();
    }

    pub fn spool(&self) -> PathBuf {
        Store::at(self.db.clone()).spool()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.args(args).env("CLEANBILL_CONFIG", self.path("cleanbill.toml")).env("CLEANBILL_DB", &self.db);
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Runs it, and it must go well.
    pub fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "{args:?}\n{}\n{}", said.out, said.err);
        said.out
    }

    /// Starts it; what it says goes into a file.
    pub fn start(&self, mut command: Command) -> Program {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        Program(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is() {
            assert!(Instant::now() < end, "it is not so: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The history, when nobody writes to it.
    pub fn history(&self) -> duckdb::Connection {
        let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
        duckdb::Connection::open_with_flags(&self.db, config).unwrap()
    }

    /// All samples of the history; each is there once.
    pub fn samples(&self) -> Seen {
        let history = self.history();
        let sql = "select epoch_us(ts), metric, key, value from metric_samples s
                   join metric_series e on e.id = s.series";
        let mut statement = history.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, f64>(3)?)))
            .unwrap();
        let mut samples = Seen::new();
        for row in rows {
            let (key, value) = row.unwrap();
            assert!(samples.insert(key.clone(), value).is_none(), "{key:?} is there twice");
        }
        samples
    }
}

/// A program that is ended when it is dropped.
pub struct Program(pub Child);

impl Program {
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Asks it to stop; how it ended.
    pub fn stop(mut self) -> i32 {
        self.signal("-TERM");
        self.0.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whoever sees what passes through the spool.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Watcher {
    pub fn start(spool: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::new();
            while !asked.load(Ordering::Relaxed) {
                look(&spool, &mut seen);
                std::thread::sleep(Duration::from_millis(15));
            }
            seen
        });
        Watcher { stop, thread: Some(thread) }
    }

    pub fn stop(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Takes note of all that is in the spool now.
pub fn look(spool: &Path, seen: &mut Seen) {
    for mut segment in spool::segments(spool).unwrap_or_default() {
        let mut names = BTreeMap::new();
        for frame in segment.frames().unwrap_or_default() {
            names.extend(frame.series.iter().map(|(n, metric, labels)| (*n, (metric.clone(), labels.clone()))));
            for (number, value) in frame.values {
                let (metric, labels): &(String, String) = &names[&number];
                // Of two that measure the same moment the first counts.
                seen.entry((frame.at, metric.clone(), labels.clone())).or_insert(value);
            }
        }
    }
}

/// All that was seen in the spool is in the history, as it was.
pub fn nothing_is_lost(seen: &Seen, samples: &Seen) {
    let missing: Vec<_> = seen.iter().filter(|(key, value)| samples.get(*key) != Some(*value)).collect();
    assert!(missing.is_empty(), "{} of {} are not in the history: {:?}", missing.len(), seen.len(), &missing[..1]);
}

/// The moments at which a metric was measured.
pub fn moments(samples: &Seen, metric: &str) -> Vec<i64> {
    let mut moments: Vec<i64> = samples.keys().filter(|(_, name, _)| name == metric).map(|key| key.0).collect();
    moments.dedup();
    moments
}
