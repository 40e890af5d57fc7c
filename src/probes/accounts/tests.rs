use std::collections::BTreeMap;

use super::*;
use crate::probes::run_one;

fn facts(files: &[(&str, &str)]) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("etc")).unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join("etc").join(name), text).unwrap();
    }
    let now = "2026-01-15T12:00:00Z".parse().unwrap();
    run_one(&PROBE, &Host::fake(dir.path(), now, BTreeMap::new()).unwrap())
}

fn column(facts: &Facts, table: &str, name: &str) -> Vec<String> {
    facts.rows(table).iter().map(|r| r[name].as_str().map_or_else(|| r[name].to_string(), str::to_owned)).collect()
}

/// Made by `passwd`, `chpasswd -c …` and `usermod` of Debian 12 and 13; the passwords were thrown away.
const SHADOW: &str = "\
root:$y$j9T$c2FsdHNhbHRzYWx0$Tm90QVJlYWxIYXNoTm90QVJlYWxIYXNoTm90QVJlYWw:20000:0:99999:7:::
anna:$6$rounds=656000$saltsalt$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx:20000:1:365:7:300::
bert:$1$saltsalt$xxxxxxxxxxxxxxxxxxxxxx:19000:0:99999:7:::
carl:abJnggxhB/yWI:19000:0:99999:7:::
dora::20000:0:99999:7:::
emil:!$6$saltsalt$xxxxxxxxxxxxxxx:20000:0:99999:7:::
fred:!:20000::::::
gina:*:20000:0:99999:7:::
hugo:!!:20000:0:99999:7:::
ines:$6$saltsalt$xxxxxxxxxxxxxxx:20000:0:99999:7::20400:
jana:$6$saltsalt$xxxxxxxxxxxxxxx:0:0:99999:7:::
kurt:$6$saltsalt$xxxxxxxxxxxxxxx:19000:0:90:7:30::
lena:!*:20000::::::
";

#[test]
fn the_state_and_kind_of_every_password_is_told_and_never_the_password() {
    let facts = facts(&[("passwd", ""), ("shadow", SHADOW)]);
    let rows = facts.rows("shadow");
    let seen: Vec<_> = rows
        .iter()
        .map(|r| {
            format!(
                "{} {} {}",
                r["username"].as_str().unwrap(),
                r["password_status"].as_str().unwrap(),
                r["hash_alg"].as_str().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "root set yescrypt",
            "anna set sha512",
            "bert set md5",
            "carl set des",
            "dora empty -",
            "emil locked sha512",
            "fred not_set -",
            "gina not_set -",
            "hugo not_set -",
            "ines expired sha512",
            "jana set sha512",
            "kurt expired sha512",
            "lena not_set -",
        ]
    );
    let all = format!("{rows:?}");
    for secret in ["saltsalt", "abJnggxhB", "c2FsdHNhbHRz"] {
        assert!(!all.contains(secret), "{secret} was kept");
    }
    assert_eq!(rows[1]["hash_rounds"], 656_000);
    assert_eq!(rows[1]["last_change"], "2024-10-04T00:00:00Z");
    assert_eq!(rows[10]["change_needed"], true);
}

#[test]
fn a_password_in_the_list_of_users_is_seen() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\nold:$1$saltsalt$xxxxxxxxxxxxxxxxxxxxxx:1000:1000::/home/old:/bin/sh\nopen::1001:1001::/home/open:\nshut:*:1002:1002::/:/bin/sh\n";
    let facts = facts(&[("passwd", passwd), ("shadow", "root:*:20000::::::\nopen:*:20000::::::\n")]);
    assert_eq!(column(&facts, "users", "password_place"), ["shadow", "passwd", "passwd", "none"]);
    assert_eq!(column(&facts, "shadow", "username"), ["old", "open", "shut", "root"]);
    assert_eq!(column(&facts, "shadow", "password_status"), ["set", "empty", "not_set", "not_set"]);
    assert_eq!(column(&facts, "shadow", "source")[0], "/etc/passwd");
}

#[test]
fn members_come_from_both_lists_and_unknown_ones_are_marked() {
    let facts = facts(&[
        (
            "passwd",
            "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\nlost:x:1001:77::/:/bin/sh\n",
        ),
        ("group", "root:x:0:\nsudo:x:27:anna,ghost\nanna:x:1000:\n"),
        ("shadow", ""),
        ("gshadow", "root:*::\nsudo:$6$saltsalt$xxx:anna:anna\nanna:!::\nopen:::\n"),
    ]);
    let rows = facts.rows("user_groups");
    let find = |user: &str| {
        rows.iter()
            .filter(|r| r["username"] == user)
            .map(|r| format!("{} {} {}", r["groupname"], r["uid"], r["via"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(find("anna"), ["\"anna\" 1000 \"first\"", "\"sudo\" 1000 \"member\""]);
    assert_eq!(find("ghost"), ["\"sudo\" null \"member\""]);
    assert_eq!(find("lost"), ["null 1001 \"first\""]);
    assert_eq!(column(&facts, "gshadow", "password_status"), ["not_set", "set", "not_set", "not_set"]);
    assert_eq!(column(&facts, "users", "kind"), ["root", "person", "person"]);
}

#[test]
fn lines_that_are_no_entry_are_told() {
    let facts = facts(&[
        (
            "passwd",
            "# comment\nroot:x:0:0:root:/root:/bin/bash\n+::::::\nhalf:x:5\nodd:x:minus:0::/:/bin/sh\n\u{1b}[31m:x:1000:1000::/:/bin/sh\n",
        ),
        ("group", "+:::\nroot:x:0:\n"),
        ("shadow", "+::::::::\nroot\n"),
    ]);
    assert_eq!(
        column(&facts, "account_file_errors", "problem"),
        ["plus", "fields", "number", "name", "plus", "plus", "fields"]
    );
    assert_eq!(column(&facts, "account_file_errors", "line"), ["3", "4", "5", "6", "1", "1", "2"]);
    assert_eq!(facts.count::<User>(), 2);
}

#[test]
fn shells_that_let_nobody_in_and_missing_ones_are_known() {
    let facts = facts(&[(
        "passwd",
        "a:x:1:1::/:/usr/sbin/nologin\nb:x:2:2::/:\nc:x:4:4::/:/bin/sync\nd:x:1000:4::/:/etc/passwd\n",
    )]);
    assert_eq!(column(&facts, "users", "login_shell"), ["false", "true", "false", "true"]);
    assert_eq!(column(&facts, "users", "shell_present"), ["false", "false", "false", "true"]);
    assert!(matches!(facts.state("shadow"), crate::facts::State::Absent(_)));
}

#[test]
fn junk_is_no_reason_to_stop() {
    let facts = facts(&[
        ("passwd", ":::::::::\n\u{0}"),
        ("group", "::::,,,\n"),
        ("shadow", ":\u{202e}:99999999999999999999:-1:::::\nx:$\ny:$$\nz:$6\n"),
        ("gshadow", ":\n"),
    ]);
    assert!(matches!(facts.state("users"), crate::facts::State::Unread(_)));
    assert_eq!(column(&facts, "shadow", "password_status"), ["not_set", "set", "not_set"]);
}
