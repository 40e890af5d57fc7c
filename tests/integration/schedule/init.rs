//! `cleanbill init`, without anybody to ask.

use super::Site;
use crate::sink::Sink;

const WITHOUT: [&str; 2] = ["--run-by", "nothing"];

#[test]
fn everything_that_is_asked_has_an_option_and_a_dry_run_does_nothing() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::new("") else { return };
    std::fs::remove_file(site.path("cleanbill.toml")).unwrap();
    let port = sink.port.to_string();
    let said = site.run(&["init"]);
    assert!(said.code == 2 && said.err.contains("Nobody is here to answer"), "{}", said.err);
    let mut all = vec!["init", "--email", "Owner <owner@example.org>,second@example.org", "--from", "c@example.org"];
    all.extend(["--server", "127.0.0.1", "--port", &port, "--security", "none", "--purpose", "the web shop"]);
    all.extend([
        "--for",
        "technician",
        "--when",
        "first monday of the month 7:00",
        "--look",
        "every day 1:00",
        "--fix",
        "safe",
    ]);
    all.extend(WITHOUT);
    let dry = site.ok(&[&all[..], &["--dry-run"]].concat());
    assert!(dry.contains("Nothing was done.") && !site.path("cleanbill.toml").exists() && sink.count() == 0, "{dry}");
    let done = site.ok(&[&all[..], &["--yes"]].concat());
    assert_eq!(sink.count(), 2, "a test mail for each");
    assert_eq!(sink.mails()[0]["message"]["defects"], serde_json::json!([]));
    let settings = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    let hide = |text: &str| text.replace(&port, "PORT").replace(&site.machine.beside().display().to_string(), "DIR");
    // When it looks, each machine has a delay of its own.
    let done: String =
        hide(&done).lines().filter(|line| !line.contains("next thing")).map(|l| format!("{l}\n")).collect();
    insta::assert_snapshot!(done);
    insta::assert_snapshot!(hide(&settings));
    // Again, with one thing said: the rest stays, also what a person wrote.
    std::fs::write(
        site.path("cleanbill.toml"),
        settings.replace("policy = \"safe\"", "policy = \"safe\" # mine\nlimit = \"2h\""),
    )
    .unwrap();
    site.ok(&[&["init", "--yes", "--no-test", "--email", "third@example.org"], &WITHOUT[..]].concat());
    let again = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    assert!(
        again.contains("limit = \"2h\"")
            && again.contains("policy = \"safe\" # mine")
            && again.contains("third@example.org")
            && again.contains("first monday"),
        "{again}"
    );
    site.ok(&["config", "check"]);
    site.ok(&[&["init", "--yes", "--no-email", "--fix", "nothing"], &WITHOUT[..]].concat());
    let none = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    assert!(
        !none.contains("schedule.mail") && !none.contains("schedule.fix") && none.contains("schedule.look"),
        "{none}"
    );
}

#[test]
fn a_test_mail_that_does_not_go_is_told_and_wrong_answers_are_refused() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::new("") else { return };
    let port = sink.port.to_string();
    let way = ["--server", "127.0.0.1", "--port", &port, "--security", "none", "--from", "c@example.org", "--yes"];
    sink.mode("refuse");
    let said = site.run(&[&["init", "--email", "owner@example.org"], &way[..], &WITHOUT].concat());
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("Not sent to owner@example.org") && said.out.contains("The settings are in"),
        "{}",
        said.err
    );
    for wrong in [
        &["--email", "no address"][..],
        &["--email", "owner@example.org", "--when", "every mondy"],
        &["--email", "owner@example.org", "--look", "0 0 30 2 *"],
        &["--email", "owner@example.org", "--no-email"],
    ] {
        let said = site.run(&[&["init"], wrong, &way[..], &WITHOUT].concat());
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.out);
    }
}

#[test]
fn measuring_is_part_of_it_where_it_is_wanted_and_who_does_it_is_said() {
    let Some(site) = Site::new("") else { return };
    std::fs::remove_file(site.path("cleanbill.toml")).unwrap();
    let quiet = ["init", "--yes", "--no-email"];
    let settings = || std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    let said = site.ok(&[&quiet[..], &WITHOUT].concat());
    assert!(!said.contains("measure") && !settings().contains("metrics"), "{said}");
    let said = site.ok(&[&quiet[..], &["--measure"], &WITHOUT].concat());
    let told =
        "While `cleanbill daemon` or `cleanbill collect` runs, it measures how this machine runs, every 10 seconds.";
    assert!(said.contains(told), "{said}");
    assert!(settings().contains("[metrics]\nenabled = true\n"), "{}", settings());
    // It stays as it is until something else is said, and that nobody does it is told.
    site.ok(&[&quiet[..], &WITHOUT].concat());
    let status = site.run(&["status"]);
    assert!(status.code == 1 && status.out.contains("Nothing is measured, because no daemon runs."), "{}", status.out);
    let daemon = site.daemon();
    site.until("it is measured", || site.run(&["status"]).out.contains("Measured   every 10s"));
    assert_eq!(daemon.stop(), 0);
    let dry = |by: &str| site.run(&[&quiet[..], &["--dry-run", "--run-by", by]].concat());
    let said = dry("crontab");
    if said.code == 0 {
        assert!(said.out.contains("Nothing is measured: only the daemon can do that, and cron only"), "{}", said.out);
    }
    site.ok(&[&quiet[..], &["--no-measure"], &WITHOUT].concat());
    assert!(settings().contains("[metrics]\nenabled = false\n"), "{}", settings());
    let both = site.run(&[&quiet[..], &["--measure", "--no-measure"], &WITHOUT].concat());
    assert_eq!(both.code, 2);
    // A service measures from the first time on, unless it shall not; cron cannot.
    std::fs::remove_file(site.path("cleanbill.toml")).unwrap();
    let line = "Every 10 seconds: measures how this machine runs";
    let never = site.run(&[&quiet[..], &["--dry-run", "--run-by", "service", "--no-measure"]].concat());
    for (said, measures) in [(dry("service"), true), (never, false), (dry("crontab"), false)] {
        if said.code == 0 {
            assert_eq!(said.out.contains(line), measures, "{}", said.out);
        }
    }
}
