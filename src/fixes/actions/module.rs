//! A module of the kernel: loaded whenever the machine starts, or kept out.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    view::{Refusal, View},
};

/// Loads a module of the kernel, or keeps it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Whether it is kept out; else it is loaded.
    #[serde(default)]
    pub blocked: bool,
}

const LOAD: &str = "/etc/modules-load.d/cleanbill.conf";
const BLOCK: &str = "/etc/modprobe.d/cleanbill.conf";

impl Act for Module {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || self.name.starts_with('-') || !self.name.chars().all(good) {
            return Err(Refusal::new(format!("`{}` is no name of a module", self.name)));
        }
        let (path, lines) = if self.blocked {
            // The first keeps programs from loading it by name, the second the kernel by what it does.
            (BLOCK, vec![format!("install {} /bin/false", self.name), format!("blacklist {}", self.name)])
        } else {
            (LOAD, vec![self.name.clone()])
        };
        let old = view.text(path)?.unwrap_or_default();
        let mut new = old.clone();
        for line in lines.iter().filter(|line| !old.lines().any(|l| l.trim() == line.as_str())) {
            new = super::appended(&new, line);
        }
        if new != old {
            view.write(path, &new, 0o644)?;
        }
        let loaded = view.host().read_text("/proc/modules").unwrap_or_default();
        let name = self.name.replace('-', "_");
        let loaded = loaded.lines().any(|l| l.split_whitespace().next() == Some(name.as_str()));
        // What is loaded in a container belongs to the machine around it.
        if view.is_live() && loaded == self.blocked && !crate::probes::machine::in_container(view.host()) {
            let modprobe = super::program(view, &["modprobe"]).ok_or_else(|| Refusal::new("there is no modprobe"))?;
            let (load, unload) = ([modprobe.as_str(), &self.name], [modprobe.as_str(), "-r", &self.name]);
            // Back before the file that keeps it out is gone.
            let again = [modprobe.as_str(), "-i", &self.name];
            let run = if self.blocked {
                Run::new(format!("the module {} is unloaded", self.name), &unload).undone_by(&again)
            } else {
                Run::new(format!("the module {} is loaded", self.name), &load).undone_by(&unload)
            };
            view.run(run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::planned, *};
    use crate::fixes::change::Change;

    const FILES: &[(&str, &str)] = &[("usr/sbin/modprobe", ""), ("proc/modules", "usb_storage 1 0 - Live 0x0\n")];

    fn action() -> Module {
        Module { name: "usb-storage".to_owned(), blocked: true }
    }

    #[test]
    fn what_is_loaded_around_a_container_is_left_alone() {
        let written = |c: &Change| matches!(c, Change::File(f) if f.path == BLOCK);
        let unloaded = |c: &Change| matches!(c, Change::Run(run) if run.command.contains(&"-r".to_owned()));
        let changes = planned(&action(), FILES, false);
        assert!(changes.iter().any(written) && changes.iter().any(unloaded), "{changes:?}");
        let changes = planned(&action(), FILES, true);
        assert!(changes.iter().any(written) && !changes.iter().any(unloaded), "{changes:?}");
    }
}
