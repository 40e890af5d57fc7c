//! Running the program on made-up machines.

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A machine made of files, and a store beside it.
pub struct Machine {
    dir: tempfile::TempDir,
}

/// What the program said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON: {e}\n{}\n{}", self.out, self.err))
    }
}

impl Machine {
    /// A small Debian: who it is, its people, nothing else.
    pub fn debian() -> Self {
        let machine = Machine { dir: tempfile::tempdir().unwrap() };
        machine.file(
            "etc/os-release",
            "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
        );
        machine.file("etc/hostname", "web01\n");
        machine.file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        machine.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
        machine.file("etc/group", "root:x:0:\n");
        machine.file("etc/shadow", "root:*:19000:0:99999:7:::\n");
        machine.mode("etc/shadow", 0o640);
        machine.file("usr/lib/os-release", "ID=debian\n");
        machine.file("root/.profile", "");
        machine
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root-tree")
    }

    pub fn db(&self) -> PathBuf {
        self.dir.path().join("store/history.duckdb")
    }

    pub fn beside(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn mode(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.root().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs `cleanbill` with `--db` and, for commands that know it, `--root`.
    pub fn run(&self, args: &[&str]) -> Said {
        let mut command = program();
        command.args(args).arg("--db").arg(self.db());
        if matches!(args.first(), Some(&("audit" | "query"))) && !args.contains(&"--audit") {
            command.arg("--root").arg(self.root());
        }
        command.output().unwrap().into()
    }

    /// The program with `--root` and `--db`, and nobody to ask.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.args(args).arg("--root").arg(self.root()).arg("--db").arg(self.db()).stdin(Stdio::null());
        command
    }

    /// Runs that.
    pub fn on(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }
}

/// All that lies in a tree: rights, owner and content; of what is no folder when it was written too, where `times` is given.
pub fn snapshot(root: &Path, times: bool) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            let content = if data.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else {
                let time = if times { format!("{}.{} ", data.mtime(), data.mtime_nsec()) } else { String::new() };
                let link = || std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                let bytes = if data.is_symlink() { link() } else { std::fs::read(&path).unwrap() };
                time + &String::from_utf8_lossy(&bytes)
            };
            let about = format!("{:o} {}:{} {content}", data.mode(), data.uid(), data.gid());
            found.insert(path.strip_prefix(root).unwrap().display().to_string(), about);
        }
    }
    found
}

/// The program with a clean environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cleanbill"));
    command.env_remove("CLEANBILL_DB").env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
    command
}

/// Runs the program as it is.
pub fn cleanbill(args: &[&str]) -> Said {
    program().args(args).output().unwrap().into()
}
