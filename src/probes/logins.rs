//! When each account last logged in, from the records that login, sshd and the desktop keep: lastlog, wtmp, lastlog2.

use std::{collections::BTreeMap, os::unix::fs::FileExt as _};

use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT, accounts};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::{Command, Host, RunError},
};

fact_table! {
    /// When each account that people can use last logged in.
    "last_logins" => LastLogin {
        /// Record the row was read from.
        source: String,
        /// Name of the user.
        username: String,
        /// Number of the user.
        uid: i64,
        /// Time of the last login; null when none was ever recorded.
        last_login: Option<Timestamp>,
        /// Terminal it came in by.
        terminal: Option<String>,
        /// Machine it came from; null when from this one.
        remote: Option<String>,
        /// Where the records begin; null when not known.
        recorded_since: Option<Timestamp>,
    }
    offline: true,
    examples: ["select username, last_login, remote from last_logins order by last_login desc"],
}

/// The probe.
pub const PROBE: Probe =
    Probe { name: "logins", about: "when people last logged in", tables: &[LastLogin::TABLE], limit: USUAL_LIMIT, run };

/// Bytes of wtmp that are read, from its end.
const WTMP_LIMIT: u64 = 8 << 20;

#[derive(Debug, Clone, Default)]
struct Seen {
    at: Option<Timestamp>,
    terminal: Option<String>,
    remote: Option<String>,
    source: &'static str,
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let first_person = accounts::uid_min(host);
    let users: Vec<_> = accounts::users(host)
        .into_iter()
        .filter(|u| u.kind(first_person) != "system" || u.login_shell())
        .take(5000)
        .collect();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut sources: Vec<&'static str> = Vec::new();
    let mut since: Option<Timestamp> = None;
    for (path, read) in [("/var/log/lastlog", true), ("/var/log/wtmp.1", false), ("/var/log/wtmp", false)] {
        let (file, size) = match host.open_file(path) {
            Ok(opened) => opened,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                facts.partial::<LastLogin>(Gap::new("when people last logged in", path, error.reason()));
                continue;
            }
        };
        sources.push(path);
        if read {
            for user in &users {
                if let Some(found) = lastlog(&file, user.uid) {
                    later(&mut seen, &user.name, Seen { source: path, ..found });
                }
            }
        } else if let Some(first) = wtmp(&file, size, path, &mut seen) {
            since = Some(since.map_or(first, |s| s.min(first)));
        }
    }
    if host.exists("/var/lib/lastlog/lastlog2.db") {
        match lastlog2(host) {
            Ok(found) => {
                sources.push("/var/lib/lastlog/lastlog2.db");
                for (name, at) in found {
                    later(&mut seen, &name, at);
                }
            }
            Err(error) => {
                let gap = Gap::new("when people last logged in", "/var/lib/lastlog/lastlog2.db", error.reason());
                facts.partial::<LastLogin>(gap);
            }
        }
    }
    let Some(main) = sources.first() else {
        if facts.gaps().is_empty() {
            facts.absent::<LastLogin>("no record of logins is kept here");
        }
        return Ok(());
    };
    for user in users {
        let found = seen.remove(&user.name).unwrap_or(Seen { source: main, ..Seen::default() });
        facts.push(LastLogin {
            source: found.source.to_owned(),
            username: user.name,
            uid: user.uid.into(),
            last_login: found.at,
            terminal: found.terminal,
            remote: found.remote,
            recorded_since: since,
        });
    }
    Ok(())
}

fn later(seen: &mut BTreeMap<String, Seen>, name: &str, found: Seen) {
    let old = seen.entry(name.to_owned()).or_default();
    if found.at > old.at {
        *old = found;
    }
}

/// Text up to a NUL; none when empty.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    (!text.is_empty()).then_some(text)
}

fn moment(bytes: &[u8]) -> Option<Timestamp> {
    let seconds = u32::from_ne_bytes(bytes.try_into().ok()?);
    (seconds > 0).then(|| Timestamp::from_second(seconds.into()).ok()).flatten()
}

/// A record of lastlog(5), found by the user's number: time, 32 bytes of terminal, 256 bytes of machine.
fn lastlog(file: &std::fs::File, uid: u32) -> Option<Seen> {
    let mut record = [0_u8; 292];
    file.read_exact_at(&mut record, u64::from(uid) * 292).ok()?;
    let at = moment(record.get(..4)?)?;
    Some(Seen { at: Some(at), terminal: text(record.get(4..36)?), remote: text(record.get(36..)?), source: "" })
}

/// Records of utmp(5) as 64-bit x86 and ARM write them, 384 bytes each. Tells where they begin.
fn wtmp(file: &std::fs::File, size: u64, path: &'static str, seen: &mut BTreeMap<String, Seen>) -> Option<Timestamp> {
    const RECORD: u64 = 384;
    let start = size.saturating_sub(WTMP_LIMIT).next_multiple_of(RECORD);
    let mut bytes = vec![0_u8; usize::try_from(size.saturating_sub(start)).ok()?];
    file.read_exact_at(&mut bytes, start).ok()?;
    let mut first = None;
    for record in bytes.chunks_exact(384) {
        let Some(at) = record.get(340..344).and_then(moment) else { continue };
        first = first.or(Some(at));
        let kind = record.get(..2).and_then(|b| b.try_into().ok()).map(i16::from_ne_bytes);
        // 7 is a user's own process: a login.
        if let (Some(7), Some(name)) = (kind, record.get(44..76).and_then(text)) {
            let remote = record.get(76..332).and_then(text).filter(|r| !r.starts_with(':'));
            let terminal = record.get(8..40).and_then(text);
            later(seen, &name, Seen { at: Some(at), terminal, remote, source: path });
        }
    }
    first
}

/// What lastlog2(8) says: a line for each user, the name first; the time is in fixed words at the end.
fn lastlog2(host: &Host) -> Result<Vec<(String, Seen)>, RunError> {
    let said = host.run(&Command::new(&["/usr/bin/lastlog2"]))?.success("lastlog2")?;
    let mut found = Vec::new();
    for line in said.lines().skip(1) {
        let Some(name) = line.split_whitespace().next() else { continue };
        // The date begins with the day of the week: `Tue Nov 25 03:47:11 +0000 2025`.
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.windows(6).find_map(|w| {
            let joined = w.join(" ");
            jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %z %Y", &joined).ok()?.to_timestamp().ok()
        });
        if at.is_some() {
            let source = "/var/lib/lastlog/lastlog2.db";
            found.push((
                name.to_owned(),
                Seen { at, terminal: words.get(1).map(|w| (*w).to_owned()), remote: None, source },
            ));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::State, host::Output, probes::run_one};

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbin:x:2:2::/bin:/usr/sbin/nologin\nanna:x:1000:1000::/home/anna:/bin/bash\nbig:x:4000000000:1::/:/bin/sh\n";

    fn host(files: &[(&str, &[u8])], said: Option<&str>) -> Facts {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("etc/passwd", PASSWD.as_bytes())].iter().chain(files) {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let canned = said.map(|s| ("/usr/bin/lastlog2".to_owned(), Output::ok(s))).into_iter().collect();
        run_one(&PROBE, &Host::fake(dir.path(), "2026-01-15T12:00:00Z".parse().unwrap(), canned).unwrap())
    }

    fn record(name: &str, kind: i16, at: u32, from: &str) -> Vec<u8> {
        let mut bytes = vec![0_u8; 384];
        bytes[..2].copy_from_slice(&kind.to_ne_bytes());
        bytes[8..13].copy_from_slice(b"pts/0");
        bytes[44..44 + name.len()].copy_from_slice(name.as_bytes());
        bytes[76..76 + from.len()].copy_from_slice(from.as_bytes());
        bytes[340..344].copy_from_slice(&at.to_ne_bytes());
        bytes
    }

    #[test]
    fn the_latest_of_both_records_counts() {
        let mut last = vec![0_u8; 292 * 1001];
        last[..4].copy_from_slice(&1_700_000_000_u32.to_ne_bytes());
        last[292_000..292_004].copy_from_slice(&1_700_000_500_u32.to_ne_bytes());
        last[292_036..292_046].copy_from_slice(b"192.0.2.10");
        let wtmp = [
            record("reboot", 2, 1_600_000_000, ""),
            record("root", 7, 1_750_000_000, "192.0.2.7"),
            record("anna", 8, 1_760_000_000, ""),
            vec![1; 100],
        ]
        .concat();
        let facts = host(&[("var/log/lastlog", &last), ("var/log/wtmp", &wtmp)], None);
        let rows = facts.rows("last_logins");
        assert_eq!(rows.len(), 3, "accounts that nobody can use are left out");
        assert_eq!(
            (rows[0]["last_login"].as_str(), rows[0]["remote"].as_str(), rows[0]["source"].as_str()),
            (Some("2025-06-15T15:06:40Z"), Some("192.0.2.7"), Some("/var/log/wtmp"))
        );
        assert_eq!(
            (rows[1]["last_login"].as_str(), rows[1]["remote"].as_str()),
            (Some("2023-11-14T22:21:40Z"), Some("192.0.2.10"))
        );
        assert!(rows[2]["last_login"].is_null());
        assert_eq!(rows[0]["recorded_since"], "2020-09-13T12:26:40Z");
    }

    #[test]
    fn without_any_record_nothing_is_claimed() {
        assert!(matches!(host(&[], None).state("last_logins"), State::Absent(_)));
    }

    #[test]
    fn the_record_of_newer_systems_is_asked_by_its_program() {
        let said = "Username         Port     From                                       Latest\nroot             pts/1    192.0.2.7                                 Tue Nov 25 03:47:11 +0000 2025\nanna                                                                 **Never logged in**\n";
        let facts = host(&[("var/lib/lastlog/lastlog2.db", b"SQLite format 3")], Some(said));
        let rows = facts.rows("last_logins");
        assert_eq!(rows[0]["last_login"], "2025-11-25T03:47:11Z");
        assert!(rows[1]["last_login"].is_null());
        let facts = host(&[("var/lib/lastlog/lastlog2.db", b"SQLite format 3")], None);
        assert!(matches!(facts.state("last_logins"), State::Partial(_)));
    }

    #[test]
    fn junk_is_no_reason_to_stop() {
        let facts = host(&[("var/log/lastlog", &[255; 5000]), ("var/log/wtmp", &[255; 5000])], None);
        assert_eq!(facts.count::<LastLogin>(), 3);
    }
}
