//! The daemon: alone, with settings that hold, and asked to stop.

use jiff::{Timestamp, ToSpan as _};

use super::{Site, header, text};
use crate::sink::Sink;

const TICK: &str = "[schedule.tick]\nwhen = 'every hour'\ndo = 'run'\ncommand = 'echo tick'\n";

#[test]
fn a_second_one_is_refused_and_the_first_goes_on() {
    let Some(site) = Site::new(TICK) else { return };
    let first = site.daemon();
    site.until("it waits", || site.log().contains("Waiting"));
    let second = site.run(&["daemon"]);
    assert_eq!(second.code, 2);
    assert!(second.err.contains("Another cleanbill daemon runs already (process "), "{}", second.err);
    assert_eq!(first.stop(), 0);
    // The lock goes with its process, also when nobody asked.
    let third = site.daemon();
    site.until("it waits", || site.log().matches("Waiting").count() == 2);
    third.kill();
    assert!(site.run(&["status"]).out.contains("nothing runs it"));
}

#[test]
fn a_mistake_in_the_settings_stops_nothing() {
    let Some(site) = Site::new(TICK) else { return };
    let daemon = site.daemon();
    site.until("it waits", || site.log().contains("Waiting"));
    let broken = format!("{TICK}wehn = 3\n");
    site.settings(&broken);
    daemon.wake();
    site.until("it says so", || site.log().contains("`wehn` is not known in [schedule.tick]. Did you mean `when`?"));
    site.at("2026-01-01T13:00:00Z");
    daemon.wake();
    site.until("the job runs all the same", || site.log().contains("`tick` ended."));
    let status = site.run(&["status"]);
    assert_eq!(status.code, 1);
    assert!(status.out.contains("the last ones that were right hold"), "{}", status.out);
    // Also over a restart.
    assert_eq!(daemon.stop(), 0);
    // Whoever runs the jobs, `status` tells.
    let status = site.run(&["status"]);
    assert!(status.code == 1 && status.out.contains("the last ones that were right hold"), "{}", status.out);
    let daemon = site.daemon();
    site.until("it waits", || site.log().matches("Waiting, with 1 job").count() == 2);
    site.settings(&TICK.replace("every hour", "every 2 hours"));
    daemon.wake();
    site.until("it is mended", || site.log().contains("The settings changed and hold from now on."));
    assert_eq!(site.run(&["status"]).code, 0);
    assert_eq!(daemon.stop(), 0);
    // Without any that ever were right it does not begin.
    std::fs::remove_dir_all(site.machine.beside().join("store")).unwrap();
    site.settings(&broken);
    let said = site.run(&["daemon"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("Did you mean `when`?"), "{}", said.err);
}

#[test]
fn it_ends_what_is_at_work_before_it_stops_and_that_is_done_later() {
    let settings =
        "[schedule.long]\nwhen = 'every hour'\ndo = 'run'\ncommand = 'echo begun; test -f DONE || sleep 60'\n";
    let Some(site) = Site::new("") else { return };
    site.settings(&settings.replace("DONE", &site.path("done").display().to_string()));
    let daemon = site.daemon();
    site.until("it waits", || site.log().contains("Waiting"));
    site.at("2026-01-01T13:00:00Z");
    daemon.wake();
    site.until("it is at work", || site.runs("long").first().is_some_and(|run| text(run, "state") == "running"));
    assert_eq!(daemon.stop(), 0);
    let runs = site.runs("long");
    assert_eq!((runs.len(), text(&runs[0], "state")), (1, "cut_off"), "{runs:?}");
    std::fs::write(site.path("done"), "").unwrap();
    let daemon = site.daemon();
    site.until("it is done", || site.runs("long").last().is_some_and(|run| text(run, "state") == "done"));
    let runs = site.runs("long");
    assert_eq!((runs.len(), text(&runs[1], "due")), (2, "2026-01-01T13:00:00Z"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_another_process_sees_to_is_not_asked_for_again_and_again() {
    let Some(site) = Site::new(&TICK.replace("echo tick", "sleep 4")) else { return };
    site.ok(&["schedule", "run", "tick", "--if-due"]);
    site.at("2026-01-01T13:00:00Z");
    let mut other = site.command(&["schedule", "run", "tick", "--if-due"]).spawn().unwrap();
    site.until("it is at work", || site.runs("tick").iter().any(|run| text(run, "state") == "running"));
    let daemon = site.daemon();
    assert!(other.wait().unwrap().success());
    assert_eq!(daemon.stop(), 0);
    assert_eq!(site.log().matches("`tick` begins.").count(), 1, "{}", site.log());
    let runs = site.runs("tick");
    assert_eq!((runs.len(), text(&runs[0], "state")), (1, "done"), "{runs:#?}");
}

#[test]
fn a_clock_that_jumps_loses_no_time_and_doubles_none() {
    let Some(site) = Site::new(TICK) else { return };
    let daemon = site.daemon();
    site.until("it waits", || site.log().contains("Waiting"));
    let start: Timestamp = "2026-01-01T13:00:00Z".parse().unwrap();
    let dues = || -> Vec<String> {
        site.runs("tick").iter().filter(|r| !text(r, "ended").is_empty()).map(|r| text(r, "due").to_owned()).collect()
    };
    let pass = |hours: i64, runs: usize| {
        site.moment(start.checked_add(hours.hours()).unwrap());
        daemon.wake();
        if runs > dues().len() {
            site.until(&format!("{runs} runs at hour {hours}"), || dues().len() == runs);
        } else {
            // Long enough for one that should not be.
            std::thread::sleep(std::time::Duration::from_secs(2));
            assert_eq!(dues().len(), runs, "at hour {hours}: {:?}", dues());
        }
    };
    pass(0, 1);
    pass(1, 2);
    // A day ahead: what was missed is made up for once.
    pass(25, 3);
    // Back to where it was: what ran is not run again, what comes is.
    pass(1, 3);
    pass(2, 4);
    pass(3, 5);
    // Two days ahead, and back by one.
    pass(51, 6);
    pass(27, 7);
    pass(28, 8);
    let dues = dues();
    let unique: std::collections::BTreeSet<&String> = dues.iter().collect();
    assert_eq!(unique.len(), dues.len(), "{dues:?}");
    let missed: Vec<i64> = site.runs("tick").iter().map(|run| run["missed"].as_i64().unwrap()).collect();
    assert_eq!(missed[..4], [0, 0, 23, 0], "{missed:?}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_full_disk_puts_off_and_loses_nothing() {
    let Some(site) = Site::new(TICK) else { return };
    if !crate::testing::can(rustix_is_root(), "root is not here") {
        return;
    }
    let disk = site.path("small");
    std::fs::create_dir(&disk).unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).arg(&disk).status().is_ok_and(|s| s.success())
    };
    if !crate::testing::can(mount(&["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs"]), "a small disk cannot be made") {
        return;
    }
    let done = std::panic::catch_unwind(|| {
        let db = disk.join("history.duckdb");
        let with = |args: &[&str]| {
            let said: crate::support::Said = site.command(args).env("CLEANBILL_DB", &db).output().unwrap().into();
            said
        };
        assert_eq!(with(&["schedule", "run", "tick", "--if-due"]).code, 0);
        site.at("2026-01-01T13:00:00Z");
        // Nothing is left of it.
        let filler = disk.join("filler");
        let _ = std::process::Command::new("dd")
            .args(["if=/dev/zero", &format!("of={}", filler.display()), "bs=4k"])
            .output();
        let said = with(&["schedule", "run", "tick", "--if-due"]);
        assert_eq!(said.code, 3, "{}{}", said.out, said.err);
        assert!(said.err.contains("disk is full"), "{}", said.err);
        std::fs::remove_file(&filler).unwrap();
        site.at("2026-01-01T13:20:00Z");
        assert_eq!(with(&["schedule", "run", "tick", "--if-due"]).code, 0);
        let runs = with(&["schedule", "history", "--format", "json"]).json();
        assert_eq!(runs.as_array().unwrap().len(), 1, "{runs:#}");
        assert_eq!((text(&runs[0], "state"), text(&runs[0], "cause")), ("done", "late"));
    });
    assert!(mount(&["umount"]));
    done.unwrap();
}

#[test]
fn a_history_that_cannot_be_used_is_told_at_once_and_once_a_day() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, TICK) else { return };
    site.ok(&["schedule", "run", "tick", "--if-due"]);
    let good = std::fs::read(site.machine.db()).unwrap();
    std::fs::write(site.machine.db(), "no history at all").unwrap();
    let daemon = site.daemon();
    site.until("it is told", || sink.count() == 1);
    let mail = &sink.mails()[0];
    assert_eq!(mail["message"]["defects"], serde_json::json!([]));
    assert!(header(mail, "Subject").unwrap().contains("is not looked after"), "{mail:#}");
    assert!(mail.to_string().contains("cleanbill store check"), "{mail:#}");
    site.at("2026-01-01T20:00:00Z");
    assert_eq!(site.run(&["schedule", "run", "tick", "--if-due"]).code, 3);
    assert_eq!(sink.count(), 1);
    site.at("2026-01-02T13:00:00Z");
    assert_eq!(site.run(&["schedule", "run", "tick", "--if-due"]).code, 3);
    assert_eq!(sink.count(), 2);
    assert_eq!(site.run(&["status"]).code, 3);
    // Once it is back, all goes on by itself.
    std::fs::write(site.machine.db(), good).unwrap();
    assert_eq!(daemon.stop(), 0);
    let daemon = site.daemon();
    site.until("it runs again", || site.runs("tick").iter().any(|run| text(run, "state") == "done"));
    assert_eq!((daemon.stop(), sink.count()), (0, 2));
}

fn rustix_is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}
