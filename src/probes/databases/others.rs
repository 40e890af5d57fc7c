//! memcached and MongoDB.

use super::{Budget, DatabaseServer, Machine, MemcachedSetting, MongoSetting, gap};
use crate::{
    facts::Facts,
    probes::servers::{self, number},
};

/// memcached: options one a line in /etc/memcached*.conf, or `OPTIONS=` in /etc/sysconfig/memcached.
pub(super) fn memcached(machine: &Machine<'_>, facts: &mut Facts) {
    let host = machine.host;
    if servers::program(host, &["/usr/bin/memcached", "/usr/local/bin/memcached"]).is_none() {
        return facts.absent::<MemcachedSetting>("memcached is not installed");
    }
    let mut paths = host.glob("/etc/memcached.conf");
    paths.extend(host.glob("/etc/memcached_*.conf"));
    paths.extend(host.glob("/etc/sysconfig/memcached"));
    for path in paths {
        let text = match host.read_text(&path) {
            Ok(text) => text,
            Err(error) => {
                gap::<MemcachedSetting>(facts, "how memcached is set up", &path, &error);
                continue;
            }
        };
        let mut options: Vec<(String, String, i64)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let line = line.strip_prefix("OPTIONS=").map_or(line, |l| l.trim_matches('"'));
            let mut words = line.split_whitespace().peekable();
            while let Some(word) = words.next() {
                let Some((name, rest)) = option(word) else { continue };
                let value = match rest {
                    Some(value) => value.to_owned(),
                    None => words.next_if(|w| !w.starts_with('-')).unwrap_or("on").to_owned(),
                };
                options.push((name.to_owned(), value, number(index + 1)));
            }
        }
        let last = |name: &str| options.iter().rev().find(|o| o.0 == name);
        let listens: Vec<&str> =
            options.iter().filter(|o| o.0 == "listen").flat_map(|o| o.1.split(',')).map(str::trim).collect();
        let only_socket = last("socket").is_some();
        let reach = match listens.as_slice() {
            _ if only_socket => "none",
            [] => "any",
            some => servers::widest(some.iter().map(|a| servers::reach_of_listener(host, without_port(a)))),
        };
        facts.push(DatabaseServer {
            source: path.clone(),
            line: last("listen").map(|o| o.2),
            engine: "memcached".to_owned(),
            title: "Memcached".to_owned(),
            instance: path.rsplit('/').next().unwrap_or(&path).to_owned(),
            version: None,
            running: machine.runs(&["memcached"]),
            listens: if only_socket {
                String::new()
            } else if listens.is_empty() {
                "*".to_owned()
            } else {
                listens.join(" ")
            },
            reach: reach.to_owned(),
            port: if only_socket { None } else { last("port").map_or(Some(11211), |o| o.1.parse().ok()) },
            password_needed: if last("sasl").is_some() || last("auth_file").is_some() { "yes" } else { "no" }
                .to_owned(),
            encryption: if last("tls").is_some() { "yes" } else { "no" }.to_owned(),
        });
        if !options.iter().any(|o| o.0 == "udp_port") {
            facts.push(MemcachedSetting {
                source: "built-in default".to_owned(),
                line: None,
                instance: path.clone(),
                name: "udp_port".to_owned(),
                value: "0".to_owned(),
            });
        }
        for (name, value, line) in options {
            facts.push(MemcachedSetting {
                source: path.clone(),
                line: Some(line),
                instance: path.clone(),
                name,
                value,
            });
        }
    }
}

/// An option's name, and its value where it is glued to it.
fn option(word: &str) -> Option<(&str, Option<&str>)> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
        let name = match name {
            "listen" => "listen",
            "port" => "port",
            "udp-port" => "udp_port",
            "enable-sasl" => "sasl",
            "auth-file" => "auth_file",
            "unix-socket" => "socket",
            "enable-ssl" => "tls",
            "memory-limit" => "memory",
            other => other,
        };
        return Some((name, value));
    }
    let letters = word.strip_prefix('-')?;
    let (letter, glued) = letters.split_at_checked(1)?;
    let name = match letter {
        "l" => "listen",
        "p" => "port",
        "U" => "udp_port",
        "S" => "sasl",
        "Y" => "auth_file",
        "s" => "socket",
        "Z" => "tls",
        "u" => "user",
        "m" => "memory",
        other => other,
    };
    Some((name, (!glued.is_empty()).then_some(glued)))
}

/// `127.0.0.1:11212` without its port; a bare IPv6 address stays whole.
fn without_port(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => address,
    }
}

/// MongoDB: /etc/mongod.conf in YAML, or the older `name = value`.
pub(super) fn mongodb(machine: &Machine<'_>, facts: &mut Facts) {
    let host = machine.host;
    if servers::program(host, &["/usr/bin/mongod", "/usr/local/bin/mongod"]).is_none() {
        return facts.absent::<MongoSetting>("no MongoDB server is installed");
    }
    let Some(path) = servers::program(host, &["/etc/mongod.conf", "/etc/mongodb.conf"]) else { return };
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(error) => return gap::<MongoSetting>(facts, "how MongoDB is set up", path, &error),
    };
    let mut budget = Budget::new();
    let settings = yaml(&text, &mut budget);
    budget.tell::<MongoSetting>(facts, "how MongoDB is set up", path);
    let get = |names: &[&str]| settings.iter().rev().find(|s| names.contains(&s.0.as_str()));
    let yes = |names: &[&str]| get(names).is_some_and(|s| servers::is_yes(&s.1));
    let bind = get(&["net.bindIp", "bind_ip"]);
    let address = if yes(&["net.bindIpAll"]) { "*" } else { bind.map_or("127.0.0.1", |s| s.1.as_str()) };
    let guarded = yes(&["security.authorization", "auth"]) || get(&["security.keyFile", "keyFile"]).is_some();
    let tls = get(&["net.tls.mode", "net.ssl.mode"]).is_some_and(|s| s.1 != "disabled");
    facts.push(DatabaseServer {
        source: path.to_owned(),
        line: bind.map(|s| s.2),
        engine: "mongodb".to_owned(),
        title: "MongoDB".to_owned(),
        instance: path.rsplit('/').next().unwrap_or(path).to_owned(),
        version: None,
        running: machine.runs(&["mongod"]),
        listens: address.replace(',', " "),
        reach: servers::widest(address.split(',').map(|a| servers::reach_of_listener(host, a))).to_owned(),
        port: Some(get(&["net.port", "port"]).and_then(|s| s.1.parse().ok()).unwrap_or(27017)),
        // Where not every line was read, it may stand in one of the others.
        password_needed: if guarded {
            "yes"
        } else if budget.spent {
            "unknown"
        } else {
            "no"
        }
        .to_owned(),
        encryption: if tls { "yes" } else { "no" }.to_owned(),
    });
    for (name, value, line) in settings {
        let value = if name.to_ascii_lowercase().contains("password") { "set".to_owned() } else { value };
        facts.push(MongoSetting { source: path.to_owned(), line: Some(line), name, value });
    }
}

/// Mappings of simple YAML by dotted name, and `name = value` lines.
fn yaml(text: &str, budget: &mut Budget) -> Vec<(String, String, i64)> {
    let mut found = Vec::new();
    let mut stack: Vec<(usize, String)> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        if !budget.line() {
            break;
        }
        let line = raw.split(" #").next().unwrap_or_default();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let at = number(index + 1);
        let unquoted = |v: &str| v.trim().trim_matches(['"', '\'']).trim_matches(['[', ']']).replace(' ', "");
        let colon = trimmed.find(": ").or_else(|| trimmed.ends_with(':').then(|| trimmed.len() - 1));
        match (colon, trimmed.split_once('=')) {
            (Some(colon), _) => {
                let indent = line.len().saturating_sub(line.trim_start().len());
                stack.retain(|(depth, _)| *depth < indent);
                let name = trimmed.get(..colon).unwrap_or_default().trim().to_owned();
                let value = unquoted(trimmed.get(colon + 1..).unwrap_or_default());
                let path: Vec<&str> = stack.iter().map(|(_, n)| n.as_str()).chain([name.as_str()]).collect();
                if value.is_empty() {
                    if stack.len() < 20 {
                        stack.push((indent, name));
                    }
                } else {
                    found.push((path.join("."), value, at));
                }
            }
            (None, Some((name, value))) => found.push((name.trim().to_owned(), unquoted(value), at)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Budget, yaml};

    #[test]
    fn nested_settings_get_dotted_names() {
        let text = "net:\n  port: 27017\n  bindIp: 127.0.0.1,10.0.0.1 # all\n  tls:\n    mode: requireTLS\nsecurity:\n  authorization: \"enabled\"\n";
        let found: Vec<_> = yaml(text, &mut Budget::new()).into_iter().map(|(n, v, _)| format!("{n}={v}")).collect();
        assert_eq!(
            found,
            [
                "net.port=27017",
                "net.bindIp=127.0.0.1,10.0.0.1",
                "net.tls.mode=requireTLS",
                "security.authorization=enabled"
            ]
        );
    }
}
