//! The live view on a real terminal (tmux): it comes, hears keys, fits itself, and gives the terminal back.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    support::{Machine, cleanbill},
    testing::can,
};

/// A terminal with a shell in it.
struct Terminal {
    dir: tempfile::TempDir,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

impl Terminal {
    /// None where there is no tmux.
    fn start(width: u16, height: u16) -> Option<Self> {
        if !can(Command::new("tmux").arg("-V").output().is_ok(), "tmux is not installed") {
            return None;
        }
        let terminal = Terminal { dir: tempfile::tempdir().unwrap() };
        let (width, height) = (width.to_string(), height.to_string());
        let shell = "env -u TMUX PS1='ready> ' LC_ALL=C.UTF-8 bash --norc --noprofile";
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, shell]);
        terminal.until("a shell", |text| text.contains("ready>"));
        Some(terminal)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("tmux")
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(self.socket()).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) {
        let mut args = vec!["send-keys"];
        args.extend(keys);
        self.tmux(&args);
    }

    /// Types a line.
    fn line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    /// Waits until the screen shows something.
    fn until(&self, what: &str, shows: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let text = self.text();
            if shows(&text) {
                return text;
            }
            assert!(Instant::now() < end, "{what} did not come:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Begins the view, with settings of its own.
    fn watch(&self, machine: &Machine, before: &str, args: &str) {
        let settings = machine.beside().join("cleanbill.toml");
        let file = settings.display();
        if !settings.exists() {
            std::fs::write(&settings, "# mine\n[watch]\nevery = \"500ms\"\n").unwrap();
        }
        let program = env!("CARGO_BIN_EXE_cleanbill");
        self.line(&format!("clear; {before} {program} watch --config {file} --db {} {args}", machine.db().display()));
        self.until("the view", |text| text.contains("Processor") && text.contains("PROGRAM"));
    }

    /// The terminal is as it was: the shell asks, what is typed is seen, and the cursor too.
    fn is_given_back(&self, code: i32) {
        let gone = |text: &str| text.contains("ready>") && !text.contains("PROGRAM");
        self.until("the shell", gone);
        self.line("echo code $? $(stty -a | grep -o -w -e '-*echo' -e '-*icanon' -e '-*isig' | tr '\\n' ' ')end");
        let said = self.until("the answer", |text| text.contains(" end") && text.contains("\ncode "));
        let line = said.lines().find(|line| line.starts_with("code ")).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[1], code.to_string(), "{said}");
        assert!(["echo", "icanon", "isig"].iter().all(|word| words.contains(word)), "{said}");
        assert_eq!(self.tmux(&["display-message", "-p", "#{cursor_flag} #{alternate_on}"]).trim(), "1 0");
    }

    /// The process of the view.
    fn process(&self) -> rustix::process::Pid {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        let children = std::fs::read_to_string(children).unwrap();
        let pid = children.split_whitespace().next().unwrap().parse().unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    }
}

#[test]
fn keys_do_what_people_expect_and_the_terminal_comes_back() {
    let Some(terminal) = Terminal::start(100, 30) else { return };
    let machine = Machine::debian();
    terminal.watch(&machine, "", "");
    terminal.until("no audit", |text| text.contains("No audit yet"));
    // It goes on by itself.
    let clock = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let before = clock(&terminal.text());
    terminal.until("another second", |text| clock(text) != before);
    terminal.keys(&["?"]);
    terminal.until("the keys", |text| {
        text.contains("go to the background") && text.contains("0.5 s") | text.contains("500 ms")
    });
    terminal.keys(&["?"]);
    terminal.until("the view", |text| text.contains("PROGRAM"));
    terminal.keys(&["M"]);
    terminal.until("sorted by memory", |text| text.contains("MEMORY*"));
    terminal.keys(&["/"]);
    terminal.line("cleanbill");
    terminal.until("a filter", |text| text.contains("with \"cleanbill\"") && text.contains("q leave"));
    terminal.keys(&["m"]);
    terminal.until("no memory", |text| !text.lines().any(|line| line.starts_with("Memory ")));
    terminal.keys(&["W"]);
    terminal.until("kept", |text| text.contains("Kept in "));
    let kept = std::fs::read_to_string(machine.beside().join("cleanbill.toml")).unwrap();
    assert!(kept.starts_with("# mine\n") && kept.contains("\"processor\", \"pressure\""), "{kept}");
    // Esc takes the filter back first.
    terminal.keys(&["Escape"]);
    terminal.until("all programs", |text| !text.contains("with \"cleanbill\"") && text.contains("PROGRAM"));
    terminal.keys(&["q"]);
    terminal.is_given_back(0);
    terminal.watch(&machine, "", "");
    assert!(!terminal.text().lines().any(|line| line.starts_with("Memory ")));
    terminal.keys(&["C-c"]);
    terminal.is_given_back(0);
}

#[test]
fn it_fits_itself_to_the_terminal() {
    let Some(terminal) = Terminal::start(80, 24) else { return };
    let machine = Machine::debian();
    terminal.watch(&machine, "NO_COLOR=1", "--every 200ms");
    for (width, height) in [(160, 50), (40, 10), (3, 2), (300, 80), (80, 24)] {
        terminal.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
        let foot = if height >= 8 { "q leave" } else { "" };
        let text = terminal.until("another size", |text| {
            let lines: Vec<&str> = text.lines().collect();
            lines.len() == height && lines[height - 1].starts_with(foot) && !lines[0].is_empty()
        });
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
    }
    // Without colours none is written.
    // (39 is the colour that a terminal has by itself; it comes after what is bold.)
    let text = terminal.tmux(&["capture-pane", "-p", "-e"]).replace("\u{1b}[39m", "");
    assert!(!["\u{1b}[3", "\u{1b}[9"].iter().any(|colour| text.contains(colour)), "{text:?}");
    terminal.keys(&["q"]);
    terminal.is_given_back(0);
}

#[test]
fn the_terminal_comes_back_whatever_ends_or_stops_it() {
    use rustix::process::{Signal, kill_process};
    let Some(terminal) = Terminal::start(80, 24) else { return };
    let machine = Machine::debian();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        terminal.watch(&machine, "", "");
        kill_process(terminal.process(), signal).unwrap();
        terminal.is_given_back(code);
    }
    // To the background and back, by a key and by another's hand.
    for by_key in [true, false] {
        terminal.watch(&machine, "", "");
        if by_key {
            terminal.keys(&["C-z"]);
        } else {
            kill_process(terminal.process(), Signal::TSTP).unwrap();
        }
        terminal.is_given_back(147);
        terminal.line("clear; fg");
        terminal.until("the view again", |text| text.contains("PROGRAM") && !text.contains("ready>"));
        terminal.keys(&["?"]);
        terminal.until("the keys", |text| text.contains("go to the background"));
        terminal.keys(&["C-c"]);
        terminal.is_given_back(0);
    }
}

#[test]
fn names_of_programs_do_nothing_to_the_terminal() {
    let Some(terminal) = Terminal::start(120, 30) else { return };
    let machine = Machine::debian();
    let bad = machine.beside().join("bad\u{1b}[31m\u{1b}]0;owned\u{7}\u{202e}name");
    std::fs::copy("/bin/sleep", &bad).unwrap();
    let mut child = Command::new(&bad).arg("600").spawn().unwrap();
    terminal.watch(&machine, "LC_ALL=C", "");
    terminal.keys(&["c"]);
    terminal.keys(&["/"]);
    terminal.line("owned");
    let text = terminal.until("the name", |text| text.contains("owned") && text.contains("600"));
    assert!(text.is_ascii() && text.contains("bad?[31m?]0;owned??name"), "{text}");
    assert!(!terminal.tmux(&["display-message", "-p", "#{pane_title}"]).contains("owned"));
    terminal.keys(&["C-c"]);
    terminal.is_given_back(0);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn one_picture_is_text() {
    let machine = Machine::debian();
    let said = machine.run(&["watch", "--once", "--size", "80x24"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out.lines().count(), 24);
    assert!(said.out.contains("Processor") && said.out.contains("PROGRAM"), "{}", said.out);
    assert!(!said.out.contains('\u{1b}'));
    assert!(!machine.db().exists(), "looking makes no history");
    assert_eq!(machine.run(&["watch", "--once", "--size", "0x9"]).code, 2);
}

#[test]
fn without_a_terminal_it_says_what_to_type() {
    let said = cleanbill(&["watch"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("There is no terminal here") && said.err.contains("watch --once"), "{}", said.err);
}
