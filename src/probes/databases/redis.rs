//! Redis and Valkey: their settings file with includes, read in order as the server does; the last one wins.

use super::{Budget, DatabaseServer, Machine, RedisSetting, gap};
use crate::{
    facts::Facts,
    host::Host,
    probes::servers::{self, number},
};

const WHAT: &str = "how Redis is set up";

/// Reads all instances.
pub(super) fn read(machine: &Machine<'_>, facts: &mut Facts) {
    let host = machine.host;
    let mut found = false;
    for (engine, title, programs, files) in [
        (
            "redis",
            "Redis",
            &["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/usr/bin/redis-check-rdb"],
            &["/etc/redis/redis.conf", "/etc/redis.conf", "/etc/redis/redis-*.conf", "/etc/redis/[0-9]*.conf"],
        ),
        (
            "valkey",
            "Valkey",
            &["/usr/bin/valkey-server", "/usr/local/bin/valkey-server", "/usr/bin/valkey-check-rdb"],
            &["/etc/valkey/valkey.conf", "/etc/valkey.conf", "/etc/valkey/valkey-*.conf", "/etc/valkey/[0-9]*.conf"],
        ),
    ] {
        if servers::program(host, programs.get(..2).unwrap_or_default()).is_none() {
            continue;
        }
        let mut paths: Vec<String> = Vec::new();
        for path in files.iter().flat_map(|f| host.glob(f)) {
            if !path.contains("sentinel") && !paths.contains(&path) {
                paths.push(path);
            }
        }
        found = true;
        for path in paths {
            one(machine, facts, engine, title, &path);
        }
    }
    if !found {
        facts.absent::<RedisSetting>("no Redis server is installed");
    }
}

fn one(machine: &Machine<'_>, facts: &mut Facts, engine: &str, title: &str, path: &str) {
    let host = machine.host;
    let mut settings: Vec<RedisSetting> = Vec::new();
    let mut password = false;
    let mut user_default: Option<bool> = None;
    let mut unread = false;
    {
        let mut reader = Reader {
            host,
            instance: path,
            settings: &mut settings,
            password: &mut password,
            user_default: &mut user_default,
            budget: Budget::new(),
        };
        let mut gaps = Vec::new();
        reader.file(path, 0, &mut gaps);
        unread |= reader.budget.spent;
        reader.budget.tell::<RedisSetting>(facts, WHAT, path);
        for (path, error) in gaps {
            unread = true;
            gap::<RedisSetting>(facts, WHAT, &path, &error);
        }
    }
    if unread && settings.is_empty() {
        return;
    }
    let mut last = std::collections::BTreeMap::new();
    for (index, setting) in settings.iter().enumerate() {
        last.insert(setting.name.clone(), index);
    }
    for (index, setting) in settings.iter_mut().enumerate() {
        let many = ["save", "user", "rename-command", "loadmodule", "client-output-buffer-limit"]
            .contains(&setting.name.as_str());
        setting.effective = many || last.get(&setting.name) == Some(&index);
    }
    for (name, value) in [("bind", "*"), ("protected-mode", "yes"), ("port", "6379"), ("tls-port", "0")] {
        if !last.contains_key(name) {
            settings.push(RedisSetting {
                source: "built-in default".to_owned(),
                line: None,
                instance: path.to_owned(),
                name: name.to_owned(),
                value: value.to_owned(),
                effective: true,
            });
        }
    }
    let get = |name: &str| settings.iter().find(|s| s.effective && s.name == name);
    let text = |name: &str| get(name).map_or("", |s| s.value.as_str());
    let bind = get("bind");
    let addresses: Vec<&str> = text("bind").split_whitespace().filter(|a| *a != "\"\"" && *a != "''").collect();
    let port = |name: &str| text(name).parse::<i64>().ok().filter(|p| *p > 0);
    let (plain, tls) = (port("port"), port("tls-port"));
    let bound = match plain.or(tls) {
        Some(_) => servers::widest(addresses.iter().map(|a| servers::reach_of_listener(host, a))),
        None => "none",
    };
    let password_needed = if user_default.unwrap_or(password) { "yes" } else { "no" };
    // Protected mode lets only this machine in as long as there is no password. Until Redis 6 it did so only when no
    // address was set.
    let old = host.exists("/usr/share/doc/redis-server")
        && host.read_text("/etc/debian_version").is_ok_and(|v| v.starts_with("10") || v.starts_with("11"));
    let explicit = bind.is_some_and(|b| b.line.is_some());
    let protected = servers::is_yes(text("protected-mode")) && password_needed == "no" && !(old && explicit);
    let reach = if protected { servers::narrower(bound, "loopback") } else { bound };
    let (source, line) = match bind {
        Some(s) if s.line.is_some() => (s.source.clone(), s.line),
        _ => (path.to_owned(), None),
    };
    let program = format!("{engine}-server");
    facts.push(DatabaseServer {
        source,
        line,
        engine: engine.to_owned(),
        title: title.to_owned(),
        instance: path.rsplit('/').next().unwrap_or(path).to_owned(),
        version: None,
        running: machine.runs(&[&program]),
        listens: if bound == "none" { String::new() } else { addresses.join(" ") },
        reach: reach.to_owned(),
        port: plain.or(tls),
        password_needed: if unread && password_needed == "no" { "unknown" } else { password_needed }.to_owned(),
        encryption: if tls.is_some() { "yes" } else { "no" }.to_owned(),
    });
    for setting in settings {
        facts.push(setting);
    }
}

struct Reader<'a> {
    host: &'a Host,
    instance: &'a str,
    settings: &'a mut Vec<RedisSetting>,
    password: &'a mut bool,
    /// What `user default …` or the list of accounts says: whether it needs a password or is off.
    user_default: &'a mut Option<bool>,
    budget: Budget,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, depth: usize, gaps: &mut Vec<(String, crate::host::ReadError)>) {
        if !self.budget.file(depth) {
            return;
        }
        let text = match self.host.read_text(path) {
            Ok(text) => text,
            Err(error) => return gaps.push((path.to_owned(), error)),
        };
        for (index, line) in text.lines().enumerate() {
            if !self.budget.line() {
                return;
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let name = name.to_ascii_lowercase();
            let value = value.trim();
            let bare = value.trim_matches(['"', '\'']);
            let kept = match name.as_str() {
                "include" => {
                    for included in self.host.glob(bare) {
                        self.file(&included, depth + 1, gaps);
                    }
                    if !bare.contains(['*', '?', '['])
                        && !self.host.exists(bare)
                        && let Err(error) = self.host.metadata(bare)
                    {
                        gaps.push((bare.to_owned(), error));
                    }
                    bare.to_owned()
                }
                "requirepass" => {
                    *self.password = !bare.is_empty();
                    if bare.is_empty() { "none" } else { "set" }.to_owned()
                }
                "masterauth" | "tls-key-file-pass" | "tls-client-key-file-pass" => "set".to_owned(),
                "user" => {
                    let (user, rules) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
                    if user == "default" {
                        *self.user_default = Some(guarded(rules));
                    }
                    format!("{user} {}", without_passwords(rules))
                }
                "aclfile" => {
                    match self.host.read_text(bare) {
                        Ok(text) => {
                            let rules = text.lines().rev().find_map(|l| l.trim().strip_prefix("user default "));
                            if let Some(rules) = rules {
                                *self.user_default = Some(guarded(rules));
                            }
                        }
                        Err(error) => gaps.push((bare.to_owned(), error)),
                    }
                    bare.to_owned()
                }
                // The new name may be as good as a password.
                "rename-command" => value.split_whitespace().next().unwrap_or_default().to_owned(),
                _ => bare.to_owned(),
            };
            self.settings.push(RedisSetting {
                source: path.to_owned(),
                line: Some(number(index + 1)),
                instance: self.instance.to_owned(),
                name,
                value: kept,
                effective: false,
            });
        }
    }
}

/// Whether an account by these rules needs a password or is switched off.
fn guarded(rules: &str) -> bool {
    let mut on = false;
    let mut free = false;
    for rule in rules.split_whitespace() {
        match rule {
            "on" => on = true,
            "off" => on = false,
            "nopass" => free = true,
            "resetpass" | "reset" => free = false,
            r if r.starts_with(['>', '#']) => free = false,
            _ => {}
        }
    }
    !(on && free)
}

fn without_passwords(rules: &str) -> String {
    let kept: Vec<&str> =
        rules.split_whitespace().map(|r| if r.starts_with(['>', '<', '#', '!']) { "password" } else { r }).collect();
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{guarded, without_passwords};

    #[test]
    fn an_account_without_password_is_open_and_its_password_is_never_kept() {
        assert!(!guarded("on nopass ~* +@all"));
        assert!(guarded("on >secret ~* +@all"));
        assert!(guarded("off nopass ~* +@all"));
        assert_eq!(without_passwords("on >secret #abc ~* +@all"), "on password password ~* +@all");
    }
}
