//! Fixing and taking back, killed at any moment: the next start leaves the tree wholly as before or wholly as after.
#![allow(clippy::print_stderr, reason = "how often it was cut off is said")]

use std::{
    os::unix::fs::PermissionsExt as _,
    process::{Child, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::support::{Machine, Said, program, snapshot};

/// How often it is killed, in all: always where no test may be left out, else where the time suffices.
const KILLS: usize = 200;
/// Trees that are worked on at the same time.
const TREES: usize = 4;
/// Else no more is begun after so many seconds.
const SECONDS: u64 = 45;
/// How often it is killed at least. Until then, and until both fixing and taking back were cut off, it goes on for longer.
const LEAST: usize = 10;
/// So many seconds it goes on then at most.
const LIMIT: u64 = 300;

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

fn start(machine: &Machine, args: &[&str]) -> Child {
    machine.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
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

/// What came of it, on all trees.
#[derive(Debug, Default)]
struct Kills {
    /// How often it was killed.
    killed: AtomicUsize,
    /// How often the next start had a run of fixes to take back.
    fixes: AtomicUsize,
    /// How often it had the taking back of one to end.
    undos: AtomicUsize,
}

impl Kills {
    /// How often what was asked for has happened.
    fn so_far(&self) -> (usize, usize, usize) {
        let of = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        (of(&self.killed), of(&self.fixes), of(&self.undos))
    }

    /// Whether both kinds were cut off, and not by chance alone.
    fn enough(&self) -> bool {
        let (killed, fixes, undos) = self.so_far();
        killed >= LEAST && fixes > 0 && undos > 0 && fixes + undos >= killed / 20
    }
}

/// Whether no test may be left out.
fn all() -> bool {
    std::env::var_os("CLEANBILL_ALL_TESTS").is_some()
}

#[test]
fn killed_at_any_moment_it_is_wholly_as_before_or_wholly_as_after() {
    let (begun, kills) = (Instant::now(), Kills::default());
    std::thread::scope(|scope| {
        for n in 0..TREES {
            let (begun, kills) = (&begun, &kills);
            scope.spawn(move || one_tree(Dice(0x9e37_79b9_7f4a_7c15 + n as u64), *begun, kills));
        }
    });
    let (killed, fixes, undos) = kills.so_far();
    eprintln!("killed {killed} times: {fixes} runs of fixes were taken back, {undos} of taking back were ended");
    let least = if all() { KILLS } else { LEAST };
    assert!(killed >= least, "this machine is too slow for this test: {kills:?}");
    assert!(fixes > 0, "never were fixes cut off: {kills:?}");
    assert!(undos > 0, "never was taking back cut off: {kills:?}");
    assert!(fixes + undos >= killed / 20, "hardly ever was anything cut off: {kills:?}");
}

fn one_tree(mut dice: Dice, begun: Instant, kills: &Kills) {
    let machine = broken();
    let before = snapshot(&machine.root(), true);
    let plain = snapshot(&machine.root(), false);
    let clock = Instant::now();
    let fixed = machine.on(&FIX);
    let fix_takes = clock.elapsed();
    assert!(fixed.code <= 1, "{} {}", fixed.out, fixed.err);
    let after = snapshot(&machine.root(), false);
    assert_ne!(after, plain);
    let clock = Instant::now();
    let undone = machine.on(&UNDO);
    let undo_takes = clock.elapsed();
    assert_eq!(undone.code, 0, "{} {}", undone.out, undone.err);
    assert_eq!(snapshot(&machine.root(), true), before);
    let (mut is_fixed, mut killed, mut same) = (false, 0, 0);
    let goes_on = |killed: usize| {
        let time = begun.elapsed();
        killed < KILLS / TREES && (all() || time < Duration::from_secs(SECONDS))
            || !kills.enough() && time < Duration::from_secs(LIMIT)
    };
    while goes_on(killed) {
        let (args, takes): (&[&str], _) = if is_fixed { (&UNDO, undo_takes) } else { (&FIX, fix_takes) };
        // Now and then it may come to its end, so that the other way round is tried too.
        if same >= 4 {
            let whole = machine.on(args);
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
        kills.killed.fetch_add(1, Ordering::Relaxed);
        let next = machine.on(&["fix", "confirm"]);
        assert!(next.err.contains("Nothing waits to be confirmed"), "{}", next.err);
        assert!(!next.err.contains("could not") && !next.err.contains("cannot be taken"), "{}", next.err);
        if next.err.contains("back had been cut off") {
            assert!(is_fixed && next.err.contains("Taking run"), "{}", next.err);
            kills.undos.fetch_add(1, Ordering::Relaxed);
        } else if next.err.contains("had been cut off") {
            assert!(!is_fixed, "{}", next.err);
            kills.fixes.fetch_add(1, Ordering::Relaxed);
        } else {
            assert!(!next.err.contains("cut off"), "{}", next.err);
        }
        let now = snapshot(&machine.root(), true);
        let left: Vec<&String> = now.keys().filter(|p| p.contains(".cleanbill-")).collect();
        assert!(left.is_empty(), "{left:?}");
        let was_fixed = is_fixed;
        is_fixed = now != before;
        assert!(
            !is_fixed || snapshot(&machine.root(), false) == after,
            "neither as before nor as after: {now:#?}\n{}",
            next.err
        );
        same = if is_fixed == was_fixed { same + 1 } else { 0 };
        let parts = std::fs::read_dir(machine.beside().join("store/history.duckdb.fixes")).unwrap();
        assert!(parts.flatten().all(|e| !e.file_name().to_string_lossy().ends_with(".part")));
    }
    if is_fixed {
        let undone = machine.on(&UNDO);
        assert_eq!(undone.code, 0, "{} {}", undone.out, undone.err);
    }
    assert_eq!(snapshot(&machine.root(), true), before);
}

#[test]
fn an_audit_that_is_kept_takes_back_what_was_cut_off_and_one_that_is_not_does_not() {
    let machine = broken();
    let before = snapshot(&machine.root(), true);
    // The journal as a killed run leaves it: a whole run whose end was never written down.
    assert!(machine.on(&FIX).code <= 1);
    let sql = "update fix_runs set state = 'running', ended = null; update fix_steps set state = 'planned', why = null";
    let connection = duckdb::Connection::open(machine.db()).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let fixed = snapshot(&machine.root(), true);
    for look in [&["audit", "--no-store"][..], &["fix", "--all", "--dry-run"]] {
        machine.on(look);
        assert_eq!(snapshot(&machine.root(), true), fixed, "{look:?} only looks");
    }
    let history = machine.run(&["history"]);
    assert!(history.out.contains("under way, or cut off"), "{}", history.out);
    assert_eq!(snapshot(&machine.root(), true), fixed);
    let audit = machine.on(&["audit"]);
    assert!(audit.err.contains("had been cut off. All of it was taken back now."), "{}", audit.err);
    assert_eq!(snapshot(&machine.root(), true), before);
}

#[test]
fn a_root_that_is_a_link_and_a_store_beside_us_are_the_same_places() {
    let machine = broken();
    let before = snapshot(&machine.root(), true);
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
    assert_eq!(snapshot(&machine.root(), true), before);
}
