//! Which files sudo reads, in its order: includes, included folders, and what it refuses for its name, owner or mode.

use super::{
    SudoersFile,
    parse::{self, Statement},
};
use crate::{
    facts::{Gap, Reason},
    host::{Host, Kind, Metadata},
};

/// How deep files may include each other, and how many are read at all.
const DEPTH: usize = 16;
const FILES: usize = 1000;

/// A statement and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub source: String,
    pub line: i64,
    pub statement: Statement,
}

/// All statements of all files, in the order sudo reads them.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub statements: Vec<Placed>,
    pub files: Vec<SudoersFile>,
    pub gaps: Vec<Gap>,
}

impl Reader {
    /// Reads a file and all it includes.
    pub fn read(host: &Host, path: &str) -> Self {
        let mut reader = Reader::default();
        reader.file(host, path, None, 0);
        reader
    }

    fn note(
        &mut self,
        path: &str,
        by: Option<&str>,
        meta: Option<&Metadata>,
        used: bool,
        problem: Option<(&str, Option<i64>)>,
    ) {
        self.files.push(SudoersFile {
            source: path.to_owned(),
            line: problem.and_then(|(_, line)| line),
            included_by: by.map(str::to_owned),
            used,
            problem: problem.map(|(p, _)| p.to_owned()),
            mode: meta.map(|m| format!("{:04o}", m.mode)),
            uid: meta.map(|m| m.uid.into()),
        });
    }

    fn file(&mut self, host: &Host, path: &str, by: Option<&str>, depth: usize) {
        if depth > DEPTH || self.files.len() > FILES {
            return self.note(path, by, None, false, Some(("loop", None)));
        }
        let meta = host.metadata(path).ok();
        if let Some(problem) = meta.as_ref().and_then(insecure) {
            return self.note(path, by, meta.as_ref(), false, Some((problem, None)));
        }
        let text = match host.read_text(path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return self.note(path, by, None, false, Some(("missing", None))),
            Err(error) => {
                self.gaps.push(Gap::new("a part of the rules about who may act as root", path, error.reason()));
                return self.note(path, by, meta.as_ref(), false, None);
            }
        };
        let statements = parse::parse(&text);
        let broken = statements.iter().find(|(_, s)| *s == Statement::Broken).map(|(line, _)| *line);
        self.note(path, by, meta.as_ref(), true, broken.map(|line| ("syntax", Some(line))));
        for (line, statement) in statements {
            match statement {
                Statement::Include { path: wanted, dir } => {
                    let wanted = place(host, &wanted, path);
                    if dir {
                        self.folder(host, &wanted, path, depth + 1);
                    } else {
                        self.file(host, &wanted, Some(path), depth + 1);
                    }
                }
                Statement::Broken => {}
                statement => self.statements.push(Placed { source: path.to_owned(), line, statement }),
            }
        }
    }

    fn folder(&mut self, host: &Host, path: &str, by: &str, depth: usize) {
        let path = path.trim_end_matches('/');
        let Ok(meta) = host.metadata(path) else { return };
        if let Some(problem) = insecure(&meta) {
            return self.note(path, Some(by), Some(&meta), false, Some((problem, None)));
        }
        let entries = match host.list(path) {
            Ok(entries) => entries,
            Err(error) if error.is_not_found() => return,
            Err(error) => {
                let gap = Gap::new("a part of the rules about who may act as root", path, error.reason());
                return self.gaps.push(gap);
            }
        };
        for entry in entries {
            let Ok(meta) = host.metadata(&entry.path) else { continue };
            if meta.kind != Kind::File {
                continue;
            }
            if entry.name.contains('.') || entry.name.ends_with('~') {
                self.note(&entry.path, Some(by), Some(&meta), false, Some(("name", None)));
            } else {
                self.file(host, &entry.path, Some(by), depth);
            }
            if self.files.len() > FILES {
                let reason = Reason::Broken(format!("there are more than {FILES} files"));
                self.gaps.push(Gap::new("all rules about who may act as root", path, reason));
                return;
            }
        }
    }
}

/// Why sudo refuses a file or folder: it must be root's, and only root may write to it.
fn insecure(meta: &Metadata) -> Option<&'static str> {
    if meta.uid != owner() {
        Some("owner")
    } else if meta.mode & 0o002 != 0 || (meta.mode & 0o020 != 0 && meta.gid != 0) {
        Some("writable")
    } else {
        None
    }
}

/// Whose the files must be: root's. Tests cannot give files to root, so there they must be the tester's.
fn owner() -> u32 {
    if cfg!(test) { rustix::process::geteuid().as_raw() } else { 0 }
}

/// A path as an include means it: `%h` is the host's name, a relative one starts beside the including file.
fn place(host: &Host, wanted: &str, from: &str) -> String {
    let wanted = wanted.replace("%h", &hostname(host));
    if wanted.starts_with('/') {
        return wanted;
    }
    let folder = from.rfind('/').and_then(|at| from.get(..at)).unwrap_or_default();
    format!("{folder}/{wanted}")
}

/// The short name of the machine.
pub(super) fn hostname(host: &Host) -> String {
    let running = if host.is_live() { host.read_text("/proc/sys/kernel/hostname").ok() } else { None };
    let name = running.or_else(|| host.read_text("/etc/hostname").ok()).unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}
