//! How people here log in elsewhere over SSH: the settings of the client and the private keys in home folders. Of a
//! key only its kind, its rights and whether a password protects it are kept.

use ssh_key::PrivateKey;

use super::{
    Probe, ProbeError, USUAL_LIMIT,
    accounts::users,
    rights::passable,
    ssh_server::parse::{self, GLOBAL},
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind, ReadError},
};

fact_table! {
    /// Settings of the SSH client, those of the machine and those of each user, as they stand in the files.
    "ssh_client_config" => SshClientConfig {
        /// File.
        source: String,
        /// Line in that file.
        line: i64,
        /// User whose file it is; null for the machine's.
        username: Option<String>,
        /// Keyword in lower case.
        keyword: String,
        /// Value as written.
        value: String,
        /// `global`, or the `Host` or `Match` line it stands under.
        context: String,
        /// Whether it holds for every machine that someone logs in to.
        for_all: bool,
    }
    offline: true,
    examples: ["select keyword, value, source, line from ssh_client_config where for_all"],
}

fact_table! {
    /// Private keys of users, by which they log in elsewhere.
    "user_ssh_keys" => UserSshKey {
        /// File with the key.
        source: String,
        /// User whose key it is.
        username: String,
        /// Number of that user.
        uid: i64,
        /// Kind of key, such as `ssh-ed25519`; null when only its password would tell.
        key_type: Option<String>,
        /// Whether a password protects it; null when the kind of file is not known.
        encrypted: Option<bool>,
        /// Permission bits in octal.
        mode: String,
        /// Whether someone other than the user and root may read it, its folders considered.
        readable_by_others: bool,
    }
    offline: true,
    examples: ["select username, source, key_type, encrypted from user_ssh_keys"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "ssh_client",
    about: "how people here log in elsewhere",
    tables: &[SshClientConfig::TABLE, UserSshKey::TABLE],
    limit: USUAL_LIMIT,
    run,
};

const WHAT: &str = "how people here log in elsewhere";
/// Users and files of one user that are looked at.
const USERS: usize = 1_000;
const FILES: usize = 200;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    if host.exists("/usr/bin/ssh") {
        settings(host, facts, "/etc/ssh/ssh_config", None);
    } else {
        facts.absent::<SshClientConfig>("no SSH client is installed");
    }
    let users = users(host);
    let people: Vec<_> = users.iter().filter(|u| u.directory.len() > 1).collect();
    for (seen, user) in people.into_iter().enumerate() {
        if seen >= USERS || host.late() {
            let reason = Reason::Broken(format!("there are more than {USERS}"));
            facts.partial::<UserSshKey>(Gap::new("all home folders", &user.directory, reason));
            break;
        }
        let folder = format!("{}/.ssh", user.directory.trim_end_matches('/'));
        let entries = match host.list(&folder) {
            Ok(entries) => entries,
            Err(ReadError::NotFound(_)) => continue,
            Err(error) => {
                facts.partial::<UserSshKey>(Gap::new("the keys in home folders", &folder, error.reason()));
                continue;
            }
        };
        let files: Vec<_> = entries.into_iter().filter(|e| e.kind == Kind::File).collect();
        if files.len() > FILES {
            let reason = Reason::Broken(format!("there are more than {FILES}"));
            facts.partial::<UserSshKey>(Gap::new("all files there", &folder, reason));
        }
        for entry in files.into_iter().take(FILES) {
            if entry.name == "config" && host.exists("/usr/bin/ssh") {
                settings(host, facts, &entry.path, Some(&user.name));
            }
            if let Some((key_type, encrypted)) = key(host, &entry.path) {
                let Ok(meta) = host.metadata(&entry.path) else { continue };
                let readable = |bits: u32, pass: u32| meta.mode & bits != 0 && passable(host, &entry.path, pass);
                facts.push(UserSshKey {
                    readable_by_others: readable(0o004, 0o001)
                        || readable(0o040, 0o011)
                        || (meta.uid != user.uid && meta.uid != 0),
                    source: entry.path,
                    username: user.name.clone(),
                    uid: user.uid.into(),
                    key_type,
                    encrypted,
                    mode: format!("{:04o}", meta.mode),
                });
            }
        }
    }
    facts.absent_when_empty::<UserSshKey>("nobody here has a key to log in elsewhere");
    Ok(())
}

fn settings(host: &Host, facts: &mut Facts, path: &str, username: Option<&str>) {
    let reading = parse::read(host, path, WHAT);
    for gap in reading.gaps {
        facts.partial::<SshClientConfig>(gap);
    }
    for line in reading.lines {
        facts.push(SshClientConfig {
            for_all: line.context == GLOBAL || line.context == "Host *" || line.context == "Match all",
            source: line.source,
            line: line.line,
            username: username.map(str::to_owned),
            keyword: line.keyword,
            value: line.words.join(" "),
            context: line.context,
        });
    }
}

/// Kind and protection of a private key; none when the file is something else.
fn key(host: &Host, path: &str) -> Option<(Option<String>, Option<bool>)> {
    let bytes = host.read_bytes(path, 64 << 10).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let first = text.lines().next()?.trim();
    if !first.starts_with("-----BEGIN ") || !first.ends_with("PRIVATE KEY-----") {
        return None;
    }
    Some(match first {
        "-----BEGIN OPENSSH PRIVATE KEY-----" => match PrivateKey::from_openssh(text) {
            Ok(key) => (Some(key.algorithm().as_str().to_owned()), Some(key.is_encrypted())),
            Err(_) => (None, None),
        },
        "-----BEGIN ENCRYPTED PRIVATE KEY-----" => (None, Some(true)),
        "-----BEGIN RSA PRIVATE KEY-----" => (Some("ssh-rsa".to_owned()), Some(text.contains("4,ENCRYPTED"))),
        "-----BEGIN DSA PRIVATE KEY-----" => (Some("ssh-dss".to_owned()), Some(text.contains("4,ENCRYPTED"))),
        _ => (None, Some(text.contains("4,ENCRYPTED"))),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::probes::run_one;

    /// Keys made for this test by `ssh-keygen -t ed25519`, one without a password and one with.
    const KEYS: [(&str, &str); 3] = [
        ("id_plain", include_str!("../../tests/fixtures/ssh/client/id_plain")),
        ("id_locked", include_str!("../../tests/fixtures/ssh/client/id_locked")),
        ("id_plain.pub", "ssh-ed25519 AAAA ann@laptop\n"),
    ];

    fn machine() -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        let uid = rustix::process::geteuid().as_raw();
        write("usr/bin/ssh", "");
        write("etc/passwd", &format!("ann:x:{uid}:1::/home/ann:/bin/bash\n"));
        write("etc/ssh/ssh_config", "Include /etc/ssh/ssh_config.d/*.conf\nHost *\n  HashKnownHosts yes\n");
        write("etc/ssh/ssh_config.d/a.conf", "StrictHostKeyChecking no\nHost build\n  ForwardAgent yes\n");
        write("home/ann/.ssh/config", "Host *\n  ForwardAgent yes\n");
        for (name, text) in KEYS {
            write(&format!("home/ann/.ssh/{name}"), text);
        }
        let host = Host::image(dir.path()).unwrap();
        (dir, host)
    }

    #[test]
    fn settings_know_for_whom_they_hold() {
        let (_dir, host) = machine();
        let rows = run_one(&PROBE, &host).rows("ssh_client_config");
        let told: Vec<_> = rows
            .iter()
            .map(|r| (r["keyword"].as_str().unwrap(), r["for_all"].as_bool().unwrap(), r["username"].as_str()))
            .collect();
        let expected = [
            ("stricthostkeychecking", true, None),
            ("forwardagent", false, None),
            ("hashknownhosts", true, None),
            ("forwardagent", true, Some("ann")),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn keys_are_known_and_never_kept() {
        let (dir, host) = machine();
        let plain = dir.path().join("home/ann/.ssh/id_plain");
        std::fs::set_permissions(plain, std::fs::Permissions::from_mode(0o644)).unwrap();
        for folder in ["home", "home/ann", "home/ann/.ssh"] {
            std::fs::set_permissions(dir.path().join(folder), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let facts = run_one(&PROBE, &host);
        let rows = facts.rows("user_ssh_keys");
        let told: Vec<_> = rows
            .iter()
            .map(|r| (r["source"].as_str().unwrap(), r["encrypted"].clone(), r["readable_by_others"].clone()))
            .collect();
        let expected = [
            ("/home/ann/.ssh/id_locked", true.into(), false.into()),
            ("/home/ann/.ssh/id_plain", false.into(), true.into()),
        ];
        assert_eq!(told, expected);
        assert!(!serde_json::to_string(&rows).unwrap().contains("b3BlbnNzaC1rZXktdjE"), "the key itself");
        let closed = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir.path().join("home/ann/.ssh"), closed).unwrap();
        let rows = run_one(&PROBE, &host).rows("user_ssh_keys");
        assert!(rows.iter().all(|r| r["readable_by_others"] == false), "nobody gets to it");
    }
}
