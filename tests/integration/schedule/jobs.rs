//! What each kind of job does, on a made-up machine.

use jiff::{Timestamp, ToSpan as _};

use super::{Site, header, text};
use crate::sink::Sink;

const MAIL: &str = "[schedule.mail]\nwhen = 'every monday 7:00'\ndo = 'email'\nroot = 'ROOT'\n";

#[test]
fn a_report_lies_in_its_folder_and_copies_of_the_history_are_kept() {
    let Some(site) = Site::new("") else { return };
    let (root, out) = (site.machine.root(), site.path("reports"));
    site.settings(&format!(
        "[backup]\nkeep = 2\n[schedule.report]\nwhen = '@daily'\ndo = 'report'\nroot = '{}'\nfolder = '{}'\n\
         formats = ['html', 'pdf', 'md', 'json']\n[schedule.copy]\nwhen = '@daily'\ndo = 'backup'\n",
        root.display(),
        out.display()
    ));
    let said = site.ok(&["schedule", "run", "report"]);
    for ending in ["html", "pdf", "md", "json"] {
        let file = out.join(format!("cleanbill-web01.{ending}"));
        assert!(said.contains(&format!("Written: {}", file.display())), "{said}");
        assert!(std::fs::metadata(&file).unwrap().len() > 500, "{}", file.display());
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600);
    }
    for day in 1..=4 {
        site.at(&format!("2026-01-0{day}T12:00:00Z"));
        let said = site.ok(&["schedule", "run", "copy"]);
        assert!(said.contains("The history was copied to"), "{said}");
    }
    assert_eq!(std::fs::read_dir(site.machine.db().with_file_name("backups")).unwrap().count(), 2);
    // A folder that cannot be written is told, and the run is on record as failed.
    std::fs::remove_dir_all(&out).unwrap();
    std::fs::write(&out, "").unwrap();
    let said = site.run(&["schedule", "run", "report"]);
    assert!(said.code == 1 && said.out.contains("cannot be written"), "{}", said.out);
}

#[test]
fn in_a_quiet_week_nothing_is_sent_where_that_is_wanted_and_in_the_fifth_week_a_mail_comes() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, &format!("{MAIL}only_when_changed = true\npdf = false\n")) else { return };
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let monday: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
    let mut sent = Vec::new();
    for week in 0..8_i64 {
        if week == 6 {
            site.machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\neve:x:0:0::/root:/bin/bash\n");
        }
        site.moment(monday.checked_add((7 * 24 * week).hours()).unwrap());
        let before = sink.count();
        site.ok(&["schedule", "run", "mail", "--if-due"]);
        sent.push(sink.count() - before);
    }
    assert_eq!(sent, [1, 0, 0, 0, 1, 0, 1, 0]);
    assert!(site.runs("mail").iter().any(|run| text(run, "said").contains("Nothing is new, so no mail was sent.")));
}

#[test]
fn what_cannot_wait_is_not_silenced_by_a_mail_that_is_not_sent() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, &format!("{MAIL}only_when_changed = true\npdf = false\n")) else { return };
    site.machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\neve:x:0:0::/root:/bin/bash\n");
    site.machine.file("etc/shadow", "root:*:19000:0:99999:7:::\neve::19000:0:99999:7:::\n");
    site.machine.mode("etc/shadow", 0o640);
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let mut subjects = Vec::new();
    for day in [5, 12, 19] {
        site.at(&format!("2026-01-{day:02}T07:00:00Z"));
        site.ok(&["schedule", "run", "mail", "--if-due"]);
        subjects.push(sink.mails().iter().map(|m| header(m, "Subject").unwrap()).collect::<Vec<_>>());
    }
    // The first mail tells it, so that no short one is needed; in the weeks after it a short one says that it is still so.
    let counts: Vec<usize> = subjects.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 3], "{subjects:#?}");
    assert!(subjects[2][1].contains("still needs you") && subjects[2][2].contains("still needs you"), "{subjects:#?}");
}

#[test]
fn one_mail_tells_of_all_machines_whose_histories_were_collected() {
    let Some(sink) = Sink::start() else { return };
    let Some(site) = Site::with_mail(&sink, "") else { return };
    let folder = site.path("histories");
    std::fs::create_dir(&folder).unwrap();
    for name in ["web01", "db01"] {
        site.machine.file("etc/hostname", format!("{name}\n"));
        site.machine.file(
            "etc/machine-id",
            format!("{name:0>32}\n").replace(|c: char| !c.is_ascii_hexdigit() && c != '\n', "a"),
        );
        let db = folder.join(format!("{name}.duckdb")).display().to_string();
        let root = site.machine.root().display().to_string();
        let said = site.run(&["audit", "--root", &root, "--db", &db]);
        assert!(said.code <= 1, "{}", said.err);
    }
    std::fs::write(folder.join("broken.duckdb"), "nothing").unwrap();
    let settings = std::fs::read_to_string(site.path("cleanbill.toml")).unwrap();
    let job = format!(
        "{settings}[schedule.fleet]\nwhen = '@weekly'\ndo = 'email'\nfor = 'technician'\nhistories = '{}'\n\
         to = ['it@example.org', 'boss@example.org', 'it@example.org']\n",
        folder.display()
    );
    site.settings(&job);
    site.ok(&["schedule", "run", "fleet"]);
    let mails = sink.mails();
    assert_eq!(mails.len(), 2, "each once");
    for (mail, to) in mails.iter().zip(["it@example.org", "boss@example.org"]) {
        assert_eq!(mail["message"]["defects"], serde_json::json!([]));
        assert_eq!(mail["to"], serde_json::json!([to]));
        let all = mail.to_string();
        for words in ["web01", "db01", "broken.duckdb", "application/pdf"] {
            assert!(all.contains(words), "{words}");
        }
        assert!(header(mail, "Subject").unwrap().contains("machines"), "{:?}", header(mail, "Subject"));
    }
    assert!(site.ok(&["email", "preview", "fleet"]).contains("db01"));
}
