//! A firewall that lets in what is in use and nothing else: as rules of nftables in a table of our own, or by ufw. What
//! was in force before comes back when the fix is taken back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Act,
    package::Package,
    service::{Service, What},
};
use crate::{
    fixes::{
        change::Run,
        formats::Format,
        view::{Refusal, View},
    },
    host::Command,
};

/// Lets in what is in use and nothing else, or keeps the rules in force for the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// The ports that stay open, with blanks between: `tcp/22 udp/53`. That of the session of whoever runs this is added.
    #[serde(default)]
    pub ports: String,
    /// The program that keeps the rules.
    #[serde(default)]
    pub by: By,
    /// Whether the rules in force stay as they are, and also hold after the next start.
    #[serde(default)]
    pub keep: bool,
}

/// The program that keeps the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// nftables, by its settings file.
    #[default]
    Nftables,
    /// ufw, by its own commands.
    Ufw,
}

const CONF: &str = "/etc/nftables.conf";
const NFT: &str = "/usr/sbin/nft";
const UFW: &str = "/usr/sbin/ufw";
/// What was in force before, for undo.
const BEFORE: &str = "/var/lib/cleanbill/ruleset-before.nft";
/// Marks of programs that set rules of their own, which rules of ours would cut through.
const OTHERS: &[(&str, &str)] = &[
    ("DOCKER", "Docker"),
    ("KUBE-", "Kubernetes"),
    ("cali-", "Calico"),
    ("CNI-", "Podman"),
    ("NETAVARK", "Podman"),
    ("LIBVIRT_", "libvirt"),
    ("firewalld", "firewalld"),
    ("ufw-before-input", "ufw"),
];

impl Act for Firewall {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let mut ports = ports(&self.ports)?;
        if view.is_live() {
            ports.extend(session(view).map(|port| (Protocol::Tcp, port)));
        }
        match (self.by, self.keep) {
            (By::Ufw, true) => keep_ufw(view),
            (By::Ufw, false) => ufw(view, &ports),
            (By::Nftables, true) => keep_nftables(view),
            (By::Nftables, false) => nftables(view, &ports),
        }
    }
}

/// One of the two ways in which programs talk over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    fn name(self) -> &'static str {
        if self == Protocol::Tcp { "tcp" } else { "udp" }
    }
}

type Ports = BTreeSet<(Protocol, u16)>;

fn ports(text: &str) -> Result<Ports, Refusal> {
    let one = |word: &str| {
        let (protocol, port) = word.split_once('/')?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        port.parse().ok().filter(|port| *port > 0).map(|port| (protocol, port))
    };
    let wrong = |word: &str| Refusal::new(format!("`{word}` is no port: write it as tcp/22 or udp/53"));
    text.split_whitespace().map(|word| one(word).ok_or_else(|| wrong(word))).collect()
}

/// The port by which whoever runs this came in over SSH: `sudo` hides it, the processes above still know it.
fn session(view: &View<'_>) -> Option<u16> {
    let of = |text: &str| text.split_whitespace().nth(3).and_then(|port| port.parse().ok());
    if let Some(port) = std::env::var("SSH_CONNECTION").ok().and_then(|text| of(&text)) {
        return Some(port);
    }
    let mut pid = std::process::id();
    for _ in 0..64 {
        let stat = view.host().read_text(&format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold blanks; behind it come the state and the parent.
        pid = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        if pid <= 1 {
            return None;
        }
        let all = view.host().read_bytes(&format!("/proc/{pid}/environ"), 1 << 20).unwrap_or_default();
        let all = String::from_utf8_lossy(&all);
        if let Some(port) = all.split('\0').find_map(|v| v.strip_prefix("SSH_CONNECTION=")).and_then(of) {
            return Some(port);
        }
    }
    None
}

/// The rules as nft reads them. The table is made anew each time, and no other is touched.
fn rules(ports: &Ports) -> String {
    let mut open = String::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let numbers: Vec<String> = ports.iter().filter(|(p, _)| *p == protocol).map(|(_, n)| n.to_string()).collect();
        if !numbers.is_empty() {
            open += &format!("\t\t{} dport {{ {} }} accept\n", protocol.name(), numbers.join(", "));
        }
    }
    format!(
        "#!/usr/sbin/nft -f\n# Lets in what is named here and nothing else. Load it with: systemctl reload nftables\n\n\
         table inet cleanbill\ndelete table inet cleanbill\n\ntable inet cleanbill {{\n\tchain input {{\n\
         \t\ttype filter hook input priority filter; policy drop;\n\t\tct state established,related accept\n\
         \t\tiif \"lo\" accept\n\t\tct state invalid drop\n\t\t# Errors and echoes; IPv6 does not work without them.\n\
         \t\tmeta l4proto icmp accept\n\t\tmeta l4proto ipv6-icmp accept\n\t\t# Answers to this machine's question for an address.\n\
         \t\tudp sport 67 udp dport 68 accept\n\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept\n\
         \t\t# Services.\n{open}\t}}\n}}\n"
    )
}

/// Whether a settings file of nftables says more than the empty one that comes with it.
fn has_rules(text: &str) -> bool {
    let empty = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let base = line.starts_with("type ") && line.contains(" hook ") && !line.contains("drop");
        let head = ["table ", "chain "].iter().any(|w| line.starts_with(w)) && line.ends_with('{');
        line.is_empty() || line == "}" || line == "flush ruleset" || base || head
    };
    !text.lines().all(empty)
}

/// The rules in force, which must be ours to change.
fn in_force(view: &View<'_>) -> Result<String, Refusal> {
    let nft = Command::new(&[NFT]).args(["list", "ruleset"]);
    let told = view.host().run(&nft).map_err(|e| Refusal::new(format!("nft could not be asked: {e}")))?;
    let told = told.success("nft").map_err(|e| Refusal::new(format!("nft could not be asked: {e}")))?;
    if let Some((_, name)) = OTHERS.iter().find(|(mark, _)| told.contains(mark)) {
        return Err(Refusal::new(format!("{name} sets the rules of the firewall here, so they must be set with it")));
    }
    if told.contains("xt match") || told.contains("xt target") {
        return Err(Refusal::new(
            "Rules of iptables are in force here that could not be brought back. Take them away, or set them anew with \
             nft first.",
        ));
    }
    Ok(told)
}

fn nftables(view: &mut View<'_>, ports: &Ports) -> Result<(), Refusal> {
    let path = view.follow(CONF)?;
    let old = view.text(&path)?;
    let new = rules(ports);
    if old.as_deref().is_some_and(|old| old != new && has_rules(old)) {
        return Err(Refusal::new(format!(
            "{CONF} has rules already. Change them there: only you know what they are for."
        )));
    }
    let there = view.host().exists(NFT);
    if !view.is_live() {
        if !there {
            return Err(Refusal::new("nftables is not in this image. Install it where the image is built."));
        }
        view.write(&path, &new, 0o755)?;
        return Service { name: "nftables".to_owned(), what: What::Enable }.plan(view);
    }
    let before = if there { in_force(view)? } else { String::new() };
    let kept = format!("flush ruleset\n{before}");
    view.write(BEFORE, &kept, 0o600)?;
    view.write(&path, &new, 0o755)?;
    if !there {
        Package {
            install: "nftables".to_owned(),
            upgrade: String::new(),
            remove: String::new(),
            fetch: false,
            no_traces: false,
        }
        .plan(view)?;
    }
    let run = Run::new("the new rules are in force", &[NFT, "-f", &path]);
    view.run(if there { run.undone_by(&[NFT, "-f", BEFORE]) } else { run });
    Service { name: "nftables".to_owned(), what: What::Enable }.plan(view)
}

fn keep_nftables(view: &mut View<'_>) -> Result<(), Refusal> {
    let path = view.follow(CONF)?;
    let old = view.text(&path)?.unwrap_or_default();
    if !has_rules(&old) {
        let now = in_force(view)?;
        view.write(&path, &format!("#!/usr/sbin/nft -f\n\nflush ruleset\n\n{now}"), 0o755)?;
    }
    // Not started now: that would read the file in place of what is in force.
    super::service::with_machine(view, "nftables.service");
    Ok(())
}

fn keep_ufw(view: &mut View<'_>) -> Result<(), Refusal> {
    super::config::SetConfig {
        format: Format::Shell,
        path: "/etc/ufw/ufw.conf".to_owned(),
        section: None,
        key: "ENABLED".to_owned(),
        value: Some("yes".to_owned()),
        only_if_there: false,
        included_by: None,
        mode: None,
    }
    .plan(view)?;
    Service { name: "ufw".to_owned(), what: What::Enable }.plan(view)
}

fn ufw(view: &mut View<'_>, ports: &Ports) -> Result<(), Refusal> {
    if !view.is_live() {
        return Err(Refusal::new("ufw sets its rules on the running machine. Put nftables into the image instead."));
    }
    if !view.host().exists(UFW) {
        return Err(Refusal::new("there is no program ufw"));
    }
    let setting = |view: &View<'_>, path: &str, key: &str| {
        let text = view.text(path).ok().flatten().unwrap_or_default();
        Format::Shell.get(&text, None, key).unwrap_or_default().to_ascii_lowercase()
    };
    if setting(view, "/etc/default/ufw", "MANAGE_BUILTINS") == "yes" {
        return Err(Refusal::new("ufw is told to take the place of all other rules here, so this is left to a person"));
    }
    let known = view.text("/etc/ufw/user.rules")?.unwrap_or_default();
    for (protocol, port) in ports {
        let tuple = format!("### tuple ### allow {} {port} 0.0.0.0/0 ", protocol.name());
        let both = format!("### tuple ### allow any {port} 0.0.0.0/0 ");
        if known.lines().any(|line| line.starts_with(&tuple) || line.starts_with(&both)) {
            continue;
        }
        let door = format!("{port}/{}", protocol.name());
        let run = Run::new(format!("{door} stays open"), &[UFW, "allow", &door]);
        view.run(run.undone_by(&[UFW, "delete", "allow", &door]));
    }
    let old = setting(view, "/etc/default/ufw", "DEFAULT_INPUT_POLICY");
    if old != "drop" {
        let back = if old == "reject" { "reject" } else { "allow" };
        let run = Run::new("everything else stays outside", &[UFW, "default", "deny", "incoming"]);
        view.run(run.undone_by(&[UFW, "default", back, "incoming"]));
    }
    if setting(view, "/etc/ufw/ufw.conf", "ENABLED") != "yes" {
        let run = Run::new("ufw puts its rules in force", &[UFW, "--force", "enable"]);
        view.run(run.undone_by(&[UFW, "--force", "disable"]));
    }
    Service { name: "ufw".to_owned(), what: What::Enable }.plan(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_strictly_and_each_is_named_once() {
        let read = ports("tcp/443 tcp/22 udp/53 tcp/22\n").unwrap_or_default();
        let text = rules(&read);
        assert!(text.contains("tcp dport { 22, 443 } accept") && text.contains("udp dport { 53 } accept"), "{text}");
        assert!(
            text.contains("policy drop") && text.contains("ipv6-icmp accept") && text.contains("iif \"lo\" accept")
        );
        for bad in ["22", "tcp/0", "tcp/99999", "sctp/5", "tcp/22;drop", "tcp/22-30"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
        assert!(!rules(&Ports::new()).contains("dport {"));
    }

    #[test]
    fn only_the_empty_settings_are_replaced() {
        let empty = "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\t\ttype filter hook \
                     input priority filter;\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy \
                     accept;\n\t}\n}\n";
        assert!(!has_rules(empty) && !has_rules(""));
        assert!(has_rules(&empty.replace("filter;\n", "filter; policy drop;\n")));
        assert!(has_rules("include \"/etc/nftables/*.nft\"\n"));
        assert!(has_rules(
            "table inet f {\n chain input {\n type filter hook input priority 0;\n tcp dport 22 accept\n}\n}\n"
        ));
        assert!(has_rules(&rules(&Ports::new())), "our own stay as they are too");
    }
}
