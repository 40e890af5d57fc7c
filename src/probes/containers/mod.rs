//! Containers and the programs that run them, from the files of Docker and Podman. No engine is asked, and the
//! environment of a container, where passwords are kept, is never stored.

mod daemon;
mod docker;
mod podman;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT, services::jobs};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Programs that run containers, with the settings that decide on safety.
    "container_engines" => Engine {
        /// Settings file, or the program when there is none.
        source: String,
        /// `docker`, `podman` or `containerd`.
        engine: String,
        /// Whether its service is running; null in an image and where processes are hidden.
        running: Option<bool>,
        /// Sockets by which it is commanded, separated by spaces.
        sockets: String,
        /// Whether everyone on this machine may command it.
        open_to_everyone: bool,
        /// Network addresses on which it takes commands, separated by spaces.
        network: String,
        /// From where these can be reached: `any`, `private`, `loopback`, `none`, `unknown`.
        reach: String,
        /// Whether it demands a certificate from whoever commands it over the network.
        asks_certificate: bool,
        /// Whether the main account in containers is an ordinary one outside (userns-remap, rootless).
        remaps_users: bool,
        /// Whether containers may talk to each other on the default network.
        containers_talk: bool,
        /// Whether containers go on while the service restarts.
        live_restore: bool,
        /// Where the output of containers is written, such as `json-file`.
        log_driver: String,
        /// Size at which such a file is cut; null when it grows without end.
        log_limit: Option<String>,
        /// Image stores that it trusts without encryption, separated by spaces.
        insecure_registries: String,
    }
    offline: true,
    examples: ["select engine, running, sockets, network, reach, asks_certificate from container_engines"],
}

fact_table! {
    /// Containers of Docker and Podman that exist here.
    "containers" => Container {
        /// Its settings file.
        source: String,
        /// `docker` or `podman`.
        engine: String,
        /// First 12 characters of its id.
        id: String,
        /// Its name.
        name: String,
        /// Name of its image.
        image: String,
        /// When the image was made, where it says so.
        image_created: Option<Timestamp>,
        /// When the container was made.
        created: Option<Timestamp>,
        /// Whether it is running.
        running: bool,
        /// When it is started again by itself: `no`, `always`, `unless-stopped`, `on-failure`.
        restart_policy: String,
        /// Account inside; empty means the main one, which may do everything in there.
        account: String,
        /// Whether it has all powers over the machine.
        privileged: bool,
        /// Whether it shares the network of the machine.
        host_network: bool,
        /// Whether it sees the processes of the machine.
        host_processes: bool,
        /// Special powers it was given, separated by spaces.
        powers: String,
        /// Files and folders of the machine that it sees, as `outside:inside:rw`, separated by spaces.
        mounts: String,
        /// Folder or socket among them by which it can take over the machine.
        dangerous_mount: Option<String>,
        /// Ports of the machine that lead to it, such as `0.0.0.0:80>80/tcp`, separated by spaces.
        ports: String,
        /// From where these can be reached: `any`, `private`, `loopback`, `none`.
        reach: String,
        /// Memory it may use in bytes; null without a limit.
        memory_limit: Option<i64>,
        /// Bytes of its output that are kept; null when not in a file.
        log_size: Option<i64>,
        /// Whether that file is cut at some size.
        log_limited: bool,
    }
    offline: true,
    examples: ["select name, image, running, privileged, dangerous_mount, ports from containers"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "containers",
    about: "which containers there are",
    tables: &[Engine::TABLE, Container::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let processes = jobs::processes(host);
    daemon::read(host, processes.as_deref(), facts);
    docker::read(host, facts);
    podman::read(host, facts);
    if facts.count::<Engine>() == 0 {
        facts.absent::<Engine>("no program that runs containers is installed");
        facts.absent_when_empty::<Container>("no program that runs containers is installed");
    } else if let Some(gap) = jobs::hidden(host) {
        facts.partial::<Engine>(gap);
    }
    Ok(())
}

const WHAT: &str = "which containers there are";

fn gap(facts: &mut Facts, path: &str, error: &crate::host::ReadError) {
    facts.partial::<Container>(Gap::new(WHAT, path, error.reason()));
}

/// A folder or socket outside by which a container can take over the machine. Reading alone is enough for some.
fn dangerous(source: &str, writable: bool) -> bool {
    let path = if source == "/" { "/" } else { source.trim_end_matches('/') };
    let sockets = [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
        "/var/run/crio/crio.sock",
    ];
    let whole = ["/", "/run", "/var/run"];
    let parts = [
        "/etc",
        "/root",
        "/boot",
        "/usr",
        "/var/lib/docker",
        "/var/lib/containers",
        "/dev",
        "/proc",
        "/sys",
        "/lib",
        "/bin",
        "/sbin",
        "/home",
        "/var",
    ];
    sockets.contains(&path) || whole.contains(&path) || (writable && parts.contains(&path))
}

/// A moment as the engines write it.
fn moment(value: Option<&serde_json::Value>) -> Option<Timestamp> {
    value?.as_str()?.parse::<Timestamp>().ok().filter(|t| t.as_second() > 0)
}
