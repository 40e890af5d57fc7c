//! A made machine with a history, in which the commands of the book do no harm: `cleanbill` is a script that points the
//! program at it, and nothing else can be called but what is named here.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cleanbill::{
    metrics::spool::{Frame, Writer},
    store::Store,
};
use jiff::Timestamp;

use crate::support::{Machine, Said, program};

/// Programs of others that commands of the book really use.
const USED: &[&str] = &[
    "sh", "cat", "cp", "cut", "dirname", "env", "grep", "head", "ls", "mkdir", "mktemp", "mv", "printf", "rm", "sed",
    "sort", "tail", "tr", "wc", "xargs",
];

/// Programs of others that are only named, and do nothing here.
const NAMED: &[&str] = &[
    "apt",
    "apt-get",
    "cargo",
    "chmod",
    "curl",
    "docker",
    "dnf",
    "duckdb",
    "gpg",
    "install",
    "journalctl",
    "jq",
    "make",
    "man",
    "mount",
    "openssl",
    "rpm",
    "rsync",
    "scp",
    "sha256sum",
    "ssh",
    "sudoedit",
    "systemctl",
    "tar",
    "umount",
    "xdg-open",
];

/// Places of the book that stand for places in the sandbox.
const PLACES: &[(&str, &str)] = &[
    ("/etc/cleanbill/cleanbill.toml", "cleanbill.toml"),
    ("/etc/cleanbill/mail-password", "mail-password"),
    ("/mnt/image", "tree"),
    ("/srv/histories", "histories"),
    ("/srv/reports", "reports"),
    ("/mnt/backup", "backup"),
    ("/var/lib/cleanbill", "store"),
];

const SETTINGS: &str = "\
[machine]
purpose = 'the web shop'

[mail]
to = ['owner@example.org']
from = 'cleanbill@example.org'
server = 'smtp.example.org'
user = 'web01'
password_file = '@DIR@/mail-password'

[schedule.look]
when = 'every day 2:30'
do = 'audit'
root = '@DIR@/tree'

[schedule.monday-mail]
when = 'every monday 7:00'
do = 'email'
root = '@DIR@/tree'
";

pub struct Sandbox {
    base: PathBuf,
    /// Where chapters work; made anew for each, always at the same place, which the history knows.
    pub dir: PathBuf,
    _temp: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let sandbox = Sandbox { base: temp.path().join("kept"), dir: temp.path().join("now"), _temp: temp };
        sandbox.furnish();
        fs::rename(&sandbox.dir, &sandbox.base).unwrap();
        sandbox
    }

    /// Without a machine and a history: enough to read commands.
    pub fn empty() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let sandbox = Sandbox { base: temp.path().join("kept"), dir: temp.path().join("now"), _temp: temp };
        for name in ["bin", "home", "work", "log"] {
            fs::create_dir_all(sandbox.dir.join(name)).unwrap();
        }
        sandbox.programs();
        sandbox
    }

    /// As it was at first.
    pub fn anew(&self) {
        let _ = fs::remove_dir_all(&self.dir);
        let status = Command::new("cp").arg("-a").arg(&self.base).arg(&self.dir).status().unwrap();
        assert!(status.success());
    }

    /// One that stays, for whoever writes a chapter.
    pub fn left_at(dir: &Path) {
        let temp = tempfile::tempdir().unwrap();
        Sandbox { base: temp.path().join("kept"), dir: dir.to_owned(), _temp: temp }.furnish();
    }

    fn furnish(&self) {
        for name in ["bin", "home", "work", "log", "histories", "reports", "backup", "store"] {
            fs::create_dir_all(self.dir.join(name)).unwrap();
        }
        let machine = shop();
        let copied = Command::new("cp").arg("-a").arg(machine.root()).arg(self.dir.join("tree")).status().unwrap();
        assert!(copied.success());
        fs::write(self.dir.join("tree/etc/machine-id"), self_id() + "\n").unwrap();
        let secret = |name: &str, text: &str| {
            let file = self.dir.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        };
        secret("mail-password", "sesame\n");
        secret("cleanbill.toml", &SETTINGS.replace("@DIR@", &self.dir.display().to_string()));
        self.programs();
        self.past();
    }

    fn programs(&self) {
        let bin = self.dir.join("bin");
        for name in USED {
            let found =
                std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|d| d.join(name)).find(|p| p.exists());
            symlink(found.unwrap_or_else(|| panic!("{name} is not here")), bin.join(name)).unwrap();
        }
        let script = |name: &str, text: &str| {
            let file = bin.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        };
        for name in NAMED {
            // What it is piped is read, so that nobody is told of a broken pipe.
            script(name, "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n");
        }
        let nothing = self.dir.join("nothing");
        fs::create_dir_all(&nothing).unwrap();
        for name in ["cp", "mkdir", "mv", "rm", "sed", "sh"] {
            fs::copy(bin.join("apt"), nothing.join(name)).unwrap();
        }
        script(
            "sudo",
            r#"#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done; exec "$@""#,
        );
        let text = include_str!("cleanbill.sh").replace("@PROGRAM@", env!("CARGO_BIN_EXE_cleanbill"));
        script("cleanbill", &text.replace("@DIR@", &self.dir.display().to_string()));
    }

    /// Looks, fixes and what was measured, so that there is something to tell.
    fn past(&self) {
        let run = |line: &str, code: i32| {
            let said = self.sh(line, false);
            assert_eq!(said.code, code, "{line}: {}", said.out);
        };
        for name in ["db01", "mail01", "web02"] {
            fs::write(self.dir.join("tree/etc/hostname"), format!("{name}\n")).unwrap();
            fs::write(self.dir.join("tree/etc/machine-id"), format!("{:0<32}\n", name.replace(|c| c > 'f', "")))
                .unwrap();
            run(&format!("cleanbill audit --db /srv/histories/{name}.duckdb"), 0);
        }
        fs::write(self.dir.join("tree/etc/hostname"), "web01\n").unwrap();
        fs::write(self.dir.join("tree/etc/machine-id"), self_id() + "\n").unwrap();
        self.measured();
        run("cleanbill audit", 0);
        run("cleanbill store backup", 0);
        run("cleanbill fix private-key-can-be-read --yes", 0);
        fs::write(self.dir.join("tree/etc/ssh/sshd_config.d/50-quick.conf"), "# quick\nPermitRootLogin yes\n").unwrap();
        run("cleanbill audit", 0);
        let _ = fs::remove_dir_all(self.dir.join("log"));
        fs::create_dir(self.dir.join("log")).unwrap();
    }

    /// Thirty days of a disk that fills, a memory that is steady, and a processor with its days.
    fn measured(&self) {
        let store = Store::at(self.dir.join("store/cleanbill.duckdb"));
        let disk = r#"{"system.device":"/dev/vda1","system.filesystem.mountpoint":"/var"}"#;
        let series = [
            ("system.filesystem.utilization", disk),
            ("system.memory.utilization", "{}"),
            ("system.cpu.load_average.5m", "{}"),
            ("system.disk.io", r#"{"disk.io.direction":"write","system.device":"vda"}"#),
            ("system.disk.io", r#"{"disk.io.direction":"read","system.device":"vda"}"#),
        ];
        let mut writer = Writer::new(&store.spool()).unwrap();
        let now = Timestamp::now().as_second();
        for step in (1..30 * 48_u32).rev() {
            let (mut host, mut named) = (None, Vec::new());
            if writer.is_fresh() {
                host = Some(self_id());
                named =
                    (0..).zip(series).map(|(n, (metric, labels))| (n, metric.to_owned(), labels.to_owned())).collect();
            }
            let days = f64::from(step) / 48.0;
            let wave = (std::f64::consts::TAU * days).sin();
            let chance = (f64::from(step) * 12.9898).sin() * 43_758.545_3;
            let noise = chance - chance.floor() - 0.5;
            let week = if days < 7.0 { 1.3 } else { 1.0 };
            let values = [
                0.80 - 0.006 * days + 0.002 * noise,
                0.48 + 0.02 * noise,
                (0.6 + 0.2 * wave + 0.1 * noise) * week,
                2e6 + 1e6 * wave + 5e5 * noise,
                9e5 + 3e5 * wave + 2e5 * noise,
            ];
            let at = (now - i64::from(step) * 1800) * 1_000_000;
            writer.add(&Frame { at, host, series: named, values: (0..).zip(values).collect() }).unwrap();
        }
        drop(writer);
        store.take_samples(&store.spool()).unwrap();
        fs::remove_dir_all(store.spool()).unwrap();
    }

    /// A line of the book as it is here.
    pub fn here(&self, text: &str) -> String {
        let dir = self.dir.display().to_string();
        PLACES.iter().fold(text.to_owned(), |text, (book, here)| text.replace(book, &format!("{dir}/{here}")))
    }

    /// A place that a command names and that is not in the sandbox.
    pub fn real<'a>(&self, text: &'a str) -> Option<&'a str> {
        let harmless = |word: &str| word == "/nowhere" || PLACES.iter().any(|(book, _)| word.starts_with(book));
        text.split_whitespace().find(|word| word.starts_with('/') && !harmless(word))
    }

    /// What was said here as it stands in the book.
    pub fn there(&self, text: &str) -> String {
        let dir = self.dir.display().to_string();
        let text =
            PLACES.iter().fold(text.to_owned(), |text, (book, here)| text.replace(&format!("{dir}/{here}"), book));
        text.replace(&format!("{dir}/work/"), "").replace(&format!("{dir}/work"), ".")
    }

    /// Runs commands of the book; `only_read` keeps what `cleanbill` is called with and calls nothing.
    pub fn sh(&self, text: &str, only_read: bool) -> Said {
        let mut command = Command::new("/bin/sh");
        let text = if only_read { harmless(text) } else { self.here(text) };
        command.arg("-c").arg(format!("exec 2>&1; set -eu\n{text}"));
        command.env_clear().stdin(Stdio::null()).current_dir(self.dir.join("work"));
        for name in ["LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let set =
            [("HOME", "home"), ("CLEANBILL_DB", "store/cleanbill.duckdb"), ("CLEANBILL_CONFIG", "cleanbill.toml")];
        command.envs(set.map(|(name, place)| (name, self.dir.join(place))));
        let bin = self.dir.join("bin").display().to_string();
        // What is only read calls nothing: the stand-ins come first.
        let path = if only_read { format!("{}:{bin}", self.dir.join("nothing").display()) } else { bin };
        command.env("PATH", path).env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env("COLUMNS", "80");
        command.env("NO_COLOR", "1").env("USER", "ann");
        if only_read {
            command.env("ONLY_READ", "1");
        }
        command.output().unwrap().into()
    }

    /// What `cleanbill` was called with since it was asked last, in any order.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let mut calls = Vec::new();
        for entry in fs::read_dir(self.dir.join("log")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            fs::remove_file(path).unwrap();
            let arguments: Vec<&str> = text.split('\0').collect();
            calls.push(arguments[..arguments.len() - 1].iter().map(|a| (*a).to_owned()).collect());
        }
        calls
    }
}

/// Commands that are only read write nowhere.
fn harmless(text: &str) -> String {
    let mut parts = text.split("> /");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.find(char::is_whitespace).map_or("", |end| &part[end..]);
        out += &format!("> /dev/null{rest}");
    }
    out
}

/// How the history names the machine that the tests run on: what is measured is told of no other.
fn self_id() -> String {
    let asked = ["query", "select coalesce(machine_id, hostname) as id from machine", "--format", "json"];
    let said: Said = program().args(asked).output().unwrap().into();
    said.json()[0]["id"].as_str().unwrap_or("unnamed").to_owned()
}

#[test]
fn what_stands_for_the_program_is_a_good_script() {
    crate::testing::shellchecked(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/book/cleanbill.sh"));
}

/// A web shop of which some things were forgotten.
fn shop() -> Machine {
    let machine = Machine::debian();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (from, to) in [("apt/bookworm/etc/apt", "etc"), ("apt/bookworm/var", ".")] {
        fs::create_dir_all(machine.root().join(to)).unwrap();
        let copied =
            Command::new("cp").arg("-a").arg(fixtures.join(from)).arg(machine.root().join(to)).status().unwrap();
        assert!(copied.success());
    }
    let hash = "$6$abcdefgh$0123456789";
    machine.file("etc/shadow", format!("root:{hash}:19000:0:99999:7:::\nann:{hash}:19000:0:99999:7:::\n"));
    machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann:/home/ann:/bin/bash\n");
    machine.file("etc/group", "root:x:0:\nann:x:1000:\nsudo:x:27:ann\n");
    machine.mode("etc/shadow", 0o644);
    machine.file("etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 022\n");
    machine.file("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n");
    machine.file("etc/ssh/sshd_config.d/50-quick.conf", "# quick\n");
    machine.file(
        "etc/ssl/private/shop.key",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
    );
    machine.mode("etc/ssl/private/shop.key", 0o644);
    machine.file("usr/sbin/nologin", "");
    machine.mode("usr/sbin/nologin", 0o755);
    machine.file("usr/sbin/sshd", "");
    machine.mode("usr/sbin/sshd", 0o755);
    machine.file(
        "lib/systemd/system/ssh.service",
        "[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n",
    );
    let wants = machine.root().join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    symlink("/lib/systemd/system/ssh.service", wants.join("ssh.service")).unwrap();
    machine
}
