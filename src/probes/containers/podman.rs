//! Podman's containers: its list, and the runtime's config.json of each.

use serde_json::Value;

use super::{Container, dangerous, gap, moment};
use crate::{
    facts::{Facts, Gap, Reason},
    host::Host,
};

const CONTAINERS: usize = 5_000;
const LIMIT: u64 = 16 << 20;

/// Reads the containers of root and of each user.
pub(super) fn read(host: &Host, facts: &mut Facts) {
    let mut stores = vec!["/var/lib/containers/storage".to_owned()];
    stores.extend(host.glob("/home/*/.local/share/containers/storage"));
    stores.extend(host.glob("/root/.local/share/containers/storage"));
    for store in stores {
        let list = format!("{store}/overlay-containers/containers.json");
        let bytes = match host.read_bytes(&list, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                gap(facts, &list, &error);
                continue;
            }
        };
        let Ok(Value::Array(all)) = serde_json::from_slice::<Value>(&bytes) else {
            facts.partial::<Container>(Gap::new(super::WHAT, list, Reason::Broken("it is no JSON".to_owned())));
            continue;
        };
        for container in all.iter().take(CONTAINERS) {
            one(host, &store, container, facts);
        }
    }
}

fn one(host: &Host, store: &str, container: &Value, facts: &mut Facts) {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text(container, "/id");
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return;
    }
    let metadata: Value = serde_json::from_str(&text(container, "/metadata")).unwrap_or_default();
    let source = format!("{store}/overlay-containers/{id}/userdata/config.json");
    let config: Value = match host.read_bytes(&source, LIMIT) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        // Not started yet: the runtime's file is made at the first start.
        Err(error) if error.is_not_found() => Value::Null,
        Err(error) => return gap(facts, &source, &error),
    };
    let mut mounts = Vec::new();
    let mut dangerous_mount = None;
    for mount in config.get("mounts").and_then(Value::as_array).into_iter().flatten() {
        let from = text(mount, "/source");
        let options: Vec<&str> =
            mount.get("options").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        // Podman's own files for the container are no matter.
        if !options.iter().any(|o| *o == "bind" || *o == "rbind")
            || from.contains("/overlay-containers/")
            || !from.starts_with('/')
        {
            continue;
        }
        let writable = !options.contains(&"ro");
        if dangerous(&from, writable) {
            dangerous_mount = Some(from.clone());
        }
        mounts.push(format!("{from}:{}:{}", text(mount, "/destination"), if writable { "rw" } else { "ro" }));
    }
    let namespaces: Vec<String> = config
        .pointer("/linux/namespaces")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|n| text(n, "/type"))
        .collect();
    let known = !namespaces.is_empty();
    let privileged = config
        .get("annotations")
        .and_then(|a| a.get("io.podman.annotations.privileged"))
        .and_then(Value::as_str)
        .is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let shares = |kind: &str| known && !namespaces.iter().any(|n| n == kind);
    let uid = config.pointer("/process/user/uid").and_then(Value::as_i64);
    let host_network = shares("network");
    facts.push(Container {
        engine: "podman".to_owned(),
        name: container.pointer("/names/0").and_then(Value::as_str).unwrap_or_default().to_owned(),
        image: text(&metadata, "/image-name"),
        image_created: None,
        created: moment(container.get("created")),
        running: ["/run/containers/storage", "/var/run/containers/storage"]
            .iter()
            .any(|run| host.exists(&format!("{run}/overlay-containers/{id}/userdata/pidfile"))),
        restart_policy: "no".to_owned(),
        account: uid.filter(|u| *u != 0).map(|u| u.to_string()).unwrap_or_default(),
        privileged,
        host_network,
        host_processes: shares("pid"),
        powers: String::new(),
        mounts: mounts.join(" "),
        dangerous_mount,
        ports: String::new(),
        reach: if host_network { "any" } else { "none" }.to_owned(),
        memory_limit: config.pointer("/linux/resources/memory/limit").and_then(Value::as_i64).filter(|m| *m > 0),
        log_size: None,
        log_limited: true,
        id: id.chars().take(12).collect(),
        source,
    });
}
