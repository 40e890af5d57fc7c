//! Who put this program where it is. What a package manager put there, it updates: a file that changes behind its back is
//! damage to it, and goes back with the next upgrade.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::child::{Running, Waited};

/// Who looks after a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What it came from, to follow "it came from".
    pub what: String,
    /// The command that updates it.
    pub command: String,
}

/// What our own packages say of themselves, in one word.
const MARK: &str = "usr/share/cleanbill/installed-by";
/// How long a package manager may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// The package manager that looks after a program; none where people do.
pub fn owner(program: &Path, root: &Path) -> Option<Owner> {
    let owner = |what: &str, command: String| Some(Owner { what: what.to_owned(), command });
    let text = program.to_string_lossy();
    if text.starts_with("/nix/store/") || text.starts_with("/gnu/store/") {
        return owner(
            "the packages of Nix or Guix",
            "nix-env --upgrade cleanbill, or guix upgrade cleanbill".to_owned(),
        );
    }
    if text.starts_with("/snap/") {
        return owner("a snap", "sudo snap refresh cleanbill".to_owned());
    }
    if text.contains("/Cellar/") {
        return owner("Homebrew", "brew upgrade cleanbill".to_owned());
    }
    if program.starts_with(root.join("usr/bin")) {
        let mark = std::fs::read_to_string(root.join(MARK)).unwrap_or_default();
        let found = match mark.trim() {
            "deb" => owner("a Debian package", APT.to_owned()),
            "rpm" => owner("an RPM package", DNF.to_owned()),
            "image" => owner("a container image", "pull the newer image, and start a container from it".to_owned()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    // Cargo keeps a list beside the folder of what it installed.
    let list = program.parent().and_then(Path::parent).map(|folder| folder.join(".crates2.json"));
    if list.is_some_and(|list| std::fs::read_to_string(list).is_ok_and(|text| text.contains("\"cleanbill "))) {
        return owner("cargo", "cargo install cleanbill".to_owned());
    }
    let ask = [
        ("/usr/bin/dpkg-query", &["--search"][..], "a Debian package", APT),
        ("/usr/bin/rpm", &["--query", "--file"], "an RPM package", DNF),
        ("/usr/bin/pacman", &["--query", "--owns", "--quiet"], "a package of pacman", "sudo pacman -Syu cleanbill"),
        ("/sbin/apk", &["info", "--who-owns"], "a package of apk", "sudo apk upgrade cleanbill"),
    ];
    let owns = |(manager, args, ..): &&(&str, &[&str], &str, &str)| {
        Path::new(manager).exists() && says_yes(manager, args, program)
    };
    let (_, _, what, command) = ask.iter().find(owns)?;
    owner(what, (*command).to_owned())
}

const APT: &str = "sudo apt update && sudo apt install --only-upgrade cleanbill";
const DNF: &str = "sudo dnf upgrade cleanbill";

fn says_yes(manager: &str, args: &[&str], program: &Path) -> bool {
    let mut command = Command::new(manager);
    command.args(args).arg(program).stdin(Stdio::null());
    let Ok(mut running) = Running::start(command, 4096) else { return false };
    match running.wait(LIMIT, || false) {
        Ok(Waited::Ended(status)) => status.success(),
        _ => {
            running.end(Duration::from_secs(1));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_by_what_they_brought() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("usr/share/cleanbill")).unwrap();
        let program = at("usr/bin/cleanbill");
        assert_eq!(owner(&program, root.path()), None);
        for (word, command) in [("deb\n", "apt"), ("rpm", "dnf"), ("image\n", "image")] {
            std::fs::write(at(MARK), word).unwrap();
            assert!(owner(&program, root.path()).unwrap().command.contains(command), "{word}");
            // One that someone put elsewhere is not of that package.
            assert_eq!(owner(&at("usr/local/bin/cleanbill"), root.path()), None);
        }
    }

    #[test]
    fn package_managers_are_asked() {
        // A file of every Debian; the test says nothing elsewhere.
        let file = Path::new("/usr/bin/dpkg-query");
        if file.exists() {
            assert_eq!(owner(file, Path::new("/")).unwrap().what, "a Debian package");
        }
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".crates2.json"), r#"{"installs":{"cleanbill 0.1.0 (registry)":{}}}"#).unwrap();
        let program = home.path().join("bin/cleanbill");
        assert_eq!(owner(&program, Path::new("/")).unwrap().command, "cargo install cleanbill");
        assert!(owner(Path::new("/nix/store/abc-cleanbill/bin/cleanbill"), Path::new("/")).is_some());
    }
}
