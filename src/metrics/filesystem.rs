//! File systems: how full each is, and how many files it can still take. One that does not answer, such as a disk of
//! another machine, delays neither the others nor later samples; nothing is ever mounted or kept mounted for this.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel},
    thread::Builder,
    time::{Duration, Instant},
};

use rustix::{fs::StatVfs, io::Errno};

use super::{
    Sample, Sampler, Values,
    declare::{Kind, metrics},
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
    probes::mounts::{
        Mounted, mask_device, mounted,
        space::{ANSWER_LIMIT, ask, may_hang, real},
    },
    words,
};

metrics! {
    /// Room of a file system: what is in use, what is left, and what is kept back for root (`reserved`); the parts add up
    /// to all that it has.
    USAGE = "system.filesystem.usage", "Disk space", "By", Kind::Gauge, Neither, 0,
        by ["system.device", "system.filesystem.mountpoint", "system.filesystem.state"];
    /// Share in use of what normal users may fill, as `df` counts it.
    UTILIZATION = "system.filesystem.utilization", "Disk space in use", "1", Kind::Gauge, Less, 4,
        by ["system.device", "system.filesystem.mountpoint"];
    /// Files that a file system holds, and how many it can still take.
    INODES = "system.filesystem.inodes.usage", "Files", "{inode}", Kind::Gauge, Neither, 0,
        by ["system.device", "system.filesystem.mountpoint", "system.filesystem.state"];
    /// Share of the files that a file system can hold at most.
    INODE_UTILIZATION = "system.filesystem.inodes.utilization", "Files of all it can hold", "1", Kind::Gauge, Less, 4,
        by ["system.device", "system.filesystem.mountpoint"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "filesystem",
    about: "how full file systems are",
    metrics: METRICS,
    every: Duration::from_secs(60),
    waits: true,
    start: |with| Ok(Box::new(Filesystem::new(&with.host))),
};

/// The most file systems that are asked.
const MOST: usize = 300;

struct Filesystem {
    host: Host,
    /// Those that have been asked and did not answer yet.
    waiting: Vec<Waiting>,
}

/// Who waits for the answer of a file system on a thread of its own.
struct Waiting {
    number: String,
    path: String,
    answer: Receiver<rustix::io::Result<StatVfs>>,
}

impl Filesystem {
    fn new(host: &Host) -> Self {
        Filesystem { host: host.clone(), waiting: Vec::new() }
    }

    /// Asks one beside.
    fn ask(&self, mount: &Mounted) -> std::io::Result<Waiting> {
        // One that hangs and is mounted anew hangs once more, and each time a thread is left behind.
        if self.waiting.len() >= MOST {
            return Err(std::io::Error::other("too many file systems do not answer"));
        }
        let (send, answer) = channel();
        let (host, path) = (self.host.clone(), mount.path.clone());
        let body = move || {
            let _ = send.send(ask(&host, &path));
        };
        Builder::new().name("statvfs".to_owned()).stack_size(128 << 10).spawn(body)?;
        Ok(Waiting { number: mount.number.clone(), path: mount.path.clone(), answer })
    }
}

impl Waiting {
    fn is_for(&self, mount: &Mounted) -> bool {
        self.number == mount.number && self.path == mount.path
    }
}

impl Sample for Filesystem {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let mounts = mounted(&self.host)
            .map_err(|error| Gap::new("which file systems there are", self.host.mount_table(), error.reason()))?;
        let list: Vec<&Mounted> =
            real(&self.host, &mounts).into_iter().filter(|mount| is_wanted(mount, &mounts)).take(MOST).collect();
        // What comes this late says how it was then; it is asked anew.
        self.waiting.retain(|waiting| matches!(waiting.answer.try_recv(), Err(TryRecvError::Empty)));
        let hung = self.waiting.len();
        let mut gaps = Vec::new();
        for mount in &list {
            if !may_hang(mount, &mounts) {
                gaps.extend(tell(values, mount, ask(&self.host, &mount.path)));
            } else if !self.waiting.iter().any(|waiting| waiting.is_for(mount)) {
                match self.ask(mount) {
                    Ok(waiting) => self.waiting.push(waiting),
                    Err(error) => gaps.push(gap(&[&mount.path], Reason::Broken(error.to_string()))),
                }
            }
        }
        let end = Instant::now() + ANSWER_LIMIT;
        let mut place = 0;
        self.waiting.retain(|waiting| {
            place += 1;
            if place <= hung {
                return true;
            }
            match waiting.answer.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => {}
                Ok(answer) => {
                    let mount = list.iter().find(|mount| waiting.is_for(mount));
                    gaps.extend(mount.and_then(|mount| tell(values, mount, answer)));
                }
            }
            false
        });
        // Who unmounts one that hangs does not want to hear of it any more.
        let paths: Vec<&str> =
            list.iter().filter(|m| self.waiting.iter().any(|w| w.is_for(m))).map(|m| m.path.as_str()).collect();
        if !paths.is_empty() {
            return Err(gap(&paths, Reason::TimedOut));
        }
        gaps.into_iter().next().map_or(Ok(()), Err)
    }
}

fn gap(paths: &[&str], reason: Reason) -> Gap {
    let (source, verb) = (paths.first().copied().unwrap_or_default(), if paths.len() == 1 { "is" } else { "are" });
    let all: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    Gap::new(format!("how full {} {verb}", words::list(&all)), source, reason)
}

/// Whether how full it is can mean anything.
fn is_wanted(mount: &Mounted, mounts: &[Mounted]) -> bool {
    let within = |places: &[&str]| places.iter().any(|place| mount.path.starts_with(place));
    let of_container = || {
        within(&["/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/", "/run/containerd/", "/run/docker/"])
    };
    let kept = match mount.fstype.as_str() {
        // Images are full from the start.
        "squashfs" | "erofs" | "iso9660" | "cramfs" | "romfs" => false,
        // The room of a container is that of the disk beneath. Of the whole system it may be all that can be seen.
        "overlay" => mount.path == "/",
        // Small ones for one container or one service come and go, and nobody can fill what is read-only.
        _ if mount.category() == "memory" => !mount.has("ro") && !within(&["/sys/", "/proc/"]) && !of_container(),
        _ => true,
    };
    kept && !goes_away(mount, mounts)
}

/// Whether it was mounted because somebody went there, and is taken away when nobody does any more: to ask it would keep it.
fn goes_away(mount: &Mounted, mounts: &[Mounted]) -> bool {
    let waits = |m: &Mounted| m.flags.iter().any(|f| f.strip_prefix("timeout=").is_some_and(|after| after != "0"));
    let leads_to =
        |m: &Mounted| mount.path.strip_prefix(&m.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    mounts.iter().any(|m| m.fstype == "autofs" && waits(m) && leads_to(m))
}

/// Tells how full one is.
#[allow(clippy::cast_precision_loss)]
fn tell(values: &mut Values, mount: &Mounted, answer: rustix::io::Result<StatVfs>) -> Option<Gap> {
    let stat = match answer {
        Ok(stat) => stat,
        // It went away meanwhile, or is hidden beneath another.
        Err(Errno::NOENT | Errno::NOTDIR) => return None,
        Err(Errno::ACCESS | Errno::PERM) => return Some(gap(&[&mount.path], Reason::NeedsRoot)),
        Err(error) => return Some(gap(&[&mount.path], Reason::Broken(error.to_string()))),
    };
    let device = mask_device(&mount.device).0;
    let labels = [device.as_str(), mount.path.as_str()];
    let of = |state| [labels[0], labels[1], state];
    let (total, free, available) = (stat.f_blocks, stat.f_bfree.min(stat.f_blocks), stat.f_bavail.min(stat.f_bfree));
    if total > 0 {
        let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
        let used = total - free;
        for (state, blocks) in [("used", used), ("free", available), ("reserved", free.saturating_sub(available))] {
            values.gauge(&USAGE, &of(state), bytes(blocks));
        }
        values.gauge(&UTILIZATION, &labels, share(used, available));
    }
    let (inodes, left) = (stat.f_files, stat.f_ffree.min(stat.f_files));
    if inodes > 0 {
        values.gauge(&INODES, &of("used"), (inodes - left) as f64);
        values.gauge(&INODES, &of("free"), left as f64);
        values.gauge(&INODE_UTILIZATION, &labels, share(inodes - left, left));
    }
    None
}

/// How much is in use of what is in use and left.
#[allow(clippy::cast_precision_loss)]
fn share(used: u64, left: u64) -> f64 {
    let all = used.saturating_add(left);
    if all == 0 { 0.0 } else { used as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metrics::testing::{Tree, read, told};

    const TABLE: &str = "proc/self/mountinfo";

    fn of(path: &str, told: &BTreeMap<String, f64>) -> usize {
        told.keys().filter(|name| name.contains(&format!(",{path},")) || name.contains(&format!(",{path}}}"))).count()
    }

    #[test]
    fn each_real_file_system_is_told_once() {
        let tree = Tree::new(&[
            (
                TABLE,
                "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n26 25 8:1 /data /srv/bound rw - ext4 /dev/sda1 rw\n\
                 27 25 0:30 / /run rw - tmpfs tmpfs rw,size=1k\n28 25 0:31 / /proc rw - proc proc rw\n\
                 29 25 7:1 / /snap/x ro - squashfs /dev/loop1 ro\n30 25 0:32 / /run/credentials/x ro - tmpfs tmpfs rw\n\
                 31 25 0:33 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n\
                 32 25 0:34 / /mnt/nas rw - cifs //me:secret@nas/x rw\n33 25 8:9 / /gone rw - ext4 /dev/sdz rw\n",
            ),
            ("srv/bound/x", ""),
            ("run/credentials/x/x", ""),
            ("snap/x/x", ""),
            ("mnt/nas/x", ""),
            ("var/lib/docker/overlay2/x/merged/x", ""),
        ]);
        let told = read(&mut Filesystem::new(&tree.host()), &mut Values::default(), 1);
        assert!(of("/", &told) >= 4, "{told:?}");
        assert_eq!((of("/run", &told), of("/mnt/nas", &told)), (of("/", &told), of("/", &told)));
        let paths: std::collections::BTreeSet<&str> = told.keys().filter_map(|n| n.split([',', '}']).nth(1)).collect();
        assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["/", "/mnt/nas", "/run"]);
        assert!(!format!("{told:?}").contains("secret"));
        // As df has it.
        let part = |state: &str| told[&format!("system.filesystem.usage{{/dev/sda1,/,{state}}}")];
        let (used, free) = (part("used"), part("free"));
        let share = told["system.filesystem.utilization{/dev/sda1,/}"];
        assert!((share - used / (used + free)).abs() <= 0.00005, "{share} of {used} and {free}");
        assert!(part("reserved") >= 0.0);
    }

    #[test]
    fn what_an_automounter_takes_away_again_is_left_alone() {
        let table = |timeout: &str| {
            format!(
                "24 1 0:40 / /net rw - autofs map rw,fd=5,timeout={timeout},indirect\n25 24 0:41 / /net/home rw - nfs4 nas:/home rw\n\
                 26 1 0:42 / /network rw - tmpfs tmpfs rw\n"
            )
        };
        let tree = Tree::new(&[(TABLE, &table("300")), ("net/home/x", ""), ("network/x", "")]);
        let mut sampler = Filesystem::new(&tree.host());
        let mut values = Values::default();
        let told = read(&mut sampler, &mut values, 1);
        assert!(of("/net/home", &told) == 0 && of("/network", &told) > 0, "{told:?}");
        tree.write(TABLE, &table("0"));
        assert!(of("/net/home", &read(&mut sampler, &mut values, 61)) > 0);
    }

    #[test]
    fn one_that_hangs_is_skipped_and_told_until_it_answers() {
        let tree = Tree::new(&[
            (TABLE, "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n26 25 0:41 / /mnt/dead rw - nfs4 nas:/x rw\n"),
            ("mnt/dead/x", ""),
        ]);
        let mut sampler = Filesystem::new(&tree.host());
        let mut values = Values::default();
        let (answer, never) = channel();
        sampler.waiting.push(Waiting { number: "0:41".to_owned(), path: "/mnt/dead".to_owned(), answer: never });
        for second in [1, 61] {
            values.begin(Duration::from_secs(second));
            let said = sampler.sample(&mut values).unwrap_err();
            assert_eq!((said.what.as_str(), said.reason), ("how full /mnt/dead is", Reason::TimedOut));
            assert!(of("/", &told(&values)) > 0 && of("/mnt/dead", &told(&values)) == 0);
            assert_eq!(sampler.waiting.len(), 1, "it is not asked twice");
        }
        answer.send(Err(Errno::STALE)).unwrap();
        assert!(
            of("/mnt/dead", &read(&mut sampler, &mut values, 121)) > 0,
            "what came late is forgotten, it is asked anew"
        );
        assert!(sampler.waiting.is_empty());
    }

    #[test]
    fn a_file_system_that_says_nonsense_harms_nothing() {
        let mut values = Values::default();
        let mount = Mounted {
            number: "8:1".to_owned(),
            device: "x\u{1b}[31m".repeat(100),
            path: "/".to_owned(),
            fstype: "ext4".to_owned(),
            flags: Vec::new(),
            root: "/".to_owned(),
            disk_read_only: false,
        };
        let mut stat = ask(&Host::live().unwrap(), "/").unwrap();
        (stat.f_blocks, stat.f_bfree, stat.f_bavail) = (10, u64::MAX, u64::MAX);
        (stat.f_files, stat.f_ffree) = (u64::MAX, 1);
        assert_eq!(tell(&mut values, &mount, Ok(stat)), None);
        let told = told(&values);
        assert!(told.values().all(|v| v.is_finite() && *v >= 0.0), "{told:?}");
        assert_eq!(tell(&mut values, &mount, Err(Errno::NOENT)), None);
        assert_eq!(tell(&mut values, &mount, Err(Errno::STALE)).unwrap().source, "/");
    }
}
