//! The mails of the recorded hosts: a good week, a bad one, a quiet one, the first one, short ones, one for many machines.

use std::path::Path;

use cleanbill::{
    report::{
        self, Detail, Report,
        email::{self, Digest, Fill, FixedBy, Mail, NotFixed, TestMail, Week, Who},
        fleet,
    },
    store::Store,
};
use jiff::{SignedDuration, tz::TimeZone};

use crate::{
    history::Workshop,
    made, measured,
    recording::{self, Recording},
};

/// No templates of this machine.
const NOWHERE: &str = "/nonexistent";

/// How full a disk and the memory were at each audit.
fn fills(workshop: &Workshop, recording: &Recording, path: &str) -> (Option<Fill>, Option<Fill>) {
    let fill = |name: String, points: Vec<_>| {
        let used_percent = points.last().map(|(_, percent)| *percent)?;
        Some(Fill { name, used_percent, points, text: String::new() })
    };
    let disk = workshop.numbers(recording, "disk_space", ("path", path), "used_percent");
    let free = workshop.numbers(recording, "memory_info", ("", ""), "available_percent");
    let memory = free.into_iter().map(|(at, percent)| (at, 100.0 - percent)).collect();
    (fill(format!("Disk {path}"), disk), fill("Memory".to_owned(), memory))
}

fn zone() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn week<'a>(workshop: &Workshop, recording: &Recording, report: &'a Report, path: &str) -> Week<'a> {
    let (disk, memory) = fills(workshop, recording, path);
    Week {
        report,
        fixed_by: Vec::new(),
        not_fixed: Vec::new(),
        trouble: Vec::new(),
        disk,
        memory,
        next_mail: Some("Monday 30 November at 07:00".to_owned()),
        detail: Detail::Owner,
        purpose: None,
        zone: zone(),
        contact: None,
        attached: true,
    }
}

/// What a person and cleanbill by itself fixed of what is gone.
fn fixed(report: &Report) -> Vec<FixedBy> {
    let gone = report.changes.iter().flat_map(|c| &c.fixed).enumerate();
    let by = |(n, p): (usize, &report::ProblemRef)| {
        let (who, run, days) = match n {
            0 => (Who::Itself, Some(41), 5),
            1 => (Who::Person("anna".to_owned()), Some(42), 3),
            _ => return None,
        };
        let when = report.audit.started - SignedDuration::from_hours(24 * days + 3);
        Some(FixedBy { title: p.title.clone(), check: p.check.clone(), who, when, run })
    };
    gone.filter_map(by).collect()
}

fn mail(week: &Week<'_>) -> Mail {
    let mail = email::weekly(week, Path::new(NOWHERE)).unwrap();
    assert_eq!(mail.warnings, Vec::<String>::new());
    mail
}

/// All mails by name.
pub fn mails(workshop: &Workshop) -> Vec<(&'static str, Mail)> {
    let stores = tempfile::tempdir().unwrap();
    let report = |name: &str| {
        let recording = recording::host(name);
        let store = stores.path().join(name).with_extension("duckdb");
        let (audit, history) = workshop.record(&recording, &store);
        measured::record(&recording, &store);
        let mut report = report::build(&audit, &workshop.catalogue, &history);
        report::measure(&mut report, &Store::at(&store), &zone()).unwrap();
        (report, recording)
    };
    let own = Path::new(NOWHERE);
    let mut mails = Vec::new();
    let (weeks, recording) = report("weeks");
    let good = Week {
        fixed_by: fixed(&weeks),
        purpose: Some("Web shop".to_owned()),
        contact: Some("Anna".to_owned()),
        ..week(workshop, &recording, &weeks, "/")
    };
    mails.push(("weekly", mail(&good)));
    mails.push(("weekly-technician", mail(&Week { detail: Detail::Technician, ..good.clone() })));
    let trouble = [
        "The audit of Thursday 19 November at 03:00 did not run: the machine was off.",
        "The mail of 9 November could not be delivered: the mail server did not answer.",
    ];
    let not_fixed = vec![NotFixed {
        title: "The service fail2ban has failed".to_owned(),
        why: "two fixes had failed in a row, so cleanbill stopped and waits for you".to_owned(),
    }];
    mails.push(("weekly-trouble", mail(&Week { trouble: trouble.map(str::to_owned).to_vec(), not_fixed, ..good })));
    let (healthy, recording) = report("healthy");
    mails.push(("weekly-quiet", mail(&week(workshop, &recording, &healthy, "/"))));
    let (dreadful, recording) = report("dreadful");
    let bad = week(workshop, &recording, &dreadful, "/var");
    mails.push(("weekly-bad", mail(&bad)));
    let (mut first, recording) = report("first");
    first.changes = None;
    mails.push(("weekly-first", mail(&week(workshop, &recording, &first, "/"))));

    let news = dreadful.problems.iter().take(2).map(|p| email::News {
        check: p.check.clone(),
        title: p.title.clone(),
        kind: email::Kind::Found,
    });
    let alert = email::Alert {
        report: &dreadful,
        news: news.collect(),
        detail: Detail::Owner,
        purpose: None,
        zone: zone(),
        contact: None,
    };
    mails.push(("alert", email::alert(&alert, own).unwrap()));
    let solved = email::Solved {
        report: &weeks,
        solved: fixed(&weeks).into_iter().take(1).collect(),
        purpose: Some("Web shop".to_owned()),
        zone: zone(),
    };
    mails.push(("solved", email::solved(&solved, own).unwrap()));
    let test = TestMail {
        host: "shop01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        who: Some("anna".to_owned()),
        at: weeks.audit.started,
        plan: vec![
            "Every Monday at 07:00: how shop01 is, and what needs you".to_owned(),
            "At once: when something is found that should be dealt with today, and when it is solved".to_owned(),
        ],
        zone: zone(),
    };
    mails.push(("test", email::test_mail(&test, own).unwrap()));
    let confirm = email::Confirm {
        host: "shop01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        fixed: vec!["Turn off root login over SSH".to_owned()],
        until: weeks.audit.started + SignedDuration::from_hours(1),
        at: weeks.audit.started,
        zone: zone(),
    };
    mails.push(("confirm", email::confirm(&confirm, own).unwrap()));
    let stuck = email::Stuck {
        host: "shop01".to_owned(),
        purpose: Some("Web shop".to_owned()),
        why: "The disk is full, so nothing could be stored in /var/lib/cleanbill/cleanbill.duckdb.".to_owned(),
        hint: "Make room, or give a file on another disk with --db FILE.".to_owned(),
        at: weeks.audit.started,
        zone: zone(),
    };
    mails.push(("stuck", email::stuck(&stuck, own).unwrap()));
    let reports: Vec<Report> = made::fleet(workshop)
        .iter()
        .step_by(3)
        .take(12)
        .map(|host| {
            let (audit, history) = workshop.record(host, &stores.path().join(&host.host.name).with_extension("duckdb"));
            report::build(&audit, &workshop.catalogue, &history)
        })
        .collect();
    let many = fleet::fleet(&reports, Vec::new(), &workshop.catalogue, None).unwrap();
    let digest = Digest {
        fleet: &many,
        silent: vec![("mail01".to_owned(), "last heard of on 9 November".to_owned())],
        trouble: Vec::new(),
        next_mail: Some("Monday 30 November at 07:00".to_owned()),
        detail: Detail::Owner,
        zone: zone(),
        attached: true,
    };
    mails.push(("digest", email::digest(&digest, own).unwrap()));
    mails
}

/// The page as a browser shows it: its pictures in itself.
pub fn page(mail: &Mail) -> String {
    use base64ct::{Base64, Encoding as _};
    let mut page = mail.html.clone();
    for picture in &mail.pictures {
        let address = format!("data:image/png;base64,{}", Base64::encode_string(&picture.png));
        page = page.replace(&format!("cid:{}\"", picture.cid), &format!("{address}\""));
    }
    page
}
