//! Runs of fixes: done, cut off at each point, taken back.

use std::{cell::RefCell, os::unix::fs::PermissionsExt as _};

use jiff::{Timestamp, ToSpan as _};

use super::{
    super::{
        Arm, Change, Event, Found, Job, Journal, JournalError, Plan, Proof, Run, UndoError, apply, confirm,
        journal::Mark,
        recover,
        tree::{Content, State},
        undo, undo_unconfirmed,
    },
    Disk, Small, a_run, change, fix, mine, plan,
};
use crate::{
    checks::Safety,
    store::{FixRun, RunState, StepState, Store},
};

fn journal(small: &Small) -> Journal {
    // A program that another test starts may hold the lock for a moment.
    Journal::open(&Store::at(small.beside().join("store.duckdb"))).unwrap().patient(std::time::Duration::from_secs(2))
}

fn new(small: &Small) -> FixRun {
    a_run(&small.root().to_string_lossy())
}

fn all_fixed(checks: &[&str]) -> Proof {
    Proof { risk: Some(0.0), answers: checks.iter().map(|c| ((*c).to_owned(), None)).collect() }
}

fn run(small: &Small, plan: &Plan, live: bool) -> Result<FixRun, JournalError> {
    let (journal, tree) = (journal(small), small.tree());
    let job = Job { plan, tree: &tree, live, journal: &journal, run: new(small), arm: None };
    apply(job, &mut |_| {}, all_fixed)
}

/// Two fixes: one of a file, its rights and a new file in a new folder, one of the same file again.
fn two(small: &Small) -> Plan {
    small.file("/etc/a", "old\n", 0o644);
    small.file("/etc/b", "b\n", 0o666);
    let tree = small.tree();
    let me = mine("", 0o644);
    let first = mine("first\n", 0o644);
    let rights = tree.rights("/etc/b").unwrap().unwrap();
    let folder = State { content: Content::Directory, mode: 0o755, ..me };
    let file = |path: &str, before: Option<State>, after: Option<State>| {
        Change::File(super::FileChange { path: path.to_owned(), before, after })
    };
    plan(vec![
        fix(
            "one",
            vec![
                change(&tree, "/etc/a", Some(first.clone())),
                file("/etc/b", Some(rights.clone()), Some(State { mode: 0o600, ..rights })),
                file("/etc/d", None, Some(folder)),
                file("/etc/d/new", None, Some(mine("new\n", 0o640))),
            ],
        ),
        fix("two", vec![file("/etc/a", Some(first), Some(mine("second\n", 0o600)))]),
    ])
}

#[test]
fn a_run_is_done_and_taken_back() {
    let small = Small::new();
    let plan = two(&small);
    let before = small.seen();
    let mut done = run(&small, &plan, false).unwrap();
    assert!(done.steps.iter().all(|s| s.state == StepState::Fixed), "{done:?}");
    assert_eq!((small.text("/etc/a").as_str(), small.text("/etc/d/new").as_str()), ("second\n", "new\n"));
    let after = small.seen();
    let (journal, tree) = (journal(&small), small.tree());
    // The first builds on nothing, the second on the first.
    let later = undo(&journal, &tree, false, &mut done, Some("one"), false).unwrap_err();
    assert!(matches!(&later, UndoError::Later { path, .. } if path == "/etc/a"), "{later}");
    assert_eq!(small.seen(), after);
    undo(&journal, &tree, false, &mut done, Some("two"), false).unwrap();
    assert_eq!((done.state, small.text("/etc/a").as_str()), (RunState::Done, "first\n"));
    let undone = undo(&journal, &tree, false, &mut done, None, false).unwrap();
    assert_eq!((undone.files, done.state), (4, RunState::Undone));
    assert_eq!(small.seen(), before);
    assert!(matches!(undo(&journal, &tree, false, &mut done, None, false), Err(UndoError::Already(_))));
}

#[test]
fn a_file_that_someone_changed_since_goes_back_only_with_force_and_is_kept() {
    let small = Small::new();
    let plan = two(&small);
    let before = small.seen();
    let mut done = run(&small, &plan, false).unwrap();
    small.file("/etc/a", "by hand\n", 0o600);
    let now = small.seen();
    let (journal, tree) = (journal(&small), small.tree());
    let Err(UndoError::Changed(blocked)) = undo(&journal, &tree, false, &mut done, None, false) else { panic!() };
    assert_eq!(blocked.len(), 1);
    assert!(blocked[0].diff.contains("-second") && blocked[0].diff.contains("+by hand"), "{}", blocked[0].diff);
    assert_eq!(small.seen(), now, "nothing is touched");
    let undone = undo(&journal, &tree, false, &mut done, None, true).unwrap();
    assert_eq!(small.seen(), before);
    assert_eq!(std::fs::read_to_string(&undone.kept[0].1).unwrap(), "by hand\n");
}

#[test]
fn a_new_folder_into_which_someone_put_something_stays() {
    let small = Small::new();
    let plan = two(&small);
    let mut done = run(&small, &plan, false).unwrap();
    small.file("/etc/d/theirs", "x", 0o644);
    let undone = undo(&journal(&small), &small.tree(), false, &mut done, None, false).unwrap();
    assert!(undone.stays[0].contains("/etc/d stays"), "{:?}", undone.stays);
    assert!(small.at("/etc/d/theirs").exists() && !small.at("/etc/d/new").exists());
}

#[test]
fn a_later_run_of_the_same_file_goes_back_first() {
    let small = Small::new();
    let mut first = run(&small, &two(&small), false).unwrap();
    let tree = small.tree();
    let more = plan(vec![fix("three", vec![change(&tree, "/etc/a", Some(mine("third\n", 0o600)))])]);
    let mut second = run(&small, &more, false).unwrap();
    let journal = journal(&small);
    let later = undo(&journal, &tree, false, &mut first, None, false).unwrap_err();
    assert_eq!(later.to_string(), "/etc/a was changed again by run 2");
    undo(&journal, &tree, false, &mut second, None, false).unwrap();
    undo(&journal, &tree, false, &mut first, None, false).unwrap();
}

#[test]
fn a_fix_that_fails_is_taken_back_and_the_others_go_on() {
    let small = Small::new();
    let mut plan = two(&small);
    small.file("/etc/c", "c\n", 0o644);
    plan.fixes.push(fix("three", vec![change(&small.tree(), "/etc/c", Some(mine("C\n", 0o644)))]));
    let before = small.seen();
    // What runs after the files of the first fix fails.
    plan.fixes[0].changes.push(Change::Run(Run::new("fails", &["/bin/false"]).undone_by(&["/bin/true"])));
    let done = run(&small, &plan, true).unwrap();
    let states: Vec<StepState> = done.steps.iter().map(|s| s.state).collect();
    assert_eq!(states, [StepState::Failed, StepState::Refused, StepState::Fixed], "{:?}", done.steps);
    assert!(done.steps[0].why.as_ref().unwrap().ends_with("All of it was taken back."));
    assert!(done.steps[1].why.as_ref().unwrap().contains("“Mend one”"));
    let mut after = small.seen();
    assert_eq!(small.text("/etc/c"), "C\n");
    after.insert("/etc/c".to_owned(), before["/etc/c"].clone());
    assert_eq!(after, before);
}

#[test]
fn a_fix_that_another_one_does_is_asked_about_too() {
    let small = Small::new();
    let mut plan = two(&small);
    plan.fixes.push(fix("three", Vec::new()));
    let done = run(&small, &plan, false).unwrap();
    assert_eq!(done.steps[2].state, StepState::Fixed);
    plan.fixes[2].refused = Some("No.".to_owned());
    let done = step_states(&plan);
    assert_eq!(done[2], StepState::Refused);
}

fn step_states(plan: &Plan) -> Vec<StepState> {
    let other = Small::new();
    let _ = two(&other);
    run(&other, plan, false).unwrap().steps.iter().map(|s| s.state).collect()
}

#[test]
fn a_service_that_does_not_take_it_takes_back_what_builds_on_it_too() {
    let small = Small::new();
    let mut plan = two(&small);
    let before = small.seen();
    // The first asks for a program that fails while the new file is there; the second says nothing of it.
    let gone = small.at("/etc/d/new");
    let test = Run::new("reads", &["/usr/bin/test", "!", "-e", gone.to_str().unwrap()]).late();
    plan.fixes[0].changes.push(Change::Run(test));
    let done = run(&small, &plan, true).unwrap();
    assert!(done.steps.iter().all(|s| s.state == StepState::Failed), "{:?}", done.steps);
    assert_eq!(small.seen(), before);
}

#[test]
fn a_file_that_its_program_does_not_take_never_stands() {
    let small = Small::new();
    small.file("/etc/default/grub", "A=1\n", 0o644);
    let before = small.seen();
    let bad = change(&small.tree(), "/etc/default/grub", Some(mine("A='1\n", 0o644)));
    let done = run(&small, &plan(vec![fix("one", vec![bad])]), true).unwrap();
    assert_eq!(done.steps[0].state, StepState::Failed);
    assert_eq!(small.seen(), before);
    // What was broken before may be changed all the same.
    small.file("/etc/default/grub", "A='1\n", 0o644);
    let other = change(&small.tree(), "/etc/default/grub", Some(mine("A='2\n", 0o644)));
    let done = run(&small, &plan(vec![fix("one", vec![other])]), true).unwrap();
    assert_eq!(done.steps[0].state, StepState::Fixed, "{:?}", done.steps);
}

#[test]
fn a_file_replaced_between_plan_and_change_stays() {
    let small = Small::new();
    let plan = two(&small);
    small.file("/etc/b", "b\n", 0o666);
    std::fs::rename(small.at("/etc/b"), small.at("/etc/b2")).unwrap();
    small.file("/etc/b", "another\n", 0o666);
    let now = small.seen();
    let done = run(&small, &plan, false).unwrap();
    assert_eq!(done.steps[0].state, StepState::Failed);
    assert_eq!(done.steps[0].why.as_deref(), Some("/etc/b changed in the meantime. All of it was taken back."));
    assert_eq!(small.seen(), now);
}

#[test]
fn a_file_replaced_while_the_run_is_under_way_stays() {
    let small = Small::new();
    let plan = two(&small);
    let (journal, tree) = (journal(&small), small.tree());
    let job = Job { plan: &plan, tree: &tree, live: false, journal: &journal, run: new(&small), arm: None };
    // The second fix builds on what the first one made of this file, and in between a person writes to it.
    let mut listen = |event: Event<'_>| {
        if matches!(event, Event::Ended(fix, true) if fix.check == "one") {
            small.file("/etc/a", "by hand\n", 0o644);
        }
    };
    let mut done = apply(job, &mut listen, all_fixed).unwrap();
    let states: Vec<StepState> = done.steps.iter().map(|s| s.state).collect();
    assert_eq!(states, [StepState::Fixed, StepState::Failed], "{:?}", done.steps);
    assert_eq!(done.steps[1].why.as_deref(), Some("/etc/a changed in the meantime. All of it was taken back."));
    assert_eq!(small.text("/etc/a"), "by hand\n");
    assert!(small.leftovers().is_empty(), "{:?}", small.leftovers());
    // Nor does the taking back of the first go over it.
    let undone = undo(&journal, &tree, false, &mut done, None, false);
    assert!(matches!(undone, Err(UndoError::Changed(_))), "{undone:?}");
    assert_eq!(small.text("/etc/a"), "by hand\n");
}

/// Cuts a run off after `n` changes, `half` way through the next, by doing what it does until there.
fn cut(small: &Small, plan: &Plan, n: usize, begun: bool) -> FixRun {
    let (journal, tree) = (journal(small), small.tree());
    let mut run = new(small);
    let changes: Vec<(i64, &Change)> =
        (1..).zip(&plan.fixes).flat_map(|(n, fix)| fix.changes.iter().map(move |c| (n, c))).collect();
    run.steps = (1..)
        .zip(&plan.fixes)
        .map(|(n, f)| crate::store::FixStep {
            n,
            check: f.check.clone(),
            title: f.title.clone(),
            state: StepState::Planned,
            why: None,
        })
        .collect();
    journal.begin(&mut run, &changes).unwrap();
    for (i, (_, change)) in (0..).zip(changes.iter().take(n)) {
        let Change::File(file) = change else { continue };
        journal.mark(&run.folder, i, Mark::Begun).unwrap();
        tree.put(&file.path, file.before.as_ref(), file.after.as_ref()).unwrap();
        journal.mark(&run.folder, i, Mark::Done).unwrap();
    }
    if begun && n < changes.len() {
        journal.mark(&run.folder, n as u64, Mark::Begun).unwrap();
        small.file("/etc/.cleanbill-00000000000000aa", "sec", 0o600);
    }
    run
}

#[test]
fn a_run_that_was_cut_off_anywhere_is_as_if_it_had_never_been() {
    for n in 0..=5 {
        for begun in [false, true] {
            let small = Small::new();
            let plan = two(&small);
            let before = small.seen();
            cut(&small, &plan, n, begun);
            let (journal, tree) = (journal(&small), small.tree());
            assert!(matches!(run(&small, &plan, false), Err(JournalError::HalfDone(1, _))));
            let found = recover(&journal, &tree, false).unwrap();
            assert_eq!(found.len(), 1);
            assert!(found[0].left.is_none() && found[0].what == Found::CutOff, "{n} {begun}: {found:?}");
            assert_eq!(small.seen(), before, "{n} {begun}");
            assert!(recover(&journal, &tree, false).unwrap().is_empty(), "once is enough");
            let state = journal.store().fix_run(1).unwrap().unwrap().state;
            assert_eq!(state, RunState::RolledBack);
        }
    }
}

#[test]
fn a_run_that_was_cut_off_before_its_folder_had_its_name_changed_nothing() {
    let small = Small::new();
    let plan = two(&small);
    let before = small.seen();
    let cut = cut(&small, &plan, 0, false);
    let folder = small.beside().join("store.duckdb.fixes").join(cut.folder);
    let part = folder.with_extension("part");
    std::fs::rename(&folder, &part).unwrap();
    let found = recover(&journal(&small), &small.tree(), false).unwrap();
    assert!(found[0].left.is_none(), "{found:?}");
    assert!(!part.exists() && small.seen() == before);
    assert!(recover(&journal(&small), &small.tree(), false).unwrap().is_empty());
}

#[test]
fn programs_that_never_ran_are_not_taken_back() {
    let small = Small::new();
    let mut plan = two(&small);
    let trace = small.beside().join("trace");
    let touch = Run::new("x", &["/bin/true"]).undone_by(&["/usr/bin/touch", trace.to_str().unwrap()]);
    plan.fixes[1].changes.push(Change::Run(touch));
    cut(&small, &plan, 3, true);
    recover(&journal(&small), &small.tree(), true).unwrap();
    assert!(!trace.exists());
}

#[test]
fn taking_back_that_was_cut_off_is_ended_by_the_next_start() {
    for n in 0..5 {
        let small = Small::new();
        let plan = two(&small);
        let before = small.seen();
        let mut done = run(&small, &plan, false).unwrap();
        let (journal, tree) = (journal(&small), small.tree());
        for step in &mut done.steps {
            (step.state, step.why) = (StepState::Undoing, None);
        }
        journal.store().end_fixes(&done).unwrap();
        for logged in journal.changes(&done).unwrap().iter().rev().take(n) {
            let Change::File(file) = &logged.change else { continue };
            tree.take_back(&file.path, file.before.as_ref(), file.after.as_ref(), false).unwrap();
        }
        let found = recover(&journal, &tree, false).unwrap();
        assert!(found[0].what == Found::UndoCutOff && found[0].left.is_none(), "{found:?}");
        assert_eq!(small.seen(), before, "{n}");
        assert_eq!(journal.store().fix_run(1).unwrap().unwrap().state, RunState::Undone);
    }
}

#[test]
fn a_person_who_was_faster_than_the_next_start_loses_nothing() {
    let small = Small::new();
    let plan = two(&small);
    cut(&small, &plan, 5, false);
    small.file("/etc/a", "by hand\n", 0o644);
    let found = recover(&journal(&small), &small.tree(), false).unwrap();
    let left = found[0].left.as_ref().unwrap();
    assert!(left.contains("/etc/a changed in the meantime") && !found[0].open, "{left}");
    assert_eq!(small.text("/etc/a"), "by hand\n");
    assert!(!small.at("/etc/d").exists());
}

#[test]
fn backups_that_were_cut_off_go_and_those_of_other_stores_stay() {
    let small = Small::new();
    let plan = two(&small);
    run(&small, &plan, false).unwrap();
    let other = Journal::open(&Store::at(small.beside().join("other.duckdb"))).unwrap();
    std::fs::create_dir(small.beside().join("store.duckdb.fixes/run-1.part")).unwrap();
    recover(&other, &small.tree(), false).unwrap();
    recover(&journal(&small), &small.tree(), false).unwrap();
    let folders: Vec<String> = std::fs::read_dir(small.beside().join("store.duckdb.fixes"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|n| n.starts_with("run-"))
        .collect();
    assert!(folders.len() == 1 && !folders[0].ends_with(".part"), "{folders:?}");
}

#[test]
fn backups_are_for_nobody_else_and_come_from_nobody_else() {
    let small = Small::new();
    run(&small, &two(&small), false).unwrap();
    let folder = small.beside().join("store.duckdb.fixes");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for run in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        assert_eq!(mode(&run), 0o700);
        assert!(std::fs::read_dir(&run).unwrap().all(|e| mode(&e.unwrap().path()) == 0o600));
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let store = Store::at(small.beside().join("store.duckdb"));
    assert!(matches!(Journal::open(&store), Err(JournalError::Foreign { .. })));
    std::fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("/tmp", &folder).unwrap();
    assert!(matches!(Journal::open(&store), Err(JournalError::Foreign { .. })));
}

#[test]
fn two_at_once_do_not_meet() {
    let small = Small::new();
    let plan = two(&small);
    let (first, second, tree) = (journal(&small), journal(&small), small.tree());
    let busy = RefCell::new(None);
    let job = Job { plan: &plan, tree: &tree, live: false, journal: &first, run: new(&small), arm: None };
    let mut listen = |_: Event<'_>| {
        busy.replace(Some(recover(&second, &tree, false).map(|_| ())));
    };
    apply(job, &mut listen, all_fixed).unwrap();
    assert!(matches!(busy.into_inner(), Some(Err(JournalError::Busy))));
    assert!(recover(&second, &tree, false).unwrap().is_empty());
}

fn guarded(small: &Small, arm: Arm<'_>) -> FixRun {
    let mut plan = two(small);
    plan.fixes[0].safety = Safety::Guarded;
    let (journal, tree) = (journal(small), small.tree());
    let mut run = new(small);
    run.confirm_until = Some(run.started + 1.hour());
    let job = Job { plan: &plan, tree: &tree, live: false, journal: &journal, run, arm: Some(arm) };
    apply(job, &mut |_| {}, all_fixed).unwrap()
}

#[test]
fn what_nobody_confirms_goes_and_what_someone_confirms_stays() {
    let small = Small::new();
    two(&small);
    let before = small.seen();
    let mut done = guarded(&small, &|_| Ok(()));
    let (journal, tree) = (journal(&small), small.tree());
    assert!(done.confirm_until.is_some_and(|until| until > Timestamp::now()));
    // Nothing is built on what may go.
    assert!(matches!(run(&small, &two_again(&small), false), Err(JournalError::Waiting(1, _))));
    assert!(recover(&journal, &tree, false).unwrap().is_empty(), "there is still time");
    let early = undo_unconfirmed(&journal, &tree, false, done.id, None);
    assert!(matches!(early, Err(UndoError::TooEarly(1, _))));
    // The machine was off meanwhile, and someone had tried to help.
    done.confirm_until = Some(Timestamp::now() - 1.minute());
    journal.store().end_fixes(&done).unwrap();
    small.file("/etc/a", "by hand\n", 0o600);
    let found = recover(&journal, &tree, false).unwrap();
    assert!(found[0].what == Found::Expired && found[0].left.is_none(), "{found:?}");
    assert_eq!(small.seen(), before);
    assert!(undo_unconfirmed(&journal, &tree, false, done.id, None).unwrap().is_none());
    assert!(confirm(&journal, &done.root).unwrap().is_empty());

    let done = guarded(&small, &|_| Ok(()));
    assert_eq!(confirm(&journal, &done.root).unwrap().len(), 1);
    assert!(undo_unconfirmed(&journal, &tree, false, done.id, done.confirm_until).unwrap().is_none());
    assert_eq!(small.text("/etc/a"), "second\n");
}

fn two_again(small: &Small) -> Plan {
    plan(vec![fix("more", vec![change(&small.tree(), "/etc/b", None)])])
}

#[test]
fn a_clock_that_goes_back_does_not_keep_it_for_ever() {
    let small = Small::new();
    let done = guarded(&small, &|_| Ok(()));
    let (journal, tree) = (journal(&small), small.tree());
    let Err(UndoError::TooEarly(_, until)) = undo_unconfirmed(&journal, &tree, false, done.id, None) else { panic!() };
    let undone = undo_unconfirmed(&journal, &tree, false, done.id, Some(until)).unwrap();
    assert_eq!(undone.unwrap().0.state, RunState::Undone);
}

#[test]
fn without_a_timer_nothing_is_changed() {
    let small = Small::new();
    two(&small);
    let before = small.seen();
    let done = guarded(&small, &|_| Err("no timer here".to_owned()));
    assert!(done.steps.iter().all(|s| s.state == StepState::Refused), "{done:?}");
    assert!(done.confirm_until.is_none());
    assert_eq!(small.seen(), before);
}

#[test]
fn a_full_disk_is_tried_again_until_there_is_room() {
    let small = Small::new();
    let Some(_disk) = Disk::on(small.at("/mnt"), "128k") else { return };
    let big = "x".repeat(60 << 10);
    small.file("/mnt/a", &big, 0o644);
    let before = small.seen();
    let tree = small.tree();
    let plan = plan(vec![fix("one", vec![change(&tree, "/mnt/a", Some(mine("small", 0o644)))])]);
    cut(&small, &plan, 1, false);
    std::fs::write(small.at("/mnt/fill"), vec![b'x'; 100 << 10]).unwrap();
    let journal = journal(&small);
    let first = recover(&journal, &tree, false).unwrap();
    assert!(first[0].open && first[0].left.as_ref().unwrap().contains("the disk is full"), "{first:?}");
    assert!(matches!(run(&small, &plan, false), Err(JournalError::HalfDone(1, _))));
    std::fs::remove_file(small.at("/mnt/fill")).unwrap();
    let second = recover(&journal, &tree, false).unwrap();
    assert!(second[0].left.is_none() && !second[0].open, "{second:?}");
    assert_eq!(small.seen(), before);
}

#[test]
fn a_store_on_a_full_disk_leaves_everything_as_it_was() {
    let small = Small::new();
    let plan = two(&small);
    let before = small.seen();
    let folder = small.beside().join("disk");
    let Some(disk) = Disk::on(folder.clone(), "24m") else { return };
    let store = Store::at(folder.join("store.duckdb"));
    let tree = small.tree();
    let mut results = Vec::new();
    // From no room at all to plenty.
    for left in [0_usize, 8 << 10, 300 << 10, 600 << 10, 20 << 20] {
        for old in ["store.duckdb", "store.duckdb.wal", "fill"] {
            let _ = std::fs::remove_file(folder.join(old));
        }
        let _ = std::fs::write(folder.join("fill"), vec![b'x'; disk.free().saturating_sub(left)]);
        let done = Journal::open(&store).and_then(|journal| {
            let job = Job { plan: &plan, tree: &tree, live: false, journal: &journal, run: new(&small), arm: None };
            apply(job, &mut |_| {}, all_fixed)
        });
        let told = done.as_ref().map(|_| ()).map_err(ToString::to_string);
        assert!(told.is_ok() || small.seen() == before, "{left}: {told:?}");
        if let Ok(mut done) = done {
            assert_ne!(small.seen(), before, "{left}: what is said to be done was done");
            // Taking it back is written down too, which takes room.
            let _ = std::fs::remove_file(folder.join("fill"));
            let journal = Journal::open(&store).unwrap();
            let _ = undo(&journal, &tree, false, &mut done, None, false);
        }
        assert_eq!(small.seen(), before, "{left}: {told:?}");
        results.push((left, told));
        let _ = std::fs::remove_dir_all(folder.join("store.duckdb.fixes"));
    }
    let (none, plenty) = (results.first().unwrap(), results.last().unwrap());
    assert!(none.1.is_err() && plenty.1.is_ok(), "{results:?}");
}

#[test]
fn accounts_that_an_installation_made_go_with_it_and_the_lists_are_as_they_were() {
    let small = Small::new();
    small.file("/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0o644);
    small.file("/etc/group", "root:x:0:\n", 0o644);
    let mut plan =
        plan(vec![fix("one", vec![change(&small.tree(), "/etc/group", Some(mine("root:x:0:\nnew:x:9:\n", 0o644)))])]);
    let script =
        format!("echo app:x:5:5::/:/bin/sh >> {0}/etc/passwd; echo app:x:5: >> {0}/etc/group", small.root().display());
    let install = Run { accounts: true, ..Run::new("app is installed", &["/bin/sh", "-c", &script]) };
    plan.fixes.push(fix("two", vec![Change::Run(install.undone_by(&["/bin/true"]))]));
    let before = small.seen();
    let mut done = run(&small, &plan, true).unwrap();
    assert!(small.text("/etc/group").contains("new:x:9:\napp:x:5:\n"), "{:?}", done.steps);
    // One fix alone is held by what came after it.
    let (journal, tree) = (journal(&small), small.tree());
    assert!(matches!(undo(&journal, &tree, true, &mut done, Some("one"), false), Err(UndoError::Later { .. })));
    undo(&journal, &tree, true, &mut done, None, false).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn a_file_that_a_program_wrote_anew_has_its_time_again() {
    let small = Small::new();
    small.file("/etc/list", "as ever\n", 0o644);
    let touched = super::super::change::Touched::of("/etc/list", &small.tree().read("/etc/list").unwrap().unwrap());
    let write = |text: &str| format!("printf '{text}' > {}/etc/list", small.root().display());
    let again = |text: &str| ["/bin/sh".to_owned(), "-c".to_owned(), write(text)].to_vec();
    let mut program = Run::new("writes", &["/bin/sh", "-c", &write("other\\n")]);
    program.undo = vec![again("as ever\\n")];
    program.touches = touched.into_iter().collect();
    let before = small.seen();
    let mut done = run(&small, &plan(vec![fix("one", vec![Change::Run(program)])]), true).unwrap();
    assert_eq!(small.text("/etc/list"), "other\n");
    undo(&journal(&small), &small.tree(), true, &mut done, None, false).unwrap();
    assert_eq!(small.seen(), before);
}
