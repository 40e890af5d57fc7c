//! Which units exist, where their files and drop-ins are, and whether links switch them on: what `systemctl
//! list-unit-files` works out, from the files alone (systemd.unit(5), "Unit File Load Path").

use std::collections::{BTreeMap, BTreeSet};

use super::unit::{self, Setting};
use crate::{
    facts::Gap,
    host::{Host, Kind},
};

/// What kind of folder a unit stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `/etc`: what the owner decided.
    Persistent,
    /// `/run`: until the next start.
    Runtime,
    /// Made by a generator at start.
    Generated,
    /// Made by a program while running.
    Transient,
    /// Came with a package.
    Vendor,
}

const DIRS: &[(&str, Place)] = &[
    ("/etc/systemd/system.control", Place::Persistent),
    ("/run/systemd/system.control", Place::Runtime),
    ("/run/systemd/transient", Place::Transient),
    ("/run/systemd/generator.early", Place::Generated),
    ("/etc/systemd/system", Place::Persistent),
    ("/etc/systemd/system.attached", Place::Persistent),
    ("/run/systemd/system", Place::Runtime),
    ("/run/systemd/system.attached", Place::Runtime),
    ("/run/systemd/generator", Place::Generated),
    ("/usr/local/lib/systemd/system", Place::Vendor),
    ("/usr/lib/systemd/system", Place::Vendor),
    ("/lib/systemd/system", Place::Vendor),
    ("/run/systemd/generator.late", Place::Generated),
];

/// Most unit files looked at.
const MOST: usize = 10_000;

#[derive(Debug, Clone)]
struct Found {
    path: String,
    place: Place,
    kind: Kind,
}

/// A link that pulls a unit in.
#[derive(Debug, Clone)]
struct Wanted {
    by: String,
    place: Place,
}

/// Everything in the load path.
#[derive(Debug, Default)]
pub(crate) struct Units {
    /// First file or link of each name.
    names: BTreeMap<String, Found>,
    /// Links in `*.wants` and the like, by the unit that they pull in.
    wanted: BTreeMap<String, Vec<Wanted>>,
    /// Other names of a unit that stand in `/etc` or `/run`, by unit.
    renamed: BTreeMap<String, Vec<Place>>,
    /// Folders of drop-ins by their name, in the order of the load path.
    folders: BTreeMap<String, Vec<String>>,
    /// What could not be listed.
    pub gaps: Vec<Gap>,
}

/// A unit as its files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its file; none when it is masked, missing or another unit's second name.
    pub path: Option<String>,
    /// As `systemctl list-unit-files` says: `enabled`, `disabled`, `masked`, `static`, …
    pub state: &'static str,
    /// What pulls it in at start.
    pub wanted_by: Vec<String>,
    /// Drop-ins in the order in which they count.
    pub dropins: Vec<String>,
    /// Settings of the file and its drop-ins.
    pub settings: Vec<Setting>,
}

impl Units {
    /// Looks through the load path.
    pub fn scan(host: &Host) -> Self {
        let mut units = Units::default();
        let mut seen = BTreeSet::new();
        for (dir, place) in DIRS {
            if !host.is_live() && dir.starts_with("/run/") {
                continue;
            }
            // /lib is often the same folder as /usr/lib.
            if host.metadata(dir).is_ok_and(|meta| !seen.insert(meta.id)) {
                continue;
            }
            let entries = match host.list(dir) {
                Ok(entries) => entries,
                Err(error) => {
                    if !error.is_not_found() {
                        units.gaps.push(Gap::new("which services there are", *dir, error.reason()));
                    }
                    continue;
                }
            };
            for entry in entries {
                if units.names.len() >= MOST {
                    break;
                }
                let folder = entry.name.rsplit_once('.').map_or("", |(_, end)| end);
                match folder {
                    "service" | "socket" | "timer" | "target" | "path" => {
                        units.name(host, &entry.name, entry.path, *place, entry.kind);
                    }
                    "wants" | "requires" | "upholds" => {
                        let by = entry.name.trim_end_matches(folder).trim_end_matches('.').to_owned();
                        for link in host.list(&entry.path).unwrap_or_default() {
                            units.wanted.entry(link.name).or_default().push(Wanted { by: by.clone(), place: *place });
                        }
                    }
                    "d" => units.folders.entry(entry.name).or_default().push(entry.path),
                    _ => {}
                }
            }
        }
        units
    }

    /// Looks only for these units: their files and drop-ins, without the links that pull them in.
    pub fn scan_only(host: &Host, wanted: &[&str]) -> Self {
        let mut units = Units::default();
        for (dir, place) in DIRS.iter().filter(|(dir, _)| host.is_live() || !dir.starts_with("/run/")) {
            for name in wanted {
                let path = format!("{dir}/{name}");
                if let Ok(meta) = host.symlink_metadata(&path) {
                    units.name(host, name, path.clone(), *place, meta.kind);
                }
                let folder = format!("{path}.d");
                if host.exists(&folder) {
                    units.folders.entry(format!("{name}.d")).or_default().push(folder);
                }
            }
        }
        units
    }

    fn name(&mut self, host: &Host, name: &str, path: String, place: Place, kind: Kind) {
        if kind == Kind::Link
            && matches!(place, Place::Persistent | Place::Runtime)
            && let Some(target) = host.read_link(&path).ok().map(|t| base(&t).to_owned())
            && target != name
            && target != "null"
        {
            self.renamed.entry(target).or_default().push(place);
        }
        self.names.entry(name.to_owned()).or_insert(Found { path, place, kind });
    }

    /// The names of one kind, such as `service`, with the instances that links switch on.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let end = format!(".{kind}");
        let mut names: BTreeSet<&String> = self.names.keys().filter(|n| n.ends_with(&end)).collect();
        names.extend(self.wanted.keys().filter(|n| n.ends_with(&end)));
        names.into_iter().cloned().collect()
    }

    /// A unit of that name. None when it is only another name of some unit.
    pub fn unit(&self, host: &Host, name: &str, gaps: &mut Vec<Gap>) -> Option<Unit> {
        let found = match self.names.get(name).or_else(|| self.names.get(&template(name)?)) {
            Some(found) => found,
            None => {
                let wanted_by = self.wanted_by(name);
                return (!wanted_by.is_empty()).then(|| Unit { state: "not-found", wanted_by, ..Unit::default() });
            }
        };
        let mut path = found.path.clone();
        let mut linked = false;
        if found.kind == Kind::Link {
            let target = host.read_link(&path).unwrap_or_default();
            if target == "/dev/null" {
                return Some(self.masked(name, found.place));
            }
            if base(&target) != base(&path) {
                return None;
            }
            linked = !DIRS.iter().any(|(dir, _)| target.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')));
            if linked && target.starts_with('/') {
                path = target;
            }
        }
        if host.metadata(&path).is_ok_and(|m| m.size == 0 && m.kind == Kind::File) {
            return Some(self.masked(name, found.place));
        }
        let mut settings = Vec::new();
        unit::read_into(host, &path, &mut settings, gaps);
        let installed =
            |keys: &[&str]| settings.iter().any(|s| s.section == "Install" && keys.contains(&s.key.as_str()));
        let default_instance = unit::last(&settings, "Install", "DefaultInstance").map(|s| s.value.as_str());
        let links = self.links(name, default_instance);
        let state = match found.place {
            Place::Generated => "generated",
            Place::Transient => "transient",
            _ if links.contains(&Place::Persistent) => "enabled",
            _ if links.contains(&Place::Runtime) || links.contains(&Place::Generated) => "enabled-runtime",
            _ if linked => "linked",
            _ if self.has_instance(name) => "indirect",
            _ if installed(&["WantedBy", "RequiredBy", "UpheldBy", "Alias"]) => "disabled",
            _ if installed(&["Also"]) => "indirect",
            _ => "static",
        };
        let dropins = self.dropins(host, name);
        for dropin in &dropins {
            unit::read_into(host, dropin, &mut settings, gaps);
        }
        Some(Unit { path: Some(path), state, wanted_by: self.wanted_by(name), dropins, settings })
    }

    fn masked(&self, name: &str, place: Place) -> Unit {
        let state = if place == Place::Runtime { "masked-runtime" } else { "masked" };
        Unit { state, wanted_by: self.wanted_by(name), ..Unit::default() }
    }

    /// Where links that switch the unit on stand. Links of a package do not: nobody can switch those off.
    fn links(&self, name: &str, default_instance: Option<&str>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut take = |name: &str| {
            places.extend(self.wanted.get(name).into_iter().flatten().map(|w| w.place));
            places.extend(self.renamed.get(name).into_iter().flatten().copied());
        };
        take(name);
        if let (Some((stem, end)), Some(instance)) = (name.split_once("@."), default_instance) {
            take(&format!("{stem}@{instance}.{end}"));
        }
        places.retain(|p| *p != Place::Vendor);
        places
    }

    /// Whether a link pulls in an instance of this template.
    fn has_instance(&self, name: &str) -> bool {
        let Some((stem, _)) = name.split_once("@.") else { return false };
        let start = format!("{stem}@");
        self.wanted.range(start.clone()..).next().is_some_and(|(n, _)| n.starts_with(&start))
    }

    fn wanted_by(&self, name: &str) -> Vec<String> {
        let by: BTreeSet<_> = self.wanted.get(name).into_iter().flatten().map(|w| w.by.clone()).collect();
        by.into_iter().collect()
    }

    /// The drop-ins of `a-b@c.service`: from `service.d`, `a-.service.d`, `a-b@.service.d` and `a-b@c.service.d`.
    fn dropins(&self, host: &Host, name: &str) -> Vec<String> {
        let Some((stem, kind)) = name.rsplit_once('.') else { return Vec::new() };
        let mut folders = Vec::new();
        let mut take = |name: String| folders.extend(self.folders.get(&name).into_iter().flatten().cloned());
        take(format!("{name}.d"));
        if let Some(template) = template(name) {
            take(format!("{template}.d"));
        }
        let prefixes: Vec<usize> = stem.match_indices('-').map(|(at, _)| at.saturating_add(1)).collect();
        for end in prefixes.into_iter().rev() {
            if let Some(prefix) = stem.get(..end).filter(|p| p.len() < stem.len()) {
                take(format!("{prefix}.{kind}.d"));
            }
        }
        take(format!("{kind}.d"));
        unit::dropins(host, &folders)
    }

    /// Where a unit's second name leads, such as `sshd.service` to `ssh.service`.
    pub fn alias_of(&self, host: &Host, name: &str) -> Option<String> {
        let found = self.names.get(name).filter(|f| f.kind == Kind::Link)?;
        let target = host.read_link(&found.path).ok()?;
        let target = base(&target);
        (target != name && target != "null").then(|| target.to_owned())
    }
}

/// `getty@.service` for `getty@tty1.service`.
fn template(name: &str) -> Option<String> {
    let (stem, rest) = name.split_once('@')?;
    let (instance, end) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{stem}@.{end}"))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether systemd is installed: then its units start services, and the old scripts count only through them.
pub(crate) fn has_systemd(host: &Host) -> bool {
    host.exists("/usr/lib/systemd/systemd") || host.exists("/lib/systemd/systemd")
}

/// Whether a unit is there and links start it with the machine.
pub(crate) fn is_on(host: &Host, units: &Units, name: &str) -> bool {
    matches!(state_of(host, units, name), Some("enabled" | "enabled-runtime"))
}

/// Whether links switch a service on, for probes of the program that it starts: `enabled`, `disabled`, `masked`, …;
/// none when there is no such unit.
pub(crate) fn state_of(host: &Host, units: &Units, name: &str) -> Option<&'static str> {
    let name = units.alias_of(host, name).unwrap_or_else(|| name.to_owned());
    units.unit(host, &name, &mut Vec::new()).map(|u| u.state).filter(|s| *s != "not-found")
}
