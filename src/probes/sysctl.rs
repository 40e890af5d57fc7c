//! Settings of the running kernel (`/proc/sys`) beside those that files ask for, in the order in which systemd
//! applies them. Never decides which value is right.

use std::collections::{BTreeMap, BTreeSet};

use super::{Probe, ProbeError, USUAL_LIMIT, machine, services::unit};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::Host,
};

fact_table! {
    /// Kernel settings that matter for safety and those that a file sets: what runs and what is asked for.
    "system_controls" => SystemControl {
        /// File that sets it; its place in /proc/sys when none does.
        source: String,
        /// Line in that file; null when none sets it.
        line: Option<i64>,
        /// Name with dots, such as `net.ipv4.ip_forward`.
        name: String,
        /// Its first part, such as `net`.
        subsystem: String,
        /// Value that runs now; null in an image, or where this kernel does not have it or show it.
        current_value: Option<String>,
        /// Value that the files ask for; null when none sets it.
        config_value: Option<String>,
        /// Value that counts: what runs now, in an image what will run after a start; null when unknown.
        effective_value: Option<String>,
        /// Whether this machine may set it itself: in a container most belong to the machine around it.
        own: bool,
    }
    offline: true,
    examples: [
        "select name, current_value, config_value, source, line from system_controls where config_value is not null",
        "select name, effective_value from system_controls where name like 'net.ipv4.conf.all.%'",
    ],
}

fact_table! {
    /// Every line of a file that sets a kernel setting, also those that a later line changes again.
    "sysctl_settings" => SysctlSetting {
        /// File with the line.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name with dots; may hold a star.
        name: String,
        /// Value as written.
        value: String,
        /// Whether this line decides: no later one sets the same name.
        decides: bool,
    }
    offline: true,
    examples: ["select name, value, source, line from sysctl_settings where not decides"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "sysctl",
    about: "the settings of the system's core",
    tables: &[SystemControl::TABLE, SysctlSetting::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Settings that checks ask for, with what Debian's kernel has when nothing sets them (`sysctl -a` of Debian 12).
const WATCHED: &[(&str, &str)] = &[
    ("dev.tty.ldisc_autoload", "1"),
    ("fs.protected_fifos", "0"),
    ("fs.protected_hardlinks", "0"),
    ("fs.protected_regular", "0"),
    ("fs.protected_symlinks", "0"),
    ("fs.suid_dumpable", "0"),
    ("kernel.core_pattern", "core"),
    ("kernel.core_uses_pid", "0"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.kexec_load_disabled", "0"),
    ("kernel.kptr_restrict", "0"),
    ("kernel.modules_disabled", "0"),
    ("kernel.panic", "0"),
    ("kernel.panic_on_oops", "0"),
    ("kernel.perf_cpu_time_max_percent", "25"),
    ("kernel.perf_event_max_sample_rate", "100000"),
    ("kernel.perf_event_paranoid", "3"),
    ("kernel.randomize_va_space", "2"),
    ("kernel.sysrq", "438"),
    ("kernel.unprivileged_bpf_disabled", "2"),
    ("kernel.unprivileged_userns_clone", "1"),
    ("kernel.yama.ptrace_scope", "0"),
    ("net.core.bpf_jit_harden", "0"),
    ("net.ipv4.conf.all.accept_local", "0"),
    ("net.ipv4.conf.all.arp_filter", "0"),
    ("net.ipv4.conf.all.arp_ignore", "0"),
    ("net.ipv4.conf.all.drop_gratuitous_arp", "0"),
    ("net.ipv4.conf.all.route_localnet", "0"),
    ("net.ipv4.conf.all.shared_media", "1"),
    ("net.ipv4.conf.default.shared_media", "1"),
    ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.ip_local_port_range", "32768 60999"),
    ("net.ipv4.tcp_rfc1337", "0"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv6.bindv6only", "0"),
    ("net.ipv6.conf.all.accept_ra_defrtr", "1"),
    ("net.ipv6.conf.all.accept_ra_pinfo", "1"),
    ("net.ipv6.conf.all.accept_ra_rtr_pref", "1"),
    ("net.ipv6.conf.all.autoconf", "1"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
    ("net.ipv6.conf.all.max_addresses", "16"),
    ("net.ipv6.conf.all.router_solicitations", "-1"),
    ("net.ipv6.conf.default.accept_ra_defrtr", "1"),
    ("net.ipv6.conf.default.accept_ra_pinfo", "1"),
    ("net.ipv6.conf.default.accept_ra_rtr_pref", "1"),
    ("net.ipv6.conf.default.autoconf", "1"),
    ("net.ipv6.conf.default.max_addresses", "16"),
    ("net.ipv6.conf.default.router_solicitations", "-1"),
    ("vm.mmap_min_addr", "65536"),
];

/// Settings that every network card has for itself, beside `all` and `default`.
const BY_CARD: &[(&str, &str, &str, &str)] = &[
    ("ipv4", "accept_redirects", "1", "1"),
    ("ipv4", "accept_source_route", "0", "1"),
    ("ipv4", "log_martians", "0", "0"),
    ("ipv4", "rp_filter", "0", "0"),
    ("ipv4", "secure_redirects", "1", "1"),
    ("ipv4", "send_redirects", "1", "1"),
    ("ipv6", "accept_ra", "1", "1"),
    ("ipv6", "accept_redirects", "1", "1"),
    ("ipv6", "accept_source_route", "0", "0"),
];

/// Folders of systemd-sysctl(8), the most important first.
const FOLDERS: &[&str] =
    &["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// Lines that are kept.
const MOST: usize = 5_000;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    source: String,
    line: i64,
    /// Path below /proc/sys; may hold a pattern.
    path: String,
    /// None for `-name`, which keeps patterns away from it.
    value: Option<String>,
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let mut lines = Vec::new();
    for file in files(host) {
        match host.read_text(&file) {
            Ok(text) => lines.extend(parse(&text, &file)),
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                let gap = Gap::new("which kernel settings are asked for", &file, error.reason());
                facts.partial::<SystemControl>(gap.clone());
                facts.partial::<SysctlSetting>(gap);
            }
        }
    }
    if lines.len() > MOST {
        let reason = Reason::Broken(format!("there are more than {MOST}"));
        let gap = Gap::new("all lines that set kernel settings", "/etc/sysctl.d", reason);
        facts.partial::<SystemControl>(gap.clone());
        facts.partial::<SysctlSetting>(gap);
        lines.truncate(MOST);
    }
    let defaults = defaults(host);
    let wanted = wanted(&lines, &defaults);
    let deciding: BTreeSet<(&str, i64)> = wanted.values().map(|l| (l.source.as_str(), l.line)).collect();
    let valued = lines.iter().filter(|l| l.value.is_some());
    let last: BTreeMap<&str, (&str, i64)> = valued.map(|l| (l.path.as_str(), (l.source.as_str(), l.line))).collect();
    for line in &lines {
        let Some(value) = &line.value else { continue };
        let place = (line.source.as_str(), line.line);
        facts.push(SysctlSetting {
            source: line.source.clone(),
            line: line.line,
            name: swapped(&line.path),
            value: value.clone(),
            decides: last.get(line.path.as_str()) == Some(&place) || deciding.contains(&place),
        });
    }
    let contained = host.is_live() && machine::in_container(host);
    let paths: BTreeSet<&str> = defaults.keys().map(String::as_str).chain(wanted.keys().map(String::as_str)).collect();
    for path in paths {
        let place = format!("/proc/sys/{path}");
        let current = if host.is_live() { host.read_text(&place).ok().map(|v| tidy(&v)) } else { None };
        let asked = wanted.get(path);
        let own = !contained || path.starts_with("net/");
        // A container does not always see what the machine around it has, so it may still be asked for there.
        if host.is_live() && own && current.is_none() && asked.is_none() {
            continue;
        }
        let config_value = asked.and_then(|l| l.value.clone());
        let effective_value = match host.is_live() {
            true => current.clone(),
            false => config_value.clone().or_else(|| defaults.get(path).map(|v| (*v).to_owned())),
        };
        facts.push(SystemControl {
            source: asked.map_or(place, |l| l.source.clone()),
            line: asked.map(|l| l.line),
            name: swapped(path),
            subsystem: path.split('/').next().unwrap_or_default().to_owned(),
            current_value: current,
            config_value,
            effective_value,
            own,
        });
    }
    Ok(())
}

/// The files in the order in which they are applied.
fn files(host: &Host) -> Vec<String> {
    let folders: Vec<String> = FOLDERS.iter().map(|f| (*f).to_owned()).collect();
    let mut files = unit::dropins(host, &folders);
    files.retain(|f| host.read_link(f).ok().as_deref() != Some("/dev/null"));
    // sysctl(8), which starts machines without systemd, ends with the old file; systemd itself does not read it.
    let systemd = ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"].iter().any(|p| host.exists(p));
    if !systemd {
        files.push("/etc/sysctl.conf".to_owned());
    }
    files
}

/// sysctl.d(5): `name = value`, with a `-` in front when a failure does not matter.
fn parse(text: &str, source: &str) -> Vec<Line> {
    let line = |(line, text): (i64, &str)| {
        let text = text.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return None;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(tidy(value))),
            None if text.starts_with('-') => (text, None),
            None => return None,
        };
        let path = slashed(name.trim_start_matches('-').trim());
        (!path.is_empty()).then(|| Line { source: source.to_owned(), line, path, value })
    };
    (1_i64..).zip(text.lines()).filter_map(line).collect()
}

/// Path below /proc/sys. When the first separator is a dot, dots and slashes change places (sysctl.d(5)).
pub(crate) fn slashed(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('.') => swapped(name),
        _ => name.to_owned(),
    }
}

/// Dots for slashes and slashes for dots: from a path to its name and back.
fn swapped(text: &str) -> String {
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    text.chars().map(swap).collect()
}

/// One space where the kernel writes tabs.
fn tidy(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// For each path the line that decides: the last one, and a pattern only where no line names the path itself.
fn wanted(lines: &[Line], known: &BTreeMap<String, &'static str>) -> BTreeMap<String, Line> {
    let plain = |l: &&Line| !l.path.contains(['*', '?', '[']);
    let mut wanted = BTreeMap::new();
    let mut named = BTreeSet::new();
    for line in lines.iter().filter(plain) {
        named.insert(line.path.as_str());
        if line.value.is_some() {
            wanted.insert(line.path.clone(), line.clone());
        }
    }
    for line in lines.iter().filter(|l| !plain(l) && l.value.is_some()) {
        let Ok(pattern) = globset::GlobBuilder::new(&line.path).literal_separator(true).build() else { continue };
        let matcher = pattern.compile_matcher();
        for path in known.keys().filter(|p| matcher.is_match(p) && !named.contains(p.as_str())) {
            wanted.insert(path.clone(), line.clone());
        }
    }
    wanted
}

/// The watched settings by path with the kernel's own value: on a live machine for each of its network cards.
fn defaults(host: &Host) -> BTreeMap<String, &'static str> {
    let mut all: BTreeMap<String, &'static str> = WATCHED.iter().map(|(n, v)| (slashed(n), *v)).collect();
    for (family, name, everywhere, new) in BY_CARD {
        let folder = format!("/proc/sys/net/{family}/conf");
        let cards = if host.is_live() { host.list(&folder).unwrap_or_default() } else { Vec::new() };
        let cards = cards.into_iter().map(|e| e.name).filter(|n| n != "lo").take(200);
        for card in cards.chain(["all".to_owned(), "default".to_owned()]) {
            let value = if card == "all" { everywhere } else { new };
            all.insert(format!("net/{family}/conf/{card}/{name}"), value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::{host::Output, probes::run_one};

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Host, Host) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "usr/lib/systemd/systemd-sysctl", "");
        write(dir.path(), "etc/os-release", "ID=debian\n");
        for (path, text) in files {
            write(dir.path(), path, text);
        }
        let live = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::<String, Output>::new()).unwrap();
        let image = Host::image(dir.path()).unwrap();
        (dir, live, image)
    }

    fn row(host: &Host, name: &str) -> serde_json::Map<String, serde_json::Value> {
        let rows = run_one(&PROBE, host).rows("system_controls");
        rows.into_iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn names_go_both_ways() {
        for (name, path) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ] {
            assert_eq!(slashed(name), path);
        }
        assert_eq!(swapped("net/ipv4/conf/eth0.100/rp_filter"), "net.ipv4.conf.eth0/100.rp_filter");
        assert_eq!(swapped("kernel/sysrq"), "kernel.sysrq");
    }

    #[test]
    fn the_last_file_by_name_decides_and_etc_hides_usr() {
        let (_dir, live, image) = machine(&[
            (
                "usr/lib/sysctl.d/50-default.conf",
                "kernel.sysrq = 0x01b6\n-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\n",
            ),
            ("usr/lib/sysctl.d/60-a.conf", "net.ipv4.ip_forward = 1\n"),
            ("etc/sysctl.d/60-a.conf", "# nothing\n"),
            ("etc/sysctl.d/70-b.conf", "; old\nkernel/sysrq=1\n\nkernel.sysrq = 0\n"),
            ("etc/sysctl.conf", "kernel.sysrq = 176\n"),
            ("proc/sys/kernel/sysrq", "1\n"),
        ]);
        let sysrq = row(&live, "kernel.sysrq");
        assert_eq!((&sysrq["source"], &sysrq["line"]), (&"/etc/sysctl.d/70-b.conf".into(), &4.into()));
        assert_eq!((&sysrq["current_value"], &sysrq["config_value"]), (&"1".into(), &"0".into()));
        assert_eq!(row(&image, "kernel.sysrq")["effective_value"], "0");
        assert_eq!(row(&image, "net.ipv4.ip_forward")["effective_value"], "0", "the kernel's own");
        assert_eq!(row(&image, "net.ipv4.conf.default.rp_filter")["effective_value"], "2");
        assert_eq!(row(&image, "net.ipv4.conf.all.rp_filter")["effective_value"], "0", "kept away from the pattern");
        let lines = run_one(&PROBE, &live).rows("sysctl_settings");
        let said = |value: &str| lines.iter().find(|r| r["value"] == value).unwrap()["decides"].clone();
        assert_eq!((said("1"), said("0"), said("0x01b6")), (false.into(), true.into(), false.into()));
    }

    #[test]
    fn a_container_is_asked_also_for_what_it_does_not_see() {
        let shown = ("proc/sys/kernel/sysrq", "1\n");
        let (_dir, live, _) = machine(&[shown]);
        let has = |host: &Host, name: &str| {
            run_one(&PROBE, host).rows("system_controls").into_iter().any(|r| r["name"] == name)
        };
        assert!(!has(&live, "kernel.yama.ptrace_scope"), "this kernel has none");
        let (_dir, live, _) = machine(&[shown, ("run/systemd/container", "systemd-nspawn\n")]);
        let scope = row(&live, "kernel.yama.ptrace_scope");
        assert_eq!((&scope["own"], &scope["current_value"]), (&false.into(), &serde_json::Value::Null));
        assert_eq!(row(&live, "kernel.sysrq")["current_value"], "1");
        assert!(!has(&live, "net.core.bpf_jit_harden"), "its network is its own");
    }

    #[test]
    fn without_systemd_the_old_file_comes_last() {
        let (dir, _, image) =
            machine(&[("etc/sysctl.d/9-a.conf", "kernel.sysrq=1\n"), ("etc/sysctl.conf", "kernel.sysrq=0\n")]);
        assert_eq!(row(&image, "kernel.sysrq")["effective_value"], "1");
        std::fs::remove_file(dir.path().join("usr/lib/systemd/systemd-sysctl")).unwrap();
        assert_eq!(row(&image, "kernel.sysrq")["effective_value"], "0");
    }

    #[test]
    fn junk_is_a_gap_and_long_lists_end() {
        let (dir, live, _) = machine(&[("proc/sys/kernel/sysrq", "1\n")]);
        std::fs::create_dir_all(dir.path().join("etc/sysctl.d")).unwrap();
        std::fs::write(dir.path().join("etc/sysctl.d/a.conf"), [0, 159, 146, 150]).unwrap();
        assert!(!run_one(&PROBE, &live).gaps().is_empty());
        let many: String = (0..=MOST).map(|n| format!("net.ipv4.conf.eth{n}.rp_filter = 1\n")).collect();
        std::fs::write(dir.path().join("etc/sysctl.d/a.conf"), many).unwrap();
        let facts = run_one(&PROBE, &live);
        assert_eq!(facts.rows("sysctl_settings").len(), MOST);
        assert_eq!(facts.gaps()[0].reason, Reason::Broken("there are more than 5000".to_owned()));
    }
}
