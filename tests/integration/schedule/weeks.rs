//! Half a year of Mondays.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _, tz::Offset};
use serde_json::Value;

use super::{Site, header, text};
use crate::sink::Sink;

const WEEKS: i64 = 26;

#[test]
fn a_mail_comes_every_monday_for_half_a_year() {
    let Some(sink) = Sink::start() else { return };
    let more = "[schedule.mail]\nwhen = 'every monday 7:00'\ndo = 'email'\nroot = 'ROOT'\n\
                [schedule.look]\nwhen = 'every monday 2:30'\ndo = 'audit'\nroot = 'ROOT'\n\
                [schedule.fix]\nwhen = 'every saturday 3:00'\ndo = 'fix'\npolicy = 'safe'\nroot = 'ROOT'\n";
    let Some(site) = Site::with_mail(&sink, more) else { return };
    // A Thursday. Over the half-year there is no zone in which an hour is skipped.
    let daemon = site.daemon();
    site.until("it waits", || site.log().contains("Waiting"));
    let monday: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
    let pass = |at: Timestamp| {
        site.moment(at);
        daemon.wake();
    };
    let ran = |job: &str, due: Timestamp| {
        let due = due.to_string();
        site.until(&format!("{job} of {due}"), || {
            site.runs(job).iter().any(|run| text(run, "due") == due && !text(run, "ended").is_empty())
        });
    };
    for week in 0..WEEKS {
        let at = monday.checked_add((7 * 24 * week).hours()).unwrap();
        match week {
            3 => site.machine.mode("etc/shadow", 0o644),
            // Someone mends it by hand, and something else comes.
            8 => {
                site.machine.mode("etc/shadow", 0o640);
                site.machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\neve:x:0:0::/root:/bin/bash\n");
            }
            _ => {}
        }
        let saturday = at.checked_sub(52.hours()).unwrap();
        pass(saturday);
        ran("fix", saturday);
        // A minute before, nothing comes.
        pass(at.checked_sub(60.seconds()).unwrap());
        ran("look", at.checked_sub((4 * 60 + 30).minutes()).unwrap());
        assert_eq!(weekly(&sink).len() as i64, week);
        pass(at);
        site.until(&format!("the mail of week {week}"), || weekly(&sink).len() as i64 > week);
        ran("mail", at);
    }
    assert_eq!(daemon.stop(), 0);
    let mails = weekly(&sink);
    assert_eq!(mails.len() as i64, WEEKS, "one a week");
    let mut ids = BTreeSet::new();
    let mut told = String::new();
    for (week, mail) in (0..).zip(&mails) {
        assert_eq!(mail["message"]["defects"], serde_json::json!([]), "{mail:#}");
        assert_eq!(mail["message"]["header_is_ascii"], true);
        // The sender's domain is that of the envelope: DMARC is aligned.
        assert_eq!(mail["from"], "cleanbill@web01.example.org");
        assert_eq!(mail["message"]["from"][0][1], mail["from"]);
        assert_eq!(mail["to"], serde_json::json!(["owner@example.org"]));
        let date = monday.checked_add((7 * 24 * week).hours()).unwrap();
        let date = Offset::UTC.to_datetime(date).strftime("%a, %d %b %Y %H:%M:%S").to_string();
        assert!(header(mail, "Date").unwrap().starts_with(&date), "{date}\n{mail:#}");
        assert!(header(mail, "List-Unsubscribe").unwrap().starts_with("<mailto:"));
        assert_eq!(header(mail, "Auto-Submitted").unwrap(), "auto-generated");
        assert_eq!(header(mail, "References"), header(&mails[0], "References"));
        ids.insert(header(mail, "Message-ID").unwrap());
        told.push_str(&format!("{}\n", header(mail, "Subject").unwrap()));
    }
    assert_eq!(ids.len() as i64, WEEKS);
    insta::assert_snapshot!(told);
    let short: Vec<Value> = sink.mails().into_iter().filter(|mail| !mails.contains(mail)).collect();
    let short: Vec<String> =
        short.iter().map(|m| format!("{}: {}", header(m, "Date").unwrap(), header(m, "Subject").unwrap())).collect();
    insta::assert_snapshot!(short.join("\n"));
    assert!(site.queue(false).is_empty());
}

/// The mails that the job sent, without the short ones in between.
fn weekly(sink: &Sink) -> Vec<Value> {
    let mut mails = sink.mails();
    mails.retain(|mail| mail["message"]["tree"].to_string().contains("application/pdf"));
    mails
}
