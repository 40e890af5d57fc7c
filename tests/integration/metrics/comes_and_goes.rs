//! Disks, file systems, networks and clocks that change while they are measured.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cleanbill::facts::{Gap, Reason};

use super::{FAKETIME, at, collector, run, told};
use crate::testing::{can, is_root};

/// This program again, with one test that is run nowhere else; what it printed.
fn again(test: &str, through: &[&str], settings: &[(&str, &str)]) -> Result<String, String> {
    let program = std::env::current_exe().unwrap();
    let args = [program.to_str().unwrap(), "--exact", test, "--ignored", "--nocapture"];
    let all: Vec<&str> = through.iter().chain(&args).copied().collect();
    let output = Command::new(all[0]).args(&all[1..]).envs(settings.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // A test that was not found passes too.
    if output.status.success() && text.contains("1 passed") { Ok(text) } else { Err(text) }
}

/// Runs a test where nobody else sees what it mounts (`--mount`) or how it talks (`--net`).
pub fn apart(from: &str, test: &str) {
    if is_root() && can(run("unshare", &[from, "true"]).is_ok(), "there can be no namespace of its own") {
        let said = again(test, &["unshare", from], &[]);
        let said = said.unwrap_or_else(|said| panic!("{said}"));
        said.lines().filter(|line| line.contains("not all was tried")).for_each(|line| eprintln!("{line}"));
    }
}

/// What is mounted there, until it is dropped.
pub struct Mount(PathBuf);

impl Mount {
    pub fn new(place: &Path, args: &[&str]) -> Result<Self, String> {
        std::fs::create_dir_all(place).unwrap();
        run("mount", &[args, &[place.to_str().unwrap()]].concat())?;
        Ok(Mount(place.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = run("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

/// A loop device, until it is dropped.
pub struct Loop(pub String);

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = run("losetup", &["--detach", &self.0]);
    }
}

/// A program that is ended when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_system_in_memory_is_told_while_it_is_mounted() {
    apart("--mount", "metrics::comes_and_goes::with_a_file_system_in_memory");
}

#[test]
#[ignore = "a part of a_file_system_in_memory_is_told_while_it_is_mounted"]
fn with_a_file_system_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("comes and goes");
    let mut collector = collector(&["filesystem"]);
    let of = |metric: &str| format!("system.filesystem.{metric}{{cleanbill-test,{}", place.display());
    assert!(!at(&mut collector, 60).keys().any(|name| name.contains("cleanbill-test")));
    let mount = Mount::new(&place, &["-t", "tmpfs", "-o", "size=4m,nr_inodes=100", "cleanbill-test"]).unwrap();
    let told = at(&mut collector, 120);
    assert_eq!(told[&format!("{},free}}", of("usage"))], 4.0 * 1_048_576.0);
    assert_eq!(told[&format!("{}}}", of("utilization"))], 0.0);
    let before = told[&format!("{},used}}", of("inodes.usage"))];
    std::fs::write(place.join("file"), vec![7; 1 << 20]).unwrap();
    let told = at(&mut collector, 180);
    assert_eq!(told[&format!("{},used}}", of("usage"))], 1_048_576.0);
    assert_eq!(told[&format!("{},reserved}}", of("usage"))], 0.0);
    assert_eq!(told[&format!("{}}}", of("utilization"))], 0.25);
    assert_eq!(told[&format!("{},used}}", of("inodes.usage"))], before + 1.0);
    drop(mount);
    let told = at(&mut collector, 240);
    assert!(!told.keys().any(|name| name.contains("cleanbill-test")), "{told:?}");
    assert!(told.keys().any(|name| name.starts_with("system.filesystem.usage")), "the others stay");
}

#[test]
fn a_disk_that_is_plugged_in_and_out_is_told_while_it_is_there() {
    apart("--mount", "metrics::comes_and_goes::with_a_disk_made_up");
}

#[test]
#[ignore = "a part of a_disk_that_is_plugged_in_and_out_is_told_while_it_is_there"]
fn with_a_disk_made_up() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let image = dir.path().join("disk");
    std::fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
    let made = run("mkfs.ext4", &["-q", "-m", "5", image.to_str().unwrap()])
        .and_then(|_| run("losetup", &["--find", "--show", image.to_str().unwrap()]));
    if !can(made.is_ok(), &format!("a disk cannot be made up: {made:?}")) {
        return;
    }
    let device = Loop(made.unwrap());
    let name = device.0.trim_start_matches("/dev/").to_owned();
    let mut collector = collector(&["filesystem", "disk"]);
    let mount = Mount::new(&dir.path().join("m"), &[&device.0]).unwrap();
    at(&mut collector, 60);
    let mut file = std::fs::File::create(mount.0.join("file")).unwrap();
    file.write_all(&vec![7; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    let told = at(&mut collector, 120);
    // What was written in that minute, and what the file system notes about it.
    let written = told[&format!("system.disk.io{{{name},write}}")] * 60.0;
    assert!((4.0 * 1_048_576.0..6.0 * 1_048_576.0).contains(&written), "{written}");
    let of = |state: &str| told[&format!("system.filesystem.usage{{{},{},{state}}}", device.0, mount.0.display())];
    assert!(of("used") >= 4.0 * 1_048_576.0 && of("free") > 0.0 && of("reserved") > 0.0, "{told:?}");
    drop(file);
    drop(mount);
    drop(device);
    // The kernel takes it out when nobody uses it any more.
    for second in (180..3600).step_by(60) {
        if !at(&mut collector, second).keys().any(|told| told.contains(&name)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = at(&mut collector, 3600);
    assert!(!told.keys().any(|told| told.contains("system.filesystem") && told.contains(&name)), "{told:?}");
    let gaps: Vec<_> = collector.gaps().map(|(_, gap)| gap).filter(|gap| gap.what.contains(&name)).collect();
    assert!(gaps.is_empty(), "{gaps:?}");
}

/// Mounts a file system whose program never answers.
const DEAD: &str = "exec 3<>/dev/fuse && mount -i -t fuse.sshfs -o \
                    fd=3,rootmode=40000,user_id=0,group_id=0 cleanbill-dead \"$1\" && echo mounted && exec sleep 600";

#[test]
fn a_file_system_that_never_answers_delays_no_other() {
    apart("--mount", "metrics::comes_and_goes::with_a_file_system_that_never_answers");
}

#[test]
#[ignore = "a part of a_file_system_that_never_answers_delays_no_other"]
fn with_a_file_system_that_never_answers() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("dead");
    std::fs::create_dir(&place).unwrap();
    let program = Command::new("bash").args(["-c", DEAD, "bash"]).arg(&place).stdout(Stdio::piped()).spawn().unwrap();
    let mut program = Ended(program);
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _unmounted = Mount(place.clone());
    if !can(line.trim() == "mounted", "a file system without a program cannot be mounted") {
        return;
    }
    let mut collector = collector(&["filesystem", "uptime"]);
    for second in [60, 120] {
        collector.sample(Duration::from_secs(second));
        assert!(told(collector.wait(Duration::ZERO)).contains_key("system.uptime"), "what is quick waits for nobody");
        let told = told(collector.wait(Duration::from_secs(30)));
        assert!(told.keys().any(|name| name.starts_with("system.filesystem.utilization")), "{told:?}");
        assert!(!told.keys().any(|name| name.contains("cleanbill-dead")), "{told:?}");
        let gaps: Vec<&Gap> = collector.gaps().map(|(_, gap)| gap).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert!(gaps[0].what.contains(place.to_str().unwrap()), "{gaps:?}");
        assert_eq!(gaps[0].reason, Reason::TimedOut);
    }
    // Its program ends: now the kernel answers for it, and nothing hangs any more.
    drop(program);
    let told = (180..3600).step_by(60).find_map(|second| {
        std::thread::sleep(Duration::from_millis(20));
        at(&mut collector, second);
        let gap = collector.gaps().next().map(|(_, gap)| gap.reason.clone());
        (gap != Some(Reason::TimedOut)).then_some(gap)
    });
    assert!(matches!(told, Some(Some(Reason::Broken(_)) | None)), "{told:?}");
}

#[test]
fn a_network_card_that_comes_and_goes_is_told_while_it_is_there() {
    apart("--net", "metrics::comes_and_goes::in_a_network_of_its_own");
}

#[test]
#[ignore = "a part of a_network_card_that_comes_and_goes_is_told_while_it_is_there"]
fn in_a_network_of_its_own() {
    let mut collector = collector(&["network", "tcp"]);
    let ip = |args: &str| run("ip", &args.split(' ').collect::<Vec<_>>()).unwrap();
    let mut second = 10;
    let mut next = || {
        second += 10;
        at(&mut collector, second)
    };
    assert!(!next().keys().any(|name| name.contains("cb0")));
    for round in 0..2 {
        ip("link add cb0 type veth peer name cb1");
        ip("addr add 10.99.0.1/24 dev cb0");
        ip("link set cb0 up");
        ip("link set cb1 up");
        ip("neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev cb0");
        let socket = UdpSocket::bind("10.99.0.1:0").unwrap();
        // A card takes a moment until it is ready; what is sent before that is lost.
        let carried = || {
            let cards = std::fs::read_to_string("/proc/net/dev").unwrap();
            let card = cards.lines().find_map(|line| line.trim().strip_prefix("cb0:")).unwrap().to_owned();
            card.split_ascii_whitespace().nth(9) != Some("0")
        };
        let mut tries = 0;
        while !carried() {
            tries += 1;
            assert!(tries < 1000, "the card never carries anything");
            socket.send_to(&[7; 1000], "10.99.0.2:9").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        // It is seen for the first time, or counts anew: there is nothing to compare with.
        let told = next();
        assert!(!told.contains_key("system.network.io{cb0,transmit}"), "round {round}: {told:?}");
        for _ in 0..100 {
            socket.send_to(&[7; 1000], "10.99.0.2:9").unwrap();
        }
        let told = next();
        // Of each packet 1000 bytes, and 42 of its heads; a few of other protocols come along.
        let sent = told["system.network.io{cb0,transmit}"] * 10.0;
        assert!((104_200.0..115_000.0).contains(&sent), "round {round}: {sent}");
        assert_eq!(sent, told["system.network.io{cb1,receive}"] * 10.0);
        ip("link del cb0");
        assert!(!next().keys().any(|name| name.contains("cb0")));
    }
}

/// The file from which it takes that time.
const TIME: &str = "FAKETIME_TIMESTAMP_FILE";

#[test]
fn a_clock_that_is_set_is_told_by_how_much() {
    if !can(Path::new(FAKETIME).exists(), "libfaketime is not installed") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("time");
    std::fs::write(&file, "+0").unwrap();
    let settings = [
        ("LD_PRELOAD", FAKETIME),
        (TIME, file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let said = again("metrics::comes_and_goes::where_the_clock_is_set", &[], &settings);
    assert!(said.is_ok(), "{}", said.unwrap_err());
}

#[test]
#[ignore = "a part of a_clock_that_is_set_is_told_by_how_much"]
fn where_the_clock_is_set() {
    let file = std::env::var(TIME).unwrap();
    let mut collector = collector(&["uptime"]);
    let mut jump = |second, time: &str| {
        std::fs::write(&file, time).unwrap();
        at(&mut collector, second).get("system.clock.jump").copied()
    };
    assert_eq!(jump(1, "+0"), None);
    assert_eq!(jump(2, "+0.5"), None);
    let forward = jump(3, "+3600.5").unwrap();
    assert!((forward - 3600.0).abs() < 1.0, "{forward}");
    assert_eq!(jump(4, "+3600.5"), None);
    let back = jump(5, "-86400").unwrap();
    assert!((back + 90_000.5).abs() < 1.0, "{back}");
}
