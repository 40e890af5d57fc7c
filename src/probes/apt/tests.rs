use std::{collections::BTreeMap, fs, path::Path};

use super::*;
use crate::facts::State;

const BOOKWORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/apt/bookworm");
const CONF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/apt/conf");
const SECURITY: &str = "deb.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages";

fn probe(dir: &Path) -> Facts {
    let host = Host::fake(dir, "2026-11-25T12:00:00Z".parse().unwrap(), BTreeMap::new()).unwrap();
    crate::probes::run_one(&PROBE, &host)
}

/// A copy of the real machine's files that a test may change.
fn copy(from: &str) -> tempfile::TempDir {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                walk(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    walk(Path::new(from), dir.path());
    dir
}

fn write(dir: &tempfile::TempDir, path: &str, text: &str) {
    let path = dir.path().join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(facts: &Facts, wanted: impl Fn(&serde_json::Map<String, serde_json::Value>) -> bool) -> Vec<String> {
    let rows = facts.rows("updates");
    rows.iter().filter(|r| wanted(r)).map(|r| r["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_updates_of_a_real_machine_are_those_that_apt_lists() {
    let facts = probe(Path::new(BOOKWORM));
    assert_eq!(facts.state("updates"), State::Read);
    let mut seen = names(&facts, |_| true);
    seen.sort();
    // From `apt-get -s dist-upgrade` on the machine that the files come from.
    assert_eq!(seen, UPGRADABLE);
    let mut security = names(&facts, |r| r["is_security"] == true);
    security.sort();
    assert_eq!(security, UPGRADABLE);
}

const UPGRADABLE: &[&str] = &["libssl3", "nginx", "nginx-common", "openssl", "tzdata"];

#[test]
fn our_reading_of_the_settings_is_apts_own() {
    let host = Host::fake(Path::new(CONF), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
    let mut facts = Facts::new();
    let config = config::Config::read(&host, &mut facts);
    config.tell(&mut facts);
    let dump = fs::read_to_string(format!("{CONF}/dump.txt")).unwrap();
    let mut theirs: Vec<(String, String)> = dump
        .lines()
        .filter_map(|l| l.strip_suffix("\";")?.split_once(" \""))
        .map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()))
        .collect();
    let mut ours: Vec<(String, String)> = facts
        .rows("apt_config")
        .iter()
        .map(|r| (r["name"].as_str().unwrap().to_ascii_lowercase(), r["value"].as_str().unwrap().to_owned()))
        .collect();
    // apt prints what is built in as well: those names are none of ours, or lists that ours add to.
    let own: Vec<String> = ours.iter().map(|(k, _)| k.clone()).collect();
    theirs.retain(|(k, v)| own.contains(k) && (!k.ends_with("::") || ours.contains(&(k.clone(), v.clone()))));
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
    // And nothing that apt knows of these scopes is missing from ours.
    for (name, value) in dump.lines().filter_map(|l| l.strip_suffix("\";")?.split_once(" \"")) {
        let name = name.to_ascii_lowercase();
        if (name.starts_with("unattended-upgrade::") || name.starts_with("apt::periodic::")) && !value.is_empty() {
            assert!(own.contains(&name), "{name}");
        }
    }
}

#[test]
fn a_held_package_is_marked() {
    let dir = copy(BOOKWORM);
    let status = fs::read_to_string(dir.path().join("var/lib/dpkg/status")).unwrap();
    let status = status.replace("Package: openssl\nStatus: install ok", "Package: openssl\nStatus: hold ok");
    write(&dir, "/var/lib/dpkg/status", &status);
    assert_eq!(names(&probe(dir.path()), |r| r["held"] == true), ["openssl"]);
}

#[test]
fn a_removed_package_needs_no_update() {
    let dir = copy(BOOKWORM);
    let status = fs::read_to_string(dir.path().join("var/lib/dpkg/status")).unwrap();
    let status = status.replace(
        "Package: openssl\nStatus: install ok installed",
        "Package: openssl\nStatus: deinstall ok config-files",
    );
    write(&dir, "/var/lib/dpkg/status", &status);
    assert!(!names(&probe(dir.path()), |_| true).contains(&"openssl".to_owned()));
}

#[test]
fn lists_packed_by_lz4_say_the_same() {
    let plain = probe(Path::new(BOOKWORM)).rows("updates");
    let dir = copy(BOOKWORM);
    let list = dir.path().join("var/lib/apt/lists").join(SECURITY);
    let bytes = fs::read(&list).unwrap();
    let pack = |bytes: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = pack(&bytes);
    fs::remove_file(&list).unwrap();
    let list = list.with_file_name(format!("{SECURITY}.lz4"));
    fs::write(&list, &packed).unwrap();
    let facts = probe(dir.path());
    assert_eq!(facts.state("updates"), State::Read);
    let strip = |rows: Vec<serde_json::Map<String, serde_json::Value>>| -> Vec<_> {
        rows.into_iter().map(|r| (r["name"].clone(), r["candidate"].clone(), r["is_security"].clone())).collect()
    };
    assert_eq!(strip(facts.rows("updates")), strip(plain.clone()));
    // In several frames, one of them empty, cut where no record ends.
    let (head, tail) = bytes.split_at(1000);
    fs::write(&list, [pack(head), pack(b""), pack(tail)].concat()).unwrap();
    let facts = probe(dir.path());
    assert_eq!((facts.state("updates"), strip(facts.rows("updates"))), (State::Read, strip(plain)));
    fs::write(&list, [&pack(&bytes)[..], b"no lz4 "].concat()).unwrap();
    assert!(matches!(probe(dir.path()).state("updates"), State::Partial(_)), "what follows is no frame");
    for broken in [packed.get(..packed.len() - 9).unwrap(), packed.get(..packed.len() / 2).unwrap(), b"no lz4", b""] {
        fs::write(&list, broken).unwrap();
        let facts = probe(dir.path());
        assert!(matches!(facts.state("updates"), State::Partial(_)), "{} bytes", broken.len());
    }
}

#[test]
fn a_list_that_cannot_be_read_is_a_gap() {
    let dir = copy(BOOKWORM);
    let list = dir.path().join("var/lib/apt/lists").join(SECURITY);
    fs::rename(&list, list.with_file_name(format!("{SECURITY}.xz"))).unwrap();
    let facts = probe(dir.path());
    assert!(matches!(facts.state("updates"), State::Partial(_)), "{:?}", facts.state("updates"));
}

#[test]
fn no_lists_is_unknown_and_never_up_to_date() {
    let dir = copy(BOOKWORM);
    fs::remove_dir_all(dir.path().join("var/lib/apt/lists")).unwrap();
    let facts = probe(dir.path());
    assert!(matches!(facts.state("updates"), State::Unread(_)));
    assert_eq!(facts.rows("apt_last_update")[0]["updated"], serde_json::Value::Null);
}

#[test]
fn a_source_without_its_list_leaves_the_answer_open() {
    let dir = copy(BOOKWORM);
    write(&dir, "/etc/apt/sources.list", "deb https://repo.example/x stable main\n");
    let facts = probe(dir.path());
    assert!(matches!(facts.state("updates"), State::Partial(_)));
    let rows = facts.rows("apt_sources");
    let row = rows.iter().find(|r| r["host"] == "repo.example").unwrap();
    assert_eq!(row["downloaded"], false);
    // A package of that source is not said to come from nowhere.
    let mut status = fs::read_to_string(dir.path().join("var/lib/dpkg/status")).unwrap();
    status.push_str("Package: own\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n");
    write(&dir, "/var/lib/dpkg/status", &status);
    assert_eq!(probe(dir.path()).rows("packages_without_source").len(), 0);
    fs::remove_file(dir.path().join("etc/apt/sources.list")).unwrap();
    assert_eq!(probe(dir.path()).rows("packages_without_source").len(), 1);
}

#[test]
fn backports_offer_no_update_unless_installed_from_there() {
    let dir = copy(BOOKWORM);
    write(&dir, "/etc/apt/sources.list", "deb http://deb.debian.org/debian bookworm-backports main\n");
    let stem = "/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm-backports_";
    let release = "Origin: Debian Backports\nSuite: oldstable-backports\nCodename: bookworm-backports\n\
        NotAutomatic: yes\nButAutomaticUpgrades: yes\n";
    write(&dir, &format!("{stem}InRelease"), release);
    let list =
        "Package: adduser\nVersion: 99\nArchitecture: all\n\nPackage: base-files\nVersion: 99\nArchitecture: amd64\n\n";
    write(&dir, &format!("{stem}main_binary-amd64_Packages"), list);
    assert!(!names(&probe(dir.path()), |r| r["candidate"] == "99").contains(&"adduser".to_owned()));
    // Chosen by hand: then its newer versions are followed.
    write(
        &dir,
        "/etc/apt/preferences.d/own",
        "Package: adduser\nPin: release n=bookworm-backports\nPin-Priority: 600\n",
    );
    assert_eq!(names(&probe(dir.path()), |r| r["candidate"] == "99"), ["adduser"]);
    // Never: nothing of it.
    write(&dir, "/etc/apt/preferences.d/own", "Package: *\nPin: release n=bookworm-backports\nPin-Priority: -1\n");
    assert!(names(&probe(dir.path()), |r| r["candidate"] == "99").is_empty());
}

#[test]
fn automatic_updates_are_seen_to_work_only_when_every_part_is_there() {
    let dir = copy(BOOKWORM);
    for file in ["20auto-upgrades", "50unattended-upgrades"] {
        let text = fs::read_to_string(format!("{CONF}/etc/apt/apt.conf.d/{file}")).unwrap();
        write(&dir, &format!("/etc/apt/apt.conf.d/{file}"), &text);
    }
    let one = |dir: &tempfile::TempDir| probe(dir.path()).rows("unattended_upgrades").remove(0);
    let row = one(&dir);
    assert_eq!(row["enabled"], true);
    assert_eq!(row["covers_security"], true);
    assert_eq!(row["installed"], false);
    assert_eq!(row["works"], false);
    let mut status = fs::read_to_string(dir.path().join("var/lib/dpkg/status")).unwrap();
    status.push_str("Package: unattended-upgrades\nStatus: install ok installed\nVersion: 2.9.1\nArchitecture: all\n");
    write(&dir, "/var/lib/dpkg/status", &status);
    write(&dir, "/usr/lib/systemd/systemd", "");
    let row = one(&dir);
    assert_eq!(row["timers_enabled"], false);
    assert_eq!(row["works"], false);
    write(&dir, "/etc/systemd/system/timers.target.wants/apt-daily.timer", "");
    write(&dir, "/etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer", "");
    assert_eq!(one(&dir)["works"], true);
    std::os::unix::fs::symlink("/dev/null", dir.path().join("etc/systemd/system/apt-daily-upgrade.timer")).unwrap();
    assert_eq!(one(&dir)["timers_enabled"], false);
    write(
        &dir,
        "/etc/apt/apt.conf.d/60own",
        "#clear Unattended-Upgrade::Origins-Pattern;\nUnattended-Upgrade::Allowed-Origins { \"${distro_id}:stable\"; };\n",
    );
    assert_eq!(one(&dir)["covers_security"], false);
    write(&dir, "/etc/apt/apt.conf.d/60own", "APT::Periodic::Enable \"0\";\n");
    let row = one(&dir);
    assert_eq!(row["enabled"], false);
    assert_eq!(row["source"], "/etc/apt/apt.conf.d/60own");
}

#[test]
fn settings_that_include_each_other_end() {
    let dir = copy(BOOKWORM);
    write(&dir, "/etc/apt/apt.conf.d/10loop", "#include \"/etc/apt/apt.conf.d/10loop\";\nA { B { \"x");
    let facts = probe(dir.path());
    assert!(matches!(facts.state("apt_config"), State::Partial(_)));
}

#[test]
fn passwords_in_addresses_are_not_kept() {
    assert_eq!(hide_password("http://me:secret@proxy.example:3128/x"), "http://proxy.example:3128/x");
    assert_eq!(hide_password("plain"), "plain");
}

#[test]
fn a_system_without_apt_is_not_asked() {
    let dir = tempfile::tempdir().unwrap();
    let facts = probe(dir.path());
    assert!(matches!(facts.state("updates"), State::Absent(_)));
}

/// A machine with openssl 3.0.20 from bookworm, and lists of security, testing, backports and another maker. The
/// expected candidates are what `apt-cache policy` says for the same files.
#[test]
fn preferences_choose_what_apt_would_choose() {
    let dir = tempfile::tempdir().unwrap();
    let package = |version: &str| format!("Package: openssl\nVersion: {version}\nArchitecture: amd64\n\n");
    write(&dir, "/var/lib/dpkg/status", &format!("Status: install ok installed\n{}", package("3.0.20-1")));
    let mut sources = String::new();
    for (server, suite, release, version) in [
        ("deb.debian.org", "bookworm", "Origin: Debian\nLabel: Debian\nSuite: oldstable\n", "3.0.20-1"),
        ("deb.debian.org", "bookworm-security", "Origin: Debian\nLabel: Debian-Security\n", "3.0.22-1"),
        ("deb.debian.org", "trixie", "Origin: Debian\nLabel: Debian\nSuite: testing\n", "3.5-1"),
        (
            "deb.debian.org",
            "bookworm-backports",
            "Origin: Debian Backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n",
            "3.4-1~bpo12+1",
        ),
        ("old.example", "ancient", "Origin: Old\nVersion: 3.1\n", "0.1"),
    ] {
        sources.push_str(&format!("deb http://{server}/debian {suite} main\n"));
        let stem = format!("/var/lib/apt/lists/{server}_debian_dists_{suite}_");
        write(&dir, &format!("{stem}Release"), &format!("{release}Codename: {suite}\n"));
        write(&dir, &format!("{stem}main_binary-amd64_Packages"), &package(version));
    }
    write(&dir, "/etc/apt/sources.list", &sources);
    let low = "Package: *\nPin: release n=trixie\nPin-Priority: 50\n\n";
    for (name, default_release, preferences, expect) in [
        ("nothing said", "", String::new(), Some("3.5-1")),
        ("testing is low", "", low.to_owned(), Some("3.0.22-1")),
        ("security is off", "", format!("{low}Package: *\nPin: release l=Debian-Security\nPin-Priority: -5\n"), None),
        (
            "this package from testing",
            "",
            format!("{low}Package: openssl libssl3\nPin: release a=testing\nPin-Priority: 900\n"),
            Some("3.5-1"),
        ),
        (
            "by its source package",
            "",
            format!("{low}Package: src:openssl\nPin: release n=trixie\nPin-Priority: 700\n"),
            Some("3.5-1"),
        ),
        (
            "a pattern from backports",
            "",
            format!("{low}Package: open*\nPin: release o=Debian Backports\nPin-Priority: 600\n"),
            Some("3.4-1~bpo12+1"),
        ),
        ("kept at its version", "", format!("{low}Package: openssl\nPin: version 3.0.20*\nPin-Priority: 1001\n"), None),
        ("a step down is no update", "", "Package: *\nPin: origin old.example\nPin-Priority: 1001\n".to_owned(), None),
        ("the default release hides security", "oldstable", String::new(), None),
        ("the default release is another", "n=bookworm-backports", String::new(), Some("3.4-1~bpo12+1")),
    ] {
        let config = match default_release {
            "" => String::new(),
            release => format!("APT::Default-Release \"{release}\";\n"),
        };
        write(&dir, "/etc/apt/apt.conf.d/10own", &config);
        write(&dir, "/etc/apt/preferences.d/own", &preferences);
        let facts = probe(dir.path());
        assert_eq!(facts.state("updates"), State::Read, "{name}");
        let rows = facts.rows("updates");
        let candidate = rows.first().map(|r| r["candidate"].as_str().unwrap().to_owned());
        assert_eq!(candidate.as_deref(), expect, "{name}");
    }
}

#[test]
fn a_container_of_one_program_is_not_asked_about_nightly_jobs() {
    let dir = copy(BOOKWORM);
    write(&dir, "/proc/1/comm", "nginx\n");
    assert!(matches!(probe(dir.path()).state("unattended_upgrades"), State::Absent(_)));
    write(&dir, "/proc/1/comm", "systemd\n");
    assert_eq!(probe(dir.path()).state("unattended_upgrades"), State::Read);
}

#[test]
fn junk_in_every_file_breaks_nothing() {
    let junk: Vec<u8> = (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files = [
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/junk.sources",
        "etc/apt/apt.conf.d/00junk",
        "etc/apt/preferences.d/junk",
        "var/lib/dpkg/status",
        "var/lib/dpkg/arch",
        "var/lib/apt/extended_states",
    ];
    let lists = ["InRelease", "main_binary-amd64_Packages", "main_binary-amd64_Packages.lz4"];
    let lists = lists.map(|l| format!("var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_{l}"));
    for file in files.into_iter().chain(lists.iter().map(String::as_str)) {
        for text in [&junk[..], b"{{{{{{;;;;\"", b":::\n:\n\n:\n", b"Package: openssl\nVersion: \nPin: \n", b""] {
            let dir = copy(BOOKWORM);
            fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            fs::write(dir.path().join(file), text).unwrap();
            let facts = probe(dir.path());
            for gap in facts.gaps() {
                assert!(!format!("{gap:?}").contains("made a mistake"), "{file}: {gap:?}");
            }
        }
        // A pipe in its place is not waited for.
        let dir = copy(BOOKWORM);
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let facts = probe(dir.path());
        if file == "etc/apt/sources.list" {
            assert!(matches!(facts.state("apt_sources"), State::Partial(_)));
        }
        if file.ends_with("_Packages") {
            assert!(matches!(facts.state("updates"), State::Partial(_)));
        }
    }
}
