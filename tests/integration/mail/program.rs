//! The mail program of this machine, made up as a script.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::*;

/// A program of a few lines in a folder of its own, `$D` in the script.
struct Program {
    dir: tempfile::TempDir,
}

impl Program {
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Written by another process: no copy of our own, forked meanwhile by another test, keeps it open.
        let path = dir.path().join("sendmail");
        let mut child = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("#!/bin/sh\nD={}\n{script}\n", dir.path().display());
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        Program { dir }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn send(&self, letter: &Letter) -> Tried {
        let way = Way::Sendmail { program: self.dir.path().join("sendmail"), timeout: STEP * 3 };
        let mut moments = 0;
        let start = Instant::now();
        let outcome = send(&way, letter, &mut || {
            moments += 1;
            Ok::<(), String>(())
        });
        Tried { outcome, moments, heard: Heard::default(), took: start.elapsed() }
    }

    /// The process that the script named is gone.
    fn is_gone(&self) -> bool {
        !std::path::Path::new(&format!("/proc/{}", self.read("pid").trim())).exists()
    }
}

#[test]
fn it_gets_the_mail_the_envelope_and_nothing_else() {
    let program = Program::new(
        "cat > $D/got; printf '%s\\n' \"$@\" > $D/args; env > $D/env; pwd > $D/pwd; echo 'queued as 1'; exit 0",
    );
    let tried = program.send(&letter());
    tried.sent();
    tried.sentence("(it said: queued as 1)");
    assert_eq!(program.read("args"), "-i\n-f\ncleanbill@web01.example.org\n--\nanna@example.org\n");
    assert_eq!(program.read("got"), String::from_utf8(letter().bytes).unwrap().replace("\r\n", "\n"));
    let names: Vec<_> = program.read("env").lines().filter_map(|l| l.split('=').next().map(str::to_owned)).collect();
    assert!(names.iter().all(|n| ["PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"].contains(&n.as_str())), "{names:?}");
    assert_eq!(program.read("pwd"), "/\n");
}

#[test]
fn a_local_name_stays_local_on_the_envelope() {
    let program = Program::new("cat > $D/got; echo \"$5\" > $D/to");
    let root = Message { to: "root".parse().unwrap(), ..message() }.build().unwrap();
    program.send(&root).sent();
    assert_eq!(program.read("to"), "root\n");
    assert!(program.read("got").contains("\nTo: root@web01.example.org\n"));
}

#[test]
fn its_exit_code_says_what_became_of_the_mail() {
    let ends = |code: u8| Program::new(&format!("cat > /dev/null; echo 'because' >&2; exit {code}")).send(&letter());
    ends(75).later(1, "asks to try again later (it said: because)");
    ends(67).never(Cause::Recipient, "does not know the recipient (it said: because)");
    ends(69).never(Cause::Settings, "does not work as it is set up (it ended with 69)");
    ends(64).never(Cause::Settings, "64");
    ends(78).never(Cause::Settings, "78");
    ends(65).never(Cause::Message, "did not take the mail");
    ends(71).later(1, "ended with 71");
    ends(1).later(1, "ended with 1 (it said: because)");
}

#[test]
fn neither_side_waits_for_the_other_for_ever() {
    let big = large(2 << 20);
    let talks = Program::new("yes | head -c 2000000; yes | head -c 2000000 >&2; cat > $D/got; exit 0");
    talks.send(&big).sent();
    assert_eq!(talks.read("got").lines().count(), big.bytes.split(|b| *b == b'\n').count() - 1);

    let deaf = Program::new("echo $$ > $D/pid; exec sleep 60").send_and_keep(&big);
    deaf.0.later(1, "did not read the mail in time and was stopped");
    deaf.0.within(6);
    assert!(deaf.1.is_gone());

    let slow = Program::new("cat > /dev/null; echo $$ > $D/pid; exec sleep 60").send_and_keep(&big);
    slow.0.unsure("got the whole mail but did not end in time");
    slow.0.within(6);
    assert!(slow.1.is_gone());

    let leaves_a_child = Program::new("cat > /dev/null; sleep 20 & exit 0").send(&letter());
    leaves_a_child.sent();
    leaves_a_child.within(3);
}

impl Program {
    fn send_and_keep(self, letter: &Letter) -> (Tried, Self) {
        (self.send(letter), self)
    }
}

#[test]
fn one_that_ends_early_is_not_believed() {
    let big = large(2 << 20);
    Program::new("exit 75").send(&big).later(1, "asks to try again later");
    Program::new("exit 0").send(&big).unsure("ended well before it had read the whole mail");
    Program::new("cat > /dev/null; kill -9 $$").send(&big).unsure("was stopped by signal 9");
}

#[test]
fn one_that_is_not_there_is_told() {
    let ask = |program: PathBuf| {
        let way = Way::Sendmail { program, timeout: STEP };
        send(&way, &letter(), &mut || -> Result<(), String> { panic!("nothing goes out") })
    };
    for (program, words) in [
        ("/nonexistent/sendmail", "is not there or is no program"),
        ("sendmail", "by its whole path"),
        ("/etc/passwd", "is not there or is no program"),
    ] {
        let outcome = ask(program.into());
        assert!(
            matches!(&outcome, Outcome::Never { why, cause: Cause::Settings } if why.contains(words)),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_cannot_be_written_down_is_not_fed() {
    let program = Program::new("echo $$ > $D/pid; cat > $D/got; echo sent > $D/sent");
    let way = Way::Sendmail { program: program.dir.path().join("sendmail"), timeout: STEP };
    let outcome = send(&way, &letter(), &mut || Err("the disk is full"));
    assert!(matches!(&outcome, Outcome::Later { why } if why.contains("the disk is full")), "{outcome:?}");
    std::thread::sleep(STEP / 5);
    assert_eq!(program.read("got") + &program.read("sent"), "");
}

#[test]
fn letters_beyond_ascii_are_refused() {
    let program = Program::new("cat > $D/got");
    let letter = Message { to: "jürgen@example.org".parse().unwrap(), ..message() }.build().unwrap();
    program.send(&letter).never(Cause::Recipient, "jürgen@example.org");
}
