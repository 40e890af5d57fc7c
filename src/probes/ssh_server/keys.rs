//! SSH keys: those that open accounts, and those by which this machine is known. Only kind, size and rights are kept.

use ssh_key::{Algorithm, PublicKey, public::KeyData};

use super::settings::Settings;
use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::{Host, ReadError},
    probes::{accounts::Passwd, rights::People as Rights},
};

fact_table! {
    /// Keys that open accounts over SSH, one row for each line of a key file.
    "authorized_keys" => AuthorizedKey {
        /// File with the key.
        source: String,
        /// Line in that file.
        line: i64,
        /// Account that the key opens.
        username: String,
        /// Number of that account.
        uid: i64,
        /// Kind of key, such as `ssh-ed25519` or `ssh-rsa`.
        key_type: String,
        /// Size in bits; null where the kind has only one.
        bits: Option<i64>,
        /// What the line says the key may do, such as `from="10.0.0.0/8",no-pty`; null when nothing.
        options: Option<String>,
        /// Whether it may run only one command.
        restricted: bool,
        /// Comment at the end of the line, often who owns the key.
        comment: String,
        /// Who besides root and the account may change the file; null when nobody.
        changeable_by: Option<String>,
        /// The file or folder that they may change; null when nobody may.
        changeable_path: Option<String>,
    }
    offline: true,
    examples: ["select username, key_type, bits, comment, source, line from authorized_keys order by username"],
}

fact_table! {
    /// Keys by which this machine proves who it is.
    "ssh_host_keys" => SshHostKey {
        /// File with the private half.
        source: String,
        /// Kind of key, such as `ssh-ed25519`; null when its public half cannot be read.
        key_type: Option<String>,
        /// Size in bits; null where the kind has only one.
        bits: Option<i64>,
        /// Permission bits in octal.
        mode: String,
        /// Whether users other than root may read it.
        readable_by_others: bool,
    }
    offline: true,
    examples: ["select source, key_type, bits, mode from ssh_host_keys"],
}

/// Keys of one file that are kept.
const KEYS: usize = 2_000;

/// Reads the keys. The OpenSSH server says in which files it looks for them.
pub(super) fn read(host: &Host, facts: &mut Facts, settings: &Settings, accounts: &[Passwd], rights: &Rights) {
    host_keys(host, facts);
    let patterns = settings.values("authorizedkeysfile").flat_map(str::split_whitespace).filter(|p| *p != "none");
    let mut patterns: Vec<&str> = patterns.collect();
    if patterns.is_empty() {
        patterns = vec![".ssh/authorized_keys", ".ssh/authorized_keys2"];
    }
    let mut seen = std::collections::BTreeSet::new();
    for user in accounts {
        for pattern in &patterns {
            let path = expand(pattern, &user.name, &user.directory);
            if !seen.insert((user.name.clone(), path.clone())) {
                continue;
            }
            match host.read_text(&path) {
                Ok(text) => {
                    let changeable = rights.changeable(host, &path, user.uid);
                    for row in keys(&text).take(KEYS) {
                        facts.push(AuthorizedKey {
                            source: path.clone(),
                            username: user.name.clone(),
                            uid: user.uid.into(),
                            changeable_by: changeable.as_ref().map(|(who, _)| who.clone()),
                            changeable_path: changeable.as_ref().map(|(_, what)| what.clone()),
                            line: row.line,
                            key_type: row.key_type,
                            bits: row.bits,
                            options: row.options,
                            restricted: row.restricted,
                            comment: row.comment,
                        });
                    }
                }
                Err(ReadError::NotFound(_)) => {}
                Err(error) => {
                    facts.partial::<AuthorizedKey>(Gap::new("which keys open accounts", &path, error.reason()));
                }
            }
        }
    }
    facts.absent_when_empty::<AuthorizedKey>("no key opens an account");
}

/// `%h`, `%u`, `%%`; a path without a leading slash is beneath the home folder.
fn expand(pattern: &str, name: &str, home: &str) -> String {
    let path = pattern.replace("%%", "\0").replace("%h", home).replace("%u", name).replace('\0', "%");
    if path.starts_with('/') { path } else { format!("{}/{path}", home.trim_end_matches('/')) }
}

struct KeyLine {
    line: i64,
    key_type: String,
    bits: Option<i64>,
    options: Option<String>,
    restricted: bool,
    comment: String,
}

/// The lines that hold a key; a line that OpenSSH would skip is skipped.
fn keys(text: &str) -> impl Iterator<Item = KeyLine> {
    (1_i64..).zip(text.lines()).filter_map(|(line, raw)| {
        let raw = raw.trim();
        if raw.is_empty() || raw.starts_with('#') {
            return None;
        }
        // Options may hold quoted spaces; the key begins after the first blank outside quotes.
        let (options, key) = match PublicKey::from_openssh(raw) {
            Ok(_) => (None, raw),
            Err(_) => {
                let end = unquoted_blank(raw)?;
                (Some(raw.get(..end)?.to_owned()), raw.get(end..)?.trim_start())
            }
        };
        let key = PublicKey::from_openssh(key).ok()?;
        let restricted = options.as_deref().is_some_and(|o| {
            let lower = o.to_lowercase();
            lower.contains("command=")
        });
        Some(KeyLine {
            line,
            key_type: name(&key),
            bits: bits(&key),
            options,
            restricted,
            comment: key.comment().to_owned(),
        })
    })
}

fn unquoted_blank(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn name(key: &PublicKey) -> String {
    match key.algorithm() {
        Algorithm::Rsa { .. } => "ssh-rsa".to_owned(),
        other => other.as_str().to_owned(),
    }
}

/// Size of the kinds that come in several sizes.
fn bits(key: &PublicKey) -> Option<i64> {
    let size = |bytes: &[u8]| {
        let first = bytes.first()?;
        let whole = i64::try_from(bytes.len()).ok()?.checked_mul(8)?;
        whole.checked_sub(first.leading_zeros().into())
    };
    match key.key_data() {
        KeyData::Rsa(rsa) => size(rsa.n.as_positive_bytes()?),
        KeyData::Dsa(dsa) => size(dsa.p.as_positive_bytes()?),
        _ => match key.algorithm().as_str() {
            "ecdsa-sha2-nistp521" => Some(521),
            "ecdsa-sha2-nistp384" => Some(384),
            "ecdsa-sha2-nistp256" => Some(256),
            _ => None,
        },
    }
}

fn host_keys(host: &Host, facts: &mut Facts) {
    for path in host.glob("/etc/ssh/ssh_host_*_key") {
        let Ok(meta) = host.metadata(&path) else { continue };
        let public = host.read_text(&format!("{path}.pub")).ok();
        let public = public.and_then(|text| PublicKey::from_openssh(text.trim()).ok());
        facts.push(SshHostKey {
            source: path,
            key_type: public.as_ref().map(name),
            bits: public.as_ref().and_then(bits),
            mode: format!("{:04o}", meta.mode),
            // Fedora's group ssh_keys reads them on purpose.
            readable_by_others: meta.mode & 0o007 != 0 || meta.uid != 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::PROBE, *};
    use crate::probes::run_one;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn lines_with_options_quotes_and_junk_are_read_as_openssh_does() {
        let text = format!(
            "# a comment\n\n{ED25519} anna@home\nfrom=\"10.0.0.0/8\",command=\"echo \\\"a b\\\"\" {ED25519} robot\nno key here\n  {ED25519}\n"
        );
        let found: Vec<_> = keys(&text).map(|k| (k.line, k.options, k.restricted, k.comment)).collect();
        let options = "from=\"10.0.0.0/8\",command=\"echo \\\"a b\\\"\"".to_owned();
        assert_eq!(
            found,
            [
                (3, None, false, "anna@home".to_owned()),
                (4, Some(options), true, "robot".to_owned()),
                (6, None, false, String::new())
            ]
        );
    }

    #[test]
    fn sizes_of_rsa_keys_are_known() {
        let text = include_str!("../../../tests/fixtures/ssh/rsa1024.pub");
        let found: Vec<_> = keys(text).map(|k| (k.key_type, k.bits)).collect();
        assert_eq!(found, [("ssh-rsa".to_owned(), Some(1024))]);
    }

    #[test]
    fn the_place_of_key_files_follows_the_server() {
        assert_eq!(expand("/etc/keys/%u", "anna", "/home/anna"), "/etc/keys/anna");
        assert_eq!(expand(".ssh/authorized_keys", "anna", "/home/anna"), "/home/anna/.ssh/authorized_keys");
        assert_eq!(expand("%h/k%%", "anna", "/home/anna"), "/home/anna/k%");
    }

    #[test]
    fn keys_of_all_accounts_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n");
        write("etc/group", "root:x:0:\n");
        write("usr/sbin/sshd", "");
        write("etc/ssh/sshd_config", "Port 22\n");
        write("root/.ssh/authorized_keys", ED25519);
        write("home/anna/.ssh/authorized_keys2", ED25519);
        let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
        let names: Vec<_> = facts.rows("authorized_keys").iter().map(|r| r["username"].clone()).collect();
        assert_eq!(names, ["root", "anna"]);
    }
}
