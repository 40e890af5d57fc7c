//! The firewall: which programs set it up, the rules in force from all of them together, and what someone on another
//! machine would get.

mod iptables;
mod model;
mod nft;
mod programs;
mod text;

pub(super) use model::{Answer, Net, Packet, Ruleset};

use super::cards::Cards;
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason},
    host::{Command, Host},
};

fact_table! {
    /// Programs that set up a firewall, one row for each that is installed.
    "firewall" => Firewall {
        /// Its settings file.
        source: String,
        /// `nftables`, `ufw`, `firewalld`, `netfilter-persistent`, `shorewall` or `ferm`.
        program: String,
        /// Whether it is set up and starts with the machine.
        enabled: bool,
        /// Whether its rules are in force now; null in an image, or when only root may see it.
        active: Option<bool>,
        /// Whether its settings let in everything that no rule names; null when not told there.
        lets_all_in: Option<bool>,
    }
    offline: true,
    examples: ["select program, enabled, active from firewall"],
}

fact_table! {
    /// What a connection from another machine gets at a port that no rule names, one row for each IP version.
    "firewall_inbound" => FirewallInbound {
        /// Programs that told the rules, by commas; `none` when there are none.
        source: String,
        /// 4 or 6.
        family: i64,
        /// `closed`, `limited` (some senders pass), `open`, or `unknown` when rules are not understood.
        verdict: String,
        /// Whether there are rules that refuse anything; lists of banned addresses do not count.
        has_rules: bool,
        /// Whether the machine has an address of this version that other machines can reach.
        reachable: bool,
    }
    offline: false,
    examples: ["select family, verdict from firewall_inbound"],
}

fact_table! {
    /// Rules in force, those of nft and iptables alike, in the order in which packets meet them within a chain.
    "firewall_rules" => FirewallRule {
        /// Program that told the rule.
        source: String,
        /// Its place in the chain, from 1; 0 for what becomes of the rest.
        line: i64,
        /// `ip`, `ip6` or `inet` (both).
        family: String,
        /// Table that the chain is in.
        table_name: String,
        /// Chain.
        chain_name: String,
        /// Where packets enter the chain, such as `input`; null for one that others jump to.
        hook: Option<String>,
        /// The rule in short words.
        rule: String,
    }
    offline: false,
    examples: ["select chain_name, line, rule from firewall_rules where hook = 'input' order by chain_name, line"],
}

/// Rules that are kept.
const MOST: usize = 20_000;
/// A port that no sensible rule names.
const NAMELESS: u16 = 47_321;

/// The rules in force.
#[derive(Debug)]
pub(super) struct Rules {
    pub set: Ruleset,
    /// Why they are not known.
    pub gap: Option<Gap>,
}

/// Asks all programs that know rules.
pub(super) fn rules(host: &Host) -> Rules {
    let mut set = Ruleset::default();
    let mut gap = None;
    let mut failed = |source: &str, reason: Reason| {
        gap.get_or_insert(Gap::new("the rules of the firewall", source, reason));
    };
    if !host.is_root() && host.root() == std::path::Path::new("/") {
        failed("nft", Reason::NeedsRoot);
        return Rules { set, gap };
    }
    let ask = |programs: &[&'static str], args: &[&str]| {
        let command = Command::new(programs).args(args.iter().copied());
        host.has(&command).then(|| {
            host.run(&command)
                .map_err(|e| e.reason())
                .and_then(|o| o.success(programs.first().copied().unwrap_or_default()).map_err(|e| e.reason()))
        })
    };
    let nft = ask(&["/usr/sbin/nft", "/sbin/nft"], &["-j", "list", "ruleset"]);
    match &nft {
        Some(Ok(json)) => match nft::parse(json) {
            Some(chains) => set.chains = chains,
            None => failed("nft", Reason::Broken("it is not the JSON that nft prints".to_owned())),
        },
        Some(Err(reason)) => failed("nft", reason.clone()),
        None => {}
    }
    for (family, programs, legacy, names) in [
        (
            "ip",
            &[
                "/usr/sbin/iptables-nft-save",
                "/sbin/iptables-nft-save",
                "/usr/sbin/iptables-save",
                "/sbin/iptables-save",
            ],
            &["/usr/sbin/iptables-legacy-save", "/sbin/iptables-legacy-save"],
            "/proc/net/ip_tables_names",
        ),
        (
            "ip6",
            &[
                "/usr/sbin/ip6tables-nft-save",
                "/sbin/ip6tables-nft-save",
                "/usr/sbin/ip6tables-save",
                "/sbin/ip6tables-save",
            ],
            &["/usr/sbin/ip6tables-legacy-save", "/sbin/ip6tables-legacy-save"],
            "/proc/net/ip6_tables_names",
        ),
    ] {
        // iptables keeps its rules as nft chains whose matches only it can name.
        let theirs = |c: &model::Chain| {
            c.family == family && ["filter", "nat", "mangle", "raw", "security"].contains(&c.table.as_str())
        };
        let upper = |c: &model::Chain| c.name.chars().all(|c| c.is_ascii_uppercase());
        if nft.is_none() || set.chains.iter().any(|c| theirs(c) && c.hook.is_some() && upper(c)) {
            match ask(programs, &[]) {
                Some(Ok(text)) => {
                    set.chains.retain(|c| !theirs(c));
                    set.chains.extend(iptables::parse(&text, "iptables-save", family));
                }
                Some(Err(reason)) => failed("iptables-save", reason),
                None => {}
            }
        }
        if host.read_text(names).is_ok_and(|t| !t.trim().is_empty()) {
            match ask(legacy, &[]) {
                Some(Ok(text)) => set.chains.extend(iptables::parse(&text, "iptables-legacy-save", family)),
                Some(Err(reason)) => failed("iptables-legacy-save", reason),
                None if nft.is_some() => {
                    failed("iptables-legacy-save", Reason::Tool("iptables is not installed".to_owned()));
                }
                None => {}
            }
        }
    }
    Rules { set, gap }
}

/// What an image's settings tell.
pub(super) fn offline(host: &Host, facts: &mut Facts) {
    programs::read(host, facts, None);
}

/// Tells the rules in force and what they let in.
pub(super) fn tell(host: &Host, facts: &mut Facts, rules: &Rules, cards: &Cards) {
    let set = &rules.set;
    let active = |program: &str| match program {
        "ufw" => set.chains.iter().any(|c| c.name == "ufw-user-input"),
        "firewalld" => set.chains.iter().any(|c| c.table == "firewalld"),
        "nftables" => set.chains.iter().any(|c| {
            c.source == "nft"
                && c.hook.as_deref() == Some("input")
                && c.table != "firewalld"
                && !c.table.starts_with("f2b")
        }),
        _ => set.chains.iter().any(|c| c.hook.as_deref() == Some("input") && (c.drops || !c.rules.is_empty())),
    };
    let known = rules.gap.is_none();
    programs::read(host, facts, known.then_some(&active as &dyn Fn(&str) -> bool));
    if let Some(gap) = &rules.gap {
        facts.partial::<FirewallInbound>(gap.clone());
        facts.partial::<FirewallRule>(gap.clone());
        facts.partial::<Firewall>(gap.clone());
        if set.chains.is_empty() {
            return;
        }
    }
    let mut sources: Vec<&str> = set.chains.iter().map(|c| c.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let source = if sources.is_empty() { "none".to_owned() } else { sources.join(",") };
    for v6 in [false, true] {
        let packet = cards.packet(v6, "tcp", NAMELESS, None);
        facts.push(FirewallInbound {
            source: source.clone(),
            family: if v6 { 6 } else { 4 },
            verdict: set.ask(&packet).name().to_owned(),
            has_rules: set.guards(v6),
            reachable: cards.reachable(v6),
        });
    }
    let mut left = MOST;
    for chain in &set.chains {
        let row = |line: i64, rule: String| FirewallRule {
            source: chain.source.clone(),
            line,
            family: chain.family.clone(),
            table_name: chain.table.clone(),
            chain_name: chain.name.clone(),
            hook: chain.hook.clone(),
            rule,
        };
        for (line, rule) in (1_i64..).zip(&chain.rules).take(left) {
            facts.push(row(line, rule.to_string()));
        }
        left = left.saturating_sub(chain.rules.len());
        if chain.hook.is_some() {
            facts.push(row(0, format!("the rest: {}", if chain.drops { "drop" } else { "accept" })));
        }
    }
}

#[cfg(test)]
mod tests;
