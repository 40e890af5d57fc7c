//! The machine itself, its kernel, and settings that are told by their name.

use super::{All, Kind, Row, Told, Weight, bracket};

pub(in super::super) fn machine(row: Row<'_>, all: All<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if row.kind() != Kind::Changed {
        return told;
    }
    let pair = |column: &str| format!("{} (was: {})", row.now(column), row.was(column));
    if row.changed("os_name") {
        told.push(Told::notable(format!("The system is now {}.", pair("os_name"))));
    }
    if all.same_machine() && row.changed("hostname") {
        told.push(Told::notable(format!("The machine is now called {}.", pair("hostname"))));
    }
    if row.changed("kernel") && row.some("kernel").is_some() {
        told.push(Told::routine(format!("The machine now runs the kernel {}.", pair("kernel"))));
    } else if row.changed("booted") && row.some("booted").is_some() && all.same_machine() {
        told.push(Told::routine("The machine was restarted."));
    }
    for (column, what) in [
        ("kind", "kind of machine"),
        ("virtualization", "virtual machine or container"),
        ("role", "role"),
        ("arch", "processor"),
    ] {
        if row.changed(column) {
            told.push(Told::notable(format!("The {what} is now {}.", pair(column))));
        }
    }
    if all.same_machine() && row.changed("machine_id") {
        told.push(Told::notable("The machine has another machine id: it was installed anew or copied."));
    }
    told
}

/// Kernel settings that are safer high.
const HIGH: &[&str] = &[
    "kernel.randomize_va_space",
    "kernel.dmesg_restrict",
    "kernel.kptr_restrict",
    "kernel.yama.ptrace_scope",
    "kernel.kexec_load_disabled",
    "kernel.perf_event_paranoid",
    "fs.protected_symlinks",
    "fs.protected_hardlinks",
    "fs.protected_fifos",
    "fs.protected_regular",
    "log_martians",
    "net.core.bpf_jit_harden",
    "icmp_echo_ignore_broadcasts",
];
/// Kernel settings that are safer low.
const LOW: &[&str] = &[
    "net.ipv4.ip_forward",
    "forwarding",
    "accept_redirects",
    "secure_redirects",
    "send_redirects",
    "accept_source_route",
    "kernel.unprivileged_userns_clone",
    "accept_ra",
];
/// Kernel settings whose numbers are in no order: their values from the least safe to the safest, those of one step
/// equally safe.
const STEPS: &[(&str, &[&[i64]])] = &[
    // Loose is 2, strict is 1.
    ("rp_filter", &[&[0], &[2], &[1]]),
    // Dumps that only root may read are 2.
    ("fs.suid_dumpable", &[&[1], &[2], &[0]]),
    // Off for good is 1, off until root turns it on is 2.
    ("kernel.unprivileged_bpf_disabled", &[&[0], &[2], &[1]]),
    // When needed is 1, always is 2.
    ("net.ipv4.tcp_syncookies", &[&[0], &[1, 2]]),
];

/// Which keys of the magic key of the kernel work, as bits: 1 stands for all.
fn keys(value: i64) -> i64 {
    if value == 1 { i64::MAX } else { value }
}

/// What another value of a kernel setting means for safety.
fn weigh(name: &str, was: i64, now: i64) -> Weight {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is = |known: &str| known == name || known == last;
    let by = |safer: bool, worse: bool| match (safer, worse) {
        (true, _) => Weight::Safer,
        (_, true) => Weight::Danger,
        _ => Weight::Notable,
    };
    if name == "kernel.sysrq" {
        let (was, now) = (keys(was), keys(now));
        return by(was != now && was & now == now, was != now && was & now == was);
    }
    if let Some((_, steps)) = STEPS.iter().find(|(known, _)| is(known)) {
        let at = |value: i64| steps.iter().position(|step| step.contains(&value));
        return match (at(was), at(now)) {
            (Some(was), Some(now)) => by(now > was, now < was),
            _ => Weight::Notable,
        };
    }
    let (high, low) = (HIGH.iter().any(|k| is(k)), LOW.iter().any(|k| is(k)));
    by(high && now > was || low && now < was, high && now < was || low && now > was)
}

pub(in super::super) fn kernel_setting(row: Row<'_>, _: All<'_>) -> Option<Told> {
    // What is set nowhere and does not exist on the other kernel is no change of a setting.
    if row.kind() != Kind::Changed || !row.changed("effective_value") {
        return None;
    }
    let name = row.raw("name");
    let (was, now) =
        (row.raw_was("effective_value").parse::<i64>().ok(), row.raw("effective_value").parse::<i64>().ok());
    let weight = match (was, now) {
        (Some(was), Some(now)) => weigh(name, was, now),
        _ => Weight::Notable,
    };
    let text = row.text("name");
    if name == "net.ipv4.ip_forward" || name == "net.ipv6.conf.all.forwarding" {
        let text = if now == Some(0) { "no longer passes on" } else { "now passes on" };
        let text = format!(
            "The machine {text} traffic of other machines ({} is {}).",
            row.text("name"),
            row.now("effective_value")
        );
        return Some(Told::weighed(weight, text));
    }
    let subject = format!("The kernel setting {text}");
    Some(super::setting(row, &subject, "effective_value", weight, "kernel settings are different", &text))
}

pub(in super::super) fn module(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    Some(match row.kind() {
        Kind::Added if row.some("taint").is_some_and(|t| t.contains('E') || t.contains('O')) => {
            Told::notable(format!("The kernel loaded a part that was built elsewhere: {name}."))
                .together("parts that were built elsewhere were loaded into the kernel", name)
        }
        Kind::Added => Told::routine(format!("The kernel loaded another part: {name}."))
            .together("more parts were loaded into the kernel", name),
        Kind::Removed => Told::routine(format!("The kernel no longer has the part {name} loaded."))
            .together("parts are no longer loaded into the kernel", name),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn module_rule(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let rule = format!("{} {} {}", row.text("action"), row.text("module"), row.text("value"));
    let rule = rule.trim().to_owned();
    let (name, blocks) = (row.text("module"), row.yes("blocks"));
    Some(match row.kind() {
        Kind::Added if blocks => Told::safer(format!("The part '{name}' of the kernel may no longer be loaded."))
            .many("parts of the kernel may no longer be loaded", name),
        Kind::Removed if blocks => Told::danger(format!("The part '{name}' of the kernel may be loaded again."))
            .many("parts of the kernel may be loaded again", name),
        Kind::Added => Told::routine(format!("A rule for parts of the kernel was added: {rule}."))
            .together("rules for parts of the kernel were added", rule),
        Kind::Removed => Told::routine(format!("A rule for parts of the kernel was removed: {rule}."))
            .together("rules for parts of the kernel were removed", rule),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn parameter(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let when = if row.raw("stage") == "running" { "" } else { " at the next start" };
    let word = match row.some("value") {
        Some(value) => format!("{}={value}", row.text("name")),
        None => row.text("name"),
    };
    let off = matches!(row.raw("name"), "mitigations" | "apparmor" | "selinux" | "audit")
        && matches!(row.raw("value"), "off" | "0");
    let text = match row.kind() {
        Kind::Added => format!("The kernel is now told '{word}'{when}."),
        Kind::Removed => format!("The kernel is no longer told '{word}'{when}."),
        Kind::Changed => format!("The kernel is now told '{word}'{when} (was: {}).", row.was("value")),
    };
    Some(
        if off && row.kind() != Kind::Removed { Told::danger(text) } else { Told::notable(text) }
            .many("words for the kernel are different", word),
    )
}

pub(in super::super) fn boot(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if row.kind() != Kind::Changed {
        return told;
    }
    if row.off("secure_boot") {
        told.push(Told::danger(
            "The machine no longer checks that its system is signed when it starts (secure boot is off).",
        ));
    }
    if row.on("secure_boot") {
        told.push(Told::safer("The machine now checks that its system is signed when it starts (secure boot is on)."));
    }
    if row.off("password") {
        told.push(Told::danger(
            "Anyone at the screen can now change how the machine starts: no password is asked any more.",
        ));
    }
    if row.on("password") {
        told.push(Told::safer("A password is now asked before anyone can change how the machine starts."));
    }
    if row.changed("loader") {
        told.push(Told::notable(format!(
            "The machine is now started by {} (was: {}).",
            row.now("loader"),
            row.was("loader")
        )));
    }
    if row.changed("rescue_shell") && row.raw("rescue_shell") == "nothing" {
        told.push(Told::danger("The rescue mode now gives root's rights to anyone at the screen."));
    }
    if row.changed("newest_kernel") && row.some("newest_kernel").is_some() {
        let (now, was) = (row.now("newest_kernel"), row.was("newest_kernel"));
        told.push(Told::routine(format!("The newest kernel on the disk is now {now} (was: {was}).")));
    }
    told
}

pub(in super::super) fn guard(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = match row.raw("name") {
        "apparmor" => "AppArmor".to_owned(),
        "selinux" => "SELinux".to_owned(),
        _ => row.text("name"),
    };
    if all.whole("security_modules") {
        return None;
    }
    let major = matches!(row.raw("name"), "apparmor" | "selinux");
    let weigh = |text: String| if major { Told::danger(text) } else { Told::notable(text) };
    Some(match row.kind() {
        Kind::Added if row.yes("enabled") => Told::safer(format!("The kernel's guard {name} is on now.")),
        Kind::Removed => weigh(format!("The kernel's guard {name} is off now.")),
        Kind::Changed if row.off("enabled") => weigh(format!("The kernel's guard {name} is off now.")),
        Kind::Changed if row.on("enabled") => Told::safer(format!("The kernel's guard {name} is on now.")),
        Kind::Changed if row.changed("mode") => weigh(format!(
            "The mode of the kernel's guard {name} is now {} (was: {}).",
            row.now("mode"),
            row.was("mode")
        )),
        Kind::Changed if row.changed("enforced") => {
            let (was, now) = (row.number_was("enforced")?, row.number("enforced")?);
            let text = format!("{name} now guards {now:.0} programs (was: {was:.0}).");
            if now < was { Told::notable(text) } else { Told::safer(text) }
        }
        _ => return None,
    })
}

pub(in super::super) fn weakness(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    match (row.kind(), row.raw("status")) {
        (Kind::Added | Kind::Changed, "vulnerable") if row.raw_was("status") != "vulnerable" => Some(
            Told::danger(format!("The kernel no longer guards against the weak spot '{name}' of the processor."))
                .many("weak spots of the processor are open now", name),
        ),
        (Kind::Changed, "mitigated" | "ok") if row.raw_was("status") == "vulnerable" => Some(
            Told::safer(format!("The kernel now guards against the weak spot '{name}' of the processor."))
                .many("weak spots of the processor are closed now", name),
        ),
        _ => None,
    }
}

pub(in super::super) fn preload(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let library = row.text("library");
    Some(match row.kind() {
        Kind::Added => Told::danger(format!("Code is now put into every program that starts: {library}.")),
        Kind::Removed => Told::safer(format!("Code is no longer put into every program that starts: {library}.")),
        Kind::Changed if row.gained("changeable_by") => Told::danger(format!(
            "Code that is put into every program ({library}) can now be changed by {}.",
            row.now("changeable_by")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn umask(row: Row<'_>, _: All<'_>) -> Option<Told> {
    if row.kind() != Kind::Changed {
        return None;
    }
    let text = |what: &str| format!("{what}: the umask is now {} (was: {}).", row.now("mask"), row.was("mask"));
    Some(if row.on("writable_by_all") {
        Told::danger(text("Every user may now change new files of others"))
    } else if row.on("readable_by_all") {
        Told::notable(text("Every user may now read new files of others"))
    } else if row.off("readable_by_all") || row.off("writable_by_all") {
        Told::safer(text("New files are now closed to other users"))
    } else {
        Told::notable(text("New files have other rights now"))
    })
}

pub(in super::super) fn zone(row: Row<'_>, _: All<'_>) -> Option<Told> {
    row.changed("timezone")
        .then(|| Told::notable(format!("The time zone is now {} (was: {}).", row.now("timezone"), row.was("timezone"))))
}

pub(in super::super) fn lookup(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("nsswitch") {
        return None;
    }
    let (what, service) = (row.text("database"), row.text("service"));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("Looking up '{what}' now also asks '{service}'.")),
        Kind::Removed => Told::notable(format!("Looking up '{what}' no longer asks '{service}'.")),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn login_rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("pam") {
        return None;
    }
    let rule =
        format!("{}: {} {} {}", row.text("service"), row.text("pam_type"), row.text("module"), row.text("arguments"));
    let rule = rule.trim().to_owned();
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("A rule for logging in was added: {rule}."))
            .together("rules for logging in were added", rule),
        Kind::Removed => Told::notable(format!("A rule for logging in was removed: {rule}."))
            .together("rules for logging in were removed", rule),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn root_folder(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let folder = row.text("directory");
    Some(match row.kind() {
        _ if row.gained("changeable_by") => Told::danger(format!(
            "Programs that root types by name may now come from {folder}, where {} can put some.",
            row.now("changeable_by")
        )),
        _ if all.whole("root_path") => return None,
        Kind::Added => Told::notable(format!("Programs that root types by name are now also looked for in {folder}.")),
        Kind::Removed => {
            Told::routine(format!("Programs that root types by name are no longer looked for in {folder}."))
        }
        Kind::Changed => return None,
    })
}

pub(in super::super) fn audit_rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("audit_rules") {
        return None;
    }
    let rule = row.text("rule");
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The kernel now also keeps a record of this: {rule}."))
            .together("rules for the kernel's records were added", rule),
        Kind::Removed => Told::notable(format!("The kernel no longer keeps a record of this: {rule}."))
            .together("rules for the kernel's records were removed", rule),
        Kind::Changed => return None,
    })
}

/// A table of names and values, told by the name.
macro_rules! named {
    ($($function:ident: $table:literal, $key:literal, $weight:ident, $subject:literal, $many:literal;)+) => {$(
        pub(in super::super) fn $function(row: Row<'_>, all: All<'_>) -> Option<Told> {
            if all.whole($table) {
                return None;
            }
            let name = row.text($key);
            let subject = format!($subject, name);
            Some(super::setting(row, &subject, "value", Weight::$weight, $many, &name))
        }
    )+};
}

named! {
    login_defs: "login_defs", "keyword", Notable, "The setting {} for new accounts and passwords", "settings for new accounts and passwords are different";
    journal: "journald_config", "name", Notable, "The setting {} of the journal", "settings of the journal are different";
    auditd: "auditd_config", "name", Notable, "The setting {} of auditd", "settings of auditd are different";
    postgresql: "postgresql_settings", "name", Notable, "The setting {} of PostgreSQL", "settings of PostgreSQL are different";
    mysql: "mysql_settings", "name", Notable, "The setting {} of MySQL", "settings of MySQL are different";
    redis: "redis_settings", "name", Notable, "The setting {} of Redis", "settings of Redis are different";
    memcached: "memcached_settings", "name", Notable, "The setting {} of Memcached", "settings of Memcached are different";
    mongodb: "mongodb_settings", "name", Notable, "The setting {} of MongoDB", "settings of MongoDB are different";
    php: "php_settings", "name", Notable, "The setting {} of PHP", "settings of PHP are different";
    postfix: "postfix_settings", "name", Notable, "The setting {} of Postfix", "settings of Postfix are different";
    ssh_client: "ssh_client_config", "keyword", Routine, "The setting {} for logging in elsewhere", "settings for logging in elsewhere are different";
}

pub(in super::super) fn password_rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("password_policy") {
        return None;
    }
    let name = format!("{}{}", row.text("setting"), bracket(&row.text("module")));
    let subject = format!("What is asked of passwords: '{name}'");
    Some(super::setting(row, &subject, "value", Weight::Notable, "rules for passwords are different", &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_higher_is_not_always_safer() {
        let (danger, safer, notable) = (Weight::Danger, Weight::Safer, Weight::Notable);
        for (name, was, now, weight) in [
            ("net.ipv4.conf.all.rp_filter", 1, 2, danger),
            ("net.ipv4.conf.all.rp_filter", 2, 0, danger),
            ("net.ipv4.conf.eth0.rp_filter", 0, 2, safer),
            ("kernel.sysrq", 438, 1, danger),
            ("kernel.sysrq", 0, 1, danger),
            ("kernel.sysrq", 1, 176, safer),
            ("kernel.sysrq", 176, 0, safer),
            ("kernel.sysrq", 16, 128, notable),
            ("fs.suid_dumpable", 0, 2, danger),
            ("fs.suid_dumpable", 1, 2, safer),
            ("fs.suid_dumpable", 2, 0, safer),
            ("kernel.unprivileged_bpf_disabled", 1, 2, danger),
            ("kernel.unprivileged_bpf_disabled", 0, 2, safer),
            ("net.ipv4.tcp_syncookies", 1, 2, notable),
            ("net.ipv4.tcp_syncookies", 2, 0, danger),
            ("kernel.kptr_restrict", 1, 2, safer),
            ("net.ipv4.ip_forward", 0, 1, danger),
            ("vm.swappiness", 60, 10, notable),
        ] {
            assert_eq!(weigh(name, was, now), weight, "{name}: {was} to {now}");
        }
    }
}
