//! Accounts, groups and passwords.

use super::{All, Kind, Row, Told};

/// What being in a group means where it is much, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Passwords,
    Machine,
    Administrator,
}

impl Power {
    fn of(group: &str) -> Option<Self> {
        match group {
            "sudo" | "wheel" | "admin" | "root" => Some(Power::Administrator),
            "docker" | "lxd" | "incus" | "incus-admin" | "libvirt" | "disk" | "kvm" => Some(Power::Machine),
            "shadow" => Some(Power::Passwords),
            _ => None,
        }
    }

    /// Words that come after the group: `is in the group 'docker' and …`.
    fn words(self) -> &'static str {
        match self {
            Power::Passwords => "can read the stored passwords",
            Power::Machine => "can take over the machine through it",
            Power::Administrator => "may become administrator",
        }
    }
}

pub(in super::super) fn user(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = row.text("username");
    let raw = row.raw("username");
    Some(match row.kind() {
        Kind::Added if row.number("uid") == Some(0.0) => Told::danger(format!(
            "The user '{name}' was added and may do everything, as root may (it has the number 0)."
        )),
        Kind::Added => {
            let groups = all.rows("user_groups", Kind::Added).filter(|r| r.raw("username") == raw);
            let may = groups.filter_map(|r| Some((Power::of(r.raw("groupname"))?, r.text("groupname"))));
            let may = may.max_by_key(|(power, _)| *power);
            let by_rule = || {
                let rules = all.rows("sudoers", Kind::Added).filter(|r| r.raw("who") == raw);
                rules.into_iter().any(|r| r.raw("who_kind") == "user" && r.yes("any_command") && r.yes("as_root"))
            };
            match may {
                // A rule that gives everything says more than a group that gives less.
                Some((power, group)) if power == Power::Administrator || !by_rule() => Told::danger(format!(
                    "The user '{name}' was added, is in the group '{group}' and {}.",
                    power.words()
                )),
                _ if by_rule() => Told::danger(format!("The user '{name}' was added and may become administrator.")),
                _ if row.raw("kind") == "person" && row.yes("login_shell") => {
                    Told::notable(format!("The user '{name}' was added and can log in.")).many("users were added", name)
                }
                _ if row.yes("login_shell") => Told::notable(format!(
                    "The account '{name}' was added for a program, but people can log in with it."
                ))
                .many("accounts were added for programs, but people can log in with them", name),
                _ => Told::routine(format!("The account '{name}' was added for a program."))
                    .together("accounts were added for programs", name),
            }
        }
        Kind::Removed if row.raw("kind") == "system" => {
            Told::routine(format!("The account '{name}' of a program was removed."))
                .together("accounts of programs were removed", name)
        }
        Kind::Removed => Told::safer(format!("The user '{name}' was removed.")).many("users were removed", name),
        Kind::Changed if row.changed("uid") && row.number("uid") == Some(0.0) => {
            Told::danger(format!("The user '{name}' may now do everything, as root may (it has the number 0 now)."))
        }
        Kind::Changed if row.on("login_shell") => {
            let shell = row.now("shell");
            let text =
                format!("People can now log in as '{name}': its shell is now {shell} (was: {}).", row.was("shell"));
            if row.raw("kind") == "system" { Told::danger(text) } else { Told::notable(text) }
        }
        Kind::Changed if row.off("login_shell") => {
            Told::safer(format!("Nobody can log in as '{name}' any more: its shell is now {}.", row.now("shell")))
        }
        Kind::Changed if row.changed("shell") => {
            Told::routine(format!("The shell of '{name}' is now {} (was: {}).", row.now("shell"), row.was("shell")))
        }
        Kind::Changed if row.changed("uid") => Told::notable(format!(
            "The number of the user '{name}' is now {} (was: {}).",
            row.now("uid"),
            row.was("uid")
        )),
        Kind::Changed if row.changed("directory") => Told::notable(format!(
            "The home folder of '{name}' is now {} (was: {}).",
            row.now("directory"),
            row.was("directory")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn membership(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let (user, group) = (row.text("username"), row.some("groupname")?);
    let may = Power::of(row.raw("groupname"));
    match row.kind() {
        Kind::Added if all.has("users", Kind::Added, "username", row.raw("username")) => None,
        Kind::Removed if all.has("users", Kind::Removed, "username", row.raw("username")) => None,
        Kind::Removed if all.has("groups", Kind::Removed, "groupname", row.raw("groupname")) => None,
        Kind::Added => Some(match may {
            Some(may) => Told::danger(format!("The user '{user}' is now in the group '{group}' and {}.", may.words())),
            None => Told::notable(format!("The user '{user}' is now in the group '{group}'."))
                .many("users are in a new group", format!("{user} in {group}")),
        }),
        Kind::Removed => {
            let text = format!("The user '{user}' is no longer in the group '{group}'.");
            Some(if may.is_some() { Told::safer(text) } else { Told::routine(text) })
        }
        Kind::Changed => None,
    }
}

pub(in super::super) fn group(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = row.text("groupname");
    match row.kind() {
        // A user's own group comes and goes with the user.
        kind if all.has("users", kind, "username", row.raw("groupname")) => None,
        Kind::Added => {
            Some(Told::routine(format!("The group '{name}' was added.")).together("groups were added", name))
        }
        Kind::Removed => {
            Some(Told::routine(format!("The group '{name}' was removed.")).together("groups were removed", name))
        }
        Kind::Changed => Some(Told::notable(format!(
            "The number of the group '{name}' is now {} (was: {}).",
            row.now("gid"),
            row.was("gid")
        ))),
    }
}

pub(in super::super) fn password(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = row.text("username");
    let status = row.raw("password_status");
    if row.kind() != Kind::Removed && status == "empty" && row.raw_was("password_status") != "empty" {
        return Some(Told::danger(format!("Nobody asks for a password any more when '{name}' logs in.")));
    }
    if row.kind() != Kind::Changed || all.whole("shadow") {
        return None;
    }
    if row.changed("password_status") {
        return Some(match (row.raw_was("password_status"), status) {
            ("set", "locked") => Told::safer(format!("The password of '{name}' is switched off now.")),
            ("locked", "set") => Told::notable(format!("The password of '{name}' works again.")),
            (_, "set") => Told::notable(format!("The user '{name}' has a password now.")),
            (_, "expired") => Told::safer(format!("The account '{name}' has come to its end and lets nobody in.")),
            _ => Told::safer(format!("The user '{name}' has no working password any more.")),
        });
    }
    if row.changed("last_change") || row.changed("hash_alg") {
        return Some(
            Told::notable(format!("The password of '{name}' was changed.")).many("passwords were changed", name),
        );
    }
    Some(
        Told::routine(format!("How long the password or the account of '{name}' lasts was changed."))
            .many("accounts have new limits for how long they last", name),
    )
}

pub(in super::super) fn group_password(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let name = row.text("groupname");
    if row.kind() == Kind::Removed || all.whole("gshadow") {
        return None;
    }
    if row.changed("administrators") || (row.kind() == Kind::Added && row.some("administrators").is_some()) {
        return Some(Told::notable(format!("Who may change the group '{name}': now {}.", row.now("administrators"))));
    }
    let status = row.raw("password_status");
    (row.changed("password_status") && matches!(status, "set" | "empty"))
        .then(|| Told::notable(format!("The group '{name}' can now be joined by a password.")))
}

pub(in super::super) fn home(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let (name, folder) = (row.text("username"), row.text("directory"));
    if row.kind() != Kind::Changed {
        return None;
    }
    if row.gained("changeable_by") {
        let by = row.now("changeable_by");
        return Some(Told::danger(format!("The home folder of '{name}' ({folder}) can now be changed by {by}.")));
    }
    if row.on("readable_by_all") {
        return Some(Told::notable(format!("Every user can now look into the home folder of '{name}' ({folder}).")));
    }
    row.off("readable_by_all")
        .then(|| Told::safer(format!("The home folder of '{name}' ({folder}) is closed to other users now.")))
}
