//! Certificates of this machine and the private keys beside them: dates, strength, who uses them. Never a key itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use x509_parser::{pem::Pem, prelude::X509Certificate, public_key::PublicKey};

use super::{Probe, ProbeError, USUAL_LIMIT, rights::passable, web};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind},
};

fact_table! {
    /// Certificates in the usual places and those that a server's settings name; the list of trusted authorities is
    /// left out.
    "certificates" => Certificate {
        /// File with the certificate.
        source: String,
        /// Whom it is for, as written in it.
        subject: String,
        /// Who signed it.
        issuer: String,
        /// Host names it is good for, with commas between.
        names: String,
        /// When it begins to count.
        not_before: Option<Timestamp>,
        /// When it ends.
        not_after: Option<Timestamp>,
        /// Kind of key: `rsa`, `ec`, `ed25519` or another.
        key_alg: String,
        /// Size of the key in bits; null when unknown.
        key_bits: Option<i64>,
        /// How it is signed, such as `sha256-rsa`.
        signature_alg: String,
        /// Whether it is signed by itself.
        self_signed: bool,
        /// Whether it may sign others.
        is_ca: bool,
        /// Program whose settings name it, such as `nginx`; null when none does.
        used_by: Option<String>,
        /// Program that renews it by itself, such as `certbot`; null when none is known.
        renewed_by: Option<String>,
    }
    offline: true,
    examples: ["select source, names, not_after, used_by from certificates order by not_after"],
}

fact_table! {
    /// Private keys of servers: those that settings name and those in the usual places.
    "private_keys" => PrivateKey {
        /// File with the key.
        source: String,
        /// Permission bits in octal.
        mode: String,
        /// Number of its owner.
        uid: i64,
        /// Whether all users may read it, its folders considered.
        readable_by_all: bool,
        /// Program whose settings name it; null when none does.
        used_by: Option<String>,
    }
    offline: true,
    examples: ["select source, mode, used_by from private_keys where readable_by_all"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "certificates",
    about: "the certificates of this machine",
    tables: &[Certificate::TABLE, PrivateKey::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Folders where certificates lie; how deep to look.
const PLACES: &[(&str, usize)] = &[
    ("/etc/letsencrypt/live", 2),
    ("/etc/ssl/private", 2),
    ("/etc/ssl/certs", 1),
    ("/etc/ssl/local", 2),
    ("/etc/nginx", 3),
    ("/etc/apache2", 3),
    ("/etc/postfix", 2),
    ("/etc/dovecot", 2),
    ("/etc/postgresql", 4),
    ("/etc/mysql", 2),
    ("/etc/ldap", 2),
    ("/etc/pki/tls/private", 1),
];

/// Settings that name a certificate or a key: program, where its settings are, the word before the path. The web
/// servers have readers of their own.
const NAMED: &[(&str, &[&str], &[&str])] = &[
    ("postfix", &["/etc/postfix/main.cf"], &["smtpd_tls_cert_file", "smtpd_tls_key_file"]),
    ("dovecot", &["/etc/dovecot/dovecot.conf", "/etc/dovecot/conf.d/*.conf"], &["ssl_cert", "ssl_key"]),
    (
        "postgresql",
        &["/etc/postgresql/*/*/postgresql.conf", "/etc/postgresql/*/*/conf.d/*.conf"],
        &["ssl_cert_file", "ssl_key_file"],
    ),
    (
        "mysql",
        &[
            "/etc/mysql/my.cnf",
            "/etc/mysql/conf.d/*.cnf",
            "/etc/mysql/mariadb.conf.d/*.cnf",
            "/etc/mysql/mysql.conf.d/*.cnf",
        ],
        &["ssl-cert", "ssl-key", "ssl_cert", "ssl_key"],
    ),
    ("haproxy", &["/etc/haproxy/haproxy.cfg"], &["crt"]),
];

const CERTIFICATES: &str = "every certificate";
const KEYS: &str = "every private key of a server";
/// How many files are looked at in all.
const FILES: usize = 4_000;
/// Largest file that is taken for a certificate.
const SIZE: u64 = 256 << 10;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let used = named(host);
    let mut paths: BTreeMap<String, Option<&'static str>> = used.iter().map(|(p, by)| (p.clone(), Some(*by))).collect();
    let mut budget = FILES;
    for (place, depth) in PLACES {
        collect(host, place, *depth, &mut budget, &mut paths, facts);
    }
    if budget == 0 {
        let reason = Reason::Broken(format!("there are {FILES} files or more to look at"));
        facts.partial::<Certificate>(Gap::new(CERTIFICATES, "/etc", reason.clone()));
        facts.partial::<PrivateKey>(Gap::new(KEYS, "/etc", reason));
    }
    let renewers = renewers(host);
    for (path, used_by) in paths {
        let Ok(meta) = host.metadata(&path) else { continue };
        if meta.kind != Kind::File || meta.size > SIZE {
            continue;
        }
        let bytes = match host.read_bytes(&path, SIZE) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                // A key that only root may read is as it should be; a certificate is not secret.
                if error.reason() != Reason::NeedsRoot || looks_like_certificate(&path) {
                    facts.partial::<Certificate>(Gap::new(CERTIFICATES, &path, error.reason()));
                }
                if looks_like_key(&path) {
                    facts.push(key(host, &path, &meta, used_by));
                }
                continue;
            }
        };
        if is_private_key(&bytes) {
            facts.push(key(host, &path, &meta, used_by));
        }
        if let Some(row) = certificate(&path, &bytes, used_by, &renewers) {
            facts.push(row);
        }
    }
    facts.absent_when_empty::<Certificate>("no certificate of this machine was found");
    facts.absent_when_empty::<PrivateKey>("no private key of a server was found");
    Ok(())
}

fn key(host: &Host, path: &str, meta: &crate::host::Metadata, used_by: Option<&'static str>) -> PrivateKey {
    PrivateKey {
        source: path.to_owned(),
        mode: format!("{:04o}", meta.mode),
        uid: meta.uid.into(),
        readable_by_all: meta.mode & 0o004 != 0 && passable(host, path, 0o001),
        used_by: used_by.map(str::to_owned),
    }
}

fn looks_like_certificate(path: &str) -> bool {
    [".crt", ".cer", "cert.pem", "chain.pem"].iter().any(|e| path.ends_with(e))
}

fn looks_like_key(path: &str) -> bool {
    [".key", "key.pem"].iter().any(|e| path.ends_with(e))
}

/// Paths that the settings of servers name, with the server.
fn named(host: &Host) -> BTreeMap<String, &'static str> {
    let mut found: BTreeMap<String, &'static str> = web::certificates(host).into_iter().collect();
    for (program, files, words) in NAMED {
        for file in files.iter().flat_map(|f| host.glob(f)).take(500) {
            for line in host.read_text(&file).unwrap_or_default().lines() {
                let line = line.trim_start();
                if line.starts_with(['#', ';', '/']) {
                    continue;
                }
                let Some(path) = value(line, words) else { continue };
                if path.starts_with('/') {
                    found.insert(path, *program);
                }
            }
        }
    }
    found
}

/// The path after one of the words: `word path;`, `word = 'path'`, `word=<path`.
fn value(line: &str, words: &[&str]) -> Option<String> {
    let mut parts = line.split(|c: char| c.is_whitespace() || c == '=').filter(|p| !p.is_empty());
    let mut first = true;
    while let Some(part) = parts.next() {
        let lower = part.to_ascii_lowercase();
        // Only haproxy's word stands in the middle of a line.
        if words.contains(&lower.as_str()) && (first || lower == "crt") {
            let path = parts.next()?;
            return Some(path.trim_matches(['"', '\'', ';', '<', ',']).to_owned());
        }
        first = false;
    }
    None
}

/// Files beneath a folder; links into the list of authorities are left out.
fn collect(
    host: &Host,
    folder: &str,
    depth: usize,
    budget: &mut usize,
    paths: &mut BTreeMap<String, Option<&'static str>>,
    facts: &mut Facts,
) {
    let entries = match host.list(folder) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return,
        // Certificates are no secret: what only root may list holds keys.
        Err(error) if error.reason() == Reason::NeedsRoot => {
            return facts.partial::<PrivateKey>(Gap::new(KEYS, folder, Reason::NeedsRoot));
        }
        Err(error) => return facts.partial::<Certificate>(Gap::new(CERTIFICATES, folder, error.reason())),
    };
    for entry in entries {
        if *budget == 0 {
            return;
        }
        *budget = budget.saturating_sub(1);
        match entry.kind {
            Kind::Directory if depth > 1 => collect(host, &entry.path, depth - 1, budget, paths, facts),
            Kind::Link if folder == "/etc/ssl/certs" => {}
            Kind::File | Kind::Link if wanted(&entry.name) => {
                paths.entry(entry.path).or_insert(None);
            }
            _ => {}
        }
    }
}

fn wanted(name: &str) -> bool {
    let endings = [".pem", ".crt", ".cer", ".cert", ".key"];
    // Chains and copies repeat what stands beside them.
    endings.iter().any(|e| name.ends_with(e)) && !matches!(name, "ca-certificates.crt" | "chain.pem" | "fullchain.pem")
}

fn is_private_key(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    text.lines().any(|l| l.starts_with("-----BEGIN ") && l.ends_with("PRIVATE KEY-----"))
}

/// Programs that renew certificates here, by the folder they keep them in.
fn renewers(host: &Host) -> Vec<(&'static str, &'static str)> {
    let certbot = ["/usr/bin/certbot", "/snap/bin/certbot", "/usr/local/bin/certbot"].iter().any(|p| host.exists(p));
    let acme = host.exists("/root/.acme.sh/acme.sh");
    let mut found = Vec::new();
    if certbot {
        found.push(("/etc/letsencrypt/", "certbot"));
    }
    if acme {
        found.push(("/root/.acme.sh/", "acme.sh"));
    }
    found
}

/// The first certificate in a file.
fn certificate(
    path: &str,
    bytes: &[u8],
    used_by: Option<&'static str>,
    renewers: &[(&'static str, &'static str)],
) -> Option<Certificate> {
    let pem = Pem::iter_from_buffer(bytes).filter_map(Result::ok).find(|p| p.label == "CERTIFICATE");
    let pem = pem?;
    let x509: X509Certificate<'_> = pem.parse_x509().ok()?;
    let names: Vec<String> = x509
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|e| e.value.general_names.iter().filter_map(alternative).collect())
        .unwrap_or_default();
    let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).ok();
    let (key_alg, key_bits) = match x509.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => ("rsa", i64::try_from(key.key_size()).ok()),
        Ok(PublicKey::EC(key)) => ("ec", i64::try_from(key.key_size()).ok()),
        Ok(PublicKey::DSA(_)) => ("dsa", None),
        _ if x509.public_key().algorithm.algorithm.to_id_string() == "1.3.101.112" => ("ed25519", None),
        _ => ("other", None),
    };
    Some(Certificate {
        source: path.to_owned(),
        subject: x509.subject().to_string(),
        issuer: x509.issuer().to_string(),
        names: names.join(","),
        not_before: time(x509.validity().not_before),
        not_after: time(x509.validity().not_after),
        key_alg: key_alg.to_owned(),
        key_bits,
        signature_alg: signature(&x509.signature_algorithm.algorithm.to_id_string()).to_owned(),
        self_signed: x509.subject() == x509.issuer(),
        is_ca: x509.is_ca(),
        used_by: used_by.map(str::to_owned),
        renewed_by: renewers.iter().find(|(folder, _)| path.starts_with(folder)).map(|(_, by)| (*by).to_owned()),
    })
}

fn alternative(name: &x509_parser::extensions::GeneralName<'_>) -> Option<String> {
    match name {
        x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

/// Names of signature algorithms, RFC 5758, RFC 8017, RFC 8410.
fn signature(id: &str) -> &str {
    match id {
        "1.2.840.113549.1.1.2" => "md2-rsa",
        "1.2.840.113549.1.1.4" => "md5-rsa",
        "1.2.840.113549.1.1.5" => "sha1-rsa",
        "1.2.840.113549.1.1.10" => "rsa-pss",
        "1.2.840.113549.1.1.11" => "sha256-rsa",
        "1.2.840.113549.1.1.12" => "sha384-rsa",
        "1.2.840.113549.1.1.13" => "sha512-rsa",
        "1.2.840.10045.4.1" => "sha1-ecdsa",
        "1.2.840.10045.4.3.2" => "sha256-ecdsa",
        "1.2.840.10045.4.3.3" => "sha384-ecdsa",
        "1.2.840.10045.4.3.4" => "sha512-ecdsa",
        "1.2.840.10040.4.3" => "sha1-dsa",
        "1.3.101.112" => "ed25519",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::run_one;

    fn host(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("usr")).unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let host = Host::image(dir.path()).unwrap();
        (dir, host)
    }

    const EXPIRED: &[u8] = include_bytes!("../../tests/fixtures/certificates/expired.crt");
    const WEAK: &[u8] = include_bytes!("../../tests/fixtures/certificates/weak.crt");

    #[test]
    fn a_certificate_tells_its_dates_strength_and_user() {
        let site = "server {\n  listen 443 ssl;\n  ssl_certificate /etc/nginx/tls/shop.crt;\n\tssl_certificate_key\t\"/etc/nginx/tls/shop.key\";\n # ssl_certificate /etc/nginx/old.crt;\n}\n";
        let (_dir, host) = host(&[
            ("usr/sbin/nginx", b""),
            ("etc/nginx/nginx.conf", b"http {\n  include sites-enabled/*;\n}\n"),
            ("etc/nginx/sites-enabled/shop", site.as_bytes()),
            ("etc/nginx/tls/shop.crt", EXPIRED),
            ("etc/nginx/tls/shop.key", b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"),
            ("etc/ssl/private/weak.pem", WEAK),
        ]);
        let facts = run_one(&PROBE, &host);
        let rows = facts.rows("certificates");
        let row = rows.iter().find(|r| r["source"] == "/etc/nginx/tls/shop.crt").unwrap();
        assert_eq!(row["used_by"], "nginx");
        assert_eq!(row["not_after"], "2024-01-01T00:00:00Z");
        assert_eq!((&row["key_alg"], &row["key_bits"]), (&"ec".into(), &256.into()));
        assert_eq!(row["names"], "shop.example");
        assert_eq!(row["self_signed"], true);
        let weak = rows.iter().find(|r| r["source"] == "/etc/ssl/private/weak.pem").unwrap();
        assert_eq!((&weak["key_bits"], &weak["signature_alg"]), (&1024.into(), &"sha1-rsa".into()));
        assert_eq!(weak["used_by"], serde_json::Value::Null);
        let keys = facts.rows("private_keys");
        assert_eq!(keys.len(), 1);
        assert_eq!((&keys[0]["source"], &keys[0]["used_by"]), (&"/etc/nginx/tls/shop.key".into(), &"nginx".into()));
    }

    #[test]
    fn settings_are_read_in_the_way_of_each_program() {
        assert_eq!(
            value("ssl_cert = </etc/dovecot/private/x.pem", &["ssl_cert"]).as_deref(),
            Some("/etc/dovecot/private/x.pem")
        );
        assert_eq!(
            value("ssl_cert_file = '/etc/ssl/x.pem'  # c", &["ssl_cert_file"]).as_deref(),
            Some("/etc/ssl/x.pem")
        );
        assert_eq!(value("SSLCertificateFile /x.crt", &["sslcertificatefile"]).as_deref(), Some("/x.crt"));
        assert_eq!(value("  bind :443 ssl crt /etc/x.pem", &["crt"]).as_deref(), Some("/etc/x.pem"));
        assert_eq!(value("old ssl_cert /x", &["ssl_cert"]), None);
    }

    #[test]
    fn junk_in_the_folders_of_certificates_is_passed_over() {
        let (_dir, host) = host(&[
            ("etc/ssl/private/junk.pem", &[0, 1, 2, 255]),
            ("etc/ssl/private/broken.crt", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"),
        ]);
        assert!(run_one(&PROBE, &host).rows("certificates").is_empty());
    }
}
