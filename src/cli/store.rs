//! `cleanbill store`: whether the file of the history is whole, copies of it, and what to do when it is lost or broken.

use std::{fmt::Write as _, io::IsTerminal as _, num::NonZeroUsize, path::PathBuf, process::ExitCode};

use clap::{Subcommand, ValueEnum};
use dialoguer::{Confirm, theme::ColorfulTheme};
use jiff::Timestamp;
use serde::Serialize;

use super::{StoreArgs, error::CliError, listing, terminal};
use crate::{
    fixes::{Held, Journal},
    store::{Backup, CareError, Health, Remedy, Repair, Restore, Store, Tail, Task, Which, Worker, at_db},
    words::{self, harmless},
};

/// How this program is started to read a file that may be damaged.
pub(super) const READER: &[&str] = &["store", "reader"];
/// So many backups are kept unless told otherwise.
const KEEP: &str = "7";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill store check            is the history whole? reads every row
  sudo cleanbill store backup           copy it to backups/ beside it, keep the newest 7
  sudo cleanbill store repair           save what can be saved of a damaged one
  sudo cleanbill store restore latest   bring the newest backup back")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the whole history and say whether it is whole; nothing is changed
    Check(CheckArgs),
    /// Copy the history while others may use it
    Backup(BackupArgs),
    /// Save what can be read of a damaged history; the damaged file is kept
    Repair(RepairArgs),
    /// Bring a backup back; the file that is there is kept
    Restore(RestoreArgs),
    /// Reads for the others
    #[command(hide = true)]
    Reader(ReaderArgs),
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill store check
  sudo cleanbill store check --format json

Exit codes: 0 it is fine, 1 something is wrong with it, 2 wrong usage or no history, 3 it could not be looked at.")]
struct CheckArgs {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill store backup
  sudo cleanbill store backup --to /mnt/disk/cleanbill --keep 30

Older copies are removed only when all that they hold is in the new one. What fixes keep for undo is not in it: it stays
beside the history, and belongs to this machine.")]
struct BackupArgs {
    /// Folder to copy it to [default: backups/ beside the history]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// How many copies to keep
    #[arg(long, value_name = "N", default_value = KEEP)]
    keep: NonZeroUsize,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill store repair --dry-run    say what could be saved, change nothing
  sudo cleanbill store repair

A history that is fine is left as it is.")]
struct RepairArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill store restore --list
  sudo cleanbill store restore latest
  sudo cleanbill store restore 2026-11-19
  sudo cleanbill store restore /mnt/disk/cleanbill/cleanbill-2026-11-19T0300.duckdb")]
struct RestoreArgs {
    /// The backup: a file, `latest`, or the day it was made (UTC) as YYYY-MM-DD
    #[arg(value_name = "FILE|latest|DATE", required_unless_present = "list")]
    which: Option<Which>,
    /// List the backups
    #[arg(long, conflicts_with_all = ["which", "yes", "dry_run"])]
    list: bool,
    /// Folder of the backups [default: backups/ beside the history]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
struct ReaderArgs {
    task: Task,
    source: PathBuf,
    target: Option<PathBuf>,
    #[arg(long)]
    skip: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match &args.action {
        Action::Check(args) => check(args),
        Action::Backup(args) => backup(args),
        Action::Repair(args) => repair(args),
        Action::Restore(args) if args.list => list(args),
        Action::Restore(args) => restore(args),
        Action::Reader(args) => {
            let mut out = std::io::stdout().lock();
            Worker::serve(args.task, &args.source, args.target.as_deref(), &args.skip, &mut out);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let health = args.store.store().check()?;
    print(args.format, &health, || health_page(&health, Timestamp::now()))?;
    Ok(ExitCode::from(u8::from(!health.fine)))
}

fn backup(args: &BackupArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let folder = args.to.clone().unwrap_or_else(|| store.backup_folder());
    let backup = store.backup(&folder, args.keep.get(), Timestamp::now())?;
    print(args.format, &backup, || backup_page(&backup))?;
    Ok(ExitCode::SUCCESS)
}

fn repair(args: &RepairArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let health = store.check()?;
    if !health.problems.iter().any(|p| p.remedy == Remedy::Repair) {
        return close(&store, &health, args);
    }
    let decides = who_decides(args.yes, args.dry_run, args.format)?;
    let _held = quiet(&store)?;
    let mut repair = store.repair()?;
    let done = match decides {
        Decides::Nobody => false,
        Decides::Flag => true,
        Decides::Person => {
            anstream::print!("{}", repair_page(&repair));
            asked("Put this in the place of the damaged history? The damaged file is kept.")
        }
    };
    if done {
        repair.place(Timestamp::now())?;
    }
    print(args.format, &repair, || match decides {
        Decides::Person => repair_end(&repair),
        Decides::Flag | Decides::Nobody => repair_page(&repair) + &repair_end(&repair),
    })?;
    Ok(ExitCode::from(u8::from(!done)))
}

/// Nothing is to be saved: at most its rights are to be closed.
fn close(store: &Store, health: &Health, args: &RepairArgs) -> Result<ExitCode, CliError> {
    let open = health.problems.iter().any(|p| p.remedy == Remedy::Close);
    if open && !args.dry_run {
        store.close_to_others()?;
        let health = store.check()?;
        print(args.format, &health, || {
            format!("The history is whole. Only its owner may read it now.\n{}", troubles(&health))
        })?;
        return Ok(ExitCode::from(u8::from(!health.fine)));
    }
    print(args.format, health, || {
        let told = if open { "Its rights would be closed to others.\n" } else { "It was left as it is.\n" };
        health_page(health, Timestamp::now()) + told
    })?;
    Ok(ExitCode::from(u8::from(!health.fine)))
}

fn restore(args: &RestoreArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let decides = who_decides(args.yes, args.dry_run, args.format)?;
    let folder = args.from.clone().unwrap_or_else(|| store.backup_folder());
    let which = args.which.clone().unwrap_or(Which::Latest);
    let file = store.find_backup(&which, &folder)?;
    let _held = quiet(&store)?;
    let mut restore = store.restore(&file)?;
    let done = match decides {
        Decides::Nobody => false,
        Decides::Flag => true,
        Decides::Person => {
            anstream::print!("{}", restore_page(&restore));
            asked("Bring it back?")
        }
    };
    if done {
        restore.place(Timestamp::now())?;
    }
    print(args.format, &restore, || match decides {
        Decides::Person => restore_end(&restore, done),
        Decides::Flag | Decides::Nobody => restore_page(&restore) + &restore_end(&restore, done),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(args: &RestoreArgs) -> Result<ExitCode, CliError> {
    let store = args.store.store();
    let folder = args.from.clone().unwrap_or_else(|| store.backup_folder());
    let backups = store.backups(&folder);
    if backups.is_empty() && args.format == Format::Text {
        return Err(CareError::NoBackup(folder).into());
    }
    print(args.format, &backups, || {
        let now = Timestamp::now();
        let rows = backups.iter().map(|b| {
            let name = b.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            vec![name.into(), words::ago(b.made, now).into(), words::size(b.size as f64).into()]
        });
        let columns = ["backup", "made", "size"].map(str::to_owned).to_vec();
        let list = crate::facts::QueryResult { columns, rows: rows.collect() };
        format!(
            "{}\nIn {}\n",
            listing::text(&list, listing::ListFormat::Table),
            harmless(&folder.display().to_string())
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Who says whether it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decides {
    /// Nobody: it is only told.
    Nobody,
    /// It was said with `--yes`.
    Flag,
    /// Who sits here.
    Person,
}

fn who_decides(yes: bool, dry_run: bool, format: Format) -> Result<Decides, CliError> {
    match (dry_run, yes) {
        (true, _) => Ok(Decides::Nobody),
        (_, true) => Ok(Decides::Flag),
        _ if format == Format::Text && std::io::stdin().is_terminal() => Ok(Decides::Person),
        _ => Err(CliError::usage("Nobody is here to say yes, so nothing was changed", "Give --yes, or --dry-run")),
    }
}

fn asked(what: &str) -> bool {
    Confirm::with_theme(&ColorfulTheme::default()).with_prompt(what).default(false).interact().unwrap_or(false)
}

/// Keeps away who fixes something: a run writes down its end in the history that it began in.
fn quiet(store: &Store) -> Result<Option<Held>, CliError> {
    Ok(Journal::there(store).map(|journal| journal.hold()).transpose()?)
}

fn print<T: Serialize>(format: Format, value: &T, page: impl FnOnce() -> String) -> Result<(), CliError> {
    terminal::print(&match format {
        Format::Text => page(),
        Format::Json => serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
    })
}

fn number(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// `14 audits of one machine since 3 August 2026`.
fn contents(audits: u64, machines: u64, since: Option<Timestamp>) -> String {
    let Some(since) = since else { return "no audit yet".to_owned() };
    let machines = match machines {
        1 => "one machine".to_owned(),
        n => format!("{} machines", words::number(number(n))),
    };
    format!("{} of {machines} since {}", words::count(number(audits), "audit", "audits"), words::date(since))
}

fn troubles(health: &Health) -> String {
    let mut text = String::new();
    for problem in &health.problems {
        let what = words::sentence(&problem.what);
        let _ = writeln!(text, "  {}\n    {}", harmless(&what), harmless(&problem.hint));
    }
    text
}

fn health_page(health: &Health, now: Timestamp) -> String {
    let mut text = String::new();
    let file = harmless(&health.file.display().to_string());
    if health.fine {
        let held = contents(health.audits, health.machines, health.since);
        let _ = writeln!(text, "The history is fine: {held}, {}.", words::size(health.size as f64));
        let rows = words::count(number(health.rows), "row", "rows");
        let tables = words::count(number(health.tables), "table", "tables");
        let _ = writeln!(text, "Every row was read: {rows} in {tables} of {file}");
    } else {
        let _ = write!(text, "Something is wrong with the history in {file}:\n{}", troubles(health));
    }
    if let Some(waiting) = health.waiting.filter(|_| health.fine) {
        let _ = writeln!(text, "{} of it wait beside it; the next audit takes them in.", words::size(waiting as f64));
    }
    if let Some(schema) = health.schema.filter(|s| *s < health.newest_schema && health.fine) {
        let newest = health.newest_schema;
        let _ = writeln!(text, "Its format is {schema}; the next use brings it to {newest}.");
    }
    match &health.backup {
        Some(backup) => {
            let name = harmless(&backup.file.display().to_string());
            let _ = writeln!(text, "Last backup: {}, {name}", words::ago(backup.made, now));
        }
        None => {
            let db = harmless(&at_db(&health.file));
            let _ = writeln!(text, "There is no backup of it beside it. Make one with: cleanbill store backup{db}");
        }
    }
    text
}

fn backup_page(backup: &Backup) -> String {
    let held = contents(backup.audits, backup.machines, backup.since);
    let file = harmless(&backup.file.display().to_string());
    let mut text = format!("The history is copied: {held}, {}.\n{file}\n", words::size(backup.size as f64));
    if !backup.removed.is_empty() {
        let _ =
            writeln!(text, "{} removed.", words::count(backup.removed.len(), "older copy was", "older copies were"));
    }
    for kept in &backup.kept {
        let kept = harmless(&kept.display().to_string());
        let _ = writeln!(text, "{kept} stays: it cannot be read, or holds audits that the history of today does not.");
    }
    text
}

fn repair_page(repair: &Repair) -> String {
    let (saved, aside, lost) = repair.rows();
    let rows = |n| words::count(number(n), "row", "rows");
    let held = match repair.since {
        Some(_) => words::count(number(repair.audits), "audit", "audits"),
        None => "no audit".to_owned(),
    };
    let mut text = format!("Can be saved: {held}, {} in all.\n", rows(saved));
    if let (Some(since), Some(last)) = (repair.since, repair.last) {
        let _ = writeln!(text, "They were made from {} to {}.", words::date(since), words::date(last));
    }
    if repair.incomplete > 0 {
        let _ = writeln!(
            text,
            "{} not whole any more, and will say so.",
            words::count(number(repair.incomplete), "of these audits is", "of these audits are")
        );
    }
    match repair.tail {
        Tail::None | Tail::TakenIn => {}
        Tail::InPart => text.push_str("What was written last can be read only in part.\n"),
        Tail::LeftOut => text.push_str("What was written last, beside the file, cannot be read.\n"),
    }
    if aside > 0 {
        let _ = writeln!(
            text,
            "{} belong to nothing that is left, or are not whole: they go into `lost_found`.",
            rows(aside)
        );
    }
    if lost > 0 {
        let _ = writeln!(text, "Lost: {}.", rows(lost));
    }
    for table in repair.tables.iter().filter(|t| t.why.is_some()) {
        let all = rows(table.saved + table.aside + table.lost);
        let [aside, lost] = [table.aside, table.lost].map(|n| words::thousands(number(n)));
        let _ = writeln!(text, "  {}: of {all} {aside} are not whole and {lost} are lost", harmless(&table.name));
    }
    if !repair.runs_lost.is_empty() {
        let runs: Vec<String> = repair.runs_lost.iter().map(i64::to_string).collect();
        let _ = writeln!(text, "Runs of fixes that cannot be undone any more: {}", words::list(&runs));
    }
    if let Some(better) = &repair.better {
        let name = better.backup.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _ = writeln!(
            text,
            "The newest backup holds {} that cannot be saved here: cleanbill store restore {}{}",
            words::count(number(better.more), "audit", "audits"),
            harmless(&words::shell(&name)),
            harmless(&at_db(&repair.file))
        );
    }
    text
}

fn repair_end(repair: &Repair) -> String {
    match &repair.kept {
        Some(kept) => {
            format!("The history is mended. The damaged file is kept as {}\n", harmless(&kept.display().to_string()))
        }
        None => "Nothing was changed.\n".to_owned(),
    }
}

fn restore_page(restore: &Restore) -> String {
    let held = contents(restore.audits, restore.machines, restore.since);
    let mut text = format!("The backup {} is whole.\nIt holds {held}", harmless(&restore.backup.display().to_string()));
    if let Some(last) = restore.last {
        let _ = write!(text, "; the last is of {}", words::date(last));
    }
    text.push_str(".\n");
    match restore.lost_audits {
        _ if !restore.replaces => {}
        Some(0) => text.push_str("Every audit of the history of today is in it.\n"),
        Some(n) => {
            let audits =
                words::count(number(n), "audit of the history of today is", "audits of the history of today are");
            let _ = writeln!(text, "{audits} not in it.");
        }
        None => text.push_str("The history of today cannot be read, so nobody knows what was added since.\n"),
    }
    let list = |runs: &[i64]| words::list(&runs.iter().map(i64::to_string).collect::<Vec<_>>());
    if !restore.lost_runs.is_empty() {
        let runs = list(&restore.lost_runs);
        let _ =
            writeln!(text, "Runs of fixes made since cannot be undone then: {runs}. Undo them first if you want to.");
    }
    if !restore.settled_runs.is_empty() {
        let runs = list(&restore.settled_runs);
        let _ = writeln!(
            text,
            "Run {runs} of fixes was under way when it was made; it is taken for done, and can be undone."
        );
    }
    text
}

fn restore_end(restore: &Restore, done: bool) -> String {
    if !done {
        return "Nothing was changed.\n".to_owned();
    }
    let mut text = "The history is back.\n".to_owned();
    if let Some(kept) = &restore.kept {
        let _ = writeln!(text, "The file that was there is kept as {}", harmless(&kept.display().to_string()));
    }
    text
}

impl From<CareError> for CliError {
    fn from(error: CareError) -> Self {
        let hint = error.hint();
        match error {
            CareError::Store(error) => error.into(),
            CareError::NoBackup(_) | CareError::NoSuchBackup { .. } => CliError::usage(error.to_string(), hint),
            error => CliError::failed(error.to_string(), hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BackupFile, Trouble};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn copy() -> BackupFile {
        BackupFile {
            file: PathBuf::from("/var/lib/cleanbill/backups/cleanbill-2026-11-26T0300.duckdb"),
            made: at("2026-11-26T03:00:00Z"),
            size: 28_848_128,
        }
    }

    fn health() -> Health {
        Health {
            file: PathBuf::from("/var/lib/cleanbill/cleanbill.duckdb"),
            fine: true,
            problems: Vec::new(),
            size: 28_848_128,
            waiting: None,
            schema: Some(3),
            newest_schema: 3,
            audits: 14,
            machines: 1,
            since: Some(at("2026-08-03T03:00:00Z")),
            last: Some(at("2026-11-23T03:00:00Z")),
            fix_runs: 2,
            tables: 122,
            rows: 41_020,
            backup: Some(copy()),
        }
    }

    #[test]
    fn how_the_history_is_reads_well() {
        let now = at("2026-11-28T12:00:00Z");
        let trouble = |what: &str, hint: &str| Trouble { what: what.into(), hint: hint.into(), remedy: Remedy::Repair };
        let pages = [
            health(),
            Health { waiting: Some(52_433), schema: Some(2), backup: None, ..health() },
            Health {
                fine: false,
                problems: vec![
                    trouble("others may read it: its rights are 644", "Close it with: chmod 600 /var/lib/cleanbill/a"),
                    trouble(
                        "the table main.findings cannot be read to its end: IO Error: \u{1b}[31mCorrupt",
                        "Save what can be saved with: cleanbill store repair",
                    ),
                ],
                ..health()
            },
        ];
        let text: Vec<String> = pages.iter().map(|health| health_page(health, now)).collect();
        insta::assert_snapshot!(text.join("---\n"));
    }

    #[test]
    fn what_was_copied_reads_well() {
        let backup = Backup {
            file: copy().file,
            made: copy().made,
            size: copy().size,
            audits: 14,
            machines: 3,
            since: Some(at("2026-08-03T03:00:00Z")),
            removed: vec![PathBuf::from("/a")],
            kept: vec![PathBuf::from("/var/lib/cleanbill/backups/cleanbill-2026-01-26T0300.duckdb")],
        };
        insta::assert_snapshot!(backup_page(&backup));
    }
}
