//! How long this release of the system gets security updates. The dates are those of Debian's distro-info-data
//! 0.58 (debian.csv, ubuntu.csv); a release newer than this program is looked up in the machine's own copy.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Row as _},
    host::Host,
};

fact_table! {
    /// How long the installed release is supported, one row; none when nobody publishes an end for it.
    "os_release_support" => OsReleaseSupport {
        /// File that names the release.
        source: String,
        /// `ID` of os-release: `debian` or `ubuntu`.
        os_id: String,
        /// Version, such as `12` or `24.04`.
        version: String,
        /// Code name, such as `bookworm`.
        codename: String,
        /// Whether it is a release with long support: all of Debian, every second year's of Ubuntu.
        long_term: bool,
        /// When the makers stop closing security holes.
        security_until: Timestamp,
        /// Until when holes are still closed in part: for Debian by the LTS team in the usual places, for Ubuntu by ESM.
        extended_until: Option<Timestamp>,
        /// Whether that extended time is free and needs nothing to be set up.
        extended_is_free: bool,
        /// Whether the source of the extended updates is set up; always so when it needs nothing.
        extended_is_on: bool,
        /// Code name of the release that comes next, if it is out.
        next_codename: Option<String>,
        /// Version of the release that comes next, if it is out.
        next_version: Option<String>,
    }
    offline: true,
    examples: ["select codename, security_until, extended_until from os_release_support"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "release",
    about: "how long this system is supported",
    tables: &[OsReleaseSupport::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Version, code name, release, end of security support, end of extended support.
type Known = (&'static str, &'static str, &'static str, &'static str, &'static str);

const DEBIAN: &[Known] = &[
    ("8", "jessie", "2015-04-26", "2018-06-17", "2020-06-30"),
    ("9", "stretch", "2017-06-17", "2020-07-18", "2022-06-30"),
    ("10", "buster", "2019-07-06", "2022-09-10", "2024-06-30"),
    ("11", "bullseye", "2021-08-14", "2024-08-14", "2026-08-31"),
    ("12", "bookworm", "2023-06-10", "2026-07-11", "2028-06-30"),
    ("13", "trixie", "2025-08-09", "2028-08-09", "2030-06-30"),
];

const UBUNTU: &[Known] = &[
    ("16.04", "xenial", "2016-04-21", "2021-04-30", "2026-04-23"),
    ("18.04", "bionic", "2018-04-26", "2023-05-31", "2028-04-26"),
    ("20.04", "focal", "2020-04-23", "2025-05-29", "2030-04-23"),
    ("20.10", "groovy", "2020-10-22", "2021-07-22", ""),
    ("21.04", "hirsute", "2021-04-22", "2022-01-20", ""),
    ("21.10", "impish", "2021-10-14", "2022-07-14", ""),
    ("22.04", "jammy", "2022-04-21", "2027-06-01", "2032-04-21"),
    ("22.10", "kinetic", "2022-10-20", "2023-07-20", ""),
    ("23.04", "lunar", "2023-04-20", "2024-01-25", ""),
    ("23.10", "mantic", "2023-10-12", "2024-07-11", ""),
    ("24.04", "noble", "2024-04-25", "2029-05-31", "2034-04-25"),
    ("24.10", "oracular", "2024-10-10", "2025-07-10", ""),
    ("25.04", "plucky", "2025-04-17", "2026-01-15", ""),
    ("25.10", "questing", "2025-10-09", "2026-07-09", ""),
    ("26.04", "resolute", "2026-04-23", "2031-05-29", "2036-04-23"),
];

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Release {
    version: String,
    codename: String,
    released: Timestamp,
    security_until: Timestamp,
    extended_until: Option<Timestamp>,
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let (source, text) = match host.read_text("/etc/os-release") {
        Ok(text) => ("/etc/os-release", text),
        Err(_) => ("/usr/lib/os-release", host.read_text("/usr/lib/os-release").unwrap_or_default()),
    };
    let field = |key: &str| {
        let line = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
        line.map(|v| v.trim_matches(|c| c == '"' || c == '\'').to_ascii_lowercase()).filter(|v| !v.is_empty())
    };
    let os_id = field("ID").unwrap_or_default();
    let known = match os_id.as_str() {
        "debian" => DEBIAN,
        "ubuntu" => UBUNTU,
        _ => {
            facts.absent::<OsReleaseSupport>("the end of support is only known for Debian and Ubuntu");
            return Ok(());
        }
    };
    let Some(version) = field("VERSION_ID") else {
        facts.absent::<OsReleaseSupport>("this is a rolling release without an end");
        return Ok(());
    };
    let mut releases: Vec<Release> = known.iter().filter_map(builtin).collect();
    for release in own_data(host, &os_id) {
        if !releases.iter().any(|r| r.version == release.version) {
            releases.push(release);
        }
    }
    let Some(this) = releases.iter().find(|r| r.version == version) else {
        facts.absent::<OsReleaseSupport>("nothing here tells how long this release is supported");
        return Ok(());
    };
    let next = releases.iter().filter(|r| r.released > this.released && r.released <= host.now());
    let next = next.filter(|r| os_id == "debian" || r.extended_until.is_some()).min_by_key(|r| r.released);
    let extended_is_free = os_id == "debian" && this.extended_until.is_some();
    facts.push(OsReleaseSupport {
        source: source.to_owned(),
        codename: this.codename.clone(),
        long_term: this.extended_until.is_some(),
        security_until: this.security_until,
        extended_until: this.extended_until,
        extended_is_free,
        extended_is_on: extended_is_free || (this.extended_until.is_some() && esm(host)),
        next_codename: next.map(|r| r.codename.clone()),
        next_version: next.map(|r| r.version.clone()),
        os_id,
        version,
    });
    Ok(())
}

/// The end of that day.
fn end_of(day: &str) -> Option<Timestamp> {
    let date: Date = day.trim().parse().ok()?;
    TimeZone::UTC.to_timestamp(date.at(23, 59, 59, 0)).ok()
}

fn builtin((version, codename, released, security, extended): &Known) -> Option<Release> {
    Some(Release {
        version: (*version).to_owned(),
        codename: (*codename).to_owned(),
        released: end_of(released)?,
        security_until: end_of(security)?,
        extended_until: end_of(extended),
    })
}

/// Releases from the package distro-info-data, where it is installed.
fn own_data(host: &Host, os_id: &str) -> Vec<Release> {
    let text = host.read_text(&format!("/usr/share/distro-info/{os_id}.csv")).unwrap_or_default();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| head.iter().position(|h| *h == name);
    let extended = column(if os_id == "debian" { "eol-lts" } else { "eol-esm" });
    lines
        .take(500)
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |i: Option<usize>| i.and_then(|i| cells.get(i)).copied().unwrap_or_default();
            Some(Release {
                version: cell(column("version")).split_whitespace().next()?.to_owned(),
                codename: cell(column("series")).to_owned(),
                released: end_of(cell(column("release")))?,
                security_until: end_of(cell(column("eol")))?,
                extended_until: end_of(cell(extended)),
            })
        })
        .collect()
}

/// Whether Ubuntu's extended updates are among the sources.
fn esm(host: &Host) -> bool {
    let Ok(files) = host.list("/etc/apt/sources.list.d") else { return false };
    files
        .iter()
        .filter(|e| e.name.contains("esm"))
        .filter_map(|e| host.read_text(&e.path).ok())
        .any(|text| text.lines().any(|l| !l.trim_start().starts_with('#') && l.contains("esm.ubuntu.com")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, fs};

    fn facts(os_release: &str, csv: Option<&str>, now: &str) -> Facts {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/os-release"), os_release).unwrap();
        if let Some(csv) = csv {
            fs::create_dir_all(dir.path().join("usr/share/distro-info")).unwrap();
            fs::write(dir.path().join("usr/share/distro-info/debian.csv"), csv).unwrap();
        }
        let host = Host::fake(dir.path(), now.parse().unwrap(), BTreeMap::new()).unwrap();
        super::super::run_one(&PROBE, &host)
    }

    #[test]
    fn bookworm_has_its_two_ends_and_a_successor() {
        let facts = facts("ID=debian\nVERSION_ID=\"12\"\n", None, "2026-01-15T12:00:00Z");
        let rows = facts.rows("os_release_support");
        assert_eq!(rows[0]["security_until"], "2026-07-11T23:59:59Z");
        assert_eq!(rows[0]["extended_until"], "2028-06-30T23:59:59Z");
        assert_eq!(rows[0]["next_codename"], "trixie");
        assert_eq!(rows[0]["extended_is_on"], true);
    }

    #[test]
    fn a_release_after_this_program_is_found_in_the_systems_own_data() {
        let csv = "version,codename,series,created,release,eol,eol-lts,eol-elts\n\
            14,Forky,forky,2025-08-09,2027-07-01,2030-07-01,2032-06-30,\n\
            12,Bookworm,bookworm,2021-08-14,2023-06-10,2020-01-01,2020-01-01,\n,Sid,sid,1993-08-16\n";
        let rows = facts("ID=debian\nVERSION_ID=14\n", Some(csv), "2028-01-01T00:00:00Z").rows("os_release_support");
        assert_eq!(rows[0]["codename"], "forky");
        let rows = facts("ID=debian\nVERSION_ID=12\n", Some(csv), "2026-01-15T12:00:00Z").rows("os_release_support");
        assert_eq!(rows[0]["security_until"], "2026-07-11T23:59:59Z");
    }

    #[test]
    fn sid_and_strangers_have_no_end() {
        for text in ["ID=debian\n", "ID=arch\nVERSION_ID=1\n", "", "ID=debian\nVERSION_ID=99\n"] {
            let state = facts(text, None, "2026-01-15T12:00:00Z").state("os_release_support");
            assert!(matches!(state, crate::facts::State::Absent(_)), "{text}");
        }
    }

    #[test]
    fn every_date_in_the_program_is_a_date() {
        for known in DEBIAN.iter().chain(UBUNTU) {
            let release = builtin(known).unwrap();
            assert!(release.released < release.security_until);
            assert!(known.4.is_empty() || release.extended_until > Some(release.security_until));
        }
    }
}
