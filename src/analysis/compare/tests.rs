//! Comparisons of small hand-made histories.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::{
    analysis::testing::{EVIL, Past, Seen, full},
    checks::Severity,
    facts::{Gap, Reason, State},
    report::Style,
    store::Moment,
};

fn compared(past: &Past) -> Comparison {
    compare(&past.store(), pick(&past.store(), None, None).unwrap(), &past.catalogue).unwrap()
}

/// The sentences of two looks, the first of them before.
fn told(before: Seen, after: Seen) -> Vec<String> {
    let mut past = Past::new();
    past.look(before);
    past.look(after);
    texts(&compared(&past))
}

fn texts(comparison: &Comparison) -> Vec<String> {
    comparison.changes.iter().flat_map(|g| &g.changes).map(|c| c.text.clone()).collect()
}

fn user(name: &str, uid: i64) -> serde_json::Value {
    json!({"username": name, "uid": uid, "kind": "person", "shell": "/bin/bash", "login_shell": true})
}

#[test]
fn every_column_that_is_named_is_in_the_declaration_of_its_table() {
    for spec in SPECS {
        let (table, _) = probes::table(spec.table).unwrap_or_else(|| panic!("no table {}", spec.table));
        let has = |c: &str| table.columns.iter().any(|column| column.name == c);
        for column in spec.key.iter().chain(spec.watch).chain(spec.show) {
            assert!(has(column), "{} has no column {column}", spec.table);
        }
        let named: BTreeSet<_> = spec.key.iter().chain(spec.watch).chain(spec.show).collect();
        assert_eq!(named.len(), spec.key.len() + spec.watch.len() + spec.show.len(), "{}: a column twice", spec.table);
    }
    for table in RESTLESS {
        assert!(probes::table(table).is_some(), "no table {table}");
    }
    let tables: BTreeSet<_> = SPECS.iter().map(|s| s.table).chain(RESTLESS.iter().copied()).collect();
    assert_eq!(tables.len(), SPECS.len() + RESTLESS.len(), "a table stands twice");
}

/// A row that came, one that went and one that changed, in every table with words, with text that would do harm.
fn everything(text: &str) -> Comparison {
    let (mut before, mut after) = (Seen::new(), Seen::new());
    for spec in SPECS {
        let (table, _) = probes::table(spec.table).unwrap();
        let columns = |lists: &[&[&'static str]]| lists.concat();
        let all = columns(&[spec.key, spec.watch, spec.show]);
        let mut old = vec![full(table, &all, text, 2)];
        let mut new = vec![full(table, &all, text, 3)];
        let mut changed = full(table, &all, text, 4);
        old.push(changed.clone());
        let other = full(table, &columns(&[spec.watch, spec.show]), text, 1);
        changed.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        new.push(changed);
        if spec.key.is_empty() {
            old.truncate(1);
            new.truncate(1);
        }
        // What conditions ask for.
        for row in old.iter_mut().chain(&mut new) {
            for column in ["here", "is_installed", "effective", "own", "leads_outside"] {
                if table.columns.iter().any(|c| c.name == column) {
                    row[column] = json!(true);
                }
            }
            if ["block_devices", "apt_sources"].contains(&spec.table) {
                row["kind"] = json!(if spec.table == "apt_sources" { "deb" } else { "disk" });
            }
            if spec.table == "mounts" {
                row["category"] = json!("disk");
            }
        }
        before = before.table(spec.table, old);
        after = after.table(spec.table, new);
    }
    let mut past = Past::new();
    past.look(before.problem("x-one", Severity::High, text));
    past.look(after.problem("x-two", Severity::Low, text).fine("x-one"));
    compared(&past)
}

#[test]
fn every_table_can_be_told_and_nothing_hostile_gets_through() {
    let comparison = everything(EVIL);
    let tables: BTreeSet<_> = comparison.changes.iter().flat_map(|g| &g.changes).map(|c| c.table.as_str()).collect();
    // These speak only of particular values, or leave it to the account's own sentence.
    let silent: BTreeSet<_> = SPECS.iter().map(|s| s.table).filter(|t| !tables.contains(t)).collect();
    let quiet = ["cpu_vulnerabilities", "firewall_inbound", "groups", "user_groups"];
    assert!(silent.iter().all(|t| quiet.contains(t)), "nothing is told of {silent:?}");
    for change in comparison.changes.iter().flat_map(|g| &g.changes) {
        for text in [&change.text, &change.full_text] {
            assert!(text.ends_with('.') && !text.contains("null") && !text.contains("  "), "{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']), "{text:?}");
            assert!(text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || !c.is_alphabetic()), "{text}");
        }
    }
    let page = text(&comparison, Style::default(), true);
    let md = markdown(&comparison, true);
    for out in [&page, &md] {
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out}");
    }
    assert!(!md.contains("<b>") && !md.contains("{{"), "{md}");
    for line in page.lines() {
        assert!(textwrap::core::display_width(line) <= 80, "{line}");
    }
    let ascii = text(&comparison, Style { unicode: false, ..Style::default() }, false);
    assert!(ascii.is_ascii());
}

#[test]
fn the_words_are_easy() {
    let comparison = everything("a");
    let words: Vec<String> = comparison
        .changes
        .iter()
        .flat_map(|g| &g.changes)
        // What the machine says is not ours to choose.
        .map(|c| c.text.split_once(':').map_or(c.text.clone(), |(start, _)| format!("{start}.")))
        .collect();
    assert!(words.len() > 80, "{}", words.len());
    let grade = crate::checks::reading_grade(&words.join(" "));
    assert!(grade <= 8.0, "grade {grade:.1}");
}

#[test]
fn a_user_is_told_once_with_what_it_may() {
    let before = Seen::new().table("users", [user("root", 0)]).table("user_groups", []).table("groups", []);
    let member = json!({"username": "eve", "groupname": "sudo", "via": "member"});
    let after = Seen::new()
        .table("users", [user("root", 0), user("eve", 1000)])
        .table("user_groups", [member, json!({"username": "eve", "groupname": "eve", "via": "first"})])
        .table("groups", [json!({"groupname": "eve", "gid": 1000})]);
    assert_eq!(told(before, after), ["The user 'eve' was added, is in the group 'sudo' and may become administrator."]);
}

#[test]
fn a_port_that_opens_is_dangerous_and_one_that_closes_is_not() {
    let port = |reach: &str, exposed: bool, family: i64| {
        json!({"protocol": "tcp", "family": family, "port": 5432, "reach": reach, "exposed": exposed, "process": "postgres",
               "address": if reach == "any" { "0.0.0.0" } else { "127.0.0.1" }})
    };
    let mut past = Past::new();
    past.look(Seen::new().table("listening_ports", [port("loopback", false, 4)]));
    // The same port on both versions of IP is one port.
    past.look(Seen::new().table("listening_ports", [port("any", true, 4), port("any", true, 6)]));
    past.look(Seen::new().table("listening_ports", []));
    let of = |one, other| {
        let picked = pick(&past.store(), Some(Moment::Audit(one)), Some(Moment::Audit(other))).unwrap();
        compare(&past.store(), picked, &past.catalogue).unwrap()
    };
    assert_eq!(texts(&of(1, 2)), ["Port 5432 (postgres) is now open to other machines."]);
    assert_eq!(of(1, 2).changes[0].changes[0].weight, Weight::Danger);
    assert_eq!(texts(&of(2, 3)), ["Port 5432 (postgres) is closed now."]);
    assert_eq!(of(2, 3).changes[0].changes[0].weight, Weight::Safer);
    // The earlier one comes first, whichever was named first.
    assert_eq!(texts(&of(2, 1)), texts(&of(1, 2)));
}

#[test]
fn programs_come_in_one_sentence_and_a_step_back_is_dangerous() {
    let package =
        |name: &str, version: &str| json!({"name": name, "arch": "amd64", "version": version, "is_installed": true});
    let before = [package("openssl", "3.0.15"), package("curl", "8.1"), package("nginx", "2:1.2"), package("old", "1")];
    let after = [package("openssl", "3.0.17"), package("curl", "8.2"), package("nginx", "1:1.9"), package("new", "1")];
    assert_eq!(
        told(Seen::new().table("packages", before), Seen::new().table("packages", after)),
        [
            "An older version of a program was installed: nginx 2:1.2 → 1:1.9.",
            "2 programs were updated: curl 8.1 → 8.2 and openssl 3.0.15 → 3.0.17.",
            "The program new 1 was installed.",
            "The program old was removed.",
        ]
    );
}

#[test]
fn settings_say_what_they_do() {
    let set = |keyword: &str, value: &str| json!({"keyword": keyword, "value": value, "context": "global"});
    let before = [set("passwordauthentication", "no"), set("permitrootlogin", "no"), set("x11forwarding", "yes")];
    let after = [set("passwordauthentication", "yes"), set("permitrootlogin", "yes"), set("x11forwarding", "no")];
    assert_eq!(
        told(Seen::new().table("sshd_config", before), Seen::new().table("sshd_config", after)),
        [
            "sshd now allows passwords (was: no).",
            "Root can now log in over SSH with a password (was: no).",
            "sshd no longer passes on windows of programs (X11) (was: yes).",
        ]
    );
}

#[test]
fn a_table_that_was_not_read_whole_makes_no_false_sentence() {
    let gap = || Gap::new("the passwords", "/etc/shadow", Reason::NeedsRoot);
    let users = || [user("root", 0), user("anna", 1000)];
    let mut past = Past::new();
    past.look(Seen::new().table("users", users()).table("groups", [json!({"groupname": "ops"})]));
    past.look(Seen::new().state("users", State::Partial(vec![gap()]), [user("root", 0), user("eve", 1001)]).state(
        "groups",
        State::Unread(vec![gap()]),
        [],
    ));
    past.look(Seen::new().table("users", users()).table("groups", [json!({"groupname": "ops"})]));
    let of = |one, other| {
        let picked = pick(&past.store(), Some(Moment::Audit(one)), Some(Moment::Audit(other))).unwrap();
        compare(&past.store(), picked, &past.catalogue).unwrap()
    };
    // Who is missing may only not have been seen; who is new was not there in a whole list.
    let first = of(1, 2);
    assert_eq!(texts(&first), ["The user 'eve' was added and can log in."]);
    let reasons: Vec<_> = first.not_compared.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "The list of groups: not compared, because the second audit could not read it: only root may read /etc/shadow.",
            "The list of users: not wholly compared, because the second audit could read only a part: only root may read \
             /etc/shadow.",
        ]
    );
    // The other way round: who is gone was there, who is new may not have been seen.
    let second = of(2, 3);
    assert_eq!(texts(&second), ["The user 'eve' was removed."]);
    assert!(of(1, 3).not_compared.is_empty());
}

#[test]
fn a_subject_that_came_is_told_by_itself_and_not_by_its_hundred_settings() {
    let settings = (0..50).map(|n| json!({"keyword": format!("k{n}"), "value": "no", "context": "global"}));
    let server = json!({"program": "openssh", "reach": "any", "active": true});
    let before = Seen::new()
        .state("sshd_config", State::Absent("no OpenSSH server is installed".to_owned()), [])
        .state("ssh_servers", State::Absent("no SSH server is installed".to_owned()), []);
    let after = Seen::new().table("sshd_config", settings).table("ssh_servers", [server]);
    assert_eq!(told(before, after), ["The SSH server OpenSSH was installed: people can log in from elsewhere."]);
}

#[test]
fn problems_are_new_fixed_back_and_out_of_sight() {
    let mut past = Past::new();
    let high = Severity::High;
    past.look(
        Seen::new()
            .problem("a-back", high, "A")
            .fine("b-new")
            .problem("c-fixed", high, "C")
            .problem("d-gone", high, "D"),
    );
    past.look(
        Seen::new()
            .fine("a-back")
            .fine("b-new")
            .problem("c-fixed", high, "C")
            .problem("d-gone", high, "D")
            .problem("e-unsure", high, "E"),
    );
    past.look(Seen::new().problem("a-back", high, "A").problem("b-new", high, "B").fine("c-fixed").unsure("e-unsure"));
    let problems = compared(&past).problems;
    let ids = |list: &[report::ProblemRef]| list.iter().map(|p| p.check.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&problems.new), ["b-new"]);
    assert_eq!(ids(&problems.came_back), ["a-back"]);
    assert_eq!(ids(&problems.fixed), ["c-fixed"]);
    assert_eq!(ids(&problems.unseen), ["d-gone", "e-unsure"]);
    // What could not be seen for a while, and had been there before, is not new.
    past.look(
        Seen::new()
            .problem("e-unsure", high, "E")
            .problem("a-back", high, "A")
            .problem("b-new", high, "B")
            .fine("c-fixed"),
    );
    let problems = compared(&past).problems;
    assert!(problems.new.is_empty(), "{:?}", problems.new);
    assert!(ids(&problems.open).contains(&"e-unsure".to_owned()));
}

#[test]
fn two_machines_are_compared_and_the_page_says_so() {
    let mut past = Past::new();
    past.look(Seen {
        host: "web02",
        ..Seen::new().table("users", [user("root", 0)]).problem("a-one", Severity::High, "A")
    });
    past.look(Seen::new().table("users", [user("root", 0), user("eve", 1000)]).fine("a-one").problem(
        "b-two",
        Severity::Low,
        "B",
    ));
    let picked = pick(&past.store(), Some(Moment::Audit(2)), Some(Moment::Audit(1))).unwrap();
    let comparison = compare(&past.store(), picked, &past.catalogue).unwrap();
    assert!(!comparison.same_machine);
    assert_eq!(comparison.title, "web01 compared with web02");
    assert_eq!(texts(&comparison), ["The user 'eve' was removed."]);
    let page = text(&comparison, Style::default(), false);
    assert!(page.contains("different machines") && page.contains("PROBLEMS OF WEB02 ALONE"), "{page}");
    let told = "One problem only web02 has and one problem of web01 may also be on web02.";
    assert!(comparison.summary.contains(told), "{}", comparison.summary);
    assert!(page.contains("PERHAPS ALSO ON WEB02") && page.contains("not asked there"), "{page}");
    // Each has one audit only.
    assert!(matches!(pick(&past.store(), None, None), Err(PickError::Alone(host)) if host == "web01"));
}

#[test]
fn audits_are_named_by_number_word_or_time() {
    let mut past = Past::new();
    for _ in 0..4 {
        past.look(Seen::new());
    }
    let ids = |one: Option<Moment>, other: Option<Moment>| {
        let picked = pick(&past.store(), one, other).unwrap();
        (picked.one.id.unwrap(), picked.other.id.unwrap(), picked.notes.len())
    };
    assert_eq!(ids(None, None), (3, 4, 0));
    assert_eq!(ids(Some(Moment::Last), None), (3, 4, 0));
    assert_eq!(ids(Some(Moment::Audit(1)), None), (1, 4, 0));
    assert_eq!(ids(Some(Moment::Days(10)), None), (2, 4, 0));
    // The history does not reach back so far: the oldest, with a word about it.
    assert_eq!(ids(Some(Moment::Days(90)), None), (1, 4, 1));
    assert_eq!(ids(Some(Moment::Day(jiff::civil::date(2026, 11, 10))), None), (2, 4, 0));
    // Days count from the last audit, also where another is compared.
    assert_eq!(ids(Some(Moment::Days(20)), Some(Moment::Previous)), (1, 3, 0));
    assert_eq!(ids(Some(Moment::Day(jiff::civil::date(2020, 1, 1))), Some(Moment::Previous)), (1, 3, 1));
    assert!(matches!(pick(&past.store(), Some(Moment::Audit(4)), None), Err(PickError::Same(4))));
    assert!(matches!(
        pick(&past.store(), Some(Moment::Audit(9)), None),
        Err(PickError::Store(StoreError::NoSuchAudit(9)))
    ));
}

#[test]
fn a_column_that_another_version_did_not_record_is_no_change() {
    let server = |guard: Option<&str>| json!({"program": "openssh", "reach": "any", "active": true, "guard": guard});
    let old = || Seen { version: "0.0.9", ..Seen::new().table("ssh_servers", [server(None)]) };
    let new = || Seen::new().table("ssh_servers", [server(Some("fail2ban"))]);
    assert!(told(old(), new()).is_empty());
    let same = Seen::new().table("ssh_servers", [server(None)]);
    assert_eq!(told(same, new()), ["fail2ban now locks out those who guess passwords for SSH."]);
    let mut past = Past::new();
    past.look(old());
    past.look(new());
    assert!(compared(&past).notes.iter().any(|n| n.contains("Different versions")));
}

#[test]
fn tables_without_words_are_counted_and_restless_ones_left_out() {
    let shell = |path: &str| json!({"source": "/etc/shells", "shell": path, "present": true});
    let process = |pid: i64| json!({"pid": pid, "name": "x"});
    let mut past = Past::new();
    past.look(Seen::new().table("shells", [shell("/bin/sh")]).table("processes", [process(1)]));
    past.look(Seen::new().table("shells", [shell("/bin/sh"), shell("/bin/zsh")]).table("processes", [process(2)]));
    let comparison = compared(&past);
    assert!(comparison.changes.is_empty());
    let [other] = comparison.other.as_slice() else { panic!("{:?}", comparison.other) };
    assert_eq!((other.text.as_str(), other.added, other.removed), ("1 row of shells changed.", 1, 0));
    assert!(!text(&comparison, Style::default(), false).contains("shells"));
    assert!(text(&comparison, Style::default(), true).contains("cleanbill query --audit 2"));
}

#[test]
fn the_json_is_as_its_schema_says() {
    let validator =
        jsonschema::validator_for(&serde_json::from_str(&crate::analysis::schema::<Comparison>()).unwrap()).unwrap();
    let value = serde_json::from_str(&crate::analysis::json(&everything("a"))).unwrap();
    assert!(validator.is_valid(&value));
}

#[test]
fn a_disk_is_told_when_much_changed_and_not_when_little_did() {
    let disk = |used: f64| json!({"path": "/", "used_percent": used, "size": 1000});
    let of = |was: f64, now: f64| {
        told(Seen::new().table("disk_space", [disk(was)]), Seen::new().table("disk_space", [disk(now)]))
    };
    assert_eq!(of(40.0, 91.0), ["The disk at / is 91% full (was: 40%)."]);
    assert!(of(40.0, 44.0).is_empty());
}

#[test]
fn what_another_row_of_the_same_thing_still_says_did_not_come_or_go() {
    let port = |reach: &str, exposed: bool, family: i64| json!({"protocol": "tcp", "family": family, "port": 80, "reach": reach, "exposed": exposed, "process": "nginx"});
    let ports = |rows: &[serde_json::Value]| Seen::new().table("listening_ports", rows.to_vec());
    let (v4, v6, here) = (port("any", true, 4), port("any", false, 6), port("loopback", false, 4));
    // One version of IP goes, or a row of the machine itself comes: the port was open and still is.
    assert!(told(ports(&[v4.clone(), v6.clone()]), ports(std::slice::from_ref(&v4))).is_empty());
    assert!(told(ports(std::slice::from_ref(&v4)), ports(&[v4.clone(), here.clone()])).is_empty());
    assert!(told(ports(&[v4.clone(), port("private", true, 4)]), ports(&[v4.clone(), here.clone()])).is_empty());
    // Where the other row is narrower, it did open.
    assert_eq!(
        told(ports(std::slice::from_ref(&here)), ports(&[here.clone(), v4.clone()])),
        ["Port 80 (nginx) is now open to other machines."]
    );
    assert_eq!(told(ports(&[v4, v6]), ports(&[])), ["Port 80 (nginx) is closed now."]);

    let file = |by: &str, name: Option<&str>| json!({"place": "/boot/grub", "writable_by": by, "name": name});
    let files = |rows: &[serde_json::Value]| Seen::new().table("boot_files", rows.to_vec());
    let (all, ops) = (file("everyone", None), file("group", Some("ops")));
    assert!(told(files(&[all.clone(), ops.clone()]), files(std::slice::from_ref(&ops))).is_empty());
    assert_eq!(
        told(files(&[ops]), files(std::slice::from_ref(&all))),
        ["/boot/grub, needed for starting the machine, can now be changed by every user."]
    );
    assert_eq!(told(files(&[all]), files(&[])), ["Only root can change /boot/grub now."]);

    let reason = |reason: &str| json!({"reason": reason, "wanted": "6.1.0-2"});
    let reasons = |rows: &[serde_json::Value]| Seen::new().table("reboot_required", rows.to_vec());
    let (kernel, asked) = (reason("kernel"), reason("asked"));
    assert!(told(reasons(&[kernel.clone(), asked.clone()]), reasons(std::slice::from_ref(&asked))).is_empty());
    assert_eq!(
        told(reasons(&[kernel, asked]), reasons(&[])),
        ["The machine need not be restarted for updates any more."]
    );

    let rule = |free: bool| {
        json!({"who_kind": "user", "who": "eve", "command": "/bin/a", "as_root": true, "nopasswd": free, "here": true,
               "overruled": false})
    };
    let rules = |rows: &[serde_json::Value]| Seen::new().table("sudoers", rows.to_vec());
    assert!(told(rules(&[rule(true), rule(false)]), rules(&[rule(false)])).is_empty());
}

#[test]
fn a_firewall_that_could_not_be_asked_opens_and_closes_no_port() {
    let port = |reach: &str, exposed: Option<bool>| json!({"protocol": "tcp", "family": 4, "port": 80, "reach": reach, "exposed": exposed, "process": "nginx"});
    let of = |before, after| {
        let seen = |row| Seen::new().table("listening_ports", [row]);
        told(seen(before), seen(after))
    };
    for reach in ["any", "private"] {
        for known in [true, false] {
            assert!(of(port(reach, Some(known)), port(reach, None)).is_empty());
            assert!(of(port(reach, None), port(reach, Some(known))).is_empty());
        }
    }
    // What a program waits for is known without the firewall.
    assert_eq!(
        of(port("loopback", Some(false)), port("any", None)),
        ["Port 80 (nginx) now waits for other machines. Whether the firewall lets them in could not be seen."]
    );
    assert_eq!(
        of(port("any", None), port("loopback", Some(false))),
        ["Port 80 (nginx) is now open to programs of this machine alone."]
    );
    assert_eq!(
        of(port("any", Some(true)), port("any", Some(false))),
        ["The firewall now keeps other machines away from port 80 (nginx)."]
    );
}

#[test]
fn a_table_that_another_version_recorded_otherwise_does_not_end_the_comparison() {
    let zone = |timezone: Option<&str>| {
        Seen::new().table("clock", [json!({"source": "/etc/localtime", "timezone": timezone})])
    };
    let mut past = Past::new();
    past.look(Seen { version: "0.0.9", ..zone(None) });
    past.look(zone(Some("UTC")));
    let comparison = compared(&past);
    assert!(comparison.changes.is_empty());
    let [part] = comparison.not_compared.as_slice() else { panic!("{:?}", comparison.not_compared) };
    assert_eq!(part.text, "The clock: not wholly compared, because one of the two audits recorded less of it.");
}
