//! Samples for checks and queries: copied out of the history into the sealed database of an audit, as far as they are asked
//! for.

use std::collections::BTreeSet;

use crate::{
    facts::FactDb,
    store::{Store, StoreError},
};

/// Which metrics someone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics<'a> {
    /// All.
    All,
    /// Those with these names.
    Of(BTreeSet<&'a str>),
}

impl Store {
    /// Puts what was measured of a machine until the time of an audit into its database, which is not sealed yet. Returns
    /// the metrics that were measured in the last 24 hours.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn load_samples(&self, db: &FactDb, host: &str, wanted: &Metrics<'_>) -> Result<BTreeSet<String>, StoreError> {
        let wanted = match wanted {
            Metrics::All => String::new(),
            Metrics::Of(names) if names.is_empty() => return Ok(BTreeSet::new()),
            Metrics::Of(names) => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                format!(" and metric in ({})", names.join(", "))
            }
        };
        // An older history gets its tables first.
        drop(self.read()?);
        let connection = db.connection();
        self.attach(connection, "past")?;
        let copied = connection.execute_batch(&sql(host, &wanted));
        // The file is let go whatever happened.
        connection.execute_batch("detach past")?;
        copied?;
        let mut statement = connection.prepare(
            "select distinct metric from samples_1m union select distinct metric from samples_1h
             where ts >= audit_time()::timestamp - interval 1 day",
        )?;
        let metrics = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(metrics)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn sql(host: &str, wanted: &str) -> String {
    let now = "audit_time()::timestamp";
    // What is not rolled up yet is rolled up here.
    let rolled = |width: &str, from: &str| {
        format!(
            "select time_bucket(interval {width}, ts) as began, metric, labels, min(value) as min, avg(value) as mean,
                    max(value) as max, quantile_disc(value, 0.95) as p95, arg_max(value, ts) as last, count(*) as count
             from {from} group by all"
        )
    };
    let kept = |table: &str| {
        format!(
            "select ts, metric, labels, min, mean, max, p95, last, count from past.{table} join asked on id = series"
        )
    };
    format!(
        "create temp table asked as select id, metric, labels from past.metric_series where host = {host}{wanted};
         create temp table raw as
            select ts, metric, labels, value
            from (from past.metric_samples union all from past.metric_fresh) s join asked on id = series
            where ts > {now} - interval 1 day and ts <= {now};
         create temp table fresh as
            select ts, metric, labels, value from past.metric_fresh join asked on id = series where ts <= {now};
         insert into samples select * from raw where ts > {now} - interval 2 hours;
         insert into samples_1m {minutes};
         insert into samples_1h {hours} where ts > {now} - interval 30 days and ts <= {now} union all {fresh_hours};
         insert into samples_1d {days} where ts > {now} - interval 730 days and ts <= {now} union all {fresh_days};
         drop table asked; drop table raw; drop table fresh;",
        host = quoted(host),
        minutes = rolled("1 minute", "raw"),
        hours = kept("metric_hours"),
        fresh_hours = rolled("1 hour", "fresh"),
        days = kept("metric_days"),
        fresh_days = rolled("1 day", "fresh"),
    )
}
