//! `cleanbill self-update` against a server of releases on loopback: good releases and evil ones, whole updates and such as
//! are killed on the way.

mod cli;
mod evil;
mod good;
mod install;
mod kill;
mod release;
mod server;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cleanbill::{
    store::Store,
    update::{Found, Patience, Place, Source, Step, UpdateError, Updater, Wanted},
};
use release::{OURS, Says, X86, archive, keys, name, script, signature, signed};
use server::Server;

/// An installed cleanbill 0.1.0, and nothing else.
struct Installed {
    dir: tempfile::TempDir,
}

impl Installed {
    fn new() -> Self {
        let installed = Installed { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(installed.bin()).unwrap();
        for program in ["cleanbill", "cleanbill-daemon"] {
            let path = installed.bin().join(program);
            fs::write(&path, script("0.1.0", "exit 0")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        installed
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn updater(&self) -> Updater {
        Updater {
            keys: keys(&[OURS]),
            place: Place::of(&self.bin().join("cleanbill")),
            current: "0.1.0".parse().unwrap(),
            target: X86.to_owned(),
            store: Store::at(self.at("store/history.duckdb")),
            settings: self.at("cleanbill.toml"),
            now: "2026-12-01T00:00:00Z".parse().unwrap(),
        }
    }

    /// What a program says of itself.
    fn says(&self, program: &str) -> String {
        let output = Command::new(self.bin().join(program)).arg("--version").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The former one still runs, and nothing is left of what was tried.
    fn is_untouched(&self) {
        for program in ["cleanbill", "cleanbill-daemon"] {
            assert_eq!(self.says(program), "cleanbill 0.1.0");
        }
        assert_eq!(names(&self.bin()), ["cleanbill", "cleanbill-daemon"]);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Where releases come from.
fn source(server: &Server) -> Source {
    Source {
        url: server.url.clone(),
        proxy: None,
        ca_file: Some(server.authority.file()),
        patience: Patience::default(),
    }
}

fn newest() -> Wanted {
    Wanted::Newest("stable".to_owned())
}

/// Finds the newest release and puts it in its place, as the command does.
fn update(updater: &Updater, source: &Source) -> Result<(Found, Vec<Step>), UpdateError> {
    let mut steps = Vec::new();
    let found = updater.find(source, &newest())?;
    updater.fetch(source, &found, false, &mut |step| steps.push(step))?;
    Ok((found, steps))
}

/// Puts a release on the server: what it says, signed, and its archive.
fn publish(server: &Server, says: &Says, archive: &[u8]) {
    let text = says.text();
    for path in ["stable.json".to_owned(), format!("{}/manifest.json", says.version)] {
        server.gives(&format!("{path}.sig"), signature(OURS, text.as_bytes()));
        server.gives(&path, text.as_bytes());
    }
    server.gives(&format!("{}/{}", says.version, name(&says.version, &says.target)), archive);
}

/// A good release.
fn good(version: &str, program: &str) -> (Says, Vec<u8>) {
    let bytes = signed(OURS, &name(version, X86), &archive(version, X86, program.as_bytes()));
    (Says::of(version, &bytes), bytes)
}
