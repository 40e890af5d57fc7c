//! A setting of the kernel: now, and whenever it starts.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    formats::{Edit, Format},
    view::{Refusal, View},
};
use crate::probes::machine;

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
pub(in crate::fixes) const FILE: &str = "/etc/sysctl.d/zz-cleanbill.conf";
/// Where `sysctl --system` looks last.
pub(in crate::fixes) const LAST: &str = "/etc/sysctl.conf";
/// What the kernel does not let anyone take back before the next start.
const LOCKS: &[(&str, &str)] = &[
    ("kernel.kexec_load_disabled", "1"),
    ("kernel.modules_disabled", "1"),
    ("kernel.unprivileged_bpf_disabled", "1"),
    ("kernel.yama.ptrace_scope", "3"),
];

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
        let path = crate::probes::sysctl::slashed(&self.key);
        // The rest of the kernel belongs to the machine around a container: there the file counts, once it is a machine.
        if !view.is_live() || (machine::in_container(view.host()) && !path.starts_with("net/")) {
            return Ok(());
        }
        let now = view.host().read_text(&format!("/proc/sys/{path}")).ok();
        let now = now.map(|n| n.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Some(now) = now.filter(|now| *now != self.value) {
            let sysctl = super::program(view, &["sysctl"]).ok_or_else(|| Refusal::new("there is no program sysctl"))?;
            let set = |value: &str| format!("{}={value}", self.key);
            let run =
                Run::new(format!("{} becomes {}", self.key, self.value), &[&sysctl, "-q", "-w", &set(&self.value)]);
            view.run(if LOCKS.contains(&(self.key.as_str(), self.value.as_str())) {
                let stays = format!("{} stays {} until the machine starts again", self.key, self.value);
                Run { stays: Some(stays), ..run }
            } else {
                run.undone_by(&[&sysctl, "-q", "-w", &set(&now)])
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::planned, *};
    use crate::fixes::change::Change;

    const FILES: &[(&str, &str)] = &[
        ("usr/sbin/sysctl", ""),
        ("proc/sys/kernel/unprivileged_bpf_disabled", "2\n"),
        ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("proc/sys/net/ipv4/conf/eth0.100/rp_filter", "0\n"),
    ];

    fn set(container: bool, key: &str, value: &str) -> Vec<Change> {
        planned(&Sysctl { key: key.to_owned(), value: value.to_owned() }, FILES, container)
    }

    fn runs(changes: &[Change]) -> Vec<Run> {
        changes.iter().filter_map(|c| if let Change::Run(run) = c { Some(run.clone()) } else { None }).collect()
    }

    #[test]
    fn a_container_keeps_the_file_for_what_it_cannot_set() {
        let changes = set(true, "kernel.unprivileged_bpf_disabled", "1");
        assert!(changes.iter().any(|c| matches!(c, Change::File(f) if f.path == FILE)), "{changes:?}");
        assert_eq!(runs(&changes), []);
        // Its network is its own.
        let run = runs(&set(true, "net.ipv4.ip_local_port_range", "32768 65535"));
        assert_eq!(run[0].undo[0].last().unwrap(), "net.ipv4.ip_local_port_range=32768 60999");
        assert_eq!(runs(&set(true, "net.ipv4.ip_local_port_range", "32768 60999")), [], "as it is already");
        assert_eq!(runs(&set(true, "net.ipv4.conf.eth0/100.rp_filter", "1")).len(), 1, "a card with a dot");
    }

    #[test]
    fn what_the_kernel_locks_is_said_and_not_tried() {
        let run = runs(&set(false, "kernel.unprivileged_bpf_disabled", "1"));
        assert!(run[0].undo.is_empty());
        let stays = "kernel.unprivileged_bpf_disabled stays 1 until the machine starts again";
        assert_eq!(run[0].stays.as_deref(), Some(stays));
        assert_eq!(runs(&set(false, "kernel.unprivileged_bpf_disabled", "0"))[0].stays, None);
    }
}
