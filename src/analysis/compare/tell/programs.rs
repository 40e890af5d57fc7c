//! Programs, where they come from, and updates.

use std::cmp::Ordering;

use super::{All, Kind, Row, Told, bracket};
use crate::probes::packages::version;

pub(in super::super) fn package(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("name");
    Some(match row.kind() {
        Kind::Added => {
            let item = format!("{name} {}", row.text("version"));
            Told::routine(format!("The program {item} was installed.")).together("programs were installed", item)
        }
        Kind::Removed => {
            Told::routine(format!("The program {name} was removed.")).together("programs were removed", name)
        }
        Kind::Changed if row.changed("version") => {
            let item = format!("{name} {} → {}", row.was("version"), row.now("version"));
            match version::compare(row.raw("version"), row.raw_was("version")) {
                Ordering::Less => Told::danger(format!("An older version of a program was installed: {item}."))
                    .together("programs were set back to an older version", item),
                _ => Told::routine(format!("One program was updated: {item}.")).together("programs were updated", item),
            }
        }
        Kind::Changed if row.on("held") => Told::notable(format!("The program {name} is now kept from being updated."))
            .many("programs are now kept from being updated", name),
        Kind::Changed if row.off("held") => {
            Told::safer(format!("The program {name} may be updated again.")).many("programs may be updated again", name)
        }
        Kind::Changed => return None,
    })
}

pub(in super::super) fn waiting(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let item = format!("{} {}", row.text("name"), row.text("candidate"));
    match row.kind() {
        Kind::Added if row.yes("is_security") => Some(
            Told::notable(format!("A security update is waiting that was not there before: {item}."))
                .together("security updates are waiting that were not there before", item),
        ),
        Kind::Changed if row.on("is_security") => Some(
            Told::notable(format!("An update that waits has become a security update: {item}."))
                .together("updates that wait have become security updates", item),
        ),
        _ => None,
    }
}

pub(in super::super) fn source(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let place = format!("{}{}", row.text("uri"), bracket(&row.text("suite")));
    let foreign = row.known("third_party") == Some(true);
    let unsigned = row.yes("unsigned_allowed");
    let enabled = row.yes("enabled");
    Some(match row.kind() {
        Kind::Added | Kind::Changed if enabled && unsigned && row.on("unsigned_allowed") => {
            Told::danger(format!("Programs may now come from {place} without a signature."))
        }
        Kind::Added if enabled && foreign => {
            Told::danger(format!("Programs may now also come from a new place, made by someone else: {place}."))
                .many("new places, made by others, may now give programs", place)
        }
        Kind::Added if enabled => Told::notable(format!("Programs may now also come from a new place: {place}."))
            .many("new places may now give programs", place),
        Kind::Changed if row.on("enabled") => {
            let text = format!("A place for programs was switched on: {place}.");
            if foreign { Told::danger(text) } else { Told::notable(text) }
        }
        Kind::Removed if row.yes("is_security") && row.yes("enabled") => {
            Told::danger(format!("Security updates no longer come from {place}: it was taken off the list."))
        }
        Kind::Changed if row.off("enabled") && row.yes("is_security") => {
            Told::danger(format!("Security updates no longer come from {place}: it was switched off."))
        }
        Kind::Removed if row.yes("enabled") => Told::routine(format!("Programs no longer come from {place}."))
            .many("places no longer give programs", place),
        Kind::Changed if row.off("enabled") => {
            Told::routine(format!("A place for programs was switched off: {place}."))
        }
        Kind::Changed if row.off("unsigned_allowed") => {
            Told::safer(format!("Programs from {place} need a signature now."))
        }
        Kind::Changed if row.changed("signed_by") => Told::notable(format!(
            "The key that must sign programs from {place} is now {} (was: {}).",
            row.now("signed_by"),
            row.was("signed_by")
        )),
        _ => return None,
    })
}

pub(in super::super) fn automatic(row: Row<'_>, _: All<'_>) -> Option<Told> {
    if row.kind() != Kind::Changed {
        return None;
    }
    if row.off("works") {
        return Some(Told::danger("Security updates no longer install themselves."));
    }
    if row.on("works") {
        return Some(Told::safer("Security updates install themselves now."));
    }
    if row.changed("excluded") && row.some("excluded").is_some() {
        let now = row.now("excluded");
        return Some(Told::notable(format!("These programs are now left out when updates install themselves: {now}.")));
    }
    if row.on("restarts") {
        return Some(Told::notable("The machine may now restart by itself after updates."));
    }
    row.off("restarts").then(|| Told::notable("The machine no longer restarts by itself after updates."))
}

pub(in super::super) fn restart(row: Row<'_>, all: All<'_>) -> Option<Told> {
    match row.kind() {
        Kind::Added if row.raw("reason") == "kernel" => Some(Told::notable(format!(
            "A newer kernel is installed ({}). The machine must be restarted to use it.",
            row.text("wanted")
        ))),
        Kind::Added => Some(Told::notable("The machine must be restarted before all updates count.")),
        // Another reason is left.
        Kind::Removed if all.left("reboot_required") => None,
        Kind::Removed => Some(Told::safer("The machine need not be restarted for updates any more.")),
        Kind::Changed => None,
    }
}

pub(in super::super) fn apt_setting(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("apt_config") {
        return None;
    }
    let name = row.text("name");
    Some(super::setting(
        row,
        &format!("The setting '{name}' of apt"),
        "value",
        super::Weight::Routine,
        "settings of apt are different",
        &name,
    ))
}
