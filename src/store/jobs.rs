//! What ran by the schedule: every run with when it should have begun, when it did, and what came of it.

use duckdb::{Connection, OptionalExt as _, params};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Store, StoreError, load::time};

/// Why a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was time.
    Schedule,
    /// It was missed, and made up for.
    Late,
    /// Someone asked for it.
    ByHand,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It is at work, or was cut off and nobody saw it yet.
    Running,
    /// It came to its end.
    Done,
    /// It failed.
    Failed,
    /// It took too long and was stopped.
    TimedOut,
    /// It ended in the middle: the machine stopped, or someone ended it.
    CutOff,
    /// It did not begin: its former run was still at work.
    Skipped,
}

named!(Cause: Schedule "schedule", Late "late", ByHand "by_hand");
named!(JobState: Running "running", Done "done", Failed "failed", TimedOut "timed_out", CutOff "cut_off",
    Skipped "skipped");

impl JobState {
    /// Whether what should have been done was not.
    pub fn is_bad(self) -> bool {
        matches!(self, JobState::Failed | JobState::TimedOut | JobState::CutOff)
    }
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobRun {
    /// Its number.
    pub id: i64,
    /// The job.
    pub job: String,
    /// What it does.
    pub task: String,
    /// Why it began.
    pub cause: Cause,
    /// When it should have begun.
    #[schemars(with = "String")]
    pub due: Timestamp,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// What became of it.
    pub state: JobState,
    /// At how many times before it nothing ran.
    pub missed: i64,
    /// What it said.
    pub said: Option<String>,
    /// The audit that it made.
    pub audit: Option<i64>,
}

impl JobRun {
    /// A run that someone asks for now; it has no number yet.
    pub fn by_hand(job: &str, task: &str, now: Timestamp) -> Self {
        JobRun {
            id: 0,
            job: job.to_owned(),
            task: task.to_owned(),
            cause: Cause::ByHand,
            due: now,
            started: now,
            ended: None,
            state: JobState::Running,
            missed: 0,
            said: None,
            audit: None,
        }
    }
}

/// What is known of a job before it is asked whether it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPast {
    /// Since when it has the times it has now.
    pub since: Timestamp,
    /// The last time that was seen to, up to now.
    pub last_due: Option<Timestamp>,
}

const RUN: &str = "select id, job, task, cause, epoch_us(due), epoch_us(started), epoch_us(ended), state, missed, said, audit \
                   from job_runs where host = ?";

fn run(row: &duckdb::Row<'_>) -> Result<JobRun, duckdb::Error> {
    Ok(JobRun {
        id: row.get(0)?,
        job: row.get(1)?,
        task: row.get(2)?,
        cause: Cause::parse(&row.get::<_, String>(3)?).unwrap_or(Cause::Schedule),
        due: time(row.get(4)?),
        started: time(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(time),
        state: JobState::parse(&row.get::<_, String>(7)?).unwrap_or(JobState::CutOff),
        missed: row.get(8)?,
        said: row.get(9)?,
        audit: row.get(10)?,
    })
}

impl Store {
    /// What is known of jobs, by name and times: `names` in their order. A job that is new, or has other times than
    /// before, is known from now on.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn meet_jobs(&self, host: &str, jobs: &[(&str, &str)], now: Timestamp) -> Result<Vec<JobPast>, StoreError> {
        // Most of the time nothing is new, and reading is enough.
        let known = |connection: &Connection| -> Result<Vec<Option<JobPast>>, StoreError> {
            jobs.iter().map(|(name, times)| past(connection, host, name, times, now)).collect()
        };
        if self.path().exists() {
            let found: Option<Vec<JobPast>> = known(&self.read()?)?.into_iter().collect();
            if let Some(found) = found {
                return Ok(found);
            }
        }
        self.transaction(|connection| {
            let mut met = Vec::new();
            for (name, times) in jobs {
                let found = match past(connection, host, name, times, now)? {
                    Some(found) => found,
                    None => {
                        connection.execute("delete from jobs where host = ? and name = ?", params![host, name])?;
                        connection.execute(
                            "insert into jobs values (?, ?, ?, make_timestamp(?))",
                            params![host, name, times, now.as_microsecond()],
                        )?;
                        JobPast { since: now, last_due: last_due(connection, host, name, now)? }
                    }
                };
                met.push(found);
            }
            Ok(met)
        })
    }

    /// Writes down that a run begins, and gives it its number. Runs of the same job that are still said to be at work
    /// were cut off: whoever calls keeps others from running it.
    ///
    /// # Errors
    /// When the file cannot be used: then it must not begin.
    pub fn begin_job(&self, host: &str, run: &mut JobRun) -> Result<(), StoreError> {
        run.id = self.transaction(|connection| {
            connection.execute(
                "update job_runs set state = 'cut_off', ended = greatest(started, make_timestamp(?))
                 where host = ? and job = ? and state = 'running'",
                params![run.started.as_microsecond(), host, run.job],
            )?;
            insert(connection, host, run)
        })?;
        Ok(())
    }

    /// Writes down a run that did not begin.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn skip_job(&self, host: &str, run: &mut JobRun) -> Result<(), StoreError> {
        run.id = self.transaction(|connection| insert(connection, host, run))?;
        Ok(())
    }

    /// Writes down what became of a run.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn end_job(&self, run: &JobRun) -> Result<(), StoreError> {
        self.transaction(|connection| {
            connection.execute(
                "update job_runs set state = ?, ended = make_timestamp(?), said = ? where id = ?",
                params![run.state.name(), run.ended.map(Timestamp::as_microsecond), run.said, run.id],
            )?;
            Ok(())
        })
    }

    /// Notes the audit that a run made.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn note_job_audit(&self, run: i64, audit: i64) -> Result<(), StoreError> {
        self.transaction(|connection| {
            connection.execute("update job_runs set audit = ? where id = ?", params![audit, run])?;
            Ok(())
        })
    }

    /// The newest runs, newest first; of one job where it is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn job_runs(&self, host: &str, job: Option<&str>, limit: usize) -> Result<Vec<JobRun>, StoreError> {
        let connection = self.read()?;
        let mut statement =
            connection.prepare(&format!("{RUN} and coalesce(job = ?, true) order by id desc limit ?"))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![host, job, limit], run)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest run of each job, by name of the job.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_job_runs(&self, host: &str) -> Result<Vec<JobRun>, StoreError> {
        let connection = self.read()?;
        let sql = format!("{RUN} qualify row_number() over (partition by job order by id desc) = 1 order by job");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![host], run)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A run by its number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn job_run(&self, host: &str, id: i64) -> Result<Option<JobRun>, StoreError> {
        let connection = self.read()?;
        Ok(connection.query_row(&format!("{RUN} and id = ?"), params![host, id], run).optional()?)
    }
}

fn insert(connection: &Connection, host: &str, run: &JobRun) -> Result<i64, StoreError> {
    let id: i64 = connection.query_row("select coalesce(max(id), 0) + 1 from job_runs", [], |r| r.get(0))?;
    connection.execute(
        "insert into job_runs values (?, ?, ?, ?, ?, make_timestamp(?), make_timestamp(?), make_timestamp(?), ?, ?, ?, ?)",
        params![
            id,
            host,
            run.job,
            run.task,
            run.cause.name(),
            run.due.as_microsecond(),
            run.started.as_microsecond(),
            run.ended.map(Timestamp::as_microsecond),
            run.state.name(),
            run.missed,
            run.said,
            run.audit,
        ],
    )?;
    Ok(id)
}

/// What is known of a job with these times.
fn past(
    connection: &Connection,
    host: &str,
    name: &str,
    times: &str,
    now: Timestamp,
) -> Result<Option<JobPast>, StoreError> {
    let sql = "select epoch_us(since) from jobs where host = ? and name = ? and times = ?";
    let since: Option<i64> = connection.query_row(sql, params![host, name, times], |r| r.get(0)).optional()?;
    let Some(since) = since else { return Ok(None) };
    Ok(Some(JobPast { since: time(since), last_due: last_due(connection, host, name, now)? }))
}

/// How often a time is tried whose runs are cut off.
const TRIES: i64 = 3;

/// The last time that was seen to. A time that is still to come was seen to by a clock that was wrong, and counts only
/// when it has come. A run that was cut off did not see to it, unless it was tried often enough.
fn last_due(connection: &Connection, host: &str, name: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let sql = "with runs as (
                   select due, state in ('running', 'cut_off') as cut from job_runs
                   where host = ? and job = ? and cause <> 'by_hand' and due <= make_timestamp(?))
               select epoch_us(max(due)) from
                   (select due from runs group by due having bool_or(not cut) or count(*) >= ?)";
    let values = params![host, name, now.as_microsecond(), TRIES];
    let due: Option<i64> = connection.query_row(sql, values, |r| r.get(0))?;
    Ok(due.map(time))
}
