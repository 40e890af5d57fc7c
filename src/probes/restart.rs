//! What was updated but still runs in its old form: the kernel, and programs that hold libraries or files that were
//! replaced beneath them. Programs inside containers have files of their own and are not looked at.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT, packages::version::compare};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind, ReadError},
};

fact_table! {
    /// One row for each sign that the machine must be restarted to run what was installed.
    "reboot_required" => RebootRequired {
        /// File that tells.
        source: String,
        /// `kernel` when a newer one is installed than runs, `asked` when a package asks for a restart.
        reason: String,
        /// Kernel that runs.
        running: Option<String>,
        /// Newest installed kernel of the same kind, or packages that ask.
        wanted: Option<String>,
        /// Since when.
        since: Option<Timestamp>,
    }
    offline: false,
    examples: ["select reason, running, wanted, since from reboot_required"],
}

fact_table! {
    /// One row for each running program and each file of program code it uses that was replaced or deleted since.
    "outdated_processes" => OutdatedProcess {
        /// Where the kernel shows it.
        source: String,
        /// Process.
        pid: i64,
        /// Its name.
        name: String,
        /// User id it runs as.
        uid: i64,
        /// Unit of systemd it belongs to, such as `nginx.service`; null when none.
        unit: Option<String>,
        /// The old file: a library or the program itself.
        file: String,
        /// Whether the file is gone altogether; otherwise a new one is in its place.
        removed: bool,
        /// Whether the process accepts traffic from other machines.
        from_network: bool,
    }
    offline: false,
    examples: ["select unit, name, count(*) as files from outdated_processes group by unit, name"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "restart",
    about: "whether programs or the kernel run in an old form",
    tables: &[RebootRequired::TABLE, OutdatedProcess::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    reboot(host, facts);
    processes(host, facts);
    Ok(())
}

fn reboot(host: &Host, facts: &mut Facts) {
    for flag in ["/run/reboot-required", "/var/run/reboot-required"] {
        let Ok(meta) = host.metadata(flag) else { continue };
        let packages = host.read_text(&format!("{flag}.pkgs")).unwrap_or_default();
        let packages: BTreeSet<&str> = packages.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let wanted = (!packages.is_empty()).then(|| packages.into_iter().collect::<Vec<_>>().join(", "));
        facts.push(RebootRequired {
            source: flag.to_owned(),
            reason: "asked".to_owned(),
            running: None,
            wanted,
            since: Some(meta.modified),
        });
        break;
    }
    let Ok(running) = host.read_text("/proc/sys/kernel/osrelease") else { return };
    let running = running.trim();
    // Only kernels of the same kind (`-amd64`, `-generic`) are comparable; a kernel that the host lends to a
    // container or virtual machine has none of its kind here.
    let Some(kind) = flavour(running) else { return };
    let names = match host.list("/boot") {
        Ok(names) => names,
        Err(error) if error.is_not_found() => return,
        Err(error) => {
            facts.partial::<RebootRequired>(Gap::new("which kernels are installed", "/boot", error.reason()));
            return;
        }
    };
    let kernels = names.iter().filter_map(|e| e.name.strip_prefix("vmlinuz-"));
    let kernels = kernels.filter(|k| flavour(k) == Some(kind));
    let Some(newest) = kernels.max_by(|a, b| compare(a, b)) else { return };
    let installed =
        |kernel: &str| host.metadata(&format!("/var/lib/dpkg/info/linux-image-{kernel}.list")).ok().map(|m| m.modified);
    if compare(newest, running).is_gt() {
        facts.push(RebootRequired {
            source: format!("/boot/vmlinuz-{newest}"),
            reason: "kernel".to_owned(),
            running: Some(running.to_owned()),
            wanted: Some(newest.to_owned()),
            since: installed(newest),
        });
    } else if newest == running {
        rebuilt(host, running, facts, installed(running));
    }
}

/// `amd64` of `6.1.0-9-amd64` and of `6.12.41+deb13-amd64`, `rt-amd64`, `generic`.
fn flavour(kernel: &str) -> Option<&str> {
    let (_, rest) = kernel.split_once('-')?;
    match rest.split_once('-') {
        Some((number, flavour)) if number.bytes().all(|b| b.is_ascii_digit()) => Some(flavour),
        _ => Some(rest).filter(|r| !r.bytes().all(|b| b.is_ascii_digit())),
    }
}

/// A rebuilt kernel of the same name: what runs says its package version in /proc/version.
fn rebuilt(host: &Host, kernel: &str, facts: &mut Facts, since: Option<Timestamp>) {
    let Ok(version) = host.read_text("/proc/version") else { return };
    let Some((_, after)) = version.rsplit_once(" Debian ") else { return };
    let running = after.split_whitespace().next().unwrap_or_default();
    let name = format!("linux-image-{kernel}");
    let packages = super::packages::read(host).unwrap_or_default();
    let Some(package) = packages.iter().find(|p| p.name == name && p.is_installed) else { return };
    if compare(&package.version, running).is_gt() {
        facts.push(RebootRequired {
            source: package.source.clone(),
            reason: "kernel".to_owned(),
            running: Some(running.to_owned()),
            wanted: Some(package.version.clone()),
            since,
        });
    }
}

fn processes(host: &Host, facts: &mut Facts) {
    let entries = match host.list("/proc") {
        Ok(entries) => entries,
        Err(error) => {
            facts.unread::<OutdatedProcess>(Gap::new("the running programs", "/proc", error.reason()));
            return;
        }
    };
    let own_space = host.read_link("/proc/self/ns/pid").ok();
    let mut listening: Option<HashSet<String>> = None;
    let mut denied = false;
    for entry in entries.iter().filter(|e| e.kind == Kind::Directory) {
        let Ok(pid) = entry.name.parse::<i64>() else { continue };
        if host.late() {
            facts.partial::<OutdatedProcess>(Gap::new("every running program", "/proc", Reason::TimedOut));
            return;
        }
        let base = &entry.path;
        let maps = match host.read_text(&format!("{base}/maps")) {
            Ok(maps) => maps,
            Err(ReadError::Denied(_)) => {
                denied = true;
                continue;
            }
            // It ended meanwhile.
            Err(_) => continue,
        };
        let files = old_files(&maps);
        if files.is_empty() {
            continue;
        }
        let space = host.read_link(&format!("{base}/ns/pid")).ok();
        if own_space.is_some() && space.is_some() && space != own_space {
            continue;
        }
        let listening = listening.get_or_insert_with(|| sockets(host));
        let from_network = has_socket(host, base, listening);
        let name = host.read_text(&format!("{base}/comm")).unwrap_or_default().trim().to_owned();
        let uid = host.metadata(base).map_or(0, |m| m.uid.into());
        let unit = host.read_text(&format!("{base}/cgroup")).ok().and_then(|t| unit(&t));
        for file in files {
            facts.push(OutdatedProcess {
                source: format!("{base}/maps"),
                pid,
                name: name.clone(),
                uid,
                unit: unit.clone(),
                removed: !host.exists(file),
                file: file.to_owned(),
                from_network,
            });
        }
    }
    if denied {
        // Some sandboxes keep a process even from root.
        let kept = || Reason::Broken("the system shows some of them to nobody".to_owned());
        let reason = if host.is_root() { kept() } else { Reason::NeedsRoot };
        let gap = Gap::new("which programs of other users still run old code", "/proc", reason);
        facts.partial::<OutdatedProcess>(gap);
    }
}

/// Files of code that are deleted, from /proc/PID/maps (proc_pid_maps(5)). Only what is mapped to be executed and
/// lies where programs are installed counts: shared memory, caches and what programs unpack for themselves
/// (`/dev/zero`, `/memfd:`, `/[aio]`, `/SYSV…`, `/tmp`, `/run`) comes and goes as it should.
fn old_files(maps: &str) -> BTreeSet<&str> {
    if !maps.contains(" (deleted)\n") {
        return BTreeSet::new();
    }
    let places = ["/usr/", "/lib", "/bin/", "/sbin/", "/opt/"];
    maps.lines()
        .filter_map(|line| line.strip_suffix(" (deleted)"))
        .filter_map(|line| {
            let (_, rest) = line.split_once(' ')?;
            let (rights, rest) = rest.split_once(' ')?;
            let file = rest.get(rest.find('/')?..)?;
            // Devices and minor numbers hold no slash before the path.
            (rights.contains('x') && places.iter().any(|p| file.starts_with(p))).then_some(file)
        })
        .filter(|file| !file.contains(".dpkg-") || file.contains(".dpkg-new"))
        .map(|file| file.trim_end_matches(".dpkg-new"))
        .collect()
}

/// The unit of systemd: the last part of the control group that is a service.
fn unit(cgroup: &str) -> Option<String> {
    let path =
        cgroup.lines().find_map(|l| l.strip_prefix("0::").or_else(|| l.split_once("name=systemd:").map(|p| p.1)))?;
    path.split('/').rev().find(|part| part.ends_with(".service")).map(str::to_owned)
}

/// Inodes of sockets that wait for traffic from other machines.
fn sockets(host: &Host) -> HashSet<String> {
    let mut found = HashSet::new();
    for (file, state) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
        let text = host.read_text(&format!("/proc/net/{file}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, is, _, _, _, _, _, inode, ..] = words.as_slice() else { continue };
            let address = local.split(':').next().unwrap_or_default();
            let loopback = match address.len() {
                8 => address.ends_with("7F"),
                _ => {
                    address == "00000000000000000000000001000000"
                        || (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"))
                }
            };
            if *is == state && !loopback {
                found.insert((*inode).to_owned());
            }
        }
    }
    found
}

fn has_socket(host: &Host, base: &str, sockets: &HashSet<String>) -> bool {
    if sockets.is_empty() {
        return false;
    }
    let files = host.list(&format!("{base}/fd")).unwrap_or_default();
    files.iter().take(4096).filter_map(|e| host.read_link(&e.path).ok()).any(|target| {
        let inode = target.strip_prefix("socket:[").and_then(|t| t.strip_suffix(']'));
        inode.is_some_and(|inode| sockets.contains(inode))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::State;
    use std::{collections::BTreeMap, fs, path::Path};

    fn facts(files: &[(&str, &str)]) -> Facts {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = Host::fake(dir.path(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        super::super::run_one(&PROBE, &host)
    }

    const MAPS: &str = "\
55d0c0000000-55d0c0001000 r-xp 00000000 08:01 131 /usr/sbin/nginx
7f0000000000-7f0000001000 r--p 00000000 08:01 132 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000001000-7f0000002000 r-xp 00000000 08:01 132 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000003000-7f0000004000 rw-s 00000000 00:01 133 /dev/zero (deleted)
7f0000005000-7f0000006000 rwxs 00000000 00:01 134 /[aio] (deleted)
7f0000007000-7f0000008000 r-xp 00000000 00:01 135 /memfd:doublemapper (deleted)
7f0000009000-7f000000a000 r-xp 00000000 08:01 136 /tmp/jna123.tmp (deleted)
7f000000b000-7f000000c000 r--p 00000000 08:01 137 /usr/lib/locale/locale-archive (deleted)
7f000000d000-7f000000e000 rw-s 00000000 00:01 138 /SYSV00000000 (deleted)
";

    #[test]
    fn a_replaced_library_is_seen_and_shared_memory_is_not() {
        let facts = facts(&[
            ("/proc/42/maps", MAPS),
            ("/proc/42/comm", "nginx\n"),
            ("/proc/42/cgroup", "0::/system.slice/nginx.service\n"),
            ("/usr/lib/x86_64-linux-gnu/libssl.so.3", ""),
            ("/proc/43/maps", ""),
        ]);
        let rows = facts.rows("outdated_processes");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["file"], "/usr/lib/x86_64-linux-gnu/libssl.so.3");
        assert_eq!(rows[0]["unit"], "nginx.service");
        assert_eq!(rows[0]["removed"], false);
        assert_eq!(facts.state("outdated_processes"), State::Read);
    }

    #[test]
    fn a_newer_kernel_waits_for_a_restart() {
        let facts = facts(&[
            ("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n"),
            ("/boot/vmlinuz-6.1.0-9-amd64", ""),
            ("/boot/vmlinuz-6.1.0-10-amd64", ""),
            ("/boot/vmlinuz-6.1.0-10-rt-amd64", ""),
            ("/run/reboot-required", ""),
            ("/run/reboot-required.pkgs", "libc6\ndbus\nlibc6\n"),
        ]);
        let rows = facts.rows("reboot_required");
        assert_eq!(rows[0]["wanted"], "dbus, libc6");
        assert_eq!(rows[1]["wanted"], "6.1.0-10-amd64");
    }

    #[test]
    fn a_kernel_rebuilt_under_the_same_name_is_seen() {
        let status = "Package: linux-image-6.1.0-9-amd64\nStatus: install ok installed\nVersion: 6.1.27-2\n\
            Architecture: amd64\n";
        let version =
            "Linux version 6.1.0-9-amd64 (debian-kernel@lists.debian.org) (gcc) #1 SMP Debian 6.1.27-1 (2023-05-08)\n";
        let facts = facts(&[
            ("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n"),
            ("/proc/version", version),
            ("/boot/vmlinuz-6.1.0-9-amd64", ""),
            ("/var/lib/dpkg/status", status),
        ]);
        assert_eq!(facts.rows("reboot_required")[0]["wanted"], "6.1.27-2");
    }

    #[test]
    fn a_kernel_that_the_host_lends_is_not_compared() {
        let facts = facts(&[("/proc/sys/kernel/osrelease", "6.18.44-fc-v782\n"), ("/boot/vmlinuz-6.1.0-10-amd64", "")]);
        assert!(facts.rows("reboot_required").is_empty());
    }
}
