//! What the modules in use ask of passwords: their files, their arguments on top, their own defaults below.

use super::{
    Policy,
    stack::{Entry, Stacks},
};
use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::login_settings::login_defs,
};

/// Where passwords are changed.
const CHANGE: &[&str] = &["passwd", "chpasswd"];
/// Where people log in.
const LOGIN: &[&str] = &["sshd", "login", "su", "gdm-password", "lightdm", "sudo"];

/// Pushes the effective settings.
pub(super) fn push(host: &Host, stacks: &Stacks, facts: &mut Facts) {
    let mut lengths: Vec<(i64, String, i64)> = Vec::new();
    for entry in stacks.of(CHANGE, "password") {
        let module = entry.module.trim_start_matches("pam_").trim_end_matches(".so");
        match module {
            "pwquality" => {
                let files = pwquality_files(host);
                let settings = merged(host, facts, &files, entry, PWQUALITY);
                lengths.push((least(&settings), entry.source.clone(), entry.line));
                push_all(facts, "pwquality", settings);
            }
            "cracklib" => {
                let settings = merged(host, facts, &[], entry, CRACKLIB);
                lengths.push((least(&settings), entry.source.clone(), entry.line));
                push_all(facts, "cracklib", settings);
            }
            "passwdqc" => {
                let min = entry.argument("min").unwrap_or("disabled,24,11,8,7");
                let least = min.split(',').filter_map(|n| n.parse::<i64>().ok()).min().unwrap_or(8);
                lengths.push((least, entry.source.clone(), entry.line));
                push_all(facts, "passwdqc", vec![setting("min", min, &entry.source, Some(entry.line))]);
            }
            "pwhistory" => {
                let files = vec!["/etc/security/pwhistory.conf".to_owned()];
                let settings = merged(host, facts, &files, entry, &[("remember", "10")]);
                push_all(facts, "pwhistory", settings);
            }
            "unix" => {
                let length = entry.argument("minlen").and_then(|n| n.parse().ok()).unwrap_or(6);
                lengths.push((length, entry.source.clone(), entry.line));
                let mut settings =
                    vec![setting("minlen", &length.to_string(), &entry.source, Some(entry.line)), hash(host, entry)];
                for name in ["remember", "rounds"] {
                    settings.extend(entry.argument(name).map(|v| setting(name, v, &entry.source, Some(entry.line))));
                }
                push_all(facts, "unix", settings);
            }
            _ => {}
        }
    }
    // Each module may refuse a password: the strictest decides.
    if let Some((length, source, line)) = lengths.into_iter().max() {
        push_all(facts, "all", vec![setting("min_length", &length.to_string(), &source, Some(line))]);
    }
    let mut seen: Vec<(String, i64)> = Vec::new();
    for service in LOGIN.iter().filter_map(|s| stacks.services.get(*s)) {
        for entry in service.iter().filter(|e| e.pam_type == "auth") {
            let place = (entry.source.clone(), entry.line);
            if seen.contains(&place) {
                continue;
            }
            seen.push(place);
            match entry.module.as_str() {
                // The other calls of this module only count; this one locks.
                "pam_faillock.so" if entry.has("authfail") => {
                    let conf = entry.argument("conf").unwrap_or("/etc/security/faillock.conf").to_owned();
                    let defaults = [("deny", "3"), ("unlock_time", "600"), ("fail_interval", "900")];
                    let settings = merged(host, facts, &[conf], entry, &defaults);
                    push_all(facts, "faillock", settings);
                }
                "pam_tally2.so" | "pam_tally.so" => {
                    let settings = merged(host, facts, &[], entry, &[("deny", "0"), ("unlock_time", "0")]);
                    push_all(facts, "tally2", settings);
                }
                "pam_unix.so" if entry.has("nullok") || entry.has("nullok_secure") => {
                    push_all(facts, "unix", vec![setting("nullok", "on", &entry.source, Some(entry.line))]);
                }
                _ => {}
            }
        }
    }
}

const PWQUALITY: &[(&str, &str)] = &[
    ("minlen", "8"),
    ("difok", "1"),
    ("minclass", "0"),
    ("dictcheck", "1"),
    ("enforcing", "1"),
    ("dcredit", "0"),
    ("ucredit", "0"),
    ("lcredit", "0"),
    ("ocredit", "0"),
];
const CRACKLIB: &[(&str, &str)] = &[
    ("minlen", "9"),
    ("difok", "5"),
    ("minclass", "0"),
    ("dcredit", "1"),
    ("ucredit", "1"),
    ("lcredit", "1"),
    ("ocredit", "1"),
];

#[derive(Debug, Clone)]
struct Setting {
    name: String,
    value: String,
    source: String,
    line: Option<i64>,
}

fn setting(name: &str, value: &str, source: &str, line: Option<i64>) -> Setting {
    Setting { name: name.to_owned(), value: value.to_owned(), source: source.to_owned(), line }
}

fn push_all(facts: &mut Facts, module: &str, settings: Vec<Setting>) {
    for s in settings {
        facts.push(Policy {
            source: s.source,
            line: s.line,
            module: module.to_owned(),
            setting: s.name,
            value: s.value,
        });
    }
}

/// pwquality.conf(5): first the drop-ins by name, then the main file, each over the one before.
fn pwquality_files(host: &Host) -> Vec<String> {
    let mut files = host.glob("/etc/security/pwquality.conf.d/*.conf");
    files.push("/etc/security/pwquality.conf".to_owned());
    files
}

/// Defaults, then the files, then the arguments; the last one of a name counts.
fn merged(host: &Host, facts: &mut Facts, files: &[String], entry: &Entry, defaults: &[(&str, &str)]) -> Vec<Setting> {
    let mut all: Vec<Setting> = defaults.iter().map(|(n, v)| setting(n, v, &entry.source, None)).collect();
    let mut put = |s: Setting| match all.iter_mut().find(|o| o.name == s.name) {
        Some(old) => *old = s,
        None => all.push(s),
    };
    for path in files {
        let text = match host.read_text(path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                facts.partial::<Policy>(Gap::new("all rules about passwords", path.clone(), error.reason()));
                continue;
            }
        };
        for (line, text) in (1_i64..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let (name, value) = text.split_once('=').unwrap_or((text, "on"));
            put(setting(name.trim(), value.trim(), path, Some(line)));
        }
    }
    for argument in &entry.arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, "on"));
        if !["use_authtok", "try_first_pass", "use_first_pass", "conf", "authfail", "preauth", "authsucc"]
            .contains(&name)
        {
            put(setting(name, value, &entry.source, Some(entry.line)));
        }
    }
    all
}

/// The fewest letters a password may have: credits for kinds of letters count as letters, but never below 6.
fn least(settings: &[Setting]) -> i64 {
    let number =
        |name: &str| settings.iter().find(|s| s.name == name).and_then(|s| s.value.parse::<i64>().ok()).unwrap_or(0);
    // A check that is switched off, or only warns, asks for nothing.
    if settings.iter().any(|s| s.name == "enforcing" && s.value == "0") {
        return 0;
    }
    let credits: i64 = ["dcredit", "ucredit", "lcredit", "ocredit"].iter().map(|n| number(n).clamp(0, 100)).sum();
    number("minlen").clamp(0, 1000).saturating_sub(credits).max(6)
}

/// How pam_unix(8) scrambles a new password: its argument, else ENCRYPT_METHOD, else DES.
fn hash(host: &Host, entry: &Entry) -> Setting {
    let known = ["yescrypt", "gost_yescrypt", "blowfish", "sha512", "sha256", "md5", "bigcrypt"];
    if let Some(argument) = entry.arguments.iter().rev().find(|a| known.contains(&a.as_str())) {
        return setting("hash", argument, &entry.source, Some(entry.line));
    }
    let defs = login_defs(&host.read_text("/etc/login.defs").unwrap_or_default());
    match defs.into_iter().find(|(_, k, _)| k == "ENCRYPT_METHOD") {
        Some((line, _, value)) => setting("hash", &value.to_lowercase(), "/etc/login.defs", Some(line)),
        None => setting("hash", "des", &entry.source, Some(entry.line)),
    }
}
