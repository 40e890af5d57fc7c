//! Which installed packages have a newer version waiting, and which of these close security holes: apt's own
//! choice, computed from the lists it downloaded. What apt would hold back because of dependencies is not foreseen.

use std::{
    cmp::Ordering,
    collections::HashMap,
    io::{BufRead, BufReader, Read},
};

use lz4_flex::frame::FrameDecoder;

use super::{
    config::Config,
    lists::{self, List, Lists},
    pins::Pins,
    scan::{Offer, scan},
    sources::Entry,
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _, State},
    host::{Command, Host},
    probes::packages::{Package, version::compare},
};

fact_table! {
    /// One row for each installed package that has a newer version waiting.
    "updates" => Updates {
        /// Package list that offers it.
        source: String,
        /// Package name.
        name: String,
        /// Architecture.
        arch: String,
        /// Version that is installed.
        installed: String,
        /// Version that apt would install.
        candidate: String,
        /// Suite that offers it, as the source entry names it.
        suite: String,
        /// `Origin` of that repository, such as `Debian`.
        origin: Option<String>,
        /// Whether it closes security holes: a version newer than the installed one comes from a security suite.
        is_security: bool,
        /// Whether an administrator holds the package, so that it will not be updated.
        held: bool,
        /// How many machines get it so far, in percent, when it is handed out in steps; null when all do.
        phased: Option<i64>,
        /// Name of the source package: what security notices name.
        source_package: String,
    }
    offline: true,
    examples: [
        "select name, installed, candidate from updates where is_security and not held",
        "select source_package, count(*) as packages from updates group by source_package order by packages desc",
    ],
}

fact_table! {
    /// One row for each installed package that no downloaded list offers in any version: installed by hand, or its source is gone.
    "packages_without_source" => WithoutSource {
        /// File that says it is installed.
        source: String,
        /// Line in that file.
        line: i64,
        /// Package name.
        name: String,
        /// Installed version.
        version: String,
        /// Architecture.
        arch: String,
    }
    offline: true,
    examples: ["select name, version from packages_without_source"],
}

const WHAT: &str = "every update that is waiting";

/// Reads the lists and pushes both tables.
pub(super) fn run(
    host: &Host,
    config: &Config,
    entries: &[Entry],
    lists: &mut Lists,
    packages: &[Package],
    native: &str,
    facts: &mut Facts,
) {
    let pins = Pins::read(host, config, facts);
    for index in 0..lists.lists.len() {
        let Some(list) = lists.lists.get(index) else { continue };
        let server = list.entry.and_then(|i| entries.get(i)).and_then(Entry::host);
        let priority = pins.of_list(lists.release_of(list), server, &list.component);
        if let Some(list) = lists.lists.get_mut(index) {
            list.priority = priority;
        }
    }
    let wanted = entries.iter().filter(|e| e.enabled && e.kind == "deb" && e.scheme() != "cdrom");
    if wanted.clone().next().is_none() {
        unread(facts, "/etc/apt/sources.list", "no source of updates is set up");
        return;
    }
    if lists.lists.iter().all(|l| l.entry.is_none()) {
        unread(facts, lists::DIR, "no list of updates has been downloaded: apt-get update would do that");
        return;
    }
    for entry in wanted {
        let there = downloaded(lists, entry);
        if !there {
            let reason = Reason::Broken(format!("the list of {} has not been downloaded", entry.suite));
            partial(facts, &entry.source, reason);
        }
    }
    let mut installed: HashMap<&[u8], Vec<usize>> = HashMap::with_capacity(packages.len());
    for (index, package) in packages.iter().enumerate().filter(|(_, p)| p.is_installed) {
        installed.entry(package.name.as_bytes()).or_default().push(index);
    }
    let mut offers: Vec<Vec<(usize, Offer)>> = vec![Vec::new(); packages.len()];
    for index in 0..lists.lists.len() {
        let Some(list) = lists.lists.get(index).filter(|l| l.entry.is_some()) else { continue };
        let mut keep = |offer: Offer| {
            let Some(package) = packages.get(offer.package) else { return };
            let same = |a: &str, b: &str| a == b || (a == "all" && b == native);
            let fits = same(&offer.arch, &package.arch) || same(&package.arch, &offer.arch);
            if fits && let Some(of) = offers.get_mut(offer.package) {
                of.push((index, offer));
            }
        };
        match read_list(host, list, &installed, &mut keep) {
            Ok(count) => {
                if let Some(list) = lists.lists.get_mut(index) {
                    list.count = i64::try_from(count).ok();
                }
            }
            Err(reason) => partial(facts, &list.path.clone(), reason),
        }
    }
    // That no list offers a package says nothing while a list is missing.
    let whole = !matches!(facts.state(WithoutSource::TABLE.name), State::Partial(_));
    for (package, offers) in packages.iter().zip(&offers).filter(|(p, _)| p.is_installed) {
        if offers.is_empty() {
            if !whole {
                continue;
            }
            facts.push(WithoutSource {
                source: package.source.clone(),
                line: package.line,
                name: package.name.clone(),
                version: package.version.clone(),
                arch: package.arch.clone(),
            });
        } else if let Some(row) = candidate(package, offers, lists, entries, &pins) {
            facts.push(row);
        }
    }
}

/// Whether a list, or at least a release file (a component may be empty), of this entry is there.
pub(super) fn downloaded(lists: &Lists, entry: &Entry) -> bool {
    let stem = entry.stem();
    lists.releases.iter().any(|r| r.stem == stem || r.stem.ends_with(&format!(":{stem}")))
        || lists.lists.iter().any(|l| l.path.rsplit('/').next().is_some_and(|n| n.starts_with(&stem)))
}

fn unread(facts: &mut Facts, source: &str, why: &str) {
    let gap = Gap::new("which updates are waiting", source, Reason::Broken(why.to_owned()));
    facts.unread::<Updates>(gap.clone());
    facts.unread::<WithoutSource>(gap);
}

pub(super) fn partial(facts: &mut Facts, source: &str, reason: Reason) {
    let gap = Gap::new(WHAT, source, reason);
    facts.partial::<Updates>(gap.clone());
    facts.partial::<WithoutSource>(gap);
}

fn read_list(
    host: &Host,
    list: &List,
    installed: &HashMap<&[u8], Vec<usize>>,
    keep: &mut impl FnMut(Offer),
) -> Result<u64, Reason> {
    let broken = |error: std::io::Error| Reason::Broken(format!("it cannot be read: {error}"));
    let packed = [".gz", ".xz", ".zst", ".bz2"].into_iter().any(|e| list.path.ends_with(e));
    if packed {
        // apt can read whatever it wrote.
        let helper = Command::new(&["/usr/lib/apt/apt-helper"]).args(["cat-file", &list.path]).max_output(256 << 20);
        let text = host.run(&helper).and_then(|o| o.success("apt-helper")).map_err(|e| e.reason())?;
        return scan(text.as_bytes(), installed, keep).map_err(broken);
    }
    let (file, size) = host.open_file(&list.path).map_err(|e| e.reason())?;
    if list.path.ends_with(".lz4") {
        // A packed list has a head even when it lists nothing; without a byte it is one cut off.
        if size == 0 {
            return Err(Reason::Broken("it is empty".to_owned()));
        }
        let frames = Frames(FrameDecoder::new(BufReader::with_capacity(128 << 10, file)));
        return scan(frames, installed, keep).map_err(broken);
    }
    scan(file, installed, keep).map_err(broken)
}

/// All frames of a packed file, one behind the other: the decoder alone says after each that it is at the end.
struct Frames<R: BufRead>(FrameDecoder<R>);

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.0.read(into)?;
            if read > 0 || into.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(read);
            }
        }
    }
}

/// A version that apt could choose.
struct Version<'a> {
    number: &'a str,
    /// The best of the lists that offer it.
    priority: i64,
    list: Option<usize>,
    phased: Option<i64>,
    /// The record of preferences that names the package: its place and priority.
    pin: Option<(usize, i64)>,
}

/// apt's choice (pkgPolicy::GetCandidateVer): of the versions from new to old the first of the highest priority;
/// one that is older than the installed needs 1000.
fn candidate(
    package: &Package,
    offers: &[(usize, Offer)],
    lists: &Lists,
    entries: &[Entry],
    pins: &Pins,
) -> Option<Updates> {
    if offers.iter().all(|(_, o)| o.version == package.version) && !pins.any_special() {
        return None;
    }
    let place = |index: usize| {
        let list = lists.lists.get(index)?;
        let entry = entries.get(list.entry?)?;
        Some((list, entry, lists.release_of(list)))
    };
    // The installed version has priority 100 from dpkg's own record, or more from a list that still offers it.
    let own = pins.of_version(package, &package.version, None, None, "");
    let mut versions = vec![Version { number: &package.version, priority: 100, list: None, phased: None, pin: own }];
    for (index, offer) in offers {
        let Some((list, entry, release)) = place(*index) else { continue };
        let pin = pins.of_version(package, &offer.version, release, entry.host(), &list.component);
        let number = offer.version.as_str();
        match versions.iter_mut().find(|v| compare(v.number, number) == Ordering::Equal) {
            Some(known) => {
                if list.priority > known.priority || known.list.is_none() {
                    known.list = Some(*index);
                }
                known.priority = known.priority.max(list.priority);
                // The record that comes first in the files counts.
                known.pin = [known.pin, pin].into_iter().flatten().min_by_key(|(order, _)| *order);
            }
            None => {
                let (priority, list) = (list.priority, Some(*index));
                versions.push(Version { number, priority, list, phased: offer.phased, pin });
            }
        }
    }
    versions.sort_by(|a, b| compare(b.number, a.number));
    let mut best: Option<(&Version<'_>, i64)> = None;
    for version in &versions {
        let priority = version.pin.map_or(version.priority, |(_, priority)| priority);
        let older = compare(version.number, &package.version) == Ordering::Less;
        if priority == 0 || priority <= best.map_or(-1, |b| b.1) || (older && priority < 1000) {
            continue;
        }
        best = Some((version, priority));
    }
    let Version { number, list: index, phased, .. } = best?.0;
    if compare(number, &package.version) != Ordering::Greater {
        return None;
    }
    let (list, entry, release) = place((*index)?)?;
    // A point release takes over what the security suite had first: any step from a security suite counts.
    let is_security = offers.iter().any(|(index, offer)| {
        compare(&offer.version, &package.version) == Ordering::Greater
            && compare(&offer.version, number) != Ordering::Greater
            && place(*index).is_some_and(|(list, ..)| list.priority > 0 && lists.is_security(list, entries))
    });
    Some(Updates {
        source: list.path.clone(),
        name: package.name.clone(),
        arch: package.arch.clone(),
        installed: package.version.clone(),
        candidate: (*number).to_owned(),
        suite: entry.suite.clone(),
        origin: release.and_then(|r| r.origin.clone()),
        is_security,
        held: package.held,
        phased: *phased,
        source_package: package.source_package.clone(),
    })
}
