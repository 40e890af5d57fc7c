//! Files and their rights, secrets and certificates.

use super::{All, Kind, Row, Told, bracket};
use crate::words;

pub(in super::super) fn file(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let path = row.text("path");
    let owner = row.some("username").unwrap_or_else(|| row.text("uid"));
    let came = row.raw("package");
    if row.kind() == Kind::Removed {
        return Some(match row.raw("why") {
            "suid" | "sgid" | "capabilities" => Told::safer(format!("A program with special rights is gone: {path}."))
                .many("programs with special rights are gone", path),
            "world_writable" | "world_writable_dir_no_sticky" => {
                Told::safer(format!("{path} can no longer be changed by every user."))
                    .many("files or folders can no longer be changed by every user", path)
            }
            "unowned" => Told::safer(format!("A file that belonged to nobody is gone or has an owner: {path}."))
                .many("files that belonged to nobody are gone or have an owner", path),
            "device_outside_dev" => {
                Told::safer(format!("A way to a device that lay where none belongs is gone: {path}."))
            }
            _ => Told::safer(format!("A hidden program is gone: {path}.")).many("hidden programs are gone", path),
        });
    }
    if row.gained("changeable_by") {
        let by = row.now("changeable_by");
        return Some(Told::danger(format!("A program with special rights can now be changed by {by}: {path}.")));
    }
    if row.kind() == Kind::Changed {
        return row.changed("mode").then(|| {
            Told::notable(format!("The rights of {path} are now {} (was: {}).", row.now("mode"), row.was("mode")))
                .many("files have other rights", path)
        });
    }
    let many = |told: Told, phrase: &str| told.many(phrase, path.clone());
    Some(match row.raw("why") {
        "suid" | "sgid" if came.is_empty() && row.yes("package_known") => many(
            Told::danger(format!(
                "A program that runs with the rights of '{owner}', whoever starts it, came from no package: {path}."
            )),
            "programs that run with another's rights came from no package",
        ),
        "suid" | "sgid" => many(
            Told::notable(format!("A program now runs with the rights of '{owner}', whoever starts it: {path}.")),
            "programs now run with another's rights, whoever starts them",
        ),
        "capabilities" => many(
            Told::notable(format!("A program now has special rights{}: {path}.", bracket(&row.text("capabilities")))),
            "programs now have special rights",
        ),
        "world_writable" | "world_writable_dir_no_sticky" => many(
            Told::danger(format!("Every user may now change {path}.")),
            "files or folders may now be changed by every user",
        ),
        "unowned" => many(Told::notable(format!("A file belongs to nobody: {path}.")), "more files belong to nobody"),
        "device_outside_dev" => many(
            Told::danger(format!("A way to a device lies where none belongs: {path}.")),
            "ways to devices lie where none belong",
        ),
        "hidden_executable" => {
            many(Told::danger(format!("A hidden program was put there: {path}.")), "hidden programs were put there")
        }
        _ => return None,
    })
}

pub(in super::super) fn important(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let path = row.text("path");
    let what = format!("{path}{}", bracket(&row.text("about")));
    // A home folder comes and goes with its user; the other rows are told by what they belong to.
    if row.kind() != Kind::Changed || all.whole("important_files") {
        return None;
    }
    if row.gained("changeable_by") {
        return Some(Told::danger(format!("{what} can now be changed by {}.", row.now("changeable_by"))));
    }
    if row.on("too_open") {
        return Some(Told::danger(format!(
            "More users than should may now use {what}: its rights are {} (was: {}).",
            row.now("mode"),
            row.was("mode")
        )));
    }
    if row.off("too_open") {
        return Some(Told::safer(format!(
            "The rights of {what} are narrow again: {} (was: {}).",
            row.now("mode"),
            row.was("mode")
        )));
    }
    if row.changed("username") || row.changed("groupname") {
        let owner = |u: String, g: String| format!("{u}:{g}");
        let text = format!(
            "The owner of {what} is now {} (was: {}).",
            owner(row.now("username"), row.now("groupname")),
            owner(row.was("username"), row.was("groupname"))
        );
        return Some(if row.yes("owner_ok") { Told::notable(text) } else { Told::danger(text) });
    }
    row.changed("mode")
        .then(|| Told::notable(format!("The rights of {what} are now {} (was: {}).", row.now("mode"), row.was("mode"))))
}

pub(in super::super) fn at_home(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let file = row.text("source");
    if row.kind() == Kind::Removed {
        return None;
    }
    if row.gained("changeable_by") {
        return Some(Told::danger(format!(
            "A file that decides about logins can now be changed by {}: {file}.",
            row.now("changeable_by")
        )));
    }
    let secret = row.raw("class") == "secret";
    match row.kind() {
        Kind::Added if row.raw("class") == "trust" => {
            Some(Told::danger(format!("A file lets in users of other machines without a password: {file}.")))
        }
        // A file of a new home folder is as open as new files are: that is told elsewhere.
        Kind::Added if secret && row.yes("readable_by_all") => {
            Some(Told::danger(format!("A file with secrets was added that every user can read: {file}.")))
        }
        Kind::Changed if row.on("readable_by_all") => {
            let text = format!("Every user can now read {file}.");
            Some(if secret { Told::danger(text) } else { Told::notable(text) })
        }
        Kind::Changed if row.off("readable_by_all") => {
            Some(Told::safer(format!("Other users can no longer read {file}.")))
        }
        _ => None,
    }
}

pub(in super::super) fn secret(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let place = format!("{}{}", row.text("source"), bracket(&row.text("name")));
    Some(match row.kind() {
        Kind::Added => Told::danger(format!("A password now stands where every user can read it: {place}."))
            .many("passwords now stand where every user can read them", place),
        Kind::Removed => Told::safer(format!("A password no longer stands where every user can read it: {place}."))
            .many("passwords no longer stand where every user can read them", place),
        Kind::Changed => return None,
    })
}

/// A moment in a column, as a day.
fn day(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), words::date)
}

pub(in super::super) fn certificate(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.some("names").or_else(|| row.some("subject")).unwrap_or_else(|| row.text("source"));
    let end = || day(row.raw("not_after"));
    let item = format!("{name}{}", bracket(&row.text("source")));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("A certificate was added for {item}. It ends on {}.", end()))
            .many("certificates were added", item),
        Kind::Removed => {
            Told::notable(format!("The certificate for {item} was removed.")).many("certificates were removed", item)
        }
        Kind::Changed if row.changed("issuer") => Told::notable(format!(
            "The certificate for {item} is now signed by '{}' (was: '{}').",
            row.now("issuer"),
            row.was("issuer")
        )),
        Kind::Changed if row.changed("not_after") => {
            let longer = row.raw("not_after") > row.raw_was("not_after");
            let text =
                format!("The certificate for {item} now ends on {} (was: {}).", end(), day(row.raw_was("not_after")));
            if longer { Told::safer(text) } else { Told::notable(text) }
        }
        Kind::Changed if row.changed("names") => Told::notable(format!(
            "The certificate in {} is now for {} (was: {}).",
            row.text("source"),
            row.now("names"),
            row.was("names")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn private_key(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let file = row.text("source");
    Some(match row.kind() {
        _ if row.on("readable_by_all") => {
            Told::danger(format!("Every user can now read a private key of a server: {file}."))
        }
        Kind::Added => Told::routine(format!("A private key of a server was added: {file}."))
            .many("private keys of servers were added", file),
        Kind::Removed => Told::routine(format!("A private key of a server was removed: {file}."))
            .many("private keys of servers were removed", file),
        Kind::Changed if row.off("readable_by_all") => {
            Told::safer(format!("Other users can no longer read a private key of a server: {file}."))
        }
        Kind::Changed => return None,
    })
}

/// Files of starting up or of services that someone other than root may change.
fn changeable(row: Row<'_>, what: &str, many: &str) -> Option<Told> {
    let place = row.text("place");
    let by = match row.raw("writable_by") {
        "everyone" => "every user".to_owned(),
        "group" => format!("the group '{}'", row.text("name")),
        _ => format!("'{}'", row.text("name")),
    };
    match row.kind() {
        Kind::Removed if row.beside() => None,
        Kind::Removed => Some(Told::safer(format!("Only root can change {place} now."))),
        _ => Some(Told::danger(format!("{place}, {what}, can now be changed by {by}.")).many(many, place)),
    }
}

pub(in super::super) fn boot_file(row: Row<'_>, _: All<'_>) -> Option<Told> {
    changeable(
        row,
        "needed for starting the machine",
        "files needed for starting the machine can now be changed by others than root",
    )
}

pub(in super::super) fn service_file(row: Row<'_>, _: All<'_>) -> Option<Told> {
    changeable(row, "used by a service", "files used by services can now be changed by others than root")
}
