use std::collections::BTreeMap;

use super::*;
use crate::{
    facts::State,
    host::Output,
    probes::{run_one, tests::tree},
};

const RSYSLOG: &str = include_str!("../../../tests/fixtures/system/rsyslog.conf");
const AUDITD: &str = include_str!("../../../tests/fixtures/system/auditd.conf");

fn image(files: &[(&str, &str)]) -> Facts {
    let dir = tree(files);
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

fn rules(text: &str) -> Vec<String> {
    let facts = image(&[("usr/sbin/rsyslogd", ""), ("etc/rsyslog.conf", text)]);
    let rows = facts.rows("syslog_config").into_iter();
    rows.filter(|r| r["action"] != "module" && r["action"] != "setting")
        .map(|r| {
            let text = |c: &str| r[c].as_str().unwrap_or("-").to_owned();
            let secret = r["encrypted"].as_bool().map_or("-".to_owned(), |b| b.to_string());
            format!(
                "{} {} {} {} {} {secret}",
                r["line"],
                text("action"),
                text("selector"),
                text("target"),
                text("transport")
            )
        })
        .collect()
}

#[test]
fn debians_rules_are_read_with_their_lines() {
    let facts = image(&[
        ("usr/sbin/rsyslogd", ""),
        ("etc/rsyslog.conf", RSYSLOG),
        ("etc/rsyslog.d/20-ufw.conf", ":msg,contains,\"[UFW \" /var/log/ufw.log\n#& stop\n"),
        ("etc/rsyslog.d/postfix.conf", "$AddUnixListenSocket /var/spool/postfix/dev/log\n"),
    ]);
    let rows = facts.rows("syslog_config");
    let files: Vec<_> = rows.iter().filter(|r| r["action"] == "file").map(|r| r["target"].as_str().unwrap()).collect();
    for name in ["ufw", "syslog", "auth", "cron", "kern", "mail", "user"] {
        assert!(files.iter().any(|f| f.starts_with(&format!("/var/log/{name}"))), "{name}");
    }
    let mode = rows.iter().find(|r| r["selector"] == "FileCreateMode").unwrap();
    assert_eq!((mode["target"].as_str(), mode["line"].as_i64()), (Some("0640"), Some(33)));
    assert!(!rows.iter().any(|r| r["action"] == "remote" || r["action"] == "input"));
    let users = rows.iter().find(|r| r["action"] == "users").unwrap();
    assert_eq!((users["selector"].as_str(), users["target"].as_str()), (Some("*.emerg"), Some("*")));
}

#[test]
fn every_way_to_another_machine_is_found() {
    let text = "# *.* @commented\n*.*\t\t@old.example.org\n*.* @@(o)tcp.example.org:6514;fmt # why\n\
                auth.* action(type=\"omfwd\" Target=\"new.example.org\" Port=\"514\"\n   Protocol=\"TCP\")\n\
                *.* action(type=\"omfwd\" target=\"safe.example.org\" protocol=\"tcp\" StreamDriver=\"gtls\" StreamDriverMode=\"1\")\n\
                input(type=\"imudp\" port=\"514\")\n*.* :omrelp:relp.example.org:2514\n";
    assert_eq!(
        rules(text),
        [
            "2 remote *.* old.example.org udp false",
            "3 remote *.* tcp.example.org:6514 tcp false",
            "4 remote auth.* new.example.org:514 tcp false",
            "6 remote *.* safe.example.org tcp true",
            "7 input - 514 udp false",
            "8 remote *.* relp.example.org:2514 relp false",
        ]
    );
}

#[test]
fn encryption_of_the_old_style_counts_for_what_follows() {
    let text = "*.* @@a\n$ActionSendStreamDriverMode 1\n*.* @@b\n& @@c\n";
    assert_eq!(rules(text), ["1 remote *.* a tcp false", "3 remote *.* b tcp true", "4 remote *.* c tcp true"]);
}

#[test]
fn includes_that_go_round_in_a_circle_end_and_that_is_told() {
    let facts = image(&[("usr/sbin/rsyslogd", ""), ("etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.conf\n*.* @x\n")]);
    assert!(facts.count::<syslog::SyslogConfig>() < 20);
    let told = crate::probes::servers::too_much();
    assert!(matches!(facts.state("syslog_config"), State::Partial(gaps) if gaps[0].reason == told));
}

#[test]
fn junk_does_no_harm() {
    for junk in [
        "action(",
        "action(type=",
        ":msg",
        "if then",
        "&",
        "$",
        "input(type=\"imudp\"\n\n\n",
        "é\u{301}action(é=\"",
        "destination {",
        "*.* @(",
        "template(name=\"x\"",
    ] {
        let _ = rules(junk);
        let _ = image(&[("usr/sbin/syslog-ng", ""), ("etc/syslog-ng/syslog-ng.conf", junk)]);
    }
}

#[test]
fn syslog_ngs_destinations_are_read() {
    let text = "destination d_auth { file(\"/var/log/auth.log\"); };\ndestination d_net {\n  tcp(\"10.0.0.1\" port(1000)); # x\n};\n\
                destination d_tls { network(\"logs\" transport(\"tls\") tls(ca-dir(\"/x\"))); };\n";
    let facts = image(&[("usr/sbin/syslog-ng", ""), ("etc/syslog-ng/syslog-ng.conf", text)]);
    let rows = facts.rows("syslog_config");
    let got: Vec<_> = rows
        .iter()
        .map(|r| (r["target"].as_str().unwrap(), r["encrypted"].as_bool(), r["line"].as_i64().unwrap()))
        .collect();
    assert_eq!(got, [("/var/log/auth.log", None, 1), ("10.0.0.1", Some(false), 2), ("logs", Some(true), 5)]);
}

#[test]
fn the_journal_is_kept_where_its_settings_say() {
    let daemon = ("usr/lib/systemd/systemd-journald", "");
    let keeps = |files: &[(&str, &str)]| {
        let facts = image(files);
        facts.rows("log_services").into_iter().find(|r| r["name"] == "journald").unwrap()["keeps"].clone()
    };
    assert_eq!(keeps(&[daemon]), "memory");
    assert_eq!(keeps(&[daemon, ("var/log/journal/x", "")]), "disk");
    assert_eq!(keeps(&[daemon, ("etc/systemd/journald.conf", "[Journal]\nStorage=persistent\n")]), "disk");
    assert_eq!(
        keeps(&[
            daemon,
            ("var/log/journal/x", ""),
            ("etc/systemd/journald.conf.d/a.conf", "[Journal]\nStorage=none\n")
        ]),
        "nowhere"
    );
    assert_eq!(keeps(&[]), serde_json::Value::Null);
}

#[test]
fn audit_rules_in_use_and_in_files_are_told_apart() {
    let dir = tree(&[
        ("usr/sbin/auditd", ""),
        ("etc/audit/auditd.conf", AUDITD),
        ("etc/audit/rules.d/a.rules", "## x\n-D\n-b 8192\n-w /etc/passwd -p wa -k identity\n"),
    ]);
    let said = "-a always,exit -F arch=b64 -S adjtimex -F key=time\n";
    let canned = BTreeMap::from([("/usr/sbin/auditctl -l".to_owned(), Output::ok(said))]);
    let facts = run_one(&PROBE, &Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap());
    let rows = facts.rows("audit_rules");
    let got: Vec<_> = rows
        .iter()
        .map(|r| ["stage", "rule_type", "key_name"].map(|c| r[c].as_str().unwrap_or("-").to_owned()).join(" "))
        .collect();
    assert_eq!(
        got,
        ["configured control -", "configured control -", "configured watch identity", "running syscall time"]
    );
    let config = facts.rows("auditd_config");
    assert_eq!(config.iter().find(|r| r["name"] == "max_log_file_action").unwrap()["value"], "rotate");
}

#[test]
fn an_auditctl_that_fails_is_a_gap() {
    let dir = tree(&[("usr/sbin/auditd", "")]);
    let facts = run_one(&PROBE, &Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap());
    assert!(matches!(facts.state("audit_rules"), State::Partial(_)));
}

#[test]
fn debians_daily_script_leaves_the_work_to_the_timer() {
    let script = "if [ -d /run/systemd/system ]; then\n    exit 0\nfi\n/usr/sbin/logrotate /etc/logrotate.conf\n";
    let base = [("usr/sbin/logrotate", ""), ("etc/cron.daily/logrotate", script)];
    let row = |files: &[(&str, &str)]| image(files).rows("logrotate").remove(0)["scheduled"].clone();
    assert_eq!(row(&base), "cron");
    assert_eq!(row(&[base[0], base[1], ("usr/lib/systemd/systemd", "")]), serde_json::Value::Null);
}

#[test]
fn instructions_of_logrotate_belong_to_their_files() {
    let wtmp = "# x\n/var/log/wtmp {\n    create 0664 root utmp\n    rotate 1\n}\n";
    let rsyslog = "/var/log/a.log\n\"/var/log/b.log\" # y\n{\n\tweekly\n\tpostrotate\n\t\tdaily x\n\tendscript\n\tsize=5M\n}\nmonthly\n";
    let facts = image(&[
        ("etc/logrotate.conf", "# weekly\nweekly\nrotate 4 # x\ninclude /etc/logrotate.d\n"),
        ("etc/logrotate.d/wtmp", wtmp),
        ("etc/logrotate.d/rsyslog", rsyslog),
    ]);
    let rows = facts.rows("logrotate_settings");
    let got: Vec<String> = rows
        .iter()
        .map(|r| format!("{}:{}", r["line"], ["files", "keyword", "value"].map(|c| r[c].as_str().unwrap()).join("|")))
        .collect();
    assert_eq!(
        got,
        [
            "2:|weekly|",
            "3:|rotate|4",
            "4:|include|/etc/logrotate.d",
            "4:/var/log/a.log /var/log/b.log|weekly|",
            "8:/var/log/a.log /var/log/b.log|size|5M",
            "10:|monthly|",
            "3:/var/log/wtmp|create|0664 root utmp",
            "4:/var/log/wtmp|rotate|1",
        ]
    );
}
