//! What other machines can see of this one: ports that wait for connections with the program behind each, how far
//! their addresses reach, and whether the firewall lets anyone through to them.

mod cards;
mod firewall;
pub(crate) mod ports;

use std::{collections::HashSet, net::IpAddr};

use self::{
    cards::Cards,
    firewall::{Answer, Rules},
    ports::{Holder, Socket},
};
use super::{Probe, ProbeError, USUAL_LIMIT, rights::Names, servers::reach_of_ip};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::Host,
};

fact_table! {
    /// Ports that wait for connections, and those that rules send on to a container.
    "listening_ports" => ListeningPort {
        /// Table of the kernel, or the program that told the rule.
        source: String,
        /// `tcp` or `udp`.
        protocol: String,
        /// IP version of the address: 4 or 6.
        family: i64,
        /// Address that it waits on; `0.0.0.0` and `::` stand for all.
        address: String,
        /// Port.
        port: i64,
        /// Number of the process that holds it; null when only root may see it.
        pid: Option<i64>,
        /// Name of that process, or `docker` for a port that is sent on to a container.
        process: Option<String>,
        /// Program file; null when only root may see it.
        path: Option<String>,
        /// User whose rights it has.
        username: Option<String>,
        /// Address and port it is sent on to; null when a program here answers.
        forwards_to: Option<String>,
        /// How far the address reaches: `any`, `private` or `loopback`.
        reach: String,
        /// What the firewall says to other machines: `open`, `limited` (some senders), `closed`, `none` (no firewall) or `unknown`.
        firewall: String,
        /// Whether anyone on another machine gets through; null when the firewall could not be asked.
        exposed: Option<bool>,
    }
    offline: false,
    examples: [
        "select port, protocol, process, address, firewall from listening_ports where exposed order by port",
        "select process, count(*) as ports from listening_ports group by process",
    ],
}

fact_table! {
    /// Addresses of this machine's network cards.
    "interface_addresses" => InterfaceAddress {
        /// Where the system keeps the card.
        source: String,
        /// Name of the card.
        interface: String,
        /// Address.
        address: String,
        /// How many of its bits name the network.
        prefix: i64,
        /// Who can come to such an address: `any`, `private` or `loopback`.
        reach: String,
        /// Whether the card leads to other machines, not only to containers on this one.
        leads_outside: bool,
    }
    offline: false,
    examples: ["select interface, address, prefix from interface_addresses where leads_outside"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "network",
    about: "the doors to the network",
    tables: &[
        ListeningPort::TABLE,
        InterfaceAddress::TABLE,
        firewall::Firewall::TABLE,
        firewall::FirewallInbound::TABLE,
        firewall::FirewallRule::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    if !host.is_live() {
        firewall::offline(host, facts);
        return Ok(());
    }
    let rules = firewall::rules(host);
    let cards = Cards::read(host);
    firewall::tell(host, facts, &rules, &cards);
    for row in cards.rows() {
        facts.push(row);
    }
    let sockets = match ports::sockets(host) {
        Ok(sockets) => sockets,
        Err(error) => {
            facts.unread::<ListeningPort>(Gap::new(
                "which ports wait for connections",
                "/proc/net/tcp",
                error.reason(),
            ));
            return Ok(());
        }
    };
    let wanted: HashSet<u64> = sockets.iter().map(|s| s.inode).filter(|i| *i != 0).collect();
    let (holders, hidden) = ports::holders(host, &wanted);
    if hidden && !host.is_root() {
        facts.partial::<ListeningPort>(Gap::new("which programs wait for connections", "/proc", Reason::NeedsRoot));
    }
    if let Some(gap) = &rules.gap {
        facts.partial::<ListeningPort>(gap.clone());
    }
    let users = Names::users(host);
    let sent_on = sent_on(&rules, &cards);
    for socket in &sockets {
        // Docker's own helper holds the port that rules send on before anyone gets to it.
        let twice = sent_on.iter().any(|r| {
            r.protocol == socket.protocol && r.port == i64::from(socket.port) && (r.family == 6) == socket.ip.is_ipv6()
        });
        if !twice {
            facts.push(row(socket, &sockets, holders.get(&socket.inode), &rules, &cards, &users));
        }
    }
    for row in sent_on {
        facts.push(row);
    }
    Ok(())
}

fn row(
    socket: &Socket,
    all: &[Socket],
    holder: Option<&Holder>,
    rules: &Rules,
    cards: &Cards,
    users: &Names,
) -> ListeningPort {
    let everywhere = socket.ip.is_unspecified();
    let reach = if everywhere { "any" } else { reach_of_ip(socket.ip) };
    let to = (!everywhere).then_some(socket.ip);
    // `::` takes IPv4 as well, unless someone else waits there for it.
    let twin =
        |s: &Socket| s.ip.is_ipv4() && s.ip.is_unspecified() && s.port == socket.port && s.protocol == socket.protocol;
    let both = socket.ip.is_ipv6() && everywhere && !all.iter().any(twin);
    let mut answer = answer(rules, cards, socket.ip.is_ipv6(), socket.protocol, socket.port, to);
    if both {
        answer = answer.max(self::answer(rules, cards, false, socket.protocol, socket.port, None));
    }
    let uid = holder.and_then(|h| h.uid).unwrap_or(socket.uid);
    let (firewall, exposed) = told(rules, answer, socket.ip.is_ipv6(), reach);
    ListeningPort {
        source: socket.source.to_owned(),
        protocol: socket.protocol.to_owned(),
        family: if socket.ip.is_ipv6() { 6 } else { 4 },
        address: socket.ip.to_string(),
        port: socket.port.into(),
        pid: holder.map(|h| h.pid),
        process: holder.map(|h| h.name.clone()),
        path: holder.and_then(|h| h.path.clone()),
        username: users.get(uid).map(str::to_owned),
        forwards_to: None,
        reach: reach.to_owned(),
        firewall: firewall.to_owned(),
        exposed,
    }
}

/// What the firewall says of a port, and whether anyone gets through.
fn told(rules: &Rules, answer: Answer, v6: bool, reach: &str) -> (&'static str, Option<bool>) {
    if reach == "loopback" {
        return ("closed", Some(false));
    }
    if rules.gap.is_some() {
        return ("unknown", None);
    }
    match answer {
        Answer::Open if !rules.set.guards(v6) => ("none", Some(true)),
        Answer::Unknown => ("unknown", None),
        answer => (answer.name(), Some(answer == Answer::Open)),
    }
}

fn answer(rules: &Rules, cards: &Cards, v6: bool, protocol: &str, port: u16, to: Option<IpAddr>) -> Answer {
    let packet = cards.packet(v6, protocol, port, to);
    rules.set.ask(&packet)
}

/// Ports that rules send on to another address, such as those that Docker publishes.
fn sent_on(rules: &Rules, cards: &Cards) -> Vec<ListeningPort> {
    let mut rows = Vec::new();
    let nat = || rules.set.chains.iter().filter(|c| c.table == "nat");
    let source = nat().next().map_or("nft", |c| c.source.as_str());
    let docker = nat().any(|c| c.name == "DOCKER");
    for v6 in [false, true] {
        for (protocol, port) in rules.set.changed_ports(v6) {
            let mut packet = cards.packet(v6, &protocol, port, None);
            let Some(to) = rules.set.leads_to(&packet) else { continue };
            packet.out = cards.towards(to.0).or_else(|| Some("elsewhere".to_owned()));
            let answer = rules.set.ask_sent_on(&packet, to);
            rows.push(ListeningPort {
                source: source.to_owned(),
                protocol,
                family: if v6 { 6 } else { 4 },
                address: if v6 { "::".to_owned() } else { "0.0.0.0".to_owned() },
                port: port.into(),
                pid: None,
                process: docker.then(|| "docker".to_owned()),
                path: None,
                username: None,
                forwards_to: Some(std::net::SocketAddr::new(to.0, to.1).to_string()),
                reach: "any".to_owned(),
                firewall: answer.name().to_owned(),
                exposed: (answer != Answer::Unknown).then_some(answer == Answer::Open),
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests;
