//! What machine this is: its name, system, kernel and kind. Other questions depend on it: a container is not asked
//! about its boot loader.

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Row as _},
    host::Host,
};

fact_table! {
    /// The machine itself, one row.
    "machine" => Machine {
        /// File that names the operating system.
        source: String,
        /// Host name as configured.
        hostname: String,
        /// `physical`, `vm`, `system-container` (one with an init system of its own), `container`, or `image` when a tree was
        /// given by `--root`.
        kind: String,
        /// `server` or `desktop`: a desktop has a graphical login.
        role: String,
        /// Hypervisor or container engine, such as `kvm`, `docker`, `systemd-nspawn`; null on bare metal.
        virtualization: Option<String>,
        /// The first process: `systemd`, `init`, or another program's name; null in an image.
        init: Option<String>,
        /// `ID` of os-release, such as `debian`.
        os_id: String,
        /// Name and version for people, such as `Debian 12`.
        os_name: String,
        /// `VERSION_ID` of os-release, such as `12`; null for a rolling release.
        os_version: Option<String>,
        /// `VERSION_CODENAME`, such as `bookworm`.
        os_codename: Option<String>,
        /// Release of the running kernel; null in an image.
        kernel: Option<String>,
        /// Processor architecture of the running kernel; null in an image.
        arch: Option<String>,
        /// How many processors are at work; null in an image.
        processors: Option<i64>,
        /// When the machine started; null in an image.
        booted: Option<Timestamp>,
        /// Stable id of this installation (a hash of /etc/machine-id), for telling hosts of one name apart.
        machine_id: Option<String>,
    }
    offline: true,
    examples: ["select hostname, os_name, kernel, kind, role from machine"],
}

/// The probe.
pub const PROBE: Probe =
    Probe { name: "machine", about: "which system this is", tables: &[Machine::TABLE], limit: USUAL_LIMIT, run };

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let (source, release) = match host.read_text("/etc/os-release") {
        Ok(text) => ("/etc/os-release", text),
        Err(_) => ("/usr/lib/os-release", host.read_text("/usr/lib/os-release").unwrap_or_default()),
    };
    let field = |key: &str| os_release(&release, key);
    let os_id = field("ID").unwrap_or_else(|| "linux".to_owned());
    let name = field("NAME").unwrap_or_else(|| "Linux".to_owned());
    let name = name.replace(" GNU/Linux", "");
    let os_version = field("VERSION_ID");
    let os_name = match &os_version {
        Some(version) => format!("{name} {version}"),
        None => name,
    };
    let live = host.is_live();
    let virtualization = if live { virtualization(host) } else { None };
    let kind = match (&virtualization, live) {
        (_, false) => "image",
        (Some(v), true) if is_container(v) && has_init(host) == Some(true) => "system-container",
        (Some(v), true) if is_container(v) => "container",
        (Some(_), true) => "vm",
        (None, true) => "physical",
    };
    let first = |path: &str| first_line(host, path);
    let live_line = |path: &str| live.then(|| first(path)).flatten();
    facts.push(Machine {
        source: source.to_owned(),
        hostname: hostname(host),
        kind: kind.to_owned(),
        role: role(host).to_owned(),
        virtualization,
        init: live_line("/proc/1/comm"),
        os_id,
        os_name,
        os_version,
        os_codename: field("VERSION_CODENAME"),
        kernel: live_line("/proc/sys/kernel/osrelease"),
        arch: live_line("/proc/sys/kernel/arch")
            .or_else(|| live.then(|| rustix::system::uname().machine().to_string_lossy().into_owned())),
        processors: live.then(|| processors(host)).flatten().map(i64::from),
        booted: live.then(|| booted(host)).flatten(),
        machine_id: machine_id(host),
    });
    Ok(())
}

/// How many processors are at work: `0-3,6` are five.
pub(crate) fn processors(host: &Host) -> Option<u32> {
    let text = host.read_text("/sys/devices/system/cpu/online").ok()?;
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.saturating_add(1))
    };
    let all = text.trim().split(',').filter_map(count).fold(0, u32::saturating_add);
    (all > 0).then_some(all)
}

/// How audits name this machine in the store, and its name for people, without an audit.
pub(crate) fn identity(host: &Host) -> (String, String) {
    let name = hostname(host);
    (machine_id(host).unwrap_or_else(|| name.clone()), name)
}

fn hostname(host: &Host) -> String {
    let kernel = host.is_live().then(|| first_line(host, "/proc/sys/kernel/hostname")).flatten();
    kernel.or_else(|| first_line(host, "/etc/hostname")).unwrap_or_else(|| "unnamed".to_owned())
}

fn machine_id(host: &Host) -> Option<String> {
    let id = first_line(host, "/etc/machine-id").filter(|id| id.len() == 32)?;
    let key = blake3::derive_key("cleanbill machine id v1", id.as_bytes());
    Some(blake3::Hash::from(key).to_hex().chars().take(16).collect())
}

fn first_line(host: &Host, path: &str) -> Option<String> {
    let text = host.read_text(path).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// A value of os-release(5), unquoted.
fn os_release(text: &str, key: &str) -> Option<String> {
    let line = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = line.trim().trim_matches(|c| c == '"' || c == '\'');
    (!value.is_empty()).then(|| value.to_owned())
}

fn is_container(virtualization: &str) -> bool {
    ["docker", "podman", "lxc", "lxc-libvirt", "systemd-nspawn", "openvz", "kubernetes", "container"]
        .contains(&virtualization)
}

/// Whether the first process looks after services, as on a whole machine, rather than being the one program; none
/// where it is hidden.
pub(crate) fn has_init(host: &Host) -> Option<bool> {
    const INITS: &[&str] = &["systemd", "init", "runit", "openrc-init", "s6-svscan", "dinit"];
    host.read_text("/proc/1/comm").ok().map(|name| INITS.contains(&name.trim()))
}

/// Whether this is a container: most of its kernel's settings belong to the machine around it.
pub(crate) fn in_container(host: &Host) -> bool {
    virtualization(host).is_some_and(|v| is_container(&v))
}

/// What systemd-detect-virt(1) looks at, in its order: a container first, then the hypervisor.
fn virtualization(host: &Host) -> Option<String> {
    if host.exists("/.dockerenv") {
        return Some("docker".to_owned());
    }
    let environ = host.read_text("/proc/1/environ").unwrap_or_default();
    let said = environ.split('\0').find_map(|v| v.strip_prefix("container=").map(str::to_owned));
    let said = said.or_else(|| host.read_text("/run/systemd/container").ok().map(|s| s.trim().to_owned()));
    if let Some(engine) = said.filter(|s| !s.is_empty()) {
        return Some(if is_container(&engine) { engine } else { "container".to_owned() });
    }
    if host.exists("/run/.containerenv") {
        return Some("podman".to_owned());
    }
    let dmi = |name: &str| host.read_text(&format!("/sys/class/dmi/id/{name}")).unwrap_or_default();
    let vendors = dmi("sys_vendor") + &dmi("product_name") + &dmi("board_vendor") + &dmi("bios_vendor");
    for (word, name) in [
        ("KVM", "kvm"),
        ("QEMU", "qemu"),
        ("Amazon EC2", "amazon"),
        ("Google Compute", "google"),
        ("VMware", "vmware"),
        ("VirtualBox", "oracle"),
        ("innotek", "oracle"),
        ("Xen", "xen"),
        ("Bochs", "bochs"),
        ("Parallels", "parallels"),
        ("Microsoft Corporation", "microsoft"),
        ("OpenStack", "kvm"),
        ("Hetzner", "kvm"),
        ("DigitalOcean", "kvm"),
    ] {
        if vendors.contains(word) {
            return Some(name.to_owned());
        }
    }
    if host.exists("/proc/xen") {
        return Some("xen".to_owned());
    }
    let cpu = host.read_text("/proc/cpuinfo").unwrap_or_default();
    let flagged = cpu.lines().filter(|l| l.starts_with("flags")).any(|l| l.contains(" hypervisor"));
    flagged.then(|| "hypervisor".to_owned())
}

/// A graphical login makes a desktop.
fn role(host: &Host) -> &'static str {
    let graphical = ["/etc/systemd/system/display-manager.service", "/etc/X11/default-display-manager"];
    if graphical.iter().any(|p| host.symlink_metadata(p).is_ok()) { "desktop" } else { "server" }
}

fn booted(host: &Host) -> Option<Timestamp> {
    let stat = host.read_text("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_values_are_unquoted_and_the_last_one_counts() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"11\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(os_release(text, "ID").as_deref(), Some("debian"));
        assert_eq!(os_release(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(os_release(text, "VERSION"), None);
    }
}
