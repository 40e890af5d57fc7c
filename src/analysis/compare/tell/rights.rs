//! Who may do what with root's rights: sudo and doas.

use super::{All, Kind, Row, Told, lower};

/// `The user 'eve'`, `Members of the group 'ops'`, `Every user`.
fn who(row: Row<'_>) -> String {
    let name = row.text("who");
    match row.raw("who_kind") {
        _ if row.raw("who") == "ALL" => "Every user".to_owned(),
        "group" => format!("The group '{name}'"),
        "netgroup" => format!("The network group '{name}'"),
        _ => format!("The user '{name}'"),
    }
}

pub(in super::super) fn sudo(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let who = who(row);
    let any = row.yes("any_command");
    let what = if any { "every program".to_owned() } else { format!("'{}'", row.text("command")) };
    let whose = if row.yes("as_root") { "with root's rights" } else { "with the rights of others" };
    let free = row.yes("nopasswd");
    let without = if free { ", without a password" } else { "" };
    Some(match row.kind() {
        // The account's own sentence says it.
        Kind::Added
            if any
                && !free
                && row.yes("as_root")
                && row.raw("who_kind") == "user"
                && all.has("users", Kind::Added, "username", row.raw("who")) =>
        {
            return None;
        }
        Kind::Added => {
            let text = format!("{who} may now run {what} {whose}{without}.");
            if any || free { Told::danger(text) } else { Told::notable(text) }
        }
        // Another rule still lets them.
        Kind::Removed if row.beside() => return None,
        Kind::Removed => Told::safer(format!("{who} may no longer run {what} {whose}.")),
        Kind::Changed if row.gained("changeable_by") => Told::danger(format!(
            "{} can now change a program that {} may run {whose}: {what}.",
            crate::words::capital(&row.now("changeable_by")),
            lower(&who)
        )),
        Kind::Changed if row.on("nopasswd") => {
            Told::danger(format!("{who} may now run {what} {whose} without a password."))
        }
        Kind::Changed if row.off("nopasswd") => {
            Told::safer(format!("{who} must now type a password to run {what} {whose}."))
        }
        Kind::Changed if row.on("setenv") => {
            Told::notable(format!("{who} may now pass settings along when running {what} {whose}."))
        }
        Kind::Changed => {
            Told::routine(format!("The rule by which {} may run {what} {whose} was changed.", lower(&who)))
        }
    })
}

pub(in super::super) fn sudo_setting(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("sudo_defaults") {
        return None;
    }
    let name = row.text("name");
    let scope = if row.raw("scope") == "all" { String::new() } else { format!(" for {}", row.text("scope")) };
    let subject = format!("The sudo setting '{name}'{scope}");
    let off = row.raw("name") == "authenticate" && row.kind() != Kind::Removed && row.raw("value") == "off";
    let weight = if off { super::Weight::Danger } else { super::Weight::Notable };
    Some(super::setting(row, &subject, "value", weight, "settings of sudo are different", &name))
}

pub(in super::super) fn doas(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let who = who(row);
    let what = row.some("command").map_or_else(|| "every program".to_owned(), |c| format!("'{c}'"));
    let free = if row.yes("nopasswd") { ", without a password" } else { "" };
    let text = |now: &str| format!("{who} {now} run {what} by doas{free}.");
    let permit = row.raw("verdict") == "permit";
    Some(match (row.kind(), permit) {
        // Another rule still says it.
        (Kind::Removed, _) if row.beside() => return None,
        (Kind::Added, true) => Told::danger(text("may now")),
        (Kind::Removed, true) => Told::safer(text("may no longer")),
        (Kind::Added, false) => Told::safer(text("may no longer")),
        (Kind::Removed, false) => Told::danger(format!("{who} is no longer kept from running {what} by doas.")),
        (Kind::Changed, _) if row.on("nopasswd") => Told::danger(text("may now")),
        (Kind::Changed, _) => {
            Told::notable(format!("The rule by which {} may run {what} by doas was changed.", lower(&who)))
        }
    })
}
