//! Keys and the SSH server.

use std::cmp::Ordering;

use super::{All, Kind, Row, Told, Weight, bracket, servers};

pub(in super::super) fn authorized_key(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = row.text("username");
    let comment = row.some("comment").map_or_else(String::new, |c| format!(" '{c}'"));
    let key = format!("{}{comment}", row.text("key_type"));
    Some(match row.kind() {
        Kind::Added if row.yes("restricted") => {
            Told::notable(format!("A new SSH key may run one command as '{name}': {key}."))
                .many("new SSH keys may run one command", format!("{name}: {key}"))
        }
        Kind::Added => Told::danger(format!("A new SSH key can log in as '{name}': {key}."))
            .many("new SSH keys can log in", format!("{name}: {key}")),
        Kind::Removed if all.has("users", Kind::Removed, "username", row.raw("username")) => return None,
        Kind::Removed => Told::safer(format!("An SSH key can no longer log in as '{name}': {key}."))
            .many("SSH keys can no longer log in", format!("{name}: {key}")),
        Kind::Changed if row.gained("changeable_by") => Told::danger(format!(
            "The list of SSH keys that let someone in as '{name}' can now be changed by {}.",
            row.now("changeable_by")
        )),
        Kind::Changed if row.off("restricted") => {
            Told::danger(format!("An SSH key of '{name}' may now do more than run one command: {key}."))
        }
        Kind::Changed if row.on("restricted") => {
            Told::safer(format!("An SSH key of '{name}' may now only run one command: {key}."))
        }
        Kind::Changed if row.changed("options") => Told::notable(format!(
            "What an SSH key of '{name}' may do was changed: {} (was: {}).",
            row.now("options"),
            row.was("options")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn host_key(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let key = format!("{}{}", row.text("key_type"), bracket(&row.text("source")));
    Some(match row.kind() {
        _ if row.on("readable_by_others") => {
            Told::danger(format!("Other users can now read a key by which this machine proves who it is: {key}."))
        }
        _ if all.whole("ssh_host_keys") => return None,
        Kind::Added => Told::notable(format!("The machine has a new key by which it proves who it is: {key}.")),
        Kind::Removed => Told::notable(format!("A key by which the machine proves who it is was removed: {key}.")),
        Kind::Changed if row.off("readable_by_others") => {
            Told::safer(format!("Other users can no longer read a key of this machine: {key}."))
        }
        Kind::Changed => Told::notable(format!("A key by which the machine proves who it is was replaced: {key}.")),
    })
}

pub(in super::super) fn server(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let program = if row.raw("program") == "openssh" { "OpenSSH".to_owned() } else { row.text("program") };
    let reached = servers::reach(row, &format!("The SSH server {program}"));
    Some(match row.kind() {
        Kind::Added if row.raw("reach") == "loopback" => {
            Told::notable(format!("The SSH server {program} was installed. Only this machine reaches it."))
        }
        Kind::Added => {
            Told::danger(format!("The SSH server {program} was installed: people can log in from elsewhere."))
        }
        Kind::Removed => Told::safer(format!("The SSH server {program} was removed.")),
        Kind::Changed if row.changed("mistake") && row.some("mistake").is_some() => {
            Told::danger(format!("The SSH server {program} finds a mistake in its settings: {}.", row.now("mistake")))
        }
        Kind::Changed if reached.is_some() => return reached,
        Kind::Changed if row.on("active") => Told::notable(format!("The SSH server {program} takes logins now.")),
        Kind::Changed if row.off("active") => Told::notable(format!("The SSH server {program} takes no logins now.")),
        Kind::Changed if row.changed("guard") => match row.some("guard") {
            Some(guard) => Told::safer(format!("{guard} now locks out those who guess passwords for SSH.")),
            None => Told::danger(format!(
                "Nothing locks out those who guess passwords for SSH any more (was: {}).",
                row.was("guard")
            )),
        },
        Kind::Changed if row.changed("mistake") => {
            Told::safer(format!("The SSH server {program} finds no more mistake in its settings."))
        }
        Kind::Changed => return None,
    })
}

/// Switches of sshd in words: what it does when on, and whether that is the less safe state.
const SWITCHES: &[(&str, &str, bool)] = &[
    ("passwordauthentication", "allows passwords", true),
    ("kbdinteractiveauthentication", "asks questions such as for a password or a code", true),
    ("permitemptypasswords", "lets in accounts without a password", true),
    ("permituserenvironment", "lets users set their own environment", true),
    ("hostbasedauthentication", "trusts other machines to say who someone is", true),
    ("x11forwarding", "passes on windows of programs (X11)", true),
    ("allowtcpforwarding", "passes on connections to other machines", true),
    ("allowagentforwarding", "passes on the keys of those who log in", true),
    ("gatewayports", "opens ports to other machines for those who log in", true),
    ("permittunnel", "lets users build network tunnels", true),
    ("pubkeyauthentication", "allows logins by key", false),
    ("ignorerhosts", "ignores old lists of trusted machines (.rhosts)", false),
    ("strictmodes", "refuses keys that others could have changed", false),
    ("usepam", "asks the system's own rules for logins (PAM)", false),
];

/// Values of PermitRootLogin from closed to open; those with the same words mean the same.
const ROOT: &[(&str, &str)] = &[
    ("no", "Root can no longer log in over SSH"),
    ("forced-commands-only", "Root can now log in over SSH only with a key for one command"),
    ("without-password", "Root can now log in over SSH with a key, but not with a password"),
    ("prohibit-password", "Root can now log in over SSH with a key, but not with a password"),
    ("yes", "Root can now log in over SSH with a password"),
];

pub(in super::super) fn setting(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("sshd_config") {
        return None;
    }
    let keyword = row.raw("keyword");
    let context = Some(row.text("context")).filter(|c| c != "global");
    let with_place = |text: String| match &context {
        Some(context) => format!("For {context}: {text}"),
        None => text,
    };
    let (was, now) = (row.raw_was("value"), row.raw("value"));
    let value_was =
        || if row.kind() == Kind::Changed { format!(" (was: {})", row.was("value")) } else { String::new() };
    if keyword == "permitrootlogin" && row.kind() == Kind::Changed {
        let means = |value: &str| ROOT.iter().find(|(v, _)| *v == value).map(|(_, text)| *text);
        let at = |value: &str| ROOT.iter().position(|(_, text)| means(value) == Some(*text));
        let text = with_place(format!("{}{}.", means(now)?, value_was()));
        return match at(now).cmp(&at(was)) {
            _ if at(was).is_none() => Some(Told::notable(text)),
            Ordering::Greater => Some(Told::danger(text)),
            Ordering::Less => Some(Told::safer(text)),
            Ordering::Equal => None,
        };
    }
    let switch = SWITCHES.iter().find(|(name, ..)| *name == keyword);
    if let Some((_, does, open)) = switch.filter(|_| row.kind() == Kind::Changed && (now == "no" || was == "no")) {
        let on = now != "no";
        let text = if on {
            format!("sshd now {does}{}.", value_was())
        } else {
            format!("sshd no longer {}{}.", does, value_was())
        };
        let text = with_place(text);
        return Some(if on == *open { Told::danger(text) } else { Told::safer(text) });
    }
    let restricts = matches!(keyword, "allowusers" | "allowgroups" | "denyusers" | "denygroups");
    let weight = if restricts { Weight::Danger } else { Weight::Notable };
    let place = context.as_ref().map_or_else(String::new, |c| format!(" for '{c}'"));
    let subject = format!("The setting '{}' of sshd{place}", row.text("keyword"));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("{subject} now also has {}.", row.now("value"))),
        Kind::Removed => Told::weighed(weight, format!("{subject} no longer has {}.", row.was("value"))),
        Kind::Changed => {
            super::setting(row, &subject, "value", weight, "settings of sshd are different", &row.text("keyword"))
        }
    })
}

pub(in super::super) fn user_key(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let (name, file) = (row.text("username"), row.text("source"));
    Some(match row.kind() {
        _ if row.on("readable_by_others") => {
            Told::danger(format!("Other users can now read a private SSH key of '{name}' ({file})."))
        }
        Kind::Added => Told::notable(format!("'{name}' has a new private SSH key ({file})."))
            .many("new private SSH keys are there", file),
        Kind::Removed => Told::routine(format!("A private SSH key of '{name}' is gone ({file})."))
            .many("private SSH keys are gone", file),
        Kind::Changed if row.off("encrypted") => {
            Told::notable(format!("A private SSH key of '{name}' is no longer protected by a password ({file})."))
        }
        Kind::Changed if row.on("encrypted") => {
            Told::safer(format!("A private SSH key of '{name}' is now protected by a password ({file})."))
        }
        Kind::Changed if row.off("readable_by_others") => {
            Told::safer(format!("Other users can no longer read a private SSH key of '{name}' ({file})."))
        }
        Kind::Changed => return None,
    })
}
