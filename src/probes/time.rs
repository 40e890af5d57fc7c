//! The clock: which service keeps it right, whether it does, and the time zone.

use jiff::Timestamp;

use super::{
    Probe, ProbeError, USUAL_LIMIT,
    services::{jobs, scan, unit},
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::{Command, Host},
};

fact_table! {
    /// Services that can keep the clock right, one row for each that is installed.
    "time_sync" => TimeSync {
        /// Its settings file.
        source: String,
        /// `systemd-timesyncd`, `chrony`, `ntpd`, `ntpsec`, `openntpd` or `virtualbox`.
        name: String,
        /// Whether it starts with the machine, as `systemctl` says; null when systemd has no such unit.
        unit_file_state: Option<String>,
        /// Whether it runs; null in an image.
        running: Option<bool>,
        /// Whether it found the right time; null when it does not run or was not asked.
        synchronised: Option<bool>,
        /// Seconds that the clock is ahead, below zero when behind; null when not told.
        offset_seconds: Option<f64>,
        /// When it last heard the time; null when not told.
        last_sync: Option<Timestamp>,
        /// Machines that it asks for the time, by commas; empty when only built-in ones.
        servers: String,
    }
    offline: true,
    examples: ["select name, running, synchronised, offset_seconds from time_sync"],
}

fact_table! {
    /// How the clock is read, one row.
    "clock" => Clock {
        /// Link that sets the time zone.
        source: String,
        /// Time zone, such as `Europe/Berlin`; null when none is set.
        timezone: Option<String>,
        /// Whether the set time zone exists.
        timezone_known: bool,
        /// Whether the clock in the hardware runs by local time, which jumps twice a year.
        hardware_local: bool,
    }
    offline: true,
    examples: ["select timezone from clock"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "time",
    about: "who keeps the clock right",
    tables: &[TimeSync::TABLE, Clock::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// What is known of a service beforehand.
struct Known {
    name: &'static str,
    /// Signs that it is installed: one is enough.
    programs: &'static [&'static str],
    units: &'static [&'static str],
    /// Process names, cut at 15 characters.
    processes: &'static [&'static str],
    config: &'static str,
    /// Words that a server stands behind.
    words: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        name: "systemd-timesyncd",
        programs: &["/usr/lib/systemd/systemd-timesyncd", "/lib/systemd/systemd-timesyncd"],
        units: &["systemd-timesyncd.service"],
        processes: &["systemd-timesyn"],
        config: "/etc/systemd/timesyncd.conf",
        words: &[],
    },
    Known {
        name: "chrony",
        programs: &["/usr/sbin/chronyd"],
        units: &["chrony.service", "chronyd.service"],
        processes: &["chronyd"],
        config: "/etc/chrony/chrony.conf",
        words: &["server", "pool", "peer", "refclock"],
    },
    Known {
        name: "ntpsec",
        programs: &["/etc/ntpsec/ntp.conf"],
        units: &["ntpsec.service"],
        processes: &["ntpd"],
        config: "/etc/ntpsec/ntp.conf",
        words: &["server", "pool", "peer", "refclock"],
    },
    Known {
        name: "openntpd",
        programs: &["/usr/sbin/ntpctl"],
        units: &["openntpd.service", "ntpd.service"],
        processes: &["ntpd"],
        config: "/etc/openntpd/ntpd.conf",
        words: &["server", "servers", "sensor"],
    },
    Known {
        name: "ntpd",
        programs: &["/usr/sbin/ntpd"],
        units: &["ntp.service", "ntpd.service"],
        processes: &["ntpd"],
        config: "/etc/ntp.conf",
        words: &["server", "pool", "peer"],
    },
    Known {
        name: "virtualbox",
        programs: &["/usr/sbin/VBoxService"],
        units: &["vboxservice.service", "virtualbox-guest-utils.service", "vboxadd-service.service"],
        processes: &["VBoxService"],
        config: "/usr/sbin/VBoxService",
        words: &[],
    },
];

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    clock(host, facts);
    let units = scan::Units::scan(host);
    let processes = jobs::processes(host);
    if let Some(gap) = jobs::hidden(host) {
        facts.partial::<TimeSync>(gap);
    }
    for known in installed(host) {
        let running = processes.as_ref().map(|p| jobs::runs(host, p, known.processes));
        let state = known.units.iter().find_map(|u| scan::state_of(host, &units, u)).map(str::to_owned);
        let servers = servers(host, known, facts).join(", ");
        let row = TimeSync { unit_file_state: state, servers, ..asked(host, known, running, facts) };
        facts.push(row);
    }
    Ok(())
}

/// The services that are installed.
fn installed(host: &Host) -> impl Iterator<Item = &'static Known> {
    let mut ntpd_taken = false;
    KNOWN.iter().filter(move |known| {
        let there = known.programs.iter().any(|p| host.exists(p)) && !(known.name == "ntpd" && ntpd_taken);
        // ntpsec and OpenNTPD bring a program of ntpd's name.
        ntpd_taken |= there && known.processes.contains(&"ntpd");
        there
    })
}

/// What one that runs says of the clock.
fn asked(host: &Host, known: &Known, running: Option<bool>, facts: &mut Facts) -> TimeSync {
    let mut row = TimeSync {
        source: known.config.to_owned(),
        name: known.name.to_owned(),
        unit_file_state: None,
        running,
        synchronised: None,
        offset_seconds: None,
        last_sync: None,
        servers: String::new(),
    };
    if running == Some(true) {
        match known.name {
            "systemd-timesyncd" => timesyncd(host, &mut row),
            "chrony" => chrony(host, &mut row, facts),
            "ntpsec" | "ntpd" => ntpd(host, &mut row, facts),
            _ => {}
        }
    }
    row
}

/// The service that keeps the clock right now, and what it says of it; its settings are not looked at. None when nobody
/// does.
///
/// # Errors
/// What cannot be seen.
pub(crate) fn keeper(host: &Host) -> Result<Option<TimeSync>, Gap> {
    let Some(processes) = jobs::processes(host) else {
        return jobs::hidden(host).map_or(Ok(None), Err);
    };
    let Some(known) = installed(host).find(|known| jobs::runs(host, &processes, known.processes)) else {
        return Ok(None);
    };
    let mut facts = Facts::new();
    let row = asked(host, known, Some(true), &mut facts);
    facts.gaps().first().map_or(Ok(Some(row)), |gap| Err((*gap).clone()))
}

/// It leaves a file when it has set the clock.
fn timesyncd(host: &Host, row: &mut TimeSync) {
    row.synchronised = Some(host.exists("/run/systemd/timesync/synchronized"));
}

/// `chronyc -c tracking`: id, name, stratum, reference time, correction, …, leap status.
fn chrony(host: &Host, row: &mut TimeSync, facts: &mut Facts) {
    let answer = host.run(&Command::new(&["/usr/bin/chronyc"]).args(["-c", "tracking"]));
    let text = match answer.and_then(|o| o.success("chronyc")) {
        Ok(text) => text,
        Err(error) => {
            return facts.partial::<TimeSync>(Gap::new("whether the clock is right", "chronyc", error.reason()));
        }
    };
    let fields: Vec<&str> = text.lines().next().unwrap_or_default().trim().split(',').collect();
    let number = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    let synchronised = fields.last().is_some_and(|leap| !leap.eq_ignore_ascii_case("Not synchronised"));
    row.synchronised = Some(synchronised);
    if synchronised {
        row.offset_seconds = number(4);
        let seconds = fields.get(3).and_then(|f| f.split('.').next()?.parse().ok());
        row.last_sync = seconds.and_then(|s| Timestamp::from_second(s).ok());
    }
}

/// `ntpq -c rv`: stratum 16 means that it follows nobody; the offset is in milliseconds.
fn ntpd(host: &Host, row: &mut TimeSync, facts: &mut Facts) {
    let answer = host.run(&Command::new(&["/usr/bin/ntpq"]).args(["-n", "-c", "rv"]));
    let text = match answer.and_then(|o| o.success("ntpq")) {
        Ok(text) => text,
        Err(error) => {
            return facts.partial::<TimeSync>(Gap::new("whether the clock is right", "ntpq", error.reason()));
        }
    };
    let get = |key: &str| {
        let fields = text.split([',', '\n']).map(str::trim);
        fields.filter_map(|f| f.split_once('=')).find(|(k, _)| *k == key).map(|(_, v)| v.to_owned())
    };
    row.synchronised = get("stratum").and_then(|s| s.parse::<u8>().ok()).map(|s| s < 16);
    if row.synchronised == Some(true) {
        row.offset_seconds = get("offset").and_then(|o| o.parse::<f64>().ok()).map(|ms| -ms / 1000.0);
    }
}

/// Most servers and files that are read.
const MOST: usize = 100;

fn servers(host: &Host, known: &Known, facts: &mut Facts) -> Vec<String> {
    if known.name == "systemd-timesyncd" {
        let (settings, gaps) = unit::config(host, "timesyncd.conf");
        gaps.into_iter().for_each(|gap| facts.partial::<TimeSync>(gap));
        let named = unit::all(&settings, "Time", "NTP");
        let named = if named.is_empty() { unit::all(&settings, "Time", "FallbackNTP") } else { named };
        return named.iter().flat_map(|s| s.value.split_whitespace()).take(MOST).map(str::to_owned).collect();
    }
    let mut found = Vec::new();
    let mut files = vec![known.config.to_owned()];
    let mut read = 0;
    while let Some(path) = files.pop() {
        read += 1;
        if read > MOST || known.words.is_empty() {
            break;
        }
        let text = match host.read_text(&path) {
            Ok(text) => text,
            Err(error) => {
                if !error.is_not_found() {
                    facts.partial::<TimeSync>(Gap::new("whom the clock follows", path, error.reason()));
                }
                continue;
            }
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(word), Some(value)) = (words.next(), words.next()) else { continue };
            match word {
                // Folders of chrony: sources end in .sources, settings in .conf.
                "confdir" => files.extend(host.glob(&format!("{value}/*.conf"))),
                "sourcedir" => files.extend(host.glob(&format!("{value}/*.sources"))),
                "include" | "includefile" => files.extend(host.glob(value)),
                word if known.words.contains(&word) && found.len() < MOST => found.push(value.to_owned()),
                _ => {}
            }
        }
    }
    found
}

fn clock(host: &Host, facts: &mut Facts) {
    const LINK: &str = "/etc/localtime";
    let linked = host.read_link(LINK).ok();
    let name = linked.as_deref().and_then(|l| l.split_once("zoneinfo/")).map(|(_, name)| name.to_owned());
    let written = || {
        let text = host.read_text("/etc/timezone").ok()?;
        Some(text.trim().to_owned()).filter(|t| !t.is_empty())
    };
    let known = host.metadata(LINK).is_ok();
    let timezone = name.or_else(written).filter(|_| linked.is_some() || known);
    let adjtime = host.read_text("/etc/adjtime").unwrap_or_default();
    facts.push(Clock {
        source: LINK.to_owned(),
        timezone,
        timezone_known: known,
        hardware_local: adjtime.lines().nth(2).is_some_and(|l| l.trim() == "LOCAL"),
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        host::Output,
        probes::{run_one, tests::tree},
    };

    fn live(files: &[(&str, &str)], canned: &[(&str, &str)]) -> Facts {
        let dir = tree(files);
        let canned = canned.iter().map(|(c, o)| ((*c).to_owned(), Output::ok(*o))).collect::<BTreeMap<_, _>>();
        run_one(&PROBE, &Host::fake(dir.path(), Timestamp::UNIX_EPOCH, canned).unwrap())
    }

    const CHRONY: &str = include_str!("../../tests/fixtures/system/chrony.conf");

    #[test]
    fn chrony_tells_how_far_off_it_is() {
        let files = [
            ("usr/sbin/chronyd", ""),
            ("proc/7/comm", "chronyd\n"),
            ("etc/chrony/chrony.conf", CHRONY),
            ("etc/chrony/sources.d/own.sources", "server time.example.org iburst\n"),
        ];
        let said =
            "C0248F97,192.36.143.151,2,1731000000.123456789,-6.250000000,0.1,0.2,-1.5,0.0,0.1,0.01,0.001,64.2,Normal\n";
        let facts = live(&files, &[("/usr/bin/chronyc -c tracking", said)]);
        let row = facts.rows("time_sync").remove(0);
        assert_eq!((row["running"].as_bool(), row["synchronised"].as_bool()), (Some(true), Some(true)));
        assert_eq!(row["offset_seconds"], -6.25);
        assert_eq!(row["last_sync"], "2024-11-07T17:20:00Z");
        assert_eq!(row["servers"], "2.debian.pool.ntp.org, time.example.org");
    }

    #[test]
    fn chrony_that_follows_nobody_is_not_right() {
        let files = [("usr/sbin/chronyd", ""), ("proc/7/comm", "chronyd\n")];
        let said = "00000000,,0,0.000000000,0.000000000,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";
        let row = live(&files, &[("/usr/bin/chronyc -c tracking", said)]).rows("time_sync").remove(0);
        assert_eq!((row["synchronised"].as_bool(), row["offset_seconds"].as_f64()), (Some(false), None));
    }

    #[test]
    fn chronyc_that_fails_is_a_gap() {
        let facts = live(&[("usr/sbin/chronyd", ""), ("proc/7/comm", "chronyd\n")], &[]);
        assert_eq!(facts.gaps().len(), 1);
    }

    #[test]
    fn timesyncd_leaves_a_file_when_it_has_set_the_clock() {
        let base = [("usr/lib/systemd/systemd-timesyncd", ""), ("proc/9/comm", "systemd-timesyn\n")];
        assert_eq!(live(&base, &[]).rows("time_sync")[0]["synchronised"], false);
        let done = [base[0], base[1], ("run/systemd/timesync/synchronized", "")];
        assert_eq!(live(&done, &[]).rows("time_sync")[0]["synchronised"], true);
    }

    #[test]
    fn openntpd_is_not_taken_for_ntpd() {
        let facts = live(&[("usr/sbin/ntpctl", ""), ("usr/sbin/ntpd", ""), ("proc/9/comm", "ntpd\n")], &[]);
        let names: Vec<_> = facts.rows("time_sync").iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["openntpd"]);
    }

    #[test]
    fn a_program_in_a_container_keeps_no_clock_here() {
        let files = [
            ("usr/sbin/chronyd", ""),
            ("proc/9/comm", "chronyd\n"),
            ("proc/9/status", "Name:\tchronyd\nNSpid:\t9\t1\n"),
        ];
        assert_eq!(live(&files, &[]).rows("time_sync")[0]["running"], false);
    }

    #[test]
    fn the_time_zone_is_the_link_of_localtime() {
        let dir = tree(&[("usr/share/zoneinfo/Europe/Berlin", "x"), ("etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n")]);
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Berlin", dir.path().join("etc/localtime")).unwrap();
        let row = run_one(&PROBE, &Host::image(dir.path()).unwrap()).rows("clock").remove(0);
        assert_eq!((row["timezone"].as_str(), row["hardware_local"].as_bool()), (Some("Europe/Berlin"), Some(true)));
        assert_eq!(row["timezone_known"], true);
        let empty = tree(&[]);
        let row = run_one(&PROBE, &Host::image(empty.path()).unwrap()).rows("clock").remove(0);
        assert!(row["timezone"].is_null());
    }
}
