//! Packet filters as a list of chains, and the walk that a new connection from outside takes through them.

use std::net::IpAddr;

/// A rule set of one or several programs.
#[derive(Debug, Default)]
pub(crate) struct Ruleset {
    pub chains: Vec<Chain>,
}

/// A chain of rules.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Program that told it: `nft`, `iptables-save` and so on.
    pub source: String,
    /// `ip`, `ip6` or `inet`.
    pub family: String,
    pub table: String,
    pub name: String,
    /// `filter` or `nat`, for a chain that packets enter by themselves.
    pub kind: Option<String>,
    /// Where packets enter it: `input`, `forward`, `prerouting`, …
    pub hook: Option<String>,
    pub priority: i64,
    /// What becomes of a packet that no rule decides about.
    pub drops: bool,
    pub rules: Vec<Rule>,
}

/// A rule: all tests must hold, then the action is taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub tests: Vec<Test>,
    pub action: Action,
}

/// What a rule asks of a packet; `not` turns it round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    pub not: bool,
    pub what: What,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Protocol by name, such as `tcp`.
    Protocol(Vec<String>),
    /// Port that the packet goes to.
    Port(Vec<(u16, u16)>),
    /// Card that it comes in by; `*` at the end stands for any rest.
    In(Vec<String>),
    /// Card that it would leave by.
    Out(Vec<String>),
    /// Address it comes from; an empty list is a set without members.
    From(Vec<Net>),
    /// Address it goes to.
    To(Vec<Net>),
    /// State of its connection.
    State(Vec<String>),
    /// IP version.
    Version(u8),
    /// Goes to an address of this machine itself.
    Local,
    /// Was sent on to another address on its way in.
    SentOn,
    /// Holds for a first packet: a limit on how many come, the source port, flags of an opening.
    Holds,
    /// Not understood, with the words of it.
    Unknown(String),
}

/// An address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Net {
    pub first: IpAddr,
    pub last: IpAddr,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Accept,
    Drop,
    Jump(String),
    Goto(String),
    Return,
    /// Sends the packet on to another address or port.
    SendOn(Option<IpAddr>, Option<u16>),
    /// Counts, logs, marks.
    Nothing,
}

/// What someone outside gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// Nothing passes.
    Closed,
    /// Rules that are not understood decide.
    Unknown,
    /// Some senders pass, others not.
    Limited,
    /// Everyone passes.
    Open,
}

impl Answer {
    pub fn name(self) -> &'static str {
        match self {
            Answer::Closed => "closed",
            Answer::Unknown => "unknown",
            Answer::Limited => "limited",
            Answer::Open => "open",
        }
    }
}

/// The first packet of a connection from another machine.
#[derive(Debug, Clone)]
pub(crate) struct Packet<'a> {
    pub v6: bool,
    pub protocol: &'a str,
    pub port: u16,
    /// Where it goes; none when any of the machine's own addresses will do.
    pub to: Option<IpAddr>,
    /// Cards that lead to other machines.
    pub cards: &'a [String],
    /// Addresses of this machine.
    pub own: &'a [IpAddr],
    /// Card it leaves by when it is sent on.
    pub out: Option<String>,
}

/// How far a test holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// For some senders.
    Some,
    /// For all senders but some.
    Most,
    Unsure,
}

/// What a walk through a chain came to.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    /// Decided for everyone still on the way: accepted or dropped.
    decided: Option<bool>,
    /// Some were accepted on the way.
    some: bool,
    /// Rules not understood may have accepted some.
    unsure: bool,
    /// Only some are still on the way.
    few: bool,
    /// Where it is sent on.
    sent: Option<(Option<IpAddr>, Option<u16>)>,
}

/// Chains within chains that are followed.
const DEPTH: usize = 32;
/// Rules that one packet is shown: a loop, or a list of half the world, ends here.
const STEPS: usize = 200_000;

impl Ruleset {
    /// Whether anything refuses packets that come in: empty chains do not, and lists of guessers (fail2ban's and the
    /// like) are no firewall.
    pub fn guards(&self, v6: bool) -> bool {
        let mut seen = Vec::new();
        self.entries("input", v6).any(|c| c.kind.as_deref() != Some("nat") && self.refuses(c, &mut seen))
    }

    fn refuses<'a>(&'a self, chain: &'a Chain, seen: &mut Vec<&'a str>) -> bool {
        let bans =
            ["f2b", "crowdsec", "sshguard"].iter().any(|b| chain.name.starts_with(b) || chain.table.starts_with(b));
        if bans || seen.contains(&chain.name.as_str()) || seen.len() > 500 {
            return false;
        }
        seen.push(&chain.name);
        chain.drops
            || chain.rules.iter().any(|rule| match &rule.action {
                Action::Drop => true,
                Action::Jump(name) | Action::Goto(name) => {
                    self.chain(chain, name).is_some_and(|next| self.refuses(next, seen))
                }
                _ => false,
            })
    }

    fn entries<'a>(&'a self, hook: &'a str, v6: bool) -> impl Iterator<Item = &'a Chain> {
        self.chains.iter().filter(move |c| c.hook.as_deref() == Some(hook) && c.speaks(v6))
    }

    /// What becomes of a packet that comes in and stays.
    pub fn ask(&self, packet: &Packet<'_>) -> Answer {
        let mut packet = packet.clone();
        let before = self.hook("prerouting", &packet);
        if let Some((to, port)) = self.changed(&packet) {
            packet.port = port.unwrap_or(packet.port);
            packet.to = to.or(packet.to);
        }
        before.min(self.hook("input", &packet))
    }

    /// What becomes of a packet that rules send on to another machine or container.
    pub fn ask_sent_on(&self, packet: &Packet<'_>, (to, port): (IpAddr, u16)) -> Answer {
        let before = self.hook("prerouting", &Packet { out: None, ..packet.clone() });
        before.min(self.hook("forward", &Packet { to: Some(to), port, ..packet.clone() }))
    }

    /// Where rules send a packet on to, when that is not this machine.
    pub fn leads_to(&self, packet: &Packet<'_>) -> Option<(IpAddr, u16)> {
        let (to, port) = self.changed(packet)?;
        let to = to.filter(|ip| !packet.own.contains(ip) && !ip.is_loopback())?;
        Some((to, port.unwrap_or(packet.port)))
    }

    /// All chains of a hook must let it pass.
    fn hook(&self, hook: &str, packet: &Packet<'_>) -> Answer {
        let mut chains: Vec<&Chain> =
            self.entries(hook, packet.v6).filter(|c| c.kind.as_deref() != Some("nat")).collect();
        chains.sort_by_key(|c| c.priority);
        let ask = |chain: &&Chain| {
            let walk = self.walk(chain, packet, 0, &mut 0);
            match walk.decided.unwrap_or(!chain.drops) {
                true if walk.few => Answer::Limited,
                true => Answer::Open,
                false if walk.some => Answer::Limited,
                false if walk.unsure => Answer::Unknown,
                false => Answer::Closed,
            }
        };
        chains.iter().map(ask).min().unwrap_or(Answer::Open)
    }

    /// Where the first address-changing rule that fits sends it.
    fn changed(&self, packet: &Packet<'_>) -> Option<(Option<IpAddr>, Option<u16>)> {
        let mut chains: Vec<&Chain> =
            self.entries("prerouting", packet.v6).filter(|c| c.kind.as_deref() == Some("nat")).collect();
        chains.sort_by_key(|c| c.priority);
        chains.iter().find_map(|c| self.walk(c, packet, 0, &mut 0).sent)
    }

    /// Ports that address-changing rules name: protocol and port.
    pub fn changed_ports(&self, v6: bool) -> Vec<(String, u16)> {
        let mut ports = Vec::new();
        for rule in self.chains.iter().filter(|c| c.speaks(v6)).flat_map(|c| &c.rules) {
            let Action::SendOn(..) = rule.action else { continue };
            let mut protocols = vec!["tcp".to_owned()];
            for test in rule.tests.iter().filter(|t| !t.not) {
                if let What::Protocol(names) = &test.what {
                    protocols.clone_from(names);
                }
            }
            for test in rule.tests.iter().filter(|t| !t.not) {
                let What::Port(ranges) = &test.what else { continue };
                let each = ranges.iter().flat_map(|(a, b)| *a..=*b).take(64);
                ports.extend(each.flat_map(|port| protocols.iter().map(move |p| (p.clone(), port))));
            }
        }
        ports.sort();
        ports.dedup();
        ports.truncate(2_000);
        ports
    }

    fn walk(&self, chain: &Chain, packet: &Packet<'_>, depth: usize, steps: &mut usize) -> Walk {
        let mut walk = Walk::default();
        for rule in &chain.rules {
            *steps = steps.saturating_add(1);
            if *steps > STEPS {
                walk.unsure = true;
                return walk;
            }
            let fit = rule.fit(packet);
            if fit == Fit::No {
                continue;
            }
            match &rule.action {
                Action::Nothing => {}
                Action::Accept => match fit {
                    Fit::Yes | Fit::Most => {
                        walk.decided = Some(true);
                        return walk;
                    }
                    Fit::Some => walk.some = true,
                    Fit::Unsure | Fit::No => walk.unsure = true,
                },
                Action::Drop => match fit {
                    Fit::Yes => {
                        walk.decided = Some(false);
                        return walk;
                    }
                    // All but these were dropped, these go on.
                    Fit::Most => walk.few = true,
                    // Some others were dropped; most senders go on.
                    Fit::Some | Fit::Unsure | Fit::No => {}
                },
                Action::Return => {
                    if matches!(fit, Fit::Yes | Fit::Most) {
                        return walk;
                    }
                }
                Action::SendOn(to, port) => {
                    if fit != Fit::Unsure {
                        walk.sent = Some((*to, *port));
                        walk.decided = Some(true);
                        return walk;
                    }
                }
                Action::Jump(name) | Action::Goto(name) => {
                    let Some(next) = self.chain(chain, name).filter(|_| depth < DEPTH) else { continue };
                    let inner = self.walk(next, packet, depth + 1, steps);
                    walk.few |= inner.few && matches!(fit, Fit::Yes | Fit::Most);
                    if inner.sent.is_some() {
                        walk.sent = inner.sent;
                        walk.decided = Some(true);
                        return walk;
                    }
                    let accepted = inner.decided == Some(true) || inner.some;
                    match (fit, inner.decided) {
                        (Fit::Yes | Fit::Most, Some(_)) => {
                            let some = walk.some || inner.some;
                            return Walk { decided: inner.decided, some, unsure: walk.unsure || inner.unsure, ..walk };
                        }
                        (Fit::Unsure, _) => walk.unsure |= accepted || inner.unsure,
                        _ => {
                            walk.some |= accepted;
                            walk.unsure |= inner.unsure;
                        }
                    }
                    if matches!(rule.action, Action::Goto(_)) && matches!(fit, Fit::Yes | Fit::Most) {
                        return walk;
                    }
                }
            }
        }
        walk
    }

    fn chain(&self, from: &Chain, name: &str) -> Option<&Chain> {
        self.chains
            .iter()
            .find(|c| c.name == name && c.table == from.table && c.family == from.family && c.source == from.source)
    }
}

impl Chain {
    /// Whether packets of an IP version come by.
    pub fn speaks(&self, v6: bool) -> bool {
        match self.family.as_str() {
            "inet" => true,
            "ip" => !v6,
            "ip6" => v6,
            _ => false,
        }
    }
}

impl Rule {
    /// How far all tests together hold.
    fn fit(&self, packet: &Packet<'_>) -> Fit {
        let mut all = Fit::Yes;
        for test in &self.tests {
            all = match (all, test.fit(packet)) {
                (_, Fit::No) => return Fit::No,
                (Fit::Unsure, _) | (_, Fit::Unsure) => Fit::Unsure,
                (Fit::Some, _) | (_, Fit::Some) => Fit::Some,
                (Fit::Most, _) | (_, Fit::Most) => Fit::Most,
                (_, fit) => fit,
            };
        }
        all
    }
}

impl Test {
    fn fit(&self, packet: &Packet<'_>) -> Fit {
        let fit = self.what.fit(packet);
        match (self.not, fit) {
            (false, fit) => fit,
            (true, Fit::Yes) => Fit::No,
            (true, Fit::No) => Fit::Yes,
            (true, Fit::Some) => Fit::Most,
            (true, Fit::Most) => Fit::Some,
            (true, Fit::Unsure) => Fit::Unsure,
        }
    }
}

impl What {
    fn fit(&self, packet: &Packet<'_>) -> Fit {
        let yes = |holds: bool| if holds { Fit::Yes } else { Fit::No };
        match self {
            What::Protocol(names) => yes(names.iter().any(|n| n == packet.protocol)),
            What::Port(ranges) => yes(ranges.iter().any(|(a, b)| (*a..=*b).contains(&packet.port))),
            What::In(patterns) => {
                let hits = packet.cards.iter().filter(|card| patterns.iter().any(|p| like(p, card))).count();
                match hits {
                    0 => Fit::No,
                    all if all == packet.cards.len() => Fit::Yes,
                    _ => Fit::Some,
                }
            }
            What::Out(patterns) => yes(packet.out.as_ref().is_some_and(|card| patterns.iter().any(|p| like(p, card)))),
            What::From(nets) => {
                let mine: Vec<&Net> = nets.iter().filter(|n| n.first.is_ipv6() == packet.v6).collect();
                match () {
                    () if mine.iter().any(|n| n.is_everything()) => Fit::Yes,
                    () if mine.iter().all(|n| n.first.is_loopback() || n.first.is_multicast()) => Fit::No,
                    () => Fit::Some,
                }
            }
            What::To(nets) => match packet.to {
                Some(to) => yes(nets.iter().any(|n| n.contains(to))),
                None => {
                    let outer = packet.own.iter().filter(|ip| ip.is_ipv6() == packet.v6 && !ip.is_loopback());
                    yes(nets.iter().any(|n| n.is_everything() && n.first.is_ipv6() == packet.v6)
                        || outer.into_iter().any(|ip| nets.iter().any(|n| n.contains(*ip))))
                }
            },
            What::State(states) => yes(states.iter().any(|s| s == "new")),
            What::Version(version) => yes((*version == 6) == packet.v6),
            What::Local => yes(packet.out.is_none()),
            What::SentOn => yes(packet.out.is_some()),
            What::Holds => Fit::Yes,
            What::Unknown(_) => Fit::Unsure,
        }
    }
}

impl Net {
    /// One address.
    pub fn one(ip: IpAddr) -> Self {
        Net { first: ip, last: ip }
    }

    /// An address with the number of its fixed bits.
    pub fn prefix(ip: IpAddr, bits: u8) -> Self {
        match ip {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
                let base = v4.to_bits() & mask;
                Net { first: IpAddr::V4(base.into()), last: IpAddr::V4((base | !mask).into()) }
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
                let base = v6.to_bits() & mask;
                Net { first: IpAddr::V6(base.into()), last: IpAddr::V6((base | !mask).into()) }
            }
        }
    }

    /// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1-10.0.0.9` or one address.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once('-') {
            return Some(Net { first: first.parse().ok()?, last: last.parse().ok()? });
        }
        let Some((ip, bits)) = text.split_once('/') else { return Some(Net::one(text.parse().ok()?)) };
        let bits = match bits.parse::<u8>() {
            Ok(bits) => bits,
            Err(_) => match bits.parse::<IpAddr>().ok()? {
                IpAddr::V4(mask) => u8::try_from(mask.to_bits().leading_ones()).ok()?,
                IpAddr::V6(mask) => u8::try_from(mask.to_bits().leading_ones()).ok()?,
            },
        };
        Some(Net::prefix(ip.parse().ok()?, bits))
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        self.first.is_ipv6() == ip.is_ipv6() && self.first <= ip && ip <= self.last
    }

    fn is_everything(&self) -> bool {
        match (self.first, self.last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => a.to_bits() == 0 && b.to_bits() == u32::MAX,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() == 0 && b.to_bits() == u128::MAX,
            _ => false,
        }
    }
}

/// A card's name against a pattern: iptables ends it with `+`, nft with `*`.
fn like(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(['*', '+']) {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}
