//! The engines themselves: where they take commands, and from whom.

use serde_json::Value;

use super::Engine;
use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::{
        servers::{is_yes, reach_of_listener, widest},
        services::{jobs, scan::Units, unit},
    },
};

/// Finds the engines.
pub(super) fn read(host: &Host, processes: Option<&[(String, String)]>, facts: &mut Facts) {
    let installed = |paths: &[&str]| paths.iter().any(|p| host.exists(p));
    let runs = |name: &str| processes.map(|all| jobs::runs(host, all, &[name]));
    let docker = installed(&["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/snap/bin/docker"]);
    if docker {
        dockerd(host, processes, runs("dockerd"), facts);
    }
    if installed(&["/usr/bin/podman", "/usr/local/bin/podman"]) {
        facts.push(plain(host, "podman", "/usr/bin/podman", runs("podman"), &["/run/podman/podman.sock"]));
    }
    // With Docker, containerd is a part of it.
    if !docker && installed(&["/usr/bin/containerd", "/usr/local/bin/containerd"]) {
        facts.push(plain(
            host,
            "containerd",
            "/usr/bin/containerd",
            runs("containerd"),
            &["/run/containerd/containerd.sock"],
        ));
    }
}

fn plain(host: &Host, engine: &str, source: &str, running: Option<bool>, sockets: &[&str]) -> Engine {
    let there: Vec<&str> = sockets.iter().copied().filter(|s| host.exists(s)).collect();
    Engine {
        source: source.to_owned(),
        engine: engine.to_owned(),
        running,
        open_to_everyone: there.iter().any(|s| open_to_everyone(host, s)),
        sockets: there.join(" "),
        network: String::new(),
        reach: "none".to_owned(),
        asks_certificate: false,
        remaps_users: false,
        containers_talk: true,
        live_restore: false,
        log_driver: String::new(),
        log_limit: None,
        insecure_registries: String::new(),
    }
}

/// Whether everyone may write to the socket: its own rights, and those of the folder it is in.
fn open_to_everyone(host: &Host, socket: &str) -> bool {
    let folder = socket.rsplit_once('/').map_or("/", |(dir, _)| dir);
    let enter = host.metadata(folder).is_ok_and(|m| m.mode & 0o001 != 0);
    enter && host.metadata(socket).is_ok_and(|m| m.mode & 0o002 != 0)
}

fn dockerd(host: &Host, processes: Option<&[(String, String)]>, running: Option<bool>, facts: &mut Facts) {
    const CONFIG: &str = "/etc/docker/daemon.json";
    let mut source = "/usr/lib/systemd/system/docker.service".to_owned();
    let json: Value = match host.read_text(CONFIG) {
        Ok(text) => {
            source = CONFIG.to_owned();
            serde_json::from_str(&text).unwrap_or_else(|error| {
                let reason = crate::facts::Reason::Broken(format!("it is no JSON: {error}"));
                facts.partial::<Engine>(Gap::new("how Docker is set up", CONFIG, reason));
                Value::Null
            })
        }
        Err(error) if error.is_not_found() => Value::Null,
        Err(error) => {
            facts.partial::<Engine>(Gap::new("how Docker is set up", CONFIG, error.reason()));
            Value::Null
        }
    };
    let (arguments, from) = arguments(host, processes);
    let flag = |names: &[&str]| -> Vec<String> {
        let mut found = Vec::new();
        let mut words = arguments.iter().peekable();
        while let Some(word) = words.next() {
            for name in names {
                if word == name {
                    let next = words.next_if(|w| !w.starts_with('-'));
                    found.push(next.cloned().unwrap_or_else(|| "true".to_owned()));
                } else if let Some(value) = word.strip_prefix(name).and_then(|v| v.strip_prefix('=')) {
                    found.push(value.to_owned());
                } else if name.len() == 2 && word.starts_with(name) && !word.starts_with("--") {
                    found.push(word.get(2..).unwrap_or_default().to_owned());
                }
            }
        }
        found
    };
    let list = |key: &str| -> Vec<String> {
        json.get(key)
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let truth = |key: &str, name: &str| {
        let said = flag(&[name]).pop().map(|v| is_yes(&v));
        said.or_else(|| json.get(key).and_then(Value::as_bool))
    };
    let text = |key: &str, name: &str| {
        flag(&[name]).pop().or_else(|| json.get(key).and_then(Value::as_str).map(str::to_owned))
    };
    let mut hosts = flag(&["-H", "--host"]);
    if hosts.iter().any(|h| h.starts_with("tcp://")) {
        source = from.unwrap_or(source);
    }
    hosts.extend(list("hosts"));
    let network: Vec<String> = hosts.iter().filter_map(|h| h.strip_prefix("tcp://")).map(str::to_owned).collect();
    let address = |h: &str| match h.rsplit_once(':') {
        Some(("", _)) => "127.0.0.1".to_owned(),
        Some((address, port)) if port.bytes().all(|b| b.is_ascii_digit()) => address.to_owned(),
        _ => h.to_owned(),
    };
    let mut sockets: Vec<String> = hosts.iter().filter_map(|h| h.strip_prefix("unix://")).map(str::to_owned).collect();
    if sockets.is_empty() && host.exists("/run/docker.sock") {
        sockets.push("/run/docker.sock".to_owned());
    }
    let options = json.get("log-opts");
    let limit = options.and_then(|o| o.get("max-size")).and_then(Value::as_str).map(str::to_owned);
    let limit =
        limit.or_else(|| flag(&["--log-opt"]).iter().find_map(|o| o.strip_prefix("max-size=").map(str::to_owned)));
    let mut registries = list("insecure-registries");
    registries.extend(flag(&["--insecure-registry"]));
    facts.push(Engine {
        source,
        engine: "docker".to_owned(),
        running,
        open_to_everyone: sockets.iter().any(|s| open_to_everyone(host, s)),
        sockets: sockets.join(" "),
        reach: widest(network.iter().map(|h| reach_of_listener(host, &address(h)))).to_owned(),
        network: network.join(" "),
        asks_certificate: truth("tlsverify", "--tlsverify").unwrap_or(false),
        remaps_users: text("userns-remap", "--userns-remap").is_some_and(|v| !v.is_empty()),
        containers_talk: truth("icc", "--icc").unwrap_or(true),
        live_restore: truth("live-restore", "--live-restore").unwrap_or(false),
        log_driver: text("log-driver", "--log-driver").unwrap_or_else(|| "json-file".to_owned()),
        log_limit: limit,
        insecure_registries: registries.join(" "),
    });
}

/// The arguments of dockerd: of the running one, else of its unit with drop-ins, and where they come from.
fn arguments(host: &Host, processes: Option<&[(String, String)]>) -> (Vec<String>, Option<String>) {
    let path = processes.and_then(|all| jobs::own(host, all, &["dockerd"]).next()).map(|(path, _)| path);
    if let Some(line) = path.and_then(|p| host.read_text(&format!("{p}/cmdline")).ok()) {
        return (line.split('\0').map(str::to_owned).collect(), Some("dockerd".to_owned()));
    }
    const UNIT: &str = "docker.service";
    // What cannot be read here is told by the probe of the services.
    let unit = Units::scan_only(host, &[UNIT]).unit(host, UNIT, &mut Vec::new()).unwrap_or_default();
    let start = unit::all(&unit.settings, "Service", "ExecStart").pop();
    let words = start.iter().flat_map(|s| s.value.split_whitespace()).map(str::to_owned).collect();
    let mut found: (Vec<String>, _) = (words, start.map(|s| s.source.clone()));
    if found.0.iter().any(|w| w.contains("DOCKER_OPTS")) {
        let text = host.read_text("/etc/default/docker").unwrap_or_default();
        let options = text.lines().rev().find_map(|l| l.trim().strip_prefix("DOCKER_OPTS="));
        if let Some(options) = options {
            found.0.extend(options.trim_matches(['"', '\'']).split_whitespace().map(str::to_owned));
            found.1 = Some("/etc/default/docker".to_owned());
        }
    }
    found
}
