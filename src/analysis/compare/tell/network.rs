//! What other machines can reach.

use super::{All, Kind, Row, Told, bracket};

/// First of the ports that programs get by chance, for a moment.
const BY_CHANCE: f64 = 32_768.0;

/// How far a port is open, from closed to everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Open {
    Here,
    Walled,
    Near,
    Unknown,
    Wide,
}

fn open(reach: &str, exposed: Option<bool>) -> Open {
    match (reach, exposed) {
        ("loopback", _) => Open::Here,
        (_, Some(false)) => Open::Walled,
        ("private", _) => Open::Near,
        (_, Some(true)) => Open::Wide,
        _ => Open::Unknown,
    }
}

pub(in super::super) fn port(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let number = row.number("port")?;
    let udp = row.raw("protocol") == "udp";
    let reach = row.raw("reach");
    if number >= BY_CHANCE && (udp || reach == "loopback") {
        return None;
    }
    let process = row.text("process");
    let kind = if udp { "UDP port" } else { "Port" };
    let port = format!("{kind} {number:.0}{}", bracket(&process));
    let item = format!("{number:.0}{}{}", if udp { "/udp" } else { "" }, bracket(&process));
    let exposed = row.known("exposed");
    let now = open(reach, exposed);
    let told = |now: Open| match now {
        Open::Wide => Told::danger(format!("{port} is now open to other machines."))
            .many("ports are now open to other machines", item.clone()),
        Open::Unknown => Told::danger(format!(
            "{port} now waits for other machines. Whether the firewall lets them in could not be seen."
        ))
        .many("ports now wait for other machines", item.clone()),
        Open::Near => Told::notable(format!("{port} is now open to the local network."))
            .many("ports are now open to the local network", item.clone()),
        Open::Walled => Told::notable(format!("{port} now waits for other machines, but the firewall keeps them out."))
            .many("ports now wait for other machines, but the firewall keeps them out", item.clone()),
        Open::Here => Told::routine(format!("{port} is now open to programs of this machine alone."))
            .many("ports are now open to programs of this machine alone", item.clone()),
    };
    // The same port of the same protocol on another address.
    let elsewhere = |kind: Kind| {
        all.rows("listening_ports", kind)
            .any(|r| r.number("port") == Some(number) && r.raw("protocol") == row.raw("protocol"))
    };
    Some(match row.kind() {
        // It was open before, or still is, as another row says.
        Kind::Added if row.beside() && now == Open::Here => return None,
        Kind::Added => told(now),
        Kind::Removed if row.beside() || elsewhere(Kind::Added) || elsewhere(Kind::Changed) => return None,
        Kind::Removed if now == Open::Here => {
            Told::routine(format!("{port} is closed now. Only this machine reached it."))
                .many("ports for this machine alone are closed now", item)
        }
        Kind::Removed => Told::safer(format!("{port} is closed now.")).many("ports are closed now", item),
        Kind::Changed => {
            // Where one of the two could not ask the firewall, only what the program waits for is comparable.
            let known = |reach: &str, exposed: Option<bool>| reach == "loopback" || exposed.is_some();
            let (reach_was, exposed_was) = (row.raw_was("reach"), row.known_was("exposed"));
            let asked = known(reach, exposed) && known(reach_was, exposed_was);
            let (was, now) =
                if asked { (open(reach_was, exposed_was), now) } else { (open(reach_was, None), open(reach, None)) };
            if now > was {
                told(now)
            } else if now < was && row.beside() {
                // It is still as open as another row says.
                return None;
            } else if now < was {
                let text = match now {
                    Open::Here => format!("{port} is now open to programs of this machine alone."),
                    Open::Walled => format!("The firewall now keeps other machines away from {}.", lower_port(&port)),
                    _ => format!("{port} is now open to the local network alone."),
                };
                Told::safer(text)
            } else if row.changed("process") && !process.is_empty() && !row.raw_was("process").is_empty() {
                Told::notable(format!("{kind} {number:.0} is now held by {process} (was: {}).", row.was("process")))
            } else if row.changed("username") && row.raw("username") == "root" {
                Told::notable(format!("{port} is now held with root's rights."))
            } else {
                return None;
            }
        }
    })
}

fn lower_port(port: &str) -> String {
    port.strip_prefix("Port").map_or_else(|| port.to_owned(), |rest| format!("port{rest}"))
}

pub(in super::super) fn firewall(row: Row<'_>, _: All<'_>) -> Option<Told> {
    let name = row.text("program");
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The firewall {name} was installed.")),
        Kind::Removed => Told::danger(format!("The firewall {name} was removed.")),
        Kind::Changed if row.off("active") => Told::danger(format!("The firewall {name} is off now.")),
        Kind::Changed if row.on("lets_all_in") => {
            Told::danger(format!("The firewall {name} is now set to let in everything that no rule names."))
        }
        Kind::Changed if row.off("enabled") => {
            Told::danger(format!("The firewall {name} will no longer start with the machine."))
        }
        Kind::Changed if row.on("active") => Told::safer(format!("The firewall {name} is on now.")),
        Kind::Changed if row.off("lets_all_in") => {
            Told::safer(format!("The firewall {name} now keeps out what no rule names."))
        }
        Kind::Changed if row.on("enabled") => Told::safer(format!("The firewall {name} now starts with the machine.")),
        Kind::Changed => return None,
    })
}

pub(in super::super) fn inbound(row: Row<'_>, _: All<'_>) -> Option<Told> {
    if row.kind() != Kind::Changed || !row.changed("verdict") {
        return None;
    }
    let ip = if row.number("family") == Some(6.0) { "IPv6" } else { "IPv4" };
    let depth = |verdict: &str| ["closed", "limited", "open"].iter().position(|v| *v == verdict);
    let (was, now) = (depth(row.raw_was("verdict"))?, depth(row.raw("verdict"))?);
    Some(match row.raw("verdict") {
        "open" => {
            Told::danger(format!("The firewall now lets other machines in at every port that no rule names ({ip})."))
        }
        "limited" if now > was => {
            Told::danger(format!("The firewall now lets some machines in at every port that no rule names ({ip})."))
        }
        "limited" => {
            Told::safer(format!("The firewall now lets only some machines in at ports that no rule names ({ip})."))
        }
        _ => Told::safer(format!("The firewall now keeps other machines out at every port that no rule names ({ip}).")),
    })
}

pub(in super::super) fn rule(row: Row<'_>, all: All<'_>) -> Option<Told> {
    let rule = format!("{}: {}", row.text("chain_name"), row.text("rule"));
    if all.whole("firewall_rules") {
        return None;
    }
    match row.kind() {
        Kind::Added => Some(
            Told::notable(format!("A rule of the firewall was added: {rule}."))
                .together("rules of the firewall were added", rule),
        ),
        Kind::Removed => Some(
            Told::notable(format!("A rule of the firewall was removed: {rule}."))
                .together("rules of the firewall were removed", rule),
        ),
        Kind::Changed => None,
    }
}

pub(in super::super) fn address(row: Row<'_>, _: All<'_>) -> Option<Told> {
    // Addresses of version 6 are often made anew each day to protect privacy.
    if row.raw("address").contains(':') {
        return None;
    }
    let (address, card) = (row.text("address"), row.text("interface"));
    Some(match row.kind() {
        Kind::Added => Told::notable(format!("The machine has a new address: {address} ({card}).")),
        Kind::Removed => Told::notable(format!("The machine no longer has the address {address} ({card}).")),
        Kind::Changed => return None,
    })
}
