//! How large a mail may grow, and what a machine's own templates may do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::made::*;
use crate::report::{Report, email::*, tests::EVIL};

/// What is said to survive Gmail.
const MOST: usize = 90_000;

#[test]
fn a_mail_stays_small_whatever_is_wrong_with_the_machine() {
    let name = "x".repeat(5000);
    for text in [
        "Something is wrong with this machine".to_owned(),
        EVIL.to_owned(),
        "<".repeat(4_000),
        "漢".repeat(4_000),
        "a ".repeat(4_000),
    ] {
        let resources = Some(crate::analysis::resources::testing::made(&text, 40));
        let report = Report { resources, ..flood(300, &name, &text) };
        let mail = mail(&full(&report, &text));
        assert!(mail.html.len() < MOST, "{} bytes", mail.html.len());
        assert!(mail.text.len() < MOST, "{} bytes of text", mail.text.len());
        assert!(mail.subject.chars().count() < 110 && mail.preheader.chars().count() <= 140);
        assert!(mail.pictures.iter().map(|p| p.png.len()).sum::<usize>() < 60_000);
        let many = alert(&news(&report, Kind::Found, &["check-1"; 40]), nowhere()).unwrap();
        assert!(many.html.len() < MOST, "{} bytes", many.html.len());
    }
}

#[test]
fn a_quiet_mail_is_light() {
    let report = quiet();
    let mail = mail(&week(&report));
    assert!(mail.html.len() < 20_000, "{} bytes", mail.html.len());
    assert!(mail.pictures.iter().map(|p| p.png.len()).sum::<usize>() < 15_000);
}

/// A folder of a machine's own templates, as an administrator makes it.
fn own(name: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("email");
    fs::create_dir(&folder).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&folder, 0o755);
    fs::write(folder.join(name), text).unwrap();
    mode(&folder.join(name), 0o644);
    dir
}

#[test]
fn a_template_of_the_machine_is_used_where_it_works() {
    let report = quiet();
    let week = week(&report);
    let dir = own("weekly.txt", "{{ name }} says: {{ summary }}");
    let mail = weekly(&week, dir.path()).unwrap();
    assert_eq!(mail.text, format!("web01 says: {}\n", report.summary));
    assert_eq!(mail.warnings, Vec::<String>::new());
    let dir = own("foot.html", "<p>{{ contact }} & <b>{{ name }}</b></p>");
    assert!(weekly(&week, dir.path()).unwrap().html.contains("<b>web01</b>"));
}

#[test]
fn a_mistake_in_a_template_of_the_machine_costs_a_sentence_and_not_the_mail() {
    let report = quiet();
    let week = week(&report);
    let built_in = mail(&week);
    for (name, text, expected) in [
        ("weekly.html", "<p>\n{{ grad }}</p>", "weekly.html, line 2: there is no variable `grad`"),
        ("weekly.txt", "{{ nam }}", "weekly.txt, line 1: there is no variable `nam` (did you mean `name`?)"),
        (
            "charts.html",
            "{% for x in range(end=9000) %}aaaaaaaaaaaaaaaa{% endfor %}",
            "weekly.html: the page is larger than",
        ),
    ] {
        let dir = own(name, text);
        let mail = weekly(&week, dir.path()).unwrap();
        let [warning] = mail.warnings.as_slice() else { panic!("{name}: one warning, not {:?}", mail.warnings) };
        assert!(warning.contains(expected) && warning.ends_with("The built-in page is used."), "{name}: {warning}");
        assert_eq!((&mail.html, &mail.text), (&built_in.html, &built_in.text), "{name}");
    }
}
