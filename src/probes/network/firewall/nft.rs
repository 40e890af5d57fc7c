//! `nft -j list ruleset` (libnftables-json(5)).

use std::net::IpAddr;

use serde_json::Value;

use super::model::{Action, Chain, Net, Rule, Test, What};

/// What nft calls a set or a map, and what is in it.
struct Named<'a> {
    family: &'a str,
    table: &'a str,
    name: &'a str,
    elements: &'a [Value],
}

/// Reads what nft printed; none when it is not what nft prints.
pub(crate) fn parse(json: &str) -> Option<Vec<Chain>> {
    let all: Value = serde_json::from_str(json).ok()?;
    let items = all.get("nftables")?.as_array()?;
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut chains: Vec<Chain> = Vec::new();
    let mut named = Vec::new();
    for item in items {
        if let Some(set) = item.get("set").or_else(|| item.get("map")) {
            let str = |key| set.get(key).and_then(Value::as_str).unwrap_or_default();
            let elements = set.get("elem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            named.push(Named { family: str("family"), table: str("table"), name: str("name"), elements });
        }
        if let Some(chain) = item.get("chain") {
            chains.push(Chain {
                source: "nft".to_owned(),
                family: text(chain, "family"),
                table: text(chain, "table"),
                name: text(chain, "name"),
                kind: chain.get("type").and_then(Value::as_str).map(str::to_owned),
                hook: chain.get("hook").and_then(Value::as_str).map(str::to_owned),
                priority: chain.get("prio").and_then(Value::as_i64).unwrap_or(0),
                drops: chain.get("policy").and_then(Value::as_str) == Some("drop"),
                rules: Vec::new(),
            });
        }
    }
    for item in items {
        let Some(rule) = item.get("rule") else { continue };
        let (family, table, name) = (text(rule, "family"), text(rule, "table"), text(rule, "chain"));
        let look_up = |set: &str| {
            named.iter().find(|n| n.family == family && n.table == table && n.name == set).map(|n| n.elements)
        };
        let expressions = rule.get("expr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rules = rules(expressions, &look_up);
        if let Some(chain) = chains.iter_mut().find(|c| c.family == family && c.table == table && c.name == name) {
            chain.rules.extend(rules);
        }
    }
    Some(chains)
}

type LookUp<'a, 'b> = dyn Fn(&str) -> Option<&'a [Value]> + 'b;

/// One rule; a verdict map becomes a rule for each of its entries.
fn rules<'a>(expressions: &'a [Value], look_up: &LookUp<'a, '_>) -> Vec<Rule> {
    let mut tests = Vec::new();
    let mut rules = Vec::new();
    let mut action = None;
    for expression in expressions {
        let Some((kind, body)) = expression.as_object().and_then(|o| o.iter().next()) else { continue };
        match kind.as_str() {
            "match" => tests.extend(matched(body, look_up)),
            "vmap" => {
                let Some(key) = body.get("key") else { continue };
                for (value, verdict) in entries(body.get("data"), look_up) {
                    let mut all = tests.clone();
                    all.extend(compare(key, false, value, look_up));
                    rules.push(Rule { tests: all, action: verdict_of(verdict).unwrap_or(Action::Nothing) });
                }
            }
            "limit" => tests.push(holds(body.get("inv").and_then(Value::as_bool) != Some(true))),
            "ct count" => tests.push(holds(body.get("inv").and_then(Value::as_bool) != Some(true))),
            "xt" => {
                let name = body.get("name").and_then(Value::as_str).unwrap_or("xt").to_owned();
                tests.push(Test { not: false, what: What::Unknown(name) });
            }
            "dnat" => {
                let to = body.get("addr").and_then(Value::as_str).and_then(|a| a.parse().ok());
                action = Some(Action::SendOn(to, port(body.get("port"))));
            }
            "redirect" => action = Some(Action::SendOn(None, port(body.get("port")))),
            _ => {
                if let Some(verdict) = verdict_of(expression) {
                    action = Some(verdict);
                }
            }
        }
    }
    match action {
        None if !rules.is_empty() => {}
        action => rules.push(Rule { tests, action: action.unwrap_or(Action::Nothing) }),
    }
    rules
}

fn holds(yes: bool) -> Test {
    Test { not: !yes, what: What::Holds }
}

fn port(value: Option<&Value>) -> Option<u16> {
    u16::try_from(value?.as_u64()?).ok()
}

fn verdict_of(expression: &Value) -> Option<Action> {
    let (kind, body) = expression.as_object()?.iter().next()?;
    let target = || body.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(match kind.as_str() {
        "accept" => Action::Accept,
        "drop" | "reject" => Action::Drop,
        "jump" => Action::Jump(target()),
        "goto" => Action::Goto(target()),
        "return" => Action::Return,
        "continue" => Action::Nothing,
        _ => return None,
    })
}

/// The entries of a map: written in the rule, or by name.
fn entries<'a>(data: Option<&'a Value>, look_up: &LookUp<'a, '_>) -> Vec<(&'a Value, &'a Value)> {
    let list = match data {
        Some(Value::String(name)) => look_up(name.trim_start_matches('@')).unwrap_or_default(),
        Some(other) => other.get("set").and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
        None => &[],
    };
    let pair = |entry: &'a Value| {
        let entry = entry.as_array()?;
        Some((entry.first()?, entry.get(1)?))
    };
    list.iter().filter_map(pair).take(5_000).collect()
}

fn matched<'a>(body: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<Test> {
    let op = body.get("op").and_then(Value::as_str).unwrap_or("==");
    let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else { return Vec::new() };
    match op {
        "==" | "in" | "!=" => compare(left, op == "!=", right, look_up),
        // Ports above or below a number.
        "<" | ">" | "<=" | ">=" => {
            let bound = right.as_u64().and_then(|n| u16::try_from(n).ok());
            let range = bound.map(|n| match op {
                "<" => (0, n.saturating_sub(1)),
                "<=" => (0, n),
                ">" => (n.saturating_add(1), u16::MAX),
                _ => (n, u16::MAX),
            });
            match (field(left), range) {
                (Some((protocol, "dport")), Some(range)) => {
                    with_protocol(protocol, Test { not: false, what: What::Port(vec![range]) })
                }
                _ => unknown(left),
            }
        }
        _ => unknown(left),
    }
}

fn unknown(left: &Value) -> Vec<Test> {
    let words: String = left.to_string().chars().filter(|c| !"{}\"".contains(*c)).take(60).collect();
    vec![Test { not: false, what: What::Unknown(words) }]
}

/// Protocol and field of a packet's header.
fn field(left: &Value) -> Option<(&str, &str)> {
    let payload = left.get("payload")?;
    Some((payload.get("protocol")?.as_str()?, payload.get("field")?.as_str()?))
}

fn with_protocol(protocol: &str, test: Test) -> Vec<Test> {
    let mut tests = Vec::new();
    if protocol != "th" {
        tests.push(Test { not: false, what: What::Protocol(vec![protocol.to_owned()]) });
    }
    tests.push(test);
    tests
}

fn compare<'a>(left: &Value, not: bool, right: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<Test> {
    let test = |what: What| vec![Test { not, what }];
    if let Some((protocol, name)) = field(left) {
        return match (protocol, name) {
            ("tcp" | "udp" | "th" | "sctp" | "dccp" | "udplite", "dport") => {
                with_protocol(protocol, Test { not, what: What::Port(ports(right, look_up)) })
            }
            ("tcp" | "udp" | "th" | "sctp", "sport") => with_protocol(protocol, Test { not: false, what: What::Holds }),
            ("tcp", "flags") => with_protocol("tcp", Test { not, what: opening(0xff, right) }),
            ("ip" | "ip6", "saddr" | "daddr") => {
                let nets = nets(right, look_up);
                let what = if name == "saddr" { What::From(nets) } else { What::To(nets) };
                let version = if protocol == "ip" { 4 } else { 6 };
                vec![Test { not: false, what: What::Version(version) }, Test { not, what }]
            }
            ("ip" | "ip6", "protocol" | "nexthdr") => test(What::Protocol(names(right, look_up))),
            // Any other protocol's own fields: a packet of that protocol only.
            ("icmp" | "icmpv6" | "igmp" | "esp" | "ah" | "comp", _) => {
                vec![Test { not: false, what: What::Protocol(vec![protocol.to_owned()]) }]
            }
            _ => unknown(left),
        };
    }
    if let Some(key) = left.get("meta").and_then(|m| m.get("key")).and_then(Value::as_str) {
        return match key {
            "iif" | "iifname" => test(What::In(names(right, look_up))),
            "oif" | "oifname" => test(What::Out(names(right, look_up))),
            "l4proto" => test(What::Protocol(names(right, look_up))),
            "nfproto" | "protocol" => match names(right, look_up).first().map(String::as_str) {
                Some("ipv4" | "ip") => test(What::Version(4)),
                Some("ipv6" | "ip6") => test(What::Version(6)),
                _ => unknown(left),
            },
            "pkttype" => {
                let host = names(right, look_up).iter().any(|n| n == "host" || n == "unicast");
                test(if host { What::Holds } else { What::State(Vec::new()) })
            }
            _ => unknown(left),
        };
    }
    if let Some(key) = left.get("ct").and_then(|c| c.get("key")).and_then(Value::as_str) {
        return match key {
            "state" => test(What::State(names(right, look_up))),
            "status" if names(right, look_up).iter().any(|n| n == "dnat") => test(What::SentOn),
            "direction" if names(right, look_up).iter().any(|n| n == "original") => test(What::Holds),
            _ => unknown(left),
        };
    }
    if let Some(fib) = left.get("fib") {
        let result = fib.get("result").and_then(Value::as_str).unwrap_or_default();
        let names = names(right, look_up);
        return match result {
            "type" if names.iter().any(|n| n == "local" || n == "unicast") => test(What::Local),
            // Broadcast and multicast; "would the answer leave by another card?", which an honest sender's does not.
            "type" | "oif" | "oifname" => test(What::State(Vec::new())),
            _ => unknown(left),
        };
    }
    if let Some(both) = left.get("&").and_then(Value::as_array)
        && let Some(("tcp", "flags")) = both.first().and_then(field)
    {
        let mask = both.get(1).map_or(0, flags);
        return with_protocol("tcp", Test { not, what: opening(mask, right) });
    }
    unknown(left)
}

/// Whether the flags of an opening packet (SYN alone), masked, are these.
fn opening(mask: u64, right: &Value) -> What {
    if flags(right) == mask & 2 { What::Holds } else { What::State(Vec::new()) }
}

fn flags(value: &Value) -> u64 {
    match value {
        Value::Number(n) => n.as_u64().unwrap_or(0),
        Value::String(name) => match name.as_str() {
            "fin" => 1,
            "syn" => 2,
            "rst" => 4,
            "psh" => 8,
            "ack" => 16,
            "urg" => 32,
            "ecn" => 64,
            "cwr" => 128,
            _ => 0,
        },
        Value::Array(all) => all.iter().map(flags).fold(0, |a, b| a | b),
        other => other.get("|").map_or(0, flags),
    }
}

/// The values that a comparison names, sets looked up.
fn values<'a>(right: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<&'a Value> {
    let list: &[Value] = match right {
        Value::String(name) if name.starts_with('@') => look_up(name.trim_start_matches('@')).unwrap_or_default(),
        Value::Array(all) => all,
        other => match other.get("set") {
            Some(Value::Array(all)) => all,
            _ => return vec![right],
        },
    };
    let plain = |v: &'a Value| v.get("elem").and_then(|e| e.get("val")).unwrap_or(v);
    list.iter().map(plain).take(100_000).collect()
}

fn names<'a>(right: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<String> {
    let name = |v: &Value| match v {
        Value::String(s) => s.clone(),
        Value::Number(n) => match n.as_u64() {
            Some(6) => "tcp".to_owned(),
            Some(17) => "udp".to_owned(),
            _ => n.to_string(),
        },
        other => other.to_string(),
    };
    values(right, look_up).into_iter().map(name).collect()
}

fn ports<'a>(right: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<(u16, u16)> {
    let one = |v: &Value| v.as_u64().and_then(|n| u16::try_from(n).ok());
    let range = |v: &Value| match v.get("range").and_then(Value::as_array) {
        Some(ends) => Some((one(ends.first()?)?, one(ends.get(1)?)?)),
        None => one(v).map(|p| (p, p)),
    };
    values(right, look_up).into_iter().filter_map(range).collect()
}

fn nets<'a>(right: &'a Value, look_up: &LookUp<'a, '_>) -> Vec<Net> {
    let ip = |v: Option<&Value>| v.and_then(Value::as_str).and_then(|s| s.parse::<IpAddr>().ok());
    let net = |v: &Value| {
        if let Some(prefix) = v.get("prefix") {
            let bits = prefix.get("len").and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok())?;
            return Some(Net::prefix(ip(prefix.get("addr"))?, bits));
        }
        if let Some(ends) = v.get("range").and_then(Value::as_array) {
            return Some(Net { first: ip(ends.first())?, last: ip(ends.get(1))? });
        }
        ip(Some(v)).map(Net::one)
    };
    values(right, look_up).into_iter().filter_map(net).collect()
}
