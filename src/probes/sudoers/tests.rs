use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{facts::State, probes::run_one};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/accounts/sudoers");

fn fixture() -> Facts {
    run_one(&PROBE, &Host::image(FIXTURE.as_ref()).unwrap())
}

fn with(files: &[(&str, &str)]) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
    std::fs::write(dir.path().join("usr/bin/sudo"), "").unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

fn text<'a>(row: &'a serde_json::Map<String, serde_json::Value>, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// What `sudo -l -U NAME` of Debian 12 said about the same files: `(as whom) TAG: command, command`.
fn said_by_sudo() -> BTreeMap<String, BTreeSet<String>> {
    let said = std::fs::read_to_string(format!("{FIXTURE}/sudo-l.txt")).unwrap();
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut user = String::new();
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix("User ") {
            user = rest.split(' ').next().unwrap().to_owned();
            out.entry(user.clone()).or_default();
            continue;
        }
        let (runas, commands) = line.trim().strip_prefix('(').unwrap().split_once(") ").unwrap();
        let runas = runas.split(" : ").next().unwrap();
        let mut nopasswd = false;
        for command in commands.replace("\\,", "\u{0}").split(", ") {
            let mut command = command;
            for (tag, value) in [("NOPASSWD: ", true), ("PASSWD: ", false)] {
                if let Some(rest) = command.strip_prefix(tag) {
                    (command, nopasswd) = (rest, value);
                }
            }
            let command = command.trim_start_matches("NOEXEC: ");
            let command = if command.starts_with("sha") { command.split_once(' ').unwrap().1 } else { command };
            if !command.starts_with('!') {
                out.get_mut(&user).unwrap().insert(format!("({runas}) {nopasswd} {}", command.replace('\u{0}', ",")));
            }
        }
    }
    out
}

#[test]
fn who_may_run_what_agrees_with_sudo_itself() {
    let rows = fixture().rows("sudoers");
    for (user, said) in said_by_sudo() {
        let mut ours = BTreeSet::new();
        for row in rows.iter().filter(|r| r["here"] == true) {
            let mine = match text(row, "who_kind") {
                "everyone" => true,
                "group" => text(row, "who") == user || (text(row, "who"), user.as_str()) == ("ops", "carl"),
                _ => text(row, "who") == user,
            };
            if mine && !text(row, "who_excluding").split(", ").any(|e| e == user) {
                // sudo -l shows tags, not what Defaults:bert makes of them.
                let nopasswd = row["nopasswd"] == true && text(row, "rule_details").contains("NOPASSWD");
                ours.insert(format!("({}) {nopasswd} {}", text(row, "runas"), text(row, "command")));
            }
        }
        assert_eq!(ours, said, "{user}");
    }
}

#[test]
fn settings_and_later_rules_decide_about_passwords() {
    let rows = fixture().rows("sudoers");
    let find = |who: &str, command: &str| {
        rows.iter().filter(|r| text(r, "who") == who && text(r, "command") == command).collect::<Vec<_>>()
    };
    // Defaults:bert !authenticate, but a PASSWD tag is stronger.
    assert_eq!(find("bert", "/usr/bin/vi")[0]["nopasswd"], true);
    assert_eq!(find("bert", "/usr/bin/pg_dump -U postgres *")[0]["nopasswd"], false);
    // Everything but shells, without a password.
    let dora = find("dora", "ALL")[0];
    assert_eq!((text(dora, "command_excluding"), &dora["nopasswd"]), ("/bin/bash, /bin/sh", &true.into()));
    // The rule of the group comes later and asks for the password.
    assert_eq!(
        (&find("ines", "ALL")[0]["overruled"], &find("ines", "ALL")[1]["overruled"]),
        (&true.into(), &false.into())
    );
    // A rule for one command comes after the one for all: both count.
    assert_eq!(
        (&find("jana", "ALL")[0]["overruled"], &find("jana", "/usr/bin/apt")[0]["overruled"]),
        (&false.into(), &false.into())
    );
    // Another machine's rule.
    assert_eq!(find("kurt", "ALL")[0]["here"], false);
    assert_eq!(find("gina", "ALL")[0]["as_root"], false);
    assert_eq!(find("#27", "/usr/bin/fbset")[0]["as_root"], false);
}

#[test]
fn a_file_with_a_dot_or_a_tilde_in_its_name_is_told_as_ignored() {
    let files = fixture().rows("sudoers_files");
    let seen: Vec<_> = files
        .iter()
        .map(|f| (text(f, "source").trim_start_matches("/etc/"), f["used"] == true, text(f, "problem")))
        .collect();
    assert_eq!(
        seen,
        [
            ("sudoers", true, ""),
            ("sudoers.d/10-people", true, ""),
            ("sudoers.d/20-old.conf", false, "name"),
            ("sudoers.d/30-backup~", false, "name"),
            ("sudoers.d/40-later", true, ""),
            ("sudoers.d/../extra/rules", true, ""),
        ]
    );
}

#[test]
fn comments_are_no_rules_and_a_broken_line_is_told() {
    let facts = with(&[(
        "etc/sudoers",
        "# anna ALL=(ALL) NOPASSWD: ALL\nroot ALL=(ALL) ALL # NOPASSWD: ALL\nthis is nothing\nbert ALL = NOPASSWD:\\\n /bin/ls\n",
    )]);
    let rows = facts.rows("sudoers");
    assert_eq!(
        rows.iter().map(|r| (text(r, "who"), r["line"].as_i64().unwrap(), r["nopasswd"] == true)).collect::<Vec<_>>(),
        [("root", 2, false), ("bert", 4, true)]
    );
    let file = &facts.rows("sudoers_files")[0];
    assert_eq!((text(file, "problem"), &file["line"]), ("syntax", &3.into()));
}

#[test]
fn a_file_others_may_write_is_refused_as_sudo_does() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    for folder in ["usr/bin", "etc/sudoers.d"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("usr/bin/sudo"), "").unwrap();
    std::fs::write(dir.path().join("etc/sudoers"), "#includedir /etc/sudoers.d\n").unwrap();
    let open = dir.path().join("etc/sudoers.d/open");
    std::fs::write(&open, "anna ALL=(ALL) ALL\n").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert_eq!(facts.count::<Sudoer>(), 0);
    assert_eq!(text(&facts.rows("sudoers_files")[1], "problem"), "writable");
}

#[test]
fn the_password_of_root_instead_of_ones_own_is_seen() {
    let facts = with(&[("etc/sudoers", "Defaults targetpw\nALL ALL=(ALL) ALL\n")]);
    let row = &facts.rows("sudoers")[0];
    assert_eq!((text(row, "who_kind"), text(row, "asks_for")), ("everyone", "target"));
}

#[test]
fn files_and_aliases_that_lead_back_to_themselves_end() {
    let mut many = String::from("User_Alias A = A, B\nUser_Alias B = A, A, B\n");
    for n in 0..40 {
        many += &format!("Cmnd_Alias C{n} = C{}, C{}\n", n + 1, n + 1);
    }
    many += "Cmnd_Alias C40 = C40\nA ALL = C0\n@include sudoers\n@includedir /etc\n";
    let facts = with(&[("etc/sudoers", &many)]);
    assert_eq!(facts.count::<Sudoer>(), 0);
}

#[test]
fn junk_is_told_and_no_reason_to_stop() {
    let junk = "(((\n=\n:,!\nDefaults\nDefaults:\nUser_Alias\nUser_Alias x=\n@include\n@includedir\n\\\nALL ALL=(\nALL ALL=sha256:\n%\u{1b}[31m ALL=ALL\na ALL=^/bin/x\n\"";
    let facts = with(&[("etc/sudoers", junk)]);
    assert_eq!(facts.rows("sudoers").len(), 1);
    assert_eq!(text(&facts.rows("sudoers_files")[0], "problem"), "syntax");
}

#[test]
fn without_sudo_the_rules_left_behind_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("etc")).unwrap();
    std::fs::create_dir_all(dir.path().join("usr")).unwrap();
    std::fs::write(dir.path().join("etc/sudoers"), "ALL ALL=NOPASSWD: ALL\n").unwrap();
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert!(matches!(facts.state("sudoers"), State::Absent(_)));
}

#[test]
fn rules_of_doas_are_read() {
    let conf = "# doas\npermit persist :wheel\npermit nopass setenv { PATH=/bin X } anna as root cmd /usr/bin/apt args update\ndeny bert\nnonsense\n";
    let facts = with(&[("usr/bin/doas", ""), ("etc/doas.conf", conf)]);
    let rows = facts.rows("doas");
    let seen: Vec<_> =
        rows.iter().map(|r| (text(r, "verdict"), text(r, "who"), text(r, "command"), r["nopasswd"] == true)).collect();
    assert_eq!(
        seen,
        [
            ("permit", "wheel", "", false),
            ("permit", "anna", "/usr/bin/apt args update", true),
            ("deny", "bert", "", false)
        ]
    );
}

#[test]
fn a_blank_before_the_plus_of_a_list_is_no_part_of_its_name() {
    let facts = with(&[("etc/sudoers", "Defaults env_keep += \"A B\", env_check-=C\n")]);
    let rows = facts.rows("sudo_defaults");
    let names: Vec<_> = rows.iter().map(|r| text(r, "name")).collect();
    assert_eq!(names, ["env_keep+", "env_check-"]);
}
