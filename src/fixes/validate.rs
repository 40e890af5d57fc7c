//! Asks the program that owns a file whether it can live with it, before anything takes effect.

use super::{
    change::FileChange,
    run::run,
    tree::{Content, State},
};

/// What a program says of the files it owns.
struct Owner {
    /// Beginnings of paths.
    paths: &'static [&'static str],
    /// Program and arguments; `{}` stands for the file under a private name, as it is asked before it takes effect.
    command: &'static [&'static str],
}

/// Those whose files take effect as soon as they stand are asked about a copy; the others, which read them when they are
/// told to, about the whole as it stands. The audit has no program that looks at rules without loading them.
const OWNERS: &[Owner] = &[
    Owner { paths: &["/etc/sudoers", "/etc/sudoers.d/"], command: &["/usr/sbin/visudo", "-c", "-q", "-f", "{}"] },
    Owner { paths: &["/etc/fstab"], command: &["/usr/bin/findmnt", "--verify", "--tab-file", "{}"] },
    Owner { paths: &["/etc/nftables.conf"], command: &["/usr/sbin/nft", "-c", "-f", "{}"] },
    Owner { paths: &["/etc/docker/daemon.json"], command: &["/usr/bin/dockerd", "--validate", "--config-file", "{}"] },
    Owner { paths: &["/etc/default/"], command: &["/bin/sh", "-n", "{}"] },
    Owner { paths: &["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/"], command: &["/usr/sbin/sshd", "-t"] },
    Owner { paths: &["/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/"], command: &["/usr/bin/ssh", "-G", "localhost"] },
    Owner { paths: &["/etc/nginx/"], command: &["/usr/sbin/nginx", "-t", "-q"] },
    Owner { paths: &["/etc/apache2/"], command: &["/usr/sbin/apache2ctl", "-t"] },
    Owner { paths: &["/etc/postfix/"], command: &["/usr/sbin/postfix", "check"] },
    Owner { paths: &["/etc/apt/"], command: &["/usr/bin/apt-config", "dump"] },
];

/// Units are verified one by one.
const UNITS: &str = "/etc/systemd/system/";
const VERIFY: &str = "/usr/bin/systemd-analyze";
/// Where units lie.
const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Where copies for such questions lie.
const COPIES: &str = "/run";
/// Seconds that a program may think.
const SECONDS: u64 = 60;

/// Fails where the program that owns a file would not take what it becomes. Asked before the file stands.
///
/// # Errors
/// What the program said.
pub fn before(change: &FileChange) -> Result<(), String> {
    let file = |state: &Option<State>| match state.as_ref().map(|s| &s.content) {
        Some(Content::File(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    let Some(new) = file(&change.after) else { return Ok(()) };
    for owner in owners(&change.path).filter(|o| o.command.contains(&"{}")) {
        let asked = |bytes: &[u8]| {
            let copy = Copy::new(bytes).map_err(|e| format!("no copy for its test could be written: {e}"))?;
            let part = |a: &&str| if *a == "{}" { copy.path.clone() } else { (*a).to_owned() };
            ask(&owner.command.iter().map(part).collect::<Vec<_>>(), &copy.path, &change.path)
        };
        let Err(why) = asked(&new) else { continue };
        // What it did not take before either is not the fault of the change.
        if file(&change.before).is_none_or(|old| asked(&old).is_ok()) {
            return Err(why);
        }
    }
    Ok(())
}

/// Removes copies that a run which was cut off left.
pub(super) fn sweep() {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(COPIES).into_iter().flatten().flatten() {
        let mine = entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == me);
        if mine && entry.file_name().as_encoded_bytes().starts_with(super::tree::TEMPORARY.as_bytes()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The same for programs that can only be asked about all their files where they stand, each once. Asked before they are
/// told to read them.
///
/// # Errors
/// What the program said.
pub fn after<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut asked: Vec<Vec<String>> = Vec::new();
    for path in paths {
        for command in of_whole(path) {
            if !asked.contains(&command) {
                ask(&command, "", path)?;
                asked.push(command);
            }
        }
    }
    Ok(())
}

/// The programs that are asked about a copy of a file, for which `{}` stands in their arguments.
pub(super) fn of_copy(path: &str) -> Vec<Vec<String>> {
    owners(path).filter(|o| o.command.contains(&"{}")).map(|o| whole(o.command)).collect()
}

/// The programs that are asked when a file stands.
pub(super) fn of_whole(path: &str) -> Vec<Vec<String>> {
    let mut commands: Vec<Vec<String>> =
        owners(path).filter(|o| !o.command.contains(&"{}")).map(|o| whole(o.command)).collect();
    // A unit that is gone is not asked about.
    let there = |unit: &String| FOLDERS.iter().any(|folder| std::path::Path::new(folder).join(unit).exists());
    commands.extend(unit(path).filter(there).map(|unit| whole(&[VERIFY, "verify", "--man=no", &unit])));
    commands
}

fn whole(command: &[&str]) -> Vec<String> {
    command.iter().map(|a| (*a).to_owned()).collect()
}

fn owners(path: &str) -> impl Iterator<Item = &'static Owner> {
    let fits = move |p: &&str| if p.ends_with('/') { path.starts_with(*p) } else { path == *p };
    OWNERS.iter().filter(move |o| o.paths.iter().any(&fits))
}

/// The unit that a file is, or belongs to.
fn unit(path: &str) -> Option<String> {
    let rest = path.strip_prefix(UNITS)?;
    let name = rest.split('/').next()?;
    let name = name.strip_suffix(".d").unwrap_or(name);
    let kinds = [".service", ".socket", ".timer", ".mount"];
    kinds.iter().any(|k| name.ends_with(k)).then(|| name.to_owned())
}

fn ask(command: &[String], copy: &str, path: &str) -> Result<(), String> {
    let program = command.first().map_or("", String::as_str);
    // A program that is not there does not read the file either.
    if !std::path::Path::new(program).exists() {
        return Ok(());
    }
    run(command, SECONDS).map(|_| ()).map_err(|error| {
        let told = error.to_string();
        if copy.is_empty() { told } else { told.replace(copy, path) }
    })
}

/// A copy that only we can read, gone with this value.
struct Copy {
    folder: std::path::PathBuf,
    path: String,
}

impl Copy {
    fn new(bytes: &[u8]) -> std::io::Result<Self> {
        use std::{
            io::Write as _,
            os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
        };
        let name = String::from_utf8_lossy(&super::tree::temporary_name()?).into_owned();
        let make = |base: std::path::PathBuf| {
            let folder = base.join(&name);
            std::fs::DirBuilder::new().mode(0o700).create(&folder).map(|()| folder)
        };
        let folder = make(COPIES.into()).or_else(|_| make(std::env::temp_dir()))?;
        let file = folder.join("candidate");
        let copy = Copy { path: file.to_string_lossy().into_owned(), folder };
        let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o440).open(&file)?;
        out.write_all(bytes)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixes::tree::State;

    #[test]
    fn each_file_has_its_owner() {
        let asked = |path: &str| owners(path).map(|o| o.command[0]).collect::<Vec<_>>();
        assert_eq!(asked("/etc/ssh/sshd_config.d/10-x.conf"), ["/usr/sbin/sshd"]);
        assert_eq!(asked("/etc/sudoers"), ["/usr/sbin/visudo"]);
        assert_eq!(asked("/etc/sudoers.d/ops"), ["/usr/sbin/visudo"]);
        assert!(asked("/etc/sudoers.dpkg-old").is_empty() && asked("/etc/motd").is_empty());
        assert_eq!(unit("/etc/systemd/system/x.service.d/10.conf").as_deref(), Some("x.service"));
        assert_eq!(unit("/etc/systemd/system/multi-user.target.wants/x"), None);
    }

    #[test]
    fn a_file_that_its_program_does_not_take_is_refused_before_it_stands() {
        let change = |text: &str| FileChange {
            path: "/etc/default/grub".to_owned(),
            before: None,
            after: Some(State::file(text, 0o644)),
        };
        assert_eq!(before(&change("A=1\n")), Ok(()));
        let told = before(&change("A='1\n")).unwrap_err();
        assert!(told.contains("/etc/default/grub") && !told.contains("candidate"), "{told}");
    }
}
