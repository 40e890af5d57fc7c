//! The PDF as other programs read it: qpdf and the tools of poppler.

use std::{path::Path, process::Command, time::Duration};

use cleanbill::{
    audit::{Audit, LookedAt, MachineInfo},
    checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
    report::{self, Detail, Logo, Options, Report},
    store::History,
};

fn made(outcomes: Vec<Outcome>, name: &str) -> Report {
    let audit = Audit {
        id: Some(7),
        machine: MachineInfo {
            host: "0123".to_owned(),
            hostname: name.to_owned(),
            os: "Debian 12".to_owned(),
            kind: "vm".to_owned(),
            role: "server".to_owned(),
            root: "/".to_owned(),
            kernel: Some("6.1.0".to_owned()),
            details: Vec::new(),
        },
        started: "2026-01-15T12:00:00Z".parse().unwrap(),
        took: Duration::from_millis(900),
        version: "0.0.0".to_owned(),
        privileged: true,
        complete: true,
        outcomes,
        gaps: Vec::new(),
        looked_at: LookedAt { files: 386_120, services: 31, programs: 412 },
    };
    report::build(&audit, &Catalogue::builtin().unwrap(), &History::default())
}

fn problem(check: &str, severity: Severity, text: &str) -> Outcome {
    let evidence = vec![Evidence { text: format!("{text}: seen"), source: Some("/etc/x".to_owned()), line: Some(3) }];
    Outcome::new(check, Verdict::Problem(Finding { title: text.to_owned(), severity, count: 1, evidence }))
}

fn dreadful(name: &str) -> Report {
    let catalogue = Catalogue::builtin().unwrap();
    made(catalogue.checks().map(|c| problem(&c.id, c.severity, &c.title)).collect(), name)
}

fn written(report: &Report, detail: Detail, path: &Path) {
    std::fs::write(path, report::pdf(report, &Options { detail, ..Options::default() }).unwrap()).unwrap();
}

/// What a program says about a file.
fn said(program: &str, before: &[&str], path: &Path, after: &[&str]) -> String {
    let out = Command::new(program).args(before).arg(path).args(after).output().unwrap();
    let (said, complaints) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && complaints.is_empty(), "{program}: {said}{complaints}");
    said.into_owned()
}

/// One space between words: where a line ends does not matter.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "needs qpdf and poppler-utils"]
fn other_programs_find_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    for name in ["web01", ") endobj \\ ( <b> 王明 محمد \u{202e}x"] {
        written(&dreadful(name), Detail::Technician, &path);
        let check = said("qpdf", &["--check"], &path, &[]);
        assert!(check.contains("No syntax or stream encoding errors found"), "{check}");
        let info = said("pdfinfo", &[], &path, &[]);
        assert!(info.contains("Tagged:          yes") && info.contains("Title:           Health report for"), "{info}");
        let fonts = said("pdffonts", &[], &path, &[]);
        assert!(fonts.lines().count() > 2, "{fonts}");
        for line in fonts.lines().skip(2) {
            let last: Vec<&str> = line.split_whitespace().rev().take(5).collect();
            assert_eq!(last[2..5], ["yes", "yes", "yes"], "embedded, subset, with its text: {line}");
        }
    }
}

#[test]
#[ignore = "needs qpdf and poppler-utils"]
fn an_overview_and_a_logo_are_sound_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='20'><rect width='80' height='20'/></svg>";
    let options = || Options { logo: Some(Logo::new(svg.into()).unwrap()), ..Options::default() };
    let reports = [dreadful("web01"), dreadful("王明"), made(Vec::new(), "mail")];
    let catalogue = Catalogue::builtin().unwrap();
    let fleet = report::fleet::fleet(&reports, Vec::new(), &catalogue, None).unwrap();
    let documents = [report::pdf(&reports[0], &options()), report::fleet_pdf(&fleet, &options())];
    for document in documents {
        std::fs::write(&path, document.unwrap()).unwrap();
        let check = said("qpdf", &["--check"], &path, &[]);
        assert!(check.contains("No syntax or stream encoding errors found"), "{check}");
        // The picture on the first page; a mask is a picture of its own.
        let pictures = said("pdfimages", &["-list"], &path, &[]);
        assert!(pictures.lines().skip(2).any(|l| l.split_whitespace().nth(2) == Some("image")), "{pictures}");
    }
    let text = flat(&said("pdftotext", &["-enc", "UTF-8"], &path, &["-"]));
    for word in ["3 machines", "web01", "U+738B", "mail"] {
        assert!(text.contains(word), "no {word}: {text:.400}");
    }
}

#[test]
#[ignore = "needs poppler-utils"]
fn every_title_is_read_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = dreadful("web01");
    written(&report, Detail::Owner, &path);
    let text = flat(&said("pdftotext", &["-enc", "UTF-8"], &path, &["-"]));
    let mut at = text.find("step by step").unwrap();
    for problem in &report.problems {
        let seen = format!("{}: seen", problem.title);
        at += text[at..].find(&flat(&problem.title)).unwrap_or_else(|| panic!("{} is missing", problem.title));
        // Of a tip an owner is told what it is for, not what was seen.
        let times = usize::from(problem.severity > Severity::Info);
        assert_eq!(text.matches(&flat(&seen)).count(), times, "{seen}");
        assert!(text.contains(&flat(&problem.why.replace('`', ""))), "{}", problem.why);
    }
}

#[test]
#[ignore = "needs poppler-utils"]
fn readers_hear_headings_lists_and_tables_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let report = dreadful("web01");
    written(&report, Detail::Technician, &path);
    let tree = said("pdfinfo", &["-struct-text"], &path, &[]);
    for role in ["Document", "Sect", "H1", "H2", "H3", "Table", "TR", "TH", "TD", "LBody", "Figure", "Link"] {
        let here = tree.lines().any(|l| l.trim_start().split([' ', ':']).next() == Some(role));
        assert!(here, "no {role} in the structure");
    }
    let heard: String = tree.split('"').skip(1).step_by(2).collect();
    for problem in &report.problems {
        assert!(flat(&heard).contains(&flat(&problem.title)), "{} is not heard", problem.title);
    }
    assert!(!heard.contains("page 1 of"), "what stands at the foot of each page is not read aloud");
}

#[test]
#[ignore = "needs poppler-utils"]
fn five_thousand_problems_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    let mut report = dreadful("web01");
    let some = report.problems.clone();
    report.problems = some.iter().cycle().take(5000).cloned().collect();
    for (n, problem) in report.problems.iter_mut().enumerate() {
        problem.title = format!("Problem number {n} of many");
    }
    written(&report, Detail::Owner, &path);
    let text = flat(&said("pdftotext", &["-enc", "UTF-8"], &path, &["-"]));
    for n in [0, 1, 2500, 4999] {
        assert!(text.contains(&format!("Problem number {n} of many")));
    }
}
