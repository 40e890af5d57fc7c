//! A throw-away host as a value.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A host that is taken down when the test ends, also when it fails.
pub struct Host {
    pub name: String,
}

pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts")
}

pub fn script(args: &[&str]) -> Output {
    let owner = std::process::id().to_string();
    let mut command = Command::new(scripts().join("host.sh"));
    command.args(args).env("CLEANBILL_HOST_OWNER", owner).output().expect("host.sh can be run")
}

pub fn checked(args: &[&str]) -> String {
    let output = script(args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "host.sh {args:?}: {err}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Host {
    /// A booted host that has the program, set up by a hook first.
    pub fn up(kind: &str, tree: &str, hook: Option<PathBuf>) -> Self {
        let host = Host::bare(kind, tree, hook);
        checked(&["push", &host.name, env!("CARGO_BIN_EXE_cleanbill"), "/usr/local/bin/cleanbill"]);
        checked(&["push", &host.name, env!("CARGO_BIN_EXE_cleanbill-daemon"), "/usr/local/bin/cleanbill-daemon"]);
        host
    }

    /// The same without the program, but with the library that it needs where DuckDB is not in it.
    pub fn bare(kind: &str, tree: &str, hook: Option<PathBuf>) -> Self {
        let host = Host::made("up", kind, tree, hook);
        if let Ok(dir) = std::env::var("DUCKDB_LIB_DIR") {
            checked(&["push", &host.name, &format!("{dir}/libduckdb.so"), "/usr/local/lib/libduckdb.so"]);
            checked(&["exec", &host.name, "/sbin/ldconfig"]);
        }
        host
    }

    /// The same, not running.
    pub fn tree(kind: &str, tree: &str, hook: Option<PathBuf>) -> Self {
        Host::made("tree", kind, tree, hook)
    }

    fn made(how: &str, kind: &str, tree: &str, hook: Option<PathBuf>) -> Self {
        let host = Host { name: format!("cb-{}-{kind}", std::process::id()) };
        let hook = hook.map(|hook| hook.to_str().unwrap().to_owned());
        let mut args = vec![how, &host.name, tree];
        args.extend(hook.as_deref());
        checked(&args);
        host
    }

    /// Its root, seen from here.
    pub fn root(&self) -> String {
        checked(&["root", &self.name]).trim().to_owned()
    }

    /// What a program in it says, and how it ended.
    pub fn run(&self, args: &[&str]) -> (i32, String) {
        let mut all = vec!["exec", &self.name];
        all.extend(args);
        let output = script(&all);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Whether another machine gets through to a door.
    pub fn reached(&self, port: u16) -> bool {
        let connect = format!("exec 3<>/dev/tcp/10.76.0.2/{port}");
        script(&["outside", &self.name, "/usr/bin/timeout", "5", "/bin/bash", "-c", &connect]).status.success()
    }

    /// What a program in it prints.
    pub fn exec(&self, args: &[&str]) -> String {
        let mut all = vec!["exec", &self.name];
        all.extend(args);
        let output = script(&all);
        assert_ne!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        script(&["down", &self.name]);
    }
}
