//! Fixing and taking back, killed at any moment: the next start leaves the tree wholly as before or wholly as after.
#![allow(clippy::print_stderr, reason = "how often it was cut off is said")]

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Machine, Said, program};

/// How often it is killed, in all, where the time suffices.
const KILLS: usize = 200;
/// Trees that are worked on at the same time.
const TREES: usize = 4;
/// No more is begun after so many seconds, so that a slow machine does not take for ever. `CLEANBILL_KILL_SECONDS`
/// gives it longer.
const SECONDS: u64 = 45;

fn broken() -> Machine {
    let machine = Machine::debian();
    machine.mode("etc/shadow", 0o644);
    machine.file("etc/sysctl.d/10-mine.conf", "kernel.kptr_restrict = 0\n");
    machine.file("etc/sysctl.conf", "# mine\nkernel.kptr_restrict = 0\nkernel.yama.ptrace_scope = 0\n");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 987_654_321);
    for path in ["etc/shadow", "etc/sysctl.conf"] {
        std::fs::File::open(machine.root().join(path)).unwrap().set_modified(old).unwrap();
    }
    machine
}

/// All that is there; when files were written too where `times` is given.
fn seen(root: &Path, times: bool) -> BTreeMap<String, String> {
    fn see(folder: &Path, times: bool, all: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let what = if meta.is_dir() { "folder".to_owned() } else { std::fs::read_to_string(&path).unwrap() };
            let time = if times && !meta.is_dir() { (meta.mtime(), meta.mtime_nsec()) } else { (0, 0) };
            let told = format!("{what} {:o} {}:{} {time:?}", meta.mode(), meta.uid(), meta.gid());
            all.insert(path.to_string_lossy().into_owned(), told);
            if meta.is_dir() {
                see(&path, times, all);
            }
        }
    }
    let mut all = BTreeMap::new();
    see(root, times, &mut all);
    all
}

fn start(machine: &Machine, args: &[&str]) -> Child {
    let mut command = program();
    command.args(args).arg("--root").arg(machine.root()).arg("--db").arg(machine.db());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn said(machine: &Machine, args: &[&str]) -> Said {
    let mut command = program();
    command.args(args).arg("--root").arg(machine.root()).arg("--db").arg(machine.db());
    command.output().unwrap().into()
}

const FIX: [&str; 3] = ["fix", "--all", "--yes"];
const UNDO: [&str; 2] = ["undo", "--yes"];

/// How far the newest run came, as its journal says: one letter for each change.
fn progress(machine: &Machine) -> (String, String) {
    let folder = machine.beside().join("store/history.duckdb.fixes");
    let runs = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let newest = runs.filter(|p| p.join("progress").exists()).max().unwrap_or_default();
    (newest.to_string_lossy().into_owned(), std::fs::read_to_string(newest.join("progress")).unwrap_or_default())
}

/// Numbers that differ from tree to tree and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

#[test]
fn killed_at_any_moment_it_is_wholly_as_before_or_wholly_as_after() {
    let begun = Instant::now();
    let kills: Vec<(usize, usize, usize)> = std::thread::scope(|scope| {
        let trees: Vec<_> =
            (0..TREES).map(|n| scope.spawn(move || one_tree(Dice(0x9e37_79b9_7f4a_7c15 + n as u64), begun))).collect();
        trees.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let sum = kills.iter().fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    eprintln!("killed {} times, {} between two changes, {} of them taken back or ended", sum.0, sum.1, sum.2);
    assert!(sum.0 >= 10, "this machine is too slow for this test: {sum:?}");
    assert!(sum.2 >= sum.0 / 20, "hardly ever was anything cut off: {sum:?}");
}

/// How often it was killed, how often while a run was under way, and how often something was to be recovered.
fn one_tree(mut dice: Dice, begun: Instant) -> (usize, usize, usize) {
    let machine = broken();
    let before = seen(&machine.root(), true);
    let clock = Instant::now();
    let fixed = said(&machine, &FIX);
    let fix_takes = clock.elapsed();
    assert!(fixed.code <= 1, "{} {}", fixed.out, fixed.err);
    let after = seen(&machine.root(), false);
    assert_ne!(after, seen_without_times(&before));
    let clock = Instant::now();
    let undone = said(&machine, &UNDO);
    let undo_takes = clock.elapsed();
    assert_eq!(undone.code, 0, "{} {}", undone.out, undone.err);
    assert_eq!(seen(&machine.root(), true), before);
    let (mut is_fixed, mut killed, mut changing, mut recovered, mut same) = (false, 0, 0, 0, 0);
    let seconds = std::env::var("CLEANBILL_KILL_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(SECONDS);
    while killed < KILLS / TREES && begun.elapsed() < Duration::from_secs(seconds) {
        let (args, takes): (&[&str], _) = if is_fixed { (&UNDO, undo_takes) } else { (&FIX, fix_takes) };
        // Now and then it may come to its end, so that the other way round is tried too.
        if same >= 4 {
            let whole = said(&machine, args);
            assert!(whole.code <= 1, "{} {}", whole.out, whole.err);
            (is_fixed, same) = (!is_fixed, 0);
            continue;
        }
        let was = progress(&machine);
        let mut child = start(&machine, args);
        let micros = u64::try_from(takes.as_micros()).unwrap();
        if dice.roll(4) == 0 {
            std::thread::sleep(Duration::from_micros(dice.roll(micros)));
        } else {
            // From the moment in which something changes on.
            let deadline = Instant::now() + takes * 3;
            let ready = |child: &mut Child| child.try_wait().unwrap().is_some() || Instant::now() > deadline;
            let moved =
                || Some(progress(&machine)).filter(|now| *now != was && now.1.contains(['b', 'd', 'u'])).is_some();
            while !moved() && !ready(&mut child) {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros(dice.roll(40_000)));
        }
        let _ = child.kill();
        child.wait().unwrap();
        killed += 1;
        let (_, letters) = progress(&machine);
        changing +=
            usize::from(letters.chars().any(|c| c != letters.chars().next().unwrap_or(c)) || letters.contains('b'));
        let next = said(&machine, &["fix", "confirm"]);
        assert!(next.err.contains("Nothing waits to be confirmed"), "{}", next.err);
        assert!(!next.err.contains("could not") && !next.err.contains("cannot be taken"), "{}", next.err);
        recovered += usize::from(next.err.contains("cut off"));
        let now = seen(&machine.root(), true);
        let left: Vec<&String> = now.keys().filter(|p| p.contains(".cleanbill-")).collect();
        assert!(left.is_empty(), "{left:?}");
        let was_fixed = is_fixed;
        is_fixed = now != before;
        assert!(
            !is_fixed || seen_without_times(&now) == after,
            "neither as before nor as after: {now:#?}\n{}",
            next.err
        );
        same = if is_fixed == was_fixed { same + 1 } else { 0 };
        let parts = std::fs::read_dir(machine.beside().join("store/history.duckdb.fixes")).unwrap();
        assert!(parts.flatten().all(|e| !e.file_name().to_string_lossy().ends_with(".part")));
    }
    if is_fixed {
        let undone = said(&machine, &UNDO);
        assert_eq!(undone.code, 0, "{} {}", undone.out, undone.err);
    }
    assert_eq!(seen(&machine.root(), true), before);
    (killed, changing, recovered)
}

fn seen_without_times(all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let without = |told: &String| told.rsplit_once(" (").map_or(told.clone(), |(what, _)| format!("{what} (0, 0)"));
    all.iter().map(|(path, told)| (path.clone(), without(told))).collect()
}

#[test]
fn an_audit_that_is_kept_takes_back_what_was_cut_off_and_one_that_is_not_does_not() {
    let machine = broken();
    let before = seen(&machine.root(), true);
    // The journal as a killed run leaves it: a whole run whose end was never written down.
    assert!(said(&machine, &FIX).code <= 1);
    let sql = "update fix_runs set state = 'running', ended = null; update fix_steps set state = 'planned', why = null";
    let connection = duckdb::Connection::open(machine.db()).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let fixed = seen(&machine.root(), true);
    for look in [&["audit", "--no-store"][..], &["fix", "--all", "--dry-run"]] {
        said(&machine, look);
        assert_eq!(seen(&machine.root(), true), fixed, "{look:?} only looks");
    }
    let history = machine.run(&["history"]);
    assert!(history.out.contains("under way, or cut off"), "{}", history.out);
    assert_eq!(seen(&machine.root(), true), fixed);
    let audit = said(&machine, &["audit"]);
    assert!(audit.err.contains("had been cut off. All of it was taken back now."), "{}", audit.err);
    assert_eq!(seen(&machine.root(), true), before);
}

#[test]
fn a_root_that_is_a_link_and_a_store_beside_us_are_the_same_places() {
    let machine = broken();
    let before = seen(&machine.root(), true);
    let link = machine.beside().join("link");
    std::os::unix::fs::symlink(machine.root(), &link).unwrap();
    let run = |args: &[&str]| -> Said {
        let mut command = program();
        command.current_dir(machine.beside()).args(args).args(["--root", "link", "--db", "mine.duckdb"]);
        command.output().unwrap().into()
    };
    let fixed = run(&FIX);
    assert!(fixed.code <= 1, "{}", fixed.err);
    assert!(machine.beside().join("mine.duckdb.fixes").is_dir());
    let mode = machine.root().join("etc/shadow").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(run(&UNDO).code, 0);
    assert_eq!(seen(&machine.root(), true), before);
}
