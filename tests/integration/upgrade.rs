//! Histories of earlier releases and of later ones.

use std::{io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use duckdb::Connection;

use crate::support::Machine;

/// The tables that each schema added, from the second.
const ADDED: &[&[&str]] = &[
    &["audit_details"],
    &["fix_runs", "fix_steps", "fix_changes"],
    &["jobs", "job_runs", "mails", "alerts"],
    &[
        "metric_series",
        "metric_fresh",
        "metric_blocks",
        "metric_minutes",
        "metric_hours",
        "metric_days",
        "metric_taken",
    ],
];

fn sql(db: &Path, sql: &str) {
    Connection::open(db).unwrap().execute_batch(sql).unwrap();
}

/// A machine whose history is of an older schema.
fn of_schema(schema: usize) -> Machine {
    let machine = Machine::debian();
    assert!(machine.run(&["audit"]).code <= 1);
    let views = "drop view samples_1d; drop view samples_1h; drop view samples_1m; drop view samples; drop view metric_samples;";
    let drop: String =
        ADDED[schema - 1..].iter().flat_map(|tables| tables.iter()).rev().map(|t| format!("drop table {t};")).collect();
    let views = if schema < 5 { views } else { "" };
    sql(
        &machine.db(),
        &format!("{views}{drop} delete from schema_version; insert into schema_version values ({schema});"),
    );
    machine
}

#[test]
fn a_history_of_each_earlier_schema_is_brought_to_that_of_today_and_a_copy_is_kept() {
    for schema in 1..=ADDED.len() {
        let machine = of_schema(schema);
        let audits = machine.run(&["audits", "--format", "json"]);
        assert_eq!(audits.json().as_array().unwrap().len(), 1, "schema {schema}: {}", audits.err);
        assert!(machine.run(&["audit"]).code <= 1);
        assert_eq!(machine.run(&["audits", "--format", "json"]).json().as_array().unwrap().len(), 2);
        assert_eq!(machine.run(&["history", "--format", "json"]).code, 0);
        assert_eq!(machine.run(&["store", "check"]).code, 0);
        let kept: Vec<_> = std::fs::read_dir(machine.db().parent().unwrap())
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.to_string_lossy().contains(&format!("history.duckdb.schema-{schema}-")))
            .collect();
        assert_eq!(kept.len(), 1, "schema {schema}");
        let version = |db: &Path| {
            let db = Connection::open(db).unwrap();
            db.query_row("select max(version) from schema_version", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(version(&kept[0]), schema as i64, "as it was");
        assert_eq!(version(&machine.db()), ADDED.len() as i64 + 1);
    }
}

#[test]
fn a_history_of_a_later_release_is_left_alone_and_the_way_back_is_told() {
    let machine = of_schema(4);
    assert_eq!(machine.run(&["audits"]).code, 0);
    // A later release was here, and went again.
    sql(&machine.db(), "update schema_version set version = 99");
    let before = std::fs::read(machine.db()).unwrap();
    let said = machine.run(&["audits"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("was written by a newer cleanbill (its format is 99, this one knows 5)"), "{}", said.err);
    let (_, command) = said.err.split_once("as it was before: cleanbill ").unwrap();
    assert_eq!(machine.run(&["audit"]).code, 3, "it can look, and keep nothing");
    assert!(std::fs::read(machine.db()).unwrap() == before, "what a later release wrote is left alone");
    let mut words: Vec<&str> = command.split_whitespace().collect();
    words.push("--yes");
    let back = crate::support::cleanbill(&words);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(machine.run(&["audits", "--format", "json"]).json().as_array().unwrap().len(), 1);
    // Without such a copy, it says what else can be done.
    let other = Machine::debian();
    other.run(&["audit"]);
    sql(&other.db(), "update schema_version set version = 99");
    let said = other.run(&["audits"]);
    assert!(said.err.contains("Install the newer cleanbill, or give another file with --db FILE"), "{}", said.err);
}

/// What each release wrote, kept as it was: scripts/store-fixture.sh adds that of this one.
#[test]
fn what_every_release_wrote_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_end(&mut bytes).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("history.duckdb");
        std::fs::write(&db, bytes).unwrap();
        std::fs::set_permissions(&db, std::fs::Permissions::from_mode(0o600)).unwrap();
        let run = |args: &[&str]| {
            let said = crate::support::cleanbill(&[args, &["--db", db.to_str().unwrap()]].concat());
            assert!(said.code <= 1, "{}: {args:?}: {}", path.display(), said.err);
            said
        };
        assert_eq!(run(&["audits", "--format", "json"]).json().as_array().unwrap().len(), 3, "{}", path.display());
        assert!(run(&["report", "--format", "json"]).json()["problems"].as_array().unwrap().len() > 1);
        assert!(run(&["report", "--format", "html", "-o", "-"]).out.contains("web01"));
        assert_eq!(run(&["waivers", "--format", "json"]).json().as_array().unwrap().len(), 1);
        assert_eq!(run(&["history", "--format", "json"]).json().as_array().unwrap().len(), 1);
        assert!(run(&["compare", "1", "3"]).out.contains("The risk fell from 66 to 2"));
        assert!(run(&["trend"]).out.contains("the risk fell from 66 to 2"));
        // They are of the machine that wrote it, whichever looks now.
        let sql = "select count(*) from samples where metric = 'system.cpu.load_average.1m'";
        let samples: i64 = Connection::open(&db).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(samples > 3, "{}: {samples} samples", path.display());
        assert_eq!(run(&["store", "check"]).code, 0, "{}", path.display());
        tried += 1;
    }
    assert!(tried > 0);
}
