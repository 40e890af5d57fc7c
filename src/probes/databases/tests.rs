use std::{collections::BTreeMap, fs};

use super::*;
use crate::{
    facts::State,
    probes::{run_one, tests::tree_with},
};

fn read(files: &[(&str, &str)]) -> Facts {
    let dir = tree_with("databases", files);
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

fn server(files: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
    let rows = read(files).rows("database_servers");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

const PG: &str = "/etc/postgresql/15/main";
const PG_BIN: (&str, &str) = ("/usr/lib/postgresql/15/bin/postgres", "");

#[test]
fn a_fresh_debian_postgresql_listens_to_this_machine_only() {
    let (conf, hba) = (format!("{PG}/postgresql.conf"), format!("{PG}/pg_hba.conf"));
    let files: &[(&str, &str)] = &[PG_BIN, (&conf, "<postgresql.conf"), (&hba, "<pg_hba.conf")];
    let facts = read(&[files, &[("/etc/postgresql/15/main/conf.d/.keep", "")]].concat());
    assert!(facts.gaps().is_empty(), "{:?}", facts.gaps());
    let rows = facts.rows("database_servers");
    assert_eq!(rows[0]["instance"], "15/main");
    assert_eq!(rows[0]["reach"], "loopback");
    assert_eq!(rows[0]["password_needed"], "yes");
    assert_eq!(rows[0]["encryption"], "yes");
    assert_eq!(facts.rows("postgresql_hba").len(), 7);
    let methods: Vec<_> =
        facts.rows("postgresql_hba").iter().map(|r| r["method"].as_str().unwrap().to_owned()).collect();
    assert_eq!(methods, ["peer", "peer", "scram-sha-256", "scram-sha-256", "peer", "scram-sha-256", "scram-sha-256"]);
}

#[test]
fn later_files_win_and_rules_from_everywhere_are_seen() {
    let facts = read(&[
        PG_BIN,
        (
            "/etc/postgresql/15/main/postgresql.conf",
            "listen_addresses = 'localhost'\nssl = off\ninclude_dir 'conf.d'\ndata_directory = '/data'\nhba_file = 'pg_hba.conf'\n",
        ),
        ("/etc/postgresql/15/main/conf.d/10-open.conf", "LISTEN_ADDRESSES\t'*'\t# everyone\n"),
        ("/etc/postgresql/15/main/conf.d/20.conf.off", "listen_addresses = ''\n"),
        ("/data/postgresql.auto.conf", "port = 5544\n"),
        (
            "/etc/postgresql/15/main/pg_hba.conf",
            "local all all peer\nhost all @people 0.0.0.0 0.0.0.0 trust\nhost sales anna 10.0.0.0/8 trust\ninclude_if_exists gone.conf\n",
        ),
        ("/etc/postgresql/15/main/people", "report # the reporting account\nall\n"),
    ]);
    let rows = facts.rows("database_servers");
    assert_eq!(rows[0]["reach"], "any");
    assert_eq!(rows[0]["port"], 5544);
    assert_eq!(rows[0]["password_needed"], "no");
    assert_eq!(rows[0]["encryption"], "no");
    assert_eq!(rows[0]["source"], "/etc/postgresql/15/main/conf.d/10-open.conf");
    let rules = facts.rows("postgresql_hba");
    assert_eq!(rules[1]["address"], "0.0.0.0/0");
    assert_eq!(rules[1]["reach"], "any");
    assert_eq!(rules[1]["account_names"], "report,all");
    assert_eq!(rules[2]["covered_by"], 2);
}

#[test]
fn a_rule_that_never_counts_opens_nothing() {
    let row = server(&[
        PG_BIN,
        (
            "/etc/postgresql/15/main/postgresql.conf",
            "listen_addresses = '*'\nhba_file='/etc/postgresql/15/main/pg_hba.conf'",
        ),
        ("/etc/postgresql/15/main/pg_hba.conf", "host all all all scram-sha-256\nhost all all 0.0.0.0/0 trust\n"),
    ]);
    assert_eq!(row["password_needed"], "yes");
}

#[test]
fn settings_left_behind_by_a_removed_server_are_no_server() {
    let facts = read(&[("/etc/postgresql/15/main/postgresql.conf", "listen_addresses = '*'\n")]);
    assert!(matches!(facts.state("database_servers"), crate::facts::State::Absent(_)));
    assert!(matches!(facts.state("postgresql_hba"), crate::facts::State::Absent(_)));
}

#[test]
fn includes_that_go_round_in_circles_end_and_that_is_told() {
    let facts = read(&[
        PG_BIN,
        ("/etc/postgresql/15/main/postgresql.conf", "include 'postgresql.conf'\nport = 1\n"),
        ("/etc/postgresql/15/main/pg_hba.conf", "include pg_hba.conf\n"),
        ("/usr/sbin/mariadbd", ""),
        // Twenty times itself, ten deep: without an end of our own it would never end.
        ("/etc/mysql/my.cnf", &"!include /etc/mysql/my.cnf\n".repeat(20)),
        REDIS_BIN,
        ("/etc/redis/redis.conf", "include /etc/redis/redis.conf\nprotected-mode no\n"),
    ]);
    let rows = facts.rows("database_servers");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["password_needed"], "unknown", "it may stand in what was not read");
    for table in ["database_servers", "postgresql_settings", "postgresql_hba", "mysql_settings", "redis_settings"] {
        let State::Partial(gaps) = facts.state(table) else { panic!("{table}") };
        assert_eq!(gaps[0].reason, servers::too_much(), "{table}");
    }
}

#[test]
fn the_file_that_goes_on_without_end_is_named() {
    let facts = read(&[
        ("/usr/sbin/mysqld", ""),
        ("/etc/my.cnf", "!include /etc/my.cnf\n[mysqld]\nport=1\n"),
        ("/etc/mysql/my.cnf", "[mysqld]\nport=2\n"),
    ]);
    let State::Partial(gaps) = facts.state("mysql_settings") else { panic!("{:?}", facts.state("mysql_settings")) };
    assert_eq!(gaps.iter().map(|g| g.source.as_str()).collect::<Vec<_>>(), ["/etc/my.cnf"]);
    let facts = read(&[("/usr/sbin/mysqld", ""), ("/etc/my.cnf", "[mysqld]\nport=1\n")]);
    assert_eq!(facts.rows("database_servers")[0]["source"], "/etc/my.cnf");
}

#[test]
fn settings_without_end_are_told() {
    let facts =
        read(&[("/usr/bin/mongod", ""), ("/etc/mongod.conf", &"net:\n  port: 1\n".repeat(Budget::LINES / 2 + 1))]);
    assert_eq!(facts.rows("mongodb_settings").len(), Budget::LINES / 2);
    assert!(matches!(facts.state("mongodb_settings"), State::Partial(_)));
    assert_eq!(facts.rows("database_servers")[0]["password_needed"], "unknown", "it may stand in what was not read");
}

const REDIS_BIN: (&str, &str) = ("/usr/bin/redis-server", "");

#[test]
fn a_fresh_debian_redis_is_closed() {
    let row = server(&[REDIS_BIN, ("/etc/redis/redis.conf", "<redis.conf")]);
    assert_eq!((&row["reach"], &row["password_needed"]), (&"loopback".into(), &"no".into()));
    assert_eq!(row["listens"], "127.0.0.1 -::1");
}

#[test]
fn an_included_file_opens_redis_and_a_password_is_not_kept() {
    let open = server(&[
        REDIS_BIN,
        ("/etc/redis/redis.conf", "bind 127.0.0.1\nprotected-mode no\ninclude /etc/redis/extra.conf\n"),
        ("/etc/redis/extra.conf", "bind * -::*\n"),
    ]);
    assert_eq!((&open["reach"], &open["password_needed"]), (&"any".into(), &"no".into()));
    assert_eq!(open["source"], "/etc/redis/extra.conf");
    let facts = read(&[
        REDIS_BIN,
        ("/etc/redis/redis.conf", "bind 0.0.0.0\nrequirepass \"hunter2\"\nuser anna on >hunter2 ~*\n"),
    ]);
    assert_eq!(facts.rows("database_servers")[0]["password_needed"], "yes");
    assert!(!format!("{:?}", facts.rows("redis_settings")).contains("hunter2"));
}

#[test]
fn protected_mode_keeps_others_out_as_long_as_there_is_no_password() {
    let row = server(&[REDIS_BIN, ("/etc/redis/redis.conf", "bind 0.0.0.0\n")]);
    assert_eq!(row["reach"], "loopback");
    let row = server(&[REDIS_BIN, ("/etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\nuser default off\n")]);
    assert_eq!((&row["reach"], &row["password_needed"]), (&"any".into(), &"yes".into()));
}

#[test]
fn a_fresh_debian_mariadb_listens_to_this_machine_only() {
    let facts = read(&[
        ("/usr/sbin/mariadbd", ""),
        ("/etc/mysql/my.cnf", "<mariadb.cnf"),
        ("/etc/mysql/mariadb.conf.d/50-server.cnf", "<50-server.cnf"),
        ("/etc/mysql/conf.d/client.cnf", "[client]\nport = 1\n"),
    ]);
    let row = &facts.rows("database_servers")[0];
    assert_eq!((&row["engine"], &row["reach"], &row["port"]), (&"mariadb".into(), &"loopback".into(), &3306.into()));
    assert_eq!(row["password_needed"], "unknown");
}

#[test]
fn the_last_option_file_of_mysql_wins() {
    let row = server(&[
        ("/usr/sbin/mariadbd", ""),
        ("/etc/mysql/my.cnf", "[mysqld]\nbind-address=127.0.0.1\n!includedir /etc/mysql/conf.d/\n"),
        (
            "/etc/mysql/conf.d/a.cnf",
            "[mariadb]\nbind_address = 0.0.0.0\nskip-grant-tables\n[mysqldump]\nbind-address=::1\n",
        ),
        ("/etc/mysql/conf.d/b.cnf.dpkg-old", "[mysqld]\nbind-address=::1\n"),
    ]);
    assert_eq!((&row["reach"], &row["password_needed"]), (&"any".into(), &"no".into()));
}

#[test]
fn memcached_without_an_address_listens_everywhere() {
    let row = server(&[("/usr/bin/memcached", ""), ("/etc/memcached.conf", "<memcached.conf")]);
    assert_eq!(row["reach"], "loopback");
    let facts = read(&[("/usr/bin/memcached", ""), ("/etc/memcached.conf", "-m 64\n# -l 127.0.0.1\n-U 11211\n")]);
    assert_eq!(facts.rows("database_servers")[0]["reach"], "any");
    let udp = facts.rows("memcached_settings").into_iter().find(|r| r["name"] == "udp_port").unwrap();
    assert_eq!(udp["value"], "11211");
}

#[test]
fn mongodb_without_authorization_needs_no_password() {
    let conf = "net:\n  port: 27017\n  bindIp: 0.0.0.0\n#security:\n";
    let row = server(&[("/usr/bin/mongod", ""), ("/etc/mongod.conf", conf)]);
    assert_eq!((&row["reach"], &row["password_needed"]), (&"any".into(), &"no".into()));
}

#[test]
fn a_server_in_a_container_does_not_make_ours_run() {
    let dir = tree_with(
        "databases",
        &[
            REDIS_BIN,
            ("/etc/redis/redis.conf", "<redis.conf"),
            ("/proc/1/comm", "systemd\n"),
            ("/proc/77/comm", "redis-server\n"),
            ("/proc/77/status", "Name:\tredis-server\nNSpid:\t77\t1\n"),
        ],
    );
    let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
    assert_eq!(run_one(&PROBE, &host).rows("database_servers")[0]["running"], false);
    fs::write(dir.path().join("proc/77/status"), "NSpid:\t77\n").unwrap();
    assert_eq!(run_one(&PROBE, &host).rows("database_servers")[0]["running"], true);
}

#[test]
fn junk_in_place_of_settings_is_a_gap() {
    let facts = read(&[
        PG_BIN,
        REDIS_BIN,
        ("/etc/redis/redis.conf", "\0\0"),
        ("/etc/postgresql/15/main/postgresql.conf", "\0"),
    ]);
    assert!(facts.gaps().len() >= 2, "{:?}", facts.gaps());
}
