//! Postfix: main.cf and master.cf (postconf(5), master(5)).

use std::collections::BTreeMap;

use super::{MailServer, PostfixSetting, servers};
use crate::{
    facts::{Facts, Gap},
    host::Host,
};

const MAIN: &str = "/etc/postfix/main.cf";
const MASTER: &str = "/etc/postfix/master.cf";
const WHAT: &str = "how the mail server is set up";

/// Reads it.
pub(super) fn read(host: &Host, running: Option<bool>, facts: &mut Facts) {
    let text = match host.read_text(MAIN) {
        Ok(text) => text,
        Err(error) => {
            facts.unread::<PostfixSetting>(Gap::new(WHAT, MAIN, error.reason()));
            return facts.partial::<MailServer>(Gap::new(WHAT, MAIN, error.reason()));
        }
    };
    let mut main: BTreeMap<String, (String, i64)> = BTreeMap::new();
    for (line, logical) in logical_lines(&text) {
        if let Some((name, value)) = logical.split_once('=') {
            main.insert(name.trim().to_owned(), (value.split_whitespace().collect::<Vec<_>>().join(" "), line));
        }
    }
    let master = match host.read_text(MASTER) {
        Ok(text) => services(&text),
        Err(error) => {
            facts.partial::<MailServer>(Gap::new(WHAT, MASTER, error.reason()));
            Vec::new()
        }
    };
    let get =
        |name: &str, default: &str| main.get(name).map_or_else(|| default.to_owned(), |(v, _)| expand(v, &main, 0));
    // The doors: services of smtpd on the network, each with its own exceptions.
    let doors: Vec<&Service> = master.iter().filter(|s| s.kind == "inet" && s.program.starts_with("smtpd")).collect();
    let interfaces = get("inet_interfaces", "all");
    let interfaces: Vec<String> = words(&interfaces)
        .iter()
        .map(|w| match *w {
            "all" => "*".to_owned(),
            "loopback-only" => "127.0.0.1".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    let mut listens: Vec<String> = Vec::new();
    for door in &doors {
        match door.name.rsplit_once(':') {
            Some((address, port)) => listens.push(format!("{address}:{port}")),
            None => listens.extend(interfaces.iter().map(|a| format!("{a}:{}", door.name))),
        }
    }
    listens.dedup();
    let reach = servers::widest(listens.iter().map(|l| {
        let address = l.rsplit_once(':').map_or(l.as_str(), |(a, _)| a);
        servers::reach_of_listener(host, address)
    }));
    let networks = match main.get("mynetworks") {
        Some(_) => get("mynetworks", ""),
        None => format!(
            "(mynetworks_style = {})",
            get("mynetworks_style", if level(&main) < 2 { "subnet" } else { "host" })
        ),
    };
    let wide = words(&networks).into_iter().find(|n| is_wide(n));
    let relay =
        get("smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination");
    let recipient = get("smtpd_recipient_restrictions", "");
    let (open_relay, because) = match wide {
        Some(network) => ("yes", format!("mynetworks has {network}")),
        None => match (lets_through(&relay), lets_through(&recipient)) {
            (Some(true), Some(true)) if !relay.is_empty() || !recipient.is_empty() => {
                ("yes", format!("smtpd_relay_restrictions = {relay}"))
            }
            (Some(false), _) => ("no", format!("smtpd_relay_restrictions = {relay}")),
            (_, Some(false)) => ("no", format!("smtpd_recipient_restrictions = {recipient}")),
            _ => ("unknown", format!("smtpd_relay_restrictions = {relay}")),
        },
    };
    let level_of_tls = get("smtpd_tls_security_level", "");
    let encryption = match level_of_tls.as_str() {
        "may" | "encrypt" => level_of_tls.as_str(),
        _ if get("smtpd_enforce_tls", "no") == "yes" => "encrypt",
        _ if get("smtpd_use_tls", "no") == "yes" => "may",
        _ => "none",
    };
    let banner = main.get("smtpd_banner").map_or("", |(v, _)| v.as_str());
    let key = if main.contains_key("inet_interfaces") { "inet_interfaces" } else { "smtpd_relay_restrictions" };
    facts.push(MailServer {
        source: MAIN.to_owned(),
        line: main.get(key).map(|(_, line)| *line),
        program: "postfix".to_owned(),
        running,
        listens: listens.join(" "),
        reach: if doors.is_empty() && !master.is_empty() { "none" } else { reach }.to_owned(),
        relays_for: networks,
        open_relay: open_relay.to_owned(),
        because,
        serves_domains: serves_domains(&main, &get("mydestination", "$myhostname, localhost")).to_owned(),
        encryption: encryption.to_owned(),
        shows_version: banner.contains("mail_version"),
    });
    for (name, (value, line)) in main {
        facts.push(PostfixSetting { source: MAIN.to_owned(), line, service: None, value: safe(&name, value), name });
    }
    for service in master {
        for (name, value, line) in service.options {
            facts.push(PostfixSetting {
                source: MASTER.to_owned(),
                line,
                service: Some(format!("{}/{}", service.name, service.kind)),
                value: safe(&name, value),
                name,
            });
        }
    }
}

/// A value that may hold a password is not kept.
fn safe(name: &str, value: String) -> String {
    let direct = name.contains("password") && !value.contains(':') && !value.is_empty();
    if direct || value.contains("static:") { "set".to_owned() } else { value }
}

/// Lines put together: one that begins with white space continues the one before; comments in between do not end it.
fn logical_lines(text: &str) -> Vec<(i64, String)> {
    let mut out: Vec<(i64, String)> = Vec::new();
    for (index, line) in text.lines().enumerate().take(50_000) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match out.last_mut() {
            Some((_, last)) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(trimmed);
            }
            _ => out.push((servers::number(index + 1), trimmed.to_owned())),
        }
    }
    out
}

/// A line of master.cf.
struct Service {
    name: String,
    kind: String,
    program: String,
    options: Vec<(String, String, i64)>,
}

fn services(text: &str) -> Vec<Service> {
    let mut out = Vec::new();
    for (line, logical) in logical_lines(text) {
        let fields: Vec<&str> = logical.split_whitespace().collect();
        let [name, kind, _, _, _, _, _, program, arguments @ ..] = fields.as_slice() else { continue };
        let mut options = Vec::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if *word == "-o"
                && let Some((name, value)) = words.next().and_then(|w| w.split_once('='))
            {
                options.push((name.to_owned(), value.to_owned(), line));
            }
        }
        out.push(Service {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            program: (*program).to_owned(),
            options,
        });
    }
    out
}

/// `$name`, `${name}` and `$(name)` from main.cf; unknown ones stay.
fn expand(value: &str, main: &BTreeMap<String, (String, i64)>, depth: usize) -> String {
    if depth > 8 || !value.contains('$') || value.len() > 65_536 {
        return value.to_owned();
    }
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let open = after.starts_with(['{', '(']);
        let inner = after.trim_start_matches(['{', '(']);
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (name, tail) = inner.split_at_checked(end).unwrap_or((inner, ""));
        match main.get(name) {
            Some((value, _)) => out.push_str(&expand(value, main, depth + 1)),
            None => {
                out.push('$');
                out.push_str(name);
            }
        }
        rest = if open { tail.trim_start_matches(['}', ')']) } else { tail };
    }
    out.push_str(rest);
    out
}

fn words(value: &str) -> Vec<&str> {
    value.split([',', ' ', '\t']).filter(|w| !w.is_empty()).collect()
}

fn level(main: &BTreeMap<String, (String, i64)>) -> u32 {
    let said = main.get("compatibility_level").and_then(|(v, _)| v.split('.').next()?.parse().ok());
    said.unwrap_or(0)
}

/// A network that holds much of the internet.
fn is_wide(network: &str) -> bool {
    let bare = network.replace(['[', ']'], "");
    let Some((ip, prefix)) = bare.split_once('/') else { return false };
    match (ip.parse::<std::net::IpAddr>(), prefix.parse::<u32>()) {
        (Ok(ip), Ok(prefix)) => {
            if ip.is_ipv4() {
                prefix < 8
            } else {
                prefix < 16 && !(prefix >= 7 && servers::reach_of_ip(ip) == "private")
            }
        }
        _ => false,
    }
}

/// Whether a list of restrictions lets a stranger send to other places: true, false, or none when a lookup decides.
fn lets_through(restrictions: &str) -> Option<bool> {
    let mut unsure = false;
    for word in words(restrictions) {
        match word {
            "reject" | "defer" | "reject_unauth_destination" | "defer_unauth_destination" => return Some(false),
            "permit" => return if unsure { None } else { Some(true) },
            w if w.starts_with("check_") || w.starts_with('$') || w.ends_with("_access") => unsure = true,
            _ => {}
        }
    }
    if unsure { None } else { Some(true) }
}

/// Whether it takes mail for more than this machine's own names.
fn serves_domains(main: &BTreeMap<String, (String, i64)>, destination: &str) -> &'static str {
    let set = |name: &str| main.get(name).is_some_and(|(v, _)| !v.is_empty());
    if set("virtual_mailbox_domains")
        || set("virtual_alias_domains")
        || set("relay_domains")
        || set("virtual_alias_maps")
    {
        return "yes";
    }
    let own = main.get("myhostname").map(|(v, _)| v.as_str()).unwrap_or_default();
    let foreign = words(destination).into_iter().any(|w| {
        !(w == own
            || w == "$myhostname"
            || w.starts_with("localhost")
            || w == "localdomain"
            || w == "$mydomain"
            || !w.contains('.') && !w.contains(':'))
    });
    if foreign { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::{is_wide, lets_through};

    #[test]
    fn restrictions_are_walked_in_their_order() {
        assert_eq!(lets_through("permit_mynetworks permit_sasl_authenticated defer_unauth_destination"), Some(false));
        assert_eq!(lets_through("permit_mynetworks, permit, reject_unauth_destination"), Some(true));
        assert_eq!(lets_through("check_client_access hash:/x permit"), None);
        assert_eq!(lets_through("check_client_access hash:/x reject"), Some(false));
        assert_eq!(lets_through(""), Some(true));
    }

    #[test]
    fn only_networks_with_strangers_are_wide() {
        assert!(is_wide("0.0.0.0/0") && is_wide("[::]/0") && is_wide("0.0.0.0/1"));
        assert!(
            !is_wide("10.0.0.0/8")
                && !is_wide("127.0.0.0/8")
                && !is_wide("[::ffff:127.0.0.0]/104")
                && !is_wide("[fd00::]/8")
        );
    }
}
