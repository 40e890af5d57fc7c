//! The mails as a browser shows them; `setup.sh` beside this file installs it. `CLEANBILL_PICTURES=DIR` keeps what it saw.

use std::process::Command;

use cleanbill::report::{Detail, email};

use super::html::{EVIL, complaints, folder_here, tools};
use crate::{history::Workshop, mails, recording};

#[test]
#[ignore = "needs a browser: tests/pages/setup.sh"]
fn a_browser_can_show_the_mails_on_a_telephone_and_on_a_desk_bright_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let workshop = Workshop::open();
    let mut pages = mails::mails(&workshop);
    pages.push(("weekly-evil", evil(&workshop)));
    for (name, mail) in &pages {
        std::fs::write(folder.path().join(name).with_extension("html"), mails::page(mail)).unwrap();
    }
    let mut look = Command::new("node");
    look.arg(folder_here().join("mail.mjs")).arg(folder.path()).arg(tools());
    assert_eq!(complaints(look.args(std::env::var_os("CLEANBILL_PICTURES"))), "");
}

/// A machine whose every word tries to break the page: long, active, without a place to break a line.
fn evil(workshop: &Workshop) -> email::Mail {
    let store = tempfile::tempdir().unwrap();
    let (audit, history) = workshop.record(&recording::host("weeks"), &store.path().join("s.duckdb"));
    let mut report = cleanbill::report::build(&audit, &workshop.catalogue, &history);
    let long = format!("{EVIL}{}", "x".repeat(120));
    report.host.name.push_str(&long);
    report.summary.push_str(&long);
    for problem in &mut report.problems {
        problem.title.push_str(&long);
        problem.command = problem.command.as_ref().map(|c| format!("{c}{}", "y".repeat(90)));
        problem.evidence.iter_mut().for_each(|e| e.text.push_str(&long));
    }
    let week = email::Week {
        report: &report,
        fixed_by: Vec::new(),
        not_fixed: vec![email::NotFixed { title: long.clone(), why: long.clone() }],
        trouble: vec![long.clone()],
        disk: Some(email::Fill { name: long.clone(), used_percent: 97.0, points: Vec::new(), text: long.clone() }),
        memory: None,
        next_mail: Some(long.clone()),
        detail: Detail::Technician,
        purpose: Some(long.clone()),
        zone: jiff::tz::TimeZone::UTC,
        contact: Some(long),
        attached: true,
    };
    email::weekly(&week, std::path::Path::new("/nonexistent")).unwrap()
}
