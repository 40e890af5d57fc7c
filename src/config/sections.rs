//! What can be said in `cleanbill.toml`. The sentences here are what `cleanbill config explain` prints.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Length, Metrics, Update, Watch};
use crate::{
    checks::Severity,
    fixes::policy::Policy,
    report::{Detail, Format, Paper},
};

/// The settings of a machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What this machine is.
    pub machine: Machine,
    /// Where the history is kept.
    pub store: StoreFile,
    /// How mail is sent, and to whom.
    pub mail: Mail,
    /// How reports look, unless a job or a command says otherwise.
    pub report: Look,
    /// Short messages between two reports.
    pub alerts: Alerts,
    /// What may be fixed without asking.
    pub autofix: Policy,
    /// Copies of the history.
    pub backup: Backup,
    /// How the machine feels: processor, memory, disks, network and what you name is measured again and again.
    pub metrics: Metrics,
    /// How this program is kept current, where no package manager does it.
    pub update: Update,
    /// The live view, `cleanbill watch`. In the view, `W` writes what is shown into this section.
    pub watch: Watch,
    /// Limits of single checks. By the id of the check: `[checks.very-old-password]` and then `days = 3650`.
    /// `cleanbill checks show ID` says which limits a check has.
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    pub checks: BTreeMap<String, toml::Table>,
    /// What is done when, by the name of the job: `[schedule.monday-mail]`.
    pub schedule: BTreeMap<String, Job>,
}

/// What this machine is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// What it is for, in a few words, such as `the web shop`. Mails and reports say it beside the name.
    pub purpose: Option<String>,
}

/// Where the history is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreFile {
    /// File of the history: `/var/lib/cleanbill/cleanbill.duckdb` for root, else in your data folder.
    pub file: Option<PathBuf>,
}

/// How mail is sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Who hears from this machine, unless a job names others.
    pub to: Vec<String>,
    /// The sender. Without it: cleanbill at the full name of this machine. Take an address that the mail server may use.
    pub from: Option<String>,
    /// Who answers go to, and requests to get no more of these mails. Without it: the sender.
    pub contact: Option<String>,
    /// The mail server. Without it, the mail program of this machine takes the mail.
    pub server: Option<String>,
    /// Its port. Without it: 587 with starttls, 465 with tls, 25 with none.
    pub port: Option<u16>,
    /// How the line is protected: `starttls`, `tls` or `none`. What is asked for is required: without it nothing is sent.
    pub security: Security,
    /// The name to log in with.
    pub user: Option<String>,
    /// The file that holds the password. Nobody but its owner may read it.
    pub password_file: Option<PathBuf>,
    /// The environment variable that holds the password.
    pub password_env: Option<String>,
    /// The systemd credential that holds the password.
    pub password_credential: Option<String>,
    /// Certificates (PEM) to trust beside those of this machine, for a mail server of your own.
    pub ca_file: Option<PathBuf>,
    /// The name by which this machine greets the mail server. Without it: its full name.
    pub hello: Option<String>,
    /// The mail program of this machine, used where no server is named.
    pub sendmail: PathBuf,
    /// How long one try to send a mail may take.
    pub timeout: Length,
    /// For how long a mail is tried again while the mail server does not take it.
    pub give_up_after: Length,
}

impl Default for Mail {
    fn default() -> Self {
        Mail {
            to: Vec::new(),
            from: None,
            contact: None,
            server: None,
            port: None,
            security: Security::default(),
            user: None,
            password_file: None,
            password_env: None,
            password_credential: None,
            ca_file: None,
            hello: None,
            sendmail: PathBuf::from("/usr/sbin/sendmail"),
            timeout: Length::seconds(120),
            give_up_after: Length::seconds(5 * 86_400),
        }
    }
}

/// How the line to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Security {
    /// Encrypted before anything else is said.
    #[default]
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Not encrypted.
    None,
}

/// How reports look.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Look {
    /// Title of the report. Without it: `Health report for` and the name of the machine.
    pub title: Option<String>,
    /// Who reads it: `owner` or `technician`. An owner gets less proof.
    #[serde(rename = "for")]
    pub reader: Detail,
    /// Picture at its head, PNG or SVG.
    pub logo: Option<PathBuf>,
    /// Paper of the PDF, `a4` or `letter`. Without it: as the locale says.
    pub paper: Option<Paper>,
}

/// Short messages between two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Whether a problem that cannot wait is told at once, and that it is solved.
    pub enabled: bool,
    /// Who hears of it. Without anyone: those of `[mail] to`.
    pub to: Vec<String>,
    /// How bad a problem must be.
    pub min_severity: Severity,
    /// After how long it is told again while it is still there. It is told again at once when it gets worse.
    pub again_after: Length,
    /// Whether it is told that such a problem is solved.
    pub solved: bool,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts {
            enabled: true,
            to: Vec::new(),
            min_severity: Severity::Critical,
            again_after: Length::seconds(7 * 86_400),
            solved: true,
        }
    }
}

/// Copies of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Backup {
    /// Folder of the copies. Without it: `backups` beside the history. A folder on another disk is better.
    pub folder: Option<PathBuf>,
    /// How many copies are kept.
    pub keep: usize,
}

impl Default for Backup {
    fn default() -> Self {
        Backup { folder: None, keep: 8 }
    }
}

/// Something that is done at certain times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// When: in plain words (`every monday 7:00`) or as cron writes it (`0 7 * * mon`).
    pub when: String,
    /// What: `audit`, `report`, `email`, `fix`, `backup`, `update` or `run`.
    #[serde(rename = "do")]
    pub task: Task,
    /// Of `audit`, `report`, `email` and `fix`: a mounted image or container tree that is meant instead of this machine.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Of `email`: who gets the mail. Without anyone: those of `[mail] to`.
    #[serde(default)]
    pub to: Vec<String>,
    /// Of `email` and `report`: who reads it, `owner` or `technician`. Without it: as `[report]` says.
    #[serde(default, rename = "for")]
    pub reader: Option<Detail>,
    /// Of `email`: whether the PDF is attached.
    #[serde(default = "yes")]
    pub pdf: bool,
    /// Of `email`: whether nothing is sent in a week without news. After four such weeks a mail is sent all the same.
    #[serde(default)]
    pub only_when_changed: bool,
    /// Of `email` and `report`: a folder with the histories of many machines; the mail is then about all of them.
    #[serde(default)]
    pub histories: Option<PathBuf>,
    /// Of `report`: what is written, `html`, `pdf`, `md`, `json`, `sarif`, `junit`, `csv` or `ocsf`.
    #[serde(default = "html")]
    pub formats: Vec<Format>,
    /// Of `report`: the folder it is written to. Without it: `reports` beside the history.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Of `fix`: what may be fixed: `autofix` as `[autofix]` says, `safe` all that can break nothing.
    #[serde(default)]
    pub policy: PolicyName,
    /// Of `run`: the command, given to /bin/sh.
    #[serde(default)]
    pub command: Option<String>,
    /// The time zone of `when`, such as `Europe/Berlin`. Without it: that of this machine.
    #[serde(default)]
    pub zone: Option<String>,
    /// Whether it is done at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether a run that was missed, while the machine was off, is made up for once.
    #[serde(default = "yes")]
    pub catch_up: bool,
    /// Up to how much later it begins, so that many machines do not begin at once. Each has its own delay, always the same.
    #[serde(default = "no_time")]
    pub jitter: Length,
    /// After how long it is stopped.
    #[serde(default = "an_hour")]
    pub limit: Length,
}

impl Job {
    /// A job with nothing chosen beside what and when.
    pub fn new(task: Task, when: impl Into<String>) -> Self {
        Job {
            when: when.into(),
            task,
            root: None,
            to: Vec::new(),
            reader: None,
            pdf: true,
            only_when_changed: false,
            histories: None,
            formats: html(),
            folder: None,
            policy: PolicyName::default(),
            command: None,
            zone: None,
            enabled: true,
            catch_up: true,
            jitter: no_time(),
            limit: an_hour(),
        }
    }
}

fn yes() -> bool {
    true
}

fn html() -> Vec<Format> {
    vec![Format::Html]
}

fn no_time() -> Length {
    Length::seconds(0)
}

fn an_hour() -> Length {
    Length::seconds(3600)
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Looks at this machine and puts it into the history.
    Audit,
    /// The same, and writes the report into a folder.
    Report,
    /// The same, and sends the report.
    Email,
    /// Fixes what may be fixed without asking.
    Fix,
    /// Copies the history.
    Backup,
    /// Puts a newer release in the place of this program, as `[update]` says.
    Update,
    /// Runs a command.
    Run,
}

impl Task {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Task::Audit => "audit",
            Task::Report => "report",
            Task::Email => "email",
            Task::Fix => "fix",
            Task::Backup => "backup",
            Task::Update => "update",
            Task::Run => "run",
        }
    }
}

/// What may be fixed by a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PolicyName {
    /// What `[autofix]` allows.
    #[default]
    Autofix,
    /// All that can break nothing, within the limits of `[autofix]`.
    Safe,
}
