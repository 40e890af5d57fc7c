//! `cleanbill report`: the report as a page, PDF, Markdown or JSON.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    StoreArgs,
    error::CliError,
    look::{self, Look},
    settings, terminal,
};
use crate::{
    checks::Selection,
    report::{
        self, Detail, Format, Logo, Options, Paper, Report,
        fleet::{self, Fleet, Skipped},
    },
    store::{self, Moment, Store, StoreError},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill report                             write cleanbill-HOST.html beside you
  sudo cleanbill report --format html,pdf -o /srv   two files in that folder
  sudo cleanbill report --for technician --open     with all the proof, and show it
  sudo cleanbill report --compare 30d               what changed in a month
  sudo cleanbill report --format md --output -      print Markdown
  cleanbill report --db /srv/histories --format pdf an overview of many machines
  cleanbill report --schema                         the JSON Schema of the report; with --db DIR, of an overview")]
pub(super) struct Args {
    /// What to write; several with commas
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', default_value = "html")]
    format: Vec<Format>,
    /// File or folder to write to, - for stdout [default: cleanbill-HOST.html here; stdout for md and json]
    #[arg(long, short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// The audit to report: a number or latest [default: the latest; a new one when there is none]
    #[arg(long, value_name = "ID|latest", value_parser = which_audit)]
    audit: Option<Which>,
    /// What to compare it with: an audit's number, last, 30d, or a day such as 2026-11-01
    #[arg(long, value_name = "ID|last|30d|DATE", default_value = "last", value_parser = look::moment)]
    compare: Moment,
    /// Title of the report
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Picture at its head, PNG or SVG
    #[arg(long, value_name = "FILE")]
    logo: Option<PathBuf>,
    /// Who reads it: an owner gets less proof, a technician all of it [default: as the settings say, else owner]
    #[arg(long = "for", value_name = "READER")]
    reader: Option<Detail>,
    /// Paper of the PDF [default: letter where the locale says so, else a4]
    #[arg(long, value_name = "PAPER")]
    paper: Option<Paper>,
    /// Show it when it is written
    #[arg(long)]
    open: bool,
    /// Print the JSON Schema of the report and end
    #[arg(long)]
    schema: bool,
    /// File of the history, or a folder of histories; several make an overview of all their machines [default:
    /// /var/lib/cleanbill/cleanbill.duckdb for root, else in your data folder]
    #[arg(long, value_name = "FILE|DIR", env = "CLEANBILL_DB")]
    db: Vec<PathBuf>,
}

/// The audit to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Latest,
    Number(i64),
}

fn which_audit(text: &str) -> Result<Which, String> {
    match text {
        "latest" | "last" => Ok(Which::Latest),
        number => {
            number.parse().map(Which::Number).map_err(|_| "give a number (see: cleanbill audits) or latest".into())
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.schema {
        let schema = if many_histories(&args.db) { fleet::schema() } else { report::schema() };
        terminal::print(&(schema + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let look = &settings::config().report;
    let paper = args.paper.or(look.paper);
    let options = Options {
        detail: args.reader.unwrap_or(look.reader),
        paper: paper.unwrap_or_else(|| Paper::of_locale(&terminal::locale("LC_PAPER").unwrap_or_default())),
        logo: args.logo.as_deref().or(look.logo.as_deref()).map(logo).transpose()?,
    };
    let mut formats = Vec::new();
    for format in &args.format {
        if !formats.contains(format) {
            formats.push(*format);
        }
    }
    let to_stdout = match &args.output {
        Some(path) => path == Path::new("-"),
        None => formats.iter().all(|f| f.is_text()),
    };
    if to_stdout && formats.len() > 1 {
        return Err(CliError::usage("only one format can go to stdout", "Name a folder with --output DIR"));
    }
    let one_file = args.output.as_deref().filter(|p| !to_stdout && !p.is_dir());
    if let (Some(file), true) = (one_file, formats.len() > 1) {
        return Err(CliError::usage(
            format!("{} is one file, and several formats were asked for", file.display()),
            "Name a folder that is there with --output DIR",
        ));
    }
    if args.open && to_stdout {
        return Err(CliError::usage(
            "what goes to stdout cannot be shown",
            "Leave out --open, or name a file with --output",
        ));
    }
    let made = match args.db.as_slice() {
        many if many_histories(many) => Made::Many(Box::new(overview(args, &store::histories(many)?)?)),
        one => Made::One(Box::new(model(args, &StoreArgs { db: one.first().cloned() })?)),
    };
    let mut written = Vec::new();
    for format in formats {
        let bytes = made.render(format, &options)?;
        if to_stdout {
            terminal::print_bytes(&bytes)?;
            continue;
        }
        let path = match one_file {
            Some(path) => path.to_owned(),
            None => args.output.clone().unwrap_or_default().join(made.file_name(format)),
        };
        terminal::write_file(&path, &bytes)?;
        written.push(path);
    }
    if !written.is_empty() {
        let list: Vec<String> = written.iter().map(|p| p.display().to_string()).collect();
        anstream::eprintln!("The report is in {}", words::list(&list));
    }
    if let (true, Some(first)) = (args.open, written.first()) {
        terminal::show(first)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether these make an overview of many machines.
fn many_histories(named: &[PathBuf]) -> bool {
    named.len() > 1 || named.first().is_some_and(|one| one.is_dir())
}

/// The picture in this file.
fn logo(path: &Path) -> Result<Logo, CliError> {
    let refuse = |why: &dyn std::fmt::Display| {
        CliError::usage(
            format!("the logo {} cannot be used: {why}", path.display()),
            "Give a PNG or an SVG with --logo",
        )
    };
    // One byte more than allowed tells that it is too large, whatever the file says of itself.
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| refuse(&e))?;
    file.take(Logo::LARGEST + 1).read_to_end(&mut bytes).map_err(|e| refuse(&e))?;
    Logo::new(bytes).map_err(|e| refuse(&e))
}

/// The report of one machine, or of many.
enum Made {
    One(Box<Report>),
    Many(Box<Fleet>),
}

impl Made {
    fn render(&self, format: Format, options: &Options) -> Result<Vec<u8>, CliError> {
        Ok(match (self, format) {
            (Made::One(report), Format::Html) => terminal::told(report::html(report, options)?).into_bytes(),
            (Made::One(report), Format::Pdf) => report::pdf(report, options)?,
            (Made::One(report), Format::Md) => terminal::told(report::markdown(report)?).into_bytes(),
            (Made::One(report), Format::Json) => (report::json(report) + "\n").into_bytes(),
            (Made::Many(fleet), Format::Html) => terminal::told(fleet::html(fleet, options)?).into_bytes(),
            (Made::Many(fleet), Format::Pdf) => report::fleet_pdf(fleet, options)?,
            (Made::Many(fleet), Format::Md) => terminal::told(fleet::markdown(fleet)?).into_bytes(),
            (Made::Many(fleet), Format::Json) => (fleet::json(fleet) + "\n").into_bytes(),
        })
    }

    fn file_name(&self, format: Format) -> PathBuf {
        let name = match self {
            Made::One(report) => default_path(report),
            Made::Many(_) => PathBuf::from("cleanbill-overview.html"),
        };
        name.with_extension(format.extension())
    }
}

/// The report asked for: of a stored audit, or of a new one where there is none.
fn model(args: &Args, store: &StoreArgs) -> Result<Report, CliError> {
    let catalogue = look::catalogue()?;
    let id = args.audit.and_then(|which| match which {
        Which::Latest => None,
        Which::Number(id) => Some(id),
    });
    let mut report = match look::stored(&store.store(), id, args.compare, &catalogue) {
        Ok(report) => report,
        Err(StoreError::Missing(_)) if id.is_none() => {
            let whole = Selection::default();
            look::look(&catalogue, Look { root: None, selection: whole, store, keep: true })?.report
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(title) = args.title.as_ref().or(settings::config().report.title.as_ref()) {
        report.title.clone_from(title);
    }
    Ok(report)
}

/// The overview of all machines in these histories. One that cannot be used is named and left out.
fn overview(args: &Args, files: &[PathBuf]) -> Result<Fleet, CliError> {
    if matches!(args.audit, Some(Which::Number(_))) || matches!(args.compare, Moment::Audit(_)) {
        return Err(CliError::usage(
            "audits have a number of their own in each history",
            "Leave --audit out, and compare with last, 30d or a day",
        ));
    }
    let catalogue = look::catalogue()?;
    let mut reports = Vec::new();
    let mut skipped = Vec::new();
    for file in files {
        let store = Store::at(file);
        let read = || -> Result<Vec<Report>, StoreError> {
            let audits = store.machines()?;
            if audits.is_empty() {
                return Err(StoreError::Missing(file.clone()));
            }
            audits.into_iter().map(|id| look::stored(&store, Some(id), args.compare, &catalogue)).collect()
        };
        match read() {
            Ok(found) => reports.extend(found),
            Err(error) => {
                anstream::eprintln!("Left out: {}", words::harmless(&error.to_string()));
                skipped.push(Skipped { file: file.display().to_string(), why: error.to_string() });
            }
        }
    }
    fleet::fleet(&reports, skipped, &catalogue, args.title.as_deref())
        .ok_or_else(|| CliError::failed("none of the histories could be used", "Make one with: cleanbill audit"))
}

/// Where the page goes unless told otherwise.
pub(super) fn default_path(report: &Report) -> PathBuf {
    PathBuf::from(format!("cleanbill-{}.html", file_name(&report.host.name)))
}

/// A host name as part of a file name.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().take(64).map(safe).collect();
    name.trim_start_matches('.').to_owned()
}
