//! Web sites, databases, mail and containers.

use super::{All, Kind, Row, Told, bracket};

/// Who can come as far as this, as a depth.
fn depth(reach: &str) -> usize {
    ["none", "loopback", "private", "any"].iter().position(|r| *r == reach).unwrap_or(0)
}

/// How far something can be reached, when that changed.
pub(super) fn reach(row: Row<'_>, subject: &str) -> Option<Told> {
    if !row.changed("reach") || row.raw("reach") == "unknown" || row.raw_was("reach") == "unknown" {
        return None;
    }
    let wider = depth(row.raw("reach")) > depth(row.raw_was("reach"));
    let text = match row.raw("reach") {
        "any" => format!("{subject} can now be reached from everywhere."),
        "private" if wider => format!("{subject} can now be reached from the local network."),
        "private" => format!("{subject} can now be reached from the local network alone."),
        "loopback" => format!("{subject} can now be reached from this machine alone."),
        _ => format!("{subject} can no longer be reached over the network."),
    };
    Some(if wider && depth(row.raw("reach")) > 1 {
        Told::danger(text)
    } else if wider {
        Told::routine(text)
    } else {
        Told::safer(text)
    })
}

pub(in super::super) fn web_server(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("program");
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The web server {name} was installed.")),
        Kind::Removed => Told::notable(format!("The web server {name} was removed.")),
        Kind::Changed if row.changed("worker") && row.raw("worker") == "root" => {
            Told::danger(format!("The web server {name} now answers with root's rights."))
        }
        Kind::Changed if row.off("running") => Told::notable(format!("The web server {name} does not run now.")),
        Kind::Changed if row.on("running") => Told::routine(format!("The web server {name} runs now.")),
        Kind::Changed if row.changed("worker") => Told::notable(format!(
            "The web server {name} now answers as {} (was: {}).",
            row.now("worker"),
            row.was("worker")
        )),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn site(row: Row<'_>, all: All<'_>) -> Vec<Told> {
    let label = if row.raw("name") == "_" { "without a name".to_owned() } else { format!("'{}'", row.text("name")) };
    let name = format!("web site {label}{}", bracket(&row.text("program")));
    let mut told = Vec::new();
    match row.kind() {
        Kind::Added => {
            let text = format!("The {name} was added.");
            let plain = row.raw("reach") == "any" && !row.yes("encrypted") && !row.yes("redirects");
            let one = if plain {
                Told::notable(format!("{text} It is served without encryption."))
            } else {
                Told::notable(text)
            };
            told.push(one.many("web sites were added", label));
        }
        Kind::Removed => {
            if !all.has("web_servers", Kind::Removed, "program", row.raw("program")) {
                told.push(Told::notable(format!("The {name} was removed.")).many("web sites were removed", label));
            }
        }
        Kind::Changed => {
            let subject = format!("The {name}");
            told.extend(reach(row, &subject));
            if row.off("encrypted") {
                told.push(Told::danger(format!("{subject} is no longer served encrypted.")));
            }
            if row.on("encrypted") {
                told.push(Told::safer(format!("{subject} is served encrypted now.")));
            }
            if row.on("weak_ciphers") {
                told.push(Told::danger(format!("{subject} now allows weak encryption.")));
            }
            if row.changed("protocols") && row.yes("encrypted") && row.yes_was("encrypted") {
                told.push(Told::notable(format!(
                    "The versions of encryption of the {name} are now {} (was: {}).",
                    row.now("protocols"),
                    row.was("protocols")
                )));
            }
            if row.changed("root") {
                told.push(Told::notable(format!(
                    "{subject} now shows the folder {} (was: {}).",
                    row.now("root"),
                    row.was("root")
                )));
            }
            if row.on("shows_version") {
                told.push(Told::notable(format!("{subject} now tells the version of the server.")));
            }
        }
    }
    told
}

pub(in super::super) fn web_folder(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let path = row.text("path");
    match row.kind() {
        _ if row.on("world_writable") => {
            Some(Told::danger(format!("Every user can now change what a web site shows, in {path}.")))
        }
        Kind::Changed if row.off("world_writable") => {
            Some(Told::safer(format!("Only its owner can change what a web site shows in {path} now.")))
        }
        _ => None,
    }
}

pub(in super::super) fn web_file(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let file = format!("{}{}", row.text("source"), bracket(&row.text("kind")));
    Some(match row.kind() {
        Kind::Removed => {
            Told::safer(format!("A file not meant for visitors is no longer in a web site's folder: {file}."))
                .many("files not meant for visitors are no longer in a web site's folder", file)
        }
        Kind::Changed if row.on("guarded") => Told::safer(format!("Visitors of the web site no longer get {file}.")),
        _ if row.yes("guarded") => return None,
        _ => Told::danger(format!("Visitors of a web site may now get a file that is not meant for them: {file}."))
            .many("files not meant for visitors of a web site may now be had by them", file),
    })
}

pub(in super::super) fn database(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let name = format!("{}{}", row.text("title"), bracket(&row.text("instance")));
    let mut told = Vec::new();
    match row.kind() {
        Kind::Added if row.raw("reach") == "any" => {
            told.push(Told::danger(format!("The database {name} was installed and can be reached from everywhere.")));
        }
        Kind::Added => told.push(Told::notable(format!("The database {name} was installed."))),
        Kind::Removed => told.push(Told::notable(format!("The database {name} was removed."))),
        Kind::Changed => {
            told.extend(reach(row, &format!("The database {name}")));
            if row.changed("password_needed") && row.raw("password_needed") == "no" {
                told.push(Told::danger(format!(
                    "Not everyone who comes to the database {name} over the network needs a password now."
                )));
            }
            if row.changed("password_needed")
                && row.raw("password_needed") == "yes"
                && row.raw_was("password_needed") == "no"
            {
                told.push(Told::safer(format!(
                    "Everyone who comes to the database {name} over the network needs a password now."
                )));
            }
            if row.changed("encryption") && row.raw("encryption") == "no" {
                told.push(Told::danger(format!("The database {name} no longer encrypts its connections.")));
            }
            if row.changed("port") && !row.changed("reach") {
                told.push(Told::notable(format!(
                    "The database {name} now waits on port {} (was: {}).",
                    row.now("port"),
                    row.was("port")
                )));
            }
        }
    }
    told
}

pub(in super::super) fn database_rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    if all.whole("postgresql_hba") {
        return None;
    }
    let from = row.some("address").unwrap_or_else(|| "this machine".to_owned());
    let rule = format!(
        "from {from}, database {}, account {}, by '{}'",
        row.text("database_names"),
        row.text("account_names"),
        row.text("method")
    );
    let trust = row.raw("method") == "trust";
    Some(match row.kind() {
        Kind::Added | Kind::Changed if trust => {
            Told::danger(format!("PostgreSQL now lets in without a password: {rule}."))
        }
        Kind::Added if matches!(row.raw("reach"), "any" | "some") => {
            Told::danger(format!("PostgreSQL now takes logins from elsewhere: {rule}."))
        }
        Kind::Added => Told::notable(format!("PostgreSQL now also takes logins: {rule}.")),
        Kind::Removed if row.raw("method") == "reject" => {
            Told::danger(format!("PostgreSQL no longer refuses logins: {rule}."))
        }
        Kind::Removed => Told::safer(format!("PostgreSQL no longer takes logins: {rule}.")),
        Kind::Changed => {
            Told::notable(format!("PostgreSQL takes logins by another method: {rule} (was: '{}').", row.was("method")))
        }
    })
}

pub(in super::super) fn mail(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let name = format!("The mail server {}", row.text("program"));
    let mut told = Vec::new();
    match row.kind() {
        Kind::Added => told.push(Told::notable(format!("{name} was installed."))),
        Kind::Removed => told.push(Told::notable(format!("{name} was removed."))),
        Kind::Changed => {
            told.extend(reach(row, &name));
            if row.changed("open_relay") && row.raw("open_relay") == "yes" {
                told.push(Told::danger(format!("{name} now lets strangers send mail to others.")));
            }
            if row.changed("open_relay") && row.raw_was("open_relay") == "yes" && row.raw("open_relay") == "no" {
                told.push(Told::safer(format!("{name} no longer lets strangers send mail to others.")));
            }
            if row.changed("relays_for") {
                told.push(Told::notable(format!(
                    "{name} now passes on mail for {} (was: {}).",
                    row.now("relays_for"),
                    row.was("relays_for")
                )));
            }
            if row.changed("encryption") {
                let text = format!(
                    "The encryption of the mail server {} is now '{}' (was: '{}').",
                    row.text("program"),
                    row.now("encryption"),
                    row.was("encryption")
                );
                told.push(if row.raw("encryption") == "none" { Told::danger(text) } else { Told::notable(text) });
            }
        }
    }
    told
}

pub(in super::super) fn engine(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let name = row.text("engine");
    let mut told = Vec::new();
    if row.on("open_to_everyone") {
        told.push(Told::danger(format!("Every user can now command {name}, and so take over the machine.")));
    }
    if row.off("open_to_everyone") {
        told.push(Told::safer(format!("Not every user can command {name} any more.")));
    }
    match row.kind() {
        Kind::Added => told.push(Told::notable(format!("{name}, which runs containers, was installed."))),
        Kind::Removed => told.push(Told::notable(format!("{name}, which runs containers, was removed."))),
        Kind::Changed => {
            told.extend(reach(row, &format!("The commands of {name}")));
            if row.off("asks_certificate") {
                told.push(Told::danger(format!("{name} no longer asks who commands it over the network.")));
            }
            if row.changed("insecure_registries") && row.some("insecure_registries").is_some() {
                let now = row.now("insecure_registries");
                told.push(Told::notable(format!("{name} now takes images without encryption from {now}.")));
            }
            if row.changed("remaps_users") {
                let text = if row.yes("remaps_users") { "is now an ordinary account" } else { "now has root's rights" };
                let text = format!("The main account in containers of {name} {text} outside.");
                told.push(if row.yes("remaps_users") { Told::safer(text) } else { Told::danger(text) });
            }
        }
    }
    told
}

/// Why a container can take over the machine.
fn mighty(row: Row<'_>) -> Option<String> {
    if row.yes("privileged") {
        return Some("it has all powers over the machine".to_owned());
    }
    row.some("dangerous_mount").map(|place| format!("it can reach {place}"))
}

pub(in super::super) fn container(row: Row<'_>, _: All<'_>) -> Vec<Told> {
    let name = row.text("name");
    let image = bracket(&row.text("image"));
    let mut told = Vec::new();
    match row.kind() {
        Kind::Added => told.push(match mighty(row) {
            Some(why) => {
                Told::danger(format!("The container '{name}'{image} was added and can take over the machine: {why}."))
            }
            None => {
                Told::notable(format!("The container '{name}'{image} was added.")).many("containers were added", name)
            }
        }),
        Kind::Removed => told.push(
            Told::routine(format!("The container '{name}'{image} was removed.")).many("containers were removed", name),
        ),
        Kind::Changed => {
            if row.on("privileged") || row.gained("dangerous_mount") {
                let why = mighty(row).unwrap_or_default();
                told.push(Told::danger(format!("The container '{name}' can now take over the machine: {why}.")));
            }
            if row.off("privileged") {
                told.push(Told::safer(format!("The container '{name}' no longer has all powers over the machine.")));
            }
            told.extend(reach(row, &format!("The container '{name}'")));
            if row.on("host_network") {
                told.push(Told::notable(format!("The container '{name}' now shares the machine's network.")));
            }
            if row.changed("image") {
                told.push(Told::routine(format!(
                    "The container '{name}' now runs {} (was: {}).",
                    row.now("image"),
                    row.was("image")
                )));
            }
            if row.changed("account") && row.raw("account").is_empty() {
                told.push(Told::notable(format!(
                    "The container '{name}' now runs as its main account (was: {}).",
                    row.was("account")
                )));
            }
            if row.changed("running") {
                let text = if row.yes("running") { "runs now" } else { "does not run now" };
                told.push(Told::routine(format!("The container '{name}' {text}.")));
            }
        }
    }
    told
}
