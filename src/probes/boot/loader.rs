//! What starts the kernel, and with which words: GRUB's and systemd-boot's files.

use super::Boot;
use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::services::{scan::Units, unit},
};

/// What the loader's files say.
pub(super) struct Loader {
    pub name: &'static str,
    pub source: String,
    pub password: Option<bool>,
    pub timeout: Option<i64>,
    pub cmdline: Option<String>,
    pub cmdline_source: String,
    pub cmdline_line: Option<i64>,
}

fn none(name: &'static str, source: &str) -> Loader {
    Loader {
        name,
        source: source.to_owned(),
        password: None,
        timeout: None,
        cmdline: None,
        cmdline_source: source.to_owned(),
        cmdline_line: None,
    }
}

pub(super) fn find(host: &Host, facts: &mut Facts) -> Loader {
    for path in ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"] {
        match host.read_text(path) {
            Ok(text) => return grub(&text, path),
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                facts.partial::<Boot>(Gap::new("the settings for starting", path, error.reason()));
                return wished(host, path);
            }
        }
    }
    for folder in ["/boot", "/boot/efi", "/efi"] {
        let path = format!("{folder}/loader/loader.conf");
        if let Ok(text) = host.read_text(&path) {
            return systemd_boot(host, folder, &path, &text);
        }
    }
    if let Some(path) = host.glob("/boot/extlinux/extlinux.conf").first() {
        return none("extlinux", path);
    }
    none("none", "/boot")
}

/// The menu that GRUB reads. A password counts when `superusers` is set too: without it nobody is asked.
fn grub(text: &str, path: &str) -> Loader {
    let mut loader = none("grub", path);
    let (mut users, mut secret) = (false, false);
    for (number, line) in (1_i64..).zip(text.lines()) {
        let line = line.trim();
        let mut words = line.split_whitespace();
        match words.next() {
            Some("set") => {
                let rest = words.collect::<Vec<_>>().join(" ");
                if let Some(value) = rest.strip_prefix("superusers=") {
                    users = !value.trim_matches(['"', '\'']).is_empty();
                } else if let Some(value) = rest.strip_prefix("timeout=") {
                    // The last one stands in the branch for a normal start.
                    loader.timeout = value.trim_matches(['"', '\'']).parse().ok().or(loader.timeout);
                }
            }
            Some("password_pbkdf2" | "password") => secret = true,
            Some("linux" | "linuxefi" | "linux16") if loader.cmdline.is_none() => {
                loader.cmdline = Some(words.skip(1).collect::<Vec<_>>().join(" "));
                loader.cmdline_line = Some(number);
            }
            _ => {}
        }
    }
    loader.password = Some(users && secret);
    loader
}

/// When GRUB's menu cannot be read: what its owner asked for.
fn wished(host: &Host, menu: &str) -> Loader {
    let mut loader = none("grub", menu);
    let mut words = [String::new(), String::new()];
    let drop_ins = host.glob("/etc/default/grub.d/*.cfg");
    for path in ["/etc/default/grub".to_owned()].into_iter().chain(drop_ins) {
        let Ok(text) = host.read_text(&path) else { continue };
        for (number, line) in (1_i64..).zip(text.lines()) {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            let index = match key.trim() {
                "GRUB_CMDLINE_LINUX" => 0,
                "GRUB_CMDLINE_LINUX_DEFAULT" => 1,
                "GRUB_TIMEOUT" => {
                    loader.timeout = value.parse().ok().or(loader.timeout);
                    continue;
                }
                _ => continue,
            };
            if let Some(slot) = words.get_mut(index) {
                *slot = value;
            }
            loader.cmdline_source.clone_from(&path);
            loader.cmdline_line = Some(number);
        }
    }
    loader.cmdline = Some(words.join(" ").trim().to_owned());
    loader
}

fn systemd_boot(host: &Host, folder: &str, path: &str, text: &str) -> Loader {
    let mut loader = none("systemd-boot", path);
    // Without `editor no` anyone at the keyboard may add words.
    let mut editor = true;
    for line in text.lines() {
        match line.trim().split_once(char::is_whitespace) {
            Some(("timeout", value)) => loader.timeout = value.trim().parse().ok(),
            Some(("editor", value)) => editor = unit::boolean(value.trim()).unwrap_or(true),
            _ => {}
        }
    }
    loader.password = Some(!editor);
    for entry in host.glob(&format!("{folder}/loader/entries/*.conf")).into_iter().rev() {
        let Ok(text) = host.read_text(&entry) else { continue };
        let options = (1_i64..).zip(text.lines()).find_map(|(n, l)| Some((n, l.trim().strip_prefix("options")?)));
        if let Some((number, words)) = options {
            loader.cmdline = Some(words.trim().to_owned());
            loader.cmdline_source = entry;
            loader.cmdline_line = Some(number);
            break;
        }
    }
    loader
}

/// The newest of `/boot/vmlinuz-VERSION`: numbers are compared as numbers.
pub(super) fn newest_kernel(host: &Host) -> Option<String> {
    let versions = host.glob("/boot/vmlinuz-*").into_iter();
    let versions = versions.filter_map(|p| p.strip_prefix("/boot/vmlinuz-").map(str::to_owned));
    versions.filter(|v| !v.contains("rescue")).max_by_key(|v| parts(v))
}

fn parts(version: &str) -> Vec<(u64, String)> {
    version.split(['.', '-', '+', '~']).map(|part| (part.parse().unwrap_or(0), part.to_owned())).collect()
}

/// The file that makes the rescue mode ask for no password, if one does (systemd's
/// SYSTEMD_SULOGIN_FORCE, or a shell started in place of sulogin).
pub(super) fn open_rescue(host: &Host) -> Option<String> {
    let units = Units::scan_only(host, &["rescue.service", "emergency.service"]);
    ["rescue.service", "emergency.service"].iter().find_map(|name| {
        let unit = units.unit(host, name, &mut Vec::new())?;
        let forced = unit::all(&unit.settings, "Service", "Environment")
            .into_iter()
            .rfind(|s| s.value.contains("SYSTEMD_SULOGIN_FORCE=1") || s.value.contains("SYSTEMD_SULOGIN_FORCE=yes"));
        let shell = unit::all(&unit.settings, "Service", "ExecStart").into_iter().find(|s| {
            let program = s.value.trim_start_matches(['-', '+', '!', ':', '@']);
            let program = program.split_whitespace().next().unwrap_or_default();
            ["sh", "bash", "dash", "zsh"].contains(&program.rsplit('/').next().unwrap_or_default())
                && !s.value.contains("sulogin")
        });
        forced.or(shell).map(|s| s.source.clone())
    })
}
