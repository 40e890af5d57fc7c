//! What logs tell, on a host with its own systemd: a journal with errors and a service that starts again and again, and
//! nginx whose log is rotated by logrotate meanwhile.

use std::collections::BTreeMap;

use super::host::Host;

/// A service that ends at once, three times; errors and warnings; pages that are there and that are not.
const TROUBLE: &str = r#"
page() { exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET %s HTTP/1.0\r\nUser-Agent: " 500 1 "\r\n\r\n' "$1" >&3; cat <&3 >/dev/null; exec 3>&-; }
for i in 1 2 3; do logger -p user.err -t shop "it is broken"; logger -p user.info -t shop "it is fine"; done
logger -p user.warning -t shop "it is old"
printf 'MESSAGE_ID=5eb03494b6584870a536b337290809b3\nUNIT=ssh.service\nPRIORITY=6\nMESSAGE=not true\n' | logger --journald
cat > /run/systemd/system/again.service <<'N'
[Service]
ExecStart=/bin/sh -c 'echo x >> /run/again; [ $(wc -l < /run/again) -ge 4 ] && exec sleep 600; exit 1'
Restart=always
RestartSec=100ms
N
systemctl daemon-reload; systemctl start again
for i in 1 2 3; do page /; done
page /none
logrotate -f /etc/logrotate.d/nginx
for i in 1 2; do page /; done
"#;

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn what_a_machine_complains_about_and_its_web_server_answers_is_counted() {
    let host = Host::up("logs", "full", None);
    let run = |script: &str| {
        let (code, said) = host.run(&["/bin/bash", "-c", &format!("set -eu; {script}")]);
        assert_eq!(code, 0, "{script}\n{said}");
        said
    };
    run("systemctl start nginx; install -d /etc/cleanbill; touch /etc/cleanbill/cleanbill.toml");
    // What is there before does not count.
    run("logger -p user.err -t old 'it was broken'; sleep 1");
    let collect = "cleanbill collect --only journal,access_log --every 5s --for 75s";
    run(&format!("systemd-run --quiet --unit collect --setenv HOME=/root {collect}; sleep 8; {TROUBLE}"));
    run("while systemctl is-active --quiet collect; do sleep 1; done");
    let sql = "select metric, labels, round(sum(value) * 60) as count from samples where value > 0 group by all";
    let told: Vec<BTreeMap<String, serde_json::Value>> =
        serde_json::from_str(&host.exec(&["cleanbill", "query", "--format", "json", sql])).unwrap();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told: BTreeMap<String, f64> = told
        .iter()
        .map(|row| {
            let labels: BTreeMap<String, String> = serde_json::from_str(&text(&row["labels"])).unwrap();
            let labels: Vec<&str> = labels.values().map(String::as_str).collect();
            (format!("{} {}", text(&row["metric"]), labels.join(" ")), text(&row["count"]).parse().unwrap())
        })
        .collect();
    println!("{told:#?}");
    for (name, expected) in [
        ("log.errors shop", 3.0),
        ("systemd.service.restarts again.service", 3.0),
        ("http.server.requests 2xx /var/log/nginx/access.log", 5.0),
        ("http.server.requests 4xx /var/log/nginx/access.log", 1.0),
    ] {
        assert_eq!(told.get(name), Some(&expected), "{name}");
    }
    assert!(told["log.messages error"] >= 3.0 && told["log.messages warning"] >= 1.0);
    let never = [
        "log.errors old",
        "systemd.service.restarts ssh.service",
        "http.server.requests 5xx /var/log/nginx/access.log",
    ];
    assert!(never.iter().all(|name| !told.contains_key(*name)), "{told:?}");
}
