//! Who, besides root, could change what a service does: its files, its programs, or a folder above them.

use std::collections::{BTreeMap, BTreeSet};

use super::{commands, scan::Unit, unit};
use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::{Host, Kind},
    probes::rights::{self, People},
};

fact_table! {
    /// Files behind services that someone other than root could change; files that only root can change have no row.
    "service_files" => ServiceFile {
        /// The file that the service uses.
        source: String,
        /// Name of the service.
        service: String,
        /// What the service uses it for: `unit`, `program`, `script` or `environment`.
        role: String,
        /// User whom the service runs as.
        run_as: String,
        /// The file itself or the folder above it that can be changed.
        place: String,
        /// Who can change it: `everyone`, `group` or `owner`.
        writable_by: String,
        /// Name of that group or owner; null for everyone.
        name: Option<String>,
    }
    offline: true,
    examples: ["select service, source, place, writable_by, name from service_files where run_as = 'root'"],
}

/// Programs that run a script given as an argument.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "perl", "python", "ruby", "node", "php", "java"];

/// A file or folder that someone other than root can change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hole {
    /// Its path.
    pub place: String,
    /// `everyone`, `group` or `owner`.
    pub by: &'static str,
    /// Name of that group or owner.
    pub name: Option<String>,
}

/// Looks at files and remembers what it saw of each folder.
pub(crate) struct Guard<'h> {
    host: &'h Host,
    seen: BTreeMap<String, Vec<Hole>>,
    rows: BTreeSet<(String, String, &'static str, String, Hole)>,
    pub gaps: Vec<Gap>,
    people: Option<People>,
}

impl<'h> Guard<'h> {
    pub fn new(host: &'h Host) -> Self {
        Guard { host, seen: BTreeMap::new(), rows: BTreeSet::new(), gaps: Vec::new(), people: None }
    }

    /// Looks at all files of a service.
    pub(super) fn look(&mut self, service: &str, run_as: Option<&str>, unit: &Unit) {
        let run_as = run_as.unwrap_or("root");
        let mut files: BTreeSet<(String, &'static str)> = BTreeSet::new();
        files.extend(unit.path.iter().chain(&unit.dropins).map(|p| (p.clone(), "unit")));
        let mut elevated = BTreeSet::new();
        for (setting, exec) in commands(&unit.settings) {
            let mut mine = Vec::new();
            if exec.program.starts_with('/') {
                mine.push((exec.program.clone(), "program"));
            }
            let name = exec.program.rsplit('/').next().unwrap_or_default();
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            if INTERPRETERS.contains(&stem) {
                mine.extend(exec.args.iter().find(|a| a.starts_with('/')).map(|a| (a.clone(), "script")));
            }
            if exec.elevated || (setting.key != "ExecStart" && unit::boolean_of(&unit.settings, "PermissionsStartOnly"))
            {
                elevated.extend(mine.iter().map(|(path, _)| path.clone()));
            }
            files.extend(mine);
        }
        for setting in unit::all(&unit.settings, "Service", "EnvironmentFile") {
            let path = setting.value.trim_start_matches('-');
            if path.starts_with('/') && !path.contains(['%', '*']) {
                files.insert((path.to_owned(), "environment"));
            }
        }
        for (path, role) in files {
            if path.contains('%') {
                continue;
            }
            // Only root reads unit files and their environment, whoever the program runs as.
            let who = if role == "unit" || role == "environment" || elevated.contains(&path) { "root" } else { run_as };
            for hole in self.holes(&path) {
                self.rows.insert((service.to_owned(), path.clone(), role, who.to_owned(), hole));
            }
        }
    }

    pub(super) fn finish(self, facts: &mut Facts) {
        for (service, source, role, run_as, hole) in self.rows {
            let (place, writable_by) = (hole.place, hole.by.to_owned());
            facts.push(ServiceFile {
                source,
                service,
                role: role.to_owned(),
                run_as,
                place,
                writable_by,
                name: hole.name,
            });
        }
        for gap in self.gaps {
            facts.partial::<ServiceFile>(gap);
        }
    }

    /// Holes in a path: in itself, in the folders above it and, when it is a link, in where it leads.
    pub fn holes(&mut self, path: &str) -> Vec<Hole> {
        let mut holes = BTreeSet::new();
        let mut path = path.to_owned();
        for _ in 0..5 {
            let ends = path.match_indices('/').map(|(at, _)| at.max(1)).chain([path.len()]);
            for part in ends.filter_map(|end| path.get(..end)).map(str::to_owned).collect::<BTreeSet<_>>() {
                holes.extend(self.here(&part));
            }
            let Ok(target) = self.host.read_link(&path) else { break };
            if target.starts_with('/') {
                path = target;
            } else {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                path = rights::normal(&format!("{folder}/{target}"));
            }
        }
        holes.into_iter().collect()
    }

    fn here(&mut self, path: &str) -> Vec<Hole> {
        if let Some(holes) = self.seen.get(path) {
            return holes.clone();
        }
        let mut holes = Vec::new();
        match self.host.metadata(path) {
            Ok(meta) if matches!(meta.kind, Kind::File | Kind::Directory) => {
                // In a folder with the sticky bit nobody can replace what belongs to others.
                let sticky = meta.kind == Kind::Directory && meta.mode & 0o1000 != 0;
                let place = || path.to_owned();
                if meta.mode & 0o002 != 0 && !sticky {
                    holes.push(Hole { place: place(), by: "everyone", name: None });
                }
                if meta.mode & 0o020 != 0 && meta.gid != 0 && !sticky {
                    let name = self.name(meta.gid, true);
                    holes.push(Hole { place: place(), by: "group", name: Some(name) });
                }
                if meta.uid != 0 {
                    let name = self.name(meta.uid, false);
                    holes.push(Hole { place: place(), by: "owner", name: Some(name) });
                }
            }
            Err(error) if !error.is_not_found() && self.gaps.len() < 20 => {
                self.gaps.push(Gap::new("who may change a program of a service", path, error.reason()));
            }
            _ => {}
        }
        self.seen.insert(path.to_owned(), holes.clone());
        holes
    }

    fn name(&mut self, id: u32, group: bool) -> String {
        let host = self.host;
        let people = self.people.get_or_insert_with(|| People::read(host));
        if group { people.groups.show(id) } else { people.users.show(id) }
    }
}
