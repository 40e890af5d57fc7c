//! How the machine starts: its loader and firmware, what the kernel is told, and who could change any of it.

mod cmdline;
mod loader;

use super::{Probe, ProbeError, USUAL_LIMIT, services::guard::Guard};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// How the machine starts, one row.
    "boot" => Boot {
        /// File of the loader's settings, or the place where one was looked for.
        source: String,
        /// `grub`, `systemd-boot`, `extlinux`, or `none` when no loader is on the disk.
        loader: String,
        /// `uefi` or `bios`; null in an image.
        firmware: Option<String>,
        /// Whether the firmware starts only signed systems; null when the firmware cannot or was not asked.
        secure_boot: Option<bool>,
        /// Whether a password is asked before start settings can be changed; null when not known.
        password: Option<bool>,
        /// Seconds that the menu waits; null when not set or not known.
        timeout: Option<i64>,
        /// What the running kernel was told; null in an image.
        cmdline: Option<String>,
        /// What the kernel is told at the next start; null when not known.
        cmdline_configured: Option<String>,
        /// Version of the newest kernel on the disk; null when there is none.
        newest_kernel: Option<String>,
        /// Maker of the processor, such as `GenuineIntel`; null in an image.
        cpu_vendor: Option<String>,
        /// Version of the processor's own program; null when not told.
        microcode: Option<String>,
        /// Whether updates of the processor's own program are installed.
        microcode_installed: bool,
        /// Letters for what taints the kernel, such as `P O E`; empty when nothing does, null in an image.
        taint: Option<String>,
        /// What Ctrl-Alt-Del does: `reboot` or `nothing`.
        ctrl_alt_del: String,
        /// What the rescue mode asks: `password`, or `nothing` when anyone at the screen becomes root.
        rescue_shell: String,
        /// File that makes the rescue mode ask nothing; null when it asks.
        rescue_source: Option<String>,
    }
    offline: true,
    examples: ["select loader, firmware, secure_boot, newest_kernel from boot"],
}

fact_table! {
    /// Words that the kernel is told when it starts.
    "kernel_parameters" => KernelParameter {
        /// File it was read from.
        source: String,
        /// Line in it.
        line: Option<i64>,
        /// Name, such as `mitigations`.
        name: String,
        /// Value; null for a word alone.
        value: Option<String>,
        /// `running` for the kernel that runs, `configured` for the next start.
        stage: String,
    }
    offline: true,
    examples: ["select name, value from kernel_parameters where stage = 'running'"],
}

fact_table! {
    /// Files needed for starting that someone other than root could change; files that only root can change have no row.
    "boot_files" => BootFile {
        /// The file.
        source: String,
        /// The file itself or the folder above it that can be changed.
        place: String,
        /// Who can change it: `everyone`, `group` or `owner`.
        writable_by: String,
        /// Name of that group or owner; null for everyone.
        name: Option<String>,
    }
    offline: true,
    examples: ["select source, writable_by, name from boot_files"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "boot",
    about: "how the machine starts",
    tables: &[Boot::TABLE, KernelParameter::TABLE, BootFile::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    files(host, facts);
    let live = |path: &str| host.is_live().then(|| host.read_text(path).ok()).flatten();
    let loader = loader::find(host, facts);
    let running = live("/proc/cmdline").map(|t| t.trim().to_owned());
    for (stage, source, line, text) in [
        ("running", "/proc/cmdline", None, running.as_deref()),
        ("configured", loader.cmdline_source.as_str(), loader.cmdline_line, loader.cmdline.as_deref()),
    ] {
        for (name, value) in cmdline::words(text.unwrap_or_default()) {
            let (source, stage) = (source.to_owned(), stage.to_owned());
            facts.push(KernelParameter { source, line, name, value, stage });
        }
    }
    let rescue = loader::open_rescue(host);
    let cpu = live("/proc/cpuinfo").unwrap_or_default();
    let cpu = |key: &str| {
        let line = cpu.lines().find(|l| l.split(':').next().is_some_and(|k| k.trim() == key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    facts.push(Boot {
        source: loader.source,
        loader: loader.name.to_owned(),
        firmware: host.is_live().then(|| if host.exists("/sys/firmware/efi") { "uefi" } else { "bios" }.to_owned()),
        secure_boot: secure_boot(host),
        password: loader.password,
        timeout: loader.timeout,
        cmdline: running,
        cmdline_configured: loader.cmdline,
        newest_kernel: loader::newest_kernel(host),
        cpu_vendor: cpu("vendor_id"),
        microcode: cpu("microcode"),
        microcode_installed: ["intel-microcode", "amd64-microcode"].iter().any(|p| installed(host, p))
            || ["intel-ucode", "amd-ucode"]
                .iter()
                .any(|f| ["/lib/firmware", "/usr/lib/firmware"].iter().any(|d| host.exists(&format!("{d}/{f}")))),
        taint: live("/proc/sys/kernel/tainted").and_then(|t| t.trim().parse().ok()).map(taint),
        ctrl_alt_del: ctrl_alt_del(host).to_owned(),
        rescue_shell: if rescue.is_some() { "nothing" } else { "password" }.to_owned(),
        rescue_source: rescue,
    });
    Ok(())
}

/// Whether dpkg has the files of a package.
fn installed(host: &Host, package: &str) -> bool {
    host.exists(&format!("/var/lib/dpkg/info/{package}.list"))
        && ["/usr/share/doc", "/usr/share/lintian/overrides"].iter().any(|d| host.exists(&format!("{d}/{package}")))
}

/// Letters for the bits (Documentation/admin-guide/tainted-kernels.rst of the kernel).
fn taint(bits: u64) -> String {
    const LETTERS: &str = "PFSRMBUDAWCIOELKXTN";
    let set = LETTERS
        .chars()
        .enumerate()
        .filter(|(bit, _)| bits.checked_shr(u32::try_from(*bit).unwrap_or(63)).unwrap_or(0) & 1 == 1);
    set.map(|(_, letter)| letter.to_string()).collect::<Vec<_>>().join(" ")
}

/// Four bytes of attributes, then 1 or 0 (UEFI specification, global variables).
fn secure_boot(host: &Host) -> Option<bool> {
    if !host.is_live() {
        return None;
    }
    let path = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    host.read_bytes(path, 64).ok()?.get(4).map(|byte| *byte == 1)
}

fn ctrl_alt_del(host: &Host) -> &'static str {
    let masked = ["/etc/systemd/system/ctrl-alt-del.target", "/run/systemd/system/ctrl-alt-del.target"];
    let dead = |p: &str| host.read_link(p).is_ok_and(|target| target == "/dev/null");
    if masked.iter().any(|p| dead(p)) { "nothing" } else { "reboot" }
}

fn files(host: &Host, facts: &mut Facts) {
    let mut guard = Guard::new(host);
    let mut paths = Vec::new();
    for pattern in [
        "/boot/grub*/grub.cfg",
        "/boot/grub*/custom.cfg",
        "/boot/vmlinuz*",
        "/boot/initrd*",
        "/boot/initramfs*",
        "/boot/loader/loader.conf",
        "/boot/loader/entries/*.conf",
        "/etc/default/grub",
        "/etc/default/grub.d/*.cfg",
        "/etc/grub.d/*",
        "/etc/initramfs-tools/initramfs.conf",
        "/etc/initramfs-tools/hooks/*",
        "/etc/initramfs-tools/scripts/*",
        "/etc/inittab",
        "/etc/rc.local",
        "/etc/init.d/*",
    ] {
        paths.extend(host.glob(pattern));
    }
    for path in paths.into_iter().take(2_000) {
        for hole in guard.holes(&path) {
            let (place, writable_by, name) = (hole.place, hole.by.to_owned(), hole.name);
            facts.push(BootFile { source: path.clone(), place, writable_by, name });
        }
    }
    for gap in guard.gaps {
        facts.partial::<BootFile>(Gap::new("who may change the files for starting", gap.source, gap.reason));
    }
}

#[cfg(test)]
mod tests;
