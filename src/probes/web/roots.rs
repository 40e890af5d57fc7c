//! The folders that web servers show: who may change them, and what lies there that is not for visitors.

use std::collections::BTreeSet;

use super::{Shown, WebRoot, WebRootFile};
use crate::{
    facts::{Facts, Gap, Reason},
    host::{Host, Kind},
    words::thousands,
};

pub(super) const ROOTS: usize = 100;
pub(super) const NAMES: usize = 20_000;
const FOLDERS: &str = "every folder that the web server shows";
const WHAT: &str = "a folder that the web server shows";

/// Looks at every folder once.
pub(super) fn push(host: &Host, shown: Vec<Shown>, facts: &mut Facts) {
    let mut seen = BTreeSet::new();
    let mut names = 0;
    let mut ended = false;
    for shown in shown {
        let path = shown.path.trim_end_matches('/').to_owned();
        // A path with variables is known only when a visitor comes.
        if path.is_empty() || path.contains('$') || !path.starts_with('/') || !seen.insert(path.clone()) {
            continue;
        }
        if seen.len() > ROOTS {
            let gap = Gap::new(FOLDERS, path, Reason::Broken(format!("there are more than {ROOTS}")));
            facts.partial::<WebRoot>(gap.clone());
            return facts.partial::<WebRootFile>(gap);
        }
        let meta = match host.metadata(&path) {
            Ok(meta) => meta,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                let gap = Gap::new(WHAT, path.as_str(), error.reason());
                facts.partial::<WebRoot>(gap.clone());
                facts.partial::<WebRootFile>(gap);
                continue;
            }
        };
        if meta.kind != Kind::Directory {
            continue;
        }
        facts.push(WebRoot {
            source: shown.source.clone(),
            line: Some(shown.line),
            path: path.clone(),
            site: shown.site.clone(),
            reach: shown.reach.clone(),
            uid: i64::from(meta.uid),
            mode: format!("{:04o}", meta.mode),
            world_writable: meta.mode & 0o002 != 0,
        });
        if !ended && let Err(reason) = folder(host, &shown, &path, &path, 0, &mut names, facts) {
            ended = true;
            facts.partial::<WebRootFile>(Gap::new("all files that the web server shows", path, reason));
        }
    }
}

/// Looks through a folder; an error says why the search ended early.
pub(super) fn folder(
    host: &Host,
    shown: &Shown,
    root: &str,
    path: &str,
    depth: usize,
    names: &mut usize,
    facts: &mut Facts,
) -> Result<(), Reason> {
    let entries = match host.list(path) {
        Ok(entries) => entries,
        Err(error) => {
            facts.partial::<WebRootFile>(Gap::new(WHAT, path, error.reason()));
            return Ok(());
        }
    };
    for entry in entries {
        *names += 1;
        if *names > NAMES {
            return Err(Reason::Broken(format!("there are more than {}", thousands(NAMES))));
        }
        if host.late() {
            return Err(Reason::TimedOut);
        }
        if let Some(kind) = kind_of(host, &entry.name, &entry.path, entry.kind) {
            let dotted =
                path.strip_prefix(root).is_some_and(|below| below.contains("/.")) || entry.name.starts_with('.');
            facts.push(WebRootFile {
                source: entry.path.clone(),
                kind: kind.to_owned(),
                root: root.to_owned(),
                reach: shown.reach.clone(),
                guarded: shown.passed_on || (dotted && shown.hides_dots),
            });
        } else if depth < 1 && entry.kind == Kind::Directory && !entry.name.starts_with('.') {
            folder(host, shown, root, &entry.path, depth + 1, names, facts)?;
        }
    }
    Ok(())
}

/// What a name seldom meant for visitors is; none for all others.
fn kind_of(host: &Host, name: &str, path: &str, kind: Kind) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if kind == Kind::Directory {
        return match name {
            ".git" if host.exists(&format!("{path}/HEAD")) => Some("git"),
            ".svn" | ".hg" => Some("svn"),
            _ => None,
        };
    }
    if kind != Kind::File {
        return None;
    }
    let ends = |all: &[&str]| all.iter().any(|e| lower.ends_with(e));
    if lower == ".env" || (lower.starts_with(".env.") && !ends(&["example", "sample", "dist", "template"])) {
        return Some("env");
    }
    if ends(&[".sql", ".sql.gz", ".sql.zip", ".sql.xz", ".sql.bz2", ".dump", ".sqlite", ".sqlite3", ".mdb"]) {
        return Some("dump");
    }
    if matches!(lower.as_str(), "id_rsa" | "id_ed25519" | "id_ecdsa" | ".pgpass" | ".my.cnf" | ".htpasswd")
        || ends(&[".key", ".p12", ".pfx", ".kdbx"])
    {
        return Some("key");
    }
    if ends(&[
        ".php.bak",
        ".php.old",
        ".php.orig",
        ".php.save",
        ".php~",
        ".php.swp",
        ".inc.bak",
        ".conf.bak",
        "config.bak",
    ]) {
        return Some("settings");
    }
    let archive = ends(&[".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip", ".7z", ".rar", ".bak"]);
    (archive && ["backup", "bak", "dump", "www", "site", "html", "db", "sql"].iter().any(|w| lower.contains(w)))
        .then_some("backup")
}
