//! The kernel's tables of a real host with ufw, and rules around them.

use std::{collections::BTreeMap, path::Path};

use super::{cards::Address, *};
use crate::host::Output;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/network");

fn host(canned: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let net = dir.path().join("proc/net");
    std::fs::create_dir_all(&net).unwrap();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        std::fs::copy(Path::new(FIXTURE).join("proc").join(table), net.join(table)).unwrap();
    }
    for (card, folder) in
        [("lo", ""), ("eth0", "device"), ("docker0", "brif/veth1"), ("br0", "brif/eth1"), ("br1", "brif/tap0")]
    {
        std::fs::create_dir_all(dir.path().join("sys/class/net").join(card).join(folder)).unwrap();
    }
    let canned: BTreeMap<String, Output> =
        canned.iter().map(|(line, file)| ((*line).to_owned(), Output::ok(read(file)))).collect();
    let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, canned).unwrap();
    (dir, host)
}

fn read(file: &str) -> String {
    if file.is_empty() {
        "{\"nftables\": []}".to_owned()
    } else {
        std::fs::read_to_string(Path::new(FIXTURE).join(file)).unwrap()
    }
}

#[test]
fn the_kernels_tables_are_read_as_ss_reads_them() {
    let (_dir, host) = host(&[]);
    let sockets = ports::sockets(&host).unwrap();
    let told: Vec<String> = sockets.iter().map(|s| format!("{} {} {}", s.protocol, s.ip, s.port)).collect();
    // ss -tulpn on the same host
    let expected = [
        "tcp 0.0.0.0 22",
        "tcp :: 22",
        "tcp 0.0.0.0 25",
        "tcp :: 25",
        "tcp 0.0.0.0 80",
        "tcp :: 80",
        "tcp 127.0.0.1 5432",
        "tcp ::1 5432",
        "udp 127.0.0.1 323",
        "udp ::1 323",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_program_behind_a_port_is_named() {
    let (dir, host) = host(&[("/usr/sbin/nft -j list ruleset", "")]);
    let sockets = ports::sockets(&host).unwrap();
    let ssh = sockets.iter().find(|s| s.port == 22 && s.ip.is_ipv4()).unwrap();
    for pid in ["61", "900"] {
        let process = dir.path().join("proc").join(pid);
        std::fs::create_dir_all(process.join("fd")).unwrap();
        std::fs::write(process.join("status"), format!("Name:\tsshd{pid}\nUid:\t1\t0\t0\t0\n")).unwrap();
        std::os::unix::fs::symlink(format!("socket:[{}]", ssh.inode), process.join("fd/3")).unwrap();
        std::os::unix::fs::symlink("/tmp/.x/sshd (deleted)", process.join("exe")).unwrap();
    }
    let facts = super::super::run_one(&PROBE, &host);
    let rows = facts.rows("listening_ports");
    let row = rows.iter().find(|r| r["port"] == 22 && r["family"] == 4).unwrap();
    assert_eq!((&row["pid"], &row["process"], &row["path"]), (&61.into(), &"sshd61".into(), &"/tmp/.x/sshd".into()));
    assert_eq!((&row["firewall"], &row["exposed"]), (&"none".into(), &true.into()));
    let row = rows.iter().find(|r| r["port"] == 5432).unwrap();
    assert_eq!((&row["reach"], &row["exposed"]), (&"loopback".into(), &false.into()));
}

#[test]
fn what_ufw_closes_is_not_exposed_and_what_docker_publishes_is() {
    let (_dir, host) = host(&[
        ("/usr/sbin/nft -j list ruleset", "ufw-docker/nft.json"),
        ("/usr/sbin/iptables-nft-save", "ufw-docker/iptables-save.txt"),
        ("/usr/sbin/ip6tables-nft-save", "ufw/ip6tables-save.txt"),
    ]);
    let facts = super::super::run_one(&PROBE, &host);
    let rows = facts.rows("listening_ports");
    let of = |port: i64| {
        let row = rows.iter().find(|r| r["port"] == port && r["family"] == 4).unwrap();
        (row["firewall"].as_str().unwrap().to_owned(), row["exposed"].clone(), row["process"].clone())
    };
    assert_eq!(of(80), ("open".to_owned(), true.into(), serde_json::Value::Null));
    assert_eq!(of(25), ("closed".to_owned(), false.into(), serde_json::Value::Null));
    let docker = Address { card: "docker0".to_owned(), ip: "172.17.0.1".parse().unwrap(), bits: 16 };
    let cards = Cards::new(vec!["eth0".to_owned()], vec![docker]);
    let sent = sent_on(&firewall::rules(&host), &cards);
    assert_eq!(
        (sent[0].port, sent[0].exposed, sent[0].forwards_to.as_deref()),
        (8080, Some(true), Some("172.17.0.2:80"))
    );
    let inbound = facts.rows("firewall_inbound");
    assert!(inbound.iter().all(|r| r["verdict"] == "closed" && r["has_rules"] == true), "{inbound:?}");
}

#[test]
fn rules_that_cannot_be_read_leave_the_answer_open() {
    let (_dir, host) = host(&[]);
    let failing = BTreeMap::from([(
        "/usr/sbin/nft -j list ruleset".to_owned(),
        Output { code: 1, stdout: String::new(), stderr: "Operation not permitted".to_owned() },
    )]);
    let host = Host::fake(host.root(), jiff::Timestamp::UNIX_EPOCH, failing).unwrap();
    let facts = super::super::run_one(&PROBE, &host);
    let row = &facts.rows("listening_ports")[0];
    assert_eq!((&row["firewall"], &row["exposed"]), (&"unknown".into(), &serde_json::Value::Null));
    assert!(facts.rows("firewall_inbound").is_empty());
    assert!(facts.gaps().iter().any(|g| g.what == "the rules of the firewall"));
}

#[test]
fn cards_for_containers_do_not_lead_outside() {
    let (_dir, host) = host(&[]);
    assert_eq!(Cards::read(&host).outside, ["br0", "eth0"]);
    let address = |card: &str, ip: &str, bits| Address { card: card.to_owned(), ip: ip.parse().unwrap(), bits };
    let cards = Cards::new(
        vec!["eth0".to_owned()],
        vec![address("docker0", "172.17.0.1", 16), address("eth0", "172.16.0.9", 12), address("eth0", "fe80::1", 64)],
    );
    assert_eq!(cards.towards("172.17.0.2".parse().unwrap()).as_deref(), Some("docker0"));
    assert_eq!(cards.towards("192.0.2.1".parse().unwrap()), None);
    assert_eq!((cards.reachable(false), cards.reachable(true)), (true, false));
}

#[test]
fn programs_that_set_up_a_firewall_are_known_by_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("etc/os-release", "ID=debian\n");
    write("usr/sbin/nft", "");
    write("usr/sbin/ufw", "");
    write("etc/ufw/ufw.conf", "ENABLED=no\n");
    write("usr/lib/systemd/system/nftables.service", "[Install]\nWantedBy=sysinit.target\n");
    write("etc/nftables.conf", "flush ruleset\ntable inet f { chain i { type filter hook input priority 0; } }\n");
    let host = Host::image(dir.path()).unwrap();
    let row = |program: &str| {
        let rows = super::super::run_one(&PROBE, &host).rows("firewall");
        rows.into_iter().find(|r| r["program"] == program).unwrap()
    };
    assert_eq!((&row("nftables")["enabled"], &row("nftables")["lets_all_in"]), (&false.into(), &true.into()));
    std::fs::create_dir_all(dir.path().join("etc/systemd/system/sysinit.target.wants")).unwrap();
    let link = dir.path().join("etc/systemd/system/sysinit.target.wants/nftables.service");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/nftables.service", link).unwrap();
    write("etc/nftables.conf", "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n");
    assert_eq!((&row("nftables")["enabled"], &row("nftables")["lets_all_in"]), (&true.into(), &false.into()));
    assert_eq!((&row("ufw")["enabled"], &row("ufw")["active"]), (&false.into(), &serde_json::Value::Null));
}
