//! The journal of fixes: every run with its steps and changes, written before anything is changed.

use std::collections::BTreeMap;

use duckdb::{Connection, params};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, load::time};
use crate::audit::Audit;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is being done, or was cut off.
    Running,
    /// It came to its end.
    Done,
    /// It was cut off, and all of it was taken back.
    RolledBack,
    /// It was taken back on request, or because nobody confirmed it.
    Undone,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun, or being done.
    Planned,
    /// The check was asked again and finds nothing.
    Fixed,
    /// It was done, and yet the check still finds something.
    StillOpen,
    /// It was done on an image or where the check could not be asked again.
    Unproven,
    /// It was not done.
    Refused,
    /// It failed and was taken back.
    Failed,
    /// It is being taken back, or that was cut off: the next start goes on.
    Undoing,
    /// It was taken back.
    Undone,
}

impl StepState {
    /// Whether what it changed stands.
    pub fn stands(self) -> bool {
        matches!(self, StepState::Planned | StepState::Fixed | StepState::StillOpen | StepState::Unproven)
    }
}

named!(RunState: Running "running", Done "done", RolledBack "rolled_back", Undone "undone");
named!(StepState: Planned "planned", Fixed "fixed", StillOpen "still_open", Unproven "unproven", Refused "refused",
    Failed "failed", Undoing "undoing", Undone "undone");

/// A run of fixes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FixRun {
    /// Its number.
    pub id: i64,
    /// Identity of the machine.
    pub host: String,
    /// Its name.
    pub hostname: String,
    /// The directory that was changed, `/` for the machine itself.
    pub root: String,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// What became of it.
    pub state: RunState,
    /// Who asked for it.
    pub who: String,
    /// Version of cleanbill.
    pub version: String,
    /// Folder of its backups, beneath that of all.
    pub folder: String,
    /// Until when it must be confirmed, else it takes itself back.
    #[schemars(with = "Option<String>")]
    pub confirm_until: Option<Timestamp>,
    /// Risk before.
    pub risk_before: f64,
    /// Risk after it.
    pub risk_after: Option<f64>,
    /// Its steps.
    pub steps: Vec<FixStep>,
}

impl FixRun {
    /// A run that begins now, over what an audit found.
    pub fn new(audit: &Audit, root: String, who: String) -> Self {
        FixRun {
            id: 0,
            host: audit.machine.host.clone(),
            hostname: audit.machine.hostname.clone(),
            root,
            started: Timestamp::now(),
            ended: None,
            state: RunState::Running,
            who,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            folder: String::new(),
            confirm_until: None,
            risk_before: audit.risk(),
            risk_after: None,
            steps: Vec::new(),
        }
    }
}

/// One fix of a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FixStep {
    /// Its place in the run, from 1.
    pub n: i64,
    /// The check.
    pub check: String,
    /// What was done, as an instruction.
    pub title: String,
    /// What became of it.
    pub state: StepState,
    /// Why, where it is not fixed.
    pub why: Option<String>,
}

/// One change of a step, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixChange {
    /// The step.
    pub step: i64,
    /// Its place in the run, from 1.
    pub n: i64,
    /// The path, or the command as one line.
    pub what: String,
    /// The change as JSON.
    pub change: String,
}

impl Store {
    /// Writes a new run down, before anything is changed; gives it its number.
    ///
    /// # Errors
    /// When the file cannot be used: then nothing must be changed.
    pub fn begin_fixes(&self, run: &mut FixRun, changes: &[FixChange]) -> Result<(), StoreError> {
        run.id = self.transaction(|connection| {
            let id: i64 = connection.query_row("select coalesce(max(id), 0) + 1 from fix_runs", [], |r| r.get(0))?;
            connection.execute(
                "insert into fix_runs values (?, ?, ?, ?, make_timestamp(?), null, ?, ?, ?, ?, make_timestamp(?), ?, null)",
                params![
                    id,
                    run.host,
                    run.hostname,
                    run.root,
                    run.started.as_microsecond(),
                    run.state.name(),
                    run.who,
                    run.version,
                    run.folder,
                    run.confirm_until.map(Timestamp::as_microsecond),
                    run.risk_before,
                ],
            )?;
            for step in &run.steps {
                connection.execute(
                    "insert into fix_steps values (?, ?, ?, ?, ?, ?)",
                    params![id, step.n, step.check, step.title, step.state.name(), step.why],
                )?;
            }
            add(connection, id, changes)?;
            Ok(id)
        })?;
        Ok(())
    }

    /// Adds changes to a run.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn add_fix_changes(&self, run: i64, changes: &[FixChange]) -> Result<(), StoreError> {
        self.transaction(|connection| add(connection, run, changes))
    }

    /// Writes down what became of a run and its steps.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn end_fixes(&self, run: &FixRun) -> Result<(), StoreError> {
        self.transaction(|connection| {
            connection.execute(
                "update fix_runs set state = ?, ended = make_timestamp(?), confirm_until = make_timestamp(?),
                        risk_after = ? where id = ?",
                params![
                    run.state.name(),
                    run.ended.map(Timestamp::as_microsecond),
                    run.confirm_until.map(Timestamp::as_microsecond),
                    run.risk_after,
                    run.id
                ],
            )?;
            for step in &run.steps {
                connection.execute(
                    "update fix_steps set state = ?, why = ? where run = ? and n = ?",
                    params![step.state.name(), step.why, run.id, step.n],
                )?;
            }
            Ok(())
        })
    }

    /// All runs, the newest first; only of this root where one is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fix_runs(&self, root: Option<&str>) -> Result<Vec<FixRun>, StoreError> {
        self.runs(None, root)
    }

    fn runs(&self, id: Option<i64>, root: Option<&str>) -> Result<Vec<FixRun>, StoreError> {
        let connection = self.read()?;
        let mut statement = connection.prepare(
            "select id, host, hostname, root, epoch_us(started), epoch_us(ended), state, who, version, folder,
                    epoch_us(confirm_until), risk_before, risk_after
             from fix_runs where coalesce(id = ?, true) and coalesce(root = ?, true) order by id desc",
        )?;
        let rows = statement.query_map(params![id, root], |row| {
            Ok(FixRun {
                id: row.get(0)?,
                host: row.get(1)?,
                hostname: row.get(2)?,
                root: row.get(3)?,
                started: time(row.get(4)?),
                ended: row.get::<_, Option<i64>>(5)?.map(time),
                state: RunState::parse(&row.get::<_, String>(6)?).unwrap_or(RunState::Running),
                who: row.get(7)?,
                version: row.get(8)?,
                folder: row.get(9)?,
                confirm_until: row.get::<_, Option<i64>>(10)?.map(time),
                risk_before: row.get(11)?,
                risk_after: row.get(12)?,
                steps: Vec::new(),
            })
        })?;
        let mut runs: Vec<FixRun> = rows.collect::<Result<_, _>>()?;
        let mut steps = steps(&connection)?;
        for run in &mut runs {
            run.steps = steps.remove(&run.id).unwrap_or_default();
        }
        Ok(runs)
    }

    /// One run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fix_run(&self, id: i64) -> Result<Option<FixRun>, StoreError> {
        Ok(self.runs(Some(id), None)?.pop())
    }

    /// The newest run of a root that came to its end and stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_fix_run(&self, root: &str) -> Result<Option<FixRun>, StoreError> {
        let stands = |run: &FixRun| run.state == RunState::Done && run.steps.iter().any(|s| s.state.stands());
        Ok(self.fix_runs(Some(root))?.into_iter().find(stands))
    }

    /// The changes of a run, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fix_changes(&self, run: i64) -> Result<Vec<FixChange>, StoreError> {
        let connection = self.read()?;
        let mut statement =
            connection.prepare("select step, n, what, change from fix_changes where run = ? order by n")?;
        let rows = statement.query_map(params![run], |row| {
            Ok(FixChange { step: row.get(0)?, n: row.get(1)?, what: row.get(2)?, change: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn add(connection: &Connection, run: i64, changes: &[FixChange]) -> Result<(), StoreError> {
    for change in changes {
        connection.execute(
            "insert into fix_changes values (?, ?, ?, ?, ?)",
            params![run, change.step, change.n, change.what, change.change],
        )?;
    }
    Ok(())
}

/// The steps of all runs, in their order.
fn steps(connection: &Connection) -> Result<BTreeMap<i64, Vec<FixStep>>, StoreError> {
    let mut statement =
        connection.prepare("select run, n, check_id, title, state, why from fix_steps order by run, n")?;
    let rows = statement.query_map([], |row| {
        let step = FixStep {
            n: row.get(1)?,
            check: row.get(2)?,
            title: row.get(3)?,
            state: StepState::parse(&row.get::<_, String>(4)?).unwrap_or(StepState::Planned),
            why: row.get(5)?,
        };
        Ok((row.get(0)?, step))
    })?;
    let mut steps: BTreeMap<i64, Vec<FixStep>> = BTreeMap::new();
    for row in rows {
        let (run, step) = row?;
        steps.entry(run).or_default().push(step);
    }
    Ok(steps)
}
