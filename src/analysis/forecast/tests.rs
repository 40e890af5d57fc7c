//! Whole forecasts: of series whose future is known, and of anything at all.

#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{words::Saying, *};

/// Noon of 1 January 2026, UTC.
const START: i64 = 1_767_268_800;
const FULL: Limit = Limit { value: 1.0, side: Side::Rising };

fn series(step: Step, count: usize, value: impl Fn(usize) -> f64) -> Vec<Point> {
    let at = |n: usize| Timestamp::from_second(START + step.seconds() * i64::try_from(n).unwrap()).unwrap();
    (0..count).map(|n| Point { at: at(n), value: value(n) }).collect()
}

fn days(count: usize, value: impl Fn(f64) -> f64) -> Vec<Point> {
    series(Step::Day, count, |n| value(n as f64))
}

/// Noise that is the same in each run, from -1 to 1.
fn noise(n: f64) -> f64 {
    let wild = (n * 12.9898).sin() * 43_758.545_3;
    2.0 * (wild - wild.floor()) - 1.0
}

fn say(points: &[Point], limit: Limit, range: Range, saying: Saying<'_>) -> String {
    let now = points.last().map_or(Timestamp::UNIX_EPOCH, |point| point.at);
    words::crossing(&crossing(points, limit, range), saying, now, &TimeZone::UTC)
}

fn disk(points: &[Point]) -> String {
    say(points, FULL, Range::SHARE, Saying::disk("The disk /var"))
}

#[test]
fn what_disks_do_is_said_in_words() {
    let week = |n: f64| 0.006 * (n * std::f64::consts::TAU / 7.0).sin();
    let all = [
        ("exactly a line: 0.5 on day 50, so full on day 100, 11 April", disk(&days(51, |n| 0.01 * n))),
        ("a line with noise", disk(&days(51, |n| 0.01 * n + 0.02 * noise(n)))),
        ("a line with a week", disk(&days(51, |n| 0.01 * n + week(n) + 0.002 * noise(n)))),
        ("a line, cleaned up once", disk(&days(71, |n| 0.01 * n - if n >= 40.0 { 0.2 } else { 0.0 }))),
        ("the same, cleaned up yesterday", disk(&days(42, |n| 0.01 * n - if n >= 40.0 { 0.2 } else { 0.0 }))),
        ("cleaned up within three weeks", disk(&days(21, |n| 0.3 + 0.01 * n - if n >= 12.0 { 0.2 } else { 0.0 }))),
        ("emptied every ten days", disk(&days(90, |n| 0.3 + 0.05 * (n % 10.0)))),
        ("ups and downs", disk(&days(90, |n| 0.5 + 0.05 * noise(n)))),
        ("never a change", disk(&days(90, |_| 0.42))),
        ("slowly rising", disk(&days(90, |n| 0.3 + 0.0005 * n))),
        ("falling", disk(&days(90, |n| 0.9 - 0.001 * n))),
        (
            "days missing",
            disk(
                &days(60, |n| 0.01 * n)
                    .into_iter()
                    .filter(|p| p.at.as_second() % 5 < 3 || p.value < 0.2 || p.value > 0.3)
                    .collect::<Vec<_>>(),
            ),
        ),
        ("three days", disk(&days(3, |n| 0.1 * n))),
        ("nothing", disk(&[])),
        ("full", disk(&days(20, |n| (0.1 * n).min(1.0)))),
    ];
    let text: String = all.iter().map(|(what, said)| format!("{what}:\n    {said}\n")).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn what_falls_runs_out() {
    let empty = Limit { value: 0.0, side: Side::Falling };
    let memory = Saying::supply("The memory");
    let leak = |n: f64| 8e9 - 1e8 * n + 2e8 * noise(n);
    let restarts = |n: f64| 8e9 - 4e8 * (n % 9.0) + 1e8 * noise(n);
    let certificate = Saying { subject: "The certificate", reach: "expire", reached: "has expired", rests: "does not" };
    let all = [
        say(&days(50, leak), empty, Range::AMOUNT, memory),
        say(&days(90, restarts), empty, Range::AMOUNT, memory),
        say(&days(40, |n| 89.0 - n), empty, Range::AMOUNT, certificate),
        // One that was renewed.
        say(&days(80, |n| if n < 60.0 { 90.0 - n } else { 150.0 - n }), empty, Range::AMOUNT, certificate),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_day_is_foreseen_as_the_days_before() {
    let hour = |n: usize| 100.0 + 30.0 * ((n % 24) as f64 * std::f64::consts::TAU / 24.0).sin() + 3.0 * noise(n as f64);
    let found = forecast(&series(Step::Hour, 336, hour), Step::Hour, 48, Range::AMOUNT).unwrap();
    let missed = |n: usize| (found.median[n] - hour(336 + n)).abs() > 6.0;
    assert_eq!((0..48).filter(|n| missed(*n)).count(), 0, "{found:?}");
    let inside = |n: usize| (found.low[n]..=found.high[n]).contains(&hour(336 + n));
    assert!((0..48).filter(|n| inside(*n)).count() >= 30, "{found:?}");
    assert!(found.score.error < 0.9 * found.score.naive, "{:?}", found.score);
    assert_eq!(found.start.as_second(), START + 336 * 3600);
}

#[test]
fn what_cannot_be_foreseen_is_not_said() {
    let walk = |n: usize| (0..n).map(|n| noise(n as f64)).sum::<f64>();
    let said = |count, value: &dyn Fn(usize) -> f64| {
        forecast(&series(Step::Hour, count, value), Step::Hour, 48, Range::default())
    };
    assert!(matches!(said(336, &walk), Err(Silence::NoBetter | Silence::TooWide)), "{:?}", said(336, &walk));
    let short = said(50, &|n| (n % 24) as f64).unwrap_err();
    assert_eq!(short, Silence::TooShort { step: Step::Hour, have: 50, need: 168 });
    assert_eq!(short.to_string(), "2 days of history are too few, about 7 are needed");
    // What never changes is foreseen, and surely.
    let still = said(336, &|_| 7.0).unwrap();
    assert_eq!((still.low, still.high), (vec![7.0; 48], vec![7.0; 48]));
}

#[test]
fn a_gap_is_not_taken_for_something_seen() {
    let hour = |n: usize| (n % 24) as f64;
    let mut points = series(Step::Hour, 400, hour);
    points.retain(|point| !(150..230).contains(&((point.at.as_second() - START) / 3600)));
    let found = forecast(&points, Step::Hour, 48, Range::AMOUNT).unwrap();
    assert_eq!(found.score.history, 320);
    assert!((0..48).all(|n| (found.median[n] - hour(400 + n)).abs() < 1e-6), "{found:?}");
}

/// Values of all kinds: small ones, the same ones again, and any that a machine can hold.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..1.0_f64, 2 => Just(0.5), 1 => -1e12..1e12_f64, 1 => prop::num::f64::ANY]
}

fn range() -> impl Strategy<Value = Range> {
    prop_oneof![Just(Range::SHARE), Just(Range::AMOUNT), Just(Range::default())]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Hour), Just(Step::Day)]
}

fn tidy(found: &Forecast, horizon: usize, range: Range) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.median.len(), horizon.max(1));
    prop_assert_eq!((found.low.len(), found.high.len()), (found.median.len(), found.median.len()));
    for ((low, median), high) in found.low.iter().zip(&found.median).zip(&found.high) {
        prop_assert!(low <= median && median <= high, "{} {} {}", low, median, high);
        for value in [low, median, high] {
            prop_assert!(value.is_finite() && range.clip(*value) == *value);
        }
    }
    prop_assert!(found.score.error.is_finite() && found.score.naive.is_finite());
    prop_assert!((0.0..=1.0).contains(&found.score.rising));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn anything_gives_a_forecast_or_a_reason(
        values in prop::collection::vec(value(), 0..400), step in step(), horizon in 0_usize..80, range in range(),
        gap in 0_usize..60, limit in value(),
    ) {
        let mut points = series(step, values.len(), |n| values[n]);
        points.drain(points.len() / 3..(points.len() / 3 + gap).min(points.len()));
        if let Ok(found) = foresee(&Grid::new(&points, step), step, horizon, range) {
            tidy(&found, horizon, range)?;
            for side in [Side::Rising, Side::Falling] {
                ordered(&found.crossing(Limit { value: limit, side }))?;
            }
        }
        let _ = forecast(&points, step, horizon, range);
        for side in [Side::Rising, Side::Falling] {
            let found = crossing(&points, Limit { value: limit, side }, range);
            ordered(&found)?;
            let text = words::crossing(&found, Saying::disk("The disk /"), Timestamp::UNIX_EPOCH, &TimeZone::UTC);
            prop_assert!(text.ends_with('.') && !text.contains("NaN"), "{}", text);
        }
    }

    #[test]
    fn moments_of_all_ages_do_no_harm(moments in prop::collection::vec((any::<i64>(), value()), 0..80), step in step()) {
        let (least, most) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = |second: i64| Timestamp::from_second(second.clamp(least, most)).unwrap();
        let points: Vec<Point> = moments.iter().map(|(second, value)| Point { at: at(*second), value: *value }).collect();
        if let Ok(found) = foresee(&Grid::new(&points, step), step, 48, Range::SHARE) {
            tidy(&found, 48, Range::SHARE)?;
        }
        let _ = crossing(&points, FULL, Range::SHARE);
    }

    #[test]
    fn the_unit_makes_no_difference(values in prop::collection::vec(0.0..1.0_f64, 30..200), step in step()) {
        let found = |factor: f64| {
            let points = series(step, values.len(), |n| values[n] * factor);
            foresee(&Grid::new(&points, step), step, 14, Range::AMOUNT).unwrap()
        };
        // A power of two changes no digit.
        let (one, large) = (found(1.0), found(1024.0));
        prop_assert_eq!(one.median.iter().map(|v| v * 1024.0).collect::<Vec<_>>(), large.median);
        prop_assert_eq!(one.high.iter().map(|v| v * 1024.0).collect::<Vec<_>>(), large.high);
    }
}

fn ordered(found: &Result<Crossing, Silence>) -> Result<(), TestCaseError> {
    if let Ok(Crossing::Reached(reached)) = found {
        prop_assert!(reached.early <= reached.around, "{:?}", reached);
        prop_assert!(reached.late.is_none_or(|late| reached.around <= late), "{:?}", reached);
    }
    Ok(())
}
