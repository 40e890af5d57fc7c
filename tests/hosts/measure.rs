//! What the installed service measures from within its walls is what is measured outside of them, on a host with its own
//! systemd; and who is told that nothing is measured.

use std::collections::{BTreeMap, BTreeSet};

use cleanbill::metrics::ALL;
use serde_json::Value;

use super::host::Host;

/// What walls could hide: a certificate in the home of root, a log in that of a person, a folder for Prometheus, a page that
/// answers by TLS.
const SET_UP: &str = r#"
cd /root
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
install -d /etc/nginx/tls /srv/prom; cp ca.pem key.pem /etc/nginx/tls/
useradd -m -d /home/bob bob; chmod 700 /home/bob
cat > /etc/nginx/conf.d/shop.conf <<'N'
server { listen 127.0.0.1:443 ssl; ssl_certificate /etc/nginx/tls/ca.pem; ssl_certificate_key /etc/nginx/tls/key.pem;
         access_log /home/bob/access.log; location / { return 200 welcome; } }
N
systemctl restart nginx
mkdir -p /etc/cleanbill
cat > /etc/cleanbill/cleanbill.toml <<'N'
[metrics]
enabled = true
every = '1s'
batch = '5s'
prometheus = '/srv/prom/cleanbill.prom'
access_logs = ['/home/bob/access.log', '/var/log/nginx/*.log']
[metrics.targets.shop]
url = 'https://localhost/'
ca_file = '/root/ca.pem'
[metrics.targets.port]
url = 'tcp://127.0.0.1:80'
N
"#;
/// What not every machine can tell: many have no sensors.
const ABSENT: &str = "temperature";
/// Programs come and go, and which are the first of them changes; who complains, too.
const MOVING: [&str; 3] = ["process.cpu.utilization", "process.memory.usage", "log.errors"];
/// Most that the daemon may have held in memory, in kB.
const PEAK: u64 = 40 << 10;

fn sh(host: &Host, script: &str) -> String {
    let (code, said) = host.run(&["/bin/bash", "-c", &format!("set -eu; {script}")]);
    assert_eq!(code, 0, "{script}\n{said}");
    said
}

/// Metrics with their labels, as a history has them.
fn measured(host: &Host, more: &str) -> BTreeSet<String> {
    let sql = "select distinct metric, labels from samples order by all";
    let said = sh(host, &format!("cleanbill query --format json {more} \"{sql}\""));
    let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    let moving = |row: &BTreeMap<String, Value>| MOVING.iter().any(|name| row["metric"] == *name);
    rows.iter().filter(|row| !moving(row)).map(|row| format!("{} {}", row["metric"], row["labels"])).collect()
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn within_its_walls_the_service_measures_what_is_measured_outside() {
    let host = Host::up("measure", "full", None);
    sh(&host, SET_UP);
    let unit = sh(&host, "cleanbill schedule install --dry-run");
    assert!(unit.contains("ReadWritePaths=-/srv/prom\n"), "{unit}");
    // Timers and cron start jobs, and measure nothing: that is said.
    sh(&host, "cleanbill schedule install --systemd-timers --yes");
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 1 && said.contains("Nothing is measured: only the daemon can do that"), "{code}: {said}");
    sh(&host, "cleanbill schedule install --yes");
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 0 && said.contains("Measured   every 1s"), "{code}: {said}");
    // The same time outside, into a history of its own; a page is asked for now and then.
    let outside = "install -d -m 700 /var/tmp/outside; cd /var/tmp/outside; \
                   (for n in $(seq 14); do sleep 5; exec 3<>/dev/tcp/127.0.0.1/80; \
                    printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null; exec 3>&-; done) & \
                   cleanbill collect --for 70s --db /var/tmp/outside/h.duckdb --prometheus /var/tmp/outside/x.prom; wait";
    sh(&host, outside);
    sh(&host, "sleep 6");
    let (inside, plain) = (measured(&host, ""), measured(&host, "--db /var/tmp/outside/h.duckdb"));
    println!("{} series within the walls, {} outside", inside.len(), plain.len());
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(only(&plain, &inside), Vec::<String>::new(), "only outside the walls");
    assert_eq!(only(&inside, &plain), Vec::<String>::new(), "only within the walls");
    let name = |line: &String| line.split('"').nth(1).unwrap().to_owned();
    let names: BTreeSet<String> = inside.iter().map(name).collect();
    let silent: Vec<&str> = ALL
        .iter()
        .filter(|sampler| sampler.name != ABSENT && !sampler.metrics.iter().any(|metric| names.contains(metric.name)))
        .map(|sampler| sampler.name)
        .collect();
    assert!(silent.is_empty(), "these told nothing: {silent:?}");
    // All that is told at once is told by the service too.
    let once: Vec<Value> =
        serde_json::from_str(&host.exec(&["cleanbill", "collect", "--once", "--format", "json"])).unwrap();
    let once: BTreeSet<String> = once.iter().map(|row| row["metric"].as_str().unwrap().to_owned()).collect();
    let missing: Vec<&String> = once.difference(&names).filter(|name| !MOVING.contains(&name.as_str())).collect();
    assert!(missing.is_empty() && once.len() > 40, "{missing:?} of {}", once.len());
    answers(&host);
    let status = sh(&host, "cat /proc/$(systemctl show -p MainPID --value cleanbill.service)/status");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    println!("memory of the daemon at its peak: {} kB", peak.unwrap());
    assert!(peak.unwrap() < PEAK, "{status}");
    let said = sh(&host, "journalctl --quiet -u cleanbill.service -p warning --no-pager -o cat");
    assert_eq!(said.trim(), "", "it complains");
    sh(&host, "cleanbill schedule uninstall --yes; ! test -e /srv/prom/cleanbill.prom");
}

/// The page by TLS is believed, the log in the home of a person is read, and what it shows for Prometheus is there.
fn answers(host: &Host) {
    let one =
        |sql: &str| sh(host, &format!("cleanbill query --format csv \"{sql}\"")).lines().last().unwrap().to_owned();
    for (metric, target) in [("target.up", "shop"), ("target.up", "port"), ("tls.certificate.trusted", "shop")] {
        let sql = format!("select min(value) from samples where metric = '{metric}' and labels['target'] = '{target}'");
        assert_eq!(one(&sql).parse::<f64>(), Ok(1.0), "{metric} {target}");
    }
    let sql = "select count(*) from samples where metric = 'http.server.requests' and value > 0 and \
               array_contains(map_values(labels), '/home/bob/access.log')";
    assert!(one(sql).parse::<u32>().unwrap() > 0);
    let shown = sh(host, "cat /srv/prom/cleanbill.prom");
    for name in ["cleanbill_process_cpu_time_seconds_total", "cleanbill_batch_samples", "system_uptime_seconds"] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
}
