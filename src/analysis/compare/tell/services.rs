//! Services, planned jobs and backups.

use super::{All, Kind, Row, Told, bracket};

/// Services whose absence makes a machine less safe.
const GUARDS: &[&str] = &[
    "ufw",
    "firewalld",
    "nftables",
    "fail2ban",
    "sshguard",
    "crowdsec",
    "auditd",
    "rsyslog",
    "apparmor",
    "chrony",
    "chronyd",
    "ntp",
    "systemd-timesyncd",
    "unattended-upgrades",
    "cron",
    "clamav-daemon",
    "apt-daily-upgrade",
    "apt-daily",
    "logrotate",
];

fn guards(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(name, _)| GUARDS.contains(&name))
}

fn starts(state: &str) -> bool {
    matches!(state, "enabled" | "enabled-runtime" | "generated" | "linked")
}

pub(in super::super) fn service(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    let guards = guards(row.raw("name"));
    // Of those with an argument only those that start with the machine are compared: one that is switched off is not gone.
    let instance = row.raw("name").contains('@') && row.raw("name").ends_with(".service");
    let state = row.raw("unit_file_state");
    let active = row.raw("active_state");
    let failed = active == "failed" && row.raw_was("active_state") != "failed";
    Some(match row.kind() {
        Kind::Added | Kind::Changed if failed => {
            let text = format!("The service '{name}' has failed.");
            if guards { Told::danger(text) } else { Told::notable(text) }.many("services have failed", name)
        }
        Kind::Removed if instance => Told::notable(format!("The service '{name}' no longer starts with the machine."))
            .many("services no longer start with the machine", name),
        Kind::Added if starts(state) => {
            let root = if row.raw("run_as") == "root" && row.raw("unit_type") == "service" {
                " with root's rights"
            } else {
                ""
            };
            if instance {
                let text = format!("The service '{name}' now starts with the machine{root}.");
                return Some(Told::notable(text).many(format!("services now start with the machine{root}"), name));
            }
            Told::notable(format!("The service '{name}' was added. It starts with the machine{root}."))
                .many(format!("services were added that start with the machine{root}"), name)
        }
        Kind::Added => Told::routine(format!("The service '{name}' was added. It does not start with the machine."))
            .together("services were added that do not start with the machine", name),
        Kind::Removed if guards => Told::danger(format!("The service '{name}' was removed.")),
        Kind::Removed => {
            Told::routine(format!("The service '{name}' was removed.")).together("services were removed", name)
        }
        Kind::Changed if row.changed("unit_file_state") && starts(state) != starts(row.raw_was("unit_file_state")) => {
            if starts(state) {
                Told::notable(format!("The service '{name}' now starts with the machine."))
                    .many("services now start with the machine", name)
            } else {
                let now =
                    if state == "masked" { "cannot be started any more" } else { "no longer starts with the machine" };
                let text = format!("The service '{name}' {now}.");
                if guards { Told::danger(text) } else { Told::notable(text) }
            }
        }
        Kind::Changed if row.changed("run_as") && row.raw("run_as") == "root" => {
            Told::danger(format!("The service '{name}' now starts with root's rights (was: {}).", row.was("run_as")))
        }
        Kind::Changed if row.changed("program") && row.some("program").is_some() => Told::notable(format!(
            "The service '{name}' now starts another program: {} (was: {}).",
            row.now("program"),
            row.was("program")
        )),
        Kind::Changed if row.changed("run_as") => Told::notable(format!(
            "The service '{name}' now runs as {} (was: {}).",
            row.now("run_as"),
            row.was("run_as")
        )),
        Kind::Changed if row.raw_was("active_state") == "failed" && active == "active" => {
            Told::safer(format!("The service '{name}' runs again.")).many("services run again", name)
        }
        // Services that end when their work is done come and go all day.
        Kind::Changed if starts(state) && row.raw_was("sub_state") == "running" && active == "inactive" => {
            let text = format!("The service '{name}' does not run now.");
            if guards { Told::danger(text) } else { Told::notable(text) }
        }
        Kind::Changed
            if row.raw("sub_state") == "running" && row.raw_was("active_state") == "inactive" && starts(state) =>
        {
            Told::routine(format!("The service '{name}' runs now.")).many("services run now", name)
        }
        Kind::Changed => return None,
    })
}

pub(in super::super) fn timer(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    let guards = guards(row.raw("name"));
    let on = starts(row.raw("unit_file_state"));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The timer '{name}' was added. It runs {}.", row.now("schedule")))
            .many("timers were added", name),
        Kind::Removed => {
            let text = format!("The timer '{name}' was removed.");
            if guards { Told::danger(text) } else { Told::routine(text) }
        }
        Kind::Changed if on != starts(row.raw_was("unit_file_state")) => {
            if on {
                Told::notable(format!("The timer '{name}' is switched on now."))
            } else {
                let text = format!("The timer '{name}' is switched off now.");
                if guards { Told::danger(text) } else { Told::notable(text) }
            }
        }
        Kind::Changed if row.changed("schedule") => Told::routine(format!(
            "The timer '{name}' now runs {} (was: {}).",
            row.now("schedule"),
            row.was("schedule")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn job(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let what = row.some("command").unwrap_or_else(|| row.text("source"));
    let user = row.text("username");
    let root = row.raw("username") == "root";
    let job = format!("'{what}', {}, as {user}", row.text("schedule"));
    Some(match row.kind() {
        _ if row.gained("changeable_by") => Told::danger(format!(
            "A planned job of {user} runs a program that {} can change: {}.",
            row.now("changeable_by"),
            row.text("changeable_path")
        )),
        Kind::Added => {
            let text = format!("A planned job was added: {job}.");
            if root { Told::notable(text) } else { Told::routine(text) }.many("planned jobs were added", what)
        }
        Kind::Removed => {
            Told::routine(format!("A planned job was removed: {job}.")).many("planned jobs were removed", what)
        }
        Kind::Changed if row.off("active") => Told::notable(format!("A planned job does not run any more: {job}.")),
        Kind::Changed if row.on("active") => Told::notable(format!("A planned job runs now: {job}.")),
        Kind::Changed if row.changed("schedule") => Told::routine(format!(
            "A planned job runs at another time: '{what}', {} (was: {}).",
            row.now("schedule"),
            row.was("schedule")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn job_access(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let file = row.text("source");
    Some(match row.kind() {
        Kind::Removed => Told::notable(format!("The list of who may plan jobs is gone: {file}.")),
        Kind::Added => Told::notable(format!("Who may plan jobs is now said in {file}: {}.", row.now("usernames"))),
        Kind::Changed => Told::notable(format!(
            "Who may plan jobs was changed in {file}: {} (was: {}).",
            row.now("usernames"),
            row.was("usernames")
        )),
    })
}

pub(in super::super) fn backup(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = format!("with {}{}", row.text("tool"), bracket(&row.text("source")));
    Some(match row.kind() {
        Kind::Added => Told::safer(format!("A backup was set up {name}.")),
        Kind::Removed => Told::danger(format!("A backup is no longer made {name}.")),
        Kind::Changed if row.off("enabled") => Told::danger(format!("A backup is switched off: {name}.")),
        Kind::Changed if row.on("enabled") => Told::safer(format!("A backup is switched on: {name}.")),
        Kind::Changed if row.changed("elsewhere") && row.raw("elsewhere") == "no" => {
            Told::danger(format!("A backup no longer goes to another machine: {name}."))
        }
        Kind::Changed if row.changed("schedule") => Told::notable(format!(
            "A backup is made at another time: {name}, {} (was: {}).",
            row.now("schedule"),
            row.was("schedule")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn records(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    let depth = |keeps: &str| ["nowhere", "memory", "disk"].iter().position(|k| *k == keeps);
    Some(match row.kind() {
        Kind::Changed if row.off("installed") => Told::danger(format!("{name}, which keeps records, was removed.")),
        Kind::Changed if row.on("installed") => Told::safer(format!("{name}, which keeps records, was installed.")),
        Kind::Changed if row.off("running") => Told::danger(format!("{name}, which keeps records, does not run now.")),
        Kind::Changed if row.on("running") => Told::safer(format!("{name}, which keeps records, runs now.")),
        Kind::Changed if row.changed("keeps") => {
            let text = match row.raw("keeps") {
                "disk" => format!("{name} now keeps its records on disk."),
                "memory" => format!("{name} now keeps its records in memory only: a restart loses them."),
                _ => format!("{name} keeps its records nowhere now."),
            };
            if depth(row.raw("keeps")) < depth(row.raw_was("keeps")) { Told::danger(text) } else { Told::safer(text) }
        }
        _ => return None,
    })
}

pub(in super::super) fn record_rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("syslog_config") {
        return None;
    }
    let rule = format!("{} {}", row.text("selector"), row.text("target"));
    let rule = rule.trim().to_owned();
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("Records now also go by this rule: {rule}."))
            .many("rules for records were added", rule),
        Kind::Removed => Told::notable(format!("Records no longer go by this rule: {rule}."))
            .many("rules for records were removed", rule),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn rotation(row: Row<'_>, _: All<'_>) -> Option<Told> {
    if row.kind() != Kind::Changed || !row.changed("scheduled") {
        return None;
    }
    Some(match row.some("scheduled") {
        Some(by) => Told::safer(format!("Old records are cut away again, started by {by}.")),
        None => Told::danger("Nothing cuts away old records any more: they may fill the disk."),
    })
}

pub(in super::super) fn clock(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("{name}, which keeps the clock right, was installed.")),
        Kind::Removed => Told::notable(format!("{name}, which keeps the clock right, was removed.")),
        Kind::Changed if row.off("running") => {
            Told::danger(format!("{name} no longer keeps the clock right: it does not run."))
        }
        Kind::Changed if row.off("synchronised") => Told::notable(format!("{name} no longer finds the right time.")),
        Kind::Changed if row.on("running") => Told::safer(format!("{name} keeps the clock right now.")),
        Kind::Changed if row.on("synchronised") => Told::safer(format!("{name} finds the right time again.")),
        Kind::Changed if row.changed("servers") => Told::notable(format!(
            "{name} now asks other machines for the time: {} (was: {}).",
            row.now("servers"),
            row.was("servers")
        )),
        Kind::Changed => return None,
    })
}
