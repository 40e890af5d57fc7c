//! PostgreSQL clusters: postgresql.conf with its includes, postgresql.auto.conf, and pg_hba.conf.

use super::{Budget, DatabaseServer, HbaRule, Machine, PostgresSetting, gap, hba};
use crate::{
    facts::Facts,
    probes::servers::{self, number},
};

const WHAT: &str = "how PostgreSQL is set up";
const NONE: &str = "no PostgreSQL server is installed";

/// A setting where it stands.
struct Setting {
    name: String,
    value: String,
    source: String,
    line: Option<i64>,
}

/// Reads all clusters.
pub(super) fn read(machine: &Machine<'_>, facts: &mut Facts) {
    let host = machine.host;
    let mut clusters: Vec<(String, String, Option<String>)> = Vec::new();
    for path in host.glob("/etc/postgresql/*/*/postgresql.conf") {
        let mut parts = path.rsplit('/').skip(1);
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else { continue };
        // Settings stay behind when a version is removed; then nothing serves them.
        if host.exists(&format!("/usr/lib/postgresql/{version}/bin/postgres")) {
            clusters.push((format!("{version}/{name}"), path.clone(), Some(version.to_owned())));
        }
    }
    let places = ["/var/lib/pgsql/data", "/var/lib/pgsql/*/data", "/usr/local/pgsql/data", "/var/lib/postgres/data"];
    for path in places.iter().flat_map(|p| host.glob(&format!("{p}/postgresql.conf"))) {
        clusters.push((path.trim_end_matches("/postgresql.conf").to_owned(), path, None));
    }
    if clusters.is_empty() {
        facts.absent::<PostgresSetting>(NONE);
        facts.absent::<HbaRule>(NONE);
        return;
    }
    for (cluster, path, version) in clusters {
        one(machine, facts, &cluster, &path, version);
    }
}

fn one(machine: &Machine<'_>, facts: &mut Facts, cluster: &str, path: &str, version: Option<String>) {
    let host = machine.host;
    let mut settings = Vec::new();
    let mut budget = Budget::new();
    file(machine, facts, path, 0, &mut settings, &mut budget);
    let last = |settings: &[Setting], name: &str| -> Option<String> {
        settings.iter().rev().find(|s| s.name == name).map(|s| s.value.clone())
    };
    let dir = path.rsplit_once('/').map_or("/", |(dir, _)| dir).to_owned();
    let data = last(&settings, "data_directory").unwrap_or_else(|| dir.clone());
    // Written by ALTER SYSTEM; read last, so it wins.
    let auto = format!("{data}/postgresql.auto.conf");
    match host.metadata(&auto) {
        Err(error) if error.is_not_found() => {}
        _ => file(machine, facts, &auto, 0, &mut settings, &mut budget),
    }
    budget.tell::<PostgresSetting>(facts, WHAT, path);
    let major = version.as_deref().and_then(|v| v.split('.').next()).and_then(|v| v.parse::<u32>().ok());
    let encryption = if major.is_some_and(|m| m < 14) { "md5" } else { "scram-sha-256" };
    for (name, value) in [
        ("listen_addresses", "localhost"),
        ("port", "5432"),
        ("ssl", "off"),
        ("password_encryption", encryption),
        ("log_connections", "off"),
        ("log_disconnections", "off"),
        ("logging_collector", "off"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("archive_mode", "off"),
    ] {
        if last(&settings, name).is_none() {
            let source = "built-in default".to_owned();
            settings.push(Setting { name: name.to_owned(), value: value.to_owned(), source, line: None });
        }
    }
    let hba_file = last(&settings, "hba_file").unwrap_or_else(|| format!("{data}/pg_hba.conf"));
    let rules = hba::read(host, facts, cluster, &servers::beside(path, &hba_file));

    let listen = settings.iter().rev().find(|s| s.name == "listen_addresses");
    let listens: Vec<String> = listen
        .map(|s| s.value.split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect())
        .unwrap_or_default();
    let bound = servers::widest(listens.iter().map(|a| servers::reach_of_listener(host, a)));
    let counted = |r: &&HbaRule| r.covered_by.is_none() && r.connection != "local" && r.method != "reject";
    // Nobody gets as far as a password from where no rule lets them in.
    let let_in =
        servers::widest(rules.iter().filter(counted).map(|r| if r.reach == "some" { "any" } else { &r.reach }));
    let unseen = rules.is_empty();
    let open = rules.iter().filter(counted).any(|r| hba::OPEN_METHODS.contains(&r.method.as_str()));
    let on = |name: &str| last(&settings, name).is_some_and(|v| servers::is_yes(&v));
    let external = last(&settings, "external_pid_file");
    let pid = external.unwrap_or_else(|| format!("{data}/postmaster.pid"));
    let running = machine.runs(&["postgres", "postmaster"]).map(|runs| runs && host.exists(&pid));
    let (source, line) = match listen {
        Some(s) if s.line.is_some() => (s.source.clone(), s.line),
        _ => (path.to_owned(), None),
    };
    facts.push(DatabaseServer {
        source,
        line,
        engine: "postgresql".to_owned(),
        title: "PostgreSQL".to_owned(),
        instance: cluster.to_owned(),
        version,
        running,
        reach: if unseen { bound.to_owned() } else { servers::narrower(bound, let_in).to_owned() },
        port: last(&settings, "port").and_then(|p| p.parse().ok()).filter(|_| !listens.is_empty()),
        listens: listens.join(" "),
        password_needed: if unseen {
            "unknown"
        } else if open {
            "no"
        } else {
            "yes"
        }
        .to_owned(),
        encryption: if on("ssl") { "yes" } else { "no" }.to_owned(),
    });
    for rule in rules {
        facts.push(rule);
    }
    let mut seen = std::collections::BTreeSet::new();
    for setting in settings.into_iter().rev() {
        if seen.insert(setting.name.clone()) {
            let secret = ["primary_conninfo", "ssl_passphrase_command", "restore_command"]
                .contains(&setting.name.as_str())
                || setting.name.contains("password") && setting.name != "password_encryption";
            facts.push(PostgresSetting {
                source: setting.source,
                line: setting.line,
                cluster: cluster.to_owned(),
                name: setting.name,
                value: if secret { "set".to_owned() } else { setting.value },
            });
        }
    }
}

/// Reads one file and what it includes; later settings win.
fn file(
    machine: &Machine<'_>,
    facts: &mut Facts,
    path: &str,
    depth: usize,
    into: &mut Vec<Setting>,
    budget: &mut Budget,
) {
    if !budget.file(depth) {
        return;
    }
    let text = match machine.host.read_text(path) {
        Ok(text) => text,
        Err(error) => return gap::<PostgresSetting>(facts, WHAT, path, &error),
    };
    for (index, line) in text.lines().enumerate() {
        if !budget.line() {
            return;
        }
        let Some((name, value)) = setting(line) else { continue };
        match name.as_str() {
            "include" => file(machine, facts, &servers::beside(path, &value), depth + 1, into, budget),
            "include_if_exists" => {
                let included = servers::beside(path, &value);
                if machine.host.exists(&included) {
                    file(machine, facts, &included, depth + 1, into, budget);
                }
            }
            "include_dir" => {
                let dir = servers::beside(path, &value);
                if let Err(error) = machine.host.list(&dir) {
                    gap::<PostgresSetting>(facts, WHAT, &dir, &error);
                }
                for included in machine.host.glob(&format!("{dir}/*.conf")) {
                    file(machine, facts, &included, depth + 1, into, budget);
                }
            }
            _ => into.push(Setting { name, value, source: path.to_owned(), line: Some(number(index + 1)) }),
        }
    }
}

/// `name = 'value' # comment`; the equals sign may be missing, names have no case.
fn setting(line: &str) -> Option<(String, String)> {
    let line = line.trim_start();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '$'))?;
    let (name, rest) = line.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let value = match rest.strip_prefix('\'') {
        Some(quoted) => {
            let mut value = String::new();
            let mut chars = quoted.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '\'' if chars.next_if_eq(&'\'').is_some() => value.push('\''),
                    '\'' => break,
                    '\\' => value.extend(chars.next()),
                    c => value.push(c),
                }
            }
            value
        }
        None => rest.split(|c: char| c.is_whitespace() || c == '#').next().unwrap_or_default().to_owned(),
    };
    (!value.is_empty() || rest.starts_with('\'')).then(|| (name.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn settings_are_read_with_tabs_quotes_and_without_equals_signs() {
        let some = |n: &str, v: &str| Some((n.to_owned(), v.to_owned()));
        assert_eq!(setting("\tListen_Addresses\t'*'\t# all"), some("listen_addresses", "*"));
        assert_eq!(setting("log_line_prefix = 'it''s %m \\' '"), some("log_line_prefix", "it's %m ' "));
        assert_eq!(setting("port=5433#x"), some("port", "5433"));
        assert_eq!(setting("listen_addresses = ''"), some("listen_addresses", ""));
        assert_eq!(setting("#port = 1"), None);
        assert_eq!(setting("port"), None);
    }
}
