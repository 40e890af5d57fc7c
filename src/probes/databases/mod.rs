//! Database servers as their configuration makes them: PostgreSQL, MySQL and MariaDB, Redis and Valkey, memcached and
//! MongoDB. It reads files only: no database is asked, no password is tried and none is kept.

mod hba;
mod mysql;
mod others;
mod postgresql;
mod redis;
#[cfg(test)]
mod tests;

use super::{Probe, ProbeError, USUAL_LIMIT, servers, services::jobs};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row},
    host::Host,
};

fact_table! {
    /// Database servers installed here, one row for each instance that is set up.
    "database_servers" => DatabaseServer {
        /// Settings file that decides how it listens.
        source: String,
        /// Line of that setting; null when the built-in default counts.
        line: Option<i64>,
        /// `postgresql`, `mysql`, `mariadb`, `redis`, `valkey`, `memcached` or `mongodb`.
        engine: String,
        /// Name for people, such as `PostgreSQL`.
        title: String,
        /// Which instance: `15/main` for PostgreSQL, else the name of its settings file.
        instance: String,
        /// Version as far as the files tell.
        version: Option<String>,
        /// Whether it is running; null in an image and where processes are hidden.
        running: Option<bool>,
        /// Addresses it listens on, separated by spaces.
        listens: String,
        /// Who can come as far as its password question: `any`, `private` (private networks), `loopback` (this machine), `none` (no network), `unknown`.
        reach: String,
        /// Port; null when it does not use the network.
        port: Option<i64>,
        /// Whether everyone who comes over the network needs a password: `yes`, `no`, `unknown`.
        password_needed: String,
        /// Whether it can encrypt its connections: `yes`, `no`, `unknown`.
        encryption: String,
    }
    offline: true,
    examples: ["select title, instance, listens, port, reach, password_needed from database_servers"],
}

fact_table! {
    /// Settings of PostgreSQL clusters: those in files, and defaults of the most important ones.
    "postgresql_settings" => PostgresSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// The cluster, such as `15/main`.
        cluster: String,
        /// Name in lower case.
        name: String,
        /// Value without quotes.
        value: String,
    }
    offline: true,
    examples: ["select cluster, name, value, source, line from postgresql_settings where name like 'log_%'"],
}

fact_table! {
    /// Who may log in to PostgreSQL from where (pg_hba.conf), in the order in which PostgreSQL looks.
    "postgresql_hba" => HbaRule {
        /// File it stands in.
        source: String,
        /// Line in that file.
        line: i64,
        /// The cluster, such as `15/main`.
        cluster: String,
        /// Place in the order, from 1; the first that fits decides.
        position: i64,
        /// Kind of connection: `local`, `host`, `hostssl`, `hostnossl`, `hostgssenc`, `hostnogssenc`.
        connection: String,
        /// Databases, separated by commas.
        database_names: String,
        /// Accounts, separated by commas.
        account_names: String,
        /// Address, network or name; null for `local`.
        address: Option<String>,
        /// How far the address reaches: `any`, `some` (particular public addresses or names), `private`, `loopback`, `none` for `local`.
        reach: String,
        /// How one proves who one is, such as `scram-sha-256`, `peer`, `trust` (not at all).
        method: String,
        /// Options of the method.
        options: String,
        /// Line of an earlier rule that always decides first, so that this one never counts.
        covered_by: Option<i64>,
    }
    offline: true,
    examples: ["select position, connection, database_names, account_names, address, method from postgresql_hba order by cluster, position"],
}

fact_table! {
    /// Settings of the MySQL or MariaDB server from all option files, in the order in which they are read.
    "mysql_settings" => MysqlSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// Group it stands in, such as `mysqld`.
        section: String,
        /// Name in lower case with dashes, such as `bind-address`.
        name: String,
        /// Value; `on` for an option without one, hidden for those that hold passwords.
        value: String,
        /// Whether no later line says otherwise.
        effective: bool,
    }
    offline: true,
    examples: ["select name, value, source, line from mysql_settings where effective order by name"],
}

fact_table! {
    /// Settings of Redis and Valkey with includes followed; passwords are left out.
    "redis_settings" => RedisSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// The settings file of the instance.
        instance: String,
        /// Name in lower case, such as `protected-mode`.
        name: String,
        /// Value; `set` for passwords.
        value: String,
        /// Whether no later line says otherwise.
        effective: bool,
    }
    offline: true,
    examples: ["select instance, name, value, source, line from redis_settings where effective"],
}

fact_table! {
    /// Options of memcached.
    "memcached_settings" => MemcachedSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// The settings file of the instance.
        instance: String,
        /// What it is: `listen`, `port`, `udp_port`, `sasl`, `socket`, `user`, `memory` or the option letter.
        name: String,
        /// Value; `on` for an option without one.
        value: String,
    }
    offline: true,
    examples: ["select instance, name, value from memcached_settings"],
}

fact_table! {
    /// Settings of MongoDB by their dotted names.
    "mongodb_settings" => MongoSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// Dotted name, such as `net.bindIp`.
        name: String,
        /// Value; `set` for passwords.
        value: String,
    }
    offline: true,
    examples: ["select name, value, line from mongodb_settings"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "databases",
    about: "how the databases are set up",
    tables: &[
        DatabaseServer::TABLE,
        PostgresSetting::TABLE,
        HbaRule::TABLE,
        MysqlSetting::TABLE,
        RedisSetting::TABLE,
        MemcachedSetting::TABLE,
        MongoSetting::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

/// The machine with its list of processes, read once.
struct Machine<'a> {
    host: &'a Host,
    processes: Option<Vec<(String, String)>>,
}

impl Machine<'_> {
    /// Whether one of these programs runs, outside containers; none when that cannot be seen.
    fn runs(&self, names: &[&str]) -> Option<bool> {
        self.processes.as_ref().map(|all| jobs::runs(self.host, all, names))
    }
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let machine = Machine { host, processes: jobs::processes(host) };
    postgresql::read(&machine, facts);
    mysql::read(&machine, facts);
    redis::read(&machine, facts);
    others::memcached(&machine, facts);
    others::mongodb(&machine, facts);
    if let Some(gap) = jobs::hidden(host) {
        facts.partial::<DatabaseServer>(gap);
    }
    facts.absent_when_empty::<DatabaseServer>("no database server is installed");
    Ok(())
}

/// How much of one server's settings may still be read: includes may lead back to themselves.
struct Budget {
    lines: usize,
    /// Whether there was more to read.
    spent: bool,
}

impl Budget {
    /// Lines and files over all includes, and how deep these nest.
    const LINES: usize = 50_000;
    const DEPTH: usize = 10;

    fn new() -> Self {
        Budget { lines: Self::LINES, spent: false }
    }

    /// Whether a file that deep in includes may be read.
    fn file(&mut self, depth: usize) -> bool {
        if depth > Self::DEPTH {
            self.spent = true;
            return false;
        }
        self.line()
    }

    /// Whether one more line may be read.
    fn line(&mut self) -> bool {
        if self.lines == 0 {
            self.spent = true;
            return false;
        }
        self.lines -= 1;
        true
    }

    /// Tells what was not read.
    fn tell<R: Row>(&self, facts: &mut Facts, what: &str, path: &str) {
        if self.spent {
            partial::<R>(facts, Gap::new(what, path, servers::too_much()));
        }
    }
}

/// A file that could not be read: a gap of the engine's own table and of the common one.
fn gap<R: Row>(facts: &mut Facts, what: &str, path: &str, error: &crate::host::ReadError) {
    partial::<R>(facts, Gap::new(what, path, error.reason()));
}

fn partial<R: Row>(facts: &mut Facts, gap: Gap) {
    facts.partial::<R>(gap.clone());
    facts.partial::<DatabaseServer>(gap);
}
