//! Jobs by command: added, listed, explained, taken out, refused.

use super::{Site, text};

#[test]
fn a_job_is_added_said_back_listed_run_and_taken_out() {
    let Some(site) = Site::new("# mine\n") else { return };
    let mut all = String::new();
    let mut say = |args: &[&str]| {
        let said = site.run(args);
        let place = site.machine.beside().display().to_string();
        all.push_str(&format!("$ cleanbill {}\n{}{}", args.join(" "), said.out, said.err).replace(&place, "DIR"));
        all.push_str(&format!("[{}]\n\n", said.code));
        said.code
    };
    say(&["schedule", "list"]);
    say(&["schedule", "add", "monday-mail", "every monday 7:00", "--email", "Owner <owner@example.org>"]);
    say(&["schedule", "add", "nightly", "30 2 * * *", "--audit"]);
    say(&[
        "schedule",
        "add",
        "hello",
        "first sunday of the month 3:00",
        "--run",
        "echo hello; exit 3",
        "--zone",
        "Europe/Berlin",
    ]);
    say(&["schedule", "add", "fixes", "sat,sun 3:00", "--fix", "safe", "--dry-run"]);
    say(&["schedule", "list"]);
    say(&["schedule", "show", "nightly"]);
    say(&["schedule", "next"]);
    say(&["schedule", "next", "last friday of the month 17:00", "-n", "2"]);
    say(&["schedule", "run", "hello"]);
    say(&["schedule", "history"]);
    say(&["status"]);
    say(&["schedule", "remove", "hello"]);
    // What is refused.
    say(&["schedule", "add", "nightly", "@daily", "--audit"]);
    say(&["schedule", "add", "Nightly", "@daily", "--audit"]);
    say(&["schedule", "add", "never", "0 0 30 2 *", "--audit"]);
    say(&["schedule", "add", "typo", "every mondy 7:00", "--audit"]);
    say(&["schedule", "add", "nothing", "@daily"]);
    say(&["schedule", "add", "two", "@daily", "--audit", "--backup"]);
    say(&["schedule", "add", "who", "@daily", "--email", "not an address"]);
    say(&["schedule", "show", "nihgtly"]);
    say(&["schedule", "run", "nihgtly"]);
    say(&["schedule", "remove", "hello"]);
    insta::assert_snapshot!(all);
    let settings = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    assert!(settings.starts_with("# mine\n"));
    insta::assert_snapshot!(settings);
}

#[test]
fn each_machine_has_a_delay_of_its_own_that_stays() {
    let Some(site) = Site::new("[schedule.a]\nwhen = '@daily'\ndo = 'audit'\njitter = '2h'\n") else { return };
    let next = site.ok(&["schedule", "next", "a"]);
    assert_eq!(site.ok(&["schedule", "next", "a"]), next);
    let hours: Vec<&str> = next.lines().skip(1).filter_map(|line| line.split(", ").nth(1)).collect();
    assert_eq!(hours.len(), 3);
    assert!(hours.iter().all(|hour| *hour == hours[0] && *hour < "02:01"), "{next}");
}

#[test]
fn a_mail_is_shown_before_it_is_sent() {
    let settings = "[mail]\nfrom = 'c@example.org'\nto = ['a@example.org', 'b@example.org']\n\
                    [schedule.mail]\nwhen = '@weekly'\ndo = 'email'\nroot = 'ROOT'\n";
    let Some(site) = Site::new("") else { return };
    let said = site.run(&["email", "preview"]);
    assert!(said.code == 2 && said.err.contains("No job sends mail yet"), "{}", said.err);
    site.settings(&settings.replace("ROOT", &site.machine.root().display().to_string()));
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let shown = site.ok(&["email", "preview"]);
    assert!(shown.starts_with("To:      a@example.org and b@example.org\nSubject: "), "{shown}");
    for name in ["mail.html", "mail.eml"] {
        let path = site.path(name);
        site.ok(&["email", "preview", "--output", &path.display().to_string()]);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(if name == "mail.html" { "<html lang" } else { "Message-ID: <" }), "{text}");
    }
    assert!(site.queue(true).is_empty());
    assert!(site.ok(&["email", "queue"]).contains("No mail waits, and none went wrong."));
}

#[test]
fn a_job_that_takes_too_long_or_is_still_at_work_is_told() {
    let settings = "[schedule.slow]\nwhen = '* * * * *'\ndo = 'run'\ncommand = 'echo begun; sleep 30'\nlimit = '1s'\n";
    let Some(site) = Site::new(settings) else { return };
    let said = site.run(&["schedule", "run", "slow"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("It took longer than 1s and was stopped.\n  begun"), "{}", said.out);
    site.settings(&settings.replace("1s", "20s").replace("sleep 30", "sleep 4"));
    site.ok(&["schedule", "run", "slow", "--if-due"]);
    site.at("2026-01-01T12:01:00Z");
    let mut first = site.command(&["schedule", "run", "slow", "--if-due"]).spawn().unwrap();
    site.until("it is at work", || site.runs("slow").iter().any(|run| text(run, "state") == "running"));
    // The same time again, by someone else: it is seen to.
    let same = site.run(&["schedule", "run", "slow", "--if-due"]);
    assert!(same.code == 0 && same.out.is_empty() && same.err.is_empty(), "{}{}", same.out, same.err);
    let hand = site.run(&["schedule", "run", "slow"]);
    assert!(hand.code == 3 && hand.err.contains("at work already"), "{}", hand.err);
    site.at("2026-01-01T12:02:00Z");
    site.ok(&["schedule", "run", "slow", "--if-due"]);
    assert!(first.wait().unwrap().success());
    let runs = site.runs("slow");
    let states: Vec<&str> = runs.iter().map(|run| text(run, "state")).collect();
    assert_eq!(states, ["timed_out", "done", "skipped"], "{runs:#?}");
}
