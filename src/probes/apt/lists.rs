//! The package lists that apt downloaded: which there are, what they say of themselves, how old they are. What is
//! inside them is read by `updates`.

use std::io::Read as _;

use jiff::Timestamp;

use super::sources::Entry;
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason},
    host::{Host, Kind},
};

fact_table! {
    /// One row for each package list that apt downloaded.
    "apt_lists" => AptList {
        /// File of the list.
        source: String,
        /// Suite as the source entry names it; null when no entry uses this list any more.
        suite: Option<String>,
        /// Component, such as `main`; empty for a flat repository.
        component: String,
        /// `Origin` that the repository gives itself, such as `Debian`.
        origin: Option<String>,
        /// `Label` that it gives itself.
        label: Option<String>,
        /// `Suite` that it gives itself, such as `oldstable-security`.
        archive: Option<String>,
        /// `Codename` that it gives itself, such as `bookworm`.
        codename: Option<String>,
        /// Whether it is a list of security updates.
        is_security: bool,
        /// Whether an enabled source uses it; apt does not look at the others.
        used: bool,
        /// Whether a signature came with it (apt checks it when it downloads).
        signed: bool,
        /// Whether the repository asks not to be used for updates unless chosen, as backports do.
        not_automatic: bool,
        /// How much apt prefers it, after preferences: 500 is usual, below 0 is never.
        pin_priority: i64,
        /// When the repository was made, as it says itself.
        generated: Option<Timestamp>,
        /// Until when the repository says it may be trusted.
        valid_until: Option<Timestamp>,
        /// Time stamp of the file: the server's, mostly.
        modified: Timestamp,
        /// How many packages it lists; null when it could not be read or is not used.
        package_count: Option<i64>,
    }
    offline: true,
    examples: [
        "select suite, generated, package_count from apt_lists where used",
        "select source from apt_lists where not signed",
    ],
}

fact_table! {
    /// When apt last downloaded package lists with success, one row.
    "apt_last_update" => AptLastUpdate {
        /// File that tells.
        source: String,
        /// The moment, at the latest; null when no lists are there.
        updated: Option<Timestamp>,
        /// How many lists there are that a source uses.
        list_count: i64,
    }
    offline: true,
    examples: ["select updated, audit_time() - updated as age from apt_last_update"],
}

/// Where apt keeps lists.
pub(super) const DIR: &str = "/var/lib/apt/lists";

/// What a repository says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Release {
    pub path: String,
    /// What the names of its lists start with.
    pub stem: String,
    pub signed: bool,
    pub origin: Option<String>,
    pub label: Option<String>,
    pub archive: Option<String>,
    pub codename: Option<String>,
    pub version: Option<String>,
    pub not_automatic: bool,
    pub but_automatic_upgrades: bool,
    pub date: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
}

impl Release {
    /// Whether it holds security updates: by its label or by the name of its suite.
    pub fn is_security(&self) -> bool {
        let ends = |s: &Option<String>| s.as_deref().is_some_and(|s| s.to_ascii_lowercase().ends_with("-security"));
        ends(&self.label) || ends(&self.archive) || ends(&self.codename)
    }

    fn parse(text: &str) -> Release {
        let mut release = Release::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let text = || (!value.is_empty()).then(|| value.to_owned());
            match name {
                "Origin" => release.origin = text(),
                "Label" => release.label = text(),
                "Suite" => release.archive = text(),
                "Codename" => release.codename = text(),
                "Version" => release.version = text(),
                "Date" => release.date = date(value),
                "Valid-Until" => release.valid_until = date(value),
                "NotAutomatic" => release.not_automatic = value.eq_ignore_ascii_case("yes"),
                "ButAutomaticUpgrades" => release.but_automatic_upgrades = value.eq_ignore_ascii_case("yes"),
                "MD5Sum" | "SHA1" | "SHA256" | "SHA512" => break,
                _ => {}
            }
        }
        release
    }
}

/// `Mon, 23 Nov 2026 11:22:37 UTC`.
fn date(value: &str) -> Option<Timestamp> {
    let value = value.trim().trim_end_matches("UTC").trim_end_matches("GMT").trim_end_matches("+0000").trim();
    let rest = value.split_once(',').map_or(value, |(_, rest)| rest).trim();
    let time = jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S", rest).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

/// A file of packages.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub path: String,
    pub modified: Timestamp,
    pub component: String,
    /// Its entry among the sources.
    pub entry: Option<usize>,
    /// Its release among the releases.
    pub release: Option<usize>,
    pub priority: i64,
    pub count: Option<i64>,
}

/// Everything in the directory of lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub lists: Vec<List>,
    pub releases: Vec<Release>,
}

impl Lists {
    /// Looks at the directory and ties lists to `entries`.
    pub fn read(host: &Host, entries: &[Entry], facts: &mut Facts) -> Lists {
        let mut found = Lists::default();
        let names = match host.list(DIR) {
            Ok(names) => names,
            Err(error) if error.is_not_found() => return found,
            Err(error) => {
                facts.unread::<AptList>(Gap::new("the package lists", DIR, error.reason()));
                return found;
            }
        };
        let files = || names.iter().filter(|e| matches!(e.kind, Kind::File | Kind::Link));
        for entry in files() {
            let Some(stem) = entry.name.strip_suffix("InRelease").or_else(|| entry.name.strip_suffix("Release")) else {
                continue;
            };
            let inline = entry.name.ends_with("InRelease");
            if !inline && found.releases.iter().any(|r| r.stem == stem) {
                continue;
            }
            let text = match head(host, &entry.path) {
                Ok(text) => text,
                Err(error) => {
                    facts.partial::<AptList>(Gap::new("the package lists", entry.path.as_str(), error.reason()));
                    continue;
                }
            };
            found.releases.push(Release {
                path: entry.path.clone(),
                stem: stem.to_owned(),
                signed: if inline {
                    text.contains("-----BEGIN PGP SIGNED MESSAGE-----")
                } else {
                    names.iter().any(|e| e.name == format!("{stem}Release.gpg"))
                },
                ..Release::parse(&text)
            });
        }
        for file in &names {
            let Some(base) = base_name(&file.name) else { continue };
            let meta = match host.metadata(&file.path) {
                Ok(meta) if meta.kind == Kind::File => meta,
                other => {
                    let reason = other.err().map_or(Reason::Broken("it is not a file".to_owned()), |e| e.reason());
                    super::updates::partial(facts, &file.path, reason.clone());
                    facts.partial::<AptList>(Gap::new("the package lists", file.path.as_str(), reason));
                    continue;
                }
            };
            // The longest match: the stem of `x/` is also the start of the names of `x/y/`.
            let release = found.releases.iter().enumerate().filter(|(_, r)| base.starts_with(&r.stem));
            let release = release.max_by_key(|(_, r)| r.stem.len()).map(|(i, _)| i);
            let mut component = String::new();
            let entry = entries.iter().position(|e| {
                if !e.enabled || e.kind != "deb" {
                    return false;
                }
                match component_of(base, e) {
                    Some(name) => {
                        component = name;
                        true
                    }
                    None => false,
                }
            });
            let path = file.path.clone();
            let list = List { path, modified: meta.modified, component, entry, release, priority: 500, count: None };
            found.lists.push(list);
        }
        found
    }

    pub fn release_of(&self, list: &List) -> Option<&Release> {
        list.release.and_then(|i| self.releases.get(i))
    }

    pub fn is_security(&self, list: &List, entries: &[Entry]) -> bool {
        self.release_of(list).is_some_and(Release::is_security)
            || list.entry.and_then(|i| entries.get(i)).is_some_and(Entry::is_security_suite)
    }

    /// Pushes both tables.
    pub fn tell(&self, host: &Host, entries: &[Entry], facts: &mut Facts) {
        for list in &self.lists {
            let release = self.release_of(list);
            let entry = list.entry.and_then(|i| entries.get(i));
            facts.push(AptList {
                source: list.path.clone(),
                suite: entry.map(|e| e.suite.clone()),
                component: list.component.clone(),
                origin: release.and_then(|r| r.origin.clone()),
                label: release.and_then(|r| r.label.clone()),
                archive: release.and_then(|r| r.archive.clone()),
                codename: release.and_then(|r| r.codename.clone()),
                is_security: self.is_security(list, entries),
                used: entry.is_some(),
                signed: release.is_some_and(|r| r.signed),
                not_automatic: release.is_some_and(|r| r.not_automatic),
                pin_priority: list.priority,
                generated: release.and_then(|r| r.date),
                valid_until: release.and_then(|r| r.valid_until),
                modified: list.modified,
                package_count: list.count,
            });
        }
        let (source, updated) = self.last_update(host);
        let used = self.lists.iter().filter(|l| l.entry.is_some()).count();
        let list_count = i64::try_from(used).unwrap_or(0);
        facts.push(AptLastUpdate { source, updated: updated.filter(|_| list_count > 0), list_count });
    }

    /// An update cannot be older than the newest list it brought. apt's stamp file and the directory, into which an
    /// update moves what is new, may know of a later one that found nothing new.
    fn last_update(&self, host: &Host) -> (String, Option<Timestamp>) {
        const STAMP: &str = "/var/lib/apt/periodic/update-success-stamp";
        let stamps = [STAMP, DIR].into_iter().filter_map(|p| Some((p.to_owned(), host.metadata(p).ok()?.modified)));
        let dates = self.releases.iter().filter_map(|r| Some((r.path.clone(), r.date?)));
        let newest = stamps.chain(dates).filter(|(_, t)| *t <= host.now()).max_by_key(|(_, t)| *t);
        newest.map_or((DIR.to_owned(), None), |(source, time)| (source, Some(time)))
    }
}

/// The name of a packages file without the ending of a compressed one.
fn base_name(name: &str) -> Option<&str> {
    let base = [".lz4", ".gz", ".xz", ".zst", ".bz2"].into_iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name);
    base.ends_with("_Packages").then_some(base)
}

/// The component of a list that belongs to this entry.
fn component_of(base: &str, entry: &Entry) -> Option<String> {
    let stem = entry.stem();
    // Some methods put the scheme in front.
    let rest = base.strip_prefix(&stem).or_else(|| base.split_once(':')?.1.strip_prefix(&stem))?;
    if entry.is_flat() {
        return (rest == "Packages").then(String::new);
    }
    let (component, arch) = rest.rsplit_once("_binary-")?;
    if !arch.ends_with("_Packages") {
        return None;
    }
    entry.components.iter().find(|c| c.replace('/', "_") == component).cloned()
}

/// The start of a Release file: its checksums are long and not needed.
fn head(host: &Host, path: &str) -> Result<String, crate::host::ReadError> {
    let (file, _) = host.open_file(path)?;
    let mut bytes = Vec::new();
    // What cannot be read to the end is read up to there.
    let _ = file.take(16 << 10).read_to_end(&mut bytes);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_file_tells_what_it_is() {
        let text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\n\
            Suite: oldstable-security\nVersion: 12\nCodename: bookworm-security\nDate: Mon,  3 Nov 2025 01:02:03 UTC\n\
            SHA256:\n 00 0 Suite: evil\n";
        let release = Release::parse(text);
        assert!(release.is_security());
        assert_eq!(release.date.unwrap().to_string(), "2025-11-03T01:02:03Z");
        assert_eq!(release.archive.as_deref(), Some("oldstable-security"));
        assert!(!Release { label: Some("Debian".to_owned()), ..Release::default() }.is_security());
    }

    #[test]
    fn a_list_belongs_to_the_source_that_names_it() {
        let entry = Entry {
            uri: "http://deb.debian.org/debian-security".to_owned(),
            suite: "bookworm-security".to_owned(),
            components: vec!["main".to_owned(), "updates/contrib".to_owned()],
            ..Entry::default()
        };
        let stem = "deb.debian.org_debian-security_dists_bookworm-security_";
        assert_eq!(component_of(&format!("{stem}main_binary-amd64_Packages"), &entry).as_deref(), Some("main"));
        let with_slash = component_of(&format!("{stem}updates_contrib_binary-all_Packages"), &entry);
        assert_eq!(with_slash.as_deref(), Some("updates/contrib"));
        assert_eq!(component_of(&format!("{stem}non-free_binary-amd64_Packages"), &entry), None);
        assert_eq!(base_name("x_Packages.lz4"), Some("x_Packages"));
        assert_eq!(base_name("x_Translation-en"), None);
    }
}
