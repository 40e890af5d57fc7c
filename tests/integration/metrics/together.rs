//! Many at once: two who write and ten who read, and settings that change while it is measured.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::place::{Place, Watcher, long, moments, nothing_is_lost};
use crate::support::Machine;

/// Nobody waits longer: what all of them do takes a small part of it.
const MOST: Duration = Duration::from_secs(30);

#[test]
fn two_who_write_and_ten_who_read_do_not_keep_each_other_waiting() {
    let place = Place::new("[metrics]\nevery = '100ms'\nbatch = '500ms'\n");
    let machine = Machine::debian();
    let args = ["collect", "--every", "100ms", "--only", "cpu,load,memory,uptime"];
    place.ok(&[&args[..], &["--for", "1s"]].concat());
    // Of a moment that two measured the first value is kept, and nobody watched this one.
    std::thread::sleep(Duration::from_millis(200));
    let watcher = Watcher::start(place.spool());
    let collector = place.start(place.command(&args));
    let root = machine.root();
    let audit = ["audit", "--root", root.to_str().unwrap()];
    let asks = [
        &["query", "--format", "json", "select metric, count(*) as n from samples group by all"][..],
        &["trend", "system.cpu.load_average.1m", "--format", "json"],
        &["history", "--format", "json"],
        &["query", "--format", "json", "select max(value) as v from samples where metric = 'system.uptime'"],
    ];
    let (begun, length) = (Instant::now(), long(20, 6));
    let longest = Mutex::new([Duration::ZERO; 2]);
    let (read, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let one = |args: &[&str], kind: usize, count: &AtomicUsize| {
        let from = Instant::now();
        let said = place.run(args);
        assert!(said.code <= 1, "{args:?}: {}\n{}\n{}", said.code, said.out, said.err);
        let took = from.elapsed();
        assert!(took < MOST, "{args:?} took {took:?}");
        let mut longest = longest.lock().unwrap();
        longest[kind] = longest[kind].max(took);
        count.fetch_add(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        let one = &one;
        let (read, written) = (&read, &written);
        scope.spawn(move || {
            while begun.elapsed() < length {
                one(&audit, 1, written);
            }
        });
        for reader in 0..10 {
            scope.spawn(move || {
                while begun.elapsed() < length {
                    one(asks[reader % asks.len()], 0, read);
                    // Whoever asks looks at the answer, too: without any pause those who write would hardly get a turn.
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
        }
    });
    assert_eq!(collector.stop(), 0, "{}", place.log());
    let (seen, samples) = (watcher.stop(), place.samples());
    eprintln!(
        "{} asked, {} audits, {} samples seen; the longest took {:?}",
        read.load(Ordering::Relaxed),
        written.load(Ordering::Relaxed),
        moments(&seen, "system.uptime").len(),
        longest.lock().unwrap()
    );
    assert!(read.load(Ordering::Relaxed) >= 10 && written.load(Ordering::Relaxed) >= 1);
    assert!(moments(&seen, "system.uptime").len() > 10);
    nothing_is_lost(&seen, &samples);
    let sql = "select count(*) from audits";
    let audits: i64 = place.history().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(audits).unwrap(), written.load(Ordering::Relaxed), "no audit is lost");
    place.ok(&["store", "check"]);
}

#[test]
fn a_daemon_that_reads_its_settings_anew_measures_what_they_say() {
    let settings = |rest: &str| format!("[metrics]\nenabled = true\nbatch = '300ms'\n{rest}");
    let place = Place::new(&settings("every = '300ms'\nonly = ['load']\n"));
    let watcher = Watcher::start(place.spool());
    let daemon = place.start(place.command(&["daemon"]));
    let has = |metric: &str| {
        let asked = place.run(&["trend", metric, "--format", "json"]);
        asked.code == 0 && asked.out.contains(metric)
    };
    place.until("the load is measured", || has("system.cpu.load_average.1m"));
    place.settings(&settings("every = '100ms'\nonly = ['uptime']\n"));
    daemon.signal("-HUP");
    place.until("the rest is measured", || has("system.uptime"));
    // A mistake changes nothing.
    place.settings(&settings("every = '100ms'\nonly = ['uptme']\n"));
    daemon.signal("-HUP");
    place.until("it says so", || place.log().contains("uptme"));
    place.settings("[metrics]\nenabled = false\n");
    daemon.signal("-HUP");
    place.until("nobody measures", || !place.run(&["status"]).out.contains("Measured"));
    assert_eq!(daemon.stop(), 0);
    let (seen, samples) = (watcher.stop(), place.samples());
    nothing_is_lost(&seen, &samples);
    let (load, uptime) = (moments(&samples, "system.cpu.load_average.1m"), moments(&samples, "system.uptime"));
    assert!(!load.is_empty() && uptime.len() > 1);
    // (Both may fall on the moment at which the settings are read.)
    assert!(load.last().unwrap() <= uptime.first().unwrap(), "one ends before the other begins");
    assert!(load.iter().all(|at| at % 300_000 == 0) && uptime.iter().any(|at| at % 300_000 != 0));
}
