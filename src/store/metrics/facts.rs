//! Samples for checks and queries: copied out of the history into the sealed database of an audit, as far as they are asked
//! for.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::unpacked;
use crate::{
    facts::FactDb,
    store::{Store, StoreError, guard, known_version},
};

/// Which metrics someone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics<'a> {
    /// All.
    All,
    /// Those with these names, of each table.
    Of(BTreeMap<&'a str, BTreeSet<&'a str>>),
}

impl Metrics<'_> {
    /// A condition for those that are asked of any of some tables; none where nothing is.
    fn of(&self, tables: &[&str]) -> Option<String> {
        match self {
            Metrics::All => Some("true".to_owned()),
            Metrics::Of(asked) => {
                let names: BTreeSet<&str> =
                    tables.iter().filter_map(|table| asked.get(*table)).flatten().copied().collect();
                let names: Vec<String> = names.into_iter().map(quoted).collect();
                (!names.is_empty()).then(|| format!("metric in ({})", names.join(", ")))
            }
        }
    }
}

const SAMPLES: &str = "samples";
const MINUTES: &str = "samples_1m";
const HOURS: &str = "samples_1h";
const DAYS: &str = "samples_1d";

impl Store {
    /// Puts what was measured of a machine until the time of an audit into its database, which is not sealed yet. Returns
    /// the metrics that were measured, and how many hours ago that was last.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn load_samples(
        &self,
        db: &FactDb,
        host: &str,
        wanted: &Metrics<'_>,
    ) -> Result<BTreeMap<String, u32>, StoreError> {
        let Some(any) = wanted.of(&[SAMPLES, MINUTES, HOURS, DAYS]) else { return Ok(BTreeMap::new()) };
        if !self.path().exists() {
            return Err(self.missing());
        }
        guard::recover(self.path());
        let connection = db.connection();
        self.attach(connection, "past")?;
        let version = "select max(version) from past.schema_version";
        let version: Result<Option<i64>, _> = connection.query_row(version, [], |row| row.get(0));
        if version.ok().flatten() != Some(known_version()) {
            // An older history gets its tables first.
            connection.execute_batch("detach past")?;
            drop(self.read()?);
            self.attach(connection, "past")?;
        }
        let copied = connection
            .execute_batch(&format!(
                "create temp table asked as select id, metric, labels from past.metric_series where host = {} and {any}",
                quoted(host)
            ))
            .and_then(|()| connection.query_row("select count(*) > 0 from asked", [], |row| row.get(0)))
            .and_then(|some: bool| if some { connection.execute_batch(&sql(wanted)) } else { Ok(()) });
        // The file is let go whatever happened.
        connection.execute_batch("detach past")?;
        copied?;
        connection.execute_batch("drop table asked")?;
        let mut statement = connection.prepare(
            "select metric, greatest(0, date_diff('hour', max(ts), audit_time()::timestamp))::uinteger from (
                select metric, ts from samples union all select metric, ts from samples_1m
                union all select metric, ts from samples_1h union all select metric, ts + interval 1 day from samples_1d)
             group by metric",
        )?;
        let metrics = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(metrics)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What copies the series in `asked` into the tables that want them.
fn sql(wanted: &Metrics<'_>) -> String {
    let now = "audit_time()::timestamp";
    // What is not rolled up yet is rolled up here; by the numbers of its series, which is far less work than by their names.
    let rolled = |width: &str, from: &str, of: &str| {
        format!(
            "select r.began, a.metric, a.labels, r.min, r.mean, r.max, r.p95, r.last, r.count from (
                select series, time_bucket(interval {width}, ts) as began, min(value) as min, avg(value) as mean,
                       max(value) as max, quantile_disc(value, 0.95) as p95, arg_max(value, ts) as last, count(*) as count
                from {from} where ts <= {now} and series in (select id from asked where {of}) group by series, began) r
             join asked a on a.id = r.series"
        )
    };
    let mut sql = String::new();
    if let Some(of) = wanted.of(&[SAMPLES, MINUTES]) {
        let of = format!("series in (select id from asked where {of}) and ts <= {now}");
        let day = format!("{now} - interval 1 day");
        sql += &format!(
            "create temp table raw as from (
                select series, ts, value from {} where ts > {day}
                union all select series, ts, value from past.metric_fresh where {of} and ts > {day});",
            unpacked("past.metric_blocks", &format!("{of} and until > {day}"))
        );
        if let Some(of) = wanted.of(&[SAMPLES]) {
            sql += &format!(
                "insert into samples select ts, metric, labels, value from raw join asked on id = series
                 where ts > {now} - interval 2 hours and ts <= {now} and {of};"
            );
        }
        if let Some(of) = wanted.of(&[MINUTES]) {
            sql += &format!("insert into samples_1m {};", rolled("1 minute", "raw", &of));
        }
        sql += "drop table raw;";
    }
    for (name, kept, width, days) in [(HOURS, "metric_hours", "1 hour", 30), (DAYS, "metric_days", "1 day", 730)] {
        let Some(of) = wanted.of(&[name]) else { continue };
        sql += &format!(
            "insert into {name}
                select ts, metric, labels, min, mean, max, p95, last, count from past.{kept} join asked on id = series
                where ts > {now} - interval {days} days and ts <= {now} and {of}
                union all {};",
            rolled(width, "past.metric_fresh", &of)
        );
    }
    sql
}
