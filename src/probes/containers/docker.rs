//! Docker's containers: config.v2.json and hostconfig.json of each.

use serde_json::Value;

use super::{Container, dangerous, gap, moment};
use crate::{
    facts::{Facts, Gap, Reason},
    host::{Host, Kind},
    probes::servers::{reach_of_listener, widest},
};

const CONTAINERS: usize = 5_000;
/// Largest of these files that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// Reads all containers.
pub(super) fn read(host: &Host, facts: &mut Facts) {
    let root = data_root(host);
    let dir = format!("{root}/containers");
    let entries = match host.list(&dir) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return,
        Err(error) => return gap(facts, &dir, &error),
    };
    for entry in entries.into_iter().filter(|e| e.kind == Kind::Directory).take(CONTAINERS) {
        if host.late() {
            return facts.partial::<Container>(Gap::new(super::WHAT, dir, Reason::TimedOut));
        }
        one(host, &root, &entry.path, &entry.name, facts);
    }
}

fn data_root(host: &Host) -> String {
    let json = host.read_text("/etc/docker/daemon.json").unwrap_or_default();
    let json: Value = serde_json::from_str(&json).unwrap_or_default();
    let said = json.get("data-root").or_else(|| json.get("graph")).and_then(Value::as_str);
    said.filter(|p| p.starts_with('/')).unwrap_or("/var/lib/docker").trim_end_matches('/').to_owned()
}

fn json(host: &Host, path: &str) -> Result<Value, Option<crate::host::ReadError>> {
    let bytes = host.read_bytes(path, LIMIT).map_err(Some)?;
    serde_json::from_slice(&bytes).map_err(|_| None)
}

fn one(host: &Host, root: &str, dir: &str, id: &str, facts: &mut Facts) {
    let source = format!("{dir}/config.v2.json");
    let second = format!("{dir}/hostconfig.json");
    let mut open = |path: &str| match json(host, path) {
        Ok(value) => Some(value),
        // A container may go away while we look.
        Err(Some(error)) if error.is_not_found() => None,
        Err(Some(error)) => {
            gap(facts, path, &error);
            None
        }
        Err(None) => {
            facts.partial::<Container>(Gap::new(super::WHAT, path, Reason::Broken("it is no JSON".to_owned())));
            None
        }
    };
    let (Some(config), Some(host_config)) = (open(&source), open(&second)) else { return };
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut mounts = Vec::new();
    let mut dangerous_mount = None;
    for point in config.get("MountPoints").and_then(Value::as_object).into_iter().flat_map(|m| m.values()) {
        let (from, to) = (text(point, "/Source"), text(point, "/Destination"));
        let writable = point.get("RW").and_then(Value::as_bool).unwrap_or(true);
        if from.starts_with('/') {
            if dangerous(&from, writable) {
                dangerous_mount = Some(from.clone());
            }
            mounts.push(format!("{from}:{to}:{}", if writable { "rw" } else { "ro" }));
        }
    }
    let mut ports = Vec::new();
    let mut reaches = Vec::new();
    for (inside, bindings) in host_config.get("PortBindings").and_then(Value::as_object).into_iter().flatten() {
        for binding in bindings.as_array().into_iter().flatten() {
            let address = text(binding, "/HostIp");
            let address = if address.is_empty() { "0.0.0.0".to_owned() } else { address };
            reaches.push(reach_of_listener(host, &address));
            ports.push(format!("{address}:{}>{inside}", text(binding, "/HostPort")));
        }
    }
    let image_id = text(&config, "/Image");
    let image_created =
        image_id.strip_prefix("sha256:").filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|hash| {
            let path = format!("{root}/image/overlay2/imagedb/content/sha256/{hash}");
            moment(json(host, &path).ok()?.get("created"))
        });
    let powers: Vec<&str> =
        host_config.get("CapAdd").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let host_network = text(&host_config, "/NetworkMode") == "host";
    if host_network {
        reaches.push("any");
    }
    let log = host.metadata(&format!("{dir}/{id}-json.log")).ok();
    facts.push(Container {
        engine: "docker".to_owned(),
        id: id.chars().take(12).collect(),
        name: text(&config, "/Name").trim_start_matches('/').to_owned(),
        image: text(&config, "/Config/Image"),
        image_created,
        created: moment(config.get("Created")),
        running: config.pointer("/State/Running").and_then(Value::as_bool).unwrap_or(false),
        restart_policy: Some(text(&host_config, "/RestartPolicy/Name"))
            .filter(|p| !p.is_empty())
            .unwrap_or_else(|| "no".to_owned()),
        account: text(&config, "/Config/User"),
        privileged: host_config.get("Privileged").and_then(Value::as_bool).unwrap_or(false),
        host_network,
        host_processes: text(&host_config, "/PidMode") == "host",
        powers: powers.join(" "),
        mounts: mounts.join(" "),
        dangerous_mount,
        ports: ports.join(" "),
        reach: widest(reaches).to_owned(),
        memory_limit: host_config.get("Memory").and_then(Value::as_i64).filter(|m| *m > 0),
        log_size: log.map(|m| i64::try_from(m.size).unwrap_or(i64::MAX)),
        log_limited: host_config.pointer("/LogConfig/Config/max-size").is_some() || log.is_none(),
        source,
    });
}
