//! Whether the history is whole. Nothing is changed, an older schema stays as it is.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{Store, StoreError, at_db, known_version, load::time},
    BackupFile, CareError, damage_of, folder_of, foreign, wal_size,
    worker::Worker,
};
use crate::words;

/// How a history is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Health {
    /// The file.
    pub file: PathBuf,
    /// Whether nothing is wrong.
    pub fine: bool,
    /// What is wrong.
    pub problems: Vec<Trouble>,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes beside it (`.wal`) that the next use takes in; none when there are none.
    pub waiting: Option<u64>,
    /// Its schema version; none when it could not be read.
    pub schema: Option<i64>,
    /// The newest schema version that this program knows.
    pub newest_schema: i64,
    /// Audits in it.
    pub audits: u64,
    /// Machines that they are of.
    pub machines: u64,
    /// When the first of them began.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// When the last of them began.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Runs of fixes in it.
    pub fix_runs: u64,
    /// Tables that were read to the last row.
    pub tables: u64,
    /// Rows that were read.
    pub rows: u64,
    /// The newest backup beside it.
    pub backup: Option<BackupFile>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trouble {
    /// What, in a sentence.
    pub what: String,
    /// What to do.
    pub hint: String,
    /// Who puts it right.
    pub remedy: Remedy,
}

/// Who puts right what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// `store repair`, which saves what can be saved into a new file.
    Repair,
    /// `store repair`, which closes the file to others.
    Close,
    /// A person.
    ByHand,
}

impl Store {
    /// Reads the whole history and says whether it is whole.
    ///
    /// # Errors
    /// When there is none, a newer program wrote it, or it could not be looked at.
    pub fn check(&self) -> Result<Health, CareError> {
        let path = self.path();
        let meta = fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => self.missing(),
            _ => StoreError::Denied { path: path.to_owned(), said: e.to_string() },
        })?;
        if !meta.is_file() {
            return Err(StoreError::Denied { path: path.to_owned(), said: "it is no file".to_owned() }.into());
        }
        let mut health = Health {
            file: path.to_owned(),
            fine: true,
            problems: rights(path, &meta),
            size: meta.len(),
            waiting: wal_size(path).filter(|n| *n > 0),
            schema: None,
            newest_schema: known_version(),
            audits: 0,
            machines: 0,
            since: None,
            last: None,
            fix_runs: 0,
            tables: 0,
            rows: 0,
            backup: self.backups(&self.backup_folder()).into_iter().next(),
        };
        let repair = format!("Save what can be saved with: cleanbill store repair{}", at_db(path));
        let mut trouble = |what: String| {
            health.problems.push(Trouble { what, hint: repair.clone(), remedy: Remedy::Repair });
        };
        match Worker::read(path, true) {
            Ok(reading) => {
                if !reading.is_history {
                    let said = "it holds no audits".to_owned();
                    return Err(StoreError::Damaged { path: path.to_owned(), said }.into());
                }
                for table in reading.tables.iter().filter(|t| t.error.is_some()) {
                    let why = table.error.as_deref().unwrap_or_default();
                    trouble(format!("the table {} cannot be read to its end: {why}", table.name));
                }
                for (what, rows) in &reading.orphans {
                    let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
                    trouble(format!(
                        "it holds {}: {what}",
                        words::count(rows, "row that is out of place", "rows that are out of place")
                    ));
                }
                let count = |n: usize| u64::try_from(n).unwrap_or(0);
                health.schema = Some(reading.schema);
                health.audits = count(reading.audits.len());
                health.machines = reading.machines;
                health.since = reading.audits.iter().map(|a| time(a.1)).min();
                health.last = reading.audits.iter().map(|a| time(a.1)).max();
                health.fix_runs = count(reading.runs.len());
                health.tables = count(reading.tables.iter().filter(|t| t.rows.is_some()).count());
                health.rows = reading.tables.iter().filter_map(|t| t.rows).sum();
            }
            Err(error) => {
                let said = super::super::first_line(&damage_of(error)?);
                if health.waiting.is_some() && said.contains("WAL") {
                    trouble(format!("what was written last, beside the file, cannot be taken into it: {said}"));
                } else {
                    trouble(format!("the file cannot be read: {said}"));
                }
            }
        }
        health.fine = health.problems.is_empty();
        Ok(health)
    }

    /// Takes from others the right to read or change the history.
    ///
    /// # Errors
    /// When the rights of the file cannot be changed.
    pub fn close_to_others(&self) -> Result<(), CareError> {
        use std::os::unix::fs::PermissionsExt as _;
        let closed = fs::set_permissions(self.path(), fs::Permissions::from_mode(0o600));
        closed.map_err(|e| CareError::io(self.path(), &e))
    }
}

/// Who could read or change the file.
fn rights(path: &Path, meta: &fs::Metadata) -> Vec<Trouble> {
    let mut found = Vec::new();
    let shown = words::shell(&path.display().to_string());
    if let Some("belongs to someone else") = foreign(meta) {
        found.push(Trouble {
            what: format!("it belongs to another user (number {})", meta.uid()),
            hint: format!("If that is no purpose: chown root {shown}"),
            remedy: Remedy::ByHand,
        });
    } else if meta.mode() & 0o077 != 0 {
        let what = if meta.mode() & 0o022 != 0 { "others may change it" } else { "others may read it" };
        found.push(Trouble {
            what: format!("{what}: its rights are {:o}", meta.mode() & 0o7777),
            hint: format!("Close it with: chmod 600 {shown}"),
            remedy: Remedy::Close,
        });
    }
    let folder = folder_of(path);
    if let Ok(meta) = fs::metadata(folder)
        && meta.mode() & 0o022 != 0
        && meta.mode() & 0o1000 == 0
    {
        found.push(Trouble {
            what: format!("others may exchange it: the rights of its folder are {:o}", meta.mode() & 0o7777),
            hint: format!("Close it with: chmod go-w {}", words::shell(&folder.display().to_string())),
            remedy: Remedy::ByHand,
        });
    }
    found
}
