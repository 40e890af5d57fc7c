//! Programs that set up the firewall: whether they are switched on, and whether their rules are in force.

use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::services::scan,
};

use super::Firewall;

/// Reads what each installed program is set to do. `rules` tells of a live machine which programs' chains are loaded.
pub(super) fn read(host: &Host, facts: &mut Facts, loaded: Option<&dyn Fn(&str) -> bool>) {
    let units = scan::Units::scan(host);
    let enabled = |name: &str| scan::is_on(host, &units, name);
    let mut push = |program: &str, source: &str, enabled: bool, lets_all_in: Option<bool>| {
        facts.push(Firewall {
            source: source.to_owned(),
            program: program.to_owned(),
            enabled,
            active: loaded.map(|l| l(program)),
            lets_all_in,
        });
    };
    let mut gaps = Vec::new();
    let mut read = |path: &str| match host.read_text(path) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => String::new(),
        Err(error) => {
            gaps.push(Gap::new("how the firewall is set up", path, error.reason()));
            String::new()
        }
    };
    if host.exists("/usr/sbin/ufw") {
        let on = read("/etc/ufw/ufw.conf");
        let on = on.lines().any(|l| l.trim().eq_ignore_ascii_case("enabled=yes"));
        let policy = read("/etc/default/ufw");
        let open = on && policy.lines().any(|l| l.trim().starts_with("DEFAULT_INPUT_POLICY=\"ACCEPT"));
        push("ufw", "/etc/ufw/ufw.conf", on && enabled("ufw.service"), on.then_some(open));
    }
    if host.exists("/usr/sbin/firewalld") {
        let zone = read("/etc/firewalld/firewalld.conf");
        let open = zone.lines().any(|l| l.trim().eq_ignore_ascii_case("defaultzone=trusted"));
        push("firewalld", "/etc/firewalld/firewalld.conf", enabled("firewalld.service"), Some(open));
    }
    if host.exists("/usr/sbin/nft") {
        let rules = read("/etc/nftables.conf");
        let says = |word: &str| rules.lines().any(|l| !l.trim_start().starts_with('#') && l.contains(word));
        let filters = says("hook input") || says("include ");
        // With neither a refusing policy nor a refusing rule, an input chain keeps nobody out.
        let open = says("hook input") && !says("include ") && !says("drop") && !says("reject");
        push("nftables", "/etc/nftables.conf", filters && enabled("nftables.service"), filters.then_some(open));
    }
    if host.exists("/usr/sbin/netfilter-persistent") {
        let rules = read("/etc/iptables/rules.v4");
        let filters = rules.lines().any(|l| l.starts_with(":INPUT DROP") || l.starts_with("-A INPUT"));
        let on = enabled("netfilter-persistent.service") || enabled("iptables.service");
        push("netfilter-persistent", "/etc/iptables/rules.v4", filters && on, None);
    }
    if host.exists("/usr/sbin/shorewall") {
        push("shorewall", "/etc/shorewall/shorewall.conf", enabled("shorewall.service"), None);
    }
    if host.exists("/usr/sbin/ferm") {
        push("ferm", "/etc/ferm/ferm.conf", enabled("ferm.service"), None);
    }
    for gap in gaps {
        facts.partial::<Firewall>(gap);
    }
}
