//! `cleanbill fix`, `undo` and `history` on a small image, as root and as anybody; scripts are really run.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    support::{Machine, Said, cleanbill, program, snapshot},
    testing::{is_root, shellchecked},
};

const SSHD: &str = "etc/ssh/sshd_config.d/50-quick.conf";
const BOTH: [&str; 2] = ["ssh-root-login", "password-list-can-be-read"];

/// A Debian whose root can log in with a password, and whose scrambled passwords everybody can read.
pub fn loose() -> Machine {
    let machine = Machine::debian();
    let lines = ["root", "ann"].map(|name| format!("{name}:$6$abcdefgh$0123456789:19000:0:99999:7:::\n"));
    machine.file("etc/shadow", lines.concat());
    // Someone else can log in too, so root may be kept out.
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann:/home/ann:/bin/bash\n");
    machine.file("etc/group", "root:x:0:\nann:x:1000:\n");
    machine.mode("etc/shadow", 0o644);
    machine.file("etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 022\n");
    machine.file("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n");
    machine.file(SSHD, "# quick\nPermitRootLogin yes\n");
    machine.mode(SSHD, 0o604);
    machine.file("usr/sbin/sshd", "");
    machine.file(
        "lib/systemd/system/ssh.service",
        "[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n",
    );
    let wants = machine.root().join("etc/systemd/system/multi-user.target.wants");
    std::fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("/lib/systemd/system/ssh.service", wants.join("ssh.service")).unwrap();
    machine.file(
        "var/lib/dpkg/status",
        "Package: openssh-server\nStatus: install ok installed\nVersion: 1:9.2p1-2\nArchitecture: amd64\nDescription: x\n\n",
    );
    machine
}

fn fix(machine: &Machine, more: &[&str]) -> Said {
    machine.on(&[&["fix"], &BOTH[..], more].concat())
}

fn result(machine: &Machine, check: &str) -> String {
    let report = machine.run(&["audit", "--no-store", "--format", "json"]).json();
    let results = report["results"].as_array().unwrap();
    results.iter().find(|r| r["check"] == check).unwrap()["result"].as_str().unwrap().to_owned()
}

#[test]
fn a_look_before_shows_the_diff_and_changes_nothing() {
    let machine = loose();
    let before = snapshot(&machine.root(), true);
    let said = fix(&machine, &["--dry-run"]);
    assert_eq!(said.code, 1, "{}", said.err);
    for part in ["-PermitRootLogin yes\n+PermitRootLogin prohibit-password", "/etc/shadow: rights from 0644 to 0640"] {
        assert!(said.out.contains(part), "{}", said.out);
    }
    assert_eq!(snapshot(&machine.root(), true), before);
    let json = fix(&machine, &["--dry-run", "--format", "json"]).json();
    assert_eq!(json["fixes"].as_array().unwrap().len(), 2);
    assert_eq!(machine.run(&["history", "--format", "json"]).json().as_array().unwrap().len(), 0);
}

#[test]
fn what_is_fixed_is_gone_and_comes_back_byte_for_byte() {
    let machine = loose();
    let before = snapshot(&machine.root(), true);
    assert!(BOTH.iter().all(|check| result(&machine, check) == "problem"));
    let said = fix(&machine, &["--yes"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("done, and asked again: it is gone") && said.out.contains("cleanbill undo 1"),
        "{}",
        said.out
    );
    assert!(BOTH.iter().all(|check| result(&machine, check) == "ok"));
    let fixed = snapshot(&machine.root(), true);
    let again = fix(&machine, &["--yes"]);
    assert_eq!((again.code, again.out.as_str()), (0, "Nothing is left to fix.\n"), "{}", again.err);
    let look = fix(&machine, &["--dry-run"]);
    assert_eq!((look.code, look.out.as_str()), (0, "Nothing would change.\n"));
    assert_eq!(snapshot(&machine.root(), true), fixed);
    let table = machine.run(&["history"]).out;
    assert!(table.contains("Run 1") && table.contains("Let root in over SSH by key only"), "{table}");
    let undone = machine.on(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{}", undone.err);
    assert_eq!(snapshot(&machine.root(), true), before);
    assert!(machine.run(&["history"]).out.contains("taken back"));
    let nothing = machine.on(&["undo", "--yes"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("nothing to take back"), "{}", nothing.err);
}

#[test]
fn undo_leaves_what_someone_changed_since_unless_forced_and_keeps_it_aside() {
    let machine = loose();
    let before = snapshot(&machine.root(), true);
    assert_eq!(fix(&machine, &["--yes"]).code, 0);
    machine.file(SSHD, "# mine\nPermitRootLogin no\n");
    let since = snapshot(&machine.root(), true);
    let said = machine.on(&["undo", "--yes"]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(said.err.contains("+# mine") && said.err.contains("--force"), "{}", said.err);
    assert_eq!(snapshot(&machine.root(), true), since);
    let said = machine.on(&["undo", "--yes", "--force"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(snapshot(&machine.root(), true), before);
    let (_, aside) = said.out.split_once(" lies in ").unwrap();
    let aside = aside.split_once(" now.").unwrap().0;
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "# mine\nPermitRootLogin no\n");
}

#[test]
fn one_fix_of_a_run_can_be_taken_back() {
    let machine = loose();
    assert_eq!(fix(&machine, &["--yes"]).code, 0);
    let said = machine.on(&["undo", "ssh-root-login", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(result(&machine, "ssh-root-login"), "problem");
    assert_eq!(result(&machine, "password-list-can-be-read"), "ok");
    let said = machine.on(&["undo", "no-such-fix", "--yes"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("no fix called no-such-fix"), "{}", said.err);
    assert_eq!(machine.on(&["undo", "1", "--yes"]).code, 0);
    assert_eq!(result(&machine, "password-list-can-be-read"), "problem");
}

#[test]
fn programs_get_json_with_lasting_names_and_junit_that_is_xml() {
    let machine = loose();
    let said = fix(&machine, &["--yes", "--format", "json"]);
    let json = said.json();
    let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let run =
        "id host hostname root started ended state who version folder confirm_until risk_before risk_after steps fixes";
    assert_eq!(names(&json), run);
    assert_eq!(names(&json["steps"][0]), "n check title state why");
    assert_eq!(names(&json["fixes"][0]), "check title severity safety refused left asks changes");
    assert_eq!(names(&json["fixes"][0]["changes"][0]), "path what diff");
    assert_eq!((json["state"].as_str(), json["steps"][1]["state"].as_str()), (Some("done"), Some("fixed")));
    assert_eq!(said.err, "");
    let history = machine.run(&["history", "--format", "json"]).json();
    assert_eq!(history[0]["steps"], json["steps"]);
    assert_eq!(machine.on(&["undo", "--yes"]).code, 0);
    let junit = fix(&machine, &["--yes", "--format", "junit"]).out;
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.test_suites[0].test_cases.len()), (2, 0, 2));
    let nothing = fix(&machine, &["--yes", "--format", "junit"]).out;
    assert_eq!(quick_junit::Report::deserialize_from_str(&nothing).unwrap().tests, 0);
}

#[test]
fn wrong_words_are_told_in_a_sentence_and_change_nothing() {
    let machine = loose();
    let before = snapshot(&machine.root(), true);
    let script = machine.beside().join("fix.sh");
    let script = script.to_str().unwrap();
    for (args, code, told) in [
        (&["fix", "ssh-root-logn", "--yes"][..], 2, "Did you mean: ssh-root-login?"),
        (&["fix", "--group", "kernle", "--yes"], 2, "Did you mean: kernel?"),
        (&["fix"], 2, "without a terminal nobody can be asked"),
        (&["fix", "ssh-root-login"], 2, "Nobody is here to say yes, so nothing was changed"),
        (&["fix", "ssh-root-login", "--yes", "--answer", "ssh-root-login=x"], 2, "asks nothing"),
        (&["fix", "ssh-root-login", "--yes", "--answer", "nonsense"], 2, "Write it as ID=VALUE"),
        (&["fix", "ssh-root-login", "--yes", "--answer", "ssh-root-logn=x"], 2, "Did you mean: ssh-root-login?"),
        (&["fix", "ssh-root-login", "--dry-run", "--script", script], 2, "--dry-run has nothing to add"),
        (&["fix", "ssh-root-login", "--script", "-", "--ansible", "-"], 2, "Two files cannot both go"),
        (&["fix", "confirm"], 2, "Nothing waits to be confirmed"),
        (&["undo", "--yes"], 2, "There is nothing to take back"),
        (&["undo", "7", "--yes"], 2, "there is no run 7"),
    ] {
        let said = machine.on(args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert!(said.err.contains(told), "{args:?}: {}", said.err);
    }
    assert_eq!(snapshot(&machine.root(), true), before);
    assert!(!Path::new(script).exists());
}

#[test]
fn without_a_place_for_the_history_nothing_is_changed() {
    let machine = loose();
    let before = snapshot(&machine.root(), true);
    let mut command = program();
    command.args(["fix", "ssh-root-login", "--yes", "--db", "/proc/nothing/h.duckdb", "--root"]).arg(machine.root());
    let said: Said = command.output().unwrap().into();
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert_eq!(snapshot(&machine.root(), true), before);
}

/// Runs a script that was written, by the plain shell.
fn run_script(machine: &Machine, script: &Path, root: &Path, more: &[&str]) -> Said {
    let shell = if Path::new("/bin/dash").exists() { "/bin/dash" } else { "/bin/sh" };
    let mut command = Command::new(shell);
    command.arg(script).args(more).env("ROOT", root).env("BACKUPS", machine.beside().join("backups"));
    command.output().unwrap().into()
}

#[test]
fn the_script_does_the_same_and_takes_it_back() {
    let machine = loose();
    let script = machine.beside().join("fix it.sh");
    let book = machine.beside().join("fix.yml");
    let before = snapshot(&machine.root(), true);
    let said = fix(&machine, &["--script", script.to_str().unwrap(), "--ansible", book.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    assert!(said.err.contains("fix it.sh' undo") && said.err.contains("ansible-playbook -i "), "{}", said.err);
    assert_eq!(snapshot(&machine.root(), true), before);
    shellchecked(&script);
    let copy = machine.beside().join("copy");
    assert!(Command::new("cp").arg("-a").arg(machine.root()).arg(&copy).status().unwrap().success());
    let ran = run_script(&machine, &script, &copy, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(fix(&machine, &["--yes"]).code, 0);
    assert_eq!(snapshot(&copy, false), snapshot(&machine.root(), false));
    let fixed = snapshot(&copy, true);
    let ran = run_script(&machine, &script, &copy, &[]);
    assert_eq!((ran.code, ran.out.matches("stands already").count()), (0, 2), "{}", ran.out);
    assert_eq!(snapshot(&copy, true), fixed);
    let ran = run_script(&machine, &script, &copy, &["undo"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(snapshot(&copy, true), before);
    assert_eq!(run_script(&machine, &script, &copy, &["nonsense"]).code, 2);
}

#[test]
fn a_dash_prints_and_what_is_not_in_it_is_told() {
    let machine = loose();
    let said = machine.on(&["fix", "ssh-root-login", "--script", "-"]);
    assert!(said.code == 0 && said.out.starts_with("#!/bin/sh\n") && said.err.is_empty(), "{}", said.err);
    let said = machine.on(&["fix", "ssh-root-login", "--ansible", "-"]);
    assert!(said.code == 0 && said.out.starts_with("---\n"), "{}", said.err);
    // Not everybody may read it, so its content cannot be in a playbook; the script tells only what is new.
    machine.mode(SSHD, 0o600);
    let said = machine.on(&["fix", "ssh-root-login", "--ansible", "-"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("Not in the playbook: ssh-root-login") && !said.out.contains("# quick"), "{}", said.err);
    let said = machine.on(&["fix", "ssh-root-login", "--script", "-"]);
    assert!(said.code == 0 && !said.out.contains("# quick\n"), "{}", said.out);
}

/// Checks of a machine are read from /etc: the program runs in a mount namespace with another /etc.
/// Only root may do that.
fn with_checks(machine: &Machine, check: &str, args: &[&str]) -> Said {
    let etc = machine.beside().join("etc");
    std::fs::create_dir_all(etc.join("cleanbill/checks")).unwrap();
    std::fs::write(etc.join("cleanbill/checks/odd-names.toml"), check).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", "mount --bind \"$1\" /etc && shift && exec \"$@\"", "sh"]).arg(&etc);
    command.arg(program().get_program()).args(args).arg("--root").arg(machine.root()).arg("--db").arg(machine.db());
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command.output().unwrap().into()
}

const HEAD: &str = r#"
id = "odd-names"
title = "A file can be changed by everyone"
group = "files"
severity = "low"
why = "Someone could change it."
advice = "Close it."
steps = ["Run `chmod o-w FILE`."]
minutes = 1
needs = ["users"]
query = "select username from users where username = 'root'"
evidence = "{{ username }}"

[fix]
title = "Close it"
safety = "safe"
"#;
const TAIL: &str = r#"
[[test]]
name = "yes"
given = { users = [{ username = "root" }] }
finds = 1

[[test]]
name = "no"
given = { users = [{ username = "bob" }] }
finds = 0
"#;

#[test]
fn what_another_fix_of_the_list_does_is_not_called_impossible() {
    if !crate::testing::is_root() {
        return;
    }
    let machine = loose();
    let action = "actions = [{ mode = { path = \"/etc/shadow\", clear = \"0004\" } }]\n";
    let check = format!("{HEAD}{action}{TAIL}");
    let said = with_checks(&machine, &check, &["fix", "--all", "--dry-run"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("# odd-names: Close it\n#   another fix of this list does it\n"), "{}", said.out);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--dry-run"]);
    assert!(said.out.contains("/etc/shadow: rights"), "{}", said.out);
}

#[test]
fn what_cannot_be_done_for_one_does_not_keep_the_others_from_being_mended() {
    if !crate::testing::is_root() {
        return;
    }
    let machine = loose();
    let action = "actions = [{ account = { name = \"{{ username }}\", max_days = 90 } }]\n";
    let check = format!("{HEAD}{action}{TAIL}")
        .replace("select username from", "select unnest(['ghost', username]) as username from");
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--dry-run"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("#   left as it is: there is no account ghost in /etc/shadow\n"), "{}", said.out);
    assert!(said.out.contains("+root:") && said.out.contains(":90:"), "{}", said.out);
    let before = snapshot(&machine.root(), true);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--yes"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("there is no account ghost"), "{}", said.out);
    assert_ne!(snapshot(&machine.root(), true), before);
    assert_eq!(with_checks(&machine, &check, &["undo", "--yes"]).code, 0);
    assert_eq!(snapshot(&machine.root(), true), before);
}

#[test]
fn names_that_would_do_harm_come_out_harmless_everywhere() {
    if !is_root() {
        return;
    }
    let machine = loose();
    let odd = "srv/a'b\"c $(touch hacked) `touch hacked`\n\u{1b}[31m\u{202e}; touch hacked {{ 7 }}\\";
    machine.file(odd, "x\n");
    machine.mode(odd, 0o666);
    let quoted =
        serde_json::to_string(&format!("/{odd}")).unwrap().replace("{{", "{{ '{{' }}").replace('\u{202e}', "\\u202e");
    let action = format!("actions = [{{ mode = {{ path = {quoted}, clear = \"0022\" }} }}]\n");
    let check = format!("{HEAD}{action}{TAIL}");
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--dry-run"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("rights from 0666 to 0644"), "{}", said.out);
    let harmless = |text: &str| assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    harmless(&said.out);
    let script = machine.beside().join("fix.sh");
    let said =
        with_checks(&machine, &check, &["fix", "odd-names", "--script", script.to_str().unwrap(), "--ansible", "-"]);
    assert_eq!(said.code, 0, "{}", said.err);
    harmless(&said.out);
    assert!(said.out.contains("path: !unsafe \"/srv/a'b\\\"c $(touch hacked)"), "{}", said.out);
    harmless(&std::fs::read_to_string(&script).unwrap());
    shellchecked(&script);
    let ran = run_script(&machine, &script, &machine.root(), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    harmless(&ran.out);
    let mode = || std::fs::metadata(machine.root().join(odd)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o644);
    assert_eq!(run_script(&machine, &script, &machine.root(), &["undo"]).code, 0);
    assert_eq!(mode(), 0o666);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--yes"]);
    harmless(&said.out);
    assert_eq!((said.code, mode()), (1, 0o644), "it is still seen: {}{}", said.out, said.err);
    let said = with_checks(&machine, &check, &["undo", "--yes"]);
    assert_eq!((said.code, mode()), (0, 0o666), "{}", said.err);
    assert!(!snapshot(machine.beside(), false).keys().any(|path| path.ends_with("hacked")));
}

#[test]
fn a_question_of_a_fix_is_shown_and_answered() {
    if !is_root() {
        return;
    }
    let machine = loose();
    let check = format!(
        "{HEAD}ask = [{{ name = \"who\", question = \"Who may?\", choices = \"select username, shell from users\" }}]\n\
         actions = [{{ line = {{ path = \"/etc/allowed\", text = \"{{{{ who }}}}\" }} }}]\n{TAIL}"
    );
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--dry-run"]);
    assert!(said.out.contains("Who may?") && said.out.contains("--answer odd-names=root"), "{}{}", said.out, said.err);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--yes"]);
    assert!(said.code == 1 && said.out.contains("needs an answer"), "{}", said.out);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--script", "-"]);
    assert!(said.code == 1 && said.err.contains("Not in the script: odd-names"), "{}", said.err);
    let said = with_checks(&machine, &check, &["fix", "odd-names", "--yes", "--answer", "odd-names=root"]);
    assert_eq!(
        std::fs::read_to_string(machine.root().join("etc/allowed")).unwrap(),
        "root\n",
        "{}{}",
        said.out,
        said.err
    );
}

/// The script of `docs/ci`, called by hand.
#[test]
fn the_pipeline_of_the_documentation_fixes_an_image_and_judges_it() {
    let machine = loose();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci/cleanbill.sh");
    shellchecked(&script);
    assert_eq!(machine.run(&["audit", "--no-store", "--fail-on", "high"]).code, 1);
    let results = machine.beside().join("results");
    let program = program();
    let folder = Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let run = || -> Said {
        let mut command = Command::new("/bin/sh");
        command.arg(&script).env("CLEANBILL_ROOT", machine.root()).env("CLEANBILL_OUTPUT", &results);
        command.env("CLEANBILL_FIX", "true").env("PATH", &path).env_remove("CLEANBILL_DB");
        command.output().unwrap().into()
    };
    let said = run();
    // Files of the system that belong to whoever runs this are a problem of weight themselves.
    let left = i32::from(!rustix::process::geteuid().is_root());
    assert_eq!(said.code, left, "{}{}", said.out, said.err);
    assert!(said.out.contains("+PermitRootLogin prohibit-password"), "{}", said.out);
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(results.join(name)).unwrap()).unwrap()
    };
    assert!(json("cleanbill.json")["risk"].as_f64() < json("before.json")["risk"].as_f64());
    let fixes = std::fs::read_to_string(results.join("fixes.xml")).unwrap();
    assert!(quick_junit::Report::deserialize_from_str(&fixes).unwrap().tests >= 1);
    assert!(std::fs::read_to_string(results.join("cleanbill.html")).unwrap().contains("<html"));
    // What cannot be fixed and weighs enough stops it.
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/bash\n");
    assert_eq!(run().code, 1);
}

#[test]
fn the_help_names_every_way() {
    let help = cleanbill(&["fix", "--help"]).out;
    for word in ["--script", "--ansible", "--dry-run", "--answer", "confirm", "cleanbill undo"] {
        assert!(help.contains(word), "{word}");
    }
}
