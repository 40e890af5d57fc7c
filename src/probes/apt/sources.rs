//! Where apt gets packages from (sources.list(5)): one-line and deb822 files. One entry for each address and suite.

use super::{hide_password, parts};
use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::Host,
    probes::packages::control::{self, paragraphs},
};

fact_table! {
    /// One row for each address and suite that apt is told to get packages from.
    "apt_sources" => AptSource {
        /// File that names it.
        source: String,
        /// Line in that file.
        line: i64,
        /// `deb` for programs, `deb-src` for their source code.
        kind: String,
        /// Whether apt uses it.
        enabled: bool,
        /// Address; a password in it is left out.
        uri: String,
        /// How it is fetched: `http`, `https`, `file`, `cdrom`, ….
        scheme: String,
        /// Server's name, where there is one.
        host: Option<String>,
        /// Suite as written, such as `bookworm-security` or `stable`.
        suite: String,
        /// Components, such as `main contrib`.
        components: String,
        /// The option `trusted`: `yes` means that signatures are not looked at.
        trusted: Option<String>,
        /// Whether the entry allows packages without a signature, by `trusted` or `allow-insecure`.
        unsigned_allowed: bool,
        /// Key file that must have signed it; null when any key that apt trusts may.
        signed_by: Option<String>,
        /// Whether it is a suite of security updates.
        is_security: bool,
        /// Whether its package lists have been downloaded.
        downloaded: bool,
        /// `Origin` that the downloaded list gives itself, such as `Debian`.
        origin: Option<String>,
        /// `Label` that it gives itself, such as `Debian-Security`.
        label: Option<String>,
        /// `Codename` that it gives itself, such as `bookworm-security`.
        codename: Option<String>,
        /// Whether it comes from someone else than the maker of this system; null when nothing tells.
        third_party: Option<bool>,
    }
    offline: true,
    examples: [
        "select uri, suite, components, source, line from apt_sources where enabled",
        "select uri, signed_by from apt_sources where third_party and enabled",
    ],
}

/// An entry, before the downloaded lists have their say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub source: String,
    pub line: i64,
    pub kind: String,
    pub enabled: bool,
    pub uri: String,
    pub suite: String,
    pub components: Vec<String>,
    pub trusted: Option<String>,
    pub allow_insecure: bool,
    pub signed_by: Option<String>,
}

impl Entry {
    /// What names of its files in /var/lib/apt/lists start with (apt's URItoFileName).
    pub fn stem(&self) -> String {
        let base = self.uri.trim_end_matches('/');
        let place = match self.is_flat() {
            true if self.suite == "/" => format!("{base}/"),
            true => format!("{base}/{}", self.suite.trim_start_matches('/')),
            false => format!("{base}/dists/{}/", self.suite),
        };
        file_name(&place)
    }

    /// A repository without suites and components: its suite is a path.
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    pub fn scheme(&self) -> &str {
        self.uri.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    pub fn host(&self) -> Option<&str> {
        let rest = self.uri.split_once("://")?.1;
        let host = rest.split('/').next().unwrap_or(rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((address, _)) => address,
            None => host.split_once(':').map_or(host, |(host, _)| host),
        };
        (!host.is_empty()).then_some(host)
    }

    pub fn is_security_suite(&self) -> bool {
        let suite = self.suite.trim_end_matches('/');
        suite.ends_with("-security") || suite.ends_with("/updates")
    }
}

/// An address as apt makes it into a file name: no scheme, no account, some characters as `%xx`, `/` as `_`.
fn file_name(uri: &str) -> String {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let has_host = rest.starts_with("//");
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(h, p)| (h, p));
    let rest = match host.rsplit_once('@') {
        Some((_, host)) if has_host => format!("{host}/{path}"),
        _ => rest.to_owned(),
    };
    let mut name = String::with_capacity(rest.len());
    for byte in decoded(&rest) {
        match byte {
            b'/' => name.push('_'),
            // The brackets of an IPv6 address.
            b'[' | b']' if has_host => {}
            0..=0x20 | 0x7f.. => name.push_str(&format!("%{byte:02x}")),
            byte if b"\\|{}[]<>\"^~_=!@#$%^&*".contains(&byte) => name.push_str(&format!("%{byte:02x}")),
            byte => name.push(char::from(byte)),
        }
    }
    name
}

/// The bytes of an address, `%xx` resolved.
fn decoded(uri: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|c| std::str::from_utf8(c).ok()).and_then(|c| u8::from_str_radix(c, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Reads every sources file.
pub(super) fn read(host: &Host, facts: &mut Facts) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut files = Vec::new();
    if host.exists("/etc/apt/sources.list") {
        files.push("/etc/apt/sources.list".to_owned());
    }
    let ok = |name: &str| name.ends_with(".list") || name.ends_with(".sources");
    files.extend(parts(host, "/etc/apt/sources.list.d", ok));
    for path in files {
        match host.read_text(&path) {
            Ok(text) if path.ends_with(".sources") => deb822(&path, &text, &mut entries),
            Ok(text) => one_line(&path, &text, &mut entries),
            Err(error) => {
                facts.partial::<AptSource>(Gap::new("every place updates come from", path.as_str(), error.reason()));
            }
        }
    }
    entries.truncate(2000);
    entries
}

fn yes(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "yes" | "true" | "with" | "on" | "enable" | "1")
}

fn one_line(source: &str, text: &str, entries: &mut Vec<Entry>) {
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some((kind, rest)) = line.split_once([' ', '\t']) else { continue };
        if kind != "deb" && kind != "deb-src" {
            continue;
        }
        let mut entry = Entry {
            source: source.to_owned(),
            line: i64::try_from(number).unwrap_or(0).saturating_add(1),
            kind: kind.to_owned(),
            enabled: true,
            ..Entry::default()
        };
        let mut rest = rest.trim();
        if let Some((options, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            for option in options.split_whitespace() {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                match name.trim_end_matches(['+', '-']).to_ascii_lowercase().as_str() {
                    "trusted" => entry.trusted = Some(value.to_owned()),
                    "allow-insecure" => entry.allow_insecure = yes(value),
                    "signed-by" => entry.signed_by = Some(value.to_owned()),
                    _ => {}
                }
            }
            rest = after.trim();
        }
        // A CD-ROM's address may hold spaces in brackets.
        let (uri, after) = match rest.find(']') {
            Some(end) if rest.starts_with("cdrom:") => {
                let tail = rest.get(end..).unwrap_or_default();
                let stop = tail.find(char::is_whitespace).map_or(rest.len(), |n| end.saturating_add(n));
                rest.split_at_checked(stop).unwrap_or((rest, ""))
            }
            _ => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        let mut words = after.split_whitespace();
        entry.uri = uri.to_owned();
        entry.suite = words.next().unwrap_or_default().to_owned();
        entry.components = words.map(str::to_owned).collect();
        if !entry.suite.is_empty() {
            entries.push(entry);
        }
    }
}

fn deb822(source: &str, text: &str, entries: &mut Vec<Entry>) {
    paragraphs(text, |fields| {
        let get = |name: &str| control::value(fields, name);
        let words = |name: &str| -> Vec<String> {
            let lines = get(name).unwrap_or_default().lines().filter(|l| !l.starts_with('#'));
            lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
        };
        let line = |name: &str| fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.line);
        let signed_by = get("Signed-By").map(|value| {
            // The key itself may stand there: that it does is enough.
            if value.contains("BEGIN PGP") { "the file itself".to_owned() } else { value.trim().to_owned() }
        });
        for kind in words("Types") {
            for uri in words("URIs") {
                for suite in words("Suites") {
                    entries.push(Entry {
                        source: source.to_owned(),
                        line: line("URIs").unwrap_or(1),
                        kind: kind.clone(),
                        enabled: get("Enabled").is_none_or(yes),
                        uri: uri.clone(),
                        suite,
                        components: words("Components"),
                        trusted: get("Trusted").map(str::to_owned),
                        allow_insecure: get("Allow-Insecure").is_some_and(yes),
                        signed_by: signed_by.clone(),
                    });
                }
            }
        }
    });
}

impl AptSource {
    pub(super) fn new(entry: &Entry, release: Option<&super::lists::Release>, downloaded: bool, os_id: &str) -> Self {
        let trusted = entry.trusted.as_deref().is_some_and(yes);
        let origin = release.and_then(|r| r.origin.clone());
        AptSource {
            source: entry.source.clone(),
            line: entry.line,
            kind: entry.kind.clone(),
            enabled: entry.enabled,
            uri: hide_password(&entry.uri),
            scheme: entry.scheme().to_owned(),
            host: entry.host().map(str::to_owned),
            suite: entry.suite.clone(),
            components: entry.components.join(" "),
            trusted: entry.trusted.clone(),
            unsigned_allowed: trusted || entry.allow_insecure,
            signed_by: entry.signed_by.clone(),
            is_security: entry.is_security_suite() || release.is_some_and(super::lists::Release::is_security),
            downloaded,
            third_party: third_party(os_id, origin.as_deref(), entry.host()),
            origin,
            label: release.and_then(|r| r.label.clone()),
            codename: release.and_then(|r| r.codename.clone()),
        }
    }
}

/// What a list says of itself counts first, so that mirrors are told from strangers; then the server's name.
fn third_party(os_id: &str, origin: Option<&str>, host: Option<&str>) -> Option<bool> {
    if let Some(origin) = origin {
        let origin = origin.to_ascii_lowercase();
        let own = match os_id {
            "debian" => &["debian", "debian backports"][..],
            "ubuntu" => &["ubuntu", "ubuntuesm", "ubuntuesmapps"][..],
            _ => &["debian", "ubuntu", "raspbian", "raspberry pi foundation"][..],
        };
        return Some(!own.contains(&origin.as_str()) && !origin.starts_with(os_id));
    }
    let own = ["debian.org", "ubuntu.com", "raspbian.org", "kali.org", "linuxmint.com"];
    let host = host?;
    own.iter().any(|d| host == *d || host.ends_with(&format!(".{d}"))).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_those_that_apt_makes() {
        for (uri, suite, stem) in [
            ("http://deb.debian.org/debian", "bookworm", "deb.debian.org_debian_dists_bookworm_"),
            ("http://deb.debian.org/debian/", "bookworm", "deb.debian.org_debian_dists_bookworm_"),
            ("http://security.debian.org", "buster/updates", "security.debian.org_dists_buster_updates_"),
            ("https://user:pw@x.example/a_b", "s", "x.example_a%5fb_dists_s_"),
            ("https://u:pw@x.example:8443/a_b~c/d+e%20f", "s", "x.example:8443_a%5fb%7ec_d+e%20f_dists_s_"),
            ("http://[::1]:80/d", "x", "::1:80_d_dists_x_"),
            ("http://x.example//dbl/", "foo/updates", "x.example__dbl_dists_foo_updates_"),
            ("file:///srv/repo2", "sub/dir/", "_srv_repo2_sub_dir_"),
            ("http://x.example/r", "./", "x.example_r_._"),
            ("http://x.example/r", "/", "x.example_r_"),
            ("file:/srv/repo", "main/", "_srv_repo_main_"),
            ("mirror+file:/etc/apt/mirrors/debian.list", "bookworm", "_etc_apt_mirrors_debian.list_dists_bookworm_"),
        ] {
            let entry = Entry { uri: uri.to_owned(), suite: suite.to_owned(), ..Entry::default() };
            assert_eq!(entry.stem(), stem, "{uri} {suite}");
        }
    }

    #[test]
    fn options_of_one_line_sources_are_read() {
        let mut entries = Vec::new();
        let text = "# deb http://old.example x main\n\
            deb\t[arch=amd64 trusted=yes signed-by=/k.gpg]  http://me:secret@a.example/d  stable  main contrib # why\n\
            deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main\n\
            deb-src http://a.example/ ./\nrubbish\ndeb\n";
        one_line("/etc/apt/sources.list", text, &mut entries);
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].line, 2);
        assert_eq!(entries[0].trusted.as_deref(), Some("yes"));
        assert_eq!(entries[0].signed_by.as_deref(), Some("/k.gpg"));
        assert_eq!(entries[0].components, ["main", "contrib"]);
        assert_eq!(entries[0].host(), Some("a.example"));
        let row = AptSource::new(&entries[0], None, false, "debian");
        assert_eq!(row.uri, "http://a.example/d");
        assert!(row.unsigned_allowed);
        assert_eq!(entries[1].suite, "bookworm");
        assert!(entries[2].is_flat());
    }

    #[test]
    fn a_disabled_deb822_source_stays_disabled() {
        let mut entries = Vec::new();
        let text = "Types: deb deb-src\nURIs: https://a.example\nSuites: x\n y\nComponents: main\nEnabled: no\n\
            Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n";
        deb822("/etc/apt/sources.list.d/a.sources", text, &mut entries);
        assert_eq!(entries.len(), 4);
        assert!(entries.iter().all(|e| !e.enabled && e.line == 2));
        assert_eq!(entries[0].signed_by.as_deref(), Some("the file itself"));
    }

    #[test]
    fn a_mirror_of_debian_is_no_stranger() {
        assert_eq!(third_party("debian", Some("Debian"), Some("mirror.example")), Some(false));
        assert_eq!(third_party("debian", Some("Docker"), Some("download.docker.com")), Some(true));
        assert_eq!(third_party("debian", None, Some("deb.debian.org")), Some(false));
        assert_eq!(third_party("debian", None, Some("evildebian.org")), None);
    }
}
