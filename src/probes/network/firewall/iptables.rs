//! `iptables-save`, also of nft's iptables and of rule files in its format.

use std::net::SocketAddr;

use super::model::{Action, Chain, Net, Rule, Test, What};

/// Reads what the program printed; `family` is `ip` or `ip6`.
pub(crate) fn parse(text: &str, source: &str, family: &str) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            name.trim().clone_into(&mut table);
        } else if let Some(rest) = line.strip_prefix(':') {
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let policy = words.next().unwrap_or("-");
            let hook = hook(&name).filter(|_| policy != "-");
            chains.push(Chain {
                source: source.to_owned(),
                family: family.to_owned(),
                kind: hook.map(|_| if table == "nat" { "nat".to_owned() } else { "filter".to_owned() }),
                hook: hook.map(str::to_owned),
                priority: priority(&table),
                drops: policy == "DROP",
                table: table.clone(),
                name,
                rules: Vec::new(),
            });
        } else if line.starts_with("-A ") || line.starts_with('[') {
            let words = split(line.trim_start_matches(|c| c != '-'));
            let mut words = words.iter().map(String::as_str).skip(1);
            let Some(name) = words.next() else { continue };
            let rule = rule(&mut words);
            if let Some(chain) = chains.iter_mut().find(|c| c.name == name && c.table == table) {
                chain.rules.push(rule);
            }
        }
    }
    chains
}

fn hook(name: &str) -> Option<&'static str> {
    ["input", "forward", "output", "prerouting", "postrouting"].into_iter().find(|h| h.to_uppercase() == name)
}

/// The order of the kernel's tables (netfilter_ipv4.h).
fn priority(table: &str) -> i64 {
    match table {
        "raw" => -300,
        "mangle" => -150,
        "nat" => -100,
        "security" => 50,
        _ => 0,
    }
}

/// Words, with quoted ones kept whole.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut any) = (false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            '\\' if quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

fn rule<'a>(words: &mut impl Iterator<Item = &'a str>) -> Rule {
    let mut words = words.peekable();
    let mut tests = Vec::new();
    let mut action = Action::Nothing;
    let mut not = false;
    while let Some(word) = words.next() {
        let what = match word {
            "!" => {
                not = true;
                continue;
            }
            "-p" | "--protocol" => match words.next().unwrap_or_default() {
                "all" => None,
                name => Some(What::Protocol(vec![name.to_owned()])),
            },
            "-s" | "--source" | "--src-range" => nets(words.next().unwrap_or_default()).map(What::From),
            "-d" | "--destination" | "--dst-range" => nets(words.next().unwrap_or_default()).map(What::To),
            "-i" | "--in-interface" => Some(What::In(vec![words.next().unwrap_or_default().to_owned()])),
            "-o" | "--out-interface" => Some(What::Out(vec![words.next().unwrap_or_default().to_owned()])),
            "--dport" | "--dports" | "--destination-port" | "--ports" => {
                Some(What::Port(ports(words.next().unwrap_or_default())))
            }
            "--ctstate" | "--state" => {
                Some(What::State(words.next().unwrap_or_default().split(',').map(str::to_lowercase).collect()))
            }
            "--ctstatus" if matches!(words.peek(), Some(&"DNAT")) => {
                words.next();
                Some(What::SentOn)
            }
            "--dst-type" => match words.next().unwrap_or_default() {
                "LOCAL" => Some(What::Local),
                // Broadcast and multicast are no connections to this machine.
                _ => Some(What::State(Vec::new())),
            },
            "--match-set" => {
                let name = words.next().unwrap_or_default().to_owned();
                Some(if words.next().unwrap_or_default().starts_with("src") {
                    What::From(someone())
                } else {
                    What::Unknown(format!("set {name}"))
                })
            }
            "--mac-source" => {
                words.next().unwrap_or_default();
                Some(What::From(someone()))
            }
            // A first packet is below every limit, and on no list of those seen before.
            "--limit" | "--hashlimit-upto" | "--hashlimit" | "--connlimit-upto" | "--sport" | "--sports"
            | "--source-port" => {
                words.next().unwrap_or_default();
                Some(What::Holds)
            }
            "--hashlimit-above" | "--connlimit-above" => {
                words.next().unwrap_or_default();
                Some(What::State(Vec::new()))
            }
            "--update" | "--rcheck" => Some(What::State(Vec::new())),
            "--set" | "--syn" | "--rsource" | "--rdest" | "--rttl" | "--reap" => Some(What::Holds),
            "--tcp-flags" => {
                let (mask, set) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default());
                let opens = mask
                    .split(',')
                    .all(|m| (m == "SYN") == set.split(',').any(|s| s == m) || (m != "SYN" && set == "NONE"));
                Some(if opens { What::Holds } else { What::State(Vec::new()) })
            }
            "--ctdir" => match words.next().unwrap_or_default() {
                "ORIGINAL" => Some(What::Holds),
                _ => Some(What::State(Vec::new())),
            },
            "-m" | "--match" | "--comment" | "--limit-burst" | "--name" | "--mask" | "--seconds" | "--hitcount"
            | "--icmp-type" | "--icmpv6-type" | "--connlimit-mask" => {
                words.next().unwrap_or_default();
                None
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let target = words.next().unwrap_or_default().to_owned();
                action = target_action(word, &target, &mut words);
                break;
            }
            other
                if other.starts_with("--hashlimit-")
                    || other == "--connlimit-saddr"
                    || other == "--connlimit-daddr" =>
            {
                if words.peek().is_some_and(|w| !w.starts_with('-')) {
                    words.next();
                }
                None
            }
            other => {
                let mut text = other.trim_start_matches('-').to_owned();
                while let Some(more) = words.next_if(|w| !w.starts_with('-') && *w != "!") {
                    text.push(' ');
                    text.push_str(more);
                }
                Some(What::Unknown(text))
            }
        };
        if let Some(what) = what {
            tests.push(Test { not, what });
        }
        not = false;
    }
    Rule { tests, action }
}

fn target_action<'a>(word: &str, target: &str, words: &mut impl Iterator<Item = &'a str>) -> Action {
    match target {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" | "TARPIT" => Action::Drop,
        "RETURN" => Action::Return,
        "DNAT" | "REDIRECT" => {
            let rest: Vec<&str> = words.collect();
            let after = |name: &str| rest.iter().position(|w| *w == name).and_then(|i| rest.get(i + 1)).copied();
            let (to, port) = after("--to-destination").map_or((None, None), destination);
            Action::SendOn(to, port.or_else(|| after("--to-ports")?.split(['-', ',']).next()?.parse().ok()))
        }
        "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "CT" | "NOTRACK" | "TCPMSS" | "TRACE" | "SET" | "CLASSIFY"
        | "MASQUERADE" | "SNAT" | "CHECKSUM" | "AUDIT" | "DSCP" | "TOS" | "TTL" | "NFQUEUE" => Action::Nothing,
        chain if word.starts_with("-g") || word == "--goto" => Action::Goto(chain.to_owned()),
        chain => Action::Jump(chain.to_owned()),
    }
}

/// `172.17.0.2:80`, `[fd00::2]:80`, or an address alone.
fn destination(text: &str) -> (Option<std::net::IpAddr>, Option<u16>) {
    let text = text.split('-').next().unwrap_or(text);
    match text.parse::<SocketAddr>() {
        Ok(both) => (Some(both.ip()), Some(both.port())),
        Err(_) => match text.strip_prefix(':') {
            Some(port) => (None, port.parse().ok()),
            None => (text.trim_matches(['[', ']']).parse().ok(), None),
        },
    }
}

fn nets(text: &str) -> Option<Vec<Net>> {
    let nets: Vec<Net> = text.split(',').filter_map(Net::parse).collect();
    (!nets.is_empty()).then_some(nets)
}

/// A set that we cannot look into: some senders.
fn someone() -> Vec<Net> {
    ["192.0.2.0/24", "2001:db8::/32"].into_iter().filter_map(Net::parse).collect()
}

fn ports(text: &str) -> Vec<(u16, u16)> {
    let port = |p: &str| p.parse::<u16>().ok();
    let range = |part: &str| match part.split_once([':', '-']) {
        Some((first, last)) => {
            let first = if first.is_empty() { Some(0) } else { port(first) };
            let last = if last.is_empty() { Some(u16::MAX) } else { port(last) };
            Some((first?, last?))
        }
        None => port(part).map(|p| (p, p)),
    };
    text.split(',').filter_map(range).collect()
}
