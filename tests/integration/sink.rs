//! A strict mail server of others (aiosmtpd) on loopback, which keeps what it gets and can fail in many ways:
//! `tests/mail/sink.py`.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::testing::can;

/// The mail server, running.
pub struct Sink {
    child: Child,
    /// The port it listens on.
    pub port: u16,
    dir: tempfile::TempDir,
}

impl Sink {
    /// Without encryption or login; nothing where Python is missing.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// With more options.
    pub fn with(options: &[&str]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
        let setup = Command::new(folder.join("setup.sh")).output();
        let setup = setup.ok().filter(|o| o.status.success());
        if !can(setup.is_some(), "Python or aiosmtpd is missing") {
            return None;
        }
        let python = String::from_utf8(setup?.stdout).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(python.trim())
            .arg(folder.join("sink.py"))
            .arg("--maildir")
            .arg(dir.path().join("mail"))
            .args(options)
            .arg("--fail-mode")
            .arg(format!("@{}", dir.path().join("mode").display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let port = ready.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("{ready}")).parse().unwrap();
        Some(Sink { child, port, dir })
    }

    /// How it behaves from now on.
    pub fn mode(&self, mode: &str) {
        std::fs::write(self.dir.path().join("mode"), mode).unwrap();
    }

    /// What it got, oldest first: what Python's strict parser makes of it.
    pub fn mails(&self) -> Vec<Value> {
        let read = |path: PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        self.files("json").into_iter().map(read).collect()
    }

    /// The mails as they came.
    pub fn files(&self, ending: &str) -> Vec<PathBuf> {
        let number = |path: &PathBuf| path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse::<u32>().ok());
        let entries = std::fs::read_dir(self.dir.path().join("mail")).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == ending)).collect();
        files.sort_by_key(number);
        files
    }

    /// How many mails it got.
    pub fn count(&self) -> usize {
        self.files("json").len()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
