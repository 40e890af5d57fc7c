//! The role for Ansible, really played.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::{folder, repository};
use crate::{
    fix::loose,
    support::{Machine, Said},
    testing::can,
};

/// Plays the example with these variables.
fn play(machine: &Machine, variables: &Value, more: &[&str]) -> Said {
    let mut all = serde_json::json!({
        "ansible_become": false,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "cleanbill_prefix": machine.beside().join("prefix"),
        "cleanbill_root": machine.root(),
        "cleanbill_db": machine.db(),
        "cleanbill_fetch_to": machine.beside().join("fetched"),
        "cleanbill_settings_file": machine.beside().join("settings/cleanbill.toml"),
    });
    all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
    let mut command = Command::new("ansible-playbook");
    command.args(["-i", "shop,", "-c", "local", "-e", &all.to_string()]).args(more).arg("site.yml");
    command.env("ANSIBLE_NOCOLOR", "1").env("ANSIBLE_LOCALHOST_WARNING", "False").env_remove("CLEANBILL_DB");
    command.env("ANSIBLE_HOME", machine.beside().join("ansible"));
    command.env("ANSIBLE_REMOTE_TEMP", machine.beside().join("ansible/remote"));
    command.env("ANSIBLE_LOCAL_TEMP", machine.beside().join("ansible/local")).env("ANSIBLE_NOCOWS", "1");
    command.current_dir(repository().join("docs/ci/ansible")).output().unwrap().into()
}

fn is_here() -> bool {
    can(
        Command::new("ansible-playbook").arg("--version").output().is_ok(),
        "Ansible is not installed: no role is played",
    )
}

/// How many tasks changed something.
fn changed(said: &Said) -> usize {
    let line =
        said.out.lines().find(|line| line.starts_with("shop ")).unwrap_or_else(|| panic!("{}{}", said.out, said.err));
    line.split("changed=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn fetched(machine: &Machine) -> Value {
    serde_json::from_slice(&std::fs::read(machine.beside().join("fetched/shop.json")).unwrap()).unwrap()
}

#[test]
fn the_role_audits_fetches_and_fails_above_the_level() {
    if !is_here() {
        return;
    }
    let machine = loose();
    // No machine makes Ansible calculate.
    machine.file("etc/hostname", "{{70007*7}}\n");
    machine.file(
        "etc/passwd",
        "root:x:0:0:{{ 70007*7 }}:/root:/bin/bash\nann:x:1000:1000:{{ 70007*7 }}:/home/{{70007*7}}:/bin/bash\n",
    );
    let binary = serde_json::json!({"cleanbill_binary": folder().join("cleanbill")});
    assert_eq!(play(&machine, &binary, &["--syntax-check"]).code, 0);
    let look = play(&machine, &binary, &["--check"]);
    assert_eq!((look.code, machine.beside().join("prefix").exists()), (0, false), "{}{}", look.out, look.err);
    let said = play(&machine, &binary, &[]);
    assert_eq!((said.code, changed(&said)), (2, 3), "{}", said.out);
    assert!(said.out.contains("high or worse is left: ") && said.out.contains("ssh-root-login"), "{}", said.out);
    assert!(!said.out.contains("490049"), "{}", said.out);
    let report = fetched(&machine);
    assert!(report.to_string().contains("70007*7") && !report.to_string().contains("490049"));
    let again = play(&machine, &binary, &[]);
    assert_eq!((again.code, changed(&again)), (2, 0), "{}", again.out);
    for (more, code) in [
        (serde_json::json!({"cleanbill_only": ["remote-access"], "cleanbill_fail_on": "critical"}), 0),
        (serde_json::json!({"cleanbill_skip": ["ssh-*", "password-list-*"], "cleanbill_fail_on": "high"}), left()),
        (serde_json::json!({"cleanbill_fail_on": "bad"}), 2),
        (serde_json::json!({"cleanbill_only": ["no-such-check"], "cleanbill_fail_on": "never"}), 2),
    ] {
        let said = play(&machine, &more, &[]);
        assert_eq!(said.code, code, "{more}: {}", said.out);
    }
}

/// Files of the system that belong to whoever runs this are a problem of weight themselves.
fn left() -> i32 {
    if rustix::process::geteuid().is_root() { 0 } else { 2 }
}

#[test]
fn the_role_writes_settings_fixes_once_and_then_changes_nothing() {
    if !is_here() {
        return;
    }
    let machine = loose();
    let name = "cleanbill-0.2.0-x86_64-unknown-linux-gnu";
    let bin = machine.beside().join("release").join(name).join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::copy(folder().join("cleanbill"), bin.join("cleanbill")).unwrap();
    let archive = machine.beside().join("release.tar.gz");
    let packed = Command::new("tar")
        .arg("-C")
        .arg(machine.beside().join("release"))
        .arg("-czf")
        .arg(&archive)
        .arg(name)
        .output();
    assert!(packed.unwrap().status.success());
    let settings = "[report]\ntitle = \"The shop\"\n";
    let with = |fix: Value| serde_json::json!({"cleanbill_archive": archive, "cleanbill_settings": settings, "cleanbill_fix": fix});
    let first = play(&machine, &with("safe".into()), &[]);
    assert_eq!(first.code, 2, "what could lock someone out is left: {}{}", first.out, first.err);
    let checks = |report: &Value| -> Vec<String> {
        report["problems"].as_array().unwrap().iter().map(|p| p["check"].as_str().unwrap().to_owned()).collect()
    };
    let after = checks(&fetched(&machine));
    assert!(after.contains(&"ssh-root-login".to_owned()) && !after.contains(&"password-list-can-be-read".to_owned()));
    // What it would do is told, and not done.
    let would = play(&machine, &with(true.into()), &["--check"]);
    assert_eq!((would.code, changed(&would)), (2, 1), "{}", would.out);
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert!(text(&machine.root().join("etc/ssh/sshd_config.d/50-quick.conf")).contains("PermitRootLogin yes"));
    let second = play(&machine, &with(true.into()), &[]);
    assert_eq!((second.code, changed(&second)), (left(), 1), "{}", second.out);
    assert!(!checks(&fetched(&machine)).contains(&"ssh-root-login".to_owned()));
    let third = play(&machine, &with(true.into()), &[]);
    assert_eq!((third.code, changed(&third)), (left(), 0), "{}", third.out);
    let file = machine.beside().join("settings/cleanbill.toml");
    assert_eq!(text(&file), settings);
    // Settings with a mistake never reach their place.
    let wrong = serde_json::json!({"cleanbill_settings": "[report]\ntitel = \"x\"\n"});
    let said = play(&machine, &wrong, &[]);
    assert_eq!((said.code, text(&file)), (2, settings.to_owned()), "{}", said.out);
    assert!(said.out.contains("titel"), "{}", said.out);
}
