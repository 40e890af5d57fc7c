//! Network cards with their addresses, and which of them lead to other machines.

use std::net::IpAddr;

use super::{
    InterfaceAddress,
    firewall::{Net, Packet},
};
use crate::{host::Host, probes::servers::reach_of_ip};

/// An address of a card.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub card: String,
    pub ip: IpAddr,
    pub bits: u8,
}

/// All cards.
#[derive(Debug, Default)]
pub(super) struct Cards {
    pub addresses: Vec<Address>,
    /// Cards that lead to other machines.
    pub outside: Vec<String>,
    /// All addresses of this machine.
    pub own: Vec<IpAddr>,
}

impl Cards {
    /// Asks the system for the addresses, and /sys for what kind of card each is.
    pub fn read(host: &Host) -> Self {
        let mut addresses = Vec::new();
        if host.root() == std::path::Path::new("/") {
            let networks = sysinfo::Networks::new_with_refreshed_list();
            for (card, data) in networks.iter().flat_map(|n| n.iter()) {
                let all = data.ip_networks().iter();
                addresses.extend(all.map(|n| Address {
                    card: card.to_string_lossy().into_owned(),
                    ip: n.addr,
                    bits: n.prefix,
                }));
            }
        }
        addresses.sort_by(|a, b| (&a.card, a.ip).cmp(&(&b.card, b.ip)));
        let names = host.list("/sys/class/net").unwrap_or_default().into_iter().map(|e| e.name);
        Cards::new(names.filter(|n| leads_outside(host, n)).collect(), addresses)
    }

    pub fn new(outside: Vec<String>, addresses: Vec<Address>) -> Self {
        let own = addresses.iter().map(|a| a.ip).collect();
        Cards { addresses, outside, own }
    }

    /// The first packet of a connection from another machine.
    pub fn packet<'a>(&'a self, v6: bool, protocol: &'a str, port: u16, to: Option<IpAddr>) -> Packet<'a> {
        Packet { v6, protocol, port, to, cards: &self.outside, own: &self.own, out: None }
    }

    /// Whether other machines can reach an address of this IP version.
    pub fn reachable(&self, v6: bool) -> bool {
        self.addresses.iter().any(|a| {
            let link_local = matches!(a.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
            a.ip.is_ipv6() == v6 && !a.ip.is_loopback() && !link_local && self.outside.contains(&a.card)
        })
    }

    /// The card behind which an address lies.
    pub fn towards(&self, ip: IpAddr) -> Option<String> {
        let near = self.addresses.iter().filter(|a| Net::prefix(a.ip, a.bits).contains(ip));
        near.max_by_key(|a| a.bits).map(|a| a.card.clone())
    }

    pub fn rows(&self) -> impl Iterator<Item = InterfaceAddress> {
        self.addresses.iter().map(|a| InterfaceAddress {
            source: format!("/sys/class/net/{}", a.card),
            interface: a.card.clone(),
            address: a.ip.to_string(),
            prefix: a.bits.into(),
            reach: reach_of_ip(a.ip).to_owned(),
            leads_outside: self.outside.contains(&a.card),
        })
    }
}

/// Not the loopback card, and not the inner side of a container or virtual machine.
fn leads_outside(host: &Host, card: &str) -> bool {
    const INNER: &[&str] =
        &["veth", "vnet", "docker", "virbr", "lxcbr", "lxdbr", "podman", "cni", "cali", "flannel", "br-"];
    let inner = |name: &str| name == "lo" || INNER.iter().any(|start| name.starts_with(start));
    if card == "lo" {
        return false;
    }
    // A bridge leads outside when a real card is plugged into it; the names alone tell of all others.
    match host.list(&format!("/sys/class/net/{card}/brif")) {
        Ok(ports) => ports.iter().any(|p| !inner(&p.name) && !p.name.starts_with("tap")),
        Err(_) => !inner(card),
    }
}
