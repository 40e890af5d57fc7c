//! One audit from start to end: probes, facts, checks, score. It prints nothing and stores nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use rustix::time::ClockId;

use crate::{
    analysis::outlook,
    checks::{self, Catalogue, Check, Finding, Outcome, Selection},
    facts::{FactDb, Facts, Gap, QueryError, Reason},
    host::Host,
    metrics::tables::{self, FORECASTS},
    probes,
    score::{self, Grade},
    store::{Metrics, Store, StoreError},
    words,
};

/// The result of an audit, fresh or from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Its number in the store; none while it is not stored.
    pub id: Option<i64>,
    /// The machine.
    pub machine: MachineInfo,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Version of cleanbill that made it.
    pub version: String,
    /// Whether it ran as root.
    pub privileged: bool,
    /// Whether every check was asked.
    pub complete: bool,
    /// What came of each check, by id.
    pub outcomes: Vec<Outcome>,
    /// What could not be looked at, whatever check it concerns.
    pub gaps: Vec<Gap>,
    /// How much was looked at.
    pub looked_at: LookedAt,
}

/// What the report says of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MachineInfo {
    /// Stable id of the installation; the host name where there is none.
    pub host: String,
    /// Host name.
    pub hostname: String,
    /// Operating system for people.
    pub os: String,
    /// `physical`, `vm`, `container` or `image`.
    pub kind: String,
    /// `server` or `desktop`.
    pub role: String,
    /// The directory looked at, `/` for the machine itself.
    pub root: String,
    /// Running kernel.
    pub kernel: Option<String>,
    /// What it is made of and what runs on it, for people: name and value.
    pub details: Vec<(String, String)>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookedAt {
    /// Files and folders.
    pub files: u64,
    /// Services known to the init system.
    pub services: u64,
    /// Installed packages.
    pub programs: u64,
}

/// Progress, for whoever shows it.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A probe ended.
    Probe(probes::Event),
    /// All probes ended; so many checks will be asked.
    Checks(usize),
    /// A check was asked.
    Check(&'a Check),
}

/// Everything an audit brings.
pub struct Performed {
    /// The result.
    pub audit: Audit,
    /// The facts it rests on.
    pub facts: Facts,
    /// The same facts, ready for queries.
    pub db: FactDb,
    /// Where the time went.
    pub timings: Vec<Timing>,
}

/// Time that one part of the work took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The part: `probe packages`, `checks`.
    pub part: String,
    /// From its start to its end; of a probe, from the start of the audit.
    pub wall: Duration,
    /// Processor time; of a probe, of its own thread.
    pub cpu: Duration,
}

/// Measures parts of the work one after the other.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Stopwatch { wall: Instant::now(), cpu: probes::cpu_time(ClockId::ProcessCPUTime) }
    }

    /// What passed since the start or the last lap.
    pub fn lap(&mut self, part: impl Into<String>) -> Timing {
        let next = Stopwatch::start();
        let timing = Timing {
            part: part.into(),
            wall: next.wall.duration_since(self.wall),
            cpu: next.cpu.saturating_sub(self.cpu),
        };
        *self = next;
        timing
    }
}

/// Looks at `host` and asks the checks that `selection` wants. Those about metrics get them from `history`.
///
/// # Errors
/// Only when DuckDB itself fails: what a probe cannot read is a gap, not an error.
pub fn perform(
    host: &Host,
    catalogue: &Catalogue,
    selection: &Selection,
    params: &BTreeMap<String, toml::Table>,
    history: Option<&Store>,
    mut listen: impl FnMut(Progress<'_>),
) -> Result<Performed, QueryError> {
    let start = Instant::now();
    let mut watch = Stopwatch::start();
    let mut timings = Vec::new();
    let mut facts = probes::run(probes::ALL, host, |event| {
        let probes::Event::Done { probe, took, cpu } = event;
        timings.push(Timing { part: format!("probe {probe}"), wall: took, cpu });
        listen(Progress::Probe(event));
    });
    timings.push(watch.lap("all probes"));
    let db = FactDb::filled(probes::tables(), &facts, host.now())?;
    timings.push(watch.lap("loading the facts"));
    let wanted: Vec<&Check> = catalogue.checks().filter(|c| selection.wants(c)).collect();
    if let Some(store) = history.filter(|_| host.is_live()) {
        measured(store, &db, &mut facts, &asked(&wanted));
        timings.push(watch.lap("metrics"));
        if wanted.iter().any(|check| check.needs.iter().any(|table| table == FORECASTS.name)) {
            foretold(store, &db, &mut facts, host.now());
            timings.push(watch.lap("forecasts"));
        }
    }
    db.seal()?;
    listen(Progress::Checks(wanted.len()));
    let mut outcomes = checks::run(wanted, &db, &facts, params, |check| listen(Progress::Check(check)));
    settle(&mut outcomes, catalogue, &BTreeSet::new());
    timings.push(watch.lap("checks"));
    let audit = Audit {
        id: None,
        machine: machine(host, &facts, &db),
        started: host.now(),
        took: start.elapsed(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        privileged: host.is_root(),
        complete: selection.is_everything(),
        outcomes,
        gaps: facts.gaps().into_iter().cloned().collect(),
        looked_at: looked_at(&db),
    };
    Ok(Performed { audit, facts, db, timings })
}

/// Puts what was measured of late beside the facts; that it cannot be read is a gap.
pub fn measured(store: &Store, db: &FactDb, facts: &mut Facts, metrics: &Metrics<'_>) {
    let host = machine_id(facts);
    match store.load_samples(db, &host, metrics) {
        Ok(measured) => facts.set_measured(measured),
        // Without a history nothing was measured.
        Err(StoreError::Missing(_) | StoreError::Lost(_)) => {}
        Err(error) => {
            let source = store.path().display().to_string();
            facts.set_unmeasured(Gap::new("what was measured", source, Reason::Broken(error.to_string())));
        }
    }
}

/// Puts what will run out beside the facts; that it cannot be told is a gap.
fn foretold(store: &Store, db: &FactDb, facts: &mut Facts, now: Timestamp) {
    let host = machine_id(facts);
    let all = outlook::outlooks(store, &host, now, &TimeZone::system());
    let filled = all.and_then(|all| {
        outlook::fill(db, &all)?;
        Ok(all)
    });
    match filled {
        Ok(all) => facts.add_measured(all.into_iter().map(|outlook| outlook.metric)),
        // Without a history nothing was measured.
        Err(StoreError::Missing(_) | StoreError::Lost(_)) => {}
        Err(error) => {
            let source = store.path().display().to_string();
            facts.set_unmeasured(Gap::new("what will run out", source, Reason::Broken(error.to_string())));
        }
    }
}

/// What checks ask of each table of metrics.
pub(crate) fn asked<'a>(checks: &[&'a Check]) -> Metrics<'a> {
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for check in checks.iter().filter(|check| !check.measures.is_empty()) {
        for table in check.needs.iter().filter(|name| tables::is_one(name)) {
            asked.entry(table.as_str()).or_default().extend(check.measures.iter().map(String::as_str));
        }
    }
    Metrics::Of(asked)
}

fn machine_id(facts: &Facts) -> String {
    let rows = facts.rows("machine");
    let text = |name: &str| rows.first().and_then(|m| m.get(name)).and_then(|v| v.as_str()).map(str::to_owned);
    text("machine_id").or_else(|| text("hostname")).unwrap_or_else(|| "unnamed".to_owned())
}

/// Marks what was waived, and puts problems with one cause under the worst of them.
pub fn settle(outcomes: &mut [Outcome], catalogue: &Catalogue, waived: &BTreeSet<String>) {
    for outcome in outcomes.iter_mut() {
        outcome.waived = waived.contains(&outcome.check);
        outcome.part_of = None;
    }
    for index in 0..outcomes.len() {
        let Some(outcome) = outcomes.get(index) else { continue };
        let (Some(finding), Some(check)) = (outcome.counted(), catalogue.get(&outcome.check)) else { continue };
        let severity = finding.severity;
        let leader = check
            .part_of
            .iter()
            .find(|id| outcomes.iter().any(|o| o.check == **id && o.counted().is_some_and(|f| f.severity >= severity)));
        let leader = leader.cloned();
        if let (Some(outcome), Some(leader)) = (outcomes.get_mut(index), leader) {
            outcome.part_of = Some(leader);
        }
    }
    // A leader that is itself part of another hands its parts on.
    let above: BTreeMap<String, String> =
        outcomes.iter().filter_map(|o| Some((o.check.clone(), o.part_of.clone()?))).collect();
    for outcome in outcomes.iter_mut() {
        let mut steps = 0;
        while let Some(next) = outcome.part_of.as_ref().and_then(|id| above.get(id)) {
            outcome.part_of = Some(next.clone());
            steps += 1;
            if steps > above.len() {
                break;
            }
        }
    }
}

/// An open problem, and the risk once those before it are solved: so the numbers of a list add up.
#[derive(Debug, Clone, Copy)]
pub struct Ranked<'a> {
    /// What its check said.
    pub outcome: &'a Outcome,
    /// What it found.
    pub finding: &'a Finding,
    /// The risk before it is solved.
    pub before: f64,
    /// The risk after.
    pub after: f64,
}

impl Audit {
    /// Risk of the open problems, from 0 to 100.
    pub fn risk(&self) -> f64 {
        score::risk(self.outcomes.iter().filter_map(|o| o.counted()).map(|f| f.severity))
    }

    /// The open problems in the order in which they are dealt with, what takes off most first.
    pub fn ranked(&self, catalogue: &Catalogue) -> Vec<Ranked<'_>> {
        let minutes = |o: &Outcome| catalogue.get(&o.check).map_or(0, |c| c.minutes);
        let counted = |outcome| Some(Ranked { outcome, finding: Outcome::counted(outcome)?, before: 0.0, after: 0.0 });
        let mut ranked: Vec<Ranked<'_>> = self.outcomes.iter().filter_map(counted).collect();
        ranked.sort_by(|a, b| {
            let severity = b.finding.severity.cmp(&a.finding.severity);
            let effort = minutes(a.outcome).cmp(&minutes(b.outcome));
            severity.then(effort).then_with(|| a.outcome.check.cmp(&b.outcome.check))
        });
        let mut left = self.risk();
        for problem in &mut ranked {
            problem.before = left;
            left -= score::points(left, problem.finding.severity);
            problem.after = left;
        }
        ranked
    }

    /// The grade.
    pub fn grade(&self) -> Grade {
        Grade::of(self.risk(), self.outcomes.iter().filter_map(|o| o.counted()).map(|f| f.severity).max())
    }
}

fn machine(host: &Host, facts: &Facts, db: &FactDb) -> MachineInfo {
    let rows = facts.rows("machine");
    let text = |name: &str| rows.first().and_then(|m| m.get(name)).and_then(|v| v.as_str()).map(str::to_owned);
    let hostname = text("hostname").unwrap_or_else(|| "unnamed".to_owned());
    MachineInfo {
        host: machine_id(facts),
        hostname,
        os: text("os_name").unwrap_or_else(|| "Linux".to_owned()),
        kind: text("kind").unwrap_or_else(|| "physical".to_owned()),
        role: text("role").unwrap_or_else(|| "server".to_owned()),
        root: crate::host::lossy(host.root()),
        kernel: text("kernel"),
        details: details(db),
    }
}

/// What a technician asks first about a machine, one question a line: name, and a query for its value in words and,
/// where that has an end, for how many more there are.
const DETAILS: &[(&str, &str)] = &[
    ("Hardware", "select concat_ws(', ', arch, virtualization) from machine where arch is not null"),
    ("Running since", "select strftime(booted, '%-d %B %Y') from machine"),
    (
        "Memory",
        "select concat(round(memory_total / 1e9, 1), ' GB, ', round(available_percent)::bigint, '% free') from memory_info",
    ),
    (
        "Disk",
        "select string_agg(concat(path, ' ', round(size / 1e9)::bigint, ' GB, ', round(100 - used_percent)::bigint, '% free'), '; ' \
         order by length(path), path, size, used_percent), any_value(total) - count(*) \
         from (select path, size, used_percent, count(*) over () as total from disk_space where not read_only and size > 5e8 \
         and (path = '/' or starts_with(device, '/dev/') or fstype in ('zfs', 'nfs', 'nfs4', 'cifs')) \
         order by length(path), path, size, used_percent limit 4)",
    ),
    (
        "Addresses",
        "select string_agg(address, ', ' order by address), any_value(total) - count(*) \
         from (select address, count(*) over () as total from (select distinct address from interface_addresses where \
         leads_outside and reach <> 'loopback' and not starts_with(address, 'fe80:')) order by address limit 6)",
    ),
    (
        "Open to other machines",
        "select string_agg(concat(port, '/', protocol, coalesce(' ' || process, '')), ', ' order by port, protocol, process), \
         any_value(total) - count(*) from (select *, count(*) over () as total from (select distinct port, protocol, process \
         from listening_ports where exposed) order by port, protocol, process limit 20)",
    ),
    (
        "People who can log in",
        "select string_agg(username, ', ' order by uid, username), any_value(total) - count(*) \
         from (select uid, username, count(*) over () as total from users where kind = 'person' and login_shell \
         order by uid, username limit 12)",
    ),
    (
        "Main programs",
        "select string_agg(concat(label, ' ', regexp_extract(version, '^(?:[0-9]+:)?([0-9][0-9.]*[0-9]|[0-9])', 1)), ', ' \
         order by label, version) from packages join (values ('openssh-server', 'OpenSSH'), ('nginx', 'nginx'), ('apache2', 'Apache'), \
         ('mariadb-server', 'MariaDB'), ('mysql-server', 'MySQL'), ('postgresql', 'PostgreSQL'), ('postfix', 'Postfix'), \
         ('exim4', 'Exim'), ('dovecot-core', 'Dovecot'), ('docker.io', 'Docker'), ('docker-ce', 'Docker'), \
         ('podman', 'Podman'), ('redis-server', 'Redis'), ('samba', 'Samba'), ('bind9', 'BIND'), ('php', 'PHP'), \
         ('haproxy', 'HAProxy'), ('systemd', 'systemd')) as main (package, label) on package = name where is_installed",
    ),
];

/// What the machine is made of and what runs on it, for people: name and value.
pub fn details(db: &FactDb) -> Vec<(String, String)> {
    let mut details = Vec::new();
    for (name, sql) in DETAILS {
        let answer = db.select(sql, &[]).ok();
        let Some(row) = answer.as_ref().and_then(|a| a.rows.first()) else { continue };
        let Some(value) = row.first().and_then(|v| v.as_str()).filter(|v| !v.is_empty()) else { continue };
        let more = match row.get(1).and_then(serde_json::Value::as_u64).and_then(|n| usize::try_from(n).ok()) {
            Some(more @ 1..) => format!(" and {} more", words::thousands(more)),
            _ => String::new(),
        };
        details.push(((*name).to_owned(), format!("{value}{more}")));
    }
    details
}

fn looked_at(db: &FactDb) -> LookedAt {
    let count = |sql: &str| {
        let answer = db.select(sql, &[]).ok();
        let cell = answer.as_ref().and_then(|a| a.rows.first()?.first()?.as_u64());
        cell.unwrap_or(0)
    };
    LookedAt {
        files: count("select coalesce(sum(files), 0)::bigint as n from file_walk"),
        services: count("select count(*) as n from services"),
        programs: count("select count(*) as n from packages where status = 'installed'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Severity, Verdict};

    fn problem(check: &str, severity: Severity) -> Outcome {
        let finding = Finding { title: check.to_owned(), severity, count: 1, evidence: Vec::new() };
        Outcome::new(check, Verdict::Problem(finding))
    }

    #[test]
    fn a_waived_problem_costs_nothing() {
        let mut outcomes = vec![problem("a", Severity::Critical), problem("b", Severity::Low)];
        settle(&mut outcomes, &Catalogue::default(), &BTreeSet::from(["a".to_owned()]));
        let counted: Vec<_> = outcomes.iter().filter(|o| o.counted().is_some()).map(|o| o.check.as_str()).collect();
        assert_eq!(counted, ["b"]);
    }

    /// What is told of a machine with so many of each, put into its tables in another order each time.
    fn told(n: i64, turn: i64) -> BTreeMap<String, String> {
        let db = FactDb::new(probes::tables(), Timestamp::UNIX_EPOCH).unwrap();
        let numbers = format!("(select * from range({n}) t(i) order by hash(i + {turn}))");
        db.connection()
            .execute_batch(&format!(
                "insert into listening_ports (port, protocol, process, exposed)
                    select 80, 'tcp', 'p' || lpad(i::text, 4, '0'), true from {numbers};
                insert into users (username, uid, kind, login_shell)
                    select 'u' || lpad(i::text, 4, '0'), 1000, 'person', true from {numbers};
                insert into interface_addresses (address, leads_outside, reach)
                    select '10.0.0.' || i, true, 'any' from {numbers};
                insert into disk_space (path, device, size, used_percent, read_only)
                    select '/' || chr((97 + i)::int), '/dev/sda', 1e9, 50, false from {numbers} where i < 20;"
            ))
            .unwrap();
        details(&db).into_iter().collect()
    }

    #[test]
    fn what_is_cut_of_the_machine_is_told_and_the_same_is_left_each_time() {
        let all = told(2500, 0);
        let end = |name: &str, end: &str| assert!(all[name].ends_with(end), "{name}: {}", all[name]);
        end("Disk", "/d 1 GB, 50% free and 16 more");
        end("Addresses", " and 2,494 more");
        end("Open to other machines", "80/tcp p0019 and 2,480 more");
        end("People who can log in", "u0011 and 2,488 more");
        assert_eq!(told(2500, 7), all);
        let few = told(4, 0);
        assert_eq!(few["Addresses"], "10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3");
        assert!(few.values().all(|text| !text.contains("more")), "{few:?}");
        assert_eq!(told(0, 0), BTreeMap::new());
    }
}
