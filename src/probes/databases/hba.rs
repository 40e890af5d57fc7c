//! pg_hba.conf: who may log in from where (PostgreSQL manual, chapter Client Authentication).

use std::net::IpAddr;

use super::{Budget, HbaRule};
use crate::{
    facts::Facts,
    host::Host,
    probes::servers::{self, number},
};

const WHAT: &str = "who may log in to PostgreSQL";

/// Methods by which someone comes in without proving anything to this machine.
pub(super) const OPEN_METHODS: [&str; 2] = ["trust", "ident"];

struct Reader<'a> {
    host: &'a Host,
    rules: Vec<HbaRule>,
    cluster: &'a str,
    budget: Budget,
}

/// The rules of a cluster in their order.
pub(super) fn read(host: &Host, facts: &mut Facts, cluster: &str, path: &str) -> Vec<HbaRule> {
    let mut reader = Reader { host, rules: Vec::new(), cluster, budget: Budget::new() };
    reader.file(facts, path, 0);
    reader.budget.tell::<HbaRule>(facts, WHAT, path);
    let mut rules = reader.rules;
    if rules.len() <= 2000 {
        let covered: Vec<Option<i64>> = rules
            .iter()
            .enumerate()
            .map(|(i, rule)| rules.iter().take(i).find(|earlier| covers(earlier, rule)).map(|r| r.line))
            .collect();
        for (rule, by) in rules.iter_mut().zip(covered) {
            rule.covered_by = by;
        }
    }
    rules
}

impl Reader<'_> {
    fn file(&mut self, facts: &mut Facts, path: &str, depth: usize) {
        if !self.budget.file(depth) {
            return;
        }
        let text = match self.host.read_text(path) {
            Ok(text) => text,
            Err(error) => return super::gap::<HbaRule>(facts, WHAT, path, &error),
        };
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if !self.budget.line() {
                return;
            }
            let mut logical = line.to_owned();
            while logical.ends_with('\\') {
                logical.pop();
                match lines.next() {
                    Some((_, next)) => logical.push_str(next),
                    None => break,
                }
            }
            let fields = fields(&logical);
            let words: Vec<&str> = fields.iter().map(String::as_str).collect();
            match words.as_slice() {
                [] => {}
                ["include", name, ..] => self.file(facts, &servers::beside(path, name), depth + 1),
                ["include_if_exists", name, ..] => {
                    let name = servers::beside(path, name);
                    if self.host.exists(&name) {
                        self.file(facts, &name, depth + 1);
                    }
                }
                ["include_dir", name, ..] => {
                    for file in self.host.glob(&format!("{}/*.conf", servers::beside(path, name))) {
                        self.file(facts, &file, depth + 1);
                    }
                }
                words => self.rule(facts, path, number(index + 1), words),
            }
        }
    }

    fn rule(&mut self, facts: &mut Facts, path: &str, line: i64, words: &[&str]) {
        let (connection, database, account, rest) = match words {
            [connection, database, account, rest @ ..] => (*connection, *database, *account, rest),
            _ => return,
        };
        let (address, method, options) = match (connection, rest) {
            ("local", [method, options @ ..]) => (None, *method, options),
            (_, [address, mask, method, options @ ..]) if mask.parse::<IpAddr>().is_ok() => {
                (Some(format!("{address}/{}", prefix_of(mask))), *method, options)
            }
            (_, [address, method, options @ ..]) => (Some((*address).to_owned()), *method, options),
            _ => return,
        };
        let names = |field: &str, facts: &mut Facts| -> String {
            let mut all = Vec::new();
            for name in field.split(',') {
                match name.strip_prefix('@') {
                    Some(file) => {
                        let file = servers::beside(path, file);
                        match self.host.read_text(&file) {
                            Ok(text) => {
                                let lines = text.lines().filter_map(|l| l.split('#').next());
                                all.extend(
                                    lines
                                        .flat_map(|l| l.split([' ', '\t', ',']))
                                        .filter(|w| !w.is_empty())
                                        .map(str::to_owned),
                                );
                            }
                            Err(error) => {
                                super::gap::<HbaRule>(facts, WHAT, &file, &error);
                            }
                        }
                    }
                    None => all.push(name.to_owned()),
                }
            }
            all.join(",")
        };
        let database_names = names(database, facts);
        let account_names = names(account, facts);
        let reach = address.as_deref().map_or("none", reach_of_clients);
        self.rules.push(HbaRule {
            source: path.to_owned(),
            line,
            cluster: self.cluster.to_owned(),
            position: number(self.rules.len() + 1),
            connection: connection.to_ascii_lowercase(),
            database_names,
            account_names,
            reach: reach.to_owned(),
            address,
            method: method.to_ascii_lowercase(),
            options: options.join(" "),
            covered_by: None,
        });
    }
}

/// The fields of a line; the words of a field that are separated by commas stay together. Quotes are taken off, but
/// stay around a word that would mean something special without them.
fn fields(line: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let mut chars = line.chars().peekable();
    let mut joined = false;
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match chars.peek() {
            None | Some('#') => return fields,
            Some(',') => {
                chars.next();
                joined = true;
                continue;
            }
            Some(_) => {}
        }
        let (mut word, mut quoted, mut inside) = (String::new(), false, false);
        let mut comma = false;
        while let Some(&c) = chars.peek() {
            match c {
                '"' => {
                    inside = !inside;
                    quoted = true;
                }
                ',' if !inside => {
                    comma = true;
                    chars.next();
                    break;
                }
                '#' if !inside => break,
                c if c.is_whitespace() && !inside => break,
                c => word.push(c),
            }
            chars.next();
        }
        if quoted && ["all", "replication", "sameuser", "samerole", "samegroup"].contains(&word.as_str()) {
            word = format!("\"{word}\"");
        }
        match fields.last_mut() {
            Some(last) if joined => {
                last.push(',');
                last.push_str(&word);
            }
            _ => fields.push(word),
        }
        joined = comma;
    }
}

/// The length of a netmask's prefix.
fn prefix_of(mask: &str) -> u32 {
    match mask.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => u32::from(v4).leading_ones(),
        Ok(IpAddr::V6(v6)) => u128::from(v6).leading_ones(),
        Err(_) => 0,
    }
}

/// A network as its first address, widened to 128 bits, and the length of its prefix.
fn network(address: &str) -> Option<(IpAddr, u32)> {
    let (ip, prefix) = match address.split_once('/') {
        Some((ip, prefix)) => (ip.parse::<IpAddr>().ok()?, Some(prefix.parse::<u32>().ok()?)),
        None => (address.parse::<IpAddr>().ok()?, None),
    };
    let most = if ip.is_ipv4() { 32 } else { 128 };
    Some((ip, prefix.unwrap_or(most).min(most)))
}

fn contains(outer: (IpAddr, u32), inner: (IpAddr, u32)) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(outer.1)).unwrap_or(0);
    outer.0.is_ipv4() == inner.0.is_ipv4() && outer.1 <= inner.1 && bits(outer.0) & mask == bits(inner.0) & mask
}

/// How far a client address of pg_hba.conf reaches.
fn reach_of_clients(address: &str) -> &'static str {
    match address {
        "all" => return "any",
        "samehost" => return "loopback",
        "samenet" => return "private",
        _ => {}
    }
    let Some((ip, prefix)) = network(address) else { return "some" };
    let wide = if ip.is_ipv4() { 8 } else { 16 };
    match servers::reach_of_ip(ip) {
        // 10.0.0.0/4 holds more than private addresses.
        "loopback" | "private" if prefix < wide && !(ip.is_ipv6() && prefix >= 7) => "any",
        "any" if prefix < wide => "any",
        "any" => "some",
        near => near,
    }
}

/// Whether `earlier` decides every connection that `rule` would.
fn covers(earlier: &HbaRule, rule: &HbaRule) -> bool {
    let kind = match (earlier.connection.as_str(), rule.connection.as_str()) {
        (a, b) if a == b => true,
        ("host", b) => b != "local",
        ("hostnogssenc", "hostnossl") => false,
        _ => false,
    };
    let names = |a: &str, b: &str| {
        let a: Vec<&str> = a.split(',').collect();
        let all = a.contains(&"all") && !b.split(',').any(|w| w == "replication");
        all || b.split(',').all(|w| w != "all" && a.contains(&w))
    };
    let accounts = earlier.account_names.split(',').any(|w| w == "all")
        || rule.account_names.split(',').all(|w| w != "all" && earlier.account_names.split(',').any(|e| e == w));
    let address = match (earlier.address.as_deref(), rule.address.as_deref()) {
        (None, None) => true,
        (Some("all"), Some(_)) => true,
        (Some(a), Some(b)) if a == b => true,
        (Some(a), Some(b)) => network(a).zip(network(b)).is_some_and(|(a, b)| contains(a, b)),
        _ => false,
    };
    kind && address && accounts && names(&earlier.database_names, &rule.database_names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_and_lists_are_read_as_postgresql_reads_them() {
        assert_eq!(
            fields("host a, b ,\"c d\"\t\"all\",@x  10.0.0.0  255.0.0.0 md5 # no"),
            ["host", "a,b,c d", "\"all\",@x", "10.0.0.0", "255.0.0.0", "md5"]
        );
    }

    #[test]
    fn client_networks_are_as_wide_as_they_are() {
        for (address, reach) in [
            ("all", "any"),
            ("0.0.0.0/0", "any"),
            ("::/0", "any"),
            ("0.0.0.0/1", "any"),
            ("10.0.0.0/8", "private"),
            ("10.0.0.0/4", "any"),
            ("192.168.1.0/24", "private"),
            ("127.0.0.1/32", "loopback"),
            ("::1/128", "loopback"),
            ("fd00::/8", "private"),
            ("203.0.113.9/32", "some"),
            ("samenet", "private"),
            (".example.org", "some"),
        ] {
            assert_eq!(reach_of_clients(address), reach, "{address}");
        }
    }
}
