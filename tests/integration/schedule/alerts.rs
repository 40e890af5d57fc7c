//! Between two Mondays: what cannot wait comes at once, once, and that it is solved.

use super::{Site, header};
use crate::sink::Sink;

#[test]
fn what_cannot_wait_is_told_at_once_and_once_and_again_after_a_week_and_when_it_is_solved() {
    let Some(sink) = Sink::start() else { return };
    let more =
        "[alerts]\nmin_severity = 'high'\n[schedule.look]\nwhen = 'every day 2:30'\ndo = 'audit'\nroot = 'ROOT'\n";
    let Some(site) = Site::with_mail(&sink, more) else { return };
    let look = |day: u32| {
        site.at(&format!("2026-01-{day:02}T02:30:00Z"));
        site.ok(&["schedule", "run", "look", "--if-due"]);
        sink.mails().iter().map(|m| header(m, "Subject").unwrap()).collect::<Vec<_>>()
    };
    site.ok(&["schedule", "run", "look", "--if-due"]);
    assert!(look(2).is_empty(), "{:?}", look(2));
    // A second all-powerful account without a password.
    let passwd = "root:x:0:0:root:/root:/bin/bash\n";
    site.machine.file("etc/passwd", format!("{passwd}eve:x:0:0::/root:/bin/bash\n"));
    site.machine.file("etc/shadow", "root:*:19000:0:99999:7:::\neve::19000:0:99999:7:::\n");
    site.machine.mode("etc/shadow", 0o640);
    let first = look(3);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(look(4).len(), 1);
    assert_eq!(look(9).len(), 1);
    let again = look(10);
    assert_eq!(again.len(), 2, "{again:?}");
    site.machine.file("etc/passwd", passwd);
    site.machine.file("etc/shadow", "root:*:19000:0:99999:7:::\n");
    site.machine.mode("etc/shadow", 0o640);
    let solved = look(11);
    assert_eq!(solved.len(), 3, "{solved:?}");
    assert_eq!(look(12).len(), 3);
    insta::assert_snapshot!(solved.join("\n"));
}
