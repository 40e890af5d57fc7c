//! The daemon, and all that it started, ended without a word at any moment: no mail is lost, none comes twice.
#![allow(clippy::print_stderr, reason = "how often it was cut off is said")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan as _};

use super::{Site, header, text};
use crate::sink::Sink;

/// How often it is killed: always where no test may be left out, else where the time suffices.
const KILLS: usize = 100;
const SECONDS: u64 = 40;
const LEAST: usize = 8;

/// Ends every process that works for this site, as a machine does that loses its power.
fn end_all(site: &Site) {
    let mark = site.machine.db().display().to_string();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let own = pid == i32::try_from(std::process::id()).unwrap();
        if !own && environment.windows(mark.len()).any(|part| part == mark.as_bytes()) {
            let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).output();
        }
    }
}

#[test]
fn killed_at_any_moment_no_mail_is_lost_and_none_comes_twice() {
    let Some(sink) = Sink::start() else { return };
    let more =
        "[alerts]\nenabled = false\n[schedule.mail]\nwhen = '* * * * *'\ndo = 'email'\npdf = false\nroot = 'ROOT'\n";
    let Some(site) = Site::with_mail(&sink, more) else { return };
    let start: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
    site.moment(start);
    site.ok(&["schedule", "run", "mail", "--if-due"]);
    let began = Instant::now();
    let all = std::env::var_os("CLEANBILL_ALL_TESTS").is_some();
    let mut dice: u64 = 0x2545_f491_4f6c_dd1d;
    let mut kills = 0;
    while kills < KILLS && (all || kills < LEAST || began.elapsed() < Duration::from_secs(SECONDS)) {
        let minute = i64::try_from(kills).unwrap() + 1;
        site.moment(start.checked_add(minute.minutes()).unwrap());
        let daemon = site.daemon();
        for shift in [13, -7, 17_i32] {
            dice ^= if shift < 0 { dice >> -shift } else { dice << shift };
        }
        std::thread::sleep(Duration::from_millis(dice % 2500));
        daemon.kill();
        // Every other time the jobs that it started live on.
        if kills % 2 == 0 {
            end_all(&site);
        }
        kills += 1;
    }
    // One more minute, and nobody disturbs; a run that still lives would have it left out.
    end_all(&site);
    let last = start.checked_add((i64::try_from(kills).unwrap() + 1).minutes()).unwrap();
    site.moment(last);
    let daemon = site.daemon();
    site.until("the last mail is made", || {
        site.runs("mail").iter().any(|run| text(run, "due") == last.to_string() && text(run, "state") == "done")
    });
    // What failed in the beginning waits some minutes.
    site.moment(last.checked_add(59.seconds()).unwrap());
    site.until("nothing waits", || site.queue(true).iter().all(|m| text(m, "state") != "waiting"));
    assert_eq!(daemon.stop(), 0);

    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    for mail in sink.mails() {
        assert_eq!(mail["message"]["defects"], serde_json::json!([]));
        *came.entry(header(&mail, "Message-ID").unwrap()).or_default() += 1;
    }
    assert!(came.values().all(|times| *times == 1), "a mail came twice: {came:?}");
    let queue = site.queue(true);
    let state = |state: &str| queue.iter().filter(|m| text(m, "state") == state).count();
    let occasions: BTreeSet<&str> = queue.iter().map(|m| text(m, "occasion")).collect();
    assert_eq!(occasions.len(), queue.len(), "an occasion was told twice");
    assert_eq!(state("sent") + state("unsure"), queue.len(), "{queue:#?}");
    // All that were taken came; of those that nobody is sure of, some did.
    assert!(came.len() >= state("sent") && came.len() <= queue.len(), "{} came", came.len());
    // Every run that came to its end made its mail.
    for run in site.runs("mail").iter().filter(|run| text(run, "state") == "done") {
        assert!(occasions.contains(format!("mail.{}", text(run, "due")).as_str()), "{run:#}");
    }
    assert_eq!(site.run(&["store", "check"]).code, 0);
    let cut = site.runs("mail").iter().filter(|run| text(run, "state") == "cut_off").count();
    eprintln!("killed {kills} times: {} mails, {} unsure, {cut} runs were cut off", queue.len(), state("unsure"));
    assert!(cut > 0, "none was cut off");
}
