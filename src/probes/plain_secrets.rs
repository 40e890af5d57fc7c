//! Settings files that everyone may read although a password stands in them. Keeps the name of the setting, never its
//! value.

use super::{Probe, ProbeError, USUAL_LIMIT, packages};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind},
};

fact_table! {
    /// Settings that look like a password, in files that every user of this machine may read.
    "plain_secrets" => PlainSecret {
        /// The file.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the setting, such as `db_password`; its value is not kept.
        name: String,
        /// Permission bits in octal.
        mode: String,
    }
    offline: true,
    examples: ["select source, line, name from plain_secrets"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "plain_secrets",
    about: "passwords in settings that everyone can read",
    tables: &[PlainSecret::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Folders, and how deep to look.
const PLACES: &[(&str, usize)] = &[("/etc", 4), ("/usr/local/etc", 3), ("/opt", 3)];
/// Folders without settings of this kind, some of them large.
const SKIPPED: &[&str] =
    &["/etc/ssl", "/etc/alternatives", "/etc/pam.d", "/etc/fonts", "/etc/X11", "/etc/ca-certificates", "/etc/selinux"];
/// Files of `/opt` that are read; there lie whole programs.
const SETTINGS: &[&str] =
    &["conf", "cfg", "cnf", "ini", "env", "yml", "yaml", "json", "toml", "properties", "xml", "php", "inc"];
/// Size of a file that is read; settings are small.
const SIZE: u64 = 256 << 10;
/// Files that are read, and rows that are kept.
const FILES: usize = 6_000;
const ROWS: usize = 200;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let mut search = Search { host, facts, left: FILES, packaged: None };
    for (place, depth) in PLACES {
        if let Err(reason) = search.look(place, *depth, *place == "/opt") {
            search.facts.partial::<PlainSecret>(Gap::new("all settings files", *place, reason));
            break;
        }
    }
    Ok(())
}

struct Search<'a> {
    host: &'a Host,
    facts: &'a mut Facts,
    /// Files that may still be read.
    left: usize,
    /// What dpkg knows of settings files; read when it is first asked for.
    packaged: Option<String>,
}

impl Search<'_> {
    /// Looks through a folder; an error says why the search ended early.
    fn look(&mut self, folder: &str, depth: usize, choosy: bool) -> Result<(), Reason> {
        // What only root may list, the others cannot read either; a folder that vanished holds nothing.
        let Ok(entries) = self.host.list(folder) else { return Ok(()) };
        for entry in entries {
            if self.host.late() {
                return Err(Reason::TimedOut);
            }
            match entry.kind {
                Kind::Directory if depth > 1 && !SKIPPED.contains(&entry.path.as_str()) => {
                    let open = self.host.metadata(&entry.path).is_ok_and(|m| m.mode & 0o001 != 0);
                    if open {
                        self.look(&entry.path, depth - 1, choosy)?;
                    }
                }
                Kind::File => {
                    let ending = entry.name.rsplit_once('.').map_or("", |(_, e)| e);
                    if !choosy || SETTINGS.contains(&ending) {
                        self.file(&entry.path)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str) -> Result<(), Reason> {
        let Ok(meta) = self.host.metadata(path) else { return Ok(()) };
        if meta.mode & 0o004 == 0 || meta.size > SIZE {
            return Ok(());
        }
        if self.left == 0 {
            return Err(Reason::Broken(format!("there are more than {FILES}")));
        }
        self.left -= 1;
        let Ok(text) = self.host.read_text(path) else { return Ok(()) };
        let found = secrets(&text);
        if found.is_empty() || self.is_as_packaged(path, text.as_bytes()) {
            return Ok(());
        }
        for (line, name) in found {
            if self.facts.count::<PlainSecret>() >= ROWS {
                return Err(Reason::Broken(format!("more than {ROWS} lines look like a password")));
            }
            let mode = format!("{:04o}", meta.mode);
            self.facts.push(PlainSecret { source: path.to_owned(), line, name, mode });
        }
        Ok(())
    }

    /// Whether a settings file is still as its package brought it: what stands in it is known to the whole world.
    fn is_as_packaged(&mut self, path: &str, content: &[u8]) -> bool {
        use md5::Digest as _;
        let host = self.host;
        let status = self.packaged.get_or_insert_with(|| host.read_text(packages::STATUS).unwrap_or_default());
        let line = format!("\n {path} ");
        let known = status.find(&line).and_then(|at| status.get(at + line.len()..)?.split_whitespace().next());
        known.is_some_and(|known| known == format!("{:x}", md5::Md5::digest(content)))
    }
}

/// Lines that set something called a password to something that looks like one.
fn secrets(text: &str) -> Vec<(i64, String)> {
    (1_i64..).zip(text.lines()).filter_map(|(number, line)| Some((number, secret(line)?))).take(5).collect()
}

fn secret(line: &str) -> Option<String> {
    let line = line.trim();
    if line.len() > 500 || line.starts_with(['#', ';', '/', '*', '!', '<']) {
        return None;
    }
    let (name, value) = match (line.split_once("=>"), line.split_once('='), line.split_once(':')) {
        (Some(both), ..) | (None, Some(both), _) | (None, None, Some(both)) => both,
        _ => return None,
    };
    let quotes = |c: char| matches!(c, '"' | '\'' | ',' | ';' | ' ' | '\t');
    let name = name.trim().trim_start_matches("export ").trim_start_matches("define(").trim_matches(quotes);
    let bare = name.trim_start_matches(['$', '-']).to_ascii_lowercase();
    if name.len() > 60 || name.contains(char::is_whitespace) || !is_secret(&bare) {
        return None;
    }
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(quotes);
    looks_real(value).then(|| name.to_owned())
}

/// The last word of a name such as `db_password` or `smtp.passwd`.
fn is_secret(name: &str) -> bool {
    const WORDS: &[&str] =
        &["password", "passwd", "passphrase", "pass", "pwd", "secret", "apikey", "token", "secretkey", "privatekey"];
    const PAIRS: &[&str] = &["api_key", "api-key", "secret_key", "secret-key", "access_key", "auth_key"];
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name);
    WORDS.contains(&last) || PAIRS.iter().any(|p| name.ends_with(p)) || name.ends_with("password")
}

/// Not a switch, a place, a variable or an example.
fn looks_real(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    const WORDS: &[&str] = &[
        "required", "optional", "prompt", "disabled", "enabled", "default", "password", "passwd", "secret", "changeme",
        "example", "unused", "files", "systemd", "compat", "crypt", "shadow", "string", "integer", "boolean",
    ];
    value.len() >= 6
        && value.len() <= 200
        && !value.contains(char::is_whitespace)
        && !value.starts_with(['$', '/', '<', '{', '[', '%', '@', '(', '~', '`'])
        && !value.contains("${")
        && !value.contains("://")
        && !value.contains("()")
        && !value.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '-' | '_'))
        && !WORDS.contains(&lower.as_str())
        && !lower.starts_with("your")
        && !lower.ends_with(".file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::run_one;

    #[test]
    fn settings_called_password_are_found_and_others_are_not() {
        for (line, found) in [
            ("db_password = hunter2hunter2", Some("db_password")),
            ("  password: \"s3cr3t-words\"", Some("password")),
            ("define('DB_PASSWORD', 'x')", None),
            ("'api_key' => 'AKIA1234567890',", Some("api_key")),
            ("export SMTP_PASS=tr0ub4dor", Some("SMTP_PASS")),
            ("$cfg_dbpassword='abcdefgh';", Some("$cfg_dbpassword")),
            ("#db_password = hunter2hunter2", None),
            ("passwd: files systemd", None),
            ("passwd: files", None),
            ("password = ${DB_PASSWORD}", None),
            ("password_file = /etc/x/password", None),
            ("secret = /run/secrets/x", None),
            ("password = xxxxxxxx", None),
            ("require_password = yes", None),
            ("max_passwords = 1000000", None),
            ("password=", None),
            ("token_endpoint = https://a.example/token", None),
            ("password requisite pam_x.so a=b", None),
        ] {
            assert_eq!(secret(line).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn only_files_that_everyone_may_reach_count_and_no_value_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, mode: u32| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "[db]\nuser = shop\npassword = hunter2hunter2\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("etc/shop.conf", 0o644);
        write("etc/closed.conf", 0o640);
        std::fs::create_dir_all(dir.path().join("usr")).unwrap();
        write("etc/private/shop.conf", 0o644);
        write("opt/app/bin/tool", 0o755);
        write("opt/app/.env.yml", 0o644);
        std::fs::set_permissions(dir.path().join("etc/private"), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(dir.path().join("etc/junk"), [0, 159, 146, 150]).unwrap();
        write("etc/packaged.conf", 0o644);
        write("etc/changed.conf", 0o644);
        write("var/lib/dpkg/status", 0o644);
        let sum = "81b83fcd2a9edefca8461e4ae04b4688";
        let status = format!("Package: a\nConffiles:\n /etc/packaged.conf {sum}\n /etc/changed.conf 0{}\n", &sum[1..]);
        std::fs::write(dir.path().join("var/lib/dpkg/status"), status).unwrap();
        let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
        let rows = facts.rows("plain_secrets");
        let told: Vec<_> = rows.iter().map(|r| (r["source"].as_str().unwrap(), r["line"].clone())).collect();
        assert_eq!(
            told,
            [("/etc/changed.conf", 3.into()), ("/etc/shop.conf", 3.into()), ("/opt/app/.env.yml", 3.into())]
        );
        assert!(!serde_json::to_string(&rows).unwrap().contains("hunter2"));
    }

    #[test]
    fn an_end_before_all_files_were_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["usr", "etc/shop"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for n in 0..=ROWS {
            std::fs::write(dir.path().join(format!("etc/shop/{n}.conf")), "password = hunter2hunter2\n").unwrap();
        }
        let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
        assert_eq!(facts.rows("plain_secrets").len(), ROWS);
        assert_eq!(facts.gaps()[0].reason, Reason::Broken("more than 200 lines look like a password".to_owned()));
    }
}
