//! All checks: those compiled in, and those that `/etc/cleanbill/checks` replaces or adds.

use std::{collections::BTreeMap, path::Path};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::{Check, CheckError};
use crate::{embedded::CHECK_FILES, probes};

/// Where a machine's own checks live.
pub const OVERRIDE_DIR: &str = "/etc/cleanbill/checks";

/// A group of checks: an area of the report.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Id, the folder's name.
    pub id: String,
    /// Name for people: `Who may come in`.
    pub title: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    group: Vec<Group>,
}

/// Checks by id, and their groups in the order of reports.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    checks: BTreeMap<String, Check>,
    groups: Vec<Group>,
}

impl Catalogue {
    /// The checks compiled in.
    ///
    /// # Errors
    /// The first mistake in a file; a test keeps the shipped ones free of them.
    pub fn builtin() -> Result<Self, CheckError> {
        let mut catalogue = Catalogue::default();
        // The groups first: folders whose names come before theirs need them too.
        const GROUPS: &str = "checks/groups.toml";
        for (file, text) in CHECK_FILES.iter().filter(|(file, _)| *file == GROUPS) {
            let groups: Groups = toml::from_str(text).map_err(|error| CheckError {
                file: (*file).to_owned(),
                line: 1,
                what: error.message().to_owned(),
            })?;
            catalogue.groups = groups.group;
        }
        for (file, text) in CHECK_FILES.iter().filter(|(file, _)| *file != GROUPS) {
            catalogue.add(file, text)?;
        }
        Ok(catalogue)
    }

    /// The checks compiled in, with those of `dir` on top where that folder exists.
    ///
    /// # Errors
    /// The first mistake in a file, or a file that others than its owner may write.
    pub fn with_overrides(dir: &Path) -> Result<Self, CheckError> {
        let mut catalogue = Self::builtin()?;
        let mut files = Vec::new();
        collect(dir, &mut files);
        files.sort();
        for path in files {
            let file = crate::host::lossy(&path);
            let fail = |what: String| CheckError { file: file.clone(), line: 1, what };
            use std::os::unix::fs::PermissionsExt as _;
            let meta = std::fs::metadata(&path).map_err(|e| fail(format!("cannot be read: {e}")))?;
            if meta.permissions().mode() & 0o022 != 0 {
                return Err(fail("others may change this file, so it is not trusted: run chmod go-w on it".to_owned()));
            }
            let text = std::fs::read_to_string(&path).map_err(|e| fail(format!("cannot be read: {e}")))?;
            catalogue.add(&file, &text)?;
        }
        Ok(catalogue)
    }

    /// Adds or replaces a check.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn add(&mut self, file: &str, text: &str) -> Result<&Check, CheckError> {
        let names = || probes::tables().map(|t| t.name).collect();
        let check = Check::parse(file, text, |name| probes::table(name).map(|(t, _)| t), names)?;
        if !self.groups.iter().any(|g| g.id == check.group) {
            let known: Vec<_> = self.groups.iter().map(|g| g.id.as_str()).collect();
            if file.starts_with("checks/") && !self.groups.is_empty() {
                let what = format!("there is no group `{}`{}", check.group, super::file::hint(&check.group, &known));
                return Err(CheckError { file: file.to_owned(), line: 1, what });
            }
            self.groups.push(Group { id: check.group.clone(), title: check.group.clone() });
        }
        let id = check.id.clone();
        Ok(self.checks.entry(id).insert_entry(check).into_mut())
    }

    /// The check of that id.
    pub fn get(&self, id: &str) -> Option<&Check> {
        self.checks.get(id)
    }

    /// All checks by id.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.values()
    }

    /// How many checks there are.
    pub fn len(&self) -> usize {
        self.checks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// The groups in the order of reports.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The name of a group for people.
    pub fn group_title<'a>(&'a self, id: &'a str) -> &'a str {
        self.groups.iter().find(|g| g.id == id).map_or(id, |g| g.title.as_str())
    }
}

fn collect(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
}

/// Which checks to ask: globs over ids and groups.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    only: Vec<GlobMatcher>,
    skip: Vec<GlobMatcher>,
}

impl Selection {
    /// From `--only` and `--skip`.
    ///
    /// # Errors
    /// A sentence about the pattern that is none, or that matches nothing.
    pub fn new(only: &[String], skip: &[String], catalogue: &Catalogue) -> Result<Self, String> {
        let compile = |patterns: &[String]| -> Result<Vec<GlobMatcher>, String> {
            patterns
                .iter()
                .map(|pattern| {
                    let glob = Glob::new(pattern).map_err(|e| format!("`{pattern}` is no pattern: {e}"))?;
                    let matcher = glob.compile_matcher();
                    let hits = |c: &Check| matcher.is_match(&c.id) || matcher.is_match(&c.group);
                    if !catalogue.checks().any(hits) {
                        let known: Vec<_> = catalogue
                            .checks()
                            .map(|c| c.id.as_str())
                            .chain(catalogue.groups().iter().map(|g| g.id.as_str()))
                            .collect();
                        return Err(format!(
                            "no check or group is called `{pattern}`{}",
                            super::file::hint(pattern, &known)
                        ));
                    }
                    Ok(matcher)
                })
                .collect()
        };
        Ok(Selection { only: compile(only)?, skip: compile(skip)? })
    }

    /// Whether to ask this check.
    pub fn wants(&self, check: &Check) -> bool {
        let hit = |m: &GlobMatcher| m.is_match(&check.id) || m.is_match(&check.group);
        (self.only.is_empty() || self.only.iter().any(hit)) && !self.skip.iter().any(hit)
    }

    /// Whether every check is asked.
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }
}
