//! The command itself, and the job: with the keys that are compiled in, of which no test has the secret.

use super::*;
use crate::support::{Said, program};

struct Here {
    dir: tempfile::TempDir,
}

impl Here {
    fn new(settings: &str) -> Self {
        let here = Here { dir: tempfile::tempdir().unwrap() };
        fs::write(here.dir.path().join("cleanbill.toml"), settings).unwrap();
        here
    }

    fn run(&self, args: &[&str]) -> Said {
        let mut command = program();
        command.args(args).env("CLEANBILL_CONFIG", self.dir.path().join("cleanbill.toml"));
        command.env("CLEANBILL_DB", self.dir.path().join("history.duckdb")).env_remove("https_proxy");
        command.output().unwrap().into()
    }
}

#[test]
fn a_stranger_with_a_server_gets_nowhere() {
    let server = Server::start();
    let (says, bytes) = good("9.9.9", &script("9.9.9", "exit 0"));
    publish(&server, &says, &bytes);
    let here = Here::new(&format!(
        "[update]\nurl = \"{}\"\nca_file = \"{}\"\n",
        server.url,
        server.authority.file().display()
    ));
    for args in [
        &["self-update", "--check"][..],
        &["self-update", "--check", "--format", "json"],
        &["self-update", "--check", "--to", "9.9.9"],
    ] {
        let said = here.run(args);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
        assert!(said.err.starts_with("What the server says about its releases was not signed by us"), "{}", said.err);
    }
    let file = here.dir.path().join(name("9.9.9", &host_target()));
    fs::write(&file, signed(OURS, &name("9.9.9", &host_target()), &archive("9.9.9", &host_target(), b"x"))).unwrap();
    let said = here.run(&["self-update", "--from", file.to_str().unwrap()]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("was not signed by us under this name"), "{}", said.err);
}

/// The platform of the program that is tried.
fn host_target() -> String {
    cleanbill::update::TARGET.to_owned()
}

#[test]
fn what_makes_no_sense_is_told() {
    let here = Here::new("");
    let none = here.run(&["self-update"]);
    assert_eq!(none.code, 2, "{}", none.err);
    assert!(none.err.contains("No server of releases is named in the settings"), "{}", none.err);
    let said = here.run(&["self-update", "--rollback"]);
    assert!(said.code == 2 && said.err.contains("No former cleanbill is kept"), "{}", said.err);
    assert_eq!(here.run(&["self-update", "--check", "--from", "x"]).code, 2);
    assert_eq!(here.run(&["self-update", "--to", "newest"]).code, 2);
    assert_eq!(here.run(&["self-update", "--format", "json"]).code, 2);
    for (line, why) in [
        ("url = \"http://example.org\"", "`http://example.org` is no address of a server of releases"),
        ("windows = [\"never\"]", "`update.windows`"),
    ] {
        let said = Here::new(&format!("[update]\n{line}\n")).run(&["config", "check"]);
        assert_eq!(said.code, 2);
        assert!((said.out.clone() + &said.err).contains(why), "{}{}", said.out, said.err);
    }
}

#[test]
fn a_job_keeps_to_its_hours() {
    // An hour that is over and one that is not there yet, whatever time it is now.
    let hour = jiff::tz::TimeZone::system().to_datetime(jiff::Timestamp::now()).hour();
    let (from, until) = ((hour + 3) % 24, (hour + 4) % 24);
    let settings = |windows: &str| {
        format!(
            "[update]\nurl = \"https://localhost:1\"\n{windows}\n[schedule.current]\nwhen = \"daily 4:00\"\ndo = \"update\"\n"
        )
    };
    let here = Here::new(&settings(&format!("windows = [\"daily {from:02}:00-{until:02}:00\"]")));
    let said = here.run(&["schedule", "run", "current"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = said.out + &said.err;
    assert!(told.contains("It is not the time for it: [update] windows says when."), "{told}");
    // Within them it asks the server, which is not there.
    let here = Here::new(&settings(""));
    let said = here.run(&["schedule", "run", "current"]);
    assert_ne!(said.code, 0);
    let told = said.out + &said.err;
    assert!(told.contains("The server localhost:1 could not be reached"), "{told}");
    let listed = here.run(&["schedule", "list"]);
    assert!(listed.out.contains("puts newer releases of cleanbill in its place"), "{}", listed.out);
}
