//! Which program may be started again and again by root: one that nobody else can change, and that stays where it is.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::words;

/// The file of this program.
pub(super) fn own() -> std::io::Result<PathBuf> {
    crate::schedule::here::program()
}

/// Whether a service may start it from there.
///
/// # Errors
/// Why not, as a sentence.
pub(super) fn fit(program: &Path) -> Result<(), String> {
    let shown = program.display();
    if ["/tmp", "/var/tmp", "/dev", "/run"].iter().any(|folder| program.starts_with(folder)) {
        return Err(format!("This program lies in {shown}, where files do not last."));
    }
    let built = |folder: &Path| folder.join("CACHEDIR.TAG").exists() || folder.join(".cargo-lock").exists();
    if program.ancestors().skip(1).any(built) {
        return Err(format!("This program lies in {shown}, a folder in which programs are built."));
    }
    let me = rustix::process::geteuid().as_raw();
    for path in program.ancestors() {
        let meta = fs::metadata(path).map_err(|e| format!("{} cannot be looked at: {e}.", path.display()))?;
        if let Some(why) = changeable(&meta, me) {
            let whole = if path == program { String::new() } else { format!(": {}", path.display()) };
            return Err(format!("This program lies in {shown}, and {why}{whole}."));
        }
    }
    Ok(())
}

/// How someone else could change it.
fn changeable(meta: &fs::Metadata, me: u32) -> Option<&'static str> {
    // Groups below 100 are the system's own, such as `staff`, to which Debian gave /usr/local.
    let by_group = meta.mode() & 0o020 != 0 && meta.gid() >= 100;
    if meta.uid() != 0 && meta.uid() != me {
        Some("it, or a folder above it, belongs to someone else")
    } else if meta.mode() & 0o002 != 0 || by_group {
        Some("others may change it, or a folder above it")
    } else {
        None
    }
}

/// What to do about it.
pub(super) fn hint(program: &Path) -> String {
    let from = words::shell(&program.to_string_lossy());
    let (to, sudo) = if rustix::process::geteuid().is_root() {
        ("/usr/local/bin/cleanbill", "sudo ")
    } else {
        ("~/.local/bin/cleanbill", "")
    };
    format!("Put it where it can stay: {sudo}install -D -m 755 {from} {to}     Then: {sudo}{to} schedule install")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_that_others_can_change_is_refused() {
        assert!(fit(Path::new("/bin/sh")).is_ok(), "{:?}", fit(Path::new("/bin/sh")));
        assert!(fit(Path::new("/tmp/cleanbill")).unwrap_err().contains("do not last"));
        // The tests themselves lie where they were built, or in /tmp.
        assert!(fit(&std::env::current_exe().unwrap()).is_err());
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let at = |mode: u32| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            fs::metadata(folder.path()).unwrap()
        };
        assert!(changeable(&at(0o755), me).is_none());
        assert!(changeable(&at(0o757), me).unwrap().contains("others may change"));
        assert!(changeable(&at(0o755), me + 1).is_none_or(|why| me != 0 && why.contains("someone else")));
    }
}
