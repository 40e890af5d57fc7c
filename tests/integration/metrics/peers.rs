//! What we measure is what the tools say that everyone knows, sysstat's and vmstat, asked at the same time while this test
//! keeps a processor, a disk and a network busy.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

use cleanbill::metrics::{Collector, since_start};
use serde_json::Value;

use super::{Numbers, collector, load::Load, name};
use crate::testing::can;

/// How long is compared: half a minute, or a moment where not all must be tried.
fn seconds() -> u64 {
    if std::env::var_os("CLEANBILL_ALL_TESTS").is_some() { 31 } else { 6 }
}

/// The window of each program begins and ends some hundredths of a second beside ours. What another program does just
/// then is in one and not in the other, so that one try may fail.
const TRIES: usize = 5;

/// A program that looks at the machine once a second, for so long.
fn peer(args: &str) -> std::io::Result<Child> {
    let mut args = args.split(' ');
    let mut command = Command::new(args.next().unwrap());
    command.args(args).env("LC_ALL", "C").env("S_TIME_FORMAT", "ISO").stdout(Stdio::piped()).spawn()
}

fn said(peer: Child) -> String {
    let output = peer.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The means of what we measure: of counts what they grew, of the rest the mean of all values.
fn ours(collector: &mut Collector, seconds: u64) -> Numbers {
    let (mut first, mut last, mut sums) = (Numbers::new(), Numbers::new(), BTreeMap::<String, (f64, f64)>::new());
    let begun = since_start();
    let mut end = begun;
    for second in 0..=seconds {
        std::thread::sleep((begun + Duration::from_secs(second)).saturating_sub(since_start()));
        end = since_start();
        let values = collector.sample(end);
        let read: Vec<_> = values.values().iter().map(|v| (name(values, v.series), v.value, v.total)).collect();
        let rates: Numbers = read.iter().filter_map(|(name, value, _)| Some((name.clone(), (*value)?))).collect();
        for (name, value, total) in read {
            if let Some(total) = total {
                first.entry(name.clone()).or_insert(total);
                last.insert(name, total);
            } else if let Some(value) = value.filter(|_| second > 0) {
                // Peers say how things are at the end of each second. How long a write takes counts as often as something was written.
                let times = rates
                    .get(&name.replace("operation_time", "operations"))
                    .filter(|_| name.contains("operation_time"));
                let times = times.copied().unwrap_or(1.0);
                let (sum, weight) = sums.entry(name).or_default();
                (*sum, *weight) = (*sum + value * times, *weight + times);
            }
        }
    }
    let passed = (end - begun).as_secs_f64();
    let grown = first.iter().map(|(name, first)| (name.clone(), (last[name] - first) / passed));
    grown.chain(sums.into_iter().map(|(name, (sum, weight))| (name, sum / weight))).collect()
}

/// One number of a peer beside ours.
struct Pair {
    what: String,
    theirs: f64,
    ours: f64,
    /// By how much they may differ: by a share of theirs, and by this at any rate.
    share: f64,
    least: f64,
}

impl Pair {
    fn agrees(&self) -> bool {
        (self.ours - self.theirs).abs() <= self.theirs.abs() * self.share + self.least
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.agrees() { "" } else { "  <-- differs" };
        write!(f, "{:60} {:16.4} {:16.4}{sign}", self.what, self.theirs, self.ours)
    }
}

/// Pairs of numbers, with how far they may lie apart.
struct Pairs<'a> {
    ours: &'a Numbers,
    pairs: Vec<Pair>,
}

impl Pairs<'_> {
    fn of(&self, names: &[&str]) -> f64 {
        names.iter().map(|name| self.ours.get(*name).unwrap_or_else(|| panic!("{name} is not measured"))).sum()
    }

    fn add(&mut self, peer: &str, names: &[&str], theirs: f64, (share, least): (f64, f64)) {
        let what = format!("{peer} {}", names.join(" + "));
        self.pairs.push(Pair { what, theirs, ours: self.of(names), share, least });
    }
}

/// Shares of the time: within two points. The kernel counts in hundredths of a second, and of six seconds the edges of the
/// windows are one point.
const SHARE: (f64, f64) = (0.0, 0.02);
/// Whole points of a second are what vmstat prints, cut off.
const ROUGH_SHARE: (f64, f64) = (0.0, 0.025);
/// Traffic that this test makes: within three in a hundred, and what one packet or write at an edge makes.
const BYTES: (f64, f64) = (0.03, 20_000.0);
/// Packets, reads and writes, connections: the same.
const EVENTS: (f64, f64) = (0.03, 2.0);
/// Reads: the same, and other programs that start just then read much in small parts.
const READS: (f64, f64) = (0.05, 8.0);
/// Changes between programs and interrupts: others make them too, in bursts.
const BURSTS: (f64, f64) = (0.05, 50.0);
/// How long a write takes, on average: each second has other ones; two decimals of a millisecond are printed.
const LATENCY: (f64, f64) = (0.1, 0.000_1);
/// How much waits for the disk: the same.
const QUEUE: (f64, f64) = (0.1, 0.03);
/// What goes wrong is rare; one more at an edge is no difference.
const RARE: (f64, f64) = (0.05, 0.5);

fn one_try() -> Option<Vec<Pair>> {
    let seconds = seconds();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let burner = format!("cbburn{}", std::process::id());
    let load = Load::start(folder.path(), &burner);
    let mut collector = collector(&["cpu", "memory", "disk", "network", "tcp", "processes"]);
    let peers = [
        format!("mpstat -P ALL -o JSON 1 {seconds}"),
        format!("iostat -x -y -o JSON 1 {seconds}"),
        format!("vmstat -n 1 {}", seconds + 1),
        format!("sar -r -n DEV,TCP,ETCP 1 {seconds}"),
        format!("pidstat -u -p {} 1 {seconds}", load.burner.id()),
    ];
    let started: std::io::Result<Vec<Child>> = peers.iter().map(|args| peer(args)).collect();
    if !can(started.is_ok(), "sysstat and procps are not installed") {
        return None;
    }
    // They take a moment until they look for the first time.
    std::thread::sleep(Duration::from_millis(30));
    let ours = ours(&mut collector, seconds);
    let said: Vec<String> = started.unwrap().into_iter().map(said).collect();
    drop(load);
    let mut pairs = Pairs { ours: &ours, pairs: Vec::new() };
    mpstat(&mut pairs, &said[0]);
    iostat(&mut pairs, &said[1]);
    vmstat(&mut pairs, &said[2]);
    sar(&mut pairs, &said[3]);
    if seconds > 30 {
        pidstat(&mut pairs, &said[4], &burner);
    }
    Some(pairs.pairs)
}

#[test]
fn values_agree_with_those_of_other_programs() {
    let mut last = Vec::new();
    for _ in 0..TRIES {
        let Some(pairs) = one_try() else { return };
        assert!(pairs.len() > 30, "hardly anything was compared");
        last = pairs.iter().map(|pair| format!("{pair}\n")).collect();
        if pairs.iter().all(Pair::agrees) {
            eprintln!("{:60} {:>16} {:>16}\n{}", "", "theirs", "ours", last.concat());
            return;
        }
        pairs.iter().filter(|pair| !pair.agrees()).for_each(|pair| eprintln!("{pair}"));
    }
    panic!("in {TRIES} tries they never agreed, the last time:\n{}", last.concat());
}

/// The mean of a number in a list of objects.
fn mean<'a>(list: impl Iterator<Item = &'a Value>, key: &str) -> f64 {
    let numbers: Vec<f64> = list.map(|object| object[key].as_f64().unwrap()).collect();
    numbers.iter().sum::<f64>() / f64::from(u32::try_from(numbers.len()).unwrap())
}

/// What each second had to say.
fn statistics(text: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(text).unwrap();
    let list = all["sysstat"]["hosts"][0]["statistics"].as_array().unwrap().clone();
    assert!(list.len() > 4, "{text}");
    list
}

fn mpstat(pairs: &mut Pairs<'_>, text: &str) {
    let statistics = statistics(text);
    let lines = statistics[0]["cpu-load"].as_array().unwrap();
    for (place, line) in lines.iter().enumerate() {
        let cpu = line["cpu"].as_str().unwrap();
        let of = |key| mean(statistics.iter().map(|s| &s["cpu-load"][place]), key) / 100.0;
        // The kernel counts the time of guests as time of programs, too.
        for (mode, theirs) in [
            ("user", of("usr") + of("guest")),
            ("nice", of("nice") + of("gnice")),
            ("system", of("sys")),
            ("iowait", of("iowait")),
            ("interrupt", of("irq") + of("soft")),
            ("steal", of("steal")),
            ("idle", of("idle")),
        ] {
            let name = match cpu {
                "all" => format!("system.cpu.utilization{{{mode}}}"),
                core => format!("system.cpu.core.utilization{{{core},{mode}}}"),
            };
            pairs.add("mpstat", &[&name], theirs, SHARE);
        }
    }
}

fn iostat(pairs: &mut Pairs<'_>, text: &str) {
    let statistics = statistics(text);
    let disks = statistics[0]["disk"].as_array().unwrap();
    // The one that this test writes to.
    let of = |place: usize, key| mean(statistics.iter().map(|s| &s["disk"][place]), key);
    let busiest = (0..disks.len()).max_by(|a, b| of(*a, "wkB/s").total_cmp(&of(*b, "wkB/s"))).unwrap();
    let disk = disks[busiest]["disk_device"].as_str().unwrap();
    let of = |key| of(busiest, key);
    if !can(of("wkB/s") > 5000.0 && of("rkB/s") > 5000.0, "what this test writes goes to no disk of this machine") {
        return;
    }
    let mut add = |metric: &str, labels: &str, theirs, far| {
        pairs.add("iostat", &[&format!("system.disk.{metric}{{{disk}{labels}}}")], theirs, far);
    };
    add("io", ",write", of("wkB/s") * 1024.0, BYTES);
    add("io", ",read", of("rkB/s") * 1024.0, BYTES);
    add("operations", ",write", of("w/s"), EVENTS);
    add("operations", ",read", of("r/s"), READS);
    add("utilization", "", of("util") / 100.0, SHARE);
    // Flushes and discards wait in the queue too, for iostat; for the kernel's count they do as well.
    add("queue", "", of("aqu-sz"), QUEUE);
    // A mean of all writes, not of all seconds.
    let (mut sum, mut times) = (0.0, 0.0);
    for second in &statistics {
        let second = &second["disk"][busiest];
        let writes = second["w/s"].as_f64().unwrap();
        (sum, times) = (sum + second["w_await"].as_f64().unwrap() * writes, times + writes);
    }
    add("operation_time", ",write", sum / times / 1000.0, LATENCY);
}

fn vmstat(pairs: &mut Pairs<'_>, text: &str) {
    let mut lines = text.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let names = lines.next().unwrap();
    // The first line is about the time since the start of the machine.
    let rows: Vec<_> = lines.skip(1).collect();
    assert!(rows.len() > 4, "{text}");
    let of = |column: &str| {
        let place = names.iter().position(|name| *name == column).unwrap();
        let sum: f64 = rows.iter().map(|row| row[place].parse::<f64>().unwrap()).sum();
        sum / f64::from(u32::try_from(rows.len()).unwrap())
    };
    let mode = |mode: &str| format!("system.cpu.utilization{{{mode}}}");
    pairs.add("vmstat", &[&mode("user"), &mode("nice")], of("us") / 100.0, ROUGH_SHARE);
    pairs.add("vmstat", &[&mode("system"), &mode("interrupt")], of("sy") / 100.0, ROUGH_SHARE);
    pairs.add("vmstat", &[&mode("idle")], of("id") / 100.0, ROUGH_SHARE);
    pairs.add("vmstat", &["system.cpu.context_switches"], of("cs"), BURSTS);
    pairs.add("vmstat", &["system.cpu.interrupts"], of("in"), BURSTS);
    // How much memory is free it says of the first second only (procps 4.0.2): sar is asked for that.
}

/// Amounts of memory: within one in a hundred of all there is, since others take and give it all the time.
fn memory(ours: &Numbers) -> (f64, f64) {
    let all: f64 = ours.iter().filter(|(name, _)| name.starts_with("system.memory.usage")).map(|(_, n)| n).sum();
    (0.0, all * 0.01)
}

fn sar(pairs: &mut Pairs<'_>, text: &str) {
    let mut names = Vec::new();
    let mut found = Numbers::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("Average:")) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.last().is_some_and(|field| field.parse::<f64>().is_err()) {
            names = fields;
            continue;
        }
        for (name, field) in names.iter().zip(&fields) {
            // Of cards, the first column is their name.
            let name = if names[0] == "IFACE" { format!("{} {name}", fields[0]) } else { (*name).to_owned() };
            if let Ok(number) = field.parse() {
                found.insert(name, number);
            }
        }
    }
    let of = |name: &str| *found.get(name).unwrap_or_else(|| panic!("no {name} in {text}"));
    assert!(of("lo rxkB/s") > 5000.0, "this test sends more than that");
    let card = |metric: &str, direction: &str| format!("system.network.{metric}{{lo,{direction}}}");
    for (direction, way) in [("receive", "rx"), ("transmit", "tx")] {
        let (bytes, packets) = (of(&format!("lo {way}kB/s")) * 1024.0, of(&format!("lo {way}pck/s")));
        pairs.add("sar", &[&card("io", direction)], bytes, BYTES);
        pairs.add("sar", &[&card("packet.count", direction)], packets, EVENTS);
    }
    let tcp = |metric: &str| format!("system.network.tcp.{metric}");
    assert!(of("active/s") > 5.0, "this test opens more connections than that");
    pairs.add("sar", &[&tcp("opened{transmit}")], of("active/s"), EVENTS);
    pairs.add("sar", &[&tcp("opened{receive}")], of("passive/s"), EVENTS);
    pairs.add("sar", &[&tcp("segments")], of("oseg/s"), EVENTS);
    pairs.add("sar", &[&tcp("retransmits")], of("retrans/s"), RARE);
    pairs.add("sar", &[&tcp("resets{established}")], of("estres/s"), RARE);
    pairs.add("sar", &[&tcp("resets{failed}")], of("atmptf/s"), RARE);
    pairs.add("sar", &[&tcp("resets{sent}")], of("orsts/s"), RARE);
    for (name, column) in [
        ("system.memory.usage{free}", "kbmemfree"),
        ("system.memory.usage{buffers}", "kbbuffers"),
        ("system.memory.linux.available", "kbavail"),
        ("system.memory.linux.committed", "kbcommit"),
    ] {
        pairs.add("sar", &[name], of(column) * 1024.0, memory(pairs.ours));
    }
}

/// Of all processors for us, of one for pidstat.
fn pidstat(pairs: &mut Pairs<'_>, text: &str, burner: &str) {
    let line = text.lines().find(|line| line.starts_with("Average:") && line.contains(burner)).unwrap();
    let share: f64 = line.split_ascii_whitespace().nth(7).unwrap().parse().unwrap();
    let processors = std::fs::read_to_string("/proc/stat").unwrap().matches("\ncpu").count();
    let processors = f64::from(u32::try_from(processors).unwrap());
    pairs.add("pidstat", &[&format!("process.cpu.utilization{{{burner}}}")], share / 100.0 / processors, SHARE);
}
