//! `cleanbill schedule add`.

use std::{path::PathBuf, process::ExitCode};

use jiff::Timestamp;

use super::{CliError, EXAMPLES, install, told};
use crate::{
    config::{Edit, Job, Length, PolicyName, Task, job_name},
    mail::{AddressError, Mailbox},
    report::{Detail, Format},
    schedule::{self, Here, Planned},
};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// Its name: small letters, digits, - and _
    name: String,
    /// When: 'every monday 7:00', 'first sunday of the month 3:00', '0 7 * * mon', '@weekly'
    when: String,
    /// Look at this machine, and tell at once what cannot wait
    #[arg(long, group = "what")]
    audit: bool,
    /// Write the report into a folder
    #[arg(long, group = "what")]
    report: bool,
    /// Mail the report to these people; several with commas
    #[arg(long, value_name = "TO", group = "what", num_args = 0.., value_delimiter = ',')]
    email: Option<Vec<String>>,
    /// Fix what may be fixed without asking: as [autofix] says, or all that is safe
    #[arg(long, value_name = "POLICY", group = "what")]
    fix: Option<PolicyName>,
    /// Copy the history
    #[arg(long, group = "what")]
    backup: bool,
    /// Put newer releases of cleanbill in its place, as [update] says
    #[arg(long, group = "what")]
    update: bool,
    /// Run a command
    #[arg(long, value_name = "COMMAND", group = "what")]
    run: Option<String>,
    /// A mounted image or container tree instead of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Who reads the report
    #[arg(long = "for", value_name = "READER")]
    reader: Option<Detail>,
    /// Send the mail without the PDF
    #[arg(long, requires = "email")]
    no_pdf: bool,
    /// Send nothing in a week without news
    #[arg(long, requires = "email")]
    only_when_changed: bool,
    /// Tell of all machines whose histories are in this folder
    #[arg(long, value_name = "DIR")]
    histories: Option<PathBuf>,
    /// What the report is written as; several with commas
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', requires = "report")]
    format: Vec<Format>,
    /// Where the report is written to
    #[arg(long, value_name = "DIR", requires = "report")]
    folder: Option<PathBuf>,
    /// The time zone of the time, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// After how long it is stopped [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = Length::parse)]
    limit: Option<Length>,
    /// Begin up to so much later, each machine at a time of its own
    #[arg(long, value_name = "TIME", value_parser = Length::parse)]
    jitter: Option<Length>,
    /// Do not make up for a run that was missed
    #[arg(long)]
    no_catch_up: bool,
    /// Take the place of a job of the same name
    #[arg(long)]
    replace: bool,
    /// Say what would be added, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    fn job(&self) -> Job {
        let task = match self {
            Args { report: true, .. } => Task::Report,
            Args { email: Some(_), .. } => Task::Email,
            Args { fix: Some(_), .. } => Task::Fix,
            Args { backup: true, .. } => Task::Backup,
            Args { update: true, .. } => Task::Update,
            Args { run: Some(_), .. } => Task::Run,
            _ => Task::Audit,
        };
        let plain = Job::new(task, self.when.trim());
        Job {
            root: self.root.clone(),
            to: self.email.clone().unwrap_or_default(),
            reader: self.reader,
            pdf: !self.no_pdf,
            only_when_changed: self.only_when_changed,
            histories: self.histories.clone(),
            formats: if self.format.is_empty() { plain.formats.clone() } else { self.format.clone() },
            folder: self.folder.clone(),
            policy: self.fix.unwrap_or_default(),
            command: self.run.clone(),
            zone: self.zone.clone(),
            catch_up: !self.no_catch_up,
            jitter: self.jitter.clone().unwrap_or(plain.jitter.clone()),
            limit: self.limit.clone().unwrap_or(plain.limit.clone()),
            ..plain
        }
    }
}

pub(super) fn run(args: &Args, here: &Here) -> Result<ExitCode, CliError> {
    job_name(&args.name).map_err(|why| CliError::usage(why, "Give another name"))?;
    let job = args.job();
    // What is wrong with the time is told as such, before the file comes into it.
    let planned = Planned::new(&args.name, &job, &here.zone)?;
    planned.when.first_after(Timestamp::now()).map_err(|e| CliError::usage(e.to_string(), EXAMPLES))?;
    for person in &job.to {
        let wrong = |e: AddressError| CliError::usage(e.to_string(), "Write it as in owner@example.org");
        person.parse::<Mailbox>().map_err(wrong)?;
    }
    let mut edit = Edit::open(&here.settings.file)?;
    if here.config().schedule.contains_key(&args.name) && !args.replace {
        return Err(CliError::usage(
            format!("there is a job called `{}` already", args.name),
            "Give another name, or take its place with --replace",
        ));
    }
    edit.job(&args.name, &job);
    let settings = edit.settings()?;
    anstream::println!("{}   {}", args.name, schedule::does(&job, &settings.config));
    anstream::print!("{}", told::next(&planned.when, 3, &here.zone));
    if args.dry_run {
        anstream::println!("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let here = &here.with(edit.save()?);
    anstream::println!("It stands in {} now.", here.settings.file.display());
    install::follow(here);
    anstream::print!("{}", told::runner(here));
    if job.task == Task::Email && settings.config.mail.to.is_empty() && job.to.is_empty() {
        anstream::println!("Nobody gets the mail yet: name someone with --email TO, or with `to` in [mail].");
    }
    Ok(ExitCode::SUCCESS)
}
