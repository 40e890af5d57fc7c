//! What runs the schedule, really installed: a service, timers and cron, on hosts with their own systemd.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::host::{Host, checked, scripts};

const SETTINGS: &str = "[mail]\nto = ['root']\nfrom = 'cleanbill@example.org'\n";
/// Most that systemd may find exposed, of 10.
const EXPOSED: f64 = 3.0;
/// The job that may change the machine has few walls, with its reasons.
const EXPOSED_JOB: f64 = 9.5;

fn sh(host: &Host, script: &str) -> String {
    let (code, said) = host.run(&["/bin/bash", "-c", &format!("set -eu; {script}")]);
    assert_eq!(code, 0, "{script}\n{said}");
    said
}

/// A host with people and settings.
fn host(kind: &str, hook: Option<&str>) -> Host {
    let host = Host::up(kind, "full", hook.map(|name| scripts().join(name)));
    sh(&host, &format!("install -d -m 755 /etc/cleanbill; printf %s \"{SETTINGS}\" > /etc/cleanbill/cleanbill.toml"));
    host
}

/// All files of the host's own disk.
fn files(host: &Host) -> BTreeSet<String> {
    let list = sh(host, "find / -xdev -path /proc -prune -o -path /sys -prune -o -print");
    list.lines().map(str::to_owned).collect()
}

/// What is new and belongs to an installation.
fn left_over(before: &BTreeSet<String>, host: &Host) -> Vec<String> {
    let ours = |path: &&String| !path.starts_with("/var/lib/cleanbill") && path.contains("cleanbill");
    let new: Vec<String> = files(host).difference(before).cloned().collect();
    // What a fix wrote is no part of it.
    new.iter().filter(ours).filter(|path| !path.contains("zz-cleanbill")).cloned().collect()
}

/// Adds jobs that are due with the next minute, and waits until each of them ran; what each said.
fn run_at_the_next_minute(host: &Host, jobs: &[(&str, &str)]) -> BTreeMap<String, Value> {
    // Time enough to add them all. cron looks at its list in the first second of a minute, and does not see what is changed
    // within that one.
    sh(host, "s=$(date +%-S); [ $s -lt 40 ] || sleep $((65 - s)); [ $s -gt 3 ] || sleep 4");
    let at = sh(host, "date -d '+1 minute' +%H:%M");
    for (name, what) in jobs {
        sh(host, &format!("cleanbill schedule add {name} 'every day {}' {what} --replace", at.trim()));
    }
    let begun = Instant::now();
    loop {
        let history = host.exec(&["cleanbill", "schedule", "history", "--format", "json"]);
        let runs: Vec<Value> = serde_json::from_str(&history).unwrap_or_default();
        let due = |run: &&Value| run["due"].as_str().is_some_and(|due| due.contains(&format!("T{}:00", at.trim())));
        let ended = |run: &&Value| run["ended"].is_string();
        let found: BTreeMap<String, Value> = runs
            .iter()
            .filter(due)
            .filter(ended)
            .map(|run| (run["job"].as_str().unwrap().to_owned(), run.clone()))
            .collect();
        if found.len() == jobs.len() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(240),
            "{history}\n{}",
            host.exec(&["/bin/journalctl", "--no-pager", "-n", "80", "-u", "cleanbill*", "-u", "cron"])
        );
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// The units are right, and walled in.
fn judged(host: &Host, units: &[(&str, f64)]) {
    for (unit, most) in units {
        let said = sh(host, &format!("systemd-analyze verify {unit} 2>&1"));
        assert_eq!(said.trim(), "", "{unit}");
        if unit.ends_with(".timer") {
            continue;
        }
        let said = sh(host, &format!("systemd-analyze security --no-pager {unit} | tail -1"));
        let level: f64 = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
        println!("{unit}: exposure {level}");
        assert!(level <= *most, "{unit}: {said}");
    }
}

/// What an audit sees, and every fact, told by a program that systemd starts.
fn seen(host: &Host, into: &str, unit: Option<&str>) -> (Value, BTreeMap<String, Vec<Value>>) {
    let look = format!(
        "#!/bin/bash\nset -eu; cd /var/lib/cleanbill; mkdir -p {into}\n\
         cleanbill audit --no-store --format json > {into}/audit || [ $? = 1 ]\n\
         for t in $(cleanbill facts list | awk 'NR > 2 && /^[a-z_]+ / {{ print $1 }}'); do\n\
         cleanbill query --format json \"select * from $t order by all\" > {into}/$t 2>/dev/null; done\n"
    );
    sh(
        host,
        &format!(
            "mkdir -p /var/lib/cleanbill; cat > /usr/local/sbin/look-{into} <<'L'\n{look}L\nchmod 755 /usr/local/sbin/look-{into}"
        ),
    );
    match unit {
        // The walls of the unit, around a program that only looks.
        Some(unit) => {
            let change = format!(
                "s,^ExecStart=.*,ExecStart=/usr/local/sbin/look-{into},; s,^Type=.*,Type=oneshot,; /^Watchdog/d; /^ExecReload/d"
            );
            sh(
                host,
                &format!(
                    "sed '{change}' /etc/systemd/system/{unit} > /run/systemd/system/looks.service; systemctl daemon-reload; \
                     systemctl start looks.service; rm /run/systemd/system/looks.service; systemctl daemon-reload"
                ),
            );
        }
        None => {
            sh(
                host,
                &format!(
                    "systemd-run --wait --quiet --unit=looks.service -p LockPersonality=yes /usr/local/sbin/look-{into}"
                ),
            );
        }
    }
    let folder = format!("{}/var/lib/cleanbill/{into}", host.root());
    let mut tables = BTreeMap::new();
    let mut audit = Value::Null;
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "audit" {
            audit = serde_json::from_str(&text).unwrap();
        } else {
            tables.insert(name, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")));
        }
    }
    sh(host, &format!("rm -r /usr/local/sbin/look-{into} /var/lib/cleanbill/{into}"));
    (audit, tables)
}

/// What changes from one moment to the next, by table.
const MOVING: &[(&str, &[&str])] = &[
    ("disk_space", &["free", "available", "used_percent", "inodes", "inodes_free", "inodes_used_percent"]),
    ("file_walk", &["directories", "files", "others", "seconds"]),
    ("log_files", &["size", "modified"]),
    ("memory_info", &["memory_available", "available_percent", "swap_free", "oom_kills"]),
    ("systemd_timers", &["last_trigger", "next_elapse"]),
];

/// The rows that stay, without those of what looks.
fn steady(table: &str, rows: &[Value]) -> BTreeSet<String> {
    let moving = MOVING.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
    let own = |row: &Value| {
        let text = row.to_string();
        let looks = [
            "looks.service",
            "look-in",
            "look-out",
            "systemd-run",
            "/usr/local/bin/cleanbill",
            "systemctl",
            "/bin/bash -c set -eu",
        ];
        matches!(table, "processes" | "services" | "outdated_processes") && looks.iter().any(|word| text.contains(word))
    };
    rows.iter()
        .filter(|row| !own(row))
        .map(|row| {
            let mut row = row.clone();
            for column in moving {
                row.as_object_mut().unwrap().remove(*column);
            }
            row.to_string()
        })
        .collect()
}

fn same(outside: &(Value, BTreeMap<String, Vec<Value>>), inside: &(Value, BTreeMap<String, Vec<Value>>)) {
    for part in ["problems", "not_seen", "results"] {
        let of = |audit: &Value| -> BTreeSet<String> {
            audit[part].as_array().unwrap().iter().map(Value::to_string).collect()
        };
        let (out, within) = (of(&outside.0), of(&inside.0));
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!(only(&out, &within), Vec::<String>::new(), "{part}: seen only outside the walls");
        assert_eq!(only(&within, &out), Vec::<String>::new(), "{part}: seen only within the walls");
    }
    assert!(outside.0["problems"].as_array().unwrap().len() > 20, "a host with many faults tells them apart best");
    let mut rows = 0;
    let (out, within) = (&outside.1, &inside.1);
    assert!(out.len() > 80, "{}", out.len());
    for (table, there) in out {
        let (there, here) = (steady(table, there), steady(table, &within[table]));
        rows += there.len();
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).take(5).cloned().collect::<Vec<_>>();
        assert_eq!(only(&there, &here), Vec::<String>::new(), "{table}: seen only outside the walls");
        assert_eq!(only(&here, &there), Vec::<String>::new(), "{table}: seen only within the walls");
    }
    println!("{} tables with {rows} rows are the same within the walls and outside", out.len());
    assert!(rows > 1000, "{rows}");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn within_its_walls_the_service_sees_what_is_seen_outside() {
    let host = host("walls", Some("break/broken.sh"));
    // What walls could hide: homes, folders for passing things, rules of the firewall, devices.
    sh(
        &host,
        "useradd -m bob; chmod 700 /home/bob; echo 'machine a login b password c' > /home/bob/.netrc; cp /bin/true /tmp/tool; \
         chmod 4755 /tmp/tool; cp /bin/true /var/tmp/tool; chmod 4755 /var/tmp/tool; install -d -m 777 /dev/shm/open; touch /root/.rhosts; \
         nft add table inet mine; nft add chain inet mine input '{ type filter hook input priority 0; }'",
    );
    // At its first audit a host learns some things.
    sh(&host, "cleanbill audit --no-store >/dev/null || [ $? = 1 ]");
    let plain = seen(&host, "out", None);
    sh(&host, "cleanbill schedule install --yes");
    judged(&host, &[("cleanbill.service", EXPOSED), ("cleanbill-mail.service", EXPOSED)]);
    let outside = seen(&host, "out", None);
    // What we install is no fault of the machine.
    let faults = |audit: &Value| -> BTreeSet<String> {
        audit["problems"].as_array().unwrap().iter().map(|p| format!("{} {}", p["check"], p["evidence"])).collect()
    };
    let new: Vec<String> = faults(&outside.0).difference(&faults(&plain.0)).cloned().collect();
    assert_eq!(new, Vec::<String>::new(), "the service is a problem itself");
    let inside = seen(&host, "in", Some("cleanbill.service"));
    same(&outside, &inside);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn the_service_runs_all_kinds_of_jobs_and_goes_without_a_trace() {
    let host = host("service", None);
    let before = files(&host);
    sh(&host, "cleanbill schedule install --yes");
    let card = |what: &str| sh(&host, &format!("systemctl show -p {what} --value cleanbill.service")).trim().to_owned();
    assert_eq!((card("ActiveState"), card("UnitFileState")), ("active".to_owned(), "enabled".to_owned()));
    let first = card("MainPID");
    let said = sh(&host, "cleanbill schedule install --yes");
    assert!(said.contains("in place already") && card("MainPID") == first, "{said}");

    // A job that changes the machine needs a service of its own, and gets it with the job.
    let jobs = [
        ("look", "--audit"),
        ("fixes", "--fix safe"),
        ("mail", "--email root"),
        ("mine", "--run 'cat /proc/self/cgroup; touch /etc/made-by-a-job; ls /root'"),
    ];
    let runs = run_at_the_next_minute(&host, &jobs);
    assert_eq!(card("MainPID"), first, "it was not restarted for that");
    for (name, run) in &runs {
        assert_eq!(run["state"], "done", "{name}: {run}");
    }
    assert!(runs["mine"]["said"].as_str().unwrap().contains("cleanbill-job@mine.service"), "{}", runs["mine"]);
    sh(&host, "test -e /etc/made-by-a-job");
    assert!(runs["fixes"]["said"].as_str().unwrap().contains("Done and checked"), "{}", runs["fixes"]);
    let begun = Instant::now();
    while !host.exec(&["/bin/cat", "/var/mail/root"]).contains("X-Original-To: root") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", host.exec(&["cleanbill", "email", "queue", "--all"]));
        std::thread::sleep(Duration::from_secs(1));
    }
    judged(
        &host,
        &[
            ("cleanbill.service", EXPOSED),
            ("cleanbill-mail.service", EXPOSED),
            ("cleanbill-job@fixes.service", EXPOSED_JOB),
        ],
    );
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 0 && said.contains("as a service"), "{code}: {said}");
    footprint(&host, &first);

    // A stop is orderly, a crash is mended, a reload is heard.
    sh(&host, "systemctl reload cleanbill; systemctl is-active cleanbill");
    sh(&host, "systemctl kill -s KILL cleanbill; sleep 1");
    let begun = Instant::now();
    while card("ActiveState") != "active" {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", card("ActiveState"));
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_ne!(card("MainPID"), first);
    let stop = Instant::now();
    sh(&host, "systemctl stop cleanbill");
    assert!(stop.elapsed() < Duration::from_secs(5));
    assert_eq!(card("Result"), "success");
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 1 && said.contains("does not"), "{code}: {said}");

    by_a_mail_server(&host);

    // A file that someone changed is told, and left.
    sh(&host, "echo Nice=3 >> /etc/systemd/system/cleanbill.service");
    let (code, said) = host.run(&["cleanbill", "schedule", "install", "--yes"]);
    assert!(code == 3 && said.contains("--force"), "{code}: {said}");
    sh(&host, "cleanbill schedule install --yes --force");
    assert_eq!(card("ActiveState"), "active");

    let said = sh(&host, "cleanbill schedule uninstall --yes");
    assert!(said.contains("are as they were"), "{said}");
    assert_eq!(left_over(&before, &host), Vec::<String>::new());
    let (_, units) = host.run(&["/bin/systemctl", "list-units", "--all", "--no-legend", "cleanbill*"]);
    assert_eq!(units.trim(), "");
    sh(&host, "test -s /etc/cleanbill/cleanbill.toml; cleanbill schedule history | grep -q mine");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn init_sets_all_up_and_the_mail_is_in_the_inbox() {
    let host = Host::up("init", "full", None);
    let at = sh(&host, "s=$(date +%-S); [ $s -lt 45 ] || sleep $((61 - s)); date -d '+1 minute' +%H:%M");
    let init = "cleanbill init --yes --email root --from cleanbill@example.org --purpose 'the web shop' --fix safe";
    let said = sh(&host, &format!("{init} --when 'every day {}'", at.trim()));
    assert!(said.contains("Sent to root") && said.contains("Take it back"), "{said}");
    let inbox = |words: &str| {
        let begun = Instant::now();
        while !host.exec(&["/bin/cat", "/var/mail/root"]).contains(words) {
            let queue = || host.exec(&["cleanbill", "email", "queue", "--all"]);
            assert!(begun.elapsed() < Duration::from_secs(150), "{words}: {}", queue());
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    inbox("works\n");
    inbox("at the first look");
    let mail = host.exec(&["/bin/cat", "/var/mail/root"]);
    for words in ["application/pdf", "Auto-Submitted: auto-generated", "From: cleanbill@example.org"] {
        assert!(mail.contains(words), "{words}: {mail}");
    }
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 0 && said.contains("All is as it should be."), "{code}: {said}");
    sh(&host, "cleanbill schedule uninstall --yes");
}

/// Mail goes to a mail server from within the walls, and the password for it comes as a credential.
fn by_a_mail_server(host: &Host) {
    let server = |more: &str| {
        let settings = format!("{SETTINGS}server = '127.0.0.1'\nport = 25\nsecurity = 'none'\n{more}");
        sh(
            host,
            &format!("printf %s \"{settings}\" > /etc/cleanbill/cleanbill.toml; cleanbill schedule install --yes"),
        );
    };
    server("");
    sh(host, "! test -e /etc/systemd/system/cleanbill-mail.service; : > /var/mail/root");
    let runs = run_at_the_next_minute(host, &[("mail", "--email root@debian")]);
    assert_eq!(runs["mail"]["state"], "done", "{}", runs["mail"]);
    let begun = Instant::now();
    while !sh(host, "cat /var/mail/root").contains("Received: from") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", host.exec(&["cleanbill", "email", "queue", "--all"]));
        std::thread::sleep(Duration::from_secs(1));
    }
    // This server takes no password, so that it was read is told by what it did not get past.
    sh(host, "install -d -m 700 /etc/credstore; (umask 077; echo secret > /etc/credstore/mail-password)");
    server("user = 'web01'\npassword_credential = 'mail-password'\n");
    let tree = "--run 'readlink /proc/self/ns/mnt; readlink /proc/1/ns/mnt; ls $CREDENTIALS_DIRECTORY'";
    let runs = run_at_the_next_minute(host, &[("mail", "--email root@debian"), ("mine", tree)]);
    let said = runs["mail"]["said"].as_str().unwrap();
    assert!(said.contains("will be tried again") && !said.contains("credential"), "{said}");
    // What a job that changes the machine mounts, the machine has.
    let said: Vec<&str> = runs["mine"]["said"].as_str().unwrap().lines().collect();
    assert!(said.len() == 3 && said[0] == said[1] && said[2] == "mail-password", "{said:?}");
}

/// What the daemon takes while it waits.
fn footprint(host: &Host, pid: &str) {
    let rollup = sh(host, &format!("cat /proc/{pid}/smaps_rollup"));
    let kb = |key: &str| -> u64 {
        let line = rollup.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    };
    // The files of the host lie in memory, so that pages of programs count as changed ones here: what it holds of its own
    // is what has no file.
    println!("the daemon: {} kB resident, {} kB of its own", kb("Rss"), kb("Anonymous"));
    assert!(kb("Rss") <= 16 << 10, "{rollup}");
    assert!(kb("Anonymous") <= 4 << 10, "{rollup}");
    let ticks = || -> u64 {
        let stat = sh(host, &format!("cat /proc/{pid}/stat"));
        stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
    };
    let (from, before) = (Instant::now(), ticks());
    std::thread::sleep(Duration::from_secs(100));
    let seconds = from.elapsed().as_secs_f64();
    let share = (ticks() - before) as f64 / seconds;
    println!("the daemon: {} ticks of 10 ms in {seconds:.0} s, {share:.3} % of one core", ticks() - before);
    assert!(share <= 0.03, "{share} %");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn timers_and_cron_do_the_same_and_go_without_a_trace() {
    let host = host("timers", None);
    let before = files(&host);
    sh(&host, "cleanbill schedule install --systemd-timers --yes");
    let jobs = [
        ("look", "--audit"),
        ("late", "--audit --jitter 30s"),
        ("mine", "--run 'cat /proc/self/cgroup'"),
        ("mail", "--email root"),
    ];
    let runs = run_at_the_next_minute(&host, &jobs);
    for (name, run) in &runs {
        assert_eq!(run["state"], "done", "{name}: {run}");
    }
    assert!(runs["mine"]["said"].as_str().unwrap().contains("cleanbill-job@mine.service"), "{}", runs["mine"]);
    judged(
        &host,
        &[
            ("cleanbill-look@look.service", EXPOSED),
            ("cleanbill-mail.service", EXPOSED),
            ("cleanbill-job@mine.service", EXPOSED_JOB),
            ("cleanbill-look@look.timer", EXPOSED),
            ("cleanbill-job@mine.timer", EXPOSED),
            ("cleanbill-mail.timer", EXPOSED),
        ],
    );
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 0 && said.contains("by timers of systemd"), "{code}: {said}");
    // A job that goes takes its timer with it.
    sh(&host, "cleanbill schedule remove late");
    let timers = sh(&host, "systemctl list-timers --all --no-legend 'cleanbill*'");
    assert!(timers.lines().count() == 4 && !timers.contains("late"), "{timers}");
    // Settings that were changed by hand are noticed.
    sh(&host, "printf \"[schedule.more]\\nwhen = '@daily'\\ndo = 'audit'\\n\" >> /etc/cleanbill/cleanbill.toml");
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 1 && said.contains("does not fit the settings any more"), "{code}: {said}");
    sh(&host, "cleanbill schedule install --systemd-timers --yes; cleanbill status; cleanbill schedule remove more");

    sh(&host, "cleanbill schedule install --crontab --yes");
    let units = sh(&host, "systemctl list-units --all --no-legend 'cleanbill*'");
    assert_eq!(units.trim(), "", "one way takes the place of the other");
    let jobs = [
        ("look", "--audit"),
        ("late", "--audit --jitter 30s"),
        ("mine", "--run 'cat /proc/self/cgroup'"),
        ("mail", "--email root"),
    ];
    let runs = run_at_the_next_minute(&host, &jobs);
    for (name, run) in &runs {
        assert_eq!(run["state"], "done", "{name}: {run}");
    }
    assert!(runs["mine"]["said"].as_str().unwrap().contains("cron"), "{}", runs["mine"]);
    let (code, said) = host.run(&["cleanbill", "status"]);
    assert!(code == 0 && said.contains("by cron"), "{code}: {said}");
    // Nothing of it is mailed by cron itself: the mails that came are ours.
    let senders = sh(&host, "grep -c '^From: .*Cron Daemon' /var/mail/root || true");
    assert_eq!(senders.trim(), "0");
    sh(&host, "cleanbill schedule uninstall --yes");
    assert_eq!(left_over(&before, &host), Vec::<String>::new());

    // A person without root has it in their own crontab, beside their own lines.
    let person = "useradd -m -s /bin/bash ann; printf 'MAILTO=ann\\n5 5 * * * true\\n' | crontab -u ann -; \
         runuser -u ann -- mkdir -p /home/ann/.config/cleanbill; \
         printf \"[schedule.look]\\nwhen = '@daily'\\ndo = 'audit'\\n\" > /home/ann/.config/cleanbill/cleanbill.toml; \
         chown ann /home/ann/.config/cleanbill/cleanbill.toml";
    sh(&host, person);
    let own = |what: &str| {
        sh(
            &host,
            &format!(
                "runuser -u ann -- env -i HOME=/home/ann USER=ann PATH=/usr/bin:/bin:/usr/local/bin cleanbill {what}"
            ),
        )
    };
    own("schedule install --crontab --yes");
    let crontab = sh(&host, "crontab -l -u ann");
    assert!(crontab.starts_with("MAILTO=ann\n5 5 * * * true\n# BEGIN cleanbill\n"), "{crontab}");
    assert!(
        crontab
            .contains("@reboot CLEANBILL_CONFIG=/home/ann/.config/cleanbill/cleanbill.toml /usr/local/bin/cleanbill"),
        "{crontab}"
    );
    own("schedule uninstall --yes");
    assert_eq!(sh(&host, "crontab -l -u ann"), "MAILTO=ann\n5 5 * * * true\n");
    checked(&["exec", &host.name, "/bin/true"]);
}
