//! Does a plan: writes it down, changes, asks the programs concerned, and asks the checks again. A fix that fails is
//! taken back at once, the others go on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    change::{Change, FileChange, Run},
    journal::{Journal, JournalError, Logged, Mark},
    plan::{Plan, PlannedFix},
    run,
    tree::{self, State, Tree, TreeError},
    undo::settle,
    validate,
};
use crate::{
    audit::Audit,
    checks::{Safety, Verdict},
    signals::Signals,
    store::{FixRun, FixStep, RunState, StepState},
};

/// What happens, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A fix begins.
    Begins(&'a PlannedFix),
    /// A fix ended; proof comes later.
    Ended(&'a PlannedFix, bool),
    /// The checks are asked again.
    Proving,
}

/// What the checks say afterwards.
#[derive(Debug, Default)]
pub struct Proof {
    /// The risk now; none when nobody looked.
    pub risk: Option<f64>,
    /// The answers by check: none where it finds nothing any more, else what it still finds.
    pub answers: BTreeMap<String, Option<String>>,
}

impl Proof {
    /// What an audit says of these checks; nothing where it could not tell.
    pub fn of(checks: &[&str], audit: &Audit) -> Self {
        let answer = |check: &&str| {
            let outcome = audit.outcomes.iter().find(|o| o.check == **check)?;
            let found = match &outcome.verdict {
                Verdict::Ok | Verdict::NotApplicable(_) => None,
                Verdict::Problem(finding) => {
                    let seen = finding.evidence.first().map_or(finding.title.as_str(), |e| &e.text);
                    Some(format!("It is still seen: {}.", seen.trim_end_matches('.')))
                }
                Verdict::Unknown(_) => return None,
            };
            Some(((*check).to_owned(), found))
        };
        Proof { risk: Some(audit.risk()), answers: checks.iter().filter_map(answer).collect() }
    }
}

/// Sets the timer that takes a run back, before anything is changed; or says why it cannot.
pub type Arm<'a> = &'a dyn Fn(&FixRun) -> Result<(), String>;

/// What a run needs beside its plan.
pub struct Job<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The machine to change.
    pub tree: &'a Tree,
    /// Whether it runs, so that its programs are asked and told.
    pub live: bool,
    /// The journal.
    pub journal: &'a Journal,
    /// The run: who, where, and the risk before.
    pub run: FixRun,
    /// The timer that takes the run back unless someone confirms it.
    pub arm: Option<Arm<'a>>,
}

/// Does a plan. Refused fixes stay as they are. Whoever asks it to stop, or the terminal that goes away, does not cut it
/// off in the middle of a fix.
///
/// # Errors
/// When the journal cannot be written: then nothing was changed, or all of it was taken back, now or by the next start.
pub fn apply(
    job: Job<'_>,
    listen: &mut dyn FnMut(Event<'_>),
    prove: impl FnOnce(&[&str]) -> Proof,
) -> Result<FixRun, JournalError> {
    let Job { plan, tree, live, journal, mut run, arm } = job;
    let _held = journal.hold()?;
    journal.ready(&run.root)?;
    let signals = Signals::hear();
    run.steps = (1..).zip(&plan.fixes).map(|(n, fix)| step(n, fix)).collect();
    let changes: Vec<(i64, &Change)> =
        (1..).zip(&plan.fixes).flat_map(|(n, fix)| fix.changes.iter().map(move |c| (n, c))).collect();
    journal.begin(&mut run, &changes)?;
    let logged =
        |(n, (step, change)): (u64, (i64, &Change))| Logged { n, step, mark: Mark::Untouched, change: change.clone() };
    let mut changes: Vec<Logged> = (0..).zip(changes).map(logged).collect();
    let way = Way { journal, tree, live, folder: run.folder.clone() };
    let lists = Lists::of(plan, tree, live);
    let window = run.confirm_until.map(|until| until.duration_since(run.started));
    if let Some(Err(why)) = arm.map(|arm| arm(&run)) {
        for step in run.steps.iter_mut().filter(|s| s.state == StepState::Planned) {
            step.state = StepState::Refused;
            step.why = Some(format!("The timer that would take it back could not be set: {why}"));
        }
        run.confirm_until = None;
        return end(&way, &mut changes, run, None);
    }
    for (n, fix) in (1_i64..).zip(&plan.fixes).filter(|(_, fix)| !fix.changes.is_empty()) {
        if let Some(why) = hindered(&run, &changes, n, &signals) {
            refuse(&mut run, n, why);
            continue;
        }
        listen(Event::Begins(fix));
        let done = way.one(&mut changes, n);
        listen(Event::Ended(fix, done.is_ok()));
        if let Err((why, left)) = done {
            fail(&mut run, n, &why, &left);
        }
    }
    late(&way, &mut changes, &mut run);
    let made = lists.changed(&changes, &run, tree);
    if !made.is_empty() {
        // Without it all stands as well; only whoever takes it back is shown what others changed in these lists.
        let _ = journal.add(&run, &mut changes, made);
    }
    listen(Event::Proving);
    let standing: Vec<&str> =
        run.steps.iter().filter(|s| s.state == StepState::Planned).map(|s| s.check.as_str()).collect();
    let proof = if standing.is_empty() { Proof::default() } else { prove(&standing) };
    for (step, fix) in run.steps.iter_mut().zip(&plan.fixes).filter(|(s, _)| s.state == StepState::Planned) {
        (step.state, step.why) = match proof.answers.get(&step.check) {
            Some(None) => (StepState::Fixed, None),
            Some(Some(why)) => {
                let left = if fix.left.is_empty() { why.clone() } else { format!("{}.", fix.left.join("; ")) };
                (StepState::StillOpen, Some(left))
            }
            None => (StepState::Unproven, Some("The question could not be asked again.".to_owned())),
        };
    }
    let guarded = run.steps.iter().zip(&plan.fixes).any(|(s, f)| s.state.stands() && f.safety == Safety::Guarded);
    // Whoever must confirm has the whole time, however long the fixes took.
    run.confirm_until = window.filter(|_| guarded).and_then(|window| Timestamp::now().checked_add(window).ok());
    end(&way, &mut changes, run, proof.risk)
}

/// The lists of accounts, to which an installation adds: so that they too are as they were when it is taken back.
const LISTS: [&str; 6] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// These lists as they were before.
struct Lists(BTreeMap<String, State>);

impl Lists {
    fn of(plan: &Plan, tree: &Tree, live: bool) -> Self {
        let installs = |c: &Change| matches!(c, Change::Run(run) if run.accounts);
        if !live || !plan.fixes.iter().flat_map(|f| &f.changes).any(installs) {
            return Lists(BTreeMap::new());
        }
        // Each list has a copy of itself from before its last change.
        let paths = LISTS.iter().flat_map(|path| [(*path).to_owned(), format!("{path}-")]);
        Lists(paths.filter_map(|path| Some((path.clone(), tree.read(&path).ok()??))).collect())
    }

    /// What installations made of them, beside what was planned; it belongs to the last one that stands.
    fn changed(&self, changes: &[Logged], run: &FixRun, tree: &Tree) -> Vec<(i64, FileChange)> {
        let stands = |l: &&Logged| run.steps.iter().any(|s| s.n == l.step && s.state.stands());
        let standing = || changes.iter().filter(stands);
        let installs = |l: &&Logged| matches!(&l.change, Change::Run(run) if run.accounts);
        let Some(step) = standing().filter(installs).map(|l| l.step).max() else { return Vec::new() };
        let left = |path: &str| match standing().rfind(|l| l.path() == Some(path)).map(|l| &l.change) {
            Some(Change::File(file)) => file.after.clone(),
            _ => self.0.get(path).cloned(),
        };
        let made = self.0.keys().filter_map(|path| {
            let (before, after) = (left(path)?, tree.read(path).ok()??);
            let changed = !before.same(&after);
            changed.then(|| (step, FileChange { path: path.clone(), before: Some(before), after: Some(after) }))
        });
        made.collect()
    }
}

/// Runs what waited until all files stand, each once. A fix whose program fails is taken back, with those that build on
/// it.
fn late(way: &Way<'_>, changes: &mut [Logged], run: &mut FixRun) {
    let planned = |run: &FixRun, n: i64| run.steps.iter().any(|s| s.n == n && s.state == StepState::Planned);
    let mut commands: Vec<Run> = Vec::new();
    for command in changes.iter().filter_map(|l| late_run(&l.change)) {
        if way.live && !commands.contains(command) {
            commands.push(command.clone());
        }
    }
    for command in &commands {
        let asks = |l: &&Logged| late_run(&l.change) == Some(command) && planned(run, l.step);
        let mut gone: Vec<i64> = changes.iter().filter(asks).map(|l| l.step).collect();
        if gone.is_empty() {
            continue;
        }
        let Err(error) = run::run(&command.command, command.seconds) else { continue };
        for n in run.steps.iter().map(|s| s.n) {
            if planned(run, n) && !gone.contains(&n) && gone.iter().any(|g| *g < n && share(changes, *g, n)) {
                gone.push(n);
            }
        }
        gone.sort_unstable();
        for n in gone.iter().rev() {
            let left = way.back(changes, |l| l.step == *n);
            fail(run, *n, &error.to_string(), &left);
        }
        // With the old files everything starts as before.
        if let Err(untold) = settle(changes.iter().filter(|l| gone.contains(&l.step))) {
            for step in run.steps.iter_mut().filter(|s| gone.contains(&s.n)) {
                let why = step.why.take().unwrap_or_default();
                step.why = Some(format!("{why} With the old settings {}.", untold.trim_end_matches('.')));
            }
        }
    }
}

/// Why a fix is not begun any more.
fn hindered(run: &FixRun, changes: &[Logged], n: i64, signals: &Signals) -> Option<String> {
    if signals.asked() {
        return Some("Someone stopped the run before its turn came.".to_owned());
    }
    let gone = |s: &&FixStep| s.n < n && matches!(s.state, StepState::Failed | StepState::Refused | StepState::Undoing);
    let base = run.steps.iter().filter(gone).find(|s| share(changes, s.n, n))?;
    Some(format!("It changes the same file as “{}”, which was not done. Try it again.", base.title))
}

/// Whether two steps change the same file.
fn share(changes: &[Logged], a: i64, b: i64) -> bool {
    let paths = |step: i64| changes.iter().filter(move |l| l.step == step).filter_map(Logged::path);
    paths(a).any(|path| paths(b).any(|other| other == path))
}

fn end(way: &Way<'_>, changes: &mut [Logged], mut run: FixRun, risk: Option<f64>) -> Result<FixRun, JournalError> {
    run.state = RunState::Done;
    run.ended = Some(Timestamp::now());
    run.risk_after = risk;
    if let Err(error) = way.journal.store().end_fixes(&run) {
        // What is not written down as done does not stay.
        way.back(changes, |_| true);
        if way.live {
            let _ = settle(changes.iter());
        }
        return Err(error.into());
    }
    Ok(run)
}

fn step(n: i64, fix: &PlannedFix) -> FixStep {
    let why = fix.why_not();
    let state = if why.is_some() { StepState::Refused } else { StepState::Planned };
    FixStep { n, check: fix.check.clone(), title: fix.title.clone(), state, why }
}

fn refuse(run: &mut FixRun, n: i64, why: String) {
    for step in run.steps.iter_mut().filter(|s| s.n == n) {
        step.state = StepState::Refused;
        step.why = Some(why.clone());
    }
}

/// A fix that failed, and what is left of it. What may go back another time is tried again by the next start.
fn fail(run: &mut FixRun, n: i64, why: &str, left: &Left) {
    for step in run.steps.iter_mut().filter(|s| s.n == n) {
        step.state = if left.again.is_empty() { StepState::Failed } else { StepState::Undoing };
        let stop = if why.ends_with(['.', '?', '!']) { "" } else { "." };
        step.why = Some(match left.said() {
            None => format!("{why}{stop} All of it was taken back."),
            Some(said) => format!("{why}{stop} Not all of it could be taken back: {said}."),
        });
    }
}

fn late_run(change: &Change) -> Option<&Run> {
    match change {
        Change::Run(run) if run.when.is_late() => Some(run),
        _ => None,
    }
}

impl Logged {
    /// The file that is changed.
    pub(super) fn path(&self) -> Option<&str> {
        match &self.change {
            Change::File(file) => Some(&file.path),
            Change::Run(_) => None,
        }
    }
}

/// What could not be taken back.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What may go back another time: the disk was full.
    pub(super) again: Vec<String>,
    /// What is another's by now, or did not work.
    pub(super) lost: Vec<String>,
    /// What stays on purpose: a folder into which someone put something.
    pub(super) stays: Vec<String>,
}

impl Left {
    /// In words; none where all went back.
    pub(super) fn said(&self) -> Option<String> {
        let all: Vec<&str> = self.again.iter().chain(&self.lost).map(|s| s.trim_end_matches('.')).collect();
        if all.is_empty() { None } else { Some(all.join("; ")) }
    }
}

/// How changes are made and taken back, each written down before.
pub(super) struct Way<'a> {
    pub(super) journal: &'a Journal,
    pub(super) tree: &'a Tree,
    pub(super) live: bool,
    /// Of the run.
    pub(super) folder: String,
}

impl Way<'_> {
    fn mark(&self, logged: &mut Logged, mark: Mark) -> Result<(), JournalError> {
        logged.mark = mark;
        self.journal.mark(&self.folder, logged.n, mark)
    }

    /// Does one fix, or takes it back.
    fn one(&self, changes: &mut [Logged], step: i64) -> Result<(), (String, Left)> {
        let mut fresh: Vec<String> = Vec::new();
        let mut go = || -> Result<(), String> {
            for logged in changes.iter_mut().filter(|l| l.step == step) {
                match &logged.change {
                    Change::File(file) => {
                        if self.live {
                            validate::before(file)?;
                        }
                        fresh.push(file.path.clone());
                        self.put(logged)?;
                    }
                    Change::Run(run) if !run.when.is_late() => {
                        let run = run.clone();
                        if self.live {
                            validate::after(fresh.iter().map(String::as_str))?;
                            fresh.clear();
                        }
                        // What fails half way is taken back too.
                        self.mark(logged, Mark::Begun).map_err(|e| e.to_string())?;
                        run::run(&run.command, run.seconds).map_err(|e| e.to_string())?;
                        self.mark(logged, Mark::Done).map_err(|e| e.to_string())?;
                    }
                    Change::Run(_) => {}
                }
            }
            if self.live { validate::after(fresh.iter().map(String::as_str)) } else { Ok(()) }
        };
        go().map_err(|why| (why, self.back(changes, |l| l.step == step)))
    }

    fn put(&self, logged: &mut Logged) -> Result<(), String> {
        self.mark(logged, Mark::Begun).map_err(|e| e.to_string())?;
        let Change::File(file) = &logged.change else { return Ok(()) };
        let (before, after) = (file.before.as_ref(), file.after.as_ref());
        let Err(error) = self.tree.put(&file.path, before, after) else {
            return self.mark(logged, Mark::Done).map_err(|e| e.to_string());
        };
        // Whatever is not surely as before is taken back: it may stand, though its folder could not be written down.
        let as_before = || self.tree.read_like(&file.path, before).is_ok_and(|now| tree::same(now.as_ref(), before));
        if matches!(error, TreeError::Changed(_)) || as_before() {
            let _ = self.mark(logged, Mark::Untouched);
        }
        Err(error.to_string())
    }

    /// Takes the changes that are meant and were begun back, the last first; goes on where one fails.
    pub(super) fn back(&self, changes: &mut [Logged], meant: impl Fn(&Logged) -> bool) -> Left {
        let mut left = Left::default();
        let begun = |l: &&mut Logged| matches!(l.mark, Mark::Begun | Mark::Done);
        for logged in changes.iter_mut().rev().filter(|l| meant(l)).filter(begun) {
            match &logged.change {
                Change::File(file) => {
                    let (before, after) = (file.before.as_ref(), file.after.as_ref());
                    match self.tree.take_back(&file.path, before, after, logged.mark == Mark::Begun) {
                        Ok(()) => {}
                        Err(TreeError::NotEmpty(path)) => {
                            left.stays.push(format!("The folder {path} stays: something else lies in it now."));
                        }
                        Err(error) if error.may_pass() => {
                            left.again.push(error.to_string());
                            continue;
                        }
                        Err(error) => left.lost.push(error.to_string()),
                    }
                }
                Change::Run(run) if self.live => {
                    for command in &run.undo {
                        left.lost.extend(run::run(command, run.seconds).err().map(|e| e.to_string()));
                    }
                    for touched in &run.touches {
                        self.tree.redate(touched);
                    }
                }
                Change::Run(_) => {}
            }
            // Where this cannot be written, it is tried once more: what stands as before is left alone then.
            let _ = self.mark(logged, Mark::Back);
        }
        left
    }
}
