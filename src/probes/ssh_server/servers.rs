//! The servers themselves: whether they run, where they listen, who may come in by what means.

use super::{
    SshServer,
    people::People,
    settings::{Settings, like},
};
use crate::{
    host::Host,
    probes::{
        network::ports,
        packages::{version::upstream, version_of},
        servers::{reach_of_listener, widest},
        services::{
            jobs,
            scan::{self, Units},
            sysv, unit,
        },
    },
};

pub(super) const SSHD: &str = "/usr/sbin/sshd";
pub(super) const DROPBEAR: &str = "/usr/sbin/dropbear";

/// What runs and what is switched on, for the few programs we ask about.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub host: &'a Host,
    pub people: &'a People,
    /// All processes; none in an image, or where others' are hidden from us.
    pub processes: Option<Vec<(String, String)>>,
    pub units: Units,
}

impl Machine<'_> {
    /// The command lines of the running programs of that name, words separated by spaces.
    fn lines(&self, name: &str) -> Option<Vec<String>> {
        let line = |path: &str| self.host.read_text(&format!("{path}/cmdline")).unwrap_or_default().replace('\0', " ");
        let all = self.processes.as_ref()?;
        Some(jobs::own(self.host, all, &[name]).map(|(path, _)| line(path)).collect())
    }

    /// Whether one of the units starts with the machine; without systemd, the old script counts.
    fn enabled(&self, units: &[&str], script: &str) -> bool {
        units.iter().any(|unit| scan::is_on(self.host, &self.units, unit))
            || (!scan::has_systemd(self.host) && sysv::starts(self.host, script))
    }
}

/// The version of an installed package, as its makers call it.
pub(super) fn package_version(host: &Host, package: &str) -> Option<String> {
    version_of(host, package).map(|v| upstream(&v).to_owned())
}

pub(super) fn openssh(machine: &Machine<'_>, settings: &Settings, version: Option<String>) -> SshServer {
    let Machine { host, people, .. } = *machine;
    let blocked = host.exists("/etc/ssh/sshd_not_to_be_run");
    let enabled = !blocked && machine.enabled(&["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"], "ssh");
    let socket = enabled && scan::is_on(host, &machine.units, "ssh.socket");
    let mut listens: Vec<String> = settings.values("listenaddress").map(str::to_owned).collect();
    if socket {
        listens = socket_addresses(machine);
    }
    // The process that waits for logins; each login has one of its own, named after the person.
    let listener = |line: &String| line.contains("[listener]") || !line.starts_with("sshd:");
    let running = machine.lines("sshd").map(|lines| {
        // systemd waits in its place; the server itself runs only while someone is logged in.
        lines.iter().any(listener) || (socket && listening(host, &listens))
    });
    let root_login = root_login(settings, people);
    SshServer {
        source: "/etc/ssh/sshd_config".to_owned(),
        program: "openssh".to_owned(),
        version,
        running,
        enabled,
        active: running.unwrap_or(enabled),
        reach: reach(host, &listens).to_owned(),
        listens: listens.join(","),
        password_login: password_enough(settings),
        empty_password_login: settings.is("permitemptypasswords", "yes") && password_enough(settings),
        root_has_password: people.root_has_password(),
        password_accounts: people.with_password(root_login == "password"),
        root_login: root_login.to_owned(),
        guard: guard(machine),
        mistake: settings.mistake.clone(),
    }
}

/// Whether a password alone opens the door.
fn password_enough(settings: &Settings) -> bool {
    let asks = settings.is("passwordauthentication", "yes")
        || (settings.is("kbdinteractiveauthentication", "yes") && settings.is("usepam", "yes"));
    let methods = settings.get("authenticationmethods").unwrap_or("any");
    let alone = |list: &str| {
        list.split(',')
            .all(|m| matches!(m.split(':').next(), Some("password" | "keyboard-interactive" | "none" | "any")))
    };
    asks && methods.split_whitespace().any(alone)
}

/// How root may come in, by PermitRootLogin and the lists of people and groups.
fn root_login(settings: &Settings, people: &People) -> &'static str {
    let user = |pattern: &str| like(pattern.split('@').next().unwrap_or(pattern), "root");
    let group = |pattern: &str| people.root_groups.iter().any(|g| like(pattern, g));
    let allowed = |keyword: &str, hit: &dyn Fn(&str) -> bool| {
        let mut values = settings.values(keyword).peekable();
        values.peek().is_none() || values.any(hit)
    };
    let denied =
        settings.values("denyusers").any(|p| !p.contains('@') && user(p)) || settings.values("denygroups").any(group);
    if denied || !allowed("allowusers", &user) || !allowed("allowgroups", &group) {
        return "no";
    }
    match settings.get("permitrootlogin") {
        Some("no") => "no",
        Some("yes") if password_enough(settings) => "password",
        Some("forced-commands-only") => "command",
        _ => "key",
    }
}

/// `ListenStream` of ssh.socket and its drop-ins.
fn socket_addresses(machine: &Machine<'_>) -> Vec<String> {
    let unit = machine.units.unit(machine.host, "ssh.socket", &mut Vec::new()).unwrap_or_default();
    let streams = unit::all(&unit.settings, "Socket", "ListenStream").into_iter();
    let addresses = streams.flat_map(|s| match s.value.as_str() {
        port if port.bytes().all(|b| b.is_ascii_digit()) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        address => vec![address.to_owned()],
    });
    addresses.collect()
}

/// Whether something waits for connections on one of the ports.
fn listening(host: &Host, listens: &[String]) -> bool {
    let ports: Vec<u16> = listens.iter().filter_map(|l| l.rsplit(':').next()?.parse().ok()).collect();
    ports::sockets(host).unwrap_or_default().iter().any(|s| s.protocol == "tcp" && ports.contains(&s.port))
}

/// The widest of the addresses.
fn reach(host: &Host, listens: &[String]) -> &'static str {
    let address = |l: &String| l.rsplit_once(':').map_or(l.clone(), |(a, _)| a.to_owned());
    match widest(listens.iter().map(|l| reach_of_listener(host, &address(l)))) {
        // A name that nobody here knows may lead anywhere.
        "unknown" | "none" => "any",
        reach => reach,
    }
}

/// A program that locks out guessers and watches SSH.
fn guard(machine: &Machine<'_>) -> Option<String> {
    let host = machine.host;
    for (name, process, unit) in [
        ("fail2ban", "fail2ban-server", "fail2ban.service"),
        ("sshguard", "sshguard", "sshguard.service"),
        ("crowdsec", "crowdsec", "crowdsec.service"),
    ] {
        let on = match &machine.processes {
            Some(all) => jobs::runs(host, all, &[process]),
            None => host.exists(&format!("/usr/bin/{process}")) && machine.enabled(&[unit], name),
        };
        if on && (name != "fail2ban" || jailed(host)) {
            return Some(name.to_owned());
        }
    }
    None
}

/// Whether fail2ban's `sshd` jail is on: later files count, in its own order of reading.
fn jailed(host: &Host) -> bool {
    let mut files = vec!["/etc/fail2ban/jail.conf".to_owned()];
    files.extend(host.glob("/etc/fail2ban/jail.d/*.conf"));
    files.push("/etc/fail2ban/jail.local".to_owned());
    files.extend(host.glob("/etc/fail2ban/jail.d/*.local"));
    let (mut default, mut own) = (false, None);
    for file in files {
        let mut section = String::new();
        for line in host.read_text(&file).unwrap_or_default().lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((key, value)) = line.split_once('=') {
                let on = matches!(value.trim().to_lowercase().as_str(), "true" | "yes" | "on" | "1");
                match (key.trim(), section.as_str()) {
                    ("enabled", "sshd") => own = Some(on),
                    ("enabled", "DEFAULT") => default = on,
                    _ => {}
                }
            }
        }
    }
    own.unwrap_or(default)
}

pub(super) fn dropbear(machine: &Machine<'_>) -> SshServer {
    let Machine { host, people, .. } = *machine;
    let source = "/etc/default/dropbear";
    let text = host.read_text(source).unwrap_or_default();
    let value = |key: &str| {
        let found = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
        found.map(|v| v.trim().trim_matches(['"', '\'']).to_owned())
    };
    let lines = machine.lines("dropbear");
    // What it was started with counts; what stands in the file is for the next start.
    let args = match lines.iter().flatten().next() {
        Some(line) => line.clone(),
        None => {
            let port = value("DROPBEAR_PORT").filter(|p| !p.is_empty()).unwrap_or_else(|| "22".to_owned());
            format!("dropbear -EF -p {port} {}", value("DROPBEAR_EXTRA_ARGS").unwrap_or_default())
        }
    };
    let mut flags = String::new();
    let mut listens = Vec::new();
    let mut words = args.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (at, letter) in letters.char_indices() {
            // These take a value, joined or as the next word.
            if "bdrpPWKIcTDV".contains(letter) {
                let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                let value = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                if letter == 'p' {
                    listens.push(value.to_owned());
                }
                break;
            }
            flags.push(letter);
        }
    }
    let listens: Vec<String> = listens
        .iter()
        .flat_map(|l| if l.contains(':') { vec![l.clone()] } else { vec![format!("0.0.0.0:{l}"), format!("[::]:{l}")] })
        .collect();
    let has = |letter| flags.contains(letter);
    let password_login = !has('s');
    let root_login = match () {
        () if has('w') => "no",
        () if has('s') || has('g') => "key",
        () => "password",
    };
    let enabled = machine.enabled(&["dropbear.service", "dropbear.socket"], "dropbear")
        && value("NO_START").is_none_or(|v| v == "0");
    let running = lines.map(|lines| !lines.is_empty());
    SshServer {
        source: source.to_owned(),
        program: "dropbear".to_owned(),
        version: package_version(host, "dropbear-bin"),
        running,
        enabled,
        active: running.unwrap_or(enabled),
        reach: reach(host, &listens).to_owned(),
        listens: listens.join(","),
        password_login,
        empty_password_login: password_login && has('B'),
        root_has_password: people.root_has_password(),
        password_accounts: people.with_password(root_login == "password"),
        root_login: root_login.to_owned(),
        guard: None,
        mistake: None,
    }
}
