//! What a key does to the picture. The habits of `top` and `less` hold where they fit; no key ends a program.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Sort, State};
use crate::config::Panel;

/// What is to be done beside another picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing more.
    Draw,
    /// Leave.
    Leave,
    /// Go to the background.
    Suspend,
    /// Draw all of it anew.
    Clean,
    /// Look now.
    Look,
    /// Look at another pace.
    Pace,
    /// Write what is shown into the settings.
    Save,
}

/// The paces that can be chosen, in milliseconds.
const PACES: [u64; 9] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000];
/// How far a page goes.
const PAGE: usize = 10;
/// The longest filter, in characters.
const LONGEST: usize = 60;

/// The keys and what they do, as the help shows them.
pub const KEYS: &[(&str, &str)] = &[
    ("q Esc Ctrl-C", "leave"),
    ("? h", "show or hide these keys"),
    ("+ -", "look more often, less often"),
    ("Space", "look now"),
    ("P M T N", "sort programs by processor, memory, time, number"),
    ("R", "sort the other way round"),
    ("c", "names or whole command lines"),
    ("/", "show only programs that hold a word"),
    ("arrows PgUp PgDn Home", "go through the programs"),
    ("1", "each processor, or only all together"),
    ("t m", "show or hide processor, memory"),
    ("2 3 4 5 6 7", "pressure, disks, network, connections, space, charts"),
    ("8 9", "what happens now, programs"),
    ("W", "keep what is shown in the settings"),
    ("Ctrl-L Ctrl-Z", "draw anew, go to the background"),
];

/// What a key does.
pub fn press(state: &mut State, key: KeyEvent) -> Act {
    if key.kind == KeyEventKind::Release {
        return Act::Draw;
    }
    state.note = None;
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Act::Leave,
            KeyCode::Char('z') => Act::Suspend,
            KeyCode::Char('l') => Act::Clean,
            _ => Act::Draw,
        };
    }
    if state.view.typing.is_some() {
        typed(state, key.code);
        return Act::Draw;
    }
    let view = &mut state.view;
    match key.code {
        KeyCode::Esc if view.help => view.help = false,
        // As in less: the filter goes first.
        KeyCode::Esc if !view.filter.is_empty() => view.filter.clear(),
        KeyCode::Char('q') | KeyCode::Esc => return Act::Leave,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => view.help = !view.help,
        KeyCode::Char('+' | '=') => return pace(state, false),
        KeyCode::Char('-' | '_') => return pace(state, true),
        KeyCode::Char(' ') | KeyCode::Enter => return Act::Look,
        KeyCode::Char('P') => sort(state, Sort::Processor),
        KeyCode::Char('M') => sort(state, Sort::Memory),
        KeyCode::Char('T') => sort(state, Sort::Time),
        KeyCode::Char('N') => sort(state, Sort::Number),
        KeyCode::Char('R') => view.reverse = !view.reverse,
        KeyCode::Char('c') => view.commands = !view.commands,
        KeyCode::Char('/') => view.typing = Some(view.filter.clone()),
        KeyCode::Down | KeyCode::Char('j') => scroll(state, 1, true),
        KeyCode::Up => scroll(state, 1, false),
        KeyCode::PageDown => scroll(state, PAGE, true),
        KeyCode::PageUp => scroll(state, PAGE, false),
        KeyCode::Home | KeyCode::Char('g') => view.skip = 0,
        KeyCode::End | KeyCode::Char('G') => scroll(state, usize::MAX, true),
        KeyCode::Char('1') => view.cores = !view.cores,
        KeyCode::Char('W') => return Act::Save,
        KeyCode::Char(key) => {
            if let Some(panel) = panel(key)
                && !view.shown.remove(&panel)
            {
                view.shown.insert(panel);
            }
        }
        _ => {}
    }
    Act::Draw
}

/// The panel that a key shows or hides.
fn panel(key: char) -> Option<Panel> {
    Some(match key {
        't' => Panel::Processor,
        'm' => Panel::Memory,
        '2' => Panel::Pressure,
        '3' => Panel::Disks,
        '4' => Panel::Network,
        '5' => Panel::Connections,
        '6' => Panel::Space,
        '7' => Panel::Charts,
        '8' => Panel::Now,
        '9' => Panel::Processes,
        _ => return None,
    })
}

fn typed(state: &mut State, code: KeyCode) {
    let view = &mut state.view;
    match code {
        KeyCode::Enter => view.typing = None,
        KeyCode::Esc => view.filter = view.typing.take().unwrap_or_default(),
        KeyCode::Backspace if view.filter.pop().is_none() => view.typing = None,
        KeyCode::Char(c) if !c.is_control() && view.filter.chars().count() < LONGEST => view.filter.push(c),
        _ => {}
    }
    view.skip = 0;
}

fn sort(state: &mut State, by: Sort) {
    state.view.sort = by;
    state.view.reverse = false;
    state.view.skip = 0;
}

fn scroll(state: &mut State, lines: usize, down: bool) {
    let last = state.processes().len().saturating_sub(1);
    let skip = state.view.skip.min(last);
    state.view.skip = if down { skip.saturating_add(lines).min(last) } else { skip.saturating_sub(lines) };
}

fn pace(state: &mut State, slower: bool) -> Act {
    let now = u64::try_from(state.every.as_millis()).unwrap_or(u64::MAX);
    let next = if slower {
        PACES.into_iter().find(|pace| *pace > now)
    } else {
        PACES.into_iter().rev().find(|pace| *pace < now)
    };
    let Some(next) = next else { return Act::Draw };
    state.every = Duration::from_millis(next);
    Act::Pace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::state;

    fn press_all(state: &mut State, keys: &str) -> Act {
        let code = |c| match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        keys.chars().map(|c| press(state, code(c).into())).last().unwrap()
    }

    #[test]
    fn the_habits_of_top_hold() {
        let mut state = state();
        let first = |state: &State| state.processes()[0].name.clone();
        assert_eq!(first(&state), "postgres");
        press_all(&mut state, "M");
        assert_eq!((first(&state).as_str(), state.view.sort), ("java", Sort::Memory));
        press_all(&mut state, "R");
        assert_ne!(first(&state), "java");
        press_all(&mut state, "N");
        assert_eq!((first(&state).as_str(), state.view.reverse), ("systemd", false));
        press_all(&mut state, "T");
        assert_eq!(state.view.sort, Sort::Time);
        press_all(&mut state, "P1c");
        assert!(!state.view.cores && state.view.commands);
        for key in ["q", "\u{1b}"] {
            assert_eq!(press_all(&mut state, key), Act::Leave);
        }
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!(press(&mut state, control('c')), Act::Leave);
        assert_eq!(press(&mut state, control('z')), Act::Suspend);
        assert_eq!(press(&mut state, control('l')), Act::Clean);
        // It ends no program.
        assert_eq!(press_all(&mut state, "k"), Act::Draw);
    }

    #[test]
    fn a_filter_is_typed_kept_and_taken_back() {
        let mut state = state();
        press_all(&mut state, "/JAq");
        assert_eq!((state.view.filter.as_str(), state.processes().len()), ("JAq", 0));
        press_all(&mut state, "\u{8}\n");
        let names: Vec<&str> = state.processes().iter().map(|p| p.name.as_str()).collect();
        assert_eq!((names, &state.view.typing), (vec!["java"], &None));
        press_all(&mut state, "/v\u{1b}");
        assert_eq!(state.view.filter, "JA");
        assert_eq!(press_all(&mut state, "\u{1b}"), Act::Draw);
        assert!(state.view.filter.is_empty());
        press_all(&mut state, &format!("/{}", "x".repeat(500)));
        assert_eq!(state.view.filter.len(), LONGEST);
    }

    #[test]
    fn the_pace_has_an_end_on_both_sides() {
        let mut state = state();
        assert_eq!(press_all(&mut state, "-"), Act::Pace);
        assert_eq!(state.every, Duration::from_secs(2));
        press_all(&mut state, "++++++++++++++");
        assert_eq!(state.every, Duration::from_millis(250));
        press_all(&mut state, "----------------------");
        assert_eq!(state.every, Duration::from_secs(300));
    }

    #[test]
    fn panels_come_back_where_they_were() {
        let mut state = state();
        let all = state.panels();
        press_all(&mut state, "tm23456789");
        assert_eq!(state.panels(), []);
        press_all(&mut state, "93tm245678");
        assert_eq!(state.panels(), all);
    }

    #[test]
    fn scrolling_stops_at_both_ends() {
        let mut state = state();
        let last = state.processes().len() - 1;
        let mut key = |code: KeyCode| {
            press(&mut state, code.into());
            state.view.skip
        };
        assert_eq!([key(KeyCode::Up), key(KeyCode::Down), key(KeyCode::End)], [0, 1, last]);
        assert_eq!([key(KeyCode::PageDown), key(KeyCode::Home), key(KeyCode::PageUp)], [last, 0, 0]);
    }

    #[test]
    fn every_key_of_the_help_does_something() {
        for (keys, _) in KEYS {
            for key in keys.split(' ').filter(|key| key.len() == 1) {
                let mut state = state();
                let before = format!("{:?}", state.view);
                let act = press_all(&mut state, key);
                assert!(act != Act::Draw || format!("{:?}", state.view) != before || key == "P", "{key}");
            }
        }
    }
}
