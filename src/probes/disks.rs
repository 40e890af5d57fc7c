//! Disks, partitions and what is built on them, from the kernel's own list; which of it is encrypted; and swap.

use std::collections::BTreeMap;

use super::{Probe, ProbeError, USUAL_LIMIT, mounts};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// One row for each disk, partition and what is built on them; empty loop and memory disks are left out.
    "block_devices" => BlockDevice {
        /// Directory the row was read from.
        source: String,
        /// Its name, such as `/dev/sda1`.
        name: String,
        /// Name that the device mapper gave, such as `cryptroot`; null for others.
        label: Option<String>,
        /// `disk`, `partition`, `crypt`, `lvm`, `raid`, `loop`, `rom`, `memory` or `mapped`.
        kind: String,
        /// Bytes.
        size: i64,
        /// Maker's name of the disk; null for what is built on one.
        model: Option<String>,
        /// Disk it is a part of, or devices it is built on, separated by commas.
        parent: Option<String>,
        /// Whether it is a turning disk.
        rotational: bool,
        /// Whether it can be taken out.
        removable: bool,
        /// Whether nothing can be written to it.
        read_only: bool,
        /// Whether what is stored on it is encrypted, here or in what it is built on.
        encrypted: bool,
        /// Where it is mounted, separated by commas; null when it is not.
        mounted_at: Option<String>,
        /// Whether it is in use as swap.
        swap: bool,
    }
    offline: false,
    examples: ["select name, kind, size, encrypted, mounted_at from block_devices"],
}

fact_table! {
    /// One row for each swap area in use.
    "swaps" => Swap {
        /// File the row was read from.
        source: String,
        /// Device or file.
        name: String,
        /// `partition` or `file`.
        kind: String,
        /// Bytes.
        size: i64,
        /// Bytes in use.
        used: i64,
        /// Whether what is swapped out is encrypted or stays in memory; null when that cannot be told.
        encrypted: Option<bool>,
    }
    offline: false,
    examples: ["select name, size, used, encrypted from swaps"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "disks",
    about: "which disks there are",
    tables: &[BlockDevice::TABLE, Swap::TABLE],
    limit: USUAL_LIMIT,
    run,
};

const BLOCK: &str = "/sys/class/block";

/// A device as sysfs has it.
struct Device {
    /// Name in sysfs.
    id: String,
    number: String,
    label: Option<String>,
    kind: &'static str,
    size: u64,
    parents: Vec<String>,
    removable: bool,
    rotational: bool,
    read_only: bool,
    model: Option<String>,
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let devices: BTreeMap<String, Device> = match host.list(BLOCK) {
        Ok(entries) => entries.iter().map(|e| (e.name.clone(), device(host, &e.name))).collect(),
        Err(error) => {
            if error.is_not_found() {
                facts.absent::<BlockDevice>("the kernel lists no disks here");
            } else {
                facts.unread::<BlockDevice>(Gap::new("which disks there are", BLOCK, error.reason()));
            }
            BTreeMap::new()
        }
    };
    let mounts = mounts::mounted(host).unwrap_or_default();
    let swaps = host.read_text("/proc/swaps");
    let areas = swaps.as_deref().map(parse_swaps).unwrap_or_default();
    for device in devices.values() {
        let name = format!("/dev/{}", device.id.replace('!', "/"));
        let mapped = device.label.as_ref().map(|l| format!("/dev/mapper/{l}"));
        let mut places: Vec<&str> = mounts
            .iter()
            .filter(|m| m.number == device.number || m.device == name || Some(&m.device) == mapped.as_ref())
            .map(|m| m.path.as_str())
            .collect();
        places.sort_unstable();
        places.dedup();
        if device.size == 0 && places.is_empty() {
            continue;
        }
        facts.push(BlockDevice {
            source: format!("{BLOCK}/{}", device.id),
            kind: device.kind.to_owned(),
            size: i64::try_from(device.size).unwrap_or(i64::MAX),
            model: device.model.clone(),
            parent: (!device.parents.is_empty()).then(|| device.parents.join(",")),
            rotational: device.rotational,
            removable: device.removable,
            read_only: device.read_only,
            encrypted: encrypted(&devices, &device.id, 0),
            mounted_at: (!places.is_empty()).then(|| places.join(",")),
            swap: areas.iter().any(|a| a.name == name || Some(&a.name) == mapped.as_ref()),
            label: device.label.clone(),
            name,
        });
    }
    match &swaps {
        Ok(_) => {
            for area in areas {
                let encrypted = swap_encrypted(host, &devices, &mounts, &area);
                facts.push(Swap { encrypted, ..area });
            }
        }
        Err(error) => facts.unread::<Swap>(Gap::new("which swap is in use", "/proc/swaps", error.reason())),
    }
    Ok(())
}

fn device(host: &Host, id: &str) -> Device {
    let read = |file: &str| {
        let text = host.read_text(&format!("{BLOCK}/{id}/{file}")).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let is = |file: &str| read(file).as_deref() == Some("1");
    let names = |dir: &str| -> Vec<String> {
        host.list(&format!("{BLOCK}/{id}/{dir}")).unwrap_or_default().into_iter().map(|e| e.name).collect()
    };
    let uuid = read("dm/uuid").unwrap_or_default();
    let partition = read("partition").is_some();
    let kind = if partition {
        "partition"
    } else if uuid.starts_with("CRYPT-") {
        "crypt"
    } else if uuid.starts_with("LVM-") {
        "lvm"
    } else if id.starts_with("dm-") {
        "mapped"
    } else if id.starts_with("md") {
        "raid"
    } else if id.starts_with("loop") {
        "loop"
    } else if id.starts_with("sr") {
        "rom"
    } else if id.starts_with("zram") || id.starts_with("ram") {
        "memory"
    } else {
        "disk"
    };
    let mut parents = names("slaves");
    if partition {
        // /sys/class/block/sda1 is a link to …/block/sda/sda1.
        let link = host.read_link(&format!("{BLOCK}/{id}")).unwrap_or_default();
        parents.extend(link.rsplit('/').nth(1).map(str::to_owned));
    }
    Device {
        number: read("dev").unwrap_or_default(),
        label: read("dm/name"),
        kind,
        size: read("size").and_then(|n| n.parse::<u64>().ok()).unwrap_or(0).saturating_mul(512),
        removable: is("removable"),
        rotational: is("queue/rotational"),
        read_only: is("ro"),
        model: read("device/model"),
        parents,
        id: id.to_owned(),
    }
}

/// Whether a device or all that it is built on is encrypted.
fn encrypted(devices: &BTreeMap<String, Device>, id: &str, depth: u32) -> bool {
    let Some(device) = devices.get(id) else { return false };
    device.kind == "crypt"
        || (depth < 10
            && device.kind != "disk"
            && !device.parents.is_empty()
            && device.parents.iter().all(|p| encrypted(devices, p, depth + 1)))
}

fn parse_swaps(text: &str) -> Vec<Swap> {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let name = fields.next()?.replace("\\040", " ");
            let kind = fields.next()?.to_owned();
            let mut kib = || fields.next()?.parse::<i64>().ok()?.checked_mul(1024);
            let (size, used) = (kib()?, kib()?);
            Some(Swap { source: "/proc/swaps".to_owned(), name, kind, size, used, encrypted: None })
        })
        .collect()
}

fn swap_encrypted(
    host: &Host,
    devices: &BTreeMap<String, Device>,
    mounts: &[mounts::Mounted],
    area: &Swap,
) -> Option<bool> {
    if area.kind == "file" {
        // The file system with the longest path above it.
        let mount = mounts.iter().filter(|m| within(&area.name, &m.path)).max_by_key(|m| m.path.len())?;
        let device = devices.values().find(|d| d.number == mount.number)?;
        return Some(encrypted(devices, &device.id, 0));
    }
    let id = area.name.strip_prefix("/dev/")?;
    let by_label = || devices.values().find(|d| d.label.as_deref() == id.strip_prefix("mapper/"));
    let linked = || host.read_link(&area.name).ok().and_then(|t| devices.get(t.rsplit('/').next()?));
    let device = devices.get(id).or_else(by_label).or_else(linked)?;
    Some(device.kind == "memory" || encrypted(devices, &device.id, 0))
}

fn within(path: &str, mount: &str) -> bool {
    mount == "/" || path.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::run_one;

    /// A laptop as Debian's installer makes it: a plain /boot, LUKS below LVM with root and swap in it.
    fn laptop(swap: &str) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("sys/devices/block");
        let class = dir.path().join("sys/class/block");
        std::fs::create_dir_all(&class).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/self")).unwrap();
        let add = |path: &str, files: &[(&str, &str)]| {
            let full = real.join(path);
            std::fs::create_dir_all(&full).unwrap();
            let name = path.rsplit('/').next().unwrap();
            std::os::unix::fs::symlink(format!("../../devices/block/{path}"), class.join(name)).unwrap();
            for (file, text) in files {
                let file = full.join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
        };
        add("nvme0n1", &[("dev", "259:0\n"), ("size", "1000\n"), ("device/model", "Fast One  \n")]);
        add("nvme0n1/nvme0n1p1", &[("dev", "259:1\n"), ("size", "100\n"), ("partition", "1\n")]);
        add("nvme0n1/nvme0n1p2", &[("dev", "259:2\n"), ("size", "900\n"), ("partition", "2\n")]);
        let crypt = [
            ("dev", "254:0\n"),
            ("size", "900\n"),
            ("dm/uuid", "CRYPT-LUKS2-ab-x\n"),
            ("dm/name", "x_crypt\n"),
            ("slaves/nvme0n1p2", ""),
        ];
        add("dm-0", &crypt);
        add(
            "dm-1",
            &[
                ("dev", "254:1\n"),
                ("size", "800\n"),
                ("dm/uuid", "LVM-1\n"),
                ("dm/name", "vg-root\n"),
                ("slaves/dm-0", ""),
            ],
        );
        add(
            "dm-2",
            &[
                ("dev", "254:2\n"),
                ("size", "100\n"),
                ("dm/uuid", "LVM-2\n"),
                ("dm/name", "vg-swap\n"),
                ("slaves/dm-0", ""),
            ],
        );
        add("loop0", &[("dev", "7:0\n"), ("size", "0\n")]);
        let info = "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n\
                    30 25 259:1 / /boot rw - ext4 /dev/nvme0n1p1 rw\n";
        std::fs::write(dir.path().join("proc/self/mountinfo"), info).unwrap();
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        std::fs::write(dir.path().join("proc/swaps"), format!("{head}{swap}")).unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, Default::default()).unwrap();
        (dir, host)
    }

    #[test]
    fn what_lies_on_an_encrypted_disk_is_encrypted() {
        let (_dir, host) = laptop("/dev/dm-2 partition 1000 0 -2\n");
        let facts = run_one(&PROBE, &host);
        let rows = facts.rows("block_devices");
        let seen: Vec<_> = rows
            .iter()
            .map(|r| {
                (
                    r["name"].as_str().unwrap(),
                    r["kind"].as_str().unwrap(),
                    r["encrypted"] == true,
                    r["mounted_at"].as_str(),
                )
            })
            .collect();
        let expected = [
            ("/dev/dm-0", "crypt", true, None),
            ("/dev/dm-1", "lvm", true, Some("/")),
            ("/dev/dm-2", "lvm", true, None),
            ("/dev/nvme0n1", "disk", false, None),
            ("/dev/nvme0n1p1", "partition", false, Some("/boot")),
            ("/dev/nvme0n1p2", "partition", false, None),
        ];
        assert_eq!(seen, expected);
        assert_eq!(rows[4]["parent"], "nvme0n1");
        assert_eq!(rows[3]["model"], "Fast One");
        assert_eq!(facts.rows("swaps")[0]["encrypted"], true);
        assert_eq!(facts.rows("swaps")[0]["size"], 1000 * 1024);
    }

    #[test]
    fn swap_on_a_plain_partition_is_not_encrypted_and_a_file_is_as_its_disk() {
        let (_dir, host) =
            laptop("/dev/nvme0n1p1 partition 10 0 -2\n/boot/swapfile file 10 0 -3\n/swapfile file 10 0 -4\n");
        let rows = run_one(&PROBE, &host).rows("swaps");
        let seen: Vec<_> = rows.iter().map(|r| r["encrypted"].as_bool().unwrap()).collect();
        assert_eq!(seen, [false, false, true]);
    }
}
