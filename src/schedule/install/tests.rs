//! What is written, as an administrator reads it.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::{
    Plan, Site, Way, crontab,
    needs::Needs,
    uninstall,
    units::{self, Unit},
};
use crate::{
    config::{Config, Settings},
    schedule::{Here, ScheduleError},
};

const PROGRAM: &str = "/usr/local/bin/cleanbill";
const LOOKS: &str = "
    [mail]
    to = ['owner@example.org']
    server = 'smtp.example.org'
    user = 'web01'
    password_file = '/etc/cleanbill/mail-password'
    [schedule.monday-mail]
    when = 'every monday 7:00'
    do = 'email'
    jitter = '20m'
    [schedule.nightly]
    when = 'every day 2:30'
    do = 'audit'
    [schedule.off]
    when = 'every day 3:30'
    do = 'audit'
    enabled = false
";
const CHANGES: &str = "
    [schedule.fixes]
    when = 'sat,sun 3:00'
    do = 'fix'
    [schedule.mine]
    when = '15 */6 * * *'
    do = 'run'
    command = 'true'
";

fn here_with(text: &str, file: &str, db: Option<&str>) -> Here {
    let config: Config = toml::from_str(text).unwrap();
    let settings = Settings { config, file: PathBuf::from(file), text: Some(text.to_owned()) };
    Here::new(settings, db.map(Path::new))
}

fn here(text: &str) -> Here {
    here_with(text, "/etc/cleanbill/cleanbill.toml", Some("/var/lib/cleanbill/cleanbill.duckdb"))
}

fn needs(here: &Here) -> Needs {
    Needs::new(here, &Site::folder(Path::new("/nowhere")), Path::new(PROGRAM)).unwrap()
}

fn units(way: Way, text: &str) -> Vec<Unit> {
    units::units(way, &needs(&here(text))).unwrap()
}

fn names(units: &[Unit]) -> Vec<&str> {
    units.iter().map(|unit| unit.name.as_str()).collect()
}

fn text<'a>(units: &'a [Unit], name: &str) -> &'a str {
    &units.iter().find(|unit| unit.name == name).unwrap().text
}

#[test]
fn the_service_that_only_looks() {
    let units = units(Way::Service, LOOKS);
    assert_eq!(names(&units), ["cleanbill.service"], "nothing else is needed");
    assert_snapshot!(units[0].text);
}

#[test]
fn jobs_that_change_the_machine_and_the_mail_program_get_services_of_their_own() {
    let units = units(Way::Service, CHANGES);
    assert_eq!(names(&units), ["cleanbill.service", "cleanbill-job@.service", "cleanbill-mail.service"]);
    assert_eq!(units.iter().filter(|unit| unit.on).count(), 1);
    assert_snapshot!(text(&units, "cleanbill-job@.service"));
    assert_snapshot!(text(&units, "cleanbill-mail.service"));
}

#[test]
fn a_timer_for_each_job() {
    let units = units(Way::Timers, &format!("{LOOKS}{CHANGES}"));
    let expected = [
        "cleanbill-look@.service",
        "cleanbill-job@.service",
        "cleanbill-mail.service",
        "cleanbill-job@fixes.timer",
        "cleanbill-job@mine.timer",
        "cleanbill-look@monday-mail.timer",
        "cleanbill-look@nightly.timer",
        "cleanbill-mail.timer",
    ];
    assert_eq!(names(&units), expected);
    assert_snapshot!(text(&units, "cleanbill-look@.service"));
    assert_snapshot!(text(&units, "cleanbill-look@monday-mail.timer"));
    assert_snapshot!(text(&units, "cleanbill-mail.service"));
    assert_snapshot!(text(&units, "cleanbill-mail.timer"));
}

#[test]
fn lines_for_cron() {
    assert_snapshot!(crontab::lines(&needs(&here(&format!("{LOOKS}{CHANGES}")))).unwrap());
}

#[test]
fn what_the_settings_name_is_let_through_the_walls() {
    let text = "
        [mail]
        server = 'smtp.example.org'
        user = 'a'
        password_credential = 'mail-password'
        ca_file = '/home/ann/ca.pem'
        [report]
        logo = '/var/tmp/logo.png'
        [backup]
        folder = '/mnt/50% off'
        [schedule.copy]
        when = '@daily'
        do = 'backup'
        [schedule.page]
        when = '@daily'
        do = 'report'
        folder = '/srv/reports'
    ";
    let here = here_with(text, "/root/my settings.toml", Some("/srv/history/h.duckdb"));
    let service = units::units(Way::Service, &needs(&here)).unwrap().remove(0).text;
    let lines: Vec<&str> = service
        .lines()
        .filter(|line| {
            ["Environment=C", "\"", "LoadC", "ReadW", "State", "Protect", "Private", "# Not `yes`", "# PrivateTmp"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_measured_is_let_through_the_walls() {
    let text = |enabled: bool| {
        format!(
            "[metrics]\nenabled = {enabled}\nprometheus = '/srv/prom/cleanbill.prom'\naccess_logs = ['/home/bob/access.log']\n\
             [metrics.targets.shop]\nurl = 'https://localhost/'\nca_file = '/root/ca.pem'\n"
        )
    };
    let service = |text: &str| units(Way::Service, text).remove(0).text;
    let measured = service(&text(true));
    // Logs are read as the first process sees them, so that of homes only the certificate is needed.
    for line in ["ReadWritePaths=-/srv/prom\n", "this is needed: /root/ca.pem\n", "ProtectHome=read-only\n"] {
        assert!(measured.contains(line), "{line}: {measured}");
    }
    assert_eq!(
        service(&text(false)),
        service("[metrics]\nenabled = false\n"),
        "nothing is opened for what is not done"
    );
    let scraped = "[metrics]\nenabled = true\nprometheus = '127.0.0.1:9469'\n";
    assert_eq!(service(scraped), service(""));
}

#[test]
fn without_settings_nothing_is_installed() {
    let settings = Settings::none("/etc/cleanbill/cleanbill.toml");
    let here = Here::new(settings, Some(Path::new("/var/lib/cleanbill/cleanbill.duckdb")));
    let site = Site::folder(Path::new("/nowhere"));
    let error = Plan::new(&here, &site, Way::Service, Path::new(PROGRAM)).unwrap_err();
    assert!(matches!(error, ScheduleError::Install { hint, .. } if hint.contains("cleanbill init")));
}

/// All files beneath a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path())
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().display().to_string())
            }
        }
    }
    found.sort();
    found
}

#[test]
fn one_way_takes_the_place_of_another_and_all_can_be_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::folder(folder.path());
    let here = here(&format!("{LOOKS}{CHANGES}"));
    let install = |way| {
        let plan = Plan::new(&here, &site, way, Path::new(PROGRAM)).unwrap();
        plan.apply(&here, false).unwrap();
        assert!(Plan::new(&here, &site, way, Path::new(PROGRAM)).unwrap().is_done(), "a second time changes nothing");
        files(folder.path())
    };
    let unit = |name: &str| format!("etc/systemd/system/{name}");
    assert_eq!(install(Way::Service), [unit("cleanbill-job@.service"), unit("cleanbill.service")]);
    assert_eq!(install(Way::Crontab), ["etc/cron.d/cleanbill"]);
    assert_eq!(install(Way::Timers).len(), 8);
    assert_eq!(install(Way::Service).len(), 2);
    let (gone, kept) = uninstall(&site, false).unwrap();
    assert_eq!((gone.len(), kept.len(), files(folder.path()).len()), (2, 0, 0));
}

#[test]
fn what_someone_changed_or_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::folder(folder.path());
    let here = here(CHANGES);
    let plan = || Plan::new(&here, &site, Way::Service, Path::new(PROGRAM)).unwrap();
    let service = folder.path().join("etc/systemd/system/cleanbill.service");
    plan().apply(&here, false).unwrap();
    let ours = std::fs::read_to_string(&service).unwrap();
    std::fs::write(&service, ours.replace("Nice=10", "Nice=5")).unwrap();
    let error = plan().apply(&here, false).unwrap_err();
    assert!(error.to_string().contains("cleanbill.service"), "{error}");
    let (gone, kept) = uninstall(&site, false).unwrap();
    assert_eq!((gone.len(), kept), (2, vec![service.clone()]));
    assert!(std::fs::read_to_string(&service).unwrap().contains("Nice=5"));
    plan().apply(&here, true).unwrap();
    assert_eq!(std::fs::read_to_string(&service).unwrap(), ours);
    // What others wrote is not replaced even then.
    std::fs::write(&service, "[Service]\nExecStart=/opt/own\n").unwrap();
    let error = plan().apply(&here, true).unwrap_err();
    assert!(error.to_string().contains("Someone wrote"), "{error}");
    uninstall(&site, true).unwrap();
    assert_eq!(files(folder.path()), ["etc/systemd/system/cleanbill.service"]);
}

#[test]
fn the_jobs_decide_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::folder(folder.path());
    let install = |text: &str| {
        let here = here(text);
        Plan::new(&here, &site, Way::Timers, Path::new(PROGRAM)).unwrap().apply(&here, false).unwrap();
        files(folder.path()).into_iter().filter(|name| name.ends_with(".timer")).count()
    };
    assert_eq!(install(&format!("{LOOKS}{CHANGES}")), 5);
    assert_eq!(install(LOOKS), 3);
    assert_eq!(files(folder.path()).iter().filter(|name| name.contains("cleanbill-job")).count(), 0);
}

#[test]
fn what_runs_the_jobs_of_other_settings_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::folder(folder.path());
    let mine = here(LOOKS);
    Plan::new(&mine, &site, Way::Timers, Path::new(PROGRAM)).unwrap().apply(&mine, false).unwrap();
    let way = |here: &Here| super::state::found_way(here, &site).map(|(way, program, _)| (way, program));
    assert_eq!(way(&mine), Some((Way::Timers, PathBuf::from(PROGRAM))));
    // Other jobs of the same settings are no other settings.
    assert!(way(&here(CHANGES)).is_some());
    assert!(way(&here_with(LOOKS, "/srv/other.toml", Some("/var/lib/cleanbill/cleanbill.duckdb"))).is_none());
    assert!(way(&here_with(LOOKS, "/etc/cleanbill/cleanbill.toml", Some("/srv/other.duckdb"))).is_none());
}

/// The units that packages bring are those for plain settings, in a place where those of `schedule install` come first.
#[test]
fn the_units_of_the_packages_are_what_is_written_for_plain_settings() {
    let plain = here("[schedule.any]\nwhen = '@daily'\ndo = 'run'\ncommand = 'true'\n");
    let needs = Needs::new(&plain, &Site::folder(Path::new("/nowhere")), Path::new("/usr/bin/cleanbill")).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd");
    let units = units::units(Way::Service, &needs).unwrap();
    assert_eq!(names(&units), ["cleanbill.service", "cleanbill-job@.service", "cleanbill-mail.service"]);
    for unit in units {
        let at = unit.text.find("[Unit]").unwrap();
        let text = format!(
            "# Part of the package: turned on by `sudo systemctl enable --now cleanbill`. `sudo cleanbill schedule install` writes\n\
             # one that fits the settings to /etc/systemd/system, which takes the place of this one.\n\
             # What you want to have otherwise goes into a file of yours, which stays: sudo systemctl edit {}\n{}",
            unit.name,
            &unit.text[at..]
        );
        let file = folder.join(&unit.name);
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            std::fs::write(&file, &text).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(there, text, "{} is written anew by: INSTA_UPDATE=always cargo test the_units_of", file.display());
    }
}
