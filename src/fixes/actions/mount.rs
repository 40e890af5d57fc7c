//! Mount options of a disk or folder: in the list of disks, and now.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    formats::{Edit, Format},
    view::{Refusal, View},
};

/// Gives a disk or folder other mount options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Where it is mounted.
    pub point: String,
    /// Options to add; one text may hold several with commas between.
    #[serde(default)]
    pub add: Vec<String>,
    /// Options to take away.
    #[serde(default)]
    pub remove: Vec<String>,
    /// The whole line for the list of disks where it has none.
    #[serde(default)]
    pub line: Option<String>,
}

pub(in crate::fixes) const FSTAB: &str = "/etc/fstab";

impl Act for Mount {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let words = |all: &[String]| -> Vec<String> {
            let words = all.iter().flat_map(|o| o.split(',')).map(str::trim).filter(|o| !o.is_empty());
            words.map(str::to_owned).collect()
        };
        let (add, remove) = (words(&self.add), words(&self.remove));
        let old = view.text(FSTAB)?.unwrap_or_default();
        let mut new = old.clone();
        if Format::Fstab.get(&old, None, &self.point).is_none() {
            match &self.line {
                Some(line) => new = super::appended(&new, line.trim_end()),
                None => return Err(Refusal::new(format!("{FSTAB} has no line for {}", self.point))),
            }
        }
        let options = add.iter().map(|o| (o, Some(""))).chain(remove.iter().map(|o| (o, None)));
        for (option, value) in options {
            let key = format!("{}:{option}", self.point);
            let edit = Edit { section: None, key: &key, value };
            new = Format::Fstab.edit(&new, &edit).map_err(|e| Refusal::new(format!("{FSTAB}: {e}")))?;
        }
        if new != old {
            view.write(FSTAB, &new, 0o644)?;
        }
        if let Some(now) = mounted(view, &self.point) {
            let missing = |o: &String| !now.iter().any(|n| n == o);
            let extra = |o: &String| now.iter().any(|n| n == o);
            if add.iter().any(missing) || remove.iter().any(extra) {
                let mount =
                    super::program(view, &["mount"]).ok_or_else(|| Refusal::new("there is no program mount"))?;
                let kept = now.iter().filter(|n| !remove.contains(n));
                let wanted: Vec<String> = kept.chain(add.iter().filter(|o| missing(o))).cloned().collect();
                let with = |options: &[String]| format!("remount,{}", options.join(","));
                let run = Run::new(
                    format!("{} is mounted with {}", self.point, add.join(", ")),
                    &[&mount, "-o", &with(&wanted), &self.point],
                );
                view.run(run.undone_by(&[&mount, "-o", &with(&now), &self.point]));
            }
        }
        Ok(())
    }
}

/// The options with which something is mounted there now.
fn mounted(view: &View<'_>, point: &str) -> Option<Vec<String>> {
    if !view.is_live() {
        return None;
    }
    let text = view.host().read_text("/proc/self/mounts").ok()?;
    let line = text.lines().rev().find(|l| l.split(' ').nth(1) == Some(point))?;
    // The kernel tells some that mount does not take back.
    let own =
        |o: &&str| matches!(*o, "rw" | "ro" | "nosuid" | "nodev" | "noexec" | "relatime" | "noatime" | "nosymfollow");
    let mut options: Vec<String> = line.split(' ').nth(3)?.split(',').filter(own).map(str::to_owned).collect();
    for (name, opposite) in [("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec")] {
        if !options.iter().any(|o| o == name) {
            options.push(opposite.to_owned());
        }
    }
    Some(options)
}
