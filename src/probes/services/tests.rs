use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value};

use super::*;
use crate::{host::Output, probes::run_one};

const LIST: &str = include_str!("../../../tests/fixtures/system/list-units.txt");
const SHOW: &str = include_str!("../../../tests/fixtures/system/show.txt");
/// What `systemctl list-unit-files` said on the machine of the fixture.
const UNIT_FILES: &str = include_str!("../../../tests/fixtures/system/list-unit-files.txt");

fn tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/system/bookworm")
}

fn image() -> Facts {
    run_one(&PROBE, &Host::image(&tree()).unwrap())
}

/// The fixture as a running machine: systemctl answers as it did there.
fn live() -> Facts {
    let list = "/usr/bin/systemctl list-units --all --plain --no-legend --full --no-pager --type=service,socket,timer";
    let mut names: Vec<&str> = SHOW.lines().filter_map(|l| l.strip_prefix("Id=")).collect();
    names.sort_unstable();
    let properties = "Id,MainPID,Result,NRestarts,ActiveEnterTimestamp,MemoryCurrent,NeedDaemonReload,NoNewPrivileges,\
                      ProtectSystem,ProtectHome,PrivateTmp,NextElapseUSecRealtime,LastTriggerUSec";
    let show = format!("/usr/bin/systemctl show --no-pager -p {properties} {}", names.join(" "));
    let canned = BTreeMap::from([(list.to_owned(), Output::ok(LIST)), (show, Output::ok(SHOW))]);
    let now = "2026-11-25T04:00:00Z".parse().unwrap();
    run_one(&PROBE, &Host::fake(&tree(), now, canned).unwrap())
}

fn row(facts: &Facts, name: &str) -> Map<String, Value> {
    let rows = facts.rows("services").into_iter().chain(facts.rows("systemd_timers"));
    rows.into_iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn write(dir: &std::path::Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn what_is_switched_on_agrees_with_systemctl() {
    let facts = live();
    for line in UNIT_FILES.lines() {
        let (name, state) = line.split_once(' ').unwrap();
        if state != "alias" {
            assert_eq!(row(&facts, name)["unit_file_state"], state, "{name}");
        }
    }
    assert!(!facts.rows("services").iter().any(|r| r["name"] == "udev.service"), "a second name is no service");
}

#[test]
fn limits_read_from_files_agree_with_systemctl() {
    let (files, asked) = (image(), live());
    let mut compared = 0;
    for service in asked.rows("services") {
        let Some(same) = files.rows("services").into_iter().find(|r| r["name"] == service["name"]) else { continue };
        for column in ["no_new_privileges", "protect_system", "protect_home", "private_tmp", "run_as", "program"] {
            assert_eq!(same[column], service[column], "{} of {}", column, service["name"]);
            compared += 1;
        }
    }
    assert!(compared > 100);
}

#[test]
fn a_failed_service_says_how_it_failed() {
    let facts = live();
    let broken = row(&facts, "broken.service");
    assert_eq!(broken["active_state"], "failed");
    assert_eq!(broken["result"], "exit-code");
    assert_eq!(broken["program"], "/bin/false");
    assert_eq!(row(&facts, "cron.service")["since"].as_str().map(|s| s.len()), Some("2026-11-25T03:52:56Z".len()));
    assert_eq!(row(&facts, "postgresql@15-main.service")["active_state"], "active");
}

#[test]
fn drop_ins_change_what_the_unit_says() {
    let nginx = row(&image(), "nginx.service");
    assert_eq!(nginx["protect_system"], "full");
    assert_eq!(nginx["restart_policy"], "on-failure");
    assert_eq!(nginx["dropins"], "/etc/systemd/system/nginx.service.d/10-owner.conf");
}

#[test]
fn timers_say_when_they_run() {
    let timer = row(&live(), "logrotate.timer");
    assert_eq!(timer["schedule"], "daily");
    assert_eq!(timer["unit"], "logrotate.service");
    assert!(timer["next_elapse"].is_string());
}

#[test]
fn a_systemctl_that_fails_is_a_gap_and_the_files_still_count() {
    let facts = run_one(&PROBE, &Host::fake(&tree(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap());
    assert_eq!(facts.gaps().len(), 1);
    assert_eq!(row(&facts, "ssh.service")["active_state"], Value::Null);
    assert_eq!(row(&facts, "ssh.service")["unit_file_state"], "enabled");
}

#[test]
fn files_and_folders_that_others_may_write_are_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let unit = "[Service]\nUser=app\nExecStartPre=+/opt/app/prepare\nExecStart=/usr/bin/python3 /opt/app/run.py --x\n";
    write(dir.path(), "etc/systemd/system/app.service", unit);
    write(dir.path(), "usr/lib/systemd/systemd", "");
    write(dir.path(), "usr/bin/python3", "");
    write(dir.path(), "opt/app/run.py", "");
    write(dir.path(), "opt/app/prepare", "");
    write(dir.path(), "tmp/sticky/tool", "");
    write(dir.path(), "etc/systemd/system/tmp.service", "[Service]\nExecStart=/tmp/sticky/tool\n");
    let mode = |path: &str, mode: u32| {
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("opt/app", 0o777);
    mode("tmp/sticky", 0o1777);
    mode("etc/systemd/system/app.service", 0o666);
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    let rows = facts.rows("service_files");
    let found: BTreeSet<_> = rows
        .iter()
        .filter(|r| r["writable_by"] == "everyone")
        .map(|r| ["source", "role", "run_as", "place"].map(|c| r[c].as_str().unwrap().to_owned()).join(" "))
        .collect();
    let expected = [
        "/etc/systemd/system/app.service unit root /etc/systemd/system/app.service",
        "/opt/app/prepare program root /opt/app",
        "/opt/app/run.py script app /opt/app",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn a_machine_without_a_service_manager_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "etc/x", "");
    write(dir.path(), "usr/x", "");
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert!(matches!(facts.state("services"), crate::facts::State::Absent(_)));
}

#[test]
fn old_start_scripts_are_on_when_a_link_starts_them() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "usr/x", "");
    write(dir.path(), "etc/inittab", "");
    write(dir.path(), "etc/rc2.d/S01ssh", "");
    write(dir.path(), "etc/rc2.d/K01cups", "");
    write(dir.path(), "etc/init.d/ssh", "#! /bin/sh\n# Short-Description: secure shell\n");
    write(dir.path(), "etc/init.d/cups", "");
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert_eq!(row(&facts, "ssh")["unit_file_state"], "enabled");
    assert_eq!(row(&facts, "ssh")["description"], "secure shell");
    assert_eq!(row(&facts, "cups")["unit_file_state"], "disabled");
}

#[test]
fn jobs_that_leave_their_work_to_systemd_do_not_wait_for_cron() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "usr/x", "");
    write(dir.path(), "etc/cron.d/e2", "SHELL=/bin/sh\n30 3 * * 0 root test -e /run/systemd/system || x\n");
    write(dir.path(), "var/spool/cron/crontabs/anna", "# m h\nMAILTO=a\n0 4 * * * backup\n@daily x=1\n");
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    let rows = facts.rows("job_runners");
    assert_eq!(rows.iter().find(|r| r["name"] == "cron").unwrap()["jobs"], 2);
}

#[test]
fn signs_before_a_program_are_understood() {
    let exec = |text: &str| Exec::parse(text);
    assert_eq!(exec("-/bin/a b").program, "/bin/a");
    assert_eq!(exec("@/bin/a zero one").args, ["one"]);
    assert!(exec("!/usr/sbin/chronyd").elevated && exec("+/bin/a").elevated && !exec("!!/bin/a").elevated);
    assert_eq!(exec(""), Exec::default());
}

#[test]
fn links_that_go_round_in_a_circle_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "usr/lib/systemd/systemd", "");
    write(dir.path(), "etc/systemd/system/x", "");
    let system = dir.path().join("etc/systemd/system");
    std::os::unix::fs::symlink("a.service", system.join("b.service")).unwrap();
    std::os::unix::fs::symlink("b.service", system.join("a.service")).unwrap();
    std::os::unix::fs::symlink("/etc/systemd/system/c.service", system.join("c.service")).unwrap();
    std::fs::create_dir(system.join("d.service")).unwrap();
    write(dir.path(), "etc/systemd/system/@.service", "[Service]\nExecStart=\nUser=%i\n");
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert!(facts.count::<Service>() >= 1);
}

#[test]
fn a_second_account_with_the_number_of_root_does_not_take_its_name() {
    let dir = crate::probes::tests::tree(&[
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n"),
        ("proc/7/status", "Name:\tnginx\nUid:\t0\t0\t0\t0\n"),
    ]);
    let host = Host::fake(dir.path(), Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
    let asked = BTreeMap::from([("MainPID".to_owned(), "7".to_owned())]);
    let state = live::State { asked, ..live::State::default() };
    assert_eq!(main_user(&host, Some(&state), &Names::users(&host)).as_deref(), Some("root"));
}
