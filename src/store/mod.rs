//! The history: one DuckDB file that anyone may open with the `duckdb` shell.
//!
//! Nobody holds the file open. Every use opens it, does one transaction and closes, and waits its turn with
//! back-off when another process is writing. Facts of an audit are stored by snapshot: an unchanged table once.

/// The names of an enum in the store and in JSON.
macro_rules! named {
    ($type:ident: $($variant:ident $name:literal),+) => {
        impl $type {
            /// Its name in the store and in JSON.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            pub(super) fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

mod alerts;
mod answers;
mod care;
mod compare;
mod facts;
mod files;
mod fills;
mod fixes;
mod guard;
mod history;
mod jobs;
mod load;
mod mails;
mod metrics;
mod moment;
mod save;
mod schema;
mod waivers;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use alerts::Alert;
pub use answers::Answer;
pub use care::{
    Backup, BackupFile, Better, CareError, Health, Remedy, Repair, Restore, SavedTable, Tail, Task, Trouble, Which,
    Worker,
};
pub use compare::{Known, RowDiff, TableDiff, Wanted};
use duckdb::{AccessMode, Config, Connection};
pub use files::{FilesError, histories};
pub use fills::Filled;
pub use fixes::{FixChange, FixRun, FixStep, RunState, StepState};
pub use history::{History, SystemChange, Turn};
pub use jobs::{Cause, JobPast, JobRun, JobState};
pub use load::AuditSummary;
pub use mails::{Mail, MailKind, MailState, NewMail};
pub use metrics::{Keep, Kept, Metrics, Point, Rolled, SeriesRow, Summary, Taken};
pub use moment::Moment;
pub use waivers::Waiver;

use crate::{facts::QueryError, words};

/// A store that may not exist yet.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

/// Why the store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none yet.
    #[error("there is no history yet in {0}")]
    Missing(PathBuf),
    /// There is none, and yet there are backups of it.
    #[error("the history {0} is gone")]
    Lost(PathBuf),
    /// It is not a DuckDB file, or it is damaged.
    #[error("{path} is not a cleanbill history, or it is damaged: {said}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What DuckDB said.
        said: String,
    },
    /// A newer cleanbill wrote it.
    #[error("{path} was written by a newer cleanbill (its format is {found}, this one knows {known})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// Other processes kept it busy for too long.
    #[error("{0} is in use by another program")]
    Busy(PathBuf),
    /// It may not be opened or its folder not made.
    #[error("{path} cannot be used: {said}")]
    Denied {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        said: String,
    },
    /// The disk is full.
    #[error("the disk is full, so nothing could be stored in {0}")]
    Full(PathBuf),
    /// No audit has this number.
    #[error("there is no audit {0}")]
    NoSuchAudit(i64),
    /// It cannot be compared with this one.
    #[error("audit {0} is of another machine")]
    OtherMachine(i64),
    /// Anything else DuckDB said.
    #[error("the history cannot be used: {0}")]
    Sql(String),
}

impl StoreError {
    /// What to type or do next.
    pub fn hint(&self) -> String {
        match self {
            StoreError::Lost(path) => {
                let db = at_db(path);
                format!(
                    "There are backups of it. Bring the newest back with: cleanbill store restore latest{db}, or begin a \
                     new one with: cleanbill audit{db}"
                )
            }
            StoreError::Missing(_) => "Make the first entry with: cleanbill audit".to_owned(),
            StoreError::Damaged { path, .. } => {
                format!("See what is wrong with it with: cleanbill store check{}", at_db(path))
            }
            StoreError::Newer { path, known, .. } => match care::kept_for_older(path, *known) {
                Some(copy) => format!(
                    "Install the newer cleanbill. Or bring back the history as it was before: cleanbill store restore {}{}",
                    words::shell(&copy.to_string_lossy()),
                    at_db(path)
                ),
                None => "Install the newer cleanbill, or give another file with --db FILE".to_owned(),
            },
            StoreError::Busy(_) => "Close the other program (a duckdb shell?) and try again".to_owned(),
            StoreError::Denied { .. } => "Run with sudo, or give another file with --db FILE".to_owned(),
            StoreError::Full(_) => "Make room, or give a file on another disk with --db FILE".to_owned(),
            StoreError::NoSuchAudit(_) | StoreError::OtherMachine(_) => {
                "See which there are with: cleanbill audits".to_owned()
            }
            StoreError::Sql(said) if is_damage(said) => {
                "A part of the file is damaged. See what is wrong with: cleanbill store check".to_owned()
            }
            StoreError::Sql(_) => "Give another file with --db FILE, or look without storing: --no-store".to_owned(),
        }
    }
}

impl From<duckdb::Error> for StoreError {
    fn from(error: duckdb::Error) -> Self {
        StoreError::Sql(QueryError::from(error).to_string())
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        StoreError::Sql(error.to_string())
    }
}

/// How long to wait for another process to close the file.
const PATIENCE: Duration = Duration::from_secs(20);

impl Store {
    /// The store in this file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Store { path: path.into() }
    }

    /// Where a store is kept unless told otherwise: `/var/lib/cleanbill` for root, else the user's data folder.
    pub fn default_path() -> PathBuf {
        if rustix::process::geteuid().is_root() {
            return PathBuf::from("/var/lib/cleanbill/cleanbill.duckdb");
        }
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share"));
        data.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("cleanbill/cleanbill.duckdb")
    }

    /// The folder beside it in which samples wait.
    pub fn spool(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".spool");
        path.into()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// That there is none.
    fn missing(&self) -> StoreError {
        if self.is_lost() { StoreError::Lost(self.path.clone()) } else { StoreError::Missing(self.path.clone()) }
    }

    /// Opens for reading what is there.
    fn read(&self) -> Result<Connection, StoreError> {
        if !self.path.exists() {
            return Err(self.missing());
        }
        let connection = self.open(AccessMode::ReadOnly)?;
        let version = version(&connection)?;
        let known = known_version();
        if version > known {
            return Err(StoreError::Newer { path: self.path.clone(), found: version, known });
        }
        if version < known {
            // Reading an older file migrates it first.
            drop(connection);
            self.migrate()?;
            return self.open(AccessMode::ReadOnly);
        }
        Ok(connection)
    }

    /// Makes it, and brings it to the schema of today.
    fn migrate(&self) -> Result<(), StoreError> {
        guard::settle(self.write()?, &self.path);
        Ok(())
    }

    /// Opens for writing, made and migrated as needed.
    fn write(&self) -> Result<Connection, StoreError> {
        if let Some(folder) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            use std::os::unix::fs::DirBuilderExt as _;
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|e| StoreError::Denied { path: folder.to_owned(), said: e.to_string() })?;
        }
        if !self.path.exists() {
            self.make()?;
        }
        let mut connection = self.open(AccessMode::ReadWrite)?;
        let mut found = version(&connection)?;
        let known = known_version();
        if found > known {
            return Err(StoreError::Newer { path: self.path.clone(), found, known });
        }
        if 0 < found && found < known {
            // An older release cannot read it any more then: a copy is kept for that.
            drop(connection);
            care::keep_for_older(&self.path, found)?;
            connection = self.open(AccessMode::ReadWrite)?;
            found = version(&connection)?;
        }
        if found < known {
            bring_to_today(&connection, found)?;
        }
        guard::begin(&connection)?;
        Ok(connection)
    }

    /// Makes an empty one under another name first: whoever comes meanwhile finds no file or a whole one. DuckDB takes a
    /// file in which its head does not stand yet for a damaged one, and a process that is killed may leave such a file.
    fn make(&self) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt as _;
        let _held = care::alone_beside(&self.path)?;
        // Another made it meanwhile. Behind a link that leads nowhere yet, DuckDB makes the file.
        if std::fs::symlink_metadata(&self.path).is_ok() {
            return Ok(());
        }
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        // What one who was killed left, and what lies beside a file that is gone: DuckDB would add it to the new one.
        care::remove(&new)?;
        care::remove(&self.path)?;
        let connection = self.connect(&new, AccessMode::ReadWrite)?;
        bring_to_today(&connection, 0).map_err(|error| self.at_full_disk(error))?;
        drop(connection);
        let denied = |e: std::io::Error| self.explain(e.to_string());
        // What is wrong with a machine is nobody else's business.
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).map_err(denied)?;
        std::fs::rename(&new, &self.path).map_err(denied)
    }

    fn open(&self, mode: AccessMode) -> Result<Connection, StoreError> {
        guard::recover(&self.path);
        self.connect(&self.path, mode)
    }

    fn connect(&self, path: &Path, mode: AccessMode) -> Result<Connection, StoreError> {
        self.patiently(|| {
            let config = Config::default()
                .access_mode(match mode {
                    AccessMode::ReadOnly => AccessMode::ReadOnly,
                    _ => AccessMode::ReadWrite,
                })?
                .max_memory("512MB")?
                .threads(1)?
                .with("autoinstall_known_extensions", "false")?
                .with("autoload_known_extensions", "false")?;
            Connection::open_with_flags(path, config)
        })
    }

    /// Adds the file to another database, for reading.
    fn attach(&self, to: &Connection, name: &str) -> Result<(), StoreError> {
        let path = self.path.display().to_string().replace('\'', "''");
        self.patiently(|| to.execute_batch(&format!("attach '{path}' as {name} (read_only)")))
    }

    /// Does it as soon as no other process keeps the file from us, at most for a while.
    fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, duckdb::Error>) -> Result<T, StoreError> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(error) => {
                    let said = QueryError::from(error).to_string();
                    let busy = said.contains("lock on file") || said.contains("Conflicting lock");
                    if !busy {
                        return Err(self.explain(said));
                    }
                    if start.elapsed() > PATIENCE {
                        return Err(StoreError::Busy(self.path.clone()));
                    }
                }
            }
            std::thread::sleep(pause);
            // Different for each process, so that several do not march in step.
            let jitter = Duration::from_micros(u64::from(std::process::id() % 7) * 900);
            pause = (pause * 3 / 2 + jitter).min(Duration::from_millis(150));
        }
    }

    /// Sorts what DuckDB said into something a person can act on.
    fn explain(&self, said: String) -> StoreError {
        let lower = said.to_lowercase();
        let path = self.path.clone();
        if lower.contains("permission denied")
            || lower.contains("read-only file system")
            || lower.contains("is a directory")
        {
            StoreError::Denied { path, said: first_line(&said) }
        } else if lower.contains("no space left") {
            StoreError::Full(path)
        } else if lower.contains("newer") && lower.contains("storage version") || lower.contains("version number") {
            StoreError::Newer { path, found: known_version() + 1, known: known_version() }
        } else {
            StoreError::Damaged { path, said: first_line(&said) }
        }
    }

    /// Runs one transaction on the open file; what it did is kept whole or not at all.
    fn transaction<T>(&self, body: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.write()?;
        let transaction = connection.transaction()?;
        let result = body(&transaction).and_then(|value| {
            transaction.commit()?;
            Ok(value)
        });
        guard::settle(connection, &self.path);
        result.map_err(|error| self.at_full_disk(error))
    }

    /// A statement that failed because the disk is full, said so.
    fn at_full_disk(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Sql(said) if said.to_lowercase().contains("no space left") => {
                StoreError::Full(self.path.clone())
            }
            other => other,
        }
    }
}

/// Makes what an open file of an older schema, or of none, lacks.
fn bring_to_today(connection: &Connection, found: i64) -> Result<(), StoreError> {
    let mut sql = String::from("begin; create table if not exists schema_version (version bigint);");
    for migration in schema::MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        sql.push_str(migration);
    }
    let known = known_version();
    sql.push_str(&format!("delete from schema_version; insert into schema_version values ({known}); commit;"));
    Ok(connection.execute_batch(&sql)?)
}

fn known_version() -> i64 {
    i64::try_from(schema::MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The schema version of an open file; 0 when it has none. One that is there and cannot be read is not 0: a file that is
/// damaged must not be taken for an empty one.
fn version(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "select count(*) > 0 from duckdb_tables()
               where database_name = current_database() and schema_name = 'main' and table_name = 'schema_version'";
    if !connection.query_row(sql, [], |row| row.get::<_, bool>(0))? {
        return Ok(0);
    }
    let version: Option<i64> = connection.query_row("select max(version) from schema_version", [], |row| row.get(0))?;
    Ok(version.unwrap_or(0))
}

/// Whether DuckDB says so of a file of which a part is damaged or missing.
fn is_damage(said: &str) -> bool {
    ["Corrupt ", "checksum", "Could not read enough bytes"].iter().any(|sign| said.contains(sign))
}

/// What a command needs to mean this store: ` --db FILE`; nothing where it is the one that is meant anyway.
pub(crate) fn at_db(path: &Path) -> String {
    if path == Store::default_path() {
        String::new()
    } else {
        format!(" --db {}", words::shell(&path.display().to_string()))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
