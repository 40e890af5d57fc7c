//! Mail servers that are not what they should be: nothing is lost, and nothing comes twice.

use std::os::unix::fs::PermissionsExt as _;

use super::{Site, text};
use crate::sink::Sink;

const JOB: &str = "[schedule.mail]\nwhen = 'every monday 7:00'\ndo = 'email'\npdf = false\nroot = 'ROOT'\n[alerts]\nenabled = false\n";

/// Makes the mail of one Monday while the server behaves so; returns what the queue says of it then.
fn tried(site: &Site, sink: &Sink, mode: &str, day: u32) -> serde_json::Value {
    sink.mode(mode);
    site.at(&format!("2026-01-{day:02}T07:00:00Z"));
    site.run(&["schedule", "run", "mail", "--if-due"]);
    site.queue(true).first().unwrap().clone()
}

#[test]
fn what_was_not_taken_is_tried_again_and_what_may_have_arrived_is_not() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, JOB) else { return };
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    // It begins with days on which nothing reaches the server.
    let mut kept = 0;
    for mode in ["hang-greeting", "refuse", "busy", "greylist", "drop-at-data", "later"] {
        site.machine.file("etc/motd", mode);
        let mail = tried(&site, &sink, mode, 5);
        assert_eq!((text(&mail, "state"), mail["tries"].as_i64()), ("waiting", Some(1)), "{mode}: {mail:#}");
        assert!(!text(&mail, "said").is_empty());
        assert_eq!(sink.count(), kept, "{mode}");
        // Too early.
        site.at("2026-01-05T07:01:00Z");
        site.ok(&["email", "queue", "--send"]);
        assert_eq!(sink.count(), kept, "{mode}");
        sink.mode("none");
        site.at("2026-01-05T07:03:00Z");
        site.ok(&["email", "queue", "--send"]);
        site.ok(&["email", "queue", "--send"]);
        kept += 1;
        assert_eq!(sink.count(), kept, "{mode}");
        assert!(site.queue(false).is_empty());
        std::fs::remove_dir_all(site.machine.db().parent().unwrap()).unwrap();
        site.at("2026-01-01T12:00:00Z");
        site.ok(&["schedule", "run", "mail", "--if-due"]);
    }
    // Nobody knows whether it arrived: it is not sent again, whether it did or not, and the next mail tells.
    for (day, mode) in [(5, "keep-and-drop"), (12, "lose-and-drop"), (19, "keep-and-hang")] {
        let mail = tried(&site, &sink, mode, day);
        assert_eq!(text(&mail, "state"), "unsure", "{mode}: {mail:#}");
        kept += usize::from(mode.starts_with("keep"));
        sink.mode("none");
        site.at(&format!("2026-01-{:02}T12:00:00Z", day + 1));
        site.ok(&["email", "queue", "--send"]);
        assert_eq!(sink.count(), kept, "{mode}");
    }
    // No, by the server or for the recipient: a person must act.
    for (day, mode) in [(26, "reject"), (27, "no-recipient")] {
        sink.mode(mode);
        site.at(&format!("2026-01-{day:02}T07:00:00Z"));
        site.run(&["schedule", "run", "mail"]);
        let mail = site.queue(true).first().unwrap().clone();
        assert_eq!(text(&mail, "state"), "given_up", "{mode}: {mail:#}");
        assert_eq!(sink.count(), kept, "{mode}");
    }
    // A person says that it shall be sent all the same.
    sink.mode("none");
    let id = site.queue(false)[0]["id"].to_string();
    site.ok(&["email", "queue", "--retry", &id]);
    assert_eq!(sink.count(), kept + 1);
    assert_eq!(site.run(&["email", "queue", "--retry", &id]).code, 2);
    // What happened until then stands in it; what came since, in the next.
    let mails = sink.mails();
    let told = mails.last().unwrap().to_string();
    assert!(told.matches("may not have arrived").count() >= 3 && told.contains("was not delivered"), "{told}");
}

#[test]
fn a_server_that_stays_away_is_given_up_and_told() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, &format!("give_up_after = '1d'\n{JOB}")) else { return };
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let mut mail = tried(&site, &sink, "refuse", 5);
    let mut tries = 0;
    while text(&mail, "state") == "waiting" {
        site.at(text(&mail, "next_try"));
        site.run(&["email", "queue", "--send"]);
        mail = site.queue(true)[0].clone();
        tries += 1;
        assert!(tries < 20, "{mail:#}");
    }
    assert_eq!((text(&mail, "state"), sink.count()), ("given_up", 0), "{mail:#}");
    sink.mode("none");
    site.at("2026-01-12T07:00:00Z");
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    assert_eq!(sink.count(), 1);
    assert!(sink.mails()[0].to_string().contains("was not delivered"));
}

#[test]
fn encryption_that_is_asked_for_and_not_offered_keeps_everything_here() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, JOB) else { return };
    let password = site.path("password");
    std::fs::write(&password, "s3cret\n").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    let login = format!("security = \"starttls\"\nuser = \"web01\"\npassword_file = \"{}\"", password.display());
    site.settings(&settings.replace("security = \"none\"", &login));
    let test = site.run(&["email", "test"]);
    assert_eq!(test.code, 1);
    assert!(test.err.contains("STARTTLS") || test.err.contains("encrypt"), "{}", test.err);
    assert!(!format!("{}{}", test.out, test.err).contains("s3cret"));
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let mail = tried(&site, &sink, "none", 5);
    assert_eq!((text(&mail, "state"), sink.count()), ("waiting", 0), "{mail:#}");
    // Once it is mended, it goes.
    site.settings(&settings);
    site.at("2026-01-05T08:00:00Z");
    site.ok(&["email", "queue", "--send"]);
    assert_eq!(sink.count(), 1);
}
