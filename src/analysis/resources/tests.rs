//! Weeks that are made up, and what a report says of them.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use super::{Asked, Resources, resources};
use crate::{
    analysis::testing::EVIL,
    metrics::spool::{Frame, Writer},
    store::Store,
};

/// Monday 9 November 2026, 06:00.
const START: i64 = 1_794_204_000;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(START + hour * 3600).unwrap()
}

/// Something that is measured: its metric, its labels, its value at an hour.
type Series<'a> = (&'a str, String, &'a dyn Fn(i64) -> Option<f64>);

/// What a report of the last of these hours says.
fn told(hours: std::ops::Range<i64>, series: &[Series<'_>], since: Option<i64>, zone: &TimeZone) -> Option<Resources> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("h.duckdb"));
    let mut writer = Writer::new(&store.spool()).unwrap();
    for n in hours.start * 6..hours.end * 6 {
        let (mut host, mut new) = (None, Vec::new());
        if writer.is_fresh() {
            host = Some("h1".to_owned());
            new = series.iter().zip(0..).map(|((metric, key, _), n)| (n, (*metric).to_owned(), key.clone())).collect();
        }
        let values =
            series.iter().zip(0..).filter_map(|((.., of), number)| Some((number, of(n.div_euclid(6))?))).collect();
        writer.add(&Frame { at: (START + n * 600) * 1_000_000, host, series: new, values }).unwrap();
    }
    drop(writer);
    store.take_samples(&store.spool()).unwrap();
    resources(&store, Asked { host: "h1", to: at(336), since: since.map(at), zone }).unwrap()
}

/// A number from 0 to 1 that looks drawn by chance.
fn noise(hour: i64, seed: i64) -> f64 {
    ((hour * 7919 + seed * 104_729) % 1009) as f64 / 1009.0
}

fn none() -> String {
    "{}".to_owned()
}

fn place(name: &str) -> String {
    serde_json::json!({ "system.device": "/dev/vda1", "system.filesystem.mountpoint": name }).to_string()
}

fn label(name: &str, value: &str) -> String {
    serde_json::json!({ name: value }).to_string()
}

fn page(told: &Resources) -> String {
    let mut page = format!("{}\n", told.summary);
    told.gaps.iter().for_each(|gaps| writeln!(page, "{gaps}").unwrap());
    writeln!(page, "{}, against {:?}: {} of {} hours", told.period, told.before, told.measured, told.hours).unwrap();
    told.shortages.iter().for_each(|s| writeln!(page, "! {} ({} h, lasts: {})", s.text, s.hours, s.lasts).unwrap());
    told.forecasts.iter().for_each(|f| writeln!(page, "> {}", f.text).unwrap());
    told.changes.iter().for_each(|change| writeln!(page, "~ {change}").unwrap());
    for r in &told.list {
        let before = r.before.as_ref().map_or("–", |b| &b.mean_text);
        let now = &r.now;
        writeln!(
            page,
            "{}: {} ({} to {}), before {before}, {} ({:?})",
            r.title, now.mean_text, now.min_text, now.max_text, r.change_text, r.verdict
        )
        .unwrap();
    }
    page
}

#[test]
fn a_week_in_which_much_happened_is_told_in_words() {
    let second = |hour: i64| if hour < 168 { 0.0 } else { 1.0 };
    let mode = |mode| label("cpu.mode", mode);
    let told = told(
        0..336,
        &[
            ("system.cpu.utilization", mode("user"), &|h| Some(0.2 + 0.1 * noise(h, 1) + 0.2 * second(h))),
            ("system.cpu.utilization", mode("iowait"), &|_| Some(0.1)),
            ("system.cpu.utilization", mode("idle"), &|h| Some(0.7 - 0.1 * noise(h, 1) - 0.2 * second(h))),
            ("system.memory.utilization", none(), &|h| {
                Some(if (200..203).contains(&h) { 0.97 } else { 0.5 + 0.01 * noise(h, 2) })
            }),
            ("system.paging.utilization", none(), &|_| Some(0.0)),
            ("system.paging.operations", label("system.paging.direction", "in"), &|h| {
                Some(if h == 202 { 900.0 } else { 0.0 })
            }),
            ("system.filesystem.utilization", place("/"), &|h| Some(0.3 + 0.001 * noise(h, 3))),
            ("system.filesystem.utilization", place("/var"), &|h| Some(0.80 + 0.0005 * h as f64)),
            ("target.up", label("target", "shop"), &|h| Some(if h == 250 { 0.0 } else { 1.0 })),
            ("http.client.request.duration", label("target", "shop"), &|h| Some(0.2 + 0.01 * noise(h, 4))),
            ("kernel.oom_kills", label("process.executable.name", "mariadbd"), &|h| {
                Some(if h == 202 { 2.0 / 3600.0 } else { 0.0 })
            }),
            ("log.messages", label("log.severity", "error"), &|h| Some((3.0 + noise(h, 5)) / 86_400.0)),
            (
                "system.network.io",
                r#"{"network.interface.name":"lo","network.io.direction":"receive"}"#.to_owned(),
                &|_| Some(9e9),
            ),
        ],
        None,
        &TimeZone::UTC,
    )
    .unwrap();
    insta::assert_snapshot!(page(&told));
    assert!(told.list.iter().all(|r| r.course.mean.len() == 84 && r.course.step_hours == 2));
}

#[test]
fn a_quiet_week_is_one_sentence_and_hours_that_were_not_measured_are_told() {
    let series: [Series<'_>; 2] = [
        ("system.memory.utilization", none(), &|h| Some(0.5 + 0.01 * noise(h, 2))),
        ("system.filesystem.utilization", place("/"), &|_| Some(0.3)),
    ];
    let quiet = told(0..336, &series, None, &TimeZone::UTC).unwrap();
    assert_eq!(
        quiet.summary,
        "It had enough of everything in these 7 days: memory reached 51% at most and the fullest disk (/) 30%."
    );
    assert_eq!((quiet.gaps, quiet.changes.len(), quiet.shortages.len()), (None, 0, 0));
    let short = told(296..336, &series, None, &TimeZone::UTC).unwrap();
    assert_eq!((short.measured, short.hours, short.before.clone()), (40, 168, None));
    assert_eq!(short.gaps.as_deref(), Some("It was measured for 40 of 168 hours. Of the rest nothing is known."));
    assert!(short.summary.starts_with("It had enough of everything in these 7 days, as far as was measured:"));
    assert_eq!(short.list[0].change_text, "not measured before");
    assert_eq!(short.list[0].course.mean.iter().flatten().count(), 20);
    assert_eq!(told(400..410, &series, None, &TimeZone::UTC), None, "after the report");
    assert_eq!(told(0..336, &[], None, &TimeZone::UTC), None);
}

#[test]
fn the_time_reaches_back_to_the_report_before_where_that_is_neither_too_near_nor_too_far() {
    let series: [Series<'_>; 1] = [("system.memory.utilization", none(), &|_| Some(0.5))];
    for (since, hours) in [(None, 168), (Some(336 - 240), 240), (Some(335), 168), (Some(-5000), 168), (Some(400), 168)]
    {
        assert_eq!(told(0..336, &series, since, &TimeZone::UTC).unwrap().hours, hours, "{since:?}");
    }
}

#[test]
fn when_something_ran_out_is_told_as_exactly_as_it_is_known_where_the_reader_lives() {
    let sentence = |full: &dyn Fn(i64) -> bool| {
        let of = |h: i64| Some(if full(h) { 0.96 } else { 0.5 });
        let zone = TimeZone::posix("CET-1").unwrap();
        let told = told(0..336, &[("system.memory.utilization", none(), &of)], None, &zone).unwrap();
        told.shortages.first().map(|s| s.text.clone())
    };
    for (full, expected) in [
        (&(|h: i64| h == 200) as &dyn Fn(i64) -> bool, "was left on 17 November between 15:00 and 16:00 CET."),
        (&|h| (200..230).contains(&h), "was left from 17 November, 15:00 to 18 November, 21:00 CET."),
        (&|h| (200..209).contains(&h), "was left on 17 November between 15:00 and 24:00 CET."),
        (
            &|h| [200, 210, 211].contains(&h),
            "was left in 3 hours on two occasions, the last on 18 November between 01:00 and 03:00 CET.",
        ),
        (&|h| h >= 300, "has been left since 21 November, 19:00 CET."),
        (&|_| true, "has been left since 16 November or before."),
    ] {
        let told = sentence(full).unwrap();
        assert_eq!(told, format!("Less than 5% of the memory {expected}"));
    }
    assert_eq!(sentence(&|_| false), None);
}

#[test]
fn names_of_the_machine_do_no_harm_and_are_not_too_many() {
    let of: &dyn Fn(i64) -> Option<f64> = &|_| Some(0.97);
    let mut series: Vec<Series<'_>> =
        (0..40).map(|n| ("system.filesystem.utilization", place(&format!("/{n:02}")), of)).collect();
    series.push(("system.filesystem.utilization", place(EVIL), of));
    series.push(("target.up", label("target", EVIL), &|_| Some(0.0)));
    let told = told(330..336, &series, None, &TimeZone::UTC).unwrap();
    assert_eq!((told.list.len(), told.left_out, told.shortages.len()), (6, 35, 12));
    let said = serde_json::to_string(&told).unwrap();
    let texts = told.shortages.iter().map(|s| &s.text).chain(told.list.iter().map(|r| &r.title));
    assert!(texts.into_iter().all(|text| !text.contains(['\u{1b}', '\n', '\u{202e}'])), "{said}");
}
