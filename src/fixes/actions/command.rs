//! A program that a fix runs, where no other action does.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::{Run, When},
    view::{Refusal, View},
};

/// Runs a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What it does, in plain words.
    pub what: String,
    /// Program, by name or path, and its arguments; no shell reads them.
    pub run: Vec<String>,
    /// What takes it back.
    #[serde(default)]
    pub undo: Vec<Vec<String>>,
    /// Whether it waits until the files of all fixes stand.
    #[serde(default)]
    pub late: bool,
    /// Longest time it may take, in seconds.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// What it leaves behind that cannot be taken back.
    #[serde(default)]
    pub stays: Option<String>,
    /// Whether nothing is done where the program is not there.
    #[serde(default)]
    pub if_there: bool,
    /// Whether nothing is done in a container, as it is about the kernel, which belongs to the machine around it.
    #[serde(default)]
    pub own_kernel: bool,
    /// The files that it writes anew, as patterns.
    #[serde(default)]
    pub touches: Vec<String>,
}

impl Act for Command {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if !view.is_live() || (self.own_kernel && crate::probes::machine::in_container(view.host())) {
            return Ok(());
        }
        let whole = |command: &[String]| -> Result<Vec<String>, Refusal> {
            let (name, rest) = command.split_first().ok_or_else(|| Refusal::new("a command has no name"))?;
            let path = if name.starts_with('/') {
                view.host().exists(name).then(|| name.clone())
            } else {
                super::program(view, &[name])
            };
            let path = path.ok_or_else(|| Refusal::new(format!("there is no program {name}")))?;
            Ok(std::iter::once(path).chain(rest.iter().cloned()).collect())
        };
        let command = match whole(&self.run) {
            Err(_) if self.if_there => return Ok(()),
            command => command?,
        };
        let undo: Result<Vec<_>, _> = self.undo.iter().map(|c| whole(c)).collect();
        let run = Run {
            what: self.what.clone(),
            command,
            undo: undo?,
            when: if self.late { When::Late } else { When::Now },
            seconds: self.seconds.unwrap_or(60),
            stays: self.stays.clone(),
            preview: None,
            touches: super::touched(view, &self.touches),
            accounts: false,
        };
        view.run(run);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::planned, *};
    use crate::fixes::change::Change;

    const FILES: &[(&str, &str)] = &[("usr/sbin/augenrules", "")];

    fn action() -> Command {
        let run = vec!["augenrules".to_owned(), "--load".to_owned()];
        let what = "the rules are loaded".to_owned();
        let (undo, seconds, stays) = (Vec::new(), None, None);
        Command { what, run, undo, late: true, seconds, stays, if_there: false, own_kernel: true, touches: Vec::new() }
    }

    #[test]
    fn the_kernel_around_a_container_is_left_alone() {
        let changes = planned(&action(), FILES, false);
        assert!(matches!(changes.as_slice(), [Change::Run(run)] if run.when.is_late()), "{changes:?}");
        assert_eq!(planned(&action(), FILES, true), []);
    }
}
