//! Real rule sets of nft, ufw and Docker: what each lets in was tried with real connections from another machine.

use std::net::{IpAddr, Ipv4Addr};

use super::{iptables, model::*, nft};

const UFW: &str = include_str!("../../../../tests/fixtures/network/ufw/iptables-save.txt");
const UFW6: &str = include_str!("../../../../tests/fixtures/network/ufw/ip6tables-save.txt");
const DOCKER: &str = include_str!("../../../../tests/fixtures/network/ufw-docker/iptables-save.txt");
const DOCKER_NFT: &str = include_str!("../../../../tests/fixtures/network/ufw-docker/nft.json");
const NFT: &str = include_str!("../../../../tests/fixtures/network/nft/ruleset.json");

fn ask_v(set: &Ruleset, v6: bool, protocol: &str, port: u16) -> &'static str {
    let cards = ["eth0".to_owned()];
    let own = ["10.76.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap(), "2001:db8::2".parse().unwrap()];
    let packet = Packet { v6, protocol, port, to: None, cards: &cards, own: &own, out: None };
    set.ask(&packet).name()
}

fn ask(set: &Ruleset, protocol: &str, port: u16) -> &'static str {
    ask_v(set, false, protocol, port)
}

#[test]
fn ufw_lets_in_what_it_was_told_to() {
    let mut set = Ruleset { chains: iptables::parse(UFW, "iptables-save", "ip") };
    set.chains.extend(iptables::parse(UFW6, "iptables-save", "ip6"));
    for (port, v4, v6) in
        [(22, "open", "open"), (80, "open", "open"), (5432, "limited", "closed"), (25, "closed", "closed")]
    {
        assert_eq!((ask_v(&set, false, "tcp", port), ask_v(&set, true, "tcp", port)), (v4, v6), "{port}");
    }
    assert_eq!(ask(&set, "udp", 53), "closed");
}

#[test]
fn a_port_that_docker_publishes_goes_past_ufw() {
    let set = Ruleset { chains: iptables::parse(DOCKER, "iptables-save", "ip") };
    let (cards, own) = (["eth0".to_owned()], [IpAddr::V4(Ipv4Addr::new(10, 76, 0, 2))]);
    let packet = |port| Packet { v6: false, protocol: "tcp", port, to: None, cards: &cards, own: &own, out: None };
    assert_eq!(set.changed_ports(false), [("tcp".to_owned(), 8080), ("tcp".to_owned(), 8081)]);
    let to = set.leads_to(&packet(8080)).unwrap();
    assert_eq!(to, ("172.17.0.2".parse().unwrap(), 80));
    let sent = Packet { out: Some("docker0".to_owned()), ..packet(8080) };
    assert_eq!(set.ask_sent_on(&sent, to).name(), "open");
    assert_eq!(set.leads_to(&packet(8081)), None, "published on this machine's own loopback only");
    assert_eq!(set.leads_to(&packet(22)), None);
    // A rule of the owner's own in DOCKER-USER closes it.
    let closed = DOCKER.replace("-A DOCKER-USER -j RETURN", "-A DOCKER-USER -i eth0 -j DROP");
    assert_ne!(closed, DOCKER);
    let set = Ruleset { chains: iptables::parse(&closed, "iptables-save", "ip") };
    assert_eq!(set.ask_sent_on(&sent, to).name(), "closed");
}

#[test]
fn what_nft_cannot_name_is_never_called_open() {
    let set = Ruleset { chains: nft::parse(DOCKER_NFT).unwrap() };
    assert_eq!(ask(&set, "tcp", 25), "unknown");
    assert_eq!(ask(&set, "tcp", 22), "unknown");
}

#[test]
fn nft_sets_maps_limits_and_second_tables_count() {
    let set = Ruleset { chains: nft::parse(NFT).unwrap() };
    for (protocol, port, expected) in [
        ("tcp", 22, "open"),
        ("tcp", 8000, "open"),
        ("tcp", 8005, "closed"),
        ("tcp", 8011, "closed"),
        ("tcp", 80, "open"),
        ("tcp", 81, "open"),
        ("tcp", 443, "open"),
        ("tcp", 5432, "limited"),
        ("tcp", 6379, "closed"),
        ("tcp", 3306, "limited"),
        ("tcp", 2222, "open"),
        ("udp", 53, "open"),
        ("udp", 161, "closed"),
        ("udp", 5353, "open"),
        ("tcp", 47_321, "closed"),
    ] {
        assert_eq!(ask(&set, protocol, port), expected, "{protocol} {port}");
    }
    assert_eq!(ask_v(&set, true, "udp", 161), "limited");
    assert_eq!(ask_v(&set, true, "tcp", 5432), "closed");
    let (cards, own) = (["eth0".to_owned()], []);
    let packet =
        Packet { v6: false, protocol: "tcp", port: 8443, to: None, cards: &cards, own: &own, out: Some("eth1".into()) };
    let to = set.leads_to(&packet).unwrap();
    assert_eq!((to, set.ask_sent_on(&packet, to).name()), (("10.5.0.9".parse().unwrap(), 443), "open"));
}

#[test]
fn of_two_cards_one_is_not_everyone() {
    let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -i wg+ -j ACCEPT\nCOMMIT\n";
    let set = Ruleset { chains: iptables::parse(rules, "iptables-save", "ip") };
    let own = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))];
    for (cards, expected) in
        [(&["eth0", "eth1"][..], "limited"), (&["eth1"], "open"), (&["eth0"], "closed"), (&["wg0"], "open")]
    {
        let cards: Vec<String> = cards.iter().map(|c| (*c).to_owned()).collect();
        let packet = Packet { v6: false, protocol: "tcp", port: 22, to: None, cards: &cards, own: &own, out: None };
        assert_eq!(set.ask(&packet).name(), expected, "{cards:?}");
    }
}

#[test]
fn matches_of_many_kinds_are_read_as_iptables_means_them() {
    for (rule, expected) in [
        ("-p tcp -m multiport --dports 22,80:90 -j ACCEPT", "open"),
        ("-p tcp -m multiport --dports 23,80:90 -j ACCEPT", "closed"),
        ("-s 10.0.0.0/255.0.0.0 -p tcp -m tcp --dport 22 -j ACCEPT", "limited"),
        ("-m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT", "limited"),
        ("! -s 10.0.0.0/8 -j DROP\n-A INPUT -j ACCEPT", "limited"),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", "open"),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", "closed"),
        ("-m state --state ESTABLISHED -j ACCEPT", "closed"),
        ("-m set --match-set friends src -j ACCEPT", "limited"),
        ("-m string --string \"a b\" --algo bm -j ACCEPT", "unknown"),
        ("-m comment --comment \"-j DROP\" -j ACCEPT", "open"),
        ("-d 10.76.0.2/32 -j ACCEPT", "open"),
        ("-d 10.76.0.3/32 -j ACCEPT", "closed"),
        ("-j LOOP\n-A LOOP -j LOOP", "closed"),
        ("-m hashlimit --hashlimit-above 10/min --hashlimit-name a -j DROP\n-A INPUT -j ACCEPT", "open"),
    ] {
        let rules = format!("*filter\n:INPUT DROP [0:0]\n:LOOP - [0:0]\n-A INPUT {rule}\nCOMMIT\n");
        let set = Ruleset { chains: iptables::parse(&rules, "iptables-save", "ip") };
        assert_eq!(ask(&set, "tcp", 22), expected, "{rule}");
    }
}

#[test]
fn rules_read_in_words() {
    let chains = iptables::parse(DOCKER, "iptables-save", "ip");
    let chain = chains.iter().find(|c| c.name == "DOCKER" && c.table == "nat").unwrap();
    assert_eq!(chain.rules[1].to_string(), "in != docker0 tcp port 8080 send on to 172.17.0.2:80");
    let chains = nft::parse(NFT).unwrap();
    let services = chains.iter().find(|c| c.name == "services").unwrap();
    assert_eq!(services.rules[0].to_string(), "tcp port 22,8000-8010 accept");
    assert!(nft::parse("no json").is_none());
    assert!(nft::parse("[]").is_none());
}

#[test]
fn empty_chains_and_lists_of_guessers_are_no_firewall() {
    let guards = |rules: &str| Ruleset { chains: iptables::parse(rules, "iptables-save", "ip") }.guards(false);
    assert!(!guards("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n"), "as Docker leaves it");
    let fail2ban = "*filter\n:INPUT ACCEPT [0:0]\n:f2b-sshd - [0:0]\n-A INPUT -p tcp -j f2b-sshd\n\
                    -A f2b-sshd -s 203.0.113.9/32 -j REJECT\n-A f2b-sshd -j RETURN\nCOMMIT\n";
    assert!(!guards(fail2ban));
    assert!(guards("*filter\n:INPUT DROP [0:0]\nCOMMIT\n"));
    assert!(guards("*filter\n:INPUT ACCEPT [0:0]\n:own - [0:0]\n-A INPUT -j own\n-A own -j REJECT\nCOMMIT\n"));
    assert!(!guards("*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT\n"), "a circle");
    let nft = Ruleset { chains: nft::parse(NFT).unwrap() };
    assert!(nft.guards(false) && nft.guards(true));
}

/// Chains and verdicts as firewalld writes them: zones by `goto`, one for an office network.
#[test]
fn zones_of_firewalld_are_followed() {
    let json = include_str!("../../../../tests/fixtures/network/nft/firewalld.json");
    let set = Ruleset { chains: nft::parse(json).unwrap() };
    assert!(set.guards(false) && set.guards(true));
    assert_eq!((ask(&set, "tcp", 22), ask(&set, "tcp", 80)), ("open", "limited"));
    assert_eq!((ask_v(&set, true, "tcp", 22), ask_v(&set, true, "tcp", 80)), ("open", "closed"));
    assert_eq!(ask_v(&set, true, "udp", 546), "closed", "only within the network card's own network");
}
