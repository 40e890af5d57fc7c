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
        self, Detail, Format, Logo, Made, Options, Paper, Report,
        fleet::{self, Fleet},
    },
    store::{self, Moment, StoreError},
    words,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo cleanbill report                              write cleanbill-HOST.html beside you
  sudo cleanbill report -o shop.pdf                  a PDF
  sudo cleanbill report --format html,pdf -o /srv    two files in that folder
  sudo cleanbill report --for technician --open      with all the proof, and show it
  sudo cleanbill report --compare 30d                what changed in a month
  sudo cleanbill report --format md --output -       print Markdown
  cleanbill report --db /srv/histories --format pdf  an overview of many machines
  cleanbill report --schema                          the JSON Schema of the report; with --db DIR, of an overview")]
pub(super) struct Args {
    /// What to write; several with commas [default: as the name of the file ends, else html]
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    format: Vec<Format>,
    /// File or folder to write to, - for stdout [default: cleanbill-HOST.html or .pdf here; stdout for the others]
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
    let named = match args.format.as_slice() {
        [] => &[terminal::format(None, args.output.as_deref(), Format::Html)],
        named => named,
    };
    let mut formats = Vec::new();
    for format in named {
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
        let (bytes, warnings) = made.render(format, &options)?;
        for warning in &warnings {
            anstream::eprintln!("{warning}");
        }
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

/// The report asked for: of a stored audit, or of a new one where there is none.
fn model(args: &Args, store: &StoreArgs) -> Result<Report, CliError> {
    let catalogue = look::catalogue()?;
    let id = args.audit.and_then(|which| match which {
        Which::Latest => None,
        Which::Number(id) => Some(id),
    });
    let mut report = match look::stored_and_measured(&store.store(), id, args.compare, &catalogue) {
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
    let (reports, skipped) = fleet::gather(files, args.compare, &catalogue);
    for file in &skipped {
        anstream::eprintln!("Left out: {}", words::harmless(&file.why));
    }
    fleet::fleet(&reports, skipped, &catalogue, args.title.as_deref())
        .ok_or_else(|| CliError::failed("none of the histories could be used", "Make one with: cleanbill audit"))
}
