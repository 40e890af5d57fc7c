//! A history with a year of metrics is looked after as any other: checked, copied, brought back, and saved after damage.

use std::{
    io::Read as _,
    os::unix::fs::FileExt as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use super::place::{Place, Program};

/// A year as it is kept by default: every value of two days, one a minute of the month before, one an hour and a day of all of it.
const YEAR: &str = "
    create temp table n as select unnest(range(1, SERIES + 1))::integer as series;
    insert into metric_series
        select series, 'h', 'made.up', json_object('n', series::varchar)::varchar, map {'n': series::varchar} from n;
    create temp macro wave(n, m) as
        round(50 + n % 7 + 40 * sin(epoch(m) / 13751) + 10 * sin(epoch(m) / 61 * (n % 5 + 1)), 1);
    insert into metric_blocks
        select series, hour, hour + interval '3590 seconds', 360, 10000000, null, null, 1,
               [wave(series, hour + x * interval 10 seconds) for x in range(360)]
        from n, range(timestamp '2026-01-01' - interval 2 days, timestamp '2026-01-01', interval 1 hour) t(hour)
        order by all;
    insert into metric_minutes
        select series, epoch(moment)::bigint // 60, wave(series, moment) - 1, wave(series, moment), wave(series, moment) + 1,
               wave(series, moment) + 0.9, wave(series, moment), 6
        from n, range(timestamp '2026-01-01' - interval 30 days, timestamp '2026-01-01' - interval 2 days, interval 1 minute) t(moment)
        order by series, moment;
    insert into metric_hours
        select series, moment, wave(series, moment) - 5, wave(series, moment), wave(series, moment) + 5, wave(series, moment) + 4.5,
               wave(series, moment), 360, [4000 + (x * 7 + series + epoch(moment)::bigint // 3600) % 97 for x in range(25)]::smallint[], [14 + x % 2 for x in range(25)]::integer[]
        from n, range(timestamp '2025-01-01', timestamp '2026-01-01', interval 1 hour) t(moment) order by series, moment;
    insert into metric_days
        select series, moment, wave(series, moment) - 9, wave(series, moment), wave(series, moment) + 9, wave(series, moment) + 8.5,
               wave(series, moment), 8640, range(4000, 4050)::smallint[], [170 + x % 5 for x in range(50)]::integer[]
        from n, range(timestamp '2025-01-01', timestamp '2026-01-01', interval 1 day) t(moment) order by series, moment;
    checkpoint;";
const TABLES: [&str; 4] = ["metric_blocks", "metric_minutes", "metric_hours", "metric_days"];

/// How many lines of metrics there are: as many as a server has, or a few where not all must be tried.
fn series() -> u32 {
    if std::env::var_os("CLEANBILL_ALL_TESTS").is_some() { 200 } else { 20 }
}

/// Runs it; how it ended, how long it took, and what it said. What it and its helper hold in memory is told.
fn measured(place: &Place, args: &[&str]) -> (i32, String) {
    let mut command = place.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let (begun, mut program) = (Instant::now(), Program(command.spawn().unwrap()));
    let mut all = 0;
    let code = loop {
        // Helpers that come one after the other hold nothing at once.
        all = all.max(peaks(program.0.id()).into_iter().sum::<u64>());
        if let Some(status) = program.0.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    eprintln!("{:32} {:5.1} s {:5} MB", args.join(" "), begun.elapsed().as_secs_f64(), all / 1024);
    // Half a gigabyte is what DuckDB may have, and the service is ended at one.
    assert!(all < 3 << 18, "{args:?} held {all} kB");
    let mut said = String::new();
    program.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    (code, said)
}

/// The memory at the peak, in kB, of a program and those that it started.
fn peaks(pid: u32) -> Vec<u64> {
    let text = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = text("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let children = text(&format!("task/{pid}/children"));
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    peak.into_iter().chain(children.flat_map(peaks)).collect()
}

fn count(place: &Place, table: &str) -> i64 {
    place.history().query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).unwrap()
}

/// Writes over a part of a column.
fn damage(path: &Path, table: &str, column: &str) {
    let block: i64 = {
        let history = duckdb::Connection::open(path).unwrap();
        let sql = format!(
            "select block_id from pragma_storage_info('{table}') where column_name = '{column}' and block_id >= 0 and
             segment_type in ('DOUBLE', 'FLOAT', 'SMALLINT') order by row_group_id, segment_id limit 1"
        );
        history.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_at(b"\xa5\x5a\xa5\x5a", 12_288 + u64::try_from(block).unwrap() * 262_144 + 100).unwrap();
}

#[test]
fn a_year_of_metrics_is_looked_after_as_any_other_history() {
    let place = Place::new("[metrics]\nevery = '100ms'\nbatch = '300ms'\n");
    let measure = ["collect", "--every", "100ms", "--only", "load", "--for", "1s"];
    place.ok(&measure);
    let path = place.path("history/h.duckdb");
    let begun = Instant::now();
    duckdb::Connection::open(&path)
        .unwrap()
        .execute_batch("delete from metric_series; delete from metric_fresh;")
        .unwrap();
    duckdb::Connection::open(&path).unwrap().execute_batch(&YEAR.replace("SERIES", &series().to_string())).unwrap();
    let size = path.metadata().unwrap().len();
    eprintln!("a year of {} series: {} MB, made in {:?}", series(), size >> 20, begun.elapsed());
    let before: Vec<i64> = TABLES.iter().map(|table| count(&place, table)).collect();
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(measured(&place, &["store", "check"]).0, 0);
    assert_eq!(measured(&place, &["store", "backup"]).0, 0);
    assert_eq!(std::fs::read(&path).unwrap(), whole, "neither changes anything");

    // A part of each kind of value is damaged: what is left is saved, and all is used as before.
    for (table, column) in TABLES.iter().zip(["vals", "mean", "bins", "mean"]) {
        damage(&path, table, column);
    }
    assert_eq!(measured(&place, &["store", "check"]).0, 1);
    let (code, said) = measured(&place, &["store", "repair", "--yes", "--format", "json"]);
    assert_eq!(code, 0);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(measured(&place, &["store", "check"]).0, 0);
    let after: Vec<i64> = TABLES.iter().map(|table| count(&place, table)).collect();
    for ((table, before), after) in TABLES.iter().zip(&before).zip(&after) {
        let told = said["tables"].as_array().unwrap().iter().find(|t| t["name"] == format!("main.{table}")).unwrap();
        let [saved, aside, lost] = ["saved", "aside", "lost"].map(|what| told[what].as_i64().unwrap());
        eprintln!("{table}: {before} values, {saved} saved, {aside} in part, {lost} lost");
        assert!(saved + aside + lost == *before && saved == *after, "{told}");
        // The mean stands for what is lost of an hour; of the rest, what is not whole is put aside.
        assert!(if *table == "metric_hours" { saved > before / 3 } else { aside + lost > 0 }, "{told}");
    }
    for (view, table) in ["samples_1h", "samples_1d"].iter().zip(&after[2..]) {
        assert_eq!(count(&place, view), *table, "{view}");
    }
    // An hour has 360 samples, and 60 minutes that nothing else tells of.
    assert_eq!(count(&place, "samples"), 360 * after[0]);
    assert_eq!(count(&place, "samples_1m"), after[1] + 60 * after[0]);
    let sizes = "metric_hours where len(bins) = 0 or len(bins) <> len(counts) or list_sum(counts) <= 0";
    assert_eq!(count(&place, sizes), 0);
    place.ok(&measure);
    place.ok(&["trend", "system.cpu.load_average.1m"]);

    // Brought back it is as it was.
    assert_eq!(measured(&place, &["store", "restore", "latest", "--yes"]).0, 0);
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn values_without_a_name_are_put_aside_and_inherited_by_nobody() {
    let place = Place::new("[metrics]\nevery = '100ms'\nbatch = '300ms'\n");
    let measure = |what: &str| place.ok(&["collect", "--every", "100ms", "--only", what, "--for", "1s"]);
    measure("load");
    let path = place.path("history/h.duckdb");
    let fresh = count(&place, "metric_fresh");
    duckdb::Connection::open(&path).unwrap().execute_batch("delete from metric_series; checkpoint;").unwrap();
    let said = place.run(&["store", "check"]);
    assert!(said.code == 1 && said.out.contains("samples of today whose names are not there"), "{}", said.out);
    place.ok(&["store", "repair", "--yes"]);
    place.ok(&["store", "check"]);
    assert_eq!((count(&place, "metric_fresh"), count(&place, "lost_found.metric_fresh")), (0, fresh));
    // Another thing gets the number of what was lost, and none of its values.
    measure("uptime");
    let names = place.samples();
    assert!(!names.is_empty() && names.keys().all(|(_, metric, _)| metric == "system.uptime"), "{names:?}");
}

#[test]
fn where_nothing_was_measured_a_question_has_an_empty_answer() {
    let place = Place::new("");
    for table in ["samples", "samples_1h", "forecasts"] {
        let said = place.run(&["query", "--format", "csv", &format!("select count(*) as n from {table}")]);
        assert_eq!((said.code, said.out.lines().last()), (0, Some("0")), "{table}: {}", said.err);
        assert!(said.err.contains("Nothing was measured: there is no history yet"), "{table}: {}", said.err);
    }
}
