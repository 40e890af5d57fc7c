//! The servers themselves: whether they run, where they listen, who may come in by what means.

use super::{
    SshServer,
    people::People,
    settings::{Settings, like},
};
use crate::{
    host::Host,
    probes::servers::{reach_of_listener, widest},
};

pub(super) const SSHD: &str = "/usr/sbin/sshd";
pub(super) const DROPBEAR: &str = "/usr/sbin/dropbear";

/// A program that runs now, for the few names we ask about.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    /// Command line, words separated by spaces.
    line: String,
}

/// The running login servers and guards, those of containers left out.
pub(super) fn processes(host: &Host) -> Vec<Process> {
    if !host.is_live() {
        return Vec::new();
    }
    let own = host.read_link("/proc/self/ns/pid").ok();
    let entries = host.list("/proc").unwrap_or_default();
    let pids = entries.into_iter().filter(|e| e.name.bytes().all(|b| b.is_ascii_digit()));
    let mut found = Vec::new();
    for entry in pids {
        let Ok(name) = host.read_text(&format!("{}/comm", entry.path)) else { continue };
        let name = name.trim();
        if !["sshd", "dropbear", "fail2ban-server", "sshguard", "crowdsec"].contains(&name) {
            continue;
        }
        let theirs = host.read_link(&format!("{}/ns/pid", entry.path)).ok();
        if own.is_some() && theirs.is_some() && own != theirs {
            continue;
        }
        let line = host.read_text(&format!("{}/cmdline", entry.path)).unwrap_or_default();
        found.push(Process { name: name.to_owned(), line: line.replace('\0', " ") });
    }
    found
}

/// The version of an installed package, without epoch and Debian's suffix.
pub(super) fn package_version(host: &Host, package: &str) -> Option<String> {
    let status = host.read_text("/var/lib/dpkg/status").ok()?;
    let start = status.find(&format!("Package: {package}\n"))?;
    let paragraph = status.get(start..)?.split("\n\n").next()?;
    let field = |name: &str| paragraph.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    if !field("Status:")?.ends_with(" installed") {
        return None;
    }
    let version = field("Version:")?;
    let version = version.split_once(':').map_or(version, |(_, v)| v);
    Some(version.split('-').next().unwrap_or(version).to_owned())
}

/// Whether one of the units starts with the machine.
fn enabled(host: &Host, units: &[&str], script: &str) -> bool {
    let masked =
        |unit: &str| host.read_link(&format!("/etc/systemd/system/{unit}")).is_ok_and(|target| target == "/dev/null");
    let wanted = |unit: &&str| !masked(unit) && !host.glob(&format!("/etc/systemd/system/*.wants/{unit}")).is_empty();
    if units.iter().any(wanted) {
        return true;
    }
    // Without systemd, the old scripts count.
    let systemd = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].iter().any(|p| host.exists(p));
    !systemd && !host.glob(&format!("/etc/rc2.d/S??{script}")).is_empty()
}

pub(super) fn openssh(
    host: &Host,
    settings: &Settings,
    version: Option<String>,
    people: &People,
    processes: &[Process],
) -> SshServer {
    let blocked = host.exists("/etc/ssh/sshd_not_to_be_run");
    let enabled = !blocked && enabled(host, &["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"], "ssh");
    let socket = enabled && !host.glob("/etc/systemd/system/sockets.target.wants/ssh.socket").is_empty();
    // The process that waits for logins; each login has one of its own, named after the person.
    let listener = |p: &&Process| p.name == "sshd" && (p.line.contains("[listener]") || !p.line.starts_with("sshd:"));
    let running = host.is_live().then(|| processes.iter().any(|p| listener(&p)));
    let mut listens: Vec<String> = settings.values("listenaddress").map(str::to_owned).collect();
    if socket {
        listens = socket_addresses(host);
    }
    // systemd waits in its place; the server itself runs only while someone is logged in.
    let running = match running {
        Some(false) if socket && listening(host, &listens) => Some(true),
        other => other,
    };
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
        guard: guard(host, processes),
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
fn socket_addresses(host: &Host) -> Vec<String> {
    let units =
        ["/etc/systemd/system/ssh.socket", "/usr/lib/systemd/system/ssh.socket", "/lib/systemd/system/ssh.socket"];
    let mut files: Vec<String> = units.iter().find(|p| host.exists(p)).map(|p| (*p).to_owned()).into_iter().collect();
    files.extend(host.glob("/etc/systemd/system/ssh.socket.d/*.conf"));
    let mut listens = Vec::new();
    for file in files {
        for line in host.read_text(&file).unwrap_or_default().lines() {
            let Some(value) = line.trim().strip_prefix("ListenStream").and_then(|l| l.trim_start().strip_prefix('='))
            else {
                continue;
            };
            match value.trim() {
                "" => listens.clear(),
                port if port.bytes().all(|b| b.is_ascii_digit()) => {
                    listens.extend([format!("[::]:{port}"), format!("0.0.0.0:{port}")]);
                }
                address => listens.push(address.to_owned()),
            }
        }
    }
    listens
}

/// Whether something waits for connections on one of the ports, by /proc/net/tcp.
fn listening(host: &Host, listens: &[String]) -> bool {
    let ports: Vec<u16> = listens.iter().filter_map(|l| l.rsplit(':').next()?.parse().ok()).collect();
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|file| {
        host.read_text(file).unwrap_or_default().lines().any(|line| {
            let mut parts = line.split_whitespace().skip(1);
            let port = parts.next().and_then(|local| u16::from_str_radix(local.rsplit(':').next()?, 16).ok());
            parts.nth(1) == Some("0A") && port.is_some_and(|p| ports.contains(&p))
        })
    })
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
fn guard(host: &Host, processes: &[Process]) -> Option<String> {
    for (name, process, unit) in [
        ("fail2ban", "fail2ban-server", "fail2ban.service"),
        ("sshguard", "sshguard", "sshguard.service"),
        ("crowdsec", "crowdsec", "crowdsec.service"),
    ] {
        let on = if host.is_live() {
            processes.iter().any(|p| p.name == process)
        } else {
            host.exists(&format!("/usr/bin/{process}")) && enabled(host, &[unit], name)
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

pub(super) fn dropbear(host: &Host, people: &People, processes: &[Process]) -> SshServer {
    let source = "/etc/default/dropbear";
    let text = host.read_text(source).unwrap_or_default();
    let value = |key: &str| {
        let found = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
        found.map(|v| v.trim().trim_matches(['"', '\'']).to_owned())
    };
    let process = processes.iter().find(|p| p.name == "dropbear");
    // What it was started with counts; what stands in the file is for the next start.
    let args = match process {
        Some(process) => process.line.clone(),
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
    let enabled = enabled(host, &["dropbear.service", "dropbear.socket"], "dropbear")
        && value("NO_START").is_none_or(|v| v == "0");
    let running = host.is_live().then_some(process.is_some());
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
