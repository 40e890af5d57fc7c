//! The places where backups usually lie.

use super::BackupFile;
use crate::{
    facts::{Facts, Gap, Reason},
    host::{Host, Kind, Metadata},
};

const PLACES: [&str; 20] = [
    "/var/backups",
    "/backup",
    "/backups",
    "/srv/backup",
    "/srv/backups",
    "/mnt/backup",
    "/mnt/backups",
    "/media/backup",
    "/opt/backup",
    "/opt/backups",
    "/home/backup",
    "/home/backups",
    "/root/backup",
    "/root/backups",
    "/data/backup",
    "/data/backups",
    "/var/backup",
    "/var/lib/autopostgresqlbackup",
    "/var/lib/automysqlbackup",
    "/var/lib/pgbackrest",
];
const DEPTH: usize = 4;
const NAMES: usize = 20_000;
const OPEN: usize = 200;

struct Walk<'a> {
    host: &'a Host,
    place: &'a str,
    system: u64,
    names: usize,
    newest: Option<(String, Metadata, bool)>,
    open: Vec<BackupFile>,
}

/// What lies in the usual places.
pub(super) fn read(host: &Host, facts: &mut Facts) -> Vec<BackupFile> {
    const WHAT: &str = "a place where backups usually lie";
    let mut found = Vec::new();
    let system = host.metadata("/").map_or(0, |m| m.id.0);
    let mut seen = std::collections::BTreeSet::new();
    for place in PLACES {
        let meta = match host.metadata(place) {
            Ok(meta) if meta.kind == Kind::Directory && seen.insert(meta.id) => meta,
            Ok(_) => continue,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                facts.partial::<BackupFile>(Gap::new(WHAT, place, error.reason()));
                continue;
            }
        };
        let parents_open = place
            .match_indices('/')
            .skip(1)
            .all(|(at, _)| place.get(..at).is_some_and(|dir| host.metadata(dir).is_ok_and(|m| m.mode & 0o001 != 0)));
        let mut walk = Walk { host, place, system, names: 0, newest: None, open: Vec::new() };
        if let Err(error) = walk.folder(place, 0, parents_open && meta.mode & 0o001 != 0) {
            facts.partial::<BackupFile>(Gap::new(WHAT, place, error.reason()));
        }
        if walk.names > NAMES || host.late() {
            facts.partial::<BackupFile>(Gap::new(WHAT, place, Reason::Broken("it holds too many files".to_owned())));
        }
        if let Some((path, meta, open)) = walk.newest.take() {
            let row = walk.row(path, &meta, open, true);
            walk.open.retain(|f| f.source != row.source);
            found.push(row);
        }
        found.append(&mut walk.open);
    }
    found
}

impl Walk<'_> {
    fn folder(&mut self, path: &str, depth: usize, open: bool) -> Result<(), crate::host::ReadError> {
        for entry in self.host.list(path)? {
            self.names += 1;
            if self.names > NAMES || self.host.late() {
                return Ok(());
            }
            let Ok(meta) = self.host.symlink_metadata(&entry.path) else { continue };
            match meta.kind {
                Kind::Directory if depth < DEPTH => {
                    // A folder further down that cannot be read hides what is in it; what lies above is still true.
                    let _ = self.folder(&entry.path, depth + 1, open && meta.mode & 0o001 != 0);
                }
                Kind::File if !(self.place == "/var/backups" && is_debians_own(&entry.name)) => {
                    let readable = open && meta.mode & 0o004 != 0;
                    if readable && kind_of(&entry.name) != "other" && self.open.len() < OPEN {
                        let row = self.row(entry.path.clone(), &meta, true, false);
                        self.open.push(row);
                    }
                    if self.newest.as_ref().is_none_or(|(_, n, _)| n.modified < meta.modified) {
                        self.newest = Some((entry.path, meta, readable));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn row(&self, path: String, meta: &Metadata, readable: bool, newest: bool) -> BackupFile {
        let name = path.rsplit('/').next().unwrap_or_default();
        BackupFile {
            place: self.place.to_owned(),
            newest,
            modified: meta.modified,
            size: i64::try_from(meta.size).unwrap_or(i64::MAX),
            mode: format!("{:04o}", meta.mode),
            kind: kind_of(name).to_owned(),
            readable_by_all: readable,
            same_disk: meta.id.0 == self.system,
            source: path,
        }
    }
}

/// Copies that Debian makes of its own lists: they bring back no data.
fn is_debians_own(name: &str) -> bool {
    [
        "dpkg.",
        "apt.",
        "alternatives.tar",
        "aptitude.pkgstates",
        "passwd.bak",
        "shadow.bak",
        "group.bak",
        "gshadow.bak",
        "infodir.bak",
        "debconf",
    ]
    .iter()
    .any(|own| name.starts_with(own))
}

fn kind_of(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    let bare = [".gz", ".xz", ".bz2", ".zst", ".zip"].iter().find_map(|e| lower.strip_suffix(e)).unwrap_or(&lower);
    if [".sql", ".dump", ".sqlite", ".sqlite3", ".pgdump", ".bson", ".rdb"].iter().any(|e| bare.ends_with(e)) {
        return "database";
    }
    let archives = [".tar", ".tgz", ".txz", ".tbz2", ".7z", ".img", ".qcow2", ".vma", ".bak", ".cpio"];
    if archives.iter().any(|e| bare.ends_with(e)) || lower.ends_with(".zip") {
        return "archive";
    }
    "other"
}
