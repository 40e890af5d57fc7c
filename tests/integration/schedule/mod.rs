//! What happens by itself: a made-up machine, a mail server, a clock that tests set, and the real daemon.

mod alerts;
mod commands;
mod cut_off;
mod daemon;
mod init;
mod jobs;
mod queue;
mod times;
mod weeks;

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    sink::Sink,
    support::{Machine, Said, program},
    testing::can,
};

/// The library that makes programs believe in another time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// A machine with settings, and the time that its programs believe in.
pub struct Site {
    pub machine: Machine,
    pub zone: &'static str,
}

impl Site {
    /// With these settings; nothing where time cannot be made up.
    pub fn new(settings: &str) -> Option<Self> {
        can(PathBuf::from(FAKETIME).exists(), "libfaketime is not installed").then(|| {
            let site = Site { machine: Machine::debian(), zone: "UTC" };
            site.settings(settings);
            site.at("2026-01-01T12:00:00Z");
            site
        })
    }

    /// With mail to `owner@example.org` by this server, and more settings; ROOT stands for the folder of the machine.
    pub fn with_mail(sink: &Sink, more: &str) -> Option<Self> {
        let site = Site::new("")?;
        let port = sink.port;
        let more = more.replace("ROOT", &site.machine.root().display().to_string());
        site.settings(&format!(
            "[mail]\nto = [\"Owner <owner@example.org>\"]\nfrom = \"cleanbill@web01.example.org\"\nserver = \"127.0.0.1\"\n\
             port = {port}\nsecurity = \"none\"\ntimeout = \"3s\"\n{more}"
        ));
        Some(site)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.machine.beside().join(name)
    }

    pub fn settings(&self, text: &str) {
        fs::write(self.path("cleanbill.toml"), text).unwrap();
    }

    /// From now on it is this moment, until it is another one.
    pub fn at(&self, moment: &str) {
        let moment: Timestamp = moment.parse().unwrap();
        self.moment(moment);
    }

    pub fn moment(&self, moment: Timestamp) {
        // Written beside and renamed: a program that reads it in between would be in another century.
        fs::write(self.path("now.new"), moment.as_second().to_string()).unwrap();
        fs::rename(self.path("now.new"), self.path("now")).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command
            .args(args)
            .env("CLEANBILL_CONFIG", self.path("cleanbill.toml"))
            .env("CLEANBILL_DB", self.machine.db())
            .env("TZ", self.zone)
            .env("LD_PRELOAD", FAKETIME)
            .env("FAKETIME_TIMESTAMP_FILE", self.path("now"))
            .env("FAKETIME_FMT", "%s")
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Runs it, and it must go well.
    pub fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "{args:?}\n{}\n{}", said.out, said.err);
        said.out
    }

    /// The runs on record, oldest first.
    pub fn runs(&self, job: &str) -> Vec<serde_json::Value> {
        let said = self.run(&["schedule", "history", job, "--limit", "10000", "--format", "json"]);
        let mut runs = said.json().as_array().unwrap().clone();
        runs.reverse();
        runs
    }

    /// Mail that waits or went wrong.
    pub fn queue(&self, all: bool) -> Vec<serde_json::Value> {
        let mut args = vec!["email", "queue", "--limit", "10000", "--format", "json"];
        args.extend(all.then_some("--all"));
        self.run(&args).json().as_array().unwrap().clone()
    }

    pub fn daemon(&self) -> Daemon {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("daemon.log")).unwrap();
        let mut command = self.command(&["daemon"]);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Daemon { child }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is() {
            assert!(Instant::now() < end, "it is not so: {what}\n{}", self.log());
            // Asking often keeps those at work from the history.
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

/// The daemon, running.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Lets it look at the clock and the settings now.
    pub fn wake(&self) {
        self.signal("-HUP");
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) -> i32 {
        self.signal("-TERM");
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A field of JSON as text.
pub fn text<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// A header of a mail that the sink kept.
pub fn header(mail: &serde_json::Value, name: &str) -> Option<String> {
    let headers = mail["message"]["headers"].as_array().unwrap();
    let found = headers.iter().find(|pair| pair[0].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))?;
    found[1].as_str().map(str::to_owned)
}
