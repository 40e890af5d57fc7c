//! Bad days: something goes wrong in quiet ones, and the check that is for it says so in the right words.

use super::*;

/// What went wrong.
struct Bad {
    /// The check that should tell.
    check: &'static str,
    title: &'static str,
    /// What was measured in place of the quiet values: metric, labels, from and to so many minutes ago, and the value.
    values: &'static [(&'static str, &'static str, i64, i64, &'static str)],
    /// Others that may tell of it, too: it is seen from several sides.
    also: &'static [&'static str],
}

const fn bad(
    check: &'static str,
    title: &'static str,
    values: &'static [(&'static str, &'static str, i64, i64, &'static str)],
    also: &'static [&'static str],
) -> Bad {
    Bad { check, title, values, also }
}

const H: i64 = 60;
const D: i64 = 24 * 60;

#[rustfmt::skip]
const DAYS: &[Bad] = &[
    bad("processors-busy-for-hours", "The processors were busy in 5 of the last 24 hours", &[
        ("system.cpu.utilization", r#"{"cpu.mode":"user"}"#, 7 * H + 25, 2 * H + 25, "0.96"),
    ], &[]),
    bad("programs-wait-for-processors", "Programs had to wait for the processors in 6 of the last 24 hours", &[
        ("system.pressure.stall", r#"{"system.pressure.resource":"cpu","system.pressure.kind":"some"}"#, 8 * H + 25, 2 * H + 25, "0.8"),
    ], &[]),
    bad("load-far-above-processors", "In 4 of the last 24 hours far more work was waiting than the processors can do", &[
        ("system.cpu.load_average.15m", "{}", 6 * H + 25, 2 * H + 25, "11"),
    ], &[]),
    bad("processor-time-taken-away", "Other machines took processor time from this one in 6 of the last 24 hours", &[
        ("system.cpu.utilization", r#"{"cpu.mode":"steal"}"#, 6 * H + 25, 25, "0.25"),
    ], &[]),
    bad("processors-wait-for-disks", "The processors waited for disks in 6 of the last 24 hours", &[
        ("system.cpu.utilization", r#"{"cpu.mode":"iowait"}"#, 6 * H + 25, 25, "0.5"),
    ], &[]),
    bad("programs-stuck", "Programs were stuck in 5 of the last 24 hours", &[
        ("system.process.count", r#"{"process.state":"blocked"}"#, 5 * H + 25, 25, "3"),
    ], &[]),
    bad("ended-programs-pile-up", "250 programs that have ended are not cleared away", &[
        ("system.process.count", r#"{"process.state":"zombie"}"#, 10 * H, 0, "250"),
    ], &[]),
    bad("far-more-threads-than-usual", "There are 9000 threads of programs, where 250 are usual", &[
        ("system.thread.count", "{}", 5 * H, 0, "9000"), ("system.thread.count", "{}", 14 * D, D, "250"),
    ], &[]),
    bad("part-too-warm", "A part of the machine gets too warm", &[
        ("hw.temperature", r#"{"hw.id":"coretemp/temp1","hw.name":"Package id 0"}"#, 4 * H, 0, "98"),
    ], &[]),
    bad("machine-restarted-often", "This machine started anew 6 times in the last 7 days", &[
        ("system.uptime", "{}", 6 * D, 0, "(epoch(ts)::bigint - 1772634300) % 86400"),
    ], &[]),
    bad("programs-wait-for-disks", "Programs had to wait for the disks in 6 of the last 24 hours", &[
        ("system.pressure.stall", r#"{"system.pressure.resource":"io","system.pressure.kind":"some"}"#, 6 * H + 25, 25, "0.9"),
        ("system.pressure.stall", r#"{"system.pressure.resource":"io","system.pressure.kind":"full"}"#, 6 * H + 25, 25, "0.7"),
    ], &[]),
    bad("programs-wait-for-memory", "Programs had to wait for memory in 3 of the last 24 hours", &[
        ("system.pressure.stall", r#"{"system.pressure.resource":"memory","system.pressure.kind":"some"}"#, 3 * H + 25, 25, "0.3"),
    ], &[]),
    bad("disk-was-full-lately", "The disk at / was full for 40 minutes of the last 24 hours", &[
        ("system.filesystem.utilization", r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#, 9 * H, 9 * H - 40, "1"),
    ], &[]),
    bad("places-for-files-were-gone-lately", "The disk at / could hold no more files for 40 minutes of the last 24 hours", &[
        ("system.filesystem.inodes.utilization", r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#, 9 * H, 9 * H - 40, "1"),
    ], &[]),
    bad("disk-filled-up-fast", "The disk at / went from 30% to 80% full in a day", &[
        ("system.filesystem.utilization", r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#, 26 * H, 12 * H, "0.3"),
        ("system.filesystem.utilization", r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/"}"#, 12 * H, 0, "0.8"),
    ], &[]),
    bad("disk-answers-slowly", "The disk vda took 400 ms to write, in 5 of the last 24 hours", &[
        ("system.disk.operation_time", r#"{"system.device":"vda","disk.io.direction":"write"}"#, 6 * H + 25, H + 25, "0.4"),
        ("system.disk.operations", r#"{"system.device":"vda","disk.io.direction":"write"}"#, 6 * H + 25, H + 25, "30"),
    ], &[]),
    bad("disk-at-its-limit", "The disk vda worked at its limit in 5 of the last 24 hours", &[
        ("system.disk.utilization", r#"{"system.device":"vda"}"#, 6 * H + 25, H + 25, "0.999"),
        ("system.disk.queue", r#"{"system.device":"vda"}"#, 6 * H + 25, H + 25, "20"),
    ], &[]),
    bad("memory-short-for-hours", "The memory was nearly used up in 5 of the last 24 hours", &[
        ("system.memory.utilization", "{}", 6 * H + 25, H + 25, "0.985"),
    ], &[]),
    bad("swapping-heavily", "For 30 minutes memory was moved to the disk and back all the time", &[
        ("system.paging.operations", r#"{"system.paging.direction":"in"}"#, 3 * H, 3 * H - 30, "4000"),
        ("system.paging.operations", r#"{"system.paging.direction":"out"}"#, 3 * H, 3 * H - 30, "5000"),
    ], &[]),
    bad("swap-nearly-used-up", "Memory and swap were nearly used up in 5 of the last 24 hours", &[
        ("system.paging.utilization", "{}", 6 * H + 25, H + 25, "0.99"),
        ("system.memory.utilization", "{}", 6 * H + 25, H + 25, "0.93"),
    ], &[]),
    bad("memory-ran-out-lately", "Memory ran out in the last 24 hours, and the system ended mariadbd", &[
        ("kernel.oom_kills", r#"{"process.executable.name":"mariadbd"}"#, 3 * H, 3 * H - 1, "1 / 60.0"),
        ("kernel.oom_kills", r#"{"process.executable.name":"mariadbd"}"#, 3 * H - 1, 2 * H, "0"),
    ], &[]),
    bad("packets-sent-again", "12.5 of 100 packets had to be sent again, in 5 of the last 24 hours", &[
        ("system.network.tcp.retransmits", "{}", 6 * H + 25, H + 25, "10"), ("system.network.tcp.segments", "{}", 6 * H + 25, H + 25, "80"),
    ], &[]),
    bad("connections-nobody-took", "About 9000 connections were not taken, in 5 of the last 24 hours", &[
        ("system.network.tcp.listen_drops", "{}", 6 * H + 25, H + 25, "0.5"),
    ], &[]),
    bad("packets-dropped", "9.0 of 100 packets on eth0 were thrown away, in 5 of the last 24 hours", &[
        ("system.network.packet.dropped", r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#, 6 * H + 25, H + 25, "90"),
        ("system.network.packet.count", r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#, 6 * H + 25, H + 25, "1000"),
    ], &[]),
    bad("packets-broken", "10.0 of 1,000 packets on eth0 were broken, in 5 of the last 24 hours", &[
        ("system.network.errors", r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#, 6 * H + 25, H + 25, "10"),
        ("system.network.packet.count", r#"{"network.interface.name":"eth0","network.io.direction":"receive"}"#, 6 * H + 25, H + 25, "1000"),
    ], &[]),
    bad("web-server-errors", "A web server answered 50.0 of 100 requests with an error, in 3 of the last 24 hours", &[
        ("http.server.requests", r#"{"log.file.path":"/var/log/nginx/access.log","http.response.status_class":"5xx"}"#, 3 * H + 25, 25, "2"),
        ("http.server.requests", r#"{"log.file.path":"/var/log/nginx/access.log","http.response.status_class":"2xx"}"#, 3 * H + 25, 25, "2"),
        ("http.server.requests", r#"{"log.file.path":"/var/log/nginx/access.log","http.response.status_class":"3xx"}"#, 3 * H + 25, 25, "0"),
        ("http.server.requests", r#"{"log.file.path":"/var/log/nginx/access.log","http.response.status_class":"4xx"}"#, 3 * H + 25, 25, "0"),
    ], &[]),
    bad("web-server-slow", "A web server took 6.0 seconds or longer for 5 of 100 requests, in 4 of the last 24 hours", &[
        ("http.server.request.duration", r#"{"log.file.path":"/var/log/nginx/access.log","statistic":"p95"}"#, 4 * H + 25, 25, "6"),
    ], &[]),
    bad("target-does-not-answer", "shop does not answer", &[
        ("target.up", r#"{"target":"shop"}"#, 20, 0, "0"),
        ("target.failures", r#"{"target":"shop","error.type":"connection"}"#, 20, 0, "1 / 60.0"),
    ], &[]),
    bad("target-name-not-found", "The name of resolver cannot be looked up", &[
        ("target.up", r#"{"target":"resolver"}"#, 20, 0, "0"),
        ("dns.response.code", r#"{"target":"resolver"}"#, 20, 0, "2"),
    ], &[]),
    bad("target-fails-at-times", "shop did not answer 40 of 1405 times", &[
        ("target.up", r#"{"target":"shop"}"#, 9 * H, 9 * H - 20, "0"), ("target.up", r#"{"target":"shop"}"#, 4 * H, 4 * H - 20, "0"),
    ], &[]),
    bad("target-slow", "shop took 8.0 seconds to answer, in 4 of the last 24 hours", &[
        ("http.client.request.duration", r#"{"target":"shop"}"#, 4 * H + 25, 25, "8"),
    ], &["target-slower-than-usual"]),
    bad("target-slower-than-usual", "shop takes 10.0 times as long as usual", &[
        ("http.client.request.duration", r#"{"target":"shop"}"#, 14 * D, D, "0.1"), ("http.client.request.duration", r#"{"target":"shop"}"#, 8 * H, 0, "1"),
    ], &[]),
    bad("target-certificate-ends-soon", "The certificate of shop runs out in 6 days", &[
        ("tls.certificate.days_left", r#"{"target":"shop"}"#, D, 0, "6.5"),
    ], &[]),
    bad("target-certificate-not-believed", "Visitors do not believe the certificate of shop", &[
        ("tls.certificate.trusted", r#"{"target":"shop"}"#, 30, 0, "0"), ("target.up", r#"{"target":"shop"}"#, 30, 0, "0"),
        ("target.failures", r#"{"target":"shop","error.type":"certificate"}"#, 30, 0, "1 / 60.0"),
    ], &[]),
    bad("service-kept-restarting", "The service shop was started again 60 times in the last 24 hours", &[
        ("systemd.service.restarts", r#"{"systemd.unit.name":"shop.service"}"#, 5 * H, 0, "1 / 300.0"),
    ], &[]),
    bad("services-failed-for-days", "A service has been out of order for 6 days", &[("systemd.unit.failed", "{}", 6 * D + H, 0, "2")], &[]),
    bad("errors-far-more-than-usual", "About 36000 errors of shop.service in the last 24 hours, where 0 are usual", &[
        ("log.errors", r#"{"systemd.unit.name":"shop.service"}"#, 10 * H, 0, "1"),
    ], &[]),
    bad("kernel-errors-go-on", "The core of the system reported about 360 errors in the last 24 hours", &[
        ("kernel.errors", "{}", 10 * H, 0, "0.01"),
    ], &[]),
    bad("clock-off-for-hours", "The clock of this machine was off in 6 of the last 24 hours, by up to 2.5 seconds", &[
        ("system.clock.offset", "{}", 6 * H + 25, 25, "-2.5"),
    ], &[]),
    bad("clock-was-set", "The clock of this machine was set back by 120 seconds", &[("system.clock.jump", "{}", 90, 89, "-120")], &[]),
    bad("clock-not-kept-for-hours", "Nothing has kept the clock right for hours", &[("system.clock.synchronized", "{}", 20 * H, 0, "0")], &[]),
    bad("updates-security-wait-for-days", "For 12 days security updates have been waiting", &[
        ("system.updates.pending", r#"{"system.update.kind":"security"}"#, 12 * D + H, 0, "4"),
    ], &[]),
    bad("measuring-stopped", "This machine has not been measured for 2 hours", &[("", "", 2 * H + 5, 0, "")], &[]),
];

impl Machine {
    /// Puts other values in place of the quiet ones, one a minute.
    fn spoil(&self, number: usize, metric: &str, labels: &str, from: i64, to: i64, value: &str) {
        let connection = self.open();
        let at = |minutes: i64| format!("make_timestamp({})", (now().as_second() - minutes * 60) * 1_000_000);
        let time = format!("ts >= {} and ts < {}", at(from), at(to));
        if metric.is_empty() {
            connection.execute_batch(&format!("delete from metric_fresh where {time}")).unwrap();
            return;
        }
        let host = machine::identity(&self.host).0;
        let same = format!("metric = '{metric}' and labels = '{labels}'::json::map(varchar, varchar)");
        connection
            .execute_batch(&format!(
                "insert into metric_series select 10000 + {number}, '{host}', '{metric}', '{labels}', '{labels}'::json::map(varchar, varchar)
                    where not exists (from metric_series where {same});
                 delete from metric_fresh where {time} and series in (select id from metric_series where {same});
                 insert into metric_fresh select id, ts, {value} from metric_series,
                    (select range as ts from range({}, {}, interval 1 minute)) where {same};",
                at(from),
                at(to)
            ))
            .unwrap();
    }
}

#[test]
fn a_bad_day_is_told_by_the_check_that_is_for_it_and_by_no_other() {
    let catalogue = catalogue();
    let (short, long) = (Machine::new(), Machine::new());
    short.quiet(26, 60, 11);
    long.quiet(15 * 24, 60, 12);
    let mut wrong = Vec::new();
    for day in DAYS {
        // Some ask what is usual.
        let before = day.check.contains("-usual") || day.values.iter().any(|(_, _, from, ..)| *from > D);
        let quiet = if before { &long } else { &short };
        let machine = quiet.copy();
        for (number, (metric, labels, from, to, value)) in day.values.iter().enumerate() {
            machine.spoil(number, metric, labels, *from, *to, value);
        }
        let mut found = None;
        for outcome in machine.outcomes(&catalogue) {
            match &outcome.verdict {
                Verdict::Ok => {}
                Verdict::Problem(finding) if outcome.check == day.check => found = Some(finding.title.clone()),
                Verdict::Problem(_) if day.also.contains(&outcome.check.as_str()) => {}
                other => wrong.push(format!("{}: {} says {other:?}", day.check, outcome.check)),
            }
        }
        if found.as_deref() != Some(day.title) {
            wrong.push(format!("{}: {found:?}", day.check));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_a_bad_day_for_every_check_about_metrics() {
    let told: Vec<&str> = DAYS.iter().map(|day| day.check).collect();
    let catalogue = catalogue();
    let missing: Vec<&str> = catalogue
        .checks()
        .filter(|c| !c.measures.is_empty() && !told.contains(&c.id.as_str()))
        // What comes is not of one day: those have tests of their own.
        .filter(|c| !c.needs.iter().any(|need| need == "forecasts"))
        .map(|c| c.id.as_str())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_few_bad_minutes_and_a_backup_in_the_night_are_no_problem() {
    let catalogue = catalogue();
    let quiet = Machine::new();
    quiet.quiet(15 * 24, 60, 13);
    // What is told though it lasts no longer: a program was ended, the clock was set, answers failed at two times.
    let events = ["memory-ran-out-lately", "clock-was-set", "target-fails-at-times", "measuring-stopped"];
    for (number, day) in DAYS.iter().filter(|day| !events.contains(&day.check)).enumerate() {
        for (place, (metric, labels, from, _, value)) in day.values.iter().enumerate() {
            let from = (*from).min(20 * H);
            quiet.spoil(10 * number + place, metric, labels, from, from - 4, value);
        }
    }
    let (from, to) = (12 * H + 25, 9 * H + 25);
    for (place, (metric, labels, value)) in [
        ("system.cpu.utilization", r#"{"cpu.mode":"user"}"#, "0.97"),
        ("system.cpu.utilization", r#"{"cpu.mode":"iowait"}"#, "0.6"),
        ("system.cpu.load_average.15m", "{}", "5"),
        ("system.pressure.stall", r#"{"system.pressure.resource":"io","system.pressure.kind":"some"}"#, "0.95"),
        ("system.pressure.stall", r#"{"system.pressure.resource":"io","system.pressure.kind":"full"}"#, "0.8"),
        ("system.pressure.stall", r#"{"system.pressure.resource":"cpu","system.pressure.kind":"some"}"#, "0.7"),
        ("system.disk.utilization", r#"{"system.device":"vda"}"#, "1"),
        ("system.disk.queue", r#"{"system.device":"vda"}"#, "9"),
        ("system.disk.operation_time", r#"{"system.device":"vda","disk.io.direction":"read"}"#, "0.06"),
        ("system.disk.operations", r#"{"system.device":"vda","disk.io.direction":"read"}"#, "200"),
    ]
    .into_iter()
    .enumerate()
    {
        quiet.spoil(1000 + place, metric, labels, from, to, value);
    }
    nothing_is_said(&quiet, &catalogue);
}
