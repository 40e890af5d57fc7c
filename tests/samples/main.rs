//! Sample reports: recorded hosts under other names, with their history, and what cleanbill makes of them.
//!
//! `CLEANBILL_SAMPLE_STORES=DIR cargo test --release --test samples -- --ignored` writes the stores of all recorded
//! hosts to DIR, to try a report on: `cleanbill report --db DIR/weeks.duckdb`. `make samples` writes `docs/samples`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod analysis;
mod history;
mod made;
mod mails;
mod measured;
mod recording;
mod rendered;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use cleanbill::{
    checks::Severity,
    report::EventKind,
    score::{BySeverity, Grade},
};
use history::Workshop;
use recording::Recording;

/// A folder for stores, and the last report of a recording.
fn report(workshop: &Workshop, recording: &Recording) -> cleanbill::report::Report {
    let folder = tempfile::tempdir().unwrap();
    let (audit, history) = workshop.record(recording, &folder.path().join("s.duckdb"));
    cleanbill::report::build(&audit, &workshop.catalogue, &history)
}

#[test]
fn each_recorded_host_has_the_grade_it_stands_for() {
    let workshop = Workshop::open();
    for (name, grade, fewest, most) in [
        ("healthy", Grade::A, 0, 0),
        ("typical", Grade::C, 12, 16),
        ("dreadful", Grade::F, 40, 50),
        ("first", Grade::B, 4, 8),
    ] {
        let report = report(&workshop, &recording::host(name));
        assert_eq!(report.grade, grade, "{name}");
        let problems = report.problems.iter().filter(|p| p.severity > Severity::Info).count();
        assert!((fewest..=most).contains(&problems), "{name} has {problems} problems");
        for line in report.problems.iter().flat_map(|p| &p.evidence) {
            assert!(!line.text.is_empty() && !line.text.contains("null"), "{name}: {}", line.text);
        }
    }
}

#[test]
fn the_main_sample_tells_of_everything_a_report_can_tell() {
    let report = report(&Workshop::open(), &recording::host("weeks"));
    let age = |check: &str| report.problems.iter().find(|p| p.check == check).and_then(|p| p.age.clone());
    assert_eq!(age("passwords-in-open-settings").as_deref(), Some("open for 23 days"));
    assert_eq!(age("database-open-to-all").as_deref(), Some("open for 5 months"));
    assert_eq!(age("certificate-ends-soon").as_deref(), Some("new"));
    assert!(report.problems.iter().any(|p| p.came_back));
    let changes = report.changes.unwrap();
    assert!(!changes.came_back.is_empty() && changes.fixed.len() > 2 && changes.new.len() == 1);
    assert!(report.waived.iter().any(|w| w.ends_soon) && report.waived.iter().any(|w| !w.ends_soon));
    assert!(report.not_seen.len() > 1);
    let kinds: Vec<EventKind> = report.events.iter().map(|e| e.kind).collect();
    assert!([EventKind::Updates, EventKind::Kernel, EventKind::Accepted].iter().all(|kind| kinds.contains(kind)));
    let grades: Vec<Grade> = report.history.iter().map(|p| p.grade).collect();
    assert!([Grade::B, Grade::C, Grade::D, Grade::F].iter().all(|grade| grades.contains(grade)), "{grades:?}");
}

#[test]
fn the_fleet_has_forty_hosts_of_all_grades_with_problems_in_common() {
    let workshop = Workshop::open();
    let fleet = made::fleet(&workshop);
    let last: Vec<_> = fleet.iter().map(|host| workshop.audit(host, host.audits.last)).collect();
    assert_eq!(last.len(), 40);
    for grade in [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F] {
        assert!(last.iter().filter(|a| a.grade() == grade).count() > 1, "{grade:?}");
    }
    for ((name, _, wanted), audit) in made::FLEET.iter().zip(&last) {
        // With those that are a part of another.
        let found: BySeverity = audit.outcomes.iter().filter_map(|o| o.finding()).map(|f| f.severity).collect();
        let found = [found.critical, found.high, found.medium, found.low, found.info];
        assert_eq!((audit.machine.hostname.as_str(), found), (*name, *wanted));
    }
    let ids: BTreeSet<_> = last.iter().map(|a| a.machine.host.clone()).collect();
    assert_eq!(ids.len(), 40);
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in last.iter().flat_map(|a| &a.outcomes).filter(|o| o.counted().is_some()) {
        *hosts.entry(outcome.check.clone()).or_default() += 1;
    }
    assert!(hosts.values().filter(|n| **n > 5).count() > 5, "{hosts:?}");
}

#[test]
fn the_huge_host_has_five_thousand_pieces_of_evidence() {
    let workshop = Workshop::open();
    let huge = made::huge(&workshop);
    let audit = workshop.audit(&huge, huge.audits.last);
    let found: usize = audit.outcomes.iter().filter_map(|o| o.finding()).map(|f| f.evidence.len()).sum();
    assert!((5_000..5_500).contains(&found), "{found}");
    // Its names come out harmless in every form.
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("huge.duckdb");
    workshop.record(&huge, &store);
    rendered::render(&store, folder.path(), "huge", "pdf");
    for format in ["html", "md", "json"] {
        let name = rendered::render(&store, folder.path(), "huge", format);
        let text = String::from_utf8_lossy(&std::fs::read(folder.path().join(name)).unwrap()).into_owned();
        let told = match format {
            "html" => "&lt;script&gt;alert(1)",
            "md" => r"\<script\>alert(1)",
            _ => "<script>alert(1)",
        };
        assert!(text.contains(told), "{format}");
        // JSON gives programs the name as it is, its control characters escaped.
        assert!(!text.contains('\u{1b}') && (format == "json" || !text.contains('\u{202e}')), "{format}");
        assert!(format == "json" || !text.contains("<script>alert"), "{format}");
    }
}

#[test]
fn the_samples_are_what_the_program_writes() {
    let workshop = Workshop::open();
    let kept = rendered::folder();
    if std::env::var("CLEANBILL_SAMPLES").is_ok_and(|v| v == "write") {
        std::fs::create_dir_all(&kept).unwrap();
        rendered::write(&workshop, &kept);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let written = rendered::write(&workshop, folder.path());
    for entry in std::fs::read_dir(&kept).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "pictures" || written.contains(&name), "docs/samples/{name} is not written any more");
    }
    for name in written.into_iter().filter(|name| rendered::comparable(name)) {
        let old = std::fs::read(kept.join(&name)).unwrap_or_default();
        let new = std::fs::read(folder.path().join(&name)).unwrap();
        assert!(
            old == new,
            "docs/samples/{name} is not what the program writes now: make samples, look at them, keep them. {}",
            rendered::difference(&String::from_utf8_lossy(&old), &String::from_utf8_lossy(&new))
        );
    }
}

#[test]
#[ignore = "writes stores where CLEANBILL_SAMPLE_STORES says"]
fn the_stores_are_written() {
    let Some(folder) = std::env::var_os("CLEANBILL_SAMPLE_STORES").map(PathBuf::from) else { return };
    let workshop = Workshop::open();
    let only = std::env::var("CLEANBILL_SAMPLE_ONLY").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|o| o == name);
    let write = |recording: &Recording, file: PathBuf| {
        let new = file.with_extension("new");
        let _ = std::fs::remove_file(&new);
        let (last, _) = workshop.record(recording, &new);
        std::fs::rename(&new, &file).unwrap();
        println!("{}: {} {:.1}", file.display(), last.grade().letter(), last.risk());
    };
    for name in recording::HOSTS.into_iter().filter(|name| wanted(name)) {
        write(&recording::host(name), folder.join(format!("{name}.duckdb")));
    }
    if wanted("huge") {
        write(&made::huge(&workshop), folder.join("huge.duckdb"));
    }
    if wanted("fleet") {
        for host in made::fleet(&workshop) {
            write(&host, folder.join(format!("fleet/{}.duckdb", host.host.name)));
        }
    }
}
