//! `cleanbill fix`: shows what can be fixed, what would change, does it, and says what became of it.

mod ask;
pub(super) mod told;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use jiff::Timestamp;

use super::{StoreArgs, error::CliError, look, settings, terminal};
use crate::{
    audit::{self, Performed},
    checks::{Catalogue, Check, Safety, Selection},
    fixes::{
        self, Answers, Arm, Basis, Event, Guard, Job, Journal, Place, Plan, Proof,
        export::{self, Exported, Head},
        tree::TreeError,
    },
    host::Host,
    score::Grade,
    store::{FixRun, Store},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill fix                              choose from a list, see what changes, say yes
  sudo cleanbill fix ssh-root-login               one problem
  sudo cleanbill fix --safe-only --yes            all that can break nothing, without asking
  sudo cleanbill fix --all --dry-run              what would change, as a diff; exit code 1 when something would
  sudo cleanbill fix confirm                      keep changes that would otherwise take themselves back
  cleanbill fix --root ./rootfs --all --yes       an image, without running its services
  cleanbill fix --all --script fix.sh             the same plan as a script for people who want to read it first

Exit codes: 0 all that was asked for is done, 1 something is left or (with --dry-run) would change, 2 wrong usage,
3 it could not be done. Take everything back with: sudo cleanbill undo")]
pub(super) struct Args {
    /// The problems to fix, as the audit prints them; or `confirm`
    #[arg(value_name = "ID|confirm")]
    ids: Vec<String>,
    /// All problems of these areas
    #[arg(long, value_name = "AREA", num_args = 1..)]
    group: Vec<String>,
    /// All problems that can be fixed
    #[arg(long)]
    all: bool,
    /// Only what can break nothing; what restarts for a moment is said
    #[arg(long)]
    safe_only: bool,
    /// The most a fix may risk
    #[arg(long, value_name = "RISK", conflicts_with = "safe_only")]
    max_risk: Option<MaxRisk>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// How to tell what was done
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Fix a mounted image or container tree instead of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Answer the question of a fix: ID=VALUE, or ID.NAME=VALUE where it asks several; several times for several values
    #[arg(long, value_name = "ID=VALUE")]
    answer: Vec<String>,
    /// Seconds after which risky changes take themselves back unless confirmed; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = fixes::WINDOW.as_secs())]
    window: u64,
    /// Write the plan as a shell script instead of doing it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Write the plan as an Ansible playbook instead of doing it
    #[arg(long, value_name = "FILE")]
    ansible: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

impl Args {
    /// All options at their defaults but the place of the history: someone chooses from a list.
    pub(super) fn chosen(store: &StoreArgs) -> Self {
        Args {
            ids: Vec::new(),
            group: Vec::new(),
            all: false,
            safe_only: false,
            max_risk: None,
            dry_run: false,
            yes: false,
            format: Format::Text,
            root: None,
            answer: Vec::new(),
            window: fixes::WINDOW.as_secs(),
            script: None,
            ansible: None,
            store: store.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MaxRisk {
    /// It breaks nothing.
    Safe,
    /// It could lock you out, and takes itself back then.
    Guarded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For CI servers.
    Junit,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.ids == ["confirm"] {
        return confirm(args);
    }
    let catalogue = look::catalogue()?;
    for id in &args.ids {
        catalogue.get(id).ok_or_else(|| CliError::no_such_check(id, &catalogue))?;
    }
    if let Some(group) = args.group.iter().find(|id| !catalogue.groups().iter().any(|g| g.id == **id)) {
        return Err(CliError::no_such_area(group, &catalogue));
    }
    let named = !args.ids.is_empty() || !args.group.is_empty() || args.all || args.safe_only || args.max_risk.is_some();
    let writes = args.script.is_some() || args.ansible.is_some();
    if writes && args.dry_run {
        return Err(CliError::usage(
            "--script and --ansible change nothing, so --dry-run has nothing to add",
            "Leave one of them out",
        ));
    }
    if args.dry_run && args.format == Format::Junit {
        return Err(CliError::usage(
            "JUnit tells what was done, and --dry-run does nothing",
            "Take --format json to see what would change",
        ));
    }
    if args.script.as_deref() == Some(Path::new("-")) && args.ansible.as_deref() == Some(Path::new("-")) {
        return Err(CliError::usage("Two files cannot both go to the screen", "Give one of them a name"));
    }
    let talks = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && args.format == Format::Text;
    if !named && !talks {
        return Err(CliError::usage(
            "Say what to fix: without a terminal nobody can be asked",
            "Name problems, or give --all or --safe-only",
        ));
    }
    let mut answers = answered(&args.answer, &catalogue)?;
    let place = place(args.root.as_ref())?;
    let store = args.store.store();
    let changes = !args.dry_run && !writes;
    if changes && place.is_live() && !place.host.is_root() {
        return Err(CliError::usage("Only root may change this machine", "Run it with sudo, or look first: --dry-run"));
    }
    // Before anything is looked at, what was cut off is taken back.
    let journal = if changes { Some(open(&store, &place, PATIENCE)?) } else { None };
    if let Some(journal) = &journal {
        journal.ready(&place.root())?;
    }
    let mut seen = look::perform(&place.host, &catalogue, &Selection::default(), &store)?;
    look::past(&store, &mut seen.audit, &catalogue);
    let wanted = |check: &Check| wants(args, check) && (named || check.fix.is_some());
    let make = |answers: &Answers, wanted: &dyn Fn(&Check) -> bool| {
        let user = user();
        let basis = Basis {
            audit: &seen.audit,
            db: &seen.db,
            catalogue: &catalogue,
            tree: &place.tree,
            host: &place.host,
            user: &user,
            answers,
        };
        fixes::plan(&basis, wanted)
    };
    let mut plan = make(&answers, &wanted);
    let left = told::unfixable(args.ids.iter().map(String::as_str), &plan, &seen.audit);
    if talks && !writes && !args.dry_run && !args.yes {
        if !named {
            let Some(chosen) = ask::choose(&plan, place.is_live())? else {
                anstream::println!("  Nothing was changed.");
                return Ok(ExitCode::SUCCESS);
            };
            plan = make(&answers, &|check| chosen.contains(&check.id));
        }
        // One answer may lead to the next question of the same fix.
        let mut asked = Vec::new();
        while asked != plan.questions() {
            asked = plan.questions();
            if !ask::questions(&plan, &mut answers)? {
                break;
            }
            let chosen: Vec<String> = plan.fixes.iter().map(|f| f.check.clone()).collect();
            plan = make(&answers, &|check| chosen.contains(&check.id));
        }
        if plan.is_any() && !ask::agree(&plan, place.is_live())? {
            anstream::println!("  Nothing was changed.");
            return Ok(ExitCode::SUCCESS);
        }
    }
    if args.dry_run {
        terminal::print(&told::preview(&plan, args.format))?;
        return Ok(ExitCode::from(u8::from(plan.is_any())));
    }
    let Some(journal) = journal else {
        return write(args, &plan, &seen.audit, &place);
    };
    if !plan.is_any() {
        if !(left && plan.fixes.is_empty() && args.format == Format::Text) {
            terminal::print(&told::nothing(&plan, args.format))?;
        }
        return Ok(ExitCode::from(u8::from(left || !plan.fixes.is_empty())));
    }
    if !args.yes && !talks {
        return Err(CliError::usage(
            "Nobody is here to say yes, so nothing was changed",
            "See what would change with --dry-run, then give --yes",
        ));
    }
    let run = FixRun::new(&seen.audit, place.root(), user());
    let (done, after) = carry_out(args, &plan, &place, &journal, run, &catalogue, &store)?;
    let undone = told::done(&done, &plan, args.format, (seen.audit.grade(), after))?;
    Ok(ExitCode::from(u8::from(left || undone)))
}

/// The machine, or the image that is named.
pub(super) fn place(root: Option<&PathBuf>) -> Result<Place, CliError> {
    let wrong = |e: TreeError| CliError::usage(e.to_string(), "Give the folder in which the image is mounted");
    Place::of(look::host(root)?).map_err(wrong)
}

/// Opens the journal and takes back what was cut off, and says so.
pub(super) fn open(store: &Store, place: &Place, patience: Duration) -> Result<Journal, CliError> {
    let journal = Journal::open(store)?.patient(patience);
    mend(&journal, place)?;
    Ok(journal)
}

/// Takes back what was cut off or not confirmed in time, and says so.
pub(super) fn mend(journal: &Journal, place: &Place) -> Result<(), CliError> {
    for found in fixes::recover(journal, &place.tree, place.is_live())? {
        if place.is_live() && !found.open {
            Guard::disarm(found.run);
        }
        anstream::eprintln!("{}", told::recovered(&found));
    }
    Ok(())
}

/// What an audit that goes into the history does first: fixes that were cut off are no state to be looked at. Where that
/// cannot be done, or another one fixes just now, it looks all the same.
pub(super) fn mend_first(root: Option<&PathBuf>, store: &Store) {
    let Some(journal) = Journal::there(store) else { return };
    let Ok(place) = place(root) else { return };
    if place.is_live() && !place.host.is_root() {
        return;
    }
    let _ = mend(&journal.patient(Duration::ZERO), &place);
}

/// How long a command waits for another one that fixes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

fn wants(args: &Args, check: &Check) -> bool {
    let named = args.ids.contains(&check.id) || args.group.contains(&check.group);
    let all = args.ids.is_empty() && args.group.is_empty();
    let Some(fix) = &check.fix else { return named };
    let most = if args.safe_only { Some(MaxRisk::Safe) } else { args.max_risk };
    let fits = match most {
        Some(MaxRisk::Safe) => fix.safety == Safety::Safe,
        Some(MaxRisk::Guarded) | None => true,
    };
    (named || all) && fits
}

/// The answers that were given with the command.
fn answered(given: &[String], catalogue: &Catalogue) -> Result<Answers, CliError> {
    let mut answers = Answers::new();
    for text in given {
        let wrong = || CliError::usage(format!("`{}` is no answer", words::harmless(text)), "Write it as ID=VALUE");
        let (to, value) = text.split_once('=').ok_or_else(wrong)?;
        let (id, name) = to.split_once('.').map_or((to, None), |(id, name)| (id, Some(name)));
        let check = catalogue.get(id).ok_or_else(|| CliError::no_such_check(id, catalogue))?;
        let asks = check.fix.as_ref().map_or(&[][..], |f| f.ask.as_slice());
        let ask = asks.iter().find(|ask| name.is_none_or(|name| ask.name == name));
        let ask = ask.ok_or_else(|| match asks {
            [] => CliError::usage(format!("The fix of {id} asks nothing"), "Leave --answer out"),
            _ => CliError::usage(format!("The fix of {id} does not ask that"), "See what it asks with --dry-run"),
        })?;
        answers.entry(id.to_owned()).or_default().entry(ask.name.clone()).or_default().push(value.to_owned());
    }
    Ok(answers)
}

/// The person who runs this, also behind sudo.
pub(super) fn user() -> String {
    let named = ["SUDO_USER", "DOAS_USER", "LOGNAME", "USER"].iter().find_map(|n| std::env::var(n).ok());
    words::harmless(&named.filter(|n| !n.is_empty()).unwrap_or_else(|| "root".to_owned()))
}

fn carry_out(
    args: &Args,
    plan: &Plan,
    place: &Place,
    journal: &Journal,
    mut run: FixRun,
    catalogue: &Catalogue,
    store: &Store,
) -> Result<(FixRun, Option<Grade>), CliError> {
    let window = Duration::from_secs(args.window);
    let guarded = place.is_live() && plan.is_guarded() && args.window > 0;
    let program = std::env::current_exe()?;
    let guard = Guard::new(program, store.path(), window);
    let arm = move |run: &FixRun| guard.arm(run.id);
    if guarded {
        run.confirm_until = Timestamp::now().checked_add(window).ok();
    }
    let mut shown = told::Progress::start(args.format == Format::Text, plan);
    let job =
        Job { plan, tree: &place.tree, live: place.is_live(), journal, run, arm: guarded.then_some(&arm as Arm<'_>) };
    let mut tell = |event: Event<'_>| shown.on(&event);
    let mut grade = None;
    let done = fixes::apply(job, &mut tell, |checks| {
        let (proof, after) = prove(checks, place, catalogue, store);
        grade = after;
        proof
    })?;
    shown.end();
    Ok((done, grade))
}

/// Asks all checks again, and puts the answers into the history; also the grade now.
pub(super) fn prove(checks: &[&str], place: &Place, catalogue: &Catalogue, store: &Store) -> (Proof, Option<Grade>) {
    let host = if place.is_live() { Host::live() } else { Host::image(place.tree.root()) };
    let Ok(host) = host else { return Default::default() };
    let performed =
        audit::perform(&host, catalogue, &Selection::default(), &settings::config().checks, Some(store), |_| {});
    let Ok(Performed { mut audit, facts, .. }) = performed else { return Default::default() };
    if store.record(&mut audit, &facts, catalogue).is_err() {
        look::past(store, &mut audit, catalogue);
    }
    (Proof::of(checks, &audit), Some(audit.grade()))
}

/// Writes the plan for people who do it without cleanbill.
fn write(args: &Args, plan: &Plan, audit: &audit::Audit, place: &Place) -> Result<ExitCode, CliError> {
    let machine = &audit.machine.hostname;
    let head = Head { machine, made: Timestamp::now(), tree: &place.tree, live: place.is_live() };
    let sudo = if place.is_live() { "sudo " } else { "" };
    let mut left = false;
    let kinds = [
        (&args.script, export::script as fn(&Plan, &Head<'_>) -> Exported, "script"),
        (&args.ansible, export::playbook, "playbook"),
    ];
    for (path, make, what) in kinds {
        let Some(path) = path else { continue };
        let made = make(plan, &head);
        terminal::deliver(Some(path), &made.text)?;
        for (check, why) in &made.left {
            anstream::eprintln!("Not in the {what}: {check}: {}", words::harmless(why));
        }
        left |= !made.left.is_empty();
        if path == Path::new("-") {
            continue;
        }
        let name = words::harmless(&words::shell(&path.to_string_lossy()));
        anstream::eprintln!("{}: a {what} with {}.", name, words::count(made.fixes, "fix", "fixes"));
        match (what, place.is_live()) {
            ("script", _) => {
                anstream::eprintln!("Read it, then run:  {sudo}sh {}", name);
                anstream::eprintln!("Take it back with:  {sudo}sh {} undo", name);
            }
            (_, true) => {
                anstream::eprintln!("Look, then run it:  ansible-playbook -i HOST, --check --diff {}", name);
            }
            (_, false) => {
                let root = words::shell(&place.root());
                anstream::eprintln!(
                    "Read it, then run:  sudo ansible-playbook -i {}, -c community.general.chroot {}",
                    words::harmless(&root),
                    name
                );
            }
        }
    }
    Ok(ExitCode::from(u8::from(left)))
}

/// Keeps what would otherwise take itself back.
fn confirm(args: &Args) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let place = place(args.root.as_ref())?;
    // It may be taken back at this very moment: then that is seen here.
    let journal = open(&store, &place, Duration::from_secs(120))?;
    let confirmed = fixes::confirm(&journal, &place.root())?;
    if confirmed.is_empty() {
        return Err(CliError::usage("Nothing waits to be confirmed", "See what was done with: cleanbill history"));
    }
    for run in confirmed {
        Guard::confirmed(run.id);
        let root = words::harmless(&words::at_root(&run.root));
        anstream::println!("Run {} stays. Take it back with: cleanbill undo {}{root}", run.id, run.id);
    }
    Ok(ExitCode::SUCCESS)
}

impl From<fixes::JournalError> for CliError {
    fn from(error: fixes::JournalError) -> Self {
        match error {
            fixes::JournalError::Store(error) => error.into(),
            fixes::JournalError::Busy => CliError::failed(error.to_string(), "Wait until it has ended, then try again"),
            fixes::JournalError::HalfDone(run, ref root) => CliError::failed(
                error.to_string(),
                format!(
                    "Make room on the disk and try again, or give it up with: cleanbill undo {run}{} --force",
                    words::at_root(root)
                ),
            ),
            fixes::JournalError::Waiting(run, ref root) => CliError::failed(
                error.to_string(),
                format!(
                    "Keep it with: cleanbill fix confirm{root}, or take it back with: cleanbill undo {run}{root}",
                    root = words::at_root(root)
                ),
            ),
            fixes::JournalError::Foreign { .. } => {
                CliError::failed(error.to_string(), "Give another place with --db FILE, in a folder of your own")
            }
            error => CliError::failed(
                error.to_string(),
                "Nothing more was changed. Make room, or give another place with --db FILE",
            ),
        }
    }
}
