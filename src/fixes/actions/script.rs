//! A program of an administrator beside a check of `/etc/cleanbill/checks`, for what no other action can do. It lies in
//! the folder `ID.d` beside `ID.toml`, belongs to root, and is called with `apply`, then `check`, later perhaps `undo`.

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    view::{Refusal, View},
};

/// Runs a script that lies beside the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its name in the folder of the check.
    pub file: String,
    /// What it is given: `NAME` becomes `CLEANBILL_NAME` in its environment.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Longest time it may take, in seconds.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// What it leaves behind that `undo` cannot take back.
    #[serde(default)]
    pub stays: Option<String>,
}

impl Act for Script {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if !view.is_live() {
            return Err(Refusal::new("its script runs on the machine itself only, not on an image"));
        }
        let folder = view.folder().ok_or_else(|| {
            Refusal::new("only a check of /etc/cleanbill/checks with a folder of its own beside it may run a script")
        })?;
        let path = found(folder, &self.file)?;
        let env = super::program(view, &["env"]).ok_or_else(|| Refusal::new("there is no program env"))?;
        let command = |word: &str| -> Result<Vec<String>, Refusal> {
            let mut command = vec![env.clone()];
            for (name, value) in &self.inputs {
                command.push(input(name, value)?);
            }
            command.extend([path.clone(), word.to_owned()]);
            Ok(command)
        };
        let run = |what: String, command: Vec<String>, undo: Vec<Vec<String>>, stays: Option<String>| Run {
            command,
            undo,
            seconds: self.seconds.unwrap_or(120),
            stays,
            ..Run::new(what, &[])
        };
        let file = &self.file;
        view.run(run(
            format!("the script {file} does its work"),
            command("apply")?,
            vec![command("undo")?],
            self.stays.clone(),
        ));
        view.run(run(format!("the script {file} looks whether it worked"), command("check")?, Vec::new(), None));
        Ok(())
    }
}

/// The whole path of a script that nobody but root can have written.
fn found(folder: &Path, file: &str) -> Result<String, Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if file.is_empty() || file.starts_with(['.', '-']) || !file.chars().all(good) {
        return Err(Refusal::new(format!("`{file}` is no name of a script: letters, digits, dots and dashes only")));
    }
    let path = folder.join(file);
    if !folder.is_absolute() {
        return Err(Refusal::new(format!("{} is no whole path", folder.display())));
    }
    for part in path.ancestors() {
        let shown = part.display();
        let meta = part.symlink_metadata().map_err(|e| Refusal::new(format!("{shown} cannot be read: {e}")))?;
        if meta.is_symlink() {
            return Err(Refusal::new(format!("{shown} is a link, so what it leads to is not run")));
        }
        if meta.uid() != 0 {
            return Err(Refusal::new(format!("{shown} does not belong to root, so the script is not run")));
        }
        // In a folder with the sticky bit nobody can touch what is root's.
        if meta.mode() & 0o022 != 0 && !(meta.is_dir() && meta.mode() & 0o1000 != 0) {
            return Err(Refusal::new(format!("others may change {shown}, so the script is not run")));
        }
        if part == path && (!meta.is_file() || meta.permissions().mode() & 0o100 == 0) {
            return Err(Refusal::new(format!("{shown} is no program: run chmod u+x on it")));
        }
    }
    path.to_str().map(str::to_owned).ok_or_else(|| Refusal::new(format!("{} is no plain path", path.display())))
}

/// `CLEANBILL_NAME=value`.
fn input(name: &str, value: &str) -> Result<String, Refusal> {
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(good) {
        return Err(Refusal::new(format!("`{name}` is no name of an input: capitals, digits and _ only")));
    }
    if value.contains('\0') {
        return Err(Refusal::new(format!("the input {name} has a zero byte")));
    }
    Ok(format!("CLEANBILL_{name}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixes::{change::Change, run::run, tree::Tree},
        host::Host,
        testing::is_root,
    };

    fn script(folder: &Path, mode: u32) {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.join("x.sh");
        std::fs::write(&path, "#!/bin/sh\necho \"$1 $CLEANBILL_WHO $CLEANBILL_B $HOME $SECRET\"\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_could_have_written_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        script(&folder, 0o755);
        if !is_root() {
            assert!(found(&folder, "x.sh").unwrap_err().0.contains("belong to root"));
            return;
        }
        assert!(found(&folder, "x.sh").is_ok());
        for bad in ["../x.sh", "a/b", "", ".x", "-x", "x y"] {
            assert!(found(&folder, bad).is_err(), "{bad}");
        }
        script(&folder, 0o775);
        assert!(found(&folder, "x.sh").unwrap_err().0.contains("others may change"));
        script(&folder, 0o644);
        assert!(found(&folder, "x.sh").unwrap_err().0.contains("chmod u+x"));
        script(&folder, 0o755);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(found(&folder, "x.sh").is_err());
        script(&folder, 0o755);
        std::os::unix::fs::symlink("x.sh", folder.join("link")).unwrap();
        assert!(found(&folder, "link").unwrap_err().0.contains("is a link"));
        std::os::unix::fs::chown(folder.join("x.sh"), Some(4242), None).unwrap();
        assert!(found(&folder, "x.sh").unwrap_err().0.contains("belong to root"));
    }

    #[test]
    fn it_gets_its_inputs_and_nothing_else_and_no_shell_reads_them() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        script(&folder, 0o755);
        let (tree, host) = (Tree::open(Path::new("/")).unwrap(), Host::live().unwrap());
        let mut view = View::new(&tree, &host);
        let inputs = [("WHO".to_owned(), "a; $(id) `id`".to_owned()), ("B".to_owned(), "x=y".to_owned())];
        let mut action = Script { file: "x.sh".to_owned(), inputs: inputs.into(), seconds: None, stays: None };
        assert!(
            action.plan(&mut view).unwrap_err().0.contains("/etc/cleanbill/checks"),
            "not for a check without a folder"
        );
        view.beside(Some(&folder));
        action.plan(&mut view).unwrap();
        let changes = view.take();
        let [Change::Run(apply), Change::Run(check)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(run(&apply.command, 5).unwrap(), "apply a; $(id) `id` x=y /root \n");
        assert_eq!(run(&apply.undo[0], 5).unwrap(), "undo a; $(id) `id` x=y /root \n");
        assert_eq!(run(&check.command, 5).unwrap(), "check a; $(id) `id` x=y /root \n");
        action.inputs = [("LD_PRELOAD=x".to_owned(), String::new())].into();
        assert!(action.plan(&mut view).is_err());
    }
}
