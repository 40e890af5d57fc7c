//! The disk of the history is full, or does not answer: what is measured waits, and nothing else does.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    comes_and_goes::{Loop, Mount, apart},
    place::{Place, look, moments, nothing_is_lost},
    run,
};
use crate::testing::can;

#[test]
fn on_a_full_disk_it_goes_on_and_catches_up() {
    apart("--mount", "metrics::disks::with_a_full_disk");
}

/// What is shown changes, so that it is measured.
fn goes_on(place: &Place, shown: &Path) {
    for _ in 0..10 {
        let before = fs::metadata(shown).unwrap().modified().unwrap();
        place.until("it measures", || fs::metadata(shown).is_ok_and(|now| now.modified().unwrap() != before));
    }
}

#[test]
#[ignore = "a part of on_a_full_disk_it_goes_on_and_catches_up"]
fn with_a_full_disk() {
    let disk = tempfile::tempdir().unwrap();
    let _mount = Mount::new(disk.path(), &["-t", "tmpfs", "-o", "size=16m", "cleanbill-test"]).unwrap();
    let place = Place::with_history("", disk.path().join("h.duckdb"));
    let shown = place.path("last.prom");
    let settings = "[metrics]\nenabled = true\nevery = '100ms'\nbatch = '500ms'\nonly = ['load', 'memory', 'uptime']\n";
    place.settings(&format!("{settings}prometheus = '{}'\n", shown.display()));
    let daemon = place.start(place.command(&["daemon"]));
    place.until("it measures", || shown.exists() && disk.path().join("h.duckdb").exists());
    goes_on(&place, &shown);
    // Nothing is left of it.
    let filler = disk.path().join("filler");
    let fill = || {
        let to = format!("of={}", filler.display());
        let _ = Command::new("dd").args(["if=/dev/zero", &to, "bs=4k", "oflag=append", "conv=notrunc"]).output();
    };
    let mut seen = Default::default();
    place.until("it says so", || {
        fill();
        daemon.signal("-HUP");
        look(&place.spool(), &mut seen);
        place.log().contains("No space left on device")
    });
    let (full, began) = (jiff::Timestamp::now().as_microsecond(), Instant::now());
    assert!(place.log().contains("hat was measured cannot be "), "{}", place.log());
    while began.elapsed() < Duration::from_secs(2) {
        goes_on(&place, &shown);
    }
    let status = place.run(&["status"]);
    assert!(status.code != 0 && status.out.contains("No space left on device"), "{}{}", status.out, status.err);
    let room = jiff::Timestamp::now().as_microsecond();
    fs::remove_file(&filler).unwrap();
    goes_on(&place, &shown);
    assert_eq!(daemon.stop(), 0, "{}", place.log());
    let samples = place.samples();
    nothing_is_lost(&seen, &samples);
    let meanwhile = moments(&samples, "system.uptime").iter().filter(|at| (full..room).contains(*at)).count();
    assert!(meanwhile > 10, "{meanwhile} samples of the time when it was full");
    place.ok(&["store", "check"]);
}

#[test]
fn a_disk_that_hangs_delays_no_sample() {
    apart("--mount", "metrics::disks::with_a_disk_that_hangs");
}

#[test]
#[ignore = "a part of a_disk_that_hangs_delays_no_sample"]
fn with_a_disk_that_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let made = run("mkfs.ext4", &["-q", image.to_str().unwrap()]);
    let found = made.and_then(|_| run("losetup", &["--find", "--show", image.to_str().unwrap()]));
    if !can(found.is_ok(), "no disk can be made of a file") {
        return;
    }
    let device = Loop(found.unwrap());
    let disk = dir.path().join("disk");
    let _mount = Mount::new(&disk, &[&device.0]).unwrap();
    let place = Place::with_history("[metrics]\nevery = '100ms'\nbatch = '500ms'\n", disk.join("h/h.duckdb"));
    let shown = place.path("last.prom");
    let args = ["collect", "--every", "100ms", "--only", "load,filesystem,uptime", "--prometheus"];
    let collector = place.start(place.command(&[&args[..], &[shown.to_str().unwrap()]].concat()));
    place.until("it measures", || shown.exists() && disk.join("h/h.duckdb").exists());
    // Whoever writes to it waits in the kernel, and cannot even be killed.
    let frozen = Frozen::new(&disk);
    if !can(frozen.is_some(), "no disk can be made to hang") {
        return;
    }
    let (from, began) = (jiff::Timestamp::now().as_microsecond(), Instant::now());
    while began.elapsed() < Duration::from_secs(3) {
        goes_on(&place, &shown);
    }
    let to = jiff::Timestamp::now().as_microsecond();
    drop(frozen);
    assert_eq!(collector.stop(), 0, "{}", place.log());
    let samples = place.samples();
    let meanwhile = moments(&samples, "system.uptime").iter().filter(|at| (from..to).contains(*at)).count();
    assert!(meanwhile >= 10, "{meanwhile} samples of the time when it hung");
    place.ok(&["store", "check"]);
}

/// A disk that takes nothing, until it is dropped.
struct Frozen<'a>(&'a Path);

impl<'a> Frozen<'a> {
    fn new(disk: &'a Path) -> Option<Self> {
        run("fsfreeze", &["--freeze", disk.to_str().unwrap()]).ok().map(|_| Frozen(disk))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        run("fsfreeze", &["--unfreeze", self.0.to_str().unwrap()]).unwrap();
    }
}
