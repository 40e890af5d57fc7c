//! Security modules of the kernel: what keeps programs in bounds even when they are taken over.

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::Host,
};

fact_table! {
    /// Security modules of the kernel, one row each: AppArmor, SELinux, lockdown and the others that are on.
    "security_modules" => SecurityModule {
        /// File it was read from.
        source: String,
        /// Its name, such as `apparmor`, `selinux`, `lockdown`, `yama` or `landlock`.
        name: String,
        /// Whether it is on.
        enabled: bool,
        /// `enforcing` or `permissive` for SELinux; `none`, `integrity` or `confidentiality` for lockdown.
        mode: Option<String>,
        /// AppArmor: how many profiles are enforced; null when not known.
        enforced: Option<i64>,
        /// AppArmor: how many profiles only complain; null when not known.
        complaining: Option<i64>,
        /// AppArmor: names of the profiles that only complain, by commas.
        complaining_names: String,
    }
    offline: false,
    examples: ["select name, mode, enforced from security_modules where enabled"],
}

fn row(source: &str, name: &str, enabled: bool) -> SecurityModule {
    SecurityModule {
        source: source.to_owned(),
        name: name.to_owned(),
        enabled,
        mode: None,
        enforced: None,
        complaining: None,
        complaining_names: String::new(),
    }
}

pub(super) fn read(host: &Host, facts: &mut Facts) {
    apparmor(host, facts);
    selinux(host, facts);
    lockdown(host, facts);
    const LIST: &str = "/sys/kernel/security/lsm";
    let list = host.read_text(LIST).unwrap_or_default();
    for name in list.trim().split(',').filter(|n| !n.is_empty()) {
        if !["apparmor", "selinux", "lockdown", "capability"].contains(&name) {
            facts.push(row(LIST, name, true));
        }
    }
}

fn apparmor(host: &Host, facts: &mut Facts) {
    const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
    const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";
    let on = host.read_text(ENABLED).is_ok_and(|text| text.trim() == "Y");
    let mut row = row(ENABLED, "apparmor", on);
    if on {
        match host.read_text(PROFILES) {
            Ok(text) => {
                let (enforced, complaining) = profiles(&text);
                PROFILES.clone_into(&mut row.source);
                row.enforced = Some(enforced);
                row.complaining = i64::try_from(complaining.len()).ok();
                row.complaining_names = complaining.join(", ");
            }
            Err(error) => {
                let gap = Gap::new("which programs AppArmor keeps in bounds", PROFILES, error.reason());
                facts.partial::<SecurityModule>(gap);
            }
        }
    }
    facts.push(row);
}

/// `/usr/sbin/chronyd (enforce)`: how many are enforced, and which are not.
fn profiles(text: &str) -> (i64, Vec<String>) {
    let mut enforced = 0_i64;
    let mut complaining = Vec::new();
    for line in text.lines() {
        let Some((name, mode)) = line.rsplit_once(" (") else { continue };
        match mode.trim_end_matches(')') {
            "enforce" | "kill" => enforced = enforced.saturating_add(1),
            "complain" => complaining.push(name.to_owned()),
            _ => {}
        }
    }
    (enforced, complaining)
}

fn selinux(host: &Host, facts: &mut Facts) {
    const ENFORCE: &str = "/sys/fs/selinux/enforce";
    let Ok(text) = host.read_text(ENFORCE) else { return facts.push(row(ENFORCE, "selinux", false)) };
    let mut row = row(ENFORCE, "selinux", true);
    row.mode = Some(if text.trim() == "1" { "enforcing" } else { "permissive" }.to_owned());
    facts.push(row);
}

/// `[none] integrity confidentiality`.
fn lockdown(host: &Host, facts: &mut Facts) {
    const FILE: &str = "/sys/kernel/security/lockdown";
    let Ok(text) = host.read_text(FILE) else { return };
    let mode = text.split('[').nth(1).and_then(|rest| rest.split(']').next()).unwrap_or("none").to_owned();
    let mut row = row(FILE, "lockdown", mode != "none");
    row.mode = Some(mode);
    facts.push(row);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn look(files: &[(&str, &str)]) -> Facts {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap();
        let mut facts = Facts::new();
        read(&host, &mut facts);
        facts
    }

    #[test]
    fn profiles_are_counted_by_what_they_do() {
        let facts = look(&[
            ("sys/module/apparmor/parameters/enabled", "Y\n"),
            (
                "sys/kernel/security/apparmor/profiles",
                "nvidia_modprobe (enforce)\n/usr/sbin/chronyd (enforce)\nvirt-aa-helper (x) (complain)\nfree (unconfined)\n",
            ),
            ("sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor"),
            ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
        ]);
        let rows = facts.rows("security_modules");
        assert_eq!((rows[0]["enforced"].as_i64(), rows[0]["complaining"].as_i64()), (Some(2), Some(1)));
        assert_eq!(rows[0]["complaining_names"], "virt-aa-helper (x)");
        let names: Vec<_> = rows.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["apparmor", "selinux", "lockdown", "landlock", "yama"]);
        assert_eq!(rows[2]["mode"], "integrity");
    }

    #[test]
    fn a_kernel_without_any_has_them_off() {
        let facts = look(&[]);
        assert!(facts.rows("security_modules").iter().all(|r| r["enabled"] == false));
    }
}
