//! What the mails say: kept as their readers see them.

use super::made::{self, *};
use crate::{
    checks::{Severity, reading_grade},
    report::{Report, email::*, options::Detail, tests::EVIL},
};

/// Subject, preheader and text, as kept.
fn told(mail: &Mail) -> String {
    format!("Subject: {}\nShown beside it: {}\n\n{}", mail.subject, mail.preheader, mail.text)
}

fn short(mail: Result<Mail, crate::report::TemplateError>) -> Mail {
    let mail = mail.unwrap();
    assert_eq!(mail.warnings, Vec::<String>::new());
    mail
}

fn troubled(report: &Report) -> Week<'_> {
    let trouble = [
        "The audit of Monday 16 November at 03:00 did not run: the machine was off.",
        "The mail of 9 November could not be delivered.",
    ];
    Week { trouble: trouble.map(str::to_owned).to_vec(), ..week(report) }
}

#[test]
fn the_first_mail() {
    let report = report("web01", &["no-firewall", "updates-security", "ssh-password-login"]);
    let week = Week { disk: Some(Fill { points: Vec::new(), ..fill("Disk /", 78.4, "") }), ..week(&report) };
    insta::assert_snapshot!(told(&mail(&week)));
}

#[test]
fn what_the_machine_used_is_a_few_lines() {
    let resources = crate::analysis::resources::testing::made("It is so.", 9);
    let quiet = Report { resources: Some(resources), ..quiet() };
    let mail = mail(&week(&quiet));
    assert_eq!(mail.text.matches("- It is so.").count(), 5);
    assert!(mail.text.contains("WHAT IT USED") && mail.html.matches("It is so.").count() == 6);
    assert!(mail.html.len() < 20_000, "{} bytes", mail.html.len());
}

#[test]
fn a_quiet_week() {
    let mail = mail(&week(&quiet()));
    insta::assert_snapshot!(told(&mail));
    assert!(mail.text.lines().count() < 30, "a quiet week makes a short mail");
}

#[test]
fn a_better_week_with_fixes_and_how_to_take_them_back() {
    let report = better();
    let not_fixed = vec![NotFixed {
        title: "A disk is nearly full".to_owned(),
        why: "three fixes had failed in a row, so cleanbill stopped and waits for you".to_owned(),
    }];
    let week = Week { fixed_by: fixed(), not_fixed, contact: Some("Anna".to_owned()), ..week(&report) };
    insta::assert_snapshot!(told(&mail(&week)));
}

#[test]
fn a_better_week_of_which_nobody_knows_who_did_it() {
    insta::assert_snapshot!(told(&mail(&week(&better()))));
}

#[test]
fn a_worse_week() {
    insta::assert_snapshot!(told(&mail(&week(&worse()))));
}

#[test]
fn a_week_in_which_not_all_went_as_planned() {
    insta::assert_snapshot!(told(&mail(&troubled(&quiet()))));
}

#[test]
fn a_week_in_which_not_all_could_be_seen() {
    insta::assert_snapshot!(told(&mail(&week(&unseen()))));
}

#[test]
fn a_technician_gets_what_was_seen_and_the_whole_list() {
    let report = worse();
    insta::assert_snapshot!(told(&mail(&Week { detail: Detail::Technician, ..week(&report) })));
}

#[test]
fn three_hundred_problems_are_five_and_a_count() {
    let report = flood(300, "web01", "Something is wrong with this machine");
    insta::assert_snapshot!(told(&mail(&week(&report))));
}

#[test]
fn a_hostile_machine() {
    let report = flood(7, EVIL, EVIL);
    let mail = mail(&full(&report, EVIL));
    insta::assert_snapshot!(told(&mail));
    for text in [&mail.subject, &mail.preheader] {
        assert!(!text.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{text:?}");
    }
    assert!(mail.subject.chars().count() < 110, "{}", mail.subject);
    assert!(!mail.text.contains("490049") && !mail.html.contains("490049") && !mail.html.contains("<script"));
}

#[test]
fn an_alert_for_each_reason() {
    let report = worse();
    let mut mails = String::new();
    for (kind, checks) in [
        (Kind::Found, &["redis-open-no-password"][..]),
        (Kind::Found, &["ssh-root-login", "redis-open-no-password", "gone"]),
        (Kind::Worse, &["ssh-root-login"]),
        (Kind::StillOpen, &["updates-security"]),
    ] {
        mails.push_str(&told(&short(alert(&news(&report, kind, checks), nowhere()))));
        mails.push_str("\n==========\n\n");
    }
    insta::assert_snapshot!(mails);
}

#[test]
fn something_is_solved() {
    let report = better();
    let solved = Solved {
        report: &report,
        solved: fixed().into_iter().take(1).collect(),
        purpose: None,
        zone: week(&report).zone,
    };
    let several = Solved { solved: fixed(), ..solved.clone() };
    let mails = [solved, several].map(|s| told(&short(super::super::solved(&s, nowhere()))));
    insta::assert_snapshot!(mails.join("\n==========\n\n"));
}

fn trial() -> TestMail {
    TestMail {
        host: "web01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        who: Some("anna".to_owned()),
        at: now(),
        plan: vec![
            "Every Monday at 07:00: how the machine is".to_owned(),
            "At once: when something is found that should be dealt with today.".to_owned(),
        ],
        zone: week(&quiet()).zone,
    }
}

#[test]
fn the_mail_that_tries_the_way() {
    insta::assert_snapshot!(told(&short(test_mail(&trial(), nowhere()))));
}

fn helpless() -> Stuck {
    Stuck {
        host: "web01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        why: "/var/lib/cleanbill/cleanbill.duckdb is not a cleanbill history, or it is damaged: no valid header."
            .to_owned(),
        hint: "See what is wrong with: cleanbill store check.".to_owned(),
        at: now(),
        zone: week(&quiet()).zone,
    }
}

#[test]
fn the_mail_of_a_machine_that_is_not_looked_after() {
    insta::assert_snapshot!(told(&short(stuck(&helpless(), nowhere()))));
}

fn keep_it() -> Confirm {
    Confirm {
        host: "web01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        fixed: vec!["Turn off root login over SSH".to_owned(), "Let only the owner read the backup key".to_owned()],
        at: now(),
        until: now().checked_add(jiff::SignedDuration::from_hours(24)).unwrap(),
        zone: week(&quiet()).zone,
    }
}

#[test]
fn the_mail_that_asks_to_keep_what_was_fixed() {
    insta::assert_snapshot!(told(&short(confirm(&keep_it(), nowhere()))));
}

#[test]
fn twelve_machines_in_one_mail() {
    let fleet = twelve();
    let technician = Digest {
        detail: Detail::Technician,
        trouble: vec!["The mail of 9 November could not be delivered.".to_owned()],
        silent: Vec::new(),
        ..overview(&fleet)
    };
    let mails = [overview(&fleet), technician].map(|d| told(&short(digest(&d, nowhere()))));
    insta::assert_snapshot!(mails.join("\n==========\n\n"));
}

#[test]
fn a_machine_that_was_not_heard_of_is_not_called_fine() {
    let fleet = twelve();
    let silent = vec![("app01".to_owned(), "last heard of on 2 November".to_owned())];
    let mail = short(digest(&Digest { silent, ..overview(&fleet) }, nowhere()));
    let (_, fine) = mail.text.split_once("WITHOUT A PRESSING PROBLEM").unwrap();
    let fine = fine.split("WHAT CHANGED").next().unwrap();
    assert!(fine.contains("app00") && !fine.contains("app01") && !fine.contains("app03"), "{fine}");
}

#[test]
fn subjects_are_short_and_never_claim_health_that_nobody_saw() {
    let (quiet, better, worse, unseen) = (quiet(), better(), worse(), unseen());
    let subjects = [
        mail(&week(&quiet)),
        mail(&week(&better)),
        mail(&Week { fixed_by: fixed(), ..week(&better) }),
        mail(&week(&worse)),
        mail(&week(&unseen)),
        mail(&troubled(&quiet)),
        mail(&troubled(&better)),
    ]
    .map(|m| m.subject);
    assert_eq!(
        subjects,
        [
            "web01 is still an A: nothing needs you",
            "web01 is a B this week (was C): 2 fixed, 1 needs you",
            "web01 is a B this week (was C): 4 fixed, 1 needs you",
            "web01 is an F this week (was B): 2 new, 1 back, 7 need you",
            "web01 is still an A: not all could be seen",
            "web01 is still an A, but 2 things went wrong",
            "web01 is a B this week (was C): 2 fixed, 1 needs you",
        ]
    );
    assert!(subjects.iter().all(|s| s.chars().count() < 70), "{subjects:?}");
}

#[test]
fn what_went_wrong_stands_before_all_else_but_the_grade() {
    let report = better();
    let mail = mail(&troubled(&report));
    let flat = |text: &str| text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    for page in [flat(&mail.text), flat(&mail.html)] {
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(at("the machine was off") < at("this needs you"));
        assert!(at("could not be delivered") < at("how it went"));
    }
    assert!(mail.preheader.contains("did not run"));
}

#[test]
fn a_fix_that_did_not_last_is_not_counted() {
    let report = worse();
    let one = FixedBy { check: "ssh-root-login".to_owned(), ..fixed()[0].clone() };
    let mail = mail(&Week { fixed_by: vec![one], ..week(&report) });
    assert!(mail.text.contains("It is back since.") && !mail.subject.contains("fixed"), "{}", mail.subject);
}

#[test]
fn lines_are_short_and_what_is_typed_stands_alone() {
    let reports = [better(), worse(), unseen(), flood(300, "web01", "Something is wrong with this machine")];
    for report in &reports {
        for detail in [Detail::Owner, Detail::Technician] {
            let mail = mail(&Week { fixed_by: fixed(), detail, ..troubled(report) });
            for line in mail.text.lines() {
                let command = line.starts_with("    ");
                assert!(command || textwrap::core::display_width(line) <= 72, "{line}");
                assert!(!command || line.trim_start().starts_with("sudo cleanbill"), "{line}");
                assert!(command || !line.contains("sudo cleanbill"), "{line}");
            }
            assert!(!mail.text.contains("\n\n\n"));
        }
    }
}

#[test]
fn the_words_are_easy_to_read() {
    let (quiet, better, worse, unseen) = (quiet(), better(), worse(), unseen());
    let fleet = twelve();
    let mut mails: Vec<(String, Mail)> = [&quiet, &better, &worse, &unseen]
        .map(|r| ("week".to_owned(), mail(&Week { fixed_by: fixed(), ..troubled(r) })))
        .to_vec();
    for kind in [Kind::Found, Kind::Worse, Kind::StillOpen] {
        let found = made::news(&worse, kind, &["redis-open-no-password", "ssh-root-login"]);
        mails.push((format!("{kind:?}"), short(alert(&found, nowhere()))));
    }
    mails.push(("trial".to_owned(), short(test_mail(&trial(), nowhere()))));
    mails.push(("confirm".to_owned(), short(confirm(&keep_it(), nowhere()))));
    mails.push(("digest".to_owned(), short(digest(&overview(&fleet), nowhere()))));
    for (name, mail) in mails {
        // Paragraphs as they are read; a command is typed, not read.
        let mut text = String::new();
        for line in mail.text.lines().filter(|l| !l.starts_with("    ")) {
            text.push_str(if line.is_empty() || line.starts_with("- ") { ". " } else { " " });
            text.push_str(line);
        }
        let grade = reading_grade(&text.replace('·', ","));
        assert!(grade <= 6.0, "{name} is hard to read: {grade:.1}\n{text}");
        for jargon in ["sshd", "cve", "daemon", "smtp", "cron", "systemd", "stderr"] {
            let found = text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == jargon);
            assert!(!found, "{name} says {jargon}");
        }
    }
}

#[test]
fn a_machine_without_a_number_has_no_chart_of_it() {
    let report = quiet();
    let wild = Fill { used_percent: f64::NAN, ..fill("Disk /", 50.0, "") };
    let mail = mail(&Week { disk: Some(wild), memory: None, ..week(&report) });
    assert_eq!(mail.pictures.len(), 1);
    assert!(!mail.text.contains("NaN") && !mail.text.contains("Disk"));
    assert!(report.problems.iter().all(|p| p.severity < Severity::Medium));
}
