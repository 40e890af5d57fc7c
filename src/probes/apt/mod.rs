//! apt: its settings, where it gets packages from, the lists it downloaded, the updates that wait, and whether they
//! are installed by themselves. Everything is read from files, as apt reads them; nothing is downloaded.

mod automatic;
mod config;
mod lists;
mod pins;
mod scan;
mod sources;
mod updates;

use self::{
    automatic::UnattendedUpgrades,
    config::AptConfig,
    lists::{AptLastUpdate, AptList, Lists},
    sources::AptSource,
    updates::{Updates, WithoutSource},
};
use super::{Probe, ProbeError, USUAL_LIMIT, packages};
use crate::{
    facts::{Facts, Gap, Row as _},
    host::{Host, Kind},
};

/// The probe.
pub const PROBE: Probe = Probe {
    name: "apt",
    about: "which updates are waiting and where they come from",
    tables: &[
        AptConfig::TABLE,
        AptSource::TABLE,
        AptList::TABLE,
        AptLastUpdate::TABLE,
        Updates::TABLE,
        WithoutSource::TABLE,
        UnattendedUpgrades::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

/// Whether updates come by apt.
pub(crate) fn is_here(host: &Host) -> bool {
    host.exists("/etc/apt") || host.exists("/usr/bin/apt-get")
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    if !is_here(host) {
        for table in PROBE.tables {
            facts.absent_table(table, "updates do not come by apt here".to_owned());
        }
        return Ok(());
    }
    let config = config::Config::read(host, facts);
    config.tell(facts);
    let entries = sources::read(host, facts);
    let mut lists = Lists::read(host, &entries, facts);
    let os_id = os_release(host, "ID");
    let codename = os_release(host, "VERSION_CODENAME");
    for entry in &entries {
        let stem = entry.stem();
        let release = lists.releases.iter().find(|r| r.stem == stem || r.stem.ends_with(&format!(":{stem}")));
        let downloaded = updates::downloaded(&lists, entry);
        facts.push(AptSource::new(entry, release, downloaded, &os_id));
    }
    let packages = match packages::read(host) {
        Ok(packages) => packages,
        Err(error) => {
            let gap = Gap::new("which updates are waiting", packages::STATUS, error.reason());
            facts.unread::<Updates>(gap.clone());
            facts.unread::<WithoutSource>(gap);
            Vec::new()
        }
    };
    let native = packages::native_arch(host, &packages);
    updates::run(host, &config, &entries, &mut lists, &packages, &native, facts);
    lists.tell(host, &entries, facts);
    automatic::run(host, &config, &lists, &packages, (&os_id, &codename), facts);
    Ok(())
}

/// The files of a directory that apt reads, sorted: names of letters, digits and `_.-` that `wanted` takes.
fn parts(host: &Host, dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let entries = host.list(dir).unwrap_or_default().into_iter();
    entries
        .filter(|e| matches!(e.kind, Kind::File | Kind::Link))
        .filter(|e| !e.name.starts_with('.') && e.name.chars().all(plain) && wanted(&e.name))
        .map(|e| e.path)
        .collect()
}

/// A value of os-release(5), in lower case.
fn os_release(host: &Host, key: &str) -> String {
    let text = host.read_text("/etc/os-release").or_else(|_| host.read_text("/usr/lib/os-release"));
    let text = text.unwrap_or_default();
    let value = text.lines().rev().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_default().trim_matches(|c| c == '"' || c == '\'').to_ascii_lowercase()
}

/// An address without the account in it: passwords are never kept.
fn hide_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', ' ', '"']).unwrap_or(rest.len());
    let (place, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let place = place.rsplit_once('@').map_or(place, |(_, host)| host);
    format!("{scheme}://{place}{path}")
}

#[cfg(test)]
mod tests;
