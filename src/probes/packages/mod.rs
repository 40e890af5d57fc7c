//! The programs that Debian's package manager installed, from its own status file (or, in distroless images, the
//! files of `status.d`). It lists what is there; which of it is old is the apt probe's business.

pub(crate) mod control;
pub(crate) mod version;

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, ReadError},
};

fact_table! {
    /// One row for each Debian package that is installed, or removed with its settings left behind.
    "packages" => Package {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Package name.
        name: String,
        /// Installed version; the last one when it was removed.
        version: String,
        /// Architecture, such as `amd64` or `all`.
        arch: String,
        /// `installed`, `config-files` when only settings are left, or a step where it got stuck: `half-installed`, `unpacked`, `half-configured`, `triggers-awaited`, `triggers-pending`.
        status: String,
        /// Whether its files are there and set up; removed packages with settings left behind are not.
        is_installed: bool,
        /// Whether dpkg notes that it must be installed again.
        must_reinstall: bool,
        /// Whether an administrator holds it at its version.
        held: bool,
        /// Whether it came along as a dependency; null when apt's notes are not there.
        automatic: Option<bool>,
        /// Whether the system cannot do without it.
        essential: bool,
        /// Section of the archive, such as `net`.
        section: Option<String>,
        /// Priority, such as `required` or `optional`.
        priority: Option<String>,
        /// Name of the source package: what security notices name.
        source_package: String,
        /// Version of the source package.
        source_version: String,
        /// Bytes it takes on disk, as it says itself.
        size: Option<i64>,
        /// When its files were last installed or updated.
        installed_at: Option<Timestamp>,
    }
    offline: true,
    examples: [
        "select name, version from packages where status = 'installed' order by installed_at desc limit 20",
        "select name, size from packages where is_installed order by size desc limit 10",
        "select name from packages where is_installed and not automatic",
    ],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "packages",
    about: "which programs are installed",
    tables: &[Package::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// dpkg's record of packages.
pub(crate) const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_D: &str = "/var/lib/dpkg/status.d";
const STATES: &str = "/var/lib/apt/extended_states";
const LIMIT: u64 = 64 << 20;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let packages = match read(host) {
        Ok(packages) => packages,
        Err(error) if error.is_not_found() => {
            facts.absent::<Package>("this system does not use Debian packages");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if packages.is_empty() {
        let reason = Reason::Broken(format!("{STATUS} lists no package"));
        facts.partial::<Package>(Gap::new("which programs are installed", STATUS, reason));
    }
    let automatic = match host.read_text(STATES) {
        Ok(text) => Some(automatic(&text)),
        Err(_) => None,
    };
    for mut package in packages {
        let key = (package.name.clone(), package.arch.clone());
        package.automatic = automatic.as_ref().map(|set| set.contains(&key));
        package.installed_at = installed_at(host, &package);
        facts.push(package);
    }
    Ok(())
}

/// Every package that dpkg knows, without what only apt and the file system can tell.
pub(crate) fn read(host: &Host) -> Result<Vec<Package>, ReadError> {
    let mut packages = Vec::new();
    match host.read_bytes(STATUS, LIMIT) {
        Ok(bytes) => parse(STATUS, &String::from_utf8_lossy(&bytes), &mut packages),
        Err(error) if error.is_not_found() => {
            // Distroless images keep one file for each package.
            let entries = host.list(STATUS_D).map_err(|_| error)?;
            for entry in entries.iter().filter(|e| !e.name.ends_with(".md5sums")).take(10_000) {
                let bytes = host.read_bytes(&entry.path, 1 << 20)?;
                parse(&entry.path, &String::from_utf8_lossy(&bytes), &mut packages);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(packages)
}

/// The version of one package, when it is installed.
pub(crate) fn version_of(host: &Host, name: &str) -> Option<String> {
    let bytes = host.read_bytes(STATUS, LIMIT).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let first = format!("Package: {name}");
    let mut found = Vec::new();
    for paragraph in text.split("\n\n").filter(|p| p.lines().next() == Some(&first)) {
        parse(STATUS, paragraph, &mut found);
    }
    found.into_iter().find(|p| p.is_installed).map(|p| p.version)
}

fn parse(source: &str, text: &str, into: &mut Vec<Package>) {
    control::paragraphs(text, |fields| {
        let mut package = Package {
            source: source.to_owned(),
            line: 0,
            name: String::new(),
            version: String::new(),
            arch: String::new(),
            status: "installed".to_owned(),
            is_installed: false,
            must_reinstall: false,
            held: false,
            automatic: None,
            essential: false,
            section: None,
            priority: None,
            source_package: String::new(),
            source_version: String::new(),
            size: None,
            installed_at: None,
        };
        for field in fields {
            let value = field.value;
            match field.name {
                "Package" => {
                    package.name = value.to_owned();
                    package.line = field.line;
                }
                "Version" => package.version = value.to_owned(),
                "Architecture" => package.arch = value.to_owned(),
                "Status" => {
                    let mut words = value.split_whitespace();
                    package.held = words.next() == Some("hold");
                    package.must_reinstall = words.next().is_some_and(|flag| flag.contains("reinst"));
                    package.status = words.next().unwrap_or("unknown").to_owned();
                }
                "Essential" => package.essential = value.eq_ignore_ascii_case("yes"),
                "Section" => package.section = Some(value.to_owned()),
                "Priority" => package.priority = Some(value.to_owned()),
                "Source" => {
                    let (name, version) = value.split_once('(').unwrap_or((value, ""));
                    package.source_package = name.trim().to_owned();
                    package.source_version = version.trim_end_matches(')').trim().to_owned();
                }
                "Installed-Size" => {
                    package.size = value.parse::<i64>().ok().map(|kib| kib.saturating_mul(1024));
                }
                _ => {}
            }
        }
        // Packages that are known but were never here, or are gone without a trace.
        if package.name.is_empty() || package.status == "not-installed" {
            return;
        }
        if package.source_package.is_empty() {
            package.source_package.clone_from(&package.name);
        }
        if package.source_version.is_empty() {
            package.source_version.clone_from(&package.version);
        }
        package.is_installed = !matches!(package.status.as_str(), "config-files" | "half-installed");
        into.push(package);
    });
}

/// Packages that apt marks as automatically installed, by name and architecture.
fn automatic(text: &str) -> HashSet<(String, String)> {
    let mut set = HashSet::new();
    control::paragraphs(text, |fields| {
        if let (Some(name), Some("1")) = (control::value(fields, "Package"), control::value(fields, "Auto-Installed")) {
            // apt notes the machine's own architecture for packages of `all`.
            set.insert((name.to_owned(), control::value(fields, "Architecture").unwrap_or("all").to_owned()));
            set.insert((name.to_owned(), "all".to_owned()));
        }
    });
    set
}

/// dpkg writes the list of a package's files when it unpacks it.
fn installed_at(host: &Host, package: &Package) -> Option<Timestamp> {
    if !package.is_installed {
        return None;
    }
    let base = format!("/var/lib/dpkg/info/{}", package.name);
    let meta = host.metadata(&format!("{base}.list"));
    let meta = meta.or_else(|_| host.metadata(&format!("{base}:{}.list", package.arch)));
    meta.ok().map(|m| m.modified)
}

/// The machine's own architecture: that of dpkg itself.
pub(crate) fn native_arch(host: &Host, packages: &[Package]) -> String {
    let configured = host.read_text("/var/lib/dpkg/arch").ok();
    let first = configured.as_deref().and_then(|t| t.lines().next()).map(str::trim).filter(|a| !a.is_empty());
    let of = |name: &str| packages.iter().find(|p| p.name == name).map(|p| p.arch.as_str());
    let any = || packages.iter().map(|p| p.arch.as_str()).find(|a| *a != "all");
    first.or_else(|| of("dpkg")).or_else(|| of("libc6")).or_else(any).unwrap_or("amd64").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::{run_one, tests::tree};
    use std::collections::BTreeMap;

    fn facts(dir: &tempfile::TempDir) -> Facts {
        let host = Host::fake(dir.path(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        run_one(&PROBE, &host)
    }

    const SAMPLE: &str = "\
Package: libc6
Status: install ok installed
Priority: optional
Section: libs
Installed-Size: 12987
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: 9.9 is not a field here

Package: nginx
Status: deinstall ok config-files
Architecture: all
Version: 1.22.1-9

Package: openssl
Status: hold ok installed
Architecture: amd64
Source: openssl (3.0.15-1)
Version: 3.0.15-1+b1

Package: broken
Status: install reinstreq half-installed
Architecture: amd64
Version: 1

Package: gone
Status: purge ok not-installed
";

    #[test]
    fn removed_held_and_broken_packages_are_told_apart() {
        let dir = tree(&[
            (STATUS, SAMPLE),
            (STATES, "Package: libc6\nArchitecture: amd64\nAuto-Installed: 1\n"),
            ("/var/lib/dpkg/info/libc6:amd64.list", "/.\n"),
        ]);
        let rows = facts(&dir).rows("packages");
        let names: Vec<_> = rows.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["libc6", "nginx", "openssl", "broken"]);
        assert_eq!(rows[0]["version"], "2.36-9+deb12u10");
        assert_eq!(rows[0]["source_package"], "glibc");
        assert_eq!(rows[0]["automatic"], true);
        assert_eq!(rows[0]["line"], 1);
        assert_eq!(rows[0]["size"], 12987 * 1024);
        assert!(rows[0]["installed_at"].is_string());
        assert_eq!(rows[1]["is_installed"], false);
        assert_eq!(rows[2]["held"], true);
        assert_eq!(rows[2]["source_version"], "3.0.15-1");
        assert_eq!(rows[2]["automatic"], false);
        assert_eq!(rows[3]["must_reinstall"], true);
    }

    #[test]
    fn a_distroless_image_has_packages_too() {
        let dir = tree(&[
            ("/var/lib/dpkg/status.d/base-files", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"),
            ("/var/lib/dpkg/status.d/base-files.md5sums", "0 usr/x\n"),
        ]);
        let rows = facts(&dir).rows("packages");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["is_installed"], true);
    }

    #[test]
    fn a_system_without_dpkg_is_not_asked() {
        let state = facts(&tree(&[("/etc/os-release", "ID=alpine\n")])).state("packages");
        assert!(matches!(state, crate::facts::State::Absent(_)));
    }

    #[test]
    fn an_emptied_status_file_is_not_taken_for_a_machine_without_programs() {
        let state = facts(&tree(&[(STATUS, "\0\0junk")])).state("packages");
        assert!(matches!(state, crate::facts::State::Partial(_)));
    }
}
