//! MySQL and MariaDB: option files in the order in which the server reads them (my_print_defaults).

use super::{Budget, DatabaseServer, Machine, MysqlSetting, gap};
use crate::{
    facts::Facts,
    probes::servers::{self, number},
};

const WHAT: &str = "how the MySQL database is set up";

/// Reads the server's settings.
pub(super) fn read(machine: &Machine<'_>, facts: &mut Facts) {
    let host = machine.host;
    let mariadb = servers::program(host, &["/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/libexec/mariadbd"]);
    let mysql = servers::program(host, &["/usr/sbin/mysqld", "/usr/local/mysql/bin/mysqld", "/usr/libexec/mysqld"]);
    if mariadb.is_none() && mysql.is_none() {
        return facts.absent::<MysqlSetting>("no MySQL or MariaDB server is installed");
    }
    let engine = if mariadb.is_some() { "mariadb" } else { "mysql" };
    let mut settings: Vec<MysqlSetting> = Vec::new();
    // /etc/mysql/my.cnf is the same file as /etc/my.cnf on some systems; reading it twice changes nothing.
    for path in ["/etc/my.cnf", "/etc/mysql/my.cnf"] {
        if host.exists(path) {
            let mut budget = Budget::new();
            file(machine, facts, engine, path, 0, &mut settings, &mut budget);
            budget.tell::<MysqlSetting>(facts, WHAT, path);
        }
    }
    let defaults: &[(&str, &str)] = if engine == "mariadb" {
        &[
            ("bind-address", "*"),
            ("port", "3306"),
            ("skip-grant-tables", "off"),
            ("local-infile", "on"),
            ("require-secure-transport", "off"),
        ]
    } else {
        &[
            ("bind-address", "*"),
            ("port", "3306"),
            ("skip-grant-tables", "off"),
            ("local-infile", "off"),
            ("require-secure-transport", "off"),
        ]
    };
    let mut last = std::collections::BTreeMap::new();
    for (index, setting) in settings.iter().enumerate() {
        last.insert(setting.name.clone(), index);
    }
    for (index, setting) in settings.iter_mut().enumerate() {
        setting.effective = last.get(&setting.name) == Some(&index);
    }
    for (name, value) in defaults {
        if !last.contains_key(*name) {
            settings.push(MysqlSetting {
                source: "built-in default".to_owned(),
                line: None,
                section: "mysqld".to_owned(),
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                effective: true,
            });
        }
    }
    let get = |name: &str| settings.iter().find(|s| s.effective && s.name == name);
    let is_on = |name: &str| get(name).is_some_and(|s| servers::is_yes(&s.value));
    let bind = get("bind-address");
    let no_tables = is_on("skip-grant-tables");
    // Without its table of accounts MySQL 8 turns the network off by itself; MariaDB does not.
    let offline = is_on("skip-networking") || (no_tables && engine == "mysql");
    let address = bind.map_or("*", |s| s.value.as_str());
    let reach =
        if offline { "none" } else { servers::widest(address.split(',').map(|a| servers::reach_of_listener(host, a))) };
    let certificate = get("ssl-cert").is_some() || get("ssl-ca").is_some();
    let encryption =
        if engine == "mysql" || is_on("require-secure-transport") || certificate { "yes" } else { "unknown" };
    let (source, line) = match bind {
        Some(s) if s.line.is_some() => (s.source.clone(), s.line),
        _ => {
            let main = servers::program(host, &["/etc/mysql/my.cnf", "/etc/my.cnf"]).unwrap_or("/etc/mysql/my.cnf");
            (main.to_owned(), None)
        }
    };
    facts.push(DatabaseServer {
        source,
        line,
        engine: engine.to_owned(),
        title: if engine == "mariadb" { "MariaDB" } else { "MySQL" }.to_owned(),
        instance: "my.cnf".to_owned(),
        version: None,
        running: machine.runs(&["mariadbd", "mysqld"]),
        listens: if offline { String::new() } else { address.replace(',', " ") },
        reach: reach.to_owned(),
        port: get("port").and_then(|s| s.value.parse().ok()).filter(|_| !offline),
        password_needed: if no_tables { "no" } else { "unknown" }.to_owned(),
        encryption: encryption.to_owned(),
    });
    for setting in settings {
        facts.push(setting);
    }
}

/// Whether the server reads this group: `[mysqld]`, `[server]`, `[mariadb-10.11]`, …
fn is_ours(section: &str, engine: &str) -> bool {
    let (name, version) = section.split_once('-').unwrap_or((section, ""));
    let versioned = version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit());
    match name {
        "mysqld" => versioned,
        "server" => version.is_empty(),
        "mariadb" | "mariadbd" => versioned && engine == "mariadb",
        "client" => version == "server" && engine == "mariadb",
        _ => false,
    }
}

fn file(
    machine: &Machine<'_>,
    facts: &mut Facts,
    engine: &str,
    path: &str,
    depth: usize,
    into: &mut Vec<MysqlSetting>,
    budget: &mut Budget,
) {
    if !budget.file(depth) {
        return;
    }
    let text = match machine.host.read_text(path) {
        Ok(text) => text,
        Err(error) => return gap::<MysqlSetting>(facts, WHAT, path, &error),
    };
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        if !budget.line() {
            return;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix("!includedir") {
            let dir = rest.trim().trim_end_matches('/').to_owned();
            for included in machine.host.glob(&format!("{dir}/*.cnf")) {
                file(machine, facts, engine, &included, depth + 1, into, budget);
            }
        } else if let Some(rest) = line.strip_prefix("!include") {
            file(machine, facts, engine, rest.trim(), depth + 1, into, budget);
        } else if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            section = name.trim().to_ascii_lowercase();
        } else if is_ours(&section, engine) {
            let (name, value) = option(line);
            into.push(MysqlSetting {
                source: path.to_owned(),
                line: Some(number(index + 1)),
                section: section.clone(),
                name,
                value,
                effective: false,
            });
        }
    }
}

/// An option line: dashes and underscores are the same, `loose-` is only a wish, `skip-x` and `disable-x` mean `x=0`
/// except where the option itself is called so.
fn option(line: &str) -> (String, String) {
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (line.split('#').next().unwrap_or(line), None),
    };
    let mut name = name.trim().to_ascii_lowercase().replace('_', "-");
    if let Some(rest) = name.strip_prefix("loose-") {
        name = rest.to_owned();
    }
    let mut value = match value {
        Some(value) => {
            let value = value.trim();
            match value.chars().next() {
                Some(q @ ('"' | '\'')) => value.trim_start_matches(q).split(q).next().unwrap_or_default().to_owned(),
                _ => value.split(" #").next().unwrap_or(value).trim().to_owned(),
            }
        }
        None => "on".to_owned(),
    };
    let own =
        ["skip-grant-tables", "skip-networking", "skip-name-resolve", "skip-show-database", "skip-external-locking"];
    if let Some(rest) = name.strip_prefix("disable-").or_else(|| name.strip_prefix("skip-")) {
        if !own.contains(&name.as_str()) {
            name = rest.to_owned();
            value = "off".to_owned();
        }
    } else if let Some(rest) = name.strip_prefix("enable-") {
        name = rest.to_owned();
    }
    if name.contains("password") && !name.contains("policy") && !name.contains("plugin") {
        value = "set".to_owned();
    }
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::{is_ours, option};

    #[test]
    fn an_option_has_many_spellings() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(option("bind_address = 127.0.0.1"), pair("bind-address", "127.0.0.1"));
        assert_eq!(option("skip-grant-tables"), pair("skip-grant-tables", "on"));
        assert_eq!(option("loose-local_infile=1 # why"), pair("local-infile", "1"));
        assert_eq!(option("skip-ssl"), pair("ssl", "off"));
        assert_eq!(option("master-password = x"), pair("master-password", "set"));
    }

    #[test]
    fn a_client_section_does_not_concern_the_server() {
        assert!(is_ours("mysqld", "mysql") && is_ours("mariadb-10.11", "mariadb") && is_ours("server", "mysql"));
        assert!(!is_ours("client", "mariadb") && !is_ours("mysqldump", "mysql") && !is_ours("mysqld_safe", "mysql"));
    }
}
