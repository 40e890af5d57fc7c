//! The file of the history: checked, backed up while others write, repaired after every kind of damage, brought back;
//! killed at any moment, on a full disk.
#![allow(clippy::print_stderr, reason = "how much was tried is said")]

use std::{
    collections::BTreeMap,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Machine, Said, program};

/// How often it is damaged or killed: always where no test may be left out, else where the time suffices.
const DAMAGES: usize = 60;
const KILLS: usize = 30;
/// Else no more is begun after so many seconds, once so many were tried.
const SECONDS: u64 = 25;
const LEAST: usize = 8;

fn goes_on(n: usize, most: usize, begun: Instant) -> bool {
    let all = std::env::var_os("CLEANBILL_ALL_TESTS").is_some();
    n < most && (all || n < LEAST || begun.elapsed() < Duration::from_secs(SECONDS))
}

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

/// A machine that was audited twice, with other facts the second time.
fn audited() -> Machine {
    let machine = Machine::debian();
    assert!(machine.run(&["audit"]).code <= 1);
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\neve:x:1005:1005::/home/eve:/bin/sh\n");
    assert!(machine.run(&["audit"]).code <= 1);
    machine
}

fn store(machine: &Machine, args: &[&str]) -> Said {
    machine.run(&[&["store"], args].concat())
}

fn backups(machine: &Machine) -> Vec<PathBuf> {
    files(&machine.beside().join("store/backups"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// By table, the rows that a reader of its own gets, none where one of them cannot be read; nothing where the file
/// cannot be opened.
fn readable(path: &Path) -> Option<BTreeMap<String, Option<usize>>> {
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap().threads(1).unwrap();
    let db = duckdb::Connection::open_with_flags(path, config).ok()?;
    let mut statement = db.prepare("select schema_name, table_name from duckdb_tables()").ok()?;
    let names = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?))).ok()?;
    let rows = |schema: &str, table: &str| -> Option<usize> {
        let mut statement = db.prepare(&format!("select * from {schema}.\"{table}\"")).ok()?;
        let mut rows = statement.query([]).ok()?;
        let mut n = 0;
        while rows.next().ok()?.is_some() {
            n += 1;
        }
        Some(n)
    };
    names.map(|n| n.ok()).map(|n| n.map(|(s, t)| (format!("{s}.{t}"), rows(&s, &t)))).collect()
}

/// Rows of each table, those that were put aside too.
fn saved(path: &Path) -> BTreeMap<String, usize> {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for (table, rows) in readable(path).unwrap() {
        let plain = match table.strip_prefix("lost_found.") {
            Some(aside) => aside.strip_prefix("facts_").map_or(format!("main.{aside}"), |t| format!("facts.{t}")),
            None => table.clone(),
        };
        *all.entry(plain).or_default() += rows.unwrap();
    }
    all
}

/// A program that writes goes on with what was saved.
fn usable(machine: &Machine) {
    let audit = machine.run(&["audit"]);
    assert!(audit.code <= 1, "{}", audit.err);
    let health = store(machine, &["check", "--format", "json"]);
    assert_eq!(health.code, 0, "{}", health.out);
}

#[test]
fn a_history_that_is_fine_is_said_to_be_and_stays_as_it_is() {
    let machine = audited();
    let before = std::fs::read(machine.db()).unwrap();
    let said = store(&machine, &["check"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("The history is fine: 2 audits of one machine since "), "{}", said.out);
    assert!(said.out.contains("There is no backup"), "{}", said.out);
    let repair = store(&machine, &["repair", "--yes"]);
    assert!(repair.code == 0 && repair.out.contains("It was left as it is"), "{}{}", repair.out, repair.err);
    assert_eq!(std::fs::read(machine.db()).unwrap(), before);
    assert_eq!(files(&machine.beside().join("store")), [machine.db()]);
    std::fs::set_permissions(machine.db(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = store(&machine, &["check", "--format", "json"]);
    assert_eq!(open.code, 1);
    assert_eq!(open.json()["problems"][0]["what"], "others may read it: its rights are 644");
    assert_eq!(store(&machine, &["repair"]).code, 0);
    assert_eq!(machine.db().metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn what_is_no_history_or_of_a_newer_program_is_refused() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let newer = |path: &Path| {
        let db = duckdb::Connection::open(path).unwrap();
        db.execute_batch("update schema_version set version = 999").unwrap();
    };
    newer(&backups(&machine)[0]);
    let said = store(&machine, &["restore", "latest", "--yes"]);
    assert!(said.code == 3 && said.err.contains("newer cleanbill"), "{}", said.err);
    newer(&machine.db());
    let before = std::fs::read(machine.db()).unwrap();
    for args in [&["check"][..], &["backup"], &["repair", "--yes"]] {
        let said = store(&machine, args);
        assert!(said.code == 3 && said.err.contains("newer cleanbill"), "{args:?}: {}", said.err);
    }
    assert_eq!(std::fs::read(machine.db()).unwrap(), before);
    std::fs::remove_file(machine.db()).unwrap();
    duckdb::Connection::open(machine.db()).unwrap().execute_batch("create table mine (n int)").unwrap();
    for args in [&["check"][..], &["backup"], &["repair", "--yes"]] {
        let said = store(&machine, args);
        assert!(said.code == 3 && said.err.contains("it holds no audits"), "{args:?}: {}", said.err);
    }
}

#[test]
fn an_older_format_is_checked_kept_and_brought_back_without_being_changed() {
    let machine = audited();
    {
        let db = duckdb::Connection::open(machine.db()).unwrap();
        let later = ["fix_runs", "fix_steps", "fix_changes"].map(|t| format!("drop table {t};")).concat();
        db.execute_batch(&format!("{later} update schema_version set version = 2")).unwrap();
        let mut statement = db
            .prepare(
                "select table_name from duckdb_tables() where schema_name = 'main' and table_name not in
                ('audits', 'findings', 'evidence', 'gaps', 'fact_snapshots', 'audit_facts', 'waivers', 'audit_details',
                 'schema_version')",
            )
            .unwrap();
        let newer: Vec<String> = statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        for table in newer {
            db.execute_batch(&format!("drop table {table}")).unwrap();
        }
    }
    let before = std::fs::read(machine.db()).unwrap();
    let health = store(&machine, &["check", "--format", "json"]);
    assert!(health.code == 0 && health.json()["schema"] == 2, "{}", health.out);
    assert_eq!(store(&machine, &["backup"]).code, 0);
    assert_eq!(std::fs::read(machine.db()).unwrap(), before);
    assert_eq!(store(&machine, &["restore", "latest", "--yes"]).code, 0);
    assert_eq!(std::fs::read(machine.db()).unwrap(), before);
    // Repaired, it is of today.
    damage_findings(&machine.db());
    let said = store(&machine, &["repair", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let health = store(&machine, &["check", "--format", "json"]).json();
    assert_eq!(health["schema"], health["newest_schema"]);
    usable(&machine);
}

#[test]
fn backups_are_whole_while_others_write() {
    let machine = audited();
    let audits = |path: &Path| -> i64 {
        let db = duckdb::Connection::open(path).unwrap();
        let sql = "select count(*) from audits a where exists (select 1 from findings f where f.audit = a.id)
                   and (select count(*) from audit_facts f where f.audit = a.id) = (select count(*) from audit_facts where audit = 1)";
        db.query_row(sql, [], |r| r.get(0)).unwrap()
    };
    let (mut counts, mut writers) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let (done, stop) = std::sync::mpsc::channel::<()>();
        let machine = &machine;
        let writer = scope.spawn(move || {
            let mut n = 0;
            while stop.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                machine.file("etc/motd", format!("{n}\n"));
                let said = machine.run(&["audit"]);
                assert!(said.code <= 1 && !said.err.contains("history"), "{}", said.err);
                n += 1;
            }
            n
        });
        for _ in 0..6 {
            let said = store(machine, &["backup", "--keep", "3", "--format", "json"]);
            assert_eq!(said.code, 0, "{}", said.err);
            let said = said.json();
            let file = PathBuf::from(said["file"].as_str().unwrap());
            let whole = audits(&file);
            assert_eq!(said["audits"], whole, "every audit in it is whole");
            counts.push(whole);
        }
        drop(done);
        writers = writer.join().unwrap();
    });
    eprintln!("{writers} audits were stored while copies were made of {counts:?}");
    assert!(counts.is_sorted() && counts.last() > counts.first(), "{counts:?}");
    assert_eq!(backups(&machine).len(), 3);
    let folder = machine.beside().join("store/backups");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    assert!(backups(&machine).iter().all(|b| b.metadata().unwrap().permissions().mode() & 0o7777 == 0o600));
    usable(&machine);
}

#[test]
fn only_our_own_copies_go_and_none_that_holds_what_the_new_one_does_not() {
    let machine = audited();
    let folder = machine.beside().join("store/backups");
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let first = backups(&machine)[0].clone();
    let dated = |day: u32| folder.join(format!("history-2026-01-{day:02}T0300.duckdb"));
    for day in 1..=4 {
        std::fs::copy(&first, dated(day)).unwrap();
    }
    let mine = [
        "history-2026-01-01.duckdb",
        "other-2026-01-01T0300.duckdb",
        "notes.txt",
        ".history-2020-01-01T0300.duckdb.part",
    ];
    for name in mine {
        std::fs::write(folder.join(name), "mine").unwrap();
    }
    let said = store(&machine, &["backup", "--keep", "3", "--format", "json"]).json();
    assert_eq!(said["removed"].as_array().unwrap().len(), 3, "{said}");
    for day in 1..=3 {
        assert!(!dated(day).exists());
    }
    for name in &mine[..3] {
        assert!(folder.join(name).exists(), "{name}");
    }
    assert!(!folder.join(mine[3]).exists(), "one that was cut off is cleared away");
    // The history is lost and begins anew: night after night no copy of the old one is driven out.
    std::fs::remove_file(machine.db()).unwrap();
    let audit = machine.run(&["audit"]);
    assert!(audit.err.contains("The history is gone") && audit.err.contains("store restore latest"), "{}", audit.err);
    let said = store(&machine, &["backup", "--keep", "1", "--format", "json"]).json();
    assert_eq!((said["removed"].to_string().as_str(), said["kept"].as_array().unwrap().len()), ("[]", 3), "{said}");
    // Nor by a damaged one.
    damage_findings(&machine.db());
    let before = backups(&machine);
    let said = store(&machine, &["backup", "--keep", "1"]);
    assert!(said.code == 3 && said.err.contains("is damaged, so no backup was made of it"), "{}", said.err);
    assert!(said.err.contains("cleanbill store check --db"), "{}", said.err);
    assert_eq!(backups(&machine), before);
}

#[test]
fn a_lost_history_is_brought_back_and_the_way_is_told() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    assert_eq!(machine.run(&["audit"]).code, 0);
    let third = std::fs::read(machine.db()).unwrap();
    let told = store(&machine, &["restore", "latest", "--dry-run"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out.contains("1 audit of the history of today is not in it.") && told.out.contains("Nothing was changed")
    );
    assert_eq!(std::fs::read(machine.db()).unwrap(), third);
    let asked = store(&machine, &["restore", "latest"]);
    assert!(asked.code == 2 && asked.err.contains("Give --yes"), "{}", asked.err);
    let back = store(&machine, &["restore", "latest", "--yes", "--format", "json"]).json();
    assert_eq!((back["audits"].as_u64(), back["lost_audits"].as_u64()), (Some(2), Some(1)));
    assert_eq!(std::fs::read(back["kept"].as_str().unwrap()).unwrap(), third, "what was there is kept");
    assert_eq!(std::fs::read(machine.db()).unwrap(), std::fs::read(&backups(&machine)[0]).unwrap());
    std::fs::remove_file(machine.db()).unwrap();
    for args in
        [&["audits"][..], &["report"], &["history"], &["store", "check"], &["store", "backup"], &["store", "repair"]]
    {
        let said = machine.run(args);
        assert!(said.code == 2 && said.err.contains("cleanbill store restore latest --db"), "{args:?}: {}", said.err);
    }
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date().to_string();
    assert_eq!(store(&machine, &["restore", &today, "--yes"]).code, 0);
    assert_eq!(machine.db().metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let none = store(&machine, &["restore", "2001-01-01", "--yes"]);
    assert!(none.code == 2 && none.err.contains("store restore --list"), "{}", none.err);
    let list = store(&machine, &["restore", "--list", "--format", "json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let name = backups(&machine)[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(store(&machine, &["restore", &name, "--yes"]).code, 0, "a name alone means the one in the folder");
    usable(&machine);
}

#[test]
fn a_backup_that_others_could_have_written_is_not_trusted() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let before = std::fs::read(machine.db()).unwrap();
    let backup = backups(&machine)[0].clone();
    std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o666)).unwrap();
    let said = store(&machine, &["restore", "latest", "--yes"]);
    assert!(said.code == 3 && said.err.contains("is not trusted"), "{}", said.err);
    std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::OpenOptions::new().write(true).open(&backup).unwrap().write_at(b"\xa5\x5a", 9000).unwrap();
    let said = store(&machine, &["restore", "latest", "--yes"]);
    assert!(said.code == 3 && said.err.contains("is damaged"), "{}", said.err);
    assert_eq!(std::fs::read(machine.db()).unwrap(), before);
    assert_eq!(files(&machine.beside().join("store")), [machine.beside().join("store/backups"), machine.db()]);
}

#[test]
fn a_run_that_was_under_way_in_a_backup_is_not_taken_back_by_itself() {
    let machine = Machine::debian();
    machine.file("etc/sysctl.d/10-mine.conf", "kernel.kptr_restrict = 0\n");
    assert!(machine.on(&["fix", "--all", "--yes"]).code <= 1);
    let state = |sql: &str| duckdb::Connection::open(machine.db()).unwrap().execute_batch(sql).unwrap();
    state("update fix_runs set state = 'running', ended = null; update fix_steps set state = 'planned'");
    assert_eq!(store(&machine, &["backup"]).code, 0);
    state("update fix_runs set state = 'done'; update fix_steps set state = 'fixed'");
    let tree = crate::support::snapshot(&machine.root(), true);
    let said = store(&machine, &["restore", "latest", "--yes"]);
    assert!(said.out.contains("Run 1 of fixes was under way"), "{}{}", said.out, said.err);
    let audit = machine.on(&["audit"]);
    assert!(!audit.err.contains("cut off"), "{}", audit.err);
    assert_eq!(crate::support::snapshot(&machine.root(), true), tree);
    assert_eq!(machine.on(&["undo", "--yes"]).code, 0, "and it can be undone");
    assert_ne!(crate::support::snapshot(&machine.root(), true), tree);
}

/// Writes over the block that holds the titles of findings.
fn damage_findings(path: &Path) {
    damage_column(path, "findings", "title", 0);
}

fn damage_column(path: &Path, table: &str, column: &str, segment: usize) {
    let block: i64 = {
        let db = duckdb::Connection::open(path).unwrap();
        let sql = format!(
            "select block_id from pragma_storage_info('{table}') where column_name = '{column}' and block_id >= 0
               and segment_type <> 'VALIDITY' order by row_group_id, segment_id offset {segment} limit 1"
        );
        db.query_row(&sql, [], |r| r.get(0)).unwrap()
    };
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_at(b"\xa5\x5a\xa5\x5a", 12_288 + u64::try_from(block).unwrap() * 262_144 + 100).unwrap();
}

#[test]
fn of_a_big_table_only_the_rows_in_the_damaged_part_are_lost() {
    let machine = audited();
    let wide =
        "create table notes as select i, md5(i::varchar) as a, md5((i * 7)::varchar) as b from range(300000) r(i)";
    duckdb::Connection::open(machine.db()).unwrap().execute_batch(wide).unwrap();
    damage_column(&machine.db(), "notes", "a", 9);
    let readable: Vec<i64> = {
        let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
        let db = duckdb::Connection::open_with_flags(machine.db(), config).unwrap();
        let sql = "select i from notes where rowid >= ? and rowid < ? and a is not null and b is not null";
        let part = |from: i64| -> Option<Vec<i64>> {
            let mut statement = db.prepare(sql).ok()?;
            statement.query_map([from, from + 2048], |r| r.get(0)).ok()?.collect::<Result<_, _>>().ok()
        };
        (0..300_000).step_by(2048).filter_map(part).flatten().collect()
    };
    assert!(readable.len() > 250_000 && readable.len() < 300_000, "{}", readable.len());
    let dry = store(&machine, &["repair", "--dry-run"]);
    assert!(dry.code == 1 && dry.out.contains("Nothing was changed"), "{}{}", dry.out, dry.err);
    let said = store(&machine, &["repair", "--yes", "--format", "json"]).json();
    let row = said["tables"].as_array().unwrap().iter().find(|t| t["name"] == "main.notes").unwrap().clone();
    assert_eq!(row["saved"], readable.len(), "{row}");
    assert_eq!(row["aside"], 300_000 - readable.len(), "the other columns of these rows are kept");
    let db = duckdb::Connection::open(machine.db()).unwrap();
    let same: i64 = db
        .query_row("select count(*) from notes where a = md5(i::varchar) and b = md5((i * 7)::varchar)", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(usize::try_from(same).unwrap(), readable.len());
    drop(db);
    usable(&machine);
}

#[test]
fn audits_that_lost_something_say_so_and_nobody_inherits_what_is_left_of_them() {
    let machine = audited();
    damage_findings(&machine.db());
    let said = store(&machine, &["repair", "--yes", "--format", "json"]).json();
    assert_eq!((said["audits"].as_u64(), said["incomplete"].as_u64()), (Some(2), Some(2)), "{said}");
    let audits = machine.run(&["audits", "--format", "json"]).json();
    assert!(audits.as_array().unwrap().iter().all(|a| a["complete"] == false), "{audits}");
    let report = machine.run(&["report", "--format", "json", "--output", "-"]);
    assert!(report.out.contains("lost when the history was repaired"), "{}", report.err);
    // A history without its audits: a new one must not get the number of an old one with its findings.
    let machine = audited();
    damage_column(&machine.db(), "audits", "hostname", 0);
    let said = store(&machine, &["repair", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(machine.run(&["audit"]).code <= 1);
    let db = duckdb::Connection::open(machine.db()).unwrap();
    let twice: i64 = db
        .query_row("select count(*) - count(distinct check_id) from findings where audit = 1", [], |r| r.get(0))
        .unwrap();
    assert_eq!(twice, 0);
    drop(db);
    usable(&machine);
}

/// A history with something beside it that is not in it yet, as one who was killed leaves it.
fn with_wal(machine: &Machine) -> PathBuf {
    let wal = PathBuf::from(format!("{}.wal", machine.db().display()));
    let work = machine.beside().join("work.duckdb");
    std::fs::copy(machine.db(), &work).unwrap();
    let db = duckdb::Connection::open(&work).unwrap();
    for n in 0..5 {
        db.execute_batch(&format!(
            "insert into waivers select 'w{n}', 'h', repeat('x', 500), 'me', now()::timestamp, current_date, null from range(4)"
        ))
        .unwrap();
    }
    std::fs::copy(machine.beside().join("work.duckdb.wal"), &wal).unwrap();
    std::fs::copy(&work, machine.db()).unwrap();
    wal
}

#[test]
fn what_waits_beside_the_file_is_taken_in_as_far_as_it_can_be_read() {
    let machine = audited();
    let wal = with_wal(&machine);
    let (file, tail) = (std::fs::read(machine.db()).unwrap(), std::fs::read(&wal).unwrap());
    let waivers = |path: &Path| saved(path)["main.waivers"];
    let health = store(&machine, &["check", "--format", "json"]);
    assert!(health.code == 0 && health.json()["waiting"] == tail.len(), "{}", health.out);
    assert_eq!((std::fs::read(machine.db()).unwrap(), std::fs::read(&wal).unwrap()), (file.clone(), tail.clone()));
    assert_eq!(store(&machine, &["backup"]).code, 0);
    assert_eq!(waivers(&backups(&machine)[0]), 20, "a backup has it");
    // Damaged in its middle: what was written before that can be saved.
    std::fs::write(machine.db(), &file).unwrap();
    let mut broken = tail.clone();
    let middle = tail.len() / 2;
    broken[middle] ^= 0x41;
    std::fs::write(&wal, &broken).unwrap();
    let health = store(&machine, &["check"]);
    assert!(health.code == 1 && health.out.contains("What was written last"), "{}{}", health.out, health.err);
    let said = store(&machine, &["repair", "--yes", "--format", "json"]).json();
    assert_eq!(said["tail"], "in_part");
    let kept = said["kept"].as_str().unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), file);
    assert_eq!(std::fs::read(format!("{kept}.wal")).unwrap(), broken);
    assert!(!wal.exists());
    assert!((4..20).contains(&waivers(&machine.db())), "{}", waivers(&machine.db()));
    usable(&machine);
}

#[test]
fn whatever_is_damaged_the_truth_is_told_and_what_can_be_read_is_saved() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let wal = with_wal(&machine);
    let (file, tail) = (std::fs::read(machine.db()).unwrap(), std::fs::read(&wal).unwrap());
    let (mut dice, begun) = (Dice(0x9e37_79b9_7f4a_7c15), Instant::now());
    let (mut n, mut fine, mut repaired, mut hopeless) = (0, 0, 0, 0);
    let folder = machine.beside().join("store");
    while goes_on(n, DAMAGES, begun) {
        for left in files(&folder).into_iter().filter(|p| p.is_file()) {
            std::fs::remove_file(left).unwrap();
        }
        let (mut bytes, mut beside) = (file.clone(), Vec::new());
        let length = bytes.len() as u64;
        match n % 6 {
            0 => flip(&mut bytes, dice.roll(12_288), &mut dice),
            1 => bytes.truncate(usize::try_from(dice.roll(length)).unwrap()),
            2 => {
                beside = tail.clone();
                flip(&mut beside, dice.roll(tail.len() as u64), &mut dice);
            }
            3 => {
                beside = tail.clone();
                beside.truncate(usize::try_from(dice.roll(tail.len() as u64)).unwrap());
                flip(&mut bytes, 12_288 + dice.roll(length - 12_288), &mut dice);
            }
            _ => flip(&mut bytes, 12_288 + dice.roll(length - 12_288), &mut dice),
        }
        let private = |path: &Path, bytes: &[u8]| {
            std::fs::write(path, bytes).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        private(&machine.db(), &bytes);
        if !beside.is_empty() {
            private(&wal, &beside);
        }
        let before = readable(&machine.db());
        let whole = before.as_ref().is_some_and(|tables| tables.values().all(Option::is_some));
        let health = store(&machine, &["check", "--format", "json"]);
        assert_eq!(std::fs::read(machine.db()).unwrap(), bytes, "{n}: check changes nothing");
        match health.code {
            0 => {
                assert!(whole, "{n}: said to be fine: {before:?}");
                usable(&machine);
                fine += 1;
            }
            1 => {
                let said = store(&machine, &["repair", "--yes", "--format", "json"]);
                match said.code {
                    0 => {
                        let said = said.json();
                        let kept = PathBuf::from(said["kept"].as_str().unwrap());
                        assert_eq!(std::fs::read(&kept).unwrap(), bytes, "{n}: the damaged file is kept");
                        let now = saved(&machine.db());
                        for (table, rows) in before.iter().flatten().filter(|t| t.0 != "main.schema_version") {
                            let rows = rows.unwrap_or(0);
                            assert!(now.get(table).copied().unwrap_or(0) >= rows, "{n}: {table} had {rows}: {said}");
                        }
                        usable(&machine);
                        repaired += 1;
                    }
                    3 => {
                        assert!(said.err.contains("nothing could be saved"), "{n}: {}", said.err);
                        assert!(said.err.contains("store restore latest"), "{n}: {}", said.err);
                        assert!(before.is_none(), "{n}: DuckDB can read it: {}", said.err);
                        assert_eq!(std::fs::read(machine.db()).unwrap(), bytes, "{n}: it is left as it is");
                        hopeless += 1;
                    }
                    code => panic!("{n}: {code} {}", said.err),
                }
            }
            code => panic!("{n}: {code} {} {}", health.out, health.err),
        }
        let back = store(&machine, &["restore", "latest", "--yes"]);
        assert_eq!(back.code, 0, "{n}: {}", back.err);
        assert_eq!(std::fs::read(machine.db()).unwrap(), std::fs::read(&backups(&machine)[0]).unwrap());
        assert!(!wal.exists(), "{n}: what lay beside the old file is not taken for the new one's");
        n += 1;
    }
    eprintln!("{n} damages: {fine} in parts that hold nothing, {repaired} repaired, {hopeless} left for a backup");
    assert!(repaired > 0 && hopeless > 0, "{n} {fine} {repaired} {hopeless}");
}

fn flip(bytes: &mut [u8], at: u64, dice: &mut Dice) {
    let at = usize::try_from(at).unwrap();
    let length = [1, 16, 4096][usize::try_from(dice.roll(3)).unwrap()];
    for byte in bytes.iter_mut().skip(at).take(length) {
        *byte ^= 1 + u8::try_from(dice.roll(255)).unwrap();
    }
}

fn start(machine: &Machine, args: &[&str]) -> Child {
    let mut command = program();
    command.arg("store").args(args).arg("--db").arg(machine.db());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_at_any_moment_a_backup_harms_no_older_one() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let clock = Instant::now();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let takes = u64::try_from(clock.elapsed().as_micros()).unwrap();
    let (mut dice, begun, mut n, mut cut) = (Dice(77), Instant::now(), 0, 0);
    let original = std::fs::read(machine.db()).unwrap();
    while goes_on(n, KILLS, begun) {
        let before: BTreeMap<PathBuf, Vec<u8>> = backups(&machine)
            .into_iter()
            .filter(|p| is_named(p))
            .map(|p| (p.clone(), std::fs::read(p).unwrap()))
            .collect();
        let mut child = start(&machine, &["backup", "--keep", "100"]);
        std::thread::sleep(Duration::from_micros(dice.roll(takes * 11 / 10)));
        let _ = child.kill();
        child.wait().unwrap();
        for file in backups(&machine) {
            if !is_named(&file) {
                cut += 1;
                continue;
            }
            assert_eq!(std::fs::read(&file).unwrap(), original, "{n}: {file:?}");
        }
        assert!(before.keys().all(|p| p.exists()), "{n}");
        assert_eq!(std::fs::read(machine.db()).unwrap(), original, "{n}");
        n += 1;
    }
    assert_eq!(store(&machine, &["backup", "--keep", "2"]).code, 0);
    assert_eq!(backups(&machine).len(), 2, "what was left behind is cleared away");
    eprintln!("killed {n} times, {cut} times while the copy was written");
    assert!(cut > 0, "never was one cut off while it was written");
}

fn is_named(path: &Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with("history-")
}

#[test]
fn killed_at_any_moment_a_restore_leaves_the_one_or_the_other() {
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let old = std::fs::read(&backups(&machine)[0]).unwrap();
    assert_eq!(machine.run(&["audit"]).code, 0);
    let new = std::fs::read(machine.db()).unwrap();
    assert_ne!(old, new);
    let clock = Instant::now();
    assert_eq!(store(&machine, &["restore", "latest", "--yes"]).code, 0);
    let takes = u64::try_from(clock.elapsed().as_micros()).unwrap();
    let (mut dice, begun, mut n, mut back) = (Dice(99), Instant::now(), 0, 0);
    while goes_on(n, KILLS, begun) {
        std::fs::write(machine.db(), &new).unwrap();
        let mut child = start(&machine, &["restore", "latest", "--yes"]);
        // More often at the end, where the files change their names.
        let from = if dice.roll(2) == 0 { 0 } else { takes * 6 / 10 };
        std::thread::sleep(Duration::from_micros(from + dice.roll(takes * 11 / 10 - from)));
        let _ = child.kill();
        child.wait().unwrap();
        let now = std::fs::read(machine.db()).unwrap();
        assert!(now == old || now == new, "{n}: neither the one nor the other");
        back += usize::from(now == old);
        assert_eq!(std::fs::read(&backups(&machine)[0]).unwrap(), old, "{n}: the backup is as it was");
        if now == old {
            let kept = files(&machine.beside().join("store"))
                .into_iter()
                .filter(|p| p.to_string_lossy().contains(".replaced-"));
            assert!(kept.into_iter().any(|p| std::fs::read(p).unwrap() == new), "{n}: what was there is kept");
        }
        for left in files(&machine.beside().join("store")) {
            if left.to_string_lossy().contains(".replaced-") && dice.roll(2) == 0 {
                std::fs::remove_file(left).unwrap();
            }
        }
        n += 1;
    }
    assert_eq!(store(&machine, &["restore", "latest", "--yes"]).code, 0);
    let work = machine.beside().join("store/.history.duckdb.care");
    assert!(!work.exists(), "what was left behind is cleared away");
    assert_eq!(store(&machine, &["check"]).code, 0);
    eprintln!("killed {n} times, {back} of them after the backup was in its place");
}

/// Small disks of their own, in a mount namespace that goes with the test.
#[test]
fn on_a_full_or_closed_disk_everything_stays_as_it_is() {
    if !crate::testing::is_root() {
        return;
    }
    let machine = audited();
    assert_eq!(store(&machine, &["backup"]).code, 0);
    let disk = machine.beside().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let script = r#"
        set -u

        mount -t tmpfs -o size=64m tmpfs "$1"
        cp -r "$3/." "$1/"
        sum() { cat "$1"/*.duckdb "$1"/backups/*.duckdb | cksum; }
        names() { (cd "$1" && find . | sort | cksum); }
        dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null
        before="$(sum "$1")$(names "$1")"
        for what in "backup" "restore latest --yes"; do
            "$2" store $what --db "$1/history.duckdb" >/dev/null 2>"$4"; echo "$what $? $(grep -c 'is full' "$4")"
        done
        test "$before" = "$(sum "$1")$(names "$1")" && echo same
        "$2" store check --db "$1/history.duckdb" >/dev/null; echo "check $?"
        rm "$1/ballast"
        mount -o remount,ro "$1"
        for what in "check" "backup" "restore latest --yes" "repair --yes"; do
            "$2" store $what --db "$1/history.duckdb" >/dev/null 2>"$4"; echo "$what $? $(grep -c 'Read-only' "$4")"
        done
        "$2" store backup --to "$3/elsewhere" --db "$1/history.duckdb" >/dev/null; echo "elsewhere $?"
    "#;
    let output = Command::new("unshare")
        .args(["--mount", "/bin/sh", "-c", script, "sh"])
        .args([
            &disk,
            Path::new(program().get_program()),
            &machine.beside().join("store"),
            &machine.beside().join("err"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = "backup 3 1\nrestore latest --yes 3 1\nsame\ncheck 0\n\
                    check 0 0\nbackup 3 1\nrestore latest --yes 3 1\nrepair --yes 0 0\nelsewhere 0\n";
    assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_damaged_history_on_a_full_disk_is_not_made_worse() {
    if !crate::testing::is_root() {
        return;
    }
    let machine = audited();
    damage_findings(&machine.db());
    let disk = machine.beside().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let script = r#"
        set -u
        mount -t tmpfs -o size=64m tmpfs "$1"
        cp "$3" "$1/history.duckdb"
        dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null
        "$2" store repair --yes --db "$1/history.duckdb" >/dev/null 2>"$4"; echo "repair $? $(grep -c 'is full' "$4")"
        cmp "$3" "$1/history.duckdb" && ls -A "$1"
        rm "$1/ballast"
        "$2" store repair --yes --db "$1/history.duckdb" >/dev/null; echo "repair $?"
    "#;
    let output = Command::new("unshare")
        .args(["--mount", "/bin/sh", "-c", script, "sh"])
        .args([&disk, Path::new(program().get_program()), &machine.db(), &machine.beside().join("err")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "repair 3 1\nballast\nhistory.duckdb\nrepair 0\n", "{}", String::from_utf8_lossy(&output.stderr));
}
