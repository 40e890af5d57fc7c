//! All checks: those compiled in, and those that `/etc/cleanbill/checks` replaces or adds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

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

    /// The checks of this machine: the built-in ones, and those in [`OVERRIDE_DIR`].
    ///
    /// # Errors
    /// As [`Self::with_overrides`].
    pub fn of_this_machine() -> Result<Self, CheckError> {
        Self::with_overrides(Path::new(OVERRIDE_DIR))
    }

    /// The checks compiled in, with those of `dir` on top where that folder exists.
    ///
    /// # Errors
    /// The first mistake in a file, or a file that others than its owner may write, or put into its folder.
    pub fn with_overrides(dir: &Path) -> Result<Self, CheckError> {
        let mut catalogue = Self::builtin()?;
        let (mut files, mut places) = (Vec::new(), vec![dir.to_owned()]);
        collect(dir, &mut files, &mut places);
        files.sort();
        // Where there is nothing to read it does not matter who may write.
        places.retain(|folder| files.iter().any(|file| file.starts_with(folder)));
        for path in places.iter().chain(&files) {
            let file = crate::host::lossy(path);
            let fail = |what: String| CheckError { file: file.clone(), line: 1, what };
            let meta = std::fs::metadata(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
            if let Some(why) = crate::host::distrusted(&meta) {
                return Err(fail(why.to_owned()));
            }
        }
        for path in files {
            let file = crate::host::lossy(&path);
            let fail = |what: String| CheckError { file: file.clone(), line: 1, what };
            let text = std::fs::read_to_string(&path).map_err(|e| fail(format!("cannot be read: {e}")))?;
            let id = catalogue.add(&file, &text)?.id.clone();
            let folder = path.with_extension("d");
            if folder.is_dir()
                && path.file_stem().is_some_and(|stem| stem.to_str() == Some(id.as_str()))
                && let Some(check) = catalogue.checks.get_mut(&id)
            {
                check.folder = std::path::absolute(folder).ok();
            }
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

/// The check files in a folder, and the folders in it.
fn collect(dir: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            collect(&path, files, folders);
            folders.push(path);
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

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn checks_that_others_may_change_are_refused() {
        let (_, shipped) = CHECK_FILES.iter().find(|(file, _)| file.ends_with("ssh-root-login.toml")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("files"), dir.path().join("files/mine.toml"));
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(&file, shipped.replace("\"ssh-root-login\"", "\"mine\"")).unwrap();
        mode(&folder, 0o755);
        mode(&file, 0o644);
        assert!(Catalogue::with_overrides(dir.path()).unwrap().get("mine").is_some());
        for (place, usual, open) in [
            (file.as_path(), 0o644, [0o664, 0o646]),
            (folder.as_path(), 0o755, [0o775, 0o757]),
            (dir.path(), 0o755, [0o775, 0o1777]),
        ] {
            for open in open {
                mode(place, open);
                let refused = Catalogue::with_overrides(dir.path()).unwrap_err();
                assert_eq!(refused.file, place.to_str().unwrap());
                assert!(refused.what.contains("chmod go-w"), "{}", refused.what);
            }
            mode(place, usual);
        }
        // Nothing is read there, so nothing can be put in its place.
        fs::remove_file(&file).unwrap();
        mode(&folder, 0o777);
        assert!(Catalogue::with_overrides(dir.path()).is_ok());
    }
}
