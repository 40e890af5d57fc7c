//! Services, timers and the files behind them: what is switched on, what runs, what failed, and who could change it.
//! Unit files are read by ourselves with their drop-ins; on a running machine systemd is asked what became of them.

pub(crate) mod guard;
pub(crate) mod jobs;
mod live;
pub(crate) mod scan;
pub(crate) mod sysv;
mod timers;
pub(crate) mod unit;

use std::collections::BTreeSet;

use jiff::Timestamp;
use unit::Setting;

use super::{Probe, ProbeError, USUAL_LIMIT, rights::Names};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Services and sockets that the first process of the machine looks after.
    "services" => Service {
        /// Unit file or script; empty when there is none, as for a masked service.
        source: String,
        /// Line that says which program is started.
        line: Option<i64>,
        /// Name, such as `ssh.service`.
        name: String,
        /// `service` or `socket`.
        unit_type: String,
        /// Who looks after it: `systemd` or `sysvinit`.
        manager: String,
        /// Its own short description.
        description: String,
        /// As the links say: `enabled`, `disabled`, `masked`, `static`, `indirect`, `generated`, `linked` or `not-found`.
        unit_file_state: String,
        /// What pulls it in when the machine starts, by commas.
        wanted_by: String,
        /// Whether its file was understood: `loaded`, `error`, `bad-setting`; null when not in use or not known.
        load_state: Option<String>,
        /// `active`, `inactive`, `failed`, `activating`; null when not known.
        active_state: Option<String>,
        /// The finer state, such as `running`, `exited`, `auto-restart`; null when not known.
        sub_state: Option<String>,
        /// How it ended last, such as `success`, `exit-code`, `oom-kill`; null when not asked.
        result: Option<String>,
        /// How often it was started again by itself since it was last started by hand; null when not asked.
        restarts: Option<i64>,
        /// When it became active; null when it is not.
        since: Option<Timestamp>,
        /// Bytes of memory that it holds; null when not known.
        memory: Option<i64>,
        /// Whether its file was changed after it was read; null when not asked.
        reload_needed: Option<bool>,
        /// User as whom its program is started, `dynamic` for one made up at each start; null for a socket.
        run_as: Option<String>,
        /// User to whom its main process belongs now: many start as root and give their rights up; null when not known.
        main_user: Option<String>,
        /// Program that it starts, without arguments; null for a socket.
        program: Option<String>,
        /// When it is started again by itself, such as `no`, `always`, `on-failure`.
        restart_policy: Option<String>,
        /// Whether its program can never gain more rights.
        no_new_privileges: bool,
        /// How much of the system it may change: `no`, `yes`, `full` or `strict`.
        protect_system: String,
        /// How much of people's folders it may see: `no`, `yes`, `read-only` or `tmpfs`.
        protect_home: String,
        /// Whether it has temporary files of its own.
        private_tmp: bool,
        /// How many kinds of limits its file sets.
        sandbox_options: i64,
        /// Drop-in files that change it, by commas, in the order in which they count.
        dropins: String,
    }
    offline: true,
    examples: [
        "select name, result, since from services where active_state = 'failed'",
        "select name, run_as, program from services where unit_file_state = 'enabled'",
    ],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "services",
    about: "which services there are",
    tables: &[Service::TABLE, timers::Timer::TABLE, guard::ServiceFile::TABLE, jobs::JobRunner::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Who looks after services here.
enum Manager {
    Systemd,
    SysV,
    None(String),
}

fn manager(host: &Host) -> Manager {
    let sysv = || host.exists("/etc/inittab") && host.exists("/etc/rc2.d");
    if host.is_live() {
        if host.exists("/run/systemd/system") {
            return Manager::Systemd;
        }
        let first = host.read_text("/proc/1/comm").unwrap_or_default();
        return match first.trim() {
            "init" if sysv() => Manager::SysV,
            "" => Manager::None("no service manager runs here".to_owned()),
            name => Manager::None(format!("the first process here is {name}, which looks after no services")),
        };
    }
    if scan::has_systemd(host) {
        Manager::Systemd
    } else if sysv() {
        Manager::SysV
    } else {
        Manager::None("no service manager is installed".to_owned())
    }
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    jobs::read(host, facts);
    match manager(host) {
        Manager::Systemd => systemd(host, facts),
        Manager::SysV => {
            facts.absent::<timers::Timer>("systemd does not run here");
            sysv::read(host, facts, &BTreeSet::new());
            Ok(())
        }
        Manager::None(why) => {
            facts.absent::<Service>(why.clone());
            facts.absent::<timers::Timer>(why.clone());
            facts.absent::<guard::ServiceFile>(why);
            Ok(())
        }
    }
}

fn systemd(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let units = scan::Units::scan(host);
    let running = if host.is_live() {
        live::ask(host).unwrap_or_else(|error| {
            let gap = Gap::new("which services run", "systemctl", error.reason());
            facts.partial::<Service>(gap.clone());
            facts.partial::<timers::Timer>(gap);
            live::Running::default()
        })
    } else {
        live::Running::default()
    };
    let mut gaps = units.gaps.clone();
    let mut guard = guard::Guard::new(host);
    let users = Names::users(host);
    let mut known = BTreeSet::new();
    for kind in ["service", "socket"] {
        let mut names: BTreeSet<String> = units.names(kind).into_iter().collect();
        names.extend(running.names(kind));
        for name in names {
            known.insert(name.trim_end_matches(".service").to_owned());
            let Some(unit) = units.unit(host, &name, &mut gaps) else { continue };
            let state = running.get(&name);
            let mut service = service(kind, &name, &unit, state);
            service.main_user = main_user(host, state, &users);
            guard.look(&name, service.run_as.as_deref(), &unit);
            facts.push(service);
        }
    }
    for name in units.names("timer") {
        if let Some(unit) = units.unit(host, &name, &mut gaps) {
            facts.push(timers::timer(host, &name, &unit, running.get(&name)));
        }
    }
    if !host.is_live() {
        sysv::read(host, facts, &known);
    }
    guard.finish(facts);
    for gap in gaps {
        facts.partial::<Service>(gap.clone());
        facts.partial::<guard::ServiceFile>(gap);
    }
    Ok(())
}

/// Limits that a unit file can set.
const SANDBOX: &[&str] = &[
    "CapabilityBoundingSet",
    "DynamicUser",
    "InaccessiblePaths",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateNetwork",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyPaths",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RootDirectory",
    "SystemCallArchitectures",
    "SystemCallFilter",
];

/// The user of a process, by `MainPID`.
fn main_user(host: &Host, state: Option<&live::State>, users: &Names) -> Option<String> {
    let pid = state?.asked.get("MainPID").filter(|pid| *pid != "0")?;
    let status = host.read_text(&format!("/proc/{pid}/status")).ok()?;
    // Real, effective, saved and file system ids.
    let uid = status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()?;
    Some(users.show(uid))
}

fn service(kind: &str, name: &str, unit: &scan::Unit, live: Option<&live::State>) -> Service {
    let settings = &unit.settings;
    let text = |section: &str, key: &str| unit::last(settings, section, key).map(|s| s.value.clone());
    let yes = |key: &str| text("Service", key).and_then(|v| unit::boolean(&v)).unwrap_or(false);
    let is_service = kind == "service";
    let start = unit::all(settings, "Service", "ExecStart").first().copied();
    let command = start.map(|s| Exec::parse(&s.value));
    let dynamic = yes("DynamicUser");
    let run_as = is_service.then(|| match text("Service", "User") {
        _ if command.as_ref().is_some_and(|c| c.elevated) => "root".to_owned(),
        Some(user) if user == "0" => "root".to_owned(),
        Some(user) => user.replace("%i", instance(name)).replace("%I", instance(name)),
        None if dynamic => "dynamic".to_owned(),
        None => "root".to_owned(),
    });
    let level = |key: &str| {
        let value = text("Service", key).unwrap_or_else(|| "no".to_owned());
        match unit::boolean(&value) {
            Some(true) => "yes".to_owned(),
            Some(false) => "no".to_owned(),
            None => value,
        }
    };
    let implied = |value: String, at_least: &str| if dynamic && value == "no" { at_least.to_owned() } else { value };
    let asked = |key: &str| live.and_then(|l| l.asked.get(key).cloned()).filter(|v| !v.is_empty());
    let asked_bool = |key: &str| asked(key).and_then(|v| unit::boolean(&v));
    let sandbox = SANDBOX
        .iter()
        .filter(|key| unit::last(settings, "Service", key).is_some_and(|s| unit::boolean(&s.value) != Some(false)));
    Service {
        source: unit.path.clone().unwrap_or_default(),
        line: start.filter(|s| Some(&s.source) == unit.path.as_ref()).map(|s| s.line),
        name: name.to_owned(),
        unit_type: kind.to_owned(),
        manager: "systemd".to_owned(),
        description: text("Unit", "Description").unwrap_or_default(),
        unit_file_state: unit.state.to_owned(),
        wanted_by: unit.wanted_by.join(", "),
        load_state: live.map(|l| l.load.clone()),
        active_state: live.map(|l| l.active.clone()),
        sub_state: live.map(|l| l.sub.clone()),
        result: asked("Result"),
        restarts: asked("NRestarts").and_then(|v| v.parse().ok()),
        since: asked("ActiveEnterTimestamp").and_then(|v| live::time(&v)),
        memory: asked("MemoryCurrent").and_then(|v| v.parse().ok()),
        reload_needed: asked_bool("NeedDaemonReload"),
        run_as,
        main_user: None,
        program: command.map(|c| c.program).filter(|p| !p.is_empty()),
        restart_policy: is_service.then(|| text("Service", "Restart").unwrap_or_else(|| "no".to_owned())),
        no_new_privileges: asked_bool("NoNewPrivileges").unwrap_or_else(|| dynamic || yes("NoNewPrivileges")),
        protect_system: asked("ProtectSystem").unwrap_or_else(|| implied(level("ProtectSystem"), "strict")),
        protect_home: asked("ProtectHome").unwrap_or_else(|| implied(level("ProtectHome"), "read-only")),
        private_tmp: asked_bool("PrivateTmp").unwrap_or_else(|| dynamic || level("PrivateTmp") != "no"),
        sandbox_options: i64::try_from(sandbox.count()).unwrap_or(i64::MAX),
        dropins: unit.dropins.join(", "),
    }
}

/// `tty1` of `getty@tty1.service`.
fn instance(name: &str) -> &str {
    name.split_once('@').and_then(|(_, rest)| rest.rsplit_once('.')).map_or("", |(instance, _)| instance)
}

/// A command line of a unit file: its program and arguments, without the signs in front (systemd.service(5)).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exec {
    /// Program, usually with its whole path.
    pub program: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Runs as root whatever `User=` says.
    pub elevated: bool,
}

impl Exec {
    pub(super) fn parse(value: &str) -> Exec {
        let rest = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        let signs = value.strip_suffix(rest).unwrap_or_default();
        let mut words = rest.split_whitespace().map(|w| w.trim_matches(['"', '\'']).to_owned());
        let program = words.next().unwrap_or_default();
        if signs.contains('@') {
            words.next();
        }
        let elevated = signs.contains('+') || (signs.contains('!') && !signs.contains("!!"));
        Exec { program, args: words.take(100).collect(), elevated }
    }
}

/// The keys of a unit file that name programs.
const EXEC_KEYS: &[&str] =
    &["ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"];

/// All command lines of a unit, with their settings.
pub(super) fn commands(settings: &[Setting]) -> impl Iterator<Item = (&Setting, Exec)> {
    EXEC_KEYS
        .iter()
        .flat_map(move |key| unit::all(settings, "Service", key))
        .map(|setting| (setting, Exec::parse(&setting.value)))
}

#[cfg(test)]
mod tests;
