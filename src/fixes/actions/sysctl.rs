//! A setting of the kernel: now, and whenever it starts.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    formats::{Edit, Format},
    view::{Refusal, View},
};

/// Sets a setting of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    /// Its name: `net.ipv4.ip_forward`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Where settings of ours stand: read after all others of its folder.
const FILE: &str = "/etc/sysctl.d/zz-cleanbill.conf";
/// Where `sysctl --system` looks last.
const LAST: &str = "/etc/sysctl.conf";

impl Act for Sysctl {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let good = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if self.key.is_empty() || self.key.contains("..") || !self.key.chars().all(good) {
            return Err(Refusal::new(format!("`{}` is no name of a setting of the kernel", self.key)));
        }
        let edit = |path: &str, view: &mut View<'_>| -> Result<(), Refusal> {
            let old = view.text(path)?.unwrap_or_default();
            let edit = Edit { section: None, key: &self.key, value: Some(&self.value) };
            let new = Format::Sysctl.edit(&old, &edit).map_err(|e| Refusal::new(format!("{path}: {e}")))?;
            if new == old { Ok(()) } else { view.write(path, &new, 0o644) }
        };
        edit(FILE, view)?;
        // It is read last there, so another value there would win.
        let last = view.text(LAST).ok().flatten();
        let last = last.and_then(|text| Format::Sysctl.get(&text, None, &self.key));
        if last.is_some_and(|value| value != self.value) {
            edit(LAST, view)?;
        }
        let proc = format!("/proc/sys/{}", self.key.replace('.', "/"));
        let now = if view.is_live() { view.host().read_text(&proc).ok() } else { None };
        let now = now.map(|n| n.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Some(now) = now.filter(|now| *now != self.value) {
            let sysctl = super::program(view, &["sysctl"]).ok_or_else(|| Refusal::new("there is no program sysctl"))?;
            let set = |value: &str| format!("{}={value}", self.key);
            let run =
                Run::new(format!("{} becomes {}", self.key, self.value), &[&sysctl, "-q", "-w", &set(&self.value)]);
            view.run(run.undone_by(&[&sysctl, "-q", "-w", &set(&now)]));
        }
        Ok(())
    }
}
