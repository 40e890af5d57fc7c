//! Writes samples into the spool, on a thread of its own: a disk that hangs does not keep samples from being taken. From
//! time to time it closes the file, and has what was written put into the history.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Series, Values,
    spool::{Frame, Writer},
};

/// Samples that wait for the disk at most, in number.
const WAITING: usize = 360;

/// What puts closed files of the spool into the history; what went wrong, in a sentence.
pub type TakeIn = Box<dyn FnMut() -> Result<(), String> + Send>;

/// Whoever writes samples.
#[derive(Debug)]
pub struct Recorder {
    to: Option<SyncSender<Sample>>,
    thread: Option<JoinHandle<()>>,
    /// Series that the thread knows, by number.
    known: BTreeMap<u32, Series>,
    shared: Arc<Mutex<Shared>>,
}

/// How it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shared {
    /// Samples that were lost because nothing could be written for too long.
    pub lost: u64,
    /// Why nothing can be written, if so.
    pub spool: Option<String>,
    /// Why nothing can be put into the history, if so.
    pub history: Option<String>,
    /// How long the last time took to put samples into the history.
    pub took: Duration,
    /// How often that was done.
    pub batches: u64,
}

/// A sample on its way to the disk.
struct Sample {
    at: i64,
    series: Vec<(u32, Series)>,
    values: Vec<(u32, f64)>,
}

impl Recorder {
    /// Begins: writes into this folder for this machine, and calls `take_in` each time `batch` is over and at the end.
    ///
    /// # Errors
    /// When the folder cannot be made, or no thread started.
    pub fn start(folder: &Path, host: &str, batch: Duration, take_in: TakeIn) -> std::io::Result<Self> {
        let writer = Writer::new(folder)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (to, from) = sync_channel(WAITING);
        let (wake, woken) = sync_channel(1);
        let taker = Builder::new().name("take in".to_owned()).stack_size(256 << 10).spawn({
            let shared = Arc::clone(&shared);
            move || take(&woken, take_in, &shared)
        })?;
        let work = Work {
            writer,
            host: host.to_owned(),
            names: BTreeMap::new(),
            told: BTreeSet::new(),
            batch,
            shared: Arc::clone(&shared),
            wake,
        };
        let thread = Builder::new().name("spool".to_owned()).stack_size(256 << 10).spawn(move || {
            work.run(&from);
            let _ = taker.join();
        })?;
        Ok(Recorder { to: Some(to), thread: Some(thread), known: BTreeMap::new(), shared })
    }

    /// Writes what was read at a moment. Never waits: where the disk does not take anything for too long, samples are lost,
    /// and that is told.
    pub fn record(&mut self, at: jiff::Timestamp, values: &Values) {
        let mut sample = Sample { at: at.as_microsecond(), series: Vec::new(), values: Vec::new() };
        for value in values.values() {
            let (Some(number), Some(series)) = (value.value, values.series(value.series)) else { continue };
            // A number may mean another series by now.
            if self.known.get(&value.series) != Some(series) {
                self.known.insert(value.series, series.clone());
                sample.series.push((value.series, series.clone()));
            }
            sample.values.push((value.series, number));
        }
        let Some(to) = &self.to else { return };
        if let Err(TrySendError::Full(sample) | TrySendError::Disconnected(sample)) = to.try_send(sample) {
            // What it would have told of series has to be told by a later one.
            for (number, _) in sample.series {
                self.known.remove(&number);
            }
            if let Ok(mut shared) = self.shared.lock() {
                shared.lost += 1;
            }
        }
    }

    /// How it goes.
    pub fn state(&self) -> Shared {
        self.shared.lock().map(|shared| shared.clone()).unwrap_or_default()
    }

    /// Writes what waits, puts it into the history, and ends. A disk that hangs is not waited for longer than that.
    pub fn stop(mut self, most: Duration) -> Shared {
        self.to = None;
        let end = Instant::now() + most;
        if let Some(thread) = self.thread.take() {
            while !thread.is_finished() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.state()
    }
}

/// The thread that writes.
struct Work {
    writer: Writer,
    host: String,
    /// The metric and the labels of each number.
    names: BTreeMap<u32, (String, String)>,
    /// What the file that is written to names already.
    told: BTreeSet<u32>,
    batch: Duration,
    shared: Arc<Mutex<Shared>>,
    wake: SyncSender<()>,
}

impl Work {
    fn run(mut self, from: &Receiver<Sample>) {
        // What was left by one who was killed is put into the history at once.
        let _ = self.wake.try_send(());
        let mut closed = Instant::now();
        loop {
            match from.recv_timeout(self.batch.saturating_sub(closed.elapsed())) {
                Ok(sample) => self.write(sample),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if closed.elapsed() >= self.batch {
                self.close();
                closed = Instant::now();
            }
        }
        self.close();
    }

    fn write(&mut self, sample: Sample) {
        for (number, series) in sample.series {
            self.names.insert(number, (series.metric.name.to_owned(), labels(&series)));
            self.told.remove(&number);
        }
        let fresh = self.writer.is_fresh();
        if fresh {
            self.told.clear();
        }
        let new: Vec<u32> = sample.values.iter().map(|v| v.0).filter(|number| self.told.insert(*number)).collect();
        let named = new.iter().filter_map(|number| {
            let (metric, labels) = self.names.get(number)?;
            Some((*number, metric.clone(), labels.clone()))
        });
        let frame = Frame {
            at: sample.at,
            host: fresh.then(|| self.host.clone()),
            series: named.collect(),
            values: sample.values,
        };
        let written = self.writer.add(&frame);
        self.note(written.err());
    }

    fn close(&mut self) {
        let closed = self.writer.close();
        self.note(closed.err());
        // When it is still at it, it will see what was closed now the next time.
        let _ = self.wake.try_send(());
    }

    fn note(&self, error: Option<std::io::Error>) {
        if let Ok(mut shared) = self.shared.lock() {
            shared.spool = error.map(|error| format!("what was measured cannot be written down: {error}"));
            shared.lost = shared.lost.max(self.writer.lost());
        }
    }
}

/// The thread that puts samples into the history.
fn take(woken: &Receiver<()>, mut take_in: TakeIn, shared: &Mutex<Shared>) {
    while woken.recv().is_ok() {
        let start = Instant::now();
        let taken = take_in();
        if let Ok(mut shared) = shared.lock() {
            shared.took = start.elapsed();
            shared.batches += 1;
            shared.history = taken.err();
        }
    }
}

/// The labels of a series as JSON.
fn labels(series: &Series) -> String {
    let labels = series.metric.labels.iter().zip(&series.labels);
    let map: serde_json::Map<String, serde_json::Value> =
        labels.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    serde_json::Value::Object(map).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::metrics::{
        Better, Kind, Metric,
        spool::{closed, segments},
    };

    static A: Metric = Metric {
        name: "a.b",
        title: "A",
        unit: "1",
        kind: Kind::Gauge,
        about: "",
        labels: &["k"],
        decimals: 1,
        better: Better::Neither,
        says: None,
    };

    fn values(labels: &[&str]) -> Values {
        let mut values = Values::default();
        values.begin(Duration::ZERO);
        labels.iter().for_each(|label| values.gauge(&A, &[label], 1.0));
        values
    }

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_file_names_its_machine_and_its_series() {
        let folder = tempfile::tempdir().unwrap();
        let batch = Duration::from_millis(20);
        let mut recorder = Recorder::start(folder.path(), "h", batch, Box::new(|| Ok(()))).unwrap();
        let first = values(&["x", "\"y\n"]);
        for second in 0..50 {
            recorder.record(at(second), &first);
            std::thread::sleep(Duration::from_millis(2));
        }
        recorder.stop(Duration::from_secs(20));
        let mut times = Vec::new();
        let mut files = closed(folder.path()).unwrap();
        assert!(files.len() > 1);
        for file in &mut files {
            let frames = file.frames().unwrap();
            assert_eq!(frames[0].host.as_deref(), Some("h"));
            let names: Vec<&str> = frames[0].series.iter().map(|s| s.2.as_str()).collect();
            assert_eq!(names, [r#"{"k":"x"}"#, r#"{"k":"\"y\n"}"#]);
            assert!(frames[1..].iter().all(|f| f.host.is_none() && f.series.is_empty()));
            times.extend(frames.iter().map(|f| f.at / 1_000_000));
        }
        assert_eq!(times, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_number_that_means_another_series_is_named_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::start(folder.path(), "h", Duration::from_secs(900), Box::new(|| Ok(()))).unwrap();
        recorder.record(at(1), &values(&["x"]));
        recorder.record(at(2), &values(&["z"]));
        recorder.stop(Duration::from_secs(20));
        let frames = closed(folder.path()).unwrap().remove(0).frames().unwrap();
        let named: Vec<_> = frames.iter().flat_map(|f| &f.series).map(|s| (s.0, s.2.as_str())).collect();
        assert_eq!(named, [(0, r#"{"k":"x"}"#), (0, r#"{"k":"z"}"#)]);
    }

    #[test]
    fn a_history_that_does_not_answer_delays_no_sample() {
        let folder = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let hangs = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(3));
            Err("busy".to_owned())
        });
        let mut recorder = Recorder::start(folder.path(), "h", Duration::from_millis(10), hangs).unwrap();
        for second in 0..20 {
            recorder.record(at(second), &values(&["x"]));
            std::thread::sleep(Duration::from_millis(5));
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        let seen = || {
            let mut all = segments(folder.path()).unwrap();
            all.iter_mut().flat_map(|s| s.frames().unwrap()).count()
        };
        while seen() < 20 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((seen(), calls.load(Ordering::Relaxed)), (20, 1));
        let state = recorder.stop(Duration::from_secs(30));
        assert_eq!((state.history.as_deref(), state.lost), (Some("busy"), 0));
    }
}
