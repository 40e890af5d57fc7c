//! Tests of the checks about metrics over whole histories: of quiet days no check says anything, of a bad day the right one
//! does. The quiet days are drawn from what a real machine measured; the same seed draws the same days.

mod bad_days;

use std::{collections::BTreeMap, fs};

use duckdb::Connection;
use jiff::{SignedDuration, Timestamp};

use super::{Catalogue, Check, Outcome, Verdict};
use crate::{
    audit,
    facts::{FactDb, State},
    host::Host,
    metrics::spool::{Frame, Writer},
    probes::{self, machine},
    store::{Keep, Metrics, Store},
};

/// When the audits are.
const NOW: &str = "2026-03-10T14:25:00Z";
/// Values of a quiet machine, measured for 100 seconds: metric, labels, values.
const QUIET: &str = include_str!("../../../tests/fixtures/metrics/quiet.tsv");
const KEEP: Keep = Keep {
    samples: SignedDuration::from_hours(48),
    minutes: SignedDuration::from_hours(24 * 30),
    hours: SignedDuration::from_hours(24 * 730),
};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A machine with a history of its own.
struct Machine {
    folder: tempfile::TempDir,
    host: Host,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("etc/os-release", "ID=debian\nNAME=Debian\nVERSION_ID=12\n"),
            ("etc/hostname", "quiet\n"),
            // Up for 60 days.
            ("proc/stat", "cpu 1 1 1 1\nbtime 1767968700\n"),
            ("sys/devices/system/cpu/online", "0-1\n"),
            ("sys/class/dmi/id/product_name", "KVM\n"),
        ] {
            let path = folder.path().join("root").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = Host::fake(&folder.path().join("root"), now(), BTreeMap::new()).unwrap();
        Machine { folder, host }
    }

    fn store(&self) -> Store {
        Store::at(self.folder.path().join("h.duckdb"))
    }

    /// The same machine, with a copy of its history.
    fn copy(&self) -> Self {
        let copy = Machine::new();
        fs::copy(self.store().path(), copy.store().path()).unwrap();
        copy
    }

    /// Opens its history, which is made where there is none.
    fn open(&self) -> Connection {
        let store = self.store();
        if !store.path().exists() {
            let spool = self.folder.path().join("spool");
            let mut writer = Writer::new(&spool).unwrap();
            let host = Some(machine::identity(&self.host).0);
            writer.add(&Frame { at: 0, host, series: Vec::new(), values: Vec::new() }).unwrap();
            drop(writer);
            store.take_samples(&spool).unwrap();
        }
        Connection::open(store.path()).unwrap()
    }

    /// Quiet days, a value every so many seconds in the last 24 hours and every ten minutes before.
    fn quiet(&self, hours: i64, every: i64, seed: i64) {
        let connection = self.open();
        let host = machine::identity(&self.host).0;
        connection.execute_batch("create temp table drawn (series integer, vals double[])").unwrap();
        for (number, line) in QUIET.lines().filter(|line| !line.starts_with('#')).enumerate() {
            let [metric, labels, values] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            connection
                .execute_batch(&format!(
                    "insert into metric_series values ({number}, '{host}', '{metric}', '{labels}', '{labels}'::json::map(varchar, varchar));
                     insert into drawn values ({number}, [{values}]);"
                ))
                .unwrap();
        }
        let end = now().as_second();
        let day = end - 86_400;
        // Half of the values go with the hour, so that hours differ as they do.
        let sql = format!(
            "insert into metric_fresh
             select series, make_timestamp(t * 1000000), vals[1 + (case when one % 2 = 0 then one // 2 else hour // 2 end)::bigint % len(vals)]
             from (select *, hash(concat_ws('/', {seed}, series, t)) as one, hash(concat_ws('/', {seed}, series, 'h', t // 3600)) as hour
                from drawn, (select range as t from range({from}, {day}, 600) union all select range from range({day}, {end}, {every})));
             update metric_fresh set value = epoch(ts) - 1767968700
                where series in (select id from metric_series where metric = 'system.uptime');
             update metric_fresh set value = 60 - (epoch(ts) - {day}) / 86400
                where series in (select id from metric_series where metric = 'tls.certificate.days_left');
             delete from metric_fresh where series in (select id from metric_series where metric = 'system.updates.pending')
                and epoch(ts)::bigint % 3600 >= {every};",
            from = end - hours * 3600,
            day = day.max(end - hours * 3600),
        );
        connection.execute_batch(&sql).unwrap();
    }

    /// What the checks about metrics say, with the facts that go with them.
    fn outcomes(&self, catalogue: &Catalogue) -> Vec<Outcome> {
        let asked: Vec<&Check> = catalogue.checks().filter(|check| !check.measures.is_empty()).collect();
        let mut facts = probes::run(&[machine::PROBE], &self.host, |_| {});
        let db = FactDb::filled(probes::tables(), &facts, now()).unwrap();
        audit::measured(&self.store(), &db, &mut facts, &audit::asked(&asked));
        db.seal().unwrap();
        let mut outcomes = super::run(asked, &db, &facts, &BTreeMap::new(), |_| {});
        audit::settle(&mut outcomes, catalogue, &std::collections::BTreeSet::new());
        outcomes
    }
}

fn catalogue() -> Catalogue {
    Catalogue::builtin().unwrap_or_else(|e| panic!("{e}"))
}

/// What is said of a machine of which all is measured and nothing is wrong: nothing, and nothing is unknown.
fn nothing_is_said(machine: &Machine, catalogue: &Catalogue) {
    for outcome in machine.outcomes(catalogue) {
        assert_eq!(outcome.verdict, Verdict::Ok, "{}", outcome.check);
    }
}

#[test]
fn of_24_quiet_hours_of_a_fresh_machine_nothing_is_said() {
    let catalogue = catalogue();
    for seed in 1..=5 {
        let machine = Machine::new();
        machine.quiet(24, 10 * seed, seed);
        nothing_is_said(&machine, &catalogue);
    }
}

#[test]
fn of_30_quiet_days_nothing_is_said() {
    let catalogue = catalogue();
    let machine = Machine::new();
    machine.quiet(30 * 24, 60, 7);
    nothing_is_said(&machine, &catalogue);
    machine.store().roll_up(now(), KEEP).unwrap();
    nothing_is_said(&machine, &catalogue);
}

#[test]
fn without_a_history_nothing_applies_and_without_a_part_only_that() {
    let catalogue = catalogue();
    let machine = Machine::new();
    let why = |outcome: &Outcome| match &outcome.verdict {
        Verdict::NotApplicable(why) => why.clone(),
        other => panic!("{}: {other:?}", outcome.check),
    };
    let outcomes = machine.outcomes(&catalogue);
    assert!(outcomes.len() >= 25, "{}", outcomes.len());
    assert!(outcomes.iter().all(|o| why(o) == "nothing is measured here"), "{outcomes:?}");
    // A history without metrics.
    drop(machine.open());
    assert!(machine.outcomes(&catalogue).iter().all(|o| why(o) == "nothing is measured here"));
    machine.quiet(24, 60, 1);
    let gone = "(select id from metric_series where starts_with(metric, 'target.') or starts_with(metric, 'hw.'))";
    machine.open().execute_batch(&format!("delete from metric_fresh where series in {gone}")).unwrap();
    for outcome in machine.outcomes(&catalogue) {
        match outcome.check.as_str() {
            "part-too-warm" | "target-fails-at-times" => assert_eq!(why(&outcome), "this is not measured here"),
            // They hear of name servers still, none of which is said to fail.
            _ => assert_eq!(outcome.verdict, Verdict::Ok, "{}", outcome.check),
        }
    }
}

#[test]
fn what_was_measured_days_ago_is_not_told_as_if_it_were_now() {
    let catalogue = catalogue();
    let machine = Machine::new();
    machine.quiet(30 * 24, 60, 3);
    let old = "ts > make_timestamp(1773152700000000) - interval 3 days";
    machine.open().execute_batch(&format!("delete from metric_fresh where {old}")).unwrap();
    for outcome in machine.outcomes(&catalogue) {
        match outcome.check.as_str() {
            "measuring-stopped" => {
                assert_eq!(outcome.finding().unwrap().title, "This machine has not been measured for 72 hours");
            }
            _ => assert_eq!(outcome.verdict, Verdict::NotApplicable("nothing is measured here".to_owned())),
        }
    }
}

#[test]
fn a_history_that_cannot_be_read_makes_them_unknown() {
    let machine = Machine::new();
    fs::write(machine.store().path(), "no database at all").unwrap();
    for outcome in machine.outcomes(&catalogue()) {
        let Verdict::Unknown(gaps) = &outcome.verdict else { panic!("{outcome:?}") };
        assert_eq!(gaps[0].what, "what was measured");
    }
}

#[test]
fn only_what_is_asked_of_a_table_is_put_into_it() {
    let machine = Machine::new();
    machine.quiet(24, 60, 1);
    let facts = probes::run(&[machine::PROBE], &machine.host, |_| {});
    let db = FactDb::filled(probes::tables(), &facts, now()).unwrap();
    let wanted = BTreeMap::from([
        ("samples", ["target.up"].into()),
        ("samples_1h", ["system.uptime", "target.up"].into()),
        ("samples_1m", ["no.such.metric"].into()),
    ]);
    let id = machine::identity(&machine.host).0;
    let measured = machine.store().load_samples(&db, &id, &Metrics::Of(wanted)).unwrap();
    assert_eq!(measured, BTreeMap::from([("system.uptime".to_owned(), 0), ("target.up".to_owned(), 0)]));
    db.seal().unwrap();
    for (table, metrics) in
        [("samples", "target.up"), ("samples_1h", "system.uptime,target.up"), ("samples_1m", ""), ("samples_1d", "")]
    {
        let sql = format!("select coalesce(string_agg(distinct metric, ',' order by metric), '') from {table}");
        assert_eq!(db.select(&sql, &[]).unwrap().rows[0][0], metrics, "{table}");
    }
    let mut facts = facts;
    facts.set_measured(BTreeMap::from([("a".to_owned(), 30)]));
    assert!(matches!(facts.state("samples"), State::Absent(_)));
    assert_eq!(facts.state("samples_1h"), State::Read);
    assert!(!facts.measures("a", 1) && facts.measures("a", 2) && !facts.measures("b", 2));
}

#[test]
fn a_whole_audit_reads_what_was_measured_and_says_nothing_of_it() {
    let catalogue = catalogue();
    let machine = Machine::new();
    machine.quiet(24, 60, 2);
    let done = audit::perform(
        &machine.host,
        &catalogue,
        &super::Selection::default(),
        &BTreeMap::new(),
        Some(&machine.store()),
        |_| {},
    )
    .unwrap();
    let of_metrics = |o: &&Outcome| catalogue.get(&o.check).is_some_and(|check| !check.measures.is_empty());
    let said: Vec<&Outcome> = done.audit.outcomes.iter().filter(of_metrics).collect();
    assert!(said.len() >= 25);
    assert!(said.iter().all(|o| o.verdict == Verdict::Ok), "{said:?}");
}

/// Nothing in the quiet days is invented: each metric of them is one that is measured, with its labels.
#[test]
fn the_quiet_days_have_what_is_measured() {
    let mut names = std::collections::BTreeSet::new();
    for line in QUIET.lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('\t').collect();
        let metric = crate::metrics::metric(parts[0]).unwrap_or_else(|| panic!("{}", parts[0]));
        let labels: BTreeMap<String, String> = serde_json::from_str(parts[1]).unwrap();
        assert!(labels.keys().all(|label| metric.labels.contains(&label.as_str())), "{line}");
        assert_eq!(labels.len(), metric.labels.len(), "{line}");
        names.insert(metric.name);
    }
    let asked: Vec<String> = catalogue().checks().flat_map(|check| check.measures.clone()).collect();
    // What comes only when something is wrong is in no quiet day.
    let rare = ["kernel.oom_kills", "systemd.service.restarts", "system.clock.jump", "target.failures"];
    let missing: Vec<_> = asked.iter().filter(|name| !names.contains(name.as_str())).collect();
    assert!(missing.iter().all(|name| rare.contains(&name.as_str())), "{missing:?}");
}

/// What is not named is not fetched: its check would never find anything.
#[test]
fn a_check_names_the_metrics_that_its_query_asks_for() {
    for check in catalogue().checks() {
        let asked: Vec<&str> = crate::metrics::metrics()
            .map(|metric| metric.name)
            .filter(|name| check.query.contains(&format!("'{name}'")))
            .collect();
        let mut measures: Vec<&str> = check.measures.iter().map(String::as_str).collect();
        measures.retain(|name| !asked.contains(name));
        let missing: Vec<_> = asked.iter().filter(|name| !check.measures.iter().any(|m| m == *name)).collect();
        assert!(missing.is_empty(), "{} does not name {missing:?}", check.id);
        // That one tells whether the log is read at all.
        measures.retain(|name| *name != "kernel.messages");
        // What comes is told by things, not by metrics.
        if check.needs.iter().any(|need| need == "forecasts") {
            measures.clear();
        }
        assert!(measures.is_empty(), "{} names {measures:?} and does not ask for it", check.id);
        for table in crate::metrics::tables::ALL.map(|table| table.name) {
            let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            assert_eq!(
                check.query.split(word).any(|part| part == table),
                check.needs.iter().any(|need| need == table),
                "{}: {table}",
                check.id
            );
        }
    }
}

#[test]
fn mistakes_in_a_check_about_metrics_are_told_with_what_would_be_right() {
    let (file, text) = crate::embedded::CHECK_FILES
        .iter()
        .find(|(file, _)| file.ends_with("/processor-time-taken-away.toml"))
        .unwrap();
    for (right, wrong, told) in [
        (
            "measures = [\"system.cpu.utilization\"]",
            "measures = [\"system.cpu.utilisation\"]",
            "did you mean `system.cpu.utilization`?",
        ),
        ("ago = [1, 4]", "ago = [4, 1]", "`ago = [1, 5]`"),
        ("ago = [1, 4]", "ago = -1", "`ago = [1, 5]`"),
        ("ago = [1, 4]", "agos = 1", "samples_1h has no column `agos`"),
    ] {
        assert!(text.contains(right), "{right}");
        let error = Catalogue::default().add(file, &text.replace(right, wrong)).unwrap_err();
        assert!(error.what.contains(told), "{error}");
    }
}
