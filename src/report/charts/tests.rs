//! What holds for every chart, whatever it is made of.

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    measure::{self, Room},
    *,
};
use crate::{
    report::model::{Area, Event, EventKind, Repair, RepairMonth, ScorePoint},
    score::{BySeverity, Grade},
};

/// Weeks after 9 October 2025.
pub(super) fn day(weeks: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + weeks * 604_800).unwrap()
}

pub(super) fn looks(risks: &[f64]) -> Vec<ScorePoint> {
    let point = |(n, risk): (usize, &f64)| ScorePoint {
        audit: None,
        started: day(i64::try_from(n).unwrap()),
        risk: *risk,
        grade: Grade::by_risk(*risk),
        problems: BySeverity::default(),
    };
    risks.iter().enumerate().map(point).collect()
}

pub(super) fn with_problems(counts: &[[usize; 4]]) -> Vec<ScorePoint> {
    let mut points = looks(&vec![20.0; counts.len()]);
    for (point, [critical, high, medium, low]) in points.iter_mut().zip(counts) {
        point.problems = BySeverity { critical: *critical, high: *high, medium: *medium, low: *low, info: 3 };
    }
    points
}

pub(super) fn event(at: Timestamp, kind: EventKind, text: &str) -> Event {
    Event { at, day: String::new(), kind, text: text.to_owned() }
}

pub(super) fn area(title: &str, risk: f64) -> Area {
    Area {
        group: "x".to_owned(),
        title: title.to_owned(),
        risk,
        grade: Grade::by_risk(risk),
        checks: crate::report::model::Counts { ok: 1, ..Default::default() },
    }
}

pub(super) fn repair(days: &[Option<f64>]) -> Repair {
    let month = |(n, days): (usize, &Option<f64>)| RepairMonth {
        month: format!("2026-{:02}", n + 1),
        name: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul"][n % 7].to_owned(),
        fixed: usize::from(days.is_some()),
        median_days: *days,
    };
    Repair {
        fixed: 3,
        median_days: 12.0,
        text: "Half of the problems were fixed within 12 days.".to_owned(),
        months: days.iter().enumerate().map(month).collect(),
        severities: Vec::new(),
    }
}

pub(super) fn texts(drawing: &Drawing) -> Vec<&str> {
    let text = |s: &'_ Shape| matches!(s, Shape::Text { .. });
    drawing
        .shapes
        .iter()
        .filter(|s| text(s))
        .map(|s| match s {
            Shape::Text { text, .. } => text.as_str(),
            Shape::Path { .. } => "",
        })
        .collect()
}

/// The room of a text: from the top of its capitals to its foot. None for a path.
pub(super) fn text_area(shape: &Shape) -> Option<Room> {
    let Shape::Text { x, y, size, anchor, bold, text, .. } = shape else { return None };
    let width = measure::width(text, *size, *bold);
    let left = match anchor {
        Anchor::Start => *x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    let hangs = |c: char| !c.is_ascii() || "gjpqyQ,;()[]|@_".contains(c);
    let foot = if text.chars().any(hangs) { 0.24 } else { 0.02 };
    Some(Room { left, top: y - size * 0.76, right: left + width, bottom: y + size * foot })
}

/// What is wrong with a drawing: numbers that are none, shapes outside the box, texts over each other.
fn faults(drawing: &Drawing) -> Vec<String> {
    const ROUND: f64 = 0.05;
    let mut faults = Vec::new();
    let mut inside = |x: f64, y: f64, what: &str| {
        // Also false for NaN.
        let fine = (-ROUND..=drawing.width + ROUND).contains(&x) && (-ROUND..=drawing.height + ROUND).contains(&y);
        if !fine {
            faults.push(format!("{what} at {x:.1} {y:.1} is outside {} x {}", drawing.width, drawing.height));
        }
    };
    for shape in &drawing.shapes {
        match shape {
            Shape::Path { segments, stroke, .. } => {
                let half = stroke.map_or(0.0, |s| s.width / 2.0);
                for segment in segments {
                    let ends = match *segment {
                        Segment::Move(x, y) | Segment::Line(x, y) => vec![(x, y)],
                        Segment::Curve(a, b, c, d, x, y) => vec![(a, b), (c, d), (x, y)],
                        Segment::Close => Vec::new(),
                    };
                    for (x, y) in ends {
                        inside(x - half, y - half, "a path");
                        inside(x + half, y + half, "a path");
                    }
                }
            }
            Shape::Text { text, .. } => {
                let area = text_area(shape).unwrap();
                inside(area.left, area.top, text);
                inside(area.right, area.bottom, text);
            }
        }
    }
    let texts: Vec<_> = drawing.shapes.iter().filter_map(|s| Some((s, text_area(s)?))).collect();
    for (n, (a, room)) in texts.iter().enumerate() {
        for (b, other) in texts.iter().skip(n + 1) {
            if room.meets(other) {
                faults.push(format!("{a:?} is over {b:?}"));
            }
        }
    }
    faults
}

fn risk() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..=100.0_f64, 1 => Just(0.0), 1 => Just(100.0), 1 => Just(f64::NAN), 1 => any::<f64>()]
}

fn kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        Just(EventKind::Updates),
        Just(EventKind::Kernel),
        Just(EventKind::Release),
        Just(EventKind::Accepted),
        Just(EventKind::Fixes)
    ]
}

/// Audits and events over seconds, days, years or the whole calendar.
fn past() -> impl Strategy<Value = (Vec<ScorePoint>, Vec<Event>)> {
    let span = prop_oneof![Just(0_i64), Just(50), Just(90_000), Just(16_000_000), Just(95_000_000), Just(1 << 40)];
    let count = prop_oneof![3 => 0..130_usize, 2 => 1..4_usize];
    (span, count, any::<prop::sample::Index>()).prop_flat_map(|(span, count, _)| {
        let time =
            move || (0..=span).prop_map(|s| Timestamp::from_second((1_700_000_000 + s).min(253_402_000_000)).unwrap());
        let problems = prop::array::uniform4(prop_oneof![6 => 0..30_usize, 1 => 0..9_000_usize]);
        let point = (time(), risk(), problems);
        let event = (
            time(),
            kind(),
            prop_oneof![
                Just("14 programs were updated"),
                Just("日本語のとても長い出来事の説明がここに書かれている、終わりまで"),
                Just("")
            ],
        );
        (prop::collection::vec(point, count), prop::collection::vec(event, 0..30)).prop_map(|(points, events)| {
            let mut past = looks(&points.iter().map(|p| p.1).collect::<Vec<_>>());
            for (point, (at, _, [critical, high, medium, low])) in past.iter_mut().zip(points) {
                point.started = at;
                point.problems = BySeverity { critical, high, medium, low, info: 1 };
            }
            past.sort_by_key(|p| p.started);
            (past, events.into_iter().map(|(at, kind, text)| super::tests::event(at, kind, text)).collect())
        })
    })
}

/// No text is over another, nothing leaves the box, and what is written is safe.
fn fine(drawing: Option<Drawing>) -> Result<(), TestCaseError> {
    let Some(drawing) = drawing else { return Ok(()) };
    let faults = faults(&drawing);
    prop_assert!(faults.is_empty(), "{}: {}", drawing.name, faults.join("\n"));
    prop_assert!(!drawing.words.is_empty());
    let svg = svg(&drawing);
    prop_assert!(!["NaN", "inf", "{", "}"].iter().any(|bad| svg.contains(bad)), "{}", svg);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn charts_of_the_past_are_tidy(past in past()) {
        for width in [320.0, 680.0] {
            fine(history(&past.0, &past.1, "history", width))?;
            fine(severities(&past.0, "severities", width))?;
        }
    }

    #[test]
    fn dials_are_tidy(risk in risk(), grade in 0..5_usize) {
        fine(Some(gauge(risk, Grade::BANDS[grade].2)))?;
    }

    #[test]
    fn bars_of_areas_are_tidy(list in prop::collection::vec(("\\PC{0,60}", risk()), 0..40)) {
        // A name may hold what a number must not.
        let plain = |title: &str| title.replace(['N', 'n', '{', '}'], "x");
        let list: Vec<Area> = list.iter().map(|(title, risk)| area(&plain(title), *risk)).collect();
        for width in [320.0, 680.0] {
            fine(areas(&list, "areas", width))?;
        }
    }

    #[test]
    fn months_of_fixes_are_tidy(days in prop::collection::vec(prop::option::of(prop_oneof![0.0..400.0_f64, any::<f64>()]), 0..40)) {
        for width in [320.0, 680.0] {
            fine(fixed(&repair(&days), "fixed", width))?;
        }
    }

    #[test]
    fn small_lines_are_tidy(values in prop::collection::vec(prop_oneof![risk(), -1e9..1e9_f64], 0..200)) {
        fine(spark(&values, "spark", (90.0, 20.0)))?;
    }

    #[test]
    fn small_charts_are_tidy(past in past()) {
        fine(small_risk(&past.0, "risk", (220.0, 56.0)))?;
        let fills: Vec<(Timestamp, f64)> = past.0.iter().map(|p| (p.started, p.risk)).collect();
        fine(fill("Disk", &fills, "disk", (220.0, 56.0)))?;
    }
}

#[test]
fn a_drawing_that_is_not_tidy_is_seen() {
    let mut d = gauge(40.0, Grade::C);
    assert_eq!(faults(&d), Vec::<String>::new());
    d.shapes.extend(d.shapes.last().cloned());
    d.fill(Ink::Ink, pen::rect(-3.0, 0.0, f64::NAN, 5.0));
    assert!(faults(&d).len() > 2);
}

/// Relative luminance, as the web's rules for contrast define it.
fn luminance(rgb: u32) -> f64 {
    let part = |shift: u32| {
        let c = f64::from(rgb >> shift & 0xff) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

pub(super) fn contrast(a: u32, b: u32) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn severities_differ_in_grey() {
    let inks = [Ink::Critical, Ink::High, Ink::Medium, Ink::Low];
    for pair in inks.windows(2) {
        assert!(contrast(pair[0].rgb(), pair[1].rgb()) >= 1.8, "{pair:?}: {}", contrast(pair[0].rgb(), pair[1].rgb()));
        assert!(luminance(pair[0].rgb()) < luminance(pair[1].rgb()), "the worse is the darker");
    }
}

#[test]
fn text_is_readable_on_paper() {
    for ink in [Ink::Ink, Ink::Soft] {
        assert!(contrast(ink.rgb(), Ink::Paper.rgb()) >= 4.5, "{ink:?}");
    }
    for ink in [Ink::Accent, Ink::Fill] {
        assert!(contrast(ink.rgb(), Ink::Paper.rgb()) >= 3.0, "{ink:?}");
    }
}

/// `CLEANBILL_CHARTS=DIR cargo test --release gallery -- --ignored` puts every chart there, to be looked at.
#[test]
#[ignore = "for the eye"]
fn gallery() {
    let Some(dir) = std::env::var_os("CLEANBILL_CHARTS").map(std::path::PathBuf::from) else { return };
    let wave = |n: usize| 62.0 - 1.1 * n as f64 + 9.0 * (n as f64 * 0.9).sin();
    let half_a_year: Vec<ScorePoint> = with_problems(
        &(0..26).map(|n| [usize::from(n < 12), 5 - n / 6, 9 - n / 5, 14 - n / 9 + n % 3]).collect::<Vec<_>>(),
    );
    let half_a_year: Vec<ScorePoint> = half_a_year
        .into_iter()
        .enumerate()
        .map(|(n, p)| ScorePoint { risk: wave(n), grade: Grade::by_risk(wave(n)), ..p })
        .collect();
    let mut events: Vec<Event> =
        (1..26).step_by(3).map(|n| event(day(n), EventKind::Updates, "14 programs were updated")).collect();
    events.push(event(day(8), EventKind::Kernel, "It was restarted with the new kernel 6.12.57+deb13-amd64"));
    events.push(event(day(8), EventKind::Accepted, "A risk was accepted"));
    events.push(event(day(19), EventKind::Release, "The system became Debian GNU/Linux 13 (trixie)"));
    let years: Vec<ScorePoint> = (0..110_usize)
        .map(|n| ScorePoint { started: day(i64::try_from(n).unwrap() * 3 / 2), ..half_a_year[n % 26].clone() })
        .collect();
    let list: Vec<Area> = [
        ("Logging in", 64.2),
        ("Updates", 38.0),
        ("Files and permissions", 12.4),
        ("Network", 10.0),
        ("Programs that run by themselves", 2.0),
        ("Disks", 0.0),
        ("Mail", 0.0),
    ]
    .map(|(title, risk)| area(title, risk))
    .to_vec();
    let months = repair(&[Some(31.0), Some(24.0), Some(40.5), None, Some(12.0), Some(9.0)]);
    let mut all = vec![gauge(38.4, Grade::C), gauge(3.0, Grade::A), gauge(97.0, Grade::F), gauge(40.0, Grade::D)];
    for (n, d) in all.iter_mut().enumerate() {
        d.name = format!("gauge-{n}");
    }
    all.extend(spark(&half_a_year.iter().map(|p| p.risk).collect::<Vec<_>>(), "spark", (90.0, 20.0)));
    for (size, width) in [("wide", 680.0), ("narrow", 320.0)] {
        let name = |what: &str| format!("{what}-{size}");
        all.extend(history(&half_a_year, &events, &name("history"), width));
        all.extend(history(&half_a_year[..2], &events[..1], &name("history-two"), width));
        all.extend(history(&half_a_year[20..], &[], &name("history-six"), width));
        all.extend(history(&years, &[], &name("history-years"), width));
        all.extend(severities(&half_a_year, &name("severities"), width));
        all.extend(severities(&half_a_year[..3], &name("severities-three"), width));
        all.extend(severities(&years, &name("severities-years"), width));
        all.extend(areas(&list, &name("areas"), width));
        all.extend(fixed(&months, &name("fixed"), width));
    }
    let mut page = String::new();
    for d in all {
        std::fs::write(dir.join(format!("{}.png", d.name)), png(&d, 2.0).unwrap()).unwrap();
        page.push_str(&format!(
            "<figure data-width=\"{}\">{}<figcaption>{}</figcaption></figure>",
            d.width,
            svg(&d),
            escape(&d.words)
        ));
    }
    std::fs::write(dir.join("all.html"), page).unwrap();
}

#[test]
fn the_page_restyles_every_ink_and_severities_differ_in_the_dark() {
    let css: String =
        include_str!("../../../report-templates/html/style.css").chars().filter(|c| !c.is_whitespace()).collect();
    let after = |text: &str, start: &str, end: [char; 2]| -> String {
        let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in the style sheet"));
        rest.split(end).next().unwrap().to_owned()
    };
    let colour = |ink: Ink| after(&css, &format!("svg.{}{{color:", ink.class()), [';', '}']);
    let (_, night) = css.split_once("@media(prefers-color-scheme:dark)").unwrap();
    let by_night = |ink: Ink| {
        let variable = colour(ink).replace("var(", "").replace(')', ":");
        after(night, &variable, [';', '}']).trim_start_matches('#').to_owned()
    };
    for ink in [Ink::Ink, Ink::Soft, Ink::Grid, Ink::Track, Ink::Fill, Ink::Accent, Ink::Wash, Ink::Paper] {
        assert!(colour(ink).contains("var(--"), "{ink:?} follows the page");
    }
    let severities = [Ink::Critical, Ink::High, Ink::Medium, Ink::Low];
    let number = |colour: String| u32::from_str_radix(&colour, 16).unwrap();
    let dark = severities.map(|ink| number(by_night(ink)));
    for pair in dark.windows(2) {
        assert!(contrast(pair[0], pair[1]) >= 1.5 && luminance(pair[0]) > luminance(pair[1]), "{pair:x?}");
    }
    // By day and on paper they are the colours whose difference is measured elsewhere; nothing sets them once more.
    let print: String =
        include_str!("../../../report-templates/html/print.css").chars().filter(|c| !c.is_whitespace()).collect();
    for ink in severities {
        let name = format!("--{}:", ink.class());
        for sheet in [css.split_once("@media").unwrap().0, &print] {
            assert_eq!(
                number(after(sheet, &name, [';', '}']).trim_start_matches('#').to_owned()),
                ink.rgb(),
                "{ink:?}"
            );
        }
        assert_eq!((css.matches(&name).count(), print.matches(&name).count()), (2, 1), "{ink:?}");
    }
}
