//! Whether updates install themselves: unattended-upgrades, the periodic settings and the timer that starts it, and
//! whether what it may install includes security updates. Derived from files; the timer's next run is not asked.

use globset::GlobBuilder;
use jiff::Timestamp;

use super::{
    config::{Config, Setting},
    lists::{Lists, Release},
};
use crate::{
    fact_table,
    facts::Facts,
    host::{Host, Kind},
    probes::{machine, packages::Package, services::scan::has_systemd},
};

fact_table! {
    /// Whether updates install themselves, one row.
    "unattended_upgrades" => UnattendedUpgrades {
        /// File that turns it on or off.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// Whether the program unattended-upgrades is installed.
        installed: bool,
        /// Whether package lists are downloaded regularly (`APT::Periodic::Update-Package-Lists`).
        downloads_lists: bool,
        /// Whether it is told to install updates regularly (`APT::Periodic::Unattended-Upgrade`).
        enabled: bool,
        /// Whether the timers that start both are on; null when nothing tells.
        timers_enabled: Option<bool>,
        /// Whether the origins it may install from include this system's security updates.
        covers_security: bool,
        /// Whether it also installs updates that are no security updates.
        covers_everything: bool,
        /// Names of packages that it must not touch.
        excluded: Option<String>,
        /// Whether it restarts the machine by itself when an update needs that.
        restarts: bool,
        /// When it last ran; null when it never did.
        last_run: Option<Timestamp>,
        /// Another program that installs updates by itself, such as `cron-apt`; null when there is none.
        other_program: Option<String>,
        /// Whether security updates install themselves, all things considered.
        works: bool,
    }
    offline: true,
    examples: ["select works, installed, enabled, timers_enabled, covers_security, last_run from unattended_upgrades"],
}

pub(super) fn run(
    host: &Host,
    config: &Config,
    lists: &Lists,
    packages: &[Package],
    (os_id, codename): (&str, &str),
    facts: &mut Facts,
) {
    // A container of one program is updated by making it anew; one that boots like a machine updates itself.
    if host.is_live() && machine::has_init(host) == Some(false) {
        facts.absent::<UnattendedUpgrades>("nothing here starts jobs by itself");
        return;
    }
    const ENABLED: &str = "APT::Periodic::Unattended-Upgrade";
    let has = |name: &str| packages.iter().any(|p| p.name == name && p.is_installed);
    let installed = has("unattended-upgrades");
    let periodic = config.on("APT::Periodic::Enable") != Some(false);
    let downloads_lists = periodic && interval(config.get("APT::Periodic::Update-Package-Lists"));
    let enabled = periodic && interval(config.get(ENABLED));
    let patterns = patterns(config, os_id, codename);
    let covers = |release: &Release| patterns.iter().any(|p| pattern_fits(p, release));
    let own = |r: &&Release| r.origin.as_deref().is_some_and(|o| o.eq_ignore_ascii_case(os_id));
    let security: Vec<&Release> = lists.releases.iter().filter(|r| r.is_security()).filter(own).collect();
    let covers_security = match security.as_slice() {
        [] => covers(&usual_security(os_id, codename)),
        real => real.iter().all(|r| covers(r)),
    };
    let mut rest = lists.releases.iter().filter(|r| !r.is_security() && !r.not_automatic).peekable();
    let covers_everything = rest.peek().is_some() && rest.all(covers);
    let excluded: Vec<&str> =
        config.list("Unattended-Upgrade::Package-Blacklist").iter().map(|s| s.value.as_str()).collect();
    let last = ["unattended-upgrades-stamp", "upgrade-stamp"].into_iter();
    let last = last.filter_map(|n| host.metadata(&format!("/var/lib/apt/periodic/{n}")).ok()).map(|m| m.modified);
    let timers_enabled = timers(host);
    let by = config.setting("APT::Periodic::Enable").filter(|_| !periodic).or_else(|| config.setting(ENABLED));
    facts.push(UnattendedUpgrades {
        source: by.map_or_else(|| "/etc/apt/apt.conf.d".to_owned(), |s: &Setting| s.source.clone()),
        line: by.map(|s| s.line),
        installed,
        downloads_lists,
        enabled,
        timers_enabled,
        covers_security,
        covers_everything,
        excluded: (!excluded.is_empty()).then(|| excluded.join(" ")),
        restarts: config.on("Unattended-Upgrade::Automatic-Reboot") == Some(true),
        last_run: last.max(),
        other_program: ["cron-apt", "yum-cron", "unattended-upgrades-all"]
            .into_iter()
            .find(|n| has(n))
            .map(str::to_owned),
        works: installed && downloads_lists && enabled && timers_enabled != Some(false) && covers_security,
    });
}

/// `1`, `7d`, `always`: anything but nothing and zero.
fn interval(value: Option<&str>) -> bool {
    let Some(value) = value else { return false };
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    value == "always" || number.parse::<u64>().is_ok_and(|n| n > 0)
}

/// Both timers are on and not masked; on a system without systemd, cron starts the same script.
fn timers(host: &Host) -> Option<bool> {
    if !has_systemd(host) {
        return host.exists("/etc/cron.daily").then(|| host.exists("/etc/cron.daily/apt-compat"));
    }
    let on = |unit: &str| {
        let own = format!("/etc/systemd/system/{unit}");
        let masked = matches!(host.symlink_metadata(&own), Ok(m) if m.kind == Kind::Link)
            && host.read_link(&own).is_ok_and(|target| target == "/dev/null");
        let wanted = format!("/etc/systemd/system/timers.target.wants/{unit}");
        !masked && host.symlink_metadata(&wanted).is_ok()
    };
    Some(on("apt-daily.timer") && on("apt-daily-upgrade.timer"))
}

/// What it may install from, as terms of key and pattern.
fn patterns(config: &Config, os_id: &str, codename: &str) -> Vec<Vec<(String, String)>> {
    let name = match os_id {
        "debian" => "Debian".to_owned(),
        "ubuntu" => "Ubuntu".to_owned(),
        other => other.to_owned(),
    };
    let fill = |s: &str| s.replace("${distro_id}", &name).replace("${distro_codename}", codename);
    let mut all = Vec::new();
    for item in config.list("Unattended-Upgrade::Origins-Pattern") {
        let terms = fill(&item.value);
        let terms = terms.split(',').filter_map(|t| t.split_once('='));
        all.push(terms.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())).collect::<Vec<_>>());
    }
    for item in config.list("Unattended-Upgrade::Allowed-Origins") {
        let terms = fill(&item.value);
        let split = terms.split_once(':').or_else(|| terms.split_once(char::is_whitespace));
        if let Some((origin, archive)) = split {
            all.push(vec![("o".to_owned(), origin.trim().to_owned()), ("a".to_owned(), archive.trim().to_owned())]);
        }
    }
    all.retain(|terms| !terms.is_empty());
    all
}

fn pattern_fits(terms: &[(String, String)], release: &Release) -> bool {
    terms.iter().all(|(key, pattern)| {
        let value = match key.as_str() {
            "o" | "origin" => &release.origin,
            "l" | "label" => &release.label,
            "a" | "suite" | "archive" => &release.archive,
            "n" | "codename" => &release.codename,
            // Every server and component is as good as another for this question.
            "c" | "component" | "site" => return true,
            _ => return false,
        };
        let value = value.as_deref().unwrap_or_default();
        GlobBuilder::new(pattern).build().is_ok_and(|g| g.compile_matcher().is_match(value))
    })
}

/// What the security suite says of itself when its list is not here.
fn usual_security(os_id: &str, codename: &str) -> Release {
    let suite = Some(format!("{codename}-security"));
    match os_id {
        "ubuntu" => Release {
            origin: Some("Ubuntu".to_owned()),
            label: Some("Ubuntu".to_owned()),
            archive: suite,
            codename: Some(codename.to_owned()),
            ..Release::default()
        },
        _ => Release {
            origin: Some("Debian".to_owned()),
            label: Some("Debian-Security".to_owned()),
            archive: Some("stable-security".to_owned()),
            codename: suite,
            ..Release::default()
        },
    }
}
