//! What can be counted is what ss and df count at the same moment, to the last digit.

use std::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use super::{Numbers, at, collector, run};
use crate::testing::can;

/// Two looks of a peer with one of ours between them: when nothing changed, all three must say the same. It is tried until
/// the machine is quiet for such a moment.
fn in_a_quiet_moment<T: PartialEq>(mut theirs: impl FnMut() -> T, mut ours: impl FnMut() -> Numbers) -> (T, Numbers) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (before, ours, after) = (theirs(), ours(), theirs());
        if before == after {
            return (after, ours);
        }
        assert!(Instant::now() < end, "this machine is never quiet");
    }
}

#[test]
fn connections_are_those_that_ss_counts() {
    if !can(run("ss", &["-s"]).is_ok(), "ss is not installed") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _open: Vec<_> = (0..10).map(|_| (TcpStream::connect(address).unwrap(), listener.accept().unwrap())).collect();
    let line = || run("ss", &["-s"]).unwrap().lines().find(|line| line.starts_with("TCP:")).unwrap().to_owned();
    let mut collector = collector(&["tcp"]);
    let (said, ours) = in_a_quiet_moment(line, || at(&mut collector, 1));
    let theirs = |name: &str| {
        let rest = said.split_once(&format!("{name} ")).unwrap_or_else(|| panic!("no {name} in {said}")).1;
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<f64>().unwrap()
    };
    assert!(theirs("estab") >= 20.0, "{said}");
    for (state, name) in [("established", "estab"), ("time_wait", "timewait"), ("orphan", "orphaned")] {
        assert_eq!(ours[&format!("system.network.connection.count{{{state}}}")], theirs(name), "{said}");
    }
}

#[test]
fn room_on_disks_is_what_df_says() {
    let columns = "--output=source,target,used,avail,pcent,iused,iavail,ipcent";
    // Each line for itself: one disk may be busy all the time, and others are not.
    let df = || run("df", &["-B1", columns]).unwrap_or_else(|error| panic!("{error}"));
    let mut compared = 0;
    for _ in 0..20 {
        let before = df();
        let ours = at(&mut collector(&["filesystem"]), 1);
        let after = df();
        for line in after.lines().skip(1).filter(|line| before.contains(*line)) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let Ok([device, place, used, free, percent, inodes, inodes_free, inodes_percent]) =
                <[&str; 8]>::try_from(fields)
            else {
                continue;
            };
            let of = |metric: &str, state: &str| {
                ours.get(&format!("system.filesystem.{metric}{{{device},{place}{state}}}")).copied()
            };
            let Some(ours_used) = of("usage", ",used") else { continue };
            compared += 1;
            // Of what is counted, all digits are equal; shares are rounded up by df, and to four digits by us.
            assert_eq!(ours_used, used.parse::<f64>().unwrap(), "{line}");
            assert_eq!(of("usage", ",free").unwrap(), free.parse::<f64>().unwrap(), "{line}");
            let within = |share: f64, percent: &str| {
                let percent: f64 = percent.trim_end_matches('%').parse().unwrap();
                (percent - 1.01..=percent + 0.01).contains(&(share * 100.0))
            };
            assert!(within(of("utilization", "").unwrap(), percent), "{line}");
            if let Some(ours) = of("inodes.usage", ",used") {
                assert_eq!(ours, inodes.parse::<f64>().unwrap(), "{line}");
                assert_eq!(of("inodes.usage", ",free").unwrap(), inodes_free.parse::<f64>().unwrap(), "{line}");
                assert!(within(of("inodes.utilization", "").unwrap(), inodes_percent), "{line}");
            }
        }
        if compared > 0 {
            return;
        }
    }
    panic!("no disk was quiet for a moment, or none is told: {}", df());
}
