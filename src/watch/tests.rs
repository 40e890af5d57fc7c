use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect};

use super::{draw::Look, *};
use crate::config::{Panel, Watch};

const LOOK: Look = Look { colour: false, unicode: true };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn process(pid: u32, user: &str, name: &str, cpu: f64, memory: u64, time: f64, state: &'static str) -> Process {
    let command = format!("/usr/bin/{name} --with something");
    Process { pid, user: user.to_owned(), name: name.to_owned(), command, cpu, memory, time, state }
}

fn shares(user: f64, system: f64, waiting: f64) -> Shares {
    Shares { user, system, waiting, stolen: 0.0 }
}

/// A machine at work.
pub(super) fn moment() -> Moment {
    let disk = |busy, read| Disk { busy, read, written: 2.0e6, read_time: Some(0.0003), write_time: Some(0.004) };
    let card = |received, lost| Card { received, sent: 12_000.0, lost };
    let space = |used, left| Space { used, left: Some(left), files: Some(0.1) };
    Moment {
        at: at(0),
        uptime: 777_600.0,
        load: [Some(1.5), Some(0.75), Some(0.25)],
        processor: Some(shares(0.3, 0.1, 0.05)),
        cores: (0..4).map(|n| (n, shares(0.2 * f64::from(n), 0.1, 0.0))).collect(),
        memory: Memory {
            total: 8e9,
            used: Some(0.5),
            left: Some(4e9),
            cached: Some(2.5e9),
            swapped: Some(0.25),
            swap: 1e9,
            paging: 3.0,
            kills: 0.0,
        },
        pressure: ["cpu", "io", "memory"]
            .map(|what| (what.to_owned(), Stall { some: 0.12, full: Some(0.02) }))
            .to_vec(),
        disks: vec![("sda".to_owned(), disk(0.02, 0.0)), ("nvme0n1".to_owned(), disk(0.85, 1.5e6))],
        cards: vec![("eth0".to_owned(), card(1.2e6, 0.5)), ("lo".to_owned(), card(0.0, 0.0))],
        connections: Connections { open: Some(42.0), ended: 7.0, new: 3.5, again: 0.2, cut: 0.0, not_taken: 0.0 },
        space: vec![("/".to_owned(), space(0.42, 2.3e10)), ("/var".to_owned(), space(0.97, 3.1e8))],
        failed: Some(1.0),
        errors: vec![("nginx.service".to_owned(), 0.3)],
        kernel_errors: Some(0.0),
        zombies: Some(0.0),
        processes: vec![
            process(1, "root", "systemd", 0.0, 12_000_000, 4000.0, "sleeps"),
            process(812, "postgres", "postgres", 0.93, 800_000_000, 500_000.0, "runs"),
            process(4711, "app", "java", 0.31, 2_100_000_000, 7384.0, "sleeps"),
            process(5000, "root", "rsync", 0.02, 9_000_000, 65.0, "disk"),
            process(5001, "app", "sh", 0.0, 0, 0.0, "zombie"),
        ],
        chosen: vec![Some(0.4), Some(0.5), Some(3.5e6), Some(1.3e6)],
        gaps: Vec::new(),
    }
}

fn past() -> Past {
    let line = |second, running, says: &str| NowLine { at: at(second), running, bad: false, says: says.to_owned() };
    Past {
        audit: Some(LastAudit {
            at: at(-7300),
            grade: "C".to_owned(),
            risk: 31.4,
            problems: 6,
            first: Some("Anyone on the internet can try to log in as root".to_owned()),
        }),
        measured: Some("10s".to_owned()),
        daemon: true,
        lines: vec![line(-60, true, "The job nightly runs"), line(-90_000, false, "2 problems fixed by root")],
        trouble: None,
    }
}

/// A view of it.
pub(super) fn state() -> State {
    let about = About { name: "web01".to_owned(), system: "Debian GNU/Linux 13 (trixie)".to_owned() };
    let mut state = State::new(about, &Watch::default(), LOOK);
    state.zone = TimeZone::UTC;
    let minutes = |n: usize| {
        (0..60).map(move |k| {
            (at(-600 + 10 * k).as_microsecond(), (k as f64 / (n + 5) as f64).sin().abs() * 10_f64.powi(3 * n as i32))
        })
    };
    state.learn(Asks::Minutes((0..4).map(|n| minutes(n).collect()).collect()));
    state.learn(Asks::Past(Box::new(past())));
    state.take(moment());
    state
}

#[test]
fn the_whole_at_several_sizes() {
    let state = state();
    for (width, height) in [(80, 24), (40, 10), (120, 30), (160, 40), (300, 80)] {
        insta::assert_snapshot!(format!("whole_{width}x{height}"), draw::text(&state, width, height));
    }
}

#[test]
fn each_panel_by_itself() {
    let mut all = String::new();
    for panel in Panel::ALL {
        let mut state = state();
        state.view.shown = [panel].into();
        let text = draw::text(&state, 100, 12);
        let body: Vec<&str> = text.lines().skip(3).filter(|line| !line.is_empty()).collect();
        all.push_str(&format!("{}\n{}\n\n", panel.name(), body.join("\n")));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_was_asked_for() {
    let mut state = state();
    state.look.unicode = false;
    state.view.commands = true;
    insta::assert_snapshot!("ascii", draw::text(&state, 80, 24));
    state.view.help = true;
    state.written = Some(1234.0);
    insta::assert_snapshot!("help", draw::text(&state, 80, 24));
    state.view.help = false;
    state.view.filter = "post".to_owned();
    state.view.typing = Some(String::new());
    state.past = Some(Past { trouble: Some("The history is of a newer version.".to_owned()), ..Past::default() });
    insta::assert_snapshot!("filter", draw::text(&state, 80, 24));
}

#[test]
fn before_the_first_look_there_is_a_picture_too() {
    let about = About { name: "web01".to_owned(), system: String::new() };
    let mut state = State::new(about, &Watch::default(), LOOK);
    let text = draw::text(&state, 80, 24);
    assert!(text.contains("web01") && text.contains("Asking the history"), "{text}");
    state.learn(Asks::Past(Box::default()));
    assert!(draw::text(&state, 80, 24).contains("No audit yet: sudo cleanbill audit"));
}

#[test]
fn without_utf8_nothing_but_ascii_is_written() {
    let mut state = state();
    state.look.unicode = false;
    state.view.commands = true;
    state.about.name = "wéb-日本".to_owned();
    if let Some(moment) = &mut state.moment {
        moment.processes[0].command = "日本語 ünïcode −µ°…".to_owned();
    }
    for (width, height) in [(80, 24), (200, 60)] {
        let text = draw::text(&state, width, height);
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn without_colours_none_is_used() {
    let draw = |colour| {
        let mut state = state();
        state.look.colour = colour;
        let area = Rect { x: 0, y: 0, width: 120, height: 40 };
        let mut buffer = Buffer::empty(area);
        draw::frame(&state, area, &mut buffer);
        let plain = ratatui::style::Color::Reset;
        buffer.content.iter().any(|cell| cell.fg != plain || cell.bg != plain)
    };
    assert_eq!((draw(false), draw(true)), (false, true));
}

#[test]
fn a_second_picture_of_the_same_changes_nothing() {
    let mut state = state();
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut buffers = Vec::new();
    for second in [0, 0, 1] {
        state.moment.as_mut().unwrap().at = at(second);
        let frame = terminal.draw(|frame| draw::frame(&state, frame.area(), frame.buffer_mut())).unwrap();
        buffers.push(frame.buffer.clone());
    }
    assert_eq!(buffers[0].diff(&buffers[1]).len(), 0);
    // A second later only the clock is another.
    let changed = buffers[1].diff(&buffers[2]).len();
    assert!((1..20).contains(&changed), "{changed}");
}

/// Values as odd as a machine may tell them.
fn odd() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-1.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::INFINITY),
        Just(f64::NAN),
        0.0..2.0_f64,
        0.0..1e15_f64
    ]
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\u{1b}[2J\u{7}\n\t\u{202e}x".to_owned()),
        Just("日本語".repeat(50)),
        Just("e\u{301}".repeat(100)),
        ".{0,30}"
    ]
}

prop_compose! {
    fn odd_moment()(
        numbers in proptest::collection::vec(odd(), 24),
        names in proptest::collection::vec(odd_text(), 6),
        count in 0_usize..40,
    ) -> Moment {
        let n = |k: usize| numbers[k % numbers.len()];
        let name = |k: usize| names[k % names.len()].clone();
        let shares = |k: usize| Shares { user: n(k), system: n(k + 1), waiting: n(k + 2), stolen: n(k + 3) };
        let process = |k: usize| Process {
            pid: u32::MAX - k as u32, user: name(k), name: name(k + 1), command: name(k + 2), cpu: n(k), memory: n(k + 1) as u64,
            time: n(k + 2), state: "sleeps",
        };
        Moment {
            at: at(0),
            uptime: n(0),
            load: [Some(n(1)), None, Some(n(2))],
            processor: Some(shares(3)),
            cores: (0..count).map(|k| (k as u32, shares(k))).collect(),
            memory: Memory { total: n(4), used: Some(n(5)), left: Some(n(6)), cached: Some(n(7)), swapped: Some(n(8)), swap: n(9), paging: n(10), kills: n(11) },
            pressure: (0..count).map(|k| (name(k), Stall { some: n(k), full: Some(n(k + 1)) })).collect(),
            disks: (0..count).map(|k| (name(k), Disk { busy: n(k), read: n(k + 1), written: n(k + 2), read_time: Some(n(k)), write_time: None })).collect(),
            cards: (0..count).map(|k| (name(k), Card { received: n(k), sent: n(k + 1), lost: n(k + 2) })).collect(),
            connections: Connections { open: Some(n(12)), ended: n(13), new: n(14), again: n(15), cut: n(16), not_taken: n(17) },
            space: (0..count).map(|k| (name(k), Space { used: n(k), left: Some(n(k + 1)), files: Some(n(k + 2)) })).collect(),
            failed: Some(n(18)),
            errors: (0..count).map(|k| (name(k), n(k))).collect(),
            kernel_errors: Some(n(19)),
            zombies: Some(n(20)),
            processes: (0..count).map(process).collect(),
            chosen: vec![Some(n(21)), None, Some(n(22)), Some(n(23))],
            gaps: (0..count).map(name).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_size_and_no_value_makes_it_fail(
        moment in odd_moment(),
        (width, height) in (1_u16..=400, 1_u16..=120),
        unicode in any::<bool>(),
        skip in any::<usize>(),
        help in any::<bool>(),
        text in odd_text(),
    ) {
        let mut state = state();
        state.look.unicode = unicode;
        state.take(moment);
        state.view.skip = skip;
        state.view.help = help;
        state.view.filter = String::new();
        state.note = Some(text.clone());
        state.about.name = text;
        for (width, height) in [(width, height), (width.min(12), height.min(6))] {
            let drawn = draw::text(&state, width, height);
            prop_assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
            prop_assert!(drawn.lines().count() == usize::from(height));
            for line in drawn.lines() {
                prop_assert!(console::measure_text_width(line) <= usize::from(width), "{line:?}");
            }
        }
    }
}

#[test]
fn the_smallest_sizes_all_have_a_picture() {
    let mut state = state();
    for help in [false, true] {
        state.view.help = help;
        for width in 1..50 {
            for height in 1..20 {
                assert_eq!(draw::text(&state, width, height).lines().count(), usize::from(height));
            }
        }
    }
}
